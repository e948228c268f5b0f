/*
 * policy_support.c
 *		What the planner is told about casus_int.permits(): how many rows it
 *		lets through and what it costs.
 *
 * Nothing is decided here: a plan outlives the context under which it is made,
 * so a stale estimate makes a worse plan and never another answer.
 *
 * Rows outside the protocol are counted by the statistics of the label column.
 * Of the governed ones a share is guessed from the rules of the capacities that
 * the session has: for the purpose and office, which categories in which
 * phases, and how many dossiers are in those.  What the caller's rules are he
 * may know; whether a certain dossier exists, or where it stands, no estimate
 * depends on.  For the same reason nobody else is given the statistics of the
 * label column, in which labels of hidden rows stand.
 *
 * Reads state through the caches of others; kept, private to the backend, are
 * shares, until statistics or what they were made from change.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "policy.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "port/pg_bitutils.h"
#include "state.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

/* Guesses, where nothing is known. */
#define OUTSIDE_IF_MIXED	0.95	/* rows outside the protocol, of a mixed table */
#define READABLE			0.3 /* of the governed rows, for whoever has a purpose */
#define OF_OWN_PARTY		0.3
#define OF_SHARED			0.1
#define OF_PARTICIPANT		0.3
#define DOSSIERS			1000.0

#define SHARES	16				/* a power of two */

/* Of a table; by oid modulo, one drives another out. */
static struct
{
	Oid			relid;
	uint64		as_of;
	double		share;
}			outside[SHARES];

/* Of a capacity, whatever dossier it is for; likewise. */
static struct
{
	int32		protocol;
	uint8		office;
	uint8		purpose;
	uint64		as_of;
	double		share;
}			readable[SHARES];

/* Changes of statistics; what is compared with it only goes up as well. */
static uint64 statistics_changes = 1;

static get_relation_stats_hook_type prev_get_relation_stats = NULL;

static void
statistics_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	statistics_changes++;
}

/* ---- rows outside the protocol ---- */

static HeapTuple
column_statistics(Oid relid, AttrNumber attno)
{
	return SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid),
						   Int16GetDatum(attno), BoolGetDatum(false));
}

