-- What a refusal advises runs as it stands, by whoever is refused; what is to be filled in stands in a comment.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/beesel.sql'
\o /dev/null
\ir :fixture
\o
CREATE ROLE hint_admin LOGIN IN ROLE casus_admin;
/* The hint of a refusal and what comes of it; nothing stays. */
CREATE FUNCTION follow(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text; refused text; result text := 'runs';
BEGIN
	BEGIN
		EXECUTE sql;
		SET CONSTRAINTS ALL IMMEDIATE;
		RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, refused = MESSAGE_TEXT;
		IF sqlstate = 'ZZZZZ' THEN RETURN 'not refused'; END IF;
	END;
	IF hint !~ '^(SELECT|CALL|BEGIN|DROP|ALTER|CREATE|GRANT|SET) ' THEN
		result := 'words';
	ELSE
		BEGIN
			EXECUTE hint;
			RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
		EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN NULL;
			WHEN OTHERS THEN result := sqlerrm;
		END;
	END IF;
	RETURN concat_ws(E'\n  ', refused, regexp_replace(hint, '\m\d+\M', '<n>', 'g'), '-> ' || result);
END $$;
\pset format unaligned
\pset tuples_only on

-- set-up, by who may not and who may
CREATE SCHEMA "Werk";
CREATE TABLE "Werk"."Zaak" (id integer PRIMARY KEY, soort text NOT NULL, moeder integer);
CREATE TABLE "Werk"."Deel" (zaak_id integer REFERENCES "Werk"."Zaak", nr integer, moment date, PRIMARY KEY (zaak_id, nr));
CREATE TABLE "Werk".los (id integer);
CREATE FUNCTION "Werk".eigen(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT $1 $$;
INSERT INTO "Werk"."Zaak" VALUES (1, 'a'), (2, 'b'); INSERT INTO "Werk"."Deel" VALUES (1, 1), (2, 1);
SET SESSION AUTHORIZATION bs_stranger;
SELECT follow($$SELECT casus.open_file('beesel-2021', 'ander')$$);
RESET SESSION AUTHORIZATION;
SELECT follow($$SELECT casus.open_file('onbekend', 'ander')$$);
SELECT follow($$SELECT casus.activate_protocol('onbekend', 'DPIA')$$);
SELECT casus.open_file('beesel-2021', 'werk') > 0;
SELECT follow($$SELECT casus.activate_protocol('werk', 'DPIA')$$);
SELECT follow($$SELECT casus.appoint('Niemand', 'ondermijning', NULL, 'coordinator')$$);
SELECT casus.add_person('Nieuw', 'hint_admin') > 0;
SELECT follow($$SELECT casus.appoint('Nieuw', 'ondermijning', NULL, 'coordinator')$$);
SELECT follow($$SELECT casus.appoint('Nieuw', 'ondermijning', 'subsidies', 'coordinator')$$);
SELECT follow($$SELECT casus.appoint('Nieuw', 'ondermijning', NULL, 'afgevaardigde')$$);
SELECT follow($$SELECT casus.appoint('Nieuw', 'ondermijning', NULL, 'casusregisseur')$$);
SELECT follow($$SELECT casus.appoint('Nieuw', 'ondermijning', NULL, 'koning')$$);
SELECT follow($$SELECT casus.add_party('ondermijning', 'vreemd', 'vreemd')$$);

-- tables
SET SESSION AUTHORIZATION hint_admin;
SELECT follow($$SELECT casus.protect('"Werk"."Zaak"', 'ondermijning', opens_dossier => true, category => 'registratie')$$);
RESET SESSION AUTHORIZATION;
SELECT follow($$SELECT casus.bind('"Werk"."Zaak"')$$);
SELECT follow($$CALL casus.take_in('"Werk"."Zaak"')$$);
SELECT follow($$SELECT casus.protect('"Werk"."Deel"', 'ondermijning', via => 'zaak_id', category => 'registratie')$$);
SELECT follow($$SELECT casus.protect('"Werk".los', 'ondermijning', opens_dossier => true, category => 'registratie')$$);
SELECT follow($$SELECT casus.protect('"Werk"."Zaak"', 'ondermijning', via_link => '"Werk"."Deel"')$$);
CREATE INDEX "Eigen" ON "Werk"."Zaak" ("Werk".eigen(soort));
SELECT follow($$SELECT casus.protect('"Werk"."Zaak"', 'ondermijning', opens_dossier => true, category => 'registratie')$$);
DROP INDEX "Werk"."Eigen";
ALTER TABLE "Werk"."Zaak" ADD CONSTRAINT "Eigen" CHECK ("Werk".eigen(soort) <> '');
SELECT follow($$SELECT casus.protect('"Werk"."Zaak"', 'ondermijning', opens_dossier => true, category => 'registratie')$$);
ALTER TABLE "Werk"."Zaak" DROP CONSTRAINT "Eigen";
ALTER TABLE "Werk"."Zaak" ADD COLUMN "Uit" text GENERATED ALWAYS AS ("Werk".eigen(soort)) STORED;
SELECT follow($$SELECT casus.protect('"Werk"."Zaak"', 'ondermijning', opens_dossier => true, category => 'registratie')$$);
ALTER TABLE "Werk"."Zaak" DROP COLUMN "Uit";
CREATE STATISTICS "Werk"."Eigen" ON ("Werk".eigen(soort)) FROM "Werk"."Zaak";
SELECT follow($$SELECT casus.protect('"Werk"."Zaak"', 'ondermijning', opens_dossier => true, category => 'registratie')$$);
DROP STATISTICS "Werk"."Eigen";
CREATE FUNCTION "Werk".later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER "~~Later" BEFORE INSERT ON "Werk"."Zaak" FOR EACH ROW EXECUTE FUNCTION "Werk".later();
SELECT follow($$SELECT casus.protect('"Werk"."Zaak"', 'ondermijning', opens_dossier => true, category => 'registratie')$$);
DROP TRIGGER "~~Later" ON "Werk"."Zaak";
SET client_min_messages = error;  -- 17 words the warning about wal_level otherwise
CREATE PUBLICATION "Uit" FOR TABLE "Werk"."Zaak";
SET client_min_messages = warning;
SELECT follow($$SELECT casus.protect('"Werk"."Zaak"', 'ondermijning', opens_dossier => true, category => 'registratie')$$);
DROP PUBLICATION "Uit";
SELECT FROM casus.protect('"Werk"."Zaak"', 'ondermijning', opens_dossier => true, category => 'registratie');
SELECT FROM casus.protect('"Werk"."Deel"', 'ondermijning', via => 'zaak_id', category => 'registratie');
SELECT follow($$SELECT casus.protect('"Werk"."Zaak"', 'ondermijning', opens_dossier => true, category => 'registratie')$$);
SELECT follow($$SELECT casus.bind('"Werk"."Deel"')$$);
SELECT follow($$SELECT casus.unprotect('"Werk"."Zaak"', 'weg')$$);
-- one that ends transactions is followed as it is given
CREATE FUNCTION hint(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN EXECUTE sql; RETURN 'SELECT ''not refused''';
EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT; RETURN hint; END $$;
SELECT hint($$SELECT casus.bind('"Werk"."Zaak"')$$) \gexec
SELECT FROM casus.bind('"Werk"."Zaak"');
SELECT hint($$SELECT casus.bind('"Werk"."Deel"')$$) \gexec
SELECT FROM casus.bind('"Werk"."Deel"');
SELECT follow($$SELECT casus.bind('"Werk"."Zaak"', 'observe')$$);
SELECT follow($$SELECT casus.unprotect('"Werk"."Deel"', 'weg')$$);

-- DDL, by the owner and by others
SELECT follow($$ALTER TABLE "Werk"."Zaak" DISABLE ROW LEVEL SECURITY$$);
SELECT follow($$DROP POLICY casus ON "Werk"."Zaak"$$);
SELECT follow($$ALTER TABLE "Werk"."Zaak" ALTER soort SET NOT NULL, ALTER soort TYPE varchar$$);
SELECT follow($$ALTER TABLE "Werk"."Zaak" ALTER moeder SET NOT NULL$$);
SELECT follow($$ALTER TABLE "Werk"."Zaak" ADD CHECK (soort <> '')$$);
SELECT follow($$DROP TABLE "Werk"."Deel"$$);
SELECT follow($$ALTER TABLE "Werk"."Deel" DROP COLUMN zaak_id$$);
SELECT follow($$SECURITY LABEL FOR casus ON TABLE "Werk"."Zaak" IS NULL$$);
SELECT follow($$SECURITY LABEL FOR casus ON TABLE "Werk"."Zaak" IS 'x'$$);
SELECT follow($$DROP EXTENSION casus$$);
SELECT follow($$SELECT casus.dossier_of('"Werk"."Deel"', '1')$$);
GRANT USAGE ON SCHEMA "Werk" TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA "Werk" TO PUBLIC;
SET SESSION AUTHORIZATION hint_admin;
SELECT follow($$SECURITY LABEL FOR casus ON TABLE "Werk"."Zaak" IS NULL$$);
SET SESSION AUTHORIZATION bs_owner;
SELECT follow($$SELECT casus.maintenance('beesel.notitie', 'x')$$);
SELECT follow($$TRUNCATE beesel.notitie$$);
RESET SESSION AUTHORIZATION;

-- reading and writing
SET SESSION AUTHORIZATION bs_stranger;
SELECT follow($$SELECT count(*) FROM "Werk"."Zaak"$$);
SELECT follow($$SELECT casus.enter('overleg')$$);
SELECT follow($$INSERT INTO "Werk"."Deel" VALUES (1, 2)$$);
SET SESSION AUTHORIZATION bs_coordinator;
SELECT follow($$SELECT casus.enter('onzin')$$);
SELECT follow($$SELECT casus.enter('intake', 12345)$$);
BEGIN; SELECT FROM casus.enter('intake', (SELECT dossier FROM beesel.fixture WHERE name = 'intake'));
SELECT follow($$INSERT INTO "Werk"."Deel" VALUES (1, 2)$$);
SELECT follow($$INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (12345, 'beoordeling', 'x')$$);
SELECT follow($$UPDATE beesel.notitie SET categorie = 'beoordeling'$$);
SELECT follow($$UPDATE beesel.notitie SET dossier = dossier + 1$$);
SELECT follow($$CREATE TABLE kopie AS SELECT * FROM beesel.notitie$$);
SELECT follow($$SELECT casus.move('beesel.notitie', '99', '1', 'x')$$);
SELECT follow($$SELECT casus.move('beesel.notitie', '1', '1', '')$$);
COMMIT;
SET SESSION AUTHORIZATION bs_handhaving;
BEGIN; SELECT FROM casus.enter('overleg', (SELECT dossier FROM beesel.fixture WHERE name = 'overleg'));
SELECT follow($$INSERT INTO beesel.notitie (dossier, categorie, inhoud) SELECT dossier, 'beoordeling', 'x' FROM beesel.fixture WHERE name = 'overleg'$$);
COMMIT;

-- acts
SET SESSION AUTHORIZATION bs_coordinator;
SELECT follow(format('SELECT casus.advance(%s, %L)', dossier, phase)) FROM beesel.fixture, unnest(ARRAY['zwaarte', 'regie', 'onzin']) phase WHERE name = 'intake';
SELECT follow(format('SELECT casus.decide(%s, %L, %L)', dossier, gate, outcome)) FROM beesel.fixture, (VALUES ('intake', 'signaal'), ('intake', 'onzin'), ('onzin', 'x'), ('zwaarte', 'zwaar_genoeg')) v(gate, outcome) WHERE name = 'intake';
SELECT follow(format('SELECT casus.share(%s, NULL, ARRAY[''subsidies''], ''x'')', dossier)) FROM beesel.fixture WHERE name = 'intake';
SELECT follow(format('SELECT casus.involve(%s, party => ''onzin'')', dossier)) FROM beesel.fixture WHERE name = 'intake';
SELECT follow('SELECT casus.advance(12345, ''zwaarte'')');
SET SESSION AUTHORIZATION bs_subsidies;
SELECT follow(format('SELECT casus.decide(%s, ''intake'', ''signaal'')', dossier)) FROM beesel.fixture WHERE name = 'intake';
SET SESSION AUTHORIZATION bs_stranger;
SELECT follow(format('SELECT casus.break_glass(''x'', %s, ''1 hour'')', dossier)) FROM beesel.fixture WHERE name = 'intake';
SELECT follow(format('SELECT * FROM casus.explain_access(''H. Handhaver'', ''beesel.notitie'', %s)', dossier)) FROM beesel.fixture WHERE name = 'intake';
RESET SESSION AUTHORIZATION;
DROP ROLE hint_admin;
