# The same rows and the same log, however a statement is carried out: compiled,
# by parallel workers, by both.  A compiled condition replaces the routine that
# the log has put itself before; a worker reads context and state for itself.
# A087 [B-38] [B-50]
use strict;
use warnings;

use IPC::Run;
use Test::More;
use CasusTest;
use CasusWire;

my $node = CasusTest::start('main', conf => "autovacuum = off\nmax_parallel_workers = 8\njit = off\ncasus.log_timeout = 240\n");

$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE ROLE coordinator LOGIN;
	CREATE ROLE auditor LOGIN;
	GRANT casus_auditor TO auditor;
	CREATE EXTENSION pg_trgm;
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text NOT NULL);
	INSERT INTO zaak SELECT n, CASE WHEN n % 10 = 0 THEN 8 ELSE 1 END, 'zaak ' || n FROM generate_series(1, 400) n;
	CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer NOT NULL REFERENCES zaak, tekst text NOT NULL);
	INSERT INTO stuk SELECT n, 1 + n % 400, 'stuk ' || n FROM generate_series(1, 8000) n;
	CREATE INDEX stuk_tekst ON stuk USING gin (tekst gin_trgm_ops);
	GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, stuk TO app, coordinator;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'f');
	SELECT casus.activate_protocol('f', 'DPIA-1', '{"startdatum": "2021-12-14", "standaarden": []}');
	SELECT casus.add_person('C', 'coordinator', oath_on => '2020-01-01');
	SELECT casus.appoint('C', 'f', NULL, 'coordinator', reason => 'test');
	SELECT casus.protect('zaak', 'f', opens_dossier => true, governs => 'soort = 8', category => 'signaalomschrijving',
		without_purpose => 'hide');
	SELECT casus.protect('stuk', 'f', via => 'zaak_id', category => 'signaalomschrijving', without_purpose => 'hide');
	CALL casus.take_in('zaak', phase => '''intake''', opened => '''2026-01-01''');
	CALL casus.take_in('stuk');
	CREATE INDEX stuk_zaak ON stuk (zaak_id, id) INCLUDE (casus_label);
	SELECT casus.bind('zaak', 'enforce');
	SELECT casus.bind('stuk', 'enforce');
});
$node->safe_psql('postgres', 'VACUUM ANALYZE zaak, stuk');

