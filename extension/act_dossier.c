/*
 * act_dossier.c
 *		Acts on a dossier as a whole: open, advance, close, who takes part.
 *
 * Every act locks the dossier's row first (casus_act_begin); what other
 * sessions read of it changes with the commit, by the invalidation that the
 * state tables send.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* ---- opening ---- */

PG_FUNCTION_INFO_V1(casus_sql_open_dossier);

Datum
casus_sql_open_dossier(PG_FUNCTION_ARGS)
{
	CasusFile	file;

	casus_require_preloaded();
	casus_act_attempt(InvalidOid, 0, "open_dossier");
	if (PG_ARGISNULL(0))
		casus_setup_error(ERRCODE_NULL_VALUE_NOT_ALLOWED, NULL,
						  _("a file must be named"), NULL,
						  "SELECT name FROM casus.file WHERE activated_at IS NOT NULL;");
	casus_find_file(text_to_cstring(PG_GETARG_TEXT_PP(0)), &file);
	PG_RETURN_INT64(casus_act_open_dossier(file.id,
										   PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1),
										   casus_act_text(fcinfo, 2)));
}

/* ---- advancing ---- */

/* A transition out of the dossier's phase, and whether its gate has opened it. */
typedef struct Transition
{
	char	   *article;
	char	   *gate;
	char	   *outcomes;
	uint64		offices;
	char	   *outcome;		/* of the newest decision in this stay, or NULL */
	bool		is_open;
	Datum		ends_since;		/* day since which this gate has decided that it ends */
	bool		has_ends;
} Transition;

/*
 * Several gates may lead to the same phase (niet_verder): one that is open is
 * taken, else the first one tells what is missing.
 */
static bool
find_transition(const CasusActTarget *target, int phase, Transition *t)
{
	CasusQuery	query;
	bool		found;
	bool		no_end = true;

	casus_query_begin(&query);
	casus_query_int64(&query, target->dossier.id);
	casus_query_int(&query, target->file.protocol);
	casus_query_code(&query, phase, false);
	casus_query_read(&query,
					"SELECT t.article, g.name, pg_catalog.array_to_string(t.outcomes, ', '), "
					"(SELECT pg_catalog.bit_or(1::bigint << o) FROM "
					"pg_catalog.unnest(t.offices) o), "
					"n.outcome, coalesce(n.outcome = ANY (t.outcomes), false), "
					"(SELECT pg_catalog.min(e.since) FROM casus_int.ending e "
					"WHERE e.dossier = s.id AND e.gate = t.gate) "
					"FROM casus_cat.dossier s "
					"JOIN casus_cat.transition t ON t.protocol = $2 AND t.from_phase = "
					"s.phase AND t.to_phase = $3 "
					"JOIN casus_cat.gate g ON g.protocol = t.protocol AND g.code = t.gate "
					"LEFT JOIN LATERAL (SELECT d.outcome FROM casus_int.standing d "
					"WHERE d.dossier = s.id AND d.gate = t.gate "
					"ORDER BY d.act DESC LIMIT 1) n ON true "
					"WHERE s.id = $1 ORDER BY 6 DESC, t.ordinal LIMIT 1");
	found = query.nrows == 1;
	if (found)
	{
		t->article = casus_query_get_text(&query, 0, 1);
		t->gate = casus_query_get_text(&query, 0, 2);
		t->outcomes = casus_query_get_text(&query, 0, 3);
		t->offices = (uint64) casus_query_get_int(&query, 0, 4);
		t->outcome = casus_query_get_text(&query, 0, 5);
		t->is_open = casus_query_get_bool(&query, 0, 6);
		t->ends_since = casus_query_get(&query, 0, 7, &no_end);
		t->has_ends = !no_end;
	}
	casus_query_end(&query);
	return found;
}

/*
 * The dossier is in its new phase.  The clock of a terminal one started on the
 * day since which it has been decided that the dossier ends: deciding the same
 * again, or carrying it out later, does not start it anew.
 */
