-- Set-up acts: files, parties, persons, roles, appointments; what is refused, and with which article.
\set VERBOSITY terse
\pset null '(null)'
\pset format unaligned
\pset footer off
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/code.sql'
\i :fixture
CREATE ROLE setup_admin LOGIN;
GRANT casus_admin TO setup_admin;
CREATE ROLE setup_auditor LOGIN;
GRANT casus_auditor TO setup_auditor;
CREATE ROLE setup_coordinator LOGIN;
CREATE ROLE setup_brp LOGIN;
CREATE ROLE setup_fg LOGIN;
CREATE ROLE "setup O'Brien ""x""" LOGIN;
CREATE ROLE setup_nobody LOGIN;

-- Nobody sets up but casus_admin.
SET SESSION AUTHORIZATION setup_nobody;
SELECT try($$casus.open_file('beesel-2021', 'ondermijning')$$);
SELECT try($$casus.add_person('X')$$);
SET SESSION AUTHORIZATION setup_admin;
SELECT try($$casus.open_file('beesel-2021', 'ondermijning')$$);
SELECT try($$casus.install_protocol('beesel-2021')$$);

-- A file works right after install_protocol and has the twelve departments of Bijlage 8 [B-1].
SELECT try($$casus.open_file('beesel-2021', 'ondermijning')$$);
SELECT try($$casus.open_file('beesel-2021', 'ondermijning')$$);
SELECT try($$casus.open_file('beesel-2021', '')$$);
SELECT name, protocol, controllers, parameters, second_person, activated_at FROM casus.file;
SELECT name, title, kind, ends FROM casus.party ORDER BY name;
-- [B-1] [B-2] no other department can be added.
SELECT try($$casus.add_party('ondermijning', 'groenvoorziening', 'afdeling')$$);
-- One of the closed list that left may come back.
SELECT try($$casus.end_membership('ondermijning', 'financien', 'samengevoegd')$$);
SELECT try($$casus.add_party('ondermijning', 'financien')$$);
SELECT try($$casus.add_party('ondermijning', 'financien')$$);
SELECT name, ends FROM casus.party WHERE file = 'ondermijning' AND name = 'financien';
SELECT try($$casus.add_party('elders', 'groenvoorziening', 'afdeling')$$);

-- Until it is activated no dossier opens; what is missing is listed with its article.
SELECT try($$casus.add_person('Carla', 'setup_coordinator', oath_on => '2020-01-01')$$);
SELECT try($$casus.appoint('Carla', 'ondermijning', NULL, 'coordinator', reason => 'mandaat')$$);
SET SESSION AUTHORIZATION setup_coordinator;
SELECT try($$casus.open_dossier('ondermijning')$$);
SET SESSION AUTHORIZATION setup_admin;
SELECT try($$casus.activate_protocol('ondermijning')$$);
SELECT try($$casus.set_parameter('ondermijning', 'kleur', '"rood"')$$);
SELECT try($$casus.set_parameter('ondermijning', 'standaarden', '[]')$$);
SELECT try($$casus.activate_protocol('ondermijning', parameters => '{"startdatum": "2021-12-01"}')$$);
SELECT try($$casus.activate_protocol('ondermijning', 'DPIA-2026-01', '{"startdatum": null}')$$);
SELECT try($$casus.activate_protocol('ondermijning', 'DPIA-2026-01', '{"startdatum": "morgen"}')$$);
SELECT d, try(format($$casus.activate_protocol('ondermijning', 'DPIA-2026-01', jsonb_build_object('startdatum', %L))$$, d))
	FROM unnest(ARRAY['2021-02-30', '2021-13-01', '0000-01-01', ' 2021-2-01', '2021-+1-01', '2021-12-010', '01-12-2021', '2023-02-29', '']) d;
