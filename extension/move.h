/*
 * move.h
 *		What move.c, movecolumn.c and movetree.c share: one move under way.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_MOVE_H
#define CASUS_MOVE_H

#include "acts.h"
#include "rows.h"

#include "access/skey.h"

#define CASUS_MOVE_MAX	Max(INDEX_MAX_KEYS, FUNC_MAX_ARGS)

typedef struct CasusMove
{
	Relation	named;			/* as given */
	Relation	rel;			/* that, or the partition that has the row */
	const char *key;			/* as given, for the act */
	const char *wish;			/* the target as given */
	int			nkeys;			/* the row's primary key */
	ScanKeyData keys[INDEX_MAX_KEYS];
	TupleTableSlot *slot;		/* the row as it is */
	TupleTableSlot *moved;		/* as it becomes */
	pg_uuid_t	raw;
	CasusLabel	label;
	bool		by_parent;		/* via leads to the parent */
	bool		by_function;	/* a function names the dossier; else a dossier column */
	CasusVia	via;
	List	   *others;			/* CasusVia, of further keys that change */
	List	   *computed;		/* columns that are generated from those that change */
	int			nchanged;
	AttrNumber	changed[CASUS_MOVE_MAX + 1];	/* one more for the label */
	Datum		values[CASUS_MOVE_MAX + 1];
	bool		nulls[CASUS_MOVE_MAX + 1];
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
 * Judges one row as it becomes (NULL: its label alone changes), writes its new label
 * and the first n columns of m->changed, and does the same to what hangs on it.
 */
extern void casus_movetree_row(CasusMove *m, Relation rel, TupleTableSlot *slot,
							   const CasusLabel *label, TupleTableSlot *becomes, int n);

/* ---- movecolumn.c ---- */
extern void casus_movecolumn_refuse(const char *detail);
extern void casus_movecolumn_key(CasusMove *m, const char *text, Jsonb *object);
extern bool casus_movecolumn_choose(CasusMove *m, const CasusSettings *settings,
									const char *target);
extern void casus_movecolumn_apply(CasusMove *m);
extern void casus_movecolumn_require(CasusMove *m);
extern bool casus_movecolumn_lock(CasusSpot *spot);
extern bool casus_movecolumn_check(CasusMove *m);

#endif							/* CASUS_MOVE_H */
