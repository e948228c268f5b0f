/*
 * logload.c
 *		The loader: puts the records of the access log into tables of the
 *		databases that they are about.
 *
 * One background worker (casus_logload_main) looks now and then whether the
 * log has got on, and which databases the new records name; for each of these
 * one after the other it starts a worker there (casus_logload_database), which
 * puts in what is missing and ends.  Neither runs on a standby.
 *
 * Exactly once: the place up to which the log is in a database stands in
 * casus_cat.log_loaded, whose row is locked first and changed in the
 * transaction that puts the records in.  Whoever is killed leaves both as they
 * were.  The segments are the truth: these tables can be made again from them,
 * and casus.access_log reads what is not in them yet from the segments.
 *
 * A worker touches nothing but tables of casus_cat, as casus_owner.
 *
 * The counter in shared memory is how a worker says that it came to the end.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "state.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"
#include "utils/wait_event.h"

#define CHUNK_RECORDS	1000	/* in one transaction */
#define CHUNK_BYTES		(1024 * 1024)

static pg_atomic_uint64 *loads_done = NULL;

/* ---- in a database ---- */

typedef struct Chunk
{
	pg_uuid_t	node;
	uint64		segment;		/* behind what was looked at */
	uint64		offset;
	uint64		seq;
	int			nrecords;
	Datum	   *seqs;
	Datum	   *lines;
	Size		bytes;
	List	   *months;			/* of these records, as 2026_01 */
	bool		more;
} Chunk;

/* The month (UTC) of a line, which begins with {"seq":n,"ts":"2026-01-... */
static char *
month_of(const char *line)
{
	const char *ts = strstr(line, ",\"ts\":\"");
	char	   *month;

	if (ts == NULL)
		return NULL;
	ts += strlen(",\"ts\":\"");
	if (strspn(ts, "0123456789") != 4 || ts[4] != '-' || strspn(ts + 5, "0123456789") != 2)
		return NULL;
	month = pnstrdup(ts, 7);
	month[4] = '_';
	return month;
}

static void
note_month(Chunk *chunk, char *month)
{
	ListCell   *lc;

	foreach(lc, chunk->months)
		if (strcmp(lfirst(lc), month) == 0)
			return;
	chunk->months = lappend(chunk->months, month);
}

/* The records of this database behind the place, as many as one transaction takes. */
static void
collect(Chunk *chunk)
{
	CasusLogFollow follow;
	CasusLogRecord record;
	StringInfoData line;
	StringInfoData piece;

	chunk->more = false;
	if (!casus_logfollow_begin(&follow, chunk->segment, chunk->offset))
		return;
	chunk->seqs = palloc(sizeof(Datum) * CHUNK_RECORDS);
	chunk->lines = palloc(sizeof(Datum) * CHUNK_RECORDS);
	initStringInfo(&line);
	initStringInfo(&piece);
	casus_logrecord_text(&piece, "database", casus_logrecord_database());
	while (!chunk->more && casus_logfollow_next(&follow, &record))
	{
		bool		about_log;
		char	   *month;

		CHECK_FOR_INTERRUPTS();
		chunk->seq = record.seq;
		if (!casus_logfollow_line(&line, &record) ||
			!casus_logfollow_of_database(line.data, piece.data, &about_log) ||
			(month = month_of(line.data)) == NULL)
			continue;
		note_month(chunk, month);
		chunk->seqs[chunk->nrecords] = Int64GetDatum((int64) record.seq);
		chunk->lines[chunk->nrecords] =
			CStringGetTextDatum(pg_any_to_server(line.data, line.len, PG_UTF8));
		chunk->bytes += line.len;
		chunk->nrecords++;
		chunk->more = chunk->nrecords == CHUNK_RECORDS || chunk->bytes >= CHUNK_BYTES;
	}
	chunk->segment = follow.segment;
	chunk->offset = follow.offset;
	casus_logfollow_end(&follow);
}