/* The share of rows that bear the constant label, by statistics. */
static double
look_outside_share(const CasusProtected *prot)
{
	HeapTuple	statistics = column_statistics(prot->relid, prot->label_attno);
	AttStatsSlot slot;
	double		share = 0.0;

	if (!HeapTupleIsValid(statistics))
		return prot->mixed ? OUTSIDE_IF_MIXED : 0.0;
	if (get_attstatsslot(&slot, statistics, STATISTIC_KIND_MCV, InvalidOid,
						 ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		for (int i = 0; i < slot.nvalues && share == 0.0; i++)
			if (memcmp(DatumGetUUIDP(slot.values[i]), &casus_label_outside,
					   sizeof(pg_uuid_t)) == 0)
				share = slot.numbers[i];
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(statistics);
	return share;
}

static double
outside_share(const CasusProtected *prot)
{
	uint64		as_of = statistics_changes + casus_registry_changes;
	int			i = prot->relid & (SHARES - 1);

	if (outside[i].relid != prot->relid || outside[i].as_of != as_of)
	{
		outside[i].as_of = 0;
		outside[i].share = look_outside_share(prot);
		outside[i].relid = prot->relid;
		outside[i].as_of = as_of;
	}
	return outside[i].share;
}

/* ---- governed rows ---- */

static double
dossier_count(void)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(casus_table_oid(CASUS_DOSSIER)));
	double		count = 0.0;

	if (HeapTupleIsValid(tuple))
	{
		count = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return count > 0.0 ? count : DOSSIERS;
}

/* How many of all dossiers are in each phase; evenly spread without statistics. */
static void
phase_shares(int nphases, double *share)
{
	HeapTuple	statistics = column_statistics(casus_table_oid(CASUS_DOSSIER),
											   CASUS_COL_DOSSIER_PHASE);
	AttStatsSlot slot;
	int			i;

	for (i = 0; i < CASUS_MAX_CODE; i++)
		share[i] = 1.0 / Max(nphases, 1);
	if (!HeapTupleIsValid(statistics))
		return;
	if (get_attstatsslot(&slot, statistics, STATISTIC_KIND_MCV, InvalidOid,
						 ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		for (i = 0; i < CASUS_MAX_CODE; i++)
			share[i] = 0.0;
		for (i = 0; i < slot.nvalues; i++)
		{
			int			phase = DatumGetInt16(slot.values[i]);

			if (phase >= 0 && phase < CASUS_MAX_CODE)
				share[phase] = slot.numbers[i];
		}
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(statistics);
}

static double
rule_share(const CasusProtocol *protocol, const CasusRule *rule)
{
	double		share = (double) pg_popcount64(rule->categories) / Max(protocol->ncategories, 1);

	if (rule->scope == CASUS_SCOPE_OWN)
		share *= OF_OWN_PARTY;
	else if (rule->scope == CASUS_SCOPE_SHARED)
		share *= OF_SHARED;
	if (rule->participants)
		share *= OF_PARTICIPANT;
	return share;
}

/* The phase in which a dossier is that is in a state. */
static int
phase_of_state(const CasusProtocol *protocol, int state)
{
	for (int i = 0; i < protocol->nstages; i++)
		if (protocol->stages[i].code == state)
			return protocol->stages[i].phase;
	return state;
}

static double
look_capacity_share(const CasusCapacity *capacity)
{
	const CasusProtocol *protocol = casus_protocol(capacity->protocol);
	double		phases[CASUS_MAX_CODE];
	double		granted[CASUS_MAX_CODE] = {0.0};
	double		share = 0.0;

	if (capacity->purpose >= protocol->npurposes)
		return 0.0;
	for (int i = 0; i < protocol->nrules; i++)
	{
		const CasusRule *rule = &protocol->rules[i];
		int			phase;

		/* Of thousands of rules a capacity has few. */
		if (rule->office != capacity->office || rule->purpose != capacity->purpose ||
			(rule->verbs & CASUS_READ) == 0)
			continue;
		phase = phase_of_state(protocol, rule->state);
		if (phase < CASUS_MAX_CODE &&
			(protocol->purpose_phases[capacity->purpose] & (UINT64CONST(1) << phase)) != 0)
			granted[phase] = Min(1.0, granted[phase] + rule_share(protocol, rule));
	}
	phase_shares(protocol->nphases, phases);
	for (int i = 0; i < CASUS_MAX_CODE; i++)
		share += phases[i] * granted[i];
	return Min(share, 1.0);
}

/* A protocol may have thousands of rules: they are walked once, not for each plan. */
static double
capacity_share(const CasusCapacity *capacity)
{
	uint64		as_of = statistics_changes + casus_catalog_generation;
	int			i = (capacity->protocol + capacity->office + capacity->purpose) & (SHARES - 1);
	double		share;

	if (readable[i].as_of != as_of || readable[i].protocol != capacity->protocol ||
		readable[i].office != capacity->office || readable[i].purpose != capacity->purpose)
	{
		readable[i].as_of = 0;
		readable[i].share = look_capacity_share(capacity);
		readable[i].protocol = capacity->protocol;
		readable[i].office = capacity->office;
		readable[i].purpose = capacity->purpose;
		readable[i].as_of = as_of;
	}
	share = readable[i].share;
	return capacity->dossier != 0 ? share / dossier_count() : share;
}

static double
governed_share(const CasusProtected *prot)
{
	double		share = 0.0;
	bool		any = false;

	for (int i = 0; i < prot->nfiles; i++)
	{
		const CasusCapacity *capacity = casus_context_for_file(prot->files[i]);

		if (capacity == NULL)
			continue;
		any = true;
		share += capacity_share(capacity) / prot->nfiles;
	}

	/* Where nothing is read without a purpose the plan is made to be kept. */
	if (!any && !prot->hide)
		return READABLE;
	return share;
}

/* ---- the planner asks ---- */

/* The table whose label is the argument, or NULL. */
static const CasusProtected *
table_of(PlannerInfo *root, Node *label)
{
	RangeTblEntry *rte;

	while (IsA(label, RelabelType))
		label = (Node *) ((RelabelType *) label)->arg;
	if (!IsA(label, Var) || ((Var *) label)->varlevelsup != 0 ||
		((Var *) label)->varno > list_length(root->parse->rtable))
		return NULL;
	rte = planner_rt_fetch(((Var *) label)->varno, root);
	return rte->rtekind == RTE_RELATION ? casus_registry_find(rte->relid) : NULL;
}

static bool
estimate(SupportRequestSelectivity *request)
{
	const CasusProtected *prot;
	double		out;

	if (!casus_preloaded || !casus_installed() || request->is_join ||
		list_length(request->args) != 1)
		return false;
	prot = table_of(request->root, linitial(request->args));
	if (prot == NULL || prot->label_attno == InvalidAttrNumber)
		return false;
	out = outside_share(prot);
	request->selectivity = out + (1.0 - out) * governed_share(prot);
	CLAMP_PROBABILITY(request->selectivity);
	return true;
}

PG_FUNCTION_INFO_V1(casus_sql_permits_support);

Datum
casus_sql_permits_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSelectivity) &&
		estimate((SupportRequestSelectivity *) request))
		PG_RETURN_POINTER(request);
	if (IsA(request, SupportRequestCost))
	{
		SupportRequestCost *cost = (SupportRequestCost *) request;

		/* As much as a comparison with a constant: make bench measures how nearly. */
		cost->startup = 0;
		cost->per_tuple = cpu_operator_cost;
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(NULL);
}

/*
 * An estimate of casus_label = '...' would tell whether a dossier exists: the
 * column has no statistics for anybody's conditions.
 */
static bool
casus_get_relation_stats(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attno,
						 VariableStatData *vardata)
{
	const CasusProtected *prot;

	if (casus_installed() && !casus_registry_empty() && rte->rtekind == RTE_RELATION)
	{
		prot = casus_registry_find(rte->relid);
		if (prot != NULL && prot->label_attno == attno)
		{
			vardata->statsTuple = NULL;
			return true;
		}
	}
	return prev_get_relation_stats && prev_get_relation_stats(root, rte, attno, vardata);
}

void
casus_policy_support_init(void)
{
	CacheRegisterSyscacheCallback(STATRELATTINH, statistics_changed, (Datum) 0);
	prev_get_relation_stats = get_relation_stats_hook;
	get_relation_stats_hook = casus_get_relation_stats;
}
