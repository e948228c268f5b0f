/*
 * movetree.c
 *		The verdict on each row that casus.move() takes along, and the new
 *		labels: of the row, of what hangs on it, and of what it gives a label.
 *
 * The dossiers are locked by move.c before anything is judged.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "move.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* What was judged is no longer so. */
void
casus_movetree_try_again(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("the row or its target was changed at the same time"),
			 errhint("Try again.")));
}

static void
refuse_linked(Oid relid)
{
	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
					  _("this row cannot be moved"),
					  casus_check_ground_of(relid, "label",
											_("it, or what it links, belongs to several dossiers")),
											_("Delete the row and insert it where it belongs, in one transaction."));
}

/* ---- the verdict ---- */

/* The capacity in which the caller may do it in this dossier, by any rule for the verb. */
void
casus_movetree_capacity(CasusMove *m, const CasusDossier *dossier, CasusVerb verb,
						CasusCapacity *capacity)
{
	const char *article = m->protocol->phase_article[dossier->phase];
	uint64		offices = 0;

	for (int i = 0; i < m->protocol->nrules; i++)
	{
		const CasusRule *rule = &m->protocol->rules[i];

		if (rule->state != dossier->state || (rule->verbs & verb) == 0)
			continue;
		if (offices == 0)
			article = rule->article;
		offices |= UINT64CONST(1) << rule->office;
	}
	if (offices == 0)
		casus_refuse("wrong_phase", _("this row may not be moved"),
					 casus_check_detail(m->protocol, "wrong_phase", article,
										verb == CASUS_REMOVE ?
										_("nobody removes rows from a dossier in this phase") :
										_("nobody brings rows into a dossier in this phase")),
					 "SELECT id, file, phase FROM casus.dossier;  -- another dossier, or this one in another phase");
	casus_context_for_act(dossier->file, dossier->id, offices, article, capacity);
}

static void
judge(CasusMove *m, Relation rel, TupleTableSlot *slot, const CasusLabel *label)
{
	AttrNumber	attno = 0;
	CasusLabel	moved = *label;
	CasusReason reason = {0};

	moved.dossier = m->to.id;
	if (!casus_policy_explain(&m->removes, label, CASUS_READ, &reason))
		casus_check_refuse(m->protocol, "no_appointment", _("this row may not be moved"),
						   _("it, or what hangs on it, is not for your office to read"),
						   CASUS_HINT_ENTER);
	if (casus_policy_explain(&m->removes, label, CASUS_REMOVE, &reason) &&
		casus_policy_explain(&m->supplies, &moved, CASUS_SUPPLY, &reason))
		attno = casus_rowcolumn_barred(casus_registry_find(RelationGetRelid(rel)), rel, slot, NULL,
									   NULL, &m->supplies, &moved, m->to.file, &reason);
	if (reason.code == NULL)
		return;
	casus_refuse(reason.code,
				 attno == 0 ? _("this row may not be moved") :
				 psprintf(_("column \"%s\" of this row may not be brought in"),
						  get_attname(RelationGetRelid(rel), attno, false)),
				 casus_check_detail(m->protocol, reason.code, reason.article, reason.text),
				 reason.hint);
}

/* ---- the row and what hangs on it ---- */

/* The label of a row where it is governed and in the dossier that is left. */
static bool
left_label(CasusMove *m, const CasusProtected *prot, TupleTableSlot *slot, CasusLabel *label)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, prot->label_attno, &isnull);

	return !isnull &&
		casus_label_unpack(DatumGetUUIDP(value), label) == CASUS_LABEL_GOVERNED &&
		label->dossier == m->from.id;
}

/*
 * Rows of one table that come to their dossier over the n-th of its keys, not
 * over one before it.  The settings are copied: they may go with an
 * invalidation while the rows are written.
 */
static void
move_children(CasusMove *m, Oid relid, const CasusVia *vias, int n, TupleTableSlot *parent_slot)
{
	Relation	child = table_open(relid, RowExclusiveLock);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(child), &TTSOpsHeapTuple);
	ListCell   *lc;

	foreach(lc, casus_rowwalk_rows(child, &vias[n], parent_slot))
	{
		const CasusProtected *prot = casus_registry_find(relid);
		CasusLabel	label;
		bool		earlier = false;

		CHECK_FOR_INTERRUPTS();
		ExecStoreHeapTuple(lfirst(lc), slot, false);
		slot->tts_tid = ((HeapTuple) lfirst(lc))->t_self;
		for (int i = 0; i < n; i++)
			earlier |= casus_rowparent_has_key(&vias[i], slot);
		if (!earlier && left_label(m, prot, slot, &label))
			casus_movetree_row(m, child, slot, &label, NULL, 0);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_close(child, NoLock);
}

