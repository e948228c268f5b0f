/*
 * guard_shape.c
 *		What conditions and queries look like: the parts of which the statements
 *		are made by which PostgreSQL keeps foreign keys.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/transam.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

/* The casts that the server puts around a key of another type or collation. */
Node *
casus_guard_shape_bare(Node *node)
{
	for (;;)
	{
		if (node == NULL)
			return NULL;
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, CollateExpr))
			node = (Node *) ((CollateExpr *) node)->arg;
		else if (IsA(node, FuncExpr) && ((FuncExpr *) node)->args != NIL &&
				 ((FuncExpr *) node)->funcid < FirstNormalObjectId &&
				 ((FuncExpr *) node)->funcformat != COERCE_EXPLICIT_CALL)
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

/* A column of a table of the query itself, cast or not. */
bool
casus_guard_shape_column(Node *node)
{
	node = casus_guard_shape_bare(node);
	return node != NULL && IsA(node, Var) && ((Var *) node)->varattno > 0 &&
		((Var *) node)->varlevelsup == 0;
}

/* a = b, with an operator of the server. */
bool
casus_guard_shape_equality(Node *node)
{
	OpExpr	   *op = (OpExpr *) node;
	char	   *name;

	if (!IsA(node, OpExpr) || list_length(op->args) != 2 ||
		op->opno >= FirstNormalObjectId)
		return false;
	name = get_opname(op->opno);
	return name != NULL && strcmp(name, "=") == 0;
}

/* The conditions that all must hold. */
List *
casus_guard_shape_conjuncts(Node *quals)
{
	if (quals == NULL)
		return NIL;
	if (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR)
		return ((BoolExpr *) quals)->args;
	if (IsA(quals, List))
		return (List *) quals;
	return list_make1(quals);
}

/* Nothing but tables, joins and conditions. */
bool
casus_guard_shape_simple(const Query *query)
{
	return query->cteList == NIL && query->returningList == NIL &&
		query->groupClause == NIL && query->groupingSets == NIL &&
		query->havingQual == NULL && query->windowClause == NIL &&
		query->distinctClause == NIL && query->sortClause == NIL &&
		query->limitOffset == NULL && query->limitCount == NULL &&
		query->setOperations == NULL && query->onConflict == NULL &&
		query->mergeActionList == NIL && !query->hasSubLinks &&
		!query->hasAggs && !query->hasWindowFuncs && !query->hasTargetSRFs;
}
