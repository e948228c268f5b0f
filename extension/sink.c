/*
 * sink.c
 *		Where log records go: one append-only file of JSON lines per cluster.
 *
 * Every backend appends by itself, several lines with one write().  The write
 * lock makes that one after another, so that the number in each line ("seq")
 * counts without gaps in the order of the file.  fdatasync is shared: who
 * comes while another one syncs is covered by the next sync, not by his own.
 *
 * Guarded by write_lock: sequence, torn, inode and end, the end of the file.  Guarded by
 * sync_lock: nothing but the right to call fdatasync.  written, durable,
 * failures and failing are atomics that may be read without a lock.
 *
 * The functions named try_ never raise: they serve where an error is being
 * sent already.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/fd.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define DEFAULT_DIRECTORY	"casus_log"
#define LOG_FILE			"access.jsonl"
#define NUMBER_START		"{\"seq\":"
#define NUMBER_ROOM			32	/* bytes for that, 20 digits and a comma */

typedef struct SinkShared
{
	LWLock		write_lock;
	LWLock		sync_lock;
	uint64		sequence;		/* number of the last line */
	bool		torn;			/* the file may end inside a line */
	ino_t		inode;			/* of the file written last; 0: of none yet */
	off_t		end;			/* where that ended */
	pg_atomic_uint64 written;	/* bytes appended since the start */
	pg_atomic_uint64 durable;	/* of these, known to be on disk */
	pg_atomic_uint64 failures;	/* failed syncs: what was waiting is doubtful */
	pg_atomic_uint32 failing;	/* the last append or sync failed */
} SinkShared;

static SinkShared *shared = NULL;

static int	log_fd = -1;
static uint64 my_end = 0;		/* written, right after my last append */
static uint64 my_failures = 0;	/* failures, at my oldest unsynced append */
static bool my_waiting = false; /* I appended what I have not synced */

const char *
casus_sink_directory(void)
{
	return casus_log_directory && casus_log_directory[0] ?
		casus_log_directory : DEFAULT_DIRECTORY;
}

void
casus_sink_path(char *path)
{
	snprintf(path, MAXPGPATH, "%s/" LOG_FILE, casus_sink_directory());
}

/*
 * Opens the file, and makes it and its directory where they are missing.
 * False with errno when that cannot be.
 */
static bool
open_log(void)
{
	char		path[MAXPGPATH];
	struct stat st;

	if (log_fd >= 0)
		return true;
	casus_sink_path(path);
	log_fd = BasicOpenFilePerm(path, O_RDWR | O_APPEND | PG_BINARY, 0600);
	if (log_fd >= 0)
		return true;
	if (errno != ENOENT)
		return false;

	if (stat(casus_sink_directory(), &st) != 0 &&
		mkdir(casus_sink_directory(), S_IRWXU) != 0 && errno != EEXIST)
		return false;
	log_fd = BasicOpenFilePerm(path, O_RDWR | O_APPEND | O_CREAT | PG_BINARY,
							   0600);
	if (log_fd < 0)
		return false;
	/* The name must survive a crash as well as the lines do. */
	(void) fsync_fname_ext(casus_sink_directory(), true, true, LOG);
	(void) fsync_fname_ext(DataDir, true, true, LOG);
	return true;
}

/*
 * Size of the file.  A file that was taken away (an over-eager rotation) is
 * made anew: lines in a file without a name are on no record.
 */
static bool
current_size(off_t *size)
{
	struct stat st;

	if (fstat(log_fd, &st) != 0)
		return false;
	if (st.st_nlink == 0)
	{
		(void) pg_fdatasync(log_fd);
		close(log_fd);
		log_fd = -1;
		if (!open_log() || fstat(log_fd, &st) != 0)
			return false;
	}
	*size = st.st_size;
	return true;
}

/*
 * Is the file that was written last longer or shorter than it was left?  Then
 * somebody else wrote to it.  The write lock is held.
 */
static bool
was_changed(void)
{
	struct stat st;

	return shared->inode != 0 && fstat(log_fd, &st) == 0 &&
		st.st_ino == shared->inode && st.st_size != shared->end;
}

static void
note_end(off_t end)
{
	struct stat st;

	shared->inode = fstat(log_fd, &st) == 0 ? st.st_ino : 0;
	shared->end = end;
}

/* Writes all of it or nothing; the write lock is held. */
static bool
write_whole(const char *data, size_t length)
{
	off_t		before;
	size_t		done = 0;

	if (!current_size(&before))
		return false;
	while (done < length)
	{
		ssize_t		n = write(log_fd, data + done, length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			int			save_errno = n < 0 ? errno : ENOSPC;

			/* What follows must not be glued to half a line. */
			if (done > 0 && ftruncate(log_fd, before) != 0)
			{
				shared->torn = true;
				shared->inode = 0;
			}
			errno = save_errno;
			return false;
		}
		done += n;
	}
	note_end(before + length);
	return true;
}

