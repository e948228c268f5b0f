/*
 * rowcopy.c
 *		Is a row that is about to be written a copy of governed rows, where none
 *		may come?  And what have triggers kept of a governed row that they were
 *		given?
 *
 * Asked by the row trigger when all others have been.  Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"
#include "rows.h"

/* Triggers before the row trigger have been given the row too. */
static void
check_beside(CasusRow *row)
{
	const CasusGuardFacts *facts = casus_guard_source_kept();

	if (facts == NULL)
		return;
	if (row->prot->mode == CASUS_MODE_ENFORCE)
		casus_guard_temp_note_all(facts->temporary);
	if (facts->kept != NULL && row->prot->mode == CASUS_MODE_ENFORCE)
		casus_rowverdict_refuse(row, "copy_out", _("this copy would go past the protocol"),
								facts->kept, casus_guard_derive_history(facts->beside));
	if (facts->kept != NULL && casus_guard_frame_tells(casus_guard_frame_top()))
		casus_guard_derive_observe(row->prot->family, facts->kept);
}

/* Of an observed table: it is told once, and written. */
static void
observe(Oid relid, bool is_governed)
{
	casus_guard_derive_observe(relid, is_governed ?
							   _("governed rows of one file would be written into another") :
							   _("governed rows would be written into a row outside the protocol"));
}

static void
refuse(CasusRow *row, bool is_governed)
{
	casus_rowverdict_refuse(row, "copy_out", _("this copy would go past the protocol"),
							is_governed ? _("governed rows of one file would be written into another") :
							_("governed rows would be written into a row outside the protocol"),
							is_governed ? CASUS_HINT_ENTER : NULL);
}

/*
 * The row as it will be written.  What hangs from a parent that is not there
 * yet may turn out to be outside.
 */
void
casus_rowcopy_check(CasusRow *row, HeapTuple tuple)
{
	pg_uuid_t	raw;
	CasusLabel	label;
	CasusDossier dossier = {0};
	bool		is_governed;
	Oid			observed;

	if (tuple == NULL || !casus_rowlabel_of(row, tuple, &raw))
		return;
	is_governed = casus_label_unpack(&raw, &label) == CASUS_LABEL_GOVERNED;
	if (is_governed)
	{
		casus_guard_source_wrote(row->prot);
		check_beside(row);
		if (row->dossier.id == label.dossier)
			dossier.file = row->dossier.file;
		else if (!casus_dossier_load(label.dossier, &dossier))
			return;
	}
	if (casus_guard_source_row(row->prot, dossier.file))
	{
		if (row->prot->mode == CASUS_MODE_ENFORCE)
			refuse(row, is_governed);
		else if (casus_guard_frame_tells(casus_guard_frame_top()))
			observe(row->prot->family, is_governed);
	}
	else if (OidIsValid(observed = casus_guard_source_row_observed(dossier.file)))
		observe(observed, is_governed);
}
