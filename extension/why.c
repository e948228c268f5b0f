/*
 * why.c
 *		casus.why(): which rule grants or refuses; casus.my_purposes(): what the
 *		caller may enter; casus.dossier_of(): the dossier of a row by its key.
 *
 * All answer about the caller only, and only about a dossier that he may know
 * of; the verdicts are those of policy.c, so that the explanation cannot
 * differ from what happens.  explain.c tells the same of anybody.  No lock is
 * taken.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "column.h"
#include "why.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static const struct
{
	CasusVerb	verb;
	const char *name;
}			verbs[] = {
	{CASUS_READ, "read"},
	{CASUS_SUPPLY, "supply"},
	{CASUS_CORRECT, "correct"},
	{CASUS_REMOVE, "remove"}
};

/* Whose items: another's, or those of the capacity's own party. */
typedef enum Whose
{
	WHOSE_ANY,
	WHOSE_OWN
} Whose;

static const char *const whose_names[] = {"another's", "own"};

typedef struct Answer
{
	bool		allowed;
	CasusReason reason;
	StringInfoData categories;
	int			ncategories;
	const char *column;			/* of a category of its own; NULL: the row */
} Answer;

static void
put_answer(CasusWhy *why, const char *verb, const char *scope,
		   const Answer *a, int all_categories)
{
	const char *texts[WHY_COLUMNS] = {
		verb, NULL, scope,
		a->ncategories == all_categories ? "*" : a->categories.data,
		a->allowed || a->reason.code == NULL ? NULL : psprintf("casus.%s", a->reason.code),
		a->reason.article, a->reason.text, a->reason.hint, a->column
	};
	Datum		values[WHY_MAX_LEAD + WHY_COLUMNS];
	bool		nulls[WHY_MAX_LEAD + WHY_COLUMNS];

	/* Who asks of another may know that there is such a dossier. */
	if (why->nlead > 0 && a->reason.code != NULL && strcmp(a->reason.code, "not_involved") == 0)
	{
		texts[6] = _("this office or its party does not take part in the dossier");
		texts[7] = "SELECT name FROM casus.party;  -- casus.involve(dossier, party => '...', reason => '...')";
	}
	for (int i = 0; i < why->nlead + WHY_COLUMNS; i++)
	{
		const char *text = i < why->nlead ? why->lead[i] : texts[i - why->nlead];

		nulls[i] = text == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(text);
	}
	values[why->nlead + 1] = BoolGetDatum(a->allowed);
	nulls[why->nlead + 1] = false;
	tuplestore_putvalues(why->result->setResult, why->result->setDesc, values, nulls);
}

