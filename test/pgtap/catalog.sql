-- What the catalogs must show of the extension, whatever it contains: comments, owners, rights, pinned search paths,
-- dump marks.  Each query lists the objects that break the rule; none may.
BEGIN;
SELECT plan(18);

CREATE TEMP VIEW member AS
SELECT d.classid, d.objid
FROM pg_depend d
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'casus' AND d.deptype = 'e';

CREATE TEMP VIEW function AS
SELECT p.*, l.lanname, p.oid::regprocedure::text AS signature
FROM member m
JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
JOIN pg_language l ON l.oid = p.prolang;

-- What the views of the extension call and read.
CREATE TEMP VIEW view_use AS
SELECT r.ev_class AS view, d.refclassid, d.refobjid
FROM member m
JOIN pg_rewrite r ON m.classid = 'pg_class'::regclass AND m.objid = r.ev_class
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid;

CREATE TEMP VIEW state_table AS
SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl
FROM pg_class c
WHERE c.relnamespace = 'casus_cat'::regnamespace AND c.relkind IN ('r', 'S');

SELECT is_empty($$
	SELECT pg_describe_object(m.classid, m.objid, 0) FROM member m
	LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
	LEFT JOIN pg_description d ON d.classoid = m.classid AND d.objoid = m.objid AND d.objsubid = 0
	WHERE coalesce(t.typcategory <> 'A' AND t.typrelid = 0, true)	-- not what comes with another
	AND coalesce(d.description, '') = ''$$,
	'every object of the extension is commented');

SELECT is_empty($$
	SELECT a.attrelid::regclass, a.attname FROM member m
	JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid AND c.relkind = 'v' AND c.relnamespace = 'casus'::regnamespace
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
	WHERE coalesce(col_description(c.oid, a.attnum), '') = ''$$,
	'every column of a public view is commented');

SELECT is_empty($$
	SELECT signature FROM function
	WHERE NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)
	AND NOT (lanname = 'c' AND provolatile = 'i')	-- looks nothing up
	AND prokind <> 'p'								-- could not commit with a SET clause
	AND signature NOT IN (
		'casus_int.permits(casus.label)',			-- these seven once per row
		'casus_int.meets(casus.label,oid)',
		'casus_int.column_permits(casus.label,regclass,smallint)',
	'casus_int.finds_parent(casus.label)',
		'casus_int.shows_statistics(oid,boolean)',
		'casus_int.row_trigger()',
		'casus_int.resolve_pending()',
		'casus_int.permits_support(internal)',		-- for every plan; looks nothing up
		'casus_int.state_guard()',
		'casus_int.state_changed()')				-- look nothing up$$,
	'every function pins its search_path');

SELECT is_empty($$SELECT signature FROM function WHERE lanname NOT IN ('c', 'sql')$$,
	'functions are C or SQL');

SELECT is_empty($$SELECT signature FROM function WHERE prosecdef AND lanname <> 'c' AND proconfig IS NULL$$,
	'no SECURITY DEFINER function runs under the search_path of its caller');

SELECT is_empty($$
	SELECT signature FROM function WHERE proowner <> 'casus_owner'::regrole
	UNION ALL
	SELECT c.oid::regclass::text FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
	WHERE c.relowner <> 'casus_owner'::regrole
	UNION ALL
	SELECT t.oid::regtype::text FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
	WHERE t.typowner <> 'casus_owner'::regrole
	UNION ALL
	SELECT n.nspname FROM member m JOIN pg_namespace n ON m.classid = 'pg_namespace'::regclass AND m.objid = n.oid
	WHERE n.nspowner <> 'casus_owner'::regrole$$,
	'casus_owner owns everything: the views and functions of a superuser would be a way in');

SELECT is_empty($$
	SELECT rolname FROM pg_roles WHERE rolname LIKE 'casus\_%'
	AND (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)$$,
	'the roles of casus cannot log in and have no attributes');

SELECT set_eq($$
	SELECT rolname FROM pg_roles r JOIN pg_shseclabel l ON l.classoid = 'pg_authid'::regclass AND l.objoid = r.oid
	WHERE l.provider = 'casus' AND rolname LIKE 'casus\_%'$$,
	ARRAY['casus_owner', 'casus_admin', 'casus_auditor', 'casus_analyst', 'casus_backup', 'casus_collector'],
	'the roles of casus bear its mark');

SELECT is_empty($$
	SELECT roleid::regrole, member::regrole FROM pg_auth_members
	WHERE 'casus_owner'::regrole IN (roleid, member)$$,
	'nobody is a member of casus_owner, and it is a member of nothing');

