/*
 * install_12_ownership.sql
 *		The call by which the last part hands everything to casus_owner.
 */
CREATE FUNCTION casus_int.give_to_owner() RETURNS void
	LANGUAGE c STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_give_to_owner';
REVOKE ALL ON FUNCTION casus_int.give_to_owner() FROM PUBLIC;
COMMENT ON FUNCTION casus_int.give_to_owner() IS
	'Makes casus_owner the owner of every member of the extension; only inside the scripts of casus.';

COMMENT ON SCHEMA casus IS 'casus: the calls and views that people use.';
COMMENT ON SCHEMA casus_cat IS 'casus: state tables, reached through the calls and views of schema casus only.';
COMMENT ON SCHEMA casus_int IS 'casus: C functions that policies, triggers and views call; not for direct use.';
