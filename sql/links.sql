-- via_link: a document of several cases is read only where each of them permits.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE link_coord LOGIN;
CREATE ROLE link_deleg LOGIN;
CREATE ROLE link_app LOGIN;
CREATE ROLE link_auditor LOGIN IN ROLE casus_auditor;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond') > 0 AND casus.open_file('beesel-2021', 'ander') > 0 AS opened;
SELECT casus.activate_protocol(f, 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "vastgesteld"}') > 0 AS active FROM unnest(ARRAY['ond', 'ander']) f;
SELECT casus.add_person(n, r::regrole, oath_on => '2020-01-01') > 0 AS ok FROM (VALUES ('Coord', 'link_coord'), ('Deleg', 'link_deleg')) v(n, r);
SELECT casus.appoint('Coord', 'ond', NULL, 'coordinator', reason => 'test') > 0 AS ok;
SELECT casus.appoint('Coord', 'ander', NULL, 'coordinator', reason => 'test') > 0 AS ok;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/code.sql'
\i :fixture

-- as in Open Zaak: the link leads to a table that says which document, whose versions hang on it
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
CREATE TABLE document (id integer PRIMARY KEY);
CREATE TABLE versie (id integer PRIMARY KEY, document_id integer NOT NULL REFERENCES document, titel text);
CREATE TABLE blad (id integer PRIMARY KEY, versie_id integer NOT NULL REFERENCES versie);
CREATE TABLE zaakdocument (zaak_id integer REFERENCES zaak, document_id integer REFERENCES document, PRIMARY KEY (zaak_id, document_id));
INSERT INTO zaak VALUES (1, 8), (2, 8), (3, 1), (4, 9);
INSERT INTO document SELECT generate_series(1, 5);
INSERT INTO versie SELECT n, n, 'versie ' || n FROM generate_series(1, 5) n;
INSERT INTO zaakdocument VALUES (1, 1), (1, 2), (2, 2), (3, 3), (3, 2);
SELECT count(*) > 0 AS ok FROM casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.protect('zaak', 'ander', opens_dossier => true, governs => 'soort = 9', category => 'registratie');
SELECT code($$SELECT casus.protect('document', 'ond', via_link => 'zaakdocument')$$);
SELECT count(*) > 0 AS ok FROM casus.protect('zaakdocument', 'ond', via => 'zaak_id', category => 'registratie');
SELECT code($$SELECT casus.protect('document', 'ond', via_link => 'zaak')$$);
SELECT code($$SELECT casus.protect('document', 'ond', via_link => 'zaakdocument', via => 'id')$$);
SELECT regexp_replace(l, '"installation":"[-0-9a-f]*"', '"installation":...') AS line
	FROM casus.protect('document', 'ond', via_link => 'zaakdocument', category => 'signaalomschrijving', dry_run => true) l WHERE l !~ '^--';
SELECT count(*) > 0 AS ok FROM casus.protect('document', 'ond', via_link => 'zaakdocument', category => 'signaalomschrijving');
SELECT code($$SELECT casus.protect('versie', 'ond', via => 'document_id')$$);
SELECT count(*) > 0 AS ok FROM casus.protect('versie', 'ond', via => 'document_id', item => 'inherit', category => 'signaalomschrijving');
SELECT count(*) > 0 AS ok FROM casus.protect('blad', 'ond', via => 'versie_id', item => 'inherit', category => 'signaalomschrijving');

-- existing rows: each table after the one that gives it its label
CALL casus.take_in('zaak');
SELECT count(*) > 0 AS bound FROM casus.bind('zaak', 'enforce');
SELECT code($$SELECT casus.bind('document', 'enforce')$$);
CALL casus.take_in('zaakdocument');
SELECT count(*) > 0 AS bound FROM casus.bind('zaakdocument', 'enforce');
CALL casus.take_in('document');
SELECT count(*) > 0 AS bound FROM casus.bind('document', 'enforce');
CALL casus.take_in('versie');
SELECT count(*) > 0 AS bound FROM casus.bind('versie', 'enforce');
SELECT count(*) > 0 AS bound FROM casus.bind('blad', 'enforce');
GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, document, versie, blad, zaakdocument TO link_coord, link_deleg, link_app;
CREATE VIEW waar WITH (security_invoker = true) AS SELECT d.id, v.id AS versie, regexp_replace(casus.label_text(d.casus_label), '.*subject 0', '') AS document,
	casus.item_of(d.casus_label) = casus.item_of(v.casus_label) AS item, regexp_replace(casus.label_text(v.casus_label), '.*subject 0', '') AS mark
	FROM document d LEFT JOIN versie v ON v.document_id = d.id;
