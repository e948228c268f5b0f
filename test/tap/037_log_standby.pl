# A hot standby that is read while its processes are killed, or the disk of its log is full: a row that a client received is on
# its record, no row leaves without, reading resumes by itself, its chain verifies, and its primary, which collects the log all
# the while, has each entry once.  C007 C008 C009 C010 [B-47]
use strict;
use warnings;

use File::Copy qw(copy);
use IPC::Run;
use List::Util qw(sum);
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $rounds = $ENV{TEST_LONG} ? 20 : 2;
my $clients = 2;
my $statements = 400;
my $conf = "casus.log_load_interval = 1\ncasus.log_segment_size = 64kB\nmax_worker_processes = 16\nrestart_after_crash = on\ncasus.log_timeout = 240\n";
my $primary = CasusTest::start('primary', conf => $conf, init => { allows_streaming => 1 });
$primary->safe_psql('postgres', qq{
	CREATE ROLE auditor LOGIN IN ROLE casus_auditor;
	CREATE ROLE ophaler LOGIN IN ROLE casus_collector;
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
	INSERT INTO zaak SELECT n, 8 FROM generate_series(1, $clients * $statements) n;
});
CasusTest::fixture($primary, $_) for 'coor', 'zaken';

$primary->backup('first');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'first', has_streaming => 1);
$standby->append_conf('postgresql.conf', "cluster_name = 'een'\n");
$standby->start;

sub audit { my ($node, $sql) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'auditor' ]) }
sub wait_until { return CasusTest::wait_until(@_) || die 'what was waited for has not come' }

# Its key, and where it is.
my $keys = $primary->data_dir . '.casus_log_key.d';
wait_until(sub { -e $standby->data_dir . '.casus_log_key' });
mkdir $keys, 0700;
copy($standby->data_dir . '.casus_log_key', "$keys/een") or die $!;
chmod 0600, "$keys/een";
$primary->safe_psql('postgres', q{ALTER SYSTEM SET casus.log_collect = 'host=} . $standby->host . ' port=' . $standby->port . q{ user=ophaler dbname=postgres'});
$primary->reload;
my $uuid = lc((CasusTest::log_keys($standby))[0]) =~ s/^(.{8})(.{4})(.{4})(.{4})(.{12})$/$1-$2-$3-$4-$5/r;

# All that the standby has on disk about this database, as the primary shows it.
sub same
{
	my ($what) = @_;
	my $to = (CasusTest::log_records($standby, raw => 1))[-1]{seq};
	my $there = join ' ', map { $_->{seq} } grep { $_->{payload} !~ /"database":"(?!postgres")/ && $_->{seq} <= $to } CasusTest::log_records($standby, raw => 1);
	my $here = '';
	CasusTest::wait_until(sub { ($here = audit($primary, "SELECT coalesce(string_agg(seq::text, ' ' ORDER BY seq), '') FROM casus.access_log WHERE node = '$uuid' AND seq <= $to")) eq $there });
	is($here, $there, "$what: the primary has each entry of the standby once");
	is(audit($primary, "SELECT ok, finding FROM casus.verify_log(node => '$uuid')"), 't|', '... and its copy verifies');
	return;
}
sub sound
{
	my ($what) = @_;
	is(CasusTest::log_damage($standby, raw => 1), '', "$what: no number is missing or given twice");
	is(audit($standby, 'SELECT ok, finding FROM casus.verify_log()'), 't|', '... and the log of the standby verifies there');
	return;
}

# ---- reads ----

sub script
{
	my ($client) = @_;
	my $file = $standby->basedir . "/client$client.sql";
	open my $out, '>', $file or die $!;
	print $out "BEGIN; SELECT FROM casus.enter('intake');\n";
	printf $out "SELECT 'got ' || casus.dossier_of(casus_label) FROM zaak WHERE id = %d;\n", $client * $statements + $_ for 1 .. $statements;
	print $out "COMMIT;\n";
	close $out or die $!;
	return $file;
}
my @scripts = map { script($_) } 0 .. $clients - 1;
my %received;
sub start_reader
{
	my ($name, $client, $out, $err) = @_;
	local $ENV{PGAPPNAME} = $name;
	return IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-U', 'coordinator', '-d', $standby->connstr('postgres'), '-f', $scripts[$client] ], '>', $out, '2>', $err, CasusTest::patience());
}
# The rows of one, read whole: what the client received, and what it was told.
sub read_all
{
	my ($name, $client) = @_;
	my ($out, $err) = ('', '');
	my $run = start_reader($name, $client, \$out, \$err);
	eval { $run->finish };
	push @{ $received{$name} }, my @got = $out =~ /^got (\d+)$/mg;
	return (scalar @got, $err);
}
sub reads_again { my ($name) = @_; wait_until(sub { return (read_all($name, 0))[0] == $statements }); return pass('... and reading resumes by itself') }

CasusTest::wait_until(sub { (read_all('first', 0))[0] == $statements }) or die 'the standby is not read';
same('at first');

# ---- kills ----

my %kill = (
	backend => sub { return CasusTest::kill_process($standby, $standby->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE usename = 'coordinator' ORDER BY random() LIMIT 1})) },
	writer => sub { return CasusTest::kill_process($standby, CasusTest::log_writer($standby)) },
	# Who gives the log to the primary.
	collected => sub { my $pid; wait_until(sub { $pid = $standby->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE usename = 'ophaler' LIMIT 1}) }); return CasusTest::kill_process($standby, $pid) },
	postmaster => sub { $standby->kill9; return sub { CasusTest::start_again($standby) } },
	immediate => sub { $standby->stop('immediate'); return sub { $standby->start } });
