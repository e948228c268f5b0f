/*
 * logstore.c
 *		The segment files, as their one writer handles them.
 *
 * "now" is the end of the log with what is in the buffer and what the kernel
 * has, "safe" the end of what is known to be on disk.  When something fails
 * the store goes back to safe; the records stand in the ring still.  After a
 * failed fdatasync nothing is believed of the file it was for: what was not
 * safe is cut off, and written anew in another file.
 *
 * A file is made longer by zeros ahead of the records, so that a sync has
 * nothing to write but them.  When the log goes on in another file, or stops,
 * that room is cut off.
 *
 * What it finds at start is in logrecover.c.  All state belongs to the writer
 * process; nothing is shared.  Failures are told by false and
 * casus_logstore_error().
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logstore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define ROOM	(512 * 1024)	/* bytes made ahead at a time */

static struct
{
	CasusLogKeys keys;
	int			fd;				/* of the segment in use; -1: the next write needs another */
	ino_t		inode;
	uint64		size;			/* of the file, room included */
	bool		cramped;		/* there was no room to be made: do without, in this file */
	CasusLogPoint now;
	CasusLogPoint safe;
	uint32		former_key;		/* of the last segment before with an entry; 0: not known */
	StringInfoData buffer;		/* ends at now */
	bool		changed;		/* somebody else wrote to it */
	bool		doubtful;		/* its last sync has failed: cut it at safe */
	int			error;			/* why the last call failed: errno or CASUS_LOG_* */
} store =
{
	.fd = -1
};

static bool
failed(void)
{
	store.error = errno ? errno : EIO;
	return false;
}

int
casus_logstore_error(void)
{
	return store.error;
}

/* Of the last record; 0: there is none. */
int64
casus_logstore_time(void)
{
	return store.now.time;
}

void
casus_logstore_head(CasusLogHead *head)
{
	memcpy(head->node, store.keys.node, CASUS_LOG_NODE);
	head->end = store.safe;
}

uint64
casus_logstore_buffered(void)
{
	return store.buffer.len;
}

static const CasusLogKey *
newest_key(void)
{
	return &store.keys.key[store.keys.nkeys - 1];
}

/* ---- which file ---- */

static void
close_file(void)
{
	if (store.fd >= 0)
		close(store.fd);
	store.fd = -1;
}

/* A file to go on with: it ends at safe.  False: it is not there, or not so. */
static bool
use_file(void)
{
	char		path[MAXPGPATH];
	struct stat st;

	if (store.safe.segment == 0)
		return false;
	casus_logdir_file(path, store.keys.node, store.safe.segment);
	store.fd = BasicOpenFile(path, O_RDWR | PG_BINARY);
	if (store.fd < 0)
		return false;
	if (fstat(store.fd, &st) != 0 || (uint64) st.st_size != store.safe.offset)
	{
		close_file();
		return false;
	}
	store.inode = st.st_ino;
	store.size = (uint64) st.st_size;
	store.cramped = false;
	return true;
}

/* Cuts the file off at the end of what is on disk.  False with errno. */
static bool
cut_at_safe(void)
{
	if (ftruncate(store.fd, (off_t) store.safe.offset) != 0)
		return false;
	store.size = store.safe.offset;
	return true;
}

static bool
write_at(const char *data, size_t length, uint64 offset)
{
	return casus_logdir_write(store.fd, data, length, offset);
}

/*
 * Zeros behind the end, up to the size at which the next file begins.  Where
 * they cannot be written the log goes on without, as long as it can.
 */
static void
make_room(uint64 end)
{
	static const char zeros[64 * 1024];
	uint64		target = Min(end + ROOM, (uint64) casus_log_segment_size * 1024);

	store.size = Max(store.size, end);
	if (store.cramped)
		return;
	for (uint64 at = end; at < target && !store.cramped; at += sizeof(zeros))
		store.cramped = !write_at(zeros, Min(sizeof(zeros), target - at), at);
	if (!store.cramped)
		store.size = Max(store.size, target);
	else if (ftruncate(store.fd, (off_t) end) == 0)
		store.size = end;
}

/*
 * Takes a file of that name out of the way: a half-made one that could not be
 * removed, or one that somebody put there.
 */
static bool
create_file(const char *path)
{
	char		aside[MAXPGPATH + 32];

	store.fd = BasicOpenFilePerm(path, O_RDWR | O_CREAT | O_EXCL | PG_BINARY, 0600);
	if (store.fd >= 0 || errno != EEXIST)
		return store.fd >= 0;
	snprintf(aside, sizeof(aside), "%s.aside-%lld", path, (long long) GetCurrentTimestamp());
	if (rename(path, aside) != 0)
		return false;
	store.fd = BasicOpenFilePerm(path, O_RDWR | O_CREAT | O_EXCL | PG_BINARY, 0600);
	return store.fd >= 0;
}

