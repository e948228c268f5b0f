/*
 * act_control.c
 *		The periodic control of the access log, as an act with its sample and
 *		outcome.
 *
 * It is an auditor's, about no dossier and no file.  The sample must be what
 * it says: records of this database in the period.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static void
invalid(const char *message)
{
	casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL, message, NULL,
					  "SELECT seq, at FROM casus.access_log;");
}

/*
 * What the act has of period and sample, as text; refuses when one of the
 * sample is no record of the period.
 */
static Jsonb *
describe(TimestampTz since, TimestampTz until, ArrayType *sample, const char *outcome)
{
	CasusQuery	query;
	Jsonb	   *details;
	bool		all_found;

	casus_query_begin(&query);
	casus_query_arg(&query, TIMESTAMPTZOID, TimestampTzGetDatum(since), false);
	casus_query_arg(&query, TIMESTAMPTZOID, TimestampTzGetDatum(until), false);
	casus_query_arg(&query, INT8ARRAYOID, PointerGetDatum(sample), false);
	casus_query_run(&query,
					"SELECT pg_catalog.count(*), pg_catalog.count(DISTINCT l.seq) FILTER (WHERE l.seq = ANY ($3)) = "
					"(SELECT pg_catalog.count(DISTINCT s) FROM pg_catalog.unnest($3) AS s), "
					"pg_catalog.to_jsonb($1) #>> '{}', pg_catalog.to_jsonb($2) #>> '{}', $3::text "
					"FROM casus.access_log l WHERE l.at >= $1 AND l.at < $2");
	all_found = casus_query_get_bool(&query, 0, 2);
	details = casus_act_details("since", casus_query_get_text(&query, 0, 3),
								"until", casus_query_get_text(&query, 0, 4),
								"records", casus_query_get_text(&query, 0, 1),
								"sample", casus_query_get_text(&query, 0, 5),
								"outcome", outcome, NULL);
	details = (Jsonb *) memcpy(SPI_palloc(VARSIZE(details)), details, VARSIZE(details));
	casus_query_end(&query);
	if (!all_found)
		invalid(_("the sample has numbers that are no records of the period"));
	return details;
}

/* casus.record_control(since, until, sample, outcome, motivation) returns bigint */
PG_FUNCTION_INFO_V1(casus_sql_record_control);

Datum
casus_sql_record_control(PG_FUNCTION_ARGS)
{
	CasusActor	actor = casus_context_actor();
	TimestampTz since;
	TimestampTz until;
	ArrayType  *sample;
	char	   *outcome;
	char	   *motivation;
	Jsonb	   *details;

	casus_require_preloaded();
	casus_accesslog_event("attempt", InvalidOid, 0, NULL, "record_control");
	if (!casus_is_auditor(actor.role))
		casus_check_refuse(casus_check_protocol(NULL, 0), "wrong_office",
						   _("the access log is controlled by members of casus_auditor"),
						   _("a superuser is not one of them by himself"), NULL);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		invalid(_("a control has a period and a sample"));
	since = PG_GETARG_TIMESTAMPTZ(0);
	until = PG_GETARG_TIMESTAMPTZ(1);
	sample = PG_GETARG_ARRAYTYPE_P(2);
	outcome = casus_act_required_text(fcinfo, 3, "outcome");
	motivation = casus_act_required_text(fcinfo, 4, "motivation");
	if (strcmp(outcome, "no_findings") != 0 && strcmp(outcome, "findings") != 0)
		invalid(_("the outcome of a control is no_findings or findings"));
	if (TIMESTAMP_NOT_FINITE(since) || since >= until || until > GetCurrentTimestamp())
		invalid(_("the period of a control begins before it ends, and is over"));
	if (ARR_NDIM(sample) != 1 || array_contains_nulls(sample))
		invalid(_("the sample of a control is a list of numbers of records"));

	details = describe(since, until, sample, outcome);
	casus_installation_ensure();
	PG_RETURN_INT64(casus_act_record_setup(0, "record_control", 0, motivation, details));
}