SELECT try($$casus.activate_protocol('ondermijning', 'DPIA-2026-01', '{"startdatum": "2021-12-01", "kleur": "rood"}')$$);
SELECT try($$casus.open_file('beesel-2021', 'tweede', parameters => '{"kleur": "rood"}')$$);
-- What was refused left nothing behind.
SELECT parameters, activated_at FROM casus.file;
SELECT try($$casus.activate_protocol('ondermijning', dpia => 'DPIA-2026-01', parameters => '{"startdatum": "2021-12-01"}')$$);
SELECT parameters, activated_at IS NOT NULL AS active FROM casus.file;
-- What it could not be activated without stays; another value may come in its place.
SELECT try($$casus.set_parameter('ondermijning', 'dpia', 'null')$$);
SELECT try($$casus.set_parameter('ondermijning', 'dpia', '""')$$);
SELECT try($$casus.set_parameter('ondermijning', 'dpia', '[]')$$);
SELECT try($$casus.set_parameter('ondermijning', 'startdatum', 'null')$$);
SELECT try($$casus.activate_protocol('ondermijning', 'DPIA-2026-01', '{"startdatum": null}')$$);
SELECT try($$casus.set_parameter('ondermijning', 'standaarden', 'null')$$);
SELECT try($$casus.set_parameter('ondermijning', 'dpia', '"DPIA-2026-02"')$$);
SELECT try($$casus.activate_protocol('ondermijning', '', '{}')$$);
SELECT try($$casus.activate_protocol('ondermijning')$$);
SELECT parameters FROM casus.file;

-- Persons: the name is the handle, the role belongs to one of them.
SELECT try($$casus.add_person('Carla')$$);
SELECT try($$casus.add_person('Carla B.', 'setup_coordinator')$$);
SELECT try($$casus.add_person('Bram', 'setup_bestaat_niet')$$);
SELECT try($$casus.add_person('')$$);
SELECT try($$casus.add_person('Bram', 'setup_brp')$$);
SELECT try($$casus.add_person('Fatima', 'setup_fg')$$);
SELECT try($$casus.add_person('Pat O''Brien "x"', '"setup O''Brien ""x"""', vog_on => '2021-01-01')$$);
SELECT name, role_name, oath_on, vog_on, is_bound FROM casus.person ORDER BY name;

-- [B-3] coordinator of the whole file, without party; [B-4] casusregisseur of one dossier; delegate of a party.
SELECT try($$casus.appoint('Pat O''Brien "x"', 'ondermijning', 'subsidies', 'coordinator')$$);
SELECT try($$casus.appoint('Pat O''Brien "x"', 'ondermijning', 'subsidies', 'casusregisseur')$$);
SELECT try($$casus.appoint('Pat O''Brien "x"', 'ondermijning', NULL, 'afgevaardigde')$$);
SELECT try($$casus.appoint('Pat O''Brien "x"', 'ondermijning', 'groenvoorziening', 'afgevaardigde')$$);
SELECT try($$casus.appoint('Pat O''Brien "x"', 'ondermijning', 'subsidies', 'afgevaardigde', dossier => 1)$$);
SELECT try($$casus.appoint('Pat O''Brien "x"', 'ondermijning', 'subsidies', 'tovenaar')$$);
SELECT try($$casus.appoint('Niemand', 'ondermijning', 'subsidies', 'afgevaardigde')$$);
SELECT try($$casus.appoint('Pat O''Brien "x"', 'ondermijning', 'subsidies', 'afgevaardigde')$$);
-- [B-49] without ambtseed or VOG nobody gets access; a date in the future is refused, today is not.
SELECT try($$casus.appoint('Bram', 'ondermijning', 'basisregistratie_personen', 'afgevaardigde')$$);
SELECT try($$casus.set_oath('Bram', vog_on => '2999-01-01')$$);
SELECT try($$casus.set_oath('Bram', oath_on => 'infinity')$$);
SELECT try($$casus.add_person('Morgen', oath_on => '2999-01-01')$$), try($$casus.add_person('Morgen', vog_on => '2999-01-01')$$);
BEGIN;
SELECT try(format('casus.set_oath(%L, oath_on => %L)', 'Bram', (clock_timestamp() AT TIME ZONE 'Europe/Amsterdam')::date));
ROLLBACK;
SELECT try($$casus.appoint('Bram', 'ondermijning', 'basisregistratie_personen', 'afgevaardigde')$$);
SELECT try($$casus.set_oath('Bram', oath_on => '2021-05-01')$$);
SELECT try($$casus.appoint('Bram', 'ondermijning', 'basisregistratie_personen', 'afgevaardigde')$$);
-- Not the same office twice at a time; one after the other is well.
SELECT try($$casus.appoint('Bram', 'ondermijning', 'basisregistratie_personen', 'afgevaardigde')$$);
SELECT try($$casus.appoint('Bram', 'ondermijning', 'aanbestedingen', 'afgevaardigde', starts => '2090-01-01', ends => '2080-01-01')$$);
SELECT try($$casus.appoint('Bram', 'ondermijning', 'aanbestedingen', 'afgevaardigde', starts => '2080-01-01', ends => '2090-01-01')$$);
SELECT try($$casus.appoint('Bram', 'ondermijning', 'aanbestedingen', 'afgevaardigde', starts => '2090-01-01')$$);
SELECT try($$casus.appoint('Bram', 'ondermijning', 'aanbestedingen', 'afgevaardigde')$$);
-- The FG decides nothing, and who decides is not the FG, in either order.
SELECT try($$casus.appoint('Carla', 'ondermijning', NULL, 'fg')$$);
SELECT try($$casus.appoint('Fatima', 'ondermijning', NULL, 'fg')$$);
SELECT try($$casus.set_oath('Fatima', oath_on => '2020-01-01')$$);
SELECT try($$casus.appoint('Fatima', 'ondermijning', NULL, 'coordinator')$$);
-- Nor does it help to be appointed for later.
SELECT try($$casus.appoint('Fatima', 'ondermijning', NULL, 'coordinator', starts => '2090-01-01')$$);
-- Beesel marks no purpose as a standing one.
SELECT try($$casus.appoint('Fatima', 'ondermijning', NULL, 'fg', standing_purpose => 'toezicht')$$);

