/*
 * act_gate.c
 *		Gates: recorded decisions with the content that the protocol asks for.
 *
 * The database checks that the right office took the decision, in a phase
 * where it is taken, with a listed outcome and the required content; never its
 * merits.  What is asked stands in casus_cat.gate.details; this file knows the
 * kinds of checks and no protocol.
 *
 * A decision counts during the stay in the phase in which it was taken; the
 * newest one of a gate counts.  The dossier's row lock (casus_act_begin) makes
 * decisions and advances on one dossier take turns.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "term.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

typedef struct Gate
{
	int			code;
	char	   *name;
	bool		is_here;		/* decided in the dossier's phase */
	int			office;
	char	   *meeting;		/* NULL: decided by the office itself */
	int			present_min;
	char	   *article;
	char	   *phases;			/* names, for the refusal */
	char	   *outcomes;
	bool		has_outcome;
} Gate;

static void
find_gate(const CasusActTarget *target, const char *name, const char *outcome,
		  Gate *gate)
{
	CasusQuery	query;
	bool		found;

	casus_query_begin(&query);
	casus_query_int(&query, target->file.protocol);
	casus_query_text(&query, name);
	casus_query_code(&query, target->dossier.phase, false);
	casus_query_text(&query, outcome);
	casus_query_read(&query,
					"SELECT g.code, g.name, $3 = ANY (g.phases), g.office, g.meeting, "
					"g.present_min, g.article, "
					"(SELECT pg_catalog.string_agg(p.name, ', ' ORDER BY p.code) FROM "
					"casus_cat.phase p "
					"WHERE p.protocol = g.protocol AND p.code = ANY (g.phases)), "
					"pg_catalog.array_to_string(g.outcomes, ', '), coalesce($4 = ANY "
					"(g.outcomes), false) "
					"FROM casus_cat.gate g WHERE g.protocol = $1 AND g.name = $2");
	found = query.nrows == 1;
	if (found)
	{
		gate->code = (int) casus_query_get_int(&query, 0, 1);
		gate->name = casus_query_get_text(&query, 0, 2);
		gate->is_here = casus_query_get_bool(&query, 0, 3);
		gate->office = (int) casus_query_get_int(&query, 0, 4);
		gate->meeting = casus_query_get_text(&query, 0, 5);
		gate->present_min = (int) casus_query_get_int(&query, 0, 6);
		gate->article = casus_query_get_text(&query, 0, 7);
		gate->phases = casus_query_get_text(&query, 0, 8);
		gate->outcomes = casus_query_get_text(&query, 0, 9);
		gate->has_outcome = casus_query_get_bool(&query, 0, 10);
	}
	casus_query_end(&query);
	if (!found)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("there is no such gate in the protocol"),
						  psprintf(_("%s has no gate \"%s\"."),
								   target->file.protocol_name, name),
						  psprintf("SELECT name, outcomes FROM casus.gate WHERE protocol = %s;",
								   quote_literal_cstr(target->file.protocol_name)));
}

/* ---- content ---- */

/* YYYY-MM-DD that is a day of the calendar. */
static bool
is_date(const char *text)
{
	int			y,
				m,
				d,
				y2,
				m2,
				d2,
				used = 0;

	if (sscanf(text, "%4d-%2d-%2d%n", &y, &m, &d, &used) != 3 ||
		used != 10 || text[used] != '\0' || y < 1 || m < 1 || d < 1)
		return false;
	j2date(date2j(y, m, d), &y2, &m2, &d2);
	return y == y2 && m == m2 && d == d2;
}

static bool
is_integer(const char *text)
{
	int			used = 0;
	long long	value;

	return sscanf(text, "%18lld%n", &value, &used) == 1 && text[used] == '\0';
}

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

/* One check of a gate and the value given for it, a row of CHECKS. */
typedef struct Check
{
	char	   *key;
	char	   *type;
	char	   *article;
	bool		optional;
	char	   *json_type;		/* NULL: not given */
	char	   *value;
	int			min;
	int64		elements;
	int64		unlisted;		/* elements that are not on the list */
	char	   *equals;			/* "true", "false", or NULL */
	char	   *list;
	char	   *outcomes;		/* for which it is asked; NULL: for all */
} Check;

