-- The order of gates: what a decision rests on and what rests on it; who is at a meeting.
SET client_min_messages = warning;
\pset format unaligned
\pset footer off
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set fixture :source '/test/fixtures/beesel.sql'
\o /dev/null
\ir :fixture
\o
SELECT dossier AS d FROM beesel.fixture WHERE name = 'overleg' \gset
\set fixture :source '/test/fixtures/code.sql'
\i :fixture

-- [B-85] [B-88] An Overleg is of departments and of people: one person for two departments is none.
SELECT casus.appoint('H. Handhaver', 'ondermijning', 'belastingen_en_woz', 'afgevaardigde') > 0 AS appointed;
SET SESSION AUTHORIZATION bs_coordinator;
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "x", "aanwezig": ["H. Handhaver"]}')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "x", "aanwezig": ["H. Handhaver", "H. Handhaver", "C. Coordinator"]}')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "x", "aanwezig": ["H. Handhaver", "B. Belasting"]}')$$, :d);

-- [B-85] A decision on which another rests gives way to no other outcome; the same one, in other words, it does.
SELECT try($$casus.decide($d, 'plan', 'vastgesteld', details => '{"plan": "x", "bevoegdheden": ["woningwet"], "gegevensuitwisseling": "x",
	"aanwezig": ["H. Handhaver", "B. Belasting"]}')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'geen_aanpak', details => '{"toelichting": "x", "aanwezig": ["H. Handhaver", "B. Belasting"]}')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "anders", "aanwezig": ["H. Handhaver", "B. Belasting"]}')$$, :d);
