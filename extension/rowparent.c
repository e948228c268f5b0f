/*
 * rowparent.c
 *		Where a row belongs: outside the protocol, or in which dossier.
 *
 * The parent's label is read through the unique index that the foreign key
 * refers to, without the executor: no user code runs, and row security has no
 * say, since what is asked is what is so, not what the caller may see.  It is
 * read as of now, own changes of this very command included (a parent and its
 * child may be inserted by one statement).
 *
 * Copyright (c) 2026, the casus developers
 */
#include "resolve.h"
#include "rows.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

struct CasusPredicates
{
	const CasusSettings *settings;
	CasusResolver *resolver;	/* NULL: no function names the dossier */
	bool		lock;			/* a parent outside is locked: a row is being written */
	Oid			lock_relid;		/* whose descriptor lock_slot has */
	TupleTableSlot *lock_slot;
	MemoryContext cxt;
};

/*
 * A predicate, ready to run: for as long as the settings are known, since many
 * statements write a single row.  It calls built-in functions only.
 */
typedef struct Evaluator
{
	ExprState  *state;
	ExprContext *econtext;
	MemoryContext cxt;
	bool		runs;			/* or an error has left it */
} Evaluator;

/* In the current memory context, for as long as that lives. */
CasusPredicates *
casus_rowparent_prepare(const CasusSettings *settings, bool lock)
{
	CasusPredicates *p = palloc0(sizeof(CasusPredicates));

	p->settings = settings;
	p->lock = lock;
	p->cxt = CurrentMemoryContext;
	if (settings->resolve_name != NULL)
		p->resolver = casus_resolve_prepare(settings);
	return p;
}

static pg_noinline Evaluator *
make_evaluator(const CasusSettings *settings, CasusFileSettings *fs)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "casus predicate",
											  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	Evaluator  *evaluator = palloc0(sizeof(Evaluator));

	evaluator->cxt = cxt;
	evaluator->econtext = CreateStandaloneExprContext();
	evaluator->state = ExecInitExpr((Expr *) copyObject(fs->governs), NULL);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(cxt, settings->cxt);
	fs->evaluator = evaluator;
	return evaluator;
}

/* What an error has left half-way is not run again. */
static Evaluator *
get_evaluator(const CasusSettings *settings, CasusFileSettings *fs)
{
	Evaluator  *evaluator = fs->evaluator;

	if (likely(evaluator != NULL && !evaluator->runs))
		return evaluator;
	if (evaluator != NULL)
	{
		/* Nothing of a user's runs inside, so no run of it can still go on. */
		fs->evaluator = NULL;
		MemoryContextDelete(evaluator->cxt);
	}
	return make_evaluator(settings, fs);
}

static bool
is_governed(CasusPredicates *p, int file, TupleTableSlot *slot)
{
	CasusFileSettings *fs = &p->settings->files[file];
	Evaluator  *evaluator;
	bool		isnull;
	Datum		value;

	if (fs->broken || p->settings->damaged)
		casus_refuse("not_fenced", _("the settings of a protected table do not fit it any more"),
					 _("A column that they name is gone."),
					 !OidIsValid(slot->tts_tableOid) ? NULL :
					 psprintf("SELECT casus.unprotect(%s, '<reason>');",
							  quote_literal_cstr(casus_relation_ddl_name(slot->tts_tableOid))));
	if (fs->governs == NULL)
		return true;
	evaluator = get_evaluator(p->settings, fs);
	evaluator->runs = true;
	evaluator->econtext->ecxt_scantuple = slot;
	value = ExecEvalExprSwitchContext(evaluator->state, evaluator->econtext, &isnull);
	ResetExprContext(evaluator->econtext);
	evaluator->runs = false;
	return !isnull && DatumGetBool(value);
}

/* The one file that governs the row, or NULL. */
CasusFileSettings *
casus_rowparent_governing(CasusPredicates *p, TupleTableSlot *slot)
{
	CasusFileSettings *found = NULL;

	for (int i = 0; i < p->settings->nfiles; i++)
	{
		if (!is_governed(p, i, slot))
			continue;
		if (found != NULL)
			casus_refuse("label", _("a row can be governed by one file only"),
						 _("The predicates of two files both hold for it."),
						 _("Who owns the table has casus.protect() give each file rows of its own: governs."));
		found = &p->settings->files[i];
	}
	return found;
}

/* MATCH SIMPLE: a key with a NULL in it refers to nothing. */
bool
casus_rowparent_has_key(const CasusVia *via, TupleTableSlot *slot)
{
	for (int i = 0; i < via->nkeys; i++)
	{
		if (slot_attisnull(slot, via->fkatt[i]))
			return false;
	}
	return true;
}

