/*
 * guard_alter.c
 *		ALTER TABLE acts on the relation that it was judged for, and leaves
 *		every fence as it was.
 *
 * Some of its forms tell no hook on what they act (row security, replica
 * identity), and between judgement and deed the name may come to lead elsewhere:
 * another session drops or renames, an event trigger sets search_path.  So the
 * relation is locked first, as the command will, and goes by its full name.
 * Beside that, what hangs on row security is compared before and after.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_namespace.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "relation.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* What of a table no hook tells of. */
typedef struct Flags
{
	Oid			relid;
	bool		row_security;
	bool		forced;
	char		identity;
	bool		own;			/* the row of the catalog is of this transaction */
} Flags;

/* ---- the name ---- */

/*
 * Whoever may not alter it, or nobody may, is told so before anything is locked.
 * The server's own look-up asks for the right before it takes the lock.
 */
static bool
is_judged_first(Oid relid)
{
	return OidIsValid(relid) &&
		(casus_is_own_relation(relid) || !casus_compat_owns_relation(relid, GetUserId()));
}

/*
 * What is not there stays so for this command: in pg_catalog and pg_toast nobody
 * makes objects, and no name is in both.
 */
static void
fix_name(RangeVar *name, Oid relid)
{
	name->catalogname = NULL;
	if (!OidIsValid(relid))
	{
		name->schemaname = OidIsValid(get_relname_relid(name->relname, PG_CATALOG_NAMESPACE)) ?
			"pg_toast" : "pg_catalog";
		return;
	}
	name->schemaname = get_namespace_name(get_rel_namespace(relid));
	name->relname = get_rel_name(relid);
}

static PlannedStmt *
hold(PlannedStmt *pstmt, CasusGuardScope *scope)
{
	AlterTableStmt *alter = (AlterTableStmt *) pstmt->utilityStmt;
	Oid			first = RangeVarGetRelid(alter->relation, NoLock, true);
	bool		judged = is_judged_first(first);
	Oid			relid;

	if (judged)
		casus_guard_ddl((Node *) alter, scope);
	relid = AlterTableLookupRelation(alter, AlterTableGetLockLevel(alter->cmds));
	pstmt = copyObject(pstmt);
	alter = (AlterTableStmt *) pstmt->utilityStmt;
	fix_name(alter->relation, relid);
	scope->relid = relid;
	if (!judged || relid != first)
		casus_guard_ddl((Node *) alter, scope);
	return pstmt;
}

/* ---- the fences ---- */

static bool
read_flags(Oid relid, Flags *flags)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class class;

	if (!HeapTupleIsValid(tuple))
		return false;
	class = (Form_pg_class) GETSTRUCT(tuple);
	flags->relid = relid;
	flags->row_security = class->relrowsecurity;
	flags->forced = class->relforcerowsecurity;
	flags->identity = class->relreplident;
	flags->own = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	ReleaseSysCache(tuple);
	return true;
}

static List *
add_flags(List *fences, Oid relid)
{
	Flags	   *flags = palloc(sizeof(Flags));

	return read_flags(relid, flags) ? lappend(fences, flags) : fences;
}

/* All that is in schema casus_cat. */
static List *
add_state(List *fences)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(get_rel_namespace(casus_table_oid(CASUS_ACT))));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == RelationRelationId)
			fences = add_flags(fences, form->objid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return fences;
}

static List *
find_fences(void)
{
	List	   *fences = add_state(NIL);
	ListCell   *lc;

	foreach(lc, casus_registry_tables())
	{
		if (casus_guard_closed(casus_registry_find(lfirst_oid(lc))))
			fences = add_flags(fences, lfirst_oid(lc));
	}
	return fences;
}

/*
 * The replica identity of a table changes in maintenance: the command was judged for it.
 * What another session has changed meanwhile was judged there.
 */
static bool
has_changed(const Flags *before, const Flags *after, bool judged)
{
	if (!after->own)
		return false;
	return before->row_security != after->row_security || before->forced != after->forced ||
		(before->identity != after->identity && !judged);
}

void
casus_guard_alter_done(CasusGuardScope *scope)
{
	ListCell   *lc;

	if (scope->fences == NIL)
		return;
	CommandCounterIncrement();
	foreach(lc, scope->fences)
	{
		const Flags *before = lfirst(lc);
		const CasusProtected *prot = casus_registry_find(before->relid);
		Flags		after;

		if (!casus_is_own_relation(before->relid) &&
			(prot == NULL || prot->mode != CASUS_MODE_ENFORCE))
			continue;
		if (read_flags(before->relid, &after) &&
			has_changed(before, &after, list_member_oid(scope->vetted, before->relid)))
			casus_guard_refuse_ddl(prot,
								   psprintf(_("The command would have changed the row security or the replica identity of %s."),
											casus_guard_name(before->relid)),
								   NULL);
	}
}

/* Returns the statement to run. */
PlannedStmt *
casus_guard_alter(PlannedStmt *pstmt, CasusGuardScope *scope)
{
	/* Where it cannot run at all it is the server that says so. */
	bool		holds = CASUS_LAYER(fences) && !XactReadOnly && !IsInParallelMode();

	if (holds)
		scope->fences = find_fences();
	if (!CASUS_LAYER(ddl))
		return pstmt;
	if (holds)
		return hold(pstmt, scope);
	casus_guard_ddl(pstmt->utilityStmt, scope);
	return pstmt;
}
