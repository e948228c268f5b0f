/*
 * segment.h
 *		For the disks of this directory: is a file a segment of the access log?
 *
 * Copyright (c) 2026, the casus developers
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* part: only one whose path has that in it; NULL: any. */
static int
is_segment_with(int fd, const char *part)
{
	char		link[64];
	char		path[4096];
	ssize_t		length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 4)
		return 0;
	path[length] = '\0';
	if (part != NULL && strstr(path, part) == NULL)
		return 0;
	return strstr(path, "/casus_log/") != NULL && strcmp(path + length - 4, ".log") == 0;
}
