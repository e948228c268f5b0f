/*
 * takein.c
 *		CALL casus.take_in(): labels for the rows that are there already.
 *
 * Reads the table in order of its blocks and gives labels in batches, each in
 * a transaction of its own.  A row is locked in its newest version before it
 * is looked at, so that a writer meanwhile (in mode observe) is not overrun.
 * What has a label is skipped: that makes it repeatable and resumable.  SHARE
 * UPDATE EXCLUSIVE keeps a second take_in of the same table away.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "protect.h"
#include "term.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(casus_sql_take_in);

/* Why rows stay without a label, and how many. */
typedef struct Finding
{
	char	   *text;
	int64		n;
} Finding;

/* The run as a whole; in a context that outlives the transactions. */
typedef struct Run
{
	MemoryContext cxt;
	Oid			relid;
	int			batch_size;
	char	   *phase;			/* expressions as given, or NULL */
	char	   *opened;
	char	   *closed;
	ItemPointerData next;		/* where the next batch begins */
	int64		labelled;
	int64		outside;
	bool		has_begun;
	bool		is_early;		/* a table that comes first is not taken in yet */
	List	   *findings;
} Run;

/* What one batch needs: gone with its transaction. */
typedef struct Batch
{
	Run		   *run;
	Relation	rel;
	CasusRow	row;
	ExprContext *econtext;
	ExprState  *phase;
	ExprState  *opened;
	ExprState  *closed;
} Batch;

static void
find_fault(Run *run, const char *text)
{
	MemoryContext old = MemoryContextSwitchTo(run->cxt);
	Finding    *finding = NULL;
	ListCell   *lc;

	foreach(lc, run->findings)
	{
		if (strcmp(((Finding *) lfirst(lc))->text, text) == 0)
			finding = lfirst(lc);
	}
	if (finding == NULL)
	{
		finding = palloc0(sizeof(Finding));
		finding->text = pstrdup(text);
		run->findings = lappend(run->findings, finding);
	}
	finding->n++;
	MemoryContextSwitchTo(old);
}

/* ---- opening dossiers ---- */

static ExprState *
prepare(Batch *batch, const char *text, Oid type, const char *what)
{
	Node	   *expr;

	if (text == NULL)
		return NULL;
	expr = casus_governs_parse(batch->rel, text,
							   casus_registry_settings_uses(batch->rel), type, what);
	return ExecInitExpr((Expr *) expression_planner((Expr *) expr), NULL);
}

static Datum
evaluate(Batch *batch, ExprState *state, bool *isnull)
{
	*isnull = true;
	if (state == NULL)
		return (Datum) 0;
	batch->econtext->ecxt_scantuple = batch->row.slot;
	return ExecEvalExprSwitchContext(state, batch->econtext, isnull);
}

/* The phase the row says, or the protocol's own first or closing one. -1: unknown. */
static int
find_start(Batch *batch, const CasusProtocol *protocol, bool is_closed)
{
	CasusQuery	query;
	bool		isnull;
	Datum		value = evaluate(batch, batch->phase, &isnull);
	int			phase = -1;

	if (!isnull)
		return casus_protocol_phase(protocol, TextDatumGetCString(value));
	if (batch->phase != NULL)
		return -1;
	casus_query_begin(&query);
	casus_query_int(&query, protocol->id);
	casus_query_bool(&query, is_closed);
	casus_query_run(&query, "SELECT code FROM casus_cat.phase WHERE protocol = $1 "
					"AND (is_closing AND $2 OR is_initial AND NOT $2)");
	if (query.nrows > 0)
		phase = (int) casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	return phase;
}

static int64
insert_dossier(int32 file, int phase, TimestampTz opened, bool is_closed, TimestampTz closed)
{
	CasusQuery	query;
	int64		id;

	casus_query_begin(&query);
	casus_query_int(&query, file);
	casus_query_code(&query, phase, false);
	casus_query_arg(&query, TIMESTAMPTZOID, TimestampTzGetDatum(opened), false);
	casus_query_arg(&query, TIMESTAMPTZOID, TimestampTzGetDatum(closed), !is_closed);
	casus_query_arg(&query, DATEOID,
					is_closed ? DateADTGetDatum(casus_clock_date(closed)) : (Datum) 0, !is_closed);
	casus_query_run(&query,
					"INSERT INTO casus_cat.dossier (id, file, phase, phase_since, clock, opened_at, closed_at, is_taken_in) "
					"VALUES (pg_catalog.nextval('casus_cat.id_seq'), $1, $2, coalesce($4, $3), $5, $3, $4, true) RETURNING id");
	id = casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	(void) casus_act_record_setup(file, "taken_in", id, NULL, NULL);
	return id;
}

