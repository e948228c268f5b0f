/*
 * lognote.c
 *		Which dossiers of one relation a statement has let through, and how
 *		many rows of each: what goes into the record of that relation.
 *
 * A set lives in the memory of its statement.  A note is fresh until its
 * dossier is on record, and dirty while rows have been counted since: fresh
 * notes keep messages from leaving, dirty ones are written at the next flush.
 * Notes are grouped by file, phase and outcome; each group makes one record.
 *
 * Most statements read a few dossiers, which are looked through in a row; with
 * more there is a hash table, and with many an array by id before it.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* What the notes of one record have in common. */
typedef struct NoteGroup
{
	int32		file;
	int			phase;			/* -1: not known */
	bool		refused;		/* observe: would have been refused */
	int64		opening;		/* the act that opened it beside the rules, 0: none */
	char	   *reason;			/* of refused ones, as JSON */
	char	   *piece;			/* capacity and phase, as JSON */
} NoteGroup;

typedef struct Note
{
	int64		dossier;
	CasusSight	sight;			/* what could be seen when it was let through */
	int			group;
	bool		refused;
	bool		fresh;
} Note;

#define FEW		4				/* notes that need no hash table */
#define MANY	256				/* notes from which on an array by id is worth its making */
#define RECORD_MAX 8192			/* dossiers in one record; more make another */
#define SPARSE	32				/* ids per note up to which it is */