/* One sentence for categories that are refused alike, each in its own words. */
static void
generalize(Answer *answer, const char *text)
{
	if (answer->reason.text == NULL || text == NULL ||
		strcmp(answer->reason.text, text) == 0)
		return;
	answer->reason.text = _("no rule grants these categories to the office for this purpose");
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_reason(const Answer *a, bool allowed, const CasusReason *reason)
{
	return a->allowed == allowed && same_text(a->reason.code, reason->code) &&
		same_text(a->reason.article, reason->article);
}

/* An item of the kind asked about, as a label: the policy judges nothing else. */
static void
make_label(const CasusDossier *dossier, const CasusCapacity *capacity,
		   Whose whose, int category, CasusLabel *label)
{
	memset(label, 0, sizeof(CasusLabel));
	label->dossier = dossier->id;
	label->category = (uint8) category;
	label->phase = dossier->phase;
	label->party = whose == WHOSE_OWN && capacity ? capacity->party : 0;
}

/* The category of a table that has but one in this file, or -1. */
static int
only_category(const CasusProtected *protected, const CasusProtocol *protocol,
			  int32 file)
{
	const CasusSettings *settings = protected ? protected->settings : NULL;

	for (int i = 0; settings != NULL && i < settings->nfiles; i++)
	{
		const CasusFileSettings *f = &settings->files[i];

		if (f->id == file && f->ndata == 0 && f->category.attno == 0 &&
			f->category.constant != NULL)
			return casus_protocol_category(protocol, f->category.constant);
	}
	return -1;
}

/*
 * The verdict on a column of categories of its own, with those refused in
 * *answer.  To remove a row is not asked of its columns.
 */
static bool
column_allows(const CasusProtected *protected, AttrNumber attno, CasusVerb verb,
			  const CasusDossier *dossier, const CasusProtocol *protocol,
			  const CasusCapacity *capacity, Whose whose, Answer *answer)
{
	uint64		categories;

	if (!casus_column_categories(protected, attno, dossier->file, &categories))
	{
		answer->reason.code = "wrong_category";
		answer->reason.text = _("the protocol does not know the category of the column");
		return false;
	}
	while (categories != 0)
	{
		int			category = pg_rightmost_one_pos64(categories);
		CasusReason reason = {0};
		CasusLabel	label;

		categories &= categories - 1;
		make_label(dossier, capacity, whose, category, &label);
		if (casus_policy_explain(capacity, &label, verb, &reason))
			continue;
		if (answer->ncategories++ == 0)
			answer->reason = reason;
		appendStringInfo(&answer->categories, "%s%s", answer->ncategories > 1 ? ", " : "",
						 protocol->category[category]);
	}
	return answer->ncategories == 0;
}

/* The columns that are barred in rows which the capacity may read, bring in or correct. */
static void
explain_columns(CasusWhy *why, const CasusDossier *dossier, const CasusProtected *protected,
				const CasusProtocol *protocol, const CasusCapacity *capacity,
				int verb, Whose whose)
{
	Bitmapset  *columns = protected ? casus_column_all(protected) : NULL;
	int			attno = -1;

	while ((attno = bms_next_member(columns, attno)) >= 0)
	{
		Answer		answer = {0};

		initStringInfo(&answer.categories);
		if (column_allows(protected, attno, verbs[verb].verb, dossier, protocol, capacity,
						  whose, &answer))
			continue;
		if (answer.reason.article == NULL && answer.reason.code != NULL)
			answer.reason.article = casus_protocol_check_article(protocol, answer.reason.code);
		answer.column = get_attname(protected->relid, attno, true);
		put_answer(why, verbs[verb].name, whose_names[whose], &answer, -1);
	}
}

/*
 * The verdicts for one verb, categories with the same verdict and article
 * taken together; only the category of the table where it has but one.  True:
 * one of them allows it.
 */
static bool
explain_verb(CasusWhy *why, const CasusDossier *dossier,
			 const CasusProtocol *protocol, const CasusCapacity *capacity,
			 int only, int verb, Whose whose)
{
	Answer	   *answers = palloc0(sizeof(Answer) * Max(protocol->ncategories, 1));
	int			nanswers = 0;
	bool		any = false;

	for (int category = 0; category < protocol->ncategories; category++)
	{
		CasusLabel	label;
		CasusReason reason = {0};
		bool		allowed;
		int			i;

		if (only >= 0 && category != only)
			continue;
		make_label(dossier, capacity, whose, category, &label);
		allowed = casus_policy_explain(capacity, &label, verbs[verb].verb, &reason);
		if (!allowed && reason.article == NULL && reason.code != NULL)
			reason.article = casus_protocol_check_article(protocol, reason.code);
		for (i = 0; i < nanswers; i++)
			if (same_reason(&answers[i], allowed, &reason))
				break;
		if (i == nanswers)
		{
			answers[i].allowed = allowed;
			answers[i].reason = reason;
			initStringInfo(&answers[i].categories);
			any |= allowed;
			nanswers++;
		}
		else
			generalize(&answers[i], reason.text);
		appendStringInfo(&answers[i].categories, "%s%s",
						 answers[i].ncategories++ ? ", " : "",
						 protocol->category[category]);
	}
	for (int i = 0; i < nanswers; i++)
		put_answer(why, verbs[verb].name, whose_names[whose], &answers[i],
				   protocol->ncategories);
	return any;
}

/* The verdicts of one capacity for the verbs given as bits. */
void
casus_why_capacity(CasusWhy *why, const CasusDossier *dossier,
				   const CasusProtected *protected, const CasusProtocol *protocol,
				   const CasusCapacity *capacity, int which)
{
	int			only = only_category(protected, protocol, dossier->file);

	for (int verb = 0; verb < lengthof(verbs); verb++)
	{
		if ((which & verbs[verb].verb) == 0)
			continue;
		/* Without a party nothing is one's own, and nothing is shared with one. */
		for (Whose whose = WHOSE_ANY; whose <= WHOSE_OWN; whose++)
			if ((whose == WHOSE_ANY || (capacity != NULL && capacity->party != 0)) &&
				explain_verb(why, dossier, protocol, capacity, only, verb, whose) &&
				verbs[verb].verb != CASUS_REMOVE)
				explain_columns(why, dossier, protected, protocol, capacity, verb, whose);
	}
}

/* A verb by its name, 0: there is none. */
int
casus_why_verb(const char *name)
{
	for (int verb = 0; verb < lengthof(verbs); verb++)
		if (strcmp(name, verbs[verb].name) == 0)
			return verbs[verb].verb;
	return 0;
}

/* A verdict that follows from no rule. */
void
casus_why_plain(CasusWhy *why, bool allowed, const char *code,
				const char *text, const char *hint)
{
	Answer		a = {0};
	const CasusProtocol *protocol = code ? casus_check_protocol(NULL, 0) : NULL;

	a.allowed = allowed;
	a.reason.code = code;
	a.reason.article = protocol ? casus_protocol_check_article(protocol, code) : NULL;
	a.reason.text = text;
	a.reason.hint = hint;
	initStringInfo(&a.categories);
	put_answer(why, "read", NULL, &a, -1);
}

/*
 * Where the table alone decides: true, and it has been said.  *protected is
 * NULL for a question about no table.
 */
bool
casus_why_table(CasusWhy *why, Oid relid, const CasusProtected **protected)
{
	*protected = NULL;
	if (!OidIsValid(relid))
		return false;
	*protected = casus_registry_find(relid);
	if (*protected == NULL)
	{
		casus_why_plain(why, true, NULL,
						_("the table is not protected: ordinary rights alone decide"), NULL);
		return true;
	}
	if ((*protected)->mode == CASUS_MODE_ENFORCE && !(*protected)->fenced)
	{
		casus_why_plain(why, false, "not_fenced",
						_("the table is labelled but its fence is not complete"),
						psprintf("SELECT casus.bind(%s, 'enforce');",
								 quote_literal_cstr(casus_relation_ddl_name(relid))));
		return true;
	}
	return false;
}

PG_FUNCTION_INFO_V1(casus_sql_why);

Datum
casus_sql_why(PG_FUNCTION_ARGS)
{
	CasusWhy	why = {(ReturnSetInfo *) fcinfo->resultinfo, 0, {NULL}};
	const CasusProtected *protected;
	const CasusOpening *opening;
	CasusDossier dossier;
	CasusFile	file;

	InitMaterializedSRF(fcinfo, 0);
	casus_require_preloaded();
	casus_catalog_listen();
	if (casus_why_table(&why, PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0), &protected))
		return (Datum) 0;

	/* What one has opened one may know of, appointment or not. */
	opening = PG_ARGISNULL(1) ? NULL : casus_context_opening(PG_GETARG_INT64(1));
	if (opening != NULL && casus_dossier_load(opening->capacity.dossier, &dossier) &&
		dossier.state != CASUS_STATE_GONE)
	{
		casus_why_plain(&why, true, NULL,
						opening->capacity.source == CASUS_FROM_BREAK_GLASS ?
						_("the dossier is open to you by break-glass") :
						_("the dossier is open to you by inspection"),
						psprintf("SELECT casus.end_opening(" INT64_FORMAT ");", opening->act));
		return (Datum) 0;
	}
	if (PG_ARGISNULL(1) || !casus_sight_dossier(PG_GETARG_INT64(1), &dossier))
	{
		casus_why_plain(&why, false, "no_appointment",
						_("there is no such dossier, or you hold no appointment for it"),
						"SELECT * FROM casus.my_purposes();");
		return (Datum) 0;
	}

	casus_find_file_by_id(dossier.file, &file);
	casus_policy_begin();
	casus_why_capacity(&why, &dossier, protected, casus_protocol(file.protocol),
					   casus_context_for_file(dossier.file),
					   CASUS_READ | CASUS_SUPPLY | CASUS_CORRECT | CASUS_REMOVE);
	return (Datum) 0;
}

