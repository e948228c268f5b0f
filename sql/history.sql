/*
 * history: a trigger that keeps a history is named before it stops every governed
 * write, and goes on once its table is protected by the dossier.
 */
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE history_lead LOGIN;
\o /dev/null
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond');
SELECT casus.activate_protocol('ond', 'DPIA', '{"startdatum": "2021-12-14", "standaarden": []}');
SELECT casus.add_person('Lead', 'history_lead', oath_on => '2021-03-01');
SELECT casus.appoint('Lead', 'ond', NULL, 'coordinator', reason => 'test');
\o
CREATE SCHEMA z;
CREATE TABLE z.zaak (nr integer PRIMARY KEY, type integer NOT NULL, titel text NOT NULL);
CREATE TABLE z.audit (id bigserial PRIMARY KEY, zaak_nr integer NOT NULL, titel text);
CREATE TABLE z.los (nr integer, type integer, titel text);
CREATE FUNCTION z.audit() RETURNS trigger LANGUAGE plpgsql SET search_path = z AS
	'BEGIN INSERT INTO audit (zaak_nr, titel) VALUES (coalesce(NEW.nr, OLD.nr), coalesce(NEW.titel, OLD.titel)); RETURN NULL; END';
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON z.zaak FOR EACH ROW EXECUTE FUNCTION z.audit();
INSERT INTO z.zaak SELECT n, n % 3, 'zaak ' || n FROM generate_series(1, 6) n;
GRANT USAGE ON SCHEMA z TO history_lead;
GRANT ALL ON ALL TABLES IN SCHEMA z TO history_lead;
GRANT ALL ON ALL SEQUENCES IN SCHEMA z TO history_lead;

SELECT relation, object, detail FROM casus.survey('z') WHERE finding = 'trigger';
SELECT line FROM casus.protect('z.zaak', 'ond', opens_dossier => true, governs => 'type = 2', category => 'signaalomschrijving',
	dry_run => true) line WHERE line LIKE '%trigger%';
SELECT casus.protect('z.zaak', 'ond', opens_dossier => true, governs => 'type = 2', category => 'signaalomschrijving') \g /dev/null
CALL casus.take_in('z.zaak', phase => $$'intake'$$);
SELECT casus.bind('z.zaak', 'observe') \g /dev/null
SELECT code, finding, mend FROM casus.doctor() WHERE code IN ('user_trigger', 'look_alike') AND finding LIKE '%z.%';

-- The recipe of the README.
ALTER TABLE z.audit ADD COLUMN dossier bigint;
UPDATE z.audit a SET dossier = casus.dossier_of(z.casus_label) FROM z.zaak z WHERE z.nr = a.zaak_nr;
CREATE OR REPLACE FUNCTION z.audit() RETURNS trigger LANGUAGE plpgsql SET search_path = z AS $$BEGIN
	INSERT INTO audit (zaak_nr, titel, dossier) VALUES (coalesce(NEW.nr, OLD.nr), coalesce(NEW.titel, OLD.titel),
		casus.dossier_of(coalesce(NEW.casus_label, OLD.casus_label)));
	RETURN NULL; END$$;
SELECT casus.protect('z.audit', 'ond', dossier => 'dossier', governs => 'dossier IS NOT NULL', category => 'signaalomschrijving') \g /dev/null
CALL casus.take_in('z.audit');
SELECT casus.bind('z.audit') \g /dev/null
SELECT casus.bind('z.zaak') \g /dev/null
SELECT id, zaak_nr, titel FROM z.audit;
SELECT code, finding, mend FROM casus.doctor() WHERE code IN ('user_trigger', 'look_alike') AND finding LIKE '%z.%';
SET SESSION AUTHORIZATION history_lead;
BEGIN;
SELECT casus.enter('intake') \g /dev/null
UPDATE z.zaak SET titel = titel || '!' WHERE type = 2;
INSERT INTO z.zaak VALUES (8, 2, 'zaak 8');
SELECT zaak_nr, titel FROM z.audit WHERE dossier IS NOT NULL ORDER BY id;
-- Whose history would hold what?
UPDATE z.zaak SET titel = titel || '?';
ROLLBACK;
UPDATE z.zaak SET titel = titel || '?';
RESET SESSION AUTHORIZATION;
DROP OWNED BY history_lead;
DROP ROLE history_lead;
