/*
 * resolve.c
 *		The function that names the dossier of a row: casus.protect(resolve => ...).
 *
 * It is code of the table's owner, whoever writes the row: so it runs as the
 * owner, in a security-restricted operation, with a search_path that only its
 * own SET clause may widen, and meets the guard like any user code.  It is given
 * values of a governed row: while it runs, whatever it calls, nobody enters,
 * leaves, acts, writes or runs commands, and settings are afterwards what they
 * were.  What it says in an error may be anybody's
 * data: the error is dropped, with what it did, and the row has no dossier.
 *
 * Private to the backend: whether one runs now.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "resolve.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

static int	running = 0;

bool
casus_resolve_runs(void)
{
	return running > 0;
}

/* ---- which function ---- */

/* What a function must be like: its owner's alone to change, and without effects. */
const char *
casus_resolve_unfit(Oid function, Oid owner)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;
	const char *why = NULL;

	if (!HeapTupleIsValid(tuple))
		return "There is no such function.";
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (proc->prokind != PROKIND_FUNCTION || proc->proretset || proc->prorettype != INT8OID ||
		OidIsValid(proc->provariadic))
		why = "It must be a function that returns one bigint.";
	else if (proc->provolatile == PROVOLATILE_VOLATILE)
		why = "It must be IMMUTABLE or STABLE.";
	else if (proc->prosecdef)
		why = "It must not be SECURITY DEFINER: it runs as the owner of the table.";
	else if (proc->proowner != owner)
		why = "It must belong to the owner of the table.";
	ReleaseSysCache(tuple);
	return why;
}

/* By its name and the types of the columns that it is given: no search_path, no privileges. */
Oid
casus_resolve_find(const CasusSettings *settings, TupleDesc desc)
{
	Oid			types[FUNC_MAX_ARGS];
	Oid			schema = get_namespace_oid(settings->resolve_schema, true);

	if (!OidIsValid(schema) || settings->nresolve == 0 || settings->nresolve > FUNC_MAX_ARGS)
		return InvalidOid;
	for (int i = 0; i < settings->nresolve; i++)
		types[i] = TupleDescAttr(desc, settings->resolve_attnos[i] - 1)->atttypid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(settings->resolve_name),
						   PointerGetDatum(buildoidvector(types, settings->nresolve)),
						   ObjectIdGetDatum(schema));
}

/* ---- the call ---- */

/* In the current memory context, for as long as that lives. */
CasusResolver *
casus_resolve_prepare(const CasusSettings *settings)
{
	CasusResolver *resolver = palloc0(sizeof(CasusResolver));

	resolver->settings = settings;
	resolver->cxt = CurrentMemoryContext;
	return resolver;
}

static int64
invoke(CasusResolver *resolver, TupleTableSlot *slot)
{
	const CasusSettings *settings = resolver->settings;
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	Datum		result;
	bool		any_null = false;

	if (!OidIsValid(resolver->function.fn_oid))
		fmgr_info_cxt(settings->resolve, &resolver->function, resolver->cxt);
	InitFunctionCallInfoData(*fcinfo, &resolver->function, settings->nresolve, InvalidOid, NULL,
							 NULL);
	for (int i = 0; i < settings->nresolve; i++)
	{
		fcinfo->args[i].value = slot_getattr(slot, settings->resolve_attnos[i],
											 &fcinfo->args[i].isnull);
		any_null |= fcinfo->args[i].isnull;
	}
	if (any_null && resolver->function.fn_strict)
		return 0;
	InvokeFunctionExecuteHook(settings->resolve);
	result = FunctionCallInvoke(fcinfo);
	return fcinfo->isnull ? 0 : DatumGetInt64(result);
}

/* As the owner, who is trusted with no more than what is his. */
static int64
invoke_as_owner(CasusResolver *resolver, TupleTableSlot *slot)
{
	Oid			user;
	int			security;
	int			nest = NewGUCNestLevel();
	int64		result;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(resolver->settings->owner,
						   security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	result = invoke(resolver, slot);
	AtEOXact_GUC(false, nest);
	SetUserIdAndSecContext(user, security);
	return result;
}

/* A cancelled statement is not a row without a dossier; what it says is ours. */
static void
rethrow_interruption(int sqlstate)
{
	if (ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_OPERATOR_INTERVENTION &&
		ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_TRANSACTION_ROLLBACK)
		return;
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("the function that names the dossier of a row was interrupted")));
}

/* 0: it names none, or has failed. */
int64
casus_resolve_dossier(CasusResolver *resolver, TupleTableSlot *slot)
{
	const CasusSettings *settings = resolver->settings;
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile int64 result = 0;
	int			outer = running;

	if (!OidIsValid(settings->resolve) || settings->damaged ||
		casus_resolve_unfit(settings->resolve, settings->owner) != NULL)
		return 0;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		running++;
		result = invoke_as_owner(resolver, slot);
		running = outer;
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(cxt);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		int			sqlstate = geterrcode();

		running = outer;
		MemoryContextSwitchTo(cxt);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(cxt);
		CurrentResourceOwner = owner;
		resolver->function.fn_oid = InvalidOid;
		rethrow_interruption(sqlstate);
		result = 0;
	}
	PG_END_TRY();
	return result;
}
