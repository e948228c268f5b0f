/*
 * act_share.c
 *		Sharing: items of a dossier, or all of it, may be seen by parties.
 *
 * Where sharing has effect is in the access rules (scope "shared"); this file
 * only asks when it may be decided: in a phase with such rules, or in the
 * phase before it once the gate to it has been decided.  So it knows no
 * protocol, and what is shared beforehand is seen from the next phase on.
 *
 * The dossier's row lock makes sharing, unsharing and advancing take turns.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "rows.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

/*
 * What the phase says about sharing: is there a rule for shared items; else
 * the gate to a phase that has one, its article and office, and whether its
 * newest decision has an outcome that leads there; that decision's act.
 */
typedef struct Occasion
{
	bool		is_here;
	char	   *gate;
	char	   *article;
	uint64		offices;
	bool		is_decided;
	int64		decision;
} Occasion;

static void
find_occasion(const CasusActTarget *target, Occasion *o)
{
	CasusQuery	query;

	memset(o, 0, sizeof(Occasion));
	casus_query_begin(&query);
	casus_query_int64(&query, target->dossier.id);
	casus_query_int(&query, target->file.protocol);
	casus_query_read(&query,
					"SELECT EXISTS (SELECT FROM casus_cat.rule r WHERE r.protocol = $2 "
					"AND r.state = s.phase AND r.scope = 2), "
					"n.name, n.article, n.offices, coalesce(n.is_decided, false), coalesce(n.act, 0) "
					"FROM casus_cat.dossier s LEFT JOIN LATERAL ("
					"SELECT g.name, g.article, 1::bigint << g.office AS offices, "
					"d.outcome = ANY (t.outcomes) AS is_decided, d.act "
					"FROM casus_cat.transition t "
					"JOIN casus_cat.gate g ON g.protocol = t.protocol AND g.code = t.gate "
					"LEFT JOIN LATERAL (SELECT d.act, d.outcome FROM casus_cat.decision d "
					"JOIN casus_cat.act a ON a.id = d.act "
					"WHERE d.dossier = s.id AND d.gate = g.code AND d.phase = s.phase "
					"AND d.revoked_by IS NULL AND a.at >= s.phase_since "
					"ORDER BY d.act DESC LIMIT 1) d ON true "
					"WHERE t.protocol = $2 AND t.from_phase = s.phase "
					"AND EXISTS (SELECT FROM casus_cat.rule r WHERE r.protocol = $2 "
					"AND r.state = t.to_phase AND r.scope = 2) "
					"ORDER BY coalesce(d.outcome = ANY (t.outcomes), false) DESC, t.ordinal "
					"LIMIT 1) n ON true "
					"WHERE s.id = $1");
	o->is_here = casus_query_get_bool(&query, 0, 1);
	o->gate = casus_query_get_text(&query, 0, 2);
	o->article = casus_query_get_text(&query, 0, 3);
	o->offices = (uint64) casus_query_get_int(&query, 0, 4);
	o->is_decided = casus_query_get_bool(&query, 0, 5);
	o->decision = casus_query_get_int(&query, 0, 6);
	casus_query_end(&query);
}

static char *
hint_decide(const CasusActTarget *target, const char *gate)
{
	return psprintf("SELECT outcomes, details FROM casus.gate WHERE protocol = %s AND name = %s;  -- casus.decide("
					INT64_FORMAT ", ...)",
					quote_literal_cstr(target->file.protocol_name), quote_literal_cstr(gate),
					target->dossier.id);
}

/* The right office, in a phase where sharing may be decided. */
static void
require_occasion(const CasusActTarget *target, Occasion *o, CasusCapacity *capacity)
{
	const char *article = target->protocol->phase_article[target->dossier.phase];

	find_occasion(target, o);
	casus_context_for_act(target->file.id, target->dossier.id,
						  !o->is_here && o->gate ? o->offices : casus_act_dossier_deciders(target),
						  !o->is_here && o->gate ? o->article : article, capacity);
	if (o->is_here)
		return;
	if (o->gate == NULL)
		casus_refuse("wrong_phase",
					 _("nothing is shared in this phase"),
					 casus_find_detail(&target->file, article, psprintf(_("phase %s knows no sharing"), target->phase)),
					 psprintf("SELECT * FROM casus.checklist(" INT64_FORMAT ");", target->dossier.id));
	if (!o->is_decided)
		casus_refuse("gate_missing",
					 _("sharing has not been decided yet"),
					 casus_find_detail(&target->file, o->article,
									   psprintf(_("gate %s is not decided in phase %s"), o->gate, target->phase)),
					 hint_decide(target, o->gate));
}

