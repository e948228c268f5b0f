/*
 * logcopy.c
 *		The copy of another node's chain, below casus.log_directory in a directory
 *		of that node's name, byte by byte as its writer wrote it.
 *
 * Nothing comes into it that does not verify by that node's keys and by what
 * the copy ends with: what was changed on the way, or is of another log that
 * bears the same name, is refused and named.
 *
 * It is written in steps, each on disk before the next: the header of a
 * segment, then whole records of no more than STEP bytes, or one that is
 * longer.  So a crash of this server leaves only the last step unfinished, its
 * pages in any order: that is cut off, kept beside the segment, and comes again
 * from its node.  Where a record that holds begins STEP bytes or more behind
 * what does not, this was on disk once, and somebody has changed it.  After a
 * failed sync nothing is believed of the step that it was for: it is cut off as
 * well.
 *
 * One process has a copy open at a time (the file lock in its directory, as
 * the writer of a log has it).  All else is private to that process.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logcopy.h"
#include "logtail.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/memutils.h"

#define STEP	(16 * 1024)		/* bytes that are synced at a time */

/* What a failed sync was for, and could not be cut off yet. */
typedef struct Doubt
{
	uint8		node[CASUS_LOG_NODE];
	uint64		segment;
	uint64		place;			/* from there on; 0: all of it */
} Doubt;

static List *doubts = NIL;

/* The reason in words that outlive the call; returns false. */
bool
casus_logcopy_refuse(const char **why, const char *format,...)
{
	static char text[400];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	*why = text;
	return false;
}

static bool
refuse_finding(const CasusLogCopy *copy, const char *where, const char **why)
{
	const CasusLogFinding *finding = &copy->chain.finding;
	char		file[CASUS_SEGMENT_NAME];

	casus_logsegment_name(file, finding->segment);
	return casus_logcopy_refuse(why, "%s %s, position " UINT64_FORMAT ", entry " UINT64_FORMAT ": %s",
				  where, file, finding->offset, finding->seq, finding->what);
}

/* ---- opening ---- */

static bool
lock_directory(CasusLogCopy *copy, const uint8 *node, const char **why)
{
	char		directory[MAXPGPATH];
	char		path[MAXPGPATH + 8];

	casus_logdir_path(directory, node);
	snprintf(path, sizeof(path), "%s/lock", directory);
	copy->lock = BasicOpenFilePerm(path, O_RDWR | O_CREAT | PG_BINARY, 0600);
	if (copy->lock < 0)
		return casus_logcopy_refuse(why, "the directory of the copy cannot be written: %s", strerror(errno));
	if (flock(copy->lock, LOCK_EX | LOCK_NB) != 0)
		return casus_logcopy_refuse(why, "the directory of the copy is in use: two servers have one casus.log_directory, or a collector still runs");
	return true;
}

/* Cuts off what may not be on disk, whatever the kernel shows of it.  False with errno. */
static bool
take_back(const Doubt *doubt)
{
	char		path[MAXPGPATH];
	int			fd;
	bool		ok;
	int			save_errno;

	casus_logdir_file(path, doubt->node, doubt->segment);
	if (doubt->place == 0)
		return unlink(path) == 0 || errno == ENOENT;
	fd = BasicOpenFile(path, O_RDWR | PG_BINARY);
	if (fd < 0)
		return errno == ENOENT;
	ok = ftruncate(fd, (off_t) doubt->place) == 0 && pg_fsync(fd) == 0;
	save_errno = errno;
	close(fd);
	errno = save_errno;
	return ok;
}

/* ... at once, or before this process opens that copy again.  Leaves errno. */
static void
doubt_from(const CasusLogCopy *copy, uint64 segment, uint64 place)
{
	int			save_errno = errno;
	Doubt		doubt = {.segment = segment, .place = place};

	memcpy(doubt.node, copy->keys.node, CASUS_LOG_NODE);
	if (!take_back(&doubt))
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		Doubt	   *kept = palloc(sizeof(Doubt));

		*kept = doubt;
		doubts = lappend(doubts, kept);
		MemoryContextSwitchTo(old);
	}
	errno = save_errno;
}

