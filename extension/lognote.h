/*
 * lognote.h
 *		The notes of one relation in one statement, from within: for lognote.c, which
 *		makes them, and logline.c, which puts them down.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_LOGNOTE_H
#define CASUS_LOGNOTE_H

#include "accesslog.h"

/* What the notes of one record have in common. */
typedef struct NoteGroup
{
	int32		file;
	int			phase;			/* -1: not known */
	bool		refused;		/* observe: would have been refused */
	int64		opening;		/* the act that opened it beside the rules, 0: none */
	char	   *reason;			/* of refused ones, as JSON */
	char	   *piece;			/* capacity and phase, as JSON; NULL: those of the shape */
} NoteGroup;

typedef struct Note
{
	int64		dossier;
	CasusSight	sight;			/* what could be seen when it was let through */
	int			group;
	bool		refused;
} Note;

#define NOTES_FEW	4			/* that need no hash table */

/* What is known of a file of the table before any row comes. */
typedef struct NoteFile
{
	int32		file;
	int			phase;			/* the only phase of the purpose, or -1 */
	const char *piece;			/* capacity, so many bytes */
	int			length;
} NoteFile;

#define NOTES_TEXT	768			/* bytes of a shape that need no memory of their own */

struct NoteSet
{
	NoteCounts	counts;			/* first: accesslog.h knows it there */
	MemoryContext context;
	CasusLogShape shape;
	int			plain;			/* the group of records of just that shape; -1: none yet */
	int			nfiles;
	NoteFile   *files;
	int			ngroups;
	NoteGroup  *groups;
	int			nnotes;
	int			maxnotes;
	Note	   *notes;
	struct noteindex_hash *index;	/* of lognote.c; NULL: there are only a few */
	const CasusLabel *observed; /* of the refused row that is being added */
	/* From here on nothing is cleared. */
	NoteFile	file;
	NoteGroup	group;
	Note		few[NOTES_FEW];
	uint64		few_rows[NOTES_FEW];
	int			few_dirty[NOTES_FEW];
	bool		few_fresh[NOTES_FEW];
	char		text[NOTES_TEXT];
};

#endif							/* CASUS_LOGNOTE_H */
