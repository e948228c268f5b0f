/*
 * guard_view.c
 *		Code of users in a statement that reads views of casus, or protected
 *		tables: it is given no row that the check has not let through.
 *
 * The views are security barriers, but the planner lets below a barrier what is
 * declared LEAKPROOF, and shows it the values that ANALYZE has kept.  That word
 * is a superuser's, who is not above the checks.  And it lets below it whatever
 * leaks no column, as a CASE one of whose arms fails: whether it does tells of
 * the row.  So a call of a user's function over what such a view returns, and a
 * choice between such arms, is put, before planning, into a call of
 * casus_int.above(), which returns its argument and is declared nothing: no
 * condition with it goes below the barrier, whatever the function is declared
 * or becomes when the planner writes it out in line.  Over a protected table,
 * whose policy is put first in each scan, that is done with operators declared
 * LEAKPROOF, for what ANALYZE has kept.
 *
 * The views behind the log's functions are no barriers, so that an index serves;
 * those behind acts and doctor show what was decided about every dossier.
 * Nobody names those but the functions: what runs at the depth at which the
 * server has called one is its body.
 *
 * Private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "known.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

typedef struct Lift
{
	bool		views;			/* the statement reads views of casus */
	List	   *queries;		/* the innermost first */
	List	   *sets;			/* functions of users in FROM */
} Lift;

/* A call that the server has told of, and another library wants to hear of too. */
typedef struct Call
{
	int			outer_depth;
	Datum		arg;			/* that library's */
} Call;

static fmgr_hook_type prev_fmgr_hook = NULL;

static Node *lift_mutator(Node *node, Lift *lift);

/* Functions known not to be of casus, and to be; emptied when any function changes. */
static CasusKnown strange;
static CasusKnown own;

/* At which depth of frames a function of casus runs; -1: none does. */
static int	own_depth = -1;

/* ---- functions of users ---- */

static bool
is_untrusted(Oid function, void *context)
{
	return casus_guard_untrusted(function) &&
		!casus_guard_is_own(ProcedureRelationId, function);
}

/* Does a superuser's word let it go below a check? */
bool
casus_guard_view_leakproof(Oid function)
{
	return function >= FirstNormalObjectId && get_func_leakproof(function) &&
		is_untrusted(function, NULL);
}

/* Is such an operator here?  Asked of every node of a statement that casus looks at. */
bool
casus_guard_view_leaks(Node *node)
{
	switch (nodeTag(node))
	{
		case T_OpExpr:
		case T_DistinctExpr:
			return ((OpExpr *) node)->opno >= FirstNormalObjectId &&
				casus_guard_view_leakproof(get_opcode(((OpExpr *) node)->opno));
		case T_ScalarArrayOpExpr:
			return ((ScalarArrayOpExpr *) node)->opno >= FirstNormalObjectId &&
				casus_guard_view_leakproof(get_opcode(((ScalarArrayOpExpr *) node)->opno));
		default:
			return false;
	}
}

/* ---- before planning ---- */

/* Does it use what comes from anything but a table of the statement's own? */
static bool
of_view_walker(Node *node, void *context)
{
	Lift	   *lift = context;

	if (node == NULL)
		return false;
	if (IsA(node, SubLink) || IsA(node, Query))
		return true;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_SUBLINK;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		Query	   *query = list_nth(lift->queries, var->varlevelsup);

		return rt_fetch(var->varno, query->rtable)->rtekind != RTE_RELATION;
	}
	return expression_tree_walker(node, of_view_walker, context);
}

/* What is asked of a function. */
typedef struct Question
{
	check_function_callback asks;
	bool		tells;			/* it is whether it may fail */
} Question;

static bool
blind_walker(Node *node, void *context)
{
	Question   *question = context;

	if (node == NULL || IsA(node, SubLink) || IsA(node, Aggref) || IsA(node, WindowFunc))
		return false;
	/* What GREATEST compares with, it finds by the type: of records it may fail. */
	if (((IsA(node, MinMaxExpr) && question->tells) ||
		 check_functions_in_node(node, question->asks, NULL)) && !contain_vars_of_level(node, 0))
		return true;
	return expression_tree_walker(node, blind_walker, context);
}

static bool
may_tell(Oid function, void *context)
{
	return !get_func_leakproof(function);
}

