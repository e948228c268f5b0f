/*
 * move.h
 *		What move.c and movetree.c share: one move under way.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_MOVE_H
#define CASUS_MOVE_H

#include "acts.h"
#include "rows.h"

#include "access/skey.h"

typedef struct CasusMove
{
	Relation	named;			/* as given */
	Relation	rel;			/* that, or the partition that has the row */
	const char *key;			/* as given, for the act */
	int			nkeys;			/* the row's primary key */
	ScanKeyData keys[INDEX_MAX_KEYS];
	TupleTableSlot *slot;		/* the row as it is */
	TupleTableSlot *moved;		/* as it becomes */
	pg_uuid_t	raw;
	CasusLabel	label;
	bool		by_parent;		/* via leads to the parent; else a dossier column */
	CasusVia	via;
	int			nchanged;
	AttrNumber	changed[INDEX_MAX_KEYS + 1];	/* one more for the label */
	Datum		values[INDEX_MAX_KEYS + 1];
	CasusSpot	target;
	CasusDossier from;
	CasusDossier to;
	const CasusProtocol *protocol;	/* of the file of both */
	CasusCapacity removes;
	CasusCapacity supplies;
	int64		nrows;
} CasusMove;

extern void casus_movetree_try_again(void) pg_attribute_noreturn();

/* The capacity in which the caller may use the verb in this dossier; refuses otherwise. */
extern void casus_movetree_capacity(CasusMove *m, const CasusDossier *dossier, CasusVerb verb,
									CasusCapacity *capacity);

/*
 * Judges one row, writes its new label and n columns (the arrays have room for
 * one more), and does the same to what hangs on it.
 */
extern void casus_movetree_row(CasusMove *m, Relation rel, TupleTableSlot *slot,
							   const CasusLabel *label, int n, AttrNumber *attnos, Datum *values);

#endif							/* CASUS_MOVE_H */
