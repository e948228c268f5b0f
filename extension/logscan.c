/*
 * logscan.c
 *		Watches the scans of protected relations: which rows pass.
 *
 * The qual of each such scan is replaced by a copy whose evaluation first asks
 * the original and then notes the dossier of a row that passed.  That sees a
 * row before anything is computed from it, which a wrapper round the whole
 * node would not: an error in the select list may hold its values.
 *
 * While the original qual runs, the row is in flight: expressions of the user
 * may work on it.  When a message leaves meanwhile (an error, a notice) the
 * rows in flight are noted too.  Where the qual calls code that could carry
 * values away without any message (volatile functions, procedural languages)
 * a row is noted as soon as the policy alone lets it through.
 *
 * A scan without a qual exists under observe only: there the node itself is
 * wrapped, since some executors choose a routine without qual beforehand.
 *
 * All of this lives in the memory of the executor state, and logstatement.c
 * takes it off the lists here before that goes.  The lists are private to the
 * backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

typedef struct LogScan
{
	LogStatement *statement;
	NoteSet    *notes;
	PlanState  *ps;
	ExprState  *qual;			/* the original; NULL: the node is wrapped */
	ExecProcNodeMtd real;		/* of a wrapped node */
	struct LogScan *next_node;	/* on the list of those */
	AttrNumber	attno;			/* of the label in the scan tuple; 0: fetch it */
	AttrNumber	heap_attno;
	bool		filtered;		/* the policy is in the qual */
	bool		eager;			/* note rows before the user's quals see them */
	/* dossier of the last row noted, and its place; -1: nothing to note */
	bool		has_last;
	uint64		last_head;
	int			last_position;
	/* the row in flight */
	struct LogScan *outer;
	TupleTableSlot *flying;
	bool		noted;			/* already */
} LogScan;

static LogScan *in_flight = NULL;	/* innermost first */
static LogScan *node_scans = NULL;	/* those whose node is wrapped */

/* ---- notes ---- */

/* The label of the row of an index-only scan, which reads no heap tuple. */
static bool
fetch_label(LogScan *scan, pg_uuid_t *label)
{
	IndexOnlyScanState *state = castNode(IndexOnlyScanState, scan->ps);
	Relation	rel = state->ss.ss_currentRelation;
	IndexFetchTableData *fetch = table_index_fetch_begin(rel);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	ItemPointerData tid = state->ioss_ScanDesc->xs_heaptid;
	bool		again = false;
	bool		found;
	bool		isnull = true;
	Datum		datum = 0;

	found = table_index_fetch_tuple(fetch, &tid, scan->ps->state->es_snapshot,
									slot, &again, NULL);
	if (found)
		datum = slot_getattr(slot, scan->heap_attno, &isnull);
	if (!isnull)
		*label = *DatumGetUUIDP(datum);
	ExecDropSingleTupleTableSlot(slot);
	table_index_fetch_end(fetch);
	return !isnull;
}

static bool
row_label(LogScan *scan, TupleTableSlot *slot, pg_uuid_t *label)
{
	bool		isnull;
	Datum		datum;

	if (scan->attno == 0)
		return fetch_label(scan, label);
	datum = slot_getattr(slot, scan->attno, &isnull);
	if (!isnull)
		*label = *DatumGetUUIDP(datum);
	return !isnull;
}

/*
 * Under observe nothing is filtered: what the policy would have refused is
 * noted as such, each row by itself, since categories differ within a dossier.
 */
static pg_noinline void
note_observed(LogScan *scan, TupleTableSlot *slot)
{
	pg_uuid_t	raw;
	CasusLabel	label;
	CasusLabelKind kind = CASUS_LABEL_BROKEN;

	if (row_label(scan, slot, &raw))
		kind = casus_label_unpack(&raw, &label);
	if (kind == CASUS_LABEL_OUTSIDE)
		return;
	if (kind == CASUS_LABEL_GOVERNED)
		casus_lognote_add(scan->notes, label.dossier,
						  !casus_policy_permits(&raw), false);
	else if (kind == CASUS_LABEL_BROKEN || !casus_label_is_own_pending(&raw))
		casus_lognote_add(scan->notes, 0, true, false);
}

