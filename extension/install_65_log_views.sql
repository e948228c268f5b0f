/*
 * install_65_log_views.sql
 *		What people ask of the access log.  Each call shows of it what
 *		casus.access_log shows the caller, and is on record as that is.
 */

CREATE VIEW casus.overseen_file WITH (security_barrier) AS
	SELECT f.name AS file FROM casus_cat.file f WHERE casus_int.oversees(f.id)
	OFFSET 0;
GRANT SELECT ON casus.overseen_file TO PUBLIC;
COMMENT ON VIEW casus.overseen_file IS
	'Files of which the caller sees everything that says so in the access log: those that he oversees now by an office of the file (casus.office.oversees; Beesel: coordinator, art. 12.4 and 25.1, and fg, art. 24.3); for casus_auditor all.';

/*
 * The log once more, so that an index serves: a condition does not go into
 * casus.access_log, a security barrier.  loaded_record and log_line are for the
 * functions below: a statement that names them itself is refused (guard_view.c).
 */
CREATE VIEW casus_int.loaded_record AS
	SELECT l.node, l.seq, l.at, l.line, jsonb_path_query_array(l.line, '$.dossiers[*][0]') AS dossiers,
		ARRAY[l.person, l.line ->> 'role'] AS names
	FROM casus_cat.access_record l WHERE casus_int.sees_record(l.person, l.line);
CREATE VIEW casus_int.fresh_record WITH (security_barrier) AS
	SELECT casus_int.log_node() AS node, (t.line ->> 'seq')::bigint AS seq, (t.line ->> 'ts')::timestamptz AS at, t.line,
		jsonb_path_query_array(t.line, '$.dossiers[*][0]') AS dossiers,
		ARRAY[t.line ->> 'person', t.line ->> 'role'] AS names
	FROM casus_int.access_records(
		(SELECT l.segment FROM casus_cat.log_loaded l WHERE l.node = casus_int.log_node()),
		(SELECT l.place FROM casus_cat.log_loaded l WHERE l.node = casus_int.log_node()),
		(SELECT l.seq FROM casus_cat.log_loaded l WHERE l.node = casus_int.log_node())) AS t(line)
	WHERE casus_int.sees_record(t.line ->> 'person', t.line);
CREATE VIEW casus_int.log_line AS
	SELECT l.node, l.seq, l.at, l.line, l.line ->> 'kind' AS kind, l.line ->> 'code' AS code FROM casus_int.loaded_record l
	UNION ALL
	SELECT f.node, f.seq, f.at, f.line, f.line ->> 'kind', f.line ->> 'code' FROM casus_int.fresh_record f;
GRANT SELECT ON casus_int.loaded_record, casus_int.fresh_record, casus_int.log_line TO PUBLIC;
COMMENT ON VIEW casus_int.loaded_record IS
	'Records of the access log that are in tables, with what index access_record_finds has of them; those that the caller may see.';
COMMENT ON VIEW casus_int.fresh_record IS
	'Records of the access log that are not in tables yet. Reading it is on record, as reading casus.access_log is.';
COMMENT ON VIEW casus_int.log_line IS
	'Both: casus.access_log for figures, of which every row need not be taken apart first.';

/*
 * A record may name thousands of dossiers and is compressed then: to take what is
 * told of each of them out of the whole would unpack it for each of them again.
 */
CREATE FUNCTION casus_int.told(kinds text[], since timestamptz, until timestamptz, in_file text)
	RETURNS TABLE (at timestamptz, kind text, code text, pairs jsonb, node uuid, seq bigint, line jsonb)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT l.at, l.kind, l.code, l.line -> 'dossiers', l.node, l.seq, l.line - 'dossiers'
	FROM casus_int.log_line l
	WHERE l.kind = ANY (told.kinds) AND l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity')
		AND (told.in_file IS NULL OR l.line ->> 'file' = told.in_file);
END;
COMMENT ON FUNCTION casus_int.told(text[], timestamptz, timestamptz, text) IS
	'Records of these kinds (and of a file, unless it is NULL) from since up to until, with what they say of dossiers (pairs) apart from the rest (line). Behind the figures that count dossiers.';

/*
 * Of a dump the log has the table: kind export, or an attempt with code
 * copy_out when it did not come to its end; of a query, the attempt says that.  Of casus' own tables count those
 * that have lines about dossiers.  The first branches find by index, each alone,
 * because a condition "this one or NULL" would not; with a range of unknown ends
 * the planner would take that, or the whole table, for the cheaper way, hence IS
 * TRUE and the setting.  A record may name thousands of dossiers: what is told
 * of each of them is taken out of it once, and goes along without them.
 */
