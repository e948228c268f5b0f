/*
 * logscan.c
 *		Watches the scans of protected relations: which rows pass.
 *
 * The qual of each such scan is replaced by one that asks the policy, which the
 * guard has put first, then the rest of the original, and then notes the dossier
 * of a row that passed.  That sees a row before anything is computed from it,
 * which a wrapper round the whole node would not: an error in the select list
 * may hold its values.
 *
 * Where the policy is the only condition and the select list only names columns, nothing happens
 * to a row between the two.  There a wrapper asks the policy instead of the qual; see can_wrap().
 *
 * While the rest runs, the row is in flight: expressions of the user may work on
 * it.  When a message leaves meanwhile (an error, a notice) the rows in flight
 * are noted too, as what was made ready before (logflight.c).  Where the qual
 * calls code that could carry values away without any message (volatile functions,
 * procedural languages) a row is noted as soon as the policy alone lets it through.
 *
 * Rows outside the protocol concern nobody here, and most statements of an application
 * meet no others: what a record needs is made when the first governed row passes the policy.
 *
 * A scan that never had a qual exists under observe only: there the node is
 * wrapped too, since some executors choose a routine without qual beforehand.
 * Not so where a changed row is judged again (EvalPlanQual, logrecheck.c): there
 * every node looks at its qual, and the row stands elsewhere than in its slot.
 *
 * All of this lives in the memory of the executor state; before that goes, logstatement.c
 * takes it off the lists here, which are private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "layers.h"
#include "logscan.h"

#include "access/parallel.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/clauses.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

void		(*casus_logscan_passing) (QueryDesc *query, const CasusProtected *observed) = NULL;

static LogScan *in_flight = NULL;	/* innermost first */
static LogScan *node_scans = NULL;	/* those whose node is wrapped */

/* The one of them that ran last; and one of none, so that there is always one. */
static LogScan no_node = {0};
static LogScan *last_node = &no_node;

/* ---- notes ---- */

/* The notes of the scan's relation; they are shared by all its scans in a statement. */
static NoteSet *
relation_notes(LogStatement *statement, const CasusProtected *table)
{
	for (LogRelation *relation = statement->relations; relation; relation = relation->next)
		if (relation->relid == table->family)
			return relation->notes;
	return casus_lognote_relation(statement, table)->notes;
}

/*
 * Before the first governed row of a scan goes anywhere: all that a record
 * needs, since catalogs cannot be read when an error is on its way, and the gate
 * before the client.
 */
pg_noinline NoteSet *
casus_logscan_notes(LogStatement *statement, const CasusProtected *table)
{
	NoteSet    *notes;
	MemoryContext old = MemoryContextSwitchTo(statement->context);

	statement->open_gate();
	notes = relation_notes(statement, table);
	MemoryContextSwitchTo(old);
	return notes;
}

/* Under observe: a row passes, whatever enforce would say of it. */
static pg_noinline void
note_observed(LogScan *scan, TupleTableSlot *slot)
{
	bool		permitted = casus_logflight_observed(scan, slot);

	if (permitted && !scan->told)
		casus_logscan_passing(scan->statement->query, scan->table);
	scan->told |= permitted;
	casus_logflight_count(scan);
	scan->nready = 0;			/* that was for this row, not for the one that comes next */
}

/* A row under the policy has passed. */
static pg_noinline void
note_dossier(LogScan *scan, const pg_uuid_t *raw, bool in_error)
{
	CasusLabel	label;
	int			position = -1;

	if (casus_label_unpack(raw, &label) == CASUS_LABEL_GOVERNED)
		position = casus_lognote_add(scan->notes, label.dossier, false, in_error);
	scan->last_position = position;
	memcpy(&scan->last_head, raw->data, sizeof(scan->last_head));
	scan->has_last = true;
}

/* Of a row of several dossiers each is on record. */
static pg_noinline void
note_linked(LogScan *scan, const pg_uuid_t *raw)
{
	CasusLabel	label;
	int64	   *others;
	int			n;

	if (casus_label_unpack(raw, &label) != CASUS_LABEL_GOVERNED)
		return;
	n = casus_dossier_linked(label.dossier, label.item, &others);
	for (int i = 0; i < n; i++)
		casus_lognote_add(scan->notes, others[i], false, false);
	pfree(others);
}

