# Each layer of the guard by itself: an attack that gets through when exactly
# that layer is taken away (casus.test_layer_off, in this build only), and is
# stopped with all of them, and with any other one taken away.
#
# What gets through is told by what the attack prints: SECRET, a value of a
# governed row or of casus' own state, or THROUGH after a command that would
# open the way to one.  What an attack does is rolled back, so that the next
# finds everything as it was.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $node = CasusTest::start('main', conf => "max_prepared_transactions = 2\nwal_level = logical\nmax_wal_senders = 2\n");

CasusTest::fixture($node, 'beesel');
$node->safe_psql('postgres', q{
	CREATE ROLE lay_owner LOGIN IN ROLE casus_admin;
	CREATE ROLE lay_auditor LOGIN IN ROLE casus_auditor;
	CREATE SCHEMA own AUTHORIZATION lay_owner;
	CREATE SCHEMA lay AUTHORIZATION lay_owner;
	GRANT USAGE ON SCHEMA own, lay TO PUBLIC;
	GRANT CREATE ON SCHEMA public TO PUBLIC;
	SET ROLE lay_owner;
	CREATE FUNCTION own.show(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
		$$BEGIN RAISE WARNING 'shown: %', left($1, 9); RETURN true; END$$;
	CREATE FUNCTION own.shown(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
		$$BEGIN RAISE WARNING 'shown: %', left($1, 9); RETURN $1; END$$;
	CREATE FUNCTION own.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
		$$BEGIN RAISE WARNING 'leaked: %', left($1, 9); RETURN true; END$$;
	CREATE DOMAIN own.word AS text;
	CREATE TABLE own.ref (id int PRIMARY KEY);
	CREATE TABLE own.cat (id int PRIMARY KEY);
	INSERT INTO own.cat VALUES (1);
	CREATE TABLE lay.zaak (id int PRIMARY KEY, soort text NOT NULL, oms text, w own.word,
		ref int REFERENCES own.ref, cat int REFERENCES own.cat ON DELETE CASCADE);
	ALTER TABLE lay.zaak ALTER oms SET STORAGE EXTERNAL;
	INSERT INTO lay.zaak VALUES (1, 'gewoon', 'open');
	INSERT INTO lay.zaak VALUES (57, 'ond', 'SECRET', 'SECRET', NULL, 1),
		(58, 'ond', repeat('SECRET', 1000), 'SECRET', NULL, NULL);
	CREATE FUNCTION own.watch() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN RAISE WARNING 'seen: %', left(OLD.oms, 9); RETURN OLD; END$$;
	CREATE TRIGGER watch BEFORE DELETE ON lay.zaak FOR EACH ROW EXECUTE FUNCTION own.watch();
	GRANT ALL ON lay.zaak TO PUBLIC;
	CREATE TABLE own.parent (id int NOT NULL, soort text NOT NULL, oms text);
	CREATE TABLE own.p (k int PRIMARY KEY);
	CREATE TABLE own.c (k int REFERENCES own.p ON DELETE CASCADE);
	INSERT INTO own.p VALUES (1);
	INSERT INTO own.c VALUES (1);
	CREATE FUNCTION own.guess() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN RAISE WARNING 'guessed: %', (SELECT oms FROM lay.zaak WHERE id = 57); RETURN OLD; END$$;
	CREATE TRIGGER guess BEFORE DELETE ON own.c FOR EACH ROW EXECUTE FUNCTION own.guess();
	RESET ROLE;
	CREATE FUNCTION own.swap() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN DROP TABLE own.zaak; END';
	CREATE FUNCTION own.peek() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
		RAISE WARNING '%', (SELECT oms FROM lay.zaak WHERE id = 57);
	EXCEPTION WHEN insufficient_privilege THEN NULL; END$$;
	ALTER FUNCTION own.leak(text) LEAKPROOF;
	CREATE EXTENSION pageinspect;
	SELECT casus.protect('lay.zaak', 'ondermijning', opens_dossier => true, governs => $$soort = 'ond'$$,
		without_purpose => 'hide', category => 'beoordeling', default_basis => 'art. 172 Gemeentewet');
});
$node->safe_psql('postgres', q{CALL casus.take_in('lay.zaak')});
$node->safe_psql('postgres', q{SELECT casus.bind('lay.zaak', 'enforce')});

# A file whose coordinator does not read one category, which a column is of.
$node->safe_psql('postgres', q{
	CREATE ROLE lay_reader LOGIN;
	SELECT casus.load_protocol(jsonb_set(jsonb_set(definition, '{name}', '"smal"'), '{rules,0,categories}', '["beoordeling"]'))
		FROM casus.protocol WHERE name = 'beesel-2021';
	SELECT casus.open_file('smal', 'smal');
	SELECT casus.activate_protocol('smal', dpia => 'DPIA', parameters => '{"startdatum": "2021-12-01", "standaarden": []}');
	SELECT casus.add_person('L. Lezer', 'lay_reader', oath_on => '2020-01-01');
	SELECT casus.appoint('L. Lezer', 'smal', NULL, 'coordinator', reason => 'test');
	CREATE TABLE lay.kolom (id int PRIMARY KEY, oms text);
	GRANT SELECT, INSERT ON lay.kolom TO lay_reader;
	SELECT casus.protect('lay.kolom', 'smal', opens_dossier => true, category => 'beoordeling', columns => '{"oms": "personalia"}',
		subject_category => 'subject');
	SELECT casus.bind('lay.kolom', 'enforce');
	SET SESSION AUTHORIZATION lay_reader;
	BEGIN;
	SELECT casus.enter('intake');
	INSERT INTO lay.kolom VALUES (1, 'SECRET');
	COMMIT;
});

# What ANALYZE keeps; a table in parts, and a part of which the rows say themselves whose they are; rows that come from
# elsewhere, for a table that is none of theirs.
$node->safe_psql('postgres', 'ANALYZE lay.zaak');
$node->safe_psql('postgres', q{
	CREATE TABLE lay.delen (id int PRIMARY KEY, oms text) PARTITION BY RANGE (id);
	CREATE TABLE lay.deel PARTITION OF lay.delen FOR VALUES FROM (0) TO (10);
	SELECT casus.protect('lay.delen', 'ondermijning', opens_dossier => true, governs => $$oms = 'ond'$$, category => 'beoordeling');
	SELECT casus.bind('lay.delen', 'enforce');
	GRANT SELECT ON lay.delen TO PUBLIC;
	CREATE TABLE lay.komt (id int PRIMARY KEY, oms text, casus_label uuid);
});
$node->safe_psql('postgres', 'CREATE DATABASE away');
$node->safe_psql('away', q{CREATE SCHEMA casus_cat; CREATE TABLE casus_cat.person (id int PRIMARY KEY); CREATE PUBLICATION away FOR ALL TABLES});

# A table as in the middle of a restore: labelled, in force, not fenced yet.
$node->safe_psql('postgres', q{CREATE TABLE lay.restored (LIKE lay.zaak)});
for my $label (split /\n/, $node->safe_psql('postgres', q{
	SELECT format('SECURITY LABEL FOR casus ON %s IS %L', CASE objsubid WHEN 0 THEN 'TABLE lay.restored'
		ELSE format('COLUMN lay.restored.%I', attname) END, label)
	FROM pg_seclabel LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND objsubid > 0
	WHERE objoid = 'lay.zaak'::regclass ORDER BY objsubid DESC}))
{
	$node->safe_psql('postgres', $label);
}
my $toast = $node->safe_psql('postgres', q{SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'lay.zaak'::regclass});
my $dossier = $node->safe_psql('postgres', q{SELECT dossier FROM beesel.fixture WHERE name = 'overleg'});
my $governed = sprintf('%08x-%04x-%04x-0000-000100000000', 0, 0, $dossier);

my $through = "SELECT 'THROUGH'";
my $enter = 'SELECT casus.enter($$overleg$$)';
my $maintenance = q{SELECT casus.maintenance('lay.zaak', 'a test')};

# Layer, user, what is tried (in a transaction, unless it is a list), what tells that it got through.
my @attacks = (
	[ query => 'postgres', q{INSERT INTO lay.zaak AS t VALUES (57, 'gewoon', 'x') ON CONFLICT (id) DO UPDATE SET oms = t.oms WHERE own.show(t.oms)}, 'SECRET' ],
	# Nothing is put above a protected table, unless the layer that keeps that away is away too.
	[ plan => 'postgres', qq{$maintenance; SELECT set_config('lay.off', current_setting('casus.test_layer_off'), true); SET LOCAL casus.test_layer_off = 'ddl';
		ALTER TABLE lay.zaak INHERIT own.parent; SELECT set_config('casus.test_layer_off', current_setting('lay.off'), true); SELECT left(oms, 6) FROM own.parent}, 'SECRET' ],
	[ fence => 'postgres', qq{INSERT INTO lay.restored (id, soort, casus_label) VALUES (3, 'ond', '$governed'); $through}, 'THROUGH' ],
	[ purpose => 'bs_coordinator', qq{SELECT count(*) FROM beesel.notitie; $through}, 'THROUGH' ],
	[ column => 'lay_reader', q{SELECT casus.enter('intake'); SELECT oms FROM lay.kolom}, 'SECRET' ],
	[ trigger => 'bs_stranger', qq{INSERT INTO lay.zaak (id, soort) VALUES (3, 'ond'); $through}, 'THROUGH' ],
	[ ddl => 'lay_owner', q{CREATE INDEX ON lay.zaak (own.shown(oms))}, 'SECRET' ],
	# While it waits to run its name comes to lead to another table.
	[ names => 'postgres', q{CREATE TABLE own.zaak (oms text); CREATE EVENT TRIGGER swap ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION own.swap();
		SET LOCAL search_path = own, lay; CREATE INDEX ON zaak (own.shown(oms))}, 'SECRET' ],
	[ fences => 'postgres', qq{CREATE TABLE own.zaak (oms text); CREATE EVENT TRIGGER swap ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION own.swap();
		SET LOCAL search_path = own, lay; ALTER TABLE zaak DISABLE ROW LEVEL SECURITY; $through}, 'THROUGH' ],
	[ errors => 'lay_owner', qq{$maintenance; ALTER TABLE lay.zaak ALTER oms TYPE int USING nullif(oms, 'open')::int}, 'SECRET' ],
	[ domain => 'lay_owner', q{ALTER DOMAIN own.word ADD CHECK (own.show(VALUE))}, 'SECRET' ],
	[ drop => 'lay_owner', qq{DROP OWNED BY lay_owner CASCADE; $through}, 'THROUGH' ],
	[ alter => 'postgres', qq{REASSIGN OWNED BY lay_owner TO bs_stranger; $through}, 'THROUGH' ],
	[ create => 'postgres', qq{CREATE OR REPLACE FUNCTION casus_int.row_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; $through}, 'THROUGH' ],
	[ truncate => 'lay_owner', qq{TRUNCATE own.ref CASCADE; $through}, 'THROUGH' ],
	[ function => 'postgres', q{SELECT substring(encode(get_raw_page('lay.zaak', 0), 'escape') FROM 'SECRET')}, 'SECRET' ],
	[ state => 'postgres', q{SELECT 'SECRET ' || name FROM casus_cat.person}, 'SECRET' ],
	[ toast => 'postgres', qq{SELECT left(encode(chunk_data, 'escape'), 6) FROM $toast}, 'SECRET' ],
	[ catalog => 'postgres', qq{UPDATE pg_class SET relrowsecurity = false WHERE oid = 'lay.zaak'::regclass; $through}, 'THROUGH' ],
	[ copy => 'postgres', q{COPY lay.zaak (soort, oms) TO STDOUT}, 'SECRET' ],
	[ publication => 'postgres', qq{CREATE PUBLICATION p FOR TABLE lay.zaak; $through}, 'THROUGH' ],
	[ extension => 'postgres', qq{ALTER EXTENSION casus DROP FUNCTION casus_int.row_trigger(); $through}, 'THROUGH' ],
	[ role => 'postgres', q{CREATE VIEW own.v AS SELECT 'SECRET ' || name FROM casus_cat.person; ALTER VIEW own.v OWNER TO casus_owner; SELECT * FROM own.v}, 'SECRET' ],
	[ label => 'postgres', qq{SECURITY LABEL FOR casus ON TABLE lay.zaak IS NULL; $through}, 'THROUGH' ],
	[ sequence => 'postgres', qq{SELECT setval('casus_cat.item_seq', 32); SELECT setval('casus_cat.item_seq', 1000000); $through}, 'THROUGH' ],
	[ ri => 'lay_owner', q{DELETE FROM own.p}, 'SECRET' ],
	[ cascade => 'lay_owner', q{DELETE FROM own.cat}, 'SECRET' ],
	[ pass => 'postgres', q{CREATE TABLE lay.later (id int PRIMARY KEY); CREATE EVENT TRIGGER peek ON ddl_command_end EXECUTE FUNCTION own.peek();
		SELECT casus.protect('lay.later', 'ondermijning', opens_dossier => true, category => 'beoordeling')}, 'SECRET' ],
	[ prepare => 'bs_coordinator', [ 'BEGIN', $enter, q{PREPARE TRANSACTION 'p'}, q{ROLLBACK PREPARED 'p'}, $through ], 'THROUGH' ],
	[ hold => 'bs_coordinator', [ 'BEGIN', $enter, q{DECLARE c CURSOR WITH HOLD FOR SELECT 'SECRET ' || inhoud FROM beesel.notitie}, 'COMMIT', 'FETCH c' ], 'SECRET' ],
	[ cursor => 'bs_coordinator', [ 'BEGIN', $enter, q{DECLARE c CURSOR FOR SELECT CASE WHEN inhoud LIKE '%twee' THEN 'SECRET' ELSE 'first' END, inhoud FROM beesel.notitie ORDER BY inhoud || ''},
		'FETCH c', 'SELECT casus.leave()', 'FETCH c' ], 'SECRET' ],
	[ derive => 'bs_coordinator', qq{$enter; CREATE TABLE public.copy AS SELECT inhoud FROM beesel.notitie; $through}, 'THROUGH' ],
	[ explain => 'bs_stranger', q{EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT id FROM lay.zaak WHERE id = 57}, 'Rows Removed by Filter' ],
	[ content => 'bs_coordinator', qq{$enter; SELECT count(motivation) FROM casus.decision; $through WHERE NOT EXISTS (
		SELECT FROM casus.access_log WHERE relation = 'casus_cat.act_content' AND pid = pg_backend_pid() AND at >= now())}, 'THROUGH' ],
	[ view => 'postgres', q{SELECT 'SECRET' || count(*) FROM casus_int.loaded_record}, 'SECRET' ],
	[ freeze => 'bs_coordinator', qq{SELECT casus.enter('intake'); SELECT casus.enter('overleg') FROM beesel.notitie LIMIT 1; $through}, 'THROUGH' ],
	[ statistics => 'postgres', q{SELECT 'SECRET' FROM pg_statistic WHERE starelid = 'lay.zaak'::regclass LIMIT 1}, 'SECRET' ],
	[ file => 'postgres', q{CREATE TEMP TABLE t (a text); COPY t FROM 'PG_VERSION'; SELECT 'THROUGH' FROM t}, 'THROUGH' ],
	[ subscription => 'postgres', qq{CREATE SUBSCRIPTION away CONNECTION '${\ ($node->connstr('away') =~ s/'/''/gr)}' PUBLICATION away
		WITH (create_slot = false, enabled = false, copy_data = false); $through}, 'THROUGH' ],
	[ family => 'postgres', qq{INSERT INTO lay.komt VALUES (11, 'ond', '$governed'); ALTER TABLE lay.komt ALTER casus_label TYPE casus.label;
		ALTER TABLE lay.delen ATTACH PARTITION lay.komt FOR VALUES FROM (10) TO (20); $through}, 'THROUGH' ],
	[ log => 'bs_coordinator', qq{$enter; SELECT count(inhoud) FROM beesel.notitie; $through WHERE NOT EXISTS (
		SELECT FROM casus.access_log WHERE relation = 'beesel.notitie' AND kind = 'read' AND pid = pg_backend_pid() AND at >= now())}, 'THROUGH' ],
	[ wire => 'bs_coordinator', [ 'BEGIN', $enter, q{SELECT 'SECRET ' || inhoud FROM beesel.notitie} ], 'SECRET', \&full_disk ],
);

