# The chain of the access log: what its writer wrote is what is there, or casus.verify_log names the place; keys, the
# clock, a standby.  C026 C029 C031 C033 C034
use strict;
use warnings;

use File::Copy qw(copy);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;
use CasusLogTool;

my ($library) = glob('/usr/lib/*/faketime/libfaketime.so.1');
my $node = CasusTest::start('main', init => { allows_streaming => 1 }, conf => "casus.log_segment_size = 64kB\n");
$node->safe_psql('postgres', 'CREATE ROLE auditor LOGIN IN ROLE casus_auditor; CREATE ROLE iemand LOGIN');

sub refused { return CasusTest::refusal($node, q{SELECT casus.open_file('geen', 'geen')}, @_) }
sub verify { return $node->safe_psql('postgres', 'SELECT ok, file, "position", seq, finding FROM casus.verify_log(' . join(', ', @_) . ')') }
sub records { return CasusTest::log_records($node) }

# ---- a log of several segments, by several sessions (C033) ----

my $script = $node->basedir . '/refused.sql';
append_to_file($script, "DO \$\$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END \$\$;\n");
my $rounds = 60;
$node->command_ok([ 'pgbench', '-n', '-c', '16', '-j', '2', '-t', $rounds, '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ], 'sixteen sessions');
my @records = records();
cmp_ok(scalar(@records), '>', 16 * $rounds, 'C033: ... and all that they did is in the log');
is(CasusTest::log_damage($node), '', '... numbered without gap or fork');
cmp_ok(scalar(CasusTest::log_segments($node)), '>', 1, '... in more than one file');
is(verify(), 't||||', '... and it verifies');
is(verify(100, 200), 't||||', '... a part of it too');
my $mean = 0;
$mean += $_->{size} / @records for @records;
note sprintf '%d records, %.0f bytes each', scalar @records, $mean;

# ---- who may ask, and what is said of a number that is none ----

for my $call ('verify_log()', 'log_anchor()', 'rotate_log_key()')
{
	like((CasusTest::refusal($node, "SELECT casus.$call", user => 'iemand'))[1], qr/permission denied/, "$call is not for everybody");
}
like((CasusTest::refusal($node, 'SELECT casus.rotate_log_key()', user => 'auditor'))[1], qr/permission denied/, 'an auditor rotates no key');
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()', extra_params => [ '-U', 'auditor' ]), 't', 'but verifies');
like((CasusTest::refusal($node, 'SELECT casus.verify_log(0 - 1)'))[1], qr/begin at 1/, 'a number is one');
like((CasusTest::refusal($node, "SELECT casus.verify_log($_)"))[1], qr/no such entries/, "none are not called whole: $_") for ('1000000', '2, 1', '1, 1000000', 'NULL, 1000000', "NULL, 1000000, '" . $node->safe_psql('postgres', 'SELECT anchor FROM casus.log_anchor()') . q{'});
like((CasusTest::refusal($node, q{SELECT casus.verify_log(anchor => 'abc')}))[1], qr/no anchor/, 'an anchor is one');

# ---- keys ----

my $before = $node->safe_psql('postgres', 'SELECT anchor FROM casus.log_anchor()');
is($node->safe_psql('postgres', 'SELECT casus.rotate_log_key()'), '2', 'a new key');
refused();
is(CasusTest::log_damage($node), '', '... goes on with the chain');
is(verify(), 't||||', '... which verifies, the old part too');
is(verify('NULL', 'NULL', "'$before'"), 't||||', '... and holds the anchor of before');
my @keys = map { unpack 'x40V', slurp_file($_) } CasusTest::log_segments($node);
is_deeply([ $keys[0], $keys[-1] ], [ 1, 2 ], '... each segment says which key is its own');
my $anchor = $node->safe_psql('postgres', 'SELECT anchor FROM casus.log_anchor()');
refused() for 1 .. 3;

my $key_file = $node->data_dir . '.casus_log_key';
is((CasusTest::refusal($node, "COPY (SELECT 1) TO '$key_file'"))[0], 'casus.bypass', 'nobody writes to the key file by SQL');
is((CasusTest::refusal($node, "CREATE TABLE t (x text); COPY t FROM '$key_file'"))[0], 'casus.bypass', 'or reads it');

# ---- what somebody does to the files is named (C026, C029, C031) ----

my ($first, $last) = (CasusTest::log_segments($node))[ 0, -1 ];
my %at = map { $_->{seq} => $_ } records();
my $end = (sort { $a <=> $b } keys %at)[-1];

# Changes a file, asks, and puts it back as it was.  The server keeps its file open, and a change of
# the last one it would notice by itself; so these are made to a file that it has done with.
sub after_change
{
	my ($what, $change, $expected) = @_;
	my $data = slurp_file($first);
	my $changed = $change->($data);
	copy($first, "$first.kept") or die $!;
	write_file($first, $changed);
	is(verify(), $expected, $what);
	write_file($first, $data);
	unlink "$first.kept";
	return;
}

sub write_file
{
	my ($name, $data) = @_;
	open my $file, '+<:raw', $name or die $!;
	truncate $file, 0;
	print $file $data;
	close $file or die $!;
	return;
}

sub piece { my ($data, $seq) = @_; return substr $data, $at{$seq}{offset}, $at{$seq}{size} }

after_change('an entry that was changed', sub { my $d = shift; substr($d, $at{5}{offset} + 60, 1) ^= "\x01"; $d },
	"f|000000000001.log|" . $at{5}{offset} . "|5|the entry is changed");
after_change('one that was removed', sub { my $d = shift; substr($d, $at{6}{offset}, $at{6}{size}) = ''; $d },
	"f|000000000001.log|" . $at{6}{offset} . "|6|entries are removed or reordered");
after_change('one that was inserted', sub { my $d = shift; substr($d, $at{7}{offset}, 0) = piece($d, 6); $d },
	"f|000000000001.log|" . $at{7}{offset} . "|7|an entry is inserted or repeated");
after_change('C026: two that were swapped', sub { my $d = shift; substr($d, $at{8}{offset}, $at{8}{size} + $at{9}{size}) = piece($d, 9) . piece($d, 8); $d },
	"f|000000000001.log|" . $at{8}{offset} . "|8|entries are reordered");
after_change('a segment that was cut off', sub { my $d = shift; substr $d, 0, $at{20}{offset} },
	"f|000000000002.log|0|20|entries at the end of the previous segment are changed, removed or inserted");
after_change('... within an entry', sub { my $d = shift; substr $d, 0, $at{20}{offset} + 9 },
	"f|000000000001.log|" . $at{20}{offset} . "|20|the entry is cut off, or its length is changed, or what is here is none");
after_change('a header that was changed', sub { my $d = shift; substr($d, 50, 1) ^= "\x01"; $d }, "f|000000000001.log|0||the header of the segment is changed, or made with another key");
rename $first, "$first.away";
like(verify(), qr/^f\|000000000001\.log\|0\|\|the segment is missing$/, 'a segment that was removed');
rename "$first.away", $first;
is(verify(), 't||||', 'put back as it was, the log verifies');

# Thousands of changes, by the code that the server shares with tools.
my $tool = CasusLogTool::build($node->basedir);
SKIP:
{
	skip 'no tool can be built here', 2 unless $tool;
	my $end_of_log = $node->safe_psql('postgres', 'SELECT anchor FROM casus.log_anchor()');
	my @log = ($key_file, CasusTest::log_directory($node), $end_of_log);
	my $out;
	my $seed = $ENV{CASUS_SEED} // int rand 1e9;
	my $count = $ENV{TEST_LONG} ? 100000 : 3000;
	is(IPC::Run::run([ $tool, @log, $count, $seed ], '>', \$out) ? 'none' : 'some', 'none', "of $count changes of the log none is accepted (seed $seed)");
	like($out, qr/ 0 accepted, 0 named elsewhere$/, '... and each is named at the first entry that is not as it was');
	diag("counted: changes of the log: " . $out =~ s/\s+$//r);
}

# The tail, while the server is down: the chain that is left verifies, the anchor tells.
$node->stop;
my $kept = slurp_file($last);
my %place = map { $_->{seq} => $_ } records();
my ($anchored) = $anchor =~ /:(\d+):/;
is($place{$anchored}{segment}, $last, 'the anchor is of an entry of the last segment');
write_file($last, substr $kept, 0, $place{$anchored}{offset});
$node->start;
is(verify(), 't||||', 'C029: a log cut off while the server was down verifies by itself');
like(verify('NULL', 'NULL', "'$anchor'"), qr/^f\|.*\|$anchored\|the entry is not the one of the anchor/, '... and not with an anchor');
$node->stop;

# C031: made anew from some entry on, by somebody who has the key.
write_file($last, $kept);
my (undef, $secret) = CasusTest::log_keys($node);
my $forged = $kept;
my $mac = substr $forged, 96, 32;
for my $seq (sort { $a <=> $b } grep { $place{$_}{segment} eq $last } keys %place)
{
	my ($offset, $length) = ($place{$seq}{offset}, $place{$seq}{size} - 32);
	substr($forged, $offset + 24, 9) = '{"ts":"19' if $seq == $anchored;
	$mac = Digest::SHA::hmac_sha256($mac . substr($forged, $offset, $length), $secret->{2});
	substr($forged, $offset + $length, 32) = $mac;
}
write_file($last, $forged);
$node->start;
is(verify(), 't||||', 'C031: a log made anew with the key verifies by itself');
like(verify('NULL', 'NULL', "'$anchor'"), qr/^f\|.*\|$anchored\|the entry is not the one of the anchor: the log was made anew/, '... and not with an anchor');
$node->stop;
write_file($last, $kept);
$node->start;
is(verify('NULL', 'NULL', "'$anchor'"), 't||||', 'the true one does');

# ---- the clock (C034) ----

$node->stop;
SKIP:
{
	skip 'libfaketime is not installed, or would come before the sanitizers', 6 if !$library || ($ENV{COPT} // '') =~ /sanitize/;
	my $clock = $node->basedir . '/clock';
	my $set = sub { write_or_make("$clock.new", "$_[0]\n"); rename "$clock.new", $clock };
	my $jumps = sub { join '; ', map { $_->{text} } grep { ($_->{code} // '') eq 'log_clock' } records() };
	my $start = sub {
		local $ENV{LD_PRELOAD} = $library;
		local $ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
		local $ENV{FAKETIME_NO_CACHE} = 1;
		local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
		$node->start;
	};
	$set->('+0');
	$start->();
	refused();
	is($jumps->(), '', 'C034: a clock that goes as it should is not worth an entry');
	$set->('-3600');
	refused();
	like($jumps->(), qr/^the clock was set back by (3599|3600) s$/, '... one set back is');
	$set->('+3600');
	refused();
	like($jumps->(), qr/; the clock was set forward by (7199|7200) s$/, '... and one set forward');
	my ($first_of_clock) = map { $_->{seq} } grep { ($_->{code} // '') eq 'log_clock' } records();
	my @at = map { $_->{payload} =~ /"ts":"([^"]+)"/ } grep { $_->{seq} >= $first_of_clock } CasusTest::log_records($node, raw => 1);
	isnt("@at", join(' ', sort @at), '... so that times go to and fro');
	is(verify(), 't||||', '... and the number, not the clock, says what came first: the chain holds');
	$node->stop;
	# While nobody writes, too.
	$set->('-7200');
	$start->();
	refused();
	like($jumps->(), qr/; the clock was set back by \d+ s$/, '... one set back while the server was down is seen at its start');
	$node->stop;
}
$node->start;

sub write_or_make { my ($name, $data) = @_; open my $file, '>', $name or die $!; print $file $data; return close $file }

# Damage that is found at the start stays for verify_log, and the log goes on behind it.
$node->stop;
my $damaged = (CasusTest::log_segments($node))[-1];
my $code = slurp_file($damaged);
my ($victim) = grep { $_->{segment} eq $damaged } records();
my $highest = (records())[-1]{seq};
substr($code, $victim->{offset} + 40, 1) ^= "\x01";
write_file($damaged, $code);
$node->start;
refused();
@records = grep { $_->{seq} > $highest } records();
is($records[0]{code}, 'log_changed', 'a log that was changed while the server was down: the next entry says so');
is($records[0]{seq}, $highest + 1, '... with a number that was not given yet');
like(verify(), qr/\|$victim->{offset}\|$victim->{seq}\|the entry is changed$/, '... and verify_log names the place');
$node->stop;

# ---- the key file ----

chmod 0640, $key_file;
$node->start;
ok(CasusTest::log_fails($node), 'a key file that others may read is not used: doctor says that reading stops');
chmod 0600, $key_file;
CasusTest::log_fails($node, 0);
refused();
cmp_ok((records())[-1]{seq}, '>', $highest, '... and it goes on when that is mended');
is($node->safe_psql('postgres', q{SELECT severity FROM casus.doctor() WHERE code = 'log_key_near'}), 'warning', 'doctor: the key is where the log is');
$node->stop;
rename $key_file, "$key_file.away";
$node->start;
refused();
is((records())[0]{text}, 'a log begins; there are others, of another node or key file', 'a key file that is gone: another log begins, and says so');
like(slurp_file($node->logfile), qr/casus begins an access log in "[^"]+", with a new key file .*\n.*There are logs of other nodes/, '... and so does the log of the server');
like((CasusTest::refusal($node, "SELECT casus.verify_log(anchor => '$anchor')"))[1], qr/this anchor is of node/, '... of which the anchors are others');
# Its key among those of other nodes, the old log is that of a former node.
my $former = slurp_file("$key_file.away") =~ /^node ([0-9a-f]{32})$/m ? $1 : '';
mkdir "$key_file.d", 0700;
copy("$key_file.away", "$key_file.d/former") or die $!;
chmod 0600, "$key_file.d/former";
is($node->safe_psql('postgres', "SELECT state FROM casus.log_chain WHERE node = '$former'"), 'kept', '... the old one is kept');
like($node->safe_psql('postgres', "SELECT casus.verify_log(node => '$former')"), qr/,$victim->{seq},"the entry is changed"\)$/, '... and verify_log names in it what it named before');
unlink "$key_file.d/former";
$node->stop;
rename "$key_file.away", $key_file;
$node->append_conf('postgresql.conf', "casus.log_key_file = '" . $node->data_dir . "/key'\n");
is($node->start(fail_ok => 1), 0, 'a key file in the data directory is refused at the start');
like(slurp_file($node->logfile), qr/casus.log_key_file must lie outside of the data directory/, '... with its reason');
$node->append_conf('postgresql.conf', "casus.log_key_file = 'elsewhere/key'\n");
is($node->start(fail_ok => 1), 0, 'so is a path that is not absolute');
like(slurp_file($node->logfile), qr/casus.log_key_file must be an absolute path/, '... with its reason');
$node->append_conf('postgresql.conf', "casus.log_key_file = ''\n");

$node->start;
like(verify(), qr/the entry is changed/, 'what was damaged before stays named');

# ---- a hot standby has a log of its own ----

my $backup = $node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
my $refused_there = sub { return (CasusTest::refusal($standby, "COPY (SELECT 1) TO '$key_file'; COPY (SELECT 1) TO '" . $standby->data_dir . "/x'"))[0] };
is($refused_there->(), 'casus.bypass', 'something is refused on a standby');
is(CasusTest::log_damage($standby), '', 'a standby logs into a chain of its own');
isnt((CasusTest::log_keys($standby))[0], (CasusTest::log_keys($node))[0], '... with a key of its own');
is($standby->safe_psql('postgres', q{SELECT ok FROM casus.verify_log()}), 't', '... which verifies there');
is($standby->safe_psql('postgres', q{SET ROLE casus_auditor; SELECT count(*) > 0 FROM casus.access_log WHERE kind = 'refusal'}), 't', '... and is read there');

# By who has its key: what no view can show, and no loader is there to put aside.
$standby->stop;
my @odd = CasusTest::odd_entries('postgres');
my (undef, $added) = CasusTest::append_entries($standby, (map { $_->[1] } @odd), CasusTest::entry_of('postgres', 'last'));
$standby->start;
my ($its_node) = CasusTest::log_keys($standby);
my %shown = map { split /\|/ } split /\n/, $standby->safe_psql('postgres', "SET ROLE casus_auditor; SELECT seq, coalesce(code, application) FROM casus.access_log WHERE node = '$its_node' AND seq > $added - 1 - " . @odd);
is($shown{ $added - @odd + $_ }, 'log_unreadable', "an entry there by who has its key: $odd[$_][0]") for 0 .. $#odd;
is($shown{$added}, 'last', '... and what follows is shown');
my $there = $standby->safe_psql('postgres', 'SELECT seq FROM casus.log_anchor()');
$standby->promote;
$refused_there->();
cmp_ok($standby->safe_psql('postgres', 'SELECT seq FROM casus.log_anchor()'), '>', $there, '... and goes on when it is promoted');
is(CasusTest::log_damage($standby), '', '... in one chain');
$standby->stop;
$node->stop;

# ---- a million records by sixteen sessions (C033) ----

if ($ENV{TEST_LONG})
{
	my $many = CasusTest::start('many');
	$many->command_ok([ 'pgbench', '-n', '-c', '16', '-j', '2', '-t', '62500', '-f', $script, '-h', $many->host, '-p', $many->port, 'postgres' ], 'a million refusals');
	my ($ok, $records, $last_seq) = split /\|/, $many->safe_psql('postgres', 'SELECT ok, records, last_seq FROM casus.verify_log()');
	is($ok, 't', 'C033: no fork, gap or duplicate');
	cmp_ok($records, '>=', 1000000, '... in a million records');
	is($records, $last_seq, '... and as many as there are numbers');
	# By code that is not casus', record by record.
	is(CasusTest::log_damage($many, bare => 1), '', '... by the files, too');
	diag("counted: by sixteen sessions $records records, the last number $last_seq, in " . CasusTest::log_segments($many) . ' segments');
	$many->stop;
}

done_testing();
