/*
 * act_glass.c
 *		Break-glass and inspection: acts that open a dossier to a login beside
 *		the rules, for a time.
 *
 * The protocols know no break-glass: it is the technical emergency procedure,
 * for whoever holds an office of the dossier's file and for casus_admin.  It
 * gives sight of rows and nothing else: no act, no supply, no correction.
 * What is open is read by glass.c, from the commit of the act on.
 *
 * One that is over and has not been reviewed blocks the next: of the same
 * person or role, of anybody on the same dossier, and, when it was made as
 * casus_admin, of every casus_admin, because one who makes roles would be a
 * new one each time.  The review is in act_review.c.
 *
 * Lock: the dossier's row (FOR NO KEY UPDATE), as every act.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "protocol_doc.h"
#include "relation.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define INSPECTION_HOURS	1	/* unless another duration is asked for */

/* Who opens. */
typedef struct Opener
{
	CasusActor	actor;
	bool		as_admin;
	CasusCapacity capacity;		/* unless as_admin */
} Opener;

/* ---- who ---- */

/*
 * It is the act of who is connected: a function that runs with another's
 * rights cannot do it in his name.
 */
static void
require_himself(const CasusActor *actor)
{
	if (GetUserId() != actor->role)
		casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
						   _("a dossier is not opened from a function with another's rights"),
						   _("the current user is not the one who acts"),
						   _("Call it as a statement of its own."));
}

/* In an office of the file, whichever; or as casus_admin. */
static bool
find_opener(int32 file, Opener *opener)
{
	const CasusHoldings *holdings = casus_people_holdings(opener->actor.person);

	for (int i = 0; i < holdings->n; i++)
	{
		const CasusHeld *held = &holdings->held[i];

		if (held->file != file)
			continue;
		opener->capacity.file = file;
		opener->capacity.protocol = held->protocol;
		opener->capacity.person = opener->actor.person;
		opener->capacity.appointment = held->appointment;
		opener->capacity.party = held->party;
		opener->capacity.office = held->office;
		opener->capacity.purpose = CASUS_NO_PURPOSE;
		return true;
	}
	opener->as_admin = casus_is_admin(opener->actor.role);
	return opener->as_admin;
}

/* ---- how long ---- */

/* The end of a period from now; refuses one that is longer than the protocol allows. */
static TimestampTz
end_of_period(const CasusFile *file, const Interval *duration, int default_hours)
{
	CasusQuery	query;
	bool		isnull;
	bool		fits;
	bool		ends_null;
	int			hours;
	char	   *article;
	TimestampTz ends;

	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_arg(&query, INTERVALOID, PointerGetDatum(duration), duration == NULL);
	casus_query_int(&query, DOC_GLASS_HOURS);
	casus_query_int(&query, default_hours);
	casus_query_read(&query,
					 "SELECT m.hours, m.article, "
					 "t.at + coalesce($2, pg_catalog.make_interval(hours => least(m.hours, coalesce(nullif($4, 0), m.hours)))) e, "
					 "coalesce($2 > '0' AND t.at + $2 <= t.at + pg_catalog.make_interval(hours => m.hours), true) "
					 "FROM (SELECT coalesce((p.definition -> 'break_glass' ->> 'hours')::integer, $3), "
					 "p.definition -> 'break_glass' ->> 'article' "
					 "FROM casus_cat.protocol p WHERE p.id = $1) m(hours, article), "
					 "pg_catalog.clock_timestamp() t(at)");
	hours = (int) casus_query_get_int(&query, 0, 1);
	article = casus_query_get_text(&query, 0, 2);
	ends = DatumGetTimestampTz(casus_query_get(&query, 0, 3, &ends_null));
	fits = DatumGetBool(casus_query_get(&query, 0, 4, &isnull));
	casus_query_end(&query);
	if (!fits)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("a dossier cannot be opened for that long"),
						  casus_find_detail(file, article, psprintf(_("at most %d hours"), hours)),
						  _("Ask for less; when the time is over it can be opened again."));
	return ends;
}

static char *
require_reason(FunctionCallInfo fcinfo, int argument)
{
	char	   *reason = casus_act_text(fcinfo, argument);

	if (reason == NULL || strspn(reason, " \t\r\n") == strlen(reason))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "content_missing",
						  _("a reason is needed"),
						  casus_check_ground(casus_check_protocol(NULL, 0), "second_person",
											 _("who reviews reads it; it should name nobody")),
											 CASUS_HINT_CALLS);
	return reason;
}

