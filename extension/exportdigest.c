/*
 * exportdigest.c
 *		The digest of what a COPY by the backup login sends.
 *
 * SHA-256 over the data as they leave: the bodies of the CopyData messages, in
 * their order, which are what psql writes into a file; or, once it is written, a
 * file of the server.  What a program is given nobody sees twice: it has none.
 *
 * Private to the backend: `digest` is of the COPY to the client that runs now.
 * A session has one at a time.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "guard.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "storage/fd.h"

#define PIECE	(64 * 1024)		/* bytes that are read of a file at a time */

static pg_cryptohash_ctx *digest = NULL;
static bool is_whole;			/* all that was sent so far is in it */

/* Must not raise: a message is leaving. */
static void
take_in(const char *data, size_t length)
{
	if (digest != NULL && pg_cryptohash_update(digest, (const uint8 *) data, length) != 0)
		is_whole = false;
}

static char *
finish(pg_cryptohash_ctx *context)
{
	uint8		bytes[PG_SHA256_DIGEST_LENGTH];
	char	   *hex;

	if (pg_cryptohash_final(context, bytes, sizeof(bytes)) != 0)
		return NULL;
	hex = palloc(2 * sizeof(bytes) + 1);
	casus_logsegment_hex(hex, bytes, sizeof(bytes));
	return hex;
}

/* The client is about to be sent the data of a COPY. */
void
casus_exportdigest_begin(void)
{
	casus_exportdigest_drop();
	digest = pg_cryptohash_create(PG_SHA256);
	is_whole = digest != NULL && pg_cryptohash_init(digest) == 0 &&
		casus_wiregate_tap(take_in);
}

/* In hexadecimal; NULL: there is none. */
char *
casus_exportdigest_end(void)
{
	pg_cryptohash_ctx *done = digest;
	char	   *hex;

	digest = NULL;
	casus_exportdigest_drop();
	if (done == NULL)
		return NULL;
	hex = is_whole ? finish(done) : NULL;
	pg_cryptohash_free(done);
	return hex;
}

/* Also when the COPY has failed. */
void
casus_exportdigest_drop(void)
{
	(void) casus_wiregate_tap(NULL);
	if (digest != NULL)
		pg_cryptohash_free(digest);
	digest = NULL;
}

/* Of a file that is there; false: it cannot be read. */
static bool
take_file(pg_cryptohash_ctx *context, const char *path)
{
	struct stat st;
	char	   *piece;
	ssize_t		n = 0;
	int			fd;

	/* What is no file, such as a pipe, is gone when it has been read. */
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
		(fd = OpenTransientFile(path, O_RDONLY | PG_BINARY)) < 0)
		return false;
	piece = palloc(PIECE);
	while ((n = read(fd, piece, PIECE)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (pg_cryptohash_update(context, (uint8 *) piece, n) != 0)
			break;
	}
	pfree(piece);
	return CloseTransientFile(fd) == 0 && n == 0;
}

/* Of a file of the server that COPY has written; NULL: there is none. */
char *
casus_exportdigest_of_file(const char *path)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	char	   *hex = NULL;

	if (context == NULL)
		return NULL;
	if (pg_cryptohash_init(context) == 0 && take_file(context, path))
		hex = finish(context);
	pg_cryptohash_free(context);
	return hex;
}
