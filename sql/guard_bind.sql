/*
 * guard_bind: nobody is above the policy.  Superuser, owner, BYPASSRLS,
 * row_security off and view owners read and write the rows outside the
 * protocol as before, and meet none of the governed ones, whatever the
 * statement; whoever has an appointment and a purpose meets those of the file.
 * [B-38] [B-46]
 */
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE guard_bind_owner;
CREATE ROLE guard_bind_bypass BYPASSRLS;
CREATE ROLE guard_bind_plain;
CREATE ROLE guard_bind_coord;

\getenv source PG_ABS_SRCDIR
\set tells code
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture

\set coordinator guard_bind_coord
\set fixture :source '/test/fixtures/zorg.sql'
\i :fixture

CREATE SCHEMA app AUTHORIZATION guard_bind_owner;
GRANT USAGE ON SCHEMA app TO PUBLIC;
SET ROLE guard_bind_owner;
CREATE TABLE app.zaak (id int PRIMARY KEY, soort text NOT NULL, titel text);
CREATE TABLE app.regel (id int PRIMARY KEY, zaak int NOT NULL REFERENCES app.zaak ON DELETE CASCADE, tekst text);
CREATE TABLE app.los (id int PRIMARY KEY, zaak int REFERENCES app.zaak);
INSERT INTO app.zaak SELECT g, 'gewoon', 'zaak ' || g FROM generate_series(1, 5) g;
INSERT INTO app.regel SELECT g, g, 'regel ' || g FROM generate_series(1, 5) g;
CREATE VIEW app.overzicht AS SELECT z.id, z.titel, r.tekst FROM app.zaak z JOIN app.regel r ON r.zaak = z.id;
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
RESET ROLE;
CREATE VIEW app.van_super AS SELECT id, titel FROM app.zaak;
GRANT SELECT ON app.van_super TO PUBLIC;

