-- The rules for rows: labels of new rows, and the write verdict.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE rows_coord LOGIN;
CREATE ROLE rows_deleg LOGIN;
CREATE ROLE rows_app LOGIN;
\set coordinator rows_coord
\set delegate rows_deleg
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/ond.sql'
\i :fixture

CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text);
CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, tekst text);
CREATE TABLE bijlage (id integer PRIMARY KEY,
	stuk_id integer REFERENCES stuk DEFERRABLE INITIALLY DEFERRED, zaak_id integer REFERENCES zaak, naam text);
CREATE TABLE persoon (id integer PRIMARY KEY, zaak_id integer NOT NULL REFERENCES zaak,
	soort text, naam text NOT NULL DEFAULT '', telefoon text DEFAULT '');
GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, stuk, bijlage, persoon TO rows_coord, rows_deleg, rows_app;
INSERT INTO zaak VALUES (1, 1, 'gewoon'), (2, 8, 'signaal'), (3, 1, 'later');
INSERT INTO stuk VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c');
INSERT INTO bijlage VALUES (1, 1, NULL, 'a'), (2, 2, NULL, 'b'), (3, NULL, 2, 'c'), (4, NULL, NULL, 'd');
INSERT INTO persoon VALUES (1, 2, 'S', 'Jansen'), (2, 2, 'R', 'Buur');

SELECT count(*) > 2 AS lines FROM casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
SELECT count(*) > 2 AS lines FROM casus.protect('stuk', 'ond', via => 'zaak_id', category => 'signaalomschrijving');
SELECT count(*) > 2 AS lines FROM casus.protect('bijlage', 'ond', via => ARRAY['stuk_id', 'zaak_id'], item => 'inherit');
SELECT count(*) > 2 AS lines FROM casus.protect('persoon', 'ond', via => 'zaak_id', category => 'personalia',
	subject_category_column => 'soort', subject_category_map => '{"S": "subject", "R": "relatie", "A": "aandrager"}',
	columns => '{"telefoon": "zakelijke_contactgegevens"}');
SET client_min_messages = notice;
SELECT casus.bind('zaak', 'enforce');
CALL casus.take_in('zaak', phase => $$'intake'$$);
CALL casus.take_in('stuk');
CALL casus.take_in('bijlage');
CALL casus.take_in('persoon');
SELECT id, casus.label_text(casus_label) ~ 'outside' AS outside FROM zaak ORDER BY id;
SELECT casus.bind('zaak', 'enforce');
SELECT count(*) FROM casus.bind('stuk', 'enforce');
SELECT count(*) FROM casus.bind('bijlage', 'enforce');
SELECT count(*) FROM casus.bind('persoon', 'enforce');

-- outside the protocol: by ordinary GRANTs alone
SET ROLE rows_app;
SELECT id, casus_label FROM zaak ORDER BY id;
SELECT id FROM stuk ORDER BY id;
SELECT id FROM bijlage ORDER BY id;
INSERT INTO zaak VALUES (4, 1, 'nieuw') RETURNING id, casus_label;
INSERT INTO stuk VALUES (4, 4, 'x') RETURNING id, casus_label;
INSERT INTO bijlage VALUES (5, 4, NULL, 'x') RETURNING id, casus_label;
UPDATE zaak SET titel = 'anders' WHERE id = 4;
DELETE FROM bijlage WHERE id = 5;
-- governed, without a purpose: nothing is stored
INSERT INTO zaak VALUES (5, 8, 'signaal');
UPDATE zaak SET soort = 8 WHERE id = 4;
-- a child of a hidden parent and one of a missing parent: the same answer
INSERT INTO stuk VALUES (5, 2, 'x');
INSERT INTO stuk VALUES (5, 99, 'x');
BEGIN; INSERT INTO bijlage VALUES (6, 2, NULL, 'x'); COMMIT;
BEGIN; INSERT INTO bijlage VALUES (6, 99, NULL, 'x'); COMMIT;
-- labels are casus' own
INSERT INTO zaak (id, soort, titel, casus_label) VALUES (5, 1, 'x', gen_random_uuid());
UPDATE zaak SET casus_label = gen_random_uuid() WHERE id = 4;
UPDATE zaak SET casus_label = NULL WHERE id = 4;
RESET ROLE;

