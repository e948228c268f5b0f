/*
 * rowlink.c
 *		Rows that a link table brings to dossiers: documents of several cases.
 *
 * The first governed link gives the row its label, as if it were inserted now.
 * A link to a further dossier sets the mark in the label, of the row and of
 * what hangs on it, and is kept in casus_cat.linked: such a row is read only
 * where every one of its dossiers permits.  Nothing takes a link back: a row
 * whose link is removed stays where it was.
 *
 * The row is locked in its newest version before its label is looked at, so
 * that of two links at once the second sees the first.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "rows.h"
#include "state.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"

/* One link, and the row that it leads to. */
typedef struct Link
{
	CasusRow   *row;			/* of the link table */
	CasusLabel	label;			/* its own */
	const pg_uuid_t *raw;
	bool		judge;			/* false: take_in, of rows that are there */
	CasusRow	document;
	ItemPointerData tid;
} Link;

static void
refuse(Link *link)
{
	if (link->judge)
		casus_rowverdict_no_parent(link->row);
}

/* ---- the first link ---- */

/* As casus_rowverdict_label(), without a verdict. */
static bool
plain_label(Link *link, CasusFileSettings *fs, pg_uuid_t *raw)
{
	CasusRow   *document = &link->document;
	CasusLabel	label = {0};
	CasusDossier dossier;
	const char *article;

	if (!casus_dossier_load(link->label.dossier, &dossier))
		return false;
	label.dossier = dossier.id;
	label.phase = dossier.phase;
	if (casus_rowcodes_apply(document->settings, fs, dossier.file,
							 casus_protocol(casus_find_protocol_of(dossier.file)),
							 document->slot, &link->label, &label, &article) != NULL)
		return false;
	label.item = casus_next_item();
	casus_label_pack(&label, raw);
	return true;
}

static void
join(Link *link)
{
	CasusRow   *document = &link->document;
	CasusPlace	place = {0};
	pg_uuid_t	raw;

	document->predicates = casus_rowparent_prepare(document->settings, false);
	place.fs = casus_rowparent_governing(document->predicates, document->slot);
	if (place.fs == NULL)
		return;
	place.kind = CASUS_PLACE_DOSSIER;
	place.dossier = link->label.dossier;
	place.has_parent = true;
	place.parent_raw = *link->raw;
	place.parent = link->label;
	if (link->judge ? !casus_rowverdict_label(document, &place, &raw) :
		!plain_label(link, place.fs, &raw))
		return;
	(void) casus_rowlabel_set(document->rel, &link->tid, &raw);
	CommandCounterIncrement();
	if (link->judge)
		casus_rowsubtree_join(document->rel, document->slot, &raw);
}

/* ---- further links ---- */

static void
mark(Relation rel, ItemPointer tid, const CasusLabel *label)
{
	CasusLabel	marked = *label;
	pg_uuid_t	raw;

	marked.linked = true;
	casus_label_pack(&marked, &raw);
	(void) casus_rowlabel_set(rel, tid, &raw);
}

/* A row that has its item from the one above it. */
static void
mark_child(const CasusProtected *prot, const CasusVia *via, Relation child,
		   TupleTableSlot *slot, const pg_uuid_t *raw, void *arg)
{
	const CasusLabel *parent = arg;
	CasusLabel	label;

	if (casus_label_unpack(raw, &label) != CASUS_LABEL_GOVERNED ||
		label.dossier != parent->dossier || label.item != parent->item || label.linked)
		return;
	mark(child, &slot->tts_tid, &label);
	casus_rowwalk_below(child, slot, mark_child, &label);
}

static bool
is_linked(const CasusLabel *document, int64 dossier)
{
	int64	   *others;
	int			n = document->linked ?
		casus_dossier_linked(document->dossier, document->item, &others) : 0;

	for (int i = 0; i < n; i++)
	{
		if (others[i] == dossier)
			return true;
	}
	return document->dossier == dossier;
}

/*
 * Who links a row makes others see less of it: only who reads it may, and who
 * could have brought it in.  To anybody else it is not there.
 */
static bool
may_link(Link *link, const CasusLabel *now, const pg_uuid_t *now_raw)
{
	CasusLabel	there = *now;
	CasusReason reason = {0};
	const CasusCapacity *capacity;
	CasusDossier ours;
	CasusDossier theirs;

	if (!casus_dossier_load(link->label.dossier, &ours) ||
		!casus_dossier_load(now->dossier, &theirs) || ours.file != theirs.file)
		return false;
	if (!link->judge)
		return true;
	capacity = casus_context_for_file(ours.file);
	there.dossier = ours.id;
	there.linked = false;
	return casus_policy_permits(now_raw) && casus_dossier_lock(theirs.id, LockTupleShare) &&
		casus_policy_explain(capacity, &there, CASUS_SUPPLY, &reason);
}

