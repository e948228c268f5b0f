/*
 * derive_foreign: foreign tables that lead back to this server.  Who reads by
 * one is another session, without the purpose of the first, and is bound as that
 * session is; governed rows are written to none, be it temporary or a part of
 * what is; doctor knows such a server.  [B-18] [B-34] A094
 */
\set VERBOSITY terse
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/quiet.sql'
\i :fixture
\set tells message
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
CREATE EXTENSION postgres_fdw;
-- The directory of the socket is the first that this server names.
DO $$
BEGIN
	EXECUTE format('CREATE SERVER hier FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
		trim(split_part(current_setting('unix_socket_directories'), ',', 1)), current_setting('port'), current_database());
END $$;
CREATE USER MAPPING FOR bs_coordinator SERVER hier OPTIONS (user 'bs_coordinator', password_required 'false');
CREATE USER MAPPING FOR bs_stranger SERVER hier OPTIONS (user 'bs_coordinator', password_required 'false');
CREATE USER MAPPING FOR CURRENT_USER SERVER hier;
GRANT USAGE ON FOREIGN SERVER hier TO bs_coordinator;
CREATE SCHEMA ver AUTHORIZATION bs_coordinator;
CREATE TABLE ver.kopie (id int, tekst text);
GRANT ALL ON ver.kopie TO bs_coordinator;
CREATE FOREIGN TABLE ver.notitie (id int, dossier bigint, categorie text, inhoud text) SERVER hier OPTIONS (schema_name 'beesel', table_name 'notitie');
CREATE FOREIGN TABLE ver.kopie_ver (id int, tekst text) SERVER hier OPTIONS (schema_name 'ver', table_name 'kopie');
GRANT USAGE ON SCHEMA ver TO PUBLIC;
GRANT ALL ON ver.notitie, ver.kopie_ver TO PUBLIC;
CREATE TABLE ver.trial (n serial, sql text);
GRANT SELECT ON ver.trial TO PUBLIC;

-- 1. Reading: the other session has no purpose, whatever this one has entered, and whoever it is here.
INSERT INTO ver.trial (sql) VALUES ('SELECT inhoud FROM ver.notitie'), ('SELECT count(*) FROM ver.notitie'),
	('SELECT inhoud FROM ver.notitie WHERE id = 1'), ('SELECT n.inhoud FROM ver.notitie n JOIN ver.kopie_ver k USING (id)'),
	('UPDATE ver.notitie SET inhoud = ''x'''), ('UPDATE ver.notitie SET inhoud = inhoud || random() RETURNING inhoud'),
	('DELETE FROM ver.notitie RETURNING inhoud'), ('INSERT INTO ver.notitie SELECT 901, dossier, ''beoordeling'', ''x'' FROM beesel.fixture'),
	('TRUNCATE ver.notitie'), ('ANALYZE ver.notitie');
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN;
SELECT casus.enter('overleg');
SELECT inhoud FROM beesel.notitie ORDER BY id;
SELECT sql, attempt(sql) FROM ver.trial WHERE sql NOT LIKE 'ANALYZE%' ORDER BY n;
ROLLBACK;
SET SESSION AUTHORIZATION bs_stranger;
SELECT sql, attempt(sql) FROM ver.trial WHERE sql LIKE 'SELECT%ver.notitie%' ORDER BY n;
RESET SESSION AUTHORIZATION;
SELECT sql, attempt(sql) FROM ver.trial ORDER BY n;
SELECT count(*) FROM pg_stats WHERE schemaname = 'ver' AND tablename = 'notitie';

-- 2. Writing: a foreign table keeps what is written to it, and a temporary one is no copy of this session.
DELETE FROM ver.trial;
INSERT INTO ver.trial (sql) VALUES ('INSERT INTO ver.kopie_ver SELECT id, inhoud FROM beesel.notitie'),
	('INSERT INTO ver.kopie_ver VALUES (1, (SELECT min(inhoud) FROM beesel.notitie))'),
	('UPDATE ver.kopie_ver k SET tekst = inhoud FROM beesel.notitie n WHERE n.id = k.id'),
	('DELETE FROM ver.kopie_ver k USING beesel.notitie n WHERE n.inhoud = k.tekst'),
	('INSERT INTO far SELECT id, inhoud FROM beesel.notitie'), ('UPDATE far SET tekst = (SELECT min(inhoud) FROM beesel.notitie)'),
	('INSERT INTO parts SELECT id, inhoud FROM beesel.notitie'), ('UPDATE parts SET tekst = (SELECT min(inhoud) FROM beesel.notitie)'),
	('UPDATE parent SET tekst = (SELECT min(inhoud) FROM beesel.notitie)'),
	('INSERT INTO parts SELECT id, tekst FROM copied'), ('INSERT INTO far SELECT id, tekst FROM copied'),
	('INSERT INTO plain SELECT id, inhoud FROM beesel.notitie'),
	('INSERT INTO far VALUES (2, ''eigen tekst'')'), ('INSERT INTO ver.kopie_ver VALUES (3, ''eigen tekst'')');
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN;
CREATE FOREIGN TABLE pg_temp.far (id int, tekst text) SERVER hier OPTIONS (schema_name 'ver', table_name 'kopie');
CREATE TEMP TABLE parts (id int, tekst text) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE pg_temp.far_part PARTITION OF parts DEFAULT SERVER hier OPTIONS (schema_name 'ver', table_name 'kopie');
CREATE TEMP TABLE plain (id int, tekst text) PARTITION BY RANGE (id);
CREATE TEMP TABLE plain_part PARTITION OF plain DEFAULT;
CREATE TEMP TABLE parent (id int, tekst text);
CREATE FOREIGN TABLE pg_temp.child () INHERITS (parent) SERVER hier OPTIONS (schema_name 'ver', table_name 'kopie');
SELECT casus.enter('overleg');
CREATE TEMP TABLE copied AS SELECT id, inhoud AS tekst FROM beesel.notitie;
SELECT sql, attempt(sql) FROM ver.trial ORDER BY n;
-- What holds a copy already becomes no part that is written through, and gives its rows to none.
SELECT sql, attempt(sql) FROM unnest(ARRAY['ALTER TABLE plain DETACH PARTITION plain_part', 'ALTER TABLE plain ATTACH PARTITION far DEFAULT',
	'INSERT INTO plain SELECT id, inhoud FROM beesel.notitie', 'INSERT INTO plain SELECT id, tekst FROM plain_part']) sql;
COMMIT;
SELECT * FROM ver.kopie ORDER BY id;
RESET SESSION AUTHORIZATION;

-- 3. doctor tells a server that is this one from others, as far as its options say.
CREATE SERVER elders FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example.org', port '5432');
DO $$
DECLARE
	here text = current_setting('port');
BEGIN
	EXECUTE format('CREATE SERVER lokaal FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host ''localhost'', port %L)', here);
	EXECUTE format('CREATE SERVER adres FOREIGN DATA WRAPPER postgres_fdw OPTIONS (hostaddr ''127.0.0.1'', port %L)', here);
	EXECUTE format('CREATE SERVER zonder FOREIGN DATA WRAPPER postgres_fdw OPTIONS (port %L)', here);
	CREATE SERVER andere_poort FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'localhost', port '1');
END $$;
SELECT finding FROM casus.doctor() WHERE code = 'foreign_server' ORDER BY finding;
SELECT DISTINCT mend FROM casus.doctor() WHERE code = 'foreign_server' AND finding LIKE '%hier%';
DROP EXTENSION postgres_fdw CASCADE;
