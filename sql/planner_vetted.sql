/*
 * planner_vetted: each operator and each distance of guard_vetted.c, as they
 * stand in its lists, on a table with a column for each type, whose hidden rows
 * hold the values at which an operator could fail.  Each keeps its index, finds
 * hidden rows by it, and answers as if they were not there.  One that is added
 * to a list without a column and a value for it here is named below.  [B-38]
 * A027 A028
 */
\set VERBOSITY terse
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set listed `sed -n '/^static const VettedFunction/,/^};/p' "$PG_ABS_SRCDIR/extension/guard_vetted.c" | grep -o 'F_[A-Z_]*' | tr '\n' ' '`
\set symbols `sed -n '/^static const char \*const trgm_/,/^};/p' "$PG_ABS_SRCDIR/extension/guard_vetted.c" | grep -o '"[a-z_]*"' | tr -d '"' | tr '\n' ' '`
CREATE ROLE planner_vetted_app;
CREATE EXTENSION pg_trgm;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'zoek') IS NOT NULL AS opened;
SELECT casus.activate_protocol('zoek', 'DPIA 1', '{"startdatum": "2021-01-01", "standaarden": "x"}') IS NOT NULL AS active;
CREATE TYPE public.kleur AS ENUM ('rood', 'groen', 'blauw', 'geheim');

/*
 * The types: a column and its index, the value of an ordinary row ($ is its
 * number), those of the three hidden ones, and what a row is compared with.
 */