/*
 * What is wrong with the value, or NULL.  Never the value itself: it is
 * content.  A value that is not on the list is refused whatever it is: a list
 * is open only where the protocol puts a word for "another" on it, and then it
 * asks for the motivation with a check of its own.
 */
static const char *
judge(const Check *c)
{
	bool		is_string;

	if (c->json_type == NULL || strcmp(c->json_type, "null") == 0)
		return c->optional ? NULL : _("missing");
	is_string = strcmp(c->json_type, "string") == 0;
	if (strcmp(c->type, "boolean") == 0)
	{
		if (strcmp(c->json_type, "boolean") != 0)
			return _("not true or false");
		return c->equals == NULL || strcmp(c->equals, c->value) == 0 ? NULL :
			_("must be otherwise for this outcome");
	}
	if (strcmp(c->type, "integer") == 0)
		return strcmp(c->json_type, "number") == 0 && is_integer(c->value) ? NULL : _("not an integer");
	if (strcmp(c->type, "date") == 0)
		return is_string && is_date(c->value) ? NULL : _("not a date (YYYY-MM-DD)");
	if (strcmp(c->type, "list") == 0)
	{
		if (strcmp(c->json_type, "array") != 0)
			return _("not an array");
		if (c->elements < c->min)
			return c->elements == 0 ? _("missing") : _("too few");
		return c->unlisted == 0 ? NULL : _("not on the list");
	}
	/* text and choice */
	if (!is_string || is_blank(c->value))
		return _("missing");
	if (strcmp(c->type, "choice") == 0)
		return c->unlisted == 0 ? NULL : _("not on the list");
	return pg_mbstrlen(c->value) >= c->min ? NULL : _("too short");
}

/* Is a check with "when": "key=value" asked for? The other key may be a list. */
#define ASKED \
	"(NOT c.value ? 'when' OR coalesce((SELECT w.v #>> '{}' = w.x OR w.v @> " \
	"pg_catalog.to_jsonb(w.x) " \
	"FROM (SELECT $3 -> pg_catalog.split_part(c.value ->> 'when', '=', 1), " \
	"pg_catalog.split_part(c.value ->> 'when', '=', 2)) w(v, x)), false))"

/* The checks of a gate ($2) for an outcome ($4, NULL: all) against details ($3). */
#define CHECKS \
	"SELECT c.value ->> 'key', coalesce(c.value ->> 'type', 'text'), " \
	"coalesce(c.value ->> 'article', g.article), " \
	"coalesce((c.value ->> 'optional')::boolean, false), " \
	"pg_catalog.jsonb_typeof(d.v), d.v #>> '{}', coalesce((c.value ->> 'min')::integer, 1), " \
	"CASE WHEN pg_catalog.jsonb_typeof(d.v) = 'array' THEN " \
	"pg_catalog.jsonb_array_length(d.v) END, " \
	"CASE WHEN c.value ? 'from' THEN (SELECT pg_catalog.count(*) " \
	"FROM pg_catalog.jsonb_array_elements(CASE WHEN pg_catalog.jsonb_typeof(d.v) = 'array' " \
	"THEN d.v ELSE pg_catalog.jsonb_build_array(d.v) END) e(v) " \
	"WHERE NOT EXISTS (SELECT FROM casus_cat.list_value l WHERE l.protocol = g.protocol " \
	"AND l.list = c.value ->> 'from' AND pg_catalog.to_jsonb(l.value) = e.v)) END, " \
	"c.value ->> 'equals', c.value ->> 'from', " \
	"(SELECT pg_catalog.string_agg(o, ', ') " \
	"FROM pg_catalog.jsonb_array_elements_text(c.value -> 'outcomes') o) " \
	"FROM casus_cat.gate g, LATERAL pg_catalog.jsonb_array_elements(g.details) " \
	"WITH ORDINALITY c(value, ordinality), " \
	"LATERAL (SELECT $3 -> (c.value ->> 'key')) d(v) " \
	"WHERE g.protocol = $1 AND g.code = $2 " \
	"AND ($4 IS NULL OR NOT c.value ? 'outcomes' OR c.value -> 'outcomes' ? $4) " \
	"AND " ASKED " ORDER BY c.ordinality"

