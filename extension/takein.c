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

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

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
	int64		noted;			/* of those labelled, what the log has been told */
	bool		has_begun;
	bool		is_early;		/* a table that comes first is not taken in yet */
	List	   *findings;
} Run;

/* A row that is a dossier, until that is opened. */
typedef struct Waiting
{
	CasusNewDossier opening;		/* first */
	CasusLabel	label;
	ItemPointerData tid;
} Waiting;

#define CHUNK	1000			/* dossiers that are opened together */

/* What one batch needs: gone with its transaction. */
typedef struct Batch
{
	Run		   *run;
	Relation	rel;
	CasusRow	row;
	CasusOpener *opener;
	MemoryContext row_context;	/* reset after each row */
	MemoryContext chunk_context;	/* and after those whose dossiers are opened together */
	int			nwaiting;
	CasusNewDossier *waiting[CHUNK];	/* of a Waiting each */
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

static void
write_label(Batch *batch, CasusLabel *label, int64 dossier, int phase)
{
	CasusRow   *row = &batch->row;
	pg_uuid_t	raw;

	label->dossier = dossier;
	label->phase = phase;
	if (label->item == 0)
		label->item = casus_next_item();
	casus_label_pack(label, &raw);
	(void) casus_rowlabel_set(batch->rel, &row->slot->tts_tid, &raw);
	batch->run->labelled++;
	casus_rowverdict_relabel_parents(row, &raw);
	casus_rowlink_follow(row, &raw, false);
}

/* A row of a dossier that is there. */
static void
take_governed(Batch *batch, const CasusPlace *place)
{
	CasusLabel	label;
	CasusDossier dossier;

	if (!casus_dossier_load(place->dossier, &dossier))
		find_fault(batch->run, "there is no dossier of that id");
	else if (make_label(batch, place, dossier.file, &label))
	{
		if (batch->row.settings->inherit_item && place->has_parent)
		{
			label.item = place->parent.item;
			label.linked = place->parent.linked;
		}
		write_label(batch, &label, dossier.id, dossier.phase);
	}
}

/* ---- rows that are a dossier ---- */

/* What is known of one waits for the others of its chunk. */
static void
await(Batch *batch, const CasusPlace *place)
{
	CasusLabel	label;
	CasusNewDossier opening;
	Waiting    *waiting;
	const char *why;
	MemoryContext old;

	if (!make_label(batch, place, place->fs->id, &label))
		return;
	why = casus_takeopen_judge(batch->opener, place->fs->id, batch->row.protocol,
							   batch->row.slot, &opening);
	if (why != NULL)
	{
		find_fault(batch->run, why);
		return;
	}
	old = MemoryContextSwitchTo(batch->chunk_context);
	waiting = palloc(sizeof(Waiting));
	waiting->opening = opening;
	waiting->opening.key = casus_rowverdict_key(batch->rel, batch->row.slot);
	waiting->label = label;
	waiting->tid = batch->row.slot->tts_tid;
	batch->waiting[batch->nwaiting++] = &waiting->opening;
	MemoryContextSwitchTo(old);
}

/*
 * Opens the dossiers of the rows that wait, and gives those their labels.  They
 * have been locked since they were looked at.
 */
static void
open_waiting(Batch *batch)
{
	MemoryContext old = MemoryContextSwitchTo(batch->chunk_context);

	if (batch->nwaiting > 0)
		casus_takeopen(RelationGetRelid(batch->rel), batch->waiting, batch->nwaiting);
	for (int i = 0; i < batch->nwaiting; i++)
	{
		Waiting    *waiting = (Waiting *) batch->waiting[i];

		MemoryContextSwitchTo(batch->row_context);
		if (!casus_rowlabel_lock(batch->rel, &waiting->tid, batch->row.slot))
			elog(ERROR, "a row that was locked is gone");
		write_label(batch, &waiting->label, waiting->opening.dossier, waiting->opening.phase);
		MemoryContextReset(batch->row_context);
	}
	batch->nwaiting = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->chunk_context);
}

/* ---- one row ---- */

