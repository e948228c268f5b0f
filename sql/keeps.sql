-- keeps.sql: a function that keeps what it is given, such as one that makes a large object, is asked about at each call,
-- also where the server makes its expression ready past the planner: in a function that it writes out in line, in the
-- condition of a domain, for a parameter.  PL/pgSQL makes an expression ready once a transaction.  D034 F018
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/quiet.sql'
\i :fixture
CREATE SCHEMA mijn AUTHORIZATION bs_coordinator;
CREATE VIEW public.kept AS
	SELECT loid, convert_from(data, 'UTF8') ~ 'eigen' AS own, convert_from(data, 'UTF8') ~ 'overleg' AS governed FROM pg_largeobject;

SET SESSION AUTHORIZATION bs_coordinator;
CREATE FUNCTION mijn.k(x bytea) RETURNS oid LANGUAGE sql AS 'SELECT lo_from_bytea(0, x)';
CREATE FUNCTION mijn.inl(v text) RETURNS text LANGUAGE plpgsql AS $$DECLARE o oid; BEGIN o := mijn.k(v::bytea); RETURN v; END$$;
CREATE SEQUENCE mijn.nummer;
CREATE FUNCTION mijn.n(x bigint) RETURNS bigint LANGUAGE sql AS $$SELECT setval('mijn.nummer', x)$$;
CREATE FUNCTION mijn.num(v text) RETURNS text LANGUAGE plpgsql AS $$DECLARE o bigint; BEGIN o := mijn.n(1000 + length(v)); RETURN v; END$$;
BEGIN;
SELECT casus.enter('overleg');
SELECT count(*) > 0 AS reads FROM beesel.notitie WHERE inhoud ~ 'overleg';
SELECT mijn.inl('eigen');
SAVEPOINT s;
SELECT count(mijn.inl(inhoud)) FROM beesel.notitie;
ROLLBACK TO s;
SELECT mijn.num('eigen');
SELECT count(mijn.num(inhoud)) FROM beesel.notitie;
COMMIT;
SELECT last_value <= 1005 AS own FROM mijn.nummer;

-- Given by name, in another order; by a default of its own; by a default of the function around it.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION public.lo(loid oid DEFAULT 0, data bytea DEFAULT current_setting('mijn.v')::bytea) RETURNS oid LANGUAGE internal VOLATILE STRICT AS 'be_lo_from_bytea';
CREATE FUNCTION public.outer_lo(o oid DEFAULT public.lo(data => current_setting('mijn.v')::bytea)) RETURNS oid LANGUAGE sql AS 'SELECT o';
CREATE FUNCTION public.outer_outer(o oid DEFAULT public.outer_lo()) RETURNS oid LANGUAGE plpgsql AS 'BEGIN RETURN o; END';
SET SESSION AUTHORIZATION bs_coordinator;
CREATE FUNCTION mijn.named(v text) RETURNS text LANGUAGE plpgsql AS $$DECLARE o oid; BEGIN o := public.lo(data => v::bytea, loid => 0); RETURN v; END$$;
CREATE FUNCTION mijn.defaulted(v text) RETURNS text LANGUAGE plpgsql AS $$DECLARE o oid; BEGIN PERFORM set_config('mijn.v', v, true); o := public.lo(); RETURN v; END$$;
CREATE FUNCTION mijn.part(v text) RETURNS text LANGUAGE plpgsql AS $$DECLARE o oid; BEGIN PERFORM set_config('mijn.v', v, true); o := public.lo(0); RETURN v; END$$;
CREATE FUNCTION mijn.around(v text) RETURNS text LANGUAGE plpgsql AS $$DECLARE o oid; BEGIN PERFORM set_config('mijn.v', v, true); o := public.outer_lo(); RETURN v; END$$;
CREATE FUNCTION mijn.twice(v text) RETURNS text LANGUAGE plpgsql AS $$DECLARE o oid; BEGIN PERFORM set_config('mijn.v', v, true); o := public.outer_outer(); RETURN v; END$$;
BEGIN;
SELECT casus.enter('overleg');
SELECT mijn.named('eigen'), mijn.defaulted('eigen'), mijn.part('eigen'), mijn.around('eigen'), mijn.twice('eigen');
SAVEPOINT s;
SELECT count(mijn.named(inhoud)) FROM beesel.notitie;
ROLLBACK TO s;
SELECT count(mijn.defaulted(inhoud)) FROM beesel.notitie;
ROLLBACK TO s;
SELECT count(mijn.part(inhoud)) FROM beesel.notitie;
ROLLBACK TO s;
SELECT count(mijn.around(inhoud)) FROM beesel.notitie;
ROLLBACK TO s;
SELECT count(mijn.twice(inhoud)) FROM beesel.notitie;
COMMIT;