# name, the only ways of the plan that are left, statement, node of the parallel plan
my @statements = (
	[ 'scan, the policy alone', '', 'SELECT count(*), sum(length(tekst)) FROM stuk', qr/Parallel Seq Scan on stuk/ ],
	[ 'scan with a condition', '', q{SELECT count(*), sum(id) FROM stuk WHERE tekst <> 'stuk 10' AND length(tekst) > 3},
		qr/Parallel Seq Scan on stuk/ ],
	[ 'index scan', 'seqscan bitmapscan indexonlyscan', 'SELECT count(*), sum(length(tekst)) FROM stuk WHERE zaak_id < 150',
		qr/Parallel Index Scan using stuk_zaak/ ],
	[ 'index-only scan', 'seqscan bitmapscan', 'SELECT count(*), sum(id) FROM stuk WHERE zaak_id < 150 AND id % 2 = 0',
		qr/Parallel Index Only Scan using stuk_zaak/ ],
	[ 'bitmap scan', 'seqscan indexscan', 'SELECT count(*), sum(length(tekst)) FROM stuk WHERE zaak_id < 150',
		qr/Parallel Bitmap Heap Scan on stuk/ ],
	[ 'bitmap scan with a second test', 'seqscan indexscan', q{SELECT count(*), min(tekst) FROM stuk WHERE tekst LIKE 'stuk 1%'},
		qr/Parallel Bitmap Heap Scan on stuk.*Recheck Cond: \(casus_int\.permits/s ],
	[ 'hash join', 'nestloop mergejoin indexscan bitmapscan', q{SELECT count(*), sum(stuk.id) FROM stuk JOIN zaak ON zaak.id = zaak_id WHERE titel > 'zaak 2'},
		qr/Parallel Hash Join/ ],
	[ 'sorted by workers', 'hashagg indexscan', 'SELECT id FROM stuk WHERE id % 7 = 0 ORDER BY tekst', qr/Gather Merge/ ],
	[ 'append', '', q{SELECT count(*), sum(id) FROM (SELECT id, tekst FROM stuk WHERE id % 3 = 0 UNION ALL SELECT id, titel FROM zaak WHERE soort <> 5) u},
		qr/Parallel Append/ ],
	[ 'sub-query per row', 'hashjoin mergejoin', 'SELECT count(*) FROM zaak WHERE (SELECT count(*) FROM stuk WHERE zaak_id = zaak.id AND stuk.id > 200) > 18',
		undef ],
	[ 'sample', '', 'SELECT count(*) FROM stuk TABLESAMPLE SYSTEM (100) WHERE id > 7', undef ],
	[ 'tid scan', '', q{SELECT id FROM stuk WHERE ctid < '(3,1)' AND id > 0 ORDER BY id}, undef ],
	[ 'a function that carries values away', '', q{SELECT count(*) FROM stuk WHERE zaak_id = 9 AND set_config('x.y', tekst, true) = tekst}, undef ],
	[ 'an error in the select list', '', 'SELECT tekst::integer FROM stuk WHERE id = 9', undef ],
	[ 'an error in the condition', 'indexscan indexonlyscan bitmapscan', 'SELECT id FROM stuk WHERE id = 409 AND tekst::integer = 5', undef ],
	[ 'update', '', 'UPDATE stuk SET tekst = tekst || id WHERE zaak_id < 9 RETURNING id', undef ],
	[ 'delete', '', 'DELETE FROM stuk WHERE zaak_id = 12 AND length(tekst) > 6 RETURNING id', undef ],
	[ 'merge', '', q{WITH d AS (SELECT 1) MERGE INTO stuk USING (SELECT id FROM zaak WHERE id < 9) z ON stuk.zaak_id = z.id AND stuk.id < 400
		WHEN MATCHED AND length(tekst) > 3 THEN UPDATE SET tekst = 'nieuw'}, undef ],
	[ 'insert from', '', q{INSERT INTO stuk SELECT id + 10000, 1, tekst FROM stuk WHERE zaak_id = 1 RETURNING id}, undef ],
	[ 'cursor', '', q{DECLARE c CURSOR FOR SELECT id FROM stuk WHERE length(tekst) > 3 ORDER BY id; FETCH 30 FROM c; CLOSE c}, undef ]);

my %context = (
	app => '',
	coordinator => q{SELECT casus.enter('intake') \g /dev/null
		});

# All statements in a session: [name => what it answered], and the rows per relation and dossier on record.
sub run
{
	my ($role, $settings) = @_;
	my $script = "\\set VERBOSITY terse\n$settings\n";
	my ($out, $err);

	my $mark = log_mark();
	for my $s (@statements)
	{
		$script .= "\\echo == $s->[0]\nBEGIN;\n$context{$role}";
		$script .= "SET LOCAL enable_$_ = off;\n" for split ' ', $s->[1];
		$script .= "$s->[2];\nROLLBACK;\n";
	}
	$node->psql('postgres', $script, stdout => \$out, stderr => \$err, extra_params => [ '-U', $role ], on_error_stop => 0);
	$err =~ s/^psql:<stdin>:\d+: //mg;
	$err =~ s/^CONTEXT:.*\n//mg;
	return ($out, $err, log_since($mark));
}

sub log_mark
{
	return $node->safe_psql('postgres', 'SELECT max(seq) FROM casus.access_log', extra_params => [ '-U', 'auditor' ]);
}

# By statement as far as that can be told: workers have records of their own.
sub log_since
{
	my ($mark) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT kind, relation, role, purpose, phase, d.dossier, sum(d.n)
		FROM casus.access_log l, unnest(l.dossiers, l.row_counts) AS d (dossier, n)
		WHERE seq > $mark AND kind IN ('read', 'write') GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6},
		extra_params => [ '-U', 'auditor' ]);
}

# Lines of either that are not in the other.
sub difference
{
	my %before = map { $_ => 1 } split "\n", $_[0];
	my %after = map { $_ => 1 } split "\n", $_[1];

	return join "\n", sort((map { "- $_" } grep { !$after{$_} } keys %before), (map { "+ $_" } grep { !$before{$_} } keys %after));
}

