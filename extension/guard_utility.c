/*
 * guard_utility.c
 *		Utility statements: which of the guard's parts looks at which, and the
 *		commands that are about the extension, types and the session.
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
#include "commands/defrem.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "relation.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* ---- the extension ---- */

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
		if (CASUS_LAYER(extension) && !casus_registry_empty())
			casus_guard_refuse_ddl(NULL, _("Tables are still protected; casus goes when none is."),
								   "SELECT relation FROM casus_int.protected;  -- casus.unprotect() each, children first");
		scope->own = true;
	}
}

static void
refuse_extension(const char *name)
{
	if (CASUS_LAYER(extension) && strcmp(name, "casus") == 0)
		casus_guard_refuse_ddl(NULL, _("The extension is changed by its own scripts only."), NULL);
}

/* A cast or transform of our types would be called where labels are read. */
static void
check_type(TypeName *name)
{
	Oid			type = LookupTypeNameOid(NULL, name, true);

	if (OidIsValid(type) && casus_guard_is_own(TypeRelationId, type))
		casus_guard_refuse_ddl(NULL, _("The type belongs to casus."), NULL);
}

/* ---- domains: a new constraint is tried on all rows, past the executor ---- */

/* Maintenance opens no rows: not to a function in a condition either. */
static void
check_user_of_type(const CasusProtected *prot, const char *what, bool runs_code)
{
	if (runs_code && prot->mode == CASUS_MODE_ENFORCE)
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

	if (!OidIsValid(type) || !CASUS_LAYER(domain))
		return;
	if (type == casus_label_type_oid())
		casus_guard_refuse_ddl(NULL, _("The type of labels belongs to casus."), NULL);
	if (alter->subtype == 'O' || alter->subtype == 'V' ||
		(alter->subtype == 'C' && !((Constraint *) alter->def)->skip_validation))
		check_users_of_type(type, _("Checking a domain over the rows that are there"),
							alter->subtype != 'O');
}

/* ---- dispatch ---- */

static void
check_transaction(TransactionStmt *stmt)
{
	if (CASUS_LAYER(prepare) && stmt->kind == TRANS_STMT_PREPARE &&
		casus_guard_transaction_marked())
		casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
						   _("this transaction cannot be prepared"),
						   _("it has a context, contains an act or has read governed rows"),
						   "COMMIT;");
}

/*
 * The arguments of a procedure are computed in no plan, and where the procedure
 * begins nobody is told: what it reads counts as well.
 */
static void
note_keeper(CallStmt *call)
{
	CasusGuardFrame *frame = casus_guard_frame_top();

	if (CASUS_LAYER(derive) && !casus_registry_idle())
		frame->facts.function = casus_guard_function_within((Node *) call->funcexpr);
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

/* What concerns all databases of the server, with casus or without. */
void
casus_guard_everywhere(Node *stmt)
{
	if (CASUS_LAYER(role))
		casus_guard_role(stmt);
	casus_guard_named(stmt);
	casus_guard_file(stmt);
}

/*
 * The relation that a command defines, before it runs: while it does, what it
 * calls may have a search_path of its own, and from 17 on it has one itself.
 */
static Oid
find_named(Node *stmt)
{
	RangeVar   *name = NULL;

	if (IsA(stmt, AlterTableStmt))
		name = ((AlterTableStmt *) stmt)->relation;
	else if (IsA(stmt, IndexStmt))
		name = ((IndexStmt *) stmt)->relation;
	return name == NULL ? InvalidOid : RangeVarGetRelid(name, NoLock, true);
}

PlannedStmt *
casus_guard_utility(PlannedStmt *pstmt, CasusGuardScope *scope)
{
	Node	   *stmt = pstmt->utilityStmt;

	casus_guard_everywhere(stmt);
	scope->upkeep = is_upkeep(stmt);
	scope->relid = find_named(stmt);
	switch (nodeTag(stmt))
	{
		case T_TransactionStmt:
			check_transaction((TransactionStmt *) stmt);
			break;
		case T_CopyStmt:
			return casus_guard_copy(pstmt, scope);
		case T_AlterTableStmt:
			return casus_guard_alter(pstmt, scope);
		case T_CallStmt:
			note_keeper((CallStmt *) stmt);
			break;
		case T_DropStmt:
			check_drop((DropStmt *) stmt, scope);
			break;
		case T_AlterExtensionContentsStmt:
			refuse_extension(((AlterExtensionContentsStmt *) stmt)->extname);
			break;
		case T_CreateCastStmt:
			check_type(((CreateCastStmt *) stmt)->sourcetype);
			check_type(((CreateCastStmt *) stmt)->targettype);
			break;
		case T_CreateTransformStmt:
			check_type(((CreateTransformStmt *) stmt)->type_name);
			break;
		case T_CreatePublicationStmt:
		case T_AlterPublicationStmt:
			if (CASUS_LAYER(publication))
				casus_guard_publication(stmt);
			break;
		case T_AlterDomainStmt:
			check_domain((AlterDomainStmt *) stmt);
			break;
		default:
			if (CASUS_LAYER(ddl))
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
forget_statistics(AlterTableStmt *alter, Oid relid)
{
	ListCell   *lc;

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

	casus_guard_family_done(scope);
	if (IsA(stmt, CopyStmt))
		casus_guard_copy_done(pstmt, scope, processed);
	else if (IsA(stmt, AlterTableStmt))
	{
		ListCell   *lc;

		foreach(lc, scope->vetted)
			forget_statistics((AlterTableStmt *) stmt, lfirst_oid(lc));
		casus_guard_alter_done(scope);
	}
	else if (IsA(stmt, CreatePublicationStmt) || IsA(stmt, AlterPublicationStmt) ||
			 IsA(stmt, AlterObjectSchemaStmt))
		casus_guard_publication_done(stmt);
	else if (IsA(stmt, CreateSubscriptionStmt) || IsA(stmt, AlterSubscriptionStmt))
		casus_guard_subscription_done(stmt);
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

	MemoryContext context = TopTransactionContext ? TopTransactionContext : MessageContext;

	/* One inside that writes a file does not end that of the COPY around it. */
	if (scope->digest)
		casus_exportdigest_drop();
	/* COPY FROM and SET CONSTRAINTS run triggers and constraints as a statement does. */
	if (scope->copying || scope->tag == T_ConstraintsSetStmt)
		casus_guard_error_rethrow(context, casus_guard_frame_ever_written());
	if (!scope->touches || !CASUS_LAYER(errors))
		PG_RE_THROW();
	MemoryContextSwitchTo(context);
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
			 errhint("Who reads the rows for a purpose can see which of them stand in the way."),
			 error->constraint_name == NULL ? 0 :
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, error->constraint_name)));
}
