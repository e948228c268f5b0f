/*
 * accesslog.c
 *		The access log: what each statement let through, wrote, was refused.
 *
 * logscan.c watches the scans, lognote.c counts, logstatement.c knows what
 * runs, logrecord.c makes lines, sink.c brings them to the writer.  Here it is decided when:
 * before anything leaves.  Lines wait in "pending" until the gate before the
 * client, the commit, or the size of what waits says that they must be
 * written; in strict mode they are synced too.  What is written stays,
 * whatever becomes of the transaction.
 *
 * All state is private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "guard.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "tcop/dest.h"
#include "utils/elog.h"
#include "utils/memutils.h"

#define PENDING_MAX		(64 * 1024) /* bytes of lines kept before they are written */
#define PENDING_KEEP	(16 * 1024) /* a larger buffer is given back when empty */

/* Rows written to one relation in one way, since the last record. */
typedef struct WriteSet
{
	Oid			relid;
	CasusVerb	verb;
	uint64		context_generation;
	NoteSet    *notes;
} WriteSet;

/* In a parallel worker, before the rows go to the leader. */
typedef struct WorkerReceiver
{
	DestReceiver pub;
	DestReceiver *inner;
} WorkerReceiver;

/*
 * There, a node whose rows other workers read besides; in the memory of its
 * plan, which is the only one that the worker shares with others.
 */
typedef struct SharedInput
{
	PlanState  *ps;
	ExecProcNodeMtd real;
	struct SharedInput *next;
} SharedInput;

static SharedInput *shared_inputs = NULL;
static StringInfoData pending;	/* whole lines, in TopMemoryContext */
static MemoryContext write_context = NULL;
static List *writes = NIL;		/* WriteSet, in write_context */
static WriteSet *last_write = NULL;
static bool noting_write = false;

static emit_log_hook_type prev_emit_log = NULL;

/* ---- when lines are written ---- */

static bool
is_strict(void)
{
	/* A worker's records are synced by its leader, before the leader's rows. */
	return casus_log_durability == CASUS_LOG_STRICT && !IsParallelWorker();
}

static void
format_writes(void)
{
	ListCell   *cell;

	/* They are of a statement that has not come to its end; the next to leave takes them. */
	if (noting_write)
		return;
	foreach(cell, writes)
	{
		WriteSet   *set = (WriteSet *) lfirst(cell);

		casus_logline_put(set->notes, &pending, true, 0);
	}
	writes = NIL;
	last_write = NULL;
	MemoryContextReset(write_context);
}

/* Writes what is pending; false: it cannot be, and stays pending. */
static bool
append_pending(bool (*append) (const char *, int))
{
	if (pending.len == 0)
		return true;
	if (!append(pending.data, pending.len))
		return false;
	resetStringInfo(&pending);
	if (pending.maxlen > PENDING_KEEP)
	{
		char	   *smaller = MemoryContextAllocExtended(TopMemoryContext, 1024,
														 MCXT_ALLOC_NO_OOM);

		if (smaller == NULL)
			return true;
		pfree(pending.data);
		pending.data = smaller;
		pending.maxlen = 1024;
		resetStringInfo(&pending);
	}
	return true;
}

/* Must a record be written before anything may leave? */
static bool
gate_waiting(void)
{
	if (pending.len > 0 || writes != NIL || casus_logstatement_waiting(false))
		return true;
	return is_strict() && casus_sink_waiting();
}

/* Puts on record what is not; all: also rows of dossiers already on record. */
static bool
gate_settle(bool all)
{
	if (writes != NIL)
		format_writes();
	if (casus_logstatement_waiting(all))
		casus_logstatement_format(&pending, all);
	if (!append_pending(casus_sink_try_append))
		return false;
	return !is_strict() || casus_sink_try_sync();
}

static const CasusGateOwner gate_owner = {
	gate_waiting, gate_settle, casus_logscan_leaving
};

/* Many refusals caught in one transaction must not fill the memory. */
static void
append_if_many(void)
{
	if (pending.len > PENDING_MAX)
		(void) append_pending(casus_sink_try_append);
}

/* ---- parallel workers ---- */

/* The leader, or another worker, may send on what follows: our record comes first. */
static void
worker_settle(void)
{
	if (gate_waiting() && !gate_settle(false))
		casus_sink_append(pending.data, pending.len);
}

/*
 * A function in a worker has read what it may hand on in any way: the plan around it
 * need not read a protected table.
 */
void
casus_accesslog_ran(QueryDesc *query)
{
	if (IsParallelWorker())
		worker_settle();
	else
		casus_logstatement_ran(query);
}

