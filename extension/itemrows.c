/*
 * itemrows.c
 *		Is there a row for each of these item numbers of a dossier, that the
 *		caller may read?  And which table has rows of these dossiers?
 *
 * There is no register of items: their rows are looked for in all protected
 * tables, one pass over each until the answer is known.  An act that names
 * items is rare, and what it names has just been read; dossiers go rarer still.
 * Takes ACCESS SHARE on the tables.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "rows.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* Numbers that have not been met yet. */
typedef struct Wanted
{
	const CasusDossier *dossier;
	int			n;
	uint32	   *items;			/* ascending, each once */
	bool	   *met;
	int			nmet;
} Wanted;

static void
prepare(Wanted *wanted, const uint32 *items, int n)
{
	wanted->items = palloc(sizeof(uint32) * n);
	memcpy(wanted->items, items, sizeof(uint32) * n);
	qsort(wanted->items, n, sizeof(uint32), oid_cmp);	/* an oid is a uint32 */
	for (int i = 0; i < n; i++)
		if (wanted->n == 0 || wanted->items[wanted->n - 1] != wanted->items[i])
			wanted->items[wanted->n++] = wanted->items[i];
	wanted->met = palloc0(sizeof(bool) * n);
}

/* Does the row belong to the dossier, first of all or by a link? */
static bool
is_of(const CasusLabel *label, int64 dossier)
{
	int64	   *others;
	int			n;

	if (label->dossier == dossier)
		return true;
	n = label->linked ? casus_dossier_linked(label->dossier, label->item, &others) : 0;
	for (int i = 0; i < n; i++)
		if (others[i] == dossier)
			return true;
	return false;
}

/* One row that is governed; true: no more rows are needed. */
static bool
meet_item(const CasusLabel *label, void *arg)
{
	Wanted	   *wanted = arg;
	uint32	   *found;

	if (label->dossier != wanted->dossier->id && !label->linked)
		return false;
	found = bsearch(&label->item, wanted->items, wanted->n, sizeof(uint32), oid_cmp);
	if (found == NULL || wanted->met[found - wanted->items] ||
		!is_of(label, wanted->dossier->id) ||
		!casus_context_may_read(wanted->dossier->file, label))
		return false;
	wanted->met[found - wanted->items] = true;
	wanted->nmet++;
	return wanted->nmet == wanted->n;
}

static bool
look_in(const CasusProtected *prot, bool (*meet) (const CasusLabel *label, void *arg), void *arg)
{
	Relation	rel = table_open(prot->relid, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	AttrNumber	attno = prot->label_attno;
	bool		done = false;

	while (!done && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, attno, &isnull);
		CasusLabel	label;

		CHECK_FOR_INTERRUPTS();
		done = !isnull &&
			casus_label_unpack(DatumGetUUIDP(value), &label) == CASUS_LABEL_GOVERNED &&
			meet(&label, arg);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return done;
}

/* A protected table that holds rows here. */
static bool
has_rows(const CasusProtected *prot)
{
	return prot != NULL && !prot->foreign &&
		get_rel_relkind(prot->relid) == RELKIND_RELATION;
}

/* Has each of the numbers a row in the dossier that the caller may read? */
bool
casus_itemrows_are_there(const CasusDossier *dossier, const uint32 *items, int n)
{
	Wanted		wanted = {.dossier = dossier};
	ListCell   *lc;

	prepare(&wanted, items, n);
	foreach(lc, casus_registry_tables())
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));

		if (wanted.nmet < wanted.n && has_rows(prot))
			(void) look_in(prot, meet_item, &wanted);
	}
	return wanted.nmet == wanted.n;
}

/* ---- rows of dossiers ---- */

typedef struct Dossiers
{
	const int64 *ids;			/* ascending */
	int			n;
} Dossiers;

static int
compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

static bool
is_one(const Dossiers *dossiers, int64 id)
{
	return bsearch(&id, dossiers->ids, dossiers->n, sizeof(int64), compare_ids) != NULL;
}

static bool
meet_dossier(const CasusLabel *label, void *arg)
{
	const Dossiers *dossiers = arg;
	int64	   *others;
	int			n;
	bool		found = is_one(dossiers, label->dossier);

	if (found || !label->linked)
		return found;
	n = casus_dossier_linked(label->dossier, label->item, &others);
	for (int i = 0; i < n; i++)
		found |= is_one(dossiers, others[i]);
	pfree(others);
	return found;
}

/* A table of another family with rows of these dossiers (ascending), by label; invalid: none. */
Oid
casus_itemrows_elsewhere(Oid family, const int64 *ids, int n)
{
	Dossiers	dossiers = {ids, n};
	ListCell   *lc;

	foreach(lc, n > 0 ? casus_registry_tables() : NIL)
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));

		if (has_rows(prot) && prot->family != family)
		{
			Oid			other = prot->family;

			if (look_in(prot, meet_dossier, &dossiers))
				return other;
		}
	}
	return InvalidOid;
}