/* A dossier for a row that is one. 0: a finding. */
static int64
open_taken_in(Batch *batch, const CasusPlace *place)
{
	const CasusProtocol *protocol;
	bool		is_open;
	bool		no_start;
	TimestampTz closed = DatumGetTimestampTz(evaluate(batch, batch->closed, &is_open));
	TimestampTz opened = DatumGetTimestampTz(evaluate(batch, batch->opened, &no_start));
	int			phase;

	protocol = casus_protocol(casus_find_protocol_of(place->fs->id));
	phase = find_start(batch, protocol, !is_open);
	if (phase < 0)
	{
		find_fault(batch->run, "phase names no phase of the protocol");
		return 0;
	}
	if ((protocol->terminal & (UINT64CONST(1) << phase)) != 0 && is_open)
	{
		find_fault(batch->run, "the dossier is in a phase that ends it, and has no closing date");
		return 0;
	}
	if ((protocol->terminal & (UINT64CONST(1) << phase)) == 0)
		is_open = true;
	if (no_start)
		opened = is_open ? GetCurrentTimestamp() : closed;
	return insert_dossier(place->fs->id, phase, opened, !is_open, closed);
}

/* ---- one row ---- */

/* Category and so on, before anything is opened for the row. */
static bool
make_label(Batch *batch, const CasusPlace *place, int32 file, CasusLabel *label)
{
	CasusRow   *row = &batch->row;
	const char *article;
	const char *why;

	memset(label, 0, sizeof(CasusLabel));
	row->protocol = casus_protocol(casus_find_protocol_of(file));
	why = casus_rowcodes_apply(row->settings, place->fs, file, row->protocol, row->slot,
							   place->has_parent ? &place->parent : NULL, label, &article);
	if (why == NULL)
		return true;
	find_fault(batch->run,
			   casus_check_detail(row->protocol, "wrong_category", article, why));
	return false;
}

static bool
take_governed(Batch *batch, const CasusPlace *place, pg_uuid_t *raw)
{
	CasusLabel	label;
	CasusDossier dossier;
	int64		id = place->dossier;

	if (place->kind == CASUS_PLACE_ROOT)
	{
		if (!make_label(batch, place, place->fs->id, &label) ||
			(id = open_taken_in(batch, place)) == 0)
			return false;
		casus_rowverdict_note_root(batch->rel, batch->row.slot, id);
		if (!casus_dossier_load(id, &dossier))
			elog(ERROR, "the dossier just opened is not there");
	}
	else if (!casus_dossier_load(id, &dossier))
	{
		find_fault(batch->run, "there is no dossier of that id");
		return false;
	}
	else if (!make_label(batch, place, dossier.file, &label))
		return false;
	label.dossier = id;
	label.phase = dossier.phase;
	label.item = batch->row.settings->inherit_item && place->has_parent ?
		place->parent.item : casus_next_item();
	label.linked = batch->row.settings->inherit_item && place->has_parent && place->parent.linked;
	casus_label_pack(&label, raw);
	return true;
}

/* The row's new label; false: it keeps what it has. */
static bool
find_label(Batch *batch, CasusLabelKind kind, pg_uuid_t *raw)
{
	CasusPlace	place;

	casus_rowparent_place(batch->row.prot, batch->row.predicates, batch->row.slot, &place);
	switch (place.kind)
	{
		case CASUS_PLACE_OUTSIDE:
			*raw = casus_label_outside;
			return kind != CASUS_LABEL_OUTSIDE;
		case CASUS_PLACE_ROOT:
		case CASUS_PLACE_DOSSIER:
			return take_governed(batch, &place, raw);
		case CASUS_PLACE_NO_KEY:
			find_fault(batch->run, batch->row.settings->resolve_name == NULL ?
					   "the row leads to no dossier: its column is null" :
					   "the function names no dossier for the row, or fails");
			return false;
		case CASUS_PLACE_NO_PARENT:
			find_fault(batch->run, "the parent row is not there");
			return false;
		case CASUS_PLACE_UNLABELLED:
			find_fault(batch->run, "the parent row has no label: take in the parent table first");
			return false;
	}
	return false;
}

