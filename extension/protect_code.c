/*
 * protect_code.c
 *		Code of users that the server would run over all rows of a table, which
 *		casus.protect() does not have: in indexes, statistics, constraints,
 *		generated columns and the types of columns.
 *
 * Keeps nothing; the caller holds the lock under which the table is changed.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "protect.h"

#include "access/genam.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_statistic_ext.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

void
casus_protect_unsuitable(Relation rel, const char *why, const char *hint)
{
	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
					  psprintf("table \"%s\" cannot be protected",
							   RelationGetRelationName(rel)), why, hint);
}

static void
check_expression(Relation rel, const char *expression, const char *kind,
				 const char *name, const char *drop)
{
	if (!casus_guard_trusted(stringToNode(expression)))
		casus_protect_unsuitable(rel, psprintf("Its %s \"%s\" calls functions that are neither built in nor C code of an extension: "
								 "they see every row whenever it is built, analyzed or rewritten.", kind, name),
				   drop);
}

static bool
is_trusted_class(Oid opclass)
{
	return opclass < FirstNormalObjectId ||
		OidIsValid(getExtensionOfObject(OperatorClassRelationId, opclass));
}

static void
check_index(Relation rel, Oid indexoid)
{
	Relation	index = index_open(indexoid, AccessShareLock);
	const char *name = pstrdup(RelationGetRelationName(index));
	const char *drop = psprintf("DROP INDEX %s;", casus_relation_ddl_name(indexoid));
	oidvector  *classes;
	Datum		value;
	bool		isnull;

	value = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indexprs, &isnull);
	if (!isnull)
		check_expression(rel, TextDatumGetCString(value), "index", name, drop);
	value = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indpred, &isnull);
	if (!isnull)
		check_expression(rel, TextDatumGetCString(value), "index", name, drop);
	value = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indclass, &isnull);
	classes = (oidvector *) DatumGetPointer(value);
	for (int i = 0; i < classes->dim1; i++)
		if (!is_trusted_class(classes->values[i]))
			casus_protect_unsuitable(rel, psprintf("Its index \"%s\" has an operator class of a user.", name),
					   drop);
	index_close(index, AccessShareLock);
}

static void
check_constraints(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	TupleConstr *constr = desc->constr;
	char	   *table = casus_relation_ddl_name(RelationGetRelid(rel));

	for (int i = 0; constr != NULL && i < constr->num_check; i++)
		check_expression(rel, constr->check[i].ccbin, "constraint",
						 constr->check[i].ccname,
						 psprintf("ALTER TABLE %s DROP CONSTRAINT \"%s\";", table,
								  casus_relation_ddl_escape(constr->check[i].ccname)));
	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, constr->defval[i].adnum - 1);

		/* A default sees no other column, and no row that is there. */
		if (column->attgenerated != '\0')
			check_expression(rel, constr->defval[i].adbin, "generated column",
							 NameStr(column->attname),
							 psprintf("ALTER TABLE %s DROP COLUMN \"%s\";", table,
									  casus_relation_ddl_escape(NameStr(column->attname))));
	}
}

/* ANALYZE and indexes compare values of a type, and measure how far ranges are apart. */
static void
check_types(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		Oid			function = column->attisdropped ? InvalidOid :
			casus_guard_type_function(column->atttypid);

		if (OidIsValid(function))
			casus_protect_unsuitable(rel,
									 psprintf("Values of type %s of its column \"%s\" are given to function %s, which is neither built in nor C code of an extension: "
											  "it would see every row when the table is analyzed or an index is made.",
											  format_type_be(column->atttypid),
											  NameStr(column->attname),
											  format_procedure(function)), NULL);
	}
}

/*
 * An index, statistics, a constraint or a generated column that calls a
 * function of a user shows it the rows that nobody may see, at REINDEX,
 * ANALYZE, VACUUM FULL or a rewrite; what the function does then, its owner
 * decides at any time.
 */
void
casus_protect_check_code(Relation rel)
{
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
		check_index(rel, lfirst_oid(lc));
	foreach(lc, RelationGetStatExtList(rel))
	{
		HeapTuple	tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_statistic_ext form;
		Datum		value;
		bool		isnull;

		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_statistic_ext) GETSTRUCT(tuple);
		value = SysCacheGetAttr(STATEXTOID, tuple, Anum_pg_statistic_ext_stxexprs, &isnull);
		if (!isnull)
			check_expression(rel, TextDatumGetCString(value), "statistics", NameStr(form->stxname),
							 psprintf("DROP STATISTICS %s.%s;",
									  quote_identifier(get_namespace_name(form->stxnamespace)),
									  quote_identifier(NameStr(form->stxname))));
		ReleaseSysCache(tuple);
	}
	check_constraints(rel);
	check_types(rel);
}
