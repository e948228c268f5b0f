/*
 * governs.c
 *		Expressions over the columns of one row: which rows a file governs,
 *		and from which date a dossier was open.
 *
 * Such an expression decides what is protected.  So it is parsed with the
 * settings pinned on which the meaning of its literals and names depends, may
 * use built-in functions and types only (nobody can replace those), and neither
 * sub-queries nor volatile functions.  Which rows a file governs is asked under
 * the settings of whoever writes a row: there only immutable functions serve.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "relation.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

/* What the column reference hook needs. */
typedef struct Names
{
	Relation	rel;
	List	   *uses;
	const char *what;
} Names;

static void
refuse(const char *what, const char *detail)
{
	casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
					  psprintf("the expression given as %s cannot be used", what),
					  detail,
					  _("It compares the table's own columns with literals by built-in operators and immutable functions."));
}

static Node *
make_column(const Names *names, AttrNumber attno, int location)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(names->rel), attno - 1);
	Var		   *var;

	if (att->attgenerated)
		refuse(names->what, psprintf("Column \"%s\" is generated: it has no value yet when the row is labelled.",
									 NameStr(att->attname)));
	if (strcmp(NameStr(att->attname), CASUS_LABEL_COLUMN) == 0)
		refuse(names->what, "The label itself cannot decide about the label.");
	var = makeVar(1, attno, att->atttypid, att->atttypmod, att->attcollation, 0);
	var->location = location;
	return (Node *) var;
}

/*
 * Resolves a column by the name it had when the table was protected, else by
 * its name now.  Everything else (other tables, whole rows, system columns)
 * is unknown here.
 */
static Node *
resolve_column(ParseState *pstate, ColumnRef *cref)
{
	Names	   *names = pstate->p_ref_hook_state;
	TupleDesc	desc = RelationGetDescr(names->rel);
	char	   *name;
	ListCell   *lc;

	if (list_length(cref->fields) != 1 || !IsA(linitial(cref->fields), String))
		refuse(names->what, "Columns stand in it by their bare name.");
	name = strVal(linitial(cref->fields));
	foreach(lc, names->uses)
	{
		CasusColumnUse *use = lfirst(lc);

		if (strcmp(use->use, "name") == 0 && strcmp(use->value, name) == 0)
			return make_column(names, use->attno, cref->location);
	}
	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			return make_column(names, i + 1, cref->location);
	}
	refuse(names->what, psprintf("There is no column \"%s\" in table \"%s\".",
								 name, RelationGetRelationName(names->rel)));
	return NULL;
}

static bool
not_built_in(Oid function, void *context)
{
	return function >= FirstGenbkiObjectId;
}

/* Does the tree hold anything that a user can define? */
static bool
is_foreign(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, not_built_in, context))
		return true;
	if (IsA(node, CoerceToDomain) || IsA(node, SubLink) || IsA(node, Param))
		return true;
	/* Lists, as of what stands in IN (...), come by too, and CASE's branches. */
	if (!IsA(node, List) && !IsA(node, CaseWhen) && !IsA(node, Var) && !IsA(node, Const) &&
		!IsA(node, RelabelType) && exprType(node) >= FirstGenbkiObjectId)
		return true;
	return expression_tree_walker(node, is_foreign, context);
}

/* A word after the expression ("a = 1 and") is a column alias to the parser: refused too. */
static Node *
parse_raw(const char *text, const char *what)
{
	List	   *raw = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *stmt;

	if (list_length(raw) != 1 ||
		!IsA(linitial_node(RawStmt, raw)->stmt, SelectStmt))
		refuse(what, "It is not an expression.");
	stmt = (SelectStmt *) linitial_node(RawStmt, raw)->stmt;
	if (list_length(stmt->targetList) != 1 || stmt->fromClause != NIL ||
		stmt->whereClause != NULL || stmt->groupClause != NIL ||
		stmt->havingClause != NULL || stmt->windowClause != NIL ||
		stmt->distinctClause != NIL || stmt->sortClause != NIL ||
		stmt->limitCount != NULL || stmt->limitOffset != NULL ||
		stmt->lockingClause != NIL || stmt->valuesLists != NIL ||
		stmt->op != SETOP_NONE || stmt->withClause != NULL ||
		linitial_node(ResTarget, stmt->targetList)->name != NULL)
		refuse(what, "It is not one expression.");
	return linitial_node(ResTarget, stmt->targetList)->val;
}

/* What is being parsed, for messages. */
typedef struct Source
{
	const char *text;
	const char *what;
} Source;

/* A syntax error is one in the expression, not in the statement that gave it. */
static void
point_into_expression(void *arg)
{
	Source	   *source = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(source->text);
	}
	errcontext("expression given as %s", source->what);
}

/*
 * Within the caller's nest of settings: those that change what an expression
 * says, as a session may have set them.  A date is a day in the Netherlands.
 */
