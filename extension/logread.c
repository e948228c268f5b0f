/*
 * logread.c
 *		Reading the access log back, for the view casus.access_log.
 *
 * The log is the node's; a reader sees the records of this database, and of
 * those an auditor all, anyone else his own person's and those of a file that
 * he oversees by an office of it, for as long as he holds it.  A record says of
 * which file it is; what says of none is for auditors.  A superuser is not
 * above that.  What the loader has put into tables (logload.c) the view reads
 * there; the rest comes from the segments.  Which of these records are the
 * reader's is decided on the text before anything is parsed.  In the place of
 * one that is of no form that could be shown an auditor sees that it is there.
 *
 * What comes from the segments is verified, as long as the key file can be read:
 * in the place of an entry that does not hold an auditor sees that it is changed.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "acts.h"
#include "guard.h"
#include "state.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

typedef struct LogReader
{
	bool		is_auditor;
	CasusLogNames database;
	char	   *person;			/* likewise, unless auditor; NULL: nobody known */
	List	   *files;			/* or one of these, of the files that he oversees */
} LogReader;

/* Who asks about records in the tables, until people or appointments are others. */
typedef struct RecordReader
{
	bool		noted;			/* that he reads is on record */
	int32		person;
	uint64		version;		/* of the files that he oversees */
	char	   *name;
	List	   *ids;
	List	   *names;			/* of these files */
} RecordReader;

/* The piece of a line that says so; a quote in a value is escaped, so no value holds it. */
static char *
piece_of(const char *key, const char *value)
{
	StringInfoData piece;

	initStringInfo(&piece);
	casus_logrecord_text(&piece, key, value);
	return piece.data;
}

static void
prepare_reader(LogReader *reader, List **overseen)
{
	CasusActor	actor = casus_context_actor();
	ListCell   *lc;
	char	   *name;

	/* The actor, not a function's owner: an auditor's function lends nothing. */
	reader->is_auditor = casus_is_auditor(actor.role);
	reader->database = casus_logrecord_names(MyDatabaseId, casus_logrecord_database());
	reader->person = NULL;
	reader->files = NIL;
	*overseen = NIL;
	if (reader->is_auditor)
		return;
	name = casus_logrecord_person(actor.person);
	if (name)
		reader->person = piece_of("person", name);
	(void) casus_sight_overseen(actor.person, 0, overseen);
	foreach(lc, *overseen)
		reader->files = lappend(reader->files,
								piece_of("file", casus_people_file_name(lfirst_int(lc))));
}

/* Is the line about the reader, or a file that he oversees? */
static bool
is_of_reader(const LogReader *reader, const char *line)
{
	ListCell   *lc;

	if (reader->person != NULL && strstr(line, reader->person) != NULL)
		return true;
	foreach(lc, reader->files)
	{
		if (strstr(line, lfirst(lc)) != NULL)
			return true;
	}
	return false;
}

/* The entry as the reader may see it; NULL: not at all. */
static Jsonb *
read_entry(const LogReader *reader, StringInfo line, const CasusLogRecord *record, bool changed)
{
	Jsonb	   *entry = NULL;
	bool		about_log;

	if (!changed && casus_logfollow_line(line, record))
	{
		if (!casus_logfollow_of_database(line->data, &reader->database, &about_log))
			return NULL;
		if (!reader->is_auditor && (about_log || !is_of_reader(reader, line->data)))
			return NULL;
		entry = casus_logform_read(line, record->seq);
	}
	/* Whose it is nobody can say. */
	if (entry == NULL && reader->is_auditor)
		entry = casus_logform_stand_in(record->seq, changed);
	return entry;
}

