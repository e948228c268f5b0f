-- Every function that is also called with NULL, with NULL for each argument in
-- turn and for all: it answers with a value or with an error of its own, and
-- neither ends the session nor fails with an internal error.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE nulls_none LOGIN;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond') > 0 AS opened;
SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "x"}') > 0 AS active;
SELECT casus.add_person('Coord', 'nulls_none', oath_on => '2020-01-01') > 0 AS added;
CREATE TABLE zaak (id integer PRIMARY KEY, titel text);
SELECT count(*) > 2 AS lines FROM casus.protect('zaak', 'ond', opens_dossier => true, category => 'registratie', without_purpose => 'hide');
SELECT count(*) > 2 AS lines FROM casus.bind('zaak', 'enforce');

-- The others are given what gets a call as far as it may come.
CREATE FUNCTION given(name text, type oid) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(quote_literal(v.value) || '::' || type::regtype, 'NULL::' || type::regtype)
	FROM (SELECT CASE WHEN type <> 'text'::regtype THEN NULL ELSE jsonb_build_object('file', 'ond', 'protocol', 'beesel-2021', 'person', 'Coord',
			'office', 'afgevaardigde', 'party', 'subsidies', 'purpose', 'intake', 'phase', 'overleg', 'gate', 'aanmelding', 'lasts', 'transaction') ->> name END,
		CASE type::regtype::text WHEN 'text' THEN 'x' WHEN 'name' THEN 'nulls_none' WHEN 'regclass' THEN 'zaak' WHEN 'boolean' THEN 'true'
			WHEN 'regrole' THEN 'nulls_none' WHEN 'jsonb' THEN '{}' WHEN 'interval' THEN '1 hour' WHEN 'date' THEN '2022-01-01'
			WHEN 'timestamp with time zone' THEN '2022-01-01' WHEN 'text[]' THEN '{subsidies}' WHEN 'bigint[]' THEN '{1}'
			WHEN 'bigint' THEN '1' WHEN 'integer' THEN '1' WHEN 'smallint' THEN '1' END) g (named, typed),
		LATERAL (SELECT coalesce(named, typed)) v (value)
$$;
-- without: the argument that is NULL; 0: all of them.
CREATE VIEW call AS
	SELECT p.oid::regprocedure AS function, without,
		format(CASE p.prokind WHEN 'p' THEN 'CALL %I.%I(%s)' ELSE 'SELECT * FROM %I.%I(%s) AS f%s' END, n.nspname, p.proname,
			(SELECT string_agg(CASE WHEN without IN (0, i) THEN 'NULL::' || t::regtype ELSE given(p.proargnames[i], t) END, ', ' ORDER BY i)
				FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a (t, i)),
			CASE WHEN p.prorettype = 'record'::regtype AND p.proargmodes IS NULL THEN '(a text)' END) AS statement
	FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, generate_series(0, p.pronargs) without
	WHERE n.nspname IN ('casus', 'casus_int') AND NOT p.proisstrict AND p.pronargs > 0 AND p.prokind IN ('f', 'p')
		AND NOT p.proargtypes::oid[] && ARRAY['internal', 'cstring', 'anyelement']::regtype[]::oid[];
GRANT SELECT ON call TO nulls_none;
-- The state of an error that no caller should meet; what a call did is undone.
CREATE FUNCTION pg_temp.answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE 'done' USING ERRCODE = 'CT001';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE WHEN SQLSTATE ~ '^(XX|42601|42883|42P0)' THEN SQLSTATE || ' ' || SQLERRM END;
END $$;
-- Those that answer with a value, whoever asks: the test reaches what it calls.
CREATE FUNCTION pg_temp.gives_value(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE 'done' USING ERRCODE = 'CT001';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE = 'CT001';
END $$;
SELECT count(DISTINCT function) > 30 AS functions, count(*) > 100 AS calls FROM call;
SELECT function, without, pg_temp.answer(statement) FROM call WHERE pg_temp.answer(statement) IS NOT NULL ORDER BY function::text, without;
SELECT count(*) > 10 AS values FROM call WHERE pg_temp.gives_value(statement);
SET ROLE nulls_none;
SELECT function, without, pg_temp.answer(statement) FROM call WHERE pg_temp.answer(statement) IS NOT NULL ORDER BY function::text, without;
RESET ROLE;

-- What is missing has a name.
SELECT casus.open_file('beesel-2021', NULL);
SELECT casus.open_file(NULL, 'x');
SELECT casus.add_party(NULL, 'x');
SELECT casus.add_party('ond', NULL);
SELECT casus.end_membership(NULL, 'x');
SELECT casus.end_membership('ond', NULL);
SELECT casus.activate_protocol(NULL);
SELECT casus_int.sees_opening(1, 1, NULL);
CALL casus.take_in(NULL);
SET ROLE nulls_none;
SELECT casus.open_file('beesel-2021', NULL);
SELECT casus.add_party(NULL, NULL);
SELECT casus.end_membership('ond', NULL);
SELECT casus_int.sees_opening(1, 1, NULL);
