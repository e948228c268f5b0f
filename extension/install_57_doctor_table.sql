/*
 * install_57_doctor_table.sql
 *		What casus.doctor() finds about protected tables and what hangs on them.
 */

/*
 * Views are followed through views: what stands on a view of a protected table
 * reaches it too.  columns: what a copy of a table has in common with it.
 */
CREATE VIEW casus_int.table_finding AS
	WITH RECURSIVE prot AS MATERIALIZED (
		SELECT p.relid, p.relation, p.mode, p.is_fenced, p.is_foreign, p.has_settings, p.lost_key,
			p.lost_function, p.whole, p.whole <> p.relid AS is_part,
			CASE WHEN p.mode = 'enforce' THEN pg_catalog.format('SELECT casus.maintenance(%L, ''<reason>''); ', p.relation) ELSE '' END AS maintain
		FROM casus_int.protected p
	), way(relid, relation, through) AS (
		SELECT p.relid, p.relation, p.relid FROM prot p
		UNION
		SELECT y.relid, y.relation, w.ev_class
		FROM way y
		JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = y.through AND d.classid = 'pg_catalog.pg_rewrite'::regclass
		JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid AND w.ev_class <> y.through
	), reached AS MATERIALIZED (
		SELECT y.relid, y.relation, y.through FROM way y WHERE y.through <> y.relid
	), columns AS MATERIALIZED (
		SELECT a.attrelid AS relid, pg_catalog.array_agg(pg_catalog.format('%s %s', a.attname, a.atttypid)) AS names
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f')
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'casus_cat')
		WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'casus_label'
		GROUP BY a.attrelid
	)
	SELECT 'critical'::text AS severity, 'not_fenced'::text AS code,
		pg_catalog.format('Table %s is labelled but not fenced: reads are refused.', p.relation) AS finding,
		pg_catalog.format('SELECT casus.bind(%L, ''enforce'');', p.whole) AS mend
	FROM prot p WHERE p.mode = 'enforce' AND NOT p.is_fenced AND p.has_settings
	UNION ALL
	SELECT 'critical', 'no_settings',
		pg_catalog.format('Table %s has labels and no settings: a copy of a protected table, or one restored without security labels. Reads are refused.', p.relation),
		pg_catalog.format('DROP TABLE %s; -- and restore it with its security labels, if it was no copy', p.relation)
	FROM prot p WHERE NOT p.has_settings
	UNION ALL
	SELECT 'critical', 'lost_key',
		pg_catalog.format('A foreign key by which rows of table %s find their dossier is gone: nothing can be inserted.', p.relation),
		p.maintain || pg_catalog.format('ALTER TABLE %s ADD FOREIGN KEY (%I) REFERENCES <parent>; -- DEFERRABLE INITIALLY DEFERRED if it was', p.relation,
			(SELECT a.attname FROM pg_catalog.pg_seclabel s JOIN pg_catalog.pg_attribute a ON a.attrelid = s.objoid AND a.attnum = s.objsubid
				WHERE s.provider = 'casus' AND s.classoid = 'pg_catalog.pg_class'::regclass AND s.objoid = p.relid AND s.label LIKE '%"use":"via"%'
					AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = p.relid AND k.contype = 'f' AND a.attnum = ANY (k.conkey))
				LIMIT 1))
	FROM prot p WHERE p.lost_key AND NOT p.is_part
	UNION ALL
	SELECT 'critical', 'lost_function',
		pg_catalog.format('The function that names the dossiers of rows of table %s is gone, or not what casus.protect asks for: nothing can be inserted.', p.relation),
		pg_catalog.format('SELECT casus.maintenance(%L, ''...''); ALTER FUNCTION ...; -- back to its name, IMMUTABLE or STABLE, of the table''s owner, SECURITY INVOKER', p.relation)
	FROM prot p WHERE p.lost_function AND NOT p.is_part
	UNION ALL
	SELECT 'warning', 'left_open',
		pg_catalog.format('Table %s is in mode %s: nothing is filtered.', p.relation, p.mode),
		pg_catalog.format('SELECT casus.bind(%L, ''enforce''); -- the table that it gets its labels from first', p.relation)
	FROM prot p WHERE p.mode IN ('registered', 'observe') AND NOT p.is_part
	UNION ALL
	SELECT 'critical', 'other_installation',
		pg_catalog.format('Table %s belongs to another installation of casus: its rows are denied.', p.relation),
		'Restore it together with the state of casus.'
	FROM prot p WHERE p.is_foreign
	UNION ALL
	SELECT 'warning', 'superuser_view',
		pg_catalog.format('View %s on protected table %s is owned by superuser %s.', v.oid::regclass, p.relation, r.rolname),
		pg_catalog.format('ALTER VIEW %s SET (security_invoker = true); -- or OWNER TO the owner of the table', v.oid::regclass)
	FROM reached p JOIN pg_catalog.pg_class v ON v.oid = p.through AND v.relkind = 'v'
	JOIN pg_catalog.pg_roles r ON r.oid = v.relowner AND r.rolsuper
	GROUP BY v.oid, p.relation, r.rolname
	UNION ALL
	SELECT 'warning', 'materialized',
		pg_catalog.format('Materialized view %s holds rows of protected table %s: governed ones too, if it was filled before that was bound.', v.oid::regclass, p.relation),
		pg_catalog.format('REFRESH MATERIALIZED VIEW %s; -- without a context: then it holds rows outside the protocol alone; the finding stays while it is filled', v.oid::regclass)
	FROM reached p JOIN pg_catalog.pg_class v ON v.oid = p.through AND v.relkind = 'm' AND v.relispopulated
	GROUP BY v.oid, p.relation
	UNION ALL
	SELECT 'critical', 'publication',
		pg_catalog.format('Publication %s sends rows of protected table %s to subscribers.', u.pubname, p.relation),
		pg_catalog.format('ALTER PUBLICATION %I DROP TABLE %s;', u.pubname, p.relation)
	FROM prot p
	JOIN pg_catalog.pg_class c ON c.oid = p.relid
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_catalog.pg_publication_tables u ON u.schemaname = n.nspname AND u.tablename = c.relname
	UNION ALL
	SELECT 'critical', 'later_trigger',
		pg_catalog.format('Trigger %s of table %s runs after the one of casus and could change the row again.', t.tgname, p.relation),
		pg_catalog.format('ALTER TRIGGER %I ON %s RENAME TO %I;', t.tgname, p.relation, pg_catalog.left('before_' || t.tgname, 63))
	FROM prot p JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.relid
	WHERE NOT t.tgisinternal AND t.tgtype & 3 = 3 AND t.tgname COLLATE "C" > '~casus_row'
	UNION ALL
	SELECT 'note', 'statistics',
		pg_catalog.format('Table %s keeps statistics of %s columns of text or dates: estimates in EXPLAIN follow values of governed rows.', p.relation, pg_catalog.count(*)),
		pg_catalog.format('ALTER TABLE %s %s;', p.relation,
			pg_catalog.string_agg(pg_catalog.format('ALTER COLUMN %I SET STATISTICS 0', a.attname), ', ' ORDER BY a.attnum))
	FROM prot p JOIN pg_catalog.pg_attribute a ON a.attrelid = p.relid
	JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
	WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'casus_label'
		AND coalesce(a.attstattarget, -1) <> 0 AND t.typcategory IN ('S', 'D')
	GROUP BY p.relation
	UNION ALL
	SELECT 'note', 'link_table',
		pg_catalog.format('Rows of %s are reached from protected table %s but are not protected themselves: whoever may read %s sees them whatever their dossier.', o.oid::regclass, p.relation, o.oid::regclass),
		pg_catalog.format('SELECT casus.protect(%L, ''...'', via_link => %L);', o.oid::regclass, p.relation)
	FROM prot p
	JOIN pg_catalog.pg_constraint k ON k.contype = 'f' AND k.conrelid = p.relid
	JOIN pg_catalog.pg_class o ON o.oid = k.confrelid
	JOIN pg_catalog.pg_constraint k2 ON k2.contype = 'f' AND k2.conrelid = p.relid
	JOIN prot q ON q.relid = k2.confrelid
	JOIN pg_catalog.pg_index x ON x.indrelid = p.relid AND x.indisunique AND x.indnkeyatts = 2
		AND k.conkey[1] = ANY (x.indkey) AND k2.conkey[1] = ANY (x.indkey)
	WHERE NOT EXISTS (SELECT FROM prot z WHERE z.relid = o.oid)
	GROUP BY o.oid, p.relation
	UNION ALL
	SELECT 'warning', 'open_child',
		pg_catalog.format('Table %s refers to protected table %s and is not protected: its rows tell that a dossier''s rows exist%s.', k.conrelid::regclass, p.relation,
			(SELECT ', and columns look like personal data: ' || pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
				FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum > 0 AND NOT a.attisdropped AND casus_int.looks_personal(a.attname))),
		pg_catalog.format('SELECT casus.protect(%L, ''...'', via => %L);', k.conrelid::regclass,
			(SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1]))
	FROM prot p
	JOIN pg_catalog.pg_constraint k ON k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = p.relid
	WHERE NOT EXISTS (SELECT FROM prot q WHERE q.relid = k.conrelid)
	UNION ALL
	SELECT 'warning', 'look_alike',
		pg_catalog.format('Table %s has the columns of protected table %s and is not protected: a copy, made before?', o.oid::regclass, p.relation),
		pg_catalog.format('-- if it is a copy: DROP TABLE %s; or SELECT casus.protect(%L, ...);', o.oid::regclass, o.oid::regclass)
	FROM prot p JOIN columns n ON n.relid = p.relid AND pg_catalog.cardinality(n.names) > 3
	JOIN columns m ON m.names OPERATOR(pg_catalog.@>) n.names AND m.relid NOT IN (SELECT q.relid FROM prot q)
	JOIN pg_catalog.pg_class o ON o.oid = m.relid
	UNION ALL
	SELECT CASE WHEN e.elsewhere THEN 'warning' ELSE 'note' END, 'user_trigger',
		pg_catalog.format('Trigger %s of table %s calls %s, which sees governed rows as they are written%s.', t.tgname, p.relation, t.tgfoid::regprocedure,
			CASE WHEN e.elsewhere THEN ' and writes or sends something' ELSE '' END),
		CASE WHEN h.target IS NULL THEN '' ELSE pg_catalog.format('-- protect the history: SELECT casus.protect(%L, ''...'', dossier => ''...''); or ', h.target) END ||
			pg_catalog.format('-- where nothing needs what %s does: SELECT casus.maintenance(%L, ''<reason>''); DROP TRIGGER %I ON %s;', t.tgfoid::regprocedure, p.relation, t.tgname, p.relation)
	FROM prot p JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.relid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
	JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid
	CROSS JOIN LATERAL (SELECT f.prosrc OPERATOR(pg_catalog.~*) 'insert\s+into|execute|copy\s|dblink|pg_notify|notify\s') e(elsewhere)
	LEFT JOIN LATERAL (SELECT pg_catalog.min(o.target) AS target FROM casus_int.open_histories(p.relid) o WHERE o.name = t.tgname) h ON true
	WHERE f.pronamespace <> 'casus_int'::regnamespace AND t.tgfoid >= 16384
		AND (h.target IS NOT NULL OR f.prosrc OPERATOR(pg_catalog.!~*) 'insert\s+into' OR f.prosrc OPERATOR(pg_catalog.~*) 'execute|copy\s|dblink|pg_notify|notify\s')
	UNION ALL
	SELECT 'warning', 'disabled_trigger',
		pg_catalog.format('A trigger of table %s is disabled: %s.', p.relation, t.tgname),
		pg_catalog.format('ALTER TABLE %s ENABLE TRIGGER %I;', p.relation, t.tgname)
	FROM prot p JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.relid AND t.tgenabled = 'D' AND t.tgisinternal
	UNION ALL
	SELECT 'warning', 'rule',
		pg_catalog.format('Rule %s on table %s does something else with what is written.', w.rulename, p.relation),
		pg_catalog.format('-- where nothing needs what it does: DROP RULE %I ON %s;', w.rulename, p.relation)
	FROM prot p JOIN pg_catalog.pg_rewrite w ON w.ev_class = p.relid
	UNION ALL
	SELECT 'warning', 'unvalidated_key',
		pg_catalog.format('Foreign key %s of table %s is not validated: rows may lead to no dossier.', k.conname, p.relation),
		p.maintain || pg_catalog.format('ALTER TABLE %s VALIDATE CONSTRAINT %I;', p.relation, k.conname)
	FROM prot p JOIN pg_catalog.pg_constraint k ON k.conrelid = p.relid AND k.contype = 'f' AND NOT k.convalidated
	WHERE EXISTS (SELECT FROM pg_catalog.pg_seclabel s WHERE s.provider = 'casus' AND s.classoid = 'pg_catalog.pg_class'::regclass
		AND s.objoid = p.relid AND s.objsubid = ANY (k.conkey) AND s.label LIKE '%"use":"via"%')
	UNION ALL
	SELECT 'note', 'no_index',
		pg_catalog.format('Column %I of table %s, by which rows find their dossier, has no index: what is done to a dossier reads the whole table.', a.attname, p.relation),
		pg_catalog.format('CREATE INDEX ON %s (%I);', p.relation, a.attname)
	FROM prot p
	JOIN pg_catalog.pg_seclabel s ON s.provider = 'casus' AND s.classoid = 'pg_catalog.pg_class'::regclass AND s.objoid = p.relid AND s.label LIKE '%"use":"via"%'
	JOIN pg_catalog.pg_attribute a ON a.attrelid = p.relid AND a.attnum = s.objsubid
	WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = p.relid AND x.indisvalid AND x.indkey[0] = a.attnum AND x.indpred IS NULL)
	UNION ALL
	SELECT 'note', 'no_subject_column',
		pg_catalog.format('No column of table %s is known to name a data subject: casus.who_saw_subject and casus.affected find nobody in it.', p.relation),
		pg_catalog.format('SELECT casus.set_subject_column(%L, ''...''); -- where a row is about somebody', p.relation)
	FROM prot p WHERE p.has_settings AND NOT p.is_part
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_seclabel s WHERE s.provider = 'casus' AND s.classoid = 'pg_catalog.pg_class'::regclass
			AND s.objoid = p.relid AND s.objsubid <> 0 AND s.label LIKE '%"use":"subject"%')
	UNION ALL
	SELECT 'note', 'no_primary_key',
		pg_catalog.format('Table %s has no primary key any more: its rows cannot be named.', p.relation),
		p.maintain || pg_catalog.format('ALTER TABLE %s ADD PRIMARY KEY (...);', p.relation)
	FROM prot p WHERE p.has_settings
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = p.relid AND x.indisprimary)
	UNION ALL
	SELECT 'warning', 'trigger_right',
		pg_catalog.format('%s may make triggers or foreign keys on table %s: a trigger sees governed rows, a key tells that they exist.',
			CASE WHEN a.grantee = 0 THEN 'Everybody' ELSE 'Role ' || a.grantee::regrole END, p.relation),
		pg_catalog.format('REVOKE TRIGGER, REFERENCES ON %s FROM %s;', p.relation, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
	FROM prot p JOIN pg_catalog.pg_class c ON c.oid = p.relid, LATERAL pg_catalog.aclexplode(c.relacl) a
	WHERE a.grantee <> c.relowner AND a.privilege_type IN ('TRIGGER', 'REFERENCES')
	GROUP BY a.grantee, p.relation
	UNION ALL
	SELECT 'note', 'extended_statistics',
		pg_catalog.format('Statistics object %s keeps combinations of values of table %s, which estimates follow.', x.stxname, p.relation),
		pg_catalog.format('DROP STATISTICS %s.%I;', x.stxnamespace::regnamespace, x.stxname)
	FROM prot p JOIN pg_catalog.pg_statistic_ext x ON x.stxrelid = p.relid;
COMMENT ON VIEW casus_int.table_finding IS 'Findings of casus.doctor() about protected tables and what hangs on them.';
REVOKE ALL ON casus_int.table_finding FROM PUBLIC;
GRANT SELECT ON casus_int.table_finding TO casus_admin, casus_auditor;

