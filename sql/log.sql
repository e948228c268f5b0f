-- The access log: what each statement let through is on record, whatever
-- became of the statement, and nothing else is.  [B-50]
SET client_min_messages = warning;
CREATE ROLE log_coordinator LOGIN;
CREATE ROLE log_stranger LOGIN;
CREATE ROLE log_auditor LOGIN;
GRANT casus_auditor TO log_auditor;
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text NOT NULL);
CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer NOT NULL, tekst text NOT NULL, dossier bigint);
CREATE TABLE lijst (stuk_id integer);
GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, stuk, lijst TO log_coordinator, log_stranger;
INSERT INTO zaak SELECT n, CASE WHEN n <= 20 THEN 8 ELSE 1 END, 'geheim ' || n FROM generate_series(1, 30) n;
INSERT INTO stuk SELECT n, (n + 9) / 10, 'geheim stuk ' || n FROM generate_series(1, 300) n;
INSERT INTO lijst VALUES (15), (35), (250);
ANALYZE;

\o /dev/null
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'beesel');
SELECT casus.activate_protocol('beesel', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
SELECT casus.add_person('Coor', 'log_coordinator', oath_on => '2020-01-01');
SELECT casus.appoint('Coor', 'beesel', NULL, 'coordinator', reason => 'test');
SELECT casus.protect('zaak', 'beesel', opens_dossier => true, governs => 'soort = 8',
	category => 'registratie', without_purpose => 'hide');
CALL casus.take_in('zaak', phase => '''intake''', opened => '''2026-01-01''');
SELECT casus.bind('zaak', 'enforce');
SET SESSION AUTHORIZATION log_coordinator;
-- What the client carries is no copy of a statement's.
CREATE TEMP TABLE known (id integer, dossier bigint);
GRANT SELECT ON known TO PUBLIC;
BEGIN;
SELECT casus.enter('intake');
SELECT string_agg(format('(%s, %s)', id, casus.dossier_of(casus_label)), ', ') AS known FROM zaak WHERE soort = 8 \gset
INSERT INTO known VALUES :known;
COMMIT;
RESET SESSION AUTHORIZATION;
UPDATE stuk SET dossier = known.dossier FROM known WHERE known.id = zaak_id;
SELECT casus.protect('stuk', 'beesel', dossier => 'dossier', governs => 'zaak_id <= 20',
	category => 'registratie', without_purpose => 'hide');
CALL casus.take_in('stuk');
CREATE INDEX stuk_label ON stuk (dossier, casus_label);
SELECT casus.bind('stuk', 'enforce');
VACUUM ANALYZE stuk;
CREATE TABLE lang (id integer PRIMARY KEY, dossier bigint, tekst text);
ALTER TABLE lang ALTER tekst SET STORAGE EXTERNAL;
INSERT INTO lang SELECT id, dossier, CASE WHEN id <= 20 THEN repeat('geheim', 1000) END FROM generate_series(1, 60) n(id) LEFT JOIN known USING (id);
SELECT casus.protect('lang', 'beesel', dossier => 'dossier', governs => 'dossier IS NOT NULL', category => 'registratie', without_purpose => 'hide');
CALL casus.take_in('lang');
SELECT casus.bind('lang', 'enforce');
VACUUM ANALYZE lang;
GRANT SELECT ON lang TO log_stranger;
\o

-- What the auditor finds since the mark; dossiers by the number of their zaak.
CREATE FUNCTION pg_temp.zaken(bigint[]) RETURNS text LANGUAGE sql AS
	$$SELECT string_agg(coalesce(known.id::text, '-'), ',' ORDER BY place)
		FROM unnest($1) WITH ORDINALITY AS d(dossier, place) LEFT JOIN known USING (dossier)$$;
-- By what a statement reaches a table: plans are printed in other words by other versions.
CREATE FUNCTION pg_temp.reaches(relation text, sql text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || sql LOOP
		IF line ~ (' Scan .*on ' || relation) THEN
			RETURN NEXT trim(leading ' ->' FROM line);
		END IF;
	END LOOP;
END$$;
\set show 'SET SESSION AUTHORIZATION log_auditor; SELECT kind, relation, pg_temp.zaken(dossiers) AS zaken, row_counts AS rows, person, office, purpose, phase, code FROM casus.access_log WHERE seq > :mark AND code IS DISTINCT FROM ''access_log'' ORDER BY seq;'
\set mark_now 'SET SESSION AUTHORIZATION log_auditor; SELECT max(seq) AS mark FROM casus.access_log \\gset'
\set me 'SET SESSION AUTHORIZATION log_coordinator;'
SET SESSION AUTHORIZATION log_auditor;
:mark_now

-- Without governed rows let through there is no record.
:me
SELECT count(*) FROM stuk;
SELECT count(*) FROM zaak WHERE id > 20;
SELECT count(*) FROM lijst;
:show

-- One record per statement and relation, with dossiers and rows.
:me
BEGIN;
SELECT casus.enter('intake');
SELECT count(*) FROM stuk WHERE id <= 25;
SELECT count(*) FROM zaak JOIN stuk ON zaak.id = zaak_id WHERE zaak.id = 4 AND stuk.id = 33;
COMMIT;
:show
:mark_now

-- What was sought for a purpose and not found is on record too, once for each table that was looked into; not what was only planned, or
-- declared.
:me
BEGIN;
SELECT casus.enter('intake');
SELECT count(*) FROM stuk WHERE id < 0;
SELECT count(*) FROM zaak JOIN stuk ON zaak.id = zaak_id WHERE zaak.id = 4 AND stuk.id < 0;
PREPARE none(integer) AS SELECT id FROM zaak WHERE id = $1;
EXECUTE none(-1);
UPDATE zaak SET id = id WHERE id < 0;
EXPLAIN (COSTS OFF) EXECUTE none(-2);
DECLARE c CURSOR FOR SELECT id FROM zaak WHERE id < 0;
CLOSE c;
DECLARE c CURSOR FOR SELECT id FROM zaak WHERE id < 0;
FETCH c;
FETCH ALL FROM c;
COMMIT;
:show
:mark_now

-- Who, by what name, and what not: no text of statement or rows.
SELECT DISTINCT role, actor_kind, session_role, file, source, application, party IS NULL AS no_party
	FROM casus.access_log WHERE kind = 'read' AND relation = 'public.stuk';
SELECT count(*) FROM casus.access_log l WHERE l::text ~* 'geheim|select|stuk 3';

-- It stays when the transaction does not.
:me
BEGIN;
SELECT casus.enter('intake');
SELECT tekst FROM stuk WHERE id = 12;
ROLLBACK;
:show
:mark_now

-- LIMIT, and a cursor of which a part is fetched: what came, at each fetch.
:me
BEGIN;
SELECT casus.enter('intake');
SELECT id FROM stuk ORDER BY id LIMIT 1;
DECLARE c CURSOR FOR SELECT id FROM stuk ORDER BY id;
FETCH 2 FROM c;
MOVE 9 IN c;
CLOSE c;
COMMIT;
:show
:mark_now

-- Values may be in an error: from the select list, from the user's own
-- condition, caught by an exception block, or told in a notice.
:me
SET client_min_messages = notice;
BEGIN;
SELECT casus.enter('intake');
SAVEPOINT a;
SELECT tekst::integer FROM stuk WHERE id = 22;
ROLLBACK TO a;
SELECT id FROM stuk WHERE id = 32 AND tekst::integer = 5;
ROLLBACK TO a;
DO $$
DECLARE
	v integer;
BEGIN
	BEGIN
		SELECT tekst::integer INTO v FROM stuk WHERE id = 42;
	EXCEPTION WHEN invalid_text_representation THEN
		RAISE NOTICE 'caught: %', SQLERRM;
	END;
END$$;
CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
	$$BEGIN RAISE NOTICE 'told: %', $1; RETURN false; END$$;
SELECT id FROM stuk WHERE id = 52 AND pg_temp.tell(tekst);
-- A condition that is never true may still carry values away.
SELECT id FROM stuk WHERE id = 62 AND set_config('log.kept', tekst, false) IS NULL;
COMMIT;
:show
:mark_now

-- Every kind of scan.
:me
SET enable_seqscan = off;
BEGIN;
SELECT casus.enter('intake');
SET LOCAL enable_bitmapscan = off;
SELECT pg_temp.reaches('stuk', 'SELECT count(*) FROM stuk WHERE dossier = (SELECT dossier FROM known WHERE id = 7)');
SELECT count(*) FROM stuk WHERE dossier = (SELECT dossier FROM known WHERE id = 7);
SET LOCAL enable_indexonlyscan = off;
SELECT count(*) FROM stuk WHERE dossier = (SELECT dossier FROM known WHERE id = 8);
SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = on;
SELECT count(tekst) FROM stuk WHERE dossier = (SELECT dossier FROM known WHERE id = 9);
SELECT count(*) FROM stuk WHERE ctid = (SELECT min(ctid) FROM stuk WHERE id = 92);
COMMIT;
RESET enable_seqscan;
:show
:mark_now

-- Many rows under the policy alone: the scan is left without a condition, and the node is wrapped.  What the select list computes
-- comes behind the record all the same; both ways, with marks that are gone back to, and with more such nodes than are searched.
:me
BEGIN;
SELECT casus.enter('intake');
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SAVEPOINT a;
SELECT tekst::integer FROM stuk WHERE id BETWEEN 41 AND 90;
ROLLBACK TO a;
SELECT max(tekst::integer) FROM stuk WHERE id BETWEEN 71 AND 120;
ROLLBACK TO a;
SELECT count(*) FROM stuk WHERE dossier > 0;
COMMIT;
:show
:mark_now
:me
BEGIN;
SELECT casus.enter('intake');
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_nestloop = off;
SET LOCAL enable_sort = off;
SET LOCAL enable_indexonlyscan = off;
SELECT pg_temp.reaches('stuk', 'SELECT count(a.tekst || b.tekst) FROM stuk a JOIN stuk b USING (dossier)');
SELECT count(a.tekst || b.tekst) FROM stuk a JOIN stuk b USING (dossier);
COMMIT;
SET SESSION AUTHORIZATION log_auditor;
SELECT cardinality(dossiers) AS zaken, sum(n) AS rows FROM casus.access_log, unnest(row_counts) n WHERE seq > :mark AND kind = 'read' GROUP BY seq, dossiers;
:mark_now
-- Rows from before the table was protected are outside by what the table says of such rows, and governed ones were labelled.
SELECT atthasmissing FROM pg_attribute WHERE attrelid = 'stuk'::regclass AND attname = 'casus_label';
SET SESSION AUTHORIZATION log_stranger;
SELECT count(*), min(id), max(id) FROM stuk;
SELECT id FROM stuk WHERE id IN (200, 201);
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
DECLARE c SCROLL CURSOR FOR SELECT id, tekst FROM stuk WHERE id BETWEEN 161 AND 240 ORDER BY id;
FETCH 2 FROM c;
FETCH BACKWARD 3 FROM c;
FETCH FORWARD 1 FROM c;
FETCH ABSOLUTE -1 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH RELATIVE -38 FROM c;
COMMIT;
SELECT count(*), min(id) FROM (SELECT id FROM stuk UNION ALL SELECT id FROM stuk UNION ALL SELECT id FROM stuk UNION ALL SELECT id FROM stuk
	UNION ALL SELECT id FROM stuk UNION ALL SELECT id FROM stuk UNION ALL SELECT id FROM stuk UNION ALL SELECT id FROM stuk
	UNION ALL SELECT id FROM stuk UNION ALL SELECT id FROM stuk UNION ALL SELECT id FROM stuk UNION ALL SELECT id FROM stuk) x;
SELECT count(*), min(a.id) FROM stuk a, stuk b, (SELECT id FROM stuk OFFSET 0) c WHERE c.id = 201;
-- A whole row is put together: of a hidden one not even that, which would fetch its long values.  What was counted before is not counted again.
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT pg_temp.reaches('lang', 'SELECT l FROM lang l');
SELECT count(l) FROM (SELECT l FROM lang l OFFSET 0) x;
SELECT pg_stat_get_xact_numscans(indexrelid) AS fetched FROM pg_index WHERE indrelid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'lang'::regclass);
COMMIT;
:show

-- A nested loop asks for one row at a time; an EXISTS and an init plan count too.
:me
SET enable_seqscan = off;
BEGIN;
SELECT casus.enter('intake');
SELECT lijst.stuk_id, s.tekst
	FROM lijst, LATERAL (SELECT tekst FROM stuk WHERE stuk.id = stuk_id OFFSET 0) s ORDER BY 1;
SELECT EXISTS (SELECT FROM stuk WHERE id = 101), (SELECT count(*) FROM stuk WHERE id = 111);
COPY (SELECT id FROM stuk WHERE id IN (121, 131)) TO STDOUT;
COMMIT;
RESET enable_seqscan;
:show
:mark_now

-- A statement within another has notes of its own, and leaves the other's alone: before its row, behind it, and both by key.
:me
CREATE FUNCTION pg_temp.titel(integer) RETURNS text LANGUAGE plpgsql AS
	$$BEGIN RETURN (SELECT titel FROM zaak WHERE id = $1); END$$;
BEGIN;
SELECT casus.enter('intake');
SELECT id, pg_temp.titel(zaak_id) FROM stuk WHERE id = 11;
SELECT id, pg_temp.titel(3) FROM stuk WHERE id IN (22, 32) ORDER BY id;
SELECT (SELECT min(pg_temp.titel(n)) FROM generate_series(4, 5) n), tekst FROM stuk WHERE id = 42;
COMMIT;
:show
:mark_now

-- Parallel workers put their own rows on record, also when one fails.
:me
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
BEGIN;
SELECT casus.enter('intake');
SELECT pg_temp.reaches('stuk', 'SELECT count(*) FROM stuk WHERE id <= 25');
SELECT count(*) FROM stuk WHERE id <= 25;
COMMIT;
SET SESSION AUTHORIZATION log_auditor;
SELECT pg_temp.zaken(ARRAY[d.dossier]) AS zaak, sum(d.n) AS rows, bool_and(leader_pid IS NOT NULL) AS by_workers,
		min(purpose) AS purpose
	FROM casus.access_log l, unnest(l.dossiers, l.row_counts) AS d(dossier, n)
	WHERE seq > :mark GROUP BY d.dossier ORDER BY 1;
:mark_now
:me
BEGIN;
SELECT casus.enter('intake');
SELECT count(tekst) FROM stuk;
COMMIT;
SET SESSION AUTHORIZATION log_auditor;
SELECT count(DISTINCT d.dossier) AS zaken, sum(d.n) AS rows, bool_and(leader_pid IS NOT NULL) AS by_workers
	FROM casus.access_log l, unnest(l.dossiers, l.row_counts) AS d(dossier, n) WHERE seq > :mark;
:mark_now
:me
BEGIN;
SELECT casus.enter('intake');
SELECT max(tekst::integer) FROM stuk WHERE id = 142;
ROLLBACK;
RESET ALL;
SET client_min_messages = warning;
:show
:mark_now

-- The row that ON CONFLICT DO UPDATE meets comes by no scan: it is read before WHERE and SET, whether it is then written or not. A044
\set SHOW_CONTEXT never
:me
CREATE FUNCTION pg_temp.saw(zaak) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'saw %', $1.titel; RETURN false; END$$;
CREATE FUNCTION pg_temp.list(zaak) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN INSERT INTO lijst VALUES ($1.id); RETURN false; END$$;
BEGIN;
SELECT casus.enter('intake');
SAVEPOINT a;
INSERT INTO zaak AS t VALUES (5, 1, 'x') ON CONFLICT (id) DO UPDATE SET titel = t.titel WHERE pg_temp.saw(t);
INSERT INTO zaak AS t VALUES (25, 1, 'x') ON CONFLICT (id) DO UPDATE SET titel = t.titel WHERE pg_temp.saw(t);
INSERT INTO zaak AS t VALUES (6, 1, 'x') ON CONFLICT (id) DO UPDATE SET titel = t.titel WHERE pg_temp.list(t);
ROLLBACK TO a;
INSERT INTO zaak AS t VALUES (26, 1, 'x') ON CONFLICT (id) DO UPDATE SET titel = t.titel WHERE pg_temp.list(t);
INSERT INTO zaak AS t VALUES (7, 1, 'x') ON CONFLICT (id) DO UPDATE SET titel = t.titel::integer;
ROLLBACK TO a;
COMMIT;
:show
:mark_now
\set SHOW_CONTEXT errors
-- Who may call what puts it on record, as a member of pg_read_all_data, puts nothing there by it.
RESET SESSION AUTHORIZATION;
GRANT pg_read_all_data TO log_stranger;
SET SESSION AUTHORIZATION log_stranger;
SELECT casus_int.meets('00000000-0000-270f-0000-000300014100', 'zaak'::regclass), count(*) FROM generate_series(1, 2);
RESET SESSION AUTHORIZATION;
REVOKE pg_read_all_data FROM log_stranger;
:show
:mark_now
-- Of one that may not be seen nothing is.
SET SESSION AUTHORIZATION log_stranger;
INSERT INTO zaak AS t VALUES (8, 1, 'x') ON CONFLICT (id) DO UPDATE SET titel = t.titel WHERE pg_temp.saw(t);
SET SESSION AUTHORIZATION log_auditor;
SELECT count(*) FROM casus.access_log WHERE seq > :mark AND kind = 'read' AND relation IS NOT NULL;
:mark_now

-- A refusal is on record, and outlives the transaction that it ended.
:me
BEGIN;
SELECT casus.enter('regie', office => 'casusregisseur');
ROLLBACK;
:show
:mark_now

-- An open cursor does not go on in another capacity.
:me
BEGIN;
SELECT casus.enter('intake');
DECLARE c CURSOR FOR SELECT id FROM stuk ORDER BY id;
FETCH 1 FROM c;
SELECT casus.leave();
\set VERBOSITY verbose
\set SHOW_CONTEXT never
FETCH 1 FROM c;
\set VERBOSITY default
ROLLBACK;
:show
:mark_now

-- Under observe nothing is filtered, and what would be refused is on record.
RESET SESSION AUTHORIZATION;
\o /dev/null
CREATE TABLE brief (id integer PRIMARY KEY, zaak_id integer NOT NULL, dossier bigint);
INSERT INTO brief SELECT n, (n + 9) / 10, known.dossier FROM generate_series(1, 200) n JOIN known ON known.id = (n + 9) / 10;
GRANT SELECT ON brief TO log_coordinator, log_stranger;
SELECT casus.protect('brief', 'beesel', dossier => 'dossier', governs => 'zaak_id <= 20',
	category => 'registratie', without_purpose => 'hide');
CALL casus.take_in('brief');
CREATE INDEX brief_dossier ON brief (dossier);
SELECT casus.bind('brief', 'observe');
VACUUM ANALYZE brief;
\o
:mark_now
SET SESSION AUTHORIZATION log_stranger;
SELECT count(*) FROM brief WHERE id <= 11;
SELECT count(*) FROM brief;
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT pg_temp.reaches('brief', 'SELECT count(dossier) FROM brief WHERE dossier = (SELECT dossier FROM known WHERE id = 16)');
SELECT count(dossier) FROM brief WHERE dossier = (SELECT dossier FROM known WHERE id = 16);
COMMIT;
:me
BEGIN;
SELECT casus.enter('intake');
SELECT id FROM brief WHERE id = 31;
COMMIT;
:show
:mark_now

-- The log shows everyone his own records, who oversees a file also those of it, the auditor all, a superuser none.
:me
SELECT count(*) > 0 AS own, count(*) FILTER (WHERE person IS DISTINCT FROM 'Coor') > 0 AS others, count(*) FILTER (WHERE person IS DISTINCT FROM 'Coor' AND file IS DISTINCT FROM 'beesel') AS of_no_file FROM casus.access_log;
SET SESSION AUTHORIZATION log_stranger;
SELECT count(*) FROM casus.access_log;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM casus.access_log;
SET SESSION AUTHORIZATION log_auditor;
SELECT count(DISTINCT person) > 0 AS people FROM casus.access_log;

-- An application's name cannot forge a record or another person's key.
:me
SET application_name = E'x"}, "person":"Anna", "kind":"act"}';
BEGIN;
SELECT casus.enter('intake');
SELECT id FROM stuk WHERE id = 152;
COMMIT;
RESET application_name;
SET SESSION AUTHORIZATION log_auditor;
SELECT kind, person, application FROM casus.access_log WHERE seq > :mark AND relation = 'public.stuk';

RESET SESSION AUTHORIZATION;
DROP OWNED BY log_coordinator, log_stranger, log_auditor;
DROP ROLE log_coordinator, log_stranger, log_auditor;