/* ---- what stands in the way ---- */

/* The hint names the call for who reviews. */
static void
require_reviewed(const CasusFile *file, int64 dossier, const Opener *opener)
{
	CasusQuery	query;
	int64		other;
	int64		running;

	casus_query_begin(&query);
	casus_query_int64(&query, dossier);
	casus_query_text(&query, GetUserNameFromId(opener->actor.role, false));
	casus_query_arg(&query, INT4OID, Int32GetDatum(opener->actor.person),
					opener->actor.person == 0);
	casus_query_bool(&query, opener->as_admin);
	casus_query_read(&query,
					 "SELECT pg_catalog.min(o.act) FILTER (WHERE o.ends <= t.at), "
					 "pg_catalog.min(o.act) FILTER (WHERE o.ends > t.at AND o.dossier = $1 "
					 "AND (o.role_name = $2::name OR o.person = $3)) "
					 "FROM casus_cat.opening o, pg_catalog.clock_timestamp() t(at) "
					 "WHERE o.kind = 'break_glass' AND o.review IS NULL "
					 "AND (o.dossier = $1 OR o.role_name = $2::name OR o.person = $3 "
					 "OR ($4 AND o.as_admin))");
	other = casus_query_get_int(&query, 0, 1);
	running = casus_query_get_int(&query, 0, 2);
	casus_query_end(&query);
	if (other != 0)
		casus_check_refuse(casus_protocol(file->protocol), "second_person",
						   _("an earlier break-glass has not been reviewed"),
						   _("somebody else, in an office that the protocol names, reviews it before the next one"),
						   psprintf("SELECT * FROM casus.opening;  -- somebody else: casus.review_break_glass(" INT64_FORMAT ", 'justified', '...')", other));
	if (running != 0)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  _("the dossier is open to you already"), NULL,
						  "SELECT * FROM casus.opening WHERE is_open;");
}

/* ---- opening ---- */

/* The row that opens; capacity NULL: as casus_admin. */
static void
insert_opening(int64 act, const char *kind, int32 file, int64 dossier,
			   const Opener *opener, TimestampTz ends)
{
	const CasusCapacity *c = opener->as_admin ? NULL : &opener->capacity;
	CasusQuery	query;

	casus_query_begin(&query);
	casus_query_int64(&query, act);
	casus_query_text(&query, kind);
	casus_query_int(&query, file);
	casus_query_int64(&query, dossier);
	casus_query_arg(&query, INT4OID, Int32GetDatum(opener->actor.person),
					opener->actor.person == 0);
	casus_query_text(&query, GetUserNameFromId(opener->actor.role, false));
	casus_query_bool(&query, opener->as_admin);
	casus_query_code(&query, c ? c->office : 0, c == NULL);
	casus_query_code(&query, c ? c->party : 0, c == NULL || c->party == 0);
	casus_query_code(&query, c ? c->purpose : 0, c == NULL || c->purpose == CASUS_NO_PURPOSE);
	casus_query_arg(&query, TIMESTAMPTZOID, TimestampTzGetDatum(ends), false);
	casus_query_run(&query,
					"INSERT INTO casus_cat.opening (act, kind, file, dossier, person, role_name, "
					"as_admin, office, party, purpose, starts, ends) "
					"VALUES ($1, $2, $3, $4, $5, $6::name, $7, $8, $9, $10, "
					"pg_catalog.clock_timestamp(), $11)");
	casus_query_end(&query);

	/* The attempt is on disk before anything can be open. */
	casus_accesslog_flush();
	if (IsTransactionBlock() || IsSubTransaction())
		ereport(NOTICE,
				(errmsg("the dossier is open when this transaction has committed"),
				 errhint("Call it as a statement of its own, outside a transaction block.")));
}

static Interval *
interval_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : PG_GETARG_INTERVAL_P(argument);
}

/* The act, on a dossier whose number is known or was found. */
static int64
break_glass(int64 id, const Interval *duration, const char *reason, Opener *opener)
{
	CasusDossier dossier;
	CasusFile	file;
	TimestampTz ends;
	int64		act;

	if (!casus_dossier_load(id, &dossier) || dossier.state == CASUS_STATE_GONE ||
		!find_opener(dossier.file, opener) ||
		!casus_dossier_lock(id, LockTupleNoKeyExclusive))
		casus_act_refuse_unknown();
	casus_find_file_by_id(dossier.file, &file);
	ends = end_of_period(&file, duration, 0);
	require_reviewed(&file, id, opener);

	act = opener->as_admin ?
		casus_act_record_setup(file.id, "break_glass", id, reason, NULL) :
		casus_act_record(&opener->capacity, "break_glass", id, reason, NULL);
	insert_opening(act, "break_glass", file.id, id, opener, ends);
	return act;
}