static bool
take_back_doubts(const CasusLogCopy *copy, const char **why)
{
	ListCell   *lc;

	foreach(lc, doubts)
	{
		Doubt	   *doubt = lfirst(lc);

		if (memcmp(doubt->node, copy->keys.node, CASUS_LOG_NODE) != 0)
			continue;
		if (!take_back(doubt))
			return casus_logcopy_refuse(why, "the copy on this server cannot be mended: %s", strerror(errno));
		doubts = foreach_delete_current(doubts, lc);
		pfree(doubt);
	}
	return true;
}

/* A place where a record ends, no later than where the last step began. */
static uint64
last_step(const CasusLogCopy *copy)
{
	const CasusLogPoint *point = &copy->chain.point;
	uint64		place = CASUS_SEGMENT_HEADER;
	CasusLogReader reader;
	CasusLogHeader header;
	CasusLogRecord record;

	if (!casus_logsegment_open(&reader, copy->fd, point->offset))
		return place;
	if (casus_logsegment_header(&reader, &header) == CASUS_LOG_OK)
		while (casus_logsegment_next(&reader, &record) == CASUS_LOG_OK &&
			   record.offset + STEP <= point->offset)
			place = record.offset;
	casus_logsegment_close(&reader);
	return place;
}

/* What a crash left of the last step is cut off.  False: it was none, or that cannot be done. */
static bool
cut_tail(CasusLogCopy *copy, uint64 segment, const char *path, bool *is_none, const char **why)
{
	CasusLogFinding *finding = &copy->chain.finding;
	CasusLogTail tail;

	if (!casus_logtail_scan(&tail, copy->fd, segment, &copy->keys))
	{
		finding->what[0] = '\0';
		return casus_logcopy_refuse(why, "the copy on this server cannot be read: %s", strerror(errno));
	}
	*is_none = !tail.header_holds && tail.size <= CASUS_SEGMENT_HEADER;
	if (finding->what[0] != '\0' &&
		(tail.header_holds ? tail.reach >= tail.good.offset + STEP : !*is_none))
		return refuse_finding(copy, "the copy on this server is changed in", why);
	finding->what[0] = '\0';
	if (*is_none)
		return true;
	if (!casus_logtail_cut(copy->fd, path, &tail))
		return casus_logcopy_refuse(why, "the copy on this server cannot be mended: %s", strerror(errno));
	if (tail.written > tail.good.offset)
		ereport(LOG,
				(errmsg("casus has cut off " UINT64_FORMAT " bytes of a collected access log, which a crash left of it: they are kept beside \"%s\", and collected again",
						tail.written - tail.good.offset, path)));
	return true;
}

/* The last segment: what holds of it is on disk then; is_none: not even its header was. */
static bool
check_segment(CasusLogCopy *copy, uint64 segment, const char *path, bool *is_none,
			  const char **why)
{
	CasusLogPoint *point = &copy->chain.point;
	off_t		size = lseek(copy->fd, 0, SEEK_END);

	*is_none = size < CASUS_SEGMENT_HEADER;
	if (*is_none)
		return true;
	if ((!casus_logchain_segment(&copy->chain, copy->fd, segment, UINT64_MAX) ||
		 (uint64) size != point->offset) &&
		!cut_tail(copy, segment, path, is_none, why))
		return false;
	/* Somebody may have been killed before he had synced it. */
	if (*is_none || pg_fdatasync(copy->fd) == 0)
		return true;
	(void) casus_logcopy_refuse(why, "the copy on this server cannot be mended: %s", strerror(errno));
	doubt_from(copy, segment, last_step(copy));
	return false;
}

