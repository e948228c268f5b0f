/*
 * logstatement.c
 *		The statements that read protected relations now, from executor start
 *		to end: their notes, and what an open cursor may still return.
 *
 * A statement lives in the memory of its executor state, or in a place that is
 * there for one at a time: that memory is filled so that what a small plan
 * needs fits into its first block.  A callback on it takes the statement off
 * the list however it ends, and keeps what it has not written.  The list is
 * private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "known.h"
#include "layers.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

typedef struct Place
{
	LogStatement statement;
	char		scan[CASUS_LOGSCAN_ROOM] pg_attribute_aligned(MAXIMUM_ALIGNOF);
	/* Of the one that is there for one at a time. */
	char		notes[CASUS_LOGNOTE_ROOM] pg_attribute_aligned(MAXIMUM_ALIGNOF);
} Place;

static dlist_head statements = DLIST_STATIC_INIT(statements);
static Place first;
static bool first_taken = false;

/* Keeps what is not written yet, and lets go of the statement's memory. */
static void
retire(LogStatement *statement)
{
	casus_logscan_drop(statement);
	for (LogRelation *relation = statement->relations; relation; relation = relation->next)
		casus_logline_put(relation->notes, statement->rest, true, statement->query_id);
	dlist_delete(&statement->node);
}

static void
retire_callback(void *arg)
{
	LogStatement *statement = (LogStatement *) arg;

	if (statement->query != NULL)
		retire(statement);
	if (statement == &first.statement)
		first_taken = false;
}

/* On the list, until the memory of the executor state goes. */
static LogStatement *
make_statement(QueryDesc *query)
{
	bool		nested = first_taken;
	Place	   *place = nested ? palloc(offsetof(Place, notes)) : &first;
	LogStatement *statement = &place->statement;

	memset(place, 0, offsetof(Place, notes));
	first_taken = true;
	statement->room = place->scan;
	if (!nested)
		statement->notes_room = place->notes;
	statement->context = CurrentMemoryContext;
	statement->query = query;
	dlist_push_head(&statements, &statement->node);
	statement->callback.func = retire_callback;
	statement->callback.arg = statement;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &statement->callback);
	return statement;
}

/*
 * The plan by which a row that was changed meanwhile is judged again: NULL where
 * there is none.  Only READ COMMITTED does that.
 */
static EPQState *
recheck_of(PlanState *node)
{
	EPQState   *epq = NULL;

	if (IsA(node, LockRowsState))
		epq = &((LockRowsState *) node)->lr_epqstate;
	else if (IsA(node, ModifyTableState) &&
			 ((ModifyTableState *) node)->operation != CMD_INSERT)
		epq = &((ModifyTableState *) node)->mt_epqstate;
	return epq == NULL || epq->plan == NULL || IsolationUsesXactSnapshot() ? NULL : epq;
}

/*
 * ON CONFLICT DO UPDATE reads the row that it meets, which no scan brings: the
 * guard has it ask for each; see casus_logstatement_meets().
 */
static bool
may_meet(PlanState *node)
{
	const CasusProtected *table;
	ResultRelInfo *target;

	if (!IsA(node, ModifyTableState) ||
		((ModifyTable *) node->plan)->onConflictAction != ONCONFLICT_UPDATE)
		return false;
	target = ((ModifyTableState *) node)->rootResultRelInfo;
	table = casus_registry_find(RelationGetRelid(target->ri_RelationDesc));
	return table != NULL && table->mode >= CASUS_MODE_OBSERVE;
}

static void
watch_scan(LogStatement *statement, ScanState *scan, const CasusProtected *table, bool filtered)
{
	casus_logscan_watch(statement, scan, table, filtered);
	if (!OidIsValid(statement->family))
		statement->family = table->family;
	else if (statement->family != table->family)
		statement->several = true;
}

/* Watches the scans of protected relations; statement->watched says whether there are any. */
static bool
watch_walker(PlanState *node, void *context)
{
	LogStatement *statement = (LogStatement *) context;
	EPQState   *recheck;
	const CasusProtected *table = NULL;
	ScanState  *scan;
	bool		filtered;

	if (node == NULL)
		return false;
	if (casus_reads_rows(node))
	{
		scan = (ScanState *) node;
		if (scan->ss_currentRelation)
			table = casus_registry_find(RelationGetRelid(scan->ss_currentRelation));
		filtered = table != NULL && casus_logqual_has_policy(node->plan, table);

		/*
		 * Without the policy in it only an observed table is watched;
		 * elsewhere the guard has let pass what returns no rows to anyone
		 * (referential integrity, casus' own statements).
		 */
		if (table && (filtered || (table->mode == CASUS_MODE_OBSERVE && !InNoForceRLSOperation())))
			watch_scan(statement, scan, table, filtered);
	}
	else if (may_meet(node))
		statement->watched = true;
	(void) planstate_tree_walker(node, watch_walker, context);
	recheck = recheck_of(node);
	if (recheck != NULL && statement->watched)
		casus_logrecheck_watch(statement, recheck, watch_walker);
	return false;
}

