-- Copies among rows: out of the protocol within a mixed table, from one file to another, by triggers, by cascades, and in
-- the cursor of a procedure that commits.  A protocol with a standing purpose, which an application has.  [B-18] D034
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE derive_app;
CREATE ROLE derive_lead;
\getenv source PG_ABS_SRCDIR
\set tells check
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
\set fixture :source '/test/fixtures/proef.sql'
\i :fixture
SELECT casus.load_protocol(public.proef('{
	"name": "afgeleid", "title": "Afgeleid",
	"offices": [{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"}],
	"categories": [{"name": "melding", "title": "Melding", "subjects": ["subject", "geen"], "article": "1"}],
	"phases": [{"name": "intake", "title": "Intake", "initial": true, "article": "1"},
		{"name": "klaar", "title": "Klaar", "terminal": true, "closing": true, "article": "1"}],
	"purposes": [{"name": "intake", "title": "Intake", "article": "1"},
		{"name": "klaar", "title": "Klaar", "article": "1"},
		{"name": "balie", "title": "Balie", "phases": ["intake"], "standing": true, "article": "1"}],
	"gates": [{"name": "sluiten", "title": "Sluiten", "article": "1", "phases": ["intake"], "decided_by": "lead", "outcomes": ["ja"], "details": []}],
	"transitions": [{"from": ["intake"], "to": "klaar", "gate": "sluiten", "outcomes": ["ja"], "offices": ["lead"], "article": "1"}],
	"rules": [
		{"phases": ["intake"], "offices": ["lead"], "purposes": ["intake", "balie"], "categories": "*", "scope": "all",
			"may": ["read", "supply", "correct", "remove"], "article": "1"},
		{"offices": ["lead"], "categories": "*", "scope": "all", "may": ["read"], "article": "1", "stages": ["klaar_inzage"]}],
	"retention": [{"phase": "klaar", "article": "1", "stages": [
		{"name": "klaar_inzage", "title": "Inzage", "until": "gedurende 6 months after besluit", "article": "1"}]}]
}')) AS protocol;
SELECT casus.open_file('afgeleid', 'noord') > 0 AND casus.open_file('afgeleid', 'zuid') > 0 AS opened;
SELECT casus.activate_protocol('noord', 'DPIA', '{"startdatum": "2026-01-01"}') > 0
	AND casus.activate_protocol('zuid', 'DPIA', '{"startdatum": "2026-01-01"}') > 0 AS active;
SELECT casus.add_person('App', 'derive_app') > 0 AND casus.add_person('Lead', 'derive_lead') > 0 AS known;
SELECT casus.appoint('App', f, NULL, 'lead', standing_purpose => 'balie') > 0
	AND casus.appoint('Lead', f, NULL, 'lead') > 0 AS appointed FROM unnest(ARRAY['noord', 'zuid']) f;

CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO derive_app, derive_lead;
CREATE TABLE app.zaak (id integer PRIMARY KEY, soort text NOT NULL, titel text);
CREATE TABLE app.regel (id integer PRIMARY KEY, zaak integer NOT NULL REFERENCES app.zaak, tekst text);
CREATE TABLE app.brief (id integer PRIMARY KEY, zaak integer NOT NULL REFERENCES app.zaak, tekst text);
CREATE TABLE app.kopie (id integer, tekst text);
CREATE TABLE app.kenmerk (id serial PRIMARY KEY, zaak integer NOT NULL REFERENCES app.zaak, code text UNIQUE, tweede text UNIQUE);
CREATE TABLE app.tak (id integer PRIMARY KEY, regel integer REFERENCES app.regel ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE app.etiket (id integer PRIMARY KEY, code text REFERENCES app.kenmerk (code) ON UPDATE CASCADE) PARTITION BY RANGE (id);
CREATE TABLE app.etiket_1 PARTITION OF app.etiket DEFAULT;
CREATE TABLE app.leeg (id integer PRIMARY KEY, code text DEFAULT NULL REFERENCES app.kenmerk (tweede) ON UPDATE SET NULL,
	ook text REFERENCES app.kenmerk (tweede) ON UPDATE SET DEFAULT);
GRANT ALL ON app.kenmerk_id_seq, app.zaak, app.regel, app.brief, app.kopie, app.kenmerk, app.tak, app.etiket, app.leeg TO derive_app, derive_lead;
SELECT count(*) > 0 AS done FROM casus.protect('app.zaak', 'noord', opens_dossier => true, governs => $$soort = 'noord'$$,
	category => 'melding', without_purpose => 'hide');
SELECT count(*) > 0 AS done FROM casus.protect('app.zaak', 'zuid', opens_dossier => true, governs => $$soort = 'zuid'$$,
	category => 'melding', without_purpose => 'hide');
SELECT count(*) > 0 AS done FROM casus.protect('app.regel', 'noord', via => 'zaak', category => 'melding', without_purpose => 'hide');
SELECT count(*) > 0 AS done FROM casus.protect('app.brief', 'zuid', via => 'zaak', category => 'melding', without_purpose => 'hide');
SELECT count(*) > 0 AS done FROM casus.protect('app.kenmerk', 'noord', via => 'zaak', category => 'melding', without_purpose => 'hide');
SELECT count(*) > 0 AS done FROM casus.bind('app.zaak', 'enforce');
SELECT count(*) > 0 AS done FROM casus.bind('app.regel', 'enforce');
SELECT count(*) > 0 AS done FROM casus.bind('app.brief', 'enforce');
SELECT count(*) > 0 AS done FROM casus.bind('app.kenmerk', 'enforce');

SET SESSION AUTHORIZATION derive_app;
INSERT INTO app.zaak VALUES (1, 'gewoon', 'open'), (2, 'noord', 'geheim noord'), (3, 'zuid', 'geheim zuid'), (4, 'gewoon', 'ook open');
INSERT INTO app.regel VALUES (11, 1, 'open'), (12, 2, 'geheim'), (14, 2, 'geheim'), (17, 1, 'open');
INSERT INTO app.brief VALUES (13, 3, 'geheim'), (15, 1, 'open');
INSERT INTO app.kenmerk (zaak, code, tweede) VALUES (1, 'k2', 't2'), (2, 'k1', 't1');
INSERT INTO app.etiket VALUES (1, 'k1'), (2, 'k2');
INSERT INTO app.leeg VALUES (1, 't1', 't1'), (2, 't2', 't2');
INSERT INTO app.tak VALUES (21, 11), (22, 12), (24, 14), (27, 17);

-- 1. Within a mixed table nothing goes from a governed row into one outside the protocol.
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'INSERT INTO app.zaak SELECT id + 10, ''gewoon'', titel FROM app.zaak WHERE id = 2',
	'INSERT INTO app.zaak SELECT id + 20, ''gewoon'', titel FROM app.zaak WHERE id IN (1, 2) ORDER BY id',
	'INSERT INTO app.zaak SELECT id + 30, ''gewoon'', titel FROM app.zaak WHERE id = 1',
	'INSERT INTO app.zaak SELECT 40, ''gewoon'', tekst FROM app.regel WHERE id = 12',
	'INSERT INTO app.zaak SELECT 41, ''gewoon'', tekst FROM app.regel WHERE id = 11',
	'UPDATE app.zaak SET titel = (SELECT z.titel FROM app.zaak z WHERE z.id = 2) WHERE id = 4',
	'UPDATE app.zaak SET titel = (SELECT max(tekst) FROM app.regel r WHERE r.zaak = 2) WHERE id = 4',
	'UPDATE app.zaak SET titel = (SELECT max(tekst) FROM app.regel r WHERE r.zaak = 1) WHERE id = 4',
	'UPDATE app.zaak z SET titel = r.tekst FROM app.regel r WHERE r.id = 12 AND z.id = 4',
	'UPDATE app.zaak SET titel = titel || ''.''',
	'UPDATE app.zaak SET titel = ''eigen'' WHERE id = 4',
	'MERGE INTO app.zaak z USING app.regel r ON r.zaak = z.id AND r.id = 12 WHEN NOT MATCHED THEN INSERT VALUES (r.id + 50, ''gewoon'', r.tekst)',
	'INSERT INTO app.kopie SELECT id, titel FROM app.zaak WHERE id = 1']) sql;
SELECT id, soort FROM app.zaak ORDER BY id;

-- Nor by a function that reads, or a trigger; what it reads of the other rows is nobody's secret.
CREATE FUNCTION app.lees(wat integer) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT titel FROM app.zaak WHERE id = wat); END $$;
RESET SESSION AUTHORIZATION;
CREATE FUNCTION app.lees_voor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.titel LIKE 'als %' THEN
		NEW.titel := app.lees(substr(NEW.titel, 5)::integer);
	END IF;
	RETURN NEW;
END $$;
CREATE FUNCTION app.lees_vast(wat integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN app.lees(wat); END $$;
CREATE INDEX kopie_lees ON app.kopie (app.lees_vast(id));
SELECT casus.maintenance('app.zaak', 'trigger', '1 hour') > now() AS open;
CREATE TRIGGER lees_voor BEFORE INSERT OR UPDATE ON app.zaak FOR EACH ROW EXECUTE FUNCTION app.lees_voor();
SET SESSION AUTHORIZATION derive_app;
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'INSERT INTO app.zaak VALUES (60, ''gewoon'', app.lees(2))',
	'INSERT INTO app.zaak VALUES (61, ''gewoon'', app.lees(1))',
	'INSERT INTO app.zaak VALUES (62, ''noord'', app.lees(2))',
	'INSERT INTO app.zaak VALUES (63, ''gewoon'', ''als 2'')',
	'INSERT INTO app.zaak VALUES (64, ''gewoon'', ''als 1'')',
	'INSERT INTO app.zaak VALUES (65, ''gewoon'', ''eigen''), (66, ''gewoon'', app.lees(2))',
	'INSERT INTO app.zaak VALUES (67, ''gewoon'', ''eigen''), (68, ''noord'', app.lees(2))',
	'WITH v AS MATERIALIZED (SELECT app.lees(2) AS t), k AS (INSERT INTO app.zaak SELECT 69, ''gewoon'', t FROM v RETURNING 1) SELECT t FROM v LIMIT 1',
	'UPDATE app.zaak SET titel = app.lees(2) WHERE id = 4',
	'UPDATE app.zaak SET titel = app.lees(1) WHERE id = 4',
	'UPDATE app.zaak SET titel = app.lees(2) WHERE id = 2',
	'MERGE INTO app.zaak z USING (VALUES (70)) v (i) ON z.id = v.i WHEN NOT MATCHED THEN INSERT VALUES (v.i, ''gewoon'', app.lees(2))',
	'UPDATE app.zaak SET titel = ''ook open'' WHERE id = 4',
	'INSERT INTO app.kopie VALUES (1, ''eigen'')',
	'INSERT INTO app.kopie VALUES (2, ''eigen'')',
	'DELETE FROM app.zaak WHERE id = 61 AND app.lees(2) LIKE ''geheim%''']) sql;
