/*
 * logcollect.c
 *		The process that collects the access logs of other servers, as a rule
 *		hot standbys.
 *
 * The loader (logload.c) starts it on a primary while casus.log_collect names
 * servers.  It asks each of them in turn for what came behind its copy
 * (logpull.c), verifies and keeps that (logcopy.c), lets go what that node has
 * purged (logcut.c), and asks again after casus.log_load_interval.  A server
 * that does not answer keeps the others waiting for no longer than logpull.c
 * has patience, and one that has much for no longer than a turn: it goes on at
 * its next one.  The loader puts what was collected into tables.
 *
 * How it stands with each server it tells (logstanding.c); all else is private
 * to the process.  It runs once: it says its pid in shared memory, and who
 * finds a copy locked leaves it.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logcopy.h"
#include "logpull.h"
#include "logstanding.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/shmem.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#define TURN_MS			20000	/* for one server, while others wait */
#define EMPTY_MAX		3		/* segments in a row of which nothing comes */
#define MORE_MS			1000	/* until the next turn, when there is more */
#define RESERVE			4		/* segments of the own log, for which room is left */

typedef struct Shared
{
	pg_atomic_uint32 pid;		/* of the collector; 0: it does not run */
	pg_atomic_uint64 copied;	/* counts what came */
} Shared;

static Shared *shared = NULL;

/* A server, in the collector. */
typedef struct Source
{
	char	   *conninfo;
	CasusLogStanding standing;	/* to be told */
	CasusLogPull *pull;			/* NULL: not connected */
	CasusLogCopy *copy;			/* NULL: not open */
	bool		has_more;		/* than a turn was long */
	bool		is_second;		/* another one that is the same node is collected */
	uint8		offered[CASUS_CHECKPOINT_SIZE + 1]; /* its checkpoint */
	size_t		noffered;		/* bytes; 0: it has none */
	char	   *rejected;		/* why that will never be taken; NULL: it may */
} Source;

static Source sources[CASUS_LOG_SOURCES];
static int	nsources = 0;
static char *read_setting = NULL;	/* from which the sources are */

/* ---- telling ---- */

static void
tell(const Source *source)
{
	casus_logstanding_tell((int) (source - sources), &source->standing);
}

static void
close_copy(Source *source)
{
	if (source->copy)
		casus_logcopy_close(source->copy);
	source->copy = NULL;
}

static void
close_pull(Source *source)
{
	if (source->pull)
		casus_logpull_close(source->pull);
	source->pull = NULL;
}

/*
 * The copy is opened anew then, and what came of it half comes again.  The
 * server log hears of each finding once.
 */
static void pg_attribute_printf(3, 4)
give_up(Source *source, bool refused, const char *format,...)
{
	CasusLogStanding *standing = &source->standing;
	char		text[2 * CASUS_LOG_FINDING];
	char		finding[CASUS_LOG_FINDING];
	va_list		arguments;
	bool		known;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	casus_logpull_clip(finding, text, sizeof(finding));
	known = strcmp(standing->finding, finding) == 0;
	standing->refused = refused;
	strlcpy(standing->finding, finding, sizeof(standing->finding));
	tell(source);
	if (!known && !ShutdownRequestPending)
		ereport(LOG,
				(errmsg("casus does not collect the access log of %s: %s",
						standing->label, standing->finding)));
	close_copy(source);
}

/* How far the copy is. */
static void
tell_progress(Source *source)
{
	CasusLogStanding *standing = &source->standing;

	if (source->copy)
	{
		const CasusLogPoint *point = &source->copy->chain.point;

		if (standing->seq != point->seq)
			(void) pg_atomic_fetch_add_u64(&shared->copied, 1);
		standing->seq = point->seq;
		standing->time = point->time;
	}
	tell(source);
}

static void
tell_collected(Source *source)
{
	CasusLogStanding *standing = &source->standing;

	if (standing->finding[0] != '\0')
		ereport(LOG,
				(errmsg("casus collects the access log of %s again", standing->label)));
	standing->refused = false;
	standing->finding[0] = '\0';
	standing->collected_at = GetCurrentTimestamp();
	tell_progress(source);
}

/* ---- collecting ---- */

