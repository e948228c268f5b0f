/*
 * logfollow.c
 *		Going through the access log from a place on, to where it is on disk:
 *		for those who read it back and for its loader.
 *
 * The copy of another node's log is verified, record by record: it ends before
 * the first that does not hold.  So is the own log for who keeps a place: he
 * stays before what is no record or does not hold, so that nothing is left out,
 * and nothing taken for what was written, once it is as it was.  A reader is
 * told of a record that does not hold, and passes over what is none, up to the
 * next segment.  Where entries are missing who keeps a place stays as well, also
 * when the segment in which he stands is among what is missing: but for what has
 * gone by casus.purge_log, as its checkpoint says.  That a whole segment is an
 * older one is for casus.verify_log to say.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "storage/fd.h"

static void
close_segment(CasusLogFollow *follow)
{
	if (follow->fd < 0)
		return;
	casus_logsegment_close(&follow->file);
	CloseTransientFile(follow->fd);
	follow->fd = -1;
}

static void
wipe(CasusLogKeys **keys)
{
	if (*keys == NULL)
		return;
	explicit_bzero(*keys, sizeof(CasusLogKeys));
	pfree(*keys);
	*keys = NULL;
}

/* Of a copy: the chain from where it stands in the segment that was just opened. */
static bool
take_up_chain(CasusLogFollow *follow)
{
	CasusLogPoint *point = &follow->chain.point;
	uint64		seq = point->seq;

	if (follow->segment != point->segment + 1)
		point->segment = 0;
	if (!casus_logchain_header(&follow->chain, &follow->file, follow->segment))
		return false;
	if (follow->offset <= CASUS_SEGMENT_HEADER)
		return true;
	point->seq = seq;
	point->offset = follow->offset;
	return pread(follow->fd, point->mac, CASUS_LOG_MAC,
				 (off_t) (follow->offset - CASUS_LOG_MAC)) == CASUS_LOG_MAC;
}

/* A copy that does not hold, or what who keeps a place stays before: it ends there. */
static bool
is_broken(CasusLogFollow *follow)
{
	return follow->keys ? follow->chain.finding.what[0] != '\0' :
		follow->stays && follow->odd != NULL;
}

/* In the own log: what is no record, not the one that should follow, or changed. */
static void
note_odd(CasusLogFollow *follow, const char *what)
{
	if (follow->keys == NULL && follow->odd == NULL)
		follow->odd = what;
}

/* Raises where the file cannot be read. */
static CasusLogRead
read_record(CasusLogFollow *follow, CasusLogRecord *record)
{
	CasusLogRead read;

	while ((read = casus_logsegment_next(&follow->file, record)) == CASUS_LOG_FAILED)
	{
		int			save_errno = errno;
		struct stat st;

		/* Room at its end may be cut off meanwhile. */
		if (fstat(follow->fd, &st) != 0 || (uint64) st.st_size >= follow->file.limit)
		{
			errno = save_errno;
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not read the access log: %m")));
		}
		if ((uint64) st.st_size < follow->file.offset)
			return CASUS_LOG_TORN;
		follow->file.limit = st.st_size;
	}
	return read;
}

/*
 * Of the own log, as it is verified: the mac before the place in the segment
 * that was just opened, which the next record was made from.  False: nothing
 * can be told of what follows.
 */
static bool
take_up_mac(CasusLogFollow *follow, const CasusLogHeader *header)
{
	follow->key = casus_logsegment_key(follow->own_keys, header->key);
	memcpy(follow->mac, header->mac, CASUS_LOG_MAC);
	if (!casus_logsegment_header_holds(follow->own_keys, &follow->file, header) ||
		header->segment != follow->segment)
	{
		note_odd(follow, follow->key ? "its header is changed" :
				 "its header is changed, or made with a key that is not in the key file");
		follow->key = NULL;
		return false;
	}
	if (follow->offset <= CASUS_SEGMENT_HEADER)
		return true;
	if (pread(follow->fd, follow->mac, CASUS_LOG_MAC,
			  (off_t) (follow->offset - CASUS_LOG_MAC)) == CASUS_LOG_MAC)
		return true;
	note_odd(follow, "what is before it cannot be read");
	return false;
}