/* The same for a point read, which has one scan and lacks its condition. */
static void
watch_point(LogStatement *statement, PlanState *node)
{
	ScanState  *scan = (ScanState *) (IsA(node, LimitState) ? outerPlanState(node) : node);
	const CasusProtected *table = casus_registry_find(RelationGetRelid(scan->ss_currentRelation));

	if (table == NULL || !IsA(scan, IndexScanState))
		elog(ERROR, "casus has lost the table of a scan");
	watch_scan(statement, scan, table, true);
}

static void
note_start(LogStatement *statement, QueryDesc *query)
{
	statement->query_id = query->plannedstmt->queryId;
	/* casus_policy_begin() has just looked for a change of role. */
	statement->context_generation = casus_context_count;
	statement->state_generation = casus_catalog_generation;
	statement->looked_at = GetCurrentStatementStartTimestamp();
}

/*
 * Watches the statement's scans of protected relations; false when it has
 * none.  rest outlives every statement and takes what one leaves unwritten.
 * open_gate is called before the first governed row goes anywhere.
 */
bool
casus_logstatement_start(QueryDesc *query, const char *kind, bool is_point,
						 StringInfo rest, void (*open_gate) (void))
{
	MemoryContext old = MemoryContextSwitchTo(query->estate->es_query_cxt);
	LogStatement *statement = make_statement(query);

	statement->kind = kind;
	statement->open_gate = open_gate;
	statement->rest = rest;
	if (is_point)
		watch_point(statement, query->planstate);
	else
		(void) watch_walker(query->planstate, statement);
	MemoryContextSwitchTo(old);
	if (!statement->watched)
	{
		dlist_delete(&statement->node);
		statement->query = NULL;
		return false;
	}
	note_start(statement, query);
	return true;
}

static LogStatement *
find_statement(QueryDesc *query)
{
	dlist_iter	iter;

	dlist_foreach(iter, &statements)
	{
		LogStatement *statement = dlist_container(LogStatement, node, iter.cur);

		if (statement->query == query)
			return statement;
	}
	return NULL;
}

/*
 * The statement in which content of acts passes.  One that reads no protected
 * table is put on the list when the first does; the memory that it lives in takes
 * it off.
 */
LogStatement *
casus_logstatement_content(QueryDesc *query, const char *kind, StringInfo rest,
						   void (*open_gate) (void))
{
	LogStatement *statement = find_statement(query);
	MemoryContext old;

	if (statement != NULL)
		return statement;
	old = MemoryContextSwitchTo(query->estate->es_query_cxt);
	statement = make_statement(query);
	MemoryContextSwitchTo(old);
	statement->kind = kind;
	statement->open_gate = open_gate;
	statement->rest = rest;
	note_start(statement, query);
	return statement;
}

/* Of its content of this file, in the present capacity. */
static LogRelation *
content_of(LogStatement *statement, int32 file)
{
	CasusProtected content = {0};
	LogRelation *relation;
	MemoryContext old;

	for (relation = statement->relations; relation; relation = relation->next)
		if (relation->file == file && relation->context_generation == casus_context_count)
			return relation;
	casus_logscan_passing(statement->query, NULL);
	casus_context_require_same();
	content.relid = content.family = casus_table_oid(CASUS_ACT_CONTENT);
	content.nfiles = 1;
	content.files = &file;
	old = MemoryContextSwitchTo(statement->context);
	statement->open_gate();
	relation = casus_lognote_relation(statement, &content);
	relation->file = file;
	relation->context_generation = casus_context_count;
	MemoryContextSwitchTo(old);
	return relation;
}

/* What is written of an act passes; motivation and details count once. */
void
casus_logstatement_act(LogStatement *statement, int32 file, int64 dossier, int64 act)
{
	LogRelation *relation = content_of(statement, file);

	if (relation->last_act == act)
		return;
	(void) casus_lognote_add(relation->notes, dossier, false, false);
	relation->last_act = act;
}

/*
 * Before each run.  An open cursor or suspended portal may come back after
 * the session became somebody else, or after a dossier whose rows it already
 * returned was narrowed; either way the rest of it must not follow.
 */
