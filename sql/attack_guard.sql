/*
 * attack_guard: ways round the protocol, tried.  What stands before each is its
 * id in the catalogue of attacks (A: readers, B: owners and superusers), or F
 * and a number for one that an attacker found here.  Nothing that a governed
 * row holds (SECRET) may show up below.
 */
\set VERBOSITY terse
SET client_min_messages = warning;
\getenv source PG_ABS_SRCDIR
\set fixture :source '/test/fixtures/beesel.sql'
\o /dev/null
\i :fixture
\o
SELECT dossier AS overleg FROM beesel.fixture WHERE name = 'overleg' \gset
CREATE ROLE attack_owner LOGIN;
CREATE ROLE attack_bypass LOGIN BYPASSRLS;
CREATE ROLE attack_maker LOGIN CREATEROLE;
CREATE ROLE attack_reads LOGIN IN ROLE pg_read_all_data;
CREATE ROLE attack_owned LOGIN;
CREATE SCHEMA att AUTHORIZATION attack_owner;
CREATE SCHEMA own AUTHORIZATION attack_owner;
GRANT USAGE ON SCHEMA att, own TO PUBLIC;
GRANT pg_read_all_data TO attack_bypass;

/* A table of the owner's, of which two rows are under the protocol. */
SET ROLE attack_owner;
CREATE TABLE att.zaak (id int PRIMARY KEY, soort text NOT NULL, oms text, cat int);
ALTER TABLE att.zaak ALTER oms SET STORAGE EXTERNAL;
INSERT INTO att.zaak VALUES (1, 'gewoon', 'open een'), (2, 'gewoon', 'open twee'),
	(57, 'ond', 'SECRET'), (58, 'ond', repeat('SECRET', 1000));
