-- What Beesel does not have: an open list of parties, a standing purpose, an office held for a session.
\set VERBOSITY terse
\pset format unaligned
\pset footer off
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/code.sql'
\i :fixture
CREATE ROLE open_lead LOGIN;
CREATE ROLE open_delegate LOGIN;
SELECT casus.load_protocol($${
	"name": "open-1", "title": "Open", "source": "test",
	"articles": [{"name": "1", "title": "Een"}, {"name": "2", "title": "Twee"}, {"name": "3", "title": "Drie"}],
	"parameters": [{"name": "maximum", "title": "Maximum", "type": "integer", "mandatory": true, "article": "1"},
		{"name": "startdatum", "title": "Start", "type": "date", "mandatory": true, "article": "1"}, {"name": "dpia", "title": "DPIA", "type": "text", "mandatory": true, "article": "1"}],
	"controllers": [{"name": "college", "title": "College", "article": "1"}],
	"parties": {"closed": false, "kinds": ["gemeente", "politie"], "article": "1"},
	"offices": [
		{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "delegate", "title": "Delegate", "level": "party", "appointed_by": ["casus_admin", "lead"], "excludes": [], "needs_oath": false, "article": "1"}],
	"subject_categories": [{"name": "subject", "title": "Subject", "article": "1"}],
	"categories": [{"name": "melding", "title": "Melding", "subjects": "*", "article": "2"}],
	"phases": [{"name": "start", "title": "Start", "initial": true, "article": "3"},
		{"name": "klaar", "title": "Klaar", "terminal": true, "closing": true, "article": "3"}],
	"purposes": [{"name": "start", "title": "Start", "session": true, "article": "3"},
		{"name": "balie", "title": "Balie", "phases": ["start"], "standing": true, "article": "3"},
		{"name": "klaar", "title": "Klaar", "article": "3"}],
	"gates": [{"name": "sluiten", "title": "Sluiten", "article": "3", "phases": ["start"], "decided_by": "lead", "outcomes": ["ja"], "details": []}],
	"transitions": [{"from": ["start"], "to": "klaar", "gate": "sluiten", "outcomes": ["ja"], "offices": ["lead"], "article": "3"}],
	"rules": [{"phases": ["start"], "offices": ["lead"], "categories": "*", "scope": "all", "may": ["read", "supply"], "article": "2"},
		{"phases": ["start"], "offices": ["lead"], "purposes": ["balie"], "categories": "*", "scope": "all", "may": ["read"], "article": "2"},
		{"phases": ["start"], "offices": ["delegate"], "categories": "*", "scope": "own", "participants": true, "may": ["read", "supply"], "article": "2"},
		{"offices": ["lead"], "categories": "*", "scope": "all", "may": ["read"], "article": "3", "stages": ["klaar_inzage"]}],
	"retention": [{"phase": "klaar", "article": "3", "stages": [{"name": "klaar_inzage", "title": "Inzage", "until": "uiterlijk 1 year after besluit", "article": "3"}]}]
}$$) IS NOT NULL AS ok;
SELECT try($$casus.open_file('open-1', 'regio', controllers => '{"gemeente A","gemeente B"}', parameters => '{"maximum": 3, "startdatum": "2026-01-01"}')$$);
SELECT controllers, parameters FROM casus.file;
SELECT count(*) FROM casus.party;
-- Parties of the kinds that the protocol knows, with a period.
SELECT try($$casus.add_party('regio', 'gemeente_a', 'gemeente', 'Gemeente A')$$);
SELECT try($$casus.add_party('regio', 'politie', 'politie', starts => '2090-01-01')$$);
SELECT try($$casus.add_party('regio', 'gemeente_a', 'gemeente')$$);
SELECT try($$casus.add_party('regio', 'om', 'justitie')$$);
SELECT try($$casus.add_party('regio', 'om')$$);
SELECT name, title, kind, starts > now() AS later FROM casus.party ORDER BY name;
SELECT try($$casus.activate_protocol('regio')$$);
SELECT try($$casus.activate_protocol('regio', 'DPIA-9')$$);
SELECT try($$casus.add_person('Lena', 'open_lead')$$);
SELECT try($$casus.add_person('Dirk', 'open_delegate')$$);
-- Membership that has not begun brings no office.
SELECT try($$casus.appoint('Dirk', 'regio', 'politie', 'delegate')$$);
SELECT try($$casus.appoint('Dirk', 'regio', 'gemeente_a', 'delegate', ends => '2090-01-01', reason => 'tijdelijk')$$);
-- One standing purpose at a time, and only where the protocol says so.
SELECT try($$casus.appoint('Lena', 'regio', NULL, 'lead', standing_purpose => 'start')$$);
SELECT try($$casus.appoint('Lena', 'regio', NULL, 'lead', standing_purpose => 'niets')$$);
SELECT try($$casus.appoint('Lena', 'regio', NULL, 'lead', standing_purpose => 'balie', may_session => true)$$);
SELECT try($$casus.appoint('Lena', 'regio', NULL, 'lead', standing_purpose => 'balie')$$);
SELECT person, office, party, standing_purpose, may_session, ends, reason, holds_now FROM casus.appointment ORDER BY id;
SET SESSION AUTHORIZATION open_lead;
SELECT purpose, is_standing FROM casus.my_purposes();
-- The controllers of the file are responsible for what is done in it [B-90].
SELECT casus.open_dossier('regio') AS d \gset
SELECT kind, person, office, controller FROM casus.act_log WHERE dossier = :d;
SELECT try(format($$casus.decide(%s, 'sluiten', 'ja', 'klaar')$$, :d));
SELECT try(format($$casus.share(%s, NULL, '{gemeente_a}')$$, :d));
SELECT try(format($$casus.close_dossier(%s)$$, :d));
RESET SESSION AUTHORIZATION;
SELECT try($$casus.end_membership('regio', 'gemeente_a', 'vertrokken')$$);
SELECT try($$casus.end_membership('regio', 'gemeente_a')$$);
SELECT try($$casus.end_membership('regio', 'politie')$$);
-- A party that left may come back, under its own code.
SELECT try($$casus.add_party('regio', 'gemeente_a')$$);
SELECT try($$casus.end_membership('regio', 'gemeente_a', 'vertrokken')$$);
SELECT person, holds_now FROM casus.appointment WHERE party = 'gemeente_a';
DROP ROLE open_lead, open_delegate;
