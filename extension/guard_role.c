/*
 * guard_role.c
 *		Commands about roles and databases, which all databases of a server
 *		share: also asked where casus is not installed.
 *
 * What casus_owner has is believed (its views read the state tables), so
 * nothing is given to it.  A member of it gets nothing, but is a finding of
 * casus.doctor().  The groups of casus are known by their names and keep them,
 * and so does a role that has opened a dossier until that is over and reviewed.
 * Nothing is kept between statements.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "state.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#define OWNER_ROLE "casus_owner"

static const char *const groups[] = {OWNER_ROLE, "casus_admin", "casus_analyst",
"casus_auditor", "casus_backup", "casus_collector"};

/* ---- what is one of casus' ---- */

static Oid
owner(void)
{
	return get_role_oid(OWNER_ROLE, true);
}

static bool
is_owner(RoleSpec *role)
{
	return role != NULL && OidIsValid(owner()) && get_rolespec_oid(role, true) == owner();
}

static bool
has_owner(List *roles)
{
	ListCell   *lc;

	foreach(lc, roles)
	{
		if (is_owner(lfirst(lc)))
			return true;
	}
	return false;
}

static bool
is_group_name(const char *name)
{
	for (int i = 0; i < lengthof(groups); i++)
	{
		if (strcmp(name, groups[i]) == 0)
			return OidIsValid(get_role_oid(name, true));
	}
	return false;
}

/* A role by which casus knows somebody, or what somebody may set up. */
static bool
is_known_role(Oid role)
{
	for (int i = 0; i < lengthof(groups); i++)
	{
		if (get_role_oid(groups[i], true) == role)
			return true;
	}
	return casus_installed() && casus_people_of_role(role) != 0;
}

/* ---- casus_owner and the groups ---- */

static void
refuse_owner(void)
{
	casus_guard_refuse_ddl(NULL, _("Nothing is made, given or taken in the name of casus_owner but by the extension."),
						   NULL);
}

static bool
changes_owner(AlterTableStmt *alter)
{
	ListCell   *lc;

	foreach(lc, alter->cmds)
	{
		AlterTableCmd *cmd = lfirst(lc);

		if (cmd->subtype == AT_ChangeOwner && is_owner(cmd->newowner))
			return true;
	}
	return false;
}

/* CREATE ROLE ... IN ROLE: the roles that it joins. */
static List *
joined_roles(CreateRoleStmt *create)
{
	ListCell   *lc;

	foreach(lc, create->options)
	{
		DefElem    *option = lfirst(lc);

		if (strcmp(option->defname, "addroleto") == 0)
			return (List *) option->arg;
	}
	return NIL;
}

static void
check_owner(Node *stmt)
{
	bool		refuse = false;

	switch (nodeTag(stmt))
	{
		case T_AlterOwnerStmt:
			refuse = is_owner(((AlterOwnerStmt *) stmt)->newowner);
			break;
		case T_ReassignOwnedStmt:
			refuse = is_owner(((ReassignOwnedStmt *) stmt)->newrole) ||
				has_owner(((ReassignOwnedStmt *) stmt)->roles);
			break;
		case T_DropOwnedStmt:
			refuse = has_owner(((DropOwnedStmt *) stmt)->roles);
			break;
		case T_AlterRoleStmt:
			refuse = is_owner(((AlterRoleStmt *) stmt)->role);
			break;
		case T_CreateSchemaStmt:
			refuse = is_owner(((CreateSchemaStmt *) stmt)->authrole);
			break;
		case T_AlterTableStmt:
			refuse = changes_owner((AlterTableStmt *) stmt);
			break;
		default:
			break;
	}
	if (!refuse && GetUserId() == casus_owner_oid())
		refuse = GetCommandLogLevel(stmt) == LOGSTMT_DDL;
	if (refuse)
		refuse_owner();
}

/* Somebody else's role of that name would have what the group has. */
static void
check_group_names(Node *stmt)
{
	bool		refuse = false;
	ListCell   *lc;

	if (IsA(stmt, RenameStmt) && ((RenameStmt *) stmt)->renameType == OBJECT_ROLE)
		refuse = is_group_name(((RenameStmt *) stmt)->subname);
	else if (IsA(stmt, DropRoleStmt) && casus_installed())
	{
		foreach(lc, ((DropRoleStmt *) stmt)->roles)
		{
			RoleSpec   *role = lfirst(lc);

			refuse |= role->roletype == ROLESPEC_CSTRING && is_group_name(role->rolename);
		}
	}
	if (refuse)
		casus_guard_refuse_ddl(NULL, _("The role is one of casus, which knows it by its name."), NULL);
}

/* ---- openings ---- */

/* Is a dossier open to the role, or a break-glass of it still to be reviewed? */
static bool
has_opening(const char *role)
{
	TimestampTz now = GetCurrentTimestamp();
	NameData	key;
	CasusScan	scan;
	bool		found = false;

	namestrcpy(&key, role);
	casus_scan_key(&scan, CASUS_OPENING, casus_index_oid("opening_role"),
				   CASUS_COL_OPENING_ROLE, F_NAMEEQ, NameGetDatum(&key));
	while (casus_scan_next(&scan))
	{
		bool		isnull;
		bool		is_unreviewed;
		Datum		kind = casus_scan_get(&scan, CASUS_COL_OPENING_KIND, &isnull);
		Datum		ends = casus_scan_get(&scan, CASUS_COL_OPENING_ENDS, &isnull);

		(void) casus_scan_get(&scan, CASUS_COL_OPENING_REVIEW, &is_unreviewed);
		is_unreviewed &= strcmp(TextDatumGetCString(kind), "break_glass") == 0;
		found |= is_unreviewed || DatumGetTimestampTz(ends) > now;
	}
	casus_scan_end(&scan);
	return found;
}

