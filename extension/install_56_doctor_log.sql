/*
 * install_56_doctor_log.sql
 *		How it stands with the logs that this server collects.
 */

CREATE FUNCTION casus_int.log_chains(OUT node uuid, OUT source text, OUT standby text, OUT state text,
	OUT first_segment bigint, OUT last_segment bigint, OUT missing bigint, OUT last_seq bigint, OUT last_at timestamptz,
	OUT collected_at timestamptz, OUT finding text) RETURNS SETOF record
	LANGUAGE c
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_log_chains';
COMMENT ON FUNCTION casus_int.log_chains() IS
	'The access logs that are on this server: its own, and those that it collects. Behind view casus.log_chain.';
REVOKE ALL ON FUNCTION casus_int.log_chains() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus_int.log_chains() TO casus_admin, casus_auditor;

CREATE VIEW casus.log_chain AS SELECT * FROM casus_int.log_chains();
REVOKE ALL ON casus.log_chain FROM PUBLIC;
GRANT SELECT ON casus.log_chain TO casus_admin, casus_auditor;
COMMENT ON VIEW casus.log_chain IS
	'The access logs that are on this server, one per node: its own, and those that it collects from the servers in casus.log_collect. casus.verify_log(node => ...) checks each.';
COMMENT ON COLUMN casus.log_chain.node IS 'NULL: not known yet; a server counts as the node that it says it is once that one''s key file is here (finding has what it says).';
COMMENT ON COLUMN casus.log_chain.source IS 'Host and port as casus.log_collect has them.';
COMMENT ON COLUMN casus.log_chain.standby IS 'application_name under which it streams from its primary (pg_stat_replication).';
COMMENT ON COLUMN casus.log_chain.state IS 'own; collected; waiting: not asked yet; late: not asked for more than three intervals and a minute; failing: finding says why nothing comes; refused: what came does not hold, and nothing of it or behind it is taken; kept: nobody adds to it, such as the log of a former primary.';
COMMENT ON COLUMN casus.log_chain.missing IS 'Segments between the first and the last that were gone before they were collected.';
COMMENT ON COLUMN casus.log_chain.collected_at IS 'When all that it had on disk was collected.';

CREATE VIEW casus_int.chain_finding AS
	SELECT CASE l.state WHEN 'refused' THEN 'critical' ELSE 'warning' END AS severity,
		CASE l.state WHEN 'refused' THEN 'log_collect_refused' ELSE 'log_collect_late' END AS code,
		pg_catalog.format('The access log of %s %s: %s.', l.source, coalesce('is not collected since ' || l.collected_at, 'has never been collected'),
			coalesce(l.finding, 'the process that collects does not get on')) AS finding,
		CASE WHEN l.state = 'refused' AND EXISTS (SELECT FROM casus_int.log_chains() o WHERE o.node = l.node AND o.state <> 'refused')
				THEN 'Name each server once in casus.log_collect; of two servers with one key file stop one, keep its log and key file apart and start it without them: it begins a log of its own.'
			WHEN l.state = 'refused' THEN 'Find out who changed it or rebuilt that server; then stop it, keep its log and key file apart and start it without them: it begins a log of its own.'
			ELSE 'Look at that server, at its login for casus_collector and at the copies of key files beside casus.log_key_file; it goes on by itself.' END AS mend
	FROM casus_int.log_chains() l WHERE l.state IN ('refused', 'failing', 'late')
	UNION ALL
	SELECT 'critical', 'log_collect_gap',
		pg_catalog.format('Of the access log of node %s %s segments are missing: they were gone before they were collected.', l.node, l.missing),
		'Look for them in backups of that server''s casus.log_directory, and collect more often than its log is purged.'
	FROM casus_int.log_chains() l WHERE l.missing > 0
	UNION ALL
	SELECT 'warning', 'log_uncollected',
		pg_catalog.format('Standby %s streams from this server and its access log is not collected: who reads there is not seen here.', r.application_name),
		pg_catalog.format('ALTER SYSTEM SET casus.log_collect = %L; SELECT pg_reload_conf(); -- and a copy of its key file, see the manual',
			pg_catalog.concat_ws('; ', nullif(pg_catalog.current_setting('casus.log_collect', true), ''), pg_catalog.format('host=%s dbname=%s user=...', coalesce(r.client_addr::text, '...'), pg_catalog.current_database())))
	FROM (SELECT s.application_name, min(s.client_addr) AS client_addr, pg_catalog.count(*) AS n FROM pg_catalog.pg_stat_replication s
		WHERE s.replay_lsn IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots o WHERE o.active_pid = s.pid AND o.slot_type = 'logical')
		GROUP BY s.application_name) r
	WHERE r.n > (SELECT pg_catalog.count(*) FROM casus_int.log_chains() l WHERE l.standby = r.application_name);
COMMENT ON VIEW casus_int.chain_finding IS 'Findings of casus.doctor() about the logs of standbys; for casus_int.server_findings() alone.';
REVOKE ALL ON casus_int.chain_finding FROM PUBLIC;
