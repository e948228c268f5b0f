/*
 * install_66_log_report.sql
 *		Figures of the access log over a period, for whoever supervises;
 *		casusctl report shows a month of them on a page.  Each call shows of the
 *		log what casus.access_log shows the caller, and is on record as that is.
 *		in_file: only what says that it is of this file.
 */

CREATE FUNCTION casus.log_month(month text, OUT since timestamptz, OUT until timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT m.starts::timestamp AT TIME ZONE 'Europe/Amsterdam', (m.starts + interval '1 month') AT TIME ZONE 'Europe/Amsterdam'
	FROM (SELECT (CASE WHEN month ~ '^\d{4}-\d\d$' THEN month || '-01' ELSE month || ' is no month' END)::date AS starts) m
	$$;
COMMENT ON FUNCTION casus.log_month(text) IS
	'Begin and end of a month (2026-03) in Amsterdam, for the calls on the access log: from since up to until. 22007 or 22008 for what is no month.';

CREATE FUNCTION casus.sees_whole_log() RETURNS boolean
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT casus_int.sees_record(NULL, NULL);
END;
COMMENT ON FUNCTION casus.sees_whole_log() IS
	'Does the caller see the whole access log of this database: true for a casus_auditor. Anyone else, a superuser included, sees what is on record of himself and of files that he oversees (casus.overseen_file), so that figures over all he sees mix the two: in_file keeps them apart.';

CREATE FUNCTION casus.log_summary(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, in_file text DEFAULT NULL,
	OUT records bigint, OUT reads bigint, OUT refusals bigint, OUT persons bigint, OUT dossiers bigint, OUT first_at timestamptz, OUT last_at timestamptz)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT count(*) FILTER (WHERE d.place IS NULL OR d.place = 1), count(*) FILTER (WHERE d.place = 1),
		count(*) FILTER (WHERE l.kind = 'refusal'), count(DISTINCT coalesce(l.line ->> 'person', l.line ->> 'role')) FILTER (WHERE d.place = 1),
		count(DISTINCT d.pair -> 0), min(l.at), max(l.at)
	FROM casus_int.log_line l
	LEFT JOIN LATERAL jsonb_array_elements(l.line -> 'dossiers') WITH ORDINALITY AS d(pair, place) ON l.kind IN ('read', 'copy', 'would_refuse')
	WHERE l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity') AND (in_file IS NULL OR l.line ->> 'file' = in_file);
END;
COMMENT ON FUNCTION casus.log_summary(timestamptz, timestamptz, text) IS
	'The access log from since up to until in a line: records; reads, those that let rows of dossiers through; refusals; persons who read and dossiers that were read; the first and the last moment. in_file, here and in the calls that follow: only of records that say that they are of this file.';

CREATE FUNCTION casus.log_use(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, in_file text DEFAULT NULL)
	RETURNS TABLE (kind text, file text, office text, purpose text, source text, persons bigint, dossiers bigint, records bigint, row_count bigint)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT l.kind, l.line ->> 'file', l.line ->> 'office', l.line ->> 'purpose', l.line ->> 'source', count(DISTINCT coalesce(l.line ->> 'person', l.line ->> 'role')), count(DISTINCT d.pair -> 0),
		count(*) FILTER (WHERE d.place = 1), sum((d.pair ->> 1)::bigint)::bigint
	FROM casus_int.told('{read,copy,would_refuse,write}', log_use.since, log_use.until, log_use.in_file) l,
		LATERAL jsonb_array_elements(l.pairs) WITH ORDINALITY AS d(pair, place)
	GROUP BY 1, 2, 3, 4, 5
	ORDER BY 2, 1, 3, 4, 5;
END;
COMMENT ON FUNCTION casus.log_use(timestamptz, timestamptz, text) IS
	'What was read and written from since up to until, by file, office and purpose: how many persons (or roles that are nobody known), dossiers, records and rows. kind as in casus.access_log; source: context, standing, break_glass or inspection. Beesel art. 14.';

CREATE FUNCTION casus.log_refusals(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, in_file text DEFAULT NULL)
	RETURNS TABLE (kind text, code text, protocol text, article text, persons bigint, records bigint, first_at timestamptz, last_at timestamptz)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT l.kind, l.code, a.named[1], a.named[2], count(DISTINCT coalesce(l.line ->> 'person', l.line ->> 'role')), count(*), min(l.at), max(l.at)
	FROM casus_int.log_line l, LATERAL (SELECT regexp_match(l.line ->> 'text', '^(.*?) art\. ([^:]*)(:|$)') AS named) a
	WHERE l.kind IN ('refusal', 'would_refuse')
		AND l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity') AND (in_file IS NULL OR l.line ->> 'file' = in_file)
	GROUP BY 1, 2, 3, 4
	ORDER BY 6 DESC, 2, 3, 4, 1;
END;
COMMENT ON FUNCTION casus.log_refusals(timestamptz, timestamptz, text) IS
	'What was refused from since up to until, by check (code) and by the article of the protocol that the refusal named; NULL: it named none. kind would_refuse: let pass by a table in mode observe.';

CREATE FUNCTION casus.log_outflow(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, in_file text DEFAULT NULL)
	RETURNS TABLE (kind text, relation text, person text, role text, records bigint, dossiers bigint, row_count bigint,
		first_at timestamptz, last_at timestamptz)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT l.kind, coalesce(l.line ->> 'relation', CASE WHEN l.kind = 'export' AND l.line ->> 'text' LIKE 'rows %' THEN 'COPY of a query' ELSE l.line ->> 'text' END),
		l.line ->> 'person', l.line ->> 'role', count(DISTINCT (l.node, l.seq)), nullif(count(DISTINCT d.pair -> 0), 0),
		sum(coalesce((d.pair ->> 1)::bigint, (regexp_match(l.line ->> 'text', '^rows (\d{1,18})(,|$)'))[1]::bigint))::bigint, min(l.at), max(l.at)
	FROM casus_int.told('{export,copy,attempt}', log_outflow.since, log_outflow.until, log_outflow.in_file) l LEFT JOIN LATERAL jsonb_array_elements(l.pairs) AS d(pair) ON true
	WHERE l.kind <> 'attempt' OR l.code = 'copy_out'
	GROUP BY 1, 2, 3, 4
	ORDER BY 1, 2, 3, 4;
END;
COMMENT ON FUNCTION casus.log_outflow(timestamptz, timestamptz, text) IS
	'What left as a whole or was copied from since up to until. kind export: a table, or the rows of a query (relation says so), that a casus_backup took by COPY (row_count as it sent them, dossiers not counted), or by which function files of the server were read; attempt: such a COPY that began, so that one without its export did not come to its end; copy: rows let through into a temporary table.';

CREATE FUNCTION casus.log_persons(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, in_file text DEFAULT NULL)
	RETURNS TABLE (person text, is_known boolean, offices text[], days bigint, dossiers bigint, records bigint, row_count bigint)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT coalesce(l.line ->> 'person', l.line ->> 'role'), l.line ->> 'person' IS NOT NULL, array_agg(DISTINCT l.line ->> 'office' ORDER BY l.line ->> 'office') FILTER (WHERE l.line ->> 'office' IS NOT NULL),
		count(DISTINCT (l.at AT TIME ZONE 'Europe/Amsterdam')::date), count(DISTINCT d.pair -> 0),
		count(*) FILTER (WHERE d.place = 1), sum((d.pair ->> 1)::bigint)::bigint
	FROM casus_int.told('{read,copy,would_refuse}', log_persons.since, log_persons.until, log_persons.in_file) l,
		LATERAL jsonb_array_elements(l.pairs) WITH ORDINALITY AS d(pair, place)
	GROUP BY 1, 2
	ORDER BY 5 DESC, 1, 2;
END;
COMMENT ON FUNCTION casus.log_persons(timestamptz, timestamptz, text) IS
	'Who saw how many dossiers from since up to until, most first: in which offices, on how many days, by how many records, how many rows. is_known false: the database role of nobody known to casus.';

CREATE FUNCTION casus.log_widened(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, in_file text DEFAULT NULL)
	RETURNS TABLE (act text, file text, office text, person text, role text, relation text, records bigint, dossiers bigint,
		first_at timestamptz, last_at timestamptz)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT a.act, l.line ->> 'file', l.line ->> 'office', l.line ->> 'person', l.line ->> 'role', l.line ->> 'relation', count(DISTINCT (l.node, l.seq)), nullif(count(DISTINCT d.pair -> 0), 0),
		min(l.at), max(l.at)
	FROM casus_int.log_line l LEFT JOIN LATERAL jsonb_array_elements(l.line -> 'dossiers') AS d(pair) ON true,
		LATERAL (SELECT CASE l.kind
			WHEN 'maintenance' THEN CASE WHEN l.code IS NULL OR l.code IN ('ddl', 'restore') THEN concat_ws(' ', 'maintenance', l.code) END
			WHEN 'attempt' THEN (regexp_match(l.line ->> 'text', '^(ALTER SYSTEM|LOAD|CREATE DATABASE|DROP DATABASE) '))[1]
			ELSE (regexp_match(l.line ->> 'text', '^(bind observe|bind registered|unprotect|install_protocol|load_protocol|open_file|'
				'set_parameter|activate_protocol|add_party|add_person|bind_person|set_oath|appoint|deputise|involve|share|move|'
				'break_glass|inspect)(:|$)'))[1] END AS act) a
	WHERE l.kind IN ('act', 'setup', 'maintenance', 'attempt') AND a.act IS NOT NULL
		AND l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity') AND (in_file IS NULL OR l.line ->> 'file' = in_file)
	GROUP BY 1, 2, 3, 4, 5, 6
	ORDER BY 1, 2, 3, 4, 5, 6;
END;
COMMENT ON FUNCTION casus.log_widened(timestamptz, timestamptz, text) IS
	'Acts from since up to until after which somebody may see or change more: protocols, people and appointments, parties and persons in a dossier, sharing, openings by break-glass or inspection, tables no longer bound, maintenance and what was done in it (maintenance ddl), state filled by a restore (maintenance restore), settings and libraries of the server. Acts that were carried out, but for those on the server, what is done in maintenance and a restore, which are on record when they are tried, and for a transaction that was prepared and rolled back, or one that failed in its COMMIT, whose acts are there too (of the latter casus.access_log has an attempt with code undone).';

CREATE FUNCTION casus.log_rights(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, in_file text DEFAULT NULL)
	RETURNS TABLE (appointment bigint, file text, person text, office text, party text, dossier bigint, starts timestamptz, ends timestamptz,
		standing_purpose text, reason text, records bigint, last_used timestamptz)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH used AS MATERIALIZED (
		SELECT l.line ->> 'person' AS person, l.line ->> 'file' AS file, l.line ->> 'office' AS office, l.line ->> 'party' AS party, count(*) AS records, max(l.at) AS last_used
		FROM casus_int.log_line l
		WHERE l.kind IN ('read', 'copy', 'empty', 'write', 'act') AND l.line ->> 'office' IS NOT NULL
			AND l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity') AND (in_file IS NULL OR l.line ->> 'file' = in_file)
		GROUP BY 1, 2, 3, 4
	)
	SELECT a.id, a.file, a.person, a.office, a.party, a.dossier, a.starts, a.ends, a.standing_purpose, a.reason, coalesce(u.records, 0), u.last_used
	FROM casus.appointment a
	LEFT JOIN used u ON u.person = a.person AND u.file = a.file AND u.office = a.office AND coalesce(u.party, '') = coalesce(a.party, '')
	WHERE a.holds_now AND (in_file IS NULL OR a.file = in_file)
	ORDER BY a.file, a.office, a.party, a.person, a.dossier, a.id;
END;
COMMENT ON FUNCTION casus.log_rights(timestamptz, timestamptz, text) IS
	'Granted rights, to be controlled: each appointment that holds now, and how often (records of reads, searches without a hit, writes and acts) and when last it was used from since up to until; NULL: not at all. Use is known per person, file, office and party: one who holds the same office in several dossiers is shown the same figures at each. casus.end_appointment ends what is not needed, casus.record_control puts the control on record. Appointments are those that casus.appointment shows the caller. PGA art. 15.2.f.';

CREATE FUNCTION casus.log_read_back(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, in_file text DEFAULT NULL)
	RETURNS TABLE (person text, role text, what text, days bigint, records bigint, first_at timestamptz, last_at timestamptz)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT l.line ->> 'person', l.line ->> 'role', l.code, count(DISTINCT (l.at AT TIME ZONE 'Europe/Amsterdam')::date), count(*), min(l.at), max(l.at)
	FROM casus_int.log_line l
	WHERE l.kind = 'read' AND l.code IS NOT NULL
		AND l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity') AND (in_file IS NULL OR l.line ->> 'file' = in_file)
	GROUP BY 1, 2, 3
	ORDER BY 1, 2, 3;
END;
COMMENT ON FUNCTION casus.log_read_back(timestamptz, timestamptz, text) IS
	'Who read the access log itself from since up to until. Of a file (in_file): who oversees it and read; a casus_auditor reads of none in particular. what: access_log (the view and what rests on it), who_saw_subject (in which dossiers somebody stands), verify_log, or log_piece (a session that collected the files).';

CREATE FUNCTION casus.log_itself(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
	RETURNS TABLE (node uuid, code text, what text, person text, role text, records bigint, first_at timestamptz, last_at timestamptz)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT l.node, coalesce(l.code, 'skip_log'), t.what, l.line ->> 'person', l.line ->> 'role', count(*), min(l.at), max(l.at)
	FROM casus_int.log_line l, LATERAL (SELECT CASE l.code WHEN 'purge_log'
		THEN substring(l.line ->> 'text' FROM '; (entries \d+ to \d+ go, of \d+ segments(; they do not verify: [^;]*)?)') ELSE substring(l.line ->> 'text' FROM '^(?:skip_log: )?(.*?)(?:; reason: .*)?$') END AS what) t
	WHERE (l.kind IN ('maintenance', 'attempt') AND l.code IN ('log_started', 'log_stopped', 'log_torn', 'log_clock', 'log_key', 'log_changed', 'log_resumed', 'log_unreadable', 'purge_log')
			OR l.kind = 'setup' AND (l.code = 'rotate_log_key' OR l.code IS NULL AND l.line ->> 'text' LIKE 'skip\_log: %'))
		AND l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity')
	GROUP BY 1, 2, 3, 4, 5
	ORDER BY min(l.at), 1, 2, 3, 4, 5;
END;
COMMENT ON FUNCTION casus.log_itself(timestamptz, timestamptz) IS
	'What the access log says of itself from since up to until, per node: code as in casus.access_log (starts, stops, torn, changed, the clock, keys; log_unreadable: an entry that fits into no table), purge_log, rotate_log_key and skip_log with who did it; what: its words, without the reason of a purge or of what was left out. Of all databases, but for rotate_log_key and skip_log.';

CREATE VIEW casus_int.loaded_node WITH (security_barrier) AS
	SELECT l.node, l.seq, l.loaded_at FROM casus_cat.log_loaded l WHERE casus_int.sees_record(NULL, NULL);
GRANT SELECT ON casus_int.loaded_node TO PUBLIC;
COMMENT ON VIEW casus_int.loaded_node IS 'casus_cat.log_loaded for casus_auditor.';

CREATE FUNCTION casus.log_nodes(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
	RETURNS TABLE (node uuid, is_this boolean, records bigint, first_at timestamptz, last_at timestamptz, loaded_seq bigint, loaded_at timestamptz)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT n.node, n.node = casus_int.log_node(), coalesce(r.records, 0), r.first_at, r.last_at, d.seq, d.loaded_at
	FROM (SELECT casus_int.log_node() AS node WHERE casus_int.log_node() IS NOT NULL
			UNION SELECT i.node FROM casus_int.loaded_node i) n
	LEFT JOIN casus_int.loaded_node d ON d.node = n.node
	LEFT JOIN (SELECT l.node, count(*) AS records, min(l.at) AS first_at, max(l.at) AS last_at FROM casus_int.log_line l
		WHERE l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity') GROUP BY l.node) r ON r.node = n.node
	ORDER BY 2 DESC, 1;
END;
COMMENT ON FUNCTION casus.log_nodes(timestamptz, timestamptz) IS
	'Nodes of which this database has records of the access log: is_this: the server itself; records from since up to until, the first and the last; up to which number (loaded_seq) they were in tables, and when (loaded_at). For casus_auditor; others are told of the server itself alone.';
