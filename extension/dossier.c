/*
 * dossier.c
 *		The state of a dossier as of now: phase, retention stage, who takes
 *		part, what is shared; and the lock on its row.
 *
 * A dossier in a terminal phase is in the retention stage that its clock has
 * reached at this moment, whether a worker runs or not.  Nothing is cached
 * here but the file's protocol; policy.c caches verdicts.
 *
 * The write verdict holds a share lock on the dossier's row until the end of
 * the transaction, so that a change of phase waits for the writers and the
 * writers for it.  The set of locks already taken is private to the
 * transaction and follows subtransactions, as the locks themselves do.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "state.h"
#include "term.h"
#include "xact.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Protocol per file, of one generation. */
typedef struct FileProtocol
{
	int32		file;
	int32		protocol;
} FileProtocol;

static FileProtocol *file_protocols = NULL;
static int	nfile_protocols = 0;
static uint64 file_generation = 0;

typedef struct HeldLock
{
	int64		dossier;		/* key */
	LockTupleMode mode;
	SubTransactionId subid;
	dlist_node	node;
} HeldLock;

static HTAB *held_locks = NULL; /* in TopTransactionContext */
static dlist_head held_order = DLIST_STATIC_INIT(held_order);	/* the newest first */

/* ---- files ---- */

static void
load_files(void)
{
	CasusScan	scan;
	int			capacity = 8;
	FileProtocol *list = MemoryContextAlloc(TopMemoryContext,
											capacity * sizeof(FileProtocol));
	int			n = 0;
	uint64		as_of = casus_catalog_people;

	casus_scan_all(&scan, CASUS_FILE);
	while (casus_scan_next(&scan))
	{
		if (n == capacity)
		{
			capacity *= 2;
			list = repalloc(list, capacity * sizeof(FileProtocol));
		}
		list[n].file = casus_scan_int(&scan, CASUS_COL_FILE_ID, 0);
		list[n].protocol = casus_scan_int(&scan, CASUS_COL_FILE_PROTOCOL, 0);
		n++;
	}
	casus_scan_end(&scan);

	if (file_protocols)
		pfree(file_protocols);
	file_protocols = list;
	nfile_protocols = n;
	file_generation = as_of;
}

/* The id of the protocol under which the file's dossiers are kept; 0: no such file. */
int32
casus_dossier_file_protocol(int32 file)
{
	if (file_generation != casus_catalog_people)
		load_files();
	for (int i = 0; i < nfile_protocols; i++)
		if (file_protocols[i].file == file)
			return file_protocols[i].protocol;
	return 0;
}

/* ---- state ---- */

/*
 * Stages follow each other from the same clock.  Without a clock the first
 * one has not begun to run.  The calendar is slow, and many dossiers of a
 * file close on the same day: the last answer per stage is kept.
 */
static TimestampTz
stage_end(const CasusStage *stage, DateADT clock)
{
	static struct
	{
		CasusTerm	until;
		DateADT		clock;
		TimestampTz end;
	}			memo[CASUS_MAX_CODE];
	int			i = stage->code % CASUS_MAX_CODE;

	if (memo[i].clock != clock ||
		memcmp(&memo[i].until, stage->until, sizeof(CasusTerm)) != 0)
	{
		memo[i].end = casus_term_end(stage->until, clock);
		memo[i].clock = clock;
		memo[i].until = *stage->until;
	}
	return memo[i].end;
}

/* Fills in state and valid_until from phase and clock. */
void
casus_dossier_stage(CasusDossier *dossier, const CasusProtocol *protocol,
					TimestampTz now)
{
	bool		has_stages = false;

	dossier->state = dossier->phase;
	dossier->valid_until = DT_NOEND;
	if ((protocol->terminal & (UINT64CONST(1) << dossier->phase)) == 0)
		return;

	for (int i = 0; i < protocol->nstages; i++)
	{
		const CasusStage *stage = &protocol->stages[i];

		if (stage->phase != dossier->phase)
			continue;
		has_stages = true;
		dossier->state = stage->code;
		if (dossier->clock == DATEVAL_NOBEGIN)
			return;
		dossier->valid_until = stage_end(stage, dossier->clock);
		if (now < dossier->valid_until)
			return;
	}

	if (has_stages)
		dossier->state = CASUS_STATE_GONE;
	dossier->valid_until = DT_NOEND;
}

/* From a row of casus_cat.dossier, without the stage. */
void
casus_dossier_from_row(CasusScan *scan, CasusDossier *dossier)
{
	bool		isnull;
	Datum		clock = casus_scan_get(scan, CASUS_COL_DOSSIER_CLOCK, &isnull);

	dossier->id = casus_scan_int(scan, CASUS_COL_DOSSIER_ID, 0);
	dossier->file = casus_scan_int(scan, CASUS_COL_DOSSIER_FILE, 0);
	dossier->phase = casus_scan_int(scan, CASUS_COL_DOSSIER_PHASE, 0);
	dossier->clock = isnull ? DATEVAL_NOBEGIN : DatumGetDateADT(clock);
}