void
casus_governs_pin(void)
{
	static const char *const pinned[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"standard_conforming_strings", "on"},
		{"transform_null_equals", "off"},
		{"array_nulls", "on"},
		{"DateStyle", "ISO, DMY"},
		{"IntervalStyle", "postgres"},
		{"TimeZone", "Europe/Amsterdam"},
		{"lc_monetary", "C"},
		{"xmloption", "content"},
	};

	for (int i = 0; i < lengthof(pinned); i++)
		(void) set_config_option(pinned[i][0], pinned[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

Node *
casus_governs_parse(Relation rel, const char *text, List *uses,
					Oid result_type, const char *what)
{
	ParseState *pstate = make_parsestate(NULL);
	Names		names = {rel, uses, what};
	Node	   *expr;
	Oid			type;
	int			nest = NewGUCNestLevel();
	Source		source = {text, what};
	ErrorContextCallback callback = {error_context_stack, point_into_expression, &source};

	error_context_stack = &callback;
	casus_governs_pin();
	pstate->p_pre_columnref_hook = resolve_column;
	pstate->p_ref_hook_state = &names;
	expr = transformExpr(pstate, parse_raw(text, what),
						 EXPR_KIND_CHECK_CONSTRAINT);
	type = exprType(expr);
	expr = coerce_to_target_type(pstate, expr, type, result_type, -1,
								 COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	if (expr == NULL)
		refuse(what, psprintf("Its type is %s, not %s.",
							  format_type_be(type), format_type_be(result_type)));
	assign_expr_collations(pstate, expr);
	free_parsestate(pstate);
	AtEOXact_GUC(true, nest);
	error_context_stack = callback.previous;

	if (is_foreign(expr, NULL))
		refuse(what, "It uses a function, type or parameter that is not built in.");
	if (contain_volatile_functions(expr))
		refuse(what, "It uses a volatile function.");
	if (result_type == BOOLOID && contain_mutable_functions(expr))
		refuse(what, "It uses a function whose result depends on the time or on the settings of a session. Compare the columns themselves with literals.");
	return expr;
}

/*
 * For the registry, planned, since nothing in it is a user's to change.  A
 * predicate that was fine once and cannot be read now (a column dropped) must
 * not raise in the middle of a relcache load of somebody's statement, but make
 * the table closed.
 */
Node *
casus_governs_parse_quietly(Relation rel, const char *text, List *uses)
{
	MemoryContext old = CurrentMemoryContext;
	Node	   *volatile expr = NULL;
	int			nest = NewGUCNestLevel();

	PG_TRY();
	{
		expr = casus_governs_parse(rel, text, uses, BOOLOID, "governs");
		expr = (Node *) expression_planner((Expr *) expr);
	}
	PG_CATCH();
	{
		int			category = ERRCODE_TO_CATEGORY(geterrcode());

		if (category != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION &&
			category != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(old);
		FlushErrorState();
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nest);
	return expr;
}

List *
casus_governs_columns(Node *expr)
{
	List	   *columns = NIL;
	List	   *vars = pull_var_clause(expr, 0);
	ListCell   *lc;

	foreach(lc, vars)
		columns = list_append_unique_int(columns, lfirst_node(Var, lc)->varattno);
	return columns;
}

/* The columns that are generated from a column. */
List *
casus_governs_generated_from(Relation rel, AttrNumber source)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *columns = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && att->attgenerated != '\0' &&
			list_member_int(casus_governs_columns(build_column_default(rel, i + 1)), source))
			columns = lappend_int(columns, i + 1);
	}
	return columns;
}

/* The same data in them, as uses of those columns: for what is done to each column. */
List *
casus_governs_generated_uses(Relation rel, List *uses)
{
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, uses)
	{
		CasusColumnUse *use = lfirst(lc);

		if (strcmp(use->use, "data") != 0)
			continue;
		foreach(lc2, casus_governs_generated_from(rel, use->attno))
		{
			CasusColumnUse *copy = palloc(sizeof(CasusColumnUse));

			*copy = *use;
			copy->attno = lfirst_int(lc2);
			result = lappend(result, copy);
		}
	}
	return result;
}

static void
add_data(CasusFileSettings *fs, AttrNumber attno, char *category)
{
	for (int i = 0; i < fs->ndata; i++)
	{
		if (fs->data[i].attno == attno && strcmp(fs->data[i].category, category) == 0)
			return;
	}
	fs->data = repalloc(fs->data, sizeof(CasusDataColumn) * (fs->ndata + 1));
	memset(&fs->data[fs->ndata], 0, sizeof(CasusDataColumn));
	fs->data[fs->ndata].attno = attno;
	fs->data[fs->ndata++].category = category;
}

/* What is generated from data of a category is data of that category. */
void
casus_governs_spread(Relation rel, CasusSettings *settings)
{
	for (int i = 0; i < settings->nfiles; i++)
	{
		CasusFileSettings *fs = &settings->files[i];
		int			n = fs->ndata;

		for (int j = 0; j < n; j++)
		{
			ListCell   *lc;

			foreach(lc, casus_governs_generated_from(rel, fs->data[j].attno))
				add_data(fs, lfirst_int(lc), fs->data[j].category);
		}
	}
}
