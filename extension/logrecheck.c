/*
 * logrecheck.c
 *		The plan by which a row that somebody else changed meanwhile is judged
 *		again, as the executor does under READ COMMITTED (EvalPlanQual).
 *
 * Who locks or changes a row waits for its writer, and then the scan below is
 * run once more, over the row as it is now: that may have gone to another
 * dossier.  The executor makes that plan when it first needs it, in a state of
 * its own, and says so to nobody.  So a node of ours is put on top of it
 * beforehand, which makes the node that was there, has its scans watched like
 * those of the statement, and returns what it returns.  Sub-plans are in it too.
 *
 * Keeps nothing: all of it lives in the memory of the executor state, and of
 * that of the rechecks.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "executor/executor.h"
#include "nodes/extensible.h"

typedef struct Recheck
{
	CustomScan	scan;			/* custom_plans: the plan that was there */
	LogStatement *statement;
	CasusLogWatch watch;
} Recheck;

static void
begin_recheck(CustomScanState *node, EState *estate, int eflags)
{
	Recheck    *plan = (Recheck *) node->ss.ps.plan;

	outerPlanState(node) = ExecInitNode(linitial(plan->scan.custom_plans), estate, eflags);
	(void) plan->watch(outerPlanState(node), plan->statement);
}

static TupleTableSlot *
exec_recheck(CustomScanState *node)
{
	return ExecProcNode(outerPlanState(node));
}

static void
end_recheck(CustomScanState *node)
{
	ExecEndNode(outerPlanState(node));
}

static void
rescan_recheck(CustomScanState *node)
{
	if (outerPlanState(node)->chgParam == NULL)
		ExecReScan(outerPlanState(node));
}

static const CustomExecMethods exec_methods = {
	.CustomName = "casus recheck",
	.BeginCustomScan = begin_recheck,
	.ExecCustomScan = exec_recheck,
	.EndCustomScan = end_recheck,
	.ReScanCustomScan = rescan_recheck,
};

static Node *
make_state(CustomScan *scan)
{
	CustomScanState *state = makeNode(CustomScanState);

	state->methods = &exec_methods;
	return (Node *) state;
}

static const CustomScanMethods scan_methods = {"casus recheck", make_state};

/*
 * Has the scans of that plan watched, once it is made.  Memory is the current
 * context, that of the executor state.
 */
void
casus_logrecheck_watch(LogStatement *statement, EPQState *epq, CasusLogWatch watch)
{
	Plan	   *below = epq->plan;
	Recheck    *recheck = palloc0(sizeof(Recheck));
	Plan	   *plan = &recheck->scan.scan.plan;

	((Node *) recheck)->type = T_CustomScan;
	plan->plan_rows = below->plan_rows;
	plan->plan_width = below->plan_width;
	/* What depends on parameters is told to it, and handed on. */
	plan->extParam = below->extParam;
	plan->allParam = below->allParam;
	recheck->scan.custom_plans = list_make1(below);
	recheck->scan.methods = &scan_methods;
	recheck->statement = statement;
	recheck->watch = watch;
	epq->plan = plan;
}