CREATE TABLE public.kind (type regtype PRIMARY KEY, using_index text, ordinary text, hidden text[], compared text[]);
INSERT INTO kind VALUES
	('numeric', 'btree', '$.5', '{NaN,1e10000,-Infinity}', '{12.5,NaN,1e10000,-Infinity}'),
	('integer', 'btree', '$', '{2147483647,-2147483648,0}', '{12,2147483647,-2147483648}'),
	('kleur', 'btree', 'groen', '{geheim,blauw,rood}', '{rood,groen,geheim}'),
	('date', 'btree', '2020-02-$', '{infinity,5874897-12-31,-infinity}', '{2020-02-12,infinity,5874897-12-31,-infinity,"4713-01-01 BC"}'),
	('timestamp', 'btree', '2020-02-$ 12:00', '{infinity,294276-12-31 23:59:59.999999,"4714-11-24 00:00 BC"}',
		'{2020-02-12,2020-02-12 12:00,infinity,294276-12-31 23:59:59.999999,-infinity,"4714-11-24 00:00 BC"}'),
	('timestamptz', 'btree', '2020-02-$ 12:00+00', '{infinity,294276-12-31 23:59:59.999999+00,"4714-11-24 00:00+00 BC"}',
		'{2020-02-12 00:00+00,2020-02-12 12:00+00,infinity,294276-12-31 23:59:59.999999+00,-infinity,"4714-11-24 00:00+00 BC"}'),
	('inet', 'gist inet_ops', '10.0.$.1', '{10.9.0.0/16,0.0.0.0/0,ffff::1}', '{10.0.12.0/24,10.0.12.1,10.9.9.9,10.0.0.0/8,ffff::/16}'),
	('tsvector', 'gin', 'tekst n$', '{geheim:1A,geheim:16383 diep:2,""}', '{tekst n12,geheim:1A diep}'),
	('tsquery', 'gist', 'n$ & tekst', '{geheim,!geheim:A,geheim<16384>diep}', '{n12 & tekst,geheim,geheim:A | n13,geheim <-> diep,diep:*}'),
	('jsonb', 'gin', '{"n": $}', ARRAY['{"geheim": [1, {"diep": null}]}', repeat('[', 3000) || repeat(']', 3000), '"geheim"'],
		'{"{\"n\": 12}","{\"geheim\": [1]}","[[]]","\"geheim\"","{\"n\": 12, \"geheim\": [1, {\"diep\": null}]}"}'),
	('text', 'gin gin_trgm_ops', 'tekst $', ARRAY['eindigt op geheim\', 'geheim' || repeat('x', 3000), ''],
		ARRAY['n', 'geheim', 'tekst 12', 'tekst 1%', 'geheim%', '%geheim\\', '%geheim\', 'GEHEIM%', '^tekst 1[23]$', '^geheim.', 'geheim xxx', 'xxxx']),
	('bpchar', 'btree (%s bpchar_pattern_ops)', '$ tekst', '{99geheim\\,99geheimx,""}', '{}'),
	('name', 'btree', '$ tekst', '{99geheim\\,99geheimx,""}', '{}'),
	('text[]', 'gin', '{t$,alle}', '{"{geheim,NULL}","{{geheim},{t12}}","{}"}', '{"{t12}","{geheim,t13}","{geheim,t12,alle}","{NULL}","{}"}'),
	('integer[]', 'gin', '{$,1000}', '{"{7777,NULL}","{{7777},{12}}","{}"}', '{"{12}","{7777,13}","{7777,12,1000}","{NULL}","{}"}'),
	('date[]', 'gin', '{2020-02-$}', '{"{infinity,NULL}","{{infinity},{2020-02-12}}","{}"}', '{"{2020-02-12}","{infinity,2020-02-13}"}'),
	('int4range', 'gist', '[$,3$)', '{"[2147483646,2147483647)",empty,"(,)"}', '{"[12,312)","[13,14)","[2147483646,2147483647)",empty,"(,)"}'),
	('numrange', 'gist', '[$.5,3$)', '{"[1e300,NaN]",empty,"(,)"}', '{"[12.5,312)","[13,14)","[1e300,NaN]",empty,"(,)"}'),
	('daterange', 'gist', '[2020-02-$,2020-03-$)', '{"[5874897-01-01,infinity)",empty,"(,)"}',
		'{"[2020-02-12,2020-03-12)","[2020-02-13,2020-02-14)","[5874897-01-01,infinity)",empty,"(,)"}'),
	('tstzrange', 'gist', '[2020-02-$ 12:00+00,2020-03-$ 12:00+00)', '{"[294276-12-31 00:00+00,infinity)",empty,"(,)"}',
		'{"[2020-02-12 12:00+00,2020-03-12 12:00+00)","[2020-02-13 00:00+00,2020-02-14 00:00+00)","[294276-12-31 00:00+00,infinity)",empty,"(,)"}');
-- Patterns with which the conditions on these two begin with what their index is ordered by.
UPDATE kind SET compared = compared || ARRAY['12%', '99%', '99geheim\\', '^12 ', '^99'] WHERE type = 'text'::regtype;
GRANT SELECT ON kind TO PUBLIC;
-- As a word of SQL, "character" would be one of length 1.
CREATE FUNCTION public.word(regtype) RETURNS text LANGUAGE sql STABLE AS $$ SELECT CASE $1 WHEN 'bpchar'::regtype THEN 'bpchar' ELSE $1::text END $$;
CREATE FUNCTION public.col(regtype) RETURNS text LANGUAGE sql STABLE AS $$ SELECT translate(format('c %s', $1), ' []', '_a') $$;

-- alles: all rows, without protection; gewoon: without the hidden ones.
SELECT format('CREATE TABLE public.stuk (id int PRIMARY KEY, soort text NOT NULL, %s)', string_agg(format('%I %s', col(type), word(type)), ', ' ORDER BY type))
	FROM kind \gexec
SELECT format('INSERT INTO stuk SELECT n, ''gewoon'', %s FROM generate_series(10, 28) n',
		string_agg(format('replace(%L, ''$'', n::text)::%s', ordinary, word(type)), ', ' ORDER BY type)) FROM kind \gexec
SELECT format('INSERT INTO stuk VALUES (%s, ''signaal'', %s)', 9000 + n, string_agg(format('%L::%s', hidden[n], word(type)), ', ' ORDER BY type))
	FROM kind, generate_series(1, 3) n GROUP BY n ORDER BY n \gexec
SELECT format('CREATE INDEX %I ON stuk USING %s', 'ix_' || col(type), CASE WHEN using_index LIKE '%(%' THEN format(using_index, col(type))
		ELSE regexp_replace(using_index, '(\w+) ?(.*)', format('\1 (%I \2)', col(type))) END)
	FROM kind ORDER BY type \gexec
CREATE INDEX ix2_c_inet ON stuk (c_inet);
CREATE INDEX ix2_c_text ON stuk USING gist (c_text gist_trgm_ops);
CREATE TABLE public.alles (LIKE stuk INCLUDING INDEXES);
CREATE TABLE public.gewoon (LIKE stuk INCLUDING INDEXES);
INSERT INTO alles SELECT * FROM stuk;
INSERT INTO gewoon SELECT * FROM stuk WHERE soort = 'gewoon';
GRANT SELECT ON stuk, alles, gewoon TO planner_vetted_app;
ANALYZE gewoon, alles, stuk;
SELECT count(*) > 0 AS done FROM casus.protect('stuk', 'zoek', opens_dossier => true, governs => $$soort = 'signaal'$$,
	category => 'signaalomschrijving');
CALL casus.take_in('stuk', phase => '''intake''', opened => '''2026-01-01''');
SELECT count(*) > 0 AS done FROM casus.bind('stuk', 'enforce');

-- The functions and symbols listed, and the operators that they are behind.
CREATE TABLE public.listed AS
	SELECT n, name, p.oid AS function, p.oid >= 16384 AND p.prorettype <> 'boolean'::regtype AS distance
	FROM (SELECT n, lower(substr(f, 3)) AS name, true AS built_in FROM string_to_table(rtrim(:'listed'), ' ') WITH ORDINALITY x(f, n)
		UNION ALL SELECT 1000 + n, s, false FROM string_to_table(rtrim(:'symbols'), ' ') WITH ORDINALITY x(s, n)) l
	LEFT JOIN pg_proc p ON CASE WHEN built_in THEN p.oid < 16384 AND p.proname = name ELSE p.oid >= 16384 AND p.prosrc = name END;
SELECT count(*) > 80 AS many, count(DISTINCT name) = count(DISTINCT function) AS each_is_one FROM listed;

-- Each with its column on either side of it, for each type that it is made for.
CREATE TABLE public.trial AS
	SELECT row_number() OVER (ORDER BY l.n, o.oid, v.*, side, value) AS nr, l.name, distance,
		CASE side WHEN 'left' THEN format('%I OPERATOR(%I.%s) %L::%s', col(lt), nspname, oprname, value, word(rt))
			ELSE format('%L::%s OPERATOR(%I.%s) %I', value, word(lt), nspname, oprname, col(rt)) END AS condition
	FROM listed l JOIN pg_operator o ON o.oprcode = l.function JOIN pg_namespace s ON s.oid = oprnamespace
		CROSS JOIN (VALUES ('int4range'::regtype, 'integer'::regtype, 'text[]'::regtype), ('numrange', 'numeric', 'integer[]'),
			('daterange', 'date', 'date[]'), ('tstzrange', 'timestamptz', 'text[]')) v(range, element, vector)
		CROSS JOIN LATERAL (SELECT CASE o.oprleft WHEN 'anyrange'::regtype THEN range WHEN 'anyelement'::regtype THEN element
				WHEN 'anyarray'::regtype THEN vector WHEN 'anyenum'::regtype THEN 'kleur'::regtype ELSE o.oprleft::regtype END AS lt,
			CASE o.oprright WHEN 'anyrange'::regtype THEN range WHEN 'anyelement'::regtype THEN element
				WHEN 'anyarray'::regtype THEN vector WHEN 'anyenum'::regtype THEN 'kleur'::regtype ELSE o.oprright::regtype END AS rt) t
		CROSS JOIN (VALUES ('left'), ('right')) w(side)
		JOIN kind c ON c.type = CASE side WHEN 'left' THEN lt ELSE rt END
		JOIN kind k ON k.type = CASE side WHEN 'left' THEN rt ELSE lt END
		CROSS JOIN LATERAL unnest(k.compared) value
	WHERE (v.range = 'int4range'::regtype OR o.oprleft IN ('anyrange'::regtype, 'anyelement'::regtype, 'anyarray'::regtype));
GRANT SELECT ON listed, trial TO PUBLIC;

-- What a table answers, and by which indexes.
CREATE FUNCTION public.answer(relation text, condition text, distance boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE CASE WHEN distance THEN format('SELECT string_agg(id::text, '','' ORDER BY id) FROM (SELECT id, %1$s AS d FROM %2$I ORDER BY %1$s LIMIT 100) q', condition, relation)
		ELSE format('SELECT string_agg(id::text, '','' ORDER BY id) FROM %I WHERE %s', relation, condition) END INTO answer;
	RETURN coalesce(answer, '-');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;
CREATE FUNCTION public.by_index(condition text, distance boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format(CASE WHEN distance THEN 'EXPLAIN (COSTS OFF) SELECT id FROM stuk ORDER BY %s LIMIT 100'
		ELSE 'EXPLAIN (COSTS OFF) SELECT id FROM stuk WHERE %s' END, condition) LOOP
		IF line ~ '(Bitmap Index Scan on|Index(?: Only)? Scan using) ix' THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
EXCEPTION WHEN invalid_regular_expression THEN
	RETURN false;
END $$;

SET ROLE planner_vetted_app;
SET client_min_messages = notice;
SET jit = off;
SET enable_seqscan = off;
CREATE TEMP TABLE known AS SELECT *, answer('gewoon', condition, distance) AS ordinary, answer('alles', condition, distance) AS all_rows FROM trial;
SET enable_indexscan = off;
CREATE TEMP TABLE outcome AS SELECT *, 'bitmap' AS scan, by_index(condition, distance) AS by_index, answer('stuk', condition, distance) AS seen
	FROM known WHERE NOT distance;
RESET enable_indexscan;
SET enable_bitmapscan = off;
INSERT INTO outcome SELECT *, 'index', by_index(condition, distance), answer('stuk', condition, distance) FROM known;

-- No trial tells of a hidden row, by an answer or by an error.
SELECT name, condition, scan, seen, ordinary FROM outcome WHERE seen <> ordinary ORDER BY nr, scan;
-- What is listed and has no trial, or none in which an index has met hidden rows: where nothing is protected it finds them.
SELECT l.name, count(o.name) > 0 AS tried, coalesce(bool_or(by_index), false) AS by_index
	FROM listed l LEFT JOIN outcome o USING (name) GROUP BY l.n, l.name
	HAVING NOT coalesce(bool_or(by_index AND all_rows ~ '\m900\d\M'), false) ORDER BY l.n;
-- What fails on the hidden rows and on no other.
SELECT name, count(*) FROM known WHERE all_rows ~ '^[^\d-]' AND ordinary <> all_rows GROUP BY name ORDER BY min(nr);

RESET ROLE;
DROP OWNED BY planner_vetted_app;
DROP ROLE planner_vetted_app;
