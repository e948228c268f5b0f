/*
 * guard_utility.c
 *		Utility statements: which of the guard's parts looks at which, and the
 *		commands that are about the database, roles and sessions.
 *
 * Nothing is kept between statements.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/heap.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "relation.h"
#include "state.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#define OWNER_ROLE "casus_owner"

/* ---- the role and the extension ---- */

static void
refuse_owner(void)
{
	casus_guard_refuse_ddl(NULL, _("Nothing is made, given or taken in the name of casus_owner but by the extension."),
						   NULL);
}

static bool
is_owner(RoleSpec *role)
{
	return role != NULL && OidIsValid(casus_owner_oid()) &&
		get_rolespec_oid(role, true) == casus_owner_oid();
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

/* What casus_owner has is believed: its views read the state tables. */
static void
check_owner(Node *stmt)
{
	bool		refuse = false;
	ListCell   *lc;

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
		case T_RenameStmt:
			refuse = ((RenameStmt *) stmt)->renameType == OBJECT_ROLE &&
				strcmp(((RenameStmt *) stmt)->subname, OWNER_ROLE) == 0;
			break;
		case T_AlterTableStmt:
			foreach(lc, ((AlterTableStmt *) stmt)->cmds)
			{
				AlterTableCmd *cmd = lfirst(lc);

				refuse |= cmd->subtype == AT_ChangeOwner && is_owner(cmd->newowner);
			}
			break;
		default:
			break;
	}
	if (!refuse && GetUserId() == casus_owner_oid())
		refuse = GetCommandLogLevel(stmt) == LOGSTMT_DDL;
	if (refuse)
		refuse_owner();
}

/* A role by which casus knows somebody, or what somebody may set up. */
static bool
is_known_role(Oid role)
{
	static const char *const groups[] = {"casus_admin", "casus_analyst", "casus_auditor",
	"casus_backup", OWNER_ROLE};

	for (int i = 0; i < lengthof(groups); i++)
	{
		if (get_role_oid(groups[i], true) == role)
			return true;
	}
	return casus_people_of_role(role) != 0;
}

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
check_roles(Node *stmt)
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
		/* CREATE ROLE ... IN ROLE */
		foreach(lc, ((CreateRoleStmt *) stmt)->options)
		{
			DefElem    *option = lfirst(lc);
			ListCell   *lr;

			if (strcmp(option->defname, "addroleto") != 0)
				continue;
			foreach(lr, (List *) option->arg)
				check_known_role(get_rolespec_oid(lfirst(lr), true));
		}
	}
	else if (IsA(stmt, DropRoleStmt))
	{
		foreach(lc, ((DropRoleStmt *) stmt)->roles)
			check_known_role(get_rolespec_oid(lfirst(lc), true));
	}
}

/* The last thing that may go is casus. */
static void
check_drop(DropStmt *drop, CasusGuardScope *scope)
{
	ListCell   *lc;

	if (drop->removeType != OBJECT_EXTENSION)
		return;
	foreach(lc, drop->objects)
	{
		if (strcmp(strVal(lfirst(lc)), "casus") != 0)
			continue;
		if (!casus_registry_empty())
			casus_guard_refuse_ddl(NULL, _("Tables are still protected; casus goes when none is."),
								   "SELECT relation FROM casus_int.protected;  -- casus.unprotect() each, children first");
		scope->own = true;
	}
}

static void
check_extension_contents(AlterExtensionContentsStmt *alter)
{
	if (strcmp(alter->extname, "casus") == 0)
		casus_guard_refuse_ddl(NULL, _("The extension is changed by its own scripts only."), NULL);
}

/* ---- publications: what they send is read by no executor ---- */

static void
refuse_publication(void)
{
	casus_check_refuse(casus_check_protocol(NULL, 0), "copy_out",
					   _("this copy would go past the protocol"),
					   _("A publication would send the rows of a protected table to whoever subscribes."),
					   NULL);
}

