
=head1 CasusTest

What the TAP tests of casus share: a PostgreSQL::Test::Cluster node that finds
the harness' private install (through TEMP_CONFIG) and preloads casus.

	use CasusTest;
	my $node = CasusTest::start('main');                   # casus preloaded, CREATE EXTENSION done in postgres
	my $bare = CasusTest::start('bare', preload => 0);     # library not preloaded, no extension
	my $conf = CasusTest::start('x', conf => "casus.log_durability = relaxed\n");
	CasusTest::fixture($node, 'beesel');                   # test/fixtures/beesel.sql in database postgres
	my ($code, $message) = CasusTest::refusal($node, $sql, user => 'x');  # constraint name and message of the error

=cut

package CasusTest;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use File::Basename qw(dirname);
use IO::Socket::UNIX;
use IPC::Run;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

# As node->init, but what initdb makes is a copy of what it made for the harness.
sub init
{
	my ($node, %opt) = @_;
	my $run = \&PostgreSQL::Test::Utils::system_or_bail;

	no warnings 'redefine';    ## no critic (ProhibitNoWarnings)
	local *PostgreSQL::Test::Utils::system_or_bail = sub {
		return $run->($_[0] eq 'initdb' ? ('cp', '-a', '--reflink=auto', $ENV{CASUS_TEMPLATE}, $node->data_dir) : @_);
	} if !$opt{extra} && $ENV{CASUS_TEMPLATE} && getpwuid($<) eq 'postgres';
	$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ], %opt);
	return;
}

