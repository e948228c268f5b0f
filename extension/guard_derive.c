/*
 * guard_derive.c
 *		Derived copies: what a governed row could pass through into a place that
 *		nothing protects.
 *
 * A statement has sources (scans of protected tables by which governed rows
 * may pass to this session now) and may have a place to which it writes.  A
 * permanent table that is not protected, a file, a program and a cursor that
 * outlives the transaction are refused; a temporary table is allowed, on record
 * as a copy, and is itself a source from then on (guard_temp.c).  That is
 * judged at each executor start, since a plan may be older than the capacity.
 *
 * What runs inside a statement is judged by the statements around it too
 * (guard_source.c).  Values that somebody keeps between two statements are his
 * own to carry: no plan shows those.
 *
 * What a table in mode observe would have refused is put on record, and goes on.
 *
 * Private to the backend: `held`, of which nothing but the address is used.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "parser/parsetree.h"
#include "resolve.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/rel.h"

#define PAST_PROTOCOL _("this copy would go past the protocol")
#define NEW_TABLE_KEEPS _("The new table would not be protected, and would keep the rows.")
#define HELD_CHECK _("A cursor that outlives the transaction keeps rows when the purpose has ended.")

static const QueryDesc *held = NULL;	/* the last one told of under observe */

/* ---- where to ---- */

/* The table that CREATE TABLE AS or SELECT INTO makes; NULL: not known. */
static const IntoClause *
into_clause(Node *stmt)
{
	if (stmt != NULL && IsA(stmt, ExplainStmt))
	{
		Query	   *query = (Query *) ((ExplainStmt *) stmt)->query;

		stmt = IsA(query, Query) ? query->utilityStmt : NULL;
	}
	if (stmt == NULL || !IsA(stmt, CreateTableAsStmt))
		return NULL;
	return ((CreateTableAsStmt *) stmt)->into;
}

/* CREATE TABLE ... AS EXECUTE; not for its columns alone. */
static bool
makes_by_execute(Node *stmt)
{
	const IntoClause *into = into_clause(stmt);
	Query	   *query;

	if (into == NULL || into->skipData || IsA(stmt, ExplainStmt))
		return false;
	query = (Query *) ((CreateTableAsStmt *) stmt)->query;
	return IsA(query, Query) && query->utilityStmt != NULL &&
		IsA(query->utilityStmt, ExecuteStmt);
}

/* EXECUTE starts its plan before it says where the rows go. */
static CommandDest
destination_of(QueryDesc *query, CasusGuardScope *scope)
{
	CommandDest dest = query->dest == NULL ? DestNone : query->dest->mydest;

	return dest == DestNone && scope != NULL && makes_by_execute(scope->stmt) ?
		DestIntoRel : dest;
}

static const char *
what_of_copy(CopyStmt *copy)
{
	return copy->is_program ? _("A program of the server would be given the rows.") :
		_("A file of the server would keep the rows.");
}

/* Could rows that are written to a temporary table go to another server? */
static bool
has_foreign_part(Oid relid)
{
	ListCell   *lc;

	if (get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE)
		return true;
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return false;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_FOREIGN_TABLE)
			return true;
	}
	return false;
}

static void
judge_new(const IntoClause *into, Oid made, CasusGuardTarget *target)
{
	target->makes = OidIsValid(made) ? get_rel_persistence(made) == RELPERSISTENCE_TEMP :
		into != NULL && casus_guard_temp_named(into->rel);
	target->place = target->makes ? CASUS_PLACE_TEMPORARY : CASUS_PLACE_PERMANENT;
	target->what = NEW_TABLE_KEEPS;
}

/* The table of CREATE TABLE ... AS EXECUTE, whose parameters are computed outside its plan. */
bool
casus_guard_derive_execute(Node *stmt, CasusGuardTarget *target)
{
	if (!makes_by_execute(stmt))
		return false;
	judge_new(into_clause(stmt), InvalidOid, target);
	return true;
}