my %killed;
for my $cycle (1 .. $rounds * keys %kill)
{
	my $what = (sort keys %kill)[ $cycle % keys %kill ];
	my (@runs, @outs);
	for my $client (0 .. $clients - 1)
	{
		push @outs, '';
		push @runs, start_reader("c$cycle.$client", $client, \$outs[$client], '/dev/null');
	}
	my $some = 1 + int rand $clients * $statements * 0.7;
	wait_until(sub {
		$_->pump_nb for grep { $_->pumpable } @runs;
		return (() = join('', @outs) =~ /^got/mg) >= $some || !grep { $_->pumpable } @runs;
	});
	my $again = $kill{$what}->();
	$killed{$what}++ if $again;
	for my $client (0 .. $clients - 1)
	{
		eval { $runs[$client]->finish };
		push @{ $received{"c$cycle.$client"} }, $outs[$client] =~ /^got (\d+)$/mg;
	}
	$again->() if $again;
}
cmp_ok(scalar(keys %killed), '==', scalar(keys %kill), 'C007, C008, C009: on the standby reader, writer, who gives the log away, and postmaster were killed, and it was stopped at once');
reads_again('killed');
sound('after kills');
same('after kills');

# ---- the disk of its log is full ----

{
	my $out = '';
	my $run = start_reader('filling', 0, \$out, '/dev/null');
	$run->pump until $out =~ /got/;
	CasusTest::fill_disk($standby);
	eval { $run->finish };
	push @{ $received{filling} }, $out =~ /^got (\d+)$/mg;
}
my ($none, $why) = read_all('none', 0);
is($none, 0, 'C010: the disk of its log is full: no row leaves the standby');
like($why, qr/the access log cannot be written/, '... and the client is told why');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM casus.doctor() WHERE code = 'log_failing'}), '1', '... as doctor is');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM zaak}), '0', '... while the primary answers');
CasusTest::free_disk($standby);
reads_again('room');
sound('after a full disk');
same('after a full disk');

# ---- the server starts on a full disk ----

$standby->stop('immediate');
my ($segment) = reverse CasusTest::log_segments($standby);
chmod 0500, CasusTest::log_directory($standby);
chmod 0400, $segment;
$standby->start;
($none, $why) = read_all('started', 1);
is($none, 0, 'C010: it starts where nothing can be written: no row leaves');
like($why, qr/the access log cannot be written/, '... and the client is told why');
chmod 0600, $segment;
chmod 0700, CasusTest::log_directory($standby);
reads_again('mended');
sound('where it can be written again');
same('where it can be written again');

# ---- its newest segment is cut while it is written to, and put back from the copy on the primary ----

{
	my @records = CasusTest::log_records($standby, raw => 1);
	my ($cut, $last) = @records[ -3, -1 ];
	is($cut->{segment}, $last->{segment}, 'entries of the newest segment');
	my $chain = sub { return audit($primary, "SELECT concat_ws(' ', state, $_[0]) FROM casus.log_chain WHERE node = '$uuid'") };
	wait_until(sub { return $chain->('last_seq') =~ /(\d+)$/ && $1 >= $last->{seq} });
	truncate $cut->{segment}, $cut->{offset};
	is((read_all('cut', 1))[0], $statements, '... are cut off while it is written to: it is read');
	like(audit($standby, 'SELECT seq, finding FROM casus.verify_log()'), qr/^$cut->{seq}\|entries at the end of the previous segment are changed, removed or inserted$/, '... verify_log on the standby names the first that is gone');
	my $finding = '';
	CasusTest::wait_until(sub { ($finding = $chain->('finding')) =~ /^refused/ });
	is($finding, "refused its log ends before what was collected of it: entry $last->{seq} is not there any more", '... and the primary, which has them, collects no further, and says why');
	my $copy = $primary->data_dir . '/casus_log/' . (CasusTest::log_keys($standby))[0] . '/' . $cut->{segment} =~ s{.*/}{}r;
	copy($copy, "$cut->{segment}.back") or die $!;
	chmod 0600, "$cut->{segment}.back";
	rename "$cut->{segment}.back", $cut->{segment} or die $!;
	is(audit($standby, 'SELECT ok, finding FROM casus.verify_log()'), 't|', '... put back from there its log verifies');
	same('put back');
}

# ---- what was received ----

my %on;
for my $record (CasusTest::log_records($standby, raw => 1))
{
	$on{$1}{$2} = 1 if $record->{payload} =~ /"kind":"read".*"application":"([\w.]+)".*"dossiers":\[\[(\d+),1\]\]/;
}
my @missing = map { my $c = $_; map { "$c: $_" } grep { !$on{$c}{$_} } @{ $received{$c} } } keys %received;
diag(sprintf 'counted: %d kills on a standby (%s): %d rows received, %d of them not on record, %d entries in %d segments', sum(values %killed), join(', ', map { "$_ $killed{$_}" } sort keys %killed),
	sum(map { scalar @$_ } values %received), scalar @missing, scalar(my @all = CasusTest::log_records($standby, bare => 1)), scalar(my @segments = CasusTest::log_segments($standby)));
is_deeply(\@missing, [], 'all that was received from the standby is on its record');

$_->stop for $standby, $primary;
done_testing();