PG_FUNCTION_INFO_V1(casus_sql_break_glass);

Datum
casus_sql_break_glass(PG_FUNCTION_ARGS)
{
	int64		id = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);
	Opener		opener = {0};

	casus_require_preloaded();
	casus_act_attempt(InvalidOid, id, "break_glass");
	casus_catalog_listen();
	opener.actor = casus_context_actor();
	require_himself(&opener.actor);
	PG_RETURN_INT64(break_glass(id, interval_argument(fcinfo, 2),
								require_reason(fcinfo, 0), &opener));
}

/* ---- the same by a row, for who cannot see its dossier's number ---- */

/*
 * The attempt is on disk before the row is looked up: whatever the answer
 * tells of it is on record.
 */
static const CasusSettings *
begin_by_row(FunctionCallInfo fcinfo, int argument, const char *act)
{
	Oid			relid = PG_ARGISNULL(argument) ? InvalidOid : PG_GETARG_OID(argument);
	const CasusProtected *prot;

	casus_require_preloaded();
	prot = casus_registry_find(relid);
	casus_act_attempt(prot == NULL ? InvalidOid : relid, 0, act);
	casus_accesslog_flush();
	casus_catalog_listen();
	if (prot == NULL || prot->settings == NULL)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "not_governed",
						  _("the table is not protected"), NULL,
						  _("casus.survey(schema) proposes the call of casus.protect for each table."));
	if (PG_ARGISNULL(argument + 1))
		casus_act_refuse_unknown();
	return prot->settings;
}

PG_FUNCTION_INFO_V1(casus_sql_break_glass_row);

/*
 * What does not depend on the row is asked before it: who holds no office in a
 * file of the table, asks for too long or has one to be reviewed learns
 * nothing of the row.
 */
Datum
casus_sql_break_glass_row(PG_FUNCTION_ARGS)
{
	const CasusSettings *settings = begin_by_row(fcinfo, 1, "break_glass");
	Interval   *duration = interval_argument(fcinfo, 3);
	Opener		opener = {0};
	bool		may = false;
	char	   *reason;

	opener.actor = casus_context_actor();
	require_himself(&opener.actor);
	reason = require_reason(fcinfo, 0);
	for (int i = 0; i < settings->nfiles; i++)
	{
		Opener		other = opener;
		CasusFile	file;

		if (settings->files[i].id == 0 || !find_opener(settings->files[i].id, &other))
			continue;
		may = true;
		casus_find_file_by_id(settings->files[i].id, &file);
		(void) end_of_period(&file, duration, 0);
		require_reviewed(&file, 0, &other);
	}
	if (!may)
		casus_act_refuse_unknown();
	PG_RETURN_INT64(break_glass(casus_rowkey_dossier(PG_GETARG_OID(1), casus_act_text(fcinfo, 2)),
								duration, reason, &opener));
}

/* ---- inspection ---- */

/* The offices that inspect, as a mask, and the purpose for which each does. */
static int64
inspect(int64 id, const Interval *duration, const char *reason)
{
	CasusActTarget target;
	Opener		opener = {0};
	CasusQuery	query;
	TimestampTz ends;
	int64		act;

	casus_act_begin("inspect", id, &target);
	opener.actor = casus_context_actor();
	require_himself(&opener.actor);

	casus_query_begin(&query);
	casus_query_int(&query, target.file.protocol);
	casus_query_read(&query,
					 "SELECT coalesce(pg_catalog.bit_or(1::bigint << o.code), 0), "
					 "pg_catalog.min(o.article) FROM casus_cat.office o "
					 "WHERE o.protocol = $1 AND o.inspects IS NOT NULL");
	casus_context_for_act(target.file.id, target.dossier.id,
						  (uint64) casus_query_get_int(&query, 0, 1),
						  casus_query_get_text(&query, 0, 2), &opener.capacity);
	casus_query_int(&query, target.file.protocol);
	casus_query_code(&query, opener.capacity.office, false);
	casus_query_read(&query,
					 "SELECT u.code FROM casus_cat.office o JOIN casus_cat.purpose u "
					 "ON u.protocol = o.protocol AND u.name = o.inspects "
					 "WHERE o.protocol = $1 AND o.code = $2");
	opener.capacity.purpose = (uint8) casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);

	ends = end_of_period(&target.file, duration, INSPECTION_HOURS);
	act = casus_act_record(&opener.capacity, "inspect", target.dossier.id, reason, NULL);
	insert_opening(act, "inspect", target.file.id, target.dossier.id, &opener, ends);
	return act;
}

