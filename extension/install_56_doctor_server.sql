/*
 * install_56_doctor_server.sql
 *		What casus.doctor() finds in the settings of the server, and in the
 *		state of casus: files, persons, openings.
 */

/* ---- the server: read as a superuser would, by casus_int.server_findings() alone ---- */

/*
 * A function in FROM is written out with the names of all its columns, and later
 * releases have more of them: pg_upgrade makes the view by that text.
 */
CREATE VIEW casus_int.hba_rule AS
	SELECT (f.rule).line_number, (f.rule).type, (f.rule).database, (f.rule).user_name, (f.rule).address, (f.rule).netmask, (f.rule).auth_method, (f.rule).error
	FROM (SELECT pg_catalog.pg_hba_file_rules() AS rule) f;
COMMENT ON VIEW casus_int.hba_rule IS 'Lines of the client authentication file; for casus_int.server_finding alone.';
REVOKE ALL ON casus_int.hba_rule FROM PUBLIC;

CREATE VIEW casus_int.server_finding AS
	SELECT CASE WHEN h.type = 'local' OR h.address IN ('127.0.0.1', '::1') THEN 'warning' ELSE 'critical' END AS severity, 'hba_trust'::text AS code,
		pg_catalog.format('Line %s of the client authentication file lets %s into database %s without a password (%s).', h.line_number,
			pg_catalog.array_to_string(h.user_name, ', '), pg_catalog.array_to_string(h.database, ', '), pg_catalog.concat_ws(' ', h.type, h.address)) AS finding,
		'Write scram-sha-256, peer or cert there; SELECT pg_reload_conf();'::text AS mend
	FROM casus_int.hba_rule h WHERE h.auth_method = 'trust' AND h.error IS NULL
	UNION ALL
	-- A standby needs one: a line that names its role and its address alone is as it must be.
	SELECT CASE WHEN h.type = 'local' OR h.address IN ('127.0.0.1', '::1', 'samehost')
			OR h.user_name[1] OPERATOR(pg_catalog.!~) '^(all$|\+|/)' AND pg_catalog.cardinality(h.user_name) = 1
				AND (h.netmask IN ('255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff') OR h.netmask IS NULL AND h.address OPERATOR(pg_catalog.!~) '^(\.|all$|samenet$)')
		THEN 'note' ELSE 'warning' END, 'hba_replication',
		pg_catalog.format('Line %s of the client authentication file admits replication for %s (%s): it reads pages past every policy.', h.line_number,
			pg_catalog.array_to_string(h.user_name, ', '), pg_catalog.concat_ws(' ', h.type, h.address)),
		'Name the role and the address of the standby there, or remove the line; SELECT pg_reload_conf();'
	FROM casus_int.hba_rule h WHERE 'replication' = ANY (h.database) AND h.auth_method <> 'reject' AND h.error IS NULL
	UNION ALL
	SELECT 'warning', 'hba_password',
		pg_catalog.format('Line %s of the client authentication file takes %s passwords.', h.line_number, CASE h.auth_method WHEN 'md5' THEN 'md5' ELSE 'plain' END),
		'Write scram-sha-256 there; SELECT pg_reload_conf();'
	FROM casus_int.hba_rule h WHERE h.auth_method IN ('password', 'md5') AND h.error IS NULL
	UNION ALL
	SELECT 'note', 'hba_error', pg_catalog.format('Line %s of the client authentication file has an error: the rules before the last reload hold.', h.line_number),
		'SELECT * FROM pg_hba_file_rules WHERE error IS NOT NULL;'
	FROM casus_int.hba_rule h WHERE h.error IS NOT NULL
	UNION ALL
	SELECT 'critical', 'preload_lost', 'The configuration no longer preloads casus: after the next restart nothing is guarded.',
		'Put casus back into shared_preload_libraries.'
	FROM (SELECT f.setting FROM pg_catalog.pg_show_all_file_settings() f WHERE f.name = 'shared_preload_libraries' ORDER BY f.seqno DESC LIMIT 1) l
	WHERE l.setting OPERATOR(pg_catalog.!~) '(^|[ ,/"])casus($|[ ,."])'
	UNION ALL
	SELECT l.severity, l.code, pg_catalog.format(l.finding, s.name, s.setting), pg_catalog.format(l.mend, s.name)
	FROM pg_catalog.pg_show_all_settings() s,
	LATERAL (VALUES
		('critical', 'system_table_mods', 'allow_system_table_mods', s.setting = 'on',
			'%s is on: the catalogs in which every protection stands can be altered.', 'ALTER SYSTEM RESET %I; -- and restart'),
		('warning', 'statement_log', 'log_statement', s.setting <> 'none',
			'%s = %s writes statements, with what they look for, to the server log.', 'ALTER SYSTEM RESET %I; SELECT pg_reload_conf();'),
		('warning', 'statement_log', 'log_min_duration_statement', s.setting <> '-1',
			'%s = %s writes slow statements, with what they look for, to the server log.', 'ALTER SYSTEM RESET %I; SELECT pg_reload_conf();'),
		('warning', 'statement_log', 'log_min_duration_sample', s.setting <> '-1',
			'%s = %s writes statements, with what they look for, to the server log.', 'ALTER SYSTEM RESET %I; SELECT pg_reload_conf();'),
		('warning', 'statement_log', 'log_transaction_sample_rate', s.setting <> '0',
			'%s = %s writes statements, with what they look for, to the server log.', 'ALTER SYSTEM RESET %I; SELECT pg_reload_conf();'),
		('note', 'error_log', 'log_min_error_statement', s.setting NOT IN ('log', 'fatal', 'panic'),
			'%s = %s writes statements that fail, with what they look for, to the server log.', 'ALTER ROLE <role> SET %I = panic; -- for each role of an application; ALTER SYSTEM would take the failed statements of all from the server log'),
		('warning', 'parameter_log', 'log_parameter_max_length_on_error', s.setting <> '0',
			'%s = %s writes the parameters of statements that fail to the server log.', 'ALTER SYSTEM SET %I = 0; SELECT pg_reload_conf();'),
		('warning', 'auto_explain', 'auto_explain.log_min_duration', s.setting <> '-1',
			'%s = %s writes plans, with what they look for, to the server log.', 'ALTER SYSTEM RESET %I; SELECT pg_reload_conf();'),
		('warning', 'debug_print', 'debug_print_parse', s.setting = 'on', '%s is on: statements go to the server log.', 'ALTER SYSTEM RESET %I; SELECT pg_reload_conf();'),
		('warning', 'debug_print', 'debug_print_rewritten', s.setting = 'on', '%s is on: statements go to the server log.', 'ALTER SYSTEM RESET %I; SELECT pg_reload_conf();'),
		('warning', 'debug_print', 'debug_print_plan', s.setting = 'on', '%s is on: statements go to the server log.', 'ALTER SYSTEM RESET %I; SELECT pg_reload_conf();'),
		('note', 'log_file_mode', 'log_file_mode', pg_catalog.right(s.setting, 2) <> '00',
			'%s = %s: other accounts of the machine may read the server log.', 'ALTER SYSTEM SET %I = ''0600''; SELECT pg_reload_conf();'),
		('warning', 'no_ssl', 'ssl', s.setting = 'off' AND pg_catalog.current_setting('listen_addresses') <> '',
			'%s is off while the server listens on the network: rows travel in the clear.', 'ALTER SYSTEM SET %I = on; -- with a certificate; SELECT pg_reload_conf();'),
		('note', 'password_encryption', 'password_encryption', s.setting = 'md5', '%s = %s: passwords are kept as md5.',
			'ALTER SYSTEM SET %I = ''scram-sha-256''; SELECT pg_reload_conf(); -- and set the passwords anew'),
		('note', 'wal_logical', 'wal_level', s.setting = 'logical', '%s = %s: with a slot the changes of protected tables can be decoded.',
			'ALTER SYSTEM SET %I = replica; -- where nothing needs it; and restart'),
		('note', 'wal_archive', 'archive_mode', s.setting <> 'off', '%s = %s: the archive keeps rows that the protocol has had destroyed.',
			'Give the archive a term of its own, shorter than the shortest of the protocol. -- %s'),
		('note', 'library_path', 'dynamic_library_path', s.setting <> '$libdir', '%s is not the default: libraries are looked for elsewhere.', 'ALTER SYSTEM RESET %I; SELECT pg_reload_conf();'),
		('note', 'library_path', 'extension_control_path', s.setting <> '$system', '%s is not the default: extensions are looked for elsewhere.', 'ALTER SYSTEM RESET %I; SELECT pg_reload_conf();')
	) l(severity, code, name, is_found, finding, mend)
	WHERE l.name = s.name AND l.is_found
	UNION ALL
	SELECT 'note', 'other_library', pg_catalog.format('Library %s runs in the server beside casus (%s): what it does is not guarded.', b.library, s.name),
		pg_catalog.format('Take it out of %s where nothing needs it.', s.name)
	FROM pg_catalog.pg_show_all_settings() s, LATERAL (SELECT pg_catalog.btrim(x.part, ' "') FROM pg_catalog.regexp_split_to_table(s.setting, ',') x(part)) b(library)
	WHERE s.name IN ('shared_preload_libraries', 'session_preload_libraries', 'local_preload_libraries')
		AND b.library NOT IN ('', 'casus', '$libdir/casus', 'pg_stat_statements', 'auto_explain', 'pgaudit', '$libdir/plugins/casus')
	UNION ALL
	SELECT c.severity, c.code, c.finding, c.mend FROM casus_int.chain_finding c;
