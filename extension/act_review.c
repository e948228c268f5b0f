/*
 * act_review.c
 *		The review of a break-glass, by somebody else.
 *
 * Who reviews holds the office that the protocol names, is not the one who
 * opened, and gains nothing: he has no opening of his own to be reviewed in
 * the file, and was not appointed by the one he judges.
 *
 * Lock: the opening's row (FOR UPDATE).
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

typedef struct Review
{
	int64		opening;		/* its act */
	CasusFile	file;
	int64		dossier;
	uint64		offices;		/* that review, by this protocol */
	char	   *article;
	bool		reviewed;
	bool		own;			/* of the caller, by person or by role */
} Review;

/* Finds and locks it; the caller may hold no office that reviews it: then false. */
static bool
find_opening(int64 act, Review *review)
{
	CasusActor	actor = casus_context_actor();
	const CasusHoldings *holdings = casus_people_holdings(actor.person);
	CasusQuery	query;
	int32		file;
	bool		found;

	memset(review, 0, sizeof(*review));
	casus_query_begin(&query);
	casus_query_int64(&query, act);
	casus_query_text(&query, GetUserNameFromId(actor.role, false));
	casus_query_int(&query, actor.person);
	casus_query_run(&query,
					"SELECT o.file, o.dossier, o.review IS NOT NULL, "
					"o.role_name = $2::name OR coalesce(o.person = $3, false), "
					"(SELECT pg_catalog.bit_or(1::bigint << q.code) FROM casus_cat.office q "
					"WHERE q.protocol = f.protocol AND q.reviews), "
					"(SELECT pg_catalog.min(q.article) FROM casus_cat.office q "
					"WHERE q.protocol = f.protocol AND q.reviews) "
					"FROM casus_cat.opening o JOIN casus_cat.file f ON f.id = o.file "
					"WHERE o.act = $1 AND o.kind = 'break_glass' FOR UPDATE OF o");
	found = query.nrows > 0;
	file = (int32) casus_query_get_int(&query, 0, 1);
	review->opening = act;
	review->dossier = casus_query_get_int(&query, 0, 2);
	review->reviewed = casus_query_get_bool(&query, 0, 3);
	review->own = casus_query_get_bool(&query, 0, 4);
	review->offices = (uint64) casus_query_get_int(&query, 0, 5);
	review->article = casus_query_get_text(&query, 0, 6);
	casus_query_end(&query);
	if (!found)
		return false;
	casus_find_file_by_id(file, &review->file);
	for (int i = 0; i < holdings->n; i++)
		if (holdings->held[i].file == file &&
			(review->offices & (UINT64CONST(1) << holdings->held[i].office)) != 0)
			return true;
	return false;
}

/*
 * Has the caller, in this appointment, something to gain from the review: an
 * opening of his own that waits for one, or his office from the one he judges?
 */
static bool
gains(const Review *review, const CasusCapacity *capacity)
{
	CasusActor	actor = casus_context_actor();
	CasusQuery	query;
	bool		gains;

	casus_query_begin(&query);
	casus_query_int64(&query, review->opening);
	casus_query_int(&query, actor.person);
	casus_query_text(&query, GetUserNameFromId(actor.role, false));
	casus_query_int64(&query, capacity->appointment);
	casus_query_read(&query,
					 "SELECT FROM casus_cat.opening o WHERE o.act = $1 AND ("
					 "EXISTS (SELECT FROM casus_cat.opening m WHERE m.kind = 'break_glass' "
					 "AND m.file = o.file AND m.review IS NULL "
					 "AND (m.person = $2 OR m.role_name = $3::name)) "
					 "OR EXISTS (SELECT FROM casus_cat.act a JOIN casus_cat.act_content c ON c.act = a.id "
					 "WHERE a.kind IN ('appoint', 'deputise') AND a.file = o.file AND a.id > o.act "
					 "AND c.details ->> 'appointment' = $4::text "
					 "AND (a.person = o.person OR a.role_name = o.role_name)))");
	gains = query.nrows > 0;
	casus_query_end(&query);
	return gains;
}

static char *
review_outcome(FunctionCallInfo fcinfo)
{
	char	   *outcome = casus_act_text(fcinfo, 1);

	if (outcome == NULL ||
		(strcmp(outcome, "justified") != 0 && strcmp(outcome, "not_justified") != 0))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the outcome of a review is justified or not_justified"),
						  NULL, CASUS_HINT_CALLS);
	return outcome;
}

PG_FUNCTION_INFO_V1(casus_sql_review_break_glass);

Datum
casus_sql_review_break_glass(PG_FUNCTION_ARGS)
{
	Review		review;
	CasusCapacity capacity = {0};
	CasusQuery	query;
	char	   *outcome;
	int64		act;

	casus_require_preloaded();
	casus_act_attempt(InvalidOid, 0, "review_break_glass");
	casus_catalog_listen();
	if (PG_ARGISNULL(0) || !find_opening(PG_GETARG_INT64(0), &review))
		casus_check_refuse(casus_check_protocol(NULL, 0), "wrong_office",
						   _("there is no break-glass that you may review"),
						   _("it is reviewed by an office of its file that the protocol names"),
						   "SELECT * FROM casus.office WHERE reviews;");
	casus_context_for_act(review.file.id, 0, review.offices, review.article, &capacity);
	if (review.own || gains(&review, &capacity))
		casus_check_refuse(casus_protocol(review.file.protocol), "second_person",
						   _("this break-glass is for somebody else to review"),
						   review.own ? _("nobody reviews his own") :
						   _("who reviews has none of his own to be reviewed, and was not appointed by who opened"),
						   "SELECT * FROM casus.opening;");
	outcome = review_outcome(fcinfo);
	if (review.reviewed)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  _("this break-glass has been reviewed already"),
						  casus_find_detail(&review.file, review.article, _("once, by one person")),
						  "SELECT * FROM casus.opening;");
	if (PG_ARGISNULL(2))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "content_missing",
						  _("a motivation is needed"),
						  casus_find_detail(&review.file, review.article, _("a review says why")),
						  CASUS_HINT_CALLS);

	act = casus_act_record(&capacity, "review_break_glass", review.dossier,
						   casus_act_text(fcinfo, 2),
						   casus_act_details("outcome", outcome, NULL));
	casus_query_begin(&query);
	casus_query_int64(&query, review.opening);
	casus_query_int64(&query, act);
	casus_query_text(&query, outcome);
	/* What is judged is over: one that still runs ends here. */
	casus_query_run(&query,
					"UPDATE casus_cat.opening SET review = $2, outcome = $3, "
					"ends = least(ends, greatest(starts, pg_catalog.clock_timestamp())) WHERE act = $1");
	casus_query_end(&query);
	PG_RETURN_INT64(act);
}
