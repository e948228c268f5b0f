/*
 * install_80_state_guard.sql
 *		Logical replication writes no state: a row of casus_cat.opening that came
 *		from another server would be a break-glass that nobody gave.  The build
 *		puts the triggers on each table (extension/guard_state).
 */
CREATE FUNCTION casus_int.state_guard() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'casus_sql_state_guard';
REVOKE ALL ON FUNCTION casus_int.state_guard() FROM PUBLIC;
COMMENT ON FUNCTION casus_int.state_guard() IS
	'Trigger of every state table, for its rows and for TRUNCATE: refuses what a worker of logical replication writes (42501 casus.bypass).';
