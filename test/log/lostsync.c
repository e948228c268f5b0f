/*
 * lostsync.c
 *		For LD_PRELOAD: a disk that loses what it was given.  While the file
 *		that $LOSTSYNC names is there, the next sync of a segment of the access
 *		log takes it away, fails with EIO, and what was written to the segment
 *		since the last one is gone; the sync after that succeeds, as the
 *		kernel's does.
 *
 *		$LOSTSYNC_IN: only of segments whose path has that in it.
 *		$LOSTSYNC_LATE: who reads the segment finds what was lost until the
 *		sync after that, as long as the kernel has it in its cache; it stays
 *		where it has been written again.
 *
 * Copyright (c) 2026, the casus developers
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment.h"

static int	segment = -1;		/* the file that was written to last */
static off_t from = 0;			/* what was written since the last sync */
static off_t to = 0;
static ino_t dropped = 0;		/* $LOSTSYNC_LATE: of which file, and what */
static off_t dropped_from = 0;
static off_t dropped_to = 0;

static int
is_segment(int fd)
{
	return is_segment_with(fd, getenv("LOSTSYNC_IN"));
}

static int
is_dropped(int fd)
{
	struct stat st;

	return dropped != 0 && fstat(fd, &st) == 0 && st.st_ino == dropped;
}

ssize_t
pwrite(int fd, const void *data, size_t length, off_t offset)
{
	static ssize_t (*next) (int, const void *, size_t, off_t) = NULL;
	ssize_t		result;

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "pwrite");
	result = next(fd, data, length, offset);
	if (result > 0 && is_segment(fd))
	{
		if (segment != fd || from == to)
		{
			segment = fd;
			from = offset;
			to = offset;
		}
		if (offset < from)
			from = offset;
		if (offset + result > to)
			to = offset + result;
		if (is_dropped(fd) && offset <= dropped_from)
			dropped = 0;
	}
	return result;
}

ssize_t
pwrite64(int fd, const void *data, size_t length, off_t offset)
{
	return pwrite(fd, data, length, offset);
}

static void
erase(int fd, off_t begin, off_t end)
{
	static const char zero = 0;
	struct stat st;

	for (off_t at = begin; at < end && fstat(fd, &st) == 0 && at < st.st_size; at++)
		(void) pwrite(fd, &zero, 1, at);
}

static int
lose(int fd)
{
	const char *order = getenv("LOSTSYNC");
	int			lost;

	if (order == NULL || fd != segment || from == to || !is_segment(fd))
		return 0;
	lost = unlink(order) == 0;
	if (lost && getenv("LOSTSYNC_LATE") == NULL)
		erase(fd, from, to);
	else if (lost)
	{
		struct stat st;

		dropped = fstat(fd, &st) == 0 ? st.st_ino : 0;
		dropped_from = from;
		dropped_to = to;
	}
	if (lost)
		errno = EIO;
	from = to = 0;
	return lost;
}

int
fdatasync(int fd)
{
	static int	(*next) (int) = NULL;

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "fdatasync");
	if (lose(fd))
		return -1;
	if (is_dropped(fd))
	{
		dropped = 0;
		erase(fd, dropped_from, dropped_to);
	}
	return next(fd);
}
