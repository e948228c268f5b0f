/*
 * rowwalk.c
 *		Walks over labelled rows: the governed rows of a table, and the rows
 *		that refer to one row over the foreign keys of the protected tables.
 *
 * Each walk sees the rows as of its beginning, newest commits included, past
 * row security.  What a visitor writes does not come by again.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "rows.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

/* ---- the governed rows of one table ---- */

/* How many of them does the visitor count? */
int64
casus_rowwalk_governed(const CasusProtected *prot, CasusRowVisitor visit, bool write)
{
	Relation	rel;
	CasusRow	row = {0};
	Snapshot	snapshot;
	TableScanDesc scan;
	int64		n = 0;

	/* Its partitions are tables of their own. */
	if (get_rel_relkind(prot->relid) == RELKIND_PARTITIONED_TABLE)
		return 0;
	rel = table_open(prot->relid, AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = table_beginscan(rel, snapshot, 0, NULL);
	row.rel = rel;
	row.prot = prot;
	row.settings = prot->settings;
	row.slot = table_slot_create(rel, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, row.slot))
	{
		CasusLabel	label;
		bool		isnull;
		Datum		value = slot_getattr(row.slot, prot->label_attno, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (!isnull && casus_label_unpack(DatumGetUUIDP(value), &label) == CASUS_LABEL_GOVERNED &&
			visit(&row, DatumGetUUIDP(value), &label, write))
			n++;
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(row.slot);
	table_close(rel, AccessShareLock);
	return n;
}

/* ---- the rows that refer to one ---- */

/* A plain btree index that begins with the column, or InvalidOid. */
static Oid
index_on(Relation rel, AttrNumber attno)
{
	Oid			found = InvalidOid;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = relation_open(lfirst_oid(lc), AccessShareLock);

		if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
			index->rd_index->indkey.values[0] == attno &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
			found = RelationGetRelid(index);
		relation_close(index, AccessShareLock);
		if (OidIsValid(found))
			break;
	}
	return found;
}

/* A column of the key in the parent's row, which may stand in a partition. */
static AttrNumber
parent_attno(const CasusVia *via, int i, TupleTableSlot *parent_slot)
{
	TupleDesc	desc = parent_slot->tts_tupleDescriptor;
	char	   *name;

	if (via->nstores == 0)
		return via->pkatt[i];
	name = get_attname(via->parent, via->pkatt[i], false);
	for (int k = 0; k < desc->natts; k++)
	{
		if (!TupleDescAttr(desc, k)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(desc, k)->attname), name) == 0)
			return k + 1;
	}
	elog(ERROR, "a partition lacks a column of its key");
	return InvalidAttrNumber;
}

/* Does the row in slot refer to the parent by all columns of the key? */
static bool
refers_to(const CasusVia *via, TupleTableSlot *slot, TupleTableSlot *parent_slot)
{
	for (int i = 0; i < via->nkeys; i++)
	{
		Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, via->fkatt[i] - 1);
		bool		isnull;
		bool		parent_null;
		Datum		ours = slot_getattr(slot, via->fkatt[i], &isnull);
		Datum		theirs = slot_getattr(parent_slot, parent_attno(via, i, parent_slot),
											   &parent_null);

		if (isnull || parent_null ||
			!DatumGetBool(OidFunctionCall2Coll(get_opcode(via->eqop[i]),
											   att->attcollation, theirs, ours)))
			return false;
	}
	return true;
}

/* Copies of all rows of a child table that refer to the row in parent_slot, as of now. */
List *
casus_rowwalk_rows(Relation child, const CasusVia *via, TupleTableSlot *parent_slot)
{
	TupleTableSlot *slot;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		isnull;
	Datum		value = slot_getattr(parent_slot, parent_attno(via, 0, parent_slot), &isnull);
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(child), via->fkatt[0] - 1);
	Oid			index;
	TypeCacheEntry *type = lookup_type_cache(att->atttypid, TYPECACHE_EQ_OPR);
	List	   *found = NIL;

	/* Its partitions are tables of their own. */
	if (child->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		return NIL;
	slot = MakeSingleTupleTableSlot(RelationGetDescr(child), &TTSOpsHeapTuple);
	index = index_on(child, via->fkatt[0]);

	/* Where the types differ, or the key has several columns, the row decides below. */
	if (get_atttype(via->parent, via->pkatt[0]) != att->atttypid)
		index = InvalidOid;
	ScanKeyEntryInitialize(&key, 0, via->fkatt[0], BTEqualStrategyNumber, InvalidOid,
						   att->attcollation, get_opcode(type->eq_opr), value);
	scan = systable_beginscan(child, index, OidIsValid(index), NULL,
							  OidIsValid(index) ? 1 : 0, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		ExecStoreHeapTuple(tuple, slot, false);
		if (refers_to(via, slot, parent_slot))
			found = lappend(found, heap_copytuple(tuple));
	}
	systable_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/* The rows of one table that have a label, and refer to the row in slot by one of its keys. */
static void
walk_child(const CasusProtected *prot, const CasusVia *via, TupleTableSlot *parent_slot,
		   CasusChildVisitor visit, void *arg)
{
	Relation	child = table_open(prot->relid, RowExclusiveLock);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(child), &TTSOpsHeapTuple);
	ListCell   *lc;

	foreach(lc, casus_rowwalk_rows(child, via, parent_slot))
	{
		bool		isnull;
		Datum		label;

		ExecStoreHeapTuple(lfirst(lc), slot, false);
		slot->tts_tid = ((HeapTuple) lfirst(lc))->t_self;
		label = slot_getattr(slot, prot->label_attno, &isnull);
		if (!isnull)
			visit(prot, via, child, slot, DatumGetUUIDP(label), arg);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_close(child, NoLock);
}

/* Those of all tables whose rows come to their dossier by the row in slot. */
void
casus_rowwalk_below(Relation rel, TupleTableSlot *slot, CasusChildVisitor visit, void *arg)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, casus_registry_tables())
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));
		CasusSettings *settings = prot != NULL ? prot->settings : NULL;

		for (int i = 0; settings != NULL && i < settings->nvia; i++)
		{
			if (OidIsValid(settings->via[i].parent) &&
				casus_registry_is_of(RelationGetRelid(rel), settings->via[i].parent))
				walk_child(prot, &settings->via[i], slot, visit, arg);
		}
	}
}
