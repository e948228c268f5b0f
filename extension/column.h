/*
 * column.h
 *		Columns whose data are of a category of their own: column.c tells which
 *		they are; policy_column.c, guard_column.c and guard_mask.c ask.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_COLUMN_H
#define CASUS_COLUMN_H

#include "relation.h"

#include "nodes/bitmapset.h"
#include "port/pg_bitutils.h"

/* ---- column.c ---- */
extern Bitmapset *casus_column_all(const CasusProtected *prot);
extern bool casus_column_categories(const CasusProtected *prot, AttrNumber attno,
									int32 file, uint64 *categories);
extern bool casus_column_is_open(const CasusProtected *prot, AttrNumber attno);
extern bool casus_column_is_barred(const CasusProtected *prot, AttrNumber attno,
								   const CasusCapacity *capacity, int *category,
								   const char **article);

/* ---- guard_mask.c ---- */

/* A table of a query that has such columns. */
typedef struct CasusMaskedTable
{
	Oid			relid;
	AttrNumber	label;
	Bitmapset  *masked;			/* columns that not every reader may read */
} CasusMaskedTable;

extern CasusMaskedTable *casus_guard_mask_table(List *tables, Oid relid);
extern void casus_guard_mask(Query *query, List *tables);

#endif							/* CASUS_COLUMN_H */
