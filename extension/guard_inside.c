/*
 * guard_inside.c
 *		Governed rows that pass in a statement inside one that writes: a function
 *		that reads them hands their values to whatever calls it.
 *
 * When the first governed row of a scan passes, the statements and commands
 * around it are asked where they put what they are given.  A permanent place
 * that nothing protects is refused; a temporary table holds a copy from then on.
 * Rows that are observed leave a record of what would be refused, and no more.
 *
 * A function that is declared IMMUTABLE is called while a plan is made, and
 * what it returned stays in the plan, which may be kept for another capacity or
 * another login: there no governed row passes at all.
 *
 * Keeps nothing: what runs around what is on the stack of guard_frame.c.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "guard.h"

#include "access/parallel.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "relation.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* frame NULL: no statement that could have told already */
static void
refuse(CasusGuardFrame *frame, const CasusGuardSources *sources, const char *what,
	   const char *hint)
{
	if (sources->observed == NIL)
		casus_guard_derive_refuse(sources, what, hint);
	else if (frame == NULL || casus_guard_frame_tells(frame))
		casus_guard_derive_observe(linitial_oid(sources->observed), what);
}

/* ---- while a plan is made ---- */

/* A function is about to be called; the planner calls one at a time. */
void
casus_guard_inside_function(Oid function)
{
	CasusGuardFrame *frame = casus_guard_frame_top();

	if (frame != NULL && frame->kind == CASUS_FRAME_PLAN)
		frame->function = function;
}

/* STABLE functions are called for an estimate, which keeps no value. */
static void
check_planning(const CasusGuardSources *sources)
{
	for (CasusGuardFrame *plan = casus_guard_frame_top(); plan != NULL; plan = plan->outer)
	{
		if (plan->kind != CASUS_FRAME_PLAN || !OidIsValid(plan->function) ||
			func_volatile(plan->function) != PROVOLATILE_IMMUTABLE)
			continue;
		refuse(NULL, sources,
			   psprintf(_("Function %s is called while a plan is made, which would keep its result."),
						get_func_name(plan->function)),
			   _("The function reads tables, so it is not IMMUTABLE: declare it STABLE."));
	}
}

/* ---- where to ---- */

/*
 * Governed rows pass inside of what writes rows of protected tables: into a row
 * outside the protocol it may put nothing any more, which the row trigger asks.
 * Columns that are generated are made after it.
 */
static void
note_inside(CasusGuardFrame *frame, const CasusGuardSources *sources)
{
	const char *what = _("governed rows would be written into a row outside the protocol");

	if (frame->outside || (frame->observes && sources->observed != NIL))
		refuse(frame, sources, what, _("Let nothing inside the statement read governed rows."));
	else if (frame->observes && casus_guard_frame_tells(frame))
		casus_guard_derive_observe(InvalidOid, what);
	if (sources->observed != NIL)
		casus_guard_frame_facts(frame, true)->observed_inside = linitial_oid(sources->observed);
	else
		casus_guard_frame_facts(frame, true)->inside = true;
}

/* What it makes is a copy from now on; of observed rows that is nobody's matter. */
static void
note_copy(CasusGuardFrame *frame, const CasusGuardSources *sources,
		  const CasusGuardTarget *target, CasusGuardScope *scope)
{
	if (sources->observed != NIL)
		return;
	casus_guard_derive_note(target, scope);
	casus_guard_frame_wrote(frame);
}

