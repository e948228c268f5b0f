/*
 * install_60_log.sql
 *		The access log, read back.
 */

/*
 * Not dumped: the segments are what can be verified, and the loader fills the
 * tables from them again.  A dump would carry who saw whom to where nobody is
 * on record, and bring back records that no chain speaks for.  Partitions, one
 * per month (UTC), are made by the loader and belong to the extension, too.
 */
CREATE TABLE casus_cat.access_record (
	node uuid NOT NULL,
	seq bigint NOT NULL,
	at timestamptz NOT NULL,
	person text,
	line jsonb NOT NULL,
	PRIMARY KEY (node, seq, at)
) PARTITION BY RANGE (at);
CREATE INDEX access_record_at ON casus_cat.access_record (at);
/* For casus.who_saw and casus.seen_by: every dossier of a record, and whose it is. */
CREATE INDEX access_record_finds ON casus_cat.access_record
	USING gin (jsonb_path_query_array(line, '$.dossiers[*][0]') jsonb_path_ops, (ARRAY[person, line ->> 'role']));
/* Few among many: what has left as whole tables. */
CREATE INDEX access_record_dumps ON casus_cat.access_record (at)
	WHERE line ->> 'kind' = 'export' OR line ->> 'kind' = 'attempt' AND line ->> 'code' = 'copy_out';
/* For casus.doctor(). */
CREATE INDEX access_record_unreadable ON casus_cat.access_record (node)
	WHERE line ->> 'kind' = 'attempt' AND line ->> 'code' = 'log_unreadable';
COMMENT ON TABLE casus_cat.access_record IS 'Records of the access log about this database, from the segments, by node and number; read by casus.access_log. Not dumped.';

/*
 * Holds nothing.  The first partition of a table changes the table's own row in
 * pg_class; made by the loader, that would collide with a GRANT on it, as
 * pg_restore runs one in a database where the extension has just come to be.
 */
CREATE TABLE casus_cat.access_record_none PARTITION OF casus_cat.access_record
	FOR VALUES FROM (MINVALUE) TO ('1970-01-01 00:00:00+00');
COMMENT ON TABLE casus_cat.access_record_none IS 'Records of no month; empty.';

CREATE TABLE casus_cat.log_loaded (
	node uuid PRIMARY KEY,
	segment bigint NOT NULL,
	place bigint NOT NULL,
	seq bigint NOT NULL,
	missing bigint NOT NULL,
	loaded_at timestamptz NOT NULL,
	mac bytea
);
COMMENT ON TABLE casus_cat.log_loaded IS 'Up to which place of a node''s access log the records are in casus_cat.access_record; changed in the transaction that puts them there. missing: entries of a copy that were not there when it passed them, those apart that had gone after their term. mac: of a copy, that of the entry before the place, which says to its node that all up to there was collected and verified (casus.purge_log on a standby). Not dumped.';

CREATE TABLE casus_cat.log_skipped (
	act bigint PRIMARY KEY,
	node uuid NOT NULL,
	segment bigint NOT NULL,
	place bigint NOT NULL,
	from_seq bigint NOT NULL,
	to_seq bigint NOT NULL,
	until timestamptz NOT NULL,
	role_name name NOT NULL,
	at timestamptz NOT NULL
);
COMMENT ON TABLE casus_cat.log_skipped IS 'Entries of a node''s access log that could not be read and were left out of casus_cat.access_record by casus.skip_log (act): from which place on, from and to which number, and (until) before when they were written. They go when the entries have gone after their term. Not dumped.';

CREATE TABLE casus_cat.log_node_term (
	one boolean PRIMARY KEY CHECK (one),
	months integer NOT NULL
);
COMMENT ON TABLE casus_cat.log_node_term IS 'How many months the files of all databases of this server keep the access log, as its loader found it last (0: they say nothing; 32767: for ever); for casus.purge_log on a standby. One row, or none while a database is not known. Not dumped.';

CREATE FUNCTION casus_int.access_records(segment bigint, place bigint, seq bigint) RETURNS SETOF jsonb
	LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_access_records';
COMMENT ON FUNCTION casus_int.access_records(bigint, bigint, bigint) IS
	'Records of this node''s access log about this database from a place on (NULL: from its begin) that the caller may see: all for casus_auditor, else those of his own person and of files that he oversees. Reading them is a record too. Each is verified with the key of its segment, as long as casus.log_key_file can be read: in the place of one that is not as it was written casus_auditor finds an attempt with code log_unreadable, anyone else nothing. Behind view casus.access_log. Beesel art. 14.';

