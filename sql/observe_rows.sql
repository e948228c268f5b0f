-- In mode observe each write that enforce refuses is done, and is on record with the code of its refusal: rows without a
-- purpose, a label, a parent, a place for their data, of another dossier.  What is refused is said beside it.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE orows_coord LOGIN;
CREATE ROLE orows_deleg LOGIN;
CREATE ROLE orows_app LOGIN;
CREATE ROLE orows_auditor LOGIN IN ROLE casus_auditor;
\set coordinator orows_coord
\set delegate orows_deleg
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/ond.sql'
\i :fixture
\o /dev/null
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text);
CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, tekst text);
CREATE TABLE persoon (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak,
	soort text, naam text NOT NULL DEFAULT '', telefoon text);
GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, stuk, persoon TO orows_coord, orows_deleg, orows_app;
INSERT INTO zaak VALUES (1, 1, 'gewoon'), (2, 8, 'signaal'), (3, 8, 'signaal'), (4, 8, 'niet opgenomen'), (5, 8, 'niet opgenomen');
INSERT INTO stuk VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c');
INSERT INTO persoon VALUES (1, 2, 'S', 'Jansen'), (2, 2, 'R', 'Buur');
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
SELECT casus.protect('stuk', 'ond', via => 'zaak_id', category => 'signaalomschrijving');
SELECT casus.protect('persoon', 'ond', via => 'zaak_id', category => 'personalia',
	subject_category_column => 'soort', subject_category_map => '{"S": "subject", "R": "relatie", "A": "aandrager"}',
	columns => '{"telefoon": "contactgegevens"}');
CALL casus.take_in('zaak', phase => $$CASE WHEN id < 4 THEN 'intake' END$$);
CALL casus.take_in('stuk');
CALL casus.take_in('persoon');
SELECT casus.bind('zaak', 'observe');
SELECT casus.bind('stuk', 'observe');
SELECT casus.bind('persoon', 'observe');
\o
-- Two cases are not taken in yet; one was brought in without a purpose.
SET SESSION AUTHORIZATION orows_app;
INSERT INTO zaak VALUES (6, 8, 'zonder doel');
RESET SESSION AUTHORIZATION;
SELECT id, CASE WHEN casus_label IS NULL THEN 'none' ELSE left(casus.label_text(casus_label), 7) END AS label FROM zaak ORDER BY id;

