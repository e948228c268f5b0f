/*
 * guard_query.c
 *		Before planning: the policy is put on every protected table of the
 *		query where row security has not done so.
 *
 * Row security is blind to superusers, BYPASSRLS, row_security = off and owners
 * of tables that are not forced, and so is a view that belongs to one.  They
 * are bound, not turned away: the same condition that the policy gives to
 * everyone else is added to the security quals, which the planner puts below
 * any condition of the user's.
 *
 * A set-returning SQL function may be inlined after this hook; functions whose
 * body reads a protected table are kept from it while the query is planned,
 * and are planned, and bound, by themselves when they run.
 *
 * Private to the backend; `kept` lives while one query is planned, in the
 * memory context that planner runs in.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "rows.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* The whole of a statement. */
typedef struct Binding
{
	const char *sql;
	bool		found;			/* a protected table is read or written, or statistics */
	bool		only_own;		/* nobody has anything to read: what is casus' own is guarded */
	bool		state;			/* a table of casus is read, by one of its views */
	bool		leaks;			/* an operator of a user is declared LEAKPROOF */
} Binding;

static needs_fmgr_hook_type prev_needs_fmgr_hook = NULL;
static List *kept = NIL;		/* functions that may not be inlined now */

static bool bind_walker(Node *node, void *context);

