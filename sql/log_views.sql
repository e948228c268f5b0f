-- What people ask of the access log: who saw a dossier, what an account saw, what was controlled; the shape of the
-- Dutch standard.  [P-49] [B-47] [B-50] [MN-10] (D 20)
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE lv_coordinator LOGIN;
CREATE ROLE lv_other LOGIN;
CREATE ROLE lv_auditor LOGIN IN ROLE casus_auditor;
CREATE ROLE lv_backup LOGIN BYPASSRLS IN ROLE casus_backup;
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
INSERT INTO zaak SELECT n, 8 FROM generate_series(1, 20) n;
GRANT SELECT ON zaak TO lv_coordinator, lv_other;
\o /dev/null
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'lv');
SELECT casus.activate_protocol('lv', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "x"}');
SELECT casus.add_person('Coor', 'lv_coordinator', oath_on => '2020-01-01');
SELECT casus.add_person('Ander', 'lv_other', oath_on => '2020-01-01');
SELECT casus.appoint('Coor', 'lv', NULL, 'coordinator', reason => 'test');
SELECT casus.appoint('Ander', 'lv', NULL, 'coordinator', reason => 'test');
SELECT casus.protect('zaak', 'lv', opens_dossier => true, governs => 'soort = 8', category => 'registratie', without_purpose => 'hide');
CALL casus.take_in('zaak', phase => $$'intake'$$, opened => $$'2026-01-01'$$);
SELECT casus.bind('zaak', 'enforce');
\o
SELECT clock_timestamp() AS begin \gset

SET SESSION AUTHORIZATION lv_coordinator;
BEGIN;
SELECT FROM casus.enter('intake');
SELECT casus.dossier_of(casus_label) AS one FROM zaak WHERE id = 1 \gset
SELECT casus.dossier_of(casus_label) AS two FROM zaak WHERE id = 2 \gset
SELECT count(*) FROM zaak;
COMMIT;
SELECT clock_timestamp() AS alone \gset
SET SESSION AUTHORIZATION lv_other;
BEGIN;
SET LOCAL casus.traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
SELECT FROM casus.enter('intake');
SELECT count(*) FROM zaak WHERE id = 2;
COMMIT;
SELECT clock_timestamp() AS end \gset

-- Who saw it: the auditor finds all, who oversees the file as well, a superuser nobody; log_oversee.sql has the rest.
SET SESSION AUTHORIZATION lv_auditor;
SELECT person, role, file, office, purpose, source, phase, relation, row_count FROM casus.who_saw(:two, :'begin', :'end');
SELECT person, row_count FROM casus.who_saw(:one, :'begin', :'end');
SELECT count(*) FROM casus.who_saw(:two, :'end');
SELECT count(*) FROM casus.who_saw(:two, NULL, :'begin');
SELECT count(*), count(DISTINCT dossier) FROM casus.seen_by('Coor', :'begin', :'end');
SELECT count(*), min(dossier) = :two FROM casus.seen_by('lv_other', :'begin', :'end');
SELECT dossier - :one AS nr, file, records, row_count, relations, purposes FROM casus.affected('Coor', :'begin', :'end') ORDER BY nr LIMIT 3;
SELECT count(*), bool_and(first_at <= last_at) FROM casus.affected('Coor', :'begin', :'end');
-- An unknown name or number is no account that saw nothing, and no dossier that nobody saw; a role that saw nothing is known.
SELECT count(*) FROM casus.affected('nobody');
SELECT count(*) FROM casus.seen_by('nobody');
SELECT count(*) FROM casus.affected_subjects('nobody');
SELECT count(*) FROM casus.affected('lv_backup');
SELECT count(*) FROM casus.who_saw(999999999);
SELECT count(*) FROM casus.who_saw(NULL);
-- Nobody named is not everybody.
SELECT count(*) FROM casus.seen_by(NULL);
SELECT count(*) FROM casus.affected(NULL);
SELECT count(*) FROM casus.affected('');
SELECT count(*) FROM casus.affected_subjects(NULL);
SELECT person, office, dossiers, own_median, colleagues_median FROM casus.log_outliers(:'begin', :'end');
SELECT count(*) FROM casus.log_outliers(:'begin', :'end', 100);
-- There is nothing to compare with for who has no colleague and no other day: that is shown, with neither median.
SELECT person, office, dossiers, own_median, colleagues_median FROM casus.log_outliers(:'begin', :'alone', 100);
SET SESSION AUTHORIZATION lv_other;
SELECT person, row_count FROM casus.who_saw(:two, :'begin', :'end');
SELECT count(*) FROM casus.seen_by('Coor');
SELECT count(*) FROM casus.affected('Coor');
SELECT count(*) FROM casus.log_outliers();
-- Others are not told by an error what there is.
SELECT (SELECT count(*) FROM casus.who_saw(999999999)) + (SELECT count(*) FROM casus.seen_by('nobody')) AS nothing;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM casus.who_saw(:two);
SELECT count(*) FROM casus.affected('Coor');

