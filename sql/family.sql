-- Partitioned tables, and tables that inherit, as protected tables: bound as one, whatever name is used.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE fam_coord LOGIN;
CREATE ROLE fam_app LOGIN;
CREATE ROLE fam_auditor LOGIN IN ROLE casus_auditor;
SELECT casus.install_protocol('beesel-2021');
SELECT casus.open_file('beesel-2021', 'ond') > 0 AS opened;
SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "vastgesteld"}') > 0 AS active;
SELECT casus.add_person('Coord', 'fam_coord', oath_on => '2020-01-01') > 0 AS ok;
SELECT casus.appoint('Coord', 'ond', NULL, 'coordinator', reason => 'test') > 0 AS ok;

-- a case, its notes by month, and what hangs on a note
CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text);
CREATE TABLE soort (id integer PRIMARY KEY);
INSERT INTO soort VALUES (1), (2);
CREATE TABLE notitie (id integer, maand date, zaak_id integer REFERENCES zaak, tekst text, soort integer DEFAULT 1 REFERENCES soort, PRIMARY KEY (id, maand))
	PARTITION BY RANGE (maand);
CREATE TABLE notitie_01 PARTITION OF notitie FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
-- another order of columns, and partitioned in turn
CREATE TABLE notitie_02 (tekst text, weg integer, maand date NOT NULL, soort integer DEFAULT 1, zaak_id integer, id integer NOT NULL) PARTITION BY LIST (id);
ALTER TABLE notitie_02 DROP COLUMN weg;
ALTER TABLE notitie ATTACH PARTITION notitie_02 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE notitie_02_odd PARTITION OF notitie_02 FOR VALUES IN (1, 3, 5, 7, 9);
CREATE TABLE notitie_02_rest PARTITION OF notitie_02 DEFAULT;
CREATE TABLE bijlage (id integer PRIMARY KEY, notitie integer, maand date, FOREIGN KEY (notitie, maand) REFERENCES notitie DEFERRABLE);
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/code.sql'
\i :fixture

-- protected as one: not a part alone, and not with a part that is elsewhere
SELECT code($$SELECT casus.protect('notitie_01', 'ond', via => 'zaak_id')$$);
CREATE FOREIGN DATA WRAPPER fam_fdw;
CREATE SERVER fam_server FOREIGN DATA WRAPPER fam_fdw;
CREATE TABLE stuk (id integer PRIMARY KEY, dossier bigint, tekst text);
CREATE FOREIGN TABLE ver () INHERITS (stuk) SERVER fam_server;
SELECT code($$SELECT casus.protect('stuk', 'ond', dossier => 'dossier')$$);
DROP FOREIGN TABLE ver;
SELECT count(*) > 2 AS lines FROM casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8', category => 'registratie');
INSERT INTO zaak VALUES (1, 8, 'een'), (2, 8, 'twee'), (3, 1, 'buiten');
INSERT INTO notitie VALUES (1, '2026-01-05', 1, 'jan een'), (2, '2026-01-06', 3, 'jan buiten'), (3, '2026-02-05', 2, 'feb twee'),
	(4, '2026-02-06', 1, 'feb een'), (6, '2026-02-07', 3, 'feb buiten');
INSERT INTO bijlage VALUES (1, 1, '2026-01-05'), (2, 4, '2026-02-06'), (3, 2, '2026-01-06');
SELECT line FROM casus.protect('notitie', 'ond', via => 'zaak_id', category => 'signaalomschrijving', columns => '{"tekst": "signaalomschrijving"}',
	dry_run => true) line WHERE line ~ '^-- with';
SELECT count(*) > 2 AS lines FROM casus.protect('notitie', 'ond', via => 'zaak_id', category => 'signaalomschrijving', columns => '{"tekst": "signaalomschrijving"}');
SELECT count(*) > 2 AS lines FROM casus.protect('bijlage', 'ond', via => 'notitie', category => 'beoordeling');
SELECT code('SELECT casus.bind(''notitie_01'', ''enforce'')');
CALL casus.take_in('zaak');
SELECT count(*) > 0 AS bound FROM casus.bind('zaak', 'enforce');
SELECT code('SELECT casus.bind(''notitie'', ''enforce'')');
CALL casus.take_in('notitie');
SELECT count(*) > 0 AS bound FROM casus.bind('notitie', 'enforce');
CALL casus.take_in('bijlage');
SELECT count(*) > 0 AS bound FROM casus.bind('bijlage', 'enforce');
GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, notitie, notitie_01, notitie_02, notitie_02_odd, notitie_02_rest, bijlage TO fam_coord, fam_app;
GRANT CREATE ON SCHEMA public TO fam_app;