/* Another row may hold its parent in the dossier that is left: then all stay. */
static void
check_siblings(CasusMove *m, Oid relid, const CasusVia *via, TupleTableSlot *parent_slot)
{
	Relation	child = table_open(relid, RowExclusiveLock);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(child), &TTSOpsHeapTuple);
	ListCell   *lc;

	foreach(lc, casus_rowwalk_rows(child, via, parent_slot))
	{
		CasusLabel	label;

		ExecStoreHeapTuple(lfirst(lc), slot, false);
		if (left_label(m, casus_registry_find(relid), slot, &label))
			casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
							  _("this row cannot be moved alone"),
							  _("Another row of its dossier belongs to the same parent row."),
							  _("Move the parent row: what hangs on it goes along."));
	}
	ExecDropSingleTupleTableSlot(slot);
	table_close(child, NoLock);
}

/* Tables whose rows come to their dossier by the row in slot. */
static void
move_below(CasusMove *m, Oid relid, TupleTableSlot *slot)
{
	ListCell   *lc;

	foreach(lc, casus_registry_tables())
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));
		const CasusSettings *settings = prot != NULL ? prot->settings : NULL;
		int			nvia = settings != NULL ? settings->nvia : 0;
		int			nrelabels = settings != NULL ? settings->nrelabels : 0;
		CasusVia   *vias = palloc(sizeof(CasusVia) * (nvia + nrelabels + 1));

		for (int i = 0; i < nvia + nrelabels; i++)
			vias[i] = i < nvia ? settings->via[i] : settings->relabels[i - nvia];
		for (int i = 0; i < nvia + nrelabels; i++)
		{
			if (!OidIsValid(vias[i].parent) || !casus_registry_is_of(relid, vias[i].parent))
				continue;
			if (i < nvia)
				move_children(m, lfirst_oid(lc), vias, i, slot);
			else
				check_siblings(m, lfirst_oid(lc), &vias[i], slot);
		}
		pfree(vias);
	}
}

/* Do rows of the table come to their dossiers by a link table? */
static bool
links(Oid relid)
{
	const CasusSettings *settings = casus_registry_settings(relid);

	return settings != NULL && settings->links;
}

/* Parents that have their label from this row go along. */
static void
move_parents(CasusMove *m, Oid relid, TupleTableSlot *slot)
{
	const CasusProtected *prot = casus_registry_find(relid);
	const CasusSettings *settings = prot->settings;
	int			n = settings->nrelabels;
	CasusVia   *vias = palloc(sizeof(CasusVia) * (n + 1));

	for (int i = 0; i < n; i++)
		vias[i] = settings->relabels[i];
	for (int i = 0; i < n; i++)
	{
		Relation	parent;
		TupleTableSlot *above;
		pg_uuid_t	raw;
		CasusLabel	label;
		CasusSpot	spot;

		if (!OidIsValid(vias[i].parent) || !casus_rowparent_has_key(&vias[i], slot) ||
			casus_rowparent_label(&vias[i], slot, &raw, &spot) != CASUS_FOUND_LABEL ||
			casus_label_unpack(&raw, &label) != CASUS_LABEL_GOVERNED)
			continue;
		if (label.linked || (label.dossier != m->from.id && links(vias[i].parent)))
			refuse_linked(relid);
		if (label.dossier != m->from.id)
			continue;
		parent = table_open(spot.relid, RowExclusiveLock);
		above = table_slot_create(parent, NULL);
		if (table_tuple_fetch_row_version(parent, &spot.tid, SnapshotSelf, above))
			casus_movetree_row(m, parent, above, &label, NULL, 0);
		ExecDropSingleTupleTableSlot(above);
		table_close(parent, NoLock);
	}
}

/*
 * Judges one row as it becomes (NULL: its label alone changes) and gives it its new
 * label, and n columns of the move their value; then what hangs on it.  What has the
 * new label already is not met again.
 */
void
casus_movetree_row(CasusMove *m, Relation rel, TupleTableSlot *slot, const CasusLabel *label,
				   TupleTableSlot *becomes, int n)
{
	Oid			relid = RelationGetRelid(rel);
	CasusLabel	moved = *label;
	pg_uuid_t	raw;
	AttrNumber	label_attno = get_attnum(relid, CASUS_LABEL_COLUMN);
	Datum		label_value = UUIDPGetDatum(&raw);
	AttrNumber *attnos = &label_attno;
	Datum	   *values = &label_value;

	check_stack_depth();
	if (label->linked)
		refuse_linked(relid);
	judge(m, rel, becomes != NULL ? becomes : slot, label);
	moved.dossier = m->to.id;
	casus_label_pack(&moved, &raw);
	if (n > 0)
	{
		attnos = m->changed;
		values = m->values;
		attnos[n] = label_attno;
		values[n] = label_value;
	}
	if (!casus_rowlabel_write(rel, &slot->tts_tid, n + 1, attnos, values,
							  n > 0 ? m->nulls : NULL))
		casus_movetree_try_again();
	CommandCounterIncrement();
	casus_accesslog_note_write(casus_registry_find(relid)->family, m->from.id, CASUS_REMOVE);
	casus_accesslog_note_write(casus_registry_find(relid)->family, m->to.id, CASUS_SUPPLY);
	m->nrows++;
	move_parents(m, relid, slot);
	move_below(m, relid, slot);
}
