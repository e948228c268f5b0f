/*
 * item: rows of their parent's item (item => 'inherit') open nothing of that
 * item to whoever brings them in.
 */
\set VERBOSITY terse
SET client_min_messages = error;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/beesel.sql'
\o /dev/null
\i :fixture
CREATE TABLE beesel.bijlage (id integer PRIMARY KEY, notitie integer REFERENCES beesel.notitie, tekst text);
CREATE TABLE beesel.blad (id integer PRIMARY KEY, bijlage integer REFERENCES beesel.bijlage, tekst text);
GRANT ALL ON beesel.bijlage, beesel.blad TO PUBLIC;
SELECT casus.protect('beesel.bijlage', 'ondermijning', via => 'notitie', category => 'handhaving', item => 'inherit');
SELECT casus.protect('beesel.blad', 'ondermijning', via => 'bijlage', category => 'handhaving', item => 'inherit');
SELECT casus.bind('beesel.bijlage', 'enforce');
SELECT casus.bind('beesel.blad', 'enforce');
SELECT dossier AS overleg FROM beesel.fixture WHERE name = 'overleg' \gset
\o
-- the coordinator's own contribution, which the department does not see
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN; SELECT FROM casus.enter('overleg', :overleg);
SELECT id AS van_hem FROM beesel.notitie WHERE inhoud = 'overleg een' \gset
COMMIT;
SET SESSION AUTHORIZATION bs_handhaving;
BEGIN; SELECT FROM casus.enter('overleg', :overleg);
SELECT inhoud FROM beesel.notitie ORDER BY id;
INSERT INTO beesel.bijlage VALUES (1, :van_hem, 'bij die van hem');
INSERT INTO beesel.blad VALUES (1, 1, 'eerste blad');
SELECT inhoud FROM beesel.notitie ORDER BY id;
UPDATE beesel.notitie SET inhoud = 'anders' WHERE id = :van_hem;
DELETE FROM beesel.notitie WHERE id = :van_hem;
SELECT id, tekst FROM beesel.bijlage;
COMMIT;
-- his own item, new in this transaction, with what hangs from it
BEGIN; SELECT FROM casus.enter('overleg', :overleg);
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:overleg, 'handhaving', 'nieuw') RETURNING id AS nieuw \gset
INSERT INTO beesel.bijlage VALUES (2, :nieuw, 'bij die van mij');
INSERT INTO beesel.blad VALUES (2, 2, 'tweede blad');
UPDATE beesel.blad SET tekst = 'beter' WHERE id = 2 RETURNING tekst;
SELECT casus.item_of(n.casus_label) = casus.item_of(l.casus_label) AS one_item
	FROM beesel.notitie n JOIN beesel.bijlage b ON b.notitie = n.id JOIN beesel.blad l ON l.bijlage = b.id;
COMMIT;
RESET SESSION AUTHORIZATION;