typedef struct NoteIndex
{
	uint64		key;			/* dossier and outcome */
	int			position;
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

/* What is known of a file of the table before any row comes. */
typedef struct NoteFile
{
	int32		file;
	int			phase;			/* the only phase of the purpose, or -1 */
	char	   *piece;
} NoteFile;

struct NoteSet
{
	NoteCounts	counts;			/* first: accesslog.h knows it there */
	MemoryContext context;
	const char *kind;			/* of the records, unless refused */
	char	   *relation;		/* piece of JSON */
	int			nfiles;
	NoteFile   *files;
	int			ngroups;
	NoteGroup  *groups;
	int			nnotes;
	int			maxnotes;
	Note	   *notes;
	int			nfresh;
	noteindex_hash *index;		/* NULL: there are only a few */
	const CasusLabel *observed; /* of the refused row that is being added */
	Note		few[FEW];
	uint64		few_rows[FEW];
	int			few_dirty[FEW];
};

/*
 * A purpose that is for one phase only says in which phase its dossiers are,
 * which spares reading them.
 */
static int
only_phase(const CasusCapacity *capacity)
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

/* Makes a set in the current memory context; reads catalogs. verb may be NULL. */
NoteSet *
casus_lognote_create(const CasusProtected *table, const char *kind, const char *verb)
{
	NoteSet    *set;

	set = palloc0(sizeof(NoteSet));
	set->context = CurrentMemoryContext;
	set->kind = kind;
	set->maxnotes = FEW;
	set->notes = set->few;
	set->counts.rows = set->few_rows;
	set->counts.dirty = set->few_dirty;
	set->relation = casus_logrecord_relation(table->family);
	if (verb)
		set->relation = psprintf("%s,\"verb\":\"%s\"", set->relation, verb);
	set->files = palloc0(sizeof(NoteFile) * Max(table->nfiles, 1));
	for (int i = 0; i < table->nfiles; i++)
	{
		const CasusCapacity *capacity = casus_context_for_file(table->files[i]);
		NoteFile   *file = &set->files[set->nfiles++];

		file->file = table->files[i];
		file->phase = only_phase(capacity);
		file->piece = casus_logrecord_capacity(file->file, capacity);
	}
	return set;
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
	int32		protocol_id = phase >= 0 && file_id ?
		casus_dossier_file_protocol(file_id) : 0;
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
		appendStringInfoString(&piece, file->piece);
	else
		appendStringInfoString(&piece, casus_logrecord_capacity(file_id, NULL));
	if (protocol_id != 0)
	{
		const CasusProtocol *protocol = casus_protocol(protocol_id);

		if (phase < protocol->nphases)
			casus_logrecord_text(&piece, "phase", protocol->phase[phase]);
	}
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

static int
find_group(NoteSet *set, int64 dossier, bool refused)
{
	NoteFile   *file = set->nfiles == 1 ? &set->files[0] : NULL;
	int32		file_id = file ? file->file : 0;
	int			phase = file ? file->phase : -1;
	const CasusOpening *opening = refused ? NULL : casus_context_opening(dossier);
	NoteGroup  *group;
	char	   *reason = NULL;

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

	if (set->groups == NULL)
		set->groups = palloc(sizeof(NoteGroup));
	else
		set->groups = repalloc(set->groups, sizeof(NoteGroup) * (set->ngroups + 1));
	group = &set->groups[set->ngroups];
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

/* The position of a note; -1: there is none. */
static int
find_note(const NoteSet *set, int64 dossier, bool refused)
{
	if (set->index)
	{
		NoteIndex  *entry = noteindex_lookup(set->index, index_key(dossier, refused));

		return entry ? entry->position : -1;
	}
	for (int i = 0; i < set->nnotes; i++)
		if (set->notes[i].dossier == dossier && set->notes[i].refused == refused)
			return i;
	return -1;
}

static void
index_note(NoteSet *set, int position)
{
	const Note *note = &set->notes[position];
	bool		found;
	NoteIndex  *entry = noteindex_insert(set->index,
										 index_key(note->dossier, note->refused),
										 &found);

	entry->position = position;
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

		memcpy(notes, set->few, sizeof(set->few));
		memcpy(rows, set->few_rows, sizeof(set->few_rows));
		memcpy(dirty, set->few_dirty, sizeof(set->few_dirty));
		set->notes = notes;
		set->counts.rows = rows;
		set->counts.dirty = dirty;
	}
	else
	{
		set->notes = repalloc_huge(set->notes, sizeof(Note) * more);
		set->counts.rows = repalloc_huge(set->counts.rows, sizeof(uint64) * more);
		set->counts.dirty = repalloc_huge(set->counts.dirty, sizeof(int) * more);
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

static int
new_note(NoteSet *set, int64 dossier, bool refused, bool in_error)
{
	int			group;
	Note	   *note;

	/* While an error is being sent no state can be read: no phase then. */
	group = in_error ? -1 : find_group(set, dossier, refused);

	if (set->nnotes == set->maxnotes)
	{
		grow(set);
		if (!in_error && set->nnotes >= MANY)
			map_notes(set);
	}
	if (set->index == NULL && set->nnotes == FEW)
	{
		set->index = noteindex_create(set->context, 32, NULL);
		for (int i = 0; i < set->nnotes; i++)
			index_note(set, i);
	}
	note = &set->notes[set->nnotes];
	memset(note, 0, sizeof(Note));
	note->dossier = dossier;
	note->refused = refused;
	note->group = group;
	note->fresh = true;
	if (!in_error && !refused)
		casus_policy_sight(dossier, &note->sight);
	set->counts.rows[set->nnotes] = 0;
	if (set->index)
		index_note(set, set->nnotes);
	place_note(set, set->nnotes);
	set->nfresh++;
	return set->nnotes++;
}

/*
 * One row more of a dossier.  in_error: an error is on its way, nothing may be
 * read and nothing raised.  Returns the position for casus_lognote_again.
 */
int
casus_lognote_add(NoteSet *set, int64 dossier, bool refused, bool in_error)
{
	int			position = find_note(set, dossier, refused);

	if (position < 0)
	{
		MemoryContext old = MemoryContextSwitchTo(set->context);

		/* Before it counts as let through: can it be put on record at all? */
		if (!in_error)
			casus_sink_ready();
		position = new_note(set, dossier, refused, in_error);
		MemoryContextSwitchTo(old);
	}
	casus_lognote_again(set, position);
	return position;
}

/* Under observe: a row that enforce would hide; label NULL: it has none. */
void
casus_lognote_refused(NoteSet *set, const CasusLabel *label)
{
	set->observed = label;
	(void) casus_lognote_add(set, label ? label->dossier : 0, true, false);
	set->observed = NULL;
}

/* Has nothing been let through? */
bool
casus_lognote_none(const NoteSet *set)
{
	return set->nnotes == 0;
}

/* Nothing that the policy permits? */
bool
casus_lognote_none_permitted(const NoteSet *set)
{
	for (int i = 0; i < set->nnotes; i++)
		if (!set->notes[i].refused)
			return false;
	return true;
}

bool
casus_lognote_fresh(const NoteSet *set)
{
	return set->nfresh > 0;
}

bool
casus_lognote_dirty(const NoteSet *set)
{
	return set->counts.ndirty > 0;
}

#define PAIR_MAX	(2 * MAXINT8LEN + 6)

/* A dossier and its rows, straight into the buffer: a statement may have read hundreds. */
static void
append_pair(StringInfo lines, bool is_first, int64 dossier, int64 rows)
{
	char	   *at;

	if (lines->maxlen - lines->len <= PAIR_MAX)
		enlargeStringInfo(lines, PAIR_MAX);
	at = lines->data + lines->len;
	if (!is_first)
		*at++ = ',';
	*at++ = '[';
	at += pg_lltoa(dossier, at);
	*at++ = ',';
	at += pg_lltoa(rows, at);
	*at++ = ']';
	*at = '\0';
	lines->len = at - lines->data;
}

/* Writes a record of the group of the marked position at "from", and what follows it. */
static void
format_group(NoteSet *set, StringInfo lines, int from, bool all,
			 const char *identity, uint64 query_id)
{
	int			group = set->notes[set->counts.dirty[from]].group;
	int			written = 0;
	const NoteGroup *g = group >= 0 ? &set->groups[group] : NULL;

	casus_logrecord_open(lines, g && g->refused ? "would_refuse" : set->kind);
	appendStringInfoString(lines, identity);
	if (g)
		appendStringInfoString(lines, g->piece);
	else if (set->nfiles == 1)
		appendStringInfoString(lines, set->files[0].piece);
	if (g && g->reason)
		appendStringInfoString(lines, g->reason);
	appendStringInfoString(lines, set->relation);
	if (query_id != 0)
		casus_logrecord_number(lines, "query_id", (int64) query_id);
	appendStringInfoString(lines, ",\"dossiers\":[");
	for (int i = from; i < set->counts.ndirty && written < RECORD_MAX; i++)
	{
		Note	   *note = &set->notes[set->counts.dirty[i]];
		uint64	   *rows = &set->counts.rows[set->counts.dirty[i]];

		if (note->group != group || *rows == 0 || !(all || note->fresh))
			continue;
		append_pair(lines, written == 0, note->dossier, (int64) *rows);
		*rows = 0;
		if (note->fresh)
			set->nfresh--;
		note->fresh = false;
		written++;
	}
	appendStringInfoChar(lines, ']');
	casus_logrecord_close(lines);
}

/*
 * Appends the records of what has not been written: everything, or what must
 * be on record before rows leave.  No catalog is read.
 */
void
casus_lognote_format(NoteSet *set, StringInfo lines, bool all,
					 const char *identity, uint64 query_id)
{
	int			kept = 0;

	for (int i = 0; i < set->counts.ndirty; i++)
	{
		Note	   *note = &set->notes[set->counts.dirty[i]];

		if (set->counts.rows[set->counts.dirty[i]] > 0 && (all || note->fresh))
			format_group(set, lines, i, all, identity, query_id);
	}
	for (int i = 0; i < set->counts.ndirty; i++)
		if (set->counts.rows[set->counts.dirty[i]] > 0)
			set->counts.dirty[kept++] = set->counts.dirty[i];
	set->counts.ndirty = kept;
}

/* Is there a dossier of which less may be seen now than when it passed? */
bool
casus_lognote_narrowed(const NoteSet *set)
{
	for (int i = 0; i < set->nnotes; i++)
	{
		const Note *note = &set->notes[i];
		CasusSight	now;

		if (note->group >= 0 && set->groups[note->group].refused)
			continue;
		casus_policy_sight(note->dossier, &now);
		if (casus_policy_narrowed(&note->sight, &now))
			return true;
	}
	return false;
}
