/*
 * subject.c
 *		Data subjects: the column that says whom a row is about, and in which
 *		dossiers somebody stands now.
 *
 * The log knows dossiers only; a subject is found by the rows that are there
 * when the question is asked.  They are read past row security and every
 * verdict: only for a casus_auditor, after the question is on record, and what
 * comes back is dossiers, no value of a row.  Values are compared by the
 * default operator of the column's own type, looked up by type and never by
 * name, and only where that is C code.
 *
 * Each look is as of now, newest commits included.  Locks: ACCESS SHARE on the
 * tables read.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "subject.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

/* ---- the column ---- */

/* Is the function C code, so that no user wrote what it does? */
static bool
is_native(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			language = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
		ReleaseSysCache(tuple);
	}
	return language == INTERNALlanguageId || language == ClanguageId;
}

/*
 * The type in which a subject is compared: a domain's base, without the checks
 * that somebody may have written for it.  NULL: such a column names nobody.
 */
static TypeCacheEntry *
comparable(Oid type)
{
	Oid			base = getBaseType(type);
	char		kind = get_typtype(base);
	TypeCacheEntry *entry;

	/* What is made of other types compares by their operators. */
	if ((kind != TYPTYPE_BASE && kind != TYPTYPE_ENUM) || OidIsValid(get_element_type(base)))
		return NULL;
	entry = lookup_type_cache(base, TYPECACHE_EQ_OPR | TYPECACHE_BTREE_OPFAMILY);
	if (!OidIsValid(entry->eq_opr) || !is_native(get_opcode(entry->eq_opr)))
		return NULL;
	return entry;
}

/* What protect asks of subject_column. */
void
casus_subject_check(Relation rel, AttrNumber attno)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attno - 1);

	if (comparable(att->atttypid) == NULL)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  psprintf("column \"%s\" cannot name a data subject: it is of type %s",
								   NameStr(att->attname), format_type_be(att->atttypid)),
						  "Subjects are found by \"=\" of a type such as text, integer or uuid.",
						  _("Name a column with the number or name of the person."));
}

/* ---- walking ---- */

/* False: none of its columns names subjects. */
bool
casus_subject_store(Oid relid, CasusSubjectStore *store)
{
	store->prot = casus_registry_find(relid);
	store->settings = NULL;
	if (store->prot != NULL && !store->prot->foreign)
		store->settings = store->prot->settings;
	store->n = 0;
	if (store->settings == NULL)
		return false;
	store->attnos = palloc(sizeof(AttrNumber) * (store->settings->nfiles + 1));
	for (int i = 0; i < store->settings->nfiles; i++)
	{
		AttrNumber	attno = store->settings->files[i].subject_attno;
		bool		known = attno == InvalidAttrNumber;

		for (int k = 0; k < store->n; k++)
			known |= store->attnos[k] == attno;
		if (!known)
			store->attnos[store->n++] = attno;
	}
	return store->n > 0;
}

/* Is this the column that names subjects in the file of the dossier? */
bool
casus_subject_is_meant(const CasusSubjectStore *store, AttrNumber attno, int64 dossier)
{
	CasusDossier state;
	bool		same = true;

	for (int i = 0; i < store->settings->nfiles; i++)
		same &= store->settings->files[i].subject_attno == attno;
	if (same)
		return true;
	if (!casus_dossier_load(dossier, &state))
		return false;
	for (int i = 0; i < store->settings->nfiles; i++)
	{
		if (store->settings->files[i].id == state.file)
			return store->settings->files[i].subject_attno == attno;
	}
	return false;
}

/* The dossiers of a labelled row: its own, and those that a link table adds; 0: not governed. */
int
casus_subject_dossiers(const CasusSubjectStore *store, Relation rel, HeapTuple tuple,
					   int64 *own, int64 **others)
{
	CasusLabel	label;
	bool		isnull;
	Datum		value = heap_getattr(tuple, store->prot->label_attno, RelationGetDescr(rel),
									 &isnull);

	if (isnull || casus_label_unpack(DatumGetUUIDP(value), &label) != CASUS_LABEL_GOVERNED)
		return 0;
	*own = label.dossier;
	return 1 + (label.linked ? casus_dossier_linked(label.dossier, label.item, others) : 0);
}

