-- Who oversees a file by his office sees what the access log has of it, and of no other: views, figures, controls.
-- [B-47] [P-49] [P-50] [MN-10] (D 20), Beesel art. 12.4, 24.3, 25.1
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/code.sql'
\i :fixture
CREATE ROLE lo_a LOGIN;
CREATE ROLE lo_b LOGIN;
CREATE ROLE lo_fg LOGIN;
CREATE ROLE lo_both LOGIN;
CREATE ROLE lo_deleg LOGIN;
CREATE ROLE lo_stranger LOGIN;
CREATE ROLE lo_admin LOGIN IN ROLE casus_admin;
CREATE ROLE lo_auditor LOGIN IN ROLE casus_auditor;
CREATE TABLE zaak_a (id integer PRIMARY KEY);
CREATE TABLE zaak_b (id integer PRIMARY KEY);
CREATE TABLE samen (id integer PRIMARY KEY, soort integer NOT NULL);
INSERT INTO zaak_a SELECT generate_series(1, 10);
INSERT INTO zaak_b SELECT generate_series(1, 10);
INSERT INTO samen SELECT n, n % 2 FROM generate_series(1, 4) n;
GRANT SELECT ON zaak_a, zaak_b, samen TO PUBLIC;
\o /dev/null
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', f) FROM unnest('{a,b}'::text[]) f;
SELECT casus.activate_protocol(f, 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "x"}') FROM unnest('{a,b}'::text[]) f;
SELECT casus.add_person(p[1], p[2]::regrole, oath_on => '2020-01-01')
	FROM (VALUES ('{An,lo_a}'::text[]), ('{Bo,lo_b}'), ('{Fred,lo_fg}'), ('{Wim,lo_both}'), ('{Dirk,lo_deleg}')) AS v(p);
SELECT casus.appoint('An', 'a', NULL, 'coordinator', reason => 'test') AS an \gset
SELECT casus.appoint('Bo', 'b', NULL, 'coordinator', reason => 'test');
SELECT casus.appoint('Fred', 'a', NULL, 'fg', reason => 'test');
SELECT casus.appoint('Wim', 'a', NULL, 'coordinator', reason => 'test');
SELECT casus.appoint('Wim', 'b', 'subsidies', 'afgevaardigde', reason => 'test');
SELECT casus.appoint('Dirk', 'a', 'subsidies', 'afgevaardigde', reason => 'test');
SELECT casus.protect('zaak_a', 'a', opens_dossier => true, category => 'registratie', without_purpose => 'error');
SELECT casus.protect('zaak_b', 'b', opens_dossier => true, category => 'registratie', without_purpose => 'error');
SELECT casus.protect('samen', 'a', opens_dossier => true, governs => 'soort = 0', category => 'registratie', without_purpose => 'error');
SELECT casus.protect('samen', 'b', opens_dossier => true, governs => 'soort = 1', category => 'registratie', without_purpose => 'error');
CALL casus.take_in('zaak_a', phase => $$'intake'$$, opened => $$'2026-01-01'$$);
CALL casus.take_in('zaak_b', phase => $$'intake'$$, opened => $$'2026-01-01'$$);
CALL casus.take_in('samen', phase => $$'intake'$$, opened => $$'2026-01-01'$$);
SELECT casus.bind(t, 'enforce') FROM unnest('{zaak_a,zaak_b,samen}'::regclass[]) t;
CREATE ROLE lo_backup LOGIN BYPASSRLS IN ROLE casus_backup;
\o
SELECT clock_timestamp() AS begin \gset

