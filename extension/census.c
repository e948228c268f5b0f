/*
 * census.c
 *		Counts of a protected table's rows: before its fence goes up or down,
 *		and when a file is added.
 *
 * The whole table is read, past row security and every verdict; nothing of it
 * reaches the caller but numbers.  The caller holds a lock on the table that
 * keeps new rows out for as long as the numbers count.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protect.h"

#include "access/table.h"
#include "access/tableam.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* ---- do labels fit their rows? ---- */

typedef struct Named
{
	int64		id;
	bool		fits;			/* it is there, and of a file of the table */
} Named;

bool
casus_census_misplaced(const CasusProtected *prot, CasusPredicates *predicates,
					   TupleTableSlot *slot, const CasusLabel *label)
{
	const CasusSettings *settings = prot->settings;
	CasusPlace	place;

	if (label->linked || settings->links || settings->resolve_name != NULL ||
		settings->kind == CASUS_KIND_ROOT || settings->kind == CASUS_KIND_VIA_CHILD)
		return false;
	casus_rowparent_place(prot, predicates, slot, &place);
	return place.kind == CASUS_PLACE_DOSSIER && place.dossier != label->dossier &&
		!(place.has_parent && place.parent.linked);
}

/*
 * By its own columns the row belongs to no dossier.  A function that names one is not
 * asked: a row stays when what that reads changes.
 */
static bool
is_astray(const CasusProtected *prot, CasusPredicates *predicates, TupleTableSlot *slot,
		  const CasusLabel *label)
{
	const CasusSettings *settings = prot->settings;
	CasusPlace	place;

	if (label->linked || settings->kind == CASUS_KIND_VIA_CHILD)
		return false;
	if (settings->resolve_name != NULL)
		return casus_rowparent_governing(predicates, slot) == NULL;
	casus_rowparent_place(prot, predicates, slot, &place);
	return place.kind != CASUS_PLACE_DOSSIER && place.kind != CASUS_PLACE_ROOT;
}

static bool
is_of_table(const CasusSettings *settings, int64 id)
{
	CasusDossier dossier;

	if (!casus_dossier_load(id, &dossier))
		return false;
	for (int i = 0; i < settings->nfiles; i++)
	{
		if (settings->files[i].id == dossier.file)
			return true;
	}
	return settings->nfiles == 0;
}

/*
 * Before its table is in force casus is not the only one that can write labels:
 * between protect and bind no trigger stands.  Of the rows that are dossiers one
 * has each.
 */
static bool
fits(const CasusProtected *prot, CasusPredicates *predicates, TupleTableSlot *slot,
	 const CasusLabel *label, CasusCensus *census)
{
	const CasusSettings *settings = prot->settings;
	bool		found;
	Named	   *named = hash_search(census->dossiers, &label->dossier, HASH_ENTER, &found);

	if (found && settings->kind == CASUS_KIND_ROOT)
		return false;
	if (!found)
		named->fits = settings->kind != CASUS_KIND_ROOT || is_of_table(settings, label->dossier);
	return named->fits && !casus_census_misplaced(prot, predicates, slot, label);
}

static HTAB *
make_dossiers(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(int64);
	control.entrysize = sizeof(Named);
	control.hcxt = CurrentMemoryContext;
	return hash_create("casus census", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* ---- counts ---- */

static void
count_row(const CasusProtected *prot, CasusPredicates *predicates,
		  TupleTableSlot *slot, CasusCensus *census)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, prot->label_attno, &isnull);
	CasusLabelKind kind = CASUS_LABEL_BROKEN;
	CasusLabel	label;
	CasusPlace	place;

	if (!isnull)
		kind = casus_label_unpack(DatumGetUUIDP(value), &label);
	if (kind == CASUS_LABEL_GOVERNED)
	{
		census->governed++;
		if (census->dossiers != NULL && is_astray(prot, predicates, slot, &label))
		{
			if (census->nastray_rows < lengthof(census->astray_rows) &&
				(census->astray == 0 || census->astray_store == slot->tts_tableOid))
				census->astray_rows[census->nastray_rows++] = slot->tts_tid;
			if (census->astray++ == 0)
				census->astray_store = slot->tts_tableOid;
		}
		else if (census->dossiers != NULL && !fits(prot, predicates, slot, &label, census))
			census->misfit++;
	}
	else if (kind != CASUS_LABEL_OUTSIDE)
		census->unlabelled++;
	else
	{
		casus_rowparent_place(prot, predicates, slot, &place);
		if (place.kind != CASUS_PLACE_OUTSIDE)
			census->unlabelled++;
	}
}

/* In observe a row is stored that labels a parent which another dossier has already. */
static bool
shares_parent(CasusRow *row, const pg_uuid_t *raw, const CasusLabel *label, bool write)
{
	for (int i = 0; i < row->settings->nrelabels; i++)
	{
		const CasusVia *via = &row->settings->relabels[i];
		const CasusSettings *above = casus_registry_settings(via->parent);
		pg_uuid_t	now;
		CasusLabel	theirs;

		if (above != NULL && !above->links && casus_rowparent_has_key(via, row->slot) &&
			casus_rowparent_label(via, row->slot, &now, NULL) == CASUS_FOUND_LABEL &&
			casus_label_unpack(&now, &theirs) == CASUS_LABEL_GOVERNED &&
			theirs.dossier != label->dossier)
			return true;
	}
	return false;
}

