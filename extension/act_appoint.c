/*
 * act_appoint.c
 *		Appointments, deputies, and their ends.
 *
 * Who may appoint to an office is protocol data.  Whoever appoints holds the
 * row of the person FOR UPDATE, so that two appointments that exclude each
 * other cannot pass side by side, and that of the party FOR SHARE, so that its
 * membership does not end meanwhile.  A deputy is appointed, and an appointment
 * ended, under a lock of all those that it is derived from, the oldest first.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "term.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* ---- what an appointment must satisfy ---- */

/*
 * The right to appoint to the office: casus_admin where the protocol says so,
 * or somebody in one of the offices that it names.  True when the caller does
 * so as admin; otherwise *capacity is his.
 */
static bool
require_appointer(const CasusFile *file, const CasusOffice *office,
				  int64 dossier, CasusCapacity *capacity)
{
	const CasusProtocol *protocol = casus_protocol(file->protocol);
	CasusActor	actor = casus_context_actor();
	CasusQuery	query;
	bool		by_admin = false;
	uint64		offices = 0;

	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_code(&query, office->code, false);
	casus_query_read(&query,
					"SELECT pg_catalog.unnest(appointed_by) FROM casus_cat.office "
					"WHERE protocol = $1 AND code = $2");
	for (uint64 i = 0; i < query.nrows; i++)
	{
		char	   *by = casus_query_get_text(&query, i, 1);
		int			code = casus_protocol_office(protocol, by);

		if (strcmp(by, "casus_admin") == 0)
			by_admin = true;
		else if (code >= 0)
			offices |= UINT64CONST(1) << code;
	}
	casus_query_end(&query);

	if (by_admin && casus_is_admin(actor.role))
		return true;
	if (offices == 0)
		casus_refuse("wrong_office",
					 _("only casus_admin appoints to this office"),
					 casus_find_detail(file, office->article, psprintf(_("nobody in the file appoints to %s"), office->name)),
					 psprintf("SELECT name, appointed_by FROM casus.office WHERE protocol = %s;",
							  quote_literal_cstr(file->protocol_name)));
	casus_context_for_act(file->id, dossier, offices, office->article, capacity);
	return false;
}

/* File: no party, no dossier.  Party: a party.  Dossier: a dossier of this file. */
static void
check_level(const CasusFile *file, const CasusOffice *office, bool has_party,
			int64 dossier)
{
	const char *wrong = NULL;
	CasusDossier state;

	if (office->level == CASUS_LEVEL_FILE && has_party)
		wrong = _("the office is held for the whole file, not for a party");
	else if (office->level == CASUS_LEVEL_PARTY && !has_party)
		wrong = _("the office is held for a party, and none is given");
	else if (office->level == CASUS_LEVEL_DOSSIER && dossier == 0)
		wrong = _("the office is held for one dossier, and none is given");
	else if (office->needs_party && !has_party)
		wrong = _("the office is held for a party that takes part in the dossier, and none is given");
	else if (office->level != CASUS_LEVEL_DOSSIER && dossier != 0)
		wrong = _("the office is not held for one dossier");
	if (wrong != NULL)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "wrong_office",
						  _("the office is not held at this level"),
						  casus_find_detail(file, office->article, wrong),
						  office->level == CASUS_LEVEL_PARTY && !has_party ?
						  psprintf("SELECT name FROM casus.party WHERE file = %s;",
								   quote_literal_cstr(file->name)) :
						  office->needs_party && dossier != 0 ?
						  psprintf("SELECT party FROM casus.participant WHERE dossier = " INT64_FORMAT
								   ";  -- casus.involve(" INT64_FORMAT ", party => '...', person => '...', office => %s)",
								   dossier, dossier, quote_literal_cstr(office->name)) :
						  office->level != CASUS_LEVEL_DOSSIER ?
						  psprintf("SELECT name, level FROM casus.office WHERE protocol = %s;",
								   quote_literal_cstr(casus_protocol(file->protocol)->name)) :
						  "SELECT id, phase FROM casus.dossier;  -- casus.involve(id, person => '...', office => '...')");
	if (dossier != 0 && (!casus_dossier_load(dossier, &state) ||
						 state.file != file->id || state.state == CASUS_STATE_GONE))
		casus_act_refuse_unknown();
}