-- Each reads in his own file; one in both; a casus_admin by break-glass in both, of which one statement reads both files.
\o /dev/null
SET SESSION AUTHORIZATION lo_a;
BEGIN;
SELECT FROM casus.enter('intake');
SELECT casus.dossier_of(casus_label) AS dossier_a FROM zaak_a WHERE id = 1 \gset
SELECT count(*) FROM zaak_a;
COMMIT;
SET SESSION AUTHORIZATION lo_b;
BEGIN;
SELECT FROM casus.enter('intake');
SELECT casus.dossier_of(casus_label) AS dossier_b FROM zaak_b WHERE id = 1 \gset
SELECT count(*) FROM zaak_b;
CREATE TEMPORARY TABLE weg AS SELECT id FROM zaak_b;
COMMIT;
SET SESSION AUTHORIZATION lo_both;
BEGIN;
SELECT FROM casus.enter('intake', file => 'a');
SELECT count(*) FROM zaak_a;
COMMIT;
SELECT code('SELECT FROM zaak_b');
SET SESSION AUTHORIZATION lo_deleg;
BEGIN;
SELECT code($$SELECT FROM casus.enter('overleg')$$);
COMMIT;
SET SESSION AUTHORIZATION lo_admin;
SELECT casus.break_glass('brand', d) FROM unnest(ARRAY[:dossier_a, :dossier_b]) d;
SELECT casus.break_glass('brand', 'samen', k, NULL) FROM unnest('{1,2}'::text[]) k;
SELECT count(*) FROM zaak_a;
SELECT count(*) FROM zaak_b;
SELECT count(*) FROM samen;
SET SESSION AUTHORIZATION lo_backup;
COPY zaak_a TO STDOUT;
COPY samen TO STDOUT;
RESET SESSION AUTHORIZATION;
SELECT casus.maintenance(t, 'test') FROM unnest('{zaak_a,zaak_b,samen}'::regclass[]) t;
\o
SELECT clock_timestamp() AS end \gset

-- Which offices oversee, by which article, and who oversees what now.
SELECT name, article FROM casus.office WHERE oversees ORDER BY 1;
SET SESSION AUTHORIZATION lo_a;
SELECT * FROM casus.overseen_file;
SET SESSION AUTHORIZATION lo_both;
SELECT * FROM casus.overseen_file;
SET SESSION AUTHORIZATION lo_auditor;
SELECT * FROM casus.overseen_file ORDER BY 1;
SET SESSION AUTHORIZATION lo_deleg;
SELECT * FROM casus.overseen_file;
SET SESSION AUTHORIZATION lo_admin;
SELECT * FROM casus.overseen_file;
RESET SESSION AUTHORIZATION;
SELECT * FROM casus.overseen_file;

-- What there is of each file.
SET SESSION AUTHORIZATION lo_auditor;
SELECT file, person, role, kind, relation, source, count(*) FROM casus.access_log WHERE at BETWEEN :'begin' AND :'end' AND kind <> 'attempt'
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6;
SELECT person, role, row_count, kind, relation FROM casus.who_saw(:dossier_a, :'begin', :'end') ORDER BY at, seq;

-- [B-47] The coordinator of a: what is of a, of whomever; of b nothing, nor what is of no file.
SET SESSION AUTHORIZATION lo_a;
SELECT file, person, role, kind, relation, source, count(*) FROM casus.access_log WHERE at BETWEEN :'begin' AND :'end' AND kind <> 'attempt'
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6;
SELECT person, role, row_count, kind, relation FROM casus.who_saw(:dossier_a, :'begin', :'end') ORDER BY at, seq;
SELECT role, count(*) FROM casus.seen_by('lo_admin', :'begin', :'end') GROUP BY 1;
SELECT file, count(*), min(dossier) = :dossier_a AS zaak_a FROM casus.affected('lo_admin', :'begin', :'end') GROUP BY 1;
SELECT kind, office, source, persons, dossiers FROM casus.log_use(:'begin', :'end');
SELECT person, dossiers FROM casus.log_persons(:'begin', :'end');
SELECT kind, relation, role, dossiers FROM casus.log_outflow(:'begin', :'end') ORDER BY 1, 2;
SELECT act, file, relation FROM casus.log_widened() ORDER BY 1, 2, 3;
SELECT person, office FROM casus.log_rights(:'begin', :'end') ORDER BY 1, 2;
SELECT count(*) FROM casus.log_outliers(:'begin', :'end');
-- What was opened beside the rules he sees of the log; why, and how it was judged, only who reviews.
SELECT kind, file FROM casus.opening;
SET SESSION AUTHORIZATION lo_fg;
SELECT kind, file FROM casus.opening ORDER BY dossier;
SELECT person, dossiers FROM casus.log_persons(:'begin', :'end');

-- What he did himself in b he sees, and what others did there not.
SET SESSION AUTHORIZATION lo_both;
SELECT DISTINCT person FROM casus.access_log WHERE file IS DISTINCT FROM 'a' AND at < :'end' AND at > :'begin';