/* In one table: the parent, or one of its partitions. */
static bool
fetch(Relation parent, const CasusVia *via, const CasusStore *store, ScanKey key,
	  Snapshot snapshot, pg_uuid_t *raw, CasusSpot *spot, CasusFound *found)
{
	AttrNumber	label = get_attnum(RelationGetRelid(parent), CASUS_LABEL_COLUMN);
	ScanKeyData copy[INDEX_MAX_KEYS];
	SysScanDesc scan;
	HeapTuple	tuple;

	/* The scan writes index column numbers into the keys. */
	memcpy(copy, key, sizeof(ScanKeyData) * via->nkeys);
	for (int i = 0; store != NULL && i < via->nkeys; i++)
		copy[i].sk_attno = store->pkatt[i];
	scan = systable_beginscan(parent, store != NULL ? store->index : via->index, true,
							  snapshot, via->nkeys, copy);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
	{
		bool		isnull = true;
		Datum		value = (Datum) 0;

		if (label != InvalidAttrNumber)
			value = heap_getattr(tuple, label, RelationGetDescr(parent), &isnull);
		*found = isnull ? CASUS_FOUND_NULL : CASUS_FOUND_LABEL;
		if (!isnull)
			*raw = *DatumGetUUIDP(value);
		spot->relid = RelationGetRelid(parent);
		spot->tid = tuple->t_self;
	}
	systable_endscan(scan);
	return tuple != NULL;
}

/* In all of its partitions; which one a key belongs to only the executor knows cheaply. */
static bool
fetch_anywhere(const CasusVia *via, ScanKey key, Snapshot snapshot, pg_uuid_t *raw,
			   CasusSpot *spot, CasusFound *found)
{
	bool		is_there = false;

	for (int i = 0; !is_there && i < Max(via->nstores, 1); i++)
	{
		const CasusStore *store = via->nstores > 0 ? &via->stores[i] : NULL;
		Relation	rel = table_open(store != NULL ? store->relid : via->parent, AccessShareLock);

		if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			is_there = fetch(rel, via, store, key, snapshot, raw, spot, found);
		table_close(rel, AccessShareLock);
	}
	return is_there;
}

CasusFound
casus_rowparent_label(const CasusVia *via, TupleTableSlot *slot,
					  pg_uuid_t *raw, CasusSpot *spot)
{
	ScanKeyData key[INDEX_MAX_KEYS];
	CasusFound	found = CASUS_FOUND_NOTHING;
	CasusSpot	unasked;

	for (int i = 0; i < via->nkeys; i++)
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, via->fkatt[i], &isnull);

		ScanKeyEntryInitialize(&key[i], 0, via->pkatt[i], BTEqualStrategyNumber,
							   via->subtype[i], via->collation[i], via->eqproc[i], value);
	}

	/*
	 * Self sees what is committed and all of our own, at no cost.  While the
	 * parent is being updated it may meet neither version; a snapshot does
	 * not have that gap, but not our own command's rows either.
	 */
	if (spot == NULL)
		spot = &unasked;
	if (!fetch_anywhere(via, key, SnapshotSelf, raw, spot, &found))
		(void) fetch_anywhere(via, key, NULL, raw, spot, &found);
	return found;
}

/*
 * A parent that stands outside may be taken into the protocol by somebody at
 * this moment, and that UPDATE cannot see our row yet.  So it is locked, as
 * the foreign key's check would do a little later, against the exclusive lock
 * which that UPDATE takes; what it says after waiting is what counts.
 */
static void
lock_parent(CasusPredicates *p, CasusSpot *spot, CasusFound *found, pg_uuid_t *raw)
{
	Relation	parent = table_open(spot->relid, RowShareLock);
	TM_FailureData failure;
	TM_Result	rc;

	if (p->lock_slot == NULL || p->lock_relid != spot->relid)
	{
		MemoryContext old = MemoryContextSwitchTo(p->cxt);

		p->lock_slot = MakeSingleTupleTableSlot(CreateTupleDescCopyConstr(RelationGetDescr(parent)),
												table_slot_callbacks(parent));
		p->lock_relid = spot->relid;
		MemoryContextSwitchTo(old);
	}
	rc = table_tuple_lock(parent, &spot->tid, SnapshotSelf, p->lock_slot,
						  GetCurrentCommandId(false), LockTupleKeyShare,
						  LockWaitBlock, TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
	if (rc == TM_Ok)
	{
		bool		isnull;
		Datum		value = slot_getattr(p->lock_slot, get_attnum(spot->relid, CASUS_LABEL_COLUMN),
										 &isnull);

		*found = isnull ? CASUS_FOUND_NULL : CASUS_FOUND_LABEL;
		if (!isnull)
			*raw = *DatumGetUUIDP(value);
	}
	else if (rc == TM_Deleted)
		*found = CASUS_FOUND_NOTHING;
	/* Else it is this command's own row: nobody else can know it yet. */
	ExecClearTuple(p->lock_slot);
	table_close(parent, NoLock);
}

static CasusFound
find_parent(CasusPredicates *p, const CasusVia *via, TupleTableSlot *slot, pg_uuid_t *raw)
{
	CasusSpot	spot;
	CasusFound	found = casus_rowparent_label(via, slot, raw, &spot);

	if (p->lock && found == CASUS_FOUND_LABEL &&
		memcmp(raw, &casus_label_outside, UUID_LEN) == 0)
		lock_parent(p, &spot, &found, raw);
	return found;
}

/* ---- the kinds of tables ---- */

static void
place_by_dossier(const CasusSettings *settings, TupleTableSlot *slot, CasusPlace *place)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, settings->dossier_attno, &isnull);

	place->dossier = isnull ? 0 : DatumGetInt64(value);
	place->kind = isnull ? CASUS_PLACE_NO_KEY : CASUS_PLACE_DOSSIER;
}