-- [B-9] [B-8] the coordinator, in purpose intake
SET ROLE rows_coord;
SELECT id FROM zaak ORDER BY id;
BEGIN;
SELECT casus.enter('intake');
SELECT id FROM zaak ORDER BY id;
SELECT id FROM stuk ORDER BY id;
SELECT id FROM bijlage ORDER BY id;
INSERT INTO stuk VALUES (5, 2, 'nieuw') RETURNING id;
UPDATE stuk SET tekst = 'beter' WHERE id = 5 RETURNING tekst;
INSERT INTO zaak VALUES (5, 8, 'tweede signaal') RETURNING id;
INSERT INTO stuk VALUES (6, 5, 'van het tweede') RETURNING id;
SAVEPOINT s; UPDATE stuk SET zaak_id = 2 WHERE id = 6; ROLLBACK TO s;
SAVEPOINT s; UPDATE stuk SET zaak_id = 1 WHERE id = 6; ROLLBACK TO s;
SAVEPOINT s; UPDATE zaak SET soort = 1 WHERE id = 5; ROLLBACK TO s;
-- parent after child, within the transaction
INSERT INTO bijlage VALUES (7, 7, NULL, 'eerst'), (8, 8, NULL, 'eerst') RETURNING id;
ROLLBACK;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO bijlage VALUES (7, 7, NULL, 'eerst'), (8, 8, NULL, 'eerst') RETURNING id;
UPDATE bijlage SET naam = 'nog eens' WHERE id = 7;
INSERT INTO stuk VALUES (7, 2, 'daarna'), (8, 1, 'buiten');
UPDATE bijlage SET naam = 'alweer' WHERE id = 8;
COMMIT;
SELECT id, naam FROM bijlage WHERE id IN (7, 8);
BEGIN; SELECT casus.enter('intake');
SELECT b.id, casus.dossier_of(b.casus_label) = casus.dossier_of(s.casus_label) AS same, casus.item_of(b.casus_label) = casus.item_of(s.casus_label) AS same_item
	FROM bijlage b JOIN stuk s ON s.id = b.stuk_id WHERE b.id = 7;
COMMIT;
-- [B-13] [B-15] [B-16] data by category of data subject
BEGIN; SELECT casus.enter('intake');
SAVEPOINT s; INSERT INTO persoon VALUES (10, 2, 'R', 'Buur', '06'); ROLLBACK TO s;
SAVEPOINT s; INSERT INTO persoon VALUES (10, 2, 'S', 'Jansen', '06'); ROLLBACK TO s;
SAVEPOINT s; INSERT INTO persoon VALUES (10, 2, 'A', 'Melder', '06'); ROLLBACK TO s;
SAVEPOINT s; INSERT INTO persoon VALUES (10, 2, 'X', 'Onbekend'); ROLLBACK TO s;
INSERT INTO persoon VALUES (10, 2, 'S', 'Pietersen', '');
SAVEPOINT s; UPDATE persoon SET telefoon = '06' WHERE id = 10; ROLLBACK TO s;
SAVEPOINT s; UPDATE persoon SET soort = 'R' WHERE id = 10; ROLLBACK TO s;
COMMIT;
-- outside to governed by UPDATE: what hangs on it goes along
BEGIN; SELECT casus.enter('intake');
UPDATE zaak SET soort = 8 WHERE id = 3;
SELECT s.id, casus.dossier_of(s.casus_label) = casus.dossier_of(z.casus_label) AS same FROM stuk s JOIN zaak z ON z.id = s.zaak_id WHERE z.id = 3;
COMMIT;
RESET ROLE;
SET ROLE rows_app; SELECT id FROM stuk ORDER BY id; SELECT id FROM zaak ORDER BY id; RESET ROLE;

-- the same parent, seen by a delegate who takes part in nothing: as if it were missing
SET ROLE rows_deleg;
BEGIN; SELECT casus.enter('intake', file => 'ond'); ROLLBACK;
INSERT INTO persoon VALUES (11, 2, 'S', 'X');
INSERT INTO persoon VALUES (11, 98, 'S', 'X');
DELETE FROM zaak WHERE id = 2;
RESET ROLE;
-- past row security: ON CONFLICT and referential actions are judged by the trigger
SET ROLE rows_app;
INSERT INTO stuk VALUES (2, 1, 'x') ON CONFLICT (id) DO UPDATE SET tekst = 'overschreven';
RESET ROLE;
ALTER TABLE persoon DISABLE TRIGGER "~casus_row";
SET session_replication_role = replica;
INSERT INTO persoon VALUES (12, 2, 'S', 'replica');
SET session_replication_role = origin;