-- whoever reads, through the parent or a part: superuser, owner, application
SELECT tableoid::regclass, id, tekst FROM notitie ORDER BY id;
SELECT tableoid::regclass, id FROM ONLY notitie_01 ORDER BY id;
SELECT id FROM notitie_02 ORDER BY id;
SELECT id FROM notitie_02_odd ORDER BY id;
SET enable_partitionwise_join = on;
SELECT count(*) FROM notitie a JOIN notitie b USING (id, maand);
RESET enable_partitionwise_join;
SET ROLE fam_app;
SELECT id FROM notitie ORDER BY id;
SELECT id FROM notitie_01;
COPY (SELECT id FROM notitie) TO STDOUT;
COPY notitie_01 (id) TO STDOUT;
UPDATE notitie SET tekst = 'x' WHERE id = 1;
DELETE FROM notitie_01 WHERE id = 1;
RESET ROLE;
-- a foreign key holds for rows that nobody may see, in partitions too
SELECT code('DELETE FROM soort WHERE id = 1');
SELECT code('DELETE FROM soort WHERE id = 2');
-- every scan of a part carries the policy of the parent
EXPLAIN (COSTS OFF) SELECT id FROM notitie WHERE maand = '2026-02-05';
SET SESSION AUTHORIZATION fam_coord;
BEGIN; SELECT FROM casus.enter('intake');
SELECT id, tekst FROM notitie ORDER BY id;
SELECT id FROM notitie_02_rest ORDER BY id;
PREPARE by_month(date) AS SELECT id FROM notitie WHERE maand = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE by_month('2026-02-05');
EXECUTE by_month('2026-01-05');
SELECT b.id, n.id FROM bijlage b JOIN notitie n ON n.id = b.notitie AND n.maand = b.maand ORDER BY 1;

-- inserts are routed and labelled, of a parent that is hidden or missing alike
INSERT INTO notitie VALUES (7, '2026-02-08', 2, 'nieuw') RETURNING tableoid::regclass, id, casus.dossier_of(casus_label) IS NOT NULL AS labelled;
INSERT INTO bijlage VALUES (7, 7, '2026-02-08');
INSERT INTO notitie VALUES (7, '2026-02-08', 2, 'weer') ON CONFLICT (id, maand) DO UPDATE SET tekst = excluded.tekst;
SELECT id, tekst FROM notitie WHERE id = 7;
SELECT code('INSERT INTO notitie_01 VALUES (8, ''2026-01-08'', 99, ''x'')');
MERGE INTO notitie n USING (VALUES (7), (8)) v(id) ON n.id = v.id AND n.maand = '2026-02-08'
	WHEN MATCHED THEN UPDATE SET tekst = 'gemerged' WHEN NOT MATCHED THEN INSERT VALUES (v.id, '2026-01-08', 1, 'gemerged');
SELECT id, tekst FROM notitie WHERE id IN (7, 8) ORDER BY id;
COMMIT;

-- an UPDATE of the partition key takes the row along with its label, without the right to remove or to bring in
BEGIN; SELECT FROM casus.enter('intake');
CREATE TEMP TABLE was AS SELECT id, casus_label FROM notitie;
UPDATE notitie SET maand = '2026-01-20' WHERE id = 4 AND zaak_id = 2;
UPDATE notitie SET maand = '2026-01-20' WHERE id IN (3, 6) RETURNING tableoid::regclass, id;
SELECT id, casus_label = w.casus_label AS same FROM notitie n JOIN was w USING (id, casus_label) ORDER BY id;
-- but not to another dossier, nor directly in a part
SELECT code('UPDATE notitie SET maand = ''2026-02-20'', zaak_id = 2 WHERE id = 8');
SELECT code('UPDATE notitie_01 SET maand = ''2026-02-20'' WHERE id = 8');
-- and no label but the row's own
SELECT code($$INSERT INTO notitie_01 (id, maand, zaak_id, casus_label) SELECT 99, '2026-01-01', 1, casus_label FROM was WHERE id = 1$$);
COMMIT;
DROP TABLE was;
RESET SESSION AUTHORIZATION;

