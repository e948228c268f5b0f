/*
 * guard_publication.c
 *		No publication sends a protected table or the state of casus, whichever
 *		comes first: protect refuses a table that is published, and here are the
 *		commands that would publish one.
 *
 * Nothing is kept between statements.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_publication.h"
#include "relation.h"
#include "utils/lsyscache.h"

static void
refuse_publication(void)
{
	casus_check_refuse(casus_check_protocol(NULL, 0), "copy_out",
					   _("this copy would go past the protocol"),
					   _("A publication would send the rows of a protected table, or the state of casus, to whoever subscribes."),
					   NULL);
}

/* A table is published with its children and partitions. */
static void
check_table(RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (casus_registry_find(lfirst_oid(lc)) != NULL ||
			casus_is_own_relation(lfirst_oid(lc)))
			refuse_publication();
	}
}

/* The current schema, which has no name, is the first of the search path: any table counts. */
static void
check_schema(const char *name)
{
	Oid			schema = name != NULL ? get_namespace_oid(name, true) : InvalidOid;
	ListCell   *lc;

	if (name != NULL && strcmp(name, CASUS_CAT_SCHEMA) == 0)
		refuse_publication();
	foreach(lc, casus_registry_tables())
	{
		if (!OidIsValid(schema) || casus_publication_in_schema(lfirst_oid(lc), schema))
			refuse_publication();
	}
}

static void
check_objects(List *objects)
{
	ListCell   *lc;

	foreach(lc, objects)
	{
		PublicationObjSpec *object = lfirst(lc);

		if (object->pubobjtype == PUBLICATIONOBJ_TABLE)
			check_table(object->pubtable->relation);
		else
			check_schema(object->pubobjtype == PUBLICATIONOBJ_TABLES_IN_SCHEMA ?
						 object->name : NULL);
	}
}

/* The state tables are among all tables, even before anything is protected. */
void
casus_guard_publication(Node *stmt)
{
	if (IsA(stmt, CreatePublicationStmt))
	{
		if (((CreatePublicationStmt *) stmt)->for_all_tables)
			refuse_publication();
		check_objects(((CreatePublicationStmt *) stmt)->pubobjects);
	}
	else if (IsA(stmt, AlterPublicationStmt) &&
			 ((AlterPublicationStmt *) stmt)->action != AP_DropObjects)
		check_objects(((AlterPublicationStmt *) stmt)->pubobjects);
}

/* After the command, whose names may have led elsewhere than when it was judged. */
void
casus_guard_publication_done(Node *stmt)
{
	ListCell   *lc;

	if (!CASUS_LAYER(publication) || !CASUS_LAYER(names) ||
		(IsA(stmt, AlterPublicationStmt) &&
		 ((AlterPublicationStmt *) stmt)->action == AP_DropObjects))
		return;
	CommandCounterIncrement();
	foreach(lc, casus_registry_tables())
	{
		if (casus_publication_has(lfirst_oid(lc)))
			refuse_publication();
	}
	for (int i = 0; i < CASUS_NTABLES; i++)
	{
		if (GetRelationPublications(casus_table_oid(i)) != NIL)
			refuse_publication();
	}
}

/* A protected table, or one below which it comes, moves into a schema or under a parent. */
void
casus_guard_publication_move(Oid schema, Oid parent)
{
	if ((OidIsValid(schema) && GetSchemaPublications(schema) != NIL) ||
		(OidIsValid(parent) && casus_publication_has(parent)))
		refuse_publication();
}
