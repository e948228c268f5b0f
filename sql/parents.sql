-- A child of a hidden parent answers as a child of a missing one, at the same moment, whatever leads to it. [A038]
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE par_coord LOGIN;
CREATE ROLE par_deleg LOGIN;
CREATE ROLE par_app LOGIN;
\set coordinator par_coord
\set delegate par_deleg
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/ond.sql'
\i :fixture
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text);
CREATE TABLE direct (id serial PRIMARY KEY, zaak_id integer REFERENCES zaak, soort text, wat text);
CREATE TABLE later (id serial PRIMARY KEY, zaak_id integer REFERENCES zaak DEFERRABLE, soort text, wat text);
CREATE TABLE laatst (id serial PRIMARY KEY, zaak_id integer REFERENCES zaak DEFERRABLE INITIALLY DEFERRED, soort text, wat text);
CREATE TABLE gemengd (id serial PRIMARY KEY, zaak_id integer REFERENCES zaak, soort text, wat text);
CREATE TABLE gemengd_later (id serial PRIMARY KEY, zaak_id integer REFERENCES zaak DEFERRABLE, soort text, wat text);
CREATE TABLE kolom (id serial PRIMARY KEY, dossier bigint, soort text, wat text);
CREATE TABLE los (id serial PRIMARY KEY, zaak_id integer REFERENCES zaak, soort text, wat text);
INSERT INTO zaak VALUES (1, 1, 'gewoon'), (2, 8, 'signaal');
INSERT INTO direct VALUES (DEFAULT, 1, 'x', 'signaalomschrijving'); INSERT INTO later VALUES (DEFAULT, 1, 'x', 'signaalomschrijving'); INSERT INTO laatst VALUES (DEFAULT, 1, 'x', 'signaalomschrijving'); INSERT INTO gemengd VALUES (DEFAULT, 1, 'x', 'signaalomschrijving'), (DEFAULT, 2, 'x', 'oud'); 
INSERT INTO gemengd_later VALUES (DEFAULT, 1, 'x', 'signaalomschrijving');
INSERT INTO kolom VALUES (DEFAULT, NULL, 'x', 'signaalomschrijving'); INSERT INTO los VALUES (DEFAULT, 1, 'x', 'signaalomschrijving');
SELECT count(*) > 2 AS lines FROM casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
SELECT format($$SELECT FROM casus.protect(%L, 'ond', via => 'zaak_id', category_column => 'wat')$$, t) FROM unnest('{direct,later,laatst}'::text[]) t \gexec
SELECT format($$SELECT FROM casus.protect(%L, 'ond', via => 'zaak_id', governs => 'soort = ''g''', category_column => 'wat')$$, t) FROM unnest('{gemengd,gemengd_later}'::text[]) t \gexec
SELECT count(*) > 2 AS lines FROM casus.protect('kolom', 'ond', dossier => 'dossier', governs => 'dossier IS NOT NULL', category_column => 'wat');
SELECT format('CALL casus.take_in(%L)', t) FROM unnest('{zaak,direct,later,laatst,gemengd,gemengd_later,kolom}'::text[]) t \gexec
SELECT format('SELECT FROM casus.bind(%L)', t) FROM unnest('{zaak,direct,later,laatst,gemengd,gemengd_later,kolom}'::text[]) t \gexec