/* The records behind the place to which the tables go. */
static void
read_records(const LogReader *reader, ReturnSetInfo *result, uint64 segment, uint64 offset,
			 uint64 seq)
{
	MemoryContext per_line = AllocSetContextCreate(CurrentMemoryContext,
												   "casus log line",
												   ALLOCSET_DEFAULT_SIZES);
	CasusLogFollow follow;
	CasusLogRecord record;
	StringInfoData line;

	if (!casus_logfollow_begin(&follow, segment, offset, seq))
		return;
	(void) casus_logfollow_verify(&follow, false);
	initStringInfo(&line);
	while (casus_logfollow_next(&follow, &record))
	{
		MemoryContext old = MemoryContextSwitchTo(per_line);
		Jsonb	   *entry;

		CHECK_FOR_INTERRUPTS();
		entry = read_entry(reader, &line, &record, follow.changed);
		if (entry)
		{
			Datum		value = JsonbPGetDatum(entry);
			bool		isnull = false;

			tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(per_line);
	}
	casus_logfollow_end(&follow);
	pfree(line.data);
	MemoryContextDelete(per_line);
}

/*
 * Reading the log is a processing of its own, and on record as one, once for
 * each statement, whichever of the two places it comes from: where the records
 * of another node are asked for, the planner leaves this node's segments out.
 * Who oversees files reads of each of them: those who oversee it see that he did.
 */
static void
note_reading(List *overseen)
{
	CasusGuardFrame *frame = casus_guard_frame_top();
	CasusGuardFacts *facts = frame == NULL ? NULL : casus_guard_frame_facts(frame, true);
	ListCell   *lc;

	if (facts != NULL && facts->reads_log)
		return;
	if (facts != NULL)
		facts->reads_log = true;
	if (overseen == NIL)
		casus_accesslog_event("read", InvalidOid, 0, "access_log", NULL);
	foreach(lc, overseen)
	{
		StringInfoData line;

		initStringInfo(&line);
		appendStringInfoString(&line, casus_logrecord_identity());
		appendStringInfoString(&line, casus_logrecord_capacity(lfirst_int(lc), NULL));
		casus_logrecord_text(&line, "code", "access_log");
		casus_accesslog_described("read", line.data);
	}
}

/*
 * casus_int.access_records(segment, place, seq) returns setof jsonb: those that are
 * not in the tables as the caller's statement sees them.
 */
PG_FUNCTION_INFO_V1(casus_sql_access_records);
Datum
casus_sql_access_records(PG_FUNCTION_ARGS)
{
	LogReader	reader;
	List	   *overseen;

	casus_require_preloaded();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	prepare_reader(&reader, &overseen);
	if (!reader.is_auditor && reader.person == NULL)
		return (Datum) 0;

	note_reading(overseen);
	casus_accesslog_flush();
	/* What is in the ring counts as written, also where nobody waits for the disk. */
	casus_sink_cover();
	casus_sink_sync();

	read_records(&reader, (ReturnSetInfo *) fcinfo->resultinfo,
				 PG_ARGISNULL(0) ? 0 : (uint64) PG_GETARG_INT64(0),
				 PG_ARGISNULL(1) ? 0 : (uint64) PG_GETARG_INT64(1),
				 PG_ARGISNULL(2) ? 0 : (uint64) PG_GETARG_INT64(2));
	return (Datum) 0;
}

/*
 * Whether the log is to be asked is decided for whom all of it is shown: others
 * find themselves, and no error tells them who or what there is.
 */
static bool
is_settled(bool known, bool in_log)
{
	return known || in_log || !casus_is_auditor(casus_context_actor().role);
}

static bool
is_person(const char *name)
{
	CasusQuery	query;
	bool		found;

	casus_query_begin(&query);
	casus_query_text(&query, name);
	casus_query_read(&query, "SELECT FROM casus_cat.person WHERE name = $1");
	found = query.nrows > 0;
	casus_query_end(&query);
	return found;
}

/* casus_int.known_account(name, in_log) returns text: the name; NULL: not known yet */
PG_FUNCTION_INFO_V1(casus_sql_known_account);
Datum
casus_sql_known_account(PG_FUNCTION_ARGS)
{
	char	   *name;

	if (PG_ARGISNULL(0) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(0)) == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("no person is named"), NULL,
						  "SELECT name, role_name FROM casus.person;");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!is_settled(OidIsValid(get_role_oid(name, true)) || is_person(name),
					!PG_ARGISNULL(1) && PG_GETARG_BOOL(1)))
	{
		if (PG_ARGISNULL(1))
			PG_RETURN_NULL();
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("there is no such person"),
						  psprintf(_("\"%s\" is the name of no person and of no role, "
									  "and no record of the log has it."), name),
						  "SELECT name, role_name FROM casus.person;");
	}
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* casus_int.known_dossier(dossier, in_log) returns bigint: likewise */
PG_FUNCTION_INFO_V1(casus_sql_known_dossier);
Datum
casus_sql_known_dossier(PG_FUNCTION_ARGS)
{
	CasusDossier dossier;

	if (PG_ARGISNULL(0))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("no dossier is named"), NULL,
						  "SELECT id, file FROM casus.dossier;");
	/* 0: rows without a valid label. */
	if (!is_settled(PG_GETARG_INT64(0) == 0 || casus_dossier_load(PG_GETARG_INT64(0), &dossier),
					!PG_ARGISNULL(1) && PG_GETARG_BOOL(1)))
	{
		if (PG_ARGISNULL(1))
			PG_RETURN_NULL();
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("there is no such dossier"),
						  psprintf(_("There is no dossier " INT64_FORMAT
									  ", and no record of the log names it."),
								   PG_GETARG_INT64(0)),
						  "SELECT id, file FROM casus.dossier;");
	}
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* As of now: an appointment may begin or end while a cursor is open. */
static RecordReader *
record_reader(FmgrInfo *function, const CasusActor *actor)
{
	RecordReader *reader = function->fn_extra;
	MemoryContext old = MemoryContextSwitchTo(function->fn_mcxt);
	uint64		known;
	ListCell   *lc;

	if (reader == NULL)
		function->fn_extra = reader = palloc0(sizeof(RecordReader));
	known = reader->person == actor->person ? reader->version : 0;
	reader->version = casus_sight_overseen(actor->person, known, &reader->ids);
	if (reader->version != known || reader->person != actor->person)
	{
		reader->person = actor->person;
		reader->name = casus_logrecord_person(actor->person);
		reader->names = NIL;
		foreach(lc, reader->ids)
			reader->names = lappend(reader->names, casus_people_file_name(lfirst_int(lc)));
	}
	MemoryContextSwitchTo(old);
	return reader;
}