static void
take_row(Batch *batch, ItemPointer tid)
{
	CasusRow   *row = &batch->row;
	CasusLabelKind kind = CASUS_LABEL_BROKEN;
	CasusLabel	label;
	pg_uuid_t	raw;
	bool		isnull;
	Datum		value;

	if (!casus_rowlabel_lock(batch->rel, tid, row->slot))
		return;
	value = slot_getattr(row->slot, row->prot->label_attno, &isnull);
	if (!isnull)
		kind = casus_label_unpack(DatumGetUUIDP(value), &label);
	if (kind == CASUS_LABEL_GOVERNED || !find_label(batch, kind, &raw))
		return;
	(void) casus_rowlabel_set(batch->rel, &row->slot->tts_tid, &raw);
	if (casus_label_unpack(&raw, &label) == CASUS_LABEL_GOVERNED)
	{
		batch->run->labelled++;
		casus_rowverdict_relabel_parents(row, &raw);
		casus_rowlink_follow(row, &raw, false);
	}
	else
		batch->run->outside++;
}

/* ---- batches ---- */

static Relation
open_table(Run *run)
{
	Relation	rel = try_table_open(run->relid, ShareUpdateExclusiveLock);
	const CasusProtected *prot;

	if (rel == NULL)
		casus_protect_check_unknown("table", psprintf("%u", run->relid), NULL);
	casus_protect_check_caller(rel);
	prot = casus_registry_find(run->relid);
	if (prot == NULL || prot->settings == NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "not_governed",
						  psprintf("table \"%s\" is not protected", RelationGetRelationName(rel)),
						  NULL, casus_relation_ddl_survey(run->relid));
	return rel;
}

static void
start_batch(Batch *batch, Run *run)
{
	memset(batch, 0, sizeof(Batch));
	batch->run = run;
	batch->rel = open_table(run);
	batch->row.rel = batch->rel;
	batch->row.prot = casus_registry_find(run->relid);
	batch->row.settings = batch->row.prot->settings;
	batch->row.predicates = casus_rowparent_prepare(batch->row.settings, false);
	batch->row.slot = table_slot_create(batch->rel, NULL);
	batch->econtext = CreateStandaloneExprContext();
	if ((run->phase != NULL || run->opened != NULL || run->closed != NULL) &&
		batch->row.settings->kind != CASUS_KIND_ROOT)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  "phase, opened and closed are for a table that opens dossiers", NULL, NULL);
	batch->phase = prepare(batch, run->phase, TEXTOID, "phase");
	batch->opened = prepare(batch, run->opened, TIMESTAMPTZOID, "opened");
	batch->closed = prepare(batch, run->closed, TIMESTAMPTZOID, "closed");
}

/* Could this row need a label? Asked without a lock, on what the scan shows. */
static bool
is_candidate(Batch *batch, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, batch->row.prot->label_attno, &isnull);
	CasusLabel	label;
	CasusPlace	place;

	if (isnull)
		return true;
	if (casus_label_unpack(DatumGetUUIDP(value), &label) != CASUS_LABEL_OUTSIDE)
		return false;
	casus_rowparent_place(batch->row.prot, batch->row.predicates, slot, &place);
	return place.kind != CASUS_PLACE_OUTSIDE;
}

/* The candidates from where we are, up to a batch; false: the table's end. */
static bool
collect(Batch *batch, List **tids)
{
	TupleTableSlot *slot = table_slot_create(batch->rel, NULL);
	ItemPointerData last;
	TableScanDesc scan;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "casus take_in", ALLOCSET_DEFAULT_SIZES);
	bool		more = false;

	ItemPointerSet(&last, MaxBlockNumber, MaxOffsetNumber);
	scan = table_beginscan_tidrange(batch->rel, GetActiveSnapshot(), &batch->run->next, &last);
	while (!more && table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		MemoryContext old;
		bool		candidate;

		CHECK_FOR_INTERRUPTS();
		old = MemoryContextSwitchTo(row_context);
		candidate = is_candidate(batch, slot);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
		if (!candidate)
			continue;
		if (list_length(*tids) >= batch->run->batch_size)
		{
			/* This one begins the next batch. */
			batch->run->next = slot->tts_tid;
			more = true;
			break;
		}
		*tids = lappend(*tids, memcpy(palloc(sizeof(ItemPointerData)), &slot->tts_tid,
									  sizeof(ItemPointerData)));
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);
	return more;
}

/*
 * A table that its children label: the child's governed rows are what is
 * looked at, each relabels its parent.
 */
static void
take_from_children(Run *run)
{
	ListCell   *lc;

	foreach(lc, casus_registry_tables())
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));

		if (casus_takefirst_relabels(prot, run->relid))
			run->labelled += casus_rowverdict_relabel_all(prot, true) +
				casus_rowlink_all(prot, true);
	}
}

