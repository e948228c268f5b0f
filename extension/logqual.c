/*
 * logqual.c
 *		What the condition of a scan looks like: for logscan.c, which decides
 *		by it when a row goes on record.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "utils/syscache.h"

/* Is the policy one of the conditions? */
bool
casus_logqual_has_policy(List *quals)
{
	Oid			permits = casus_permits_oid();
	ListCell   *cell;

	foreach(cell, quals)
	{
		Node	   *node = (Node *) lfirst(cell);

		if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == permits)
			return true;
	}
	return false;
}

static bool
carries_away(Oid function, void *context)
{
	HeapTuple	tuple;
	Form_pg_proc form;
	bool		result;

	if (function == *(Oid *) context)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	/* Compiled code that claims to be stable is an administrator's. */
	result = form->provolatile == PROVOLATILE_VOLATILE ||
		(form->prolang != INTERNALlanguageId && form->prolang != ClanguageId &&
		 function >= FirstGenbkiObjectId);
	ReleaseSysCache(tuple);
	return result;
}

static bool
eager_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	/* A correlated sub-plan is given the row; a domain may check by function. */
	if (IsA(node, SubPlan) && ((SubPlan *) node)->parParam != NIL)
		return true;
	if (IsA(node, CoerceToDomain))
		return true;
	if (check_functions_in_node(node, carries_away, context))
		return true;
	return expression_tree_walker(node, eager_walker, context);
}

/* Does the qual run code that could carry values away? */
bool
casus_logqual_carries_away(List *quals)
{
	Oid			permits = casus_permits_oid();

	return eager_walker((Node *) quals, &permits);
}

static bool
subplan_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan))
		return true;
	return expression_tree_walker(node, subplan_walker, context);
}

/* A qual that is compiled twice for a handful of rows costs more than it spares. */
#define WORTH_COMPILING	100.0

/*
 * The conditions besides the policy, compiled for themselves; the whole qual
 * where that is not worth it, or where a sub-plan would be there twice.
 */
ExprState *
casus_logqual_rest(PlanState *ps)
{
	List	   *rest;

	if (ps->plan->total_cost < WORTH_COMPILING)
		return ps->qual;
	rest = list_copy_tail(ps->plan->qual, 1);
	return subplan_walker((Node *) rest, NULL) ? ps->qual : ExecInitQual(rest, ps);
}

/* The column of the label in what an index-only scan returns; 0: not in it. */
AttrNumber
casus_logqual_index_column(IndexOnlyScan *plan, AttrNumber label)
{
	ListCell   *cell;

	foreach(cell, plan->indextlist)
	{
		TargetEntry *entry = (TargetEntry *) lfirst(cell);

		if (IsA(entry->expr, Var) && ((Var *) entry->expr)->varattno == label)
			return entry->resno;
	}
	return 0;
}
