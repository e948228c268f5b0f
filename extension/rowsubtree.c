/*
 * rowsubtree.c
 *		The rows below a row that has just become governed: an UPDATE took it
 *		into the protocol, and what hangs on it goes along.
 *
 * Each row below is judged and labelled as if it were inserted now.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "rows.h"

typedef struct Joining
{
	const pg_uuid_t *parent;
	const CasusProtected *table;	/* whose predicates are compiled */
	CasusPredicates *predicates;
} Joining;

static void
join_row(const CasusProtected *prot, const CasusVia *via, Relation child,
		 TupleTableSlot *slot, const pg_uuid_t *label, void *arg)
{
	Joining    *join = arg;
	CasusRow	row = {0};
	CasusPlace	place = {0};
	pg_uuid_t	raw;

	if (memcmp(label, &casus_label_outside, UUID_LEN) != 0)
		return;
	if (join->table != prot)
	{
		join->predicates = casus_rowparent_prepare(prot->settings, false);
		join->table = prot;
	}
	row.rel = child;
	row.prot = prot;
	row.settings = prot->settings;
	row.predicates = join->predicates;
	row.slot = slot;
	place.fs = casus_rowparent_governing(row.predicates, slot);
	if (place.fs == NULL)
		return;
	place.kind = CASUS_PLACE_DOSSIER;
	place.via = via;
	place.parent_raw = *join->parent;
	place.has_parent = true;
	(void) casus_label_unpack(join->parent, &place.parent);
	place.dossier = place.parent.dossier;
	if (!casus_rowverdict_label(&row, &place, &raw))
		return;
	(void) casus_rowlabel_set(child, &slot->tts_tid, &raw);
	casus_rowsubtree_join(child, slot, &raw);
}

void
casus_rowsubtree_join(Relation rel, TupleTableSlot *slot, const pg_uuid_t *raw)
{
	Joining		join = {raw, NULL, NULL};

	casus_rowwalk_below(rel, slot, join_row, &join);
}
