/*
 * guard_function: functions by which rows would leave past the executor are
 * known by the code they stand for, whatever their name, and refused to
 * everyone; those that show no value of a row stay open, and those that run
 * SQL are bound like any.  B024 B025 A083
 */
\set VERBOSITY terse
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set tells code
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
CREATE EXTENSION pageinspect;
CREATE EXTENSION pg_surgery;
CREATE EXTENSION pgstattuple;
CREATE EXTENSION pg_visibility;
CREATE EXTENSION amcheck;
CREATE EXTENSION pg_buffercache;
CREATE EXTENSION pg_walinspect;

CREATE TABLE public.trial (n serial, id text, sql text);
INSERT INTO public.trial (id, sql) VALUES
	-- files
	('B024', 'SELECT pg_read_file(''PG_VERSION'')'),
	('B024', 'SELECT pg_read_file(''PG_VERSION'', 0, 1, true)'),
	('B024', 'SELECT pg_read_binary_file(pg_relation_filepath(''public.signaal''))'),
	('B024', 'SELECT * FROM pg_read_binary_file(''PG_VERSION'', 0, 1)'),
	('B024', 'CREATE FUNCTION public.other_name(text) RETURNS text LANGUAGE internal STRICT AS ''pg_read_file_all'''),
	('B024', 'SELECT public.inlined(''PG_VERSION'')'),
	('B024', 'SELECT public.by_plpgsql(''PG_VERSION'')'),
	('B024', 'SELECT count(*) FROM pg_class WHERE pg_read_file(''PG_VERSION'') <> relname'),
	('B024', 'CREATE TABLE public.t (a text DEFAULT pg_read_file(''PG_VERSION'')); INSERT INTO public.t DEFAULT VALUES'),
	('B024', 'CREATE OPERATOR public.@@@@ (FUNCTION = pg_catalog.lo_import, LEFTARG = text, RIGHTARG = oid)'),
	-- what an index or a type calls, nobody is asked about
	('F-support', 'CREATE OPERATOR CLASS public.g FOR TYPE text[] USING gin AS OPERATOR 1 &&(anyarray, anyarray), FUNCTION 1 lo_import(text, oid)'),
	('F-support', 'CREATE OPERATOR FAMILY public.f USING gin; ALTER OPERATOR FAMILY public.f USING gin ADD FUNCTION 1 (text, oid) pg_catalog.lo_import(text, oid)'),
	('F-support', 'CREATE OPERATOR CLASS public.h FOR TYPE text USING hash AS OPERATOR 1 =, FUNCTION 1 casus_guard_function.pg_catalog.pg_read_file(text)'),
	('F-support', 'CREATE TYPE public.y; CREATE TYPE public.y (INPUT = pg_read_binary_file, OUTPUT = textout)'),
	('F-support', 'CREATE TYPE public.r AS RANGE (SUBTYPE = text, SUBTYPE_DIFF = pg_catalog.lo_import)'),
	('F-support', 'CREATE CAST (text AS bytea) WITH FUNCTION pg_read_binary_file(text)'),
	('F-support', 'CREATE AGGREGATE public.a (text) (SFUNC = lo_import, STYPE = oid)'),
	('F-support', 'CREATE TEXT SEARCH TEMPLATE public.t (LEXIZE = pg_read_file)'),
	('F-support', 'CREATE OPERATOR CLASS public.k FOR TYPE text USING hash AS OPERATOR 1 =, FUNCTION 1 public.raw(text, bigint)'),
	('F-support', 'CREATE FUNCTION public.raw2(text, bigint) RETURNS bytea LANGUAGE c STRICT AS ''pageinspect'', ''get_raw_page_1_9'''),
	('F-support', 'CREATE OPERATOR CLASS public.l FOR TYPE bytea USING hash AS OPERATOR 1 =, FUNCTION 1 lo_from_bytea(oid, bytea)'),
	('F-support', 'ALTER TYPE public.y SET (RECEIVE = pg_read_binary_file)'),
	('F-support', 'ALTER OPERATOR public.@@@@ (text, oid) SET (RESTRICT = lo_import)'),
	('F-support', 'CREATE TRANSFORM FOR text LANGUAGE sql (FROM SQL WITH FUNCTION pg_read_file(text), TO SQL WITH FUNCTION textin(cstring))'),
	('F-support', 'CREATE TRANSFORM FOR text LANGUAGE sql (FROM SQL WITH FUNCTION textin(cstring), TO SQL WITH FUNCTION pg_read_file(text))'),
	('F-support', 'CREATE CONVERSION public.c FOR ''UTF8'' TO ''LATIN1'' FROM pg_read_file'),
	('F-support', 'CREATE LANGUAGE l HANDLER lo_import'),
	('F-support', 'CREATE LANGUAGE l HANDLER plpgsql_call_handler INLINE lo_import'),
	('F-support', 'CREATE LANGUAGE l HANDLER plpgsql_call_handler VALIDATOR lo_import'),
	('open', 'CREATE OPERATOR CLASS public.i FOR TYPE text USING hash AS OPERATOR 1 =, FUNCTION 1 hashtext(text)'),
	('B024', 'SELECT lo_import(''PG_VERSION'')'),
	('B024', 'SELECT lo_export(1, ''/dev/null'')'),
	-- pages
	('B025', 'SELECT get_raw_page(''public.signaal'', 0)'),
	('B025', 'SELECT public.raw(''public.signaal'', 0)'),
	('B025', 'SELECT * FROM heap_page_items(''\x00'')'),
	('B025', 'SELECT * FROM bt_page_items(''public.signaal_pkey'', 1)'),
	('B025', 'SELECT heap_force_freeze(''public.signaal'', ARRAY[''(0,1)'']::tid[])'),
	-- changes
	('B025', 'SELECT pg_create_logical_replication_slot(''casus_test'', ''test_decoding'')'),
	('B025', 'SELECT * FROM pg_logical_slot_peek_changes(''casus_test'', NULL, NULL)'),
	('B025', 'SELECT * FROM pg_logical_slot_get_binary_changes(''casus_test'', NULL, NULL)'),
	-- names, sizes, counts
	('open', 'SELECT count(*) FROM pg_ls_dir(''.'')'),
	('open', 'SELECT size FROM pg_stat_file(''PG_VERSION'')'),
	('open', 'SELECT count(*) FROM pg_ls_waldir()'),
	('open', 'SELECT tuple_count FROM pgstattuple(''public.signaal'')'),
	('open', 'SELECT * FROM pg_visibility_map(''public.signaal'', 0)'),
	('open', 'SELECT bt_index_check(''public.signaal_pkey'', true)'),
	('open', 'SELECT * FROM verify_heapam(''public.signaal'')'),
	('open', 'SELECT FROM pg_buffercache WHERE bufferid = 1'),
	('open', 'SELECT lo_from_bytea(0, ''x'')'),
	-- SQL inside
	('A083', 'SELECT query_to_xml(''SELECT * FROM public.signaal'', true, true, '''')'),
	('A083', 'SELECT table_to_xml(''public.signaal'', true, true, '''')'),
	('A083', 'SELECT * FROM ts_stat(''SELECT titel::tsvector FROM public.signaal'')');