/* A command that writes, or evaluates expressions for what it defines. */
static void
check_command(CasusGuardFrame *frame, const CasusGuardSources *sources)
{
	CasusGuardScope *scope = frame->scope;
	CasusGuardTarget target = {0};

	if (OidIsValid(frame->facts.function))
		refuse(frame, sources, casus_guard_derive_keeps(frame->facts.function), NULL);
	switch (nodeTag(scope->stmt))
	{
		case T_CopyStmt:
			if (!((CopyStmt *) scope->stmt)->is_from)
				return;
			break;
		case T_AlterTableStmt:
		case T_IndexStmt:
			break;
		case T_CreateTableAsStmt:
			if (!casus_guard_derive_execute(scope->stmt, &target))
				return;			/* its plan has a target */
			if (target.place == CASUS_PLACE_PERMANENT)
				refuse(frame, sources, casus_guard_derive_what(&target), NULL);
			note_copy(frame, sources, &target, scope);
			return;
		case T_DropStmt:
			return;
		default:
			if (GetCommandLogLevel(scope->stmt) == LOGSTMT_DDL &&
				!casus_guard_temp_defines(scope->stmt))
				refuse(frame, sources, _("A definition keeps what is written into it."), NULL);
			return;
	}
	if (!OidIsValid(scope->relid))
	{
		refuse(frame, sources, _("A definition keeps what is written into it."), NULL);
		return;
	}
	casus_guard_derive_relation(scope->relid, &target);
	if (target.place == CASUS_PLACE_PERMANENT)
		refuse(frame, sources, casus_guard_derive_what(&target), NULL);
	if (target.place == CASUS_PLACE_NOWHERE)
		note_inside(frame, sources);
	else
		note_copy(frame, sources, &target, NULL);
}

/*
 * After the rows have been written a function can put nothing into them, and
 * into rows that go it never can; though into what RETURNING calls.
 */
static void
check_statement(CasusGuardFrame *frame, const CasusGuardSources *sources)
{
	const PlannedStmt *plan = frame->query->plannedstmt;
	CasusGuardScope *scope = casus_guard_frame_command(frame);
	CasusGuardTarget target;

	if (!plan->hasModifyingCTE &&
		(frame->kind == CASUS_FRAME_FINISH ||
		 (plan->commandType == CMD_DELETE &&
		  !OidIsValid(casus_guard_derive_keeper(frame->query)))))
		return;
	casus_guard_derive_target(frame->query, scope, true, &target);
	if (target.place == CASUS_PLACE_PERMANENT || frame->held)
		refuse(frame, sources, frame->held ?
			   _("A cursor that outlives the transaction keeps rows when the purpose has ended.") :
			   casus_guard_derive_what(&target), NULL);
	if (plan->resultRelations != NIL)
		note_inside(frame, sources);
	if (target.place != CASUS_PLACE_NOWHERE)
		note_copy(frame, sources, &target, scope);
}

/*
 * What is written of an act passes in the statement.  When that began nobody may
 * have been in a capacity, so that no plan of it tells: its own rows are asked about
 * as those of a statement around are.
 */
void
casus_guard_inside_content(CasusGuardFrame *frame)
{
	CasusGuardSources sources = {0};
	CasusGuardTarget target;

	if (frame->content || !CASUS_LAYER(derive) || IsParallelWorker())
		return;
	check_statement(frame, &sources);
	casus_guard_derive_target(frame->query, casus_guard_frame_command(frame), true, &target);
	if (target.place == CASUS_PLACE_TEMPORARY)
		casus_guard_frame_facts(frame, true)->copies = true;
	frame->content = true;
}

/* Is it the piece of a plan that this worker runs for its leader?  Who builds an index has none. */
bool
casus_guard_inside_piece(const QueryDesc *query)
{
	return query != NULL && query->dest != NULL && query->dest->mydest == DestTupleQueue;
}

static QueryDesc *
outermost(void)
{
	CasusGuardFrame *frame = casus_guard_frame_top();

	while (frame != NULL && frame->outer != NULL)
		frame = frame->outer;
	return frame == NULL ? NULL : frame->query;
}

/*
 * A governed row of the query passes, the first of one of its scans.  observed:
 * of this table, where enforce would let it pass.
 */
