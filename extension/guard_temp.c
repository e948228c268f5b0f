/*
 * guard_temp.c
 *		Temporary tables into which governed rows may have been copied.
 *
 * They are read like any other; what would keep their rows for longer is
 * refused as if it read the protected table.  A table stays on the list until
 * it is dropped, whatever its rows are by then.  Commands that work on its rows
 * without a plan are known here too, and those that define or remove what is
 * temporary, or is not.
 *
 * The list is private to the backend, and lives as long as the session.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

typedef struct Copy
{
	Oid			relid;
	bool		fresh;			/* since this transaction */
	bool		dropped;		/* by this transaction (DISCARD too), unless that is undone */
} Copy;

static List *copies = NIL;		/* Copy, in TopMemoryContext */

bool
casus_guard_temp_any(void)
{
	return copies != NIL;
}

bool
casus_guard_temp_is_copy(Oid relid)
{
	ListCell   *lc;

	foreach(lc, copies)
	{
		if (((Copy *) lfirst(lc))->relid == relid)
			return true;
	}
	return false;
}

static void
note(Oid relid)
{
	MemoryContext old;
	Copy	   *copy;

	if (casus_guard_temp_is_copy(relid))
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	copy = palloc(sizeof(Copy));
	copy->relid = relid;
	copy->fresh = true;
	copy->dropped = false;
	copies = lappend(copies, copy);
	MemoryContextSwitchTo(old);
}

/* The rows of a partitioned table stand in its partitions: any of them, by a changed key. */
void
casus_guard_temp_note(Oid relid)
{
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	if (get_rel_relispartition(relid))
		relid = llast_oid(get_partition_ancestors(relid));
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
	{
		note(relid);
		return;
	}
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
		note(lfirst_oid(lc));
}

void
casus_guard_temp_note_all(List *relids)
{
	ListCell   *lc;

	foreach(lc, relids)
		casus_guard_temp_note(lfirst_oid(lc));
}

void
casus_guard_temp_drop(Oid relid)
{
	ListCell   *lc;

	foreach(lc, copies)
	{
		Copy	   *copy = lfirst(lc);

		if (copy->relid == relid)
			copy->dropped = true;
	}
}

/* ---- commands that make or remove ---- */

bool
casus_guard_temp_named(RangeVar *name)
{
	return name->relpersistence == RELPERSISTENCE_TEMP ||
		isTempNamespace(RangeVarGetCreationNamespace(name));
}

/* Does it define a temporary table, or something of one? */
bool
casus_guard_temp_defines(Node *stmt)
{
	RangeVar   *name = NULL;

	switch (nodeTag(stmt))
	{
		case T_CreateStmt:
			name = ((CreateStmt *) stmt)->relation;
			break;
		case T_ViewStmt:
			name = ((ViewStmt *) stmt)->view;
			break;
		case T_CreateSeqStmt:
			name = ((CreateSeqStmt *) stmt)->sequence;
			break;
		case T_CreateTableAsStmt:
			name = ((CreateTableAsStmt *) stmt)->into->rel;
			break;
		case T_IndexStmt:
			name = ((IndexStmt *) stmt)->relation;
			break;
		case T_AlterTableStmt:
			name = ((AlterTableStmt *) stmt)->relation;
			break;
		case T_RenameStmt:
			name = ((RenameStmt *) stmt)->relation;
			break;
		default:
			return false;
	}
	if (name == NULL)
		return false;
	if (IsA(stmt, AlterTableStmt) || IsA(stmt, RenameStmt) || IsA(stmt, IndexStmt))
	{
		Oid			relid = RangeVarGetRelid(name, NoLock, true);

		return OidIsValid(relid) && get_rel_persistence(relid) == RELPERSISTENCE_TEMP;
	}
	return casus_guard_temp_named(name);
}

static bool
is_permanent(RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);

	return OidIsValid(relid) && get_rel_persistence(relid) != RELPERSISTENCE_TEMP;
}

