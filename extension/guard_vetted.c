/*
 * guard_vetted.c
 *		Operators, indexes and distances that may work on a row before the
 *		policy has judged it; guard_index.c says when.
 *
 * A vetted operator's index raises no error and no notice that depends on a
 * key: with the operator classes of the server and of the extensions named
 * here the access method compares keys, or bits of them, with the constant of
 * the query.  What the operator itself may raise on a row does not count,
 * since the policy runs before it, with two exceptions that cost nothing: a
 * LIKE pattern that ends in an escape character, and a jsonb pattern that is
 * nested so deeply that a row could exhaust the stack.
 *
 * Built-in functions are known by oid, which nobody can take; those of an
 * extension by its membership, library and symbol.  Nothing is kept.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_language.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* What is asked of the arguments of a vetted operator. */
typedef enum Vetted
{
	VETTED_NOT,
	VETTED_ANY,					/* nothing: it raises no error on any values */
	VETTED_ARRAY,				/* elements of a built-in base type */
	VETTED_RANGE,				/* a built-in range type */
	VETTED_JSON,				/* a pattern that is not nested deeply */
	VETTED_LIKE,				/* a constant pattern that is well-formed */
	VETTED_REGEX				/* a constant pattern; the index compiles it, not a row's test */
} Vetted;

typedef struct VettedFunction
{
	Oid			function;
	Vetted		kind;
} VettedFunction;

/* By oid: no name that anyone can make stands for one of these. */
static const VettedFunction vetted_functions[] = {
	{F_NUMERIC_EQ, VETTED_ANY}, {F_NUMERIC_LT, VETTED_ANY}, {F_NUMERIC_LE, VETTED_ANY},
	{F_NUMERIC_GT, VETTED_ANY}, {F_NUMERIC_GE, VETTED_ANY},
	{F_ENUM_EQ, VETTED_ANY}, {F_ENUM_LT, VETTED_ANY}, {F_ENUM_LE, VETTED_ANY},
	{F_ENUM_GT, VETTED_ANY}, {F_ENUM_GE, VETTED_ANY},

	/* Out of range in the other type counts as smaller or greater than all of it. */
	{F_DATE_EQ_TIMESTAMP, VETTED_ANY}, {F_DATE_LT_TIMESTAMP, VETTED_ANY},
	{F_DATE_LE_TIMESTAMP, VETTED_ANY}, {F_DATE_GT_TIMESTAMP, VETTED_ANY},
	{F_DATE_GE_TIMESTAMP, VETTED_ANY},
	{F_DATE_EQ_TIMESTAMPTZ, VETTED_ANY}, {F_DATE_LT_TIMESTAMPTZ, VETTED_ANY},
	{F_DATE_LE_TIMESTAMPTZ, VETTED_ANY}, {F_DATE_GT_TIMESTAMPTZ, VETTED_ANY},
	{F_DATE_GE_TIMESTAMPTZ, VETTED_ANY},
	{F_TIMESTAMP_EQ_DATE, VETTED_ANY}, {F_TIMESTAMP_LT_DATE, VETTED_ANY},
	{F_TIMESTAMP_LE_DATE, VETTED_ANY}, {F_TIMESTAMP_GT_DATE, VETTED_ANY},
	{F_TIMESTAMP_GE_DATE, VETTED_ANY},
	{F_TIMESTAMPTZ_EQ_DATE, VETTED_ANY}, {F_TIMESTAMPTZ_LT_DATE, VETTED_ANY},
	{F_TIMESTAMPTZ_LE_DATE, VETTED_ANY}, {F_TIMESTAMPTZ_GT_DATE, VETTED_ANY},
	{F_TIMESTAMPTZ_GE_DATE, VETTED_ANY},
	{F_TIMESTAMP_EQ_TIMESTAMPTZ, VETTED_ANY}, {F_TIMESTAMP_LT_TIMESTAMPTZ, VETTED_ANY},
	{F_TIMESTAMP_LE_TIMESTAMPTZ, VETTED_ANY}, {F_TIMESTAMP_GT_TIMESTAMPTZ, VETTED_ANY},
	{F_TIMESTAMP_GE_TIMESTAMPTZ, VETTED_ANY},
	{F_TIMESTAMPTZ_EQ_TIMESTAMP, VETTED_ANY}, {F_TIMESTAMPTZ_LT_TIMESTAMP, VETTED_ANY},
	{F_TIMESTAMPTZ_LE_TIMESTAMP, VETTED_ANY}, {F_TIMESTAMPTZ_GT_TIMESTAMP, VETTED_ANY},
	{F_TIMESTAMPTZ_GE_TIMESTAMP, VETTED_ANY},

	{F_NETWORK_SUB, VETTED_ANY}, {F_NETWORK_SUBEQ, VETTED_ANY}, {F_NETWORK_SUP, VETTED_ANY},
	{F_NETWORK_SUPEQ, VETTED_ANY}, {F_NETWORK_OVERLAP, VETTED_ANY},

	{F_TS_MATCH_VQ, VETTED_ANY}, {F_TS_MATCH_QV, VETTED_ANY},

	{F_JSONB_CONTAINS, VETTED_JSON}, {F_JSONB_CONTAINED, VETTED_JSON},
	{F_JSONB_EXISTS, VETTED_ANY}, {F_JSONB_EXISTS_ANY, VETTED_ANY},
	{F_JSONB_EXISTS_ALL, VETTED_ANY},

	{F_ARRAYOVERLAP, VETTED_ARRAY}, {F_ARRAYCONTAINS, VETTED_ARRAY},
	{F_ARRAYCONTAINED, VETTED_ARRAY},

	{F_RANGE_EQ, VETTED_RANGE}, {F_RANGE_OVERLAPS, VETTED_RANGE},
	{F_RANGE_CONTAINS, VETTED_RANGE}, {F_RANGE_CONTAINED_BY, VETTED_RANGE},
	{F_RANGE_CONTAINS_ELEM, VETTED_RANGE}, {F_ELEM_CONTAINED_BY_RANGE, VETTED_RANGE},
	{F_RANGE_BEFORE, VETTED_RANGE}, {F_RANGE_AFTER, VETTED_RANGE},
	{F_RANGE_OVERLEFT, VETTED_RANGE}, {F_RANGE_OVERRIGHT, VETTED_RANGE},

	{F_TEXTLIKE, VETTED_LIKE}, {F_TEXTICLIKE, VETTED_LIKE},
	{F_BPCHARLIKE, VETTED_LIKE}, {F_BPCHARICLIKE, VETTED_LIKE},
	{F_NAMELIKE, VETTED_LIKE}, {F_NAMEICLIKE, VETTED_LIKE},

	{F_TEXTREGEXEQ, VETTED_REGEX}, {F_TEXTICREGEXEQ, VETTED_REGEX},
	{F_BPCHARREGEXEQ, VETTED_REGEX}, {F_BPCHARICREGEXEQ, VETTED_REGEX},
};

