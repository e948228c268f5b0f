-- Figures of the access log over a period, as casusctl report puts them on a page.  [P-49] [B-47] [B-50] (D 20)
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE lr_coordinator LOGIN;
CREATE ROLE lr_other LOGIN;
CREATE ROLE lr_unknown LOGIN;
CREATE ROLE lr_auditor LOGIN IN ROLE casus_auditor;
CREATE ROLE lr_backup LOGIN BYPASSRLS IN ROLE casus_backup;
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
INSERT INTO zaak SELECT n, 8 FROM generate_series(1, 20) n;
GRANT SELECT ON zaak TO lr_coordinator, lr_other, lr_unknown, lr_backup;
GRANT TEMPORARY ON DATABASE :DBNAME TO PUBLIC;
\o /dev/null
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'lr');
SELECT casus.activate_protocol('lr', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "x"}');
SELECT casus.add_person('Coor', 'lr_coordinator', oath_on => '2020-01-01');
SELECT casus.add_person('Ander', 'lr_other', oath_on => '2020-01-01');
SELECT casus.protect('zaak', 'lr', opens_dossier => true, governs => 'soort = 8', category => 'registratie', without_purpose => 'error');
CALL casus.take_in('zaak', phase => $$'intake'$$, opened => $$'2026-01-01'$$);
SELECT casus.bind('zaak', 'enforce');
SELECT clock_timestamp() AS begin \gset
SELECT casus.appoint('Coor', 'lr', NULL, 'coordinator', reason => 'why she is');
SELECT casus.appoint('Ander', 'lr', NULL, 'coordinator', reason => 'why he is');
SELECT casus.maintenance('zaak', 'why it is', '1 minute');
SELECT casus.break_glass('why it is opened', 'zaak', '3', '1 hour');
\o
-- Settings and libraries of the server can undo anything at its next start.
ALTER SYSTEM SET log_checkpoints = on;
ALTER SYSTEM RESET log_checkpoints;
LOAD 'plpgsql';