static inline void
note_passed(LogScan *scan, const pg_uuid_t *raw)
{
	uint64		head;

	if (!CASUS_LAYER(log))
		return;
	if (unlikely(CASUS_LABEL_IS_LINKED(raw)))
		note_linked(scan, raw);
	/* Rows of one dossier tend to come together: its first 8 bytes tell. */
	memcpy(&head, raw->data, sizeof(head));
	if (scan->has_last && scan->last_head == head)
	{
		if (scan->last_position >= 0)
			casus_lognote_again(scan->notes, scan->last_position);
		return;
	}
	if (!casus_lognote_known(scan->notes, (int64) pg_ntoh64(head)))
		note_dossier(scan, raw, false);
}

/* ---- rows in flight ---- */

static void
note_flight(LogScan *scan)
{
	const pg_uuid_t *raw;

	if (scan->noted)
		return;
	if (scan->nready > 0)
		casus_logflight_count(scan);
	scan->noted |= scan->nready > 0;
	if (scan->noted || scan->attno == 0 || TTS_EMPTY(scan->flying))
		return;
	scan->noted = true;
	raw = casus_logscan_label(scan, scan->flying);
	if (raw != NULL)
		note_dossier(scan, raw, true);
}

/* A message leaves, or what was computed so far is thrown away. */
void
casus_logscan_leaving(void)
{
	for (LogScan *scan = in_flight; scan != NULL; scan = scan->outer)
		note_flight(scan);
}

/* An error is reported at top level: no row is in flight after it. */
void
casus_logscan_failing(void)
{
	casus_logscan_leaving();
	in_flight = NULL;
}

void
casus_logscan_forget_flight(void)
{
	in_flight = NULL;
}

/* ---- what the executor calls ---- */

static bool
eval_in_flight(LogScan *scan, ExprContext *econtext, bool *isnull)
{
	bool		result;

	scan->flying = econtext->ecxt_scantuple;
	scan->outer = in_flight;
	in_flight = scan;
	result = DatumGetBool(scan->rest->evalfunc(scan->rest, econtext, isnull));
	in_flight = scan->outer;
	return result;
}

/* The first rows that pass, until one is governed. */
static pg_noinline void
tell_passing(LogScan *scan, const pg_uuid_t *raw)
{
	CasusLabel	label;

	scan->told = casus_label_unpack(raw, &label) == CASUS_LABEL_GOVERNED;
	if (scan->told)
		casus_logscan_passing(scan->statement->query, NULL);
	if (scan->notes != NULL || !CASUS_LAYER(log))
		return;
	/* What is put down is who reads: the one by whose capacity rows pass. */
	casus_context_require_same();
	scan->notes = casus_logscan_notes(scan->statement, scan->table);
}

/* A row that is not outside: does the policy let it through? */
static inline bool
passes_policy(LogScan *scan, const pg_uuid_t *raw)
{
	if (!casus_policy_permits(raw))
		return false;
	if (unlikely(!scan->told))
		tell_passing(scan, raw);
	return true;
}

static pg_noinline Datum
eval_policy_on(LogScan *scan, TupleTableSlot *slot, const pg_uuid_t *raw)
{
	if (unlikely(raw == NULL))
	{
		raw = casus_logscan_label(scan, slot);
		if (raw != NULL && casus_loglabel_is_outside(raw))
			return BoolGetDatum(true);
	}
	if (raw == NULL || !passes_policy(scan, raw))
		return BoolGetDatum(false);
	note_passed(scan, raw);
	return BoolGetDatum(true);
}

/*
 * Where the policy is all there is: no expression of the user's works on the
 * row before it has passed.
 */
static pg_attribute_hot Datum
eval_policy(ExprState *state, ExprContext *econtext, bool *isnull)
{
	LogScan    *scan = (LogScan *) state->evalfunc_private;
	const pg_uuid_t *raw = casus_loglabel_last(econtext->ecxt_scantuple, scan->attno,
											   scan->missing);

	*isnull = false;
	if (likely(raw != NULL && casus_loglabel_is_outside(raw)))
		return BoolGetDatum(true);
	return eval_policy_on(scan, econtext->ecxt_scantuple, raw);
}