/* A table that is written to. */
void
casus_guard_derive_relation(Oid relid, CasusGuardTarget *target)
{
	const CasusProtected *prot = casus_guard_is_plain(relid) ? NULL :
		casus_registry_find(relid);

	/* There the row trigger judges. */
	if (prot != NULL && prot->mode >= CASUS_MODE_OBSERVE)
		return;
	if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP && !has_foreign_part(relid))
	{
		if (target->place == CASUS_PLACE_NOWHERE)
			target->place = CASUS_PLACE_TEMPORARY;
		target->temporary = lappend_oid(target->temporary, relid);
		return;
	}
	target->place = CASUS_PLACE_PERMANENT;
	target->what = NULL;
	target->relid = relid;
}

/* By INSERT, UPDATE, DELETE or MERGE; a view is written to by its trigger's own statements. */
static void
judge_result(RangeTblEntry *rte, CasusGuardTarget *target)
{
	if (rte->relkind == RELKIND_VIEW || casus_guard_is_state(rte->relid) ||
		target->place == CASUS_PLACE_PERMANENT)
		return;
	casus_guard_derive_relation(rte->relid, target);
}

/* The words of a refusal. */
const char *
casus_guard_derive_what(const CasusGuardTarget *target)
{
	if (target->what != NULL)
		return target->what;
	return psprintf(_("%s is not protected, and keeps what is written to it."),
					casus_guard_name(target->relid));
}

/* The function of the query that keeps what it is given. */
Oid
casus_guard_derive_keeper(QueryDesc *query)
{
	const CasusGuardFacts *facts = casus_guard_frame_facts_of(query, false);

	return facts == NULL ? InvalidOid : facts->function;
}

const char *
casus_guard_derive_keeps(Oid function)
{
	return psprintf(_("Function %s keeps what it is given."), get_func_name(function));
}

/*
 * scope: of the utility statement that runs the query, or NULL.  setval, which
 * asks by itself when it is called, is a target only when rows have passed.
 */
void
casus_guard_derive_target(QueryDesc *query, CasusGuardScope *scope, bool has_passed,
						  CasusGuardTarget *target)
{
	const IntoClause *into;
	ListCell   *lc;
	Oid			function;

	memset(target, 0, sizeof(CasusGuardTarget));
	foreach(lc, query->plannedstmt->resultRelations)
		judge_result(rt_fetch(lfirst_int(lc), query->plannedstmt->rtable), target);
	if (target->place == CASUS_PLACE_PERMANENT)
		return;
	function = casus_guard_derive_keeper(query);
	if (OidIsValid(function) &&
		(has_passed || !casus_guard_is_own(ProcedureRelationId, function)))
	{
		target->place = CASUS_PLACE_PERMANENT;
		target->what = casus_guard_derive_keeps(function);
		return;
	}
	switch (destination_of(query, scope))
	{
		case DestIntoRel:
			into = into_clause(scope == NULL ? NULL : scope->stmt);
			judge_new(into, scope == NULL ? InvalidOid : scope->relid, target);
			if (into == NULL || into->viewQuery == NULL)
				break;
			/* FALLTHROUGH */
		case DestTransientRel:
			target->place = CASUS_PLACE_PERMANENT;
			target->what = _("A materialized view is not protected, and would keep the rows.");
			break;
		case DestCopyOut:
			if (scope == NULL || scope->stmt == NULL || !IsA(scope->stmt, CopyStmt) ||
				((CopyStmt *) scope->stmt)->filename == NULL)
				break;
			target->place = CASUS_PLACE_PERMANENT;
			target->what = what_of_copy((CopyStmt *) scope->stmt);
			break;
		default:
			break;
	}
}

/*
 * A cursor WITH HOLD, and the cursor of a loop in whose body a procedure
 * commits, keep their rows when the purpose has ended.
 */
bool
casus_guard_derive_held(QueryDesc *query)
{
	Portal		portal = ActivePortal;

	if (portal == NULL || (portal->queryDesc != NULL && portal->queryDesc != query))
		return false;
	if ((portal->cursorOptions & CURSOR_OPT_HOLD) != 0)
		return true;
	return portal->queryDesc == query && portal->holdStore != NULL &&
		query->dest != NULL && query->dest->mydest == DestTuplestore;
}

