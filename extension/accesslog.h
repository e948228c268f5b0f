/*
 * accesslog.h
 *		What lognote.c, logscan.c, logstatement.c and accesslog.c share and no other file needs.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_ACCESSLOG_H
#define CASUS_ACCESSLOG_H

#include "casus.h"

#include "lib/ilist.h"
#include "lib/stringinfo.h"

/* ---- lognote.c: the dossiers of one relation in one statement ---- */

typedef struct NoteSet NoteSet;

extern NoteSet *casus_lognote_create(const CasusProtected *table,
									 const char *kind, const char *verb);
extern int	casus_lognote_add(NoteSet *set, int64 dossier, bool refused, bool in_error);
extern void casus_lognote_again(NoteSet *set, int position);
extern bool casus_lognote_fresh(const NoteSet *set);
extern bool casus_lognote_dirty(const NoteSet *set);
extern void casus_lognote_format(NoteSet *set, StringInfo lines, bool all,
								 const char *identity, uint64 query_id);
extern bool casus_lognote_narrowed(const NoteSet *set);

/* ---- logscan.c: the scans of running statements ---- */

typedef struct LogRelation
{
	Oid			relid;
	NoteSet    *notes;
} LogRelation;

typedef struct LogStatement
{
	dlist_node	node;
	QueryDesc  *query;			/* NULL once it has ended */
	List	   *relations;		/* LogRelation */
	char	   *identity;		/* who reads, as JSON */
	uint64		query_id;
	uint64		context_generation;
	uint64		state_generation;	/* at the last look for narrowed dossiers */
	TimestampTz looked_at;
	bool		parallel;
	StringInfo	rest;			/* takes what is unwritten when we end */
	MemoryContextCallback callback;
} LogStatement;

extern void casus_logscan_watch(LogStatement *statement, PlanState *plan);
extern void casus_logscan_drop(LogStatement *statement);
extern void casus_logscan_leaving(void);
extern void casus_logscan_failing(void);
extern void casus_logscan_forget_flight(void);

/* ---- logstatement.c: running statements ---- */

extern bool casus_logstatement_start(QueryDesc *query, StringInfo rest);
extern void casus_logstatement_run(QueryDesc *query);
extern void casus_logstatement_end(QueryDesc *query);
extern bool casus_logstatement_waiting(bool all);
extern bool casus_logstatement_parallel(void);
extern void casus_logstatement_format(StringInfo lines, bool all);

#endif							/* CASUS_ACCESSLOG_H */