my $force = $node->safe_psql('postgres',
	q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
my $jit = 'SET jit = on; SET jit_above_cost = 0; SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0;';
my $cheap_jit = 'SET jit = on; SET jit_above_cost = 0; SET jit_inline_above_cost = -1; SET jit_optimize_above_cost = -1;';
my $parallel = q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET min_parallel_index_scan_size = 0; SET max_parallel_workers_per_gather = 2;};
my $serial = 'SET max_parallel_workers_per_gather = 0;';
my @ways = (
	[ 'parallel', $parallel ],
	[ 'parallel, without the leader', "$parallel SET parallel_leader_participation = off;" ],
	[ "$force = on", "SET $force = on;" ],
	[ "$force = regress", "SET $force = regress;" ]);
if ($node->safe_psql('postgres', 'SET jit = on; SELECT pg_jit_available()') eq 't')
{
	push @ways,
		[ 'jit', "$serial $jit" ],
		[ 'jit of expressions only', "$serial $cheap_jit SET jit_tuple_deforming = off;" ],
		[ 'jit and parallel', "$parallel $cheap_jit" ];
	like($node->safe_psql('postgres', "$serial $jit EXPLAIN (ANALYZE, TIMING OFF) SELECT count(*) FROM stuk WHERE length(tekst) > 3",
			extra_params => [ '-U', 'app' ]), qr/JIT:\s+Functions: [1-9]/, 'conditions are compiled');
}
else
{
	note('no JIT provider on this server');
}

my %rows;
for my $role (sort keys %context)
{
	my ($out, $err, $log) = run($role, $serial);

	unlike($err, qr/ERROR(?!:  invalid input syntax for type integer)/, "$role: no other errors than those asked for");
	$rows{$role} = $out;
	is($log eq '', $role eq 'app', "$role: " . ($role eq 'app' ? 'nothing on record' : 'on record'));
	for my $way (@ways)
	{
		my ($out2, $err2, $log2) = run($role, $way->[1]);

		is($out2, $out, "$role, $way->[0]: the same rows");
		is($err2, $err, "$role, $way->[0]: the same errors");
		is(difference($log, $log2), '', "$role, $way->[0]: the same on record");
	}
}
isnt($rows{app}, $rows{coordinator}, 'the two see different rows');

# The plans are what they are called.
for my $s (grep { $_->[3] } @statements)
{
	my $off = join ' ', map { "SET enable_$_ = off;" } split ' ', $s->[1];
	for my $role (sort keys %context)
	{
		my $begin = $role eq 'app' ? 'BEGIN' : "BEGIN; SELECT casus.enter('intake')";

		like($node->safe_psql('postgres', "$parallel $off $begin; EXPLAIN (COSTS OFF) $s->[2]; ROLLBACK",
				extra_params => [ '-U', $role ]), $s->[3], "$role: $s->[0] by workers");
	}
}

# A generic plan made without a context serves one that has it, in workers too.
my $prepared = "$parallel SET plan_cache_mode = force_generic_plan; PREPARE p (integer) AS SELECT count(*) FROM stuk WHERE id > \$1 AND length(tekst) > 2;";
is($node->safe_psql('postgres', "$prepared EXECUTE p (0); BEGIN; SELECT casus.enter('intake') \\g /dev/null\nEXECUTE p (0); COMMIT; EXECUTE p (0);",
	extra_params => [ '-U', 'coordinator' ]), "7200\n8000\n7200", 'a generic parallel plan follows the context');

