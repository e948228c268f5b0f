# What leaves by other ways than the result of a query: a payload of NOTIFY goes to other sessions with the commit, after its
# record; what auto_explain tells whoever listens to messages counts no hidden row.  [B-18] A068 A106
use strict;
use warnings;

use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $node = CasusTest::start('main', conf => "fsync = on\n");
CasusTest::fixture($node, 'beesel');

sub as_coordinator
{
	my ($sql) = @_;
	my ($out, $err);
	my $code = $node->psql('postgres', $sql, stdout => \$out, stderr => \$err,
		extra_params => [ '-U', 'bs_coordinator' ], on_error_stop => 1);
	return ($code, $out, $err);
}

sub reads { return scalar grep { $_->{kind} eq 'read' && ($_->{relation} // '') eq 'beesel.notitie' } CasusTest::log_records($node) }

# ---- NOTIFY ----

my ($in, $heard, $err) = ('', '', '');
my $listener = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$heard, '2>', \$err,
	CasusTest::patience());
$in .= "LISTEN kanaal;\n\\echo ready\n";
$listener->pump until $heard =~ /ready/;

# What psql has been told of so far.
sub hear
{
	my ($mark) = @_;
	$in .= "SELECT 1 AS x \\g /dev/null\n\\echo $mark\n";
	$listener->pump until $heard =~ /$mark/;
	return $heard;
}

# No row goes to the client, and nothing at all before the commit, since all is one message: the payload is what leaves.
my $notify = q{BEGIN \; SELECT casus.enter('overleg') \;
	DO $$BEGIN PERFORM pg_notify('kanaal', inhoud) FROM beesel.notitie WHERE inhoud = '%s'; END$$ \; COMMIT;};
my $before = reads();
my ($code) = as_coordinator(sprintf $notify, 'overleg een');
is($code, 0, 'a payload made of a governed row may be sent');
is(reads(), $before + 1, 'and is on record as a read');
like(hear('first'), qr/"kanaal" with payload "overleg een"/, 'who listens is told');

$before = reads();
CasusTest::fill_disk($node);
my ($failed, undef, $message) = as_coordinator(sprintf $notify, 'overleg twee');
isnt($failed, 0, 'where the record cannot be written the commit fails');
like($message, qr/the access log cannot be written/, 'with its reason');
unlike(hear('second'), qr/overleg twee/, 'and nobody is told');
CasusTest::free_disk($node);
ok(CasusTest::log_fails($node, 0), 'the log can be written again');

# The record is there when the payload arrives, not some time after.
as_coordinator(sprintf $notify, 'overleg twee');
like(hear('third'), qr/overleg twee/, '... the payload is sent');
is(reads(), $before + 2, 'after its record, and that of the read before, which had waited');
$in .= "\\q\n";
$listener->finish;

# ---- auto_explain ----

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'auto_explain,casus'\n");
$node->restart;
my @settings = ('auto_explain.log_min_duration = 0', 'auto_explain.log_analyze = on', 'auto_explain.log_nested_statements = on',
	'enable_seqscan = off');
$node->safe_psql('postgres', "ALTER SYSTEM SET $_") for @settings;
$node->reload;
# All that comes, as result and as message: EXPLAIN answers, auto_explain writes.
sub explained
{
	my ($sql, @more) = @_;
	my ($out, $told) = ('', '');
	$node->psql('postgres', join(';', 'SET client_min_messages = log', @more,
		q{BEGIN}, q{SELECT casus.enter('intake')}, $sql, 'ROLLBACK'),
		stdout => \$out, stderr => \$told, extra_params => [ '-U', 'bs_coordinator' ]);
	return "$out\n$told";
}
my $told = explained('SELECT * FROM beesel.notitie WHERE id > 0', 'SET enable_bitmapscan = off');
like($told, qr/Scan using notitie_pkey on notitie.*actual.*rows=2/, 'auto_explain tells of the rows that came out');
unlike($told, qr/Rows Removed/, 'not of those that were left out');
$told = explained('SELECT * FROM beesel.notitie WHERE id > 0', 'SET enable_indexscan = off');
like($told, qr/Bitmap Index Scan on notitie_pkey.*actual.*rows=0/, 'nor of those that an index found');
unlike($told, qr/Rows Removed|Heap Blocks/, 'or a bitmap looked at');
$told = explained('DECLARE c CURSOR FOR SELECT * FROM beesel.notitie WHERE id > 0; FETCH 1 FROM c; CLOSE c',
	'SET enable_bitmapscan = off');
like($told, qr/Scan using notitie_pkey/, 'a cursor that is not read to its end');
unlike($told, qr/Rows Removed/, 'tells no more');
$told = explained(q{EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM beesel.notitie WHERE id > 0});
like($told, qr/"Actual Rows": 2/, 'A068: EXPLAIN itself');
like($told, qr/Scan (?:using notitie_pkey )?on notitie .*actual.*rows=2/, '... and auto_explain of it');
unlike($told, qr/Removed by Filter"?: [1-9]/, '... count no hidden row');
SKIP:
{
	skip 'no counts of searches before 18', 1 if $node->pg_version->major < 18;
	unlike($told . explained('SELECT * FROM beesel.notitie WHERE id = 1'), qr/Index Searches: [1-9]/, 'nor of searches');
}

$node->stop;
done_testing();