static void
check_published(List *objects)
{
	ListCell   *lc,
			   *lt;

	foreach(lc, objects)
	{
		PublicationObjSpec *object = lfirst(lc);
		Oid			schema;

		if (object->pubobjtype == PUBLICATIONOBJ_TABLE)
		{
			Oid			relid = RangeVarGetRelid(object->pubtable->relation, NoLock, true);

			if (OidIsValid(relid) && casus_registry_find(relid) != NULL)
				refuse_publication();
			continue;
		}
		schema = object->pubobjtype == PUBLICATIONOBJ_TABLES_IN_SCHEMA ?
			get_namespace_oid(object->name, true) : InvalidOid;
		foreach(lt, casus_registry_tables())
		{
			/* The current schema is the first of the search path: any table counts. */
			if (!OidIsValid(schema) || get_rel_namespace(lfirst_oid(lt)) == schema)
				refuse_publication();
		}
	}
}

/* ---- domains: a new constraint is tried on all rows, past the executor ---- */

/* Maintenance opens no rows: not to a function in a condition either. */
static void
check_user_of_type(const CasusProtected *prot, const char *what, bool runs_code)
{
	if (runs_code && casus_guard_closed(prot))
		casus_guard_refuse_ddl(prot, psprintf(_("%s of a protected table."), what),
							   _("Add the condition with NOT VALID."));
	casus_guard_need_maintenance(prot, what);
}

static void
check_users_of_type(Oid type, const char *what, bool runs_code)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *types = NIL;
	ListCell   *lc;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(type));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		const CasusProtected *prot;

		if (form->classid == TypeRelationId)
			types = lappend_oid(types, form->objid);
		if (form->classid != RelationRelationId)
			continue;
		prot = casus_registry_find(form->objid);
		if (prot != NULL)
			check_user_of_type(prot, what, runs_code);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);

	/* Domains over the domain, and arrays and rows of it. */
	check_stack_depth();
	foreach(lc, types)
		check_users_of_type(lfirst_oid(lc), what, runs_code);
}

static void
check_domain(AlterDomainStmt *alter)
{
	TypeName   *name = makeTypeNameFromNameList(alter->typeName);
	Oid			type = LookupTypeNameOid(NULL, name, true);

	if (!OidIsValid(type))
		return;
	if (type == casus_label_type_oid())
		casus_guard_refuse_ddl(NULL, _("The type of labels belongs to casus."), NULL);
	if (alter->subtype == 'O' || alter->subtype == 'V' ||
		(alter->subtype == 'C' && !((Constraint *) alter->def)->skip_validation))
		check_users_of_type(type, _("Checking a domain over the rows that are there"),
							alter->subtype != 'O');
}

/* ---- databases ---- */

/* Also asked where casus is not installed: from there databases are dropped. */
void
casus_guard_databases(Node *stmt)
{
	const char *what = NULL;
	ListCell   *lc;

	if (!casus_preloaded)
		return;
	if (IsA(stmt, DropdbStmt))
		what = psprintf("DROP DATABASE %s", ((DropdbStmt *) stmt)->dbname);
	else if (IsA(stmt, CreatedbStmt))
	{
		foreach(lc, ((CreatedbStmt *) stmt)->options)
		{
			DefElem    *option = lfirst(lc);
			const char *template;

			if (strcmp(option->defname, "template") != 0 || option->arg == NULL)
				continue;
			template = defGetString(option);
			if (strcmp(template, "template0") != 0 && strcmp(template, "template1") != 0)
				what = psprintf("CREATE DATABASE %s TEMPLATE %s",
								((CreatedbStmt *) stmt)->dbname, template);
		}
	}
	if (what != NULL)
		casus_accesslog_event("attempt", InvalidOid, 0, NULL, what);
}

/* ---- dispatch ---- */

static void
check_transaction(TransactionStmt *stmt)
{
	if (stmt->kind == TRANS_STMT_PREPARE && casus_guard_transaction_marked())
		casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
						   _("this transaction cannot be prepared"),
						   _("it has a context, contains an act or has read governed rows"),
						   "COMMIT;");
}