GRANT ALL ON ALL TABLES IN SCHEMA public TO par_coord, par_deleg, par_app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO par_coord, par_deleg, par_app;
/* What the statement says, else what the commit would say; the keys themselves are the caller's own. */
CREATE FUNCTION answer(sql text, before text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE c text; m text; d text; h text; moment text := 'at once';
BEGIN
	EXECUTE before;
	EXECUTE sql;
	moment := 'at commit';
	SET CONSTRAINTS ALL IMMEDIATE;
	RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN RETURN 'done';
	WHEN OTHERS THEN GET STACKED DIAGNOSTICS c = CONSTRAINT_NAME, m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
	RETURN regexp_replace(concat_ws(' | ', moment, sqlstate, nullif(c, ''), m, nullif(d, ''), nullif(h, '')), '\)=\(\d+\)', ')=(...)');
END $$;
CREATE FUNCTION answers(relation text, OUT how text, OUT same boolean, OUT hidden text, OUT missing text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE what text; before text; key text; statement text; found text[];
BEGIN
	FOREACH before IN ARRAY ARRAY['', format('SET CONSTRAINTS %I_zaak_id_fkey IMMEDIATE', relation)] LOOP
		CONTINUE WHEN before <> '' AND relation !~ '^(later|laatst|gemengd_later)$';
		FOREACH what IN ARRAY '{insert,insert governed,update,update governed,wrong}'::text[] LOOP
			how := concat_ws(', ', what, nullif(before, ''));
			found := '{}';
			FOREACH key IN ARRAY CASE relation WHEN 'kolom' THEN ARRAY[current_setting('par.dossier'), '12345678'] ELSE ARRAY['2', '99'] END LOOP
				statement := format(CASE WHEN what LIKE 'update%' THEN 'UPDATE %I SET %I = %s, soort = %L, wat = %L WHERE id = 1'
					ELSE 'INSERT INTO %1$I (%2$I, soort, wat) VALUES (%3$s, %4$L, %5$L)' END, relation,
					CASE relation WHEN 'kolom' THEN 'dossier' ELSE 'zaak_id' END, key, CASE WHEN what LIKE '%governed' THEN 'g' ELSE 'x' END,
					CASE what WHEN 'wrong' THEN 'nothing known' ELSE 'signaalomschrijving' END);
				found := found || answer(statement, before);
			END LOOP;
			hidden := found[1]; missing := found[2];
			same := hidden = missing;
			RETURN NEXT;
		END LOOP;
	END LOOP;
END $$;
SET SESSION AUTHORIZATION par_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
SELECT set_config('par.dossier', casus.dossier_of(casus_label)::text, false) <> '' AS known FROM zaak WHERE id = 2;
COMMIT;
-- nobody has a purpose; only what no protection reaches tells that the key is there
SET SESSION AUTHORIZATION par_app;
SELECT format('SELECT %L AS relation, * FROM answers(%1$L) WHERE NOT same', t) FROM unnest('{direct,later,laatst,gemengd,gemengd_later,kolom}'::text[]) t \gexec
SELECT how, hidden, missing FROM answers('los') WHERE NOT same;
SELECT format('SELECT DISTINCT hidden AS %I FROM answers(%1$L) WHERE how !~ '','' ORDER BY 1', t) FROM unnest('{direct,later,laatst,gemengd,gemengd_later,kolom}'::text[]) t \gexec
-- an office of a party that takes no part, with and without a purpose
SET SESSION AUTHORIZATION par_deleg;
SELECT format('SELECT %L AS relation, * FROM answers(%1$L) WHERE NOT same', t) FROM unnest('{direct,later,laatst,gemengd,gemengd_later,kolom}'::text[]) t \gexec
BEGIN; SELECT FROM casus.enter('overleg');
SELECT format('SELECT %L AS relation, * FROM answers(%1$L) WHERE NOT same', t) FROM unnest('{direct,later,laatst,gemengd,gemengd_later,kolom}'::text[]) t \gexec
SELECT DISTINCT hidden FROM answers('kolom') ORDER BY 1;
COMMIT;
-- past row security
RESET SESSION AUTHORIZATION;
SELECT format('SELECT %L AS relation, * FROM answers(%1$L) WHERE NOT same', t) FROM unnest('{direct,later,laatst,gemengd,gemengd_later,kolom}'::text[]) t \gexec
-- what stands outside goes on: its parent is not asked for again, and may come later
SET SESSION AUTHORIZATION par_app;
UPDATE gemengd SET wat = 'signaalomschrijving' WHERE zaak_id = 2;
SELECT zaak_id, wat FROM gemengd ORDER BY id;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO gemengd_later (zaak_id, soort) VALUES (3, 'x');
INSERT INTO laatst (zaak_id, soort) VALUES (3, 'x');
INSERT INTO zaak VALUES (3, 1, 'later');
COMMIT;
SELECT zaak_id, casus.label_text(casus_label) FROM gemengd_later WHERE zaak_id = 3;
-- who sees the parent may hang on it what stands outside
SET SESSION AUTHORIZATION par_coord;
BEGIN; SELECT FROM casus.enter('intake', file => 'ond');
INSERT INTO gemengd (zaak_id, soort) VALUES (2, 'x');
INSERT INTO gemengd_later (zaak_id, soort) VALUES (2, 'x');
INSERT INTO later (zaak_id, soort, wat) VALUES (2, 'x', 'signaalomschrijving');
COMMIT;
SELECT count(*) FROM gemengd WHERE zaak_id = 2;
-- and a row that waits in vain does not keep the server from seeing who refers to a row that goes
RESET SESSION AUTHORIZATION;
CREATE TABLE map (id integer PRIMARY KEY);
CREATE TABLE blad (id integer PRIMARY KEY, map_id integer REFERENCES map, zaak_id integer REFERENCES zaak DEFERRABLE INITIALLY DEFERRED);
INSERT INTO map VALUES (1); INSERT INTO blad VALUES (1, 1, 2);
SELECT count(*) > 2 AS lines FROM casus.protect('blad', 'ond', via => 'zaak_id', category => 'signaalomschrijving');
CALL casus.take_in('blad');
SELECT FROM casus.bind('blad');
GRANT ALL ON map, blad TO par_app;
SET SESSION AUTHORIZATION par_app;
BEGIN;
INSERT INTO laatst (zaak_id, soort) VALUES (2, 'x');
DELETE FROM map WHERE id = 1;
ROLLBACK;
RESET SESSION AUTHORIZATION;
DROP OWNED BY par_coord, par_deleg, par_app;
DROP ROLE par_coord, par_deleg, par_app;
RESET client_min_messages;
