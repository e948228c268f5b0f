/*
 * rowtransit.c
 *		Rows on their way from one partition to another: an UPDATE of the
 *		partition key removes the row here and inserts it there.
 *
 * The row has been judged as changed; it is neither removed nor brought in,
 * and keeps its label.  What is on its way is known by the statement, the place
 * it leaves and, where it arrives, its label.  A trigger of a user that runs
 * between is deeper than the statement, and cannot pass for it.  A row that a
 * trigger has kept from arriving has been removed, which is judged when the next
 * one sets out or the statement's run ends.
 *
 * Private to the backend, in TopTransactionContext; an error takes what began
 * in its subtransaction along.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "rows.h"
#include "xact.h"

#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "utils/memutils.h"
#include "utils/partcache.h"

typedef struct Transit
{
	struct Transit *outer;
	SubTransactionId subid;
	int			depth;
	Oid			family;
	CasusSpot	from;
	bool		has_left;
	pg_uuid_t	raw;			/* the label that it keeps */
} Transit;

static Transit *innermost = NULL;

/* ---- does a row leave its partition? ---- */

struct CasusBounds
{
	ExprState  *check;			/* NULL: it is no partition */
	ExprContext *econtext;
};

/* In the current memory context, for as long as that lives. */
CasusBounds *
casus_rowtransit_prepare(Relation rel)
{
	CasusBounds *bounds = palloc0(sizeof(CasusBounds));
	List	   *quals = rel->rd_rel->relispartition ? RelationGetPartitionQual(rel) : NIL;

	if (quals != NIL)
	{
		quals = (List *) expression_planner((Expr *) copyObject(quals));
		bounds->check = ExecInitCheck(quals, NULL);
		bounds->econtext = CreateStandaloneExprContext();
	}
	return bounds;
}

bool
casus_rowtransit_leaves(CasusBounds *bounds, TupleTableSlot *slot)
{
	bool		stays;

	if (bounds->check == NULL)
		return false;
	bounds->econtext->ecxt_scantuple = slot;
	stays = ExecCheck(bounds->check, bounds->econtext);
	ResetExprContext(bounds->econtext);
	return !stays;
}

/* ---- what goes for good ---- */

/* A row with this label is removed: may it be? */
void
casus_rowtransit_removes(CasusRow *row, const pg_uuid_t *raw)
{
	CasusLabel	label;
	CasusLabelKind kind = casus_label_unpack(raw, &label);

	if (kind == CASUS_LABEL_OUTSIDE ||
		(kind == CASUS_LABEL_PENDING && casus_label_is_own_pending(raw)))
		return;
	casus_rowverdict_change(row, raw, CASUS_REMOVE);
	casus_guard_source_wrote(row->prot);
	if (kind == CASUS_LABEL_GOVERNED)
		casus_rowverdict_note(row, &label, CASUS_REMOVE);
	else
		casus_accesslog_note_write(row->prot->family, 0, CASUS_REMOVE);
}

static void
judge_lost(const Transit *transit)
{
	CasusRow	row = {0};

	row.prot = casus_registry_find(transit->from.relid);
	if (row.prot == NULL)
		elog(ERROR, "casus has lost the table of a row");
	row.settings = row.prot->settings;
	casus_rowtransit_removes(&row, &transit->raw);
}

/* Of what is at this depth or deeper nothing arrives any more. */
static void
end_above(int depth)
{
	while (innermost != NULL && innermost->depth >= depth)
	{
		Transit    *transit = innermost;

		innermost = transit->outer;
		if (transit->has_left)
			judge_lost(transit);
	}
}

static void
transaction_ends(XactEvent event, void *arg)
{
	if (casus_xact_ends(event))
		innermost = NULL;
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId subid,
					SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (innermost != NULL && innermost->subid >= subid)
		innermost = innermost->outer;
}

/* ---- on its way ---- */

void
casus_rowtransit_begin(const CasusProtected *prot, ItemPointer tid, const pg_uuid_t *raw)
{
	static bool listens = false;
	Transit    *transit;

	casus_xact_listen(&listens, transaction_ends, subtransaction_ends);
	end_above(casus_guard_frame_depth());
	transit = MemoryContextAllocZero(TopTransactionContext, sizeof(Transit));
	transit->outer = innermost;
	transit->subid = GetCurrentSubTransactionId();
	transit->depth = casus_guard_frame_depth();
	transit->family = prot->family;
	transit->from.relid = prot->relid;
	transit->from.tid = *tid;
	transit->raw = *raw;
	innermost = transit;
}

static bool
is_current(void)
{
	return innermost != NULL && innermost->depth == casus_guard_frame_depth();
}

/* Is this the row that leaves, and not one that is removed? */
bool
casus_rowtransit_departs(const CasusProtected *prot, ItemPointer tid)
{
	if (!is_current() || innermost->has_left || innermost->from.relid != prot->relid ||
		!ItemPointerEquals(&innermost->from.tid, tid))
		return false;
	innermost->has_left = true;
	return true;
}

/* Is this the row that left? Once. */
bool
casus_rowtransit_arrives(const CasusProtected *prot, const pg_uuid_t *raw)
{
	if (!is_current() || !innermost->has_left || innermost->family != prot->family ||
		memcmp(&innermost->raw, raw, UUID_LEN) != 0)
		return false;
	innermost = innermost->outer;
	return true;
}

/* ---- ends ---- */

/* The run of the innermost frame has come to its end. */
void
casus_rowtransit_finish(void)
{
	if (unlikely(innermost != NULL))
		end_above(casus_guard_frame_depth());
}
