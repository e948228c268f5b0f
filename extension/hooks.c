/*
 * hooks.c
 *		Every hook of the server that casus takes: saved pointers, chain order,
 *		dispatch.  What is decided is decided elsewhere.
 *
 * The guard looks first and the chain runs after it, so that a refused
 * statement reaches nobody else; other libraries' hooks that change a query or
 * a plan after us meet the assertion at executor start.
 *
 * A statement of casus' own is known by its pass (pass.c) and meets no guard;
 * what user code runs inside it runs one frame deeper and does.  Whatever is
 * handed over to the server has a frame (guard_frame.c).
 *
 * In a database without the extension each hook is one test.  Nothing here is
 * shared between backends.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "guard.h"
#include "rows.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "optimizer/planner.h"

static planner_hook_type prev_planner = NULL;
static ExecutorStart_hook_type prev_ExecutorStart = NULL;
static ExecutorRun_hook_type prev_ExecutorRun = NULL;
static ExecutorFinish_hook_type prev_ExecutorFinish = NULL;
static ExecutorEnd_hook_type prev_ExecutorEnd = NULL;
static ProcessUtility_hook_type prev_ProcessUtility = NULL;
static object_access_hook_type prev_object_access = NULL;
static emit_log_hook_type prev_emit_log = NULL;

/* Statements over protected tables that run now, nested in one another. */
static int	running = 0;

/* The extension's own scripts, and pg_upgrade, which makes its members one by one. */
static bool
is_script(void)
{
	return (creating_extension && casus_creating()) || IsBinaryUpgrade;
}

/* ---- planner ---- */

/*
 * Functions that the planner folds (constants, constraints, expressions of
 * indexes) are user code: one frame deeper, and outside of what the utility
 * statement around, or the validation of a foreign key, was admitted for.
 */
static PlannedStmt *
plan(Query *query, const char *sql, int options, ParamListInfo params)
{
	const CasusGuardScope *validating = casus_guard_validate_swap(NULL);
	CasusGuardFrame *frame = casus_guard_frame_enter(CASUS_FRAME_PLAN, NULL, NULL);
	PlannedStmt *result;

	if (prev_planner)
		result = prev_planner(query, sql, options, params);
	else
		result = standard_planner(query, sql, options, params);
	casus_guard_frame_leave(frame);
	(void) casus_guard_validate_swap(validating);
	return result;
}

static PlannedStmt *
casus_planner(Query *query, const char *sql, int options, ParamListInfo params)
{
	PlannedStmt *result;
	List	   *outer;
	bool		own;

	if (!casus_present())
	{
		if (prev_planner)
			return prev_planner(query, sql, options, params);
		return standard_planner(query, sql, options, params);
	}

	own = casus_pass_admits_planning(sql);
	if (own)
		return plan(query, sql, options, params);

	outer = casus_guard_query_swap(NIL);
	PG_TRY();
	{
		List	   *columns = NIL;

		if (casus_guard_query(query, sql, &options) && CASUS_LAYER(column))
			columns = casus_guard_column_query(query);
		result = plan(query, sql, options, params);
		casus_guard_plan_order(result);
		casus_guard_column_stamp(result, columns);
	}
	PG_FINALLY();
	{
		casus_guard_query_swap(outer);
	}
	PG_END_TRY();
	return result;
}

/* ---- executor ---- */