CREATE FUNCTION casus_int.sees_record(person text, line jsonb) RETURNS boolean
	LANGUAGE c STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_sees_record';
COMMENT ON FUNCTION casus_int.sees_record(text, jsonb) IS
	'May the caller see a record of the access log about this person: casus_auditor any, else of himself, and of a file (line) that he oversees now by an office (casus.office.oversees). NULL: is he a casus_auditor?';

CREATE FUNCTION casus_int.oversees(file integer) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_oversees';
COMMENT ON FUNCTION casus_int.oversees(integer) IS
	'Does the caller see what the access log has of the file: casus_auditor, and who oversees it now by an office of it.';

CREATE FUNCTION casus_int.log_node() RETURNS uuid
	LANGUAGE c STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_log_node';
COMMENT ON FUNCTION casus_int.log_node() IS
	'The node whose access log this server writes; NULL when it has not begun.';

/*
 * The place comes by the statement's own snapshot, as the table does, so that
 * a record is in one of the two.  The function first: it writes that the log
 * is read.  It has only what was the caller's to see when it was called, and each
 * row is asked about once more when it is fetched.  Of OFFSET 0 see the views of
 * install_50_acts.sql.
 */
CREATE VIEW casus.access_log WITH (security_barrier) AS
	SELECT (r.line ->> 'seq')::bigint AS seq,
		r.at,
		r.line ->> 'kind' AS kind,
		r.line ->> 'relation' AS relation,
		r.line ->> 'verb' AS verb,
		ARRAY(SELECT (d.pair ->> 0)::bigint
			FROM pg_catalog.jsonb_array_elements(r.line -> 'dossiers') WITH ORDINALITY AS d(pair, place)
			ORDER BY d.place) AS dossiers,
		ARRAY(SELECT (d.pair ->> 1)::bigint
			FROM pg_catalog.jsonb_array_elements(r.line -> 'dossiers') WITH ORDINALITY AS d(pair, place)
			ORDER BY d.place) AS row_counts,
		r.person,
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
		(r.line ->> 'opening')::bigint AS opening,
		r.node,
		r.line ->> 'traceparent' AS traceparent,
		r.line ->> 'login' AS login
	FROM (SELECT casus_int.log_node() AS node, (t.line ->> 'ts')::timestamptz AS at, t.line ->> 'person' AS person, t.line
			FROM casus_int.access_records(
				(SELECT l.segment FROM casus_cat.log_loaded l WHERE l.node = casus_int.log_node()),
				(SELECT l.place FROM casus_cat.log_loaded l WHERE l.node = casus_int.log_node()),
				(SELECT l.seq FROM casus_cat.log_loaded l WHERE l.node = casus_int.log_node())) AS t(line)
			WHERE casus_int.sees_record(t.line ->> 'person', t.line)
		UNION ALL
		SELECT l.node, l.at, l.person, l.line FROM casus_cat.access_record l WHERE casus_int.sees_record(l.person, l.line)
		OFFSET 0) r;
GRANT SELECT ON casus.access_log TO PUBLIC;
COMMENT ON VIEW casus.access_log IS
	'Who saw whose dossier for what purpose: one record per statement and relation (a cursor: per fetch), on disk before the rows left (with casus.log_durability = relaxed: handed to the process that writes it). Seen by casus_auditor (all of this database), by each person (his own), and by who oversees a file what says that it is of that file (casus.overseen_file), for as long as he does; by nobody else, a superuser included. Reading it is on record too.';
