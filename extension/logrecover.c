/*
 * logrecover.c
 *		Where the access log ends, found when its writer starts.
 *
 * A crash may leave a tail that was not written whole: it holds nothing that
 * anybody waited for.  It is kept beside the segment, and cut off.  The pages
 * of a batch reach the disk in any order, so there may be whole records behind
 * a gap; but none that says that all before it was on disk already.  Where one
 * does it was no crash: then the segment is left as it is, for verify_log to
 * name the place, and the log goes on in another one.
 *
 * Numbers go on from the highest that was found, so that none is given twice.
 * Nothing is kept; only the writer calls this.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logstore.h"
#include "logtail.h"

#include <fcntl.h>
#include <unistd.h>

#include "storage/fd.h"

/* One segment, the last that there is.  False with errno. */
static bool
judge_segment(const char *path, int fd, const CasusLogTail *scan,
			  CasusLogPoint *end, CasusLogFound *found)
{
	if (!scan->header_holds || scan->settled)
	{
		found->changed = true;
		*end = scan->last;
		return true;
	}
	*end = scan->good;
	found->stopped = scan->last_kind == CASUS_RECORD_STOP;
	found->torn += scan->written - scan->good.offset;
	return casus_logtail_cut(fd, path, scan);
}

/*
 * A segment of which not even the header was written, or a file that is none,
 * with a number behind which there would be no room.
 */
static bool
is_none(const CasusLogTail *scan, uint64 segment)
{
	return scan->written < CASUS_SEGMENT_HEADER ||
		(!scan->header_holds && segment > CASUS_SEGMENT_LAST / 2);
}

static bool
set_aside(const char *path, const CasusLogTail *scan, CasusLogFound *found)
{
	char		aside[MAXPGPATH + 64];

	found->torn += scan->written;
	casus_logtail_name_aside(aside, sizeof(aside), path, "torn");
	return rename(path, aside) == 0;
}

/* What speaks for segments that are gone.  False: nothing that can be believed. */
bool
casus_logrecover_checkpoint(const CasusLogKeys *keys, CasusLogCheckpoint *checkpoint)
{
	uint8		bytes[CASUS_CHECKPOINT_SIZE + 1];
	int			length = casus_logdir_get_checkpoint(keys->node, bytes);

	return length > 0 && casus_logsegment_get_checkpoint(keys, bytes, length, checkpoint);
}

/* All that was left behind a checkpoint has been taken away: numbers go on from there. */
static void
go_on_behind_checkpoint(const CasusLogKeys *keys, CasusLogPoint *end,
						CasusLogFound *found)
{
	CasusLogCheckpoint checkpoint;

	if (!casus_logrecover_checkpoint(keys, &checkpoint) || end->seq >= checkpoint.seq)
		return;
	found->fresh = false;
	found->changed = true;
	end->segment = Max(end->segment, checkpoint.segment);
	end->seq = checkpoint.seq;
	end->time = checkpoint.newest;
	memcpy(end->mac, checkpoint.last, CASUS_LOG_MAC);
}

/*
 * Where the files say that the log ends.  False with errno.  end->segment is
 * the last one there is, so that the next gets another number.
 */
bool
casus_logrecover_find(const CasusLogKeys *keys, CasusLogPoint *end,
					  CasusLogFound *found)
{
	uint64		first;
	uint64		segment;
	uint64		used = 0;		/* the last that stays */

	if (!casus_logdir_range(keys->node, 0, UINT64_MAX, &first, &segment))
		return false;
	found->fresh = segment == 0;
	while (segment != 0)
	{
		char		path[MAXPGPATH];
		CasusLogTail scan;
		bool		ok;
		int			fd;

		casus_logdir_file(path, keys->node, segment);
		fd = BasicOpenFile(path, O_RDWR | PG_BINARY);
		ok = fd >= 0 && casus_logtail_scan(&scan, fd, segment, keys);
		if (ok && is_none(&scan, segment) && used == 0)
			ok = set_aside(path, &scan, found);
		else if (ok)
		{
			ok = judge_segment(path, fd, &scan, end, found);
			used = Max(used, segment);
		}
		if (fd >= 0)
		{
			int			save_errno = errno;

			close(fd);
			errno = save_errno;
		}
		if (!ok)
			return false;
		/* One with nothing to go on from is no end. */
		if (used != 0 && end->seq != 0)
			break;
		if (!casus_logdir_range(keys->node, 0, segment, &first, &segment))
			return false;
	}
	end->segment = Max(used, end->segment);
	go_on_behind_checkpoint(keys, end, found);
	return true;
}

/*
 * Only the writer was started again, in a server that knows where the log
 * ends.  What it had written behind that it writes again, from the ring.
 */
void
casus_logrecover_resume(const CasusLogKeys *keys, const CasusLogPoint *known,
						CasusLogPoint *end, CasusLogFound *found)
{
	char		path[MAXPGPATH];
	uint8		mac[CASUS_LOG_MAC];
	int			fd;

	*end = *known;
	casus_logdir_file(path, keys->node, known->segment);
	fd = BasicOpenFile(path, O_RDWR | PG_BINARY);
	/* A segment without records ends with the mac of its header. */
	found->changed = fd < 0 ||
		pread(fd, mac, sizeof(mac), (off_t) (known->offset - CASUS_LOG_MAC)) != sizeof(mac) ||
		memcmp(mac, known->mac, CASUS_LOG_MAC) != 0 ||
		ftruncate(fd, (off_t) known->offset) != 0;
	if (fd >= 0)
		close(fd);
}
