/*
 * protect_resolve.c
 *		What casus.protect() asks of a function that names dossiers: each of its
 *		arguments has the name and the type of a column.
 *
 * Keeps nothing, takes no lock.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protect.h"

#include "catalog/pg_proc.h"
#include "funcapi.h"
#include "resolve.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static void
unfit(Oid function, const char *detail)
{
	casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
					  psprintf("function %s cannot name the dossiers of this table",
							   format_procedure(function)),
					  detail,
					  "Declare it with arguments that have the names and types of columns, "
					  "RETURNS bigint STABLE.");
}

/* The columns that the function is given, in the order of its arguments. */
List *
casus_protect_resolve(Relation rel, Oid function, char **schema, char **name)
{
	const char *why = casus_resolve_unfit(function, rel->rd_rel->relowner);
	HeapTuple	tuple;
	List	   *attnos = NIL;
	Oid		   *types;
	char	  **names;
	char	   *modes;
	int			n;

	if (why != NULL)
		unfit(function, why);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	n = get_func_arg_info(tuple, &types, &names, &modes);
	if (n == 0 || names == NULL || modes != NULL)
		unfit(function, "Each of its arguments must have the name of a column.");
	for (int i = 0; i < n; i++)
	{
		AttrNumber	attno = casus_protect_check_column(rel, names[i]);
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attno - 1);

		if (att->atttypid != types[i])
			unfit(function, psprintf("Argument \"%s\" is not of the type of the column.", names[i]));
		if (att->attgenerated != '\0')
			unfit(function, psprintf("Column \"%s\" is generated, and not known yet.", names[i]));
		attnos = lappend_int(attnos, attno);
	}
	ReleaseSysCache(tuple);
	*schema = get_namespace_name(get_func_namespace(function));
	*name = get_func_name(function);
	return attnos;
}
