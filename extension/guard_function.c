/*
 * guard_function.c
 *		Functions by which rows would leave past the executor: those that read
 *		files, pages or the changes in the WAL; and which ones keep what they
 *		are given, which guard_derive.c judges.
 *
 * The server asks before it runs a function in an expression or a call
 * (OAT_FUNCTION_EXECUTE), but once only for an expression that PL/pgSQL keeps
 * for the transaction: so a function that keeps what it is given is asked about
 * at each call, by one of ours around the argument that is computed last.  A
 * function is known by the C code that it stands for, not by its name: one that
 * a user declares anew is caught as well, and refused already when it is
 * declared.  It does not ask where it calls a function by itself (guard_named.c).
 *
 * Names and sizes of files, counts of rows and pages (pg_ls_dir, pg_stat_file,
 * pgstattuple, pg_visibility, pg_buffercache, amcheck) show no value of a row
 * and stay open, as do functions that run SQL (query_to_xml, ts_stat): that is
 * bound like any.
 *
 * Private to the backend: the functions known to be harmless, forgotten when
 * any function changes.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "known.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "resolve.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"


typedef enum Danger
{
	DANGER_NONE,
	DANGER_FILE,				/* files hold the rows of every database */
	DANGER_PAGE,				/* pages of this database */
	DANGER_CHANGE,				/* decoded changes of this database */
	DANGER_SEQUENCE,			/* by another name it is not seen by guard_sequence.c */
	DANGER_SESSION,				/* leaves something behind in the session */
	DANGER_KEEPS,				/* what it is given, where no policy covers it */
	DANGER_DEFAULT				/* a default of its arguments calls such a one */
} Danger;

typedef struct Symbol
{
	const char *library;		/* NULL: of the server; "": whatever library */
	const char *prefix;			/* of the symbol */
	Danger		danger;
} Symbol;

static const Symbol symbols[] = {
	{NULL, "pg_read_file", DANGER_FILE},
	{NULL, "pg_read_binary_file", DANGER_FILE},
	{NULL, "be_lo_import", DANGER_FILE},
	{NULL, "be_lo_export", DANGER_FILE},
	{"", "pg_file_", DANGER_FILE},	/* adminpack */
	{"", "pg_get_wal_block_info", DANGER_FILE},	/* pg_walinspect: images of pages */
	{"", "pg_get_wal_fpi_info", DANGER_FILE},
	{"pageinspect", "", DANGER_PAGE},
	{"", "get_raw_page", DANGER_PAGE},
	{"", "bt_page_items", DANGER_PAGE},
	{"pg_surgery", "", DANGER_PAGE},
	{"", "heap_force_", DANGER_PAGE},	/* brings deleted rows back, or kills them */
	{NULL, "pg_logical_slot_get_", DANGER_CHANGE},
	{NULL, "pg_logical_slot_peek_", DANGER_CHANGE},
	{NULL, "pg_create_logical_replication_slot", DANGER_CHANGE},
	{NULL, "pg_copy_logical_replication_slot", DANGER_CHANGE},
	{NULL, "setval", DANGER_SEQUENCE},
	{NULL, "set_config_by_name", DANGER_SESSION},
	{NULL, "setseed", DANGER_SESSION},
	{NULL, "pg_notify", DANGER_SESSION},
	{NULL, "pg_advisory_", DANGER_SESSION},
	{NULL, "pg_try_advisory_", DANGER_SESSION},
	{"casus", "casus_sql_setval", DANGER_KEEPS},
	{NULL, "be_lo_creat", DANGER_KEEPS},	/* lo_creat, too: how many there are tells */
	{NULL, "be_lo_from_bytea", DANGER_KEEPS},
	{NULL, "be_lo_put", DANGER_KEEPS},
	{NULL, "be_lowrite", DANGER_KEEPS},
	{NULL, "be_lo_truncate", DANGER_KEEPS}, /* its length is a number */
	{NULL, "pg_create_restore_point", DANGER_KEEPS},
	{NULL, "pg_logical_emit_message", DANGER_KEEPS},
	{NULL, "pg_create_physical_replication_slot", DANGER_KEEPS},
	{NULL, "pg_copy_physical_replication_slot", DANGER_KEEPS},
	{NULL, "pg_drop_replication_slot", DANGER_KEEPS},
	{NULL, "pg_replication_origin_create", DANGER_KEEPS},
	{NULL, "pg_replication_origin_drop", DANGER_KEEPS},
	{NULL, "pg_replication_origin_advance", DANGER_KEEPS},
	{NULL, "pg_restore_relation_stats", DANGER_KEEPS},	/* from 18 on */
	{NULL, "pg_restore_attribute_stats", DANGER_KEEPS},
	{NULL, "pg_clear_relation_stats", DANGER_KEEPS},
	{NULL, "pg_clear_attribute_stats", DANGER_KEEPS}
};