-- Who may appoint is the protocol's: the coordinator appoints delegates, not himself into another office.
SET SESSION AUTHORIZATION setup_coordinator;
SELECT try($$casus.appoint('Bram', 'ondermijning', 'subsidies', 'afgevaardigde', reason => 'waarneming')$$);
SELECT try($$casus.appoint('Carla', 'ondermijning', NULL, 'verwerkingsverantwoordelijke')$$);
SET SESSION AUTHORIZATION setup_brp;
SELECT try($$casus.appoint('Bram', 'ondermijning', 'financien', 'afgevaardigde')$$);
SET SESSION AUTHORIZATION setup_nobody;
SELECT try($$casus.appoint('Bram', 'ondermijning', 'financien', 'afgevaardigde')$$);

-- A deputy holds the office no longer than the one he stands in for; with its end his ends.
SET SESSION AUTHORIZATION setup_admin;
SELECT try($$casus.add_person('Dora', oath_on => '2020-01-01')$$);
SET SESSION AUTHORIZATION setup_coordinator;
SELECT id AS bram FROM casus.appointment WHERE person = 'Bram' AND party = 'basisregistratie_personen' \gset
SELECT try(format($$casus.deputise(%s, 'Pat O''Brien "x"', reason => 'verlof')$$, :bram));
SELECT person, party, deputy_for = :bram AS deputy, holds_now FROM casus.appointment WHERE person LIKE 'Pat%' ORDER BY id;
-- So does a deputy of a deputy.
SELECT id AS pat FROM casus.appointment WHERE deputy_for = :bram \gset
SELECT try(format($$casus.deputise(%s, 'Dora')$$, :pat));
SELECT person, holds_now FROM casus.appointment WHERE deputy_for = :pat;
SELECT try(format($$casus.end_appointment(%s, 'andere baan')$$, :bram));
SELECT person, party, holds_now FROM casus.appointment WHERE person <> 'Carla' ORDER BY id;
SELECT try(format($$casus.end_appointment(%s, 'andere baan')$$, :bram));
SELECT try($$casus.end_appointment(-1)$$);
-- Nor does he hold it sooner: not before it starts, and not at all when it ends before that.
SELECT id AS later FROM casus.appointment WHERE person = 'Bram' AND party = 'aanbestedingen' ORDER BY starts LIMIT 1 \gset
SELECT try(format($$casus.deputise(%s, 'Dora')$$, :later));
SELECT try(format($$casus.deputise(%s, 'Carla', '2070-01-01', '2095-01-01')$$, :later));
SELECT try(format($$casus.deputise(%s, 'Fatima', '2085-01-01', '2086-01-01')$$, :later));
SELECT person, date_part('year', starts AT TIME ZONE 'UTC' + interval '1 day') AS starts, date_part('year', ends AT TIME ZONE 'UTC' + interval '1 day') AS ends, holds_now
	FROM casus.appointment WHERE deputy_for = :later ORDER BY id;
