-- label.sql: the label of a row and the functions that read it
SET client_min_messages = warning;
-- Every driver knows how to carry it: a domain over uuid, without constraints.
SELECT typbasetype::regtype, typnotnull, (SELECT count(*) FROM pg_constraint WHERE contypid = t.oid) AS constraints
	FROM pg_type t WHERE t.oid = 'casus.label'::regtype;
-- So adding the column does not rewrite the table.
CREATE TABLE label_table (id integer);
INSERT INTO label_table SELECT generate_series(1, 10);
SELECT pg_relation_filenode('label_table') AS before \gset
ALTER TABLE label_table ADD COLUMN l casus.label DEFAULT '6f757473-6964-6520-6361-7375732e2e2e';
SELECT pg_relation_filenode('label_table') = :before AS not_rewritten;
SELECT DISTINCT casus.label_text(l), casus.dossier_of(l), casus.item_of(l) FROM label_table;
DROP TABLE label_table;

-- The extremes of each part, and what is malformed.
SELECT l, casus.label_text(l::casus.label), casus.dossier_of(l::casus.label), casus.item_of(l::casus.label)
	FROM unnest(ARRAY['00000000-0000-0001-0000-000100000000', '7fffffff-ffff-ffff-ffff-fffffff3ffff',
		'00000000-0000-0001-0000-0001fff3ffff', '00000000-0000-0001-0000-000100000fff',
		'00000000-0000-0001-0000-000100040000', '00000000-0000-0001-0000-000000000000',
		'00000000-0000-0000-0000-000100000000', '80000000-0000-0000-0000-000100000000',
		'ffffffff-ffff-ffff-0000-000000000007', 'ffffffff-ffff-ffff-0000-000100000007',
		'6f757473-6964-6520-6361-7375732e2e2e', '6f757473-6964-6520-6361-7375732e2e2f']::uuid[]) AS l;
SELECT casus.label_text(NULL), casus.dossier_of(NULL), casus.item_of(NULL);
SELECT casus.label_text('not a label');

-- Immutable, strict and safe in parallel plans, with a search_path of their own.
SELECT proname, provolatile, proisstrict, proparallel, proconfig
	FROM pg_proc WHERE oid IN ('casus.dossier_of(casus.label)'::regprocedure,
		'casus.item_of(casus.label)'::regprocedure, 'casus.label_text(casus.label)'::regprocedure)
	ORDER BY proname;
