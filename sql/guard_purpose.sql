/*
 * guard_purpose: a table without a `hide` is read for a purpose only: the
 * error comes at executor start, also for an empty table, and for nothing that
 * does not read it.
 */
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE guard_purpose_coord;
CREATE ROLE guard_purpose_plain;
\getenv source PG_ABS_SRCDIR
\set tells code
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
\set coordinator guard_purpose_coord
\set fixture :source '/test/fixtures/zorg.sql'
\i :fixture
CREATE TABLE public.signaal (id int PRIMARY KEY, titel text);
CREATE TABLE public.ander (id int);
INSERT INTO public.ander VALUES (1);
GRANT ALL ON public.signaal, public.ander TO PUBLIC;
SELECT count(*) > 0 AS done FROM casus.protect('signaal', 'zorg', opens_dossier => true, category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.bind('signaal');

\set VERBOSITY default
SELECT * FROM signaal;
\set VERBOSITY terse
CREATE TABLE public.trial (n serial, sql text);
INSERT INTO public.trial (sql) VALUES
	('SELECT id FROM signaal'),
	('SELECT count(*) FROM signaal'),
	('SELECT id FROM ander WHERE EXISTS (SELECT FROM signaal)'),
	('UPDATE signaal SET titel = titel'),
	('DELETE FROM signaal'),
	('MERGE INTO signaal USING ander ON signaal.id = ander.id WHEN MATCHED THEN DELETE'),
	('INSERT INTO ander SELECT id FROM signaal'),
	('COPY signaal TO ''/dev/null'''),
	('CREATE TABLE kopie AS SELECT id FROM signaal'),
	('DECLARE c CURSOR FOR SELECT id FROM signaal'),
	('EXPLAIN ANALYZE SELECT id FROM signaal'),
	-- that it need not be scanned is the planner's business
	('SELECT id FROM signaal WHERE false'),
	('SELECT a.id FROM ander a, (SELECT id FROM signaal WHERE false) s'),
	('SELECT a.id FROM ander a LEFT JOIN signaal s USING (id)'),
	('UPDATE signaal SET titel = ''x'' WHERE false'),
	('DELETE FROM signaal WHERE false'),
	-- these do not read it
	('EXPLAIN SELECT id FROM signaal'),
	('PREPARE p AS SELECT id FROM signaal'),
	('SELECT id FROM ander'),
	-- governed, and no purpose to supply it for
	('INSERT INTO signaal VALUES (1, ''x'')');
GRANT SELECT ON public.trial TO PUBLIC;
SELECT attempt(sql) AS superuser, sql FROM public.trial ORDER BY n;
SET SESSION AUTHORIZATION guard_purpose_plain;
SELECT attempt(sql) AS plain, sql FROM public.trial WHERE sql !~ 'COPY|CREATE' ORDER BY n;
SET SESSION AUTHORIZATION guard_purpose_coord;
SELECT attempt('SELECT id FROM signaal') AS without_purpose;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO signaal VALUES (1, 'eerste') RETURNING id;
SELECT id, titel FROM signaal;
COMMIT;
SELECT attempt('SELECT id FROM signaal') AS after_commit;

-- What has a context, an act or a governed read in it is not left to somebody else to commit.
BEGIN;
SELECT casus.enter('intake');
PREPARE TRANSACTION 'guard_purpose';
ROLLBACK;
BEGIN;
SELECT casus.enter('intake');
SELECT count(*) FROM signaal;
SELECT casus.leave();
PREPARE TRANSACTION 'guard_purpose';
ROLLBACK;
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT casus.add_person('Iemand') IS NOT NULL AS added;
PREPARE TRANSACTION 'guard_purpose';
ROLLBACK;
BEGIN;
INSERT INTO ander VALUES (2);
PREPARE TRANSACTION 'guard_purpose';
ROLLBACK PREPARED 'guard_purpose';
