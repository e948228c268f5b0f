/*
 * choice.c
 *		The capacities that a person may choose from, and how refusals name
 *		them.
 *
 * Nothing is kept between calls.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "choice.h"
#include "state.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

/* ---- words ---- */

const char *
casus_choice_office(const CasusCapacity *c)
{
	return casus_protocol(c->protocol)->office[c->office];
}

/* The arguments of enter() that single this one out. */
static char *
describe(const Choice *choice)
{
	const CasusCapacity *c = &choice->capacity;
	StringInfoData text;
	char	   *party = casus_people_party_name(c->file, c->party);

	initStringInfo(&text);
	appendStringInfo(&text, "office => %s", quote_literal_cstr(casus_choice_office(c)));
	if (party)
		appendStringInfo(&text, ", party => %s", quote_literal_cstr(party));
	appendStringInfo(&text, ", file => %s",
					 quote_literal_cstr(casus_people_file_name(c->file)));
	if (c->dossier != 0)
		appendStringInfo(&text, ", dossier => " INT64_FORMAT, c->dossier);
	return text.data;
}

/* "A; B; C", each once. */
char *
casus_choice_list(const Choices *choices)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < choices->n; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? "; " : "",
						 describe(&choices->choice[i]));
	return text.data;
}

char *
casus_choice_hint(const char *purpose, const Choice *choice)
{
	return psprintf("BEGIN; SELECT casus.enter(%s, %s);", quote_literal_cstr(purpose),
					describe(choice));
}

/* The protocol of all choices, or, without any, of the activated files; NULL: not the same one. */
const CasusProtocol *
casus_choice_protocol(const Choices *choices)
{
	int32	   *files = palloc(Max(choices->n, 1) * sizeof(int32));

	for (int i = 0; i < choices->n; i++)
		files[i] = choices->choice[i].capacity.file;
	return casus_check_protocol(files, choices->n);
}

/* ---- choices ---- */

static bool
same_choice(const Choice *a, const Choice *b)
{
	return a->capacity.file == b->capacity.file &&
		a->capacity.office == b->capacity.office &&
		a->capacity.party == b->capacity.party &&
		a->capacity.dossier == b->capacity.dossier;
}

/*
 * What the person holds, as capacities.  An office per dossier is one choice,
 * however many dossiers it is held for; another office limited to a dossier
 * falls away beside the same one without limit.
 */
void
casus_choice_find(int32 person, Choices *choices)
{
	const CasusHoldings *holdings = casus_people_holdings(person);

	choices->n = 0;
	choices->choice = palloc0(Max(holdings->n, 1) * sizeof(Choice));
	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < holdings->n; i++)
		{
			const CasusHeld *held = &holdings->held[i];
			bool		limited = held->dossier != 0 && held->level != CASUS_LEVEL_DOSSIER;
			Choice	   *choice = &choices->choice[choices->n];
			bool		known = false;

			if (limited != (pass == 1))
				continue;
			memset(choice, 0, sizeof(*choice));
			choice->capacity.file = held->file;
			choice->capacity.protocol = held->protocol;
			choice->capacity.person = person;
			choice->capacity.appointment = held->appointment;
			choice->capacity.party = held->party;
			choice->capacity.office = held->office;
			choice->capacity.dossier = limited ? held->dossier : 0;
			choice->capacity.source = CASUS_FROM_CONTEXT;
			choice->level = held->level;
			choice->may_session = held->may_session;
			for (int j = 0; j < choices->n && !known; j++)
			{
				Choice		unlimited = *choice;

				unlimited.capacity.dossier = 0;
				known = same_choice(&choices->choice[j], choice) ||
					same_choice(&choices->choice[j], &unlimited);
				if (known)
					choices->choice[j].may_session |= held->may_session;
			}
			if (!known)
				choices->n++;
		}
	}
}
