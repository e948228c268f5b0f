/*
 * protocol_load.c
 *		casus.load_protocol() and casus.install_protocol(): a document becomes
 *		rows of the protocol tables.
 *
 * Codes are the places in the document: phases, purposes, offices and
 * categories from 0, subject categories from 1 (0 is "none"), stages from 32.
 * They go into row labels, so a loaded protocol never changes; its name
 * carries its version.
 *
 * Lock: SHARE ROW EXCLUSIVE on casus_cat.protocol for the rest of the
 * transaction, so that two loads cannot take the same id or name.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "protocol_doc.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(casus_sql_load_protocol);
PG_FUNCTION_INFO_V1(casus_sql_install_protocol);

#define MAX_SHOWN	50			/* findings in one error message */

/* ---- arguments ---- */

static void
add_texts(CasusQuery *query, const DocNames *names)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(names->n, 1));
	ArrayType  *array;
	int			i;

	for (i = 0; i < names->n; i++)
		values[i] = CStringGetTextDatum(names->name[i]);
	array = construct_array(values, names->n, TEXTOID, -1, false, TYPALIGN_INT);
	casus_query_arg(query, TEXTARRAYOID, PointerGetDatum(array), false);
}

/* Codes of names: places in the array, counted from the given base. */
static void
add_codes(CasusQuery *query, const DocNames *names, const DocArray *array,
		  size_t size, int base)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(names->n, 1));
	ArrayType  *codes;
	int			n = 0;
	int			i;

	for (i = 0; i < names->n; i++)
	{
		int			code = casus_protocol_lint_read_find(array, size, names->name[i]);

		/* Not in the array: only the subject category for "no person", 0. */
		values[n++] = Int16GetDatum(code < 0 ? 0 : code + base);
	}
	codes = construct_array(values, n, INT2OID, 2, true, TYPALIGN_SHORT);
	casus_query_arg(query, INT2ARRAYOID, PointerGetDatum(codes), false);
}

static void
add_code(CasusQuery *query, int code)
{
	casus_query_code(query, code, false);
}

/* Protocol, code, name, title: what nearly every table begins with. */
static void
add_entry(CasusQuery *query, int32 protocol, int code, const DocEntry *entry)
{
	casus_query_int(query, protocol);
	add_code(query, code);
	casus_query_text(query, entry->name);
	casus_query_text(query, entry->title);
	casus_query_text(query, entry->article);
}

/* ---- one table after the other ---- */

