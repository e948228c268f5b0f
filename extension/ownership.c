/*
 * ownership.c
 *		What only the install and update scripts and the state tables call:
 *		the marked roles, the owner of all objects, the message that state
 *		has changed.
 *
 * Roles are shared by the databases of a cluster, so they may be there
 * already.  The mark (SECURITY LABEL FOR casus ON ROLE) tells ours from
 * somebody else's of the same name.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/schemacmds.h"
#include "commands/seclabel.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "commands/typecmds.h"
#include "commands/user.h"
#include "commands/alter.h"
#include "miscadmin.h"
#include "parser/parse_node.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Only our own script: the functions make roles and give objects away. */
static void
require_script(void)
{
	if (!casus_creating() || !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this function is for the scripts of extension casus")));
}

static void
create_group(const char *name)
{
	CreateRoleStmt *stmt = makeNode(CreateRoleStmt);

	stmt->stmt_type = ROLESTMT_ROLE;
	stmt->role = pstrdup(name);
	stmt->options = NIL;		/* NOLOGIN and no other attribute */
	(void) CreateRole(make_parsestate(NULL), stmt);
	CommandCounterIncrement();
}

/* A group of ours can do nothing by itself. */
static bool
may_log_in(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	Form_pg_authid form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_authid) GETSTRUCT(tuple);
	result = form->rolcanlogin || form->rolsuper || form->rolbypassrls;
	ReleaseSysCache(tuple);
	return result;
}

PG_FUNCTION_INFO_V1(casus_sql_make_role);
Datum
casus_sql_make_role(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *mark = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ObjectAddress role;

	require_script();
	role.classId = AuthIdRelationId;
	role.objectId = get_role_oid(name, true);
	role.objectSubId = 0;

	if (OidIsValid(role.objectId))
	{
		char	   *found = GetSecurityLabel(&role, "casus");

		if (found == NULL || strcmp(found, mark) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("role \"%s\" exists and is not marked as a role of casus", name),
					 errdetail("Rights of casus would go to a role that somebody else made."),
					 errhint("Rename that role, or after a restore of the cluster "
							 "without security labels drop it, and create the extension again.")));
		if (may_log_in(role.objectId))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("role \"%s\" has attributes that casus does not give it", name),
					 errhint("ALTER ROLE %s NOLOGIN NOSUPERUSER NOBYPASSRLS;", quote_identifier(name))));
		PG_RETURN_VOID();
	}

	create_group(name);
	role.objectId = get_role_oid(name, false);
	SetSecurityLabel(&role, "casus", mark);
	PG_RETURN_VOID();
}

static void
give_function(Oid objid, Oid owner)
{
#ifdef CASUS_OWNER_BY_CLASS
	AlterObjectOwner_internal(ProcedureRelationId, objid, owner);
#else
	Relation	catalog = table_open(ProcedureRelationId, RowExclusiveLock);

	AlterObjectOwner_internal(catalog, objid, owner);
	table_close(catalog, RowExclusiveLock);
#endif
}

/* Changes the owner of one member, where that kind of object has one. */
static void
give(Oid classid, Oid objid, Oid owner)
{
	switch (classid)
	{
		case RelationRelationId:
			/* indexes, and sequences of columns, follow their table */
			ATExecChangeOwner(objid, owner, false, AccessExclusiveLock);
			break;
		case TypeRelationId:
			if (!OidIsValid(get_element_type(objid)) &&
				!OidIsValid(get_typ_typrelid(objid)))
				AlterTypeOwner_oid(objid, owner, true);
			break;
		case NamespaceRelationId:
			AlterSchemaOwner_oid(objid, owner);
			break;
		case ProcedureRelationId:
			give_function(objid, owner);
			break;
		default:
			/* casts and the like have no owner; operators grant nothing */
			break;
	}
}

/*
 * Views and functions of a superuser would be a way past the guard, so all
 * members belong to casus_owner, a role without rights of its own.  In the
 * end every session learns that the oids it knows may have changed.
 */
PG_FUNCTION_INFO_V1(casus_sql_give_to_owner);
Datum
casus_sql_give_to_owner(PG_FUNCTION_ARGS)
{
	Oid			owner = get_role_oid("casus_owner", false);
	Oid			extension = get_extension_oid("casus", false);
	Relation	depend;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *members = NIL;
	ListCell   *cell;

	require_script();
	if (!casus_preloaded)
		ereport(WARNING,
				(errmsg("casus is not preloaded"),
				 errdetail("Nothing can be set up, and what is protected stays closed."),
				 errhint("shared_preload_libraries = 'casus' in postgresql.conf, then restart the server.")));
	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(extension));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->deptype == DEPENDENCY_EXTENSION)
		{
			ObjectAddress *member = palloc(sizeof(ObjectAddress));

			ObjectAddressSubSet(*member, form->classid, form->objid, 0);
			members = lappend(members, member);
		}
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);

	foreach(cell, members)
	{
		ObjectAddress *member = lfirst(cell);

		give(member->classId, member->objectId, owner);
		CommandCounterIncrement();
	}

	tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum(CASUS_CAT_SCHEMA));
	if (HeapTupleIsValid(tuple))
	{
		Relation	catalog = table_open(NamespaceRelationId, AccessShareLock);

		CacheInvalidateHeapTuple(catalog, tuple, NULL);
		table_close(catalog, AccessShareLock);
		ReleaseSysCache(tuple);
	}
	PG_RETURN_VOID();
}

/*
 * Statement trigger of the state tables.  The message goes out at commit and
 * comes back to this session at the end of the command, or of the
 * subtransaction that undoes it.
 */
PG_FUNCTION_INFO_V1(casus_sql_state_changed);
Datum
casus_sql_state_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("casus_int.state_changed() is a trigger function")));
	CacheInvalidateRelcacheByRelid(RelationGetRelid(trigger->tg_relation));
	PG_RETURN_POINTER(NULL);
}
