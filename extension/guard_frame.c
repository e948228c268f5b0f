/*
 * guard_frame.c
 *		What runs around what in this backend: one stack of frames.
 *
 * Each hook enters a frame before it hands over to the server, and leaves it
 * after: for a plan that is made, an executor that starts, runs or finishes, a
 * utility statement.  Who asks what a statement is part of asks here.
 *
 * An error leaves frames without their hooks.  They are off the stack when
 * the subtransaction in which they were entered is rolled back, whoever
 * caught the error: its height is remembered where each subtransaction begins.
 * After ROLLBACK inside a procedure the stack starts again from nothing while
 * the hooks of the procedure are still there; they may not take it below.
 *
 * What is known of a statement from its start to its end, through all its
 * runs, stands in the memory of its executor state; of a utility statement, in
 * its frame.  And whether the transaction has written governed rows, or one
 * just undone had, is kept here.
 *
 * Private to the backend.  Frames are kept for the next one to enter at their
 * height, so that one that an error has left can still be looked at.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/xact.h"
#include "lib/ilist.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

typedef struct Mark
{
	struct Mark *below;
	SubTransactionId subid;
	int			depth;
} Mark;

/* Of a statement that runs; in the memory of its executor state. */
typedef struct Statement
{
	dlist_node	node;
	QueryDesc  *query;
	CasusGuardFacts facts;
	MemoryContextCallback callback;
} Statement;

static CasusGuardFrame *lowest = NULL;	/* the first of those allocated */
static CasusGuardFrame *top = NULL;
static int	depth = 0;			/* number of frames up to top */
static Mark *marks = NULL;		/* in TopTransactionContext */

static dlist_head statements = DLIST_STATIC_INIT(statements);
static bool written = false;	/* a governed row, in this transaction */
static TimestampTz undone = 0;	/* start of the client's command that last undid one that had */

/* ---- the stack ---- */

int
casus_guard_frame_triggers(void)
{
	/* It reads a variable of the server's and nothing that it is called with. */
	return DatumGetInt32(pg_trigger_depth(NULL));
}

static CasusGuardFrame *
next_frame(void)
{
	CasusGuardFrame *frame = top == NULL ? lowest : top->inner;

	if (likely(frame != NULL))
		return frame;
	frame = MemoryContextAllocZero(TopMemoryContext, sizeof(CasusGuardFrame));
	frame->outer = top;
	frame->depth = depth;
	if (top == NULL)
		lowest = frame;
	else
		top->inner = frame;
	return frame;
}

CasusGuardFrame *
casus_guard_frame_enter(CasusGuardFrameKind kind, QueryDesc *query, CasusGuardScope *scope)
{
	CasusGuardFrame *frame = next_frame();

	frame->kind = kind;
	frame->query = query;
	frame->scope = scope;
	frame->triggers = casus_guard_frame_triggers();
	frame->function = InvalidOid;
	frame->held = frame->content = frame->outside = frame->observes = false;
	frame->reads = frame->judged = frame->copies = false;
	frame->tables = frame->observed = NIL;
	memset(&frame->facts, 0, sizeof(CasusGuardFacts));
	top = frame;
	depth++;
	return frame;
}

static void
unwind(int height)
{
	for (; depth > height; depth--)
		top = top->outer;
}

/* And those that an error has left inside it. */
void
casus_guard_frame_leave(CasusGuardFrame *frame)
{
	unwind(frame->depth);
}

CasusGuardFrame *
casus_guard_frame_top(void)
{
	return top;
}

int
casus_guard_frame_depth(void)
{
	return depth;
}

/* Of the utility statement that runs, unless something runs inside it. */
CasusGuardScope *
casus_guard_scope(void)
{
	return top == NULL ? NULL : top->scope;
}

/* Of the utility statement by which the statement of the frame is run, or NULL. */
CasusGuardScope *
casus_guard_frame_command(const CasusGuardFrame *frame)
{
	return frame->outer == NULL ? NULL : frame->outer->scope;
}

