/*
 * guard_below.c
 *		Comparisons with a constant, put below the checks of casus' views.
 *
 * A view of casus that keeps rows back has OFFSET 0 above its check, so that the
 * planner takes no condition below it: whether one fails would tell of a row
 * that the caller does not see.  A column compared with a value that is there
 * already cannot fail, and may have an index: before planning such a comparison
 * is put into the view itself, beside the check, through sub-queries and views
 * that only pass the column on.  Only a comparison that does not hold of NULL is
 * taken, so it may go below outer joins as well: what it takes away there, or
 * leaves without a match, the condition above takes away too.  Where no outer
 * join is in between, it is no longer needed there.
 *
 * What counts as such a comparison: guard_compared.c.  To take one for none costs
 * time only.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

typedef struct Below
{
	CasusGuardAround around;
	List	   *equal;			/* comparisons of one column with another of the innermost */
} Below;

/* A comparison on its way down. */
typedef struct Going
{
	Node	   *clause;
	Var		   *column;			/* in the query that it stands in */
	int			depth;			/* of how many queries it has come into */
	bool		outer;			/* an outer join is on the way */
	bool		shut;			/* so is OFFSET 0: of a view of casus, or a fence */
} Going;

static bool put_below(Query *query, Var *column, Going *going);
static bool below_walker(Node *node, void *context);

/* ---- down ---- */

static Node *
column_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		return copyObject(context);
	return expression_tree_mutator(node, column_mutator, context);
}

static bool
has_outer_join(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_JOIN && rte->jointype != JOIN_INNER)
			return true;
	}
	return false;
}

/* As OFFSET 0 is before the planner has seen it. */
static bool
is_zero(Node *node)
{
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == F_INT8_INT4)
		node = linitial(((FuncExpr *) node)->args);
	return IsA(node, Const) && ((Const *) node)->consttype == INT4OID &&
		!((Const *) node)->constisnull && DatumGetInt32(((Const *) node)->constvalue) == 0;
}

/* Does it pass rows on one by one? */
static bool
passes_rows(Query *query)
{
	return query->commandType == CMD_SELECT && query->limitCount == NULL &&
		(query->limitOffset == NULL || is_zero(query->limitOffset)) &&
		query->rowMarks == NIL && !query->hasAggs && !query->hasWindowFuncs &&
		!query->hasTargetSRFs && query->groupClause == NIL && query->groupingSets == NIL &&
		query->havingQual == NULL && query->distinctClause == NIL;
}

static bool
has_param(Node *node, void *context)
{
	return node != NULL &&
		(IsA(node, Param) || expression_tree_walker(node, has_param, context));
}

/*
 * A variable of PL/pgSQL may turn out to be of another type when it is read: so
 * it is read before any row is, in a condition that follows from this one.
 */
static void
put_here(Query *query, Var *column, Going *going)
{
	Node	   *clause = copyObject(going->clause);
	ListCell   *lc;

	IncrementVarSublevelsUp(clause, going->depth, 1);
	clause = column_mutator(clause, column);
	query->jointree->quals = make_and_qual(query->jointree->quals, clause);
	foreach(lc, IsA(clause, OpExpr) ? ((OpExpr *) clause)->args :
			((ScalarArrayOpExpr *) clause)->args)
	{
		NullTest   *test;

		if (!has_param(lfirst(lc), NULL))
			continue;
		test = makeNode(NullTest);
		test->arg = copyObject(lfirst(lc));
		test->nulltesttype = IS_NOT_NULL;
		test->argisrow = false;
		test->location = -1;
		query->jointree->quals = make_and_qual(query->jointree->quals, (Node *) test);
	}
}

/* Into a sub-query, by its column of this number. */
static bool
put_into(Query *query, Node *setop, AttrNumber attno, Going *going)
{
	TargetEntry *entry;
	bool		shut = going->shut;
	bool		result;

	if (setop != NULL && IsA(setop, SetOperationStmt))
	{
		SetOperationStmt *op = (SetOperationStmt *) setop;

		if (op->op != SETOP_UNION)
			return false;
		result = put_into(query, op->larg, attno, going);
		return put_into(query, op->rarg, attno, going) && result;
	}
	going->depth++;
	if (setop != NULL)
		query = rt_fetch(((RangeTblRef *) setop)->rtindex, query->rtable)->subquery;
	going->shut |= query->limitOffset != NULL;
	if (!passes_rows(query))
		result = false;
	else if (query->setOperations != NULL)
		result = put_into(query, query->setOperations, attno, going);
	else
	{
		entry = get_tle_by_resno(query->targetList, attno);
		result = entry != NULL && IsA(entry->expr, Var) &&
			((Var *) entry->expr)->varlevelsup == 0 &&
			((Var *) entry->expr)->varattno > 0 &&
			((Var *) entry->expr)->vartype == going->column->vartype &&
			((Var *) entry->expr)->varcollid == going->column->varcollid &&
			put_below(query, (Var *) entry->expr, going);
	}
	going->depth--;
	going->shut = shut;
	return result;
}