/*
 * Numbers the lines while copying them: each starts with an opening brace,
 * after which its number goes.  Returns the length.
 */
static size_t
number_lines(char *target, const char *lines, int length, uint64 *sequence)
{
	char	   *out = target;
	const char *end = lines + length;

	if (shared->torn)
		*out++ = '\n';
	while (lines < end)
	{
		const char *newline = memchr(lines, '\n', end - lines);
		size_t		size = (newline ? newline + 1 : end) - lines;

		Assert(lines[0] == '{');
		memcpy(out, NUMBER_START, sizeof(NUMBER_START) - 1);
		out += sizeof(NUMBER_START) - 1;
		out += pg_ulltoa_n(++(*sequence), out);
		*out++ = ',';
		memcpy(out, lines + 1, size - 1);
		out += size - 1;
		if (newline == NULL)
			*out++ = '\n';
		lines += size;
	}
	return out - target;
}

static int
count_lines(const char *lines, int length)
{
	const char *end = lines + length;
	int			n = 1;

	while ((lines = memchr(lines, '\n', end - lines)) != NULL)
	{
		lines++;
		n++;
	}
	return n;
}

/*
 * The file is opened anew for the next attempt: what stood in the way may have
 * been replaced (a directory moved, a volume mounted) since it was opened.
 */
static bool
note_failure(void)
{
	int			save_errno = errno;

	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
	if (shared && pg_atomic_exchange_u32(&shared->failing, 1) == 0)
		ereport(LOG_SERVER_ONLY,
				(errmsg("casus cannot write its access log in \"%s\": %s",
						casus_sink_directory(), strerror(save_errno)),
				 errdetail("Protected rows are not read until it can.")));
	errno = save_errno;
	return false;
}

/*
 * Appends lines, each an object that starts with a brace and ends with a
 * newline.  Never raises; false with errno when they are not in the file.
 */
