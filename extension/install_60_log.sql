/*
 * install_60_log.sql
 *		The access log, read back.
 */

CREATE FUNCTION casus_int.access_records() RETURNS SETOF jsonb
	LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_access_records';
COMMENT ON FUNCTION casus_int.access_records() IS
	'Lines of the access log about this database that the caller may see: all for casus_auditor, else those of his own person. Reading them is a record too. Damaged lines are left out. Behind view casus.access_log. Beesel art. 14.';

CREATE VIEW casus.access_log WITH (security_barrier) AS
	SELECT (r.line ->> 'seq')::bigint AS seq,
		(r.line ->> 'ts')::timestamptz AS at,
		r.line ->> 'kind' AS kind,
		r.line ->> 'relation' AS relation,
		r.line ->> 'verb' AS verb,
		ARRAY(SELECT (d.pair ->> 0)::bigint
			FROM pg_catalog.jsonb_array_elements(r.line -> 'dossiers') WITH ORDINALITY AS d(pair, place)
			ORDER BY d.place) AS dossiers,
		ARRAY(SELECT (d.pair ->> 1)::bigint
			FROM pg_catalog.jsonb_array_elements(r.line -> 'dossiers') WITH ORDINALITY AS d(pair, place)
			ORDER BY d.place) AS row_counts,
		r.line ->> 'person' AS person,
		r.line ->> 'role' AS role,
		r.line ->> 'actor' AS actor_kind,
		r.line ->> 'session_user' AS session_role,
		r.line ->> 'file' AS file,
		r.line ->> 'office' AS office,
		r.line ->> 'party' AS party,
		r.line ->> 'purpose' AS purpose,
		r.line ->> 'source' AS source,
		r.line ->> 'phase' AS phase,
		r.line ->> 'code' AS code,
		r.line ->> 'text' AS text,
		(r.line ->> 'query_id')::bigint AS query_id,
		r.line ->> 'application' AS application,
		r.line ->> 'client' AS client,
		(r.line ->> 'pid')::integer AS pid,
		(r.line ->> 'leader')::integer AS leader_pid,
		r.line ->> 'session' AS session,
		(r.line ->> 'opening')::bigint AS opening
	FROM casus_int.access_records() AS r(line);
GRANT SELECT ON casus.access_log TO PUBLIC;
COMMENT ON VIEW casus.access_log IS
	'Who saw whose dossier for what purpose: one record per statement and relation (a cursor: per fetch), on disk before the rows left. Seen by casus_auditor (all of this database) and by each person (his own); by nobody else, a superuser included. Reading it is on record too.';
COMMENT ON COLUMN casus.access_log.seq IS 'Number of the record in the cluster''s log, without gaps.';
COMMENT ON COLUMN casus.access_log.kind IS 'read: rows let through; copy: let through into a temporary table; would_refuse: what a table in mode observe let pass and enforce would refuse or hide, with code and text; write: rows written, also when rolled back; refusal; attempt, act: acts tried and carried out; export, setup, maintenance.';
COMMENT ON COLUMN casus.access_log.verb IS 'For a write: supply (brought in), correct or remove. Written by the row trigger, so that ON CONFLICT DO NOTHING counts too.';
COMMENT ON COLUMN casus.access_log.dossiers IS 'Dossiers of which rows were let through, an upper bound of what was returned, or written. 0: a row without a valid label.';
COMMENT ON COLUMN casus.access_log.row_counts IS 'Number of rows, in the order of dossiers, since the statement''s previous record.';
COMMENT ON COLUMN casus.access_log.actor_kind IS 'login, set_role or token: on what the person was known.';
COMMENT ON COLUMN casus.access_log.source IS 'context, standing, break_glass or inspection: where the capacity came from.';
COMMENT ON COLUMN casus.access_log.opening IS 'The act of the break-glass or inspection under which the rows were let through (casus.opening); NULL: the rules let them through.';
COMMENT ON COLUMN casus.access_log.code IS 'For a refusal the code after "casus." in the error''s constraint-name field; for the rest what it is about.';
COMMENT ON COLUMN casus.access_log.application IS 'application_name as the client gave it: a hint, not a proof.';
COMMENT ON COLUMN casus.access_log.leader_pid IS 'For a parallel worker the process that it works for.';
