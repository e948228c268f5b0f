-- casus.why, casus.my_purposes, casus.dossier_of, casus.checklist: what they tell, and that they tell nobody more than
-- he may know.
\set VERBOSITY terse
\pset format unaligned
\pset footer off
CREATE ROLE why_coordinator LOGIN;
CREATE ROLE why_handhaving LOGIN;
CREATE ROLE why_subsidies LOGIN;
CREATE ROLE why_nobody LOGIN;
SELECT casus.install_protocol('beesel-2021') IS NOT NULL AS ok;
SELECT casus.open_file('beesel-2021', 'het ''bestand''') IS NOT NULL AS ok;
SELECT casus.activate_protocol('het ''bestand''', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}') IS NOT NULL AS ok;
SELECT count(casus.add_person(initcap(r), ('why_' || r)::regrole, oath_on => '2020-01-01')) AS persons
FROM unnest('{coordinator,handhaving,subsidies}'::text[]) r;
SELECT count(casus.appoint(p, 'het ''bestand''', y, o)) AS appointments
FROM (VALUES ('Coordinator', NULL, 'coordinator'), ('Handhaving', 'bestuurlijke_handhaving', 'afgevaardigde'),
	('Subsidies', 'subsidies', 'afgevaardigde')) v(p, y, o);
CREATE TABLE signaal (nr int PRIMARY KEY, titel text);
CREATE TABLE gegeven (signaal int REFERENCES signaal, volg int, soort text, tekst text, PRIMARY KEY (signaal, volg));
CREATE TABLE vrij (nr int PRIMARY KEY);
CREATE TABLE zonder (nr int);
GRANT ALL ON signaal, gegeven, vrij, zonder TO why_coordinator, why_handhaving, why_subsidies;
SELECT casus.protect('signaal', 'het ''bestand''', opens_dossier => true, category => 'registratie') \g /dev/null
SELECT casus.protect('gegeven', 'het ''bestand''', via => 'signaal', category_column => 'soort') \g /dev/null
SELECT casus.bind('signaal', 'enforce') \g /dev/null
SET SESSION AUTHORIZATION why_coordinator;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO signaal VALUES (1, 'loods') RETURNING casus.dossier_of(casus_label) AS d \gset
COMMIT;

-- The calls of casus.my_purposes() are ready to run, also with quotes in a name.
SELECT file, office, party, dossier, purpose, is_standing, until, call FROM casus.my_purposes() WHERE purpose IN ('intake', 'overleg');
SELECT call AS enter FROM casus.my_purposes() WHERE purpose = 'intake' \gset
BEGIN;
:enter
SELECT count(*) FROM signaal;
COMMIT;
SET SESSION AUTHORIZATION why_handhaving;
SELECT office, party, purpose, call FROM casus.my_purposes();
SET SESSION AUTHORIZATION why_nobody;
SELECT count(*) FROM casus.my_purposes();

-- Without purpose, with the right one, with the wrong one.
SET SESSION AUTHORIZATION why_coordinator;
SELECT verb, allowed, items, code, article, reason, replace(hint, :d::text, '$d') AS hint FROM casus.why('signaal', :d) WHERE verb IN ('read', 'supply');
BEGIN;
SELECT casus.enter('intake', dossier => :d);
SELECT verb, allowed, items, categories, code, article, reason FROM casus.why('signaal', :d);
SELECT verb, allowed, categories, code, article, reason FROM casus.why('gegeven', :d);
COMMIT;
BEGIN;
SELECT casus.enter('overleg');
SELECT verb, allowed, items, categories, code, article, reason FROM casus.why('signaal', :d) WHERE verb = 'read';
COMMIT;
-- A dossier that is not one's own gives the answer of one that does not exist.
SET SESSION AUTHORIZATION why_handhaving;
SELECT * FROM casus.why('signaal', :d);
SELECT * FROM casus.why('signaal', 0);
SELECT * FROM casus.why('signaal', NULL);
SELECT * FROM casus.why('vrij', 0);
SELECT verb, allowed, code, reason, hint FROM casus.why('gegeven', 0);

-- As a delegate: another's items, one's own, and what sharing changes.
SET SESSION AUTHORIZATION why_coordinator;
SELECT 'SELECT ' || replace(act, '$d', :d::text) || ' IS NOT NULL AS done;' FROM (VALUES
($$casus.decide($d, 'intake', 'signaal', 'voldoet', '{"aandrager": "burger", "melddatum": "2026-11-02", "aanleiding": "brief", "beschrijving": "loods", "personalia": "bekend",
	"indicatoren": ["vastgoedfraude_leegstand"], "bevoegdheid": "opiumwet_13b", "grondgebied": true}')$$),
($$casus.advance($d, 'zwaarte')$$),
($$casus.decide($d, 'zwaarte', 'zwaar_genoeg', details => '{"criteria": ["politie"], "toelichting": "melding politie"}')$$),
($$casus.advance($d, 'bronnenonderzoek')$$),
($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "afwijking", "fg_advies": "akkoord", "afwijking_motivering": "geen Standaard"}')$$),
($$casus.decide($d, 'hits', 'bevestigd', details => '{"toelichting": "voldoende"}')$$),
($$casus.advance($d, 'voorbereiden')$$),
($$casus.decide($d, 'delen', 'delen', details => '{"afdelingen": ["bestuurlijke_handhaving"], "noodzaak": "pand"}')$$),
($$casus.advance($d, 'overleg')$$),
($$casus.involve($d, party => 'bestuurlijke_handhaving')$$)) step(act) \gexec
SET SESSION AUTHORIZATION why_handhaving;
BEGIN;
SELECT casus.enter('overleg', dossier => :d);
SELECT verb, allowed, items, code, article, reason FROM casus.why('signaal', :d) WHERE verb IN ('read', 'correct');
SELECT count(*) FROM signaal;
COMMIT;
SET SESSION AUTHORIZATION why_coordinator;
SELECT casus.share(:d, NULL, '{bestuurlijke_handhaving}') IS NOT NULL AS shared;
SET SESSION AUTHORIZATION why_handhaving;
BEGIN;
SELECT casus.enter('overleg', dossier => :d);
SELECT verb, allowed, items, code, article, reason FROM casus.why('signaal', :d) WHERE verb = 'read';
SELECT count(*) FROM signaal;
COMMIT;

-- dossier_of reads as the caller: what he may not read has no dossier for him.
BEGIN;
SELECT casus.enter('overleg');
SELECT casus.dossier_of('signaal', '1') = :d AS mine, casus.dossier_of('signaal', '2') AS none;
SELECT casus.dossier_of('signaal', '{"nr": 1}'::jsonb) = :d AS mine;
COMMIT;
SELECT casus.dossier_of('signaal', '1');
SET SESSION AUTHORIZATION why_subsidies;
BEGIN;
SELECT casus.enter('overleg');
SELECT casus.dossier_of('signaal', '1') AS hidden, casus.dossier_of('signaal', '2') AS none;
COMMIT;
SELECT casus.dossier_of('vrij', '1');
SELECT casus.dossier_of('gegeven', '1');
SET SESSION AUTHORIZATION why_nobody;
SELECT casus.dossier_of('signaal', '1');

RESET SESSION AUTHORIZATION;
REVOKE ALL ON signaal, gegeven, vrij, zonder FROM why_coordinator, why_handhaving, why_subsidies;
DROP ROLE why_coordinator, why_handhaving, why_subsidies, why_nobody;