/* It has caught an error, and with it perhaps a value.  Raising another is no way out here. */
static void
worker_catches(void)
{
	if (gate_waiting() && !gate_settle(false))
		ereport(FATAL,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("casus ends a parallel worker: its records could not be written")));
}

/*
 * What a Parallel Hash is made of, and what is spread over its batches, is read
 * by the other workers as soon as all have done their part of it.
 */
static TupleTableSlot *
exec_shared(PlanState *ps)
{
	SharedInput *input = shared_inputs;
	TupleTableSlot *slot;

	while (input->ps != ps)
		input = input->next;
	slot = input->real(ps);
	if (TupIsNull(slot))
		worker_settle();
	return slot;
}

static void
watch_input(PlanState *ps)
{
	SharedInput *input = palloc(sizeof(SharedInput));

	input->ps = ps;
	input->real = ps->ExecProcNodeReal;
	input->next = shared_inputs;
	shared_inputs = input;
	ExecSetExecProcNode(ps, exec_shared);
}

static bool
watch_hashes(PlanState *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, HashJoinState) && node->plan->parallel_aware)
	{
		watch_input(outerPlanState(node));
		watch_input(outerPlanState(innerPlanState(node)));
	}
	return planstate_tree_walker(node, watch_hashes, context);
}

static bool
worker_receive(TupleTableSlot *slot, DestReceiver *self)
{
	WorkerReceiver *receiver = (WorkerReceiver *) self;

	worker_settle();
	return receiver->inner->receiveSlot(slot, receiver->inner);
}

static void
worker_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	WorkerReceiver *receiver = (WorkerReceiver *) self;

	receiver->inner->rStartup(receiver->inner, operation, typeinfo);
}

static void
worker_shutdown(DestReceiver *self)
{
	WorkerReceiver *receiver = (WorkerReceiver *) self;

	receiver->inner->rShutdown(receiver->inner);
}

/* Who made the inner receiver destroys it; ours goes with the statement. */
static void
worker_destroy(DestReceiver *self)
{
}

static void
watch_worker(QueryDesc *query)
{
	WorkerReceiver *receiver = MemoryContextAllocZero(query->estate->es_query_cxt,
													  sizeof(WorkerReceiver));
	MemoryContext old;

	receiver->pub.receiveSlot = worker_receive;
	receiver->pub.rStartup = worker_startup;
	receiver->pub.rShutdown = worker_shutdown;
	receiver->pub.rDestroy = worker_destroy;
	receiver->pub.mydest = query->dest->mydest;
	receiver->inner = query->dest;
	query->dest = &receiver->pub;

	old = MemoryContextSwitchTo(query->estate->es_query_cxt);
	(void) watch_hashes(query->planstate, NULL);
	MemoryContextSwitchTo(old);
}

/* ---- statements ---- */

static void
open_gate(void)
{
	casus_wiregate_install(&gate_owner);
}

/*
 * Parallel workers may be launched, whatever the statement reads itself: what they let
 * through reaches the client by way of this process.
 */
void
casus_accesslog_workers(void)
{
	if (is_strict())
		open_gate();
}