/* ON DELETE and ON UPDATE of a foreign key. */
static bool
is_cascade(QueryDesc *query)
{
	return query->plannedstmt->commandType != CMD_SELECT &&
		casus_guard_ri_plan(query->plannedstmt);
}

/* ---- the verdict ---- */

/* hint NULL: the usual one */
void
casus_guard_derive_refuse(const CasusGuardSources *sources, const char *what, const char *hint)
{
	casus_check_refuse(sources->first != NULL ? casus_check_protocol_of(sources->first) :
					   casus_check_protocol(NULL, 0), "copy_out", PAST_PROTOCOL, what,
					   hint != NULL ? hint :
					   _("A temporary table takes them, on record (CREATE TEMP TABLE); or protect the table: casus.protect()."));
}

static bool
in_trigger(void)
{
	return DatumGetInt32(OidFunctionCall0(F_PG_TRIGGER_DEPTH)) > 0;
}

/* A trigger's history: nobody who writes can do without it. */
char *
casus_guard_derive_history(Oid relid)
{
	if (!OidIsValid(relid))
		return NULL;
	return psprintf(_("SELECT casus.protect(%s, '<file>', dossier => '<bigint column>', category => '<category>'); -- and let the trigger fill that column with casus.dossier_of(coalesce(NEW.casus_label, OLD.casus_label))"),
					quote_literal_cstr(casus_guard_name(relid)));
}

static char *
hint_child(Oid relid)
{
	return psprintf(_("SELECT casus.protect(%s, '<file>', via => '<columns of the foreign key>', category => '<category>');"),
					quote_literal_cstr(casus_guard_name(relid)));
}

static char *
hint_of(const CasusGuardTarget *target, bool cascades)
{
	if (!OidIsValid(target->relid) || !in_trigger())
		return NULL;
	return cascades ? hint_child(target->relid) : casus_guard_derive_history(target->relid);
}

/* Under observe: what enforce would refuse. */
void
casus_guard_derive_observe(Oid relid, const char *what)
{
	casus_accesslog_event("would_refuse", relid, 0, "copy_out",
						  psprintf("%s: %s", PAST_PROTOCOL, what));
}

static void
judge_observed(const CasusGuardTarget *target, List *sources)
{
	Oid			source = sources == NIL ? InvalidOid : linitial_oid(sources);

	if (!OidIsValid(source) && target->place == CASUS_PLACE_PERMANENT)
		source = casus_guard_source_observed_around();
	if (OidIsValid(source) && target->place == CASUS_PLACE_PERMANENT)
		casus_guard_derive_observe(source, casus_guard_derive_what(target));
}

static void
refuse(const CasusGuardSources *sources, const char *what)
{
	casus_guard_derive_refuse(sources, what, NULL);
}

/* The temporary tables of a target hold copies from now on. */
void
casus_guard_derive_note(const CasusGuardTarget *target, CasusGuardScope *scope)
{
	casus_guard_temp_note_all(target->temporary);
	if (target->makes && scope != NULL)
		scope->copied = true;	/* it has no oid yet */
}

static void
record_copies(const CasusGuardTarget *target)
{
	ListCell   *lc;

	foreach(lc, target->temporary)
	{
		if (!casus_guard_temp_is_copy(lfirst_oid(lc)))
			casus_accesslog_event("copy", lfirst_oid(lc), 0, NULL,
								  _("values of a statement around this one"));
	}
	if (target->makes)
		casus_accesslog_event("copy", InvalidOid, 0, NULL,
							  _("values of a statement around this one"));
}

