/*
 * rowtrigger.c
 *		The row trigger of every protected table: labels new rows and gives
 *		the write verdict.
 *
 * It runs last of all BEFORE ROW triggers and ALWAYS, so also for rows that
 * reach it past row security: ON CONFLICT, referential actions, a replica.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "rows.h"
#include "layers.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(casus_sql_row_trigger);
PG_FUNCTION_INFO_V1(casus_sql_is_pending);

/* Kept in fn_extra: lives as long as the statement's trigger state. */
typedef struct RowState
{
	const CasusProtected *prot; /* the entry the rest was made from */
	CasusPredicates *predicates;
	CasusBounds *bounds;		/* of a partition; NULL: not asked for yet */
	TupleTableSlot *slot;		/* for a row that has no slot of its own */
} RowState;

static RowState *
get_state(FmgrInfo *flinfo, const CasusProtected *prot)
{
	RowState   *state = flinfo->fn_extra;
	MemoryContext old;

	if (state != NULL && state->prot == prot)
		return state;
	old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	state = palloc0(sizeof(RowState));
	state->predicates = casus_rowparent_prepare(prot->settings, true);
	state->prot = prot;
	MemoryContextSwitchTo(old);
	flinfo->fn_extra = state;
	return state;
}

static CasusBounds *
get_bounds(FmgrInfo *flinfo, RowState *state, Relation rel)
{
	if (state->bounds == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(flinfo->fn_mcxt);

		state->bounds = casus_rowtransit_prepare(rel);
		MemoryContextSwitchTo(old);
	}
	return state->bounds;
}

/* ---- labels of a tuple ---- */

static HeapTuple
with_label(CasusRow *row, HeapTuple tuple, const pg_uuid_t *raw)
{
	int			attno = row->prot->label_attno;
	Datum		value = UUIDPGetDatum(raw);
	bool		isnull = false;

	return heap_modify_tuple_by_cols(tuple, RelationGetDescr(row->rel),
									 1, &attno, &value, &isnull);
}

static HeapTuple
with_null_label(CasusRow *row, HeapTuple tuple)
{
	int			attno = row->prot->label_attno;
	Datum		value = (Datum) 0;
	bool		isnull = true;

	return heap_modify_tuple_by_cols(tuple, RelationGetDescr(row->rel),
									 1, &attno, &value, &isnull);
}

static bool
same_label(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a->data, b->data, UUID_LEN) == 0;
}

/* The row with this label and no other, whatever the statement gave it; NULL: with none. */
static HeapTuple
keep_label(CasusRow *row, HeapTuple tuple, const pg_uuid_t *raw)
{
	pg_uuid_t	given;
	bool		has = casus_rowlabel_of(row, tuple, &given);

	if (raw == NULL)
		return has ? with_null_label(row, tuple) : tuple;
	return has && same_label(&given, raw) ? tuple : with_label(row, tuple, raw);
}

/* ---- INSERT ---- */

static void check_stays(CasusRow *row, const pg_uuid_t *raw, bool new_key);

