/*
 * policy_fold.c
 *		The rules of a protocol, folded to bit masks for the capacities that
 *		the session has now.
 *
 * Folding runs once per version of people, rules and capacities, not per
 * statement, nor when the same capacity is entered again.  All state is
 * private to the backend, in TopMemoryContext.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "policy.h"

#include "utils/memutils.h"

PolicyFold *casus_policy_folds = NULL;
static int	nfolds = 0;
static int	room = 0;
static uint64 folded_people = 0;
static uint64 folded_context = 0;
static TimestampTz folded_until = 0;	/* when a capacity begins or ends by itself */

static void
fold_rule(PolicyFold *fold, const CasusRule *rule)
{
	for (int part = rule->participants ? 1 : 0; part < 2; part++)
	{
		PolicyMasks *masks = &fold->masks[part][rule->state % CASUS_MAX_CODE];

		switch (rule->scope)
		{
			case CASUS_SCOPE_ALL:
				masks->all |= rule->categories;
				break;
			case CASUS_SCOPE_OWN:
				masks->own |= rule->categories;
				break;
			case CASUS_SCOPE_SHARED:
				masks->shared |= rule->categories;
				break;
		}
	}
}

static void
fold_capacity(PolicyFold *fold, const CasusCapacity *capacity)
{
	const CasusProtocol *protocol = casus_protocol(capacity->protocol);

	memset(fold, 0, sizeof(*fold));
	fold->capacity = *capacity;
	if (capacity->office >= protocol->noffices ||
		capacity->purpose >= protocol->npurposes)
		return;
	fold->level = protocol->office_level[capacity->office];
	fold->phases = protocol->purpose_phases[capacity->purpose];

	for (int i = 0; i < protocol->nrules; i++)
	{
		const CasusRule *rule = &protocol->rules[i];

		if (rule->office == capacity->office &&
			rule->purpose == capacity->purpose &&
			(rule->verbs & CASUS_READ) != 0)
			fold_rule(fold, rule);
	}

	for (int state = 0; state < CASUS_MAX_CODE; state++)
		if (fold->level == CASUS_LEVEL_DOSSIER ||
			memcmp(&fold->masks[0][state], &fold->masks[1][state],
				   sizeof(PolicyMasks)) != 0)
			fold->ask |= UINT64CONST(1) << state;
}

/* Are these the capacities that were folded last? */
static bool
are_folded(const CasusCapacity *capacities, int n)
{
	if (n != nfolds)
		return false;
	for (int i = 0; i < n; i++)
		if (memcmp(&casus_policy_folds[i].capacity, &capacities[i],
				   sizeof(CasusCapacity)) != 0)
			return false;
	return true;
}

/* Returns whether what was made of the folds before is void. */
bool
casus_policy_fold_refresh(void)
{
	const CasusCapacity *capacities;
	uint64		context = casus_context_generation();
	uint64		people = casus_catalog_people;
	int			n;

	/* A capacity that ends by the clock moves neither counter. */
	if (folded_people == people && folded_context == context &&
		folded_until == casus_context_until())
		return false;
	n = Min(casus_context_all(&capacities), POLICY_MAX_FOLDS);
	if (folded_people == people && are_folded(capacities, n))
	{
		folded_context = context;
		folded_until = casus_context_until();
		return false;
	}
	if (n > room)
	{
		if (casus_policy_folds)
			pfree(casus_policy_folds);
		casus_policy_folds = NULL;
		room = nfolds = 0;
		casus_policy_folds = MemoryContextAlloc(TopMemoryContext,
												n * sizeof(PolicyFold));
		room = n;
	}
	nfolds = 0;
	folded_people = 0;
	for (int i = 0; i < n; i++)
		fold_capacity(&casus_policy_folds[i], &capacities[i]);
	nfolds = n;
	folded_people = people;
	folded_context = context;
	folded_until = casus_context_until();
	return true;
}

int
casus_policy_fold_count(void)
{
	return nfolds;
}

const PolicyFold *
casus_policy_fold(int i)
{
	return &casus_policy_folds[i];
}

int
casus_policy_fold_of_file(int32 file)
{
	for (int i = 0; i < nfolds; i++)
		if (casus_policy_folds[i].capacity.file == file)
			return i;
	return -1;
}

/* Does it matter for this dossier whether the capacity takes part in it? */
bool
casus_policy_fold_asks(int fold, const CasusDossier *dossier)
{
	return dossier->state < CASUS_MAX_CODE &&
		(casus_policy_folds[fold].ask & (UINT64CONST(1) << dossier->state)) != 0;
}

PolicySightNo
casus_policy_fold_sight(int fold, const CasusDossier *dossier, bool takes_part)
{
	const PolicyFold *f = &casus_policy_folds[fold];
	const PolicyMasks *masks;

	if (dossier->state >= CASUS_MAX_CODE || dossier->phase >= CASUS_MAX_CODE)
		return 0;				/* past its last stage */
	if ((f->phases & (UINT64CONST(1) << dossier->phase)) == 0)
		return 0;
	if (f->capacity.dossier != 0 && f->capacity.dossier != dossier->id)
		return 0;
	if (f->level == CASUS_LEVEL_DOSSIER && !takes_part)
		return 0;

	masks = &f->masks[takes_part ? 1 : 0][dossier->state];
	if ((masks->all | masks->own | masks->shared) == 0)
		return 0;
	return 1 + ((fold << POLICY_FOLD_SHIFT) | (takes_part ? POLICY_PART_BIT : 0) | dossier->state);
}