/* False: it has been told why. */
static bool
ask(Source *source, uint64 segment, uint64 place, CasusLogPiece *piece)
{
	if (source->pull == NULL)
		source->pull = casus_logpull_connect(source->conninfo);
	if (casus_logpull_error(source->pull)[0] != '\0')
		give_up(source, false, "it cannot be reached: %s", casus_logpull_error(source->pull));
	else if (casus_logpull_piece(source->pull, segment, place, piece))
		return true;
	else
		give_up(source, false, "it gives nothing: %s", casus_logpull_error(source->pull));
	close_pull(source);
	return false;
}

/* The checkpoint that comes with the first question of a turn. */
static void
keep_offer(Source *source, const CasusLogPiece *piece)
{
	size_t		n = Min(piece->length, sizeof(source->offered));

	if (n == source->noffered && memcmp(source->offered, piece->bytes, n) == 0)
		return;
	memcpy(source->offered, piece->bytes, n);
	source->noffered = n;
	if (source->rejected)
		pfree(source->rejected);
	source->rejected = NULL;
}

/* What the node has purged goes here, too.  False: told why not. */
static bool
follow_purge(Source *source)
{
	const char *why = source->rejected;
	bool		is_none;

	if (source->noffered == 0)
		return true;
	if (why == NULL)
	{
		if (casus_logcut_follow(source->copy, source->offered, source->noffered, &is_none, &why))
			return true;
		if (is_none)
			source->rejected = pstrdup(why);
	}
	give_up(source, true, "%s", why);
	return false;
}

/*
 * Another server of the setting that has said to be this node, and is the one
 * that is collected: of two that answer the first, unless the second took its
 * place while it did not.  NULL: there is none.
 */
static const Source *
collected_for_it(const Source *source)
{
	for (const Source *other = sources; other < sources + nsources; other++)
		if (other != source && other->standing.known && !other->standing.is_own &&
			!other->is_second &&
			(other->copy != NULL ||
			 (other < source && (other->standing.finding[0] == '\0' || other->standing.refused))) &&
			memcmp(other->standing.node, source->standing.node, CASUS_LOG_NODE) == 0)
			return other;
	return NULL;
}

static bool
has_key(const uint8 *node, const char **why)
{
	CasusLogKeys *keys = palloc(sizeof(CasusLogKeys));
	bool		found = casus_logkey_of_node(keys, node, why);

	explicit_bzero(keys, sizeof(*keys));
	pfree(keys);
	return found;
}

/* Until its key is there anybody may say that he is that node: it counts as none. */
static bool
learn_node(Source *source, const CasusLogPiece *piece, const CasusLogHead *own)
{
	CasusLogStanding *standing = &source->standing;
	char		name[2 * CASUS_LOG_NODE + 1];
	const char *why;

	if (!standing->known || memcmp(standing->node, piece->node, CASUS_LOG_NODE) != 0)
	{
		close_copy(source);
		standing->known = false;
		standing->seq = 0;
		standing->time = 0;
		standing->collected_at = 0;
	}
	strlcpy(standing->standby, piece->is_standby ? piece->standby : "", sizeof(standing->standby));
	standing->is_own = memcmp(own->node, piece->node, CASUS_LOG_NODE) == 0;
	if (!standing->is_own && source->copy == NULL && !has_key(piece->node, &why))
	{
		standing->known = false;
		casus_logsegment_hex(name, piece->node, CASUS_LOG_NODE);
		give_up(source, false, "%s (it says that it is node %s)", why, name);
		return false;
	}
	standing->known = true;
	memcpy(standing->node, piece->node, CASUS_LOG_NODE);
	return true;
}

/* Whose log is it, and is there a copy to go on with?  False: there is nothing to collect. */
static bool
prepare(Source *source, CasusLogPiece *piece)
{
	CasusLogStanding *standing = &source->standing;
	CasusLogHead own;
	const Source *other;
	const char *why;
	bool		damaged;

	if (!casus_logring_head(&own) || !ask(source, 0, 0, piece))
		return false;
	keep_offer(source, piece);
	source->is_second = false;
	if (!learn_node(source, piece, &own))
		return false;
	if (standing->is_own && piece->is_standby)
		give_up(source, true, "it has the key file of this server, so both logs bear one name: stop it, remove its key file, start it");
	else if (standing->is_own)
		tell_collected(source);
	else if ((other = collected_for_it(source)) != NULL)
	{
		source->is_second = true;
		give_up(source, true, "it is the node that %s is, too: one server is named twice, or two servers have one key file",
				other->standing.label);
	}
	else if (source->copy == NULL &&
			 (source->copy = casus_logcopy_open(piece->node, &damaged, &why)) == NULL)
		give_up(source, damaged, "%s", why);
	else
		return true;
	return false;
}

