/*
 * lognote.c
 *		Which dossiers of one relation a statement has let through, and how
 *		many rows of each: what goes into the record of that relation.
 *
 * A set lives in the memory of its statement.  A note is fresh until its
 * dossier is on record, and dirty while rows have been counted since: fresh
 * notes with rows keep messages from leaving, dirty ones are written at the next
 * flush.  One without rows ever stands ready for a row that may pass, or not.
 * Notes are grouped by file, phase and outcome; each group makes one record.
 *
 * Most statements read a few dossiers, which are looked through in a row; with
 * more there is a hash table, and with many an array by id before it.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "lognote.h"

#include "access/parallel.h"
#include "utils/memutils.h"

#define INDEXED	128				/* notes for which the index is made at first */
#define MANY	256				/* notes from which on an array by id is worth its making */
#define SPARSE	32				/* ids per note up to which it is */

typedef struct NoteIndex
{
	uint64		key;			/* dossier and outcome */
	int			position;		/* -1: an error came before it was known */
	char		status;
} NoteIndex;

static inline uint32
hash_key(uint64 key)
{
	return (uint32) ((key * UINT64CONST(0x9E3779B97F4A7C15)) >> 32);
}

#define SH_PREFIX noteindex
#define SH_ELEMENT_TYPE NoteIndex
#define SH_KEY_TYPE uint64
#define SH_KEY key
#define SH_HASH_KEY(tb, k) hash_key(k)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

StaticAssertDecl(sizeof(NoteSet) <= CASUS_LOGNOTE_ROOM,
				 "a set fits into the room that a statement has for it");

/* Of a table of several files each has a capacity of its own. */
static void
look_at_files(NoteSet *set, const CasusProtected *table)
{
	set->files = palloc0(sizeof(NoteFile) * Max(table->nfiles, 1));
	for (int i = 0; i < table->nfiles; i++)
	{
		const CasusCapacity *capacity = casus_context_for_file(table->files[i]);
		NoteFile   *file = &set->files[set->nfiles++];

		file->file = table->files[i];
		file->phase = casus_logshape_phase(capacity);
		file->piece = casus_logrecord_capacity(file->file, capacity);
		file->length = strlen(file->piece);
	}
}

/*
 * Makes a set in the room, or, where that is NULL, in the current memory context, from
 * which it takes what else it needs; reads catalogs.  verb may be NULL.
 */
NoteSet *
casus_lognote_create(void *room, const CasusProtected *table, const char *kind, const char *verb)
{
	const CasusLogShape *shape = casus_logshape_find(table, kind, verb);
	NoteSet    *set = room ? room : palloc(sizeof(NoteSet));
	char	   *text = shape->length <= NOTES_TEXT ? set->text : palloc(shape->length);

	memset(set, 0, offsetof(NoteSet, file));
	set->context = CurrentMemoryContext;
	set->maxnotes = NOTES_FEW;
	set->notes = set->few;
	set->counts.rows = set->few_rows;
	set->counts.dirty = set->few_dirty;
	set->counts.fresh = set->few_fresh;
	set->plain = -1;
	set->groups = &set->group;
	set->shape = *shape;
	set->shape.text = memcpy(text, shape->text, shape->length);
	/* Rows pass that no rule lets through for the purpose: each dossier says its phase. */
	if (table->mode != CASUS_MODE_ENFORCE)
		set->shape.phase = -1;
	if (shape->file == 0)
	{
		look_at_files(set, table);
		return set;
	}
	set->nfiles = 1;
	set->files = &set->file;
	set->file.file = shape->file;
	set->file.phase = set->shape.phase;
	set->file.piece = text + shape->identity_end;
	set->file.length = shape->capacity_end - shape->identity_end;
	return set;
}

/* One more relation of which governed rows pass in a statement, whose memory is the current one. */
LogRelation *
casus_lognote_relation(LogStatement *statement, const CasusProtected *table)
{
	LogRelation *relation = statement->relations == NULL ? &statement->first_relation :
		palloc0(sizeof(LogRelation));
	void	   *room = statement->notes_room;

	statement->notes_room = NULL;
	relation->relid = table->family;
	relation->notes = casus_lognote_create(room, table, statement->kind, NULL);
	if (statement->relations == NULL)
		statement->relations = relation;
	else
		statement->last_relation->next = relation;
	statement->last_relation = relation;
	return relation;
}

