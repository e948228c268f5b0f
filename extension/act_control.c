/*
 * act_control.c
 *		The periodic control of the access log, as an act with its sample and
 *		outcome.
 *
 * It is an auditor's, over the whole log or what it has of a file, or that of who
 * oversees the file, by his office.  The sample must be what it says: records of
 * this database, or of the file, in the period.
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
					  "SELECT node, seq, at FROM casus.access_log;");
}

/*
 * What the act has of period and sample, as text; refuses when one of the
 * sample is no record of the period.  nodes NULL: all are of this server's log.
 */
static Jsonb *
describe(TimestampTz since, TimestampTz until, ArrayType *sample, ArrayType *nodes,
		 const char *file, const char *outcome)
{
	CasusQuery	query;
	Jsonb	   *details;
	bool		all_found;

	casus_query_begin(&query);
	casus_query_arg(&query, TIMESTAMPTZOID, TimestampTzGetDatum(since), false);
	casus_query_arg(&query, TIMESTAMPTZOID, TimestampTzGetDatum(until), false);
	casus_query_arg(&query, INT8ARRAYOID, PointerGetDatum(sample), false);
	casus_query_arg(&query, UUIDARRAYOID, PointerGetDatum(nodes), nodes == NULL);
	casus_query_text(&query, file);
	casus_query_run(&query,
					"WITH node AS MATERIALIZED (SELECT coalesce($4, pg_catalog.array_fill(casus_int.log_node(), ARRAY[pg_catalog.cardinality($3)])) AS ids), "
					"asked AS MATERIALIZED (SELECT DISTINCT u.node, u.seq FROM node, LATERAL ROWS FROM (pg_catalog.unnest(node.ids), pg_catalog.unnest($3)) AS u(node, seq)) "
					"SELECT pg_catalog.count(*), pg_catalog.count(DISTINCT (l.node, l.seq)) FILTER (WHERE (l.node, l.seq) IN (SELECT a.node, a.seq FROM asked a)) = "
					"(SELECT pg_catalog.count(*) FROM asked), "
					"pg_catalog.to_jsonb($1) #>> '{}', pg_catalog.to_jsonb($2) #>> '{}', $3::text, (SELECT ids::text FROM node) "
					"FROM casus.access_log l WHERE l.at >= $1 AND l.at < $2 AND ($5 IS NULL OR l.file = $5)");
	all_found = casus_query_get_bool(&query, 0, 2);
	details = casus_act_details("since", casus_query_get_text(&query, 0, 3),
								"until", casus_query_get_text(&query, 0, 4),
								"records", casus_query_get_text(&query, 0, 1),
								"sample", casus_query_get_text(&query, 0, 5),
								"nodes", casus_query_get_text(&query, 0, 6),
								"outcome", outcome, NULL);
	details = (Jsonb *) memcpy(SPI_palloc(VARSIZE(details)), details, VARSIZE(details));
	casus_query_end(&query);
	if (!all_found)
		invalid(_("the sample has numbers that are no records of the period"));
	return details;
}

/*
 * The file that the control is over, with the capacity of who oversees it; an
 * auditor has none (false), and names one or (file->id 0) controls the whole log.
 */
static bool
find_scope(const char *name, CasusFile *file, CasusCapacity *capacity)
{
	CasusActor	actor = casus_context_actor();
	bool		is_auditor = casus_is_auditor(actor.role);
	List	   *overseen = NIL;
	CasusQuery	query;
	uint64		offices;
	char	   *article;

	memset(file, 0, sizeof(CasusFile));
	if (!is_auditor)
		(void) casus_sight_overseen(actor.person, 0, &overseen);
	if (!is_auditor && overseen == NIL)
		casus_check_refuse(casus_check_protocol(NULL, 0), "wrong_office",
						   _("the access log is controlled by members of casus_auditor, and that of a file by who oversees it"),
						   _("a superuser is not one of them by himself"),
						   "SELECT * FROM casus.office WHERE oversees;");
	if (name != NULL)
		casus_find_file(name, file);
	else if (list_length(overseen) == 1)
		casus_find_file_by_id(linitial_int(overseen), file);
	else if (!is_auditor)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("you oversee several files, and a control is over one of them"), NULL,
						  "SELECT * FROM casus.overseen_file;");
	if (is_auditor)
		return false;

	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_read(&query,
					 "SELECT coalesce(pg_catalog.bit_or(1::bigint << o.code), 0), "
					 "pg_catalog.min(o.article) FROM casus_cat.office o "
					 "WHERE o.protocol = $1 AND o.oversees");
	offices = (uint64) casus_query_get_int(&query, 0, 1);
	article = casus_query_get_text(&query, 0, 2);
	casus_query_end(&query);
	casus_context_for_act(file->id, 0, offices, article, capacity);
	capacity->purpose = CASUS_NO_PURPOSE;
	return true;
}

/* casus.record_control(since, until, sample, outcome, motivation, nodes, file) returns bigint */
PG_FUNCTION_INFO_V1(casus_sql_record_control);

Datum
casus_sql_record_control(PG_FUNCTION_ARGS)
{
	CasusCapacity capacity;
	CasusFile	file;
	bool		in_office;
	TimestampTz since;
	TimestampTz until;
	ArrayType  *sample;
	ArrayType  *nodes;
	char	   *outcome;
	char	   *motivation;
	Jsonb	   *details;

	casus_require_preloaded();
	casus_act_attempt(InvalidOid, 0, "record_control");
	casus_catalog_listen();
	in_office = find_scope(casus_act_text(fcinfo, 6), &file, &capacity);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		invalid(_("a control has a period and a sample"));
	since = PG_GETARG_TIMESTAMPTZ(0);
	until = PG_GETARG_TIMESTAMPTZ(1);
	sample = PG_GETARG_ARRAYTYPE_P(2);
	nodes = PG_ARGISNULL(5) ? NULL : PG_GETARG_ARRAYTYPE_P(5);
	outcome = casus_act_required_text(fcinfo, 3, "outcome");
	motivation = casus_act_required_text(fcinfo, 4, "motivation");
	if (strcmp(outcome, "no_findings") != 0 && strcmp(outcome, "findings") != 0)
		invalid(_("the outcome of a control is no_findings or findings"));
	if (TIMESTAMP_NOT_FINITE(since) || since >= until || until > GetCurrentTimestamp())
		invalid(_("the period of a control begins before it ends, and is over"));
	if (ARR_NDIM(sample) != 1 || array_contains_nulls(sample))
		invalid(_("the sample of a control is a list of numbers of records"));
	if (nodes != NULL && (ARR_NDIM(nodes) != 1 || array_contains_nulls(nodes) ||
						  ARR_DIMS(nodes)[0] != ARR_DIMS(sample)[0]))
		invalid(_("the nodes of a sample are one for each of its numbers"));

	details = describe(since, until, sample, nodes, file.id == 0 ? NULL : file.name, outcome);
	casus_installation_ensure();
	if (in_office)
		PG_RETURN_INT64(casus_act_record(&capacity, "record_control", 0, motivation, details));
	PG_RETURN_INT64(casus_act_record_setup(file.id, "record_control", 0, motivation, details));
}
