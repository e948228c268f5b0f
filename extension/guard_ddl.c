/*
 * guard_ddl.c
 *		Commands on protected tables: the list of what is harmless.
 *
 * Harmless is what cannot unfence a table, run user code over its rows, or
 * tell of rows that nobody may see.  The rest needs casus.maintenance, and what
 * unfences or uncovers is refused even then: the way there is casus.unprotect.
 * A table that is labelled but not fenced is being restored and takes anything
 * but user code over its rows.
 *
 * What reaches a table by another way than its own name (CASCADE, a parent, an
 * owner's whole property) is stopped by guard_object.c; a statement passed
 * here notes the relation in its scope, and may alter that one.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_opclass.h"
#include "commands/defrem.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_node.h"
#include "parser/parse_type.h"
#include "relation.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* The table that a name means; of an index, its table. */
static Oid
find_table(RangeVar *name)
{
	Oid			relid;

	if (name == NULL)
		return InvalidOid;
	relid = RangeVarGetRelid(name, NoLock, true);
	if (OidIsValid(relid) && (get_rel_relkind(relid) == RELKIND_INDEX ||
							  get_rel_relkind(relid) == RELKIND_PARTITIONED_INDEX))
		relid = IndexGetRelation(relid, true);
	return relid;
}

/* The protected table that a command names, noted as touched; casus' own tables take none. */
static const CasusProtected *
find_protected(RangeVar *name, CasusGuardScope *scope)
{
	Oid			relid = find_table(name);
	const CasusProtected *prot;

	if (!OidIsValid(relid))
		return NULL;
	if (casus_guard_is_own(RelationRelationId, relid))
		casus_guard_refuse_ddl(NULL, psprintf(_("relation %s belongs to casus."),
										casus_guard_name(relid)), NULL);
	prot = casus_registry_find(relid);
	if (prot != NULL)
	{
		scope->touches |= prot->mode == CASUS_MODE_ENFORCE;
		scope->vetted = list_concat_unique_oid(scope->vetted, casus_family_members(relid));
	}
	return prot;
}

static void
refuse_always(const CasusProtected *prot, const char *what)
{
	casus_guard_refuse_ddl(prot, psprintf(_("%s would unfence or uncover the protected table %s."),
									what, casus_guard_name(prot->relid)),
						   casus_guard_way_back(prot));
}

static bool
is_label(const char *column)
{
	return column != NULL && strcmp(column, CASUS_LABEL_COLUMN) == 0;
}

static void
check_named(RangeVar *name, const char *what, CasusGuardScope *scope)
{
	const CasusProtected *prot = find_protected(name, scope);

	if (prot != NULL)
		casus_guard_need_maintenance(prot, what);
}

/* ---- indexes ---- */

/* A column of a type that gives its values to a function of a user. */
static void
check_type(TypeName *name, const CasusProtected *prot)
{
	Oid			type = name == NULL ? InvalidOid : LookupTypeNameOid(NULL, name, true);

	if (OidIsValid(type) && OidIsValid(casus_guard_type_function(type)))
		casus_guard_refuse_user_code(prot);
}

/* Operator classes of extensions (trigrams) come with C code that a superuser has installed. */
static bool
is_trusted_opclass(List *name, Oid method)
{
	Oid			opclass;

	if (name == NIL)
		return true;
	opclass = get_opclass_oid(method, name, true);
	return !OidIsValid(opclass) || opclass < FirstNormalObjectId;
}

static bool
is_extension_opclass(List *name, Oid method)
{
	Oid			opclass = get_opclass_oid(method, name, true);

	return OidIsValid(opclass) &&
		OidIsValid(getExtensionOfObject(OperatorClassRelationId, opclass));
}

static bool
is_untrusted_column(Oid relid, const char *name)
{
	AttrNumber	attno = get_attnum(relid, name);

	return attno > 0 && OidIsValid(casus_guard_type_function(get_atttype(relid, attno)));
}

static void
check_index_columns(List *elements, Oid method, const CasusProtected *prot)
{
	ListCell   *lc;

	foreach(lc, elements)
	{
		IndexElem  *element = lfirst(lc);

		if (!casus_guard_builtin_raw(prot->relid, element->expr, EXPR_KIND_INDEX_EXPRESSION) ||
			(element->name != NULL && is_untrusted_column(prot->relid, element->name)))
			casus_guard_refuse_user_code(prot);
		if (is_trusted_opclass(element->opclass, method))
			continue;
		if (!is_extension_opclass(element->opclass, method))
			casus_guard_refuse_user_code(prot);
		casus_guard_need_maintenance(prot, _("An index with an operator class of an extension"));
	}
}

