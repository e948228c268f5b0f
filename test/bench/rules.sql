/*
 * rules.sql
 *		The same tables under protocols of about 100, 1,000 and 10,000 rules:
 *		Beesel's, and as many more for other offices, purposes and phases.  One
 *		rule is one state, office and purpose, as in casus.rule.
 *
 * :rows rows over a thousand dossiers each, all readable; plain twins with a
 * policy that looks the rules up.  :definition as in protect.sql.
 */
SET client_min_messages = warning;
CREATE TABLE made AS SELECT * FROM (VALUES (100, 1, 2), (1000, 10, 16), (10000, 50, 34)) v (rules, offices, purposes);
GRANT SELECT ON made TO PUBLIC;

SELECT casus.load_protocol(d || jsonb_build_object('name', 'bench-rules-' || rules,
		'offices', d -> 'offices' || (SELECT jsonb_agg(d -> 'offices' -> 0 || jsonb_build_object('name', 'office_' || n)) FROM generate_series(1, offices) n),
		'purposes', (SELECT jsonb_agg(p || '{"session": true}') FROM jsonb_array_elements(d -> 'purposes') p WHERE p ->> 'name' = 'overleg')
			|| (SELECT jsonb_agg(p) FROM jsonb_array_elements(d -> 'purposes') p WHERE p ->> 'name' <> 'overleg')
			|| (SELECT jsonb_agg(d -> 'purposes' -> 0 || jsonb_build_object('name', 'purpose_' || n, 'phases', phases)) FROM generate_series(1, purposes) n),
		'rules', d -> 'rules' || jsonb_build_array(jsonb_build_object('phases', phases, 'categories', '*', 'scope', 'all', 'may', '["read"]'::jsonb,
			'article', d -> 'rules' -> 0 -> 'article',
			'offices', (SELECT jsonb_agg('office_' || n) FROM generate_series(1, offices) n),
			'purposes', (SELECT jsonb_agg('purpose_' || n) FROM generate_series(1, purposes) n)))))
	FROM made, (SELECT :'definition'::jsonb, '["intake", "zwaarte", "bronnenonderzoek", "voorbereiden", "overleg", "regie"]'::jsonb) AS x (d, phases)
	\g /dev/null
SELECT casus.open_file('bench-rules-' || rules, 'rules_' || rules),
	casus.activate_protocol('rules_' || rules, 'none: benchmark', '{"startdatum": "2021-12-14", "standaarden": []}') FROM made \g /dev/null
SELECT casus.appoint('Bench', 'rules_' || rules, NULL, 'coordinator', reason => 'benchmark', may_session => true) FROM made \g /dev/null

SELECT format('CREATE TABLE rules_%1$s_dossier AS SELECT n AS id, ''overleg''::text AS phase, date ''2026-10-01'' AS opened FROM generate_series(1, 1000) n', rules),
	format('ALTER TABLE rules_%1$s_dossier ADD PRIMARY KEY (id)', rules),
	format('CREATE TABLE rules_%1$s AS SELECT n AS id, (1 + n::bigint * 7919 %% 1000)::integer AS dossier_id, ''row '' || n AS body FROM generate_series(1, %2$s) n', rules, :rows),
	format('ALTER TABLE rules_%1$s ADD PRIMARY KEY (id), ADD FOREIGN KEY (dossier_id) REFERENCES rules_%1$s_dossier', rules),
	/* By hand: the rules as a table, looked up once per statement. */
	format('CREATE TABLE plain_rules_%1$s AS SELECT *, md5(dossier_id::text)::uuid AS label FROM rules_%1$s', rules),
	format('ALTER TABLE plain_rules_%1$s ADD PRIMARY KEY (id), ENABLE ROW LEVEL SECURITY', rules),
	format('CREATE TABLE plain_rule_%1$s AS SELECT ''office_'' || o AS office, ''purpose_'' || p AS purpose, ph AS phase
		FROM generate_series(1, %2$s) o, generate_series(1, %3$s) p, unnest(ARRAY[''intake'', ''zwaarte'', ''bronnenonderzoek'', ''voorbereiden'', ''overleg'', ''regie'']) ph', rules, offices, purposes),
	format('CREATE TABLE plain_rules_%1$s_dossier AS SELECT * FROM rules_%1$s_dossier', rules),
	format('CREATE POLICY hand ON plain_rules_%1$s TO bench_in USING (dossier_id IN (SELECT d.id FROM plain_rules_%1$s_dossier d
		JOIN plain_rule_%1$s r USING (phase) WHERE r.office = ''office_1'' AND r.purpose = ''purpose_1''))', rules)
	FROM made \gexec
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;

SELECT casus.protect(format('rules_%s_dossier', rules)::regclass, 'rules_' || rules, opens_dossier => true, category => 'registratie') FROM made \g /dev/null
SELECT casus.protect(format('rules_%s', rules)::regclass, 'rules_' || rules, via => 'dossier_id', category => 'registratie') FROM made \g /dev/null
SELECT format('CALL casus.take_in(''rules_%s_dossier'', batch_size => 50000, phase => ''phase'', opened => ''opened'')', rules),
	format('CALL casus.take_in(''rules_%s'', batch_size => 50000)', rules) FROM made \gexec
SELECT casus.bind(t, 'enforce') FROM made, unnest(ARRAY[format('rules_%s_dossier', rules), format('rules_%s', rules)]::regclass[]) t \g /dev/null
VACUUM FULL ANALYZE;
