/*
 * install_55_doctor.sql
 *		casus.doctor(): everything that weakens the promise.
 *
 * The findings read system catalogs that everybody may read, with the rights
 * of the caller; what needs the inside of casus comes from C. Bodies are
 * BEGIN ATOMIC: names are bound at creation, whatever search_path says later.
 */

CREATE FUNCTION casus_int.protection(relation oid, OUT mode text, OUT is_fenced boolean, OUT is_foreign boolean, OUT hides boolean, OUT is_mixed boolean, OUT has_settings boolean, OUT lost_key boolean, OUT whole regclass, OUT lost_function boolean)
	LANGUAGE c STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_protection';
COMMENT ON FUNCTION casus_int.protection(oid) IS
	'How a relation is protected: mode (registered, observe, enforce), fence complete, belongs to another installation, hides governed rows without purpose, has rows outside the protocol, has its settings (a copy has none), a foreign key to the parent of its rows, or the function that names their dossiers, is gone; all NULL when it is not.';
REVOKE ALL ON FUNCTION casus_int.protection(oid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.protection(oid) TO casus_admin, casus_auditor;

CREATE FUNCTION casus_int.inner_findings(OUT severity text, OUT code text, OUT finding text, OUT mend text) RETURNS SETOF record
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_inner_findings';
COMMENT ON FUNCTION casus_int.inner_findings() IS
	'Findings of casus.doctor() about settings, the log directory and open maintenance windows.';
REVOKE ALL ON FUNCTION casus_int.inner_findings() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.inner_findings() TO casus_admin, casus_auditor;

/* Only relations that bear a label of casus or its column are worth asking about. */
CREATE VIEW casus_int.protected AS
	WITH labelled AS MATERIALIZED (
		SELECT c.oid, c.relowner FROM pg_catalog.pg_class c
		WHERE c.relkind IN ('r', 'p')
			AND (EXISTS (SELECT FROM pg_catalog.pg_seclabel s WHERE s.provider = 'casus' AND s.classoid = 'pg_catalog.pg_class'::regclass AND s.objoid = c.oid)
				OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'casus_label'))
	)
	SELECT c.oid AS relid, c.oid::regclass AS relation, c.relowner, p.mode, p.is_fenced, p.is_foreign, p.hides, p.is_mixed, p.has_settings, p.lost_key, p.whole, p.lost_function
	FROM labelled c, LATERAL casus_int.protection(c.oid) p
	WHERE p.mode IS NOT NULL;
COMMENT ON VIEW casus_int.protected IS 'Protected tables as the registry sees them; for casus.doctor().';
REVOKE ALL ON casus_int.protected FROM PUBLIC;
GRANT SELECT ON casus_int.protected TO casus_admin, casus_auditor;

/* ---- findings about roles and the cluster ---- */