/* ---- my_purposes ---- */

/*
 * Every office that the caller holds now, and each purpose that it may enter:
 * those for which a rule gives it something, and those for which no rule gives
 * anybody anything (see enter.c), which show no content.
 */
#define MY_PURPOSES \
	"SELECT f.name, o.name, y.name, a.dossier, u.name, u.title, a.starts, a.ends, " \
	"a.standing_purpose IS NOT DISTINCT FROM u.code, " \
	"EXISTS (SELECT FROM casus_cat.rule r WHERE r.protocol = f.protocol " \
	"AND r.office = a.office AND r.purpose = u.code AND r.verbs & 1 <> 0), " \
	"o.inspects IS NOT DISTINCT FROM u.name " \
	"FROM casus_cat.appointment a JOIN casus_cat.file f ON f.id = a.file " \
	"JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = a.office " \
	"LEFT JOIN casus_cat.party y ON y.file = a.file AND y.code = a.party " \
	"JOIN casus_cat.purpose u ON u.protocol = f.protocol " \
	"WHERE a.person = $1 AND a.starts <= pg_catalog.clock_timestamp() " \
	"AND (a.ends IS NULL OR a.ends > pg_catalog.clock_timestamp()) " \
	"AND (EXISTS (SELECT FROM casus_cat.rule r WHERE r.protocol = f.protocol " \
	"AND r.office = a.office AND r.purpose = u.code) " \
	"OR NOT EXISTS (SELECT FROM casus_cat.rule r WHERE r.protocol = f.protocol AND r.purpose = u.code)) " \
	"ORDER BY f.name, o.name, y.name, a.dossier, u.code"