# The access log cannot be written while the attack runs, and can again when it has.
sub full_disk
{
	my ($code) = @_;

	CasusTest::fill_disk($node);
	my @out = $code->();
	CasusTest::free_disk($node);
	CasusTest::log_fails($node, 0) or die 'the log does not go on';
	attempt('', 'bs_coordinator', [ 'BEGIN', $enter, 'SELECT FROM beesel.notitie' ]);
	return wantarray ? @out : $out[0];
}

# Five layers do part of their work by way of another one: the row trigger judges a cascade, only
# earlier than others see the row; what has no record waits for none; whose errors may tell of rows, and what a partition brings, is found where the
# command is judged, which is also what a relation is compared with.
my %rests_on = (cascade => 'trigger', errors => 'ddl', names => 'ddl', family => 'ddl', wire => 'log');

# What an attack prints, errors and warnings included.
sub attempt
{
	my ($off, $user, $sql) = @_;
	my @steps = ref $sql ? @$sql : ('BEGIN', $sql, 'ROLLBACK');
	my ($out, $err) = ('', '');

	$node->psql(
		'postgres', join('', map { "$_;\n" } @steps),
		stdout => \$out, stderr => \$err, on_error_stop => 1,
		extra_params => [ '-U', $user, '-v', 'SHOW_CONTEXT=never' ],
		connstr => $node->connstr('postgres') . " options='-c casus.test_layer_off=$off'");
	# The text of the statement, which psql shows with an error, tells nothing.
	$err =~ s/^(LINE \d+:|STATEMENT:).*$//mg;
	return "$out\n$err";
}