static void
store_phase(const CasusActTarget *target, int phase, const Transition *t)
{
	CasusQuery	query;
	bool		terminal = (target->protocol->terminal & (UINT64CONST(1) << phase)) != 0;

	casus_query_begin(&query);
	casus_query_int64(&query, target->dossier.id);
	casus_query_code(&query, phase, false);
	casus_query_bool(&query, terminal);
	casus_query_arg(&query, DATEOID, t->ends_since, !t->has_ends);
	casus_query_run(&query,
					"UPDATE casus_cat.dossier SET phase = $2, phase_since = "
					"pg_catalog.clock_timestamp(), "
					"clock = CASE WHEN $3 THEN $4 ELSE clock END, "
					"closed_at = CASE WHEN $3 THEN pg_catalog.clock_timestamp() ELSE "
					"closed_at END "
					"WHERE id = $1");
	casus_query_end(&query);
}

static int64
advance(CasusActTarget *target, int phase, const char *motivation)
{
	CasusCapacity capacity = {0};
	Transition	t = {0};
	const char *name = target->protocol->phase[phase];

	if (!find_transition(target, phase, &t))
		casus_refuse("wrong_phase",
					 _("the protocol knows no such transition"),
					 casus_find_detail(&target->file,
									   target->protocol->phase_article[target->dossier.phase],
									   psprintf(_("phase %s does not lead to %s"), target->phase, name)),
					 psprintf("SELECT * FROM casus.checklist(" INT64_FORMAT ");",
							  target->dossier.id));
	casus_context_for_act(target->file.id, target->dossier.id, t.offices,
						  t.article, &capacity);
	if (!t.is_open)
		casus_refuse("gate_missing",
					 _("the gate to this phase has not been decided so"),
					 casus_find_detail(&target->file, t.article,
									   psprintf(t.outcome == NULL ?
												_("gate %s is not decided in phase %s; %s takes outcome %s") :
												_("gate %s is decided otherwise in phase %s; %s takes outcome %s"),
												t.gate, target->phase, name, t.outcomes)),
					 psprintf("SELECT casus.decide(" INT64_FORMAT ", %s, %s, details => '{}');",
							  target->dossier.id, quote_literal_cstr(t.gate),
							  quote_literal_cstr(pnstrdup(t.outcomes, strcspn(t.outcomes, ",")))));
	store_phase(target, phase, &t);
	return casus_act_record(&capacity, "advance", target->dossier.id, motivation,
							casus_act_details("from", target->phase, "to", name, NULL));
}

PG_FUNCTION_INFO_V1(casus_sql_advance);

Datum
casus_sql_advance(PG_FUNCTION_ARGS)
{
	CasusActTarget target;
	int			phase;

	casus_act_begin("advance", PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), &target);
	phase = casus_find_phase(&target.file, PG_ARGISNULL(1) ? "" :
							 text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_INT64(advance(&target, phase, casus_act_text(fcinfo, 2)));
}

PG_FUNCTION_INFO_V1(casus_sql_close_dossier);

Datum
casus_sql_close_dossier(PG_FUNCTION_ARGS)
{
	CasusActTarget target;
	CasusQuery	query;
	int			phase = -1;

	casus_act_begin("close_dossier", PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), &target);
	casus_query_begin(&query);
	casus_query_int(&query, target.file.protocol);
	casus_query_read(&query,
					"SELECT code FROM casus_cat.phase WHERE protocol = $1 AND is_closing");
	if (query.nrows == 1)
		phase = (int) casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	if (phase < 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the protocol names no closing phase"),
						  NULL,
						  psprintf("SELECT * FROM casus.checklist(" INT64_FORMAT ");", target.dossier.id));
	PG_RETURN_INT64(advance(&target, phase, casus_act_text(fcinfo, 1)));
}

/* ---- who takes part ---- */

/*
 * Who says who takes part, and what is shared: the offices that decide a gate
 * of this phase or move the dossier on from it; in a terminal phase those that
 * brought it there.
 */
uint64
casus_act_dossier_deciders(const CasusActTarget *target)
{
	CasusQuery	query;
	uint64		offices;

	casus_query_begin(&query);
	casus_query_int(&query, target->file.protocol);
	casus_query_code(&query, target->dossier.phase, false);
	casus_query_read(&query,
					"SELECT coalesce("
					"(SELECT pg_catalog.bit_or(1::bigint << o) FROM ("
					"SELECT g.office FROM casus_cat.gate g WHERE g.protocol = $1 AND $2 = "
					"ANY (g.phases) "
					"UNION SELECT pg_catalog.unnest(t.offices) FROM casus_cat.transition t "
					"WHERE t.protocol = $1 AND t.from_phase = $2) u(o)), "
					"(SELECT pg_catalog.bit_or(1::bigint << o) FROM casus_cat.transition t, "
					"LATERAL pg_catalog.unnest(t.offices) o WHERE t.protocol = $1 AND "
					"t.to_phase = $2), 0)");
	offices = (uint64) casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	return offices;
}