static Check *
load_checks(int32 protocol, int gate, Jsonb *details, const char *outcome, int *n)
{
	CasusQuery	query;
	Check	   *checks = NULL;
	MemoryContext caller = CurrentMemoryContext;

	casus_query_begin(&query);
	casus_query_int(&query, protocol);
	casus_query_code(&query, gate, false);
	casus_query_jsonb(&query, details);
	casus_query_text(&query, outcome);
	casus_query_read(&query, CHECKS);
	*n = (int) query.nrows;
	checks = MemoryContextAllocZero(caller, sizeof(Check) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		Check	   *c = &checks[i];

		c->key = casus_query_get_text(&query, i, 1);
		c->type = casus_query_get_text(&query, i, 2);
		c->article = casus_query_get_text(&query, i, 3);
		c->optional = casus_query_get_bool(&query, i, 4);
		c->json_type = casus_query_get_text(&query, i, 5);
		c->value = casus_query_get_text(&query, i, 6);
		c->min = (int) casus_query_get_int(&query, i, 7);
		c->elements = casus_query_get_int(&query, i, 8);
		c->unlisted = casus_query_get_int(&query, i, 9);
		c->equals = casus_query_get_text(&query, i, 10);
		c->list = casus_query_get_text(&query, i, 11);
		c->outcomes = casus_query_get_text(&query, i, 12);
	}
	casus_query_end(&query);
	return checks;
}

/* Refuses when a key is missing or wrong: all of them at once, each with its article. */
static void
check_content(const CasusActTarget *target, const Gate *gate, Jsonb *details,
			  const char *outcome)
{
	StringInfoData wrong;
	int			n;
	Check	   *checks = load_checks(target->file.protocol, gate->code, details,
									 outcome, &n);

	initStringInfo(&wrong);
	for (int i = 0; i < n; i++)
	{
		const char *problem = judge(&checks[i]);

		if (problem != NULL)
			appendStringInfo(&wrong, "%s%s: %s (art. %s)", wrong.len ? "; " : "",
							 checks[i].key, problem, checks[i].article);
	}
	if (wrong.len > 0)
		casus_refuse("content_missing",
					 _("the decision lacks content that the protocol asks for"),
					 casus_find_detail(&target->file, gate->article, wrong.data),
					 psprintf("SELECT * FROM casus.checklist(" INT64_FORMAT ");",
							  target->dossier.id));
}

/*
 * What the decision rests on: the values that the protocol itself fills in,
 * at the initial phase's gate what was told at opening, and what is given now,
 * each over the one before.  Later gates stand on their own.
 */
static Jsonb *
details_to_check(const CasusActTarget *target, int gate, Jsonb *details)
{
	CasusQuery	query;
	bool		isnull;
	Datum		value;
	Jsonb	   *merged;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext old;

	casus_query_begin(&query);
	casus_query_int64(&query, target->dossier.id);
	casus_query_jsonb(&query, details);
	casus_query_int(&query, target->file.protocol);
	casus_query_code(&query, gate, false);
	casus_query_read(&query,
					"SELECT coalesce((SELECT pg_catalog.jsonb_object_agg(k.v ->> 'key', "
					"k.v -> 'default') FROM casus_cat.gate g, "
					"LATERAL pg_catalog.jsonb_array_elements(g.details) k(v) "
					"WHERE g.protocol = $3 AND g.code = $4 AND k.v ? 'default'), '{}') || "
					"coalesce((SELECT c.details FROM casus_cat.dossier d "
					"JOIN casus_cat.phase p ON p.code = d.phase AND p.is_initial "
					"JOIN casus_cat.file f ON f.id = d.file AND f.protocol = p.protocol "
					"JOIN casus_cat.act a ON a.dossier = d.id AND a.kind = 'open_dossier' "
					"JOIN casus_cat.act_content c ON c.act = a.id "
					"WHERE d.id = $1 AND pg_catalog.jsonb_typeof(c.details) = 'object'), "
					"'{}') || "
					"CASE WHEN pg_catalog.jsonb_typeof($2) = 'object' THEN $2 ELSE '{}' END");
	value = casus_query_get(&query, 0, 1, &isnull);
	old = MemoryContextSwitchTo(caller);
	merged = DatumGetJsonbPCopy(value);
	MemoryContextSwitchTo(old);
	casus_query_end(&query);
	return merged;
}