bool
casus_dossier_load(int64 id, CasusDossier *dossier)
{
	CasusScan	scan;
	bool		found;

	if (id <= 0)
		return false;
	casus_scan_key(&scan, CASUS_DOSSIER, casus_table_pkey(CASUS_DOSSIER),
				   CASUS_COL_DOSSIER_ID, F_INT8EQ, Int64GetDatum(id));
	found = casus_scan_next(&scan);
	if (found)
		casus_dossier_from_row(&scan, dossier);
	casus_scan_end(&scan);
	if (!found)
		return false;

	casus_dossier_stage(dossier,
						casus_protocol(casus_dossier_file_protocol(dossier->file)),
						GetCurrentTimestamp());
	return true;
}

/* ---- who takes part ---- */

/*
 * Does this row of casus_cat.participant speak of the capacity?  A party
 * brings all its delegates, a person only himself.  office -1: any.
 */
bool
casus_dossier_row_involves(CasusScan *scan, int32 person, uint16 party, int office)
{
	int32		row_person = casus_scan_int(scan, CASUS_COL_PARTICIPANT_PERSON, 0);

	if (office >= 0 &&
		office != casus_scan_int(scan, CASUS_COL_PARTICIPANT_OFFICE, -1))
		return false;
	if (row_person != 0)
		return row_person == person;
	return party != 0 &&
		party == casus_scan_int(scan, CASUS_COL_PARTICIPANT_PARTY, 0);
}

/* An office held by an appointment for this one dossier is taking part as well. */
static bool
appointed_for(int64 id, int32 person, int office, TimestampTz now,
			  TimestampTz *until)
{
	CasusScan	scan;
	bool		found = false;

	casus_scan_key(&scan, CASUS_APPOINTMENT, casus_index_oid("appointment_person"),
				   CASUS_COL_APPOINTMENT_PERSON, F_INT4EQ, Int32GetDatum(person));
	while (!found && casus_scan_next(&scan))
		found = casus_scan_int(&scan, CASUS_COL_APPOINTMENT_DOSSIER, 0) == id &&
			(office < 0 ||
			 office == casus_scan_int(&scan, CASUS_COL_APPOINTMENT_OFFICE, -1)) &&
			casus_scan_period(&scan, CASUS_COL_APPOINTMENT_STARTS, now, until);
	casus_scan_end(&scan);
	return found;
}

/* As below; lowers *until to the moment when the answer changes by itself. */
bool
casus_dossier_participates_until(int64 id, int32 person, uint16 party,
								 int office, TimestampTz *until)
{
	CasusScan	scan;
	bool		found = false;
	TimestampTz now = GetCurrentTimestamp();

	casus_scan_key(&scan, CASUS_PARTICIPANT, casus_index_oid("participant_dossier"),
				   CASUS_COL_PARTICIPANT_DOSSIER, F_INT8EQ, Int64GetDatum(id));
	while (!found && casus_scan_next(&scan))
		found = casus_dossier_row_involves(&scan, person, party, office) &&
			casus_scan_period(&scan, CASUS_COL_PARTICIPANT_STARTS, now, until);
	casus_scan_end(&scan);

	return found ||
		(person != 0 && appointed_for(id, person, office, now, until));
}

bool
casus_dossier_participates(int64 id, int32 person, uint16 party, int office)
{
	TimestampTz until = DT_NOEND;

	return casus_dossier_participates_until(id, person, party, office, &until);
}

/* ---- rows of several dossiers ---- */

int
casus_dossier_linked(int64 id, uint32 item, int64 **others)
{
	CasusScan	scan;
	int			n = 0;
	int			capacity = 4;

	*others = palloc(capacity * sizeof(int64));
	casus_scan_key(&scan, CASUS_LINKED, casus_table_pkey(CASUS_LINKED),
				   CASUS_COL_LINKED_DOSSIER, F_INT8EQ, Int64GetDatum(id));
	while (casus_scan_next(&scan))
	{
		if ((uint32) casus_scan_int(&scan, CASUS_COL_LINKED_ITEM, 0) != item)
			continue;
		if (n == capacity)
		{
			capacity *= 2;
			*others = repalloc(*others, capacity * sizeof(int64));
		}
		(*others)[n++] = casus_scan_int(&scan, CASUS_COL_LINKED_OTHER, 0);
	}
	casus_scan_end(&scan);
	return n;
}

/* ---- sharing ---- */

/*
 * The item numbers shared with the party, 0 for the whole dossier; returns
 * how many, palloc'd in *items.
 */
int
casus_dossier_sharing(int64 id, uint16 party, uint32 **items, TimestampTz *until)
{
	CasusScan	scan;
	int			n = 0;
	int			capacity = 8;
	TimestampTz now = GetCurrentTimestamp();

	*items = palloc(capacity * sizeof(uint32));
	casus_scan_key(&scan, CASUS_SHARING, casus_index_oid("sharing_dossier"),
				   CASUS_COL_SHARING_DOSSIER, F_INT8EQ, Int64GetDatum(id));
	while (casus_scan_next(&scan))
	{
		if (casus_scan_int(&scan, CASUS_COL_SHARING_PARTY, 0) != party ||
			!casus_scan_period(&scan, CASUS_COL_SHARING_STARTS, now, until))
			continue;
		if (n == capacity)
		{
			capacity *= 2;
			*items = repalloc(*items, capacity * sizeof(uint32));
		}
		(*items)[n++] = (uint32) casus_scan_int(&scan, CASUS_COL_SHARING_ITEM, 0);
	}
	casus_scan_end(&scan);
	return n;
}

