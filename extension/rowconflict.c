/*
 * rowconflict.c
 *		INSERT ... ON CONFLICT: will the row meet one that is there?
 *
 * The server asks after the triggers, ours among them, which would have opened
 * a dossier for a row that is then never inserted.  So the same is asked before,
 * by the same function and the same indexes.  The row that is met is locked
 * against removal: it is there when the server looks.  Its label the new row
 * bears as long as it is one, for the policy is asked about it first: who may not
 * see the one may not have the other in his way either.
 *
 * One that another session inserts in between, which the server only then finds,
 * is not foreseen: its dossier has been opened.
 *
 * Private to the backend; keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "rows.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "compat.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

static bool
meets_conflict(const PlanState *state)
{
	const ModifyTable *plan;

	if (!IsA(state, ModifyTableState))
		return false;
	plan = (const ModifyTable *) state->plan;
	return plan->operation == CMD_INSERT && plan->onConflictAction != ONCONFLICT_NONE;
}

/* What the statement names: of a partition, the parent. */
static const ResultRelInfo *
named_of(const ResultRelInfo *result)
{
	return result->ri_RootResultRelInfo ? result->ri_RootResultRelInfo : result;
}

/* The node that inserts into it, or a partition of what it names. */
static bool
is_of_conflict(const QueryDesc *query, const ResultRelInfo *result)
{
	const ResultRelInfo *named = named_of(result);
	ListCell   *lc;

	if (meets_conflict(query->planstate) &&
		((ModifyTableState *) query->planstate)->rootResultRelInfo == named)
		return true;
	foreach(lc, query->estate->es_auxmodifytables)
	{
		if (meets_conflict(lfirst(lc)) &&
			((ModifyTableState *) lfirst(lc))->rootResultRelInfo == named)
			return true;
	}
	return false;
}

static ResultRelInfo *
target_of(const QueryDesc *query, Relation rel, List *results)
{
	ListCell   *lc;

	foreach(lc, results)
	{
		ResultRelInfo *result = lfirst(lc);

		if (result->ri_RelationDesc == rel && result->ri_IndexRelationDescs != NULL &&
			is_of_conflict(query, result))
			return result;
	}
	return NULL;
}

/* Does it stay until we have ended, and with which label?  False: it has changed or gone. */
static bool
keep(const CasusRow *row, ItemPointer tid, LockTupleMode mode, Datum *label, bool *isnull)
{
	TupleTableSlot *slot = table_slot_create(row->rel, NULL);
	TM_FailureData failure;
	TM_Result	result = table_tuple_lock(row->rel, tid, GetActiveSnapshot(), slot,
										  GetCurrentCommandId(true), mode,
										  LockWaitBlock, 0, &failure);
	/* What this command itself has written nobody else takes away. */
	bool		stays = result == TM_Ok || result == TM_Invisible || result == TM_SelfModified;

	*isnull = true;
	if (stays && !TupIsNull(slot))
	{
		*label = slot_getattr(slot, row->prot->label_attno, isnull);
		if (!*isnull)
			*label = datumCopy(*label, false, UUID_LEN);
	}
	ExecDropSingleTupleTableSlot(slot);
	return stays;
}

/* Does the statement update what an INSERT into the table meets? */
bool
casus_rowconflict_updates(const QueryDesc *query, Oid relid)
{
	List	   *nodes;
	ListCell   *lc;

	if (query == NULL || query->estate == NULL || query->planstate == NULL)
		return false;
	nodes = lcons(query->planstate, list_copy(query->estate->es_auxmodifytables));
	foreach(lc, nodes)
	{
		const ModifyTableState *state = lfirst(lc);

		if (meets_conflict(&state->ps) &&
			((ModifyTable *) state->ps.plan)->onConflictAction == ONCONFLICT_UPDATE &&
			RelationGetRelid(state->rootResultRelInfo->ri_RelationDesc) == relid)
			return true;
	}
	return false;
}

/* In a BEFORE INSERT trigger, of the row as it will be: is there one, and with which label? */
bool
casus_rowconflict_meets(const CasusRow *row, Datum *label, bool *isnull)
{
	const CasusGuardFrame *frame = casus_guard_frame_top();
	const QueryDesc *query = frame == NULL ? NULL : frame->query;
	ResultRelInfo *result;
	LockTupleMode mode;
	ItemPointerData tid;

	if (query == NULL || query->estate == NULL || query->planstate == NULL)
		return false;
	result = target_of(query, row->rel, query->estate->es_opened_result_relations);
	if (result == NULL)
		result = target_of(query, row->rel, query->estate->es_tuple_routing_result_relations);
	/* Generated columns, which a key may be made of, are computed after the triggers. */
	if (result == NULL || (RelationGetDescr(row->rel)->constr != NULL &&
						   RelationGetDescr(row->rel)->constr->has_generated_stored))
		return false;
	/* As the server locks it, or two sessions that hold less would wait for each other. */
	mode = casus_rowconflict_updates(query, RelationGetRelid(named_of(result)->ri_RelationDesc)) ?
		ExecUpdateLockMode(query->estate, result) : LockTupleKeyShare;
	while (!casus_compat_check_index_constraints(result, row->slot, query->estate, &tid))
	{
		CHECK_FOR_INTERRUPTS();
		if (keep(row, &tid, mode, label, isnull))
			return true;
	}
	return false;
}
