/*
 * logbehind.c
 *		What is in a node's log and not in the tables of this database yet: for
 *		casus.doctor().
 *
 * Looks behind the place up to which the loader has come, as the loader does:
 * it stays where the loader would.  Of a log that is far ahead only the begin
 * is looked through.
 *
 * Keeps nothing, takes no lock.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include <sys/stat.h>

#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define LATE_MS		60000		/* beyond three intervals */
#define LOOK_MAX	100000		/* entries */

typedef struct Behind
{
	int64		entries;		/* about this database */
	uint64		seq;			/* of the first of them */
	TimestampTz since;			/* that was there then */
} Behind;

/* Since when an entry is there, at the latest; of a copy, since its file was last written. */
static TimestampTz
there_since(const CasusLogFollow *follow, const CasusLogRecord *record)
{
	TimestampTz since = record->time -
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	struct stat st;

	if (follow->keys && fstat(follow->fd, &st) == 0)
		since = Max(since, time_t_to_timestamptz(st.st_mtime));
	return since;
}

static void
look_behind(CasusLogFollow *follow, Behind *behind)
{
	CasusLogRecord record;
	StringInfoData line;
	CasusLogNames names;

	initStringInfo(&line);
	names = casus_logrecord_names(MyDatabaseId, casus_logrecord_database());
	for (int i = 0; i < LOOK_MAX && casus_logfollow_next(follow, &record); i++)
	{
		bool		about_log;

		CHECK_FOR_INTERRUPTS();
		/* What is about no database lets no loader come. */
		if (!casus_logfollow_line(&line, &record) ||
			!casus_logfollow_of_database(line.data, &names, &about_log) || about_log)
			continue;
		if (behind->entries++ > 0)
			continue;
		behind->seq = record.seq;
		behind->since = there_since(follow, &record);
	}
}

/*
 * casus_int.log_behind(node, segment, place, seq, loaded_at, OUT entries, OUT
 * first_seq, OUT since, OUT stands): where the loader is late, and before what
 * it stays; else NULLs, as on a standby, which has none.
 */
PG_FUNCTION_INFO_V1(casus_sql_log_behind);
Datum
casus_sql_log_behind(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *node = PG_GETARG_UUID_P(0);
	uint64		segment = (uint64) PG_GETARG_INT64(1);
	uint64		place = (uint64) PG_GETARG_INT64(2);
	uint64		seq = (uint64) PG_GETARG_INT64(3);
	TimestampTz late = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												   -(casus_log_load_interval * 3000L + LATE_MS));
	CasusLogHead own;
	CasusLogFollow follow;
	Behind		behind = {0};
	const char *stands = NULL;
	bool		is_own;
	TupleDesc	desc;
	Datum		values[4] = {0};
	bool		nulls[4] = {true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	if (RecoveryInProgress() || !casus_preloaded || !casus_logring_head(&own))
		PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
	is_own = memcmp(own.node, node->data, CASUS_LOG_NODE) == 0;
	if (is_own ? casus_logfollow_begin(&follow, segment, place, seq) :
		casus_logfollow_begin_copy(&follow, node->data, segment, place, seq))
	{
		if (is_own)
			(void) casus_logfollow_verify(&follow, true);
		look_behind(&follow, &behind);
		if (is_own && follow.odd)
			stands = psprintf("segment " UINT64_FORMAT ", position " UINT64_FORMAT ": %s",
							  follow.segment, follow.offset, follow.odd);
		else if (!is_own && follow.chain.finding.what[0] != '\0')
		{
			/* Who loads says it in the server log. */
			stands = psprintf("segment " UINT64_FORMAT ", position " UINT64_FORMAT ": %s",
							  follow.chain.finding.segment, follow.chain.finding.offset,
							  follow.chain.finding.what);
			follow.chain.finding.what[0] = '\0';
		}
		casus_logfollow_end(&follow);
	}
	/* Since the server started, and since it last got on. */
	if (behind.entries > 0 && behind.since < late && PgStartTime < late &&
		PG_GETARG_TIMESTAMPTZ(4) < late)
	{
		values[0] = Int64GetDatum(behind.entries);
		values[1] = Int64GetDatum((int64) behind.seq);
		values[2] = TimestampTzGetDatum(behind.since);
		nulls[0] = nulls[1] = nulls[2] = false;
	}
	if (stands)
	{
		values[3] = CStringGetTextDatum(stands);
		nulls[3] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
