-- Statements and commands around one another: what is known of those around outlives errors that somebody catches, statements
-- of casus' own, commands without a plan, parallel workers and commits within a procedure.  [B-18] A020 A093
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/quiet.sql'
\i :fixture
CREATE SCHEMA mijn AUTHORIZATION bs_coordinator;
GRANT pg_execute_server_program TO bs_coordinator;

\set tells check
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture

SET SESSION AUTHORIZATION bs_coordinator;
CREATE TABLE mijn.kopie (id int, tekst text);
CREATE FUNCTION mijn.bewaar(v text) RETURNS text LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO mijn.kopie VALUES (1, v); RETURN v; END$$;
CREATE FUNCTION mijn.lees() RETURNS text LANGUAGE sql AS $$SELECT string_agg(inhoud, '|') FROM beesel.notitie$$;

-- 1. Temporary copies: each table that a statement fills, each part of one, and those that are there again.
BEGIN;
SELECT casus.enter('overleg');
CREATE TEMP TABLE tijdelijk AS SELECT inhoud AS v FROM beesel.notitie;
CREATE TEMP TABLE een (v text);
CREATE TEMP TABLE twee (v text);
WITH a AS (INSERT INTO een SELECT v FROM tijdelijk), b AS (INSERT INTO twee SELECT v FROM tijdelijk) SELECT 1 AS done;
CREATE TEMP TABLE delen (id int, v text) PARTITION BY LIST (id);
CREATE TEMP TABLE deel1 PARTITION OF delen FOR VALUES IN (1);
CREATE TEMP TABLE deel2 PARTITION OF delen FOR VALUES IN (2);
INSERT INTO delen SELECT 1, inhoud FROM beesel.notitie;
UPDATE delen SET id = 2 WHERE id = 1;
COMMIT;
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'CREATE TABLE mijn.a2 AS SELECT * FROM een',
	'CREATE TABLE mijn.a3 AS SELECT * FROM twee',
	'CREATE TABLE mijn.a4 AS SELECT * FROM delen',
	'CREATE TABLE mijn.a5 AS SELECT * FROM deel2']) sql;
BEGIN;
DISCARD TEMP;
ROLLBACK;
SELECT attempt('CREATE TABLE mijn.a1 AS SELECT * FROM tijdelijk');
-- What was undone holds none.
CREATE TEMP TABLE drie (v text);
BEGIN;
SELECT casus.enter('overleg');
INSERT INTO drie SELECT inhoud FROM beesel.notitie;
SELECT attempt('CREATE TABLE mijn.a0 AS SELECT * FROM drie');
ROLLBACK;
SELECT attempt('CREATE TABLE mijn.a0 AS SELECT * FROM drie');

-- 2. A trigger of COPY catches an error, and then reads what the command is to write.
CREATE FUNCTION mijn.na_fout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		INSERT INTO mijn.kopie SELECT 1 / (i - i) FROM generate_series(1, 2) i;
	EXCEPTION WHEN division_by_zero THEN
		NULL;
	END;
	NEW.tekst := mijn.lees();
	RETURN NEW;
END $$;
CREATE TABLE mijn.gevuld (id int, tekst text);
CREATE TRIGGER na_fout BEFORE INSERT ON mijn.gevuld FOR EACH ROW EXECUTE FUNCTION mijn.na_fout();
BEGIN;
SELECT casus.enter('overleg');
COPY mijn.gevuld (id) FROM stdin;
1
\.
ROLLBACK;

-- 3. A statement of casus' own runs while the plan of another starts, which has looked up a function that keeps.
CREATE TABLE mijn.jaar (id text, n int) PARTITION BY LIST (id);
CREATE TABLE mijn.jaar_a PARTITION OF mijn.jaar FOR VALUES IN ('a');
CREATE TABLE mijn.jaar_b PARTITION OF mijn.jaar DEFAULT;
INSERT INTO mijn.jaar VALUES ('a', 1), ('b', 2);
CREATE FUNCTION mijn.eigen() RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN PERFORM casus.my_purposes(); RETURN 'a'; END$$;
CREATE FUNCTION mijn.gevangen() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM 1 FROM mijn.jaar WHERE id = mijn.mislukt();
	RETURN 'a';