SELECT try(format($$casus.end_appointment(%s, 'komt niet')$$, :later));
SELECT count(*) FILTER (WHERE ends > starts) AS left FROM casus.appointment WHERE :later IN (id, deputy_for);
SELECT try(format($$casus.deputise(%s, 'Dora')$$, :later)), try(format($$casus.end_appointment(%s)$$, :later));
-- What ended before it began keeps nobody from the office.
SELECT try($$casus.appoint('Bram', 'ondermijning', 'aanbestedingen', 'afgevaardigde', starts => '2080-01-01', ends => '2090-01-01')$$);

-- Each sees what is his: oneself; the coordinator his file; admin and auditor all; a stranger nothing.
SET SESSION AUTHORIZATION setup_brp;
SELECT person, party, office FROM casus.appointment ORDER BY id;
SELECT name FROM casus.person;
SELECT count(*) FROM casus.party;
SET SESSION AUTHORIZATION setup_nobody;
SELECT (SELECT count(*) FROM casus.appointment) AS appointments, (SELECT count(*) FROM casus.person) AS persons,
	(SELECT count(*) FROM casus.party) AS parties, (SELECT count(*) FROM casus.file) AS files,
	(SELECT count(*) FROM casus.act_log) AS acts;
SET SESSION AUTHORIZATION setup_auditor;
SELECT kind, role_name, person, office, controller, motivation, details - 'appointment' AS details FROM casus.act_log ORDER BY id;

-- [B-1] membership ends, and with it what its people hold.
SET SESSION AUTHORIZATION setup_admin;
SELECT try($$casus.end_membership('ondermijning', 'subsidies', 'opgeheven')$$);
SELECT name, ends IS NULL AS is_member FROM casus.party WHERE name IN ('subsidies', 'financien') ORDER BY 1;
SELECT person, party, holds_now FROM casus.appointment WHERE party = 'subsidies' ORDER BY id;
SELECT try($$casus.appoint('Bram', 'ondermijning', 'subsidies', 'afgevaardigde')$$);

-- A role that is made anew is nobody until it is bound again.
RESET SESSION AUTHORIZATION;
DROP ROLE setup_brp;
CREATE ROLE setup_brp LOGIN;
SELECT name, role_name, is_bound FROM casus.person WHERE name = 'Bram';
SET SESSION AUTHORIZATION setup_brp;
SELECT count(*) FROM casus.appointment;
SET SESSION AUTHORIZATION setup_admin;
SELECT try($$casus.bind_person('Bram', 'setup_coordinator')$$);
SELECT try($$casus.bind_person('Bram', 'setup_brp')$$);
SET SESSION AUTHORIZATION setup_brp;
SELECT count(*) > 0 AS known FROM casus.appointment;

-- A rolled-back act leaves no state.
SET SESSION AUTHORIZATION setup_admin;
BEGIN;
SELECT casus.add_person('Tijdelijk') IS NOT NULL AS added;
ROLLBACK;
SELECT count(*) FROM casus.person WHERE name = 'Tijdelijk';
-- The DPIA may have been set before.
SELECT try($$casus.open_file('beesel-2021', 'eerder', parameters => '{"startdatum": "2021-12-01", "standaarden": [], "dpia": ""}')$$);
SELECT try($$casus.activate_protocol('eerder')$$);
SELECT try($$casus.set_parameter('eerder', 'dpia', '"DPIA 1"')$$);
SELECT try($$casus.activate_protocol('eerder')$$);
-- [MN-10] How long the log is kept is a whole number of months.
SELECT v, try(format($$casus.set_parameter('eerder', 'bewaartermijn_logboek', %L)$$, v))
	FROM unnest(ARRAY['"60"', '-5', '0', '1201', '6.5', 'true', '60', 'null']) v;

RESET SESSION AUTHORIZATION;
DROP ROLE setup_admin, setup_auditor, setup_coordinator, setup_brp, setup_fg, "setup O'Brien ""x""", setup_nobody;