/* The next record of the own log: is it what its writer made after the one before it? */
static bool
holds(CasusLogFollow *follow, const CasusLogRecord *record)
{
	uint8		mac[CASUS_LOG_MAC];
	bool		result;

	if (follow->own_keys == NULL)
		return true;
	result = follow->key != NULL &&
		casus_logsegment_mac(follow->key, follow->mac, record->head,
							 CASUS_RECORD_HEADER + record->length, mac) &&
		memcmp(mac, record->mac, CASUS_LOG_MAC) == 0;
	memcpy(follow->mac, record->mac, CASUS_LOG_MAC);
	if (!result)
		note_odd(follow, "the entry is changed, or others were put in or removed before it");
	return result;
}

/* Of the own log: have the entries up to that number gone, as only who has a key can say? */
static bool
have_gone(const CasusLogFollow *follow, uint64 seq)
{
	uint8		bytes[CASUS_CHECKPOINT_SIZE + 1];
	CasusLogCheckpoint checkpoint;
	int			length = follow->own_keys ?
		casus_logdir_get_checkpoint(follow->head.node, bytes) : 0;

	return length > 0 &&
		casus_logsegment_get_checkpoint(follow->own_keys, bytes, length, &checkpoint) &&
		checkpoint.seq >= seq;
}

/* Of the own log: is the header of the segment that was just opened one that follows? */
static bool
take_up_header(CasusLogFollow *follow)
{
	CasusLogHeader header;
	CasusLogRead read = casus_logsegment_header(&follow->file, &header);

	if (read == CASUS_LOG_FAILED)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the access log: %m")));
	if (read != CASUS_LOG_OK)
	{
		note_odd(follow, "it does not begin with a header");
		return false;
	}
	if (follow->own_keys && !take_up_mac(follow, &header) && follow->stays)
		return false;
	if (follow->offset > CASUS_SEGMENT_HEADER)
		return true;
	if (follow->seq != 0 && header.first_seq > follow->seq + 1 &&
		!have_gone(follow, header.first_seq - 1))
	{
		note_odd(follow, "entries before it are missing");
		return !follow->stays;
	}
	/* It may have none. */
	if (follow->seq == 0)
		follow->seq = header.first_seq - 1;
	return true;
}

/* Opens the segment at which it stands; false: there is none. */
static bool
open_segment(CasusLogFollow *follow)
{
	char		path[MAXPGPATH];

	casus_logdir_file(path, follow->head.node, follow->segment);
	follow->fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (follow->fd < 0 && errno == ENOENT)
		return false;
	if (follow->fd < 0 ||
		!casus_logsegment_open(&follow->file, follow->fd,
							   follow->segment == follow->head.end.segment ?
							   follow->head.end.offset : UINT64_MAX))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not open the access log: %m")));
	/* A file that was cut off is for casus.verify_log, too. */
	if (follow->offset > follow->file.limit ||
		(follow->keys ? !take_up_chain(follow) : !take_up_header(follow)))
	{
		close_segment(follow);
		return false;
	}
	if (follow->offset > CASUS_SEGMENT_HEADER)
		follow->file.offset = follow->offset;
	return true;
}

/*
 * Begins there what comes after the record of that number?  A log that was cut
 * off and went on has other records at its places.
 */
static bool
is_place(CasusLogFollow *follow, uint64 seq)
{
	uint64		place = follow->offset;
	uint64		last = 0;
	bool		found;
	CasusLogRecord record;
	CasusLogRead read = CASUS_LOG_TORN;

	if (open_segment(follow))
		read = read_record(follow, &record);
	close_segment(follow);
	if (read == CASUS_LOG_OK && record.seq == seq + 1)
		return true;
	if (read == CASUS_LOG_END && follow->segment == follow->head.end.segment &&
		follow->head.end.seq == seq)
		return true;

	/* What follows may be changed and the place be right. */
	follow->offset = 0;
	if (open_segment(follow))
		while (follow->file.offset < place && read_record(follow, &record) == CASUS_LOG_OK)
			last = record.seq;
	found = follow->fd >= 0 && follow->file.offset == place && last == seq;
	close_segment(follow);
	follow->offset = place;
	return found;
}

/* Goes to the next segment that is there; false: there is no other, and it stays. */
static bool
next_segment(CasusLogFollow *follow)
{
	uint64		next;
	uint64		last;

	if (!casus_logdir_range(follow->head.node, follow->segment,
							follow->head.end.segment + 1, &next, &last))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the access log: %m")));
	if (next == 0)
		return false;
	follow->segment = next;
	follow->offset = 0;
	return true;
}