static void
load_phases(CasusQuery *query, int32 protocol, const CasusDoc *doc)
{
	int			i;

	for (i = 0; i < doc->phases.n; i++)
	{
		DocPhase   *phase = DOC_ITEM(&doc->phases, DocPhase, i);

		add_entry(query, protocol, i, &phase->entry);
		casus_query_bool(query, phase->initial);
		casus_query_bool(query, phase->terminal);
		casus_query_bool(query, phase->closing);
		casus_query_run(query,
						"INSERT INTO casus_cat.phase (protocol, code, name, title, article, "
						"is_initial, is_terminal, is_closing) "
						"VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
	}
	for (i = 0; i < doc->nstages; i++)
	{
		DocStage   *stage = doc->stage[i];

		add_entry(query, protocol, DOC_FIRST_STAGE + i, &stage->entry);
		add_code(query, stage->phase);
		add_code(query, stage->ordinal);
		casus_query_text(query, stage->until);
		casus_query_run(query,
						"INSERT INTO casus_cat.stage (protocol, code, name, title, article, "
						"phase, ordinal, until) "
						"VALUES ($1, $2, $3, $4, $5, $6, $7, $8::casus.term::text)");
	}
}

static void
load_purposes(CasusQuery *query, int32 protocol, const CasusDoc *doc)
{
	int			i;

	for (i = 0; i < doc->purposes.n; i++)
	{
		DocPurpose *purpose = DOC_ITEM(&doc->purposes, DocPurpose, i);
		DocNames	same = {true, false, 1, &purpose->entry.name};

		add_entry(query, protocol, i, &purpose->entry);
		add_codes(query, purpose->phases.given ? &purpose->phases : &same,
				  &doc->phases, sizeof(DocPhase), 0);
		casus_query_bool(query, purpose->standing);
		casus_query_bool(query, purpose->session);
		casus_query_run(query,
						"INSERT INTO casus_cat.purpose (protocol, code, name, title, article, "
						"phases, is_standing, is_session) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
	}
}

static void
load_offices(CasusQuery *query, int32 protocol, const CasusDoc *doc)
{
	int			i;

	for (i = 0; i < doc->offices.n; i++)
	{
		DocOffice  *office = DOC_ITEM(&doc->offices, DocOffice, i);

		add_entry(query, protocol, i, &office->entry);
		casus_query_text(query, office->level);
		add_texts(query, &office->appointed_by);
		add_texts(query, &office->excludes);
		casus_query_bool(query, office->needs_oath);
		casus_query_bool(query, casus_protocol_lint_reviews(doc, office));
		casus_query_text(query, *office->inspects ? office->inspects : NULL);
		casus_query_bool(query, office->needs_party);
		casus_query_bool(query, office->oversees);
		casus_query_run(query,
						"INSERT INTO casus_cat.office (protocol, code, name, title, article, level, "
						"appointed_by, excludes, needs_oath, reviews, inspects, needs_party, oversees) "
						"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)");
	}
}

static void
load_categories(CasusQuery *query, int32 protocol, const CasusDoc *doc)
{
	int			i;

	for (i = 0; i < doc->subject_categories.n; i++)
	{
		add_entry(query, protocol, i + 1, DOC_ITEM(&doc->subject_categories, DocEntry, i));
		casus_query_run(query,
						"INSERT INTO casus_cat.subject_category "
						"(protocol, code, name, title, article) "
						"VALUES ($1, $2, $3, $4, $5)");
	}
	for (i = 0; i < doc->categories.n; i++)
	{
		DocCategory *category = DOC_ITEM(&doc->categories, DocCategory, i);

		add_entry(query, protocol, i, &category->entry);
		add_codes(query, &category->subjects, &doc->subject_categories, sizeof(DocEntry), 1);
		casus_query_run(query,
						"INSERT INTO casus_cat.category (protocol, code, name, title, article, "
						"subject_categories) VALUES ($1, $2, $3, $4, $5, $6)");
	}
}

static void
load_rules(CasusQuery *query, int32 protocol, const CasusDoc *doc)
{
	DocGrant   *grants;
	int			n;
	int			i;

	grants = casus_protocol_lint_access_expand(doc, &n);
	for (i = 0; i < n; i++)
	{
		casus_query_int(query, protocol);
		casus_query_int(query, i + 1);
		add_code(query, grants[i].state);
		add_code(query, grants[i].office);
		add_code(query, grants[i].purpose);
		casus_query_int64(query, (int64) grants[i].categories);
		add_code(query, grants[i].scope);
		casus_query_bool(query, grants[i].participants);
		add_code(query, grants[i].verbs);
		casus_query_text(query, grants[i].rule->entry.article);
		add_codes(query, &grants[i].rule->after, &doc->gates, sizeof(DocGate), 0);
		add_texts(query, &grants[i].rule->after_outcomes);
		casus_query_run(query,
						"INSERT INTO casus_cat.rule (protocol, ordinal, state, office, purpose, "
						"categories, scope, participants, verbs, article, after, after_outcomes) "
						"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
	}
}

static void
load_gates(CasusQuery *query, int32 protocol, const CasusDoc *doc)
{
	int			i;

	for (i = 0; i < doc->gates.n; i++)
	{
		DocGate    *gate = DOC_ITEM(&doc->gates, DocGate, i);

		add_entry(query, protocol, i, &gate->entry);
		add_codes(query, &gate->phases, &doc->phases, sizeof(DocPhase), 0);
		add_code(query, doc_find(&doc->offices, DocOffice, gate->decided_by));
		casus_query_text(query, *gate->meeting ? gate->meeting : NULL);
		add_code(query, gate->present_min);
		add_texts(query, &gate->outcomes);
		casus_query_text(query, gate->details_json);
		add_codes(query, &gate->after, &doc->gates, sizeof(DocGate), 0);
		casus_query_run(query,
						"INSERT INTO casus_cat.gate (protocol, code, name, title, article, phases, "
						"office, meeting, present_min, outcomes, details, after) "
						"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12)");

		/* A statement takes twelve arguments. */
		casus_query_int(query, protocol);
		add_code(query, i);
		add_texts(query, &gate->after_outcomes);
		casus_query_run(query,
						"UPDATE casus_cat.gate SET after_outcomes = $3 "
						"WHERE protocol = $1 AND code = $2 AND after_outcomes <> $3");
	}
}

static void
load_transitions(CasusQuery *query, int32 protocol, const CasusDoc *doc)
{
	int			ordinal = 0;
	int			i;
	int			j;

	for (i = 0; i < doc->transitions.n; i++)
	{
		DocTransition *transition = DOC_ITEM(&doc->transitions, DocTransition, i);

		for (j = 0; j < transition->from.n; j++)
		{
			casus_query_int(query, protocol);
			casus_query_int(query, ++ordinal);
			add_code(query, doc_find(&doc->phases, DocPhase, transition->from.name[j]));
			add_code(query, doc_find(&doc->phases, DocPhase, transition->to));
			add_code(query, doc_find(&doc->gates, DocGate, transition->gate));
			add_texts(query, &transition->outcomes);
			add_codes(query, &transition->offices, &doc->offices, sizeof(DocOffice), 0);
			casus_query_text(query, transition->entry.article);
			casus_query_run(query,
							"INSERT INTO casus_cat.transition (protocol, ordinal, from_phase, "
							"to_phase, gate, outcomes, offices, article) "
							"VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
		}
	}
}

/* A value without an article of its own stands under that of its list. */
static void
load_value(CasusQuery *query, int32 protocol, const char *list, int ordinal,
		   const DocEntry *entry, const char *article, const char *part,
		   const char *controller, const char *parameter)
{
	casus_query_int(query, protocol);
	casus_query_text(query, list);
	casus_query_int(query, ordinal);
	casus_query_text(query, entry->name);
	casus_query_text(query, entry->title);
	casus_query_text(query, *entry->article ? entry->article : article);
	casus_query_text(query, part);
	casus_query_text(query, *controller ? controller : NULL);
	casus_query_text(query, *parameter ? parameter : NULL);
	casus_query_run(query,
					"INSERT INTO casus_cat.list_value (protocol, list, ordinal, value, title, "
					"article, part, controller, parameter) "
					"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
}

static void
load_lists(CasusQuery *query, int32 protocol, const CasusDoc *doc)
{
	int			i;
	int			j;

	for (i = 0; i < doc->lists.n; i++)
	{
		DocList    *list = DOC_ITEM(&doc->lists, DocList, i);

		for (j = 0; j < list->values.n; j++)
		{
			DocValue   *value = DOC_ITEM(&list->values, DocValue, j);

			load_value(query, protocol, list->entry.name, j + 1, &value->entry,
					   list->entry.article, value->part, value->controller,
					   value->parameter);
		}
	}
	for (i = 0; i < doc->parties.list.n && doc->parties.closed; i++)
	{
		DocParty   *party = DOC_ITEM(&doc->parties.list, DocParty, i);

		load_value(query, protocol, DOC_PARTIES, i + 1, &party->entry,
				   doc->parties.entry.article, party->kind, "", "");
	}
}

/* ---- the whole ---- */

static void
refuse_findings(const DocLint *lint)
{
	StringInfoData detail;
	ListCell   *cell;
	int			shown = 0;

	initStringInfo(&detail);
	foreach(cell, lint->findings)
	{
		DocFinding *finding = lfirst(cell);

		if (strcmp(finding->severity, "error") != 0)
			continue;
		if (shown++ < MAX_SHOWN)
			appendStringInfo(&detail, "%s%s: %s", detail.len ? "\n" : "",
							 finding->path, finding->message);
	}
	if (lint->nerrors > MAX_SHOWN)
		appendStringInfo(&detail, _("\nand %d more"), lint->nerrors - MAX_SHOWN);
	casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "protocol",
					  psprintf(_("the protocol document is refused, errors: %d"), lint->nerrors),
					  detail.data,
					  _("casus.lint_protocol(definition) lists them all."));
}

/* Is it there already, with the same content? Other content is an error. */
static bool
is_loaded(CasusQuery *query, const CasusDoc *doc, Jsonb *definition)
{
	bool		is_there;
	bool		is_same;

	casus_query_text(query, doc->entry.name);
	casus_query_jsonb(query, definition);
	casus_query_read(query,
					 "SELECT definition = $2 FROM casus_cat.protocol WHERE name = $1");
	is_there = query->nrows > 0;
	is_same = is_there && casus_query_get_bool(query, 0, 1);
	if (is_there && !is_same)
		casus_setup_error(ERRCODE_DUPLICATE_OBJECT, "protocol",
						  psprintf(_("protocol \"%s\" is loaded with other content"),
								   doc->entry.name),
						  _("Files and row labels rely on a loaded protocol, so it never changes."),
						  _("Give the document a name with a new version."));
	return is_there;
}

/* The next id is read as of now, under the lock: others' loads count in every isolation level. */
static int32
insert_protocol(CasusQuery *query, const CasusDoc *doc, Jsonb *definition)
{
	int32		id;

	casus_query_read(query, "SELECT coalesce(pg_catalog.max(id), 0) + 1 FROM casus_cat.protocol");
	id = (int32) casus_query_get_int(query, 0, 1);
	casus_query_int(query, id);
	casus_query_text(query, doc->entry.name);
	casus_query_text(query, doc->entry.title);
	casus_query_jsonb(query, definition);
	casus_query_run(query,
					"INSERT INTO casus_cat.protocol (id, name, title, definition, loaded_by, checks) "
					"VALUES ($1, $2, $3, $4, session_user, coalesce($4 -> 'checks', '{}'))");
	return id;
}

static text *
load(Jsonb *definition)
{
	DocLint		lint = {0};
	CasusDoc   *doc = casus_protocol_lint(&lint, definition);
	CasusQuery	query;
	text	   *name = cstring_to_text(doc->entry.name);
	int32		protocol;

	if (lint.nerrors > 0)
		refuse_findings(&lint);

	casus_query_begin(&query);
	casus_query_run(&query, "LOCK TABLE casus_cat.protocol IN SHARE ROW EXCLUSIVE MODE");
	if (!is_loaded(&query, doc, definition))
	{
		protocol = insert_protocol(&query, doc, definition);
		load_phases(&query, protocol, doc);
		load_purposes(&query, protocol, doc);
		load_offices(&query, protocol, doc);
		load_categories(&query, protocol, doc);
		load_rules(&query, protocol, doc);
		load_gates(&query, protocol, doc);
		load_transitions(&query, protocol, doc);
		load_lists(&query, protocol, doc);
	}
	casus_query_end(&query);
	return name;
}

Datum
casus_sql_load_protocol(PG_FUNCTION_ARGS)
{
	text	   *name;

	casus_act_require_admin("load_protocol");
	name = load(PG_GETARG_JSONB_P(0));
	casus_act_record_setup(0, "load_protocol", 0, text_to_cstring(name), NULL);
	PG_RETURN_TEXT_P(name);
}

Datum
casus_sql_install_protocol(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	CasusQuery	query;
	Jsonb	   *definition = NULL;

	casus_act_require_admin("install_protocol");
	casus_query_begin(&query);
	casus_query_text(&query, text_to_cstring(name));
	casus_query_run(&query,
					"SELECT definition FROM casus_int.shipped_protocols() d(definition) "
					"WHERE definition ->> 'name' = $1");
	if (query.nrows > 0)
	{
		bool		isnull;
		Datum		value = casus_query_get(&query, 0, 1, &isnull);

		/* In the memory of SPI, which lasts until the end below. */
		definition = DatumGetJsonbP(value);
		load(definition);
	}
	casus_query_end(&query);
	if (definition == NULL)
		casus_setup_error(ERRCODE_UNDEFINED_OBJECT, "protocol",
						  _("no such protocol comes with casus"), NULL,
						  "SELECT name, title FROM casus.shipped_protocol;");
	casus_act_record_setup(0, "install_protocol", 0, text_to_cstring(name), NULL);
	PG_RETURN_TEXT_P(cstring_to_text(text_to_cstring(name)));
}
