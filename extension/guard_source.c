/*
 * guard_source.c
 *		From which scans governed rows may come; and could what is written now
 *		be made from governed rows of what runs around it?
 *
 * A function inside a running statement is given its values: what it writes is
 * judged by the statement around it, once that has let governed rows through
 * or has written one.  So it is with a command that works on the rows of a
 * temporary copy.  The row trigger asks here whether a row that it is about to
 * let pass could be made from governed rows that may not come there.
 *
 * Keeps nothing: what runs around what is on the stack of guard_frame.c.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "known.h"
#include "resolve.h"

#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext_data.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/memutils.h"

typedef struct Search
{
	CasusGuardSources *sources;
	EState	   *estate;
	List	   *results;		/* range table indexes of what does not count */
} Search;

/* ANALYZE keeps values of a temporary copy there. */
static bool
is_of_statistics(Oid relid)
{
	return relid == StatisticRelationId || relid == StatisticExtDataRelationId;
}

/* A node that reads rows of a table. */
static void
find_source(Search *search, Index scanrelid)
{
	CasusGuardSources *sources = search->sources;
	Oid			relid = exec_rt_fetch(scanrelid, search->estate)->relid;
	const CasusProtected *prot;
	const CasusCapacity *capacities;

	if (list_member_int(search->results, scanrelid))
		return;
	if (casus_guard_temp_is_copy(relid) ||
		(is_of_statistics(relid) && casus_guard_temp_any()))
		sources->copies = true;
	if (casus_guard_is_plain(relid))
		return;
	if (relid == casus_table_oid(CASUS_ACT_CONTENT) && CASUS_LAYER(content))
		sources->content |= casus_context_all(&capacities) > 0;
	prot = casus_registry_find(relid);
	if (prot == NULL || prot->mode < CASUS_MODE_OBSERVE || !casus_guard_rows_pass(prot))
		return;
	/* Of a family's parts, as of the notes of the log, the whole. */
	if (prot->mode == CASUS_MODE_OBSERVE)
	{
		sources->observed = list_append_unique_oid(sources->observed, prot->family);
		return;
	}
	sources->tables = list_append_unique_oid(sources->tables, prot->family);
	sources->first = prot;
}

static bool
source_walker(PlanState *node, void *context)
{
	if (node == NULL)
		return false;
	if (casus_reads_rows(node))
		find_source((Search *) context, ((Scan *) node->plan)->scanrelid);
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
	return sources->tables != NIL || sources->copies || sources->content;
}

/* ---- what runs around this ---- */

static bool
is_executing(const CasusGuardFrame *frame)
{
	return frame->kind == CASUS_FRAME_RUN || frame->kind == CASUS_FRAME_FINISH;
}

/*
 * Has the statement let governed rows through?  What its parallel workers let
 * through this process does not know, so that there they might have.
 */
static bool
has_passed(CasusGuardFrame *frame)
{
	CasusGuardSources sources;

	if (frame->reads || casus_guard_frame_has_written(frame))
		return true;
	if (!is_executing(frame))
		return false;
	if (casus_accesslog_passed(frame->query, InvalidOid))
		return true;
	if (!frame->query->plannedstmt->parallelModeNeeded && !casus_guard_temp_any())
		return false;
	return casus_guard_source_find(frame->query, &sources, false) &&
		(sources.copies || frame->query->plannedstmt->parallelModeNeeded);
}

/* From this frame outwards. */
static bool
around_has_passed(CasusGuardFrame *frame)
{
	for (; frame != NULL; frame = frame->outer)
	{
		if (has_passed(frame))
			return true;
	}
	return false;
}

/* Could what is written now be made from governed rows of what runs around it? */
bool
casus_guard_source_around(void)
{
	return casus_resolve_runs() || around_has_passed(casus_guard_frame_top());
}

/*
 * The table in mode observe whose rows this or something around it has written,
 * or let through as enforce would; told once for each such statement.
 */
static Oid
observed_around(CasusGuardFrame *frame)
{
	for (; frame != NULL; frame = frame->outer)
	{
		const CasusGuardFacts *facts = casus_guard_frame_facts(frame, false);
		Oid			relid = facts == NULL ? InvalidOid : facts->observed;

		if (!OidIsValid(relid) && is_executing(frame))
			relid = casus_accesslog_observed(frame->query, InvalidOid);
		if (OidIsValid(relid))
			return casus_guard_frame_tells(frame) ? relid : InvalidOid;
	}
	return InvalidOid;
}

Oid
casus_guard_source_observed_around(void)
{
	return observed_around(casus_guard_frame_top());
}

/* Does it fire triggers that have waited, after any statement before? */
static bool
fires_deferred(const CasusGuardFrame *frame)
{
	if (frame->scope == NULL)
		return false;
	return frame->scope->tag == T_ConstraintsSetStmt ||
		frame->scope->tag == T_CallStmt || frame->scope->tag == T_DoStmt;	/* COMMIT inside */
}

/*
 * Triggers that wait for the end of the transaction, or for SET CONSTRAINTS,
 * may be given a row of any statement before.  They are fired inside no
 * statement, but what they run is.
 */
bool
casus_guard_source_deferred(void)
{
	CasusGuardFrame *frame = casus_guard_frame_top();
	int			triggers;

	if (!casus_guard_frame_ever_written())
		return false;
	for (triggers = casus_guard_frame_triggers(); triggers > 0; frame = frame->outer)
	{
		if (frame == NULL)
			return true;
		if (frame->triggers >= triggers)
			continue;
		if (fires_deferred(frame))
			return true;
		triggers = frame->triggers;
	}
	return false;
}

/* ---- rows of protected tables: asked by the row trigger ---- */