RESET SESSION AUTHORIZATION;
ALTER ROLE derive_app BYPASSRLS;
SET SESSION AUTHORIZATION derive_app;
COPY app.zaak (id, soort, titel) FROM stdin (DELIMITER ',');
71,gewoon,als 1
\.
COPY app.zaak (id, soort, titel) FROM stdin (DELIMITER ',');
73,gewoon,als 2
\.
RESET SESSION AUTHORIZATION;
ALTER ROLE derive_app NOBYPASSRLS;
SET SESSION AUTHORIZATION derive_app;
SELECT id, soort, titel FROM app.zaak ORDER BY id;
DELETE FROM app.zaak WHERE id > 60;
RESET SESSION AUTHORIZATION;
DROP TRIGGER lees_voor ON app.zaak;
DROP INDEX app.kopie_lees;
SET SESSION AUTHORIZATION derive_app;

-- 2. Nor from one file into another; within a file a row is a row of its dossier.
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'INSERT INTO app.brief SELECT id + 100, 3, tekst FROM app.regel WHERE id = 12',
	'INSERT INTO app.brief VALUES (200, 3, ''eigen'')',
	'INSERT INTO app.regel SELECT id + 200, 2, tekst FROM app.regel WHERE id = 12',
	'UPDATE app.brief SET tekst = (SELECT tekst FROM app.regel WHERE id = 12) WHERE id = 13',
	'UPDATE app.brief SET tekst = (SELECT tekst FROM app.regel WHERE id = 12) WHERE id = 15']) sql;
