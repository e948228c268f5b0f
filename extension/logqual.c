/*
 * logqual.c
 *		What the condition of a scan looks like, and what it computes and
 *		returns: for logscan.c, which decides by it when a row goes on record.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "guard.h"

#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/syscache.h"

/*
 * Is the policy of the table one of the conditions of the scan?  It is the
 * first then: what would be asked before it would see what nobody may see, and
 * casus_logqual_rest() leaves out the first.
 */
bool
casus_logqual_has_policy(const Plan *scan, const CasusProtected *table)
{
	int			place = casus_guard_policy_place(scan, casus_permits_oid(), table);

	if (place > 0)
		casus_check_refuse(casus_check_protocol_of(table), "bypass",
						   _("this statement would go past the protocol"),
						   _("a protected table is scanned with another condition before its policy"),
						   NULL);
	return place == 0;
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

/* Does a select list name columns and compute nothing?  A whole row is put together. */
bool
casus_logqual_only_columns(List *targetlist)
{
	ListCell   *cell;

	foreach(cell, targetlist)
	{
		Expr	   *expr = ((TargetEntry *) lfirst(cell))->expr;

		if (!IsA(expr, Var) || ((Var *) expr)->varattno == InvalidAttrNumber)
			return false;
	}
	return true;
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

/* The label of the row of an index-only scan, which reads no heap tuple. */
bool
casus_logqual_fetch_label(IndexOnlyScanState *state, AttrNumber attno, pg_uuid_t *label)
{
	Relation	rel = state->ss.ss_currentRelation;
	IndexFetchTableData *fetch = table_index_fetch_begin(rel);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	ItemPointerData tid = state->ioss_ScanDesc->xs_heaptid;
	bool		again = false;
	bool		found;
	bool		isnull = true;
	Datum		datum = 0;

	found = table_index_fetch_tuple(fetch, &tid, state->ss.ps.state->es_snapshot,
									slot, &again, NULL);
	if (found)
		datum = slot_getattr(slot, attno, &isnull);
	if (!isnull)
		*label = *DatumGetUUIDP(datum);
	ExecDropSingleTupleTableSlot(slot);
	table_index_fetch_end(fetch);
	return !isnull;
}
