/*
 * rowpending.c
 *		Rows that came before their parent: their label is found at commit.
 *
 * A deferred constraint trigger, named so that it runs before those of the
 * foreign keys: a parent that is missing and one that is hidden give the same
 * answer.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "rows.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(casus_sql_resolve_pending);

/* The row as it is now, by its primary key; NULL: removed, or its key changed. */
static HeapTuple
newest_version(Relation rel, HeapTuple tuple)
{
	Relation	index = relation_open(casus_compat_primary_key(rel), AccessShareLock);
	int			nkeys = index->rd_index->indnkeyatts;
	ScanKeyData keys[INDEX_MAX_KEYS];
	SysScanDesc scan;
	HeapTuple	found;

	for (int i = 0; i < nkeys; i++)
	{
		AttrNumber	attno = index->rd_index->indkey.values[i];
		Oid			eq = get_opfamily_member(index->rd_opfamily[i], index->rd_opcintype[i],
											 index->rd_opcintype[i], BTEqualStrategyNumber);
		bool		isnull;

		ScanKeyEntryInitialize(&keys[i], 0, attno, BTEqualStrategyNumber, InvalidOid,
							   index->rd_indcollation[i], get_opcode(eq),
							   heap_getattr(tuple, attno, RelationGetDescr(rel), &isnull));
	}
	scan = systable_beginscan(rel, RelationGetRelid(index), true, SnapshotSelf, nkeys, keys);
	found = systable_getnext(scan);
	if (found != NULL)
		found = heap_copytuple(found);
	systable_endscan(scan);
	relation_close(index, AccessShareLock);
	return found;
}

static void resolve(Relation rel, HeapTuple tuple);

/* The parent may wait for its own parent in turn: that one goes first. */
static void
resolve_parent(CasusRow *row, const CasusVia *via)
{
	pg_uuid_t	raw;
	CasusSpot	spot;
	Relation	parent;
	TupleTableSlot *slot;

	if (!OidIsValid(via->parent) ||
		casus_rowparent_label(via, row->slot, &raw, &spot) != CASUS_FOUND_LABEL ||
		!casus_label_is_own_pending(&raw))
		return;
	check_stack_depth();
	parent = table_open(spot.relid, RowExclusiveLock);
	slot = table_slot_create(parent, NULL);
	if (table_tuple_fetch_row_version(parent, &spot.tid, SnapshotSelf, slot))
		resolve(parent, ExecCopySlotHeapTuple(slot));
	ExecDropSingleTupleTableSlot(slot);
	table_close(parent, NoLock);
}

/* Refused in mode observe: such a row stays, without a label, until it is taken in. */
static void
clear_label(Relation rel, CasusRow *row, HeapTuple tuple)
{
	AttrNumber	attno = row->prot->label_attno;
	Datum		value = (Datum) 0;
	bool		isnull = true;

	(void) casus_rowlabel_write(rel, &tuple->t_self, 1, &attno, &value, &isnull);
}

/* Gives one row that waits its label, or refuses. */
static void
resolve(Relation rel, HeapTuple tuple)
{
	CasusRow	row = {0};
	CasusPlace	place;
	pg_uuid_t	raw;
	bool		labelled = false;

	row.rel = rel;
	row.prot = casus_registry_find(RelationGetRelid(rel));
	if (row.prot == NULL || row.prot->settings == NULL)
		casus_check_refuse(casus_check_protocol(NULL, 0), "not_fenced",
						   _("a protected table is not fenced"),
						   _("its settings, its policy or its trigger are not as casus.bind made them"),
						   casus_relation_ddl_bind(RelationGetRelid(rel)));
	row.settings = row.prot->settings;
	row.predicates = casus_rowparent_prepare(row.settings, true);
	row.slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
	ExecStoreHeapTuple(tuple, row.slot, false);
	casus_rowparent_place(row.prot, row.predicates, row.slot, &place);
	if (place.kind == CASUS_PLACE_NO_PARENT || place.above == CASUS_PLACE_NO_PARENT)
	{
		resolve_parent(&row, place.via);
		casus_rowparent_place(row.prot, row.predicates, row.slot, &place);
	}
	if (casus_rowverdict_wants_parent(&row, &place))
		casus_rowverdict_no_parent(&row);
	else if (place.kind == CASUS_PLACE_OUTSIDE)
		labelled = casus_rowlabel_set(rel, &tuple->t_self, &casus_label_outside);
	else if (place.kind != CASUS_PLACE_DOSSIER)
		casus_rowverdict_no_parent(&row);
	else if (casus_rowverdict_label(&row, &place, &raw))
	{
		casus_rowverdict_relabel_parents(&row, &raw);
		casus_rowlink_follow(&row, &raw, true);
		labelled = casus_rowlabel_set(rel, &tuple->t_self, &raw);
	}
	if (!labelled && row.prot->mode == CASUS_MODE_OBSERVE)
		clear_label(rel, &row, tuple);
	ExecDropSingleTupleTableSlot(row.slot);
}

Datum
casus_sql_resolve_pending(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const CasusProtected *prot;
	HeapTuple	tuple;
	bool		isnull;
	Datum		value;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("casus_int.resolve_pending is an AFTER ROW trigger")));
	casus_fence_check_trigger(trigger, CASUS_PENDING_NAME);
	prot = casus_registry_find(RelationGetRelid(trigger->tg_relation));
	tuple = newest_version(trigger->tg_relation,
						   TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
						   trigger->tg_newtuple : trigger->tg_trigtuple);
	if (tuple == NULL)
		return PointerGetDatum(NULL);
	value = heap_getattr(tuple, prot->label_attno,
						 RelationGetDescr(trigger->tg_relation), &isnull);
	if (!isnull && casus_label_is_own_pending(DatumGetUUIDP(value)))
		resolve(trigger->tg_relation, tuple);
	return PointerGetDatum(NULL);
}
