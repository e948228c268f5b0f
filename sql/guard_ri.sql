/*
 * guard_ri: foreign keys see every row and say no more than that a key exists;
 * user code that runs inside their statements, and statements of the same
 * shape, meet the policy.
 */
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE guard_ri_owner;
CREATE ROLE guard_ri_coord;
\getenv source PG_ABS_SRCDIR
\set coordinator guard_ri_coord
\set fixture :source '/test/fixtures/zorg.sql'
\i :fixture
CREATE SCHEMA app AUTHORIZATION guard_ri_owner;
GRANT USAGE ON SCHEMA app TO PUBLIC;
SET ROLE guard_ri_owner;
CREATE TABLE app.zaak (id int PRIMARY KEY, soort text NOT NULL, titel text, code varchar(10) UNIQUE);
CREATE TABLE app.los (id int PRIMARY KEY, zaak bigint REFERENCES app.zaak ON DELETE RESTRICT, code text REFERENCES app.zaak (code));
INSERT INTO app.zaak SELECT g, 'gewoon', 'zaak ' || g, 'c' || g FROM generate_series(1, 5) g;
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
RESET ROLE;
SELECT count(*) > 0 AS done FROM casus.protect('app.zaak', 'zorg', opens_dossier => true, governs => $$soort = 'signaal'$$, category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.bind('app.zaak');
SET SESSION AUTHORIZATION guard_ri_coord;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO app.zaak VALUES (100, 'signaal', 'GEHEIM', 'c100');
COMMIT;
RESET SESSION AUTHORIZATION;

-- A key to a hidden row holds, for everyone, also with casts between the key types and on cached plans.
SET ROLE guard_ri_owner;
INSERT INTO app.los VALUES (1, 100, NULL), (2, NULL, 'c100'), (3, 5, 'c5');
RESET ROLE;
INSERT INTO app.los SELECT g, 100, 'c100' FROM generate_series(10, 20) g;
INSERT INTO app.los VALUES (4, 999, NULL);
INSERT INTO app.los VALUES (4, NULL, 'c999');
SELECT count(*) FROM app.los WHERE zaak = 100;
DO $$
BEGIN
	DELETE FROM app.zaak WHERE id = 5;
	RAISE WARNING 'deleted';
EXCEPTION WHEN foreign_key_violation OR restrict_violation THEN	-- which of them depends on the version
	RAISE WARNING 'refused by the key';
END $$;

-- Validation of a new key passes over hidden rows; its errors show no value.
ALTER TABLE app.los ADD CONSTRAINT again FOREIGN KEY (zaak) REFERENCES app.zaak;
ALTER TABLE app.los DROP CONSTRAINT again;
ALTER TABLE app.los ADD CONSTRAINT again FOREIGN KEY (zaak) REFERENCES app.zaak NOT VALID;
ALTER TABLE app.los VALIDATE CONSTRAINT again;
ALTER TABLE app.los DROP CONSTRAINT again;
SET ROLE guard_ri_owner;
ALTER TABLE app.los ADD CONSTRAINT again FOREIGN KEY (zaak) REFERENCES app.zaak;
ALTER TABLE app.los DROP CONSTRAINT again;
CREATE TABLE app.soorten (titel text PRIMARY KEY);
INSERT INTO app.soorten SELECT 'zaak ' || g FROM generate_series(1, 5) g;
ALTER TABLE app.zaak ADD FOREIGN KEY (titel) REFERENCES app.soorten;
RESET ROLE;
SELECT casus.maintenance('app.zaak', 'een sleutel') > now() AS open;
\set VERBOSITY default
ALTER TABLE app.zaak ADD FOREIGN KEY (titel) REFERENCES app.soorten;
\set VERBOSITY terse
SELECT casus.maintenance('app.zaak', 'klaar', '0') <= clock_timestamp() AS closed;

-- The validating query by hand, inside such a command or not, is bound.
CREATE FUNCTION app.spy() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
	r text;
BEGIN
	FOR r IN SELECT fk.titel FROM ONLY app.zaak fk LEFT OUTER JOIN ONLY app.soorten pk ON (pk.titel = fk.titel)
		WHERE pk.titel IS NULL AND (fk.titel IS NOT NULL) LOOP
		RAISE WARNING '% saw %', tg_event, r;
	END LOOP;
END $$;
CREATE EVENT TRIGGER guard_ri_start ON ddl_command_start EXECUTE FUNCTION app.spy();
CREATE EVENT TRIGGER guard_ri_end ON ddl_command_end EXECUTE FUNCTION app.spy();
ALTER TABLE app.zaak ADD CONSTRAINT s FOREIGN KEY (titel) REFERENCES app.soorten NOT VALID;
ALTER TABLE app.los ADD CONSTRAINT again FOREIGN KEY (zaak) REFERENCES app.zaak;
DROP EVENT TRIGGER guard_ri_start;
DROP EVENT TRIGGER guard_ri_end;
ALTER TABLE app.zaak DROP CONSTRAINT s;

-- What is armed is more than what is used here: a key to a partitioned table, and one that is valid already.
CREATE TABLE app.delen (id int PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE app.delen_1 PARTITION OF app.delen FOR VALUES IN (1);
INSERT INTO app.delen VALUES (1);
CREATE TABLE app.raad (a int, niets int, zid bigint);
INSERT INTO app.raad VALUES (1, NULL, 100);
ALTER TABLE app.raad ADD CONSTRAINT c_z FOREIGN KEY (zid) REFERENCES app.zaak;
CREATE OR REPLACE FUNCTION app.spy() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
	r text;
BEGIN
	FOR r IN SELECT pk.titel FROM ONLY app.raad fk LEFT OUTER JOIN ONLY app.zaak pk ON (pk.id = fk.zid) WHERE fk.niets IS NULL LOOP
		RAISE WARNING 'saw %', r;
	END LOOP;
	FOR r IN SELECT fk.zid FROM ONLY app.raad fk LEFT OUTER JOIN ONLY app.zaak pk ON (pk.id = fk.a) WHERE pk.id IS NULL LOOP
		RAISE WARNING 'another column, no parent of % to be seen', r;
	END LOOP;
END $$;
CREATE EVENT TRIGGER guard_ri_end ON ddl_command_end EXECUTE FUNCTION app.spy();
ALTER TABLE app.raad ADD FOREIGN KEY (a) REFERENCES app.delen, VALIDATE CONSTRAINT c_z;
DROP EVENT TRIGGER guard_ri_end;
DROP TABLE app.raad, app.delen;

-- User triggers inside a cascade inherit the server's mark, and no more than that.
CREATE TABLE app.a (id int PRIMARY KEY);
CREATE TABLE app.b (id int PRIMARY KEY REFERENCES app.a ON DELETE CASCADE);
CREATE FUNCTION app.peek() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	k int := 100;
BEGIN
	RAISE WARNING 'rows %', (SELECT count(*) FROM app.zaak);
	RAISE WARNING 'titles %', (SELECT string_agg(titel, ',' ORDER BY id) FROM app.zaak WHERE id > 4);
	PERFORM titel FROM ONLY app.zaak x WHERE id = k FOR KEY SHARE OF x;
	RAISE WARNING 'another column %', FOUND;
	PERFORM 1 FROM ONLY app.zaak x WHERE id >= k FOR KEY SHARE OF x;
	RAISE WARNING 'another operator %', FOUND;
	PERFORM 1 FROM ONLY app.zaak x WHERE id = k AND titel LIKE 'G%' FOR KEY SHARE OF x;
	RAISE WARNING 'another condition %', FOUND;
	PERFORM 1 FROM app.zaak x WHERE id = k FOR KEY SHARE OF x;
	RAISE WARNING 'with children %', FOUND;
	PERFORM 1 FROM ONLY app.zaak x WHERE id = k FOR SHARE OF x;
	RAISE WARNING 'another lock %', FOUND;
	PERFORM 1 FROM ONLY app.zaak x WHERE id = k;
	RAISE WARNING 'no lock %', FOUND;
	UPDATE app.zaak SET titel = titel || '!' WHERE id = k;
	RAISE WARNING 'updated %', FOUND;
	RETURN OLD;
END $$;
CREATE TRIGGER t BEFORE DELETE ON app.b FOR EACH ROW EXECUTE FUNCTION app.peek();
ALTER TABLE app.a OWNER TO guard_ri_owner;
ALTER TABLE app.b OWNER TO guard_ri_owner;
INSERT INTO app.a VALUES (1);
INSERT INTO app.b VALUES (1);
SET ROLE guard_ri_owner;
DELETE FROM app.a;
RESET ROLE;
INSERT INTO app.a VALUES (1);
INSERT INTO app.b VALUES (1);
DELETE FROM app.a;

-- Catalogs and what casus keeps are no tables of a key.
CREATE OR REPLACE FUNCTION app.peek() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	statement text;
BEGIN
	FOREACH statement IN ARRAY ARRAY[
		$s$UPDATE pg_seclabel SET label = '{}' WHERE objoid = 'app.zaak'::regclass AND objsubid = 0$s$,
		$s$DELETE FROM pg_policy WHERE polrelid = 'app.zaak'::regclass$s$,
		$s$UPDATE casus_cat.person_role SET role_oid = 10 WHERE person = 1$s$,
		$s$SELECT 1 FROM ONLY casus_cat.person x WHERE name = 'x' FOR KEY SHARE OF x$s$] LOOP
		BEGIN
			EXECUTE statement;
			RAISE WARNING 'done: %', statement;
		EXCEPTION WHEN insufficient_privilege THEN
			RAISE WARNING 'refused: %', statement;
		END;
	END LOOP;
	RETURN OLD;
END $$;
ALTER TABLE app.a OWNER TO CURRENT_USER;
ALTER TABLE app.b OWNER TO CURRENT_USER;
INSERT INTO app.a VALUES (1);
INSERT INTO app.b VALUES (1);
DELETE FROM app.a;

-- A second key of a column that leads to the dossier might be the one that is followed from then on.
CREATE TABLE app.regel (id int PRIMARY KEY, zaak int REFERENCES app.zaak);
ALTER TABLE app.zaak ADD COLUMN volgnummer int;
SELECT casus.maintenance('app.zaak', 'een sleutel') > now() AS open;
ALTER TABLE app.zaak ADD UNIQUE (volgnummer);
SELECT casus.maintenance('app.zaak', 'klaar', '0') <= clock_timestamp() AS closed;
SELECT count(*) > 0 AS done FROM casus.protect('app.regel', 'zorg', via => 'zaak', category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.bind('app.regel');
ALTER TABLE app.regel ADD CONSTRAINT a FOREIGN KEY (zaak) REFERENCES app.zaak (volgnummer) NOT VALID;
SELECT casus.maintenance('app.regel', 'een sleutel') > now() AS open;
ALTER TABLE app.regel ADD CONSTRAINT a FOREIGN KEY (zaak) REFERENCES app.zaak (volgnummer) NOT VALID;
ALTER TABLE app.regel DROP CONSTRAINT a;
-- One command that takes the key and brings another to the same parent: over all rows, hidden ones too, and without a warning.
ALTER TABLE app.regel DROP CONSTRAINT regel_zaak_fkey, ADD FOREIGN KEY (zaak) REFERENCES app.zaak ON DELETE CASCADE;
SELECT conname, confdeltype, convalidated FROM pg_constraint WHERE conrelid = 'app.regel'::regclass AND contype = 'f';
SELECT casus.maintenance('app.regel', 'klaar', '0') <= clock_timestamp() AS closed;

-- The same texts by hand.
PREPARE by_hand (int) AS SELECT 1 FROM ONLY app.zaak x WHERE id = $1 FOR KEY SHARE OF x;
PREPARE cascade_by_hand (int) AS DELETE FROM ONLY app.zaak WHERE id = $1;
EXECUTE by_hand (100);
SET plan_cache_mode = force_generic_plan;
EXECUTE by_hand (100);
EXECUTE cascade_by_hand (100);
SET ROLE guard_ri_owner;
EXECUTE by_hand (100);
EXECUTE cascade_by_hand (100);
RESET ROLE;
SET SESSION AUTHORIZATION guard_ri_coord;
BEGIN;
SELECT casus.enter('intake');
SELECT titel FROM app.zaak WHERE id = 100;
COMMIT;
RESET SESSION AUTHORIZATION;