EXCEPTION WHEN raise_exception THEN
	RETURN 'a';
END $$;
CREATE FUNCTION mijn.mislukt() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF pg_trigger_depth() = 0 AND current_setting('mijn.uitvoeren', true) = 'ja' THEN
		RAISE EXCEPTION 'mislukt';
	END IF;
	RETURN 'a';
END $$;
BEGIN;
SELECT casus.enter('overleg');
SET LOCAL mijn.uitvoeren = 'ja';
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'SELECT (SELECT max(lo_from_bytea(0, inhoud::bytea)) FROM beesel.notitie), n FROM mijn.jaar WHERE id = ''a''',
	'SELECT (SELECT max(lo_from_bytea(0, inhoud::bytea)) FROM beesel.notitie), n FROM mijn.jaar WHERE id = mijn.eigen()',
	'SELECT (SELECT max(lo_from_bytea(0, inhoud::bytea)) FROM beesel.notitie), n FROM mijn.jaar WHERE id = mijn.gevangen()']) sql;
ROLLBACK;

-- 4. Commands that work on the rows of a temporary copy give them to functions.
CREATE FUNCTION mijn.bewaar_vast(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN mijn.bewaar(v); END$$;
CREATE FUNCTION mijn.schrijf_op(v text) RETURNS text LANGUAGE plpgsql AS
	$$BEGIN EXECUTE format('COMMENT ON TABLE mijn.kopie IS %L', v); RETURN v; END$$;
CREATE DOMAIN mijn.domein AS text;
BEGIN;
SELECT casus.enter('overleg');
CREATE TEMP TABLE bron (v text, d mijn.domein);
INSERT INTO bron SELECT inhoud, inhoud FROM beesel.notitie;
CREATE TEMP TABLE leeg (v text);
INSERT INTO leeg VALUES ('eigen');
CREATE TEMP TABLE boven (v text);
CREATE TEMP TABLE onder () INHERITS (boven);
INSERT INTO onder SELECT v FROM bron;
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'ALTER TABLE bron ALTER COLUMN v TYPE varchar USING mijn.bewaar(v)',
	'ALTER TABLE bron ADD CHECK (mijn.bewaar(v) <> '''')',
	'ALTER TABLE boven ADD CHECK (mijn.bewaar(v) <> '''')',
	'ALTER TABLE bron ALTER COLUMN v TYPE varchar USING mijn.schrijf_op(v)',
	'CREATE INDEX ON bron (mijn.bewaar_vast(v))',
	'CREATE INDEX ON bron (v) WHERE mijn.bewaar_vast(v) <> ''''',
	'ALTER DOMAIN mijn.domein ADD CHECK (mijn.bewaar(VALUE) <> '''')',
	'ALTER TABLE leeg ADD CHECK (mijn.bewaar(v) <> '''')',
	'ALTER TABLE leeg ADD COLUMN b text DEFAULT mijn.lees(), ADD CHECK (mijn.bewaar(b) <> '''')',
	'CREATE INDEX ON bron (v)',
	'ALTER TABLE bron ADD CHECK (v <> '''')']) sql;
-- Those that find the expression in an index; its function writes only when it is told to.
CREATE FUNCTION mijn.later(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_setting('mijn.schrijf', true) = 'ja' THEN
		PERFORM mijn.bewaar(v);
	END IF;
	RETURN v;
END $$;
CREATE INDEX later ON bron (mijn.later(v));
SET LOCAL mijn.schrijf = 'ja';
SELECT sql, attempt(sql) FROM unnest(ARRAY['REINDEX TABLE bron', 'CLUSTER bron USING later', 'ANALYZE bron']) sql;
ROLLBACK;

-- 5. Workers say nothing of what a function reads in them.
CREATE TABLE mijn.veel AS SELECT i AS id FROM generate_series(1, 2000) i;
ANALYZE mijn.veel;
CREATE FUNCTION mijn.lees_mee(int) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS
	$$BEGIN RETURN (SELECT max(inhoud) FROM beesel.notitie); END$$;
CREATE FUNCTION mijn.alle() RETURNS SETOF text LANGUAGE plpgsql AS
	$$BEGIN RETURN QUERY SELECT max(mijn.lees_mee(id)) FROM mijn.veel WHERE id < 3; END$$;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT max(mijn.lees_mee(id)) FROM mijn.veel WHERE id < 3;
BEGIN;
SELECT casus.enter('overleg');
SELECT max(mijn.lees_mee(id)) FROM mijn.veel WHERE id < 3;
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'CREATE TABLE mijn.a6 AS SELECT max(mijn.lees_mee(id)) AS v FROM mijn.veel WHERE id < 3',
	'CREATE MATERIALIZED VIEW mijn.a8 AS SELECT max(mijn.lees_mee(id)) AS v FROM mijn.veel WHERE id < 3',
	'COPY (SELECT max(mijn.lees_mee(id)) FROM mijn.veel WHERE id < 3) TO PROGRAM ''cat >/dev/null''',
	'INSERT INTO mijn.kopie SELECT 1, v FROM mijn.alle() v',
	'CREATE TEMP TABLE samen AS SELECT max(mijn.lees_mee(id)) AS v FROM mijn.veel WHERE id < 3',
	'CREATE TABLE mijn.a9 AS SELECT v FROM samen',
	'CREATE TABLE mijn.a11 AS SELECT max(id) AS v FROM mijn.veel WHERE id < 3']) sql;
