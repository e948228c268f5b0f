/*
 * install_20_protocol.sql
 *		The type casus.term, protocol documents, and the views that show their
 *		vocabulary.
 */

/* ---- casus.term ---- */

CREATE TYPE casus.term;

CREATE FUNCTION casus.term_in(cstring) RETURNS casus.term
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_in';
COMMENT ON FUNCTION casus.term_in(cstring) IS 'Text input of casus.term; errors 22P02 (syntax), 22008 (out of range).';
CREATE FUNCTION casus.term_out(casus.term) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_out';
COMMENT ON FUNCTION casus.term_out(casus.term) IS 'Text output of casus.term.';
CREATE FUNCTION casus.term_recv(internal) RETURNS casus.term
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_recv';
COMMENT ON FUNCTION casus.term_recv(internal) IS 'Binary input of casus.term: months int2, days int2, mode int1 (1 uiterlijk, 2 gedurende), event.';
CREATE FUNCTION casus.term_send(casus.term) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
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
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_cmp';
COMMENT ON FUNCTION casus.term_cmp(casus.term, casus.term) IS 'Less than, equal to or greater than zero: by length (a month as 30 days), then mode and event.';
CREATE FUNCTION casus.term_eq(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_eq';
COMMENT ON FUNCTION casus.term_eq(casus.term, casus.term) IS 'Implementation of the = operator: same length in months and days, same mode, same event.';
CREATE FUNCTION casus.term_ne(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_ne';
COMMENT ON FUNCTION casus.term_ne(casus.term, casus.term) IS 'Implementation of the <> operator.';
CREATE FUNCTION casus.term_lt(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_lt';
COMMENT ON FUNCTION casus.term_lt(casus.term, casus.term) IS 'Implementation of the < operator, in the order of casus.term_cmp.';
CREATE FUNCTION casus.term_le(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_le';
COMMENT ON FUNCTION casus.term_le(casus.term, casus.term) IS 'Implementation of the <= operator, in the order of casus.term_cmp.';
CREATE FUNCTION casus.term_gt(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_gt';
COMMENT ON FUNCTION casus.term_gt(casus.term, casus.term) IS 'Implementation of the > operator, in the order of casus.term_cmp.';
CREATE FUNCTION casus.term_ge(casus.term, casus.term) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_ge';
COMMENT ON FUNCTION casus.term_ge(casus.term, casus.term) IS 'Implementation of the >= operator, in the order of casus.term_cmp.';
CREATE FUNCTION casus.term_hash(casus.term) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
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
CREATE OPERATOR CLASS casus.term_hash_ops DEFAULT FOR TYPE casus.term USING hash AS
	OPERATOR 1 casus.=,
	FUNCTION 1 casus.term_hash(casus.term);
COMMENT ON OPERATOR CLASS casus.term_hash_ops USING hash IS 'Hashing of casus.term.';

CREATE FUNCTION casus.due_on(term casus.term, start date) RETURNS date
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
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
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'casus_sql_term_event';
COMMENT ON FUNCTION casus.term_event(casus.term) IS 'Name of the event that starts the clock of the term.';
