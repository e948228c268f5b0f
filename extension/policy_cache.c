/*
 * policy_cache.c
 *		What the session may see of which dossier: 16 bytes per dossier.
 *
 * A dossier is looked up when a row of it is judged first.  After many misses
 * in a statement the whole of casus_cat.dossier is read at once: into an array
 * by id when the ids lie close together, else into the hash table, and then
 * only the dossiers of which something may be seen.  When all of them fit, one
 * that is not there may not be seen.  Neither outgrows the memory of a hash
 * table (work_mem times hash_mem_multiplier), and what is larger than a few
 * pages goes when no statement runs any more.
 *
 * Everything here holds for one version of state, context and clock; policy.c
 * clears it when one of these moves.  Private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "policy.h"
#include "state.h"
#include "xact.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "access/genam.h"
#include "access/table.h"
#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

typedef struct SightEntry
{
	int64		dossier;
	uint32		no;				/* PolicySightNo; while loading in bulk a bit per fold */
	uint32		status;
} SightEntry;

/* Ids come from one sequence: a multiplication spreads them enough, and is cheap. */
#define HASH_DOSSIER(key)	((uint32) (((uint64) (key) * UINT64CONST(0x9E3779B97F4A7C15)) >> 32))

#define SH_PREFIX sights
#define SH_ELEMENT_TYPE SightEntry
#define SH_KEY_TYPE int64
#define SH_KEY dossier
#define SH_HASH_KEY(tb, key) HASH_DOSSIER(key)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The items of one dossier that are shared with one party. */
typedef struct Shares
{
	int64		dossier;
	uint16		party;
	int			n;
	uint32	   *items;			/* ascending; 0 first means all */
} Shares;

typedef struct SharesEntry
{
	int64		dossier;
	Shares	   *shares;
	uint32		status;
} SharesEntry;

#define SH_PREFIX shareds
#define SH_ELEMENT_TYPE SharesEntry
#define SH_KEY_TYPE int64
#define SH_KEY dossier
#define SH_HASH_KEY(tb, key) HASH_DOSSIER(key)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define KEEP_ENTRIES	2048	/* 32 KiB; what stays between statements */
#define KEEP_DENSE		16384	/* 32 KiB likewise */
#define SPARSE			32		/* ids per dossier up to which the array is used */
#define BULK_AFTER		256		/* misses, at the least */

MemoryContext casus_policy_cache = NULL;
static sights_hash *sights = NULL;
static shareds_hash *shareds = NULL;
static int	misses = 0;			/* since the statement began */
static bool bulk_done = false;
static bool was_large = false;	/* of a statement of this transaction */
static bool complete = false;	/* what is not there may not be seen */
TimestampTz casus_policy_until = DT_NOEND;

PolicyDense casus_policy_dense = {0, 0, NULL};
bool		casus_policy_has_openings = false;

static void
make_tables(void)
{
	if (casus_policy_cache == NULL)
		casus_policy_cache = AllocSetContextCreate(TopMemoryContext, "casus verdicts",
											  ALLOCSET_SMALL_SIZES);
	if (sights == NULL)
		sights = sights_create(casus_policy_cache, 16, NULL);
}

void
casus_policy_cache_clear(void)
{
	if (casus_policy_cache)
		MemoryContextReset(casus_policy_cache);
	sights = NULL;
	shareds = NULL;
	memset(&casus_policy_dense, 0, sizeof(casus_policy_dense));
	bulk_done = false;
	complete = false;
	casus_policy_until = DT_NOEND;
}

/*
 * What a statement over many dossiers took, here and for its log records, is
 * free by now; glibc would keep it for the next one, in each session.
 */
static void
give_back(XactEvent event, void *arg)
{
	if (!was_large || !casus_xact_ends(event))
		return;
	was_large = false;
#ifdef __GLIBC__
	(void) malloc_trim(0);
#endif
}

void
casus_policy_cache_trim(void)
{
	static bool listens = false;

	misses = 0;
	if (casus_policy_cache &&
		((sights && sights->size > KEEP_ENTRIES) ||
		 casus_policy_dense.size > KEEP_DENSE ||
		 (shareds && shareds->members > 64)))
	{
		casus_policy_cache_clear();
		casus_xact_listen(&listens, give_back, NULL);
		was_large = true;
	}
}

/* May one more entry be added?  Growing needs the old and the new table at once. */
static bool
has_room(void)
{
	uint64		limit = get_hash_memory_limit() / sizeof(SightEntry);

	return sights->members < sights->grow_threshold - 1 ||
		sights->size * 2 <= Max(limit, KEEP_ENTRIES);
}

/* Beside the rules, but not what retention has ended. */
static bool
is_opened(const CasusDossier *dossier)
{
	return casus_policy_has_openings && dossier->state != CASUS_STATE_GONE &&
		casus_context_opening(dossier->id) != NULL;
}