-- Nor is it taken back for the one that took its place after the other.
SELECT max(act) AS casus FROM casus.decision WHERE dossier = :d AND gate = 'casus' \gset
SELECT max(act) AS plan FROM casus.decision WHERE dossier = :d AND gate = 'plan' \gset
SELECT code(format('SELECT casus.revoke_decision(%s, %L)', :casus, 'x'));
SELECT code(format('SELECT casus.revoke_decision(%s, %L)', :plan, 'x'));
-- What comes after a gate rests on its newest decision.
SELECT try($$casus.decide($d, 'casus', 'geen_aanpak', details => '{"toelichting": "x", "aanwezig": ["H. Handhaver", "B. Belasting"]}')$$, :d);
SELECT try($$casus.decide($d, 'plan', 'vastgesteld', details => '{"plan": "x", "bevoegdheden": ["woningwet"], "gegevensuitwisseling": "x",
	"aanwezig": ["H. Handhaver", "B. Belasting"]}')$$, :d);
SELECT to_phase, try(format('casus.advance($d, %L)', to_phase), :d) FROM unnest('{regie,opschaling,afsluiten}'::text[]) to_phase;

-- [B-84] What is shared rests on the decision that names the department.
RESET SESSION AUTHORIZATION;
CREATE TABLE way (n int, act text);
INSERT INTO way VALUES
(1, $$casus.decide($d, 'intake', 'signaal', details => '{"aandrager": "burger", "melddatum": "2026-11-02", "aanleiding": "brief", "beschrijving": "loods",
	"personalia": "bekend", "indicatoren": ["vastgoedfraude_leegstand"], "bevoegdheid": "woningwet", "grondgebied": true}')$$),
(2, $$casus.advance($d, 'zwaarte')$$),
(3, $$casus.decide($d, 'zwaarte', 'zwaar_genoeg', details => '{"criteria": ["politie"], "toelichting": "x"}')$$),
(4, $$casus.advance($d, 'bronnenonderzoek')$$),
(5, $$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "afwijking", "fg_advies": "akkoord", "afwijking_motivering": "x"}')$$),
(6, $$casus.decide($d, 'hits', 'bevestigd', details => '{"toelichting": "x"}')$$),
(7, $$casus.advance($d, 'voorbereiden')$$),
(8, $$casus.decide($d, 'delen', 'delen', details => '{"afdelingen": ["bestuurlijke_handhaving", "belastingen_en_woz"], "noodzaak": "x"}')$$),
(9, $$casus.share($d, NULL, '{bestuurlijke_handhaving,belastingen_en_woz}')$$);
GRANT SELECT ON way TO PUBLIC;
SET SESSION AUTHORIZATION bs_coordinator;
SELECT casus.open_dossier('ondermijning') AS d \gset
SELECT n, try(act, :d) FROM way ORDER BY n;
SELECT try($$casus.decide($d, 'delen', 'delen', details => '{"afdelingen": ["belastingen_en_woz"], "noodzaak": "x"}')$$, :d);
SELECT try($$casus.decide($d, 'delen', 'niets_te_delen', details => '{"toelichting": "x"}')$$, :d);
SELECT try($$casus.decide($d, 'delen', 'delen', details => '{"afdelingen": ["belastingen_en_woz", "bestuurlijke_handhaving", "subsidies"], "noodzaak": "y"}')$$, :d);
SELECT max(act) AS delen FROM casus.decision WHERE dossier = :d AND gate = 'delen' \gset
SELECT code(format('SELECT casus.revoke_decision(%s, %L)', :delen, 'x'));
SELECT try($$casus.unshare($d, NULL, '{bestuurlijke_handhaving}')$$, :d);
SELECT try($$casus.decide($d, 'delen', 'niets_te_delen', details => '{"toelichting": "x"}')$$, :d);
SELECT try($$casus.decide($d, 'delen', 'delen', details => '{"afdelingen": ["belastingen_en_woz"], "noodzaak": "x"}')$$, :d);
SELECT try($$casus.unshare($d, NULL, '{belastingen_en_woz}')$$, :d);
SELECT try($$casus.decide($d, 'delen', 'niets_te_delen', details => '{"toelichting": "x"}')$$, :d);
RESET SESSION AUTHORIZATION;

-- [B-85] A decision gives way to an outcome that what comes after it asks for as well.
SELECT casus.load_protocol(jsonb_set(definition #- '{gates,3,after_outcomes}', '{name}', '"proef-hits"'))
FROM casus.protocol WHERE name = 'beesel-2021' AND definition #>> '{gates,3,name}' = 'hits';
SELECT casus.open_file('proef-hits', 'hits') > 0 AS opened,
	casus.activate_protocol('hits', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}') > 0 AS active,
	casus.appoint('C. Coordinator', 'hits', NULL, 'coordinator') > 0 AS appointed;
SET SESSION AUTHORIZATION bs_coordinator;
SELECT casus.open_dossier('hits') AS d \gset
SELECT n, try(act, :d) FROM way WHERE n <= 6 ORDER BY n;
SELECT try($$casus.decide($d, 'bronnen', 'niet_raadplegen', details => '{"toelichting": "x"}')$$, :d);
SELECT max(act) AS bronnen FROM casus.decision WHERE dossier = :d AND gate = 'bronnen' \gset
SELECT code(format('SELECT casus.revoke_decision(%s, %L)', :bronnen, 'x'));
RESET SESSION AUTHORIZATION;

-- A dossier that was taken in owes no gate of the phases before, and every gate of those in which it is or has been since.
-- In this protocol the question to the sources may be left out, but not when it comes to sharing.
SELECT casus.load_protocol(jsonb_set(jsonb_set(jsonb_set(definition #- '{gates,4,after_outcomes}' #- '{gates,3,after_outcomes}',
	'{name}', '"proef-beesel"'), '{gates,3,after}', '[]'), '{gates,4,after}', '["bronnen", "hits"]'))
FROM casus.protocol WHERE name = 'beesel-2021' AND definition #>> '{gates,3,name}' = 'hits' AND definition #>> '{gates,4,name}' = 'delen';
SELECT casus.open_file('proef-beesel', 'proef') > 0 AS opened,
	casus.activate_protocol('proef', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}') > 0 AS active,
	casus.appoint('C. Coordinator', 'proef', NULL, 'coordinator') > 0 AS appointed;
CREATE TABLE zaak (nr text PRIMARY KEY, fase text NOT NULL);
CREATE TABLE proefzaak (nr text PRIMARY KEY, fase text NOT NULL);
INSERT INTO zaak VALUES ('a', 'bronnenonderzoek'), ('b', 'overleg'), ('c', 'regie');
INSERT INTO proefzaak VALUES ('d', 'bronnenonderzoek'), ('e', 'voorbereiden');
GRANT SELECT ON zaak, proefzaak TO PUBLIC;
SELECT casus.protect('zaak', 'ondermijning', opens_dossier => true, category => 'registratie') \g /dev/null
SELECT casus.protect('proefzaak', 'proef', opens_dossier => true, category => 'registratie') \g /dev/null
CALL casus.take_in('zaak', phase => 'fase');
CALL casus.take_in('proefzaak', phase => 'fase');
SET SESSION AUTHORIZATION bs_coordinator;
SELECT id AS a FROM casus.dossier WHERE file = 'ondermijning' AND is_taken_in AND phase = 'bronnenonderzoek' \gset
SELECT id AS b FROM casus.dossier WHERE file = 'ondermijning' AND is_taken_in AND phase = 'overleg' \gset
SELECT id AS c FROM casus.dossier WHERE file = 'ondermijning' AND is_taken_in AND phase = 'regie' \gset
SELECT id AS d FROM casus.dossier WHERE file = 'proef' AND is_taken_in AND phase = 'bronnenonderzoek' \gset
SELECT id AS e FROM casus.dossier WHERE file = 'proef' AND is_taken_in AND phase = 'voorbereiden' \gset
SELECT try(act, :a) FROM way WHERE n = 6 UNION ALL SELECT try(act, :a) FROM way WHERE n = 5 UNION ALL SELECT try(act, :a) FROM way WHERE n = 6;
SELECT try($$casus.involve($d, party => 'bestuurlijke_handhaving')$$, d), try($$casus.involve($d, party => 'belastingen_en_woz')$$, d)
FROM unnest(ARRAY[:b, :c]) d;
SELECT try($$casus.decide($d, 'plan', 'vastgesteld', details => '{"plan": "x", "bevoegdheden": ["woningwet"], "gegevensuitwisseling": "x",
	"aanwezig": ["H. Handhaver", "B. Belasting"]}')$$, :b);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "x", "aanwezig": ["H. Handhaver", "B. Belasting"]}')$$, :b);
SELECT try($$casus.decide($d, 'afsluiten', 'afsluiten', details => '{"toelichting": "x", "te_verstrekken": "x", "aanwezig": ["H. Handhaver", "B. Belasting"]}')$$, :c);
-- The question that was left out is owed also after that phase; not by who was taken in later.
SELECT try(act, :d) FROM way WHERE n BETWEEN 6 AND 8 ORDER BY n;
SELECT try(act, :e) FROM way WHERE n = 8;
RESET SESSION AUTHORIZATION;