COMMENT ON COLUMN casus.access_log.seq IS 'Number of the record in the node''s log, without gaps; it says what came first, whatever the clock said.';
COMMENT ON COLUMN casus.access_log.kind IS 'read: rows let through; copy: let through into a temporary table; empty: in a capacity in which rows of the relation could have passed a statement ran to its end, or to as many rows as were asked for, and none had so far (a cursor may read some later); would_refuse: what a table in mode observe let pass and enforce would refuse or hide, with code and text; write: rows written, also when rolled back; refusal; attempt: what was tried, on record at once; act, setup: acts in an office and by an admin, on record when their transaction commits (where its COMMIT fails, as it may with 40001 in SERIALIZABLE, an attempt with code undone and the same text follows; of one that is prepared and rolled back, or cut off by a crash of the server, none); a dry run of casus.protect is a setup that says so; export: what a casus_backup took by COPY, with its number of rows and its SHA-256 in text, or by which function it read files of the server; maintenance.';
COMMENT ON COLUMN casus.access_log.verb IS 'For a write: supply (brought in), correct or remove. Written by the row trigger, so that ON CONFLICT DO NOTHING counts too.';
COMMENT ON COLUMN casus.access_log.dossiers IS 'Dossiers of which rows were let through, an upper bound of what was returned, or written. 0: a row without a valid label.';
COMMENT ON COLUMN casus.access_log.row_counts IS 'Number of rows, in the order of dossiers, since the statement''s previous record.';
COMMENT ON COLUMN casus.access_log.actor_kind IS 'login, set_role or token: on what the person was known.';
COMMENT ON COLUMN casus.access_log.source IS 'context, standing, break_glass or inspection: where the capacity came from.';
COMMENT ON COLUMN casus.access_log.opening IS 'The act of the break-glass or inspection under which the rows were let through (casus.opening); NULL: the rules let them through.';
COMMENT ON COLUMN casus.access_log.code IS 'For a refusal the code after "casus." in the error''s constraint-name field; for the rest what it is about; undone: the act of this text, on record before, has not happened. Of the log itself: log_started, log_stopped, log_torn (a crash cut off what was not written whole), log_clock (the clock was set), log_key, log_changed (somebody else wrote to the files), log_resumed (it could not be written for a while), log_unreadable (in the place of an entry of a form that cannot be shown, which only who has the key can write; its time is that of reading it, for casus_auditor).';
COMMENT ON COLUMN casus.access_log.text IS 'What a refusal said, what an act or attempt is about, of an export "rows n, sha256 ...": the digest, in hexadecimal, of the data of COPY as the client got them (what psql -c "COPY ... TO STDOUT" writes, between the COPY line and \. of a plain pg_dump), or of the file of the server that it wrote; without digest where they went to a program or a pipe. No text of a statement, and nothing from a row.';
COMMENT ON COLUMN casus.access_log.query_id IS 'Of read, copy, empty and would_refuse: the server''s number of the statement without its literals, as pg_stat_statements has it in queryid. NULL where compute_query_id is off, and for the rest.';
COMMENT ON COLUMN casus.access_log.application IS 'application_name as the client gave it: a hint, not a proof.';
COMMENT ON COLUMN casus.access_log.traceparent IS 'casus.traceparent (W3C Trace Context) as the client set it: a hint, not a proof.';
COMMENT ON COLUMN casus.access_log.node IS 'The node that wrote the record; seq counts per node.';
COMMENT ON COLUMN casus.access_log.leader_pid IS 'For a parallel worker the process that it works for.';

CREATE FUNCTION casus.verify_log(from_seq bigint DEFAULT NULL, to_seq bigint DEFAULT NULL, anchor text DEFAULT NULL, node uuid DEFAULT NULL,
	OUT ok boolean, OUT first_seq bigint, OUT last_seq bigint, OUT records bigint,
	OUT file text, OUT "position" bigint, OUT seq bigint, OUT finding text)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_verify_log';
