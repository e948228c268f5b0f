-- Hostile input at hostile moments (group E of the attacks): a clear error or a value, and the session goes on as
-- before.  What comes at random is in test/fuzz, kills and cancels in test/tap.
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/beesel.sql'
SET client_min_messages = warning;
SET timezone = 'UTC';
SET search_path = public, casus;
\o /dev/null
\ir :fixture
\o
SELECT dossier AS overleg FROM beesel.fixture WHERE name = 'overleg' \gset

-- What a statement comes to: the number of rows it gives, or the class of its error.
CREATE FUNCTION pg_temp.answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n || ' rows';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

-- E001, E002, E004, E008: binary input of every length, with bytes after it, with every value of its first byte and of the one
-- that is a code, and some of each third.  E003 has nothing to try: a term holds no length and no count, and ends where the message does.
CREATE TABLE crash_term (term casus.term);
CREATE FUNCTION pg_temp.copied(VARIADIC value bytea[]) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.answer(format('COPY crash_term FROM PROGRAM %L (FORMAT binary)', 'printf ''' || string_agg(
		'\' || (b / 64)::text || (b / 8 % 8)::text || (b % 8)::text, '' ORDER BY i) || ''''))
	FROM (SELECT i, get_byte(message, i) AS b FROM (SELECT '\x5047434f50590aff0d0a00'::bytea || int4send(0) || int4send(0)
		|| (SELECT string_agg(int2send(1::int2) || int4send(length(v)) || v, '') FROM unnest(value) v) || int2send(-1::int2)) m(message), generate_series(0, length(message) - 1) i) x
$$;
SELECT casus.term_send('gedurende 6 months after besluit') AS term \gset
SELECT length(:'term'::bytea) AS length;
SELECT pg_temp.copied(substr(:'term'::bytea || decode(repeat('00', 64), 'hex'), 1, n)) AS answer, min(n), max(n), count(*)
	FROM generate_series(0, 96) n GROUP BY 1 ORDER BY 2;
SELECT count(*) FILTER (WHERE answer = '1 rows') > 0 AS some_fit, string_agg(DISTINCT answer, ', ') FILTER (WHERE answer <> '1 rows') AS others
	FROM (SELECT pg_temp.copied(set_byte(:'term'::bytea, position, value)) AS answer
		FROM generate_series(0, length(:'term'::bytea) - 1, 3) position, unnest(ARRAY[0, 1, 9, 32, 45, 65, 97, 122, 127, 128, 226, 237, 255]) value) x;
SELECT position, count(*), count(*) FILTER (WHERE answer = '1 rows') AS taken, string_agg(DISTINCT answer, ', ') FILTER (WHERE answer <> '1 rows') AS others
	FROM (SELECT position, pg_temp.copied(set_byte(:'term'::bytea, position, value)) AS answer
		FROM generate_series(0, 255) value, unnest(ARRAY[0, 4]) position) x GROUP BY 1 ORDER BY 1;
-- E013: what was taken in goes out and in again as the same.
SELECT count(*) > 10 AS some, bool_and(term::text::casus.term = term AND casus.term_send(term::text::casus.term) = casus.term_send(term)) AS same
	FROM crash_term;
-- What was sent is received again, and sent as the same; so are terms drawn at random.
INSERT INTO crash_term SELECT format('%s %s %s after %s', (ARRAY['uiterlijk', 'gedurende'])[1 + n % 2], (random() * 900)::integer,
	(ARRAY['days', 'weeks', 'months', 'years'])[1 + n / 2 % 4], 'e' || left(md5(n::text), n % 27))::casus.term FROM generate_series(1, 100) n;
CREATE TABLE crash_sent AS SELECT DISTINCT casus.term_send(term) AS sent FROM crash_term;
DELETE FROM crash_term;
SELECT count(*) >= 100 AS some, pg_temp.copied(VARIADIC array_agg(sent)) = count(*) || ' rows' AS received FROM crash_sent;
SELECT count(*) FROM crash_sent FULL JOIN (SELECT casus.term_send(term) AS again FROM crash_term) t ON sent = again WHERE sent IS NULL OR again IS NULL;
-- E028: what is equal has one hash and one text.
SELECT count(*) FROM crash_term a, crash_term b
	WHERE a.term = b.term AND (casus.term_hash(a.term) <> casus.term_hash(b.term) OR a.term::text <> b.term::text);

-- E005: no type of casus has modifiers.
SELECT count(*) FROM pg_type WHERE typnamespace IN ('casus'::regnamespace, 'casus_int'::regnamespace, 'casus_cat'::regnamespace)
	AND (typmodin <> 0 OR typmodout <> 0) AND typelem = 0 AND typtype = 'b';

-- E007, E008: NUL and malformed characters do not get to a function of casus.
SELECT pg_temp.answer($$SELECT casus.enter(convert_from('\x6100', 'UTF8'))$$) AS nul,
	pg_temp.answer($$SELECT casus.enter(convert_from('\xeda080', 'UTF8'))$$) AS surrogate,
	pg_temp.answer($$SELECT casus.enter(convert_from('\x61e2', 'UTF8'))$$) AS cut,
	pg_temp.answer($$SELECT casus.lint_protocol('{"name": "a\u0000b"}')$$) AS json;

-- E009, E040: huge values, and arrays of as many elements as there can be.  What is named in an error is cut there.
SELECT pg_temp.answer($$SELECT repeat('a', 268435456)::casus.term$$) AS term,
	pg_temp.answer($$SELECT casus.enter(repeat('a', 268435456))$$) AS enter,
	pg_temp.answer($$SELECT count(*) FROM casus.lint_protocol(to_jsonb(repeat('a', 50000000)))$$) AS lint,
	pg_temp.answer($$SELECT casus.open_dossier(repeat('a', 268435456))$$) AS file;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN;
SELECT FROM casus.enter('overleg');
SELECT casus.item_of(casus_label) AS item FROM beesel.notitie WHERE inhoud = 'overleg een' \gset
COMMIT;
SELECT pg_temp.answer(format('SELECT casus.share(%s, array_fill(%s::bigint, ARRAY[2000000]), ARRAY[''belastingen_en_woz''], ''m'')', :overleg, :item)) AS items,
	pg_temp.answer(format('SELECT casus.share(%s, NULL, array_fill(''x''::text, ARRAY[200000]), ''m'')', :overleg)) AS parties,
	pg_temp.answer(format('SELECT casus.share(%s, ARRAY[[1, 2], [3, 4]]::bigint[], ARRAY[NULL]::text[], ''m'')', :overleg)) AS shape,
	pg_temp.answer(format('SELECT casus.share(%s, array_fill(NULL::bigint, ARRAY[134217727]), ARRAY[''belastingen_en_woz''], ''m'')', :overleg)) AS most_items,
	pg_temp.answer(format('SELECT casus.share(%s, NULL, array_fill(NULL::text, ARRAY[134217727]), ''m'')', :overleg)) AS most_parties;
RESET SESSION AUTHORIZATION;

-- E010: nesting deeper than the stack, and deep nesting that is allowed.
SELECT pg_temp.answer($$SELECT casus.lint_protocol((repeat('[', 100000) || repeat(']', 100000))::jsonb)$$) AS too_deep,
	pg_temp.answer($$SELECT count(*) FROM casus.lint_protocol((repeat('[', 3000) || repeat(']', 3000))::jsonb)$$) AS deep,
	pg_temp.answer($$SELECT casus.lint_protocol((repeat('{"phases":', 100000) || '1' || repeat('}', 100000))::jsonb)$$) AS object_too_deep;

-- E011: phases that lead back to one another, and to themselves.
SELECT severity, path, message FROM casus.lint_protocol('{"name": "x", "phases": [{"name": "a", "initial": true}, {"name": "b"}],
	"transitions": [{"from": ["a"], "to": "b"}, {"from": ["b"], "to": "a"}, {"from": ["a"], "to": "a"}]}') WHERE message ~ 'itself|dead end';

-- E014: one call over a document that takes it very long answers to a cancel in the midst of it: where it did not, the
-- block would be cancelled at the next line, or its answer would be the findings.  Another session cancels, once the lock
-- that the call itself gives back lets it.
CREATE TABLE crash_slow AS SELECT jsonb_build_object('name', 'x',
	'articles', (SELECT jsonb_agg(jsonb_build_object('name', CASE n WHEN 1000 THEN 'z' ELSE 'a' || n END)) FROM generate_series(1, 1000) n),
	'lists', jsonb_build_array(jsonb_build_object('name', 'l', 'values',
		(SELECT jsonb_agg(jsonb_build_object('name', 'v' || n, 'article', repeat('z;', 2000))) FROM generate_series(1, 2000) n)))) AS definition;
SELECT pg_backend_pid() AS pid, pg_advisory_lock(14) \gset
\setenv PID :pid
\setenv PGDATABASE :DBNAME
\! psql -Xq -c "SELECT pg_advisory_lock(14), pg_cancel_backend($PID)" >/dev/null 2>&1 &
DO $$
DECLARE slow jsonb := (SELECT definition FROM crash_slow); name text;
BEGIN
	name := casus.load_protocol(CASE WHEN pg_advisory_unlock(14) THEN slow END);
	RAISE NOTICE 'not cancelled';
END $$;
\setenv PGDATABASE

-- E016: errors in nested calls leave nothing behind.
CREATE FUNCTION pg_temp.nested(depth integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	PERFORM count(*) FROM beesel.notitie;
	IF depth = 0 THEN RETURN 1 / 0; END IF;
	RETURN pg_temp.nested(depth - 1);
EXCEPTION WHEN division_by_zero THEN
	IF depth % 3 = 0 THEN RAISE; END IF;
	RETURN 0;
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN;
SELECT casus.enter('overleg', :overleg) \g /dev/null
SELECT count(*) FROM beesel.notitie;
SELECT sum(pg_temp.nested(i % 9 + 1)) FROM generate_series(1, 300) i;
SELECT count(*) FROM beesel.notitie;
-- E020: in a failed transaction, without a snapshot.
DECLARE crash CURSOR FOR SELECT inhoud FROM beesel.notitie ORDER BY id;
FETCH 1 FROM crash;
SAVEPOINT s;
SELECT 1 / 0;
SHOW server_encoding;
FETCH 1 FROM crash;
SELECT count(*) FROM beesel.notitie;
SELECT casus.leave();
DEALLOCATE ALL;
ROLLBACK TO s;
SELECT count(*) FROM beesel.notitie;
ROLLBACK;
SELECT count(*) FROM beesel.notitie;
RESET SESSION AUTHORIZATION;

-- E024: the planner's help of casus on a function and an operator that are not its own.
CREATE FUNCTION public.foreign_permits(integer, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SUPPORT casus_int.permits_support AS 'BEGIN RETURN $1 > 0 AND $2 <> ''''; END';
CREATE OPERATOR public.=== (FUNCTION = public.foreign_permits, LEFTARG = integer, RIGHTARG = text);
SELECT count(*) FROM generate_series(1, 3) i, unnest(ARRAY['a', 'b']) t WHERE i === t AND public.foreign_permits(i, t);
EXPLAIN (COSTS OFF) SELECT count(*) FROM crash_slow WHERE public.foreign_permits(length(definition::text), 'x');

-- E027: the same document, however it is stored.
CREATE TABLE crash_document (n integer, definition jsonb);
ALTER TABLE crash_document ALTER definition SET STORAGE EXTERNAL;
INSERT INTO crash_document SELECT 1, jsonb_build_object('name', repeat('x', 9000), 'phases', '[{"name": "a"}]'::jsonb);
ALTER TABLE crash_document ALTER definition SET STORAGE EXTENDED;
INSERT INTO crash_document SELECT 2, jsonb_build_object('name', repeat('x', 9000), 'phases', '[{"name": "a"}]'::jsonb);
ALTER TABLE crash_document ALTER definition SET STORAGE MAIN;
INSERT INTO crash_document SELECT 3, jsonb_build_object('name', repeat('x', 9000), 'phases', '[{"name": "a"}]'::jsonb);
SELECT count(DISTINCT findings) FROM (SELECT n, (SELECT jsonb_agg(to_jsonb(l)) FROM casus.lint_protocol(definition) l) AS findings
	FROM crash_document) x;

-- E030: a row type that changes between the plan and its run.
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN;
SELECT casus.enter('overleg', :overleg) \g /dev/null
PREPARE crash_rows AS SELECT n FROM beesel.notitie n ORDER BY id LIMIT 1;
PREPARE crash_columns AS SELECT * FROM beesel.notitie ORDER BY id LIMIT 1;
COMMIT;
RESET SESSION AUTHORIZATION;
ALTER TABLE beesel.notitie ADD COLUMN extra integer DEFAULT 7;
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN;
SELECT casus.enter('overleg', :overleg) \g /dev/null
SAVEPOINT s;
EXECUTE crash_columns;
ROLLBACK TO s;
EXECUTE crash_rows \gset
SELECT :'n' ~ ',"overleg een",.*,7\)$' AS row_of_now;
SELECT (n).extra FROM (SELECT n FROM beesel.notitie n LIMIT 1) x;
COMMIT;
RESET SESSION AUTHORIZATION;

-- E039: a C symbol of casus under another signature is for a superuser to declare, who can run any C (a limit, see the README);
-- nobody else can.
SET SESSION AUTHORIZATION bs_coordinator;
CREATE FUNCTION pg_temp.crash_label() RETURNS text LANGUAGE c AS '$libdir/casus', 'casus_sql_label_text';
RESET SESSION AUTHORIZATION;

DROP FUNCTION public.foreign_permits CASCADE;
SELECT 'alive' AS server;
