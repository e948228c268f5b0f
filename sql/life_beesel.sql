-- The life of a signal under Beesel, from intake to closing, with a table of signals and one of data about them: who
-- reads and who writes in each phase (requirements.md 2.4).  Gates in detail: sql/acts_gates.sql.
\set VERBOSITY terse
\pset format unaligned
\pset footer off
CREATE ROLE life_coordinator LOGIN;
CREATE ROLE life_regisseur LOGIN;
CREATE ROLE life_handhaving LOGIN;
CREATE ROLE life_belastingen LOGIN;
CREATE ROLE life_subsidies LOGIN;
CREATE ROLE life_fg LOGIN;
CREATE ROLE life_analyst LOGIN;
SELECT casus.install_protocol('beesel-2021') IS NOT NULL AS ok;
SELECT casus.open_file('beesel-2021', 'ondermijning') IS NOT NULL AS ok;
SELECT casus.activate_protocol('ondermijning', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": ["hennep in loodsen: kadaster"]}') IS NOT NULL AS ok;
SELECT count(casus.add_person(initcap(r), ('life_' || r)::regrole, oath_on => '2020-01-01')) AS persons
FROM unnest('{coordinator,regisseur,handhaving,belastingen,subsidies,fg}'::text[]) r;
SELECT count(casus.appoint(p, 'ondermijning', y, o)) AS appointments
FROM (VALUES ('Coordinator', NULL, 'coordinator'), ('Handhaving', 'bestuurlijke_handhaving', 'afgevaardigde'),
	('Belastingen', 'belastingen_en_woz', 'afgevaardigde'), ('Subsidies', 'subsidies', 'afgevaardigde'), ('Fg', NULL, 'fg')) v(p, y, o);

-- A signal is a dossier; each datum has a category of data, and of the person it is about [B-13].
CREATE TABLE signaal (nr serial PRIMARY KEY, titel text NOT NULL);
CREATE TABLE gegeven (nr serial PRIMARY KEY, signaal int NOT NULL REFERENCES signaal, soort text NOT NULL, over text, tekst text NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON signaal, gegeven TO PUBLIC;
GRANT USAGE ON SEQUENCE signaal_nr_seq, gegeven_nr_seq TO PUBLIC;
SELECT casus.protect('signaal', 'ondermijning', opens_dossier => true, category => 'registratie') \g /dev/null
SELECT casus.protect('gegeven', 'ondermijning', via => 'signaal', category_column => 'soort', subject_category_column => 'over') \g /dev/null
SELECT casus.bind('signaal', 'enforce') \g /dev/null
SELECT casus.bind('gegeven', 'enforce') \g /dev/null

CREATE FUNCTION try(act text, d bigint DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m text; t text; c text;
BEGIN
	EXECUTE replace(act, '$d', d::text);
	RETURN 'done';
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, t = PG_EXCEPTION_DETAIL, c = CONSTRAINT_NAME;
	RETURN concat_ws(' | ', SQLSTATE, nullif(c, ''), m, nullif(t, ''));
END $$;
CREATE FUNCTION look(role text, purpose text, d bigint, OUT reader text, OUT signals bigint, OUT data text, OUT refusal text)
LANGUAGE plpgsql AS $$
DECLARE
	t text; c text;
BEGIN
	PERFORM set_config('session_authorization', role, true);
	reader := role;
	PERFORM casus.enter(purpose, dossier => d);
	SELECT count(*) INTO signals FROM signaal;
	SELECT string_agg(tekst, ', ' ORDER BY nr) INTO data FROM gegeven;
EXCEPTION WHEN insufficient_privilege THEN
	GET STACKED DIAGNOSTICS t = PG_EXCEPTION_DETAIL, c = CONSTRAINT_NAME;
	refusal := concat_ws(' | ', c, nullif(t, ''));
END $$;
-- Everybody reads, one after the other, each as himself; the last two without any appointment.
CREATE FUNCTION look(purpose text, d bigint) RETURNS TABLE (reader text, signals bigint, data text, refusal text)
LANGUAGE plpgsql AS $$
DECLARE
	r text;
BEGIN
	FOREACH r IN ARRAY '{life_coordinator,life_regisseur,life_handhaving,life_belastingen,life_subsidies,life_fg,life_analyst,postgres}'::text[] LOOP
		SELECT l.* INTO reader, signals, data, refusal FROM look(r, purpose, d) l;
		RETURN NEXT;
	END LOOP;
	PERFORM set_config('session_authorization', 'postgres', true);
END $$;
-- Which of casus' own views tell a reader of the dossier.
CREATE FUNCTION knows(d bigint, OUT reader text, OUT dossier boolean, OUT participant boolean, OUT decision boolean, OUT sharing boolean, OUT act boolean)
RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOREACH reader IN ARRAY '{life_coordinator,life_regisseur,life_handhaving,life_subsidies,life_fg}'::text[] LOOP
		PERFORM set_config('session_authorization', reader, true);
		dossier := EXISTS (SELECT FROM casus.dossier x WHERE x.id = d);
		participant := EXISTS (SELECT FROM casus.participant x WHERE x.dossier = d);
		decision := EXISTS (SELECT FROM casus.decision x WHERE x.dossier = d);
		sharing := EXISTS (SELECT FROM casus.sharing x WHERE x.dossier = d);
		act := EXISTS (SELECT FROM casus.act_log x WHERE x.dossier = d);
		RETURN NEXT;
	END LOOP;
	PERFORM set_config('session_authorization', 'postgres', true);
END $$;

-- 1. Intake.  [B-93] the coordinator registers; a department cannot, and stores nothing.
SET SESSION AUTHORIZATION life_handhaving;
SELECT try($$INSERT INTO signaal (titel) VALUES ('eigen signaal')$$);
BEGIN;
SELECT try($$SELECT casus.enter('intake')$$);
SELECT try($$INSERT INTO signaal (titel) VALUES ('eigen signaal')$$);
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO signaal (nr, titel) VALUES (1001, 'loods') RETURNING titel, casus.dossier_of(casus_label) AS d \gset
INSERT INTO gegeven (signaal, soort, over, tekst) VALUES
	(1001, 'signaalomschrijving', NULL, 'hennep'), (1001, 'personalia', 'subject', 'Jansen'), (1001, 'organisatie', 'aandrager', 'politie');
-- [B-29] only what the intake needs: no sources yet.
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'kadaster', 'subject', 'eigenaar')$$);
-- [B-15] of a direct relation personalia, address and contact only; [B-16] of the melder no name; [B-13] nothing unlisted.
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'signaalomschrijving', 'relatie', 'zus')$$);
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'personalia', 'aandrager', 'agent')$$);
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'gezondheid', 'subject', 'ziek')$$);
COMMIT;
SELECT phase FROM casus.dossier WHERE id = :d;
RESET SESSION AUTHORIZATION;
BEGIN;
-- [B-38] [B-9] only the coordinator, and for the purpose of this phase.
SELECT * FROM look('intake', :d);
SELECT * FROM look('overleg', :d);
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
SELECT try($$SELECT casus.decide($d, 'intake', 'signaal', 'voldoet', '{"aandrager": "professional", "organisatie": "politie", "melddatum": "2026-11-02", "aanleiding": "melding",
	"beschrijving": "loods", "personalia": "bekend", "indicatoren": ["vastgoedfraude_leegstand"], "bevoegdheid": "opiumwet_13b", "grondgebied": true}')$$, :d);
BEGIN;
SELECT casus.enter('intake', dossier => :d);
SELECT count(*) FROM gegeven;
SELECT try($$SELECT casus.advance($d, 'zwaarte')$$, :d);
-- [B-8] [B-9] [B-19] the old purpose reads nothing any more, in the same transaction.
SELECT count(*) FROM gegeven;
COMMIT;

-- 2. Zwaarte [B-30], 3. bronnenonderzoek [B-31]: the coordinator alone.
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT * FROM look('zwaarte', :d);
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
SELECT try($$SELECT casus.decide($d, 'zwaarte', 'zwaar_genoeg', details => '{"criteria": ["politie"], "toelichting": "melding politie"}')$$, :d);
SELECT try($$SELECT casus.advance($d, 'bronnenonderzoek')$$, :d);
BEGIN;
SELECT casus.enter('bronnenonderzoek', dossier => :d);
-- [B-31] [B-82] no answer before the question: hit or no hit comes after the decision that a source is asked, as long as it stands.
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'hit_no_hit', 'subject', 'hit kadaster')$$);
SELECT try($$SELECT casus.decide($d, 'bronnen', 'niet_raadplegen', details => '{"toelichting": "al bekend"}')$$, :d);
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'hit_no_hit', 'subject', 'hit kadaster')$$);
SELECT verb, allowed, categories, code, article, reason FROM casus.why('gegeven', :d) WHERE code = 'casus.gate_missing' OR code = 'gate_missing';
SELECT try($$SELECT casus.decide($d, 'bronnen', 'raadplegen', details => '{"bronnen": ["kadaster"], "standaard": "standaard"}')$$, :d);
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'hit_no_hit', 'subject', 'hit kadaster')$$);
SAVEPOINT asked;
SELECT try($$SELECT casus.decide($d, 'bronnen', 'niet_raadplegen', details => '{"toelichting": "toch niet"}')$$, :d);
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'hit_no_hit', 'subject', 'no hit brp')$$);
ROLLBACK TO asked;
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'kadaster', 'subject', 'eigenaar')$$);
COMMIT;
SELECT try($$SELECT casus.decide($d, 'hits', 'bevestigd', details => '{"toelichting": "een hit"}')$$, :d);
SELECT try($$SELECT casus.advance($d, 'voorbereiden')$$, :d);