static NoteFile *
find_file(NoteSet *set, int32 file)
{
	for (int i = 0; i < set->nfiles; i++)
		if (set->files[i].file == file)
			return &set->files[i];
	return NULL;
}

/*
 * The piece of a group: the capacity of the file or the opening, and the phase
 * by name.
 */
static char *
group_piece(const NoteFile *file, int32 file_id, int phase, const CasusOpening *opening)
{
	static StringInfoData piece;	/* kept for the next one */

	if (piece.data == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&piece);
		MemoryContextSwitchTo(old);
	}
	resetStringInfo(&piece);
	if (opening)
	{
		appendStringInfoString(&piece, casus_logrecord_capacity(file_id, &opening->capacity));
		casus_logrecord_number(&piece, "opening", opening->act);
	}
	else if (file)
		appendBinaryStringInfo(&piece, file->piece, file->length);
	else
		appendStringInfoString(&piece, casus_logrecord_capacity(file_id, NULL));
	casus_logshape_put_phase(&piece, file_id, phase);
	return pstrdup(piece.data);
}

/*
 * Why enforce would hide the row: code and text as JSON. Of a dossier the first
 * refused row speaks for the others.
 */
static char *
refusal_piece(const CasusLabel *label, int32 file_id)
{
	CasusReason reason = {"label", NULL, _("the row has no label of this installation yet"), NULL};
	StringInfoData piece;

	if (label != NULL)
		(void) casus_policy_explain(casus_context_for_file(file_id), label, CASUS_READ, &reason);
	initStringInfo(&piece);
	casus_logrecord_text(&piece, "code", reason.code);
	casus_logrecord_text(&piece, "text", reason.text);
	return piece.data;
}

static NoteGroup *
add_group(NoteSet *set)
{
	if (set->ngroups == 1)
	{
		set->groups = palloc(sizeof(NoteGroup) * 2);
		set->groups[0] = set->group;
	}
	else if (set->ngroups > 1)
		set->groups = repalloc(set->groups, sizeof(NoteGroup) * (set->ngroups + 1));
	memset(&set->groups[set->ngroups], 0, sizeof(NoteGroup));
	return &set->groups[set->ngroups];
}

/* All that its records say besides is in the shape. */
static pg_noinline int
make_plain(NoteSet *set)
{
	NoteGroup  *group = add_group(set);

	group->file = set->shape.file;
	group->phase = set->shape.phase;
	return set->plain = set->ngroups++;
}

/* sight: of one that is not refused.  What is open beside the rules is so as a whole. */
static int
find_group(NoteSet *set, int64 dossier, bool refused, const CasusSight *sight)
{
	NoteFile   *file = set->nfiles == 1 ? &set->files[0] : NULL;
	int32		file_id = file ? file->file : 0;
	/* What the transaction has brought in passes whatever the purpose lets it read. */
	bool		by_rule = !casus_policy_any_insert();
	int			phase = file && by_rule ? file->phase : -1;
	const CasusOpening *opening = refused || sight->all != ~UINT64CONST(0) ? NULL :
		casus_context_opening(dossier);
	NoteGroup  *group;
	char	   *reason = NULL;

	if (set->shape.phase >= 0 && by_rule && !refused && opening == NULL)
		return set->plain >= 0 ? set->plain : make_plain(set);
	if (file == NULL || phase < 0 || refused || opening)
	{
		CasusDossier state;

		if (casus_dossier_load(dossier, &state))
		{
			file_id = state.file;
			phase = state.phase;
			file = find_file(set, file_id);
		}
	}
	if (refused)
		reason = refusal_piece(set->observed, file_id);
	for (int i = 0; i < set->ngroups; i++)
	{
		group = &set->groups[i];
		if (group->file == file_id && group->phase == phase &&
			group->refused == refused &&
			(reason == NULL || strcmp(group->reason, reason) == 0) &&
			group->opening == (opening ? opening->act : 0))
			return i;
	}

	group = add_group(set);
	group->file = file_id;
	group->phase = phase;
	group->refused = refused;
	group->reason = reason;
	group->opening = opening ? opening->act : 0;
	group->piece = group_piece(file, file_id, phase, opening);
	return set->ngroups++;
}

