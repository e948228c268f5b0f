/*
 * logline.c
 *		The records of what a set of notes has let through: a line per group, of
 *		pieces that stand ready, since none can be looked up while an error is sent.
 *
 * Keeps nothing; what is written is marked so in the set.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "lognote.h"

#include "access/parallel.h"
#include "utils/builtins.h"

#define RECORD_MAX	8192		/* dossiers in one record; more make another */
#define PAIR_MAX	(2 * MAXINT8LEN + 8)	/* with what follows the last */

static inline char *
put_number(char *at, uint64 number)
{
	if (number >= 10)
		return at + pg_ulltoa_n(number, at);
	*at = '0' + (char) number;
	return at + 1;
}

/* A dossier and its rows, straight into the buffer: a statement may have read hundreds. */
static inline void
append_pair(StringInfo lines, int64 dossier, uint64 rows)
{
	char	   *at;

	if (lines->maxlen - lines->len <= PAIR_MAX)
		enlargeStringInfo(lines, PAIR_MAX);
	at = lines->data + lines->len;
	*at++ = '[';
	at = put_number(at, (uint64) dossier);
	*at++ = ',';
	at = put_number(at, rows);
	*at++ = ']';
	*at++ = ',';
	lines->len = at - lines->data;
}

/* For which there is room. */
static inline void
put_bytes(StringInfo lines, const char *bytes, int length)
{
	memcpy(lines->data + lines->len, bytes, length);
	lines->len += length;
}

/* A record of the group, NULL: of none, up to its dossiers. */
static void
open_record(const NoteSet *set, StringInfo lines, const NoteGroup *group, uint64 query_id)
{
	const CasusLogShape *shape = &set->shape;
	const char *query;
	int			query_length = casus_logrecord_query(query_id, &query);

	if (group && group->piece == NULL)
	{
		casus_logrecord_begin(lines, shape->text, shape->relation_end,
							  query_length + shape->length - shape->relation_end);
		put_bytes(lines, query, query_length);
		put_bytes(lines, shape->text + shape->relation_end, shape->length - shape->relation_end);
		return;
	}
	if (group && group->refused)
		casus_logrecord_open(lines, "would_refuse");
	else
		casus_logrecord_begin(lines, shape->text, shape->kind_end, 0);
	appendBinaryStringInfo(lines, shape->text + shape->kind_end,
						   shape->identity_end - shape->kind_end);
	if (group)
		appendStringInfoString(lines, group->piece);
	else if (set->nfiles == 1)
		appendBinaryStringInfo(lines, set->files[0].piece, set->files[0].length);
	if (group && group->reason)
		appendStringInfoString(lines, group->reason);
	appendBinaryStringInfo(lines, shape->text + shape->phase_end,
						   shape->relation_end - shape->phase_end);
	appendBinaryStringInfo(lines, query, query_length);
	appendBinaryStringInfo(lines, shape->text + shape->relation_end,
						   shape->length - shape->relation_end);
}

/* Writes a record of the group of the marked position at "from", and what follows it. */
static void
format_group(NoteSet *set, StringInfo lines, int from, bool all, uint64 query_id)
{
	int			group = set->notes[set->counts.dirty[from]].group;
	int			written = 0;

	open_record(set, lines, group >= 0 ? &set->groups[group] : NULL, query_id);
	for (int i = from; i < set->counts.ndirty && written < RECORD_MAX; i++)
	{
		Note	   *note = &set->notes[set->counts.dirty[i]];
		uint64	   *rows = &set->counts.rows[set->counts.dirty[i]];
		bool	   *fresh = &set->counts.fresh[set->counts.dirty[i]];

		if (note->group != group || *rows == 0 || !(all || *fresh))
			continue;
		append_pair(lines, note->dossier, *rows);
		*rows = 0;
		set->counts.nfresh -= *fresh;
		*fresh = false;
		written++;
	}
	/* There is at least one: from the comma behind it on. */
	memcpy(lines->data + lines->len - 1, "]}\n", sizeof("]}\n"));
	lines->len += 2;
}

/*
 * Appends the records of what has not been written: everything, or what must
 * be on record before rows leave.  No catalog is read.
 */
void
casus_logline_put(NoteSet *set, StringInfo lines, bool all, uint64 query_id)
{
	int			kept = 0;

	for (int i = 0; i < set->counts.ndirty; i++)
	{
		int			position = set->counts.dirty[i];

		if (set->counts.rows[position] > 0 && (all || set->counts.fresh[position]))
			format_group(set, lines, i, all, query_id);
	}
	if (set->counts.ndirty > 0 && IsParallelWorker())
		*casus_context_passed() = true;
	for (int i = 0; !all && i < set->counts.ndirty; i++)
		if (set->counts.rows[set->counts.dirty[i]] > 0)
			set->counts.dirty[kept++] = set->counts.dirty[i];
	set->counts.ndirty = kept;
}