/*
 * Has the file been cut off before that place while its writer was at it?  Then
 * that went on in another file, behind numbers that are gone: this stands before
 * it, and what is left here was passed already.  One that was cut while no writer
 * was at it goes on where it was cut, with the number that follows there.
 */
static bool
passes_cut(CasusLogFollow *follow, uint64 seq)
{
	CasusLogFollow rest = *follow;
	CasusLogRecord record;
	bool		is_cut;

	rest.offset = 0;
	rest.odd = NULL;
	if (!open_segment(&rest))
		return false;
	is_cut = rest.file.limit < follow->offset;
	while (is_cut && read_record(&rest, &record) == CASUS_LOG_OK)
		rest.seq = record.seq;
	close_segment(&rest);
	if (!is_cut || rest.seq == 0 || rest.seq >= seq || !next_segment(&rest) || !open_segment(&rest))
		return false;
	close_segment(&rest);
	if (rest.odd == NULL)
		return false;
	follow->segment = rest.segment;
	follow->offset = 0;
	return true;
}

static bool
is_there(const CasusLogFollow *follow, uint64 segment)
{
	char		path[MAXPGPATH];
	struct stat st;

	casus_logdir_file(path, follow->head.node, segment);
	return stat(path, &st) == 0 || errno != ENOENT;
}

/*
 * From the first segment on for segment 0; seq: of the record before the place.
 * False: the log has not begun.
 */
bool
casus_logfollow_begin(CasusLogFollow *follow, uint64 segment, uint64 offset, uint64 seq)
{
	uint64		first;
	uint64		last;

	memset(follow, 0, sizeof(*follow));
	follow->fd = -1;
	if (!casus_logring_head(&follow->head))
		return false;
	if (!casus_logdir_range(follow->head.node, 0, UINT64_MAX, &first, &last))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the access log: %m")));

	/* Behind the end: it was cut off.  What there is of that segment is read anew. */
	if (segment > follow->head.end.segment)
	{
		segment = follow->head.end.segment;
		offset = seq = 0;
	}
	follow->segment = Max(segment, first);
	if (follow->segment != segment || !is_there(follow, segment))
	{
		follow->seq = seq;
		return follow->segment > 0;
	}
	follow->offset = offset;
	if (offset > CASUS_SEGMENT_HEADER && !is_place(follow, seq) && !passes_cut(follow, seq))
		follow->offset = seq = 0;
	follow->seq = seq;
	/* What was met on the way is met again. */
	follow->odd = NULL;
	return follow->segment > 0;
}

/*
 * After that: the own log is verified from there on.  False: its key file
 * cannot be read, and who stays stays here.  Keys are wiped at the end.
 */
bool
casus_logfollow_verify(CasusLogFollow *follow, bool stays)
{
	const char *why;

	follow->stays = stays;
	follow->own_keys = palloc(sizeof(CasusLogKeys));
	if (casus_logkey_read(follow->own_keys, &why) &&
		memcmp(follow->own_keys->node, follow->head.node, CASUS_LOG_NODE) == 0)
		return true;
	wipe(&follow->own_keys);
	if (stays)
		note_odd(follow, "its key file cannot be read, or is another's, so that nothing from here on can be verified");
	return false;
}

/*
 * The same for the copy of another node's log; seq: of the record before the
 * place.  False: there is none, or no key for it.  Keys are wiped at the end.
 */
bool
casus_logfollow_begin_copy(CasusLogFollow *follow, const uint8 *node,
						   uint64 segment, uint64 offset, uint64 seq)
{
	const char *why;
	uint64		first;
	uint64		last;

	memset(follow, 0, sizeof(*follow));
	follow->fd = -1;
	memcpy(follow->head.node, node, CASUS_LOG_NODE);
	if (!casus_logdir_range(node, 0, UINT64_MAX, &first, &last))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the access log: %m")));
	/* It may be collected anew: then it has not come so far yet. */
	if (last == 0 || segment > last)
		return false;
	follow->keys = palloc(sizeof(CasusLogKeys));
	if (!casus_logkey_of_node(follow->keys, node, &why))
	{
		pfree(follow->keys);
		return false;
	}
	casus_logchain_begin(&follow->chain, follow->keys);
	follow->chain.point.seq = seq;
	follow->head.end.segment = last;
	follow->head.end.offset = UINT64_MAX;
	follow->segment = Max(segment, first);
	follow->offset = follow->segment == segment ? offset : 0;
	return true;
}

