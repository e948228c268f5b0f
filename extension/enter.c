/*
 * enter.c
 *		casus.enter() and the like: from what a caller says, and what he holds,
 *		to one capacity, or to the refusal that names his choices.
 *
 * Checks go from what depends on the caller alone to what depends on a
 * dossier, so that a dossier that does not exist and one where the caller may
 * not act give the same answer.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "choice.h"

#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

/* What the caller said, NULL or 0 for what was left out. */
typedef struct Request
{
	char	   *purpose;
	int64		dossier;
	char	   *office;
	char	   *party;
	char	   *file;
	bool		for_session;
} Request;

/* Keeps the choices for which the test holds; false, and all kept, if none. */
typedef bool (*ChoiceTest) (Choice *choice, const Request *request);

static bool
keep(Choices *choices, ChoiceTest test, const Request *request)
{
	int			n = 0;
	Choice	   *kept = palloc(Max(choices->n, 1) * sizeof(Choice));

	for (int i = 0; i < choices->n; i++)
	{
		Choice		choice = choices->choice[i];

		if (test(&choice, request))
			kept[n++] = choice;
	}
	if (n == 0)
		return false;
	choices->choice = kept;
	choices->n = n;
	return true;
}

static bool
fits_file(Choice *choice, const Request *request)
{
	return strcmp(casus_people_file_name(choice->capacity.file), request->file) == 0;
}

static bool
fits_office(Choice *choice, const Request *request)
{
	return strcmp(casus_choice_office(&choice->capacity), request->office) == 0;
}

static bool
fits_party(Choice *choice, const Request *request)
{
	char	   *name = casus_people_party_name(choice->capacity.file,
											   choice->capacity.party);

	return name != NULL && strcmp(name, request->party) == 0;
}

/* Is there a rule for the office at all; or, office -1, for anybody? */
static bool
purpose_has_rule(const CasusProtocol *protocol, int purpose, int office)
{
	for (int i = 0; i < protocol->nrules; i++)
		if (protocol->rules[i].purpose == purpose &&
			(office < 0 || protocol->rules[i].office == office))
			return true;
	return false;
}

/*
 * A purpose without any rule (rechten, toezicht in many protocols) may be
 * entered by every office: it shows nothing, but acts may be done for it.
 */
static bool
fits_purpose(Choice *choice, const Request *request)
{
	const CasusProtocol *protocol = casus_protocol(choice->capacity.protocol);
	int			purpose = casus_protocol_purpose(protocol, request->purpose);

	if (purpose < 0)
		return false;
	choice->capacity.purpose = purpose;
	return purpose_has_rule(protocol, purpose, choice->capacity.office) ||
		!purpose_has_rule(protocol, purpose, -1);
}

/* Do all rules for the office and purpose ask for taking part? */
static bool
must_participate(const CasusProtocol *protocol, const CasusCapacity *c)
{
	bool		any = false;

	for (int i = 0; i < protocol->nrules; i++)
	{
		const CasusRule *rule = &protocol->rules[i];

		if (rule->purpose != c->purpose || rule->office != c->office)
			continue;
		if (!rule->participants)
			return false;
		any = true;
	}
	return any;
}

/* Does the office read, in the state of the dossier, without taking part in it? */
static bool
reads_all(const CasusCapacity *c, const CasusDossier *dossier)
{
	const CasusProtocol *protocol = casus_protocol(c->protocol);

	for (int i = 0; i < protocol->nrules; i++)
	{
		const CasusRule *rule = &protocol->rules[i];

		if (rule->state == dossier->state && rule->office == c->office &&
			(rule->verbs & CASUS_READ) != 0 && !rule->participants)
			return true;
	}
	return false;
}

/*
 * Who takes part learns of the dossier no sooner and no longer than the protocol calls
 * him in (sight.c): before and after, it answers as one that is not there.
 */
static bool
fits_dossier(Choice *choice, const Request *request)
{
	CasusCapacity *c = &choice->capacity;
	CasusDossier dossier;

	if (!casus_dossier_load(request->dossier, &dossier) ||
		dossier.state == CASUS_STATE_GONE || dossier.file != c->file)
		return false;
	if (c->dossier != 0 && c->dossier != request->dossier)
		return false;
	if (choice->level != CASUS_LEVEL_FILE && !reads_all(c, &dossier) &&
		!casus_sight_dossier(request->dossier, &dossier))
		return false;
	c->dossier = request->dossier;
	if (choice->level != CASUS_LEVEL_DOSSIER &&
		!must_participate(casus_protocol(c->protocol), c))
		return true;
	return casus_dossier_participates(request->dossier, c->person, c->party, c->office);
}

