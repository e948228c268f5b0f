-- What an owner or a superuser tries (group B of the attacks), as far as attack_guard.sql, guard_*.sql, doctor_*.sql and
-- test/tap/091_attacks.pl do not.  CANARY stands in rows that none of them may see.
\set VERBOSITY terse
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/beesel.sql'
SET client_min_messages = warning;
SET search_path = public, casus;
\o /dev/null
\ir :fixture
\o
SELECT dossier AS overleg FROM beesel.fixture WHERE name = 'overleg' \gset
CREATE ROLE attack_admin_monitor LOGIN IN ROLE pg_monitor, pg_signal_backend;
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN;
SELECT casus.enter('overleg', :overleg) \g /dev/null
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:overleg, 'beoordeling', 'CANARY');
COMMIT;
RESET SESSION AUTHORIZATION;

-- B017: a reader who may turn ordinary triggers off: reading goes by no trigger, and those of casus fire always.
GRANT SET ON PARAMETER session_replication_role TO bs_stranger, bs_coordinator;
SET SESSION AUTHORIZATION bs_stranger;
SET session_replication_role = replica;
SELECT inhoud FROM beesel.notitie;
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:overleg, 'beoordeling', 'x');
UPDATE beesel.notitie SET inhoud = 'x';
DELETE FROM beesel.notitie;
RESET session_replication_role;
SET SESSION AUTHORIZATION bs_coordinator;
SET session_replication_role = replica;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:overleg, 'beoordeling', 'x');
ROLLBACK;
RESET session_replication_role;
RESET SESSION AUTHORIZATION;
SELECT severity, finding FROM casus.doctor() WHERE code = 'parameter_grant' ORDER BY finding;
SELECT mend FROM casus.doctor() WHERE code = 'parameter_grant' \gexec
SELECT count(*) FROM casus.doctor() WHERE code = 'parameter_grant';

-- B018: there is nothing to switch off, and the settings of the log are the postmaster's; a trace is a hint.
SELECT name, context FROM pg_settings WHERE name LIKE 'casus.%' ORDER BY name;
\set VERBOSITY sqlstate
SET casus.enabled = off;
SET casus.log_durability = relaxed;
GRANT SET ON PARAMETER casus.log_durability TO bs_owner;
SET SESSION AUTHORIZATION bs_owner;
SET casus.log_durability = relaxed;
RESET SESSION AUTHORIZATION;
REVOKE SET ON PARAMETER casus.log_durability FROM bs_owner;
\set VERBOSITY terse

-- B027: the guard is no event trigger.
CREATE FUNCTION public.ev() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''event %'', tg_tag; END';
CREATE EVENT TRIGGER attack_admin ON ddl_command_start EXECUTE FUNCTION public.ev();
ALTER EVENT TRIGGER attack_admin DISABLE;
SELECT count(*) FROM pg_event_trigger t JOIN pg_depend d ON d.objid = t.oid AND d.deptype = 'e';
DROP TABLE beesel.notitie CASCADE;
DROP SCHEMA beesel CASCADE;
DROP EVENT TRIGGER attack_admin;

-- B032 (known limit): code in C is a superuser's to install, and nobody else's; doctor names it.
CREATE FUNCTION public.native(internal) RETURNS internal LANGUAGE c AS '$libdir/pg_trgm', 'gtrgm_options';
SELECT severity, code FROM casus.doctor() WHERE finding LIKE '%native%';
DROP FUNCTION public.native(internal);
GRANT CREATE ON SCHEMA public TO bs_owner;
SET SESSION AUTHORIZATION bs_owner;
CREATE FUNCTION public.native(internal) RETURNS internal LANGUAGE c AS '$libdir/pg_trgm', 'gtrgm_options';
RESET SESSION AUTHORIZATION;

-- B038: no rule, trigger or view comes between casus and what it writes.
CREATE RULE swallow AS ON INSERT TO casus_cat.act DO INSTEAD NOTHING;
CREATE RULE swallow AS ON INSERT TO casus.act_log DO INSTEAD NOTHING;
CREATE TRIGGER swallow BEFORE INSERT ON casus_cat.act FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE POLICY swallow ON casus_cat.act USING (false);
SET ROLE casus_owner;
CREATE RULE swallow AS ON INSERT TO casus_cat.act DO INSTEAD NOTHING;
RESET ROLE;
SELECT count(*) AS acts FROM casus.act_log \gset before_
SELECT casus.add_person('L. Later') \g /dev/null
SELECT count(*) - :before_acts AS logged FROM casus.act_log;

-- B043 (known limit): a new table is not protected by itself, whoever is granted it; nothing that is governed gets into it, and
-- doctor names it when it refers to a protected table.
ALTER DEFAULT PRIVILEGES FOR ROLE bs_owner IN SCHEMA beesel GRANT ALL ON TABLES TO bs_stranger, bs_coordinator;
SET SESSION AUTHORIZATION bs_owner;
CREATE TABLE beesel.nieuw (id integer PRIMARY KEY, notitie integer REFERENCES beesel.notitie, inhoud text);
RESET SESSION AUTHORIZATION;
SELECT relrowsecurity FROM pg_class WHERE oid = 'beesel.nieuw'::regclass;
SELECT severity, code FROM casus.doctor() WHERE finding LIKE '%nieuw%' ORDER BY 1, 2;
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN;
SELECT casus.enter('overleg', :overleg) \g /dev/null
INSERT INTO beesel.nieuw (id, inhoud) SELECT id, inhoud FROM beesel.notitie;
ROLLBACK;
RESET SESSION AUTHORIZATION;
ALTER DEFAULT PRIVILEGES FOR ROLE bs_owner IN SCHEMA beesel REVOKE ALL ON TABLES FROM bs_stranger, bs_coordinator;

-- B049 (known limit): an operator sees who is at work and how much is stored; no row, and nothing of the log.
SET SESSION AUTHORIZATION attack_admin_monitor;
SELECT count(*) > 0 AS sees_statements FROM pg_stat_activity WHERE query <> '<insufficient privilege>' AND usename IS NOT NULL;
SELECT n_live_tup >= 0 AS sees_counts FROM pg_stat_user_tables WHERE relid = 'beesel.notitie'::regclass;
SELECT count(*) > 0 AS sees_wal FROM pg_ls_waldir();
SELECT count(*) FROM pg_stats WHERE tablename = 'notitie';
SELECT inhoud FROM beesel.notitie;
SELECT pg_read_file('casus_log/access.jsonl');
SELECT pg_ls_dir('casus_log');
SELECT count(*) FROM casus.access_log;
RESET SESSION AUTHORIZATION;
DROP ROLE attack_admin_monitor;
