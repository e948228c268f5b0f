/*
 * scan.c
 *		Reading state rows as of now, outside SPI: for the hot paths.
 *
 * A catalog-style scan without snapshot sees the newest commit and the
 * transaction's own changes, also in REPEATABLE READ and in parallel workers,
 * and meets neither guard nor row security.  Callers must not keep a row past
 * casus_scan_end().
 *
 * Copyright (c) 2026, the casus developers
 */
#include "state.h"

#include "access/genam.h"
#include "access/table.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* All rows of a table. */
void
casus_scan_all(CasusScan *scan, CasusTable table)
{
	scan->rel = table_open(casus_table_oid(table), AccessShareLock);
	scan->scan = systable_beginscan(scan->rel, InvalidOid, false, NULL, 0, NULL);
	scan->tuple = NULL;
}

/* The rows with a value in the (first) column of an index. */
void
casus_scan_key(CasusScan *scan, CasusTable table, Oid index, AttrNumber attno,
			   RegProcedure equal, Datum value)
{
	ScanKeyData key;

	ScanKeyInit(&key, attno, BTEqualStrategyNumber, equal, value);
	scan->rel = table_open(casus_table_oid(table), AccessShareLock);
	scan->scan = systable_beginscan(scan->rel, index, true, NULL, 1, &key);
	scan->tuple = NULL;
}

bool
casus_scan_next(CasusScan *scan)
{
	scan->tuple = systable_getnext(scan->scan);
	return HeapTupleIsValid(scan->tuple);
}

Datum
casus_scan_get(CasusScan *scan, AttrNumber attno, bool *isnull)
{
	return heap_getattr(scan->tuple, attno, RelationGetDescr(scan->rel), isnull);
}

int64
casus_scan_int(CasusScan *scan, AttrNumber attno, int64 if_null)
{
	bool		isnull;
	Datum		value = casus_scan_get(scan, attno, &isnull);

	if (isnull)
		return if_null;
	switch (TupleDescAttr(RelationGetDescr(scan->rel), attno - 1)->attlen)
	{
		case 2:
			return DatumGetInt16(value);
		case 4:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

/*
 * Is now within [starts, ends)?  *until is lowered to the moment when the
 * answer changes by itself.
 */
bool
casus_scan_period(CasusScan *scan, AttrNumber starts_attno, TimestampTz now,
				  TimestampTz *until)
{
	bool		isnull;
	TimestampTz starts = casus_scan_int(scan, starts_attno, DT_NOBEGIN);
	TimestampTz ends = DatumGetTimestampTz(casus_scan_get(scan, starts_attno + 1, &isnull));

	if (isnull)
		ends = DT_NOEND;
	if (now >= ends)
		return false;
	if (now < starts)
	{
		*until = Min(*until, starts);
		return false;
	}
	*until = Min(*until, ends);
	return true;
}

void
casus_scan_end(CasusScan *scan)
{
	systable_endscan(scan->scan);
	table_close(scan->rel, AccessShareLock);
}