static void
take_place(Batch *batch, CasusLabelKind kind, const CasusPlace *place)
{
	switch (place->kind)
	{
		case CASUS_PLACE_OUTSIDE:
			if (kind == CASUS_LABEL_OUTSIDE)
				return;
			(void) casus_rowlabel_set(batch->rel, &batch->row.slot->tts_tid, &casus_label_outside);
			batch->run->outside++;
			return;
		case CASUS_PLACE_ROOT:
			await(batch, place);
			return;
		case CASUS_PLACE_DOSSIER:
			take_governed(batch, place);
			return;
		case CASUS_PLACE_NO_KEY:
			find_fault(batch->run, batch->row.settings->resolve_name == NULL ?
					   "the row leads to no dossier: its column is null" :
					   "the function names no dossier for the row, or fails");
			return;
		case CASUS_PLACE_NO_PARENT:
			find_fault(batch->run, "the parent row is not there");
			return;
		case CASUS_PLACE_UNLABELLED:
			find_fault(batch->run, "the parent row has no label: take in the parent table first");
			return;
	}
}

/* Before the table is in force a row may have been brought elsewhere, or its label be made up. */
static bool
is_misplaced(Batch *batch, TupleTableSlot *slot, const CasusLabel *label)
{
	return batch->row.prot->mode != CASUS_MODE_ENFORCE &&
		casus_census_misplaced(batch->row.prot, batch->row.predicates, slot, label);
}

static void
take_row(Batch *batch, ItemPointer tid)
{
	CasusRow   *row = &batch->row;
	CasusLabelKind kind = CASUS_LABEL_BROKEN;
	MemoryContext old = MemoryContextSwitchTo(batch->row_context);
	CasusLabel	label;
	CasusPlace	place;
	bool		isnull;
	Datum		value;

	if (casus_rowlabel_lock(batch->rel, tid, row->slot))
	{
		value = slot_getattr(row->slot, row->prot->label_attno, &isnull);
		if (!isnull)
			kind = casus_label_unpack(DatumGetUUIDP(value), &label);
		if (kind != CASUS_LABEL_GOVERNED || is_misplaced(batch, row->slot, &label))
		{
			casus_rowparent_place(row->prot, row->predicates, row->slot, &place);
			take_place(batch, kind, &place);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(batch->row_context);
	if (batch->nwaiting == CHUNK)
		open_waiting(batch);
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
	batch->row_context = AllocSetContextCreate(CurrentMemoryContext, "casus take_in row",
											   ALLOCSET_DEFAULT_SIZES);
	batch->chunk_context = AllocSetContextCreate(CurrentMemoryContext, "casus take_in dossiers",
												 ALLOCSET_DEFAULT_SIZES);
	if ((run->phase != NULL || run->opened != NULL || run->closed != NULL) &&
		batch->row.settings->kind != CASUS_KIND_ROOT)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  "phase, opened and closed are for a table that opens dossiers", NULL,
						  _("A child takes its dossier from its parent: leave these out."));
	batch->opener = casus_takeopen_prepare(batch->rel, run->phase, run->opened, run->closed);
}

/* Could this row need a label? Asked without a lock, on what the scan shows. */
static bool
is_candidate(Batch *batch, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, batch->row.prot->label_attno, &isnull);
	CasusLabelKind kind;
	CasusLabel	label;
	CasusPlace	place;

	if (isnull)
		return true;
	kind = casus_label_unpack(DatumGetUUIDP(value), &label);
	if (kind != CASUS_LABEL_OUTSIDE)
		/* Pending: of a transaction that has ended. */
		return kind != CASUS_LABEL_GOVERNED || is_misplaced(batch, slot, &label);
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

	casus_governs_pin();
	start_batch(&batch, run);
	if (!run->has_begun)
		run->is_early |= casus_takefirst_warn(run->relid);
	run->has_begun = true;
	if (batch.row.settings->kind == CASUS_KIND_VIA_CHILD)
		take_from_children(run);
	more = collect(&batch, &tids);
	foreach(lc, tids)
		take_row(&batch, lfirst(lc));
	open_waiting(&batch);
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
						 casus_census_query(run->relid, settings, false))));
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
		/* On record with what it speaks of: the next may never come. */
		casus_act_note_setup(run->relid, psprintf("take_in: " INT64_FORMAT " rows labelled",
												  run->labelled - run->noted));
		run->noted = run->labelled;
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
	casus_act_attempt(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0), 0,
						  "take_in");
	casus_accesslog_flush();
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_GETARG_INT32(1) < 1)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  "take_in needs a table and a batch size of at least 1", NULL,
						  CASUS_HINT_CALLS);
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
	SPI_finish();
	PG_RETURN_NULL();
}
