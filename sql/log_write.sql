-- Rows written are on record per statement's relation, verb and dossier: who
-- supplied, corrected and removed how many, for what purpose.  [B-50]
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/quiet.sql'
\i :fixture
CREATE ROLE log_write_auditor LOGIN;
GRANT casus_auditor TO log_write_auditor;
SELECT dossier AS intake FROM beesel.fixture WHERE name = 'intake' \gset
SELECT dossier AS overleg FROM beesel.fixture WHERE name = 'overleg' \gset

\set show 'SET SESSION AUTHORIZATION log_write_auditor; SELECT kind, verb, relation, ARRAY(SELECT name FROM unnest(dossiers) d JOIN beesel.fixture ON dossier = d ORDER BY 1) AS dossiers, row_counts AS rows, person, office, purpose, phase, code FROM casus.access_log WHERE seq > :mark AND kind IN (''write'', ''refusal'') ORDER BY seq;'
\set mark_now 'SET SESSION AUTHORIZATION log_write_auditor; SELECT max(seq) AS mark FROM casus.access_log \\gset'
\set coordinator 'SET SESSION AUTHORIZATION bs_coordinator;'
:mark_now

-- Three verbs, counted apart; what the transaction itself inserted counts too.
:coordinator
BEGIN;
SELECT casus.enter('intake', :intake);
INSERT INTO beesel.notitie (dossier, categorie, inhoud)
	SELECT :intake, 'beoordeling', 'los ' || n FROM generate_series(1, 5) n;
UPDATE beesel.notitie SET inhoud = 'anders' WHERE inhoud IN ('los 1', 'los 2', 'intake een');
DELETE FROM beesel.notitie WHERE inhoud IN ('los 3', 'los 4');
COMMIT;
:show
:mark_now

-- Two purposes in one transaction are two records.
:coordinator
BEGIN;
SELECT casus.enter('intake', :intake);
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:intake, 'beoordeling', 'een');
SELECT casus.enter('overleg', :overleg);
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:overleg, 'beoordeling', 'twee');
COMMIT;
:show
:mark_now

-- What is rolled back leaves no row, and its record: what was written is known.
:coordinator
BEGIN;
SELECT casus.enter('intake', :intake);
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:intake, 'beoordeling', 'spijt');
ROLLBACK;
BEGIN;
SELECT casus.enter('intake', :intake);
SAVEPOINT s;
UPDATE beesel.notitie SET inhoud = 'spijt' WHERE inhoud = 'een';
ROLLBACK TO s;
SELECT count(*) FROM beesel.notitie WHERE inhoud = 'spijt';
COMMIT;
:show
:mark_now

-- What the transaction has brought in passes for whatever purpose: the phase is that of its dossier.
:coordinator
BEGIN;
SELECT casus.enter('intake', :intake);
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:intake, 'beoordeling', 'vers');
SELECT casus.enter('overleg', :overleg);
UPDATE beesel.notitie SET inhoud = 'verser' WHERE inhoud = 'vers';
SELECT count(*) FROM beesel.notitie WHERE inhoud = 'verser';
COMMIT;
:show
SELECT kind, purpose, phase, row_counts AS rows FROM casus.access_log WHERE seq > :mark AND kind = 'read' AND purpose IS NOT NULL ORDER BY seq;
:mark_now

-- A refused write is a refusal, and no write.
:coordinator
BEGIN;
SELECT casus.enter('intake', :intake);
UPDATE beesel.notitie SET dossier = :overleg WHERE inhoud = 'een';
ROLLBACK;
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:intake, 'beoordeling', 'zonder doel');
:show

-- Who went on as another login is named beside it.
SELECT DISTINCT role, session_role, login FROM casus.access_log WHERE seq > :mark AND kind = 'refusal';

RESET SESSION AUTHORIZATION;
DROP ROLE log_write_auditor;