CREATE FUNCTION casus_int.seen(dossiers bigint[], name text, since timestamptz, until timestamptz)
	RETURNS TABLE (at timestamptz, kind text, seen bigint, row_count bigint, relation text, files text[], node uuid, seq bigint, line jsonb)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off
BEGIN ATOMIC
	WITH whole AS (
		SELECT l.node, l.seq, l.at, l.line, l.names FROM casus_int.loaded_record l
		WHERE seen.dossiers IS NOT NULL AND l.dossiers @> ANY (ARRAY(SELECT to_jsonb(w) FROM unnest(seen.dossiers) w))
			AND (l.at >= coalesce(since, '-infinity')) IS TRUE AND (l.at < coalesce(until, 'infinity')) IS TRUE
		UNION ALL
		SELECT l.node, l.seq, l.at, l.line, l.names FROM casus_int.loaded_record l
		WHERE seen.dossiers IS NULL AND l.names @> ARRAY[seen.name]
			AND (l.line ->> 'kind' = 'export' OR l.line ->> 'kind' = 'attempt' AND l.line ->> 'code' = 'copy_out') IS NOT TRUE
			AND (l.at >= coalesce(since, '-infinity')) IS TRUE AND (l.at < coalesce(until, 'infinity')) IS TRUE
		UNION ALL
		SELECT l.node, l.seq, l.at, l.line, l.names FROM casus_int.loaded_record l
		WHERE (l.line ->> 'kind' = 'export' OR l.line ->> 'kind' = 'attempt' AND l.line ->> 'code' = 'copy_out')
			AND l.at >= coalesce(since, '-infinity') AND l.at < coalesce(until, 'infinity')
		UNION ALL
		SELECT f.node, f.seq, f.at, f.line, f.names FROM casus_int.fresh_record f
		WHERE f.at >= coalesce(since, '-infinity') AND f.at < coalesce(until, 'infinity')
	), found AS MATERIALIZED (
		SELECT w.node, w.seq, w.at, w.names, w.line ->> 'kind' AS kind, w.line ->> 'code' AS code, w.line ->> 'relation' AS relation,
			w.line -> 'dossiers' AS pairs, w.line - 'dossiers' AS line
		FROM whole w
	)
	SELECT r.at, r.kind, (d.pair ->> 0)::bigint, (d.pair ->> 1)::bigint, r.relation, NULL::text[], r.node, r.seq, r.line
	FROM found r, LATERAL jsonb_array_elements(r.pairs) AS d(pair)
	WHERE r.kind IN ('read', 'copy', 'would_refuse')
		AND (seen.dossiers IS NULL OR (d.pair ->> 0)::bigint IN (SELECT unnest(seen.dossiers))) AND (seen.name IS NULL OR r.names @> ARRAY[seen.name])
	UNION ALL
	SELECT r.at, 'dump', NULL, NULL, coalesce(r.relation, r.line ->> 'text'),
		(SELECT array_agg(f.value ->> 'file')
			FROM pg_seclabel s JOIN pg_class c ON c.oid = s.objoid JOIN pg_namespace n ON n.oid = c.relnamespace,
				LATERAL jsonb_array_elements(s.label::jsonb -> 'files') AS f
			WHERE s.provider = 'casus' AND s.classoid = 'pg_class'::regclass AND s.objsubid = 0
				AND n.nspname || '.' || c.relname = r.relation),
		r.node, r.seq, r.line
	FROM found r
	WHERE (r.kind = 'export' AND r.relation IS NOT NULL OR r.kind = 'attempt' AND r.code = 'copy_out')
		AND (seen.name IS NULL OR r.names @> ARRAY[seen.name])
		AND ((r.relation LIKE 'casus\_cat.%') IS NOT TRUE
			OR r.relation IN ('casus_cat.dossier', 'casus_cat.participant', 'casus_cat.appointment', 'casus_cat.sharing',
				'casus_cat.linked', 'casus_cat.act', 'casus_cat.act_content', 'casus_cat.decision', 'casus_cat.opening'));
END;
COMMENT ON FUNCTION casus_int.seen(bigint[], text, timestamptz, timestamptz) IS
	'Rows let through, of some dossiers or to one person or database role: a line per record and dossier (seen). And tables that left whole (kind dump): relation, or by which function files of the server were read; files for which it is protected now, NULL: rows of any file may have been in it. Behind casus.who_saw, casus.who_saw_subject, casus.seen_by and casus.affected.';

