/*
 * known.h
 *		Small answers that are asked for often: a set of oids of which something
 *		is known, and which nodes of a plan read rows of a table.
 *
 * A set is private to the backend; a callback of the server empties it.
 * Included by the files that keep one, or that walk over plan states.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_KNOWN_H
#define CASUS_KNOWN_H

#include "nodes/execnodes.h"

#define CASUS_KNOWN_SLOTS	256 /* a power of two */

typedef struct CasusKnown
{
	Oid			slots[CASUS_KNOWN_SLOTS];	/* by oid modulo; one drives another out */
	uint64		forgotten;		/* counts the times it was emptied */
} CasusKnown;

static inline void
casus_known_forget(CasusKnown *known)
{
	known->forgotten++;
	memset(known->slots, 0, sizeof(known->slots));
}

static inline bool
casus_known_has(const CasusKnown *known, Oid oid)
{
	return known->slots[oid & (CASUS_KNOWN_SLOTS - 1)] == oid;
}

/*
 * as_of: forgotten, from before the look-up.  A look-up takes in messages, so
 * that what it found may be old by now; then it is not kept.
 */
static inline void
casus_known_add(CasusKnown *known, Oid oid, uint64 as_of)
{
	if (as_of == known->forgotten)
		known->slots[oid & (CASUS_KNOWN_SLOTS - 1)] = oid;
}

/* Of bitmap scans the one that fetches the rows. */
static inline bool
casus_reads_rows(const PlanState *node)
{
	switch (nodeTag(node))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_IndexOnlyScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
			return true;
		default:
			return false;
	}
}

#endif							/* CASUS_KNOWN_H */