/* Asked after the right to appoint, so that nobody else learns of it; it does not end meanwhile. */
static void
check_not_ended(const CasusFile *file, int64 dossier)
{
	CasusDossier state;

	if (dossier == 0)
		return;
	if (!casus_dossier_lock(dossier, LockTupleShare) || !casus_dossier_load(dossier, &state) ||
		state.state == CASUS_STATE_GONE)
		casus_act_refuse_unknown();
	casus_act_refuse_ended(file, state.phase);
}

/*
 * An office that is held for a party that takes part in the dossier: does it
 * now?  The dossier is locked by then, so that it does not stop meanwhile.
 */
static void
check_takes_part(const CasusFile *file, const CasusAppointment *a)
{
	CasusQuery	query;
	bool		takes_part;

	if (!a->office.needs_party)
		return;
	casus_query_begin(&query);
	casus_query_int64(&query, a->dossier);
	casus_query_code(&query, a->party, false);
	casus_query_read(&query, "SELECT FROM casus_cat.participant t WHERE t.dossier = $1 "
					 "AND t.party = $2 AND " CASUS_TAKES_PART_NOW);
	takes_part = query.nrows > 0;
	casus_query_end(&query);
	if (!takes_part)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "not_involved",
						  _("the party does not take part in the dossier"),
						  casus_find_detail(file, a->office.article,
											psprintf(_("office %s is held for a party that takes part in it"),
													 a->office.name)),
						  psprintf("SELECT party FROM casus.participant WHERE dossier = " INT64_FORMAT
								   ";  -- casus.involve(" INT64_FORMAT ", party => %s, reason => '...')",
								   a->dossier, a->dossier, quote_literal_cstr(a->party_name)));
}

/* Ambtseed or VOG, where the protocol asks it of whoever has access. */
static void
check_oath(const CasusFile *file, const CasusOffice *office, int32 person)
{
	CasusQuery	query;
	bool		known;

	if (!office->needs_oath)
		return;
	casus_query_begin(&query);
	casus_query_int(&query, person);
	casus_query_arg(&query, DATEOID, DateADTGetDatum(casus_clock_today()), false);
	casus_query_read(&query,
					"SELECT FROM casus_cat.person WHERE id = $1 AND (oath_on <= $2 OR "
					"vog_on <= $2)");
	known = query.nrows > 0;
	casus_query_end(&query);
	if (!known)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						  "content_missing",
						  _("the office asks for the ambtseed or a VOG"),
						  casus_find_detail(file, casus_find_oath_article(file, office),
											_("no date of ambtseed or VOG is known of this person")),
						  psprintf("SELECT oath_on, vog_on FROM casus.person WHERE name = %s;  -- casus.set_oath(%s, oath_on => 'YYYY-MM-DD')",
								   quote_literal_cstr(casus_find_name_of(person)),
								   quote_literal_cstr(casus_find_name_of(person))));
}

/* Offices that exclude each other, in either's list, at any moment of the period. */
static void
check_exclusion(const CasusFile *file, const CasusOffice *office, int32 person,
				Datum starts, bool starts_null, Datum ends, bool ends_null)
{
	CasusQuery	query;
	char	   *other;
	char	   *article;

	casus_query_begin(&query);
	casus_query_int(&query, person);
	casus_query_run(&query, "SELECT FROM casus_cat.person WHERE id = $1 FOR UPDATE");
	casus_query_int(&query, file->id);
	casus_query_int(&query, person);
	casus_query_code(&query, office->code, false);
	casus_query_arg(&query, TIMESTAMPTZOID, starts, starts_null);
	casus_query_arg(&query, TIMESTAMPTZOID, ends, ends_null);
	casus_query_read(&query,
					"SELECT o.name, CASE WHEN o.name = ANY (n.excludes) THEN n.article ELSE "
					"o.article END "
					"FROM casus_cat.file f "
					"JOIN casus_cat.office n ON n.protocol = f.protocol AND n.code = $3 "
					"JOIN casus_cat.appointment a ON a.file = f.id AND a.person = $2 "
					"JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = a.office "
					"WHERE f.id = $1 AND (o.name = ANY (n.excludes) OR n.name = ANY "
					"(o.excludes)) "
					"AND (a.ends IS NULL OR a.ends > greatest(a.starts, coalesce($4, "
					"pg_catalog.clock_timestamp()))) "
					"AND ($5 IS NULL OR a.starts < $5)");
	other = casus_query_get_text(&query, 0, 1);
	article = casus_query_get_text(&query, 0, 2);
	casus_query_end(&query);
	if (other != NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						  "wrong_office",
						  _("the person holds an office that excludes this one"),
						  casus_find_detail(file, article,
											psprintf(_("%s and %s exclude each other"),
													 office->name, other)),
						  "SELECT id, person, office FROM casus.appointment WHERE holds_now;  -- casus.end_appointment(id) ends one");
}