/* The segment behind one that is complete, or that is not there any more. */
static void
go_on(Source *source, const CasusLogPiece *piece, bool missing)
{
	uint64		before = source->copy->chain.point.segment;

	if (before != 0 && piece->next_segment > before + 1)
		ereport(LOG,
				(errmsg("casus has not collected segments " UINT64_FORMAT " to " UINT64_FORMAT " of the access log of %s: they are gone",
						before + 1, piece->next_segment - 1, source->standing.label)));
	if (missing || piece->next_segment != before + 1)
		casus_logcopy_skip(source->copy);
}

/* What came, into the copy.  first: the mac with which the copy ends.  False: told why. */
static bool
take(Source *source, const CasusLogPiece *piece, size_t first)
{
	const CasusLogPoint *point = &source->copy->chain.point;
	const char *why;

	if (piece->length < first)
		give_up(source, true, "its log ends before what was collected of it: entry " UINT64_FORMAT
				" is not there any more", point->seq);
	else if (memcmp(piece->bytes, point->mac, first) != 0)
		give_up(source, true, "its log is not the one that was collected: it was made anew from entry "
				UINT64_FORMAT " or before", point->seq);
	else if (!casus_logcopy_add(source->copy, piece->segment, piece->bytes + first,
								piece->length - first, &why) ||
			 ((piece->complete || piece->length == first) &&
			  !casus_logcopy_whole(source->copy, &why)))
		give_up(source, !source->copy->unwritten, "%s", why);
	else
		return true;
	return false;
}

/* What others give does not take the room that the own log needs.  False: told. */
static bool
has_room(Source *source)
{
	uint64		reserve = RESERVE * (uint64) casus_log_segment_size * 1024;

	if (casus_logdir_has_room(source->standing.node, reserve))
		return true;
	give_up(source, false, "nothing more of it is kept: on the file system of the copy is no room but the "
			UINT64_FORMAT " kB that are left for the log of this server", reserve / 1024);
	return false;
}

/* All that a server has behind the copy, or as much as comes in a turn. */
static void
collect(Source *source)
{
	TimestampTz until;
	CasusLogPiece piece;
	const CasusLogPoint *point;
	uint64		segment;
	uint64		place;
	size_t		first = 0;
	int			empty = 0;

	source->has_more = false;
	if (!prepare(source, &piece))
		return;
	until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), TURN_MS);
	point = &source->copy->chain.point;
	segment = piece.next_segment;
	place = 0;
	/* By that number the checkpoint is asked for. */
	if (segment == 0)
	{
		give_up(source, true, "its log has no segment");
		return;
	}
	if (point->segment != 0)
	{
		/* The same question tells whether it is the same log. */
		first = CASUS_LOG_MAC;
		segment = point->segment;
		place = point->offset - first;
	}
	for (;;)
	{
		if (!has_room(source) || !ask(source, segment, place, &piece))
			return;
		if (memcmp(piece.node, source->standing.node, CASUS_LOG_NODE) != 0 ||
			piece.segment != segment)
		{
			give_up(source, true, "it answers for another log than it was asked for");
			return;
		}
		if (piece.missing && (segment > piece.last_segment || piece.next_segment == 0))
		{
			give_up(source, true, "segment " UINT64_FORMAT " of its log is missing", segment);
			return;
		}
		if (!piece.missing && !take(source, &piece, first))
			return;
		place += piece.length;
		if (piece.missing || piece.complete)
		{
			if (piece.next_segment <= segment)
			{
				give_up(source, true, "segment " UINT64_FORMAT " of its log has no next one", segment);
				return;
			}
			/* It names a next one only where there is one; it may go meanwhile. */
			empty = piece.length == 0 ? empty + 1 : 0;
			if (empty > EMPTY_MAX)
			{
				give_up(source, false, "it names segments that are not there, such as " UINT64_FORMAT, segment);
				return;
			}
			go_on(source, &piece, piece.missing);
			segment = piece.next_segment;
			place = 0;
		}
		else if (piece.length == first)
			break;
		first = 0;
		if (GetCurrentTimestamp() >= until)
		{
			/* What came half comes again. */
			source->has_more = true;
			tell_progress(source);
			close_copy(source);
			return;
		}
	}
	if (!follow_purge(source))
		return;
	tell_collected(source);
	/* Nothing came behind what is missing: the next turn begins where the copy ends. */
	if (point->segment == 0)
		close_copy(source);
}

