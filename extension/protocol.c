/*
 * protocol.c
 *		A protocol's rules, compiled from the state tables.
 *
 * One memory context per protocol under CacheMemoryContext.  The tables are
 * read with catalog-style scans (NULL snapshot: newest commit and own
 * changes).  A relcache invalidation of one of the protocol tables, which the
 * statement trigger of every state table sends, marks all compiled protocols
 * stale; the next call compiles anew.  A stale one is freed only when the
 * transaction ends, so that a pointer taken earlier in a statement stays good;
 * nobody keeps one across transactions without asking again.
 *
 * Nothing is shared between backends and nothing is locked beyond
 * AccessShareLock while the tables are read.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"
#include "term.h"
#include "xact.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* The tables a compiled protocol is made from. */
static const CasusTable sources[] = {
	CASUS_PROTOCOL, CASUS_PHASE, CASUS_STAGE, CASUS_PURPOSE, CASUS_OFFICE,
	CASUS_SUBJECT_CATEGORY, CASUS_CATEGORY, CASUS_RULE
};

typedef struct Compiled
{
	CasusProtocol protocol;
	MemoryContext context;
	struct Compiled *next;
} Compiled;

static Compiled *compiled_list = NULL;	/* in use, newest first */
static Compiled *retired_list = NULL;	/* freed at the end of the transaction */
static bool is_registered = false;
static bool is_stale = false;
static Oid	source_oid[lengthof(sources)];

/* ---- invalidation ---- */

static void
relation_changed(Datum arg, Oid relid)
{
	int			i;

	if (!OidIsValid(relid))
		is_stale = true;
	for (i = 0; i < lengthof(sources) && !is_stale; i++)
		if (source_oid[i] == relid)
			is_stale = true;
}

static void
free_retired(XactEvent event, void *arg)
{
	if (!casus_xact_ends(event))
		return;
	while (retired_list != NULL)
	{
		Compiled   *next = retired_list->next;

		MemoryContextDelete(retired_list->context);
		retired_list = next;
	}
}

static void
retire_all(void)
{
	while (compiled_list != NULL)
	{
		Compiled   *next = compiled_list->next;

		compiled_list->next = retired_list;
		retired_list = compiled_list;
		compiled_list = next;
	}
}

/* ---- reading one table ---- */

/* A scan over the rows of one protocol, in the order of the primary key. */
typedef struct Reader
{
	Relation	rel;
	Relation	index;
	SysScanDesc scan;
	HeapTuple	tuple;
} Reader;

static void
reader_open(Reader *reader, CasusTable table, int32 protocol)
{
	ScanKeyData key;
	const char *column = table == CASUS_PROTOCOL ? "id" : "protocol";

	reader->rel = table_open(casus_table_oid(table), AccessShareLock);
	reader->index = index_open(casus_table_pkey(table), AccessShareLock);

	/* systable_beginscan_ordered wants the number of the index column. */
	if (SPI_fnumber(RelationGetDescr(reader->rel), column) !=
		reader->index->rd_index->indkey.values[0])
		elog(ERROR, "primary key of \"%s\" does not begin with \"%s\"",
			 RelationGetRelationName(reader->rel), column);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(protocol));
	reader->scan = systable_beginscan_ordered(reader->rel, reader->index, NULL, 1, &key);
}

static bool
reader_next(Reader *reader)
{
	reader->tuple = systable_getnext_ordered(reader->scan, ForwardScanDirection);
	return HeapTupleIsValid(reader->tuple);
}

static void
reader_close(Reader *reader)
{
	systable_endscan_ordered(reader->scan);
	index_close(reader->index, AccessShareLock);
	table_close(reader->rel, AccessShareLock);
}

/* Columns by name, so that a column added later moves nothing. */
static Datum
field(Reader *reader, const char *column)
{
	bool		isnull;
	int			attno = SPI_fnumber(RelationGetDescr(reader->rel), column);
	Datum		value;

	if (attno <= 0)
		elog(ERROR, "column \"%s\" of \"%s\" is missing", column,
			 RelationGetRelationName(reader->rel));
	value = heap_getattr(reader->tuple, attno, RelationGetDescr(reader->rel), &isnull);
	if (isnull)
		elog(ERROR, "column \"%s\" of \"%s\" is null", column,
			 RelationGetRelationName(reader->rel));
	return value;
}

static char *
field_text(Reader *reader, const char *column)
{
	return TextDatumGetCString(field(reader, column));
}

static int
field_int2(Reader *reader, const char *column)
{
	return DatumGetInt16(field(reader, column));
}

/* A code that indexes an array of CASUS_MAX_CODE: whatever a restore brought in. */
static int
field_code(Reader *reader, const char *column)
{
	int			code = field_int2(reader, column);

	if (code < 0 || code >= CASUS_MAX_CODE)
		elog(ERROR, "code %d in column \"%s\" of \"%s\" is out of range", code,
			 column, RelationGetRelationName(reader->rel));
	return code;
}