static HeapTuple
handle_insert(CasusRow *row, HeapTuple tuple)
{
	CasusPlace	place;
	pg_uuid_t	raw;
	pg_uuid_t	given;
	bool		has = casus_rowlabel_of(row, tuple, &given);
	bool		outside = has && same_label(&given, &casus_label_outside);
	int			label_attno = row->prot->label_attno;
	Datum		met;
	bool		isnull;

	if (has && !outside && casus_rowtransit_arrives(row->prot, &given))
	{
		CasusLabel	label;

		check_stays(row, &given, true);
		if (row->settings->kind == CASUS_KIND_ROOT &&
			casus_label_unpack(&given, &label) == CASUS_LABEL_GOVERNED)
			casus_rowverdict_note_root(row->rel, row->slot, label.dossier);
		return tuple;
	}
	if (has && !outside)
		casus_rowverdict_refuse(row, "label",
								_("the label of a row is written by casus"),
								_("nobody gives a row its dossier, category or originator but casus"),
								_("Leave casus_label out."));
	casus_rowparent_place(row->prot, row->predicates, row->slot, &place);
	switch (place.kind)
	{
		case CASUS_PLACE_OUTSIDE:
			if (casus_rowverdict_wants_parent(row, &place))
			{
				if (!place.via->deferrable)
					break;
				casus_label_pending(&raw);
				return with_label(row, tuple, &raw);
			}
			return outside ? tuple : with_label(row, tuple, &casus_label_outside);
		case CASUS_PLACE_NO_PARENT:
			if (!place.via->deferrable)
				break;
			casus_label_pending(&raw);
			return with_label(row, tuple, &raw);
		case CASUS_PLACE_ROOT:
		case CASUS_PLACE_DOSSIER:
			row->may_wait = place.via != NULL && place.via->deferrable;
			/* No dossier is opened for a row that will not be there. */
			if (place.kind == CASUS_PLACE_ROOT && casus_context_for_file(place.fs->id) != NULL &&
				casus_rowconflict_meets(row, &met, &isnull))
				return heap_modify_tuple_by_cols(tuple, RelationGetDescr(row->rel), 1,
												 &label_attno, &met, &isnull);
			if (!casus_rowverdict_label(row, &place, &raw))
			{
				if (!row->waits)
					return with_null_label(row, tuple);
				casus_label_pending(&raw);
				return with_label(row, tuple, &raw);
			}
			casus_rowverdict_relabel_parents(row, &raw);
			casus_rowlink_follow(row, &raw, true);
			return with_label(row, tuple, &raw);
		default:
			break;
	}
	casus_rowverdict_no_parent(row);
	return with_null_label(row, tuple);
}

/* ---- UPDATE ---- */

static bool
key_changed(CasusRow *row, HeapTuple old, HeapTuple new)
{
	TupleDesc	desc = RelationGetDescr(row->rel);
	int			nvia = row->settings->nvia;

	for (int i = 0; i <= nvia + row->settings->nresolve; i++)
	{
		AttrNumber	attno = i < nvia ? row->settings->via[i].attno :
			i > nvia ? row->settings->resolve_attnos[i - nvia - 1] : row->settings->dossier_attno;
		Form_pg_attribute att;
		Datum		a;
		Datum		b;
		bool		anull;
		bool		bnull;

		if (attno == 0)
			continue;
		att = TupleDescAttr(desc, attno - 1);
		a = heap_getattr(old, attno, desc, &anull);
		b = heap_getattr(new, attno, desc, &bnull);
		if (anull != bnull ||
			(!anull && !datumIsEqual(a, b, att->attbyval, att->attlen)))
			return true;
	}
	return false;
}