-- 4. Voorbereiden [B-32]: what is shared is decided here and seen from the Overleg on.
BEGIN;
SELECT casus.enter('voorbereiden', dossier => :d);
SELECT casus.item_of(casus_label) AS hit FROM gegeven WHERE soort = 'hit_no_hit' \gset
SELECT casus.item_of(casus_label) AS jansen FROM gegeven WHERE soort = 'personalia' \gset
COMMIT;
SELECT try($$SELECT casus.decide($d, 'delen', 'delen', details => '{"afdelingen": ["bestuurlijke_handhaving", "belastingen_en_woz"], "noodzaak": "panden"}')$$, :d);
SELECT casus.share(:d, ARRAY[:hit, :jansen], '{bestuurlijke_handhaving}', 'panden') IS NOT NULL AS shared;
SELECT casus.share(:d, ARRAY[:hit], '{belastingen_en_woz}', 'woz') IS NOT NULL AS shared;
SELECT try($$SELECT casus.involve($d, party => y) FROM unnest('{bestuurlijke_handhaving,belastingen_en_woz}'::text[]) y$$, :d);
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT * FROM look('voorbereiden', :d);
-- Who takes part later knows nothing yet [B-38]: casus.enter answers as where there is no dossier, for a purpose without rules too.
SELECT * FROM knows(:d);
SELECT r, p, n = :d AS is_there, l.signals, l.refusal FROM unnest('{life_handhaving,life_subsidies,life_coordinator}'::text[]) r, unnest('{overleg,rechten}'::text[]) p,
	unnest(ARRAY[:d, 999999999]) n, LATERAL look(r, p, n) l ORDER BY 1, 2, 3;
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
SELECT try($$SELECT casus.advance($d, 'overleg')$$, :d);

