/*
 * gatecontent.c
 *		What a decision must contain: the keys that the protocol asks for at a
 *		gate, each with its kind, and no others.
 *
 * What is asked stands in casus_cat.gate.details; this file knows the kinds of
 * checks and no protocol.  It judges whether something is there and of the
 * kind asked for, never its merits, and names no value: that is content.
 *
 * Nothing is kept and nothing locked: the dossier's row is, by the act.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "protocol_doc.h"
#include "term.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/* ---- one check ---- */

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

/* The value given for a key, as a row of CHECKS tells of it. */
typedef struct Given
{
	char	   *json_type;		/* NULL: not given */
	char	   *value;
	bool		optional;
	int			min;
	int64		elements;
	int64		unlisted;		/* elements that are not on the list */
	char	   *unset;			/* parameter without which one of them is not chosen, or NULL */
	char	   *equals;			/* "true", "false", or NULL */
	bool		asked;			/* false: for another outcome, or under another condition */
} Given;

/*
 * A value that is not on the list is refused whatever it is: a list is open
 * only where the protocol puts a word for "another" on it, and then it asks for
 * the motivation with a check of its own.
 */
static const char *
judge_choice(const Given *g)
{
	if (g->unlisted > 0)
		return _("not on the list");
	if (g->unset != NULL)
		return psprintf(_("not to be chosen while the file has no %s"), g->unset);
	return NULL;
}

/*
 * What is wrong with the value, or NULL.  A key that is not asked for here may
 * be missing, blank or short; what is given for it is of its kind all the same.
 */
static const char *
judge(const char *type, const Given *g)
{
	const char *missing = g->asked ? _("missing") : NULL;
	bool		is_string;

	if (g->json_type == NULL || strcmp(g->json_type, "null") == 0)
		return g->optional ? NULL : missing;
	is_string = strcmp(g->json_type, "string") == 0;
	if (strcmp(type, "boolean") == 0)
	{
		if (strcmp(g->json_type, "boolean") != 0)
			return _("not true or false");
		return !g->asked || g->equals == NULL || strcmp(g->equals, g->value) == 0 ? NULL :
			_("must be otherwise for this outcome");
	}
	if (strcmp(type, "integer") == 0)
		return strcmp(g->json_type, "number") == 0 && is_integer(g->value) ? NULL : _("not an integer");
	if (strcmp(type, "date") == 0)
		return is_string && casus_clock_is_day(g->value) ? NULL : _("not a date (YYYY-MM-DD)");
	if (strcmp(type, "list") == 0)
	{
		if (strcmp(g->json_type, "array") != 0)
			return _("not an array");
		if (g->asked && g->elements < g->min)
			return g->elements == 0 ? missing : _("too few");
		return judge_choice(g);
	}
	/* text and choice */
	if (!is_string)
		return _("not a text");
	if (is_blank(g->value))
		return missing;
	if (strcmp(type, "choice") == 0)
		return judge_choice(g);
	return !g->asked || pg_mbstrlen(g->value) >= g->min ? NULL : _("too short");
}

/* ---- the checks of a gate ---- */

/* Is a check with "when": "key=value" asked for, by these details? The other key may be a list. */
#define ASKED_BY(details) \
	"(NOT c.value ? 'when' OR coalesce((SELECT w.v #>> '{}' = w.x OR w.v @> " \
	"pg_catalog.to_jsonb(w.x) " \
	"FROM (SELECT " details " -> pg_catalog.split_part(c.value ->> 'when', '=', 1), " \
	"pg_catalog.split_part(c.value ->> 'when', '=', 2)) w(v, x)), false))"

/* And for this outcome ($4, NULL: all)? */
#define FOR_OUTCOME "($4 IS NULL OR NOT c.value ? 'outcomes' OR c.value -> 'outcomes' ? $4)"

/* The values given for a check, one of them or several, as rows e(v). */
#define GIVEN_VALUES \
	"pg_catalog.jsonb_array_elements(CASE WHEN pg_catalog.jsonb_typeof(d.v) = 'array' " \
	"THEN d.v ELSE pg_catalog.jsonb_build_array(d.v) END) e(v)"

#define ON_LIST \
	"l.protocol = g.protocol AND l.list = c.value ->> 'from' AND pg_catalog.to_jsonb(l.value) = e.v"