-- The condition of a domain.
CREATE DOMAIN mijn.d AS text CHECK (lo_from_bytea(0, VALUE::bytea) > 0);
CREATE DOMAIN mijn.d AS text CHECK (length(VALUE) > 0);
ALTER DOMAIN mijn.d ADD CHECK (lo_from_bytea(0, VALUE::bytea) > 0);
RESET SESSION AUTHORIZATION;
SELECT count(*) FILTER (WHERE governed) AS governed FROM public.kept;

-- In one command, made ready before governed rows are read: in what a command computes past the planner, ...
SET SESSION AUTHORIZATION bs_coordinator;
CREATE FUNCTION mijn.reads() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT string_agg(inhoud, ',') FROM beesel.notitie); END$$;
CREATE PROCEDURE mijn.proc(x oid) LANGUAGE plpgsql AS 'BEGIN END';
CREATE PROCEDURE mijn.procd(x oid DEFAULT lo_from_bytea(0, mijn.reads()::bytea)) LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION mijn.row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
PREPARE p(oid) AS SELECT $1 > 0 AS kept;
CREATE TEMP TABLE one (a int);
INSERT INTO one VALUES (1);
CREATE TEMP TABLE defaults (a int, b oid DEFAULT lo_from_bytea(0, mijn.reads()::bytea));
CREATE TEMP TABLE parts (a oid) PARTITION BY LIST (a);
CREATE TEMP TABLE checked (v text CHECK (lo_from_bytea(0, v::bytea) > 0));
CREATE TEMP TABLE fires (v text);
CREATE TRIGGER a BEFORE INSERT ON fires FOR EACH ROW WHEN (lo_from_bytea(0, NEW.v::bytea) > 0) EXECUTE FUNCTION mijn.row();
BEGIN;
SELECT casus.enter('overleg');
SAVEPOINT s;
EXECUTE p(lo_from_bytea(0, mijn.reads()::bytea));
ROLLBACK TO s;
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) EXECUTE p(lo_from_bytea(0, mijn.reads()::bytea));
ROLLBACK TO s;
CREATE TEMP TABLE x AS EXECUTE p(lo_from_bytea(0, mijn.reads()::bytea));
ROLLBACK TO s;
CALL mijn.proc(lo_from_bytea(0, mijn.reads()::bytea));
ROLLBACK TO s;
CALL mijn.proc(x => public.lo(data => mijn.reads()::bytea));
ROLLBACK TO s;
CALL mijn.procd();
ROLLBACK TO s;
ALTER TABLE one ADD COLUMN b oid DEFAULT lo_from_bytea(0, mijn.reads()::bytea);
ROLLBACK TO s;
ALTER TABLE one ALTER a TYPE oid USING lo_from_bytea(0, mijn.reads()::bytea);
ROLLBACK TO s;
CREATE TEMP TABLE part PARTITION OF parts FOR VALUES IN (lo_from_bytea(0, mijn.reads()::bytea));
ROLLBACK TO s;
COPY defaults (a) FROM stdin;
1
\.
ROLLBACK TO s;
COPY one FROM stdin WHERE lo_from_bytea(0, mijn.reads()::bytea) > 0;
1
\.
ROLLBACK TO s;
-- ... in conditions of the table that is written to, and in what goes of it.
INSERT INTO checked SELECT CASE g WHEN 1 THEN 'eigen' ELSE mijn.reads() END FROM generate_series(1, 2) g;
ROLLBACK TO s;
INSERT INTO fires SELECT CASE g WHEN 1 THEN 'eigen' ELSE mijn.reads() END FROM generate_series(1, 2) g;
ROLLBACK TO s;
INSERT INTO checked VALUES ('eigen'), ('eigen twee');
UPDATE checked SET v = CASE v WHEN 'eigen' THEN v ELSE mijn.reads() END;
ROLLBACK TO s;
DELETE FROM one RETURNING lo_from_bytea(0, mijn.reads()::bytea) > 0;
ROLLBACK TO s;
-- His own value, before and after.
CALL mijn.proc(lo_from_bytea(0, 'eigen'));
EXECUTE p(lo_from_bytea(0, 'eigen'));
INSERT INTO checked VALUES ('eigen');
DELETE FROM one RETURNING lo_from_bytea(0, 'eigen') > 0 AS kept;
SELECT count(*) > 0 AS reads FROM beesel.notitie WHERE inhoud ~ 'overleg';
CALL mijn.proc(lo_from_bytea(0, 'eigen'));
EXECUTE p(lo_from_bytea(0, 'eigen'));
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT count(*) FILTER (WHERE governed) AS governed FROM public.kept;

