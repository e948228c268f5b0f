# pg_upgrade takes a database with casus along: tables, labels, fences, state, people, acts and openings as they were, and with its
# directory and its key file the access log goes on.  Between two clusters of the version that is tested.  [P-49]
use strict;
use warnings;

use File::Path qw(rmtree);
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

# There pg_upgrade looks for the library in the server's own directory, and this one is installed beside it.
plan skip_all => 'pg_upgrade of 18 asks for a library in $libdir itself' if `@{[ $ENV{PG_CONFIG} // 'pg_config' ]} --version` =~ / (?:18|19)/;


my $conf = "casus.log_load_interval = 1\n";
my $old = CasusTest::start('old', conf => $conf);
my $user = 'postgres';

sub sql { my ($node, $sql, $as) = @_; return $node->safe_psql($user, $sql, extra_params => [ '-U', $as // 'postgres' ]) }
sub read_all
{
	my ($node) = @_;
	return sql($node, q{BEGIN; SELECT casus.enter('intake') \g /dev/null
		SELECT z.id, z.titel, casus.label_text(z.casus_label), s.wat, casus.label_text(s.casus_label) FROM zaak z LEFT JOIN stuk s ON s.zaak = z.id ORDER BY 1, 4;
		SELECT id, tableoid::regclass, casus.label_text(casus_label) FROM notitie ORDER BY 1;
		SELECT * FROM document ORDER BY id; SELECT * FROM historie ORDER BY id; SELECT id, casus.dossier_of(casus_label) FROM melding ORDER BY 1}, 'anna');
}

sql($old, q{
	CREATE ROLE anna LOGIN; CREATE ROLE bas LOGIN; CREATE ROLE fred LOGIN IN ROLE casus_auditor;
	CREATE ROLE bewaarder LOGIN BYPASSRLS IN ROLE casus_backup, pg_read_all_data;
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text, bsn text, diagnose text, kort text GENERATED ALWAYS AS (left(titel, 4)) STORED);
	CREATE TABLE stuk (id integer PRIMARY KEY, zaak integer NOT NULL REFERENCES zaak DEFERRABLE, wat text);
	CREATE TABLE notitie (id integer, maand date, zaak integer REFERENCES zaak, PRIMARY KEY (id, maand)) PARTITION BY RANGE (maand);
	CREATE TABLE notitie_1 PARTITION OF notitie FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TABLE notitie_2 (zaak integer, maand date NOT NULL, weg text, id integer NOT NULL);
	ALTER TABLE notitie_2 DROP COLUMN weg;
	ALTER TABLE notitie ATTACH PARTITION notitie_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
	CREATE TABLE document (id integer PRIMARY KEY);
	CREATE TABLE koppeling (zaak integer REFERENCES zaak, document integer REFERENCES document, PRIMARY KEY (zaak, document));
	CREATE TABLE historie (id bigserial PRIMARY KEY, oud text, dossier bigint);
	CREATE TABLE melding (id integer PRIMARY KEY, nummer text);
	CREATE TABLE nummer (nummer text PRIMARY KEY, dossier bigint);
	CREATE FUNCTION dossier_van(nummer text) RETURNS bigint STABLE LANGUAGE sql AS 'SELECT n.dossier FROM public.nummer n WHERE n.nummer = $1';
	INSERT INTO zaak (id, soort, titel, bsn) SELECT n, CASE WHEN n % 3 = 0 THEN 1 ELSE 8 END, 'zaak ' || n, n FROM generate_series(1, 9) n;
	INSERT INTO stuk SELECT n, n, 'stuk ' || n FROM generate_series(1, 9) n;
	INSERT INTO notitie SELECT n, CASE WHEN n % 2 = 0 THEN '2026-01-05'::date ELSE '2026-02-05' END, n FROM generate_series(1, 9) n;
	INSERT INTO document SELECT n FROM generate_series(1, 3) n;
	INSERT INTO koppeling VALUES (1, 1), (1, 2), (2, 2), (3, 3);
	GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO anna, bas;
	GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO anna;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'ond');
	SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
	SELECT casus.add_person('Anna', 'anna', oath_on => '2020-01-01');
	SELECT casus.appoint('Anna', 'ond', NULL, 'coordinator', reason => 'test');
	SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'signaalomschrijving', subject_column => 'bsn', columns => '{"diagnose": "registratie"}');
	SELECT casus.protect('stuk', 'ond', via => 'zaak', category => 'signaalomschrijving');
	SELECT casus.protect('notitie', 'ond', via => 'zaak', category => 'signaalomschrijving');
	SELECT casus.protect('koppeling', 'ond', via => 'zaak', category => 'signaalomschrijving');
	SELECT casus.protect('document', 'ond', via_link => 'koppeling', category => 'signaalomschrijving')});