void
casus_logstatement_run(QueryDesc *query)
{
	LogStatement *statement = find_statement(query);
	LogRelation *relation;
	bool		returned = false;
	uint64		state = casus_state_generation();
	TimestampTz now;

	if (unlikely(query->plannedstmt->parallelModeNeeded) && casus_preloaded && !IsParallelWorker())
		*casus_context_passed() = false;
	if (statement == NULL || !CASUS_LAYER(cursor))
		return;
	/* casus_policy_begin() has just looked for a change of role. */
	if (statement->context_generation != casus_context_count)
		casus_check_refuse(casus_check_protocol(NULL, 0), "context_changed",
						   _("the context has changed since this statement began"),
						   _("what a cursor reads is read in the capacity in which it was opened"),
						   _("Close the cursor and open it again."));

	/* In its first run it has returned nothing yet. */
	for (relation = statement->relations; relation; relation = relation->next)
		returned |= !casus_lognote_none(relation->notes);
	if (!returned)
		return;

	/* The clock narrows too, so an unchanged state is not enough for long. */
	now = GetCurrentTimestamp();
	if (statement->state_generation == state &&
		now - statement->looked_at < USECS_PER_SEC)
		return;
	for (relation = statement->relations; relation; relation = relation->next)
	{
		if (casus_lognote_narrowed(relation->notes))
			casus_check_refuse(casus_check_protocol(NULL, 0), "context_changed",
							   _("what may be read has been narrowed since this statement began"),
							   _("a dossier of which rows were already returned may now be read less far"),
							   _("Close the cursor and open it again."));
	}
	/* As it was before: a change that arrived meanwhile is looked at in the next run. */
	statement->state_generation = state;
	statement->looked_at = now;
}

/* ---- nothing has passed ---- */

static bool
has_passed(const LogStatement *statement, Oid family)
{
	for (LogRelation *relation = statement->relations; relation; relation = relation->next)
	{
		if (relation->relid == family && !casus_lognote_none(relation->notes))
			return true;
	}
	return false;
}

/* Anything, in a capacity or by an opening? */
static bool
may_read(void)
{
	const CasusCapacity *capacities;
	const CasusOpening *openings;

	return casus_context_all(&capacities) > 0 || casus_context_openings(&openings) > 0;
}

/* On record, in each capacity in which something of it could have passed. */
static void
note_empty(LogStatement *statement, Oid family)
{
	const CasusProtected *table = casus_registry_find(family);
	MemoryContext old;
	StringInfoData line;

	if (list_member_oid(statement->empty, family))
		return;
	initStringInfo(&line);
	for (int i = 0; table != NULL && i < table->nfiles; i++)
	{
		int32		file = table->files[i];

		if (!casus_context_reads_file(file))
			continue;
		casus_sink_ready();
		statement->open_gate();
		/* A look-up may fail, or send a message: what is pending is of whole lines. */
		resetStringInfo(&line);
		casus_logrecord_open(&line, "empty");
		appendStringInfoString(&line, casus_logrecord_identity());
		appendStringInfoString(&line,
							   casus_logrecord_capacity(file, casus_context_for_file(file)));
		appendStringInfoString(&line, casus_logrecord_relation(family));
		if (statement->query_id != 0)
			casus_logrecord_number(&line, "query_id", (int64) statement->query_id);
		casus_logrecord_close(&line);
		appendBinaryStringInfo(statement->rest, line.data, line.len);
	}
	pfree(line.data);
	old = MemoryContextSwitchTo(statement->context);
	statement->empty = lappend_oid(statement->empty, family);
	MemoryContextSwitchTo(old);
}

static bool
empty_walker(PlanState *node, void *context)
{
	LogStatement *statement = (LogStatement *) context;
	const CasusProtected *table = NULL;

	if (node == NULL)
		return false;
	if (casus_reads_rows(node) && ((ScanState *) node)->ss_currentRelation)
		table = casus_registry_find(RelationGetRelid(((ScanState *) node)->ss_currentRelation));
	if (table != NULL && !has_passed(statement, table->family) &&
		(table->mode == CASUS_MODE_OBSERVE || casus_logqual_has_policy(node->plan, table)))
		note_empty(statement, table->family);
	return planstate_tree_walker(node, empty_walker, context);
}

/*
 * A run has come to its end, or to as many rows as were asked for: a count is an
 * answer, too.  What was sought for a purpose and not found so far is on record as
 * well, before the answer leaves.  Where workers took part it counts for
 * all tables of the statement when something has passed in one of them.
 */
void
casus_logstatement_ran(QueryDesc *query)
{
	LogStatement *statement = find_statement(query);

	if (statement == NULL || !OidIsValid(statement->family) || !CASUS_LAYER(log) ||
		(!statement->several && has_passed(statement, statement->family)) || !may_read() ||
		(query->plannedstmt->parallelModeNeeded && *casus_context_passed()))
		return;
	if (statement->several)
		(void) empty_walker(query->planstate, statement);
	else
		note_empty(statement, statement->family);
}

