-- A person is known by a role's name and oid together: renamed, dropped or made anew, the role is nobody's until casus.bind_person.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE rol_coord LOGIN;
CREATE ROLE rol_fg LOGIN;
CREATE ROLE rol_group LOGIN;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond') > 0 AS opened;
SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "vastgesteld"}') > 0 AS active;
SELECT casus.add_person('Coord', 'rol_coord', oath_on => '2020-01-01') > 0 AS ok;
SELECT casus.appoint('Coord', 'ond', NULL, 'coordinator', reason => 'test') > 0 AS ok;
CREATE TABLE zaak (id integer PRIMARY KEY, titel text);
SELECT count(*) > 0 AS ok FROM casus.protect('zaak', 'ond', opens_dossier => true, category => 'registratie');
SELECT count(*) > 0 AS ok FROM casus.bind('zaak', 'enforce');
GRANT SELECT, INSERT ON zaak TO rol_coord, rol_group;
CREATE FUNCTION code(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE c text; m text;
BEGIN EXECUTE sql; RETURN 'ok';
EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS c = CONSTRAINT_NAME, m = MESSAGE_TEXT; RETURN concat_ws(' | ', sqlstate, nullif(c, ''), m); END $$;
SET SESSION AUTHORIZATION rol_coord;
BEGIN; SELECT FROM casus.enter('intake'); INSERT INTO zaak VALUES (1, 'een'); COMMIT;
RESET SESSION AUTHORIZATION;

-- a running session, with a context and a prepared statement, in which the role is renamed by another one
SET SESSION AUTHORIZATION rol_coord;
PREPARE lees AS SELECT id FROM zaak ORDER BY id;
SET plan_cache_mode = force_generic_plan;
BEGIN; SELECT FROM casus.enter('intake');
EXECUTE lees;
\! psql -qXtA -U postgres -d "$PGDATABASE" -c 'ALTER ROLE rol_coord RENAME TO rol_coord_2'
EXECUTE lees;
SELECT id FROM zaak;
ROLLBACK;
BEGIN;
SELECT code($$SELECT casus.enter('intake')$$);
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT finding, mend FROM casus.doctor() WHERE finding ~ 'Coord';
-- another role of the old name is not him
CREATE ROLE rol_coord LOGIN;
GRANT SELECT ON zaak TO rol_coord;
SET SESSION AUTHORIZATION rol_coord;
BEGIN;
SELECT code($$SELECT casus.enter('intake')$$);
COMMIT;
RESET SESSION AUTHORIZATION;
-- the way back is an act of set-up
SELECT casus.bind_person('Coord', 'rol_coord_2') > 0 AS bound;
SET SESSION AUTHORIZATION rol_coord_2;
BEGIN; SELECT FROM casus.enter('intake');
SELECT id FROM zaak;
COMMIT;
RESET SESSION AUTHORIZATION;
-- a role that is a member of his is not him, nor is who takes the role out of a SECURITY DEFINER function
GRANT rol_coord_2 TO rol_group;
SET SESSION AUTHORIZATION rol_group;
BEGIN;
SELECT code($$SELECT casus.enter('intake')$$);
COMMIT;
-- who takes the role by SET ROLE acts as him, on record as that
SET ROLE rol_coord_2;
BEGIN; SELECT FROM casus.enter('intake');
SELECT id FROM zaak;
\! psql -qXtA -U postgres -d "$PGDATABASE" -c 'ALTER ROLE rol_coord_2 RENAME TO rol_coord_3'
SELECT code('SELECT id FROM zaak');
ROLLBACK;
RESET ROLE;
RESET SESSION AUTHORIZATION;
-- dropped, and made anew with the same name: another oid
SELECT casus.bind_person('Coord', 'rol_coord_3') > 0 AS bound;
DROP OWNED BY rol_coord_3;
DROP ROLE rol_coord_3;
CREATE ROLE rol_coord_3 LOGIN;
GRANT SELECT ON zaak TO rol_coord_3;
SET SESSION AUTHORIZATION rol_coord_3;
BEGIN;
SELECT code($$SELECT casus.enter('intake')$$);
SELECT code('SELECT id FROM zaak');
COMMIT;
RESET SESSION AUTHORIZATION;
DROP OWNED BY rol_coord, rol_coord_3, rol_group, rol_fg;
DROP ROLE rol_coord, rol_coord_3, rol_group, rol_fg;
RESET client_min_messages;