/* A parameter that is set to something: a text that is not blank, or a list with one. */
#define SOME_TEXT "'$.** ? (@ like_regex \"[^[:space:]]\")'"

/*
 * What the parameter of a check holds in the file ($5), as h(list): NULL where
 * the check has none, or the file names the document that holds the list.
 */
#define HELD \
	"LATERAL (SELECT CASE WHEN pg_catalog.jsonb_typeof(x.v) = 'array' THEN x.v END " \
	"FROM (SELECT f.parameters -> (c.value ->> 'parameter') " \
	"FROM casus_cat.file f WHERE f.id = $5) x(v)) h(list)"

/* A gate ($2), or where none is given those of the initial phase. */
#define THE_GATES \
	"g.protocol = $1 AND CASE WHEN $2 IS NOT NULL THEN g.code = $2 ELSE EXISTS " \
	"(SELECT FROM casus_cat.phase p WHERE p.protocol = g.protocol " \
	"AND p.is_initial AND p.code = ANY (g.phases)) END"

/* Values that are not on the list, or not among those that the parameter holds. */
#define UNLISTED \
	"CASE WHEN c.value ? 'from' THEN (SELECT pg_catalog.count(*) FROM " GIVEN_VALUES \
	" WHERE NOT EXISTS (SELECT FROM casus_cat.list_value l WHERE " ON_LIST ")) " \
	"WHEN h.list IS NOT NULL THEN (SELECT pg_catalog.count(*) FROM " GIVEN_VALUES \
	" WHERE NOT EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(h.list) y(v) " \
	"WHERE y.v = e.v AND y.v @? " SOME_TEXT ")) END"

/*
 * The checks of the gates that are asked for, by outcome and details ($3), or
 * for whose key something is given.  At opening none is asked for.
 */
#define CHECKS \
	"SELECT c.value ->> 'key', coalesce(c.value ->> 'type', 'text'), " \
	"coalesce(c.value ->> 'article', g.article), " \
	"coalesce(c.value ->> 'from', c.value ->> 'parameter'), " \
	"(SELECT pg_catalog.string_agg(o, ', ') " \
	"FROM pg_catalog.jsonb_array_elements_text(c.value -> 'outcomes') o), " \
	"pg_catalog.jsonb_typeof(d.v), d.v #>> '{}', " \
	"coalesce((c.value ->> 'optional')::boolean, false) OR (c.value ? 'parameter' AND h.list IS NULL), " \
	"coalesce((c.value ->> 'min')::integer, 1), " \
	"CASE WHEN pg_catalog.jsonb_typeof(d.v) = 'array' THEN " \
	"pg_catalog.jsonb_array_length(d.v) END, " UNLISTED ", " \
	"(SELECT pg_catalog.min(l.parameter) FROM " GIVEN_VALUES \
	" JOIN casus_cat.list_value l ON " ON_LIST " JOIN casus_cat.file f ON f.id = $5 " \
	"WHERE NOT coalesce(f.parameters -> l.parameter @? " SOME_TEXT ", false)), " \
	"c.value ->> 'equals', a.asked " \
	"FROM casus_cat.gate g, LATERAL pg_catalog.jsonb_array_elements(g.details) " \
	"WITH ORDINALITY c(value, ordinality), " \
	"LATERAL (SELECT $3 -> (c.value ->> 'key')) d(v), " HELD ", " \
	"LATERAL (SELECT $2 IS NOT NULL AND " FOR_OUTCOME " AND " ASKED_BY("$3") ") a(asked) " \
	"WHERE " THE_GATES " AND (a.asked OR d.v IS NOT NULL) ORDER BY g.code, c.ordinality"

