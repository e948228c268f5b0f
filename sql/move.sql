-- casus.move: a row, and what hangs on it, goes to another dossier of the same file; who may, and where to.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE move_coord LOGIN;
CREATE ROLE move_both LOGIN;
CREATE ROLE move_deleg LOGIN;
CREATE ROLE move_reader LOGIN;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond') > 0 AND casus.open_file('beesel-2021', 'ander') > 0 AS opened;
SELECT casus.activate_protocol(f, 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "vastgesteld"}') > 0 AS active
	FROM unnest(ARRAY['ond', 'ander']) f;
SELECT casus.add_person(n, r::regrole, oath_on => '2020-01-01') > 0 AS ok
	FROM (VALUES ('Coord', 'move_coord'), ('Both', 'move_both'), ('Deleg', 'move_deleg'), ('Reader', 'move_reader')) v(n, r);
SELECT casus.appoint('Coord', 'ond', NULL, 'coordinator', reason => 'test') > 0 AS ok;
SELECT casus.appoint('Both', 'ond', NULL, 'coordinator', reason => 'test') > 0 AS ok;
SELECT casus.appoint('Both', 'ander', NULL, 'coordinator', reason => 'test') > 0 AS ok;
SELECT casus.appoint('Deleg', 'ond', 'subsidies', 'afgevaardigde', reason => 'test') > 0 AS ok;
SELECT casus.appoint('Reader', 'ond', NULL, 'coordinator', reason => 'test') > 0 AS ok;

CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text);
CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, tekst text);
CREATE TABLE bijlage (id integer PRIMARY KEY, stuk_id integer REFERENCES stuk DEFERRABLE INITIALLY DEFERRED,
	zaak_id integer REFERENCES zaak, naam text);
CREATE TABLE regel (bijlage_id integer REFERENCES bijlage, nr integer, PRIMARY KEY (bijlage_id, nr));
CREATE TABLE paar (id integer PRIMARY KEY, stuk_id integer REFERENCES stuk, bijlage_id integer REFERENCES bijlage);
CREATE TABLE notitie (id integer PRIMARY KEY, dossier bigint NOT NULL, tekst text);
GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, stuk, bijlage, regel, paar, notitie TO move_coord, move_both, move_deleg;
GRANT SELECT, INSERT ON zaak, stuk, bijlage, regel, paar, notitie TO move_reader;
SELECT count(*) > 2 AS lines FROM casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
SELECT count(*) > 2 AS lines FROM casus.protect('zaak', 'ander', opens_dossier => true, governs => 'soort = 9', category => 'registratie');
SELECT count(*) > 2 AS lines FROM casus.protect('stuk', 'ond', via => 'zaak_id', category => 'signaalomschrijving');
SELECT count(*) > 2 AS lines FROM casus.protect('bijlage', 'ond', via => ARRAY['stuk_id', 'zaak_id'], item => 'inherit', category => 'beoordeling');
SELECT count(*) > 2 AS lines FROM casus.protect('regel', 'ond', via => 'bijlage_id', category => 'registratie');
SELECT count(*) > 2 AS lines FROM casus.protect('paar', 'ond', via => ARRAY['stuk_id', 'bijlage_id'], category => 'beoordeling');
SELECT count(*) > 2 AS lines FROM casus.protect('notitie', 'ond', dossier => 'dossier', category => 'beoordeling');
SELECT count(*) > 0 AS bound FROM (VALUES ('zaak'), ('stuk'), ('bijlage'), ('regel'), ('paar'), ('notitie')) t(n), LATERAL casus.bind(n::regclass, 'enforce');

