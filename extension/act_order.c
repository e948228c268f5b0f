/*
 * act_order.c
 *		The order of gates: what a decision rests on (the gates before it, who was
 *		present), and what rests on it.
 *
 * The newest decision of a gate counts, so a new one is refused where the one
 * that it takes the place of could not be revoked: something rests on it that
 * the new one does not carry.
 *
 * Lock: the dossier's row, which every act holds (casus_act_begin).  All is
 * read as of now.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* Gates that must have been decided before: decided.c. */
void
casus_act_require_order(const CasusActTarget *target, int gate, const char *name,
						const char *article)
{
	char	   *missing = casus_decided_before_gate(target->file.protocol, gate,
													target->dossier.id);

	if (missing != NULL)
		casus_refuse("gate_missing",
					 _("another gate comes before this one"),
					 casus_find_detail(&target->file, article,
									   psprintf(_("gate %s comes after %s"), name, missing)),
					 psprintf("SELECT * FROM casus.checklist(" INT64_FORMAT ");",
							  target->dossier.id));
}

/*
 * A meeting: those present are persons known to casus, and among them are
 * delegates, appointed now, of at least so many parties that take part in the
 * dossier now, and at least as many of them: one person is no meeting.
 */
void
casus_act_require_meeting(const CasusActTarget *target, const char *meeting, int present_min,
						  const char *article, Jsonb *details)
{
	CasusQuery	query;
	bool		strangers;
	int64		parties;
	int64		persons;

	casus_query_begin(&query);
	casus_query_int64(&query, target->dossier.id);
	casus_query_int(&query, target->file.id);
	casus_query_jsonb(&query, details);
	casus_query_read(&query,
					 "WITH present AS (SELECT e.name, p.id FROM "
					 "pg_catalog.jsonb_array_elements_text("
					 "CASE WHEN pg_catalog.jsonb_typeof($3 -> 'aanwezig') = 'array' THEN $3 "
					 "-> 'aanwezig' ELSE '[]' END) e(name) "
					 "LEFT JOIN casus_cat.person p ON p.name = e.name) "
					 "SELECT (SELECT coalesce(pg_catalog.bool_or(id IS NULL), false) FROM present), "
					 "pg_catalog.count(DISTINCT a.party), pg_catalog.count(DISTINCT e.id) "
					 "FROM present e "
					 "JOIN casus_cat.appointment a ON a.person = e.id AND a.file = $2 "
					 "AND a.party IS NOT NULL AND (a.dossier IS NULL OR a.dossier = $1) "
					 "AND a.starts <= pg_catalog.clock_timestamp() "
					 "AND (a.ends IS NULL OR a.ends > pg_catalog.clock_timestamp()) "
					 "JOIN casus_cat.participant t ON t.dossier = $1 "
					 "AND (t.party = a.party OR t.party IS NULL) "
					 "AND (t.person = a.person OR t.person IS NULL) "
					 "AND " CASUS_TAKES_PART_NOW);
	strangers = casus_query_get_bool(&query, 0, 1);
	parties = casus_query_get_int(&query, 0, 2);
	persons = casus_query_get_int(&query, 0, 3);
	casus_query_end(&query);

	if (strangers)
		casus_refuse("content_missing",
					 _("somebody named as present is not known"),
					 casus_find_detail(&target->file, article,
									   _("aanwezig names persons known to casus")),
					 "SELECT name FROM casus.person;");
	if (parties < present_min)
		casus_refuse("content_missing",
					 _("too few involved parties were present at the meeting"),
					 casus_find_detail(&target->file, article,
									   psprintf(_("aanwezig: %s asks for delegates of at least %d involved parties"),
												meeting, present_min)),
					 psprintf("SELECT name FROM casus.party WHERE file = %s;  -- casus.involve(" INT64_FORMAT ", party => '...', reason => '...')",
							  quote_literal_cstr(target->file.name), target->dossier.id));
	if (persons < present_min)
		casus_refuse("content_missing",
					 _("too few persons were present at the meeting"),
					 casus_find_detail(&target->file, article,
									   psprintf(_("aanwezig: %s asks for at least %d persons, delegates of as many involved parties"),
												meeting, present_min)),
					 "SELECT person, party FROM casus.appointment WHERE holds_now;");
}

/*
 * What rests on the decision of a gate ($3) in this stay and would not rest on
 * one with this outcome ($4; NULL: none at all) and details ($5): a gate that
 * comes after it and was decided with another outcome before it; and, where
 * the gate leads to a phase of sharing from one that has none, items shared
 * with a party that this decision does not name.
 */
