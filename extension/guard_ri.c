/*
 * guard_ri.c
 *		Recognizes the statements by which PostgreSQL keeps foreign keys, which
 *		must see rows that nobody may see.
 *
 * The mark that the server sets while it runs one (InNoForceRLSOperation) is
 * inherited by user triggers that fire inside, and the shape alone anybody can
 * type; both together say no more than that a key exists, which a foreign key
 * says anyway.  What a cascade writes is judged by the row trigger.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "relation.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

/* ---- expressions ---- */

/* A custom plan has constants where the query has parameters. */
static bool
is_value(Node *node, bool planned)
{
	node = casus_guard_shape_bare(node);
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXTERN;
	return planned && IsA(node, Const);
}

static bool
is_key_comparison(Node *node, bool planned)
{
	Node	   *left,
			   *right;

	if (!casus_guard_shape_equality(node))
		return false;
	left = linitial(((OpExpr *) node)->args);
	right = lsecond(((OpExpr *) node)->args);
	return (casus_guard_shape_column(left) && is_value(right, planned)) ||
		(casus_guard_shape_column(right) && is_value(left, planned));
}

/* What guard_query.c has put in. */
static bool
finds_parent(Node *node)
{
	return IsA(node, FuncExpr) && OidIsValid(casus_finds_parent_oid()) &&
		((FuncExpr *) node)->funcid == casus_finds_parent_oid();
}

static bool
are_key_comparisons(List *quals, bool planned)
{
	ListCell   *lc;

	foreach(lc, quals)
	{
		if (!is_key_comparison(lfirst(lc), planned) && !(planned && finds_parent(lfirst(lc))))
			return false;
	}
	return true;
}

/* SELECT 1: nothing of the row. */
static bool
selects_one(List *targetlist)
{
	int			columns = 0;
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst(lc);
		Const	   *one = (Const *) tle->expr;

		if (tle->resjunk)
			continue;
		if (!IsA(one, Const) || one->constisnull || one->consttype != INT4OID ||
			DatumGetInt32(one->constvalue) != 1)
			return false;
		columns++;
	}
	return columns == 1;
}

/* ---- a marked statement, before planning ---- */

static bool
locks_for_key_share(const Query *query)
{
	RowMarkClause *mark;

	if (list_length(query->rowMarks) != 1)
		return false;
	mark = linitial(query->rowMarks);
	return mark->strength == LCS_FORKEYSHARE && mark->waitPolicy == LockWaitBlock;
}

/* ---- the columns: a key of the table, or its key to another ---- */

static void
add_columns(List *quals, Bitmapset **columns)
{
	ListCell   *lc;

	foreach(lc, quals)
	{
		OpExpr	   *op = lfirst(lc);
		Node	   *left = casus_guard_shape_bare(linitial(op->args));
		Var		   *var = (Var *) (IsA(left, Var) ? left :
								   casus_guard_shape_bare(lsecond(op->args)));

		*columns = bms_add_member(*columns, var->varattno);
	}
}

static bool
is_foreign_key(Relation rel, const Bitmapset *columns)
{
	ListCell   *lc;

	foreach(lc, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *key = lfirst(lc);
		Bitmapset  *set = NULL;

		for (int i = 0; i < key->nkeys; i++)
			set = bms_add_member(set, key->conkey[i]);
		if (bms_equal(set, columns))
			return true;
	}
	return false;
}

static bool
is_unique_key(Relation rel, const Bitmapset *columns)
{
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		Bitmapset  *set = NULL;
		bool		unique = index->rd_index->indisunique && index->rd_index->indimmediate;

		for (int i = 0; i < index->rd_index->indnkeyatts; i++)
			set = bms_add_member(set, index->rd_index->indkey.values[i]);
		index_close(index, AccessShareLock);
		if (unique && bms_equal(set, columns))
			return true;
	}
	return false;
}

/* Any other column would tell of its contents, one guess at a time. */
static bool
compares_a_key(Oid relid, List *quals, CmdType command)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Bitmapset  *columns = NULL;
	bool		result;

	add_columns(quals, &columns);
	result = is_foreign_key(rel, columns) ||
		(command == CMD_SELECT && is_unique_key(rel, columns));
	table_close(rel, AccessShareLock);
	return result;
}

bool
casus_guard_ri_query(const Query *query)
{
	RangeTblEntry *rte;

	if (!CASUS_LAYER(ri))
		return InNoForceRLSOperation();
	if (!InNoForceRLSOperation() || list_length(query->rtable) != 1 ||
		!casus_guard_shape_simple(query))
		return false;
	rte = linitial(query->rtable);
	if (rte->rtekind != RTE_RELATION || rte->tablesample != NULL ||
		(rte->inh && rte->relkind != RELKIND_PARTITIONED_TABLE) ||
		query->jointree == NULL || list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef) ||
		query->jointree->quals == NULL ||
		!are_key_comparisons(casus_guard_shape_conjuncts(query->jointree->quals), false) ||
		!compares_a_key(rte->relid, casus_guard_shape_conjuncts(query->jointree->quals),
						query->commandType))
		return false;

	switch (query->commandType)
	{
		case CMD_SELECT:
			return selects_one(query->targetList) && locks_for_key_share(query);
		case CMD_DELETE:
			return true;
		case CMD_UPDATE:
			return !contain_var_clause((Node *) query->targetList);
		default:
			return false;
	}
}