-- three cases in intake, one in another file, one outside
SET SESSION AUTHORIZATION move_coord;
BEGIN; SELECT FROM casus.enter('intake');
INSERT INTO zaak VALUES (1, 8, 'een'), (2, 8, 'twee'), (3, 8, 'drie'), (4, 1, 'buiten');
INSERT INTO stuk VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'), (9, 4, 'buiten');
INSERT INTO bijlage VALUES (1, 1, NULL, 'a'), (2, 1, 2, 'via stuk'), (3, 2, 1, 'via stuk'), (4, NULL, 1, 'via zaak');
INSERT INTO regel VALUES (1, 1), (1, 2), (3, 1);
INSERT INTO paar VALUES (1, 2, 1), (2, NULL, 1);
INSERT INTO notitie SELECT 1, casus.dossier_of(casus_label), 'n' FROM zaak WHERE id = 1;
COMMIT;
SET SESSION AUTHORIZATION move_both;
BEGIN; SELECT FROM casus.enter('intake', file => 'ander');
INSERT INTO zaak VALUES (5, 9, 'ander bestand');
COMMIT;
RESET SESSION AUTHORIZATION;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/code.sql'
\i :fixture
-- which case each row is in, by its label
CREATE VIEW waar WITH (security_invoker = true) AS
	SELECT t, k, z.id AS zaak, casus.item_of(l) AS item, casus.label_text(l) AS label FROM (
		SELECT 'stuk', id::text, casus_label FROM stuk UNION ALL SELECT 'bijlage', id::text, casus_label FROM bijlage
		UNION ALL SELECT 'regel', bijlage_id || '.' || nr, casus_label FROM regel
		UNION ALL SELECT 'paar', id::text, casus_label FROM paar UNION ALL SELECT 'notitie', id::text, casus_label FROM notitie) r(t, k, l)
	JOIN zaak z ON casus.dossier_of(z.casus_label) = casus.dossier_of(l);
GRANT SELECT ON waar TO PUBLIC;

-- an UPDATE is told what to call, for a target there, hidden or missing alike
SET SESSION AUTHORIZATION move_coord;
BEGIN; SELECT FROM casus.enter('intake');
SAVEPOINT s; UPDATE stuk SET zaak_id = 2 WHERE id = 1; ROLLBACK TO s;
SAVEPOINT s; UPDATE stuk SET zaak_id = 99 WHERE id = 1; ROLLBACK TO s;
COMMIT;

-- with its subtree: bijlage 4 comes by zaak, paar 1 by stuk 2, and the rows of stuk 2 stay
BEGIN; SELECT FROM casus.enter('intake');
SELECT t, k, zaak FROM waar ORDER BY 1, 2;
CREATE TEMP TABLE before AS SELECT t, k, item, regexp_replace(label, '[0-9]+', '') AS rest FROM waar;
SELECT casus.move('stuk', '1', '3', 'bij de verkeerde zaak gelegd') > 0 AS act;
SELECT t, k, zaak FROM waar ORDER BY 1, 2;
SELECT id, zaak_id FROM stuk WHERE id = 1;
-- item, originator, category and phase of collection stay
SELECT count(*) AS same FROM before b JOIN waar w USING (t, k, item) WHERE b.rest = regexp_replace(w.label, '[0-9]+', '');
SELECT count(*) AS rows FROM before;
-- rolled back: nothing has moved
ROLLBACK;
BEGIN; SELECT FROM casus.enter('intake');
SELECT t, k, zaak FROM waar ORDER BY 1, 2;
COMMIT;

-- the act stands in both dossiers, with from and to
SELECT casus.move('stuk', '1', '3', 'bij de verkeerde zaak gelegd') > 0 AS act;
BEGIN; SELECT FROM casus.enter('intake');
SELECT a.kind, z.id AS dossier_of_zaak, a.motivation, (a.details ->> 'rows')::int AS rows, a.details -> 'row' AS row,
	(SELECT f.id FROM zaak f WHERE casus.dossier_of(f.casus_label) = (a.details ->> 'from')::bigint) AS "from",
	(SELECT f.id FROM zaak f WHERE casus.dossier_of(f.casus_label) = (a.details ->> 'to')::bigint) AS "to"
	FROM casus.act_log a JOIN zaak z ON a.dossier = casus.dossier_of(z.casus_label) WHERE a.kind = 'move' ORDER BY a.id;
