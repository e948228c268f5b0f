/*
 * takeopen.c
 *		Dossiers for rows that are there already, many at a time.
 *
 * One statement inserts the dossiers and one their acts: each change of the
 * state tables makes every session forget what it knows of them, so that one
 * statement per dossier would cost as much as all look-ups together.
 *
 * Keeps nothing.  Whoever calls holds the rows, locked.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "relation.h"
#include "term.h"

#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

struct CasusOpener
{
	ExprContext *econtext;
	ExprState  *phase;			/* each NULL: not given */
	ExprState  *opened;
	ExprState  *closed;
	int32		protocol;		/* of which the default phases are known; 0: none */
	int			start[2];		/* for a dossier that is open, for one that is closed */
};

/* ---- what a row says of its dossier ---- */

static ExprState *
prepare(Relation rel, const char *text, Oid type, const char *what)
{
	Node	   *expr;

	if (text == NULL)
		return NULL;
	expr = casus_governs_parse(rel, text, casus_registry_settings_uses(rel), type, what);
	return ExecInitExpr((Expr *) expression_planner((Expr *) expr), NULL);
}

/* In the current memory context, for as long as that lives. */
CasusOpener *
casus_takeopen_prepare(Relation rel, const char *phase, const char *opened, const char *closed)
{
	CasusOpener *opener = palloc0(sizeof(CasusOpener));

	opener->econtext = CreateStandaloneExprContext();
	opener->phase = prepare(rel, phase, TEXTOID, "phase");
	opener->opened = prepare(rel, opened, TIMESTAMPTZOID, "opened");
	opener->closed = prepare(rel, closed, TIMESTAMPTZOID, "closed");
	return opener;
}

static Datum
evaluate(CasusOpener *opener, ExprState *state, bool *isnull)
{
	*isnull = true;
	if (state == NULL)
		return (Datum) 0;
	return ExecEvalExprSwitchContext(state, opener->econtext, isnull);
}

/* The protocol's own first or closing phase, -1: it has none. The same for all rows. */
static int
default_phase(CasusOpener *opener, const CasusProtocol *protocol, bool is_closed)
{
	CasusQuery	query;

	if (opener->protocol != protocol->id)
	{
		opener->protocol = protocol->id;
		casus_query_begin(&query);
		casus_query_int(&query, protocol->id);
		casus_query_read(&query,
						 "SELECT coalesce(pg_catalog.min(code) FILTER (WHERE is_initial), -1), "
						 "coalesce(pg_catalog.min(code) FILTER (WHERE is_closing), -1) "
						 "FROM casus_cat.phase WHERE protocol = $1");
		opener->start[false] = (int) casus_query_get_int(&query, 0, 1);
		opener->start[true] = (int) casus_query_get_int(&query, 0, 2);
		casus_query_end(&query);
	}
	return opener->start[is_closed];
}

/* -1: no phase of the protocol. */
static int
find_phase(CasusOpener *opener, const CasusProtocol *protocol, bool is_closed)
{
	bool		isnull;
	Datum		value = evaluate(opener, opener->phase, &isnull);

	if (!isnull)
		return casus_protocol_phase(protocol, TextDatumGetCString(value));
	if (opener->phase != NULL)
		return -1;
	return default_phase(opener, protocol, is_closed);
}

/* Fills in all but number and key; returns NULL, or why the row has no dossier. */
const char *
casus_takeopen_judge(CasusOpener *opener, int32 file, const CasusProtocol *protocol,
					 TupleTableSlot *slot, CasusNewDossier *dossier)
{
	bool		no_end;
	bool		no_start;

	memset(dossier, 0, sizeof(CasusNewDossier));
	dossier->file = file;
	opener->econtext->ecxt_scantuple = slot;
	dossier->closed = DatumGetTimestampTz(evaluate(opener, opener->closed, &no_end));
	dossier->opened = DatumGetTimestampTz(evaluate(opener, opener->opened, &no_start));
	dossier->phase = find_phase(opener, protocol, !no_end);
	ResetExprContext(opener->econtext);
	if (dossier->phase < 0)
		return "phase names no phase of the protocol";
	dossier->is_closed = (protocol->terminal & (UINT64CONST(1) << dossier->phase)) != 0;
	if (dossier->is_closed && no_end)
		return "the dossier is in a phase that ends it, and has no closing date";
	if (no_start)
		dossier->opened = dossier->is_closed ? dossier->closed : GetCurrentTimestamp();
	return NULL;
}

