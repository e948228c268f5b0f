/*
 * guard_known: a kept plan that has been through the assertion is asked again for
 * what depends on the session.  [B-1]
 */
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE guard_known_coord;
\getenv source PG_ABS_SRCDIR
\set tells code
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
\set coordinator guard_known_coord
\set fixture :source '/test/fixtures/zorg.sql'
\i :fixture
CREATE TABLE public.signaal (id int PRIMARY KEY, titel text);
GRANT ALL ON public.signaal TO PUBLIC;
SELECT count(*) > 0 AS done FROM casus.protect('signaal', 'zorg', opens_dossier => true, category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.bind('signaal');
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET SESSION AUTHORIZATION guard_known_coord;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO signaal VALUES (1, 'eerste') RETURNING id;
COMMIT;

-- A point read, and one with another condition.
PREPARE point AS SELECT titel FROM signaal WHERE id = $1;
PREPARE other AS SELECT titel FROM signaal WHERE id = $1 AND titel <> '';
BEGIN;
SELECT casus.enter('intake');
EXECUTE point(1);
EXECUTE point(1);
EXECUTE other(1);
EXECUTE other(1);
EXPLAIN (COSTS OFF) EXECUTE point(1);

-- The purpose ends; the plan stays.
SELECT casus.leave();
SELECT attempt('EXECUTE point(1)'), attempt('EXECUTE other(1)');
SELECT casus.enter('overleg');
EXECUTE point(1);
EXECUTE other(1);
ROLLBACK;
SELECT attempt('EXECUTE point(1)'), attempt('EXECUTE other(1)');

-- What it lets through marks the transaction each time.
BEGIN;
SELECT casus.enter('intake');
EXECUTE point(1);
SELECT casus.leave();
PREPARE TRANSACTION 'guard_known';
ROLLBACK;
