/*
 * logwriter.c
 *		The process that writes the access log: one per node, so that there is
 *		one chain.
 *
 * A background worker without a database, which runs from the start of the
 * postmaster, on a hot standby too.  It takes blocks of records from the ring,
 * numbers and chains them (logstore.c), and makes a batch durable by one
 * fdatasync; who waits for one of them is woken then.  Records that come
 * meanwhile make the next batch.  Sessions that were answered together come
 * back together: the next sync is put off for a part of what it costs where
 * that lets them into the same batch (gather).
 *
 * In relaxed mode it is woken by the first record, and from then on looks by
 * itself until all is on disk: a record costs who reads no wake-up.
 *
 * When the log cannot be written the records stay in the ring, and it is tried
 * again: each second, and whenever a backend asks.  Without anything to do it
 * sleeps until it is woken.
 *
 * A server in single-user mode has no other process: there the session does
 * the same, each time that it has put something into the ring.
 *
 * It owns the files; everything here is private to the process.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include <time.h>

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#define BATCH			(1024 * 1024)	/* bytes from which a batch is written */
#define RELAXED_MS		160		/* relaxed: until records are on disk, ... */
#define LOOK_MS			20		/* ... and until they are taken from the ring */
#define RETRY_MS		1000	/* while the log cannot be written */
#define LAST_SESSIONS_MS	10000	/* at the stop: for sessions that end */
#define CLOCK_JUMP		USECS_PER_SEC
#define GATHER_MAX		2000	/* microseconds that a sync is put off at most */
#define LUCK_MAX		15
#define LUCK_ENOUGH		4		/* below that it is tried now and then only */
#define LUCK_TRY		64

static bool is_open = false;
static uint64 taken = 0;		/* position in the ring behind what the store has */
static TimestampTz unsynced = 0;	/* since when it has what is not on disk; 0: nothing */
static StringInfoData block;
static MemoryContext own_context = NULL;

/* When to sync: see gather. */
static uint64 nblocks = 0;		/* in the batch under way */
static uint64 blocks_seen = 0;	/* of the ring, when that was taken */
static uint64 expected = 0;		/* blocks of the next batch, if all come back */
static uint64 sync_time = 0;	/* of late, microseconds */
static int	luck = LUCK_MAX;	/* did they come in time? */
static int	untried = 0;

/* What the next batch has to say first. */
static CasusLogFound found;
static bool has_begun = false;	/* the start is on record */
static bool was_changed = false;
static bool begun_noted = false;	/* ... in the batch under way */

/* The clock of the day, and one that nobody sets, at the last batch. */
static int64 last_time = 0;
static int64 last_steady = 0;

/* ---- records of the writer's own ---- */

static void
note(CasusRecordKind kind, const char *code, const char *text)
{
	StringInfoData line;

	initStringInfo(&line);
	casus_logrecord_open(&line, kind == CASUS_RECORD_CHANGED ? "attempt" : "maintenance");
	casus_logrecord_number(&line, "pid", MyProcPid);
	casus_logrecord_text(&line, "code", code);
	casus_logrecord_text(&line, "text", text);
	casus_logrecord_close(&line);
	casus_logstore_add(kind, line.data, line.len - 1);
	pfree(line.data);
}

static void
note_start(void)
{
	CasusLogHead head;

	casus_logstore_head(&head);
	if (found.torn > 0)
		note(CASUS_RECORD_TORN, "log_torn",
			 psprintf("a crash left " UINT64_FORMAT " bytes that were not written whole; they are kept beside the segment",
					  found.torn));
	if (found.changed)
		note(CASUS_RECORD_CHANGED, "log_changed", "the log is not as it was left");
	note(CASUS_RECORD_START, "log_started",
		 found.fresh && casus_logdir_has_others(head.node) ?
		 "a log begins; there are others, of another node or key file" :
		 found.fresh ? "a log begins" :
		 found.stopped ? "after the server was stopped" :
		 "the last writer was not stopped in order");
	if (found.made_key)
		note(CASUS_RECORD_KEY, "log_key", "a key file was made");
}

