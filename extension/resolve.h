/*
 * resolve.h
 *		The function that names the dossier of a row: for registry.c, rowparent.c,
 *		protect_resolve.c and those who must not be called from inside it.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_RESOLVE_H
#define CASUS_RESOLVE_H

#include "relation.h"

/* Calls for the rows of one statement. */
typedef struct CasusResolver
{
	const CasusSettings *settings;
	FmgrInfo	function;		/* looked up at the first call, and after an error */
	MemoryContext cxt;
} CasusResolver;

extern bool casus_resolve_runs(void);	/* now, in this session */
extern const char *casus_resolve_unfit(Oid function, Oid owner);	/* NULL: it is fit */
extern Oid	casus_resolve_find(const CasusSettings *settings, TupleDesc desc);
extern CasusResolver *casus_resolve_prepare(const CasusSettings *settings);
extern int64 casus_resolve_dossier(CasusResolver *resolver, TupleTableSlot *slot);

/* ---- protect_resolve.c ---- */
extern List *casus_protect_resolve(Relation rel, Oid function, char **schema, char **name);

#endif							/* CASUS_RESOLVE_H */