/* ---- decide ---- */

PG_FUNCTION_INFO_V1(casus_sql_decide);

Datum
casus_sql_decide(PG_FUNCTION_ARGS)
{
	CasusActTarget target;
	CasusCapacity capacity = {0};
	Gate		gate = {0};
	CasusQuery	query;
	char	   *outcome;
	char	   *motivation = casus_act_text(fcinfo, 3);
	Jsonb	   *details = PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4);
	Jsonb	   *checked;
	int64		act;

	casus_act_begin("decide", PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), &target);
	outcome = casus_act_text(fcinfo, 2);
	find_gate(&target, PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1)),
			  outcome, &gate);
	casus_context_for_act(target.file.id, target.dossier.id,
						  UINT64CONST(1) << gate.office, gate.article, &capacity);

	if (!gate.is_here)
		casus_refuse("wrong_phase",
					 _("the gate is not decided in this phase"),
					 casus_find_detail(&target.file, gate.article,
									   psprintf(_("gate %s belongs to phase %s, and the dossier is in %s"),
												gate.name, gate.phases, target.phase)),
					 psprintf("SELECT * FROM casus.checklist(" INT64_FORMAT ");", target.dossier.id));
	if (!gate.has_outcome)
		casus_refuse("content_missing",
					 _("the gate has no such outcome"),
					 casus_find_detail(&target.file, gate.article,
									   psprintf(_("gate %s ends in one of: %s"), gate.name, gate.outcomes)),
					 psprintf("SELECT * FROM casus.checklist(" INT64_FORMAT ");", target.dossier.id));
	casus_act_require_order(&target, gate.code, gate.name, gate.article);
	checked = details_to_check(&target, gate.code, details);
	check_content(&target, &gate, checked, outcome);
	if (gate.meeting != NULL)
		casus_act_require_meeting(&target, gate.meeting, gate.present_min, gate.article,
								  checked);
	casus_act_refuse_resting(&target, gate.code, outcome, checked);

	act = casus_act_record(&capacity, "decide", target.dossier.id, motivation,
						   checked);
	casus_query_begin(&query);
	casus_query_int64(&query, act);
	casus_query_int64(&query, target.dossier.id);
	casus_query_code(&query, gate.code, false);
	casus_query_text(&query, outcome);
	casus_query_code(&query, target.dossier.phase, false);
	casus_query_arg(&query, DATEOID, DateADTGetDatum(casus_clock_today()), false);
	casus_query_run(&query,
					"INSERT INTO casus_cat.decision (act, dossier, gate, outcome, phase, "
					"decided_on) "
					"VALUES ($1, $2, $3, $4, $5, $6)");
	casus_query_end(&query);
	PG_RETURN_INT64(act);
}

/* ---- what is still asked ---- */