/* What alters nothing by which a table is protected. */
static bool
is_upkeep(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_VacuumStmt:
		case T_ReindexStmt:
		case T_CommentStmt:
		case T_SecLabelStmt:
		case T_GrantStmt:
		case T_LockStmt:
			return true;
		default:
			return false;
	}
}

PlannedStmt *
casus_guard_utility(PlannedStmt *pstmt, CasusGuardScope *scope)
{
	Node	   *stmt = pstmt->utilityStmt;

	check_owner(stmt);
	check_roles(stmt);
	scope->upkeep = is_upkeep(stmt);
	switch (nodeTag(stmt))
	{
		case T_TransactionStmt:
			check_transaction((TransactionStmt *) stmt);
			break;
		case T_CopyStmt:
			return casus_guard_copy(pstmt, scope);
		case T_DropStmt:
			check_drop((DropStmt *) stmt, scope);
			break;
		case T_AlterExtensionContentsStmt:
			check_extension_contents((AlterExtensionContentsStmt *) stmt);
			break;
		case T_CreatePublicationStmt:
			if (((CreatePublicationStmt *) stmt)->for_all_tables && !casus_registry_empty())
				refuse_publication();
			check_published(((CreatePublicationStmt *) stmt)->pubobjects);
			break;
		case T_AlterPublicationStmt:
			if (((AlterPublicationStmt *) stmt)->action != AP_DropObjects)
				check_published(((AlterPublicationStmt *) stmt)->pubobjects);
			break;
		case T_AlterDomainStmt:
			check_domain((AlterDomainStmt *) stmt);
			break;
		case T_CreatedbStmt:
		case T_DropdbStmt:
			casus_guard_databases(stmt);
			break;
		default:
			casus_guard_ddl(stmt, scope);
			break;
	}
	return pstmt;
}

/*
 * ALTER COLUMN SET STATISTICS 0 stops ANALYZE but leaves what it collected
 * before: of a protected table those values go too.
 */
static void
forget_statistics(AlterTableStmt *alter)
{
	Oid			relid = RangeVarGetRelid(alter->relation, NoLock, true);
	ListCell   *lc;

	if (!OidIsValid(relid) || casus_registry_find(relid) == NULL)
		return;
	foreach(lc, alter->cmds)
	{
		AlterTableCmd *cmd = lfirst(lc);
		AttrNumber	attno;

		if (cmd->subtype != AT_SetStatistics || cmd->name == NULL ||
			cmd->def == NULL || !IsA(cmd->def, Integer) || intVal(cmd->def) != 0)
			continue;
		attno = get_attnum(relid, cmd->name);
		if (attno > 0)
			RemoveStatistics(relid, attno);
		CommandCounterIncrement();
	}
}

void
casus_guard_utility_done(PlannedStmt *pstmt, CasusGuardScope *scope, uint64 processed)
{
	Node	   *stmt = pstmt->utilityStmt;

	if (IsA(stmt, CopyStmt))
		casus_guard_copy_done(pstmt, scope, processed);
	else if (IsA(stmt, AlterTableStmt))
		forget_statistics((AlterTableStmt *) stmt);
	else if (IsA(stmt, DiscardStmt) && ((DiscardStmt *) stmt)->target == DISCARD_ALL)
		casus_context_discard();
}

/*
 * An error of a command that ran over all rows may show a value of one
 * (a duplicate key, a failed cast): its kind stays, its words go.
 */
void
casus_guard_rethrow(CasusGuardScope *scope)
{
	ErrorData  *error;
	int			category;

	if (!scope->touches)
		PG_RE_THROW();
	MemoryContextSwitchTo(TopTransactionContext ? TopTransactionContext : MessageContext);
	error = CopyErrorData();
	category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	if (category != ERRCODE_DATA_EXCEPTION &&
		category != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION &&
		category != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
	{
		FreeErrorData(error);
		PG_RE_THROW();
	}
	FlushErrorState();
	ereport(ERROR,
			(errcode(error->sqlerrcode),
			 errmsg("the rows of a protected table do not admit this command"),
			 errdetail("Which rows, and why, is not shown."),
			 error->constraint_name == NULL ? 0 :
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, error->constraint_name)));
}
