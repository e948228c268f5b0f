/*
 * install_55_doctor.sql
 *		casus.doctor(): everything that weakens the promise.
 *
 * The findings read system catalogs that everybody may read, with the rights
 * of the caller; what needs the inside of casus comes from C. Bodies are
 * BEGIN ATOMIC: names are bound at creation, whatever search_path says later.
 */

CREATE FUNCTION casus_int.protection(relation oid, OUT mode text, OUT is_fenced boolean, OUT is_foreign boolean, OUT hides boolean, OUT is_mixed boolean, OUT has_settings boolean, OUT lost_key boolean)
	LANGUAGE c STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_protection';
COMMENT ON FUNCTION casus_int.protection(oid) IS
	'How a relation is protected: mode (registered, observe, enforce), fence complete, belongs to another installation, hides governed rows without purpose, has rows outside the protocol, has its settings (a copy has none), a foreign key to the parent of its rows is gone; all NULL when it is not.';
REVOKE ALL ON FUNCTION casus_int.protection(oid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.protection(oid) TO casus_admin, casus_auditor;

CREATE FUNCTION casus_int.inner_findings(OUT severity text, OUT code text, OUT finding text, OUT mend text) RETURNS SETOF record
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_inner_findings';
COMMENT ON FUNCTION casus_int.inner_findings() IS
	'Findings of casus.doctor() about settings, files and persons.';
REVOKE ALL ON FUNCTION casus_int.inner_findings() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.inner_findings() TO casus_admin, casus_auditor;

/* Only relations that bear a label of casus or its column are worth asking about. */
CREATE VIEW casus_int.protected AS
	SELECT c.oid AS relid, c.oid::regclass AS relation, c.relowner, p.mode, p.is_fenced, p.is_foreign, p.hides, p.is_mixed, p.has_settings, p.lost_key
	FROM pg_catalog.pg_class c, LATERAL casus_int.protection(c.oid) p
	WHERE c.relkind IN ('r', 'p') AND p.mode IS NOT NULL
		AND (EXISTS (SELECT FROM pg_catalog.pg_seclabel s WHERE s.provider = 'casus' AND s.classoid = 'pg_catalog.pg_class'::regclass AND s.objoid = c.oid)
			OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'casus_label'));
COMMENT ON VIEW casus_int.protected IS 'Protected tables as the registry sees them; for casus.doctor().';
REVOKE ALL ON casus_int.protected FROM PUBLIC;
GRANT SELECT ON casus_int.protected TO casus_admin, casus_auditor;

/* ---- findings about roles and the cluster ---- */

CREATE VIEW casus_int.role_finding AS
	SELECT 'warning'::text AS severity, 'superuser'::text AS code,
		pg_catalog.format('Role %s is a superuser that can log in: bound by casus in SQL, but able to load code and to act as any other role.', r.rolname) AS finding,
		pg_catalog.format('ALTER ROLE %I NOLOGIN; -- or NOSUPERUSER; keep one way in as superuser', r.rolname) AS mend
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
	SELECT 'warning', 'replication',
		pg_catalog.format('Role %s may start replication: a replication connection reads pages past every policy.', r.rolname),
		pg_catalog.format('ALTER ROLE %I NOREPLICATION; -- or allow it in pg_hba.conf from the standby only.', r.rolname)
	FROM pg_catalog.pg_roles r WHERE r.rolreplication AND r.rolcanlogin AND NOT r.rolsuper
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
	FROM (VALUES ('casus_owner'), ('casus_admin'), ('casus_auditor'), ('casus_analyst'), ('casus_backup')) n(name)
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
	FROM pg_catalog.pg_extension e WHERE e.extname IN ('dblink', 'postgres_fdw', 'file_fdw', 'adminpack', 'pageinspect', 'pg_surgery', 'pg_walinspect', 'pg_buffercache', 'lo')
	UNION ALL
	SELECT 'warning', 'foreign_server',
		pg_catalog.format('Foreign server %s: rows written there leave the protocol.', s.srvname),
		pg_catalog.format('DROP SERVER %I; -- or see that no reader has USAGE on it', s.srvname)
	FROM pg_catalog.pg_foreign_server s
	UNION ALL
	SELECT 'warning', 'replication_slot',
		pg_catalog.format('Replication slot %s: logical decoding reads changes past every policy, and a physical one keeps WAL with rows already destroyed.', s.slot_name),
		pg_catalog.format('SELECT pg_drop_replication_slot(%L); -- where nothing needs it', s.slot_name)
	FROM pg_catalog.pg_replication_slots s;
