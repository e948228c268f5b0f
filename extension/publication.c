/*
 * publication.c
 *		Would a publication send the rows of a table?
 *
 * It may be named itself, stand in a schema that is, be a partition of either,
 * or all tables are published.  What a publication sends is read by no
 * executor, and whoever subscribes gets every row.
 *
 * Reads catalogs only; nothing is kept.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "relation.h"
#include "guard.h"

#include "catalog/partition.h"
#include "catalog/pg_publication.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* The table and the partitioned tables above it. */
static List *
with_ancestors(Oid relid)
{
	return lcons_oid(relid, get_rel_relispartition(relid) ?
					 get_partition_ancestors(relid) : NIL);
}

bool
casus_publication_has(Oid relid)
{
	ListCell   *lc;

	if (GetAllTablesPublications() != NIL)
		return true;
	foreach(lc, with_ancestors(relid))
	{
		if (GetRelationPublications(lfirst_oid(lc)) != NIL ||
			GetSchemaPublications(get_rel_namespace(lfirst_oid(lc))) != NIL)
			return true;
	}
	return false;
}

/* The command for the publication's owner, who alone can. */
static char *
way_out(Oid publication, const char *how, const char *what)
{
	HeapTuple	tuple = SearchSysCache1(PUBLICATIONOID, ObjectIdGetDatum(publication));
	Form_pg_publication form;
	char	   *hint;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for publication %u", publication);
	form = (Form_pg_publication) GETSTRUCT(tuple);
	hint = psprintf("%s PUBLICATION %s%s%s;  -- as %s, its owner",
					*how == '\0' ? "DROP" : "ALTER", quote_identifier(NameStr(form->pubname)),
					how, what, GetUserNameFromId(form->pubowner, false));
	ReleaseSysCache(tuple);
	return hint;
}

/* Of the first publication found; with the next one it is asked again. */
char *
casus_publication_hint(Oid relid)
{
	ListCell   *lc;
	List	   *found = GetAllTablesPublications();

	if (found != NIL)
		return way_out(linitial_oid(found), "", "");
	foreach(lc, with_ancestors(relid))
	{
		Oid			schema = get_rel_namespace(lfirst_oid(lc));

		found = GetRelationPublications(lfirst_oid(lc));
		if (found != NIL)
			return way_out(linitial_oid(found), " DROP TABLE ",
						   quote_qualified_identifier(get_namespace_name(schema),
													  get_rel_name(lfirst_oid(lc))));
		found = GetSchemaPublications(schema);
		if (found != NIL)
			return way_out(linitial_oid(found), " DROP TABLES IN SCHEMA ",
						   quote_identifier(get_namespace_name(schema)));
	}
	return NULL;
}

/* Does the table stand in the schema, or a partitioned table above it? */
bool
casus_publication_in_schema(Oid relid, Oid schema)
{
	ListCell   *lc;

	foreach(lc, with_ancestors(relid))
	{
		if (get_rel_namespace(lfirst_oid(lc)) == schema)
			return true;
	}
	return false;
}