/*
 * The call, with party and dossier only where the appointment has them.  Who
 * supervises sees content of one dossier, by an act.
 */
static char *
enter_call(CasusQuery *query, uint64 row)
{
	StringInfoData call;
	char	   *party = casus_query_get_text(query, row, 3);
	char	   *dossier = casus_query_get_text(query, row, 4);

	if (!casus_query_get_bool(query, row, 10) && casus_query_get_bool(query, row, 11))
		return "SELECT id, phase FROM casus.dossier;  -- casus.inspect(id, '<reason>')";

	initStringInfo(&call);
	appendStringInfo(&call, "SELECT casus.enter(%s",
					 quote_literal_cstr(casus_query_get_text(query, row, 5)));
	if (dossier != NULL)
		appendStringInfo(&call, ", dossier => %s", dossier);
	appendStringInfo(&call, ", office => %s",
					 quote_literal_cstr(casus_query_get_text(query, row, 2)));
	if (party != NULL)
		appendStringInfo(&call, ", party => %s", quote_literal_cstr(party));
	appendStringInfo(&call, ", file => %s);",
					 quote_literal_cstr(casus_query_get_text(query, row, 1)));
	return call.data;
}

PG_FUNCTION_INFO_V1(casus_sql_my_purposes);

Datum
casus_sql_my_purposes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	CasusActor	actor = casus_context_actor();
	CasusQuery	query;

	InitMaterializedSRF(fcinfo, 0);
	casus_require_preloaded();
	casus_query_begin(&query);
	casus_query_int(&query, actor.person);
	casus_query_read(&query, MY_PURPOSES);
	for (uint64 row = 0; row < query.nrows; row++)
	{
		Datum		values[11];
		bool		nulls[11];

		for (int i = 0; i < 9; i++)
			values[i] = casus_query_get(&query, row, i + 1, &nulls[i]);
		values[9] = CStringGetTextDatum(enter_call(&query, row));
		nulls[9] = false;
		values[10] = casus_query_get(&query, row, 10, &nulls[10]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	casus_query_end(&query);
	return (Datum) 0;
}

/* ---- dossier_of ---- */

/* "column = $1::type" for a text key; with jsonb one such term for each column. */
static void
key_condition(StringInfo sql, Relation rel, bool is_jsonb)
{
	Oid			pkey = casus_compat_primary_key(rel);
	Relation	index;

	if (!OidIsValid(pkey))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the table has no primary key"), NULL,
						  psprintf("SELECT casus.dossier_of(casus_label) FROM %s;",
								   casus_relation_ddl_name(RelationGetRelid(rel))));
	index = index_open(pkey, AccessShareLock);
	if (!is_jsonb && index->rd_index->indnkeyatts != 1)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the primary key has several columns: give them as jsonb"),
						  NULL, _("Give the key as jsonb, each column of the primary key by its name."));
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel),
											  index->rd_index->indkey.values[i] - 1);
		char	   *type = format_type_with_typemod(att->atttypid, -1);
		const char *name = NameStr(att->attname);

		appendStringInfo(sql, "%s t.%s = ", i ? " AND" : "", quote_identifier(name));
		if (is_jsonb)
			appendStringInfo(sql, "($1 ->> %s)::%s", quote_literal_cstr(name), type);
		else
			appendStringInfo(sql, "$1::%s", type);
	}
	index_close(index, AccessShareLock);
}