/* What the planner will write out in line of WITH: what is read once. */
static Query *
sole_query(Query *query, RangeTblEntry *rte)
{
	ListCell   *lc;

	foreach(lc, rte->ctelevelsup == 0 ? query->cteList : NIL)
	{
		CommonTableExpr *cte = lfirst(lc);

		if (strcmp(cte->ctename, rte->ctename) == 0 && cte->cterefcount == 1 &&
			!cte->cterecursive && cte->ctematerialized != CTEMaterializeAlways &&
			!contain_volatile_functions(cte->ctequery))
			return (Query *) cte->ctequery;
	}
	return NULL;
}

/* To where the column comes from; has it come into each branch? */
static bool
put_below(Query *query, Var *column, Going *going)
{
	RangeTblEntry *rte = rt_fetch(column->varno, query->rtable);
	Query	   *below;
	Node	   *alias;

	if (going->shut && rte->rtekind != RTE_RELATION)
		return false;
	switch (rte->rtekind)
	{
		case RTE_JOIN:
			alias = list_nth(rte->joinaliasvars, column->varattno - 1);
			return alias != NULL && IsA(alias, Var) && ((Var *) alias)->varattno > 0 &&
				put_below(query, (Var *) alias, going);
		case RTE_SUBQUERY:
			going->outer |= has_outer_join(query);
			return put_into(rte->subquery, NULL, column->varattno, going);
		case RTE_CTE:
			below = sole_query(query, rte);
			going->outer |= has_outer_join(query);
			return below != NULL && put_into(below, NULL, column->varattno, going);
		case RTE_RELATION:
			if (going->depth == 0 || !casus_guard_is_state(rte->relid))
				return false;
			put_here(query, column, going);
			return true;
		default:
			return false;
	}
}

/* ---- the conditions of a query ---- */

static Bitmapset *
relations_of(Node *from, Bitmapset *relations)
{
	ListCell   *lc;

	if (IsA(from, RangeTblRef))
		return bms_add_member(relations, ((RangeTblRef *) from)->rtindex);
	if (IsA(from, JoinExpr))
	{
		relations = relations_of(((JoinExpr *) from)->larg, relations);
		return relations_of(((JoinExpr *) from)->rarg, relations);
	}
	foreach(lc, ((FromExpr *) from)->fromlist)
		relations = relations_of(lfirst(lc), relations);
	return relations;
}

static bool
same_column(Var *a, Var *b)
{
	return a->varno == b->varno && a->varattno == b->varattno;
}

static bool
is_in(List *columns, Var *column)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		if (same_column(lfirst(lc), column))
			return true;
	}
	return false;
}

/* Of what is equal to the column the condition holds as well. */
static void
put_equals(Query *query, Going *going, Oid collation, Below *below)
{
	List	   *columns = list_make1(going->column);
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, columns)
	{
		foreach(lc2, below->equal)
		{
			OpExpr	   *op = lfirst(lc2);
			Var		   *a = linitial(op->args);
			Var		   *b = lsecond(op->args);

			if (op->inputcollid != collation || a->vartype != going->column->vartype)
				continue;
			if (same_column(a, lfirst(lc)) && !is_in(columns, b))
				columns = lappend(columns, b);
			else if (same_column(b, lfirst(lc)) && !is_in(columns, a))
				columns = lappend(columns, a);
		}
	}
	for_each_from(lc, columns, 1)
	{
		Going		also = {column_mutator(going->clause, lfirst(lc)), lfirst(lc), 0, false, false};

		(void) put_below(query, lfirst(lc), &also);
	}
}

/* Comparisons of a column with another of its type. */
static List *
equal_columns(Node *quals, List *equal)
{
	ListCell   *lc;

	if (quals == NULL)
		return equal;
	if (is_andclause(quals))
	{
		foreach(lc, ((BoolExpr *) quals)->args)
			equal = equal_columns(lfirst(lc), equal);
	}
	else if (casus_guard_equates(quals))
		equal = lappend(equal, quals);
	return equal;
}