CREATE FUNCTION public.inlined(text) RETURNS text LANGUAGE sql AS 'SELECT pg_catalog.pg_read_file($1)';
CREATE FUNCTION public.by_plpgsql(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN pg_catalog.pg_read_file($1); END';
CREATE FUNCTION public.raw(text, bigint) RETURNS bytea LANGUAGE c STRICT AS 'pageinspect', 'get_raw_page_1_9';
CREATE FUNCTION public.keep(oid, bytea) RETURNS oid LANGUAGE internal AS 'be_lo_from_bytea';

-- Nothing is protected: pages are open; files hold the rows of other databases as well.
CREATE TABLE public.signaal (id int PRIMARY KEY, titel text);
SELECT attempt('SELECT get_raw_page(''public.signaal_pkey'', 0)') AS page,
	attempt('SELECT pg_read_file(''PG_VERSION'')') AS file;

\o /dev/null
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'zorg');
SELECT casus.activate_protocol('zorg', 'DPIA 1', '{"startdatum": "2021-01-01", "standaarden": "x"}');
CREATE ROLE guard_function_coord LOGIN;
CREATE ROLE guard_function_backup LOGIN BYPASSRLS;
CREATE ROLE guard_function_auditor LOGIN IN ROLE casus_auditor;
GRANT casus_backup, pg_read_server_files TO guard_function_backup;
GRANT EXECUTE ON FUNCTION pg_read_file(text) TO guard_function_backup;
SELECT casus.add_person('Coordinator', 'guard_function_coord', oath_on => '2020-01-01');
SELECT casus.appoint('Coordinator', 'zorg', NULL, 'coordinator', reason => 'test');
SELECT casus.protect('signaal', 'zorg', opens_dossier => true, category => 'signaalomschrijving');
SELECT casus.bind('signaal');
GRANT ALL ON public.signaal TO guard_function_coord;
\o
SELECT id, attempt(sql), sql FROM public.trial ORDER BY n;
-- B025: images of pages in the WAL, which pg_walinspect gives from 16 on; what it tells of records holds no value.
SELECT to_regproc('pg_get_wal_block_info') IS NULL OR
	attempt('SELECT * FROM pg_get_wal_block_info(pg_current_wal_lsn(), pg_current_wal_lsn())') = '42501 casus.bypass' AS refused,
	attempt('SELECT FROM pg_get_wal_stats(pg_current_wal_lsn(), pg_current_wal_lsn())') NOT LIKE '%casus%' AS open;
