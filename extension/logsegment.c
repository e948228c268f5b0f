/*
 * logsegment.c
 *		Segments of the access log, byte by byte: writing records, reading
 *		them back, and the text of a key file.
 *
 * Compiled into the server and into tools that have only the files (FRONTEND),
 * so it opens nothing and raises nothing: callers bring file descriptors.  A file
 * may hold anything; a length is believed only as far as the file goes.  What is
 * kept, in each process, is OpenSSL's context for digests, between two of them.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logsegment.h"

#include <sys/stat.h>
#include <unistd.h>

#ifdef USE_OPENSSL
#include <openssl/evp.h>
#else
#include "common/hmac.h"
#endif

#define MAGIC			"CASUSLOG"
#define VERSION			1
#define MAC_AT			96		/* in a header */
#define CUT_MAGIC		"CASUSCUT"
#define CUT_MAC_AT		128		/* in a checkpoint */
#define BUFFER_SIZE		(64 * 1024)

static const char key_file_title[] = "casus log key 1\n";

/* ---- names and hexadecimal text ---- */

/* 0: the checkpoint, which stands for those that are gone. */
void
casus_logsegment_name(char *name, uint64 segment)
{
	if (segment == 0)
		strlcpy(name, CASUS_CHECKPOINT_NAME, CASUS_SEGMENT_NAME);
	else
		snprintf(name, CASUS_SEGMENT_NAME, "%012llu.log", (unsigned long long) segment);
}

/* 0: it is not the name of a segment. */
uint64
casus_logsegment_number(const char *name)
{
	char		own[CASUS_SEGMENT_NAME];
	uint64		number = strtoull(name, NULL, 10);

	casus_logsegment_name(own, number);
	return number <= CASUS_SEGMENT_LAST && strcmp(name, own) == 0 ? number : 0;
}

/* 2 * length characters and a zero. */
void
casus_logsegment_hex(char *text, const uint8 *bytes, int length)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < length; i++)
	{
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
	*text = '\0';
}

/* Exactly that many bytes; what follows in the text is the caller's affair. */
bool
casus_logsegment_unhex(uint8 *bytes, const char *text, int length)
{
	for (int i = 0; i < 2 * length; i++)
	{
		char		c = text[i];
		int			digit = c >= '0' && c <= '9' ? c - '0' :
			c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (digit < 0)
			return false;
		bytes[i / 2] = i % 2 == 0 ? digit << 4 : bytes[i / 2] | digit;
	}
	return true;
}

/* ---- keys ---- */

/*
 * A title, the node, then a line per key: "1 6f2a...", the last one in use.
 * False: it is not that.
 */
bool
casus_logsegment_parse_keys(CasusLogKeys *keys, char *text)
{
	static const char node[] = "node ";

	memset(keys, 0, sizeof(*keys));
	if (strncmp(text, key_file_title, sizeof(key_file_title) - 1) != 0)
		return false;
	text += sizeof(key_file_title) - 1;
	if (strncmp(text, node, sizeof(node) - 1) != 0)
		return false;
	text += sizeof(node) - 1;
	if (!casus_logsegment_unhex(keys->node, text, CASUS_LOG_NODE))
		return false;
	text += 2 * CASUS_LOG_NODE;
	while (*text == '\n' && text[1] != '\0')
	{
		CasusLogKey *key;
		unsigned long id;

		if (keys->nkeys == CASUS_LOG_KEYS)
			return false;
		/* No blank, sign or zero in front: one text for one set of keys. */
		if (text[1] < '1' || text[1] > '9')
			return false;
		key = &keys->key[keys->nkeys];
		id = strtoul(text + 1, &text, 10);
		/* Ids count up, so that each names one key. */
		if (id == 0 || id > PG_INT32_MAX || *text != ' ' ||
			(keys->nkeys > 0 && id <= keys->key[keys->nkeys - 1].id) ||
			!casus_logsegment_unhex(key->secret, text + 1, CASUS_LOG_SECRET))
			return false;
		key->id = id;
		text += 1 + 2 * CASUS_LOG_SECRET;
		keys->nkeys++;
	}
	return strcmp(text, "\n") == 0 && keys->nkeys > 0;
}

/* NULL: there is none of that id. */
const CasusLogKey *
casus_logsegment_key(const CasusLogKeys *keys, uint32 id)
{
	for (int i = 0; i < keys->nkeys; i++)
		if (keys->key[i].id == id)
			return &keys->key[i];
	return NULL;
}

/* ---- integers ---- */

static void
put_int(uint8 *out, uint64 value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		out[i] = (uint8) (value >> (8 * i));
}

static uint64
get_int(const uint8 *in, int bytes)
{
	uint64		value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint64) in[i] << (8 * i);
	return value;
}

