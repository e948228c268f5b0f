# Ways round the access log (group C of the attacks): what was read is on record, whatever became of the statement and
# whoever read; nobody writes to the log, and each person sees his own part.
# C002 C003 C006 C015 C020 C022 C023 C024 C025 C035 C036 C038 C042 C045
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $node = CasusTest::start('main', conf => "fsync = on\nlisten_addresses = '127.0.0.1'\n");
CasusTest::fixture($node, 'beesel');
my %dossier = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT name, dossier FROM beesel.fixture');
my $enter = "SELECT FROM casus.enter('intake', $dossier{intake});";
$node->safe_psql('postgres', "BEGIN; $enter INSERT INTO beesel.notitie (id, dossier, categorie, inhoud)
	SELECT 1000 + g, $dossier{intake}, 'beoordeling', 'CANARY ' || g FROM generate_series(1, 1000) g; COMMIT", extra_params => [ '-U', 'bs_coordinator' ]);
$node->safe_psql('postgres', 'CREATE ROLE auditor LOGIN IN ROLE casus_auditor; GRANT pg_read_all_stats TO bs_coordinator; GRANT CREATE ON SCHEMA public TO bs_coordinator');

# All that a session is told, on both channels.
sub told
{
	my ($sql, %opt) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', $sql, stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-U', $opt{user} // 'bs_coordinator' ]);
	return "$out\n$err";
}

# Records that came since the last call; and the rows of the table that they say were read.
my $mark = 0;
sub fresh
{
	my @new = grep { $_->{seq} > $mark } CasusTest::log_records($node);
	$mark = $new[-1]{seq} if @new;
	return @new;
}
sub reads { return grep { $_->{kind} eq 'read' && ($_->{relation} // '') eq 'beesel.notitie' } @_ }
sub rows
{
	my $rows = 0;
	for my $record (reads(fresh())) { $rows += $_->[1] for @{ $record->{dossiers} } }
	return $rows;
}
fresh();

# ---- what does not take a record back ----

my $told = told(qq{BEGIN; $enter
	DO \$\$ DECLARE v text; BEGIN
		BEGIN SELECT inhoud INTO v FROM beesel.notitie WHERE id = 1001; RAISE EXCEPTION 'undo'; EXCEPTION WHEN raise_exception THEN NULL; END;
		RAISE NOTICE 'kept %', v;
	END \$\$;
	SAVEPOINT s; SELECT inhoud FROM beesel.notitie WHERE id = 1002; ROLLBACK TO s; ROLLBACK});
like($told, qr/kept CANARY 1\b/, 'C002: a value outlives its exception block');
is(rows(), 2, '... and so does its record, and that of a savepoint');

$told = told("BEGIN READ ONLY; $enter SELECT inhoud FROM beesel.notitie WHERE id = 1003; ROLLBACK");
like($told, qr/CANARY 3\b/, 'C003: a read-only transaction reads');
is(rows(), 1, '... on record');

$told = told("SET synchronous_commit = off; BEGIN; $enter SELECT inhoud FROM beesel.notitie WHERE id = 1004; COMMIT");
like($told, qr/CANARY 4\b/, 'C006: with synchronous_commit off the row is seen');
$node->stop('immediate');
is(rows(), 1, '... and on record, when the server stops at once');
$node->start;
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', '... in a log that is whole (that it is synced before is shown in 039)');
fresh();

$told = told("BEGIN; $enter COPY (SELECT inhoud, 1 / (id - 1900) FROM beesel.notitie WHERE id > 1000) TO STDOUT");
my $sent = () = $told =~ /^CANARY/mg;
like($told, qr/division by zero/, 'C015: an error after rows have left');
cmp_ok($sent, '>', 0, '... some have');
cmp_ok(rows(), '>=', $sent, "... and all $sent are on record");

# ---- reads within (C042) ----

my %within = (
	'a function in PL/pgSQL' => [ 'CREATE FUNCTION pg_temp.f() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT count(*) FROM beesel.notitie WHERE id > 1990); END$$; SELECT pg_temp.f()', 10 ],
	'a function in SQL' => [ 'CREATE FUNCTION pg_temp.f() RETURNS bigint LANGUAGE sql AS $$SELECT count(*) FROM beesel.notitie WHERE id > 1990$$; SELECT pg_temp.f() FROM generate_series(1, 3)', 30 ],
	'a trigger' => [ 'CREATE TEMP TABLE t (x int); CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.x := (SELECT count(*) FROM beesel.notitie WHERE id > 1990); RETURN NEW; END$$;
		CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION pg_temp.f(); INSERT INTO t VALUES (1), (2)', 20 ],
	'a function of a function' => [ 'CREATE FUNCTION pg_temp.f() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT count(*) FROM beesel.notitie WHERE id > 1990); END$$;
		CREATE FUNCTION pg_temp.g() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN pg_temp.f() + pg_temp.f(); END$$; SELECT pg_temp.g()', 20 ],
	'a default' => [ 'CREATE FUNCTION pg_temp.f() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT count(*) FROM beesel.notitie WHERE id > 1990); END$$;
		CREATE TEMP TABLE t (x int, y bigint DEFAULT pg_temp.f()); INSERT INTO t VALUES (1)', 10 ],
	'EXECUTE of a text' => [ q{DO $$BEGIN EXECUTE 'SELECT count(*) FROM beesel.notitie WHERE id > 1990'; EXECUTE 'DECLARE c CURSOR FOR SELECT 1'; EXCEPTION WHEN OTHERS THEN NULL; END$$}, 10 ]);
for my $way (sort keys %within)
{
	$told = told("BEGIN; $enter $within{$way}[0]; ROLLBACK");
	my $rows = rows();
	is($rows, $within{$way}[1], "C042: $way: as many rows on record as were read") or diag $told;
}
is((CasusTest::refusal($node, "BEGIN; $enter CREATE MATERIALIZED VIEW m AS SELECT * FROM beesel.notitie", user => 'bs_coordinator'))[0], 'casus.copy_out', 'C042: a materialized view is refused');
# One that was made while its function read nothing: what is refused leaves a refusal.
$node->safe_psql('postgres', q{
	CREATE TABLE public.leest (aan boolean);
	CREATE FUNCTION public.tel() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN IF EXISTS (SELECT FROM public.leest) THEN RETURN (SELECT count(*) FROM beesel.notitie WHERE id > 1990); END IF; RETURN NULL; END$$;
	CREATE MATERIALIZED VIEW public.telling AS SELECT public.tel();
	INSERT INTO public.leest VALUES (true);
	ALTER MATERIALIZED VIEW public.telling OWNER TO bs_coordinator;
	GRANT SELECT ON public.leest TO bs_coordinator});
fresh();
like(told("BEGIN; $enter REFRESH MATERIALIZED VIEW public.telling"), qr/ERROR/, 'C042: REFRESH of a materialized view is refused');
my @refreshed = map { "$_->{kind} " . ($_->{code} // '') } fresh();
ok((grep { /^refusal / } @refreshed), '... on record') or diag "@refreshed";
is($node->safe_psql('postgres', 'SELECT count(tel) FROM public.telling', extra_params => [ '-U', 'bs_coordinator' ]), '0', '... and nothing of it is kept');

# A foreign key to rows that are hidden: that a key is there is told, without a row let through, and nothing is a read.
$node->safe_psql('postgres', q{CREATE TABLE public.verwijst (notitie integer REFERENCES beesel.notitie); GRANT INSERT ON public.verwijst TO bs_stranger});
fresh();
unlike(told('INSERT INTO public.verwijst VALUES (1001)', user => 'bs_stranger'), qr/ERROR/, 'C042: referential integrity finds a hidden parent');
like(told('INSERT INTO public.verwijst VALUES (-1)', user => 'bs_stranger'), qr/ERROR:  insert or update on table "verwijst" violates foreign key/, '... and tells where there is none');
is((grep { $_->{kind} =~ /^(?:read|empty)$/ } fresh()), 0, '... which leaves no record of a read');

# ---- who it was (C024) ----

fresh();
told(qq{SET application_name = 'wethouder\@gemeente'; BEGIN; $enter SELECT inhoud FROM beesel.notitie WHERE id = 1005; COMMIT});
my ($record) = reads(fresh());
is_deeply([ @$record{qw(role person application)} ], [ 'bs_coordinator', 'C. Coordinator', 'wethouder@gemeente' ], 'C024: what a client calls itself is noted as that; who it was is his login');
is($record->{client}, undef, '... by the socket of the server, from no address');
is_deeply($record->{party}, undef, '... in an office of the file, for no party');
$node->psql('postgres', "BEGIN; SELECT FROM casus.enter('overleg', $dossier{overleg}); SELECT count(*) FROM beesel.notitie; COMMIT",
	connstr => 'host=127.0.0.1 port=' . $node->port . ' dbname=postgres', extra_params => [ '-U', 'bs_handhaving' ]);
($record) = reads(fresh());
is_deeply([ @$record{qw(role client party office)} ], [ 'bs_handhaving', '127.0.0.1', 'bestuurlijke_handhaving', 'afgevaardigde' ], '... another from an address, for his party');
for my $sql ('SET SESSION AUTHORIZATION bs_regisseur', 'SET ROLE bs_regisseur')
{
	like(told($sql), qr/permission denied/, "... which nobody changes: $sql");
}

# ---- who writes to it, and who sets its numbers (C020, C023) ----

for my $user (qw(bs_coordinator auditor postgres))
{
	for my $sql ('DELETE FROM casus.access_log', 'UPDATE casus.access_log SET role = $$x$$', 'TRUNCATE casus.access_log', "INSERT INTO casus.access_log (kind) VALUES ('read')",
		'DELETE FROM casus.act_log', 'DELETE FROM casus_cat.act', 'UPDATE casus_cat.act SET id = id + 1', 'TRUNCATE casus_cat.act')
	{
		like(told($sql, user => $user), qr/ERROR:  (?:permission denied for|cannot (?:delete from|update|insert into) view|"\w+" is not a table|this (?:statement|command) )/, "C020: $user: $sql");
	}
}
# Nor does the role that owns them, into which a superuser goes.
for my $sql (map { ("DELETE FROM casus_cat.$_", "TRUNCATE casus_cat.$_") } qw(act access_record log_loaded))
{
	like((CasusTest::refusal($node, "BEGIN; SET ROLE casus_owner; $sql"))[0], qr/^casus\.(?:bypass|ddl|role)$/, "C020: as casus_owner: $sql");
}
my $next = $mark = (CasusTest::log_records($node))[-1]{seq};
for my $user (qw(bs_coordinator auditor))
{
	my @sequences = split /\n/, $node->safe_psql('postgres', q{SELECT c.oid::regclass FROM pg_class c WHERE relkind = 'S' AND relnamespace IN ('casus'::regnamespace, 'casus_cat'::regnamespace, 'casus_int'::regnamespace)});
	cmp_ok(scalar(@sequences), '>', 1, "C023, C022: $user: casus has sequences");
	for my $sequence (@sequences)
	{
		for my $call ("setval('$sequence', 1)", "nextval('$sequence')") { like(told("SELECT $call", user => $user), qr/ERROR:  permission denied/, "C023: $user: $call") }
	}
}
is_deeply([ grep { $_->{seq} != ++$next } fresh() ], [], '... and the log counts on, by no sequence');

# C025: what a client gives stays inside its member, as it was given, cut at 4096 bytes and within no letter.
{
	local $ENV{PGAPPNAME} = "x\n{\"seq\":1,\"kind\":\"act\"}\t\e[2J\xff\xfe";
	my $given = q~E'x\n","code":"forged"}\t\u001b[2J{"seq":1,"kind":"act"}\\"' || repeat('é', 1000000)~;
	fresh();
	is($node->psql('postgres', "BEGIN; SELECT casus.maintenance('beesel.notitie', $given); ROLLBACK"), 0, 'C025: a text of two million bytes, with quotes, lines and codes, that bears what looks like members');
	my @new = fresh();
	my ($text) = map { $_->{seq} } grep { $_->{kind} eq 'maintenance' && ($_->{text} // '') =~ /forged/ } @new;
	ok($text, '... makes a record');
	is((grep { ($_->{code} // '') eq 'forged' || $_->{kind} eq 'act' || $_->{seq} == 1 } @new), 0, '... and none of its own');
	is($node->safe_psql('postgres', qq{SET ROLE auditor; SELECT text ~ 'é\\.\\.\\.\$' AND octet_length(text) BETWEEN 4096 AND 4099 AND starts_with($given, rtrim(text, '.'))
		FROM casus.access_log WHERE seq = $text}), 't', '... it is in the log as it was given, as far as it goes');
	unlike($node->safe_psql('postgres', qq{SET ROLE auditor; SELECT application FROM casus.access_log WHERE seq = $text}), qr/[^\x20-\x7e]/, '... and what the client calls itself has letters only');
	is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', '... in a chain that holds');
}
$next = $mark = (CasusTest::log_records($node))[-1]{seq};

# ---- who sees it (C038) ----

is(told(q{SELECT count(*) FROM casus.access_log}, user => 'bs_stranger'), "0\n", 'C038: who is nobody sees nothing');
is(told(q{SELECT DISTINCT person FROM casus.access_log}, user => 'bs_handhaving'), "H. Handhaver\n", '... each his own');
is(told(q{SELECT bool_or(person = 'H. Handhaver'), bool_or(file IS DISTINCT FROM 'ondermijning') FROM casus.access_log WHERE person IS DISTINCT FROM 'C. Coordinator'}),
	"t|f\n", '... who oversees the file what is of it  [B-47]');
unlike(told(q{SELECT DISTINCT person FROM casus.access_log}, user => 'bs_handhaving'), qr/Coordinator/, '... and not that of others');
like(told(q{SELECT DISTINCT person FROM casus.access_log WHERE person IS NOT NULL ORDER BY 1}, user => 'auditor'), qr/Coordinator.*Handhaver/s, '... an auditor all');
is(join(' ', map { "$_->{role} $_->{kind} $_->{code}" } grep { $_->{role} eq 'auditor' } fresh()), 'auditor read access_log', '... which is on record');

# ---- how much (C035, C036) ----

my $loops = $ENV{TEST_LONG} ? 100000 : 2000;
told(qq{BEGIN; $enter DO \$\$ BEGIN FOR i IN 1 .. $loops LOOP PERFORM FROM beesel.notitie WHERE id = 1001; END LOOP; END \$\$; COMMIT});
my @many = reads(fresh());
my $bytes = 0;
$bytes += $_->{size} for @many;
is(scalar(@many), $loops, 'C035 (known limit): one record for each statement and relation');
note sprintf '%d reads in a loop: %d bytes of log, %.0f each', $loops, $bytes, $bytes / $loops;

my $memory = q{SELECT sum(total_bytes) FROM pg_backend_memory_contexts};
my $half = $loops / 2;
my $do = qq{DO \$\$ BEGIN FOR i IN 1 .. $half LOOP BEGIN PERFORM FROM beesel.notitie WHERE id = 1001; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END \$\$;};
$told = told("BEGIN; $enter $do $memory; $do $memory; COMMIT");
my ($first, $second) = $told =~ /^(\d+)$/mg;
is(scalar(my @all = reads(fresh())), $loops, "C036: $loops subtransactions with a read each, all on record");
cmp_ok($second - $first, '<', 100 * $half, '... in memory that does not grow with them') or diag $told;
note "memory of the backend: $first, then $second bytes";
# Asked within one command: what waits is written before its answer leaves.
$told = told(qq{BEGIN; $enter DO \$\$ DECLARE first bigint; second bigint; BEGIN FOR i IN 1 .. $half LOOP
	PERFORM count(motivation), count(details) FROM casus.act_log; IF i = 10 THEN first := ($memory); END IF; END LOOP; second := ($memory); RAISE NOTICE 'bytes % %', first, second; END \$\$; COMMIT});
($first, $second) = $told =~ /bytes (\d+) (\d+)/;
is(scalar(grep { ($_->{relation} // '') eq 'casus_cat.act_content' } fresh()), $half, "C036: $half reads of what was written of acts in one command, all on record");
cmp_ok($second - $first, '<', 200 * $half, '... in memory that does not grow with them') or diag $told;

# ---- switched off (C045) ----

for my $sql ("SET casus.log_durability = 'relaxed'", "SET casus.log_directory = '.'", 'SET casus.log_timeout = 0', "SET casus.log_key_file = 'x'", 'SET casus.log_ring_size = 0')
{
	like(told("$sql; BEGIN; $enter SELECT 'seen' FROM beesel.notitie WHERE id = 1001; ROLLBACK"), qr/ERROR:  parameter .* cannot be (?:changed|set)/, "C045: $sql");
	is(rows(), 1, '... and it is on record');
}
told("SELECT set_config('pgaudit.log', 'none', false); BEGIN; $enter SELECT FROM beesel.notitie WHERE id = 1001; ROLLBACK");
is(rows(), 1, 'C045: what is set for another log, which is not there, changes nothing of this one');

is(CasusTest::log_damage($node), '', 'the log is whole');
$node->stop;
done_testing();
