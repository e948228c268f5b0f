/*
 * guard_source.c
 *		From which scans governed rows may come, and the statements that run
 *		now: what is written inside them may be made from their rows.
 *
 * A function inside a running statement is given its values: what it writes is
 * judged by the statement around it, once that has let governed rows through
 * or has written one.  The row trigger asks here whether a row that it is about
 * to let pass could be made from governed rows that may not come there.
 *
 * Private to the backend: the statements that run now, on the C stack of the
 * executor hooks; which of them have written governed rows, in the memory of
 * their executor state; and whether the transaction has, or one just undone.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/xact.h"
#include "lib/ilist.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"

typedef struct Search
{
	CasusGuardSources *sources;
	EState	   *estate;
	List	   *results;		/* range table indexes of what does not count */
} Search;

/* A statement that has written governed rows; in the memory of its executor state. */
typedef struct Wrote
{
	dlist_node	node;
	QueryDesc  *query;
	Oid			observed;		/* of this table in mode observe; 0: one that is bound */
	bool		told;			/* of a copy that enforce would refuse */
	MemoryContextCallback callback;
} Wrote;

static CasusGuardLevel *levels = NULL;	/* innermost first */
static dlist_head wrote = DLIST_STATIC_INIT(wrote);
static bool written = false;	/* a governed row, in this transaction */
static TimestampTz undone = 0;	/* start of the client's command that last undid one that had */

static bool
source_walker(PlanState *node, void *context)
{
	Search	   *search = (Search *) context;
	CasusGuardSources *sources = search->sources;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_IndexOnlyScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
			{
				Index		scanrelid = ((Scan *) node->plan)->scanrelid;
				Oid			relid = exec_rt_fetch(scanrelid, search->estate)->relid;
				const CasusProtected *prot;

				if (list_member_int(search->results, scanrelid))
					break;
				if (casus_guard_temp_is_copy(relid))
					sources->copies = true;
				if (casus_guard_is_plain(relid))
					break;
				prot = casus_registry_find(relid);
				if (prot == NULL || prot->mode < CASUS_MODE_OBSERVE ||
					!casus_guard_rows_pass(prot))
					break;
				if (prot->mode == CASUS_MODE_OBSERVE)
				{
					sources->observed = relid;
					break;
				}
				sources->tables = list_append_unique_oid(sources->tables, relid);
				sources->first = prot;
				break;
			}
		default:
			break;
	}
	return planstate_tree_walker(node, source_walker, context);
}

/*
 * Are there any? With others = true without the rows that the statement itself
 * changes, which stay where they are (though RETURNING may take them along).
 */
bool
casus_guard_source_find(QueryDesc *query, CasusGuardSources *sources, bool others)
{
	Search		search = {sources, query->estate, NIL};

	memset(sources, 0, sizeof(CasusGuardSources));
	if (query->planstate == NULL)
		return false;
	if (others)
		search.results = query->plannedstmt->resultRelations;
	(void) source_walker(query->planstate, &search);
	return sources->tables != NIL || sources->copies;
}

/* ---- statements that run around this one ---- */

void
casus_guard_source_enter(CasusGuardLevel *level, QueryDesc *query)
{
	level->query = query;
	level->outer = levels;
	levels = level;
}

/* Also after an error: what was inside is gone with it. */
void
casus_guard_source_leave(CasusGuardLevel *level)
{
	levels = level->outer;
}

static void
forget_wrote(void *arg)
{
	dlist_delete(&((Wrote *) arg)->node);
}

/* What the statement has written: bound, or (is_observed) in mode observe; or NULL. */
static Wrote *
find_wrote(QueryDesc *query, bool is_observed)
{
	dlist_iter	iter;

	dlist_foreach(iter, &wrote)
	{
		Wrote	   *entry = dlist_container(Wrote, node, iter.cur);

		if (entry->query == query && OidIsValid(entry->observed) == is_observed)
			return entry;
	}
	return NULL;
}

static void
remember_wrote(CasusGuardLevel *level, Oid observed)
{
	MemoryContext context = level->query->estate->es_query_cxt;
	Wrote	   *entry = MemoryContextAllocZero(context, sizeof(Wrote));

	entry->query = level->query;
	entry->observed = observed;
	dlist_push_head(&wrote, &entry->node);
	entry->callback.func = forget_wrote;
	entry->callback.arg = entry;
	MemoryContextRegisterResetCallback(context, &entry->callback);
}

/* Governed values are in what the statement writes: its triggers are given them. */
void
casus_guard_source_wrote_by(CasusGuardLevel *level)
{
	written = true;
	if (level->wrote)
		return;
	level->wrote = true;
	remember_wrote(level, InvalidOid);
}

/*
 * The row trigger has let a governed row be written: other triggers, now or
 * when the statement finishes, are given it.
 */
void
casus_guard_source_wrote(const CasusProtected *prot)
{
	CasusGuardScope *scope = casus_guard_scope();

	if (prot->mode == CASUS_MODE_OBSERVE)
	{
		if (levels != NULL && find_wrote(levels->query, true) == NULL)
			remember_wrote(levels, prot->relid);
		return;
	}
	written = true;
	if (scope != NULL && scope->copying)
		scope->wrote = true;
	if (levels != NULL)
		casus_guard_source_wrote_by(levels);
}

