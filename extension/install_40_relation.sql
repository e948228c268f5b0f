/*
 * install_40_relation.sql
 *		Protecting the tables of an existing database.
 */

/*
 * For everybody: an owner who makes or attaches a partition copies the triggers
 * of the whole, with his own rights.  By name nobody reaches them, for nobody
 * may use the schema; and they refuse to be anything but the triggers of casus.
 */
CREATE FUNCTION casus_int.row_trigger() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'casus_sql_row_trigger';
COMMENT ON FUNCTION casus_int.row_trigger() IS
	'Row trigger of every protected table (BEFORE INSERT OR UPDATE OR DELETE, ENABLE ALWAYS): writes casus_label and gives the write verdict.';

CREATE FUNCTION casus_int.resolve_pending() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'casus_sql_resolve_pending';
COMMENT ON FUNCTION casus_int.resolve_pending() IS
	'Deferred constraint trigger of a protected table whose foreign key to its parent is deferrable: gives a row that came before its parent its label at commit, or refuses with casus.no_parent.';

CREATE FUNCTION casus_int.is_pending(label casus.label) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_is_pending';
COMMENT ON FUNCTION casus_int.is_pending(casus.label) IS
	'Does this label wait for the row''s parent? Used by the deferred constraint trigger only.';

CREATE FUNCTION casus.protect(
	relation regclass,
	file text,
	opens_dossier boolean DEFAULT false,
	dossier text DEFAULT NULL,
	via text DEFAULT NULL,
	via_child text DEFAULT NULL,
	governs text DEFAULT NULL,
	category text DEFAULT NULL,
	category_column text DEFAULT NULL,
	category_map jsonb DEFAULT NULL,
	originator text DEFAULT NULL,
	originator_column text DEFAULT NULL,
	originator_map jsonb DEFAULT NULL,
	subject_category text DEFAULT NULL,
	subject_category_column text DEFAULT NULL,
	subject_category_map jsonb DEFAULT NULL,
	subject_column text DEFAULT NULL,
	columns jsonb DEFAULT NULL,
	default_basis text DEFAULT NULL,
	item text DEFAULT 'row',
	without_purpose text DEFAULT NULL,
	dry_run boolean DEFAULT false,
	via_link text DEFAULT NULL,
	resolve regprocedure DEFAULT NULL)
	RETURNS SETOF text
	LANGUAGE c VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_protect';