/* A record may name thousands of dossiers: it is unpacked only for who oversees a file. */
static bool
is_of_overseen(const RecordReader *reader, NullableDatum packed)
{
	Jsonb	   *line;
	JsonbValue	buffer;
	JsonbValue *file;
	ListCell   *lc;

	if (packed.isnull || reader->names == NIL)
		return false;
	line = DatumGetJsonbP(packed.value);
	if (!JB_ROOT_IS_OBJECT(line))
		return false;
	file = getKeyJsonValueFromContainer(&line->root, "file", strlen("file"), &buffer);
	if (file == NULL || file->type != jbvString)
		return false;
	foreach(lc, reader->names)
	{
		const char *name = lfirst(lc);

		if (strlen(name) == file->val.string.len &&
			memcmp(name, file->val.string.val, file->val.string.len) == 0)
			return true;
	}
	return false;
}

/* Is a record about this person, and of this line, for him? */
static bool
is_for(const RecordReader *reader, text *person, NullableDatum line)
{
	if (person != NULL && reader->name != NULL &&
		strlen(reader->name) == VARSIZE_ANY_EXHDR(person) &&
		memcmp(reader->name, VARDATA_ANY(person), VARSIZE_ANY_EXHDR(person)) == 0)
		return true;
	return is_of_overseen(reader, line);
}

/* casus_int.sees_record(person, line) returns boolean: the same for a record in the tables */
PG_FUNCTION_INFO_V1(casus_sql_sees_record);
Datum
casus_sql_sees_record(PG_FUNCTION_ARGS)
{
	CasusActor	actor = casus_context_actor();
	bool		is_auditor = casus_is_auditor(actor.role);
	RecordReader *reader;

	/* Asked about no record it only says who is an auditor. */
	if (get_fn_expr_arg_stable(fcinfo->flinfo, 0))
		PG_RETURN_BOOL(is_auditor);
	if (is_auditor && fcinfo->flinfo->fn_extra != NULL)
		PG_RETURN_BOOL(true);
	reader = record_reader(fcinfo->flinfo, &actor);
	if (!is_auditor && !is_for(reader, PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0),
							   fcinfo->args[1]))
		PG_RETURN_BOOL(false);
	if (!reader->noted)
		note_reading(is_auditor ? NIL : reader->ids);
	reader->noted = true;
	PG_RETURN_BOOL(true);
}

/* casus_int.log_node() returns uuid: whose log this node writes; NULL: none yet */
PG_FUNCTION_INFO_V1(casus_sql_log_node);
Datum
casus_sql_log_node(PG_FUNCTION_ARGS)
{
	CasusLogHead head;
	pg_uuid_t  *node;

	if (!casus_logring_head(&head))
		PG_RETURN_NULL();
	node = palloc(sizeof(pg_uuid_t));
	memcpy(node->data, head.node, CASUS_LOG_NODE);
	PG_RETURN_UUID_P(node);
}