/* ---- the dossiers ---- */

/* A column of the dossiers to be, as an array. */
typedef struct Column
{
	Datum	   *values;
	bool	   *nulls;
} Column;

static Column
make_column(int n)
{
	Column		column;

	column.values = palloc0(n * sizeof(Datum));
	column.nulls = palloc0(n * sizeof(bool));
	return column;
}

static void
bind_column(CasusQuery *query, const Column *column, int n, Oid array, Oid type, int16 len,
			bool by_value, char align)
{
	int			bound = 1;

	casus_query_arg(query, array,
					PointerGetDatum(construct_md_array(column->values, column->nulls, 1, &n,
													   &bound, type, len, by_value, align)),
					false);
}

static void
insert(Oid relid, CasusNewDossier *const *dossiers, int n)
{
	Column		id = make_column(n);
	Column		file = make_column(n);
	Column		phase = make_column(n);
	Column		opened = make_column(n);
	Column		closed = make_column(n);
	Column		clock = make_column(n);
	Column		key = make_column(n);
	CasusQuery	query;

	for (int i = 0; i < n; i++)
	{
		const CasusNewDossier *one = dossiers[i];

		id.values[i] = Int64GetDatum(one->dossier);
		file.values[i] = Int32GetDatum(one->file);
		phase.values[i] = Int16GetDatum((int16) one->phase);
		opened.values[i] = TimestampTzGetDatum(one->opened);
		key.values[i] = CStringGetTextDatum(one->key);
		closed.nulls[i] = clock.nulls[i] = !one->is_closed;
		if (!one->is_closed)
			continue;
		closed.values[i] = TimestampTzGetDatum(one->closed);
		clock.values[i] = DateADTGetDatum(casus_clock_date(one->closed));
	}
	casus_query_begin(&query);
	casus_query_text(&query, casus_relation_ddl_name(relid));
	bind_column(&query, &id, n, INT8ARRAYOID, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	bind_column(&query, &file, n, INT4ARRAYOID, INT4OID, 4, true, TYPALIGN_INT);
	bind_column(&query, &phase, n, INT2ARRAYOID, INT2OID, 2, true, TYPALIGN_SHORT);
	bind_column(&query, &opened, n, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL,
				TYPALIGN_DOUBLE);
	bind_column(&query, &closed, n, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL,
				TYPALIGN_DOUBLE);
	bind_column(&query, &clock, n, DATEARRAYOID, DATEOID, 4, true, TYPALIGN_INT);
	bind_column(&query, &key, n, TEXTARRAYOID, TEXTOID, -1, false, TYPALIGN_INT);
	casus_query_run(&query,
					"INSERT INTO casus_cat.dossier (id, file, phase, phase_since, clock, opened_at, "
					"closed_at, is_taken_in, root_relation, root_key) "
					"SELECT d.id, d.file, d.phase, coalesce(d.closed, d.opened), d.clock, d.opened, "
					"d.closed, true, $1, d.key FROM ROWS FROM (pg_catalog.unnest($2), "
					"pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), "
					"pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8)) "
					"AS d(id, file, phase, opened, closed, clock, key)");
	if (query.nrows != n)
		elog(ERROR, "%d dossiers to open, and " UINT64_FORMAT " are", n, query.nrows);
	casus_query_end(&query);
}

/*
 * Gives each its number and opens them, for rows of one table.  The caller's
 * memory context is reset soon: what is made here is left in it.
 */
void
casus_takeopen(Oid relid, CasusNewDossier *const *dossiers, int n)
{
	Oid			sequence = casus_index_oid("id_seq");
	int64	   *ids = palloc(n * sizeof(int64));
	int32	   *files = palloc(n * sizeof(int32));

	for (int i = 0; i < n; i++)
	{
		dossiers[i]->dossier = nextval_internal(sequence, false);
		ids[i] = dossiers[i]->dossier;
		files[i] = dossiers[i]->file;
	}
	insert(relid, dossiers, n);
	casus_act_record_taken_in(n, ids, files);
}