/* smallint[] as a bit mask. */
static uint64
field_mask(Reader *reader, const char *column)
{
	ArrayType  *array = DatumGetArrayTypeP(field(reader, column));
	Datum	   *values;
	bool	   *nulls;
	uint64		mask = 0;
	int			n;
	int			i;

	deconstruct_array(array, INT2OID, 2, true, TYPALIGN_SHORT, &values, &nulls, &n);
	for (i = 0; i < n; i++)
	{
		int			code = nulls[i] ? -1 : DatumGetInt16(values[i]);

		if (code < 0 || code >= CASUS_MAX_CODE)
			elog(ERROR, "code in column \"%s\" of \"%s\" is out of range",
				 column, RelationGetRelationName(reader->rel));
		mask |= UINT64CONST(1) << code;
	}
	return mask;
}

/* ---- compiling ---- */

/* Arrays indexed by code have room for every code: names are set by row. */
static const char **
new_names(void)
{
	const char **names = palloc(sizeof(char *) * CASUS_MAX_CODE);
	int			i;

	for (i = 0; i < CASUS_MAX_CODE; i++)
		names[i] = "";
	return names;
}

static void
compile_checks(CasusProtocol *p, Jsonb *checks)
{
	JsonbIterator *iterator = JsonbIteratorInit(&checks->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			room = Max(JsonContainerSize(&checks->root), 1);

	p->check = palloc0(sizeof(char *) * room);
	p->check_article = palloc0(sizeof(char *) * room);
	if (!JB_ROOT_IS_OBJECT(checks))
		return;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			p->check[p->nchecks] = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && value.type == jbvString)
			p->check_article[p->nchecks++] = pnstrdup(value.val.string.val,
													  value.val.string.len);
	}
}

static bool
compile_document(CasusProtocol *p, int32 id)
{
	Reader		reader;
	bool		found;

	reader_open(&reader, CASUS_PROTOCOL, id);
	found = reader_next(&reader);
	if (found)
	{
		p->name = field_text(&reader, "name");
		compile_checks(p, DatumGetJsonbP(field(&reader, "checks")));
	}
	reader_close(&reader);
	return found;
}

static void
compile_phases(CasusProtocol *p)
{
	Reader		reader;

	p->phase = new_names();
	p->phase_article = new_names();
	reader_open(&reader, CASUS_PHASE, p->id);
	while (reader_next(&reader))
	{
		int			code = field_code(&reader, "code");

		p->phase[code] = field_text(&reader, "name");
		p->phase_article[code] = field_text(&reader, "article");
		if (DatumGetBool(field(&reader, "is_terminal")))
			p->terminal |= UINT64CONST(1) << code;
		p->nphases = Max(p->nphases, code + 1);
	}
	reader_close(&reader);
}

static void
compile_purposes(CasusProtocol *p)
{
	Reader		reader;

	p->purpose = new_names();
	p->purpose_phases = palloc0(sizeof(uint64) * CASUS_MAX_CODE);
	reader_open(&reader, CASUS_PURPOSE, p->id);
	while (reader_next(&reader))
	{
		int			code = field_code(&reader, "code");

		p->purpose[code] = field_text(&reader, "name");
		p->purpose_phases[code] = field_mask(&reader, "phases");
		if (DatumGetBool(field(&reader, "is_standing")))
			p->standing |= UINT64CONST(1) << code;
		p->npurposes = Max(p->npurposes, code + 1);
	}
	reader_close(&reader);
}

static void
compile_offices(CasusProtocol *p)
{
	Reader		reader;

	p->office = new_names();
	p->office_level = palloc0(CASUS_MAX_CODE);
	reader_open(&reader, CASUS_OFFICE, p->id);
	while (reader_next(&reader))
	{
		int			code = field_code(&reader, "code");

		p->office[code] = field_text(&reader, "name");
		p->office_level[code] = *field_text(&reader, "level");
		p->noffices = Max(p->noffices, code + 1);
	}
	reader_close(&reader);
}

static void
compile_categories(CasusProtocol *p)
{
	Reader		reader;

	p->subject_category = new_names();
	reader_open(&reader, CASUS_SUBJECT_CATEGORY, p->id);
	while (reader_next(&reader))
	{
		int			code = field_code(&reader, "code");

		p->subject_category[code] = field_text(&reader, "name");
		p->nsubject_categories = Max(p->nsubject_categories, code + 1);
	}
	reader_close(&reader);

	p->category = new_names();
	p->category_article = new_names();
	p->category_subjects = palloc0(sizeof(uint64) * CASUS_MAX_CODE);
	reader_open(&reader, CASUS_CATEGORY, p->id);
	while (reader_next(&reader))
	{
		int			code = field_code(&reader, "code");
		uint64		subjects = field_mask(&reader, "subject_categories");

		p->category[code] = field_text(&reader, "name");
		p->category_article[code] = field_text(&reader, "article");
		/* None named: about anyone. */
		p->category_subjects[code] = subjects == 0 ? PG_UINT64_MAX : subjects;
		p->ncategories = Max(p->ncategories, code + 1);
	}
	reader_close(&reader);
}