/* The policy, which is the first of the conditions, and then the others. */
static Datum
eval_qual(ExprState *state, ExprContext *econtext, bool *isnull)
{
	LogScan    *scan = (LogScan *) state->evalfunc_private;
	const pg_uuid_t *raw = casus_logscan_label(scan, econtext->ecxt_scantuple);
	bool		result;

	*isnull = false;
	if (unlikely(raw == NULL))
		return BoolGetDatum(false);
	if (casus_loglabel_is_outside(raw))
		return scan->rest->evalfunc(scan->rest, econtext, isnull);
	if (!passes_policy(scan, raw))
		return BoolGetDatum(false);

	scan->noted = scan->eager;
	if (unlikely(scan->eager))
		note_passed(scan, raw);
	else if (scan->tells)
		casus_logflight_ready(scan, raw);
	result = eval_in_flight(scan, econtext, isnull);

	/* The rest may have moved what the label was read from. */
	if (result && !scan->noted)
		note_passed(scan, casus_logscan_label(scan, econtext->ecxt_scantuple));
	return BoolGetDatum(result);
}

/* Under observe there is no policy in the qual. */
static Datum
eval_observed(ExprState *state, ExprContext *econtext, bool *isnull)
{
	LogScan    *scan = (LogScan *) state->evalfunc_private;
	TupleTableSlot *slot = econtext->ecxt_scantuple;
	bool		result;

	*isnull = false;
	scan->noted = scan->eager;
	if (scan->eager)
		note_observed(scan, slot);
	else if (scan->tells)
		(void) casus_logflight_observed(scan, slot);
	result = scan->rest == NULL || eval_in_flight(scan, econtext, isnull);
	if (result && !scan->noted)
		note_observed(scan, slot);
	return BoolGetDatum(result);
}

static pg_noinline LogScan *
search_scan(PlanState *ps)
{
	for (LogScan *scan = node_scans; scan != NULL; scan = scan->next_node)
	{
		if (scan->ps == ps)
		{
			last_node = scan;
			return scan;
		}
	}
	elog(ERROR, "casus lost sight of a scan");
	return NULL;
}

static inline LogScan *
find_scan(PlanState *ps)
{
	return likely(last_node->ps == ps) ? last_node : search_scan(ps);
}

/* From this row on, the first that passes; in the memory that a qual would have had. */
static pg_noinline TupleTableSlot *
next_passing(LogScan *scan, TupleTableSlot *result)
{
	MemoryContext own = scan->ps->ps_ExprContext->ecxt_per_tuple_memory;

	while (!TupIsNull(result))
	{
		MemoryContext old = MemoryContextSwitchTo(own);
		bool		passes;

		MemoryContextReset(own);	/* a node that computes nothing does not */
		passes = DatumGetBool(eval_policy_on(scan, scan->flying, NULL));
		MemoryContextSwitchTo(old);
		if (passes)
			break;
		InstrCountFiltered1(scan->ps, 1);
		CHECK_FOR_INTERRUPTS();
		result = scan->real(scan->ps);
	}
	return result;
}

/* A node that has lost the policy, its only qual: what it returns stands in its slot. */
static pg_attribute_hot TupleTableSlot *
exec_policed(PlanState *ps)
{
	LogScan    *scan = find_scan(ps);
	TupleTableSlot *result = scan->real(ps);

	if (likely(casus_loglabel_plain_outside(scan->flying, scan->attno, scan->below)))
		return result;
	return next_passing(scan, result);
}

/* A node without a qual: each row it returns has passed. */
static TupleTableSlot *
exec_node(PlanState *ps)
{
	LogScan    *scan = find_scan(ps);
	TupleTableSlot *result;

	scan->noted = false;
	scan->outer = in_flight;
	in_flight = scan;
	result = scan->real(ps);
	in_flight = scan->outer;
	if (!TupIsNull(result) && !scan->noted)
		note_observed(scan, scan->flying);
	return result;
}

/* ---- putting ourselves in the way ---- */

#define MAX_POLICED		8		/* wrapped nodes, beyond which to search them costs too much */
#define WORTH_WRAPPING	16		/* rows, below which it costs more than it spares */

static void
wrap_node(LogScan *scan, PlanState *ps, ExecProcNodeMtd wrapper)
{
	scan->flying = ((ScanState *) ps)->ss_ScanTupleSlot;
	scan->real = ps->ExecProcNodeReal;
	scan->next_node = node_scans;
	node_scans = scan;
	ExecSetExecProcNode(ps, wrapper);
}

