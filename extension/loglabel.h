/*
 * loglabel.h
 *		The label of a stored row, for logscan.c, which asks for it of every row.
 *
 * The label is the last column of most tables.  Where it is the last that the
 * row has, it is the row's last bytes, since a label is of fixed length and
 * nothing stands behind it.  That spares taking apart all columns before it,
 * which perhaps nobody needs.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_LOGLABEL_H
#define CASUS_LOGLABEL_H

#include "casus.h"

#include "access/htup_details.h"
#include "access/tupdesc_details.h"
#include "access/tupmacs.h"
#include "executor/tuptable.h"
#include "utils/uuid.h"

static inline bool
casus_loglabel_is_outside(const pg_uuid_t *raw)
{
	return memcmp(raw, &casus_label_outside, sizeof(pg_uuid_t)) == 0;
}

static inline const pg_uuid_t *
casus_loglabel_end(HeapTuple tuple)
{
	return (const pg_uuid_t *) ((const char *) tuple->t_data + tuple->t_len - sizeof(pg_uuid_t));
}

/*
 * The label of rows that are too short to have column attno, or NULL.  It lives
 * as long as the slot has its descriptor.
 */
static inline const pg_uuid_t *
casus_loglabel_missing(TupleTableSlot *slot, AttrNumber attno)
{
	const TupleConstr *constr = slot->tts_tupleDescriptor->constr;

	if (attno <= 0 || constr == NULL || constr->missing == NULL ||
		!constr->missing[attno - 1].am_present)
		return NULL;
	return DatumGetUUIDP(constr->missing[attno - 1].am_value);
}

/*
 * The label, column attno, which short rows miss; NULL: it must be looked for.
 */
static inline const pg_uuid_t *
casus_loglabel_last(TupleTableSlot *slot, AttrNumber attno, const pg_uuid_t *missing)
{
	HeapTuple	tuple;
	int			natts;

	if (unlikely(!TTS_IS_BUFFERTUPLE(slot)))
		return NULL;
	tuple = ((HeapTupleTableSlot *) slot)->tuple;
	if (unlikely(tuple == NULL))
		return NULL;
	natts = HeapTupleHeaderGetNatts(tuple->t_data);
	if (natts != attno)
		return natts < attno ? missing : NULL;
	if (HeapTupleHasNulls(tuple) && att_isnull(attno - 1, tuple->t_data->t_bits))
		return NULL;
	return casus_loglabel_end(tuple);
}

/*
 * Is the row in a slot of buffer tuples outside the protocol, as most rows are?
 * So are those with fewer columns than "below".  false also where that is not
 * seen at once, or the slot is empty.
 */
static inline bool
casus_loglabel_plain_outside(TupleTableSlot *slot, AttrNumber attno, AttrNumber below)
{
	HeapTuple	tuple = ((HeapTupleTableSlot *) slot)->tuple;
	int			natts;

	if (unlikely(tuple == NULL))
		return false;
	natts = HeapTupleHeaderGetNatts(tuple->t_data);
	if (natts < below)
		return true;
	return natts == attno &&
		(!HeapTupleHasNulls(tuple) || !att_isnull(attno - 1, tuple->t_data->t_bits)) &&
		casus_loglabel_is_outside(casus_loglabel_end(tuple));
}

#endif							/* CASUS_LOGLABEL_H */
