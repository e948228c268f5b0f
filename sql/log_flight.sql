-- What a message carries away while a condition works on a row is on record as what it is: with the act by which it is
-- open, with each dossier of a row of several, under observe as what enforce would hide; and it binds an open cursor.
-- [P-49] (C003, C024)
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE flight_coord LOGIN;
CREATE ROLE flight_none LOGIN;
CREATE ROLE flight_auditor LOGIN IN ROLE casus_auditor;
SELECT count(*) FROM casus.install_protocol('beesel-2021');
SELECT count(*) FROM casus.open_file('beesel-2021', 'vlucht');
SELECT count(*) FROM casus.activate_protocol('vlucht', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
SELECT count(casus.add_person('Vlucht', 'flight_coord', oath_on => '2020-01-01'));
SELECT count(casus.appoint('Vlucht', 'vlucht', NULL, 'coordinator', reason => 'test'));
CREATE TABLE vlucht (id integer PRIMARY KEY, dossier bigint NOT NULL, inhoud text NOT NULL);
CREATE TABLE vlucht_zien (id integer PRIMARY KEY, dossier bigint NOT NULL, inhoud text NOT NULL);
CREATE TABLE vlucht_zaak (id integer PRIMARY KEY, soort integer NOT NULL);
CREATE TABLE vlucht_stuk (id integer PRIMARY KEY, inhoud text);
CREATE TABLE vlucht_zaakstuk (zaak integer REFERENCES vlucht_zaak, stuk integer REFERENCES vlucht_stuk, PRIMARY KEY (zaak, stuk));
INSERT INTO vlucht_zaak VALUES (1, 8), (2, 8);
INSERT INTO vlucht_stuk VALUES (2, 'geheim');
INSERT INTO vlucht_zaakstuk VALUES (1, 2), (2, 2);
GRANT SELECT, INSERT, UPDATE, DELETE ON vlucht, vlucht_zien, vlucht_zaak, vlucht_stuk, vlucht_zaakstuk TO PUBLIC;
SELECT count(*) > 0 AS ok FROM casus.protect('vlucht', 'vlucht', dossier => 'dossier', category => 'signaalomschrijving');
SELECT count(*) > 0 AS ok FROM casus.bind('vlucht', 'enforce');
SELECT count(*) > 0 AS ok FROM casus.protect('vlucht_zaak', 'vlucht', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.protect('vlucht_zaakstuk', 'vlucht', via => 'zaak', category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.protect('vlucht_stuk', 'vlucht', via_link => 'vlucht_zaakstuk', category => 'signaalomschrijving');
CALL casus.take_in('vlucht_zaak');
SELECT count(*) > 0 AS ok FROM casus.bind('vlucht_zaak', 'enforce');
CALL casus.take_in('vlucht_zaakstuk');
SELECT count(*) > 0 AS ok FROM casus.bind('vlucht_zaakstuk', 'enforce');
CALL casus.take_in('vlucht_stuk');
SELECT count(*) > 0 AS ok FROM casus.bind('vlucht_stuk', 'enforce');
SET SESSION AUTHORIZATION flight_coord;
SELECT casus.open_dossier('vlucht', '{"aandrager": "anoniem", "melddatum": "2026-01-02", "aanleiding": "melding", "beschrijving": "x", "personalia": "onbekend"}') AS a \gset
SELECT casus.open_dossier('vlucht', '{"aandrager": "anoniem", "melddatum": "2026-01-02", "aanleiding": "melding", "beschrijving": "x", "personalia": "onbekend"}') AS b \gset
BEGIN;
SELECT casus.enter('intake');
INSERT INTO vlucht VALUES (1, :a, 'een'), (2, :b, 'twee');
COMMIT;
RESET SESSION AUTHORIZATION;
INSERT INTO vlucht_zien VALUES (1, :a, 'een'), (2, :b, 'twee');
SELECT count(*) > 0 AS ok FROM casus.protect('vlucht_zien', 'vlucht', dossier => 'dossier', category => 'signaalomschrijving');
CALL casus.take_in('vlucht_zien');
SELECT count(*) > 0 AS ok FROM casus.bind('vlucht_zien', 'observe');

-- A condition of the server's own that says something of each row (a NOTICE), and one that fails on it.
\set tells 'to_tsvector(''simple'', repeat(inhoud, 1000)) IS NOT NULL'
SET client_min_messages = notice;
SET ROLE flight_auditor;
SELECT max(seq) AS since FROM casus.access_log \gset
RESET ROLE;

-- Of several dossiers.
SET SESSION AUTHORIZATION flight_coord;
BEGIN;
SELECT casus.enter('intake');
SELECT id FROM vlucht_stuk WHERE :tells;
SELECT id FROM vlucht_stuk WHERE inhoud::int = 3;
ROLLBACK;
BEGIN;
SELECT casus.enter('intake');
UPDATE vlucht_stuk SET inhoud = 'ander' WHERE id = 2;
ROLLBACK;

-- By an act that opens a dossier beside the rules.
SELECT casus.break_glass('een noodgeval', :a, '2 hours') > 0 AS ok;
SELECT id FROM vlucht WHERE :tells;
SELECT id FROM vlucht WHERE inhoud::int = 3;

-- Under observe.
SET SESSION AUTHORIZATION flight_none;
SELECT id FROM vlucht_zien WHERE :tells;
SELECT id FROM vlucht_zien WHERE inhoud::int = 3;
SELECT id, :tells AS said FROM vlucht_zien;

-- A row that stands ready and is filtered out is on no record.
SET SESSION AUTHORIZATION flight_coord;
BEGIN;
SELECT casus.enter('intake');
SELECT id FROM vlucht WHERE length(inhoud) = 4 AND inhoud || '' = 'twee';
SELECT id FROM vlucht WHERE inhoud || '' = 'drie';
COMMIT;

-- Nothing was found, and that is the answer: a count or a "no" of which a function or a cursor takes so many rows as it wants.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION vlucht_telt(text) RETURNS bigint LANGUAGE plpgsql AS
	'DECLARE n bigint; BEGIN SELECT count(*) INTO n FROM public.vlucht WHERE inhoud = $1; RETURN n; END';
CREATE FUNCTION vlucht_is_er(text) RETURNS boolean LANGUAGE sql VOLATILE AS
	'SELECT EXISTS (SELECT FROM public.vlucht WHERE inhoud = $1)';
SET SESSION AUTHORIZATION flight_coord;
BEGIN;
SELECT casus.enter('intake');
SELECT vlucht_telt('drie');
SELECT vlucht_is_er('drie');
DECLARE c CURSOR FOR SELECT count(*) FROM vlucht WHERE inhoud = 'drie';
FETCH 1 c;
-- What other sessions see while the statement runs is on record first: by dossier, not at the end.
SELECT count(pg_advisory_xact_lock(id)) FROM vlucht;
COMMIT;
RESET SESSION AUTHORIZATION;
SET ROLE flight_auditor;
SELECT kind, relation, cardinality(dossiers) AS dossiers, row_counts, verb, role, office, purpose, phase, opening IS NOT NULL AS opened, code
	FROM casus.access_log WHERE seq > :since AND kind IN ('read', 'write', 'would_refuse', 'empty') ORDER BY seq;
RESET ROLE;

-- An open cursor: what it has returned may be read less far now, as without a message.
SET SESSION AUTHORIZATION flight_coord;
BEGIN;
SELECT casus.enter('intake');
DECLARE een CURSOR FOR SELECT id, inhoud FROM vlucht ORDER BY inhoud;
DECLARE twee CURSOR FOR SELECT id, inhoud FROM vlucht WHERE :tells ORDER BY inhoud;
FETCH 1 een;
FETCH 1 twee;
SELECT casus.decide(:a, 'intake', 'signaal', 'een indicator',
	'{"indicatoren": ["vastgoedfraude_contante_betalingen"], "bevoegdheid": "opiumwet_13b", "grondgebied": true}') > 0 AS ok;
SELECT casus.advance(:a, 'zwaarte') > 0 AS ok;
SAVEPOINT voor;
FETCH 1 een;
ROLLBACK TO voor;
FETCH 1 twee;
ROLLBACK;
