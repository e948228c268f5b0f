-- casus.revoke_decision: a decision taken back before anything rests on it, and a closing one for a short term.
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
\pset footer off
SET client_min_messages = warning;
CREATE ROLE revoke_coord LOGIN;
CREATE ROLE revoke_deleg LOGIN;
SELECT count(*) FROM casus.install_protocol('beesel-2021');
SELECT count(*) FROM casus.open_file('beesel-2021', 'een');
SELECT count(*) FROM casus.activate_protocol('een', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": ["leegstand: handhaving"]}');
SELECT count(casus.add_person(name, role::regrole, oath_on => '2020-01-01')) FROM (VALUES ('Coord', 'revoke_coord'),
	('Deleg', 'revoke_deleg')) p (name, role);
SELECT count(casus.appoint(name, 'een', party, office, reason => 'test'))
	FROM (VALUES ('Coord', NULL, 'coordinator'), ('Deleg', 'subsidies', 'afgevaardigde')) a (name, party, office);
CREATE FUNCTION try(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE code text; message text; detail text;
BEGIN
	EXECUTE sql;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || code || ': ' || message || ': ' || detail;
END $$;
SET SESSION AUTHORIZATION revoke_coord;
SELECT casus.open_dossier('een', '{"aandrager": "anoniem", "melddatum": "2026-01-05", "aanleiding": "melding",
	"beschrijving": "drukte bij een loods", "personalia": "onbekend"}') AS d \gset
-- Not yet used: it counts no more, nor does the one that it took the place of.
SELECT casus.decide(:d, 'intake', 'geen_signaal', 'eerst', '{"indicatoren": [], "bevoegdheid": "opiumwet_13b", "grondgebied": true, "toelichting": "niets"}') IS NOT NULL AS act;
SELECT casus.decide(:d, 'intake', 'signaal', 'een indicator', '{"indicatoren": ["vastgoedfraude_contante_betalingen"],
	"bevoegdheid": "opiumwet_13b", "grondgebied": true}') AS a \gset
SELECT try(format('SELECT casus.revoke_decision(%s, NULL)', :a));
SELECT try('SELECT casus.revoke_decision(999999999, $$fout$$)');
SET SESSION AUTHORIZATION revoke_deleg;
SELECT try(format('SELECT casus.revoke_decision(%s, %L)', :a, 'fout'));
SET SESSION AUTHORIZATION revoke_coord;
SELECT casus.revoke_decision(:a, 'vergissing') IS NOT NULL AS act;
SELECT try(format('SELECT casus.revoke_decision(%s, %L)', :a, 'nog eens'));
SELECT try(format('SELECT casus.advance(%s, %L)', :d, 'zwaarte'));
SELECT try(format('SELECT casus.advance(%s, %L)', :d, 'niet_verder'));
SELECT gate, outcome, revoked_by IS NOT NULL AS revoked FROM casus.decision WHERE dossier = :d ORDER BY act;
-- Used: the dossier has gone on.
SELECT casus.decide(:d, 'intake', 'signaal', 'een indicator', '{"indicatoren": ["vastgoedfraude_contante_betalingen"],
	"bevoegdheid": "opiumwet_13b", "grondgebied": true}') AS a \gset
SELECT casus.advance(:d, 'zwaarte') IS NOT NULL AS act;
SELECT try(format('SELECT casus.revoke_decision(%s, %L)', :a, 'te laat'));
-- It ended the dossier: back into the phase before, as a new stay.
SELECT casus.decide(:d, 'zwaarte', 'te_licht', 'te licht', '{"toelichting": "te licht", "criteria": []}') AS z \gset
SELECT casus.advance(:d, 'niet_verder') IS NOT NULL AS act;
SELECT phase, clock IS NOT NULL AS clock, closed_at IS NOT NULL AS closed FROM casus.dossier WHERE id = :d;
SELECT casus.revoke_decision(:z, 'toch zwaar') IS NOT NULL AS act;
SELECT phase, clock IS NOT NULL AS clock, closed_at IS NOT NULL AS closed FROM casus.dossier WHERE id = :d;
SELECT try(format('SELECT casus.advance(%s, %L)', :d, 'niet_verder'));
SELECT casus.decide(:d, 'zwaarte', 'zwaar_genoeg', 'politie', '{"criteria": ["politie"], "toelichting": "gemeld"}') IS NOT NULL AS act;
SELECT casus.advance(:d, 'bronnenonderzoek') IS NOT NULL AS act;
-- Another gate rests on it: that one first.
SELECT casus.decide(:d, 'bronnen', 'raadplegen', 'bronnen', '{"bronnen": ["handhaving"], "standaard": "standaard"}') AS b \gset
SELECT casus.decide(:d, 'hits', 'bevestigd', 'hit', '{"toelichting": "een hit"}') AS h \gset
SELECT try(format('SELECT casus.revoke_decision(%s, %L)', :b, 'toch niet'));
SELECT casus.revoke_decision(:h, 'geen hit') IS NOT NULL AS act;
SELECT casus.revoke_decision(:b, 'toch niet') IS NOT NULL AS act;
SELECT try(format('SELECT casus.decide(%s, %L, %L, %L, %L)', :d, 'hits', 'bevestigd', 'hit', '{"toelichting": "een hit"}'));
RESET SESSION AUTHORIZATION;
-- Who ended it may take that back also where his office is of one dossier and reads nothing of it any more.
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/proef.sql'
\i :fixture
SELECT count(*) FROM casus.load_protocol(public.proef('{
	"offices": [{"name": "lead", "title": "Lead", "level": "file", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"},
		{"name": "holder", "title": "Holder", "level": "dossier", "appointed_by": ["casus_admin"], "excludes": [], "needs_oath": false, "article": "1"}],
	"gates": [{"name": "verder", "title": "Verder", "article": "3", "phases": ["intake"], "decided_by": "lead", "outcomes": ["ja"], "details": []},
		{"name": "sluiten", "title": "Sluiten", "article": "3", "phases": ["overleg"], "decided_by": "holder", "outcomes": ["ja"], "details": []}],
	"transitions": [{"from": ["intake"], "to": "overleg", "gate": "verder", "outcomes": ["ja"], "offices": ["lead"], "article": "3"},
		{"from": ["overleg"], "to": "klaar", "gate": "sluiten", "outcomes": ["ja"], "offices": ["holder"], "article": "3"}],
	"rules": [{"phases": ["intake"], "offices": ["lead"], "categories": "*", "scope": "all", "may": ["read", "supply"], "article": "1"},
		{"phases": ["overleg"], "offices": ["lead", "holder"], "categories": "*", "scope": "all", "may": ["read"], "article": "1"},
		{"offices": ["lead"], "categories": "*", "scope": "all", "may": ["read"], "article": "1", "stages": ["klaar_inzage"]}]}'));
SELECT count(*) FROM casus.open_file('proef-1', 'twee');
SELECT count(*) FROM casus.activate_protocol('twee', 'DPIA-1', '{"startdatum": "2021-12-01"}');
SELECT count(*) FROM casus.appoint('Coord', 'twee', NULL, 'lead');
SET SESSION AUTHORIZATION revoke_coord;
SELECT casus.open_dossier('twee') AS d \gset
SELECT casus.decide(:d, 'verder', 'ja') > 0 AND casus.advance(:d, 'overleg') > 0 AS further;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM casus.appoint('Deleg', 'twee', NULL, 'holder', dossier => :d);
SET SESSION AUTHORIZATION revoke_deleg;
SELECT casus.decide(:d, 'sluiten', 'ja') AS z \gset
SELECT casus.close_dossier(:d) > 0 AS closed;
SELECT try(format('SELECT casus.revoke_decision(%s, %L)', :z, 'toch niet'));
SELECT phase FROM casus.dossier WHERE id = :d;
RESET SESSION AUTHORIZATION;
DROP OWNED BY revoke_coord, revoke_deleg;
DROP ROLE revoke_coord, revoke_deleg;
