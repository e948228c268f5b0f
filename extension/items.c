/*
 * items.c
 *		Item numbers: unique in practice within a dossier, without a counter
 *		row that writers would queue for.
 *
 * casus_cat.item_seq hands out blocks of 32; a backend uses up its block and
 * forgets it when the database session ends.  The numbers are taken modulo
 * 2^32, and 0 is left out: it means the whole dossier.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "rows.h"

#include "catalog/namespace.h"
#include "commands/sequence.h"

#define BLOCK	32

static int64 next_number = 0;	/* private to the backend */
static int64 last_number = -1;

uint32
casus_next_item(void)
{
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
}
