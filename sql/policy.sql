-- policy.sql: one verdict per row, and its reason
-- A small protocol of its own reaches every scope, every kind of purpose and
-- the retention stages; the rules of Beesel are tested with the acts.
SET client_min_messages = warning;
SET TimeZone = 'Europe/Amsterdam';
\set SHOW_CONTEXT never
CREATE ROLE policy_lead LOGIN;		-- office lead, of the file
CREATE ROLE policy_red LOGIN;		-- delegates of two parties
CREATE ROLE policy_blue LOGIN;
CREATE ROLE policy_guide LOGIN;		-- office guide, per dossier
CREATE ROLE policy_app LOGIN;		-- an application with a standing purpose
CREATE ROLE policy_none LOGIN;

SELECT casus.load_protocol('{
	"name": "proef-1", "title": "Proef", "source": "test",
	"articles": [{"name": "1", "title": "Een"}, {"name": "2", "title": "Twee"}, {"name": "3", "title": "Drie"},
		{"name": "4", "title": "Vier"}, {"name": "5", "title": "Vijf"}],
	"parameters": [{"name": "startdatum", "title": "Start", "type": "date", "mandatory": true, "article": "1"},
		{"name": "dpia", "title": "DPIA", "type": "text", "mandatory": true, "article": "1"}],
	"controllers": [{"name": "college", "title": "College", "article": "1"}],
	"parties": {"closed": true, "kinds": ["afdeling"], "article": "1",
		"list": [{"name": "rood", "title": "Rood", "kind": "afdeling"}, {"name": "blauw", "title": "Blauw", "kind": "afdeling"}]},
	"lists": [],
	"offices": [
		{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "guide", "title": "Guide", "level": "dossier", "appointed_by": ["casus_admin", "lead"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "delegate", "title": "Delegate", "level": "party", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"}],
	"subject_categories": [{"name": "subject", "title": "Subject", "article": "1"}],
	"categories": [
		{"name": "melding", "title": "Melding", "subjects": ["subject", "geen"], "article": "2"},
		{"name": "adres", "title": "Adres", "subjects": ["subject", "geen"], "article": "2"},
		{"name": "medisch", "title": "Medisch", "subjects": ["subject", "geen"], "article": "2"}],
	"phases": [
		{"name": "intake", "title": "Intake", "initial": true, "article": "3"},
		{"name": "overleg", "title": "Overleg", "article": "3"},
		{"name": "klaar", "title": "Klaar", "terminal": true, "closing": true, "article": "3"}],
	"purposes": [
		{"name": "intake", "title": "Intake", "article": "3"},
		{"name": "overleg", "title": "Overleg", "session": true, "article": "3"},
		{"name": "klaar", "title": "Klaar", "article": "3"},
		{"name": "balie", "title": "Balie", "phases": ["intake", "overleg"], "standing": true, "article": "3"}],
	"gates": [
		{"name": "verder", "title": "Verder", "article": "3", "phases": ["intake"], "decided_by": "lead", "outcomes": ["ja"], "details": []},
		{"name": "sluiten", "title": "Sluiten", "article": "3", "phases": ["overleg"], "decided_by": "lead", "outcomes": ["ja"], "details": []}],
	"transitions": [
		{"from": ["intake"], "to": "overleg", "gate": "verder", "outcomes": ["ja"], "offices": ["lead"], "article": "3"},
		{"from": ["overleg"], "to": "klaar", "gate": "sluiten", "outcomes": ["ja"], "offices": ["lead"], "article": "3"}],
	"rules": [
		{"phases": ["intake"], "offices": ["lead"], "categories": "*", "scope": "all", "may": ["read", "supply", "correct"], "article": "4"},
		{"phases": ["overleg"], "offices": ["lead"], "categories": "*", "scope": "all", "may": ["read", "supply"], "article": "4"},
		{"phases": ["overleg"], "offices": ["guide"], "categories": ["melding", "adres"], "scope": "all", "participants": true, "may": ["read"], "article": "4"},
		{"phases": ["overleg"], "offices": ["delegate"], "categories": "*", "scope": "own", "participants": true, "may": ["read", "supply", "correct"], "article": "4"},
		{"phases": ["overleg"], "offices": ["delegate"], "categories": ["melding", "adres"], "scope": "shared", "participants": true, "may": ["read"], "article": "5"},
		{"phases": ["intake", "overleg"], "offices": ["lead"], "purposes": ["balie"], "categories": ["melding"], "scope": "all", "may": ["read"], "article": "4"},
		{"offices": ["lead"], "categories": ["melding"], "scope": "all", "may": ["read"], "article": "5", "stages": ["klaar_inzage"]}],
	"retention": [{"phase": "klaar", "article": "5", "stages": [
		{"name": "klaar_inzage", "title": "Inzage", "until": "gedurende 6 months after besluit", "article": "5"},
		{"name": "klaar_archief", "title": "Archief", "until": "uiterlijk 1 year after besluit", "article": "5"}]}]
}') AS protocol;

SELECT casus.open_file('proef-1', 'policy') > 0 AS opened;
SELECT casus.activate_protocol('policy', dpia => 'DPIA', parameters => '{"startdatum": "2026-01-01"}') > 0 AS activated;
SELECT casus.add_person('Lead', 'policy_lead') > 0 AND casus.add_person('Red', 'policy_red') > 0
	AND casus.add_person('Blue', 'policy_blue') > 0 AND casus.add_person('Guide', 'policy_guide') > 0
	AND casus.add_person('App', 'policy_app') > 0 AS known;
SELECT casus.appoint('Lead', 'policy', NULL, 'lead', may_session => true) > 0
	AND casus.appoint('Red', 'policy', 'rood', 'delegate') > 0
	AND casus.appoint('Blue', 'policy', 'blauw', 'delegate', may_session => true) > 0
	AND casus.appoint('App', 'policy', NULL, 'lead', standing_purpose => 'balie') > 0 AS appointed;

CREATE TABLE policy_root (id integer PRIMARY KEY, body text);
CREATE TABLE policy_item (id integer PRIMARY KEY, root_id integer NOT NULL REFERENCES policy_root,
	kind text NOT NULL, party text, body text);
GRANT SELECT, INSERT, UPDATE, DELETE ON policy_root, policy_item TO PUBLIC;
SELECT count(*) > 0 AS protected FROM casus.protect('policy_root', 'policy', opens_dossier => true, category => 'melding');
SELECT count(*) > 0 AS protected FROM casus.protect('policy_item', 'policy', via => 'root_id',
	category_column => 'kind', originator_column => 'party');
SELECT count(*) >= 0 AS bound FROM casus.bind('policy_root');
SELECT count(*) >= 0 AS bound FROM casus.bind('policy_item');