static PolicySightNo
judge(const CasusDossier *dossier)
{
	int			fold = casus_policy_fold_of_file(dossier->file);
	bool		takes_part = false;

	if (is_opened(dossier))
	{
		casus_policy_until = Min(casus_policy_until, dossier->valid_until);
		return POLICY_OPENED;
	}
	if (fold < 0)
		return 0;
	casus_policy_until = Min(casus_policy_until, dossier->valid_until);
	if (casus_policy_fold_asks(fold, dossier))
	{
		const CasusCapacity *c = &casus_policy_fold(fold)->capacity;

		takes_part = casus_dossier_participates_until(dossier->id, c->person,
													  c->party, c->office, &casus_policy_until);
	}
	return casus_policy_fold_sight(fold, dossier, takes_part);
}

/* ---- in bulk ---- */

/* Per dossier the folds that take part in it, as bits. */
static sights_hash *
load_participants(MemoryContext context)
{
	sights_hash *parts = sights_create(context, 256, NULL);
	TimestampTz now = GetCurrentTimestamp();
	CasusScan	scan;

	casus_scan_all(&scan, CASUS_PARTICIPANT);
	while (casus_scan_next(&scan))
	{
		for (int i = 0; i < casus_policy_fold_count(); i++)
		{
			const CasusCapacity *c = &casus_policy_fold(i)->capacity;
			SightEntry *entry;
			bool		found;

			if (!casus_dossier_row_involves(&scan, c->person, c->party, c->office) ||
				!casus_scan_period(&scan, CASUS_COL_PARTICIPANT_STARTS, now, &casus_policy_until))
				continue;
			entry = sights_insert(parts,
								  casus_scan_int(&scan, CASUS_COL_PARTICIPANT_DOSSIER, 0),
								  &found);
			if (!found)
				entry->no = 0;
			entry->no |= 1U << i;
		}
	}
	casus_scan_end(&scan);
	return parts;
}

static bool
any_fold_asks(void)
{
	for (int i = 0; i < casus_policy_fold_count(); i++)
		if (casus_policy_fold(i)->ask != 0)
			return true;
	return false;
}

/* Offices held by an appointment for one dossier have no participant row to go by. */
static bool
takes_part_in(sights_hash *parts, const CasusDossier *dossier, int fold)
{
	SightEntry *entry = sights_lookup(parts, dossier->id);
	const CasusCapacity *c = &casus_policy_fold(fold)->capacity;
	const CasusHoldings *holdings;

	if (entry != NULL && (entry->no & (1U << fold)) != 0)
		return true;
	holdings = casus_people_holdings(c->person);
	for (int i = 0; i < holdings->n; i++)
		if (holdings->held[i].dossier == dossier->id &&
			holdings->held[i].office == c->office)
			return true;
	return false;
}

/* About how many there are, by the table's size: what ANALYZE found may be old, or nothing. */
static double
dossier_count(Relation rel)
{
	BlockNumber pages;
	double		rows;
	double		visible;

	estimate_rel_size(rel, NULL, &pages, &rows, &visible);
	return rows;
}

/* The smallest or the largest id; 0 without any. */
static int64
end_of_ids(Relation rel, Relation index, ScanDirection direction)
{
	SysScanDesc scan = systable_beginscan_ordered(rel, index, NULL, 0, NULL);
	HeapTuple	tuple = systable_getnext_ordered(scan, direction);
	int64		id = 0;

	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;

		id = DatumGetInt64(heap_getattr(tuple, CASUS_COL_DOSSIER_ID,
										RelationGetDescr(rel), &isnull));
	}
	systable_endscan_ordered(scan);
	return id;
}

/*
 * Makes the array when ids lie close enough together; its size, or 0.  An id that
 * comes in beyond its end meanwhile is of another session's, later than this
 * statement.
 */