SELECT count(*) > 0 AS done FROM casus.protect('app.zaak', 'zorg', opens_dossier => true, governs => $$soort = 'signaal'$$, category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.protect('app.regel', 'zorg', via => 'zaak', category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.bind('app.zaak');
SELECT count(*) > 0 AS done FROM casus.bind('app.regel');

-- The coordinator opens a dossier.
SET SESSION AUTHORIZATION guard_bind_coord;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO app.zaak VALUES (100, 'signaal', 'GEHEIM');
INSERT INTO app.regel VALUES (100, 100, 'GEHEIM');
COMMIT;
-- Without purpose he is as anyone.
SELECT count(*) FROM app.zaak;
BEGIN;
SELECT casus.enter('intake');
SELECT id, titel FROM app.zaak WHERE id > 4 ORDER BY id;
SELECT id, tekst FROM app.overzicht WHERE id > 4 ORDER BY id;
SELECT id FROM app.van_super WHERE id > 4 ORDER BY id;
COMMIT;
RESET SESSION AUTHORIZATION;

-- Each statement, as each role: five rows are outside the protocol, a sixth is governed.
CREATE TABLE public.trial (n serial, sql text);
INSERT INTO public.trial (sql) VALUES
	('SELECT id FROM app.zaak'),
	('SELECT id FROM app.zaak WHERE id = 100'),
	('SELECT z.id FROM app.zaak z JOIN app.zaak y USING (id)'),
	('WITH x AS MATERIALIZED (SELECT * FROM app.zaak) SELECT * FROM x'),
	('SELECT 1 WHERE EXISTS (SELECT FROM app.zaak WHERE id = 100)'),
	('SELECT * FROM (SELECT count(*) AS n FROM app.zaak) s WHERE n = 5'),
	('SELECT id FROM app.overzicht'),
	('SELECT id FROM app.van_super'),
	('SELECT id FROM app.zaak TABLESAMPLE SYSTEM (100)'),
	('SELECT id FROM app.zaak WHERE ctid = ''(0,6)'''),
	('SELECT id FROM app.zaak WHERE ctid < ''(9,0)'''),
	('SELECT id FROM app.zaak ORDER BY id DESC LIMIT 1 OFFSET 5'),
	('UPDATE app.zaak SET titel = titel || ''!'' WHERE id = 100 RETURNING titel'),
	('UPDATE app.zaak SET titel = titel WHERE id > 4'),
	('UPDATE app.los SET zaak = z.id FROM app.zaak z WHERE z.id = 100'),
	('DELETE FROM app.zaak WHERE id = 100'),
	('DELETE FROM app.regel r USING app.zaak z WHERE z.id = 100 AND r.zaak = z.id'),
	('INSERT INTO app.zaak VALUES (100, ''gewoon'', ''x'') ON CONFLICT DO NOTHING'),
	('INSERT INTO app.zaak VALUES (100, ''gewoon'', ''x'') ON CONFLICT (id) DO UPDATE SET titel = ''PWNED'''),
	('INSERT INTO app.zaak VALUES (100, ''gewoon'', ''x'') ON CONFLICT ON CONSTRAINT zaak_pkey DO UPDATE SET titel = app.zaak.titel WHERE app.zaak.titel = ''GEHEIM'''),
	('INSERT INTO app.zaak VALUES (5, ''gewoon'', ''x'') ON CONFLICT (id) DO UPDATE SET titel = ''zaak 5'''),
	('MERGE INTO app.zaak USING (VALUES (100)) v(i) ON zaak.id = v.i WHEN MATCHED THEN UPDATE SET titel = ''PWNED'' WHEN NOT MATCHED THEN DO NOTHING'),
	('MERGE INTO app.zaak USING (VALUES (5)) v(i) ON zaak.id = v.i WHEN MATCHED THEN UPDATE SET titel = ''zaak 5'''),
	('INSERT INTO app.zaak VALUES (101, ''signaal'', ''zonder doel'')'),
	('UPDATE app.zaak SET soort = ''signaal'' WHERE id = 5'),
	('UPDATE app.zaak SET casus_label = NULL WHERE id = 5'),
	('SELECT id FROM app.zaak FOR UPDATE');
GRANT SELECT ON public.trial TO PUBLIC;

SELECT attempt(sql) AS superuser, sql FROM public.trial ORDER BY n;
SET ROLE guard_bind_owner;
SELECT attempt(sql) AS owner, sql FROM public.trial ORDER BY n;
SET ROLE guard_bind_bypass;
SELECT attempt(sql) AS bypassrls, sql FROM public.trial ORDER BY n;
SET ROLE guard_bind_plain;
SELECT attempt(sql) AS plain, sql FROM public.trial ORDER BY n;
RESET ROLE;
SET row_security = off;
SELECT attempt(sql) AS row_security_off, sql FROM public.trial ORDER BY n;
RESET row_security;

-- COPY of the table is COPY of the rows that one may see; who asks for all, as pg_dump does, is refused.
COPY app.zaak (id) TO STDOUT;
COPY (SELECT count(*) FROM app.zaak) TO STDOUT;
SET row_security = off;
COPY app.zaak TO STDOUT;
RESET row_security;
-- COPY FROM goes through the trigger.
COPY app.zaak (id, soort) FROM STDIN;
7	gewoon
\.
COPY app.zaak (id, soort) FROM STDIN;
8	signaal
\.
SELECT casus.label_text(casus_label) FROM app.zaak WHERE id = 7;
DELETE FROM app.zaak WHERE id = 7;

-- Cursors, functions, plans of another role.
BEGIN;
DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT id FROM app.zaak WHERE id > 3 ORDER BY id;
COMMIT;
FETCH ALL FROM c;
CLOSE c;
CREATE FUNCTION app.sql_set() RETURNS SETOF app.zaak LANGUAGE sql STABLE AS 'SELECT * FROM app.zaak';
CREATE FUNCTION app.sql_nested() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT id FROM app.sql_set()';
CREATE FUNCTION app.definer() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM app.zaak';
CREATE FUNCTION app.plpg() RETURNS bigint LANGUAGE plpgsql AS $$DECLARE r app.zaak; n bigint := 0; BEGIN FOR r IN SELECT * FROM app.zaak LOOP n := n + 1; END LOOP; RETURN n; END$$;
CREATE FUNCTION app.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$BEGIN RAISE WARNING 'saw %', $1; RETURN true; END$$;
SELECT count(*) AS sql_set FROM app.sql_set();
SELECT count(*) AS sql_nested FROM app.sql_nested();
SELECT app.definer(), app.plpg();
SELECT query_to_xml('SELECT count(*) FROM app.zaak', true, true, '')::text LIKE '%<count>5<%' AS xml;
SELECT count(*) FROM app.zaak WHERE app.leak(titel) AND id > 4;
DO $$BEGIN RAISE WARNING '% rows', (SELECT count(*) FROM app.zaak); END$$;
PREPARE q AS SELECT count(*) FROM app.zaak;
EXECUTE q;
SET plan_cache_mode = force_generic_plan;
EXECUTE q;
SET SESSION AUTHORIZATION guard_bind_coord;
BEGIN;
SELECT casus.enter('intake');
EXECUTE q;
COMMIT;
EXECUTE q;
SET SESSION AUTHORIZATION guard_bind_plain;
EXECUTE q;
RESET SESSION AUTHORIZATION;
EXECUTE q;
DEALLOCATE q;
RESET plan_cache_mode;

-- A policy of the owner's sees what casus has let through, though its name sorts first.
SELECT casus.maintenance('app.zaak', 'a policy of our own') > now() AS open;
CREATE POLICY aaa ON app.zaak AS RESTRICTIVE USING (app.leak(titel));
SET ROLE guard_bind_plain;
SELECT count(*) FROM app.zaak WHERE id > 4;
RESET ROLE;
DROP POLICY aaa ON app.zaak;

-- So does one that is a constant; only what permits every row is not planned.
CREATE POLICY aaa ON app.zaak AS RESTRICTIVE USING (true);
SET ROLE guard_bind_plain;
SELECT count(*) AS true FROM app.zaak WHERE id > 4;
RESET ROLE;
ALTER POLICY aaa ON app.zaak USING (false);
SET ROLE guard_bind_plain;
SELECT count(*) AS false FROM app.zaak WHERE id > 4;
RESET ROLE;
ALTER POLICY aaa ON app.zaak USING (NULL);
SET ROLE guard_bind_plain;
SELECT count(*) AS unknown FROM app.zaak WHERE id > 4;
RESET ROLE;
DROP POLICY aaa ON app.zaak;
SELECT casus.maintenance('app.zaak', 'done', '0') <= clock_timestamp() AS closed;

-- session_replication_role does not switch the trigger off.
SET session_replication_role = replica;
SELECT attempt($$INSERT INTO app.zaak VALUES (102, 'signaal', 'x')$$);
INSERT INTO app.zaak VALUES (102, 'gewoon', 'x') RETURNING casus.label_text(casus_label);
DELETE FROM app.zaak WHERE id = 102;
RESET session_replication_role;

-- EXPLAIN shows the condition in every plan, and a plan that nobody runs needs no purpose.
EXPLAIN (COSTS off) SELECT * FROM app.zaak WHERE id = 100;
SET enable_seqscan = off;
SET enable_indexscan = off;
EXPLAIN (COSTS off) SELECT id FROM app.zaak WHERE id < 3;
RESET enable_indexscan;
SELECT count(*) AS index_scan FROM app.zaak WHERE id > 4;
RESET enable_seqscan;

-- The workers of a plan.
CREATE FUNCTION public.launched(sql text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || sql LOOP
		IF line ~ 'Workers' THEN
			RETURN NEXT trim(line);
		END IF;
	END LOOP;
END $$;

-- What it was: nobody has changed or seen anything.
SET SESSION AUTHORIZATION guard_bind_coord;
BEGIN;
SELECT casus.enter('intake');
SELECT id, soort, titel FROM app.zaak ORDER BY id;
-- Rows of this transaction are seen by no worker: the plan is serial.
INSERT INTO app.zaak VALUES (103, 'signaal', 'nieuw') RETURNING titel;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
EXPLAIN (COSTS off) SELECT count(*) FROM app.zaak;
SELECT count(*) FROM app.zaak;
ROLLBACK;
BEGIN;
SELECT casus.enter('intake');
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
PREPARE par AS SELECT count(*) FROM app.zaak;
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL parallel_leader_participation = off;
EXPLAIN (COSTS off) EXECUTE par;
EXECUTE par;
INSERT INTO app.zaak VALUES (103, 'signaal', 'nieuw');
EXECUTE par;
SELECT * FROM public.launched('EXECUTE par');
ROLLBACK;
RESET SESSION AUTHORIZATION;
DROP OWNED BY guard_bind_plain, guard_bind_bypass;
