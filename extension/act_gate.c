/*
 * act_gate.c
 *		Gates: recorded decisions with the content that the protocol asks for.
 *
 * The database checks that the right office took the decision, in a phase
 * where it is taken, with a listed outcome and the required content
 * (gatecontent.c); never its merits.
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
#include "miscadmin.h"
#include "utils/builtins.h"

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
	casus_gatecontent_only(&target.file, gate.code, gate.article, details);
	checked = casus_gatecontent_merge(&target, gate.code, details, outcome);
	casus_gatecontent_require(&target, gate.code, gate.article, checked, outcome);
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
put_row(ReturnSetInfo *result, const GateHere *gate, const CasusGateCheck *check,
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
		CasusGateCheck *checks;
		int			n;

		put_row(result, &gates[i], NULL, gates[i].text[3] != NULL,
				gates[i].text[3] ? _("decided") : _("not decided"));
		checks = casus_gatecontent_checks(&target.file, gates[i].code,
										  casus_gatecontent_merge(&target, gates[i].code,
																  gates[i].details,
																  gates[i].text[3]),
										  gates[i].text[3], &n);
		for (int j = 0; j < n; j++)
			if (checks[j].asked || checks[j].problem != NULL)
				put_row(result, &gates[i], &checks[j], checks[j].problem == NULL,
						checks[j].problem);
	}
	return (Datum) 0;
}
