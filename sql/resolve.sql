-- casus.protect(resolve => function): a function of the application names the dossier of a row.  It is code of the
-- table's owner in the session of whoever writes [E: user code inside], and nothing that it does or says gets further.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set tells check
\set fixture :source '/test/fixtures/attempt.sql'
\ir :fixture
CREATE ROLE resolve_owner LOGIN;
CREATE ROLE resolve_other LOGIN;
CREATE ROLE resolve_coord LOGIN;
CREATE ROLE resolve_none LOGIN;
SELECT casus.install_protocol('beesel-2021') AS protocol;
SELECT casus.open_file('beesel-2021', 'ond') > 0 AND casus.open_file('beesel-2021', 'ander') > 0 AS opened;
SELECT casus.activate_protocol(f, 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}') > 0 AS active FROM unnest('{ond,ander}'::text[]) f;
SELECT casus.add_person('Coord', 'resolve_coord', oath_on => '2020-01-01') > 0 AS known;
SELECT casus.appoint('Coord', f, NULL, 'coordinator', reason => 'test') > 0 AS appointed FROM unnest('{ond,ander}'::text[]) f;
SET SESSION AUTHORIZATION resolve_coord;
SELECT casus.open_dossier('ond') AS een \gset
SELECT casus.open_dossier('ond') AS twee \gset
SELECT casus.open_dossier('ander') AS ander \gset
RESET SESSION AUTHORIZATION;

