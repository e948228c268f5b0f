-- via_link: who brings a row to a second dossier must be able to bring it in there himself, by its own category; and nothing is
-- linked to dossiers of two files, not by take_in either.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE lfiles_lead LOGIN;
CREATE ROLE lfiles_clerk LOGIN;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/proef.sql'
\i :fixture
\set tells code
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
\o /dev/null
SELECT casus.load_protocol(public.proef('{
	"offices": [{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "clerk", "title": "Clerk", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"}],
	"rules": [
		{"phases": ["intake"], "offices": ["lead"], "purposes": ["intake"], "categories": "*", "scope": "all", "may": ["read", "supply", "correct", "remove"], "article": "1"},
		{"phases": ["intake"], "offices": ["clerk"], "purposes": ["intake"], "categories": "*", "scope": "all", "may": ["read"], "article": "1"},
		{"phases": ["intake"], "offices": ["clerk"], "purposes": ["intake"], "categories": ["melding"], "scope": "all", "may": ["supply"], "article": "1"},
		{"phases": ["overleg"], "offices": ["lead"], "purposes": ["overleg"], "categories": "*", "scope": "all", "may": ["read"], "article": "1"},
		{"offices": ["lead"], "categories": "*", "scope": "all", "may": ["read"], "article": "1", "stages": ["klaar_inzage"]}]
}'));
SELECT casus.open_file('proef-1', 'ond'), casus.open_file('proef-1', 'ander');
SELECT casus.activate_protocol(f, dpia => 'DPIA', parameters => '{"startdatum": "2026-01-01"}') FROM unnest(ARRAY['ond', 'ander']) f;
SELECT casus.add_person('Lead', 'lfiles_lead'), casus.add_person('Clerk', 'lfiles_clerk');
SELECT casus.appoint('Lead', 'ond', NULL, 'lead'), casus.appoint('Lead', 'ander', NULL, 'lead'), casus.appoint('Clerk', 'ond', NULL, 'clerk');
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
CREATE TABLE document (id integer PRIMARY KEY, titel text);
CREATE TABLE zaakdocument (zaak_id integer REFERENCES zaak, document_id integer REFERENCES document, PRIMARY KEY (zaak_id, document_id));
INSERT INTO zaak VALUES (1, 8), (2, 8), (3, 9);
INSERT INTO document SELECT n, 'document ' || n FROM generate_series(1, 4) n;
INSERT INTO zaakdocument VALUES (1, 1), (1, 2), (3, 2), (1, 4), (2, 4);
SELECT casus.protect('zaak', f, opens_dossier => true, governs => g, category => 'melding') FROM (VALUES ('ond', 'soort = 8'), ('ander', 'soort = 9')) v (f, g);
SELECT casus.protect('zaakdocument', f, via => 'zaak_id', governs => g, category => 'melding') FROM (VALUES ('ond', 'zaak_id <> 3'), ('ander', 'zaak_id = 3')) v (f, g);
SELECT casus.protect('document', 'ond', via_link => 'zaakdocument', category => 'medisch');
CALL casus.take_in('zaak', phase => $$'intake'$$);
\o
SELECT count(*) > 0 AS bound FROM casus.bind('zaak', 'enforce');
-- A document of two files stays with the first, and the link to the other is in the way.
CALL casus.take_in('zaakdocument');
SELECT count(*) > 0 AS bound FROM casus.bind('zaakdocument', 'enforce');
DELETE FROM zaakdocument WHERE zaak_id = 3 AND document_id = 2;
SELECT count(*) > 0 AS bound FROM casus.bind('zaakdocument', 'enforce');
CALL casus.take_in('document');
SELECT count(*) > 0 AS bound FROM casus.bind('document', 'enforce');
GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, document, zaakdocument TO lfiles_lead, lfiles_clerk;
SET SESSION AUTHORIZATION lfiles_lead;
BEGIN;
SELECT FROM casus.enter('intake', file => 'ond');
SELECT id FROM document ORDER BY id;
COMMIT;
BEGIN;
SELECT FROM casus.enter('intake', file => 'ander');
SELECT id FROM document ORDER BY id;
SELECT attempt('INSERT INTO zaakdocument VALUES (3, 1)') AS other_file;
COMMIT;
-- The clerk reads the documents and brings links in, but no documents: not to a further case, nor to a first.
SET SESSION AUTHORIZATION lfiles_clerk;
BEGIN;
SELECT FROM casus.enter('intake');
SELECT id FROM document ORDER BY id;
SELECT attempt('INSERT INTO zaakdocument VALUES (2, 1)') AS linked_further, attempt('INSERT INTO zaakdocument VALUES (1, 3)') AS linked_first, attempt('INSERT INTO zaakdocument VALUES (2, 99)') AS missing;
COMMIT;
SET SESSION AUTHORIZATION lfiles_lead;
BEGIN;
SELECT FROM casus.enter('intake', file => 'ond');
SELECT attempt('INSERT INTO zaakdocument VALUES (2, 1)') AS linked_further;
SELECT id, casus.label_text(casus_label) ~ 'linked' AS linked FROM document ORDER BY id;
COMMIT;
RESET SESSION AUTHORIZATION;
DROP OWNED BY lfiles_lead, lfiles_clerk;
DROP ROLE lfiles_lead, lfiles_clerk;
