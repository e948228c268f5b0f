-- Copies derived from governed rows: what a statement, a function or a trigger makes of them where nothing protects it
-- is refused; temporary tables are allowed, on record, and pass nothing on.  [B-18] A020 A093 A094 A106 D034
\set VERBOSITY terse
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/quiet.sql'
\i :fixture
CREATE SCHEMA mijn AUTHORIZATION bs_coordinator;
GRANT pg_write_server_files, pg_execute_server_program TO bs_coordinator;

\set tells check
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture

SET SESSION AUTHORIZATION bs_coordinator;
CREATE TABLE mijn.kopie (id int, tekst text);
CREATE UNLOGGED TABLE mijn.los (id int, tekst text);
CREATE TABLE mijn.delen (id int, tekst text) PARTITION BY RANGE (id);
CREATE TABLE mijn.deel PARTITION OF mijn.delen DEFAULT;
CREATE SEQUENCE mijn.teller;
CREATE MATERIALIZED VIEW mijn.beeld AS SELECT inhoud FROM beesel.notitie WITH NO DATA;
CREATE VIEW mijn.zicht AS SELECT id, inhoud FROM beesel.notitie;

-- Without a purpose the table is closed, and nothing is asked about copies; on a mixed table the rest goes on (copies.sql).
SELECT attempt('CREATE TABLE mijn.a AS SELECT * FROM beesel.notitie');

BEGIN;
SELECT casus.enter('overleg');
-- 1. One plan that reads and writes.
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'CREATE TABLE mijn.a AS SELECT inhoud FROM beesel.notitie',
	'CREATE UNLOGGED TABLE mijn.a AS SELECT inhoud FROM beesel.notitie',
	'SELECT inhoud INTO mijn.a FROM beesel.notitie',
	'CREATE TABLE mijn.a AS SELECT count(*) FROM beesel.notitie',
	'CREATE TABLE mijn.a AS SELECT inhoud FROM mijn.zicht WITH NO DATA',
	'CREATE MATERIALIZED VIEW mijn.b AS SELECT inhoud FROM beesel.notitie',
	'REFRESH MATERIALIZED VIEW mijn.beeld',
	'EXPLAIN ANALYZE CREATE TABLE mijn.c AS SELECT inhoud FROM beesel.notitie',
	'EXPLAIN CREATE TABLE mijn.c AS SELECT inhoud FROM beesel.notitie',
	'INSERT INTO mijn.kopie SELECT id, inhoud FROM beesel.notitie',
	'INSERT INTO mijn.kopie SELECT id, inhoud FROM mijn.zicht',
	'INSERT INTO mijn.los SELECT id, inhoud FROM beesel.notitie',
	'INSERT INTO mijn.delen SELECT id, inhoud FROM beesel.notitie',
	'INSERT INTO mijn.kopie VALUES (1, (SELECT inhoud FROM beesel.notitie LIMIT 1))',
	'WITH n AS (SELECT id, inhoud FROM beesel.notitie) INSERT INTO mijn.kopie SELECT * FROM n',
	'WITH k AS (INSERT INTO mijn.kopie SELECT id, inhoud FROM beesel.notitie RETURNING id) SELECT * FROM k',
	'WITH n AS (UPDATE beesel.notitie SET inhoud = inhoud RETURNING id, inhoud) INSERT INTO mijn.kopie SELECT * FROM n',
	'UPDATE mijn.kopie SET tekst = n.inhoud FROM beesel.notitie n WHERE n.id = kopie.id',
	'DELETE FROM mijn.kopie USING beesel.notitie n WHERE n.id = kopie.id',
	'MERGE INTO mijn.kopie k USING beesel.notitie n ON n.id = k.id WHEN NOT MATCHED THEN INSERT VALUES (n.id, n.inhoud)',
	'INSERT INTO mijn.kopie VALUES (1, ''eigen tekst'')',
	'UPDATE mijn.kopie SET tekst = ''eigen'' WHERE id = 1']) sql;
