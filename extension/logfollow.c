/*
 * logfollow.c
 *		Going through the access log from a place on, to where it is on disk:
 *		for those who read it back and for its loader.
 *
 * Nothing is verified here.  A segment that is missing is passed over; that
 * is for casus.verify_log to say.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include <fcntl.h>

#include "storage/fd.h"

/* From the first segment on for segment 0.  False: the log has not begun. */
bool
casus_logfollow_begin(CasusLogFollow *follow, uint64 segment, uint64 offset)
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
	if (segment > follow->head.end.segment ||
		(segment == follow->head.end.segment && offset > follow->head.end.offset))
	{
		segment = follow->head.end.segment;
		offset = 0;
	}
	follow->segment = Max(segment, first);
	follow->offset = follow->segment == segment ? offset : 0;
	return follow->segment > 0;
}

/* Opens the segment at which it stands; false: there is none. */
static bool
open_segment(CasusLogFollow *follow)
{
	char		path[MAXPGPATH];
	CasusLogHeader header;

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
	if (casus_logsegment_header(&follow->file, &header) != CASUS_LOG_OK ||
		follow->offset > follow->file.limit)
	{
		casus_logfollow_end(follow);
		return false;
	}
	if (follow->offset > CASUS_SEGMENT_HEADER)
		follow->file.offset = follow->offset;
	return true;
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

/* The next record, valid until the next call; false: there is no other. */
bool
casus_logfollow_next(CasusLogFollow *follow, CasusLogRecord *record)
{
	while (follow->segment <= follow->head.end.segment)
	{
		if (follow->fd >= 0 || open_segment(follow))
		{
			if (casus_logsegment_next(&follow->file, record) == CASUS_LOG_OK)
			{
				follow->offset = follow->file.offset;
				return true;
			}
			casus_logfollow_end(follow);
		}
		if (!next_segment(follow))
			return false;
	}
	return false;
}

void
casus_logfollow_end(CasusLogFollow *follow)
{
	if (follow->fd < 0)
		return;
	casus_logsegment_close(&follow->file);
	CloseTransientFile(follow->fd);
	follow->fd = -1;
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

/*
 * Is the line of this database, by the piece that says so?  A quote inside a
 * value is escaped, so a pair of key and value cannot be forged by, say, an
 * application's name.  Lines about the log itself belong to every database.
 */
bool
casus_logfollow_of_database(const char *line, const char *piece, bool *about_log)
{
	*about_log = strstr(line, ",\"database\":") == NULL;
	return *about_log || strstr(line, piece) != NULL;
}
