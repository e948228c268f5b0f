/*
 * guard_file.c
 *		Files of the server named in a statement: COPY, and the tables of
 *		file_fdw.
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

#include "accesslog.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/guc.h"

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

static void
check_file(const char *path)
{
	char		resolved[PATH_MAX];

	if (path == NULL || !OidIsValid(get_role_oid("casus_owner", true)) ||
		!resolve(path, resolved))
		return;
	if (!is_below(resolved, DataDir) && !is_below(resolved, "pg_wal") &&
		!is_below(resolved, casus_sink_directory()) && !is_in_tablespace(resolved))
		return;
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

void
casus_guard_file(Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, CopyStmt) && !((CopyStmt *) stmt)->is_program)
		check_file(((CopyStmt *) stmt)->filename);
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