GRANT ALL ON att.zaak TO PUBLIC;
CREATE FUNCTION own.show(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
	$$BEGIN RAISE WARNING 'shown: %', left($1, 9); RETURN true; END$$;
CREATE VIEW own.by_owner AS SELECT * FROM att.zaak WHERE id > 2;
CREATE FUNCTION own.shown(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
	$$BEGIN RAISE WARNING 'shown: %', left($1, 9); RETURN $1; END$$;
RESET ROLE;
\o /dev/null
SELECT casus.protect('att.zaak', 'ondermijning', opens_dossier => true, governs => $$soort = 'ond'$$,
	without_purpose => 'hide', category => 'beoordeling', default_basis => 'art. 172 Gemeentewet');
CALL casus.take_in('att.zaak');
SELECT casus.bind('att.zaak', 'enforce');
\o

\set tells code
\set fixture :source '/test/fixtures/attempt.sql'
\i :fixture
CREATE TABLE public.trial (n serial, id text, who text, sql text);
GRANT SELECT ON public.trial TO PUBLIC;

-- Readers: a login that is nobody, and one that row security does not bind.
INSERT INTO public.trial (id, who, sql) VALUES
	('A025', 's', 'SELECT count(*) FROM att.zaak WHERE own.show(oms)'),
	('A031', 's', 'SELECT count(*) FROM att.zaak WHERE id > 2 AND oms::integer = 1'),
	('A031', 's', 'SELECT count(*) FROM att.zaak WHERE id > 2 AND oms::date > ''2020-01-01'' OR own.show(oms)'),
	('A038', 's', 'INSERT INTO att.zaak VALUES (57, ''gewoon'', ''x'')'),
	('A041', 's', 'INSERT INTO att.zaak VALUES (57, ''gewoon'', ''x'') ON CONFLICT (id) DO UPDATE SET oms = ''x'''),
	('A043', 's', 'INSERT INTO att.zaak AS t VALUES (57, ''gewoon'', ''x'') ON CONFLICT (id) DO UPDATE SET oms = own.show(t.oms)::text'),
	('A044', 's', 'INSERT INTO att.zaak AS t VALUES (57, ''gewoon'', ''x'') ON CONFLICT ON CONSTRAINT zaak_pkey DO UPDATE SET oms = t.oms WHERE own.show(t.oms)'),
	('A050', 's', 'UPDATE att.zaak SET oms = ''x'' WHERE id = 57'),
	('A050', 's', 'DELETE FROM att.zaak WHERE id = 57'),
	('A051', 's', 'UPDATE att.zaak SET soort = ''gewoon'' WHERE soort = ''ond'' RETURNING oms'),
	('A065', 's', 'SELECT oms FROM att.zaak WHERE ctid > ''(0,2)'' AND id > 2'),
	('A083', 's', 'SELECT query_to_xml(''SELECT count(*) FROM beesel.notitie'', true, true, '''')'),
	('A083', 's', 'SELECT table_to_xml(''beesel.notitie'', true, true, '''')'),
	('A130', 's', 'UPDATE att.zaak SET soort = ''ond'', casus_label = NULL WHERE id = 1'),
	('A041', 'b', 'INSERT INTO att.zaak VALUES (57, ''gewoon'', ''x'') ON CONFLICT (id) DO UPDATE SET oms = ''x'''),
	('B011', 'b', 'SELECT count(*) FROM beesel.notitie'),
	('B011', 'b', 'SELECT oms FROM att.zaak WHERE id > 2'),
	('B034', 'b', 'SELECT * FROM casus_cat.dossier'),
	('B034', 'r', 'SELECT * FROM casus_cat.dossier'),
	('B034', 'r', 'SELECT oms FROM att.zaak WHERE id > 2'),
	('B034', 'r', 'SELECT inhoud FROM beesel.notitie'),
	('B034', 'r', 'SELECT oms FROM own.by_owner'),
	('F1',   'b', (SELECT format('SELECT chunk_data FROM %s', reltoastrelid::regclass) FROM pg_class WHERE oid = 'att.zaak'::regclass)),
	('F1',   'p', (SELECT format('SELECT chunk_data FROM %s', reltoastrelid::regclass) FROM pg_class WHERE oid = 'att.zaak'::regclass)),
	('F1',   'p', (SELECT format('SELECT chunk_data FROM %s', reltoastrelid::regclass) FROM pg_class WHERE oid = 'casus_cat.act'::regclass));

-- The owner.
INSERT INTO public.trial (id, who, sql) VALUES
	('B003', 'o', 'ALTER POLICY casus ON att.zaak USING (true)'),
	('B003', 'o', 'DROP POLICY casus ON att.zaak'),
	('B004', 'o', 'CREATE POLICY back ON att.zaak USING (true)'),
	('B005', 'o', 'TRUNCATE att.zaak'),
	('B005', 'o', 'DROP TABLE att.zaak CASCADE'),
	('B006', 'o', 'ALTER TABLE att.zaak DISABLE ROW LEVEL SECURITY'),
	('B007', 'o', 'ALTER TABLE att.zaak DISABLE TRIGGER ALL'),
	('B008', 'o', 'CREATE INDEX ON att.zaak (own.shown(oms))'),
	('B009', 'o', 'CREATE UNIQUE INDEX ON att.zaak (left(oms, 4))'),
	('B010', 'o', 'CREATE TABLE own.kind () INHERITS (att.zaak)'),
	('B040', 'o', 'ALTER TABLE att.zaak OWNER TO bs_stranger'),
	('B044', 'o', 'SECURITY LABEL FOR casus ON TABLE att.zaak IS NULL'),
	('F10',  'o', 'ALTER TABLE att.zaak ALTER oms SET DEFAULT own.shown(''x'')'),
	('A102', 'o', 'CREATE RULE r AS ON UPDATE TO att.zaak DO ALSO NOTHING');

-- The superuser.
INSERT INTO public.trial (id, who, sql) VALUES
	('B012', 'p', 'SELECT count(*) FROM beesel.notitie'),
	('B013', 'p', 'UPDATE pg_class SET relrowsecurity = false WHERE relname = ''zaak'''),
	('B014', 'p', 'DELETE FROM pg_policy'),
	('B019', 'p', 'DROP EXTENSION casus CASCADE'),
	('B019', 'p', 'ALTER EXTENSION casus DROP TABLE casus_cat.dossier'),
	('B036', 'p', 'CREATE PUBLICATION attack FOR ALL TABLES'),
	('B042', 'p', 'DROP OWNED BY attack_owner'),
	('F2',   'p', 'ALTER FUNCTION pg_catalog.set_config(text, text, boolean) LEAKPROOF'),
	('F7',   'p', 'SET LOCAL allow_system_table_mods = on; TRUNCATE pg_extension'),
	('F7',   'p', 'SET LOCAL allow_system_table_mods = on; TRUNCATE pg_seclabel'),
	('F7',   'p', 'SET LOCAL allow_system_table_mods = on; ALTER TABLE pg_policy RENAME TO x'),
	('F8',   'p', 'CREATE OR REPLACE FUNCTION pg_catalog.lpad(text, integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$SELECT $1$$');

-- CREATEROLE.
INSERT INTO public.trial (id, who, sql) VALUES
	('B033', 'm', 'GRANT casus_admin TO attack_maker'),
	('B033', 'm', 'GRANT casus_backup TO attack_maker'),
	('B033', 'm', 'GRANT bs_coordinator TO attack_maker'),
	('B033', 'm', 'CREATE ROLE attack_other IN ROLE casus_admin'),
	('B033', 'm', 'ALTER GROUP casus_auditor ADD USER attack_maker'),
	('B033', 'm', 'ALTER ROLE bs_coordinator PASSWORD ''x''');

SET SESSION AUTHORIZATION bs_stranger;
SELECT n, id, attempt(sql), left(sql, 100) AS sql FROM public.trial WHERE who = 's' ORDER BY n;
SET SESSION AUTHORIZATION attack_bypass;
SELECT n, id, attempt(sql), regexp_replace(sql, '\d{4,}', 'N') AS sql FROM public.trial WHERE who = 'b' ORDER BY n;
SET SESSION AUTHORIZATION attack_reads;
SELECT n, id, attempt(sql), sql FROM public.trial WHERE who = 'r' ORDER BY n;
SET SESSION AUTHORIZATION attack_owner;
DROP VIEW own.by_owner;
SELECT n, id, attempt(sql), left(sql, 100) AS sql FROM public.trial WHERE who = 'o' ORDER BY n;
SET SESSION AUTHORIZATION attack_maker;
SELECT n, id, attempt(sql), sql FROM public.trial WHERE who = 'm' ORDER BY n;
-- B033: a role that row security does not bind it may take before 16, and is bound as that role is.
SELECT attempt('GRANT attack_bypass TO attack_maker') ~ '^(ok|42501)' AS answered;
RESET SESSION AUTHORIZATION;
GRANT attack_bypass TO attack_maker;
SET SESSION AUTHORIZATION attack_maker;
SET ROLE attack_bypass;
SELECT oms FROM att.zaak WHERE id IN (1, 57) ORDER BY id;
SELECT attempt('SELECT count(*) FROM beesel.notitie');
RESET ROLE;
RESET SESSION AUTHORIZATION;
SELECT n, id, attempt(sql), regexp_replace(left(sql, 100), '\d{4,}', 'N') AS sql FROM public.trial WHERE who = 'p' ORDER BY n;

-- A031: an error tells a value that may be read, and no other.
SET SESSION AUTHORIZATION bs_stranger;
SELECT count(*) FROM att.zaak WHERE oms::integer = 1 AND id <> 1;
RESET SESSION AUTHORIZATION;

-- B042: a restrictive policy of one role goes with what that role owns, and opens no more than was open.
SELECT casus.maintenance('att.zaak', 'a policy of the owner') IS NOT NULL AS opened;
CREATE POLICY own_policy ON att.zaak AS RESTRICTIVE TO attack_owned USING (false);
SELECT casus.maintenance('att.zaak', 'done', '0') IS NOT NULL AS closed;
SET SESSION AUTHORIZATION attack_owned;
SELECT oms FROM att.zaak ORDER BY id;
RESET SESSION AUTHORIZATION;
SELECT attempt('DROP OWNED BY attack_owned');
SELECT casus.maintenance('att.zaak', 'to drop it') IS NOT NULL AS opened;
SELECT attempt('DROP OWNED BY attack_owned');
SELECT casus.maintenance('att.zaak', 'done', '0') IS NOT NULL AS closed;
SELECT polname, polpermissive FROM pg_policy WHERE polrelid = 'att.zaak'::regclass ORDER BY polname;
SET SESSION AUTHORIZATION attack_owned;
SELECT oms FROM att.zaak ORDER BY id;
RESET SESSION AUTHORIZATION;

-- F2: a function that a superuser calls leakproof sees permitted rows only.
CREATE FUNCTION public.leakproof(text) RETURNS boolean LEAKPROOF COST 0.0000001 LANGUAGE plpgsql AS
	$$BEGIN RAISE WARNING 'shown: %', left($1, 9); RETURN true; END$$;
SELECT count(*) FROM att.zaak WHERE public.leakproof(oms);
EXPLAIN (COSTS OFF) SELECT 1 FROM att.zaak WHERE public.leakproof(oms);

-- F3: catalogs during CREATE EXTENSION, by an event trigger.
CREATE TABLE public.written (tag text);
CREATE FUNCTION public.write_catalog() RETURNS event_trigger LANGUAGE plpgsql AS
	$$BEGIN
		UPDATE pg_class SET relname = relname WHERE relname = 'zaak';
		INSERT INTO public.written VALUES (tg_tag);
	EXCEPTION WHEN insufficient_privilege THEN NULL;
	END$$;
CREATE EVENT TRIGGER attack ON ddl_command_end EXECUTE FUNCTION public.write_catalog();
CREATE EXTENSION pg_trgm;
DROP EVENT TRIGGER attack;
SELECT count(*) FROM public.written;

-- F5: statements of the shape of referential integrity, within a cascade, guess no contents.
SET SESSION AUTHORIZATION attack_owner;
CREATE TABLE own.p (k int PRIMARY KEY);
CREATE TABLE own.c (k int REFERENCES own.p ON DELETE CASCADE);
CREATE FUNCTION own.guess() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	hit int;
BEGIN
	EXECUTE 'SELECT 1 FROM ONLY att.zaak x WHERE oms = $1 FOR KEY SHARE OF x' INTO hit USING 'SECRET'::text;
	RAISE WARNING 'guessed: %', hit;
	EXECUTE 'SELECT 1 FROM ONLY att.zaak x WHERE id = $1 AND soort = $2 FOR KEY SHARE OF x' INTO hit USING 57, 'ond'::text;
	RAISE WARNING 'guessed: %', hit;
	RETURN OLD;
END$$;
CREATE TRIGGER guess BEFORE DELETE ON own.c FOR EACH ROW EXECUTE FUNCTION own.guess();
INSERT INTO own.p VALUES (1);
INSERT INTO own.c VALUES (1);
DELETE FROM own.p;

-- F19: the validation of a foreign key admits nothing that the planner folds meanwhile.
CREATE TABLE own.f (id int, z int);
INSERT INTO own.f VALUES (57);
CREATE FUNCTION own.fold(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	value text;
BEGIN
	IF current_setting('own.folding', true) = 'on' THEN
		PERFORM set_config('own.folding', 'off', false);
		PERFORM set_config('constraint_exclusion', 'off', false);
		EXECUTE 'SELECT pk.oms FROM ONLY own.f fk LEFT OUTER JOIN ONLY att.zaak pk ON (pk.id = fk.id) WHERE fk.z IS NULL' INTO value;
		RAISE WARNING 'folded: %', value;
	END IF;
	RETURN 1;
END$$;
ALTER TABLE own.f ADD CHECK (own.fold(1) = 1);
SET constraint_exclusion = on;
SELECT set_config('own.folding', 'on', false);
ALTER TABLE own.f ADD FOREIGN KEY (id) REFERENCES att.zaak (id), ADD FOREIGN KEY (id) REFERENCES att.zaak (id);
RESET constraint_exclusion;

-- F13, F16: maintenance opens no rows, not to an owner who is casus_admin; to another owner it is not given.
SELECT casus.maintenance('att.zaak', 'an attack') IS NOT NULL AS opened;
RESET SESSION AUTHORIZATION;
GRANT casus_admin TO attack_owner;
SET SESSION AUTHORIZATION attack_owner;
SELECT casus.maintenance('att.zaak', 'an attack') IS NOT NULL AS opened;
SELECT attempt($$ALTER TABLE att.zaak ALTER oms TYPE text USING set_config('own.x', oms, false)$$);
SELECT attempt($$ALTER TABLE att.zaak ADD CHECK (set_config('own.x', oms, false) IS NOT NULL)$$);
SELECT attempt($$ALTER TABLE att.zaak ADD EXCLUDE USING btree ((own.shown(oms)) WITH =)$$);
SELECT attempt($$ALTER TABLE att.zaak ADD COLUMN z int CHECK (own.shown(oms) <> '')$$);
CREATE DOMAIN own.words AS text;
ALTER TABLE att.zaak ALTER oms TYPE own.words;
SELECT attempt($$ALTER DOMAIN own.words ADD CHECK (own.show(VALUE))$$);
SELECT attempt($$ALTER DOMAIN own.words ADD CONSTRAINT c CHECK (own.show(VALUE)) NOT VALID$$);
SELECT attempt($$ALTER DOMAIN own.words VALIDATE CONSTRAINT c$$);
ALTER DOMAIN own.words DROP CONSTRAINT c;
SELECT casus.maintenance('att.zaak', 'done', '0') IS NOT NULL AS closed;
RESET SESSION AUTHORIZATION;
REVOKE casus_admin FROM attack_owner;
SET SESSION AUTHORIZATION attack_owner;

-- F11: functions of users in indexes and statistics keep a table from being protected.
CREATE TABLE att.other (id int PRIMARY KEY, soort text NOT NULL, oms text);
CREATE INDEX other_ix ON att.other (own.shown(oms));
RESET SESSION AUTHORIZATION;
SELECT casus.protect('att.other', 'ondermijning', opens_dossier => true, governs => $$soort = 'ond'$$, category => 'beoordeling');
DROP INDEX att.other_ix;
CREATE STATISTICS att.other_st ON (own.shown(oms)) FROM att.other;
SELECT casus.protect('att.other', 'ondermijning', opens_dossier => true, governs => $$soort = 'ond'$$, category => 'beoordeling');

-- F17: the triggers of casus as statement triggers.
SELECT casus.maintenance('att.zaak', 'an attack') IS NOT NULL AS opened;
CREATE TRIGGER a AFTER INSERT ON att.zaak EXECUTE FUNCTION casus_int.resolve_pending();
INSERT INTO att.zaak VALUES (3, 'gewoon', 'x');
DROP TRIGGER a ON att.zaak;
SELECT casus.maintenance('att.zaak', 'done', '0') IS NOT NULL AS closed;

-- A094: with a purpose what is read goes into no other table.
SET SESSION AUTHORIZATION attack_owner;
CREATE TABLE own.copy (inhoud text);
GRANT CREATE ON SCHEMA own TO bs_coordinator;
GRANT ALL ON own.copy TO bs_coordinator;
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN;
SELECT FROM casus.enter('overleg');
SELECT attempt('CREATE TABLE own.made AS SELECT * FROM beesel.notitie') AS made, attempt('INSERT INTO own.copy SELECT inhoud FROM beesel.notitie') AS copied,
	attempt('CREATE MATERIALIZED VIEW own.seen AS SELECT inhoud FROM beesel.notitie') AS seen;
SAVEPOINT s;
SELECT inhoud INTO own.made FROM beesel.notitie;
ROLLBACK TO s;
SELECT count(*) FROM own.copy;
COMMIT;

-- A130: a label that is NULL opens nothing: casus gives a governed row its own, and takes none away.
BEGIN;
SELECT FROM casus.enter('intake');
INSERT INTO att.zaak (id, soort, casus_label) VALUES (9, 'ond', NULL) RETURNING id, casus_label IS NULL AS without, casus.dossier_of(casus_label) IS NOT NULL AS in_dossier;
SELECT attempt('UPDATE att.zaak SET casus_label = NULL WHERE id = 57') AS taken, attempt('UPDATE att.zaak SET casus_label = NULL WHERE id = 9') AS own_row;
SELECT id, soort FROM att.zaak WHERE casus_label IS NULL ORDER BY id;
ROLLBACK;

-- A004: a context as the default of a database or a role.
RESET SESSION AUTHORIZATION;
SELECT attempt(format(sql, current_database())) AS answer, left(format(sql, 'D'), 80) AS sql FROM (VALUES ('ALTER DATABASE %I SET casus.purpose = ''overleg'''), ('ALTER DATABASE %I SET casus.dossier = 1'),
	('ALTER ROLE bs_coordinator IN DATABASE %I SET casus.purpose = ''overleg'''), ('ALTER DATABASE %I SET casus.log_durability = ''relaxed''')) v(sql);

-- Contexts that have ended: A001, A005, A009, A010, A013, A015, A020, A021; A007 is in policy.sql.
SET SESSION AUTHORIZATION bs_coordinator;
SET casus.purpose = 'overleg';
SELECT count(*) FROM beesel.notitie;
CREATE FUNCTION pg_temp.f() RETURNS SETOF text LANGUAGE sql SET casus.purpose = 'overleg' AS 'SELECT inhoud FROM beesel.notitie';
BEGIN;
SAVEPOINT s;
SELECT casus.enter('overleg');
ROLLBACK TO s;
SELECT count(*) FROM beesel.notitie;
ROLLBACK;
BEGIN;
SELECT casus.enter('overleg');
SELECT 1 / 0;
ROLLBACK;
SELECT count(*) FROM beesel.notitie;
SELECT attempt(format('SELECT casus.enter(%L)', purpose)) AS entered, attempt('SELECT count(*) FROM beesel.notitie') AS read, purpose
	FROM unnest(ARRAY['', ' ', '1 OR true', '*', 'overleg'' OR ''''=''', NULL]) purpose;
SELECT attempt('SELECT casus.enter(NULL, NULL)'), attempt('SELECT count(*) FROM beesel.notitie');
BEGIN;
SELECT casus.enter('overleg');
PREPARE q AS SELECT count(*) FROM beesel.notitie;
EXECUTE q;
COMMIT;
EXECUTE q;
BEGIN;
SELECT casus.enter('overleg');
DECLARE c CURSOR WITH HOLD FOR SELECT inhoud FROM beesel.notitie;
ROLLBACK;
BEGIN;
SELECT casus.enter('overleg');
DECLARE c CURSOR FOR SELECT inhoud FROM beesel.notitie ORDER BY id;
FETCH 1 FROM c;
SAVEPOINT s;
SELECT casus.leave();
ROLLBACK TO s;
FETCH 1 FROM c;
ROLLBACK;

-- F14: nor in a parallel worker, which takes what its leader has published.
RESET SESSION AUTHORIZATION;
CREATE TABLE public.big AS SELECT generate_series(1, 5000) AS a;
ANALYZE public.big;
GRANT SELECT ON public.big TO PUBLIC;
CREATE FUNCTION public.worker(int) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS
	$$BEGIN RETURN (SELECT string_agg(inhoud, ',' ORDER BY id) FROM beesel.notitie); END$$;
CREATE FUNCTION public.worker_state(int) RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS
	$$BEGIN RETURN (SELECT count(*) FROM casus_cat.dossier); END$$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SET SESSION AUTHORIZATION bs_coordinator;
BEGIN;
SELECT casus.enter('overleg');
SELECT worker(a) FROM public.big LIMIT 1;
SELECT count(*) FROM beesel.notitie;
COMMIT;
SELECT worker(a) FROM public.big LIMIT 1;
SET SESSION AUTHORIZATION bs_stranger;
SELECT worker(a) FROM public.big LIMIT 1;
RESET SESSION AUTHORIZATION;
-- F4: state tables from a worker
SELECT worker_state(a) FROM public.big LIMIT 1;

-- F12: a cascade is judged before triggers of the owner see the row.
SET SESSION AUTHORIZATION attack_owner;
CREATE FUNCTION own.watch() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN RAISE WARNING 'seen: % %', tg_op, OLD.oms; RETURN coalesce(NEW, OLD); END$$;
CREATE TABLE own.cat (k int PRIMARY KEY);
INSERT INTO own.cat VALUES (1), (2);
CREATE TABLE att.watched (id int PRIMARY KEY, soort text NOT NULL, oms text,
	cat int REFERENCES own.cat ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO att.watched VALUES (1, 'gewoon', 'open', 2), (57, 'ond', 'SECRET', 1);
CREATE TRIGGER watch BEFORE UPDATE OR DELETE ON att.watched FOR EACH ROW EXECUTE FUNCTION own.watch();
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT casus.protect('att.watched', 'ondermijning', opens_dossier => true, governs => $$soort = 'ond'$$,
	without_purpose => 'hide', category => 'beoordeling', default_basis => 'art. 172 Gemeentewet');
CALL casus.take_in('att.watched');
SELECT casus.bind('att.watched', 'enforce');
\o
SET SESSION AUTHORIZATION attack_owner;
DELETE FROM own.cat WHERE k = 1;
UPDATE own.cat SET k = 3 WHERE k = 1;
UPDATE own.cat SET k = 4 WHERE k = 2;
DELETE FROM own.cat WHERE k = 4;
RESET SESSION AUTHORIZATION;

-- All is as it was.
SELECT id, soort, oms FROM att.zaak ORDER BY id;
REVOKE attack_bypass FROM attack_maker;
DROP ROLE attack_maker, attack_reads, attack_owned;
