-- What a violated constraint tells of a governed row, to whom row security does not bind: its kind and
-- its name, but no value of the row.  Values are HIDDEN in what may not show up.  [B-29]
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE errors_bypass LOGIN BYPASSRLS;
\o /dev/null
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond');
SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "x"}');
SELECT casus.add_person('Coord', 'errors_bypass', oath_on => '2020-01-01');
SELECT casus.appoint('Coord', 'ond', NULL, 'coordinator', reason => 'test');
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text NOT NULL, nummer text CHECK (nummer <> 'bad'),
	buurt text UNIQUE, plaats integer, jaar integer CHECK (jaar < 3000), UNIQUE (plaats, titel));
CREATE TABLE vrij (buurt text REFERENCES zaak (buurt));
CREATE TABLE later (buurt text REFERENCES zaak (buurt) DEFERRABLE INITIALLY DEFERRED);
CREATE VIEW kort AS SELECT * FROM zaak WHERE plaats < 100 WITH CHECK OPTION;
INSERT INTO zaak VALUES (1, 1, 'open', 'OPEN', 'OPEN', 1, 1), (2, 1, 'open', 'OPEN', 'OPEN-2', 2, 2);
GRANT ALL ON zaak, vrij, later, kort TO errors_bypass;
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie', without_purpose => 'hide');
CALL casus.take_in('zaak', phase => $$'intake'$$);
SELECT casus.bind('zaak', 'enforce');
SET SESSION AUTHORIZATION errors_bypass;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO zaak VALUES (3, 8, 'HIDDEN', 'HIDDEN', 'HIDDEN', 3, 3), (4, 8, 'HIDDEN', 'HIDDEN', 'HIDDEN-4', 4, 4), (5, 8, 'HIDDEN', 'HIDDEN', 'HIDDEN-5', 5, 5);
COMMIT;
RESET SESSION AUTHORIZATION;
INSERT INTO vrij VALUES ('HIDDEN');
INSERT INTO later VALUES ('HIDDEN-4');
\o
CREATE FUNCTION public.told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	name text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, name = CONSTRAINT_NAME;
	RETURN concat_ws(' / ', SQLSTATE, name, CASE detail WHEN '' THEN 'no detail' ELSE detail END);
END $$;
-- The row is outside: as ever.
SET SESSION AUTHORIZATION errors_bypass;
SELECT told('UPDATE zaak SET id = NULL WHERE id = 1');
SELECT told('UPDATE zaak SET nummer = ''bad'' WHERE id = 1');
SELECT told('UPDATE zaak SET plaats = 1 WHERE id = 2');
BEGIN;
SELECT casus.enter('intake') \g /dev/null
SELECT told('UPDATE zaak SET id = NULL WHERE id = 1');
SELECT told('INSERT INTO vrij VALUES (''none'')');
-- It is governed.
SELECT told('UPDATE zaak SET id = NULL WHERE id = 3');
SELECT told('UPDATE zaak SET nummer = ''bad'' WHERE id = 3');
SELECT told('UPDATE zaak SET plaats = 3 WHERE id = 4');
SELECT told('UPDATE zaak SET jaar = 4000 WHERE id = 3');
SELECT told('UPDATE kort SET plaats = 200 WHERE id = 3');
SELECT told('UPDATE zaak SET buurt = ''x'' WHERE id = 3');
SELECT told('WITH changed AS (UPDATE zaak SET nummer = ''bad'' WHERE id = 3 RETURNING id) SELECT count(*) FROM changed');
SELECT told('INSERT INTO zaak VALUES (3, 8) ON CONFLICT (id) DO UPDATE SET nummer = ''bad''');
-- As the client sees it.
SAVEPOINT s;
UPDATE zaak SET id = NULL WHERE id = 3;
ROLLBACK TO s;
-- Deferred: when asked for, and when the transaction ends.
UPDATE zaak SET buurt = 'x' WHERE id = 4;
SELECT told('SET CONSTRAINTS ALL IMMEDIATE');
COMMIT;
-- The next statement is told as ever.
INSERT INTO vrij VALUES ('none');