/*
 * The same office twice at a time would be two capacities that nobody can
 * tell apart.  The row of the person is locked by then.
 */
static void
check_double(const CasusFile *file, const CasusAppointment *a)
{
	CasusQuery	query;
	bool		held;
	bool		backwards;

	casus_query_begin(&query);
	casus_query_int(&query, file->id);
	casus_query_int(&query, a->person);
	casus_query_code(&query, a->office.code, false);
	casus_query_code(&query, a->party, a->party == 0);
	casus_query_arg(&query, INT8OID, Int64GetDatum(a->dossier), a->dossier == 0);
	casus_query_arg(&query, TIMESTAMPTZOID, a->starts, a->starts_null);
	casus_query_arg(&query, TIMESTAMPTZOID, a->ends, a->ends_null);
	casus_query_read(&query,
					 "SELECT EXISTS (SELECT FROM casus_cat.appointment a "
					 "WHERE a.file = $1 AND a.person = $2 AND a.office = $3 "
					 "AND a.party IS NOT DISTINCT FROM $4 AND a.dossier IS NOT DISTINCT FROM $5 "
					 "AND (a.ends IS NULL OR a.ends > greatest(a.starts, coalesce($6, pg_catalog.clock_timestamp()))) "
					 "AND ($7 IS NULL OR a.starts < $7)), "
					 "coalesce($7 <= coalesce($6, pg_catalog.clock_timestamp()), false)");
	held = casus_query_get_bool(&query, 0, 1);
	backwards = casus_query_get_bool(&query, 0, 2);
	casus_query_end(&query);
	if (backwards)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("an appointment ends after it starts"), NULL,
						  _("Give ends a moment after starts, or leave it out."));
	if (held)
		casus_setup_error(ERRCODE_DUPLICATE_OBJECT, NULL,
						  _("the person holds this office in that period already"),
						  casus_find_detail(file, a->office.article,
											_("two of the same would be capacities that nobody can tell apart")),
						  "SELECT * FROM casus.appointment;");
}

/* The purpose that is read without casus.enter; -1 for none. */
static int
check_standing(const CasusFile *file, const char *name, int32 person)
{
	const CasusProtocol *protocol = casus_protocol(file->protocol);
	CasusQuery	query;
	int			purpose;
	bool		has_one;

	if (name == NULL)
		return -1;
	purpose = casus_find_purpose(file, name);
	if ((protocol->standing & (UINT64CONST(1) << purpose)) == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "wrong_purpose",
						  _("the protocol does not let this purpose be a standing one"),
						  casus_check_detail(protocol, "wrong_purpose", NULL,
											 psprintf(_("purpose %s asks for casus.enter each time"), name)),
						  "SELECT protocol, name FROM casus.purpose WHERE is_standing;");
	casus_query_begin(&query);
	casus_query_int(&query, person);
	casus_query_int(&query, file->id);
	casus_query_read(&query,
					"SELECT FROM casus_cat.appointment WHERE person = $1 AND file = $2 "
					"AND standing_purpose IS NOT NULL "
					"AND (ends IS NULL OR ends > pg_catalog.clock_timestamp())");
	has_one = query.nrows > 0;
	casus_query_end(&query);
	if (has_one)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "ambiguous_capacity",
						  _("a person has one standing purpose in a file at a time"),
						  casus_check_detail(protocol, "ambiguous_capacity", NULL, NULL),
						  "SELECT id, person, standing_purpose FROM casus.appointment WHERE standing_purpose IS NOT NULL;  -- casus.end_appointment(id) ends one");
	return purpose;
}

/* ---- appoint ---- */