sql($old, "CALL casus.take_in('$_')") for qw(zaak stuk notitie koppeling document);
sql($old, q{
	INSERT INTO nummer SELECT 'N' || id, casus.dossier_of(casus_label) FROM zaak WHERE soort = 8;
	INSERT INTO melding SELECT row_number() OVER (), nummer FROM nummer;
	INSERT INTO historie (oud, dossier) SELECT 'oud', dossier FROM nummer;
	SELECT casus.protect('historie', 'ond', dossier => 'dossier', category => 'signaalomschrijving');
	SELECT casus.protect('melding', 'ond', resolve => 'dossier_van(text)', category => 'signaalomschrijving')});
sql($old, "CALL casus.take_in('$_')") for qw(historie melding);
sql($old, "SELECT casus.bind('$_')") for qw(zaak stuk notitie koppeling document historie melding);
sql($old, q{CREATE MATERIALIZED VIEW buiten AS SELECT id, titel FROM zaak});
sql($old, q{BEGIN; SELECT casus.enter('intake'); INSERT INTO zaak (id, soort, titel) VALUES (20, 8, 'zaak 20'); INSERT INTO stuk VALUES (20, 20, 'stuk 20'); COMMIT}, 'anna');
sql($old, q{SELECT casus.break_glass('test', dossier, '2 hours') FROM nummer WHERE nummer = 'N1'}, 'anna');

my $seen = read_all($old);
like($seen, qr/zaak 20/, 'she reads');
my $labels = q{SELECT classoid::regclass, objoid, objsubid, label FROM pg_seclabel WHERE provider = 'casus' UNION ALL SELECT classoid::regclass, objoid, 0, label FROM pg_shseclabel WHERE provider = 'casus' ORDER BY 1, 2, 3};
my $fences = q{SELECT c.oid, c.relname, relrowsecurity, relforcerowsecurity, (SELECT json_agg(row(tgname, tgenabled, tgfoid::regproc) ORDER BY tgname) FROM pg_trigger t WHERE tgrelid = c.oid AND NOT tgisinternal),
	(SELECT json_agg(row(polname, polroles::regrole[], pg_get_expr(polqual, polrelid)) ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid) FROM pg_class c
	WHERE relnamespace IN ('public'::regnamespace, 'casus_cat'::regnamespace) AND relkind IN ('r', 'p') ORDER BY 1};
my $rights = q{SELECT k, o, (SELECT string_agg(a::text, ',' ORDER BY a::text COLLATE "C") FROM unnest(acl) a) FROM (
	SELECT 'relation' AS k, oid::regclass::text AS o, relacl AS acl FROM pg_class WHERE relnamespace::regnamespace::text ~ '^(casus|public)'
	UNION ALL SELECT 'schema', nspname, nspacl FROM pg_namespace WHERE nspname ~ '^(casus|public)'
	UNION ALL SELECT 'function', oid::regprocedure::text, proacl FROM pg_proc WHERE pronamespace::regnamespace::text ~ '^(casus|public)'
	UNION ALL SELECT 'column', attrelid::regclass || '.' || attname, attacl FROM pg_attribute WHERE attacl IS NOT NULL) x ORDER BY k, o};
my $doctor = q{SELECT severity, code, finding FROM casus.doctor() ORDER BY 1, 2, 3};
my $members = q{SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'casus')};
sub state { my ($node) = @_; return { map { $_->[0] => sql($node, $_->[1], $_->[2]) } [ labels => $labels ], [ fences => $fences ], [ doctor => $doctor ], [ members => $members ], [ rights => $rights ], [ acts => 'SELECT * FROM casus.act_log ORDER BY id', 'fred' ], [ openings => 'SELECT * FROM casus.opening', 'anna' ] } }
my $anchor = sql($old, 'SELECT anchor FROM casus.log_anchor()', 'fred');
my $records = sql($old, 'SELECT max(seq) FROM casus.access_log', 'fred');
CasusTest::wait_until(sub { sql($old, 'SELECT loaded_seq FROM casus.log_nodes()', 'fred') >= $records }) or BAIL_OUT('the log is not loaded');
# Now that the tables for this month are there.
my $before = state($old);

sub dump_of
{
	my ($node, $name) = @_;
	my $file = $node->basedir . "/$name.sql";
	$node->command_ok([ 'pg_dump', '-U', 'bewaarder', '-h', $node->host, '-p', $node->port, '-f', $file, 'postgres' ], "the dump of the $name cluster");
	# By what pg_upgrade has rights of an extension's members begin with, a dump says them otherwise; rights are compared as they are.
	return join '', grep { !/^(?:\\(?:un)?restrict |GRANT |REVOKE )/ } split /^/, slurp_file($file);
}
my $dump = dump_of($old, 'old');
my $workers = q{SELECT string_agg(DISTINCT backend_type, ',') FROM pg_stat_activity WHERE backend_type LIKE 'casus%'};
like(sql($old, $workers), qr/^casus log loader/, 'the loader of the log writes to the database');
$old->stop;