/* ---- macs ---- */

#ifdef USE_OPENSSL

#define DIGEST_BLOCK	64		/* bytes that SHA-256 takes at a time */

static EVP_MD_CTX *digest = NULL;
static const EVP_MD *sha256 = NULL;

static bool
have_digest(void)
{
	if (digest == NULL)
		digest = EVP_MD_CTX_new();
	if (sha256 == NULL)
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
#else
		sha256 = EVP_sha256();
#endif
	return digest != NULL && sha256 != NULL;
}

/* Begins one of the two digests of an HMAC (RFC 2104): that of the key and what follows. */
static bool
begin_digest(const CasusLogKey *key, uint8 pad)
{
	uint8		block[DIGEST_BLOCK];
	bool		ok;

	memset(block, pad, sizeof(block));
	for (int i = 0; i < CASUS_LOG_SECRET; i++)
		block[i] ^= key->secret[i];
	ok = EVP_DigestInit_ex(digest, sha256, NULL) == 1 &&
		EVP_DigestUpdate(digest, block, sizeof(block)) == 1;
	explicit_bzero(block, sizeof(block));
	return ok;
}

/*
 * OpenSSL's own HMAC looks for its digest and makes a context anew for each, which
 * costs several times what there is to do for a record.  before: the mac before
 * it, NULL where the data holds that.  False: the library fails.
 */
bool
casus_logsegment_mac(const CasusLogKey *key, const uint8 *before,
					 const uint8 *data, size_t length, uint8 *mac)
{
	return have_digest() && begin_digest(key, 0x36) &&
		(before == NULL || EVP_DigestUpdate(digest, before, CASUS_LOG_MAC) == 1) &&
		EVP_DigestUpdate(digest, data, length) == 1 &&
		EVP_DigestFinal_ex(digest, mac, NULL) == 1 &&
		begin_digest(key, 0x5c) &&
		EVP_DigestUpdate(digest, mac, CASUS_LOG_MAC) == 1 &&
		EVP_DigestFinal_ex(digest, mac, NULL) == 1;
}

#else							/* !USE_OPENSSL */

bool
casus_logsegment_mac(const CasusLogKey *key, const uint8 *before,
					 const uint8 *data, size_t length, uint8 *mac)
{
	pg_hmac_ctx *hmac = pg_hmac_create(PG_SHA256);
	bool		ok = hmac != NULL &&
		pg_hmac_init(hmac, key->secret, CASUS_LOG_SECRET) == 0 &&
		(before == NULL || pg_hmac_update(hmac, before, CASUS_LOG_MAC) == 0) &&
		pg_hmac_update(hmac, data, length) == 0 &&
		pg_hmac_final(hmac, mac, CASUS_LOG_MAC) == 0;

	pg_hmac_free(hmac);
	return ok;
}

#endif

/* ---- writing ---- */

/* The header of segment point->segment + 1, to which the point moves. */
bool
casus_logsegment_put_header(const CasusLogKey *key, const uint8 *node,
							CasusLogPoint *point, int64 time, uint8 *out)
{
	memset(out, 0, CASUS_SEGMENT_HEADER);
	memcpy(out, MAGIC, 8);
	put_int(out + 8, VERSION, 4);
	put_int(out + 12, CASUS_SEGMENT_HEADER, 4);
	memcpy(out + 16, node, CASUS_LOG_NODE);
	put_int(out + 32, point->segment + 1, 8);
	put_int(out + 40, key->id, 4);
	put_int(out + 48, point->seq + 1, 8);
	put_int(out + 56, (uint64) time, 8);
	memcpy(out + 64, point->mac, CASUS_LOG_MAC);
	if (!casus_logsegment_mac(key, NULL, out, MAC_AT, out + MAC_AT))
		return false;
	point->segment++;
	point->offset = CASUS_SEGMENT_HEADER;
	point->key = key->id;
	memcpy(point->mac, out + MAC_AT, CASUS_LOG_MAC);
	return true;
}

/* The record after the point, which moves behind it. */
bool
casus_logsegment_put_record(const CasusLogKey *key, CasusLogPoint *point,
							CasusRecordKind kind, bool settled, int64 time,
							const char *payload, uint32 length, uint8 *out)
{
	uint8	   *mac = out + CASUS_RECORD_HEADER + length;

	put_int(out, length, 4);
	put_int(out + 4, kind, 2);
	put_int(out + 6, settled, 2);
	put_int(out + 8, point->seq + 1, 8);
	put_int(out + 16, (uint64) time, 8);
	memcpy(out + CASUS_RECORD_HEADER, payload, length);
	if (!casus_logsegment_mac(key, point->mac, out, CASUS_RECORD_HEADER + length, mac))
		return false;
	point->seq++;
	point->time = time;
	point->offset += CASUS_RECORD_HEADER + length + CASUS_LOG_MAC;
	memcpy(point->mac, mac, CASUS_LOG_MAC);
	return true;
}

