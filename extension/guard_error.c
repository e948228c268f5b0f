/*
 * guard_error.c
 *		What the error of a violated constraint tells of a governed row.
 *
 * "Failing row contains (...)" and "Key (...)=(...) is still referenced" hold
 * values of the row, of columns too that its writer may not read.  Core leaves
 * them out for whom row security binds; for a superuser, and who has BYPASSRLS,
 * they go here, where the statement ends: an exception handler sees as little
 * as the client does.  Kind, words and name of the constraint stay, and so does
 * the detail where no governed row was written.  (A protected table has no
 * exclusion constraint, which would show the other row.)
 *
 * What is deferred to the end of the transaction is raised outside of every
 * statement, where nobody catches it: its detail goes as it is reported; so
 * does that of the conflicts of logical replication.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

static bool
tells_of_row(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (error->elevel != ERROR || (error->detail == NULL && error->detail_log == NULL) ||
		!CASUS_LAYER(errors))
		return false;
	return category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		category == ERRCODE_WITH_CHECK_OPTION_VIOLATION;
}

/* In PG_CATCH: nothing is looked up, for the transaction has failed. */
void
casus_guard_error_rethrow(MemoryContext context, bool wrote)
{
	ErrorData  *error;

	if (!wrote)
		PG_RE_THROW();
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (!tells_of_row(error))
	{
		FreeErrorData(error);
		PG_RE_THROW();
	}
	FlushErrorState();
	error->detail = NULL;
	error->detail_log = NULL;
	ReThrowError(error);
}

/* It is about to be reported, to the log and to the client. */
void
casus_guard_error_report(ErrorData *error)
{
	if ((casus_guard_frame_lately_written() && tells_of_row(error)) ||
		casus_guard_subscription_tells(error))
	{
		error->detail = NULL;
		error->detail_log = NULL;
	}
}
