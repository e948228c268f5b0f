/*
 * install_65_log_views.sql
 *		What people ask of the access log.  Each call shows of it what
 *		casus.access_log shows the caller, and is on record as that is.
 */

CREATE FUNCTION casus.who_saw(dossier bigint, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
	RETURNS TABLE (at timestamptz, person text, role text, file text, office text, party text, purpose text,
		source text, phase text, relation text, row_count bigint, opening bigint, node uuid, seq bigint)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT l.at, l.person, l.role, l.file, l.office, l.party, l.purpose, l.source, l.phase, l.relation,
		d.row_count, l.opening, l.node, l.seq
	FROM casus.access_log l, LATERAL unnest(l.dossiers, l.row_counts) AS d(dossier, row_count)
	WHERE l.kind IN ('read', 'copy', 'would_refuse') AND d.dossier = who_saw.dossier
		AND l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity')
	ORDER BY l.at, l.node, l.seq
	$$;
COMMENT ON FUNCTION casus.who_saw(bigint, timestamptz, timestamptz) IS
	'Who saw rows of this dossier from since up to until: when, in which office, for which purpose, of which table and how many. Also what a table in mode observe let through. A dump by casus_backup takes whole tables: casus.access_log, kind export, has it by table, without dossiers. For casus_auditor; anyone else finds himself only. Beesel art. 14, AVG art. 15.';

CREATE FUNCTION casus.seen_by(person text, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
	RETURNS TABLE (at timestamptz, dossier bigint, role text, file text, office text, party text, purpose text,
		source text, phase text, relation text, row_count bigint, opening bigint, node uuid, seq bigint)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT l.at, d.dossier, l.role, l.file, l.office, l.party, l.purpose, l.source, l.phase, l.relation,
		d.row_count, l.opening, l.node, l.seq
	FROM casus.access_log l, LATERAL unnest(l.dossiers, l.row_counts) AS d(dossier, row_count)
	WHERE l.kind IN ('read', 'copy', 'would_refuse') AND (l.person = seen_by.person OR l.role = seen_by.person)
		AND l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity')
	ORDER BY l.at, l.node, l.seq, d.dossier
	$$;
COMMENT ON FUNCTION casus.seen_by(text, timestamptz, timestamptz) IS
	'What a person (or a database role, by its name) saw from since up to until: one line per record and dossier. dossier 0: rows without a valid label. For casus_auditor; anyone else finds his own only.';

CREATE FUNCTION casus.affected(person text, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
	RETURNS TABLE (file text, dossier bigint, first_at timestamptz, last_at timestamptz, records bigint,
		row_count bigint, relations text[], purposes text[])
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT max(s.file), s.dossier, min(s.at), max(s.at), count(*), sum(s.row_count)::bigint,
		array_agg(DISTINCT s.relation ORDER BY s.relation), array_agg(DISTINCT s.purpose ORDER BY s.purpose) FILTER (WHERE s.purpose IS NOT NULL)
	FROM casus.seen_by(affected.person, affected.since, affected.until) AS s
	GROUP BY s.dossier
	ORDER BY 1, 2
	$$;
COMMENT ON FUNCTION casus.affected(text, timestamptz, timestamptz) IS
	'For a breach: every dossier of which the account of a person (or a database role, by its name) was let through rows from since up to until, with the first and the last time, and from which tables. An upper bound: the log notes what the scans let through. What it dumped as casus_backup is not in here: casus.access_log, kind export, by table. For casus_auditor; anyone else finds his own only. AVG art. 33 and 34.';

CREATE FUNCTION casus.log_outliers(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, factor numeric DEFAULT 3)
	RETURNS TABLE (person text, office text, day date, dossiers bigint, own_median double precision, colleagues_median double precision)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	WITH seen AS MATERIALIZED (
		SELECT coalesce(l.person, l.role) AS person, l.office, (l.at AT TIME ZONE 'Europe/Amsterdam')::date AS day,
			count(DISTINCT d.dossier) AS dossiers
		FROM casus.access_log l, LATERAL unnest(l.dossiers) AS d(dossier)
		WHERE l.kind IN ('read', 'copy', 'would_refuse')
			AND l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity')
		GROUP BY 1, 2, 3
	)
	SELECT s.person, s.office, s.day, s.dossiers, own.median, colleagues.median
	FROM seen s,
		LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY o.dossiers) AS median FROM seen o
			WHERE o.person = s.person AND o.office IS NOT DISTINCT FROM s.office AND o.day <> s.day) AS own,
		LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY o.dossiers) AS median FROM seen o
			WHERE o.person <> s.person AND o.office IS NOT DISTINCT FROM s.office) AS colleagues
	WHERE s.dossiers >= 5 AND (s.dossiers > factor * own.median OR s.dossiers > factor * colleagues.median)
	ORDER BY s.dossiers DESC, s.person, s.day
	$$;
COMMENT ON FUNCTION casus.log_outliers(timestamptz, timestamptz, numeric) IS
	'Days on which a person saw rows of more than factor times as many dossiers as on the median of his other days, or as colleagues in the same office do on a day; of less than five dossiers nothing is said. Where to look, not a finding. For casus_auditor; anyone else is compared with nobody.';

