/*
 * logstanding.c
 *		How it stands with each server whose access log is collected, and with
 *		the logs that are on this server.
 *
 * The collector (logcollect.c) tells it, in shared memory: under the spinlock
 * of each server's slot, which nobody holds for longer than to copy it.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logstanding.h"

#include "accesslog.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define LATE_MS		60000		/* beyond three intervals */

typedef struct Slot
{
	slock_t		lock;
	CasusLogStanding standing;
} Slot;

static Slot *slots = NULL;		/* CASUS_LOG_SOURCES */

/* Of the server with that place in the setting; NULL: there is none. */
void
casus_logstanding_tell(int place, const CasusLogStanding *standing)
{
	SpinLockAcquire(&slots[place].lock);
	if (standing)
		slots[place].standing = *standing;
	else
		slots[place].standing.label[0] = '\0';
	SpinLockRelease(&slots[place].lock);
}

static void
standing_startup(void)
{
	bool		found;
	Size		size = sizeof(Slot) * CASUS_LOG_SOURCES;

	slots = ShmemInitStruct("casus log standings", size, &found);
	if (found)
		return;
	memset(slots, 0, size);
	for (int i = 0; i < CASUS_LOG_SOURCES; i++)
		SpinLockInit(&slots[i].lock);
}

void
casus_logstanding_init(void)
{
	if (!casus_preloaded)
		return;
	casus_shmem_request(sizeof(Slot) * CASUS_LOG_SOURCES);
	casus_shmem_add(standing_startup);
}

/* ---- how it stands ---- */

static const char *
state_of(const CasusLogStanding *standing, bool is_own)
{
	TimestampTz late = TimestampTzPlusMilliseconds(standing->collected_at,
												   casus_log_load_interval * 3000L + LATE_MS);

	if (standing->refused)
		return "refused";
	if (is_own)
		return "own";
	if (standing->label[0] == '\0')
		return "kept";
	if (standing->finding[0] != '\0')
		return "failing";
	if (standing->collected_at == 0)
		return "waiting";
	return late < GetCurrentTimestamp() ? "late" : "collected";
}

/* In the encoding of this database. */
static Datum
text_of(const char *utf8)
{
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfoString(&line, utf8);
	return CStringGetTextDatum(casus_logfollow_text(&line));
}

static void
put_chain(ReturnSetInfo *result, const uint8 *node, const CasusLogStanding *standing, bool is_own)
{
	pg_uuid_t	uuid;
	uint64		first = 0;
	uint64		last = 0;
	uint64		missing = 0;
	Datum		values[11];
	bool		nulls[11] = {false};

	if (node)
	{
		memcpy(uuid.data, node, UUID_LEN);
		casus_logdir_count(node, &first, &last, &missing);
	}
	values[0] = UUIDPGetDatum(&uuid);
	nulls[0] = node == NULL;
	values[1] = text_of(standing->label);
	nulls[1] = standing->label[0] == '\0';
	values[2] = text_of(standing->standby);
	nulls[2] = standing->standby[0] == '\0';
	values[3] = CStringGetTextDatum(state_of(standing, is_own));
	values[4] = Int64GetDatum((int64) first);
	values[5] = Int64GetDatum((int64) last);
	nulls[4] = nulls[5] = first == 0;
	values[6] = Int64GetDatum((int64) missing);
	values[7] = Int64GetDatum((int64) standing->seq);
	nulls[7] = standing->seq == 0;
	values[8] = TimestampTzGetDatum(standing->time -
									(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY);
	nulls[8] = standing->time == 0;
	values[9] = TimestampTzGetDatum(standing->collected_at);
	nulls[9] = standing->collected_at == 0 || is_own;
	values[10] = text_of(standing->finding);
	nulls[10] = standing->finding[0] == '\0';
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Of a log that nobody adds to: why it can be neither verified nor put into tables. */
static void
find_key(CasusLogStanding *standing, const uint8 *node)
{
	CasusLogKeys *keys = palloc(sizeof(CasusLogKeys));
	const char *why;

	if (!casus_logkey_of_node(keys, node, &why))
		strlcpy(standing->finding, why, sizeof(standing->finding));
	explicit_bzero(keys, sizeof(*keys));
	pfree(keys);
}

/*
 * casus_int.log_chains(OUT node, source, standby, state, first_segment,
 * last_segment, missing, last_seq, last_at, collected_at, finding): the own log,
 * each server of casus.log_collect, and copies that nobody adds to.
 */
PG_FUNCTION_INFO_V1(casus_sql_log_chains);
Datum
casus_sql_log_chains(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	CasusLogStanding standings[CASUS_LOG_SOURCES];
	CasusLogHead own;
	List	   *nodes;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	/* Also asked by casus.doctor() of a server that has not loaded casus. */
	if (!casus_preloaded || !casus_logring_head(&own))
		return (Datum) 0;
	for (int i = 0; i < CASUS_LOG_SOURCES; i++)
	{
		CasusLogStanding *standing = &standings[i];

		SpinLockAcquire(&slots[i].lock);
		*standing = slots[i].standing;
		SpinLockRelease(&slots[i].lock);
		if (standing->label[0] != '\0' && (!standing->is_own || standing->refused))
			put_chain(result, standing->known ? standing->node : NULL, standing, false);
	}
	nodes = lcons(own.node, casus_logdir_others(own.node));
	foreach(lc, nodes)
	{
		const uint8 *node = lfirst(lc);
		bool		is_own = node == own.node;
		bool		told = false;
		CasusLogStanding none = {0};

		for (int i = 0; i < CASUS_LOG_SOURCES; i++)
			told |= standings[i].label[0] != '\0' && standings[i].known && !is_own &&
				memcmp(standings[i].node, node, CASUS_LOG_NODE) == 0;
		none.seq = is_own ? own.end.seq : 0;
		none.time = is_own ? own.end.time : 0;
		if (!told && !is_own)
			find_key(&none, node);
		if (!told)
			put_chain(result, node, &none, is_own);
	}
	return (Datum) 0;
}
