/*
 * logdir.c
 *		Where the segments of the access log are: a directory per node below
 *		casus.log_directory.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "storage/fd.h"

#define LOCK_NAME	"lock"

/* MAXPGPATH bytes each. */
void
casus_logdir_path(char *path, const uint8 *node)
{
	char		hex[2 * CASUS_LOG_NODE + 1];

	casus_logsegment_hex(hex, node, CASUS_LOG_NODE);
	snprintf(path, MAXPGPATH, "%s/%s", casus_sink_directory(), hex);
}

void
casus_logdir_file(char *path, const uint8 *node, uint64 segment)
{
	char		directory[MAXPGPATH];
	char		name[CASUS_SEGMENT_NAME];

	casus_logdir_path(directory, node);
	casus_logsegment_name(name, segment);
	snprintf(path, MAXPGPATH, "%.*s/%s", MAXPGPATH - CASUS_SEGMENT_NAME - 2, directory, name);
}

/* May another account put files into it, or put another in its place? */
static bool
is_exposed(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 &&
		((st.st_uid != geteuid() && st.st_uid != 0) ||
		 (st.st_mode & (S_IWGRP | S_IWOTH)) != 0);
}

/* Are there, or can there be, logs of nodes?  False as below. */
bool
casus_logdir_can_make(void)
{
	if (is_exposed(casus_sink_directory()))
	{
		errno = CASUS_LOG_EXPOSED;
		return false;
	}
	return (mkdir(casus_sink_directory(), S_IRWXU) == 0 || errno == EEXIST) &&
		access(casus_sink_directory(), W_OK) == 0;
}

/*
 * Makes the directories that are missing; their names survive a crash, whoever
 * made them, and whatever came between.  Whose they are is looked at when a
 * segment is made.  False with errno or CASUS_LOG_EXPOSED in it.
 */
bool
casus_logdir_make(const uint8 *node)
{
	char		path[MAXPGPATH];
	char		parent[MAXPGPATH];

	casus_logdir_path(path, node);
	if (is_exposed(path))
	{
		errno = CASUS_LOG_EXPOSED;
		return false;
	}
	if (!casus_logdir_can_make())
		return false;
	if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
		return false;
	strlcpy(parent, casus_sink_directory(), sizeof(parent));
	get_parent_directory(parent);
	/* Where it may not be read, its owner has made what is in it. */
	return fsync_fname_ext(casus_sink_directory(), true, false, LOG) == 0 &&
		fsync_fname_ext(parent[0] ? parent : ".", true, true, LOG) == 0;
}

/* Was it made here for that node, by its writer?  What cannot be looked at is. */
bool
casus_logdir_is_made(const uint8 *node)
{
	char		path[MAXPGPATH];
	struct stat st;
	uint64		first;
	uint64		last;

	casus_logdir_path(path, node);
	strlcat(path, "/" LOCK_NAME, sizeof(path));
	return stat(path, &st) == 0 || errno != ENOENT ||
		!casus_logdir_range(node, 0, UINT64_MAX, &first, &last) || last != 0;
}

/*
 * Is there room for more than the own log needs next, where the log of a node
 * is kept?  Where that cannot be known, writing tells.
 */
bool
casus_logdir_has_room(const uint8 *node, uint64 reserve)
{
	char		path[MAXPGPATH];
	struct statvfs room;

	casus_logdir_path(path, node);
	return statvfs(path, &room) != 0 ||
		(uint64) room.f_bavail * room.f_frsize >= reserve;
}

/* All of it, into an open segment.  False with errno. */
bool
casus_logdir_write(int fd, const char *data, size_t length, uint64 offset)
{
	while (length > 0)
	{
		ssize_t		n = pwrite(fd, data, length, (off_t) offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			if (n == 0)
				errno = ENOSPC;
			return false;
		}
		data += n;
		offset += n;
		length -= n;
	}
	return true;
}

/*
 * One writer per log: two servers with the same key file would write over each
 * other.  Held until the process ends.  False with errno.
 */
bool
casus_logdir_lock(const uint8 *node)
{
	static int	fd = -1;
	static uint8 locked[CASUS_LOG_NODE];
	char		directory[MAXPGPATH];
	char		path[MAXPGPATH + 8];

	if (fd >= 0 && memcmp(locked, node, CASUS_LOG_NODE) == 0)
		return true;
	if (fd >= 0)
		close(fd);
	casus_logdir_path(directory, node);
	snprintf(path, sizeof(path), "%s/" LOCK_NAME, directory);
	fd = BasicOpenFilePerm(path, O_RDWR | O_CREAT | PG_BINARY, 0600);
	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
	{
		int			save_errno = errno == EWOULDBLOCK ? EBUSY : errno;

		close(fd);
		fd = -1;
		errno = save_errno;
		return false;
	}
	memcpy(locked, node, CASUS_LOG_NODE);
	return true;
}

/*
 * Numbers of the first and the last segment between two others, 0 when there
 * is none.  From the names that are there: a number may be far from the next.
 * False with errno.
 */
bool
casus_logdir_range(const uint8 *node, uint64 behind, uint64 before,
				   uint64 *first, uint64 *last)
{
	char		path[MAXPGPATH];
	struct dirent *entry;
	DIR		   *dir;

	*first = *last = 0;
	casus_logdir_path(path, node);
	dir = opendir(path);
	if (dir == NULL)
		return errno == ENOENT;
	while (errno = 0, (entry = readdir(dir)) != NULL)
	{
		uint64		number = casus_logsegment_number(entry->d_name);

		if (number <= behind || number >= before)
			continue;
		if (*first == 0 || number < *first)
			*first = number;
		if (number > *last)
			*last = number;
	}
	if (errno != 0)
	{
		int			save_errno = errno;

		closedir(dir);
		errno = save_errno;
		return false;
	}
	closedir(dir);
	return true;
}