-- 5. Overleg [B-33] [B-38]: departments see what is shared with them, and nothing else.
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT * FROM look('overleg', :d);
COMMIT;
-- A department brings in data of its own task [B-20]; its own it sees, another's it changes not.
SET SESSION AUTHORIZATION life_belastingen;
BEGIN;
SELECT casus.enter('overleg', dossier => :d);
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'belastingen', 'subject', 'schuld')$$);
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'hit_no_hit', 'subject', 'nog een')$$);
SELECT try($$UPDATE gegeven SET tekst = 'anders' WHERE soort = 'hit_no_hit'$$);
COMMIT;
-- [B-71] a department that takes no part in this Overleg does not see what is shared with it.  (Provision to others where the law
-- obliges, recorded by the coordinator, is an act of a later version.)
SET SESSION AUTHORIZATION life_coordinator;
SELECT casus.share(:d, ARRAY[:hit], '{subsidies}', 'subsidie') IS NOT NULL AS shared;
SET SESSION AUTHORIZATION life_subsidies;
BEGIN;
SELECT try($$SELECT casus.enter('overleg')$$);
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'subsidies', 'subject', 'aanvraag')$$);
SELECT count(*) FROM gegeven;
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
SELECT casus.unshare(:d, ARRAY[:hit], '{subsidies}') IS NOT NULL AS unshared;
-- [B-4] a casusregisseur sees the whole casus of which he is casusregisseur.
SET SESSION AUTHORIZATION life_coordinator;
SELECT try($$SELECT casus.appoint('Regisseur', 'ondermijning', 'bestuurlijke_handhaving', 'casusregisseur', dossier => $d)$$, :d);
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT * FROM look('overleg', :d);
COMMIT;
SELECT party, person, office, ends IS NULL AS open FROM casus.participant WHERE dossier = :d ORDER BY 1, 2;
-- What was written about the whole dossier is not shared with it: a department reads no motivation, nor details.
SET SESSION AUTHORIZATION life_handhaving;
BEGIN;
SELECT casus.enter('overleg', dossier => :d);
SELECT count(*) AS acts, count(motivation) AS motivations, count(details) AS details FROM casus.act_log WHERE dossier = :d;
SELECT count(*) AS decisions, count(motivation) AS motivations, count(details) AS details FROM casus.decision WHERE dossier = :d;
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
BEGIN;
SELECT casus.enter('overleg', dossier => :d);
SELECT count(*) AS decisions, count(motivation) AS motivations, count(details) AS details FROM casus.decision WHERE dossier = :d;
COMMIT;
-- Sharing taken back, participation ended: gone with the next statement.
SET SESSION AUTHORIZATION life_coordinator;
SELECT casus.unshare(:d, ARRAY[:jansen], '{bestuurlijke_handhaving}') IS NOT NULL AS unshared;
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT * FROM look('life_handhaving', 'overleg', :d);
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
SELECT casus.share(:d, NULL, '{belastingen_en_woz}') IS NOT NULL AS shared;
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT * FROM look('life_belastingen', 'overleg', :d);
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
SELECT try($$SELECT casus.involve($d, person => 'Belastingen')$$, :d);
RESET SESSION AUTHORIZATION;
-- [B-1] A department that leaves takes part in nothing, nor does its delegate by name, and what was shared with it is not; when it comes back, its
-- delegate appointed anew, that is decided anew (1.30, 9.10).
SELECT casus.end_membership('ondermijning', 'belastingen_en_woz', 'reorganisatie') > 0 AND casus.add_party('ondermijning', 'belastingen_en_woz') > 0
	AND casus.appoint('Belastingen', 'ondermijning', 'belastingen_en_woz', 'afgevaardigde', reason => 'weer') > 0 AS back;
