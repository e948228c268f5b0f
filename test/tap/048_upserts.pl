# Sessions that insert the same row, ON CONFLICT DO UPDATE of its key: each locks the row that it will meet as the server then
# does, so that none holds less than it will ask for while another does too, and waits for it in vain.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $node = CasusTest::start('main', conf => "deadlock_timeout = '100ms'\n");

$node->safe_psql('postgres', q{
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text NOT NULL);
	INSERT INTO zaak VALUES (1, 8, 'een');
});
CasusTest::fixture($node, $_) for 'coor', 'zaken';
$node->safe_psql('postgres', 'GRANT INSERT, UPDATE ON zaak TO coordinator');

my $script = $node->basedir . '/upsert.sql';
append_to_file($script, <<'SQL');
BEGIN;
SELECT casus.enter('intake');
INSERT INTO zaak VALUES (1, 8, 'x') ON CONFLICT (id) DO UPDATE SET id = EXCLUDED.id, titel = 'y';
COMMIT;
SQL
$node->command_ok([ 'pgbench', '-n', '-U', 'coordinator', '-c', '8', '-j', '2', '-t', '40', '-f', $script, 'postgres' ], 'sessions that insert the same row');
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'none waits for another that waits for it');

$node->stop;
done_testing();
