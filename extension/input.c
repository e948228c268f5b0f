/*
 * input.c
 *		The value that a text stands for, or that it stands for none.
 *
 * For texts that others wrote: a label that a dump brings, a subject that is
 * asked after, an entry of a log.  Only what the text itself can cause is
 * swallowed; a cancel, a lack of memory and an error of a file go on.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"

/*
 * Is it for what a text holds that it was refused?  Not that the stack is too
 * deep, which depends on who asks.
 */
bool
casus_input_is_at_fault(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_DATA_EXCEPTION ||
		sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/*
 * By an input function, without typmod; false: there is no such value.  No
 * subtransaction: input functions leave nothing behind but memory.
 */
bool
casus_input_value(Oid function, const char *text, Oid param, Datum *value)
{
	MemoryContext old = CurrentMemoryContext;
	volatile bool ok = true;

	PG_TRY();
	{
		*value = OidInputFunctionCall(function, unconstify(char *, text), param, -1);
	}
	PG_CATCH();
	{
		if (!casus_input_is_at_fault(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(old);
		FlushErrorState();
		ok = false;
	}
	PG_END_TRY();
	return ok;
}
