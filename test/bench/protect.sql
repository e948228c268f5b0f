/*
 * protect.sql
 *		casus on the benchmark's tables: two files under Beesel's rules, adapted
 *		so that a purpose may last for a session, which pgbench needs.
 *
 * :definition is the text of contrib/protocols/beesel-2021.json.
 */
SET client_min_messages = warning;
CREATE EXTENSION casus;

SELECT casus.load_protocol(d || jsonb_build_object('name', 'bench-2026', 'purposes',
		(SELECT jsonb_agg(p || CASE p ->> 'name' WHEN 'overleg' THEN '{"session": true}' ELSE '{}' END::jsonb)
			FROM jsonb_array_elements(d -> 'purposes') p)))
	FROM (SELECT :'definition'::jsonb) AS x (d) \g /dev/null
SELECT casus.open_file('bench-2026', f), casus.activate_protocol(f, 'none: benchmark', '{"startdatum": "2021-12-14", "standaarden": []}')
	FROM unnest(ARRAY['bench', 'bench_open']) f \g /dev/null
SELECT casus.add_person('Bench', 'coordinator', oath_on => '2020-01-01') \g /dev/null
SELECT casus.appoint('Bench', f, NULL, 'coordinator', reason => 'benchmark', may_session => true)
	FROM unnest(ARRAY['bench', 'bench_open']) f \g /dev/null

\if :governed
SELECT casus.protect('dossier', 'bench', opens_dossier => true, category => 'registratie') \g /dev/null
SELECT casus.protect('dossier_open', 'bench_open', opens_dossier => true, category => 'registratie') \g /dev/null
SELECT casus.protect('narrow_mix', 'bench', via => 'dossier_id', category => 'registratie') \g /dev/null
SELECT casus.protect('narrow_open', 'bench_open', via => 'dossier_id', category => 'registratie') \g /dev/null
SELECT casus.protect('note', 'bench_open', via => 'dossier_id', category => 'registratie') \g /dev/null
SELECT casus.protect('wide_open', 'bench_open', via => 'dossier_id', category => 'registratie') \g /dev/null
\endif
SELECT casus.protect('mixed', 'bench', opens_dossier => true, governs => 'kind = 8', category => 'registratie')
	\g /dev/null

\if :governed
CALL casus.take_in('dossier', batch_size => 10000, phase => 'phase', opened => 'opened');
CALL casus.take_in('dossier_open', batch_size => 10000, phase => 'phase', opened => 'opened');
CALL casus.take_in('narrow_mix', batch_size => 50000);
CALL casus.take_in('narrow_open', batch_size => 50000);
CALL casus.take_in('note', batch_size => 50000);
CALL casus.take_in('wide_open', batch_size => 50000);
\endif
CALL casus.take_in('mixed', batch_size => 50000, opened => 'started');

SELECT casus.bind(t, 'enforce') FROM unnest(ARRAY['dossier', 'dossier_open', 'narrow_mix',
	'narrow_open', 'wide_open', 'note', 'mixed']) n CROSS JOIN to_regclass(n) t WHERE t IS NOT NULL \g /dev/null
