-- Gates and transitions of Beesel: each by the right office, in its phase, with its content; everything else is
-- refused with the article.  sql/life_beesel.sql tells who reads what on the way.
\set VERBOSITY terse
\pset format unaligned
\pset footer off
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/code.sql'
\i :fixture
CREATE ROLE gates_coordinator LOGIN;
CREATE ROLE gates_handhaving LOGIN;
CREATE ROLE gates_belastingen LOGIN;
CREATE ROLE gates_subsidies LOGIN;
CREATE ROLE gates_fg LOGIN;
CREATE ROLE gates_nobody LOGIN;
SELECT casus.install_protocol('beesel-2021') IS NOT NULL AS ok;
SELECT casus.open_file('beesel-2021', 'ondermijning') IS NOT NULL AS ok;
SELECT casus.activate_protocol('ondermijning', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}') IS NOT NULL AS ok;
SELECT count(casus.add_person(initcap(r), ('gates_' || r)::regrole, oath_on => '2020-01-01')) AS persons
FROM unnest('{coordinator,handhaving,belastingen,subsidies,fg}'::text[]) r;
SELECT count(casus.appoint(p, 'ondermijning', y, o)) AS appointments
FROM (VALUES ('Coordinator', NULL, 'coordinator'), ('Handhaving', 'bestuurlijke_handhaving', 'afgevaardigde'),
	('Belastingen', 'belastingen_en_woz', 'afgevaardigde'), ('Subsidies', 'subsidies', 'afgevaardigde'), ('Fg', NULL, 'fg')) v(p, y, o);

-- [B-93] only the coordinator registers a signal.
SET SESSION AUTHORIZATION gates_handhaving;
SELECT try($$casus.open_dossier('ondermijning')$$);
SET SESSION AUTHORIZATION gates_fg;
SELECT try($$casus.open_dossier('ondermijning')$$);
SET SESSION AUTHORIZATION gates_nobody;
SELECT try($$casus.open_dossier('ondermijning')$$);
RESET SESSION AUTHORIZATION;
SELECT try($$casus.open_dossier('ondermijning')$$);
-- [B-8] nothing is opened under a protocol that is not in force yet.
SELECT casus.set_parameter('ondermijning', 'startdatum', '"9999-12-31"') IS NOT NULL AS set;
SET SESSION AUTHORIZATION gates_coordinator;
SELECT try($$casus.open_dossier('ondermijning')$$);
RESET SESSION AUTHORIZATION;
SELECT casus.set_parameter('ondermijning', 'startdatum', '"2021-12-01"') IS NOT NULL AS set;
SET SESSION AUTHORIZATION gates_coordinator;
-- [B-16] [B-28] [B-29] nothing is told but what the gates of the intake ask for: a key that none of them knows is named,
-- never its value, and nothing is stored.
SELECT try($$casus.open_dossier('ondermijning', '{"aandrager": "burger", "naam_melder": "P. de Vries", "bsn": "123456782", "toelichting": "x"}')$$);
SELECT try($$casus.open_dossier('ondermijning', '["P. de Vries"]')$$);
-- What is told is of the kind that the intake asks for, whether it will be asked for or not; what is missing comes later.
SELECT try($$casus.open_dossier('ondermijning', '{"aandrager": "P. de Vries", "melddatum": "2026-02-30", "grondgebied": "ja", "toelichting": 7, "organisatie": null, "aanleiding": " "}')$$);
SELECT count(*) FROM casus.dossier;
SELECT casus.open_dossier('ondermijning', '{"aandrager": "professional", "organisatie": "politie", "melddatum": "2026-11-02"}') AS d \gset
SELECT try($$casus.decide($d, 'intake', 'signaal', details => '{"naam\nmelder": "P. de Vries", "aanwezig": ["P. de Vries"]}')$$, :d);

-- A dossier that is not one's own looks like one that does not exist, whatever one tries.
SET SESSION AUTHORIZATION gates_nobody;
SELECT try('casus.advance($d, ''zwaarte'')', :d) = try('casus.advance(0, ''zwaarte'')') AS same,
	try('casus.advance($d, ''zwaarte'')', :d);
SET SESSION AUTHORIZATION gates_handhaving;
SELECT try(a, :d) = try(replace(a, '$d', '0')) AS same, try(a, :d) FROM unnest(ARRAY[
	'casus.decide($d, ''intake'', ''signaal'')', 'casus.decide($d, ''bestaat_niet'', ''x'')', 'casus.advance($d, ''zwaarte'')',
	'casus.involve($d, party => ''subsidies'')', 'casus.end_involvement($d, party => ''subsidies'')',
	'casus.share($d, NULL, ''{subsidies}'')', 'casus.unshare($d, NULL, ''{subsidies}'')',
	'casus.close_dossier($d)', 'casus.checklist($d)']) a;

