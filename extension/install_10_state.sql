/*
 * install_10_state.sql
 *		Schemas, roles and the state tables of casus.
 *
 * State holds no oids (but for person_role, which is not dumped), and no
 * foreign-key cycle, so that pg_restore can load it in any order of data.
 * Every table belongs to casus_owner and is reached through C entry points
 * and the views of schema casus only; the guard refuses direct access.
 */
\echo Use "CREATE EXTENSION casus" to load this file. \quit

/* Names and operators below are those of pg_catalog, whatever the target schema holds. */
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA casus;
CREATE SCHEMA casus_cat;
CREATE SCHEMA casus_int;

/*
 * The roles are cluster-wide: they may be there from another database.  Then
 * they bear our mark (SECURITY LABEL FOR casus); an unmarked role of that name
 * is somebody else's and is refused.
 */
CREATE FUNCTION casus_int.make_role(role_name text, mark text) RETURNS void
	LANGUAGE c STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_make_role';
REVOKE ALL ON FUNCTION casus_int.make_role(text, text) FROM PUBLIC;
COMMENT ON FUNCTION casus_int.make_role(text, text) IS
	'Creates a NOLOGIN role with the mark of casus, or accepts one that bears it; refuses an unmarked role of that name.';

SELECT casus_int.make_role('casus_owner', 'owner');
SELECT casus_int.make_role('casus_admin', 'admin');
SELECT casus_int.make_role('casus_auditor', 'auditor');
SELECT casus_int.make_role('casus_analyst', 'analyst');
SELECT casus_int.make_role('casus_backup', 'backup');
SELECT casus_int.make_role('casus_collector', 'collector');

/* ---- protocols: what the documents say ---- */

