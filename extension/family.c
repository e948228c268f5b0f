/*
 * family.c
 *		Protected tables that consist of several: a partitioned table with its
 *		partitions, or a table with those that inherit from it.
 *
 * They are protected as one.  The settings stand at the topmost table of which
 * the labels hold, its members have none of their own, and take the columns by
 * name; the fence stands on each.  Members are found in the catalogs each time:
 * whoever keeps what he found drops it with the relcache entry of the top, to
 * which a member that comes or goes sends an invalidation.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "relation.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/seclabel.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* ---- upwards ---- */

/* Tables that this one inherits from, or is a partition of. */
List *
casus_family_parents(Oid relid)
{
	Relation	inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *parents = NIL;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
		parents = lappend_oid(parents, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return parents;
}

static bool
has_settings(Oid relid)
{
	ObjectAddress table;

	ObjectAddressSet(table, RelationRelationId, relid);
	return GetSecurityLabel(&table, CASUS_PROVIDER) != NULL &&
		get_attnum(relid, CASUS_LABEL_COLUMN) != InvalidAttrNumber;
}

/*
 * The table whose settings hold for this one: the topmost with settings, else
 * itself.  What is seen on the way is added to *seen, so that a caller who
 * keeps the answer knows what it depends on.
 */
Oid
casus_family_top(Oid relid, List **seen)
{
	Oid			top = relid;
	List	   *todo = casus_family_parents(relid);

	while (todo != NIL)
	{
		Oid			parent = linitial_oid(todo);

		todo = list_delete_first(todo);
		if (seen != NULL)
			*seen = list_append_unique_oid(*seen, parent);
		if (has_settings(parent))
			top = parent;
		todo = list_concat(todo, casus_family_parents(parent));
	}
	return top;
}

/* ---- downwards ---- */

/* The table and all below it, parents before children. */
List *
casus_family_members(Oid relid)
{
	return casus_family_lock(relid, NoLock);
}

List *
casus_family_lock(Oid relid, LOCKMODE mode)
{
	return has_subclass(relid) ? find_all_inheritors(relid, mode, NULL) : list_make1_oid(relid);
}

/* Those of them that hold rows. */
List *
casus_family_stores(Oid relid)
{
	List	   *stores = NIL;
	ListCell   *lc;

	foreach(lc, casus_family_members(relid))
	{
		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_PARTITIONED_TABLE)
			stores = lappend_oid(stores, lfirst_oid(lc));
	}
	return stores;
}

/* ---- columns ---- */

/* What protect said of columns of the top, on the columns of the same name here. */
List *
casus_family_uses(Relation rel, Oid top)
{
	Relation	toprel;
	List	   *uses;
	List	   *mine = NIL;
	ListCell   *lc;

	if (top == RelationGetRelid(rel))
		return casus_registry_settings_uses(rel);
	toprel = table_open(top, AccessShareLock);
	uses = casus_registry_settings_uses(toprel);
	table_close(toprel, AccessShareLock);
	foreach(lc, uses)
	{
		CasusColumnUse *use = lfirst(lc);
		char	   *name = get_attname(top, use->attno, true);

		use->attno = name == NULL ? InvalidAttrNumber : get_attnum(RelationGetRelid(rel), name);
		if (use->attno != InvalidAttrNumber)
			mine = lappend(mine, use);
	}
	return mine;
}