CasusGateCheck *
casus_gatecontent_checks(const CasusFile *file, int gate, Jsonb *details,
						 const char *outcome, int *n)
{
	CasusQuery	query;
	CasusGateCheck *checks;
	MemoryContext caller = CurrentMemoryContext;

	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_code(&query, gate, gate < 0);
	casus_query_jsonb(&query, details);
	casus_query_text(&query, outcome);
	casus_query_int(&query, file->id);
	casus_query_read(&query, CHECKS);
	*n = (int) query.nrows;
	checks = MemoryContextAllocZero(caller, sizeof(CasusGateCheck) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		CasusGateCheck *c = &checks[i];
		Given		g;
		const char *problem;

		c->key = casus_query_get_text(&query, i, 1);
		c->type = casus_query_get_text(&query, i, 2);
		c->article = casus_query_get_text(&query, i, 3);
		c->list = casus_query_get_text(&query, i, 4);
		c->outcomes = casus_query_get_text(&query, i, 5);
		g.json_type = casus_query_get_text(&query, i, 6);
		g.value = casus_query_get_text(&query, i, 7);
		g.optional = casus_query_get_bool(&query, i, 8);
		g.min = (int) casus_query_get_int(&query, i, 9);
		g.elements = casus_query_get_int(&query, i, 10);
		g.unlisted = casus_query_get_int(&query, i, 11);
		g.unset = casus_query_get_text(&query, i, 12);
		g.equals = casus_query_get_text(&query, i, 13);
		g.asked = c->asked = casus_query_get_bool(&query, i, 14);
		problem = judge(c->type, &g);
		c->problem = problem ? MemoryContextStrdup(caller, problem) : NULL;
	}
	casus_query_end(&query);
	return checks;
}

/* What is wrong, all at once, each key with its article; NULL: nothing. */
static char *
all_wrong(const CasusFile *file, int gate, Jsonb *details, const char *outcome)
{
	StringInfoData wrong;
	int			n;
	CasusGateCheck *checks = casus_gatecontent_checks(file, gate, details, outcome, &n);

	initStringInfo(&wrong);
	for (int i = 0; i < n; i++)
		if (checks[i].problem != NULL)
			appendStringInfo(&wrong, "%s%s: %s (art. %s)", wrong.len ? "; " : "",
							 checks[i].key, checks[i].problem, checks[i].article);
	return wrong.len > 0 ? wrong.data : NULL;
}

/* Refuses when a key is missing or wrong. */
void
casus_gatecontent_require(const CasusActTarget *target, int gate, const char *article,
						  Jsonb *details, const char *outcome)
{
	char	   *wrong = all_wrong(&target->file, gate, details, outcome);

	if (wrong != NULL)
		casus_refuse("content_missing",
					 _("the decision lacks content that the protocol asks for"),
					 casus_find_detail(&target->file, article, wrong),
					 psprintf("SELECT * FROM casus.checklist(" INT64_FORMAT ");",
							  target->dossier.id));
}

/* ---- what is told, and nothing else ---- */

/*
 * Refuses keys that the gate does not know: nothing would look at them, and
 * what is told there may be anything.  Where gate is negative (at opening), what
 * none of the gates of the initial phase knows, or what is not of the kind that
 * they ask for.  A key is named as it was given, never its value.
 */
void
casus_gatecontent_only(const CasusFile *file, int gate, const char *article, Jsonb *details)
{
	CasusQuery	query;
	bool		is_object;
	char	   *unknown;
	char	   *known;
	char	   *hint = psprintf("SELECT name, details FROM casus.gate WHERE protocol = %s;",
								quote_literal_cstr(file->protocol_name));
	char	   *wrong;

	if (details == NULL)
		return;
	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_code(&query, gate, gate < 0);
	casus_query_jsonb(&query, details);
	casus_query_text(&query, DOC_PRESENT);
	casus_query_read(&query,
					 "WITH gate AS (SELECT g.details, g.meeting FROM casus_cat.gate g "
					 "WHERE " THE_GATES "), "
					 "known AS (SELECT c.value ->> 'key' AS key, c.ordinality AS place FROM gate g, LATERAL "
					 "pg_catalog.jsonb_array_elements(g.details) WITH ORDINALITY c(value, ordinality) "
					 "UNION ALL SELECT $4, 1000 FROM gate g WHERE g.meeting IS NOT NULL) "
					 "SELECT pg_catalog.jsonb_typeof($3) IN ('object', 'null'), "
					 "(SELECT pg_catalog.string_agg(pg_catalog.to_json(pg_catalog.\"left\"(u.key, 63))::text, "
					 "', ' ORDER BY u.key) FROM (SELECT k.key FROM pg_catalog.jsonb_object_keys("
					 "CASE WHEN pg_catalog.jsonb_typeof($3) = 'object' THEN $3 ELSE '{}' END) k(key) "
					 "WHERE k.key NOT IN (SELECT n.key FROM known n) ORDER BY k.key LIMIT 20) u), "
					 "(SELECT pg_catalog.string_agg(u.key, ', ' ORDER BY u.place, u.key) FROM "
					 "(SELECT n.key, min(n.place) FROM known n GROUP BY n.key) u(key, place))");
	is_object = casus_query_get_bool(&query, 0, 1);
	unknown = casus_query_get_text(&query, 0, 2);
	known = casus_query_get_text(&query, 0, 3);
	casus_query_end(&query);
	if (!is_object || unknown != NULL)
		casus_refuse("content_missing",
					 _("the details have content that the protocol does not ask for"),
					 casus_find_detail(file, article,
									   is_object ? psprintf(_("not known: %s; known: %s"), unknown,
															known ? known : _("none")) :
									   _("details are an object of keys and values")),
					 hint);
	wrong = gate < 0 ? all_wrong(file, gate, details, NULL) : NULL;
	if (wrong != NULL)
		casus_refuse("content_missing",
					 _("the details have content that the protocol asks for otherwise"),
					 casus_find_detail(file, article, wrong), hint);
}

