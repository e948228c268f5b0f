/*
 * logloader.c
 *		Which databases the loader of the access log has something for.
 *
 * One background worker looks now and then whether the log has got on, or
 * what was collected of other nodes' logs (logcollect.c), and which databases
 * the new records name; for each of these one after the other it starts a
 * worker there (casus_logload_database), and while casus.log_collect names
 * servers the process that collects.  It does not run on a standby.
 *
 * All state is private to the process.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

/* ---- databases ---- */

typedef struct Database
{
	Oid			oid;
	CasusLogNames names;		/* by which a record names it; no name: it cannot be told here */
	bool		is_open;		/* a worker can come into it */
	bool		pending;		/* there may be records to put in */
	bool		named;			/* by a record, since a worker was there */
} Database;

/* Up to where the copy of another node's log has been looked through. */
typedef struct Seen
{
	uint8		node[CASUS_LOG_NODE];
	uint64		segment;		/* 0: not at all */
	uint64		offset;
	uint64		seq;
} Seen;

static List *seen_copies = NIL; /* Seen, in TopMemoryContext */
static List *databases = NIL;	/* Database, in own_context */
static MemoryContext own_context = NULL;

static Database *
find_database(List *list, Oid oid)
{
	ListCell   *lc;

	foreach(lc, list)
		if (((Database *) lfirst(lc))->oid == oid)
			return lfirst(lc);
	return NULL;
}

/* Without a database nothing is known of encodings: other names cannot be compared. */
static bool
is_ascii(const char *name)
{
	for (; *name; name++)
		if (IS_HIGHBIT_SET(*name))
			return false;
	return true;
}

/* Those that there are now. */
static void
list_databases(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "casus log databases",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old;
	List	   *list = NIL;
	ListCell   *lc;

	foreach(lc, casus_logterm_databases())
	{
		const CasusLogDatabase *there = lfirst(lc);
		Database   *known = find_database(databases, there->oid);
		Database   *database;

		old = MemoryContextSwitchTo(context);
		database = palloc0(sizeof(Database));
		database->oid = there->oid;
		database->is_open = there->is_open;
		database->pending = known == NULL || known->pending;
		database->named = known != NULL && known->named;
		database->names = casus_logrecord_names(there->oid,
												is_ascii(NameStr(there->name)) ?
												NameStr(there->name) : NULL);
		list = lappend(list, database);
		MemoryContextSwitchTo(old);
	}
	if (own_context)
		MemoryContextDelete(own_context);
	own_context = context;
	databases = list;
}

static void
mark_all(void)
{
	ListCell   *lc;

	foreach(lc, databases)
		((Database *) lfirst(lc))->pending = true;
}

/* Marks the databases that the records name which follow. */
static void
mark_following(CasusLogFollow *follow)
{
	CasusLogRecord record;
	StringInfoData line;
	bool		about_log;
	bool		has_gone;
	ListCell   *lc;

	initStringInfo(&line);
	while (casus_logfollow_next(follow, &record))
	{
		CHECK_FOR_INTERRUPTS();
		if (!casus_logfollow_line(&line, &record))
			continue;
		/* What goes of the log goes everywhere. */
		has_gone = strstr(line.data, ",\"code\":\"purge_log\",") != NULL;
		foreach(lc, databases)
		{
			Database   *database = lfirst(lc);

			if (casus_logfollow_of_database(line.data, &database->names, &about_log) && !about_log)
				database->pending = database->named = true;
			else if (database->names.name == NULL || has_gone)
				database->pending = true;
		}
	}
	pfree(line.data);
}

/* Those that records of the own log behind the place name. */
static void
mark_named(CasusLogPoint *seen)
{
	CasusLogFollow follow;

	if (!casus_logfollow_begin(&follow, seen->segment, seen->offset, seen->seq))
		return;
	mark_following(&follow);
	*seen = follow.head.end;
	casus_logfollow_end(&follow);
}

static Seen *
find_seen(const uint8 *node)
{
	ListCell   *lc;
	Seen	   *copy;
	MemoryContext old;

	foreach(lc, seen_copies)
		if (memcmp(((Seen *) lfirst(lc))->node, node, CASUS_LOG_NODE) == 0)
			return lfirst(lc);
	old = MemoryContextSwitchTo(TopMemoryContext);
	copy = palloc0(sizeof(Seen));
	memcpy(copy->node, node, CASUS_LOG_NODE);
	seen_copies = lappend(seen_copies, copy);
	MemoryContextSwitchTo(old);
	return copy;
}

