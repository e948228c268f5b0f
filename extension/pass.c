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
 * All state is private to the backend.  depths[] holds the depth at the start
 * of each open subtransaction: when that is rolled back, the hooks above the
 * error have not all been left.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"
#include "layers.h"

#include "access/xact.h"
#include "utils/memutils.h"

typedef struct DepthMark
{
	struct DepthMark *below;
	SubTransactionId subid;
	int			depth;
} DepthMark;

static int	depth = 0;
static DepthMark *marks = NULL; /* in TopTransactionContext */

static char *armed_sql = NULL;	/* in TopMemoryContext; NULL: no pass */
static int	armed_depth = 0;

void
casus_pass_arm(const char *sql)
{
	casus_pass_disarm();
	armed_sql = MemoryContextStrdup(TopMemoryContext, sql);
	armed_depth = depth;
}

void
casus_pass_disarm(void)
{
	if (armed_sql)
		pfree(armed_sql);
	armed_sql = NULL;
}

bool
casus_pass_admits_planning(const char *sql)
{
	if (!CASUS_LAYER(pass))
		return armed_sql != NULL;
	return armed_sql != NULL && sql != NULL && depth == armed_depth &&
		strcmp(sql, armed_sql) == 0;
}

bool
casus_pass_consume(const char *sql)
{
	if (!casus_pass_admits_planning(sql))
		return false;
	if (CASUS_LAYER(pass))
		casus_pass_disarm();
	return true;
}

int
casus_pass_depth(void)
{
	return depth;
}

/* Nothing of this backend runs around what starts now. */
bool
casus_pass_outermost(void)
{
	return depth == 0;
}

void
casus_pass_enter(void)
{
	depth++;
}

/*
 * After ROLLBACK inside a procedure the depth starts again from zero while
 * the frames of the procedure are still there; they may not take it below.
 */
void
casus_pass_leave(void)
{
	if (depth > 0)
		depth--;
}

static void
pass_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			depth = 0;
			/* FALLTHROUGH */
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			casus_pass_disarm();
			marks = NULL;
			break;
		default:
			break;
	}
}

static void
pass_subxact_callback(SubXactEvent event, SubTransactionId mySubid,
					  SubTransactionId parentSubid, void *arg)
{
	switch (event)
	{
		case SUBXACT_EVENT_START_SUB:
			{
				DepthMark  *mark;

				mark = MemoryContextAlloc(TopTransactionContext, sizeof(DepthMark));
				mark->below = marks;
				mark->subid = mySubid;
				mark->depth = depth;
				marks = mark;
			}
			break;
		case SUBXACT_EVENT_ABORT_SUB:
			casus_pass_disarm();
			/* FALLTHROUGH */
		case SUBXACT_EVENT_COMMIT_SUB:
			while (marks && marks->subid >= mySubid)
			{
				DepthMark  *mark = marks;

				if (event == SUBXACT_EVENT_ABORT_SUB && mark->subid == mySubid)
					depth = mark->depth;
				marks = mark->below;
				pfree(mark);
			}
			break;
		default:
			break;
	}
}

void
casus_pass_init(void)
{
	RegisterXactCallback(pass_xact_callback, NULL);
	RegisterSubXactCallback(pass_subxact_callback, NULL);
}
