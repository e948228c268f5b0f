/*
 * logflight.c
 *		What the row in flight will be noted as.
 *
 * A row is in flight while a condition of the user's works on it.  What a message
 * carries away then cannot be looked into any more: no catalog can be read while
 * an error is on its way.  So before a condition that may send one runs, all that
 * a note needs is looked up and its place in the notes is made: dossier, phase,
 * the act by which it is open, the other dossiers of a row of several, and under
 * observe why enforce would hide it.  When something leaves, or the row passes,
 * there is only to count.  Under observe a select list works on a row before anybody
 * sees it: of what a message carries away there only the dossier is known.
 *
 * Lives in the scan, whose memory is that of the statement.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logscan.h"

#include "layers.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

static void
put_ready(LogScan *scan, int position)
{
	if (scan->nready == scan->maxready)
	{
		int			more = Max(4, scan->maxready * 2);

		scan->ready = scan->ready == NULL ?
			MemoryContextAlloc(scan->statement->context, sizeof(int) * more) :
			repalloc(scan->ready, sizeof(int) * more);
		scan->maxready = more;
	}
	scan->ready[scan->nready++] = position;
}

/* The dossier of the row; of a row of several, each of them. */
static void
put_dossiers(LogScan *scan, const CasusLabel *label)
{
	int64	   *others;
	int			n;

	put_ready(scan, casus_lognote_ready(scan->notes, label->dossier, false, NULL));
	if (!label->linked)
		return;
	n = casus_dossier_linked(label->dossier, label->item, &others);
	for (int i = 0; i < n; i++)
		put_ready(scan, casus_lognote_ready(scan->notes, others[i], false, NULL));
	pfree(others);
}

/* A row that the policy lets through. */
void
casus_logflight_ready(LogScan *scan, const pg_uuid_t *raw)
{
	CasusLabel	label;
	uint64		head;

	memcpy(&head, raw->data, sizeof(head));
	/* Rows of one dossier tend to come together: its first 8 bytes tell. */
	if (scan->nready == 1 && scan->ready_head == head && !CASUS_LABEL_IS_LINKED(raw))
		return;
	scan->nready = 0;
	if (!CASUS_LAYER(log) || casus_label_unpack(raw, &label) != CASUS_LABEL_GOVERNED)
		return;
	put_dossiers(scan, &label);
	scan->ready_head = head;
}

static bool
row_label(LogScan *scan, TupleTableSlot *slot, pg_uuid_t *label)
{
	const pg_uuid_t *raw;

	if (scan->attno == 0)
		return casus_logqual_fetch_label(castNode(IndexOnlyScanState, scan->ps), scan->heap_attno,
										 label);
	raw = casus_logscan_label(scan, slot);
	if (raw != NULL)
		*label = *raw;
	return raw != NULL;
}

/*
 * Under observe nothing is filtered: what the policy would have refused is
 * noted as such, each row by itself, since categories differ within a dossier.
 * True: the policy permits it.
 */
bool
casus_logflight_observed(LogScan *scan, TupleTableSlot *slot)
{
	pg_uuid_t	raw;
	CasusLabel	label;
	CasusLabelKind kind = CASUS_LABEL_BROKEN;
	bool		permitted;

	scan->nready = 0;
	if (row_label(scan, slot, &raw))
		kind = casus_label_unpack(&raw, &label);
	if (kind == CASUS_LABEL_OUTSIDE ||
		(kind == CASUS_LABEL_PENDING && casus_label_is_own_pending(&raw)))
		return false;
	permitted = kind == CASUS_LABEL_GOVERNED && casus_policy_permits(&raw);
	if (permitted)
		put_dossiers(scan, &label);
	else if (kind == CASUS_LABEL_GOVERNED)
		put_ready(scan, casus_lognote_ready(scan->notes, label.dossier, true, &label));
	else
		put_ready(scan, casus_lognote_ready(scan->notes, 0, true, NULL));
	return permitted;
}

/* It has passed, or something leaves that may be made of it.  Looks nothing up. */
void
casus_logflight_count(LogScan *scan)
{
	for (int i = 0; i < scan->nready; i++)
		casus_lognote_again(scan->notes, scan->ready[i]);
}