-- A dump takes a table whole, its dossiers uncounted: who_saw names the session, with the tables that are the dossier's
-- file's or of no one file; affected names every dossier that was open by then.  A table of another file is none of it.
RESET SESSION AUTHORIZATION;
\o /dev/null
CREATE TABLE elders (id integer PRIMARY KEY);
SELECT casus.open_file('beesel-2021', 'lv_elders');
SELECT casus.activate_protocol('lv_elders', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "x"}');
SELECT casus.protect('elders', 'lv_elders', opens_dossier => true, category => 'registratie');
SELECT casus.bind('elders', 'enforce');
GRANT SELECT ON zaak, elders TO lv_backup;
SET SESSION AUTHORIZATION lv_backup;
SELECT clock_timestamp() AS dump \gset
COPY zaak TO STDOUT;
COPY elders TO STDOUT;
COPY casus_cat.act_content TO STDOUT;
COPY casus_cat.protocol TO STDOUT;
SET SESSION AUTHORIZATION lv_coordinator;
SELECT casus.open_dossier('lv', '{"aandrager": "anoniem", "melddatum": "2026-01-05", "aanleiding": "melding", "beschrijving": "x", "personalia": "onbekend"}') AS late \gset
SET SESSION AUTHORIZATION lv_auditor;
\o
SELECT kind, person, role, file, relation, row_count FROM casus.who_saw(:two, :'dump');
SELECT kind, role FROM casus.who_saw(:late, :'dump');
SELECT dossier, relation, kind FROM casus.seen_by('lv_backup', :'dump') ORDER BY seq;
SELECT count(*), count(*) FILTER (WHERE dumped), count(*) FILTER (WHERE dossier = :late) AS late, max(row_count) AS row_count, relations
	FROM casus.affected('lv_backup', :'dump') GROUP BY relations;
SELECT bool_or(dumped) FROM casus.affected('Coor', :'begin');
SET SESSION AUTHORIZATION lv_coordinator;
SELECT count(*) FROM casus.who_saw(:two, :'dump');
SET SESSION AUTHORIZATION lv_backup;
SELECT count(*) FROM casus.who_saw(:two, :'dump');

-- A role that was dropped and a dossier that is no more still have their records.
RESET SESSION AUTHORIZATION;
\o /dev/null
CREATE ROLE lv_gone LOGIN;
CREATE TABLE weg (id integer PRIMARY KEY);
INSERT INTO weg VALUES (1);
GRANT SELECT ON weg TO lv_gone;
SELECT casus.protect('weg', 'lv_elders', opens_dossier => true, category => 'registratie');
CALL casus.take_in('weg', phase => $$'intake'$$, opened => $$'2026-01-01'$$);
SELECT casus.bind('weg', 'observe');
SELECT casus.dossier_of('weg', '1') AS gone \gset
SET SESSION AUTHORIZATION lv_gone;
SELECT count(*) FROM weg;
RESET SESSION AUTHORIZATION;
SELECT casus.unprotect('weg', 'a mistake');
DROP TABLE weg;
DROP ROLE lv_gone;
SET SESSION AUTHORIZATION lv_auditor;
\o
SELECT count(*) FROM casus.dossier WHERE id = :gone;
SELECT kind, role FROM casus.who_saw(:gone);
SELECT kind, dossier = :gone AS gone FROM casus.seen_by('lv_gone');
SELECT records FROM casus.affected('lv_gone');

-- The control is an act with its sample and outcome.
SET SESSION AUTHORIZATION lv_auditor;
SELECT array_agg(seq ORDER BY seq) AS sample FROM casus.access_log WHERE kind = 'read' AND relation = 'public.zaak' AND at >= :'begin' AND at < :'end' \gset
SELECT casus.record_control(:'begin', :'end', :'sample', 'no_findings', 'four reads, each with a purpose') > 0 AS done;
SELECT person, role_name, until - since = :'end'::timestamptz - :'begin'::timestamptz AS period, records > 4 AS more, sample = :'sample'::bigint[] AS sample, outcome, motivation
	FROM casus.control WHERE since = :'begin';