static void
passes(QueryDesc *query, const CasusProtected *observed)
{
	CasusGuardSources sources;
	bool		judged = false;

	CasusGuardFrame *top = casus_guard_frame_top();

	if (!CASUS_LAYER(derive))
		return;
	/* Nothing runs around it: most statements. */
	if (top != NULL && top->outer == NULL && top->query == query &&
		top->kind == CASUS_FRAME_RUN && observed == NULL && !IsParallelWorker())
		return;
	memset(&sources, 0, sizeof(sources));
	if (observed != NULL)
		sources.observed = list_make1_oid(observed->family);
	if (IsParallelWorker())
	{
		if (!casus_guard_inside_piece(outermost()))
			refuse(NULL, &sources, _("The workers of a command keep what a function reads in them."),
				   NULL);
		return;
	}
	check_planning(&sources);
	for (CasusGuardFrame *frame = top; frame != NULL; frame = frame->outer)
	{
		switch (frame->kind)
		{
			case CASUS_FRAME_COMMAND:
				if (!frame->scope->own && frame->scope->stmt != NULL && !judged)
					check_command(frame, &sources);
				break;
			case CASUS_FRAME_RUN:
			case CASUS_FRAME_FINISH:
				if (frame->query != query)
					check_statement(frame, &sources);
				/* FALLTHROUGH */
			default:
				/* REFRESH has been asked of its query's own rows when that started. */
				judged = frame->query == query && query->dest != NULL &&
					query->dest->mydest == DestTransientRel;
				break;
		}
	}
}

/* Does the plan call functions that are not the server's, the policy aside? */
static bool
calls_functions(const PlannedStmt *plan)
{
	uint32		permits = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(casus_permits_oid()));
	ListCell   *lc;

	foreach(lc, plan->invalItems)
	{
		const PlanInvalItem *item = lfirst(lc);

		if (item->cacheId != PROCOID || item->hashValue != permits)
			return true;
	}
	return false;
}

static bool
any_rows_pass(void)
{
	const CasusCapacity *capacities;
	ListCell   *lc;

	/* What is written of acts. */
	if (CASUS_LAYER(content) && casus_context_all(&capacities) > 0)
		return true;
	foreach(lc, casus_registry_tables())
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));

		if (prot != NULL && prot->mode == CASUS_MODE_ENFORCE && casus_guard_rows_pass(prot))
			return true;
	}
	return false;
}

/* Does it put its rows anywhere, or run inside anything that might? */
static bool
is_kept(QueryDesc *query)
{
	CasusGuardTarget target;

	casus_guard_derive_target(query, casus_guard_scope(), true, &target);
	if (target.place != CASUS_PLACE_NOWHERE || casus_guard_derive_held(query))
		return true;
	for (CasusGuardFrame *frame = casus_guard_frame_top(); frame != NULL; frame = frame->outer)
	{
		if (frame->scope == NULL ||
			(IsA(frame->scope->stmt, CopyStmt) ? ((CopyStmt *) frame->scope->stmt)->is_from :
			 GetCommandLogLevel(frame->scope->stmt) == LOGSTMT_DDL))
			return true;
	}
	return false;
}

/*
 * Workers say nothing of what a function reads in them.  Where that might be
 * governed rows, and be kept, there are none.
 */
void
casus_guard_inside_start(QueryDesc *query)
{
	if (!CASUS_LAYER(derive) || IsParallelWorker() || casus_registry_idle())
		return;
	if (calls_functions(query->plannedstmt) && is_kept(query) && any_rows_pass())
		casus_guard_plan_serial(query);
}

/* The same for a command that builds indexes; true: it may have no workers. */
bool
casus_guard_inside_builds(Node *stmt)
{
	return CASUS_LAYER(derive) && max_parallel_maintenance_workers > 0 && !IsParallelWorker() &&
		!IsA(stmt, VacuumStmt) && !casus_registry_idle() && any_rows_pass();
}

/*
 * The run of a statement begins that may have let rows through before, in an
 * earlier run of a cursor, or whose workers will, of which this process learns
 * nothing.
 */
void
casus_guard_inside_run(CasusGuardFrame *frame)
{
	CasusGuardSources sources;

	if (frame->outer == NULL)
		return;
	if (casus_accesslog_passed(frame->query, InvalidOid) ||
		(frame->query->plannedstmt->parallelModeNeeded &&
		 casus_guard_source_find(frame->query, &sources, false) && sources.first != NULL))
		passes(frame->query, NULL);
}

void
casus_guard_inside_init(void)
{
	casus_logscan_passing = passes;
}