/*
 * In which dossiers somebody took part by name is decided anew when he comes back after
 * he had left the office: then he was to know of those, and not for ever.
 */
static void
end_former_part(const CasusFile *file, const CasusAppointment *a)
{
	CasusQuery	query;

	casus_query_begin(&query);
	casus_query_int(&query, file->id);
	casus_query_int(&query, a->person);
	casus_query_code(&query, a->office.code, false);
	casus_query_arg(&query, TIMESTAMPTZOID, a->starts, a->starts_null);
	casus_query_run(&query,
					"WITH held AS (SELECT x.starts, x.ends FROM casus_cat.appointment x "
					"WHERE x.file = $1 AND x.person = $2 AND x.office = $3), "
					"left_on AS (SELECT pg_catalog.max(h.ends) AS day FROM held h "
					"WHERE h.ends < coalesce($4, pg_catalog.clock_timestamp())) "
					"UPDATE casus_cat.participant t "
					"SET ends = greatest(t.starts, pg_catalog.clock_timestamp(), l.day) FROM left_on l "
					"WHERE t.person = $2 AND t.office = $3 AND t.starts < l.day "
					"AND t.dossier IN (SELECT d.id FROM casus_cat.dossier d WHERE d.file = $1) "
					"AND (t.ends IS NULL OR t.ends > greatest(pg_catalog.clock_timestamp(), l.day)) "
					"AND NOT EXISTS (SELECT FROM held h "
					"WHERE h.starts <= coalesce($4, pg_catalog.clock_timestamp()) "
					"AND (h.ends IS NULL OR h.ends >= coalesce($4, pg_catalog.clock_timestamp())))");
	casus_query_end(&query);
}

int64
casus_act_appoint_person(const CasusFile *file, const CasusAppointment *a)
{
	const char *kind = a->deputy_for ? "deputise" : "appoint";
	CasusCapacity capacity = {0};
	CasusQuery	query;
	Jsonb	   *details;
	bool		as_admin;
	int			standing;
	int64		id;

	check_level(file, &a->office, a->party != 0, a->dossier);
	if (a->party != 0)
		(void) casus_find_party_lock(file, a->party_name);
	as_admin = require_appointer(file, &a->office, a->dossier, &capacity);
	check_not_ended(file, a->dossier);
	check_takes_part(file, a);
	check_oath(file, &a->office, a->person);
	check_exclusion(file, &a->office, a->person, a->starts, a->starts_null,
					a->ends, a->ends_null);
	standing = check_standing(file, a->standing_purpose, a->person);
	check_double(file, a);
	end_former_part(file, a);

	casus_query_begin(&query);
	casus_query_int(&query, a->person);
	casus_query_int(&query, file->id);
	casus_query_code(&query, a->office.code, false);
	casus_query_code(&query, a->party, a->party == 0);
	casus_query_arg(&query, INT8OID, Int64GetDatum(a->dossier), a->dossier == 0);
	casus_query_arg(&query, TIMESTAMPTZOID, a->starts, a->starts_null);
	casus_query_arg(&query, TIMESTAMPTZOID, a->ends, a->ends_null);
	casus_query_arg(&query, INT8OID, Int64GetDatum(a->deputy_for),
					a->deputy_for == 0);
	casus_query_code(&query, standing, standing < 0);
	casus_query_bool(&query, a->may_session);
	casus_query_text(&query, a->reason);
	casus_query_run(&query,
					"INSERT INTO casus_cat.appointment (id, person, file, office, party, "
					"dossier, starts, "
					"ends, deputy_for, standing_purpose, may_session, reason) "
					"VALUES (pg_catalog.nextval('casus_cat.id_seq'), $1, $2, $3, $4, $5, "
					"coalesce($6, pg_catalog.clock_timestamp()), $7, $8, $9, $10, "
					"coalesce($11, '')) "
					"RETURNING id");
	id = casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);

	details = casus_act_details("appointment", psprintf(INT64_FORMAT, id),
								"person", a->person_name, "office", a->office.name,
								"party", a->party_name, NULL);
	if (as_admin)
		(void) casus_act_record_setup(file->id, kind, a->dossier, a->reason, details);
	else
		(void) casus_act_record(&capacity, kind, a->dossier, a->reason, details);
	return id;
}

