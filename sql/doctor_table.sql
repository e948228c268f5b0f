-- casus.doctor(): protected tables and what hangs on them.  Each finding appears with what it names, and goes when it is
-- mended; none shows a value of a row.
\set VERBOSITY terse
\pset format unaligned
\pset footer off
SET client_min_messages = warning;
CREATE ROLE doctort_reader LOGIN;
CREATE VIEW found AS SELECT severity, code, finding, mend FROM casus.doctor() WHERE code IN ('superuser_view', 'materialized', 'open_child', 'look_alike', 'user_trigger',
	'disabled_trigger', 'rule', 'unvalidated_key', 'no_index', 'no_primary_key', 'trigger_right', 'extended_statistics', 'link_table');
CREATE TABLE zaak (id integer PRIMARY KEY, titel text, soort text, gemeld date);
CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, tekst text);
CREATE TABLE adres (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, straat text, postcode text, huisnummer integer);
INSERT INTO zaak VALUES (1, 'GEHEIM', 'soort');
-- What was there before.
CREATE TABLE zaak_oud AS SELECT * FROM zaak;
CREATE VIEW zaken AS SELECT id, titel FROM zaak;
CREATE VIEW zaken_van_zaken AS SELECT id FROM zaken;
CREATE MATERIALIZED VIEW zaken_kopie AS SELECT id FROM zaken_van_zaken;
CREATE STATISTICS zaak_stat ON titel, soort FROM zaak;
CREATE TABLE historie (wat text);
CREATE FUNCTION bewaar() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO historie VALUES (NEW.titel); RETURN NEW; END';
CREATE TRIGGER bewaar AFTER INSERT OR UPDATE ON zaak FOR EACH ROW EXECUTE FUNCTION bewaar();
GRANT SELECT, TRIGGER ON zaak TO doctort_reader;
CREATE TABLE los (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak);
ALTER TABLE los DISABLE TRIGGER ALL;
ALTER TABLE stuk ADD CONSTRAINT zelf FOREIGN KEY (id) REFERENCES stuk NOT VALID;
ALTER TABLE stuk ADD CONSTRAINT weer FOREIGN KEY (zaak_id) REFERENCES zaak NOT VALID;
-- What the server would call by itself, and keeps: nobody would be asked.  From the first file on none is made.  D034 F018
CREATE FUNCTION anders(loid oid DEFAULT 0, data bytea DEFAULT 'x') RETURNS oid LANGUAGE internal VOLATILE STRICT AS 'be_lo_from_bytea';
CREATE FUNCTION om(o oid DEFAULT anders()) RETURNS oid LANGUAGE sql AS 'SELECT o';
CREATE DOMAIN goed AS text CHECK (length(VALUE) > 0 AND set_config('a.b', VALUE, true) IS NOT NULL);
SELECT * FROM casus_int.unasked;
CREATE DOMAIN bewaart AS text CHECK (lo_from_bytea(0, VALUE::bytea) > 0);
CREATE DOMAIN bewaart_anders AS text CHECK (length(VALUE) > 0) CHECK (anders(data => VALUE::bytea) > 0);
CREATE DOMAIN bewaart_om AS text CHECK (om() > 0);
CREATE SEQUENCE los_nummer;
CREATE DOMAIN bewaart_nummer AS bigint DEFAULT setval('los_nummer', 3);
CREATE AGGREGATE bewaar_al(bytea) (SFUNC = lo_from_bytea, STYPE = oid, INITCOND = '0');
CREATE OPERATOR ->@ (LEFTARG = oid, RIGHTARG = bytea, FUNCTION = lo_from_bytea);
SELECT count(*) FROM casus.install_protocol('beesel-2021');
SELECT count(*) FROM casus.open_file('beesel-2021', 'een');
SELECT count(*) FROM casus.activate_protocol('een', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
SELECT severity, finding, mend FROM casus.doctor() WHERE code = 'unasked_function';
SELECT casus.protect('zaak', 'een', opens_dossier => true, category => 'registratie', dry_run => true);
SELECT casus.protect('zaak', 'een', opens_dossier => true, category => 'registratie');
SELECT mend FROM casus.doctor() WHERE code = 'unasked_function' \gexec
SELECT casus.protect('zaak', 'een', opens_dossier => true, category => 'registratie') \g /dev/null
CREATE DOMAIN bewaart AS text CHECK (lo_from_bytea(0, VALUE::bytea) > 0);
CREATE DOMAIN bewaart_om AS text CHECK (om() > 0);
DROP FUNCTION om;
-- One that is named already, and comes to keep what it is given: by a default, of its own or of another's.
CREATE FUNCTION eerst(t text, o oid DEFAULT 0) RETURNS oid LANGUAGE sql AS 'SELECT o';
CREATE FUNCTION dan(t text, o oid DEFAULT eerst('x')) RETURNS oid LANGUAGE sql AS 'SELECT o';
CREATE FUNCTION niemands(t text, o oid DEFAULT 0) RETURNS oid LANGUAGE sql AS 'SELECT o';
CREATE DOMAIN eens AS text CHECK (dan(VALUE) >= 0);
CREATE OR REPLACE FUNCTION eerst(t text, o oid DEFAULT lo_from_bytea(0, 'x')) RETURNS oid LANGUAGE sql AS 'SELECT o';
\echo :LAST_ERROR_SQLSTATE
CREATE OR REPLACE FUNCTION dan(t text, o oid DEFAULT anders()) RETURNS oid LANGUAGE sql AS 'SELECT o';
\echo :LAST_ERROR_SQLSTATE
CREATE OR REPLACE FUNCTION niemands(t text, o oid DEFAULT lo_from_bytea(0, 'x')) RETURNS oid LANGUAGE sql AS 'SELECT o';
CREATE OR REPLACE FUNCTION dan(t text, o oid DEFAULT eerst('y')) RETURNS oid LANGUAGE sql AS 'SELECT o';
SELECT * FROM casus_int.unasked;
SELECT 'x'::eens;
DROP DOMAIN eens;
DROP FUNCTION dan, eerst, niemands;
DROP FUNCTION anders;
SELECT casus.protect('stuk', 'een', via => 'zaak_id', category => 'registratie') \g /dev/null
SELECT casus.protect('los', 'een', via => 'zaak_id', category => 'registratie') \g /dev/null
-- What was made since.
CREATE RULE elders AS ON INSERT TO los WHERE NEW.id < 0 DO INSTEAD NOTHING;
ALTER TABLE los DROP CONSTRAINT los_pkey;
SELECT severity, code, regexp_replace(finding, '_\d+', '_N') AS finding, regexp_replace(mend, '_\d+', '_N') AS mend FROM found;
-- Nothing of a row is in it.
SELECT count(*) FROM casus.doctor() d WHERE d::text LIKE '%GEHEIM%';
-- Mended.
DROP MATERIALIZED VIEW zaken_kopie;
DROP VIEW zaken CASCADE;
DROP TABLE zaak_oud;
DROP STATISTICS zaak_stat;
DROP TRIGGER bewaar ON zaak;
REVOKE TRIGGER ON zaak FROM doctort_reader;
ALTER TABLE stuk VALIDATE CONSTRAINT zelf, VALIDATE CONSTRAINT weer;
CREATE INDEX ON stuk (zaak_id);
CREATE INDEX ON los (zaak_id);
ALTER TABLE los ENABLE TRIGGER ALL;
DROP TABLE adres;
DROP RULE elders ON los;
ALTER TABLE los ADD PRIMARY KEY (id);
SELECT * FROM found;
DROP OWNED BY doctort_reader;
DROP ROLE doctort_reader;