COMMENT ON VIEW casus_int.server_finding IS 'Findings of casus.doctor() about the server''s settings; for casus_int.server_findings() alone.';
REVOKE ALL ON casus_int.server_finding FROM PUBLIC;

CREATE FUNCTION casus_int.server_findings(OUT severity text, OUT code text, OUT finding text, OUT mend text) RETURNS SETOF record
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_server_findings';
COMMENT ON FUNCTION casus_int.server_findings() IS
	'What casus_int.server_finding shows to a superuser: the client authentication file and settings that others may not read.';
REVOKE ALL ON FUNCTION casus_int.server_findings() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.server_findings() TO casus_admin, casus_auditor;

/* ---- the state of casus ---- */

CREATE VIEW casus_int.log_term WITH (security_barrier) AS
	SELECT f.name AS file, p.name AS protocol, p.definition -> 'log' ->> 'article' AS article, p.definition -> 'log' ->> 'parameter' AS parameter,
		CASE WHEN pg_catalog.jsonb_typeof(v.months) = 'number' AND (v.months #>> '{}')::numeric BETWEEN 1 AND 1200
			THEN pg_catalog.ceil((v.months #>> '{}')::numeric)::integer END AS months
	FROM casus_cat.file f JOIN casus_cat.protocol p ON p.id = f.protocol,
		LATERAL (SELECT coalesce(p.definition -> 'log' -> 'months', f.parameters -> (p.definition -> 'log' ->> 'parameter'))) v(months)
	WHERE f.activated_at IS NOT NULL AND p.definition ? 'log';
COMMENT ON VIEW casus_int.log_term IS 'How many months the activated files of this database keep the access log, by their protocol; NULL: it leaves that to a parameter that the file has not set, so for ever. Files whose protocol does not say are not in it.';

CREATE VIEW casus_int.log_retention AS
	SELECT s.setting::integer AS minutes FROM pg_catalog.pg_settings s WHERE s.name = 'casus.log_retention';
COMMENT ON VIEW casus_int.log_retention IS 'How long this node keeps the access log at least; 0: for ever.';

CREATE FUNCTION casus_int.log_terms_unknown() RETURNS SETOF text
	LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_log_terms_unknown';
COMMENT ON FUNCTION casus_int.log_terms_unknown() IS 'Databases that allow no connections and whose term for the access log nobody has found since the start of the server.';
REVOKE ALL ON FUNCTION casus_int.log_terms_unknown() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.log_terms_unknown() TO casus_admin, casus_auditor;

CREATE VIEW casus_int.state_finding WITH (security_barrier) AS
	SELECT 'warning'::text AS severity, 'role_gone'::text AS code,
		pg_catalog.format('Person %s has the role %s, and that role is gone or another one now.', p.name, r.role_name) AS finding,
		pg_catalog.format('SELECT casus.bind_person(%L, role => ''...'');', p.name) AS mend
	FROM casus_cat.person_role r JOIN casus_cat.person p ON p.id = r.person
	WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles g WHERE g.oid = r.role_oid AND g.rolname = r.role_name)
	UNION ALL
	SELECT 'note', 'person_unbound', pg_catalog.format('Person %s holds an appointment but has no database role.', p.name),
		pg_catalog.format('SELECT casus.bind_person(%L, role => ''...'');', p.name)
	FROM casus_cat.person p WHERE NOT EXISTS (SELECT FROM casus_cat.person_role r WHERE r.person = p.id)
		AND EXISTS (SELECT FROM casus_cat.appointment a WHERE a.person = p.id AND (a.ends IS NULL OR a.ends > pg_catalog.clock_timestamp()))
	UNION ALL
	SELECT 'warning', 'person_bypasses', pg_catalog.format('Person %s logs in with a role that is a superuser or has BYPASSRLS.', p.name),
		'Give the person a role of his own without these attributes.'
	FROM casus_cat.person_role r JOIN casus_cat.person p ON p.id = r.person
	JOIN pg_catalog.pg_roles g ON g.oid = r.role_oid WHERE g.rolsuper OR g.rolbypassrls
	UNION ALL
	SELECT 'warning', 'person_lent', pg_catalog.format('Role %s can act as person %s by SET ROLE %s.', m.member::regrole, p.name, r.role_name),
		pg_catalog.format('REVOKE %I FROM %s;', r.role_name, m.member::regrole)
	FROM casus_cat.person_role r JOIN casus_cat.person p ON p.id = r.person
	JOIN pg_catalog.pg_auth_members m ON m.roleid = r.role_oid
	UNION ALL
	SELECT 'warning', 'admin_office', pg_catalog.format('Person %s is a %s and holds an office in file %s.', p.name, g.rolname, f.name),
		pg_catalog.format('REVOKE %I FROM %I; -- who sets up, keeps a copy or judges the log does not decide on cases', g.rolname, r.role_name)
	FROM casus_cat.person_role r JOIN casus_cat.person p ON p.id = r.person
	JOIN pg_catalog.pg_roles o ON o.oid = r.role_oid AND NOT o.rolsuper
	JOIN pg_catalog.pg_roles g ON g.rolname IN ('casus_admin', 'casus_auditor', 'casus_backup', 'casus_collector')
	JOIN casus_cat.file f ON EXISTS (SELECT FROM casus_cat.appointment a JOIN casus_cat.office c ON c.protocol = f.protocol AND c.code = a.office
		WHERE a.file = f.id AND a.person = p.id AND a.starts <= pg_catalog.clock_timestamp() AND (a.ends IS NULL OR a.ends > pg_catalog.clock_timestamp())
			AND (g.rolname <> 'casus_auditor' OR c.inspects IS NULL))
	WHERE pg_catalog.pg_has_role(r.role_oid, g.oid, 'MEMBER')
	UNION ALL
	SELECT 'warning', 'not_activated', pg_catalog.format('File %s is not activated: no dossier opens and nobody enters.', f.name),
		pg_catalog.format('SELECT casus.activate_protocol(%L, dpia => ''...'', parameters => ''{}'');  -- which ones: SELECT definition -> ''parameters'' FROM casus.protocol', f.name)
	FROM casus_cat.file f WHERE f.activated_at IS NULL
	UNION ALL
	SELECT 'warning', 'log_no_term',
		pg_catalog.format('File %s has not set how long the access log is kept, so nothing of it ever goes.', t.file),
		pg_catalog.format('SELECT casus.set_parameter(%L, %L, ''60'');  -- months; %s', t.file, t.parameter, t.article)
	FROM casus_int.log_term t, casus_int.log_retention r WHERE t.months IS NULL AND r.minutes > 0
	UNION ALL
	SELECT 'warning', 'log_term_unknown',
		pg_catalog.format('Database %s allows no connections, so nobody knows how long it keeps the access log, and nothing of it goes.', u.name),
		pg_catalog.format('ALTER DATABASE %I ALLOW_CONNECTIONS true; -- until this finding is gone; or DROP DATABASE %I', u.name, u.name)
	FROM casus_int.log_terms_unknown() AS u(name), casus_int.log_retention r WHERE r.minutes > 0
	UNION ALL
	SELECT 'note', 'log_kept', pg_catalog.format('File %s keeps the access log for %s months, and casus.log_retention does not: nothing of it ever goes.', t.file, t.months),
		pg_catalog.format('ALTER SYSTEM SET casus.log_retention = ''%sd''; -- and restart; then casus.purge_log() now and then', (t.months * 30.5)::integer)
	FROM casus_int.log_term t, casus_int.log_retention r WHERE t.months IS NOT NULL AND r.minutes = 0
	UNION ALL
	SELECT 'note', 'log_term', pg_catalog.format('File %s binds: by %s art. %s the access log is kept for %s months, longer than casus.log_retention (%s days).',
			t.file, t.protocol, t.article, t.months, r.minutes / 1440),
		'Leave it so, or set casus.log_retention to as much.'
	FROM (SELECT * FROM casus_int.log_term WHERE months IS NOT NULL ORDER BY months DESC, file LIMIT 1) t, casus_int.log_retention r
	WHERE r.minutes > 0 AND pg_catalog.now() - pg_catalog.make_interval(months => t.months) < pg_catalog.now() - pg_catalog.make_interval(mins => r.minutes)
	UNION ALL
	SELECT 'note', 'second_person', pg_catalog.format('File %s asks no second person to confirm acts that widen access.', f.name),
		'This version asks none. Let somebody else than the admin look at casus.act_log regularly.'
	FROM casus_cat.file f WHERE f.second_person = 'none'
	UNION ALL
	SELECT 'note', 'no_decider', pg_catalog.format('File %s has nobody in office %s, which decides its gates.', f.name, o.name),
		pg_catalog.format('SELECT casus.appoint(''...'', %L, NULL, %L);', f.name, o.name)
	FROM casus_cat.file f JOIN casus_cat.office o ON o.protocol = f.protocol AND o.level = 'file'
	WHERE EXISTS (SELECT FROM casus_cat.gate g WHERE g.protocol = o.protocol AND g.office = o.code)
		AND NOT EXISTS (SELECT FROM casus_cat.appointment a WHERE a.file = f.id AND a.office = o.code
			AND a.starts <= pg_catalog.clock_timestamp() AND (a.ends IS NULL OR a.ends > pg_catalog.clock_timestamp()))
	UNION ALL
	SELECT 'warning', 'no_reviewer', pg_catalog.format('File %s has nobody in an office that reviews break-glass: the first one blocks all that follow.', f.name),
		pg_catalog.format('SELECT casus.appoint(''...'', %L, NULL, %L);', f.name,
			(SELECT pg_catalog.min(o.name) FROM casus_cat.office o WHERE o.protocol = f.protocol AND o.reviews))
	FROM casus_cat.file f WHERE f.activated_at IS NOT NULL
		AND NOT EXISTS (SELECT FROM casus_cat.appointment a JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = a.office
			WHERE a.file = f.id AND o.reviews AND a.starts <= pg_catalog.clock_timestamp() AND (a.ends IS NULL OR a.ends > pg_catalog.clock_timestamp()))
	UNION ALL
	SELECT 'warning', 'break_glass_unreviewed', pg_catalog.format('Break-glass %s by role %s is over and has not been reviewed.', g.act, g.role_name),
		pg_catalog.format('SELECT casus.review_break_glass(%s, ''justified'', ''...'');', g.act)
	FROM casus_cat.opening g WHERE g.kind = 'break_glass' AND g.review IS NULL AND g.ends <= pg_catalog.clock_timestamp()
	UNION ALL
	SELECT 'note', 'break_glass_open', pg_catalog.format('Dossier %s is open to role %s until %s by %s.', g.dossier, g.role_name,
			pg_catalog.to_char(g.ends AT TIME ZONE 'Europe/Amsterdam', 'YYYY-MM-DD HH24:MI "(Amsterdam)"'), CASE g.kind WHEN 'inspect' THEN 'inspection' ELSE 'break-glass' END),
		'SELECT * FROM casus.opening WHERE is_open;'
	FROM casus_cat.opening g WHERE g.ends > pg_catalog.clock_timestamp() AND casus_int.sees_opening(g.file, g.person, g.role_name)
	UNION ALL
	SELECT 'note', 'break_glass_open', pg_catalog.format('File %s: dossiers are open beside the rules (%s of those that you may not know of).',
			f.name, pg_catalog.count(DISTINCT g.dossier)),
		'A casus_auditor finds here which, and so do the offices of the file that review or inspect, in casus.opening.'
	FROM casus_cat.opening g JOIN casus_cat.file f ON f.id = g.file
	WHERE g.ends > pg_catalog.clock_timestamp() AND NOT casus_int.sees_opening(g.file, g.person, g.role_name)
	GROUP BY f.name
	UNION ALL
	SELECT 'warning', 'dossier_not_ended', pg_catalog.format('Dossier %s of file %s: gate %s has decided that it ends, since %s, and it is still in phase %s, read as before.',
			d.id, f.name, g.name, e.since, h.name),
		pg_catalog.format('SELECT casus.advance(%s, %L); -- or the gate is decided otherwise; its terms run from that day', d.id, t.name)
	FROM casus_int.ending e JOIN casus_cat.dossier d ON d.id = e.dossier JOIN casus_cat.file f ON f.id = d.file
	JOIN casus_cat.gate g ON g.protocol = e.protocol AND g.code = e.gate
	JOIN casus_cat.phase h ON h.protocol = e.protocol AND h.code = d.phase
	JOIN casus_cat.phase t ON t.protocol = e.protocol AND t.code = e.to_phase
	WHERE e.since < (pg_catalog.clock_timestamp() AT TIME ZONE 'Europe/Amsterdam')::date AND casus_int.sees_dossier(d.id)
	UNION ALL
	SELECT 'warning', 'dossier_not_ended', pg_catalog.format('File %s: gates have decided that dossiers end (%s of those that you may not know of), and they have not ended, read as before.',
			f.name, pg_catalog.count(DISTINCT d.id)),
		'A casus_auditor finds here which; an office of the file ends them by casus.advance, or decides otherwise. Their terms run from the day of the decision.'
	FROM casus_int.ending e JOIN casus_cat.dossier d ON d.id = e.dossier JOIN casus_cat.file f ON f.id = d.file
	WHERE e.since < (pg_catalog.clock_timestamp() AT TIME ZONE 'Europe/Amsterdam')::date AND NOT casus_int.sees_dossier(d.id)
	GROUP BY f.name
	UNION ALL
	SELECT 'note', 'standing_purpose', pg_catalog.format('Person %s reads file %s for purpose %s without saying so each time.', p.name, f.name, u.name),
		pg_catalog.format('SELECT casus.end_appointment(%s); -- and appoint without standing_purpose', a.id)
	FROM casus_cat.appointment a JOIN casus_cat.person p ON p.id = a.person JOIN casus_cat.file f ON f.id = a.file
	JOIN casus_cat.purpose u ON u.protocol = f.protocol AND u.code = a.standing_purpose
	WHERE a.starts <= pg_catalog.clock_timestamp() AND (a.ends IS NULL OR a.ends > pg_catalog.clock_timestamp());
COMMENT ON VIEW casus_int.state_finding IS 'Findings of casus.doctor() about files, persons, dossiers and openings.';
REVOKE ALL ON casus_int.state_finding FROM PUBLIC;
GRANT SELECT ON casus_int.state_finding TO casus_admin, casus_auditor;