/*
 * A condition or an expression tells of hidden rows by the size of the index,
 * or by failing: the owner asks for maintenance, which is on record.
 */
static void
check_index(IndexStmt *index, CasusGuardScope *scope)
{
	const CasusProtected *prot = find_protected(index->relation, scope);
	Oid			method;
	ListCell   *lc;

	if (prot == NULL || prot->mode == CASUS_MODE_REGISTERED)
		return;
	method = get_am_oid(index->accessMethod ? index->accessMethod : DEFAULT_INDEX_TYPE, true);
	if (!casus_guard_builtin_raw(prot->relid, index->whereClause, EXPR_KIND_INDEX_PREDICATE))
		casus_guard_refuse_user_code(prot);
	check_index_columns(index->indexParams, method, prot);
	if (index->unique)
		casus_guard_need_maintenance(prot, _("A unique index"));
	if (index->excludeOpNames != NIL)
		casus_guard_need_maintenance(prot, _("An exclusion constraint"));
	if (method >= FirstNormalObjectId)
		casus_guard_need_maintenance(prot, _("An index of another access method"));
	if (index->whereClause != NULL)
		casus_guard_need_maintenance(prot, _("A partial index"));
	foreach(lc, index->indexParams)
	{
		if (((IndexElem *) lfirst(lc))->expr != NULL)
			casus_guard_need_maintenance(prot, _("An index on an expression"));
	}
}

/* ---- ALTER TABLE ---- */

/* A constant default costs no rewrite and calls nobody. */
static bool
is_constant(Node *raw)
{
	while (raw != NULL && IsA(raw, TypeCast))
		raw = ((TypeCast *) raw)->arg;
	return raw == NULL || IsA(raw, A_Const) || IsA(raw, SQLValueFunction);
}

static void
check_add_column(ColumnDef *column, const CasusProtected *prot, CasusGuardScope *scope)
{
	ListCell   *lc;

	if (is_label(column->colname) && prot->mode == CASUS_MODE_ENFORCE)
		refuse_always(prot, _("Adding a column of that name"));
	check_type(column->typeName, prot);
	if (column->typeName != NULL &&
		DomainHasConstraints(typenameTypeId(NULL, column->typeName)))
		casus_guard_need_maintenance(prot, _("A column of a checked domain"));
	if (!is_constant(column->raw_default))
		casus_guard_need_maintenance(prot, _("A column with a computed default"));
	foreach(lc, column->constraints)
	{
		Constraint *constraint = lfirst(lc);

		if (constraint->contype == CONSTR_DEFAULT && !is_constant(constraint->raw_expr))
			casus_guard_need_maintenance(prot, _("A column with a computed default"));
		/* It may call what it likes over the other columns. */
		if (constraint->contype == CONSTR_CHECK && prot->mode == CASUS_MODE_ENFORCE)
			casus_guard_refuse_ddl(prot, _("A condition on a column that is not there yet cannot be judged."),
								   _("Add the column first, then the constraint."));
		if (constraint->contype == CONSTR_GENERATED)
			casus_guard_need_maintenance(prot, _("A computed column"));
		if (constraint->contype == CONSTR_GENERATED &&
			!casus_guard_builtin_raw(prot->relid, constraint->raw_expr, EXPR_KIND_GENERATED_COLUMN))
			casus_guard_refuse_user_code(prot);
		/* A foreign key, or NOT NULL, of a column of constants tells of no row. */
		if (constraint->contype == CONSTR_PRIMARY || constraint->contype == CONSTR_UNIQUE)
			casus_guard_rows_that_are_there(constraint, prot);
		if (constraint->contype == CONSTR_FOREIGN)
			casus_guard_note_key(prot->relid,
								 RangeVarGetRelid(constraint->pktable, NoLock, true), scope);
	}
}