static bool
judge(QueryDesc *query)
{
	CasusGuardTarget target;
	CasusGuardSources sources;
	bool		cascades;
	bool		around;

	if (!CASUS_LAYER(derive))
		return false;
	casus_guard_derive_target(query, casus_guard_scope(), false, &target);
	if (target.place == CASUS_PLACE_NOWHERE)
		return false;
	/* One that takes rows along, or empties their key, copies nothing. */
	cascades = is_cascade(query);
	if (cascades && !casus_guard_cascade_carries(query))
		return false;
	around = casus_guard_source_around() || casus_guard_source_deferred();
	if (!casus_guard_source_find(query, &sources, false) && !around)
	{
		judge_observed(&target, sources.observed);
		if (casus_guard_frame_triggers() > 0)
			casus_guard_source_beside(&target, target.place == CASUS_PLACE_PERMANENT ?
									  casus_guard_derive_what(&target) : NULL);
		return false;
	}
	if (target.place == CASUS_PLACE_PERMANENT)
		casus_guard_derive_refuse(&sources, casus_guard_derive_what(&target),
								  hint_of(&target, cascades));

	/* What runs inside the statement that reads has no record of its own. */
	if (around && sources.tables == NIL)
		record_copies(&target);
	casus_guard_derive_note(&target, casus_guard_scope());
	casus_guard_frame_facts_of(query, true)->wrote = true;
	casus_guard_frame_facts_of(query, true)->copies = true;
	casus_guard_frame_written();
	return true;
}

/*
 * Capacities may have come since the cursor was opened, so this is asked again
 * at each run, and the last may be the one that keeps its rows.
 */
void
casus_guard_derive_run(QueryDesc *query)
{
	CasusGuardSources sources;

	if (!CASUS_LAYER(hold) || IsParallelWorker() || !casus_guard_derive_held(query))
		return;
	(void) casus_guard_source_find(query, &sources, false);
	if (sources.observed != NIL && held != query)
	{
		held = query;
		casus_guard_derive_observe(linitial_oid(sources.observed), HELD_CHECK);
	}
	if (sources.first == NULL && !sources.content)
		return;
	casus_check_refuse(sources.first != NULL ? casus_check_protocol_of(sources.first) :
					   casus_check_protocol(NULL, 0), "copy_out",
					   PAST_PROTOCOL, HELD_CHECK,
					   _("Declare the cursor without WITH HOLD and read it before COMMIT (ODBC: UseDeclareFetch=0)."));
}

/*
 * The query has started, and calls a function that keeps, or none.  True: its
 * rows go into a temporary table, which their record says.
 */
bool
casus_guard_derive(QueryDesc *query, int eflags, Oid function)
{
	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
		return false;
	if (OidIsValid(function))
		casus_guard_frame_facts_of(query, true)->function = function;
	if (held == query)
		held = NULL;
	casus_guard_derive_run(query);
	return judge(query);
}

/*
 * Does what runs make expressions ready for itself, past the planner?  A
 * command's own, as the parameters of EXECUTE, and conditions of tables that are
 * written to; not what a procedure or a trigger runs inside.
 */
static bool
readies_expressions(const CasusGuardFrame *frame)
{
	if (frame->kind == CASUS_FRAME_RUN)
		return frame->query->plannedstmt->resultRelations != NIL;
	if (frame->kind != CASUS_FRAME_COMMAND)
		return false;
	return frame->scope->tag != T_CallStmt && frame->scope->tag != T_DoStmt &&
		frame->scope->tag != T_TransactionStmt && frame->scope->tag != T_ConstraintsSetStmt;
}

/*
 * A function that writes to no table and yet keeps what it is given is called
 * now, or made ready to be, with values that are not known yet.  While a plan
 * starts its scans are not known either; in a plain expression of a function no
 * plan will be.
 */
void
casus_guard_derive_function(Oid function, bool ready)
{
	CasusGuardFrame *frame = casus_guard_frame_top();
	CasusGuardSources none = {0};

	if (casus_registry_idle() || IsParallelWorker())
		return;
	if (casus_guard_source_around())
		refuse(&none, casus_guard_derive_keeps(function));
	if (casus_guard_frame_triggers() > 0 && CASUS_LAYER(derive))
		casus_guard_source_beside(NULL, casus_guard_derive_keeps(function));
	if (frame == NULL || !ready)
		return;
	if (frame->kind == CASUS_FRAME_START)
		frame->function = function;
	else if (CASUS_LAYER(derive) && readies_expressions(frame))
		casus_guard_frame_facts(frame, true)->function = function;
}