-- The application's own numbers, and which dossier each stands for.
CREATE SCHEMA app AUTHORIZATION resolve_owner;
GRANT USAGE ON SCHEMA app TO resolve_coord;
GRANT CREATE ON SCHEMA public TO PUBLIC;
SET ROLE resolve_owner;
CREATE TABLE app.nummer (jaar integer, volg text, dossier bigint, PRIMARY KEY (jaar, volg));
CREATE TABLE app.stuk (id integer PRIMARY KEY, volg text, jaar integer, tekst text);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.stuk TO resolve_coord;
CREATE FUNCTION app.dossier_van(jaar integer, volg text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF volg = 'fout' THEN
		RAISE EXCEPTION 'SECRET: %', (SELECT string_agg(n.volg, ',') FROM app.nummer n) USING DETAIL = 'SECRET', HINT = 'SECRET', ERRCODE = 'XX001';
	ELSIF volg = 'traag' THEN
		RAISE EXCEPTION 'SECRET' USING ERRCODE = '40001';
	END IF;
	RETURN (SELECT n.dossier FROM app.nummer n WHERE n.jaar = dossier_van.jaar AND n.volg = dossier_van.volg);
END $$;
CREATE FUNCTION app.veranderlijk(jaar integer, volg text) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
CREATE FUNCTION app.klein(jaar integer, volg text) RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION app.veel(jaar integer) RETURNS SETOF bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint';
CREATE FUNCTION app.definer(jaar integer) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT 1::bigint';
CREATE FUNCTION app.naamloos(integer) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint';
CREATE FUNCTION app.niets() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint';
CREATE FUNCTION app.anders(maand integer) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint';
CREATE FUNCTION app.soort(jaar text) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint';
RESET ROLE;
CREATE FUNCTION app.vreemd(jaar integer) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint';
INSERT INTO app.nummer VALUES (2026, 'a', :een), (2026, 'b', :twee), (2026, 'x', :ander), (2026, 'weg', 999999), (2026, 'min', -5), (2025, 'a', :een);
INSERT INTO app.stuk VALUES (1, 'a', 2026, 'een'), (2, 'b', 2026, 'twee'), (3, 'leeg', 2026, 'geen'), (4, 'fout', 2026, 'fout');

-- What it must be like.
SELECT f, replace(attempt(format($$SELECT casus.protect('app.stuk', 'ond', resolve => %L, category => 'beoordeling')$$, f)), f, 'f') AS answer
	FROM unnest('{"app.veranderlijk(integer,text)","app.klein(integer,text)",app.veel(integer),app.definer(integer),app.naamloos(integer),app.niets(),app.anders(integer),app.soort(text),app.vreemd(integer)}'::text[]) f;
SELECT attempt($$SELECT casus.protect('app.stuk', 'ond', resolve => 'app.dossier_van(integer,text)', dossier => 'id')$$, 'message');
SELECT line FROM casus.protect('app.stuk', 'ond', resolve => 'app.dossier_van(integer,text)', category => 'beoordeling', dry_run => true) line WHERE line LIKE 'SECURITY LABEL%COLUMN%';
SELECT count(*) > 0 AS done FROM casus.protect('app.stuk', 'ond', resolve => 'app.dossier_van(integer,text)', category => 'beoordeling');

-- Rows that are there: two are left, with what is the matter and no more.
CALL casus.take_in('app.stuk');
SELECT attempt($$SELECT casus.bind('app.stuk', 'enforce')$$, 'message');
SET ROLE resolve_owner;
UPDATE app.stuk SET volg = 'a' WHERE id > 2;
RESET ROLE;
CALL casus.take_in('app.stuk');
-- observe: a row that the function has no dossier for passes, and is on record
SELECT count(*) > 0 AS bound FROM casus.bind('app.stuk', 'observe');
SET ROLE resolve_owner;
INSERT INTO app.stuk VALUES (5, 'fout', 2026, 'observe');
RESET ROLE;
SELECT casus_label FROM app.stuk WHERE id = 5;
DELETE FROM app.stuk WHERE id = 5;
SELECT count(*) > 0 AS bound FROM casus.bind('app.stuk', 'enforce');

-- Who writes.
SET SESSION AUTHORIZATION resolve_coord;
SELECT attempt($$INSERT INTO app.stuk VALUES (10, 'a', 2026, 'x')$$) AS no_purpose;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT id, casus.dossier_of(casus_label) = :een AS een, casus.dossier_of(casus_label) = :twee AS twee FROM app.stuk ORDER BY id;
INSERT INTO app.stuk VALUES (10, 'a', 2026, 'x'), (11, 'b', 2026, 'y') RETURNING id, casus.dossier_of(casus_label) = :een AS een;
-- none, an error, one of another file, one that is not there: refused, and the last two alike
SELECT v, attempt(format($$INSERT INTO app.stuk VALUES (12, %L, 2026, 'x')$$, v), 'message') AS code, attempt(format($$INSERT INTO app.stuk VALUES (12, %L, 2026, 'x')$$, v)) AS answer
	FROM unnest('{leeg,fout,x,weg,min,traag,NULL}'::text[]) v;
SAVEPOINT s; INSERT INTO app.stuk VALUES (12, 'fout', 2026, 'x'); ROLLBACK TO s;
SAVEPOINT s; INSERT INTO app.stuk VALUES (12, 'traag', 2026, 'x'); ROLLBACK TO s;
COMMIT;
-- An UPDATE that would name another dossier; one that names the same; one of another column, whatever the function says by now.
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT attempt($$UPDATE app.stuk SET volg = 'b' WHERE id = 10$$) AS other, attempt($$UPDATE app.stuk SET volg = 'fout' WHERE id = 10$$) AS failing,
	attempt($$UPDATE app.stuk SET volg = NULL WHERE id = 10$$) AS none, attempt($$UPDATE app.stuk SET jaar = 2025 WHERE id = 10$$) AS same;
SAVEPOINT s; UPDATE app.stuk SET volg = 'b' WHERE id = 10; ROLLBACK TO s;
SAVEPOINT s; DELETE FROM app.stuk WHERE id = 10; INSERT INTO app.stuk VALUES (10, 'b', 2026, 'x') RETURNING casus.dossier_of(casus_label) = :twee AS twee; ROLLBACK TO s;
COMMIT;
RESET SESSION AUTHORIZATION;
SET ROLE resolve_owner; DELETE FROM app.nummer WHERE volg = 'b'; RESET ROLE;
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT attempt($$UPDATE app.stuk SET tekst = 'z' WHERE id = 11$$) AS other_column;
COMMIT;
RESET SESSION AUTHORIZATION;

-- casus.move gives the columns that the function is given other values, and asks it about the row as it becomes: what
-- hangs on the row goes along.  A column refers to a table that is not protected.
SET ROLE resolve_owner;
INSERT INTO app.nummer VALUES (2026, 'b', :twee), (2026, 'c', :een), (2025, 'b', :twee), (2024, 'b', :twee), (2023, 'a', NULL);
CREATE TABLE app.regel (id integer PRIMARY KEY, stuk_id integer REFERENCES app.stuk, tekst text);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.regel TO resolve_coord;
RESET ROLE;
SELECT count(*) > 0 AS done FROM casus.protect('app.regel', 'ond', via => 'stuk_id', category => 'beoordeling');
SELECT count(*) > 0 AS bound FROM casus.bind('app.regel', 'enforce');
SET ROLE resolve_owner;
CREATE TABLE app.jaar (jaar integer PRIMARY KEY);
INSERT INTO app.jaar VALUES (2023), (2025), (2026);
ALTER TABLE app.stuk ADD CONSTRAINT stuk_jaar FOREIGN KEY (jaar) REFERENCES app.jaar DEFERRABLE INITIALLY DEFERRED NOT VALID;
RESET ROLE;
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
INSERT INTO app.stuk VALUES (30, 'a', 2026, 'x'), (31, 'b', 2026, 'y');
INSERT INTO app.regel VALUES (1, 30, 'bij 30'), (2, 31, 'bij 31');
COMMIT;
CREATE TEMP VIEW waar AS SELECT s.id, s.jaar, s.volg, casus.dossier_of(s.casus_label) = :twee AS twee,
	casus.dossier_of(r.casus_label) = casus.dossier_of(s.casus_label) AS regel, casus.item_of(s.casus_label) AS item
	FROM app.stuk s JOIN app.regel r ON r.stuk_id = s.id ORDER BY s.id;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT item AS item_30 FROM waar WHERE id = 30 \gset
SELECT casus.move('app.stuk', '30', '{"volg": "b"}', 'hoort bij b') > 0 AS act;
SELECT id, jaar, volg, twee, regel, item = :item_30 AS item_stays FROM waar WHERE id = 30;
-- and is asked no more: an UPDATE of another column, one that names the same dossier
UPDATE app.stuk SET tekst = 'z' WHERE id = 30;
UPDATE app.stuk SET jaar = 2025, volg = 'b' WHERE id = 30;
SELECT casus.move('app.stuk', '30', '{"volg": "a", "jaar": 2026}', 'toch bij a') > 0 AS act;
SELECT id, jaar, volg, twee, regel, item = :item_30 AS item_stays FROM waar;
SELECT a.details ->> 'from' = :'twee' AS "from", a.details ->> 'to' = :'een' AS "to", a.details ->> 'rows' AS rows, a.details -> 'row' AS row
	FROM casus.act_log a WHERE a.kind = 'move' ORDER BY a.id DESC LIMIT 1;
COMMIT;
-- refused: the same dossier, none, an error, one of another file and one that is not there alike, no such columns
SELECT v, attempt(format($$SELECT casus.move('app.stuk', '30', %L, 'x')$$, v), 'message') AS code, attempt(format($$SELECT casus.move('app.stuk', '30', %L, 'x')$$, v)) AS answer
	FROM unnest(ARRAY['{"volg": "c"}', '{}', '{"jaar": 2023}', '{"volg": "fout"}', '{"volg": "weg"}', '{"volg": "min"}', '{"volg": null}', '{"volg": "nieuw"}',
		'{"tekst": "b"}', '{"niets": 1}', '["b"]', 'b', '{"jaar": "x"}']) v;
SELECT attempt($$SELECT casus.move('app.stuk', '30', '{"volg": "traag"}', 'x')$$, 'message') AS slow,
	attempt($$SELECT casus.move('app.stuk', '30', '{"volg": "b"}', '')$$) AS no_motivation, attempt($$SELECT casus.move('app.stuk', '99', '{"volg": "b"}', 'x')$$) AS no_row;
-- the key that leads elsewhere is checked at once
SELECT attempt($$SELECT casus.move('app.stuk', '30', '{"jaar": 2024, "volg": "b"}', 'x')$$, 'message') AS no_such_year;
-- a dossier of another file that the caller knows of is told, by its file
SELECT attempt($$SELECT casus.move('app.stuk', '30', '{"volg": "x"}', 'x')$$) AS other_file;
\set VERBOSITY default
SELECT casus.move('app.stuk', '30', '{"jaar": 2023}', 'x');
SELECT casus.move('app.stuk', '30', '{"volg": "c"}', 'x');
SELECT casus.move('app.stuk', '30', 'b', 'x');
\set VERBOSITY terse
-- UPDATE of all columns that it is given is needed
RESET SESSION AUTHORIZATION;
REVOKE UPDATE ON app.stuk FROM resolve_coord; GRANT UPDATE (volg, tekst) ON app.stuk TO resolve_coord;
SET SESSION AUTHORIZATION resolve_coord;
SELECT attempt($$SELECT casus.move('app.stuk', '30', '{"volg": "b"}', 'x')$$) AS no_right;
RESET SESSION AUTHORIZATION;
GRANT UPDATE ON app.stuk TO resolve_coord;
-- The application gives a number to another dossier: the row stays where it was brought in until it is moved, with no value changed.
SET ROLE resolve_owner; UPDATE app.nummer SET dossier = :twee WHERE jaar = 2026 AND volg = 'a'; RESET ROLE;
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT id, volg, twee FROM waar WHERE id = 30;
SELECT casus.move('app.stuk', '30', '{}', 'het nummer staat nu voor twee') > 0 AS act;
SELECT id, volg, twee, regel FROM waar WHERE id = 30;
ROLLBACK;
RESET SESSION AUTHORIZATION;
SET ROLE resolve_owner; UPDATE app.nummer SET dossier = :een WHERE jaar = 2026 AND volg = 'a'; RESET ROLE;
-- A key to it from elsewhere: refused as before.
SELECT casus.maintenance('app.stuk', 'sleutel') > now() AS open;
ALTER TABLE app.stuk ADD CONSTRAINT stuk_volg UNIQUE (id, volg);
CREATE TABLE app.verwijst (id integer, volg text, FOREIGN KEY (id, volg) REFERENCES app.stuk (id, volg));
SET SESSION AUTHORIZATION resolve_coord;
SELECT attempt($$SELECT casus.move('app.stuk', '30', '{"volg": "b"}', 'x')$$, 'message') AS referred_to, attempt($$SELECT casus.move('app.stuk', '31', '{"volg": "b", "jaar": 2023}', 'x')$$) AS not_this_one;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
DELETE FROM app.regel; DELETE FROM app.stuk WHERE id >= 30;
COMMIT;
RESET SESSION AUTHORIZATION;
DROP VIEW waar;
DROP TABLE app.verwijst;
ALTER TABLE app.stuk DROP CONSTRAINT stuk_jaar, DROP CONSTRAINT stuk_volg;
SELECT count(*) > 0 AS lines FROM casus.unprotect('app.regel', 'klaar');
DROP TABLE app.regel, app.jaar;
SELECT casus.maintenance('app.stuk', 'klaar', '0') <= clock_timestamp() AS closed;
SET ROLE resolve_owner; DELETE FROM app.nummer WHERE volg = 'b'; RESET ROLE;

-- What the row is about and whose it is stays, also where the function is given the column that says so.
SET ROLE resolve_owner;
CREATE TABLE app.gemengd (id integer PRIMARY KEY, soort text, nr integer);
CREATE FUNCTION app.van_gemengd(soort text, nr integer) RETURNS bigint LANGUAGE sql STABLE AS
	'SELECT n.dossier FROM app.nummer n WHERE n.jaar = nr AND n.volg = ''b''';
GRANT SELECT, INSERT, UPDATE, DELETE ON app.gemengd TO resolve_coord;
INSERT INTO app.nummer VALUES (1, 'b', :een), (2, 'b', :twee);
RESET ROLE;
SELECT count(*) > 0 AS done FROM casus.protect('app.gemengd', 'ond', resolve => 'app.van_gemengd(text,integer)', category_column => 'soort');
SELECT count(*) > 0 AS bound FROM casus.bind('app.gemengd', 'enforce');
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
INSERT INTO app.gemengd VALUES (1, 'beoordeling', 1);
SELECT attempt($$SELECT casus.move('app.gemengd', '1', '{"soort": "registratie", "nr": 2}', 'x')$$) AS other_category,
	attempt($$SELECT casus.move('app.gemengd', '1', '{"soort": "geen", "nr": 2}', 'x')$$, 'message') AS no_category,
	attempt($$SELECT casus.move('app.gemengd', '1', '{"soort": "beoordeling", "nr": 2}', 'x')$$) AS same_category;
DELETE FROM app.gemengd;
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT count(*) > 0 AS lines FROM casus.unprotect('app.gemengd', 'klaar');
DROP TABLE app.gemengd;
-- A key that is NULL as a whole or not at all is tried; one on a computed column is refused.
SET ROLE resolve_owner;
CREATE TABLE app.deel (nr integer, deel text, PRIMARY KEY (nr, deel));
CREATE TABLE app.dubbel (nr integer PRIMARY KEY);
INSERT INTO app.deel VALUES (1, 'b'), (2, 'b');
INSERT INTO app.dubbel VALUES (2);
CREATE TABLE app.heel (id integer PRIMARY KEY, nr integer, deel text, FOREIGN KEY (nr, deel) REFERENCES app.deel MATCH FULL);
CREATE TABLE app.maal (id integer PRIMARY KEY, nr integer, deel text, maal integer GENERATED ALWAYS AS (nr * 2) STORED REFERENCES app.dubbel);
CREATE FUNCTION app.van_deel(nr integer, deel text) RETURNS bigint LANGUAGE sql STABLE AS
	'SELECT n.dossier FROM app.nummer n WHERE n.jaar = nr AND n.volg = coalesce(deel, ''b'')';
GRANT SELECT, INSERT, UPDATE, DELETE ON app.heel, app.maal TO resolve_coord;
RESET ROLE;
SELECT count(*) > 0 AS done FROM unnest('{app.heel,app.maal}'::regclass[]) t, casus.protect(t, 'ond', resolve => 'app.van_deel(integer,text)', category => 'beoordeling');
SELECT count(*) > 0 AS bound FROM unnest('{app.heel,app.maal}'::regclass[]) t, casus.bind(t, 'enforce');
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
INSERT INTO app.heel VALUES (1, 1, 'b');
INSERT INTO app.maal VALUES (1, 1, 'b');
\set VERBOSITY default
SAVEPOINT s; SELECT casus.move('app.heel', '1', '{"nr": 2, "deel": null}', 'x') > 0 AS half; ROLLBACK TO s;
SAVEPOINT s; SELECT casus.move('app.maal', '1', '{"nr": 2}', 'x') > 0 AS computed; ROLLBACK TO s;
\set VERBOSITY terse
SELECT casus.move('app.heel', '1', '{"nr": 2}', 'x') > 0 AS act;
DELETE FROM app.heel; DELETE FROM app.maal;
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT count(*) > 0 AS lines FROM unnest('{app.heel,app.maal}'::regclass[]) t, casus.unprotect(t, 'klaar');
DROP TABLE app.heel, app.maal, app.deel, app.dubbel;
DROP FUNCTION app.van_deel;
DROP FUNCTION app.van_gemengd;
SET ROLE resolve_owner; DELETE FROM app.nummer WHERE volg = 'b'; RESET ROLE;

-- Replaced, renamed, dropped: in maintenance, which is on record, or not at all.
SET ROLE resolve_owner;
SELECT attempt($$CREATE OR REPLACE FUNCTION app.dossier_van(jaar integer, volg text) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint'$$) AS replaced,
	attempt('ALTER FUNCTION app.dossier_van RENAME TO anders2') AS renamed, attempt('ALTER FUNCTION app.dossier_van SECURITY DEFINER') AS altered,
	attempt('ALTER FUNCTION app.dossier_van OWNER TO resolve_owner') AS the_same;
SELECT attempt('DROP FUNCTION app.dossier_van') AS dropped, attempt('DROP SCHEMA app CASCADE') AS by_schema, attempt('ALTER FUNCTION app.dossier_van SET SCHEMA public') AS moved,
	attempt('ALTER TABLE app.stuk DROP COLUMN jaar') AS column_dropped, attempt('CREATE OR REPLACE FUNCTION app.klein(jaar integer, volg text) RETURNS integer LANGUAGE sql STABLE AS ''SELECT 2''') AS unconcerned;
RESET ROLE;
SELECT casus.maintenance('app.stuk', 'wat de functie allemaal probeert') > now() AS open;

-- Whatever it tries: as whom it runs, by which names, what it may do.
CREATE OR REPLACE FUNCTION app.dossier_van(jaar integer, volg text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	CASE volg
		WHEN 'wie' THEN IF current_user = 'resolve_owner' AND session_user = 'resolve_coord' AND current_setting('search_path') = 'pg_catalog, pg_temp' THEN
				RETURN (SELECT n.dossier FROM app.nummer n WHERE n.volg = 'a' LIMIT 1); END IF;
		WHEN 'pad' THEN RETURN val_hier();
		WHEN 'treed_binnen' THEN PERFORM casus.enter('intake', file => 'ander');
		WHEN 'verlaat' THEN PERFORM casus.leave();
		WHEN 'handel' THEN PERFORM casus.open_dossier('ond');
		WHEN 'vang' THEN BEGIN PERFORM casus.open_dossier('ond'); EXCEPTION WHEN OTHERS THEN NULL; END;
		WHEN 'schrijf' THEN INSERT INTO app.nummer VALUES (1, '1', 1);
		WHEN 'laat_schrijven' THEN PERFORM app.schrijf(volg);
		WHEN 'groot' THEN PERFORM lo_from_bytea(0, volg::bytea);
		WHEN 'tijdelijk' THEN EXECUTE 'CREATE TEMP TABLE t AS SELECT 1';
		WHEN 'rol' THEN EXECUTE 'SET ROLE resolve_other';
		WHEN 'lees' THEN PERFORM s.tekst FROM app.stuk s;
		WHEN 'instelling' THEN PERFORM set_config('resolve.gezien', volg, false);
		WHEN 'instelling_laat' THEN RETURN app.zet(volg);
		WHEN 'voorbereid' THEN PERFORM app.doe('PREPARE gezien AS SELECT 1');
		WHEN 'luister' THEN PERFORM app.doe('LISTEN gezien');
		WHEN 'meld' THEN PERFORM pg_notify('gezien', volg);
		WHEN 'slot' THEN PERFORM pg_advisory_lock(jaar);
		WHEN 'diep' THEN RETURN app.dossier_van(jaar, volg);
		ELSE NULL;
	END CASE;
	RETURN (SELECT n.dossier FROM app.nummer n WHERE n.volg = dossier_van.volg LIMIT 1);
END $$;
SELECT casus.maintenance('app.stuk', 'klaar', '0') IS NOT NULL AS closed;
-- A function of which it is not known that it writes.
CREATE FUNCTION app.schrijf(v text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN INSERT INTO app.nummer VALUES (1, v, 1); END';
-- One that does as it is told; one whose expressions PL/pgSQL has made ready before, when nobody could object.
CREATE FUNCTION app.doe(v text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE v; END';
CREATE FUNCTION app.zet(v text) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$DECLARE x text; BEGIN x := set_config('resolve.gezien', v, false);
	IF v = 'eerder' THEN RETURN 0; END IF; RETURN (SELECT n.dossier FROM app.nummer n WHERE n.volg = 'a' LIMIT 1); END$$;
GRANT EXECUTE ON FUNCTION app.zet TO PUBLIC;
INSERT INTO app.nummer SELECT 2026, v, :een FROM unnest('{pad,treed_binnen,verlaat,handel,vang,schrijf,laat_schrijven,groot,tijdelijk,rol,lees,diep,instelling,instelling_laat,voorbereid,luister,meld,slot}'::text[]) v;
SET SESSION AUTHORIZATION resolve_coord;
CREATE FUNCTION public.val_hier() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''called''; RETURN 1; END';
CREATE FUNCTION pg_temp.val_hier() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''called''; RETURN 1; END';
SELECT count(*) AS dossiers FROM casus.dossier;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT v, attempt(format($$INSERT INTO app.stuk VALUES (20, %L, 2026, 'x')$$, v), 'message') FROM unnest('{wie,pad,treed_binnen,verlaat,handel,vang,schrijf,laat_schrijven,groot,tijdelijk,rol,lees,diep}'::text[]) v;
-- nor does it leave a word behind
SELECT app.zet('eerder') IS NOT NULL AS ready;
SELECT v, attempt(format($$INSERT INTO app.stuk VALUES (23, %L, 2026, 'x')$$, v), 'message') FROM unnest('{instelling,instelling_laat,voorbereid,luister,meld,slot}'::text[]) v;
SELECT current_setting('resolve.gezien') AS setting, (SELECT count(*) FROM pg_prepared_statements WHERE name = 'gezien') AS prepared,
	(SELECT count(*) FROM pg_listening_channels()) AS listening, (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks;
DELETE FROM app.stuk WHERE id IN (20, 23);
SELECT file, purpose FROM casus.context;
COMMIT;
SELECT count(*) AS dossiers FROM casus.dossier;
RESET SESSION AUTHORIZATION;
-- columns go by their labels
ALTER TABLE app.stuk RENAME COLUMN volg TO volgletter;
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT attempt($$INSERT INTO app.stuk VALUES (21, 'a', 2026, 'x')$$) AS after_rename;
COMMIT;
RESET SESSION AUTHORIZATION;
-- a name that is gone, in maintenance: nothing is brought in until it is back
SELECT casus.maintenance('app.stuk', 'hernoemen') > now() AS open;
ALTER FUNCTION app.dossier_van SECURITY DEFINER;
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT attempt($$INSERT INTO app.stuk VALUES (22, 'a', 2026, 'x')$$) AS definer;
COMMIT;
RESET SESSION AUTHORIZATION;
ALTER FUNCTION app.dossier_van SECURITY INVOKER;
ALTER FUNCTION app.dossier_van RENAME TO elders;
-- told in this session, which has known it by its old name, and in others
SELECT code, finding FROM casus.doctor() WHERE code LIKE 'lost%';
BEGIN;
ALTER SCHEMA app RENAME TO app2;
ALTER FUNCTION app2.elders RENAME TO dossier_van;
SELECT code, finding FROM casus.doctor() WHERE code LIKE 'lost%';
ALTER SCHEMA app2 RENAME TO app;
SELECT code, finding FROM casus.doctor() WHERE code LIKE 'lost%';
ROLLBACK;
\c
SELECT code, finding FROM casus.doctor() WHERE code LIKE 'lost%';
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT public.attempt($$INSERT INTO app.stuk VALUES (22, 'a', 2026, 'x')$$, 'code') AS gone;
COMMIT;
RESET SESSION AUTHORIZATION;
SET ROLE casus_auditor;
SELECT kind, text FROM casus.access_log WHERE kind = 'maintenance' AND relation = 'app.stuk' AND session_role = 'postgres' ORDER BY seq;
RESET ROLE;

-- A partitioned table: the function is given the columns of the part by their names, wherever they stand there; a row that
-- changes its part keeps its dossier, and one that would change its dossier is refused.
SET ROLE resolve_owner;
CREATE TABLE app.blad (id integer, jaar integer, volg text, tekst text, PRIMARY KEY (id, jaar)) PARTITION BY LIST (jaar);
CREATE TABLE app.blad_25 PARTITION OF app.blad FOR VALUES IN (2025);
CREATE TABLE app.blad_26 (tekst text, volg text, weg integer, jaar integer NOT NULL, id integer NOT NULL);
ALTER TABLE app.blad_26 DROP COLUMN weg;
ALTER TABLE app.blad ATTACH PARTITION app.blad_26 FOR VALUES IN (2026);
CREATE FUNCTION app.van_blad(jaar integer, volg text) RETURNS bigint LANGUAGE sql STABLE AS
	'SELECT n.dossier FROM app.nummer n WHERE n.jaar = van_blad.jaar AND n.volg = van_blad.volg';
GRANT SELECT, INSERT, UPDATE, DELETE ON app.blad, app.blad_26 TO resolve_coord;
RESET ROLE;
INSERT INTO app.nummer VALUES (2026, 'b', :twee) ON CONFLICT DO NOTHING;
INSERT INTO app.blad VALUES (1, 2025, 'a', 'een'), (2, 2026, 'a', 'een'), (3, 2026, 'b', 'twee');
SELECT count(*) > 0 AS done FROM casus.protect('app.blad', 'ond', resolve => 'app.van_blad(integer,text)', category => 'beoordeling');
CALL casus.take_in('app.blad');
SELECT count(*) > 0 AS bound FROM casus.bind('app.blad', 'enforce');
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
INSERT INTO app.blad VALUES (4, 2026, 'b', 'twee');
INSERT INTO app.blad_26 (id, jaar, volg) VALUES (5, 2026, 'a');
SELECT tableoid::regclass, id, casus.dossier_of(casus_label) = :een AS een, casus.dossier_of(casus_label) = :twee AS twee FROM app.blad ORDER BY id;
SELECT attempt($$INSERT INTO app.blad VALUES (6, 2026, 'geen', 'x')$$) AS none, attempt($$INSERT INTO app.blad VALUES (6, 2025, 'b', 'x')$$) AS none_there,
	attempt($$UPDATE app.blad SET jaar = 2025 WHERE id = 2$$) AS same_dossier, attempt($$UPDATE app.blad SET jaar = 2025 WHERE id = 3$$) AS none_left,
	attempt($$UPDATE app.blad SET volg = 'a' WHERE id = 3$$) AS other, attempt($$UPDATE app.blad SET jaar = 2025, volg = 'a' WHERE id = 4$$) AS other_part;
SELECT tableoid::regclass, id, casus.dossier_of(casus_label) = :een AS een FROM app.blad WHERE id IN (2, 3, 4) ORDER BY id;
-- casus.move within the part, and not to another
SELECT casus.move('app.blad', '{"id": 4, "jaar": 2026}'::jsonb, '{"volg": "a"}', 'x') > 0 AS act;
SELECT tableoid::regclass, id, volg, casus.dossier_of(casus_label) = :een AS een FROM app.blad WHERE id = 4;
SELECT attempt($$SELECT casus.move('app.blad', '{"id": 3, "jaar": 2026}'::jsonb, '{"jaar": 2025, "volg": "a"}', 'x')$$, 'message') AS other_part;
COMMIT;
RESET SESSION AUTHORIZATION;
-- Of a function of one column the target is its value, or an object.
SET ROLE resolve_owner;
CREATE TABLE app.code_van (id integer PRIMARY KEY, code text);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.code_van TO resolve_coord;
CREATE FUNCTION app.van_regel(code text) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT n.dossier FROM app.nummer n WHERE n.jaar = 2026 AND n.volg = code$$;
RESET ROLE;
SELECT count(*) > 0 AS done FROM casus.protect('app.code_van', 'ond', resolve => 'app.van_regel(text)', category => 'beoordeling');
SELECT count(*) > 0 AS done FROM casus.bind('app.code_van', 'enforce');
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
INSERT INTO app.code_van VALUES (1, 'a');
SELECT casus.move('app.code_van', '1', '{"code": "b"}', 'x') > 0 AS act;
SELECT code FROM app.code_van;
SELECT attempt($$SELECT casus.move('app.code_van', '1', '{}', 'x')$$, 'message') AS same,
	attempt($$SELECT casus.move('app.code_van', '1', '{"volg": "a"}', 'x')$$, 'message') AS no_such_column;
SELECT casus.move('app.code_van', '1', 'a', 'x') > 0 AS act;
COMMIT;
RESET SESSION AUTHORIZATION;
-- a part of a later year is made, or attached
SET ROLE resolve_owner;
CREATE TABLE app.blad_27 PARTITION OF app.blad FOR VALUES IN (2027);
RESET ROLE;
INSERT INTO app.nummer VALUES (2027, 'a', :een);
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
INSERT INTO app.blad VALUES (7, 2027, 'a', 'x') RETURNING tableoid::regclass, casus.dossier_of(casus_label) = :een AS een;
COMMIT;
RESET SESSION AUTHORIZATION;

-- The function is not what protect asks for any more, which doctor tells, with the window of maintenance in which that was done.
CREATE VIEW found AS SELECT severity, code, regexp_replace(finding, ' until .*', '') AS finding FROM casus.doctor() WHERE code IN ('lost_function', 'maintenance_open') AND finding LIKE '%blad%';
SELECT * FROM found;
SELECT casus.maintenance('app.blad', 'de functie wordt anders', '1 hour') > now() AS open;
ALTER FUNCTION app.van_blad(integer, text) VOLATILE;
SELECT * FROM found;
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT attempt($$INSERT INTO app.blad VALUES (8, 2026, 'b', 'twee')$$) AS lost;
COMMIT;
RESET SESSION AUTHORIZATION;
ALTER FUNCTION app.van_blad(integer, text) STABLE;
SELECT casus.maintenance('app.blad', 'klaar', '0') <= clock_timestamp() AS closed;
SELECT * FROM found;
SET SESSION AUTHORIZATION resolve_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT attempt($$INSERT INTO app.blad VALUES (8, 2026, 'b', 'twee')$$) AS back;
COMMIT;
RESET SESSION AUTHORIZATION;
DROP VIEW found;