static CasusKnown harmless;		/* emptied when any function changes */

/* ---- what a function stands for ---- */

static void
forget_harmless(Datum arg, int cacheid, uint32 hashvalue)
{
	casus_known_forget(&harmless);
}

/* "$libdir/pageinspect.so": pageinspect */
static char *
library_name(const char *path)
{
	const char *slash = last_dir_separator(path);
	char	   *name = pstrdup(slash != NULL ? slash + 1 : path);
	char	   *dot = strchr(name, '.');

	if (dot != NULL)
		*dot = '\0';
	return name;
}

static bool
is_meant(const Symbol *symbol, const char *library, const char *name)
{
	if ((symbol->library == NULL) != (library == NULL))
		return false;
	if (library != NULL && symbol->library[0] != '\0' &&
		strcmp(library, symbol->library) != 0)
		return false;
	return strncmp(name, symbol->prefix, strlen(symbol->prefix)) == 0;
}

static Danger
judge_tuple(HeapTuple tuple)
{
	Oid			language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	char	   *library = NULL;
	char	   *name;
	bool		isnull;

	if (language != INTERNALlanguageId && language != ClanguageId)
		return DANGER_NONE;
	name = TextDatumGetCString(SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull));
	if (language == ClanguageId)
	{
		Datum		path = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &isnull);

		library = isnull ? "" : library_name(TextDatumGetCString(path));
	}
	for (int i = 0; i < lengthof(symbols); i++)
	{
		if (is_meant(&symbols[i], library, name))
			return symbols[i].danger;
	}
	return DANGER_NONE;
}

static Danger find_danger(Oid function);

static bool
is_dangerous(Oid function, void *context)
{
	return find_danger(function) != DANGER_NONE;
}

static bool
default_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_dangerous, context) ||
		expression_tree_walker(node, default_walker, context);
}

/* Does it, called with fewer arguments than it has, call a function of the list? */
static bool
has_dangerous_default(HeapTuple tuple)
{
	Datum		defaults;
	bool		isnull;

	if (((Form_pg_proc) GETSTRUCT(tuple))->pronargdefaults == 0)
		return false;
	check_stack_depth();
	defaults = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &isnull);
	return default_walker(stringToNode(TextDatumGetCString(defaults)), NULL);
}

static Danger
find_danger(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Danger		danger;

	if (!HeapTupleIsValid(tuple))
		return DANGER_NONE;
	danger = judge_tuple(tuple);
	if (danger == DANGER_NONE && function >= FirstNormalObjectId && has_dangerous_default(tuple))
		danger = DANGER_DEFAULT;
	ReleaseSysCache(tuple);
	return danger;
}

/* One of the list, under whatever name. */
bool
casus_guard_function_listed(Oid function)
{
	uint64		as_of = harmless.forgotten;

	if (casus_known_has(&harmless, function))
		return false;
	if (find_danger(function) != DANGER_NONE)
		return true;
	casus_known_add(&harmless, function, as_of);
	return false;
}

/* ---- refusals ---- */

static char *
function_name(Oid function)
{
	return format_procedure(function);
}

static void
refuse(const char *what, Oid function, const char *hint)
{
	casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
					   _("this function would go past the protocol"),
					   psprintf(what, function_name(function)),
					   hint);
}

/*
 * In a file of the server stand the rows of all its databases: that casus is
 * in one of them is seen by its role.  The backup login, which may take whole
 * tables as well, is let through on record: pg_rewind reads a server so.
 */
