/*
 * observe: in mode observe each statement that enforce refuses goes on, and
 * leaves a record with the code and the words of the refusal.
 */
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE observe_coordinator LOGIN;
CREATE ROLE observe_stranger LOGIN;
CREATE ROLE observe_eye LOGIN;
CREATE ROLE observe_auditor LOGIN IN ROLE casus_auditor;
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text NOT NULL, telefoon text);
CREATE TABLE historie (id integer, titel text);
CREATE TABLE plain (id integer, titel text);
INSERT INTO zaak SELECT n, CASE WHEN n <= 3 THEN 8 ELSE 1 END, 'zaak ' || n, '06' FROM generate_series(1, 6) n;
CREATE FUNCTION bewaar() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO historie VALUES (NEW.id, NEW.titel); RETURN NULL; END';
CREATE TRIGGER bewaar AFTER INSERT OR UPDATE ON zaak FOR EACH ROW EXECUTE FUNCTION bewaar();
CREATE FUNCTION schrijf(text) RETURNS text LANGUAGE plpgsql AS
	'BEGIN INSERT INTO plain VALUES (0, $1); RETURN $1; END';
GRANT ALL ON zaak, historie, plain TO observe_coordinator, observe_stranger, observe_eye;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/proef.sql'
\i :fixture
\o /dev/null
SELECT casus.load_protocol(public.proef('{
	"offices": [{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "desk", "title": "Desk", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "eye", "title": "Eye", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"}],
	"categories": [
		{"name": "melding", "title": "Melding", "subjects": ["subject", "geen"], "article": "1"},
		{"name": "medisch", "title": "Medisch", "subjects": ["subject", "geen"], "article": "1"}],
	"phases": [
		{"name": "intake", "title": "Intake", "initial": true, "article": "1"},
		{"name": "overleg", "title": "Overleg", "article": "1"},
		{"name": "klaar", "title": "Klaar", "terminal": true, "closing": true, "article": "1"}],
	"purposes": [
		{"name": "intake", "title": "Intake", "article": "1"},
		{"name": "overleg", "title": "Overleg", "article": "1"},
		{"name": "klaar", "title": "Klaar", "article": "1"}],
	"gates": [
		{"name": "verder", "title": "Verder", "article": "1", "phases": ["intake"], "decided_by": "lead", "outcomes": ["ja"], "details": []},
		{"name": "sluiten", "title": "Sluiten", "article": "1", "phases": ["overleg"], "decided_by": "lead", "outcomes": ["ja"], "details": []}],
	"transitions": [
		{"from": ["intake"], "to": "overleg", "gate": "verder", "outcomes": ["ja"], "offices": ["lead"], "article": "1"},
		{"from": ["overleg"], "to": "klaar", "gate": "sluiten", "outcomes": ["ja"], "offices": ["lead"], "article": "1"}],
	"rules": [
		{"phases": ["intake"], "offices": ["lead"], "purposes": ["intake"], "categories": ["melding"], "scope": "all",
			"may": ["read", "supply", "correct", "remove"], "article": "1"},
		{"phases": ["intake"], "offices": ["desk"], "purposes": ["intake"], "categories": ["melding"], "scope": "all", "may": ["read", "supply"], "article": "1"},
		{"phases": ["intake"], "offices": ["eye"], "purposes": ["intake"], "categories": ["melding"], "scope": "all", "may": ["read"], "article": "1"},
		{"phases": ["overleg"], "offices": ["lead"], "purposes": ["overleg"], "categories": "*", "scope": "all", "may": ["read"], "article": "1"},
		{"offices": ["lead"], "categories": "*", "scope": "all", "may": ["read"], "article": "1", "stages": ["klaar_inzage"]}],
	"retention": [{"phase": "klaar", "article": "1", "stages": [
		{"name": "klaar_inzage", "title": "Inzage", "until": "gedurende 6 months after besluit", "article": "1"}]}]
}'));
SELECT casus.open_file('proef-1', 'ond');
SELECT casus.activate_protocol('ond', dpia => 'DPIA', parameters => '{"startdatum": "2026-01-01"}');
SELECT casus.add_person('Coor', 'observe_coordinator');
SELECT casus.appoint('Coor', 'ond', NULL, 'lead');
SELECT casus.add_person('Eye', 'observe_eye');
SELECT casus.appoint('Eye', 'ond', NULL, 'eye');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'melding',
	columns => '{"telefoon": "medisch"}');
CALL casus.take_in('zaak', phase => '''intake''');
SELECT casus.bind('zaak', 'observe');
\o

-- What was noted since the mark.
\set mark_now 'SET SESSION AUTHORIZATION observe_auditor; SELECT coalesce(max(seq), 0) AS mark FROM casus.access_log \\gset'
\set show 'SET SESSION AUTHORIZATION observe_auditor; SELECT role, relation, code, text, row_counts FROM casus.access_log WHERE seq > :mark AND kind = ''would_refuse'' ORDER BY seq;'

-- Each of the five is refused under enforce, below.
:mark_now
SET SESSION AUTHORIZATION observe_coordinator;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
UPDATE zaak SET titel = titel || '!' WHERE id <= 2;
INSERT INTO zaak VALUES (7, 8, 'zaak 7');
SELECT id, telefoon FROM zaak WHERE id = 1;
INSERT INTO plain SELECT id, titel FROM zaak WHERE id = 2;
SELECT schrijf(titel) FROM zaak WHERE titel = 'zaak 3';
DECLARE c CURSOR WITH HOLD FOR SELECT titel FROM zaak WHERE id = 2;
COMMIT;
FETCH c;
CLOSE c;
SELECT count(*) FROM historie;
SELECT count(*) FROM plain;
:show

-- Reads without a purpose say why; what is outside the protocol is nobody's business.
:mark_now
SET SESSION AUTHORIZATION observe_stranger;
SELECT count(*) FROM zaak;
INSERT INTO plain SELECT id, titel FROM zaak;
UPDATE zaak SET titel = titel || '?' WHERE id = 5;
SET SESSION AUTHORIZATION observe_coordinator;
BEGIN;
SELECT casus.enter('overleg') \g /dev/null
SELECT id, titel FROM zaak WHERE id = 1;
UPDATE zaak SET titel = titel || '?' WHERE id = 5;
COMMIT;
:show
-- What is written says the phase of its dossier, not the one that the purpose is for.
SET SESSION AUTHORIZATION observe_coordinator;
BEGIN;
SELECT casus.enter('overleg') \g /dev/null
UPDATE zaak SET titel = titel WHERE id = 1;
COMMIT;
SET SESSION AUTHORIZATION observe_auditor;
SELECT kind, verb, purpose, phase FROM casus.access_log WHERE seq > :mark AND kind = 'write' ORDER BY seq;

-- A case by who holds no office that opens one, or several: it is stored without a label, opens no dossier, and is taken in later.
:mark_now
SET SESSION AUTHORIZATION observe_coordinator;
SELECT count(*) AS dossiers FROM casus.dossier \gset
SET SESSION AUTHORIZATION observe_eye;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
INSERT INTO zaak VALUES (10, 8, 'zaak 10') RETURNING id, casus_label IS NULL AS unlabelled;
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT casus.appoint('Eye', 'ond', NULL, 'lead') > 0 AND casus.appoint('Eye', 'ond', NULL, 'desk') > 0 AS appointed;
SET SESSION AUTHORIZATION observe_eye;
BEGIN;
SELECT casus.enter('intake', office => 'eye') \g /dev/null
INSERT INTO zaak VALUES (11, 8, 'zaak 11') RETURNING id, casus_label IS NULL AS unlabelled;
COMMIT;
-- nor for a purpose for which none is brought in
BEGIN;
SELECT casus.enter('overleg', office => 'lead') \g /dev/null
INSERT INTO zaak VALUES (12, 8, 'zaak 12') RETURNING id, casus_label IS NULL AS unlabelled;
COMMIT;
SET SESSION AUTHORIZATION observe_coordinator;
SELECT count(*) - :dossiers AS opened FROM casus.dossier;
:show
RESET SESSION AUTHORIZATION;
SELECT casus.bind('zaak', 'enforce');
CALL casus.take_in('zaak', phase => '''intake''');
SELECT count(*) AS unlabelled FROM zaak WHERE casus_label IS NULL;
DELETE FROM zaak WHERE id BETWEEN 10 AND 12;

-- Before the day from which the protocol is applied a row comes in under no dossier; enforce would refuse it.
RESET SESSION AUTHORIZATION;
SELECT casus.set_parameter('ond', 'startdatum', '"9999-12-31"') IS NOT NULL AS set;
:mark_now
SET SESSION AUTHORIZATION observe_coordinator;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
SELECT count(*) AS dossiers FROM casus.dossier \gset
INSERT INTO zaak VALUES (9, 8, 'zaak 9');
SELECT count(*) - :dossiers AS opened FROM casus.dossier;
COMMIT;
:show
RESET SESSION AUTHORIZATION;
DELETE FROM zaak WHERE id = 9;
SELECT casus.set_parameter('ond', 'startdatum', '"2026-01-01"') IS NOT NULL AS set;

-- The same, bound.
SELECT count(*) > 2 AS lines FROM casus.bind('zaak', 'enforce');
SET SESSION AUTHORIZATION observe_coordinator;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
SAVEPOINT s;
\set VERBOSITY default
-- A trigger's history is to be protected itself.
UPDATE zaak SET titel = titel || '!' WHERE id <= 2;
ROLLBACK TO s;
\set VERBOSITY terse
INSERT INTO zaak VALUES (8, 8, 'zaak 8');
ROLLBACK TO s;
SELECT id, telefoon FROM zaak WHERE id = 1;
ROLLBACK TO s;
INSERT INTO plain SELECT id, titel FROM zaak WHERE id = 2;
ROLLBACK TO s;
SELECT schrijf(titel) FROM zaak WHERE titel = 'zaak 3';
ROLLBACK TO s;
DECLARE c CURSOR WITH HOLD FOR SELECT titel FROM zaak WHERE id = 2;
ROLLBACK TO s;
UPDATE zaak SET titel = titel || '?' WHERE id = 5;
COMMIT;
RESET SESSION AUTHORIZATION;
DROP OWNED BY observe_coordinator, observe_stranger, observe_eye, observe_auditor;
DROP ROLE observe_coordinator, observe_stranger, observe_eye, observe_auditor;
