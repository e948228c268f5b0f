-- context.sql: casus.enter, casus.leave, casus.context
-- Who reads in which capacity; what is refused, with which code.
SET client_min_messages = warning;
SET TimeZone = 'Europe/Amsterdam';
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE ROLE context_anna LOGIN;		-- coordinator
CREATE ROLE context_bram LOGIN;		-- delegate of two departments
CREATE ROLE context_carla LOGIN;	-- fg and nothing else
CREATE ROLE context_dirk LOGIN;		-- nobody known
CREATE ROLE "context ""q""" LOGIN;	-- a name with quotes
GRANT context_anna TO context_bram;

SELECT casus.install_protocol('beesel-2021') IS NOT NULL AS installed;
SELECT casus.open_file('beesel-2021', 'context') > 0 AS opened;
SELECT casus.add_person('Anna', 'context_anna', oath_on => '2020-01-01') > 0 AS known;
SELECT casus.add_person('Bram', 'context_bram', oath_on => '2020-01-01') > 0 AS known;
SELECT casus.add_person('Carla', 'context_carla') > 0 AS known;
SELECT casus.add_person('O''Quote', '"context ""q"""', oath_on => '2020-01-01') > 0 AS known;
SELECT casus.appoint('Anna', 'context', NULL, 'coordinator') > 0 AS appointed;

-- A file that is not activated: nobody enters.
SET SESSION AUTHORIZATION context_anna;
BEGIN;
SELECT casus.enter('intake');
ROLLBACK;
RESET SESSION AUTHORIZATION;

SELECT casus.activate_protocol('context', dpia => 'DPIA 2026-1',
	parameters => '{"startdatum": "2021-12-01", "standaarden": []}') > 0 AS activated;
SELECT casus.appoint('Bram', 'context', 'belastingen_en_woz', 'afgevaardigde') > 0 AS appointed;
SELECT casus.appoint('Bram', 'context', 'subsidies', 'afgevaardigde') > 0 AS appointed;
SELECT casus.appoint('Carla', 'context', NULL, 'fg') > 0 AS appointed;
SELECT casus.appoint('O''Quote', 'context', NULL, 'coordinator') > 0 AS appointed;

-- What is left out is filled in when only one appointment fits.
SET SESSION AUTHORIZATION context_anna;
SELECT * FROM casus.context;
BEGIN;
SELECT casus.enter('intake');
SELECT file, purpose, office, party, dossier, person, source, lasts, actor, actor_kind FROM casus.context;
COMMIT;
-- It ends with the transaction.
SELECT count(*) FROM casus.context;

-- Outside a transaction block it would end at once.
SELECT casus.enter('intake');
-- A session takes an appointment and a purpose that allow it.
SELECT casus.enter('intake', lasts => 'session');
SELECT casus.enter('intake', lasts => 'week');
SELECT casus.enter(NULL);
BEGIN;
SELECT casus.enter('gezelligheid');
ROLLBACK;
BEGIN;
SELECT casus.enter('intake', office => 'fg');
ROLLBACK;
BEGIN;
SELECT casus.enter('intake', file => 'elders');
ROLLBACK;

-- Subtransactions: what was rolled back does not count, and what was before does.
BEGIN;
SELECT casus.enter('intake');
SAVEPOINT a;
SELECT casus.enter('zwaarte');
SELECT purpose FROM casus.context;
SAVEPOINT b;
SELECT casus.leave();
SELECT count(*) FROM casus.context;
ROLLBACK TO b;
SELECT purpose FROM casus.context;
RELEASE b;
ROLLBACK TO a;
SELECT purpose FROM casus.context;
SAVEPOINT c;
SELECT casus.enter('overleg');
RELEASE c;
SELECT purpose FROM casus.context;
ROLLBACK TO a;
SELECT purpose FROM casus.context;
ROLLBACK;
SELECT count(*) FROM casus.context;

-- No setting makes a context.
SET casus.purpose = 'intake';
SELECT set_config('casus.context', 'intake', false);
SELECT count(*) FROM casus.context;
RESET SESSION AUTHORIZATION;
ALTER ROLE context_anna SET casus.purpose = 'intake';

