/*
 * logread.c
 *		Reading the access log back, for the view casus.access_log.
 *
 * The log is the node's; a reader sees the records of this database, and of
 * those an auditor all, anyone else his own person's.  A superuser is not
 * above that.  Which records these are is decided on the text before anything
 * is parsed: a quote inside a value is escaped, so a whole pair of key and
 * value cannot be forged by, say, an application's name.
 *
 * Nothing is verified here; casus.verify_log does that.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include <fcntl.h>

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

typedef struct LogReader
{
	bool		is_auditor;
	char	   *database;		/* piece that a line must hold */
	char	   *person;			/* likewise, unless auditor; NULL: nobody known */
} LogReader;

static void
prepare_reader(LogReader *reader)
{
	CasusActor	actor = casus_context_actor();
	StringInfoData piece;
	char	   *name;

	/* The actor, not a function's owner: an auditor's function lends nothing. */
	reader->is_auditor = casus_is_auditor(actor.role);

	initStringInfo(&piece);
	casus_logrecord_text(&piece, "database", casus_logrecord_database());
	reader->database = piece.data;

	reader->person = NULL;
	name = casus_logrecord_person(actor.person);
	if (name)
	{
		initStringInfo(&piece);
		casus_logrecord_text(&piece, "person", name);
		reader->person = piece.data;
	}
}

static bool
may_read(const LogReader *reader, const char *line)
{
	/* Lines about the log itself belong to no database. */
	if (reader->is_auditor && strstr(line, ",\"database\":") == NULL)
		return true;
	if (strstr(line, reader->database) == NULL)
		return false;
	return reader->is_auditor ||
		(reader->person && strstr(line, reader->person) != NULL);
}

static void
put_line(ReturnSetInfo *result, StringInfo line)
{
	Datum		value;
	bool		isnull = false;
	char	   *text;

	text = pg_any_to_server(line->data, line->len, PG_UTF8);
	value = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
	tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
}

/* The payload with the number of the record as its first member; false: it is no object. */
static bool
make_line(StringInfo line, const CasusLogRecord *record)
{
	if (record->length < 3 || record->payload[0] != '{' ||
		record->payload[record->length - 1] != '}')
		return false;
	resetStringInfo(line);
	appendStringInfo(line, "{\"seq\":" UINT64_FORMAT ",", record->seq);
	appendBinaryStringInfo(line, (const char *) record->payload + 1, record->length - 1);
	return true;
}

/* The records of one segment, as far as the limit. */
static void
read_segment(const LogReader *reader, ReturnSetInfo *result, int fd, uint64 limit)
{
	MemoryContext per_line = AllocSetContextCreate(CurrentMemoryContext,
												   "casus log line",
												   ALLOCSET_DEFAULT_SIZES);
	CasusLogReader file;
	CasusLogHeader header;
	CasusLogRecord record;
	StringInfoData line;

	initStringInfo(&line);
	if (!casus_logsegment_open(&file, fd, limit))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the access log: %m")));
	if (casus_logsegment_header(&file, &header) == CASUS_LOG_OK)
	{
		while (casus_logsegment_next(&file, &record) == CASUS_LOG_OK)
		{
			MemoryContext old;

			CHECK_FOR_INTERRUPTS();
			if (!make_line(&line, &record) || !may_read(reader, line.data))
				continue;
			old = MemoryContextSwitchTo(per_line);
			put_line(result, &line);
			MemoryContextSwitchTo(old);
			MemoryContextReset(per_line);
		}
	}
	casus_logsegment_close(&file);
	pfree(line.data);
	MemoryContextDelete(per_line);
}

static void
read_segments(const LogReader *reader, ReturnSetInfo *result)
{
	CasusLogHead head;
	uint64		first;
	uint64		last;

	if (!casus_logring_head(&head))
		return;
	if (!casus_logdir_range(head.node, &first, &last))
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not read the access log: %m")));
	for (uint64 segment = first; segment > 0 && segment <= head.end.segment; segment++)
	{
		char		path[MAXPGPATH];
		int			fd;

		casus_logdir_file(path, head.node, segment);
		fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
		/* That one is missing is for verify_log to say. */
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not open the access log: %m")));
		read_segment(reader, result, fd,
					 segment == head.end.segment ? head.end.offset : UINT64_MAX);
		CloseTransientFile(fd);
	}
}

/* casus_int.access_records() returns setof jsonb */
PG_FUNCTION_INFO_V1(casus_sql_access_records);
Datum
casus_sql_access_records(PG_FUNCTION_ARGS)
{
	LogReader	reader;

	casus_require_preloaded();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	prepare_reader(&reader);
	if (!reader.is_auditor && reader.person == NULL)
		return (Datum) 0;

	/* Reading the log is a processing of its own, and on record as one. */
	casus_accesslog_event("read", InvalidOid, 0, "access_log", NULL);
	casus_accesslog_flush();
	/* What is in the ring counts as written, also where nobody waits for the disk. */
	casus_sink_cover();
	casus_sink_sync();

	read_segments(&reader, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
