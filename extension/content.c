/*
 * content.c
 *		What was written about a dossier (motivations and details of its acts):
 *		who may read it, and that it was read.
 *
 * The views casus.act_log and casus.decision show it to who may read the dossier
 * as a whole, now, in his present capacity.  That is a read of the dossier as
 * one of its rows is: it is on record before it leaves, and a statement that it
 * has passed in is one in which governed rows have.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "acts.h"
#include "guard.h"

static bool
may_read(int64 dossier, CasusDossier *state)
{
	CasusSight	sight = {0};

	if (!casus_sight_dossier(dossier, state) ||
		casus_context_for_file(state->file) == NULL)
		return false;

	/*
	 * What was written about a dossier speaks of all of it: it is for those
	 * who may read items whoever brought them in, not for a department that
	 * sees what was shared with it.
	 */
	casus_policy_begin();
	casus_policy_sight(dossier, &sight);
	return sight.all != 0;
}

PG_FUNCTION_INFO_V1(casus_sql_reads_dossier);

/* (dossier, act): what is written there of this act */
Datum
casus_sql_reads_dossier(PG_FUNCTION_ARGS)
{
	CasusGuardFrame *frame = casus_guard_frame_top();
	CasusDossier state;

	if (!CASUS_LAYER(content))
		PG_RETURN_BOOL(may_read(PG_GETARG_INT64(0), &state));
	/* Where no statement runs there is nothing to show either. */
	if (frame == NULL ||
		(frame->kind != CASUS_FRAME_RUN && frame->kind != CASUS_FRAME_FINISH) ||
		!may_read(PG_GETARG_INT64(0), &state))
		PG_RETURN_BOOL(false);
	casus_guard_mark_transaction();
	casus_guard_inside_content(frame);
	casus_accesslog_content(frame->query, state.file, PG_GETARG_INT64(0), PG_GETARG_INT64(1));
	PG_RETURN_BOOL(true);
}
