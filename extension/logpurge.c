/*
 * logpurge.c
 *		casus.purge_log: the access log loses what is beyond its term, and the
 *		rest stays verifiable.
 *
 * Whole segments go, from the first on, when their newest record is older than
 * casus.log_retention, and than every file of the node wants (logterm.c); the
 * one in use never.  What goes is verified before, since nobody can afterwards.
 *
 *	1. An entry of the log names the checkpoint, and is on disk.
 *	2. The file "checkpoint", made with the key, takes the place of the old one.
 *	3. The segments are removed.
 *
 * A crash before 2 leaves an entry and the whole log; one after 2 leaves
 * segments of which the checkpoint says that they are gone: nobody reads them,
 * and the writer removes them when it starts.  The partitions of the tables
 * that hold the same records are dropped by the loader (logprune.c).
 *
 * On a standby, what the primary has collected goes, and no more: how far that
 * is says the replicated place up to which its loader, which verifies what it
 * loads, has come in this log (casus_cat.log_loaded), with the mac of the entry
 * there, so that it is this log and none that was set back or made anew.  The
 * copy there stays for the terms of that server (logcut.c).
 *
 * A lock on the file "purge.lock" lets one do this at a time.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define UNIX_OFFSET		((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

typedef struct Purge
{
	CasusLogKeys *keys;
	CasusLogHead head;
	CasusLogChain chain;
	TimestampTz now;
	TimestampTz before;			/* what the caller asks for */
	int			months;			/* what the files ask for */
	CasusLogCheckpoint cut;		/* segment 0: nothing goes */
	uint64		first;			/* segment */
	uint64		behind;			/* the first that stays in any case */
	uint64		had_gone;		/* records, before */
	TimestampTz newest;			/* of the records of the segments so far */
	char	   *damage;			/* the first that was found; NULL: none */
} Purge;

/* ---- what may go ---- */

/* Is every term over for what was written then, as the caller asks? */
static bool
is_over(const Purge *purge, TimestampTz written)
{
	return written < purge->before &&
		purge->now - written >= (int64) casus_log_retention * USECS_PER_MINUTE &&
		casus_logterm_is_over(purge->months, written, purge->now);
}

static void
note_time(const CasusLogRecord *record, void *argument)
{
	Purge	   *purge = argument;

	purge->newest = Max(purge->newest, record->time - UNIX_OFFSET);
}

static void
note_damage(Purge *purge)
{
	const CasusLogFinding *finding = &purge->chain.finding;
	char		file[CASUS_SEGMENT_NAME];

	casus_logsegment_name(file, finding->segment);
	if (purge->damage == NULL)
		purge->damage = psprintf("%s, position " UINT64_FORMAT ": %s",
								 file, finding->offset, finding->what);
	purge->chain.finding.what[0] = '\0';
}

static int
open_segment(const Purge *purge, uint64 segment)
{
	char		path[MAXPGPATH];

	casus_logdir_file(path, purge->head.node, segment);
	return OpenTransientFile(path, O_RDONLY | PG_BINARY);
}

static bool
read_header(const Purge *purge, uint64 segment, CasusLogHeader *header)
{
	return casus_logdir_header(purge->keys, segment, header);
}

/* Verifies a segment, and that the next one follows it; what is wrong is noted. */
static bool
check_segment(Purge *purge, uint64 segment, const CasusLogHeader *next)
{
	CasusLogChain *chain = &purge->chain;
	int			fd = open_segment(purge, segment);
	bool		ok;

	if (fd < 0)
		ok = casus_logchain_missing(chain, segment);
	else
	{
		ok = casus_logchain_segment(chain, fd, segment, UINT64_MAX);
		CloseTransientFile(fd);
	}
	if (ok && (next->first_seq != chain->point.seq + 1 ||
			   memcmp(next->before, chain->point.mac, CASUS_LOG_MAC) != 0))
		ok = casus_logchain_cut(chain, next->first_seq - 1);
	if (ok)
		return true;
	note_damage(purge);
	/* What follows is looked at for itself. */
	casus_logchain_restart(chain, segment + 1);
	return false;
}

/* Goes on to the last segment that may go. */
static void
find_cut(Purge *purge)
{
	CasusLogHeader header;

	/* A segment may have no records. */
	purge->newest = 0;
	if (read_header(purge, purge->first, &header))
		purge->newest = header.time - UNIX_OFFSET;
	for (uint64 segment = purge->first; segment < purge->behind; segment++)
	{
		CasusLogHeader next;
		bool		follows = read_header(purge, segment + 1, &next);

		CHECK_FOR_INTERRUPTS();
		if (!follows)
			memset(&next, 0, sizeof(next));
		/* Where it cannot be read, the next one was made when it was there. */
		if (!check_segment(purge, segment, &next) && follows)
			purge->newest = Max(purge->newest, next.time - UNIX_OFFSET);
		if (!is_over(purge, purge->newest))
			return;
		if (!follows)
			continue;
		purge->cut.segment = segment;
		purge->cut.seq = next.first_seq - 1;
		purge->cut.newest = purge->newest + UNIX_OFFSET;
		purge->cut.last_key = purge->chain.point.key;	/* 0: not known */
		memcpy(purge->cut.last, next.before, CASUS_LOG_MAC);
	}
}