/*
 * Before the phase of sharing the gate's decision is what sharing rests on:
 * where it has to name parties, those it names and no other.  Once the phase
 * is there, whoever decides in it may go beyond the preparation.  The refusal
 * names the party given, not those decided on: these are content.
 */
static void
require_decided_on(const CasusActTarget *target, const Occasion *o, ArrayType *names)
{
	CasusQuery	query;
	char	   *other;
	char	   *article;

	if (o->is_here)
		return;
	casus_query_begin(&query);
	casus_query_int(&query, target->file.protocol);
	casus_query_int64(&query, o->decision);
	casus_query_arg(&query, TEXTARRAYOID, PointerGetDatum(names), false);
	casus_query_read(&query,
					"SELECT pg_catalog.min(n.name), pg_catalog.min(k.article) "
					"FROM (SELECT pg_catalog.jsonb_agg(x.details -> (c.value ->> 'key')) AS lists, "
					"pg_catalog.min(coalesce(c.value ->> 'article', g.article)) AS article "
					"FROM casus_cat.decision d JOIN casus_cat.act_content x ON x.act = d.act "
					"JOIN casus_cat.gate g ON g.protocol = $1 AND g.code = d.gate, "
					"LATERAL pg_catalog.jsonb_array_elements(g.details) c(value) "
					"WHERE d.act = $2 AND c.value ->> 'from' = 'parties' "
					"AND x.details -> (c.value ->> 'key') <> 'null' "
					"AND (NOT c.value ? 'outcomes' OR c.value -> 'outcomes' ? d.outcome)) k, "
					"LATERAL pg_catalog.unnest($3) n(name) "
					"WHERE k.lists IS NOT NULL "
					"AND NOT EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(k.lists) l(v) "
					"WHERE l.v @> pg_catalog.to_jsonb(n.name))");
	other = casus_query_get_text(&query, 0, 1);
	article = casus_query_get_text(&query, 0, 2);
	casus_query_end(&query);
	if (other != NULL)
		casus_refuse("content_missing",
					 _("the decision to share does not name this party"),
					 casus_find_detail(&target->file, article,
									   psprintf(_("the newest decision of gate %s names no party \"%s\""),
												o->gate, other)),
					 hint_decide(target, o->gate));
}

/* The names of an array as codes of parties that are members now. */
static Datum
party_codes(const CasusFile *file, ArrayType *names)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	Datum	   *codes;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	if (n == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("name at least one party"), NULL,
						  "SELECT file, name FROM casus.party WHERE ends IS NULL;");
	codes = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
		codes[i] = Int16GetDatum((int16) casus_find_party_lock(file, nulls[i] ? "" :
															   TextDatumGetCString(values[i])));
	return PointerGetDatum(construct_array(codes, n, INT2OID, 2, true, TYPALIGN_SHORT));
}

