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

#define POLICY_MAX_FOLDS	32	/* a bit each while loading in bulk */

/* policy_fold.c */
extern void casus_policy_fold_refresh(void);	/* folds anew when people, rules or context moved */
extern int	casus_policy_fold_count(void);
extern const PolicyFold *casus_policy_fold(int i);
extern int	casus_policy_fold_of_file(int32 file);	/* -1: no capacity there */
extern PolicySightNo casus_policy_fold_sight(int fold, const CasusDossier *dossier, bool takes_part);
extern bool casus_policy_fold_asks(int fold, const CasusDossier *dossier);
extern const PolicyMasks *casus_policy_fold_masks(PolicySightNo no, uint16 *party);

/* policy_insert.c */
extern void casus_policy_insert_init(void);

/* policy_cache.c */
extern void casus_policy_cache_clear(void);
extern void casus_policy_cache_trim(void);	/* no statement runs any more */
extern PolicySightNo casus_policy_cache_find(int64 dossier);
extern bool casus_policy_cache_shared(int64 dossier, uint32 item, uint16 party);
extern TimestampTz casus_policy_cache_until(void);	/* when what it holds changes by itself */

#endif							/* CASUS_POLICY_H */
