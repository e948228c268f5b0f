=head1 CasusWire

A client that speaks the protocol itself and sees each byte that a server sends as soon as it is there: psql
shows a row only when all have come.

	my $client = CasusWire::begin($node, 'coordinator');   # its session is ready
	$client->ask('SELECT 1');                              # sends it, and waits for nothing
	$client->received;                                     # types of the messages so far, as a string: 'TDCZ'
	$client->answer;                                       # the same, when the server is ready again
	$client->text;                                         # what was in them
	$client->pid;

=cut

package CasusWire;

use strict;
use warnings;

use CasusTest;
use IO::Socket::UNIX;

sub begin
{
	my ($node, $user) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) or die "no connection: $!";
	my $client = bless { socket => $socket, types => '', text => '', unread => '' };
	my $body = pack('N', 196_608) . "user\0$user\0database\0postgres\0\0";

	$socket->syswrite(pack('N', 4 + length $body) . $body);
	$socket->blocking(0);
	$client->answer;
	die "no session: $client->{text}" unless $client->{pid};
	return $client;
}

sub ask
{
	my ($client, $sql) = @_;

	@$client{ 'types', 'text' } = ('', '');
	$client->{socket}->blocking(1);
	$client->{socket}->syswrite('Q' . pack('N', 5 + length $sql) . "$sql\0");
	$client->{socket}->blocking(0);
	return;
}

sub received
{
	my ($client) = @_;

	while (my $n = $client->{socket}->sysread($client->{unread}, 65_536, length $client->{unread})) { }
	while ($client->{unread} =~ /^(.)(.{4})/s && length $client->{unread} > unpack 'N', $2)
	{
		my $length = 1 + unpack 'N', $2;
		$client->{pid} = unpack 'x5N', $client->{unread} if $1 eq 'K';
		$client->{types} .= $1;
		$client->{text} .= substr $client->{unread}, 5, $length - 5;
		substr($client->{unread}, 0, $length) = '';
	}
	return $client->{types};
}

sub answer
{
	my ($client) = @_;

	CasusTest::wait_until(sub { $client->received =~ /Z$/ }) or die "the server does not answer: $client->{types}";
	return $client->{types};
}

sub text { return $_[0]{text} }
sub pid { return $_[0]{pid} }

1;
