/*
 * guard_known.c
 *		Plans that have been through the assertion (guard_plan.c), so that one
 *		that is kept and runs again is not walked again.
 *
 * What is remembered of a plan follows from the plan itself, which nobody
 * changes while it is kept, and from what the relations, functions and names of
 * this database are: any message about one of those makes all of it void.  What
 * depends on the session (capacity, purpose, columns) is asked each time.
 *
 * A plan is known by its address, so it must be in a context of the plan cache:
 * such a context holds one plan, frees nothing by itself, and tells when it goes.
 *
 * Private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "guard.h"

#include "access/parallel.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

CasusKnownPlan casus_guard_known[CASUS_KNOWN_PLANS];
uint64		casus_guard_functions = 0;

static void
functions_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	casus_guard_functions++;
}

static void
forget(void *arg)
{
	CasusKnownPlan *known = arg;

	known->plan = NULL;
	known->as_of = 0;
	known->point = NULL;
}

/*
 * A place for what is found out about the plan; NULL: it is none that is kept,
 * or the place is taken, which lasts as long as the plan that has it.
 */
static CasusKnownPlan *
find_place(const PlannedStmt *plan)
{
	CasusKnownPlan *known = casus_guard_known_slot(plan);
	MemoryContext context;

	if (IsParallelWorker())
		return NULL;
	if (known->plan != NULL)
		return known->plan == plan ? known : NULL;
	context = GetMemoryChunkContext((void *) plan);
	if (strcmp(context->name, "CachedPlan") != 0)
		return NULL;
	known->callback.func = forget;
	known->callback.arg = known;
	MemoryContextRegisterResetCallback(context, &known->callback);
	known->plan = plan;
	known->as_of = 0;
	return known;
}

/* found: by the assertion, as of then; what the tables that are named ask for is added. */
void
casus_guard_known_keep(const PlannedStmt *plan, CasusKnownPlan *found, uint64 as_of)
{
	CasusKnownPlan *known = find_place(plan);
	ListCell   *lc;

	if (known == NULL)
		return;
	found->columns = casus_guard_column_asks(plan);
	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		const CasusProtected *prot = rte->rtekind == RTE_RELATION ?
			casus_registry_find(rte->relid) : NULL;

		found->asks |= prot != NULL && prot->mode == CASUS_MODE_ENFORCE && !prot->hide;
	}

	/* A look-up may have taken in a message. */
	if (as_of != casus_guard_known_now())
		return;
	known->touches = found->touches;
	known->asks = found->asks;
	known->columns = found->columns;
	known->nscans = found->nscans;
	memcpy(known->scans, found->scans, sizeof(known->scans));
	known->pointless = false;
	known->as_of = as_of;
}

/* What the state of a point read is made from; NULL: it is none.  Made once for a known plan. */
PlannedStmt *
casus_guard_known_point(PlannedStmt *plan)
{
	CasusKnownPlan *known = casus_guard_known_slot(plan);
	MemoryContext old;

	if (casus_guard_known_find(plan) == NULL || known->nscans != 1)
		return casus_logpoint_plan(plan);
	if (known->point == NULL && !known->pointless)
	{
		old = MemoryContextSwitchTo(GetMemoryChunkContext(plan));
		known->point = casus_logpoint_plan(plan);
		known->pointless = known->point == NULL;
		MemoryContextSwitchTo(old);
	}
	return known->point;
}

void
casus_guard_known_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, functions_changed, (Datum) 0);
}
