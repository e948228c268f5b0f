/*
 * guard_explain.c
 *		What EXPLAIN ANALYZE and auto_explain may tell of a protected scan.
 *
 * How many rows a scan has removed, fetched or rechecked counts the rows that
 * nobody may see: with a key in the condition it answers whether a row is
 * there.  These counts are set to nothing when the statement has run, before
 * anybody prints them; the rows that came out of the scan, and all that is
 * computed from them, keep their counts.
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

static bool
clear_walker(PlanState *node, void *context)
{
	EState	   *estate = (EState *) context;

	if (node == NULL)
		return false;
	if (casus_reads_rows(node) || IsA(node, BitmapIndexScanState))
	{
		Index		scanrelid = ((Scan *) node->plan)->scanrelid;
		const CasusProtected *prot;

		prot = casus_registry_find(exec_rt_fetch(scanrelid, estate)->relid);
		if (prot != NULL && prot->mode == CASUS_MODE_ENFORCE)
			clear_node(node);
	}
	return planstate_tree_walker(node, clear_walker, context);
}

/* After executor finish, when parallel workers have handed in their counts. */
void
casus_guard_explain(QueryDesc *query)
{
	if (CASUS_LAYER(explain) && query->instrument_options != 0 && query->planstate != NULL)
		(void) clear_walker(query->planstate, query->estate);
}
