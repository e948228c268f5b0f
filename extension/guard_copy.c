/*
 * guard_copy.c
 *		COPY of protected tables and of casus' own.
 *
 * COPY of a table meets no planner and no policy of a role that row security
 * does not bind; it becomes COPY of the query that it stands for, and is bound
 * as such.  The backup login copies as it is, on record; of casus' own tables
 * those that pg_dump takes along.
 *
 * Private to the backend: `restore` says since when this session fills casus'
 * tables, which it began while the installation was fresh.  It may finish, into
 * the installation that it brought in, until anybody has acted there.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "state.h"

#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

static struct
{
	TimestampTz since;			/* 0: none */
	bool		has_installation;
	pg_uuid_t	installation;	/* that this session copied in */
	int64		later;			/* of the acts that it copied in are later than its beginning; */
	int64		latest;			/* their highest id */
}			restore;

#define COPIED_WHOLE _("The protected table %s cannot be copied whole.")

static void
refuse_copy_out(const CasusProtected *prot, const char *detail)
{
	casus_check_refuse(casus_check_protocol_of(prot), "copy_out",
					   _("this copy would go past the protocol"),
					   detail,
					   _("Let a login with BYPASSRLS that is a member of casus_backup make it, " "or set row_security to on for the rows that you may see."));
}

/* The login itself: not whoever has taken its role. */
static bool
is_backup_login(void)
{
	return GetUserId() == GetSessionUserId() && casus_is_backup(GetUserId());
}

/* Columns as COPY takes them: those named, or all that are stored and written. */
static List *
target_columns(Relation rel, List *names)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *targets = NIL;
	ListCell   *lc;
	int			i;

	if (names == NIL)
	{
		for (i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);

			if (!att->attisdropped && !att->attgenerated)
				names = lappend(names, makeString(pstrdup(NameStr(att->attname))));
		}
	}
	foreach(lc, names)
	{
		ColumnRef  *column = makeNode(ColumnRef);
		ResTarget  *target = makeNode(ResTarget);

		column->fields = list_make1(lfirst(lc));
		column->location = -1;
		target->val = (Node *) column;
		target->location = -1;
		targets = lappend(targets, target);
	}
	return targets;
}

static RangeVar *
name_of(Oid relid)
{
	return makeRangeVar(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid), -1);
}

/* COPY rel (columns) TO becomes COPY (SELECT columns FROM ONLY rel) TO. */
static PlannedStmt *
copy_as_query(PlannedStmt *pstmt, Oid relid)
{
	CopyStmt   *copy;
	SelectStmt *select = makeNode(SelectStmt);
	RangeVar   *from;
	Relation	rel;

	pstmt = copyObject(pstmt);
	copy = (CopyStmt *) pstmt->utilityStmt;
	rel = table_open(relid, AccessShareLock);
	select->targetList = target_columns(rel, copy->attlist);
	table_close(rel, NoLock);
	if (select->targetList == NIL)
		refuse_copy_out(NULL, _("There is no column to copy."));
	from = name_of(relid);
	from->inh = false;
	select->fromClause = list_make1(from);
	copy->relation = NULL;
	copy->attlist = NIL;
	copy->query = (Node *) select;
	return pstmt;
}

/*
 * On record before the first row leaves; the count follows.  What goes to a file
 * of the server passes no gate that would wait for it.
 */
static void
note_backup(CasusGuardScope *scope, const CopyStmt *copy, Oid relid)
{
	scope->backup = true;
	casus_accesslog_event("attempt", relid, 0, "copy_out",
						  copy->relation == NULL ? "COPY of a query by the backup role" :
						  "COPY by the backup role");
	if (copy->filename != NULL)
		casus_accesslog_flush();
	else
	{
		scope->digest = true;
		casus_exportdigest_begin();
	}
}

/* It has left: with its count, and its digest where that can be known. */
static void
note_export(const CopyStmt *copy, Oid relid, uint64 rows)
{
	char	   *digest = copy->filename == NULL ? casus_exportdigest_end() :
		copy->is_program ? NULL : casus_exportdigest_of_file(copy->filename);
	char	   *count = psprintf("rows " UINT64_FORMAT, rows);

	casus_accesslog_event("export", relid, 0, NULL,
						  digest == NULL ? count : psprintf("%s, sha256 %s", count, digest));
}

/*
 * Observe: nothing is filtered or refused, so that the copy is what it was; as
 * the query its rows are on record as what a reader is let through.
 */
static PlannedStmt *
copy_observed(PlannedStmt *pstmt, CasusGuardScope *scope, const CasusProtected *prot)
{
	CopyStmt   *copy = (CopyStmt *) pstmt->utilityStmt;

	if (copy->is_from || get_rel_relkind(prot->relid) != RELKIND_RELATION)
		return pstmt;
	if (is_backup_login() && has_bypassrls_privilege(GetUserId()))
	{
		note_backup(scope, copy, prot->relid);
		return pstmt;
	}
	if (!row_security)
		casus_guard_derive_observe(prot->relid,
								   psprintf(COPIED_WHOLE, casus_guard_name(prot->relid)));
	return copy_as_query(pstmt, prot->relid);
}