/* Similarity of pg_trgm, by the symbols of its library. */
static const char *const trgm_operators[] = {
	"similarity_op", "word_similarity_op", "word_similarity_commutator_op",
	"strict_word_similarity_op", "strict_word_similarity_commutator_op"
};

static const char *const trgm_distances[] = {
	"similarity_dist", "word_similarity_dist_op", "word_similarity_dist_commutator_op",
	"strict_word_similarity_dist_op", "strict_word_similarity_dist_commutator_op"
};

/* Extensions of PostgreSQL itself whose operator classes compare keys and do no more. */
static const char *const known_extensions[] = {"pg_trgm", "btree_gin", "btree_gist"};

/* Nesting of a jsonb pattern, which bounds the recursion into a row's value. */
#define MAX_JSON_DEPTH	32

/* ---- who brings it along? ---- */

static bool
in_list(const char *name, const char *const *list, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (strcmp(name, list[i]) == 0)
			return true;
	}
	return false;
}

/* Name of the extension that the object is a member of, or NULL. */
static char *
extension_of(Oid class, Oid object)
{
	Oid			extension = getExtensionOfObject(class, object);

	return OidIsValid(extension) ? get_extension_name(extension) : NULL;
}

/*
 * Is it a function of pg_trgm?  An owner of the extension can make any function
 * of his a member, but only a superuser makes one in C; the library and the
 * symbol tell which.
 */