void
casus_logstatement_end(QueryDesc *query)
{
	LogStatement *statement = find_statement(query);

	if (statement == NULL)
		return;
	retire(statement);
	statement->query = NULL;
}

/* Under observe all may: what enforce would hide is on record as such. raw NULL: no label. */
static void
meets_observed(LogStatement *statement, const CasusProtected *table, const pg_uuid_t *raw)
{
	CasusLabel	label;
	CasusLabelKind kind = raw == NULL ? CASUS_LABEL_BROKEN : casus_label_unpack(raw, &label);
	NoteSet    *notes;

	if (kind == CASUS_LABEL_OUTSIDE ||
		(kind == CASUS_LABEL_PENDING && casus_label_is_own_pending(raw)))
		return;
	notes = casus_logscan_notes(statement, table);
	if (kind != CASUS_LABEL_GOVERNED)
		casus_lognote_refused(notes, NULL);
	else if (!casus_policy_permits(raw))
		casus_lognote_refused(notes, &label);
	else
	{
		if (!statement->met)
			casus_logscan_passing(statement->query, table);
		statement->met = true;
		(void) casus_lognote_add(notes, label.dossier, false, false);
	}
}

/* May the row that ON CONFLICT DO UPDATE meets be seen? Then it is on record from here on. */
bool
casus_logstatement_meets(QueryDesc *query, const CasusProtected *table, const pg_uuid_t *raw)
{
	LogStatement *statement = find_statement(query);
	CasusLabel	label;
	NoteSet    *notes;
	int64	   *others;
	int			n = 0;

	if (table->mode != CASUS_MODE_ENFORCE)
	{
		if (statement != NULL)
			meets_observed(statement, table, raw);
		return true;
	}
	if (raw == NULL || !casus_policy_permits(raw))
		return false;
	if (statement == NULL || casus_label_unpack(raw, &label) != CASUS_LABEL_GOVERNED)
		return true;

	if (!statement->met)
	{
		casus_logscan_passing(query, NULL);
		casus_context_require_same();
	}
	statement->met = true;
	notes = casus_logscan_notes(statement, table);
	(void) casus_lognote_add(notes, label.dossier, false, false);
	if (label.linked)
		n = casus_dossier_linked(label.dossier, label.item, &others);
	for (int i = 0; i < n; i++)
		(void) casus_lognote_add(notes, others[i], false, false);
	return true;
}

/* Of an observed table nothing is held back, so that what passed there binds nobody. */
bool
casus_logstatement_passed(QueryDesc *query, Oid relid)
{
	LogStatement *statement = find_statement(query);

	if (statement == NULL)
		return false;
	for (LogRelation *relation = statement->relations; relation; relation = relation->next)
	{
		const CasusProtected *table;

		if ((OidIsValid(relid) && relation->relid != relid) ||
			casus_lognote_none(relation->notes))
			continue;
		if (relation->file != 0)
			return true;
		table = casus_registry_find(relation->relid);
		if (table != NULL && table->mode == CASUS_MODE_ENFORCE)
			return true;
	}
	return false;
}

/*
 * An observed table, or this one, of which rows passed that enforce would let
 * pass; InvalidOid: none.
 */
Oid
casus_logstatement_observed(QueryDesc *query, Oid relid)
{
	LogStatement *statement = find_statement(query);
	LogRelation *relation = statement == NULL ? NULL : statement->relations;

	for (; relation; relation = relation->next)
	{
		const CasusProtected *table = casus_registry_find(relation->relid);

		if ((!OidIsValid(relid) || relation->relid == relid) &&
			table != NULL && table->mode == CASUS_MODE_OBSERVE &&
			!casus_lognote_none_permitted(relation->notes))
			return relation->relid;
	}
	return InvalidOid;
}

/* Is there anything unwritten: at all, or that must precede rows? */
bool
casus_logstatement_waiting(bool all)
{
	dlist_iter	iter;

	dlist_foreach(iter, &statements)
	{
		LogStatement *statement = dlist_container(LogStatement, node, iter.cur);

		for (LogRelation *relation = statement->relations; relation; relation = relation->next)
			if (all ? casus_lognote_dirty(relation->notes) : casus_lognote_fresh(relation->notes))
				return true;
	}
	return false;
}

/* Appends the records of what is unwritten; reads no catalog. */
void
casus_logstatement_format(StringInfo lines, bool all)
{
	dlist_iter	iter;

	dlist_foreach(iter, &statements)
	{
		LogStatement *statement = dlist_container(LogStatement, node, iter.cur);

		for (LogRelation *relation = statement->relations; relation; relation = relation->next)
			casus_logline_put(relation->notes, lines, all, statement->query_id);
	}
}