-- Statistics of a table of his own, which 18 can be given; what is not typed stays so.
SET SESSION AUTHORIZATION bs_coordinator;
CREATE TABLE mijn.t (a text);
CREATE TABLE mijn.weg (naam text PRIMARY KEY, opdracht text);
INSERT INTO mijn.weg VALUES
	('attribute', $$SELECT pg_restore_attribute_stats('schemaname', 'mijn', 'relname', 't', 'attname', 'a', 'inherited', false,
		'most_common_vals', format('{%s}', $1), 'most_common_freqs', '{1}'::real[], 'null_frac', 0::real, 'schemaname', 'mijn')$$),
	('relation', $$SELECT pg_restore_relation_stats('schemaname', 'mijn', 'relname', 't', 'relpages', length($1))$$),
	('without attribute', $$SELECT pg_clear_attribute_stats('mijn', 't' || left($1, 0), 'a', false)$$),
	('without relation', $$SELECT pg_clear_relation_stats('mijn', 't' || left($1, 0))$$);
CREATE FUNCTION mijn.stats(weg text, v text) RETURNS text LANGUAGE plpgsql AS $$BEGIN
	IF EXISTS (SELECT FROM pg_proc WHERE proname = 'pg_restore_attribute_stats') THEN
		EXECUTE weg USING v;
	ELSIF v <> 'eigen' THEN
		RAISE EXCEPTION 'this copy would go past the protocol';	-- before 18 nothing is to be tried
	END IF;
	RETURN 'done';
EXCEPTION WHEN insufficient_privilege OR raise_exception THEN RETURN SQLERRM;
END$$;
BEGIN;
SELECT casus.enter('overleg');
SELECT naam, mijn.stats(opdracht, 'eigen') FROM mijn.weg ORDER BY 1;
SELECT count(*) > 0 AS reads FROM beesel.notitie WHERE inhoud ~ 'overleg';
SELECT DISTINCT naam, mijn.stats(opdracht, inhoud) FROM beesel.notitie, mijn.weg ORDER BY 1;
COMMIT;
SELECT count(*) FROM pg_stats WHERE schemaname = 'mijn' AND most_common_vals::text ~ 'overleg';
RESET SESSION AUTHORIZATION;

-- The numbers of casus do not go back by a way on which setval() is not seen.
CREATE FUNCTION public.sv(i bigint) RETURNS bigint LANGUAGE sql AS $$SELECT setval('casus_cat.id_seq', i)$$;
SELECT public.sv(1);
PREPARE e(bigint) AS SELECT $1;
EXECUTE e(setval('casus_cat.id_seq', 3));
SELECT setval('mijn.nummer', 7);
DO $$BEGIN PERFORM setval('mijn.nummer', 8); END$$;
SELECT last_value FROM mijn.nummer;
DROP VIEW public.kept;
DROP FUNCTION public.sv;