/* ---- the process ---- */

/* From the setting; whoever was asked for before is left. */
static void
list_sources(void)
{
	const char *list = casus_log_collect;
	char	   *wrong;

	if (read_setting && strcmp(read_setting, list) == 0)
		return;
	for (int i = 0; i < nsources; i++)
	{
		close_pull(&sources[i]);
		close_copy(&sources[i]);
		pfree(sources[i].conninfo);
		if (sources[i].rejected)
			pfree(sources[i].rejected);
	}
	if (read_setting)
		pfree(read_setting);
	read_setting = MemoryContextStrdup(TopMemoryContext, list);
	memset(sources, 0, sizeof(sources));
	nsources = 0;
	while (nsources < CASUS_LOG_SOURCES)
	{
		Source	   *source = &sources[nsources];
		char	   *label;

		source->conninfo = casus_logpull_next(&list);
		if (source->conninfo == NULL)
			break;
		label = casus_logpull_label(source->conninfo, &wrong);
		casus_logpull_clip(source->standing.label, label ? label : "local", CASUS_LOG_LABEL);
		nsources++;
		tell(source);
	}
	for (int i = nsources; i < CASUS_LOG_SOURCES; i++)
		casus_logstanding_tell(i, NULL);
}

static void
leave(int code, Datum arg)
{
	pg_atomic_write_u32(&shared->pid, 0);
}

void
casus_logcollect_main(Datum arg)
{
	uint32		nobody = 0;

	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	if (!pg_atomic_compare_exchange_u32(&shared->pid, &nobody, (uint32) MyProcPid))
		proc_exit(0);
	before_shmem_exit(leave, (Datum) 0);
	/* The functions for the HMAC want a resource owner. */
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "casus log collector");
	MemoryContextSwitchTo(AllocSetContextCreate(TopMemoryContext, "casus log collector",
												ALLOCSET_DEFAULT_SIZES));

	while (!ShutdownRequestPending)
	{
		bool		has_more = false;

		ResetLatch(MyLatch);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		list_sources();
		if (nsources == 0)
			break;
		for (int i = 0; i < nsources && !ShutdownRequestPending; i++)
		{
			collect(&sources[i]);
			has_more |= sources[i].has_more;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 has_more ? MORE_MS : casus_log_load_interval * 1000L, PG_WAIT_EXTENSION);
		CHECK_FOR_INTERRUPTS();
	}
	proc_exit(0);
}

/* For the loader: runs the collector while there is something to collect, and it does not run. */
void
casus_logcollect_start(void)
{
	BackgroundWorker worker;

	if (casus_log_collect[0] == '\0' || pg_atomic_read_u32(&shared->pid) != 0)
		return;
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "casus", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "casus_logcollect_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "casus log collector", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "casus log collector", sizeof(worker.bgw_type));
	(void) RegisterDynamicBackgroundWorker(&worker, NULL);
}

/* Moves on whenever something was collected. */
uint64
casus_logcollect_copied(void)
{
	return pg_atomic_read_u64(&shared->copied);
}

static void
collect_startup(void)
{
	bool		found;

	shared = ShmemInitStruct("casus log collector", sizeof(Shared), &found);
	if (found)
		return;
	memset(shared, 0, sizeof(Shared));
	pg_atomic_init_u32(&shared->pid, 0);
	pg_atomic_init_u64(&shared->copied, 0);
}

void
casus_logcollect_init(void)
{
	if (!casus_preloaded)
		return;
	casus_shmem_request(sizeof(Shared));
	casus_shmem_add(collect_startup);
}