/* The gates of the dossier's phase, their newest decision in this stay, and where they lead. */
#define GATES_HERE \
	"SELECT g.code, g.name, o.name, pg_catalog.array_to_string(g.outcomes, ', '), n.outcome, " \
	"(SELECT pg_catalog.string_agg(DISTINCT p.name, ', ') FROM casus_cat.transition t " \
	"JOIN casus_cat.phase p ON p.protocol = t.protocol AND p.code = t.to_phase " \
	"WHERE t.protocol = g.protocol AND t.gate = g.code AND t.from_phase = s.phase), " \
	"g.article, n.details " \
	"FROM casus_cat.dossier s JOIN casus_cat.gate g ON g.protocol = $2 AND s.phase = ANY " \
	"(g.phases) " \
	"JOIN casus_cat.office o ON o.protocol = g.protocol AND o.code = g.office " \
	"LEFT JOIN LATERAL (SELECT d.outcome, c.details FROM casus_cat.decision d " \
	"JOIN casus_cat.act a ON a.id = d.act LEFT JOIN casus_cat.act_content c ON c.act = a.id " \
	"WHERE d.dossier = s.id AND d.gate = g.code AND d.phase = s.phase AND d.revoked_by IS " \
	"NULL " \
	"AND a.at >= s.phase_since ORDER BY d.act DESC LIMIT 1) n ON true " \
	"WHERE s.id = $1 ORDER BY g.code"

typedef struct GateHere
{
	int			code;
	char	   *text[7];		/* name, office, outcomes, outcome, leads to, article */
	Jsonb	   *details;
} GateHere;

static GateHere *
load_gates(int64 dossier, int32 protocol, int *n)
{
	CasusQuery	query;
	GateHere   *gates;
	MemoryContext caller = CurrentMemoryContext;

	casus_query_begin(&query);
	casus_query_int64(&query, dossier);
	casus_query_int(&query, protocol);
	casus_query_read(&query, GATES_HERE);
	*n = (int) query.nrows;
	gates = MemoryContextAllocZero(caller, sizeof(GateHere) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		bool		isnull;
		Datum		details = casus_query_get(&query, i, 8, &isnull);

		gates[i].code = (int) casus_query_get_int(&query, i, 1);
		for (int c = 0; c < 6; c++)
			gates[i].text[c] = casus_query_get_text(&query, i, c + 2);
		if (!isnull)
		{
			MemoryContext old = MemoryContextSwitchTo(caller);

			gates[i].details = DatumGetJsonbPCopy(details);
			MemoryContextSwitchTo(old);
		}
	}
	casus_query_end(&query);
	return gates;
}

static void
put_row(ReturnSetInfo *result, const GateHere *gate, const Check *check,
		bool met, const char *what)
{
	Datum		values[9];
	bool		nulls[9];
	const char *texts[9] = {
		gate->text[0], gate->text[1],
		check && check->outcomes ? check->outcomes : gate->text[2], gate->text[4],
		check ? check->key : NULL, check ? check->type : NULL,
		check ? check->list : NULL, NULL, NULL
	};

	for (int i = 0; i < 7; i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	values[7] = BoolGetDatum(met);
	nulls[7] = false;
	values[8] = CStringGetTextDatum(psprintf("art. %s%s%s",
											 check ? check->article : gate->text[5],
											 what ? ": " : "", what ? what : ""));
	nulls[8] = false;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(casus_sql_checklist);

/* Never a value: only whether the keys are there. */
Datum
casus_sql_checklist(PG_FUNCTION_ARGS)
{
	CasusActTarget target;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	GateHere   *gates;
	int			ngates;

	InitMaterializedSRF(fcinfo, 0);
	casus_require_preloaded();
	casus_catalog_listen();
	if (PG_ARGISNULL(0) ||
		!casus_sight_dossier(PG_GETARG_INT64(0), &target.dossier))
		casus_act_refuse_unknown();
	casus_find_file_by_id(target.dossier.file, &target.file);

	gates = load_gates(target.dossier.id, target.file.protocol, &ngates);
	for (int i = 0; i < ngates; i++)
	{
		Check	   *checks;
		int			n;

		put_row(result, &gates[i], NULL, gates[i].text[3] != NULL,
				gates[i].text[3] ? _("decided") : _("not decided"));
		checks = load_checks(target.file.protocol, gates[i].code,
							 details_to_check(&target, gates[i].code,
											  gates[i].details),
							 gates[i].text[3], &n);
		for (int j = 0; j < n; j++)
			put_row(result, &gates[i], &checks[j], judge(&checks[j]) == NULL,
					judge(&checks[j]));
	}
	return (Datum) 0;
}
