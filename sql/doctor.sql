-- casus.doctor(): each finding appears with what it names, and goes when it is mended.  Findings about this test
-- cluster itself (its superuser, fsync, roles of other tests) are left out.
\set VERBOSITY terse
\pset format unaligned
\pset footer off
CREATE VIEW finding AS SELECT severity, code, finding, mend FROM casus.doctor() 
WHERE code NOT IN ('superuser', 'fsync_off', 'second_person', 'replication_slot', 'error_log', 'library_path', 'log_file_mode', 'log_readable', 'log_key_near',
		'no_ssl', 'statement_log', 'backup_missing', 'other_library', 'c_function', 'definer_function', 'createrole', 'all_data', 'statement_reader',
		'backup_without_bypass', 'no_index', 'no_subject_column', 'old_minor') AND code NOT LIKE 'hba%' AND code NOT LIKE 'wal%'
	AND (finding LIKE '%doctor\_%' OR code NOT IN ('bypassrls', 'replication', 'server_files', 'owner_member'));
CREATE ROLE doctor_admin LOGIN;
GRANT casus_admin TO doctor_admin;
CREATE ROLE doctor_auditor LOGIN;
GRANT casus_auditor TO doctor_auditor;
CREATE ROLE doctor_reader LOGIN;
-- A reader is told nothing.
SET SESSION AUTHORIZATION doctor_reader;
SELECT * FROM casus.doctor();
SET SESSION AUTHORIZATION doctor_auditor;
SELECT count(*) > 0 AS told FROM casus.doctor();
RESET SESSION AUTHORIZATION;
SELECT code, finding FROM casus.doctor() WHERE code = 'superuser' AND finding LIKE '%postgres%';
SELECT * FROM finding;

-- Files and people.
SELECT casus.install_protocol('beesel-2021') IS NOT NULL AS ok;
SELECT casus.open_file('beesel-2021', 'ondermijning') IS NOT NULL AS ok;
SELECT * FROM finding;
SELECT casus.activate_protocol('ondermijning', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}') IS NOT NULL AS ok;
CREATE ROLE doctor_coordinator LOGIN;
SELECT casus.add_person('Carla', 'doctor_coordinator', oath_on => '2020-01-01') IS NOT NULL AS ok;
SELECT casus.add_person('Bram', oath_on => '2020-01-01') IS NOT NULL AS ok;
SELECT casus.appoint('Carla', 'ondermijning', NULL, 'coordinator') IS NOT NULL AS ok;
SELECT casus.appoint('Bram', 'ondermijning', 'subsidies', 'afgevaardigde') IS NOT NULL AS ok;
SELECT code, finding FROM casus.doctor() WHERE code = 'second_person';
SELECT * FROM finding;
ALTER ROLE doctor_coordinator RENAME TO doctor_coordinatrice;
SELECT * FROM finding WHERE code = 'role_gone';
SELECT casus.bind_person('Carla', 'doctor_coordinatrice') IS NOT NULL AS ok;
SELECT * FROM finding WHERE code = 'role_gone';

-- Roles.
CREATE ROLE doctor_bypass LOGIN BYPASSRLS REPLICATION;
GRANT pg_read_server_files TO doctor_reader;
GRANT casus_owner TO doctor_reader;
SELECT * FROM finding WHERE finding LIKE '%doctor\_bypass%' OR finding LIKE '%doctor\_reader%';
GRANT casus_backup TO doctor_bypass;
REVOKE pg_read_server_files, casus_owner FROM doctor_reader;
ALTER ROLE doctor_bypass NOREPLICATION;
SELECT * FROM finding WHERE finding LIKE '%doctor\_bypass%' OR finding LIKE '%doctor\_reader%';

-- Tables: left open, later triggers, statistics, children and links that are not protected.
CREATE TABLE zaak (id int PRIMARY KEY, titel text);
CREATE TABLE document (id int PRIMARY KEY, inhoud text);
CREATE TABLE zaakdocument (id int PRIMARY KEY, zaak int NOT NULL REFERENCES zaak, document int NOT NULL REFERENCES document, UNIQUE (zaak, document));
CREATE TABLE notitie (id int PRIMARY KEY, zaak int REFERENCES zaak);
CREATE VIEW zaken AS SELECT * FROM zaak;
SELECT casus.protect('zaak', 'ondermijning', opens_dossier => true, category => 'registratie') \g /dev/null
SELECT casus.protect('zaakdocument', 'ondermijning', via => 'zaak', category => 'registratie') \g /dev/null
SELECT * FROM finding WHERE finding ~ 'zaak|zaken|document';
SELECT casus.bind('zaak', 'observe') \g /dev/null
SELECT finding FROM finding WHERE code = 'left_open';
SELECT casus.bind('zaak', 'enforce') \g /dev/null
SELECT casus.bind('zaakdocument', 'enforce') \g /dev/null
SELECT code, finding FROM finding WHERE code IN ('left_open', 'not_fenced', 'publication', 'later_trigger');

