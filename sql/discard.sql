-- discard.sql: messages that undo what was looked up come in at every look-up, and all is as without them.  Where the
-- server was built without assertions, which cannot make that happen, and without TEST_LONG=1, for it takes minutes, the
-- same statements.  E019
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/beesel.sql'
\o /dev/null
\set ECHO none
\i :fixture
\set ECHO all
\o
SELECT dossier AS overleg FROM beesel.fixture WHERE name = 'overleg' \gset
\set long 0
\getenv long TEST_LONG
SELECT CASE WHEN :'long' = '1' THEN least(max_val::integer, 1) ELSE 0 END AS discard FROM pg_settings WHERE name = 'debug_discard_caches' \gset
SET debug_discard_caches = :discard;
-- No purpose, no rows; outside of the protocol as always.
SELECT count(*) FROM beesel.notitie;
SELECT count(*) FROM beesel.fixture;
CREATE TABLE beesel.kopie AS SELECT * FROM beesel.notitie;
SELECT count(*) FROM casus_cat.file;
SET SESSION AUTHORIZATION bs_handhaving;
SELECT count(*) FROM beesel.notitie;
BEGIN;
SELECT casus.enter('overleg', :overleg);
SELECT categorie, inhoud FROM beesel.notitie ORDER BY id;
SELECT inhoud FROM beesel.notitie WHERE id = (SELECT max(id) FROM beesel.notitie);
UPDATE beesel.notitie SET inhoud = 'overleg drie' WHERE categorie = 'handhaving' RETURNING inhoud;
SAVEPOINT before_refusal;
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:overleg, 'geheim', 'x');
ROLLBACK TO before_refusal;
COPY beesel.notitie (inhoud) TO STDOUT;
ROLLBACK;
BEGIN;
SELECT casus.enter('intake', :overleg);
ROLLBACK;
RESET SESSION AUTHORIZATION;
RESET debug_discard_caches;
