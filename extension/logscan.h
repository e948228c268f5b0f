/*
 * logscan.h
 *		A watched scan, from within: for logscan.c, and logflight.c, which knows the
 *		row that its condition works on.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_LOGSCAN_H
#define CASUS_LOGSCAN_H

#include "accesslog.h"
#include "loglabel.h"

typedef struct LogScan
{
	LogStatement *statement;
	const CasusProtected *table;
	NoteSet    *notes;			/* NULL until a governed row has passed the policy */
	PlanState  *ps;
	ExprState  *qual;			/* the original; NULL: the node is wrapped */
	ExprState  *rest;			/* the original, or as much of it as is not the policy */
	ExecProcNodeMtd real;		/* of a wrapped node */
	struct LogScan *next_node;	/* on the list of those */
	AttrNumber	attno;			/* of the label in the scan tuple; 0: fetch it */
	AttrNumber	heap_attno;
	AttrNumber	below;			/* rows with fewer columns are outside */
	const pg_uuid_t *missing;	/* the label of those without that column; NULL: none */
	bool		filtered;		/* the policy is in the qual */
	bool		eager;			/* note rows before the user's quals see them */
	bool		tells;			/* these may send a message, and values in it */
	bool		told;			/* that a governed row passes */
	/* dossier of the last row noted, and its place; -1: nothing to note */
	bool		has_last;
	uint64		last_head;
	int			last_position;
	/* the row in flight */
	struct LogScan *outer;
	TupleTableSlot *flying;
	bool		noted;			/* already */
	/* what it will be noted as, see logflight.c; none: nothing was made ready */
	int			nready;
	int			maxready;
	int		   *ready;			/* places */
	uint64		ready_head;		/* of the label that they are for */
	ExprState	wrapped;		/* takes the place of qual */
} LogScan;

/* Most statements have one scan: it is made together with the statement. */
StaticAssertDecl(sizeof(LogScan) <= CASUS_LOGSCAN_ROOM, "a scan fits into the room that a statement has for it");

/* The label of a row; NULL: it has none. */
static inline const pg_uuid_t *
casus_logscan_label(const LogScan *scan, TupleTableSlot *slot)
{
	const pg_uuid_t *raw = casus_loglabel_last(slot, scan->attno, scan->missing);
	bool		isnull;
	Datum		datum;

	if (raw != NULL)
		return raw;
	datum = slot_getattr(slot, scan->attno, &isnull);
	return isnull ? NULL : DatumGetUUIDP(datum);
}

/* ---- logflight.c: what the row in flight will be noted as ---- */

extern void casus_logflight_ready(LogScan *scan, const pg_uuid_t *raw);
extern bool casus_logflight_observed(LogScan *scan, TupleTableSlot *slot);
extern void casus_logflight_count(LogScan *scan);

#endif							/* CASUS_LOGSCAN_H */
