-- Items that are shared are there and the sharer's to read [B-84]; nobody joins a dossier that has ended [B-4].
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/beesel.sql'
SET client_min_messages = warning;
\o /dev/null
\ir :fixture
\o
SELECT dossier AS overleg FROM beesel.fixture WHERE name = 'overleg' \gset
SELECT dossier AS intake FROM beesel.fixture WHERE name = 'intake' \gset
\set fixture :source '/test/fixtures/code.sql'
\i :fixture
CREATE FUNCTION share(d bigint, items bigint[]) RETURNS text LANGUAGE sql AS $$
	SELECT public.code(format($q$SELECT casus.share(%s, %L, '{bestuurlijke_handhaving}', 'x')$q$, d, items)) $$;

-- the items of both dossiers
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN; SELECT FROM casus.enter('overleg');
SELECT casus.item_of(casus_label) AS een FROM beesel.notitie WHERE inhoud = 'overleg een' \gset
SELECT casus.item_of(casus_label) AS twee FROM beesel.notitie WHERE inhoud = 'overleg twee' \gset
COMMIT;
BEGIN; SELECT FROM casus.enter('intake');
SELECT casus.item_of(casus_label) AS elders FROM beesel.notitie WHERE inhoud = 'intake een' \gset
COMMIT;

-- a number that no row bears, one of another dossier, one among others
SELECT share(:overleg, ARRAY[:een]);
SELECT share(:overleg, ARRAY[:twee, :een, :twee]);
SELECT share(:overleg, ARRAY[4000000000]);
SELECT share(:overleg, ARRAY[:elders]);
SELECT share(:overleg, ARRAY[:een, 4000000000]);
-- in a context for another purpose the caller reads none of them
BEGIN; SELECT FROM casus.enter('intake');
SELECT share(:overleg, ARRAY[:een]) = share(:overleg, ARRAY[4000000000]) AS alike;
SELECT share(:overleg, ARRAY[:een]);
ROLLBACK;
-- brought in by this very transaction
BEGIN; SELECT FROM casus.enter('overleg');
INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:overleg, 'beoordeling', 'nieuw') RETURNING casus.item_of(casus_label) AS nieuw \gset
SELECT share(:overleg, ARRAY[:nieuw]);
ROLLBACK;
SELECT share(:overleg, ARRAY[:nieuw]);
SELECT share(:overleg, NULL);
RESET SESSION AUTHORIZATION;

-- a row whose item the sharer may not read: hidden and missing are answered alike, also in a part of a table
CREATE TABLE stuk (id integer, dossier bigint, soort text, tekst text, PRIMARY KEY (id, soort)) PARTITION BY LIST (soort);
CREATE TABLE stuk_a PARTITION OF stuk FOR VALUES IN ('beoordeling');
CREATE TABLE stuk_b PARTITION OF stuk DEFAULT;
GRANT SELECT, INSERT, DELETE ON stuk TO PUBLIC;
SELECT count(*) > 0 AS done FROM casus.protect('stuk', 'ondermijning', dossier => 'dossier', category_column => 'soort');
SELECT count(*) > 0 AS done FROM casus.bind('stuk', 'enforce');
SET SESSION AUTHORIZATION bs_belastingen;
BEGIN; SELECT FROM casus.enter('overleg', dossier => :overleg);
INSERT INTO stuk VALUES (1, :overleg, 'belastingen', 'schuld') RETURNING casus.item_of(casus_label) AS schuld \gset
COMMIT;
SET SESSION AUTHORIZATION bs_coordinator;
SELECT share(:overleg, ARRAY[:schuld]);
SET SESSION AUTHORIZATION bs_handhaving;
SELECT share(:overleg, ARRAY[:schuld]) = share(:overleg, ARRAY[4000000000]) AS alike;
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN; SELECT FROM casus.enter('overleg');
INSERT INTO stuk VALUES (2, :overleg, 'beoordeling', 'x') RETURNING casus.item_of(casus_label) AS deel \gset
DELETE FROM beesel.notitie WHERE inhoud = 'overleg een';
COMMIT;
SELECT share(:overleg, ARRAY[:deel]);
-- a row that is gone
SELECT share(:overleg, ARRAY[:een]);
-- a refused act leaves no row of its own
SELECT count(*) FROM casus.act_log WHERE kind = 'share' AND dossier = :overleg;

