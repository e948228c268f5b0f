/*
 * install_57_doctor_copies.sql
 *		Findings of casus.doctor() about connections to elsewhere, such as a reader
 *		may make, and about functions that the server calls by itself: what goes
 *		there, no plan shows.
 */

CREATE FUNCTION casus_int.reads_server_file(relation oid) RETURNS boolean
	LANGUAGE c STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_reads_server_file';
COMMENT ON FUNCTION casus_int.reads_server_file(oid) IS
	'Does a foreign table name a file in the data directory, a tablespace or the directory of the log?';
REVOKE ALL ON FUNCTION casus_int.reads_server_file(oid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.reads_server_file(oid) TO casus_admin, casus_auditor;

/* ---- functions that nobody is asked about ---- */

CREATE FUNCTION casus_int.is_unasked(function oid) RETURNS boolean
	LANGUAGE c STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_is_unasked';
COMMENT ON FUNCTION casus_int.is_unasked(oid) IS
	'Does the function keep what it is given (or a default of its arguments call one that does), or go past the executor, so that nothing may have the server call it by itself?';
REVOKE ALL ON FUNCTION casus_int.is_unasked(oid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.is_unasked(oid) TO casus_admin, casus_auditor;

CREATE VIEW casus_int.called_unasked AS
	SELECT 'pg_catalog.pg_type'::regclass AS classid, t.oid AS objid, m.function[1]::oid AS function
	FROM pg_catalog.pg_type t, LATERAL (SELECT t.typdefaultbin::text
		UNION ALL SELECT k.conbin::text FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid) e(expression),
		LATERAL pg_catalog.regexp_matches(e.expression, ':(?:funcid|opfuncid) (\d+)', 'g') m(function)
	WHERE t.oid >= 16384 AND t.typtype = 'd'
	UNION SELECT 'pg_catalog.pg_type'::regclass, t.oid, f.function
	FROM pg_catalog.pg_type t, LATERAL (VALUES (t.typinput), (t.typoutput), (t.typreceive), (t.typsend), (t.typmodin), (t.typmodout), (t.typanalyze)) f(function)
	WHERE t.oid >= 16384 AND t.typtype = 'b' AND t.typcategory <> 'A'
	UNION SELECT 'pg_catalog.pg_type'::regclass, r.rngtypid, f.function
	FROM pg_catalog.pg_range r, LATERAL (VALUES (r.rngcanonical), (r.rngsubdiff)) f(function)
	WHERE r.rngtypid >= 16384
	UNION SELECT 'pg_catalog.pg_operator'::regclass, o.oid, f.function
	FROM pg_catalog.pg_operator o, LATERAL (VALUES (o.oprcode), (o.oprrest), (o.oprjoin)) f(function)
	WHERE o.oid >= 16384
	UNION SELECT 'pg_catalog.pg_proc'::regclass, a.aggfnoid, f.function
	FROM pg_catalog.pg_aggregate a, LATERAL (VALUES (a.aggtransfn), (a.aggfinalfn), (a.aggcombinefn), (a.aggserialfn), (a.aggdeserialfn),
		(a.aggmtransfn), (a.aggminvtransfn), (a.aggmfinalfn)) f(function)
	WHERE a.aggfnoid >= 16384
	UNION SELECT 'pg_catalog.pg_opfamily'::regclass, p.amprocfamily, p.amproc FROM pg_catalog.pg_amproc p WHERE p.oid >= 16384
	UNION SELECT 'pg_catalog.pg_cast'::regclass, c.oid, c.castfunc FROM pg_catalog.pg_cast c WHERE c.oid >= 16384
	UNION SELECT 'pg_catalog.pg_transform'::regclass, t.oid, f.function
	FROM pg_catalog.pg_transform t, LATERAL (VALUES (t.trffromsql), (t.trftosql)) f(function)
	UNION SELECT 'pg_catalog.pg_conversion'::regclass, c.oid, c.conproc FROM pg_catalog.pg_conversion c WHERE c.oid >= 16384
	UNION SELECT 'pg_catalog.pg_language'::regclass, l.oid, f.function
	FROM pg_catalog.pg_language l, LATERAL (VALUES (l.lanplcallfoid), (l.laninline), (l.lanvalidator)) f(function)
	UNION SELECT 'pg_catalog.pg_ts_template'::regclass, t.oid, f.function
	FROM pg_catalog.pg_ts_template t, LATERAL (VALUES (t.tmplinit), (t.tmpllexize)) f(function)
	UNION SELECT 'pg_catalog.pg_ts_parser'::regclass, p.oid, f.function
	FROM pg_catalog.pg_ts_parser p, LATERAL (VALUES (p.prsstart), (p.prstoken), (p.prsend), (p.prsheadline), (p.prslextype)) f(function);
COMMENT ON VIEW casus_int.called_unasked IS
	'Domains, types, operators and the like of users, by catalog and oid, with each function that the server calls by itself for them.';
REVOKE ALL ON casus_int.called_unasked FROM PUBLIC;

/* What guard_named.c refuses while a table is protected, made before that. */
CREATE VIEW casus_int.unasked AS
	SELECT i.type, i.identity, pg_catalog.min(n.function::regprocedure::text) AS function
	FROM casus_int.called_unasked n, LATERAL pg_catalog.pg_identify_object(n.classid, n.objid, 0) i
	WHERE casus_int.is_unasked(n.function)
	GROUP BY i.type, i.identity;
COMMENT ON VIEW casus_int.unasked IS
	'Domains, types, operators and the like of users by which the server would call, without asking, a function that keeps what it is given; casus.protect is refused while there are any.';
REVOKE ALL ON casus_int.unasked FROM PUBLIC;
GRANT SELECT ON casus_int.unasked TO casus_admin, casus_auditor;

/* ---- the findings ---- */

CREATE VIEW casus_int.copy_finding AS
	SELECT 'warning'::text AS severity, 'dblink_reader'::text AS code,
		pg_catalog.format('%s may execute %s of extension dblink: the other connection has other rights, and is told values of this one.',
			coalesce('Role ' || r.rolname, 'Everybody'), p.oid::regprocedure) AS finding,
		pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM %s;', p.oid::regprocedure, coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC')) AS mend
	FROM pg_catalog.pg_proc p
	JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'dblink',
	LATERAL pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
	LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
	WHERE a.privilege_type = 'EXECUTE' AND a.grantee <> p.proowner
		AND p.proname IN ('dblink', 'dblink_connect', 'dblink_connect_u', 'dblink_exec', 'dblink_open', 'dblink_send_query')
	UNION ALL
	SELECT 'warning', 'server_reader',
		pg_catalog.format('%s may use foreign server %s: a query tells it values of rows to compare with.', coalesce('Role ' || r.rolname, 'Everybody'), s.srvname),
		pg_catalog.format('REVOKE USAGE ON FOREIGN SERVER %I FROM %s;', s.srvname, coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC'))
	FROM pg_catalog.pg_foreign_server s, LATERAL pg_catalog.aclexplode(s.srvacl) a
	LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
	WHERE a.privilege_type = 'USAGE' AND a.grantee <> s.srvowner
	UNION ALL
	SELECT 'warning', 'server_reader',
		pg_catalog.format('%s may use foreign table %s: a query tells its server values of rows to compare with.', coalesce('Role ' || r.rolname, 'Everybody'), c.oid::regclass),
		pg_catalog.format('REVOKE ALL ON %s FROM %s;', c.oid::regclass, coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC'))
	FROM pg_catalog.pg_class c, LATERAL pg_catalog.aclexplode(c.relacl) a
	LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
	WHERE c.relkind = 'f' AND a.grantee <> c.relowner AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
	GROUP BY c.oid, r.rolname
	UNION ALL
	SELECT 'warning', 'file_table',
		pg_catalog.format('Foreign table %s names a file that the server keeps; while the library is loaded, reading it is refused.', t.ftrelid::regclass),
		pg_catalog.format('DROP FOREIGN TABLE %s;', t.ftrelid::regclass)
	FROM pg_catalog.pg_foreign_table t WHERE casus_int.reads_server_file(t.ftrelid)
	UNION ALL
	SELECT 'warning', 'subscription',
		pg_catalog.format('Subscription %s writes into the protected table %s: what its publisher sends counts as outside the protocol, or stops it.', s.subname, p.relation),
		pg_catalog.format('ALTER SUBSCRIPTION %I DISABLE; -- where the publisher is not trusted', s.subname)
	FROM pg_catalog.pg_subscription_rel r
	JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid AND s.subenabled
	JOIN casus_int.protected p ON p.relid = r.srrelid
	UNION ALL
	SELECT 'critical', 'unasked_function',
		pg_catalog.format('The server calls %s by itself for %s %s: what it is given it keeps, past the protocol.', u.function, u.type, u.identity),
		pg_catalog.format('DROP %s %s; -- or take the function out of it', pg_catalog.upper(u.type), u.identity)
	FROM casus_int.unasked u;
COMMENT ON VIEW casus_int.copy_finding IS 'Findings of casus.doctor() about dblink and foreign servers in the hands of readers, and functions that the server calls by itself.';
REVOKE ALL ON casus_int.copy_finding FROM PUBLIC;
GRANT SELECT ON casus_int.copy_finding TO casus_admin, casus_auditor;
