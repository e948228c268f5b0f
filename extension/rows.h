/*
 * rows.h
 *		Labels of rows: for row*.c and item*.c, for those that go through rows
 *		(protect.h, move.h), and for those that ask where a row belongs.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_ROWS_H
#define CASUS_ROWS_H

#include "relation.h"

#include "executor/execdesc.h"

/* ---- items.c ---- */
extern uint32 casus_next_item(void);

/* ---- itemrows.c ---- */
extern bool casus_itemrows_are_there(const CasusDossier *dossier, const uint32 *items, int n);
extern Oid	casus_itemrows_elsewhere(Oid family, const int64 *ids, int n);

/* ---- rowcodes.c ---- */
extern bool casus_rowcodes_has_value(TupleTableSlot *slot, AttrNumber attno);
extern int	casus_rowcodes_party(int32 file, const char *name);
extern const char *casus_rowcodes_apply(const CasusSettings *settings, CasusFileSettings *fs,
										int32 file, const CasusProtocol *protocol,
										TupleTableSlot *slot, const CasusLabel *parent,
										CasusLabel *label, const char **article);

/* ---- rowparent.c: where a row belongs ---- */

typedef enum CasusPlaceKind
{
	CASUS_PLACE_OUTSIDE,		/* not governed */
	CASUS_PLACE_ROOT,			/* governed, is or becomes a dossier of its own */
	CASUS_PLACE_DOSSIER,		/* governed, belongs to the dossier */
	CASUS_PLACE_NO_PARENT,		/* the parent row is not there */
	CASUS_PLACE_NO_KEY,			/* no foreign key, or no dossier column, has a value */
	CASUS_PLACE_UNLABELLED		/* the parent is there, without a label of its own yet */
} CasusPlaceKind;

typedef struct CasusPlace
{
	CasusPlaceKind kind;
	CasusPlaceKind above;		/* what the parent says, before a predicate of the table's own */
	CasusFileSettings *fs;		/* which settings apply; NULL when outside */
	int64		dossier;		/* DOSSIER */
	bool		has_parent;		/* parent_raw and parent are set */
	pg_uuid_t	parent_raw;
	CasusLabel	parent;
	const CasusVia *via;		/* the one that led to the parent, or would */
} CasusPlace;

/* Compiled predicates of a table, for one statement. */
typedef struct CasusPredicates CasusPredicates;

extern CasusPredicates *casus_rowparent_prepare(const CasusSettings *settings, bool lock);
extern void casus_rowparent_place(const CasusProtected *prot, CasusPredicates *predicates,
								  TupleTableSlot *slot, CasusPlace *place);

/* The label of the row that a foreign key leads to. */
typedef enum CasusFound
{
	CASUS_FOUND_NOTHING,		/* no such row */
	CASUS_FOUND_NULL,			/* a row whose label is NULL */
	CASUS_FOUND_LABEL
} CasusFound;

/* Where that row is: which table or partition, and where in it. */
typedef struct CasusSpot
{
	Oid			relid;
	ItemPointerData tid;
} CasusSpot;

extern CasusFound casus_rowparent_label(const CasusVia *via, TupleTableSlot *slot,
										pg_uuid_t *raw, CasusSpot *spot);
extern bool casus_rowparent_has_key(const CasusVia *via, TupleTableSlot *slot);

extern CasusFileSettings *casus_rowparent_governing(CasusPredicates *predicates,
													TupleTableSlot *slot);

/* ---- rowcolumn.c: columns of a category of their own ---- */
extern AttrNumber casus_rowcolumn_barred(const CasusProtected *prot, Relation rel,
										 TupleTableSlot *new, TupleTableSlot *old,
										 const Bitmapset *named, const CasusCapacity *capacity,
										 const CasusLabel *label, int32 file,
										 CasusReason *reason);

/* ---- rowverdict.c: the verdict on one row, and its label ---- */

/* One row under judgment. */
typedef struct CasusRow
{
	Relation	rel;
	const CasusProtected *prot;
	CasusSettings *settings;
	CasusPredicates *predicates;
	TupleTableSlot *slot;		/* the row as it would become (DELETE: as it is) */
	HeapTuple	tuple;			/* what is in the slot, where that is known */
	const Bitmapset *named;		/* columns that an UPDATE names */
	CasusDossier dossier;
	const CasusProtocol *protocol;
	const CasusCapacity *capacity;
	bool		may_wait;		/* a hidden parent is not refused now but at commit */
	bool		waits;			/* and this row's parent is hidden */
} CasusRow;

