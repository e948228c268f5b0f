/*
 * query.c
 *		One statement on the state tables: its arguments, its run, its rows.
 *
 * The acts are cold paths: they say what they do in SQL, always with
 * parameters, never with values pasted into the text.  This file is the thin
 * layer over casus_spi() that lets them do so without five arrays each.  It
 * holds no state of its own and takes no lock.
 *
 * Between casus_query_begin() and casus_query_end() memory comes from SPI and
 * goes with it; what the getters return survives the end.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "state.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

void
casus_query_begin(CasusQuery *query)
{
	memset(query, 0, sizeof(CasusQuery));
	casus_spi_begin();
}

void
casus_query_end(CasusQuery *query)
{
	casus_spi_end();
	query->rows = NULL;
	query->nrows = 0;
}

/* ---- arguments, in the order of $1, $2 ... ---- */

void
casus_query_arg(CasusQuery *query, Oid type, Datum value, bool isnull)
{
	Assert(query->nargs < CASUS_QUERY_MAX_ARGS);
	query->types[query->nargs] = type;
	query->values[query->nargs] = isnull ? (Datum) 0 : value;
	query->nulls[query->nargs] = isnull ? 'n' : ' ';
	query->nargs++;
}

void
casus_query_text(CasusQuery *query, const char *value)
{
	casus_query_arg(query, TEXTOID,
					value ? CStringGetTextDatum(value) : (Datum) 0,
					value == NULL);
}

void
casus_query_int(CasusQuery *query, int32 value)
{
	casus_query_arg(query, INT4OID, Int32GetDatum(value), false);
}

void
casus_query_int64(CasusQuery *query, int64 value)
{
	casus_query_arg(query, INT8OID, Int64GetDatum(value), false);
}

/* A code where the column uses NULL for none. */
void
casus_query_code(CasusQuery *query, int value, bool isnull)
{
	casus_query_arg(query, INT2OID, Int16GetDatum((int16) value), isnull);
}

void
casus_query_bool(CasusQuery *query, bool value)
{
	casus_query_arg(query, BOOLOID, BoolGetDatum(value), false);
}

void
casus_query_jsonb(CasusQuery *query, Jsonb *value)
{
	casus_query_arg(query, JSONBOID,
					value ? JsonbPGetDatum(value) : (Datum) 0, value == NULL);
}

/* ---- the run ---- */

static void
run(CasusQuery *query, const char *sql, bool read_only)
{
	casus_spi(sql, query->nargs, query->types, query->values, query->nulls,
			  read_only, 0);
	query->rows = SPI_tuptable;
	query->nrows = SPI_processed;
	query->nargs = 0;
}

/*
 * A statement that changes or locks rows, with the arguments given since the
 * last run.  It finds them as of now; in REPEATABLE READ it fails where it would
 * change, or refer to, what the transaction's snapshot does not show.
 */
void
casus_query_run(CasusQuery *query, const char *sql)
{
	PG_TRY();
	{
		run(query, sql, false);
	}
	PG_CATCH();
	{
		/* What a row refers to was there when it was looked up: it is younger than the snapshot. */
		if (IsolationUsesXactSnapshot() && geterrcode() == ERRCODE_FOREIGN_KEY_VIOLATION)
		{
			FlushErrorState();
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update")));
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* One that reads: it sees the newest commits, in REPEATABLE READ as well. */
void
casus_query_read(CasusQuery *query, const char *sql)
{
	run(query, sql, true);
}

/* ---- rows ---- */

Datum
casus_query_get(CasusQuery *query, uint64 row, int column, bool *isnull)
{
	if (query->rows == NULL || row >= query->nrows)
	{
		*isnull = true;
		return (Datum) 0;
	}
	return SPI_getbinval(query->rows->vals[row], query->rows->tupdesc, column,
						 isnull);
}

bool
casus_query_isnull(CasusQuery *query, uint64 row, int column)
{
	bool		isnull;

	(void) casus_query_get(query, row, column, &isnull);
	return isnull;
}

/* The value as text in the context of the caller of casus_query_begin(), or NULL. */
char *
casus_query_get_text(CasusQuery *query, uint64 row, int column)
{
	char	   *value;
	char	   *copy;

	if (query->rows == NULL || row >= query->nrows)
		return NULL;
	value = SPI_getvalue(query->rows->vals[row], query->rows->tupdesc, column);
	if (value == NULL)
		return NULL;
	copy = SPI_palloc(strlen(value) + 1);
	strcpy(copy, value);
	return copy;
}

/* The integer of whatever width, 0 for NULL. */
int64
casus_query_get_int(CasusQuery *query, uint64 row, int column)
{
	bool		isnull;
	Datum		value = casus_query_get(query, row, column, &isnull);

	if (isnull)
		return 0;
	switch (SPI_gettypeid(query->rows->tupdesc, column))
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

bool
casus_query_get_bool(CasusQuery *query, uint64 row, int column)
{
	bool		isnull;
	Datum		value = casus_query_get(query, row, column, &isnull);

	return !isnull && DatumGetBool(value);
}