/* ---- enter ---- */

static void
refuse_no_appointment(const Request *request, int32 person)
{
	/* Not under the file that was named: whoever holds no office there learns nothing of it. */
	casus_check_refuse(casus_check_protocol(NULL, 0), "no_appointment",
					   _("there is no appointment in which you may act"),
					   person == 0 ? _("this role is not known as a person") :
					   request->file ? _("you hold no office in this file now") :
					   _("you hold no office in an activated file now"),
					   _("A casus_admin, or an office that the protocol names, appoints: casus.add_person(), casus.appoint()."));
}

static void
refuse_purpose(const Request *request, const Choices *choices)
{
	const CasusCapacity *c = &choices->choice[0].capacity;
	const CasusProtocol *protocol = casus_protocol(c->protocol);
	bool		exists = casus_protocol_purpose(protocol, request->purpose) >= 0;

	casus_check_refuse(casus_choice_protocol(choices), "wrong_purpose",
					   exists ? _("this office has no access for this purpose") : _("there is no such purpose in the protocol"),
					   exists ?
					   psprintf(_("no rule gives office %s access for purpose %s"),
								casus_choice_office(c), request->purpose) :
					   psprintf(_("purpose %s is unknown"), request->purpose),
					   "SELECT * FROM casus.my_purposes();");
}

/*
 * From the caller's own offices to the one that is meant.  The dossier comes
 * last: what was refused before does not depend on it.
 */
static Choice *
choose(const Request *request, int32 person)
{
	Choices		choices;

	casus_choice_find(person, &choices);
	if (choices.n == 0 ||
		(request->file && !keep(&choices, fits_file, request)))
		refuse_no_appointment(request, person);
	if ((request->office && !keep(&choices, fits_office, request)) ||
		(request->party && !keep(&choices, fits_party, request)))
		casus_check_refuse(casus_choice_protocol(&choices), "wrong_office",
						   _("you do not hold this office now"),
						   psprintf(_("you hold: %s"), casus_choice_list(&choices)),
						   casus_choice_hint(request->purpose, &choices.choice[0]));
	if (!keep(&choices, fits_purpose, request))
		refuse_purpose(request, &choices);
	if (request->dossier != 0 && !keep(&choices, fits_dossier, request))
		casus_check_refuse(casus_choice_protocol(&choices), "not_involved",
						   _("there is no such dossier in which you may act"),
						   _("the dossier does not exist, or this office is not involved in it"),
						   "SELECT * FROM casus.dossier;");
	if (choices.n > 1)
		casus_check_refuse(casus_choice_protocol(&choices), "ambiguous_capacity",
						   _("you hold more than one office that fits"),
						   psprintf(_("your choices: %s"), casus_choice_list(&choices)),
						   casus_choice_hint(request->purpose, &choices.choice[0]));
	return &choices.choice[0];
}

static bool
purpose_is_session(const CasusCapacity *c)
{
	CasusScan	scan;
	bool		is_session = false;

	casus_scan_key(&scan, CASUS_PURPOSE, casus_table_pkey(CASUS_PURPOSE), 1,
				   F_INT4EQ, Int32GetDatum(c->protocol));
	while (casus_scan_next(&scan))
		if (casus_scan_int(&scan, CASUS_COL_PURPOSE_CODE, -1) == c->purpose)
			is_session = casus_scan_int(&scan, CASUS_COL_PURPOSE_IS_SESSION, 0) != 0;
	casus_scan_end(&scan);
	return is_session;
}

static void
require_session(const Choice *choice, const Request *request)
{
	if (!purpose_is_session(&choice->capacity))
		casus_check_refuse(casus_protocol(choice->capacity.protocol), "wrong_purpose",
						   _("this purpose may not last for a session"),
						   psprintf(_("purpose %s is entered per transaction"), request->purpose),
						   psprintf("BEGIN; SELECT casus.enter(%s);", quote_literal_cstr(request->purpose)));
	if (!choice->may_session)
		casus_check_refuse(casus_protocol(choice->capacity.protocol), "wrong_office",
						   _("this appointment may not be entered for a session"),
						   _("the appointment was made without may_session"),
						   psprintf("BEGIN; SELECT casus.enter(%s);", quote_literal_cstr(request->purpose)));
}