/* Does it call such a function that is given no column? */
static bool
calls_blindly(Node *node, check_function_callback asks)
{
	Question	question = {asks, asks == may_tell};

	return blind_walker(node, &question);
}

/*
 * Is what it computes a matter of a value that it has computed before?  So is a
 * comparison behind another one; of texts alone, which name somebody: dates and
 * dossiers are compared with what is computed, and have an index.
 */
static bool
is_choice(Node *node)
{
	/* Of an array that is null no subscript is computed; of rows the first that differ decide. */
	return IsA(node, CaseExpr) || IsA(node, BoolExpr) || IsA(node, SubscriptingRef) ||
		IsA(node, RowCompareExpr) || OidIsValid(exprInputCollation(node));
}

/*
 * The planner looks for columns below what may fail.  It finds none below what
 * is done with each element of an array, and knows of an array of arrays not
 * that it fails where they differ in length.
 */
static bool
fails_unseen(Node *node)
{
	Node	   *element;

	if (IsA(node, ArrayExpr))
		return ((ArrayExpr *) node)->multidims;
	if (!IsA(node, ArrayCoerceExpr))
		return false;
	element = (Node *) ((ArrayCoerceExpr *) node)->elemexpr;
	if (IsA(element, RelabelType) && exprType(element) < FirstNormalObjectId)
		element = (Node *) ((RelabelType *) element)->arg;
	return !IsA(element, CaseTestExpr);
}

/* What a set is made by stays where it is; an aggregate is above anything. */
static bool
may_be_lifted(Node *node)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			return !((FuncExpr *) node)->funcretset;
		case T_OpExpr:
			return !((OpExpr *) node)->opretset;
		case T_SubscriptingRef:
			return ((SubscriptingRef *) node)->refassgnexpr == NULL;
		case T_ArrayCoerceExpr:
		case T_ArrayExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_RowCompareExpr:
		case T_CoerceViaIO:
		case T_RelabelType:
		case T_CaseExpr:
		case T_BoolExpr:
			return true;
		default:
			return false;
	}
}

static bool
is_lifted(Node *node, Lift *lift)
{
	if (!may_be_lifted(node))
		return false;
	if (casus_guard_view_leaks(node))
		return true;
	if (!lift->views || !of_view_walker(node, lift))
		return false;
	/* By a type the server finds functions that stand nowhere. */
	return fails_unseen(node) || check_functions_in_node(node, is_untrusted, NULL) ||
		(IsA(node, RelabelType) && exprType(node) >= FirstNormalObjectId) ||
		calls_blindly(node, is_choice(node) ? may_tell : is_untrusted);
}

/* Each of the conditions of a WHERE or ON stands by itself. */
static Node *
lift_conditions(Node *quals, Lift *lift)
{
	List	   *args = NIL;
	ListCell   *lc;

	if (quals == NULL || !is_andclause(quals))
		return lift_mutator(quals, lift);
	foreach(lc, ((BoolExpr *) quals)->args)
		args = lappend(args, lift_conditions(lfirst(lc), lift));
	return (Node *) make_andclause(args);
}

static Node *
lift_from(FromExpr *from, Lift *lift)
{
	FromExpr   *result = makeNode(FromExpr);

	result->fromlist = (List *) lift_mutator((Node *) from->fromlist, lift);
	result->quals = lift_conditions(from->quals, lift);
	return (Node *) result;
}

static Node *
lift_join(JoinExpr *join, Lift *lift)
{
	JoinExpr   *result = makeNode(JoinExpr);

	memcpy(result, join, sizeof(JoinExpr));
	result->larg = lift_mutator(join->larg, lift);
	result->rarg = lift_mutator(join->rarg, lift);
	result->quals = lift_conditions(join->quals, lift);
	return (Node *) result;
}

