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
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'zorg');
	SELECT casus.activate_protocol('zorg', 'DPIA 1', '{"startdatum": "2021-01-01", "standaarden": "x"}');
	SELECT casus.add_person('Coordinator', 'coord', oath_on => '2020-01-01');
	SELECT casus.appoint('Coordinator', 'zorg', NULL, 'coordinator', reason => 'test');
	CREATE TABLE zaak (id int PRIMARY KEY, soort text NOT NULL, titel text);
	ALTER TABLE zaak OWNER TO baas;
	INSERT INTO zaak SELECT g, 'gewoon', 'zaak ' || g FROM generate_series(1, 5) g;
	GRANT ALL ON zaak TO coord;
	SELECT casus.protect('zaak', 'zorg', opens_dossier => true, governs => $$soort = 'signaal'$$, category => 'signaalomschrijving');
	SELECT casus.bind('zaak');
});
is($node->safe_psql('postgres', 'SELECT count(*) FROM zaak', extra_params => [ '-U', 'baas' ]), '5', 'preloaded: open as before');

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

# Who installs casus without it is told.
$node->safe_psql('postgres', 'CREATE DATABASE leeg');
my ($rc, $out, $err) = $node->psql('leeg', 'CREATE EXTENSION casus');
is($rc, 0, 'CREATE EXTENSION without the library');
like($err, qr/WARNING:  casus is not preloaded/, 'a warning says so');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'casus'\n");
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*) FROM zaak', extra_params => [ '-U', 'baas' ]), '5', 'preloaded again: as before');
$node->stop;
done_testing();