static char *
text_argument(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

static void
read_request(FunctionCallInfo fcinfo, Request *request)
{
	char	   *lasts = text_argument(fcinfo, 5);

	memset(request, 0, sizeof(*request));
	request->purpose = text_argument(fcinfo, 0);
	if (!PG_ARGISNULL(1))
		/* 0 and less are no dossier: they must not mean "all of them". */
		request->dossier = PG_GETARG_INT64(1) > 0 ? PG_GETARG_INT64(1) : -1;
	request->office = text_argument(fcinfo, 2);
	request->party = text_argument(fcinfo, 3);
	request->file = text_argument(fcinfo, 4);

	if (request->purpose == NULL)
		casus_setup_error(ERRCODE_NULL_VALUE_NOT_ALLOWED, NULL,
						  _("a purpose is needed"), NULL,
						  "SELECT * FROM casus.my_purposes();");
	if (lasts == NULL || strcmp(lasts, "transaction") == 0)
		request->for_session = false;
	else if (strcmp(lasts, "session") == 0)
		request->for_session = true;
	else
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("a context lasts for the transaction or the session"),
						  NULL,
						  _("Use lasts => 'transaction' or lasts => 'session'."));
	if (!request->for_session && !IsTransactionBlock() && !IsSubTransaction())
		casus_setup_error(ERRCODE_NO_ACTIVE_SQL_TRANSACTION, NULL,
						  _("casus.enter() is for a transaction block"),
						  _("A context ends with its transaction: outside a block it would end at once."),
						  psprintf("BEGIN; SELECT casus.enter(%s);",
								   quote_literal_cstr(request->purpose)));
}

PG_FUNCTION_INFO_V1(casus_sql_enter);

Datum
casus_sql_enter(PG_FUNCTION_ARGS)
{
	Request		request;
	CasusActor	actor;
	Choice	   *choice;

	casus_require_preloaded();
	read_request(fcinfo, &request);
	casus_catalog_listen();
	actor = casus_context_actor();
	choice = choose(&request, actor.person);
	if (request.for_session)
		require_session(choice, &request);
	casus_context_set(&choice->capacity, request.for_session);
	PG_RETURN_VOID();
}

/* ---- the view ---- */

static Datum
text_or_null(const char *value, bool *isnull)
{
	*isnull = value == NULL;
	return value ? CStringGetTextDatum(value) : (Datum) 0;
}

static const char *
actor_kind_name(char kind)
{
	switch (kind)
	{
		case CASUS_ACTOR_SET_ROLE:
			return "set_role";
		case CASUS_ACTOR_TOKEN:
			return "token";
		default:
			return "login";
	}
}

PG_FUNCTION_INFO_V1(casus_sql_current_context);

Datum
casus_sql_current_context(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const CasusCapacity *c;
	CasusActor	actor;
	Datum		values[10];
	bool		nulls[10];
	char	   *role;

	InitMaterializedSRF(fcinfo, 0);
	casus_catalog_listen();
	c = casus_context_entered();
	if (c == NULL)
		return (Datum) 0;

	actor = casus_context_actor();
	values[0] = text_or_null(casus_people_file_name(c->file), &nulls[0]);
	values[1] = text_or_null(casus_protocol(c->protocol)->purpose[c->purpose], &nulls[1]);
	values[2] = text_or_null(casus_choice_office(c), &nulls[2]);
	values[3] = text_or_null(casus_people_party_name(c->file, c->party), &nulls[3]);
	values[4] = Int64GetDatum(c->dossier);
	nulls[4] = c->dossier == 0;
	values[5] = text_or_null(casus_people_name(c->person), &nulls[5]);
	values[6] = text_or_null("enter", &nulls[6]);
	values[7] = text_or_null(casus_context_is_session() ? "session" : "transaction",
							 &nulls[7]);
	role = GetUserNameFromId(actor.role, false);
	values[8] = DirectFunctionCall1(namein, CStringGetDatum(role));
	nulls[8] = false;
	values[9] = text_or_null(actor_kind_name(actor.kind), &nulls[9]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	return (Datum) 0;
}
