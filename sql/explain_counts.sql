-- What EXPLAIN ANALYZE tells of a protected scan: the rows that came out, not those that were hidden or looked at.  [B-38] A068
\set VERBOSITY terse
SET client_min_messages = warning;
SET jit = off;
CREATE ROLE explain_counts_app;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond') > 0 AS opened;
SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "x"}') > 0 AS active;
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text);
CREATE TABLE vrij (id integer PRIMARY KEY, zaak integer);
INSERT INTO zaak SELECT g, CASE WHEN g <= 200 THEN 8 ELSE 1 END, 'zaak ' || g FROM generate_series(1, 400) g;
INSERT INTO vrij SELECT g, g FROM generate_series(1, 400) g;
CREATE INDEX zaak_titel ON zaak (titel);
GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, vrij TO explain_counts_app;
SELECT count(*) > 2 AS lines FROM casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8',
	category => 'registratie', without_purpose => 'hide');
CALL casus.take_in('zaak', phase => $$'intake'$$);
SELECT count(*) > 2 AS lines FROM casus.bind('zaak', 'enforce');
VACUUM ANALYZE zaak, vrij;

-- The counts that EXPLAIN ANALYZE shows below a scan of the table, of every format alike.
CREATE FUNCTION counts(sql text, options text DEFAULT '') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off, SUMMARY off' || options || ') ' || sql INTO plan;
	RETURN QUERY
	WITH RECURSIVE node(plan, depth, path) AS (
		SELECT plan -> 0 -> 'Plan', 0, ARRAY[0::bigint]
		UNION ALL
		SELECT child, depth + 1, path || place FROM node, json_array_elements(node.plan -> 'Plans') WITH ORDINALITY c(child, place)
	)
	SELECT repeat('  ', depth) || regexp_replace(regexp_replace(concat_ws(' ', node.plan ->> 'Node Type', coalesce(node.plan ->> 'Relation Name', node.plan ->> 'Index Name'),
		(SELECT string_agg(k.key || '=' || k.value, ' ' ORDER BY k.key) FROM json_each_text(node.plan) k
			WHERE k.key ~ 'Removed|Heap (Blocks|Fetches)|Searches|^Workers$|Conflicting'
				OR (k.key = 'Actual Rows' AND node.plan ->> 'Node Type' = 'Bitmap Index Scan'))),
		-- 18 counts fractions of rows, and searches of an index.
		'\.00', ''), CASE WHEN node.plan::text ~ 'vrij' THEN ' Index Searches=1' ELSE ' Index Searches=0' END, '')
	FROM node ORDER BY path;
END $$;

SELECT counts('SELECT * FROM vrij WHERE zaak > 100');
SELECT counts('SELECT * FROM zaak');
SELECT counts('SELECT * FROM zaak WHERE titel > ''zaak 1''');
CREATE FUNCTION lines(sql text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) ' || sql LOOP
		RETURN NEXT replace(line, '.00', '');
	END LOOP;
