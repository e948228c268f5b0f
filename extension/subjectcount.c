/*
 * subjectcount.c
 *		How many data subjects stand in dossiers, by table.
 *
 * For a casus_auditor alone.  A subject leaves as a number that is another one
 * in each call and tells nothing of the value.  Read as in subject.c.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "subject.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

/* A dossier of which a table is asked; family: the table at the top. */
typedef struct Asked
{
	Oid			family;
	int32		unused;
	int64		dossier;
} Asked;

typedef struct Count
{
	ReturnSetInfo *result;
	HTAB	   *asked;
	uint64		seed;			/* a number tells nothing of the value, nor of another call */
	MemoryContext per_row;
} Count;

static bool
is_asked(Count *count, Oid family, int64 dossier, HASHACTION action)
{
	Asked		key = {0};
	bool		known;

	key.family = family;
	key.dossier = dossier;
	(void) hash_search(count->asked, &key, action, &known);
	return known;
}

/* subject NULL: such a table has been asked of such a dossier. */
static void
return_count(Count *count, int64 dossier, const char *relation, const uint64 *subject)
{
	Datum		values[3] = {Int64GetDatum(dossier), CStringGetTextDatum(relation), (Datum) 0};
	bool		nulls[3] = {false, false, subject == NULL};

	if (subject != NULL)
		values[2] = Int64GetDatum((int64) *subject);
	tuplestore_putvalues(count->result->setResult, count->result->setDesc, values, nulls);
}

/* The same for the same text, whatever the type of the column. */
static uint64
number_of(const Count *count, FmgrInfo *output, Datum value)
{
	char	   *text = OutputFunctionCall(output, value);
	int			length = strlen(text);

	while (length > 0 && text[length - 1] == ' ')
		length--;
	return hash_bytes_extended((unsigned char *) text, length, count->seed);
}

static void
count_column(Count *count, const CasusSubjectStore *store, const char *name, AttrNumber attno)
{
	Relation	rel = table_open(store->prot->relid, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	FmgrInfo	output;
	Oid			function;
	bool		varlena;
	HeapTuple	tuple;

	getTypeOutputInfo(TupleDescAttr(RelationGetDescr(rel), attno - 1)->atttypid,
					  &function, &varlena);
	fmgr_info(function, &output);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(count->per_row);
		int64		own;
		int64	   *others;
		int			n = casus_subject_dossiers(store, rel, tuple, &own, &others);
		bool		isnull;
		Datum		value = heap_getattr(tuple, attno, RelationGetDescr(rel), &isnull);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n && !isnull; i++)
		{
			int64		dossier = i == 0 ? own : others[i - 1];
			uint64		number;

			if (!is_asked(count, store->prot->family, dossier, HASH_FIND) ||
				!casus_subject_is_meant(store, attno, own))
				continue;
			number = number_of(count, &output, value);
			return_count(count, dossier, name, &number);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(count->per_row);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* As the log writes it. */
static char *
log_name(Oid relid)
{
	return psprintf("%s.%s", get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

/* A table by the name that the log has of it: 0 where no such table names subjects. */
static Oid
family_of(const char *name, List *tables)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		CasusSubjectStore store;

		if (strcmp(log_name(lfirst_oid(lc)), name) == 0)
			return casus_subject_store(lfirst_oid(lc), &store) ? store.prot->family : InvalidOid;
	}
	return InvalidOid;
}

/* What is asked: pairs of a dossier and a table, as the log names it. */
static void
read_asked(Count *count, ArrayType *dossiers, ArrayType *relations, List *tables)
{
	Datum	   *ids;
	Datum	   *names;
	bool	   *id_nulls;
	bool	   *name_nulls;
	int			n;
	int			nnames;
	char	   *last = NULL;
	Oid			family = InvalidOid;

	deconstruct_array(dossiers, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &ids, &id_nulls, &n);
	deconstruct_array(relations, TEXTOID, -1, false, TYPALIGN_INT, &names, &name_nulls, &nnames);
	if (n != nnames)
		elog(ERROR, "a dossier and a table are asked for together");
	for (int i = 0; i < n; i++)
	{
		char	   *name;

		if (id_nulls[i] || name_nulls[i])
			continue;
		/* They come in the order of the tables. */
		name = TextDatumGetCString(names[i]);
		if (last == NULL || strcmp(name, last) != 0)
			family = family_of(name, tables);
		last = name;
		if (OidIsValid(family) && !is_asked(count, family, DatumGetInt64(ids[i]), HASH_ENTER))
			return_count(count, DatumGetInt64(ids[i]), log_name(family), NULL);
	}
}

/*
 * casus_int.subjects_in(dossiers, relations) returns (dossier, relation, subject): for
 * each pair whose table names subjects a row without one, and a row with a
 * number for each of its rows.  Nothing for who is no auditor.
 */
PG_FUNCTION_INFO_V1(casus_sql_subjects_in);

Datum
casus_sql_subjects_in(PG_FUNCTION_ARGS)
{
	Count		count = {0};
	List	   *tables;
	List	   *families = NIL;
	HASH_SEQ_STATUS status;
	Asked	   *asked;
	ListCell   *lc;

	casus_require_preloaded();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (!casus_is_auditor(casus_context_actor().role) || PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	count.result = (ReturnSetInfo *) fcinfo->resultinfo;
	count.asked = casus_subject_set(sizeof(Asked));
	count.per_row = AllocSetContextCreate(CurrentMemoryContext, "casus subject row",
										  ALLOCSET_SMALL_SIZES);
	if (!pg_strong_random(&count.seed, sizeof(count.seed)))
		elog(ERROR, "no random number could be had");
	tables = casus_registry_tables();
	read_asked(&count, PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1), tables);
	hash_seq_init(&status, count.asked);
	while ((asked = hash_seq_search(&status)) != NULL)
		families = list_append_unique_oid(families, asked->family);
	foreach(lc, tables)
	{
		CasusSubjectStore store;

		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_RELATION ||
			!casus_subject_store(lfirst_oid(lc), &store) ||
			!list_member_oid(families, store.prot->family))
			continue;
		for (int i = 0; i < store.n; i++)
			count_column(&count, &store, log_name(store.prot->family), store.attnos[i]);
	}
	hash_destroy(count.asked);
	MemoryContextDelete(count.per_row);
	return (Datum) 0;
}
