/*
 * logload.c
 *		The loader in a database: puts the records of the access log that are
 *		about it into tables there.
 *
 * A worker that logloader.c has started puts in what is missing and ends:
 * first of the log of this node, then of what was collected of other nodes'
 * logs, node by node.
 *
 * Exactly once: the place up to which a node's log is in a database stands in
 * casus_cat.log_loaded, whose row is locked first and changed in the
 * transaction that puts the records in.  Whoever is killed leaves both as they
 * were.  The segments are the truth: these tables can be made again from them,
 * and casus.access_log reads what is not in them yet from the segments, of this
 * node.
 *
 * A worker touches nothing but tables of casus_cat, as casus_owner.
 *
 * What one node's log holds stops neither those of others nor the pruning, and
 * a record that fits into no table not those behind it: in its place stands that
 * it was there.
 *
 * The counter in shared memory is how a worker says that it came to the end.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "state.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/uuid.h"
#include "utils/wait_event.h"

#define CHUNK_RECORDS	1000	/* in one transaction */
#define CHUNK_BYTES		(1024 * 1024)

typedef struct Loads
{
	pg_atomic_uint64 done;		/* workers that came to the end */
	pg_atomic_uint64 stopped;	/* the place of which was last said that they stay there */
} Loads;

static Loads *loads = NULL;
static bool left_some = false;	/* this worker could not load all */

/* ---- in a database ---- */

typedef struct Chunk
{
	pg_uuid_t	node;
	bool		is_own;			/* the log of this node, not a copy of another's */
	uint64		segment;		/* behind what was looked at */
	uint64		offset;
	uint64		seq;
	uint8		mac[CASUS_LOG_MAC]; /* of a copy: of the entry there */
	uint64		known;			/* the last of which there is a record in the tables */
	uint64		missing;		/* entries that were not there, passed over */
	int			nrecords;
	Datum	   *seqs;
	Datum	   *entries;		/* jsonb */
	Size		bytes;
	List	   *months;			/* of these records, as 2026_01 */
	bool		more;
} Chunk;

static void
note_month(Chunk *chunk, char *month)
{
	ListCell   *lc;

	foreach(lc, chunk->months)
		if (strcmp(lfirst(lc), month) == 0)
			return;
	chunk->months = lappend(chunk->months, month);
}

/* Says once where the log goes no further for who loads it. */
static void
say_stopped(const CasusLogFollow *follow)
{
	uint64		place = (follow->segment << 32) + follow->offset;
	char		path[MAXPGPATH];

	left_some = true;
	if (pg_atomic_exchange_u64(&loads->stopped, place) == place)
		return;
	casus_logdir_file(path, follow->head.node, follow->segment);
	ereport(LOG,
			(errmsg("casus loads the access log only up to \"%s\", position " UINT64_FORMAT ": %s",
					path, follow->offset, follow->odd),
			 errdetail("It goes on when that is as it was written. casus.access_log shows what follows in later files."),
			 errhint("See casus.verify_log().")));
}

/*
 * How many entries of a copy are not there between two numbers: those that
 * have gone after their term are not missing.
 */
static uint64
count_missing(const CasusLogFollow *follow, uint64 before, uint64 seq)
{
	uint8		bytes[CASUS_CHECKPOINT_SIZE + 1];
	int			length = casus_logdir_get_checkpoint(follow->head.node, bytes);
	CasusLogCheckpoint checkpoint;

	if (length > 0 && casus_logsegment_get_checkpoint(follow->keys, bytes, length, &checkpoint))
		before = Max(before, checkpoint.seq);
	return seq > before + 1 ? seq - before - 1 : 0;
}

/* Has the own log another entry of that number, as after an older copy went on? */
static bool
is_another(CasusQuery *query, const Chunk *chunk, uint64 seq, Jsonb *entry)
{
	if (!chunk->is_own || seq > chunk->known)
		return false;
	casus_query_arg(query, UUIDOID, UUIDPGetDatum(&chunk->node), false);
	casus_query_int64(query, (int64) seq);
	casus_query_jsonb(query, entry);
	casus_query_run(query,
					"SELECT FROM casus_cat.access_record WHERE node = $1 AND seq = $2 "
					"AND at <> ($3 ->> 'ts')::timestamptz "
					"AND line ->> 'code' IS DISTINCT FROM 'log_unreadable'");
	return query->nrows > 0;
}