CREATE TABLE casus_cat.installation (
	is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
	id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE casus_cat.installation IS
	'At most one row, made by the first set-up call: the id that protected tables carry in their security label; rows restored into another installation are denied. Without it the installation is fresh and may be restored into.';

CREATE TABLE casus_cat.protocol (
	id integer PRIMARY KEY,
	name text NOT NULL UNIQUE,
	title text NOT NULL,
	definition jsonb NOT NULL,
	loaded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	loaded_by text NOT NULL,
	checks jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE casus_cat.protocol IS 'Protocol documents as loaded; the tables below, and checks (the article per code of a refusal), are made from the definition by casus.load_protocol.';

CREATE TABLE casus_cat.phase (
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	code smallint NOT NULL CHECK (code BETWEEN 0 AND 31),
	name text NOT NULL,
	title text NOT NULL,
	is_initial boolean NOT NULL,
	is_terminal boolean NOT NULL,
	is_closing boolean NOT NULL,
	article text NOT NULL,
	PRIMARY KEY (protocol, code),
	UNIQUE (protocol, name)
);
COMMENT ON TABLE casus_cat.phase IS 'Phases of a protocol. is_closing: the terminal phase that close_dossier leads to.';

CREATE TABLE casus_cat.purpose (
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	code smallint NOT NULL CHECK (code BETWEEN 0 AND 63),
	name text NOT NULL,
	title text NOT NULL,
	phases smallint[] NOT NULL,
	is_standing boolean NOT NULL,
	is_session boolean NOT NULL,
	article text NOT NULL,
	PRIMARY KEY (protocol, code),
	UNIQUE (protocol, name)
);
COMMENT ON TABLE casus_cat.purpose IS 'Purposes and the phases whose dossiers they are for. is_standing, is_session: may be a standing purpose, may last for a session.';

CREATE TABLE casus_cat.office (
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	code smallint NOT NULL CHECK (code BETWEEN 0 AND 63),
	name text NOT NULL,
	title text NOT NULL,
	level text NOT NULL CHECK (level IN ('file', 'party', 'dossier')),
	appointed_by text[] NOT NULL,
	excludes text[] NOT NULL,
	needs_oath boolean NOT NULL,
	article text NOT NULL,
	reviews boolean NOT NULL DEFAULT false,
	inspects text,
	needs_party boolean NOT NULL DEFAULT false,
	oversees boolean NOT NULL DEFAULT false,
	PRIMARY KEY (protocol, code),
	UNIQUE (protocol, name)
);
COMMENT ON TABLE casus_cat.office IS 'Offices: level (of the file, of a party, of one dossier), who appoints (office names or casus_admin), which other offices the same person may not hold, whether the ambtseed or a VOG must be known. reviews: judges break-glass afterwards and is told of it and of inspections; inspects: the purpose for which it may look at content by casus.inspect; needs_party: held for a party that takes part in the dossier, and no longer; oversees: sees what the access log has of its file.';

CREATE TABLE casus_cat.subject_category (
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	code smallint NOT NULL CHECK (code BETWEEN 1 AND 63),
	name text NOT NULL,
	title text NOT NULL,
	article text NOT NULL,
	PRIMARY KEY (protocol, code),
	UNIQUE (protocol, name)
);
COMMENT ON TABLE casus_cat.subject_category IS 'Categories of data subjects; code 0 means none.';

CREATE TABLE casus_cat.category (
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	code smallint NOT NULL CHECK (code BETWEEN 0 AND 63),
	name text NOT NULL,
	title text NOT NULL,
	subject_categories smallint[] NOT NULL,
	article text NOT NULL,
	PRIMARY KEY (protocol, code),
	UNIQUE (protocol, name)
);
COMMENT ON TABLE casus_cat.category IS 'Categories of data. subject_categories: codes of the data subjects about whom it may be kept; 0 = data about no person; empty = any.';

CREATE TABLE casus_cat.stage (
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	code smallint NOT NULL CHECK (code BETWEEN 32 AND 63),
	phase smallint NOT NULL,
	ordinal smallint NOT NULL,
	name text NOT NULL,
	title text NOT NULL,
	until text NOT NULL,
	article text NOT NULL,
	PRIMARY KEY (protocol, code),
	UNIQUE (protocol, phase, ordinal),
	UNIQUE (protocol, name)
);
COMMENT ON TABLE casus_cat.stage IS 'Retention stages of terminal phases, in order; until is a casus.term from the dossier''s clock. After the last one nobody reads.';

CREATE TABLE casus_cat.rule (
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	ordinal integer NOT NULL,
	state smallint NOT NULL CHECK (state BETWEEN 0 AND 63),
	office smallint NOT NULL,
	purpose smallint NOT NULL,
	categories bigint NOT NULL,
	scope smallint NOT NULL CHECK (scope IN (0, 1, 2)),
	participants boolean NOT NULL,
	verbs smallint NOT NULL CHECK (verbs BETWEEN 1 AND 15),
	article text NOT NULL,
	after smallint[] NOT NULL DEFAULT '{}',
	after_outcomes text[] NOT NULL DEFAULT '{}',
	PRIMARY KEY (protocol, ordinal)
);
COMMENT ON TABLE casus_cat.rule IS 'Access rules, one row per (state, office, purpose): state is a phase code (0-31) or stage code (32-63); categories a bit mask; scope 0 all, 1 own, 2 shared; verbs read 1, supply 2, correct 4, remove 8; after: gates that must have been decided in the dossier, with one of after_outcomes unless that is empty.';

CREATE TABLE casus_cat.gate (
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	code smallint NOT NULL,
	name text NOT NULL,
	title text NOT NULL,
	phases smallint[] NOT NULL,
	office smallint NOT NULL,
	meeting text,
	present_min smallint NOT NULL DEFAULT 0,
	outcomes text[] NOT NULL,
	details jsonb NOT NULL,
	after smallint[] NOT NULL,
	after_outcomes text[] NOT NULL DEFAULT '{}',
	article text NOT NULL,
	PRIMARY KEY (protocol, code),
	UNIQUE (protocol, name)
);
COMMENT ON TABLE casus_cat.gate IS 'Gates: decided in which phases, by which office or by a meeting that this office records with at least present_min involved parties present; details lists the content checks; after: gates that must have been decided before, with one of after_outcomes unless that is empty.';

CREATE TABLE casus_cat.transition (
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	ordinal integer NOT NULL,
	from_phase smallint NOT NULL,
	to_phase smallint NOT NULL,
	gate smallint NOT NULL,
	outcomes text[] NOT NULL,
	offices smallint[] NOT NULL,
	article text NOT NULL,
	PRIMARY KEY (protocol, ordinal)
);
COMMENT ON TABLE casus_cat.transition IS 'Transitions between phases, the gate and its outcomes that open them, and the offices that may carry them out.';

CREATE TABLE casus_cat.list_value (
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	list text NOT NULL,
	ordinal integer NOT NULL,
	value text NOT NULL,
	title text NOT NULL,
	part text NOT NULL DEFAULT '',
	controller text,
	article text NOT NULL,
	parameter text,
	PRIMARY KEY (protocol, list, value)
);
COMMENT ON TABLE casus_cat.list_value IS 'Closed lists that gates and details refer to (indicators, criteria, powers, parties). part: heading within the list; controller: name of the controller whose power it is; parameter: of the file, without which it is not chosen.';

/* ---- files and people ---- */

CREATE TABLE casus_cat.file (
	id integer PRIMARY KEY,
	name text NOT NULL UNIQUE,
	protocol integer NOT NULL REFERENCES casus_cat.protocol,
	controllers text[] NOT NULL,
	parameters jsonb NOT NULL,
	second_person text NOT NULL DEFAULT 'none' CHECK (second_person IN ('none', 'confirm', 'delay')),
	opened_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	activated_at timestamptz
);
COMMENT ON TABLE casus_cat.file IS 'Files: the dossiers that one controller, or several jointly, keeps under one protocol. Before activated_at no dossier opens and nobody enters.';

CREATE TABLE casus_cat.party (
	file integer NOT NULL REFERENCES casus_cat.file,
	code smallint NOT NULL CHECK (code BETWEEN 1 AND 4095),
	name text NOT NULL,
	title text NOT NULL,
	kind text NOT NULL,
	starts timestamptz NOT NULL,
	ends timestamptz,
	PRIMARY KEY (file, code),
	UNIQUE (file, name)
);
COMMENT ON TABLE casus_cat.party IS 'Organisations or departments that take part in a file, with their membership period.';

CREATE TABLE casus_cat.person (
	id integer PRIMARY KEY,
	name text NOT NULL UNIQUE,
	oath_on date,
	vog_on date,
	added_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE casus_cat.person IS 'Natural persons known to casus; oath_on (ambtseed) and vog_on (VOG) as dates.';

CREATE TABLE casus_cat.person_role (
	person integer PRIMARY KEY REFERENCES casus_cat.person,
	role_name name NOT NULL UNIQUE,
	role_oid oid NOT NULL UNIQUE
);
COMMENT ON TABLE casus_cat.person_role IS 'The database role of a person, by name and oid together. Not dumped: after a restore an admin binds them again.';

CREATE TABLE casus_cat.appointment (
	id bigint PRIMARY KEY,
	person integer NOT NULL REFERENCES casus_cat.person,
	file integer NOT NULL REFERENCES casus_cat.file,
	office smallint NOT NULL,
	party smallint,
	dossier bigint,
	starts timestamptz NOT NULL,
	ends timestamptz,
	deputy_for bigint,
	standing_purpose smallint,
	may_session boolean NOT NULL DEFAULT false,
	reason text NOT NULL
);
CREATE INDEX appointment_person ON casus_cat.appointment (person);
COMMENT ON TABLE casus_cat.appointment IS 'Person, file, office, party or dossier, over a period, with the reason. standing_purpose: purpose without casus.enter; may_session: enter may last for a session.';

/* ---- dossiers ---- */

CREATE TABLE casus_cat.dossier (
	id bigint PRIMARY KEY,
	file integer NOT NULL REFERENCES casus_cat.file,
	phase smallint NOT NULL,
	phase_since timestamptz NOT NULL,
	clock date,
	opened_at timestamptz NOT NULL,
	closed_at timestamptz,
	is_taken_in boolean NOT NULL DEFAULT false,
	root_relation text,
	root_key text
);
CREATE INDEX dossier_file ON casus_cat.dossier (file);
COMMENT ON TABLE casus_cat.dossier IS 'Dossiers. clock: the day its retention clock started. root_relation, root_key: the row of the database that is this dossier, where there is one.';

CREATE TABLE casus_cat.participant (
	id bigint PRIMARY KEY,
	dossier bigint NOT NULL REFERENCES casus_cat.dossier,
	party smallint,
	person integer REFERENCES casus_cat.person,
	office smallint NOT NULL,
	starts timestamptz NOT NULL,
	ends timestamptz,
	CHECK (party IS NOT NULL OR person IS NOT NULL)
);
CREATE INDEX participant_dossier ON casus_cat.participant (dossier);
COMMENT ON TABLE casus_cat.participant IS 'Who takes part in a dossier: a party with all its delegates, or one person, in an office.';

CREATE TABLE casus_cat.sharing (
	id bigint PRIMARY KEY,
	dossier bigint NOT NULL REFERENCES casus_cat.dossier,
	item bigint NOT NULL CHECK (item BETWEEN 0 AND 4294967295),
	party smallint NOT NULL,
	starts timestamptz NOT NULL,
	ends timestamptz,
	act bigint NOT NULL
);
CREATE INDEX sharing_dossier ON casus_cat.sharing (dossier);
COMMENT ON TABLE casus_cat.sharing IS 'Items that may be seen by a party; item 0 is the whole dossier.';

CREATE TABLE casus_cat.linked (
	dossier bigint NOT NULL REFERENCES casus_cat.dossier,
	item bigint NOT NULL CHECK (item BETWEEN 1 AND 4294967295),
	other bigint NOT NULL REFERENCES casus_cat.dossier,
	PRIMARY KEY (dossier, item, other)
);
COMMENT ON TABLE casus_cat.linked IS 'Further dossiers of items that a link table brings to several (via_link): read only where each of them permits.';

/* ---- acts ---- */

CREATE TABLE casus_cat.act (
	id bigint PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	kind text NOT NULL,
	state text NOT NULL DEFAULT 'effective' CHECK (state IN ('pending', 'effective')),
	file integer,
	dossier bigint,
	person integer,
	role_name name NOT NULL,
	actor_kind "char" NOT NULL,
	office smallint,
	party smallint,
	purpose smallint,
	controller text
);
CREATE INDEX act_dossier ON casus_cat.act (dossier);
COMMENT ON TABLE casus_cat.act IS 'Acts: who, in which office and party, for which purpose, when. Motivations and details stand apart in act_content.';

CREATE TABLE casus_cat.act_content (
	act bigint PRIMARY KEY REFERENCES casus_cat.act,
	dossier bigint,
	motivation text,
	details jsonb
);
COMMENT ON TABLE casus_cat.act_content IS 'Motivation and details of an act: content, read and destroyed with the dossier.';

CREATE TABLE casus_cat.decision (
	act bigint PRIMARY KEY REFERENCES casus_cat.act,
	dossier bigint NOT NULL REFERENCES casus_cat.dossier,
	gate smallint NOT NULL,
	outcome text NOT NULL,
	phase smallint NOT NULL,
	decided_on date NOT NULL,
	revoked_by bigint
);
CREATE INDEX decision_dossier ON casus_cat.decision (dossier);
COMMENT ON TABLE casus_cat.decision IS 'Decisions at gates; valid for the phase stay in which they were taken, unless revoked.';

CREATE TABLE casus_cat.opening (
	act bigint PRIMARY KEY REFERENCES casus_cat.act,
	kind text NOT NULL CHECK (kind IN ('break_glass', 'inspect')),
	file integer NOT NULL REFERENCES casus_cat.file,
	dossier bigint NOT NULL,
	person integer REFERENCES casus_cat.person,
	role_name name NOT NULL,
	as_admin boolean NOT NULL,
	office smallint,
	party smallint,
	purpose smallint,
	starts timestamptz NOT NULL,
	ends timestamptz NOT NULL,
	review bigint REFERENCES casus_cat.act,
	outcome text CHECK (outcome IN ('justified', 'not_justified'))
);
CREATE INDEX opening_role ON casus_cat.opening (role_name);
COMMENT ON TABLE casus_cat.opening IS 'Dossiers opened to a login for a time, beside the rules: by break-glass (as_admin: as casus_admin, else in an office of the file), or by a supervisor''s inspection. In force from the commit of its act. review, outcome: the act by which somebody else judged a break-glass. Stays when the dossier is destroyed.';

CREATE SEQUENCE casus_cat.id_seq;
COMMENT ON SEQUENCE casus_cat.id_seq IS 'Ids of dossiers, acts, appointments and the other state rows.';
CREATE SEQUENCE casus_cat.item_seq INCREMENT BY 32 START WITH 32 MINVALUE 32;
COMMENT ON SEQUENCE casus_cat.item_seq IS 'Blocks of 32 item numbers; a backend uses value-31 to value, modulo 2^32.';

/*
 * Whoever changes a state table, in whatever way, tells every session: the
 * relcache invalidation is the generation that caches compare.
 */
CREATE FUNCTION casus_int.state_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'casus_sql_state_changed';
REVOKE ALL ON FUNCTION casus_int.state_changed() FROM PUBLIC;
COMMENT ON FUNCTION casus_int.state_changed() IS
	'Statement trigger of every state table that a verdict depends on: sends a relcache invalidation of the table.';

CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.installation
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.installation ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.protocol
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.protocol ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.phase
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.phase ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.purpose
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.purpose ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.office
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.office ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.subject_category
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.subject_category ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.category
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.category ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.stage
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.stage ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.rule
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.rule ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.gate
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.gate ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.transition
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.transition ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.list_value
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.list_value ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.file
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.file ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.party
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.party ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.person
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.person ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.person_role
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.person_role ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.appointment
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.appointment ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.dossier
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.dossier ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.participant
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.participant ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.sharing
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.sharing ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.linked
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.linked ENABLE ALWAYS TRIGGER state_changed;
CREATE TRIGGER state_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON casus_cat.opening
	FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_changed();
ALTER TABLE casus_cat.opening ENABLE ALWAYS TRIGGER state_changed;