static List *
equal_in_from(Node *from, List *equal)
{
	ListCell   *lc;

	if (IsA(from, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) from;

		equal = equal_in_from(join->rarg, equal_in_from(join->larg, equal));
		if (join->jointype == JOIN_INNER)
			equal = equal_columns(join->quals, equal);
	}
	else if (IsA(from, FromExpr))
	{
		foreach(lc, ((FromExpr *) from)->fromlist)
			equal = equal_in_from(lfirst(lc), equal);
		equal = equal_columns(((FromExpr *) from)->quals, equal);
	}
	return equal;
}

/* Those that are still to be asked above; of: of which relations, NULL: of all. */
static Node *
put_conditions(Node *quals, Query *query, Bitmapset *of, Below *below)
{
	Going		going = {quals, NULL, 0, false, false};
	List	   *args = NIL;
	ListCell   *lc;

	if (quals == NULL)
		return NULL;
	if (is_andclause(quals))
	{
		foreach(lc, ((BoolExpr *) quals)->args)
		{
			Node	   *arg = put_conditions(lfirst(lc), query, of, below);

			if (arg != NULL)
				args = lappend(args, arg);
		}
		return args == NIL ? NULL : (Node *) make_andclause(args);
	}
	going.column = casus_guard_compared(quals, &below->around);
	if (going.column == NULL || (of != NULL && !bms_is_member(going.column->varno, of)))
		return quals;
	if (of == NULL)
		put_equals(query, &going, exprInputCollation(quals), below);
	return put_below(query, going.column, &going) && !going.outer ? NULL : quals;
}

static void
put_from(Node *from, Query *query, Below *below)
{
	JoinExpr   *join = (JoinExpr *) from;
	ListCell   *lc;

	if (IsA(from, FromExpr))
	{
		foreach(lc, ((FromExpr *) from)->fromlist)
			put_from(lfirst(lc), query, below);
		((FromExpr *) from)->quals = put_conditions(((FromExpr *) from)->quals, query, NULL, below);
	}
	if (!IsA(from, JoinExpr))
		return;
	put_from(join->larg, query, below);
	put_from(join->rarg, query, below);
	if (join->jointype == JOIN_INNER)
		join->quals = put_conditions(join->quals, query, NULL, below);
	else if (join->jointype == JOIN_LEFT)
		join->quals = put_conditions(join->quals, query, relations_of(join->rarg, NULL), below);
	else if (join->jointype == JOIN_RIGHT)
		join->quals = put_conditions(join->quals, query, relations_of(join->larg, NULL), below);
}

/*
 * Where such a view computes something above its check, what ANALYZE has kept of
 * its tables is no more shown to an operator of the statement's than elsewhere.
 */
static void
hide_statistics(Query *query)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *view = lfirst(lc);

		if (view->rtekind != RTE_SUBQUERY || !view->security_barrier || !CASUS_LAYER(view))
			continue;
		foreach(lc2, view->subquery->rtable)
		{
			RangeTblEntry *rte = lfirst(lc2);

			if (rte->rtekind == RTE_SUBQUERY && rte->subquery->limitOffset != NULL)
				rte->security_barrier = true;
		}
	}
}

static bool
below_walker(Node *node, void *context)
{
	Below	   *below = context;
	bool		per_row = below->around.per_row;
	List	   *equal = below->equal;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		hide_statistics(query);
		/* Nor does one in FROM with a LIMIT. */
		below->around.per_row |= query->limitCount != NULL && below->around.queries != NIL;
		below->around.queries = lcons(query, below->around.queries);
		/* Of MERGE the conditions say what is done with a row. */
		if (query->jointree != NULL && query->commandType != CMD_MERGE)
		{
			below->equal = equal_in_from((Node *) query->jointree, NIL);
			put_from((Node *) query->jointree, query, below);
		}
		(void) query_tree_walker(query, below_walker, below, 0);
		below->around.queries = list_delete_first(below->around.queries);
	}
	else
	{
		/* The others become joins, or are run once. */
		if (IsA(node, SubLink))
			below->around.per_row = ((SubLink *) node)->subLinkType == EXPR_SUBLINK ||
				((SubLink *) node)->subLinkType == ARRAY_SUBLINK;
		(void) expression_tree_walker(node, below_walker, below);
	}
	below->around.per_row = per_row;
	below->equal = equal;
	return false;
}

void
casus_guard_below(Query *query)
{
	Below		below = {{NIL, false}, NIL};

	(void) below_walker((Node *) query, &below);
}
