/*
 * guard_object.c
 *		What happens to objects by whatever command: drops, also by CASCADE,
 *		changes, also through a parent or an owner, TRUNCATE.
 *
 * The utility statement on whose behalf it happens stands in the innermost
 * scope: what that one was examined for may go on.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "commands/seclabel.h"
#include "miscadmin.h"
#include "relation.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* A trigger, rule or policy: of which table, and whose. */
typedef struct Part
{
	Oid			relid;
	char		name[NAMEDATALEN];
	bool		internal;
} Part;

/* Where it stands of what is made on a table, of which one it is. */
typedef struct Catalog
{
	Oid			class;
	Oid			relid;
	Oid			index;
	AttrNumber	key;
	AttrNumber	table;
	AttrNumber	computed[2];	/* over the rows of the table */
} Catalog;

static const Catalog catalogs[] = {
	{PolicyRelationId, PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid,
	Anum_pg_policy_polrelid, {0}},
	{TriggerRelationId, TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid,
	Anum_pg_trigger_tgrelid, {0}},
	{RewriteRelationId, RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid,
	Anum_pg_rewrite_ev_class, {0}},
	{ConstraintRelationId, ConstraintRelationId, ConstraintOidIndexId, Anum_pg_constraint_oid,
	Anum_pg_constraint_conrelid, {Anum_pg_constraint_conbin}},
	{StatisticExtRelationId, StatisticExtRelationId, StatisticExtOidIndexId,
	Anum_pg_statistic_ext_oid, Anum_pg_statistic_ext_stxrelid, {Anum_pg_statistic_ext_stxexprs}},
	/* Of the relations those that stand there. */
	{RelationRelationId, IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid,
	Anum_pg_index_indrelid, {Anum_pg_index_indexprs, Anum_pg_index_indpred}}
};

/* ---- casus' own objects ---- */

static void
refuse_own(void)
{
	casus_guard_refuse_ddl(NULL, _("The object belongs to casus, which alone changes it, by its own scripts."),
						   NULL);
}

/* ---- parts of a table ---- */