/* ---- the checkpoint ---- */

bool
casus_logsegment_put_checkpoint(const CasusLogKey *key, CasusLogCheckpoint *checkpoint,
								uint8 *out)
{
	checkpoint->key = key->id;
	memset(out, 0, CASUS_CHECKPOINT_SIZE);
	memcpy(out, CUT_MAGIC, 8);
	put_int(out + 8, VERSION, 4);
	put_int(out + 12, CASUS_CHECKPOINT_SIZE, 4);
	memcpy(out + 16, checkpoint->node, CASUS_LOG_NODE);
	put_int(out + 32, checkpoint->segment, 8);
	put_int(out + 40, checkpoint->key, 4);
	put_int(out + 44, checkpoint->last_key, 4);
	put_int(out + 48, checkpoint->seq, 8);
	put_int(out + 56, (uint64) checkpoint->time, 8);
	put_int(out + 64, (uint64) checkpoint->newest, 8);
	memcpy(out + 96, checkpoint->last, CASUS_LOG_MAC);
	return casus_logsegment_mac(key, NULL, out, CUT_MAC_AT, out + CUT_MAC_AT);
}

/* False: it is not what a server with one of these keys wrote for this node. */
bool
casus_logsegment_get_checkpoint(const CasusLogKeys *keys, const uint8 *in, size_t length,
								CasusLogCheckpoint *checkpoint)
{
	const CasusLogKey *key;
	uint8		mac[CASUS_LOG_MAC];

	memset(checkpoint, 0, sizeof(*checkpoint));
	if (length != CASUS_CHECKPOINT_SIZE || memcmp(in, CUT_MAGIC, 8) != 0 ||
		get_int(in + 8, 4) != VERSION || get_int(in + 12, 4) != CASUS_CHECKPOINT_SIZE ||
		memcmp(in + 16, keys->node, CASUS_LOG_NODE) != 0 || get_int(in + 32, 8) == 0)
		return false;
	key = casus_logsegment_key(keys, (uint32) get_int(in + 40, 4));
	if (key == NULL || !casus_logsegment_mac(key, NULL, in, CUT_MAC_AT, mac) ||
		memcmp(mac, in + CUT_MAC_AT, CASUS_LOG_MAC) != 0)
		return false;
	memcpy(checkpoint->node, in + 16, CASUS_LOG_NODE);
	checkpoint->segment = get_int(in + 32, 8);
	checkpoint->key = key->id;
	checkpoint->last_key = (uint32) get_int(in + 44, 4);
	checkpoint->seq = get_int(in + 48, 8);
	checkpoint->time = (int64) get_int(in + 56, 8);
	checkpoint->newest = (int64) get_int(in + 64, 8);
	memcpy(checkpoint->last, in + 96, CASUS_LOG_MAC);
	return true;
}

/* segment:number:mac, as the entry that puts it on record names it. */
void
casus_logsegment_print_checkpoint(char *text, const CasusLogCheckpoint *checkpoint)
{
	text += sprintf(text, "%llu:%llu:", (unsigned long long) checkpoint->segment,
					(unsigned long long) checkpoint->seq);
	casus_logsegment_hex(text, checkpoint->last, CASUS_LOG_MAC);
}

/* ---- reading ---- */

/* False with errno.  Nothing beyond the limit is read. */
bool
casus_logsegment_open(CasusLogReader *reader, int fd, uint64 limit)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	memset(reader, 0, sizeof(*reader));
	reader->fd = fd;
	reader->limit = Min(limit, (uint64) st.st_size);
	reader->room = BUFFER_SIZE;
	reader->buffer = palloc(reader->room);
	return true;
}

/* Has, from the reader's offset on, that many bytes in the buffer; NULL with errno. */
static const uint8 *
have(CasusLogReader *reader, size_t bytes)
{
	size_t		skip = reader->offset - reader->start;

	if (skip + bytes <= reader->filled)
		return reader->buffer + skip;

	skip = Min(skip, reader->filled);
	memmove(reader->buffer, reader->buffer + skip, reader->filled - skip);
	reader->filled -= skip;
	reader->start += skip;
	/* The place may lie beyond what had been read. */
	if (reader->start != reader->offset)
	{
		reader->start = reader->offset;
		reader->filled = 0;
	}
	if (bytes > reader->room)
	{
		reader->room = bytes;
		reader->buffer = repalloc(reader->buffer, reader->room);
	}
	while (reader->filled < bytes)
	{
		uint64		left = reader->limit - reader->start - reader->filled;
		ssize_t		n = pread(reader->fd, reader->buffer + reader->filled,
							  Min(left, reader->room - reader->filled),
							  (off_t) (reader->start + reader->filled));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			if (n == 0)
				errno = EIO;	/* it became shorter meanwhile */
			return NULL;
		}
		reader->filled += n;
	}
	return reader->buffer;
}

