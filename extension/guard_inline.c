/*
 * guard_inline.c
 *		Functions in SQL that the planner would write out in line.
 *
 * What a statement calls is judged before it is planned (guard_function.c); what
 * an inlined function calls comes in after that.  So a function is inlined only
 * if nothing that its body names is in the list of guard_function.c; else it is
 * called, and its body is a statement of its own.
 *
 * A body in text is not analyzed, for its types are known at the call only: a
 * name counts for all functions, or operators, of that name, in whatever schema.  Casts
 * of a function of the list are none: guard_named.c.
 *
 * Private to the backend: the functions that may be inlined, forgotten when any
 * function changes.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "known.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

static CasusKnown harmless;		/* emptied when any function changes */

static void
forget_harmless(Datum arg, int cacheid, uint32 hashvalue)
{
	casus_known_forget(&harmless);
}

/* ---- a body that was analyzed when it was made ---- */

/* Nor comes one in that the planner would show what ANALYZE has kept. */
static bool
is_listed(Oid function, void *context)
{
	return casus_guard_function_listed(function) || casus_guard_view_leakproof(function);
}

static bool
analyzed_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_listed, context))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, analyzed_walker, context, 0);
	return expression_tree_walker(node, analyzed_walker, context);
}

/* ---- a body in text ---- */

static bool
names_function(const char *name)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	bool		result = false;

	for (int i = 0; i < list->n_members && !result; i++)
	{
		Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		result = is_listed(proc->oid, NULL);
	}
	ReleaseSysCacheList(list);
	return result;
}

static bool
names_operator(const char *name)
{
	CatCList   *list = SearchSysCacheList1(OPERNAMENSP, CStringGetDatum(name));
	bool		result = false;

	for (int i = 0; i < list->n_members && !result; i++)
	{
		Form_pg_operator op = (Form_pg_operator) GETSTRUCT(&list->members[i]->tuple);

		result = casus_guard_view_leakproof(op->oprcode);
	}
	ReleaseSysCacheList(list);
	return result;
}

/* f in (x).f or x.f may be a function, too. */
static bool
names_field(List *fields)
{
	ListCell   *lc;

	foreach(lc, fields)
	{
		if (IsA(lfirst(lc), String) && names_function(strVal(lfirst(lc))))
			return true;
	}
	return false;
}

static bool
raw_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall) && names_function(strVal(llast(((FuncCall *) node)->funcname))))
		return true;
	if (IsA(node, A_Expr) && ((A_Expr *) node)->name != NIL &&
		IsA(llast(((A_Expr *) node)->name), String) &&
		names_operator(strVal(llast(((A_Expr *) node)->name))))
		return true;
	if (IsA(node, ColumnRef) && names_field(((ColumnRef *) node)->fields))
		return true;
	if (IsA(node, A_Indirection) && names_field(((A_Indirection *) node)->indirection))
		return true;
	return raw_expression_tree_walker(node, raw_walker, context);
}

/* ---- the function ---- */

static bool
body_is_listed(HeapTuple tuple)
{
	bool		isnull;
	Datum		body = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);
	List	   *statements;
	RawStmt    *statement;

	if (!isnull)
		return analyzed_walker(stringToNode(TextDatumGetCString(body)), NULL);
	body = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
	if (isnull)
		return false;
	statements = raw_parser(TextDatumGetCString(body), RAW_PARSE_DEFAULT);

	/* Nothing else is inlined. */
	if (list_length(statements) != 1)
		return false;
	statement = linitial(statements);
	return IsA(statement->stmt, SelectStmt) && raw_walker(statement->stmt, NULL);
}

/* Would what this function calls get past casus_guard_function_call() if it were inlined? */
bool
casus_guard_inline_refused(Oid function)
{
	uint64		as_of = harmless.forgotten;
	HeapTuple	tuple;
	MemoryContext memory;
	MemoryContext before;
	bool		result = false;

	if (casus_known_has(&harmless, function))
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId)
	{
		memory = AllocSetContextCreate(CurrentMemoryContext, "casus function in SQL", ALLOCSET_DEFAULT_SIZES);
		before = MemoryContextSwitchTo(memory);
		result = body_is_listed(tuple);
		MemoryContextSwitchTo(before);
		MemoryContextDelete(memory);
	}
	ReleaseSysCache(tuple);
	if (!result)
		casus_known_add(&harmless, function, as_of);
	return result;
}

void
casus_guard_inline_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, forget_harmless, (Datum) 0);
}
