/*
 * install_58_doctor.sql
 *		casus.doctor() itself: all findings together.
 */

CREATE FUNCTION casus.doctor() RETURNS TABLE (severity text, code text, finding text, mend text)
	LANGUAGE sql
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT f.severity, f.code, f.finding, f.mend
	FROM (SELECT * FROM casus_int.inner_findings() i
		UNION ALL SELECT * FROM casus_int.server_findings() s
		UNION ALL SELECT * FROM casus_int.state_finding
		UNION ALL SELECT * FROM casus_int.role_finding
		UNION ALL SELECT * FROM casus_int.copy_finding
		UNION ALL SELECT * FROM casus_int.table_finding) f
	ORDER BY pg_catalog.array_position(ARRAY['critical', 'warning', 'note'], f.severity), f.code, f.finding;
END;
COMMENT ON FUNCTION casus.doctor() IS
	'Everything found that weakens the promise: severity (critical, warning, note), a stable code, what was found, how to mend it. An empty answer is not a proof: the server''s operating-system account and its backups are not seen from here. For casus_admin and casus_auditor.';
REVOKE ALL ON FUNCTION casus.doctor() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casus.doctor() TO casus_admin, casus_auditor;
