/*
 * baddisk.c
 *		For LD_PRELOAD: a disk of which segments of the access log cannot be
 *		read, with EIO, while there is a file of the name in $BADDISK with .read
 *		behind it; and on which no room is left while there is one with .room.
 *
 * Copyright (c) 2026, the casus developers
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "segment.h"

static int
is_ordered(const char *what)
{
	const char *order = getenv("BADDISK");
	char		path[4096];

	if (order == NULL)
		return 0;
	snprintf(path, sizeof(path), "%s.%s", order, what);
	return access(path, F_OK) == 0;
}

ssize_t
pread(int fd, void *data, size_t length, off_t offset)
{
	static ssize_t (*next) (int, void *, size_t, off_t) = NULL;

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "pread");
	if (is_ordered("read") && is_segment_with(fd, NULL))
	{
		errno = EIO;
		return -1;
	}
	return next(fd, data, length, offset);
}

int
statvfs(const char *path, struct statvfs *room)
{
	static int	(*next) (const char *, struct statvfs *) = NULL;
	int			result;

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "statvfs");
	result = next(path, room);
	if (result == 0 && is_ordered("room"))
		room->f_bavail = 0;
	return result;
}