/* permits(relation.casus_label) */
static Expr *
make_permits(Index rtindex, const CasusProtected *prot)
{
	Var		   *label;

	label = makeVar(rtindex, prot->label_attno, casus_label_type_oid(), -1, InvalidOid, 0);
	return (Expr *) makeFuncExpr(casus_permits_oid(), BOOLOID, list_make1(label),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

static bool
is_true(Node *qual)
{
	return IsA(qual, Const) && !((Const *) qual)->constisnull &&
		DatumGetBool(((Const *) qual)->constvalue);
}

/*
 * Puts the condition first, also where row security has added it: what other
 * policies of the table call then sees permitted rows only.  What permits every
 * row, as the policy beside ours does, is left out: it would be planned.
 */
static void
bind_table(RangeTblEntry *rte, Index rtindex, const CasusProtected *prot)
{
	Expr	   *policy = NULL;
	ListCell   *lc;

	foreach(lc, rte->securityQuals)
	{
		Node	   *qual = lfirst(lc);

		if (policy == NULL &&
			casus_guard_is_policy(qual, casus_permits_oid(), rtindex, prot))
			policy = (Expr *) qual;
		else if (!is_true(qual))
			continue;
		rte->securityQuals = foreach_delete_current(rte->securityQuals, lc);
	}
	if (policy == NULL)
		policy = make_permits(rtindex, prot);
	rte->securityQuals = lcons(policy, rte->securityQuals);
}

/* The foreign-key check of a running ALTER TABLE must see every row. */
static void
unbind_table(RangeTblEntry *rte, Index rtindex, const CasusProtected *prot)
{
	ListCell   *lc;

	foreach(lc, rte->securityQuals)
	{
		if (casus_guard_is_policy(lfirst(lc), casus_permits_oid(), rtindex, prot))
			rte->securityQuals = foreach_delete_current(rte->securityQuals, lc);
	}
}

/*
 * The WHERE of ON CONFLICT DO UPDATE runs before the conflict check in some
 * releases: on a row that may not be seen it is not evaluated at all, but
 * counts as true, so that the check refuses.  One that may be seen is on record
 * before: no scan brings it, and the WHERE may keep it from being written.  Under
 * observe all are seen, and those that enforce would hide are on record as such.
 */
static Node *
guard_conflict_where(Query *query, const CasusProtected *prot)
{
	CaseExpr   *choice = makeNode(CaseExpr);
	CaseWhen   *seen = makeNode(CaseWhen);
	Node	   *where = query->onConflict->onConflictWhere;
	List	   *args = list_make2(makeVar(query->resultRelation, prot->label_attno,
										  casus_label_type_oid(), -1, InvalidOid, 0),
								  makeConst(OIDOID, -1, InvalidOid, sizeof(Oid),
											ObjectIdGetDatum(prot->relid), false, true));

	seen->expr = make_permits(query->resultRelation, prot);
	if (OidIsValid(casus_meets_oid()))
		seen->expr = (Expr *) makeFuncExpr(casus_meets_oid(), BOOLOID, args,
										   InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	seen->result = where != NULL ? (Expr *) where : (Expr *) makeBoolConst(true, false);
	seen->location = -1;
	choice->casetype = BOOLOID;
	choice->casecollid = InvalidOid;
	choice->args = list_make1(seen);
	choice->defresult = (Expr *) makeBoolConst(true, false);
	choice->location = -1;
	return (Node *) choice;
}

PG_FUNCTION_INFO_V1(casus_sql_meets);

/* Called by nothing else it is the verdict and no more. */
Datum
casus_sql_meets(PG_FUNCTION_ARGS)
{
	const pg_uuid_t *raw = PG_ARGISNULL(0) ? NULL : PG_GETARG_UUID_P(0);
	CasusGuardFrame *frame = casus_guard_frame_top();
	const CasusProtected *prot = frame == NULL || frame->query == NULL || PG_ARGISNULL(1) ? NULL :
		casus_registry_find(PG_GETARG_OID(1));

	if (prot == NULL || !casus_rowconflict_updates(frame->query, PG_GETARG_OID(1)))
		PG_RETURN_BOOL(raw != NULL && casus_policy_permits(raw));
	PG_RETURN_BOOL(casus_accesslog_meets(frame->query, prot, raw));
}

/* ON CONFLICT DO UPDATE evaluates its conditions on a row that no scan has passed. */
static void
bind_conflict(Query *query, RangeTblEntry *rte, const CasusProtected *prot)
{
	WithCheckOption *check = makeNode(WithCheckOption);

	query->onConflict->onConflictWhere = guard_conflict_where(query, prot);
	if (prot->mode != CASUS_MODE_ENFORCE)
		return;

	check->kind = WCO_RLS_CONFLICT_CHECK;
	check->relname = get_rel_name(rte->relid);
	check->polname = NULL;
	check->qual = (Node *) make_permits(query->resultRelation, prot);
	check->cascaded = false;
	query->withCheckOptions = lcons(check, query->withCheckOptions);
}

static void
bind_relation(Query *query, RangeTblEntry *rte, Index rtindex, Binding *binding)
{
	const CasusProtected *prot;

	if (casus_guard_is_statistics(rte->relid))
	{
		casus_guard_statistics(rte, rtindex);
		binding->found = true;
	}
	if (casus_guard_is_plain(rte->relid))
		return;
	prot = casus_registry_find(rte->relid);
	if (prot == NULL)
	{
		binding->state |= casus_guard_is_state(rte->relid);
		return;
	}
	binding->found = true;
	if (!CASUS_LAYER(query))
		return;
	if (prot->mode < CASUS_MODE_OBSERVE || prot->label_attno == InvalidAttrNumber)
		return;
	if (query->commandType == CMD_INSERT && rtindex == query->resultRelation)
	{
		/* A plain INSERT reads nothing. */
		if (query->onConflict != NULL &&
			query->onConflict->action == ONCONFLICT_UPDATE)
			bind_conflict(query, rte, prot);
		return;
	}
	if (prot->mode == CASUS_MODE_ENFORCE)
		bind_table(rte, rtindex, prot);
}

/* ---- functions in SQL that the planner would inline ---- */

static bool
is_sql_set(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	result = form->prolang == SQLlanguageId && form->proretset;
	ReleaseSysCache(tuple);
	return result;
}

/*
 * Inlines a copy, as the planner will, and looks what comes out.  The body is
 * bound on the way, to no effect, which tells whether there was anything to
 * bind, also in functions inlined in turn.
 */
static void
keep_function(RangeTblEntry *rte, Binding *binding)
{
	RangeTblFunction *function = linitial(rte->functions);
	FuncExpr   *call = (FuncExpr *) function->funcexpr;
	PlannerInfo *root;
	RangeTblEntry *copy;
	Query	   *body;
	Binding		inner = {binding->sql, false, binding->only_own, false, false};

	if (!IsA(call, FuncExpr) || list_member_oid(kept, call->funcid) ||
		!is_sql_set(call->funcid))
		return;

	root = makeNode(PlannerInfo);
	root->glob = makeNode(PlannerGlobal);
	root->parse = makeNode(Query);
	root->query_level = 1;
	root->planner_cxt = CurrentMemoryContext;
	copy = copyObject(rte);
	copy->functions = (List *) eval_const_expressions(root, (Node *) copy->functions);
	body = inline_set_returning_function(root, copy);
	if (body == NULL)
		return;
	bind_walker((Node *) body, &inner);
	if (inner.found || inner.state)
		kept = lappend_oid(kept, call->funcid);
	binding->found |= inner.found;
}

static bool
casus_needs_fmgr_hook(Oid function)
{
	if (kept != NIL && list_member_oid(kept, function))
		return true;
	if (function >= FirstNormalObjectId && casus_installed() &&
		casus_guard_inline_refused(function))
		return true;
	return prev_needs_fmgr_hook && prev_needs_fmgr_hook(function);
}

/* ---- the walk ---- */

static void
bind_query(Query *query, Binding *binding)
{
	Index		rtindex = 0;
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		rtindex++;
		if (rte->rtekind == RTE_RELATION &&
			(rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_PARTITIONED_TABLE))
			bind_relation(query, rte, rtindex, binding);
		else if (rte->rtekind == RTE_FUNCTION && list_length(rte->functions) == 1)
			keep_function(rte, binding);
	}
}

static bool
bind_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		/* Quals first: what is added has no sub-query to walk. */
		bind_query((Query *) node, context);
		return query_tree_walker((Query *) node, bind_walker, context, 0);
	}
	if (IsA(node, FuncExpr))
		casus_guard_sequence((FuncExpr *) node);
	if (!((Binding *) context)->only_own)
		casus_guard_function_call(node);
	((Binding *) context)->leaks |= casus_guard_view_leaks(node);
	return expression_tree_walker(node, bind_walker, context);
}

