-- In which capacity somebody acts: not where two offices fit, nor in a dossier to which his office was not given, nor for a
-- session without may_session.  Each refusal has its code.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE capacity_lead LOGIN;
CREATE ROLE capacity_both LOGIN;
CREATE ROLE capacity_reg LOGIN;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/proef.sql'
\i :fixture
\set tells message
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
\o /dev/null
SELECT casus.load_protocol(public.proef('{
	"offices": [{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "deputy", "title": "Deputy", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "kijker", "title": "Kijker", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "regisseur", "title": "Regisseur", "level": "dossier", "appointed_by": ["lead"], "excludes": [], "needs_oath": false, "article": "1"}],
	"purposes": [{"name": "intake", "title": "Intake", "session": true, "article": "1"}, {"name": "overleg", "title": "Overleg", "article": "1"},
		{"name": "klaar", "title": "Klaar", "article": "1"}],
	"transitions": [
		{"from": ["intake"], "to": "overleg", "gate": "verder", "outcomes": ["ja"], "offices": ["lead", "deputy", "regisseur"], "article": "3"},
		{"from": ["overleg"], "to": "klaar", "gate": "sluiten", "outcomes": ["ja"], "offices": ["lead"], "article": "3"}],
	"rules": [
		{"phases": ["intake"], "offices": ["lead", "deputy", "regisseur"], "purposes": ["intake"], "categories": "*", "scope": "all", "may": ["read", "supply", "correct", "remove"], "article": "1"},
		{"phases": ["overleg"], "offices": ["lead"], "purposes": ["overleg"], "categories": "*", "scope": "all", "may": ["read"], "article": "1"},
		{"offices": ["lead"], "categories": "*", "scope": "all", "may": ["read"], "article": "1", "stages": ["klaar_inzage"]}]
}'));
\o
SELECT casus.open_file('proef-1', 'ond') > 0 AND casus.activate_protocol('ond', dpia => 'DPIA', parameters => '{"startdatum": "2026-01-01"}') > 0 AS ok;
SELECT casus.add_person('Lead', 'capacity_lead') > 0 AND casus.add_person('Both', 'capacity_both') > 0 AND casus.add_person('Reg', 'capacity_reg') > 0 AS ok;
SELECT casus.appoint('Lead', 'ond', NULL, 'lead') > 0 AND casus.appoint('Both', 'ond', NULL, 'lead') > 0 AND casus.appoint('Both', 'ond', NULL, 'deputy', may_session => true) > 0 AS ok;
SET SESSION AUTHORIZATION capacity_lead;
SELECT casus.open_dossier('ond') AS a \gset
SELECT casus.open_dossier('ond') AS b \gset
SELECT casus.involve(:a, NULL, 'Reg', 'regisseur', 'neemt hem') > 0 AS ok;
SELECT attempt(format('SELECT casus.involve(%s, %L, NULL, %L, %L)', :a, 'rood', 'regisseur', 'wie?')) AS nobody;
SELECT attempt(format('SELECT casus.decide(%s, %L, %L, %L, NULL)', d, 'verder', 'ja', 'test')) FROM unnest(ARRAY[:a, :b]) d;
-- Two offices fit.
SET SESSION AUTHORIZATION capacity_both;
SELECT attempt(format('SELECT casus.advance(%s, %L)', :b, 'overleg'));
BEGIN;
SELECT attempt($$SELECT casus.enter('intake')$$) AS which, attempt($$SELECT casus.enter('intake', office => 'deputy')$$) AS deputy;
SELECT attempt(format('SELECT casus.advance(%s, %L)', :b, 'overleg')) AS as_deputy;
ROLLBACK;
-- For a session: one of the two was appointed with may_session, and one purpose allows it.
SELECT attempt($$SELECT casus.enter('intake', office => 'lead', lasts => 'session')$$) AS lead;
SELECT attempt($$SELECT casus.enter('overleg', office => 'lead', lasts => 'session')$$) AS purpose;
SELECT attempt($$SELECT casus.enter('intake', office => 'deputy', lasts => 'session')$$) AS deputy;
SELECT casus.leave();
-- An office of one dossier.
SET SESSION AUTHORIZATION capacity_reg;
SELECT attempt(format('SELECT casus.advance(%s, %L)', :b, 'overleg')) AS other, attempt('SELECT casus.advance(999999999, ''overleg'')') AS missing,
	attempt(format('SELECT casus.advance(%s, %L)', :a, 'overleg')) AS own;
-- Who knows the other dossier by another office, and may act in the one of his own only.
RESET SESSION AUTHORIZATION;
SELECT casus.appoint('Reg', 'ond', NULL, 'kijker') > 0 AS ok;
SET SESSION AUTHORIZATION capacity_reg;
SELECT attempt(format('SELECT casus.advance(%s, %L)', :b, 'overleg'), 'check') AS known;
-- With the office of one dossier go his deputies in it, and theirs.
SET SESSION AUTHORIZATION capacity_lead;
SELECT id AS reg FROM casus.appointment WHERE person = 'Reg' AND office = 'regisseur' \gset
SELECT casus.deputise(:reg, 'Both') AS both \gset
SELECT casus.deputise(:both, 'Lead') > 0 AS ok;
SELECT person, holds_now FROM casus.appointment WHERE office = 'regisseur' ORDER BY id;
SELECT casus.end_involvement(:a, NULL, 'Reg', 'weg') > 0 AS ok;
SELECT person, holds_now FROM casus.appointment WHERE office = 'regisseur' ORDER BY id;
RESET SESSION AUTHORIZATION;
DROP OWNED BY capacity_lead, capacity_both, capacity_reg;
DROP ROLE capacity_lead, capacity_both, capacity_reg;