static int64
steady_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * USECS_PER_SEC + ts.tv_nsec / 1000;
}

/* Both at one moment: where the process was held up between them, again. */
static void
read_clocks(int64 *time, int64 *steady)
{
	for (int i = 0; i < 10; i++)
	{
		int64		before = steady_clock();

		*time = casus_logstore_clock();
		*steady = steady_clock();
		if (*steady - before < CLOCK_JUMP / 10)
			break;
	}
}

/*
 * Times in the log are what the clock said.  Where it was set, the log says
 * so: by how much, while the writer ran; or that it stands before the last
 * record.
 */
static void
note_clock(void)
{
	int64		time;
	int64		steady;
	int64		jump = 0;

	read_clocks(&time, &steady);
	if (last_steady != 0)
		jump = (time - last_time) - (steady - last_steady);
	else if (casus_logstore_time() != 0 && time < casus_logstore_time())
		jump = time - casus_logstore_time();
	last_time = time;
	last_steady = steady;
	if (jump > CLOCK_JUMP || jump < -CLOCK_JUMP)
		note(CASUS_RECORD_CLOCK, "log_clock",
			 psprintf("the clock was set %s by " INT64_FORMAT " s",
					  jump < 0 ? "back" : "forward", (jump < 0 ? -jump : jump) / USECS_PER_SEC));
}

/* ---- batches ---- */

static const char *
reason(int error)
{
	return error == CASUS_LOG_NO_KEY ? "it has no key" :
		error == CASUS_LOG_EXPOSED ? "other accounts may write there" : strerror(error);
}

/* What is taken and not on disk stays in the ring. */
static bool
give_up(void)
{
	int			error = casus_logstore_error();

	if (is_open)
		casus_logstore_undo();
	taken = casus_logring_durable();
	unsynced = 0;
	nblocks = 0;
	begun_noted = false;
	if (casus_logring_fail(error))
		ereport(LOG,
				(errmsg("casus cannot write its access log in \"%s\": %s",
						casus_sink_directory(), reason(error)),
				 errdetail("Protected rows are not read until it can.")));
	return false;
}

static bool
sync_batch(void)
{
	CasusLogHead head;
	int64		since = steady_clock();

	if (!casus_logstore_sync())
		return false;
	sync_time = (7 * sync_time + (uint64) (steady_clock() - since)) / 8;
	casus_logstore_head(&head);
	casus_logring_publish(taken, &head);
	expected = nblocks + casus_logring_blocks() - blocks_seen;
	nblocks = 0;
	unsynced = 0;
	if (begun_noted && !has_begun && found.fresh)
		ereport(LOG,
				(errmsg("casus begins an access log in \"%s\", with %s key file \"%s\"",
						casus_sink_directory(), found.made_key ? "a new" : "the", casus_logkey_path()),
				 casus_logdir_has_others(head.node) ?
				 errdetail("There are logs of other nodes or key files in that directory.") : 0));
	has_begun |= begun_noted;
	was_changed = false;
	return true;
}

/* Before the first record of a batch: the file, and what there is to say. */
static bool
begin_batch(void)
{
	bool		changed;

	if (!casus_logstore_check(&changed))
		return false;
	was_changed |= changed;
	if (casus_logstore_full())
	{
		if (unsynced != 0 && !sync_batch())
			return false;
		if (!casus_logstore_next())
			return false;
	}
	if (casus_logstore_rekeyed())
		note(CASUS_RECORD_KEY, "log_key", "from this segment on the log has another key");
	if (was_changed)
		note(CASUS_RECORD_CHANGED, "log_changed", "somebody else wrote to the log; it goes on in another file");
	note_clock();
	if (!has_begun && !begun_noted)
	{
		note_start();
		begun_noted = true;
	}
	else if (casus_logring_failing() != 0)
		note(CASUS_RECORD_RESUMED, "log_resumed", NULL);
	return true;
}

