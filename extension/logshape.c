/*
 * logshape.c
 *		What all records of one relation in one capacity have in common: kind,
 *		who reads, capacity, phase and relation, as one ready text.
 *
 * A statement that is like one before finds the text made, and so does a
 * statement of another transaction in which the same context was entered once
 * more.  A few are kept, one per relation and kind; any of what is in it makes
 * it anew.
 *
 * Of a table of one file only: where rows come from several, the capacity and
 * the phase are their group's (lognote.c).  Private to the backend.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#define SHAPES	16				/* a power of two */

/* What a text was made from. */
typedef struct ShapeKey
{
	uint64		people;
	uint64		identity;		/* of logrecord.c */
	uint64		relation;		/* likewise; 0: it will not be known again */
	const char *kind;			/* words of ours, which stay where they are */
	const char *verb;
	Oid			family;
	int32		file;
	int32		protocol;
	int32		source;			/* 0: no capacity */
	uint16		party;
	uint8		office;
	uint8		purpose;
} ShapeKey;

typedef struct Kept
{
	ShapeKey	key;
	CasusLogShape shape;
	char	   *text;			/* of that, in TopMemoryContext; NULL: free */
} Kept;

static Kept kept[SHAPES];

/*
 * A purpose that is for one phase only says in which phase its dossiers are,
 * which spares reading them.
 */
int
casus_logshape_phase(const CasusCapacity *capacity)
{
	const CasusProtocol *protocol;
	uint64		phases;

	if (capacity == NULL)
		return -1;
	protocol = casus_protocol(capacity->protocol);
	if (capacity->purpose >= protocol->npurposes)
		return -1;
	phases = protocol->purpose_phases[capacity->purpose];
	if (phases == 0 || (phases & (phases - 1)) != 0)
		return -1;
	return pg_rightmost_one_pos64(phases);
}

/* The phase by name, as the protocol of the file has it; nothing where it is not known. */
void
casus_logshape_put_phase(StringInfo piece, int32 file, int phase)
{
	int32		id = phase >= 0 && file != 0 ? casus_dossier_file_protocol(file) : 0;
	const CasusProtocol *protocol;

	if (id == 0)
		return;
	protocol = casus_protocol(id);
	if (phase < protocol->nphases)
		casus_logrecord_text(piece, "phase", protocol->phase[phase]);
}

/* In the current memory context. */
static void
build(StringInfo text, CasusLogShape *shape, const ShapeKey *key, const CasusCapacity *capacity)
{
	shape->file = key->file;
	shape->phase = casus_logshape_phase(capacity);
	casus_logrecord_kind(text, key->kind);
	shape->kind_end = text->len;
	appendStringInfoString(text, casus_logrecord_identity());
	shape->identity_end = text->len;
	if (key->file != 0)
		appendStringInfoString(text, casus_logrecord_capacity(key->file, capacity));
	shape->capacity_end = text->len;
	casus_logshape_put_phase(text, key->file, shape->phase);
	shape->phase_end = text->len;
	appendStringInfoString(text, casus_logrecord_relation(key->family));
	if (key->verb)
		casus_logrecord_text(text, "verb", key->verb);
	shape->relation_end = text->len;
	appendStringInfoString(text, ",\"dossiers\":[");
	shape->length = text->len;
}

static pg_noinline const CasusLogShape *
make(Kept *slot, const ShapeKey *key, const CasusCapacity *found)
{
	CasusCapacity capacity;
	StringInfoData text;

	/* The look-ups may move what it was found in. */
	if (found != NULL)
		capacity = *found;
	if (slot->text != NULL)
		pfree(slot->text);
	slot->text = NULL;
	initStringInfo(&text);
	build(&text, &slot->shape, key, found ? &capacity : NULL);
	slot->key = *key;
	slot->key.relation = casus_logrecord_relation_made(key->family);
	slot->text = MemoryContextStrdup(TopMemoryContext, text.data);
	slot->shape.text = slot->text;
	pfree(text.data);
	return &slot->shape;
}

/* Valid until the next call; reads catalogs.  verb may be NULL. */
const CasusLogShape *
casus_logshape_find(const CasusProtected *table, const char *kind, const char *verb)
{
	const CasusCapacity *capacity = NULL;
	Kept	   *slot = &kept[(table->family + kind[0] + (verb ? verb[0] : 0)) % SHAPES];
	ShapeKey	key;

	memset(&key, 0, sizeof(key));
	(void) casus_logrecord_identity();
	key.people = casus_catalog_people;
	key.identity = casus_logrecord_identities;
	key.relation = casus_logrecord_relation_made(table->family);
	key.kind = kind;
	key.verb = verb;
	key.family = table->family;
	if (table->nfiles == 1)
	{
		key.file = table->files[0];
		capacity = casus_context_for_file(key.file);
	}
	if (capacity != NULL)
	{
		key.protocol = capacity->protocol;
		key.source = capacity->source;
		key.party = capacity->party;
		key.office = capacity->office;
		key.purpose = capacity->purpose;
	}
	if (likely(slot->text != NULL && key.relation != 0 &&
			   memcmp(&slot->key, &key, sizeof(key)) == 0))
		return &slot->shape;
	return make(slot, &key, capacity);
}
