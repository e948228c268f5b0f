-- take_in: labels for the rows that are there, in a database in the shape of Open Zaak.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE takein_app LOGIN;
CREATE ROLE takein_coord LOGIN;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond') > 0 AS ok;
SELECT casus.open_file('beesel-2021', 'tweede') > 0 AS ok;
SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}') > 0 AS ok;
SELECT casus.add_person('Coord', 'takein_coord', oath_on => '2020-01-01') > 0 AS ok;
SELECT casus.appoint('Coord', 'ond', NULL, 'coordinator', reason => 'test') > 0 AS ok;

-- multi-table inheritance, all keys deferrable, '' for nothing
CREATE TABLE zaken_zaakidentificatie (id integer PRIMARY KEY, identificatie varchar(40) NOT NULL);
CREATE TABLE zaken_zaak (identificatie_ptr_id integer PRIMARY KEY REFERENCES zaken_zaakidentificatie DEFERRABLE INITIALLY DEFERRED,
	zaaktype integer NOT NULL, startdatum date NOT NULL, einddatum date, stand text NOT NULL DEFAULT '');
CREATE TABLE zaken_rol (id integer PRIMARY KEY, zaak_id integer NOT NULL REFERENCES zaken_zaak DEFERRABLE INITIALLY DEFERRED, soort text NOT NULL DEFAULT '');
CREATE TABLE zaken_zaakobject (id integer PRIMARY KEY, zaak_id integer NOT NULL REFERENCES zaken_zaak DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE zaken_persoon (id integer PRIMARY KEY, rol_id integer UNIQUE REFERENCES zaken_rol DEFERRABLE INITIALLY DEFERRED,
	zaakobject_id integer UNIQUE REFERENCES zaken_zaakobject DEFERRABLE INITIALLY DEFERRED, naam text NOT NULL);
CREATE TABLE aantekening (id integer PRIMARY KEY, dossier bigint, tekst text);
INSERT INTO zaken_zaakidentificatie SELECT n, 'ZAAK-' || n FROM generate_series(1, 20) n;
INSERT INTO zaken_zaak SELECT n, CASE WHEN n % 5 = 0 THEN 8 WHEN n = 7 THEN 9 ELSE 1 END, date '2023-01-01' + n,
	CASE WHEN n IN (10, 15) THEN date '2024-03-01' END, CASE n WHEN 20 THEN 'onzin' ELSE '' END FROM generate_series(1, 20) n;
INSERT INTO zaken_rol SELECT n, n, CASE n WHEN 10 THEN 'x' ELSE '' END FROM generate_series(1, 20) n;
INSERT INTO zaken_zaakobject SELECT n, n FROM generate_series(1, 20) n;
INSERT INTO zaken_persoon SELECT n, CASE WHEN n <= 10 THEN n END, CASE WHEN n > 10 AND n < 20 THEN n END, 'naam ' || n FROM generate_series(1, 20) n;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO takein_app, takein_coord;

SELECT count(*) FROM casus.protect('zaken_zaak', 'ond', opens_dossier => true, governs => 'zaaktype = 8');
SELECT count(*) FROM casus.protect('zaken_zaak', 'tweede', opens_dossier => true, governs => 'zaaktype = 9');
SELECT count(*) FROM casus.protect('zaken_zaakidentificatie', 'ond', via_child => 'zaken_zaak.identificatie_ptr_id');
SELECT count(*) FROM casus.protect('zaken_rol', 'ond', via => 'zaak_id', subject_category_column => 'soort',
	subject_category_map => '{"b": "subject"}');
SELECT count(*) FROM casus.protect('zaken_zaakobject', 'ond', via => 'zaak_id');
SELECT count(*) FROM casus.protect('zaken_persoon', 'ond', via => ARRAY['rol_id', 'zaakobject_id'],
	category => 'personalia', subject_category => 'subject');
SELECT count(*) FROM casus.protect('aantekening', 'ond', dossier => 'dossier', category => 'signaalomschrijving');
SET client_min_messages = notice;

-- outside a transaction block, by the owner, on a protected table, with expressions that hold
BEGIN; CALL casus.take_in('zaken_zaak'); ROLLBACK;
CALL casus.take_in('pg_class');
CALL casus.take_in('zaken_zaak', batch_size => 0);
CALL casus.take_in('zaken_zaak', phase => 'onzin');
CALL casus.take_in('zaken_zaak', opened => 'zaaktype');
CALL casus.take_in('zaken_zaak', phase => '(SELECT 1)::text');
CALL casus.take_in('zaken_rol', phase => $$'intake'$$);
-- children first: nothing to do yet, and it is said why, also of a parent's parent
CALL casus.take_in('zaken_rol');
CALL casus.take_in('zaken_persoon');
-- nor what is labelled by the rows that point to it
CALL casus.take_in('zaken_zaakidentificatie');
-- phases and dates from the columns; what names no phase stays behind
CALL casus.take_in('zaken_zaak', batch_size => 2, opened => 'startdatum', closed => 'einddatum',
	phase => $$CASE WHEN stand <> '' THEN stand WHEN zaaktype = 9 THEN 'intake' WHEN einddatum IS NOT NULL THEN 'afsluiten' ELSE 'overleg' END$$);
SELECT casus.bind('zaken_zaak', 'enforce');
-- nor is that bound whose child, which labels it, is not
SELECT casus.bind('zaken_zaakidentificatie', 'enforce');
-- again, with another answer for the row that stayed behind
CALL casus.take_in('zaken_zaak', opened => 'startdatum', closed => 'einddatum', phase => $$'regie'$$);
CALL casus.take_in('zaken_zaak');
CALL casus.take_in('zaken_zaakidentificatie');
CALL casus.take_in('zaken_rol');
UPDATE zaken_rol SET soort = 'b' WHERE id = 10;
CALL casus.take_in('zaken_rol');
SELECT casus.bind('zaken_rol', 'enforce');
UPDATE zaken_rol SET soort = '' WHERE id = 10;
CALL casus.take_in('zaken_rol');
CALL casus.take_in('zaken_zaakobject');
CALL casus.take_in('zaken_persoon', batch_size => 1);
SELECT identificatie_ptr_id FROM zaken_zaak WHERE casus.dossier_of(casus_label) IS NOT NULL ORDER BY 1;
SELECT z.identificatie_ptr_id, i.casus_label = z.casus_label AS identificatie, casus.dossier_of(r.casus_label) = casus.dossier_of(z.casus_label) AS rol,
	casus.dossier_of(o.casus_label) = casus.dossier_of(z.casus_label) AS object, casus.dossier_of(p.casus_label) = casus.dossier_of(z.casus_label) AS persoon
	FROM zaken_zaak z JOIN zaken_zaakidentificatie i ON i.id = identificatie_ptr_id JOIN zaken_rol r ON r.zaak_id = identificatie_ptr_id
	JOIN zaken_zaakobject o ON o.zaak_id = identificatie_ptr_id LEFT JOIN zaken_persoon p ON p.rol_id = r.id OR p.zaakobject_id = o.id
	WHERE casus.dossier_of(z.casus_label) IS NOT NULL ORDER BY 1;

SELECT casus.bind('zaken_persoon', 'enforce');
SELECT count(*) FROM casus.bind('zaken_zaak', 'enforce');
SELECT count(*) FROM casus.bind('zaken_zaakidentificatie', 'enforce');
SELECT count(*) FROM casus.bind('zaken_rol', 'enforce');
SELECT count(*) FROM casus.bind('zaken_zaakobject', 'enforce');
SELECT count(*) FROM casus.bind('zaken_persoon', 'enforce');
SELECT count(*) FROM casus.bind('aantekening', 'enforce');

SET ROLE takein_app;
SELECT count(*) FROM zaken_zaak;
SELECT count(*) FROM zaken_zaakidentificatie;
SELECT count(*) FROM zaken_rol;
SELECT count(*) FROM zaken_persoon;
-- Django: parent table first, then the rest, keys checked at commit
BEGIN;
INSERT INTO zaken_persoon VALUES (30, 30, NULL, 'naam');
INSERT INTO zaken_rol VALUES (30, 30);
INSERT INTO zaken_zaakidentificatie VALUES (30, 'ZAAK-30');
INSERT INTO zaken_zaak VALUES (30, 1, '2026-01-01');
COMMIT;
SELECT naam FROM zaken_persoon WHERE id = 30;
RESET ROLE;
SET ROLE takein_coord;
BEGIN; SELECT casus.enter('intake', file => 'ond');
INSERT INTO zaken_persoon VALUES (31, 31, NULL, 'naam');
INSERT INTO zaken_rol VALUES (31, 31);
INSERT INTO zaken_zaakidentificatie VALUES (31, 'ZAAK-31');
INSERT INTO zaken_zaak VALUES (31, 8, '2026-01-01') RETURNING identificatie_ptr_id;
SELECT naam FROM zaken_persoon WHERE id = 31;
COMMIT;
SELECT count(*) FROM zaken_persoon WHERE id = 31;
SELECT id FROM zaken_zaakidentificatie WHERE id = 31;
SELECT id FROM zaken_persoon WHERE id = 31;
BEGIN; SELECT casus.enter('intake', file => 'ond');
SELECT i.identificatie, i.casus_label = z.casus_label AS same, casus.dossier_of(p.casus_label) = casus.dossier_of(z.casus_label) AS person
	FROM zaken_zaak z JOIN zaken_zaakidentificatie i ON i.id = identificatie_ptr_id JOIN zaken_rol r ON r.zaak_id = 31 JOIN zaken_persoon p ON p.rol_id = r.id WHERE identificatie_ptr_id = 31;
-- a dossier opened by act takes the next row as its own; a note goes in by the dossier's id
SELECT casus.open_dossier('ond') AS d \gset
COMMIT;
-- the other way about in one transaction: nothing comes of it
BEGIN;
INSERT INTO zaken_persoon VALUES (40, 40, NULL, 'naam');
INSERT INTO zaken_rol VALUES (40, 40);
COMMIT;
BEGIN; SELECT casus.enter('intake', dossier => :d);
INSERT INTO zaken_zaakidentificatie VALUES (32, 'ZAAK-32');
INSERT INTO zaken_zaak VALUES (32, 8, '2026-01-01') RETURNING casus.dossier_of(casus_label) = :d AS attached;
INSERT INTO aantekening VALUES (1, :d, 'notitie') RETURNING casus.dossier_of(casus_label) = :d AS noted;
SAVEPOINT s; INSERT INTO aantekening VALUES (2, 999999, 'notitie'); ROLLBACK TO s;
SAVEPOINT s; INSERT INTO aantekening VALUES (2, NULL, 'notitie'); ROLLBACK TO s;
COMMIT;
RESET ROLE;

-- observe: labels, filters nothing
CREATE TABLE proef (id integer PRIMARY KEY, zaak_id integer REFERENCES zaken_zaak);
GRANT ALL ON proef TO takein_app;
SELECT count(*) FROM casus.protect('proef', 'ond', via => 'zaak_id');
SELECT count(*) FROM casus.bind('proef', 'observe');
SET ROLE takein_app;
INSERT INTO proef VALUES (1, 1), (2, 5);
SELECT id, casus.label_text(casus_label) IS NULL AS unlabelled FROM proef ORDER BY id;
RESET ROLE;
CALL casus.take_in('proef');
SELECT count(*) FROM casus.bind('proef', 'enforce');
SET ROLE takein_app;
SELECT id FROM proef;
RESET ROLE;
-- Registered wrongly and not bound yet: the way back takes its dossiers along.
CREATE TABLE vergist (id integer PRIMARY KEY);
INSERT INTO vergist SELECT generate_series(1, 3);
SELECT count(*) FROM casus.protect('vergist', 'tweede', opens_dossier => true, category => 'registratie');
CALL casus.take_in('vergist');
SELECT count(*) FROM casus.bind('vergist', 'observe');
-- But not while rows of another table are in them: nobody could read those any more.
CREATE TABLE vergist_historie (id integer PRIMARY KEY, dossier bigint);
INSERT INTO vergist_historie SELECT id, casus.dossier_of(casus_label) FROM vergist WHERE id < 3;
SELECT count(*) FROM casus.protect('vergist_historie', 'tweede', dossier => 'dossier', category => 'registratie');
CALL casus.take_in('vergist_historie');
SELECT casus.unprotect('vergist', 'wrong category');
SELECT count(*) > 0 AS done FROM casus.unprotect('vergist_historie', 'first');
DROP TABLE vergist_historie;
SELECT count(*) > 0 AS done FROM casus.unprotect('vergist', 'wrong category');
SELECT count(*) FROM casus.protect('vergist', 'tweede', opens_dossier => true, category => 'signaalomschrijving');
CALL casus.take_in('vergist');
SELECT count(*) FROM casus.bind('vergist', 'enforce');
SELECT count(*) FROM casus.unprotect('vergist', 'too late');
SELECT casus.activate_protocol('tweede', 'DPIA', '{"startdatum": "2021-12-14", "standaarden": []}') > 0 AS ok;
SELECT casus.appoint('Coord', 'tweede', NULL, 'coordinator') > 0 AS ok;
SET SESSION AUTHORIZATION takein_coord;
SELECT count(*) FROM casus.dossier WHERE file = 'tweede';
RESET SESSION AUTHORIZATION;
-- Each call is on record before it begins, and each batch with its rows: also when the next one fails.
CREATE ROLE takein_auditor IN ROLE casus_auditor;
CREATE TABLE half (id integer PRIMARY KEY);
CREATE TABLE half_kind (id integer PRIMARY KEY, half_id integer NOT NULL REFERENCES half);
INSERT INTO half SELECT generate_series(1, 5);
INSERT INTO half_kind SELECT n, n FROM generate_series(1, 3) n;
SELECT count(*) > 0 AS done FROM casus.protect('half', 'tweede', opens_dossier => true, category => 'registratie');
SELECT count(*) > 0 AS done FROM casus.protect('half_kind', 'tweede', via => 'half_id', category => 'registratie');
SET client_min_messages = error;
CALL casus.take_in('half', 0);
CALL casus.take_in('half', 2, opened => $$CASE WHEN 1 / (id - 5) < 1 THEN timestamptz '2026-01-01' END$$);
CALL casus.take_in('half_kind', 2);
SELECT count(casus_label) FROM half;
SET SESSION AUTHORIZATION takein_auditor;
SELECT kind, relation, text FROM casus.access_log WHERE relation ~ 'half' AND text ~ 'take_in' ORDER BY seq;
RESET SESSION AUTHORIZATION;
DROP OWNED BY takein_app, takein_coord;
DROP ROLE takein_app, takein_coord, takein_auditor;