\set VERBOSITY default
SELECT pg_read_file('PG_VERSION');
SELECT get_raw_page('public.signaal', 0);
\set VERBOSITY terse

-- F-file: the files themselves, named in a statement, by whatever path; others stay open.
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE public.outside (line text) SERVER files OPTIONS (filename '/etc/passwd');
CREATE TABLE public.line (line text);
SELECT current_setting('data_directory') AS data \gset
\setenv DATA :data
\set link :data '.link/casus_log/access.jsonl'
\! ln -sfn "$DATA" "$DATA.link"
SELECT attempt('COPY public.line FROM ''PG_VERSION''') AS relative,
	attempt(format('COPY (SELECT 1) TO %L', current_setting('data_directory') || '/casus_log/access.jsonl')) AS log,
	attempt(format('COPY (SELECT 1) TO %L', current_setting('data_directory') || '/casus_log/new.jsonl')) AS new,
	attempt(format('COPY public.line FROM %L', current_setting('data_directory') || '/base/../casus_log/access.jsonl')) AS dots,
	attempt(format('COPY public.line FROM %L', :'link')) AS link,
	attempt('COPY (SELECT 1) TO ''/dev/null''') AS other;
SELECT attempt('CREATE FOREIGN TABLE public.f (line text) SERVER files OPTIONS (filename ''casus_log/access.jsonl'')') AS made,
	attempt('ALTER FOREIGN TABLE public.outside OPTIONS (SET filename ''casus_log/access.jsonl'')') AS altered,
	attempt('ALTER TABLE public.outside OPTIONS (SET filename ''casus_log/access.jsonl'')') AS altered_as_table;

-- A foreign table that was there before, or whose link has been moved: where it leads counts when it is read.
\! mkdir -p "$DATA.other" && printf 'one\ntwo\n' > "$DATA.other/lines" && ln -sfn "$DATA.other" "$DATA.moved"
\set moved :data '.moved/lines'
CREATE FOREIGN TABLE public.moved (line text) SERVER files OPTIONS (filename :'moved');
CREATE TABLE public.parent (line text);
CREATE FOREIGN TABLE public.part () INHERITS (public.parent) SERVER files OPTIONS (filename :'moved');
CREATE VIEW public.moved_view AS SELECT * FROM public.moved;
CREATE TEMP TABLE trial (n int, statement text);
INSERT INTO trial VALUES (1, 'SELECT count(*) FROM public.moved'), (2, 'SELECT count(*) FROM public.moved_view'),
	(3, 'SELECT count(*) FROM public.parent'), (4, 'CREATE TABLE public.kopie AS SELECT * FROM public.moved'), (5, 'COPY (SELECT * FROM public.moved) TO ''/dev/null'''),
	(6, 'ANALYZE public.moved'), (7, 'ANALYZE public.parent'), (8, 'SELECT 1 WHERE EXISTS (SELECT FROM public.outside)');
PREPARE kept AS SELECT count(*) > 0 AS lines FROM public.moved;
EXECUTE kept;
SELECT n, attempt(statement), statement FROM trial ORDER BY n;
SELECT count(*) FROM casus.doctor() WHERE code = 'file_table';
DROP TABLE public.kopie;
EXECUTE kept;
-- the same name becomes the access log
\! mkdir -p "$DATA.file" && ln -sfn "$(ls "$DATA"/casus_log/*/*.log | head -n 1)" "$DATA.file/lines" && ln -sfn "$DATA.file" "$DATA.moved"
EXECUTE kept;
SELECT n, attempt(statement), statement FROM trial ORDER BY n;
ANALYZE;
SELECT severity, finding, mend FROM casus.doctor() WHERE code = 'file_table';
DROP FOREIGN TABLE public.part;

-- In another database of the server.
\c postgres
SET client_min_messages = warning;
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
\! ln -sfn "$DATA.other" "$DATA.moved"
CREATE FOREIGN TABLE public.moved (line text) SERVER files OPTIONS (filename :'moved');
\! ln -sfn "$DATA.file" "$DATA.moved"
SELECT * FROM public.moved;
ANALYZE public.moved;
DROP EXTENSION file_fdw CASCADE;
\! rm -r "$DATA.moved" "$DATA.file" "$DATA.other"
SELECT length(pg_read_file('PG_VERSION')) > 0;
COPY (SELECT '') TO :'link';
\! rm "$DATA.link"
CREATE FUNCTION public.alias(text) RETURNS text LANGUAGE internal STRICT AS 'pg_read_file_all';
CREATE OPERATOR CLASS public.g FOR TYPE text[] USING gin AS OPERATOR 1 &&(anyarray, anyarray), FUNCTION 1 lo_import(text, oid);
\c casus_guard_function
SET client_min_messages = warning;

