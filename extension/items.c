/*
 * items.c
<<<<<<< HEAD
 *		Item numbers: unique in practice within a dossier, without a counter
 *		row that writers would queue for.
 *
 * casus_cat.item_seq hands out blocks of 32; a backend uses up its block and
 * forgets it when the database session ends.  The numbers are taken modulo
 * 2^32, and 0 is left out: it means the whole dossier.
=======
 *		Numbers for items: blocks of 32 from one sequence, used up by one
 *		backend.  No lock and no counter row; what a backend leaves of a block
 *		is lost.
>>>>>>> 9b163b1 (wip)
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"

#include "catalog/namespace.h"
#include "commands/sequence.h"
<<<<<<< HEAD

#define BLOCK	32

static int64 next_number = 0;	/* private to the backend */
static int64 last_number = -1;
=======
#include "miscadmin.h"
#include "utils/lsyscache.h"

#define BLOCK 32

/* Private to the backend: the next number and how many are left after it. */
static uint32 next_item = 0;
static int	left = 0;
>>>>>>> 9b163b1 (wip)

uint32
casus_next_item(void)
{
<<<<<<< HEAD
	for (;;)
	{
		uint32		item;

		if (next_number > last_number)
		{
			/* The sequence is one of casus_cat: found as an index is, by name. */
			last_number = nextval_internal(casus_index_oid("item_seq"), false);
			next_number = last_number - BLOCK + 1;
		}
		item = (uint32) next_number++;
		if (item != 0)
			return item;
	}
=======
	uint32		item;

	do
	{
		if (left == 0)
		{
			Oid			seq = get_relname_relid("item_seq",
												get_namespace_oid(CASUS_CAT_SCHEMA, false));

			/* The sequence is casus' own: the caller's rights do not matter. */
			next_item = (uint32) (nextval_internal(seq, false) - (BLOCK - 1));
			left = BLOCK;
		}
		item = next_item++;
		left--;
	} while (item == 0);		/* 0 stands for the whole dossier */
	return item;
>>>>>>> 9b163b1 (wip)
}
