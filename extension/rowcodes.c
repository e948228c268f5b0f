/*
 * rowcodes.c
 *		Names in the settings of a table, and values in its rows, as codes of
 *		the file and its protocol.
 *
 * The resolved form hangs on the registry entry and goes with it; the
 * registry drops its entries when a file, party or protocol changes.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "rows.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* The resolved form of a CasusFileSettings. -1: no such name any more. */
typedef struct Codes
{
	struct Codes *next;			/* of another file */
	int32		file;
	int32		protocol;
	int			category;		/* constant; -2: none given */
	int			originator;
	int			subject_category;
	int		   *category_map;
	int		   *originator_map;
	int		   *subject_category_map;
	int		   *data;
} Codes;

/* The code of a party of a file, or -1. */
int
casus_rowcodes_party(int32 file, const char *name)
{
	Relation	rel = table_open(casus_table_oid(CASUS_PARTY), AccessShareLock);
	Oid			relid = RelationGetRelid(rel);
	TupleDesc	desc = RelationGetDescr(rel);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int			code = -1;

	ScanKeyInit(&key, get_attnum(relid, "file"), BTEqualStrategyNumber,
				F_INT4EQ, Int32GetDatum(file));
	scan = systable_beginscan(rel, casus_table_pkey(CASUS_PARTY), true, NULL, 1, &key);
	while (code < 0 && (tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, get_attnum(relid, "name"), desc, &isnull);

		if (strcmp(TextDatumGetCString(value), name) == 0)
			code = DatumGetInt16(heap_getattr(tuple, get_attnum(relid, "code"),
											  desc, &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return code;
}

typedef enum Vocabulary
{
	CATEGORY, PARTY, SUBJECT
} Vocabulary;

static int
code_of(Codes *codes, Vocabulary vocabulary, const char *name)
{
	int			code;

	switch (vocabulary)
	{
		case CATEGORY:
			return casus_protocol_category(casus_protocol(codes->protocol), name);
		case PARTY:
			return casus_rowcodes_party(codes->file, name);
		case SUBJECT:
			code = casus_protocol_subject_category(casus_protocol(codes->protocol), name);
			return code <= 0 ? -1 : code;
	}
	return -1;
}

static int *
resolve(Codes *codes, Vocabulary vocabulary, const CasusCoded *coded, int *constant)
{
	int		   *map = palloc(sizeof(int) * (coded->nmap + 1));

	*constant = coded->constant == NULL ? -2 :
		code_of(codes, vocabulary, coded->constant);
	for (int i = 0; i < coded->nmap; i++)
		map[i] = code_of(codes, vocabulary, coded->map[i].to);
	return map;
}

/*
 * For a child the file is the parent's, which may be another one than protect
 * was told; names are then looked up in that file's protocol.  Rows of several
 * files may come in turn: what was resolved stays, for each.
 */
static Codes *
codes_for(const CasusSettings *settings, CasusFileSettings *fs, int32 file, int32 protocol)
{
	Codes	   *codes = fs->codes;
	MemoryContext old;

	while (codes != NULL && codes->file != file)
		codes = codes->next;
	if (codes != NULL)
		return codes;
	old = MemoryContextSwitchTo(settings->cxt);
	codes = palloc0(sizeof(Codes));
	codes->next = fs->codes;
	codes->file = file;
	codes->protocol = protocol;
	codes->category_map = resolve(codes, CATEGORY, &fs->category, &codes->category);
	codes->originator_map = resolve(codes, PARTY, &fs->originator, &codes->originator);
	codes->subject_category_map = resolve(codes, SUBJECT, &fs->subject_category,
										  &codes->subject_category);
	codes->data = palloc(sizeof(int) * (fs->ndata + 1));
	for (int i = 0; i < fs->ndata; i++)
		codes->data[i] = code_of(codes, CATEGORY, fs->data[i].category);
	MemoryContextSwitchTo(old);
	fs->codes = codes;
	return codes;
}

static char *
value_of(TupleTableSlot *slot, AttrNumber attno)
{
	Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, attno - 1);
	Oid			function;
	bool		varlena;
	bool		isnull;
	Datum		value = slot_getattr(slot, attno, &isnull);

	if (isnull)
		return NULL;
	getTypeOutputInfo(att->atttypid, &function, &varlena);
	return OidOutputFunctionCall(function, value);
}

/*
 * Django writes '' where it has nothing to say; that is no value of personal
 * data, and no code.
 */
bool
casus_rowcodes_has_value(TupleTableSlot *slot, AttrNumber attno)
{
	Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, attno - 1);
	bool		isnull;
	Datum		value = slot_getattr(slot, attno, &isnull);

	if (isnull)
		return false;
	if (att->attlen == -1 && att->atttypid != JSONBOID &&
		TypeCategory(att->atttypid) == TYPCATEGORY_STRING)
		return VARSIZE_ANY_EXHDR(PG_DETOAST_DATUM_PACKED(value)) > 0;
	return true;
}

/* -1: no match; -2: neither constant nor column, or the column is empty. */
static int
code_in_row(Codes *codes, Vocabulary vocabulary, const CasusCoded *coded,
			int constant, const int *map, TupleTableSlot *slot)
{
	char	   *value;

	if (coded->attno == 0)
		return constant;
	if (!casus_rowcodes_has_value(slot, coded->attno))
		return -2;
	value = value_of(slot, coded->attno);
	if (!coded->mapped)
		return code_of(codes, vocabulary, value);
	for (int i = 0; i < coded->nmap; i++)
	{
		if (strcmp(coded->map[i].from, value) == 0)
			return map[i];
	}
	return -1;
}

/*
 * Where protect was not told a category: that of the parent's row, else the
 * first of the protocol that is about no person at all, else about none or any.
 */
static int
default_category(const CasusProtocol *protocol, const CasusLabel *parent)
{
	int			any = -1;

	if (parent != NULL)
		return parent->category;
	for (int i = 0; i < protocol->ncategories; i++)
	{
		if (protocol->category[i] == NULL)
			continue;
		if (protocol->category_subjects[i] == 1)
			return i;
		if (any < 0 && (protocol->category_subjects[i] & 1) != 0)
			any = i;
	}
	return Max(any, 0);
}

static const char *
no_match(const CasusCoded *coded, TupleTableSlot *slot, const char *what)
{
	/* The value is the caller's own, yet a message holds no data. */
	if (coded->attno != 0)
		return psprintf(_("the value in column \"%s\" names no %s of the protocol"),
						NameStr(TupleDescAttr(slot->tts_tupleDescriptor,
											  coded->attno - 1)->attname), what);
	return psprintf(_("the %s in the settings of the table is not known any more"), what);
}

static const char *
subject_words(const CasusProtocol *protocol, int code)
{
	if (code == 0 || code >= protocol->nsubject_categories ||
		protocol->subject_category[code] == NULL)
		return "a row that names no category of data subjects";
	return psprintf("data subjects of category \"%s\"", protocol->subject_category[code]);
}

/*
 * Fills party, category and subject category of a new label. party stays as
 * it is where the row names no originator. Returns NULL, or why not; then
 * *article is that of the rule, or NULL.
 */
const char *
casus_rowcodes_apply(const CasusSettings *settings, CasusFileSettings *fs,
					 int32 file, const CasusProtocol *protocol,
					 TupleTableSlot *slot, const CasusLabel *parent,
					 CasusLabel *label, const char **article)
{
	Codes	   *codes = codes_for(settings, fs, file, protocol->id);
	int			code;

	*article = NULL;
	code = code_in_row(codes, SUBJECT, &fs->subject_category,
					   codes->subject_category, codes->subject_category_map, slot);
	if (code == -1)
		return no_match(&fs->subject_category, slot, "category of data subjects");
	label->subject_category = code >= 0 ? code :
		parent != NULL && fs->subject_category.attno == 0 ? parent->subject_category : 0;

	code = code_in_row(codes, CATEGORY, &fs->category, codes->category,
					   codes->category_map, slot);
	if (code == -1 || (code == -2 && fs->category.attno != 0))
		return no_match(&fs->category, slot, "category");
	label->category = code >= 0 ? code : default_category(protocol, parent);

	code = code_in_row(codes, PARTY, &fs->originator, codes->originator,
					   codes->originator_map, slot);
	if (code == -1)
		return no_match(&fs->originator, slot, "party");
	if (code >= 0)
		label->party = code;

	if ((protocol->category_subjects[label->category] &
		 (UINT64CONST(1) << label->subject_category)) == 0)
	{
		*article = protocol->category_article[label->category];
		return psprintf("Data of category \"%s\" may not be kept about %s.",
						protocol->category[label->category],
						subject_words(protocol, label->subject_category));
	}
	for (int i = 0; i < fs->ndata; i++)
	{
		int			category = codes->data[i];

		if (!casus_rowcodes_has_value(slot, fs->data[i].attno))
			continue;
		if (category < 0)
			return psprintf("The category \"%s\" of a column is not known any more.",
							fs->data[i].category);
		if (protocol->category_subjects[category] &
			(UINT64CONST(1) << label->subject_category))
			continue;
		*article = protocol->category_article[category];
		return psprintf("Column \"%s\" holds data of category \"%s\", which may not be kept about %s.",
						NameStr(TupleDescAttr(slot->tts_tupleDescriptor,
											  fs->data[i].attno - 1)->attname),
						protocol->category[category],
						subject_words(protocol, label->subject_category));
	}
	return NULL;
}