PREPARE later AS INSERT INTO mijn.kopie SELECT id, inhoud FROM beesel.notitie;
SELECT attempt('EXECUTE later');
-- EXECUTE says where the rows go when its plan has started; its parameters are computed before.
CREATE FUNCTION mijn.een() RETURNS text LANGUAGE sql VOLATILE AS 'SELECT min(inhoud) FROM beesel.notitie';
PREPARE inhouden AS SELECT inhoud FROM beesel.notitie;
PREPARE gegeven (text) AS SELECT $1 AS tekst;
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'CREATE TABLE mijn.d AS EXECUTE inhouden',
	'CREATE TABLE mijn.d AS EXECUTE gegeven(mijn.een())',
	'EXPLAIN ANALYZE CREATE TABLE mijn.d AS EXECUTE inhouden',
	'EXPLAIN ANALYZE CREATE TABLE mijn.d AS EXECUTE gegeven(mijn.een())',
	'CREATE TEMP TABLE uit_execute AS EXECUTE inhouden',
	'CREATE TEMP TABLE uit_gegeven AS EXECUTE gegeven(mijn.een())',
	'CREATE TABLE mijn.d AS TABLE uit_execute',
	'CREATE TABLE mijn.d AS TABLE uit_gegeven',
	'CREATE TABLE mijn.d AS EXECUTE gegeven(''eigen'')',
	'CREATE TABLE mijn.e AS EXECUTE inhouden WITH NO DATA',
	'DROP TABLE mijn.d, mijn.e, uit_execute, uit_gegeven']) sql;
-- 2. Files and programs; the client is a reader.
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'COPY beesel.notitie (inhoud) TO ''/tmp/casus_derive_no''',
	'COPY (SELECT inhoud FROM beesel.notitie) TO ''/tmp/casus_derive_no''',
	'COPY (SELECT inhoud FROM beesel.notitie) TO PROGRAM ''cat >/dev/null''',
	'COPY (SELECT 1) TO PROGRAM ''cat >/dev/null''']) sql;
COPY (SELECT inhoud FROM beesel.notitie ORDER BY id) TO STDOUT;
-- 3. Functions that keep what they are given: a length, and how many there are, too.
SELECT set_config('mijn.groot', lo_create(0)::text, true) > '' AS made;
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'SELECT lo_from_bytea(0, inhoud::bytea) FROM beesel.notitie',
	'SELECT lo_put(1, 0, inhoud::bytea) FROM beesel.notitie',
	'SELECT lo_truncate(lo_open(current_setting(''mijn.groot'')::oid, 131072), length(inhoud)) FROM beesel.notitie',
	'SELECT lo_truncate64(lo_open(current_setting(''mijn.groot'')::oid, 131072), id) FROM beesel.notitie',
	'SELECT lo_creat(-1) FROM beesel.notitie',
	'SELECT lo_truncate64(lo_open(current_setting(''mijn.groot'')::oid, 131072), 5)',
	'SELECT lo_unlink(current_setting(''mijn.groot'')::oid)',
	'SELECT setval(''mijn.teller'', id) FROM beesel.notitie',
	'SELECT pg_logical_emit_message(false, ''x'', inhoud) FROM beesel.notitie',
	'SELECT setval(''mijn.teller'', 3)',
	'SELECT set_config(''mijn.waarde'', inhoud, true) FROM beesel.notitie']) sql;
ROLLBACK;

-- 4. A function inside the statement is given its values.
CREATE FUNCTION mijn.bewaar(v text) RETURNS text LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO mijn.kopie VALUES (1, v); RETURN v; END$$;
CREATE FUNCTION mijn.bewaar_sql(v text) RETURNS void LANGUAGE sql AS $$INSERT INTO mijn.kopie VALUES (1, v)$$;
CREATE FUNCTION mijn.bewaar_diep(v text) RETURNS text LANGUAGE plpgsql AS
	$$BEGIN PERFORM mijn.bewaar(v); RETURN v; END$$;
