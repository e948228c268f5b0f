/*
 * capacity.c
 *		The capacity in which somebody does an act, with or without a context.
 *
 * An act needs no casus.enter(): the context counts when it fits, else the
 * only fitting appointment.  Nothing is kept between calls.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "choice.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

/* The purpose of the dossier's phase: of that name, else one that reads it. */
static uint8
purpose_of_phase(const CasusProtocol *protocol, int phase)
{
	int			purpose = casus_protocol_purpose(protocol, protocol->phase[phase]);

	if (purpose >= 0)
		return purpose;
	for (purpose = 0; purpose < protocol->npurposes; purpose++)
		if (protocol->purpose_phases[purpose] & (UINT64CONST(1) << phase))
			return purpose;
	return CASUS_NO_PURPOSE;
}

/* Is the office held for this dossier, or (0) for the file as a whole? */
static bool
held_for(const CasusCapacity *c, char level, int64 dossier)
{
	if (dossier == 0)
		return c->dossier == 0;
	if (c->dossier != 0 && c->dossier != dossier)
		return false;
	return level != CASUS_LEVEL_DOSSIER ||
		casus_dossier_participates(dossier, c->person, c->party, c->office);
}

/* The names of the offices in the mask, for the refusal. */
static char *
list_offices(const CasusProtocol *protocol, uint64 offices)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < protocol->noffices; i++)
		if (offices & (UINT64CONST(1) << i))
			appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
							 protocol->office[i]);
	return text.data;
}

static bool
context_fits_act(int32 file, int64 dossier, uint64 offices, CasusCapacity *capacity)
{
	const CasusCapacity *c = casus_context_entered();

	if (c == NULL || c->file != file ||
		(offices & (UINT64CONST(1) << c->office)) == 0 ||
		(dossier != 0 &&
		 !held_for(c, casus_protocol(c->protocol)->office_level[c->office], dossier)))
		return false;
	*capacity = *c;
	return true;
}

/* Of the person's choices those that fit the act; says what stood in the way. */
static Choices
fitting_choices(const Choices *all, int32 file, int64 dossier, uint64 offices,
				bool *in_file, bool *in_office)
{
	Choices		fitting;

	*in_file = *in_office = false;
	fitting.n = 0;
	fitting.choice = palloc(Max(all->n, 1) * sizeof(Choice));
	for (int i = 0; i < all->n; i++)
	{
		CasusCapacity *c = &all->choice[i].capacity;

		if (c->file != file)
			continue;
		*in_file = true;
		if ((offices & (UINT64CONST(1) << c->office)) == 0)
			continue;
		*in_office = true;
		if (held_for(c, all->choice[i].level, dossier))
			fitting.choice[fitting.n++] = all->choice[i];
	}
	return fitting;
}

/* None fits: in the order of what depends on the caller alone. */
static void
say_none_fits(const CasusProtocol *protocol, uint64 offices, const char *article,
			  bool in_file, bool in_office, CasusActRefusal *refusal)
{
	char	   *who = psprintf(_("this is for %s"), list_offices(protocol, offices));

	refusal->code = !in_file ? "no_appointment" : !in_office ? "wrong_office" : "not_involved";
	refusal->message = !in_file ? _("there is no appointment in which you may act") :
		!in_office ? _("your office may not do this") :
		_("there is no such dossier in which you may act");
	refusal->detail = casus_check_detail(protocol, refusal->code, article,
										 !in_file || !in_office ? who :
										 _("the dossier does not exist, or this office is not involved in it"));
	refusal->hint = !in_file ?
		_("A casus_admin, or an office that the protocol names, appoints: casus.add_person(), casus.appoint().") :
		!in_office ? "SELECT * FROM casus.my_purposes();" : "SELECT * FROM casus.dossier;";
}

/* False: in none, or in several; refusal says what is to be said then. */
bool
casus_context_may_act(int32 file, int64 dossier, uint64 offices, const char *article,
					  CasusCapacity *capacity, CasusActRefusal *refusal)
{
	const CasusProtocol *protocol = casus_protocol(casus_dossier_file_protocol(file));
	Choices		all;
	Choices		fitting;
	bool		in_file;
	bool		in_office;
	CasusDossier state;
	int			phase = 0;

	casus_require_preloaded();
	casus_catalog_listen();
	if (context_fits_act(file, dossier, offices, capacity))
		return true;

	casus_choice_find(casus_context_actor().person, &all);
	fitting = fitting_choices(&all, file, dossier, offices, &in_file, &in_office);
	if (fitting.n == 0)
	{
		say_none_fits(protocol, offices, article, in_file, in_office, refusal);
		return false;
	}

	if (dossier != 0 && casus_dossier_load(dossier, &state))
		phase = state.phase;
	if (fitting.n > 1)
	{
		refusal->code = "ambiguous_capacity";
		refusal->message = _("you hold more than one office that fits");
		refusal->detail = casus_check_detail(protocol, refusal->code, NULL,
											 psprintf(_("your choices: %s"), casus_choice_list(&fitting)));
		refusal->hint = casus_choice_hint(protocol->phase[phase], &fitting.choice[0]);
		return false;
	}
	*capacity = fitting.choice[0].capacity;
	capacity->purpose = purpose_of_phase(protocol, phase);
	return true;
}

void
casus_context_for_act(int32 file, int64 dossier, uint64 offices,
					  const char *article, CasusCapacity *capacity)
{
	CasusActRefusal refusal;

	if (!casus_context_may_act(file, dossier, offices, article, capacity, &refusal))
		casus_refuse(refusal.code, refusal.message, refusal.detail, refusal.hint);
}

/*
 * May the caller read what bears this label: in the capacity of his context,
 * or, without one for the file, in an office of his for the purpose of the
 * dossier's phase?  Raises nothing, so that what is hidden can be answered
 * like what is not there.
 */
bool
casus_context_may_read(int32 file, const CasusLabel *label)
{
	const CasusCapacity *entered = casus_context_for_file(file);
	const CasusProtocol *protocol;
	CasusDossier dossier;
	CasusReason reason = {0};
	Choices		all;

	if (!casus_dossier_load(label->dossier, &dossier) || dossier.file != file)
		return false;
	if (entered != NULL)
		return casus_policy_explain(entered, label, CASUS_READ, &reason);
	protocol = casus_protocol(casus_dossier_file_protocol(file));
	casus_choice_find(casus_context_actor().person, &all);
	for (int i = 0; i < all.n; i++)
	{
		CasusCapacity capacity = all.choice[i].capacity;

		if (capacity.file != file ||
			!held_for(&capacity, all.choice[i].level, label->dossier))
			continue;
		capacity.purpose = purpose_of_phase(protocol, dossier.phase);
		if (casus_policy_explain(&capacity, label, CASUS_READ, &reason))
			return true;
	}
	return false;
}
