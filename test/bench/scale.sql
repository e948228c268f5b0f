/*
 * scale.sql
 *		:rows rows over a thousand dossiers, and as many over a million (as many
 *		dossiers as rows), with plain twins; all readable.
 */
SET client_min_messages = warning;
CREATE TABLE few_dossier AS SELECT n AS id, 'overleg'::text AS phase, date '2026-10-01' AS opened
	FROM generate_series(1, 1000) n;
CREATE TABLE many_dossier AS SELECT n AS id, 'overleg'::text AS phase, date '2026-10-01' AS opened
	FROM generate_series(1, :rows) n;
ALTER TABLE few_dossier ADD PRIMARY KEY (id);
ALTER TABLE many_dossier ADD PRIMARY KEY (id);
CREATE TABLE few AS SELECT n AS id, 1 + n::bigint * 7919 % 1000 AS dossier_id, 'row ' || n AS body
	FROM generate_series(1, :rows) n;
CREATE TABLE many AS SELECT n AS id, 1 + n::bigint * 7919 % :rows AS dossier_id, 'row ' || n AS body
	FROM generate_series(1, :rows) n;
CREATE TABLE plain_few AS SELECT *, md5(dossier_id::text)::uuid AS label FROM few;
ALTER TABLE few ALTER dossier_id TYPE integer, ADD PRIMARY KEY (id), ADD FOREIGN KEY (dossier_id) REFERENCES few_dossier;
ALTER TABLE many ALTER dossier_id TYPE integer, ADD PRIMARY KEY (id), ADD FOREIGN KEY (dossier_id) REFERENCES many_dossier;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;

SELECT casus.protect(t, 'bench_open', opens_dossier => true, category => 'registratie')
	FROM unnest(ARRAY['few_dossier', 'many_dossier']::regclass[]) t \g /dev/null
SELECT casus.protect(t, 'bench_open', via => 'dossier_id', category => 'registratie')
	FROM unnest(ARRAY['few', 'many']::regclass[]) t \g /dev/null
CALL casus.take_in('few_dossier', batch_size => 50000, phase => 'phase', opened => 'opened');
CALL casus.take_in('many_dossier', batch_size => 50000, phase => 'phase', opened => 'opened');
CALL casus.take_in('few', batch_size => 50000);
CALL casus.take_in('many', batch_size => 50000);
SELECT casus.bind(t, 'enforce') FROM unnest(ARRAY['few_dossier', 'many_dossier', 'few', 'many']::regclass[]) t
	\g /dev/null
VACUUM FULL ANALYZE few;
VACUUM FULL ANALYZE many;
VACUUM FULL ANALYZE plain_few;