CREATE FUNCTION casus_int.who_saw(dossiers bigint[], since timestamptz, until timestamptz)
	RETURNS TABLE (dossier bigint, at timestamptz, kind text, row_count bigint, relation text, file text, node uuid, seq bigint, line jsonb)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH seen AS MATERIALIZED (
		SELECT s.* FROM casus_int.seen(who_saw.dossiers, NULL, who_saw.since, who_saw.until) s
	)
	SELECT s.seen, s.at, s.kind, s.row_count, s.relation, s.line ->> 'file', s.node, s.seq, s.line
	FROM seen s
	WHERE s.kind <> 'dump'
	UNION ALL
	SELECT o.id, min(s.at), 'dump', NULL, string_agg(DISTINCT s.relation, ', '), o.file, s.node, min(s.seq),
		jsonb_build_object('person', max(s.line ->> 'person'), 'role', max(s.line ->> 'role'))
	FROM seen s, casus.dossier o
	WHERE s.kind = 'dump' AND o.id IN (SELECT unnest(who_saw.dossiers)) AND s.at >= o.opened_at AND (s.files IS NULL OR o.file = ANY (s.files))
	GROUP BY s.node, s.line ->> 'session', o.id, o.file;
END;
COMMENT ON FUNCTION casus_int.who_saw(bigint[], timestamptz, timestamptz) IS
	'Who saw rows of these dossiers, and (kind dump) which sessions took tables whole in which rows of them may have stood. Behind casus.who_saw and casus.who_saw_subject.';

/*
 * Of whom and of what the log is asked.  Nobody is not everybody, and a slip of
 * the pen is not one who saw nothing: in a breach that would be half an answer.
 * C knows persons, roles and dossiers; who is none of these any more stands in
 * the log, which is looked at only then.
 */
CREATE FUNCTION casus_int.known_account(name text, in_log boolean) RETURNS text
	LANGUAGE c STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_known_account';
COMMENT ON FUNCTION casus_int.known_account(text, boolean) IS
	'The name of an account as it was given; for casus_auditor NULL when it is that of no person and no role and it is not known whether it stands in the log. Errors: 22023 for NULL or nothing, and (casus_auditor) for one that does not stand there either. Behind casus_int.account.';

CREATE FUNCTION casus_int.known_dossier(dossier bigint, in_log boolean) RETURNS bigint
	LANGUAGE c STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_known_dossier';
COMMENT ON FUNCTION casus_int.known_dossier(bigint, boolean) IS
	'The same for a dossier. Behind casus_int.asked_dossier.';

CREATE FUNCTION casus_int.account(name text) RETURNS text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off
BEGIN ATOMIC
	SELECT coalesce(casus_int.known_account(account.name, NULL), casus_int.known_account(account.name,
		EXISTS (SELECT FROM casus_int.loaded_record l WHERE l.names @> ARRAY[account.name])
			OR EXISTS (SELECT FROM casus_int.fresh_record f WHERE f.names @> ARRAY[account.name])));
END;
COMMENT ON FUNCTION casus_int.account(text) IS
	'The name of an account as it was given. Errors: 22023 for NULL or nothing, and, to casus_auditor, for one of whom neither casus nor the server nor the log knows. Behind casus.seen_by, casus.affected and casus.affected_subjects.';

CREATE FUNCTION casus_int.asked_dossier(dossier bigint) RETURNS bigint
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off
BEGIN ATOMIC
	SELECT coalesce(casus_int.known_dossier(asked_dossier.dossier, NULL), casus_int.known_dossier(asked_dossier.dossier,
		EXISTS (SELECT FROM casus_int.loaded_record l WHERE l.dossiers @> to_jsonb(asked_dossier.dossier))
			OR EXISTS (SELECT FROM casus_int.fresh_record f WHERE f.dossiers @> to_jsonb(asked_dossier.dossier))));
END;
COMMENT ON FUNCTION casus_int.asked_dossier(bigint) IS
	'The dossier as it was given. Errors: 22023 for NULL, and, to casus_auditor, for one that never was, of which the log has no record either. Behind casus.who_saw.';