-- Not by code of his in a condition, nor by a view or function of somebody else: the log asks who calls.
RESET SESSION AUTHORIZATION;
CREATE SCHEMA val;
GRANT USAGE, CREATE ON SCHEMA val TO PUBLIC;
SET SESSION AUTHORIZATION lo_a;
CREATE FUNCTION val.val(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS $$
BEGIN
	IF $1 IN ('b', 'Bo', 'public.zaak_b') THEN RAISE EXCEPTION 'caught %', $1; END IF;
	RETURN true;
END $$;
SELECT count(*) > 0 AS some FROM casus.access_log WHERE val.val(file) AND val.val(person) AND val.val(relation);
SELECT count(*) > 0 AS some FROM casus.access_log WHERE 1 / (CASE WHEN file = 'b' OR person = 'Bo' THEN 0 ELSE 1 END) = 1;
SELECT count(*) > 0 AS some FROM casus.ldv_actor WHERE val.val(file) AND val.val(person);
SELECT count(*) > 0 AS some FROM casus.who_saw(:dossier_a) WHERE val.val(file) AND val.val(person) AND val.val(relation);
SELECT count(*) > 0 AS some FROM casus.overseen_file WHERE val.val(file);
SELECT count(*) FROM casus_int.loaded_record;
CREATE FUNCTION val.leent() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT count(*) FROM casus.access_log WHERE person IS DISTINCT FROM 'Dirk' $$;
CREATE VIEW val.leent AS SELECT person FROM casus.access_log;
GRANT SELECT ON val.leent TO PUBLIC;
SELECT val.leent() > 0 AS his_own;
SET SESSION AUTHORIZATION lo_deleg;
SELECT val.leent();
SELECT DISTINCT person FROM val.leent;
SET SESSION AUTHORIZATION lo_stranger;
SELECT val.leent();
SELECT DISTINCT person FROM val.leent;
-- A role that is granted to him is that person, and the log says so; one that is not, is none.
SELECT code('SET ROLE lo_a');
RESET SESSION AUTHORIZATION;
GRANT lo_a TO lo_stranger;
SET SESSION AUTHORIZATION lo_stranger;
SELECT count(*) > 0 AS some FROM casus.access_log WHERE person = 'Wim';
SET ROLE lo_a;
SELECT count(*) > 0 AS some FROM casus.access_log WHERE person = 'Wim';
RESET ROLE;
RESET SESSION AUTHORIZATION;
REVOKE lo_a FROM lo_stranger;
SET SESSION AUTHORIZATION lo_auditor;
SELECT person, role, actor_kind, session_role, file FROM casus.access_log WHERE code = 'access_log' AND actor_kind = 'set_role' AND kind = 'read' ORDER BY seq DESC LIMIT 1;

-- [P-49] That he read is on record, of the file; the FG, who oversees it too, sees that.
SET SESSION AUTHORIZATION lo_fg;
SELECT person, what, records > 0 AS some FROM casus.log_read_back(in_file => 'a');
SET SESSION AUTHORIZATION lo_deleg;
SELECT count(*) FROM casus.access_log WHERE person <> 'Dirk';
SET SESSION AUTHORIZATION lo_auditor;
SELECT file, count(*) > 0 AS some FROM casus.access_log WHERE code = 'access_log' AND person IN ('An', 'Dirk') GROUP BY person, file ORDER BY person, file;

-- [P-49] The control of a file, by who oversees it; of records of another file it is none.
SELECT array_agg(seq ORDER BY seq) FILTER (WHERE file = 'a') AS of_a, array_agg(seq ORDER BY seq) FILTER (WHERE file = 'b') AS of_b
	FROM casus.access_log WHERE at BETWEEN :'begin' AND :'end' AND kind = 'read' AND relation LIKE 'public.zaak%' \gset
SET SESSION AUTHORIZATION lo_a;
SELECT casus.record_control(:'begin', :'end', :'of_a', 'no_findings', 'of a') > 0 AS done;
SELECT code(format('SELECT casus.record_control(%L, %L, %L, ''no_findings'', ''of b'')', :'begin', :'end', :'of_b'));
SELECT code(format('SELECT casus.record_control(%L, %L, %L, ''no_findings'', ''of b'', file => ''b'')', :'begin', :'end', :'of_b'));
SET SESSION AUTHORIZATION lo_both;
SELECT code(format('SELECT casus.record_control(%L, %L, %L, ''no_findings'', ''of b'', file => ''b'')', :'begin', :'end', :'of_b'));
SET SESSION AUTHORIZATION lo_deleg;
SELECT code(format('SELECT casus.record_control(%L, %L, %L, ''no_findings'', ''deleg'')', :'begin', :'end', :'of_a'));
SET SESSION AUTHORIZATION lo_auditor;
SELECT code(format('SELECT casus.record_control(%L, %L, %L, ''no_findings'', ''of b'', file => ''a'')', :'begin', :'end', :'of_b'));
SELECT casus.record_control(:'begin', :'end', :'of_b', 'findings', 'of b', file => 'b') > 0 AS done;
SELECT casus.record_control(:'begin', :'end', :'of_a'::bigint[] || :'of_b'::bigint[], 'findings', 'of all') > 0 AS done;
SELECT person, role_name, file, outcome, motivation FROM casus.control ORDER BY act;
SELECT office, file FROM casus.act_log WHERE kind = 'record_control' ORDER BY id;
SET SESSION AUTHORIZATION lo_a;
SELECT person, role_name, file, outcome, motivation FROM casus.control ORDER BY act;
SET SESSION AUTHORIZATION lo_b;
SELECT person, role_name, file, outcome, motivation FROM casus.control ORDER BY act;
SET SESSION AUTHORIZATION lo_deleg;
SELECT count(*) FROM casus.control;
-- An attack: all that is asked of the log, for anything of b.  Each line 0, of whoever oversees a alone.
\set other 'SELECT (SELECT count(*) FROM casus.access_log l WHERE l.file = \'b\' OR l.relation = \'public.zaak_b\' OR :dossier_b = ANY (l.dossiers) OR l.person = \'Bo\') AS log, (SELECT count(*) FROM casus.ldv l WHERE l.attributes ->> \'dpl.core.data_subject_id\' = :\'dossier_b\' OR l.name LIKE \'%zaak_b%\') AS ldv, (SELECT count(*) FROM casus.ldv_actor l WHERE l.file = \'b\' OR l.person = \'Bo\') AS actor, (SELECT count(*) FROM casus.who_saw(:dossier_b)) AS who_saw, (SELECT count(*) FROM casus.seen_by(\'Bo\')) AS seen_by, (SELECT count(*) FROM casus.affected(\'Bo\')) AS affected, (SELECT count(*) FROM casus.affected(\'lo_admin\') f WHERE f.file = \'b\') AS of_admin, (SELECT count(*) FROM casus.affected_subjects(\'Bo\')) AS subjects, (SELECT count(*) FROM casus.log_use() u WHERE u.file = \'b\') AS use, (SELECT count(*) FROM casus.log_use(in_file => \'b\')) AS use_b, (SELECT records FROM casus.log_summary(in_file => \'b\')) AS summary, (SELECT count(*) FROM casus.log_refusals(in_file => \'b\')) AS refusals, (SELECT count(*) FROM casus.log_outflow() o WHERE o.relation LIKE \'%zaak_b\' OR o.person = \'Bo\') AS outflow, (SELECT count(*) FROM casus.log_persons() p WHERE p.person = \'Bo\') AS persons, (SELECT count(*) FROM casus.log_widened() w WHERE w.file = \'b\' OR w.relation = \'public.zaak_b\') AS widened, (SELECT count(*) FROM casus.log_rights() r WHERE r.file = \'b\') AS rights, (SELECT count(*) FROM casus.log_read_back(in_file => \'b\')) AS read_back, (SELECT count(*) FROM casus.log_outliers(factor => 0) o WHERE o.person = \'Bo\') AS outliers, (SELECT count(*) FROM casus.control c WHERE c.file IS DISTINCT FROM \'a\') AS controls, (SELECT count(*) FROM casus.log_itself()) AS itself;'
\x
SET SESSION AUTHORIZATION lo_auditor;
:other
SET SESSION AUTHORIZATION lo_a;
:other
SET SESSION AUTHORIZATION lo_fg;
:other
\x
-- In which dossiers somebody stands is not asked of the log alone: still for the auditor.
SET SESSION AUTHORIZATION lo_a;
SELECT code($$SELECT FROM casus.who_saw_subject('x')$$);
SELECT code('SELECT FROM casus.verify_log()');

-- Nor by a plan or a cursor of another who oversees.
RESET SESSION AUTHORIZATION;
PREPARE welk AS SELECT DISTINCT file FROM casus.access_log WHERE relation LIKE 'public.zaak%' ORDER BY 1;
SET ROLE lo_a;
EXECUTE welk;
SET ROLE lo_b;
EXECUTE welk;
BEGIN;
DECLARE d CURSOR FOR SELECT file, person FROM casus.access_log WHERE relation = 'public.zaak_b' AND person = 'Bo';
FETCH 1 FROM d;
SET LOCAL ROLE lo_a;
FETCH ALL FROM d;
SET LOCAL ROLE lo_stranger;
FETCH ALL FROM d;
COMMIT;
RESET ROLE;

-- His deputy does as he does, while he is.
RESET SESSION AUTHORIZATION;
SELECT casus.deputise(:an, 'Bo', reason => 'test') AS deputy \gset
SET SESSION AUTHORIZATION lo_b;
SELECT DISTINCT file FROM casus.access_log WHERE person = 'Wim';
SELECT code(format('SELECT casus.record_control(%L, %L, %L, ''no_findings'', ''of a'')', :'begin', :'end', :'of_a'));
SELECT * FROM casus.overseen_file ORDER BY 1;
RESET SESSION AUTHORIZATION;
SELECT FROM casus.end_appointment(:deputy, 'test');
SET SESSION AUTHORIZATION lo_b;
SELECT DISTINCT file FROM casus.access_log WHERE person = 'Wim';
SET SESSION AUTHORIZATION lo_a;

-- Not after his appointment has ended: a plan that was made before, and a cursor that is open.
SET plan_cache_mode = force_generic_plan;
PREPARE anderen AS SELECT count(*) > 0 AS others FROM casus.access_log WHERE person <> 'An';
EXECUTE anderen;
RESET SESSION AUTHORIZATION;
BEGIN;
SET LOCAL ROLE lo_a;
DECLARE c CURSOR FOR SELECT person FROM casus.access_log WHERE person <> 'An';
FETCH 1 FROM c;
RESET ROLE;
SELECT FROM casus.end_appointment(:an, 'test');
SET LOCAL ROLE lo_a;
FETCH ALL FROM c;
EXECUTE anderen;
RESET ROLE;
COMMIT;
SET SESSION AUTHORIZATION lo_a;
EXECUTE anderen;
SELECT * FROM casus.overseen_file;
SELECT DISTINCT person FROM casus.access_log;
SELECT count(*) FROM casus.who_saw(:dossier_a) WHERE person <> 'An';
SELECT code(format('SELECT casus.record_control(%L, %L, %L, ''no_findings'', ''of a'')', :'begin', :'end', :'of_a'));
SELECT count(*) FROM casus.control;
RESET SESSION AUTHORIZATION;
-- And from the moment of a new one.
SELECT casus.appoint('An', 'a', NULL, 'coordinator', starts => clock_timestamp() + interval '1 hour') > 0 AS later;
SET SESSION AUTHORIZATION lo_a;
EXECUTE anderen;
RESET SESSION AUTHORIZATION;
SELECT casus.appoint('An', 'a', NULL, 'coordinator', ends => clock_timestamp() + interval '30 minutes') > 0 AS now;
SET SESSION AUTHORIZATION lo_a;
EXECUTE anderen;
RESET SESSION AUTHORIZATION;

-- Below the check of each row nothing of the caller's runs: a sub-query that fails tells nothing of it.
SET SESSION AUTHORIZATION lo_auditor;
SELECT count(*) > 0 AS there FROM casus.control;
SET SESSION AUTHORIZATION lo_deleg;
SET application_name = '';
SELECT count(*) FROM casus.control WHERE CASE WHEN act > 0 THEN (SELECT 1 / length(current_setting('application_name')) = 1) ELSE true END;
