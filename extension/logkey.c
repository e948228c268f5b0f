/*
 * logkey.c
 *		The key file of the access log: where it is, made, read, rotated.
 *
 * Who has the key can make a log that verifies, so it stands outside the data
 * directory, where no backup of that takes it along, and is the server's
 * alone.  It also says which node this is: a copy of the data directory that
 * starts elsewhere (a standby, a restored backup) makes a key file of its own,
 * and with it a chain of its own.  So does a server whose log is not in its
 * directory: the keys of that are put to those of other nodes then.
 *
 * To collect the chain of another node takes a copy of that node's key file, in
 * the directory of that name with .d behind it; who administers the servers
 * puts it there.
 *
 * The writer of the log makes and rotates it; others read it.  The file is
 * replaced as a whole, so a reader sees the old one or the new one.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"

#define DEFAULT_SUFFIX	".casus_log_key"
#define OTHERS_SUFFIX	".d"	/* directory with the key files of other nodes */
#define FILE_MAX		(32 * 1024)

static char key_path[MAXPGPATH];

const char *
casus_logkey_path(void)
{
	return key_path;
}

/* Also what a symbolic link leads to; a file that is not there yet, by its directory. */
static bool
is_in_data_directory(const char *path)
{
	char		parent[MAXPGPATH];
	char		real[PATH_MAX];
	char		data[PATH_MAX];
	size_t		length;

	strlcpy(parent, path, sizeof(parent));
	get_parent_directory(parent);
	if ((realpath(path, real) == NULL && realpath(parent, real) == NULL) ||
		realpath(DataDir, data) == NULL)
		return false;
	length = strlen(data);
	return strncmp(real, data, length) == 0 && (real[length] == '/' || real[length] == '\0');
}

/* At server start, so that a wrong setting is noticed by who made it. */
void
casus_logkey_init(void)
{
	char		data[PATH_MAX];

	if (!casus_preloaded)
		return;
	if (casus_log_key_file && casus_log_key_file[0])
	{
		if (!is_absolute_path(casus_log_key_file))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("casus.log_key_file must be an absolute path")));
		strlcpy(key_path, casus_log_key_file, sizeof(key_path));
		canonicalize_path(key_path);
	}
	else if (realpath(DataDir, data) != NULL)
		snprintf(key_path, sizeof(key_path), "%s" DEFAULT_SUFFIX, data);
	if (is_in_data_directory(key_path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("casus.log_key_file must lie outside of the data directory"),
				 errdetail("A copy of the data directory must not hold the key of the access log.")));
}

/* ---- reading ---- */

/* reason: NULL where the error says enough. */
static bool
refuse(const char **why, const char *reason, int error)
{
	*why = reason ? reason : strerror(error);
	errno = error;
	return false;
}

static bool
read_keys(const char *path, CasusLogKeys *keys, const char **why)
{
	static char text[FILE_MAX + 1];
	/* A named pipe would keep us waiting for whoever writes to it. */
	int			fd = BasicOpenFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	struct stat st;
	ssize_t		n;
	bool		ok;

	if (fd < 0)
		return refuse(why, NULL, errno);
	if (fstat(fd, &st) == 0 &&
		(!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		 (st.st_mode & (S_IRWXG | S_IRWXO)) != 0))
	{
		close(fd);
		return refuse(why, "it must be a file of the server's account alone, with mode 0600", EACCES);
	}
	n = read(fd, text, FILE_MAX);
	if (n < 0)
	{
		int			save_errno = errno;

		close(fd);
		return refuse(why, NULL, save_errno);
	}
	close(fd);
	text[n] = '\0';
	if (!casus_logsegment_parse_keys(keys, text))
		ok = refuse(why, "it is no key file of casus, or damaged", EINVAL);
	else
		ok = true;
	explicit_bzero(text, sizeof(text));
	return ok;
}

/* False with errno and a reason. */
bool
casus_logkey_read(CasusLogKeys *keys, const char **why)
{
	return read_keys(key_path, keys, why);
}

/*
 * The keys of another node: from whichever file in the directory beside the
 * key file is that node's, the one that knows most keys.  False with a reason.
 */
bool
casus_logkey_of_node(CasusLogKeys *keys, const uint8 *node, const char **why)
{
	char		directory[MAXPGPATH];
	char		path[2 * MAXPGPATH];
	CasusLogKeys *found = palloc(sizeof(CasusLogKeys));
	struct dirent *entry;
	const char *reason;
	DIR		   *dir;

	*why = "its key file is not among those of other nodes";
	memset(keys, 0, sizeof(*keys));
	snprintf(directory, sizeof(directory), "%s" OTHERS_SUFFIX, key_path);
	dir = opendir(directory);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
	{
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (!read_keys(path, found, &reason))
			*why = "its key file, or another of those of other nodes, cannot be used: it must be of the server's account alone, with mode 0600";
		else if (memcmp(found->node, node, CASUS_LOG_NODE) == 0 && found->nkeys > keys->nkeys)
			*keys = *found;
	}
	if (dir != NULL)
		closedir(dir);
	explicit_bzero(found, sizeof(*found));
	pfree(found);
	return keys->nkeys > 0;
}