CREATE TABLE tried (n serial, who name, purpose text, sql text);
INSERT INTO tried (who, purpose, sql) VALUES
	('orows_app', NULL, 'INSERT INTO zaak VALUES (10, 8, ''x'')'),
	('orows_app', NULL, 'UPDATE zaak SET soort = 8 WHERE id = 1'),
	('orows_app', NULL, 'UPDATE zaak SET titel = ''y'' WHERE id = 2'),
	('orows_app', NULL, 'DELETE FROM stuk WHERE id = 2'),
	('orows_app', NULL, 'INSERT INTO stuk VALUES (10, 2, ''x'')'),
	('orows_coord', 'intake', 'INSERT INTO stuk VALUES (11, NULL, ''x'')'),
	('orows_coord', 'intake', 'INSERT INTO stuk VALUES (12, 4, ''x'')'),
	('orows_coord', 'intake', 'UPDATE zaak SET titel = ''y'' WHERE id = 4'),
	('orows_coord', 'intake', 'DELETE FROM zaak WHERE id = 5'),
	('orows_coord', 'intake', 'UPDATE zaak SET titel = ''y'' WHERE id = 6'),
	('orows_coord', 'intake', 'DELETE FROM zaak WHERE id = 6'),
	('orows_coord', 'intake', 'INSERT INTO stuk SELECT 13, 2, ''x'', casus_label FROM zaak WHERE id = 2'),
	('orows_coord', 'intake', 'UPDATE stuk SET casus_label = NULL WHERE id = 2'),
	('orows_coord', 'intake', 'UPDATE stuk SET zaak_id = 3 WHERE id = 2'),
	('orows_coord', 'intake', 'UPDATE zaak SET soort = 1 WHERE id = 2'),
	('orows_coord', 'intake', 'INSERT INTO persoon VALUES (10, 2, ''Q'', ''Niemand'')'),
	('orows_coord', 'intake', 'INSERT INTO persoon VALUES (11, 2, ''R'', ''Buur'', ''06'')'),
	('orows_coord', 'intake', 'UPDATE persoon SET telefoon = ''06'' WHERE id = 2'),
	('orows_coord', 'intake', 'UPDATE persoon SET soort = ''R'' WHERE id = 1'),
	('orows_deleg', 'overleg', 'UPDATE stuk SET tekst = ''y'' WHERE id = 2'),
	('orows_deleg', 'overleg', 'INSERT INTO stuk VALUES (14, 2, ''x'')'),
	('orows_coord', 'zwaarte', 'UPDATE stuk SET tekst = ''y'' WHERE id = 2'),
	('orows_coord', 'zwaarte', 'DELETE FROM stuk WHERE id = 2'),
	('orows_coord', 'intake', 'UPDATE stuk SET tekst = ''goed'' WHERE id = 2'),
	-- a root row without a fitting office, and for a purpose for which none is brought in
	('orows_deleg', 'overleg', 'INSERT INTO zaak VALUES (15, 8, ''x'')'),
	('orows_coord', 'zwaarte', 'INSERT INTO zaak VALUES (16, 8, ''x'')'),
	-- what ON CONFLICT DO UPDATE meets, whether it is then written or not: A041
	('orows_app', NULL, 'INSERT INTO stuk VALUES (2, 1, ''x'') ON CONFLICT (id) DO UPDATE SET tekst = ''y'' WHERE stuk.tekst = ''nee'''),
	('orows_coord', 'zwaarte', 'INSERT INTO stuk VALUES (2, 1, ''x'') ON CONFLICT (id) DO UPDATE SET tekst = ''y'''),
	('orows_coord', 'intake', 'INSERT INTO stuk VALUES (2, 1, ''x'') ON CONFLICT (id) DO UPDATE SET tekst = ''goed'''),
	('orows_coord', 'intake', 'INSERT INTO zaak VALUES (6, 1, ''x'') ON CONFLICT (id) DO UPDATE SET titel = ''y'' WHERE zaak.titel = ''nee'''),
	('orows_app', NULL, 'INSERT INTO stuk VALUES (1, 1, ''x'') ON CONFLICT (id) DO UPDATE SET tekst = ''y''');
