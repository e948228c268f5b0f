/*
 * guard_index.c
 *		Indexes under the policy: which conditions of a user may choose rows by
 *		an index before the policy has judged them.
 *
 * The planner gives no condition an index before the security quals have run,
 * unless its operator is leakproof: an error that only a hidden row raises
 * would tell of that row.  LIKE, full text, jsonb, arrays, numeric and the
 * like would all scan the table.  For an index scan, though, what runs on a
 * hidden row is little: the access method compares keys by the functions of
 * the index's operator class.  So:
 *
 *	- vetted operators (guard_vetted.c) may choose rows by an index whose
 *	  operator classes the server or a known extension brings along; those
 *	  compare keys and raise nothing that depends on one;
 *	- they count as leakproof only while index paths are made, so that nothing
 *	  else of the plan rests on it;
 *	- where an index is lossy the executor tests a row again by the operator
 *	  itself, before the plan's condition: the policy is put before that too;
 *	- an index that returns rows by distance computes with values of hidden
 *	  rows: only vetted distances are read from an index.
 *
 * The last two hold at executor start whoever has made the plan.  Kept between
 * statements, and private to the backend, is only which functions are leakproof.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "known.h"

#include "access/transam.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "optimizer/restrictinfo.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static get_relation_info_hook_type prev_get_relation_info = NULL;
static set_rel_pathlist_hook_type prev_set_rel_pathlist = NULL;

/* ---- while index paths are made ---- */

/* Is the policy the only security qual of the relation? */
static bool
only_policy(PlannerInfo *root, RelOptInfo *rel)
{
	ListCell   *lc;
	bool		found = false;

	foreach(lc, rel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		FuncExpr   *func = (FuncExpr *) rinfo->clause;

		if (rinfo->security_level >= root->qual_security_level)
			continue;
		if (!IsA(func, FuncExpr) || func->funcid != casus_permits_oid())
			return false;
		found = true;
	}
	return found;
}

/* The arms of an OR are clauses of their own. */
static List *
promote(Node *node, List *promoted)
{
	RestrictInfo *rinfo = (RestrictInfo *) node;
	ListCell   *lc;

	if (IsA(node, BoolExpr))
	{
		foreach(lc, ((BoolExpr *) node)->args)
			promoted = promote(lfirst(lc), promoted);
		return promoted;
	}
	if (!IsA(node, RestrictInfo))
		return promoted;
	if (rinfo->orclause != NULL)
		return promote((Node *) rinfo->orclause, promoted);
	if (!rinfo->leakproof && rinfo->security_level > 0 &&
		casus_guard_vetted((Node *) rinfo->clause))
	{
		rinfo->leakproof = true;
		promoted = lappend(promoted, rinfo);
	}
	return promoted;
}

static void
add_index_paths(PlannerInfo *root, RelOptInfo *rel)
{
	List	   *promoted = NIL;
	List	   *all = rel->indexlist;
	List	   *known = NIL;
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
		promoted = promote(lfirst(lc), promoted);
	foreach(lc, rel->joininfo)
		promoted = promote(lfirst(lc), promoted);
	if (promoted == NIL)
		return;
	foreach(lc, all)
	{
		if (casus_guard_vetted_index(lfirst(lc)))
			known = lappend(known, lfirst(lc));
	}
	if (known != NIL)
	{
		rel->indexlist = known;
		create_index_paths(root, rel);
		rel->indexlist = all;
	}
	foreach(lc, promoted)
		lfirst_node(RestrictInfo, lc)->leakproof = false;
}

static void
casus_get_relation_info(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	ListCell   *lc;

	if (prev_get_relation_info)
		prev_get_relation_info(root, relid, inhparent, rel);
	if (rel->indexlist == NIL || !casus_installed() || casus_registry_empty() ||
		casus_guard_is_plain(relid) || casus_registry_find(relid) == NULL)
		return;
	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);

		if (index->amcanorderbyop && !casus_guard_vetted_distances(index))
			index->amcanorderbyop = false;
	}
}