CREATE VIEW casus_int.role_finding AS
	-- One is the way in, without which nobody mends what the others find.
	SELECT CASE WHEN pg_catalog.count(*) OVER () = 1 THEN 'note' ELSE 'warning' END AS severity, 'superuser'::text AS code,
		pg_catalog.format('Role %s is a superuser that can log in: bound by casus in SQL, but able to load code and to act as any other role.', r.rolname) AS finding,
		CASE WHEN pg_catalog.count(*) OVER () = 1 THEN 'Keep it as the one way in: from the server itself alone (peer), for what nobody else can do.'
			ELSE pg_catalog.format('-- where another superuser can still log in: ALTER ROLE %I NOLOGIN; or NOSUPERUSER. Keep one way in', r.rolname) END AS mend
	FROM pg_catalog.pg_roles r WHERE r.rolsuper AND r.rolcanlogin
	UNION ALL
	SELECT 'warning', 'bypassrls',
		pg_catalog.format('Role %s has BYPASSRLS and can log in, and is not a member of casus_backup.', r.rolname),
		pg_catalog.format('ALTER ROLE %I NOBYPASSRLS;', r.rolname)
	FROM pg_catalog.pg_roles r
	WHERE r.rolbypassrls AND r.rolcanlogin AND NOT r.rolsuper
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
			WHERE m.member = r.oid AND g.rolname = 'casus_backup')
	UNION ALL
	SELECT 'note', 'replication',	-- from where: hba_replication
		pg_catalog.format('Role %s may start replication: a replication connection reads pages past every policy.', r.rolname),
		pg_catalog.format('ALTER ROLE %I NOREPLICATION; -- where it is not for a standby or a base backup; else allow it in pg_hba.conf from there alone', r.rolname)
	FROM pg_catalog.pg_roles r WHERE r.rolreplication AND r.rolcanlogin AND NOT r.rolsuper
	UNION ALL
	SELECT 'warning', 'parameter_grant',
		pg_catalog.format('%s may set %s (%s), which is a superuser''s for a reason.', CASE a.grantee WHEN 0 THEN 'Everybody' ELSE 'Role ' || a.grantee::regrole END,
			p.parname, a.privilege_type),
		pg_catalog.format('REVOKE %s ON PARAMETER %s FROM %s;', a.privilege_type, p.parname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
	FROM pg_catalog.pg_parameter_acl p, LATERAL pg_catalog.aclexplode(p.paracl) a
	WHERE p.parname OPERATOR(pg_catalog.~) '^(casus\.|session_replication_role$|allow_system_table_mods$|dynamic_library_path$|archive_(command|library)$)|_preload_libraries$'
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = a.grantee AND r.rolsuper)
	UNION ALL
	SELECT 'critical', 'server_files',
		pg_catalog.format('Role %s is a member of %s.', r.rolname, g.rolname),
		pg_catalog.format('REVOKE %I FROM %I;', g.rolname, r.rolname)
	FROM pg_catalog.pg_auth_members m
	JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles r ON r.oid = m.member
	WHERE g.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
	UNION ALL
	SELECT 'critical', 'unmarked_role',
		pg_catalog.format('Role %s bears no mark of casus: it is somebody else''s, or the mark was dropped.', n.name),
		'Restore the roles from a dump with security labels, or rename the foreign role and install again.'
	FROM (VALUES ('casus_owner'), ('casus_admin'), ('casus_auditor'), ('casus_analyst'), ('casus_backup'), ('casus_collector')) n(name)
	WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r JOIN pg_catalog.pg_shseclabel s
		ON s.objoid = r.oid AND s.classoid = 'pg_catalog.pg_authid'::regclass AND s.provider = 'casus' WHERE r.rolname = n.name)
	UNION ALL
	SELECT 'critical', 'owner_member',
		pg_catalog.format('Role %s is a member of casus_owner, which owns the state of casus.', r.rolname),
		pg_catalog.format('REVOKE casus_owner FROM %I;', r.rolname)
	FROM pg_catalog.pg_auth_members m
	JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles r ON r.oid = m.member
	WHERE g.rolname = 'casus_owner'
	UNION ALL
	SELECT 'critical', 'owner_login', 'Role casus_owner can log in or is a superuser.', 'ALTER ROLE casus_owner NOLOGIN NOSUPERUSER;'
	FROM pg_catalog.pg_roles r WHERE r.rolname = 'casus_owner' AND (r.rolcanlogin OR r.rolsuper OR r.rolbypassrls)
	UNION ALL
	SELECT 'warning', 'untrusted_language',
		pg_catalog.format('Language %s is installed: its functions run outside the server''s rules.', l.lanname),
		pg_catalog.format('DROP EXTENSION %I; -- where nothing needs it', l.lanname)
	FROM pg_catalog.pg_language l WHERE NOT l.lanpltrusted AND l.lanname NOT IN ('internal', 'c')
	UNION ALL
	SELECT 'warning', 'outside_connection',
		pg_catalog.format('Extension %s lets a session open another connection, as another role.', e.extname),
		pg_catalog.format('DROP EXTENSION %I; -- or revoke its functions from readers', e.extname)
	FROM pg_catalog.pg_extension e WHERE e.extname IN ('dblink', 'postgres_fdw', 'file_fdw', 'adminpack', 'dblink_fdw', 'oracle_fdw', 'mysql_fdw', 'pageinspect', 'pg_surgery', 'pg_walinspect', 'pg_buffercache', 'lo')
	UNION ALL
	SELECT 'warning', 'foreign_server',
		pg_catalog.format(CASE WHEN f.own THEN 'Foreign server %s is this server, by its options: what is asked there is another session, of the role that the user mapping names.'
			ELSE 'Foreign server %s: rows written there leave the protocol.' END, s.srvname),
		pg_catalog.format('DROP SERVER %I; -- or see that no reader has USAGE on it', s.srvname)
	FROM pg_catalog.pg_foreign_server s, 
	LATERAL (SELECT coalesce(pg_catalog.max(o.option_value) FILTER (WHERE o.option_name = 'hostaddr'), pg_catalog.max(o.option_value) FILTER (WHERE o.option_name = 'host'), '') AS host,
			coalesce(pg_catalog.max(o.option_value) FILTER (WHERE o.option_name = 'port'), '5432') AS port
		FROM pg_catalog.pg_options_to_table(s.srvoptions) o) t,
	LATERAL (SELECT s.srvoptions IS NOT NULL AND t.port = pg_catalog.current_setting('port')
		AND (t.host ~ '^(localhost|127[.].*|::1|[/@].*|)$' OR t.host = ANY (pg_catalog.regexp_split_to_array(pg_catalog.current_setting('listen_addresses'), '\s*,\s*')))) f(own)
	UNION ALL
	SELECT 'warning', 'old_minor',
		pg_catalog.format('PostgreSQL %s lacks corrections of row security that %s has: of plans that outlive a membership, and of INSERT ... ON CONFLICT that reads rows which a policy hides.',
			pg_catalog.current_setting('server_version'), m.name),
		'Install the newest minor release, and restart.'
	FROM (VALUES (150000, 150020, '15.20'), (160000, 160016, '16.16'), (170000, 170012, '17.12'), (180000, 180007, '18.7')) m(first, corrected, name)
	WHERE pg_catalog.current_setting('server_version_num')::integer >= m.first AND pg_catalog.current_setting('server_version_num')::integer < m.corrected
	UNION ALL
	SELECT 'warning', 'createrole',
		pg_catalog.format('Role %s may create and alter roles: before version 16 it can give itself any role that is no superuser, casus_admin or that of a person too.', r.rolname),
		pg_catalog.format('ALTER ROLE %I NOCREATEROLE;', r.rolname)
	FROM pg_catalog.pg_roles r WHERE r.rolcreaterole AND r.rolcanlogin AND NOT r.rolsuper
	UNION ALL
	SELECT 'note', 'all_data',
		pg_catalog.format('Role %s is a member of %s: it reaches every table and view, those that hold copies of protected rows too.', r.rolname, g.rolname),
		pg_catalog.format('REVOKE %I FROM %I;', g.rolname, r.rolname)
	FROM pg_catalog.pg_auth_members m
	JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles r ON r.oid = m.member
	WHERE g.rolname = 'pg_write_all_data' OR (g.rolname = 'pg_read_all_data'
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members b JOIN pg_catalog.pg_roles k ON k.oid = b.roleid
			WHERE b.member = r.oid AND k.rolname = 'casus_backup'))
	UNION ALL
	SELECT 'warning', 'statement_reader',
		pg_catalog.format('Role %s is a member of %s: it sees the statements of others as they run, with what they look for.', r.rolname, g.rolname),
		pg_catalog.format('REVOKE %I FROM %I;', g.rolname, r.rolname)
	FROM pg_catalog.pg_auth_members m
	JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles r ON r.oid = m.member
	WHERE g.rolname IN ('pg_read_all_stats', 'pg_monitor') AND r.rolname <> 'pg_monitor'
	UNION ALL
	SELECT 'warning', 'backup_missing',
		'No login with BYPASSRLS is a member of casus_backup: no pg_dump of this database succeeds.',
		'CREATE ROLE backup LOGIN BYPASSRLS IN ROLE casus_backup; GRANT pg_read_all_data TO backup;'
	WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
		JOIN pg_catalog.pg_roles r ON r.oid = m.member WHERE g.rolname = 'casus_backup' AND r.rolcanlogin AND r.rolbypassrls)
	UNION ALL
	SELECT 'note', 'backup_without_bypass',
		pg_catalog.format('Role %s is a member of casus_backup and has no BYPASSRLS: its pg_dump fails.', r.rolname),
		pg_catalog.format('ALTER ROLE %I BYPASSRLS;', r.rolname)
	FROM pg_catalog.pg_auth_members m
	JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles r ON r.oid = m.member
	WHERE g.rolname = 'casus_backup' AND r.rolcanlogin AND NOT r.rolbypassrls
	UNION ALL
	SELECT 'critical', 'c_function',
		pg_catalog.format('Function %s is C code (%s) of no extension: it can read memory and pages past every policy.', p.oid::regprocedure, coalesce(p.probin, p.prosrc)),
		pg_catalog.format('DROP FUNCTION %s; -- or see what it is', p.oid::regprocedure)
	FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
	WHERE l.lanname IN ('c', 'internal') AND p.oid >= 16384
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
	UNION ALL
	SELECT 'warning', 'definer_function',
		pg_catalog.format('Function %s runs with the rights of superuser %s, for whoever may execute it.', p.oid::regprocedure, r.rolname),
		pg_catalog.format('ALTER FUNCTION %s OWNER TO ...; -- a role that owns only what it needs', p.oid::regprocedure)
	FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_roles r ON r.oid = p.proowner AND r.rolsuper
	WHERE p.prosecdef AND p.oid >= 16384
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
	UNION ALL
	SELECT 'note', 'event_trigger',
		pg_catalog.format('Event trigger %s runs its function in the commands of everybody, superusers included.', e.evtname),
		pg_catalog.format('ALTER EVENT TRIGGER %I DISABLE; -- where nothing needs it', e.evtname)
	FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled <> 'D'
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')
	UNION ALL
	SELECT 'note', 'setting_override',
		pg_catalog.format('Setting %s is set for %s.', pg_catalog.split_part(c.setting, '=', 1),
			pg_catalog.concat_ws(' in ', CASE WHEN s.setrole <> 0 THEN 'role ' || s.setrole::regrole END, CASE WHEN s.setdatabase <> 0 THEN 'database ' || d.datname END)),
		pg_catalog.format('ALTER %s RESET %I;', CASE WHEN s.setrole = 0 THEN pg_catalog.format('DATABASE %I', d.datname)
			ELSE pg_catalog.concat_ws(' IN DATABASE ', 'ROLE ' || s.setrole::regrole, pg_catalog.quote_ident(d.datname)) END, pg_catalog.split_part(c.setting, '=', 1))
	FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, LATERAL pg_catalog.unnest(s.setconfig) c(setting)
	WHERE c.setting OPERATOR(pg_catalog.~) '^(casus\.|auto_explain\.|log_(statement|min_duration|min_error|parameter|duration|transaction_sample)|debug_print|session_replication_role|session_preload_libraries|local_preload_libraries|row_security)'
	UNION ALL
	SELECT CASE s.slot_type WHEN 'physical' THEN 'note' ELSE 'warning' END, 'replication_slot',
		pg_catalog.format(CASE s.slot_type WHEN 'physical' THEN 'Replication slot %s keeps WAL with rows already destroyed, for as long as its standby lags behind.'
			ELSE 'Replication slot %s: logical decoding reads changes past every policy.' END, s.slot_name),
		pg_catalog.format('SELECT pg_drop_replication_slot(%L); -- where nothing needs it', s.slot_name)
	FROM pg_catalog.pg_replication_slots s
	UNION ALL
	SELECT 'critical', 'state_hidden',
		pg_catalog.format('Table %s of casus has row security, which casus never gives it: its rows are hidden from who asks casus.', c.oid::regclass),
		'Somebody has gone past casus: find out who. Then, with the server started without casus in shared_preload_libraries and nobody else let in: ' ||
			pg_catalog.format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;', c.oid::regclass)
	FROM pg_catalog.pg_class c WHERE c.relnamespace = 'casus_cat'::regnamespace AND (c.relrowsecurity OR c.relforcerowsecurity);
COMMENT ON VIEW casus_int.role_finding IS 'Findings of casus.doctor() about roles, languages, ways out of the cluster and row security of the tables of casus.';
REVOKE ALL ON casus_int.role_finding FROM PUBLIC;
GRANT SELECT ON casus_int.role_finding TO casus_admin, casus_auditor;
