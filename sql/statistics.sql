-- What ANALYZE keeps of a protected table is shown to nobody, and what it keeps of others to whom it always was; nor does the
-- message of a key that is taken show the row that has it.  [B-38] A038 A073
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE statistics_bypass BYPASSRLS;
GRANT pg_read_all_data, pg_read_all_stats TO statistics_bypass;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond') > 0 AS opened;
SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "x"}') > 0 AS active;
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text, plaats text);
CREATE TABLE vrij (id integer PRIMARY KEY, titel text);
INSERT INTO zaak SELECT g, CASE WHEN g <= 200 THEN 8 ELSE 1 END, 'GEHEIM ' || g % 3, 'Beesel ' || g % 3 FROM generate_series(1, 400) g;
INSERT INTO vrij SELECT g, 'open ' || g % 3 FROM generate_series(1, 400) g;
CREATE INDEX zaak_kort ON zaak (lower(titel));
CREATE STATISTICS zaak_samen (mcv) ON titel, plaats FROM zaak;
CREATE STATISTICS vrij_samen (mcv) ON id, titel FROM vrij;
ANALYZE zaak, vrij;
CREATE VIEW kept AS
	SELECT 'pg_stats' AS kept_in, count(*) FILTER (WHERE tablename ~ '^zaak') AS of_zaak, count(*) FILTER (WHERE tablename ~ '^vrij') AS of_vrij FROM pg_stats
	UNION ALL SELECT 'pg_statistic', count(*) FILTER (WHERE starelid IN ('zaak'::regclass, 'zaak_kort'::regclass)),
		count(*) FILTER (WHERE starelid = 'vrij'::regclass) FROM pg_statistic
	UNION ALL SELECT 'pg_stats_ext', count(*) FILTER (WHERE tablename = 'zaak'), count(*) FILTER (WHERE tablename = 'vrij') FROM pg_stats_ext WHERE most_common_vals IS NOT NULL
	UNION ALL SELECT 'pg_statistic_ext_data', count(*) FILTER (WHERE s.stxname = 'zaak_samen'), count(*) FILTER (WHERE s.stxname = 'vrij_samen')
		FROM pg_statistic_ext_data d JOIN pg_statistic_ext s ON s.oid = d.stxoid;
SELECT * FROM kept ORDER BY 1;
-- Of tables of casus itself, the access log among them, to nobody, also while no table is protected; not by a function that would be written out in line either.
CREATE FUNCTION in_line(name) RETURNS SETOF pg_stats LANGUAGE sql STABLE AS 'SELECT * FROM pg_stats WHERE tablename = $1';
ANALYZE casus_cat.phase, casus_cat.rule, casus_cat.access_record;
SELECT count(*) FROM pg_stats WHERE schemaname = 'casus_cat';
SELECT count(*) FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'casus_cat'::regnamespace);
SELECT (SELECT count(*) FROM in_line('rule')) AS of_rule, (SELECT count(*) FROM in_line('vrij')) AS of_vrij;
COPY (SELECT count(*) FROM pg_statistic WHERE starelid = 'casus_cat.rule'::regclass) TO STDOUT;
\copy pg_statistic TO PROGRAM 'grep -c zwaarte; true'
PREPARE before AS SELECT count(*) FROM pg_statistic WHERE starelid = 'zaak'::regclass;
EXECUTE before;
SELECT count(*) > 2 AS lines FROM casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8',
	category => 'registratie', without_purpose => 'hide');
CALL casus.take_in('zaak', phase => $$'intake'$$);
SELECT count(*) > 2 AS lines FROM casus.bind('zaak', 'enforce');
ANALYZE zaak, vrij;
SELECT * FROM kept ORDER BY 1;
EXECUTE before;
SELECT count(*) FROM pg_stats WHERE schemaname = 'casus_cat';
SELECT (SELECT count(*) FROM in_line('zaak')) AS of_zaak, (SELECT count(*) FROM in_line('vrij')) AS of_vrij;
SET ROLE statistics_bypass;
SELECT count(*) FROM pg_stats WHERE tablename ~ '^zaak' OR schemaname = 'casus_cat';
RESET ROLE;
SELECT attname FROM pg_stats WHERE most_common_vals::text ~ 'GEHEIM' OR histogram_bounds::text ~ 'GEHEIM';
COPY (SELECT count(*) FROM pg_statistic WHERE starelid = 'zaak'::regclass) TO STDOUT;
\copy pg_statistic TO PROGRAM 'grep -c GEHEIM; true'
SELECT count(*) FROM (SELECT * FROM pg_statistic LIMIT 1) one;
-- Nor of the tables of casus, with motivations, details and lines of the log; of their indexes, neither.  A071 A073
ANALYZE casus_cat.act_content, casus_cat.act, casus_cat.access_record;
CREATE VIEW own AS
	SELECT 'pg_stats' AS kept_in, count(*) FROM pg_stats WHERE schemaname = 'casus_cat'
	UNION ALL SELECT 'pg_statistic', count(*) FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid WHERE c.relnamespace = 'casus_cat'::regnamespace;