/* A temporary table holds copies: triggers that wait are given its rows. */
void
casus_guard_source_written(void)
{
	written = true;
}

CasusGuardLevel *
casus_guard_source_levels(void)
{
	return levels;
}

bool
casus_guard_source_has_written(CasusGuardLevel *level)
{
	return level->wrote || find_wrote(level->query, false) != NULL;
}

bool
casus_guard_source_ever(void)
{
	return written;
}

/* COMMIT in a procedure reports its error when the transaction is gone. */
bool
casus_guard_source_lately(void)
{
	return written || (undone != 0 && undone == GetCurrentStatementStartTimestamp());
}

/*
 * Has the statement let governed rows through?  What its parallel workers let
 * through this process does not know, so that there they might have.
 */
static bool
has_passed(CasusGuardLevel *level)
{
	CasusGuardSources sources;

	if (casus_guard_source_has_written(level) ||
		casus_accesslog_passed(level->query, InvalidOid))
		return true;
	if (!level->query->plannedstmt->parallelModeNeeded && !casus_guard_temp_any())
		return false;
	return casus_guard_source_find(level->query, &sources, false) &&
		(sources.copies || level->query->plannedstmt->parallelModeNeeded);
}

/* From this level outwards. */
static bool
around_has_passed(CasusGuardLevel *level)
{
	CasusGuardScope *scope = casus_guard_scope();

	if (scope != NULL && scope->wrote)
		return true;
	for (; level != NULL; level = level->outer)
	{
		if (has_passed(level))
			return true;
	}
	return false;
}

/* Could what is written now be made from governed rows of a statement around it? */
bool
casus_guard_source_around(void)
{
	return around_has_passed(levels);
}

/*
 * The table in mode observe whose rows a statement around this one has written,
 * or let through as enforce would; told once for each such statement.
 */
Oid
casus_guard_source_observed_around(void)
{
	for (CasusGuardLevel *level = levels; level != NULL; level = level->outer)
	{
		Wrote	   *entry = find_wrote(level->query, true);
		Oid			relid = entry != NULL ? entry->observed :
			casus_accesslog_observed(level->query);
		bool	   *told = entry != NULL ? &entry->told : &level->told;

		if (!OidIsValid(relid))
			continue;
		if (*told)
			return InvalidOid;
		*told = true;
		return relid;
	}
	return InvalidOid;
}

/*
 * Triggers that wait for the end of the transaction, or for SET CONSTRAINTS,
 * run inside no statement, and may be given a row of any before.
 */
bool
casus_guard_source_deferred(void)
{
	CasusGuardScope *scope = casus_guard_scope();

	return written && levels == NULL &&
		(ActivePortal == NULL || (scope != NULL && scope->tag == T_ConstraintsSetStmt));
}

bool
casus_guard_source_nested(void)
{
	return levels != NULL;
}

/* ---- rows of protected tables: asked by the row trigger ---- */

static void
judge_level(CasusGuardLevel *level)
{
	MemoryContext old = MemoryContextSwitchTo(level->query->estate->es_query_cxt);
	CasusGuardSources sources;

	(void) casus_guard_source_find(level->query, &sources, true);
	level->tables = sources.tables;
	level->copies = sources.copies;
	level->judged = true;
	MemoryContextSwitchTo(old);
}

static bool
changes_rows_of(QueryDesc *query, Oid relid)
{
	ListCell   *lc;

	if (query->plannedstmt->commandType == CMD_INSERT && !query->plannedstmt->hasModifyingCTE)
		return false;
	foreach(lc, query->plannedstmt->resultRelations)
	{
		if (rt_fetch(lfirst_int(lc), query->plannedstmt->rtable)->relid == relid)
			return true;
	}
	return false;
}

/*
 * Could the row that is written now have been made from governed rows that may
 * not come here?  Outside the protocol (file 0): when any have passed. Of a
 * table whose rows are changed as well it is not known which of them passed.
 */
static bool
is_derived_outside(CasusGuardLevel *level)
{
	ListCell   *lc;

	if (level->copies || around_has_passed(level->outer))
		return true;
	foreach(lc, level->tables)
	{
		if (changes_rows_of(level->query, lfirst_oid(lc)) ||
			casus_accesslog_passed(level->query, lfirst_oid(lc)))
			return true;
	}
	return false;
}

/* In another file: who reads in several at once takes nothing from one to the other. */
static bool
is_derived_across(CasusGuardLevel *level, int32 file)
{
	ListCell   *lc;

	foreach(lc, level->tables)
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));

		for (int i = 0; prot != NULL && i < prot->nfiles; i++)
		{
			if (prot->files[i] != file && casus_context_reads_file(prot->files[i]))
				return true;
		}
	}
	return false;
}

bool
casus_guard_source_row(int32 file)
{
	CasusGuardLevel *level = levels;

	if (level == NULL)
		return false;
	if (!level->judged)
		judge_level(level);
	if (level->tables == NIL && !level->copies && level->outer == NULL)
		return false;
	return file == 0 ? is_derived_outside(level) : is_derived_across(level, file);
}

static void
forget_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
			if (written)
				undone = GetCurrentStatementStartTimestamp();
			written = false;
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			written = false;
			break;
		default:
			break;
	}
}

void
casus_guard_source_init(void)
{
	RegisterXactCallback(forget_transaction, NULL);
}