/*
 * What the decision rests on: the values that the protocol itself fills in,
 * at the initial phase's gate what was told at opening, and what is given now,
 * each over the one before.  Later gates stand on their own.
 */
#define MERGED \
	"SELECT coalesce((SELECT pg_catalog.jsonb_object_agg(k.v ->> 'key', " \
	"k.v -> 'default') FROM casus_cat.gate g, " \
	"LATERAL pg_catalog.jsonb_array_elements(g.details) k(v) " \
	"WHERE g.protocol = $1 AND g.code = $2 AND k.v ? 'default'), '{}') || " \
	"coalesce((SELECT c.details FROM casus_cat.dossier d " \
	"JOIN casus_cat.phase p ON p.code = d.phase AND p.is_initial " \
	"JOIN casus_cat.file f ON f.id = d.file AND f.protocol = p.protocol " \
	"JOIN casus_cat.act a ON a.dossier = d.id AND a.kind = 'open_dossier' " \
	"JOIN casus_cat.act_content c ON c.act = a.id " \
	"WHERE d.id = $6 AND pg_catalog.jsonb_typeof(c.details) = 'object'), '{}') || " \
	"CASE WHEN pg_catalog.jsonb_typeof($3) = 'object' THEN $3 ELSE '{}' END"

/* What is asked for and not given, where the parameter of a check holds one value: that one. */
#define ONLY_ONE \
	"SELECT pg_catalog.jsonb_object_agg(c.value ->> 'key', " \
	"CASE c.value ->> 'type' WHEN 'list' THEN h.list ELSE h.list -> 0 END) " \
	"FROM casus_cat.gate g, LATERAL pg_catalog.jsonb_array_elements(g.details) c(value), " HELD \
	" WHERE g.protocol = $1 AND g.code = $2 AND pg_catalog.jsonb_array_length(h.list) = 1 " \
	"AND h.list @? " SOME_TEXT " AND NOT m.details ? (c.value ->> 'key') AND " FOR_OUTCOME " AND " ASKED_BY("m.details")

Jsonb *
casus_gatecontent_merge(const CasusActTarget *target, int gate, Jsonb *details,
						const char *outcome)
{
	CasusQuery	query;
	bool		isnull;
	Datum		value;
	Jsonb	   *merged;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext old;

	casus_query_begin(&query);
	casus_query_int(&query, target->file.protocol);
	casus_query_code(&query, gate, false);
	casus_query_jsonb(&query, details);
	casus_query_text(&query, outcome);
	casus_query_int(&query, target->file.id);
	casus_query_int64(&query, target->dossier.id);
	casus_query_read(&query,
					 "SELECT m.details || coalesce((" ONLY_ONE "), '{}') "
					 "FROM (" MERGED ") m(details)");
	value = casus_query_get(&query, 0, 1, &isnull);
	old = MemoryContextSwitchTo(caller);
	merged = DatumGetJsonbPCopy(value);
	MemoryContextSwitchTo(old);
	casus_query_end(&query);
	return merged;
}
