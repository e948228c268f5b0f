/*
 * logpoint.c
 *		Point reads: the policy is put in place without being compiled.
 *
 * A plan that is one index scan with no condition but the policy reads a row or
 * two, and to compile that condition, a call of a C function found by its oid,
 * costs as much as reading them.  logscan.c evaluates the policy itself anyway.
 * So the executor makes its state from a copy of the plan without the condition,
 * and logscan.c puts its own there, or the statement does not run.  The guard has
 * seen the plan itself, and that is what everybody else is shown.
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

#include "parser/parsetree.h"

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

/*
 * The plan of a point read without its condition, to make the executor's state
 * from; NULL: it is none.  In the current memory context.
 */
PlannedStmt *
casus_logpoint_plan(PlannedStmt *statement)
{
	Plan	   *plan = only_scan(statement);
	const CasusProtected *table;
	PlannedStmt *bare;
	Plan	   *scan;

	if (plan == NULL || list_length(plan->qual) != 1)
		return NULL;
	table = casus_registry_find(rt_fetch(((Scan *) plan)->scanrelid, statement->rtable)->relid);
	if (table == NULL || !casus_logqual_has_policy(plan, table))
		return NULL;
	bare = palloc(sizeof(PlannedStmt));
	*bare = *statement;
	scan = palloc(sizeof(IndexScan));
	memcpy(scan, plan, sizeof(IndexScan));
	scan->qual = NIL;
	if (plan == statement->planTree)
		bare->planTree = scan;
	else
	{
		bare->planTree = palloc(sizeof(Limit));
		memcpy(bare->planTree, statement->planTree, sizeof(Limit));
		bare->planTree->lefttree = scan;
	}
	return bare;
}

/* The state is made: it is that of the plan itself. */
void
casus_logpoint_made(QueryDesc *query, PlannedStmt *statement)
{
	PlanState  *ps = query->planstate;
	Plan	   *plan = statement->planTree;

	query->plannedstmt = statement;
	query->estate->es_plannedstmt = statement;
	ps->plan = plan;
	if (IsA(plan, Limit))
		outerPlanState(ps)->plan = plan->lefttree;
}
