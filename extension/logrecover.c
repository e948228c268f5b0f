/*
 * logrecover.c
 *		Where the access log ends, found when its writer starts.
 *
 * A crash may leave a tail that was not written whole: it holds nothing that
 * anybody waited for.  It is kept beside the segment, and cut off.  Where
 * whole records follow something that does not hold it is no crash: then the
 * segment is left as it is, for verify_log to name the place, and the log goes
 * on in another one.
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

typedef struct SegmentScan
{
	bool		header_holds;
	bool		damaged;		/* whole records follow what does not hold */
	uint64		size;
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

/* What comes after the first record that does not hold. */
static CasusLogRead
scan_rest(SegmentScan *scan, CasusLogReader *reader, CasusLogRecord *record,
		  const CasusLogKeys *keys, pg_hmac_ctx *hmac)
{
	CasusLogPoint before = scan->good;
	CasusLogRead read;

	do
	{
		note_last(scan, record);
		memcpy(before.mac, record->mac, CASUS_LOG_MAC);
		read = casus_logsegment_next(reader, record);
		if (read == CASUS_LOG_OK && holds(hmac, keys, &before, record))
			scan->damaged = true;
	} while (read == CASUS_LOG_OK);
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
	else if (read != CASUS_LOG_FAILED && reader.limit > CASUS_SEGMENT_HEADER)
	{
		reader.offset = CASUS_SEGMENT_HEADER;
		read = casus_logsegment_next(&reader, &record);
	}
	if (read == CASUS_LOG_OK)
		read = scan_rest(scan, &reader, &record, keys, hmac);
	casus_logsegment_close(&reader);
	return read != CASUS_LOG_FAILED;
}

/* Copies what stands behind the good end beside the segment, and cuts it off. */
static bool
keep_tail(int fd, const char *path, const SegmentScan *scan)
{
	char		aside[MAXPGPATH + 32];
	char		bytes[8192];
	uint64		at = scan->good.offset;
	int			copy;
	bool		ok = true;
	int			save_errno;

	snprintf(aside, sizeof(aside), "%s.torn-%llu", path, (unsigned long long) scan->good.seq + 1);
	copy = BasicOpenFilePerm(aside, O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY, 0600);
	if (copy < 0)
		return false;
	while (ok && at < scan->size)
	{
		ssize_t		n = pread(fd, bytes, Min(sizeof(bytes), scan->size - at), (off_t) at);

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
	if (scan->size > scan->good.offset)
	{
		found->torn += scan->size - scan->good.offset;
		return keep_tail(fd, path, scan);
	}
	return true;
}

/*
 * A segment of which not even the header was written, or a file that is none,
 * with a number behind which there would be no room.
 */
static bool
is_none(const SegmentScan *scan, uint64 segment)
{
	return scan->size < CASUS_SEGMENT_HEADER ||
		(!scan->header_holds && segment > CASUS_SEGMENT_LAST / 2);
}

static bool
set_aside(const char *path, const SegmentScan *scan, CasusLogFound *found)
{
	char		aside[MAXPGPATH + 32];

	found->torn += scan->size;
	snprintf(aside, sizeof(aside), "%s.torn", path);
	return rename(path, aside) == 0;
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