SELECT t, k, zaak FROM waar WHERE zaak = 3 ORDER BY 1, 2;
-- by a key of several columns: the key itself leads to the dossier
SELECT code($$SELECT casus.move('regel', '{"bijlage_id": 3, "nr": 1, "op verzoek van": "de burgemeester"}'::jsonb, '2', 'x')$$);
SELECT casus.move('regel', '{"bijlage_id": 3, "nr": 1}'::jsonb, '2', 'x') > 0 AS act;
SELECT t, k, zaak FROM waar WHERE t = 'regel' ORDER BY 1, 2;
SELECT bijlage_id, nr FROM regel ORDER BY 1, 2;
ROLLBACK;
BEGIN; SELECT FROM casus.enter('intake');
SELECT casus.dossier_of(casus_label) AS twee FROM zaak WHERE id = 2 \gset
SELECT casus.move('notitie', '{"id": 1}'::jsonb, :'twee', 'x') > 0 AS act;
SELECT t, k, zaak FROM waar WHERE t = 'notitie';
SELECT dossier = :twee AS column_too FROM notitie;
ROLLBACK;

-- refused: no motivation, not there, root row, outside, same dossier, another table, wrong input
SELECT code($$SELECT casus.move('stuk', '1', '2', NULL)$$);
SELECT code($$SELECT casus.move('stuk', '1', '2', '  ')$$);
SELECT code($$SELECT casus.move('stuk', '77', '2', 'x')$$);
SELECT code($$SELECT casus.move('stuk', '1', '77', 'x')$$);
SELECT code($$SELECT casus.move('zaak', '1', '2', 'x')$$);
SELECT code($$SELECT casus.move('stuk', '1', '4', 'x')$$);
SELECT code($$SELECT casus.move('stuk', '9', '1', 'x')$$);
SELECT code($$SELECT casus.move('stuk', '1', '3', 'x')$$);
SELECT code($$SELECT casus.move('stuk', 'een', '3', 'x')$$);
SELECT code($$SELECT casus.move('stuk', NULL, '3', 'x')$$);
SELECT code($$SELECT casus.move('regel', '1', '3', 'x')$$);
SELECT code($$SELECT casus.move('regel', '{"nr": 1}'::jsonb, '3', 'x')$$);
SELECT code($$SELECT casus.move('pg_class', '1', '3', 'x')$$);
BEGIN READ ONLY; SELECT casus.move('stuk', '1', '2', 'x'); ROLLBACK;
-- a row that waits for its parent, and a target that does
BEGIN; SELECT FROM casus.enter('intake');
INSERT INTO bijlage VALUES (20, 20, NULL, 'eerst');
SELECT code($$SELECT casus.move('bijlage', '20', '2', 'x')$$);
SELECT code($$SELECT casus.move('regel', '{"bijlage_id": 3, "nr": 1}'::jsonb, '20', 'x')$$);
ROLLBACK;
-- the context counts: for one dossier it reaches no other
SELECT casus.dossier_of('zaak', '1') IS NULL AS no_context;
BEGIN; SELECT FROM casus.enter('intake');
SELECT casus.dossier_of(casus_label) AS een FROM zaak WHERE id = 1 \gset
SELECT casus.dossier_of(casus_label) AS drie FROM zaak WHERE id = 3 \gset
COMMIT;
BEGIN; SELECT FROM casus.enter('intake', dossier => :een);
SELECT code($$SELECT casus.move('stuk', '2', '2', 'x')$$);
SELECT code($$SELECT casus.move('stuk', '1', '1', 'x')$$);
ROLLBACK;