/* Item numbers; without any: 0, the whole dossier. */
static Datum
item_numbers(FunctionCallInfo fcinfo, int argument)
{
	ArrayType  *items;
	Datum	   *values;
	bool	   *nulls;
	int			n;
	Datum		whole = Int64GetDatum(0);

	if (PG_ARGISNULL(argument))
		return PointerGetDatum(construct_array(&whole, 1, INT8OID, sizeof(int64),
											   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	items = PG_GETARG_ARRAYTYPE_P(argument);
	deconstruct_array(items, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (nulls[i] || DatumGetInt64(values[i]) < 1 || DatumGetInt64(values[i]) > PG_UINT32_MAX)
			casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
							  _("items are numbers as casus.item_of() gives them"),
							  NULL, _("casus.item_of(casus_label) gives the number of a row's item."));
	if (n == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("name at least one item, or NULL for the whole dossier"), NULL,
						  _("casus.item_of(casus_label) gives the number of a row's item."));
	return PointerGetDatum(items);
}

/*
 * What is shared by number is there, and for the caller to read: a number that
 * no row bears would be shared with whatever row gets it one day.  A row that
 * is hidden from him and one that is not there are answered alike.
 */
static void
require_items(const CasusActTarget *target, Datum items)
{
	Datum	   *values;
	uint32	   *numbers;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(items), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &values, NULL, &n);
	numbers = palloc(sizeof(uint32) * n);
	for (int i = 0; i < n; i++)
		numbers[i] = (uint32) DatumGetInt64(values[i]);
	if (casus_itemrows_are_there(&target->dossier, numbers, n))
		return;
	casus_refuse("no_appointment",
				 _("there is no such item, or it is not one that your office reads"),
				 casus_find_detail(&target->file,
								   target->protocol->phase_article[target->dossier.phase],
								   _("items are shared by who reads them")),
				 _("The number of an item: casus.item_of(casus_label), of a row that you read."));
}

PG_FUNCTION_INFO_V1(casus_sql_share);

Datum
casus_sql_share(PG_FUNCTION_ARGS)
{
	CasusActTarget target;
	CasusCapacity capacity = {0};
	CasusQuery	query;
	Datum		items;
	Datum		parties;
	int64		act;
	Occasion	occasion;

	casus_act_begin("share", PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), &target);
	require_occasion(&target, &occasion, &capacity);
	items = item_numbers(fcinfo, 1);
	if (PG_ARGISNULL(2))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("name at least one party"), NULL,
						  "SELECT file, name FROM casus.party WHERE ends IS NULL;");
	parties = party_codes(&target.file, PG_GETARG_ARRAYTYPE_P(2));
	require_decided_on(&target, &occasion, PG_GETARG_ARRAYTYPE_P(2));
	if (!PG_ARGISNULL(1))
		require_items(&target, items);
	act = casus_act_record(&capacity, "share", target.dossier.id,
						   casus_act_text(fcinfo, 3),
						   NULL);

	casus_query_begin(&query);
	casus_query_int64(&query, target.dossier.id);
	casus_query_arg(&query, INT8ARRAYOID, items, false);
	casus_query_arg(&query, INT2ARRAYOID, parties, false);
	casus_query_int64(&query, act);
	casus_query_run(&query,
					"INSERT INTO casus_cat.sharing (id, dossier, item, party, starts, act) "
					"SELECT pg_catalog.nextval('casus_cat.id_seq'), $1, u.item, u.party, "
					"pg_catalog.clock_timestamp(), $4 "
					"FROM (SELECT DISTINCT i AS item, p AS party FROM pg_catalog.unnest($2) "
					"i, pg_catalog.unnest($3) p) u "
					"WHERE NOT EXISTS (SELECT FROM casus_cat.sharing s WHERE s.dossier = $1 "
					"AND s.item = u.item AND s.party = u.party AND s.ends IS NULL)");
	casus_query_end(&query);
	PG_RETURN_INT64(act);
}

PG_FUNCTION_INFO_V1(casus_sql_unshare);

/*
 * Narrowing needs no gate: whoever decides on sharing takes it back at any
 * time.  Unsharing one item of a dossier shared as a whole would leave it
 * shared, so it is refused rather than silently without effect.
 */
Datum
casus_sql_unshare(PG_FUNCTION_ARGS)
{
	CasusActTarget target;
	CasusCapacity capacity = {0};
	CasusQuery	query;
	Datum		items;
	Datum		parties;
	bool		whole;

	casus_act_begin("unshare", PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), &target);
	casus_context_for_act(target.file.id, target.dossier.id,
						  casus_act_dossier_deciders(&target),
						  target.protocol->phase_article[target.dossier.phase],
						  &capacity);
	items = item_numbers(fcinfo, 1);
	if (PG_ARGISNULL(2))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("name at least one party"), NULL,
						  "SELECT file, name FROM casus.party WHERE ends IS NULL;");
	parties = party_codes(&target.file, PG_GETARG_ARRAYTYPE_P(2));

	casus_query_begin(&query);
	casus_query_int64(&query, target.dossier.id);
	casus_query_arg(&query, INT2ARRAYOID, parties, false);
	casus_query_read(&query,
					"SELECT FROM casus_cat.sharing WHERE dossier = $1 AND party = ANY ($2) "
					"AND item = 0 AND ends IS NULL");
	whole = query.nrows > 0;
	casus_query_int64(&query, target.dossier.id);
	casus_query_arg(&query, INT8ARRAYOID, items, PG_ARGISNULL(1));
	casus_query_arg(&query, INT2ARRAYOID, parties, false);
	casus_query_run(&query,
					"UPDATE casus_cat.sharing SET ends = greatest(starts, "
					"pg_catalog.clock_timestamp()) "
					"WHERE dossier = $1 AND ($2 IS NULL OR item = ANY ($2)) AND party = ANY "
					"($3) "
					"AND ends IS NULL");
	casus_query_end(&query);
	if (whole && !PG_ARGISNULL(1))
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  _("the whole dossier is shared with a party named"),
						  casus_check_detail(target.protocol, "not_shared", NULL,
											 _("no single item is taken back while the whole is shared")),
						  psprintf("SELECT party, item FROM casus.sharing WHERE dossier = " INT64_FORMAT
								   " AND ends IS NULL;  -- casus.unshare(dossier, NULL, parties) where item is null",
								   target.dossier.id));
	PG_RETURN_INT64(casus_act_record(&capacity, "unshare", target.dossier.id,
									 casus_act_text(fcinfo, 3),
									 NULL));
}
