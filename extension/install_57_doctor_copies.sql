/*
 * install_57_doctor_copies.sql
 *		Findings of casus.doctor() about connections to elsewhere, such as a reader
 *		may make: what goes there, no plan shows.
 */

CREATE FUNCTION casus_int.reads_server_file(relation oid) RETURNS boolean
	LANGUAGE c STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_reads_server_file';
COMMENT ON FUNCTION casus_int.reads_server_file(oid) IS
	'Does a foreign table name a file in the data directory, a tablespace or the directory of the log?';
REVOKE ALL ON FUNCTION casus_int.reads_server_file(oid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.reads_server_file(oid) TO casus_admin, casus_auditor;

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
	JOIN casus_int.protected p ON p.relid = r.srrelid;
COMMENT ON VIEW casus_int.copy_finding IS 'Findings of casus.doctor() about dblink and foreign servers in the hands of readers.';
REVOKE ALL ON casus_int.copy_finding FROM PUBLIC;
GRANT SELECT ON casus_int.copy_finding TO casus_admin, casus_auditor;
