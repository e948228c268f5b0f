/*
 * itemrows.c
 *		Is there a row for each of these item numbers of a dossier, that the
 *		caller may read?
 *
 * There is no register of items: their rows are looked for in all protected
 * tables of the file, one pass over each until every number has been met.  An
 * act that names items is rare, and what it names has just been read.  Takes
 * ACCESS SHARE on the tables.
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

static void
meet(Wanted *wanted, const pg_uuid_t *raw)
{
	CasusLabel	label;
	uint32	   *found;

	if (casus_label_unpack(raw, &label) != CASUS_LABEL_GOVERNED ||
		(label.dossier != wanted->dossier->id && !label.linked))
		return;
	found = bsearch(&label.item, wanted->items, wanted->n, sizeof(uint32), oid_cmp);
	if (found == NULL || wanted->met[found - wanted->items] ||
		!is_of(&label, wanted->dossier->id) ||
		!casus_context_may_read(wanted->dossier->file, &label))
		return;
	wanted->met[found - wanted->items] = true;
	wanted->nmet++;
}

static void
look_in(Wanted *wanted, const CasusProtected *prot)
{
	Relation	rel = table_open(prot->relid, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	AttrNumber	attno = prot->label_attno;

	while (wanted->nmet < wanted->n && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, attno, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (!isnull)
			meet(wanted, DatumGetUUIDP(value));
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
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

		if (wanted.nmet < wanted.n && prot != NULL && !prot->foreign &&
			get_rel_relkind(prot->relid) == RELKIND_RELATION)
			look_in(&wanted, prot);
	}
	return wanted.nmet == wanted.n;
}
