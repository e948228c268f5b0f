/*
 * report.c
 *		Refusals and set-up errors: the one shape in which casus says no.
 *
 * A refusal has a primary message without data, a detail that names check and
 * article, a hint with the next step, and a stable code in the
 * constraint-name field, which every driver exposes.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "postgres_ext.h"

CasusRefusalHook casus_refusal_hook = NULL;

/* The code as drivers see it, or nothing. */
static void
report_code(const char *code)
{
	char		full[NAMEDATALEN];

	if (code == NULL)
		return;
	snprintf(full, sizeof(full), "casus.%s", code);
	err_generic_string(PG_DIAG_CONSTRAINT_NAME, full);
}

/*
 * The hook runs first: what is refused is on record before anybody hears of
 * it.  The texts are the caller's own, so they are never used as formats.
 */
void
casus_refuse_table(Oid relid, const char *code, const char *message, const char *detail,
				   const char *hint)
{
	if (casus_refusal_hook)
		casus_refusal_hook(code, relid, message, detail);

	casus_setup_error(ERRCODE_INSUFFICIENT_PRIVILEGE, code, message, detail, hint);
}

void
casus_refuse(const char *code, const char *message, const char *detail,
			 const char *hint)
{
	casus_refuse_table(InvalidOid, code, message, detail, hint);
}

void
casus_setup_error(int sqlstate, const char *code, const char *message,
				  const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg_internal("%s", message),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0,
			 report_code(code)));
	pg_unreachable();
}

/* Without hooks in every session nothing binds, so nothing is promised. */
void
casus_require_preloaded(void)
{
	if (likely(casus_preloaded))
		return;
	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
					  "not_preloaded",
					  _("casus was not loaded at server start"),
					  _("Protected tables and the calls of casus are closed until it is."),
					  _("Add casus to shared_preload_libraries and restart the server."));
}

/* PostgreSQL would refuse in words of its own, other ones wherever an act writes first. */
void
casus_require_writable(void)
{
	if (RecoveryInProgress())
		casus_setup_error(ERRCODE_READ_ONLY_SQL_TRANSACTION, "read_only",
						  _("this server is a hot standby, on which nothing is changed"),
						  _("Reading, casus.enter() and questions to the access log work here; acts do not."),
						  _("Do it on the primary: what is done there arrives here by itself."));
	if (XactReadOnly)
		casus_setup_error(ERRCODE_READ_ONLY_SQL_TRANSACTION, "read_only",
						  _("nothing is changed in a read-only transaction"),
						  NULL, "ROLLBACK; BEGIN READ WRITE;");
}
