/*
 * guard_mask.c
 *		References to columns of a category of their own, replaced by what the
 *		reader may see of them.
 *
 *		column		becomes CASE WHEN casus_int.column_permits(casus_label, table,
 *					number) THEN column END
 *		whole row	becomes CASE WHEN casus_label IS NOT NULL THEN ROW(...) END,
 *					with its columns masked
 *
 * wherever it stands: in views, in conditions and join conditions, in RETURNING,
 * in the conditions of other policies and of views with CHECK OPTION.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "column.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

typedef struct Masking
{
	List	   *tables;			/* CasusMaskedTable */
	List	   *queries;		/* around the node at hand, innermost first */
} Masking;

/* ---- references ---- */

CasusMaskedTable *
casus_guard_mask_table(List *tables, Oid relid)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		CasusMaskedTable *table = lfirst(lc);

		if (table->relid == relid)
			return table;
	}
	return NULL;
}

/* The table that the reference is about; NULL: none with masked columns. */
static CasusMaskedTable *
table_of(Var *var, Masking *masking)
{
	Query	   *query;
	RangeTblEntry *rte;
	CasusMaskedTable *table;

	if (var->varlevelsup >= list_length(masking->queries))
		return NULL;
	query = list_nth(masking->queries, var->varlevelsup);
	if (var->varno < 1 || var->varno > list_length(query->rtable))
		return NULL;
	rte = rt_fetch(var->varno, query->rtable);
	/* EXCLUDED of ON CONFLICT is the caller's own row: of another relkind. */
	if (rte->rtekind != RTE_RELATION ||
		(rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_PARTITIONED_TABLE))
		return NULL;
	table = casus_guard_mask_table(masking->tables, rte->relid);
	return table != NULL && table->masked != NULL ? table : NULL;
}

static bool
is_masked(Var *var, Masking *masking)
{
	CasusMaskedTable *table = var->varattno > 0 ? table_of(var, masking) : NULL;

	return table != NULL && bms_is_member(var->varattno, table->masked);
}

/* Another column of the same row, as seen from the same place. */
static Var *
other_column(Var *var, AttrNumber attno, Oid type, int32 typmod, Oid collation)
{
	Var		   *other = copyObject(var);

	other->varattno = attno;
	other->vartype = type;
	other->vartypmod = typmod;
	other->varcollid = collation;
	if (other->varattnosyn != 0)
		other->varattnosyn = attno;
	return other;
}

static Var *
label_of(Var *var, CasusMaskedTable *table)
{
	return other_column(var, table->label, casus_label_type_oid(), -1, InvalidOid);
}

static Node *
make_case(Expr *condition, Expr *result, Oid type, int32 typmod, Oid collation)
{
	CaseExpr   *choice = makeNode(CaseExpr);
	CaseWhen   *when = makeNode(CaseWhen);

	when->expr = condition;
	when->result = result;
	when->location = -1;
	choice->casetype = type;
	choice->casecollid = collation;
	choice->args = list_make1(when);
	/* With the type modifier, which clients are told of. */
	choice->defresult = (Expr *) makeNullConst(type, typmod, collation);
	choice->location = -1;
	return (Node *) choice;
}

static Node *
mask_column(Var *var, CasusMaskedTable *table)
{
	List	   *args = list_make3(label_of(var, table),
								  makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid),
											ObjectIdGetDatum(table->relid), false, true),
								  makeConst(INT2OID, -1, InvalidOid, sizeof(int16),
											Int16GetDatum(var->varattno), false, true));

	return make_case((Expr *) makeFuncExpr(casus_column_permits_oid(), BOOLOID, args,
										   InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
					 (Expr *) copyObject(var),
					 var->vartype, var->vartypmod, var->varcollid);
}

/* A whole row, put together from its columns; NULL where an outer join made it so. */
static Node *
mask_row(Var *var, CasusMaskedTable *table)
{
	RowExpr    *row = makeNode(RowExpr);
	NullTest   *there = makeNode(NullTest);
	Relation	rel = table_open(table->relid, NoLock);
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Var		   *column;

		if (att->attisdropped)
		{
			row->args = lappend(row->args, makeNullConst(INT4OID, -1, InvalidOid));
			continue;
		}
		column = other_column(var, i + 1, att->atttypid, att->atttypmod, att->attcollation);
		row->args = lappend(row->args, bms_is_member(i + 1, table->masked) ?
							mask_column(column, table) : (Node *) column);
	}
	table_close(rel, NoLock);
	row->row_typeid = var->vartype;
	row->row_format = COERCE_IMPLICIT_CAST;
	row->location = -1;

	there->arg = (Expr *) label_of(var, table);
	there->nulltesttype = IS_NOT_NULL;
	there->location = -1;
	return make_case((Expr *) there, (Expr *) row, var->vartype, var->vartypmod, var->varcollid);
}

static Node *
mask_var(Var *var, Masking *masking)
{
	CasusMaskedTable *table = var->varattno >= 0 ? table_of(var, masking) : NULL;

	if (table == NULL)
		return (Node *) copyObject(var);
	if (var->varattno == 0)
		return mask_row(var, table);
	return bms_is_member(var->varattno, table->masked) ?
		mask_column(var, table) : (Node *) copyObject(var);
}

/* ---- conditions that may still use an index ---- */

/* Anything of a row, or of a sub-query. */
static bool
reads_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || IsA(node, SubLink))
		return true;
	return expression_tree_walker(node, reads_walker, context);
}