-- Intake.  No phase is skipped, none is entered without its gate [B-7] [B-19].
SET SESSION AUTHORIZATION gates_coordinator;
SELECT p, try(format('casus.advance($d, %L)', p), :d) FROM unnest('{intake,zwaarte,bronnenonderzoek,voorbereiden,overleg,regie,afsluiten,opschaling,niet_verder,elders}'::text[]) p;
SELECT try('casus.close_dossier($d)', :d);
-- [B-77] the minimum of Bijlage 6; what was told at opening counts.
SELECT try($$casus.decide($d, 'intake', 'signaal', 'klaar')$$, :d);
-- [B-78] one indicator of Bijlage 1, a municipal task of Bijlage 9, the territory; [B-23] the power from the list.
SELECT try($$casus.decide($d, 'intake', 'signaal', details => '{"aanleiding": "telefoon", "beschrijving": "loods", "personalia": "onbekend",
	"indicatoren": [], "bevoegdheid": "opiumwet_13b", "grondgebied": true}')$$, :d);
SELECT try($$casus.decide($d, 'intake', 'signaal', details => '{"aanleiding": " ", "beschrijving": 7, "personalia": "misschien", "melddatum": "2026-02-30",
	"indicatoren": ["vastgoedfraude_leegstand", "zomaar"], "bevoegdheid": "zomaar", "grondgebied": false}')$$, :d);
SELECT try($$casus.decide($d, 'intake', 'signaal', details => '{"aanleiding": "telefoon", "beschrijving": "loods", "personalia": "onbekend",
	"indicatoren": "vastgoedfraude_leegstand", "bevoegdheid": ["opiumwet_13b"], "grondgebied": "true"}')$$, :d);
-- [B-23] another article than those listed asks for its motivation.
SELECT try($$casus.decide($d, 'intake', 'signaal', details => '{"aanleiding": "telefoon", "beschrijving": "loods", "personalia": "onbekend",
	"indicatoren": ["vastgoedfraude_leegstand"], "bevoegdheid": "andere", "grondgebied": true}')$$, :d);
-- [B-21] the basis is one of those of art. 6.1 to 6.3, and is recorded also where nobody names it.
SELECT try($$casus.decide($d, 'intake', 'signaal', details => '{"aanleiding": "telefoon", "beschrijving": "loods", "personalia": "onbekend",
	"indicatoren": ["vastgoedfraude_leegstand"], "bevoegdheid": "opiumwet_13b", "grondgebied": true, "grondslag": "toestemming"}')$$, :d);
SELECT try($$casus.decide($d, 'intake', 'signaal', details => '{"aanleiding": "telefoon", "beschrijving": "loods", "personalia": "onbekend",
	"indicatoren": ["vastgoedfraude_leegstand"], "bevoegdheid": "opiumwet_13b", "grondgebied": true, "grondslag": null}')$$, :d);
SELECT try($$casus.decide($d, 'intake', 'misschien')$$, :d);
SELECT try($$casus.decide($d, 'intake', NULL)$$, :d);
SELECT try($$casus.decide($d, 'weging', 'signaal')$$, :d);
-- Details that are no object are refused.
SELECT try($$casus.decide($d, 'intake', 'signaal', details => '[1, 2]')$$, :d);
SELECT try($$casus.decide($d, 'intake', 'signaal', details => '"x"')$$, :d);
-- [B-13] [B-16] what is given for a key that is not asked for here, by outcome or condition, is of its kind all the same; only that it
-- is missing, blank, short or otherwise than another outcome wants is no fault.
SELECT try($$casus.decide($d, 'intake', 'geen_signaal', details => '{"aanleiding": "telefoon", "beschrijving": "loods", "personalia": "onbekend", "toelichting": "niets",
	"indicatoren": ["P. de Vries"], "bevoegdheid": "P. de Vries", "bevoegdheid_motivering": ["P. de Vries"], "grondgebied": "P. de Vries"}')$$, :d);
BEGIN;
SELECT try($$casus.decide($d, 'intake', 'geen_signaal', details => '{"aanleiding": "telefoon", "beschrijving": "loods", "personalia": "onbekend", "toelichting": "niets",
	"indicatoren": [], "bevoegdheid": "", "bevoegdheid_motivering": " ", "grondgebied": false}')$$, :d);
ROLLBACK;
-- A gate of a later phase.
SELECT g, try(format('casus.decide($d, %L, %L)', g, o), :d) FROM (VALUES ('zwaarte', 'zwaar_genoeg'), ('bronnen', 'raadplegen'), ('hits', 'bevestigd'),
	('delen', 'delen'), ('casus', 'casus'), ('plan', 'vastgesteld'), ('afsluiten', 'afsluiten'), ('opschaling', 'opschalen')) v(g, o);
-- [B-38] [B-84] nothing is shared in the intake, and the FG, who may know of the dossier, decides nothing [B-74].
SELECT try($$casus.share($d, NULL, '{bestuurlijke_handhaving}')$$, :d);
SET SESSION AUTHORIZATION gates_fg;
SELECT try($$casus.decide($d, 'intake', 'geen_signaal')$$, :d);
SELECT try($$casus.advance($d, 'zwaarte')$$, :d);
SELECT try($$casus.involve($d, party => 'subsidies')$$, :d);
SET SESSION AUTHORIZATION gates_coordinator;
-- None of this left an act but the opening.
SELECT kind, motivation FROM casus.act_log WHERE dossier = :d;
SELECT gate, outcomes, key, list, is_met, article FROM casus.checklist(:d);
SELECT try($$casus.decide($d, 'intake', 'signaal', 'voldoet', '{"aanleiding": "telefoon", "beschrijving": "loods", "personalia": "onbekend",
	"indicatoren": ["vastgoedfraude_leegstand"], "bevoegdheid": "opiumwet_13b", "grondgebied": true}')$$, :d);
RESET SESSION AUTHORIZATION;
GRANT CREATE ON SCHEMA public TO gates_coordinator;
SET SESSION AUTHORIZATION gates_coordinator;
BEGIN;
SELECT casus.enter('intake', :d);
SELECT details ->> 'grondslag' AS grondslag, details ->> 'bevoegdheid' AS bevoegdheid FROM casus.decision WHERE dossier = :d AND gate = 'intake'; -- [B-21]
-- No table is protected here, and yet nothing keeps what was written: no held cursor, no definition, and no statement inside.  A020
SAVEPOINT before;
CREATE FUNCTION pg_temp.keep(text, what text) RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE what; END$$;
SAVEPOINT s;
DECLARE c CURSOR WITH HOLD FOR SELECT details FROM casus.decision;
ROLLBACK TO s;
SELECT pg_temp.keep(details::text, 'ALTER ROLE CURRENT_USER SET application_name = x') FROM casus.decision WHERE gate = 'intake';
ROLLBACK TO s;
SELECT pg_temp.keep(details::text, 'SELECT 1 AS x INTO gates_kept') FROM casus.decision WHERE gate = 'intake';
ROLLBACK TO s;
-- Nor a function that keeps what it is given, from the view or from one that reads it, or a sequence.
SELECT lo_from_bytea(0, convert_to(details::text, 'UTF8')) > 0 AS kept FROM casus.decision WHERE gate = 'intake';
ROLLBACK TO s;
CREATE FUNCTION pg_temp.look(text) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100000 AS
	$$BEGIN RETURN (SELECT details FROM casus.decision WHERE gate = 'intake'); END$$;
SAVEPOINT s;
SELECT lo_from_bytea(0, convert_to(pg_temp.look(''), 'UTF8')) > 0 AS kept;
ROLLBACK TO s;
DO $$BEGIN PERFORM lo_put(lo_create(0), 0, convert_to(pg_temp.look(''), 'UTF8')); END$$;
ROLLBACK TO s;
CREATE SEQUENCE pg_temp.gates_kept;
SELECT setval('pg_temp.gates_kept', length(details::text)) > 0 AS kept FROM casus.decision WHERE gate = 'intake';
ROLLBACK TO s;
-- Nor what a worker has read.
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL parallel_leader_participation = off;
CREATE TABLE gates_kept AS SELECT pg_temp.look(amname) FROM pg_am;
ROLLBACK TO before;
COMMIT;
RESET SESSION AUTHORIZATION;
REVOKE CREATE ON SCHEMA public FROM gates_coordinator;
SET SESSION AUTHORIZATION gates_coordinator;
-- The gate is decided for one way only.
SELECT try($$casus.advance($d, 'niet_verder')$$, :d);
SELECT gate, outcomes, leads_to, is_met, article FROM casus.checklist(:d) WHERE key IS NULL;
SET SESSION AUTHORIZATION gates_fg;
SELECT try($$casus.advance($d, 'zwaarte')$$, :d);
SET SESSION AUTHORIZATION gates_coordinator;
SELECT try($$casus.advance($d, 'zwaarte')$$, :d);

-- Zwaarte [B-30]: one of the criteria of Bijlage 7, explained [B-79]; where it is best handled [B-80].
SELECT p, try(format('casus.advance($d, %L)', p), :d) FROM unnest('{intake,bronnenonderzoek,voorbereiden,overleg,niet_verder}'::text[]) p;
SELECT try($$casus.decide($d, 'intake', 'geen_signaal')$$, :d);
SELECT try($$casus.decide($d, 'zwaarte', 'zwaar_genoeg')$$, :d);
SELECT try($$casus.decide($d, 'zwaarte', 'zwaar_genoeg', details => '{"criteria": ["gevoel"], "toelichting": "x"}')$$, :d);
SELECT try($$casus.decide($d, 'zwaarte', 'elders', details => '{"toelichting": "hoort bij Bibob"}')$$, :d);
SELECT try($$casus.decide($d, 'zwaarte', 'elders', details => '{"toelichting": "hoort bij Bibob", "waar": "vergunningen"}')$$, :d);
-- The newest decision counts: best handled elsewhere does not lead on, heavy enough does.
SELECT try($$casus.advance($d, 'bronnenonderzoek')$$, :d);
SELECT try($$casus.decide($d, 'zwaarte', 'zwaar_genoeg', details => '{"criteria": ["bestuurlijke_integriteit"], "toelichting": "ambtenaar betrokken"}')$$, :d);
SELECT try($$casus.advance($d, 'niet_verder')$$, :d);
SELECT try($$casus.advance($d, 'bronnenonderzoek')$$, :d);

-- Bronnenonderzoek [B-31]: the question first, then what the hits say [B-83], also when there is no hit.
SELECT try($$casus.decide($d, 'hits', 'bevestigd', details => '{"toelichting": "twee hits"}')$$, :d);
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster", "sociale_media"], "standaard": "afwijking"}')$$, :d);
-- [B-31] [B-82] where no source is asked, no hit confirms anything.
SELECT try($$casus.decide($d, 'bronnen', 'niet_raadplegen', details => '{"toelichting": "al bekend"}')$$, :d);
SELECT try($$casus.decide($d, 'hits', 'bevestigd', details => '{"toelichting": "twee hits"}')$$, :d);
-- [B-81] where the file has no Standaarden nothing is asked by one: the FG's advice and why one goes beyond them.
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "standaard"}')$$, :d);
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "afwijking"}')$$, :d);
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "afwijking",
	"fg_advies": "akkoord, 2026-11-03", "afwijking_motivering": "geen Standaard voor loodsen"}')$$, :d);
-- Nor where what it has is nothing that is written.
RESET SESSION AUTHORIZATION;
SELECT casus.set_parameter('ondermijning', 'standaarden', '[""]') IS NOT NULL AS set;
SET SESSION AUTHORIZATION gates_coordinator;
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "standaard"}')$$, :d);
RESET SESSION AUTHORIZATION;
SELECT casus.set_parameter('ondermijning', 'standaarden', '[null, " "]') IS NOT NULL AS set;
SET SESSION AUTHORIZATION gates_coordinator;
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "standaard"}')$$, :d);
RESET SESSION AUTHORIZATION;
SELECT casus.set_parameter('ondermijning', 'standaarden', '["hennep in bedrijfspanden: kadaster, kvk"]') IS NOT NULL AS set;
SET SESSION AUTHORIZATION gates_coordinator;
-- [B-81] which one is on record: the only one that the file has; of several one that is named, and that the file has.
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "standaard", "standaarden": ["leegstand: bag"]}')$$, :d);
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "standaard"}')$$, :d);
RESET SESSION AUTHORIZATION;
SELECT casus.set_parameter('ondermijning', 'standaarden', '["hennep in bedrijfspanden: kadaster, kvk", "leegstand: bag", ""]') IS NOT NULL AS set;
SET SESSION AUTHORIZATION gates_coordinator;
SELECT try(format($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "standaard"}'::jsonb || %L)$$, s), :d)
	FROM unnest(ARRAY['{}', '{"standaarden": []}', '{"standaarden": ["leegstand"]}', '{"standaarden": [""]}', '{"standaarden": "leegstand: bag"}', '{"standaarden": ["leegstand: bag"]}']) s;
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "afwijking", "standaarden": ["leegstand"], "fg_advies": "akkoord", "afwijking_motivering": "x"}')$$, :d);
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "afwijking", "fg_advies": "akkoord", "afwijking_motivering": "x"}')$$, :d);
BEGIN;
SELECT casus.enter('bronnenonderzoek', :d) \g /dev/null
SELECT details ->> 'standaard' AS standaard, details -> 'standaarden' AS standaarden FROM casus.decision WHERE dossier = :d AND gate = 'bronnen' AND outcome = 'raadplegen' ORDER BY act;
COMMIT;
-- A file that names the document in which they stand says nothing of which there are.
RESET SESSION AUTHORIZATION;
SELECT casus.set_parameter('ondermijning', 'standaarden', '"Bijlage 3 van de Werkprocesbeschrijving"') IS NOT NULL AS set;
SET SESSION AUTHORIZATION gates_coordinator;
SELECT try($$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "standaard"}')$$, :d);
RESET SESSION AUTHORIZATION;
SELECT casus.set_parameter('ondermijning', 'standaarden', '["hennep in bedrijfspanden: kadaster, kvk"]') IS NOT NULL AS set;
SET SESSION AUTHORIZATION gates_coordinator;
SELECT try($$casus.decide($d, 'hits', 'bevestigd')$$, :d);
SELECT try($$casus.advance($d, 'voorbereiden')$$, :d);
SELECT try($$casus.decide($d, 'hits', 'bevestigd', details => '{"toelichting": "twee hits"}')$$, :d);
SELECT try($$casus.advance($d, 'voorbereiden')$$, :d);

-- Voorbereiden [B-32]: what may be shared with which department; before that decision nothing is.
SELECT try($$casus.share($d, NULL, '{bestuurlijke_handhaving}')$$, :d);
SELECT try($$casus.decide($d, 'delen', 'delen', details => '{"afdelingen": ["groenvoorziening"], "noodzaak": ""}')$$, :d);
SELECT try($$casus.advance($d, 'overleg')$$, :d);
SELECT try($$casus.decide($d, 'delen', 'delen', details => '{"afdelingen": ["bestuurlijke_handhaving", "belastingen_en_woz"], "noodzaak": "eigen taak"}')$$, :d);
SELECT try($$casus.share($d, NULL, '{groenvoorziening}')$$, :d);
SELECT try($$casus.share($d, '{0}', '{bestuurlijke_handhaving}')$$, :d);
SELECT try($$casus.share($d, '{}', '{bestuurlijke_handhaving}')$$, :d);
SELECT try($$casus.share($d, NULL, '{}')$$, :d);
SELECT try($$casus.share($d, NULL, NULL)$$, :d);
-- [B-84] only with the departments of the newest decision; items as such are in sql/share.sql.
SELECT try($$casus.share($d, NULL, '{bestuurlijke_handhaving,subsidies}')$$, :d);
BEGIN;
SELECT try($$casus.decide($d, 'delen', 'delen', details => '{"afdelingen": ["subsidies"], "noodzaak": "eigen taak"}')$$, :d);
SELECT try($$casus.share($d, NULL, '{bestuurlijke_handhaving}')$$, :d), try($$casus.share($d, NULL, '{subsidies}')$$, :d);
SELECT try($$casus.unshare($d, NULL, '{subsidies}')$$, :d);
SELECT try($$casus.decide($d, 'delen', 'niets_te_delen', details => '{"toelichting": "toch niet", "afdelingen": ["subsidies"]}')$$, :d);
SELECT try($$casus.share($d, NULL, '{subsidies}')$$, :d);
ROLLBACK;
SELECT try($$casus.share($d, NULL, '{bestuurlijke_handhaving,belastingen_en_woz}', 'nodig')$$, :d);
SELECT try($$casus.involve($d, party => 'bestuurlijke_handhaving', reason => 'panden')$$, :d);
SELECT try($$casus.involve($d, party => 'groenvoorziening')$$, :d);
SELECT try($$casus.involve($d)$$, :d);
SELECT try($$casus.involve($d, party => 'subsidies', office => 'coordinator')$$, :d);
SELECT try($$casus.advance($d, 'overleg')$$, :d);

-- Overleg [B-33]: taken by the meeting, with delegates of two involved departments at least [B-85].
SET SESSION AUTHORIZATION gates_handhaving;
SELECT try($$casus.decide($d, 'casus', 'casus')$$, :d);
SELECT try($$casus.advance($d, 'regie')$$, :d);
SELECT try($$casus.share($d, NULL, '{subsidies}')$$, :d);
SELECT try($$casus.involve($d, party => 'subsidies')$$, :d);
SET SESSION AUTHORIZATION gates_coordinator;
SELECT try($$casus.decide($d, 'plan', 'vastgesteld')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "ondermijning"}')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "ondermijning", "aanwezig": "Handhaving"}')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "ondermijning", "aanwezig": ["Handhaving", "Handhaving", "Coordinator"]}')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "ondermijning", "aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$casus.involve($d, party => 'belastingen_en_woz', reason => 'woz')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "ondermijning", "aanwezig": ["Handhaving", "Sinterklaas"]}')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "ondermijning", "aanwezig": ["Handhaving", "Subsidies"]}')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'monodisciplinair', details => '{"toelichting": "geen ondermijning", "aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$casus.close_dossier($d)$$, :d);
SELECT try($$casus.decide($d, 'casus', 'casus', details => '{"toelichting": "ondermijning", "aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT p, try(format('casus.advance($d, %L)', p), :d) FROM unnest('{regie,opschaling,afsluiten,niet_verder}'::text[]) p;
SELECT try($$casus.decide($d, 'plan', 'vastgesteld', details => '{"aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$casus.decide($d, 'plan', 'vastgesteld', details => '{"plan": "controle", "bevoegdheden": ["woningwet", "andere"], "gegevensuitwisseling": "adressen",
	"aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$casus.decide($d, 'plan', 'vastgesteld', details => '{"plan": "controle", "bevoegdheden": ["woningwet"], "gegevensuitwisseling": "adressen",
	"aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$casus.advance($d, 'regie')$$, :d);

-- Regie [B-34] [B-86]: the Overleg decides to close [B-88]; to go on keeps it open.
SELECT try($$casus.close_dossier($d)$$, :d);
-- [B-87] the decision that ends it says what is to be provided then; the one to go on, below, does not.
SELECT try($$casus.decide($d, 'afsluiten', 'afsluiten', details => '{"toelichting": "klaar"}')$$, :d);
SELECT try($$casus.decide($d, 'opschaling', 'opschalen', details => '{"toelichting": "klaar", "te_verstrekken": " "}')$$, :d);
SELECT try($$casus.decide($d, 'afsluiten', 'afsluiten', details => '{"toelichting": "klaar", "te_verstrekken": "niets"}')$$, :d);
SELECT try($$casus.decide($d, 'afsluiten', 'voortzetten', details => '{"toelichting": "nog bezig", "aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$casus.close_dossier($d)$$, :d);
-- A delegate who no longer takes part does not count as present.
SELECT try($$casus.end_involvement($d, party => 'belastingen_en_woz', reason => 'klaar')$$, :d);
SELECT try($$casus.end_involvement($d, party => 'belastingen_en_woz')$$, :d);
SELECT try($$casus.decide($d, 'afsluiten', 'afsluiten', details => '{"toelichting": "klaar", "te_verstrekken": "niets", "aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$casus.involve($d, party => 'belastingen_en_woz')$$, :d);
SELECT try($$casus.decide($d, 'afsluiten', 'afsluiten', 'klaar', '{"toelichting": "klaar", "te_verstrekken": "niets", "aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$casus.close_dossier($d, 'afgerond')$$, :d);
-- No way back; the clock runs from the day of the decision.
SELECT p, try(format('casus.advance($d, %L)', p), :d) FROM unnest('{intake,regie,opschaling,afsluiten}'::text[]) p;
SELECT try($$casus.decide($d, 'afsluiten', 'afsluiten')$$, :d);
-- Nobody joins what has ended, in whatever office.
SELECT try($$casus.involve($d, party => 'subsidies')$$, :d);
SELECT try($$casus.involve($d, person => 'Handhaving', party => 'bestuurlijke_handhaving', office => 'casusregisseur')$$, :d);
SELECT try($$casus.share($d, NULL, '{subsidies}')$$, :d);
SELECT phase, clock = (clock_timestamp() AT TIME ZONE 'Europe/Amsterdam')::date AS today, closed_at IS NOT NULL AS closed FROM casus.dossier WHERE id = :d;

-- [B-5] [B-90] the controller of each act: of the file, and from the choice of a power on whose power it is.
SELECT kind, controller FROM casus.act_log WHERE dossier = :d ORDER BY id;
-- Who decided what is seen without content by the FG [B-74].
SET SESSION AUTHORIZATION gates_fg;
SELECT gate, outcome, phase, person, office, motivation, details FROM casus.decision WHERE dossier = :d ORDER BY act;

-- Niet verder, from each of the first four phases.
RESET SESSION AUTHORIZATION;
CREATE TABLE way (n int, act text);
INSERT INTO way VALUES
(1, $$casus.decide($d, 'intake', 'signaal', 'voldoet', '{"aandrager": "burger", "melddatum": "2026-11-02", "aanleiding": "brief", "beschrijving": "loods", "personalia": "bekend",
	"indicatoren": ["vastgoedfraude_leegstand"], "bevoegdheid": "andere", "bevoegdheid_motivering": "art. 5.1 Omgevingswet", "grondgebied": true}')$$),
(2, $$casus.advance($d, 'zwaarte')$$),
(3, $$casus.decide($d, 'zwaarte', 'zwaar_genoeg', details => '{"criteria": ["politie"], "toelichting": "melding politie"}')$$),
(4, $$casus.advance($d, 'bronnenonderzoek')$$),
(5, $$casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "standaard"}')$$),
(6, $$casus.decide($d, 'hits', 'bevestigd', details => '{"toelichting": "voldoende"}')$$),
(7, $$casus.advance($d, 'voorbereiden')$$),
(8, $$casus.decide($d, 'delen', 'delen', details => '{"afdelingen": ["subsidies"], "noodzaak": "subsidie"}')$$),
(9, $$casus.advance($d, 'overleg')$$);
GRANT SELECT ON way TO PUBLIC;
-- A fresh dossier, led the first steps of the way.
CREATE FUNCTION walk(upto int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	d bigint := casus.open_dossier('ondermijning');
	a text;
BEGIN
	FOR a IN SELECT act FROM way WHERE n <= upto ORDER BY n LOOP
		EXECUTE 'SELECT ' || replace(a, '$d', d::text);
	END LOOP;
	RETURN d;
END $$;
SET SESSION AUTHORIZATION gates_coordinator;
SELECT walk(0) AS d \gset
-- [B-77] "indien bekend": that the date is not known can be said, and is said.
SELECT try($$casus.decide($d, 'intake', 'geen_signaal', details => '{"aandrager": "anoniem", "aanleiding": "brief", "beschrijving": "burenruzie",
	"personalia": "onbekend", "toelichting": "geen ondermijning"}')$$, :d);
SELECT try($$casus.decide($d, 'intake', 'geen_signaal', details => '{"aandrager": "anoniem", "melddatum_bekend": "onbekend", "aanleiding": "brief", "beschrijving": "burenruzie",
	"personalia": "onbekend", "toelichting": "geen ondermijning"}')$$, :d), try($$casus.advance($d, 'zwaarte')$$, :d), try($$casus.advance($d, 'niet_verder')$$, :d);
SELECT walk(2) AS d \gset
SELECT try($$casus.decide($d, 'zwaarte', 'te_licht', details => '{"toelichting": "geen criterium"}')$$, :d),
	try($$casus.advance($d, 'bronnenonderzoek')$$, :d), try($$casus.advance($d, 'niet_verder')$$, :d);
SELECT walk(4) AS d \gset
SELECT try($$casus.decide($d, 'bronnen', 'niet_raadplegen', details => '{"toelichting": "al bekend"}')$$, :d),
	try($$casus.advance($d, 'voorbereiden')$$, :d), try($$casus.advance($d, 'niet_verder')$$, :d);
SELECT walk(5) AS d \gset
SELECT try($$casus.decide($d, 'hits', 'niet_bevestigd', details => '{"toelichting": "no hit"}')$$, :d),
	try($$casus.advance($d, 'voorbereiden')$$, :d), try($$casus.advance($d, 'niet_verder')$$, :d);
SELECT walk(7) AS d \gset
SELECT try($$casus.decide($d, 'delen', 'niets_te_delen', details => '{"toelichting": "geen noodzaak"}')$$, :d),
	try($$casus.share($d, NULL, '{subsidies}')$$, :d), try($$casus.advance($d, 'overleg')$$, :d), try($$casus.advance($d, 'niet_verder')$$, :d);
SELECT phase, clock IS NOT NULL AS clock_runs, count(*) FROM casus.dossier GROUP BY 1, 2 ORDER BY 1;

-- [B-33] In the Overleg the meeting decides: a department that the preparation did not name may see it too.
SELECT walk(9) AS d \gset
SELECT try($$casus.share($d, NULL, '{bestuurlijke_handhaving}')$$, :d);

-- From the Overleg: mono- or multidisciplinary handling closes it, the RIEC takes it over [B-85].
SELECT walk(9) AS d \gset
SELECT try($$casus.involve($d, party => 'subsidies')$$, :d), try($$casus.involve($d, person => 'Handhaving')$$, :d);
SELECT try($$casus.decide($d, 'casus', 'multidisciplinair', details => '{"toelichting": "geen ondermijning", "afdelingen": ["subsidies"], "aanwezig": ["Subsidies", "Handhaving"]}')$$, :d),
	try($$casus.advance($d, 'regie')$$, :d), try($$casus.close_dossier($d)$$, :d);
SELECT walk(9) AS d \gset
SELECT try($$casus.involve($d, party => 'subsidies')$$, :d), try($$casus.involve($d, party => 'bestuurlijke_handhaving')$$, :d);
SELECT try($$casus.advance($d, 'opschaling')$$, :d),
	try($$casus.decide($d, 'opschaling', 'opschalen', details => '{"toelichting": "bovenlokaal", "te_verstrekken": "alles", "aanwezig": ["Subsidies", "Handhaving"]}')$$, :d),
	try($$casus.advance($d, 'opschaling')$$, :d);

-- [B-4] the casusregisseur is appointed for one dossier, by the coordinator, and for that one only; by a department that takes part in it.
SELECT walk(9) AS d \gset
SELECT walk(9) AS e \gset
SELECT try($$casus.involve($d, person => 'Handhaving', office => 'casusregisseur', reason => 'panden')$$, :d);
SELECT try($$casus.involve($d, person => 'Handhaving', party => 'bestuurlijke_handhaving', office => 'casusregisseur', reason => 'panden')$$, :d);
SELECT try($$casus.involve($d, party => 'bestuurlijke_handhaving')$$, :d);
SELECT try($$casus.involve($d, person => 'Handhaving', party => 'bestuurlijke_handhaving', office => 'casusregisseur', reason => 'panden')$$, :d);
SELECT try($$casus.appoint('Fg', 'ondermijning', 'bestuurlijke_handhaving', 'casusregisseur', dossier => $d)$$, :d);
SELECT try($$casus.appoint('Handhaving', 'ondermijning', 'bestuurlijke_handhaving', 'casusregisseur', dossier => $d)$$, 0);
SET SESSION AUTHORIZATION gates_handhaving;
SELECT office, party, dossier = :d AS this_one FROM casus.appointment WHERE office = 'casusregisseur';
SELECT count(*) FILTER (WHERE id = :d) AS this_one, count(*) FILTER (WHERE id = :e) AS other FROM casus.dossier;
SELECT try('casus.checklist($d)', :e);
SELECT try($$casus.advance($d, 'regie')$$, :d);
SET SESSION AUTHORIZATION gates_coordinator;
SELECT try($$casus.end_involvement($d, person => 'Handhaving')$$, :d);
SELECT party, ends IS NULL AS takes_part, office FROM casus.participant WHERE dossier = :d ORDER BY 1, 3;
-- It ends with the part that the department takes, its deputies' with it; that of another department does not.
SELECT try($$casus.involve($d, party => 'subsidies')$$, :d);
SELECT try($$casus.involve($d, person => 'Subsidies', party => 'subsidies', office => 'casusregisseur')$$, :d);
SELECT try($$casus.involve($d, person => 'Handhaving', party => 'bestuurlijke_handhaving', office => 'casusregisseur')$$, :d);
SELECT id AS regisseur FROM casus.appointment WHERE office = 'casusregisseur' AND person = 'Handhaving' AND holds_now \gset
SELECT try(format('casus.deputise(%s, %L)', :regisseur, 'Belastingen'));
SELECT try($$casus.end_involvement($d, party => 'bestuurlijke_handhaving')$$, :d);
SELECT person, party FROM casus.appointment WHERE office = 'casusregisseur' AND dossier = :d AND holds_now;
SELECT try($$casus.involve($d, person => 'Handhaving', party => 'bestuurlijke_handhaving', office => 'casusregisseur')$$, :d);
RESET SESSION AUTHORIZATION;
SELECT try($$casus.end_membership('ondermijning', 'subsidies')$$), try($$casus.add_party('ondermijning', 'subsidies')$$);
SELECT count(*) FROM casus.appointment WHERE office = 'casusregisseur' AND dossier = :d AND holds_now;
SET SESSION AUTHORIZATION gates_handhaving;
SELECT count(*) FROM casus.dossier WHERE id = :d;

-- A rolled-back act has not happened.
SET SESSION AUTHORIZATION gates_coordinator;
SELECT walk(1) AS d \gset
BEGIN;
SELECT try($$casus.advance($d, 'zwaarte')$$, :d);
ROLLBACK;
SELECT phase FROM casus.dossier WHERE id = :d;
SELECT count(*) FROM casus.act_log WHERE dossier = :d AND kind = 'advance';
-- The attempt is on record all the same, as are the refusals.
SELECT try($$casus.advance($d, 'overleg')$$, :d);
SELECT kind, text, code FROM casus.access_log WHERE dossiers = ARRAY[:d::bigint] OR (kind = 'refusal' AND code LIKE '%wrong_phase') ORDER BY seq DESC LIMIT 6;

RESET SESSION AUTHORIZATION;
DROP ROLE gates_coordinator, gates_handhaving, gates_belastingen, gates_subsidies, gates_fg, gates_nobody;
