/*
 * slowdisk.c
 *		For LD_PRELOAD: a disk on which the sync of a segment of the access log
 *		takes $SLOWDISK milliseconds, in a world whose clock that nobody sets goes
 *		a hundred times slower: who is given a moment by it has a hundred.
 *
 * Copyright (c) 2026, the casus developers
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

#include "segment.h"

#define SLOWER	100

int
fdatasync(int fd)
{
	const char *milliseconds = getenv("SLOWDISK");
	long		n = milliseconds && is_segment_with(fd, NULL) ? atol(milliseconds) : 0;
	struct timespec wait = {n / 1000, n % 1000 * 1000000};

	return nanosleep(&wait, NULL);
}

int
clock_gettime(clockid_t clock, struct timespec *time)
{
	int			result = (int) syscall(SYS_clock_gettime, clock, time);

	if (result == 0 && clock == CLOCK_MONOTONIC)
	{
		long long	slow = (time->tv_sec * 1000000000LL + time->tv_nsec) / SLOWER;

		time->tv_sec = slow / 1000000000;
		time->tv_nsec = slow % 1000000000;
	}
	return result;
}
