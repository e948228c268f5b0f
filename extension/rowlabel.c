/*
 * rowlabel.c
 *		The label of a row that is written, and writing one into a row that is
 *		there already.
 *
 * The latter by the executor's own primitive for one row, with the triggers left out:
 * neither the rewriter nor user triggers have a part in it, so no guard has
 * to be passed.  What can still run is code of the table's owner in index
 * expressions and check constraints: it runs as him, in a security-restricted
 * operation.  The row is locked first, in its newest version.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "rows.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

/* False: it has none. */
bool
casus_rowlabel_of(const CasusRow *row, HeapTuple tuple, pg_uuid_t *raw)
{
	AttrNumber	attno = row->prot->label_attno;
	bool		isnull;
	Datum		value;

	/* What the slot has taken apart is not taken apart again: not here, nor after. */
	if (tuple == row->tuple)
		value = slot_getattr(row->slot, attno, &isnull);
	else
		value = heap_getattr(tuple, attno, RelationGetDescr(row->rel), &isnull);
	if (!isnull)
		*raw = *DatumGetUUIDP(value);
	return !isnull;
}

/* ---- rows that are there ---- */

static ResultRelInfo *
open_result(EState *estate, Relation rel)
{
	ResultRelInfo *result = makeNode(ResultRelInfo);
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(rel);
	rte->relkind = rel->rd_rel->relkind;
	rte->rellockmode = AccessShareLock;
	casus_compat_init_range_table(estate, rte);
	InitResultRelInfo(result, rel, 1, NULL, 0);
	result->ri_TrigDesc = NULL;
	estate->es_output_cid = GetCurrentCommandId(true);
	ExecOpenIndices(result, false);
	return result;
}

/*
 * The newest version of the row, locked; false: it is gone.  Exclusively, so
 * that whoever is inserting a child of it has finished before its label
 * changes, or waits and then sees the new one.
 */
bool
casus_rowlabel_lock(Relation rel, ItemPointer tid, TupleTableSlot *slot)
{
	TM_FailureData failure;
	TM_Result	rc;
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

	rc = table_tuple_lock(rel, tid, snapshot, slot, GetCurrentCommandId(false),
						  LockTupleExclusive, LockWaitBlock,
						  TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
	UnregisterSnapshot(snapshot);
	switch (rc)
	{
		case TM_Ok:
			return true;
		case TM_Deleted:
			return false;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("a row was changed by the same command that gives it its label"),
					 errhint("Insert the parent in a statement of its own.")));
	}
	return false;
}

/* Locks a row that an UPDATE is about to take into the protocol, as above. */
void
casus_rowlabel_hold(Relation rel, ItemPointer tid)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	(void) casus_rowlabel_lock(rel, tid, slot);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * Writes columns of one row (nulls NULL: none is); false when the row is gone.  The
 * relation is open and locked for writing.
 */
bool
casus_rowlabel_write(Relation rel, ItemPointer tid, int n, const AttrNumber *attnos,
					 const Datum *values, const bool *nulls)
{
	EState	   *estate = CreateExecutorState();
	TupleTableSlot *old = table_slot_create(rel, &estate->es_tupleTable);
	TupleTableSlot *new = ExecInitExtraTupleSlot(estate, RelationGetDescr(rel),
												 &TTSOpsVirtual);
	EPQState	epq;
	Oid			user;
	int			context;
	int			nest;
	bool		found;

	found = casus_rowlabel_lock(rel, tid, old);
	if (found)
	{
		ResultRelInfo *result = open_result(estate, rel);

		GetUserIdAndSecContext(&user, &context);
		SetUserIdAndSecContext(rel->rd_rel->relowner,
							   context | SECURITY_RESTRICTED_OPERATION);
		nest = NewGUCNestLevel();
		casus_compat_init_recheck(&epq, estate, NULL, NIL, -1);
		slot_getallattrs(old);
		memcpy(new->tts_values, old->tts_values,
			   sizeof(Datum) * new->tts_tupleDescriptor->natts);
		memcpy(new->tts_isnull, old->tts_isnull,
			   sizeof(bool) * new->tts_tupleDescriptor->natts);
		for (int i = 0; i < n; i++)
		{
			new->tts_values[attnos[i] - 1] = values[i];
			new->tts_isnull[attnos[i] - 1] = nulls != NULL && nulls[i];
		}
		ExecStoreVirtualTuple(new);
		ExecSimpleRelationUpdate(result, estate, &epq, old, new);
		EvalPlanQualEnd(&epq);
		AtEOXact_GUC(false, nest);
		SetUserIdAndSecContext(user, context);
		ExecCloseIndices(result);
	}
	ExecResetTupleTable(estate->es_tupleTable, false);
	FreeExecutorState(estate);
	return found;
}

/* The label alone. */
bool
casus_rowlabel_set(Relation rel, ItemPointer tid, const pg_uuid_t *raw)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(rel), CASUS_LABEL_COLUMN);
	Datum		value = UUIDPGetDatum(raw);

	return casus_rowlabel_write(rel, tid, 1, &attno, &value, NULL);
}