extern void casus_rowverdict_refuse(CasusRow *row, const char *code, const char *message,
									const char *check, const char *hint);
extern void casus_rowverdict_refuse_under(CasusRow *row, const char *article, const char *code,
										  const char *message, const char *check,
										  const char *hint);
extern void casus_rowverdict_no_parent(CasusRow *row);
extern bool casus_rowverdict_wants_parent(const CasusRow *row, const CasusPlace *place);
extern bool casus_rowverdict_hold(CasusRow *row, int64 dossier);
extern void casus_rowverdict_note(CasusRow *row, const CasusLabel *label, CasusVerb verb);
extern void casus_rowverdict_change(CasusRow *row, const pg_uuid_t *raw, CasusVerb verb);
extern void casus_rowverdict_columns(CasusRow *row, const CasusLabel *label, TupleTableSlot *old);
extern bool casus_rowverdict_label(CasusRow *row, const CasusPlace *place, pg_uuid_t *raw);
extern void casus_rowverdict_relabel_parents(CasusRow *row, const pg_uuid_t *raw);
extern int64 casus_rowverdict_relabel_all(const CasusProtected *prot, bool write);
extern char *casus_rowverdict_key(Relation rel, TupleTableSlot *slot);
extern void casus_rowverdict_note_root(Relation rel, TupleTableSlot *slot, int64 dossier);

/* ---- rowconflict.c: INSERT ... ON CONFLICT ---- */

extern bool casus_rowconflict_meets(const CasusRow *row, Datum *label, bool *isnull);
extern bool casus_rowconflict_updates(const QueryDesc *query, Oid relid);

/* ---- rowlabel.c: labels of rows ---- */
extern bool casus_rowlabel_of(const CasusRow *row, HeapTuple tuple, pg_uuid_t *raw);
extern bool casus_rowlabel_lock(Relation rel, ItemPointer tid, TupleTableSlot *slot);
extern void casus_rowlabel_hold(Relation rel, ItemPointer tid);
extern bool casus_rowlabel_write(Relation rel, ItemPointer tid, int n, const AttrNumber *attnos,
								 const Datum *values, const bool *nulls);
extern bool casus_rowlabel_set(Relation rel, ItemPointer tid, const pg_uuid_t *raw);

/* ---- rowcopy.c: copies of governed rows ---- */
extern void casus_rowcopy_check(CasusRow *row, HeapTuple tuple);

/* ---- rowwalk.c: walks over labelled rows ---- */

/* A governed row; true: it counts.  With write it may be changed. */
typedef bool (*CasusRowVisitor) (CasusRow *row, const pg_uuid_t *raw, const CasusLabel *label,
								 bool write);
/* A row with a label that refers to its parent by one of the keys, any label. */
typedef void (*CasusChildVisitor) (const CasusProtected *prot, const CasusVia *via, Relation child,
								   TupleTableSlot *slot, const pg_uuid_t *label, void *arg);

extern int64 casus_rowwalk_governed(const CasusProtected *prot, CasusRowVisitor visit, bool write);
extern List *casus_rowwalk_rows(Relation child, const CasusVia *via, TupleTableSlot *parent_slot);
extern void casus_rowwalk_below(Relation rel, TupleTableSlot *slot, CasusChildVisitor visit,
								void *arg);

/* ---- rowtransit.c: rows that go to another partition ---- */
typedef struct CasusBounds CasusBounds;
extern void casus_rowtransit_finish(void);	/* at the end of each run over protected tables */
extern void casus_rowtransit_removes(CasusRow *row, const pg_uuid_t *raw);
extern CasusBounds *casus_rowtransit_prepare(Relation rel);
extern bool casus_rowtransit_leaves(CasusBounds *bounds, TupleTableSlot *slot);
extern void casus_rowtransit_begin(const CasusProtected *prot, ItemPointer tid,
								   const pg_uuid_t *raw);
extern bool casus_rowtransit_departs(const CasusProtected *prot, ItemPointer tid);
extern bool casus_rowtransit_arrives(const CasusProtected *prot, const pg_uuid_t *raw);

/* ---- rowlink.c: rows of several dossiers ---- */
extern void casus_rowlink_follow(CasusRow *row, const pg_uuid_t *raw, bool judge);
extern int64 casus_rowlink_all(const CasusProtected *prot, bool write);

/* ---- rowsubtree.c: the rows below one that has become governed ---- */
extern void casus_rowsubtree_join(Relation rel, TupleTableSlot *slot, const pg_uuid_t *raw);

#endif							/* CASUS_ROWS_H */
