/*
 * versions: ways to rows, and into tables, that PostgreSQL 17 and 18 add.  Each
 * trial says from which version it can be made and what it must give; shown is
 * what gives something else, so that one expected output serves all versions.
 */
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE versions_coord;
CREATE ROLE versions_keeper;
\getenv source PG_ABS_SRCDIR
\set coordinator versions_coord
\set fixture :source '/test/fixtures/zorg.sql'
\i :fixture

CREATE FUNCTION public.major() RETURNS int LANGUAGE sql AS $$SELECT current_setting('server_version_num')::int / 10000$$;
-- Runs it where it exists, and gives its rows, or SQLSTATE and code of its error.
CREATE FUNCTION public.attempt(since int, sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text[] := '{}';
	code text;
BEGIN
	IF public.major() < since THEN
		RETURN NULL;
	END IF;
	IF sql !~ 'RETURNING|^SELECT|^WITH' THEN
		EXECUTE sql;
		RETURN 'done';
	END IF;
	FOR line IN EXECUTE sql LOOP
		lines := lines || line;
	END LOOP;
	RETURN array_to_string(lines, ' ');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME;
	RETURN SQLSTATE || ' ' || code;
END $$;
CREATE TABLE public.trial (n serial, since int, sql text, wanted text);
GRANT SELECT ON public.trial TO PUBLIC;
\set otherwise 'SELECT since, sql, got, wanted FROM (SELECT *, public.attempt(since, sql) AS got FROM public.trial ORDER BY n) t WHERE public.major() >= since AND got IS DISTINCT FROM wanted;'

-- Generated columns have no value yet when a row gets its label; 18 does not store them.
CREATE TABLE public.zaak (id int PRIMARY KEY, soort text, titel text, ouder int);
CREATE TABLE public.kind (id int PRIMARY KEY, zaak int REFERENCES zaak, zaak_gen int GENERATED ALWAYS AS (zaak) STORED REFERENCES zaak,
	dossier_gen bigint GENERATED ALWAYS AS (id) STORED);
DO $$
BEGIN
	EXECUTE 'ALTER TABLE public.zaak ADD groot text GENERATED ALWAYS AS (upper(titel)) ' ||
		CASE WHEN public.major() < 18 THEN 'STORED' ELSE 'VIRTUAL' END;
END $$;
INSERT INTO zaak SELECT g, 'gewoon', 'zaak ' || g FROM generate_series(1, 3) g;
GRANT ALL ON zaak, kind TO versions_coord;
SELECT casus.protect('zaak', 'zorg', opens_dossier => true, governs => $$groot LIKE 'GEHEIM%'$$, category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.protect('zaak', 'zorg', opens_dossier => true, governs => $$soort = 'signaal'$$, category => 'signaalomschrijving');
SELECT casus.protect('kind', 'zorg', via => 'zaak_gen', category => 'signaalomschrijving');
SELECT casus.protect('kind', 'zorg', dossier => 'dossier_gen', category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.bind('zaak');
SET SESSION AUTHORIZATION versions_coord;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO zaak (id, soort, titel) VALUES (100, 'signaal', 'geheim') RETURNING groot;
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT id, groot FROM zaak WHERE groot LIKE 'Z%' OR groot LIKE 'GEHEIM%' ORDER BY id;

-- RETURNING of MERGE (17), of old and new rows (18), what no source row matches (17).
INSERT INTO public.trial (since, sql, wanted) VALUES
	(17, 'MERGE INTO zaak USING (VALUES (0)) v (x) ON id = x WHEN NOT MATCHED BY SOURCE THEN UPDATE SET ouder = 7 RETURNING merge_action() || zaak.id',
		'UPDATE1 UPDATE2 UPDATE3'),
	(17, 'MERGE INTO zaak USING (VALUES (100)) v (x) ON id = x WHEN MATCHED THEN DELETE RETURNING titel', ''),
	(17, 'MERGE INTO zaak USING (VALUES (100)) v (x) ON id = x WHEN NOT MATCHED THEN INSERT (id, soort) VALUES (x, ''gewoon'') RETURNING titel', '23505 zaak_pkey'),
	(17, 'WITH m AS (MERGE INTO zaak USING (VALUES (0)) v (x) ON id = x WHEN NOT MATCHED BY SOURCE AND titel ~ ''geheim'' THEN DELETE RETURNING titel) SELECT titel FROM m', ''),
	(18, 'UPDATE zaak SET ouder = 8 WHERE ouder IS DISTINCT FROM 8 RETURNING old.id || new.groot', '1ZAAK 1 2ZAAK 2 3ZAAK 3'),
	(18, 'INSERT INTO zaak (id, soort) VALUES (100, ''gewoon'') ON CONFLICT (id) DO UPDATE SET titel = ''x'' RETURNING old.titel', '42501 '),
	(18, 'INSERT INTO zaak (id, soort) VALUES (100, ''gewoon'') ON CONFLICT DO NOTHING RETURNING old.titel', ''),
	(18, 'DELETE FROM zaak WHERE id = 100 RETURNING old.titel', ''),
	(18, 'MERGE INTO zaak USING (VALUES (0)) v (x) ON id = x WHEN NOT MATCHED BY SOURCE THEN UPDATE SET ouder = 9 RETURNING old.id', '1 2 3'),
	(18, 'UPDATE zaak SET soort = ''gewoon'' RETURNING WITH (OLD AS o, NEW AS n) o.id', '1 2 3');
:otherwise
SET SESSION AUTHORIZATION versions_coord;
:otherwise
RESET SESSION AUTHORIZATION;

-- Keys that nobody enforces, or over periods (18), lead to no parent.
SELECT count(*) > 0 AS done FROM casus.protect('kind', 'zorg', via => 'zaak', category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.bind('kind');
TRUNCATE public.trial;
INSERT INTO public.trial (since, sql, wanted) VALUES
	(18, 'CREATE TABLE los (id int PRIMARY KEY, zaak int REFERENCES zaak NOT ENFORCED)', 'done'),
	(18, 'SELECT casus.protect(''los'', ''zorg'', via => ''zaak'', category => ''signaalomschrijving'')', '22023 '),
	(18, 'INSERT INTO kind (id, zaak) VALUES (1, 1) RETURNING id', '1'),
	(18, 'ALTER TABLE kind ALTER CONSTRAINT kind_zaak_fkey NOT ENFORCED', '42501 casus.ddl'),
	(18, 'INSERT INTO kind (id, zaak) VALUES (2, 1) RETURNING id', '2'),
	(18, 'INSERT INTO kind (id, zaak) VALUES (3, 100) RETURNING id', '42501 casus.no_parent'),
	(18, 'ALTER TABLE zaak ALTER groot SET EXPRESSION AS (lower(titel))', '42501 casus.ddl');
:otherwise

-- An exclusion constraint tells the values of the row that is in the way; 18 has keys that are such.
CREATE TABLE public.verblijf (id int PRIMARY KEY, geldig daterange, EXCLUDE USING gist (geldig WITH &&));
\set VERBOSITY default
SELECT casus.protect('verblijf', 'zorg', opens_dossier => true, category => 'signaalomschrijving');
\set VERBOSITY terse
TRUNCATE public.trial;
INSERT INTO public.trial (since, sql, wanted) VALUES
	(15, 'ALTER TABLE zaak ADD EXCLUDE (ouder WITH =)', '42501 casus.ddl'),
	(18, 'CREATE TABLE adres (id int4range, geldig daterange, titel text, PRIMARY KEY (id, geldig WITHOUT OVERLAPS))', 'done'),
	(18, 'SELECT casus.protect(''adres'', ''zorg'', opens_dossier => true, category => ''signaalomschrijving'')', '55000 '),
	(18, 'CREATE TABLE bewoner (n int PRIMARY KEY, id int4range, geldig daterange, FOREIGN KEY (id, PERIOD geldig) REFERENCES adres (id, PERIOD geldig))', 'done'),
	(18, 'SELECT casus.protect(''bewoner'', ''zorg'', opens_dossier => true, category => ''signaalomschrijving'')', '55000 '),
	(18, 'ALTER TABLE zaak ADD id_van int4range, ADD van daterange', 'done'),
	(18, 'ALTER TABLE zaak ADD UNIQUE (id_van, van WITHOUT OVERLAPS)', '42501 casus.ddl'),
	(18, 'ALTER TABLE zaak ADD FOREIGN KEY (id_van, PERIOD van) REFERENCES adres (id, PERIOD geldig)', '42501 casus.ddl');
:otherwise

-- Who may maintain a table (17) is bound as its owner is.
DO $$
BEGIN
	IF public.major() >= 17 THEN
		EXECUTE 'GRANT MAINTAIN ON zaak TO versions_keeper';
	END IF;
END $$;
TRUNCATE public.trial;
INSERT INTO public.trial (since, sql, wanted) VALUES
	(17, 'ANALYZE zaak', 'done'),
	(17, 'CLUSTER zaak USING zaak_pkey', '42501 casus.ddl'),
	(17, 'REINDEX TABLE zaak', 'done'),
	(17, 'LOCK TABLE zaak', 'done'),
	(17, 'SELECT titel FROM zaak', '42501 ');
SET SESSION AUTHORIZATION versions_keeper;
:otherwise
RESET SESSION AUTHORIZATION;

-- Statistics can be written (18) as by a restore; they are no way to the catalogs or past the policy.
TRUNCATE public.trial;
INSERT INTO public.trial (since, sql, wanted) VALUES
	(18, 'SELECT pg_restore_relation_stats(''schemaname'', ''public'', ''relname'', ''zaak'', ''reltuples'', 0::real, ''relpages'', 0)', 'true'),
	(18, 'SELECT pg_restore_attribute_stats(''schemaname'', ''public'', ''relname'', ''zaak'', ''attname'', ''soort'', ''inherited'', false, ''null_frac'', 1::real)', 'true'),
	(18, 'SELECT count(*) FROM zaak WHERE titel ~ ''geheim''', '0');
:otherwise

DROP OWNED BY versions_coord, versions_keeper;
DROP ROLE versions_coord, versions_keeper;