static uint64
make_dense(void)
{
	Relation	rel = table_open(casus_table_oid(CASUS_DOSSIER), AccessShareLock);
	Relation	index = index_open(casus_table_pkey(CASUS_DOSSIER), AccessShareLock);
	int64		first = end_of_ids(rel, index, ForwardScanDirection);
	int64		last = end_of_ids(rel, index, BackwardScanDirection);
	double		rows = Max(dossier_count(rel), BULK_AFTER);
	uint64		size = (uint64) last - (uint64) first + 1;

	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	if (first <= 0 || size > rows * SPARSE ||
		size > get_hash_memory_limit() / sizeof(uint16))
		return 0;
	casus_policy_dense.no = MemoryContextAllocExtended(casus_policy_cache,
													   size * sizeof(uint16),
													   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	casus_policy_dense.base = first;
	return size;
}

/* Puts the verdict where it is looked for; false: no room left. */
static bool
keep(int64 dossier, PolicySightNo no, uint64 dense)
{
	uint64		offset = (uint64) dossier - casus_policy_dense.base;
	SightEntry *entry;
	bool		found;

	if (dense > 0)
	{
		if (offset < dense)
			casus_policy_dense.no[offset] = no;
		return true;
	}
	if (no == 0)
		return true;
	if (!has_room())
		return false;
	entry = sights_insert(sights, dossier, &found);
	entry->no = no;
	return true;
}

/* What may be seen of the dossier in a row that a scan of all of them reads. */
static PolicySightNo
judge_row(CasusScan *scan, sights_hash *parts, TimestampTz now, int64 *id)
{
	const CasusOpening *opening;
	CasusDossier dossier;
	int			fold;

	casus_dossier_from_row(scan, &dossier);
	*id = dossier.id;
	fold = casus_policy_fold_of_file(dossier.file);
	opening = casus_policy_has_openings ? casus_context_opening(dossier.id) : NULL;
	if (fold < 0 && opening == NULL)
		return 0;
	casus_dossier_stage(&dossier,
						casus_protocol(opening ? opening->capacity.protocol :
									   casus_policy_fold(fold)->capacity.protocol),
						now);
	casus_policy_until = Min(casus_policy_until, dossier.valid_until);
	if (opening)
		return dossier.state == CASUS_STATE_GONE ? 0 : POLICY_OPENED;
	return casus_policy_fold_sight(fold, &dossier,
								   parts && casus_policy_fold_asks(fold, &dossier) &&
								   takes_part_in(parts, &dossier, fold));
}

static void
load_in_bulk(void)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "casus participants",
												  ALLOCSET_DEFAULT_SIZES);
	sights_hash *parts = any_fold_asks() ? load_participants(scratch) : NULL;
	TimestampTz now = GetCurrentTimestamp();
	uint64		dense = make_dense();
	CasusScan	scan;
	bool		all = true;

	bulk_done = true;
	casus_scan_all(&scan, CASUS_DOSSIER);
	while (all && casus_scan_next(&scan))
	{
		int64		id;
		PolicySightNo no = judge_row(&scan, parts, now, &id);

		CHECK_FOR_INTERRUPTS();
		all = keep(id, no, dense);
	}
	casus_scan_end(&scan);

	/* In use only now that it is filled: an error before leaves it unused. */
	casus_policy_dense.size = dense;
	complete = all;
	MemoryContextDelete(scratch);
}

/*
 * One look-up by index costs about as much as reading sixty rows in a row:
 * once so many have been missed that all could have been read for it, they are.
 */
static bool
bulk_pays(void)
{
	Relation	rel;
	double		rows;

	if (bulk_done || misses < BULK_AFTER)
		return false;
	rel = table_open(casus_table_oid(CASUS_DOSSIER), AccessShareLock);
	rows = dossier_count(rel);
	table_close(rel, AccessShareLock);
	return misses >= rows / 64;
}

static pg_noinline PolicySightNo
load(int64 dossier)
{
	SightEntry *entry;
	CasusDossier state;
	PolicySightNo no;
	bool		found;

	misses++;
	if (unlikely((misses & (BULK_AFTER - 1)) == 0) && bulk_pays())
	{
		load_in_bulk();
		return casus_policy_sight_no(dossier);
	}

	no = casus_dossier_load(dossier, &state) ? judge(&state) : 0;
	if (has_room())
	{
		entry = sights_insert(sights, dossier, &found);
		entry->no = no;
	}
	return no;
}

PolicySightNo
casus_policy_cache_find(int64 dossier)
{
	SightEntry *entry;

	if (unlikely(sights == NULL))
		make_tables();
	entry = sights_lookup(sights, dossier);
	if (likely(entry != NULL))
		return entry->no;
	return complete ? 0 : load(dossier);
}

/* ---- sharing ---- */

static void
forget_shares(void)
{
	shareds_iterator at;
	SharesEntry *entry;

	shareds_start_iterate(shareds, &at);
	while ((entry = shareds_iterate(shareds, &at)) != NULL)
	{
		pfree(entry->shares->items);
		pfree(entry->shares);
	}
	shareds_reset(shareds);
}

static Shares *
find_shares(int64 dossier, uint16 party)
{
	SharesEntry *entry;
	MemoryContext old;
	Shares	   *shares;
	bool		found;

	if (shareds == NULL)
	{
		make_tables();
		shareds = shareds_create(casus_policy_cache, 16, NULL);
	}
	entry = shareds_lookup(shareds, dossier);
	if (entry != NULL)
		return entry->shares;

	/* The lists are as long as decisions to share; they go when they are many. */
	if (shareds->members >= get_hash_memory_limit() / 256)
		forget_shares();
	old = MemoryContextSwitchTo(casus_policy_cache);
	shares = palloc0(sizeof(Shares));
	shares->dossier = dossier;
	shares->party = party;
	shares->n = casus_dossier_sharing(dossier, party, &shares->items, &casus_policy_until);
	qsort(shares->items, shares->n, sizeof(uint32), oid_cmp);	/* an oid is a uint32 */
	entry = shareds_insert(shareds, dossier, &found);
	entry->shares = shares;
	MemoryContextSwitchTo(old);
	return shares;
}

bool
casus_policy_cache_shared(int64 dossier, uint32 item, uint16 party)
{
	Shares	   *shares;

	if (party == 0)
		return false;
	shares = find_shares(dossier, party);
	if (shares->n == 0)
		return false;
	return shares->items[0] == 0 ||
		bsearch(&item, shares->items, shares->n, sizeof(uint32), oid_cmp) != NULL;
}