/*
 * The row trigger has let a governed row be written: other triggers, now or
 * when the statement finishes, are given it.
 */
void
casus_guard_source_wrote(const CasusProtected *prot)
{
	CasusGuardFrame *frame = casus_guard_frame_top();
	CasusGuardFacts *facts;

	if (frame == NULL)
	{
		if (prot->mode != CASUS_MODE_OBSERVE)
			casus_guard_frame_written();
		return;
	}
	if (prot->mode != CASUS_MODE_OBSERVE)
	{
		casus_guard_frame_wrote(frame);
		return;
	}
	facts = casus_guard_frame_facts(frame, true);
	if (facts != NULL && !OidIsValid(facts->observed))
		facts->observed = prot->relid;
}

/* By triggers, and in one transaction: a procedure is not meant. */
static bool
writes_rows(const CasusGuardFrame *frame)
{
	return is_executing(frame) || (frame->scope != NULL && frame->scope->tag == T_CopyStmt);
}

/*
 * A trigger before the row trigger is given the row as well: what it has written
 * or kept by then is a copy if the row is governed.  Noted for every statement
 * around the trigger, since any may write the row that it was made of.
 */
void
casus_guard_source_beside(const CasusGuardTarget *target, const char *what)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	int			triggers = casus_guard_frame_triggers();

	for (CasusGuardFrame *frame = casus_guard_frame_top(); frame != NULL; frame = frame->outer)
	{
		CasusGuardFacts *facts;

		if (triggers <= frame->triggers || !writes_rows(frame))
			continue;
		facts = casus_guard_frame_facts(frame, true);
		if (target != NULL && target->temporary != NIL)
			facts->temporary = list_concat_unique_oid(facts->temporary, target->temporary);
		if (what == NULL || facts->kept != NULL)
			continue;
		facts->kept = pstrdup(what);
		facts->beside = target == NULL ? InvalidOid : target->relid;
	}
	MemoryContextSwitchTo(old);
}

const CasusGuardFacts *
casus_guard_source_kept(void)
{
	CasusGuardFrame *frame = casus_guard_frame_top();
	const CasusGuardFacts *facts = frame == NULL ? NULL : casus_guard_frame_facts(frame, false);

	return facts == NULL || (facts->kept == NULL && facts->temporary == NIL) ? NULL : facts;
}

static void
judge_frame(CasusGuardFrame *frame)
{
	MemoryContext old;
	CasusGuardSources sources;

	frame->judged = true;
	if (!is_executing(frame))
		return;
	old = MemoryContextSwitchTo(frame->query->estate->es_query_cxt);
	(void) casus_guard_source_find(frame->query, &sources, true);
	frame->tables = sources.tables;
	frame->observed = sources.observed;
	frame->copies = sources.copies || sources.content;
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
		RangeTblEntry *rte = rt_fetch(lfirst_int(lc), query->plannedstmt->rtable);

		if (casus_registry_is_of(rte->relid, relid))
			return true;
	}
	return false;
}

/*
 * Could the row that is written now have been made from governed rows that may
 * not come here?  Outside the protocol (file 0): when any have passed, in the
 * statement or in a function or trigger inside it. Of a table whose rows are
 * changed as well it is not known which of them passed.
 */
static bool
is_derived_outside(CasusGuardFrame *frame)
{
	const CasusGuardFacts *facts = casus_guard_frame_facts(frame, false);
	ListCell   *lc;

	if (frame->copies || (facts != NULL && facts->inside) || around_has_passed(frame->outer))
		return true;
	foreach(lc, frame->tables)
	{
		if (changes_rows_of(frame->query, lfirst_oid(lc)) ||
			casus_accesslog_passed(frame->query, lfirst_oid(lc)))
			return true;
	}
	return false;
}

/*
 * In another file: who reads in several at once takes nothing from one to the
 * other by a plan. What a function has read, as a trigger of an application that
 * looks at the parent of its row, is not known by file.
 */
static Oid
source_of_another(List *tables, int32 file)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));

		for (int i = 0; prot != NULL && i < prot->nfiles; i++)
		{
			if (prot->files[i] != file && casus_context_reads_file(prot->files[i]))
				return prot->relid;
		}
	}
	return InvalidOid;
}

bool
casus_guard_source_row(const CasusProtected *prot, int32 file)
{
	CasusGuardFrame *frame = casus_guard_frame_top();

	if (frame == NULL)
		return false;
	if (!frame->judged)
		judge_frame(frame);
	if (file != 0)
		return OidIsValid(source_of_another(frame->tables, file));
	if (is_derived_outside(frame))
		return true;
	if (prot->mode == CASUS_MODE_ENFORCE)
		frame->outside = true;
	else
		frame->observes = true;
	return false;
}

/* Of rows that are observed: the table, told once for each statement. */
Oid
casus_guard_source_row_observed(int32 file)
{
	CasusGuardFrame *frame = casus_guard_frame_top();
	const CasusGuardFacts *facts;
	Oid			relid;
	ListCell   *lc;

	if (frame == NULL)
		return InvalidOid;
	facts = casus_guard_frame_facts(frame, false);
	relid = file != 0 ? source_of_another(frame->observed, file) :
		facts == NULL ? InvalidOid : facts->observed_inside;
	foreach(lc, file != 0 ? NIL : frame->observed)
	{
		if (changes_rows_of(frame->query, lfirst_oid(lc)) ||
			OidIsValid(casus_accesslog_observed(frame->query, lfirst_oid(lc))))
			relid = lfirst_oid(lc);
	}
	if (OidIsValid(relid))
		return casus_guard_frame_tells(frame) ? relid : InvalidOid;
	return file == 0 ? observed_around(frame->outer) : InvalidOid;
}