SELECT is_empty($$
	SELECT t.relname, a.grantee::regrole, a.privilege_type
	FROM state_table t, aclexplode(coalesce(t.relacl, acldefault(CASE t.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", t.relowner))) a
	WHERE a.grantee <> t.relowner
	AND NOT (a.grantee = 'casus_backup'::regrole AND a.privilege_type = 'SELECT')$$,
	'state tables and sequences: no right but SELECT for casus_backup');

SELECT is_empty($$
	SELECT nspname, a.grantee::regrole, a.privilege_type
	FROM pg_namespace n, aclexplode(n.nspacl) a
	WHERE n.nspname = 'casus_cat' AND a.grantee <> n.nspowner
	AND NOT (a.grantee = 'casus_backup'::regrole AND a.privilege_type = 'USAGE')
	UNION ALL
	SELECT nspname, a.grantee::regrole, a.privilege_type
	FROM pg_namespace n, aclexplode(n.nspacl) a
	WHERE n.nspname IN ('casus', 'casus_int') AND a.grantee <> n.nspowner AND a.privilege_type = 'CREATE'$$,
	'nobody else reaches the schema of the state, or creates in the others');

SELECT is_empty($$
	SELECT signature FROM function p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
	WHERE p.pronamespace = 'casus_int'::regnamespace AND a.grantee = 0
	AND signature NOT IN ('casus_int.permits(casus.label)', 'casus_int.is_pending(casus.label)', 'casus_int.setval(regclass,bigint,boolean)', 'casus_int.keeps(anyelement,oid)',
		'casus_int.column_permits(casus.label,regclass,smallint)', 'casus_int.meets(casus.label,oid)', 'casus_int.finds_parent(casus.label)', 'casus_int.shows_statistics(oid,boolean)',
		'casus_int.row_trigger()', 'casus_int.resolve_pending()',	-- whoever adds a partition copies them
		'casus_int.seen(bigint[],text,timestamp with time zone,timestamp with time zone)', 'casus_int.told(text[],timestamp with time zone,timestamp with time zone,text)',	-- these show what casus.access_log shows the caller
		'casus_int.who_saw(bigint[],timestamp with time zone,timestamp with time zone)', 'casus_int.let_through(text,timestamp with time zone,timestamp with time zone)',
		'casus_int.account(text)', 'casus_int.known_account(text,boolean)', 'casus_int.asked_dossier(bigint)', 'casus_int.known_dossier(bigint,boolean)',
		'casus_int.above(anyelement)',	-- these give back what they are given
		'casus_int.dossiers_about(text,regclass)', 'casus_int.subjects_in(bigint[],text[])')	-- these two ask who calls
	AND p.oid NOT IN (SELECT refobjid FROM view_use WHERE refclassid = 'pg_proc'::regclass)$$,
	'of the internals PUBLIC may execute only what a policy, a trigger, a view or a statement in the stead or around that of the server calls');

SELECT is_empty($$
	SELECT p.oid::regprocedure::text, btrim(d) FROM pg_proc p, regexp_split_to_table(pg_get_function_arguments(p.oid), ',') d
	WHERE p.pronamespace = 'casus'::regnamespace AND d ~ ' DEFAULT ' AND d !~ ' DEFAULT (NULL|false|''\{\}'')'
	AND coalesce(obj_description(p.oid, 'pg_proc'), '') !~ 'default|The same with'$$,
	'the comment of a function whose argument has a default tells it');

SELECT is_empty($$
	SELECT relname FROM state_table WHERE relkind = 'r'
	AND relname NOT IN ('act', 'act_content', 'decision', 'log_loaded', 'log_skipped', 'log_node_term') AND relname !~ '^access_record_'	-- no verdict depends on them
	AND oid NOT IN (SELECT tgrelid FROM pg_trigger
		WHERE tgfoid = 'casus_int.state_changed()'::regprocedure AND tgenabled = 'A' AND tgtype = 60)$$,
	'every change of a state table that a verdict depends on is told to all sessions, in whatever replication role');

SELECT is_empty($$
	SELECT relname, type FROM state_table, unnest(ARRAY[31, 34]) type WHERE relkind = 'r'
	AND NOT EXISTS (SELECT FROM pg_trigger
		WHERE tgrelid = state_table.oid AND tgfoid = 'casus_int.state_guard()'::regprocedure AND tgenabled = 'A' AND tgtype = type)$$,
	'logical replication into a state table is refused, row by row and TRUNCATE');

SELECT is_empty($$
	SELECT relname FROM state_table
	WHERE relname NOT IN ('log_loaded', 'log_skipped', 'log_node_term') AND relname !~ '^access_record'	-- of the log the segments are the truth
	AND NOT oid = ANY (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'casus')$$,
	'pg_dump takes every state table and sequence along');

SELECT is_empty($$
	SELECT DISTINCT u.view::regclass FROM view_use u JOIN pg_class c ON u.view = c.oid
	WHERE u.refclassid = 'pg_class'::regclass AND u.refobjid IN (SELECT oid FROM state_table)
	AND NOT coalesce(c.reloptions && ARRAY['security_barrier=true', 'security_barrier=on'], false)$$,
	'a view on the state is a security barrier: a cheap function of the caller never meets a row that it withholds');

SELECT is_empty($$
	SELECT attrelid::regclass, attname FROM pg_attribute a JOIN state_table t ON t.oid = a.attrelid
	WHERE attnum > 0 AND atttypid IN ('oid'::regtype, 'regclass'::regtype, 'regrole'::regtype, 'regtype'::regtype)
	AND (t.relname, attname) <> ('person_role', 'role_oid')	-- not dumped
	$$, 'state holds no oids: it survives a restore');

SELECT * FROM finish();
ROLLBACK;