/* The loader has come behind that record. */
static void
pass(Chunk *chunk, const CasusLogFollow *follow, const CasusLogRecord *record)
{
	if (!chunk->is_own && chunk->seq != 0 && record->seq > chunk->seq + 1)
		chunk->missing += count_missing(follow, chunk->seq, record->seq);
	chunk->segment = follow->segment;
	chunk->offset = follow->offset;
	chunk->seq = record->seq;
	memcpy(chunk->mac, record->mac, CASUS_LOG_MAC);
}

/* The records of this database behind the place, as many as one transaction takes. */
static void
collect(CasusQuery *query, Chunk *chunk)
{
	CasusLogFollow follow;
	CasusLogRecord record;
	StringInfoData line;
	CasusLogNames names;

	chunk->more = false;
	if (chunk->is_own ? !casus_logfollow_begin(&follow, chunk->segment, chunk->offset,
												chunk->seq) :
		!casus_logfollow_begin_copy(&follow, chunk->node.data, chunk->segment, chunk->offset,
									chunk->seq))
		return;
	if (chunk->is_own)
		(void) casus_logfollow_verify(&follow, true);
	chunk->seqs = palloc(sizeof(Datum) * CHUNK_RECORDS);
	chunk->entries = palloc(sizeof(Datum) * CHUNK_RECORDS);
	initStringInfo(&line);
	names = casus_logrecord_names(MyDatabaseId, casus_logrecord_database());
	while (!chunk->more && casus_logfollow_next(&follow, &record))
	{
		Jsonb	   *entry = NULL;
		bool		about_log;

		CHECK_FOR_INTERRUPTS();
		if (casus_logfollow_line(&line, &record))
		{
			if (!casus_logfollow_of_database(line.data, &names, &about_log))
			{
				pass(chunk, &follow, &record);
				continue;
			}
			entry = casus_logform_read(&line, record.seq);
		}
		if (entry == NULL)
			entry = casus_logform_stand_in(record.seq, false);
		if (is_another(query, chunk, record.seq, entry))
		{
			follow.odd = "the tables have another entry of that number";
			/* Before it, also once numbers are beyond those in the tables: doctor. */
			chunk->segment = follow.segment;
			chunk->offset = 0;
			chunk->seq = record.seq - 1;
			break;
		}
		pass(chunk, &follow, &record);
		note_month(chunk, casus_logform_month(entry));
		chunk->seqs[chunk->nrecords] = Int64GetDatum((int64) record.seq);
		chunk->entries[chunk->nrecords] = JsonbPGetDatum(entry);
		chunk->bytes += record.length;
		chunk->nrecords++;
		chunk->more = chunk->nrecords == CHUNK_RECORDS || chunk->bytes >= CHUNK_BYTES;
	}
	if (follow.stays && follow.odd)
		say_stopped(&follow);
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

	/* What is older than the clock of any machine belongs to no month. */
	if (year < 1970 || OidIsValid(get_relname_relid(name, schema)))
		return;
	/* Attached: to create it as a partition would wait for whoever has read the log. */
	casus_query_run(query,
					psprintf("CREATE TABLE casus_cat.%s (LIKE casus_cat.access_record)", name));
	casus_query_run(query,
					psprintf("ALTER TABLE casus_cat.access_record ATTACH PARTITION casus_cat.%s "
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
	casus_query_arg(query, JSONBARRAYOID,
					PointerGetDatum(construct_array(chunk->entries, chunk->nrecords, JSONBOID,
													-1, false, TYPALIGN_INT)),
					false);
	casus_query_run(query,
					"INSERT INTO casus_cat.access_record (node, seq, at, person, line) "
					"SELECT $1, r.seq, (r.line ->> 'ts')::timestamptz, r.line ->> 'person', r.line "
					"FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS r(seq, line) "
					"ON CONFLICT DO NOTHING");
}

/*
 * Is it for what a record holds that it cannot be put in?  Who has the key
 * writes any, such as names that are too long for an index.
 */
static bool
is_of_record(int sqlstate)
{
	return casus_input_is_at_fault(sqlstate) ||
		ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

/* In the place of such a record. */
static void
insert_stand_in(CasusQuery *query, Chunk *chunk)
{
	Jsonb	   *entry = casus_logform_stand_in((uint64) DatumGetInt64(chunk->seqs[0]), false);

	chunk->entries[0] = JsonbPGetDatum(entry);
	chunk->months = list_make1(casus_logform_month(entry));
	insert_records(query, chunk);
}

static void
insert_or_tell(CasusQuery *query, Chunk *chunk)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool fits = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		insert_records(query, chunk);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(cxt);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		if (!is_of_record(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(cxt);
		CurrentResourceOwner = owner;
		query->nargs = 0;
		fits = false;
	}
	PG_END_TRY();
	if (!fits)
		insert_stand_in(query, chunk);
}

/* Each record by itself, so that one that no table takes does not hold up the others. */
static void
insert_each(CasusQuery *query, const Chunk *chunk)
{
	for (int i = 0; i < chunk->nrecords; i++)
	{
		Chunk		one = *chunk;

		one.nrecords = 1;
		one.seqs = &chunk->seqs[i];
		one.entries = &chunk->entries[i];
		one.months = list_make1(casus_logform_month(DatumGetJsonbP(one.entries[0])));
		insert_or_tell(query, &one);
	}
}

/* How far it is in this database; of a copy, by what its node can tell that it is its log. */
static void
keep_place(CasusQuery *query, const Chunk *chunk)
{
	bytea	   *mac = palloc(VARHDRSZ + CASUS_LOG_MAC);

	SET_VARSIZE(mac, VARHDRSZ + CASUS_LOG_MAC);
	memcpy(VARDATA(mac), chunk->mac, CASUS_LOG_MAC);
	casus_query_arg(query, UUIDOID, UUIDPGetDatum(&chunk->node), false);
	casus_query_int64(query, (int64) chunk->segment);
	casus_query_int64(query, (int64) chunk->offset);
	casus_query_int64(query, (int64) chunk->seq);
	casus_query_int64(query, (int64) chunk->missing);
	casus_query_arg(query, BYTEAOID, PointerGetDatum(mac), chunk->is_own);
	casus_query_run(query,
					"UPDATE casus_cat.log_loaded SET segment = $2, place = $3, seq = $4, "
					"missing = missing + $5, mac = $6, loaded_at = pg_catalog.now() WHERE node = $1");
}

/* One transaction; false: there is no more, or no casus here. */
static bool
load_chunk(const uint8 *node, bool is_own, bool each)
{
	Chunk		chunk = {0};
	CasusQuery	query;
	uint64		segment;
	uint64		offset;

	if (!casus_installed())
		return false;
	memcpy(chunk.node.data, node, UUID_LEN);
	chunk.is_own = is_own;
	casus_query_begin(&query);
	casus_query_arg(&query, UUIDOID, UUIDPGetDatum(&chunk.node), false);
	casus_query_run(&query,
					"INSERT INTO casus_cat.log_loaded VALUES ($1, 0, 0, 0, 0, pg_catalog.now()) ON CONFLICT DO NOTHING");
	casus_query_arg(&query, UUIDOID, UUIDPGetDatum(&chunk.node), false);
	casus_query_run(&query, "SELECT segment, place, seq FROM casus_cat.log_loaded WHERE node = $1 FOR UPDATE");
	chunk.segment = segment = (uint64) casus_query_get_int(&query, 0, 1);
	chunk.offset = offset = (uint64) casus_query_get_int(&query, 0, 2);
	chunk.seq = (uint64) casus_query_get_int(&query, 0, 3);
	casus_query_arg(&query, UUIDOID, UUIDPGetDatum(&chunk.node), false);
	casus_query_run(&query, "SELECT coalesce(max(seq), 0) FROM casus_cat.access_record WHERE node = $1");
	chunk.known = (uint64) casus_query_get_int(&query, 0, 1);
	collect(&query, &chunk);
	if (each)
		insert_each(&query, &chunk);
	else if (chunk.nrecords > 0)
		insert_records(&query, &chunk);
	if (chunk.segment != segment || chunk.offset != offset)
		keep_place(&query, &chunk);
	casus_query_end(&query);
	return chunk.more;
}

/*
 * DROP EXTENSION locks the extension, and then its tables in an order of its
 * own: it waits for this transaction, or this one until nothing is there.
 */
static void
begin(void)
{
	Oid			extension;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	extension = get_extension_oid("casus", true);
	if (OidIsValid(extension))
		LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	(void) pgstat_report_stat(true);
}

/*
 * All that is missing here of the log of a node; each: of the first transaction
 * record by record, which is said no more once that is committed.  Returns the
 * code of the error that stopped it, or 0.
 */
static int
try_node(const uint8 *node, bool is_own, volatile bool *each)
{
	MemoryContext context = CurrentMemoryContext;
	volatile int sqlstate = 0;

	PG_TRY();
	{
		bool		more = true;

		while (more)
		{
			begin();
			more = load_chunk(node, is_own, *each);
			end();
			*each = false;
		}
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		sqlstate = geterrcode();
		EmitErrorReport();
		AbortOutOfAnyTransaction();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	return sqlstate;
}

/* As far as it can be put in. */
static void
load_node(const uint8 *node, bool is_own)
{
	volatile bool each = false;
	int			sqlstate;

	while ((sqlstate = try_node(node, is_own, &each)) != 0)
	{
		if (each || !is_of_record(sqlstate))
		{
			left_some = true;
			return;
		}
		each = true;
	}
}

/* What somebody has set, for that database or for all, does not stop who loads. */
void
casus_logload_override(void)
{
	static const char *const settings[][2] = {
		{"default_transaction_read_only", "off"},
		{"default_transaction_isolation", "read committed"},
		{"session_replication_role", "origin"},
		/* A database in which somebody holds a lock keeps the others waiting no longer. */
		{"lock_timeout", "10s"},
		{"transaction_timeout", "0"},	/* not in every version */
		/* Of the partitions that it makes; to put them elsewhere takes a right there. */
		{"default_tablespace", ""},
		{"default_table_access_method", "heap"},
		/* What a crash loses of it is put in again. */
		{"synchronous_commit", "off"}
	};

	for (int i = 0; i < lengthof(settings); i++)
		if (GetConfigOption(settings[i][0], true, false) != NULL)
			SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

/* Is it a template?  Its term counts, and nobody is kept waiting to copy it. */
static bool
is_template(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return true;
	result = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
	ReleaseSysCache(tuple);
	return result;
}

/* The worker in a database. */
void
casus_logload_database(Datum arg)
{
	CasusLogHead head;
	List	   *nodes;
	ListCell   *lc;
	bool		template;
	bool		has_casus;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	/* A transaction that renames the database keeps out who comes into it. */
	casus_logload_override();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	pgstat_report_activity(STATE_RUNNING, "casus loads the access log");

	begin();
	casus_logterm_report();
	template = is_template();
	has_casus = casus_installed();
	if (has_casus && !template)
		casus_logterm_publish();
	end();
	if (has_casus && !template && casus_logring_head(&head))
	{
		load_node(head.node, true);
		nodes = casus_logdir_others(head.node);
		foreach(lc, nodes)
			load_node(lfirst(lc), false);
	}
	if (has_casus)
	{
		begin();
		casus_logprune();
		end();
	}
	if (!left_some)
		(void) pg_atomic_fetch_add_u64(&loads->done, 1);
	proc_exit(0);
}

/* Counts workers that came to the end. */
uint64
casus_logload_done(void)
{
	return pg_atomic_read_u64(&loads->done);
}

static void
load_startup(void)
{
	bool		found;

	loads = ShmemInitStruct("casus log loads", sizeof(Loads), &found);
	if (found)
		return;
	pg_atomic_init_u64(&loads->done, 0);
	pg_atomic_init_u64(&loads->stopped, 0);
}

void
casus_logload_init(void)
{
	if (!casus_preloaded)
		return;
	casus_shmem_request(sizeof(Loads));
	casus_shmem_add(load_startup);
}