/* A row under the policy has passed. */
static pg_noinline void
note_dossier(LogScan *scan, const pg_uuid_t *raw, bool in_error)
{
	CasusLabel	label;
	int			position = -1;

	if (casus_label_unpack(raw, &label) == CASUS_LABEL_GOVERNED)
		position = casus_lognote_add(scan->notes, label.dossier, false, in_error);
	scan->last_position = position;
	memcpy(&scan->last_head, raw->data, sizeof(scan->last_head));
	scan->has_last = true;
}

static inline void
note_row(LogScan *scan, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		datum;
	const pg_uuid_t *raw;
	uint64		head;

	if (!scan->filtered)
	{
		note_observed(scan, slot);
		return;
	}
	datum = slot_getattr(slot, scan->attno, &isnull);
	if (isnull)
		return;
	/* Rows of one dossier tend to come together: its first 8 bytes tell. */
	raw = DatumGetUUIDP(datum);
	memcpy(&head, raw->data, sizeof(head));
	if (scan->has_last && scan->last_head == head)
	{
		if (scan->last_position >= 0)
			casus_lognote_again(scan->notes, scan->last_position);
		return;
	}
	if (!casus_lognote_known(scan->notes, (int64) pg_ntoh64(head)))
		note_dossier(scan, raw, false);
}

/* ---- rows in flight ---- */

static void
note_flight(LogScan *scan)
{
	bool		isnull;
	Datum		datum;

	if (scan->noted || scan->attno == 0 || TTS_EMPTY(scan->flying))
		return;
	scan->noted = true;
	datum = slot_getattr(scan->flying, scan->attno, &isnull);
	if (!isnull)
		note_dossier(scan, DatumGetUUIDP(datum), true);
}

/* A message leaves, or what was computed so far is thrown away. */
void
casus_logscan_leaving(void)
{
	for (LogScan *scan = in_flight; scan != NULL; scan = scan->outer)
		note_flight(scan);
}

/* An error is reported at top level: no row is in flight after it. */
void
casus_logscan_failing(void)
{
	casus_logscan_leaving();
	in_flight = NULL;
}

void
casus_logscan_forget_flight(void)
{
	in_flight = NULL;
}

/* ---- what the executor calls ---- */

/* The row goes on record before the user's quals see it. */
static pg_noinline void
note_early(LogScan *scan, TupleTableSlot *slot)
{
	pg_uuid_t	raw;

	scan->noted = true;
	if (row_label(scan, slot, &raw) &&
		(!scan->filtered || casus_policy_permits(&raw)))
		note_row(scan, slot);
}

static Datum
eval_qual(ExprState *state, ExprContext *econtext, bool *isnull)
{
	LogScan    *scan = (LogScan *) state->evalfunc_private;
	TupleTableSlot *slot = econtext->ecxt_scantuple;
	Datum		result;

	scan->flying = slot;
	scan->noted = false;
	scan->outer = in_flight;
	if (unlikely(scan->eager))
		note_early(scan, slot);
	in_flight = scan;
	result = scan->qual->evalfunc(scan->qual, econtext, isnull);
	in_flight = scan->outer;
	if (DatumGetBool(result) && !scan->noted)
		note_row(scan, slot);
	return result;
}

/*
 * Where the policy is all there is: no expression of the user's works on the
 * row before it has passed, and the verdict is asked for without detour.
 */
static Datum
eval_policy(ExprState *state, ExprContext *econtext, bool *isnull)
{
	LogScan    *scan = (LogScan *) state->evalfunc_private;
	TupleTableSlot *slot = econtext->ecxt_scantuple;
	bool		null;
	Datum		label = slot_getattr(slot, scan->attno, &null);

	*isnull = false;
	if (null || !casus_policy_permits(DatumGetUUIDP(label)))
		return BoolGetDatum(false);
	note_row(scan, slot);
	return BoolGetDatum(true);
}

static LogScan *
find_scan(PlanState *ps)
{
	for (LogScan *scan = node_scans; scan != NULL; scan = scan->next_node)
		if (scan->ps == ps)
			return scan;
	elog(ERROR, "casus lost sight of a scan");
	return NULL;
}

/* A node without a qual: each row it returns has passed. */
static TupleTableSlot *
exec_node(PlanState *ps)
{
	LogScan    *scan = find_scan(ps);
	TupleTableSlot *result;

	scan->flying = ((ScanState *) ps)->ss_ScanTupleSlot;
	scan->noted = false;
	scan->outer = in_flight;
	in_flight = scan;
	result = scan->real(ps);
	in_flight = scan->outer;
	if (!TupIsNull(result) && !scan->noted)
		note_row(scan, scan->flying);
	return result;
}

