/*
 * logcut.c
 *		The copy of another node's log, once that node has purged its log: its
 *		checkpoint comes into the copy, and the segments that this stands for go.
 *
 * Nobody loses evidence by what another server says.  Its checkpoint is taken
 * when it is made with a key of that node, when what was collected goes on from
 * where it ends, and when its entry is in the copy.  Segments that are here go
 * when the terms of this server are over for them as well (casus.log_retention,
 * and what the files of its databases want), when they verify, and when they are
 * what the checkpoint says; until then both stay as they are.
 *
 * The order is that of a node's own purge (logpurge.c): the checkpoint first,
 * then the segments; whoever is killed between them finishes it at his next
 * look.
 *
 * By the collector, which has the copy open, and its lock.  Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logcopy.h"

#include <fcntl.h>
#include <unistd.h>

#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#define UNIX_OFFSET		((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

typedef struct Cut
{
	CasusLogCopy *copy;
	CasusLogChain chain;		/* begins behind what has gone */
	int64		newest;			/* of the records that would go */
	bool		is_none;		/* nothing that comes later makes it one that can be followed */
} Cut;

static int
open_segment(const Cut *cut, uint64 segment)
{
	char		path[MAXPGPATH];

	casus_logdir_file(path, cut->copy->keys.node, segment);
	return BasicOpenFile(path, O_RDONLY | PG_BINARY);
}

/* A segment with what it goes on from; false: it is not there, or does not hold. */
static bool
check_segment(Cut *cut, uint64 segment)
{
	int			fd = open_segment(cut, segment);
	bool		ok;

	if (fd < 0)
		return casus_logchain_missing(&cut->chain, segment);
	ok = casus_logchain_segment(&cut->chain, fd, segment, UINT64_MAX);
	close(fd);
	return ok;
}

/* ---- is it to be believed? ---- */

/* The first segment behind what has gone begins with the last mac of that. */
static bool
is_tied(Cut *cut, const char **why)
{
	uint64		segment = cut->chain.purged.segment + 1;
	CasusLogReader reader;
	int			fd = open_segment(cut, segment);
	bool		ok;

	/* A hole there is seen by who verifies the copy. */
	if (fd < 0)
		return errno == ENOENT || casus_logcopy_refuse(why, "the copy on this server cannot be read: %s", strerror(errno));
	casus_logchain_restart(&cut->chain, segment);
	ok = casus_logsegment_open(&reader, fd, UINT64_MAX);
	if (ok)
	{
		ok = casus_logchain_header(&cut->chain, &reader, segment);
		casus_logsegment_close(&reader);
	}
	close(fd);
	return ok || casus_logcopy_refuse(why, "its checkpoint is not of the log that was collected: segment " UINT64_FORMAT
						" does not go on from it", segment);
}

/*
 * The entry that names it stands behind what has gone, as a rule near the end.
 * Each segment is verified by itself.
 */
static bool
is_on_record(Cut *cut, uint64 last, const char **why)
{
	CasusLogChain *chain = &cut->chain;
	uint64		first;

	while (last > chain->purged.segment)
	{
		if (ShutdownRequestPending)
			return casus_logcopy_refuse(why, "this server stops");
		/* Tied to nothing: that it follows is for who verifies all. */
		casus_logchain_restart(chain, last);
		memset(&chain->point, 0, sizeof(chain->point));
		chain->finding.what[0] = '\0';
		(void) check_segment(cut, last);
		if (chain->on_record)
			return true;
		/* By what is there: another server may leave out as many numbers as it likes. */
		if (!casus_logdir_range(cut->copy->keys.node, 0, last, &first, &last))
			return casus_logcopy_refuse(why, "the copy on this server cannot be read: %s", strerror(errno));
	}
	/* To look for it took a walk over all that is left. */
	cut->is_none = true;
	return casus_logcopy_refuse(why, "its checkpoint, of segments to " UINT64_FORMAT " that are gone, is not on record in its log",
				  chain->purged.segment);
}

/* ---- may the segments here go? ---- */

static bool
is_over(int64 newest)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz written = Max(newest, 0) - UNIX_OFFSET;
	int			months = casus_logterm_of_node();

	return casus_log_retention != 0 && months >= 0 && months != CASUS_LOG_FOR_EVER &&
		written < now && now - written >= (int64) casus_log_retention * USECS_PER_MINUTE &&
		casus_logterm_is_over(months, written, now);
}

static void
note_time(const CasusLogRecord *record, void *argument)
{
	Cut		   *cut = argument;

	cut->newest = Max(cut->newest, record->time);
}

/*
 * Verifies what would go, also against what the checkpoint says of it.  What
 * was never collected is no reason to keep the rest.
 */
