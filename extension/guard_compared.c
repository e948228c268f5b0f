/*
 * guard_compared.c
 *		Comparisons of a column with a value that cannot fail, whatever is in the
 *		row and whenever they are made.
 *
 * A list of built-in types and of ways to come by a value without computing one,
 * and nothing that is declared of a function.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Some centuries. */
#define NEAR_DAYS	(400 * 366)

/* A type whose comparisons fail on no value. */
static bool
is_plain(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case DATEOID:
		case TIMESTAMPTZOID:
		case UUIDOID:
		case TEXTOID:
		case NAMEOID:
			return true;
		default:
			return false;
	}
}

static bool
is_comparison(Oid operator, Oid collation)
{
	Oid			left;
	Oid			right;

	if (operator >= FirstNormalObjectId || collation >= FirstNormalObjectId)
		return false;
	switch (get_oprrest(operator))
	{
		case F_EQSEL:
		case F_SCALARLTSEL:
		case F_SCALARLESEL:
		case F_SCALARGTSEL:
		case F_SCALARGESEL:
			break;
		default:
			return false;
	}
	op_input_types(operator, &left, &right);
	/* Texts of which nobody said how they are compared fail. */
	return is_plain(left) && is_plain(right) &&
		(OidIsValid(collation) || !(OidIsValid(get_typcollation(left)) ||
									OidIsValid(get_typcollation(right))));
}

/* A column of a table of a query around: its value is there before this one runs. */
static bool
is_value_around(Var *var, const CasusGuardAround *around)
{
	Query	   *query = list_nth(around->queries, var->varlevelsup);
	RangeTblEntry *rte = rt_fetch(var->varno, query->rtable);

	/* From 18 on a generated column (v) may be the expression itself. */
	return around->per_row && var->varattno > 0 && rte->rtekind == RTE_RELATION &&
		get_attgenerated(rte->relid, var->varattno) != 'v';
}

static bool
is_now(Node *node, Oid type)
{
	return (IsA(node, SQLValueFunction) && ((SQLValueFunction *) node)->type == type) ||
		(IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == F_NOW && type == TIMESTAMPTZOID);
}

/* Not so far from now that there is no such day. */
static bool
is_near_now(OpExpr *op)
{
	Const	   *by = list_length(op->args) == 2 ? (Const *) lsecond(op->args) : NULL;
	Interval   *interval;

	if (by == NULL || !IsA(by, Const) || by->constisnull)
		return false;
	switch (get_opcode(op->opno))
	{
		case F_DATE_PLI:
		case F_DATE_MII:
			return is_now(linitial(op->args), DATEOID) &&
				abs(DatumGetInt32(by->constvalue) / 2) < NEAR_DAYS;
		case F_TIMESTAMPTZ_PL_INTERVAL:
		case F_TIMESTAMPTZ_MI_INTERVAL:
			interval = DatumGetIntervalP(by->constvalue);
			return is_now(linitial(op->args), TIMESTAMPTZOID) &&
				abs(interval->month / 2) < NEAR_DAYS / 60 &&
				abs(interval->day / 2) < NEAR_DAYS / 2 &&
				interval->time / USECS_PER_DAY < NEAR_DAYS &&
				interval->time / USECS_PER_DAY > -NEAR_DAYS;
		default:
			return false;
	}
}

/* Is its value there, or had without a way to fail? */
static bool
is_value(Node *node, const CasusGuardAround *around)
{
	ListCell   *lc;

	switch (nodeTag(node))
	{
		case T_Const:
		case T_SQLValueFunction:
			return true;
		case T_Param:
			return ((Param *) node)->paramkind == PARAM_EXTERN;
		case T_Var:
			return ((Var *) node)->varlevelsup > 0 && is_value_around((Var *) node, around);
		case T_OpExpr:
			return is_near_now((OpExpr *) node);
		case T_RelabelType:
			return is_value((Node *) ((RelabelType *) node)->arg, around);
		case T_FuncExpr:
			switch (((FuncExpr *) node)->funcid)
			{
				case F_NOW:
					return true;
				case F_INT8_INT4:
				case F_INT8_INT2:
				case F_INT4_INT2:
					return is_value(linitial(((FuncExpr *) node)->args), around);
				default:
					return false;
			}
		case T_ArrayExpr:
			if (((ArrayExpr *) node)->multidims)
				return false;
			foreach(lc, ((ArrayExpr *) node)->elements)
			{
				if (!is_value(lfirst(lc), around))
					return false;
			}
			return true;
		default:
			return false;
	}
}

static Var *
column_of(Node *node)
{
	if (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (!IsA(node, Var) || ((Var *) node)->varlevelsup > 0 || ((Var *) node)->varattno <= 0)
		return NULL;
	return (Var *) node;
}

/* The column that the condition compares with a value, or NULL. */
Var *
casus_guard_compared(Node *clause, const CasusGuardAround *around)
{
	Var		   *column = NULL;

	if (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) clause;
		Node	   *left = linitial(op->args);
		Node	   *right = lsecond(op->args);

		if (!is_comparison(op->opno, op->inputcollid))
			return NULL;
		if (is_value(right, around))
			column = column_of(left);
		else if (is_value(left, around))
			column = column_of(right);
	}
	else if (IsA(clause, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) clause)->useOr)
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause;

		if (is_comparison(op->opno, op->inputcollid) && is_value(lsecond(op->args), around))
			column = column_of(linitial(op->args));
	}
	return column;
}

/* Does it compare a column with another of its type? */
bool
casus_guard_equates(Node *clause)
{
	OpExpr	   *op = (OpExpr *) clause;

	return IsA(op, OpExpr) && list_length(op->args) == 2 &&
		get_oprrest(op->opno) == F_EQSEL && is_comparison(op->opno, op->inputcollid) &&
		IsA(linitial(op->args), Var) && column_of(linitial(op->args)) != NULL &&
		IsA(lsecond(op->args), Var) && column_of(lsecond(op->args)) != NULL &&
		exprType(linitial(op->args)) == exprType(lsecond(op->args));
}