/* ---- does the qual run code that could carry values away? ---- */

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

static bool
has_policy(List *quals, Oid permits)
{
	ListCell   *cell;

	foreach(cell, quals)
	{
		Node	   *node = (Node *) lfirst(cell);

		if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == permits)
			return true;
	}
	return false;
}

/* ---- putting ourselves in the way ---- */

/* The column of the label in what an index-only scan returns; 0: not in it. */
static AttrNumber
index_column(IndexOnlyScan *plan, AttrNumber label)
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

static NoteSet *
relation_notes(LogStatement *statement, const CasusProtected *table)
{
	ListCell   *cell;
	LogRelation *relation;

	foreach(cell, statement->relations)
	{
		relation = (LogRelation *) lfirst(cell);
		if (relation->relid == table->relid)
			return relation->notes;
	}
	relation = palloc(sizeof(LogRelation));
	relation->relid = table->relid;
	relation->notes = casus_lognote_create(table, "read", NULL);
	statement->relations = lappend(statement->relations, relation);
	return relation->notes;
}

/* Puts our evaluation before that of the scan. */
static void
wrap_scan(LogStatement *statement, ScanState *state, const CasusProtected *table,
		  bool filtered)
{
	PlanState  *ps = &state->ps;
	LogScan    *scan = palloc0(sizeof(LogScan));
	Oid			permits = casus_permits_oid();

	scan->statement = statement;
	scan->notes = relation_notes(statement, table);
	scan->ps = ps;
	scan->filtered = filtered;
	scan->heap_attno = table->label_attno;
	scan->attno = IsA(state, IndexOnlyScanState) ?
		index_column((IndexOnlyScan *) ps->plan, table->label_attno) :
		table->label_attno;
	if (filtered && scan->attno == 0)
		elog(ERROR, "casus finds no label in an index-only scan");

	if (ps->qual != NULL)
	{
		ExprState  *wrapped = makeNode(ExprState);

		scan->qual = ps->qual;
		scan->eager = eager_walker((Node *) ps->plan->qual, &permits);
		*wrapped = *ps->qual;
		wrapped->evalfunc = filtered && list_length(ps->plan->qual) == 1 ?
			eval_policy : eval_qual;
		wrapped->evalfunc_private = scan;
		ps->qual = wrapped;
	}
	else
	{
		scan->real = ps->ExecProcNodeReal;
		scan->next_node = node_scans;
		node_scans = scan;
		ExecSetExecProcNode(ps, exec_node);
	}
}

static bool
wrap_walker(PlanState *ps, void *context)
{
	LogStatement *statement = (LogStatement *) context;

	if (ps == NULL)
		return false;
	switch (nodeTag(ps))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_IndexOnlyScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
			{
				ScanState  *state = (ScanState *) ps;
				const CasusProtected *table = NULL;
				bool		filtered = has_policy(ps->plan->qual, casus_permits_oid());

				if (state->ss_currentRelation)
					table = casus_registry_find(RelationGetRelid(state->ss_currentRelation));

				/*
				 * Without the policy in it only an observed table is watched;
				 * elsewhere the guard has let pass what returns no rows to
				 * anyone (referential integrity, casus' own statements).
				 */
				if (table && (filtered || (table->mode == CASUS_MODE_OBSERVE &&
										   !InNoForceRLSOperation())))
					wrap_scan(statement, state, table, filtered);
				break;
			}
		default:
			break;
	}
	return planstate_tree_walker(ps, wrap_walker, context);
}

/*
 * Watches the scans of protected relations in a plan; the statement then has
 * relations.  Memory is the current context, that of the executor state.
 */
void
casus_logscan_watch(LogStatement *statement, PlanState *plan)
{
	(void) wrap_walker(plan, statement);
}

/* The statement's memory is about to go: notes what is in flight there. */
void
casus_logscan_drop(LogStatement *statement)
{
	LogScan   **link = &in_flight;

	while (*link != NULL)
	{
		if ((*link)->statement == statement)
		{
			note_flight(*link);
			*link = (*link)->outer;
		}
		else
			link = &(*link)->outer;
	}
	link = &node_scans;
	while (*link != NULL)
	{
		if ((*link)->statement == statement)
			*link = (*link)->next_node;
		else
			link = &(*link)->next_node;
	}
}
