-- Break-glass: who, how long, on record before anything is open, reviewed by another, the next one blocked.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE glass_coord LOGIN;
CREATE ROLE glass_deleg LOGIN;
CREATE ROLE glass_fg LOGIN;
CREATE ROLE glass_vv LOGIN;
CREATE ROLE glass_none LOGIN;
CREATE ROLE glass_admin LOGIN IN ROLE casus_admin;
CREATE ROLE glass_admin2 LOGIN IN ROLE casus_admin;
CREATE ROLE glass_super LOGIN SUPERUSER;
CREATE ROLE glass_auditor LOGIN IN ROLE casus_auditor;
SELECT count(*) FROM casus.install_protocol('beesel-2021');
SELECT count(*) FROM casus.open_file('beesel-2021', 'een');
SELECT count(*) FROM casus.activate_protocol('een', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
SELECT count(casus.add_person(name, role::regrole, oath_on => '2020-01-01')) FROM (VALUES ('Coord', 'glass_coord'),
	('Deleg', 'glass_deleg'), ('Fg', 'glass_fg'), ('Vv', 'glass_vv')) p (name, role);
SELECT count(casus.appoint(name, 'een', party, office, reason => 'test'))
	FROM (VALUES ('Coord', NULL, 'coordinator'), ('Fg', NULL, 'fg'), ('Deleg', 'subsidies', 'afgevaardigde'),
	('Vv', NULL, 'verwerkingsverantwoordelijke')) a (name, party, office);
CREATE TABLE zaak (id integer PRIMARY KEY, titel text NOT NULL, dossier bigint NOT NULL);
GRANT ALL ON zaak TO PUBLIC;
SELECT count(*) > 0 AS ok FROM casus.protect('zaak', 'een', dossier => 'dossier', category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.bind('zaak', 'enforce');
SET SESSION AUTHORIZATION glass_coord;
SELECT casus.open_dossier('een') AS a \gset
SELECT casus.open_dossier('een') AS b \gset
BEGIN;
SELECT casus.enter('intake');
INSERT INTO zaak VALUES (1, 'eerste', :a), (2, 'tweede', :b), (3, 'derde', :a);
COMMIT;

-- The ids differ from run to run: errors are shown by code, message and detail.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION public.try(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE code text; message text; detail text;
BEGIN
	EXECUTE sql;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || code || ': ' || message || ': ' || detail;
END $$;

-- Who may: an office of the file, casus_admin, a superuser; and not without a reason, nor for long.
SET SESSION AUTHORIZATION glass_none;
SELECT try(format('SELECT casus.break_glass(%L, %s)', 'brand', :a));
SET SESSION AUTHORIZATION glass_super;
SELECT try($$SELECT casus.break_glass('brand', 999999999)$$);
SELECT try(format('SELECT casus.break_glass(%L, %s)', '  ', :a));
SELECT try(format('SELECT casus.break_glass(%L, %s, %L)', 'brand', :a, '9 hours'));
SELECT try(format('SELECT casus.break_glass(%L, %s, %L)', 'brand', :a, '-1 hour'));
SELECT count(*) FROM casus.opening;

-- Not before its commit, and not at all when it is rolled back.
SELECT id FROM zaak ORDER BY id;
SET client_min_messages = notice;
BEGIN;
SELECT casus.break_glass('brand', :a, '1 hour') > 0 AS act;
SELECT id FROM zaak ORDER BY id;
ROLLBACK;
RESET client_min_messages;
SELECT id FROM zaak ORDER BY id;

-- Then every row of that dossier, of no other, and for reading only.
SELECT casus.break_glass('brand', :a, '1 hour') AS glass \gset
SELECT id, titel FROM zaak ORDER BY id;
SELECT count(*) FROM zaak WHERE titel LIKE 'e%';
UPDATE zaak SET titel = 'anders' WHERE id = 1;
DELETE FROM zaak;
SELECT kind, file, dossier = :a AS dossier, person, role_name, as_admin, office, is_open, reason, is_reviewed FROM casus.opening;
SELECT try(format('SELECT casus.break_glass(%L, %s)', 'brand', :a));
-- Its role is known by its name, and keeps that.
RESET SESSION AUTHORIZATION;
SELECT try('ALTER ROLE glass_super RENAME TO glass_other'), try('DROP ROLE IF EXISTS nobody_here, glass_super');
SET SESSION AUTHORIZATION glass_super;
-- Not in another role, and not for others.
SET ROLE glass_none;
SELECT try('SELECT count(*) FROM zaak');
RESET ROLE;
SET SESSION AUTHORIZATION glass_admin;
SELECT try('SELECT count(*) FROM zaak');
SET SESSION AUTHORIZATION glass_super;
-- A prepared plan and a cursor from before meet its end.
PREPARE p AS SELECT count(*) FROM zaak;
EXECUTE p;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM zaak ORDER BY id;
FETCH 1 FROM c;
SAVEPOINT s;
SELECT casus.end_opening(:glass);
FETCH 1 FROM c;
ROLLBACK TO s;
COMMIT;
EXECUTE p;
SELECT casus.leave();
EXECUTE p;
-- Over, and still to be reviewed.
RESET SESSION AUTHORIZATION;
SELECT try('ALTER ROLE glass_super RENAME TO glass_other'), try('DROP ROLE glass_super');
SET SESSION AUTHORIZATION glass_super;
-- What was read is logged under it.
SET SESSION AUTHORIZATION glass_auditor;
SELECT relation, role, file, office, purpose, source, phase, row_counts FROM casus.access_log
	WHERE opening = :glass ORDER BY seq;
SELECT kind, person, role_name FROM casus.act_log WHERE dossier = :a AND kind ~ 'glass|opening' ORDER BY id;

-- One that has not been reviewed blocks the next: his own, and, for an admin, those of others.
SET SESSION AUTHORIZATION glass_super;
SELECT try(format('SELECT casus.break_glass(%L, %s)', 'brand', :b));
SET SESSION AUTHORIZATION glass_admin;
SELECT try(format('SELECT casus.break_glass(%L, %s)', 'brand', :b));
SET SESSION AUTHORIZATION glass_deleg;
SELECT try(format('SELECT casus.break_glass(%L, %s)', 'brand', :a));
SELECT casus.break_glass('brand', :b) AS deleg \gset
SELECT id FROM zaak ORDER BY id;
-- An ended appointment ends it.
BEGIN;
SET SESSION AUTHORIZATION DEFAULT;
SELECT id AS appointment FROM casus.appointment WHERE person = 'Deleg' \gset
SELECT casus.end_appointment(:appointment) > 0 AS ended;
SET SESSION AUTHORIZATION glass_deleg;
SELECT try('SELECT count(*) FROM zaak');
ROLLBACK;

-- Review: by an office that the protocol names, not by who opened, nor by who gains by it.
SELECT try(format('SELECT casus.review_break_glass(%s, %L, %L)', :glass, 'justified', 'er was brand'));
SET SESSION AUTHORIZATION glass_coord;
SELECT try(format('SELECT casus.review_break_glass(%s, %L, %L)', :glass, 'justified', 'er was brand'));
SELECT count(*) FROM casus.opening;
SET SESSION AUTHORIZATION glass_vv;
SELECT casus.break_glass('brand', :b) AS vv \gset
SELECT try(format('SELECT casus.review_break_glass(%s, %L, %L)', :vv, 'justified', 'er was brand'));
SELECT try(format('SELECT casus.review_break_glass(%s, %L, %L)', :glass, 'justified', 'er was brand'));
SET SESSION AUTHORIZATION glass_fg;
SELECT kind, dossier = :a AS a, person, role_name, as_admin, office, is_open, is_reviewed FROM casus.opening ORDER BY act;
SELECT try(format('SELECT casus.review_break_glass(%s, %L, %L)', :glass, 'goed', 'er was brand'));
SELECT try(format('SELECT casus.review_break_glass(%s, %L, NULL)', :glass, 'justified'));
SELECT casus.review_break_glass(:glass, 'not_justified', 'er was geen brand') > 0 AS act;
SELECT try(format('SELECT casus.review_break_glass(%s, %L, %L)', :glass, 'justified', 'toch'));
-- One that runs ends by it.
SELECT casus.review_break_glass(:vv, 'justified', 'er was brand') > 0 AS act;
SELECT casus.review_break_glass(:deleg, 'justified', 'er was brand') > 0 AS act;
SET SESSION AUTHORIZATION glass_vv;
SELECT try('SELECT count(*) FROM zaak');
SELECT role_name, is_open, is_reviewed, outcome, reviewed_by, review FROM casus.opening ORDER BY act;
SET SESSION AUTHORIZATION glass_admin;
SELECT casus.break_glass('weer brand', :b, '4 seconds') > 0 AS act;
SELECT id FROM zaak ORDER BY id;
-- Nobody who is appointed by the opener since reviews it.
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM casus.add_person('Vriend', 'glass_none');
SET SESSION AUTHORIZATION glass_admin;
SELECT count(*) FROM casus.appoint('Vriend', 'een', NULL, 'fg');
SELECT max(act) AS glass FROM casus.opening \gset
SET SESSION AUTHORIZATION glass_none;
SELECT try(format('SELECT casus.review_break_glass(%s, %L, %L)', :glass, 'justified', 'er was brand'));
-- By time.
SELECT pg_sleep(4.1);
SET SESSION AUTHORIZATION glass_admin;
SELECT try('SELECT count(*) FROM zaak');
SELECT is_open FROM casus.opening WHERE act = :glass;
SET SESSION AUTHORIZATION glass_admin2;
SELECT try(format('SELECT casus.break_glass(%L, %s)', 'brand', :a));
SET SESSION AUTHORIZATION glass_fg;
SELECT casus.review_break_glass(:glass, 'justified', 'er was brand') > 0 AS act;

-- It is not lent: a function with another's rights cannot open, and what it opens to itself is not the caller's.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION geleend(d bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$SELECT casus.break_glass('lenen', d)$$;
ALTER FUNCTION geleend(bigint) OWNER TO glass_super;
SET SESSION AUTHORIZATION glass_deleg;
SELECT try(format('SELECT geleend(%s)', :b));

-- A transaction with it is not prepared, also when all it did was read.
SET SESSION AUTHORIZATION glass_super;
BEGIN;
SELECT casus.break_glass('brand', :b, '1 hour') > 0 AS act;
PREPARE TRANSACTION 'glas';
ROLLBACK;
SELECT casus.break_glass('brand', :b, '1 hour') AS glass \gset
BEGIN;
SELECT count(*) FROM zaak;
PREPARE TRANSACTION 'glas';
ROLLBACK;

-- Who cannot see the number names the row. One that is not there, one outside the protocol and one of a file in which
-- he holds nothing answer alike, and what does not depend on the row comes before it.
RESET SESSION AUTHORIZATION;
CREATE TABLE los (id integer PRIMARY KEY, soort text NOT NULL);
INSERT INTO los VALUES (1, 'los'), (2, 'zaak');
GRANT SELECT ON los TO PUBLIC;
CREATE TABLE paar (a integer, b integer, dossier bigint, PRIMARY KEY (a, b));
SELECT count(*) > 0 AS ok FROM casus.protect('los', 'een', opens_dossier => true, governs => $$soort = 'zaak'$$, category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.protect('paar', 'een', dossier => 'dossier', category => 'registratie');
CALL casus.take_in('los', phase => $$'intake'$$);
SELECT count(*) > 0 AS ok FROM casus.bind('los', 'enforce');
SET SESSION AUTHORIZATION glass_fg;
SELECT count(casus.review_break_glass(act, 'justified', 'er was brand')) FROM casus.opening WHERE NOT is_reviewed;
SET SESSION AUTHORIZATION glass_super;
SELECT casus.dossier_of('los', '2') IS NULL AS unseen;
SELECT try($$SELECT casus.break_glass('brand', 'los', '1', NULL)$$);
SELECT try($$SELECT casus.break_glass('brand', 'los', '3', NULL)$$);
SELECT try($$SELECT casus.break_glass('brand', 'los', NULL, NULL)$$);
SELECT try($$SELECT casus.break_glass('brand', 'los', '1', '9 hours')$$);
SELECT try($$SELECT casus.break_glass('brand', 'los', '2', '9 hours')$$);
SELECT try($$SELECT casus.break_glass(' ', 'los', '2', NULL)$$);
SELECT try($$SELECT casus.break_glass('brand', 'pg_class', '2', NULL)$$);
SELECT try($$SELECT casus.break_glass('brand', NULL, '2', NULL)$$);
SELECT try($$SELECT casus.break_glass('brand', 'paar', '2', NULL)$$);
SET SESSION AUTHORIZATION glass_auditor;
SELECT relation, dossiers, text FROM casus.access_log WHERE kind = 'attempt' AND relation IS NOT NULL AND role = 'glass_super' ORDER BY seq;
SET SESSION AUTHORIZATION glass_super;
SELECT casus.break_glass('brand', 'los', '2', NULL) > 0 AS act;
SELECT id, soort FROM los ORDER BY id;
SELECT try($$SELECT casus.break_glass('brand', 'los', '2', NULL)$$);
SELECT casus.leave();
SELECT try($$SELECT casus.break_glass('brand', 'los', '2', NULL)$$);
SELECT try($$SELECT casus.break_glass('brand', 'los', '1', NULL)$$);
-- Inspection likewise, for who supervises; nobody else learns of the row.
SET SESSION AUTHORIZATION glass_coord;
SELECT try($$SELECT casus.inspect('los', '2', 'steekproef', NULL)$$);
SELECT try($$SELECT casus.inspect('los', '1', 'steekproef', NULL)$$);
SET SESSION AUTHORIZATION glass_fg;
SELECT try($$SELECT casus.inspect('los', '1', 'steekproef', NULL)$$);
SELECT casus.inspect('los', '2', 'steekproef', NULL) > 0 AS act;
SELECT id, soort FROM los ORDER BY id;
SELECT casus.leave();
SELECT count(casus.review_break_glass(act, 'justified', 'er was brand')) FROM casus.opening WHERE NOT is_reviewed;
SET SESSION AUTHORIZATION glass_super;
SELECT casus.break_glass('brand', :b, '1 hour') AS glass \gset

-- Rows do not outlive it in a copy or a cursor WITH HOLD; parallel workers see the same.
CREATE TABLE zaak_kopie AS SELECT id FROM zaak;
COPY (SELECT id FROM zaak) TO PROGRAM 'cat';
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT id FROM zaak;
ROLLBACK;
SELECT count(set_config(name, 'on', false)) FROM pg_settings WHERE name IN ('debug_parallel_query', 'force_parallel_mode');
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT id FROM zaak ORDER BY id;
RESET SESSION AUTHORIZATION;

-- While a context is entered it alone decides.
SET SESSION AUTHORIZATION glass_fg;
SELECT count(casus.review_break_glass(act, 'justified', 'er was brand')) FROM casus.opening WHERE NOT is_reviewed;
SET SESSION AUTHORIZATION glass_coord;
SELECT casus.break_glass('brand', :b, '1 hour') > 0 AS act;
BEGIN;
SELECT casus.enter('zwaarte');
SELECT id FROM zaak ORDER BY id;
ROLLBACK;
SELECT id FROM zaak ORDER BY id;
SELECT casus.leave();

-- Inspection: the supervisor reads for the purpose that the protocol gives, and the controller sees that he did.
SET SESSION AUTHORIZATION glass_coord;
SELECT try(format('SELECT casus.inspect(%s, %L)', :a, 'steekproef'));
SET SESSION AUTHORIZATION glass_fg;
SELECT try('SELECT count(*) FROM zaak');
SELECT try(format('SELECT casus.inspect(%s, NULL)', :a));
SELECT try($$SELECT casus.inspect(999999999, 'steekproef')$$);
SELECT casus.inspect(:a, 'steekproef') AS inspection \gset
RESET SESSION AUTHORIZATION;
SELECT try('ALTER ROLE glass_fg RENAME TO glass_other');
SET SESSION AUTHORIZATION glass_fg;
SELECT id FROM zaak ORDER BY id;
UPDATE zaak SET titel = 'anders';
SET SESSION AUTHORIZATION glass_vv;
SELECT kind, dossier = :a AS a, person, office, purpose, round(extract(epoch FROM ends - starts) / 60) AS minutes, is_open, reason, is_reviewed FROM casus.opening
	WHERE act = :inspection;
SET SESSION AUTHORIZATION glass_auditor;
SELECT relation, person, office, purpose, source, row_counts FROM casus.access_log WHERE opening = :inspection ORDER BY seq;
SET SESSION AUTHORIZATION glass_fg;
SELECT casus.leave();
SELECT try('SELECT count(*) FROM zaak');
RESET SESSION AUTHORIZATION;
-- All is over and reviewed: the role is like any other.
SELECT try('ALTER ROLE glass_fg RENAME TO glass_other'), try('ALTER ROLE glass_other RENAME TO glass_fg');
DROP FUNCTION geleend(bigint);
DROP OWNED BY glass_coord, glass_deleg, glass_fg, glass_vv, glass_none, glass_admin, glass_admin2, glass_super, glass_auditor;