static inline uint64
index_key(int64 dossier, bool refused)
{
	return ((uint64) dossier << 1) | (refused ? 1 : 0);
}

/* The position of a note among a few; -1: there is none. */
static int
find_note(const NoteSet *set, int64 dossier, bool refused)
{
	for (int i = 0; i < set->nnotes; i++)
		if (set->notes[i].dossier == dossier && set->notes[i].refused == refused)
			return i;
	return -1;
}

static NoteIndex *
index_entry(NoteSet *set, int64 dossier, bool refused)
{
	bool		found;
	NoteIndex  *entry = noteindex_insert(set->index, index_key(dossier, refused), &found);

	if (!found)
		entry->position = -1;
	return entry;
}

/* From now on there is one. */
static pg_noinline void
make_index(NoteSet *set)
{
	noteindex_hash *index = noteindex_create(set->context, INDEXED, NULL);

	set->index = index;
	for (int i = 0; i < set->nnotes; i++)
		index_entry(set, set->notes[i].dossier, set->notes[i].refused)->position = i;
}

/* Room for twice as many; what does not fit in memory leaves all as it was. */
static void
grow(NoteSet *set)
{
	int			more = set->maxnotes * 2;

	if (set->notes == set->few)
	{
		Note	   *notes = palloc(sizeof(Note) * more);
		uint64	   *rows = palloc(sizeof(uint64) * more);
		int		   *dirty = palloc(sizeof(int) * more);
		bool	   *fresh = palloc(sizeof(bool) * more);

		memcpy(notes, set->few, sizeof(set->few));
		memcpy(rows, set->few_rows, sizeof(set->few_rows));
		memcpy(dirty, set->few_dirty, sizeof(set->few_dirty));
		memcpy(fresh, set->few_fresh, sizeof(set->few_fresh));
		set->notes = notes;
		set->counts.rows = rows;
		set->counts.dirty = dirty;
		set->counts.fresh = fresh;
	}
	else
	{
		set->notes = repalloc_huge(set->notes, sizeof(Note) * more);
		set->counts.rows = repalloc_huge(set->counts.rows, sizeof(uint64) * more);
		set->counts.dirty = repalloc_huge(set->counts.dirty, sizeof(int) * more);
		set->counts.fresh = repalloc_huge(set->counts.fresh, sizeof(bool) * more);
	}
	set->maxnotes = more;
}

/* Is it a note that casus_lognote_known may count for? */
static inline bool
is_plain(const Note *note)
{
	return note->dossier > 0 && !note->refused && note->group >= 0;
}

static void
place_note(NoteSet *set, int position)
{
	uint64		offset = (uint64) set->notes[position].dossier - set->counts.base;

	if (offset < set->counts.size && is_plain(&set->notes[position]))
		set->counts.place[offset] = position + 1;
}

/* Makes the array for the ids seen so far; without memory for it there is none. */
static void
map_notes(NoteSet *set)
{
	int64		first = PG_INT64_MAX;
	int64		last = 0;
	uint64		size;

	for (int i = 0; i < set->nnotes; i++)
		if (is_plain(&set->notes[i]))
		{
			first = Min(first, set->notes[i].dossier);
			last = Max(last, set->notes[i].dossier);
		}
	if (set->counts.place)
		pfree(set->counts.place);
	set->counts.size = 0;
	set->counts.place = NULL;
	size = (uint64) last - (uint64) first + 1;
	if (first > last || size > (uint64) set->nnotes * SPARSE)
		return;

	set->counts.place = MemoryContextAllocExtended(set->context, size * sizeof(int32),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM |
												   MCXT_ALLOC_ZERO);
	if (set->counts.place == NULL)
		return;
	set->counts.base = first;
	set->counts.size = size;
	for (int i = 0; i < set->nnotes; i++)
		place_note(set, i);
}

/* Its place in the index; NULL: there is no index. */
static NoteIndex *
find_entry(NoteSet *set, int64 dossier, bool refused)
{
	if (set->index == NULL && set->nnotes >= NOTES_FEW)
		make_index(set);
	return set->index ? index_entry(set, dossier, refused) : NULL;
}

