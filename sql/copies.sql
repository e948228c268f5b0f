-- Copies of a mixed table, made by who names no columns: a temporary one is his own to read, a permanent one is closed.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE copies_app LOGIN;
GRANT CREATE ON SCHEMA public TO copies_app;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond') > 0 AS opened;
SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "vastgesteld"}') > 0 AS active;
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text);
INSERT INTO zaak VALUES (1, 1, 'gewoon'), (2, 8, 'signaal');
GRANT SELECT, INSERT ON zaak TO copies_app;
SELECT count(*) > 2 AS lines FROM casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8',
	category => 'registratie', without_purpose => 'hide');
CALL casus.take_in('zaak', phase => $$'intake'$$);
SELECT count(*) > 2 AS lines FROM casus.bind('zaak', 'enforce');

SET SESSION AUTHORIZATION copies_app;
CREATE TEMP TABLE mijn AS SELECT * FROM zaak;
SELECT id, titel FROM mijn;
SELECT id, titel INTO TEMP mijn_ook FROM zaak;
SELECT id, titel FROM mijn_ook;
CREATE TEMP TABLE mijn_vorm (LIKE zaak INCLUDING ALL);
INSERT INTO mijn_vorm SELECT * FROM zaak;
UPDATE mijn_vorm SET titel = 'anders';
SELECT id, titel FROM mijn_vorm;
ALTER TABLE mijn_vorm DROP COLUMN casus_label;
-- There a label is a value like any other; nothing comes back by it.
UPDATE mijn SET casus_label = '00000000-0000-0001-0000-000100000000';
INSERT INTO zaak SELECT 3, 1, 'derde', casus_label FROM mijn;
INSERT INTO zaak SELECT 3, 1, 'derde' FROM mijn;
SELECT id, titel FROM zaak ORDER BY id;

-- A dump would carry a permanent one along; the hint says how to make it.
CREATE TABLE onze AS SELECT * FROM zaak;
SELECT * FROM onze;
ALTER TABLE onze DROP COLUMN casus_label;
DROP TABLE onze;
CREATE TABLE onze AS SELECT id, titel FROM zaak;
SELECT * FROM onze ORDER BY id;
RESET SESSION AUTHORIZATION;
SELECT DISTINCT relation FROM casus_int.protected;

DROP OWNED BY copies_app;
DROP ROLE copies_app;