BEGIN;
SELECT casus.enter('intake', file => 'noord');
SELECT attempt('INSERT INTO app.regel SELECT id + 300, 2, tekst FROM app.regel WHERE id = 12');
ROLLBACK;

-- 3. A cascade takes along what hangs on the key, and may empty it; a new key of a governed row would stay in the child.
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'DELETE FROM app.regel WHERE id = 14',
	'UPDATE app.regel SET id = 1700 WHERE id = 17',
	'UPDATE app.regel SET id = 1200 WHERE id = 12',
	'UPDATE app.kenmerk SET code = ''k1 geheim'' WHERE zaak = 2',
	'UPDATE app.kenmerk SET code = ''k2 open'' WHERE zaak = 1',
	'UPDATE app.kenmerk SET tweede = ''t1 geheim'' WHERE zaak = 2']) sql;
SELECT * FROM app.tak ORDER BY id;
SELECT * FROM app.etiket ORDER BY id;
SELECT * FROM app.leeg ORDER BY id;
RESET SESSION AUTHORIZATION;
ALTER TABLE app.tak DROP CONSTRAINT tak_regel_fkey;
SET SESSION AUTHORIZATION derive_app;
SELECT attempt('UPDATE app.regel SET id = 1200 WHERE id = 12');
-- Temporary ones are copies from then on.
CREATE TEMP TABLE t_sleutel (code text PRIMARY KEY);
CREATE TEMP TABLE t_kind (code text REFERENCES t_sleutel ON UPDATE CASCADE);
INSERT INTO t_sleutel VALUES ('leeg');
INSERT INTO t_kind VALUES ('leeg');
UPDATE t_sleutel SET code = (SELECT tekst FROM app.regel WHERE id = 1200);
SELECT attempt('INSERT INTO app.kopie SELECT 1, code FROM t_kind');