/*
 * A dossier of another file, or none, is one that is not there: who may not know
 * of it hears the same.
 */
static void
place_by_function(CasusPredicates *p, TupleTableSlot *slot, CasusPlace *place)
{
	CasusDossier dossier;
	int64		id = casus_resolve_dossier(p->resolver, slot);

	place->kind = id == 0 ? CASUS_PLACE_NO_KEY : CASUS_PLACE_DOSSIER;
	place->dossier = casus_dossier_load(id, &dossier) && dossier.file == place->fs->id ? id : -1;
}

/* The first key that is not NULL wins, also when its parent lies outside. */
static void
place_by_parent(CasusPredicates *predicates, TupleTableSlot *slot, CasusPlace *place)
{
	const CasusSettings *settings = predicates->settings;

	place->kind = CASUS_PLACE_NO_KEY;
	for (int i = 0; i < settings->nvia; i++)
	{
		const CasusVia *via = &settings->via[i];
		CasusFound	found;

		place->via = via;
		if (!OidIsValid(via->parent))
		{
			if (slot_attisnull(slot, via->attno))
				continue;
			place->kind = CASUS_PLACE_UNLABELLED;
			return;
		}
		if (!casus_rowparent_has_key(via, slot))
			continue;
		found = find_parent(predicates, via, slot, &place->parent_raw);
		if (found == CASUS_FOUND_NOTHING)
			place->kind = CASUS_PLACE_NO_PARENT;
		else if (found == CASUS_FOUND_NULL)
			place->kind = CASUS_PLACE_UNLABELLED;
		else
		{
			CasusLabelKind kind = casus_label_unpack(&place->parent_raw, &place->parent);

			place->has_parent = kind == CASUS_LABEL_GOVERNED;
			place->dossier = place->has_parent ? place->parent.dossier : 0;
			place->kind = kind == CASUS_LABEL_GOVERNED ? CASUS_PLACE_DOSSIER :
				kind == CASUS_LABEL_OUTSIDE ? CASUS_PLACE_OUTSIDE :
				kind == CASUS_LABEL_PENDING ? CASUS_PLACE_NO_PARENT :
				CASUS_PLACE_UNLABELLED;
		}
		return;
	}
}

/*
 * A parent by via_child starts outside: its governed child relabels it.  What
 * has no key to a dossier is outside on a mixed table.
 */
void
casus_rowparent_place(const CasusProtected *prot, CasusPredicates *predicates,
					  TupleTableSlot *slot, CasusPlace *place)
{
	const CasusSettings *settings = prot->settings;

	memset(place, 0, sizeof(CasusPlace));
	place->kind = CASUS_PLACE_OUTSIDE;
	if (settings->kind == CASUS_KIND_VIA_CHILD)
		return;
	if (settings->kind == CASUS_KIND_VIA)
	{
		/* The file comes from the parent; the settings are one of ours. */
		place_by_parent(predicates, slot, place);
		if (place->kind == CASUS_PLACE_NO_KEY && prot->mixed)
			place->kind = CASUS_PLACE_OUTSIDE;
		if (place->kind == CASUS_PLACE_OUTSIDE)
			return;
		place->above = place->kind;
		place->fs = casus_rowparent_governing(predicates, slot);
		if (place->fs == NULL)
			place->kind = CASUS_PLACE_OUTSIDE;
		return;
	}
	place->fs = casus_rowparent_governing(predicates, slot);
	if (place->fs == NULL)
		return;
	place->kind = CASUS_PLACE_ROOT;
	if (settings->kind == CASUS_KIND_DOSSIER)
	{
		if (predicates->resolver != NULL)
		{
			place_by_function(predicates, slot, place);
			return;
		}
		place_by_dossier(settings, slot, place);
		if (place->kind == CASUS_PLACE_NO_KEY && prot->mixed &&
			place->fs->governs_text == NULL)
			place->kind = CASUS_PLACE_OUTSIDE;
	}
}