/* Of the own log: a record that does not hold is not passed by who stays. */
static bool
take_own(CasusLogFollow *follow, const CasusLogRecord *record)
{
	follow->changed = !holds(follow, record);
	return !(follow->changed && follow->stays);
}

/* The next record, valid until the next call; false: there is no other. */
bool
casus_logfollow_next(CasusLogFollow *follow, CasusLogRecord *record)
{
	if (follow->stays && follow->keys == NULL && follow->own_keys == NULL)
		return false;
	while (follow->segment <= follow->head.end.segment)
	{
		if (follow->fd >= 0 || open_segment(follow))
		{
			CasusLogRead read = read_record(follow, record);

			if (read == CASUS_LOG_OK &&
				(follow->keys ? casus_logchain_record(&follow->chain, &follow->file, record) :
				 take_own(follow, record)))
			{
				follow->offset = follow->file.offset;
				follow->seq = record->seq;
				return true;
			}
			if (read == CASUS_LOG_TORN)
				note_odd(follow, "what follows is no entry");
			close_segment(follow);
		}
		if (is_broken(follow) || !next_segment(follow))
			return false;
	}
	return false;
}

void
casus_logfollow_end(CasusLogFollow *follow)
{
	close_segment(follow);
	wipe(&follow->own_keys);
	if (follow->keys == NULL)
		return;
	if (is_broken(follow))
		ereport(LOG,
				(errmsg("casus loads a collected access log only up to segment " UINT64_FORMAT ", position " UINT64_FORMAT ": %s",
						follow->chain.finding.segment, follow->chain.finding.offset,
						follow->chain.finding.what)));
	wipe(&follow->keys);
}

/* The payload with the number of the record as its first member; false: it is no object. */
bool
casus_logfollow_line(StringInfo line, const CasusLogRecord *record)
{
	if (record->length < 3 || record->payload[0] != '{' ||
		record->payload[record->length - 1] != '}')
		return false;
	resetStringInfo(line);
	appendStringInfo(line, "{\"seq\":" UINT64_FORMAT ",", record->seq);
	appendBinaryStringInfo(line, (const char *) record->payload + 1, record->length - 1);
	return true;
}

/* A character that no text has here: only who has the key puts one into the log. */
static void
blot_zeros(char *line)
{
	static const char zero[] = "\\u0000";

	for (char *p = line; (p = strstr(p, zero)) != NULL; p += sizeof(zero) - 1)
	{
		int			before = 0;

		while (p - before > line && p[-before - 1] == '\\')
			before++;
		if (before % 2 == 0)
			memset(p, '?', sizeof(zero) - 1);
	}
}

/*
 * The line in the encoding of this database.  What that cannot hold, or what
 * is no UTF-8, becomes question marks: a database may have been made anew
 * under the name of another, and the log goes on for both.
 */
char *
casus_logfollow_text(StringInfo line)
{
	int			encoding = GetDatabaseEncoding();
	Oid			conversion;
	char	   *text = line->data;

	blot_zeros(line->data);
	if (pg_encoding_verifymbstr(PG_UTF8, line->data, line->len) == line->len)
	{
		int			room = line->len * MAX_CONVERSION_GROWTH + 1;

		if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
			return text;
		conversion = FindDefaultConversionProc(PG_UTF8, encoding);
		text = palloc_extended(room, MCXT_ALLOC_HUGE);
		if (OidIsValid(conversion) &&
			pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding,
										  (unsigned char *) line->data, line->len,
										  (unsigned char *) text, room, true) == line->len)
			return text;
	}
	for (char *p = line->data; *p; p++)
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	return line->data;
}

/*
 * Is the line of this database, by a piece that says so?  It may have had
 * another name then; a record of before, or of another server, has but the name.  A quote inside a
 * value is escaped, so a pair of key and value cannot be forged by, say, an
 * application's name.  Lines about the log itself belong to every database.
 */
bool
casus_logfollow_of_database(const char *line, const CasusLogNames *names, bool *about_log)
{
	*about_log = false;
	if ((names->id != NULL && strstr(line, names->id) != NULL) ||
		(names->name != NULL && strstr(line, names->name) != NULL))
		return true;
	/* What goes of the log is gone for all, wherever that was asked for. */
	*about_log = strstr(line, ",\"database\":") == NULL || strstr(line, ",\"code\":\"purge_log\",") != NULL;
	return *about_log;
}
