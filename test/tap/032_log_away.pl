# A log that is not where the server looks for it (a disk that is not mounted), or whose key file is gone: what begins
# instead is the log of another node, no number is given twice, and doctor says so.
use strict;
use warnings;

use File::Copy qw(copy move);
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $node = CasusTest::start('main', conf => "casus.log_segment_size = 64kB\ncasus.log_load_interval = 1s\n");
my $key = $node->data_dir . '.casus_log_key';
my $logs = $node->data_dir . '/casus_log';

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub refuse { sql(q{DO $$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END $$}) for 1 .. $_[0]; return }
sub name { return (CasusTest::log_keys($node))[0] }
sub uuid { return lc($_[0]) =~ s/^(.{8})(.{4})(.{4})(.{4})(.{12})$/$1-$2-$3-$4-$5/r }
sub doctor { return sql(q{SELECT string_agg(severity || ' ' || code, ' ' ORDER BY code) FROM casus.doctor() WHERE code ~ '^log_(load|away|keyless)'}) }
sub loaded { my $end = (CasusTest::log_records($node))[-1]{seq}; return CasusTest::wait_until(sub { sql('SET ROLE casus_auditor; SELECT coalesce(max(loaded_seq), 0) FROM casus.log_nodes() WHERE is_this') >= $end }) }
my $twice = 'SET ROLE casus_auditor; SELECT count(*) FROM (SELECT node, seq FROM casus.access_log GROUP BY 1, 2 HAVING count(*) > 1) t';

refuse(30);
ok(loaded(), 'a log, and all of it in tables');
my $first = name();
my $anchor = sql('SELECT anchor FROM casus.log_anchor()');

# ---- the directory is another one at start ----

$node->stop;
system('cp', '-a', $logs, "$logs.older");
# What a disk that is not mounted leaves.
move($logs, "$logs.disk") or die $!;
mkdir $logs, 0700 or die $!;
$node->start;
my $second = name();
isnt($second, $first, 'an empty directory: another node begins');
like(slurp_file($node->logfile), qr/WARNING:  the access log of node $first is not in "[^"]*": another one begins there/, '... as the server says');
ok(-f "$key.d/$first", '... with the keys of the former one kept');
refuse(3);
ok(loaded(), '... whose log comes into tables');
is(doctor(), 'critical log_away', '... doctor names the one that is not there');
like(sql(q{SELECT finding FROM casus.doctor() WHERE code = 'log_away'}), qr/node \Q${\ uuid($first)}\E.*not in casus\.log_directory/, '... by its node');
is(name(), $second, 'once');
$node->restart;
is(name(), $second, '... also where the server starts again');

# ---- put right: the log of before goes on, and that of meanwhile is kept ----

$node->stop;
move($key, "$key.d/meanwhile") or die $!;
move("$key.d/$first", $key) or die $!;
move("$logs/$second", "$logs.disk/$second") or die $!;
rmdir $logs or die $!;
move("$logs.disk", $logs) or die $!;
$node->start;
refuse(3);
ok(loaded(), 'with its key file put back, the log of before goes on');
is(sql("SELECT ok FROM casus.verify_log(anchor => '$anchor')"), 't', '... and has the anchor of before');
ok(CasusTest::wait_until(sub { doctor() eq '' }), '... of which doctor has nothing to say');
is(sql($twice), '0', '... and no number is there twice');

# ---- an older copy of the directory goes on: the loader stays, and doctor says it ----

$node->stop;
move($logs, "$logs.right") or die $!;
move("$logs.older", $logs) or die $!;
$node->start;
is(name(), $first, 'an older copy is of the same node');
refuse(2);
ok(CasusTest::wait_until(sub { doctor() =~ /critical log_load_ahead/ }), '... which ends before what is in the tables, as doctor says');
refuse(60);
$node->wait_for_log(qr/the tables have another entry of that number/);
like(doctor(), qr/critical log_load_ahead/, '... also once it is beyond that');
$node->stop;
move($logs, "$logs.wrong") or die $!;
move("$logs.right", $logs) or die $!;
$node->start;
refuse(1);
ok(loaded(), 'the right one is put back');
ok(CasusTest::wait_until(sub { doctor() eq '' }), '... and doctor is content');
is(sql($twice), '0', '... and no number is there twice');

# ---- the key file is gone at start ----

$node->stop;
move($key, "$key.away") or die $!;
$node->start;
refuse(1);
ok(loaded(), 'a server without its key file begins another log');
ok(CasusTest::wait_until(sub { doctor() eq 'warning log_keyless' }), '... doctor says which is no longer written');
like(sql(q{SELECT finding FROM casus.log_chain WHERE state = 'kept' AND node = '} . uuid($first) . q{'}), qr/key file is not among/, '... and log_chain that its key is missing');
like((CasusTest::refusal($node, "SELECT casus.verify_log(anchor => '$anchor')"))[1], qr/^this anchor is of node \Q${\ uuid($first)}\E, and this log is that of node /, '... and verify_log whose an anchor is');
copy("$key.away", "$key.d/first") or die $!;
chmod 0600, "$key.d/first";
ok(CasusTest::wait_until(sub { doctor() eq '' }), '... until a copy of it is there');
is(sql("SELECT ok FROM casus.verify_log(anchor => '$anchor', node => '" . uuid($first) . q{')}), 't', '... with which it verifies');
$node->stop;
done_testing();
