/*
 * logring.c
 *		The ring in shared memory between those who have log records and the
 *		one process that writes them.
 *
 * Positions are bytes since the server's start, which never run over.  Up to
 * "written" whole blocks of records stand in the ring; up to "durable" they
 * are on disk, and their room is free again.  A block is copied while the lock
 * is held and counts only when it is complete, so a process that dies leaves
 * no hole.
 *
 * ring->lock guards the bytes, latch and head; written and blocks move under
 * it.  The atomics may be read without: durable, failing and answered are set
 * by the writer (failing also by who finds that the writer stands still), asked
 * and rotation are counted up by backends.
 *
 * Who waits for a position says in a place of its own which one, and is woken
 * alone: after a sync there are as many who wait for the next one.  Where
 * nobody waits for a record (relaxed) a writer that looks by itself now and
 * then is not woken for it.  What a parallel worker puts into the ring stands in
 * its leader's place, before the worker hands on what it is a record of.
 *
 * put, wait and what they call never raise: they serve where an error is being
 * sent already.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "access/parallel.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/wait_event.h"

#define ALIGNED(length)		TYPEALIGN(sizeof(uint64), length)
#define ENTRY_SIZE(length)	(sizeof(uint64) + ALIGNED(length))
#define PATIENCE			1.0 /* seconds before a cancel ends the wait for a slow disk */
#define PROBE_TIMEOUT		2000	/* milliseconds */

/* Where the counters begin: the test build sees them pass 2^32 at once. */
#ifdef CASUS_TEST_LAYERS
#define COUNTER_START		UINT64CONST(0xfffffff0)
#else
#define COUNTER_START		0
#endif

typedef struct LogRing
{
	LWLock		lock;
	ConditionVariable progress; /* failing or answered has changed, or there is room */
	Latch	   *latch;			/* the writer's; NULL: there is none */
	uint64		size;			/* of bytes */
	pg_atomic_uint64 written;
	pg_atomic_uint64 blocks;	/* how many these are */
	pg_atomic_uint64 durable;
	pg_atomic_uint32 idle;		/* 1: the writer sleeps until it is woken */
	pg_atomic_uint32 failing;	/* 0, an errno, or CASUS_LOG_* */
	pg_atomic_uint64 asked;		/* for a sign of life */
	pg_atomic_uint64 answered;	/* how many of these */
	pg_atomic_uint64 rotation;	/* new keys asked for */
	pg_atomic_uint64 rotated;	/* how many of these are answered */
	pg_atomic_uint32 rotation_failed;	/* 1: the last of these could not be made */
	CasusLogHead head;			/* the end of the log on disk */
	int			nplaces;
	pg_atomic_uint64 *awaited;	/* by place in the array of processes; 0: none */
	pg_atomic_uint64 *told;		/* likewise: behind what its parallel workers put; under lock */
	char		bytes[FLEXIBLE_ARRAY_MEMBER];
} LogRing;

/* One wait of a backend. */
typedef struct Wait
{
	bool		begun;
	instr_time	since;			/* the last progress */
	uint64		durable;		/* then */
} Wait;

static LogRing *ring = NULL;

/* Processes there can be, those of the server itself included. */
#define PLACES	(MaxBackends + NUM_AUXILIARY_PROCS)

/* What the writer does, for a server of one process (postgres --single). */
void		(*casus_logring_alone) (void) = NULL;

/* ---- for everybody ---- */

bool
casus_logring_usable(void)
{
	return ring != NULL && (IsUnderPostmaster || casus_logring_alone != NULL);
}

uint64
casus_logring_written(void)
{
	return ring ? pg_atomic_read_u64(&ring->written) : 0;
}

uint64
casus_logring_durable(void)
{
	return ring ? pg_atomic_read_u64(&ring->durable) : 0;
}

/* NULL: it has none; a process that ends has left shared memory at last. */
static pg_atomic_uint64 *
place_in(pg_atomic_uint64 *array, const PGPROC *process)
{
	int			place = process ? process - ProcGlobal->allProcs : ring->nplaces;

	return place < ring->nplaces ? &array[place] : NULL;
}

/* The position behind all that parallel workers have put for this process, or one before it. */
uint64
casus_logring_told(void)
{
	pg_atomic_uint64 *told = ring ? place_in(ring->told, MyProc) : NULL;

	return told ? pg_atomic_read_u64(told) : 0;
}

/* 0: the log is written.  Else an errno or CASUS_LOG_*. */
int
casus_logring_failing(void)
{
	return (int) pg_atomic_read_u32(&ring->failing);
}

