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

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/memutils.h"

typedef struct SegmentScan
{
	bool		header_holds;
	bool		damaged;		/* what does not hold was on disk once */
	uint64		size;
	uint64		written;		/* behind the last byte that is not zero */
	uint16		last_kind;		/* of the last record that holds */
	CasusLogPoint good;			/* the end of what holds */
	CasusLogPoint last;			/* the last that looks like a record */
} SegmentScan;

static void
note_last(SegmentScan *scan, const CasusLogRecord *record)
{
	if (record->seq > scan->last.seq && record->seq <= CASUS_LOG_LAST)
		scan->last.seq = record->seq;
	scan->last.time = record->time;
	memcpy(scan->last.mac, record->mac, CASUS_LOG_MAC);
}

static bool
holds(pg_hmac_ctx *hmac, const CasusLogKeys *keys, const CasusLogPoint *before,
	  const CasusLogRecord *record)
{
	const CasusLogKey *key = casus_logsegment_key(keys, before->key);
	uint8		mac[CASUS_LOG_MAC];

	return key != NULL &&
		casus_logsegment_mac(hmac, key, before->mac, record->head,
							 CASUS_RECORD_HEADER + record->length, mac) &&
		memcmp(mac, record->mac, CASUS_LOG_MAC) == 0;
}

/* The place behind the last byte from there on that is not zero.  False with errno. */
static bool
find_written(SegmentScan *scan, int fd, uint64 from)
{
	uint8		bytes[8192];

	scan->written = from;
	for (uint64 at = from; at < scan->size;)
	{
		ssize_t		n = pread(fd, bytes, Min(sizeof(bytes), scan->size - at), (off_t) at);

		if (n <= 0)
		{
			if (n == 0)
				errno = EIO;
			return false;
		}
		for (ssize_t i = n; i > 0; i--)
			if (bytes[i - 1] != 0)
			{
				scan->written = at + i;
				break;
			}
		at += n;
	}
	return true;
}

/* Might a record begin with these bytes?  Quicker than to read it. */
static bool
may_begin(const uint8 *bytes)
{
	return bytes[4] >= 1 && bytes[4] <= CASUS_RECORD_LAST_KIND && bytes[5] == 0 &&
		bytes[6] <= 1 && bytes[7] == 0;
}

/* Is a record of that number possible behind what holds? */
static bool
is_plausible(const SegmentScan *scan, const CasusLogRecord *record)
{
	return record->seq > scan->good.seq &&
		record->seq - scan->good.seq <= scan->size / (CASUS_RECORD_HEADER + CASUS_LOG_MAC);
}

/*
 * What comes after the records that hold.  A record stands right behind the mac
 * that it was made from, so each can be judged by itself, wherever it begins.
 */
static CasusLogRead
scan_rest(SegmentScan *scan, CasusLogReader *reader, const CasusLogKeys *keys, pg_hmac_ctx *hmac)
{
	uint64		start = scan->good.offset - CASUS_LOG_MAC;
	uint64		length = scan->size - start;
	uint64		at = scan->good.offset;
	uint64		due = at;		/* where a record begins */
	CasusLogPoint before = scan->good;
	uint8	   *bytes;

	if (scan->written == scan->good.offset)
		return CASUS_LOG_END;
	bytes = MemoryContextAllocHuge(CurrentMemoryContext, length);
	if (pread(reader->fd, bytes, length, (off_t) start) != (ssize_t) length)
	{
		errno = errno ? errno : EIO;
		return CASUS_LOG_FAILED;
	}
	while (at + CASUS_RECORD_HEADER + CASUS_LOG_MAC <= scan->written)
	{
		CasusLogRecord record;
		CasusLogRead read;

		reader->offset = at;
		read = may_begin(bytes + (at - start)) ?
			casus_logsegment_next(reader, &record) : CASUS_LOG_TORN;
		if (read == CASUS_LOG_FAILED)
			return read;
		if (read == CASUS_LOG_OK && is_plausible(scan, &record))
		{
			memcpy(before.mac, bytes + (at - start) - CASUS_LOG_MAC, CASUS_LOG_MAC);
			if (holds(hmac, keys, &before, &record))
			{
				scan->damaged |= record.settled;
				note_last(scan, &record);
				at = due = reader->offset;
				continue;
			}
			/* Its number may have been given, whatever is wrong with it. */
			if (at == due && record.seq == scan->last.seq + 1)
			{
				note_last(scan, &record);
				due = reader->offset;
			}
		}
		at++;
	}
	pfree(bytes);
	return CASUS_LOG_END;
}

/* The same where there is no key to judge by: only numbers. */
static CasusLogRead
scan_unkeyed(SegmentScan *scan, CasusLogReader *reader)
{
	CasusLogRecord record;
	CasusLogRead read = CASUS_LOG_END;

	if (reader->limit > CASUS_SEGMENT_HEADER)
	{
		reader->offset = CASUS_SEGMENT_HEADER;
		while ((read = casus_logsegment_next(reader, &record)) == CASUS_LOG_OK)
			note_last(scan, &record);
	}
	return read;
}