-- Statistics that were collected before go as well; each mend can be pasted.
INSERT INTO notitie SELECT n, NULL FROM generate_series(1, 9) n;
CREATE TABLE kop (id int PRIMARY KEY, naam text);
INSERT INTO kop SELECT n, 'naam ' || n FROM generate_series(1, 9) n;
ANALYZE kop;
SELECT casus.protect('kop', 'ondermijning', opens_dossier => true, governs => 'id < 0', category => 'registratie') \g /dev/null
SELECT count(*) FROM pg_stats WHERE tablename = 'kop' AND attname = 'naam';
SELECT mend FROM finding WHERE code = 'statistics' AND finding LIKE '%public.kop %' \gexec
SELECT count(*) FROM pg_stats WHERE tablename = 'kop' AND attname = 'naam';
SELECT count(*) FROM finding WHERE code = 'statistics' AND finding LIKE '%public.kop %';

-- A copy with the label column, and a foreign key by which rows find their dossier that is gone.
CREATE TABLE kopie AS SELECT * FROM kop;
SELECT * FROM kopie;
SELECT * FROM finding WHERE finding LIKE '%public.kopie %' AND code <> 'statistics';
SELECT mend FROM finding WHERE code = 'no_settings' \gexec
-- The key goes in maintenance alone, by whatever command, and how it comes back is told.
\set VERBOSITY default
\set SHOW_CONTEXT never
ALTER TABLE zaakdocument DROP CONSTRAINT zaakdocument_zaak_fkey;
ALTER TABLE zaak DROP CONSTRAINT zaak_pkey CASCADE;
ALTER TABLE zaakdocument DROP COLUMN zaak;
SELECT casus.maintenance('zaakdocument', 'een andere sleutel') > now() AS open;
ALTER TABLE zaakdocument DROP CONSTRAINT zaakdocument_zaak_fkey;
ALTER TABLE zaakdocument ADD CONSTRAINT uitgesteld FOREIGN KEY (zaak) REFERENCES zaak DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE zaakdocument DROP CONSTRAINT uitgesteld;
INSERT INTO zaakdocument VALUES (1, 1, 1);
\set VERBOSITY terse
SELECT * FROM finding WHERE code = 'lost_key';
ALTER TABLE zaakdocument ADD FOREIGN KEY (zaak) REFERENCES zaak;
SELECT casus.maintenance('zaakdocument', 'klaar', '0') <= clock_timestamp() AS closed;
SELECT * FROM finding WHERE code IN ('lost_key', 'no_settings');

-- What is outside the server.
CREATE FOREIGN DATA WRAPPER doctor_wrapper;
CREATE SERVER doctor_server FOREIGN DATA WRAPPER doctor_wrapper;
SELECT * FROM finding WHERE code = 'foreign_server';
-- In whose hands it is.
GRANT USAGE ON FOREIGN SERVER doctor_server TO doctor_reader;
CREATE FOREIGN TABLE doctor_far (id integer) SERVER doctor_server;
GRANT SELECT, INSERT ON doctor_far TO PUBLIC;
SELECT code, finding, mend FROM finding WHERE code = 'server_reader';
SELECT mend FROM finding WHERE code = 'server_reader' \gexec
SELECT code, finding FROM finding WHERE code = 'server_reader';
CREATE EXTENSION dblink;
SELECT DISTINCT ON (code) code, finding FROM finding WHERE code IN ('dblink_reader', 'outside_connection') ORDER BY code, finding;
SELECT mend FROM finding WHERE code = 'dblink_reader' AND mend LIKE '%dblink(text)%' \gexec
SELECT count(*) FROM finding WHERE code = 'dblink_reader' AND finding LIKE '%dblink(text)%';
DROP EXTENSION dblink;
DROP FOREIGN DATA WRAPPER doctor_wrapper CASCADE;

DROP ROLE doctor_admin, doctor_auditor, doctor_reader, doctor_coordinatrice, doctor_bypass;
