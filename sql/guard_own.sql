/*
 * guard_own: casus' own tables, functions and roles, and the system catalogs,
 * are out of everybody's reach but through casus.
 */
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE guard_own_plain;
\getenv source PG_ABS_SRCDIR
\set tells code
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'zorg') IS NOT NULL AS opened;

CREATE TABLE public.trial (n serial, sql text);
INSERT INTO public.trial (sql) VALUES
	-- state
	('SELECT * FROM casus_cat.file'),
	('SELECT 1 FROM pg_class, casus_cat.file'),
	('WITH x AS (SELECT * FROM casus_cat.person) SELECT * FROM x'),
	('EXPLAIN SELECT * FROM casus_cat.file'),
	('INSERT INTO casus_cat.person VALUES (99, ''x'')'),
	('UPDATE casus_cat.file SET activated_at = now()'),
	('DELETE FROM casus_cat.act'),
	('TRUNCATE casus_cat.act CASCADE'),
	('COPY casus_cat.file TO ''/dev/null'''),
	('COPY (SELECT * FROM casus_cat.file) TO ''/dev/null'''),
	('COPY casus_cat.file FROM ''/dev/null'''),
	('CREATE TABLE t AS TABLE casus_cat.file'),
	('SELECT query_to_xml(''SELECT * FROM casus_cat.file'', true, true, '''')'),
	('DECLARE c CURSOR FOR SELECT * FROM casus_cat.file'),
	('SELECT last_value FROM casus_cat.id_seq'),
	('ALTER TABLE casus_cat.file ADD COLUMN x int'),
	('ALTER TABLE casus_cat.file DISABLE TRIGGER ALL'),
	('ALTER TABLE casus_cat.file OWNER TO CURRENT_USER'),
	('CREATE TRIGGER t AFTER INSERT ON casus_cat.file FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
	('CREATE RULE r AS ON INSERT TO casus_cat.file DO ALSO NOTHING'),
	('CREATE INDEX ON casus_cat.file (name)'),
	('DROP TRIGGER state_changed ON casus_cat.file'),
	('ALTER TABLE casus_cat.file SET SCHEMA public'),
	('ALTER TABLE casus_cat.file RENAME TO x'),
	('DROP TABLE casus_cat.file CASCADE'),
	('CREATE VIEW v AS SELECT * FROM casus_cat.file'),
	('SELECT * FROM v'),
	-- what reads it by right
	('CREATE OR REPLACE VIEW casus.file AS SELECT * FROM casus.file'),
	('ALTER VIEW casus.file OWNER TO CURRENT_USER'),
	('ALTER VIEW casus.file SET SCHEMA public'),
	('ALTER VIEW casus.file SET (security_invoker = true)'),
	('CREATE RULE r AS ON INSERT TO casus.file DO INSTEAD NOTHING'),
	('CREATE TABLE casus.x (i int)'),
	('ALTER VIEW v OWNER TO casus_owner'),
	('REASSIGN OWNED BY CURRENT_USER TO casus_owner'),
	('REASSIGN OWNED BY casus_owner TO CURRENT_USER'),
	('DROP OWNED BY casus_owner CASCADE'),
	('CREATE SCHEMA s AUTHORIZATION casus_owner'),
	('ALTER ROLE casus_owner SUPERUSER LOGIN'),
	('ALTER ROLE casus_owner RENAME TO x'),
	('DROP ROLE casus_owner'),
	-- functions
	('CREATE OR REPLACE FUNCTION casus_int.permits(label casus.label) RETURNS boolean LANGUAGE sql AS ''SELECT true'''),
	('ALTER FUNCTION casus_int.permits(casus.label) VOLATILE'),
	('ALTER FUNCTION casus_int.permits(casus.label) RENAME TO p'),
	('ALTER FUNCTION casus_int.permits(casus.label) OWNER TO CURRENT_USER'),
	('DROP FUNCTION casus_int.permits(casus.label) CASCADE'),
	('ALTER EXTENSION casus DROP FUNCTION casus_int.permits(casus.label)'),
	('ALTER EXTENSION casus ADD FUNCTION public.attempt(text, text)'),
	('ALTER DOMAIN casus.label ADD CONSTRAINT c CHECK (VALUE IS NOT NULL)'),
	('ALTER SCHEMA casus_int RENAME TO x'),
	('DROP SCHEMA casus CASCADE'),
	-- catalogs
	('UPDATE pg_class SET relrowsecurity = false WHERE false'),
	('DELETE FROM pg_policy WHERE false'),
	('INSERT INTO pg_seclabel SELECT * FROM pg_seclabel'),
	('MERGE INTO pg_proc USING (VALUES (1)) v ON false WHEN MATCHED THEN DELETE'),
	('COPY pg_description FROM ''/dev/null'''),
	-- as before
	('VACUUM casus_cat.file'),
	('REINDEX TABLE casus_cat.file'),
	('ANALYZE casus_cat.file'),
	('COMMENT ON FUNCTION public.attempt(text, text) IS ''x'''),
	('SELECT oid FROM pg_policy'),
	('SELECT oid FROM pg_class WHERE relname = ''pg_class'' FOR UPDATE');
SELECT attempt(sql), sql FROM public.trial ORDER BY n;
VACUUM FULL casus_cat.file;
REINDEX TABLE casus_cat.file;
SELECT name FROM casus.file;

-- The owner role gives nothing to who takes it.
SET ROLE casus_owner;
SELECT attempt('SELECT * FROM casus_cat.file');
RESET ROLE;
GRANT CREATE ON SCHEMA public TO casus_owner;
SET ROLE casus_owner;
CREATE VIEW public.w AS SELECT * FROM casus_cat.file;
CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM casus_owner;

-- User code inside a statement of casus' own meets the guard, as does the same text typed by hand.
CREATE FUNCTION public.peek() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING '%', public.attempt('SELECT * FROM casus_cat.file');
END $$;
CREATE EVENT TRIGGER guard_own_peek ON ddl_command_end EXECUTE FUNCTION public.peek();
CREATE TABLE public.signaal (id int PRIMARY KEY, titel text);
SELECT count(*) > 0 AS done FROM casus.protect('signaal', 'zorg', opens_dossier => true, category => 'signaalomschrijving');
DROP EVENT TRIGGER guard_own_peek;

-- DROP EXTENSION is the last thing, when no table is protected.
SELECT count(*) > 0 AS done FROM casus.bind('signaal');
DROP EXTENSION casus;
DROP EXTENSION casus CASCADE;
SELECT count(*) > 0 AS done FROM casus.unprotect('signaal', 'done');
SELECT count(*) FROM signaal;
DROP VIEW v;
DROP EXTENSION casus;
UPDATE pg_class SET relname = relname WHERE false;
DROP ROLE guard_own_plain;
