/*
 * guard_file.c
 *		Files of the server named in a statement: COPY, and the tables of
 *		file_fdw, when they are made and when they are read.
 *
 * In the data directory and the tablespaces stand the rows of every database,
 * and in its own directory the access log: nobody reads or writes there by SQL
 * while casus is in the cluster, whatever database he is in.  A path is judged
 * as the kernel would follow it.
 *
 * Nothing is kept between statements.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include <limits.h>
#include <unistd.h>

#include "access/genam.h"
#include "access/table.h"
#include "accesslog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Where a path leads; a file that is not there yet, by its directory.  False: nowhere. */
static bool
resolve(const char *path, char *resolved)
{
	char		parent[MAXPGPATH];

	if (realpath(path, resolved) != NULL)
		return true;
	strlcpy(parent, path, sizeof(parent));
	get_parent_directory(parent);
	return realpath(parent[0] == '\0' ? "." : parent, resolved) != NULL;
}

static bool
is_below(const char *resolved, const char *directory)
{
	char		real[PATH_MAX];
	size_t		length;

	if (realpath(directory, real) == NULL)
		return false;
	length = strlen(real);
	return strncmp(resolved, real, length) == 0 &&
		(resolved[length] == '\0' || resolved[length] == '/');
}

/* The key file, and what the writer of the log makes of it, there or not. */
static bool
is_key_file(const char *path, const char *resolved)
{
	char		parent[MAXPGPATH];
	char		real[PATH_MAX];
	const char *key = casus_logkey_path();
	const char *name = last_dir_separator(key);
	const char *other;
	size_t		length;

	strlcpy(parent, key, sizeof(parent));
	get_parent_directory(parent);
	if (name == NULL || realpath(parent[0] == '\0' ? "/" : parent, real) == NULL)
		return is_below(resolved, key);
	length = strlen(real);
	if (strncmp(resolved, real, length) != 0)
		return is_below(resolved, key);
	/* Where there is no such file, what it resolves to is its directory. */
	other = resolved[length] == '\0' ? last_dir_separator(path) : resolved + length;
	return is_below(resolved, key) ||
		(other != NULL && strncmp(other, name, strlen(name)) == 0);
}

static bool
is_in_tablespace(const char *resolved)
{
	DIR		   *dir = AllocateDir("pg_tblspc");
	struct dirent *entry;
	bool		result = false;

	while (!result && (entry = ReadDir(dir, "pg_tblspc")) != NULL)
	{
		if (entry->d_name[0] != '.')
			result = is_below(resolved, psprintf("pg_tblspc/%s", entry->d_name));
	}
	FreeDir(dir);
	return result;
}

/* Does the path lead to what the server keeps, on a server with casus? */
static bool
is_of_server(const char *path)
{
	char		resolved[PATH_MAX];

	return path != NULL && OidIsValid(get_role_oid("casus_owner", true)) &&
		resolve(path, resolved) &&
		(is_below(resolved, DataDir) || is_below(resolved, "pg_wal") ||
		 is_below(resolved, casus_sink_directory()) ||
		 is_key_file(path, resolved) || is_in_tablespace(resolved));
}

static void
check_file(const char *path)
{
	if (CASUS_LAYER(file) && is_of_server(path))
		casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
						   _("this statement would go past the protocol"),
						   _("The file is one of the server's, where the rows of protected tables and the access log stand too."),
						   _("Name a file outside of the data directory, the tablespaces and the directory of the log."));
}

static void
check_options(List *options)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst(lc);

		if (strcmp(option->defname, "filename") == 0 && option->arg != NULL)
			check_file(defGetString(option));
	}
}

/* ---- foreign tables that are there, perhaps from before casus ---- */

static bool
reads_server(Oid relid)
{
	ListCell   *lc;

	foreach(lc, GetForeignTable(relid)->options)
	{
		DefElem    *option = lfirst(lc);

		if (strcmp(option->defname, "filename") == 0 && option->arg != NULL &&
			is_of_server(defGetString(option)))
			return true;
	}
	return false;
}

/* Where it leads now: a link may have been made after the table. */
void
casus_guard_file_table(Oid relid)
{
	check_options(GetForeignTable(relid)->options);
}

/* In a database without casus nothing else of a plan is looked at. */
void
casus_guard_file_plan(const PlannedStmt *plan)
{
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_FOREIGN_TABLE)
			casus_guard_file_table(rte->relid);
	}
}

/* ANALYZE reads a foreign table that it names, itself or by a parent, and no other. */
static void
check_analyze(VacuumStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->rels)
	{
		VacuumRelation *named = lfirst(lc);
		Oid			relid = named->relation == NULL ? named->oid :
			RangeVarGetRelid(named->relation, NoLock, true);
		ListCell   *member;

		if (!OidIsValid(relid))
			continue;
		foreach(member, find_all_inheritors(relid, NoLock, NULL))
			if (get_rel_relkind(lfirst_oid(member)) == RELKIND_FOREIGN_TABLE)
				casus_guard_file_table(lfirst_oid(member));
	}
}

/* Without names it reads them by their parents only. */
static void
check_analyze_all(void)
{
	Relation	tables = table_open(ForeignTableRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(tables, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Oid			relid = ((Form_pg_foreign_table) GETSTRUCT(tuple))->ftrelid;

		if (has_superclass(relid))
			casus_guard_file_table(relid);
	}
	systable_endscan(scan);
	table_close(tables, AccessShareLock);
}

PG_FUNCTION_INFO_V1(casus_sql_reads_server_file);

/* For casus.doctor(). */
Datum
casus_sql_reads_server_file(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(reads_server(PG_GETARG_OID(0)));
}

void
casus_guard_file(Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, CopyStmt) && !((CopyStmt *) stmt)->is_program)
		check_file(((CopyStmt *) stmt)->filename);
	else if (IsA(stmt, VacuumStmt) && ((VacuumStmt *) stmt)->rels == NIL)
		check_analyze_all();
	else if (IsA(stmt, VacuumStmt))
		check_analyze((VacuumStmt *) stmt);
	else if (IsA(stmt, CreateForeignTableStmt))
		check_options(((CreateForeignTableStmt *) stmt)->options);
	else if (IsA(stmt, AlterTableStmt))
	{
		foreach(lc, ((AlterTableStmt *) stmt)->cmds)
		{
			AlterTableCmd *cmd = lfirst(lc);

			if (cmd->subtype == AT_GenericOptions)
				check_options((List *) cmd->def);
		}
	}
}