CREATE FUNCTION mijn.bewaar_groot(v text) RETURNS text LANGUAGE plpgsql AS
	$$DECLARE o oid; BEGIN o := lo_from_bytea(0, v::bytea); RETURN v; END$$;
CREATE FUNCTION mijn.schrijf_op(v text) RETURNS text LANGUAGE plpgsql AS
	$$BEGIN EXECUTE format('COMMENT ON TABLE mijn.kopie IS %L', v); RETURN v; END$$;
CREATE FUNCTION mijn.leeg(v text) RETURNS text LANGUAGE plpgsql AS $$BEGIN TRUNCATE mijn.kopie; RETURN v; END$$;
CREATE FUNCTION mijn.weg(v text) RETURNS text LANGUAGE plpgsql AS $$BEGIN DROP TABLE IF EXISTS mijn.kopie; RETURN v; END$$;
CREATE FUNCTION mijn.even_leeg(v text) RETURNS text LANGUAGE plpgsql AS
	$$BEGIN DROP TABLE IF EXISTS leeg; CREATE TEMP TABLE leeg (v text); TRUNCATE leeg; DROP TABLE leeg; RETURN v; END$$;
CREATE FUNCTION mijn.even(v text) RETURNS text LANGUAGE plpgsql AS
	$$BEGIN CREATE TEMP TABLE IF NOT EXISTS even (v text); INSERT INTO even VALUES (v); RETURN v; END$$;
BEGIN;
SELECT casus.enter('overleg');
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'SELECT mijn.bewaar(inhoud) FROM beesel.notitie',
	'SELECT mijn.bewaar_sql(inhoud) FROM beesel.notitie',
	'SELECT mijn.bewaar_diep(inhoud) FROM beesel.notitie',
	'SELECT mijn.bewaar(string_agg(inhoud, '','')) FROM beesel.notitie',
	'SELECT 1 FROM beesel.notitie WHERE mijn.bewaar(inhoud) <> ''''',
	'SELECT mijn.bewaar_groot(inhoud) FROM beesel.notitie',
	'SELECT mijn.schrijf_op(inhoud) FROM beesel.notitie',
	'SELECT mijn.leeg(inhoud) FROM beesel.notitie',
	'SELECT mijn.weg(inhoud) FROM beesel.notitie',
	'SELECT mijn.even_leeg(inhoud) FROM beesel.notitie',
	'SELECT mijn.even(inhoud) FROM beesel.notitie',
	'CREATE TABLE mijn.a AS SELECT v FROM even',
	'SELECT mijn.bewaar(''eigen'')',
	'SELECT mijn.bewaar(inhoud) FROM beesel.notitie WHERE false',
	'DO $d$ BEGIN INSERT INTO mijn.kopie SELECT id, inhoud FROM beesel.notitie; END $d$',
	'SELECT mijn.leeg(''eigen'')']) sql;
ROLLBACK;

-- 5. Temporary tables: allowed, on record, and what comes out of them is held to the same.
BEGIN;
SELECT casus.enter('overleg');
CREATE TEMP TABLE tijdelijk AS SELECT inhoud FROM beesel.notitie;
CREATE TABLE pg_temp.ook AS SELECT inhoud FROM beesel.notitie;
CREATE TEMP TABLE derde (v text);
INSERT INTO derde SELECT inhoud FROM beesel.notitie;
COMMIT;
SELECT count(*) FROM tijdelijk;
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'CREATE TABLE mijn.a AS SELECT * FROM tijdelijk',
	'INSERT INTO mijn.kopie SELECT 1, inhoud FROM ook',
	'INSERT INTO mijn.kopie SELECT 1, v FROM derde',
	'SELECT mijn.bewaar(v) FROM derde',
	'COPY (SELECT * FROM derde) TO PROGRAM ''cat >/dev/null''',
	'COPY derde TO PROGRAM ''cat >/dev/null''',
	'CREATE TEMP TABLE vierde AS SELECT * FROM derde',
	'CREATE TABLE mijn.a AS SELECT * FROM vierde',
	'ALTER TABLE derde SET SCHEMA mijn']) sql;