/* ---- utility statements ---- */

/* COPY of a table has no plan. */
static void
check_copy_to(Node *stmt)
{
	CopyStmt   *copy = (CopyStmt *) stmt;
	CasusGuardSources none = {0};

	if (!casus_guard_temp_any() || !IsA(stmt, CopyStmt) || copy->is_from ||
		copy->relation == NULL || copy->filename == NULL)
		return;
	if (casus_guard_temp_is_copy(RangeVarGetRelid(copy->relation, NoLock, true)))
		refuse(&none, what_of_copy(copy));
}

/* What makes whole tables is judged by its own plan; what removes them, by itself. */
static bool
is_definition(Node *stmt)
{
	if (GetCommandLogLevel(stmt) != LOGSTMT_DDL)
		return false;
	switch (nodeTag(stmt))
	{
		case T_CreateTableAsStmt:
			return ((CreateTableAsStmt *) stmt)->into->skipData;
		case T_RefreshMatViewStmt:
		case T_DropStmt:
			return false;
		default:
			return true;
	}
}

/*
 * What a command that a row is given to would keep of it; NULL: nothing.  A
 * definition is text that stays.
 */
static const char *
what_is_kept(Node *stmt)
{
	/* Its file or program, which it may make of a value. */
	if (IsA(stmt, CopyStmt) && ((CopyStmt *) stmt)->filename != NULL)
		return what_of_copy((CopyStmt *) stmt);
	if (is_definition(stmt) && !casus_guard_temp_defines(stmt))
		return _("A definition keeps what is written into it.");
	if (casus_guard_temp_removes(stmt))
		return _("Which table is removed may be chosen by a row.");
	return NULL;
}

/* A command inside another one, or inside a statement. */
static void
judge_inside(Node *stmt)
{
	CasusGuardSources none = {0};
	bool		around = casus_guard_source_around();
	const char *what = around || casus_guard_frame_triggers() > 0 ? what_is_kept(stmt) : NULL;

	if (what != NULL && around)
		refuse(&none, what);
	/* The row that it is written for may be governed, which is not known yet. */
	if (what != NULL)
		casus_guard_source_beside(NULL, what);
}

void
casus_guard_derive_utility(Node *stmt, CasusGuardFrame *frame)
{
	CasusGuardSources none = {0};

	check_copy_to(stmt);
	if (casus_resolve_runs() && !IsA(stmt, VariableShowStmt))
		refuse(&none, _("The function that names the dossier of a row runs no commands."));
	if (frame->outer != NULL && CASUS_LAYER(derive))
		judge_inside(stmt);
	frame->reads = casus_guard_temp_worked_on(stmt);
}

/*
 * CREATE TABLE AS has its table now.  In which schema was known only by a name,
 * and that of a schema may lead elsewhere by now.
 */
void
casus_guard_derive_made(Oid relid)
{
	CasusGuardFrame *frame = casus_guard_frame_top();
	CasusGuardScope *scope = frame == NULL ? NULL :
		frame->scope != NULL ? frame->scope : casus_guard_frame_command(frame);
	CasusGuardSources none = {0};
	Relation	rel;

	if (scope == NULL || OidIsValid(scope->relid) || into_clause(scope->stmt) == NULL)
		return;
	scope->relid = relid;
	rel = RelationIdGetRelation(relid);
	if (scope->copied && rel->rd_rel->relpersistence != RELPERSISTENCE_TEMP && CASUS_LAYER(derive))
		refuse(&none, NEW_TABLE_KEEPS);
	RelationClose(rel);
}

/* What it made is there for everybody in this session. */
void
casus_guard_derive_utility_done(CasusGuardScope *scope)
{
	if (scope->copied)
		casus_guard_temp_note(scope->relid);
}
