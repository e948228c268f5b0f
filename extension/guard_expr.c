/*
 * guard_expr.c
 *		What the policy looks like in a query, a plan or a catalog; and is an
 *		expression made of what the server brings along alone?  User code
 *		that the server runs over all rows (an index, a constraint, a changed
 *		type) would see what nobody may see.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/table.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_range.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* The column that permits() is called on, if that is what it is: whose, the caller asks. */
Var *
casus_guard_judged(Node *node, Oid permits)
{
	FuncExpr   *call = (FuncExpr *) node;
	Node	   *label;

	if (node == NULL || !IsA(node, FuncExpr) || call->funcid != permits ||
		list_length(call->args) != 1)
		return NULL;
	label = linitial(call->args);
	while (IsA(label, RelabelType))
		label = (Node *) ((RelabelType *) label)->arg;
	return IsA(label, Var) ? (Var *) label : NULL;
}

/* Is this condition the policy of the table whose columns go by this number? */
bool
casus_guard_is_policy(Node *node, Oid permits, Index varno, const CasusProtected *prot)
{
	Var		   *label = casus_guard_judged(node, permits);

	return label != NULL && label->varno == varno && label->varlevelsup == 0 &&
		label->varattno == prot->label_attno;
}

/* An index-only scan speaks of columns by their place in the index. */
static bool
is_policy_of_index(Node *node, Oid permits, const IndexOnlyScan *plan,
				   const CasusProtected *prot)
{
	Var		   *label = casus_guard_judged(node, permits);

	if (label == NULL || label->varno != INDEX_VAR ||
		label->varattno < 1 || label->varattno > list_length(plan->indextlist))
		return false;
	label = (Var *) ((TargetEntry *) list_nth(plan->indextlist, label->varattno - 1))->expr;
	return IsA(label, Var) && label->varno == plan->scan.scanrelid &&
		label->varattno == prot->label_attno;
}

/*
 * Where the policy of the table stands among the conditions of a scan of it;
 * 0: first, as it should; -1: nowhere.
 */
int
casus_guard_policy_place(const Plan *plan, Oid permits, const CasusProtected *prot)
{
	ListCell   *lc;

	foreach(lc, plan->qual)
	{
		if (IsA(plan, IndexOnlyScan) ?
			is_policy_of_index(lfirst(lc), permits, (const IndexOnlyScan *) plan, prot) :
			casus_guard_is_policy(lfirst(lc), permits, ((const Scan *) plan)->scanrelid, prot))
			return foreach_current_index(lc);
	}
	return -1;
}

static bool
foreign_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

/* Input, output and domain checks of a type are functions as well. */
static bool
foreign_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) || IsA(node, Query))
		return true;
	if (check_functions_in_node(node, foreign_function, context))
		return true;
	if ((IsA(node, CoerceToDomain) || IsA(node, CoerceViaIO) || IsA(node, OpExpr) ||
		 IsA(node, FuncExpr)) && exprType(node) >= FirstNormalObjectId)
		return true;
	return expression_tree_walker(node, foreign_walker, context);
}

bool
casus_guard_builtin(Node *node)
{
	return !foreign_walker(node, NULL);
}

/* C code of an extension, which a superuser has installed, counts as the server's. */
static bool
untrusted_function(Oid function, void *context)
{
	HeapTuple	tuple;
	Oid			language;

	if (function < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return true;
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	ReleaseSysCache(tuple);
	return language != ClanguageId ||
		!OidIsValid(getExtensionOfObject(ProcedureRelationId, function));
}

bool
casus_guard_untrusted(Oid function)
{
	return untrusted_function(function, NULL);
}

static bool
untrusted_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomain) || IsA(node, SubLink) ||
		check_functions_in_node(node, untrusted_function, context))
		return true;
	return expression_tree_walker(node, untrusted_walker, context);
}

bool
casus_guard_trusted(Node *node)
{
	return !untrusted_walker(node, NULL) && !contain_volatile_functions(node);
}

/* ---- types ---- */

static Oid
first_untrusted(const Oid *functions, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (untrusted_function(functions[i], NULL))
			return functions[i];
	}
	return InvalidOid;
}

static Oid
function_of_range(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(RANGETYPE, ObjectIdGetDatum(type));
	Form_pg_range range;
	Oid			functions[3];
	Oid			subtype;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	range = (Form_pg_range) GETSTRUCT(tuple);
	subtype = range->rngsubtype;
	functions[0] = range->rngsubdiff;
	functions[1] = range->rngcanonical;
	ReleaseSysCache(tuple);
	functions[2] = lookup_type_cache(type, TYPECACHE_RANGE_INFO)->rng_cmp_proc_finfo.fn_oid;
	if (OidIsValid(first_untrusted(functions, lengthof(functions))))
		return first_untrusted(functions, lengthof(functions));
	return casus_guard_type_function(subtype);
}

static Oid
function_of_row(Oid type)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(type, -1);
	Oid			function = InvalidOid;

	for (int i = 0; i < desc->natts && !OidIsValid(function); i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			function = casus_guard_type_function(TupleDescAttr(desc, i)->atttypid);
	}
	return function;
}

/* By its operator classes, and by what it is made of. */
Oid
casus_guard_type_function(Oid type)
{
	TypeCacheEntry *entry;
	Oid			functions[4];

	check_stack_depth();
	type = getBaseType(type);
	if (type < FirstNormalObjectId)
		return InvalidOid;
	entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR | TYPECACHE_CMP_PROC |
							  TYPECACHE_HASH_PROC);
	functions[0] = OidIsValid(entry->eq_opr) ? get_opcode(entry->eq_opr) : InvalidOid;
	functions[1] = OidIsValid(entry->lt_opr) ? get_opcode(entry->lt_opr) : InvalidOid;
	functions[2] = entry->cmp_proc;
	functions[3] = entry->hash_proc;
	if (OidIsValid(first_untrusted(functions, lengthof(functions))))
		return first_untrusted(functions, lengthof(functions));
	if (OidIsValid(get_element_type(type)))
		return casus_guard_type_function(get_element_type(type));
	switch (get_typtype(type))
	{
		case TYPTYPE_RANGE:
			return function_of_range(type);
		case TYPTYPE_MULTIRANGE:
			return function_of_range(get_multirange_range(type));
		case TYPTYPE_COMPOSITE:
			return function_of_row(type);
		default:
			return InvalidOid;
	}
}

/* Built-in functions that write (set_config, pg_notify) would carry values away. */
bool
casus_guard_builtin_over_rows(Node *expr)
{
	return casus_guard_builtin(expr) && !contain_volatile_functions(expr);
}

/* ---- raw expressions ---- */

/*
 * The same for an expression over a relation's columns that has not been
 * through the parser; it is parsed on a copy as the command itself will.
 */
bool
casus_guard_builtin_raw(Oid relid, Node *raw, int kind)
{
	Relation	rel;
	ParseState *pstate;
	ParseNamespaceItem *item;
	Node	   *expr;
	bool		result;

	if (raw == NULL)
		return true;
	rel = table_open(relid, AccessShareLock);
	pstate = make_parsestate(NULL);
	item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock, NULL, false, true);
	addNSItemToQuery(pstate, item, false, true, true);
	expr = transformExpr(pstate, copyObject(raw), (ParseExprKind) kind);
	result = kind == EXPR_KIND_COLUMN_DEFAULT ? casus_guard_builtin(expr) :
		casus_guard_builtin_over_rows(expr);
	free_parsestate(pstate);
	table_close(rel, NoLock);
	return result;
}
