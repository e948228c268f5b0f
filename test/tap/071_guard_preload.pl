# Without the library in shared_preload_libraries a protected table is closed to
# every role that row security binds, and to everyone in a session that has
# loaded it; nothing is stored without its trigger.
use strict;
use warnings;

use Test::More;
use CasusTest;

my $node = CasusTest::start('main');

$node->safe_psql('postgres', q{
	CREATE ROLE coord LOGIN;
	CREATE ROLE baas LOGIN;
	CREATE ROLE deel LOGIN;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'zorg');
	SELECT casus.activate_protocol('zorg', 'DPIA 1', '{"startdatum": "2021-01-01", "standaarden": "x"}');
	SELECT casus.add_person('Coordinator', 'coord', oath_on => '2020-01-01');
	SELECT casus.appoint('Coordinator', 'zorg', NULL, 'coordinator', reason => 'test');
	SELECT casus.add_person('Deel', 'deel', oath_on => '2020-01-01');
	SELECT casus.appoint('Deel', 'zorg', 'subsidies', 'afgevaardigde', reason => 'test');
	CREATE DOMAIN noot AS text;
	ALTER DOMAIN noot OWNER TO baas;
	CREATE FUNCTION toon(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE WARNING 'shown: %', $1; RETURN true; END$$;
	GRANT ALL ON SCHEMA public TO baas;
	CREATE TABLE zaak (id int PRIMARY KEY, soort text NOT NULL, titel text, noot noot);
	ALTER TABLE zaak OWNER TO baas;
	INSERT INTO zaak SELECT g, 'gewoon', 'zaak ' || g FROM generate_series(1, 5) g;
	GRANT ALL ON zaak TO coord;
	SELECT casus.protect('zaak', 'zorg', opens_dossier => true, governs => $$soort = 'signaal'$$, category => 'signaalomschrijving');
	SELECT casus.bind('zaak');
});
is($node->safe_psql('postgres', 'SELECT count(*) FROM zaak', extra_params => [ '-U', 'baas' ]), '5', 'preloaded: open as before');
isnt($node->safe_psql('postgres', 'SELECT count(*) FROM casus.party', extra_params => [ '-U', 'deel' ]), '0', 'a member is told of its file');

$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
for my $user (qw(coord baas))
{
	for my $sql ('SELECT * FROM zaak', 'UPDATE zaak SET titel = titel', "INSERT INTO zaak VALUES (6, 'gewoon')")
	{
		is((CasusTest::refusal($node, $sql, user => $user))[0], 'casus.not_preloaded', "$user: $sql");
	}
}
is((CasusTest::refusal($node, "INSERT INTO zaak VALUES (6, 'gewoon')"))[0], 'casus.not_preloaded', 'superuser: INSERT');
is((CasusTest::refusal($node, "LOAD 'casus'; SELECT * FROM zaak"))[0], 'casus.not_preloaded', 'superuser: SELECT in a session with the library');

# What a state says of which the acts would not have left it so: an appointment is open, and the membership has ended.
is($node->safe_psql('postgres', "UPDATE casus_cat.party SET ends = now() WHERE name = 'subsidies' RETURNING 1"), '1', 'a membership ends beside the acts');

# The fence is taken down beside casus, and a condition put on the table.
$node->safe_psql('postgres', q{
	ALTER TABLE zaak DISABLE ROW LEVEL SECURITY;
	ALTER TABLE zaak ADD CONSTRAINT buiten CHECK (toon(titel)) NOT VALID;
});

# Who installs casus without it is told.
$node->safe_psql('postgres', 'CREATE DATABASE leeg');
my ($rc, $out, $err) = $node->psql('leeg', 'CREATE EXTENSION casus');
is($rc, 0, 'CREATE EXTENSION without the library');
like($err, qr/WARNING:  casus is not preloaded/, 'a warning says so');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'casus'\n");
$node->restart;
is($node->safe_psql('postgres', q{SELECT count(*) FROM casus.doctor() WHERE code = 'not_fenced' AND finding ~ 'zaak'}), '1', 'preloaded again: doctor names a table without its fence');
is((CasusTest::refusal($node, 'SELECT * FROM zaak', user => 'baas'))[0], 'casus.not_fenced', 'which nobody reads');
for my $sql ('ALTER TABLE zaak VALIDATE CONSTRAINT buiten', 'ALTER TABLE zaak ADD n integer CHECK (toon(titel))',
	'CREATE STATISTICS s ON toon(titel), soort FROM zaak', 'ALTER DOMAIN noot ADD CHECK (toon(VALUE))',
	'CREATE INDEX ON zaak (toon(titel))', 'ALTER TABLE zaak ALTER titel TYPE text USING CASE WHEN toon(titel) THEN titel END')
{
	is((CasusTest::refusal($node, $sql, user => 'baas'))[0], 'casus.ddl', "nor gives to functions: $sql");
}
$node->safe_psql('postgres', q{ALTER TABLE zaak DROP CONSTRAINT buiten; SELECT casus.bind('zaak')});
is($node->safe_psql('postgres', 'SELECT count(*) FROM zaak', extra_params => [ '-U', 'baas' ]), '5', 'bound again: as before');
is($node->safe_psql('postgres', 'SELECT count(*) FROM casus.party', extra_params => [ '-U', 'deel' ]), '0', 'nobody is told of a file for a party that is no member');
$node->stop;
done_testing();
