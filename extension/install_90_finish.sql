/*
 * install_90_finish.sql
 *		Ownership, rights and dump marks, last: they cover all that came before.
 */

/* Nobody reaches the state tables but through casus; the backup role copies them out. */
REVOKE ALL ON ALL TABLES IN SCHEMA casus_cat FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA casus_cat FROM PUBLIC;
GRANT USAGE ON SCHEMA casus_cat TO casus_backup;
GRANT SELECT ON ALL TABLES IN SCHEMA casus_cat TO casus_backup;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA casus_cat TO casus_backup;
REVOKE SELECT ON casus_cat.access_record, casus_cat.log_loaded, casus_cat.log_skipped, casus_cat.log_node_term FROM casus_backup;
GRANT USAGE ON SCHEMA casus TO PUBLIC;

/* State is data of the municipality: pg_dump takes it along. */
SELECT pg_catalog.pg_extension_config_dump('casus_cat.installation', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.protocol', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.phase', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.purpose', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.office', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.subject_category', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.category', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.stage', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.rule', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.gate', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.transition', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.list_value', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.file', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.party', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.person', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.appointment', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.dossier', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.participant', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.sharing', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.linked', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.opening', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.act', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.act_content', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.decision', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.person_role', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('casus_cat.item_seq', '');

/* Objects of a superuser would be a way in: casus_owner has no rights but these. */
SELECT casus_int.give_to_owner();