BEGIN;
DROP TABLE derde;
ROLLBACK;
SELECT attempt('CREATE TABLE mijn.a AS SELECT * FROM derde');
DISCARD TEMP;
CREATE TEMP TABLE derde (v text);
SELECT attempt('CREATE TABLE mijn.a AS SELECT * FROM derde');
-- Where its name leads when it is there does not matter.
BEGIN;
SELECT casus.enter('overleg');
SET LOCAL search_path = pg_temp, mijn;
CREATE TABLE kopie AS SELECT inhoud, set_config('search_path', 'mijn, pg_temp', true) FROM beesel.notitie;
COMMIT;
SELECT attempt('CREATE TABLE mijn.gekopieerd AS SELECT * FROM pg_temp.kopie');
DROP TABLE pg_temp.kopie;
SELECT kind, relation, array_length(dossiers, 1) AS dossiers, row_counts FROM casus.access_log
	WHERE kind = 'copy' AND dossiers <> '{}' ORDER BY seq;

-- 6. Cursors that would keep their rows: WITH HOLD, and the loop of a procedure that commits in it.
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT 1 AS een;
SELECT casus.enter('overleg');
COMMIT;
FETCH c;
CLOSE c;
BEGIN;
SELECT casus.enter('overleg');
DECLARE c CURSOR WITH HOLD FOR SELECT inhoud FROM beesel.notitie;
ROLLBACK;
CREATE PROCEDURE mijn.lus(commits boolean) LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	PERFORM set_config('mijn.gezien', '', false);
	FOR r IN SELECT inhoud FROM beesel.notitie ORDER BY id LOOP
		PERFORM set_config('mijn.gezien', current_setting('mijn.gezien') || r.inhoud || ';', false);
		IF commits THEN
			COMMIT;
		END IF;
	END LOOP;
END $$;
SELECT casus.enter('overleg') \; CALL mijn.lus(false);
SELECT current_setting('mijn.gezien');
SELECT casus.enter('overleg') \; CALL mijn.lus(true);
-- As one command after another in a procedure.
CREATE PROCEDURE mijn.vooraf() LANGUAGE plpgsql AS $$BEGIN PERFORM casus.enter('overleg'); CALL mijn.lus(true); END $$;
CALL mijn.vooraf();
SELECT current_setting('mijn.gezien');

-- 7. A large object, and a message to others, of the client's own words.
BEGIN;
SELECT casus.enter('overleg');
SELECT lo_from_bytea(0, 'eigen') > 0 AS made;
NOTIFY kanaal, 'eigen';
SELECT pg_notify('kanaal', inhoud) FROM beesel.notitie LIMIT 1;
ROLLBACK;
-- A call that PL/pgSQL has made ready for the transaction with harmless words is judged by each that it is given.
CREATE FUNCTION mijn.bewaar_in(o oid, v text) RETURNS text LANGUAGE plpgsql AS
	$$DECLARE x text; BEGIN x := lo_put(o, 0, v::bytea)::text; RETURN v; END$$;
BEGIN;
SELECT casus.enter('overleg');
SELECT mijn.bewaar_groot('eigen'), mijn.bewaar_in(lo_create(0), 'eigen');
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'SELECT mijn.bewaar_groot(inhoud) FROM beesel.notitie',
	'SELECT mijn.bewaar_in((SELECT min(oid) FROM pg_largeobject_metadata), inhoud) FROM beesel.notitie',
	'SELECT mijn.bewaar_groot(''eigen'')']) sql;
ROLLBACK;

