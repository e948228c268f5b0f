/*
 * label.c
 *		The label of a row: 16 bytes in a column of type casus.label.
 *
 * The bytes are big-endian: dossier 8, item 4, class 4.  The class packs
 * party (12 bits), category (8), phase of collection (6) and subject category
 * (6).  A positive dossier makes a governed label, two other patterns have a
 * meaning of their own, everything else is broken and denied to everyone.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"

#include "access/transam.h"
#include "access/xact.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"

/* "outside casus...": not a dossier, since ids count up from 1. */
const pg_uuid_t casus_label_outside = {
	{'o', 'u', 't', 's', 'i', 'd', 'e', ' ', 'c', 'a', 's', 'u', 's', '.', '.', '.'}
};

#define PENDING_DOSSIER		INT64CONST(-1)

static int64
read_dossier(const pg_uuid_t *raw)
{
	uint64		value;

	memcpy(&value, raw->data, sizeof(value));
	return (int64) pg_ntoh64(value);
}

static uint32
read_word(const pg_uuid_t *raw, int offset)
{
	uint32		value;

	memcpy(&value, raw->data + offset, sizeof(value));
	return pg_ntoh32(value);
}

static void
write_words(pg_uuid_t *raw, int64 dossier, uint32 item, uint32 class)
{
	uint64		d = pg_hton64((uint64) dossier);
	uint32		i = pg_hton32(item);
	uint32		c = pg_hton32(class);

	memcpy(raw->data, &d, sizeof(d));
	memcpy(raw->data + 8, &i, sizeof(i));
	memcpy(raw->data + 12, &c, sizeof(c));
}

CasusLabelKind
casus_label_unpack(const pg_uuid_t *raw, CasusLabel *label)
{
	uint32		class = read_word(raw, 12);

	memset(label, 0, sizeof(*label));
	label->dossier = read_dossier(raw);
	if (memcmp(raw, &casus_label_outside, sizeof(pg_uuid_t)) == 0)
		return CASUS_LABEL_OUTSIDE;

	label->item = read_word(raw, 8);
	if (label->dossier == PENDING_DOSSIER && label->item == 0)
		return CASUS_LABEL_PENDING;
	if (label->dossier <= 0 || label->item == 0)
		return CASUS_LABEL_BROKEN;

	label->party = class >> 20;
	label->linked = ((class >> 19) & 1) != 0;
	label->category = (class >> 12) & 0x7f;
	label->phase = (class >> 6) & 0x3f;
	label->subject_category = class & 0x3f;

	/* A category has a bit in a mask; one without bit is nobody's work. */
	if (label->category >= CASUS_MAX_CODE)
		return CASUS_LABEL_BROKEN;
	return CASUS_LABEL_GOVERNED;
}

void
casus_label_pack(const CasusLabel *label, pg_uuid_t *raw)
{
	Assert(label->dossier > 0 && label->item > 0);
	Assert(label->party < 4096 && label->category < CASUS_MAX_CODE);
	Assert(label->phase < 64 && label->subject_category < 64);

	write_words(raw, label->dossier, label->item,
				((uint32) label->party << 20) |
				((label->linked ? (uint32) 1 : 0) << 19) |
				((uint32) label->category << 12) |
				((uint32) label->phase << 6) |
				label->subject_category);
}

void
casus_label_pending(pg_uuid_t *raw)
{
	write_words(raw, PENDING_DOSSIER, 0, GetTopTransactionId());
}

bool
casus_label_is_own_pending(const pg_uuid_t *raw)
{
	TransactionId mine = GetTopTransactionIdIfAny();

	return TransactionIdIsValid(mine) &&
		read_dossier(raw) == PENDING_DOSSIER &&
		read_word(raw, 8) == 0 &&
		read_word(raw, 12) == mine;
}

PG_FUNCTION_INFO_V1(casus_sql_dossier_of_label);
Datum
casus_sql_dossier_of_label(PG_FUNCTION_ARGS)
{
	CasusLabel	label;

	if (casus_label_unpack(PG_GETARG_UUID_P(0), &label) != CASUS_LABEL_GOVERNED)
		PG_RETURN_NULL();
	PG_RETURN_INT64(label.dossier);
}

PG_FUNCTION_INFO_V1(casus_sql_item_of_label);
Datum
casus_sql_item_of_label(PG_FUNCTION_ARGS)
{
	CasusLabel	label;

	if (casus_label_unpack(PG_GETARG_UUID_P(0), &label) != CASUS_LABEL_GOVERNED)
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) label.item);
}

PG_FUNCTION_INFO_V1(casus_sql_label_text);
Datum
casus_sql_label_text(PG_FUNCTION_ARGS)
{
	CasusLabel	label;
	const char *text = NULL;

	switch (casus_label_unpack(PG_GETARG_UUID_P(0), &label))
	{
		case CASUS_LABEL_OUTSIDE:
			text = "outside";
			break;
		case CASUS_LABEL_PENDING:
			text = "pending";
			break;
		case CASUS_LABEL_BROKEN:
			text = "broken";
			break;
		case CASUS_LABEL_GOVERNED:
			text = psprintf("dossier " INT64_FORMAT " item %u party %u category %u phase %u subject %u%s",
							label.dossier, label.item, label.party,
							label.category, label.phase,
							label.subject_category,
							label.linked ? " linked" : "");
			break;
	}
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