/*
 * The caller's own statement, with his rights and under the policy: a row that
 * he may not read has no dossier for him, like one that is not there.
 */
static Datum
dossier_of_key(FunctionCallInfo fcinfo, Oid key_type)
{
	Oid			relid = PG_GETARG_OID(0);
	Datum		key = PG_GETARG_DATUM(1);
	Relation	rel = table_open(relid, AccessShareLock);
	StringInfoData sql;
	Datum		result = (Datum) 0;
	bool		isnull = true;

	if (get_attnum(relid, CASUS_LABEL_COLUMN) == InvalidAttrNumber)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "not_governed",
						  _("the table is not protected"), NULL,
						  _("casus.survey(schema) proposes the call of casus.protect for each table."));
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT casus.dossier_of(t.%s) FROM %s t WHERE",
					 CASUS_LABEL_COLUMN,
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												RelationGetRelationName(rel)));
	key_condition(&sql, rel, key_type == JSONBOID);
	table_close(rel, NoLock);

	SPI_connect();
	if (SPI_execute_with_args(sql.data, 1, &key_type, &key, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "reading the label failed");
	if (SPI_processed == 1)
		result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		result = Int64GetDatum(DatumGetInt64(result));
	SPI_finish();
	if (isnull)
		PG_RETURN_NULL();
	return result;
}

PG_FUNCTION_INFO_V1(casus_sql_dossier_of_text);

Datum
casus_sql_dossier_of_text(PG_FUNCTION_ARGS)
{
	return dossier_of_key(fcinfo, TEXTOID);
}

PG_FUNCTION_INFO_V1(casus_sql_dossier_of_jsonb);

Datum
casus_sql_dossier_of_jsonb(PG_FUNCTION_ARGS)
{
	return dossier_of_key(fcinfo, JSONBOID);
}
