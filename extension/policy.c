/*
 * policy.c
 *		One verdict per row: may the session see it now?
 *
 * The truth table, in this order:
 *
 *	outside the protocol					yes, under ordinary GRANTs
 *	pending, of this transaction			yes
 *	malformed, pending of another one		no
 *	governed, a rule grants read			yes
 *	governed, opened by break-glass			yes
 *	governed, inserted by this transaction	yes
 *	governed otherwise						no
 *
 * "A rule grants" is answered from masks per dossier (policy_cache.c), made
 * from rules folded per capacity (policy_fold.c).  All of that holds for one
 * version of state and context, whose counters are compared per row, and until
 * a moment, which is compared when a statement starts or goes on.  Nothing is
 * decided when a plan is made.  All state is private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "policy.h"

#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

/* The dossier of the row before: rows of one dossier come in a row. */
static struct
{
	uint64		version;		/* 0: nothing remembered */
	uint64		raw_dossier;	/* as it stands in the label */
	PolicySightNo no;
	PolicyMasks masks;			/* of that number */
	uint16		party;
}			memo;

/* The version of state and context under which the caches were filled. */
static uint64 cached_version = 0;
static uint64 cached_state = 0; /* the part of it that is about state */
static TimestampTz cached_until = 0;
static int64 only_dossier = 0;	/* the context is for this one; 0: no such limit */
static bool has_capacity = false;

/* Both counters only go up, so an equal sum means that neither moved. */
#define CURRENT_VERSION()	(casus_catalog_generation + casus_context_count)

/* ---- versions ---- */

/*
 * A context that is entered once more for another transaction, with nothing
 * else changed, sees what it saw before.
 */
static void
start_anew(void)
{
	uint64		version = CURRENT_VERSION();
	uint64		state = casus_catalog_generation;
	const CasusOpening *openings;

	memo.version = 0;
	if (casus_policy_fold_refresh() || cached_state != state)
		casus_policy_cache_clear();
	cached_state = state;
	cached_until = casus_context_until();
	casus_policy_has_openings = casus_context_openings(&openings) > 0;
	has_capacity = casus_policy_fold_count() > 0 || casus_policy_has_openings;
	only_dossier = casus_policy_fold_count() == 1 && !casus_policy_has_openings ?
		casus_policy_fold(0)->capacity.dossier : 0;
	cached_version = version;
}

/*
 * The verdicts of now are those of another role than the statement around has:
 * no row of it is judged by them.
 */
void
casus_policy_forget(void)
{
	memo.version = 0;
	cached_version = 0;
}

/*
 * The look at roles and people may itself take in messages, so that the
 * version moves on while the caches are made: then they are made once more.
 */
static void
keep_current(void)
{
	if (unlikely(!casus_preloaded))
		casus_require_preloaded();
	(void) casus_context_generation();
	while (cached_version != CURRENT_VERSION())
	{
		start_anew();
		CHECK_FOR_INTERRUPTS();
		/* Then each look-up makes a message, without end; the next row tries again. */
		if (unlikely(debug_discard_caches > 0))
			break;
	}
	if (unlikely(casus_context_strays()))
		casus_policy_forget();
}

void
casus_policy_begin(void)
{
	TimestampTz ends;

	casus_catalog_listen();
	keep_current();
	ends = Min(cached_until, casus_policy_until);
	if (unlikely(ends != DT_NOEND) && GetCurrentTimestamp() >= ends)
	{
		cached_state = 0;
		start_anew();
		if (casus_context_strays())
			casus_policy_forget();
	}
}

void
casus_policy_end(void)
{
	if (casus_policy_cache != NULL)
		casus_policy_cache_trim();
}

/* ---- the verdict ---- */

/* The masks of a dossier, remembered for the next row. */
static void
remember(uint64 raw_dossier)
{
	int64		dossier = (int64) pg_ntoh64(raw_dossier);
	PolicySightNo no = 0;

	if (unlikely(cached_version != CURRENT_VERSION()))
		keep_current();
	memo.version = 0;
	if (dossier > 0 && has_capacity &&
		(only_dossier == 0 || only_dossier == dossier))
		no = casus_policy_sight_no(dossier);
	memo.no = no;
	memo.masks = casus_policy_masks(no, &memo.party);
	memo.raw_dossier = raw_dossier;
	memo.version = cached_version;
}

/*
 * The same for a dossier of which as much may be seen as of the one before:
 * most are in few states.  False: it is not known to be one.
 */
static inline bool
remember_same(uint64 raw_dossier)
{
	uint64		offset = pg_ntoh64(raw_dossier) - casus_policy_dense.base;

	if (memo.version != CURRENT_VERSION() || only_dossier != 0 ||
		offset >= casus_policy_dense.size ||
		casus_policy_dense.no[offset] != memo.no)
		return false;
	memo.raw_dossier = raw_dossier;
	return true;
}

