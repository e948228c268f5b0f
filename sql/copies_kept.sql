-- A temporary table that holds a copy of governed rows stays one when its DROP is undone.  [B-18]
\set VERBOSITY terse
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/quiet.sql'
\i :fixture
\set tells code
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
CREATE SCHEMA mijn AUTHORIZATION bs_coordinator;
SET SESSION AUTHORIZATION bs_coordinator;
CREATE TABLE mijn.kopie (inhoud text);
BEGIN;
SELECT casus.enter('overleg') \g /dev/null
CREATE TEMP TABLE eerst AS SELECT inhoud FROM beesel.notitie;
CREATE TEMP TABLE later AS SELECT inhoud FROM beesel.notitie;
COMMIT;
-- By the whole transaction, and by a part of it; what is committed next forgets nothing.
BEGIN;
DROP TABLE eerst;
ROLLBACK;
BEGIN;
COMMIT;
SELECT attempt('INSERT INTO mijn.kopie SELECT inhoud FROM eerst') AS eerst;
BEGIN;
SAVEPOINT s;
DROP TABLE later;
ROLLBACK TO s;
COMMIT;
BEGIN;
COMMIT;
SELECT count(*) > 0 AS eerst, (SELECT count(*) > 0 FROM later) AS later FROM eerst;
SELECT attempt('INSERT INTO mijn.kopie SELECT inhoud FROM eerst') AS eerst, attempt('INSERT INTO mijn.kopie SELECT inhoud FROM later') AS later;
-- A column of it that goes takes nothing along; neither does what ANALYZE keeps of its values.
ALTER TABLE later ADD COLUMN extra integer;
ALTER TABLE later DROP COLUMN extra;
SELECT attempt('INSERT INTO mijn.kopie SELECT inhoud FROM later') AS later;
ANALYZE later;
SELECT attempt($$INSERT INTO mijn.kopie SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'later'$$) AS statistics;
-- One that is gone and comes again with other rows is none.
DROP TABLE eerst;
CREATE TEMP TABLE eerst AS SELECT 'open'::text AS inhoud;
SELECT attempt('INSERT INTO mijn.kopie SELECT inhoud FROM eerst');
RESET SESSION AUTHORIZATION;