static void
unbind_query(Query *query)
{
	Index		rtindex = 0;
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		const CasusProtected *prot;

		rtindex++;
		if (rte->rtekind != RTE_RELATION)
			continue;
		prot = casus_registry_find(rte->relid);
		if (prot != NULL)
			unbind_table(rte, rtindex, prot);
	}
}

/* The check of a foreign key: see casus_sql_finds_parent(). */
static void
bind_key_check(Query *query)
{
	const CasusProtected *prot;
	Var		   *label;

	if (!casus_guard_ri_seeks_parent(query))
		return;
	prot = casus_registry_find(((RangeTblEntry *) linitial(query->rtable))->relid);
	if (prot == NULL || prot->mode != CASUS_MODE_ENFORCE ||
		prot->label_attno == InvalidAttrNumber ||
		!OidIsValid(casus_finds_parent_oid()))
		return;
	label = makeVar(1, prot->label_attno, casus_label_type_oid(), -1, InvalidOid, 0);
	query->jointree->quals =
		make_and_qual(query->jointree->quals,
					  (Node *) makeFuncExpr(casus_finds_parent_oid(), BOOLOID, list_make1(label),
											InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

bool
casus_guard_query(Query *query, const char *sql, int *options)
{
	Binding		binding = {sql, false, casus_registry_idle(), false, false};

	if (query->commandType == CMD_UTILITY)
		return false;
	if (casus_guard_ri_query(query))
	{
		bind_key_check(query);
		return false;
	}
	if (casus_guard_validate_query(query, sql))
	{
		unbind_query(query);
		*options &= ~CURSOR_OPT_PARALLEL_OK;
		return false;
	}
	bind_walker((Node *) query, &binding);
	if (binding.leaks && binding.found)
		casus_guard_view_query(query);
	if (binding.state)
		casus_guard_below(query);

	/* Workers do not know the rows that this transaction has inserted. */
	if (binding.found && casus_policy_any_insert())
		*options &= ~CURSOR_OPT_PARALLEL_OK;
	return binding.found;
}

/* Around the planner, which may be entered again by what it folds. */
List *
casus_guard_query_swap(List *functions)
{
	List	   *before = kept;

	kept = functions;
	return before;
}

void
casus_guard_query_init(void)
{
	prev_needs_fmgr_hook = needs_fmgr_hook;
	needs_fmgr_hook = casus_needs_fmgr_hook;
}