/* Makes the segment after safe, with the newest key; its header is on disk then. */
static bool
start_file(void)
{
	CasusLogPoint point = store.safe;
	char		path[MAXPGPATH];
	char		directory[MAXPGPATH];
	uint8		header[CASUS_SEGMENT_HEADER];
	struct stat st;

	if (!casus_logsegment_put_header(newest_key(), store.keys.node, &point,
									 casus_logstore_clock(), header))
		elog(ERROR, "the HMAC of the access log failed");
	if (!casus_logdir_make(store.keys.node))
		return failed();
	casus_logdir_path(directory, store.keys.node);
	casus_logdir_file(path, store.keys.node, point.segment);
	if (!create_file(path))
		return failed();
	if (!write_at((const char *) header, sizeof(header), 0) ||
		pg_fsync(store.fd) != 0 || fstat(store.fd, &st) != 0 ||
		fsync_fname_ext(directory, true, false, LOG) != 0)
	{
		failed();
		unlink(path);
		close_file();
		return false;
	}
	store.inode = st.st_ino;
	store.size = sizeof(header);
	store.cramped = false;
	if (store.safe.offset > CASUS_SEGMENT_HEADER)
		store.former_key = store.safe.key;
	store.now = store.safe = point;
	return true;
}

/*
 * The next segment; all that was added is on disk.  What a failed sync left
 * behind safe must be gone first, since those numbers are given out again.
 */
bool
casus_logstore_next(void)
{
	Assert(store.buffer.len == 0 && store.now.offset == store.safe.offset);
	if (store.doubtful && store.fd >= 0 &&
		(!cut_at_safe() || pg_fsync(store.fd) != 0))
		return failed();
	store.doubtful = false;
	casus_logstore_trim();
	close_file();
	return start_file();
}

/* Cuts off the room; where that fails there are zeros at the end of the file. */
void
casus_logstore_trim(void)
{
	if (store.fd >= 0 && store.size > store.safe.offset)
		(void) cut_at_safe();
}

/* Must the next record go to another segment? */
bool
casus_logstore_full(void)
{
	return store.fd < 0 || store.doubtful ||
		store.now.key != newest_key()->id ||
		store.now.offset >= (uint64) casus_log_segment_size * 1024;
}

/*
 * Is the file still there, and as it was left?  Else it is left as it is
 * now, and the log goes on in another one.
 */
bool
casus_logstore_check(bool *changed)
{
	char		path[MAXPGPATH];
	struct stat st;

	if (store.fd >= 0)
	{
		bool		same;

		casus_logdir_file(path, store.keys.node, store.now.segment);
		if (stat(path, &st) == 0)
			same = st.st_ino == store.inode &&
				(uint64) st.st_size == store.size;
		else if (errno == ENOENT)
			same = false;
		else
			return failed();
		if (!same)
		{
			store.changed = true;
			close_file();
		}
	}
	/* What the kernel had of it and not the disk (relaxed) is written anew. */
	if (store.fd < 0 && store.now.offset != store.safe.offset)
	{
		errno = EIO;
		return failed();
	}
	*changed = store.changed;
	store.changed = false;
	return true;
}

/* ---- records ---- */

