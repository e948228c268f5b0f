/*
 * planner_index: which conditions keep their index under the policy, and that
 * none of them tells of a row that may not be seen: each of the hidden rows
 * here holds a value on which the operator, or an expression before it, would
 * raise an error or a notice.  [B-38] A027 A028
 */
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE planner_index_app;
CREATE ROLE planner_index_coord;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;

-- The indexes that the plan of a query names.
CREATE FUNCTION public.indexes(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text[] = '{}';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		found = found || substring(line from '(?:Bitmap Index Scan on|Index(?: Only)? Scan using) (\w+)');
	END LOOP;
	found = array_remove(found, NULL);
	RETURN CASE WHEN found = '{}' THEN 'none' ELSE array_to_string(found, ', ') END;
END $$;

-- What a query answers.
CREATE FUNCTION public.attempt(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE 'SELECT coalesce(string_agg(id::text, '','' ORDER BY id), ''-'') FROM (' || query || ') q' INTO answer;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;

SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'zoek') IS NOT NULL AS opened;
SELECT casus.activate_protocol('zoek', 'DPIA 1', '{"startdatum": "2021-01-01", "standaarden": "x"}') IS NOT NULL AS active;
SELECT casus.add_person('Coordinator', 'planner_index_coord', oath_on => '2020-01-01') IS NOT NULL AS added;
SELECT casus.appoint('Coordinator', 'zoek', NULL, 'coordinator', reason => 'test') IS NOT NULL AS appointed;

CREATE TYPE public.kleur AS ENUM ('rood', 'groen', 'blauw');
CREATE TYPE public.paar AS (a int, b int);
CREATE TABLE public.stuk (id int PRIMARY KEY, soort text NOT NULL, body text, titel text COLLATE "C", bedrag numeric, dag date,
	tags text[], paren paar[], doc jsonb, duur int4range, adres inet, kleur kleur, plek point, eigen int4range);
INSERT INTO stuk SELECT n, 'gewoon', 'tekst nummer ' || n, 'titel ' || n, n / 10.0, date '2020-01-01' + n,
	ARRAY['t' || n % 50, 'alle'], ARRAY[(n, n)::paar], jsonb_build_object('n', n, 'm', 'x' || n % 70), int4range(n, n + 3),
	('10.0.' || n % 200 || '.1')::inet, (ARRAY['rood', 'groen', 'blauw'])[1 + n % 3]::kleur, point(n, n)
	FROM generate_series(1, 2000) n;

-- The hidden rows.
INSERT INTO stuk VALUES (9001, 'signaal', 'eindigt op staartwoord\', 'staarttitel\', 'NaN', 'infinity', '{geheim}', NULL,
	jsonb_build_object('geheim', 1), 'empty', '10.0.1.1', 'rood', point(1e308, 0));
INSERT INTO stuk VALUES (9002, 'signaal', 'langwoord hier ' || repeat('x', 2100), repeat('staart', 300), '1e10000', '5874897-12-31',
	'{geheim,NULL}', NULL, (repeat('[', 3000) || repeat(']', 3000))::jsonb, '(,)', '10.0.1.0/24', 'blauw', point('-infinity', 0));

CREATE INDEX stuk_body ON stuk USING gin (body gin_trgm_ops);
CREATE INDEX stuk_tekst ON stuk USING gin (to_tsvector('simple'::regconfig, body));
CREATE INDEX stuk_titel ON stuk (titel);
CREATE INDEX stuk_lower ON stuk (lower(titel));
CREATE INDEX stuk_bedrag ON stuk (bedrag);
CREATE INDEX stuk_dag ON stuk (dag);
CREATE INDEX stuk_tags ON stuk USING gin (tags);
CREATE INDEX stuk_paren ON stuk USING gin (paren);
CREATE INDEX stuk_doc ON stuk USING gin (doc);
CREATE INDEX stuk_duur ON stuk USING gist (duur);
CREATE INDEX stuk_adres ON stuk (adres);
CREATE INDEX stuk_kleur ON stuk (kleur, id);
CREATE INDEX stuk_plek ON stuk USING gist (plek);
GRANT ALL ON stuk TO planner_index_app, planner_index_coord;

SELECT count(*) > 0 AS done FROM casus.protect('stuk', 'zoek', opens_dossier => true, governs => $$soort = 'signaal'$$,
	category => 'signaalomschrijving');
CALL casus.take_in('stuk', phase => '''intake''', opened => '''2026-01-01''');
SELECT count(*) > 0 AS done FROM casus.bind('stuk', 'enforce');
ANALYZE stuk;

/*
 * Each with its index, with the same answer as without, and without a word
 * about the hidden rows, though their keys are among those that it finds.
 */
CREATE TABLE public.vraag (nr int PRIMARY KEY, conditie text NOT NULL);
INSERT INTO vraag VALUES
	(1, $$body LIKE '%nummer 19%'$$), (2, $$body LIKE '%staartwoord%'$$), (3, $$body LIKE '%staartwoord\\'$$),
	(4, $$body ILIKE '%NUMMER 199%'$$), (5, $$body ~ 'nummer 19[78]'$$), (6, $$body ~* 'STAARTWOORD.'$$),
	(7, $$body % 'langwoord xxxxxxxx'$$), (8, $$'staartwoord' <% body$$),
	(9, $$to_tsvector('simple'::regconfig, body) @@ to_tsquery('simple', '1999 | langwoord')$$),
	(10, $$to_tsvector('simple'::regconfig, body) @@ phraseto_tsquery('eindigt op')$$),
	(11, $$titel LIKE 'titel 19_'$$), (12, $$titel LIKE 'staart%'$$), (13, $$lower(titel) = 'titel 7'$$),
	(14, $$lower(titel) LIKE 'titel 20%'$$),
	(15, $$bedrag = 12.3$$), (16, $$bedrag IN (12.3, 'NaN')$$), (17, $$bedrag > 199.8$$),
	(18, $$dag > timestamptz '2025-06-20 12:00+00'$$), (19, $$dag = timestamp 'infinity'$$),
	(20, $$tags @> '{t7,geheim}'$$), (21, $$tags && '{geheim}'$$), (22, $$tags <@ '{geheim,x}'$$),
	(23, $$doc @> '{"n": 12}'$$), (24, $$doc ? 'geheim'$$), (25, $$doc ?| '{geheim,x}'$$), (26, $$doc ?& '{geheim}'$$),
	(27, $$doc @> '[[[[]]]]'$$),
	(28, $$duur && int4range(12, 13)$$), (29, $$duur @> 12$$), (30, $$duur <@ int4range(5, 9)$$),
	(31, $$adres <<= '10.0.1.0/24' AND id < 300$$), (32, $$kleur = 'rood' AND id < 5$$),
	(33, $$body LIKE '%nummer 1999' OR doc @> '{"n": 12}' OR bedrag = 5.5$$),
	(34, $$to_tsvector('simple'::regconfig, body) @@ phraseto_tsquery('simple', 'langwoord hier')$$);
GRANT SELECT ON vraag TO PUBLIC;

SET ROLE planner_index_app;
SET client_min_messages = notice;
SET enable_seqscan = off;
SELECT nr, conditie, indexes('SELECT id FROM stuk WHERE ' || conditie) FROM vraag ORDER BY nr;
SELECT nr, attempt('SELECT id FROM stuk WHERE ' || conditie) FROM vraag ORDER BY nr;
SET enable_indexscan = off;
CREATE TEMP TABLE bitmap AS SELECT nr, attempt('SELECT id FROM stuk WHERE ' || conditie) FROM vraag;
SET enable_seqscan = on;
SET enable_bitmapscan = off;
SELECT nr, attempt('SELECT id FROM stuk WHERE ' || conditie) FROM vraag EXCEPT SELECT * FROM bitmap;
RESET enable_indexscan;
RESET enable_bitmapscan;
SET enable_seqscan = off;

-- Who may see them meets them, by the same plans.
SET ROLE planner_index_coord;
BEGIN;
SELECT casus.enter('intake') IS NOT NULL AS entered;
SELECT attempt($$SELECT id FROM stuk WHERE body LIKE '%staartwoord%'$$), attempt($$SELECT id FROM stuk WHERE tags && '{geheim}'$$),
	attempt($$SELECT id FROM stuk WHERE doc ? 'geheim'$$), attempt($$SELECT id FROM stuk WHERE bedrag = 'NaN'$$);
SELECT attempt($$SELECT id FROM stuk WHERE body LIKE '%staartwoord\'$$);
SELECT attempt($$SELECT id FROM stuk WHERE to_tsvector('simple'::regconfig, body) @@ 'langwoord'$$);
COMMIT;
SET ROLE planner_index_app;

/*
 * Not by an index: a LIKE pattern that ends in an escape character, whose
 * error only a matching row raises; one that is not known yet; a deep jsonb
 * pattern; elements that compare by what is in them; jsonpath.
 */
SELECT conditie, indexes('SELECT id FROM stuk WHERE ' || conditie), attempt('SELECT id FROM stuk WHERE ' || conditie)
FROM (VALUES ($$body LIKE '%staartwoord\'$$), ($$body ILIKE '%staartwoord\\\'$$), ($$titel LIKE 'staarttitel\'$$),
	($$body NOT LIKE '%e%'$$),
	($$paren @> ARRAY[(7, 7)::paar]$$), ($$doc @? '$.n ? (@ == 12)'$$),
	($$body LIKE (SELECT '%staartwoord\')$$)) v (conditie);
SELECT indexes($$SELECT id FROM stuk WHERE doc @> '$$ || repeat('[', 3000) || repeat(']', 3000) || $$'$$) AS indexes,
	attempt($$SELECT id FROM stuk WHERE doc @> '$$ || repeat('[', 3000) || repeat(']', 3000) || $$'$$) AS attempt;
PREPARE zoek (text) AS SELECT id FROM stuk WHERE body LIKE $1;
SET plan_cache_mode = force_generic_plan;
SELECT indexes($$EXECUTE zoek ('%staartwoord\')$$);
EXECUTE zoek ('%staartwoord\');
SET plan_cache_mode = force_custom_plan;
SELECT indexes($$EXECUTE zoek ('%staartwoord\')$$), indexes($$EXECUTE zoek ('%staartwoord%')$$);
EXECUTE zoek ('%staartwoord\');
RESET plan_cache_mode;

/*
 * A function on the other side is called for the scan, not for the rows that
 * an index has found: how often would tell how many.
 */
RESET ROLE;
CREATE FUNCTION public.tel(tekst text) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE NOTICE 'called'; RETURN tekst; END $$;
SET ROLE planner_index_app;
SELECT id FROM stuk WHERE body % tel('langwoord xxxxxxxx');
SELECT id FROM stuk WHERE body % tel('nergens te vinden');
SELECT id FROM stuk WHERE tags && ARRAY[tel('geheim')];
SELECT id FROM stuk WHERE tags && ARRAY[tel('nergens')];
SELECT indexes($$SELECT id FROM stuk WHERE duur && tel('[1000000,1000001)')::int4range$$);

/* What bears the name of a vetted operator is not one. */
RESET ROLE;
CREATE FUNCTION public.textlike(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0001
	AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE OPERATOR public.~~ (FUNCTION = public.textlike, LEFTARG = text, RIGHTARG = text, RESTRICT = likesel);
CREATE SCHEMA vals;
GRANT USAGE ON SCHEMA vals TO PUBLIC;
CREATE FUNCTION vals.similarity_op(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0001
	AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE OPERATOR vals.% (FUNCTION = vals.similarity_op, LEFTARG = text, RIGHTARG = text);
ALTER EXTENSION pg_trgm ADD FUNCTION vals.similarity_op(text, text);
ALTER EXTENSION pg_trgm ADD OPERATOR vals.% (text, text);
-- Even in an operator family of pg_trgm, which a superuser alone can add to.
ALTER OPERATOR FAMILY public.gin_trgm_ops USING gin ADD OPERATOR 20 vals.% (text, text);
SET ROLE planner_index_app;
SELECT indexes($$SELECT id FROM stuk WHERE body OPERATOR(public.~~) '%staartwoord%'$$);
SELECT id FROM stuk WHERE body OPERATOR(public.~~) '%staartwoord%' AND id > 1999;
SELECT indexes($$SELECT id FROM stuk WHERE body OPERATOR(vals.%) 'staartwoord'$$);
SELECT id FROM stuk WHERE body OPERATOR(vals.%) 'staartwoord' AND id > 1999;
EXPLAIN (COSTS OFF) SELECT id FROM stuk WHERE body LIKE '%staartwoord%';
SELECT indexes($$SELECT id FROM stuk WHERE body LIKE '%staartwoord%' AND body OPERATOR(public.~~) '%'$$);
SELECT id FROM stuk WHERE body LIKE '%staartwoord%' AND body OPERATOR(public.~~) '%';

/* Order by distance computes with hidden rows: those of pg_trgm raise nothing, others give up the index. */
RESET ROLE;
CREATE TABLE public.plaats (id int PRIMARY KEY, plek point);
INSERT INTO plaats SELECT id, plek FROM stuk;
CREATE INDEX plaats_plek ON plaats USING gist (plek);
SELECT indexes($$SELECT id FROM plaats ORDER BY plek <-> '(0,0)' LIMIT 2$$);
SET ROLE planner_index_app;
SELECT indexes($$SELECT id FROM stuk ORDER BY plek <-> '(0,0)' LIMIT 2$$);
SELECT attempt($$SELECT count(*) AS id FROM (SELECT id FROM stuk ORDER BY plek <-> '(-1e308,0)' LIMIT 5000) q$$);
RESET ROLE;
SELECT casus.maintenance('stuk', 'zoekindex', '1 minute') IS NOT NULL AS maintained;
CREATE INDEX stuk_nabij ON stuk USING gist (body gist_trgm_ops);
SET ROLE planner_index_app;
SELECT indexes($$SELECT id FROM stuk ORDER BY body <-> 'staartwoord' LIMIT 2$$);
SELECT attempt($$(SELECT id FROM stuk ORDER BY body <-> 'eindigt op staartwoord' LIMIT 2)$$) <> '9001,9002' AS none_hidden;
RESET ROLE;
DROP INDEX stuk_nabij;

/* Other policies of the table, and a view that is a barrier, keep PostgreSQL's own rule. */
RESET ROLE;
CREATE VIEW public.barriere WITH (security_barrier) AS SELECT * FROM stuk WHERE id % 2 >= 0;
GRANT SELECT, UPDATE ON barriere TO PUBLIC;
SELECT casus.maintenance('stuk', 'eigen policy', '1 minute') IS NOT NULL AS maintained;
SET ROLE planner_index_app;
SELECT indexes($$SELECT id FROM barriere WHERE body LIKE '%staartwoord%'$$);
SELECT indexes($$UPDATE barriere SET titel = '' WHERE body LIKE '%staartwoord%'$$);
SELECT indexes($$UPDATE stuk SET titel = '' WHERE body LIKE '%staartwoord%'$$),
	indexes($$DELETE FROM stuk WHERE tags && '{geheim}'$$);
UPDATE stuk SET titel = '' WHERE body LIKE '%staartwoord%' RETURNING id;
RESET ROLE;
CREATE POLICY eigen ON stuk AS RESTRICTIVE USING (titel <> '');
SET ROLE planner_index_app;
SELECT indexes($$SELECT id FROM stuk WHERE body LIKE '%staartwoord%'$$), indexes($$SELECT id FROM stuk WHERE id = 7$$);
RESET ROLE;
DROP POLICY eigen ON stuk;

/* A superuser is bound by the same plans, and so are joins. */
SELECT indexes($$SELECT id FROM stuk WHERE body LIKE '%staartwoord%'$$), attempt($$SELECT id FROM stuk WHERE body LIKE '%staartwoord%'$$);
SELECT indexes($$SELECT s.id FROM plaats p JOIN stuk s ON s.bedrag = p.id / 10.0 WHERE p.id = 7$$) AS join,
	indexes($$SELECT s.id FROM (VALUES (1, 'titel 1'), (2, 'titel 2')) v (i, t), stuk s WHERE s.body LIKE '%' || v.t || '%'$$) AS join_of_patterns;

DROP OWNED BY planner_index_app, planner_index_coord;
DROP ROLE planner_index_app, planner_index_coord;