/* The end of the log on disk; false: its writer has not come so far yet. */
bool
casus_logring_head(CasusLogHead *head)
{
	if (!casus_logring_usable())
		return false;
	LWLockAcquire(&ring->lock, LW_SHARED);
	*head = ring->head;
	LWLockRelease(&ring->lock);
	return head->end.segment != 0;
}

static void
wake_writer(void)
{
	Latch	   *latch;

	if (!IsUnderPostmaster)
	{
		casus_logring_alone();
		return;
	}
	LWLockAcquire(&ring->lock, LW_SHARED);
	latch = ring->latch;
	LWLockRelease(&ring->lock);
	if (latch)
		SetLatch(latch);
}

/* ---- waiting ---- */

/* Until the writer has come to a position, or for a second. */
static void
sleep_until(uint64 position)
{
	pg_atomic_uint64 *awaited = place_in(ring->awaited, MyProc);

	if (awaited == NULL)
	{
		pg_usleep(1000);
		return;
	}
	/* Either the writer sees this, or what it has set before is seen here. */
	(void) pg_atomic_exchange_u64(awaited, position);
	if (pg_atomic_read_u64(&ring->durable) < position && casus_logring_failing() == 0)
	{
		if (casus_log_durability != CASUS_LOG_STRICT)
			wake_writer();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 1000, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	pg_atomic_write_u64(awaited, 0);
}

/* Wakes who has waited for no more than that. */
static void
wake_until(uint64 position)
{
	pg_memory_barrier();
	for (int place = 0; place < ring->nplaces; place++)
	{
		uint64		awaited = pg_atomic_read_u64(&ring->awaited[place]);

		if (awaited != 0 && awaited <= position &&
			pg_atomic_compare_exchange_u64(&ring->awaited[place], &awaited, 0))
			SetLatch(&ProcGlobal->allProcs[place].procLatch);
	}
}

/*
 * Waits a second at most, for a position or, where that is 0, for room; false
 * with errno when there is no more hope.  Who is cancelled goes on for a
 * moment, since a disk that is only slow costs less than a lost connection.
 */
static bool
wait_more(Wait *wait, uint64 position)
{
	instr_time	now;
	uint64		durable = pg_atomic_read_u64(&ring->durable);
	int			failing = casus_logring_failing();

	/* The server is going down at once, and this may be its signal handler. */
	if (failing != 0 || GetQuitSignalReason() != PMQUIT_NOT_SENT)
	{
		errno = failing > 0 ? failing : EIO;
		return false;
	}
	INSTR_TIME_SET_CURRENT(now);
	if (!wait->begun || durable != wait->durable)
	{
		wait->begun = true;
		wait->since = now;
		wait->durable = durable;
	}
	INSTR_TIME_SUBTRACT(now, wait->since);
	if (!IsUnderPostmaster)
	{
		errno = EIO;			/* nobody else writes it */
		return false;
	}
	if (INSTR_TIME_GET_DOUBLE(now) > PATIENCE && (QueryCancelPending || ProcDiePending))
	{
		errno = EINTR;
		return false;
	}
	if (INSTR_TIME_GET_DOUBLE(now) > casus_log_timeout)
	{
		uint32		none = 0;

		(void) pg_atomic_compare_exchange_u32(&ring->failing, &none, (uint32) CASUS_LOG_STALLED);
		errno = ETIMEDOUT;
		return false;
	}
	if (position != 0)
	{
		sleep_until(position);
		return true;
	}
	HOLD_INTERRUPTS();
	(void) ConditionVariableTimedSleep(&ring->progress, 1000, PG_WAIT_EXTENSION);
	RESUME_INTERRUPTS();
	return true;
}

/* Until all before that position is on disk; false with errno. */
bool
casus_logring_wait(uint64 position)
{
	Wait		wait = {0};
	bool		ok = true;

	while (ok && pg_atomic_read_u64(&ring->durable) < position)
		ok = wait_more(&wait, position);
	return ok;
}

/*
 * Asks the writer for a sign of life, and whether the log can be written now.
 * Used before a row is let through, so it may be interrupted.
 */
bool
casus_logring_probe(void)
{
	uint64		mine;

	if (casus_logring_failing() == 0)
		return true;
	mine = pg_atomic_add_fetch_u64(&ring->asked, 1);
	wake_writer();
	while (pg_atomic_read_u64(&ring->answered) < mine)
		if (ConditionVariableTimedSleep(&ring->progress, PROBE_TIMEOUT, PG_WAIT_EXTENSION))
			break;
	ConditionVariableCancelSleep();
	return casus_logring_failing() == 0;
}

/* The same as head; after a start its writer is waited for. */
bool
casus_logring_begun(CasusLogHead *head)
{
	int			seconds = 0;

	if (!casus_logring_usable() || !IsUnderPostmaster)
		return casus_logring_head(head);
	while (!casus_logring_head(head) && casus_logring_failing() == 0 &&
		   seconds++ < casus_log_timeout)
		(void) ConditionVariableTimedSleep(&ring->progress, 1000, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	return casus_logring_head(head);
}

/* A new key; false: it cannot be made, or (answered) the writer has not come to it in time. */
bool
casus_logring_rotate(bool *answered)
{
	uint64		mine = pg_atomic_add_fetch_u64(&ring->rotation, 1);

	wake_writer();
	while (pg_atomic_read_u64(&ring->rotated) < mine && casus_logring_failing() == 0)
		if (ConditionVariableTimedSleep(&ring->progress, casus_log_timeout * 1000L,
										PG_WAIT_EXTENSION))
			break;
	ConditionVariableCancelSleep();
	*answered = pg_atomic_read_u64(&ring->rotated) >= mine;
	return *answered && pg_atomic_read_u32(&ring->rotation_failed) == 0;
}

/* ---- blocks in the ring ---- */

uint32
casus_logring_block_max(void)
{
	return ring->size / 2;
}

static void
copy_in(uint64 position, const char *data, uint64 length)
{
	uint64		at = position % ring->size;
	uint64		first = Min(length, ring->size - at);

	memcpy(ring->bytes + at, data, first);
	memcpy(ring->bytes, data + first, length - first);
}

static void
copy_out(uint64 position, char *data, uint64 length)
{
	uint64		at = position % ring->size;
	uint64		first = Min(length, ring->size - at);

	memcpy(data, ring->bytes + at, first);
	memcpy(data + first, ring->bytes, length - first);
}

/* With so much in the ring, must the writer know at once? */
static bool
must_wake(uint64 written)
{
	if (casus_log_durability == CASUS_LOG_STRICT)
		return true;
	pg_memory_barrier();
	return pg_atomic_read_u32(&ring->idle) != 0 ||
		written - pg_atomic_read_u64(&ring->durable) > ring->size / 4;
}

/*
 * Puts a block of whole lines into the ring, and says where it ends.  Waits
 * while there is no room.  False with errno: it is not in the ring.
 */
bool
casus_logring_put(const char *data, uint32 length, uint64 *end)
{
	uint64		size = ENTRY_SIZE(length);
	uint64		header = length;
	Wait		wait = {0};
	bool		ok = false;
	Latch	   *latch = NULL;
	int			save_errno;

	Assert(length <= casus_logring_block_max());
	for (;;)
	{
		uint64		written;

		LWLockAcquire(&ring->lock, LW_EXCLUSIVE);
		written = pg_atomic_read_u64(&ring->written);
		if (written + size - pg_atomic_read_u64(&ring->durable) <= ring->size)
		{
			copy_in(written, (const char *) &header, sizeof(header));
			copy_in(written + sizeof(header), data, length);
			*end = written + size;
			pg_atomic_write_u64(&ring->written, *end);
			pg_atomic_write_u64(&ring->blocks, pg_atomic_read_u64(&ring->blocks) + 1);
			if (IsParallelWorker())
				pg_atomic_write_u64(place_in(ring->told, MyProc->lockGroupLeader), *end);
			ok = true;
		}
		if (!ok || must_wake(written + size))
			latch = ring->latch;
		LWLockRelease(&ring->lock);
		if (!ok && latch)
			SetLatch(latch);
		if (ok || !wait_more(&wait, 0))
			break;
	}
	save_errno = errno;
	if (wait.begun)
		ConditionVariableCancelSleep();
	if (!IsUnderPostmaster && ok)
		wake_writer();
	else if (latch)
		SetLatch(latch);
	errno = save_errno;
	return ok;
}

/* ---- for the writer ---- */

static void
detach(int code, Datum arg)
{
	LWLockAcquire(&ring->lock, LW_EXCLUSIVE);
	ring->latch = NULL;
	LWLockRelease(&ring->lock);
}

/* From now on this process is woken. */
void
casus_logring_attach(void)
{
	LWLockAcquire(&ring->lock, LW_EXCLUSIVE);
	ring->latch = MyLatch;
	LWLockRelease(&ring->lock);
	on_shmem_exit(detach, (Datum) 0);
}

/* The writer is about to sleep until it is woken; false: there is something in the ring. */
bool
casus_logring_idle(bool idle, uint64 taken)
{
	(void) pg_atomic_exchange_u32(&ring->idle, idle ? 1 : 0);
	return pg_atomic_read_u64(&ring->written) == taken;
}

/* Does anybody wait for what is not on disk? */
bool
casus_logring_awaited(void)
{
	for (int place = 0; place < ring->nplaces; place++)
		if (pg_atomic_read_u64(&ring->awaited[place]) != 0)
			return true;
	return false;
}

/* Takes the block at that position, which moves behind it.  False: none is there. */
bool
casus_logring_take(uint64 *position, StringInfo block)
{
	uint64		written;
	uint64		length;

	/* The lock orders this before reading the bytes. */
	LWLockAcquire(&ring->lock, LW_SHARED);
	written = pg_atomic_read_u64(&ring->written);
	LWLockRelease(&ring->lock);
	if (*position >= written)
		return false;
	copy_out(*position, (char *) &length, sizeof(length));
	resetStringInfo(block);
	enlargeStringInfo(block, length);
	copy_out(*position + sizeof(length), block->data, length);
	block->len = length;
	block->data[length] = '\0';
	*position += ENTRY_SIZE(length);
	return true;
}

/* Blocks that were ever put into the ring. */
uint64
casus_logring_blocks(void)
{
	return pg_atomic_read_u64(&ring->blocks);
}

/* All before that position is on disk, where the log ends at head now. */
void
casus_logring_publish(uint64 durable, const CasusLogHead *head)
{
	LWLockAcquire(&ring->lock, LW_EXCLUSIVE);
	ring->head = *head;
	pg_atomic_write_u64(&ring->durable, durable);
	LWLockRelease(&ring->lock);
	pg_atomic_write_u32(&ring->failing, 0);
	wake_until(durable);
	ConditionVariableBroadcast(&ring->progress);
}

/* False: it was known. */
bool
casus_logring_fail(int code)
{
	bool		fresh = pg_atomic_exchange_u32(&ring->failing, (uint32) code) != (uint32) code;

	wake_until(PG_UINT64_MAX);
	ConditionVariableBroadcast(&ring->progress);
	return fresh;
}

uint64
casus_logring_asked(void)
{
	return pg_atomic_read_u64(&ring->asked);
}

void
casus_logring_answer(uint64 asked)
{
	if (pg_atomic_read_u64(&ring->answered) >= asked)
		return;
	pg_atomic_write_u64(&ring->answered, asked);
	ConditionVariableBroadcast(&ring->progress);
}

/* Rotations asked for and not answered; rotated: that many in all are, the last as said. */
uint64
casus_logring_rotations(uint64 *asked)
{
	*asked = pg_atomic_read_u64(&ring->rotation);
	return *asked - pg_atomic_read_u64(&ring->rotated);
}

void
casus_logring_rotated(uint64 asked, bool done)
{
	pg_atomic_write_u32(&ring->rotation_failed, done ? 0 : 1);
	pg_write_barrier();
	pg_atomic_write_u64(&ring->rotated, asked);
	ConditionVariableBroadcast(&ring->progress);
}

/* ---- start ---- */

static Size
ring_bytes(void)
{
	return (Size) casus_log_ring_size * 1024;
}

static Size
places_bytes(void)
{
	return mul_size(2 * PLACES, sizeof(pg_atomic_uint64));
}

static void
ring_startup(void)
{
	Size		size = offsetof(LogRing, bytes) + ring_bytes() + places_bytes();
	bool		found;

	ring = ShmemInitStruct("casus log ring", size, &found);
	if (!found)
	{
		int			tranche = LWLockNewTrancheId();

		memset(ring, 0, offsetof(LogRing, bytes));
		LWLockRegisterTranche(tranche, "casus_log");
		LWLockInitialize(&ring->lock, tranche);
		ConditionVariableInit(&ring->progress);
		ring->size = ring_bytes();
		ring->nplaces = PLACES;
		ring->awaited = (pg_atomic_uint64 *) (ring->bytes + ring->size);
		ring->told = ring->awaited + ring->nplaces;
		for (int place = 0; place < 2 * ring->nplaces; place++)
			pg_atomic_init_u64(&ring->awaited[place], 0);
		pg_atomic_init_u64(&ring->written, COUNTER_START);
		pg_atomic_init_u64(&ring->blocks, COUNTER_START);
		pg_atomic_init_u64(&ring->durable, COUNTER_START);
		pg_atomic_init_u32(&ring->idle, 0);
		pg_atomic_init_u32(&ring->failing, 0);
		pg_atomic_init_u64(&ring->asked, COUNTER_START);
		pg_atomic_init_u64(&ring->answered, COUNTER_START);
		pg_atomic_init_u64(&ring->rotation, COUNTER_START);
		pg_atomic_init_u64(&ring->rotated, COUNTER_START);
		pg_atomic_init_u32(&ring->rotation_failed, 0);
	}
}

void
casus_logring_init(void)
{
	if (!casus_preloaded)
		return;
	casus_shmem_request(offsetof(LogRing, bytes) + ring_bytes());
	casus_shmem_request_later(places_bytes);
	casus_shmem_add(ring_startup);
}
