/*
 * logskip.c
 *		casus.skip_log: the loader goes past a part of a node's access log that it
 *		cannot read.
 *
 * It stays before such a part (logload.c), and goes on only when somebody says,
 * with his reason, that it is lost: with the next segment from which on entries
 * can be read.  All between is passed over as a whole, also what could be read
 * of it.  Which entries those are stands in the act, in the log and in
 * casus_cat.log_skipped, of which casus.doctor() tells until they have gone
 * after their term.  The files stay as they are: casus.verify_log names the
 * damage as before.
 *
 * Of this database alone: each has tables of its own.  The node's row in
 * casus_cat.log_loaded is locked as the loader does it, which therefore is
 * nowhere else than where the caller is told.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "acts.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

typedef struct Skip
{
	CasusLogHead head;
	bool		is_own;
	CasusLogKeys *keys;
	bool		is_known;		/* the loader has been here, up to the place that follows */
	uint64		segment;
	uint64		place;
	uint64		seq;
	bool		is_behind;		/* there are entries that can be read, before what cannot */
	char	   *stop;			/* before what the loader stays; NULL: it does not */
	uint64		stop_segment;
	uint64		stop_offset;
	CasusLogHeader next;		/* of the segment with which it goes on */
} Skip;

static void
refuse(const char *message, const char *hint)
{
	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL, message, NULL, hint);
}

/* ---- where it stands ---- */

/* Is there an entry at that place?  stop: behind it, what keeps the loader from there on. */
static bool
has_entry(const Skip *skip, uint64 segment, uint64 place, uint64 seq, Skip *stop)
{
	CasusLogFollow follow;
	CasusLogRecord record;
	CasusLogFinding *finding = &follow.chain.finding;
	bool		found;

	if (skip->is_own ? !casus_logfollow_begin(&follow, segment, place, seq) :
		!casus_logfollow_begin_copy(&follow, skip->head.node, segment, place, seq))
		return false;
	if (skip->is_own)
		(void) casus_logfollow_verify(&follow, true);
	found = casus_logfollow_next(&follow, &record);
	while (found && stop && casus_logfollow_next(&follow, &record))
		CHECK_FOR_INTERRUPTS();
	if (stop && skip->is_own && follow.odd)
	{
		stop->stop = pstrdup(follow.odd);
		stop->stop_segment = follow.segment;
		stop->stop_offset = follow.offset;
	}
	else if (stop && !skip->is_own && finding->what[0] != '\0')
	{
		stop->stop = pstrdup(finding->what);
		stop->stop_segment = finding->segment;
		stop->stop_offset = finding->offset;
	}
	/* Who loads says it in the server log. */
	finding->what[0] = '\0';
	casus_logfollow_end(&follow);
	return found;
}

static void
find_place(Skip *skip, const pg_uuid_t *node)
{
	CasusQuery	query;

	casus_query_begin(&query);
	casus_query_arg(&query, UUIDOID, UUIDPGetDatum(node), false);
	casus_query_run(&query,
					"SELECT segment, place, seq FROM casus_cat.log_loaded WHERE node = $1 FOR UPDATE");
	skip->is_known = query.nrows > 0;
	if (skip->is_known)
	{
		skip->segment = (uint64) casus_query_get_int(&query, 0, 1);
		skip->place = (uint64) casus_query_get_int(&query, 0, 2);
		skip->seq = (uint64) casus_query_get_int(&query, 0, 3);
	}
	casus_query_end(&query);
	skip->is_behind = !skip->is_known ||
		has_entry(skip, skip->segment, skip->place, skip->seq, skip);
}

/* ---- where it goes on ---- */

/* The first segment behind it that holds by itself, with an entry to go on with. */
static bool
find_next(Skip *skip)
{
	uint64		before = skip->is_own ? skip->head.end.segment + 1 : UINT64_MAX;
	uint64		segment = skip->stop_segment - 1;
	uint64		last;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (!casus_logdir_range(skip->head.node, segment, before, &segment, &last))
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not read the access log: %m")));
		if (segment == 0)
			return false;
		/* It stays before this one itself where what is missing comes before it. */
		if (segment == skip->stop_segment && skip->stop_offset > CASUS_SEGMENT_HEADER)
			continue;
		if (casus_logdir_header(skip->keys, segment, &skip->next) &&
			skip->next.first_seq > skip->seq + (segment == skip->stop_segment ? 1 : 0) &&
			has_entry(skip, segment, 0, skip->next.first_seq - 1, NULL))
			return true;
	}
}

/* ---- the act ---- */

static char *
number(uint64 n)
{
	return psprintf(UINT64_FORMAT, n);
}