static HeapTuple
fetch_part(Oid catalog, Oid index, AttrNumber key, Oid object, Relation *rel)
{
	ScanKeyData skey;
	SysScanDesc scan;
	HeapTuple	tuple;

	*rel = table_open(catalog, AccessShareLock);
	ScanKeyInit(&skey, key, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
	scan = systable_beginscan(*rel, index, true, NULL, 1, &skey);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	table_close(*rel, AccessShareLock);
	return tuple;
}

static bool
find_part(Oid class, Oid object, Part *part)
{
	Relation	rel;
	HeapTuple	tuple = NULL;

	part->internal = false;
	if (class == PolicyRelationId)
	{
		tuple = fetch_part(class, PolicyOidIndexId, Anum_pg_policy_oid, object, &rel);
		if (tuple == NULL)
			return false;
		part->relid = ((Form_pg_policy) GETSTRUCT(tuple))->polrelid;
		strlcpy(part->name, NameStr(((Form_pg_policy) GETSTRUCT(tuple))->polname), NAMEDATALEN);
	}
	else if (class == TriggerRelationId)
	{
		tuple = fetch_part(class, TriggerOidIndexId, Anum_pg_trigger_oid, object, &rel);
		if (tuple == NULL)
			return false;
		part->relid = ((Form_pg_trigger) GETSTRUCT(tuple))->tgrelid;
		part->internal = ((Form_pg_trigger) GETSTRUCT(tuple))->tgisinternal;
		strlcpy(part->name, NameStr(((Form_pg_trigger) GETSTRUCT(tuple))->tgname), NAMEDATALEN);
	}
	else if (class == RewriteRelationId)
	{
		tuple = fetch_part(class, RewriteOidIndexId, Anum_pg_rewrite_oid, object, &rel);
		if (tuple == NULL)
			return false;
		part->relid = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
		strlcpy(part->name, NameStr(((Form_pg_rewrite) GETSTRUCT(tuple))->rulename), NAMEDATALEN);
	}
	return tuple != NULL;
}

static bool
is_fence(Oid class, const Part *part)
{
	if (class == PolicyRelationId)
		return strcmp(part->name, CASUS_POLICY_NAME) == 0 ||
			strcmp(part->name, CASUS_OPEN_POLICY_NAME) == 0;
	return class == TriggerRelationId &&
		(strcmp(part->name, CASUS_TRIGGER_NAME) == 0 ||
		 strcmp(part->name, CASUS_PENDING_NAME) == 0);
}

static bool
is_vetted(Oid relid)
{
	CasusGuardScope *scope = casus_guard_scope();

	return scope != NULL && (scope->upkeep || list_member_oid(scope->vetted, relid));
}

/* DROP TRIGGER, and not the table with it. */
static bool
names_trigger(void)
{
	CasusGuardScope *scope = casus_guard_scope();

	return scope != NULL && scope->tag == T_DropStmt &&
		((DropStmt *) scope->stmt)->removeType == OBJECT_TRIGGER;
}

static void
refuse_fence(const CasusProtected *prot, const Part *part)
{
	casus_guard_refuse_ddl(prot, psprintf(_("Policy or trigger %s is part of the fence of the protected table %s."),
										  part->name, casus_guard_name(part->relid)),
						   casus_guard_way_back(prot));
}

/* A policy, a trigger or a rule is dropped or altered. */
static void
guard_part(ObjectAccessType access, Oid class, Oid object)
{
	Part		part;
	const CasusProtected *prot;

	if (!find_part(class, object, &part) || part.internal)
		return;
	if (casus_guard_is_own(RelationRelationId, part.relid))
		refuse_own();
	prot = casus_registry_find(part.relid);
	if (class == TriggerRelationId && access == OAT_DROP && is_fence(class, &part) &&
		casus_guard_watched(prot) && names_trigger())
		refuse_fence(prot, &part);
	if (!casus_guard_closed(prot))
		return;
	if (access == OAT_POST_ALTER && is_vetted(part.relid))
		return;
	/* The triggers of a partition go when it is detached, and come back at once. */
	if (access == OAT_DROP && class == TriggerRelationId && casus_guard_scope() != NULL &&
		list_member_oid(casus_guard_scope()->detached, part.relid))
		return;
	if (is_fence(class, &part))
		refuse_fence(prot, &part);
	casus_guard_need_maintenance(prot, _("Dropping or changing a policy, a trigger or a rule"));
}

/* ---- relations ---- */

/* The settings mean a column by a label of its own. */
static bool
is_meant(const CasusProtected *prot, int column)
{
	ObjectAddress address;

	ObjectAddressSubSet(address, RelationRelationId, prot->relid, column);
	return GetSecurityLabel(&address, CASUS_PROVIDER) != NULL;
}

static void
guard_drop_column(const CasusProtected *prot, int column)
{
	if (column == prot->label_attno)
		casus_guard_refuse_ddl(prot, _("The column is the label of a protected table."),
							   casus_guard_way_back(prot));
	if (!casus_guard_closed(prot))
		return;
	if (is_meant(prot, column))
		casus_guard_refuse_ddl(prot, psprintf(_("How the protocol governs the table %s depends on the column."),
											  casus_guard_name(prot->relid)),
							   casus_guard_way_back(prot));
	/* Not by its own name: a type is dropped, or an extension, with all that hangs on it. */
	if (!is_vetted(prot->relid))
		casus_guard_need_maintenance(prot, _("Dropping a column by CASCADE"));
}

static void
guard_drop_relation(const CasusProtected *prot, int column)
{
	if (column != 0)
	{
		guard_drop_column(prot, column);
		return;
	}
	if (casus_guard_closed(prot) && !prot->foreign)
		casus_guard_refuse_ddl(prot, _("The table is protected; its dossiers end by the protocol."),
							   casus_guard_way_back(prot));
}

static void
guard_relation(ObjectAccessType access, Oid relid, int column)
{
	const CasusProtected *prot;

	if (casus_guard_is_own(RelationRelationId, relid))
	{
		if (!is_vetted(relid))
			refuse_own();
		return;
	}
	prot = casus_registry_find(relid);
	if (prot == NULL)
		return;
	if (access == OAT_DROP)
		guard_drop_relation(prot, column);
	else if (access == OAT_TRUNCATE)
		casus_guard_need_maintenance(prot, "TRUNCATE");
	else if (!is_vetted(relid))
	{
		if (column != 0 && column == prot->label_attno)
			casus_guard_refuse_ddl(prot, _("The column is the label of a protected table."),
								   casus_guard_way_back(prot));
		casus_guard_need_maintenance(prot, _("Changing it through another object"));
	}
}

/* ---- the relation that a command acts on ---- */

/*
 * A command names relations, and was judged for those that the names led to; when
 * it runs they may lead elsewhere.  So what it makes or changes is of one of these.
 */
static void
require_judged(Oid relid)
{
	CasusGuardScope *scope = casus_guard_scope();
	const CasusProtected *prot;

	if (casus_is_own_relation(relid))
		refuse_own();
	prot = casus_registry_find(relid);
	if (!casus_guard_closed(prot) || is_vetted(relid))
		return;
	/* Tables of a type that changes are named by nobody. */
	if (scope != NULL && scope->tag == T_AlterTableStmt &&
		((AlterTableStmt *) scope->stmt)->objtype == OBJECT_TYPE)
		casus_guard_need_maintenance(prot, _("Changing it through another object"));
	else
		casus_guard_refuse_ddl(prot,
							   psprintf(_("The command was judged for another table; while it waited its name has come to lead to %s."),
										casus_guard_name(relid)),
							   _("Run it again."));
}

/* Names of functions may lead elsewhere as well. */
static void
require_builtin(Oid relid, const char *computed)
{
	const CasusProtected *prot = casus_registry_find(relid);

	if (casus_guard_closed(prot) && !casus_guard_builtin_over_rows(stringToNode(computed)))
		casus_guard_refuse_user_code(prot);
}

/* Those of keys the server makes anew when the type of what they refer to changes. */
static bool
counts(Oid class, const void *row)
{
	if (class == TriggerRelationId)
		return !((const FormData_pg_trigger *) row)->tgisinternal;
	return class != ConstraintRelationId ||
		((const FormData_pg_constraint *) row)->contype == CONSTRAINT_CHECK;
}

/* What has been made: of which table?  InvalidOid: of none. */
static Oid
judge_made(const Catalog *catalog, Oid object, bool fresh)
{
	Relation	rel = table_open(catalog->relid, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			relid = InvalidOid;
	bool		isnull;

	ScanKeyInit(&key, catalog->key, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
	scan = systable_beginscan(rel, catalog->index, true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple) && counts(catalog->class, GETSTRUCT(tuple)))
		relid = DatumGetObjectId(heap_getattr(tuple, catalog->table, RelationGetDescr(rel),
											  &isnull));
	if (OidIsValid(relid))
		require_judged(relid);
	for (int i = 0; fresh && OidIsValid(relid) && i < lengthof(catalog->computed); i++)
	{
		Datum		computed = catalog->computed[i] == 0 ? (Datum) 0 :
			heap_getattr(tuple, catalog->computed[i], RelationGetDescr(rel), &isnull);

		if (catalog->computed[i] != 0 && !isnull)
			require_builtin(relid, TextDatumGetCString(computed));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return relid;
}

/* The table that a command acts on, by what it tells of it. */
static void
guard_acted_on(ObjectAccessType access, Oid class, Oid object, int column, void *arg)
{
	CasusGuardScope *scope = casus_guard_scope();
	bool		alters = scope != NULL && scope->tag == T_AlterTableStmt;
	Oid			relid = InvalidOid;

	/* REINDEX CONCURRENTLY makes copies of indexes that stand. */
	if (scope != NULL && scope->upkeep)
		return;
	if ((class == RelationRelationId &&
		 (access == OAT_POST_CREATE ? column != 0 : access == OAT_POST_ALTER && alters)) ||
		(class == AttrDefaultRelationId && access == OAT_POST_CREATE))
		relid = object;
	else if (class == InheritsRelationId && access == OAT_POST_ALTER)
	{
		require_judged(object);
		/* A part that leaves may name itself alone. */
		if (scope == NULL || scope->leaves != object)
			relid = ((ObjectAccessPostAlter *) arg)->auxiliary_id;
	}
	if (OidIsValid(relid))
		require_judged(relid);
	else if (access == OAT_POST_CREATE ||
			 (access == OAT_POST_ALTER && class == ConstraintRelationId))
	{
		for (int i = 0; i < lengthof(catalogs); i++)
		{
			if (catalogs[i].class == class)
				relid = judge_made(&catalogs[i], object, access == OAT_POST_CREATE);
		}
	}
	/* What passes is kept there: once somewhere that lasts, not in a temporary table. */
	if (OidIsValid(relid) && scope != NULL && OidIsValid(scope->relid) &&
		get_rel_persistence(relid) != RELPERSISTENCE_TEMP)
		scope->relid = relid;
}

/* ---- functions that name the dossiers of rows ---- */

/* What it says is how the table is governed: changed in maintenance, never gone. */
static void
guard_resolver(ObjectAccessType access, Oid function)
{
	ListCell   *lc;

	foreach(lc, casus_registry_tables())
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));
		const CasusSettings *settings = prot != NULL ? prot->settings : NULL;

		if (settings == NULL || settings->resolve != function || !OidIsValid(function))
			continue;
		if (access == OAT_DROP)
			casus_guard_refuse_ddl(prot, psprintf(_("The function names the dossiers of the rows of the table %s."),
												  casus_guard_name(prot->relid)),
								   casus_guard_way_back(prot));
		casus_guard_need_maintenance(prot, _("Changing the function that names the dossiers of its rows"));
	}
}