/* A set of keys. */
HTAB *
casus_subject_set(Size keysize)
{
	HASHCTL		ctl = {0};

	ctl.keysize = keysize;
	ctl.entrysize = keysize;
	ctl.hcxt = CurrentMemoryContext;
	return hash_create("casus subjects", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* ---- in which dossiers does somebody stand? ---- */

typedef struct Search
{
	char	   *subject;
	ReturnSetInfo *result;
	HTAB	   *found;			/* dossiers that were returned */
	MemoryContext per_row;
	bool		any_column;
	bool		any_type;		/* that takes the value */
	StringInfoData types;		/* that do not */
} Search;

/*
 * The value as one of the type; false: it is none, so that no row has it.  No
 * length or scale is imposed: what would be cut to fit is another value.
 */
static bool
read_value(const char *subject, Oid type, Datum *value)
{
	Oid			input;
	Oid			param;

	getTypeInputInfo(type, &input, &param);
	return casus_input_value(input, subject, param, value);
}

/*
 * A whole btree index that begins with the column and orders by the type's own
 * operators, or InvalidOid.
 */
static Oid
index_for(Relation rel, AttrNumber attno, const TypeCacheEntry *type)
{
	Oid			collation = TupleDescAttr(RelationGetDescr(rel), attno - 1)->attcollation;
	Oid			found = InvalidOid;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
			index->rd_index->indkey.values[0] == attno &&
			index->rd_opfamily[0] == type->btree_opf && index->rd_indcollation[0] == collation &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
			found = RelationGetRelid(index);
		index_close(index, AccessShareLock);
		if (OidIsValid(found))
			break;
	}
	return found;
}

static void
return_dossier(Search *search, int64 dossier)
{
	Datum		value = Int64GetDatum(dossier);
	bool		isnull = false;
	bool		known;

	(void) hash_search(search->found, &dossier, HASH_ENTER, &known);
	if (!known)
		tuplestore_putvalues(search->result->setResult, search->result->setDesc, &value, &isnull);
}

static void
search_column(Search *search, const CasusSubjectStore *store, Relation rel, AttrNumber attno,
			  const TypeCacheEntry *type, Datum value)
{
	Oid			index = index_for(rel, attno, type);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyEntryInitialize(&key, 0, attno, BTEqualStrategyNumber, InvalidOid,
						   TupleDescAttr(RelationGetDescr(rel), attno - 1)->attcollation,
						   get_opcode(type->eq_opr), value);
	scan = systable_beginscan(rel, index, OidIsValid(index), NULL, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(search->per_row);
		int64		own;
		int64	   *others;
		int			n = casus_subject_dossiers(store, rel, tuple, &own, &others);

		CHECK_FOR_INTERRUPTS();
		if (n > 0 && casus_subject_is_meant(store, attno, own))
		{
			return_dossier(search, own);
			for (int i = 1; i < n; i++)
				return_dossier(search, others[i - 1]);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(search->per_row);
	}
	systable_endscan(scan);
}

static void
search_store(Search *search, const CasusSubjectStore *store)
{
	Relation	rel = table_open(store->prot->relid, AccessShareLock);

	for (int i = 0; i < store->n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), store->attnos[i] - 1);
		TypeCacheEntry *type = comparable(att->atttypid);
		Datum		value;

		/* Its type may have been changed since protect looked at it. */
		if (type == NULL)
			continue;
		search->any_column = true;
		if (!read_value(search->subject, type->type_id, &value))
		{
			if (strstr(search->types.data, format_type_be(type->type_id)) == NULL)
				appendStringInfo(&search->types, "%s%s", search->types.len > 0 ? ", " : "",
								 format_type_be(type->type_id));
			continue;
		}
		search->any_type = true;
		if (rel->rd_rel->relkind == RELKIND_RELATION)
			search_column(search, store, rel, store->attnos[i], type, value);
	}
	table_close(rel, AccessShareLock);
}

/* Any table: who may not ask is not told whether there is one. */
static void
require_auditor(void)
{
	if (!casus_is_auditor(casus_context_actor().role))
		casus_check_refuse(casus_check_protocol(NULL, 0), "wrong_office",
						   _("in which dossiers somebody stands is for members of casus_auditor"),
						   _("a superuser is not one of them by himself"),
						   CASUS_HINT_AUDITORS);
}

/* casus_int.dossiers_about(subject, relation) returns setof bigint; relation NULL: all tables */
PG_FUNCTION_INFO_V1(casus_sql_dossiers_about);

Datum
casus_sql_dossiers_about(PG_FUNCTION_ARGS)
{
	Search		search = {0};
	Oid			table = PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1);
	ListCell   *lc;

	casus_require_preloaded();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	/* Who asks after somebody is on record, also when refused; after whom is not. */
	casus_accesslog_event("read", InvalidOid, 0, "who_saw_subject", NULL);
	require_auditor();
	if (PG_ARGISNULL(0))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL, _("no subject is named"), NULL,
						  _("Pass the value as a parameter, as text."));
	search.subject = text_to_cstring(PG_GETARG_TEXT_PP(0));
	search.result = (ReturnSetInfo *) fcinfo->resultinfo;
	search.found = casus_subject_set(sizeof(int64));
	search.per_row = AllocSetContextCreate(CurrentMemoryContext, "casus subject row",
										   ALLOCSET_SMALL_SIZES);
	initStringInfo(&search.types);
	foreach(lc, casus_registry_tables())
	{
		CasusSubjectStore store;

		if ((!OidIsValid(table) || casus_registry_is_of(lfirst_oid(lc), table)) &&
			casus_subject_store(lfirst_oid(lc), &store))
			search_store(&search, &store);
	}
	if (!search.any_column)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  OidIsValid(table) ? _("the table says of no row which data subject it is about") :
						  _("no protected table says which data subject a row is about"), NULL,
						  _("Ask a casus_admin who owns the table for casus.set_subject_column."));
	if (!search.any_type)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  psprintf(_("the subject is no value of type %s"), search.types.data),
						  _("Subjects stand in columns of that type."),
						  _("Give it as it stands in those columns."));
	hash_destroy(search.found);
	MemoryContextDelete(search.per_row);
	return (Datum) 0;
}