-- another file: missing to who does not read it, refused to who does
SELECT code($$SELECT casus.move('stuk', '1', '5', 'x')$$);
SET SESSION AUTHORIZATION move_both;
SELECT code($$SELECT casus.move('stuk', '1', '5', 'x')$$);
-- rights on the table are needed beside the office
SET SESSION AUTHORIZATION move_reader;
SELECT code($$SELECT casus.move('stuk', '1', '2', 'x')$$);
-- who takes part in nothing, and a superuser: row hidden and row missing alike
SET SESSION AUTHORIZATION move_deleg;
SELECT code($$SELECT casus.move('stuk', '1', '2', 'x')$$) = code($$SELECT casus.move('stuk', '77', '2', 'x')$$) AS alike;
SELECT code($$SELECT casus.move('stuk', '1', '2', 'x')$$);
RESET SESSION AUTHORIZATION;
SELECT code($$SELECT casus.move('stuk', '1', '2', 'x')$$);

-- a dossier in another phase: supply is judged there, and the row is read for that phase's purpose
SET SESSION AUTHORIZATION move_coord;
SELECT casus.decide(:drie, 'intake', 'signaal', 'een indicator', '{"aandrager": "anoniem", "melddatum": "2026-01-06", "aanleiding": "melding",
	"beschrijving": "contante betalingen", "personalia": "bekend", "indicatoren": ["vastgoedfraude_contante_betalingen"],
	"bevoegdheid": "opiumwet_13b", "grondgebied": true}') > 0 AS decided;
SELECT casus.advance(:drie, 'zwaarte') > 0 AS advanced;
SELECT casus.move('stuk', '2', '3', 'hoort bij drie') > 0 AS act;
BEGIN; SELECT FROM casus.enter('intake'); SELECT t, k FROM waar ORDER BY 1, 2; COMMIT;
BEGIN; SELECT FROM casus.enter('zwaarte'); SELECT t, k FROM waar ORDER BY 1, 2; COMMIT;
BEGIN; SELECT FROM casus.enter('zwaarte');
SELECT code($$SELECT casus.move('stuk', '2', '1', 'x')$$), code($$SELECT casus.move('stuk', '3', '3', 'x')$$);
ROLLBACK;
-- on to bronnenonderzoek, where no signaalomschrijving is brought in, but beoordeling is
SELECT casus.decide(:drie, 'zwaarte', 'zwaar_genoeg', 'politie', '{"criteria": ["politie"], "toelichting": "gemeld door de politie"}') > 0 AS decided;
SELECT casus.advance(:drie, 'bronnenonderzoek') > 0 AS advanced;
SELECT code($$SELECT casus.move('stuk', '3', '3', 'x')$$);
SELECT casus.move('bijlage', '4', '3', 'x') > 0 AS act;
RESET SESSION AUTHORIZATION;

-- what the row trigger would not see is refused: another key on the column, one that refers to it, a unique
-- constraint checked later, row security of the table's own, a parent row that two rows share
CREATE TABLE soort (zaak_id integer PRIMARY KEY);
INSERT INTO soort SELECT generate_series(1, 9);
CREATE TABLE dubbel (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, FOREIGN KEY (zaak_id) REFERENCES soort);
CREATE TABLE gewezen (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, UNIQUE (zaak_id, id));
CREATE TABLE wijst (zaak_id integer, id integer, FOREIGN KEY (zaak_id, id) REFERENCES gewezen (zaak_id, id));
CREATE TABLE later (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak, UNIQUE (zaak_id) DEFERRABLE);
CREATE TABLE eigen (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak);
ALTER TABLE eigen ENABLE ROW LEVEL SECURITY;
CREATE POLICY eigen ON eigen USING (true);
CREATE TABLE basis (id integer PRIMARY KEY);
CREATE TABLE deel (id integer PRIMARY KEY REFERENCES basis, zaak_id integer NOT NULL REFERENCES zaak);
CREATE TABLE ook (id integer PRIMARY KEY, basis_id integer REFERENCES basis, zaak_id integer NOT NULL REFERENCES zaak CHECK (zaak_id < 3));
CREATE TABLE map (id integer PRIMARY KEY);
CREATE TABLE vel (id integer PRIMARY KEY, map_id integer REFERENCES map, zaak_id integer NOT NULL REFERENCES zaak);
CREATE TABLE onder (id integer PRIMARY KEY, basis_id integer REFERENCES basis);
GRANT SELECT, INSERT, UPDATE, DELETE ON soort, dubbel, gewezen, wijst, later, eigen, basis, deel, map, vel, ook, onder TO move_coord;
SELECT count(*) > 0 AS done FROM (VALUES ('dubbel'), ('gewezen'), ('later'), ('eigen'), ('deel'), ('vel'), ('ook')) t(n),
	LATERAL casus.protect(n::regclass, 'ond', via => 'zaak_id', category => 'beoordeling');