-- 4. A procedure that commits within its loop.
CREATE PROCEDURE app.lus(waar text) LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	PERFORM set_config('app.gezien', '', false);
	FOR r IN EXECUTE 'SELECT id FROM ' || waar || ' ORDER BY id' LOOP
		PERFORM set_config('app.gezien', current_setting('app.gezien') || r.id || ';', false);
		COMMIT;
	END LOOP;
END $$;
CALL app.lus('app.tak');
SELECT current_setting('app.gezien');
CALL app.lus('app.zaak');
SELECT current_setting('app.gezien');
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT id FROM app.zaak;
ROLLBACK;
RESET SESSION AUTHORIZATION;
-- Without a capacity both go on, on the rows outside the protocol.
CALL app.lus('app.zaak');
SELECT current_setting('app.gezien');
SET SESSION AUTHORIZATION derive_lead;
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT id FROM app.zaak ORDER BY id;
FETCH c;
COMMIT;
FETCH ALL FROM c;
CLOSE c;
-- A capacity that comes in between stops it.
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT id FROM app.zaak ORDER BY id;
SELECT casus.enter('intake', file => 'noord');
COMMIT;
FETCH c;

-- 5. An audit trigger that keeps rows elsewhere: what was there before casus came.
RESET SESSION AUTHORIZATION;
CREATE TABLE app.historie (id serial PRIMARY KEY, regel integer, zaak integer REFERENCES app.zaak, tekst text);
GRANT ALL ON app.historie, app.historie_id_seq TO derive_app;
CREATE FUNCTION app.bewaar() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO app.historie (regel, zaak, tekst) VALUES (coalesce(new.id, old.id), coalesce(new.zaak, old.zaak), coalesce(old.tekst, new.tekst));
	RETURN NULL;
END $$;
SELECT casus.maintenance('app.regel', 'trigger', '1 hour') > now() AS open;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON app.regel FOR EACH ROW EXECUTE FUNCTION app.bewaar();
SELECT finding FROM casus.doctor() WHERE code = 'user_trigger';
SET SESSION AUTHORIZATION derive_app;
SELECT sql, attempt(sql) FROM unnest(ARRAY[
	'UPDATE app.regel SET tekst = ''anders'' WHERE id = 11',
	'UPDATE app.regel SET tekst = ''anders'' WHERE id = 1200',
	'INSERT INTO app.regel VALUES (15, 1, ''open'')',
	'INSERT INTO app.regel VALUES (16, 2, ''geheim'')',
	'DELETE FROM app.regel WHERE id = 1200']) sql;
