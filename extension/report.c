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
casus_refuse(const char *code, const char *message, const char *detail,
			 const char *hint)
{
	if (casus_refusal_hook)
		casus_refusal_hook(code, message, detail);

	casus_setup_error(ERRCODE_INSUFFICIENT_PRIVILEGE, code, message, detail, hint);
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