COMMENT ON VIEW casus_int.role_finding IS 'Findings of casus.doctor() about roles, languages and ways out of the cluster.';
REVOKE ALL ON casus_int.role_finding FROM PUBLIC;
GRANT SELECT ON casus_int.role_finding TO casus_admin, casus_auditor;

/* ---- findings about protected tables ---- */

CREATE VIEW casus_int.table_finding AS
	SELECT 'critical'::text AS severity, 'not_fenced'::text AS code,
		pg_catalog.format('Table %s is labelled but not fenced: reads are refused.', p.relation) AS finding,
		pg_catalog.format('SELECT casus.bind(%L, ''enforce'');', p.relation) AS mend
	FROM casus_int.protected p WHERE p.mode = 'enforce' AND NOT p.is_fenced AND p.has_settings
	UNION ALL
	SELECT 'critical', 'no_settings',
		pg_catalog.format('Table %s has labels and no settings: a copy of a protected table, or one restored without security labels. Reads are refused.', p.relation),
		pg_catalog.format('DROP TABLE %s; -- and restore it with its security labels, if it was no copy', p.relation)
	FROM casus_int.protected p WHERE NOT p.has_settings
	UNION ALL
	SELECT 'critical', 'lost_key',
		pg_catalog.format('A foreign key by which rows of table %s find their dossier is gone: nothing can be inserted.', p.relation),
		pg_catalog.format('ALTER TABLE %s ADD FOREIGN KEY (%I) REFERENCES <parent>;', p.relation,
			(SELECT a.attname FROM pg_catalog.pg_seclabel s JOIN pg_catalog.pg_attribute a ON a.attrelid = s.objoid AND a.attnum = s.objsubid
				WHERE s.provider = 'casus' AND s.classoid = 'pg_catalog.pg_class'::regclass AND s.objoid = p.relid AND s.label LIKE '%"use":"via"%'
					AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = p.relid AND k.contype = 'f' AND a.attnum = ANY (k.conkey))
				LIMIT 1))
	FROM casus_int.protected p WHERE p.lost_key
	UNION ALL
	SELECT 'warning', 'left_open',
		pg_catalog.format('Table %s is in mode %s: nothing is filtered.', p.relation, p.mode),
		pg_catalog.format('SELECT casus.bind(%L, ''enforce'');', p.relation)
	FROM casus_int.protected p WHERE p.mode IN ('registered', 'observe')
	UNION ALL
	SELECT 'critical', 'other_installation',
		pg_catalog.format('Table %s belongs to another installation of casus: its rows are denied.', p.relation),
		'Restore it together with the state of casus.'
	FROM casus_int.protected p WHERE p.is_foreign
	UNION ALL
	SELECT 'warning', 'superuser_view',
		pg_catalog.format('View %s on protected table %s is owned by superuser %s.', v.oid::regclass, p.relation, r.rolname),
		pg_catalog.format('ALTER VIEW %s SET (security_invoker = true); -- or OWNER TO the owner of the table', v.oid::regclass)
	FROM casus_int.protected p
	JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = p.relid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
	JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid
	JOIN pg_catalog.pg_class v ON v.oid = w.ev_class AND v.relkind = 'v'
	JOIN pg_catalog.pg_roles r ON r.oid = v.relowner AND r.rolsuper
	GROUP BY v.oid, p.relation, r.rolname
	UNION ALL
	SELECT 'critical', 'materialized',
		pg_catalog.format('Materialized view %s holds a copy of rows of protected table %s.', v.oid::regclass, p.relation),
		pg_catalog.format('DROP MATERIALIZED VIEW %s;', v.oid::regclass)
	FROM casus_int.protected p
	JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = p.relid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
	JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid
	JOIN pg_catalog.pg_class v ON v.oid = w.ev_class AND v.relkind = 'm'
	GROUP BY v.oid, p.relation
	UNION ALL
	SELECT 'critical', 'publication',
		pg_catalog.format('Publication %s sends rows of protected table %s to subscribers.', u.pubname, p.relation),
		pg_catalog.format('ALTER PUBLICATION %I DROP TABLE %s;', u.pubname, p.relation)
	FROM casus_int.protected p
	JOIN pg_catalog.pg_class c ON c.oid = p.relid
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_catalog.pg_publication_tables u ON u.schemaname = n.nspname AND u.tablename = c.relname
	UNION ALL
	SELECT 'critical', 'later_trigger',
		pg_catalog.format('Trigger %s of table %s runs after the one of casus and could change the row again.', t.tgname, p.relation),
		pg_catalog.format('ALTER TRIGGER %I ON %s RENAME TO %I;', t.tgname, p.relation, pg_catalog.left('before_' || t.tgname, 63))
	FROM casus_int.protected p JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.relid
	WHERE NOT t.tgisinternal AND t.tgtype & 3 = 3 AND t.tgname COLLATE "C" > '~casus_row'
	UNION ALL
	SELECT 'note', 'statistics',
		pg_catalog.format('Table %s keeps statistics of %s columns of text or dates: a superuser finds values of governed rows in pg_statistic.', p.relation, pg_catalog.count(*)),
		pg_catalog.format('ALTER TABLE %s %s;', p.relation,
			pg_catalog.string_agg(pg_catalog.format('ALTER COLUMN %I SET STATISTICS 0', a.attname), ', ' ORDER BY a.attnum))
	FROM casus_int.protected p JOIN pg_catalog.pg_attribute a ON a.attrelid = p.relid
	JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
	WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'casus_label'
		AND coalesce(a.attstattarget, -1) <> 0 AND t.typcategory IN ('S', 'D')
	GROUP BY p.relation
	UNION ALL
	SELECT 'note', 'link_table',
		pg_catalog.format('Rows of %s are reached from protected table %s but are not protected themselves: whoever may read %s sees them whatever their dossier.', o.oid::regclass, p.relation, o.oid::regclass),
		pg_catalog.format('SELECT casus.protect(%L, ''...'', via_child => ''...''); -- where they hold data of one dossier; an n:m link protects its own rows only', o.oid::regclass)
	FROM casus_int.protected p
	JOIN pg_catalog.pg_constraint k ON k.contype = 'f' AND k.conrelid = p.relid
	JOIN pg_catalog.pg_class o ON o.oid = k.confrelid
	JOIN pg_catalog.pg_constraint k2 ON k2.contype = 'f' AND k2.conrelid = p.relid
	JOIN casus_int.protected q ON q.relid = k2.confrelid
	JOIN pg_catalog.pg_index x ON x.indrelid = p.relid AND x.indisunique AND x.indnkeyatts = 2
		AND k.conkey[1] = ANY (x.indkey) AND k2.conkey[1] = ANY (x.indkey)
	WHERE NOT EXISTS (SELECT FROM casus_int.protected z WHERE z.relid = o.oid)
	GROUP BY o.oid, p.relation
	UNION ALL
	SELECT 'warning', 'open_child',
		pg_catalog.format('Table %s refers to protected table %s and is not protected: its rows tell that a dossier''s rows exist.', k.conrelid::regclass, p.relation),
		pg_catalog.format('SELECT casus.protect(%L, ''...'', via => %L);', k.conrelid::regclass,
			(SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1]))
	FROM casus_int.protected p
	JOIN pg_catalog.pg_constraint k ON k.contype = 'f' AND k.confrelid = p.relid
	WHERE NOT EXISTS (SELECT FROM casus_int.protected q WHERE q.relid = k.conrelid);
COMMENT ON VIEW casus_int.table_finding IS 'Findings of casus.doctor() about protected tables and what hangs on them.';
REVOKE ALL ON casus_int.table_finding FROM PUBLIC;
GRANT SELECT ON casus_int.table_finding TO casus_admin, casus_auditor;

CREATE FUNCTION casus.doctor() RETURNS TABLE (severity text, code text, finding text, mend text)
	LANGUAGE sql
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT f.severity, f.code, f.finding, f.mend
	FROM (SELECT * FROM casus_int.inner_findings() i
		UNION ALL SELECT * FROM casus_int.role_finding
		UNION ALL SELECT * FROM casus_int.table_finding) f
	ORDER BY pg_catalog.array_position(ARRAY['critical', 'warning', 'note'], f.severity), f.code, f.finding;
END;
COMMENT ON FUNCTION casus.doctor() IS
	'Everything found that weakens the promise: severity (critical, warning, note), a stable code, what was found, how to mend it. An empty answer is not a proof: the server''s operating-system account and its backups are not seen from here. For casus_admin and casus_auditor.';
REVOKE ALL ON FUNCTION casus.doctor() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.doctor() TO casus_admin, casus_auditor;