/*
 * Does it look for the row that a key leads to?  The server writes that as
 * column = value, and what looks for rows that lead to a key the other way.
 */
bool
casus_guard_ri_seeks_parent(const Query *query)
{
	OpExpr	   *op;

	if (!CASUS_LAYER(ri) || query->commandType != CMD_SELECT)
		return false;
	op = linitial(casus_guard_shape_conjuncts(query->jointree->quals));
	return casus_guard_shape_column(linitial(op->args));
}

/* ---- a marked statement, planned ---- */

/* One table, or a partitioned one with partitions of it. */
static bool
is_of_one_table(const PlannedStmt *plan)
{
	RangeTblEntry *first = linitial(plan->rtable);
	ListCell   *lc;

	if (list_length(plan->rtable) == 1)
		return true;
	if (first->rtekind != RTE_RELATION || first->relkind != RELKIND_PARTITIONED_TABLE)
		return false;
	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind != RTE_RELATION ||
			(rte != first && !list_member_oid(get_partition_ancestors(rte->relid), first->relid)))
			return false;
	}
	return true;
}

static bool is_key_scan(Plan *plan);

static bool
are_key_scans(List *plans)
{
	ListCell   *lc;

	foreach(lc, plans)
	{
		if (!is_key_scan(lfirst(lc)))
			return false;
	}
	return true;
}

static bool
is_key_scan(Plan *plan)
{
	if (plan == NULL || !are_key_comparisons(plan->qual, true) || plan->initPlan != NIL)
		return false;
	switch (nodeTag(plan))
	{
		case T_SeqScan:
			return true;
		case T_Append:
			return are_key_scans(((Append *) plan)->appendplans);
		case T_Result:			/* no partition can have it */
			return plan->lefttree == NULL;
		case T_IndexScan:
			return are_key_comparisons(((IndexScan *) plan)->indexqualorig, true) &&
				((IndexScan *) plan)->indexorderby == NIL;
		case T_BitmapHeapScan:
			return are_key_comparisons(((BitmapHeapScan *) plan)->bitmapqualorig, true) &&
				is_key_scan(plan->lefttree);
		case T_BitmapIndexScan:
			return are_key_comparisons(((BitmapIndexScan *) plan)->indexqualorig, true);
		default:
			return false;
	}
}

/* What a cascade sets is made of its parameters and of defaults. */
static bool
takes_no_column(Plan *plan)
{
	ListCell   *lc;

	if (IsA(plan, Append))
	{
		foreach(lc, ((Append *) plan)->appendplans)
		{
			if (!takes_no_column(lfirst(lc)))
				return false;
		}
		return true;
	}
	foreach(lc, plan->targetlist)
	{
		TargetEntry *tle = lfirst(lc);

		if (!(IsA(tle->expr, Var) && ((Var *) tle->expr)->varattno < 0) &&
			contain_var_clause((Node *) tle->expr))
			return false;
	}
	return true;
}

static bool
locks_key_share(List *marks)
{
	ListCell   *lc;

	foreach(lc, marks)
	{
		if (((PlanRowMark *) lfirst(lc))->markType != ROW_MARK_KEYSHARE)
			return false;
	}
	return marks != NIL;
}

/*
 * Catalogs have no keys of that kind, and those of casus' own tables are kept
 * by their owner.
 */
static bool
may_have_keys(const PlannedStmt *plan)
{
	Oid			relid = linitial_node(RangeTblEntry, plan->rtable)->relid;

	return relid >= FirstNormalObjectId &&
		(!casus_is_own_relation(relid) || GetUserId() == casus_owner_oid());
}

bool
casus_guard_ri_plan(const PlannedStmt *plan)
{
	Plan	   *top = plan->planTree;

	if (!CASUS_LAYER(ri))
		return InNoForceRLSOperation();
	if (!InNoForceRLSOperation() || !is_of_one_table(plan) || !may_have_keys(plan) ||
		plan->subplans != NIL || plan->hasReturning || plan->hasModifyingCTE ||
		top->initPlan != NIL)
		return false;
	switch (plan->commandType)
	{
		case CMD_SELECT:
			return IsA(top, LockRows) && locks_key_share(plan->rowMarks) &&
				selects_one(top->targetlist) && is_key_scan(top->lefttree);
		case CMD_DELETE:
		case CMD_UPDATE:
			return IsA(top, ModifyTable) && is_key_scan(top->lefttree) &&
				takes_no_column(top->lefttree);
		default:
			return false;
	}
}
