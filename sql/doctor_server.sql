-- casus.doctor(): settings, roles, code and persons.  Each finding appears with what it names, and goes when it is mended.
\set VERBOSITY terse
\pset format unaligned
\pset footer off
SET client_min_messages = warning;
CREATE ROLE doctors_admin LOGIN IN ROLE casus_admin;
CREATE ROLE doctors_person LOGIN;
CREATE ROLE doctors_other LOGIN;
CREATE ROLE doctors_fg LOGIN;
CREATE VIEW found AS SELECT severity, code, finding, mend FROM casus.doctor();
-- Who is no superuser is told of the client authentication file too, and of nothing that it holds but the findings.
SET SESSION AUTHORIZATION doctors_admin;
SELECT count(*) > 0 AS told FROM casus.doctor() WHERE code IN ('hba_trust', 'hba_replication');
SELECT count(*) FROM casus_int.server_finding;
SELECT count(*) FROM pg_hba_file_rules();
SET SESSION AUTHORIZATION doctors_other;
SELECT count(*) FROM casus_int.server_findings();
SELECT count(*) FROM casus_int.state_finding;
RESET SESSION AUTHORIZATION;

-- A019: a server without the corrections of row security that its series has.
SELECT count(*) = CASE WHEN current_setting('server_version_num')::integer / 10000 = 15 AND current_setting('server_version_num')::integer < 150020
	OR current_setting('server_version_num')::integer / 10000 = 16 AND current_setting('server_version_num')::integer < 160016
	OR current_setting('server_version_num')::integer / 10000 = 17 AND current_setting('server_version_num')::integer < 170012
	OR current_setting('server_version_num')::integer / 10000 = 18 AND current_setting('server_version_num')::integer < 180007 THEN 1 ELSE 0 END AS told
	FROM found WHERE code = 'old_minor';

-- Settings, as they are in this session.
SET log_statement = 'mod';
SET log_min_duration_statement = '1min';
SET log_parameter_max_length_on_error = 10;
SET log_min_error_statement = 'panic';
SET debug_print_plan = on;
SET debug_print_plan = off;
SET password_encryption = 'md5';
SET allow_system_table_mods = on;
LOAD 'auto_explain';
SET auto_explain.log_min_duration = '1min';
SELECT * FROM found WHERE code IN ('statement_log', 'error_log', 'parameter_log', 'auto_explain', 'debug_print', 'password_encryption', 'system_table_mods');
RESET ALL;
SET client_min_messages = warning;
SELECT code FROM found WHERE code IN ('parameter_log', 'auto_explain', 'debug_print', 'password_encryption', 'system_table_mods');
ALTER ROLE doctors_other SET log_statement = 'none';
SELECT * FROM found WHERE code = 'setting_override' AND finding LIKE '%doctors\_%';
SELECT mend FROM found WHERE code = 'setting_override' AND finding LIKE '%doctors\_%' \gexec
SELECT count(*) FROM found WHERE code = 'setting_override' AND finding LIKE '%doctors\_%';

-- Roles: what they may beside the protocol.
ALTER ROLE doctors_other CREATEROLE;
GRANT pg_read_all_data, pg_monitor, casus_backup TO doctors_other;
SELECT * FROM found WHERE finding LIKE '%doctors\_other%';
SELECT mend FROM found WHERE finding LIKE '%doctors\_other%' AND code <> 'backup_without_bypass' \gexec
REVOKE casus_backup FROM doctors_other;
SELECT * FROM found WHERE finding LIKE '%doctors\_other%';

-- Code of nobody known.
CREATE FUNCTION doctor_upper(text) RETURNS text LANGUAGE internal STRICT IMMUTABLE AS 'upper';
CREATE FUNCTION doctor_definer() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE FUNCTION doctor_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER doctor_event ON ddl_command_end EXECUTE FUNCTION doctor_event();
SELECT * FROM found WHERE finding LIKE '%doctor\_%';
DROP EVENT TRIGGER doctor_event;
DROP FUNCTION doctor_upper(text), doctor_definer(), doctor_event();
SELECT * FROM found WHERE finding LIKE '%doctor\_%';

-- People: whose role others can take, who sets up and decides, who reads without saying so, who reviews.
SELECT count(*) FROM casus.install_protocol('beesel-2021');
SELECT count(*) FROM casus.load_protocol((SELECT jsonb_set(jsonb_set(definition, '{name}', '"beesel-los"'),
	'{purposes,0,standing}', 'true') FROM casus.protocol));
SELECT count(*) FROM casus.open_file('beesel-los', 'een');
SELECT count(*) FROM casus.activate_protocol('een', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
SELECT count(*) FROM casus.add_person('Piet', 'doctors_person', oath_on => '2020-01-01');
SELECT count(*) FROM casus.appoint('Piet', 'een', NULL, 'coordinator', standing_purpose => 'intake');
GRANT doctors_person TO doctors_other;
GRANT casus_admin TO doctors_person;
SELECT * FROM found WHERE code IN ('person_lent', 'admin_office', 'no_reviewer')
	OR (code = 'standing_purpose' AND finding LIKE '%Piet%');
REVOKE doctors_person FROM doctors_other;
REVOKE casus_admin FROM doctors_person;
SELECT count(*) FROM casus.add_person('Fien', 'doctors_fg');
SELECT count(*) FROM casus.appoint('Fien', 'een', NULL, 'fg');
SELECT code FROM found WHERE code IN ('person_lent', 'admin_office', 'no_reviewer');

-- Break-glass that is open, and that nobody has looked at.
SET SESSION AUTHORIZATION doctors_person;
SELECT casus.open_dossier('een') AS d \gset
SELECT casus.break_glass('brand', :d, '1 hour') AS act \gset
RESET SESSION AUTHORIZATION;
-- That there is one is told to whoever sets up; which dossier it is, to who made it, the auditor and those who review.
SELECT severity, code, regexp_replace(finding, '\d+', 'N', 'g') AS finding, mend FROM found WHERE code LIKE 'break_glass%';
GRANT casus_auditor TO doctors_other;
SELECT count(*) FROM casus.add_person('Ander', 'doctors_admin', oath_on => '2020-01-01');
SELECT count(*) FROM casus.appoint('Ander', 'een', 'subsidies', 'afgevaardigde');
SET SESSION AUTHORIZATION doctors_admin;
SELECT current_user, regexp_replace(finding, '\d+', 'N', 'g') AS finding FROM casus.doctor() WHERE code LIKE 'break_glass%' AND finding NOT LIKE 'Dossier %';
SET SESSION AUTHORIZATION doctors_other;
SELECT current_user, starts_with(finding, format('Dossier %s is open to role doctors_person', :d)) AS named FROM casus.doctor() WHERE code LIKE 'break_glass%';
RESET SESSION AUTHORIZATION;
REVOKE casus_auditor FROM doctors_other;
SET SESSION AUTHORIZATION doctors_person;
SELECT casus.end_opening(:act);
RESET SESSION AUTHORIZATION;
SELECT severity, code, regexp_replace(finding, '\d+', 'N', 'g') AS finding, replace(mend, :act::text, 'N') AS mend FROM found WHERE code LIKE 'break_glass%';
SET SESSION AUTHORIZATION doctors_fg;
SELECT count(*) FROM casus.review_break_glass(:act, 'justified', 'gezien');
RESET SESSION AUTHORIZATION;
SELECT code FROM found WHERE code LIKE 'break_glass%';
DROP OWNED BY doctors_admin, doctors_person, doctors_other, doctors_fg;
DROP ROLE doctors_admin, doctors_person, doctors_other, doctors_fg;
