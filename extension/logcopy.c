/*
 * logcopy.c
 *		The copy of another node's chain, below casus.log_directory in a directory
 *		of that node's name, byte by byte as its writer wrote it.
 *
 * Nothing comes into it that does not verify by that node's keys and by what
 * the copy ends with: what was changed on the way, or is of another log that
 * bears the same name, is refused and named.  What a crash of this server
 * left of it unfinished is cut off, and comes again.
 *
 * One process has a copy open at a time (the file lock in its directory, as
 * the writer of a log has it).  All else is private to that process.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logcopy.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/fd.h"

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

/* Moves the chain's point behind what holds of a file; what follows is told by read. */
static bool
pass_records(CasusLogCopy *copy, CasusLogReader *reader, CasusLogRead *read)
{
	CasusLogRecord record;

	while ((*read = casus_logsegment_next(reader, &record)) == CASUS_LOG_OK)
		if (!casus_logchain_record(&copy->chain, reader, &record))
			return false;
	return true;
}

/* The last segment of the copy; what is no whole record behind what holds is cut off. */
static bool
check_segment(CasusLogCopy *copy, uint64 segment, const char **why)
{
	CasusLogReader reader;
	CasusLogRead read = CASUS_LOG_END;
	bool		ok;

	if (!casus_logsegment_open(&reader, copy->fd, UINT64_MAX))
		return casus_logcopy_refuse(why, "the copy on this server cannot be read: %s", strerror(errno));
	ok = casus_logchain_header(&copy->chain, &reader, segment) &&
		pass_records(copy, &reader, &read);
	casus_logsegment_close(&reader);
	if (!ok)
		return refuse_finding(copy, "the copy on this server is changed in", why);
	if (read == CASUS_LOG_FAILED ||
		(read == CASUS_LOG_TORN &&
		 (ftruncate(copy->fd, (off_t) copy->chain.point.offset) != 0 || pg_fsync(copy->fd) != 0)))
		return casus_logcopy_refuse(why, "the copy on this server cannot be mended: %s", strerror(errno));
	return true;
}

/* Where the copy ends: nowhere, when there is none. */
static bool
find_end(CasusLogCopy *copy, const char **why)
{
	uint64		before = UINT64_MAX;
	uint64		first;
	uint64		last;
	char		path[MAXPGPATH];

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
		if (lseek(copy->fd, 0, SEEK_END) >= CASUS_SEGMENT_HEADER)
			return check_segment(copy, last, why);
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
	if (!casus_logchain_begin(&copy->chain, &copy->keys))
		elog(ERROR, "the HMAC of the access log failed");
	if (!casus_logkey_of_node(&copy->keys, node, why) ||
		(!casus_logdir_make(node) &&
		 !casus_logcopy_refuse(why, "the directory of the copy cannot be made: %s", strerror(errno))) ||
		!lock_directory(copy, node, why) ||
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
	casus_logchain_free(&copy->chain);
	explicit_bzero(&copy->keys, sizeof(copy->keys));
	if (copy->fd >= 0)
		close(copy->fd);
	if (copy->lock >= 0)
		close(copy->lock);
	pfree(copy->rest.data);
	pfree(copy);
}

/* ---- what comes ---- */

/* Verified bytes of a segment, from a place on: on disk then. */
static bool
write_segment(CasusLogCopy *copy, uint64 segment, const char *bytes, size_t length, uint64 place)
{
	char		path[MAXPGPATH];
	char		directory[MAXPGPATH];
	bool		is_new = place == 0;

	if (is_new)
	{
		if (copy->fd >= 0)
			close(copy->fd);
		casus_logdir_path(directory, copy->keys.node);
		casus_logdir_file(path, copy->keys.node, segment);
		copy->fd = BasicOpenFilePerm(path, O_RDWR | O_CREAT | O_EXCL | PG_BINARY, 0600);
	}
	if (copy->fd < 0)
		return false;
	return casus_logdir_write(copy->fd, bytes, length, place) &&
		pg_fdatasync(copy->fd) == 0 &&
		(!is_new || fsync_fname_ext(directory, true, false, LOG) == 0);
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
	CasusLogReader reader = {0};
	CasusLogRead read;
	bool		ok = true;
	size_t		whole;

	appendBinaryStringInfo(&copy->rest, bytes, length);
	if (start == 0 && copy->rest.len < CASUS_SEGMENT_HEADER)
		return true;
	/* A reader that finds all in its buffer asks for no file. */
	reader.fd = -1;
	reader.buffer = (uint8 *) copy->rest.data;
	reader.filled = reader.room = copy->rest.len;
	reader.start = reader.offset = start;
	reader.limit = start + copy->rest.len;
	if (start == 0)
		ok = casus_logchain_header(&copy->chain, &reader, segment);
	if (!ok)
		return refuse_finding(copy, "its log does not hold in", why);
	/* Behind segments that are missing nothing else ties it to what came before. */
	if (point->seq < seq)
		return casus_logcopy_refuse(why, "its log gives numbers again: segment " UINT64_FORMAT
					  " begins with entry " UINT64_FORMAT ", and entry " UINT64_FORMAT
					  " was collected before", segment, point->seq + 1, seq);
	ok = pass_records(copy, &reader, &read);

	whole = point->offset - start;
	if (whole > 0 && !write_segment(copy, segment, copy->rest.data, whole, start))
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
