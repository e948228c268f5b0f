# Ways round the protocol that take connections, processes, settings of the
# server or other libraries (groups A, B and E of the attacks).  CANARY stands
# in a dossier that the readers here may not see, or have no purpose for.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $node = CasusTest::start('main', init => { allows_streaming => 1 },
	conf => "log_statement = none\ncasus.log_timeout = 12\nlog_line_prefix = '%m [%p] %e %q%a %d '\n");
CasusTest::fixture($node, 'beesel');
my %dossier = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT name, dossier FROM beesel.fixture');
my @as_coordinator = (extra_params => [ '-U', 'bs_coordinator' ]);
my @as_stranger = (extra_params => [ '-U', 'bs_stranger' ]);
my $enter = "BEGIN; SELECT FROM casus.enter('overleg', $dossier{overleg});";

$node->safe_psql('postgres', "BEGIN; SELECT casus.enter('intake', $dossier{intake});
	INSERT INTO beesel.notitie (dossier, categorie, inhoud) SELECT $dossier{intake}, 'beoordeling', 'CANARY ' || g FROM generate_series(1, 50) g; COMMIT",
	@as_coordinator);
$node->safe_psql('postgres', 'ANALYZE beesel.notitie');

# All that a session is told, on both channels.
sub told
{
	my ($sql, %opt) = @_;
	my ($out, $err) = ('', '');

	$node->psql($opt{dbname} // 'postgres', $sql, stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-U', $opt{user} // 'bs_coordinator' ]);
	return "$out\n$err";
}

sub records
{
	return CasusTest::log_records($node);
}

# A002, A123: what a client asks for as it connects.  Which of it a login may set ends there, by what its SQLSTATE says.
for ([ 'casus.purpose=overleg', '42602' ], [ "casus.dossier=$dossier{overleg}", '42602' ], [ 'casus.log_durability=relaxed', '55P02' ],
	[ 'session_preload_libraries=pgaudit', '42501' ], [ 'local_preload_libraries=pgaudit', '58P01' ], [ 'session_replication_role=replica', '42501' ],
	[ 'row_security=off', 'connected' ])
{
	my ($options, $state) = @$_;
	my $from = -s $node->logfile;
	local $ENV{PGOPTIONS} = "-c $options";
	my ($out) = run_command([ 'psql', '-XAt', '-d', $node->connstr('postgres'), '-U', 'bs_coordinator', '-c', q{SELECT 'connected'} ]);
	my ($fatal) = substr(slurp_file($node->logfile), $from) =~ /\[\d+\] (\w{5}) .*FATAL:/;
	is($out || $fatal, $state, "A002: PGOPTIONS $options");
}
{
	local $ENV{PGOPTIONS} = '-c row_security=off';
	like((CasusTest::refusal($node, "$enter SELECT inhoud FROM beesel.notitie", user => 'bs_coordinator'))[1], qr/affected by row-level security/,
		'... and without row security an error comes, no row');
}

# A023, A024: snapshots of before, own and imported, see what the phase allows now.
my $read = "SELECT ''seen '' || count(*) FROM beesel.notitie";
my $psql = sprintf "psql -XAtq -d '%s' -U bs_coordinator", $node->connstr('postgres');
my $told = told(qq{
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SELECT FROM casus.enter('intake', $dossier{intake});
	SELECT 'before ' || count(*) FROM beesel.notitie;
	SELECT pg_export_snapshot() AS snapshot \\gset
	\\setenv SNAPSHOT :snapshot
	\\! $psql -c "SELECT casus.decide($dossier{intake}, 'intake', 'signaal', 'een', '{\\"indicatoren\\": [\\"vastgoedfraude_contante_betalingen\\"], \\"bevoegdheid\\": \\"opiumwet_13b\\", \\"grondgebied\\": true}') > 0, casus.advance($dossier{intake}, 'zwaarte') > 0"
	\\! $psql -c "BEGIN ISOLATION LEVEL REPEATABLE READ" -c "SET TRANSACTION SNAPSHOT '\$SNAPSHOT'" -c "SELECT FROM casus.enter('intake')" -c "SELECT 'imported ' || count(*) FROM beesel.notitie" 2>&1
	SELECT 'own ' || count(*) FROM beesel.notitie;
});
like($told, qr/before 52/, 'A023: seen in the phase');
like($told, qr/imported 0/, 'A024: not by a snapshot that was taken then');
like($told, qr/own 0/, 'A023: nor by the session that took it');

# A079, A081 (known limits): the shape of a statement and the tables that others use; no value.
$told = told("$enter SET LOCAL client_min_messages = log; SET LOCAL debug_print_rewritten = on; SET LOCAL debug_print_plan = on;
	SELECT inhoud FROM beesel.notitie ORDER BY id LIMIT 1");
like($told, qr/rewritten parse tree/, 'A079: the policy is told');
unlike($told, qr/CANARY/, '... and no row');
$told = told(qq{$enter
	SELECT count(*) FROM beesel.notitie;
	\\! psql -XAtq -d '${\ $node->connstr('postgres') }' -U bs_stranger -c "SELECT l FROM pg_locks l WHERE relation = 'beesel.notitie'::regclass AND pid <> pg_backend_pid()"
});
like($told, qr/AccessShareLock/, 'A081: the lock is seen');
unlike($told, qr/CANARY/, '... and no row');

# B018: the setting of the log changes by a restart only.
$node->safe_psql('postgres', "ALTER SYSTEM SET casus.log_durability = 'relaxed'");
$node->reload;
is($node->safe_psql('postgres', 'SHOW casus.log_durability'), 'strict', 'B018: ALTER SYSTEM and a reload change nothing');
like(told('ALTER SYSTEM SET casus.enabled = off', user => 'postgres'), qr/ERROR:  (?:unrecognized configuration parameter|invalid configuration parameter name) "casus\.enabled"/, '... and there is nothing to switch off');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET casus.log_durability');

# B023 (known limit): a base backup is a copy of the files.  doctor names who may take one.
$node->safe_psql('postgres', 'CREATE ROLE repl LOGIN REPLICATION; CHECKPOINT');
is($node->safe_psql('postgres', "SELECT severity FROM casus.doctor() WHERE code = 'replication' AND finding LIKE '%repl%'"), 'note', 'B023: doctor names a login with REPLICATION');
my $backup = PostgreSQL::Test::Utils::tempdir;
command_ok([ 'pg_basebackup', '-h', $node->host, '-p', $node->port, '-U', 'repl', '-D', "$backup/bb", '-X', 'none', '--no-sync', '-c', 'fast' ], 'B023: a base backup');
my $oid = $node->safe_psql('postgres', "SELECT pg_relation_filepath('beesel.notitie')");
like(slurp_file("$backup/bb/$oid"), qr/CANARY/, '... has the rows in it: encrypt disks and backups');
$node->safe_psql('postgres', 'DROP ROLE repl');

# B045, B046, B047 (known limits): the server log and pg_stat_statements keep what is typed, not what is read; an error of the reader's
# own, here a cast, tells the value that it met, of a row that he may read.
$node->safe_psql('postgres', q{CREATE EXTENSION pg_trgm});
my $offset = -s $node->logfile;
$node->safe_psql('postgres', q{ALTER ROLE bs_coordinator SET log_statement = 'all'; ALTER ROLE bs_coordinator SET log_parameter_max_length_on_error = -1});
is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM casus.doctor() WHERE code = 'setting_override' AND finding LIKE '%log_statement%'"), 't', 'B045: doctor names log_statement');
told("$enter INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES ($dossier{overleg}, 'beoordeling', 'TYPED in'); SELECT inhoud FROM beesel.notitie; COMMIT");
told("SELECT inhoud FROM beesel.notitie WHERE inhoud = 'TYPED in error'");
my $log = substr slurp_file($node->logfile), $offset;
like($log, qr/TYPED in'/, 'B045: what is written is in a log that keeps statements');
like($log, qr/TYPED in error'/, 'B046: what fails is in the log');
unlike($log, qr/overleg een|overleg twee|CANARY/, '... and not what was read');
$offset = -s $node->logfile;
told("$enter SELECT inhoud::integer FROM beesel.notitie ORDER BY dossier, id");
$log = substr slurp_file($node->logfile), $offset;
like($log, qr/invalid input syntax for type integer: "(?:overleg|TYPED)/, 'B046: a cast that fails tells the value that it met');
unlike($log, qr/CANARY|"intake/, '... of a row that the reader sees, though others come first');
$node->safe_psql('postgres', 'ALTER ROLE bs_coordinator RESET ALL; ALTER ROLE bs_coordinator SET log_min_error_statement = panic');
$offset = -s $node->logfile;
told("SELECT inhoud FROM beesel.notitie WHERE inhoud = 'TYPED again'");
unlike(substr(slurp_file($node->logfile), $offset), qr/TYPED again/, 'B046: log_min_error_statement = panic leaves it out');
$node->safe_psql('postgres', 'ALTER ROLE bs_coordinator RESET ALL');

# B048: one process writes the log, and no other is needed: with those stopped, what is read is on record; with that one stopped, nothing is read.
# Without those that read pages for others (18) nobody would even connect.
my @processes = split /\n/, $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type NOT IN ('client backend', 'parallel worker', 'io worker')});
my $before = grep { $_->{kind} eq 'read' } records();
kill 'STOP', @processes;
my $seen = $node->safe_psql('postgres', "$enter SELECT count(*) FROM beesel.notitie", @as_coordinator);
kill 'CONT', @processes;
is($seen, '3', 'B048: reading goes on while the other processes of the server are stopped');
is((grep { $_->{kind} eq 'read' } records()) - $before, 1, '... and is on record');
my $writer = CasusTest::log_writer($node);
kill 'STOP', $writer;
unlike(told("$enter SET LOCAL statement_timeout = '3s'; SELECT inhoud FROM beesel.notitie"), qr/CANARY|overleg een/, 'B048: with the writer of the log stopped, nothing is read');
# Only who has waited for all of casus.log_timeout finds that it stands still.
is($node->safe_psql('postgres', q{SELECT count(*) FROM casus.doctor() WHERE code = 'log_failing'}), '1', '... nor does statement_timeout shorten the wait');
is((CasusTest::refusal($node, "$enter SELECT inhoud FROM beesel.notitie", user => 'bs_coordinator'))[0], 'casus.log_unavailable', '... with its code');
kill 'CONT', $writer;
ok(CasusTest::wait_until(sub { told("$enter SELECT inhoud FROM beesel.notitie") =~ /overleg een/ }), '... and it goes on when that does');

# Whoever may create in the schema that CREATE EXTENSION has on its path makes operators that fit better than the server's own:
# none of them gets into what casus is made of.
$node->safe_psql('postgres', 'CREATE DATABASE gevangen');
$node->safe_psql('gevangen', q{
	CREATE FUNCTION public.vang(jsonb, jsonb) RETURNS text LANGUAGE sql AS $$SELECT 'gevangen'$$;
	CREATE OPERATOR public.->> (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = public.vang);
	CREATE FUNCTION public.plak(text, timestamptz) RETURNS text LANGUAGE sql AS $$SELECT 'gevangen'$$;
	CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = timestamptz, FUNCTION = public.plak);
	CREATE EXTENSION casus;
});
is($node->safe_psql('gevangen', q{SELECT count(*) FROM pg_depend d WHERE d.refclassid = 'pg_operator'::regclass AND d.refobjid >= 16384
	AND (SELECT oprnamespace FROM pg_operator WHERE oid = d.refobjid) = 'public'::regnamespace}), '0', 'CREATE EXTENSION binds no operator of a user');
is($node->safe_psql('gevangen', q{SELECT count(*) FROM casus.access_log WHERE code LIKE '%gevangen%'}), '0', '... and what it made works');
$node->safe_psql('postgres', 'DROP DATABASE gevangen WITH (FORCE)');

# B050 (known limit): a copy of the database is bound as the database is, and on record.
# Sessions that have ended, and the loader, may be in it a moment longer.
ok(CasusTest::wait_until(sub { $node->psql('template1', 'CREATE DATABASE kopie TEMPLATE postgres') == 0 }), 'B050: a database is copied');
is((CasusTest::refusal($node, 'SELECT inhoud FROM beesel.notitie', dbname => 'kopie'))[0], 'casus.no_purpose', 'B050: the copy of a database is bound, for a superuser');
is((CasusTest::refusal($node, 'SELECT inhoud FROM beesel.notitie', dbname => 'kopie', user => 'bs_coordinator'))[0], 'casus.no_purpose', '... and for others');
ok((grep { ($_->{kind} // '') eq 'attempt' && ($_->{text} // '') eq 'CREATE DATABASE kopie TEMPLATE postgres' } records()) > 0, '... and its making is on record');
$node->safe_psql('postgres', 'DROP DATABASE kopie WITH (FORCE)');

# E032: sessions that are terminated at any moment while they read and write leave nothing that stops the next.
my $script = $node->basedir . '/work.sql';
append_to_file($script, "$enter
	INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES ($dossier{overleg}, 'beoordeling', 'werk');
	SAVEPOINT s;
	SELECT count(*) FROM beesel.notitie WHERE inhoud = 'werk';
	UPDATE beesel.notitie SET inhoud = 'gedaan' WHERE id = (SELECT max(id) FROM beesel.notitie);
	ROLLBACK TO s;
	COMMIT;\n");
my $killed = 0;
for my $round (1 .. 8)
{
	my $output = '';
	my $work = IPC::Run::start([ 'pgbench', '-n', '-c', '3', '-j', '1', '-T', '20', '-f', $script, '-h', $node->host, '-p', $node->port, '-U', 'bs_coordinator', 'postgres' ],
		'>', \$output, '2>', \$output, CasusTest::patience());
	$node->poll_query_until('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'bs_coordinator'}, 3);
	$killed += $node->safe_psql('postgres', qq{
		SELECT pg_sleep(random() / 5) \\g /dev/null
		DO \$\$ BEGIN
			FOR i IN 1 .. 5000 LOOP
				PERFORM pg_stat_clear_snapshot();
				EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'bs_coordinator');
				PERFORM pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE usename = 'bs_coordinator' ORDER BY random() LIMIT 1) x;
				PERFORM pg_sleep(random() / 20);
			END LOOP;
		END \$\$;
		SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'bs_coordinator'}) eq 't' ? 1 : 0;
	IPC::Run::finish($work);
}
is($killed, 8, 'E032: each round ends with all sessions terminated');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP/, '... none by a crash');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE relation = 'beesel.notitie'::regclass"), '0', '... no lock is left');
is(CasusTest::log_damage($node), '', '... the chain of the log is whole');
my $made = $node->safe_psql('postgres', "$enter SELECT count(*) > 0 FROM beesel.notitie WHERE inhoud = 'werk';
	INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES ($dossier{overleg}, 'beoordeling', 'werk') RETURNING 'stored'; COMMIT", @as_coordinator);
is($made, "t\nstored", '... and the next reads and writes');

# B030: with other libraries that hang on the same hooks, before casus and after.
my $pkglibdir = `@{[ $ENV{PG_CONFIG} // 'pg_config' ]} --pkglibdir` =~ s/\s+$//r;
my @others = grep { -e "$pkglibdir/$_.so" } qw(auto_explain pg_stat_statements pgaudit);
SKIP:
{
	skip "NOT RUN: B030, C044 with pgaudit, which is not in this archive", 1 if $ENV{CASUS_TEST_SUITES} && "@others" !~ /pgaudit/;
	is("@others", 'auto_explain pg_stat_statements pgaudit', 'B030: the other libraries are there');
}
for my $libraries (join(', ', @others, 'casus'), join(', ', 'casus', @others))
{
	$node->append_conf('postgresql.conf', "shared_preload_libraries = '$libraries'\nauto_explain.log_min_duration = 0\nauto_explain.log_analyze = on\n"
		. "auto_explain.log_nested_statements = on\nauto_explain.log_verbose = on\npgaudit.log = 'all'\npg_stat_statements.track_utility = on\n");
	$node->restart;
	$offset = -s $node->logfile;
	$before = grep { $_->{kind} eq 'read' } records();
	$node->safe_psql('postgres', 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
	for my $user (qw(postgres bs_owner bs_stranger bs_coordinator))
	{
		for my $sql ('SELECT inhoud FROM beesel.notitie', 'UPDATE beesel.notitie SET inhoud = $$x$$', 'WITH x AS (SELECT * FROM beesel.notitie) SELECT * FROM x',
			'PREPARE q AS SELECT inhoud FROM beesel.notitie; EXECUTE q', 'DO $do$ BEGIN PERFORM inhoud FROM beesel.notitie; END $do$',
			'EXPLAIN (ANALYZE) SELECT inhoud FROM beesel.notitie', 'DECLARE c CURSOR WITH HOLD FOR SELECT inhoud FROM beesel.notitie')
		{
			is((CasusTest::refusal($node, $sql, user => $user))[0], 'casus.no_purpose', "B030: $libraries: $user: $sql");
		}
	}
	is((CasusTest::refusal($node, "$enter CREATE TABLE own AS SELECT * FROM beesel.notitie", user => 'bs_coordinator'))[0], 'casus.copy_out', '... a copy');
	is((CasusTest::refusal($node, 'ALTER TABLE beesel.notitie DISABLE ROW LEVEL SECURITY'))[0], 'casus.ddl', '... DDL');
	$told = told("$enter SELECT DISTINCT dossier FROM beesel.notitie; EXPLAIN (ANALYZE) SELECT * FROM beesel.notitie");
	like($told, qr/^$dossier{overleg}$/m, '... reading for a purpose');
	unlike($told, qr/CANARY|Rows Removed by Filter: [1-9]|^$dossier{intake}$/m, '... shows what it does without them');
	is((grep { $_->{kind} eq 'read' } records()) - $before, 2, '... on record');
	# C044: pgaudit writes to the server's log, for as long as nobody tells it not to.
	if ($libraries =~ /pgaudit/)
	{
		my $audited = qr/AUDIT: SESSION,[^\n]*SELECT DISTINCT dossier/;
		my $reads = grep { $_->{kind} eq 'read' } records();
		like(substr(slurp_file($node->logfile), $offset), $audited, 'C044: pgaudit has what was read');
		$node->safe_psql('postgres', q{ALTER ROLE bs_coordinator SET pgaudit.log = 'none'});
		my $silent = -s $node->logfile;
		told("$enter SELECT DISTINCT dossier FROM beesel.notitie");
		unlike(substr(slurp_file($node->logfile), $silent), $audited, '... until it is told to be silent');
		is((grep { $_->{kind} eq 'read' } records()) - $reads, 1, '... which the access log is not');
		$node->safe_psql('postgres', q{ALTER ROLE bs_coordinator RESET pgaudit.log});
		# C045: nor by the statement that is said to do it, by a reader or by a superuser who then reads as one.
		for my $user (qw(bs_coordinator postgres))
		{
			$reads = grep { $_->{kind} eq 'read' } records();
			told("LOAD 'pgaudit'; SET pgaudit.log = 'none'; SET SESSION AUTHORIZATION bs_coordinator; $enter SELECT DISTINCT dossier FROM beesel.notitie", user => $user);
			is((grep { $_->{kind} eq 'read' } records()) - $reads, 1, "C045: $user: LOAD 'pgaudit'; SET pgaudit.log = 'none'");
		}
	}
	# B047: literals of utility statements are kept, for those who may read statements of others.
	told("DO \$\$ BEGIN PERFORM 'TYPED'; END \$\$");
	$told = told('SELECT query FROM pg_stat_statements', user => 'bs_stranger');
	unlike($told, qr/TYPED|CANARY/, 'B047: who is no pg_read_all_stats sees no statement of others');
	unlike($node->safe_psql('postgres', 'SELECT query FROM pg_stat_statements'), qr/CANARY|overleg een/, '... and nobody what was read');
	like($node->safe_psql('postgres', 'SELECT query FROM pg_stat_statements'), qr/TYPED/, '... but what was typed');
	unlike(substr(slurp_file($node->logfile), $offset), qr/CANARY|overleg een/, '... nor does the server log');
}
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'casus'\n");

# B028: single-user mode binds as any other; a break-glass opens what it names, on record.
$node->stop;
sub single
{
	my ($in, @flags) = @_;
	my $out = '';

	IPC::Run::run([ 'postgres', '--single', '-D', $node->data_dir, @flags, 'postgres' ], '<', \$in, '>', \$out, '2>', \$out);
	return $out;
}
for my $flags ('', '-O', '-O -P')
{
	my $out = single("SELECT inhoud FROM beesel.notitie\nUPDATE pg_class SET relrowsecurity = false\nDROP TABLE beesel.notitie CASCADE\n", split(/ /, $flags));
	is(() = $out =~ /read for a purpose only|pg_class cannot be written|not allowed on what casus protects/g, 3, "B028: single-user mode $flags refuses each");
	unlike($out, qr/CANARY|overleg een/, '... and shows no row');
}
$before = grep { $_->{kind} eq 'read' } records();
my $opened = single("SELECT casus.break_glass('single', $dossier{overleg}, '1 hour')\nSELECT inhoud FROM beesel.notitie\n");
like($opened, qr/overleg een/, 'B028: what break-glass has opened is read');
unlike($opened, qr/CANARY/, '... and nothing else');
is((grep { $_->{kind} eq 'read' } records()) - $before, 1, '... on record');
done_testing();
