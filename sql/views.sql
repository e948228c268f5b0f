-- Views of casus that keep rows back: a comparison with a value goes below the check, where an index is, by whatever way the column
-- comes, and nothing else does; what comes out is what would without that.  [B-38] A026
\set VERBOSITY terse
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/beesel.sql'
SET client_min_messages = warning;
SET search_path = public, casus;
\o /dev/null
\ir :fixture
\o
SELECT max(dossier) FILTER (WHERE name = 'overleg') AS overleg, max(dossier) FILTER (WHERE name = 'intake') AS intake FROM beesel.fixture \gset
CREATE TABLE asked (nr integer PRIMARY KEY, sql text);
CREATE TABLE word (w text, n bigint);
INSERT INTO word VALUES ('ondermijning', 4711), ('R. Regisseur', :overleg), (NULL, :intake);
INSERT INTO asked SELECT row_number() OVER (), t FROM unnest(ARRAY[
	'SELECT id FROM casus.dossier WHERE id = 4711',
	'SELECT id FROM casus.dossier WHERE 4711 >= id AND phase = ''overleg''',
	'SELECT id FROM casus.dossier WHERE id IN (4711, 4712)',
	'SELECT i FROM (SELECT id AS i, phase || ''!'' AS p FROM casus.dossier) s WHERE i = 4711 AND p > ''a''',
	'WITH d AS (SELECT id FROM casus.dossier) SELECT id FROM d WHERE id = 4711',
	'WITH d AS MATERIALIZED (SELECT id FROM casus.dossier) SELECT id FROM d WHERE id = 4711',
	'WITH d AS (SELECT id FROM casus.dossier) SELECT a.id FROM d a, d b WHERE a.id = 4711 AND b.id <> a.id',
	'SELECT person FROM casus.participant WHERE dossier = 4711',
	'SELECT gate, motivation FROM casus.decision WHERE dossier = 4711',
	'SELECT id FROM casus.act_log WHERE dossier = 4711 AND kind = ''decide''',
	'SELECT d.id, e.gate FROM casus.dossier d JOIN casus.decision e ON e.dossier = d.id WHERE d.id = 4711',
	'SELECT d.id FROM word JOIN casus.dossier d ON d.id = n WHERE n = 4711',
	'SELECT w, d.id FROM word LEFT JOIN casus.dossier d ON d.id = 4711',
	'SELECT w, d.id FROM word LEFT JOIN casus.dossier d ON d.id = n WHERE d.id = 4711',
	'SELECT w, d.id FROM word LEFT JOIN casus.dossier d ON d.id = n AND n = 4711',
	'SELECT w, d.id FROM casus.dossier d LEFT JOIN word ON d.id = 4711',
	'SELECT w, d.id FROM word RIGHT JOIN casus.dossier d ON d.id = 4711',
	'SELECT w, d.id FROM word RIGHT JOIN casus.dossier d ON d.id = n WHERE n = 4711',
	'SELECT w, d.id FROM casus.dossier d RIGHT JOIN word ON d.id = 4711',
	'SELECT w, d.id FROM word FULL JOIN casus.dossier d ON d.id = n WHERE d.id = 4711',
	'SELECT w, d.id FROM word FULL JOIN casus.dossier d ON d.id = n AND d.id = 4711',
	'SELECT w, id FROM word FULL JOIN (SELECT id, id AS n FROM casus.dossier) d USING (n) WHERE n = 4711',
	'SELECT x.w, d.id FROM word x LEFT JOIN (word y JOIN casus.dossier d ON d.id = y.n AND y.n = 4711) ON x.n = d.id',
	'SELECT count(*) FROM (SELECT id FROM casus.dossier UNION SELECT dossier FROM casus.decision) s WHERE id = 4711',
	'SELECT count(*) FROM (SELECT id FROM casus.dossier EXCEPT SELECT dossier FROM casus.decision) s WHERE id = 4711',
	'SELECT n FROM (SELECT id, count(*) AS n FROM casus.dossier GROUP BY id) s WHERE id = 4711',
	'SELECT id FROM (SELECT id FROM casus.dossier ORDER BY id DESC LIMIT 1) s WHERE id = 4711',
	'SELECT id, r FROM (SELECT id, rank() OVER (ORDER BY id DESC) AS r FROM casus.dossier) s WHERE id = 4711',
	'SELECT w, (SELECT phase FROM casus.dossier d WHERE d.id = n) FROM word',
	'SELECT w, s.phase FROM word, LATERAL (SELECT phase FROM casus.dossier d WHERE d.id = n LIMIT 1) s',
	'SELECT w FROM word WHERE EXISTS (SELECT FROM casus.dossier d WHERE d.id = n AND d.id = 4711)',
	'SELECT w FROM word WHERE n IN (SELECT id FROM casus.dossier WHERE id = 4711)',
	'SELECT w FROM word WHERE n NOT IN (SELECT id FROM casus.dossier WHERE id = 4711)',
	'SELECT id FROM casus.dossier WHERE id = 4711 OR id IS NULL',
	'SELECT id FROM casus.dossier WHERE id > (SELECT min(n) FROM word)',
	'SELECT id FROM casus.dossier WHERE opened_at > now() - interval ''1 day'' AND id = 4711',
	'SELECT name FROM casus.file WHERE name = ''ondermijning''',
	'SELECT person, office FROM casus.appointment WHERE person = ''R. Regisseur''',
	'SELECT name FROM casus.person WHERE name = ''R. Regisseur''',
	'SELECT id FROM (SELECT id FROM casus.dossier OFFSET 0) s WHERE id = 4711',
	'WITH d AS (SELECT id, clock_timestamp() > opened_at AS past FROM casus.dossier) SELECT id, past FROM d WHERE id = 4711',
	'SELECT id FROM (SELECT id FROM casus.dossier UNION ALL SELECT dossier FROM casus.participant) s WHERE id = 4711']) t;