/*
 * Those that collected records name.  Of a copy that was not known here nobody
 * knows what is missing where.
 */
static void
mark_collected(void)
{
	CasusLogHead head;
	List	   *nodes;
	ListCell   *lc;

	if (!casus_logring_head(&head))
		return;
	nodes = casus_logdir_others(head.node);
	foreach(lc, nodes)
	{
		Seen	   *copy = find_seen(lfirst(lc));
		bool		is_new = copy->segment == 0;
		CasusLogFollow follow;
		uint64		before = copy->segment;
		uint64		first;

		if (is_new && !casus_logdir_range(copy->node, 0, UINT64_MAX, &first, &copy->segment))
			copy->segment = 0;
		if (!casus_logfollow_begin_copy(&follow, copy->node, copy->segment, copy->offset,
										copy->seq))
		{
			/* Without a key, or collected anew. */
			memset(&copy->segment, 0, sizeof(Seen) - offsetof(Seen, segment));
			continue;
		}
		mark_following(&follow);
		/* Of whole segments each database says that they were collected. */
		if (is_new || follow.segment != before)
			mark_all();
		copy->segment = follow.segment;
		copy->offset = follow.offset;
		copy->seq = follow.chain.point.seq;
		casus_logfollow_end(&follow);
	}
}

/* Has the worker come to the end?  It may have been killed, or found no room. */
static bool
run_worker(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	uint64		before = casus_logload_done();
	pid_t		pid;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "casus", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "casus_logload_database", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "casus log loader of a database", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "casus log loader", sizeof(worker.bgw_type));
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		return false;
	while (GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED && !ShutdownRequestPending)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		/* DROP DATABASE waits until every process has absorbed its barrier. */
		CHECK_FOR_INTERRUPTS();
	}
	pfree(handle);
	return casus_logload_done() != before;
}

static void
look(CasusLogPoint *seen, bool collected)
{
	ListCell   *lc;

	StartTransactionCommand();
	list_databases();
	/* At the start nobody knows what is missing where: each says so itself. */
	if (seen->segment != 0)
		mark_named(seen);
	if (collected)
		mark_collected();
	CommitTransactionCommand();

	foreach(lc, databases)
	{
		Database   *database = lfirst(lc);

		if (!database->is_open && database->named)
			casus_logterm_forget(database->oid);
		if (!database->is_open || !database->pending || ShutdownRequestPending)
			continue;
		database->pending = !run_worker(database->oid);
		database->named = database->named && database->pending;
	}
	StartTransactionCommand();
	/* For standbys it is in each of them. */
	if (casus_logterm_settle())
		mark_all();
	CommitTransactionCommand();
}

static bool
any_pending(void)
{
	ListCell   *lc;

	foreach(lc, databases)
	{
		const Database *database = lfirst(lc);

		if (database->pending && database->is_open)
			return true;
	}
	return false;
}

void
casus_logloader_main(Datum arg)
{
	CasusLogPoint seen = {0};
	uint64		copied = 0;

	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	casus_logload_override();

	while (!ShutdownRequestPending)
	{
		CasusLogHead head;
		uint64		newest = casus_logcollect_copied();

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		casus_logcollect_start();
		if (casus_logring_head(&head) &&
			(head.end.seq != seen.seq || newest != copied || any_pending() ||
			 casus_logterm_of_node() < 0))
		{
			bool		first = seen.segment == 0;

			look(&seen, first || newest != copied);
			copied = newest;
			if (first)
				seen = head.end;
		}
		if (!ShutdownRequestPending)
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 casus_log_load_interval * 1000L, PG_WAIT_EXTENSION);
	}
	/* Not 0: then nobody would start it again, had only this process been stopped. */
	proc_exit(1);
}

void
casus_logloader_init(void)
{
	BackgroundWorker worker;

	/* Under pg_upgrade nothing is written but by itself: it takes no later transaction along. */
	if (!casus_preloaded || IsBinaryUpgrade)
		return;
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "casus", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "casus_logloader_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "casus log loader", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "casus log loader", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}