static void
start_server(QueryDesc *query, int eflags)
{
	if (prev_ExecutorStart)
		prev_ExecutorStart(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

/*
 * Stable functions may run here already, to leave out partitions.  Returns the
 * function of the plan that keeps what it is given, if there is one.
 */
static Oid
start(QueryDesc *query, int eflags)
{
	CasusGuardFrame *frame = casus_guard_frame_enter(CASUS_FRAME_START, query, NULL);

	start_server(query, eflags);
	casus_guard_frame_leave(frame);
	return frame->function;
}

/*
 * A statement over protected tables; true: a point read, whose condition is
 * still to be put in place.  What other libraries do at this point they do with
 * the whole plan.
 */
static bool
start_over_protected(QueryDesc *query, int eflags, Oid *function)
{
	PlannedStmt *plan = query->plannedstmt;
	PlannedStmt *bare = NULL;

	if (prev_ExecutorStart == NULL && (eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		bare = casus_guard_known_point(plan);
	if (bare != NULL)
		query->plannedstmt = bare;
	*function = start(query, eflags);
	if (bare != NULL)
		casus_logpoint_made(query, plan);
	return bare != NULL;
}

static void
casus_ExecutorStart(QueryDesc *query, int eflags)
{
	bool		own;
	bool		touches;
	bool		is_copy = false;
	bool		is_point = false;
	Oid			function;

	if (!casus_present())
	{
		casus_guard_file_plan(query->plannedstmt);
		start_server(query, eflags);
		return;
	}

	/*
	 * A worker runs a piece of a plan that its leader has been through with;
	 * what functions in it run is a statement like any other.
	 */
	own = casus_pass_consume(query->sourceText) ||
		(IsParallelWorker() && casus_guard_frame_depth() == 0 && casus_guard_inside_piece(query)) ||
		is_script();
	if (!own)
		casus_guard_plan(query, eflags);
	else if (query->plannedstmt->commandType != CMD_SELECT)
		casus_guard_mark_transaction();

	touches = casus_guard_touches(query->plannedstmt);
	if (touches)
		casus_policy_begin();
	if (!own && query->plannedstmt->parallelModeNeeded)
		casus_guard_inside_start(query);
	if (touches && !own)
		is_point = start_over_protected(query, eflags, &function);
	else
		function = start(query, eflags);
	if (touches && !own)
		casus_guard_cascade_judge(query);
	/* What is written of acts is there before any table is protected. */
	if (!own && !IsParallelWorker())
		is_copy = casus_guard_derive(query, eflags, function);
	if (touches)
		casus_accesslog_start(query, is_copy, is_point);
}

static void
run(QueryDesc *query, ScanDirection direction, uint64 count, bool once)
{
	if (prev_ExecutorRun)
		casus_compat_executor_run_hook(prev_ExecutorRun, query, direction, count, once);
	else
		casus_compat_executor_run(query, direction, count, once);
}

/*
 * Workers that may be launched now read what this session has published of
 * its context; it may have changed since it was last asked for.  What they read
 * waits here for its record.
 */
static void
expect_workers(bool workers)
{
	if (!workers || !casus_preloaded || IsParallelWorker() || casus_registry_idle())
		return;
	(void) casus_context_entered();
	casus_accesslog_workers();
}

static bool
launches_workers(Node *stmt)
{
	return IsA(stmt, IndexStmt) || IsA(stmt, ReindexStmt) || IsA(stmt, VacuumStmt) ||
		IsA(stmt, ClusterStmt) || IsA(stmt, AlterTableStmt) || IsA(stmt, RefreshMatViewStmt);
}

/* By the verdicts of another role no row of the statement around is judged. */
static void
thaw(void)
{
	casus_freeze_end();
	if (unlikely(casus_context_strays()))
		casus_policy_forget();
}

/* It has run over protected tables, or failed. */
static void
leave_protected(CasusGuardFrame *frame)
{
	casus_guard_frame_leave(frame);
	running--;
	thaw();
}

void
casus_hooks_executor_run(QueryDesc *query, ScanDirection direction,
						 uint64 count, bool once)
{
	MemoryContext context = CurrentMemoryContext;
	CasusGuardFrame *frame;

	if (!casus_present())
	{
		run(query, direction, count, once);
		return;
	}

	expect_workers(query->plannedstmt->parallelModeNeeded);
	if (!casus_guard_touches(query->plannedstmt))
	{
		casus_guard_derive_run(query);
		frame = casus_guard_frame_enter(CASUS_FRAME_RUN, query, NULL);
		frame->held = casus_guard_derive_held(query);
		run(query, direction, count, once);
		casus_guard_frame_leave(frame);
		return;
	}

	/* The context is frozen while rows are judged by it. */
	casus_policy_begin();
	casus_accesslog_run(query);
	casus_guard_derive_run(query);
	casus_freeze_begin();
	running++;
	frame = casus_guard_frame_enter(CASUS_FRAME_RUN, query, NULL);
	frame->held = casus_guard_derive_held(query);
	PG_TRY();
	{
		casus_guard_inside_run(frame);
		run(query, direction, count, once);
		casus_rowtransit_finish();
	}
	PG_CATCH();
	{
		bool		wrote = casus_guard_frame_has_written(frame);

		leave_protected(frame);
		casus_guard_error_rethrow(context, wrote);
	}
	PG_END_TRY();
	leave_protected(frame);
	/* FETCH 0 looks for nothing. */
	if (!ScanDirectionIsNoMovement(direction))
		casus_accesslog_ran(query);
}

static void
finish(QueryDesc *query)
{
	if (prev_ExecutorFinish)
		prev_ExecutorFinish(query);
	else
		standard_ExecutorFinish(query);
}

/* AFTER triggers and what data-modifying CTEs have left to do run here. */
static void
casus_ExecutorFinish(QueryDesc *query)
{
	MemoryContext context = CurrentMemoryContext;
	CasusGuardFrame *frame;

	if (!casus_present())
	{
		finish(query);
		return;
	}

	/* What only reads has no triggers, and nothing left to do. */
	if (query->operation == CMD_SELECT && !query->plannedstmt->hasModifyingCTE)
	{
		finish(query);
		casus_guard_explain(query);
		return;
	}
	if (!casus_guard_touches(query->plannedstmt))
	{
		frame = casus_guard_frame_enter(CASUS_FRAME_FINISH, query, NULL);
		finish(query);
		casus_guard_frame_leave(frame);
		casus_guard_explain(query);
		return;
	}

	casus_freeze_begin();
	running++;
	frame = casus_guard_frame_enter(CASUS_FRAME_FINISH, query, NULL);
	PG_TRY();
	{
		finish(query);
		casus_rowtransit_finish();
	}
	PG_CATCH();
	{
		bool		wrote = casus_guard_frame_has_written(frame);

		leave_protected(frame);
		casus_guard_error_rethrow(context, wrote);
	}
	PG_END_TRY();
	leave_protected(frame);
	casus_guard_explain(query);
}

static void
casus_ExecutorEnd(QueryDesc *query)
{
	bool		present = casus_present();
	bool		touches = present && casus_guard_touches(query->plannedstmt);

	/* What is written of acts passes in statements that read no protected table too. */
	if (present)
		casus_accesslog_end(query);
	if (prev_ExecutorEnd)
		prev_ExecutorEnd(query);
	else
		standard_ExecutorEnd(query);
	if (touches && running == 0)
		casus_policy_end();
}

/* ---- utility ---- */

static void
utility(PlannedStmt *pstmt, const char *sql, bool read_only_tree,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	if (prev_ProcessUtility)
		prev_ProcessUtility(pstmt, sql, read_only_tree, context, params, env, dest, qc);
	else
		standard_ProcessUtility(pstmt, sql, read_only_tree, context, params, env, dest, qc);
}

/*
 * A subcommand of casus' own statement is casus' own; any other statement
 * inside needs a pass of its own.
 */
static bool
is_own(const char *sql, ProcessUtilityContext context, CasusGuardScope *outer)
{
	if (context == PROCESS_UTILITY_SUBCOMMAND)
		return outer != NULL && outer->own;
	return casus_pass_consume(sql);
}

static void
casus_ProcessUtility(PlannedStmt *pstmt, const char *sql, bool read_only_tree,
					 ProcessUtilityContext context, ParamListInfo params,
					 QueryEnvironment *env, DestReceiver *dest,
					 QueryCompletion *qc)
{
	CasusGuardScope scope = {0};
	CasusGuardFrame *frame;
	QueryCompletion own_qc = {0};
	QueryCompletion *completion = qc != NULL ? qc : &own_qc;
	PlannedStmt *volatile guarded = pstmt;
	volatile int workers = 0;	/* that were allowed, where we allow none */

	/* ROLLBACK of a failed transaction comes by here, when nothing can be looked up. */
	if (!casus_installed())
	{
		if (IsTransactionState())
			casus_guard_everywhere(pstmt->utilityStmt);
		utility(pstmt, sql, read_only_tree, context, params, env, dest, qc);
		return;
	}

	scope.tag = nodeTag(pstmt->utilityStmt);
	scope.stmt = pstmt->utilityStmt;
	scope.own = is_own(sql, context, casus_guard_scope()) || is_script();
	frame = casus_guard_frame_enter(CASUS_FRAME_COMMAND, NULL, &scope);
	PG_TRY();
	{
		if (!scope.own)
		{
			casus_guard_derive_utility(pstmt->utilityStmt, frame);
			guarded = casus_guard_utility(pstmt, &scope);
			/* Others are shown some settings at once, and a value of a row may be in it. */
			if (IsA(pstmt->utilityStmt, VariableSetStmt))
				casus_accesslog_shown();
		}
		if (launches_workers(pstmt->utilityStmt))
		{
			expect_workers(true);
			if (!scope.own && casus_guard_inside_builds(pstmt->utilityStmt))
			{
				workers = max_parallel_maintenance_workers;
				max_parallel_maintenance_workers = 0;
			}
		}
		if (scope.copying)
		{
			casus_policy_begin();
			casus_freeze_begin();
			scope.frozen = true;
		}
		utility(guarded, sql, read_only_tree, context, params, env, dest, completion);
	}
	PG_CATCH();
	{
		if (workers > 0)
			max_parallel_maintenance_workers = workers;
		if (scope.frozen)
			thaw();
		casus_guard_frame_leave(frame);
		casus_guard_rethrow(&scope);
	}
	PG_END_TRY();
	if (workers > 0)
		max_parallel_maintenance_workers = workers;
	if (scope.frozen)
		thaw();
	casus_guard_frame_leave(frame);
	if (!scope.own)
	{
		casus_guard_derive_utility_done(&scope);
		casus_guard_utility_done(guarded, &scope, completion->nprocessed);
	}
}

/* ---- objects ---- */

static void
casus_object_access(ObjectAccessType access, Oid class, Oid object,
					int subobject, void *arg)
{
	if (prev_object_access)
		prev_object_access(access, class, object, subobject, arg);

	/* Asked for every look-up of a name; nothing of ours. */
	if (access == OAT_NAMESPACE_SEARCH)
		return;
	if (access == OAT_FUNCTION_EXECUTE)
	{
		casus_guard_inside_function(object);
		casus_guard_function(object, true);
		return;
	}
	if (access == OAT_POST_CREATE && class == ProcedureRelationId &&
		casus_guard_function_made(object))
		casus_guard_named_made(object);
	if (access == OAT_POST_CREATE && class == RelationRelationId && subobject == 0)
		casus_guard_derive_made(object);
	if (access == OAT_DROP && class == RelationRelationId && subobject == 0)
		casus_guard_temp_drop(object);
	if (casus_present())
		casus_guard_object(access, class, object, subobject, arg);
}

/* ---- errors ---- */

static void
casus_emit_log(ErrorData *error)
{
	casus_guard_error_report(error);
	if (prev_emit_log)
		prev_emit_log(error);
}

void
casus_hooks_init(void)
{
	casus_guard_scope_init();
	casus_guard_query_init();
	casus_guard_index_init();
	casus_guard_known_init();
	casus_guard_function_init();
	casus_guard_inline_init();
	casus_guard_temp_init();
	casus_guard_subscription_init();
	casus_guard_inside_init();
	casus_guard_view_init();

	prev_planner = planner_hook;
	planner_hook = casus_planner;
	prev_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = casus_ExecutorStart;
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = casus_compat_ExecutorRun;
	prev_ExecutorFinish = ExecutorFinish_hook;
	ExecutorFinish_hook = casus_ExecutorFinish;
	prev_ExecutorEnd = ExecutorEnd_hook;
	ExecutorEnd_hook = casus_ExecutorEnd;
	prev_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = casus_ProcessUtility;
	prev_object_access = object_access_hook;
	object_access_hook = casus_object_access;
	prev_emit_log = emit_log_hook;
	emit_log_hook = casus_emit_log;
}
