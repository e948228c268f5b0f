/*
 * registry_via.c
 *		A foreign key over which a label is found, looked up in the catalogs.
 *
 * What is found is kept in the registry's entry of the table that has the key,
 * and goes with it.  A partitioned parent is resolved to its partitions, each
 * with an index of its own.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "relation.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

static Form_pg_constraint
get_constraint(Oid constraint, FormData_pg_constraint *copy)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));

	if (!HeapTupleIsValid(tuple))
		return NULL;
	*copy = *(Form_pg_constraint) GETSTRUCT(tuple);
	ReleaseSysCache(tuple);
	return copy;
}

/* The unique index that a foreign key refers to, and whether it may wait. */
static void
read_constraint(Oid constraint, CasusVia *via)
{
	FormData_pg_constraint copy;
	Form_pg_constraint form = get_constraint(constraint, &copy);

	via->index = InvalidOid;
	if (form == NULL)
		return;
	via->index = casus_compat_key_holds(form) ? form->conindid : InvalidOid;
	via->deferrable = form->condeferrable;
}

/* What a scan for the parent needs of one column of the key. */
static void
resolve_key(CasusVia *via, int i)
{
	Oid			left;
	Oid			type;
	int32		typmod;

	op_input_types(via->eqop[i], &left, &via->subtype[i]);
	via->eqproc[i] = get_opcode(via->eqop[i]);
	get_atttypetypmodcoll(via->parent, via->pkatt[i], &type, &typmod,
						  &via->collation[i]);
}

/* The index of a partition, however deep, that belongs to one of the top's. */
static Oid
index_of_partition(Relation rel, Oid top_index)
{
	Oid			top = IndexGetRelation(top_index, false);
	List	   *way = get_partition_ancestors(RelationGetRelid(rel));
	Oid			index = top_index;

	for (int i = list_length(way) - 1; i >= -1; i--)
	{
		Oid			relid = i < 0 ? RelationGetRelid(rel) : list_nth_oid(way, i);
		Relation	member;

		if (relid == top || (i >= 0 && list_member_oid(list_copy_head(way, i), top)))
			continue;
		member = table_open(relid, AccessShareLock);
		index = OidIsValid(index) ? index_get_partition(member, index) : InvalidOid;
		table_close(member, AccessShareLock);
	}
	return index;
}

/*
 * A foreign key to a partitioned table: its partitions, each with its own
 * index and column numbers.
 */
static void
resolve_stores(CasusVia *via)
{
	ListCell   *lc;
	List	   *stores;

	via->nstores = 0;
	via->stores = NULL;
	if (get_rel_relkind(via->parent) != RELKIND_PARTITIONED_TABLE)
		return;
	stores = casus_family_stores(via->parent);
	via->stores = palloc0(sizeof(CasusStore) * (list_length(stores) + 1));
	foreach(lc, stores)
	{
		Relation	rel = table_open(lfirst_oid(lc), AccessShareLock);
		CasusStore *store = &via->stores[via->nstores];

		store->relid = lfirst_oid(lc);
		store->index = index_of_partition(rel, via->index);
		for (int i = 0; i < via->nkeys; i++)
			store->pkatt[i] = get_attnum(store->relid,
										 get_attname(via->parent, via->pkatt[i], false));
		if (OidIsValid(store->index))
			via->nstores++;
		table_close(rel, AccessShareLock);
	}
}

/* A key to a partitioned table is there once more for each of its partitions. */
bool
casus_registry_via_is_copy(const ForeignKeyCacheInfo *fk)
{
	FormData_pg_constraint own;
	FormData_pg_constraint above;

	return get_constraint(fk->conoid, &own) != NULL &&
		get_constraint(own.conparentid, &above) != NULL && above.conrelid == fk->conrelid;
}

/*
 * The foreign key that a column stands for: the one over this column alone
 * where there is one, else the first that it is part of.
 */
bool
casus_registry_resolve_via(Relation rel, AttrNumber attno, CasusVia *via)
{
	ForeignKeyCacheInfo *best = NULL;
	ListCell   *lc;

	/* A copy: a look-up may rebuild the relcache's list. */
	foreach(lc, copyObject(RelationGetFKeyList(rel)))
	{
		ForeignKeyCacheInfo *fk = lfirst(lc);

		if (casus_registry_via_is_copy(fk))
			continue;

		for (int i = 0; i < fk->nkeys; i++)
		{
			if (fk->conkey[i] == attno &&
				(best == NULL || fk->nkeys < best->nkeys))
				best = fk;
		}
	}
	if (best == NULL)
		return false;
	via->attno = attno;
	via->constraint = best->conoid;
	via->parent = best->confrelid;
	via->nkeys = best->nkeys;
	for (int i = 0; i < via->nkeys; i++)
	{
		via->fkatt[i] = best->conkey[i];
		via->pkatt[i] = best->confkey[i];
		via->eqop[i] = best->conpfeqop[i];
	}
	for (int i = 0; i < via->nkeys; i++)
		resolve_key(via, i);
	read_constraint(via->constraint, via);
	if (!OidIsValid(via->index))
		return false;
	resolve_stores(via);
	return true;
}