static bool
check_what_goes(Cut *cut, uint64 first, const char **why)
{
	const CasusLogCheckpoint *purged = &cut->chain.purged;
	CasusLogChain *chain = &cut->chain;
	char		file[CASUS_SEGMENT_NAME];
	uint64		last;

	chain->each = note_time;
	chain->argument = cut;
	memset(&chain->point, 0, sizeof(chain->point));
	while (first != 0 && first <= purged->segment)
	{
		if (ShutdownRequestPending)
			return casus_logcopy_refuse(why, "this server stops");
		if (chain->point.segment + 1 != first)
			memset(&chain->point, 0, sizeof(chain->point));
		chain->finding.what[0] = '\0';
		if (!check_segment(cut, first))
		{
			casus_logsegment_name(file, chain->finding.segment);
			return casus_logcopy_refuse(why, "what it has purged stays here, since the copy on this server is changed in %s, position "
						  UINT64_FORMAT ": %s", file, chain->finding.offset, chain->finding.what);
		}
		if (!casus_logdir_range(cut->copy->keys.node, first, UINT64_MAX, &first, &last))
			return casus_logcopy_refuse(why, "the copy on this server cannot be read: %s", strerror(errno));
	}
	if (cut->newest > purged->newest ||
		(chain->point.segment == purged->segment &&
		 (chain->point.seq != purged->seq ||
		  memcmp(chain->point.mac, purged->last, CASUS_LOG_MAC) != 0)))
		return casus_logcopy_refuse(why, "its checkpoint, of segments to " UINT64_FORMAT ", is not of what was collected of them",
					  purged->segment);
	return true;
}

/* ---- the cut ---- */

static bool
carry_out(Cut *cut, const uint8 *bytes, uint64 first, const char **why)
{
	uint64		last = cut->chain.purged.segment;

	if (bytes && !casus_logdir_put_checkpoint(cut->copy->keys.node, bytes))
		return casus_logcopy_refuse(why, "the checkpoint of the copy cannot be written: %s", strerror(errno));
	if (first == 0 || first > last)
		return true;
	if (!casus_logdir_remove(cut->copy->keys.node, last))
		return casus_logcopy_refuse(why, "segments of the copy cannot be removed: %s", strerror(errno));
	ereport(LOG,
			(errmsg("casus has removed segments " UINT64_FORMAT " to " UINT64_FORMAT " of a collected access log: their node has purged them, and their term is over here",
					first, last)));
	return true;
}

/* The same checkpoint again, or an older one?  True: that is all there is to do; see ok. */
static bool
is_known(Cut *cut, const uint8 *bytes, uint64 first, bool *ok, const char **why)
{
	const CasusLogCopy *copy = cut->copy;
	CasusLogCheckpoint here;
	uint8		mine[CASUS_CHECKPOINT_SIZE + 1];
	int			length = casus_logdir_get_checkpoint(copy->keys.node, mine);

	if (length <= 0 ||
		!casus_logsegment_get_checkpoint(&copy->keys, mine, length, &here))
		return false;
	if (memcmp(mine, bytes, CASUS_CHECKPOINT_SIZE) == 0)
		*ok = carry_out(cut, NULL, first, why);
	else if (here.segment >= cut->chain.purged.segment)
		*ok = casus_logcopy_refuse(why, "its checkpoint is not the last one that was collected");
	else
		return false;
	return true;
}

static bool
follow(Cut *cut, const uint8 *bytes, size_t length, const char **why)
{
	CasusLogCopy *copy = cut->copy;
	CasusLogCheckpoint *purged = &cut->chain.purged;
	uint64		first;
	uint64		last;
	bool		ok;

	if (!casus_logchain_checkpoint(&cut->chain, bytes, length))
		return casus_logcopy_refuse(why, "%s", cut->chain.finding.what);
	if (!casus_logdir_range(copy->keys.node, 0, UINT64_MAX, &first, &last))
		return casus_logcopy_refuse(why, "the copy on this server cannot be read: %s", strerror(errno));
	if (is_known(cut, bytes, first, &ok, why))
		return ok;
	/* Not yet: to look at this costs nothing. */
	if (first != 0 && first <= purged->segment && !is_over(purged->newest))
		return true;
	if (!is_tied(cut, why) || !is_on_record(cut, last, why))
		return false;
	if (first != 0 && first <= purged->segment && !check_what_goes(cut, first, why))
		return false;
	return carry_out(cut, bytes, first, why);
}

/*
 * The checkpoint that a node offers, when all that it has was collected.
 * False with the reason, which is valid until the next call: it is not to be
 * believed, or cannot be followed; is_none: and that will not change.
 */
bool
casus_logcut_follow(CasusLogCopy *copy, const uint8 *bytes, size_t length, bool *is_none,
					const char **why)
{
	Cut			cut = {.copy = copy};
	bool		ok;

	casus_logchain_begin(&cut.chain, &copy->keys);
	ok = follow(&cut, bytes, length, why);
	*is_none = cut.is_none;
	return ok;
}