static bool
run_batch(Run *run)
{
	Batch		batch;
	List	   *tids = NIL;
	ListCell   *lc;
	bool		more;
	int			nest = NewGUCNestLevel();

	/* A date of the database is a day in the Netherlands, whoever calls. */
	(void) set_config_option("TimeZone", "Europe/Amsterdam", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	start_batch(&batch, run);
	if (!run->has_begun)
		run->is_early |= casus_takefirst_warn(run->relid);
	run->has_begun = true;
	if (batch.row.settings->kind == CASUS_KIND_VIA_CHILD)
		take_from_children(run);
	more = collect(&batch, &tids);
	foreach(lc, tids)
		take_row(&batch, lfirst(lc));
	ExecDropSingleTupleTableSlot(batch.row.slot);
	table_close(batch.rel, NoLock);
	AtEOXact_GUC(true, nest);
	return more;
}

static char *
text_arg(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static void
report(Run *run)
{
	const CasusSettings *settings = casus_registry_settings(run->relid);
	bool		by_child = settings != NULL && settings->kind == CASUS_KIND_VIA_CHILD;
	CasusCensus census = {0};
	int64		left = 0;
	ListCell   *lc;

	/* Another table's rows may have labelled this one before. */
	if (by_child)
		casus_census_of(run->relid, &census);
	foreach(lc, run->findings)
	{
		Finding    *finding = lfirst(lc);

		left += finding->n;
		ereport(WARNING,
				(errmsg("take_in: " INT64_FORMAT " rows stay without a label", finding->n),
				 errdetail("%s", finding->text)));
	}
	if (left > 0 && settings != NULL)
		ereport(WARNING,
				(errmsg("take_in of table \"%s\" is not complete: " INT64_FORMAT " rows labelled, " INT64_FORMAT " outside, " INT64_FORMAT " without a label",
						get_rel_name(run->relid), run->labelled, run->outside, left),
				 errdetail("casus.bind(..., 'enforce') is refused as long as that is so."),
				 errhint("%s  -- as owner, before bind; mend these rows, or the expressions and maps, and call it again",
						 casus_census_query(run->relid, settings))));
	else
		ereport(NOTICE,
				(errmsg("take_in of table \"%s\" is %s: " INT64_FORMAT " rows labelled, " INT64_FORMAT " outside",
						get_rel_name(run->relid),
						run->is_early ? "not complete" : "complete", run->labelled, run->outside),
				 by_child ? errdetail(INT64_FORMAT " rows have a label in all; take_in of the table whose rows point here gives them too.",
									  census.governed) : 0));
}

/* One table; of a family each that holds rows. */
static void
take_table(Run *run)
{
	bool		more;

	ItemPointerSet(&run->next, 0, FirstOffsetNumber);
	do
	{
		MemoryContext batch_context = AllocSetContextCreate(run->cxt, "casus batch",
															ALLOCSET_DEFAULT_SIZES);

		MemoryContextSwitchTo(batch_context);
		PushActiveSnapshot(GetLatestSnapshot());
		more = run_batch(run);
		PopActiveSnapshot();
		MemoryContextSwitchTo(run->cxt);
		MemoryContextDelete(batch_context);
		if (more)
			ereport(NOTICE,
					(errmsg("take_in of table \"%s\": " INT64_FORMAT " rows labelled so far, at block %u",
							get_rel_name(run->relid), run->labelled,
							ItemPointerGetBlockNumberNoCheck(&run->next))));
		SPI_commit();
	} while (more);
}

Datum
casus_sql_take_in(PG_FUNCTION_ARGS)
{
	bool		atomic = !(fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
						   !castNode(CallContext, fcinfo->context)->atomic);
	Run		   *run;
	List	   *tables;
	ListCell   *lc;
	Oid			named;

	casus_require_preloaded();
	if (atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("casus.take_in cannot run inside a transaction block"),
				 errdetail("It commits after each batch.")));
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_GETARG_INT32(1) < 1)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  "take_in needs a table and a batch size of at least 1", NULL, NULL);
	run = palloc0(sizeof(Run));
	run->cxt = CurrentMemoryContext;
	run->relid = PG_GETARG_OID(0);
	run->batch_size = PG_GETARG_INT32(1);
	run->phase = text_arg(fcinfo, 2);
	run->opened = text_arg(fcinfo, 3);
	run->closed = text_arg(fcinfo, 4);
	tables = casus_family_stores(run->relid);
	named = run->relid;
	foreach(lc, tables)
	{
		run->relid = lfirst_oid(lc);
		take_table(run);
	}
	run->relid = named;
	report(run);
	casus_accesslog_event("setup", run->relid, 0, NULL,
						  psprintf("take_in: " INT64_FORMAT " rows labelled", run->labelled));
	SPI_finish();
	PG_RETURN_NULL();
}