#define RESTS \
	"SELECT (SELECT pg_catalog.min(h.name) FROM casus_cat.decision e " \
	"JOIN casus_cat.act a ON a.id = e.act AND a.at >= s.phase_since " \
	"JOIN casus_cat.gate h ON h.protocol = $2 AND h.code = e.gate AND $3 = ANY (h.after) " \
	"AND ($4 IS NULL OR NOT (h.after_outcomes = '{}' OR $4 = ANY (h.after_outcomes))) " \
	"WHERE e.dossier = s.id AND e.phase = s.phase AND e.revoked_by IS NULL " \
	"AND $4 IS DISTINCT FROM (SELECT d.outcome FROM casus_cat.decision d " \
	"WHERE d.dossier = s.id AND d.gate = $3 AND d.revoked_by IS NULL " \
	"ORDER BY d.act DESC LIMIT 1)), " \
	"EXISTS (SELECT FROM casus_cat.sharing x " \
	"JOIN casus_cat.act a ON a.id = x.act AND a.at >= s.phase_since " \
	"JOIN casus_cat.party y ON y.file = s.file AND y.code = x.party " \
	"WHERE x.dossier = s.id AND x.ends IS NULL " \
	"AND NOT EXISTS (SELECT FROM casus_cat.rule r WHERE r.protocol = $2 " \
	"AND r.state = s.phase AND r.scope = 2) " \
	"AND EXISTS (SELECT FROM leads) " \
	"AND NOT (EXISTS (SELECT FROM leads l WHERE $4 = ANY (l.outcomes)) " \
	"AND NOT EXISTS (SELECT FROM named n WHERE n.lists IS NOT NULL " \
	"AND NOT EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(n.lists) l(v) " \
	"WHERE l.v @> pg_catalog.to_jsonb(y.name))))) " \
	"FROM casus_cat.dossier s WHERE s.id = $1"

/* The transitions by this gate to where sharing has effect; the lists of parties it names. */
#define WITH_LEADS \
	"WITH leads AS (SELECT t.outcomes FROM casus_cat.dossier s " \
	"JOIN casus_cat.transition t ON t.protocol = $2 AND t.from_phase = s.phase AND t.gate = $3 " \
	"WHERE s.id = $1 AND EXISTS (SELECT FROM casus_cat.rule r WHERE r.protocol = $2 " \
	"AND r.state = t.to_phase AND r.scope = 2)), " \
	"named AS (SELECT pg_catalog.jsonb_agg($5 -> (c.value ->> 'key')) AS lists " \
	"FROM casus_cat.gate g, LATERAL pg_catalog.jsonb_array_elements(g.details) c(value) " \
	"WHERE g.protocol = $2 AND g.code = $3 AND c.value ->> 'from' = 'parties' " \
	"AND $5 -> (c.value ->> 'key') <> 'null' " \
	"AND (NOT c.value ? 'outcomes' OR c.value -> 'outcomes' ? $4)) "

/* Refuses a decision in the place of one on which something rests; outcome NULL: none. */
void
casus_act_refuse_resting(const CasusActTarget *target, int gate, const char *outcome,
						 Jsonb *details)
{
	CasusQuery	query;
	char	   *rests;
	bool		is_shared;

	casus_query_begin(&query);
	casus_query_int64(&query, target->dossier.id);
	casus_query_int(&query, target->file.protocol);
	casus_query_code(&query, gate, false);
	casus_query_text(&query, outcome);
	casus_query_jsonb(&query, details);
	casus_query_read(&query, WITH_LEADS RESTS);
	rests = casus_query_get_text(&query, 0, 1);
	is_shared = casus_query_get_bool(&query, 0, 2);
	casus_query_end(&query);
	if (rests == NULL && !is_shared)
		return;
	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
					  outcome == NULL ? _("something rests on this decision") :
					  _("something rests on the decision that this one would take the place of"),
					  casus_check_detail(target->protocol, rests != NULL ? "gate_missing" : "not_shared", NULL,
										 rests != NULL ? psprintf(_("gate %s was decided after it"), rests) :
										 _("items are shared by it")),
					  rests != NULL ?
					  psprintf("SELECT * FROM casus.decision WHERE dossier = " INT64_FORMAT
							   ";  -- casus.revoke_decision() that one first",
							   target->dossier.id) :
					  psprintf("SELECT party, item FROM casus.sharing WHERE dossier = " INT64_FORMAT
							   " AND ends IS NULL;  -- casus.unshare() each",
							   target->dossier.id));
}
