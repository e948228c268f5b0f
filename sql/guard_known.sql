/*
 * guard_known: a kept plan that has been through the assertion is asked again for
 * what depends on the session, and its place is given up with it.
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

-- A table that is not refused without a purpose: its columns are asked for, and workers are left out, all the same.
RESET SESSION AUTHORIZATION;
\set fixture :source '/test/fixtures/proef.sql'
\i :fixture
\o /dev/null
SELECT casus.load_protocol(public.proef('{
	"name": "bekend-1", "title": "Bekend",
	"offices": [{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"}],
	"purposes": [{"name": "alles", "title": "Alles", "phases": ["intake", "overleg", "klaar"], "article": "3"}, {"name": "klaar", "title": "Klaar", "article": "3"}, {"name": "deel", "title": "Deel", "phases": ["intake", "overleg"], "article": "3"}],
	"rules": [
		{"phases": ["intake", "overleg"], "offices": ["lead"], "purposes": ["alles"], "categories": "*", "scope": "all", "may": ["read", "supply", "correct"], "article": "4"},
		{"phases": ["intake", "overleg"], "offices": ["lead"], "purposes": ["deel"], "categories": ["melding"], "scope": "all", "may": ["read", "supply", "correct"], "article": "4"},
		{"offices": ["lead"], "categories": "*", "scope": "all", "may": ["read"], "article": "5", "stages": ["klaar_inzage"]}]
}'));
SELECT casus.open_file('bekend-1', 'bekend');
SELECT casus.activate_protocol('bekend', dpia => 'DPIA', parameters => '{"startdatum": "2026-01-01"}');
SELECT casus.appoint('Coordinator', 'bekend', NULL, 'lead');
CREATE TABLE public.zaak (id int PRIMARY KEY, titel text, bsn text);
CREATE TABLE public.plain (id int, relname text);
GRANT ALL ON public.plain TO PUBLIC;
CREATE TABLE public.zacht (id int PRIMARY KEY, titel text);
GRANT ALL ON public.zaak, public.zacht TO PUBLIC;
SELECT casus.protect('zaak', 'bekend', opens_dossier => true, category => 'melding', without_purpose => 'hide', columns => '{"bsn": "medisch"}');
SELECT casus.protect('zacht', 'bekend', opens_dossier => true, category => 'melding', without_purpose => 'hide');
SELECT casus.bind('zaak'), casus.bind('zacht');
\o
SET SESSION AUTHORIZATION guard_known_coord;
BEGIN;
SELECT casus.enter('alles');
INSERT INTO zaak VALUES (1, 'een', 'bsn 1');
INSERT INTO zacht VALUES (1, 'een');
COMMIT;
PREPARE named AS SELECT id, bsn FROM zaak WHERE id = $1;
BEGIN;
SELECT casus.enter('alles');
EXECUTE named(1);
SELECT casus.leave();
EXECUTE named(1);
SELECT casus.enter('deel');
SELECT attempt('EXECUTE named(1)');
ROLLBACK;
EXECUTE named(1);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
SET enable_seqscan = on;
SET enable_indexscan = off;
PREPARE many AS SELECT titel FROM zacht WHERE titel <> '';
EXPLAIN (COSTS OFF) EXECUTE many;
BEGIN;
SELECT casus.enter('alles');
EXECUTE many;
INSERT INTO zacht VALUES (2, 'twee');
EXECUTE many;
EXECUTE many;
ROLLBACK;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
RESET parallel_leader_participation;
SET enable_seqscan = off;
SET enable_indexscan = on;

-- More scans than are kept: the last alone lets rows through.
PREPARE union_all AS SELECT titel FROM zacht WHERE id = 1 UNION ALL SELECT titel FROM zacht WHERE id = 2
	UNION ALL SELECT titel FROM zacht WHERE id = 3 UNION ALL SELECT titel FROM zacht WHERE id = 4 UNION ALL SELECT titel FROM signaal WHERE id = 1;
BEGIN;
SELECT casus.enter('intake');
EXECUTE union_all;
SELECT casus.leave();
ROLLBACK;
BEGIN;
SELECT casus.enter('intake');
EXECUTE union_all;
SELECT casus.leave();
PREPARE TRANSACTION 'guard_known';
ROLLBACK;

-- What was explained has not been asked for a purpose.
PREPARE explained AS SELECT titel FROM signaal WHERE id = $1 + 0;
EXPLAIN (COSTS OFF) EXECUTE explained(1);
SELECT attempt('EXECUTE explained(1)');

-- Each run is logged.
SELECT count(*) AS records FROM casus.access_log WHERE kind = 'read' AND relation = 'public.signaal' \gset
BEGIN;
SELECT casus.enter('intake');
EXECUTE other(1);
EXECUTE other(1);
COMMIT;
SELECT count(*) - :records AS records FROM casus.access_log WHERE kind = 'read' AND relation = 'public.signaal';

-- A plan that is gone leaves its place: another at the same address is nobody known.
CREATE FUNCTION pg_temp.run_all(query text, OUT outcomes text[]) LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1..30 LOOP
		EXECUTE format('PREPARE run_%s AS %s', n, query);
		outcomes := outcomes || public.attempt('EXECUTE run_' || n);
	END LOOP;
	FOR n IN 1..30 LOOP
		EXECUTE 'DEALLOCATE run_' || n;
	END LOOP;
	outcomes := ARRAY(SELECT DISTINCT unnest(outcomes));
END $$;
SELECT pg_temp.run_all('SELECT relname FROM public.plain WHERE id = 1'), pg_temp.run_all('SELECT titel FROM public.signaal WHERE id = 1');
SELECT pg_temp.run_all('SELECT relname FROM public.plain WHERE id = 1'), pg_temp.run_all('SELECT titel FROM public.signaal WHERE id = 1');

-- Who it runs for counts each time for what belongs to casus: to dump it is for the role that does.
RESET SESSION AUTHORIZATION;
CREATE ROLE guard_known_backup LOGIN BYPASSRLS;
GRANT casus_backup TO guard_known_backup;
GRANT USAGE ON SCHEMA casus_cat TO guard_known_backup;
SET SESSION AUTHORIZATION guard_known_backup;
PREPARE dumped AS SELECT last_value > 0 AS read FROM casus_cat.id_seq;
EXECUTE dumped;
EXECUTE dumped;
RESET SESSION AUTHORIZATION;
SELECT attempt('EXECUTE dumped');
