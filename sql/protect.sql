-- protect, bind, unprotect: what is refused, and what is left behind.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE protect_owner LOGIN;
CREATE ROLE protect_admin LOGIN IN ROLE casus_admin;
GRANT CREATE ON SCHEMA public TO protect_owner, protect_admin;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond') > 0 AS opened;
SELECT casus.open_file('beesel-2021', 'tweede') > 0 AS opened;

CREATE TABLE zaak (id integer PRIMARY KEY, soort integer, titel text, dubbel integer GENERATED ALWAYS AS (soort * 2) STORED);
CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, ander_id integer, vorige_id integer REFERENCES stuk);
CREATE TABLE zonder (id integer, zaak_id integer REFERENCES zaak);
CREATE TABLE partities (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE ouder (id integer PRIMARY KEY);
CREATE TABLE kind (PRIMARY KEY (id)) INHERITS (ouder);
CREATE TEMP TABLE tijdelijk (id integer PRIMARY KEY);
CREATE VIEW kijk AS SELECT * FROM zaak;
CREATE TABLE eigen (id integer PRIMARY KEY, casus_label text);
CREATE TABLE laat (id integer PRIMARY KEY);
CREATE FUNCTION niets() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION evil(integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE TRIGGER "~~later" BEFORE INSERT ON laat FOR EACH ROW EXECUTE FUNCTION niets();
INSERT INTO zaak (id, soort, titel) VALUES (1, 1, 'een'), (2, 8, 'twee');

-- who may: casus_admin and owner
SET ROLE protect_owner;
SELECT casus.protect('zaak', 'ond', opens_dossier => true);
RESET ROLE;
SET ROLE protect_admin;
SELECT casus.protect('zaak', 'ond', opens_dossier => true);
RESET ROLE;
-- tables that cannot be
SELECT casus.protect('zonder', 'ond', via => 'zaak_id');
SELECT casus.protect('kind', 'ond', opens_dossier => true);
SELECT casus.protect('tijdelijk', 'ond', opens_dossier => true);
SELECT casus.protect('kijk', 'ond', opens_dossier => true);
SELECT casus.protect('pg_catalog.pg_class', 'ond', opens_dossier => true);
SELECT casus.protect('casus_cat.act', 'ond', opens_dossier => true);
SELECT casus.protect('eigen', 'ond', opens_dossier => true);
SELECT casus.protect('laat', 'ond', opens_dossier => true);
-- user code that REINDEX, ANALYZE or a rewrite would run over every row; what comes with an extension may stay
CREATE TABLE eigenwijs (id integer PRIMARY KEY, soort integer, titel text);
CREATE FUNCTION evil_cmp(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2';
CREATE OPERATOR CLASS evil_ops FOR TYPE integer USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 evil_cmp(integer, integer);
CREATE INDEX eigenwijs_uitdrukking ON eigenwijs (evil(soort));
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
DROP INDEX eigenwijs_uitdrukking;
CREATE INDEX eigenwijs_deel ON eigenwijs (soort) WHERE evil(soort);
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
DROP INDEX eigenwijs_deel;
CREATE INDEX eigenwijs_klasse ON eigenwijs (soort evil_ops);
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
DROP INDEX eigenwijs_klasse;
ALTER TABLE eigenwijs ADD CONSTRAINT eigenwijs_soort CHECK (evil(soort));
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
ALTER TABLE eigenwijs DROP CONSTRAINT eigenwijs_soort, ADD dubbel boolean GENERATED ALWAYS AS (evil(soort)) STORED;
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
ALTER TABLE eigenwijs DROP COLUMN dubbel;
CREATE STATISTICS eigenwijs_telling ON evil(soort), soort FROM eigenwijs;
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
DROP STATISTICS eigenwijs_telling;
CREATE FUNCTION evil_diff(text, text) RETURNS double precision LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''% %'', $1, $2; RETURN 1; END';
CREATE TYPE evil_range AS RANGE (subtype = text, subtype_diff = evil_diff);
CREATE TYPE evil_order AS RANGE (subtype = integer, subtype_opclass = evil_ops);
CREATE TYPE evil_row AS (a integer, b evil_range[]);
CREATE DOMAIN evil_domain AS evil_multirange;
CREATE TYPE evil_color AS ENUM ('rood', 'blauw');
CREATE FUNCTION evil_color_cmp(evil_color, evil_color) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''% %'', $1, $2; RETURN 0; END';
CREATE FUNCTION evil_color_eq(evil_color, evil_color) RETURNS boolean LANGUAGE internal IMMUTABLE AS 'enum_eq';
CREATE OPERATOR = (LEFTARG = evil_color, RIGHTARG = evil_color, FUNCTION = evil_color_eq);
CREATE OPERATOR CLASS evil_color_ops DEFAULT FOR TYPE evil_color USING btree AS OPERATOR 3 =, FUNCTION 1 evil_color_cmp(evil_color, evil_color);
CREATE TYPE own_range AS RANGE (subtype = text);
ALTER TABLE eigenwijs ADD van own_range, ADD kleur own_multirange;
SELECT count(*) > 0 AS may FROM casus.protect('eigenwijs', 'ond', opens_dossier => true, category => 'registratie', dry_run => true);
ALTER TABLE eigenwijs ADD eigen evil_range;
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
ALTER TABLE eigenwijs DROP eigen, ADD eigen evil_row[];
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
ALTER TABLE eigenwijs DROP eigen, ADD eigen evil_domain;
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
ALTER TABLE eigenwijs DROP eigen, ADD eigen evil_order;
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
ALTER TABLE eigenwijs DROP eigen, ADD eigen evil_color;
SELECT casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
ALTER TABLE eigenwijs DROP eigen;
CREATE EXTENSION pg_trgm;
CREATE INDEX eigenwijs_trgm ON eigenwijs USING gin (titel gin_trgm_ops);
CREATE INDEX eigenwijs_lower ON eigenwijs (lower(titel)) WHERE soort > 1;
ALTER TABLE eigenwijs ADD CHECK (soort > 0);
SELECT count(*) > 1 AS may FROM casus.protect('eigenwijs', 'ond', opens_dossier => true, dry_run => true);
DROP TABLE eigenwijs;
-- names that are not known
SELECT casus.protect('zaak', 'nergens', opens_dossier => true);
SELECT casus.protect('zaak', 'ond');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, via => 'id');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, category => 'onzin');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, category_column => 'Soort');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, category_column => 'soort', category_map => '{"1": "onzin"}');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, category_column => 'soort', category_map => '[1]');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, category_map => '{"1": "registratie"}');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, originator => 'onzin');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, subject_category => 'onzin');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, columns => '{"onzin": "personalia"}');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, columns => '{"titel": "onzin"}');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, item => 'onzin');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, without_purpose => 'onzin');
SELECT casus.protect('zaak', 'ond', dossier => 'soort');
SELECT casus.protect('zaak', 'ond', via_child => 'onzin');
SELECT casus.protect('zaak', 'ond', via_child => 'onzin.id');
SELECT casus.protect('zaak', 'ond', via_child => 'stuk.ander_id');
SELECT casus.protect('stuk', 'ond', via => 'zaak_id');
SELECT casus.protect('stuk', 'ond', via => 'ander_id');
SELECT casus.protect('stuk', 'ond', via => 'vorige_id');
SELECT casus.protect('stuk', 'ond', via_link => 'stuk');
CREATE ROLE protect_publisher;
SET client_min_messages = error;
CREATE PUBLICATION uit FOR TABLE stuk;
SET client_min_messages = warning;
ALTER PUBLICATION uit OWNER TO protect_publisher;
SELECT casus.protect('stuk', 'ond', dossier => 'id', category => 'registratie');
DROP PUBLICATION uit;
DROP ROLE protect_publisher;
SELECT casus.protect('stuk', 'ond', resolve => 'now()');
-- predicates: built-in functions over the row's own columns
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'onzin = 1');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort +');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'true; drop table zaak');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'true FROM pg_class');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'true and');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'EXISTS (SELECT 1)');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'public.evil(soort)');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'evil(soort)');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'random() > 0.5');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => $$titel::date > '2024-01-01'$$);
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => $$now() > '2024-01-01'$$);
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'dubbel = 16');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'count(*) > 1');
-- nothing has changed
SELECT count(*) FROM pg_seclabel WHERE provider = 'casus';
SELECT count(*) FROM pg_attribute WHERE attname = 'casus_label' AND attrelid IN ('zaak'::regclass, 'stuk'::regclass);