/* The nodes whose logs are here beside that one: list of bytes, palloc'd. */
List *
casus_logdir_others(const uint8 *own)
{
	DIR		   *dir = opendir(casus_sink_directory());
	struct dirent *entry;
	List	   *result = NIL;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
	{
		uint8	   *node = palloc(CASUS_LOG_NODE);

		if (strlen(entry->d_name) == 2 * CASUS_LOG_NODE &&
			casus_logsegment_unhex(node, entry->d_name, CASUS_LOG_NODE) &&
			memcmp(node, own, CASUS_LOG_NODE) != 0)
			result = lappend(result, node);
		else
			pfree(node);
	}
	if (dir != NULL)
		closedir(dir);
	return result;
}

/* Then this is a copy, it collects, or the key file is not the one it was. */
bool
casus_logdir_has_others(const uint8 *node)
{
	List	   *others = casus_logdir_others(node);
	bool		result = others != NIL;

	list_free_deep(others);
	return result;
}

/* The header of a segment of the node of these keys; false: there is none that its writer wrote. */
bool
casus_logdir_header(const CasusLogKeys *keys, uint64 segment, CasusLogHeader *header)
{
	char		path[MAXPGPATH];
	CasusLogReader reader;
	int			fd;
	bool		ok;

	casus_logdir_file(path, keys->node, segment);
	fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return false;
	ok = casus_logsegment_open(&reader, fd, UINT64_MAX);
	if (ok)
	{
		ok = casus_logsegment_header(&reader, header) == CASUS_LOG_OK &&
			header->segment == segment &&
			casus_logsegment_header_holds(keys, &reader, header);
		casus_logsegment_close(&reader);
	}
	close(fd);
	return ok;
}

/* ---- segments that are gone ---- */

static void
checkpoint_path(char *path, const uint8 *node)
{
	casus_logdir_file(path, node, 0);
}

/*
 * CASUS_CHECKPOINT_SIZE + 1 bytes, so that one that is too long is seen.
 * Returns how many there are, 0 where there is no checkpoint, -1 with errno.
 */
int
casus_logdir_get_checkpoint(const uint8 *node, uint8 *bytes)
{
	char		path[MAXPGPATH];
	int			fd;
	int			n;
	int			save_errno;

	checkpoint_path(path, node);
	fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	n = (int) read(fd, bytes, CASUS_CHECKPOINT_SIZE + 1);
	save_errno = errno;
	close(fd);
	errno = save_errno;
	/* One that is empty is none that was written. */
	return n == 0 ? 1 : n;
}

/* Durable, as a whole or not at all.  False with errno. */
bool
casus_logdir_put_checkpoint(const uint8 *node, const uint8 *bytes)
{
	char		path[MAXPGPATH];
	char		temporary[MAXPGPATH + 8];
	int			fd;
	bool		ok;
	int			save_errno;

	checkpoint_path(path, node);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	if (unlink(temporary) != 0 && errno != ENOENT)
		return false;
	fd = BasicOpenFilePerm(temporary, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, 0600);
	if (fd < 0)
		return false;
	errno = 0;
	ok = write(fd, bytes, CASUS_CHECKPOINT_SIZE) == CASUS_CHECKPOINT_SIZE && pg_fsync(fd) == 0;
	save_errno = errno ? errno : ENOSPC;
	close(fd);
	errno = save_errno;
	return ok && durable_rename(temporary, path, LOG) == 0;
}

/* How many segments there are, and how many numbers are missing between the first and the last. */
void
casus_logdir_count(const uint8 *node, uint64 *first, uint64 *last, uint64 *missing)
{
	char		path[MAXPGPATH];
	struct dirent *entry;
	uint64		n = 0;
	DIR		   *dir;

	*first = *last = *missing = 0;
	casus_logdir_path(path, node);
	dir = AllocateDir(path);
	while (dir != NULL && (entry = ReadDirExtended(dir, path, LOG)) != NULL)
	{
		uint64		number = casus_logsegment_number(entry->d_name);

		if (number == 0)
			continue;
		n++;
		*first = *first == 0 ? number : Min(*first, number);
		*last = Max(*last, number);
	}
	if (dir != NULL)
		FreeDir(dir);
	if (n > 0)
		*missing = *last - *first + 1 - n;
}

/*
 * Removes the segments up to that one, and what was kept aside of them
 * (*.torn-*, *.aside-*).  False with errno: some are there still.
 */
bool
casus_logdir_remove(const uint8 *node, uint64 last)
{
	char		directory[MAXPGPATH];
	char		path[MAXPGPATH * 2];
	struct dirent *entry;
	DIR		   *dir;
	int			error = 0;

	casus_logdir_path(directory, node);
	dir = opendir(directory);
	if (dir == NULL)
		return errno == ENOENT;
	while (errno = 0, (entry = readdir(dir)) != NULL)
	{
		char	   *rest;
		uint64		number = strtoull(entry->d_name, &rest, 10);

		if (number == 0 || number > last || strncmp(rest, ".log", 4) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (unlink(path) != 0 && errno != ENOENT)
			error = errno;
	}
	if (errno != 0)
		error = errno;
	closedir(dir);
	if (error == 0 && fsync_fname_ext(directory, true, false, LOG) != 0)
		error = errno;
	errno = error;
	return error == 0;
}
