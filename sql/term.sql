-- The type casus.term: text and binary form, comparison, calendar.
\set VERBOSITY default
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET search_path = public, casus;

-- text form: what goes in, and the one form that comes out
SELECT t AS input, t::casus.term AS output FROM (VALUES
	('uiterlijk 1 year after afsluiten'),
	('gedurende 6 months after besluit'),
	('gedurende 12 months after besluit'),
	('gedurende 18 months after besluit'),
	('gedurende 1 year 6 months after besluit'),
	('  uiterlijk   4 weeks  after  ontvangst  '),
	('uiterlijk 28 days after ontvangst'),
	('uiterlijk 1 month 1 day after x'),
	('uiterlijk 0 days after besluit'),
	('uiterlijk 0 years after besluit'),
	('uiterlijk 12000 months after e'),
	('gedurende 32000 days after laatste_activiteit_in_het_1')) v(t);
SELECT casus.term_event('uiterlijk 1 year after afsluiten');

-- refused
CREATE FUNCTION pg_temp.try(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	RETURN t::casus.term::text;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || detail || CASE WHEN hint <> '' THEN '' ELSE ' (no hint)' END;
END $$;
SELECT t AS input, pg_temp.try(t) FROM (VALUES
	(''), (' '), ('uiterlijk'), ('binnen 1 year after x'), ('Uiterlijk 1 year after x'),
	('uiterlijk after x'), ('uiterlijk 1 after x'), ('uiterlijk 1 year'), ('uiterlijk 1 year after'),
	('uiterlijk -1 year after x'), ('uiterlijk +1 year after x'), ('uiterlijk 1.5 years after x'),
	('uiterlijk 1 jaar after x'), ('uiterlijk one year after x'), ('uiterlijk 1year after x'),
	('uiterlijk 1 year after X'), ('uiterlijk 1 year after x-y'), ('uiterlijk 1 year after 1x'),
	('uiterlijk 1 year after _x'), ('uiterlijk 1 year after é'), ('uiterlijk 1 year after x y'),
	('uiterlijk 1 year after abcdefghijklmnopqrstuvwxyz12'), (E'uiterlijk\t1 year after x'),
	(E'uiterlijk 1 year after x\n'),
	('uiterlijk 1001 years after x'), ('uiterlijk 12001 months after x'), ('uiterlijk 32001 days after x'),
	('uiterlijk 99999 years after x'), ('uiterlijk 100000 years after x'),
	('uiterlijk 99999999999999999999 years after x'),
	('uiterlijk 12000 months 1 month after x')) v(t);
SELECT 'uiterlijk 1 year after'::casus.term;

-- comparison: by length, and only what is the same is equal
SELECT 'uiterlijk 1 year after x'::casus.term = 'uiterlijk 12 months after x' AS year_is_12_months,
	'uiterlijk 1 week after x'::casus.term = 'uiterlijk 7 days after x' AS week_is_7_days,
	'uiterlijk 1 month after x'::casus.term = 'uiterlijk 30 days after x' AS month_is_30_days,
	'uiterlijk 1 year after x'::casus.term = 'gedurende 1 year after x' AS modes,
	'uiterlijk 1 year after x'::casus.term = 'uiterlijk 1 year after y' AS events,
	'uiterlijk 1 year after x'::casus.term <> 'uiterlijk 1 year after y' AS events_differ;
CREATE TEMP TABLE t (n int, term casus.term);
INSERT INTO t SELECT row_number() OVER (), x::casus.term FROM unnest(ARRAY[
	'gedurende 1 year after besluit', 'uiterlijk 1 year after besluit', 'uiterlijk 6 months after besluit',
	'uiterlijk 3 days after besluit', 'uiterlijk 1 year after afsluiten', 'uiterlijk 180 days after besluit',
	'uiterlijk 12 months after afsluiten']) x;
SELECT n, term FROM t ORDER BY term, n;
CREATE INDEX ON t (term);
SET enable_seqscan = off;
SELECT n FROM t WHERE term = 'uiterlijk 1 year after afsluiten' ORDER BY n;
SELECT count(*) FROM t WHERE term >= 'uiterlijk 6 months after besluit' AND term < 'uiterlijk 1 year after besluit';
RESET enable_seqscan;
SET enable_sort = off;
SELECT count(*) AS terms, sum(n) AS rows FROM (SELECT term, count(*) AS n FROM t GROUP BY term) g;
RESET enable_sort;
SELECT count(*) FROM t WHERE (term < 'uiterlijk 1 year after besluit') <> NOT (term >= 'uiterlijk 1 year after besluit')
	OR (term > 'uiterlijk 1 year after besluit') <> NOT (term <= 'uiterlijk 1 year after besluit');

-- binary form
SELECT casus.term_send('gedurende 6 months after besluit');
\set dir `mktemp -u /tmp/casus_term.XXXXXX`
COPY t TO :'dir' (FORMAT binary);
CREATE TEMP TABLE back (LIKE t);
COPY back FROM :'dir' (FORMAT binary);
SELECT count(*) AS same FROM t JOIN back USING (n) WHERE t.term = back.term AND t.term::text = back.term::text;
\setenv DIR :dir
\! rm -f "$DIR"

-- calendar [B-41] [B-42] [B-43]: the last day of the month, leap years
SELECT s::date AS start, casus.due_on('gedurende 6 months after besluit', s::date) AS half_year,
	casus.due_on('uiterlijk 1 year after besluit', s::date) AS year
FROM unnest(ARRAY['2021-08-31', '2023-08-31', '2023-08-29', '2024-02-29', '2023-02-28', '2024-03-31', '2025-12-31',
	'1999-08-31', '2099-08-31', '2100-02-28']) s;
SELECT casus.due_on('uiterlijk 1 month 1 day after x', '2024-01-31') AS month_then_day,
	casus.due_on('uiterlijk 4 weeks after x', '2024-02-05') AS weeks,
	casus.due_on('uiterlijk 0 days after x', '2024-02-05') AS same_day;

-- uiterlijk: gone on that day; gedurende: kept through it. Midnight is Amsterdam's, in winter, summer and on DST days
SELECT t, s::date AS start, casus.term_end(t::casus.term, s::date) AS gone_utc,
	casus.term_end(t::casus.term, s::date) AT TIME ZONE 'Europe/Amsterdam' AS gone_amsterdam
FROM unnest(ARRAY['uiterlijk 6 months after b', 'gedurende 6 months after b']) t,
	unnest(ARRAY['2023-08-31', '2023-12-15', '2023-09-30', '2023-09-29', '2024-04-27', '2024-04-26']) s
ORDER BY s, t DESC;
SET timezone = 'America/New_York';
SELECT casus.term_end('uiterlijk 1 day after b', '2024-06-30') = '2024-06-30 22:00:00+00' AS zone_of_session_is_no_matter;
SET timezone = 'UTC';

-- beyond the calendar
SELECT casus.due_on('uiterlijk 1 day after b', 'infinity');
SELECT casus.term_end('uiterlijk 1 day after b', '-infinity');
SELECT casus.due_on('uiterlijk 1000 years after b', '294000-01-01');
SELECT casus.due_on('uiterlijk 1 day after b', '5874897-12-31');
SELECT casus.term_end('gedurende 1 day after b', '294276-12-30');
SELECT casus.due_on('uiterlijk 1 year after b', '4713-11-24 BC');
SELECT casus.due_on(NULL, '2024-01-01') IS NULL AS null_term;

-- hostile binary input is refused, and the session lives
CREATE FUNCTION pg_temp.recv(body bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	file text := '/tmp/casus_term_recv.' || pg_backend_pid();
	result text;
BEGIN
	-- the binary form of a bytea is its bytes
	EXECUTE format('COPY (SELECT %L::bytea) TO %L (FORMAT binary)', body, file);
	BEGIN
		CREATE TEMP TABLE IF NOT EXISTS one (term casus.term);
		DELETE FROM one;
		EXECUTE format('COPY one FROM %L (FORMAT binary)', file);
		SELECT term::text INTO result FROM one;
	EXCEPTION WHEN OTHERS THEN
		result := SQLSTATE || ' ' || SQLERRM;
	END;
	RETURN result;
END $$;
SET client_min_messages = warning;
SELECT b, pg_temp.recv(b) FROM unnest(ARRAY[
	'\x00060000026265736c756974', '\x', '\x00', '\x0006000002', '\x0006000003626c', '\x0006000000626c',
	'\xffff000002626c', '\x0006ffff02626c', '\x2ee1000002626c', '\x00067d0102626c', '\x2ee07d0001626c',
	'\x00060000026200', '\x000600000242', '\x0006000002625f', '\x00060000025f62', '\x000600000262ff',
	'\x000600000261616161616161616161616161616161616161616161616161616161',
	'\x0006000002616161616161616161616161616161616161616161616161616161']::bytea[]) b;
\! rm -f /tmp/casus_term_recv.*