static bool
is_trgm(Oid function, const char *const *symbols, int n)
{
	HeapTuple	tuple;
	bool		isnull;
	Datum		symbol;
	Datum		library;
	bool		result = false;
	char	   *extension;

	if (function < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	symbol = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
	library = isnull ? 0 : SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &isnull);
	if (!isnull && ((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId)
		result = strcmp(TextDatumGetCString(library), "$libdir/pg_trgm") == 0 &&
			in_list(TextDatumGetCString(symbol), symbols, n);
	ReleaseSysCache(tuple);
	if (!result)
		return false;
	extension = extension_of(ProcedureRelationId, function);
	return extension != NULL && strcmp(extension, "pg_trgm") == 0;
}

/* Operator families are made by superusers alone. */
static bool
known_family(Oid family)
{
	char	   *extension;

	if (family < FirstNormalObjectId)
		return true;
	extension = extension_of(OperatorFamilyRelationId, family);
	return extension != NULL &&
		in_list(extension, known_extensions, lengthof(known_extensions));
}

bool
casus_guard_vetted_index(const IndexOptInfo *index)
{
	int			i;

	if (index->relam >= FirstNormalObjectId)
		return false;
	for (i = 0; i < index->nkeycolumns; i++)
	{
		if (!known_family(index->opfamily[i]))
			return false;
	}
	return true;
}

/* ---- vetted operators ---- */

static bool
is_base_array(Oid type)
{
	Oid			element = get_base_element_type(type);

	/* Composite elements compare by whatever their columns do. */
	return OidIsValid(element) && element < FirstNormalObjectId &&
		get_typtype(element) == TYPTYPE_BASE && element != RECORDOID;
}

/* Of the two arguments one is the range, the other a range or an element. */
static bool
is_known_range(Oid left, Oid right)
{
	Oid			range = type_is_range(left) ? left : right;

	return type_is_range(range) && range < FirstNormalObjectId;
}

static bool
is_flat(Const *pattern)
{
	const char *text;
	int			depth = 0;
	int			deepest = 0;

	if (!IsA(pattern, Const) || pattern->constisnull)
		return false;

	/* Brackets inside of strings count too: fewer patterns pass, none too many. */
	for (text = OidOutputFunctionCall(F_JSONB_OUT, pattern->constvalue);
		 *text != '\0'; text++)
	{
		if (*text == '{' || *text == '[')
			deepest = Max(deepest, ++depth);
		else if (*text == '}' || *text == ']')
			depth--;
	}
	return deepest <= MAX_JSON_DEPTH;
}

/* Ends the pattern in an escape character that escapes nothing? Then some rows raise an error. */
static bool
ends_in_escape(const char *pattern, int length)
{
	int			i;

	for (i = 0; i < length; i++)
	{
		if (pattern[i] == '\\' && ++i == length)
			return true;
	}
	return false;
}

static bool
is_pattern(Const *pattern, Oid collation, bool like)
{
	text	   *value;

	/* Not all of them can be matched under every collation, which only a row would show. */
	if (!OidIsValid(collation) || !get_collation_isdeterministic(collation))
		return false;
	if (!IsA(pattern, Const) || pattern->constisnull || pattern->consttype != TEXTOID)
		return false;
	if (!like)
		return true;
	value = DatumGetTextPP(pattern->constvalue);
	return !ends_in_escape(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

static Vetted
vetted_kind(Oid function)
{
	int			i;

	for (i = 0; i < lengthof(vetted_functions); i++)
	{
		if (vetted_functions[i].function == function)
			return vetted_functions[i].kind;
	}

	/* Its operand may be leaky: an index's expression is computed when a row is written. */
	if (function < FirstNormalObjectId && get_func_leakproof(function))
		return VETTED_ANY;
	if (is_trgm(function, trgm_operators, lengthof(trgm_operators)))
		return VETTED_ANY;
	return VETTED_NOT;
}

static bool
is_vetted_operator(OpExpr *clause)
{
	Node	   *left;
	Node	   *right;

	if (list_length(clause->args) != 2)
		return false;
	set_opfuncid(clause);
	left = linitial(clause->args);
	right = lsecond(clause->args);
	switch (vetted_kind(clause->opfuncid))
	{
		case VETTED_NOT:
			break;
		case VETTED_ANY:
			return true;
		case VETTED_ARRAY:
			return is_base_array(exprType(left));
		case VETTED_RANGE:
			return is_known_range(exprType(left), exprType(right));
		case VETTED_JSON:
			return is_flat((Const *) right) || is_flat((Const *) left);
		case VETTED_LIKE:
			return is_pattern((Const *) right, clause->inputcollid, true);
		case VETTED_REGEX:
			return is_pattern((Const *) right, clause->inputcollid, false);
	}
	return false;
}

bool
casus_guard_vetted(Node *clause)
{
	if (IsA(clause, OpExpr))
		return is_vetted_operator((OpExpr *) clause);
	if (IsA(clause, ScalarArrayOpExpr))
	{
		set_sa_opfuncid((ScalarArrayOpExpr *) clause);
		return vetted_kind(((ScalarArrayOpExpr *) clause)->opfuncid) == VETTED_ANY;
	}
	return false;
}

/* ---- distances ---- */

/* Does an index's order rest on a distance that may fail on some row? */
bool
casus_guard_vetted_order(List *orderbys)
{
	ListCell   *lc;

	foreach(lc, orderbys)
	{
		OpExpr	   *distance = lfirst(lc);

		if (!IsA(distance, OpExpr))
			return false;
		set_opfuncid(distance);
		if (!is_trgm(distance->opfuncid, trgm_distances, lengthof(trgm_distances)))
			return false;
	}
	return true;
}

/* Are all distances by which the index could return rows vetted? */
bool
casus_guard_vetted_distances(const IndexOptInfo *index)
{
	int			i;

	for (i = 0; i < index->nkeycolumns; i++)
	{
		char	   *extension = extension_of(OperatorFamilyRelationId, index->opfamily[i]);

		if (extension == NULL || strcmp(extension, "pg_trgm") != 0)
			return false;
	}
	return true;
}