static int
new_note(NoteSet *set, int64 dossier, bool refused, bool in_error, NoteIndex *entry)
{
	int			group = -1;
	int			before = set->nnotes;
	Note	   *note;
	CasusSight	sight = {0};

	/* While an error is being sent no state can be read: no phase then. */
	if (!in_error)
	{
		if (!refused)
			casus_policy_sight(dossier, &sight);
		group = find_group(set, dossier, refused, &sight);
	}
	/* A message that left meanwhile has rows in flight noted, this one perhaps among them. */
	if (unlikely(set->nnotes != before))
	{
		entry = find_entry(set, dossier, refused);
		if (entry != NULL && entry->position >= 0)
			return entry->position;
	}
	if (set->nnotes == set->maxnotes)
	{
		grow(set);
		if (!in_error && set->nnotes >= MANY)
			map_notes(set);
	}
	note = &set->notes[set->nnotes];
	note->dossier = dossier;
	note->sight = sight;
	note->refused = refused;
	note->group = group;
	set->counts.fresh[set->nnotes] = true;
	set->counts.rows[set->nnotes] = 0;
	if (entry)
		entry->position = set->nnotes;
	place_note(set, set->nnotes);
	return set->nnotes++;
}

static int
find_or_make(NoteSet *set, int64 dossier, bool refused, bool in_error)
{
	NoteIndex  *entry = find_entry(set, dossier, refused);
	int			position = entry ? entry->position : find_note(set, dossier, refused);
	MemoryContext old;

	if (position >= 0)
		return position;
	old = MemoryContextSwitchTo(set->context);
	/* Before it counts as let through: can it be put on record at all? */
	if (!in_error)
		casus_sink_ready();
	position = new_note(set, dossier, refused, in_error, entry);
	MemoryContextSwitchTo(old);
	return position;
}

/*
 * One row more of a dossier.  in_error: an error is on its way, nothing may be
 * read and nothing raised.  Returns the position for casus_lognote_again.
 */
int
casus_lognote_add(NoteSet *set, int64 dossier, bool refused, bool in_error)
{
	int			position = find_or_make(set, dossier, refused, in_error);

	casus_lognote_again(set, position);
	return position;
}

/*
 * Where a row of the dossier will be counted, if it passes: no look-up is possible
 * then any more.  refused: under observe, what enforce would hide; its label, NULL: it
 * has none.
 */
int
casus_lognote_ready(NoteSet *set, int64 dossier, bool refused, const CasusLabel *label)
{
	int			position;

	set->observed = label;
	position = find_or_make(set, dossier, refused, false);
	set->observed = NULL;
	return position;
}

/* Under observe: a row that enforce would hide; label NULL: it has none. */
void
casus_lognote_refused(NoteSet *set, const CasusLabel *label)
{
	casus_lognote_again(set, casus_lognote_ready(set, label ? label->dossier : 0, true, label));
}

/* Has a row of it been let through? */
static inline bool
has_passed(const NoteSet *set, int position)
{
	return !set->counts.fresh[position] || set->counts.rows[position] > 0;
}

/* Has nothing been let through? */
bool
casus_lognote_none(const NoteSet *set)
{
	return !set->counts.any;
}

/* Nothing that the policy permits? */
bool
casus_lognote_none_permitted(const NoteSet *set)
{
	for (int i = 0; i < set->nnotes; i++)
		if (!set->notes[i].refused && has_passed(set, i))
			return false;
	return true;
}

bool
casus_lognote_fresh(const NoteSet *set)
{
	return set->counts.nfresh > 0;
}

bool
casus_lognote_dirty(const NoteSet *set)
{
	return set->counts.ndirty > 0;
}

/* Is there a dossier of which less may be seen now than when it passed? */
bool
casus_lognote_narrowed(const NoteSet *set)
{
	for (int i = 0; i < set->nnotes; i++)
	{
		const Note *note = &set->notes[i];
		CasusSight	now;

		if (!has_passed(set, i) || (note->group >= 0 && set->groups[note->group].refused))
			continue;
		casus_policy_sight(note->dossier, &now);
		if (casus_policy_narrowed(&note->sight, &now))
			return true;
	}
	return false;
}