/* ---- what is known of what runs ---- */

static void
forget_statement(void *arg)
{
	dlist_delete(&((Statement *) arg)->node);
}

/* NULL: nothing is known, unless it is to be noted now. */
CasusGuardFacts *
casus_guard_frame_facts_of(QueryDesc *query, bool note)
{
	dlist_iter	iter;
	MemoryContext context;
	Statement  *statement;

	dlist_foreach(iter, &statements)
	{
		statement = dlist_container(Statement, node, iter.cur);
		if (statement->query == query)
			return &statement->facts;
	}
	if (!note)
		return NULL;
	context = query->estate->es_query_cxt;
	statement = MemoryContextAllocZero(context, sizeof(Statement));
	statement->query = query;
	dlist_push_head(&statements, &statement->node);
	statement->callback.func = forget_statement;
	statement->callback.arg = statement;
	MemoryContextRegisterResetCallback(context, &statement->callback);
	return &statement->facts;
}

CasusGuardFacts *
casus_guard_frame_facts(CasusGuardFrame *frame, bool note)
{
	if (frame->scope != NULL)
		return &frame->facts;
	if (frame->kind != CASUS_FRAME_RUN && frame->kind != CASUS_FRAME_FINISH)
		return NULL;
	return casus_guard_frame_facts_of(frame->query, note);
}

/* Governed values are in what it writes: its triggers are given them. */
void
casus_guard_frame_wrote(CasusGuardFrame *frame)
{
	CasusGuardFacts *facts = casus_guard_frame_facts(frame, true);

	written = true;
	if (facts != NULL)
		facts->wrote = true;
}

bool
casus_guard_frame_has_written(CasusGuardFrame *frame)
{
	const CasusGuardFacts *facts = casus_guard_frame_facts(frame, false);

	return facts != NULL && facts->wrote;
}

/* Of a copy that enforce would refuse it tells once. */
bool
casus_guard_frame_tells(CasusGuardFrame *frame)
{
	CasusGuardFacts *facts = casus_guard_frame_facts(frame, true);

	if (facts == NULL || facts->told)
		return false;
	facts->told = true;
	return true;
}

/* ---- the transaction ---- */

/* A governed row, or a copy of one, is there for triggers that wait. */
void
casus_guard_frame_written(void)
{
	written = true;
}

bool
casus_guard_frame_ever_written(void)
{
	return written;
}

/* COMMIT in a procedure reports its error when the transaction is gone. */
bool
casus_guard_frame_lately_written(void)
{
	return written || (undone != 0 && undone == GetCurrentStatementStartTimestamp());
}

/* ---- ends ---- */

static void
transaction_ends(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
			if (written)
				undone = GetCurrentStatementStartTimestamp();
			/* FALLTHROUGH */
		case XACT_EVENT_PARALLEL_ABORT:
			depth = 0;
			top = NULL;
			/* FALLTHROUGH */
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			written = false;
			marks = NULL;
			break;
		default:
			break;
	}
}

static void
subtransaction_changes(SubXactEvent event, SubTransactionId subid,
					   SubTransactionId parent, void *arg)
{
	Mark	   *mark;

	if (event == SUBXACT_EVENT_START_SUB)
	{
		mark = MemoryContextAlloc(TopTransactionContext, sizeof(Mark));
		mark->below = marks;
		mark->subid = subid;
		mark->depth = depth;
		marks = mark;
	}
	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	while (marks != NULL && marks->subid >= subid)
	{
		mark = marks;
		if (event == SUBXACT_EVENT_ABORT_SUB && mark->subid == subid)
			unwind(mark->depth);
		marks = mark->below;
		pfree(mark);
	}
}

void
casus_guard_frame_init(void)
{
	RegisterXactCallback(transaction_ends, NULL);
	RegisterSubXactCallback(subtransaction_changes, NULL);
}
