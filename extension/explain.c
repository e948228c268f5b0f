/*
 * explain.c
 *		casus.explain_access(): what a person could read or write of a dossier,
 *		in every capacity that he has now, and which rule, article and check
 *		say so.
 *
 * It tells of rules, never of rows, so it is for those who set up and those
 * who supervise, who see no content.  The verdicts are those of policy.c.
 * Reads only, takes no lock.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "choice.h"
#include "why.h"

#include "funcapi.h"
#include "utils/builtins.h"

enum
{
	LEAD_ROLE,
	LEAD_FILE,
	LEAD_OFFICE,
	LEAD_PARTY,
	LEAD_PURPOSE,
	NLEAD
};

/* The same answer for a dossier that is not there and one that is not the caller's to ask about. */
static bool
may_ask(int64 id, CasusDossier *dossier)
{
	CasusActor	actor = casus_context_actor();

	return casus_dossier_load(id, dossier) && dossier->state != CASUS_STATE_GONE &&
		(casus_is_auditor(actor.role) || casus_is_admin(actor.role) ||
		 casus_sight_supervises(dossier->file));
}

/* The person's role when he can act by it now. */
static char *
role_of(int32 person)
{
	CasusQuery	query;
	char	   *name;

	casus_query_begin(&query);
	casus_query_int(&query, person);
	casus_query_read(&query,
					 "SELECT r.role_name FROM casus_cat.person_role r JOIN pg_catalog.pg_roles g "
					 "ON g.oid = r.role_oid AND g.rolname = r.role_name WHERE r.person = $1");
	name = casus_query_get_text(&query, 0, 1);
	casus_query_end(&query);
	return name;
}

static bool
has_rule(const CasusProtocol *protocol, int office, int purpose, int verbs)
{
	for (int i = 0; i < protocol->nrules; i++)
		if (protocol->rules[i].office == office && protocol->rules[i].purpose == purpose &&
			(protocol->rules[i].verbs & verbs) != 0)
			return true;
	return false;
}

/* Every purpose for which the office has a rule; without any, the one of the phase. */
static void
explain_choice(CasusWhy *why, const CasusDossier *dossier, const CasusProtected *protected,
			   const CasusProtocol *protocol, const Choice *choice, int verbs)
{
	CasusCapacity capacity = choice->capacity;
	bool		any = false;
	int			purpose;

	why->lead[LEAD_OFFICE] = protocol->office[capacity.office];
	why->lead[LEAD_PARTY] = casus_people_party_name(capacity.file, capacity.party);
	for (purpose = 0; purpose < protocol->npurposes; purpose++)
	{
		if (!has_rule(protocol, capacity.office, purpose, verbs))
			continue;
		any = true;
		capacity.purpose = purpose;
		why->lead[LEAD_PURPOSE] = protocol->purpose[purpose];
		casus_why_capacity(why, dossier, protected, protocol, &capacity, verbs);
	}
	if (any)
		return;
	why->lead[LEAD_PURPOSE] = NULL;
	casus_why_plain(why, false, "wrong_office",
					psprintf(_("no rule of the protocol gives office %s this"),
							 protocol->office[capacity.office]), NULL);
}

/* What is open to him beside the rules. */
static bool
explain_openings(CasusWhy *why, int32 person, int64 dossier)
{
	CasusQuery	query;
	uint64		n;

	casus_query_begin(&query);
	casus_query_int(&query, person);
	casus_query_int64(&query, dossier);
	casus_query_read(&query,
					 "SELECT o.act, o.kind FROM casus_cat.opening o WHERE o.person = $1 "
					 "AND o.dossier = $2 AND o.ends > pg_catalog.clock_timestamp() ORDER BY o.act");
	n = query.nrows;
	for (uint64 row = 0; row < n; row++)
		casus_why_plain(why, true, NULL,
						psprintf(strcmp(casus_query_get_text(&query, row, 2), "inspect") == 0 ?
								 _("open by inspection, act " INT64_FORMAT) :
								 _("open by break-glass, act " INT64_FORMAT),
								 casus_query_get_int(&query, row, 1)),
						"SELECT * FROM casus.opening;");
	casus_query_end(&query);
	return n > 0;
}

static void
explain_person(CasusWhy *why, int32 person, const CasusDossier *dossier,
			   const CasusProtected *protected, int verbs)
{
	CasusFile	file;
	Choices		choices;
	bool		any = false;

	casus_find_file_by_id(dossier->file, &file);
	why->lead[LEAD_ROLE] = role_of(person);
	why->lead[LEAD_FILE] = file.name;
	if ((verbs & CASUS_READ) != 0)
		any = explain_openings(why, person, dossier->id);

	casus_choice_find(person, &choices);
	for (int i = 0; i < choices.n; i++)
	{
		if (choices.choice[i].capacity.file != dossier->file)
			continue;
		any = true;
		explain_choice(why, dossier, protected, casus_protocol(file.protocol),
					   &choices.choice[i], verbs);
	}
	why->lead[LEAD_OFFICE] = why->lead[LEAD_PARTY] = why->lead[LEAD_PURPOSE] = NULL;
	if (!any)
		casus_why_plain(why, false, "no_appointment",
						_("the person holds no office in this file now"),
						"SELECT name, level FROM casus.office;  -- casus.appoint(person, file, party, office)");
}

static int
verb_argument(FunctionCallInfo fcinfo, int argument)
{
	char	   *name = casus_act_text(fcinfo, argument);
	int			verb = name ? casus_why_verb(name) : CASUS_READ;

	if (verb == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("a verb is read, supply, correct or remove"), NULL, CASUS_HINT_CALLS);
	return verb;
}

PG_FUNCTION_INFO_V1(casus_sql_explain_access);

Datum
casus_sql_explain_access(PG_FUNCTION_ARGS)
{
	CasusWhy	why = {(ReturnSetInfo *) fcinfo->resultinfo, NLEAD, {NULL}};
	const CasusProtected *protected;
	CasusDossier dossier;
	int32		person;
	int			verbs;

	InitMaterializedSRF(fcinfo, 0);
	casus_require_preloaded();
	casus_catalog_listen();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || !may_ask(PG_GETARG_INT64(2), &dossier))
		casus_check_refuse(casus_check_protocol(NULL, 0), "wrong_office",
						   _("there is no such dossier, or it is not for you to ask who has access to it"),
						   _("this is for casus_admin, casus_auditor and the offices that supervise the file"),
						   "SELECT * FROM casus.my_purposes();");
	person = casus_find_person(casus_act_text(fcinfo, 0));
	verbs = verb_argument(fcinfo, 3);
	casus_policy_begin();
	if (!casus_why_table(&why, PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1), &protected))
		explain_person(&why, person, &dossier, protected, verbs);
	return (Datum) 0;
}
