/*
 * install_40_relation.sql
 *		Protecting the tables of an existing database.
 */

CREATE FUNCTION casus_int.row_trigger() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'casus_sql_row_trigger';
REVOKE ALL ON FUNCTION casus_int.row_trigger() FROM PUBLIC;
COMMENT ON FUNCTION casus_int.row_trigger() IS
	'Row trigger of every protected table (BEFORE INSERT OR UPDATE OR DELETE, ENABLE ALWAYS): writes casus_label and gives the write verdict.';

CREATE FUNCTION casus_int.resolve_pending() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'casus_sql_resolve_pending';
REVOKE ALL ON FUNCTION casus_int.resolve_pending() FROM PUBLIC;
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
Exactly one of: opens_dossier (each governed row is a dossier), dossier (bigint column with the id of casus.open_dossier), via (foreign-key column; several as '{a,b}' or text[], the first that is not null wins), via_child ('table.fk_column': the foreign key of that child points here).
governs: expression over the table's own columns, built-in functions only; other rows stay outside the protocol. category, originator, subject_category: a name, or a column, whose values a jsonb object may map. columns: {"column": "category of its data"}. item: row or inherit (one item with the parent). without_purpose: error or hide (default hide on a mixed table).
Needs casus_admin and ownership of the table. Errors: 22023 unknown names, 55000 unsuitable table, 42501 not allowed, 0A000 via_link and resolve.$$;

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
$$Binds everyone to the protocol on a protected table. observe: new rows get their label, nothing is filtered, what would be refused is logged. enforce: row security, policy and trigger in place; refused (55000) while a governed row has no label (CALL casus.take_in first). Returns the commands carried out.$$;

CREATE FUNCTION casus.unprotect(relation regclass, reason text) RETURNS SETOF text
	LANGUAGE c VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_unprotect';
REVOKE ALL ON FUNCTION casus.unprotect(regclass, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.unprotect(regclass, text) TO casus_admin;
COMMENT ON FUNCTION casus.unprotect(regclass, text) IS
$$Takes the protection of a table away: policy, trigger, row security as they were found, label column and settings. Refused (55000) while the table holds a governed row, or while a protected child gets its label from it. Logged with the reason.$$;

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
$$Labels the existing rows of a protected table in batches, with its progress as NOTICE and a COMMIT after each; may be repeated, and goes on where it stopped. On a table that opens dossiers each governed row becomes a dossier: phase, opened and closed are expressions over the row's own columns (built-in functions only): name of the phase (text; default the initial phase, or the closing phase where closed is not null), moment of opening and of closing (timestamptz; default now and null). Parents first. Rows whose codes no map knows are reported as findings and stay unlabelled. Outside a transaction block. Errors: 22023, 55000.$$;