/* Microseconds since 1970. */
int64
casus_logstore_clock(void)
{
	return GetCurrentTimestamp() +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

void
casus_logstore_add(CasusRecordKind kind, const char *payload, uint32 length)
{
	uint32		size = CASUS_RECORD_HEADER + length + CASUS_LOG_MAC;
	bool		settled = store.now.offset == store.safe.offset;

	enlargeStringInfo(&store.buffer, size);
	if (!casus_logsegment_put_record(casus_logsegment_key(&store.keys, store.now.key),
									 &store.now, kind, settled, casus_logstore_clock(),
									 payload, length,
									 (uint8 *) store.buffer.data + store.buffer.len))
		elog(ERROR, "the HMAC of the access log failed");
	store.buffer.len += size;
}

/* Gives the kernel what was added: all of it or nothing. */
bool
casus_logstore_write(void)
{
	uint64		start = store.now.offset - store.buffer.len;

	if (!write_at(store.buffer.data, store.buffer.len, start))
	{
		failed();
		if (ftruncate(store.fd, (off_t) start) != 0)
			store.doubtful = true;
		else
			store.size = start;
		return false;
	}
	store.buffer.len = 0;
	if (store.now.offset > store.size)
		make_room(store.now.offset);
	return true;
}

/*
 * After a failed fdatasync the kernel may have dropped what it could not
 * write, and says so once: a later one that succeeds proves nothing.
 */
bool
casus_logstore_sync(void)
{
	if (pg_fdatasync(store.fd) != 0)
	{
		failed();
		store.doubtful = true;
		return false;
	}
	store.safe = store.now;
	return true;
}

/* Back to what is on disk. */
void
casus_logstore_undo(void)
{
	bool		beyond = store.now.offset != store.safe.offset;

	store.buffer.len = 0;
	store.now = store.safe;
	if (beyond && store.fd >= 0 && !store.doubtful && !cut_at_safe())
		store.doubtful = true;
}

/* A new key, for the next segment. */
bool
casus_logstore_new_key(void)
{
	return casus_logkey_add(&store.keys) || failed();
}

/* Is the next entry the first that another key makes than the one before it? */
bool
casus_logstore_rekeyed(void)
{
	return store.now.offset == CASUS_SEGMENT_HEADER && store.former_key != 0 &&
		store.now.key != store.former_key;
}

/* ---- start ---- */

static bool
obtain_keys(bool *made)
{
	const char *why;

	if (casus_logkey_obtain(&store.keys, made, &why))
		return true;
	store.error = CASUS_LOG_NO_KEY;
	ereport(LOG,
			(errmsg("casus cannot use the key file \"%s\" of its access log: %s",
					casus_logkey_path(), why)));
	return false;
}

/*
 * The log of a key file that is there, and not in this directory: it is
 * elsewhere (a disk that is not mounted), or was never begun.  A directory that
 * cannot be made is no reason to begin another one.  False with the error.
 */
static bool
begin_elsewhere(bool *made)
{
	char		node[2 * CASUS_LOG_NODE + 1];
	const char *why;

	if (*made || casus_logdir_is_made(store.keys.node))
		return true;
	casus_logsegment_hex(node, store.keys.node, CASUS_LOG_NODE);
	if (!casus_logdir_can_make())
		return failed();
	if (!casus_logkey_replace(&store.keys, &why))
	{
		store.error = CASUS_LOG_NO_KEY;
		ereport(LOG,
				(errmsg("casus cannot put the key file \"%s\" of its access log aside: %s",
						casus_logkey_path(), why)));
		return false;
	}
	*made = true;
	ereport(WARNING,
			(errmsg("the access log of node %s is not in \"%s\": another one begins there",
					node, casus_sink_directory()),
			 errdetail("Its keys are kept in \"%s.d/%s\".", casus_logkey_path(), node),
			 errhint("Where a disk was not mounted: stop the server, mount it, move the key file that is there now into that directory as well, put that one back as casus.log_key_file, and start it.")));
	return true;
}

/* A crash may have left segments of which the checkpoint says that they are gone. */
static void
finish_purge(void)
{
	CasusLogCheckpoint checkpoint;

	if (casus_logrecover_checkpoint(&store.keys, &checkpoint))
		(void) casus_logdir_remove(store.keys.node, checkpoint.segment);
}

/* A crash may have left a segment without an entry; which key made the entry before it? */
static void
find_former_key(bool changed)
{
	CasusLogHeader header;

	/* What was changed had entries, by the key of its header. */
	store.former_key = changed ? store.safe.key : 0;
	if (changed || store.safe.offset != CASUS_SEGMENT_HEADER)
		return;
	for (uint64 segment = store.safe.segment - 1; segment > 0; segment--)
	{
		if (!casus_logdir_header(&store.keys, segment, &header))
			return;
		if (header.first_seq <= store.safe.seq)
		{
			store.former_key = header.key;
			return;
		}
	}
}

/*
 * Where the log goes on.  head: as this server knows it, when only the writer
 * was started again; what stands behind that is in the ring still.
 */
bool
casus_logstore_open(const CasusLogHead *head, CasusLogFound *found)
{
	memset(found, 0, sizeof(*found));
	close_file();
	store.doubtful = false;
	if (store.buffer.data == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&store.buffer);
		MemoryContextSwitchTo(old);
	}
	store.buffer.len = 0;
	if (!obtain_keys(&found->made_key))
		return false;
	if ((head == NULL || memcmp(head->node, store.keys.node, CASUS_LOG_NODE) != 0) &&
		!begin_elsewhere(&found->made_key))
		return false;

	if (!casus_logdir_make(store.keys.node) || !casus_logdir_lock(store.keys.node))
		return failed();

	finish_purge();
	memset(&store.safe, 0, sizeof(store.safe));
	if (head != NULL && memcmp(head->node, store.keys.node, CASUS_LOG_NODE) == 0)
		casus_logrecover_resume(&store.keys, &head->end, &store.safe, found);
	else if (!casus_logrecover_find(&store.keys, &store.safe, found))
		return failed();
	find_former_key(found->changed);
	store.now = store.safe;
	/* What was found changed is left as it is. */
	if (!found->changed)
		(void) use_file();
	return true;
}
