/*
 * hold.c
 *		For LD_PRELOAD: while the file $HOLD.rename is there, who is about to
 *		give the checkpoint of an access log its name waits, and while $HOLD.unlink
 *		is there, who is about to remove a segment; $HOLD.held says that somebody
 *		does.
 *
 * Copyright (c) 2026, the casus developers
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void
hold(const char *step, const char *path, const char *end)
{
	const char *order = getenv("HOLD");
	size_t		length = strlen(path);
	struct timespec wait = {0, 5000000};
	char		name[4096];
	int			fd;

	if (order == NULL || length < strlen(end) || strcmp(path + length - strlen(end), end) != 0)
		return;
	snprintf(name, sizeof(name), "%s.%s", order, step);
	if (access(name, F_OK) != 0)
		return;
	snprintf(name, sizeof(name), "%s.held", order);
	fd = open(name, O_WRONLY | O_CREAT, 0600);
	if (fd >= 0)
		close(fd);
	snprintf(name, sizeof(name), "%s.%s", order, step);
	while (access(name, F_OK) == 0)
		(void) syscall(SYS_nanosleep, &wait, NULL);
}

int
rename(const char *from, const char *to)
{
	static int	(*next) (const char *, const char *) = NULL;

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "rename");
	hold("rename", to, "/checkpoint");
	return next(from, to);
}

int
unlink(const char *path)
{
	static int	(*next) (const char *) = NULL;

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "unlink");
	hold("unlink", path, ".log");
	return next(path);
}