/* False with errno: it cannot be read. */
static bool
scan_segment(SegmentScan *scan, int fd, uint64 segment, const CasusLogKeys *keys, pg_hmac_ctx *hmac)
{
	CasusLogReader reader;
	CasusLogHeader header;
	CasusLogRecord record;
	CasusLogRead read;

	memset(scan, 0, sizeof(*scan));
	if (!casus_logsegment_open(&reader, fd, UINT64_MAX))
		return false;
	scan->size = reader.limit;
	scan->last.segment = segment;
	read = casus_logsegment_header(&reader, &header);
	scan->header_holds = read == CASUS_LOG_OK && header.segment == segment &&
		casus_logsegment_header_holds(hmac, keys, &reader, &header);
	if (scan->header_holds)
	{
		CasusLogPoint *good = &scan->good;

		good->segment = segment;
		good->offset = reader.offset;
		good->seq = header.first_seq - 1;
		good->time = header.time;
		good->key = header.key;
		memcpy(good->mac, header.mac, CASUS_LOG_MAC);
		while ((read = casus_logsegment_next(&reader, &record)) == CASUS_LOG_OK &&
			   record.seq == good->seq + 1 && holds(hmac, keys, good, &record))
		{
			good->seq = record.seq;
			good->time = record.time;
			good->offset = reader.offset;
			memcpy(good->mac, record.mac, CASUS_LOG_MAC);
			scan->last_kind = record.kind;
		}
		scan->last = *good;
	}
	if (read != CASUS_LOG_FAILED && !find_written(scan, fd, scan->good.offset))
		read = CASUS_LOG_FAILED;
	if (read != CASUS_LOG_FAILED)
		read = scan->header_holds ?
			scan_rest(scan, &reader, keys, hmac) : scan_unkeyed(scan, &reader);
	casus_logsegment_close(&reader);
	return read != CASUS_LOG_FAILED;
}

/* A name that no file has yet: what was kept before is evidence, too. */
static void
name_aside(char *aside, size_t size, const char *path, const char *suffix)
{
	struct stat st;
	int			length = snprintf(aside, size, "%s.%s", path, suffix);

	for (int n = 2; lstat(aside, &st) == 0; n++)
		snprintf(aside + length, size - length, "-%d", n);
}

/* Copies what was written behind the good end beside the segment, and cuts it off. */
static bool
keep_tail(int fd, const char *path, const SegmentScan *scan)
{
	char		aside[MAXPGPATH + 64];
	char		suffix[32];
	char		bytes[8192];
	uint64		at = scan->good.offset;
	int			copy;
	bool		ok = true;
	int			save_errno;

	snprintf(suffix, sizeof(suffix), "torn-%llu", (unsigned long long) scan->good.seq + 1);
	name_aside(aside, sizeof(aside), path, suffix);
	copy = BasicOpenFilePerm(aside, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, 0600);
	if (copy < 0)
		return false;
	while (ok && at < scan->written)
	{
		ssize_t		n = pread(fd, bytes, Min(sizeof(bytes), scan->written - at), (off_t) at);

		ok = n > 0 && write(copy, bytes, n) == n;
		at += Max(n, 0);
	}
	ok = ok && pg_fsync(copy) == 0 &&
		ftruncate(fd, (off_t) scan->good.offset) == 0 && pg_fsync(fd) == 0;
	save_errno = errno;
	close(copy);
	errno = save_errno;
	return ok;
}

/* One segment, the last that there is.  False with errno. */
static bool
judge_segment(const char *path, int fd, const SegmentScan *scan,
			  CasusLogPoint *end, CasusLogFound *found)
{
	if (!scan->header_holds || scan->damaged)
	{
		found->changed = true;
		*end = scan->last;
		return true;
	}
	*end = scan->good;
	found->stopped = scan->last_kind == CASUS_RECORD_STOP;
	if (scan->written > scan->good.offset)
	{
		found->torn += scan->written - scan->good.offset;
		return keep_tail(fd, path, scan);
	}
	return scan->size == scan->good.offset ||
		(ftruncate(fd, (off_t) scan->good.offset) == 0 && pg_fsync(fd) == 0);
}

/*
 * A segment of which not even the header was written, or a file that is none,
 * with a number behind which there would be no room.
 */
static bool
is_none(const SegmentScan *scan, uint64 segment)
{
	return scan->written < CASUS_SEGMENT_HEADER ||
		(!scan->header_holds && segment > CASUS_SEGMENT_LAST / 2);
}

static bool
set_aside(const char *path, const SegmentScan *scan, CasusLogFound *found)
{
	char		aside[MAXPGPATH + 64];

	found->torn += scan->written;
	name_aside(aside, sizeof(aside), path, "torn");
	return rename(path, aside) == 0;
}

/* What speaks for segments that are gone.  False: nothing that can be believed. */
bool
casus_logrecover_checkpoint(const CasusLogKeys *keys, pg_hmac_ctx *hmac,
							CasusLogCheckpoint *checkpoint)
{
	uint8		bytes[CASUS_CHECKPOINT_SIZE + 1];
	int			length = casus_logdir_get_checkpoint(keys->node, bytes);

	return length > 0 && casus_logsegment_get_checkpoint(hmac, keys, bytes, length, checkpoint);
}

/* All that was left behind a checkpoint has been taken away: numbers go on from there. */
static void
go_on_behind_checkpoint(const CasusLogKeys *keys, pg_hmac_ctx *hmac,
						CasusLogPoint *end, CasusLogFound *found)
{
	CasusLogCheckpoint checkpoint;

	if (!casus_logrecover_checkpoint(keys, hmac, &checkpoint) || end->seq >= checkpoint.seq)
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
casus_logrecover_find(const CasusLogKeys *keys, pg_hmac_ctx *hmac,
					  CasusLogPoint *end, CasusLogFound *found)
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
		SegmentScan		scan;
		bool		ok;
		int			fd;

		casus_logdir_file(path, keys->node, segment);
		fd = BasicOpenFile(path, O_RDWR | PG_BINARY);
		ok = fd >= 0 && scan_segment(&scan, fd, segment, keys, hmac);
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
	go_on_behind_checkpoint(keys, hmac, end, found);
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
