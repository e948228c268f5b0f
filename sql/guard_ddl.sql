/*
 * guard_ddl: commands on a protected table come from a list of what is
 * harmless; the rest needs casus.maintenance, and what unfences or uncovers
 * the table is refused even then.
 */
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE guard_ddl_owner;
CREATE ROLE guard_ddl_coord;
\getenv source PG_ABS_SRCDIR
\set tells message
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
\set coordinator guard_ddl_coord
\set fixture :source '/test/fixtures/zorg.sql'
\i :fixture
CREATE SCHEMA app AUTHORIZATION guard_ddl_owner;
GRANT USAGE ON SCHEMA app TO PUBLIC;
SET ROLE guard_ddl_owner;
CREATE TYPE app.kleur AS ENUM ('rood', 'blauw');
CREATE TABLE app.zaak (id int PRIMARY KEY, soort text NOT NULL, titel text, kleur app.kleur);
CREATE TABLE app.regel (id int PRIMARY KEY, zaak int NOT NULL REFERENCES app.zaak, tekst text);
CREATE TABLE app.woorden (titel text PRIMARY KEY);
CREATE TABLE app.soorten (id int PRIMARY KEY);
CREATE FUNCTION app.compare(text, text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN bttextcmp($1, $2); END';
CREATE FUNCTION app.before() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER before BEFORE INSERT ON app.zaak FOR EACH ROW EXECUTE FUNCTION app.before();
CREATE DOMAIN app.gevuld AS text CHECK (VALUE <> '');
INSERT INTO app.zaak SELECT g, 'gewoon', 'zaak ' || g FROM generate_series(1, 5) g;
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
RESET ROLE;
CREATE OPERATOR CLASS app.own_ops FOR TYPE text USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 app.compare(text, text);
CREATE EXTENSION pg_trgm;
CREATE EXTENSION bloom;
SELECT count(*) > 0 AS done FROM casus.protect('app.zaak', 'zorg', opens_dossier => true, governs => $$soort = 'signaal'$$, category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.bind('app.zaak');
SET SESSION AUTHORIZATION guard_ddl_coord;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO app.zaak VALUES (100, 'signaal', 'GEHEIM'), (101, 'signaal', 'GEHEIM');
COMMIT;
RESET SESSION AUTHORIZATION;
CREATE FUNCTION app.leak(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE WARNING 'saw %', $1; RETURN $1; END$$;
CREATE OPERATOR app.=== (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text);
CREATE FUNCTION app.apart(text, text) RETURNS double precision LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE TYPE app.span AS RANGE (subtype = text, subtype_diff = app.apart);
CREATE TYPE app.span_of_text AS RANGE (subtype = text, multirange_type_name = app.spans_of_text);
CREATE FUNCTION app.compare(app.kleur, app.kleur) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN enum_cmp($1, $2); END';
CREATE FUNCTION app.equal(app.kleur, app.kleur) RETURNS boolean LANGUAGE internal IMMUTABLE AS 'enum_eq';
CREATE OPERATOR app.= (LEFTARG = app.kleur, RIGHTARG = app.kleur, FUNCTION = app.equal);
CREATE OPERATOR CLASS app.color_ops DEFAULT FOR TYPE app.kleur USING btree AS OPERATOR 3 app.=, FUNCTION 1 app.compare(app.kleur, app.kleur);
CREATE FUNCTION app.sleeps() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';

CREATE TABLE public.trial (n serial, needs text, sql text);
INSERT INTO public.trial (needs, sql) VALUES
	('free', 'ALTER TABLE app.zaak ADD COLUMN a int DEFAULT 5'),
	('free', 'ALTER TABLE app.zaak ADD COLUMN b timestamptz DEFAULT CURRENT_TIMESTAMP'),
	('free', 'ALTER TABLE app.zaak ALTER COLUMN a SET DEFAULT 6'),
	('free', 'ALTER TABLE app.zaak ALTER COLUMN titel SET STATISTICS 0'),
	('free', 'ALTER TABLE app.zaak RENAME COLUMN a TO aa'),
	('free', 'ALTER TABLE app.zaak DROP COLUMN aa'),
	('free', 'ALTER TABLE app.zaak RENAME TO zaak2'),
	('free', 'ALTER TABLE app.zaak2 RENAME TO zaak'),
	('free', 'CREATE INDEX i1 ON app.zaak (titel)'),
	('free', 'CREATE INDEX i2 ON app.zaak USING hash (titel)'),
	('free', 'DROP INDEX app.i2'),
	('free', 'REINDEX TABLE app.zaak'),
	('free', 'ANALYZE app.zaak'),
	('free', 'COMMENT ON TABLE app.zaak IS ''x'''),
	('free', 'GRANT SELECT ON app.zaak TO guard_ddl_coord'),
	('free', 'ALTER TABLE app.zaak ADD COLUMN ref int REFERENCES app.soorten'),
	('free', 'ALTER TABLE app.zaak ADD CONSTRAINT f FOREIGN KEY (titel) REFERENCES app.woorden NOT VALID'),
	('free', 'ALTER TABLE app.zaak DROP CONSTRAINT f'),
	('free', 'ALTER TABLE app.zaak ADD CONSTRAINT c CHECK (titel <> ''GEHEIM'') NOT VALID'),
	('free', 'ALTER TABLE app.zaak DROP CONSTRAINT c'),
	('free', 'ALTER TABLE app.regel ADD CONSTRAINT f FOREIGN KEY (zaak) REFERENCES app.zaak'),
	('free', 'ALTER TABLE app.regel DROP CONSTRAINT f'),
	('free', 'ALTER TABLE app.zaak ENABLE ROW LEVEL SECURITY'),
	('free', 'CREATE VIEW app.v AS SELECT titel FROM app.zaak'),
	('free', 'DROP VIEW app.v'),
	('free', 'CREATE TABLE app.zoals (LIKE app.zaak)'),
	('free', 'DROP TABLE app.zoals'),
	-- An open row, or one of the other table, is the guess: that the command fails confirms it.
	('maintenance', 'UPDATE app.zaak SET titel = ''GEHEIM'' WHERE id = 1; CREATE UNIQUE INDEX ON app.zaak (titel)'),
	('maintenance', 'UPDATE app.zaak SET titel = ''GEHEIM'' WHERE id = 1; ALTER TABLE app.zaak ADD UNIQUE (titel)'),
	('maintenance', 'CREATE UNIQUE INDEX CONCURRENTLY i3 ON app.zaak (id)'),
	('maintenance', 'ALTER TABLE app.zaak ADD UNIQUE (id, titel)'),
	('maintenance', 'ALTER TABLE app.zaak DROP CONSTRAINT zaak_pkey CASCADE; ALTER TABLE app.zaak ADD PRIMARY KEY (id)'),
	('maintenance', 'ALTER TABLE app.zaak ADD COLUMN u int DEFAULT 5 UNIQUE'),
	('maintenance', 'ALTER TABLE app.zaak ADD FOREIGN KEY (titel) REFERENCES app.woorden'),
	('maintenance', 'INSERT INTO app.woorden SELECT titel FROM app.zaak UNION SELECT ''GEHEIM''; ALTER TABLE app.zaak ADD FOREIGN KEY (titel) REFERENCES app.woorden'),
	('maintenance', 'ALTER TABLE app.zaak ADD CONSTRAINT f FOREIGN KEY (titel) REFERENCES app.woorden NOT VALID; ALTER TABLE app.zaak VALIDATE CONSTRAINT f'),
	('maintenance', 'ALTER TABLE app.zaak ALTER COLUMN titel SET NOT NULL'),
	('maintenance', 'CREATE TABLE app.kind () INHERITS (app.zaak)'),
	('maintenance', 'TRUNCATE app.zaak CASCADE'),
	('maintenance', 'TRUNCATE app.regel, app.zaak'),
	('maintenance', 'CLUSTER app.zaak USING zaak_pkey'),
	('maintenance', 'ALTER TABLE app.zaak ADD COLUMN c float DEFAULT random()'),
	('maintenance', 'ALTER TABLE app.zaak ADD COLUMN g text GENERATED ALWAYS AS (upper(titel)) STORED'),
	('maintenance', 'ALTER TABLE app.zaak ALTER COLUMN titel TYPE varchar(200)'),
	('maintenance', 'CREATE INDEX ON app.zaak (lower(titel))'),
	('maintenance', 'CREATE UNIQUE INDEX ON app.zaak ((1)) WHERE titel = ''GEHEIM'''),
	('maintenance', 'CREATE INDEX ON app.zaak ((1 / (id - 100)))'),
	('maintenance', 'CREATE INDEX ON app.zaak ((titel OPERATOR(app.===) ''x''))'),
	('maintenance', 'CREATE INDEX ON app.zaak ((titel::int))'),
	('maintenance', 'CREATE INDEX ON app.zaak (id) WHERE titel = ''GEHEIM'''),
	('maintenance', 'ALTER TABLE app.zaak ADD CONSTRAINT c CHECK (titel <> ''GEHEIM'')'),
	('maintenance', 'ALTER TABLE app.zaak ADD CONSTRAINT e EXCLUDE (titel WITH =)'),
	('maintenance', 'ALTER TABLE app.zaak ADD CONSTRAINT c CHECK (titel <> ''GEHEIM'') NOT VALID; ALTER TABLE app.zaak VALIDATE CONSTRAINT c'),
	('maintenance', 'CREATE INDEX ON app.zaak USING gin (titel gin_trgm_ops)'),
	('maintenance', 'CREATE INDEX ON app.zaak USING bloom (id)'),
	('maintenance', 'ALTER TABLE app.zaak ADD COLUMN d app.gevuld'),
	('maintenance', 'ALTER TABLE app.zaak DISABLE TRIGGER before'),
	('maintenance', 'ALTER TABLE app.zaak ENABLE ALWAYS TRIGGER before'),
	('maintenance', 'ALTER TRIGGER before ON app.zaak RENAME TO other'),
	('maintenance', 'DROP TRIGGER before ON app.zaak'),
	('maintenance', 'CREATE STATISTICS app.s ON soort, titel FROM app.zaak'),
	('maintenance', 'CREATE TRIGGER aaa BEFORE INSERT ON app.zaak FOR EACH ROW EXECUTE FUNCTION app.sleeps()'),
	('maintenance', 'CREATE RULE r AS ON INSERT TO app.zaak WHERE NEW.id = 1000 DO INSTEAD NOTHING'),
	('maintenance', 'CREATE POLICY p ON app.zaak USING (true)'),
	('maintenance', 'ALTER TABLE app.zaak SET SCHEMA public'),
	('maintenance', 'ALTER TABLE app.zaak OWNER TO guard_ddl_coord'),
	('maintenance', 'ALTER TABLE app.zaak REPLICA IDENTITY FULL'),
	('maintenance', 'ALTER TABLE app.zaak SET UNLOGGED'),
	('never', 'CREATE INDEX ON app.zaak (app.leak(titel))'),
	('never', 'CREATE INDEX ON app.zaak (id) WHERE app.leak(titel) = ''x'''),
	('never', 'ALTER TABLE app.zaak ADD CONSTRAINT c CHECK (app.leak(titel) <> ''x'')'),
	('never', 'ALTER TABLE app.zaak ADD CONSTRAINT c CHECK (app.leak(titel) <> ''x'') NOT VALID'),
	('never', 'ALTER TABLE app.zaak ALTER COLUMN titel TYPE text USING app.leak(titel)'),
	('never', 'ALTER TABLE app.zaak ADD COLUMN g text GENERATED ALWAYS AS (app.leak(titel)) STORED'),
	('never', 'CREATE INDEX ON app.zaak (titel app.own_ops)'),
	('never', 'CREATE INDEX ON app.zaak (kleur)'),
	('never', 'CREATE STATISTICS app.telling ON app.leak(titel), soort FROM app.zaak'),
	('maintenance', 'CREATE STATISTICS app.telling ON lower(titel), soort FROM app.zaak'),
	('never', 'ALTER TABLE app.zaak ADD COLUMN van app.span'),
	('never', 'ALTER TABLE app.zaak ADD COLUMN van app.span[]'),
	('never', 'ALTER TABLE app.zaak ALTER COLUMN kleur TYPE app.span USING NULL'),
	('free', 'ALTER TABLE app.zaak ADD COLUMN van app.span_of_text'),
	('never', 'ALTER TABLE app.zaak ADD COLUMN casus_label uuid'),
	('never', 'ALTER TABLE app.zaak DROP COLUMN casus_label'),
	('never', 'ALTER TABLE app.zaak RENAME COLUMN casus_label TO l'),
	('never', 'ALTER TABLE app.zaak ALTER COLUMN casus_label TYPE uuid'),
	('never', 'ALTER TABLE app.zaak ALTER COLUMN casus_label SET DEFAULT NULL'),
	('never', 'ALTER TABLE app.zaak DISABLE ROW LEVEL SECURITY'),
	('never', 'ALTER TABLE app.zaak NO FORCE ROW LEVEL SECURITY'),
	('never', 'ALTER TABLE app.zaak DISABLE TRIGGER ALL'),
	('never', 'ALTER TABLE app.zaak DISABLE TRIGGER USER'),
	('never', 'ALTER TABLE app.zaak DISABLE TRIGGER "~casus_row"'),
	('never', 'ALTER TABLE app.zaak ENABLE TRIGGER "~casus_row"'),
	('never', 'ALTER TRIGGER "~casus_row" ON app.zaak RENAME TO aaa'),
	('never', 'DROP TRIGGER "~casus_row" ON app.zaak'),
	('never', 'CREATE TRIGGER "~later" BEFORE INSERT ON app.zaak FOR EACH ROW EXECUTE FUNCTION app.sleeps()'),
	('never', 'ALTER POLICY casus ON app.zaak USING (true)'),
	('never', 'ALTER POLICY casus ON app.zaak RENAME TO x'),
	('never', 'DROP POLICY casus ON app.zaak'),
	('never', 'DROP POLICY casus_open ON app.zaak'),
	('never', 'DROP TABLE app.zaak CASCADE'),
	('never', 'DROP SCHEMA app CASCADE'),
	('never', 'DROP OWNED BY guard_ddl_owner CASCADE'),
	('never', 'SECURITY LABEL FOR casus ON TABLE app.zaak IS NULL'),
	('never', 'SECURITY LABEL FOR casus ON TABLE app.zaak IS ''{"mode": "observe", "kind": "root", "files": []}'''),
	('never', 'CREATE PUBLICATION guard_ddl FOR TABLE app.zaak'),
	('never', 'CREATE PUBLICATION guard_ddl FOR ALL TABLES'),
	('never', 'CREATE PUBLICATION guard_ddl FOR TABLES IN SCHEMA app');

-- Undoes what it did: savepoints are not for DDL that the next line needs.
CREATE FUNCTION public.undone(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	result := attempt(sql);
	RAISE EXCEPTION '%', result USING ERRCODE = 'ZZ999';
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	RETURN SQLERRM;
END $$;
SELECT attempt(sql), sql FROM public.trial WHERE needs = 'free' ORDER BY n;
SELECT needs, undone(sql), sql FROM public.trial WHERE needs <> 'free' ORDER BY n;
VACUUM FULL app.zaak;
VACUUM ANALYZE app.zaak;
CLUSTER app.zaak USING zaak_pkey;

-- Maintenance: with a reason, by an admin, in this session and role, for a time.
SELECT casus.maintenance('app.zaak', ' ');
SELECT casus.maintenance('app.zaak', 'too long', '9 hours');
SELECT casus.maintenance('app.zaak', 'too short', '-1 s');
SELECT casus.maintenance('app.regel', 'not protected');
SET SESSION AUTHORIZATION guard_ddl_coord;
SELECT casus.maintenance('app.zaak', 'not mine');
RESET SESSION AUTHORIZATION;
SET ROLE guard_ddl_owner;
SELECT casus.maintenance('app.zaak', 'as owner') > now() AS open;
RESET ROLE;
GRANT casus_admin TO guard_ddl_owner;
SET ROLE guard_ddl_owner;
SELECT casus.maintenance('app.zaak', 'as owner and admin') > now() AS open;
SELECT undone('CREATE INDEX ON app.zaak (lower(titel))');
RESET ROLE;
REVOKE casus_admin FROM guard_ddl_owner;
SET ROLE guard_ddl_owner;
SELECT undone('CREATE INDEX ON app.zaak (lower(titel))') AS no_admin_any_more;
SELECT undone('TRUNCATE app.zaak') AS no_admin_any_more;
RESET ROLE;
SELECT undone('CREATE INDEX ON app.zaak (lower(titel))') AS other_role;
SELECT casus.maintenance('app.zaak', 'moving house', '1 hour') BETWEEN now() + interval '59 min' AND now() + interval '61 min' AS open;
-- Errors tell nothing of the rows: no value, whatever failed.
SELECT needs, undone(sql), sql FROM public.trial WHERE needs <> 'free' ORDER BY n;
\set VERBOSITY default
CREATE UNIQUE INDEX ON app.zaak (left(titel, 4));
ALTER TABLE app.zaak ALTER COLUMN titel TYPE int USING titel::int;
\set VERBOSITY terse
-- It opens no rows.
SELECT count(*) FROM app.zaak;
SELECT casus.maintenance('app.zaak', 'done', '0') <= clock_timestamp() AS closed;
SELECT undone('CREATE INDEX ON app.zaak (lower(titel))') AS closed;
SELECT casus.maintenance('app.zaak', 'as long as it takes') > now() AS open;
SELECT undone('CREATE INDEX ON app.zaak (lower(titel))') AS open;
SELECT casus.maintenance('app.zaak', 'not long', '10 milliseconds') > now() AS open;
SELECT pg_sleep(0.1);
SELECT undone('CREATE INDEX ON app.zaak (lower(titel))') AS over;

-- A parent, a child, a domain: what reaches the rows by another way.
CREATE TABLE app.ouder (id int NOT NULL, soort text NOT NULL, titel text, b timestamptz);
SELECT undone('ALTER TABLE app.zaak INHERIT app.ouder');
CREATE TABLE app.deel (id int NOT NULL, soort text NOT NULL, titel text, b timestamptz, casus_label casus.label) PARTITION BY RANGE (id);
SELECT undone('ALTER TABLE app.deel ATTACH PARTITION app.zaak DEFAULT');
SELECT undone('REASSIGN OWNED BY guard_ddl_owner TO guard_ddl_coord');
CREATE DOMAIN app.woord AS text;
ALTER TABLE app.zaak ADD COLUMN w app.woord;
CREATE DOMAIN app.woord2 AS app.woord;
ALTER TABLE app.zaak ADD COLUMN w2 app.woord2;
SELECT undone($$ALTER DOMAIN app.woord ADD CONSTRAINT c CHECK (app.leak(VALUE) IS NULL)$$);
SELECT undone($$ALTER DOMAIN app.woord SET NOT NULL$$);
SELECT undone($$ALTER DOMAIN app.woord ADD CONSTRAINT c CHECK (app.leak(VALUE) IS NULL) NOT VALID$$);
-- Not in maintenance either: statistics and conditions of the parent would be made from its rows.
BEGIN;
SELECT casus.maintenance('app.zaak', 'under a parent') > now() AS open;
ALTER TABLE app.zaak DROP COLUMN w, DROP COLUMN w2;
SELECT attempt('ALTER TABLE app.zaak INHERIT app.ouder') AS inherits, attempt('ALTER TABLE app.deel ATTACH PARTITION app.zaak DEFAULT') AS attached;
ALTER TABLE app.ouder ADD COLUMN casus_label casus.label;
SELECT attempt('ALTER TABLE app.zaak INHERIT app.ouder') AS of_a_label;
ROLLBACK;
SELECT casus.maintenance('app.zaak', 'done', '0') <= clock_timestamp() AS closed;

-- Registered and observed tables: only the label is guarded.
CREATE TABLE app.nog_niet (id int PRIMARY KEY, titel text);
SELECT count(*) > 0 AS done FROM casus.protect('app.nog_niet', 'zorg', opens_dossier => true, category => 'signaalomschrijving');
SELECT undone('ALTER TABLE app.nog_niet DROP COLUMN casus_label'), undone('ALTER TABLE app.nog_niet RENAME casus_label TO x'),
	undone('CREATE INDEX ON app.nog_niet (app.leak(titel))'), undone('TRUNCATE app.nog_niet'), undone('DROP TABLE app.nog_niet');