-- 8. A function that reads, inside a statement that writes: what it returns goes where the statement puts it.
CREATE FUNCTION mijn.lees() RETURNS text LANGUAGE sql AS $$SELECT string_agg(inhoud, '|') FROM beesel.notitie$$;
CREATE FUNCTION mijn.lees_stabiel() RETURNS text LANGUAGE sql STABLE AS $$SELECT string_agg(inhoud, '|') FROM beesel.notitie$$;
CREATE FUNCTION mijn.lees_vast() RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT string_agg(inhoud, '|') FROM beesel.notitie$$;
CREATE FUNCTION mijn.lees_pl() RETURNS text LANGUAGE plpgsql AS
	$$BEGIN RETURN (SELECT string_agg(inhoud, '|') FROM beesel.notitie); END$$;
CREATE FUNCTION mijn.lees_cursor() RETURNS text LANGUAGE plpgsql AS
	$$DECLARE c refcursor := 'c'; v text; BEGIN FETCH c INTO v; RETURN v; END$$;
CREATE FUNCTION mijn.lees_van(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN mijn.lees(); END$$;
CREATE FUNCTION mijn.lees_elders(int) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_temp AS $$BEGIN RETURN mijn.lees(); END$$;
CREATE TABLE mijn.gevuld (id int DEFAULT 1, tekst text DEFAULT mijn.lees());
CREATE TABLE mijn.delen2 (id int) PARTITION BY RANGE (id);
CREATE MATERIALIZED VIEW mijn.lezend AS SELECT mijn.lees() WITH NO DATA;
INSERT INTO mijn.kopie VALUES (1, 'eigen');
SELECT casus.enter('overleg') \; SELECT mijn.lees(), mijn.lees_stabiel(), mijn.lees_pl();
BEGIN;
SELECT casus.enter('overleg');
DECLARE c CURSOR FOR SELECT inhoud FROM beesel.notitie ORDER BY inhoud;
FETCH c;
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'INSERT INTO mijn.kopie VALUES (1, mijn.lees())',
	'INSERT INTO mijn.kopie VALUES (1, mijn.lees_stabiel())',
	'INSERT INTO mijn.kopie VALUES (1, mijn.lees_vast())',
	'INSERT INTO mijn.kopie VALUES (1, mijn.lees_pl())',
	'INSERT INTO mijn.kopie VALUES (1, mijn.lees_cursor())',
	'INSERT INTO mijn.gevuld DEFAULT VALUES',
	'INSERT INTO mijn.kopie SELECT i, mijn.lees() FROM generate_series(1, 3) i',
	'UPDATE mijn.kopie SET tekst = mijn.lees()',
	'MERGE INTO mijn.kopie k USING (SELECT mijn.lees() AS v) n ON false WHEN NOT MATCHED THEN INSERT VALUES (1, n.v)',
	'WITH k AS (INSERT INTO mijn.kopie VALUES (1, mijn.lees())) SELECT 1',
	'CREATE TABLE mijn.nieuw AS SELECT mijn.lees()',
	'CREATE MATERIALIZED VIEW mijn.b AS SELECT mijn.lees()',
	'REFRESH MATERIALIZED VIEW mijn.lezend',
	'COPY (SELECT mijn.lees()) TO ''/tmp/casus_derive_no''',
	'COPY mijn.gevuld (id) FROM PROGRAM ''echo 1''',
	'ALTER TABLE mijn.kopie ADD COLUMN b text DEFAULT mijn.lees()',
	'ALTER TABLE mijn.kopie ADD COLUMN b text GENERATED ALWAYS AS (mijn.lees_van(id)) STORED',
	'ALTER TABLE mijn.kopie ALTER COLUMN tekst TYPE varchar USING mijn.lees()',
	'CREATE INDEX ON mijn.kopie (mijn.lees_van(id))',
	'CREATE TABLE mijn.b PARTITION OF mijn.delen2 FOR VALUES FROM (length(mijn.lees())) TO (1000)',
	'SELECT lo_from_bytea(0, mijn.lees()::bytea)',
	'SELECT setval(''mijn.teller'', length(mijn.lees()))',
	'SELECT mijn.lees_vast()',
	'SELECT 1 FROM mijn.kopie WHERE tekst = mijn.lees_stabiel()',
	'CREATE TEMP TABLE gelezen AS SELECT mijn.lees() AS v',
	'CREATE TABLE mijn.nieuw AS SELECT v FROM gelezen',
	'CREATE TEMP TABLE ook_gelezen (v text DEFAULT mijn.lees())',
	'INSERT INTO ook_gelezen DEFAULT VALUES',
	'CREATE TABLE mijn.nieuw AS SELECT v FROM ook_gelezen',
	'CREATE TEMP TABLE kopie (id integer)',
	'SET LOCAL search_path = mijn, pg_temp',
	'CREATE INDEX ON kopie (mijn.lees_elders(id))',
	'INSERT INTO mijn.kopie VALUES (2, ''eigen'')']) sql;