static void
add_lines(void)
{
	const char *line = block.data;
	const char *end = block.data + block.len;

	while (line < end)
	{
		const char *newline = memchr(line, '\n', end - line);
		const char *stop = newline ? newline : end;

		casus_logstore_add(CASUS_RECORD_ENTRY, line, stop - line);
		line = stop + 1;
	}
}

/* relaxed: not yet, unless the ring fills up or somebody waits for it. */
static bool
must_sync(void)
{
	return casus_log_durability == CASUS_LOG_STRICT || !IsUnderPostmaster ||
		!has_begun || casus_logring_failing() != 0 || casus_logring_awaited() ||
		taken - casus_logring_durable() > (uint64) casus_log_ring_size * 512 ||
		TimestampDifferenceExceeds(unsynced, GetCurrentTimestamp(), RELAXED_MS);
}

static bool
write_batch(void)
{
	if (!casus_logstore_write())
		return false;
	if (unsynced == 0)
		unsynced = GetCurrentTimestamp();
	return !must_sync() || sync_batch();
}

/*
 * Sessions that wait by turns, those of one batch while the other is synced,
 * take two syncs for what one could do.  So whoever was answered last is given
 * a moment to come back, unless that turned out to be in vain.
 */
static void
gather(void)
{
	uint64		patience = Min(sync_time / 2, GATHER_MAX);
	int64		since;

	if (casus_log_durability != CASUS_LOG_STRICT || !IsUnderPostmaster || expected < 2 ||
		(luck < LUCK_ENOUGH && ++untried % LUCK_TRY != 0))
		return;
	since = steady_clock();
	while (casus_logring_blocks() - blocks_seen < expected)
	{
		if ((uint64) (steady_clock() - since) >= patience)
		{
			luck = Max(luck - 1, 0);
			return;
		}
		pg_usleep(Max(patience / 16, 10));
	}
	luck = Min(luck + 2, LUCK_MAX);
}

/* Writes all that is in the ring; anyway: also when that is nothing. */
static bool
drain(bool anyway)
{
	for (;;)
	{
		bool		any = false;
		uint64		next = taken;

		if (casus_logring_written() > taken)
			gather();
		/* What begin_batch makes durable does not hold this block yet. */
		while (casus_logstore_buffered() < BATCH && casus_logring_take(&next, &block))
		{
			if (!any && !begin_batch())
				return false;
			any = true;
			nblocks++;
			add_lines();
			taken = next;
		}
		blocks_seen = casus_logring_blocks();
		if (!any && !anyway)
			return true;
		if ((!any && !begin_batch()) || !write_batch())
			return false;
		anyway = false;
	}
}

/*
 * First the key, then the entry that it is another one, which begins the next
 * segment (begin_batch): whoever is stopped between them leaves a key file by
 * which the next batch, of whichever writer, sees that it has to say so.
 */
static bool
rotate_key(void)
{
	static uint64 made = 0;		/* the rotations for which a key was made */
	uint64		asked;

	if (casus_logring_rotations(&asked) == 0)
		return true;
	if (!drain(false))
		return false;
	/* The log goes on with the key that it has. */
	if (made != asked && !casus_logstore_new_key())
	{
		ereport(LOG,
				(errmsg("casus cannot put another key into \"%s\": %s",
						casus_logkey_path(), strerror(casus_logstore_error()))));
		casus_logring_rotated(asked, false);
		return true;
	}
	/* Where what follows fails it is tried again, with this key. */
	made = asked;
	if (!begin_batch() || (casus_logstore_buffered() > 0 && !casus_logstore_write()) ||
		!sync_batch())
		return false;
	casus_logring_rotated(asked, true);
	return true;
}

