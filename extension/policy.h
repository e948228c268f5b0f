/*
 * policy.h
 *		What the policy_*.c files share among themselves.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_POLICY_H
#define CASUS_POLICY_H

#include "casus.h"

/* Category masks in one state, for those who take part or not. */
typedef struct PolicyMasks
{
	uint64		all;			/* readable whoever supplied the item */
	uint64		own;			/* readable when my party supplied it */
	uint64		shared;			/* readable when shared with my party */
} PolicyMasks;

/* The rules of a protocol folded for one capacity, once per rule version. */
typedef struct PolicyFold
{
	CasusCapacity capacity;
	char		level;			/* CasusLevel of the office */
	uint64		phases;			/* whose dossiers the purpose reads */
	uint64		ask;			/* states where taking part makes a difference */
	PolicyMasks masks[2][CASUS_MAX_CODE];	/* [takes part][state] */
} PolicyFold;

/*
 * Which masks hold for a dossier: 0 none, else fold, taking part and state
 * packed; see policy_fold.c.
 */
typedef uint32 PolicySightNo;

#define POLICY_OPENED	0xffff	/* all of it: opened beside the rules; no fold has this number */

#define POLICY_MAX_FOLDS	32	/* a bit each while loading in bulk; numbers fit in 16 bits */

/* policy_fold.c */

/* Folds anew when people, rules or context moved; did they? */
extern bool casus_policy_fold_refresh(void);
extern int	casus_policy_fold_count(void);
extern const PolicyFold *casus_policy_fold(int i);
extern int	casus_policy_fold_of_file(int32 file);	/* -1: no capacity there */
extern PolicySightNo casus_policy_fold_sight(int fold, const CasusDossier *dossier,
											 bool takes_part);
extern bool casus_policy_fold_asks(int fold, const CasusDossier *dossier);

extern PolicyFold *casus_policy_folds;	/* [fold]; for the function below */

#define POLICY_STATE_BITS	6
#define POLICY_PART_BIT		(1 << POLICY_STATE_BITS)
#define POLICY_FOLD_SHIFT	(POLICY_STATE_BITS + 1)

/* Here, and not in its file, because it is on the way of every row. */
static inline PolicyMasks
casus_policy_masks(PolicySightNo no, uint16 *party)
{
	static const PolicyMasks nothing = {0, 0, 0};
	static const PolicyMasks everything = {~UINT64CONST(0), 0, 0};
	const PolicyFold *fold;

	if (no == 0 || no == POLICY_OPENED)
	{
		*party = 0;
		return no == 0 ? nothing : everything;
	}
	no--;
	fold = &casus_policy_folds[no >> POLICY_FOLD_SHIFT];
	*party = fold->capacity.party;
	return fold->masks[(no & POLICY_PART_BIT) ? 1 : 0][no & (POLICY_PART_BIT - 1)];
}

/* policy.c */
extern int32 casus_policy_file(int64 dossier);

/* policy_support.c */
extern void casus_policy_support_init(void);

/* policy_insert.c */
extern bool casus_policy_has_inserts;	/* casus_policy_any_insert(), for every row */

/* policy_cache.c; all of it for the version that policy.c keeps */
extern void casus_policy_cache_clear(void);
extern void casus_policy_cache_trim(void);	/* no statement runs any more */
extern PolicySightNo casus_policy_cache_find(int64 dossier);

/*
 * After loading in bulk: the number per dossier id from base on, where ids lie
 * close enough together.  16-bit numbers stay in the processor's caches where
 * a hash table does not.
 */
typedef struct PolicyDense
{
	uint64		base;
	uint64		size;			/* 0: not in use */
	uint16	   *no;
} PolicyDense;

extern PolicyDense casus_policy_dense;

static inline PolicySightNo
casus_policy_sight_no(int64 dossier)
{
	uint64		offset = (uint64) dossier - casus_policy_dense.base;

	if (offset < casus_policy_dense.size)
		return casus_policy_dense.no[offset];
	return casus_policy_cache_find(dossier);
}

extern bool casus_policy_cache_shared(int64 dossier, uint32 item, uint16 party);
extern bool casus_policy_has_openings;	/* is any dossier open beside the rules? */
extern TimestampTz casus_policy_until;	/* when what it holds changes by itself */
extern MemoryContext casus_policy_cache;	/* NULL: nothing was ever held */

#endif							/* CASUS_POLICY_H */