SET SESSION AUTHORIZATION lr_coordinator;
BEGIN;
SELECT FROM casus.enter('intake');
SELECT count(*) FROM zaak;
SELECT count(*) FROM zaak WHERE id <= 2;
CREATE TEMPORARY TABLE afschrift AS SELECT id FROM zaak WHERE id <= 3;
COMMIT;
SELECT count(*) FROM zaak;
SET SESSION AUTHORIZATION lr_other;
BEGIN;
SELECT FROM casus.enter('intake');
SELECT count(*) FROM zaak WHERE id = 2;
COMMIT;
SET SESSION AUTHORIZATION lr_unknown;
SELECT count(*) FROM zaak;
SELECT casus.open_dossier('lr');
SET SESSION AUTHORIZATION lr_backup;
\o /dev/null
COPY zaak TO STDOUT;
\o
-- Set-up that was taken back was tried; what was carried out is told of who did it and of the table as it was then.
RESET SESSION AUTHORIZATION;
CREATE ROLE lr_admin IN ROLE casus_admin;
CREATE TABLE los (id integer PRIMARY KEY);
CREATE TABLE delen (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE deel_2 PARTITION OF delen FOR VALUES FROM (10) TO (20);
\o /dev/null
SELECT casus.protect('delen', 'lr', opens_dossier => true, category => 'registratie');
SELECT casus.protect('los', 'lr', opens_dossier => true, category => 'registratie', dry_run => true);
BEGIN;
SELECT casus.protect('los', 'lr', opens_dossier => true, category => 'registratie');
ROLLBACK;
SELECT casus.protect('los', 'lr', opens_dossier => true, category => 'registratie');
BEGIN;
SAVEPOINT s;
SELECT casus.bind('los', 'observe');
ROLLBACK TO s;
SELECT casus.set_subject_column('los', 'id');
CREATE TABLE deel_1 PARTITION OF delen FOR VALUES FROM (0) TO (10);
SELECT casus.unprotect('los', 'why not');
ROLLBACK;
BEGIN;
SELECT casus.bind('delen', 'observe');
PREPARE TRANSACTION 'lr_delen';
COMMIT PREPARED 'lr_delen';
BEGIN;
SET LOCAL ROLE lr_admin;
SELECT casus.add_person('Nieuw');
RESET ROLE;
CREATE TABLE deel_1 PARTITION OF delen FOR VALUES FROM (0) TO (10);
SELECT casus.unprotect('los', 'why');
DROP TABLE los;
COMMIT;
\o
SELECT clock_timestamp() AS end \gset

SET SESSION AUTHORIZATION lr_auditor;
SELECT casus.sees_whole_log();
SELECT refusals, reads, persons, dossiers, records > refusals + reads AS more, first_at >= :'begin' AND last_at < :'end' AS within FROM casus.log_summary(:'begin', :'end');
SELECT * FROM casus.log_use(:'begin', :'end');
SELECT kind, code, protocol, article, persons, records, first_at <= last_at AS ordered FROM casus.log_refusals(:'begin', :'end');
SELECT kind, relation, person, role, records, dossiers, row_count FROM casus.log_outflow(:'begin', :'end');
SELECT * FROM casus.log_persons(:'begin', :'end');
-- [P-50] of granted rights: those that were given in the period.
SELECT act, file, office, person, nullif(role, :'USER') AS role, relation, records, dossiers FROM casus.log_widened(:'begin', :'end');
SELECT kind, relation, text FROM casus.access_log WHERE kind IN ('attempt', 'setup') AND relation ~ 'los|delen|deel' AND at >= :'begin' AND at < :'end' ORDER BY seq;
SELECT kind, text FROM casus.access_log WHERE kind = 'attempt' AND text ~ '^(ALTER|LOAD)' AND at >= :'begin' AND at < :'end' ORDER BY seq;
SELECT (w)::text ~ 'why' AS reasons FROM casus.log_widened(:'begin', :'end') w GROUP BY 1;
SELECT count(*) FROM casus.log_read_back(:'begin', :'end');
SELECT clock_timestamp() AS later \gset
SELECT ok FROM casus.verify_log();
SELECT person, role, what, days, records FROM casus.log_read_back(:'end', :'later');
SELECT person, role, what, days, records FROM casus.log_read_back(:'later') WHERE what <> 'access_log';
SELECT is_this, records > 10 AS some FROM casus.log_nodes(:'begin', :'end');

-- From the first moment up to the last, which is not in it.
SELECT min(at) AS first, max(at) AS last FROM casus.access_log WHERE kind = 'read' AND relation = 'public.zaak' AND at >= :'begin' AND at < :'end' \gset
SELECT (casus.log_summary(:'first', :'last')).reads - (casus.log_summary(:'begin', :'end')).reads AS without_last;
SELECT (casus.log_summary(:'last', :'end')).reads AS from_last;
SELECT (casus.log_summary('1999-01-01', '1999-02-01')).*;
SELECT count(*) FROM casus.log_use('1999-01-01', '1999-02-01');

-- A month of Amsterdam, in whatever zone the session is.
SET TimeZone = 'UTC';
SELECT m, since, until FROM unnest(ARRAY['2026-01', '2026-03', '2026-10', '2026-12', '2024-02']) m, casus.log_month(m);
SET TimeZone = 'Asia/Tokyo';
SELECT since, until FROM casus.log_month('2026-10');
RESET TimeZone;
\set VERBOSITY terse
SELECT * FROM casus.log_month('2026-13');
\set VERBOSITY default
SELECT * FROM casus.log_month('2026-1');
SELECT * FROM casus.log_month('2026-01-15');

-- Anyone else finds himself, and who oversees a file that, a superuser nothing.
SET SESSION AUTHORIZATION lr_other;
SELECT casus.sees_whole_log();
SELECT * FROM casus.log_persons();
SELECT file, kind, persons, dossiers FROM casus.log_use();
SELECT count(*) FROM casus.log_refusals();
SELECT count(*) FROM casus.log_outflow();
SELECT count(*), bool_and(is_this) FROM casus.log_nodes();
RESET SESSION AUTHORIZATION;
SELECT casus.sees_whole_log();
SELECT (casus.log_summary()).records;