SELECT regel, tekst FROM app.historie ORDER BY id;
-- Put off to the end of the transaction.
RESET SESSION AUTHORIZATION;
DROP TRIGGER audit ON app.regel;
CREATE CONSTRAINT TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON app.regel DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION app.bewaar();
SET SESSION AUTHORIZATION derive_app;
UPDATE app.regel SET tekst = 'weer anders' WHERE id = 11;
UPDATE app.regel SET tekst = 'weer anders' WHERE id = 1200;
BEGIN;
UPDATE app.regel SET tekst = 'weer anders' WHERE id = 1200;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
SELECT regel, tekst FROM app.historie ORDER BY id;
-- The way out: the history comes under the protocol too.
RESET SESSION AUTHORIZATION;
SELECT count(*) > 0 AS done FROM casus.protect('app.historie', 'noord', via => 'zaak', category => 'melding', without_purpose => 'hide');
CALL casus.take_in('app.historie');
SELECT count(*) > 0 AS done FROM casus.bind('app.historie', 'enforce');
SET SESSION AUTHORIZATION derive_app;
UPDATE app.regel SET tekst = 'onder het protocol' WHERE id = 1200;
SELECT regel, tekst FROM app.historie ORDER BY id;
RESET SESSION AUTHORIZATION;
SELECT regel, tekst FROM app.historie ORDER BY id;

-- By a trigger before ours, of the owner's, in the hands of whoever writes: it is given the row before anybody knows that
-- it is governed.  Into a table, a temporary one, a large object; by a function of the trigger; by a view's trigger above.
CREATE TABLE app.doorslag (id integer, tekst text);
GRANT SELECT, INSERT, UPDATE ON app.doorslag TO derive_app;
CREATE FUNCTION app.leg_weg(i integer, t text) RETURNS void LANGUAGE sql AS 'INSERT INTO app.doorslag VALUES (i, t)';
CREATE FUNCTION app.door_functie() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM app.leg_weg(NEW.id, NEW.tekst); RETURN NEW; END';
CREATE FUNCTION app.door_tekst() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE format('INSERT INTO app.doorslag VALUES (%s, %L)', NEW.id, NEW.tekst); RETURN NEW; END$$;
CREATE FUNCTION app.door_tijdelijk() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO pg_temp.even VALUES (NEW.id, NEW.tekst); RETURN NEW; END';
CREATE FUNCTION app.door_object() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM lo_from_bytea(0, NEW.tekst::bytea); RETURN NEW; END';
CREATE FUNCTION app.door_vangnet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO app.doorslag VALUES (NEW.id, NEW.tekst); RETURN NEW; EXCEPTION WHEN OTHERS THEN RETURN NEW; END';
CREATE FUNCTION app.door_gezicht() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO app.regel VALUES (NEW.id, NEW.zaak, NEW.tekst); RETURN NEW; END';
CREATE VIEW app.regels AS SELECT id, zaak, tekst FROM app.regel;
CREATE TRIGGER gezicht INSTEAD OF INSERT ON app.regels FOR EACH ROW EXECUTE FUNCTION app.door_gezicht();
GRANT INSERT ON app.regels TO derive_app;
SELECT casus.maintenance('app.regel', 'trigger', '1 hour') > now() AS open;
DROP TRIGGER audit ON app.regel;
CREATE TRIGGER door BEFORE INSERT ON app.regel FOR EACH ROW EXECUTE FUNCTION app.door_functie();
SET SESSION AUTHORIZATION derive_app;
SELECT attempt('INSERT INTO app.regel VALUES (21, 1, ''open'')'), attempt('INSERT INTO app.regel VALUES (22, 2, ''geheim'')'),
	attempt('INSERT INTO app.regels VALUES (23, 2, ''geheim'')'), attempt('INSERT INTO app.regel VALUES (24, 1, ''open''), (25, 2, ''geheim'')');
