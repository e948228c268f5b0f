/*
 * install_70_guard.sql
 *		Maintenance of protected tables.
 */
CREATE FUNCTION casus.maintenance(relation regclass, reason text, duration interval DEFAULT '15 minutes')
	RETURNS timestamptz
	LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_maintenance';
COMMENT ON FUNCTION casus.maintenance(regclass, text, interval) IS
	'Lets the caller, in this session and until the moment returned, run commands on a protected table that are not on the list of harmless ones (TRUNCATE, CLUSTER, ALTER COLUMN TYPE, triggers, rules, partial and expression indexes). duration: an interval from 0 (ends it) to 8 hours, by default 15 minutes. Opens no rows, and never what unfences the table. For casus_admin (a superuser passes), not for an owner who is not: an application that connects as owner would open its own; the commands ask for ownership besides. TRUNCATE destroys governed rows, with no certificate. Every use is in the access log. Errors: 22023 not a protected table, no reason, duration out of range; 42501 casus.ddl for others.';

/* Called in the stead of pg_catalog.setval() (guard_sequence.c). */
CREATE FUNCTION casus_int.setval(sequence regclass, value bigint, is_called boolean) RETURNS bigint
	LANGUAGE c VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_setval';
COMMENT ON FUNCTION casus_int.setval(regclass, bigint, boolean) IS
	'What pg_catalog.setval does while a table is protected; a sequence of casus does not go back (42501 casus.bypass).';

/* Put around the argument that is computed last of a function that keeps what it is given (guard_function.c). */
CREATE FUNCTION casus_int.keeps(value anyelement, function oid) RETURNS anyelement
	LANGUAGE c VOLATILE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_keeps';
COMMENT ON FUNCTION casus_int.keeps(anyelement, oid) IS
	'The value, unless a governed row could be in it: this function, which is about to be called, keeps what it is given (42501 casus.copy_out).';

/* Put around a user's operator that is declared LEAKPROOF (guard_view.c). */
CREATE FUNCTION casus_int.above(value anyelement) RETURNS anyelement
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_above';
COMMENT ON FUNCTION casus_int.above(anyelement) IS
	'The value. Since it is not LEAKPROOF, the planner shows no condition with it what ANALYZE has kept.';

/* Put as a condition on pg_statistic and pg_statistic_ext_data (guard_statistics.c). */
CREATE FUNCTION casus_int.shows_statistics(object oid, is_extended boolean) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_shows_statistics';
COMMENT ON FUNCTION casus_int.shows_statistics(oid, boolean) IS
	'Are the values that ANALYZE kept of this relation, or (is_extended) of this statistics object, readable? Not of a protected table in force, nor of a table of casus itself, such as those of the access log.';