# As pg_upgrade starts it nothing of casus writes to the database: what it has read of the control file holds.
PostgreSQL::Test::Utils::system_or_bail('pg_ctl', '-w', '-D', $old->data_dir, '-l', $old->logfile, '-o', '-b', 'start');
sql($old, 'SELECT pg_sleep(2)');
is(sql($old, $workers), '', '... but not under pg_upgrade');
PostgreSQL::Test::Utils::system_or_bail('pg_ctl', '-w', '-D', $old->data_dir, '-m', 'fast', 'stop');

my $new = PostgreSQL::Test::Cluster->new('new');
CasusTest::init($new);
$new->append_conf('postgresql.conf', slurp_file($ENV{CASUS_CONF}) . $conf);
my $bindir = `@{[ $ENV{PG_CONFIG} // 'pg_config' ]} --bindir` =~ s/\s+$//r;
my $work = $new->basedir . '/upgrade';
mkdir $work or die $!;
chdir $work or die $!;
command_ok([ 'pg_upgrade', '--no-sync', '-b', $bindir, '-B', $bindir, '-d', $old->data_dir, '-D', $new->data_dir, '-s', $new->host, '-p', $old->port, '-P', $new->port, '-U', 'postgres' ],
	'pg_upgrade');

# Beside it: the log and its key, in the place of those that the new cluster has begun.
rmtree($new->data_dir . '/casus_log');
unlink $new->data_dir . '.casus_log_key';
system('cp', '-a', $old->data_dir . '/casus_log', $new->data_dir . '/casus_log') == 0 or die;
system('cp', '-a', $old->data_dir . '.casus_log_key', $new->data_dir . '.casus_log_key') == 0 or die;
$new->start;

my $after = state($new);
is($after->{$_}, $before->{$_}, "$_ as before") for qw(labels fences doctor rights openings);
# From 17 on pg_upgrade names some that the script has made by the way.
my %is_member = map { $_ => 1 } split /\n/, $after->{members};
is(join(', ', grep { !$is_member{$_} } split /\n/, $before->{members}), '', 'members as before');
diag('members besides: ' . join ', ', grep { !{ map { $_ => 1 } split /\n/, $before->{members} }->{$_} } keys %is_member);
ok(dump_of($new, 'new') eq $dump, 'a dump is the same, row by row');
is($after->{acts}, $before->{acts}, 'acts as before');

# It goes on: nobody is bound anew, who may not sees nothing, what comes gets its label.
is(read_all($new), $seen, 'she reads what she read, by the same role');
is(sql($new, 'SELECT count(*) FROM zaak'), '3', 'the superuser does not');
is((CasusTest::refusal($new, 'SELECT * FROM historie', user => 'bas'))[0], 'casus.no_purpose', 'nor does who is nobody');
is(sql($new, q{BEGIN; SELECT casus.enter('intake') \g /dev/null
	INSERT INTO zaak (id, soort, titel) VALUES (30, 8, 'zaak 30') RETURNING casus.dossier_of(casus_label) > (SELECT max(dossier) FROM nummer);
	INSERT INTO stuk VALUES (30, 30, 'x'); INSERT INTO notitie VALUES (30, '2026-01-06', 30); UPDATE stuk SET wat = 'y' WHERE id = 1;
	SELECT count(*) FROM stuk WHERE zaak = 30; COMMIT}, 'anna'), "t\n1", 'she writes');
is((CasusTest::refusal($new, 'ALTER ROLE casus_owner LOGIN'))[0], 'casus.ddl', 'the roles of casus are guarded again');
is((CasusTest::refusal($new, 'ALTER TABLE zaak DISABLE ROW LEVEL SECURITY'))[0], 'casus.ddl', '... and the fences');
like(sql($new, q{SELECT casus.end_opening(act) IS NOT NULL FROM casus.opening WHERE is_open}, 'anna'), qr/^t$/, 'an opening is ended where it was begun elsewhere');

# The log: of the same node, whole, against the anchor of before, and in tables only once.
is(sql($new, "SELECT ok, first_seq FROM casus.verify_log(anchor => '$anchor')", 'fred'), 't|1', 'the log holds from its first entry on, with the anchor of before');
my $now = sql($new, 'SELECT max(seq) FROM casus.access_log', 'fred');
cmp_ok($now, '>', $records, 'it goes on');
CasusTest::wait_until(sub { sql($new, 'SELECT loaded_seq FROM casus.log_nodes()', 'fred') >= $now }) or fail('the loader does not get on');
is(sql($new, 'SELECT count(*) = count(DISTINCT (node, seq)), count(DISTINCT node) FROM casus.access_log', 'fred'), 't|1', 'each record once, of one node');
my $dossier = sql($new, q{SELECT dossier FROM nummer WHERE nummer = 'N1'});
cmp_ok(sql($new, "SELECT count(*) FROM casus.who_saw($dossier) WHERE seq <= $records", 'fred'), '>', 0, 'who saw it before is found');
is(sql($new, q{SELECT string_agg(severity || ' ' || code, ', ') FROM casus.doctor() WHERE severity = 'critical' OR code ~ '^log_load'}), '', 'nothing is lost, says doctor');

done_testing();
