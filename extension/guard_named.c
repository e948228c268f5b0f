/*
 * guard_named.c
 *		Functions that a statement names for the server to call by itself: of an
 *		operator class, a type, an operator, a cast.
 *
 * Nobody is asked before such a call (OAT_FUNCTION_EXECUTE), so what
 * guard_function.c would refuse is refused where it is named, and where one that
 * is named already is replaced by such a one.  The name alone is judged: one of
 * its meanings is enough.
 *
 * Nothing is kept between statements.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "state.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "utils/catcache.h"
#include "utils/syscache.h"

/* ---- before the first table is protected ---- */

/* What was named before there was anything to refuse for. */
void
casus_guard_named_check(void)
{
	CasusQuery	query;
	char	   *object = NULL;
	char	   *function = NULL;

	casus_query_begin(&query);
	casus_query_read(&query,
					 "SELECT type || ' ' || identity, function FROM casus_int.unasked ORDER BY 1 LIMIT 1");
	if (query.nrows > 0)
	{
		object = casus_query_get_text(&query, 0, 1);
		function = casus_query_get_text(&query, 0, 2);
	}
	casus_query_end(&query);
	if (object != NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "bypass",
						  psprintf("the server would call %s by itself, for %s", function, object),
						  "Nobody is asked before such a call, and the function keeps what it is given or goes past the executor.",
						  "SELECT mend FROM casus.doctor() WHERE code = 'unasked_function';");
}

/* ---- one that is replaced ---- */

/* What has the server call it already, by itself or by a default of another. */
void
casus_guard_named_made(Oid function)
{
	CasusQuery	query;
	char	   *object = NULL;

	casus_query_begin(&query);
	casus_query_int64(&query, function);
	casus_query_read(&query,
					 "WITH RECURSIVE calls(function) AS (SELECT $1::oid"
					 " UNION SELECT d.objid FROM pg_catalog.pg_depend d JOIN calls c ON d.refobjid = c.function"
					 " WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.classid = 'pg_catalog.pg_proc'::regclass)"
					 " SELECT i.type || ' ' || i.identity FROM casus_int.called_unasked n JOIN calls c USING (function),"
					 " LATERAL pg_catalog.pg_identify_object(n.classid, n.objid, 0) i ORDER BY 1 LIMIT 1");
	if (query.nrows > 0)
		object = casus_query_get_text(&query, 0, 1);
	casus_query_end(&query);
	if (object != NULL)
		casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
						   _("this function would go past the protocol"),
						   psprintf(_("The server calls it by itself, for %s, where nobody judges what it keeps."), object),
						   NULL);
}

/* ---- a statement that names one ---- */

/* Past the right to use the schema: a type may be put where nothing may be used. */
static void
check_in_schema(const char *schema, const char *name)
{
	Oid			namespace_oid = LookupNamespaceNoError(schema);
	CatCList   *functions = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	List	   *named = NIL;
	ListCell   *lc;

	for (int i = 0; i < functions->n_members; i++)
	{
		Form_pg_proc function = (Form_pg_proc) GETSTRUCT(&functions->members[i]->tuple);

		if (OidIsValid(namespace_oid) && function->pronamespace == namespace_oid)
			named = lappend_oid(named, function->oid);
	}
	ReleaseSysCacheList(functions);
	foreach(lc, named)
		casus_guard_function_named(lfirst_oid(lc));
}

static void
check_name(List *name)
{
	FuncCandidateList candidate;
	char	   *schema;
	char	   *function;

	if (name == NIL || list_length(name) > 3)
		return;
	DeconstructQualifiedName(name, &schema, &function);
	if (schema != NULL)
	{
		check_in_schema(schema, function);
		return;
	}
	candidate = FuncnameGetCandidates(name, -1, NIL, false, false, false, true);
	for (; candidate != NULL; candidate = candidate->next)
		casus_guard_function_named(candidate->oid);
}

/* CREATE TYPE, OPERATOR, AGGREGATE, TEXT SEARCH: any option may name one. */
static void
check_definition(List *definition)
{
	ListCell   *lc;

	foreach(lc, definition)
	{
		DefElem    *option = lfirst(lc);

		if (option->arg == NULL)
			continue;
		if (IsA(option->arg, TypeName))
			check_name(((TypeName *) option->arg)->names);
		else if (IsA(option->arg, List) && IsA(linitial((List *) option->arg), String))
			check_name((List *) option->arg);
		else if (IsA(option->arg, String))
			check_name(list_make1(option->arg));
	}
}

static void
check_items(List *items)
{
	ListCell   *lc;

	foreach(lc, items)
	{
		CreateOpClassItem *item = lfirst(lc);

		if (item->itemtype == OPCLASS_ITEM_FUNCTION && item->name != NULL)
			check_name(item->name->objname);
	}
}

static void
check_called(ObjectWithArgs *function)
{
	if (function != NULL)
		check_name(function->objname);
}

/* A domain's condition is planned past our hook, and kept. */
static bool
check_raw(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall))
		check_name(((FuncCall *) node)->funcname);
	return raw_expression_tree_walker(node, check_raw, context);
}

static void
check_condition(Node *def)
{
	if (def != NULL && IsA(def, Constraint))
		(void) check_raw(((Constraint *) def)->raw_expr, NULL);
}

void
casus_guard_named(Node *stmt)
{
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_CreateDomainStmt:
			foreach(lc, ((CreateDomainStmt *) stmt)->constraints)
				check_condition(lfirst(lc));
			break;
		case T_AlterDomainStmt:
			check_condition(((AlterDomainStmt *) stmt)->def);
			break;
		case T_CreateOpClassStmt:
			check_items(((CreateOpClassStmt *) stmt)->items);
			break;
		case T_AlterOpFamilyStmt:
			check_items(((AlterOpFamilyStmt *) stmt)->items);
			break;
		case T_DefineStmt:
			check_definition(((DefineStmt *) stmt)->definition);
			break;
		case T_CreateRangeStmt:
			check_definition(((CreateRangeStmt *) stmt)->params);
			break;
		case T_AlterTypeStmt:
			check_definition(((AlterTypeStmt *) stmt)->options);
			break;
		case T_AlterOperatorStmt:
			check_definition(((AlterOperatorStmt *) stmt)->options);
			break;
		case T_CreateCastStmt:
			check_called(((CreateCastStmt *) stmt)->func);
			break;
		case T_CreateTransformStmt:
			check_called(((CreateTransformStmt *) stmt)->fromsql);
			check_called(((CreateTransformStmt *) stmt)->tosql);
			break;
		case T_CreateConversionStmt:
			check_name(((CreateConversionStmt *) stmt)->func_name);
			break;
		case T_CreatePLangStmt:
			check_name(((CreatePLangStmt *) stmt)->plhandler);
			check_name(((CreatePLangStmt *) stmt)->plinline);
			check_name(((CreatePLangStmt *) stmt)->plvalidator);
			break;
		default:
			break;
	}
}