/* Everything there is to do.  False: the log cannot be written. */
static bool
work(void)
{
	if (!is_open)
	{
		CasusLogHead head;
		bool		known = casus_logring_head(&head);

		if (!casus_logstore_open(known ? &head : NULL, &found))
			return give_up();
		is_open = true;
		taken = casus_logring_durable();
	}
	if (!drain(!has_begun || casus_logring_failing() != 0) || !rotate_key())
		return give_up();
	if (unsynced != 0 && must_sync() && !sync_batch())
		return give_up();
	return true;
}

/* ---- the process ---- */

/* Is there a session that may have something to put on record? */
static bool
has_sessions(void)
{
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];

		/* Who has ended has no latch.  A logical walsender outlives us, and writes nothing. */
		if (proc->procLatch.owner_pid != 0 && OidIsValid(proc->databaseId) &&
			(proc->statusFlags & PROC_IN_LOGICAL_DECODING) == 0)
			return true;
	}
	return false;
}

/* The ring ends with the server, should that be stopped, too. */
static void
tell_lost(void)
{
	uint64		position = casus_logring_durable();
	uint64		lost = 0;

	while (casus_logring_take(&position, &block))
		for (const char *c = block.data; (c = strchr(c, '\n')) != NULL; c++)
			lost++;
	if (lost > 0)
		ereport(LOG,
				(errmsg("casus could not write the last " UINT64_FORMAT " records of its access log in \"%s\": %s",
						lost, casus_sink_directory(), reason(casus_logstore_error())),
				 casus_log_durability == CASUS_LOG_STRICT ?
				 errdetail("They are lost when the server stops. No row that they are about has left it, and no act has been done.") :
				 errdetail("They are lost when the server stops. Rows that they are about have left it, and acts have been done: casus.log_durability is \"relaxed\".")));
}

/*
 * The postmaster stops sessions and workers at the same time, and sessions may
 * wait for us while they end.
 */
static void
serve_last_sessions(void)
{
	TimestampTz since = GetCurrentTimestamp();

	do
	{
		(void) work();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 20, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	} while (has_sessions() &&
			 !TimestampDifferenceExceeds(since, GetCurrentTimestamp(), LAST_SESSIONS_MS));
	if (!work() || !begin_batch())
	{
		tell_lost();
		return;
	}
	note(CASUS_RECORD_STOP, "log_stopped", NULL);
	if (casus_logstore_write() && sync_batch())
		casus_logstore_trim();
}

static long
patience(bool ok)
{
	if (!ok)
		return RETRY_MS;
	if (unsynced != 0)
		return LOOK_MS;
	/* Whoever comes from now on wakes us. */
	return casus_logring_idle(true, taken) ? -1 : 0;
}

/* What outlives transactions. */
static void
make_lasting(void)
{
	if (own_context != NULL)
		return;
	own_context = AllocSetContextCreate(TopMemoryContext, "casus log writer",
										ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(own_context);
	initStringInfo(&block);
}

static void
write_alone(void)
{
	MemoryContext context = CurrentMemoryContext;
	uint64		asked = casus_logring_asked();

	make_lasting();
	MemoryContextSwitchTo(own_context);
	(void) work();
	casus_logring_answer(asked);
	MemoryContextSwitchTo(context);
}

void
casus_logwriter_main(Datum arg)
{
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	make_lasting();
	casus_logring_attach();

	while (!ShutdownRequestPending)
	{
		uint64		asked;
		bool		ok;
		long		timeout;

		ResetLatch(MyLatch);
		(void) casus_logring_idle(false, taken);
		asked = casus_logring_asked();
		ok = work();
		casus_logring_answer(asked);
		timeout = patience(ok);
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (timeout >= 0 ? WL_TIMEOUT : 0),
						 timeout, PG_WAIT_EXTENSION);
	}
	serve_last_sessions();
	/* Not 0: then nobody would start it again, had only this process been stopped. */
	proc_exit(1);
}

void
casus_logwriter_init(void)
{
	BackgroundWorker worker;

	if (!casus_preloaded)
		return;
	casus_logring_alone = write_alone;
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_PostmasterStart;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "casus", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "casus_logwriter_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "casus log writer", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "casus log writer", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}