-- the codes
CREATE FUNCTION code(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE c text;
BEGIN EXECUTE sql; RETURN 'ok';
EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS c = CONSTRAINT_NAME; RETURN sqlstate || ' ' || c; END $$;
GRANT EXECUTE ON FUNCTION code TO PUBLIC;
SET ROLE rows_app;
SELECT code('INSERT INTO zaak VALUES (6, 8, ''x'')'), code('INSERT INTO stuk VALUES (9, 2, ''x'')'),
	code('UPDATE zaak SET casus_label = NULL WHERE id = 4');
RESET ROLE;
SET ROLE rows_coord;
BEGIN; SELECT casus.enter('intake');
SELECT code('INSERT INTO persoon VALUES (13, 2, ''A'', ''x'')');
COMMIT;
RESET ROLE;
-- a predicate that fails for one row decides of the next as before
CREATE TABLE deel (id integer PRIMARY KEY, n integer);
SELECT count(*) > 2 AS lines FROM casus.protect('deel', 'ond', opens_dossier => true, governs => '10 / n = ANY (ARRAY[2, 3, 5])', category => 'registratie');
SELECT count(*) > 2 AS lines FROM casus.bind('deel', 'enforce');
SELECT id, code(format('INSERT INTO deel VALUES (%s, %L)', id, n)) FROM (VALUES (1, 1), (2, 0), (3, 2), (4, 1), (5, 0), (6, 5), (7, NULL)) v (id, n) ORDER BY id;
SELECT id, code(format('UPDATE deel SET n = %s WHERE id = %s', n, id)) FROM (VALUES (1, 0), (1, 10), (4, 3)) v (id, n);
SELECT id, n FROM deel ORDER BY id;
-- settings of who writes do not change which rows are governed
CREATE TABLE melding (id integer PRIMARY KEY, nr text, sinds timestamptz);
SELECT count(*) > 2 AS lines FROM casus.protect('melding', 'ond', opens_dossier => true,
	governs => $$nr ~ '^\d+-O$' OR sinds >= '2024-01-01'$$, category => 'registratie');
SELECT count(*) > 2 AS lines FROM casus.bind('melding', 'enforce');
GRANT INSERT ON melding TO rows_app;
\c -
SET client_min_messages = error;
SET standard_conforming_strings = off;
SET TimeZone = 'America/New_York';
SET ROLE rows_app;
SELECT code('INSERT INTO melding VALUES (1, ''12-O'', NULL)') AS by_number,
	code('INSERT INTO melding VALUES (2, ''x'', ''2024-01-01 00:30+01'')') AS by_day,
	code('INSERT INTO melding VALUES (3, ''x'', ''2023-12-31 23:30+01'')') AS neither;
RESET ROLE;
-- ON CONFLICT: a row that is there opens no dossier; a row of the same statement, one that is outside, one that is hidden
RESET TimeZone;
RESET standard_conforming_strings;
CREATE TABLE zaken (id integer PRIMARY KEY, titel text) PARTITION BY RANGE (id);
CREATE TABLE zaken_1 PARTITION OF zaken FOR VALUES FROM (0) TO (10);
SELECT count(*) > 2 AS lines FROM casus.protect('zaken', 'ond', opens_dossier => true, category => 'registratie');
SELECT count(*) > 2 AS lines FROM casus.bind('zaken', 'enforce');
GRANT SELECT, INSERT, UPDATE ON zaken TO rows_coord;
CREATE TABLE berekend (id integer PRIMARY KEY, nr integer, half integer GENERATED ALWAYS AS (nr / 2) STORED);
CREATE UNIQUE INDEX ON berekend (coalesce(half, 0)) WHERE half IS DISTINCT FROM 9;
SELECT count(*) > 2 AS lines FROM casus.protect('berekend', 'ond', opens_dossier => true, category => 'registratie');
SELECT count(*) > 2 AS lines FROM casus.bind('berekend', 'enforce');
GRANT SELECT, INSERT, UPDATE ON berekend TO rows_coord;
SET SESSION AUTHORIZATION rows_coord;
BEGIN;
SELECT FROM casus.enter('intake');
SELECT count(*) AS dossiers FROM casus.dossier \gset
INSERT INTO zaak VALUES (50, 8, 'een') RETURNING id;
INSERT INTO zaak VALUES (50, 8, 'twee') ON CONFLICT (id) DO UPDATE SET titel = EXCLUDED.titel RETURNING id, titel;
INSERT INTO zaak VALUES (50, 8, 'drie'), (51, 8, 'een'), (51, 8, 'twee'), (1, 8, 'buiten') ON CONFLICT DO NOTHING RETURNING id;
WITH w AS (INSERT INTO zaak VALUES (50, 8, 'vier'), (52, 8, 'een') ON CONFLICT (id) DO UPDATE SET titel = EXCLUDED.titel RETURNING id) SELECT id FROM w;
SELECT id, titel, casus.dossier_of(casus_label) IS NOT NULL AS labelled FROM zaak WHERE id BETWEEN 50 AND 52 ORDER BY id;
SELECT count(*) - :dossiers AS opened FROM casus.dossier;
-- through a parent whose rows are in a partition
INSERT INTO zaken VALUES (1, 'een') RETURNING id;
INSERT INTO zaken VALUES (1, 'twee'), (2, 'een') ON CONFLICT (id) DO UPDATE SET titel = EXCLUDED.titel RETURNING id, titel;
SELECT count(*) - :dossiers AS opened FROM casus.dossier;
-- a key of a column that is computed after the trigger is not foreseen: no row gets the label of another
INSERT INTO berekend (id, nr) VALUES (1, 1) RETURNING id;
INSERT INTO berekend (id, nr) VALUES (2, 6), (3, 0) ON CONFLICT DO NOTHING RETURNING id;
SELECT count(*), count(DISTINCT casus.dossier_of(casus_label)) AS dossiers FROM berekend;
SELECT count(*) AS dossiers FROM casus.dossier \gset
-- an outside row that becomes governed by it opens its own
INSERT INTO zaak VALUES (4, 8, 'nu') ON CONFLICT (id) DO UPDATE SET soort = 8 RETURNING id, casus.dossier_of(casus_label) IS NOT NULL AS labelled;
SELECT count(*) - :dossiers AS opened FROM casus.dossier;
ROLLBACK;
RESET SESSION AUTHORIZATION;
DROP OWNED BY rows_coord, rows_deleg, rows_app;
DROP ROLE rows_coord, rows_deleg, rows_app;
