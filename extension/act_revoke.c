/*
 * act_revoke.c
 *		casus.revoke_decision(): a decision is taken back, before anything rests
 *		on it; or one that closed the dossier, for a short term afterwards.
 *
 * What is revoked stays on record and counts no more.  Revoking a closing
 * decision puts the dossier back into the phase that it was closed from, as a
 * new stay: its gates are decided anew, the retention clock stands still.  The
 * term is protocol data (key revocation of the document), by default until the
 * end of the next day.
 *
 * Lock: the dossier's row, as every act.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "protocol_doc.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* The decision, and what has become of it. */
typedef struct Revocation
{
	int64		decision;
	int			gate_code;
	char	   *gate;
	char	   *article;
	char	   *term_article;
	uint64		offices;
	bool		is_revoked;
	bool		is_here;		/* of the present stay of the dossier in its phase */
	bool		closed;			/* it led to the phase in which the dossier has ended */
	bool		in_term;
} Revocation;

static int64
dossier_of(int64 decision)
{
	CasusQuery	query;
	int64		dossier;

	casus_query_begin(&query);
	casus_query_int64(&query, decision);
	casus_query_read(&query, "SELECT dossier FROM casus_cat.decision WHERE act = $1");
	dossier = casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	return dossier;
}

#define LOOK_AT_DECISION \
	"SELECT g.name, g.article, 1::bigint << g.office, d.revoked_by IS NOT NULL, " \
	"d.phase = s.phase AND a.at >= s.phase_since, " \
	"p.is_terminal AND NOT s.is_taken_in AND a.at <= s.phase_since " \
	"AND EXISTS (SELECT FROM casus_cat.transition t WHERE t.protocol = g.protocol " \
	"AND t.from_phase = d.phase AND t.to_phase = s.phase AND t.gate = d.gate " \
	"AND d.outcome = ANY (t.outcomes)) " \
	"AND NOT EXISTS (SELECT FROM casus_cat.decision e WHERE e.dossier = s.id " \
	"AND e.gate = d.gate AND e.act > d.act AND e.revoked_by IS NULL), " \
	"$2 <= (s.closed_at AT TIME ZONE 'Europe/Amsterdam')::date " \
	"+ coalesce((o.definition -> 'revocation' ->> 'days')::integer, $3), " \
	"o.definition -> 'revocation' ->> 'article', g.code " \
	"FROM casus_cat.decision d JOIN casus_cat.act a ON a.id = d.act " \
	"JOIN casus_cat.dossier s ON s.id = d.dossier JOIN casus_cat.file f ON f.id = s.file " \
	"JOIN casus_cat.protocol o ON o.id = f.protocol " \
	"JOIN casus_cat.gate g ON g.protocol = f.protocol AND g.code = d.gate " \
	"JOIN casus_cat.phase p ON p.protocol = f.protocol AND p.code = s.phase WHERE d.act = $1"

static void
look_at_decision(int64 decision, Revocation *r)
{
	CasusQuery	query;

	memset(r, 0, sizeof(*r));
	r->decision = decision;
	casus_query_begin(&query);
	casus_query_int64(&query, decision);
	casus_query_arg(&query, DATEOID, DateADTGetDatum(casus_clock_today()), false);
	casus_query_int(&query, DOC_REVOCATION_DAYS);
	casus_query_read(&query, LOOK_AT_DECISION);
	r->gate = casus_query_get_text(&query, 0, 1);
	r->article = casus_query_get_text(&query, 0, 2);
	r->offices = (uint64) casus_query_get_int(&query, 0, 3);
	r->is_revoked = casus_query_get_bool(&query, 0, 4);
	r->is_here = casus_query_get_bool(&query, 0, 5);
	r->closed = casus_query_get_bool(&query, 0, 6);
	r->in_term = casus_query_get_bool(&query, 0, 7);
	r->term_article = casus_query_get_text(&query, 0, 8);
	r->gate_code = (int) casus_query_get_int(&query, 0, 9);
	casus_query_end(&query);
}

static void
require_revocable(const CasusActTarget *target, const Revocation *r)
{
	char	   *hint = psprintf("SELECT * FROM casus.decision WHERE dossier = " INT64_FORMAT ";",
								target->dossier.id);

	if (r->is_revoked)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  _("this decision has been revoked already"),
						  casus_find_detail(&target->file, r->article, _("the newest decision that stands counts")),
						  hint);
	if (!r->is_here && !r->closed)
		casus_refuse("wrong_phase",
					 _("the dossier has gone on since this decision"),
					 casus_find_detail(&target->file, r->article,
									   psprintf(_("a decision of gate %s is revoked in the phase in which it was taken"),
												r->gate)),
					 hint);
	if (!r->is_here && !r->in_term)
		casus_refuse("wrong_phase",
					 _("the dossier has ended, and the term for taking that back has passed"),
					 casus_find_detail(&target->file,
										   r->term_article ? r->term_article : r->article,
									   _("a decision that ended a dossier is revoked for a short term only")),
					 hint);
	if (r->is_here)
		casus_act_refuse_resting(target, r->gate_code, NULL, NULL);
}

PG_FUNCTION_INFO_V1(casus_sql_revoke_decision);

Datum
casus_sql_revoke_decision(PG_FUNCTION_ARGS)
{
	int64		decision = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	CasusActTarget target;
	CasusCapacity capacity = {0};
	CasusQuery	query;
	Revocation	r;
	int64		act;

	casus_require_preloaded();
	casus_act_begin("revoke_decision", dossier_of(decision), &target);
	look_at_decision(decision, &r);
	casus_context_for_act(target.file.id, target.dossier.id, r.offices, r.article, &capacity);
	require_revocable(&target, &r);
	if (PG_ARGISNULL(1))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "content_missing",
						  _("a motivation is needed"),
						  casus_find_detail(&target.file, r.article, _("a decision is taken back with its reason")),
						  CASUS_HINT_CALLS);
	act = casus_act_record(&capacity, "revoke_decision", target.dossier.id,
						   casus_act_text(fcinfo, 1),
						   casus_act_details("gate", r.gate, NULL));

	casus_query_begin(&query);
	casus_query_int64(&query, decision);
	casus_query_int64(&query, act);
	/* Those that it took the place of do not count again. */
	casus_query_run(&query,
					"UPDATE casus_cat.decision e SET revoked_by = $2 FROM casus_cat.decision d "
					"WHERE d.act = $1 AND e.dossier = d.dossier AND e.gate = d.gate "
					"AND e.act <= d.act AND e.revoked_by IS NULL");
	if (!r.is_here)
	{
		casus_query_int64(&query, decision);
		casus_query_run(&query,
						"UPDATE casus_cat.dossier s SET phase = d.phase, "
						"phase_since = pg_catalog.clock_timestamp(), clock = NULL, closed_at = NULL "
						"FROM casus_cat.decision d WHERE d.act = $1 AND s.id = d.dossier");
	}
	casus_query_end(&query);
	PG_RETURN_INT64(act);
}