static int64
record(const Skip *skip, const pg_uuid_t *node, const char *reason)
{
	char	   *name = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(node)));
	char	   *from = number(skip->seq + 1);
	char	   *to = number(skip->next.first_seq - 1);
	Jsonb	   *details = casus_act_details("node", name, "segment", number(skip->stop_segment),
											"position", number(skip->stop_offset),
											"next_segment", number(skip->next.segment),
											"from_seq", from, "to_seq", to,
											"stood_before", skip->stop, NULL);
	int64		act;

	casus_installation_ensure();
	act = casus_act_record_setup(0, "skip_log", 0, reason, details);
	casus_act_note_setup(InvalidOid,
						 psprintf("skip_log: node %s, segment " UINT64_FORMAT
								  " from position " UINT64_FORMAT " up to segment " UINT64_FORMAT "; entries %s to %s come into no table"
								  " of this database; before them: %s; reason: %s",
								  name, skip->stop_segment, skip->stop_offset, skip->next.segment,
								  from, to, skip->stop, reason));
	return act;
}

static void
carry_out(const Skip *skip, const pg_uuid_t *node, int64 act)
{
	CasusQuery	query;
	TimestampTz until = skip->next.time -
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	casus_query_begin(&query);
	casus_query_int64(&query, act);
	casus_query_arg(&query, UUIDOID, UUIDPGetDatum(node), false);
	casus_query_int64(&query, (int64) skip->stop_segment);
	casus_query_int64(&query, (int64) skip->stop_offset);
	casus_query_int64(&query, (int64) skip->seq + 1);
	casus_query_int64(&query, (int64) skip->next.first_seq - 1);
	casus_query_arg(&query, TIMESTAMPTZOID, TimestampTzGetDatum(until), false);
	casus_query_run(&query,
					"INSERT INTO casus_cat.log_skipped SELECT a.id, $2, $3, $4, $5, $6, $7, a.role_name, a.at "
					"FROM casus_cat.act a WHERE a.id = $1");
	casus_query_arg(&query, UUIDOID, UUIDPGetDatum(node), false);
	casus_query_int64(&query, (int64) skip->next.segment);
	casus_query_int64(&query, (int64) skip->next.first_seq - 1);
	casus_query_run(&query,
					"UPDATE casus_cat.log_loaded SET segment = $2, place = 0, seq = $3, mac = NULL, "
					"loaded_at = pg_catalog.now() WHERE node = $1");
	casus_query_end(&query);
}

static Datum
make_result(FunctionCallInfo fcinfo, const Skip *skip)
{
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum((int64) skip->stop_segment);
	values[1] = Int64GetDatum((int64) skip->stop_offset);
	values[2] = Int64GetDatum((int64) skip->next.segment);
	values[3] = Int64GetDatum((int64) skip->seq + 1);
	values[4] = Int64GetDatum((int64) skip->next.first_seq - 1);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

static void
begin(Skip *skip, const pg_uuid_t *node)
{
	casus_logverify_head(&skip->head);
	skip->keys = palloc(sizeof(CasusLogKeys));
	skip->is_own = casus_logverify_keys(skip->keys, &skip->head, node);
}

static void
end(Skip *skip)
{
	explicit_bzero(skip->keys, sizeof(*skip->keys));
}

/* casus.skip_log(reason, node, OUT segment, position, next_segment, from_seq, to_seq) */
PG_FUNCTION_INFO_V1(casus_sql_skip_log);
Datum
casus_sql_skip_log(PG_FUNCTION_ARGS)
{
	CasusActor	actor = casus_context_actor();
	Skip		skip = {0};
	pg_uuid_t	node;
	char	   *reason;
	bool		found;

	casus_require_preloaded();
	casus_act_attempt(InvalidOid, 0, "skip_log");
	/* The right to call it does not do: a superuser lends it in a function of his. */
	if (!casus_is_auditor(actor.role) && !casus_is_admin(actor.role))
		casus_refuse("wrong_office",
					 _("what the tables leave out of the access log is for members of casus_admin and casus_auditor to say"),
					 NULL,
					 CASUS_HINT_AUDITORS);
	reason = casus_act_required_text(fcinfo, 0, "reason");
	if (reason[strspn(reason, " \t\r\n")] == '\0')
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("what is left out of the tables is left out for a reason"), NULL,
						  "SELECT * FROM casus.skip_log('<reason>');");
	begin(&skip, PG_ARGISNULL(1) ? NULL : PG_GETARG_UUID_P(1));
	memcpy(node.data, skip.head.node, UUID_LEN);

	find_place(&skip, &node);
	found = skip.stop != NULL && !skip.is_behind && find_next(&skip);
	end(&skip);
	if (skip.is_behind && (skip.stop || !skip.is_known))
		refuse(_("the loader has not come to what it cannot read"),
			   _("It comes within casus.log_load_interval, now that this was asked; then once more."));
	if (skip.stop == NULL)
		refuse(_("there is nothing of that log before which the loader stays"),
			   "SELECT * FROM casus.doctor() WHERE code = 'log_load_late';");
	if (!found)
		refuse(_("behind what cannot be read there is no later segment that can"),
			   _("The log goes on in another segment when this one is full, or by casus.rotate_log_key()."));
	carry_out(&skip, &node, record(&skip, &node, reason));
	PG_RETURN_DATUM(make_result(fcinfo, &skip));
}
