/*
 * logread.c
 *		Reading the access log back, for the view casus.access_log.
 *
 * The file is the cluster's; a reader sees the lines of this database, and of
 * those an auditor all, anyone else his own person's.  A superuser is not
 * above that.  Which lines these are is decided on the text before anything
 * is parsed: a quote inside a value is escaped, so a whole pair of key and
 * value cannot be forged by, say, an application's name.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include <sys/stat.h>

#include "common/string.h"
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

/* A line that was cut off has no closing brace: it is damaged, and skipped. */
static bool
is_whole(const StringInfo line)
{
	return line->len > 10 && line->data[0] == '{' &&
		line->data[line->len - 1] == '\n' && line->data[line->len - 2] == '}';
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

	line->data[line->len - 1] = '\0';
	text = pg_any_to_server(line->data, line->len - 1, PG_UTF8);
	value = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
	tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
}

static void
read_lines(const LogReader *reader, ReturnSetInfo *result, FILE *file)
{
	MemoryContext per_line = AllocSetContextCreate(CurrentMemoryContext,
												   "casus log line",
												   ALLOCSET_DEFAULT_SIZES);
	StringInfoData line;

	initStringInfo(&line);
	while (pg_get_line_buf(file, &line))
	{
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		if (!is_whole(&line) || !may_read(reader, line.data))
			continue;
		old = MemoryContextSwitchTo(per_line);
		put_line(result, &line);
		MemoryContextSwitchTo(old);
		MemoryContextReset(per_line);
	}
	MemoryContextDelete(per_line);
}

/* casus_int.access_records() returns setof jsonb */
PG_FUNCTION_INFO_V1(casus_sql_access_records);
Datum
casus_sql_access_records(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	LogReader	reader;
	char		path[MAXPGPATH];
	FILE	   *file;

	casus_require_preloaded();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	prepare_reader(&reader);
	if (!reader.is_auditor && reader.person == NULL)
		return (Datum) 0;

	/* Reading the log is a processing of its own, and on record as one. */
	casus_accesslog_event("read", InvalidOid, 0, "access_log", NULL);
	casus_accesslog_flush();

	casus_sink_path(path);
	file = AllocateFile(path, PG_BINARY_R);
	if (file == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open the access log: %m")));
	read_lines(&reader, result, file);
	FreeFile(file);
	return (Datum) 0;
}