ROLLBACK;
-- Where nobody reads governed rows they work as ever.
CREATE FUNCTION mijn.mee() RETURNS int LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$BEGIN RETURN pg_backend_pid(); END$$;
SELECT set_config('mijn.pid', pg_backend_pid()::text, false) IS NOT NULL AS done;
CREATE TABLE mijn.a12 AS SELECT bool_or(mijn.mee() = current_setting('mijn.pid')::int) AS hier FROM mijn.veel;
SELECT * FROM mijn.a12;
PREPARE later AS SELECT max(mijn.lees_mee(id)) AS v FROM mijn.veel WHERE id < 3;
SELECT casus.enter('overleg') \; SELECT attempt('CREATE TABLE mijn.a10 AS EXECUTE later');
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET parallel_leader_participation;

-- 6. Triggers that wait run at a commit within a procedure too, and a trigger of a temporary copy after what it was given.
CREATE FUNCTION mijn.door() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN PERFORM mijn.bewaar(NEW.v); RETURN NULL; END$$;
CREATE FUNCTION mijn.via() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO t_volgende VALUES (NEW.v); RETURN NULL; END$$;
CREATE TEMP TABLE t_eind (v text);
CREATE TEMP TABLE t_tussen (v text);
CREATE TEMP TABLE t_volgende (v text);
CREATE CONSTRAINT TRIGGER door AFTER INSERT ON t_eind DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mijn.door();
CREATE CONSTRAINT TRIGGER via AFTER INSERT ON t_tussen DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mijn.via();
CREATE TRIGGER door AFTER INSERT ON t_volgende FOR EACH ROW EXECUTE FUNCTION mijn.door();
CREATE PROCEDURE mijn.vult(tabel text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %I SELECT v FROM tijdelijk', tabel);
	COMMIT;
END $$;
CALL mijn.vult('t_eind');
CALL mijn.vult('t_tussen');
CREATE FUNCTION mijn.nu() RETURNS void LANGUAGE plpgsql AS $$BEGIN SET CONSTRAINTS ALL IMMEDIATE; END$$;
BEGIN;
SELECT casus.enter('overleg');
INSERT INTO t_eind SELECT inhoud FROM beesel.notitie;
SELECT mijn.nu();
ROLLBACK;
BEGIN;
INSERT INTO t_eind VALUES ('eigen');
COMMIT;
SELECT * FROM mijn.kopie;
RESET SESSION AUTHORIZATION;
