-- A refusal names the check, the article and the next step; where it is
-- not certain which protocol speaks it names none, and nothing hidden shows.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE refusal_coord LOGIN;
CREATE ROLE refusal_both LOGIN;
CREATE ROLE refusal_deleg LOGIN;
CREATE ROLE refusal_none LOGIN;
GRANT CREATE ON SCHEMA public TO refusal_none;

SELECT casus.install_protocol('beesel-2021');
-- The same protocol with other articles for its checks, and one without.
SELECT casus.load_protocol(jsonb_set(definition, '{name}', '"beesel-2099"') || '{"checks": {"no_purpose": "25.1", "no_parent": "25.1"}}')
	FROM casus.protocol;
SELECT casus.open_file('beesel-2021', 'een') > 0, casus.open_file('beesel-2099', 'twee') > 0;
SELECT casus.activate_protocol('een', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}') > 0 AS active;
SELECT casus.add_person('Coord', 'refusal_coord', oath_on => '2020-01-01') > 0, casus.add_person('Both', 'refusal_both') > 0,
	casus.add_person('Deleg', 'refusal_deleg', oath_on => '2020-01-01') > 0;
SELECT count(casus.appoint(name, 'een', party, office, reason => 'test'))
	FROM (VALUES ('Coord', NULL, 'coordinator'), ('Both', NULL, 'fg'), ('Deleg', 'subsidies', 'afgevaardigde')) a (name, party, office);

CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak);
CREATE TABLE anders (id integer PRIMARY KEY);
GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, stuk, anders TO PUBLIC;
SELECT count(*) > 0 AS ok FROM casus.protect('zaak', 'een', opens_dossier => true, governs => 'soort = 1', category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.protect('stuk', 'een', via => 'zaak_id', category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.protect('anders', 'twee', opens_dossier => true, category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.bind('anders', 'enforce');

-- One activated file: its protocol speaks.
SET ROLE refusal_none;
BEGIN; SELECT casus.enter('intake'); ROLLBACK;
SELECT casus.checklist(1);
ALTER TABLE zaak DISABLE ROW LEVEL SECURITY;
RESET ROLE;
ALTER TABLE anders DISABLE TRIGGER ALL;
COPY anders TO STDOUT;
SELECT * FROM casus_cat.act;

-- Two files under two protocols: only what the table belongs to.
SELECT casus.activate_protocol('twee', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}') > 0 AS active;
SELECT casus.appoint('Both', 'twee', NULL, 'fg', reason => 'test') > 0 AS ok;
SELECT count(*) > 0 AS ok FROM casus.protect('zaak', 'twee', opens_dossier => true, governs => 'soort = 2', category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.bind('zaak', 'enforce');
SELECT count(*) > 0 AS ok FROM casus.bind('stuk', 'enforce');
SET ROLE refusal_none;
BEGIN; SELECT casus.enter('intake'); ROLLBACK;
BEGIN; SELECT casus.enter('intake', file => 'een'); ROLLBACK;
SELECT casus.checklist(1);
SELECT count(*) FROM anders;
SELECT count(*) FROM zaak;
INSERT INTO anders VALUES (1);
INSERT INTO zaak VALUES (1, 2);
RESET ROLE;

-- Who holds an office in one of them, and in both.
SET ROLE refusal_coord;
BEGIN; SELECT casus.enter('intake', office => 'fg'); ROLLBACK;
BEGIN; SELECT casus.enter('intake', dossier => 1); ROLLBACK;
BEGIN; SELECT casus.enter('intake', lasts => 'session'); ROLLBACK;
BEGIN;
SELECT casus.enter('intake');
INSERT INTO zaak VALUES (1, 1);
SAVEPOINT s; UPDATE zaak SET soort = 2 WHERE id = 1; ROLLBACK TO s;
DECLARE c CURSOR FOR SELECT * FROM stuk;
SELECT casus.leave();
FETCH c;
ROLLBACK;
BEGIN; SELECT casus.enter('intake'); INSERT INTO zaak VALUES (1, 1); COMMIT;
SET ROLE refusal_both;
BEGIN; SELECT casus.enter('intake'); ROLLBACK;
BEGIN; SELECT casus.enter('toezicht'); ROLLBACK;
BEGIN; SELECT casus.enter('intake', file => 'een'); ROLLBACK;

-- A hidden parent and a missing one: the same words, and no article of the hidden dossier's protocol.
SET ROLE refusal_deleg;
INSERT INTO stuk VALUES (1, 1);
INSERT INTO stuk VALUES (1, 99);
RESET ROLE;
DROP OWNED BY refusal_none;
DROP ROLE refusal_coord, refusal_both, refusal_deleg, refusal_none;