/*
 * Is a masked column of this very query level compared with what is no row's?
 * Then the comparison stays at the scan of its table.  As a condition of a join
 * it would be counted there: rows for which it holds and the other does not.
 */
static bool
compares_column(List *args, Masking *masking)
{
	bool		found = false;
	ListCell   *lc;

	foreach(lc, args)
	{
		Node	   *arg = lfirst(lc);

		while (IsA(arg, RelabelType))
			arg = (Node *) ((RelabelType *) arg)->arg;
		if (!found && IsA(arg, Var) && ((Var *) arg)->varlevelsup == 0 &&
			is_masked((Var *) arg, masking))
			found = true;
		else if (reads_walker(arg, NULL))
			return false;
	}
	return found;
}

/*
 * A comparison that is not true for NULL holds for the masked values only if it
 * holds for the values themselves, so that it may be asked of these as well:
 * then an index serves.  That it is leakproof keeps values out of messages, and
 * a row for which it holds and which is hidden is left out by the other.
 */
static bool
is_implied(Node *qual, Masking *masking)
{
	Oid			function;
	List	   *args;

	if (IsA(qual, OpExpr))
	{
		set_opfuncid((OpExpr *) qual);
		function = ((OpExpr *) qual)->opfuncid;
		args = ((OpExpr *) qual)->args;
	}
	else if (IsA(qual, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) qual)->useOr)
	{
		set_sa_opfuncid((ScalarArrayOpExpr *) qual);
		function = ((ScalarArrayOpExpr *) qual)->opfuncid;
		args = ((ScalarArrayOpExpr *) qual)->args;
	}
	else
		return false;
	return list_length(args) == 2 && func_strict(function) &&
		get_func_leakproof(function) && compares_column(args, masking) &&
		!contain_volatile_functions(qual);
}

static List *
implied_quals(Node *quals, Masking *masking)
{
	List	   *implied = NIL;
	ListCell   *lc;

	if (quals == NULL)
		return NIL;
	if (is_andclause(quals))
	{
		foreach(lc, ((BoolExpr *) quals)->args)
			implied = list_concat(implied, implied_quals(lfirst(lc), masking));
	}
	else if (is_implied(quals, masking))
		implied = list_make1(copyObject(quals));
	return implied;
}

static Node *
add_quals(Node *quals, List *implied)
{
	if (implied == NIL)
		return quals;
	return (Node *) makeBoolExpr(AND_EXPR, lappend(implied, quals), -1);
}

/* ---- the walk ---- */

static Node *mask_mutator(Node *node, void *context);

/* The index by which a conflict is found is looked for by the bare columns. */
static Node *
mask_conflict(OnConflictExpr *conflict, Masking *masking)
{
	OnConflictExpr *copy = copyObject(conflict);

	copy->onConflictSet = (List *) mask_mutator((Node *) copy->onConflictSet, masking);
	copy->onConflictWhere = mask_mutator(copy->onConflictWhere, masking);
	return (Node *) copy;
}

/*
 * An assignment to a part of a column takes the rest of its value from the column
 * and puts it back there, which shows it to nobody.
 */
static bool
is_own_rest(Node *node)
{
	return node != NULL && IsA(node, Var);
}

static Node *
mask_assignment(Node *node, Masking *masking)
{
	Node	   *copy = expression_tree_mutator(node, mask_mutator, (void *) masking);

	if (IsA(node, FieldStore) && is_own_rest((Node *) ((FieldStore *) node)->arg))
		((FieldStore *) copy)->arg = copyObject(((FieldStore *) node)->arg);
	if (IsA(node, SubscriptingRef) && is_own_rest((Node *) ((SubscriptingRef *) node)->refexpr))
		((SubscriptingRef *) copy)->refexpr = copyObject(((SubscriptingRef *) node)->refexpr);
	return copy;
}

static Node *
mask_mutator(Node *node, void *context)
{
	Masking    *masking = context;
	Node	   *copy;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return mask_var((Var *) node, masking);
	if (IsA(node, OnConflictExpr))
		return mask_conflict((OnConflictExpr *) node, masking);
	if (IsA(node, FieldStore) ||
		(IsA(node, SubscriptingRef) && ((SubscriptingRef *) node)->refassgnexpr != NULL))
		return mask_assignment(node, masking);
	if (IsA(node, Query))
	{
		masking->queries = lcons(node, masking->queries);
		copy = (Node *) query_tree_mutator((Query *) node, mask_mutator, context, 0);
		masking->queries = list_delete_first(masking->queries);
		return copy;
	}
	copy = expression_tree_mutator(node, mask_mutator, context);
	if (IsA(node, FromExpr))
		((FromExpr *) copy)->quals = add_quals(((FromExpr *) copy)->quals,
											   implied_quals(((FromExpr *) node)->quals, masking));
	else if (IsA(node, JoinExpr) && ((JoinExpr *) node)->jointype == JOIN_INNER)
		((JoinExpr *) copy)->quals = add_quals(((JoinExpr *) copy)->quals,
											   implied_quals(((JoinExpr *) node)->quals, masking));
	return copy;
}

/* In place; a subquery is replaced by a copy. */
void
casus_guard_mask(Query *query, List *tables)
{
	Masking		masking = {tables, list_make1(query)};

	(void) query_tree_mutator(query, mask_mutator, &masking, QTW_DONT_COPY_QUERY);
}