/* A row that opened a dossier is known there by its key. */
static bool
root_key_changed(CasusRow *row, HeapTuple old, HeapTuple new)
{
	Bitmapset  *columns = RelationGetIndexAttrBitmap(row->rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	TupleDesc	desc = RelationGetDescr(row->rel);
	int			i = -1;

	while ((i = bms_next_member(columns, i)) >= 0)
	{
		AttrNumber	attno = i + FirstLowInvalidHeapAttributeNumber;
		Form_pg_attribute att = TupleDescAttr(desc, attno - 1);
		bool		isnull;

		if (!datum_image_eq(heap_getattr(old, attno, desc, &isnull),
							heap_getattr(new, attno, desc, &isnull), att->attbyval, att->attlen))
			return true;
	}
	return false;
}

/*
 * The hint tells nothing of the target: one that is hidden and one that is
 * missing are refused alike.
 */
static void
refuse_move(CasusRow *row)
{
	char	   *name = casus_relation_ddl_name(RelationGetRelid(row->rel));

	casus_rowverdict_refuse(row, "label",
							_("an UPDATE cannot take a row to another dossier, or out of the protocol"),
							_("a row stays in the dossier that it was brought into"),
							row->settings->kind == CASUS_KIND_ROOT ?
							_("Delete the row and insert it anew.") :
							psprintf(_("casus.move(%s, key, target, motivation) takes it to another dossier."),
									 quote_literal_cstr(name)));
}

/* A governed row is in the same dossier as before, and still governed. */
static void
check_stays(CasusRow *row, const pg_uuid_t *raw, bool new_key)
{
	CasusLabel	label;
	CasusLabel	now;
	CasusPlace	place;
	const char *article;
	const char *why;

	if (casus_label_unpack(raw, &label) != CASUS_LABEL_GOVERNED)
		return;
	if (row->settings->kind == CASUS_KIND_VIA_CHILD)
		return;
	if ((row->settings->kind == CASUS_KIND_VIA || row->settings->resolve_name != NULL) && !new_key)
	{
		place.kind = CASUS_PLACE_DOSSIER;
		place.dossier = label.dossier;
		place.fs = casus_rowparent_governing(row->predicates, row->slot);
		if (place.fs == NULL)
			place.kind = CASUS_PLACE_OUTSIDE;
	}
	else
		casus_rowparent_place(row->prot, row->predicates, row->slot, &place);
	if ((place.kind != CASUS_PLACE_DOSSIER && place.kind != CASUS_PLACE_ROOT) ||
		(place.kind == CASUS_PLACE_DOSSIER && place.dossier != label.dossier) ||
		(place.kind == CASUS_PLACE_ROOT && casus_rowverdict_hold(row, label.dossier) &&
		 place.fs->id != row->dossier.file))
	{
		refuse_move(row);
		return;
	}
	casus_rowverdict_relabel_parents(row, raw);
	casus_rowlink_follow(row, raw, true);
	/* What the row now says must still be allowed for its data subject. */
	now = label;
	if (row->protocol == NULL && !casus_rowverdict_hold(row, label.dossier))
		return;
	why = casus_rowcodes_apply(row->settings, place.fs, row->dossier.file,
							   row->protocol, row->slot, &label, &now, &article);
	if (why != NULL)
		casus_rowverdict_refuse_under(row, article, "wrong_category",
									  _("these data may not be kept in this dossier"),
									  why, NULL);
	else if (now.category != label.category || now.party != label.party ||
			 now.subject_category != label.subject_category)
		casus_rowverdict_refuse(row, "label",
								_("an UPDATE cannot change the category, originator or category of data subject of a row"),
								_("what a row is about and whose it is was judged when it was brought in"),
								_("Delete the row and insert it anew."));
}

/* What becomes another value in columns of a category of their own. */
static void
check_columns(CasusRow *row, const pg_uuid_t *raw, HeapTuple old)
{
	const CasusSettings *settings = row->settings;
	TupleTableSlot *slot;
	CasusLabel	label;
	bool		any = false;

	for (int i = 0; i < settings->nfiles; i++)
		any |= settings->files[i].ndata > 0;
	if (!any || casus_label_unpack(raw, &label) != CASUS_LABEL_GOVERNED ||
		(row->protocol == NULL && !casus_rowverdict_hold(row, label.dossier)))
		return;
	slot = MakeSingleTupleTableSlot(RelationGetDescr(row->rel), &TTSOpsHeapTuple);
	ExecStoreHeapTuple(old, slot, false);
	casus_rowverdict_columns(row, &label, slot);
	ExecDropSingleTupleTableSlot(slot);
}

/* And correct is allowed. */
static void
update_governed(CasusRow *row, const pg_uuid_t *raw, HeapTuple old, HeapTuple new)
{
	CasusLabel	label;

	casus_rowverdict_change(row, raw, CASUS_CORRECT);
	check_columns(row, raw, old);
	check_stays(row, raw, key_changed(row, old, new));
	if (row->settings->kind == CASUS_KIND_ROOT && root_key_changed(row, old, new) &&
		casus_label_unpack(raw, &label) == CASUS_LABEL_GOVERNED)
		casus_rowverdict_note_root(row->rel, row->slot, label.dossier);
}

static bool
has_predicate(const CasusSettings *settings)
{
	for (int i = 0; i < settings->nfiles; i++)
	{
		if (settings->files[i].governs_text != NULL)
			return true;
	}
	return false;
}

/*
 * A row outside or pending: it may become governed now. A child looks at its
 * parent again only when it got another one, when a predicate of its own may
 * have changed its mind, or when it waits.
 */
static bool
update_ungoverned(CasusRow *row, const pg_uuid_t *raw, CasusLabelKind kind,
				  HeapTuple old, HeapTuple new, pg_uuid_t *result)
{
	CasusPlace	place;

	*result = *raw;
	if (kind == CASUS_LABEL_OUTSIDE && row->settings->kind == CASUS_KIND_VIA &&
		!has_predicate(row->settings) && !key_changed(row, old, new))
		return true;
	casus_rowparent_place(row->prot, row->predicates, row->slot, &place);
	switch (place.kind)
	{
		case CASUS_PLACE_OUTSIDE:
			*result = casus_label_outside;
			if ((kind == CASUS_LABEL_OUTSIDE && !key_changed(row, old, new)) ||
				!casus_rowverdict_wants_parent(row, &place))
				return true;
			if (!place.via->deferrable)
				break;
			casus_label_pending(result);
			return true;
		case CASUS_PLACE_NO_PARENT:
			if (!place.via->deferrable)
				break;
			casus_label_pending(result);
			return true;
		case CASUS_PLACE_ROOT:
		case CASUS_PLACE_DOSSIER:
			row->may_wait = place.via != NULL && place.via->deferrable;
			if (!casus_rowverdict_label(row, &place, result))
			{
				if (row->waits)
					casus_label_pending(result);
				return row->waits;
			}
			casus_rowverdict_relabel_parents(row, result);
			casus_rowlink_follow(row, result, true);
			casus_rowlabel_hold(row->rel, &old->t_self);
			casus_rowsubtree_join(row->rel, row->slot, result);
			return true;
		default:
			break;
	}
	casus_rowverdict_no_parent(row);
	return false;
}

static char *
hint_take_in(const CasusRow *row)
{
	return psprintf("CALL casus.take_in(%s);  -- by a casus_admin who owns it",
					quote_literal_cstr(casus_relation_ddl_name(row->prot->family)));
}

static HeapTuple
handle_update(CasusRow *row, HeapTuple old, HeapTuple new)
{
	pg_uuid_t	before;
	pg_uuid_t	after;
	CasusLabel	label;
	bool		had = casus_rowlabel_of(row, old, &before);
	bool		has = casus_rowlabel_of(row, new, &after);
	CasusLabelKind kind;

	if (had != has || (had && !same_label(&before, &after)))
		casus_rowverdict_refuse(row, "label",
								_("the label of a row is written by casus"),
								_("nobody gives a row its dossier, category or originator but casus"),
								_("Leave casus_label out."));
	if (!had)
	{
		/* Unlabelled rows are denied to everyone until they are taken in. */
		casus_rowverdict_refuse(row, "label",
								_("this row may not be changed"),
								_("it has no label yet"), hint_take_in(row));
		return keep_label(row, new, NULL);
	}
	kind = casus_label_unpack(&before, &label);
	if (kind == CASUS_LABEL_GOVERNED)
	{
		update_governed(row, &before, old, new);
		casus_rowverdict_note(row, &label, CASUS_CORRECT);
		return keep_label(row, new, &before);
	}
	if (kind == CASUS_LABEL_BROKEN ||
		(kind == CASUS_LABEL_PENDING && !casus_label_is_own_pending(&before)))
	{
		casus_rowverdict_refuse(row, "label",
								_("this row may not be changed"),
								_("its label is not one of this installation"), NULL);
		return keep_label(row, new, &before);
	}
	if (!update_ungoverned(row, &before, kind, old, new, &after))
		return keep_label(row, new, &before);
	return keep_label(row, new, &after);
}

/* ---- DELETE ---- */

static void
handle_delete(CasusRow *row, HeapTuple old)
{
	pg_uuid_t	raw;

	if (!casus_rowlabel_of(row, old, &raw))
	{
		casus_rowverdict_refuse(row, "label",
								_("this row may not be removed"),
								_("it has no label yet"), hint_take_in(row));
		return;
	}
	casus_rowtransit_removes(row, &raw);
}

/* ---- entry ---- */

/* A copied descriptor: a reference-counted one would be held past the query. With
 * its constraints, for those hold the defaults of columns added later. */
static TupleTableSlot *
slot_for(FmgrInfo *flinfo, RowState *state, Relation rel, HeapTuple tuple,
		 TupleTableSlot *given)
{
	if (given != NULL)
		return given;
	if (state->slot == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(flinfo->fn_mcxt);

		state->slot = MakeSingleTupleTableSlot(CreateTupleDescCopyConstr(RelationGetDescr(rel)),
											   &TTSOpsHeapTuple);
		MemoryContextSwitchTo(old);
	}
	ExecStoreHeapTuple(tuple, state->slot, false);
	return state->slot;
}

Datum
casus_sql_row_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	CasusRow	row = {0};
	RowState   *state;
	pg_uuid_t	raw;
	HeapTuple	result;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("casus_int.row_trigger is a BEFORE ROW trigger")));
	if (!CASUS_LAYER(trigger))
		return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
							   trigger->tg_newtuple : trigger->tg_trigtuple);
	casus_require_preloaded();
	casus_fence_check_trigger(trigger, CASUS_TRIGGER_NAME);
	row.rel = trigger->tg_relation;
	row.prot = casus_registry_find(RelationGetRelid(trigger->tg_relation));
	if (row.prot == NULL || row.prot->settings == NULL || row.prot->foreign ||
		(row.prot->mode == CASUS_MODE_ENFORCE && !row.prot->fenced))
		casus_check_refuse(casus_check_protocol(NULL, 0), "not_fenced",
						   _("a protected table is not fenced"),
						   _("its settings, its policy or its trigger are not as casus.bind made them"),
						   casus_relation_ddl_bind(RelationGetRelid(trigger->tg_relation)));
	row.settings = row.prot->settings;
	state = get_state(fcinfo->flinfo, row.prot);
	row.predicates = state->predicates;

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		row.slot = slot_for(fcinfo->flinfo, state, row.rel,
							trigger->tg_trigtuple, trigger->tg_trigslot);
		row.tuple = trigger->tg_trigtuple;
		result = handle_insert(&row, trigger->tg_trigtuple);
		casus_rowcopy_check(&row, result);
	}
	else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		row.slot = slot_for(fcinfo->flinfo, state, row.rel,
							trigger->tg_newtuple, trigger->tg_newslot);
		row.tuple = trigger->tg_newtuple;
		row.named = trigger->tg_updatedcols;
		result = handle_update(&row, trigger->tg_trigtuple, trigger->tg_newtuple);
		casus_rowcopy_check(&row, result);
		if (casus_rowtransit_leaves(get_bounds(fcinfo->flinfo, state, row.rel), row.slot) &&
			casus_rowlabel_of(&row, result, &raw))
			casus_rowtransit_begin(row.prot, &trigger->tg_trigtuple->t_self, &raw);
	}
	else if (casus_rowtransit_departs(row.prot, &trigger->tg_trigtuple->t_self))
		result = trigger->tg_trigtuple;
	else
	{
		handle_delete(&row, trigger->tg_trigtuple);
		result = trigger->tg_trigtuple;
	}
	return PointerGetDatum(result);
}

Datum
casus_sql_is_pending(PG_FUNCTION_ARGS)
{
	CasusLabel	label;

	PG_RETURN_BOOL(casus_label_unpack(PG_GETARG_UUID_P(0), &label) == CASUS_LABEL_PENDING);
}