static void
link_further(Link *link, const CasusLabel *now, const pg_uuid_t *now_raw)
{
	CasusQuery	query;
	CasusLabel	label;

	if (!may_link(link, now, now_raw))
	{
		refuse(link);
		return;
	}
	casus_query_begin(&query);
	casus_query_int64(&query, now->dossier);
	casus_query_int64(&query, now->item);
	casus_query_int64(&query, link->label.dossier);
	casus_query_run(&query, "INSERT INTO casus_cat.linked (dossier, item, other) VALUES ($1, $2, $3)");
	casus_query_end(&query);
	if (now->linked)
		return;
	mark(link->document.rel, &link->tid, now);
	CommandCounterIncrement();
	label = *now;
	casus_rowwalk_below(link->document.rel, link->document.slot, mark_child, &label);
}

/* ---- entry ---- */

static void
follow(Link *link, const CasusVia *via)
{
	CasusRow   *document = &link->document;
	pg_uuid_t	raw;
	CasusSpot	spot;
	CasusLabel	now;
	CasusLabelKind kind = CASUS_LABEL_OUTSIDE;
	Datum		value;
	bool		isnull;

	if (casus_rowparent_label(via, link->row->slot, &raw, &spot) == CASUS_FOUND_NOTHING)
	{
		refuse(link);
		return;
	}
	document->rel = table_open(spot.relid, RowExclusiveLock);
	document->prot = casus_registry_find(spot.relid);
	document->settings = document->prot->settings;
	document->slot = table_slot_create(document->rel, NULL);
	link->tid = spot.tid;
	if (casus_rowlabel_lock(document->rel, &link->tid, document->slot))
	{
		link->tid = document->slot->tts_tid;
		value = slot_getattr(document->slot, document->prot->label_attno, &isnull);
		if (!isnull)
		{
			raw = *DatumGetUUIDP(value);
			kind = casus_label_unpack(&raw, &now);
		}
		if (kind != CASUS_LABEL_GOVERNED)
			join(link);
		else if (!is_linked(&now, link->label.dossier))
			link_further(link, &now, &raw);
	}
	else
		refuse(link);
	ExecDropSingleTupleTableSlot(document->slot);
	table_close(document->rel, NoLock);
}

/* A row of a link table has got its label: what it links follows. */
void
casus_rowlink_follow(CasusRow *row, const pg_uuid_t *raw, bool judge)
{
	for (int i = 0; i < row->settings->nrelabels; i++)
	{
		const CasusVia *via = &row->settings->relabels[i];
		const CasusSettings *settings;
		Link		link = {0};

		settings = OidIsValid(via->parent) ? casus_registry_settings(via->parent) : NULL;
		if (settings == NULL || !settings->links || !casus_rowparent_has_key(via, row->slot) ||
			casus_label_unpack(raw, &link.label) != CASUS_LABEL_GOVERNED)
			continue;
		link.row = row;
		link.raw = raw;
		link.judge = judge;
		follow(&link, via);
	}
}

/* Are the rows that this one links labelled with its dossier, among others? */
static bool
has_followed(CasusRow *row, const CasusLabel *label)
{
	for (int i = 0; i < row->settings->nrelabels; i++)
	{
		const CasusVia *via = &row->settings->relabels[i];
		const CasusSettings *settings;
		pg_uuid_t	raw;
		CasusLabel	now;

		settings = OidIsValid(via->parent) ? casus_registry_settings(via->parent) : NULL;
		if (settings == NULL || !settings->links || !casus_rowparent_has_key(via, row->slot))
			continue;
		if (casus_rowparent_label(via, row->slot, &raw, NULL) != CASUS_FOUND_LABEL ||
			casus_label_unpack(&raw, &now) != CASUS_LABEL_GOVERNED ||
			!is_linked(&now, label->dossier))
			return false;
	}
	return true;
}

static bool
follow_if_new(CasusRow *row, const pg_uuid_t *raw, const CasusLabel *label, bool write)
{
	if (has_followed(row, label))
		return false;
	if (write)
		casus_rowlink_follow(row, raw, false);
	return true;
}

/*
 * Goes through the governed rows of a link table.  With write what they link
 * follows; returns the number of those whose row had not.
 */
int64
casus_rowlink_all(const CasusProtected *prot, bool write)
{
	return casus_rowwalk_governed(prot, follow_if_new, write);
}
