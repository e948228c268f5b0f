/*
 * policy_support.c
 *		What the planner is told about casus_int.permits(): how many rows it
 *		lets through and what it costs.
 *
 * Nothing is decided here: a plan outlives the context under which it is
 * made.  The estimate comes from the statistics of the label column (how many
 * rows are outside the protocol) and from the session's context now.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "policy.h"

#include "catalog/pg_statistic.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

/* Of the governed rows of a file that some purpose reads; a guess. */
#define SHARE_OF_FILE		0.3
#define SHARE_OF_DOSSIER	0.001

/* The share of rows that bear the constant label; 0 without statistics. */
static double
outside_share(PlannerInfo *root, Node *label, int relation)
{
	VariableStatData vardata;
	AttStatsSlot slot;
	double		share = 0.0;

	examine_variable(root, label, relation, &vardata);
	if (HeapTupleIsValid(vardata.statsTuple) &&
		get_attstatsslot(&slot, vardata.statsTuple, STATISTIC_KIND_MCV, InvalidOid,
						 ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		for (int i = 0; i < slot.nvalues && share == 0.0; i++)
			if (memcmp(DatumGetUUIDP(slot.values[i]), &casus_label_outside,
					   sizeof(pg_uuid_t)) == 0)
				share = slot.numbers[i];
		free_attstatsslot(&slot);
	}
	ReleaseVariableStats(vardata);
	return share;
}

static double
governed_share(void)
{
	const CasusCapacity *capacities;
	int			n;

	if (!casus_preloaded || !casus_installed())
		return 0.0;
	n = casus_context_all(&capacities);
	if (n == 0)
		return 0.0;
	return n == 1 && capacities[0].dossier != 0 ? SHARE_OF_DOSSIER : SHARE_OF_FILE;
}

static void
estimate(SupportRequestSelectivity *request)
{
	double		outside = outside_share(request->root, linitial(request->args),
										request->varRelid);

	request->selectivity = outside + (1.0 - outside) * governed_share();
	CLAMP_PROBABILITY(request->selectivity);
}

PG_FUNCTION_INFO_V1(casus_sql_permits_support);

Datum
casus_sql_permits_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSelectivity) &&
		!((SupportRequestSelectivity *) request)->is_join &&
		list_length(((SupportRequestSelectivity *) request)->args) == 1)
	{
		estimate((SupportRequestSelectivity *) request);
		PG_RETURN_POINTER(request);
	}
	if (IsA(request, SupportRequestCost))
	{
		SupportRequestCost *cost = (SupportRequestCost *) request;

		cost->startup = 0;
		cost->per_tuple = cpu_operator_cost;
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(NULL);
}
