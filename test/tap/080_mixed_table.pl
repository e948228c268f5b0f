# The promise to applications: in a table of which a few rows are governed, one
# that never calls casus.enter sees the others exactly as before, by the same
# plans, and the governed ones not at all; what it inserts outside the protocol
# stays outside.  500,000 rows with TEST_LONG, else 20,000.
use strict;
use warnings;

use Test::More;
use CasusTest;

my $rows = $ENV{TEST_LONG} ? 500_000 : 20_000;
my $every = $rows / 300;
my $node = CasusTest::start('main');

$node->safe_psql('postgres', qq{
	CREATE ROLE app LOGIN;
	CREATE ROLE coordinator LOGIN;
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, start date NOT NULL, titel text NOT NULL);
	INSERT INTO zaak SELECT n, CASE WHEN n % floor($every)::integer = 0 THEN 8 ELSE 1 + n % 7 END,
		date '2020-01-01' + n % 2000, 'zaak ' || n FROM generate_series(1, $rows) n;
	CREATE INDEX zaak_start ON zaak (start);
	CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer NOT NULL REFERENCES zaak, tekst text NOT NULL);
	INSERT INTO stuk SELECT id, id, 'stuk ' || id FROM zaak;
	CREATE INDEX stuk_zaak ON stuk (zaak_id);
	-- What an application may expect to go on seeing.
	CREATE TABLE zaak_before AS SELECT * FROM zaak WHERE soort <> 8;
	CREATE INDEX ON zaak_before (id);
	CREATE INDEX ON zaak_before (start);
	GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, stuk, zaak_before TO app, coordinator;
	ANALYZE;
});
my $governed = $node->safe_psql('postgres', 'SELECT count(*) FROM zaak WHERE soort = 8');
cmp_ok($governed, '>=', 300, "$governed of $rows rows will be governed");

$node->safe_psql('postgres', q{
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'ondermijning');
	SELECT casus.activate_protocol('ondermijning', 'DPIA-1', '{"startdatum": "2021-12-14", "standaarden": []}');
	SELECT casus.add_person('C', 'coordinator', oath_on => '2020-01-01');
	SELECT casus.appoint('C', 'ondermijning', NULL, 'coordinator', reason => 'test');
	SELECT casus.protect('zaak', 'ondermijning', opens_dossier => true, governs => 'soort = 8',
		category => 'signaalomschrijving', without_purpose => 'hide');
	SELECT casus.protect('stuk', 'ondermijning', via => 'zaak_id', category => 'signaalomschrijving',
		without_purpose => 'hide');
	CALL casus.take_in('zaak', phase => '''intake''', opened => 'start');
	CALL casus.take_in('stuk');
	SELECT casus.bind('zaak', 'enforce');
	SELECT casus.bind('stuk', 'enforce');
});
$node->safe_psql('postgres', 'VACUUM ANALYZE zaak, stuk');

sub as { my ($role, $sql) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]); }

# Results: what is outside is there in full, what is governed is not there.
my $columns = 'count(*), sum(id), min(start), max(titel)';
is(as('app', "SELECT $columns FROM zaak"),
	as('app', "SELECT $columns FROM zaak_before"), 'all other rows, and only those');
for my $where ("id = 12", "id BETWEEN 100 AND 900", "start BETWEEN '2021-03-01' AND '2021-04-01'", "titel LIKE 'zaak 1%'")
{
	is(as('app', "SELECT $columns FROM zaak WHERE $where"),
		as('app', "SELECT $columns FROM zaak_before WHERE $where"), "the same for $where");
}
is(as('app', 'SELECT count(*) FROM zaak WHERE soort = 8'), '0', 'governed rows are absent, not an error');
is(as('app', 'SELECT count(*) FROM stuk'), as('app', 'SELECT count(*) FROM zaak_before'), 'rows under them too');
is(as('app', 'SELECT count(*) FROM zaak JOIN stuk ON zaak_id = zaak.id'),
	as('app', 'SELECT count(*) FROM zaak_before'), 'and in a join');
is(as('postgres', 'SELECT count(*) FROM zaak WHERE soort = 8'), '0', 'also for the superuser who owns the table');

# Plans: the keys and ranges keep their indexes, also in a prepared statement's generic plan.
for my $case (
	[ 'SELECT titel FROM zaak WHERE id = 12', qr/Index Scan using zaak_pkey/ ],
	[ "SELECT count(*) FROM zaak WHERE start BETWEEN '2021-03-01' AND '2021-03-08'", qr/Index.* Scan .*zaak_start/ ],
	[ 'SELECT tekst FROM stuk WHERE zaak_id = 12', qr/Index Scan using stuk_zaak/ ],
	[ 'SELECT titel FROM zaak ORDER BY id LIMIT 10', qr/Index Scan using zaak_pkey/ ],
	[ 'SELECT titel, tekst FROM zaak JOIN stuk ON zaak_id = zaak.id WHERE zaak.id = 12',
		qr/Index Scan using zaak_pkey.*Index Scan using stuk_zaak|Index Scan using stuk_zaak.*Index Scan using zaak_pkey/s ])
{
	like(as('app', "EXPLAIN (COSTS OFF) $case->[0]"), $case->[1], "index: $case->[0]");
}
like(as('app', q{SET plan_cache_mode = force_generic_plan;
	PREPARE p (integer) AS SELECT titel FROM zaak WHERE id = $1;
	EXPLAIN (COSTS OFF) EXECUTE p (12)}), qr/Index Scan using zaak_pkey/, 'index: a generic plan');

# Writing goes on as before for what is outside.
my $new = $rows + 1;
is(as('app', qq{INSERT INTO zaak VALUES ($new, 3, '2026-01-01', 'nieuw') RETURNING id, titel}), "$new|nieuw",
	'an insert outside the protocol returns its row');
is(as('app', qq{UPDATE zaak SET titel = 'anders' WHERE id = $new RETURNING titel}), 'anders', 'an update');
is(as('app', qq{DELETE FROM zaak WHERE id = $new RETURNING id}), $new, 'a delete');
is(as('app', q{WITH u AS (UPDATE zaak SET titel = titel WHERE id < 200 RETURNING 1) SELECT count(*) FROM u}),
	as('app', 'SELECT count(*) FROM zaak_before WHERE id < 200'), 'an update of a range touches no governed row');
my ($code) = CasusTest::refusal($node, "INSERT INTO zaak VALUES ($new, 8, '2026-01-01', 'signaal')", user => 'app');
like($code, qr/^casus\./, "a governed row without a purpose is refused ($code)");
is(as('app', "SELECT count(*) FROM zaak WHERE id = $new"), '0', 'and nothing of it is stored');

# Whoever may read the governed rows does.
is(as('coordinator', q{BEGIN; SELECT casus.enter('intake') IS NULL; SELECT count(*) FROM zaak WHERE soort = 8; COMMIT})
	=~ s/^.*\n//r, $governed, '[B-38] the coordinator with a purpose reads the governed rows');

$node->stop;
done_testing();
