/*
 * logread.c
 *		Reading the access log back, for the view casus.access_log.
 *
 * The log is the node's; a reader sees the records of this database, and of
 * those an auditor all, anyone else his own person's.  A superuser is not
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
#include "guard.h"
#include "state.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

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

/* The entry as the reader may see it; NULL: not at all. */
static Jsonb *
read_entry(const LogReader *reader, StringInfo line, const CasusLogRecord *record, bool changed)
{
	Jsonb	   *entry = NULL;
	bool		about_log;

	if (!changed && casus_logfollow_line(line, record))
	{
		if (!casus_logfollow_of_database(line->data, reader->database, &about_log))
			return NULL;
		if (!reader->is_auditor &&
			(about_log || !reader->person || strstr(line->data, reader->person) == NULL))
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
 */
static void
note_reading(void)
{
	CasusGuardFrame *frame = casus_guard_frame_top();
	CasusGuardFacts *facts = frame == NULL ? NULL : casus_guard_frame_facts(frame, true);

	if (facts != NULL && facts->reads_log)
		return;
	if (facts != NULL)
		facts->reads_log = true;
	casus_accesslog_event("read", InvalidOid, 0, "access_log", NULL);
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

	casus_require_preloaded();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	prepare_reader(&reader);
	if (!reader.is_auditor && reader.person == NULL)
		return (Datum) 0;

	note_reading();
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

static bool
is_of_caller(const CasusActor *actor, text *person)
{
	char	   *name;

	if (person == NULL || actor->person == 0)
		return false;
	name = casus_logrecord_person(actor->person);
	return name && strcmp(name, text_to_cstring(person)) == 0;
}

/* casus_int.sees_record(person) returns boolean: the same for a record in the tables */
PG_FUNCTION_INFO_V1(casus_sql_sees_record);
Datum
casus_sql_sees_record(PG_FUNCTION_ARGS)
{
	CasusActor	actor = casus_context_actor();

	if (!casus_is_auditor(actor.role) &&
		!is_of_caller(&actor, PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0)))
		PG_RETURN_BOOL(false);
	/* Asked about no record it only says who is an auditor. */
	if (fcinfo->flinfo->fn_extra == NULL && !get_fn_expr_arg_stable(fcinfo->flinfo, 0))
	{
		note_reading();
		fcinfo->flinfo->fn_extra = fcinfo->flinfo;	/* done */
	}
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