static PlannedStmt *
copy_protected(PlannedStmt *pstmt, CasusGuardScope *scope, const CasusProtected *prot)
{
	CopyStmt   *copy = (CopyStmt *) pstmt->utilityStmt;

	if (!CASUS_LAYER(copy))
		return pstmt;
	if (prot->mode == CASUS_MODE_OBSERVE)
		return copy_observed(pstmt, scope, prot);
	if (prot->mode != CASUS_MODE_ENFORCE)
		return pstmt;
	if (copy->is_from)
	{
		/* Into an unfenced table: a restore, which keeps the labels in the data. */
		if (prot->fenced)
		{
			casus_require_preloaded();
			scope->copying = true;
		}
		return pstmt;
	}
	if (is_backup_login())
	{
		note_backup(scope, copy, prot->relid);
		return pstmt;
	}

	/* Who asks for all or nothing, as pg_dump does, gets nothing, not a part. */
	if (!row_security)
		refuse_copy_out(prot, psprintf(COPIED_WHOLE, casus_guard_name(prot->relid)));
	return copy_as_query(pstmt, prot->relid);
}

/*
 * Acts since the restore began: their number, and their highest id.  One that is
 * copied in is older, unless the clock of its server ran ahead of ours.
 */
static int64
count_acts(int64 *latest)
{
	CasusQuery	query;
	int64		acts;

	casus_query_begin(&query);
	casus_query_arg(&query, TIMESTAMPTZOID, TimestampTzGetDatum(restore.since), false);
	casus_query_read(&query, "SELECT count(*), coalesce(max(id), 0) FROM casus_cat.act WHERE at >= $1");
	acts = casus_query_get_int(&query, 0, 1);
	*latest = casus_query_get_int(&query, 0, 2);
	casus_query_end(&query);
	return acts;
}

/* Others than those that the restore has copied in. */
static bool
somebody_acted(void)
{
	int64		latest;

	return count_acts(&latest) != restore.later || latest != restore.latest;
}

/* Is this session the one that restores, into an installation that nobody has used yet? */
static bool
is_restore(void)
{
	const pg_uuid_t *id = casus_installation_id();

	if (!superuser())
		return false;
	if (id == NULL && restore.since == 0)
	{
		restore.since = GetCurrentTimestamp();
		restore.has_installation = false;
		restore.later = restore.latest = 0;
	}
	else if (restore.since != 0 &&
			 ((id != NULL &&
			   (!restore.has_installation ||
				memcmp(id, &restore.installation, sizeof(pg_uuid_t)) != 0)) ||
			  somebody_acted()))
		restore.since = 0;
	return restore.since != 0;
}

static void
copy_own(CopyStmt *copy, CasusGuardScope *scope, Oid relid)
{
	const char *name = casus_guard_name(relid);

	if (!copy->is_from)
	{
		if (casus_guard_is_log(relid))
			casus_guard_refuse_log(relid, "copy_out", _("this copy would go past the protocol"));
		if (!is_backup_login())
			refuse_copy_out(NULL, psprintf(_("relation %s belongs to casus."), name));
		note_backup(scope, copy, relid);
		return;
	}
	if (!is_restore())
		casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
						   _("this statement would go past the protocol"),
						   psprintf(_("relation %s belongs to casus and is filled by a restore into a fresh installation only."), name),
						   NULL);
	casus_accesslog_event("maintenance", relid, 0, "restore", "COPY FROM");
}

PlannedStmt *
casus_guard_copy(PlannedStmt *pstmt, CasusGuardScope *scope)
{
	CopyStmt   *copy = (CopyStmt *) pstmt->utilityStmt;
	const CasusProtected *prot;
	Oid			relid;

	if (copy->relation == NULL)
	{
		/* pg_dump copies by query where an extension asks for some rows only. */
		if (!copy->is_from && is_backup_login())
			note_backup(scope, copy, InvalidOid);
		return pstmt;
	}
	relid = RangeVarGetRelid(copy->relation,
							 copy->is_from ? RowExclusiveLock : AccessShareLock, true);
	if (!OidIsValid(relid))
		return pstmt;
	/* It is looked up once more; locked, its full name leads nowhere else. */
	pstmt = copyObject(pstmt);
	copy = (CopyStmt *) pstmt->utilityStmt;
	copy->relation = name_of(relid);
	scope->relid = relid;
	if (relid < FirstNormalObjectId)
	{
		if (copy->is_from)
			casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
							   _("this statement would go past the protocol"),
							   psprintf(_("The system catalog %s cannot be written while casus is in this database."), get_rel_name(relid)),
							   NULL);
		return casus_guard_is_statistics(relid) ? copy_as_query(pstmt, relid) : pstmt;
	}
	if (casus_is_own_relation(relid))
	{
		copy_own(copy, scope, relid);
		return pstmt;
	}
	prot = casus_registry_find(relid);
	return prot == NULL ? pstmt : copy_protected(pstmt, scope, prot);
}

/* What a restore has copied in and is_restore() asks for. */
static void
note_restored(Oid relid)
{
	if (relid == casus_table_oid(CASUS_INSTALLATION))
	{
		const pg_uuid_t *id;

		CommandCounterIncrement();
		id = casus_installation_id();
		restore.has_installation = id != NULL;
		if (id != NULL)
			restore.installation = *id;
	}
	else if (relid == casus_table_oid(CASUS_ACT))
	{
		CommandCounterIncrement();
		restore.later = count_acts(&restore.latest);
	}
}

/* The backup login has taken a table or a query.  Or a part of the installation has come in. */
void
casus_guard_copy_done(PlannedStmt *pstmt, CasusGuardScope *scope, uint64 processed)
{
	CopyStmt   *copy = (CopyStmt *) pstmt->utilityStmt;

	if (copy->is_from && processed > 0 && restore.since != 0)
		note_restored(scope->relid);
	if (scope->backup)
		note_export(copy, scope->relid, processed);
}
