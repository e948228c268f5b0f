-- discard.sql: messages that undo what was looked up come in at every look-up, and all is as without them.  Where the
-- server was built without assertions, which cannot make that happen, and without TEST_LONG=1, for it takes minutes, the
-- same statements.  E019
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/quiet.sql'
\i :fixture
SELECT dossier AS overleg FROM beesel.fixture WHERE name = 'overleg' \gset
\set long 0
\getenv long TEST_LONG
SELECT CASE WHEN :'long' = '1' THEN least(max_val::integer, 1) ELSE 0 END AS discard FROM pg_settings WHERE name = 'debug_discard_caches' \gset
SET debug_discard_caches = :discard;
-- No purpose, no rows.
SELECT count(*) FROM beesel.notitie;
-- A context is entered as always, and read in; the verdict is made anew for each message, ten minutes long.
BEGIN;
SET LOCAL SESSION AUTHORIZATION bs_handhaving;
SELECT casus.enter('overleg', :overleg);
SELECT count(*) FROM beesel.notitie;
ROLLBACK;