/* Do the masks of the dossier that is remembered grant the item? */
static bool
grants(const CasusLabel *label)
{
	uint64		bit = UINT64CONST(1) << label->category;

	if ((memo.masks.all & bit) != 0)
		return true;
	if ((memo.masks.own & bit) != 0 && label->party != 0 && label->party == memo.party)
		return true;
	return (memo.masks.shared & bit) != 0 &&
		casus_policy_cache_shared(label->dossier, label->item, memo.party);
}

/* A row of several dossiers: each of the others must grant it too. Few rows are. */
static bool
all_grant(const CasusLabel *label)
{
	int64	   *others;
	int			n = casus_dossier_linked(label->dossier, label->item, &others);
	bool		result = n > 0;

	for (int i = 0; result && i < n; i++)
	{
		CasusLabel	other = *label;

		other.dossier = others[i];
		remember(pg_hton64((uint64) other.dossier));
		result = grants(&other);
	}
	pfree(others);
	memo.version = 0;
	return result;
}

/* What the masks do not settle at once. */
static pg_noinline bool
judge_further(const pg_uuid_t *raw)
{
	CasusLabel	label;

	switch (casus_label_unpack(raw, &label))
	{
		case CASUS_LABEL_OUTSIDE:
			return true;
		case CASUS_LABEL_PENDING:
			return casus_label_is_own_pending(raw);
		case CASUS_LABEL_BROKEN:
			return false;
		case CASUS_LABEL_GOVERNED:
			break;
	}

	if (casus_policy_has_inserts && casus_policy_inserted_here(label.dossier, label.item))
		return true;
	return grants(&label) && (!label.linked || all_grant(&label));
}

static inline bool
permits(const pg_uuid_t *raw)
{
	uint64		raw_dossier;
	uint64		rest;
	uint32		category;

	memcpy(&raw_dossier, raw->data, sizeof(raw_dossier));
	memcpy(&rest, raw->data + 8, sizeof(rest));
	if ((raw_dossier != memo.raw_dossier || memo.version != CURRENT_VERSION()) &&
		!remember_same(raw_dossier))
	{
		uint64		outside_dossier;
		uint64		outside_rest;

		/*
		 * Rows outside the protocol leave the memory of the dossier before as
		 * it is.  Their first half is no dossier, so it is never remembered.
		 */
		memcpy(&outside_dossier, casus_label_outside.data, sizeof(outside_dossier));
		memcpy(&outside_rest, casus_label_outside.data + 8, sizeof(outside_rest));
		if (raw_dossier == outside_dossier)
		{
			if (unlikely(!casus_preloaded))
				casus_require_preloaded();
			return rest == outside_rest;
		}
		if (unlikely(cached_version != CURRENT_VERSION()))
			casus_context_require_same();
		remember(raw_dossier);
	}

	/* Item 0 and a category without bit are malformed, whatever the masks say. */
	rest = pg_ntoh64(rest);
	category = ((uint32) rest >> 12) & 0xff;
	if (likely(category < CASUS_MAX_CODE && (rest >> 32) != 0 &&
			   (memo.masks.all & (UINT64CONST(1) << category)) != 0))
		return true;
	if (category < CASUS_MAX_CODE && (memo.masks.own | memo.masks.shared) == 0 &&
		!casus_policy_has_inserts && (int64) pg_ntoh64(raw_dossier) > 0)
		return false;
	return judge_further(raw);
}

bool
casus_policy_permits(const pg_uuid_t *raw)
{
	return permits(raw);
}

/* The file of a dossier by whose rules something of it may be seen; 0: nothing may; -1: all. */
int32
casus_policy_file(int64 dossier)
{
	uint64		raw_dossier = pg_hton64((uint64) dossier);

	if (raw_dossier != memo.raw_dossier || memo.version != CURRENT_VERSION())
		remember(raw_dossier);
	if (memo.no == 0 || memo.no == POLICY_OPENED)
		return memo.no == 0 ? 0 : -1;
	return casus_policy_folds[(memo.no - 1) >> POLICY_FOLD_SHIFT].capacity.file;
}

PG_FUNCTION_INFO_V1(casus_sql_permits);

Datum
casus_sql_permits(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(permits(PG_GETARG_UUID_P(0)));
}

/* ---- for open cursors ---- */

void
casus_policy_sight(int64 dossier, CasusSight *sight)
{
	uint64		raw_dossier = pg_hton64((uint64) dossier);

	/* Of a row that has just been let through it is known. */
	if (raw_dossier != memo.raw_dossier || memo.version != CURRENT_VERSION())
		remember(raw_dossier);
	sight->all = memo.masks.all;
	sight->own = memo.masks.own;
	sight->shared = memo.masks.shared;
	sight->ended = sight->shared == 0 ? 0 :
		casus_dossier_ended_sharing(dossier, memo.party);
}

/* A category that moves from own or shared to all is not a loss. */
bool
casus_policy_narrowed(const CasusSight *was, const CasusSight *is)
{
	return (was->all & ~is->all) != 0 ||
		(was->own & ~(is->own | is->all)) != 0 ||
		(was->shared & ~(is->shared | is->all)) != 0 ||
		((was->shared & ~is->all) != 0 && is->ended > was->ended);
}

void
casus_policy_init(void)
{
	casus_policy_support_init();
}