# A Parallel Hash that a worker has made of governed rows is read by the others: its record is there before, though it sends
# nothing itself.  Leader and worker wait for each other in the hash, and the worker in what is joined to it, for us.
$node->safe_psql('postgres', q{
	CREATE TABLE peil AS SELECT n AS id, repeat('x', 100) AS vulling FROM generate_series(1, 20000) n;
	GRANT SELECT ON peil TO coordinator;
	CREATE FUNCTION meets(integer, leader integer) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE AS $$BEGIN
		IF pg_backend_pid() <> leader THEN
			PERFORM pg_try_advisory_lock_shared(7);
		END IF;
		WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7) LOOP
			PERFORM pg_sleep(0.05);
		END LOOP;
		RETURN true;
	END$$;
	CREATE FUNCTION stays(integer, leader integer) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE AS $$BEGIN
		IF pg_backend_pid() <> leader THEN
			PERFORM pg_advisory_lock_shared(8);
		END IF;
		-- The leader leaves some of it to the worker, as long as that is kept here.
		WHILE pg_backend_pid() = leader AND (SELECT bool_and(granted) FROM pg_locks WHERE locktype = 'advisory' AND objid = 8 AND
				EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 8 AND mode = 'ExclusiveLock')) LOOP
			PERFORM pg_sleep(0.05);
		END LOOP;
		RETURN true;
	END$$;
	ANALYZE peil});
my $mark = log_mark();
my ($lock_in, $lock_out, $in, $out, $err) = ('', '', '', '', '');
my @psql = ('psql', '-XAtq', '-h', $node->host, '-p', $node->port);
my $lock = IPC::Run::start([ @psql, 'postgres' ], '<', \$lock_in, '>', \$lock_out, CasusTest::patience());
$lock_in .= "SELECT pg_advisory_lock(8); SELECT 'locked';\n";
$lock->pump until $lock_out =~ /locked/;
my $run = IPC::Run::start([ @psql, '-U', 'coordinator', 'postgres' ], '<', \$in, '>', \$out, '2>', \$err, CasusTest::patience());
my $join = 'SELECT count(*) FROM peil JOIN stuk USING (id) WHERE zaak_id % 10 = 0 AND meets(stuk.id, :me) AND stays(peil.id, :me)';
$in .= "$parallel SET max_parallel_workers_per_gather = 1; SET enable_nestloop = off; SET enable_mergejoin = off; SET enable_indexscan = off;
	SET enable_bitmapscan = off;
	SELECT pg_backend_pid() AS me \\gset\nBEGIN; SELECT casus.enter('intake') \\g /dev/null\nEXPLAIN (COSTS OFF) $join;\n$join;\n\\echo done\n";
$run->pump until $out =~ /Scan on stuk/ || $err;
like($out, qr/Parallel Hash Join.*Parallel Seq Scan on peil.*Parallel Hash\b.*Parallel Seq Scan on stuk/s, 'a Parallel Hash of governed rows');
ok(CasusTest::wait_until(sub {
		$node->safe_psql('postgres', "SELECT count(*) > 0 FROM casus.access_log WHERE seq > $mark AND relation = 'public.stuk' AND leader_pid IS NOT NULL",
			extra_params => [ '-U', 'auditor' ]) eq 't' }),
	'the worker that made it has its rows on record before anybody reads them');
unlike($out, qr/done/, 'and has not come to its end');
$lock_in .= "SELECT pg_advisory_unlock(8); SELECT 'free';\n";
$lock->pump until $lock_out =~ /free/;
$run->pump until $out =~ /done/ || $err;
like($out, qr/^800\ndone/m, 'then it does');
$in .= "\\q\n";
$run->finish;
$lock_in .= "\\q\n";
$lock->finish;