-- an operator of the caller's own does not get in
CREATE SCHEMA aanval;
CREATE FUNCTION aanval.eq(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR aanval.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = aanval.eq);
SET search_path = aanval, pg_catalog, public;
SELECT regexp_replace(l, '"installation":"[-0-9a-f]*"', '"installation":...') AS line FROM casus.protect('public.zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie', dry_run => true) l;
SELECT count(*) FROM pg_seclabel WHERE provider = 'casus';
SELECT count(*) FROM casus.protect('public.zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
RESET search_path;
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 9');
SELECT casus.protect('zaak', 'tweede', opens_dossier => true);
SELECT count(*) FROM casus.protect('zaak', 'tweede', opens_dossier => true, governs => 'soort = 9');
SELECT count(*) FROM casus.protect('stuk', 'ond', via => 'zaak_id');
-- a circle
ALTER TABLE zaak ADD COLUMN hoofdstuk integer;
ALTER TABLE zaak ADD FOREIGN KEY (hoofdstuk) REFERENCES stuk;
CREATE TABLE cirkel_a (id integer PRIMARY KEY, stuk_id integer REFERENCES stuk);
ALTER TABLE stuk ADD COLUMN cirkel_id integer REFERENCES cirkel_a;
SELECT count(*) FROM casus.protect('cirkel_a', 'ond', via => 'stuk_id');
SELECT count(*) FROM casus.protect('stuk', 'tweede', via => 'cirkel_id');

-- labels by hand
SECURITY LABEL FOR casus ON TABLE zaak IS NULL;
SECURITY LABEL FOR casus ON TABLE zaak IS '{}';
SECURITY LABEL FOR casus ON TABLE laat IS 'not json';
SECURITY LABEL FOR casus ON TABLE laat IS '{"mode": "enforce"}';
SECURITY LABEL FOR casus ON COLUMN laat.id IS '{}';
SECURITY LABEL FOR casus ON SCHEMA public IS 'x';

-- names of every kind follow a rename
CREATE SCHEMA "Sch""ema";
CREATE TABLE "Sch""ema"."Zaak ""x"" met een naam die zo lang is als een naam maar zijn kan" ("Id" integer PRIMARY KEY, "So'ort" text);
SELECT count(*) FROM casus.protect($$"Sch""ema"."Zaak ""x"" met een naam die zo lang is als een naam maar zijn kan"$$, 'ond',
	opens_dossier => true, governs => $$"So'ort" = 'a''b'$$, subject_column => 'Id');
CREATE TABLE "Sch""ema"."Kind" ("ID" integer PRIMARY KEY, "Zaak, {Id}" integer REFERENCES "Sch""ema"."Zaak ""x"" met een naam die zo lang is als een naam maar zijn kan");
SELECT count(*) FROM casus.protect($$"Sch""ema"."Kind"$$, 'ond', via => ARRAY['Zaak, {Id}']);
ALTER TABLE "Sch""ema"."Zaak ""x"" met een naam die zo lang is als een naam maar zijn kan" RENAME TO z;
ALTER TABLE "Sch""ema".z RENAME "So'ort" TO s;
ALTER TABLE "Sch""ema"."Kind" RENAME "Zaak, {Id}" TO zaak_id;
INSERT INTO "Sch""ema".z VALUES (1, 'a''b'), (2, 'c');
INSERT INTO "Sch""ema"."Kind" VALUES (1, 1), (2, 2);
CALL casus.take_in($$"Sch""ema".z$$);
CALL casus.take_in($$"Sch""ema"."Kind"$$);
SELECT count(*) FROM casus.bind($$"Sch""ema".z$$, 'enforce');
SELECT count(*) FROM casus.bind($$"Sch""ema"."Kind"$$, 'enforce');
SELECT "Id" FROM "Sch""ema".z;
SELECT "ID" FROM "Sch""ema"."Kind";

-- bind and back
SELECT casus.bind('zaak', 'onzin');
SELECT casus.bind('laat', 'enforce');
SELECT casus.bind('zaak', 'enforce');
SELECT * FROM casus.bind('zaak', 'observe');
DELETE FROM zaak WHERE soort = 8;
SELECT * FROM casus.bind('zaak', 'enforce');
SELECT casus.bind('zaak', 'observe');
SELECT polname, polpermissive FROM pg_policy WHERE polrelid = 'zaak'::regclass ORDER BY 1;
SELECT casus.unprotect('zaak', '');
SELECT casus.unprotect('zaak', 'no longer');
SELECT casus.unprotect($$"Sch""ema"."Kind"$$, 'still governed');
SELECT * FROM casus.unprotect('cirkel_a', 'test');
SELECT * FROM casus.unprotect('stuk', 'test');
SELECT * FROM casus.unprotect('zaak', 'test');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'zaak'::regclass;
SELECT count(*) FROM pg_policy WHERE polrelid = 'zaak'::regclass;
SELECT count(*) FROM pg_seclabel WHERE provider = 'casus' AND objoid IN ('zaak'::regclass, 'stuk'::regclass, 'cirkel_a'::regclass);
SELECT * FROM zaak;
-- a table with row security of its own keeps its policies
CREATE TABLE afgeschermd (id integer PRIMARY KEY, wie name);
ALTER TABLE afgeschermd ENABLE ROW LEVEL SECURITY;
CREATE POLICY eigen ON afgeschermd USING (wie = current_user);
SELECT count(*) FROM casus.protect('afgeschermd', 'ond', opens_dossier => true, governs => 'id > 100');
SELECT count(*) FROM casus.bind('afgeschermd', 'enforce');
SELECT polname, polpermissive FROM pg_policy WHERE polrelid = 'afgeschermd'::regclass ORDER BY 1;
SELECT count(*) FROM casus.unprotect('afgeschermd', 'test');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'afgeschermd'::regclass;
SELECT polname, polpermissive FROM pg_policy WHERE polrelid = 'afgeschermd'::regclass ORDER BY 1;
-- a column that the settings name stays; if it went before, it is closed, not open
CREATE TABLE los (id integer PRIMARY KEY, wat integer, soort text);
SELECT count(*) FROM casus.protect('los', 'ond', opens_dossier => true, governs => 'wat = 1', category_column => 'soort');
SELECT count(*) FROM casus.bind('los', 'enforce');
INSERT INTO los VALUES (1, 2, '') RETURNING id;
ALTER TABLE los DROP COLUMN soort;
CREATE TABLE los2 (id integer PRIMARY KEY, wat integer, soort text);
SELECT count(*) FROM casus.protect('los2', 'ond', opens_dossier => true, governs => 'wat = 1', category_column => 'soort');
ALTER TABLE los2 DROP COLUMN soort;
SELECT count(*) FROM casus.bind('los2', 'enforce');
INSERT INTO los2 (id, wat) VALUES (2, 2);
\c - postgres
DROP OWNED BY protect_owner, protect_admin;
DROP ROLE protect_owner, protect_admin;
