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

\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/proef.sql'
\i :fixture
SELECT casus.load_protocol(public.proef('{
	"parties": {"closed": true, "kinds": ["afdeling"], "article": "1",
		"list": [{"name": "rood", "title": "Rood", "kind": "afdeling"}, {"name": "blauw", "title": "Blauw", "kind": "afdeling"}]},
	"offices": [
		{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "guide", "title": "Guide", "level": "dossier", "appointed_by": ["casus_admin", "lead"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "delegate", "title": "Delegate", "level": "party", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"}],
	"purposes": [
		{"name": "intake", "title": "Intake", "article": "3"},
		{"name": "overleg", "title": "Overleg", "session": true, "article": "3"},
		{"name": "klaar", "title": "Klaar", "article": "3"},
		{"name": "balie", "title": "Balie", "phases": ["intake", "overleg"], "standing": true, "article": "3"}],
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
}')) AS protocol;

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
-- Registers, and sees what it inserted in RETURNING. [B-9]
SET SESSION AUTHORIZATION policy_lead;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO policy_root VALUES (1, 'een') RETURNING casus.dossier_of(casus_label) AS one \gset
SELECT :one > 0 AS labelled;
INSERT INTO policy_item VALUES (11, 1, 'melding', NULL, 'nobody''s'), (12, 1, 'adres', 'rood', 'red''s'),
	(13, 1, 'melding', 'rood', 'red''s'), (14, 1, 'medisch', 'rood', 'red''s'), (15, 1, 'melding', 'blauw', 'blue''s');
INSERT INTO policy_root VALUES (2, 'twee') RETURNING casus.dossier_of(casus_label) AS two \gset
INSERT INTO policy_item VALUES (21, 2, 'melding', NULL, 'nobody''s');
COMMIT;

-- No purpose: an error, not an empty answer. [B-7]
SELECT count(*) FROM policy_item;
BEGIN;
SELECT casus.enter('intake');
SELECT id FROM policy_item ORDER BY id;
SELECT id FROM policy_root ORDER BY id;
ROLLBACK;
-- The purpose of another phase reads nothing. [B-8]
BEGIN;
SELECT casus.enter('overleg');
SELECT count(*) FROM policy_item;
SELECT verb, allowed, code, article, reason FROM casus.why('policy_item', :one) WHERE verb = 'read';
ROLLBACK;
-- A context for one dossier covers that one.
BEGIN;
SELECT casus.enter('intake', dossier => :two);
SELECT id FROM policy_item ORDER BY id;
ROLLBACK;

-- A standing purpose reads without enter, what its rules say, and not as a delegate does.
SET SESSION AUTHORIZATION policy_app;
SELECT id, kind FROM policy_item ORDER BY id;
SELECT count(*) FROM casus.context;
-- An entered context overrides it.
BEGIN;
SELECT casus.enter('overleg');
SELECT count(*) FROM policy_item;
ROLLBACK;
SELECT count(*) FROM policy_item;

-- Phase overleg: the lead reads all, parties their own and what is shared, and
-- only of dossiers that they take part in.
SET SESSION AUTHORIZATION policy_lead;
BEGIN;
SELECT casus.decide(:one, 'verder', 'ja', 'x') > 0 AND casus.advance(:one, 'overleg') > 0 AS advanced;
SELECT casus.decide(:two, 'verder', 'ja', 'x') > 0 AND casus.advance(:two, 'overleg') > 0 AS advanced;
COMMIT;
BEGIN;
SELECT casus.enter('intake');
SELECT count(*) FROM policy_item;
SELECT casus.enter('overleg');
SELECT count(*) FROM policy_item;
ROLLBACK;
SET SESSION AUTHORIZATION policy_red;
BEGIN;
SELECT casus.enter('overleg');
SELECT count(*) FROM policy_item;
ROLLBACK;
SET SESSION AUTHORIZATION policy_lead;
SELECT casus.involve(:one, party => 'rood') > 0 AND casus.involve(:one, party => 'blauw') > 0 AS involved;
SET SESSION AUTHORIZATION policy_red;
BEGIN;
SELECT casus.enter('overleg');
SELECT id, kind, party FROM policy_item ORDER BY id;
ROLLBACK;
-- One item, then the whole dossier; a category that the rule leaves out stays out.
SET SESSION AUTHORIZATION policy_lead;
BEGIN;
SELECT casus.enter('overleg');
SELECT casus.item_of(casus_label) AS item FROM policy_item WHERE id = 13 \gset
COMMIT;
SELECT casus.share(:one, ARRAY[:item], ARRAY['blauw'], 'x') > 0 AS shared;
SET SESSION AUTHORIZATION policy_blue;
BEGIN;
SELECT casus.enter('overleg');
SELECT id, kind, party FROM policy_item ORDER BY id;
ROLLBACK;
SET SESSION AUTHORIZATION policy_lead;
SELECT casus.share(:one, NULL, ARRAY['blauw'], 'x') > 0 AS shared;
SET SESSION AUTHORIZATION policy_blue;
BEGIN;
SELECT casus.enter('overleg', dossier => :one);
SELECT id, kind, party FROM policy_item ORDER BY id;
SELECT count(*) FROM policy_root;
ROLLBACK;
SET SESSION AUTHORIZATION policy_lead;
SELECT casus.unshare(:one, NULL, ARRAY['blauw'], 'x') > 0 AS unshared;
SET SESSION AUTHORIZATION policy_blue;
BEGIN;
SELECT casus.enter('overleg', dossier => :one);
SELECT id, kind, party FROM policy_item ORDER BY id;
ROLLBACK;

-- A session context outlives its transaction, and DISCARD ALL ends it (A007).
SELECT casus.enter('overleg', lasts => 'session');
SELECT purpose, lasts FROM casus.context;
SELECT count(*) FROM policy_item;
DISCARD ALL;
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET SESSION AUTHORIZATION policy_blue;
SELECT count(*) FROM casus.context;
SELECT count(*) FROM policy_item;

-- An office per dossier is held by taking part in person.
SET SESSION AUTHORIZATION policy_guide;
BEGIN;
SELECT casus.enter('overleg');
ROLLBACK;
SET SESSION AUTHORIZATION policy_lead;
SELECT casus.involve(:two, person => 'Guide', office => 'guide') > 0 AS involved;
SET SESSION AUTHORIZATION policy_guide;
BEGIN;
SELECT casus.enter('overleg');
SELECT id, kind FROM policy_item ORDER BY id;
ROLLBACK;
BEGIN;
SELECT casus.enter('overleg', dossier => :one);
ROLLBACK;
BEGIN;
SELECT casus.enter('overleg', dossier => :two);
SELECT id, kind FROM policy_item ORDER BY id;
ROLLBACK;

-- Rows of the own transaction stay visible, whatever the purpose reads. [B-9]
SET SESSION AUTHORIZATION policy_lead;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO policy_root VALUES (3, 'drie');
INSERT INTO policy_item VALUES (31, 3, 'melding', NULL, 'x');
SELECT casus.enter('klaar');
SELECT id FROM policy_root;
SAVEPOINT a;
SELECT casus.enter('intake');
INSERT INTO policy_item VALUES (32, 3, 'melding', NULL, 'x');
ROLLBACK TO a;
SELECT id FROM policy_item;
ROLLBACK;
SET SESSION AUTHORIZATION policy_red;
BEGIN;
SELECT casus.enter('overleg', dossier => :one);
INSERT INTO policy_item VALUES (16, 1, 'medisch', 'rood', 'mine');
SELECT id FROM policy_item ORDER BY id;
SAVEPOINT a;
INSERT INTO policy_item VALUES (17, 1, 'medisch', 'rood', 'mine');
ROLLBACK TO a;
SELECT id FROM policy_item ORDER BY id;
-- The context is frozen while a statement reads protected tables.
SELECT casus.enter('overleg') FROM policy_item LIMIT 1;
ROLLBACK;
BEGIN;
SELECT casus.enter('overleg', dossier => :one);
SELECT casus.leave() FROM policy_item LIMIT 1;
ROLLBACK;

-- Closed: the stage that the clock has reached decides, category by category.
SET SESSION AUTHORIZATION policy_lead;
BEGIN;
SELECT casus.decide(:one, 'sluiten', 'ja', 'x') > 0 AND casus.advance(:one, 'klaar') > 0 AS closed;
COMMIT;
BEGIN;
SELECT casus.enter('klaar');
SELECT id, kind FROM policy_item ORDER BY id;
SELECT verb, allowed, categories, code, article FROM casus.why('policy_item', :one) WHERE verb IN ('read', 'supply');
ROLLBACK;

-- Nobody, and whoever would pass row security: the rows of the protocol are not for them.
SET SESSION AUTHORIZATION policy_none;
SELECT count(*) FROM policy_item;
BEGIN;
SELECT casus.enter('overleg');
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM policy_item;

-- Malformed labels: never an error, never a row.
SELECT casus.label_text(l::uuid::casus.label), casus.dossier_of(l::uuid), casus.item_of(l::uuid), casus_int.permits(l::uuid)
	FROM unnest(ARRAY['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-0000-000000000001',
		'00000000-0000-0001-0000-000000000000', '00000000-0000-0001-0000-000100fff000',
		'80000000-0000-0000-0000-000100000000', '7fffffff-ffff-ffff-ffff-ffffffffffff',
		'6f757473-6964-6520-6361-7375732e2e2f', '6f757473-6964-6520-6361-7375732e2e2e']) l;
SELECT casus_int.permits(NULL);
DROP ROLE policy_lead, policy_red, policy_blue, policy_guide, policy_app, policy_none;