GRANT SELECT ON waar TO PUBLIC;
-- whoever has no purpose sees what no governed case is linked to
SELECT id FROM document ORDER BY id;
SELECT id FROM versie ORDER BY id;
SET SESSION AUTHORIZATION link_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT * FROM waar ORDER BY id;
-- an application: the document, its version, the link; from then on it is governed
INSERT INTO document VALUES (6); INSERT INTO versie VALUES (6, 6, 'versie 6'); INSERT INTO blad VALUES (6, 6);
INSERT INTO zaakdocument VALUES (1, 6);
SELECT * FROM waar WHERE id = 6;
-- a second case: the mark is set on the document, on what hangs on it and on what hangs on that, now and later
INSERT INTO zaakdocument VALUES (2, 6);
INSERT INTO versie VALUES (7, 6, 'versie 7'); INSERT INTO blad VALUES (7, 7);
SELECT * FROM waar WHERE id = 6;
SELECT id, regexp_replace(casus.label_text(casus_label), '.*subject 0', '') AS mark FROM blad ORDER BY id;
-- nothing of it goes to another document, nor does its link to another case
INSERT INTO document VALUES (9); INSERT INTO zaakdocument VALUES (2, 9);
SELECT code($$SELECT casus.move('versie', '6', '9', 'x')$$);
INSERT INTO zaak VALUES (6, 8);
SELECT n, code(format($$SELECT casus.move('zaakdocument', '{"zaak_id": %s, "document_id": 6}'::jsonb, '6', 'x')$$, n)) FROM generate_series(1, 2) n;
DELETE FROM zaakdocument WHERE document_id = 9; DELETE FROM document WHERE id = 9;
SELECT code('INSERT INTO zaakdocument VALUES (2, 99)');
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT id FROM document ORDER BY id;
-- a context for one case reads documents of that case alone
SELECT casus.dossier_of('zaak', '1') AS een, casus.dossier_of('zaak', '2') AS twee \gset
SET SESSION AUTHORIZATION link_coord;
SELECT casus.dossier_of(casus_label) AS een FROM zaak WHERE false \gset
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT max(casus.dossier_of(casus_label)) FILTER (WHERE id = 1) AS een, max(casus.dossier_of(casus_label)) FILTER (WHERE id = 2) AS twee FROM zaak \gset
COMMIT;
BEGIN; SELECT FROM casus.enter('intake', :een);
SELECT id FROM document ORDER BY id;
SELECT id FROM versie ORDER BY id;
SELECT id FROM blad ORDER BY id;
-- nor does it link what it does not read
SELECT code('UPDATE document SET id = id WHERE id = 2');
SELECT code('INSERT INTO zaakdocument VALUES (1, 6)');
COMMIT;

-- one of the cases goes on to a phase where the reader's purpose does not reach: the document goes with the strictest
BEGIN;
SELECT casus.decide(:twee, 'intake', 'signaal', 'een indicator', '{"indicatoren": ["vastgoedfraude_contante_betalingen"],
	"bevoegdheid": "opiumwet_13b", "grondgebied": true, "aandrager": "anoniem", "melddatum": "2026-01-05", "aanleiding": "melding",
	"beschrijving": "drukte", "personalia": "onbekend"}') > 0 AS decided;
SELECT casus.advance(:twee, 'zwaarte') > 0 AS advanced;
COMMIT;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT id FROM document ORDER BY id;
SELECT id FROM versie ORDER BY id;
-- who cannot read it cannot link it, and hears what he would hear if it were not there
INSERT INTO zaak VALUES (5, 8);
SELECT code('INSERT INTO zaakdocument VALUES (5, 6)');
SELECT code('INSERT INTO zaakdocument VALUES (5, 99)');
-- taking a link away takes nothing back
DELETE FROM zaakdocument WHERE document_id = 1;
SELECT * FROM waar WHERE id = 1;
COMMIT;
-- nothing crosses to another file
BEGIN; SELECT FROM casus.enter('intake', file => 'ander');
SELECT code('INSERT INTO zaakdocument VALUES (4, 1)');
INSERT INTO document VALUES (8);
INSERT INTO zaakdocument VALUES (4, 8);
COMMIT;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT code('INSERT INTO zaakdocument VALUES (1, 8)');
SELECT code($$SELECT casus.move('versie', '1', '2', 'x')$$);
SELECT code($$SELECT casus.move('zaakdocument', '{"zaak_id": 1, "document_id": 2}'::jsonb, '5', 'x')$$);
COMMIT;
-- each of its dossiers is on record
SET SESSION AUTHORIZATION link_auditor;
SELECT count(*) > 0 AS both FROM casus.access_log WHERE relation = 'public.versie' AND kind = 'read' AND :een = ANY (dossiers) AND :twee = ANY (dossiers);
RESET SESSION AUTHORIZATION;
SELECT code($$UPDATE casus_cat.linked SET other = 1$$);
-- Registered wrongly and not bound yet: the way back, also of what stands in several dossiers; the documents before the cases.
CREATE TABLE los_zaak (id integer PRIMARY KEY);
CREATE TABLE los_document (id integer PRIMARY KEY);
CREATE TABLE los_link (zaak_id integer REFERENCES los_zaak, document_id integer REFERENCES los_document, PRIMARY KEY (zaak_id, document_id));
INSERT INTO los_zaak VALUES (1), (2);
INSERT INTO los_document VALUES (1);
INSERT INTO los_link VALUES (1, 1), (2, 1);
SELECT count(*) > 0 AS ok FROM casus.protect('los_zaak', 'ond', opens_dossier => true, category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.protect('los_link', 'ond', via => 'zaak_id', category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.protect('los_document', 'ond', via_link => 'los_link', category => 'signaalomschrijving');
CALL casus.take_in('los_zaak'); CALL casus.take_in('los_link'); CALL casus.take_in('los_document');
SELECT regexp_replace(casus.label_text(casus_label), '.*subject 0', '') AS mark FROM los_document;
SELECT casus.unprotect('los_zaak', 'mistake');
SELECT count(*) > 0 AS done FROM casus.unprotect('los_link', 'mistake');
SELECT casus.unprotect('los_zaak', 'mistake');
SELECT count(*) > 0 AS done FROM casus.unprotect('los_document', 'mistake');
SELECT count(*) > 0 AS done FROM casus.unprotect('los_zaak', 'mistake');
DROP OWNED BY link_coord, link_deleg, link_app;
DROP ROLE link_coord, link_deleg, link_app, link_auditor;
RESET client_min_messages;
