/*
 * freeze.c
 *		Statements over protected tables that run: while there are any the context
 *		is frozen, and each goes on as the role that began it.
 *
 * Follows subtransactions, since an error leaves statements without their end.
 * Private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* By whom a statement was begun. */
typedef struct Began
{
	Oid			session_user;
	Oid			set_role;		/* InvalidOid: no SET ROLE */
} Began;

/* How many there were when an open subtransaction began. */
typedef struct FreezeMark
{
	struct FreezeMark *below;
	SubTransactionId subid;
	int			frozen;
} FreezeMark;

static int	frozen = 0;
static Began *began = NULL;		/* [frozen], outermost first; in TopMemoryContext */
static int	room = 0;
static FreezeMark *marks = NULL;	/* in TopTransactionContext */

void
casus_freeze_begin(void)
{
	if (frozen == room)
	{
		int			more = Max(room * 2, 16);

		began = began == NULL ?
			MemoryContextAlloc(TopMemoryContext, more * sizeof(Began)) :
			repalloc(began, more * sizeof(Began));
		room = more;
	}
	began[frozen].session_user = GetSessionUserId();
	began[frozen].set_role = GetCurrentRoleId();
	frozen++;
}

void
casus_freeze_end(void)
{
	if (frozen > 0)
		frozen--;
}

bool
casus_freeze_any(void)
{
	return frozen > 0;
}

/* Was the innermost begun by somebody else? */
bool
casus_freeze_by_other(Oid session_user, Oid set_role)
{
	return frozen > 0 &&
		(began[frozen - 1].session_user != session_user ||
		 began[frozen - 1].set_role != set_role);
}

static void
freeze_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			frozen = 0;
			marks = NULL;
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			marks = NULL;
			break;
		default:
			break;
	}
}

static void
freeze_subxact_callback(SubXactEvent event, SubTransactionId mySubid,
						SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_START_SUB)
	{
		FreezeMark *mark = MemoryContextAlloc(TopTransactionContext, sizeof(FreezeMark));

		mark->below = marks;
		mark->subid = mySubid;
		mark->frozen = frozen;
		marks = mark;
		return;
	}
	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;

	while (marks && marks->subid >= mySubid)
	{
		FreezeMark *mark = marks;

		if (event == SUBXACT_EVENT_ABORT_SUB)
			frozen = mark->frozen;
		marks = mark->below;
		pfree(mark);
	}
}

void
casus_freeze_init(void)
{
	RegisterXactCallback(freeze_xact_callback, NULL);
	RegisterSubXactCallback(freeze_subxact_callback, NULL);
}
