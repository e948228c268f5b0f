/*
 * log.sql
 *		What the access log is measured by: :rows rows over a hundredth as many
 *		dossiers, all readable, of which every second row is outside the
 *		protocol and leaves no record; and the same without casus.
 *
 * :definition is the text of contrib/protocols/beesel-2021.json.
 */
SET client_min_messages = warning;
CREATE TABLE log_dossier (id integer PRIMARY KEY, phase text NOT NULL, opened date NOT NULL);
INSERT INTO log_dossier SELECT n, 'overleg', '2026-10-01' FROM generate_series(1, :rows / 100) n;

/*
 * Which half a row belongs to does not show in its place: ids 1 to :rows / 2 are
 * governed.  The first 100 dossiers have their rows beside each other, as a case file
 * has; the rest is scattered.
 */
CREATE TABLE log_row (id integer PRIMARY KEY, dossier_id integer REFERENCES log_dossier, body text NOT NULL);
INSERT INTO log_row
	SELECT n, CASE WHEN n <= 5000 THEN 1 + n / 50 WHEN n <= :rows / 2 THEN 1 + n::bigint * 7919 % (:rows / 100) END,
		'row ' || n || repeat('.', 50)
	FROM generate_series(1, :rows) n ORDER BY n % (:rows / 2), n;
CREATE TABLE plain_row AS SELECT *, md5(id::text)::uuid AS label FROM log_row;
ALTER TABLE plain_row ADD PRIMARY KEY (id);

/* What one would write by hand. */
CREATE TABLE read_log (at timestamptz NOT NULL, who name NOT NULL, id integer NOT NULL, purpose text NOT NULL);
GRANT INSERT ON read_log TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;

CREATE EXTENSION casus;
SELECT casus.load_protocol(d || jsonb_build_object('name', 'bench-2026', 'purposes',
		(SELECT jsonb_agg(p || CASE p ->> 'name' WHEN 'overleg' THEN '{"session": true}' ELSE '{}' END::jsonb)
			FROM jsonb_array_elements(d -> 'purposes') p)))
	FROM (SELECT :'definition'::jsonb) AS x (d) \g /dev/null
SELECT casus.open_file('bench-2026', 'bench_open'), casus.activate_protocol('bench_open', 'none: benchmark', '{"startdatum": "2021-12-14", "standaarden": []}') \g /dev/null
SELECT casus.add_person('Bench', 'coordinator', oath_on => '2020-01-01') \g /dev/null
SELECT casus.appoint('Bench', 'bench_open', NULL, 'coordinator', reason => 'benchmark', may_session => true) \g /dev/null
SELECT casus.protect('log_dossier', 'bench_open', opens_dossier => true, category => 'registratie') \g /dev/null
SELECT casus.protect('log_row', 'bench_open', via => 'dossier_id', category => 'registratie',
	governs => 'dossier_id IS NOT NULL', without_purpose => 'hide') \g /dev/null
CALL casus.take_in('log_dossier', batch_size => 10000, phase => 'phase', opened => 'opened');
CALL casus.take_in('log_row', batch_size => 50000);
SELECT casus.bind(t, 'enforce') FROM unnest(ARRAY['log_dossier', 'log_row']::regclass[]) t \g /dev/null
VACUUM FULL ANALYZE;
CHECKPOINT;