static void
guard_file(Oid function)
{
	if (!OidIsValid(get_role_oid("casus_owner", true)))
		return;
	if (GetUserId() == GetSessionUserId() && casus_is_backup(GetUserId()))
	{
		casus_accesslog_event("export", InvalidOid, 0, NULL, function_name(function));
		return;
	}
	refuse(_("%s reads or writes files of the server, where the rows of protected tables stand too."),
		   function,
		   _("Names and sizes are told by pg_ls_dir and pg_stat_file. For pg_rewind: "
			 "a login with BYPASSRLS that is a member of casus_backup."));
}

static void
refuse_dangerous(Oid function, Danger danger)
{
	if (danger == DANGER_PAGE)
		refuse(_("%s works on pages, past every row policy."), function,
			   _("Look at a copy of the server on which nothing is protected."));
	if (danger == DANGER_CHANGE)
		refuse(_("%s would show or keep the changes of protected tables."), function, NULL);
}

/* ---- the guard ---- */

/* One is called now, or made ready to be called any number of times. */
void
casus_guard_function(Oid function, bool ready)
{
	uint64		as_of = harmless.forgotten;
	Danger		danger;

	if (casus_known_has(&harmless, function) || !IsTransactionState() || !OidIsValid(MyDatabaseId))
		return;
	danger = find_danger(function);
	if (danger == DANGER_NONE)
	{
		casus_known_add(&harmless, function, as_of);
		return;
	}
	if (!CASUS_LAYER(function))
		return;
	if (danger == DANGER_FILE)
		guard_file(function);
	if (!casus_installed() || casus_registry_idle())
		return;
	refuse_dangerous(function, danger);
	if (danger == DANGER_SEQUENCE && function >= FirstNormalObjectId)
		refuse(_("%s stands for setval."), function, _("Call pg_catalog.setval itself."));
	if (danger == DANGER_SEQUENCE && OidIsValid(casus_setval_oid()))
		refuse(_("%s would be called past the planner."), function, _("Call it in a statement of its own."));
	if (danger == DANGER_KEEPS)
		casus_guard_derive_function(function, ready);
	if (danger == DANGER_SESSION && casus_resolve_runs())
		refuse(_("%s would leave something behind of a row whose dossier is not known yet."),
			   function, NULL);
}

/* The call with all its arguments, in the order in which they are computed. */
static void
complete_call(FuncExpr *call)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));

	if (!HeapTupleIsValid(tuple))
		return;
	call->args = expand_function_arguments(call->args, false, call->funcresulttype, tuple);
	ReleaseSysCache(tuple);
}

static Node *
asked(Node *arg, Oid function)
{
	Const	   *named = makeConst(OIDOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(function),
								  false, true);

	/* Who takes arguments of any type takes an untyped one for text only while it is a constant. */
	if (IsA(arg, Const) && ((Const *) arg)->consttype == UNKNOWNOID)
	{
		Const	   *untyped = (Const *) arg;

		arg = (Node *) makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
								 untyped->constisnull ? (Datum) 0 :
								 CStringGetTextDatum(DatumGetCString(untyped->constvalue)),
								 untyped->constisnull, false);
	}
	return (Node *) makeFuncExpr(casus_keeps_oid(), exprType(arg), list_make2(arg, named),
								 exprCollation(arg), exprCollation(arg), COERCE_EXPLICIT_CALL);
}

/* The argument that is computed last asks. */
static void
ask_at_each_call(Node *node, Oid function)
{
	List	   *args;

	if (casus_guard_is_own(ProcedureRelationId, function) || !OidIsValid(casus_keeps_oid()))
		return;
	if (IsA(node, FuncExpr))
		complete_call((FuncExpr *) node);
	args = IsA(node, FuncExpr) ? ((FuncExpr *) node)->args : ((OpExpr *) node)->args;
	if (args != NIL)
		llast(args) = asked(llast(args), function);
}