BEGIN;
SELECT * FROM look('life_belastingen', 'overleg', :d);
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
SELECT party, person, ends IS NULL AS takes_part FROM casus.participant WHERE dossier = :d ORDER BY 1, 2;
SELECT party, count(*), count(*) FILTER (WHERE ends IS NULL) AS open FROM casus.sharing WHERE dossier = :d GROUP BY 1 ORDER BY 1;
SELECT try($$SELECT casus.involve($d, party => 'belastingen_en_woz')$$, :d);
SELECT casus.share(:d, NULL, '{belastingen_en_woz}') IS NOT NULL AS shared;
SELECT try($$SELECT casus.end_involvement($d, party => 'belastingen_en_woz')$$, :d);
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT * FROM look('life_belastingen', 'overleg', :d);
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
SELECT try($$SELECT casus.involve($d, party => 'belastingen_en_woz')$$, :d);
SELECT try($$SELECT casus.decide($d, 'casus', 'casus', details => '{"toelichting": "ondermijning", "aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$SELECT casus.decide($d, 'plan', 'vastgesteld', details => '{"plan": "controle", "bevoegdheden": ["opiumwet_13b"], "gegevensuitwisseling": "adressen",
	"aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$SELECT casus.advance($d, 'regie')$$, :d);

-- 6. Regie [B-34] [B-86]: the same readers; progress is recorded.
SET SESSION AUTHORIZATION life_regisseur;
BEGIN;
SELECT casus.enter('regie');
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'voortgang', NULL, 'gecontroleerd')$$);
COMMIT;
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT * FROM look('regie', :d);
SELECT * FROM knows(:d);
COMMIT;
-- [B-39] The casusregisseur corrects what his department brought in, which stays responsible for it; not what others did [B-37].
CREATE FUNCTION progress(tekst text, d bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM casus.enter('regie', dossier => d);
	RETURN try(format('INSERT INTO gegeven (signaal, soort, tekst) VALUES (1001, %L, %L)', 'voortgang', tekst));
END $$;
SET SESSION AUTHORIZATION life_coordinator;
BEGIN; SELECT progress('coordinator', :d); COMMIT;
SET SESSION AUTHORIZATION life_handhaving;
BEGIN; SELECT progress('handhaving', :d); COMMIT;
SET SESSION AUTHORIZATION life_belastingen;
BEGIN; SELECT progress('belastingen', :d); COMMIT;
SET SESSION AUTHORIZATION life_regisseur;
BEGIN;
SELECT casus.enter('regie');
SELECT tekst, try(format('UPDATE gegeven SET tekst = %L WHERE nr = %s', tekst, nr)) FROM gegeven WHERE soort = 'voortgang' ORDER BY nr;
COMMIT;
SET SESSION AUTHORIZATION life_coordinator;
BEGIN;
SELECT casus.enter('regie');
DELETE FROM gegeven WHERE soort = 'voortgang' AND tekst <> 'gecontroleerd';
COMMIT;

-- [B-37] what is wrong is corrected by the coordinator, and by who brought it in [B-39]; by no other department.
SET SESSION AUTHORIZATION life_belastingen;
BEGIN;
SELECT casus.enter('regie', dossier => :d);
UPDATE gegeven SET tekst = 'geen schuld' WHERE soort = 'belastingen' RETURNING tekst;
SELECT try($$UPDATE gegeven SET tekst = 'no hit' WHERE soort = 'hit_no_hit'$$);
ROLLBACK;
SET SESSION AUTHORIZATION life_coordinator;
BEGIN;
SELECT casus.enter('regie', dossier => :d);
UPDATE gegeven SET tekst = tekst || ', gecorrigeerd' WHERE soort IN ('belastingen', 'hit_no_hit') RETURNING tekst;
ROLLBACK;

-- 7. Afsluiten [B-88]: the coordinator and the casusregisseur for six months [B-42]; what later stages show: TAP tests.
SET SESSION AUTHORIZATION life_coordinator;
SELECT try($$SELECT casus.decide($d, 'afsluiten', 'afsluiten', 'klaar', '{"toelichting": "klaar", "te_verstrekken": "niets", "aanwezig": ["Handhaving", "Belastingen"]}')$$, :d);
SELECT try($$SELECT casus.close_dossier($d, 'afgerond')$$, :d);
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT * FROM look('regie', :d);
SELECT * FROM look('afsluiten', :d);
-- And a department no more: only the coordinator and the casusregisseur do [B-42].
SELECT * FROM knows(:d);
COMMIT;
-- Nothing is added to what is closed.
SET SESSION AUTHORIZATION life_coordinator;
BEGIN;
SELECT casus.enter('afsluiten');
SELECT try($$INSERT INTO gegeven (signaal, soort, over, tekst) VALUES (1001, 'voortgang', NULL, 'later')$$);
COMMIT;
-- [B-38] motivations are content: to who may read the dossier now, and only then.
SELECT kind, motivation FROM casus.act_log WHERE dossier = :d AND kind IN ('decide', 'advance') ORDER BY id DESC LIMIT 2;
BEGIN;
SELECT casus.enter('afsluiten');
SELECT kind, motivation, purpose FROM casus.act_log WHERE dossier = :d AND kind IN ('decide', 'advance') ORDER BY id DESC LIMIT 2;
COMMIT;
SET SESSION AUTHORIZATION life_handhaving;
SELECT kind, motivation FROM casus.act_log WHERE dossier = :d AND kind IN ('decide', 'advance') ORDER BY id DESC LIMIT 2;

-- A dossier opened first takes the signal that is registered for it.
SET SESSION AUTHORIZATION life_coordinator;
BEGIN;
SELECT casus.open_dossier('ondermijning', motivation => 'telefoon') AS e \gset
SELECT casus.enter('intake', dossier => :e);
INSERT INTO signaal (titel) VALUES ('tweede') RETURNING casus.dossier_of(casus_label) = :e AS same;
COMMIT;
SELECT id = :e AS same, phase FROM casus.dossier WHERE closed_at IS NULL;

RESET SESSION AUTHORIZATION;
DROP ROLE life_coordinator, life_regisseur, life_handhaving, life_belastingen, life_subsidies, life_fg, life_analyst;