-- More than one office that fits: the error lists the caller's own choices.
SET SESSION AUTHORIZATION context_bram;
BEGIN;
SELECT casus.enter('overleg');
ROLLBACK;
BEGIN;
SELECT casus.enter('overleg', party => 'subsidies');
SELECT office, party FROM casus.context;
-- The context is bound to the role that made it. [B-38]
SET ROLE context_anna;
SELECT count(*) FROM casus.context;
SELECT casus.enter('intake');
SELECT office, actor, actor_kind FROM casus.context;
RESET ROLE;
SELECT count(*) FROM casus.context;
ROLLBACK;

-- A dossier that does not exist, one where the office is not involved, and a
-- number that is no dossier: the same answer, word for word.
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION context_anna;
SELECT casus.open_dossier('context') AS dossier \gset
BEGIN;
SELECT casus.enter('intake', dossier => :dossier);
SELECT dossier = :dossier AS this_one FROM casus.context;
ROLLBACK;
BEGIN;
SELECT casus.enter('intake', dossier => 999999);
ROLLBACK;
BEGIN;
SELECT casus.enter('intake', dossier => 0);
ROLLBACK;
BEGIN;
SELECT casus.enter('intake', dossier => -1);
ROLLBACK;
SET SESSION AUTHORIZATION context_bram;
BEGIN;
SELECT casus.enter('overleg', dossier => :dossier, party => 'subsidies');
ROLLBACK;
BEGIN;
SELECT casus.enter('overleg', dossier => 999999, party => 'subsidies');
ROLLBACK;

-- A purpose without rules for the office is refused; one that nobody has rules for is not.
SET SESSION AUTHORIZATION context_carla;
BEGIN;
SELECT casus.enter('intake');
ROLLBACK;
BEGIN;
SELECT casus.enter('toezicht');
SELECT purpose, office FROM casus.context;
ROLLBACK;

-- Nobody known.
SET SESSION AUTHORIZATION context_dirk;
BEGIN;
SELECT casus.enter('intake');
ROLLBACK;

-- Names with quotes.
SET SESSION AUTHORIZATION "context ""q""";
BEGIN;
SELECT casus.enter('intake');
SELECT person, actor FROM casus.context;
ROLLBACK;
RESET SESSION AUTHORIZATION;

-- A role that was renamed is somebody else until an admin binds it.
ALTER ROLE "context ""q""" RENAME TO context_quote;
SET SESSION AUTHORIZATION context_quote;
BEGIN;
SELECT casus.enter('intake');
ROLLBACK;
RESET SESSION AUTHORIZATION;
ALTER ROLE context_quote RENAME TO "context ""q""";
SET SESSION AUTHORIZATION "context ""q""";
BEGIN;
SELECT casus.enter('intake');
ROLLBACK;
RESET SESSION AUTHORIZATION;

-- An ended appointment ends the context made from it, within the transaction too.
SELECT id AS appointment FROM casus.appointment WHERE person = 'Anna' \gset
BEGIN;
SET LOCAL SESSION AUTHORIZATION context_anna;
SELECT casus.enter('intake');
SELECT count(*) FROM casus.context;
SET LOCAL SESSION AUTHORIZATION DEFAULT;
SELECT casus.end_appointment(:appointment, 'test') > 0 AS ended;
SET LOCAL SESSION AUTHORIZATION context_anna;
SELECT count(*) FROM casus.context;
ROLLBACK;

-- The codes are in the constraint-name field.
DO $$
DECLARE code text;
BEGIN
	SET LOCAL SESSION AUTHORIZATION context_dirk;
	PERFORM casus.enter('intake', lasts => 'session');
EXCEPTION WHEN insufficient_privilege THEN
	GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME;
	RAISE WARNING 'code %', code;
END $$;

DROP EXTENSION casus;
DROP ROLE context_anna, context_bram, context_carla, context_dirk, "context ""q""";
