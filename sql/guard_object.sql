/*
 * guard_object: what reaches a protected table, or casus itself, by another
 * way than its own name: CASCADE, an owner's whole property, a type, a
 * publication, a sequence, something planted beside.  B019 B021 B036 B040 B042 B044
 */
\set VERBOSITY terse
SET client_min_messages = error;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/beesel.sql'
\o /dev/null
\i :fixture
CREATE ROLE guard_object_owner LOGIN;
CREATE ROLE guard_object_maker LOGIN CREATEROLE;
CREATE SCHEMA att AUTHORIZATION guard_object_owner;
CREATE SCHEMA own AUTHORIZATION guard_object_owner;
CREATE SCHEMA published;
GRANT USAGE ON SCHEMA att, own TO PUBLIC;
SET ROLE guard_object_owner;
CREATE TYPE own.mood AS ENUM ('a', 'b');
CREATE DOMAIN own.word AS text;
CREATE DOMAIN own.words AS own.word[];
CREATE TYPE own.pair AS (a text, b text);
CREATE TABLE att.zaak (id int PRIMARY KEY, soort text NOT NULL, oms text, mood own.mood, w own.word, ws own.words, p own.pair, ref int);
INSERT INTO att.zaak (id, soort, oms) VALUES (1, 'gewoon', 'open een'), (2, 'gewoon', 'open twee');
INSERT INTO att.zaak VALUES (57, 'ond', 'SECRET', 'a', 'SECRET', '{SECRET}', ('SECRET', 'b'));
CREATE TABLE att.ref (id int PRIMARY KEY);
ALTER TABLE att.zaak ADD FOREIGN KEY (ref) REFERENCES att.ref;
GRANT ALL ON att.zaak TO PUBLIC;
CREATE FUNCTION own.show(text) RETURNS boolean LANGUAGE plpgsql AS
	$$BEGIN RAISE EXCEPTION 'shown: %', $1; END$$;
CREATE FUNCTION own.show(text[]) RETURNS boolean LANGUAGE plpgsql AS
	$$BEGIN RAISE EXCEPTION 'shown: %', $1; END$$;
CREATE VIEW own.v AS SELECT id, oms FROM att.zaak;
CREATE MATERIALIZED VIEW own.mv AS SELECT id, oms FROM att.zaak WITH NO DATA;
RESET ROLE;
SELECT casus.protect('att.zaak', 'ondermijning', opens_dossier => true, governs => $$soort = 'ond'$$, without_purpose => 'hide', category => 'beoordeling', default_basis => 'art. 172 Gemeentewet');
CALL casus.take_in('att.zaak');
SELECT casus.bind('att.zaak', 'enforce');
\o