CREATE FUNCTION casus.who_saw(dossier bigint, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
	RETURNS TABLE (at timestamptz, person text, role text, file text, office text, party text, purpose text,
		source text, phase text, relation text, row_count bigint, opening bigint, node uuid, seq bigint, kind text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT s.at, s.line ->> 'person', s.line ->> 'role', s.file, s.line ->> 'office', s.line ->> 'party', s.line ->> 'purpose',
		s.line ->> 'source', s.line ->> 'phase', s.relation, s.row_count, (s.line ->> 'opening')::bigint, s.node, s.seq, s.kind
	FROM casus_int.who_saw(ARRAY[casus_int.asked_dossier(who_saw.dossier)], who_saw.since, who_saw.until) s
	ORDER BY s.at, s.node, s.seq;
END;
COMMENT ON FUNCTION casus.who_saw(bigint, timestamptz, timestamptz) IS
	'Who saw rows of this dossier from since up to until: when, in which office, for which purpose, of which table and how many. kind: read; copy (into a temporary table); would_refuse (what a table in mode observe let through); dump: a session of casus_backup took tables (relation) whole in which rows of this dossier may have stood, row_count NULL because the log counts them by table. For casus_auditor; who oversees the file (casus.overseen_file) finds the same but for dumps of tables that are not of his file alone; anyone else finds himself only. Error: 22023 when no dossier is named and, for casus_auditor, when there never was one of this number. Beesel art. 12.4, 14, AVG art. 15.';

/*
 * By data subject.  The log has no subjects: C says in which dossiers somebody
 * stands now, to an auditor alone, and puts the question on record.
 */
CREATE FUNCTION casus_int.dossiers_about(subject text, relation regclass) RETURNS SETOF bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_dossiers_about';
COMMENT ON FUNCTION casus_int.dossiers_about(text, regclass) IS
	'The dossiers in whose rows a data subject stands now, by the columns named with subject_column. Refused (casus.wrong_office) to who is no casus_auditor. On record, without the subject. Behind casus.who_saw_subject.';

CREATE FUNCTION casus.who_saw_subject(subject text, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, in_table regclass DEFAULT NULL)
	RETURNS TABLE (at timestamptz, dossier bigint, person text, role text, file text, office text, party text, purpose text,
		source text, phase text, relation text, row_count bigint, opening bigint, node uuid, seq bigint, kind text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT s.at, s.dossier, s.line ->> 'person', s.line ->> 'role', s.file, s.line ->> 'office', s.line ->> 'party', s.line ->> 'purpose',
		s.line ->> 'source', s.line ->> 'phase', s.relation, s.row_count, (s.line ->> 'opening')::bigint, s.node, s.seq, s.kind
	FROM casus_int.who_saw(ARRAY(SELECT d FROM casus_int.dossiers_about($1, $4) d), $2, $3) s
	ORDER BY s.at, s.node, s.seq, s.dossier;
END;
COMMENT ON FUNCTION casus.who_saw_subject(text, timestamptz, timestamptz, regclass) IS
	'Who saw rows of the dossiers in which a data subject stands now, from since up to until: a line per record and dossier, otherwise as casus.who_saw. Of all of the dossier, not of his rows alone: the log counts rows by dossier. subject: the value as text of the columns that casus.protect (subject_column) or casus.set_subject_column named, compared by "=" of the column''s type; in tables with another type it is not looked for where it is no value of that type. in_table: only in this table and its parts. Where he stood before and no more is not found. By a btree index that begins with the column, where there is one. For casus_auditor; refused to anyone else (casus.wrong_office), also to who oversees a file: it looks for somebody in the rows of every dossier. On record as a read of the log (code who_saw_subject), without the subject; pass it as a parameter, or the server''s own log may have it. Errors: 22023 no value of any of the types, 55000 no table names subjects. AVG art. 15; Beesel art. 14.';

CREATE FUNCTION casus.seen_by(person text, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
	RETURNS TABLE (at timestamptz, dossier bigint, role text, file text, office text, party text, purpose text,
		source text, phase text, relation text, row_count bigint, opening bigint, node uuid, seq bigint, kind text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT s.at, s.seen, s.line ->> 'role', s.line ->> 'file', s.line ->> 'office', s.line ->> 'party', s.line ->> 'purpose',
		s.line ->> 'source', s.line ->> 'phase', s.relation, s.row_count, (s.line ->> 'opening')::bigint, s.node, s.seq, s.kind
	FROM casus_int.seen(NULL, casus_int.account(seen_by.person), seen_by.since, seen_by.until) s
	ORDER BY s.at, s.node, s.seq, s.seen;
END;
COMMENT ON FUNCTION casus.seen_by(text, timestamptz, timestamptz) IS
	'What a person (or a database role, by its name) saw from since up to until: one line per record and dossier, kind as in casus.who_saw. dossier 0: rows without a valid label; NULL: kind dump, a table that was taken whole (casus.affected names the dossiers). For casus_auditor, and for who oversees a file what was seen of it; anyone else finds his own only. Error: 22023 when nobody is named and, for casus_auditor, when the name is that of no person, no role and no record of the log.';

CREATE FUNCTION casus_int.let_through(person text, since timestamptz, until timestamptz)
	RETURNS TABLE (file text, dossier bigint, at timestamptz, row_count bigint, relation text, purpose text, dumped boolean)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH seen AS MATERIALIZED (
		SELECT s.* FROM casus_int.seen(NULL, casus_int.account(let_through.person), let_through.since, let_through.until) s
	)
	SELECT s.line ->> 'file', s.seen, s.at, s.row_count, s.relation, s.line ->> 'purpose', false
	FROM seen s WHERE s.kind <> 'dump'
	UNION ALL
	SELECT o.file, o.id, s.at, NULL, s.relation, NULL, true
	FROM seen s JOIN casus.dossier o ON o.opened_at <= s.at AND (s.files IS NULL OR o.file = ANY (s.files))
	WHERE s.kind = 'dump';
END;
COMMENT ON FUNCTION casus_int.let_through(text, timestamptz, timestamptz) IS
	'What was let through to an account, a line per record and dossier; of a dump each dossier that was open by then. Behind casus.affected and casus.affected_subjects.';

CREATE FUNCTION casus_int.subjects_in(dossiers bigint[], relations text[]) RETURNS TABLE (dossier bigint, relation text, subject bigint)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_subjects_in';
COMMENT ON FUNCTION casus_int.subjects_in(bigint[], text[]) IS
	'For each pair of a dossier and a table, as the log names it, of which a column names data subjects: a row without subject, and one for each row of the dossier there now, with a number that stands for the subject in this call alone. Reads each table once. Nothing for who is no casus_auditor.';

CREATE FUNCTION casus.affected(person text, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
	RETURNS TABLE (file text, dossier bigint, first_at timestamptz, last_at timestamptz, records bigint,
		row_count bigint, relations text[], purposes text[], dumped boolean, subjects bigint)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH passed AS MATERIALIZED (
		SELECT t.* FROM casus_int.let_through(affected.person, affected.since, affected.until) t
	), asked AS (
		SELECT array_agg(p.dossier ORDER BY p.relation) AS dossiers, array_agg(p.relation ORDER BY p.relation) AS relations
		FROM (SELECT DISTINCT p.dossier, p.relation FROM passed p) p
	), counted AS MATERIALIZED (
		SELECT c.dossier, count(DISTINCT c.subject) AS subjects
		FROM asked, LATERAL casus_int.subjects_in(asked.dossiers, asked.relations) c GROUP BY c.dossier
	)
	SELECT max(p.file), p.dossier, min(p.at), max(p.at), count(*), sum(p.row_count)::bigint,
		array_agg(DISTINCT p.relation ORDER BY p.relation) FILTER (WHERE p.relation IS NOT NULL),
		array_agg(DISTINCT p.purpose ORDER BY p.purpose) FILTER (WHERE p.purpose IS NOT NULL), bool_or(p.dumped), max(c.subjects)
	FROM passed p LEFT JOIN counted c ON c.dossier = p.dossier
	GROUP BY p.dossier
	ORDER BY 1, 2;
END;
COMMENT ON FUNCTION casus.affected(text, timestamptz, timestamptz) IS
	'For a breach: every dossier of which the account of a person (or a database role, by its name) was let through rows from since up to until, with the first and the last time, and from which tables. An upper bound: the log notes what the scans let through. dumped: it took tables whole as casus_backup, so that every dossier that was open by then in the files of these tables is named; row_count tells what was read besides. subjects: how many data subjects stand, as of now, in the rows of the dossier in these tables (a table that was renamed since is not found); NULL: none of them has a column that names subjects (subject_column of casus.protect), or the caller is no casus_auditor. Who stands in several dossiers counts in each; casus.affected_subjects counts him once. For casus_auditor, and for who oversees a file the dossiers of it; anyone else finds his own only. Error: 22023 when nobody is named and, for casus_auditor, when the name is that of no person, no role and no record of the log. AVG art. 33 and 34.';

CREATE FUNCTION casus.affected_subjects(person text, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
	RETURNS TABLE (relation text, dossiers bigint, subjects bigint)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH passed AS MATERIALIZED (
		SELECT DISTINCT t.dossier, t.relation FROM casus_int.let_through(affected_subjects.person, affected_subjects.since, affected_subjects.until) t
	), asked AS (
		SELECT array_agg(p.dossier ORDER BY p.relation) AS dossiers, array_agg(p.relation ORDER BY p.relation) AS relations FROM passed p
	)
	SELECT c.relation, count(DISTINCT c.dossier), count(DISTINCT c.subject)
	FROM asked, LATERAL casus_int.subjects_in(asked.dossiers, asked.relations) c
	GROUP BY GROUPING SETS ((c.relation), ())
	HAVING count(*) > 0
	ORDER BY c.relation NULLS LAST;
END;
COMMENT ON FUNCTION casus.affected_subjects(text, timestamptz, timestamptz) IS
	'For a breach: how many data subjects stand, as of now, in the dossiers of which an account was let through rows (casus.affected), by table, and (relation NULL) in all, each once where tables name him by the same text. dossiers: those of which the table was read. Of tables without a column that names subjects nothing is said; partitions and tables that inherit count as the one above. An approximation: rows that came or went since are counted as they are now. For casus_auditor; nothing for anyone else. Error: 22023 when nobody is named and, for casus_auditor, when the name is that of no person, no role and no record of the log. AVG art. 33(3)(a).';

CREATE FUNCTION casus.log_outliers(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, factor numeric DEFAULT 3, in_file text DEFAULT NULL)
	RETURNS TABLE (person text, office text, day date, dossiers bigint, own_median double precision, colleagues_median double precision)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH seen AS MATERIALIZED (
		SELECT coalesce(l.line ->> 'person', l.line ->> 'role') AS person, l.line ->> 'office' AS office,
			(l.at AT TIME ZONE 'Europe/Amsterdam')::date AS day, count(DISTINCT d.pair -> 0) AS dossiers
		FROM casus_int.told('{read,copy,would_refuse}', log_outliers.since, log_outliers.until, log_outliers.in_file) l, LATERAL jsonb_array_elements(l.pairs) AS d(pair)
		GROUP BY 1, 2, 3
	), own AS MATERIALIZED (
		SELECT s.person, s.office, s.day, s.dossiers, percentile_cont(0.5) WITHIN GROUP (ORDER BY o.dossiers) AS median
		FROM seen s LEFT JOIN seen o ON o.person = s.person AND coalesce(o.office, '') = coalesce(s.office, '') AND o.day <> s.day
		GROUP BY 1, 2, 3, 4
	), colleagues AS MATERIALIZED (
		SELECT w.person, w.office,
			(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY o.dossiers) FROM seen o
				WHERE o.person <> w.person AND o.office IS NOT DISTINCT FROM w.office) AS median
		FROM (SELECT DISTINCT s.person, s.office FROM seen s) w
	)
	SELECT o.person, o.office, o.day, o.dossiers, o.median, c.median
	FROM own o JOIN colleagues c ON c.person = o.person AND coalesce(c.office, '') = coalesce(o.office, '')
	WHERE o.dossiers >= 5 AND (o.dossiers > log_outliers.factor * o.median OR o.dossiers > log_outliers.factor * c.median
		OR o.median IS NULL AND c.median IS NULL)
	ORDER BY o.dossiers DESC, o.person, o.day;
END;
COMMENT ON FUNCTION casus.log_outliers(timestamptz, timestamptz, numeric, text) IS
	'Days on which a person saw rows of more than factor (default 3) times as many dossiers as on the median of his other days, or as colleagues in the same office do on a day; and, with neither median, days for which there is nothing to compare with: the only day of who is alone in an office. Of less than five dossiers nothing is said. Where to look, not a finding. in_file: in that file. For casus_auditor, and for who oversees a file within what the log has of it; anyone else is compared with nobody.';

CREATE FUNCTION casus.record_control(since timestamptz, until timestamptz, sample bigint[], outcome text, motivation text, nodes uuid[] DEFAULT NULL, file text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_record_control';
COMMENT ON FUNCTION casus.record_control(timestamptz, timestamptz, bigint[], text, text, uuid[], text) IS
	'The periodic control of the access log as an act, by a casus_auditor, or of what it has of a file (file) by who oversees that by his office (casus.overseen_file; NULL: the only one): over which period, which records were looked at (sample: casus.access_log.seq; nodes: casus.access_log.node of each, since numbers count per node, NULL: all of this server''s log), outcome no_findings or findings, and a motivation. Refused with 22023 unless each of the sample is a record of this database (and of the file, where one is named) within the period, nodes is as long as sample, and the period is over. A control of granted rights goes on record so as well: casus.log_rights() lists them. Returns the act; casus.control shows them. Refused to others (42501 casus.wrong_office, or casus.no_appointment in the file named). Beesel art. 12.4, 14.2, 25.1; PGA art. 15.2.';

/* By CASE no condition on what is written of an act is asked of another act first, in whatever order tables are joined. */
CREATE VIEW casus.control WITH (security_barrier) AS
	SELECT a.id AS act, a.at, p.name AS person, a.role_name,
		CASE WHEN a.kind = 'record_control' THEN (c.details ->> 'since')::timestamptz END AS since,
		CASE WHEN a.kind = 'record_control' THEN (c.details ->> 'until')::timestamptz END AS until,
		CASE WHEN a.kind = 'record_control' THEN (c.details ->> 'records')::bigint END AS records,
		CASE WHEN a.kind = 'record_control' THEN (c.details ->> 'sample')::bigint[] END AS sample,
		CASE WHEN a.kind = 'record_control' THEN c.details ->> 'outcome' END AS outcome,
		CASE WHEN a.kind = 'record_control' THEN c.motivation END AS motivation,
		CASE WHEN a.kind = 'record_control' THEN (c.details ->> 'nodes')::uuid[] END AS nodes,
		f.name AS file
	FROM casus_cat.act a
	JOIN casus_cat.act_content c ON c.act = a.id
	LEFT JOIN casus_cat.person p ON p.id = a.person
	LEFT JOIN casus_cat.file f ON f.id = a.file
	WHERE a.kind = 'record_control' AND (casus_int.sees_dossier(NULL) OR casus_int.oversees(a.file))
	OFFSET 0;	-- a check for each row: nothing of the caller's goes below it
GRANT SELECT ON casus.control TO PUBLIC;
COMMENT ON VIEW casus.control IS
	'Periodic controls of the access log (casus.record_control): who, when, the period and how many records it has, the sample (numbers, and of which nodes), the outcome; file: of what the log has of that file, NULL: of all of it. Seen by casus_auditor and casus_admin, and those of a file by who oversees it.';

/*
 * The log in the shape of the Dutch standard Logboek Dataverwerkingen (LDV):
 * a line per action, about none or one; of an action about several each has a
 * line of its own under it.  The user stands apart.
 */
CREATE FUNCTION casus_int.span(node uuid, seq bigint, dossier bigint) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT substr(encode(sha256(convert_to(node::text || '/' || seq || '/' || coalesce(dossier::text, ''), 'UTF8')), 'hex'), 1, 16) $$;
COMMENT ON FUNCTION casus_int.span(uuid, bigint, bigint) IS
	'The span id of a record of the access log (dossier NULL), or of what it says about a dossier: always the same.';

CREATE FUNCTION casus_int.trace(node uuid, seq bigint) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT substr(encode(sha256(convert_to(node::text || '/' || seq, 'UTF8')), 'hex'), 1, 32) $$;
COMMENT ON FUNCTION casus_int.trace(uuid, bigint) IS
	'The trace id of a record of the access log that came without a traceparent.';

CREATE VIEW casus_int.ldv_action WITH (security_barrier) AS
	SELECT l.*, d.dossier, d.row_count, coalesce(substr(l.traceparent, 4, 32), casus_int.trace(l.node, l.seq)) AS trace_id,
		casus_int.span(l.node, l.seq, d.dossier) AS span_id,
		CASE WHEN d.dossier IS NOT NULL AND cardinality(l.dossiers) > 1 THEN casus_int.span(l.node, l.seq, NULL) ELSE substr(l.traceparent, 37, 16) END AS parent_span_id
	FROM casus.access_log l, LATERAL (
		SELECT NULL::bigint AS dossier, NULL::bigint AS row_count WHERE cardinality(l.dossiers) <> 1
		UNION ALL
		SELECT u.dossier, u.row_count FROM unnest(l.dossiers, l.row_counts) AS u(dossier, row_count)) d
	WHERE l.kind IN ('read', 'copy', 'would_refuse', 'empty', 'write', 'refusal', 'export', 'act')
		OR l.kind = 'setup' AND cardinality(l.dossiers) > 0
		OR l.kind = 'attempt' AND l.code = 'undone' AND (cardinality(l.dossiers) > 0
			OR EXISTS (SELECT FROM casus.access_log a WHERE a.kind = 'act' AND a.node = l.node AND a.session = l.session AND a.text = l.text));
GRANT SELECT ON casus_int.ldv_action TO PUBLIC;
COMMENT ON VIEW casus_int.ldv_action IS
	'Records of the access log as actions of the standard Logboek Dataverwerkingen: a line each, and where it is about several dossiers one for each of them under it. Set-up only where it is about dossiers, and of what was undone only what is here as done. Behind casus.ldv and casus.ldv_actor.';

CREATE VIEW casus.ldv WITH (security_barrier) AS
	SELECT l.trace_id, l.span_id,
		CASE WHEN l.kind = 'attempt' THEN 'Error' WHEN l.kind IN ('refusal', 'write') THEN 'Unset' ELSE 'Ok' END AS status,
		concat_ws(' ', l.kind, l.verb, l.relation, l.code) AS name,
		(extract(epoch FROM l.at) * 1000)::bigint AS start_time,
		(extract(epoch FROM l.at) * 1000)::bigint AS end_time,
		l.parent_span_id,
		jsonb_strip_nulls(jsonb_build_object(
			'dpl.core.processing_activity_id', concat_ws(':', 'urn:casus', i.id, f.id, f.protocol, coalesce(l.purpose, l.kind)),
			'dpl.core.data_subject_id', CASE WHEN l.dossier <> 0 THEN l.dossier::text END,
			'dpl.core.data_subject_id_type', CASE WHEN l.dossier <> 0 THEN concat_ws(':', 'urn:casus', i.id, 'dossier') END,
			'casus.kind', l.kind, 'casus.code', l.code, 'casus.phase', l.phase, 'casus.source', l.source, 'casus.rows', l.row_count)) AS attributes,
		jsonb_build_object('attributes', jsonb_build_object('service.name', 'casus', 'service.instance.id', l.node, 'db.name', current_database())) AS resource
	FROM casus_int.ldv_action l
	LEFT JOIN casus_cat.installation i ON true
	LEFT JOIN casus_cat.file f ON f.name = l.file;
GRANT SELECT ON casus.ldv TO PUBLIC;
COMMENT ON VIEW casus.ldv IS
	'The access log in the shape of the Dutch standard Logboek Dataverwerkingen: a line per action; of one about several dossiers (or none) it names none, and each has a line of its own under it by parent_span_id; times in milliseconds since 1970, no user (casus.ldv_actor, by span_id). Of set-up it has what is about a dossier: break-glass by a casus_admin, the end of an opening, what was taken in. dpl.core.processing_activity_id: a purpose of a file under a protocol as loaded, or the kind of the action where no purpose is known. dpl.core.data_subject_id is the dossier, not a person (as dpl.core.data_subject_id_type says): the log has no persons, so that those of a dossier share a line; where a person stands, casus.who_saw_subject tells. status: Ok; Unset for a refusal, since the standard keeps Error for technical failure, and for a write, which is on record also when it was rolled back; Error for what was undone: the line of this session before it with the same dossiers, whose COMMIT failed. start_time and end_time are the moment of the record: how long an action took is not known. trace_id and the parent of an action are what the client set as casus.traceparent: a hint, not a proof; without it each action is a trace of its own. dpl.core.foreign_operation.processor is not filled: who calls is the application of this database. Attributes in namespace casus are ours, not the standard''s. Seen as casus.access_log.';

CREATE VIEW casus.ldv_actor WITH (security_barrier) AS
	SELECT l.trace_id, l.span_id, l.person, l.role, l.actor_kind, l.session_role, l.file, l.office, l.party, l.purpose, l.application, l.client, l.node, l.seq,
		l.session
	FROM casus_int.ldv_action l;
GRANT SELECT ON casus.ldv_actor TO PUBLIC;
COMMENT ON VIEW casus.ldv_actor IS
	'Who did what a line of casus.ldv says, by span_id; apart, as the standard asks. session: the same for all that one session did. Seen as casus.access_log, and so is casus.ldv: who may see a record may see who made it. For readers who are to have the lines without the actor a casus_auditor writes casus.ldv into a table, here or in a register elsewhere, and GRANT SELECT on that is what they have: nothing in a line names its actor, and span_id leads to him only through this view.';