/*
 * Where a child labels its parent both tables answer for it, whichever is
 * bound last.
 */
static int64
count_unrelabelled(const CasusProtected *prot)
{
	const CasusSettings *settings = prot->settings;
	ListCell   *lc;
	int64		n = 0;

	if (settings->nrelabels > 0)
		n += casus_rowverdict_relabel_all(prot, false) + casus_rowlink_all(prot, false);
	if (settings->kind != CASUS_KIND_VIA_CHILD)
		return n;
	foreach(lc, casus_registry_tables())
	{
		const CasusProtected *other = casus_registry_find(lfirst_oid(lc));
		const CasusSettings *child = other != NULL ? other->settings : NULL;

		for (int i = 0; child != NULL && i < child->nrelabels; i++)
		{
			if (OidIsValid(child->relabels[i].parent) &&
				casus_registry_is_of(prot->relid, child->relabels[i].parent))
				n += casus_rowverdict_relabel_all(other, false) + casus_rowlink_all(other, false);
		}
	}
	return n;
}

static void
count_store(Oid relid, CasusCensus *census)
{
	Relation	rel = table_open(relid, AccessShareLock);
	const CasusProtected *prot = casus_registry_find(relid);
	CasusPredicates *predicates;
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "casus census",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;

	if (prot->settings == NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  psprintf("the settings of table \"%s\" are gone", RelationGetRelationName(rel)),
						  "It was restored without security labels.",
						  "Restore it with them.");
	predicates = casus_rowparent_prepare(prot->settings, false);
	old = MemoryContextSwitchTo(row_context);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		count_row(prot, predicates, slot, census);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	census->unrelabelled += count_unrelabelled(prot);
	if (census->dossiers != NULL && ((CasusSettings *) prot->settings)->nrelabels > 0)
		census->shared += casus_rowwalk_governed(prot, shares_parent, false);
}

/* A table, with all that belongs to its family; whether labels fit is asked at bind. */
void
casus_census_take(Relation rel, bool labels, CasusCensus *census)
{
	ListCell   *lc;

	memset(census, 0, sizeof(CasusCensus));
	if (labels)
		census->dossiers = make_dossiers();
	foreach(lc, casus_family_stores(RelationGetRelid(rel)))
		count_store(lfirst_oid(lc), census);
	census->unlabelled += census->unrelabelled;
}

void
casus_census_of(Oid relid, CasusCensus *census)
{
	Relation	rel = table_open(relid, AccessShareLock);

	PushActiveSnapshot(GetLatestSnapshot());
	casus_census_take(rel, false, census);
	PopActiveSnapshot();
	table_close(rel, AccessShareLock);
}

/*
 * Rows without a label, or with one though nothing governs them, for who sees them
 * as long as the table is not bound.
 */
char *
casus_census_query(Oid relid, const CasusSettings *settings, bool labelled)
{
	StringInfoData sql;
	bool		all = settings->nfiles == 0;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT * FROM %s WHERE casus.dossier_of(casus_label) IS %s",
					 casus_relation_ddl_name(relid), labelled ? "NOT NULL" : "NULL");
	for (int i = 0; i < settings->nfiles; i++)
		all |= settings->files[i].governs_text == NULL;
	for (int i = 0; i < settings->nfiles && !all; i++)
		appendStringInfo(&sql, "%s(%s)", i ? " OR " : " AND (", settings->files[i].governs_text);
	appendStringInfoString(&sql, all ? ";" : labelled ? ") IS NOT TRUE;" : ");");
	return sql.data;
}

/*
 * Where a parent says to which dossier a row belongs, no condition on its own
 * columns finds it: the first of them by their place, which tells nothing of them.
 */
char *
casus_census_astray_query(Oid relid, const CasusSettings *settings, const CasusCensus *census)
{
	bool		own = settings->nvia == 0 && settings->nfiles > 0;
	StringInfoData sql;

	for (int i = 0; i < settings->nfiles; i++)
		own &= settings->files[i].governs_text != NULL;
	if (own || census->nastray_rows == 0)
		return casus_census_query(relid, settings, true);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT * FROM %s WHERE ctid IN (",
					 casus_relation_ddl_name(census->astray_store));
	for (int i = 0; i < census->nastray_rows; i++)
		appendStringInfo(&sql, "%s'(%u,%u)'", i == 0 ? "" : ", ",
						 ItemPointerGetBlockNumber(&census->astray_rows[i]),
						 ItemPointerGetOffsetNumber(&census->astray_rows[i]));
	appendStringInfoString(&sql, census->nastray_rows < census->astray ? ");  -- the first ones" : ");");
	return sql.data;
}

void
casus_census_check_new_file(Oid relid)
{
	const CasusProtected *prot = casus_registry_find(relid);
	Relation	rel;
	CasusCensus census;

	if (prot == NULL || prot->mode != CASUS_MODE_ENFORCE)
		return;
	rel = table_open(relid, AccessShareLock);
	casus_census_take(rel, false, &census);
	if (census.unlabelled > 0)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  psprintf("table \"%s\" is bound and has " INT64_FORMAT " rows for this file",
								   RelationGetRelationName(rel), census.unlabelled),
						  casus_check_ground_of(relid, "not_fenced",
												_("they would be open until they are taken in")),
												_("Let its governs select other rows, or let their file keep them: one row has one file."));
	table_close(rel, AccessShareLock);
}