sub start
{
	my ($name, %opt) = @_;
	my $preload = $opt{preload} // 1;
	my $node = PostgreSQL::Test::Cluster->new($name);

	init($node, %{ $opt{init} // {} });
	$node->append_conf('postgresql.conf', slurp_file($ENV{CASUS_CONF}));
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n") unless $preload;
	$node->append_conf('postgresql.conf', $opt{conf}) if $opt{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION casus') if $preload && !$opt{no_extension};
	return $node;
}

# True as soon as the condition is, false where it has not come in time: on a machine that is busy
# with other things a second is nothing.
sub wait_until
{
	my ($condition) = @_;
	my $end = time + 2 * $PostgreSQL::Test::Utils::timeout_default;

	until ($condition->())
	{
		return 0 if time > $end;
		sleep 0.05;
	}
	return 1;
}

# A limit for a program that is spoken to; its clock runs while others have the processor.
sub patience { return IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default) }

# Kills a process of the server and calls $then, where there is one; nothing is returned where it has
# ended by itself.  The function that is returned waits until the server, which ends all sessions then,
# is back.  Before that a session may begin that is ended at once.
sub kill_process
{
	my ($node, $pid, $then) = @_;
	my $offset = -s $node->logfile;

	return unless $pid && kill 'KILL', $pid;
	$then->() if $then;
	# It may have been about to end by itself: then the server goes on, and says nothing of it.
	my $gone;
	my $died = sub { substr(slurp_file($node->logfile), $offset) =~ /\(PID $pid\) was terminated by signal 9/ };
	wait_until(sub { $gone //= time unless kill 0, $pid; return $died->() || $gone && time > $gone + 20 }) or die "process $pid does not end";
	return unless $died->();
	return sub { $node->wait_for_log(qr/reinitializing.*ready to accept (?:read-only )?connections/s, $offset); return 1 };
}

# After a kill of the postmaster its lock file counts as long as the process is not reaped, which not
# every init does at once.
sub start_again
{
	my ($node) = @_;

	wait_until(sub { !IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) }) or die 'the server listens still';
	unlink $node->data_dir . '/postmaster.pid';
	wait_until(sub { $node->start(fail_ok => 1) }) or die 'the server does not start';
	return;
}

# Where the day is about to end, in Amsterdam: until it has.  For what counts days or months.
sub within_a_day
{
	local $ENV{TZ} = 'Europe/Amsterdam';
	POSIX::tzset();
	sleep 1 while (localtime)[3] != (localtime(time + 180))[3];
	return;
}

# Runs a file of test/fixtures.
sub fixture
{
	my ($node, $name, $dbname) = @_;
	my $file = "$ENV{CASUS_SRC}/test/fixtures/$name.sql";

	$node->safe_psql($dbname // 'postgres', slurp_file($file));
	return;
}

# The constraint-name field and the primary message of the error that a
# statement gives; ('', '') when it gives none.
sub refusal
{
	my ($node, $sql, %opt) = @_;
	my ($out, $err);

	$node->psql(
		$opt{dbname} // 'postgres', $sql,
		stdout => \$out,
		stderr => \$err,
		extra_params => [ '-v', 'VERBOSITY=verbose', $opt{user} ? ('-U', $opt{user}) : () ]);
	my ($message) = $err =~ /(?:ERROR|FATAL):\s+(?:\w{5}:\s+)?(.*)/;
	my ($code) = $err =~ /CONSTRAINT NAME:\s+(\S+)/;
	return ($code // '', $message // '');
}

# The installed casusctl.
sub casusctl
{
	my $bindir = `@{[ $ENV{PG_CONFIG} // 'pg_config' ]} --bindir` =~ s/\s+$//r;
	return dirname($ENV{TEMP_CONFIG}) . "/inst$bindir/casusctl";
}

# ---- the access log, from its files ----

# Whoever reads the files needs no server, and is no code of casus: format and chain are
# what extension/logsegment.h says.

# The key file: node and secrets by id.
sub log_keys
{
	my ($node) = @_;
	my %secret;
	my ($title, $name, @keys) = split /\n/, slurp_file($node->data_dir . '.casus_log_key');

	for (@keys) { $secret{$1} = pack('H*', $2) if /^(\d+) ([0-9a-f]{64})$/ }
	return ($name =~ s/^node //r, \%secret);
}

sub log_directory
{
	my ($node) = @_;
	return $node->data_dir . '/casus_log/' . (log_keys($node))[0];
}

# Turns a bit of a file over; a second time, back.
sub change_byte
{
	my ($name, $at) = @_;
	open my $file, '+<:raw', $name or die $!;
	seek $file, $at, 0;
	read $file, my $byte, 1;
	seek $file, $at, 0;
	print $file chr(ord($byte) ^ 1);
	return close $file;
}

sub log_segments { my @files = sort(glob(log_directory($_[0]) . q{/*.log})); return @files }

# All records of this node's log, oldest first, as hashes; each with seq, segment, offset and
# whether its mac holds.  What is not whole is left out.  raw => 1: with the payload as it is, for long logs; bare => 1: without.
# after => a segment: only of those behind it.
sub log_records
{
	my ($node, %opt) = @_;
	my ($name, $secret) = log_keys($node);
	my @records;

	for my $file (grep { $_ gt ($opt{after} // '') } log_segments($node))
	{
		my $data = slurp_file($file);
		next if length($data) < 128 || substr($data, 0, 8) ne 'CASUSLOG';
		my $key = $secret->{ unpack('V', substr($data, 40, 4)) } // '';
		my $mac = substr($data, 96, 32);
		my $sound = hmac_sha256(substr($data, 0, 96), $key) eq $mac;
		for (my $at = 128; $at + 56 <= length($data);)
		{
			my ($length, $kind, undef, $seq) = unpack('VvvQ<', substr($data, $at, 24));
			last if $kind == 0 || $at + 56 + $length > length($data);
			my $payload = substr $data, $at + 24, $length;
			my $record = $opt{bare} ? {} : $opt{raw} ? { payload => $payload } : eval { decode_json($payload) } // {};
			my $holds = hmac_sha256($mac . substr($data, $at, 24 + $length), $key);
			$mac = substr($data, $at + 24 + $length, 32);
			push @records, { %$record, seq => $seq, segment => $file, offset => $at, size => 56 + $length, holds => $sound && $holds eq $mac };
			$at += 56 + $length;
		}
	}
	return @records;
}

# The same as lines of JSON, members in the order of their names.
sub log_text { return join '', map { JSON::PP->new->canonical->encode($_) . "\n" } log_records(@_) }

# Entries behind the last one, by who has the key, while the server is down.  The file, the number of
# the last one, and the place of each.
sub append_entries
{
	my ($node, @payloads) = @_;
	my $record = (log_records($node, raw => 1))[-1];
	my $bytes = slurp_file($record->{segment});
	my $at = $record->{offset} + $record->{size};
	my $key = (log_keys($node))[1]{ unpack 'x40V', $bytes };
	my $mac = substr $bytes, $at - 32, 32;
	my ($seq, @places) = ($record->{seq});

	open my $file, '+<:raw', $record->{segment} or die $!;
	seek $file, $at, 0;
	for my $payload (@payloads)
	{
		my $head = pack('VvvQ<q<', length $payload, 1, 1, ++$seq, time * 1_000_000) . $payload;
		$mac = hmac_sha256($mac . $head, $key);
		push @places, tell $file;
		print $file $head . $mac;
	}
	close $file or die $!;
	return ($record->{segment}, $seq, @places);
}

# An entry about a database; and such as the views cannot show, by what is wrong with them.
sub entry_of { my ($database, $application, $role) = @_; return qq({"ts":"2026-11-22T10:00:00Z","kind":"read","database":"$database","application":"$application","role":") . ($role // 'x') . '"}' }
sub odd_entries
{
	my ($database) = @_;
	my $with = sub { return qq({"ts":"2026-11-22T10:00:00Z","kind":"read","database":"$database",$_[0]}) };

	return (
		[ 'no such day', qq({"ts":"2026-02-31T10:00:00Z","kind":"read","database":"$database"}) ],
		[ 'a time that each session reads in its way', qq({"ts":"31/01/2026 10:00","kind":"read","database":"$database"}) ],
		[ 'no time', qq({"kind":"read","database":"$database"}) ],
		[ 'two times', $with->('"ts":"0044-03-15 BC"') ],
		[ 'no JSON', $with->('"application":no json') ],
		[ 'no object', qq("database":"$database") ],
		[ 'nothing', '' ],
		[ 'deep', $with->('"text":' . '[' x 20_000 . ']' x 20_000) ],
		[ 'another number', $with->('"seq":1') ],
		[ 'a number that is none', $with->('"pid":"x"') ],
		[ 'one too large', $with->('"leader":3000000000') ],
		[ 'one with a fraction', $with->('"query_id":1.0') ],
		[ 'one that nothing holds', $with->('"opening":1e400') ],
		[ 'dossiers that are none', $with->('"dossiers":{"1":2}') ],
		[ 'dossiers that are no pairs', $with->('"dossiers":[1]') ],
		[ 'a dossier that is none', $with->('"dossiers":[["a",1]]') ]);
}

# What is wrong with their numbers and macs; '' when nothing is.
sub log_damage
{
	my ($node, %opt) = @_;
	my @records = log_records($node, %opt);
	my @wrong = grep { $records[$_]{seq} != 1 + $_ || !$records[$_]{holds} } 0 .. $#records;
	return @wrong ? "record $wrong[0] of " . @records . " has number $records[ $wrong[0] ]{seq}" : '';
}

# The process that writes it, as its last start says.  After a restart that is on record a moment later
# than the first session begins.
sub log_writer
{
	my ($node) = @_;
	my $pid;

	wait_until(sub {
		my @started;

		for my $file (reverse log_segments($node))
		{
			last if @started = slurp_file($file) =~ /"pid":(\d+),"code":"log_started"/g;
		}
		$pid = $started[-1];
		return $pid && kill 0, $pid;
	}) or die 'the log has no writer';
	return $pid;
}

sub limit_writer
{
	my ($node, $limit) = @_;

	wait_until(sub { system('prlimit', '--pid', log_writer($node), "--fsize=$limit:unlimited") == 0 }) or die 'the log has no writer';
	return 0;
}

# Whether the log fails, as doctor says; waits until it is so.
sub log_fails
{
	my ($node, $fails) = @_;

	return $node->poll_query_until('postgres',
		q{SELECT count(*) FROM casus.doctor() WHERE code = 'log_failing'}, ($fails // 1) ? 1 : 0);
}

# Like a full disk, for the log alone; and room again.
sub fill_disk { return limit_writer($_[0], 0) }
sub free_disk { return limit_writer($_[0], 'unlimited') }

1;