/* Does it remove a table that is not temporary, or all of its rows?  Which one is gone tells. */
bool
casus_guard_temp_removes(Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, TruncateStmt))
	{
		foreach(lc, ((TruncateStmt *) stmt)->relations)
		{
			if (is_permanent(lfirst(lc)))
				return true;
		}
		return false;
	}
	if (!IsA(stmt, DropStmt))
		return false;
	switch (((DropStmt *) stmt)->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
			break;
		default:
			return true;
	}
	foreach(lc, ((DropStmt *) stmt)->objects)
	{
		if (is_permanent(makeRangeVarFromNameList(lfirst(lc))))
			return true;
	}
	return false;
}

/* ---- commands that give the rows of a copy to functions ---- */

/* It, or what it brings along. */
static bool
is_named_copy(RangeVar *name)
{
	Oid			relid = name == NULL ? InvalidOid : RangeVarGetRelid(name, NoLock, true);
	ListCell   *lc;

	if (!OidIsValid(relid))
		return false;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (casus_guard_temp_is_copy(lfirst_oid(lc)))
			return true;
	}
	return false;
}

static bool
has_expression(IndexStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->indexParams)
	{
		if (((IndexElem *) lfirst(lc))->expr != NULL)
			return true;
	}
	return stmt->whereClause != NULL;
}

static bool
is_any_copy(List *names)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (is_named_copy(lfirst(lc)))
			return true;
	}
	return false;
}

/* VACUUM and ANALYZE, of all where none is named. */
static bool
is_upkeep_of_copy(VacuumStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->rels)
	{
		if (is_named_copy(((VacuumRelation *) lfirst(lc))->relation))
			return true;
	}
	return stmt->rels == NIL;
}

/*
 * No plan shows a condition, a conversion or an index expression that is
 * computed over rows that are there.  Where the table is not named any copy
 * might be meant.
 */
bool
casus_guard_temp_worked_on(Node *stmt)
{
	if (copies == NIL)
		return false;
	switch (nodeTag(stmt))
	{
		case T_AlterTableStmt:
			return ((AlterTableStmt *) stmt)->objtype == OBJECT_TYPE ||
				is_named_copy(((AlterTableStmt *) stmt)->relation);
		case T_CreateStmt:		/* beside a default partition */
			return is_any_copy(((CreateStmt *) stmt)->inhRelations);
		case T_IndexStmt:
			return has_expression((IndexStmt *) stmt) &&
				is_named_copy(((IndexStmt *) stmt)->relation);
		case T_ReindexStmt:
			return ((ReindexStmt *) stmt)->kind != REINDEX_OBJECT_TABLE ||
				is_named_copy(((ReindexStmt *) stmt)->relation);
		case T_ClusterStmt:
			return ((ClusterStmt *) stmt)->relation == NULL ||
				is_named_copy(((ClusterStmt *) stmt)->relation);
		case T_VacuumStmt:
			return is_upkeep_of_copy((VacuumStmt *) stmt);
		case T_AlterDomainStmt:
			return true;
		default:
			return false;
	}
}

/* ---- ends ---- */

/*
 * The transaction ends: those that it dropped are gone, or the rows that it has
 * brought.
 */
static void
end_transaction(bool committed)
{
	ListCell   *lc;

	foreach(lc, copies)
	{
		Copy	   *copy = lfirst(lc);

		if (committed ? copy->dropped : copy->fresh)
		{
			pfree(copy);
			copies = foreach_delete_current(copies, lc);
			continue;
		}
		copy->fresh = copy->dropped = false;
	}
}

static void
xact_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		end_transaction(event == XACT_EVENT_COMMIT);
}

/*
 * Some of those dropped may be there again: then all stay on the list.  So do
 * the fresh ones: whoever caught the error may have kept a value.
 */
static void
subxact_callback(SubXactEvent event, SubTransactionId mine,
				 SubTransactionId parent, void *arg)
{
	ListCell   *lc;

	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	foreach(lc, copies)
		((Copy *) lfirst(lc))->dropped = false;
}

void
casus_guard_temp_init(void)
{
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}
