/*
 * guard_scope.c
 *		Whom the guard binds, and what it remembers: which relations concern
 *		nobody, and what happened in this transaction; casus.maintenance().
 *
 * All of it is private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "known.h"
#include "xact.h"

#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "relation.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#define MAX_WINDOW_HOURS 8

static bool transaction_marked = false;

/* Relations known to be plain, or not to be of casus itself; emptied when any relation changes. */
static CasusKnown plain;
static CasusKnown not_state;

/* ---- plain relations ---- */

static void
forget_plain(Datum arg, Oid relid)
{
	casus_known_forget(&plain);
	casus_known_forget(&not_state);
}

bool
casus_guard_is_plain(Oid relid)
{
	uint64		as_of = plain.forgotten;

	if (relid < FirstNormalObjectId || casus_known_has(&plain, relid))
		return true;
	if (casus_registry_find(relid) != NULL || casus_is_own_relation(relid))
		return false;
	if (casus_installed())
		casus_known_add(&plain, relid, as_of);
	return true;
}

/* A table of casus_cat? */
bool
casus_guard_is_state(Oid relid)
{
	uint64		as_of = not_state.forgotten;

	if (relid < FirstNormalObjectId || casus_known_has(&not_state, relid))
		return false;
	if (casus_is_own_relation(relid))
		return true;
	if (casus_installed())
		casus_known_add(&not_state, relid, as_of);
	return false;
}

/* The tables of casus_cat that pg_dump leaves behind: the access log, and how far it is in them. */
bool
casus_guard_is_log(Oid relid)
{
	char		kind = get_rel_relkind(relid);

	return (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) &&
		casus_guard_is_state(relid) && !casus_is_dumped(relid);
}

/* Nobody's, the backup login included: who may see what of it casus.access_log decides. */
void
casus_guard_refuse_log(Oid relid, const char *code, const char *message)
{
	casus_check_refuse(casus_check_protocol(NULL, 0), code, message,
					   psprintf(_("relation %s holds the access log; who may see what of it is shown by casus.access_log."),
								casus_guard_name(relid)),
					   _("A dump leaves it out. The files of the log are what to keep: copy casus.log_directory and the key file."));
}

/* ---- may governed rows pass? ---- */

/*
 * To this session, from this table, now: by a context, a standing purpose or
 * break-glass.  Without, only rows outside the protocol pass, and those that
 * this transaction has brought in itself.
 */
bool
casus_guard_rows_pass(const CasusProtected *prot)
{
	if (casus_policy_any_insert())
		return true;
	for (int i = 0; i < prot->nfiles; i++)
	{
		if (casus_context_reads_file(prot->files[i]))
			return true;
	}
	return false;
}

/* ---- the transaction ---- */

static void
forget_transaction(XactEvent event, void *arg)
{
	if (casus_xact_ends(event))
		transaction_marked = false;
}

void
casus_guard_mark_transaction(void)
{
	static bool listens = false;

	casus_xact_listen(&listens, forget_transaction, NULL);
	transaction_marked = true;
}

bool
casus_guard_transaction_marked(void)
{
	return transaction_marked || casus_context_entered() != NULL;
}

void
casus_guard_scope_init(void)
{
	CacheRegisterRelcacheCallback(forget_plain, (Datum) 0);
}

/* ---- DDL on protected tables ---- */

/* What the install script made, and the indexes and such that came with it. */
bool
casus_guard_is_own(Oid class, Oid object)
{
	Oid			extension;

	if (object < FirstNormalObjectId)
		return false;
	if (class == RelationRelationId && casus_is_own_relation(object))
		return true;
	extension = getExtensionOfObject(class, object);
	return OidIsValid(extension) && extension == get_extension_oid("casus", true);
}

char *
casus_guard_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/*
 * Before a table is in force, and while it is being restored (policies and
 * triggers come after the data), nothing is readable that the guard would have
 * to keep shut: reads are refused until the fence stands.
 */
bool
casus_guard_closed(const CasusProtected *prot)
{
	return prot != NULL && prot->mode == CASUS_MODE_ENFORCE && prot->fenced;
}

/*
 * Also without its fence.  Whether it is being restored or its fence was taken down
 * while casus was not loaded nobody can tell: no restore of such a table has functions
 * of users over its rows, for with those it would not have been protected.
 */
bool
casus_guard_bound(const CasusProtected *prot)
{
	return prot != NULL && prot->mode != CASUS_MODE_REGISTERED;
}

/* In mode observe nothing is shut, but what would be refused is on record. */
bool
casus_guard_watched(const CasusProtected *prot)
{
	return casus_guard_closed(prot) || (prot != NULL && prot->mode == CASUS_MODE_OBSERVE);
}

