/*
 * logpoint.c
 *		Point reads: the policy is put in place without being compiled.
 *
 * A plan that is one index scan with no condition but the policy reads a row or
 * two, and to compile that condition, a call of a C function found by its oid,
 * costs as much as reading them.  logscan.c evaluates the policy itself anyway.
 * So the condition is hidden from the executor while it makes its state, and
 * logscan.c puts its own there.  The guard has seen the condition before, it
 * stands in the plan again after, and a statement for which nothing was put in
 * its place does not run.
 *
 * Only plans in which nothing else happens meanwhile: no sub-plan, no choice
 * among partitions, no worker, no row that is read a second time; and only an
 * index scan, whose executor looks at its condition when it runs, not before.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

static Plan *
only_scan(PlannedStmt *statement)
{
	Plan	   *plan = statement->planTree;

	if (statement->commandType != CMD_SELECT || statement->rowMarks != NIL ||
		statement->subplans != NIL || statement->parallelModeNeeded)
		return NULL;
	if (IsA(plan, Limit))
		plan = plan->lefttree;
	return IsA(plan, IndexScan) ? plan : NULL;
}

/* Hides the policy of a point read; NULL: it is none. */
Plan *
casus_logpoint_hide(PlannedStmt *statement, List **qual)
{
	Plan	   *plan = only_scan(statement);

	if (plan == NULL || list_length(plan->qual) != 1 ||
		!casus_logqual_has_policy(plan->qual))
		return NULL;
	*qual = plan->qual;
	plan->qual = NIL;
	return plan;
}

/* Is there a condition on each row again? */
void
casus_logpoint_check(const QueryDesc *query)
{
	PlanState  *ps = query->planstate;

	if (IsA(ps, LimitState))
		ps = outerPlanState(ps);
	if (!IsA(ps, IndexScanState) || ps->qual == NULL)
		elog(ERROR, "casus has not put the policy back");
}
