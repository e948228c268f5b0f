/*
 * install_20_protocol.sql
 *		The type casus.term, protocol documents, and the views that show their
 *		vocabulary.
 */

/* ---- casus.term ---- */

CREATE TYPE casus.term;

CREATE FUNCTION casus.term_in(cstring) RETURNS casus.term
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_in';
COMMENT ON FUNCTION casus.term_in(cstring) IS 'Text input of casus.term; errors 22P02 (syntax), 22008 (out of range).';
CREATE FUNCTION casus.term_out(casus.term) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_out';
COMMENT ON FUNCTION casus.term_out(casus.term) IS 'Text output of casus.term.';
CREATE FUNCTION casus.term_recv(internal) RETURNS casus.term
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_recv';
COMMENT ON FUNCTION casus.term_recv(internal) IS 'Binary input of casus.term: months int2, days int2, mode int1 (1 uiterlijk, 2 gedurende), event.';
CREATE FUNCTION casus.term_send(casus.term) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_send';
COMMENT ON FUNCTION casus.term_send(casus.term) IS 'Binary output of casus.term, as casus.term_recv reads it.';

CREATE TYPE casus.term (
	INPUT = casus.term_in,
	OUTPUT = casus.term_out,
	RECEIVE = casus.term_recv,
	SEND = casus.term_send,
	INTERNALLENGTH = 32,
	ALIGNMENT = int2,
	STORAGE = plain
);
COMMENT ON TYPE casus.term IS
	'A retention or deadline term with the event that starts its clock: "uiterlijk 1 year after afsluiten" (gone on or before that day), "gedurende 6 months after besluit" (kept through that day, then gone). Units: days, weeks, months, years, added up; calendar of Europe/Amsterdam, 31 August + 6 months is the last day of February. Events: 1 to 27 lower-case letters, digits and "_".';

