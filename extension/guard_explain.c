/*
 * guard_explain.c
 *		What EXPLAIN ANALYZE and auto_explain may tell of a protected scan, and
 *		of the views of casus.
 *
 * How many rows a scan has removed, fetched or rechecked counts the rows that
 * nobody may see: with a key in the condition it answers whether a row is
 * there.  These counts are set to nothing when the statement has run, before
 * anybody prints them; the rows that came out of the scan, and all that is
 * computed from them, keep their counts.
 *
 * A view of casus joins tables whose rows are judged in one of them only, so
 * that the rows of the others, how often a node has run and what a sort or a
 * hash has taken tell of hidden ones too.  Of a node that reads nothing but
 * such tables all counts are set to nothing; of one above it those which
 * contain them, of buffers and time.
 *
 * Nothing is kept between statements.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "known.h"

#include "executor/instrument.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"

/* Of a bitmap index scan also the rows: they are those before any condition. */
static void
clear_counts(Instrumentation *instrument, bool is_bitmap)
{
	if (instrument == NULL)
		return;
	InstrEndLoop(instrument);
	instrument->nfiltered1 = 0;
	instrument->nfiltered2 = 0;
	instrument->ntuples2 = 0;	/* heap fetches of an index-only scan */
	if (is_bitmap)
		instrument->ntuples = 0;
}

static void
clear_node(PlanState *node)
{
	bool		is_bitmap = IsA(node, BitmapIndexScanState);

	clear_counts(node->instrument, is_bitmap);
	if (node->worker_instrument != NULL)
	{
		for (int i = 0; i < node->worker_instrument->num_workers; i++)
			clear_counts(&node->worker_instrument->instrument[i], is_bitmap);
	}
	casus_compat_clear_scan_counts(node);
}

/* What a node counts in a state of its own. */
static void
clear_own_counts(PlanState *node)
{
	switch (nodeTag(node))
	{
		case T_SortState:
			((SortState *) node)->sort_Done = false;
			break;
		case T_IncrementalSortState:
			memset(&((IncrementalSortState *) node)->incsort_info, 0, sizeof(IncrementalSortInfo));
			break;
		case T_HashState:
			if (((HashState *) node)->hinstrument != NULL)
				memset(((HashState *) node)->hinstrument, 0, sizeof(HashInstrumentation));
			break;
		case T_MemoizeState:
			memset(&((MemoizeState *) node)->stats, 0, sizeof(MemoizeInstrumentation));
			break;
		case T_AggState:
			((AggState *) node)->hash_mem_peak = 0;
			break;
		case T_MaterialState:
			/* 18 tells its size; nothing is read from it any more. */
			if (((MaterialState *) node)->tuplestorestate != NULL)
				tuplestore_end(((MaterialState *) node)->tuplestorestate);
			((MaterialState *) node)->tuplestorestate = NULL;
			break;
		default:
			break;
	}
}

/* It counts as never executed. */
static void
clear_all(PlanState *node)
{
	clear_node(node);
	clear_own_counts(node);
	if (node->instrument != NULL)
		memset(node->instrument, 0, sizeof(Instrumentation));
}

/* Buffers and time of what is below it are in it. */
static void
clear_sums(Instrumentation *instrument)
{
	if (instrument == NULL)
		return;
	InstrEndLoop(instrument);
	instrument->startup = instrument->total = 0;
	memset(&instrument->bufusage, 0, sizeof(BufferUsage));
	memset(&instrument->walusage, 0, sizeof(WalUsage));
}

/* What a part of the plan reads. */
typedef struct Clearing
{
	EState	   *estate;
	bool		state;			/* tables of casus */
	bool		others;
} Clearing;

static void
clear_scan(PlanState *node, Clearing *clearing)
{
	Oid			relid = exec_rt_fetch(((Scan *) node->plan)->scanrelid, clearing->estate)->relid;
	const CasusProtected *prot = casus_registry_find(relid);

	if (casus_guard_is_state(relid))
		clearing->state = true;
	else
		clearing->others = true;
	if (prot != NULL && prot->mode == CASUS_MODE_ENFORCE)
		clear_node(node);
}

static bool
clear_walker(PlanState *node, void *context)
{
	Clearing   *clearing = context;
	Clearing	below = {clearing->estate, false, false};

	if (node == NULL)
		return false;
	if (casus_reads_rows(node) || IsA(node, BitmapIndexScanState))
		clear_scan(node, &below);
	(void) planstate_tree_walker(node, clear_walker, &below);
	if (below.state && !below.others)
		clear_all(node);
	else if (below.state)
		clear_sums(node->instrument);
	clearing->state |= below.state;
	clearing->others |= below.others;
	return false;
}

/* After executor finish, when parallel workers have handed in their counts. */
void
casus_guard_explain(QueryDesc *query)
{
	Clearing	clearing = {query->estate, false, false};

	if (CASUS_LAYER(explain) && query->instrument_options != 0 && query->planstate != NULL)
		(void) clear_walker(query->planstate, &clearing);
}