GRANT SELECT ON tried TO PUBLIC;
-- As the caller, and undone; what is on record stays.
CREATE FUNCTION attempt(purpose text, sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
	message text;
	n bigint;
BEGIN
	IF purpose IS NOT NULL THEN
		PERFORM casus.enter(purpose);
	END IF;
	EXECUTE sql;
	GET DIAGNOSTICS n = ROW_COUNT;
	RAISE 'done: %', n USING ERRCODE = 'ZZ999';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME, message = MESSAGE_TEXT;
	RETURN concat_ws(' | ', nullif(SQLSTATE, 'ZZ999'), nullif(code, ''), message);
END $$;

-- Under observe.
SELECT format('SET SESSION AUTHORIZATION %I', who), format('SELECT attempt(%L, %L)', purpose, sql) FROM tried ORDER BY n \gexec
SET SESSION AUTHORIZATION orows_auditor;
SELECT role, relation, code, text FROM casus.access_log WHERE kind = 'would_refuse' AND role ~ '^orows' ORDER BY seq;
RESET SESSION AUTHORIZATION;

-- Nothing is refused either to a function that runs in a role of its own inside a statement over such a table.
CREATE FUNCTION als_app() RETURNS bigint LANGUAGE sql SET role = orows_app AS 'SELECT count(*) FROM zaak WHERE id < 4';
GRANT SELECT ON zaak TO orows_app;
SELECT id, als_app() FROM zaak WHERE id < 4 ORDER BY id;

-- Under enforce the same are refused.
\o /dev/null
CALL casus.take_in('zaak', phase => $$'intake'$$);
SELECT casus.bind('zaak', 'enforce');
SELECT casus.bind('stuk', 'enforce');
SELECT casus.bind('persoon', 'enforce');
\o
SELECT format('SET SESSION AUTHORIZATION %I', who), format('SELECT attempt(%L, %L)', purpose, sql) FROM tried ORDER BY n \gexec
RESET SESSION AUTHORIZATION;
-- Who may not label a row in observe does not by a second statement either, and the owner has no way around the
-- trigger; a row that waited for its parent in vain is taken in.
CREATE ROLE orows_owner LOGIN;
GRANT ALL ON SCHEMA public TO orows_owner;
SET SESSION AUTHORIZATION orows_owner;
CREATE TABLE dos (id integer PRIMARY KEY, soort integer NOT NULL, titel text);
CREATE TABLE kind (id integer PRIMARY KEY, dos_id integer REFERENCES dos DEFERRABLE INITIALLY DEFERRED, tekst text);
GRANT ALL ON dos, kind TO orows_coord, orows_app;
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT casus.protect('dos', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
SELECT casus.protect('kind', 'ond', via => 'dos_id', category => 'signaalomschrijving');
SELECT casus.bind('dos', 'observe');
SELECT casus.bind('kind', 'observe');
SET SESSION AUTHORIZATION orows_coord;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO dos VALUES (1, 8, 'echt');
INSERT INTO dos VALUES (3, 1, 'open');
COMMIT;
\o
SET SESSION AUTHORIZATION orows_app;
INSERT INTO dos VALUES (10, 8, 'vervalst');
UPDATE dos SET casus_label = (SELECT casus_label FROM dos WHERE id = 1) WHERE id IN (3, 10);
UPDATE dos SET casus_label = NULL WHERE id IN (1, 3);
SELECT id, left(casus.label_text(casus_label), 7) AS label FROM dos ORDER BY id;
BEGIN;
INSERT INTO kind VALUES (1, 77, 'eerst het kind');
SELECT casus.label_text(casus_label) FROM kind;
UPDATE dos SET id = 77 WHERE id = 1;
COMMIT;
BEGIN;
INSERT INTO kind VALUES (2, 78, 'kind, dan ouder');
INSERT INTO dos VALUES (78, 8, 'ouder');
COMMIT;
SELECT id, casus.label_text(casus_label) FROM kind ORDER BY id;
SET SESSION AUTHORIZATION orows_owner;
ALTER TABLE dos DISABLE TRIGGER "~casus_row";
ALTER TABLE dos DISABLE TRIGGER ALL;
ALTER TABLE dos DISABLE TRIGGER USER;
ALTER TABLE dos ENABLE REPLICA TRIGGER "~casus_row";
ALTER TABLE dos ENABLE ALWAYS TRIGGER "~casus_row";
ALTER TRIGGER "~casus_row" ON dos RENAME TO weg;
DROP TRIGGER "~casus_row" ON dos;
CREATE FUNCTION zet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "~z" BEFORE INSERT ON dos FOR EACH ROW EXECUTE FUNCTION zet();
CREATE TRIGGER a BEFORE INSERT ON dos FOR EACH ROW EXECUTE FUNCTION zet();
ALTER TABLE dos DISABLE TRIGGER a;
DROP TRIGGER a ON dos;
-- B008: a function of a user over the rows is done, and on record.
CREATE FUNCTION toon(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
ALTER TABLE dos ADD CONSTRAINT nog CHECK (toon(titel)) NOT VALID;
ALTER TABLE dos VALIDATE CONSTRAINT nog;
CREATE INDEX ON dos (toon(titel));
ALTER TABLE kind ALTER tekst TYPE text USING tekst || toon(tekst);
CREATE STATISTICS st (ndistinct) ON (toon(tekst)), id FROM kind;
ALTER TABLE kind ADD lang integer GENERATED ALWAYS AS (length(tekst)) STORED;
CREATE INDEX ON dos (lower(titel));
SET SESSION AUTHORIZATION orows_auditor;
SELECT relation, code, text FROM casus.access_log WHERE kind = 'would_refuse' AND role = 'orows_owner' ORDER BY seq;
RESET SESSION AUTHORIZATION;
ALTER TABLE dos DROP CONSTRAINT nog;
DROP INDEX dos_toon_idx;
DROP STATISTICS st;
-- Labels that somebody wrote before the trigger stood (between protect and bind it does not) are found at bind.
SET SESSION AUTHORIZATION orows_owner;
CREATE TABLE los (id integer PRIMARY KEY, soort integer NOT NULL);
CREATE TABLE blad (id integer PRIMARY KEY, los_id integer REFERENCES los);
GRANT ALL ON los, blad TO orows_app;
INSERT INTO los VALUES (1, 8), (2, 8), (3, 1);
INSERT INTO blad VALUES (1, 1), (2, 2), (3, 3);
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT casus.protect('los', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
SELECT casus.protect('blad', 'ond', via => 'los_id', category => 'signaalomschrijving');
CALL casus.take_in('los', phase => $$'intake'$$);
CALL casus.take_in('blad');
\o
SET SESSION AUTHORIZATION orows_app;
INSERT INTO los SELECT 10, 8, casus_label FROM los WHERE id = 1;
INSERT INTO los VALUES (11, 8, '7fffffff-ffff-ff00-0000-000100000000');
INSERT INTO blad SELECT 10, 1, casus_label FROM los WHERE id = 2;
-- So are those of rows that belong to no dossier: outside by governs, without a key, below a row outside.
INSERT INTO los SELECT 12, 1, casus_label FROM los WHERE id = 1;
INSERT INTO blad SELECT 11, NULL, casus_label FROM los WHERE id = 2;
INSERT INTO blad SELECT 12, 3, casus_label FROM los WHERE id = 2;
RESET SESSION AUTHORIZATION;
SELECT casus.bind('los', 'enforce');
DELETE FROM los WHERE id IN (10, 11);
\set VERBOSITY default
SELECT casus.bind('los', 'enforce');
\set VERBOSITY terse
DELETE FROM los WHERE id = 12;
SELECT count(*) > 0 AS bound FROM casus.bind('los', 'enforce');
SELECT casus.bind('blad', 'enforce');
CALL casus.take_in('blad');
SELECT casus.bind('blad', 'enforce');
-- Nothing of their own says so: the hint has their places.
\set VERBOSITY default
SELECT casus.bind('blad', 'enforce');
\set VERBOSITY terse
DELETE FROM blad WHERE id > 10;
SELECT count(*) > 0 AS bound FROM casus.bind('blad', 'enforce');
-- A row whose office may open a dossier, but whose label is refused, opens none; one whose parent cannot get its label
-- (it is not there yet, is of another dossier, or is made by the same statement) is done all the same.
SET SESSION AUTHORIZATION orows_owner;
CREATE TABLE kern (id integer PRIMARY KEY);
CREATE TABLE melding (id integer PRIMARY KEY, kern_id integer REFERENCES kern DEFERRABLE INITIALLY DEFERRED, wat text);
GRANT ALL ON kern, melding TO orows_coord;
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT casus.protect('melding', 'ond', opens_dossier => true, category_column => 'wat');
SELECT casus.protect('kern', 'ond', via_child => 'melding.kern_id', category => 'registratie');
SELECT casus.bind('melding', 'observe');
SELECT casus.bind('kern', 'observe');
SET SESSION AUTHORIZATION orows_coord;
SELECT count(*) AS dossiers FROM casus.dossier \gset
SELECT casus.open_dossier('ond') AS wacht \gset
\o
BEGIN; SELECT casus.enter('intake') \g /dev/null
INSERT INTO melding VALUES (1, NULL, 'onzin');
COMMIT;
BEGIN; SELECT casus.enter('intake', dossier => :wacht) \g /dev/null
INSERT INTO melding VALUES (2, NULL, 'onzin');
INSERT INTO melding VALUES (3, NULL, 'registratie');
COMMIT;
BEGIN; SELECT casus.enter('intake') \g /dev/null
INSERT INTO kern VALUES (1);
INSERT INTO melding VALUES (4, 1, 'registratie'), (5, 1, 'registratie'), (6, 2, 'registratie');
INSERT INTO kern VALUES (2);
WITH k AS (INSERT INTO kern VALUES (3) RETURNING id) INSERT INTO melding SELECT 7, id, 'registratie' FROM k;
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT id, casus_label IS NOT NULL AS labelled, casus.dossier_of(casus_label) = :wacht AS waited FROM melding ORDER BY id;
SELECT k.id, left(casus.label_text(k.casus_label), 7) AS label, count(m.id) AS own FROM kern k
	LEFT JOIN melding m ON casus.dossier_of(m.casus_label) = casus.dossier_of(k.casus_label) GROUP BY k.id, 2 ORDER BY 1;
SET SESSION AUTHORIZATION orows_coord;
SELECT count(*) - :dossiers AS opened FROM casus.dossier;
SET SESSION AUTHORIZATION orows_auditor;
SELECT relation, code, text FROM casus.access_log WHERE kind = 'would_refuse' AND relation ~ 'melding' AND role ~ '^orows' ORDER BY seq;
RESET SESSION AUTHORIZATION;
DELETE FROM melding WHERE casus_label IS NULL;
\set VERBOSITY default
SELECT casus.bind('melding', 'enforce');
CALL casus.take_in('kern');
SELECT casus.bind('melding', 'enforce');
\set VERBOSITY terse
DELETE FROM melding WHERE id = 5;
SELECT count(*) > 0 AS bound FROM casus.bind('melding', 'enforce');
\o /dev/null
CALL casus.take_in('dos', phase => $$'intake'$$);
SELECT casus.bind('dos', 'enforce');
\o
SELECT casus.bind('kind', 'enforce');
CALL casus.take_in('kind');
SELECT count(*) > 0 AS bound FROM casus.bind('kind', 'enforce');
SET SESSION AUTHORIZATION orows_coord;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
SELECT d.id, count(*), count(DISTINCT casus.dossier_of(k.casus_label)), bool_and(casus.dossier_of(k.casus_label) = casus.dossier_of(d.casus_label))
	FROM dos d LEFT JOIN kind k ON k.dos_id = d.id GROUP BY 1 ORDER BY 1;
SELECT count(DISTINCT casus.dossier_of(casus_label)) FROM dos;
COMMIT;
RESET SESSION AUTHORIZATION;
DROP OWNED BY orows_coord, orows_deleg, orows_app, orows_auditor;
SELECT casus.maintenance('dos', 'test', '15 minutes') IS NOT NULL AND casus.maintenance('kind', 'test', '15 minutes') IS NOT NULL
	AND casus.maintenance('los', 'test', '15 minutes') IS NOT NULL AND casus.maintenance('blad', 'test', '15 minutes') IS NOT NULL
	AND casus.maintenance('melding', 'test', '15 minutes') IS NOT NULL AS open;
ALTER TABLE melding OWNER TO CURRENT_USER;
ALTER TABLE kern OWNER TO CURRENT_USER;
ALTER TABLE los OWNER TO CURRENT_USER;
ALTER TABLE blad OWNER TO CURRENT_USER;
ALTER TABLE dos OWNER TO CURRENT_USER;
ALTER TABLE kind OWNER TO CURRENT_USER;
DROP OWNED BY orows_owner;
DROP ROLE orows_coord, orows_deleg, orows_app, orows_auditor, orows_owner;