static void
refuse_opening(const char *role)
{
	if (OidIsValid(get_role_oid(role, true)) && has_opening(role))
		casus_guard_refuse_ddl(NULL, psprintf(_("A dossier is open to the role \"%s\", or its break-glass is still to be reviewed: who opened it is known by that name."), role),
							   "SELECT * FROM casus.opening;  -- casus.end_opening(act), or somebody else: casus.review_break_glass(act, 'justified', '...')");
}

/* Under another name its bearer would review what he opened himself. */
static void
check_openings(Node *stmt)
{
	ListCell   *lc;

	if (!casus_installed())
		return;
	if (IsA(stmt, RenameStmt) && ((RenameStmt *) stmt)->renameType == OBJECT_ROLE)
		refuse_opening(((RenameStmt *) stmt)->subname);
	else if (IsA(stmt, DropRoleStmt))
	{
		foreach(lc, ((DropRoleStmt *) stmt)->roles)
		{
			RoleSpec   *role = lfirst(lc);

			if (role->roletype == ROLESPEC_CSTRING)
				refuse_opening(role->rolename);
		}
	}
}

/* ---- people ---- */

/*
 * CREATEROLE alone, which in PostgreSQL 15 hands out every role but a
 * superuser's, makes nobody a person or an administrator of casus.
 */
static void
check_known_role(Oid role)
{
	if (OidIsValid(role) && !superuser() && is_known_role(role) &&
		!is_admin_of_role(GetUserId(), role))
		casus_guard_refuse_ddl(NULL, _("The role is one of casus, or of a person known to casus: "
									   "a superuser, or who has it with ADMIN OPTION, gives or changes it."),
							   NULL);
}

static void
check_known_roles(Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, GrantRoleStmt))
	{
		foreach(lc, ((GrantRoleStmt *) stmt)->granted_roles)
			check_known_role(get_role_oid(((AccessPriv *) lfirst(lc))->priv_name, true));
	}
	else if (IsA(stmt, AlterRoleStmt) &&
			 get_rolespec_oid(((AlterRoleStmt *) stmt)->role, true) != GetUserId())
		check_known_role(get_rolespec_oid(((AlterRoleStmt *) stmt)->role, true));
	else if (IsA(stmt, CreateRoleStmt))
	{
		foreach(lc, joined_roles((CreateRoleStmt *) stmt))
			check_known_role(get_rolespec_oid(lfirst(lc), true));
	}
	else if (IsA(stmt, DropRoleStmt))
	{
		foreach(lc, ((DropRoleStmt *) stmt)->roles)
			check_known_role(get_rolespec_oid(lfirst(lc), true));
	}
}

/* ---- databases and settings: on record ---- */

static char *
copied_database(CreatedbStmt *create)
{
	ListCell   *lc;

	foreach(lc, create->options)
	{
		DefElem    *option = lfirst(lc);
		char	   *template;

		if (strcmp(option->defname, "template") != 0 || option->arg == NULL)
			continue;
		template = defGetString(option);
		if (strcmp(template, "template0") != 0 && strcmp(template, "template1") != 0)
			return template;
	}
	return NULL;
}

/* C code and settings can undo anything at the next start: nobody can refuse that here. */
static const char *
worth_a_record(Node *stmt)
{
	char	   *template;

	switch (nodeTag(stmt))
	{
		case T_DropdbStmt:
			return psprintf("DROP DATABASE %s", ((DropdbStmt *) stmt)->dbname);
		case T_CreatedbStmt:
			template = copied_database((CreatedbStmt *) stmt);
			return template == NULL ? NULL :
				psprintf("CREATE DATABASE %s TEMPLATE %s", ((CreatedbStmt *) stmt)->dbname, template);
		case T_RenameStmt:
			return ((RenameStmt *) stmt)->renameType != OBJECT_DATABASE ? NULL :
				psprintf("ALTER DATABASE %s RENAME TO %s", ((RenameStmt *) stmt)->subname,
						 ((RenameStmt *) stmt)->newname);
		case T_LoadStmt:
			return psprintf("LOAD %s", ((LoadStmt *) stmt)->filename);
		case T_AlterSystemStmt:
			return psprintf("ALTER SYSTEM %s", ((AlterSystemStmt *) stmt)->setstmt->name != NULL ?
							((AlterSystemStmt *) stmt)->setstmt->name : "RESET ALL");
		default:
			return NULL;
	}
}

void
casus_guard_role(Node *stmt)
{
	const char *what;

	/* pg_upgrade makes the roles as they were, while the server lets nobody else in. */
	if (IsBinaryUpgrade)
		return;
	check_owner(stmt);
	check_group_names(stmt);
	check_known_roles(stmt);
	check_openings(stmt);
	if (!casus_preloaded)
		return;
	what = worth_a_record(stmt);
	if (what != NULL)
		casus_accesslog_event("attempt", InvalidOid, 0, NULL, what);
}