void
casus_guard_refuse_ddl(const CasusProtected *prot, const char *what, const char *hint)
{
	casus_check_refuse(casus_check_protocol_of(prot), "ddl",
					   _("this command is not allowed on what casus protects"),
					   what,
					   hint);
}

/* A part leaves the whole before it stands, and is unprotected, by itself. */
static char *
way_out_of_family(const CasusProtected *prot)
{
	List	   *parents = casus_family_parents(prot->relid);
	char	   *name = casus_guard_name(prot->relid);
	char	   *part = quote_literal_cstr(name);
	char	   *whole = quote_literal_cstr(casus_guard_name(prot->family));
	char	   *leave;

	if (parents == NIL)
		return NULL;
	leave = casus_guard_name(linitial_oid(parents));
	leave = get_rel_relispartition(prot->relid) ?
		psprintf("ALTER TABLE %s DETACH PARTITION %s;", leave, name) :
		psprintf("ALTER TABLE %s NO INHERIT %s;", name, leave);
	return psprintf("SELECT casus.maintenance(%s, '<reason>', '15 minutes'); %s "
					"SELECT casus.maintenance(%s, '<reason>', '15 minutes'); TRUNCATE %s; "
					"SELECT casus.unprotect(%s, '<reason>');",
					whole, leave, part, name, part);
}

/* What leads out, for a hint: it can be pasted. */
char *
casus_guard_way_back(const CasusProtected *prot)
{
	if (prot->family != prot->relid)
		return way_out_of_family(prot);
	return psprintf("SELECT casus.unprotect(%s, '<reason>');",
					quote_literal_cstr(casus_guard_name(prot->relid)));
}

static bool is_maintained(Oid relid);

void
casus_guard_need_maintenance(const CasusProtected *prot, const char *what)
{
	char	   *name;

	if (!casus_guard_closed(prot))
		return;
	name = casus_guard_name(prot->relid);
	if (is_maintained(prot->relid) || is_maintained(prot->family))
	{
		casus_accesslog_event("maintenance", prot->relid, 0, "ddl", what);
		return;
	}
	casus_guard_refuse_ddl(prot, psprintf(_("%s on the protected table %s is not on the list of harmless commands."),
									what, name),
						   psprintf("SELECT casus.maintenance(%s, '<reason>', '15 minutes');%s",
									quote_literal_cstr(name),
									casus_is_admin(GetUserId()) ? "" : _("  -- as casus_admin")));
}

/* ---- casus.maintenance ---- */

static bool
is_maintained(Oid relid)
{
	return casus_windows_are_open(relid, GetUserId()) && casus_is_admin(GetUserId());
}

static TimestampTz
window_end(Oid relid, Interval *duration)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until;
	TimestampTz limit = TimestampTzPlusMilliseconds(now, MAX_WINDOW_HOURS * INT64CONST(3600000));

	until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													TimestampTzGetDatum(now),
													IntervalPGetDatum(duration)));
	if (until < now || until > limit)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("duration of maintenance is out of range"),
						  casus_check_ground_of(relid, "ddl",
												psprintf(_("it is from 0 (which ends it) to %d hours"),
														 MAX_WINDOW_HOURS)),
														 _("Give the third argument as an interval, such as '2 hours'; without it a window lasts 15 minutes."));
	return until;
}

PG_FUNCTION_INFO_V1(casus_sql_maintenance);

Datum
casus_sql_maintenance(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *reason = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const CasusProtected *prot;
	TimestampTz until;

	casus_require_preloaded();
	prot = casus_registry_find(relid);
	casus_accesslog_event("attempt", prot == NULL ? InvalidOid : relid, 0, NULL, "maintenance");
	casus_require_writable();
	if (prot == NULL)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("this is not a protected table"), NULL,
						  _("A table that is not protected needs no maintenance window."));
	if (!casus_is_admin(GetUserId()))
		casus_check_refuse(casus_check_protocol_of(prot), "ddl",
						   _("only casus_admin opens a maintenance window"),
						   _("an application that connects as the owner of the table would open its own"),
						   CASUS_HINT_ADMINS);
	if (strspn(reason, " \t\r\n") == strlen(reason))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("maintenance needs a reason"),
						  casus_check_ground_of(relid, "ddl", _("it is on record, and so is why")),
						  CASUS_HINT_CALLS);

	/* The record comes first: without it nothing is opened. */
	until = window_end(relid, PG_GETARG_INTERVAL_P(2));
	casus_accesslog_event("maintenance", relid, 0, NULL, reason);
	casus_windows_open(relid, GetUserId(), until);
	PG_RETURN_TIMESTAMPTZ(until);
}
