-- What comes to a protected table as a part of it, or is put above it: by its bounds it tells nothing of hidden rows, and
-- it brings no code to them, but in maintenance; what looks at them from above does not come at all.  [A090, B010; E: DDL as a guess]
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/code.sql'
\i :fixture
CREATE ROLE parts_owner LOGIN;
CREATE ROLE parts_coord LOGIN;
GRANT CREATE ON SCHEMA public TO parts_owner, parts_coord;
\o /dev/null
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond');
SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
SELECT casus.add_person('Coord', 'parts_coord', oath_on => '2020-01-01');
SELECT casus.appoint('Coord', 'ond', NULL, 'coordinator', reason => 'test');
SET ROLE parts_owner;
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text);
CREATE TABLE notitie (id integer, wijk integer, zaak_id integer REFERENCES zaak, tekst text, PRIMARY KEY (id, wijk)) PARTITION BY LIST (wijk);
CREATE TABLE notitie_1 PARTITION OF notitie FOR VALUES IN (1);
CREATE TABLE notitie_rest PARTITION OF notitie DEFAULT PARTITION BY LIST (wijk);
CREATE TABLE notitie_rest_7 PARTITION OF notitie_rest FOR VALUES IN (7, 42);
CREATE TABLE notitie_rest_rest PARTITION OF notitie_rest DEFAULT;
CREATE TABLE stuk (id integer PRIMARY KEY, dossier bigint, tekst text);
GRANT SELECT, INSERT ON notitie TO parts_coord;
-- It is given values, and says so.
CREATE FUNCTION zag(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE WARNING 'seen: %', $1; RETURN true; END$$;
CREATE FUNCTION zag() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'seen: %', NEW.tekst; RETURN NEW; END$$;
RESET ROLE;
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
INSERT INTO zaak VALUES (1, 8, 'een'), (3, 1, 'buiten');
INSERT INTO notitie VALUES (1, 1, 1, 'een'), (2, 42, 1, 'verborgen'), (3, 7, 3, 'buiten');
SELECT casus.protect('notitie', 'ond', via => 'zaak_id', category => 'signaalomschrijving');
SELECT casus.protect('stuk', 'ond', dossier => 'dossier', category => 'signaalomschrijving');
CALL casus.take_in('zaak');
CALL casus.take_in('notitie');
SELECT casus.bind(t, 'enforce') FROM unnest('{zaak,notitie,stuk}'::regclass[]) t;
\o

-- Beside a default partition: the same answer for a key that a hidden row has, one that an open row has, and one that none has.
CREATE TABLE tried (n serial, sql text);
INSERT INTO tried (sql) VALUES
	('CREATE TABLE nieuw PARTITION OF notitie FOR VALUES IN (42)'),
	('CREATE TABLE nieuw PARTITION OF notitie FOR VALUES IN (43)'),
	('CREATE TABLE nieuw PARTITION OF notitie FOR VALUES IN (7)'),
	('ALTER TABLE notitie ATTACH PARTITION apart FOR VALUES IN (42)'),
	('ALTER TABLE notitie ATTACH PARTITION apart FOR VALUES IN (43)');
GRANT SELECT ON tried TO PUBLIC;
SET ROLE parts_owner;
CREATE TABLE apart (id integer NOT NULL, wijk integer NOT NULL, zaak_id integer, tekst text, casus_label casus.label);
SELECT sql, regexp_replace(code(sql), '^.*art. 12.1: ', '') AS answer FROM tried ORDER BY n;
RESET ROLE;
SELECT sql, regexp_replace(code(sql), '^.*art. 12.1: ', '') AS answer FROM tried ORDER BY n;
-- one without room for rows: how large a table is, everybody may know
SET ROLE parts_owner;
CREATE TABLE notitie_rest_50 PARTITION OF notitie_rest FOR VALUES IN (50);
DROP TABLE apart;
-- who does not own it: the server's answer
RESET ROLE;
SET ROLE parts_coord;
SELECT code('CREATE TABLE nieuw PARTITION OF notitie FOR VALUES IN (42)');
RESET ROLE;
-- in maintenance it fails or not, on record
BEGIN;
SELECT casus.maintenance('notitie', 'wijk 42 apart') > now() AS open;
SELECT sql, regexp_replace(code(sql), '^.*art. 12.1: ', '') AS answer FROM tried WHERE n < 3 ORDER BY n;
ROLLBACK;
SELECT FROM casus.maintenance('notitie', 'klaar', '0');

-- One that left in maintenance, and is tried against bounds.
SELECT casus.maintenance('notitie', 'deel weg') > now() AS open;
ALTER TABLE notitie DETACH PARTITION notitie_rest;
SELECT FROM casus.maintenance('notitie', 'klaar', '0');
SET ROLE parts_owner;
SELECT code('ALTER TABLE notitie ATTACH PARTITION notitie_rest FOR VALUES IN (7, 42)') AS guessed, code('ALTER TABLE notitie ATTACH PARTITION notitie_rest FOR VALUES IN (7, 43)') AS wrong;
RESET ROLE;
SELECT casus.maintenance('notitie', 'deel terug') > now() AS open;
ALTER TABLE notitie ATTACH PARTITION notitie_rest FOR VALUES IN (7, 42, 50, 60, 61, 62);
SELECT FROM casus.maintenance('notitie', 'klaar', '0');

-- Code of its own: what casus.protect refuses of a table is refused of a part, the rest asks for maintenance.
SET ROLE parts_owner;
SELECT code('CREATE TABLE nieuw PARTITION OF notitie (CHECK (zag(tekst))) FOR VALUES IN (80)') AS condition,
	code('CREATE TABLE nieuw PARTITION OF notitie (tekst DEFAULT zag(''x'')::text) FOR VALUES IN (80)') AS own_default,
	code('CREATE TABLE notitie_80 PARTITION OF notitie (tekst DEFAULT upper(''x'')) FOR VALUES IN (80)') AS built_in;
CREATE FUNCTION attach(made text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	CREATE TABLE apart (id integer NOT NULL, wijk integer NOT NULL, zaak_id integer, tekst text);
	EXECUTE made;
	ALTER TABLE apart ADD COLUMN casus_label casus.label;
	answer := code('ALTER TABLE notitie ATTACH PARTITION apart FOR VALUES IN (81)');
	RAISE 'undo' USING ERRCODE = 'ZZ999';
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	RETURN regexp_replace(answer, '^.*(art. 12.1: | protected . )', '');
END $$;
SELECT made, attach(made) FROM (VALUES
	('CREATE INDEX ON apart (zag(tekst))'),
	('CREATE STATISTICS parts_st ON (zag(tekst)), wijk FROM apart'),
	('CREATE TRIGGER "~zz" BEFORE INSERT ON apart FOR EACH ROW EXECUTE FUNCTION zag()'),
	('ALTER TABLE apart ADD EXCLUDE USING btree (tekst WITH =)'),
	('CREATE TRIGGER zag BEFORE INSERT ON apart FOR EACH ROW EXECUTE FUNCTION zag()'),
	('CREATE TRIGGER zag AFTER INSERT ON apart FOR EACH ROW EXECUTE FUNCTION zag()'),
	('CREATE POLICY zag ON apart USING (zag(tekst))'),
	('CREATE RULE zag AS ON INSERT TO apart DO ALSO SELECT zag(NEW.tekst)'),
	('ALTER TABLE apart ALTER tekst SET DEFAULT zag(''x'')::text'),
	('CREATE INDEX ON apart (tekst)'),
	('ALTER TABLE apart ADD CHECK (tekst <> '''')')) v(made);
-- an index of a part becomes one of the whole
CREATE INDEX notitie_tekst ON ONLY notitie (tekst);
CREATE INDEX notitie_1_tekst ON notitie_1 (tekst);
ALTER INDEX notitie_tekst ATTACH PARTITION notitie_1_tekst;
RESET ROLE;

-- Above it: a table that is not protected, whose statistics and conditions would be those of the rows below.
SELECT casus.maintenance(t, 'eronder') > now() AS open FROM unnest('{notitie,stuk}'::regclass[]) t;
CREATE TABLE boven (id integer NOT NULL, dossier bigint, tekst text);
CREATE TABLE boven_delen (id integer NOT NULL, wijk integer NOT NULL, zaak_id integer, tekst text, casus_label casus.label) PARTITION BY LIST (wijk);
SELECT code('ALTER TABLE stuk INHERIT boven') AS inherits, code('ALTER TABLE boven_delen ATTACH PARTITION notitie DEFAULT') AS attached,
	code('CREATE TABLE twee (PRIMARY KEY (id)) INHERITS (stuk, boven)') AS made;
CREATE TABLE onder (tekst text, PRIMARY KEY (id)) INHERITS (boven);
ALTER TABLE onder ADD COLUMN casus_label casus.label;
SELECT code('ALTER TABLE onder INHERIT stuk') AS of_two;
CREATE TABLE kind (PRIMARY KEY (id)) INHERITS (stuk);
SELECT code('ALTER TABLE kind INHERIT boven') AS a_part;
SELECT casus.maintenance(t, 'klaar', '0') IS NOT NULL AS closed FROM unnest('{notitie,stuk}'::regclass[]) t;
-- nor before it is bound
CREATE TABLE later (id integer PRIMARY KEY, dossier bigint, tekst text);
SELECT count(*) > 0 AS done FROM casus.protect('later', 'ond', dossier => 'dossier', category => 'signaalomschrijving');
ALTER TABLE later INHERIT boven;
SELECT code($$SELECT casus.bind('later', 'enforce')$$);
ALTER TABLE later NO INHERIT boven;
SELECT code($$SELECT casus.bind('later', 'enforce')$$);

-- Nothing was seen, of what the coordinator writes either.
SET SESSION AUTHORIZATION parts_coord;
BEGIN; SELECT FROM casus.enter('intake');
INSERT INTO notitie VALUES (4, 1, 1, 'nieuw');
COMMIT;
RESET SESSION AUTHORIZATION;