static Node *
lift_mutator(Node *node, Lift *lift)
{
	Node	   *result;

	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
	{
		lift->queries = lcons(node, lift->queries);
		result = (Node *) query_tree_mutator((Query *) node, lift_mutator, lift, 0);
		lift->queries = list_delete_first(lift->queries);
		return result;
	}
	if (IsA(node, FromExpr))
		return lift_from((FromExpr *) node, lift);
	if (IsA(node, JoinExpr))
		return lift_join((JoinExpr *) node, lift);
	/* It names an index. */
	if (IsA(node, InferenceElem))
		return copyObject(node);
	if (IsA(node, RangeTblFunction))
	{
		RangeTblFunction *function = copyObject((RangeTblFunction *) node);

		/* Its body would come among the conditions of the statement after this. */
		if (lift->views && IsA(function->funcexpr, FuncExpr) &&
			is_untrusted(((FuncExpr *) function->funcexpr)->funcid, NULL))
			lift->sets = lappend_oid(lift->sets, ((FuncExpr *) function->funcexpr)->funcid);
		function->funcexpr = expression_tree_mutator(function->funcexpr, lift_mutator, lift);
		return (Node *) function;
	}
	result = expression_tree_mutator(node, lift_mutator, lift);
	if (!is_lifted(node, lift))
		return result;
	return (Node *) makeFuncExpr(casus_above_oid(), exprType(node), list_make1(result),
								 exprCollation(node), exprCollation(node),
								 COERCE_EXPLICIT_CALL);
}

/* views: it reads views of casus; gives the functions that may not be inlined in it. */
List *
casus_guard_view_query(Query *query, bool views)
{
	Lift		lift = {views, list_make1(query), NIL};

	if (CASUS_LAYER(view) && OidIsValid(casus_above_oid()))
		(void) query_tree_mutator(query, lift_mutator, &lift, QTW_DONT_COPY_QUERY);
	return lift.sets;
}

PG_FUNCTION_INFO_V1(casus_sql_above);

Datum
casus_sql_above(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* ---- views that only functions of casus name ---- */

static bool
is_own(Oid function)
{
	uint64		as_of = strange.forgotten;
	bool		result;

	if (function < FirstNormalObjectId || casus_known_has(&strange, function) || !casus_present())
		return false;
	if (casus_known_has(&own, function))
		return true;
	result = casus_guard_is_own(ProcedureRelationId, function);
	casus_known_add(result ? &own : &strange, function, as_of);
	return result;
}

/* Around a call of a function with settings or an owner of its own. */
static void
casus_fmgr_hook(FmgrHookEventType event, FmgrInfo *function, Datum *arg)
{
	int			outer_depth = own_depth;
	Call	   *call;

	if (event == FHET_START)
		own_depth = is_own(function->fn_oid) ? casus_guard_frame_depth() : -1;
	if (prev_fmgr_hook == NULL)
	{
		if (event == FHET_START)
			*arg = Int32GetDatum(outer_depth);
		else
			own_depth = DatumGetInt32(*arg);
		return;
	}
	/* It is kept with the function, from one call to the next. */
	call = (Call *) DatumGetPointer(*arg);
	if (call == NULL)
	{
		call = MemoryContextAllocZero(function->fn_mcxt, sizeof(Call));
		*arg = PointerGetDatum(call);
	}
	if (event == FHET_START)
		call->outer_depth = outer_depth;
	else
		own_depth = call->outer_depth;
	prev_fmgr_hook(event, function, &call->arg);
}

/* They show every row, to whoever may read them. */
static bool
is_for_own(Oid relid)
{
	static const char *const views[] = {"loaded_record", "log_line", "standing", "ending",
	"state_finding"};
	char	   *schema = get_namespace_name(get_rel_namespace(relid));
	char	   *name = get_rel_name(relid);

	if (schema == NULL || name == NULL || strcmp(schema, CASUS_INT_SCHEMA) != 0)
		return false;
	for (int i = 0; i < lengthof(views); i++)
	{
		if (strcmp(name, views[i]) == 0)
			return true;
	}
	return false;
}

/* A view that the plan names and that is not for it, or InvalidOid. */
Oid
casus_guard_view_named(const PlannedStmt *plan)
{
	ListCell   *lc;

	if (!CASUS_LAYER(view) || own_depth == casus_guard_frame_depth())
		return InvalidOid;
	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->relkind == RELKIND_VIEW && OidIsValid(rte->relid) && is_for_own(rte->relid) &&
			casus_compat_check_as_user(plan, rte) != casus_owner_oid())
			return rte->relid;
	}
	return InvalidOid;
}

static void
forget_functions(Datum arg, int cacheid, uint32 hashvalue)
{
	casus_known_forget(&strange);
	casus_known_forget(&own);
}

void
casus_guard_view_init(void)
{
	prev_fmgr_hook = fmgr_hook;
	fmgr_hook = casus_fmgr_hook;
	CacheRegisterSyscacheCallback(PROCOID, forget_functions, (Datum) 0);
}