static void
check_alter_type(AlterTableCmd *cmd, const CasusProtected *prot)
{
	ColumnDef  *column = (ColumnDef *) cmd->def;

	check_type(column->typeName, prot);
	if (!casus_guard_builtin_raw(prot->relid, column->raw_default, EXPR_KIND_ALTER_COL_TRANSFORM))
		casus_guard_refuse_user_code(prot);
	casus_guard_need_maintenance(prot, _("ALTER COLUMN TYPE"));
}

/*
 * The trigger of casus fires always, in mode observe too: who switches it off
 * writes labels.  The others are the owner's, in maintenance.
 */
static void
check_trigger_switch(AlterTableCmd *cmd, const CasusProtected *prot)
{
	if (cmd->name == NULL || strcmp(cmd->name, CASUS_TRIGGER_NAME) == 0)
	{
		if (cmd->subtype != AT_EnableAlwaysTrig)
			refuse_always(prot, _("Switching the trigger of casus"));
		return;
	}
	casus_guard_need_maintenance(prot, _("Switching a trigger"));
}

static bool
switches_trigger(const AlterTableCmd *cmd)
{
	switch (cmd->subtype)
	{
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_DisableTrig:
		case AT_EnableTrigAll:
		case AT_DisableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrigUser:
			return true;
		default:
			return false;
	}
}

static void
check_fenced_command(AlterTableCmd *cmd, const CasusProtected *prot)
{
	switch (cmd->subtype)
	{
		case AT_ColumnDefault:
			/* It runs as whoever inserts, in his capacity. */
			if (!casus_guard_builtin_raw(prot->relid, cmd->def, EXPR_KIND_COLUMN_DEFAULT))
				casus_guard_need_maintenance(prot, _("A default that calls functions of users"));
			break;
		case AT_DropColumn:
		case AT_DropNotNull:
		case AT_SetStatistics:
		case AT_SetStorage:
		case AT_SetCompression:
		case AT_SetOptions:
		case AT_ResetOptions:
		case AT_SetRelOptions:
		case AT_ResetRelOptions:
		case AT_AddConstraint:
		case AT_ValidateConstraint:
		case AT_DropConstraint:
		case AT_ClusterOn:
		case AT_DropCluster:
		case AT_AddColumn:
		case AT_AttachPartition:
		case AT_EnableRowSecurity:
		case AT_ForceRowSecurity:
			break;
		case AT_SetNotNull:
			casus_guard_need_maintenance(prot, "SET NOT NULL");
			break;
		case AT_AlterConstraint:
			if (casus_compat_enforces(cmd))
				casus_guard_need_maintenance(prot, _("Enforcing a constraint"));
			casus_guard_key_unenforced(casus_compat_unenforced(cmd), prot);
			break;
		case AT_DisableRowSecurity:
		case AT_NoForceRowSecurity:
			refuse_always(prot, _("Switching row security off"));
			break;
		default:
			if (switches_trigger(cmd))
			{
				check_trigger_switch(cmd, prot);
				break;
			}
			casus_guard_need_maintenance(prot, _("This form of ALTER TABLE"));
			break;
	}
}

static void
check_protected_command(AlterTableCmd *cmd, const CasusProtected *prot,
						CasusGuardScope *scope)
{
	if (is_label(cmd->name) &&
		(cmd->subtype == AT_DropColumn || cmd->subtype == AT_AlterColumnType ||
		 cmd->subtype == AT_AddIdentity ||
		 /* pg_dump sets that of a table that inherits by itself. */
		 (cmd->subtype == AT_ColumnDefault && casus_guard_closed(prot))))
		refuse_always(prot, _("Changing or dropping the label column"));
	if (prot->mode == CASUS_MODE_REGISTERED)
		return;
	if (cmd->subtype == AT_AddColumn)
		check_add_column((ColumnDef *) cmd->def, prot, scope);
	if (cmd->subtype == AT_AlterColumnType)
		check_alter_type(cmd, prot);
	else if (casus_guard_closed(prot))
		check_fenced_command(cmd, prot);
	else if (prot->mode == CASUS_MODE_OBSERVE && switches_trigger(cmd))
		check_trigger_switch(cmd, prot);
}

/*
 * A table that gets a part, or loses it, or becomes one: see guard_family.c.
 */