/* ---- dispatch ---- */

static bool
stands(ObjectAccessType access)
{
	switch (access)
	{
		case OAT_DROP:
			return CASUS_LAYER(drop);
		case OAT_POST_ALTER:
			return CASUS_LAYER(alter);
		case OAT_POST_CREATE:
			return CASUS_LAYER(create);
		case OAT_TRUNCATE:
			return CASUS_LAYER(truncate);
		default:
			return true;
	}
}

static bool
is_internal(ObjectAccessType access, void *arg)
{
	if (arg == NULL)
		return false;
	if (access == OAT_POST_ALTER)
		return ((ObjectAccessPostAlter *) arg)->is_internal;
	if (access == OAT_POST_CREATE)
		return ((ObjectAccessPostCreate *) arg)->is_internal;
	return false;
}

/* The schema of an object that this command has just made. */
static Oid
find_schema(Oid class, Oid object)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;
	bool		isnull;

	if (!is_objectclass_supported(class) ||
		get_object_attnum_namespace(class) == InvalidAttrNumber)
		return InvalidOid;
	rel = table_open(class, AccessShareLock);
	ScanKeyInit(&key, get_object_attnum_oid(class), BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object));
	scan = systable_beginscan(rel, get_object_oid_index(class), true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = DatumGetObjectId(heap_getattr(tuple, get_object_attnum_namespace(class),
											   RelationGetDescr(rel), &isnull));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return schema;
}

