/*
 * rowsubtree.c
 *		The rows below a row that has just become governed: an UPDATE took it
 *		into the protocol, and what hangs on it goes along.
 *
 * Each row below is judged and labelled as if it were inserted now.  They are
 * found over the foreign keys of the protected tables, by an index on the key
 * where there is one.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "rows.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

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

static void
join_row(const CasusProtected *prot, CasusPredicates *predicates, Relation child,
		 TupleTableSlot *slot, const CasusVia *via, const pg_uuid_t *parent)
{
	CasusRow	row = {0};
	CasusPlace	place = {0};
	pg_uuid_t	raw;

	row.rel = child;
	row.prot = prot;
	row.settings = prot->settings;
	row.predicates = predicates;
	row.slot = slot;
	place.fs = casus_rowparent_governing(predicates, slot);
	if (place.fs == NULL)
		return;
	place.kind = CASUS_PLACE_DOSSIER;
	place.via = via;
	place.parent_raw = *parent;
	place.has_parent = true;
	(void) casus_label_unpack(parent, &place.parent);
	place.dossier = place.parent.dossier;
	if (!casus_rowverdict_label(&row, &place, &raw))
		return;
	(void) casus_rowlabel_set(child, &slot->tts_tid, &raw);
	casus_rowsubtree_join(child, slot, &raw);
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
casus_rowsubtree_rows(Relation child, const CasusVia *via, TupleTableSlot *parent_slot)
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

/* All rows of one child table that refer to the row in slot. */
static void
join_table(const CasusProtected *prot, const CasusVia *via,
		   TupleTableSlot *parent_slot, const pg_uuid_t *parent)
{
	Relation	child = table_open(prot->relid, RowExclusiveLock);
	CasusPredicates *predicates = casus_rowparent_prepare(prot->settings, false);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(child), &TTSOpsHeapTuple);
	ListCell   *lc;

	foreach(lc, casus_rowsubtree_rows(child, via, parent_slot))
	{
		bool		isnull;
		Datum		label;

		ExecStoreHeapTuple(lfirst(lc), slot, false);
		slot->tts_tid = ((HeapTuple) lfirst(lc))->t_self;
		label = slot_getattr(slot, prot->label_attno, &isnull);
		if (!isnull &&
			memcmp(DatumGetUUIDP(label), &casus_label_outside, UUID_LEN) == 0)
			join_row(prot, predicates, child, slot, via, parent);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_close(child, NoLock);
}

void
casus_rowsubtree_join(Relation rel, TupleTableSlot *slot, const pg_uuid_t *raw)
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
				join_table(prot, &settings->via[i], slot, raw);
		}
	}
}