-- Who takes part by name and leaves his office does so no more when he comes back to it: he is involved anew, for what his
-- role then asks [beesel 9.10].  He has not left whose next period begins where the last one ends.
\set reads 'BEGIN; SELECT code(format($$SELECT casus.enter(%L, %s)$$, $$overleg$$, :overleg)); ROLLBACK;'
SET SESSION AUTHORIZATION bs_coordinator;
SELECT casus.involve(:overleg, person => 'S. Subsidie') > 0 AS involved;
SET SESSION AUTHORIZATION bs_subsidies;
:reads
RESET SESSION AUTHORIZATION;
SELECT id AS ends FROM casus.appointment WHERE person = 'S. Subsidie' AND office = 'afgevaardigde' \gset
SELECT casus.end_appointment(:ends) > 0 AS ended;
SELECT casus.appoint('S. Subsidie', 'ondermijning', 'subsidies', 'afgevaardigde', ends => '2999-01-01') > 0 AS back;
SET SESSION AUTHORIZATION bs_subsidies;
:reads
SET SESSION AUTHORIZATION bs_coordinator;
SELECT casus.involve(:overleg, person => 'S. Subsidie') > 0 AS involved;
RESET SESSION AUTHORIZATION;
SELECT casus.appoint('S. Subsidie', 'ondermijning', 'subsidies', 'afgevaardigde', starts => '2999-01-01', ends => '2999-02-01') > 0 AS next;
SET SESSION AUTHORIZATION bs_subsidies;
:reads
SET SESSION AUTHORIZATION bs_coordinator;
SELECT party, ends <= now() AS ended FROM casus.participant WHERE dossier = :overleg AND person = 'S. Subsidie' ORDER BY starts;
RESET SESSION AUTHORIZATION;
SELECT casus.appoint('S. Subsidie', 'ondermijning', 'subsidies', 'afgevaardigde', starts => '2999-03-01') > 0 AS later;
SET SESSION AUTHORIZATION bs_coordinator;
SELECT ends = '2999-02-01' AS until_then FROM casus.participant WHERE dossier = :overleg AND person = 'S. Subsidie' AND (ends > now()) IS NOT FALSE;

-- A dossier that has ended: nobody is appointed for it, nor stands in for who was, nor takes part in it anew.
SET SESSION AUTHORIZATION bs_coordinator;
SELECT code(format($$SELECT casus.involve(%s, party => 'openbare_orde_en_veiligheid')$$, :intake));
SELECT code(format($$SELECT casus.appoint('R. Regisseur', 'ondermijning', 'openbare_orde_en_veiligheid', 'casusregisseur', dossier => %s)$$, :intake));
SELECT a.id AS regisseur FROM casus.appointment a WHERE a.dossier = :overleg \gset
SELECT casus.decide(:overleg, 'casus', 'monodisciplinair', details => '{"toelichting": "een partij", "afdelingen": ["bestuurlijke_handhaving"], "aanwezig": ["H. Handhaver", "B. Belasting"]}') > 0 AS decided;
SELECT code(format($$SELECT casus.advance(%s, 'afsluiten')$$, :overleg));
SELECT phase FROM casus.dossier WHERE id = :overleg;
SELECT code(format($$SELECT casus.appoint('R. Regisseur', 'ondermijning', 'openbare_orde_en_veiligheid', 'casusregisseur', dossier => %s)$$, :overleg));
SELECT code(format($$SELECT casus.deputise(%s, 'S. Subsidie')$$, :regisseur));
SELECT code(format($$SELECT casus.involve(%s, party => 'subsidies')$$, :overleg));
SELECT code(format($$SELECT casus.involve(%s, person => 'S. Subsidie', office => 'casusregisseur')$$, :overleg));
-- to end an office goes on, and who may not appoint does not learn that it has ended
SELECT code(format($$SELECT casus.end_appointment(%s)$$, :regisseur));
SET SESSION AUTHORIZATION bs_handhaving;
SELECT code(format($$SELECT casus.appoint('S. Subsidie', 'ondermijning', 'subsidies', 'casusregisseur', dossier => %s)$$, :overleg));
SELECT code($$SELECT casus.appoint('S. Subsidie', 'ondermijning', 'subsidies', 'casusregisseur', dossier => 99999)$$);
RESET SESSION AUTHORIZATION;
