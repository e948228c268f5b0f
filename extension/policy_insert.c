/*
 * policy_insert.c
 *		The governed rows that this transaction inserted: they stay visible to
 *		it, whatever its purpose lets it read.
 *
 * Item numbers come in blocks of 32, so a word of bits per block holds them.
 * A rollback to a savepoint takes the rows away, and with them the need to
 * forget their numbers: a number is never used twice.  Private to the
 * transaction.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "policy.h"
#include "xact.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

typedef struct BlockKey
{
	int64		dossier;
	uint64		block;
} BlockKey;

typedef struct BlockEntry
{
	BlockKey	key;
	uint32		bits;
	uint32		status;
} BlockEntry;

#define SH_PREFIX blocks
#define SH_ELEMENT_TYPE BlockEntry
#define SH_KEY_TYPE BlockKey
#define SH_KEY key
#define SH_HASH_KEY(tb, k) \
	(murmurhash32((uint32) (k).dossier) ^ murmurhash32((uint32) (k).block + 1))
#define SH_EQUAL(tb, a, b) ((a).dossier == (b).dossier && (a).block == (b).block)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static blocks_hash *inserted = NULL;	/* in TopTransactionContext */
bool		casus_policy_has_inserts = false;

static BlockKey
key_of(int64 dossier, uint32 item)
{
	BlockKey	key;

	key.dossier = dossier;
	key.block = item / 32;
	return key;
}

static void
insert_xact_callback(XactEvent event, void *arg)
{
	if (!casus_xact_ends(event))
		return;
	casus_policy_has_inserts = false;
	inserted = NULL;	/* gone with TopTransactionContext */
}

void
casus_policy_note_insert(int64 dossier, uint32 item)
{
	static bool listens = false;
	BlockEntry *entry;
	bool		found;

	casus_xact_listen(&listens, insert_xact_callback, NULL);
	if (inserted == NULL)
		inserted = blocks_create(TopTransactionContext, 16, NULL);
	casus_policy_has_inserts = true;
	entry = blocks_insert(inserted, key_of(dossier, item), &found);
	if (!found)
		entry->bits = 0;
	entry->bits |= 1U << (item % 32);
}

bool
casus_policy_inserted_here(int64 dossier, uint32 item)
{
	BlockEntry *entry;

	if (inserted == NULL)
		return false;
	entry = blocks_lookup(inserted, key_of(dossier, item));
	return entry != NULL && (entry->bits & (1U << (item % 32))) != 0;
}

bool
casus_policy_any_insert(void)
{
	return casus_policy_has_inserts;
}