/* ---- what others have of it ---- */

/* Is the entry that ends there the one with that mac?  False: it is not, or has gone. */
static bool
is_my_entry(const Purge *purge, uint64 segment, uint64 place, const uint8 *mac)
{
	uint8		mine[CASUS_LOG_MAC];
	int			fd = open_segment(purge, segment);
	bool		ok;

	if (fd < 0)
		return false;
	ok = place >= CASUS_LOG_MAC &&
		pread(fd, mine, sizeof(mine), (off_t) (place - CASUS_LOG_MAC)) == sizeof(mine) &&
		memcmp(mine, mac, sizeof(mine)) == 0;
	CloseTransientFile(fd);
	return ok;
}

/* On a standby: the segment in which what the primary has collected and verified ends. */
static void
find_collected(Purge *purge)
{
	CasusQuery	query;
	pg_uuid_t	node;
	uint64		segment = 0;
	uint64		place = 0;
	uint8		mac[CASUS_LOG_MAC];
	bool		isnull = true;

	memcpy(node.data, purge->head.node, UUID_LEN);
	casus_query_begin(&query);
	casus_query_arg(&query, UUIDOID, UUIDPGetDatum(&node), false);
	casus_query_read(&query, "SELECT segment, place, mac FROM casus_cat.log_loaded WHERE node = $1");
	if (query.nrows > 0)
	{
		Datum		value = casus_query_get(&query, 0, 3, &isnull);

		segment = (uint64) casus_query_get_int(&query, 0, 1);
		place = (uint64) casus_query_get_int(&query, 0, 2);
		isnull = isnull || VARSIZE_ANY_EXHDR(DatumGetByteaPP(value)) != sizeof(mac);
		if (!isnull)
			memcpy(mac, VARDATA_ANY(DatumGetByteaPP(value)), sizeof(mac));
	}
	casus_query_end(&query);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the primary has not collected the access log of this standby"),
				 errhint("See casus.log_collect and casus.log_chain on the primary; what it has put into tables of this database is known here when that is replayed.")));
	if (!is_my_entry(purge, segment, place, mac))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("what the primary has collected is not the access log of this standby as it is now"),
				 errdetail("The entry up to which it was collected is not there."),
				 errhint("See casus.verify_log() here, and casus.doctor() on the primary.")));
	purge->behind = Min(purge->behind, segment);
}

/* ---- what has gone before ---- */

static void
begin_behind_checkpoint(Purge *purge)
{
	uint8		bytes[CASUS_CHECKPOINT_SIZE + 1];
	int			length = casus_logdir_get_checkpoint(purge->head.node, bytes);
	uint64		last;

	if (length < 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the checkpoint of the access log: %m")));
	if (length > 0 && !casus_logchain_checkpoint(&purge->chain, bytes, length))
		note_damage(purge);
	purge->had_gone = purge->chain.purged.seq;
	purge->first = purge->chain.purged.segment + 1;
	/* What a session could not remove last time. */
	if (purge->first > 1 && !casus_logdir_remove(purge->head.node, purge->first - 1))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not remove segments of the access log: %m")));
	if (purge->damage && casus_logdir_range(purge->head.node, 0, UINT64_MAX, &purge->first, &last))
		casus_logchain_restart(&purge->chain, purge->first);
}

/* ---- the act ---- */

/* The file, which the caller closes. */
static int
lock_purge(const Purge *purge)
{
	char		directory[MAXPGPATH];
	char		path[MAXPGPATH + 16];
	int			fd;

	casus_logdir_path(directory, purge->head.node);
	snprintf(path, sizeof(path), "%s/purge.lock", directory);
	fd = OpenTransientFilePerm(path, O_RDWR | O_CREAT | PG_BINARY, 0600);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not open \"%s\": %m", path)));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the access log is being purged by another session")));
	return fd;
}

static int64
segments_cut(const Purge *purge)
{
	return purge->cut.segment ? (int64) (purge->cut.segment - purge->first + 1) : 0;
}