/* Where the copy ends: nowhere, when there is none. */
static bool
find_end(CasusLogCopy *copy, const char **why)
{
	uint64		before = UINT64_MAX;
	uint64		first;
	uint64		last;
	char		path[MAXPGPATH];
	bool		is_none;

	for (;;)
	{
		if (!casus_logdir_range(copy->keys.node, 0, before, &first, &last))
			return casus_logcopy_refuse(why, "the copy on this server cannot be read: %s", strerror(errno));
		if (last == 0)
			return true;
		casus_logdir_file(path, copy->keys.node, last);
		copy->fd = BasicOpenFile(path, O_RDWR | PG_BINARY);
		if (copy->fd < 0)
			return casus_logcopy_refuse(why, "the copy on this server cannot be opened: %s", strerror(errno));
		if (!check_segment(copy, last, path, &is_none, why))
			return false;
		if (!is_none)
			return true;
		/* Not even its header was written. */
		close(copy->fd);
		copy->fd = -1;
		if (unlink(path) != 0)
			return casus_logcopy_refuse(why, "the copy on this server cannot be mended: %s", strerror(errno));
		before = last;
	}
}

/*
 * NULL with the reason, which is valid until the next call; damaged: somebody
 * has changed what was verified when it came.
 */
CasusLogCopy *
casus_logcopy_open(const uint8 *node, bool *damaged, const char **why)
{
	CasusLogCopy *copy = palloc0(sizeof(CasusLogCopy));

	copy->fd = copy->lock = -1;
	initStringInfo(&copy->rest);
	casus_logchain_begin(&copy->chain, &copy->keys);
	if (!casus_logkey_of_node(&copy->keys, node, why) ||
		(!casus_logdir_make(node) &&
		 !casus_logcopy_refuse(why, "the directory of the copy cannot be made: %s", strerror(errno))) ||
		!lock_directory(copy, node, why) ||
		!take_back_doubts(copy, why) ||
		!find_end(copy, why))
	{
		*damaged = copy->chain.finding.what[0] != '\0';
		casus_logcopy_close(copy);
		return NULL;
	}
	return copy;
}

void
casus_logcopy_close(CasusLogCopy *copy)
{
	explicit_bzero(&copy->keys, sizeof(copy->keys));
	if (copy->fd >= 0)
		close(copy->fd);
	if (copy->lock >= 0)
		close(copy->lock);
	pfree(copy->rest.data);
	pfree(copy);
}

/* ---- what comes ---- */

/* A file for another segment. */
static bool
make_segment(CasusLogCopy *copy, uint64 segment)
{
	char		path[MAXPGPATH];

	if (copy->fd >= 0)
		close(copy->fd);
	casus_logdir_file(path, copy->keys.node, segment);
	copy->fd = BasicOpenFilePerm(path, O_RDWR | O_CREAT | O_EXCL | PG_BINARY, 0600);
	return copy->fd >= 0;
}

/* What is to be verified stands at the start of rest, which begins at a place of the segment. */
static void
read_rest(CasusLogReader *reader, const CasusLogCopy *copy, uint64 start, size_t length)
{
	memset(reader, 0, sizeof(*reader));
	/* One that finds all in its buffer asks for no file. */
	reader->fd = -1;
	reader->buffer = (uint8 *) copy->rest.data;
	reader->filled = reader->room = length;
	reader->start = reader->offset = start;
	reader->limit = start + length;
}

/* Verified bytes of rest, from a place of a segment to another: on disk then. */
static bool
write_step(CasusLogCopy *copy, uint64 segment, uint64 start, uint64 from, uint64 to)
{
	char		directory[MAXPGPATH];

	if (from == to)
		return true;
	casus_logdir_path(directory, copy->keys.node);
	if (casus_logdir_write(copy->fd, copy->rest.data + (from - start), to - from, from) &&
		pg_fdatasync(copy->fd) == 0 &&
		(from != 0 || fsync_fname_ext(directory, true, false, LOG) == 0))
		return true;
	doubt_from(copy, segment, from);
	return false;
}