RESET SESSION AUTHORIZATION;
DROP TRIGGER door ON app.regel;
CREATE TRIGGER door BEFORE INSERT ON app.regel FOR EACH ROW EXECUTE FUNCTION app.door_tekst();
SET SESSION AUTHORIZATION derive_app;
SELECT attempt('INSERT INTO app.regel VALUES (26, 1, ''open'')'), attempt('INSERT INTO app.regel VALUES (27, 2, ''geheim'')');
RESET SESSION AUTHORIZATION;
DROP TRIGGER door ON app.regel;
CREATE TRIGGER door BEFORE INSERT ON app.regel FOR EACH ROW EXECUTE FUNCTION app.door_vangnet();
SET SESSION AUTHORIZATION derive_app;
SELECT attempt('INSERT INTO app.regel VALUES (28, 2, ''geheim'')');
RESET SESSION AUTHORIZATION;
DROP TRIGGER door ON app.regel;
CREATE TRIGGER door BEFORE INSERT ON app.regel FOR EACH ROW EXECUTE FUNCTION app.door_object();
SET SESSION AUTHORIZATION derive_app;
SELECT attempt('INSERT INTO app.regel VALUES (29, 1, ''open'')'), attempt('INSERT INTO app.regel VALUES (30, 2, ''geheim'')');
RESET SESSION AUTHORIZATION;
DROP TRIGGER door ON app.regel;
CREATE TRIGGER door BEFORE INSERT ON app.regel FOR EACH ROW EXECUTE FUNCTION app.door_tijdelijk();
SET SESSION AUTHORIZATION derive_app;
CREATE TEMP TABLE even (id integer, tekst text);
SELECT attempt('INSERT INTO app.regel VALUES (31, 1, ''open'')'), attempt('INSERT INTO app.doorslag SELECT * FROM even'),
	attempt('INSERT INTO app.regel VALUES (32, 2, ''geheim'')'), attempt('INSERT INTO app.doorslag SELECT * FROM even');
-- A command keeps what it is made of, or tells by what it removes.
RESET SESSION AUTHORIZATION;
DROP TRIGGER door ON app.regel;
CREATE FUNCTION app.door_tekst_van() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE format('COMMENT ON TABLE app.bord IS %L', NEW.tekst); RETURN NEW; END$$;
CREATE FUNCTION app.door_leeg() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE format('TRUNCATE app.%I', NEW.tekst); RETURN NEW; END$$;
CREATE TABLE app.bord (id integer);
CREATE TABLE app.open (id integer);
CREATE TABLE app.geheim (id integer);
INSERT INTO app.open VALUES (1);
INSERT INTO app.geheim VALUES (1);
ALTER TABLE app.bord OWNER TO derive_app;
GRANT TRUNCATE ON app.open, app.geheim TO derive_app;
CREATE TRIGGER door BEFORE INSERT ON app.regel FOR EACH ROW EXECUTE FUNCTION app.door_tekst_van();
SET SESSION AUTHORIZATION derive_app;
SELECT attempt('INSERT INTO app.regel VALUES (33, 1, ''open'')'), attempt('INSERT INTO app.regel VALUES (34, 2, ''geheim'')');
RESET SESSION AUTHORIZATION;
SELECT obj_description('app.bord'::regclass);
DROP TRIGGER door ON app.regel;
CREATE TRIGGER door BEFORE INSERT ON app.regel FOR EACH ROW EXECUTE FUNCTION app.door_leeg();
SET SESSION AUTHORIZATION derive_app;
SELECT attempt('INSERT INTO app.regel VALUES (35, 1, ''open'')'), attempt('INSERT INTO app.regel VALUES (36, 2, ''geheim'')');
RESET SESSION AUTHORIZATION;
SELECT (SELECT count(*) FROM app.open) AS open, (SELECT count(*) FROM app.geheim) AS geheim;
DROP TABLE app.bord, app.open, app.geheim;
-- What a trigger of another table keeps is no copy, also where it writes a governed row afterwards.
DROP TRIGGER door ON app.regel;
CREATE TABLE app.melding (id integer PRIMARY KEY, tekst text);
GRANT SELECT, INSERT ON app.melding TO derive_app;
CREATE FUNCTION app.meld() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO app.doorslag VALUES (NEW.id, NEW.tekst); INSERT INTO app.regel VALUES (NEW.id, 2, NEW.tekst); RETURN NEW; END';
CREATE TRIGGER meld BEFORE INSERT ON app.melding FOR EACH ROW EXECUTE FUNCTION app.meld();
SET SESSION AUTHORIZATION derive_app;
SELECT attempt('INSERT INTO app.melding VALUES (41, ''gemeld'')');
RESET SESSION AUTHORIZATION;
SELECT * FROM app.doorslag ORDER BY id;
SELECT count(*) FROM pg_largeobject WHERE convert_from(data, 'UTF8') = 'geheim';