PG_FUNCTION_INFO_V1(casus_sql_appoint);

Datum
casus_sql_appoint(PG_FUNCTION_ARGS)
{
	CasusFile	file;
	CasusAppointment a = {0};

	casus_require_preloaded();
	casus_act_attempt(InvalidOid, 0, "appoint");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3))
		casus_setup_error(ERRCODE_NULL_VALUE_NOT_ALLOWED, NULL,
						  _("person, file and office must be given"), NULL, CASUS_HINT_CALLS);
	casus_installation_ensure();
	casus_find_file(text_to_cstring(PG_GETARG_TEXT_PP(1)), &file);
	a.person_name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	a.person = casus_find_person(a.person_name);
	casus_find_office(&file, text_to_cstring(PG_GETARG_TEXT_PP(3)), &a.office);
	if (!PG_ARGISNULL(2))
	{
		a.party_name = text_to_cstring(PG_GETARG_TEXT_PP(2));
		a.party = casus_find_party(&file, a.party_name);
	}
	a.dossier = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT64(4);
	a.starts = PG_GETARG_DATUM(5);
	a.starts_null = PG_ARGISNULL(5);
	a.ends = PG_GETARG_DATUM(6);
	a.ends_null = PG_ARGISNULL(6);
	a.reason = casus_act_text(fcinfo, 7);
	a.standing_purpose = casus_act_text(fcinfo, 8);
	a.may_session = !PG_ARGISNULL(9) && PG_GETARG_BOOL(9);
	PG_RETURN_INT64(casus_act_appoint_person(&file, &a));
}

/* ---- deputies and ends ---- */

/*
 * The appointment, and whom it is a deputy's for; before it the dossier and the
 * party, as whoever ends their part does.
 */
static void
lock_appointment(int64 id)
{
	CasusQuery	query;
	int64		dossier;

	casus_query_begin(&query);
	casus_query_int64(&query, id);
	casus_query_read(&query, "SELECT dossier FROM casus_cat.appointment WHERE id = $1");
	dossier = casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	if (dossier != 0)
		(void) casus_dossier_lock(dossier, LockTupleShare);

	casus_query_begin(&query);
	casus_query_int64(&query, id);
	casus_query_run(&query,
					"SELECT FROM casus_cat.party y JOIN casus_cat.appointment a "
					"ON a.file = y.file AND a.party = y.code WHERE a.id = $1 FOR SHARE OF y");
	casus_query_int64(&query, id);
	casus_query_run(&query,
					"SELECT FROM casus_cat.appointment WHERE id IN ("
					"WITH RECURSIVE above(id) AS (SELECT $1 UNION "
					"SELECT a.deputy_for FROM casus_cat.appointment a JOIN above ON a.id = above.id) "
					"SELECT id FROM above) ORDER BY id FOR UPDATE");
	casus_query_end(&query);
}

/*
 * Ends those of which the condition on casus_cat.appointment a is true, with
 * the arguments given, and the appointments of their deputies, of the deputies
 * of these, and so on.  Says how many.
 */
int64
casus_act_end_appointments(CasusQuery *query, const char *condition)
{
	static const char *const open = "(a.ends IS NULL OR a.ends > "
		"greatest(a.starts, pg_catalog.clock_timestamp()))";

	casus_query_run(query,
					psprintf("WITH RECURSIVE below(id) AS ("
							 "SELECT a.id FROM casus_cat.appointment a WHERE %s UNION "
							 "SELECT d.id FROM casus_cat.appointment d JOIN below "
							 "ON d.deputy_for = below.id) "
							 "UPDATE casus_cat.appointment a "
							 "SET ends = greatest(a.starts, pg_catalog.clock_timestamp()) "
							 "FROM below WHERE a.id = below.id AND %s", condition, open));
	return query->nrows;
}

