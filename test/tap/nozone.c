/*
 * nozone.c
 *		For LD_PRELOAD: a machine whose time zone data lack Europe/Amsterdam.
 *
 * Copyright (c) 2026, the casus developers
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

static int
open_next(const char *name, const char *path, int flags, mode_t mode)
{
	static const char zone[] = "/Europe/Amsterdam";
	size_t		length = strlen(path);
	int			(*next) (const char *, int,...) = dlsym(RTLD_NEXT, name);

	if (length >= strlen(zone) && strcmp(path + length - strlen(zone), zone) == 0)
	{
		errno = ENOENT;
		return -1;
	}
	return next(path, flags, mode);
}

#define OPEN(name) \
int \
name(const char *path, int flags,...) \
{ \
	mode_t		mode = 0; \
	va_list		arguments; \
\
	if (flags & (O_CREAT | O_TMPFILE)) \
	{ \
		va_start(arguments, flags); \
		mode = va_arg(arguments, mode_t); \
		va_end(arguments); \
	} \
	return open_next(#name, path, flags, mode); \
}

OPEN(open)
OPEN(open64)
