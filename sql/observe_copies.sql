-- What enforce refuses as a copy is done in mode observe and is on record: rows outside the protocol that are made from governed ones,
-- tables, functions that read; and of a family of tables as of one.  [E: derived copies]
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE ocop_coord LOGIN;
CREATE ROLE ocop_auditor LOGIN IN ROLE casus_auditor;
GRANT CREATE ON SCHEMA public TO ocop_coord;
\o /dev/null
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond');
SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
SELECT casus.add_person('Coord', 'ocop_coord', oath_on => '2020-01-01');
SELECT casus.appoint('Coord', 'ond', NULL, 'coordinator', reason => 'test');
\o
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text);
CREATE TABLE regel (id integer, wijk integer, zaak_id integer REFERENCES zaak, tekst text, PRIMARY KEY (id, wijk)) PARTITION BY LIST (wijk);
CREATE TABLE regel_1 PARTITION OF regel FOR VALUES IN (1);
CREATE TABLE regel_2 PARTITION OF regel FOR VALUES IN (2);
CREATE TABLE kopie (id integer, tekst text);
CREATE FUNCTION lees(wat integer) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT titel FROM zaak WHERE id = wat); END $$;
CREATE FUNCTION lees_vast(wat integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN (SELECT titel FROM zaak WHERE id = wat); END $$;
INSERT INTO zaak VALUES (1, 1, 'open'), (2, 8, 'geheim'), (3, 1, 'ook open');
INSERT INTO regel VALUES (11, 1, 1, 'open'), (12, 2, 2, 'geheim');
GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, regel, regel_2, kopie TO ocop_coord;
CREATE TABLE tried (n serial, sql text);
INSERT INTO tried (sql) VALUES
	('INSERT INTO zaak SELECT id + 100, 1, titel FROM zaak WHERE id = 2'),
	('INSERT INTO zaak SELECT id + 100, 1, titel FROM zaak WHERE id = 1'),
	('INSERT INTO zaak SELECT id + 100, 1, titel FROM zaak WHERE id < 3 ORDER BY id'),
	('INSERT INTO zaak SELECT 103, 1, tekst FROM regel WHERE id = 12'),
	('INSERT INTO zaak SELECT 103, 1, tekst FROM regel_2'),
	('INSERT INTO zaak SELECT 103, 1, tekst FROM regel WHERE id = 11'),
	('UPDATE zaak SET titel = (SELECT max(tekst) FROM regel WHERE zaak_id = 2) WHERE id = 1'),
	('UPDATE regel r SET tekst = (SELECT s.tekst FROM regel s WHERE s.id = 12) WHERE id = 11'),
	('INSERT INTO regel SELECT 13, 1, 1, titel FROM zaak WHERE id = 2'),
	('INSERT INTO zaak VALUES (106, 1, lees(2))'),
	('INSERT INTO zaak VALUES (107, 1, ''eigen''), (108, 1, lees(2))'),
	('INSERT INTO zaak VALUES (109, 1, lees(1))'),
	('INSERT INTO regel VALUES (14, 1, 1, lees(2))'),
	('INSERT INTO regel VALUES (15, 1, 1, ''eigen''), (16, 1, 1, lees(2))'),
	('DELETE FROM zaak WHERE id = 3 AND lees(2) <> '''''),
	('INSERT INTO kopie SELECT id, titel FROM zaak WHERE id = 2'),
	('INSERT INTO kopie VALUES (1, lees(2)), (2, lees(2))'),
	('INSERT INTO kopie VALUES (1, lees(1))'),
	('CREATE TABLE kopie_2 AS SELECT lees(2)'),
	('CREATE TEMP TABLE kopie_3 AS SELECT lees(2)'),
	('SELECT lees_vast(2)'),
	('INSERT INTO regel VALUES (17, 2, 2, ''weg'')'),
	('INSERT INTO regel VALUES (18, 1, 1, ''weg'')');
CREATE FUNCTION weg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO kopie VALUES (NEW.id, NEW.tekst); RETURN NEW; END';
CREATE TRIGGER weg BEFORE INSERT ON regel FOR EACH ROW WHEN (NEW.tekst = 'weg') EXECUTE FUNCTION weg();
GRANT SELECT ON tried TO PUBLIC;
-- Undone, but what is on record stays; the log knows a statement by the name of its application.
CREATE FUNCTION attempt(n integer, sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
BEGIN
	PERFORM set_config('application_name', format('%s %s', current_setting('ocop.mode'), n), false);
	PERFORM casus.enter('intake');
	EXECUTE sql;
	RAISE 'done' USING ERRCODE = 'ZZ999';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME;
	RETURN coalesce(nullif(code, ''), SQLERRM);
END $$;
\o /dev/null
SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
SELECT casus.protect('regel', 'ond', via => 'zaak_id', category => 'signaalomschrijving');
CALL casus.take_in('zaak', phase => '''intake''');
CALL casus.take_in('regel');
SELECT casus.bind('zaak', 'observe');
SELECT casus.bind('regel', 'observe');
\o
\pset format unaligned
\pset tuples_only on
-- Both observed, then the cases in force while their lines are observed yet, then both in force.
SET SESSION AUTHORIZATION ocop_coord;
SET ocop.mode = 'observed';
SELECT n, attempt(n, sql) FROM tried ORDER BY n;
-- COPY of a whole table meets no plan, and is on record all the same: as what a reader is let through, to who asks for all or nothing (as pg_dump
-- does) as what enforce refuses, and to a file or a program as such.  A partitioned table is none that COPY takes, as before.  [B-50]
SET application_name = 'copy';
COPY zaak (id, titel) TO STDOUT;
BEGIN;
SELECT casus.enter('intake') IS NULL AS entered;
COPY zaak (id, titel) TO STDOUT (FORMAT csv, FORCE_QUOTE (titel), HEADER);
ROLLBACK;
SET row_security = off;
COPY regel_2 (id, tekst) TO STDOUT;
RESET row_security;
COPY regel (id, tekst) TO STDOUT;
RESET SESSION AUTHORIZATION;
SET application_name = 'copy by a superuser';
COPY regel_2 (id, tekst) TO PROGRAM 'cat >/dev/null';
CREATE ROLE ocop_backup LOGIN BYPASSRLS IN ROLE casus_backup, pg_read_all_data;
SET SESSION AUTHORIZATION ocop_backup;
SET application_name = 'copy by the backup login';
COPY zaak (id, titel) TO STDOUT;
SET SESSION AUTHORIZATION ocop_auditor;
SELECT application, kind, relation, array_length(dossiers, 1) AS dossiers, row_counts, purpose, code, regexp_replace(text, 'sha256 \w{64}', 'sha256 ...') AS text, query_id <> 0 AS query
	FROM casus.access_log WHERE application LIKE 'copy%' AND kind <> 'setup' ORDER BY seq;
RESET SESSION AUTHORIZATION;
RESET application_name;
\o /dev/null
SELECT casus.bind('zaak', 'enforce');
\o
SET SESSION AUTHORIZATION ocop_coord;
SET ocop.mode = 'half';
SELECT n, attempt(n, sql) FROM tried ORDER BY n;
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT casus.bind('regel', 'enforce');
\o
SET SESSION AUTHORIZATION ocop_coord;
SET ocop.mode = 'enforced';
SELECT n, attempt(n, sql) FROM tried ORDER BY n;
RESET SESSION AUTHORIZATION;
-- What was on record of those that were done.
SET SESSION AUTHORIZATION ocop_auditor;
SELECT split_part(application, ' ', 1) AS mode, n, sql, string_agg(concat_ws(' ', relation, code, regexp_replace(text, '^.*: ', '')), '; ' ORDER BY seq)
	FROM casus.access_log JOIN tried ON application ~ (' ' || n || '$') WHERE kind = 'would_refuse' AND role = 'ocop_coord'
	GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2;
RESET SESSION AUTHORIZATION;
