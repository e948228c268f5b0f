/*
 * columns: columns whose data are of a category of their own.  What a reader
 * may never read is refused by the name of the column; what he may not read of
 * this row is NULL, wherever it stands.  SECRET is in hidden values only, and
 * may not show up in what follows the set-up.  [B-9] [B-15] [B-29]
 */
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE columns_owner LOGIN;
CREATE ROLE columns_lead LOGIN;		-- reads everything in intake, no medical data in overleg
CREATE ROLE columns_desk LOGIN;		-- reads the signal itself alone
CREATE ROLE columns_red LOGIN;		-- a party: its own, and what is shared of a few categories
CREATE ROLE columns_none LOGIN;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/proef.sql'
\i :fixture
\o /dev/null
SELECT casus.load_protocol(public.proef('{
	"name": "kolom-1", "title": "Kolommen",
	"offices": [
		{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "desk", "title": "Desk", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "delegate", "title": "Delegate", "level": "party", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"}],
	"purposes": [
		{"name": "intake", "title": "Intake", "article": "3"},
		{"name": "overleg", "title": "Overleg", "article": "3"},
		{"name": "klaar", "title": "Klaar", "article": "3"},
		{"name": "beide", "title": "Beide", "phases": ["intake", "overleg"], "standing": true, "article": "3"}],
	"rules": [
		{"phases": ["intake"], "offices": ["lead"], "purposes": ["intake", "beide"], "categories": "*", "scope": "all",
			"may": ["read", "supply", "correct", "remove"], "article": "4"},
		{"phases": ["overleg"], "offices": ["lead"], "purposes": ["overleg", "beide"], "categories": ["melding", "adres"], "scope": "all",
			"may": ["read", "supply", "correct", "remove"], "article": "4"},
		{"phases": ["intake", "overleg"], "offices": ["desk"], "purposes": ["intake", "overleg", "beide"], "categories": ["melding"], "scope": "all",
			"may": ["read", "supply", "correct"], "article": "4"},
		{"phases": ["overleg"], "offices": ["delegate"], "categories": "*", "scope": "own", "participants": true, "may": ["read", "supply"], "article": "4"},
		{"phases": ["overleg"], "offices": ["delegate"], "categories": ["melding", "adres"], "scope": "shared", "participants": true, "may": ["read"], "article": "4"},
		{"offices": ["lead"], "categories": "*", "scope": "all", "may": ["read"], "article": "5", "stages": ["klaar_inzage"]}]
}'));
SELECT casus.open_file('kolom-1', 'kolommen');
SELECT casus.activate_protocol('kolommen', dpia => 'DPIA', parameters => '{"startdatum": "2026-01-01"}');
SELECT casus.add_person('Lead', 'columns_lead'), casus.add_person('Desk', 'columns_desk'), casus.add_person('Red', 'columns_red');
SELECT casus.appoint('Lead', 'kolommen', NULL, 'lead'), casus.appoint('Desk', 'kolommen', NULL, 'desk'),
	casus.appoint('Red', 'kolommen', 'rood', 'delegate');

GRANT CREATE ON SCHEMA public TO PUBLIC;
SET ROLE columns_owner;
CREATE TABLE zaak (id integer PRIMARY KEY, soort text NOT NULL, weg integer, titel text,
	bsn varchar(20) UNIQUE, adres text, deel text[]);
ALTER TABLE zaak DROP COLUMN weg;
CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer NOT NULL REFERENCES zaak, tekst text, bsn varchar(20), kort text GENERATED ALWAYS AS (left(bsn, 7)) STORED);
CREATE INDEX ON stuk (bsn);
CREATE TABLE vrij (id integer, bsn varchar(20));
GRANT ALL ON zaak, stuk, vrij TO PUBLIC;
INSERT INTO zaak VALUES (1, 'gewoon', 'een', 'OPEN-1', 'straat 1'), (2, 'gewoon', 'twee', 'OPEN-2', 'straat 2');
INSERT INTO stuk VALUES (1, 1, 'gewoon', 'OPEN-1');
INSERT INTO vrij VALUES (1, 'OPEN-1'), (3, 'SECRET-3'), (4, 'SECRET-4');
CREATE VIEW zaak_view AS SELECT * FROM zaak;
CREATE VIEW zaak_invoker WITH (security_invoker) AS SELECT * FROM zaak;
CREATE VIEW zaak_where AS SELECT id, titel FROM zaak WHERE bsn LIKE 'SECRET%';
GRANT ALL ON zaak_view, zaak_invoker, zaak_where TO PUBLIC;
RESET ROLE;
SELECT casus.protect('zaak', 'kolommen', opens_dossier => true, governs => $$soort = 'geval'$$, category => 'melding',
	columns => '{"bsn": "medisch", "adres": "adres", "deel": "medisch"}');
SELECT casus.protect('stuk', 'kolommen', via => 'zaak_id', category => 'melding', columns => '{"bsn": "medisch"}');
CALL casus.take_in('zaak');
CALL casus.take_in('stuk');
SELECT casus.bind('zaak', 'enforce'), casus.bind('stuk', 'enforce');
SET SESSION AUTHORIZATION columns_lead;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO zaak (id, soort, titel, bsn, adres, deel) VALUES (3, 'geval', 'drie', 'SECRET-3', 'SECRET-A3', '{SECRET-D3}'),
	(4, 'geval', 'vier', 'SECRET-4', 'SECRET-A4', '{SECRET-D4,x}');
INSERT INTO stuk VALUES (3, 3, 'bij drie', 'SECRET-3'), (4, 4, 'bij vier', 'SECRET-4');
SELECT casus.dossier_of(casus_label) AS three FROM zaak WHERE id = 3 \gset
SELECT casus.dossier_of(casus_label) AS four FROM zaak WHERE id = 4 \gset
COMMIT;
BEGIN;
SELECT casus.decide(:four, 'verder', 'ja', 'x'), casus.advance(:four, 'overleg');
COMMIT;
RESET SESSION AUTHORIZATION;
\set tells message
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
\o

-- Whoever has no capacity names the columns freely, and sees the rows outside the protocol.
SET SESSION AUTHORIZATION columns_none;
SELECT id, bsn, adres FROM zaak ORDER BY id;
SELECT * FROM zaak_view ORDER BY id;
SELECT zaak.id FROM zaak WHERE bsn = 'OPEN-2';

-- By name: refused, with the columns that may be named.
SET SESSION AUTHORIZATION columns_desk;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SAVEPOINT s;
SELECT bsn FROM zaak;
ROLLBACK TO s;
SELECT * FROM zaak;
ROLLBACK TO s;
SELECT id, soort, titel FROM public.zaak ORDER BY id;
ROLLBACK;
-- One of the two phases is enough to be allowed to name it.
SET SESSION AUTHORIZATION columns_lead;
BEGIN;
SELECT casus.enter('overleg') \g /dev/null
SELECT bsn FROM zaak;
ROLLBACK;

-- casus.why lists them, and of rows of one's own party fewer.
SELECT verb, items, categories, code, article, reason, column_name FROM casus.why('zaak', :four) WHERE column_name IS NOT NULL;
BEGIN;
SELECT casus.enter('overleg') \g /dev/null
SELECT verb, items, categories, code, article, reason, column_name FROM casus.why('zaak', :four) WHERE column_name IS NOT NULL;
SELECT column_name, categories FROM casus.why('stuk', :four) WHERE column_name IS NOT NULL;
-- nothing of another phase, where he reads no row at all; nor of no table in particular
SELECT verb, allowed, code, column_name FROM casus.why('zaak', :three) WHERE verb = 'read';
SELECT count(column_name) FROM casus.why(NULL, :four);
ROLLBACK;
SET SESSION AUTHORIZATION columns_desk;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT verb, items, categories, code, article, reason, column_name FROM casus.why('zaak', :three) WHERE column_name IS NOT NULL;
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT office, purpose, items, categories, column_name FROM casus.explain_access('Desk', 'zaak', :three) WHERE column_name IS NOT NULL;

-- Every way to name it.
CREATE TEMP TABLE trial (n serial, sql text);
INSERT INTO trial (sql) VALUES
	('SELECT id FROM zaak'),
	('SELECT count(*) FROM zaak'),
	('SELECT id FROM zaak WHERE bsn = ''SECRET-3'''),
	('SELECT id FROM zaak ORDER BY bsn'),
	('SELECT count(*) FROM zaak GROUP BY bsn'),
	('SELECT count(*) FROM zaak HAVING max(bsn) > ''a'''),
	('SELECT max(bsn) FROM zaak'),
	('SELECT row_number() OVER (ORDER BY bsn) FROM zaak'),
	('SELECT DISTINCT ON (bsn) id FROM zaak'),
	('SELECT zaak FROM zaak'),
	('SELECT zaak::text FROM zaak'),
	('SELECT row_to_json(zaak) FROM zaak'),
	('SELECT (zaak).bsn FROM zaak'),
	('SELECT z.* FROM zaak z'),
	('SELECT count(z) FROM zaak z'),
	('SELECT vrij.id FROM vrij JOIN zaak USING (bsn)'),
	('SELECT vrij.id FROM vrij NATURAL JOIN stuk'),
	('SELECT vrij.id FROM vrij LEFT JOIN zaak ON zaak.bsn = vrij.bsn'),
	('SELECT j FROM (vrij JOIN stuk USING (id)) AS j'),
	('SELECT zaak.id FROM vrij JOIN zaak USING (id)'),
	('SELECT id FROM vrij WHERE EXISTS (SELECT FROM zaak WHERE zaak.bsn = vrij.bsn)'),
	('SELECT id FROM vrij WHERE bsn IN (SELECT bsn FROM zaak)'),
	('SELECT (SELECT bsn FROM zaak LIMIT 1)'),
	('WITH w AS (SELECT bsn FROM zaak) SELECT count(*) FROM w'),
	('WITH w AS MATERIALIZED (SELECT * FROM zaak) SELECT id FROM w'),
	('SELECT v.id FROM vrij v, LATERAL (SELECT z.bsn FROM zaak z WHERE z.id = v.id) l'),
	('SELECT id, (SELECT max(v.id) FROM vrij v WHERE v.bsn = z.bsn) FROM zaak z'),
	('SELECT id FROM zaak UNION SELECT length(bsn) FROM zaak'),
	('SELECT id FROM zaak TABLESAMPLE SYSTEM (100) WHERE bsn IS NULL'),
	('SELECT id FROM zaak FOR UPDATE'),
	('UPDATE zaak SET titel = ''x'' WHERE id = 3'),
	('UPDATE zaak SET titel = bsn WHERE id = 3'),
	('UPDATE zaak SET titel = ''x'' WHERE bsn = ''SECRET-3'''),
	('UPDATE zaak SET titel = ''x'' WHERE id = 3 RETURNING bsn'),
	('UPDATE zaak SET titel = ''x'' WHERE id = 3 RETURNING *'),
	('UPDATE zaak SET titel = ''x'' FROM vrij WHERE vrij.bsn = zaak.bsn'),
	('DELETE FROM zaak WHERE bsn = ''SECRET-3'''),
	('DELETE FROM zaak USING vrij WHERE vrij.bsn = zaak.bsn'),
	('MERGE INTO zaak USING vrij ON zaak.bsn = vrij.bsn WHEN MATCHED THEN UPDATE SET titel = ''x'''),
	('MERGE INTO zaak USING vrij ON zaak.id = vrij.id WHEN MATCHED AND zaak.bsn = ''SECRET-3'' THEN DO NOTHING'),
	('MERGE INTO vrij USING zaak ON zaak.id = vrij.id WHEN MATCHED THEN UPDATE SET bsn = zaak.bsn'),
	('INSERT INTO vrij SELECT id, bsn FROM zaak'),
	('INSERT INTO zaak (id, soort, titel) VALUES (3, ''geval'', ''x'') ON CONFLICT (id) DO UPDATE SET titel = zaak.bsn'),
	('INSERT INTO zaak (id, soort, bsn) VALUES (9, ''gewoon'', ''SECRET-3'') ON CONFLICT (bsn) DO NOTHING'),
	('INSERT INTO zaak (id, soort, bsn) VALUES (9, ''gewoon'', ''OPEN-9'') RETURNING *'),
	('EXPLAIN SELECT bsn FROM zaak'),
	('DECLARE c CURSOR FOR SELECT bsn FROM zaak'),
	('CREATE TEMP TABLE kopie AS SELECT bsn FROM zaak'),
	('COPY (SELECT bsn FROM zaak) TO STDOUT'),
	('COPY zaak (bsn) TO STDOUT'),
	('SELECT kort FROM stuk'),
	('SELECT id FROM zaak_invoker'),
	('SELECT id, bsn FROM zaak_invoker'),
	('UPDATE zaak_view SET titel = ''x'' WHERE bsn = ''SECRET-3'''),
	('UPDATE zaak_invoker SET titel = ''x'' WHERE id = 3'),
	('UPDATE zaak_invoker SET titel = ''x'' WHERE bsn = ''SECRET-3'''),
	('DELETE FROM zaak_invoker WHERE bsn = ''SECRET-3''');
GRANT SELECT ON trial TO PUBLIC;
SET SESSION AUTHORIZATION columns_desk;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT n, attempt(sql), sql FROM trial ORDER BY n;
ROLLBACK;
-- A COPY names its columns too.
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SAVEPOINT s;
\set VERBOSITY terse
COPY (SELECT bsn FROM zaak) TO STDOUT;
ROLLBACK TO s;
COPY zaak (id, bsn) TO STDOUT;
ROLLBACK TO s;
COPY zaak (id, titel) TO STDOUT;
ROLLBACK;

-- In a view it is NULL, also to the view's own conditions, and to whoever makes a view.
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT * FROM zaak_view ORDER BY id;
SELECT * FROM zaak_invoker ORDER BY id;
SELECT * FROM zaak_where;
SELECT id FROM zaak_view WHERE bsn LIKE 'SECRET%';
SELECT v.id FROM zaak_view v JOIN vrij USING (bsn);
SELECT vrij.id, v.id AS zaak FROM vrij LEFT JOIN zaak_view v USING (bsn) ORDER BY 1;
SELECT vrij.id, v.bsn, v FROM vrij FULL JOIN zaak_view v USING (id) ORDER BY 1;
SELECT bsn, count(*) FROM zaak_view GROUP BY bsn ORDER BY bsn;
SELECT bsn, adres, count(*) FROM zaak_view GROUP BY GROUPING SETS ((bsn), (adres), ()) ORDER BY 1, 2;
SELECT zaak_view FROM zaak_view ORDER BY id;
SELECT to_jsonb(v) FROM zaak_view v ORDER BY id;
SELECT max(bsn), min(adres), string_agg(bsn, ',') FROM zaak_view;
UPDATE zaak_view SET titel = 'anders' WHERE id = 3 RETURNING *;
UPDATE zaak_view SET titel = bsn WHERE id = 3 RETURNING titel;
SAVEPOINT s;
UPDATE zaak_view SET deel[1] = 'y' WHERE id = 4 RETURNING deel;
ROLLBACK TO s;
CREATE TEMP VIEW eigen AS SELECT z.id, z.bsn, z AS rij, (SELECT s.bsn FROM stuk s WHERE s.zaak_id = z.id LIMIT 1) AS onder,
	EXISTS (SELECT FROM vrij WHERE vrij.bsn = z.bsn) AS erin FROM zaak z;
SELECT id, bsn, rtrim(rij::text, '0123456789abcdef-)') AS rij, onder, erin FROM eigen ORDER BY id;
CREATE FUNCTION pg_temp.toon(text) RETURNS boolean LANGUAGE plpgsql COST 0.00001 AS
	$$BEGIN RAISE WARNING 'shown: %', $1; RETURN true; END$$;
CREATE TEMP VIEW lek AS SELECT id, titel FROM zaak WHERE pg_temp.toon(bsn) WITH CHECK OPTION;
SELECT id FROM lek ORDER BY id;
UPDATE lek SET titel = 'x' WHERE id = 3;
ROLLBACK;

-- What a phase allows and another does not: row by row, named or not.
SET SESSION AUTHORIZATION columns_lead;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT id, bsn, adres, deel FROM zaak ORDER BY id;
SELECT rtrim(zaak::text, '0123456789abcdef-)') FROM zaak ORDER BY id;
SELECT id FROM zaak WHERE bsn LIKE '%';
SELECT id, bsn FROM stuk WHERE bsn IN ('SECRET-3', 'SECRET-4', 'OPEN-1') ORDER BY id;
SELECT zaak.id, stuk.id FROM zaak JOIN stuk USING (bsn) ORDER BY 1;
SELECT id, bsn FROM zaak_view ORDER BY id;
SAVEPOINT s;
UPDATE zaak SET deel[1] = 'y' WHERE id IN (3, 4) RETURNING id, deel;
ROLLBACK TO s;
UPDATE zaak SET deel[1] = 'y' WHERE id = 3 RETURNING id, deel;
UPDATE zaak SET titel = coalesce(bsn, 'niets') WHERE id IN (3, 4) RETURNING id, titel;
INSERT INTO stuk VALUES (9, 3, 'mijn eigen', 'EIGEN-9') RETURNING bsn;
SELECT bsn FROM stuk WHERE id = 9;
INSERT INTO stuk VALUES (9, 3, 'x') ON CONFLICT (id) DO UPDATE SET tekst = stuk.bsn RETURNING tekst;
INSERT INTO stuk VALUES (4, 3, 'x', 'z') ON CONFLICT (id) DO UPDATE SET tekst = coalesce(stuk.bsn, 'niets') || EXCLUDED.bsn RETURNING tekst, bsn;
ROLLBACK;
-- A conflict is found by the index of the column.
BEGIN;
SELECT casus.enter('intake') \g /dev/null
INSERT INTO zaak (id, soort, bsn) VALUES (9, 'gewoon', 'OPEN-1') ON CONFLICT (bsn) DO UPDATE SET titel = 'dubbel' RETURNING id, bsn;
ROLLBACK;
-- Its own row, also when the context has been left.
BEGIN;
SELECT casus.enter('intake') \g /dev/null
INSERT INTO zaak (id, soort, bsn) VALUES (8, 'geval', 'EIGEN-8');
SELECT casus.leave() \g /dev/null
SELECT id, bsn FROM zaak WHERE id = 8;
ROLLBACK;
-- The rest of the array is still there.
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SAVEPOINT s;
UPDATE zaak SET deel[2] = 'y' WHERE id = 4 RETURNING deel;
ROLLBACK TO s;
SELECT casus.decide(:four, 'sluiten', 'ja', 'x'), casus.advance(:four, 'klaar') \g /dev/null
SELECT casus.enter('klaar') \g /dev/null
SELECT id, replace(deel::text, 'SECRET', 'the lead may read') AS deel FROM zaak WHERE id = 4;
ROLLBACK;

-- What is generated from it is of its category, and kept out of the statistics.
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT id, bsn, kort FROM stuk ORDER BY id;
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT attname, coalesce(attstattarget, -1) AS target FROM pg_attribute
	WHERE attrelid = 'stuk'::regclass AND attname IN ('tekst', 'bsn', 'kort') ORDER BY attnum;
-- A column that comes later is of the category of the row, unless it is generated.
SELECT casus.maintenance('stuk', 'een kolom erbij') > now() AS open;
ALTER TABLE stuk ADD COLUMN later text DEFAULT 'later', ADD COLUMN staart text GENERATED ALWAYS AS (right(bsn, 3)) STORED;
SELECT casus.maintenance('stuk', 'klaar', '0') \g /dev/null
ALTER TABLE stuk RENAME COLUMN bsn TO burgernummer;
SET SESSION AUTHORIZATION columns_desk;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT id, later FROM stuk ORDER BY id;
SAVEPOINT s;
SELECT staart FROM stuk;
ROLLBACK TO s;
\set VERBOSITY default
SELECT * FROM stuk;
\set VERBOSITY terse
ROLLBACK;

RESET SESSION AUTHORIZATION;
-- Written by name too: what may not be brought in or corrected is refused, NULL and what stays as it was is not.
CREATE TABLE werk (id integer PRIMARY KEY, zaak_id integer NOT NULL REFERENCES zaak, tekst text, bsn text, soort text DEFAULT 'geen',
	adres text, kort text GENERATED ALWAYS AS (left(bsn, 3)) STORED);
GRANT ALL ON werk TO PUBLIC;
SELECT casus.protect('werk', 'kolommen', via => 'zaak_id', category => 'melding', columns => '{"bsn": "medisch", "soort": "medisch", "adres": "adres"}') \g /dev/null
SELECT casus.bind('werk', 'enforce') \g /dev/null
SET SESSION AUTHORIZATION columns_lead;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
INSERT INTO werk VALUES (1, 3, 'een', 'SECRET-1', 'ernstig', 'straat');
COMMIT;
CREATE TEMP TABLE trial2 (n serial, sql text);
INSERT INTO trial2 (sql) VALUES
	('INSERT INTO werk (id, zaak_id, tekst) VALUES (2, 4, ''twee'')'),
	('INSERT INTO werk (id, zaak_id, soort, adres) VALUES (3, 4, ''geen'', ''straat'')'),
	('INSERT INTO werk (id, zaak_id, bsn) VALUES (5, 4, NULL)'),
	('INSERT INTO werk (id, zaak_id, bsn) VALUES (8, 4, '''')'),
	('INSERT INTO werk (id, zaak_id, bsn) VALUES (4, 4, ''x'')'),
	('INSERT INTO werk (id, zaak_id, soort) VALUES (6, 4, ''ernstig'')'),
	('UPDATE werk SET bsn = ''x'' WHERE id = 2'),
	('INSERT INTO werk (id, zaak_id, bsn) VALUES (2, 4, ''x'') ON CONFLICT DO NOTHING'),
	('INSERT INTO werk (id, zaak_id) VALUES (2, 4) ON CONFLICT (id) DO UPDATE SET bsn = ''x'''),
	('INSERT INTO werk (id, zaak_id) VALUES (2, 4) ON CONFLICT (id) DO UPDATE SET tekst = ''x'''),
	('MERGE INTO werk USING vrij ON werk.id = vrij.id AND vrij.id = 2 WHEN NOT MATCHED AND vrij.id = 4 THEN INSERT (id, zaak_id, bsn) VALUES (40, 4, ''x'')'),
	('WITH w AS (INSERT INTO werk (id, zaak_id, bsn) VALUES (4, 4, ''x'') RETURNING id) SELECT id FROM w');
GRANT SELECT ON trial2 TO PUBLIC;
-- the lead brings in medical data in intake, and none in overleg, not even into a row of this transaction
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT n, attempt(sql), sql FROM trial2 ORDER BY n;
\set VERBOSITY default
INSERT INTO werk (id, zaak_id, bsn) VALUES (4, 4, 'x');
\set VERBOSITY terse
ROLLBACK;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
UPDATE werk SET bsn = 'x', soort = 'y' WHERE id = 1 RETURNING bsn, soort, kort;
SELECT casus.enter('beide') \g /dev/null
SELECT casus.move('werk', '1', '4', 'x');
ROLLBACK;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
UPDATE werk SET bsn = NULL, soort = NULL WHERE id = 1;
SELECT casus.enter('beide') \g /dev/null
SELECT casus.move('werk', '1', '4', 'x') > 0 AS moved;
ROLLBACK;
-- desk may correct the row and none of these: changing, emptying, and naming what it does not see: were the same value let pass, it would be told that it is
SET SESSION AUTHORIZATION columns_desk;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT verb, categories, code, column_name FROM casus.why('werk', :three) WHERE column_name IS NOT NULL ORDER BY 1, 4;
SELECT attempt($$UPDATE werk SET tekst = 'x' WHERE id = 1$$) AS row, attempt($$UPDATE werk SET bsn = 'x' WHERE id = 1$$) AS changed,
	attempt($$UPDATE werk SET bsn = NULL WHERE id = 1$$) AS emptied, attempt($$UPDATE werk SET bsn = 'SECRET-1' WHERE id = 1$$) AS the_same,
	attempt($$UPDATE werk SET adres = NULL WHERE id = 1$$) AS other;
UPDATE werk SET soort = 'x' WHERE id = 1;
ROLLBACK;
-- who reads it may write back what it is
SET SESSION AUTHORIZATION columns_lead;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
SELECT attempt($$UPDATE werk SET tekst = 'x', bsn = bsn, soort = 'ernstig' WHERE id = 1$$) AS same;
ROLLBACK;
-- with no capacity left a row of one's own is filled no further
SET SESSION AUTHORIZATION columns_lead;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
INSERT INTO werk (id, zaak_id) VALUES (7, 3);
SELECT attempt($$UPDATE werk SET bsn = 'x' WHERE id = 7$$);
SELECT casus.leave() \g /dev/null
SELECT attempt($$UPDATE werk SET tekst = 'x' WHERE id = 7$$), attempt($$UPDATE werk SET bsn = 'y' WHERE id = 7$$);
ROLLBACK;
RESET SESSION AUTHORIZATION;
-- observe: it is on record
CREATE TABLE gezien (id integer PRIMARY KEY, zaak_id integer NOT NULL REFERENCES zaak, bsn text);
GRANT ALL ON gezien TO PUBLIC;
SELECT casus.protect('gezien', 'kolommen', via => 'zaak_id', category => 'melding', columns => '{"bsn": "medisch"}') \g /dev/null
SELECT casus.bind('gezien', 'observe') \g /dev/null
SET SESSION AUTHORIZATION columns_lead;
BEGIN;
SELECT casus.enter('overleg') \g /dev/null
INSERT INTO gezien VALUES (6, 4, 'x');
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT count(*) AS rows, count(casus_label) AS labelled FROM gezien;
SET ROLE casus_auditor;
SELECT kind, code, text FROM casus.access_log WHERE relation = 'public.gezien' AND kind = 'would_refuse' AND code LIKE '%category';
RESET ROLE;

-- Functions are held to what their caller may read, whosever they are.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION eerste() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT bsn FROM zaak';
CREATE FUNCTION tweede() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER BEGIN ATOMIC SELECT bsn FROM zaak; END;
CREATE FUNCTION derde() RETURNS text LANGUAGE plpgsql AS 'DECLARE r record; BEGIN SELECT * INTO r FROM zaak LIMIT 1; RETURN r.bsn; END';
CREATE FUNCTION vierde(zaak) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.bsn';
CREATE FUNCTION vijfde() RETURNS SETOF zaak_view LANGUAGE sql STABLE AS 'SELECT * FROM zaak_view';
SET SESSION AUTHORIZATION columns_desk;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT attempt('SELECT eerste()'), attempt('SELECT * FROM eerste()'), attempt('SELECT tweede()'), attempt('SELECT * FROM tweede()'),
	attempt('SELECT derde()'), attempt('SELECT vierde(zaak) FROM zaak');
SELECT id, bsn FROM vijfde() ORDER BY id;
ROLLBACK;
SET SESSION AUTHORIZATION columns_lead;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT id, vierde(zaak), (zaak).adres FROM zaak ORDER BY id;
ROLLBACK;

-- A plan is nobody's: the same one refuses one capacity, and masks for another.
SET plan_cache_mode = force_generic_plan;
PREPARE van (int) AS SELECT id, bsn FROM zaak WHERE id = $1;
PREPARE zoek (text) AS SELECT id FROM stuk WHERE burgernummer = $1;
PREPARE kijk AS SELECT id, bsn FROM zaak_view ORDER BY id;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
EXECUTE van(3);
EXECUTE zoek('SECRET-3');
EXECUTE kijk;
ROLLBACK;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
EXECUTE van(3);
EXECUTE van(4);
EXECUTE zoek('SECRET-3');
EXECUTE zoek('SECRET-4');
EXECUTE kijk;
ROLLBACK;
BEGIN;
SELECT casus.enter('overleg') \g /dev/null
EXECUTE kijk;
EXECUTE van(4);
ROLLBACK;
SELECT name, generic_plans, custom_plans FROM pg_prepared_statements ORDER BY name;
-- An index serves a comparison with a constant; the value itself is judged after it.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
EXPLAIN (COSTS off) SELECT id FROM stuk WHERE burgernummer = 'SECRET-4';
RESET enable_seqscan;
RESET enable_bitmapscan;
EXPLAIN (COSTS off) SELECT vrij.id FROM vrij JOIN zaak_view v USING (bsn) WHERE vrij.id = 4;
ROLLBACK;
RESET plan_cache_mode;

-- An open cursor fails when what it has shown may no longer be shown.
BEGIN;
SELECT casus.enter('beide') \g /dev/null
DECLARE c CURSOR FOR SELECT id, bsn FROM zaak WHERE id >= 3 ORDER BY id;
FETCH 1 FROM c;
SELECT casus.decide(:three, 'verder', 'ja', 'x'), casus.advance(:three, 'overleg') \g /dev/null
FETCH 1 FROM c;
ROLLBACK;
-- What an outer join makes NULL is NULL as a whole; groups, sets, windows, recursion.
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT vrij.id, zaak::text IS NULL AS none, zaak.bsn FROM vrij LEFT JOIN zaak ON zaak.id = vrij.id AND zaak.id <> 4 ORDER BY 1;
SELECT zaak.id, zaak.bsn, count(*) FROM zaak CROSS JOIN vrij GROUP BY zaak.id ORDER BY 1;
SELECT bsn, upper(bsn), count(*) FROM zaak GROUP BY bsn HAVING bsn > '' ORDER BY bsn;
SELECT grouping(bsn), bsn FROM zaak GROUP BY ROLLUP (bsn) ORDER BY 1, 2;
SELECT bsn FROM zaak EXCEPT SELECT bsn FROM vrij ORDER BY 1;
SELECT id, lag(bsn) OVER (ORDER BY id) FROM zaak ORDER BY id;
WITH RECURSIVE r AS (SELECT id, bsn FROM zaak WHERE id = 1 UNION ALL SELECT z.id, z.bsn FROM zaak z JOIN r ON z.id = r.id + 1) SELECT * FROM r;
UPDATE zaak SET titel = coalesce(burgernummer, 'niets') FROM stuk WHERE zaak_id = zaak.id AND zaak.id > 1 RETURNING zaak.id, titel, bsn, burgernummer;
DELETE FROM stuk WHERE id > 1 RETURNING regexp_replace(stuk::text, '[0-9a-f]{8}-[-0-9a-f]*', 'label');
ROLLBACK;
-- In parallel, and compiled.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET jit_above_cost = 0;
SET jit_inline_above_cost = 0;
SET jit_optimize_above_cost = 0;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT string_agg(bsn, ',' ORDER BY id), string_agg(rtrim(z::text, '0123456789abcdef-)'), ' ' ORDER BY id) FROM zaak z;
ROLLBACK;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET jit_above_cost;
RESET jit_inline_above_cost;
RESET jit_optimize_above_cost;

-- A party sees the column of its own rows, and not of those that are shared with it.
SELECT casus.involve(:four, party => 'rood', reason => 'x') \g /dev/null
SET SESSION AUTHORIZATION columns_red;
BEGIN;
SELECT casus.enter('overleg') \g /dev/null
INSERT INTO stuk (id, zaak_id, tekst, burgernummer) VALUES (41, 4, 'van rood', 'ROOD-41');
COMMIT;
SET SESSION AUTHORIZATION columns_lead;
SELECT casus.share(:four, items => NULL, parties => '{rood}', motivation => 'x') \g /dev/null
SET SESSION AUTHORIZATION columns_red;
BEGIN;
SELECT casus.enter('overleg') \g /dev/null
SELECT id, tekst, burgernummer FROM stuk WHERE zaak_id = 4 ORDER BY id;
SELECT id, bsn, adres FROM zaak WHERE id = 4;
SELECT items, categories, code, column_name FROM casus.why('zaak', :four) WHERE column_name IS NOT NULL;
ROLLBACK;

-- Break-glass opens a dossier with all its columns.
RESET SESSION AUTHORIZATION;
SELECT casus.break_glass('brand', :four, '1 hour') > 0 AS opened;
SELECT id, burgernummer FROM stuk ORDER BY id;

-- Partitions: named by the parent or by themselves, whatever the place of the column in each.
CREATE TABLE brief (id int, jaar int, zaak_id int NOT NULL REFERENCES zaak, tekst text, bsn text, PRIMARY KEY (id, jaar)) PARTITION BY LIST (jaar);
CREATE TABLE brief_1 PARTITION OF brief FOR VALUES IN (1);
CREATE TABLE brief_2 (bsn text, tekst text, weg int, id int NOT NULL, jaar int NOT NULL, zaak_id int NOT NULL);
ALTER TABLE brief_2 DROP COLUMN weg;
ALTER TABLE brief ATTACH PARTITION brief_2 FOR VALUES IN (2);
GRANT ALL ON brief, brief_1, brief_2 TO PUBLIC;
SELECT casus.protect('brief', 'kolommen', via => 'zaak_id', category => 'melding', columns => '{"bsn": "medisch"}') \g /dev/null
SELECT casus.bind('brief', 'enforce') \g /dev/null
SET SESSION AUTHORIZATION columns_lead;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
INSERT INTO brief VALUES (1, 1, 3, 'a', 'SECRET-1'), (2, 2, 3, 'b', 'SECRET-2');
SELECT id, bsn FROM brief ORDER BY id;
UPDATE brief SET jaar = 3 - jaar WHERE bsn = 'SECRET-1' RETURNING id, bsn;
COMMIT;
SET SESSION AUTHORIZATION columns_desk;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
SELECT attempt('SELECT * FROM brief'), attempt('SELECT bsn FROM brief_2');
SELECT id, tekst FROM brief ORDER BY id;
CREATE TEMP VIEW brieven AS SELECT id, bsn, tekst FROM brief;
CREATE TEMP VIEW brieven_2 AS SELECT id, bsn, (brief_2).bsn AS weer FROM brief_2;
SELECT * FROM brieven ORDER BY id;
SELECT * FROM brieven_2 ORDER BY id;
ROLLBACK;

-- 18: what is computed when it is read, and the row as it was.
RESET SESSION AUTHORIZATION;
SELECT current_setting('server_version_num')::int >= 180000 AS has_virtual \gset
\if :has_virtual
SELECT casus.maintenance('stuk', 'een berekende kolom') \g /dev/null
ALTER TABLE stuk ADD COLUMN berekend text GENERATED ALWAYS AS (right(burgernummer, 3)) VIRTUAL;
SET SESSION AUTHORIZATION columns_desk;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
CREATE TEMP VIEW stukken AS SELECT * FROM stuk;
DO $$
BEGIN
	ASSERT attempt('SELECT berekend FROM stuk') = '42501 casus.wrong_category';
	ASSERT attempt('UPDATE stuk SET tekst = ''x'' WHERE id = 3 RETURNING old.burgernummer') = '42501 casus.wrong_category';
	ASSERT (SELECT berekend IS NULL AND burgernummer IS NULL FROM stukken WHERE id = 3);
END $$;
UPDATE stukken SET tekst = 'x' WHERE id = 3
	RETURNING 1 / (old.burgernummer IS NULL AND new.burgernummer IS NULL AND old.berekend IS NULL AND new.berekend IS NULL)::int \g /dev/null
ROLLBACK;
SET SESSION AUTHORIZATION columns_lead;
BEGIN;
SELECT casus.enter('beide') \g /dev/null
UPDATE stuk SET burgernummer = 'NEW' WHERE id = 3 RETURNING 1 / (old.burgernummer = 'SECRET-3' AND new.burgernummer = 'NEW' AND old.berekend = 'T-3')::int \g /dev/null
ROLLBACK;
\endif
