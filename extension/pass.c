/*
 * pass.c
 *		The token by which casus' own statements meet no guard.
 *
 * A pass is for one statement, known by its text and by the nesting depth of
 * planner, executor and utility at which it was armed.  It is neither a flag
 * nor a role: user code that runs inside the statement (a trigger, an index
 * expression) runs deeper and meets the guard, and the next statement at this
 * depth needs a pass of its own.
 *
 * All state is private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "xact.h"

#include "utils/memutils.h"

char	   *casus_pass_armed = NULL;	/* in TopMemoryContext; NULL: no pass */
static int	armed_depth = 0;

static void
pass_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			casus_pass_disarm();
			break;
		default:
			break;
	}
}

static void
pass_subxact_callback(SubXactEvent event, SubTransactionId mySubid,
					  SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		casus_pass_disarm();
}

void
casus_pass_arm(const char *sql)
{
	static bool listens = false;

	casus_xact_listen(&listens, pass_xact_callback, pass_subxact_callback);
	casus_pass_disarm();
	casus_pass_armed = MemoryContextStrdup(TopMemoryContext, sql);
	armed_depth = casus_guard_frame_depth();
}

void
casus_pass_disarm(void)
{
	if (casus_pass_armed)
		pfree(casus_pass_armed);
	casus_pass_armed = NULL;
}

bool
casus_pass_fits(const char *sql)
{
	if (!CASUS_LAYER(pass))
		return casus_pass_armed != NULL;
	return casus_pass_armed != NULL && sql != NULL && casus_guard_frame_depth() == armed_depth &&
		strcmp(sql, casus_pass_armed) == 0;
}

bool
casus_pass_use(const char *sql)
{
	if (!casus_pass_fits(sql))
		return false;
	if (CASUS_LAYER(pass))
		casus_pass_disarm();
	return true;
}