REVOKE ALL ON FUNCTION casus.verify_log(bigint, bigint, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.verify_log(bigint, bigint, text, uuid) TO casus_admin, casus_auditor;
COMMENT ON FUNCTION casus.verify_log(bigint, bigint, text, uuid) IS
	'Is the access log of this node what its writer wrote? Checks whole segments, those from from_seq to to_seq, or all. When not: file, position in bytes, seq and what is wrong of the first entry that is changed, removed, inserted, reordered or cut off. anchor: what casus.log_anchor() returned earlier, kept elsewhere; with it a log that was made anew, or cut off while the server was down, is found too. A part is tied to the segment before it. What has gone by casus.purge_log is spoken for by its checkpoint (file checkpoint). node: of which node (casus.log_chain), where not of this one: then the copy that was collected, with that node''s keys; where its end comes before from_seq or to_seq, that is a finding (cut off here), since nothing says that it has not been collected yet. 22023 for entries of this node that are not there yet, or that have gone, or an anchor of those. Being called is on record.';

CREATE FUNCTION casus.log_anchor(OUT seq bigint, OUT mac text, OUT anchor text)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_log_anchor';
REVOKE ALL ON FUNCTION casus.log_anchor() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.log_anchor() TO casus_admin, casus_auditor;
COMMENT ON FUNCTION casus.log_anchor() IS
	'Number and mac of the last entry of this node''s access log that is on disk; anchor is both with the node, for casus.verify_log. Keep it where nobody of the server comes.';

CREATE FUNCTION casus.purge_log(before timestamptz DEFAULT NULL, reason text DEFAULT NULL,
	OUT segments bigint, OUT records bigint, OUT last_seq bigint, OUT newest timestamptz)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_purge_log';
REVOKE ALL ON FUNCTION casus.purge_log(timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.purge_log(timestamptz, text) TO casus_admin, casus_auditor;
COMMENT ON FUNCTION casus.purge_log(timestamptz, text) IS
	'Removes from the access log of this node what is beyond its term: whole segments, from the first on, whose newest record is from before "before" (NULL: no matter) and older than casus.log_retention and than each activated file of each database keeps it by its protocol (key log). Verifies them first. On record with a checkpoint that stands for them, so that the rest verifies; the loader removes the records from the tables as well. Collected copies of this log follow (casus.log_collect). Refused with 55000 while casus.log_retention is not set, a file has no term, or a database is not known yet or cannot be looked into, and when what would go does not verify, unless a reason is given; 55006 while another session does it. On a standby (casus.log_retention is its own) the terms are those that the loader of the primary found last in all databases, and only whole segments go that the primary has collected, verified and put into tables of this database; 55000 while it has collected nothing, or when what it has collected is not this log. Returns how many segments and records went, the number of the last record that is gone, and the newest time of those that went now.';

CREATE FUNCTION casus.skip_log(reason text, node uuid DEFAULT NULL,
	OUT segment bigint, OUT "position" bigint, OUT next_segment bigint, OUT from_seq bigint, OUT to_seq bigint)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_skip_log';
REVOKE ALL ON FUNCTION casus.skip_log(text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.skip_log(text, uuid) TO casus_admin, casus_auditor;
COMMENT ON FUNCTION casus.skip_log(text, uuid) IS
	'Says that a part of an access log is lost before which the loader stays (log_load_late of casus.doctor()): the loader of this database goes on with the next segment that can be read; in each other database it stays until that is said there. node: whose log, NULL: of this node. An act with its reason, on record with the place (segment, position in bytes), the next segment and the entries from_seq to to_seq, which it returns: none of them comes into tables, also those in that segment that could be read; casus.doctor() names them (log_load_skipped) until they have gone after their term. The file stays as it is, and casus.verify_log names the damage as before: look for it in backups first. For casus_admin and casus_auditor (else casus.wrong_office). Errors: 22004 or 22023 without a reason; 55000 when the loader stays before nothing, when it has not come there yet (ask again after casus.log_load_interval), or when no later segment can be read yet (casus.rotate_log_key() begins one); 25006 on a standby. Beesel art. 14.';

CREATE FUNCTION casus.rotate_log_key() RETURNS integer
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_rotate_log_key';
REVOKE ALL ON FUNCTION casus.rotate_log_key() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.rotate_log_key() TO casus_admin;
COMMENT ON FUNCTION casus.rotate_log_key() IS
	'A new key for the access log of this node, from its next segment on; returns the id of the key. The old ones stay in casus.log_key_file, to verify what was written with them. On record three times: what was tried (attempt), by the writer of the log in the first entry with the new key (log_key), and that it was done (setup); of one that failed the attempt is followed by one with code undone. 55000 when the key cannot be made, or when the log cannot be written: then it is changed as soon as it can.';

CREATE FUNCTION casus.log_piece(from_segment bigint, from_place bigint, OUT node uuid, OUT segment bigint, OUT last_segment bigint,
	OUT next_segment bigint, OUT complete boolean, OUT last_seq bigint, OUT standby text, OUT bytes bytea)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_log_piece';
REVOKE ALL ON FUNCTION casus.log_piece(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.log_piece(bigint, bigint) TO casus_collector;
COMMENT ON FUNCTION casus.log_piece(bigint, bigint) IS
	'Bytes of this node''s access log from a place in a segment on, at most 1 MB, as far as they are on disk: for the server that collects them (casus.log_collect). from_segment 0: the checkpoint of what has gone (casus.purge_log). bytes NULL: that segment, or a checkpoint, is not there; complete: nothing follows in it; standby: as the server from which this one streams calls it. Of all databases; a session that asks is on record once.';