/* Step 1: durable, before anything else happens. */
static void
put_on_record(Purge *purge, const char *reason)
{
	char		checkpoint[CASUS_CHECKPOINT_LENGTH];
	StringInfoData text;

	casus_logsegment_print_checkpoint(checkpoint, &purge->cut);
	initStringInfo(&text);
	appendStringInfo(&text,
					 "checkpoint %s; entries " UINT64_FORMAT " to " UINT64_FORMAT " go, of " INT64_FORMAT " segments",
					 checkpoint, purge->had_gone + 1, purge->cut.seq, segments_cut(purge));
	if (purge->damage)
		appendStringInfo(&text, "; they do not verify: %s", purge->damage);
	if (reason)
		appendStringInfo(&text, "; reason: %s", reason);
	casus_accesslog_event("maintenance", InvalidOid, 0, "purge_log", text.data);
	casus_logverify_head(&purge->head);
}

/* Steps 2 and 3. */
static void
carry_out(Purge *purge)
{
	uint8		bytes[CASUS_CHECKPOINT_SIZE];
	const CasusLogKey *key = &purge->keys->key[purge->keys->nkeys - 1];

	memcpy(purge->cut.node, purge->head.node, CASUS_LOG_NODE);
	purge->cut.time = purge->now + UNIX_OFFSET;
	if (!casus_logsegment_put_checkpoint(key, &purge->cut, bytes))
		elog(ERROR, "the HMAC of the access log failed");
	HOLD_INTERRUPTS();
	if (!casus_logdir_put_checkpoint(purge->head.node, bytes))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not write the checkpoint of the access log: %m")));
	if (!casus_logdir_remove(purge->head.node, purge->cut.segment))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not remove segments of the access log: %m"),
				 errdetail("They have gone by their checkpoint; they are removed by the next call or start.")));
	RESUME_INTERRUPTS();
}

static void
require_terms(Purge *purge)
{
	if (casus_log_retention == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the access log of this node is kept for ever"),
				 errhint("casus.log_retention says how long it is kept at least; it is set at the start of the server.")));
	purge->months = casus_logterm_longest();
}

static Datum
make_result(FunctionCallInfo fcinfo, const Purge *purge)
{
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(segments_cut(purge));
	values[1] = Int64GetDatum(purge->cut.segment ? (int64) (purge->cut.seq - purge->had_gone) : 0);
	values[2] = Int64GetDatum((int64) Max(purge->cut.seq, purge->had_gone));
	values[3] = TimestampTzGetDatum(purge->cut.newest - UNIX_OFFSET);
	nulls[3] = purge->cut.segment == 0;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* casus.purge_log(before, reason, OUT segments, OUT records, OUT last_seq, OUT newest) */
PG_FUNCTION_INFO_V1(casus_sql_purge_log);
Datum
casus_sql_purge_log(PG_FUNCTION_ARGS)
{
	const char *reason = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	Purge		purge = {0};
	int			lock;

	casus_require_preloaded();
	require_terms(&purge);
	purge.now = GetCurrentTimestamp();
	purge.before = PG_ARGISNULL(0) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(0);
	casus_logverify_head(&purge.head);
	purge.keys = palloc(sizeof(CasusLogKeys));
	(void) casus_logverify_keys(purge.keys, &purge.head, NULL);
	lock = lock_purge(&purge);
	casus_logchain_begin(&purge.chain, purge.keys);
	purge.chain.each = note_time;
	purge.chain.argument = &purge;
	begin_behind_checkpoint(&purge);
	purge.behind = purge.head.end.segment;
	if (RecoveryInProgress())
		find_collected(&purge);
	find_cut(&purge);
	if (purge.cut.segment != 0 && purge.damage && (reason == NULL || reason[0] == '\0'))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("what would go of the access log is not what its writer wrote"),
				 errdetail_internal("%s", purge.damage),
				 errhint("Keep a copy and look into it first; then casus.purge_log(reason => '...') puts the reason and the place on record.")));
	if (purge.cut.segment != 0)
	{
		put_on_record(&purge, reason);
		carry_out(&purge);
	}
	CloseTransientFile(lock);
	explicit_bzero(purge.keys, sizeof(*purge.keys));
	return make_result(fcinfo, &purge);
}

/*
 * casus_int.log_first_ended() returns timestamptz: the second of the segments that are
 * there was begun then.
 */
PG_FUNCTION_INFO_V1(casus_sql_log_first_ended);

Datum
casus_sql_log_first_ended(PG_FUNCTION_ARGS)
{
	CasusLogKeys *keys = palloc(sizeof(CasusLogKeys));
	CasusLogHeader next;
	const char *why;
	uint64		first;
	uint64		last;
	bool		ok = casus_preloaded && casus_logkey_read(keys, &why) &&
		casus_logdir_range(keys->node, 0, UINT64_MAX, &first, &last) && first < last &&
		casus_logdir_header(keys, first + 1, &next);

	explicit_bzero(keys, sizeof(*keys));
	pfree(keys);
	if (!ok)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(next.time - UNIX_OFFSET);
}