static void
check_family(AlterTableStmt *alter, AlterTableCmd *cmd, const CasusProtected *prot,
			 CasusGuardScope *scope)
{
	PartitionCmd *partition = (PartitionCmd *) cmd->def;
	const CasusProtected *other;

	if (cmd->subtype == AT_AttachPartition && partition->bound == NULL)
		return;					/* an index, to that of the whole */
	if (cmd->subtype == AT_AttachPartition && prot != NULL)
	{
		if (!partition->bound->is_default)
			casus_guard_family_beside(prot);
		casus_guard_family_join(prot, partition->name, scope);
	}
	else if (cmd->subtype == AT_AttachPartition)
	{
		if (casus_registry_find(find_table(partition->name)) != NULL)
			casus_guard_publication_move(InvalidOid, find_table(alter->relation));
		casus_guard_family_below(find_protected(partition->name, scope));
	}
	else if (cmd->subtype == AT_AddInherit)
	{
		other = find_protected((RangeVar *) cmd->def, scope);
		if (other == NULL)
			casus_guard_family_below(prot);
		else
		{
			casus_guard_need_maintenance(other, "INHERIT");
			casus_guard_family_join(other, alter->relation, scope);
		}
	}
	else if (cmd->subtype == AT_DetachPartition && prot != NULL)
	{
		if (partition->concurrent)
			refuse_always(prot, "DETACH PARTITION CONCURRENTLY");
		casus_guard_family_leave(prot, find_table(partition->name), scope);
	}
	else if (cmd->subtype == AT_DropInherit && prot != NULL)
		casus_guard_family_leave(prot, prot->relid, scope);
}

/* One table cannot be a part of a protected one and of another. */
static void
check_parents(const CasusProtected *prot, List *parents)
{
	ListCell   *lc;

	foreach(lc, parents)
	{
		if (!casus_registry_is_of(find_table(lfirst(lc)), prot->family))
			casus_guard_family_below(prot);
	}
}

static void
check_create_table(CreateStmt *create, CasusGuardScope *scope)
{
	ListCell   *lc;

	foreach(lc, create->inhRelations)
	{
		const CasusProtected *prot = find_protected(lfirst(lc), scope);

		if (prot == NULL)
			continue;
		if (IsA(create, CreateForeignTableStmt))
			casus_guard_refuse_ddl(prot, _("The rows of a foreign table are elsewhere."), NULL);
		if (create->partbound == NULL)
			casus_guard_need_maintenance(prot, _("A child table"));
		else if (!create->partbound->is_default)
			casus_guard_family_beside(prot);
		check_parents(prot, create->inhRelations);
		casus_guard_family_coming(prot, scope);
	}
}

static void
check_alter_table(AlterTableStmt *alter, CasusGuardScope *scope)
{
	const CasusProtected *prot = find_protected(alter->relation, scope);
	Oid			relid = find_table(alter->relation);
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	scope->only_keys = true;
	foreach(lc, alter->cmds)
	{
		AlterTableCmd *cmd = lfirst(lc);
		bool		is_key = cmd->subtype == AT_ValidateConstraint ||
			(cmd->subtype == AT_AddConstraint &&
			 ((Constraint *) cmd->def)->contype == CONSTR_FOREIGN &&
			 !((Constraint *) cmd->def)->skip_validation);

		/* What goes asks no rows. */
		if (!is_key && cmd->subtype != AT_AttachPartition && cmd->subtype != AT_DropConstraint)
			scope->only_keys = false;
		if (prot != NULL)
			check_protected_command(cmd, prot, scope);
		check_family(alter, cmd, prot, scope);
		if (cmd->subtype == AT_AddConstraint)
			casus_guard_constraint((Constraint *) cmd->def, relid, prot, scope);
		else if (cmd->subtype == AT_ValidateConstraint)
			casus_guard_validation(cmd->name, relid, prot, scope);
	}
}

/* ---- the others ---- */

static void
check_rename(RenameStmt *rename, CasusGuardScope *scope)
{
	const CasusProtected *prot = find_protected(rename->relation, scope);

	if (prot == NULL)
		return;
	if (rename->renameType == OBJECT_COLUMN &&
		(is_label(rename->subname) || is_label(rename->newname)))
		refuse_always(prot, _("Renaming the label column"));
	if (rename->renameType != OBJECT_POLICY && rename->renameType != OBJECT_TRIGGER)
		return;
	if (casus_guard_watched(prot) &&
		(strcmp(rename->subname, CASUS_POLICY_NAME) == 0 ||
		 strcmp(rename->subname, CASUS_OPEN_POLICY_NAME) == 0 ||
		 strcmp(rename->subname, CASUS_TRIGGER_NAME) == 0 ||
		 strcmp(rename->subname, CASUS_PENDING_NAME) == 0))
		refuse_always(prot, _("Renaming the policy or the trigger of casus"));
	casus_guard_need_maintenance(prot, _("Renaming a policy or a trigger"));
}