-- A role that is changed inside a statement and left so: nothing more of the statement passes in the capacity of another.  A
-- function with a role of its own reads as that one, and the statement around it goes on as before; so it does after an error.
CREATE ROLE derive_zuid;
GRANT USAGE ON SCHEMA app TO derive_zuid;
GRANT SELECT ON app.zaak TO derive_zuid;
SELECT casus.add_person('Zuid', 'derive_zuid') > 0 AS known;
SELECT casus.appoint('Zuid', 'zuid', NULL, 'lead', standing_purpose => 'balie') > 0 AS appointed;
CREATE FUNCTION app.word(integer) RETURNS integer LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('role', 'derive_app', false); PERFORM 1 FROM app.zaak LIMIT 0; RETURN $1; END$$;
CREATE FUNCTION app.poog(integer) RETURNS integer LANGUAGE plpgsql AS $$BEGIN
	BEGIN PERFORM app.word($1); PERFORM count(*) FROM app.zaak; RAISE 'terug'; EXCEPTION WHEN raise_exception THEN NULL; END;
	RETURN $1; END$$;
CREATE FUNCTION app.als_app() RETURNS text LANGUAGE sql SET role = derive_app AS $$SELECT string_agg(soort, ' ' ORDER BY id) FROM app.zaak WHERE id IN (2, 3)$$;
CREATE FUNCTION app.als_eigenaar() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$SELECT string_agg(soort, ' ' ORDER BY id) FROM app.zaak WHERE id IN (2, 3)$$;
SET ROLE derive_zuid;
SELECT id, soort FROM app.zaak WHERE id IN (1, 2, 3) ORDER BY id;
SELECT app.word(id), soort FROM app.zaak WHERE id IN (1, 2, 3);
SELECT current_user, id, app.als_app(), app.als_eigenaar() FROM app.zaak WHERE id IN (1, 2, 3) ORDER BY id;
SELECT app.poog(id) FROM app.zaak WHERE id IN (1, 2, 3);
SELECT current_user;
RESET ROLE;

-- A capacity that ends by the clock ends in the session that is in it, in a table of several files too, and for a cursor.
CREATE ROLE derive_kort;
GRANT USAGE ON SCHEMA app TO derive_kort;
GRANT SELECT ON app.zaak TO derive_kort;
SELECT casus.add_person('Kort', 'derive_kort') > 0 AS known;
SELECT casus.appoint('Kort', 'zuid', NULL, 'lead', standing_purpose => 'balie') > 0 AS appointed;
DO $$
DECLARE
	c CURSOR FOR SELECT id FROM app.zaak WHERE id IN (2, 3) ORDER BY id;
	term integer := 1;
	until timestamptz;
	before text;
	after text;
	code text;
	id integer;
BEGIN
	-- Until it lasted long enough to be seen.
	WHILE before IS DISTINCT FROM '2 3' LOOP
		term := term * 2;
		until := clock_timestamp() + make_interval(secs => term);
		PERFORM casus.appoint('Kort', 'noord', NULL, 'lead', ends => until, standing_purpose => 'balie');
		SET LOCAL ROLE derive_kort;
		SELECT string_agg(z.id::text, ' ' ORDER BY z.id) INTO before FROM app.zaak z WHERE z.id IN (2, 3);
		OPEN c;
		FETCH c INTO id;
		IF before IS DISTINCT FROM '2 3' OR id <> 2 THEN
			CLOSE c;
			RESET ROLE;
			before := NULL;
		END IF;
	END LOOP;
	WHILE clock_timestamp() <= until LOOP
		PERFORM pg_sleep(0.1);
	END LOOP;
	SELECT string_agg(z.id::text, ' ' ORDER BY z.id) INTO after FROM app.zaak z WHERE z.id IN (2, 3);
	BEGIN
		FETCH c INTO id;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME;
	END;
	RAISE WARNING 'before: %, after: %, cursor: %', before, after, code;
END $$;
RESET ROLE;
DROP OWNED BY derive_zuid, derive_kort;
DROP ROLE derive_zuid, derive_kort;