/* A call in a statement, before that is planned. */
void
casus_guard_function_call(Node *node)
{
	Oid			function = InvalidOid;
	uint64		as_of = harmless.forgotten;

	if (IsA(node, FuncExpr))
		function = ((FuncExpr *) node)->funcid;
	else if (IsA(node, OpExpr) && ((OpExpr *) node)->opno >= FirstNormalObjectId)
		function = get_opcode(((OpExpr *) node)->opno);
	if (!OidIsValid(function) || casus_known_has(&harmless, function))
		return;
	switch (find_danger(function))
	{
		case DANGER_NONE:
			casus_known_add(&harmless, function, as_of);
			break;
		case DANGER_KEEPS:
		case DANGER_SESSION:
			ask_at_each_call(node, function);
			break;
		case DANGER_DEFAULT:
			/* What is now in the call is looked at next. */
			if (IsA(node, FuncExpr))
				complete_call((FuncExpr *) node);
			break;
		default:
			break;
	}
}

static bool
is_keeper(Oid function, void *context)
{
	Danger		danger = find_danger(function);

	if (danger != DANGER_KEEPS && danger != DANGER_DEFAULT)
		return false;
	*(Oid *) context = function;
	return true;
}

static bool
keeper_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_keeper, context) ||
		expression_tree_walker(node, keeper_walker, context);
}

Oid
casus_guard_function_within(Node *node)
{
	Oid			keeper = InvalidOid;

	(void) keeper_walker(node, &keeper);
	return keeper;
}

PG_FUNCTION_INFO_V1(casus_sql_keeps);

Datum
casus_sql_keeps(PG_FUNCTION_ARGS)
{
	if (CASUS_LAYER(function) && !PG_ARGISNULL(1))
	{
		casus_guard_function(PG_GETARG_OID(1), false);
		/* Other sessions may see what it leaves (a lock, a setting) while the statement runs. */
		casus_accesslog_shown();
	}
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * The server is to call it by itself, for an index or a type: nobody is asked
 * before those calls, so nothing of the list is let in.
 */
static void
guard_uncalled(Oid function, Danger danger)
{
	if (danger == DANGER_NONE || danger == DANGER_SESSION || !CASUS_LAYER(function))
		return;
	if (danger == DANGER_FILE)
	{
		if (OidIsValid(get_role_oid("casus_owner", true)))
			refuse(_("%s reads or writes files of the server, where the rows of protected tables stand too."),
				   function, NULL);
		return;
	}
	if (!casus_installed() || casus_registry_idle())
		return;
	refuse_dangerous(function, danger);
	refuse(_("%s would be called where nobody judges what it keeps."), function, NULL);
}

PG_FUNCTION_INFO_V1(casus_sql_is_unasked);

/* Would it be refused where it is named for that? */
Datum
casus_sql_is_unasked(PG_FUNCTION_ARGS)
{
	Danger		danger = find_danger(PG_GETARG_OID(0));

	PG_RETURN_BOOL(danger != DANGER_NONE && danger != DANGER_SESSION);
}

void
casus_guard_function_named(Oid function)
{
	guard_uncalled(function, find_danger(function));
}

/*
 * One that was made by this command, under another name: not yet in the caches.
 * Those that are judged when they are called, by what they are given, are not
 * refused here; true says that it is one of them, or calls one by a default.
 */
bool
casus_guard_function_made(Oid function)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Danger		danger = DANGER_NONE;
	char	   *name = NULL;

	if (creating_extension || IsBinaryUpgrade)
		return false;
	rel = table_open(ProcedureRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_proc_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(function));
	scan = systable_beginscan(rel, ProcedureOidIndexId, true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		danger = judge_tuple(tuple);
		if (danger == DANGER_NONE && has_dangerous_default(tuple))
			danger = DANGER_DEFAULT;
		name = pstrdup(NameStr(((Form_pg_proc) GETSTRUCT(tuple))->proname));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	if (danger == DANGER_NONE || danger == DANGER_SESSION || !CASUS_LAYER(function))
		return false;
	if (danger == DANGER_FILE ? !OidIsValid(get_role_oid("casus_owner", true)) :
		!casus_installed() || casus_registry_idle())
		return false;
	if (danger == DANGER_KEEPS || danger == DANGER_DEFAULT || danger == DANGER_SEQUENCE)
		return true;
	casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
					   _("this function would go past the protocol"),
					   psprintf(_("%s would be another name for a function of the server that does."), name),
					   NULL);
	return false;
}

void
casus_guard_function_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, forget_harmless, (Datum) 0);
}
