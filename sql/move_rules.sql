-- casus.move where the rules differ from dossier to dossier and from row to row; keys of several columns; the key of
-- a row that is a dossier.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set tells check
\set fixture :source '/test/fixtures/attempt.sql'
\ir :fixture
\set fixture :source '/test/fixtures/proef.sql'
\ir :fixture
CREATE ROLE rules_lead LOGIN;
CREATE ROLE rules_desk LOGIN;
CREATE ROLE rules_post LOGIN;
CREATE ROLE rules_backup LOGIN BYPASSRLS IN ROLE casus_backup;
SELECT casus.load_protocol(proef('{
	"offices": [
		{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "desk", "title": "Desk", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "post", "title": "Post", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"}],
	"purposes": [
		{"name": "intake", "title": "Intake", "article": "3"},
		{"name": "overleg", "title": "Overleg", "article": "3"},
		{"name": "klaar", "title": "Klaar", "article": "3"}],
	"rules": [
		{"phases": ["intake"], "offices": ["lead"], "categories": "*", "scope": "all", "may": ["read", "supply", "correct", "remove"], "article": "4"},
		{"phases": ["overleg"], "offices": ["lead"], "categories": "*", "scope": "all", "may": ["read", "supply", "correct"], "article": "5"},
		{"phases": ["intake"], "offices": ["desk"], "categories": ["melding", "adres"], "scope": "all", "may": ["read", "supply", "remove"], "article": "4"},
		{"phases": ["intake"], "offices": ["post"], "categories": ["melding"], "scope": "all", "may": ["read", "supply", "remove"], "article": "4"},
		{"phases": ["intake"], "offices": ["post"], "categories": ["adres"], "scope": "all", "may": ["read", "supply"], "article": "4"},
		{"offices": ["lead"], "categories": "*", "scope": "all", "may": ["read"], "article": "5", "stages": ["klaar_inzage"]}]}')) AS loaded;
SELECT casus.open_file('proef-1', 'proef') > 0 AS opened;
SELECT casus.activate_protocol('proef', dpia => 'DPIA', parameters => '{"startdatum": "2026-01-01"}') > 0 AS active;
SELECT casus.add_person('Lead', 'rules_lead') > 0 AND casus.add_person('Desk', 'rules_desk') > 0 AND casus.add_person('Post', 'rules_post') > 0 AS known;
SELECT casus.appoint('Lead', 'proef', NULL, 'lead') > 0 AND casus.appoint('Desk', 'proef', NULL, 'desk') > 0
	AND casus.appoint('Post', 'proef', NULL, 'post') > 0 AS appointed;

-- the key of a case and of a document have two columns
CREATE TABLE zaak (jaar integer, nr integer, titel text, PRIMARY KEY (jaar, nr)) PARTITION BY LIST (jaar);
CREATE TABLE zaak_2025 PARTITION OF zaak FOR VALUES IN (2025);
CREATE TABLE zaak_2026 PARTITION OF zaak FOR VALUES IN (2026);
CREATE TABLE stuk (reeks text, volg integer, jaar integer, nr integer, tekst text, PRIMARY KEY (reeks, volg),
	FOREIGN KEY (jaar, nr) REFERENCES zaak ON UPDATE CASCADE);
CREATE TABLE noot (id integer PRIMARY KEY, reeks text, volg integer, soort text, tekst text, FOREIGN KEY (reeks, volg) REFERENCES stuk ON UPDATE CASCADE);
GRANT ALL ON zaak, stuk, noot TO rules_lead, rules_desk, rules_post;
SELECT count(*) > 0 AS done FROM casus.protect('zaak', 'proef', opens_dossier => true, category => 'melding');
SELECT count(*) > 0 AS done FROM casus.protect('stuk', 'proef', via => 'nr', category => 'melding');
SELECT count(*) > 0 AS done FROM casus.protect('noot', 'proef', via => 'volg', category_column => 'soort');
SELECT count(*) > 0 AS bound FROM unnest('{zaak,stuk,noot}'::regclass[]) t, casus.bind(t, 'enforce');
SET SESSION AUTHORIZATION rules_lead;
BEGIN; SELECT FROM casus.enter('intake');
INSERT INTO zaak VALUES (2025, 1, 'een'), (2025, 2, 'twee'), (2026, 1, 'drie');
INSERT INTO stuk VALUES ('a', 1, 2025, 1, 'x'), ('a', 2, 2025, 1, 'met verborgen noot'), ('b', 1, 2025, 2, 'y'), ('d', 1, 2025, 1, 'z');
INSERT INTO noot VALUES (1, 'a', 1, 'melding', 'n'), (2, 'a', 2, 'medisch', 'n'), (3, 'a', 1, 'adres', 'n');
SELECT casus.dossier_of(casus_label) AS twee FROM zaak WHERE nr = 2 \gset
COMMIT;
CREATE TEMP VIEW waar AS SELECT s.reeks, s.volg, s.jaar, s.nr, casus.dossier_of(s.casus_label) = casus.dossier_of(z.casus_label) AS zaak,
	n.id AS noot, casus.dossier_of(n.casus_label) = casus.dossier_of(s.casus_label) AS stuk
	FROM stuk s JOIN zaak z USING (jaar, nr) LEFT JOIN noot n USING (reeks, volg) ORDER BY 1, 2, 6;

-- by keys of two columns, with what hangs on it
SELECT casus.move('stuk', '{"reeks": "a", "volg": 1}'::jsonb, '{"jaar": 2026, "nr": 1}', 'x') > 0 AS act;
BEGIN; SELECT FROM casus.enter('intake'); SELECT * FROM waar; COMMIT;
SELECT attempt($$SELECT casus.move('stuk', '{"reeks": "a", "volg": 1}'::jsonb, '{"jaar": 2026}', 'x')$$, 'message') AS half,
	attempt($$SELECT casus.move('stuk', '{"reeks": "a", "volg": 1}'::jsonb, '2026', 'x')$$, 'message') AS no_object,
	attempt($$SELECT casus.move('stuk', 'a', '{"jaar": 2026, "nr": 1}', 'x')$$, 'message') AS no_key,
	attempt($$SELECT casus.move('stuk', '{"reeks": "a", "volg": 9}'::jsonb, '{"jaar": 2026, "nr": 1}', 'x')$$) AS missing,
	attempt($$SELECT casus.move('stuk', '{"reeks": "a", "volg": 1}'::jsonb, '{"jaar": 2026, "nr": 9}', 'x')$$) AS no_target;

-- what hangs on it is hidden from the mover: nothing moves, and he is told no more
SET SESSION AUTHORIZATION rules_desk;
SELECT attempt($$SELECT casus.move('stuk', '{"reeks": "a", "volg": 2}'::jsonb, '{"jaar": 2026, "nr": 1}', 'x')$$);
SELECT casus.move('stuk', '{"reeks": "a", "volg": 1}'::jsonb, '{"jaar": 2025, "nr": 1}', 'x') > 0 AS act;
-- what hangs on it he reads and may bring in, but not take out of its dossier
SET SESSION AUTHORIZATION rules_post;
SELECT attempt($$SELECT casus.move('stuk', '{"reeks": "a", "volg": 1}'::jsonb, '{"jaar": 2026, "nr": 1}', 'x')$$) AS note,
	attempt($$SELECT casus.move('stuk', '{"reeks": "d", "volg": 1}'::jsonb, '{"jaar": 2026, "nr": 1}', 'x')$$) AS alone;
SELECT casus.move('stuk', '{"reeks": "d", "volg": 1}'::jsonb, '{"jaar": 2025, "nr": 1}', 'x') > 0 AS act;
SET SESSION AUTHORIZATION rules_lead;
BEGIN; SELECT FROM casus.enter('intake'); SELECT * FROM waar; COMMIT;
SELECT casus.move('stuk', '{"reeks": "a", "volg": 2}'::jsonb, '{"jaar": 2026, "nr": 1}', 'x') > 0 AS act;

-- in overleg rows are brought in and none removed: the way there is open, the way back is not
SELECT casus.decide(:twee, 'verder', 'ja', 'x') > 0 AND casus.advance(:twee, 'overleg') > 0 AS advanced;
SELECT attempt($$SELECT casus.move('stuk', '{"reeks": "b", "volg": 1}'::jsonb, '{"jaar": 2025, "nr": 1}', 'x')$$) AS back,
	attempt($$SELECT casus.move('stuk', '{"reeks": "a", "volg": 1}'::jsonb, '{"jaar": 2025, "nr": 2}', 'x')$$) AS onto;
SET SESSION AUTHORIZATION rules_desk;
SELECT attempt($$SELECT casus.move('stuk', '{"reeks": "a", "volg": 1}'::jsonb, '{"jaar": 2025, "nr": 2}', 'x')$$) AS not_for_desk;

-- A case gets another key: what hangs on it follows, its dossier knows it by the new one, also in another partition.
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION rules_backup;
COPY (SELECT root_relation, root_key FROM casus_cat.dossier ORDER BY id) TO STDOUT;
SET SESSION AUTHORIZATION rules_lead;
BEGIN; SELECT FROM casus.enter('intake');
UPDATE zaak SET nr = 11, titel = 'elf' WHERE nr = 1 AND jaar = 2025;
UPDATE stuk SET reeks = 'c' WHERE reeks = 'a' AND volg = 2;
SELECT * FROM waar;
COMMIT;
SET SESSION AUTHORIZATION rules_backup;
COPY (SELECT root_relation, root_key FROM casus_cat.dossier ORDER BY id) TO STDOUT;
SET SESSION AUTHORIZATION rules_lead;
BEGIN; SELECT FROM casus.enter('intake');
UPDATE zaak SET titel = 'drie!' WHERE nr = 1;
DELETE FROM noot; DELETE FROM stuk WHERE nr = 11;
UPDATE zaak SET jaar = 2026 WHERE nr = 11;
COMMIT;
-- not by who may not correct it: desk, and the lead of a dossier in another phase
SET SESSION AUTHORIZATION rules_desk;
BEGIN; SELECT FROM casus.enter('intake');
SELECT attempt($$UPDATE zaak SET nr = 12 WHERE nr = 11$$);
COMMIT;
SET SESSION AUTHORIZATION rules_backup;
COPY (SELECT root_relation, root_key FROM casus_cat.dossier ORDER BY id) TO STDOUT;
RESET SESSION AUTHORIZATION;
DROP OWNED BY rules_lead, rules_desk, rules_post, rules_backup;
DROP ROLE rules_lead, rules_desk, rules_post, rules_backup;