static void
casus_set_rel_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	if (prev_set_rel_pathlist)
		prev_set_rel_pathlist(root, rel, rti, rte);

	/* Without security quals in the query every condition has its index. */
	if (root->qual_security_level == 0 || rte->rtekind != RTE_RELATION || rte->inh ||
		rte->tablesample != NULL || rel->indexlist == NIL || IS_DUMMY_REL(rel) ||
		!casus_installed())
		return;
	if (only_policy(root, rel))
		add_index_paths(root, rel);
}

/* ---- in a plan ---- */

/* Functions known to be leakproof; emptied when any function changes. */
static CasusKnown tame;

static void
forget_tame(Datum arg, int cacheid, uint32 hashvalue)
{
	casus_known_forget(&tame);
}

static bool
may_fail(Oid function, void *context)
{
	uint64		as_of = tame.forgotten;

	if (casus_known_has(&tame, function))
		return false;
	if (function >= FirstNormalObjectId || !get_func_leakproof(function))
		return true;
	casus_known_add(&tame, function, as_of);
	return false;
}

/* Could a test of a row tell of it?  What is not known here could. */
static bool
leaky_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_Var:
		case T_Const:
		case T_Param:
		case T_RelabelType:
		case T_NullTest:
		case T_BoolExpr:
		case T_BooleanTest:
		case T_OpExpr:
		case T_ScalarArrayOpExpr:
		case T_FuncExpr:
		case T_RowCompareExpr:
			break;
		default:
			return true;
	}
	if (check_functions_in_node(node, may_fail, NULL))
		return true;
	return expression_tree_walker(node, leaky_walker, context);
}

static bool
is_leaf(Node *node)
{
	return IsA(node, Var) || IsA(node, Const) || IsA(node, Param);
}

/* The same question, quickly answered for what most scans test: columns compared with values. */
static bool
is_leaky(List *quals)
{
	ListCell   *lc;

	foreach(lc, quals)
	{
		OpExpr	   *op = (OpExpr *) lfirst(lc);

		if (!IsA(op, OpExpr) || !OidIsValid(op->opfuncid) || may_fail(op->opfuncid, NULL) ||
			list_length(op->args) != 2 ||
			!is_leaf(linitial(op->args)) || !is_leaf(lsecond(op->args)))
			return leaky_walker((Node *) quals, NULL);
	}
	return false;
}

/* The conditions by which an index scan tests a row again, or NULL. */
static List **
recheck_of(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			return &((IndexScan *) plan)->indexqualorig;
		case T_IndexOnlyScan:
			return &((IndexOnlyScan *) plan)->recheckqual;
		case T_BitmapHeapScan:
			return &((BitmapHeapScan *) plan)->bitmapqualorig;
		default:
			return NULL;
	}
}

/* Puts the policy before them, which is the first condition of the plan already. */
void
casus_guard_index_order(Plan *plan)
{
	List	  **recheck = recheck_of(plan);

	if (recheck != NULL && is_leaky(*recheck) &&
		!equal(linitial(*recheck), linitial(plan->qual)))
		*recheck = lcons(copyObject(linitial(plan->qual)), *recheck);
}

/* At executor start: does nothing but the access method work on rows before the policy? */
bool
casus_guard_index_holds(Plan *plan)
{
	List	  **recheck = recheck_of(plan);
	List	   *orderbys = NIL;

	if (recheck != NULL && *recheck != NIL &&
		!equal(linitial(*recheck), linitial(plan->qual)) && is_leaky(*recheck))
		return false;
	if (IsA(plan, IndexScan))
		orderbys = ((IndexScan *) plan)->indexorderbyorig;
	else if (IsA(plan, IndexOnlyScan))
		orderbys = ((IndexOnlyScan *) plan)->indexorderby;
	return casus_guard_vetted_order(orderbys);
}

void
casus_guard_index_init(void)
{
	prev_get_relation_info = get_relation_info_hook;
	get_relation_info_hook = casus_get_relation_info;
	prev_set_rel_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = casus_set_rel_pathlist;
	CacheRegisterSyscacheCallback(PROCOID, forget_tame, (Datum) 0);
}
