/*
 * slowsync.c
 *		For LD_PRELOAD: a disk whose fdatasync takes $SLOWSYNC microseconds, no
 *		more and no less, whatever else the machine does with its own.
 *
 * Copyright (c) 2026, the casus developers
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

int
fdatasync(int fd)
{
	const char *microseconds = getenv("SLOWSYNC");
	long		n = microseconds ? atol(microseconds) : 0;
	struct timespec wait = {n / 1000000, n % 1000000 * 1000};

	(void) fd;
	return nanosleep(&wait, NULL);
}