CREATE FUNCTION casus.record_control(since timestamptz, until timestamptz, sample bigint[], outcome text, motivation text)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_record_control';
REVOKE ALL ON FUNCTION casus.record_control(timestamptz, timestamptz, bigint[], text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.record_control(timestamptz, timestamptz, bigint[], text, text) TO casus_auditor;
COMMENT ON FUNCTION casus.record_control(timestamptz, timestamptz, bigint[], text, text) IS
	'The periodic control of the access log as an act, by a casus_auditor: over which period, which records were looked at (sample: casus.access_log.seq), outcome no_findings or findings, and a motivation. Refused with 22023 unless each of the sample is a record of this database within the period, and the period is over. Returns the act; casus.control shows them. Beesel art. 14.';

CREATE VIEW casus.control WITH (security_barrier) AS
	SELECT a.id AS act, a.at, p.name AS person, a.role_name,
		(c.details ->> 'since')::timestamptz AS since, (c.details ->> 'until')::timestamptz AS until,
		(c.details ->> 'records')::bigint AS records, (c.details ->> 'sample')::bigint[] AS sample,
		c.details ->> 'outcome' AS outcome, c.motivation
	FROM casus_cat.act a
	JOIN casus_cat.act_content c ON c.act = a.id
	LEFT JOIN casus_cat.person p ON p.id = a.person
	WHERE a.kind = 'record_control' AND casus_int.sees_dossier(NULL);
GRANT SELECT ON casus.control TO PUBLIC;
COMMENT ON VIEW casus.control IS
	'Periodic controls of the access log (casus.record_control): who, when, the period and how many records it has, the sample, the outcome. Seen by casus_auditor and casus_admin.';

/*
 * The log in the shape of the Dutch standard Logboek Dataverwerkingen (LDV):
 * a line per dossier, without the user, who stands apart.
 */
CREATE FUNCTION casus_int.span(node uuid, seq bigint, dossier bigint) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT substr(encode(sha256(convert_to(node::text || '/' || seq || '/' || coalesce(dossier::text, ''), 'UTF8')), 'hex'), 1, 16) $$;
COMMENT ON FUNCTION casus_int.span(uuid, bigint, bigint) IS
	'The span id of a record of the access log about a dossier: always the same.';

CREATE FUNCTION casus_int.trace(node uuid, session text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT substr(encode(sha256(convert_to(node::text || '/' || coalesce(session, ''), 'UTF8')), 'hex'), 1, 32) $$;
COMMENT ON FUNCTION casus_int.trace(uuid, text) IS
	'The trace id of what a session does without a traceparent.';

CREATE VIEW casus.ldv WITH (security_barrier) AS
	SELECT coalesce(substr(l.traceparent, 4, 32), casus_int.trace(l.node, l.session)) AS trace_id,
		casus_int.span(l.node, l.seq, d.dossier) AS span_id,
		'Ok'::text AS status,
		concat_ws(' ', l.kind, l.verb, l.relation, l.code) AS name,
		(extract(epoch FROM l.at) * 1000)::bigint AS start_time,
		(extract(epoch FROM l.at) * 1000)::bigint AS end_time,
		substr(l.traceparent, 37, 16) AS parent_span_id,
		jsonb_strip_nulls(jsonb_build_object(
			'dpl.core.processing_activity_id', 'urn:casus:' || i.id || ':' || f.id || ':' || p.id || ':' || coalesce(l.purpose, l.kind),
			'dpl.core.data_subject_id', CASE WHEN d.dossier <> 0 THEN d.dossier::text END,
			'dpl.core.data_subject_id_type', CASE WHEN d.dossier <> 0 THEN 'urn:casus:' || i.id || ':dossier' END,
			'casus.kind', l.kind, 'casus.code', l.code, 'casus.phase', l.phase, 'casus.source', l.source, 'casus.rows', d.row_count)) AS attributes,
		jsonb_build_object('service.name', 'casus', 'service.instance.id', l.node, 'db.name', current_database()) AS resource
	FROM casus.access_log l
	LEFT JOIN LATERAL unnest(l.dossiers, l.row_counts) AS d(dossier, row_count) ON true
	LEFT JOIN casus_cat.installation i ON true
	LEFT JOIN casus_cat.file f ON f.name = l.file
	LEFT JOIN casus_cat.protocol p ON p.id = f.protocol
	WHERE l.kind IN ('read', 'copy', 'would_refuse', 'write', 'refusal', 'export', 'act');
GRANT SELECT ON casus.ldv TO PUBLIC;
COMMENT ON VIEW casus.ldv IS
	'The access log in the shape of the Dutch standard Logboek Dataverwerkingen: a line per action and dossier, times in milliseconds since 1970, no user (casus.ldv_actor, by span_id). The activity is a purpose of a file under a protocol as loaded; the data subject is named by dossier. A refusal has status Ok and casus.code: the standard keeps Error for technical failure. trace_id and parent_span_id are what the client set as casus.traceparent: a hint, not a proof; without it the trace is the session. Seen as casus.access_log.';

CREATE VIEW casus.ldv_actor WITH (security_barrier) AS
	SELECT coalesce(substr(l.traceparent, 4, 32), casus_int.trace(l.node, l.session)) AS trace_id,
		casus_int.span(l.node, l.seq, d.dossier) AS span_id,
		l.person, l.role, l.actor_kind, l.session_role, l.file, l.office, l.party, l.purpose, l.application, l.client, l.node, l.seq
	FROM casus.access_log l
	LEFT JOIN LATERAL unnest(l.dossiers) AS d(dossier) ON true
	WHERE l.kind IN ('read', 'copy', 'would_refuse', 'write', 'refusal', 'export', 'act');
GRANT SELECT ON casus.ldv_actor TO PUBLIC;
COMMENT ON VIEW casus.ldv_actor IS
	'Who did what a line of casus.ldv says, by span_id; apart, as the standard asks. Seen as casus.access_log.';