SELECT kind, text FROM casus.access_log WHERE at >= :'end' AND text = 'record_control' ORDER BY seq;
-- A number is one of a node's.
SELECT node AS here FROM casus.access_log WHERE at < :'end' LIMIT 1 \gset
SELECT casus.record_control(:'begin', :'end', :'sample', 'findings', 'this server', nodes => array_fill(:'here'::uuid, ARRAY[cardinality(:'sample'::bigint[])])) > 0 AS done;
SELECT casus.record_control(:'begin', :'end', :'sample', 'findings', 'another server', nodes => array_fill(gen_random_uuid(), ARRAY[cardinality(:'sample'::bigint[])]));
SELECT casus.record_control(:'begin', :'end', :'sample', 'findings', 'too few', nodes => ARRAY[:'here'::uuid]);
SELECT outcome, nodes = array_fill(:'here'::uuid, ARRAY[cardinality(sample)]) AS here FROM casus.control WHERE since = :'begin' ORDER BY act;
-- Granted rights, and whether they are used.  [P-50]
SELECT file, person, office, party, reason, records > 0 AS used, last_used < :'end' AS in_period FROM casus.log_rights(:'begin', :'end');
SELECT person, records, last_used FROM casus.log_rights(:'end', :'end');
SELECT casus.record_control(:'begin', :'end', ARRAY[1::bigint], 'no_findings', 'not of the period');
SELECT casus.record_control(:'begin', :'end', '{}', 'no_findings', 'none');
SELECT casus.record_control(:'begin', :'end', ARRAY[NULL::bigint], 'no_findings', 'none');
SELECT casus.record_control(:'begin', 'infinity', :'sample', 'no_findings', 'not over');
SELECT casus.record_control(:'end', :'begin', :'sample', 'no_findings', 'backwards');
SELECT casus.record_control(:'begin', :'end', :'sample', 'fine', 'no such outcome');
SELECT casus.record_control(:'begin', :'end', :'sample', 'findings', NULL);
RESET SESSION AUTHORIZATION;
SELECT casus.record_control(:'begin', :'end', :'sample', 'no_findings', 'a superuser');
SET SESSION AUTHORIZATION lv_coordinator;
SELECT casus.record_control(:'begin', :'end', :'sample', 'no_findings', 'a coordinator') > 0 AS done;
SELECT count(*) FROM casus.control;

-- A write, which may be rolled back, a copy, a search without a hit, and what a table in observe lets pass.
RESET SESSION AUTHORIZATION;
GRANT UPDATE ON zaak TO lv_coordinator;
GRANT SELECT ON elders TO lv_other;
\o /dev/null
CREATE TABLE gezien (id integer PRIMARY KEY);
INSERT INTO gezien VALUES (1);
GRANT SELECT ON gezien TO lv_other;
SELECT casus.protect('gezien', 'lv_elders', opens_dossier => true, category => 'registratie');
CALL casus.take_in('gezien', phase => $$'intake'$$);
SELECT casus.bind('gezien', 'observe');
SET SESSION AUTHORIZATION lv_coordinator;
BEGIN;
SELECT FROM casus.enter('intake');
UPDATE zaak SET soort = 8 WHERE id = 3;
CREATE TEMPORARY TABLE weg AS SELECT * FROM zaak WHERE id = 3;
SELECT FROM zaak WHERE id = -1;
ROLLBACK;
SET SESSION AUTHORIZATION lv_other;
SELECT FROM gezien;
\o