# The same by one psql, with a connection for each layer that is taken away: what each prints.
sub attempts
{
	my ($user, $sql, @layers) = @_;
	my @steps = ref $sql ? @$sql : ('BEGIN', $sql, 'ROLLBACK');
	my $script = join '', map {
		"\\echo == $_\n\\connect \"${\ $node->connstr('postgres')} user=$user options='-c casus.test_layer_off=$_'\"\n"
		. "$steps[0];\n" . join '', map { "\\if :ERROR\n\\else\n$_;\n\\endif\n" } @steps[ 1 .. $#steps ]
	} @layers;
	my $out;

	IPC::Run::run([ 'psql', '-XAtq', '-v', 'SHOW_CONTEXT=never', '-d', $node->connstr('postgres'), '-U', $user ], '<', \$script, '>&', \$out);
	$out =~ s/^(?:psql:.*)?(LINE \d+:|STATEMENT:).*$//mg;
	my %told = $out =~ /^== (\S+)\n(.*?)(?=^== |\z)/msg;
	BAIL_OUT("psql has not come to the end:\n$out") if keys %told != @layers;
	return %told;
}

my @layers = map { $_->[0] } @attacks;
for my $attack (@attacks)
{
	my ($layer, $user, $sql, $sign, $around) = @$attack;
	my $try = sub { my ($code) = @_; return $around ? $around->($code) : $code->() };
	my $out = $try->(sub { attempt('', $user, $sql) });

	unlike($out, qr/$sign/, "$layer: stopped when all layers are there");
	$out = $try->(sub { attempt($layer, $user, $sql) });
	like($out, qr/$sign/, "$layer: gets through without it");
	my @rest = grep { $_ ne $layer } @layers;
	# Where the attack ends the connection, psql ends with it.
	my %told = $around ? $around->(sub { map { $_ => attempt($_, $user, $sql) } @rest }) : attempts($user, $sql, @rest);
	my @others = grep { $told{$_} =~ /$sign/ } @rest;
	is("@others", $rests_on{$layer} // '', "$layer: stopped without any other" .
			($rests_on{$layer} ? ", but for what it rests on: $rests_on{$layer}" : ''));
}

# The log leaves out the first condition of a scan as the policy, and makes sure that it is.
for my $off ('', 'plan')
{
	my $out = attempt($off, 'bs_coordinator', qq{$enter; SELECT count(*) FROM lay.zaak WHERE own.leak(oms)});

	unlike($out, qr/SECRET/, "what a superuser calls leakproof is asked after the policy, without layer '$off'");
	like($out, $off eq '' ? qr/leaked: open/ : qr/another condition before its policy/, '... or the scan does not run');
}

# E031: this build begins the counters of the ring shortly below 2^32, so they have passed it.
$node->psql('postgres', "SET application_name = 'wrap';\n" . "SELECT count(*) FROM beesel.notitie;\n" x 40,
	stderr => \my $refused, on_error_stop => 0, extra_params => [ '-U', 'bs_coordinator' ]);
is($node->safe_psql('postgres', q{SELECT casus.rotate_log_key() > 1; SET ROLE lay_auditor;
	SELECT count(*), count(DISTINCT seq) FROM casus.access_log WHERE application = 'wrap' AND kind = 'refusal'}),
	"t\n40|40", 'E031: counters that pass 2^32 lose nothing and count nothing twice');
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', '... and the chain verifies');

$node->stop;
done_testing();
