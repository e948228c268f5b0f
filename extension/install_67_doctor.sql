/*
 * install_67_doctor.sql
 *		What is loaded of the access logs against what is there, and casus.doctor()
 *		itself: all findings together.
 */

CREATE FUNCTION casus_int.log_behind(node uuid, segment bigint, place bigint, seq bigint, loaded_at timestamptz,
	OUT entries bigint, OUT first_seq bigint, OUT since timestamptz, OUT stands text)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_log_behind';
COMMENT ON FUNCTION casus_int.log_behind(uuid, bigint, bigint, bigint, timestamptz) IS
	'What a node''s log has behind a place: where the loader should have put it into tables three intervals and a minute ago, how many entries about this database, of the next 100000 entries, the first of them, since when it is there; stands: before what it stays, if it does. NULL: it is not late, or this is a standby. Behind view casus_int.load_finding.';

CREATE FUNCTION casus_int.log_months() RETURNS integer
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_log_months';
COMMENT ON FUNCTION casus_int.log_months() IS
	'How many months the files of all databases together keep the access log, as the loader found it last (0: they say nothing; 32767: for ever); NULL: not known yet. Behind view casus_int.load_finding.';

CREATE FUNCTION casus_int.log_first_ended() RETURNS timestamptz
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_log_first_ended';
COMMENT ON FUNCTION casus_int.log_first_ended() IS
	'When the first of the segments of this server''s access log that are there was complete, and the next one begun; NULL: there is only one, or no key to read them. Behind view casus_int.load_finding.';
REVOKE ALL ON FUNCTION casus_int.log_first_ended() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.log_first_ended() TO casus_admin, casus_auditor;