CREATE FUNCTION casus.term_cmp(casus.term, casus.term) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_cmp';
COMMENT ON FUNCTION casus.term_cmp(casus.term, casus.term) IS 'Less than, equal to or greater than zero: by length (a month as 30 days), then mode and event.';
CREATE FUNCTION casus.term_eq(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_eq';
COMMENT ON FUNCTION casus.term_eq(casus.term, casus.term) IS 'Implementation of the = operator: same length in months and days, same mode, same event.';
CREATE FUNCTION casus.term_ne(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_ne';
COMMENT ON FUNCTION casus.term_ne(casus.term, casus.term) IS 'Implementation of the <> operator.';
CREATE FUNCTION casus.term_lt(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_lt';
COMMENT ON FUNCTION casus.term_lt(casus.term, casus.term) IS 'Implementation of the < operator, in the order of casus.term_cmp.';
CREATE FUNCTION casus.term_le(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_le';
COMMENT ON FUNCTION casus.term_le(casus.term, casus.term) IS 'Implementation of the <= operator, in the order of casus.term_cmp.';
CREATE FUNCTION casus.term_gt(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_gt';
COMMENT ON FUNCTION casus.term_gt(casus.term, casus.term) IS 'Implementation of the > operator, in the order of casus.term_cmp.';
CREATE FUNCTION casus.term_ge(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_ge';
COMMENT ON FUNCTION casus.term_ge(casus.term, casus.term) IS 'Implementation of the >= operator, in the order of casus.term_cmp.';
CREATE FUNCTION casus.term_hash(casus.term) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_hash';
COMMENT ON FUNCTION casus.term_hash(casus.term) IS 'Hash of a term for hash joins and aggregates.';

CREATE OPERATOR casus.= (
	LEFTARG = casus.term, RIGHTARG = casus.term, FUNCTION = casus.term_eq,
	COMMUTATOR = OPERATOR(casus.=), NEGATOR = OPERATOR(casus.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR casus.= (casus.term, casus.term) IS 'equal';
CREATE OPERATOR casus.<> (
	LEFTARG = casus.term, RIGHTARG = casus.term, FUNCTION = casus.term_ne,
	COMMUTATOR = OPERATOR(casus.<>), NEGATOR = OPERATOR(casus.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR casus.<> (casus.term, casus.term) IS 'not equal';
CREATE OPERATOR casus.< (
	LEFTARG = casus.term, RIGHTARG = casus.term, FUNCTION = casus.term_lt,
	COMMUTATOR = OPERATOR(casus.>), NEGATOR = OPERATOR(casus.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR casus.< (casus.term, casus.term) IS 'shorter than';
CREATE OPERATOR casus.<= (
	LEFTARG = casus.term, RIGHTARG = casus.term, FUNCTION = casus.term_le,
	COMMUTATOR = OPERATOR(casus.>=), NEGATOR = OPERATOR(casus.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR casus.<= (casus.term, casus.term) IS 'not longer than';
CREATE OPERATOR casus.> (
	LEFTARG = casus.term, RIGHTARG = casus.term, FUNCTION = casus.term_gt,
	COMMUTATOR = OPERATOR(casus.<), NEGATOR = OPERATOR(casus.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR casus.> (casus.term, casus.term) IS 'longer than';
CREATE OPERATOR casus.>= (
	LEFTARG = casus.term, RIGHTARG = casus.term, FUNCTION = casus.term_ge,
	COMMUTATOR = OPERATOR(casus.<=), NEGATOR = OPERATOR(casus.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR casus.>= (casus.term, casus.term) IS 'not shorter than';

CREATE OPERATOR CLASS casus.term_ops DEFAULT FOR TYPE casus.term USING btree AS
	OPERATOR 1 casus.<, OPERATOR 2 casus.<=, OPERATOR 3 casus.=,
	OPERATOR 4 casus.>=, OPERATOR 5 casus.>,
	FUNCTION 1 casus.term_cmp(casus.term, casus.term);
COMMENT ON OPERATOR CLASS casus.term_ops USING btree IS 'Order and uniqueness of casus.term.';
COMMENT ON OPERATOR FAMILY casus.term_ops USING btree IS 'Order and uniqueness of casus.term.';
CREATE OPERATOR CLASS casus.term_hash_ops DEFAULT FOR TYPE casus.term USING hash AS
	OPERATOR 1 casus.=,
	FUNCTION 1 casus.term_hash(casus.term);
COMMENT ON OPERATOR CLASS casus.term_hash_ops USING hash IS 'Hashing of casus.term.';
COMMENT ON OPERATOR FAMILY casus.term_hash_ops USING hash IS 'Hashing of casus.term.';

CREATE FUNCTION casus.due_on(term casus.term, start date) RETURNS date
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_due_on';
COMMENT ON FUNCTION casus.due_on(casus.term, date) IS
	'The day a term names when its clock started on the given day: uiterlijk must be gone on or before it, gedurende is kept through it. Error 22008 for infinite or out-of-range dates.';
CREATE FUNCTION casus.term_end(term casus.term, start date) RETURNS timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_end';
COMMENT ON FUNCTION casus.term_end(casus.term, date) IS
	'First moment at which what is kept under the term must be invisible: midnight in Europe/Amsterdam that opens the due day (uiterlijk) or the day after it (gedurende). Error 22008 for infinite or out-of-range dates.';
CREATE FUNCTION casus.term_event(term casus.term) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'casus_sql_term_event';
COMMENT ON FUNCTION casus.term_event(casus.term) IS 'Name of the event that starts the clock of the term.';

/* ---- protocol documents ---- */

CREATE FUNCTION casus.lint_protocol(definition jsonb)
	RETURNS TABLE (severity text, path text, message text)
	LANGUAGE c STABLE STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_lint_protocol';
COMMENT ON FUNCTION casus.lint_protocol(jsonb) IS
	'Everything that is wrong or odd in a protocol document, without loading it: severity (error: load_protocol refuses; warning; note), the JSON path of the place, and the finding. At most 1000 findings. For everyone: protocol documents are public law.';

CREATE FUNCTION casus.load_protocol(definition jsonb) RETURNS text
	LANGUAGE c STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_load_protocol';
COMMENT ON FUNCTION casus.load_protocol(jsonb) IS
	'Loads a protocol document and returns its name; for casus_admin. Refused (22023, casus.protocol) with every finding of severity error of casus.lint_protocol. A protocol''s name carries its version: the same document again does nothing, another one under a known name is refused (42710).';

CREATE FUNCTION casus.install_protocol(name text) RETURNS text
	LANGUAGE c STRICT
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_install_protocol';
COMMENT ON FUNCTION casus.install_protocol(text) IS
	'Loads a protocol that comes with casus, by its name in the view casus.shipped_protocol, as casus.load_protocol does; for casus_admin. Error 42704 when there is none of that name.';

/* ---- the vocabulary of the loaded protocols, for everyone ---- */

CREATE VIEW casus.protocol WITH (security_barrier) AS
	SELECT p.name, p.title, p.definition ->> 'source' AS source, p.loaded_at, p.definition
	FROM casus_cat.protocol p;
COMMENT ON VIEW casus.protocol IS 'Loaded protocols: name (with its version), title, source, and the document itself, with its parameters, controllers and parties.';

CREATE VIEW casus.phase WITH (security_barrier) AS
	SELECT p.name AS protocol, f.code AS ordinal, f.name, f.title, f.is_initial, f.is_terminal, f.is_closing, f.article
	FROM casus_cat.phase f JOIN casus_cat.protocol p ON p.id = f.protocol;
COMMENT ON VIEW casus.phase IS 'Phases of the loaded protocols, in order. is_closing: the one that casus.close_dossier leads to.';

CREATE VIEW casus.stage WITH (security_barrier) AS
	SELECT p.name AS protocol, f.name AS phase, s.ordinal, s.name, s.title, s.until::casus.term AS until, s.article
	FROM casus_cat.stage s
	JOIN casus_cat.protocol p ON p.id = s.protocol
	JOIN casus_cat.phase f ON f.protocol = s.protocol AND f.code = s.phase;
COMMENT ON VIEW casus.stage IS 'Retention stages of terminal phases, in order; until: the term from the date of the deciding gate. After the last stage nobody reads.';

CREATE VIEW casus.purpose WITH (security_barrier) AS
	SELECT p.name AS protocol, u.code AS ordinal, u.name, u.title,
		ARRAY(SELECT f.name FROM casus_cat.phase f
			WHERE f.protocol = u.protocol AND f.code = ANY (u.phases) ORDER BY f.code) AS phases,
		u.is_standing, u.is_session, u.article
	FROM casus_cat.purpose u JOIN casus_cat.protocol p ON p.id = u.protocol;
COMMENT ON VIEW casus.purpose IS 'Purposes and the phases whose dossiers they are for. is_standing: may be a standing purpose of an appointment; is_session: casus.enter may last for a session.';

CREATE VIEW casus.office WITH (security_barrier) AS
	SELECT p.name AS protocol, o.code AS ordinal, o.name, o.title, o.level, o.appointed_by, o.excludes, o.needs_oath, o.article, o.reviews, o.inspects, o.needs_party, o.oversees
	FROM casus_cat.office o JOIN casus_cat.protocol p ON p.id = o.protocol;
COMMENT ON VIEW casus.office IS 'Offices: level (file, party, dossier), who appoints, which other offices the same person may not hold, whether the ambtseed or a VOG must be known; reviews: judges break-glass afterwards and is told of it and of inspections; inspects: the purpose for which it may look at content by casus.inspect; needs_party: held for a party that takes part in the dossier, and no longer than it does; oversees: sees what the access log has of its file.';

CREATE VIEW casus.subject_category WITH (security_barrier) AS
	SELECT p.name AS protocol, s.code AS ordinal, s.name, s.title, s.article
	FROM casus_cat.subject_category s JOIN casus_cat.protocol p ON p.id = s.protocol;
COMMENT ON VIEW casus.subject_category IS 'Categories of data subjects of the loaded protocols.';

CREATE VIEW casus.category WITH (security_barrier) AS
	SELECT p.name AS protocol, c.code AS ordinal, c.name, c.title,
		CASE WHEN 0 = ANY (c.subject_categories) THEN ARRAY['geen'] ELSE '{}' END ||
		ARRAY(SELECT s.name FROM casus_cat.subject_category s
			WHERE s.protocol = c.protocol AND (s.code = ANY (c.subject_categories) OR c.subject_categories = '{}')
			ORDER BY s.code) AS subjects,
		c.subject_categories = '{}' AS is_for_any, c.article
	FROM casus_cat.category c JOIN casus_cat.protocol p ON p.id = c.protocol;
COMMENT ON VIEW casus.category IS 'Categories of data and the categories of data subjects about whom they may be kept; geen: data about no person; is_for_any: about anyone or no one.';

CREATE VIEW casus.gate WITH (security_barrier) AS
	SELECT p.name AS protocol, g.code AS ordinal, g.name, g.title,
		ARRAY(SELECT f.name FROM casus_cat.phase f
			WHERE f.protocol = g.protocol AND f.code = ANY (g.phases) ORDER BY f.code) AS phases,
		o.name AS decided_by, g.meeting, g.present_min, g.outcomes, g.details,
		ARRAY(SELECT b.name FROM casus_cat.gate b
			WHERE b.protocol = g.protocol AND b.code = ANY (g.after) ORDER BY b.code) AS after,
		g.after_outcomes, g.article
	FROM casus_cat.gate g
	JOIN casus_cat.protocol p ON p.id = g.protocol
	JOIN casus_cat.office o ON o.protocol = g.protocol AND o.code = g.office;
COMMENT ON VIEW casus.gate IS 'Gates: in which phases, decided by which office (or by a meeting that it records, with delegates of at least present_min involved parties), outcomes, the keys that the details of casus.decide must have (see contrib/protocols/README.md), and the gates that come before.';

CREATE VIEW casus.transition WITH (security_barrier) AS
	SELECT p.name AS protocol, t.ordinal, a.name AS from_phase, b.name AS to_phase, g.name AS gate, t.outcomes,
		ARRAY(SELECT o.name FROM casus_cat.office o
			WHERE o.protocol = t.protocol AND o.code = ANY (t.offices) ORDER BY o.code) AS offices, t.article
	FROM casus_cat.transition t
	JOIN casus_cat.protocol p ON p.id = t.protocol
	JOIN casus_cat.phase a ON a.protocol = t.protocol AND a.code = t.from_phase
	JOIN casus_cat.phase b ON b.protocol = t.protocol AND b.code = t.to_phase
	JOIN casus_cat.gate g ON g.protocol = t.protocol AND g.code = t.gate;
COMMENT ON VIEW casus.transition IS 'Transitions between phases, the gate and outcomes that open them, and the offices that may carry them out.';

CREATE VIEW casus.rule WITH (security_barrier) AS
	SELECT p.name AS protocol, r.ordinal, f.name AS phase, s.name AS stage, o.name AS office, u.name AS purpose,
		ARRAY(SELECT c.name FROM casus_cat.category c
			WHERE c.protocol = r.protocol AND (r.categories >> c.code) & 1 = 1 ORDER BY c.code) AS categories,
		(ARRAY['all', 'own', 'shared'])[r.scope + 1] AS scope, r.participants,
		CASE WHEN r.verbs & 1 > 0 THEN ARRAY['read'] ELSE '{}' END ||
		CASE WHEN r.verbs & 2 > 0 THEN ARRAY['supply'] ELSE '{}' END ||
		CASE WHEN r.verbs & 4 > 0 THEN ARRAY['correct'] ELSE '{}' END ||
		CASE WHEN r.verbs & 8 > 0 THEN ARRAY['remove'] ELSE '{}' END AS may, r.article,
		ARRAY(SELECT g.name FROM casus_cat.gate g
			WHERE g.protocol = r.protocol AND g.code = ANY (r.after) ORDER BY g.code) AS after, r.after_outcomes
	FROM casus_cat.rule r
	JOIN casus_cat.protocol p ON p.id = r.protocol
	LEFT JOIN casus_cat.stage s ON s.protocol = r.protocol AND s.code = r.state
	JOIN casus_cat.phase f ON f.protocol = r.protocol AND f.code = coalesce(s.phase, r.state)
	JOIN casus_cat.office o ON o.protocol = r.protocol AND o.code = r.office
	JOIN casus_cat.purpose u ON u.protocol = r.protocol AND u.code = r.purpose;
COMMENT ON VIEW casus.rule IS 'Access rules in words, one row per phase or retention stage, office and purpose; scope: all, own (items of my party), shared (shared with my party); participants: only in dossiers one takes part in; after: only once these gates have been decided in the dossier, the newest decision of each with one of after_outcomes, if there are any.';

CREATE VIEW casus.list_value WITH (security_barrier) AS
	SELECT p.name AS protocol, l.list, l.ordinal, l.part, l.value, l.title, l.controller, l.article, l.parameter
	FROM casus_cat.list_value l JOIN casus_cat.protocol p ON p.id = l.protocol;
COMMENT ON VIEW casus.list_value IS 'Closed lists that the details of gates choose from; part: heading within the list; controller: who is responsible when this power is used; parameter: the value is chosen only in a file that has set it, to a text that is not blank or a list with one; the list parties holds a closed list of parties.';

GRANT SELECT ON casus.protocol, casus.phase, casus.stage, casus.purpose, casus.office, casus.subject_category,
	casus.category, casus.gate, casus.transition, casus.rule, casus.list_value TO PUBLIC;