/* The partition of a month, a member of the extension like its parent: it is not dumped. */
static void
make_partition(CasusQuery *query, const char *month)
{
	char	   *name = psprintf("access_record_%s", month);
	Oid			schema = get_rel_namespace(casus_table_oid(CASUS_FILE));
	int			year = atoi(month);
	int			number = atoi(month + 5);
	ObjectAddress partition;
	ObjectAddress extension;

	if (OidIsValid(get_relname_relid(name, schema)))
		return;
	casus_query_run(query,
					psprintf("CREATE TABLE casus_cat.%s PARTITION OF casus_cat.access_record "
							 "FOR VALUES FROM ('%04d-%02d-01 00:00:00+00') TO ('%04d-%02d-01 00:00:00+00')",
							 name, year, number,
							 number == 12 ? year + 1 : year, number == 12 ? 1 : number + 1));
	/* The trigger for rows came from the parent; this kind does not. */
	casus_query_run(query,
					psprintf("CREATE TRIGGER state_guard_truncate BEFORE TRUNCATE ON casus_cat.%s "
							 "FOR EACH STATEMENT EXECUTE FUNCTION casus_int.state_guard()", name));
	casus_query_run(query,
					psprintf("ALTER TABLE casus_cat.%s ENABLE ALWAYS TRIGGER state_guard_truncate", name));
	casus_query_run(query,
					psprintf("COMMENT ON TABLE casus_cat.%s IS "
							 "'Records of one month (UTC) of casus_cat.access_record.'", name));
	CommandCounterIncrement();
	ObjectAddressSet(partition, RelationRelationId, get_relname_relid(name, schema));
	ObjectAddressSet(extension, ExtensionRelationId, get_extension_oid("casus", false));
	recordDependencyOn(&partition, &extension, DEPENDENCY_EXTENSION);
	CommandCounterIncrement();
}

static void
insert_records(CasusQuery *query, const Chunk *chunk)
{
	ListCell   *lc;

	foreach(lc, chunk->months)
		make_partition(query, lfirst(lc));
	casus_query_arg(query, UUIDOID, UUIDPGetDatum(&chunk->node), false);
	casus_query_arg(query, INT8ARRAYOID,
					PointerGetDatum(construct_array(chunk->seqs, chunk->nrecords, INT8OID,
													sizeof(int64), FLOAT8PASSBYVAL,
													TYPALIGN_DOUBLE)),
					false);
	casus_query_arg(query, TEXTARRAYOID,
					PointerGetDatum(construct_array(chunk->lines, chunk->nrecords, TEXTOID,
													-1, false, TYPALIGN_INT)),
					false);
	casus_query_run(query,
					"INSERT INTO casus_cat.access_record (node, seq, at, person, line) "
					"SELECT $1, r.seq, (r.line ->> 'ts')::timestamptz, r.line ->> 'person', r.line "
					"FROM (SELECT u.seq, u.line::jsonb FROM ROWS FROM (pg_catalog.unnest($2), "
					"pg_catalog.unnest($3)) AS u(seq, line)) r ON CONFLICT DO NOTHING");
}

/* One transaction; false: there is no more, or no casus here. */
static bool
load_chunk(void)
{
	Chunk		chunk = {0};
	CasusLogHead head;
	CasusQuery	query;
	uint64		segment;
	uint64		offset;

	if (!casus_installed() || !casus_logring_head(&head))
		return false;
	memcpy(chunk.node.data, head.node, UUID_LEN);
	casus_query_begin(&query);
	casus_query_arg(&query, UUIDOID, UUIDPGetDatum(&chunk.node), false);
	casus_query_run(&query,
					"INSERT INTO casus_cat.log_loaded VALUES ($1, 0, 0, 0, pg_catalog.now()) ON CONFLICT DO NOTHING");
	casus_query_arg(&query, UUIDOID, UUIDPGetDatum(&chunk.node), false);
	casus_query_run(&query, "SELECT segment, place, seq FROM casus_cat.log_loaded WHERE node = $1 FOR UPDATE");
	chunk.segment = segment = (uint64) casus_query_get_int(&query, 0, 1);
	chunk.offset = offset = (uint64) casus_query_get_int(&query, 0, 2);
	chunk.seq = (uint64) casus_query_get_int(&query, 0, 3);
	collect(&chunk);
	if (chunk.nrecords > 0)
		insert_records(&query, &chunk);
	if (chunk.segment != segment || chunk.offset != offset)
	{
		casus_query_arg(&query, UUIDOID, UUIDPGetDatum(&chunk.node), false);
		casus_query_int64(&query, (int64) chunk.segment);
		casus_query_int64(&query, (int64) chunk.offset);
		casus_query_int64(&query, (int64) chunk.seq);
		casus_query_run(&query,
						"UPDATE casus_cat.log_loaded SET segment = $2, place = $3, seq = $4, "
						"loaded_at = pg_catalog.now() WHERE node = $1");
	}
	casus_query_end(&query);
	return chunk.more;
}