/* The first bytes of rest, whole records that hold, step by step. */
static bool
write_steps(CasusLogCopy *copy, uint64 segment, uint64 start, size_t length)
{
	CasusLogReader reader;
	CasusLogRecord record;
	uint64		from = start;

	read_rest(&reader, copy, start, length);
	if (start == 0)
	{
		from = reader.offset = CASUS_SEGMENT_HEADER;
		if (!make_segment(copy, segment) || !write_step(copy, segment, 0, 0, from))
			return false;
	}
	while (casus_logsegment_next(&reader, &record) == CASUS_LOG_OK)
		if (reader.offset - from > STEP)
		{
			if (!write_step(copy, segment, start, from, record.offset))
				return false;
			from = record.offset;
		}
	return write_step(copy, segment, start, from, start + length);
}

/* What lies between is not there any more: the next segment that comes begins anew. */
void
casus_logcopy_skip(CasusLogCopy *copy)
{
	copy->chain.point.segment = 0;
}

/*
 * The bytes that follow in a segment: in the one that the copy ends with, or
 * the start of another.  What is whole of them is verified and written; the
 * rest waits for what follows.  False with the reason: then the copy holds
 * what came before that, and must be opened anew.
 */
bool
casus_logcopy_add(CasusLogCopy *copy, uint64 segment, const char *bytes, size_t length,
				  const char **why)
{
	CasusLogPoint *point = &copy->chain.point;
	uint64		start = segment == point->segment ? point->offset : 0;
	uint64		seq = point->seq;
	CasusLogReader reader;
	CasusLogRecord record;
	bool		ok = true;
	size_t		whole;

	appendBinaryStringInfo(&copy->rest, bytes, length);
	if (start == 0 && copy->rest.len < CASUS_SEGMENT_HEADER)
		return true;
	read_rest(&reader, copy, start, copy->rest.len);
	if (start == 0)
		ok = casus_logchain_header(&copy->chain, &reader, segment);
	if (!ok)
		return refuse_finding(copy, "its log does not hold in", why);
	/* Behind segments that are missing nothing else ties it to what came before. */
	if (point->seq < seq)
		return casus_logcopy_refuse(why, "its log gives numbers again: segment " UINT64_FORMAT
					  " begins with entry " UINT64_FORMAT ", and entry " UINT64_FORMAT
					  " was collected before", segment, point->seq + 1, seq);
	while (ok && casus_logsegment_next(&reader, &record) == CASUS_LOG_OK)
		ok = casus_logchain_record(&copy->chain, &reader, &record);

	whole = point->offset - start;
	copy->unwritten = whole > 0 && !write_steps(copy, segment, start, whole);
	if (copy->unwritten)
		return casus_logcopy_refuse(why, "the copy cannot be written: %s", strerror(errno));
	if (!ok)
		return refuse_finding(copy, "its log does not hold in", why);
	copy->rest.len -= whole;
	memmove(copy->rest.data, copy->rest.data + whole, copy->rest.len);
	copy->rest.data[copy->rest.len] = '\0';
	if (copy->rest.len > CASUS_RECORD_HEADER + CASUS_RECORD_MAX + CASUS_LOG_MAC)
		return casus_logcopy_whole(copy, why);
	return true;
}

/* The other node says that its segment or its log ends here: does a record? */
bool
casus_logcopy_whole(CasusLogCopy *copy, const char **why)
{
	char		file[CASUS_SEGMENT_NAME];

	if (copy->rest.len == 0)
		return true;
	casus_logsegment_name(file, copy->chain.point.segment);
	return casus_logcopy_refuse(why, "its log does not hold in %s, position " UINT64_FORMAT ", entry " UINT64_FORMAT
				  ": the entry is cut off, or its length is changed, or what is here is none",
				  file, copy->chain.point.offset, copy->chain.point.seq + 1);
}