/* The office in which a party's people take part when none is named: the only one there is. */
static char *
default_office(const CasusFile *file)
{
	CasusQuery	query;
	char	   *name = NULL;

	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_read(&query,
					"SELECT name FROM casus_cat.office WHERE protocol = $1 AND level = "
					"'party'");
	if (query.nrows == 1)
		name = casus_query_get_text(&query, 0, 1);
	casus_query_end(&query);
	if (name == NULL)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "ambiguous_capacity",
						  _("name the office: the protocol has not exactly one that is held for a party"),
						  NULL,
						  psprintf("SELECT name, level FROM casus.office WHERE protocol = %s;",
								   quote_literal_cstr(file->protocol_name)));
	return name;
}

static void
store_participant(int64 dossier, int party, int32 person, int office)
{
	CasusQuery	query;

	casus_query_begin(&query);
	casus_query_int64(&query, dossier);
	casus_query_code(&query, party, party == 0);
	casus_query_arg(&query, INT4OID, Int32GetDatum(person), person == 0);
	casus_query_code(&query, office, false);
	/* Who takes part already goes on doing so: one row is enough. */
	casus_query_run(&query,
					"INSERT INTO casus_cat.participant (id, dossier, party, person, office, "
					"starts) "
					"SELECT pg_catalog.nextval('casus_cat.id_seq'), $1, $2, $3, $4, "
					"pg_catalog.clock_timestamp() "
					"WHERE NOT EXISTS (SELECT FROM casus_cat.participant p WHERE p.dossier "
					"= $1 "
					"AND p.party IS NOT DISTINCT FROM $2 AND p.person IS NOT DISTINCT FROM $3 "
					"AND p.office = $4 AND p.ends IS NULL)");
	casus_query_end(&query);
}

/* Whom an act of involving is about, of its second and third argument. */
static Jsonb *
who(FunctionCallInfo fcinfo, const char *office)
{
	return casus_act_details("party", casus_act_text(fcinfo, 1),
							 "person", casus_act_text(fcinfo, 2),
							 "office", office, NULL);
}

PG_FUNCTION_INFO_V1(casus_sql_involve);

Datum
casus_sql_involve(PG_FUNCTION_ARGS)
{
	CasusActTarget target;
	CasusCapacity capacity = {0};
	CasusOffice office;
	char	   *office_name;
	int			party = 0;
	int32		person = 0;
	char	   *reason = casus_act_text(fcinfo, 4);

	casus_act_begin("involve", PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), &target);
	casus_context_for_act(target.file.id, target.dossier.id,
						  casus_act_dossier_deciders(&target),
						  target.protocol->phase_article[target.dossier.phase],
						  &capacity);
	casus_act_refuse_ended(&target.file, target.dossier.phase);
	if (PG_ARGISNULL(1) && PG_ARGISNULL(2))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("name a party or a person to involve"), NULL, CASUS_HINT_CALLS);
	if (!PG_ARGISNULL(1))
		party = casus_find_party_lock(&target.file, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (!PG_ARGISNULL(2))
		person = casus_find_person(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	office_name = casus_act_text(fcinfo, 3);
	if (office_name == NULL)
		office_name = default_office(&target.file);
	casus_find_office(&target.file, office_name, &office);

	if (office.level == CASUS_LEVEL_DOSSIER && person == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "wrong_office",
						  _("name the person who takes this office"),
						  casus_find_detail(&target.file, office.article,
											psprintf(_("office %s is held by one person for one dossier"),
													 office.name)),
						  psprintf("SELECT name FROM casus.person;  -- casus.involve(" INT64_FORMAT
								   ", party => '...', person => '...', office => %s)",
								   target.dossier.id, quote_literal_cstr(office.name)));
	if (office.level == CASUS_LEVEL_DOSSIER)
	{
		/* An office held for this dossier: to involve is to appoint. */
		CasusAppointment a = {0};

		a.person = person;
		a.person_name = text_to_cstring(PG_GETARG_TEXT_PP(2));
		a.party_name = party ? text_to_cstring(PG_GETARG_TEXT_PP(1)) : NULL;
		a.office = office;
		a.party = party;
		a.dossier = target.dossier.id;
		a.starts_null = a.ends_null = true;
		a.reason = reason;
		(void) casus_act_appoint_person(&target.file, &a);
	}
	else if (office.level == CASUS_LEVEL_PARTY)
		store_participant(target.dossier.id, party, person, office.code);
	else
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "wrong_office",
						  _("nobody takes part in a dossier in this office"),
						  casus_find_detail(&target.file, office.article,
											psprintf(_("office %s is not held for a party or one dossier"),
													 office.name)),
						  psprintf("SELECT name, level FROM casus.office WHERE protocol = %s;",
								   quote_literal_cstr(target.file.protocol_name)));
	PG_RETURN_INT64(casus_act_record(&capacity, "involve", target.dossier.id, reason,
									 who(fcinfo, office.name)));
}