/* The worker in a database: what somebody has set for that database does not stop it. */
void
casus_logload_database(Datum arg)
{
	bool		more = true;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("session_replication_role", "origin", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	/* What a crash loses of it is put in again. */
	SetConfigOption("synchronous_commit", "off", PGC_SUSET, PGC_S_OVERRIDE);
	pgstat_report_activity(STATE_RUNNING, "casus loads the access log");

	while (more)
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		more = load_chunk();
		PopActiveSnapshot();
		CommitTransactionCommand();
		(void) pgstat_report_stat(true);
	}
	(void) pg_atomic_fetch_add_u64(loads_done, 1);
	proc_exit(0);
}

/* ---- which databases ---- */

typedef struct Database
{
	Oid			oid;
	char	   *piece;			/* by which a record names it; NULL: it cannot be told here */
	bool		pending;		/* there may be records to put in */
} Database;

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

/* Those that there are now; templates have nothing on record, and nobody may be in their way. */
static void
list_databases(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "casus log databases",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old;
	Relation	rel = table_open(DatabaseRelationId, AccessShareLock);
	TableScanDesc scan = table_beginscan_catalog(rel, 0, NULL);
	HeapTuple	tuple;
	List	   *list = NIL;

	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		Database   *known = find_database(databases, form->oid);
		Database   *database;
		StringInfoData piece;

		if (form->datistemplate || !form->datallowconn)
			continue;
		old = MemoryContextSwitchTo(context);
		database = palloc0(sizeof(Database));
		database->oid = form->oid;
		database->pending = known == NULL || known->pending;
		if (is_ascii(NameStr(form->datname)))
		{
			initStringInfo(&piece);
			casus_logrecord_text(&piece, "database", NameStr(form->datname));
			database->piece = piece.data;
		}
		list = lappend(list, database);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	if (own_context)
		MemoryContextDelete(own_context);
	own_context = context;
	databases = list;
}

/* Marks the databases that records behind the place name. */
static void
mark_named(CasusLogPoint *seen)
{
	CasusLogFollow follow;
	CasusLogRecord record;
	StringInfoData line;
	bool		about_log;
	ListCell   *lc;

	if (!casus_logfollow_begin(&follow, seen->segment, seen->offset))
		return;
	initStringInfo(&line);
	while (casus_logfollow_next(&follow, &record))
	{
		CHECK_FOR_INTERRUPTS();
		if (!casus_logfollow_line(&line, &record))
			continue;
		foreach(lc, databases)
		{
			Database   *database = lfirst(lc);

			database->pending = database->pending || database->piece == NULL ||
				(casus_logfollow_of_database(line.data, database->piece, &about_log) && !about_log);
		}
	}
	*seen = follow.head.end;
	casus_logfollow_end(&follow);
}

/* Has the worker come to the end?  It may have been killed, or found no room. */
static bool
run_worker(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	uint64		before = pg_atomic_read_u64(loads_done);
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
	return pg_atomic_read_u64(loads_done) != before;
}

static void
look(CasusLogPoint *seen)
{
	ListCell   *lc;

	StartTransactionCommand();
	list_databases();
	/* At the start nobody knows what is missing where: each says so itself. */
	if (seen->segment != 0)
		mark_named(seen);
	CommitTransactionCommand();

	foreach(lc, databases)
	{
		Database   *database = lfirst(lc);

		if (database->pending && !ShutdownRequestPending)
			database->pending = !run_worker(database->oid);
	}
}

static bool
any_pending(void)
{
	ListCell   *lc;

	foreach(lc, databases)
		if (((Database *) lfirst(lc))->pending)
			return true;
	return false;
}

void
casus_logload_main(Datum arg)
{
	CasusLogPoint seen = {0};

	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	while (!ShutdownRequestPending)
	{
		CasusLogHead head;

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (casus_logring_head(&head) && (head.end.seq != seen.seq || any_pending()))
		{
			bool		first = seen.segment == 0;

			look(&seen);
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

static void
load_startup(void)
{
	bool		found;

	loads_done = ShmemInitStruct("casus log loads", sizeof(pg_atomic_uint64), &found);
	if (!found)
		pg_atomic_init_u64(loads_done, 0);
}

void
casus_logload_init(void)
{
	BackgroundWorker worker;

	if (!casus_preloaded)
		return;
	casus_shmem_request(sizeof(pg_atomic_uint64));
	casus_shmem_add(load_startup);
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "casus", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "casus_logload_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "casus log loader", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "casus log loader", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}
