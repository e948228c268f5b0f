/*
 * install_60_log.sql
 *		The access log, read back.
 */

CREATE FUNCTION casus_int.access_records() RETURNS SETOF jsonb
	LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_access_records';
COMMENT ON FUNCTION casus_int.access_records() IS
	'Records of this node''s access log about this database that the caller may see: all for casus_auditor, else those of his own person. Reading them is a record too. Nothing is verified (casus.verify_log). Behind view casus.access_log. Beesel art. 14.';

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
COMMENT ON COLUMN casus.access_log.seq IS 'Number of the record in the node''s log, without gaps; it says what came first, whatever the clock said.';
COMMENT ON COLUMN casus.access_log.kind IS 'read: rows let through; copy: let through into a temporary table; would_refuse: what a table in mode observe let pass and enforce would refuse or hide, with code and text; write: rows written, also when rolled back; refusal; attempt, act: acts tried and carried out; export, setup, maintenance.';
COMMENT ON COLUMN casus.access_log.verb IS 'For a write: supply (brought in), correct or remove. Written by the row trigger, so that ON CONFLICT DO NOTHING counts too.';
COMMENT ON COLUMN casus.access_log.dossiers IS 'Dossiers of which rows were let through, an upper bound of what was returned, or written. 0: a row without a valid label.';
COMMENT ON COLUMN casus.access_log.row_counts IS 'Number of rows, in the order of dossiers, since the statement''s previous record.';
COMMENT ON COLUMN casus.access_log.actor_kind IS 'login, set_role or token: on what the person was known.';
COMMENT ON COLUMN casus.access_log.source IS 'context, standing, break_glass or inspection: where the capacity came from.';
COMMENT ON COLUMN casus.access_log.opening IS 'The act of the break-glass or inspection under which the rows were let through (casus.opening); NULL: the rules let them through.';
COMMENT ON COLUMN casus.access_log.code IS 'For a refusal the code after "casus." in the error''s constraint-name field; for the rest what it is about. Of the log itself: log_started, log_stopped, log_torn (a crash cut off what was not written whole), log_clock (the clock was set), log_key, log_changed (somebody else wrote to the files), log_resumed (it could not be written for a while).';
COMMENT ON COLUMN casus.access_log.application IS 'application_name as the client gave it: a hint, not a proof.';
COMMENT ON COLUMN casus.access_log.leader_pid IS 'For a parallel worker the process that it works for.';

CREATE FUNCTION casus.verify_log(from_seq bigint DEFAULT NULL, to_seq bigint DEFAULT NULL, anchor text DEFAULT NULL,
	OUT ok boolean, OUT first_seq bigint, OUT last_seq bigint, OUT records bigint,
	OUT file text, OUT "position" bigint, OUT seq bigint, OUT finding text)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_verify_log';
REVOKE ALL ON FUNCTION casus.verify_log(bigint, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.verify_log(bigint, bigint, text) TO casus_admin, casus_auditor;
COMMENT ON FUNCTION casus.verify_log(bigint, bigint, text) IS
	'Is the access log of this node what its writer wrote? Checks whole segments, those from from_seq to to_seq, or all. When not: file, position in bytes, seq and what is wrong of the first entry that is changed, removed, inserted, reordered or cut off. anchor: what casus.log_anchor() returned earlier, kept elsewhere; with it a log that was made anew, or cut off while the server was down, is found too. Being called is on record.';

CREATE FUNCTION casus.log_anchor(OUT seq bigint, OUT mac text, OUT anchor text)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_log_anchor';
REVOKE ALL ON FUNCTION casus.log_anchor() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.log_anchor() TO casus_admin, casus_auditor;
COMMENT ON FUNCTION casus.log_anchor() IS
	'Number and mac of the last entry of this node''s access log that is on disk; anchor is both with the node, for casus.verify_log. Keep it where nobody of the server comes.';

CREATE FUNCTION casus.rotate_log_key() RETURNS integer
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_rotate_log_key';
REVOKE ALL ON FUNCTION casus.rotate_log_key() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.rotate_log_key() TO casus_admin;
COMMENT ON FUNCTION casus.rotate_log_key() IS
	'A new key for the access log of this node, from its next segment on; returns the id of the key. The old ones stay in casus.log_key_file, to verify what was written with them. On record.';