/*
 * What is put beside the functions of casus, or of the server, may be called
 * in their stead by whoever leaves out a type.
 */
static void
guard_planted(Oid class, Oid object)
{
	Oid			schema = find_schema(class, object);

	if (!OidIsValid(schema) || IsBinaryUpgrade)
		return;
	if (schema == PG_CATALOG_NAMESPACE)
		casus_guard_refuse_ddl(NULL, _("In schema pg_catalog only extensions make objects while casus is in this database."), NULL);
	if (casus_guard_is_own(NamespaceRelationId, schema))
		casus_guard_refuse_ddl(NULL, _("In the schemas of casus nobody but casus makes objects."), NULL);
}

/*
 * A function or view that is replaced reports its creation; what is really new
 * belongs to no extension yet.
 */
static void
guard_own(ObjectAccessType access, Oid class, Oid object)
{
	CasusGuardScope *scope = casus_guard_scope();

	if (scope != NULL && scope->upkeep)
		return;
	if (access == OAT_POST_CREATE && !creating_extension)
		guard_planted(class, object);
	if (casus_guard_is_own(class, object))
		refuse_own();
}

/*
 * What initdb made is what every protection rests on: a system catalog (open
 * to a superuser by allow_system_table_mods), and the functions and operators
 * that are trusted for being built in.
 */
static void
guard_builtin(ObjectAccessType access, Oid class)
{
	CasusGuardScope *scope = casus_guard_scope();

	if (access == OAT_FUNCTION_EXECUTE || access == OAT_NAMESPACE_SEARCH ||
		IsBinaryUpgrade || (scope != NULL && scope->upkeep))
		return;
	if (class == RelationRelationId || class == ProcedureRelationId ||
		class == OperatorRelationId || class == CastRelationId ||
		class == OperatorClassRelationId || class == OperatorFamilyRelationId)
		casus_guard_refuse_ddl(NULL, _("The object came with the server; protection rests on it."),
							   NULL);
}

void
casus_guard_object(ObjectAccessType access, Oid class, Oid object,
				   int subobject, void *arg)
{
	CasusGuardScope *scope = casus_guard_scope();

	if (class == ConstraintRelationId && access != OAT_DROP)
		casus_guard_validate_arm();
	if ((scope != NULL && scope->own) || casus_creating() || is_internal(access, arg))
		return;
	if (CASUS_LAYER(names) && CASUS_LAYER(ddl))
		guard_acted_on(access, class, object, subobject, arg);
	if (!stands(access))
		return;

	if (object < FirstUnpinnedObjectId)
		guard_builtin(access, class);
	else if (class == ExtensionRelationId && access == OAT_DROP)
	{
		if (object == get_extension_oid("casus", true))
			casus_guard_refuse_ddl(NULL, _("casus is dropped by DROP EXTENSION alone, when no table is protected."),
								   NULL);
	}
	else if (class == PolicyRelationId || class == TriggerRelationId ||
			 class == RewriteRelationId)
	{
		if (access == OAT_DROP || access == OAT_POST_ALTER || access == OAT_POST_CREATE)
			guard_part(access, class, object);
	}
	else if (class == RelationRelationId && access != OAT_POST_CREATE)
		guard_relation(access, object, subobject);
	else
	{
		if (class == ProcedureRelationId &&
			(access == OAT_DROP || access == OAT_POST_ALTER || access == OAT_POST_CREATE))
			guard_resolver(access, object);
		if (class == ConstraintRelationId && access == OAT_DROP)
			casus_guard_key_goes(object, arg != NULL ? ((ObjectAccessDrop *) arg)->dropflags : 0);
		guard_own(access, class, object);
	}
}
