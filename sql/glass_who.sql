-- Break-glass is its maker's, by person and by role: it is no other's who has the role since, nor his under another role;
-- and one that is not reviewed blocks the next of both.  One that was made as casus_admin ends with that.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE who_first LOGIN;
CREATE ROLE who_second LOGIN;
CREATE ROLE who_fg LOGIN;
CREATE ROLE who_admin LOGIN IN ROLE casus_admin;
\o /dev/null
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'een');
SELECT casus.activate_protocol('een', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
SELECT casus.add_person('Anna', 'who_first', oath_on => '2020-01-01'), casus.add_person('Fg', 'who_fg');
SELECT casus.appoint('Anna', 'een', NULL, 'coordinator', reason => 'test'), casus.appoint('Fg', 'een', NULL, 'fg', reason => 'test');
CREATE TABLE zaak (id integer PRIMARY KEY, dossier bigint NOT NULL);
GRANT ALL ON zaak TO PUBLIC;
SELECT casus.protect('zaak', 'een', dossier => 'dossier', category => 'registratie');
SELECT casus.bind('zaak', 'enforce');
CREATE FUNCTION try(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE code text; message text; n text;
BEGIN
	EXECUTE sql INTO n;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = CONSTRAINT_NAME, message = MESSAGE_TEXT;
	RETURN SQLSTATE || ' ' || code || ': ' || message;
END $$;
\o
SET SESSION AUTHORIZATION who_first;
SELECT casus.open_dossier('een') AS a \gset
SELECT casus.open_dossier('een') AS b \gset
SELECT casus.open_dossier('een') AS c \gset
BEGIN;
SELECT casus.enter('intake') \g /dev/null
INSERT INTO zaak VALUES (1, :a), (2, :b), (3, :c);
COMMIT;

-- As casus_admin, as long as he is one.
SET SESSION AUTHORIZATION who_admin;
SELECT casus.break_glass('brand', :a, '1 hour') > 0 AS act;
SELECT id FROM zaak;
RESET SESSION AUTHORIZATION;
REVOKE casus_admin FROM who_admin;
SET SESSION AUTHORIZATION who_admin;
SELECT try('SELECT id FROM zaak');
RESET SESSION AUTHORIZATION;
GRANT casus_admin TO who_admin;
SET SESSION AUTHORIZATION who_admin;
SELECT id FROM zaak;

-- Another person has the role, and the person another role.
SET SESSION AUTHORIZATION who_first;
SELECT casus.break_glass('brand', :b, '5 seconds') > 0 AS act;
SELECT id FROM zaak;
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT casus.bind_person('Anna', 'who_second');
SELECT casus.add_person('Bert', 'who_first', oath_on => '2020-01-01');
SELECT casus.appoint('Bert', 'een', 'subsidies', 'afgevaardigde', reason => 'test');
\o
SET SESSION AUTHORIZATION who_first;
SELECT try('SELECT id FROM zaak') AS bert_with_her_role;
SET SESSION AUTHORIZATION who_second;
SELECT try('SELECT id FROM zaak') AS anna_with_another;
RESET SESSION AUTHORIZATION;
SELECT pg_sleep(5.1);
-- It is over, and nobody has looked at it: on another dossier too.
SET SESSION AUTHORIZATION who_first;
SELECT try(format('SELECT casus.break_glass(%L, %s)', 'brand', :c)) AS bert_with_her_role;
SET SESSION AUTHORIZATION who_second;
SELECT try(format('SELECT casus.break_glass(%L, %s)', 'brand', :c)) AS anna_with_another;
SET SESSION AUTHORIZATION who_fg;
SELECT count(casus.review_break_glass(act, 'justified', 'er was brand')) FROM casus.opening WHERE NOT is_reviewed;
SET SESSION AUTHORIZATION who_second;
SELECT try(format('SELECT casus.break_glass(%L, %s)', 'brand', :c)) AS anna_reviewed;
SET SESSION AUTHORIZATION who_first;
SELECT try(format('SELECT casus.break_glass(%L, %s)', 'brand', :c)) AS bert_reviewed;
RESET SESSION AUTHORIZATION;
DROP OWNED BY who_first, who_second, who_fg, who_admin;