/* ---- writing ---- */

static bool
write_file(const char *path, const char *text, size_t length)
{
	int			fd = -1;
	bool		ok;
	int			save_errno;

	/* One that is there may be readable for others, or lead elsewhere. */
	if (unlink(path) == 0 || errno == ENOENT)
		fd = BasicOpenFilePerm(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, 0600);
	if (fd < 0)
		return false;
	errno = 0;
	ok = write(fd, text, length) == (ssize_t) length && pg_fsync(fd) == 0;
	save_errno = errno ? errno : ENOSPC;
	close(fd);
	if (!ok)
	{
		unlink(path);
		errno = save_errno;
	}
	return ok;
}

/* The name of what it leads to survives a crash. */
static bool
fsync_parent(const char *path)
{
	char		parent[2 * MAXPGPATH];

	strlcpy(parent, path, sizeof(parent));
	get_parent_directory(parent);
	return fsync_fname_ext(parent, true, true, LOG) == 0;
}

/* Replaces the file by these keys, durably. */
static bool
write_keys(const CasusLogKeys *keys, const char *path)
{
	char		temporary[2 * MAXPGPATH + 8];
	char		hex[2 * CASUS_LOG_SECRET + 1];
	StringInfoData text;
	bool		ok;

	initStringInfo(&text);
	casus_logsegment_hex(hex, keys->node, CASUS_LOG_NODE);
	appendStringInfo(&text, "casus log key 1\nnode %s\n", hex);
	for (int i = 0; i < keys->nkeys; i++)
	{
		casus_logsegment_hex(hex, keys->key[i].secret, CASUS_LOG_SECRET);
		appendStringInfo(&text, "%u %s\n", keys->key[i].id, hex);
	}
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	ok = text.len <= FILE_MAX &&
		write_file(temporary, text.data, text.len) &&
		rename(temporary, path) == 0 &&
		fsync_parent(path);
	explicit_bzero(text.data, text.len);
	explicit_bzero(hex, sizeof(hex));
	pfree(text.data);
	return ok;
}

/* One key more, which becomes the one in use.  False with errno. */
bool
casus_logkey_add(CasusLogKeys *keys)
{
	CasusLogKeys *more;
	CasusLogKey *key;
	bool		ok;

	if (keys->nkeys == CASUS_LOG_KEYS)
	{
		errno = ENOSPC;
		return false;
	}
	more = palloc(sizeof(CasusLogKeys));
	*more = *keys;
	key = &more->key[more->nkeys++];
	key->id = keys->nkeys > 0 ? keys->key[keys->nkeys - 1].id + 1 : 1;
	errno = EIO;
	ok = pg_strong_random(key->secret, CASUS_LOG_SECRET) && write_keys(more, key_path);
	if (ok)
		*keys = *more;
	explicit_bzero(more, sizeof(*more));
	pfree(more);
	return ok;
}

/* A node that has no log yet, with a key of its own.  False as above. */
static bool
make_node(CasusLogKeys *keys, const char **why)
{
	memset(keys, 0, sizeof(*keys));
	if (!pg_strong_random(keys->node, CASUS_LOG_NODE))
		return refuse(why, NULL, EIO);
	return casus_logkey_add(keys) || refuse(why, NULL, errno);
}

/* Beside the key file, as that of a former node, durably.  False with errno. */
static bool
keep_keys(const CasusLogKeys *keys)
{
	char		directory[MAXPGPATH];
	char		path[2 * MAXPGPATH];
	char		hex[2 * CASUS_LOG_NODE + 1];

	casus_logsegment_hex(hex, keys->node, CASUS_LOG_NODE);
	snprintf(directory, sizeof(directory), "%s" OTHERS_SUFFIX, key_path);
	snprintf(path, sizeof(path), "%s/%s", directory, hex);
	return (mkdir(directory, S_IRWXU) == 0 || errno == EEXIST) &&
		write_keys(keys, path) && fsync_parent(directory);
}

/*
 * The log of these keys is not where it should be: one that begins instead
 * would give its numbers out again.  So another node begins, and the keys are
 * kept for when the log is found.  False as above.
 */
bool
casus_logkey_replace(CasusLogKeys *keys, const char **why)
{
	return keep_keys(keys) ? make_node(keys, why) : refuse(why, NULL, errno);
}

/* Reads the file, and makes it where there is none.  False as above. */
bool
casus_logkey_obtain(CasusLogKeys *keys, bool *made, const char **why)
{
	*made = false;
	if (casus_logkey_read(keys, why))
		return true;
	if (errno != ENOENT)
		return false;
	*made = make_node(keys, why);
	return *made;
}