/* An appointment that holds now or later; its file, office, party, dossier and period. */
static void
find_appointment(int64 id, CasusFile *file, CasusAppointment *a)
{
	CasusQuery	query;
	int32		file_id = 0;
	char	   *office = NULL;

	lock_appointment(id);
	casus_query_begin(&query);
	casus_query_int64(&query, id);
	casus_query_run(&query,
					"SELECT a.file, a.person, coalesce(a.party, 0), coalesce(a.dossier, 0), "
					 "o.name, a.ends, "
					 "(SELECT p.name FROM casus_cat.person p WHERE p.id = a.person), "
					 "(SELECT y.name FROM casus_cat.party y WHERE y.file = a.file AND "
					 "y.code = a.party), a.starts "
					 "FROM casus_cat.appointment a JOIN casus_cat.file f ON f.id = a.file "
					"JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = a.office "
					"WHERE a.id = $1 AND (a.ends IS NULL OR a.ends > "
					"greatest(a.starts, pg_catalog.clock_timestamp())) "
					"FOR UPDATE OF a");
	if (query.nrows == 1)
	{
		file_id = (int32) casus_query_get_int(&query, 0, 1);
		a->person = (int32) casus_query_get_int(&query, 0, 2);
		a->party = (int) casus_query_get_int(&query, 0, 3);
		a->dossier = casus_query_get_int(&query, 0, 4);
		office = casus_query_get_text(&query, 0, 5);
		a->ends = casus_query_get(&query, 0, 6, &a->ends_null);
		a->person_name = casus_query_get_text(&query, 0, 7);
		a->party_name = casus_query_get_text(&query, 0, 8);
		a->starts = casus_query_get(&query, 0, 9, &a->starts_null);
	}
	casus_query_end(&query);
	if (file_id == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("there is no such appointment, or it has ended"),
						  NULL, "SELECT * FROM casus.appointment;");
	casus_find_file_by_id(file_id, file);
	casus_find_office(file, office, &a->office);
}

PG_FUNCTION_INFO_V1(casus_sql_deputise);

Datum
casus_sql_deputise(PG_FUNCTION_ARGS)
{
	CasusFile	file;
	CasusAppointment a = {0};
	TimestampTz starts;

	casus_require_preloaded();
	casus_act_attempt(InvalidOid, 0, "deputise");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		casus_setup_error(ERRCODE_NULL_VALUE_NOT_ALLOWED, NULL,
						  _("appointment and person must be given"), NULL, CASUS_HINT_CALLS);
	find_appointment(PG_GETARG_INT64(0), &file, &a);
	a.deputy_for = PG_GETARG_INT64(0);
	a.person_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	a.person = casus_find_person(a.person_name);
	/* A deputy holds the office no sooner and no longer than the one he stands in for. */
	starts = PG_ARGISNULL(2) ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(2);
	if (starts > DatumGetTimestampTz(a.starts))
	{
		a.starts = PG_GETARG_DATUM(2);
		a.starts_null = PG_ARGISNULL(2);
	}
	if (!PG_ARGISNULL(3) &&
		(a.ends_null || PG_GETARG_TIMESTAMPTZ(3) < DatumGetTimestampTz(a.ends)))
	{
		a.ends = PG_GETARG_DATUM(3);
		a.ends_null = false;
	}
	a.reason = casus_act_text(fcinfo, 4);
	PG_RETURN_INT64(casus_act_appoint_person(&file, &a));
}

PG_FUNCTION_INFO_V1(casus_sql_end_appointment);

/* The appointment ends now, and those of its deputies and of theirs. */
Datum
casus_sql_end_appointment(PG_FUNCTION_ARGS)
{
	CasusFile	file;
	CasusAppointment a = {0};
	CasusCapacity capacity = {0};
	CasusQuery	query;
	Jsonb	   *details;
	char	   *reason = casus_act_text(fcinfo, 1);
	int64		id = PG_GETARG_INT64(0);
	bool		as_admin;

	casus_require_preloaded();
	casus_act_attempt(InvalidOid, 0, "end_appointment");
	find_appointment(id, &file, &a);
	as_admin = require_appointer(&file, &a.office, a.dossier, &capacity);

	casus_query_begin(&query);
	casus_query_int64(&query, id);
	(void) casus_act_end_appointments(&query, "a.id = $1");
	casus_query_end(&query);

	details = casus_act_details("person", a.person_name, "office", a.office.name,
								"party", a.party_name, NULL);
	PG_RETURN_INT64(as_admin ?
					casus_act_record_setup(file.id, "end_appointment", a.dossier, reason, details) :
					casus_act_record(&capacity, "end_appointment", a.dossier, reason, details));
}