-- Who may put a type into a schema, and use nothing of it, does so.
CREATE ROLE guard_function_maker;
CREATE SCHEMA guard_function_place;
CREATE SCHEMA guard_function_own AUTHORIZATION guard_function_maker;
GRANT CREATE ON SCHEMA guard_function_place TO guard_function_maker;
SET ROLE guard_function_maker;
CREATE TYPE guard_function_own.span AS RANGE (SUBTYPE = integer, MULTIRANGE_TYPE_NAME = guard_function_place.spans);
RESET ROLE;
DROP SCHEMA guard_function_place, guard_function_own CASCADE;
DROP ROLE guard_function_maker;

-- The backup login, itself, on record.
SET SESSION AUTHORIZATION guard_function_backup;
SELECT length(pg_read_file('PG_VERSION')) > 0 AS by_backup;
RESET SESSION AUTHORIZATION;
SET ROLE guard_function_backup;
SELECT length(pg_read_file('PG_VERSION')) > 0 AS by_backup;
RESET ROLE;
SET SESSION AUTHORIZATION guard_function_auditor;
SELECT kind, session_role, text FROM casus.access_log WHERE kind = 'export';
RESET SESSION AUTHORIZATION;

-- Large objects: no copy of governed rows; what has nothing to do with them goes on.
SET SESSION AUTHORIZATION guard_function_coord;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO public.signaal VALUES (1, 'GEHEIM');
SELECT attempt('SELECT lo_from_bytea(0, titel::bytea) FROM public.signaal') AS copied,
	attempt('SELECT public.keep(0, titel::bytea) FROM public.signaal') AS copied_by_another_name,
	attempt('SELECT lo_from_bytea(0, ''x'')') AS other;
COMMIT;
RESET SESSION AUTHORIZATION;
DROP OWNED BY guard_function_backup;
DROP ROLE guard_function_backup;

-- A function in SQL is written out in line as ever, so that an index serves it and what it does not need is not computed; not
-- one whose body calls what keeps what it is given, under whatever name, which would then not be asked about.
CREATE SCHEMA inl;
SET search_path = inl, public;
CREATE FUNCTION inl.kept(oid, bytea) RETURNS oid IMMUTABLE LANGUAGE internal AS 'be_lo_from_bytea';
CREATE FUNCTION inl.plus(i int) RETURNS int LANGUAGE sql AS 'SELECT i + 1';
CREATE FUNCTION inl.if(boolean, anyelement, anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT CASE WHEN $1 THEN $2 ELSE $3 END';
CREATE FUNCTION inl.atomic(i int) RETURNS int LANGUAGE sql RETURN i * 2;
CREATE FUNCTION inl.by_name(i int) RETURNS oid LANGUAGE sql AS 'SELECT pg_catalog.lo_from_bytea(0, int4send(i))';
CREATE FUNCTION inl.by_other_name(i int) RETURNS oid IMMUTABLE LANGUAGE sql AS 'SELECT kept(0::oid, int4send(i))';
CREATE FUNCTION inl.by_atomic(i int) RETURNS oid LANGUAGE sql RETURN pg_catalog.lo_from_bytea(0, int4send(i));
EXPLAIN (VERBOSE, COSTS OFF) SELECT inl.plus(i), inl.if(i > 0, i, i / 0), inl.atomic(i), inl.by_name(i), inl.by_other_name(i),
	inl.by_atomic(i) FROM generate_series(1, 2) i;
CREATE TABLE inl.t AS SELECT i FROM generate_series(1, 1000) i;
CREATE INDEX ON inl.t ((i + 1));
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT FROM inl.t WHERE inl.plus(i) = 7;
-- A cast or an operator stands in no body by the name of its function; none is made.
CREATE TYPE inl.kind AS ENUM ('a');
CREATE FUNCTION inl.made(inl.kind) RETURNS oid LANGUAGE internal AS 'be_lo_create';
CREATE CAST (inl.kind AS oid) WITH FUNCTION inl.made(inl.kind);
CREATE OPERATOR inl.#@# (LEFTARG = oid, RIGHTARG = bytea, FUNCTION = inl.kept);
RESET search_path;
RESET enable_seqscan;
DROP SCHEMA inl CASCADE;