SELECT count(*) > 0 AS done FROM casus.protect('basis', 'ond', via_child => 'deel.id', category => 'beoordeling');
SELECT count(*) > 0 AS done FROM casus.protect('map', 'ond', via_child => 'vel.map_id', category => 'beoordeling');
SELECT count(*) > 0 AS done FROM casus.protect('onder', 'ond', via => 'basis_id', category => 'beoordeling');
SELECT count(*) > 0 AS done FROM (VALUES ('dubbel'), ('gewezen'), ('later'), ('eigen'), ('deel'), ('ook'), ('vel'), ('basis'), ('map'), ('onder')) t(n),
	LATERAL casus.bind(n::regclass, 'enforce');
SET SESSION AUTHORIZATION move_coord;
BEGIN; SELECT FROM casus.enter('intake');
INSERT INTO dubbel VALUES (1, 1); INSERT INTO gewezen VALUES (1, 1); INSERT INTO later VALUES (1, 1); INSERT INTO eigen VALUES (1, 1);
INSERT INTO basis VALUES (1); INSERT INTO deel VALUES (1, 1); INSERT INTO onder VALUES (1, 1); INSERT INTO ook VALUES (1, NULL, 1);
INSERT INTO map VALUES (1), (2); INSERT INTO vel VALUES (1, 1, 1), (2, 1, 1), (3, 2, 1);
COMMIT;
SELECT t, code(format('SELECT casus.move(%L, %L, %L, %L)', t, '1', '2', 'x'))
	FROM unnest(ARRAY['dubbel', 'gewezen', 'later', 'eigen', 'basis']) t;
-- one of two leaves of a folder; the one of another
SELECT v, code(format($$SELECT casus.move('vel', %L, '2', 'x')$$, v)) FROM generate_series(1, 3) v;
-- the table's own constraint holds
SELECT casus.move('ook', '1', '2', 'x') > 0 AS act;
SELECT left(code($$SELECT casus.move('ook', '1', '3', 'x')$$), 5) AS sqlstate;
-- a parent that has its label from the row goes along, and what hangs on it
SELECT casus.move('deel', '1', '2', 'x') > 0 AS act;
BEGIN; SELECT FROM casus.enter('intake');
SELECT d.zaak_id, casus.dossier_of(d.casus_label) = casus.dossier_of(z.casus_label) AS deel, casus.dossier_of(b.casus_label) = casus.dossier_of(z.casus_label) AS basis,
	casus.dossier_of(o.casus_label) = casus.dossier_of(z.casus_label) AS onder
	FROM deel d JOIN basis b USING (id) JOIN onder o ON o.basis_id = b.id JOIN zaak z ON z.id = 2;
COMMIT;
RESET SESSION AUTHORIZATION;

RESET client_min_messages;
DROP OWNED BY move_coord, move_both, move_deleg, move_reader;
DROP ROLE move_coord, move_both, move_deleg, move_reader;