static void
check_trigger(CreateTrigStmt *trigger, CasusGuardScope *scope)
{
	const CasusProtected *prot = find_protected(trigger->relation, scope);

	if (prot == NULL)
		return;
	if (casus_guard_watched(prot) && strcmp(trigger->trigname, CASUS_TRIGGER_NAME) >= 0)
		refuse_always(prot, _("A trigger that sorts after that of casus"));
	casus_guard_need_maintenance(prot, _("CREATE TRIGGER"));
}

static void
check_policy(RangeVar *table, const char *name, CasusGuardScope *scope)
{
	const CasusProtected *prot = find_protected(table, scope);

	if (prot == NULL)
		return;
	if (casus_guard_closed(prot) &&
		(strcmp(name, CASUS_POLICY_NAME) == 0 || strcmp(name, CASUS_OPEN_POLICY_NAME) == 0))
		refuse_always(prot, _("Changing the policy of casus"));
	casus_guard_need_maintenance(prot, _("A policy"));
}

static void
check_schema(AlterObjectSchemaStmt *alter, CasusGuardScope *scope)
{
	const CasusProtected *prot = find_protected(alter->relation, scope);

	if (prot == NULL)
		return;
	casus_guard_publication_move(get_namespace_oid(alter->newschema, true), InvalidOid);
	casus_guard_need_maintenance(prot, "SET SCHEMA");
}

static void
check_statistics(CreateStatsStmt *statistics, CasusGuardScope *scope)
{
	ListCell   *lc;

	const CasusProtected *prot = statistics->relations == NIL ||
		!IsA(linitial(statistics->relations), RangeVar) ? NULL :
		find_protected(linitial(statistics->relations), scope);

	if (prot == NULL)
		return;
	foreach(lc, statistics->exprs)
	{
		if (casus_guard_bound(prot) &&
			!casus_guard_builtin_raw(prot->relid, ((StatsElem *) lfirst(lc))->expr,
									 EXPR_KIND_STATS_EXPRESSION))
			casus_guard_refuse_user_code(prot);
	}
	casus_guard_need_maintenance(prot, _("CREATE STATISTICS"));
}

/* Statements that name the table they change. */
void
casus_guard_ddl(Node *stmt, CasusGuardScope *scope)
{
	switch (nodeTag(stmt))
	{
		case T_AlterTableStmt:
			check_alter_table((AlterTableStmt *) stmt, scope);
			break;
		case T_CreateStmt:
		case T_CreateForeignTableStmt:
			check_create_table((CreateStmt *) stmt, scope);
			break;
		case T_IndexStmt:
			check_index((IndexStmt *) stmt, scope);
			break;
		case T_RenameStmt:
			check_rename((RenameStmt *) stmt, scope);
			break;
		case T_CreateTrigStmt:
			check_trigger((CreateTrigStmt *) stmt, scope);
			break;
		case T_RuleStmt:
			check_named(((RuleStmt *) stmt)->relation, "CREATE RULE", scope);
			break;
		case T_CreatePolicyStmt:
			check_policy(((CreatePolicyStmt *) stmt)->table,
						 ((CreatePolicyStmt *) stmt)->policy_name, scope);
			break;
		case T_AlterPolicyStmt:
			check_policy(((AlterPolicyStmt *) stmt)->table,
						 ((AlterPolicyStmt *) stmt)->policy_name, scope);
			break;
		case T_ClusterStmt:
			check_named(((ClusterStmt *) stmt)->relation, "CLUSTER", scope);
			break;
		case T_AlterObjectSchemaStmt:
			check_schema((AlterObjectSchemaStmt *) stmt, scope);
			break;
		case T_CreateStatsStmt:
			check_statistics((CreateStatsStmt *) stmt, scope);
			break;
		default:
			break;
	}
}