# A worker's row leaves when its record is on disk, though the leader has seen no governed row itself: with the writer of the log
# stopped a client receives not one byte, with the writer running all.
$node->safe_psql('postgres', q{
	CREATE FUNCTION titel_van(n integer) RETURNS text STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$BEGIN
		RETURN (SELECT titel FROM zaak WHERE id = n * 10);
	END$$;
	CREATE FUNCTION titel_door_lus(n integer) RETURNS text STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$DECLARE r record; BEGIN
		FOR r IN SELECT titel FROM zaak WHERE id = n * 10 LOOP
			RETURN r.titel;
		END LOOP;
		RETURN NULL;
	END$$;
	CREATE FUNCTION titel_sql(n integer) RETURNS text STABLE PARALLEL SAFE LANGUAGE sql AS 'SELECT titel FROM zaak WHERE id = $1 * 10';
	CREATE FUNCTION titel_gemeld(n integer) RETURNS text STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$BEGIN
		RAISE NOTICE 'melding %', (SELECT titel FROM zaak WHERE id = n * 10);
		RETURN 'x';
	END$$;
	CREATE FUNCTION titel_gefaald(n integer) RETURNS integer STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$BEGIN
		RETURN (SELECT titel FROM zaak WHERE id = n * 10)::integer;
	END$$;
	CREATE FUNCTION titels_genest(OUT titels text) STABLE LANGUAGE plpgsql AS $$BEGIN
		SELECT string_agg(titel_van(id), ',') INTO titels FROM peil WHERE id <= 40;
	END$$;
	CREATE FUNCTION titel_vast(n integer) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$BEGIN
		RETURN (SELECT titel FROM public.zaak WHERE id = n * 10);
	END$$;
	CREATE TABLE peil2 AS SELECT n AS id, repeat('y', 100) AS vulling FROM generate_series(1, 20000) n;
	GRANT SELECT ON peil2 TO coordinator;
	CREATE TABLE peil3 AS SELECT 1 + n % 40 AS id, repeat('x', 100) AS vulling FROM generate_series(1, 1000) n;
	ALTER TABLE peil3 OWNER TO coordinator, SET (parallel_workers = 1);
	GRANT CREATE ON SCHEMA public TO coordinator;
	ANALYZE peil2, peil3});
