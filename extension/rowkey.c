/*
 * rowkey.c
 *		The dossier of a row by its primary key, for who must open a dossier
 *		beside the rules and so cannot see the row.
 *
 * The row is read past row security and every verdict; the caller of this file
 * has put the attempt on record before, and does not tell a row that is not
 * there from one outside the protocol.  Locks: ACCESS SHARE on the tables read.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "relation.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "compat.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* The one column of the primary key and its operator for "=", as a scan key. */
static void
prepare_key(Relation rel, const char *text, ScanKey key)
{
	Oid			pkey = casus_compat_primary_key(rel);
	Relation	index;
	Form_pg_attribute att;
	AttrNumber	attno;
	Oid			equal;
	Oid			input;
	Oid			param;

	if (!OidIsValid(pkey))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the table has no primary key"), NULL,
						  _("Its owner adds one, in a window of casus.maintenance()."));
	index = index_open(pkey, AccessShareLock);
	if (index->rd_index->indnkeyatts != 1)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the primary key has several columns"), NULL,
						  "Name the row of a table above it that has one column, or the dossier.");
	attno = index->rd_index->indkey.values[0];
	att = TupleDescAttr(RelationGetDescr(rel), attno - 1);
	equal = get_opfamily_member(index->rd_opfamily[0], index->rd_opcintype[0],
								index->rd_opcintype[0], BTEqualStrategyNumber);
	getTypeInputInfo(att->atttypid, &input, &param);
	ScanKeyEntryInitialize(key, 0, attno, BTEqualStrategyNumber, InvalidOid,
						   index->rd_indcollation[0], get_opcode(equal),
						   OidInputFunctionCall(input, unconstify(char *, text),
												param, att->atttypmod));
	index_close(index, AccessShareLock);
}

/* In a table, or a part of one, whose columns may stand elsewhere. 0: none. */
static int64
find_in_store(Relation named, Oid store, const ScanKeyData *key)
{
	Relation	rel = table_open(store, AccessShareLock);
	Oid			pkey = casus_compat_primary_key(rel);
	AttrNumber	label_attno = get_attnum(store, CASUS_LABEL_COLUMN);
	ScanKeyData own = *key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int64		dossier = 0;

	own.sk_attno = get_attnum(store, get_attname(RelationGetRelid(named), key->sk_attno, false));
	scan = systable_beginscan(rel, pkey, OidIsValid(pkey), NULL, 1, &own);
	while (dossier == 0 && label_attno != InvalidAttrNumber &&
		   (tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, label_attno, RelationGetDescr(rel), &isnull);
		CasusLabel	label;

		if (!isnull && casus_label_unpack(DatumGetUUIDP(value), &label) == CASUS_LABEL_GOVERNED)
			dossier = label.dossier;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return dossier;
}

/* 0: there is no such row, or it is outside the protocol. */
int64
casus_rowkey_dossier(Oid relid, const char *text)
{
	Relation	named = table_open(relid, AccessShareLock);
	ScanKeyData key;
	ListCell   *lc;
	int64		dossier = 0;

	prepare_key(named, text, &key);
	foreach(lc, casus_family_stores(relid))
	{
		dossier = find_in_store(named, lfirst_oid(lc), &key);
		if (dossier != 0)
			break;
	}
	table_close(named, AccessShareLock);
	return dossier;
}