END $$;
SELECT lines('SELECT * FROM zaak WHERE soort = 8');
SET enable_seqscan = off;
-- A hidden key, and one that is not there.
SET enable_bitmapscan = off;
SELECT counts('SELECT * FROM zaak WHERE id = 57');
SELECT counts('SELECT * FROM zaak WHERE id = 7777');
SELECT counts('SELECT id FROM zaak WHERE id = ANY (ARRAY[57, 300, 7777])');
-- Many rows, where the node is wrapped: what comes out is counted, what is hidden is not.
CREATE FUNCTION came(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off, SUMMARY off) ' || sql INTO plan;
	RETURN format('%s rows=%s', plan #>> '{0,Plan,Node Type}', (plan #>> '{0,Plan,Actual Rows}')::float);
END $$;
SELECT came('SELECT id, titel FROM zaak WHERE id < 250');
SELECT counts('SELECT id, titel FROM zaak WHERE id < 250');
SET enable_indexscan = off;
SET enable_bitmapscan = on;
SELECT came('SELECT id, titel FROM zaak WHERE id < 250');
SELECT counts('SELECT * FROM zaak WHERE id < 250');
SELECT counts('SELECT * FROM zaak WHERE id < 20 OR id BETWEEN 190 AND 210');
SELECT counts('SELECT * FROM zaak WHERE id = 7777');
RESET enable_seqscan;
RESET enable_indexscan;
-- Within a statement: initplan, subplan, join, statements that write.
SELECT counts('SELECT (SELECT count(*) FROM zaak), (SELECT count(*) FROM zaak z WHERE z.id = v.zaak) FROM vrij v WHERE v.id < 3');
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SELECT counts('SELECT * FROM vrij v JOIN zaak z ON z.id = v.zaak AND z.soort = v.id % 2 WHERE v.id < 3');
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
RESET enable_memoize;
BEGIN;
SELECT counts('UPDATE zaak SET titel = titel WHERE soort = 8');
SELECT counts('DELETE FROM zaak WHERE soort = 8');
ROLLBACK;
PREPARE p AS SELECT * FROM zaak WHERE soort = 8;
SELECT counts('EXECUTE p');
-- Parallel workers count for themselves.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT regexp_replace(counts, 'Workers=.*', 'Workers') FROM counts('SELECT * FROM zaak WHERE titel <> ''''');
-- A bitmap is built by one of them, whose rows are told apart from the node's.
CREATE FUNCTION bitmap_rows(sql text, OUT nodes integer, OUT workers boolean, OUT of_node numeric, OUT of_workers numeric) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, FORMAT json, COSTS off, TIMING off, SUMMARY off) ' || sql INTO plan;
	SELECT count(*), bool_or(node ? 'Workers'), sum((node ->> 'Actual Rows')::numeric),
		sum((SELECT sum((worker ->> 'Actual Rows')::numeric) FROM jsonb_array_elements(node -> 'Workers') worker)) INTO nodes, workers, of_node, of_workers
		FROM jsonb_path_query(plan::jsonb, 'strict $.**?(@."Node Type" == "Bitmap Index Scan")') node;
END $$;
ALTER TABLE vrij SET (parallel_workers = 2);
SET enable_seqscan = off;
SET enable_indexscan = off;
SET parallel_leader_participation = off;
SELECT nodes, workers, of_node > 0 AS of_node, of_workers > 0 AS of_workers FROM bitmap_rows('SELECT count(*) FROM vrij WHERE id > 0');
SELECT nodes, workers, of_node > 0 AS of_node, of_workers > 0 AS of_workers FROM bitmap_rows('SELECT count(*) FROM zaak WHERE id > 0');
RESET enable_seqscan;
RESET enable_indexscan;
RESET parallel_leader_participation;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- The views of casus answer alike for a dossier that is there and one that is not, in every count and by every way of joining.  A068 A069
CREATE FUNCTION of_view(sql text, id bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	-- Of the statement's own tables time and buffers are counted, which differ.
	EXECUTE format('EXPLAIN (ANALYZE, BUFFERS %1$s, TIMING %1$s, COSTS off, SUMMARY off, FORMAT json) ', CASE WHEN sql ~ 'vrij' THEN 'off' ELSE 'on' END) || replace(sql, '$1', id::text) INTO plan;
	RETURN replace((plan #- '{0,Planning}')::text, '= ' || id, '= $1');
END $$;
CREATE ROLE explain_counts_auditor IN ROLE casus_auditor;
SET ROLE explain_counts_auditor;
SELECT min(id) AS dossier FROM casus.dossier \gset
SELECT min(id) AS act FROM casus.act_log WHERE dossier = :dossier \gset
RESET ROLE;
CREATE TABLE asked (nr integer PRIMARY KEY, sql text, id bigint);
INSERT INTO asked VALUES
	(1, 'SELECT * FROM casus.dossier WHERE id = $1', :dossier),
	(2, 'SELECT count(*) FROM casus.participant WHERE dossier = $1', :dossier),
	(3, 'SELECT * FROM casus.sharing WHERE dossier = $1 ORDER BY item', :dossier),
	(4, 'SELECT * FROM casus.act_log WHERE dossier = $1', :dossier),
	(5, 'SELECT motivation FROM casus.act_log WHERE id = $1', :act),
	(6, 'SELECT * FROM casus.decision WHERE act = $1', :act),
	(7, 'SELECT * FROM casus.opening WHERE act = $1', :act),
	(8, 'SELECT d.id FROM casus.dossier d JOIN casus.act_log a ON a.dossier = d.id WHERE a.id = $1', :act),
	(9, 'SELECT v.id, d.id FROM vrij v LEFT JOIN casus.dossier d ON d.id = v.zaak WHERE v.id < 4 AND d.id = $1', :dossier),
	(10, 'SELECT FROM vrij WHERE EXISTS (SELECT FROM casus.dossier d WHERE d.id = $1)', :dossier);
GRANT SELECT ON asked TO explain_counts_app;
SET ROLE explain_counts_app;
SELECT nr FROM asked WHERE of_view(sql, id) IS DISTINCT FROM of_view(sql, 424242424);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT nr FROM asked WHERE of_view(sql, id) IS DISTINCT FROM of_view(sql, 424242424);
SET enable_indexscan = off;
SET enable_bitmapscan = on;
SELECT nr FROM asked WHERE of_view(sql, id) IS DISTINCT FROM of_view(sql, 424242424);
SET enable_nestloop = off;
SELECT nr FROM asked WHERE of_view(sql, id) IS DISTINCT FROM of_view(sql, 424242424);
SET enable_hashjoin = off;
SELECT nr FROM asked WHERE of_view(sql, id) IS DISTINCT FROM of_view(sql, 424242424);
RESET enable_seqscan;
RESET enable_indexscan;
RESET enable_nestloop;
RESET enable_hashjoin;
-- What comes out of a statement's own tables is counted as before.
SELECT came('SELECT v.id FROM vrij v WHERE v.id < 4 AND EXISTS (SELECT FROM casus.protocol)');
RESET ROLE;

DROP OWNED BY explain_counts_app;
DROP ROLE explain_counts_app, explain_counts_auditor;