REVOKE ALL ON FUNCTION casus.protect(regclass, text, boolean, text, text, text, text, text, text, jsonb, text, text, jsonb, text, text, jsonb, text, jsonb, text, text, text, boolean, text, regprocedure) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.protect(regclass, text, boolean, text, text, text, text, text, text, jsonb, text, text, jsonb, text, text, jsonb, text, jsonb, text, text, text, boolean, text, regprocedure) TO casus_admin;
COMMENT ON FUNCTION casus.protect(regclass, text, boolean, text, text, text, text, text, text, jsonb, text, text, jsonb, text, text, jsonb, text, jsonb, text, text, text, boolean, text, regprocedure) IS
$$Registers a table as protected and adds its column casus_label; it binds nobody before casus.bind. Returns the commands it carried out; with dry_run the commands it would carry out, and the cost.
Exactly one of: opens_dossier (each governed row is a dossier), dossier (bigint column with the id of casus.open_dossier), via (foreign-key column; several as '{a,b}' or text[], the first that is not null wins), via_child ('table.fk_column': the foreign key of that child points here), via_link ('link_table' or 'link_table.fk_column', protected before: a row stands outside until a governed row of the link table points to it, takes the dossier of the first that does, and is read only where the dossiers of all permit; removing a link takes nothing back; rows below it need item => 'inherit'), resolve (function of the table's owner, IMMUTABLE or STABLE, f(column type, ...) RETURNS bigint, each argument with the name and type of a column: it names the dossier when a row is written and by take_in. It runs as the owner in a security-restricted operation with search_path pg_catalog, pg_temp and what its own SET says; it may not act, enter or leave. NULL or an error refuses the row, casus.no_parent; a dossier that is not of this file, casus.not_involved. An UPDATE of those columns that would name another dossier is refused. Changing it needs casus.maintenance of the table; dropping it is refused).
governs: expression over the table's own columns, built-in immutable functions only, its literals read with TimeZone Europe/Amsterdam and DateStyle ISO, DMY whoever writes; other rows stay outside the protocol. category, originator, subject_category: a name, or a column, whose values a jsonb object may map; without them the category is the parent row's, for a dossier's own row the first that is about no person, the originator the party of who inserts, the data subject the parent row's or none. columns: {"column": "category of its data"}: a value that may not be kept about the row's category of data subject is refused ('' counts as none); whoever may not read that category for his purpose in his office is refused when he names the column, and finds NULL in views and where only another phase allows it; to write a value takes supply (correct, for one that changes) in that category, else casus.wrong_category. subject_column: the column that names the data subject whom a row is about, by which casus.who_saw_subject and casus.affected find and count him; of a type with "=" in C code (text, integer, uuid ...), not an array; it gets no statistics. item: row or inherit (one item with the parent). without_purpose: error or hide (default hide on a mixed table).
Needs casus_admin and ownership of the table. Errors: 22023 unknown names, 55000 unsuitable table, 42501 not allowed.$$;

CREATE FUNCTION casus.protect(
	relation regclass,
	file text,
	via text[],
	governs text DEFAULT NULL,
	category text DEFAULT NULL,
	category_column text DEFAULT NULL,
	category_map jsonb DEFAULT NULL,
	originator text DEFAULT NULL,
	originator_column text DEFAULT NULL,
	originator_map jsonb DEFAULT NULL,
	subject_category text DEFAULT NULL,
	subject_category_column text DEFAULT NULL,
	subject_category_map jsonb DEFAULT NULL,
	subject_column text DEFAULT NULL,
	columns jsonb DEFAULT NULL,
	default_basis text DEFAULT NULL,
	item text DEFAULT 'row',
	without_purpose text DEFAULT NULL,
	dry_run boolean DEFAULT false)
	RETURNS SETOF text
	LANGUAGE sql VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT casus.protect(relation, file, via => via::text, governs => governs,
		category => category, category_column => category_column, category_map => category_map,
		originator => originator, originator_column => originator_column, originator_map => originator_map,
		subject_category => subject_category, subject_category_column => subject_category_column,
		subject_category_map => subject_category_map, subject_column => subject_column, columns => columns,
		default_basis => default_basis, item => item, without_purpose => without_purpose, dry_run => dry_run)
$$;
REVOKE ALL ON FUNCTION casus.protect(regclass, text, text[], text, text, text, jsonb, text, text, jsonb, text, text, jsonb, text, jsonb, text, text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.protect(regclass, text, text[], text, text, text, jsonb, text, text, jsonb, text, text, jsonb, text, jsonb, text, text, text, boolean) TO casus_admin;
COMMENT ON FUNCTION casus.protect(regclass, text, text[], text, text, text, jsonb, text, text, jsonb, text, text, jsonb, text, jsonb, text, text, text, boolean) IS
	'The same with via as an array: the first of these foreign-key columns that is not null leads to the parent. Errors as above.';

CREATE FUNCTION casus.bind(relation regclass, mode text DEFAULT 'enforce') RETURNS SETOF text
	LANGUAGE c VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_bind';
REVOKE ALL ON FUNCTION casus.bind(regclass, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.bind(regclass, text) TO casus_admin;
COMMENT ON FUNCTION casus.bind(regclass, text) IS
$$Binds everyone to the protocol on a protected table, in mode enforce (the default) or observe. observe: new rows get their label, nothing is filtered, what would be refused is logged. enforce: row security, policy and trigger in place; refused (55000) while a governed row has no label (CALL casus.take_in first), or the table from which its labels come (the parent, or the child of via_child and via_link) is not bound yet. It cannot be taken back to observe: that is casus.unprotect. Returns the commands carried out.$$;

CREATE FUNCTION casus.set_subject_column(relation regclass, subject_column text, file text DEFAULT NULL) RETURNS SETOF text
	LANGUAGE c VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_set_subject_column';
REVOKE ALL ON FUNCTION casus.set_subject_column(regclass, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.set_subject_column(regclass, text, text) TO casus_admin;
COMMENT ON FUNCTION casus.set_subject_column(regclass, text, text) IS
$$Says of a table that is protected already which column names the data subject that a row is about, as subject_column of casus.protect does; NULL: none does any more. In the place of what was said before; file: only for rows of that file. The column gets no statistics. Returns the commands carried out. Needs casus_admin and ownership of the table. Errors: 22023 no such column or file, or a type that cannot be compared; 55000 not protected, or a part of a protected table.$$;

CREATE FUNCTION casus.unprotect(relation regclass, reason text) RETURNS SETOF text
	LANGUAGE c VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_unprotect';
REVOKE ALL ON FUNCTION casus.unprotect(regclass, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.unprotect(regclass, text) TO casus_admin;
COMMENT ON FUNCTION casus.unprotect(regclass, text) IS
$$Takes the protection of a table away: policy, trigger, row security as they were found, label column and settings. Refused (55000) once bound (enforce) while the table holds a governed row, or while a protected child gets its label from it. Before that, the dossiers that take_in opened from the table and in which nobody acted go with it; refused (55000) while another protected table has rows in them. Logged with the reason.$$;

CREATE PROCEDURE casus.take_in(
	relation regclass,
	batch_size integer DEFAULT 1000,
	phase text DEFAULT NULL,
	opened text DEFAULT NULL,
	closed text DEFAULT NULL)
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'casus_sql_take_in';
REVOKE ALL ON PROCEDURE casus.take_in(regclass, integer, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE casus.take_in(regclass, integer, text, text, text) TO casus_admin;
COMMENT ON PROCEDURE casus.take_in(regclass, integer, text, text, text) IS
$$Labels the existing rows of a protected table in batches of batch_size rows (default 1000), with its progress as NOTICE and a COMMIT after each; may be repeated, and goes on where it stopped. On a table that opens dossiers each governed row becomes a dossier: phase, opened and closed are expressions over the row's own columns (built-in functions only): name of the phase (text; default the initial phase, or the closing phase where closed is not null), moment of opening and of closing (timestamptz; default now and null). The call is on record before it begins (attempt), and with each batch how many rows it labelled (setup). Parents first: a WARNING names a parent table with governed rows that have no label yet. Rows whose codes no map knows are reported as findings and stay unlabelled. Outside a transaction block. Errors: 22023, 55000.$$;


CREATE FUNCTION casus.move(relation regclass, key text, target text, motivation text) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_move_text';
COMMENT ON FUNCTION casus.move(regclass, text, text, text) IS
$$Moves the row with this primary key (one column), and what hangs on it, to another dossier of the same file: target is the new value of the column that leads to its dossier (the foreign-key column in use, or the dossier column; a JSON object for a key of several columns). Where a function names the dossier (resolve): a JSON object with the columns that it is given and that change, {} for none; of one column its value does too, and must where that is an array, JSON or a type of users; it is asked about the row as it becomes, and the row goes where it says. Item numbers, originator, category, phase of collection and category of data subject stay; what was shared by item stays shared in the dossier that is left only. Each row is judged as removed from the one dossier and brought into the other, in the context or else the only fitting appointment for each dossier, and must be readable to the caller; SELECT on the key and UPDATE on the column (of a function: on all that it is given) are needed too. A foreign key of such a column to a table that is not protected is checked at once. Triggers of the table do not run.
Refusals: casus.no_appointment (no such row for the caller), casus.no_parent (no such target for him; the function names none), casus.not_governed (a row that is a dossier itself, a row or target outside the protocol, a target in another file), casus.content_missing (no motivation), casus.label (the row waits for its parent, or would change its category or originator), casus.wrong_office, casus.wrong_phase, casus.wrong_category with their article as in an INSERT or DELETE. Errors: 22023 table not protected, wrong key, same dossier, a target with columns that the function is not given; 23503; 40001 changed at the same time; 55000 a row of several dossiers (via_link); 0A000 row security of its own, another constraint on the column, another partition. Writes an act in both dossiers; returns the one in the new.$$;

CREATE FUNCTION casus.move(relation regclass, key jsonb, target text, motivation text) RETURNS bigint
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_move_jsonb';
COMMENT ON FUNCTION casus.move(regclass, jsonb, text, text) IS
	'As casus.move(regclass, text, text, text), for a primary key of any number of columns: {"column": value, ...}.';


CREATE FUNCTION casus_int.looks_personal(column_name name) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT pg_catalog.lower(column_name::text) OPERATOR(pg_catalog.~)
		'bsn|naam|name|geboorte|birth|geslacht|gender|adres|address|straat|postcode|telefoon|phone|e?mail|betrokkene|persoon|person|voorletter|a_nummer|nationaliteit|toelichting|omschrijving|opmerking|notitie|tekst';
END;
REVOKE ALL ON FUNCTION casus_int.looks_personal(name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.looks_personal(name) TO casus_admin, casus_auditor;
COMMENT ON FUNCTION casus_int.looks_personal(name) IS
	'Does the name of a column say that it holds personal data? For casus.survey() and casus.doctor(): a guess.';

CREATE FUNCTION casus_int.open_histories(relation oid) RETURNS TABLE (name text, function text, target text)
	LANGUAGE sql STABLE STRICT
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH writing AS (
		SELECT g.tgname::text AS name, f.oid::regprocedure::text AS function, n.nspname, pg_catalog.concat_ws('.', m.found[1], m.found[2]) AS target,
			(SELECT k.oid FROM pg_catalog.pg_class k JOIN pg_catalog.pg_namespace s ON s.oid = k.relnamespace
				WHERE k.relname = pg_catalog.lower(m.found[2]) AND s.nspname = ANY (CASE WHEN m.found[1] IS NULL
					THEN ARRAY[n.nspname, t.nspname, 'public'] ELSE ARRAY[pg_catalog.lower(m.found[1])::name] END)
				ORDER BY s.nspname = n.nspname DESC, s.nspname = t.nspname DESC LIMIT 1) AS relid
		FROM pg_catalog.pg_trigger g
		JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid JOIN pg_catalog.pg_namespace t ON t.oid = c.relnamespace
		JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace,
		LATERAL pg_catalog.regexp_matches(f.prosrc, '\minsert\s+into\s+(?:([a-z_]\w*)\.)?([a-z_]\w*)', 'gi') m(found)
		WHERE g.tgrelid = open_histories.relation AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND n.nspname <> 'casus_int'
	)
	SELECT DISTINCT w.name, w.function, COALESCE(w.relid::regclass::text, w.target) FROM writing w
	WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_seclabel s
			WHERE s.provider = 'casus' AND s.classoid = 'pg_catalog.pg_class'::regclass AND s.objoid = w.relid AND s.objsubid = 0)
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_class k WHERE k.oid = w.relid AND k.relpersistence = 't')
	ORDER BY 1, 3;
END;
REVOKE ALL ON FUNCTION casus_int.open_histories(oid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.open_histories(oid) TO casus_admin, casus_auditor;
COMMENT ON FUNCTION casus_int.open_histories(oid) IS
	'Triggers of a table whose function says INSERT INTO a table that is not protected, as far as its text shows. For casus.protect(), bind(), survey() and doctor().';

CREATE FUNCTION casus.survey(schema text, root regclass DEFAULT NULL)
	RETURNS TABLE (relation text, distance integer, finding text, object text, detail text, proposal text)
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH RECURSIVE tables AS (
		SELECT c.oid, c.relname, c.relkind, c.relowner, c.relispartition, c.reltuples,
			pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
		FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.oid = pg_catalog.quote_ident(survey.schema)::regnamespace AND c.relkind IN ('r', 'p', 'f')
	), keys AS (
		SELECT k.oid, k.conrelid, k.confrelid, k.conname, k.condeferrable, k.conkey
		FROM pg_catalog.pg_constraint k
		WHERE k.contype = 'f' AND k.conrelid <> k.confrelid AND k.conparentid = 0
			AND k.conrelid IN (SELECT t.oid FROM tables t)
	), referred AS (
		SELECT k.confrelid AS oid, pg_catalog.count(DISTINCT k.conrelid) AS n
		FROM keys k GROUP BY k.confrelid
	), root AS (
		SELECT t.oid
		FROM tables t LEFT JOIN referred r ON r.oid = t.oid
		ORDER BY t.oid = survey.root DESC NULLS LAST, COALESCE(r.n, 0) DESC,
			(SELECT pg_catalog.count(*) FROM keys k WHERE k.conrelid = t.oid) DESC, t.relname
		LIMIT 1
	), way(oid, distance) AS (
		SELECT root.oid, 0 FROM root
		UNION
		SELECT k.conrelid, w.distance + 1
		FROM way w JOIN keys k ON k.confrelid = w.oid
		WHERE w.distance < 32
	), near AS (
		SELECT w.oid, pg_catalog.min(w.distance) AS distance FROM way w GROUP BY w.oid
	), parent AS (
		SELECT k.conrelid AS oid, pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) AS columns
		FROM keys k JOIN near c ON c.oid = k.conrelid JOIN near p ON p.oid = k.confrelid AND p.distance = c.distance - 1
		JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
		WHERE pg_catalog.cardinality(k.conkey) = 1
		GROUP BY k.conrelid
	), base AS (
		SELECT k.confrelid AS oid, pg_catalog.min(pg_catalog.format('%s.%I', t.name, a.attname)) AS child
		FROM keys k JOIN root r ON r.oid = k.conrelid JOIN tables t ON t.oid = k.conrelid
		JOIN pg_catalog.pg_index x ON x.indrelid = k.conrelid AND x.indisprimary AND x.indnkeyatts = 1 AND x.indkey[0] = k.conkey[1]
		JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
		WHERE k.confrelid IN (SELECT t.oid FROM tables t) AND k.confrelid NOT IN (SELECT n.oid FROM near n)
		GROUP BY k.confrelid
	), link AS (
		SELECT DISTINCT k.conrelid AS oid, o.confrelid AS other
		FROM keys k JOIN near p ON p.oid = k.confrelid
		JOIN keys o ON o.conrelid = k.conrelid AND o.oid <> k.oid
		JOIN pg_catalog.pg_index x ON x.indrelid = k.conrelid AND x.indisunique AND x.indnkeyatts = 2
			AND k.conkey[1] = ANY (x.indkey::smallint[]) AND o.conkey[1] = ANY (x.indkey::smallint[])
		WHERE o.confrelid NOT IN (SELECT n.oid FROM near n)
	), proposals(oid, arguments) AS (
		SELECT r.oid, 'opens_dossier => true, governs => ''...'', category => ''...''' FROM root r
		UNION ALL
		SELECT p.oid, pg_catalog.format('via => %s, category => ''...''',
			CASE WHEN pg_catalog.cardinality(p.columns) = 1 THEN pg_catalog.quote_literal(p.columns[1])
				ELSE pg_catalog.format('ARRAY[%s]', (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(c.name), ', ') FROM pg_catalog.unnest(p.columns) c(name))) END)
		FROM parent p
		UNION ALL
		SELECT b.oid, pg_catalog.format('via_child => %L, category => ''...''', b.child) FROM base b
		UNION ALL
		SELECT l.other, pg_catalog.format('via_link => %L, category => ''...''', pg_catalog.min(t.name))
		FROM link l JOIN tables t ON t.oid = l.oid JOIN tables o ON o.oid = l.other
		WHERE l.other NOT IN (SELECT b.oid FROM base b) GROUP BY l.other
		UNION ALL
		SELECT k.conrelid, pg_catalog.format('via => %L, category => ''...''', pg_catalog.min(a.attname))
		FROM keys k JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
		WHERE k.confrelid IN (SELECT l.other FROM link l UNION SELECT b.oid FROM base b)
			AND k.conrelid NOT IN (SELECT n.oid FROM near n UNION SELECT l.other FROM link l UNION SELECT b.oid FROM base b)
		GROUP BY k.conrelid
	), findings(oid, finding, object, detail) AS (
		SELECT t.oid, 'table', NULL::text,
			pg_catalog.format('%s, owner %s%s', CASE WHEN t.reltuples < 0 THEN 'never analysed' ELSE pg_catalog.format('about %s rows', t.reltuples::bigint) END,
				pg_catalog.pg_get_userbyid(t.relowner),
				CASE WHEN root.oid IS NULL THEN '' WHEN survey.root IS NOT NULL THEN '; distances are to here' ELSE '; most tables lead here' END)
		FROM tables t LEFT JOIN root ON root.oid = t.oid
		UNION ALL
		SELECT t.oid, 'kind', NULL,
			CASE WHEN t.relispartition THEN 'a partition: protected with its parent'
				WHEN t.relkind = 'p' THEN 'partitioned: protected with all its partitions'
				ELSE 'foreign table: cannot be protected' END
		FROM tables t WHERE t.relkind <> 'r' OR t.relispartition
		UNION ALL
		SELECT t.oid, 'kind', i.inhrelid::regclass::text, 'inheritance: protected with the table at the top'
		FROM tables t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid OR i.inhrelid = t.oid
		WHERE t.relkind = 'r' AND NOT t.relispartition
		UNION ALL
		SELECT t.oid, 'no_primary_key', NULL, 'cannot be protected without one'
		FROM tables t
		WHERE t.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = t.oid AND x.indisprimary)
		UNION ALL
		SELECT t.oid, 'foreign_key', k.conname::text,
			pg_catalog.format('to %s%s', k.confrelid::regclass,
				CASE WHEN k.condeferrable THEN ', deferrable: a child may come before its parent' ELSE '' END)
		FROM tables t JOIN keys k ON k.conrelid = t.oid
		UNION ALL
		SELECT t.oid, 'personal_column', a.attname::text,
			CASE WHEN casus_int.looks_personal(a.attname) THEN 'the name says personal data' ELSE 'its type takes any content' END
		FROM tables t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid
		WHERE a.attnum > 0 AND NOT a.attisdropped
			AND (casus_int.looks_personal(a.attname) OR a.atttypid IN ('json'::regtype, 'jsonb'::regtype, 'xml'::regtype, 'tsvector'::regtype))
		UNION ALL
		SELECT t.oid, 'subject_column', a.attname::text, 'may name whom a row is about: as subject_column of casus.protect it makes him found in the log (casus.who_saw_subject)'
		FROM tables t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid
		WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND NOT t.relispartition
			AND pg_catalog.lower(a.attname::text) OPERATOR(pg_catalog.~) '(^|_)bsn$|(^|_)(a_?nummer|(betrokkene|persoon|person|client|klant|burger|subject)_?(id|nr|nummer|identificatie))$'
		UNION ALL
		SELECT t.oid, 'derived', a.attname::text, 'generated column: protect looks at its expression, and take_in computes it again'
		FROM tables t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid
		WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''
		UNION ALL
		SELECT t.oid, 'derived', x.indexrelid::regclass::text, 'index on an expression or with a condition: its functions see rows past the policy'
		FROM tables t JOIN pg_catalog.pg_index x ON x.indrelid = t.oid
		WHERE x.indexprs IS NOT NULL OR x.indpred IS NOT NULL
		UNION ALL
		SELECT t.oid, 'link_table', o.name,
			'n:m: rows of the other table belong to every dossier that it links'
		FROM tables t JOIN link l ON l.oid = t.oid JOIN tables o ON o.oid = l.other
		UNION ALL
		SELECT t.oid, 'base_table', b.child, 'multi-table inheritance: the key points from the root to here'
		FROM tables t JOIN base b ON b.oid = t.oid
		UNION ALL
		SELECT t.oid, 'foreign_key', k.conname::text, pg_catalog.format('from %s, outside this schema', k.conrelid::regclass)
		FROM tables t JOIN pg_catalog.pg_constraint k ON k.contype = 'f' AND k.confrelid = t.oid
		WHERE k.conrelid NOT IN (SELECT t2.oid FROM tables t2)
		UNION ALL
		SELECT t.oid, 'publication', u.pubname::text, 'sends rows to subscribers: take the table out first'
		FROM tables t JOIN pg_catalog.pg_class c ON c.oid = t.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_publication_tables u ON u.schemaname = n.nspname AND u.tablename = c.relname
		UNION ALL
		SELECT t.oid, 'rule', w.rulename::text, 'does something else with what is written'
		FROM tables t JOIN pg_catalog.pg_rewrite w ON w.ev_class = t.oid
		UNION ALL
		SELECT t.oid, 'trigger', g.tgname::text,
			pg_catalog.format('calls %s, which sees each row as it is written%s', g.tgfoid::regprocedure,
				CASE WHEN f.prosrc OPERATOR(pg_catalog.~*) 'insert\s+into|execute|copy\s|dblink|pg_notify|notify\s' THEN ' and writes or sends something: is it a history, an audit?' ELSE '' END ||
				COALESCE((SELECT pg_catalog.format(' Every governed write will be refused while %s is not protected too', pg_catalog.string_agg(DISTINCT h.target, ', '))
					FROM casus_int.open_histories(t.oid) h WHERE h.name = g.tgname HAVING pg_catalog.count(*) > 0), ''))
		FROM tables t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
		JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid
		WHERE g.tgname NOT LIKE '~casus%' AND NOT ((g.tgtype & 3) = 3 AND g.tgname::text COLLATE "C" > '~casus_row')
		UNION ALL
		SELECT t.oid, CASE v.relkind WHEN 'm' THEN 'materialized_view' ELSE 'view' END, v.oid::regclass::text,
			pg_catalog.format('owner %s%s', pg_catalog.pg_get_userbyid(v.relowner),
				CASE WHEN v.relkind = 'm' THEN ': its copy is not protected'
					WHEN 'security_invoker=true' = ANY (COALESCE(v.reloptions, '{}')) THEN ', reads as the caller' ELSE ', reads as its owner' END)
		FROM tables t
		JOIN (SELECT DISTINCT d.refobjid, r.ev_class
			FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
			WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass) u ON u.refobjid = t.oid
		JOIN pg_catalog.pg_class v ON v.oid = u.ev_class AND v.relkind IN ('v', 'm') AND v.oid <> t.oid
		UNION ALL
		SELECT t.oid, 'reader', COALESCE(g.rolname, 'public')::text,
			pg_catalog.string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)
		FROM tables t
		JOIN pg_catalog.pg_class c ON c.oid = t.oid,
		LATERAL pg_catalog.aclexplode(COALESCE(c.relacl, pg_catalog.acldefault('r', c.relowner))) a
		LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantee
		WHERE a.grantee <> c.relowner
		GROUP BY t.oid, g.rolname
		UNION ALL
		SELECT t.oid, 'owner', o.rolname::text,
			CASE WHEN o.rolsuper THEN 'superuser' WHEN o.rolbypassrls THEN 'BYPASSRLS'
				WHEN o.rolcanlogin THEN 'may log in' ELSE 'role' END
		FROM tables t JOIN pg_catalog.pg_roles o ON o.oid = t.relowner
		UNION ALL
		SELECT t.oid, 'trigger', g.tgname::text, 'sorts after the trigger of casus: rename it first'
		FROM tables t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid
		WHERE NOT g.tgisinternal AND (g.tgtype & 3) = 3
			AND g.tgname::text COLLATE "C" > '~casus_row'
		UNION ALL
		SELECT t.oid, 'row_security', p.polname::text, 'has policies of its own: they stay, casus adds a restrictive one'
		FROM tables t JOIN pg_catalog.pg_policy p ON p.polrelid = t.oid
		WHERE p.polname NOT IN ('casus', 'casus_open')
		UNION ALL
		SELECT t.oid, 'dump', o.rolname::text,
			'pg_dump as this role fails once the table is bound; dump with a login that has BYPASSRLS and is a member of casus_backup'
		FROM tables t JOIN pg_catalog.pg_roles o ON o.oid = t.relowner
		WHERE t.relkind = 'r' AND NOT o.rolsuper AND NOT o.rolbypassrls
	)
	SELECT t.name, n.distance, f.finding, f.object, f.detail,
		CASE WHEN f.finding = 'table' AND p.arguments IS NOT NULL THEN pg_catalog.format('SELECT casus.protect(%L, ''...'', %s);', t.name, p.arguments) END
	FROM findings f JOIN tables t ON t.oid = f.oid LEFT JOIN near n ON n.oid = t.oid
	LEFT JOIN proposals p ON p.oid = t.oid AND t.relkind IN ('r', 'p')
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = t.oid)
	ORDER BY n.distance NULLS LAST, t.name COLLATE "C", f.finding COLLATE "C", f.object COLLATE "C";
END;
REVOKE ALL ON FUNCTION casus.survey(text, regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.survey(text, regclass) TO casus_admin;
COMMENT ON FUNCTION casus.survey(text, regclass) IS
$$What to know about a schema before protecting its tables; changes nothing and reads the catalogs only. One row per finding; distance: number of foreign keys to the table root, by default the one that most others lead to (null: not reached). finding: table, kind (cannot be protected), no_primary_key, foreign_key, link_table (n:m, to a table that no foreign key leads from), base_table (the parent in multi-table inheritance), personal_column (by its name or type: a guess), subject_column (by its name it says whom a row is about: a guess), derived (generated column, index on an expression), view, materialized_view, publication, rule, reader (a role with privileges), owner, trigger (sorts after casus' own, or sees rows as they are written), row_security, dump. proposal, at finding table: the call of casus.protect that the keys suggest; fill in the dots; null: nothing leads to a dossier. Error 3F000: no such schema.$$;
