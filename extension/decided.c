/*
 * decided.c
 *		Have the gates been decided that come before another gate, or before what
 *		a rule allows?
 *
 * Decisions are read as of now.  Whoever relies on the answer holds the row of
 * the dossier, which every act locks: it stays so to the end of the transaction.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "state.h"

/*
 * Those that are missing, by name, or NULL: at any time in the dossier's life
 * the newest decision of each has an outcome that the document names, if it
 * names any.  Of a dossier that was taken in only those are asked for that are
 * decided in a phase in which it is or has been since: it left each by a
 * decision in it, so the decisions tell which.
 */
#define MISSING(table, key) \
	"SELECT pg_catalog.string_agg(b.name, ', ' ORDER BY b.code) " \
	"FROM " table " g JOIN casus_cat.gate b ON b.protocol = g.protocol " \
	"AND b.code = ANY (g.after), casus_cat.dossier s " \
	"WHERE g.protocol = $1 AND g." key " = $2 AND s.id = $3 " \
	"AND NOT (s.is_taken_in AND NOT s.phase = ANY (b.phases) " \
	"AND NOT EXISTS (SELECT FROM casus_cat.decision v WHERE v.dossier = s.id " \
	"AND v.phase = ANY (b.phases))) " \
	"AND NOT coalesce((SELECT g.after_outcomes = '{}' " \
	"OR d.outcome = ANY (g.after_outcomes) FROM casus_cat.decision d " \
	"WHERE d.dossier = s.id AND d.gate = b.code AND d.revoked_by IS NULL " \
	"ORDER BY d.act DESC LIMIT 1), false)"

static char *
missing(const char *sql, int32 protocol, int code, int64 dossier)
{
	CasusQuery	query;
	char	   *names;

	casus_query_begin(&query);
	casus_query_int(&query, protocol);
	casus_query_int(&query, code);
	casus_query_int64(&query, dossier);
	casus_query_read(&query, sql);
	names = casus_query_get_text(&query, 0, 1);
	casus_query_end(&query);
	return names;
}

char *
casus_decided_before_gate(int32 protocol, int gate, int64 dossier)
{
	return missing(MISSING("casus_cat.gate", "code"), protocol, gate, dossier);
}

char *
casus_decided_before_rule(int32 protocol, int ordinal, int64 dossier)
{
	return missing(MISSING("casus_cat.rule", "ordinal"), protocol, ordinal, dossier);
}
