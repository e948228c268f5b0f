/*
 * install_15_label.sql
 *		The label of a row and the functions that read it.
 *
 * A domain over uuid: every driver knows how to carry a uuid.  It has no
 * constraint, else ADD COLUMN would rewrite the table; C checks what matters.
 */
CREATE DOMAIN casus.label AS pg_catalog.uuid;
COMMENT ON DOMAIN casus.label IS
	'Label of a row of a protected table, written by casus only: dossier (8 bytes), item number (4), class (4: party, category, phase of collection, subject category). The constant 6f757473-6964-6520-6361-7375732e2e2e ("outside casus...") marks rows outside the protocol; NULL is denied to everyone.';

CREATE FUNCTION casus.dossier_of(label casus.label) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_dossier_of_label';
COMMENT ON FUNCTION casus.dossier_of(casus.label) IS
	'Dossier of a governed row; NULL for a row outside the protocol, a pending or a malformed label.';

CREATE FUNCTION casus.item_of(label casus.label) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_item_of_label';
COMMENT ON FUNCTION casus.item_of(casus.label) IS
	'Item number (1 to 4294967295) of a governed row within its dossier; NULL for any other label.';

CREATE FUNCTION casus.label_text(label casus.label) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_label_text';
COMMENT ON FUNCTION casus.label_text(casus.label) IS
	'A label in words: outside, pending, broken, or dossier, item and the codes of party, category, phase of collection and subject category in the dossier''s file and protocol.';