GRANT SELECT ON asked, word TO PUBLIC;
-- By which indexes the number, or a name, is found; what is not in here is asked above the view.
CREATE FUNCTION indexed(sql text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || sql LOOP
		IF line ~ 'Index Cond.*(4711|Regisseur|''ondermijning|word.n|\$1)' THEN
			RETURN NEXT trim(line);
		END IF;
	END LOOP;
END $$;
SET SESSION AUTHORIZATION bs_coordinator;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_material = off;
SELECT a.nr, array_agg(i ORDER BY i) AS indexed FROM asked a, indexed(a.sql) i GROUP BY 1 ORDER BY 1;
PREPARE q(bigint) AS SELECT id FROM casus.dossier WHERE id = $1;
SET plan_cache_mode = force_generic_plan;
SELECT indexed('EXECUTE q(1)');
PREPARE r(bigint, bigint) AS SELECT count(*) FROM casus.dossier WHERE id IN ($1, $2);
EXECUTE r(NULL, :overleg);
PREPARE s(bigint[]) AS SELECT count(*) FROM casus.dossier WHERE id = ANY ($1);
EXECUTE s(ARRAY[NULL, :overleg]);
EXECUTE s(NULL);
RESET plan_cache_mode;
RESET enable_seqscan;
-- What comes out is what comes out of copies of the views.
CREATE TEMP TABLE dossier AS TABLE casus.dossier;
CREATE TEMP TABLE participant AS TABLE casus.participant;
CREATE TEMP TABLE decision AS TABLE casus.decision;
CREATE TEMP TABLE act_log AS TABLE casus.act_log;
CREATE TEMP TABLE file AS TABLE casus.file;
CREATE TEMP TABLE appointment AS TABLE casus.appointment;
CREATE TEMP TABLE person AS TABLE casus.person;
CREATE FUNCTION pg_temp.rows(sql text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	result text[];
BEGIN
	EXECUTE format('SELECT array_agg(r::text ORDER BY r::text COLLATE "C") FROM (%s) r', sql) INTO result;
	RETURN result;
END $$;
SELECT nr, cardinality(seen) AS rows, sql FROM asked, LATERAL (SELECT replace(sql, '4711', n::text) AS s FROM unnest(ARRAY[:overleg, :intake, 4711]) n) x,
	LATERAL (SELECT pg_temp.rows(s) AS seen) y WHERE seen IS DISTINCT FROM pg_temp.rows(replace(s, 'casus.', 'pg_temp.'));
SELECT count(*) AS asked, count(seen) AS found FROM asked, LATERAL (SELECT pg_temp.rows(replace(sql, '4711', :'overleg')) AS seen) y;
RESET SESSION AUTHORIZATION;
