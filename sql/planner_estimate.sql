/*
 * planner_estimate: what the policy makes of the planner's choices.  An
 * application without a purpose keeps, on tables of which a few rows are
 * governed, the plans that it had; who reads with a purpose is estimated by his
 * rules; and no estimate tells of a dossier.  [B-38] A070
 */
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE planner_estimate_app;
CREATE ROLE planner_estimate_coord;

-- The rows that the planner expects.
CREATE FUNCTION public.expected(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;

-- A plan without the policy in it, and without brackets, of which the policy brings more.  The label is in no
-- index of the application's, so that an index-only scan becomes an index scan.
CREATE FUNCTION public.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text = '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		line = regexp_replace(line, 'casus_int\.permits\([\w.]*casus_label\)( AND )?', '', 'g');
		CONTINUE WHEN line ~ 'Filter: $';
		plan = plan || replace(translate(line, '()', ''), 'Index Only Scan', 'Index Scan') || E'\n';
	END LOOP;
	RETURN plan;
END $$;

-- The shape of Open Zaak's largest tables.
CREATE TABLE public.zaaktype (id int PRIMARY KEY, naam text NOT NULL);
INSERT INTO zaaktype SELECT n, 'type ' || n FROM generate_series(1, 12) n;
CREATE TABLE public.zaak (id int PRIMARY KEY, uuid uuid NOT NULL UNIQUE, zaaktype int NOT NULL REFERENCES zaaktype,
	identificatie varchar(40) NOT NULL, registratie date NOT NULL, einddatum date, titel text NOT NULL);
INSERT INTO zaak SELECT n, md5(n::text)::uuid, CASE WHEN n % 100 = 0 THEN 12 ELSE 1 + n % 11 END, 'ZAAK-' || n, date '2020-01-01' + n % 1500,
	CASE WHEN n % 3 > 0 THEN date '2021-01-01' + n % 1500 END, 'titel ' || n FROM generate_series(1, 6000) n;
CREATE INDEX zaak_registratie ON zaak (registratie);
CREATE INDEX zaak_type ON zaak (zaaktype);
CREATE INDEX zaak_upper ON zaak (upper(identificatie));
CREATE TABLE public.status (id int PRIMARY KEY, zaak int NOT NULL REFERENCES zaak, gezet timestamptz NOT NULL, toelichting text NOT NULL);
INSERT INTO status SELECT n, 1 + n % 6000, timestamptz '2020-01-01 00:00+00' + n * interval '1 hour', 'status ' || n FROM generate_series(1, 18000) n;
CREATE INDEX status_zaak ON status (zaak);
CREATE INDEX status_gezet ON status (gezet);
CREATE TABLE public.rol (id int PRIMARY KEY, zaak int NOT NULL REFERENCES zaak, soort text NOT NULL, naam text NOT NULL);
INSERT INTO rol SELECT n, 1 + n % 6000, (ARRAY['initiator', 'behandelaar'])[1 + n % 2], 'naam ' || n FROM generate_series(1, 12000) n;
CREATE INDEX rol_zaak ON rol (zaak);
CREATE INDEX rol_naam ON rol (naam text_pattern_ops);
GRANT ALL ON zaaktype, zaak, status, rol TO planner_estimate_app, planner_estimate_coord;
VACUUM ANALYZE zaaktype, zaak, status, rol;

CREATE TABLE public.vraag (nr int PRIMARY KEY, query text NOT NULL, plan text);
INSERT INTO vraag (nr, query) VALUES
	(1, $$SELECT titel FROM zaak WHERE id = 7$$),
	(2, $$SELECT titel FROM zaak WHERE uuid = md5('7')::uuid$$),
	(3, $$SELECT * FROM zaak WHERE registratie >= '2020-02-01' AND registratie < '2020-02-08' ORDER BY registratie DESC LIMIT 20$$),
	(4, $$SELECT titel FROM zaak ORDER BY id LIMIT 100$$),
	(5, $$SELECT t.naam, count(*), max(z.titel) FROM zaak z JOIN zaaktype t ON t.id = z.zaaktype GROUP BY t.naam$$),
	(6, $$SELECT z.titel, s.toelichting FROM zaak z JOIN status s ON s.zaak = z.id WHERE z.id = 9$$),
	(7, $$SELECT z.titel, s.toelichting, r.naam FROM zaak z JOIN status s ON s.zaak = z.id JOIN rol r ON r.zaak = z.id
		WHERE z.registratie = '2020-03-01'$$),
	(8, $$SELECT z.titel, s.toelichting, r.naam FROM zaak z JOIN status s ON s.zaak = z.id JOIN rol r ON r.zaak = z.id WHERE r.soort = 'initiator'$$),
	(9, $$SELECT titel FROM zaak z WHERE EXISTS (SELECT FROM rol r WHERE r.zaak = z.id AND r.naam = 'naam 77')$$),
	(10, $$SELECT titel FROM zaak z WHERE NOT EXISTS (SELECT FROM status s WHERE s.zaak = z.id AND s.toelichting > 'status 5')$$),
	(11, $$SELECT zaak, naam FROM rol WHERE naam LIKE 'naam 11%'$$),
	(12, $$SELECT titel FROM zaak WHERE upper(identificatie) = 'ZAAK-12'$$),
	(13, $$SELECT toelichting FROM status WHERE gezet >= date '2022-01-01' AND gezet < date '2022-01-02'$$),
	(14, $$SELECT z.titel, (SELECT s.toelichting FROM status s WHERE s.zaak = z.id ORDER BY s.gezet DESC LIMIT 1) FROM zaak z WHERE z.id < 50$$),
	(15, $$SELECT z.titel FROM zaak z LEFT JOIN rol r ON r.zaak = z.id AND r.soort = 'behandelaar' WHERE r.id IS NULL$$),
	(16, $$SELECT sum(length(titel)) FROM zaak WHERE id IN (1, 2, 3)$$),
	(17, $$SELECT titel FROM zaak WHERE id = 7 FOR UPDATE$$),
	(18, $$DELETE FROM status WHERE zaak = 9$$),
	(19, $$SELECT z.zaaktype, s.gezet FROM zaak z, status s, rol r WHERE s.zaak = z.id AND r.zaak = z.id AND z.zaaktype = 3 AND s.id < 1000$$);
GRANT SELECT ON vraag TO PUBLIC;
UPDATE vraag SET plan = plan_of(query);

SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'zaken') IS NOT NULL AS opened;
SELECT casus.activate_protocol('zaken', 'DPIA 1', '{"startdatum": "2021-01-01", "standaarden": "x"}') IS NOT NULL AS active;
SELECT casus.add_person('Coordinator', 'planner_estimate_coord', oath_on => '2020-01-01') IS NOT NULL AS added;
SELECT casus.appoint('Coordinator', 'zaken', NULL, 'coordinator', reason => 'test') IS NOT NULL AS appointed;
SELECT count(*) > 0 AS done FROM casus.protect('zaak', 'zaken', opens_dossier => true, governs => 'zaaktype = 12',
	category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.protect('status', 'zaken', via => 'zaak', category => 'signaalomschrijving');
SELECT count(*) > 0 AS done FROM casus.protect('rol', 'zaken', via => 'zaak', category => 'signaalomschrijving');
CALL casus.take_in('zaak', phase => '''intake''', opened => 'registratie');
CALL casus.take_in('status');
CALL casus.take_in('rol');
SELECT count(*) > 0 AS done FROM casus.bind('zaak', 'enforce');
SELECT count(*) > 0 AS done FROM casus.bind('status', 'enforce');
SELECT count(*) > 0 AS done FROM casus.bind('rol', 'enforce');

-- The same plans for the application, before and after statistics of the label are there.
SET ROLE planner_estimate_app;
SELECT nr, query, plan AS before, plan_of(query) AS after FROM vraag WHERE plan_of(query) <> plan ORDER BY nr;
RESET ROLE;
VACUUM ANALYZE zaak, status, rol;
SET ROLE planner_estimate_app;
SELECT nr, query, plan AS before, plan_of(query) AS after FROM vraag WHERE plan_of(query) <> plan ORDER BY nr;
SELECT expected('SELECT * FROM zaak') BETWEEN 5900 AND 6000 AS zaak, expected('SELECT * FROM status') BETWEEN 17700 AND 18000 AS status,
	expected('SELECT 1 FROM zaak z JOIN status s ON s.zaak = z.id') BETWEEN 17000 AND 18000 AS joined;

-- With a purpose: by its rules, on a table of which all rows are governed too.
RESET ROLE;
CREATE TABLE public.signaal (id int PRIMARY KEY, tekst text NOT NULL);
INSERT INTO signaal SELECT n, 'signaal ' || n FROM generate_series(1, 1000) n;
GRANT SELECT ON signaal TO planner_estimate_app, planner_estimate_coord;
SELECT count(*) > 0 AS done FROM casus.protect('signaal', 'zaken', opens_dossier => true, category => 'signaalomschrijving');
CALL casus.take_in('signaal', phase => '''intake''', opened => '''2022-01-01''');
SELECT count(*) > 0 AS done FROM casus.bind('signaal', 'enforce');
VACUUM ANALYZE signaal;
ANALYZE casus_cat.dossier;
SET ROLE planner_estimate_coord;
BEGIN;
SELECT casus.enter('intake') IS NOT NULL AS entered;
SELECT expected('SELECT * FROM signaal') AS signaal, expected('SELECT * FROM zaak') BETWEEN 5900 AND 6000 AS zaak;
SELECT casus.enter('overleg') IS NOT NULL AS entered;
SELECT expected('SELECT * FROM signaal') AS fewer_in_another_phase;
ROLLBACK;
BEGIN;
SELECT casus.enter('intake') IS NOT NULL AS entered;
SELECT min(casus.dossier_of(casus_label)) AS dossier, min(casus_label::text) AS label FROM signaal \gset
SELECT casus.enter('intake', dossier => :dossier) IS NOT NULL AS entered;
SELECT expected('SELECT * FROM signaal') AS one_dossier;
COMMIT;

-- An estimate does not tell whether there is such a label, and how many rows are outside.
SET ROLE planner_estimate_app;
SELECT expected(format('SELECT * FROM signaal WHERE casus_label = %L', :'label'))
	= expected(format('SELECT * FROM signaal WHERE casus_label = %L', gen_random_uuid())) AS same,
	expected(format('SELECT * FROM signaal WHERE casus_label < %L', :'label'))
	= expected(format('SELECT * FROM signaal WHERE casus_label < %L', gen_random_uuid())) AS same_range,
	expected(format('SELECT * FROM zaak WHERE casus_label = %L', (SELECT casus_label::text FROM zaak LIMIT 1)))
	= expected(format('SELECT * FROM zaak WHERE casus_label = %L', gen_random_uuid())) AS same_outside;
RESET ROLE;
DROP OWNED BY planner_estimate_app, planner_estimate_coord;
DROP ROLE planner_estimate_app, planner_estimate_coord;