static void
compile_rules(CasusProtocol *p)
{
	Reader		reader;
	int			room = 32;

	p->rules = palloc(sizeof(CasusRule) * room);
	reader_open(&reader, CASUS_RULE, p->id);
	while (reader_next(&reader))
	{
		CasusRule  *rule;

		if (p->nrules == room)
			p->rules = repalloc(p->rules, sizeof(CasusRule) * (room *= 2));
		rule = &p->rules[p->nrules++];
		rule->ordinal = DatumGetInt32(field(&reader, "ordinal"));
		rule->state = field_code(&reader, "state");
		rule->office = field_code(&reader, "office");
		rule->purpose = field_code(&reader, "purpose");
		rule->scope = field_int2(&reader, "scope");
		rule->verbs = field_int2(&reader, "verbs");
		rule->participants = DatumGetBool(field(&reader, "participants"));
		rule->waits = field_mask(&reader, "after") != 0;
		rule->categories = (uint64) DatumGetInt64(field(&reader, "categories"));
		rule->article = field_text(&reader, "article");
	}
	reader_close(&reader);
}

static void
compile_stages(CasusProtocol *p)
{
	Reader		reader;

	p->stages = palloc(sizeof(CasusStage) * CASUS_MAX_CODE);
	reader_open(&reader, CASUS_STAGE, p->id);

	/* By code, and the loader gives codes in order of phase and stage. */
	while (reader_next(&reader) && p->nstages < CASUS_MAX_CODE)
	{
		CasusStage *stage = &p->stages[p->nstages++];
		CasusTerm  *term = palloc(sizeof(CasusTerm));
		char	   *until = field_text(&reader, "until");
		bool		out_of_range;

		stage->code = field_code(&reader, "code");
		stage->phase = field_code(&reader, "phase");
		stage->name = field_text(&reader, "name");
		stage->article = field_text(&reader, "article");
		if (casus_term_parse(until, term, &out_of_range) != NULL)
			elog(ERROR, "term \"%s\" of stage \"%s\" is malformed", until, stage->name);
		stage->until = term;
	}
	reader_close(&reader);
}

static void
register_callbacks(void)
{
	int			i;

	/* Oids first: the extension may have been dropped and made anew. */
	for (i = 0; i < lengthof(sources); i++)
		source_oid[i] = casus_table_oid(sources[i]);
	if (is_registered)
		return;
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	RegisterXactCallback(free_retired, NULL);
	is_registered = true;
}

static Compiled *
compile(int32 id)
{
	MemoryContext context;
	MemoryContext old;
	Compiled   *compiled;
	CasusProtocol *p;

	/* Under the caller's context until it is complete: an error frees it. */
	context = AllocSetContextCreate(CurrentMemoryContext, "casus protocol",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	compiled = palloc0(sizeof(Compiled));
	compiled->context = context;
	p = &compiled->protocol;
	p->id = id;
	if (!compile_document(p, id))
		elog(ERROR, "protocol %d does not exist", id);
	compile_phases(p);
	compile_purposes(p);
	compile_offices(p);
	compile_categories(p);
	compile_rules(p);
	compile_stages(p);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, CacheMemoryContext);
	return compiled;
}

const CasusProtocol *
casus_protocol(int32 id)
{
	Compiled   *compiled;

	if (is_stale || !is_registered)
	{
		retire_all();
		register_callbacks();
		/* Before reading: what arrives meanwhile marks it stale again. */
		is_stale = false;
	}
	for (compiled = compiled_list; compiled != NULL; compiled = compiled->next)
		if (compiled->protocol.id == id)
			return &compiled->protocol;

	compiled = compile(id);
	compiled->next = compiled_list;
	compiled_list = compiled;
	return &compiled->protocol;
}

/* ---- names ---- */

static int
find_name(const char **names, int n, const char *name)
{
	int			code;

	for (code = 0; code < n; code++)
		if (*name != '\0' && strcmp(names[code], name) == 0)
			return code;
	return -1;
}

int
casus_protocol_phase(const CasusProtocol *p, const char *name)
{
	return find_name(p->phase, p->nphases, name);
}

int
casus_protocol_purpose(const CasusProtocol *p, const char *name)
{
	return find_name(p->purpose, p->npurposes, name);
}

int
casus_protocol_office(const CasusProtocol *p, const char *name)
{
	return find_name(p->office, p->noffices, name);
}

int
casus_protocol_category(const CasusProtocol *p, const char *name)
{
	return find_name(p->category, p->ncategories, name);
}

int
casus_protocol_subject_category(const CasusProtocol *p, const char *name)
{
	return find_name(p->subject_category, p->nsubject_categories, name);
}

const char *
casus_protocol_check_article(const CasusProtocol *p, const char *code)
{
	int			i;

	for (i = 0; i < p->nchecks; i++)
		if (strcmp(p->check[i], code) == 0)
			return p->check_article[i];
	return NULL;
}