PG_FUNCTION_INFO_V1(casus_sql_inspect);

Datum
casus_sql_inspect(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(inspect(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0),
							interval_argument(fcinfo, 2), require_reason(fcinfo, 1)));
}

PG_FUNCTION_INFO_V1(casus_sql_inspect_row);

Datum
casus_sql_inspect_row(PG_FUNCTION_ARGS)
{
	const CasusSettings *settings = begin_by_row(fcinfo, 0, "inspect");
	char	   *reason = require_reason(fcinfo, 2);
	bool		may = false;

	for (int i = 0; i < settings->nfiles; i++)
		may |= settings->files[i].id != 0 && casus_sight_supervises(settings->files[i].id);
	if (!may)
		casus_act_refuse_unknown();
	PG_RETURN_INT64(inspect(casus_rowkey_dossier(PG_GETARG_OID(0), casus_act_text(fcinfo, 1)),
							interval_argument(fcinfo, 3), reason));
}

/* ---- ending ---- */

/* Ends what is open to the caller: that of one act, or (0) all of it; returns how many. */
static uint64
end_openings(int64 act, const char *motivation)
{
	CasusActor	actor = casus_context_actor();
	CasusQuery	query;
	uint64		n;

	casus_query_begin(&query);
	casus_query_int64(&query, act);
	casus_query_text(&query, GetUserNameFromId(actor.role, false));
	casus_query_arg(&query, INT4OID, Int32GetDatum(actor.person), actor.person == 0);
	casus_query_run(&query,
					"UPDATE casus_cat.opening SET ends = greatest(starts, pg_catalog.clock_timestamp()) "
					"WHERE (act = $1 OR $1 = 0) AND (role_name = $2::name OR person = $3) "
					"AND ends > pg_catalog.clock_timestamp() RETURNING file, dossier");
	n = query.nrows;
	for (uint64 i = 0; i < n; i++)
		(void) casus_act_record_setup((int32) casus_query_get_int(&query, i, 1), "end_opening",
									  casus_query_get_int(&query, i, 2), motivation, NULL);
	casus_query_end(&query);
	return n;
}

PG_FUNCTION_INFO_V1(casus_sql_end_opening);

Datum
casus_sql_end_opening(PG_FUNCTION_ARGS)
{
	casus_require_preloaded();
	casus_act_attempt(InvalidOid, 0, "end_opening");
	casus_catalog_listen();
	if (PG_ARGISNULL(0) || PG_GETARG_INT64(0) <= 0 ||
		end_openings(PG_GETARG_INT64(0), casus_act_text(fcinfo, 1)) == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("nothing is open to you by this act"), NULL,
						  "SELECT * FROM casus.opening WHERE is_open;");
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(casus_sql_leave);

/*
 * Ends the context; without one, what the caller has opened, so that leaving
 * means the same whatever one came in by.  Where nothing can be written it
 * ends by its time.
 */
Datum
casus_sql_leave(PG_FUNCTION_ARGS)
{
	const CasusOpening *openings;

	casus_require_preloaded();
	casus_catalog_listen();
	if (casus_context_entered() == NULL && casus_context_openings(&openings) > 0 &&
		!XactReadOnly && !RecoveryInProgress())
		(void) end_openings(0, NULL);
	casus_context_clear();
	PG_RETURN_VOID();
}

/* ---- the view ---- */

PG_FUNCTION_INFO_V1(casus_sql_sees_opening);

/*
 * (file, person, role_name): the auditor, whoever made it, and the offices of
 * the file that review or inspect.
 */
Datum
casus_sql_sees_opening(PG_FUNCTION_ARGS)
{
	CasusActor	actor = casus_context_actor();

	PG_RETURN_BOOL(casus_is_auditor(actor.role) ||
				   (!PG_ARGISNULL(1) && actor.person != 0 &&
					PG_GETARG_INT32(1) == actor.person) ||
				   (!PG_ARGISNULL(2) &&
					strcmp(NameStr(*PG_GETARG_NAME(2)),
						   GetUserNameFromId(actor.role, false)) == 0) ||
				   casus_sight_supervises(PG_GETARG_INT32(0)));
}