/*
 * May the node lose the policy, its only qual, and be wrapped instead?  It must
 * look at its qual when it runs, return the row that stands in its slot, as it is
 * stored, and compute nothing from it; in an EvalPlanQual the row stands elsewhere.
 */
static bool
can_wrap(const PlanState *ps)
{
	int			n = 0;

	if (ps->plan->plan_rows < WORTH_WRAPPING || !casus_compat_asks_qual_late(ps) ||
		ps->state->es_epq_active != NULL ||
		!TTS_IS_BUFFERTUPLE(((ScanState *) ps)->ss_ScanTupleSlot) ||
		(ps->ps_ProjInfo != NULL && !casus_logqual_only_columns(ps->plan->targetlist)))
		return false;
	for (LogScan *scan = node_scans; scan != NULL; scan = scan->next_node)
		n++;
	return n < MAX_POLICED;
}

static void
wrap_qual(LogScan *scan, PlanState *ps)
{
	ExprState  *wrapped = &scan->wrapped;
	bool		alone = scan->filtered && list_length(ps->plan->qual) == 1;

	if (alone && can_wrap(ps))
	{
		ps->qual = NULL;
		wrap_node(scan, ps, exec_policed);
		return;
	}

	/* Of a point read there is none to be wrapped; see logpoint.c. */
	if (ps->qual == NULL)
	{
		if (scan->filtered && !alone)
			elog(ERROR, "casus finds no condition on a scan");
		((Node *) wrapped)->type = T_ExprState;
		wrapped->flags = EEO_FLAG_IS_QUAL;
		wrapped->parent = ps;
	}
	else
		*wrapped = *ps->qual;

	scan->qual = ps->qual;
	scan->rest = ps->qual;
	if (!alone)
	{
		scan->eager = casus_logqual_carries_away(ps->plan->qual);
		scan->tells = contain_leaked_vars((Node *) list_copy_tail(ps->plan->qual,
																  scan->filtered ? 1 : 0));
	}
	if (scan->filtered && !alone)
		scan->rest = casus_logqual_rest(ps);

	wrapped->evalfunc = alone ? eval_policy : scan->filtered ? eval_qual : eval_observed;
	wrapped->evalfunc_private = scan;
	ps->qual = wrapped;
}

/* Puts our evaluation before that of the scan.  Memory of the qual is the current context. */
void
casus_logscan_watch(LogStatement *statement, ScanState *state, const CasusProtected *table,
					bool filtered)
{
	PlanState  *ps = &state->ps;
	LogScan    *scan = statement->room;
	bool		index_only = IsA(state, IndexOnlyScanState);

	if (scan == NULL)
		scan = MemoryContextAllocZero(statement->context, sizeof(LogScan));
	statement->room = NULL;
	statement->watched = true;
	scan->statement = statement;
	scan->table = table;
	scan->ps = ps;
	scan->filtered = filtered;
	scan->heap_attno = table->label_attno;
	scan->attno = index_only ?
		casus_logqual_index_column((IndexOnlyScan *) ps->plan, table->label_attno) :
		table->label_attno;
	scan->missing = casus_loglabel_missing(state->ss_ScanTupleSlot, scan->attno);
	if (scan->missing != NULL && casus_loglabel_is_outside(scan->missing))
		scan->below = scan->attno;
	if (filtered && scan->attno == 0)
		elog(ERROR, "casus finds no label in an index-only scan");

	/* What is observed has no verdict to wait for. */
	if (!filtered)
		scan->notes = casus_logscan_notes(statement, table);
	if (filtered || ps->qual != NULL || ps->state->es_epq_active != NULL)
		wrap_qual(scan, ps);
	else
		wrap_node(scan, ps, exec_node);
}

/* The statement's memory is about to go: notes what is in flight there. */
void
casus_logscan_drop(LogStatement *statement)
{
	LogScan   **link = &in_flight;

	if (likely(in_flight == NULL && node_scans == NULL))
		return;
	last_node = &no_node;
	while (*link != NULL)
	{
		if ((*link)->statement == statement)
		{
			note_flight(*link);
			*link = (*link)->outer;
		}
		else
			link = &(*link)->outer;
	}
	link = &node_scans;
	while (*link != NULL)
	{
		if ((*link)->statement == statement)
			*link = (*link)->next_node;
		else
			link = &(*link)->next_node;
	}
}
