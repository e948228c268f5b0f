-- A row on its way to another partition keeps its label without the right to remove or to bring in.  Nothing else passes for
-- it: no other row of the statement, none of a trigger that runs between, and none after one that never arrived.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE transit_lead LOGIN;
CREATE ROLE transit_mover LOGIN;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/proef.sql'
\i :fixture
\o /dev/null
SELECT casus.load_protocol(public.proef('{
	"offices": [{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "mover", "title": "Mover", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"}],
	"rules": [
		{"phases": ["intake"], "offices": ["lead"], "purposes": ["intake"], "categories": "*", "scope": "all", "may": ["read", "supply", "correct", "remove"], "article": "1"},
		{"phases": ["intake"], "offices": ["mover"], "purposes": ["intake"], "categories": "*", "scope": "all", "may": ["read", "correct"], "article": "1"},
		{"phases": ["overleg"], "offices": ["lead"], "purposes": ["overleg"], "categories": "*", "scope": "all", "may": ["read"], "article": "1"},
		{"offices": ["lead"], "categories": "*", "scope": "all", "may": ["read"], "article": "1", "stages": ["klaar_inzage"]}]
}'));
SELECT casus.open_file('proef-1', 'ond');
SELECT casus.activate_protocol('ond', dpia => 'DPIA', parameters => '{"startdatum": "2026-01-01"}');
SELECT casus.add_person('Lead', 'transit_lead'), casus.add_person('Mover', 'transit_mover');
SELECT casus.appoint('Lead', 'ond', NULL, 'lead'), casus.appoint('Mover', 'ond', NULL, 'mover');
CREATE TABLE zaak (id integer PRIMARY KEY);
CREATE TABLE notitie (id integer, maand integer, zaak_id integer REFERENCES zaak, tekst text, PRIMARY KEY (id, maand)) PARTITION BY RANGE (maand);
CREATE TABLE notitie_1 PARTITION OF notitie FOR VALUES FROM (1) TO (2);
CREATE TABLE notitie_2 PARTITION OF notitie FOR VALUES FROM (2) TO (3);
CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak);
-- What the trigger of a user does with a row that leaves, or arrives.
CREATE FUNCTION between_them() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CASE TG_OP || ' ' || current_setting('transit.what', true)
		WHEN 'DELETE keep' THEN RETURN NULL;
		WHEN 'INSERT lose' THEN
			PERFORM set_config('transit.what', '', true);
			RETURN NULL;
		WHEN 'INSERT fail' THEN RAISE 'failed';
		WHEN 'INSERT bring' THEN
			PERFORM set_config('transit.what', '', true);
			INSERT INTO notitie VALUES (90, 2, 1, 'nested', NEW.casus_label);
			RETURN NULL;
		WHEN 'DELETE remove' THEN
			PERFORM set_config('transit.what', '', true);
			DELETE FROM notitie_1 WHERE id = OLD.id;
			RETURN NULL;
		ELSE RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
	END CASE;
END $$;
CREATE TRIGGER between_them BEFORE INSERT OR DELETE ON notitie FOR EACH ROW EXECUTE FUNCTION between_them();
GRANT ALL ON zaak, notitie, notitie_1, notitie_2, stuk TO transit_lead, transit_mover;
SELECT casus.protect('zaak', 'ond', opens_dossier => true, category => 'melding');
SELECT casus.protect('notitie', 'ond', via => 'zaak_id', category => 'melding');
SELECT casus.protect('stuk', 'ond', via => 'zaak_id', category => 'melding');
SELECT casus.bind('zaak', 'enforce');
SELECT casus.bind('notitie', 'enforce');
SELECT casus.bind('stuk', 'enforce');
SET SESSION AUTHORIZATION transit_lead;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO zaak VALUES (1);
INSERT INTO notitie SELECT n, 1, 1, 'notitie ' || n FROM generate_series(1, 4) n;
COMMIT;
RESET SESSION AUTHORIZATION;
\o
-- What the statement gives and what is there then; all of it is undone.
CREATE FUNCTION try(what text, VARIADIC statements text[]) RETURNS TABLE (said text, is_there text) LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	code text;
	message text;
BEGIN
	BEGIN
		FOREACH statement IN ARRAY statements LOOP
			PERFORM set_config('transit.what', CASE WHEN statement ~ '^INSERT' THEN '' ELSE what END, true);
			BEGIN
				EXECUTE statement;
				said := concat_ws(', ', said, 'ok');
			EXCEPTION WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME, message = MESSAGE_TEXT;
				said := concat_ws(', ', said, concat_ws(' ', nullif(SQLSTATE, 'P0001'), nullif(code, ''), message));
			END;
		END LOOP;
		SELECT string_agg(concat_ws(' ', n.tableoid::regclass, n.id), ', ' ORDER BY n.id) INTO is_there FROM notitie n WHERE tableoid = 'notitie_2'::regclass OR id > 4;
		is_there := concat_ws('; ', is_there, (SELECT count(*) FROM notitie) || ' in all', (SELECT 'stuk ' || count(*) FROM stuk));
		RAISE 'undone' USING ERRCODE = 'ZZ999';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		RETURN NEXT;
	END;
END $$;
SET SESSION AUTHORIZATION transit_mover;
BEGIN;
SELECT casus.enter('intake') \g /dev/null

-- Who corrects neither brings in nor removes, but moves.
SELECT * FROM try('', 'DELETE FROM notitie WHERE id = 1', 'INSERT INTO notitie VALUES (9, 1, 1, ''x'')', 'UPDATE notitie SET maand = 2 WHERE id <= 2');
-- A label that is the row's own is nobody else's: beside it, again, for another, in another table.
SELECT * FROM try('', 'INSERT INTO notitie SELECT 9, 1, 1, ''x'', casus_label FROM notitie WHERE id = 1');
SELECT * FROM try('', 'WITH label AS MATERIALIZED (SELECT casus_label FROM notitie WHERE id = 1), moved AS (UPDATE notitie SET maand = 2 WHERE id = 1 RETURNING 1)
	INSERT INTO notitie SELECT 9, 1, 1, ''again'', casus_label FROM label, (SELECT count(*) FROM moved) n');
SELECT * FROM try('lose', 'WITH label AS MATERIALIZED (SELECT casus_label FROM notitie WHERE id = 2), moved AS (UPDATE notitie SET maand = 2 WHERE id = 1 RETURNING 1)
	INSERT INTO notitie SELECT 9, 1, 1, ''of another'', casus_label FROM label, (SELECT count(*) FROM moved) n');
SELECT * FROM try('lose', 'WITH label AS MATERIALIZED (SELECT casus_label FROM notitie WHERE id = 1), moved AS (UPDATE notitie SET maand = 2 WHERE id = 1 RETURNING 1)
	INSERT INTO stuk SELECT 9, 1, casus_label FROM label, (SELECT count(*) FROM moved) n');
-- One that a trigger keeps from arriving has been removed: alone, before another, and where the statement has its rest to do.
SELECT * FROM try('lose', 'UPDATE notitie SET maand = 2 WHERE id = 1', 'UPDATE notitie SET maand = 2 WHERE id <= 2',
	'WITH moved AS (UPDATE notitie SET maand = 2 WHERE id = 1) SELECT 1');
-- Nor one that failed on its way, which is where it was.
SELECT * FROM try('fail', 'CREATE TEMP TABLE label AS SELECT casus_label FROM notitie WHERE id = 1', 'UPDATE notitie SET maand = 2 WHERE id = 1',
	'INSERT INTO notitie SELECT 9, 1, 1, ''later'', casus_label FROM label');
-- One that a trigger kept where it was lets no other leave, nor arrive.
SELECT * FROM try('keep', 'UPDATE notitie SET maand = 2 WHERE id = 1');
SELECT * FROM try('keep', 'MERGE INTO notitie n USING (SELECT * FROM (VALUES (1), (2)) v(id) ORDER BY id) v ON n.id = v.id
	WHEN MATCHED AND v.id = 1 THEN UPDATE SET maand = 2 WHEN MATCHED AND set_config(''transit.what'', '''', true) = '''' THEN DELETE');
SELECT * FROM try('keep', 'MERGE INTO notitie n USING (SELECT v.id, casus_label FROM (VALUES (1), (9)) v(id) LEFT JOIN notitie o ON o.id = 1 ORDER BY 1) v ON n.id = v.id
	WHEN MATCHED THEN UPDATE SET maand = 2 WHEN NOT MATCHED THEN INSERT VALUES (9, 1, 1, ''merged'', v.casus_label)');
-- A trigger between the two is no part of it.
SELECT * FROM try('remove', 'UPDATE notitie SET maand = 2 WHERE id = 1');
SELECT * FROM try('bring', 'UPDATE notitie SET maand = 2 WHERE id = 1');
COMMIT;
RESET SESSION AUTHORIZATION;
-- Who may remove rows may lose one on its way too; a later statement does not make up for it.
SET SESSION AUTHORIZATION transit_lead;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
SELECT * FROM try('lose', 'CREATE TEMP TABLE label AS SELECT casus_label FROM notitie WHERE id = 1', 'UPDATE notitie SET maand = 2 WHERE id = 1',
	'INSERT INTO notitie SELECT 9, 1, 1, ''later'', casus_label FROM label');
SELECT * FROM try('lose', 'UPDATE notitie SET maand = 2 WHERE id <= 2');
COMMIT;
RESET SESSION AUTHORIZATION;
DROP OWNED BY transit_lead, transit_mover;
DROP ROLE transit_lead, transit_mover;