# name, statement, what is in the answer
my @held = (
	[ 'a protected table', 'SELECT titel FROM zaak WHERE soort = 8', qr/^TD{40}CZ$/, qr/zaak 400/ ],
	[ 'a function that reads one', 'SELECT titel_van(id) FROM peil WHERE id <= 40', qr/^TD{40}CZ$/, qr/zaak 400/ ],
	# So much that the leader must have sent some of it before the worker comes to its end.
	[ 'such a function with a loop', 'SELECT repeat(titel_door_lus(id), 4000) FROM peil WHERE id <= 40', qr/^TD{40}CZ$/, qr/zaak 400/ ],
	[ 'such a function in SQL', 'SELECT titel_sql(id) FROM peil WHERE id <= 40', qr/^TD{40}CZ$/, qr/zaak 400/ ],
	[ 'such a function in a condition', q{SELECT id FROM peil WHERE id <= 400 AND titel_van(id) > 'zaak 2'}, qr/^TD+CZ$/, qr// ],
	[ 'rows that are sorted and merged', 'SELECT titel_van(id) FROM (SELECT id FROM peil WHERE id <= 40 ORDER BY vulling, titel_van(id)) x', qr/^TD{40}CZ$/, qr/zaak 400/ ],
	[ 'tables that are appended', 'SELECT titel_van(id) FROM (SELECT id FROM peil WHERE id <= 20 UNION ALL SELECT id FROM peil2 WHERE id BETWEEN 21 AND 40) x', qr/^TD{40}CZ$/, qr/zaak 400/ ],
	[ 'a hash', 'SELECT count(*) FROM peil JOIN peil2 ON peil.vulling || titel_van(peil.id) = peil2.vulling || titel_van(peil2.id) WHERE peil.id <= 40 AND peil2.id <= 40', qr/^TDCZ$/, qr// ],
	[ 'a function around', 'SELECT titels_genest()', qr/^TDCZ$/, qr/zaak 400/ ],
	[ 'a notice', 'SELECT max(titel_gemeld(id)) FROM peil WHERE id <= 40', qr/^[TN]+DCZ$/, qr/melding zaak 400/ ],
	[ 'an error', 'SELECT max(titel_gefaald(id)) FROM peil WHERE id <= 40', qr/^[T]?EZ$/, qr/zaak \d+0/ ],
	[ 'a temporary table', 'CREATE TEMP TABLE kopie AS SELECT titel_van(id) FROM peil WHERE id <= 40; COMMIT', qr/^CCZ$/, qr/SELECT 40/ ],
	# Without workers of its own; what the function reads has some.
	[ 'a cursor', 'DECLARE c CURSOR FOR SELECT titel_van(id) FROM peil WHERE id <= 40; FETCH 30 FROM c; FETCH 30 FROM c', qr/^CTD{30}CTD{10}CZ$/, qr/zaak 400/ ]);
for my $held (@held)
{
	my ($name, $sql, $types, $text) = @$held;
	my $client = CasusWire::begin($node, 'coordinator');
	my $pid = $client->pid;

	$client->ask("$parallel SET parallel_leader_participation = off; SET enable_nestloop = off; SET enable_mergejoin = off; SET enable_indexscan = off; SET enable_bitmapscan = off; BEGIN; SELECT FROM casus.enter('intake')");
	like($client->answer, qr/TDCZ$/, "$name: a session");
	my $writer = CasusTest::log_writer($node);
	kill 'STOP', $writer;
	$client->ask($sql);
	# Either it waits for its record, or there is something to be seen.
	CasusTest::wait_until(sub {
		return $client->received ne '' ||
			$node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'Extension'") });
	is($client->received, '', '... with the writer of the log stopped, nothing leaves');
	diag $client->text if $client->received;
	kill 'CONT', $writer;
	like($client->answer, $types, '... and all of it, when that goes on');
	like($client->text, $text, '... as it is');
	ok((grep { ($_->{leader} // 0) == $pid } CasusTest::log_records($node)) > 0, '... what workers read is on record');
}

# That there is nothing is an answer too, and waits for its record.
{
	my $client = CasusWire::begin($node, 'coordinator');
	my $pid = $client->pid;
	$client->ask("BEGIN; SELECT FROM casus.enter('intake')");
	$client->answer;
	my $writer = CasusTest::log_writer($node);
	kill 'STOP', $writer;
	$client->ask('SELECT titel FROM zaak WHERE id = -1');
	CasusTest::wait_until(sub {
		return $client->received ne '' ||
			$node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'Extension'") });
	is($client->received, '', 'with the writer of the log stopped, nobody is told that there is nothing');
	kill 'CONT', $writer;
	like($client->answer, qr/^TCZ$/, '... until that goes on');
}

# That nothing was found is on record, by workers or without; not where they have found something and this process has not.  [B-50]
for my $case ([ 0, 'id % 10 <> 99 AND length(tekst) > 3' ], [ 1, 'length(tekst) > 300' ])
{
	my ($empties, $condition) = @$case;
	my ($told) = $node->safe_psql('postgres', 'SELECT max(seq) FROM casus.access_log', extra_params => [ '-U', 'auditor' ]);
	my $plan = $node->safe_psql('postgres', qq{BEGIN; SELECT FROM casus.enter('intake'); SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL parallel_setup_cost = 0;
		SET LOCAL parallel_tuple_cost = 0; SET LOCAL parallel_leader_participation = off; EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*) FROM stuk WHERE $condition; COMMIT},
		extra_params => [ '-U', 'coordinator' ]);
	like($plan, qr/Workers Launched: [1-9]/, 'workers read');
	is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE kind = 'empty'), count(*) FILTER (WHERE kind = 'read' AND leader_pid IS NOT NULL) > 0 FROM casus.access_log WHERE seq > $told AND relation = 'public.stuk'",
		extra_params => [ '-U', 'auditor' ]), $empties ? '1|f' : '0|t', $empties ? '... nothing, which is on record once' : '... what this process does not');
}

# Workers that build an index would put into it what a function reads in them: where that might be governed rows, there are none.
my $index = 'CREATE INDEX peil3_titel ON peil3 (titel_vast(id))';
my ($told, $refused);
$node->psql('postgres', "SET client_min_messages = debug1; $index; DROP INDEX peil3_titel", stdout => \$told, stderr => \$refused, extra_params => [ '-U', 'coordinator' ]);
like($refused, qr/building index "peil3_titel" on table "peil3" with request for 1 parallel worker/, 'an index with such a function, without a purpose: by workers');
$node->psql('postgres', "BEGIN; SELECT casus.enter('intake'); SET client_min_messages = debug1; $index", stdout => \$told, stderr => \$refused, extra_params => [ '-U', 'coordinator' ]);
like($refused, qr/building index "peil3_titel" on table "peil3" serially.*ERROR:  this copy would go past the protocol/s, '... with one: not, and refused');
is($node->safe_psql('postgres', "SELECT to_regclass('peil3_titel')"), '', '... nothing is made');

$node->stop;
done_testing();
