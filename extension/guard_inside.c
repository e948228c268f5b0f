/*
 * guard_inside.c
 *		Governed rows that pass in a statement inside one that writes: a function
 *		that reads them hands their values to whatever calls it.
 *
 * When the first governed row of a scan passes, the statements and commands
 * around it are asked where they put what they are given.  A permanent place
 * that nothing protects is refused; a temporary table holds a copy from then on.
 *
 * A function that is declared IMMUTABLE is called while a plan is made, and
 * what it returned stays in the plan, which may be kept for another capacity or
 * another login: there no governed row passes at all.
 *
 * Private to the backend: the plans that are being made, on the C stack of the
 * planner hook.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "guard.h"

#include "access/parallel.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"

static CasusGuardPlanning *planning = NULL; /* innermost first */

/* ---- while a plan is made ---- */

void
casus_guard_inside_plan(CasusGuardPlanning *mine)
{
	mine->outer = planning;
	mine->depth = casus_pass_depth();
	mine->function = InvalidOid;
	planning = mine;
}

/* Also after an error: what was inside is gone with it. */
void
casus_guard_inside_planned(CasusGuardPlanning *mine)
{
	planning = mine->outer;
}

/* A function is about to be called; the planner calls one at a time. */
void
casus_guard_inside_function(Oid function)
{
	if (unlikely(planning != NULL) && planning->depth == casus_pass_depth())
		planning->function = function;
}

/* STABLE functions are called for an estimate, which keeps no value. */
static void
check_planning(const CasusGuardSources *sources)
{
	for (CasusGuardPlanning *plan = planning; plan != NULL; plan = plan->outer)
	{
		if (!OidIsValid(plan->function) ||
			func_volatile(plan->function) != PROVOLATILE_IMMUTABLE)
			continue;
		casus_guard_derive_refuse(sources,
								  psprintf(_("Function %s is called while a plan is made, which would keep its result."),
										   get_func_name(plan->function)),
								  _("The function reads tables, so it is not IMMUTABLE: declare it STABLE."));
	}
}

/* ---- where to ---- */

/* A command that writes, or evaluates expressions for what it defines. */
static void
check_command(CasusGuardScope *scope, const CasusGuardSources *sources)
{
	CasusGuardTarget target = {0};
	RangeVar   *name = NULL;
	Oid			relid;

	switch (nodeTag(scope->stmt))
	{
		case T_CopyStmt:
			if (!((CopyStmt *) scope->stmt)->is_from)
				return;
			name = ((CopyStmt *) scope->stmt)->relation;
			break;
		case T_AlterTableStmt:
			name = ((AlterTableStmt *) scope->stmt)->relation;
			break;
		case T_IndexStmt:
			name = ((IndexStmt *) scope->stmt)->relation;
			break;
		case T_CreateTableAsStmt:	/* their plan has a target */
		case T_DropStmt:
			return;
		default:
			if (GetCommandLogLevel(scope->stmt) == LOGSTMT_DDL &&
				!casus_guard_derive_temporary(scope->stmt))
				casus_guard_derive_refuse(sources, _("A definition keeps what is written into it."), NULL);
			return;
	}
	relid = name == NULL ? InvalidOid : RangeVarGetRelid(name, NoLock, true);
	if (!OidIsValid(relid))
		return;
	casus_guard_derive_relation(relid, &target);
	if (target.place == CASUS_PLACE_PERMANENT)
		casus_guard_derive_refuse(sources, casus_guard_derive_what(&target), NULL);
	casus_guard_temp_note(target.relid);
}

/*
 * After the rows have been written a function can put nothing into them, and
 * into rows that go it never can.
 */
static void
check_statement(CasusGuardLevel *level, const CasusGuardSources *sources)
{
	const PlannedStmt *plan = level->query->plannedstmt;
	CasusGuardTarget target;

	if (!plan->hasModifyingCTE &&
		(level->finishing || plan->commandType == CMD_DELETE))
		return;
	casus_guard_derive_target(level->query, level->scope, true, &target);
	if (target.place == CASUS_PLACE_PERMANENT || level->held)
		casus_guard_derive_refuse(sources, level->held ?
								  _("A cursor that outlives the transaction keeps rows when the purpose has ended.") :
								  casus_guard_derive_what(&target), NULL);
	if (target.place == CASUS_PLACE_NOWHERE)
		return;
	casus_guard_temp_note(target.relid);
	if (!OidIsValid(target.relid) && level->scope != NULL)
		level->scope->copied = true;	/* it has no oid yet */
	casus_guard_source_wrote_by(level);
}

/* Of its own rows the query has been asked when it started. */
static bool
is_refresh(CasusGuardLevel *level, QueryDesc *query)
{
	return level->query == query && query->dest != NULL &&
		query->dest->mydest == DestTransientRel;
}

/* A governed row of the query passes, the first of one of its scans. */
static void
passes(QueryDesc *query)
{
	CasusGuardSources sources;

	if (!CASUS_LAYER(derive) || IsParallelWorker())
		return;
	memset(&sources, 0, sizeof(sources));
	if (planning != NULL)
		check_planning(&sources);
	for (CasusGuardLevel *level = casus_guard_source_levels(); level != NULL; level = level->outer)
	{
		for (CasusGuardScope *scope = level->scope; scope != NULL; scope = scope->outer)
		{
			if (!scope->own && scope->stmt != NULL && !is_refresh(level, query))
				check_command(scope, &sources);
		}
		if (level->query != query)
			check_statement(level, &sources);
	}
}

/*
 * The run of a statement begins that may have let rows through before, in an
 * earlier run of a cursor, or whose workers will, of which this process learns
 * nothing.
 */
void
casus_guard_inside_run(CasusGuardLevel *level)
{
	CasusGuardSources sources;

	if (level->outer == NULL && level->scope == NULL)
		return;
	if (casus_accesslog_passed(level->query, InvalidOid) ||
		(level->query->plannedstmt->parallelModeNeeded &&
		 casus_guard_source_find(level->query, &sources, false) && sources.first != NULL))
		passes(level->query);
}

/* Does it put rows anywhere, so that what runs inside must be told of it? */
bool
casus_guard_inside_keeps(QueryDesc *query)
{
	if (casus_registry_empty() || IsParallelWorker())
		return false;
	return query->operation != CMD_SELECT || query->plannedstmt->hasModifyingCTE ||
		casus_guard_derive_receives(query);
}

void
casus_guard_inside_init(void)
{
	casus_logscan_passing = passes;
}
