/*
 * guard_view.c
 *		Operators of users over protected tables, and views that are for casus' own
 *		functions.
 *
 * The planner asks an operator that is declared LEAKPROOF about the values that
 * ANALYZE has kept.  That word is a superuser's, who is not above the checks.  So
 * a call of one of a user's function is put, before planning, into a call of
 * casus_int.above(), which returns its argument and is declared nothing.  Below
 * the check of a view no such operator comes: guard_below.c.
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
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* A call that the server has told of, and another library wants to hear of too. */
typedef struct Call
{
	int			outer_depth;
	Datum		arg;			/* that library's */
} Call;

static fmgr_hook_type prev_fmgr_hook = NULL;

/* Functions known not to be of casus, and to be; emptied when any function changes. */
static CasusKnown strange;
static CasusKnown own;

/* At which depth of frames a function of casus runs; -1: none does. */
static int	own_depth = -1;

/* ---- functions of users ---- */

/* Does a superuser's word let it go below a check? */
bool
casus_guard_view_leakproof(Oid function)
{
	return function >= FirstNormalObjectId && get_func_leakproof(function) &&
		casus_guard_untrusted(function) && !casus_guard_is_own(ProcedureRelationId, function);
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

static Node *
lift_mutator(Node *node, void *context)
{
	Node	   *result;

	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, lift_mutator, context, 0);
	/* It names an index. */
	if (IsA(node, InferenceElem))
		return copyObject(node);
	result = expression_tree_mutator(node, lift_mutator, context);
	if (!casus_guard_view_leaks(node) || (IsA(node, OpExpr) && ((OpExpr *) node)->opretset))
		return result;
	return (Node *) makeFuncExpr(casus_above_oid(), exprType(node), list_make1(result),
								 exprCollation(node), exprCollation(node),
								 COERCE_EXPLICIT_CALL);
}

void
casus_guard_view_query(Query *query)
{
	if (CASUS_LAYER(view) && OidIsValid(casus_above_oid()))
		(void) query_tree_mutator(query, lift_mutator, NULL, QTW_DONT_COPY_QUERY);
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

	/* A library that comes with the first call of a function has not seen it begin. */
	if (!CASUS_LAYER(view) || !casus_preloaded || own_depth == casus_guard_frame_depth())
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