-- Undoes what it did; "through" when nothing stopped it.
CREATE FUNCTION public.undone(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
BEGIN
	EXECUTE sql;
	RAISE EXCEPTION 'through' USING ERRCODE = 'ZZ999';
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	RETURN SQLERRM;
WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME;
	RETURN CASE WHEN code LIKE 'casus.%' THEN code ELSE SQLSTATE || ' ' || SQLERRM END;
END $$;
CREATE TABLE public.trial (n serial, part text, sql text);
INSERT INTO public.trial (part, sql) VALUES
	('drop', 'DROP SCHEMA att CASCADE'),
	('drop', 'DROP OWNED BY guard_object_owner CASCADE'),
	('drop', 'DROP TYPE own.mood CASCADE'),
	('drop', 'DROP DOMAIN own.word CASCADE'),
	('drop', 'DROP TYPE own.pair CASCADE'),
	('drop', 'DROP SCHEMA own CASCADE'),
	('drop', 'ALTER TABLE att.zaak DROP COLUMN soort'),
	('drop', 'ALTER TABLE att.zaak DROP COLUMN mood'),
	('drop', 'DROP TABLE att.ref CASCADE'),
	('drop', 'DROP VIEW own.v'),
	('drop', 'TRUNCATE att.ref CASCADE'),
	('alter', 'REASSIGN OWNED BY guard_object_owner TO bs_stranger'),
	('alter', 'ALTER DOMAIN own.word ADD CHECK (own.show(VALUE))'),
	('alter', 'ALTER DOMAIN own.word SET NOT NULL'),
	('alter', 'ALTER DOMAIN own.words ADD CHECK (own.show(VALUE))'),
	('alter', 'ALTER TYPE own.pair ALTER ATTRIBUTE a TYPE int CASCADE'),
	('alter', 'ALTER TYPE own.mood ADD VALUE ''c'''),
	('alter', 'ALTER TABLE att.zaak RENAME COLUMN soort TO kind; INSERT INTO att.zaak (id, kind) VALUES (3, ''gewoon'')'),
	('publication', 'CREATE PUBLICATION p FOR TABLE att.zaak'),
	('publication', 'CREATE PUBLICATION p FOR TABLES IN SCHEMA att'),
	('publication', 'SET LOCAL search_path = att; CREATE PUBLICATION p FOR TABLES IN SCHEMA CURRENT_SCHEMA'),
	('publication', 'CREATE PUBLICATION p FOR ALL TABLES'),
	('publication', 'CREATE PUBLICATION p FOR TABLE casus_cat.person'),
	('publication', 'CREATE PUBLICATION p FOR TABLES IN SCHEMA casus_cat'),
	('publication', 'CREATE PUBLICATION p FOR TABLE att.ref; ALTER PUBLICATION p ADD TABLE att.zaak'),
	('publication', 'CREATE PUBLICATION p FOR TABLE att.ref; ALTER PUBLICATION p SET TABLES IN SCHEMA att'),
	('publication', 'CREATE PUBLICATION p FOR TABLES IN SCHEMA published; SELECT casus.maintenance(''att.zaak'', ''x''); ALTER TABLE att.zaak SET SCHEMA published'),
	('publication', 'CREATE PUBLICATION p FOR TABLES IN SCHEMA public; CREATE TABLE public.later (id int PRIMARY KEY); SELECT casus.protect(''public.later'', ''ondermijning'', opens_dossier => true, category => ''beoordeling'')'),
	('publication', 'CREATE TABLE public.later (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE public.later; SELECT casus.protect(''public.later'', ''ondermijning'', opens_dossier => true, category => ''beoordeling'')'),
	('publication', 'CREATE PUBLICATION p FOR TABLE att.ref'),
	('casus', 'ALTER EXTENSION casus ADD TABLE att.ref'),
	('casus', 'ALTER EXTENSION casus DROP FUNCTION casus_int.row_trigger()'),
	('casus', 'ALTER EXTENSION casus SET SCHEMA att'),
	('casus', 'CREATE OR REPLACE FUNCTION casus_int.row_trigger() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END'''),
	('casus', 'ALTER FUNCTION casus_int.row_trigger() SET search_path = public'),
	('casus', 'ALTER FUNCTION casus_int.row_trigger() RESET ALL'),
	('casus', 'ALTER FUNCTION casus_int.permits SUPPORT casus_int.permits_support'),
	('casus', 'CREATE CAST (casus.term AS text) WITH INOUT AS IMPLICIT'),
	('casus', 'CREATE CAST (casus.label AS text) WITH INOUT AS IMPLICIT'),
	('casus', 'ALTER DOMAIN casus.label SET DEFAULT gen_random_uuid()'),
	('casus', 'ALTER TYPE casus.term SET (STORAGE = plain)'),
	('casus', 'CREATE OR REPLACE VIEW casus.dossier AS SELECT * FROM casus.dossier'),
	('casus', 'DROP EXTENSION casus CASCADE'),
	('casus', 'LOCK TABLE att.zaak'),
	('planted', 'CREATE FUNCTION casus.enter(text, text) RETURNS void LANGUAGE sql AS ''SELECT 1'''),
	('planted', 'CREATE FUNCTION casus_int.permits(uuid) RETURNS boolean LANGUAGE sql AS ''SELECT true'''),
	('planted', 'CREATE PROCEDURE casus.take_in(regclass) LANGUAGE sql AS ''SELECT 1'''),
	('planted', 'CREATE TABLE casus_cat.planted (i int)'),
	('planted', 'CREATE VIEW casus.planted AS SELECT 1'),
	('planted', 'CREATE TYPE casus.planted AS ENUM (''x'')'),
	('planted', 'CREATE OPERATOR pg_catalog.=== (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)'),
	('planted', 'CREATE FUNCTION pg_catalog.now(text) RETURNS int LANGUAGE sql AS ''SELECT 1'''),
	('planted', 'CREATE FUNCTION public.now(text) RETURNS int LANGUAGE sql AS ''SELECT 1'''),
	('roles', 'SECURITY LABEL FOR casus ON ROLE guard_object_owner IS ''admin'''),
	('roles', 'SECURITY LABEL FOR casus ON ROLE casus_admin IS ''owner'''),
	('roles', 'SECURITY LABEL FOR casus ON ROLE casus_admin IS ''admin'''),
	('roles', 'SECURITY LABEL FOR casus ON ROLE casus_admin IS NULL'),
	('roles', 'SECURITY LABEL FOR casus ON SCHEMA att IS ''x'''),
	('roles', 'ALTER ROLE casus_admin RENAME TO x'),
	('roles', 'ALTER ROLE casus_owner RENAME TO x'),
	('roles', 'DROP ROLE casus_analyst'),
	('roles', 'GRANT casus_admin TO guard_object_owner'),
	('sequences', 'SELECT setval(''casus_cat.id_seq'', 1)'),
	('sequences', 'SELECT setval(x::regclass, 1, true) FROM (VALUES (''casus_cat.item_seq'')) v(x)'),
	('sequences', 'CREATE TABLE public.t (a bigint DEFAULT setval(''casus_cat.id_seq'', 1)); INSERT INTO public.t DEFAULT VALUES'),
	('sequences', 'SELECT own.setval_too(''casus_cat.id_seq'', 1)'),
	('sequences', 'ALTER SEQUENCE casus_cat.id_seq RESTART'),
	('sequences', 'SELECT setval(''casus_cat.id_seq'', 1000000)'),
	('sequences', 'SELECT setval(pg_get_serial_sequence(''public.trial'', ''n''), 1000)');
CREATE FUNCTION own.setval_too(regclass, bigint) RETURNS bigint LANGUAGE internal AS 'setval_oid';
SELECT part, undone(sql), left(sql, 130) AS sql FROM public.trial ORDER BY n;
SELECT casus.maintenance('att.zaak', 'one of them opened it', '0') <= clock_timestamp() AS closed;

-- A view and a copy of it are bound, whoever makes and fills it.
CREATE MATERIALIZED VIEW own.m AS SELECT id, oms FROM att.zaak;
REFRESH MATERIALIZED VIEW own.mv;
SELECT oms FROM own.m UNION SELECT oms FROM own.mv ORDER BY 1;

-- The type's CASCADE goes with maintenance of the table.
BEGIN;
SELECT casus.maintenance('att.zaak', 'the type goes') > now() AS open;
DROP TYPE own.mood CASCADE;
ROLLBACK;

-- Functions of users cannot be planted before CREATE EXTENSION; nor roles.
CREATE DATABASE guard_object_other;
\c guard_object_other
SET client_min_messages = error;
CREATE SCHEMA casus;
CREATE FUNCTION casus.enter(text) RETURNS void LANGUAGE sql AS 'SELECT 1';
CREATE EXTENSION casus;
DROP SCHEMA casus CASCADE;
-- From there, too: roles are everybody's.
ALTER ROLE casus_owner RENAME TO x;
ALTER ROLE casus_owner LOGIN;
SECURITY LABEL FOR casus ON ROLE guard_object_owner IS 'owner';
SET ROLE guard_object_maker;
GRANT casus_backup TO guard_object_maker;
RESET ROLE;
\c casus_guard_object
DROP DATABASE guard_object_other;

-- Between judgement and deed an event trigger turns the name of ALTER TABLE elsewhere: to a protected table, to
-- what casus keeps, by search_path or by a rename; by no name that the command was judged for is it there.
CREATE SCHEMA aside;
CREATE TABLE aside.zaak (id int);
CREATE TABLE aside.act (id int);
CREATE FUNCTION own.turn() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
	IF current_setting('own.turn', true) LIKE '% %' THEN
		PERFORM set_config('own.turns', current_setting('own.turn'), false), set_config('own.turn', '', false);
		EXECUTE current_setting('own.turns');
	END IF; END$$;
CREATE EVENT TRIGGER turn ON ddl_command_start EXECUTE FUNCTION own.turn();
CREATE FUNCTION own.flags() RETURNS TABLE (name text, on_ boolean, forced boolean, identity "char") LANGUAGE sql AS
	$$SELECT nspname || '.' || relname, relrowsecurity, relforcerowsecurity, relreplident FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE (nspname, relname) IN (('att', 'zaak'), ('aside', 'zaak'), ('casus_cat', 'act'), ('aside', 'act')) ORDER BY 1$$;
SET search_path = aside;
SET own.turn = 'SET search_path = att';
ALTER TABLE zaak DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY, REPLICA IDENTITY FULL;
SELECT * FROM own.flags();
SET search_path = aside;
SET own.turn = 'SET search_path = casus_cat';
ALTER TABLE act ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT * FROM own.flags();
-- A name that leads nowhere when it is judged leads nowhere.
SET search_path = nowhere;
SET own.turn = 'SET search_path = att';
ALTER TABLE IF EXISTS zaak DISABLE ROW LEVEL SECURITY;
SELECT * FROM own.flags();
-- The session's own lock does not hold the session back.
SET search_path = att;
CREATE TABLE los (id int);
SET own.turn = 'ALTER TABLE att.los RENAME TO weg; ALTER TABLE att.zaak RENAME TO los';
ALTER TABLE los DISABLE ROW LEVEL SECURITY;
SET own.turn = 'ALTER TABLE att.los RENAME TO weg; ALTER TABLE att.zaak RENAME TO los';
ALTER TABLE los NO FORCE ROW LEVEL SECURITY;
SET own.turn = 'ALTER TABLE att.los RENAME TO weg; ALTER TABLE att.zaak RENAME TO los';
ALTER TABLE los REPLICA IDENTITY FULL;
SELECT * FROM own.flags();
RESET own.turn;
RESET search_path;
DROP EVENT TRIGGER turn;
DROP TABLE att.los;
DROP TABLE aside.zaak, aside.act;
DROP SCHEMA aside;
-- In maintenance the replica identity is the owner's; a temporary table is found by its name.
BEGIN;
SELECT casus.maintenance('att.zaak', 'a test') IS NOT NULL;
ALTER TABLE att.zaak REPLICA IDENTITY FULL;
CREATE TEMP TABLE tijdelijk (id int, CHECK (id > 0));
ALTER TABLE tijdelijk ADD naam text, ENABLE ROW LEVEL SECURITY;
SELECT * FROM own.flags();
ROLLBACK;

-- All is as it was.
SET client_min_messages = error;
SELECT id, soort, oms FROM att.zaak ORDER BY id;
DROP ROLE guard_object_maker;
-- What keeps indexes in order goes on, of casus' tables too; what is not there is not looked for elsewhere.
REINDEX TABLE CONCURRENTLY casus_cat.act;
ALTER VIEW IF EXISTS public.pg_locks OWNER TO CURRENT_USER;