/* Offices held for a party that takes part: of those that do no more. */
#define OF_NO_PARTICIPANT \
	"a.dossier = $1 AND EXISTS (SELECT FROM casus_cat.file f " \
	"JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = a.office " \
	"WHERE f.id = a.file AND o.needs_party) " \
	"AND NOT EXISTS (SELECT FROM casus_cat.participant t WHERE t.dossier = $1 " \
	"AND t.party = a.party AND " CASUS_TAKES_PART_NOW ")"

PG_FUNCTION_INFO_V1(casus_sql_end_involvement);

/*
 * Also ends the office that somebody holds for this dossier only, and that which
 * is held for a party that takes part no more; each with his deputies'.
 */
Datum
casus_sql_end_involvement(PG_FUNCTION_ARGS)
{
	CasusActTarget target;
	CasusCapacity capacity = {0};
	CasusQuery	query;
	int			party = 0;
	int32		person = 0;
	int64		ended;
	char	   *reason = casus_act_text(fcinfo, 3);

	casus_act_begin("end_involvement", PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), &target);
	casus_context_for_act(target.file.id, target.dossier.id,
						  casus_act_dossier_deciders(&target),
						  target.protocol->phase_article[target.dossier.phase],
						  &capacity);
	if (!PG_ARGISNULL(1))
		party = casus_find_party(&target.file, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (!PG_ARGISNULL(2))
		person = casus_find_person(text_to_cstring(PG_GETARG_TEXT_PP(2)));

	casus_query_begin(&query);
	casus_query_int64(&query, target.dossier.id);
	casus_query_code(&query, party, party == 0);
	casus_query_arg(&query, INT4OID, Int32GetDatum(person), person == 0);
	casus_query_run(&query,
					"UPDATE casus_cat.participant "
					"SET ends = greatest(starts, pg_catalog.clock_timestamp()) "
					"WHERE dossier = $1 AND ($2 IS NULL OR party = $2) "
					"AND (CASE WHEN $3 IS NULL THEN $2 IS NOT NULL ELSE person = $3 END) "
					"AND (ends IS NULL OR ends > pg_catalog.clock_timestamp())");
	ended = query.nrows;
	if (person != 0)
	{
		casus_query_int64(&query, target.dossier.id);
		casus_query_code(&query, party, party == 0);
		casus_query_int(&query, person);
		ended += casus_act_end_appointments(&query,
											"a.dossier = $1 AND ($2 IS NULL OR a.party = $2) AND a.person = $3");
	}
	casus_query_int64(&query, target.dossier.id);
	(void) casus_act_end_appointments(&query, OF_NO_PARTICIPANT);
	casus_query_end(&query);
	if (ended == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "not_involved",
						  _("this party or person does not take part in the dossier"),
						  casus_check_detail(target.protocol, "not_involved", NULL, NULL),
						  psprintf("SELECT * FROM casus.participant WHERE dossier = " INT64_FORMAT ";", target.dossier.id));
	PG_RETURN_INT64(casus_act_record(&capacity, "end_involvement", target.dossier.id,
									 reason, who(fcinfo, NULL)));
}