SELECT * FROM own;
SET ROLE statistics_bypass;
SELECT count(*) FROM pg_stats WHERE schemaname = 'casus_cat';
RESET ROLE;
SET ROLE casus_backup;
SELECT count(*) FROM pg_stats WHERE schemaname = 'casus_cat';
RESET ROLE;
-- The planner shows none to an operator either that a superuser calls leakproof, which it would ask about each frequent value.  A028
CREATE FUNCTION told(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE LEAKPROOF COST 0.0000001 AS
	$$BEGIN RAISE WARNING 'told: %', left($1, 6); RETURN $1 = $2; END$$;
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = told, RESTRICT = eqsel);
CREATE FUNCTION alike(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$SELECT $1 === 'x'$$;
EXPLAIN (COSTS off) SELECT FROM zaak WHERE titel === 'x';
EXPLAIN (COSTS off) SELECT FROM zaak WHERE alike(titel);
EXPLAIN (COSTS off) SELECT FROM zaak WHERE titel === 'x' AND plaats === 'y';
EXPLAIN (COSTS off) SELECT FROM casus.opening WHERE reason === 'x' \g /dev/null
EXPLAIN (COSTS off) SELECT FROM vrij WHERE titel === 'x';
-- A temporary copy, to which the statistics belong, is its session's.
CREATE TEMP TABLE copy AS SELECT 'kept'::text AS titel FROM generate_series(1, 9);
ANALYZE copy;
SELECT count(*) FROM pg_stats WHERE tablename = 'copy';
\setenv DATABASE :DBNAME
\! psql -qXtA -U postgres -d "$DATABASE" -c "SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'vrij'" -c "SELECT relname FROM pg_class WHERE relname = 'copy'" -c "SELECT count(*) FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relname = 'copy')" -c "SELECT count(*) FROM pg_stats WHERE tablename = 'copy'"
DROP TABLE copy;
SELECT format('SELECT count(*) FROM %s', reltoastrelid::regclass) FROM pg_class
	WHERE oid IN ('pg_statistic'::regclass, 'pg_statistic_ext_data'::regclass) ORDER BY relname \gexec

-- Messages: who is told of an error is told what he gave himself, and nothing of a row that he does not see.
CREATE ROLE statistics_owner;
CREATE SCHEMA m AUTHORIZATION statistics_owner;
GRANT USAGE ON SCHEMA m TO PUBLIC;
SET ROLE statistics_owner;
CREATE TABLE m.wie (id integer PRIMARY KEY);
CREATE TABLE m.zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text, nr integer UNIQUE DEFERRABLE INITIALLY DEFERRED,
	wie integer NOT NULL REFERENCES m.wie ON DELETE SET NULL ON UPDATE CASCADE, CHECK (wie < 90));
CREATE TABLE m.tak (id integer PRIMARY KEY, zaak integer REFERENCES m.zaak);
INSERT INTO m.wie VALUES (1), (2), (5);
INSERT INTO m.zaak VALUES (1, 8, 'GEHEIM een', 11, 1), (2, 1, 'open', 12, 2);
INSERT INTO m.tak VALUES (1, 1), (2, 2);
GRANT ALL ON ALL TABLES IN SCHEMA m TO PUBLIC;
RESET ROLE;
SELECT count(*) > 2 AS lines FROM casus.protect('m.zaak', 'ond', opens_dossier => true, governs => 'soort = 8',
	category => 'registratie', without_purpose => 'hide');
CALL casus.take_in('m.zaak', phase => $$'intake'$$);
SELECT count(*) > 2 AS lines FROM casus.bind('m.zaak', 'enforce');
CREATE FUNCTION told(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
BEGIN
	EXECUTE sql;
	SET CONSTRAINTS ALL IMMEDIATE;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' | ', SQLSTATE, message, regexp_replace(regexp_replace(detail, '(.*): ', ''), '[0-9a-f]{8}-[-0-9a-f]+', '<label>'));
END $$;
CREATE TABLE tried (sql text);
INSERT INTO tried VALUES
	('DELETE FROM m.wie WHERE id = 1'),
	('UPDATE m.wie SET id = 99 WHERE id = 1'),
	('DELETE FROM m.wie WHERE id = 2'),
	('DELETE FROM m.zaak WHERE id IN (1, 2)'),
	('INSERT INTO m.zaak VALUES (1, 1, ''eigen'', 3, 5)'),
	('INSERT INTO m.zaak VALUES (3, 1, ''eigen'', 11, 5)'),
	('INSERT INTO m.zaak VALUES (3, 1, ''eigen'', 3, 95)'),
	('INSERT INTO m.zaak VALUES (3, 1, ''eigen'', 3, NULL)'),
	('UPDATE m.zaak SET wie = NULL'),
	('INSERT INTO m.zaak VALUES (1, 1, ''eigen'', 3, 5) ON CONFLICT (id) DO UPDATE SET titel = zaak.titel || ''.'''),
	('SELECT * FROM m.zaak WHERE titel::integer = 1'),
	('SELECT * FROM m.zaak WHERE 1 / (id - 1) = 0');
GRANT SELECT ON tried TO PUBLIC;
SELECT sql, told(sql) FROM tried;
SET ROLE statistics_owner;
SELECT sql, told(sql) FROM tried;
RESET ROLE;
SET ROLE statistics_bypass;
SELECT sql, told(sql) FROM tried;
RESET ROLE;