/* The header at the start of the file. */
CasusLogRead
casus_logsegment_header(CasusLogReader *reader, CasusLogHeader *header)
{
	const uint8 *in;

	reader->offset = 0;
	if (reader->limit < CASUS_SEGMENT_HEADER)
		return CASUS_LOG_TORN;
	in = have(reader, CASUS_SEGMENT_HEADER);
	if (in == NULL)
		return CASUS_LOG_FAILED;
	reader->offset = CASUS_SEGMENT_HEADER;
	memcpy(header->node, in + 16, CASUS_LOG_NODE);
	header->segment = get_int(in + 32, 8);
	header->key = (uint32) get_int(in + 40, 4);
	header->first_seq = get_int(in + 48, 8);
	header->time = (int64) get_int(in + 56, 8);
	memcpy(header->before, in + 64, CASUS_LOG_MAC);
	memcpy(header->mac, in + MAC_AT, CASUS_LOG_MAC);
	if (memcmp(in, MAGIC, 8) != 0 || get_int(in + 8, 4) != VERSION ||
		get_int(in + 12, 4) != CASUS_SEGMENT_HEADER || get_int(in + 44, 4) != 0 ||
		header->first_seq == 0 || header->first_seq > CASUS_LOG_LAST)
		return CASUS_LOG_TORN;
	return CASUS_LOG_OK;
}

/* Is the mac of the header just read what its key makes of it? */
bool
casus_logsegment_header_holds(const CasusLogKeys *keys, const CasusLogReader *reader,
							  const CasusLogHeader *header)
{
	const CasusLogKey *key = casus_logsegment_key(keys, header->key);
	uint8		mac[CASUS_LOG_MAC];

	return key != NULL &&
		memcmp(header->node, keys->node, CASUS_LOG_NODE) == 0 &&
		casus_logsegment_mac(key, NULL, reader->buffer, MAC_AT, mac) &&
		memcmp(mac, header->mac, CASUS_LOG_MAC) == 0;
}

/* At what is no record: is it room for others, up to the limit? */
static CasusLogRead
room_or_torn(const CasusLogReader *reader)
{
	static const uint8 zeros[4096];
	uint8		bytes[sizeof(zeros)];
	uint64		at = reader->offset;

	while (at < reader->limit)
	{
		ssize_t		n = pread(reader->fd, bytes, Min(sizeof(bytes), reader->limit - at),
							  (off_t) at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			if (n == 0)
				errno = EIO;	/* it became shorter meanwhile */
			return CASUS_LOG_FAILED;
		}
		if (memcmp(bytes, zeros, n) != 0)
			return CASUS_LOG_TORN;
		at += n;
	}
	return CASUS_LOG_ROOM;
}

/* The next record; its parts are valid until the next call. */
CasusLogRead
casus_logsegment_next(CasusLogReader *reader, CasusLogRecord *record)
{
	uint64		left = reader->limit - reader->offset;
	const uint8 *in;
	uint64		size;

	if (left == 0)
		return CASUS_LOG_END;
	if (left < CASUS_RECORD_HEADER + CASUS_LOG_MAC)
		return room_or_torn(reader);
	in = have(reader, CASUS_RECORD_HEADER);
	if (in == NULL)
		return CASUS_LOG_FAILED;
	record->length = (uint32) get_int(in, 4);
	record->kind = (uint16) get_int(in + 4, 2);
	size = CASUS_RECORD_HEADER + (uint64) record->length + CASUS_LOG_MAC;
	record->settled = get_int(in + 6, 2) == 1;
	if (record->kind == 0)
		return room_or_torn(reader);
	if (record->length > CASUS_RECORD_MAX || size > left ||
		record->kind > CASUS_RECORD_LAST_KIND || get_int(in + 6, 2) > 1)
		return CASUS_LOG_TORN;
	in = have(reader, size);
	if (in == NULL)
		return CASUS_LOG_FAILED;
	record->offset = reader->offset;
	record->seq = get_int(in + 8, 8);
	record->time = (int64) get_int(in + 16, 8);
	record->head = in;
	record->payload = in + CASUS_RECORD_HEADER;
	record->mac = in + CASUS_RECORD_HEADER + record->length;
	reader->offset += size;
	return CASUS_LOG_OK;
}

void
casus_logsegment_close(CasusLogReader *reader)
{
	pfree(reader->buffer);
	reader->buffer = NULL;
}