-- The Dutch standard: its fields and no other, each in its form, in every line; the attributes that it has, and nobody's name.
SET SESSION AUTHORIZATION lv_auditor;
CREATE TEMPORARY TABLE regel AS SELECT * FROM casus.ldv;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'casus.ldv'::regclass AND attnum > 0 ORDER BY attnum;
WITH field(name, form, is_required) AS (VALUES
	('trace_id', '^"[0-9a-f]{32}"$', true), ('span_id', '^"[0-9a-f]{16}"$', true), ('status', '^"(Unset|Ok|Error)"$', true), ('name', '^"[^"]+"$', true),
	('start_time', '^\d{13}$', true), ('end_time', '^\d{13}$', true), ('parent_span_id', '^"[0-9a-f]{16}"$', false),
	('resource', '^\{"attributes": \{.*\}\}$', false), ('attributes', '^\{.*\}$', true),
	('dpl.core.processing_activity_id', '^"urn:casus(:[a-z0-9_-]+)+"$', true), ('dpl.core.data_subject_id', '^"\d+"$', false),
	('dpl.core.data_subject_id_type', '^"urn:casus:[0-9a-f-]{36}:dossier"$', false), ('dpl.core.foreign_operation.processor', '^"https?://', false)
), value AS (
	SELECT r.span_id, e.key, e.value FROM regel r, LATERAL (SELECT * FROM jsonb_each(to_jsonb(r)) UNION ALL SELECT * FROM jsonb_each(r.attributes)) e
	WHERE e.key NOT LIKE 'casus.%' AND e.value <> 'null'
)
SELECT 'wrong' AS what, v.key, v.value FROM value v LEFT JOIN field f ON f.name = v.key WHERE (v.value::text ~ f.form) IS NOT TRUE
UNION ALL
SELECT 'missing', f.name, to_jsonb(r) FROM field f, regel r WHERE f.is_required AND NOT EXISTS (SELECT FROM value v WHERE v.span_id = r.span_id AND v.key = f.name)
UNION ALL
SELECT 'of one without the other', NULL, r.attributes FROM regel r WHERE r.attributes ? 'dpl.core.data_subject_id' <> r.attributes ? 'dpl.core.data_subject_id_type';
SELECT DISTINCT k AS others FROM regel r, jsonb_object_keys(r.attributes) k WHERE k !~ '^dpl\.core\.' ORDER BY 1;
SELECT count(*) > 20 AS some, count(*) = count(DISTINCT span_id) AS one_each, bool_and(start_time <= end_time) AS in_order, bool_or(r::text ~ 'Coor|lv_coordinator|coordinator') AS names FROM regel r;
SELECT attributes ->> 'casus.kind' AS kind, status, count(*) > 0 AS some FROM regel GROUP BY 1, 2 ORDER BY 1, 2;
-- An action about one is a line; of one about several each has a line under it, in its trace, and it is about none itself.
SELECT CASE n WHEN 0 THEN 'none' WHEN 1 THEN 'one' ELSE 'several' END AS about, count(*) > 0 AS some, bool_and(without = CASE n WHEN 1 THEN 0 ELSE 1 END) AS itself,
	bool_and(beneath = CASE WHEN n > 1 THEN n ELSE 0 END) AS beneath
	FROM (SELECT trace_id, count(*) FILTER (WHERE attributes ? 'dpl.core.data_subject_id') AS n, count(*) FILTER (WHERE NOT attributes ? 'dpl.core.data_subject_id') AS without,
			count(*) FILTER (WHERE parent_span_id = (SELECT p.span_id FROM regel p WHERE p.trace_id = r.trace_id AND NOT p.attributes ? 'dpl.core.data_subject_id')) AS beneath
		FROM regel r WHERE trace_id <> '4bf92f3577b34da6a3ce929d0e0e4736' GROUP BY 1) t GROUP BY 1 ORDER BY 1;
SELECT l.trace_id, l.status, l.name, l.parent_span_id, l.attributes - 'dpl.core.processing_activity_id' - 'dpl.core.data_subject_id_type' - 'dpl.core.data_subject_id' AS attributes,
	l.attributes ->> 'dpl.core.data_subject_id' = :'two' AS subject, l.attributes ->> 'dpl.core.processing_activity_id' ~ '^urn:casus:[0-9a-f-]{36}:\d+:\d+:intake$' AS activity, a.person
	FROM regel l JOIN casus.ldv_actor a USING (span_id) WHERE l.parent_span_id = '00f067aa0ba902b7' AND l.name = 'read public.zaak';
SELECT count(*) AS lines, count(DISTINCT trace_id) AS traces, count(DISTINCT seq) AS records, count(DISTINCT session) AS sessions FROM casus.ldv_actor
	WHERE person = 'Coor' AND seq = ANY ((SELECT array_agg(seq) FROM casus.access_log WHERE person = 'Coor' AND kind = 'read' AND relation = 'public.zaak' AND at < :'end')::bigint[]);
-- Who may see a line may see who; the lines without the actor are a table of them, which an auditor fills.
RESET SESSION AUTHORIZATION;
CREATE ROLE lv_register LOGIN;
CREATE SCHEMA lv_register AUTHORIZATION lv_auditor;
SET SESSION AUTHORIZATION lv_auditor;
CREATE TABLE lv_register.ldv AS SELECT * FROM casus.ldv;
GRANT USAGE ON SCHEMA lv_register TO lv_register;
GRANT SELECT ON lv_register.ldv TO lv_register;
SET SESSION AUTHORIZATION lv_register;
SELECT count(*) > 20 AS some, count(l.*) FILTER (WHERE a.span_id IS NOT NULL) AS with_actor FROM lv_register.ldv l LEFT JOIN casus.ldv_actor a USING (span_id);
SET SESSION AUTHORIZATION lv_other;
SELECT count(*) FROM casus.ldv_actor WHERE person <> 'Ander' AND file IS DISTINCT FROM 'lv';
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM casus.ldv;

-- A trace context is of the W3C's form, or none.
SET casus.traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7';
SET casus.traceparent = '00-00000000000000000000000000000000-00f067aa0ba902b7-01';
SET casus.traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01';
SET casus.traceparent = '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01';
SET casus.traceparent = 'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
SET casus.traceparent = '01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x';
-- Of a later version what 00 has; what it adds comes behind another dash.
SET casus.traceparent = '01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
SHOW casus.traceparent;
SET casus.traceparent = 'cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-00-what-comes';
SHOW casus.traceparent;
RESET casus.traceparent;
SET casus.traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x';
SET casus.traceparent = '';