ROLLBACK;
BEGIN;
DECLARE d CURSOR WITH HOLD FOR SELECT mijn.lees();
SELECT casus.enter('overleg');
COMMIT;
CREATE FUNCTION mijn.voer_uit(hoe text, v text) RETURNS text LANGUAGE plpgsql AS $$BEGIN EXECUTE format(hoe, v); RETURN v; END$$;
-- A definition that a function makes of a value, and the name of a file or program.
BEGIN;
SELECT casus.enter('overleg');
SELECT hoe, attempt(format('SELECT mijn.voer_uit(%L, inhoud) FROM beesel.notitie', hoe)) FROM unnest(ARRAY[
	'CREATE INDEX ON mijn.kopie ((tekst || %L))',
	'CREATE MATERIALIZED VIEW mijn.x AS SELECT %L WITH NO DATA',
	'CREATE TABLE mijn.x AS SELECT 1 AS %I WITH NO DATA',
	'CREATE TEMP TABLE IF NOT EXISTS x AS SELECT 1 AS %I WITH NO DATA',
	'COPY mijn.kopie FROM PROGRAM ''echo %s''',
	'COPY mijn.kopie TO PROGRAM ''echo %s''']) hoe;
ROLLBACK;

-- 9. Triggers on temporary copies, now and when the transaction ends; a foreign table is no temporary one.
BEGIN;
SELECT casus.enter('overleg');
CREATE FUNCTION mijn.door() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO mijn.kopie VALUES (3, NEW.v); RETURN NULL; END$$;
CREATE FUNCTION mijn.door_alle() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO mijn.kopie SELECT 3, v FROM nieuw; RETURN NULL; END$$;
CREATE TEMP TABLE bron AS SELECT inhoud AS v FROM beesel.notitie;
CREATE TEMP TABLE t_rij (v text);
CREATE TEMP TABLE t_alle (v text);
CREATE TEMP TABLE t_eind (v text);
CREATE TRIGGER door AFTER INSERT ON t_rij FOR EACH ROW EXECUTE FUNCTION mijn.door();
CREATE TRIGGER door AFTER INSERT ON t_alle REFERENCING NEW TABLE AS nieuw FOR EACH STATEMENT EXECUTE FUNCTION mijn.door_alle();
CREATE CONSTRAINT TRIGGER door AFTER INSERT ON t_eind DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mijn.door();
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'INSERT INTO t_rij SELECT v FROM bron',
	'INSERT INTO t_alle SELECT v FROM bron',
	'INSERT INTO t_rij SELECT inhoud FROM beesel.notitie',
	'INSERT INTO t_rij VALUES (mijn.lees())',
	'INSERT INTO t_rij VALUES (''eigen'')']) sql;
INSERT INTO t_eind SELECT inhoud FROM beesel.notitie;
COMMIT;

-- What an IMMUTABLE function read would stay in the plan of the session.
PREPARE gevouwen AS SELECT mijn.lees_vast();
SELECT casus.enter('overleg') \; EXECUTE gevouwen;
EXECUTE gevouwen;

RESET SESSION AUTHORIZATION;
SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE lomowner = 'bs_coordinator'::regrole;
REVOKE pg_write_server_files, pg_execute_server_program FROM bs_coordinator;