-- the monthly job goes on: made, or made apart and attached; fenced in the same statement
CREATE TABLE notitie_04 PARTITION OF notitie FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
CREATE TABLE notitie_05 (LIKE notitie INCLUDING DEFAULTS INCLUDING INDEXES);
ALTER TABLE notitie ATTACH PARTITION notitie_05 FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
SELECT relname, relrowsecurity, relforcerowsecurity, (SELECT tgenabled FROM pg_trigger WHERE tgrelid = c.oid AND tgname = '~casus_row') AS trigger,
	(SELECT string_agg(polname, ' ' ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid) AS policies,
	(SELECT attstattarget FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tekst') AS statistics
	FROM pg_class c WHERE relname ~ '^notitie' AND relkind IN ('r', 'p') ORDER BY relname;
-- one that brings rows brings them without labels, to be taken in
CREATE TABLE notitie_06 (id integer NOT NULL, maand date NOT NULL, zaak_id integer, tekst text, soort integer);
CREATE TABLE notitie_06a (LIKE notitie_06);
INSERT INTO notitie_06 VALUES (61, '2026-06-01', 1, 'juni een'), (62, '2026-06-02', 3, 'juni buiten');
ALTER TABLE notitie_06 ADD COLUMN casus_label casus.label DEFAULT '6f757473-6964-6520-6361-7375732e2e2e';
SELECT code($$ALTER TABLE notitie ATTACH PARTITION notitie_06 FOR VALUES FROM ('2026-06-01') TO ('2026-07-01')$$);
DROP TABLE notitie_06;
ALTER TABLE notitie_06a RENAME TO notitie_06;
INSERT INTO notitie_06 VALUES (61, '2026-06-01', 1, 'juni een'), (62, '2026-06-02', 3, 'juni buiten');
ALTER TABLE notitie_06 ADD COLUMN casus_label casus.label;
ALTER TABLE notitie ATTACH PARTITION notitie_06 FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
SELECT id FROM notitie WHERE maand >= '2026-06-01';
-- A130: nor does a row without a label show to who reads with a purpose, by whatever name
SET SESSION AUTHORIZATION fam_coord;
BEGIN;
SELECT FROM casus.enter('intake');
SELECT id FROM notitie WHERE maand >= '2026-06-01';
SELECT count(*), count(casus_label) AS labelled FROM notitie WHERE casus_label IS NULL OR maand < '2026-03-01';
UPDATE notitie SET tekst = 'x' WHERE maand >= '2026-06-01';
DELETE FROM notitie WHERE casus_label IS NULL;
ROLLBACK;
RESET SESSION AUTHORIZATION;
CALL casus.take_in('notitie');
SELECT id FROM notitie WHERE maand >= '2026-06-01';
-- many of them are hidden as well: of such rows the table tells no label
BEGIN;
CREATE TABLE notitie_07 (id integer NOT NULL, maand date NOT NULL, zaak_id integer, tekst text, soort integer);
INSERT INTO notitie_07 SELECT n, '2026-07-01', 3, 'juli' FROM generate_series(1, 100) n;
ANALYZE notitie_07;
ALTER TABLE notitie_07 ADD COLUMN casus_label casus.label;
ALTER TABLE notitie ATTACH PARTITION notitie_07 FOR VALUES FROM ('2026-07-01') TO ('2026-08-01');
SELECT count(tekst) FROM notitie_07;
ROLLBACK;
-- a label of somebody's own making does not come in
CREATE TABLE notitie_07 (id integer NOT NULL, maand date NOT NULL, zaak_id integer, tekst text, soort integer);
INSERT INTO notitie_07 VALUES (71, '2026-07-01', 1, 'geen');
ALTER TABLE notitie_07 ADD COLUMN casus_label casus.label DEFAULT '00000000-0000-0040-0000-000100000000';
SELECT code($$ALTER TABLE notitie ATTACH PARTITION notitie_07 FOR VALUES FROM ('2026-07-01') TO ('2026-08-01')$$);
SELECT code($$CREATE FOREIGN TABLE notitie_08 PARTITION OF notitie FOR VALUES FROM ('2026-08-01') TO ('2026-09-01') SERVER fam_server$$);
DROP TABLE notitie_07;

-- a part leaves in maintenance only, and stays protected by itself
SELECT code('ALTER TABLE notitie DETACH PARTITION notitie_01');
SELECT code('DROP TABLE notitie_01');
SELECT code('TRUNCATE notitie_01');
SELECT code('ALTER TABLE notitie_01 DISABLE TRIGGER ALL');
SELECT code('ALTER TABLE notitie ADD COLUMN extra integer');
SELECT code('CREATE INDEX ON notitie (zaak_id)');
SELECT casus.maintenance('notitie', 'partitie weg', '15 minutes') > now() AS open;
SELECT code('ALTER TABLE notitie DETACH PARTITION notitie_01 CONCURRENTLY');
SELECT casus.maintenance('bijlage', 'de sleutel naar de partitie weg', '15 minutes') > now() AS open;
ALTER TABLE bijlage DROP CONSTRAINT bijlage_notitie_maand_fkey;
ALTER TABLE notitie DETACH PARTITION notitie_01;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'notitie_01'::regclass AND NOT tgisinternal ORDER BY 1;
SELECT id FROM notitie_01;
SELECT code('INSERT INTO notitie_01 VALUES (11, ''2026-01-01'', 1, ''x'')');
SET ROLE fam_app;
SELECT id FROM notitie_01;
RESET ROLE;
SET SESSION AUTHORIZATION fam_coord;
BEGIN; SELECT FROM casus.enter('intake');
SELECT id FROM notitie_01 ORDER BY id;
SELECT id FROM notitie ORDER BY id;
COMMIT;
RESET SESSION AUTHORIZATION;
-- and comes back with its labels
ALTER TABLE notitie ATTACH PARTITION notitie_01 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
SET SESSION AUTHORIZATION fam_coord;
BEGIN; SELECT FROM casus.enter('intake');
SELECT id FROM notitie ORDER BY id;
UPDATE notitie SET maand = '2026-02-21' WHERE id = 3 RETURNING tableoid::regclass;
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT casus.maintenance('notitie', 'klaar', '0') IS NOT NULL AS closed;

-- moved to another case of the file, by the name of the whole or of the part
SET SESSION AUTHORIZATION fam_coord;
BEGIN; SELECT FROM casus.enter('intake');
SELECT casus.move('notitie', '{"id": 3, "maand": "2026-02-21"}'::jsonb, '1', 'verkeerde zaak') > 0 AS moved;
SELECT casus.move('notitie_01', '{"id": 8, "maand": "2026-01-08"}'::jsonb, '2', 'verkeerde zaak') > 0 AS moved;
SELECT n.id, z.id AS zaak, n.zaak_id FROM notitie n JOIN zaak z ON casus.dossier_of(z.casus_label) = casus.dossier_of(n.casus_label) ORDER BY 1;
SELECT code($$SELECT casus.move('notitie', '{"id": 77, "maand": "2026-02-21"}'::jsonb, '1', 'er is geen')$$);
COMMIT;
RESET SESSION AUTHORIZATION;

-- the log names the whole
SET SESSION AUTHORIZATION fam_auditor;
SELECT DISTINCT relation FROM casus.access_log WHERE kind IN ('read', 'write') AND relation ~ 'notitie';
RESET SESSION AUTHORIZATION;

-- the yearly job of an owner who is nobody else: made, or made apart and attached, and his
CREATE ROLE fam_owner LOGIN;
GRANT CREATE ON SCHEMA public TO fam_owner;
GRANT REFERENCES ON zaak TO fam_owner;
SET ROLE fam_owner;
CREATE TABLE logboek (id integer, jaar integer, zaak_id integer REFERENCES zaak DEFERRABLE INITIALLY DEFERRED, tekst text, PRIMARY KEY (id, jaar)) PARTITION BY LIST (jaar);
CREATE TABLE logboek_2026 PARTITION OF logboek FOR VALUES IN (2026);
RESET ROLE;
SELECT count(*) > 2 AS lines FROM casus.protect('logboek', 'ond', via => 'zaak_id', category => 'beoordeling');
-- found open once, by the name that can be bound
SELECT finding, mend FROM casus.doctor() WHERE code = 'left_open' AND finding ~ 'logboek';
SELECT relation, proposal FROM casus.survey('public', 'zaak') WHERE finding = 'table' AND relation ~ 'logboek|bijlage|notitie_02';
SELECT count(*) > 0 AS bound FROM casus.bind('logboek', 'enforce');
-- a hint names the table with its schema
SELECT casus.unprotect('zaak', 'te vroeg');
SET ROLE fam_owner;
CREATE TABLE logboek_2027 PARTITION OF logboek FOR VALUES IN (2027);
CREATE TABLE logboek_2028 (LIKE logboek INCLUDING INDEXES);
ALTER TABLE logboek ATTACH PARTITION logboek_2028 FOR VALUES IN (2028);
CREATE TABLE logboek_later PARTITION OF logboek DEFAULT PARTITION BY LIST (jaar);
CREATE TABLE logboek_2029 PARTITION OF logboek_later FOR VALUES IN (2029);
SELECT relname, pg_get_userbyid(relowner) AS owner, relrowsecurity AND relforcerowsecurity AS row_security,
	(SELECT string_agg(format('%s %s', tgname, tgenabled), ', ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) AS triggers,
	(SELECT string_agg(polname, ' ' ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid) AS policies
	FROM pg_class c WHERE relname ~ '^logboek' AND relkind IN ('r', 'p') ORDER BY relname;
-- the functions of the triggers serve nothing but casus: not by name, and not when a superuser hands them out
CREATE TABLE van_mij (id integer PRIMARY KEY);
SELECT code('CREATE TRIGGER mijn BEFORE INSERT ON van_mij FOR EACH ROW EXECUTE FUNCTION casus_int.row_trigger()');
RESET ROLE;
CREATE TRIGGER "~casus_row" BEFORE INSERT ON van_mij FOR EACH ROW EXECUTE FUNCTION casus_int.row_trigger();
SELECT code('INSERT INTO van_mij VALUES (1)');
DROP TRIGGER "~casus_row" ON van_mij;
CREATE TRIGGER "!casus_pending" AFTER INSERT ON van_mij FOR EACH ROW EXECUTE FUNCTION casus_int.resolve_pending();
SELECT code('INSERT INTO van_mij VALUES (1)');
DROP TABLE van_mij;
-- nor on one that is not bound yet
CREATE TABLE nog_niet (id integer PRIMARY KEY);
SELECT count(*) > 0 AS lines FROM casus.protect('nog_niet', 'ond', opens_dossier => true, category => 'registratie');
CREATE TRIGGER "~casus_row" BEFORE INSERT ON nog_niet FOR EACH ROW EXECUTE FUNCTION casus_int.row_trigger();
SELECT code('INSERT INTO nog_niet VALUES (1)');
DROP TRIGGER "~casus_row" ON nog_niet;
INSERT INTO nog_niet VALUES (1);
SELECT count(*) > 0 AS undone FROM casus.unprotect('nog_niet', 'was een proef');
DROP TABLE nog_niet;
SELECT casus.maintenance('logboek', 'eigen trigger', '15 minutes') > now() AS open;
CREATE TRIGGER nog_een BEFORE INSERT ON logboek_2027 FOR EACH ROW EXECUTE FUNCTION casus_int.row_trigger();
SELECT code('INSERT INTO logboek_2027 (id, jaar, zaak_id) VALUES (1, 2027, 3)');
DROP TRIGGER nog_een ON logboek_2027;
SELECT casus.maintenance('logboek', 'klaar', '0') IS NOT NULL AS closed;
SELECT code('INSERT INTO logboek (id, jaar, zaak_id) VALUES (1, 2027, 3), (2, 2029, 3)');
SELECT code('SELECT casus_int.row_trigger()');
-- the way to drop a part is the one that the hint gives
DROP TABLE logboek_2029;
SELECT casus.maintenance('public.logboek', 'opruimen', '15 minutes') > now() AS open;
ALTER TABLE public.logboek_later DETACH PARTITION public.logboek_2029;
DROP TABLE logboek_2029;
SELECT casus.maintenance('public.logboek_2029', 'opruimen', '15 minutes') > now() AS open;
TRUNCATE public.logboek_2029;
SELECT count(*) > 3 AS undone FROM casus.unprotect('public.logboek_2029', 'opruimen');
DROP TABLE logboek_2029;
SELECT casus.maintenance('logboek', 'klaar', '0') IS NOT NULL AS closed;

-- tables that inherit: a query of the parent is bound, and so is each by its own name
CREATE TABLE brief (adres text, PRIMARY KEY (id)) INHERITS (stuk);
CREATE TABLE ander (id integer PRIMARY KEY);
CREATE TABLE beide (PRIMARY KEY (id)) INHERITS (brief, ander);
SELECT code($$SELECT casus.protect('stuk', 'ond', dossier => 'dossier')$$);
SELECT code($$SELECT casus.protect('brief', 'ond', dossier => 'dossier')$$);
DROP TABLE beide;
SELECT count(*) > 2 AS lines FROM casus.protect('stuk', 'ond', dossier => 'dossier', category => 'signaalomschrijving');
SELECT count(*) > 0 AS bound FROM casus.bind('stuk', 'enforce');
GRANT SELECT, INSERT, UPDATE, DELETE ON stuk, brief TO fam_coord, fam_app;
SET SESSION AUTHORIZATION fam_coord;
BEGIN; SELECT FROM casus.enter('intake');
INSERT INTO stuk SELECT 1, casus.dossier_of(casus_label), 'stuk' FROM zaak WHERE id = 1;
INSERT INTO brief SELECT 2, casus.dossier_of(casus_label), 'brief', 'straat' FROM zaak WHERE id = 1;
SELECT tableoid::regclass, id, tekst FROM stuk ORDER BY id;
COMMIT;
SELECT id FROM stuk;
RESET SESSION AUTHORIZATION;
SELECT code('SELECT count(*) FROM stuk');
SELECT code('SELECT count(*) FROM brief');
SELECT code('CREATE TABLE fax () INHERITS (stuk)');
SELECT code('ALTER TABLE brief NO INHERIT stuk');
SELECT casus.maintenance('stuk', 'nieuw soort stuk', '15 minutes') > now() AS open;
CREATE TABLE fax (PRIMARY KEY (id)) INHERITS (stuk);
ALTER TABLE brief NO INHERIT stuk;
GRANT SELECT ON fax TO fam_coord;
SET SESSION AUTHORIZATION fam_coord;
BEGIN; SELECT FROM casus.enter('intake');
SELECT id FROM stuk ORDER BY id;
SELECT id FROM brief ORDER BY id;
SELECT id FROM fax ORDER BY id;
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT code('SELECT casus.unprotect(''brief'', ''weg'')');
SELECT code('SELECT casus.unprotect(''notitie_01'', ''weg'')');
-- without governed rows the whole goes back to what it was
SET SESSION AUTHORIZATION fam_coord;
BEGIN; SELECT FROM casus.enter('intake'); DELETE FROM bijlage; DELETE FROM notitie; DELETE FROM stuk; DELETE FROM brief; COMMIT;
RESET SESSION AUTHORIZATION;
SELECT count(*) > 3 AS undone FROM casus.unprotect('bijlage', 'einde');
SELECT count(*) > 3 AS undone FROM casus.unprotect('notitie', 'einde');
SELECT relname, relrowsecurity, relforcerowsecurity, (SELECT count(*) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) AS triggers,
	(SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) AS policies,
	(SELECT count(*) FROM pg_attribute WHERE attrelid = c.oid AND attname = 'casus_label') AS labels
	FROM pg_class c WHERE relname ~ '^notitie' AND relkind IN ('r', 'p') ORDER BY relname;
SELECT count(*) > 3 AS undone FROM casus.unprotect('logboek', 'einde');
DROP OWNED BY fam_coord, fam_app, fam_owner;
DROP ROLE fam_coord, fam_app, fam_owner, fam_auditor;
RESET client_min_messages;
