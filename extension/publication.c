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
#include "utils/lsyscache.h"

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