/* How many decisions to share with the party have ended: it only grows. */
int
casus_dossier_ended_sharing(int64 id, uint16 party)
{
	CasusScan	scan;
	int			n = 0;
	TimestampTz now = GetCurrentTimestamp();

	casus_scan_key(&scan, CASUS_SHARING, casus_index_oid("sharing_dossier"),
				   CASUS_COL_SHARING_DOSSIER, F_INT8EQ, Int64GetDatum(id));
	while (casus_scan_next(&scan))
		n += casus_scan_int(&scan, CASUS_COL_SHARING_PARTY, 0) == party &&
			casus_scan_int(&scan, CASUS_COL_SHARING_STARTS + 1, DT_NOEND) <= now;
	casus_scan_end(&scan);
	return n;
}

bool
casus_dossier_shared(int64 id, uint32 item, uint16 party)
{
	uint32	   *items;
	TimestampTz until = DT_NOEND;
	bool		found = false;
	int			n;

	if (party == 0)
		return false;
	n = casus_dossier_sharing(id, party, &items, &until);
	for (int i = 0; i < n && !found; i++)
		found = items[i] == 0 || items[i] == item;
	pfree(items);
	return found;
}

/* ---- the lock ---- */

static void
dossier_xact_callback(XactEvent event, void *arg)
{
	if (casus_xact_ends(event))
		held_locks = NULL;	/* gone with TopTransactionContext */
}

/*
 * A lock taken in a subtransaction is released with it: what it took, and those
 * within it, are the newest.  A stronger lock forgets the weaker one below it,
 * which then is taken once more: harmless.
 */
static void
dossier_subxact_callback(SubXactEvent event, SubTransactionId mySubid,
						 SubTransactionId parentSubid, void *arg)
{
	dlist_mutable_iter iter;

	if (held_locks == NULL ||
		(event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB))
		return;
	dlist_foreach_modify(iter, &held_order)
	{
		HeldLock   *held = dlist_container(HeldLock, node, iter.cur);

		if (held->subid != mySubid)
			break;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			held->subid = parentSubid;
		else
		{
			dlist_delete(&held->node);
			hash_search(held_locks, &held->dossier, HASH_REMOVE, NULL);
		}
	}
}

static HeldLock *
find_held(int64 id, bool create, bool *found)
{
	if (held_locks == NULL)
	{
		static bool listens = false;
		HASHCTL		ctl = {0};

		casus_xact_listen(&listens, dossier_xact_callback, dossier_subxact_callback);
		ctl.keysize = sizeof(int64);
		ctl.entrysize = sizeof(HeldLock);
		ctl.hcxt = TopTransactionContext;
		held_locks = hash_create("casus dossier locks", 16, &ctl,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		dlist_init(&held_order);
	}
	return hash_search(held_locks, &id, create ? HASH_ENTER : HASH_FIND, found);
}

/*
 * Locks the newest version of the row, waiting for whoever changes it.  The
 * waiter then hears of that change before it judges.
 */
static bool
lock_row(int64 id, LockTupleMode mode)
{
	Relation	rel = table_open(casus_table_oid(CASUS_DOSSIER), RowShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		locked = false;

	ScanKeyInit(&key, CASUS_COL_DOSSIER_ID, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(id));
	scan = systable_beginscan(rel, casus_table_pkey(CASUS_DOSSIER), true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		TupleTableSlot *slot = table_slot_create(rel, NULL);
		ItemPointerData tid = tuple->t_self;
		TM_FailureData failure;
		TM_Result	result;

		result = table_tuple_lock(rel, &tid, scan->snapshot, slot,
								  GetCurrentCommandId(true), mode, LockWaitBlock,
								  TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS |
								  TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
		/* Own changes of this very command count as locked. */
		locked = result == TM_Ok || result == TM_SelfModified;
		ExecDropSingleTupleTableSlot(slot);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	return locked;
}

bool
casus_dossier_lock(int64 id, LockTupleMode mode)
{
	HeldLock   *held;
	bool		found;

	if (id <= 0)
		return false;
	held = find_held(id, false, &found);
	if (found && held->mode >= mode)
		return true;

	if (!lock_row(id, mode))
		return false;
	casus_catalog_listen();

	held = find_held(id, true, &found);
	if (found)
		dlist_delete(&held->node);
	dlist_push_head(&held_order, &held->node);
	held->mode = mode;
	held->subid = GetCurrentSubTransactionId();
	return true;
}

/* Has this transaction locked the dossier already, in whatever mode? */
bool
casus_dossier_held(int64 id)
{
	bool		found;

	(void) find_held(id, false, &found);
	return found;
}
