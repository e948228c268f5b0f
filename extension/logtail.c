/*
 * logtail.c
 *		What stands behind the records of a segment that hold, and cutting it off.
 *
 * The pages of what was written at once reach the disk in any order, so where a
 * crash came before the sync there may be whole records behind a gap.  Which of
 * them tell that what is before the gap was on disk once, so that it was no
 * crash, is for who wrote the file to say.
 *
 * For the log of this server (logrecover.c) and the copies of others
 * (logcopy.c).  Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logtail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/memutils.h"

static void
note_last(CasusLogTail *scan, const CasusLogRecord *record)
{
	if (record->seq > scan->last.seq && record->seq <= CASUS_LOG_LAST)
		scan->last.seq = record->seq;
	scan->last.time = record->time;
	memcpy(scan->last.mac, record->mac, CASUS_LOG_MAC);
}

static bool
holds(const CasusLogKeys *keys, const CasusLogPoint *before, const CasusLogRecord *record)
{
	const CasusLogKey *key = casus_logsegment_key(keys, before->key);
	uint8		mac[CASUS_LOG_MAC];

	return key != NULL &&
		casus_logsegment_mac(key, before->mac, record->head,
							 CASUS_RECORD_HEADER + record->length, mac) &&
		memcmp(mac, record->mac, CASUS_LOG_MAC) == 0;
}

/* The place behind the last byte from there on that is not zero.  False with errno. */
static bool
find_written(CasusLogTail *scan, int fd, uint64 from)
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
is_plausible(const CasusLogTail *scan, const CasusLogRecord *record)
{
	return record->seq > scan->good.seq &&
		record->seq - scan->good.seq <= scan->size / (CASUS_RECORD_HEADER + CASUS_LOG_MAC);
}

/*
 * What comes after the records that hold.  A record stands right behind the mac
 * that it was made from, so each can be judged by itself, wherever it begins.
 */
static CasusLogRead
scan_rest(CasusLogTail *scan, CasusLogReader *reader, const CasusLogKeys *keys)
{
	uint64		start = scan->good.offset - CASUS_LOG_MAC;
	uint64		length = scan->size - start;
	uint64		at = scan->good.offset;
	uint64		due = at;		/* where a record begins */
	CasusLogPoint before = scan->good;
	CasusLogRead result = CASUS_LOG_END;
	uint8	   *bytes;

	if (scan->written == scan->good.offset)
		return CASUS_LOG_END;
	bytes = MemoryContextAllocHuge(CurrentMemoryContext, length);
	errno = 0;
	if (pread(reader->fd, bytes, length, (off_t) start) != (ssize_t) length)
	{
		errno = errno ? errno : EIO;
		result = CASUS_LOG_FAILED;
	}
	while (result == CASUS_LOG_END && at + CASUS_RECORD_HEADER + CASUS_LOG_MAC <= scan->written)
	{
		CasusLogRecord record;
		CasusLogRead read;

		reader->offset = at;
		read = may_begin(bytes + (at - start)) ?
			casus_logsegment_next(reader, &record) : CASUS_LOG_TORN;
		if (read == CASUS_LOG_FAILED)
			result = read;
		if (read == CASUS_LOG_OK && is_plausible(scan, &record))
		{
			memcpy(before.mac, bytes + (at - start) - CASUS_LOG_MAC, CASUS_LOG_MAC);
			if (holds(keys, &before, &record))
			{
				scan->settled |= record.settled;
				scan->reach = record.offset;
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
	return result;
}

/* The same where there is no key to judge by: only numbers. */
static CasusLogRead
scan_unkeyed(CasusLogTail *scan, CasusLogReader *reader)
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
bool
casus_logtail_scan(CasusLogTail *scan, int fd, uint64 segment, const CasusLogKeys *keys)
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
		casus_logsegment_header_holds(keys, &reader, &header);
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
			   record.seq == good->seq + 1 && holds(keys, good, &record))
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
			scan_rest(scan, &reader, keys) : scan_unkeyed(scan, &reader);
	casus_logsegment_close(&reader);
	return read != CASUS_LOG_FAILED;
}

/* A name that no file has yet: what was kept before is evidence, too. */
void
casus_logtail_name_aside(char *aside, size_t size, const char *path, const char *suffix)
{
	struct stat st;
	int			length = snprintf(aside, size, "%s.%s", path, suffix);

	for (int n = 2; lstat(aside, &st) == 0; n++)
		snprintf(aside + length, size - length, "-%d", n);
}

/*
 * Copies what was written behind the good end beside the segment; the copy outlives a
 * crash.  Where that fails nothing of it stays, since it will be tried again.
 */
static bool
keep_tail(int fd, const char *path, const CasusLogTail *scan)
{
	char		aside[MAXPGPATH + 64];
	char		directory[MAXPGPATH];
	char		suffix[32];
	char		bytes[8192];
	uint64		at = scan->good.offset;
	int			copy;
	bool		ok = true;
	int			save_errno;

	errno = 0;
	snprintf(suffix, sizeof(suffix), "torn-%llu", (unsigned long long) scan->good.seq + 1);
	casus_logtail_name_aside(aside, sizeof(aside), path, suffix);
	copy = BasicOpenFilePerm(aside, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, 0600);
	if (copy < 0)
		return false;
	while (ok && at < scan->written)
	{
		ssize_t		n = pread(fd, bytes, Min(sizeof(bytes), scan->written - at), (off_t) at);

		ok = n > 0 && write(copy, bytes, n) == n;
		at += Max(n, 0);
	}
	strlcpy(directory, path, sizeof(directory));
	get_parent_directory(directory);
	ok = ok && pg_fsync(copy) == 0 && fsync_fname_ext(directory, true, false, LOG) == 0;
	save_errno = errno ? errno : ENOSPC;	/* a short write says nothing */
	close(copy);
	if (!ok)
		(void) unlink(aside);
	errno = save_errno;
	return ok;
}

/* Cuts off what does not hold; what was written of it is kept aside.  False with errno. */
bool
casus_logtail_cut(int fd, const char *path, const CasusLogTail *scan)
{
	if (scan->written > scan->good.offset && !keep_tail(fd, path, scan))
		return false;
	return scan->size == scan->good.offset ||
		(ftruncate(fd, (off_t) scan->good.offset) == 0 && pg_fsync(fd) == 0);
}

