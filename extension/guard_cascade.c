/*
 * guard_cascade.c
 *		What a foreign key writes by itself: it is judged before triggers of
 *		users see the row; and does it carry a value from table to table?
 *
 * Nothing is kept.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "relation.h"
#include "utils/rel.h"

static bool
has_user_trigger(const TriggerDesc *desc)
{
	for (int i = 0; i < desc->numtriggers; i++)
	{
		const Trigger *trigger = &desc->triggers[i];

		if (!trigger->tgisinternal && TRIGGER_FOR_ROW(trigger->tgtype) &&
			TRIGGER_FOR_BEFORE(trigger->tgtype) &&
			strcmp(trigger->tgname, CASUS_TRIGGER_NAME) != 0)
			return true;
	}
	return false;
}

/*
 * Runs the trigger of casus first, and once more at its place: what user
 * triggers make of the row is judged too.  The trigger descriptor is the
 * statement's own copy.
 */
static void
judge_first(ResultRelInfo *result)
{
	TriggerDesc *desc = result->ri_TrigDesc;
	int			n = desc->numtriggers;
	Trigger    *triggers = palloc((n + 1) * sizeof(Trigger));
	int			ours = 0;

	while (ours < n && strcmp(desc->triggers[ours].tgname, CASUS_TRIGGER_NAME) != 0)
		ours++;
	if (ours == n)
		elog(ERROR, "casus misses its trigger on a protected table");
	triggers[0] = desc->triggers[ours];
	memcpy(triggers + 1, desc->triggers, n * sizeof(Trigger));
	desc->triggers = triggers;
	desc->numtriggers = n + 1;
	result->ri_TrigFunctions = palloc0((n + 1) * sizeof(FmgrInfo));
	result->ri_TrigWhenExprs = palloc0((n + 1) * sizeof(ExprState *));
	if (result->ri_TrigInstrument != NULL)
		result->ri_TrigInstrument = InstrAlloc(n + 1, result->ri_TrigInstrument->need_timer ?
											   INSTRUMENT_TIMER : INSTRUMENT_ROWS, false);
}

/* After executor start of a statement that keeps a foreign key. */
void
casus_guard_cascade_judge(QueryDesc *query)
{
	MemoryContext old;
	ListCell   *lc;

	if (!CASUS_LAYER(cascade) || query->plannedstmt->commandType == CMD_SELECT ||
		!InNoForceRLSOperation() || query->estate == NULL)
		return;
	old = MemoryContextSwitchTo(query->estate->es_query_cxt);
	foreach(lc, query->estate->es_opened_result_relations)
	{
		ResultRelInfo *result = lfirst(lc);

		if (result->ri_TrigDesc != NULL && has_user_trigger(result->ri_TrigDesc) &&
			casus_guard_closed(casus_registry_find(RelationGetRelid(result->ri_RelationDesc))))
			judge_first(result);
	}
	MemoryContextSwitchTo(old);
}

static void
compared_columns(Plan *plan, Bitmapset **columns)
{
	Index		scanrelid;

	if (IsA(plan, Append))
		plan = linitial(((Append *) plan)->appendplans);
	scanrelid = ((Scan *) plan)->scanrelid;
	pull_varattnos((Node *) plan->qual, scanrelid, columns);
	if (IsA(plan, IndexScan))
		pull_varattnos((Node *) ((IndexScan *) plan)->indexqualorig, scanrelid, columns);
	if (IsA(plan, BitmapHeapScan))
		pull_varattnos((Node *) ((BitmapHeapScan *) plan)->bitmapqualorig, scanrelid, columns);
}

/*
 * Of a statement that keeps a foreign key: does it set a new key, and not empty
 * it?  Then it is given more values than it compares.
 */
bool
casus_guard_cascade_carries(const QueryDesc *query)
{
	const PlannedStmt *plan = query->plannedstmt;
	Bitmapset  *columns = NULL;

	if (plan->commandType != CMD_UPDATE || query->params == NULL ||
		IsA(plan->planTree->lefttree, Result))
		return false;
	compared_columns(plan->planTree->lefttree, &columns);
	return query->params->numParams > bms_num_members(columns);
}
