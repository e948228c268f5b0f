-- Everything about a data subject, of a log that knows dossiers: who saw the dossiers in which somebody stands, how many
-- stand in those of a breach; and who cannot find out by it where somebody stands.  [P-49] [B-47] [B-50] [MN-10] (D 20)
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
\pset footer off
SET client_min_messages = warning;
CREATE ROLE su_coordinator LOGIN;
CREATE ROLE su_other LOGIN;
CREATE ROLE su_auditor LOGIN IN ROLE casus_auditor;
CREATE ROLE su_owner LOGIN;
GRANT casus_admin TO su_owner;
CREATE ROLE su_backup LOGIN BYPASSRLS IN ROLE casus_backup;
\set coordinator su_coordinator
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/zorg.sql'
\i :fixture
SELECT casus.add_person('Ander', 'su_other', oath_on => '2020-01-01') > 0 AS ok;
SELECT casus.appoint('Ander', 'zorg', NULL, 'coordinator', reason => 'test') > 0 AS ok;

-- A domain whose check tells of each value that it sees.
CREATE FUNCTION kijk(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE WARNING 'seen by a domain: %', $1; RETURN true; END$$;
CREATE DOMAIN nummer AS varchar(9) CHECK (kijk(VALUE));
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE soort AS (a integer);
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
CREATE TABLE rol (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, bsn varchar(9), lijst text[], iets json, rij soort, adres text);
CREATE INDEX ON rol (bsn);
CREATE TABLE meting (id integer, zaak_id integer REFERENCES zaak, dag date, klant_id integer, PRIMARY KEY (id, dag)) PARTITION BY RANGE (dag);
CREATE TABLE meting_1 PARTITION OF meting FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE meting_2 (klant_id integer, dag date NOT NULL, zaak_id integer REFERENCES zaak, id integer NOT NULL, PRIMARY KEY (id, dag));
ALTER TABLE meting ATTACH PARTITION meting_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE stuk (id integer PRIMARY KEY, over nummer COLLATE "C");
CREATE TABLE zaakstuk (zaak_id integer REFERENCES zaak, stuk_id integer REFERENCES stuk, PRIMARY KEY (zaak_id, stuk_id));
CREATE TABLE bericht (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, aan char(12));
CREATE TABLE brief (extra integer, PRIMARY KEY (id), FOREIGN KEY (zaak_id) REFERENCES zaak) INHERITS (bericht);
INSERT INTO zaak VALUES (1, 8), (2, 8), (3, 8), (4, 8), (5, 1);
INSERT INTO rol (id, zaak_id, bsn) VALUES (1, 1, '111111110'), (2, 1, '222222220'), (3, 2, '111111110'), (4, 2, '111111110'), (5, 5, '111111110'), (6, 3, E'O''Brien"'), (7, 3, NULL);
INSERT INTO meting VALUES (1, 1, '2026-01-02', 41), (2, 2, '2026-02-02', 41), (3, 3, '2026-02-03', 42);
SET client_min_messages = error;
INSERT INTO stuk VALUES (1, 'Jansen'), (2, 'Pietersen'), (3, 'JANSEN');
SET client_min_messages = warning;
INSERT INTO zaakstuk VALUES (1, 1), (4, 1), (3, 2), (2, 3);
INSERT INTO bericht VALUES (1, 4, 'Willems');
INSERT INTO brief VALUES (2, 3, 'Willems', 0);
SELECT object, detail FROM casus.survey('public') WHERE finding = 'subject_column' ORDER BY relation, object;

-- What protect takes for a column that names somebody.
ALTER TABLE zaak OWNER TO su_owner;
ALTER TABLE rol OWNER TO su_owner;
SET SESSION AUTHORIZATION su_owner;
SELECT count(*) > 0 AS ok FROM casus.protect('zaak', 'zorg', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
SELECT casus.protect('rol', 'zorg', via => 'zaak_id', category => 'personalia', subject_category => 'subject', subject_column => 'persoon');
SELECT casus.protect('rol', 'zorg', via => 'zaak_id', category => 'personalia', subject_category => 'subject', subject_column => 'lijst');
SELECT casus.protect('rol', 'zorg', via => 'zaak_id', category => 'personalia', subject_category => 'subject', subject_column => 'iets');
SELECT casus.protect('rol', 'zorg', via => 'zaak_id', category => 'personalia', subject_category => 'subject', subject_column => 'rij');
SELECT line FROM casus.protect('rol', 'zorg', via => 'zaak_id', category => 'personalia', subject_category => 'subject', subject_column => 'bsn') line WHERE line ~ 'bsn';
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT casus.protect('meting', 'zorg', via => 'zaak_id', category => 'personalia', subject_category => 'subject', subject_column => 'klant_id');
SELECT casus.protect('zaakstuk', 'zorg', via => 'zaak_id', category => 'registratie');
SELECT casus.protect('stuk', 'zorg', via_link => 'zaakstuk', category => 'personalia', subject_category => 'subject', subject_column => 'over');
SELECT casus.protect('bericht', 'zorg', via => 'zaak_id', category => 'personalia', subject_category => 'subject', subject_column => 'aan');
CALL casus.take_in('zaak', phase => $$'intake'$$, opened => $$'2026-01-01'$$);
CALL casus.take_in('rol');
CALL casus.take_in('meting');
CALL casus.take_in('zaakstuk');
CALL casus.take_in('stuk');
CALL casus.take_in('bericht');
SELECT casus.bind(t, 'enforce') FROM unnest('{zaak, rol, meting, zaakstuk, stuk, bericht}'::regclass[]) t;
\o
GRANT SELECT ON zaak, rol, meting, zaakstuk, stuk, bericht TO su_coordinator, su_other, su_backup;
SELECT clock_timestamp() AS begin \gset

SET SESSION AUTHORIZATION su_coordinator;
BEGIN;
SELECT FROM casus.enter('intake');
SELECT casus.dossier_of(casus_label) - 1 AS base FROM zaak WHERE id = 1 \gset
SELECT id, casus.dossier_of(casus_label) - :base AS nr FROM zaak ORDER BY id;
SELECT count(*) FROM rol WHERE adres IS NULL;
SELECT count(*) FROM meting;
COMMIT;
SET SESSION AUTHORIZATION su_other;
BEGIN;
SELECT FROM casus.enter('intake');
SELECT count(*) FROM zaak WHERE id = 2;
SELECT count(*) FROM zaak WHERE id = 4;
SELECT count(*) FROM bericht;
COMMIT;
SELECT clock_timestamp() AS end \gset

-- The auditor: who saw the dossiers in which somebody stands; a row outside the protocol is in none.
SET SESSION AUTHORIZATION su_auditor;
SELECT dossier - :base AS nr, person, role, file, office, purpose, source, phase, relation, row_count, kind, opening IS NULL AS no_opening, node IS NOT NULL AND seq > 0 AS told
	FROM casus.who_saw_subject('111111110', :'begin', :'end');
-- What comes is what who_saw has of these dossiers.
SELECT s.rows = w.rows AS same, cardinality(w.rows) AS n
FROM (SELECT array_agg(x::text ORDER BY x::text) AS rows FROM (SELECT dossier, at, person, role, file, office, party, purpose, source, phase, relation, row_count, opening, node, seq, kind
		FROM casus.who_saw_subject('111111110', :'begin', :'end')) x) s,
	(SELECT array_agg(x::text ORDER BY x::text) AS rows FROM (SELECT d, l.* FROM unnest(ARRAY[:base + 1, :base + 2]) d, casus.who_saw(d, :'begin', :'end') l) x) w;
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('222222220', :'begin');
SELECT count(*) FROM casus.who_saw_subject('222222220', :'end');
SELECT count(*) FROM casus.who_saw_subject('222222220', NULL, :'begin');
SELECT count(*) FROM casus.who_saw_subject('111111119');
-- A value with quotes; one that would be cut to fit; nobody's, in whose place no NULL is found.
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject(E'O''Brien"', :'begin');
SELECT count(*) FROM casus.who_saw_subject('1111111100', :'begin');
SELECT count(*) FROM casus.who_saw_subject('', :'begin');
-- Partitions, whose columns stand elsewhere; a table that inherits; blanks at the end as the type has them; several dossiers
-- by a link table.
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('41', :'begin');
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('42', :'begin');
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('Willems', :'begin');
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('Jansen', :'begin');
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('Pietersen', :'begin');
-- In one table, and what of it is not so.
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('41', :'begin', in_table => 'meting');
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('41', :'begin', in_table => 'meting_2');
SELECT count(*) FROM casus.who_saw_subject('41', :'begin', in_table => 'rol');
SELECT * FROM casus.who_saw_subject('Jansen', in_table => 'meting');
SELECT * FROM casus.who_saw_subject('4294967296000', in_table => 'meting');
SELECT * FROM casus.who_saw_subject('41', in_table => 'zaak');
SELECT * FROM casus.who_saw_subject('41', in_table => 'pg_class');
SELECT * FROM casus.who_saw_subject(NULL);

-- The question is on record, one line for each, the refused ones too; not whom it was about.
SELECT kind, relation, dossiers, role, text, count(*) > 20 AS all FROM casus.access_log WHERE code = 'who_saw_subject' GROUP BY 1, 2, 3, 4, 5;
SELECT count(*) FROM casus.access_log l WHERE at >= :'end' AND l::text ~ '11111111|Brien|Jansen';
SELECT person, role, what, records > 20 AS all FROM casus.log_read_back(:'end') WHERE what = 'who_saw_subject';

-- Nobody else finds out where somebody stands: not the owner of the table, who made an index and an operator for it, not a
-- superuser, not who read the dossier, not by a function that an auditor lends.
RESET SESSION AUTHORIZATION;
GRANT CREATE ON SCHEMA public TO su_auditor;
SET SESSION AUTHORIZATION su_auditor;
CREATE FUNCTION geleend(text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM casus.who_saw_subject($1)';
SELECT geleend('111111110') > 0 AS auditor;
SET SESSION AUTHORIZATION su_owner;
SELECT * FROM casus.who_saw_subject('111111110');
SELECT geleend('111111110');
SELECT * FROM casus.who_saw_subject('999999999');
SELECT * FROM casus.who_saw_subject('no number', in_table => 'meting');
SELECT * FROM casus.who_saw_subject(NULL);
SET SESSION AUTHORIZATION su_other;
SELECT * FROM casus.who_saw_subject('111111110');
SELECT geleend('111111110');
SELECT * FROM casus_int.dossiers_about('111111110', NULL);
SET SESSION AUTHORIZATION su_backup;
SELECT * FROM casus.who_saw_subject('111111110');
RESET SESSION AUTHORIZATION;
SELECT * FROM casus.who_saw_subject('111111110');
SELECT * FROM casus.who_saw_subject('999999999');
SELECT * FROM casus_int.dossiers_about('111111110', NULL);
SELECT * FROM casus_int.subjects_in(ARRAY[:base + 1], ARRAY['public.rol']);
SELECT geleend('111111110');
SET SESSION AUTHORIZATION su_auditor;
SELECT role, count(*) FROM casus.access_log WHERE code = 'who_saw_subject' AND role <> 'su_auditor' AND at >= :'end' GROUP BY 1 ORDER BY 1;
SELECT role, code, count(*) FROM casus.access_log WHERE kind = 'refusal' AND at >= :'end' GROUP BY 1, 2 ORDER BY 1, 2;

-- Operators and casts of a user, named as those of the server and before them in the path, are not run.
RESET SESSION AUTHORIZATION;
CREATE SCHEMA vals AUTHORIZATION su_owner;
GRANT USAGE ON SCHEMA vals TO PUBLIC;
CREATE FUNCTION vals.gelijk(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'seen by an operator: %', $1; RETURN true; END$$;
CREATE FUNCTION vals.gelijk(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'seen by an operator: %', $1; RETURN true; END$$;
CREATE FUNCTION vals.gelijk(integer, integer) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'seen by an operator: %', $1; RETURN true; END$$;
CREATE FUNCTION vals.getal(text) RETURNS integer LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'seen by a cast: %', $1; RETURN 41; END$$;
CREATE OPERATOR vals.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = vals.gelijk);
CREATE OPERATOR vals.= (LEFTARG = text, RIGHTARG = text, FUNCTION = vals.gelijk);
CREATE OPERATOR vals.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = vals.gelijk);
CREATE CAST (text AS integer) WITH FUNCTION vals.getal(text) AS IMPLICIT;
SET SESSION AUTHORIZATION su_auditor;
SET search_path = vals, public, pg_catalog;
SELECT '1'::varchar = '2'::varchar AS operator;
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('222222220', :'begin');
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('41', :'begin');
SELECT count(*) FROM casus.affected('Coordinator', :'begin', :'begin');
RESET search_path;
RESET SESSION AUTHORIZATION;
DROP CAST (text AS integer);

-- An index that does not have all rows, or orders them otherwise, is not believed.
SELECT casus.maintenance('stuk', 'an index', '1 minute') IS NOT NULL AS ok;
CREATE INDEX half ON stuk (over) WHERE id = 2;
CREATE INDEX other_order ON stuk (over text_pattern_ops);
CREATE INDEX other_collation ON stuk (over COLLATE any_case);
SET SESSION AUTHORIZATION su_auditor;
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('Jansen', :'begin');
RESET SESSION AUTHORIZATION;

DROP INDEX half;
-- A breach: how many stand in what was seen, in tables that name somebody; not for who is no auditor.
SET SESSION AUTHORIZATION su_auditor;
SELECT dossier - :base AS nr, records, relations, dumped, subjects FROM casus.affected('Coordinator', :'begin', :'end');
SELECT dossier - :base AS nr, relations, subjects FROM casus.affected('Ander', :'begin', :'end');
SELECT * FROM casus.affected_subjects('Coordinator', :'begin', :'end');
SELECT * FROM casus.affected_subjects('Ander', :'begin', :'end');
SELECT * FROM casus.affected_subjects('su_auditor');
SET SESSION AUTHORIZATION su_other;
SELECT dossier - :base AS nr, subjects FROM casus.affected('Ander', :'begin', :'end');
SELECT * FROM casus.affected_subjects('Ander');
SELECT * FROM casus.affected_subjects('Coordinator');
RESET SESSION AUTHORIZATION;
SELECT * FROM casus.affected_subjects('Coordinator');
-- A dump takes all: who stands in the table is counted, in each dossier that was open by then.
SET SESSION AUTHORIZATION su_backup;
SELECT clock_timestamp() AS dump \gset
\o /dev/null
COPY rol TO STDOUT;
\o
SET SESSION AUTHORIZATION su_auditor;
SELECT dossier - :base AS nr, relations, dumped, subjects FROM casus.affected('su_backup', :'dump');
SELECT * FROM casus.affected_subjects('su_backup', :'dump');
SELECT dossier - :base AS nr, role, relation, kind FROM casus.who_saw_subject('222222220', :'dump');

-- Said later, said otherwise, moving along with its name; no statistics are kept of it.
RESET SESSION AUTHORIZATION;
SELECT finding, mend FROM casus.doctor() WHERE code = 'no_subject_column' AND finding ~ 'public|zaak|rol|meting|stuk|bericht|brief';
SET SESSION AUTHORIZATION su_coordinator;
SELECT casus.set_subject_column('rol', 'adres');
SET SESSION AUTHORIZATION su_owner;
SELECT casus.set_subject_column('bericht', 'aan');
SELECT casus.set_subject_column('rol', 'adres', 'ander');
SELECT casus.set_subject_column('rol', 'lijst');
SELECT casus.set_subject_column('rol', 'weg');
SELECT casus.set_subject_column('rol', 'casus_label');
SELECT casus.set_subject_column('rol', NULL);
BEGIN;
SELECT casus.set_subject_column('rol', 'adres');
ROLLBACK;
SELECT count(*) FROM casus.doctor() WHERE code = 'no_subject_column' AND finding ~ 'rol is known';
SET SESSION AUTHORIZATION su_auditor;
SELECT count(*) FROM casus.who_saw_subject('111111110');
SET SESSION AUTHORIZATION su_owner;
SELECT casus.set_subject_column('rol', 'adres');
SELECT casus.set_subject_column('rol', 'bsn', 'zorg');
ALTER TABLE rol RENAME bsn TO burger;
RESET SESSION AUTHORIZATION;
SELECT casus.set_subject_column('meting_1', 'klant_id');
SELECT casus.set_subject_column('zaak', 'soort');
SELECT casus.set_subject_column('zaak', NULL);
SELECT l.objsubid, a.attname, l.label FROM pg_seclabel l JOIN pg_attribute a ON a.attrelid = l.objoid AND a.attnum = l.objsubid WHERE l.provider = 'casus' AND l.objoid = 'rol'::regclass AND l.objsubid > 0 ORDER BY 1;
ANALYZE rol;
SELECT count(*) FROM pg_statistic WHERE starelid = 'rol'::regclass AND staattnum = (SELECT attnum FROM pg_attribute WHERE attrelid = 'rol'::regclass AND attname = 'burger');
SET SESSION AUTHORIZATION su_auditor;
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('222222220', :'begin');
SELECT text FROM casus.access_log WHERE kind = 'setup' AND at >= :'end' AND text ~ 'subject' ORDER BY seq;

-- As of now: a row that has gone is not found, one that has come is.
RESET SESSION AUTHORIZATION;
GRANT INSERT, DELETE ON rol TO su_coordinator;
SET SESSION AUTHORIZATION su_coordinator;
BEGIN;
SELECT FROM casus.enter('intake');
INSERT INTO rol (id, zaak_id, burger) VALUES (8, 4, '333333330');
DELETE FROM rol WHERE burger = '222222220';
COMMIT;
SET SESSION AUTHORIZATION su_auditor;
SELECT array_agg(DISTINCT dossier - :base) AS nrs FROM casus.who_saw_subject('333333330', :'begin');
SELECT count(*) FROM casus.who_saw_subject('222222220');
RESET SESSION AUTHORIZATION;

-- Two files that name the subject by different columns of one table.
\o /dev/null
CREATE TABLE melding (id integer PRIMARY KEY, soort integer NOT NULL, melder text, verdachte text);
INSERT INTO melding VALUES (1, 1, 'Pauw', 'Reiger'), (2, 2, 'Pauw', 'Reiger');
SELECT casus.open_file('beesel-2021', 'ander');
SELECT casus.activate_protocol('ander', 'DPIA 1', '{"startdatum": "2021-01-01", "standaarden": "x"}');
SELECT casus.appoint('Coordinator', 'ander', NULL, 'coordinator', reason => 'test');
SELECT casus.protect('melding', 'zorg', opens_dossier => true, governs => 'soort = 1', category => 'registratie', subject_column => 'melder');
SELECT casus.protect('melding', 'ander', opens_dossier => true, governs => 'soort = 2', category => 'registratie', subject_column => 'melder');
CALL casus.take_in('melding', phase => $$'intake'$$, opened => $$'2026-01-01'$$);
SELECT casus.bind('melding', 'enforce');
GRANT SELECT ON melding TO su_coordinator;
\o
SELECT casus.set_subject_column('melding', 'verdachte', 'ander');
SET SESSION AUTHORIZATION su_coordinator;
BEGIN;
SELECT FROM casus.enter('intake', file => 'zorg');
SELECT count(*) FROM melding WHERE id < 3;
COMMIT;
BEGIN;
SELECT FROM casus.enter('intake', file => 'ander');
SELECT count(*) FROM melding WHERE id < 3;
COMMIT;
SET SESSION AUTHORIZATION su_auditor;
SELECT s AS subject, w.file, w.row_count FROM unnest('{Pauw, Reiger}'::text[]) s, casus.who_saw_subject(s) w WHERE w.kind = 'read' ORDER BY 1, 2;
SELECT a.file, a.subjects FROM casus.affected('Coordinator', :'end') a WHERE a.relations = '{public.melding}' ORDER BY 1;
RESET SESSION AUTHORIZATION;