CREATE VIEW casus_int.load_finding WITH (security_barrier) AS
	WITH chain AS MATERIALIZED (
		SELECT DISTINCT ON (c.node) c.node, c.state, c.last_segment, c.last_seq, c.finding
		FROM casus_int.log_chains() c WHERE c.node IS NOT NULL AND c.last_segment IS NOT NULL
		ORDER BY c.node, c.state = 'own' DESC, c.state <> 'refused' DESC
	), loaded AS MATERIALIZED (
		SELECT l.node, l.segment, l.place, l.seq, l.missing, l.loaded_at, c.state, c.last_segment, c.last_seq, c.node IS NOT NULL AS is_here, l.mac, c.finding,
			-- What the tables have of the own log: the loader may have begun again where that was set back.
			CASE c.state WHEN 'own' THEN greatest(l.seq, (SELECT max(r.seq) FROM casus_cat.access_record r WHERE r.node = l.node)) ELSE l.seq END AS known
		FROM casus_cat.log_loaded l LEFT JOIN chain c ON c.node = l.node
		UNION ALL
		SELECT c.node, 0, 0, 0, 0, i.created_at, c.state, c.last_segment, c.last_seq, true, NULL, c.finding, 0
		FROM chain c, casus_cat.installation i WHERE NOT EXISTS (SELECT FROM casus_cat.log_loaded l WHERE l.node = c.node)
	)
	SELECT CASE WHEN b.stands IS NULL THEN 'warning' ELSE 'critical' END AS severity, 'log_load_late'::text AS code,
		pg_catalog.concat(pg_catalog.format('The loader of the access log of node %s is at entry %s', l.node, l.seq),
			': ' || b.entries || ' entries about this database are not in its tables, from entry ' || b.first_seq || ' on, which is there since ' || b.since,
			'; it stays before ' || b.stands, '.') AS finding,
		CASE WHEN b.stands IS NULL THEN 'See what "casus log loader" says in the log of the server. It goes on by itself; casus.access_log shows meanwhile what is of this node.'
			ELSE 'A disk may have done it, or somebody with access to the files. See casus.verify_log(); keep that file apart and put it back from a backup of casus.log_directory, or from where the log of this node is collected: then it goes on by itself. Where there is none: SELECT * FROM casus.skip_log(''...'', ''' || l.node || '''); -- the reason' END AS mend
	FROM loaded l, LATERAL casus_int.log_behind(l.node, l.segment, l.place, l.seq, l.loaded_at) b
	WHERE l.is_here AND (b.entries IS NOT NULL OR b.stands IS NOT NULL)
	UNION ALL
	SELECT CASE l.state WHEN 'kept' THEN 'warning' ELSE 'critical' END, 'log_load_ahead',
		pg_catalog.format('Entries of the access log of node %s are in tables up to %s (segment %s), and that log %s.', l.node, l.known, l.segment,
			CASE WHEN l.segment <= l.last_segment AND l.known <= l.last_seq THEN 'has others of the same numbers here, from ' || l.seq + 1 || ' on: these are in no table' ELSE 'ends here before it' END),
		CASE l.state WHEN 'kept' THEN 'A base backup takes a copy along as it was then: remove that directory, or have the log collected. Else it was cut off, as with the others: '
			ELSE 'It was cut off, or casus.log_directory is not what it was (a disk that is not mounted, an older copy): stop the server, and look; else ' END ||
		'compare it with an anchor kept elsewhere (casus.verify_log(anchor => ...)), and look for it in backups of casus.log_directory. The tables keep what they have.'
	FROM loaded l WHERE l.is_here AND (l.segment > l.last_segment OR l.state = 'own' AND l.known > least(l.seq, l.last_seq))
		AND NOT pg_catalog.pg_is_in_recovery()	-- a base backup takes a copy along, and the tables go on with the primary's
	UNION ALL
	-- mac: what was put in as of the own log has none.
	SELECT CASE WHEN l.is_here THEN 'warning' ELSE 'critical' END, CASE WHEN l.is_here THEN 'log_keyless' ELSE 'log_away' END,
		pg_catalog.format('The log of node %s, whose entries came into tables as those of this server up to %s, %s; this server is node %s, whose log began on %s.', l.node, l.loaded_at,
			CASE WHEN l.is_here THEN 'is no longer written here: ' || l.finding ELSE 'is not in casus.log_directory' END, o.node,
			coalesce((SELECT pg_catalog.to_char(min(r.at) AT TIME ZONE 'Europe/Amsterdam', 'YYYY-MM-DD') FROM casus_cat.access_record r WHERE r.node = o.node), 'a day that is not in tables yet')),
		CASE WHEN l.is_here THEN 'Put a copy of the key file of that node into the directory named as casus.log_key_file with .d behind it: then it is verified, and the rest of it put into tables. That log goes on when the server is stopped and started with that file as casus.log_key_file.'
			ELSE 'Is the disk of the log mounted? Stop the server, mount it, put the key file of that node back as casus.log_key_file (it may be in the directory with .d behind that name), and the one that is there now into that directory, and start. If it is to stay so: put the directory of that node beside the others.' END
	FROM loaded l, (SELECT casus_int.log_node() AS node) o
	WHERE l.mac IS NULL AND l.seq > 0 AND l.node <> o.node AND NOT pg_catalog.pg_is_in_recovery()
		AND (NOT l.is_here OR l.state = 'kept' AND l.finding IS NOT NULL)
		AND EXISTS (SELECT FROM casus_cat.access_record r WHERE r.node = l.node)
	UNION ALL
	SELECT 'critical', 'log_load_gap',
		pg_catalog.format('Of the access log of node %s %s entries were not there when it was put into tables.', l.node, l.missing),
		'Look for them in backups of that server''s casus.log_directory; casusctl verify reads them, the tables get them no more.'
	FROM loaded l WHERE l.missing > 0
	UNION ALL
	SELECT 'warning', 'log_load_skipped',
		pg_catalog.format('Entries %s to %s of the access log of node %s are in no table: they could not be read, from segment %s, position %s on, and role %s left them out on %s (act %s).',
			k.from_seq, k.to_seq, k.node, k.segment, k.place, k.role_name, pg_catalog.to_char(k.at AT TIME ZONE 'Europe/Amsterdam', 'YYYY-MM-DD'), k.act),
		'Look for them in backups of that server''s casus.log_directory; casusctl verify reads them, the tables get them no more. What is asked of the log does not know of them.'
	FROM casus_cat.log_skipped k
	UNION ALL
	SELECT 'warning', 'log_unreadable',
		pg_catalog.format('%s entries of the access log of node %s are of a form that cannot be shown, the first of them entry %s.', u.n, u.node, u.first_seq),
		'They verified when they came into tables, so that this is no damage of a disk: they were written so by that server, or by somebody with its key file. casusctl verify checks the files; they have these entries as they were written.'
	FROM (SELECT r.node, pg_catalog.count(*) AS n, min(r.seq) AS first_seq FROM casus_cat.access_record r
		WHERE r.line ->> 'kind' = 'attempt' AND r.line ->> 'code' = 'log_unreadable' GROUP BY r.node) u
	UNION ALL
	SELECT 'warning', 'log_overdue',	-- a month more, so that it may be removed once a month
		pg_catalog.format('The access log has records of before %s, which are beyond every term for which it is kept.', pg_catalog.to_char(o.at AT TIME ZONE 'Europe/Amsterdam', 'YYYY-MM-DD')),
		'SELECT * FROM casus.purge_log();'
	FROM casus_int.log_first_ended() o(at), casus_int.log_retention t, casus_int.log_months() m(months)
	WHERE t.minutes > 0 AND m.months <= 1200 AND NOT pg_catalog.pg_is_in_recovery()
		AND o.at < pg_catalog.now() - pg_catalog.make_interval(months => m.months + 1)
		AND o.at < pg_catalog.now() - pg_catalog.make_interval(months => 1, mins => t.minutes);
COMMENT ON VIEW casus_int.load_finding IS 'Findings of casus.doctor() about what is in tables of the access logs that are on this server.';
REVOKE ALL ON casus_int.load_finding FROM PUBLIC;
GRANT SELECT ON casus_int.load_finding TO casus_admin, casus_auditor;
REVOKE ALL ON FUNCTION casus_int.log_months() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.log_months() TO casus_admin, casus_auditor;

/* The planner expects so many findings that it would compile the conditions, which takes seconds. */
CREATE FUNCTION casus.doctor() RETURNS TABLE (severity text, code text, finding text, mend text)
	LANGUAGE sql
	SET search_path = pg_catalog, pg_temp
	SET jit = off
BEGIN ATOMIC
	SELECT f.severity, f.code, f.finding, f.mend
	FROM (SELECT * FROM casus_int.inner_findings() i
		UNION ALL SELECT * FROM casus_int.server_findings() s
		UNION ALL SELECT * FROM casus_int.state_finding
		UNION ALL SELECT * FROM casus_int.role_finding
		UNION ALL SELECT * FROM casus_int.copy_finding
		UNION ALL SELECT * FROM casus_int.load_finding
		UNION ALL SELECT * FROM casus_int.table_finding) f
	ORDER BY pg_catalog.array_position(ARRAY['critical', 'warning', 'note'], f.severity), f.code, f.finding;
END;
COMMENT ON FUNCTION casus.doctor() IS
	'Everything found that weakens the promise: severity (critical, warning, note), a stable code, what was found, how to mend it. An empty answer is not a proof: the server''s operating-system account and its backups are not seen from here. For casus_admin and casus_auditor.';
REVOKE ALL ON FUNCTION casus.doctor() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.doctor() TO casus_admin, casus_auditor;