bool
casus_sink_try_append(const char *lines, int length)
{
	static const char changed[] = "{\"kind\":\"attempt\",\"code\":\"log_changed\"}\n";
	char	   *numbered;
	size_t		size;
	size_t		first = 0;
	uint64		sequence;
	bool		ok;

	if (length == 0)
		return true;
	if (shared == NULL)
	{
		errno = ENOTSUP;
		return false;
	}
	if (!open_log())
		return note_failure();

	size = (size_t) length + (size_t) count_lines(lines, length) * NUMBER_ROOM + 2 +
		sizeof(changed) + NUMBER_ROOM + 2;
	numbered = MemoryContextAllocExtended(TopMemoryContext, size,
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (numbered == NULL)
	{
		errno = ENOMEM;
		return note_failure();
	}

	LWLockAcquire(&shared->write_lock, LW_EXCLUSIVE);
	sequence = shared->sequence;
	if (was_changed())
	{
		/* What somebody else wrote may end inside a line. */
		shared->torn = true;
		first = number_lines(numbered, changed, sizeof(changed) - 1, &sequence);
		shared->torn = false;
	}
	size = first + number_lines(numbered + first, lines, length, &sequence);
	ok = write_whole(numbered, size);
	if (ok)
	{
		shared->sequence = sequence;
		shared->torn = false;
		if (!my_waiting)
			my_failures = pg_atomic_read_u64(&shared->failures);
		my_waiting = true;
		my_end = pg_atomic_add_fetch_u64(&shared->written, size);
	}
	LWLockRelease(&shared->write_lock);

	pfree(numbered);
	if (!ok)
		return note_failure();
	return true;
}

/*
 * After a failed fdatasync the kernel may have dropped what it could not
 * write, and says so once.  Whoever waited for that sync must not believe a
 * later one; hence the count of failures.
 */
static bool
sync_file(void)
{
	uint64		target = pg_atomic_read_u64(&shared->written);

	if (pg_fdatasync(log_fd) != 0)
	{
		pg_atomic_fetch_add_u64(&shared->failures, 1);
		return false;
	}
	pg_atomic_write_u64(&shared->durable, target);
	return true;
}

/* Makes durable what this backend appended; never raises. */
bool
casus_sink_try_sync(void)
{
	bool		ok = true;

	if (!my_waiting)
		return true;
	if (!open_log())
		return note_failure();
	while (ok && pg_atomic_read_u64(&shared->durable) < my_end)
	{
		if (!LWLockAcquireOrWait(&shared->sync_lock, LW_EXCLUSIVE))
			continue;			/* somebody synced; was it far enough? */
		if (pg_atomic_read_u64(&shared->durable) < my_end)
			ok = sync_file();
		LWLockRelease(&shared->sync_lock);
	}
	if (ok && my_failures != pg_atomic_read_u64(&shared->failures))
	{
		errno = EIO;
		ok = false;
	}
	if (!ok)
		return note_failure();	/* and still waiting: it stays on no record */
	my_waiting = false;
	return true;
}

/* Did this backend append what is not yet durable? */
bool
casus_sink_waiting(void)
{
	return my_waiting;
}

/* Has anybody? Parallel workers append for their leader, who waits for all. */
bool
casus_sink_lagging(void)
{
	return shared && pg_atomic_read_u64(&shared->durable) <
		pg_atomic_read_u64(&shared->written);
}

/* Takes over, as if it were this backend's own, whatever has been appended. */
void
casus_sink_cover(void)
{
	if (!casus_sink_lagging())
		return;
	if (!my_waiting)
		my_failures = pg_atomic_read_u64(&shared->failures);
	my_waiting = true;
	my_end = pg_atomic_read_u64(&shared->written);
}

static void
refuse_unavailable(void)
{
	int			save_errno = errno;

	casus_refuse("log_unavailable",
				 _("the access log cannot be written"),
				 psprintf(_("Nothing protected is read without a record of it: %s."),
						  strerror(save_errno)),
				 _("Ask the administrator to look at the log directory; reading resumes by itself."));
}

/*
 * Called before the first protected row of a statement is let through.  While
 * the log is known to fail this tries again, with a line that shows the end
 * of the gap, and refuses while no row has left; so only the statement that
 * meets the first failure loses its connection.
 */
void
casus_sink_ready(void)
{
	static const char resumed[] = "{\"kind\":\"maintenance\",\"code\":\"log_resumed\"}\n";

	if (shared == NULL)
	{
		errno = ENOTSUP;
		refuse_unavailable();
	}
	if (!open_log())
	{
		note_failure();
		refuse_unavailable();
	}
	if (likely(pg_atomic_read_u32(&shared->failing) == 0))
		return;
	if (!casus_sink_try_append(resumed, sizeof(resumed) - 1) ||
		!casus_sink_try_sync())
		refuse_unavailable();
	pg_atomic_write_u32(&shared->failing, 0);
}

void
casus_sink_append(const char *line, int len)
{
	if (!casus_sink_try_append(line, len))
		refuse_unavailable();
}

void
casus_sink_sync(void)
{
	if (!casus_sink_try_sync())
		refuse_unavailable();
}

/*
 * Finds the number of the last whole line, going back from the end: numbers
 * go on after a restart.  A newline inside a text is escaped, so the pattern
 * stands at the start of a line only.
 */
static uint64
last_number(off_t size)
{
	static const char pattern[] = NUMBER_START;
	const int	plen = sizeof(pattern) - 1;
	char		chunk[8192 + 64];
	off_t		end = size;

	while (end > 0)
	{
		off_t		start = Max((off_t) 0, end - 8192);
		size_t		want = Min(size, end + 40) - start;
		ssize_t		got = pg_pread(log_fd, chunk, want, start);

		if (got < (ssize_t) want)
			return 0;
		chunk[got] = '\0';
		for (ssize_t i = got - plen - 1; i >= 0; i--)
		{
			if (memcmp(chunk + i, pattern, plen) != 0)
				continue;
			if (i == 0 ? start == 0 : chunk[i - 1] == '\n')
			{
				char	   *after;
				uint64		number = strtoull(chunk + i + plen, &after, 10);

				/* Cut off inside the number, it is no number. */
				if (*after == ',')
					return number;
			}
		}
		end = start;
	}
	return 0;
}

/*
 * In the postmaster, at start and after a crash.  A line that was cut off is
 * ended here, and stays in the file as what it is: readers skip it.
 */
static void
recover_log(void)
{
	off_t		size;
	char		last = '\n';

	if (!open_log() || !current_size(&size) ||
		(size > 0 && pg_pread(log_fd, &last, 1, size - 1) != 1))
	{
		note_failure();
		return;
	}
	shared->torn = last != '\n';
	shared->sequence = last_number(size);
	/* Backends open the file for themselves: the postmaster keeps none. */
	close(log_fd);
	log_fd = -1;
}

static void
sink_startup(void)
{
	bool		found;

	shared = ShmemInitStruct("casus sink", sizeof(SinkShared), &found);
	if (!found)
	{
		int			tranche = LWLockNewTrancheId();

		memset(shared, 0, sizeof(SinkShared));
		LWLockInitialize(&shared->write_lock, tranche);
		LWLockInitialize(&shared->sync_lock, tranche);
		LWLockRegisterTranche(tranche, "casus_log");
		pg_atomic_init_u64(&shared->written, 0);
		pg_atomic_init_u64(&shared->durable, 0);
		pg_atomic_init_u64(&shared->failures, 0);
		pg_atomic_init_u32(&shared->failing, 0);
		recover_log();
	}
}

void
casus_sink_init(void)
{
	if (!casus_preloaded)
		return;
	casus_shmem_request(sizeof(SinkShared));
	casus_shmem_add(sink_startup);
}