/* For statements over protected relations only. */
void
casus_accesslog_start(QueryDesc *query, bool is_copy, bool is_point)
{
	if (query->estate->es_top_eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	if (casus_logstatement_start(query, is_copy ? "copy" : "read", is_point, &pending, open_gate) &&
		IsParallelWorker() && query->dest)
	{
		open_gate();
		watch_worker(query);
	}
}

bool
casus_accesslog_meets(QueryDesc *query, const CasusProtected *table, const pg_uuid_t *raw)
{
	return casus_logstatement_meets(query, table, raw);
}

/* Motivation or details of an act are about to pass in a statement that runs. */
void
casus_accesslog_content(QueryDesc *query, int32 file, int64 dossier, int64 act)
{
	const CasusGuardFacts *facts = casus_guard_frame_facts_of(query, false);

	casus_logstatement_act(casus_logstatement_content(query, facts != NULL && facts->copies ?
													  "copy" : "read", &pending, open_gate),
						   file, dossier, act);
}

bool
casus_accesslog_passed(QueryDesc *query, Oid relid)
{
	return casus_logstatement_passed(query, relid);
}

Oid
casus_accesslog_observed(QueryDesc *query, Oid relid)
{
	return casus_logstatement_observed(query, relid);
}

void
casus_accesslog_run(QueryDesc *query)
{
	casus_logstatement_run(query);
}

void
casus_accesslog_end(QueryDesc *query)
{
	casus_logstatement_end(query);
	append_if_many();
}

/* ---- rows written ---- */

static const char *
verb_name(CasusVerb verb)
{
	switch (verb)
	{
		case CASUS_READ:
			return "read";
		case CASUS_SUPPLY:
			return "supply";
		case CASUS_CORRECT:
			return "correct";
		case CASUS_REMOVE:
			return "remove";
	}
	return "";
}

static WriteSet *
write_set(Oid relid, CasusVerb verb)
{
	uint64		generation = casus_context_generation();
	const CasusProtected *table;
	ListCell   *cell;
	MemoryContext old;
	WriteSet   *set;

	foreach(cell, writes)
	{
		set = (WriteSet *) lfirst(cell);
		if (set->relid == relid && set->verb == verb &&
			set->context_generation == generation)
			return set;
	}
	table = casus_registry_find(relid);
	if (table == NULL)
		return NULL;
	old = MemoryContextSwitchTo(write_context);
	set = palloc(sizeof(WriteSet));
	set->relid = relid;
	set->verb = verb;
	set->context_generation = generation;
	set->notes = casus_lognote_create(NULL, table, "write", verb_name(verb));
	writes = lappend(writes, set);
	MemoryContextSwitchTo(old);
	return set;
}

/*
 * For the row trigger: cheap when the same relation, verb and dossier come
 * again.  Refuses when the log cannot be written.
 */
void
casus_accesslog_note_write(Oid relid, int64 dossier, CasusVerb verb)
{
	casus_wiregate_install(&gate_owner);
	casus_context_require_same();
	noting_write = true;
	PG_TRY();
	{
		if (last_write == NULL || last_write->relid != relid ||
			last_write->verb != verb ||
			last_write->context_generation != casus_context_generation())
			last_write = write_set(relid, verb);
		if (last_write)
			casus_lognote_add(last_write->notes, dossier, false, false);
	}
	PG_FINALLY();
	{
		noting_write = false;
	}
	PG_END_TRY();
}

/* ---- one-off records ---- */

/* Puts an event on record, as it was described, before its outcome leaves. */
void
casus_accesslog_described(const char *kind, const char *description)
{
	StringInfoData line;

	if (description == NULL)
		return;
	casus_wiregate_install(&gate_owner);
	initStringInfo(&line);
	casus_logrecord_open(&line, kind);
	appendStringInfoString(&line, description);
	casus_logrecord_close(&line);
	appendBinaryStringInfo(&pending, line.data, line.len);
	pfree(line.data);
	append_if_many();
}

void
casus_accesslog_event(const char *kind, Oid relid, int64 dossier,
					  const char *code, const char *text)
{
	casus_accesslog_described(kind, casus_accesslog_describe(0, relid, dossier == 0 ? 0 : 1,
															 &dossier, code, text));
}

/* That the log cannot be written is the one refusal that it cannot hold. */
static void
note_refusal(const char *code, Oid relid, const char *message, const char *detail)
{
	if (code && strcmp(code, "log_unavailable") == 0)
		return;
	casus_accesslog_event("refusal", relid, 0, code, detail ? detail : message);
}

/* ---- transactions and errors ---- */

static void
require_settled(bool all)
{
	if (gate_settle(all))
		return;
	/* Raises with the cause, since the same would fail again. */
	casus_sink_append(pending.data, pending.len);
	resetStringInfo(&pending);
	casus_sink_sync();
}

void
casus_accesslog_flush(void)
{
	require_settled(true);
}

/* Other sessions may be about to see something of what has passed. */
void
casus_accesslog_shown(void)
{
	if (gate_waiting())
		require_settled(false);
}

static void
xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			/* What the transaction wrote or notified leaves with the commit. */
			if (gate_waiting() || casus_logstatement_waiting(true))
				require_settled(true);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			casus_logscan_forget_flight();
			if (writes != NIL)
				format_writes();
			(void) append_pending(casus_sink_leave);	/* nobody may come after it */
			break;
		default:
			casus_logscan_forget_flight();
			break;
	}
}

static void
subxact_callback(SubXactEvent event, SubTransactionId mine,
				 SubTransactionId parent, void *arg)
{
	/* An exception block may have caught a value of a row in flight. */
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		casus_logscan_leaving();
		append_if_many();
		if (IsParallelWorker())
			worker_catches();
	}
}

static void
casus_emit_log(ErrorData *edata)
{
	if (edata->elevel >= ERROR)
		casus_logscan_failing();
	if (prev_emit_log)
		prev_emit_log(edata);
}

void
casus_accesslog_init(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	initStringInfo(&pending);
	MemoryContextSwitchTo(old);
	write_context = AllocSetContextCreate(TopMemoryContext, "casus log of writes",
										  ALLOCSET_DEFAULT_SIZES);
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
	prev_emit_log = emit_log_hook;
	emit_log_hook = casus_emit_log;
	casus_refusal_hook = note_refusal;
}
