/*
 * install_30_context.sql
 *		Who reads in which capacity (casus.enter and the rest), and the one
 *		function that every policy calls.
 */

/* A person's participations are looked for at casus.enter(). */
CREATE INDEX participant_person ON casus_cat.participant (person);

/* ---- context ---- */

CREATE FUNCTION casus.enter(purpose text, dossier bigint DEFAULT NULL,
		office text DEFAULT NULL, party text DEFAULT NULL,
		file text DEFAULT NULL, lasts text DEFAULT 'transaction')
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_enter';
COMMENT ON FUNCTION casus.enter(text, bigint, text, text, text, text) IS
	'Says for which purpose and in which capacity the caller reads from now on: one dossier, or (dossier NULL) all dossiers of the file where the office may act. What is left out is filled in when only one appointment fits. lasts: transaction (the default, only inside a transaction block) or session (appointment and purpose must allow it). Errors: casus.no_appointment, casus.wrong_office, casus.wrong_purpose, casus.not_involved, casus.ambiguous_capacity. Beesel art. 3 and Bijlage 3.';

CREATE FUNCTION casus.leave() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_leave';
COMMENT ON FUNCTION casus.leave() IS
	'Ends the context that casus.enter() made, whether it lasts for the transaction or the session; without one, ends on record what is open to the caller by casus.break_glass or casus.inspect; does nothing without either.';

CREATE FUNCTION casus_int.current_context(
		OUT file text, OUT purpose text, OUT office text, OUT party text,
		OUT dossier bigint, OUT person text, OUT source text, OUT lasts text,
		OUT actor name, OUT actor_kind text)
	RETURNS SETOF record
	LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 1
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_current_context';
COMMENT ON FUNCTION casus_int.current_context() IS
	'The caller''s own context, at most one row; behind view casus.context.';

CREATE VIEW casus.context AS
	SELECT c.file, c.purpose, c.office, c.party, c.dossier, c.person,
		c.source, c.lasts, c.actor, c.actor_kind
	FROM casus_int.current_context() AS c;
GRANT SELECT ON casus.context TO PUBLIC;
COMMENT ON VIEW casus.context IS
	'The capacity in which the caller reads now: one row or none. dossier NULL: all dossiers of the file where the office may act. source: enter. lasts: transaction or session. actor_kind: login, set_role or token.';

/* ---- the verdict ---- */

/* Called for every plan; it looks nothing up by name, and setting a search_path costs more than all it does. */
CREATE FUNCTION casus_int.permits_support(internal) RETURNS internal
	LANGUAGE c STRICT
	AS 'MODULE_PATHNAME', 'casus_sql_permits_support';
REVOKE ALL ON FUNCTION casus_int.permits_support(internal) FROM PUBLIC;
COMMENT ON FUNCTION casus_int.permits_support(internal) IS
	'Planner support: selectivity and cost of casus_int.permits(); decides nothing.';

/* Called once per row: a search_path of its own would cost more than the verdict. */
CREATE FUNCTION casus_int.permits(label casus.label) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1
	SUPPORT casus_int.permits_support
	AS 'MODULE_PATHNAME', 'casus_sql_permits';
COMMENT ON FUNCTION casus_int.permits(casus.label) IS
	'May the session see a row with this label now? True for rows outside the protocol, rows of its own transaction, and governed rows that a rule grants to its capacity. NULL (denied) for NULL. Without the library preloaded: error casus.not_preloaded.';

/* Put into ON CONFLICT DO UPDATE on protected tables (guard_query.c). */
CREATE FUNCTION casus_int.meets(label casus.label, relation oid) RETURNS boolean
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1
	AS 'MODULE_PATHNAME', 'casus_sql_meets';
COMMENT ON FUNCTION casus_int.meets(casus.label, oid) IS
	'May the session see the row with this label that ON CONFLICT DO UPDATE meets in this relation? As casus_int.permits(); a governed row that it may see is on record as read by the statement. False for NULL. Of a table in mode observe always true: a row that enforce would hide is on record as would_refuse.';

/* Put as a condition into the checks of foreign keys that lead to protected tables (guard_query.c). */
CREATE FUNCTION casus_int.finds_parent(label casus.label) RETURNS boolean
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
	AS 'MODULE_PATHNAME', 'casus_sql_finds_parent';
COMMENT ON FUNCTION casus_int.finds_parent(casus.label) IS
	'Does the check of a foreign key find a row with this label? Every one, but while a row of this transaction waits for a parent that may not be seen: then those which casus_int.permits() grants, so that a hidden parent answers as a missing one.';

/* Called per row where a column is of a category that not every reader may read. */
CREATE FUNCTION casus_int.column_permits(label casus.label, relation regclass, attnum smallint) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 2
	AS 'MODULE_PATHNAME', 'casus_sql_column_permits';
COMMENT ON FUNCTION casus_int.column_permits(casus.label, regclass, smallint) IS
	'May the session see this column of a row with this label now? As casus_int.permits(), asked also for the categories that casus.protect(columns => ...) gave the column. relation, attnum: as in pg_attribute.';
