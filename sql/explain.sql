-- casus.explain_access: what anybody may do with a dossier and why, for those who set up and supervise, and never content.
\set VERBOSITY terse
\pset format unaligned
\pset footer off
SET client_min_messages = warning;
CREATE ROLE explain_coord LOGIN;
CREATE ROLE explain_deleg LOGIN;
CREATE ROLE explain_fg LOGIN;
CREATE ROLE explain_auditor LOGIN IN ROLE casus_auditor;
CREATE ROLE explain_admin LOGIN IN ROLE casus_admin;
SELECT count(*) FROM casus.install_protocol('beesel-2021');
SELECT count(*) FROM casus.open_file('beesel-2021', 'een');
SELECT count(*) FROM casus.activate_protocol('een', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
SELECT count(casus.add_person(name, role::regrole, oath_on => '2020-01-01')) FROM (VALUES ('Coord', 'explain_coord'),
	('Deleg', 'explain_deleg'), ('Fg', 'explain_fg'), ('Niemand', NULL), ('Zonder', NULL)) p (name, role);
SELECT count(casus.appoint(name, 'een', party, office, reason => 'test'))
	FROM (VALUES ('Coord', NULL, 'coordinator'), ('Fg', NULL, 'fg'), ('Deleg', 'subsidies', 'afgevaardigde'),
	('Deleg', 'belastingen_en_woz', 'afgevaardigde'), ('Zonder', NULL, 'coordinator')) a (name, party, office);
CREATE TABLE zaak (id integer PRIMARY KEY, titel text NOT NULL, dossier bigint NOT NULL);
CREATE TABLE vrij (id integer);
GRANT ALL ON zaak TO PUBLIC;
SELECT count(*) > 0 AS ok FROM casus.protect('zaak', 'een', dossier => 'dossier', category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.bind('zaak', 'enforce');
SET SESSION AUTHORIZATION explain_coord;
SELECT casus.open_dossier('een') AS a \gset

-- Only for those who set up and those who supervise.
SELECT casus.explain_access('Coord', 'zaak', :a);
SET SESSION AUTHORIZATION explain_deleg;
SELECT casus.explain_access('Coord', 'zaak', :a);
SET SESSION AUTHORIZATION explain_fg;
SELECT casus.explain_access('Coord', 'zaak', 0);
SELECT casus.explain_access('Onbekend', 'zaak', :a);
SELECT casus.explain_access('Coord', 'zaak', :a, 'kijken');
\x on
SELECT role, office, party, purpose, for_verb, allowed, items, categories, code, article, reason FROM casus.explain_access('Coord', 'zaak', :a);
\x off
SET SESSION AUTHORIZATION explain_auditor;
SELECT office, party, purpose, allowed, items, code, article, reason FROM casus.explain_access('Deleg', NULL, :a);
SELECT role, office, allowed, code, reason FROM casus.explain_access('Fg', 'zaak', :a);
SELECT role, office, allowed, code, reason FROM casus.explain_access('Niemand', 'zaak', :a);
SELECT role, office, purpose, allowed FROM casus.explain_access('Zonder', 'zaak', :a) WHERE allowed;
SELECT allowed, reason FROM casus.explain_access('Coord', 'vrij', :a);
SET SESSION AUTHORIZATION explain_admin;
SELECT purpose, for_verb, allowed, categories, code FROM casus.explain_access('Coord', 'zaak', :a, 'supply') WHERE allowed;
-- The explanation is the verdict: what it allows can be read, what it refuses cannot.
SET SESSION AUTHORIZATION explain_coord;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
INSERT INTO zaak VALUES (1, 'een', :a);
COMMIT;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
SELECT count(*) FROM zaak;
ROLLBACK;
BEGIN;
SELECT casus.enter('regie') \g /dev/null
SELECT count(*) FROM zaak;
ROLLBACK;
-- What is open beside the rules is told too, also to who opened it.
SET SESSION AUTHORIZATION explain_deleg;
SELECT casus.break_glass('brand', :a) AS act \gset
SELECT allowed, reason, replace(hint, :act::text, '$act') AS hint FROM casus.why('zaak', :a);
SET SESSION AUTHORIZATION explain_fg;
SELECT casus.inspect(:a, 'steekproef') AS inspection \gset
SELECT office, allowed, replace(reason, :act::text, '$act') AS reason FROM casus.explain_access('Deleg', 'zaak', :a) WHERE allowed;
-- My purposes are those that I may enter; the supervisor is told what shows content.
SELECT office, purpose, call, reads FROM casus.my_purposes();
BEGIN;
SELECT casus.enter('toezicht') \g /dev/null
SELECT count(*) FROM zaak;
ROLLBACK;
SET SESSION AUTHORIZATION explain_coord;
SELECT purpose, reads FROM casus.my_purposes();
RESET SESSION AUTHORIZATION;
DROP OWNED BY explain_coord, explain_deleg, explain_fg, explain_auditor, explain_admin;
