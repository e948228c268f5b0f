/*
 * subject.h
 *		Whom a row is about: for subject.c, subjectcount.c and subjectset.c, and
 *		for protect.c, which names the column.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_SUBJECT_H
#define CASUS_SUBJECT_H

#include "protect.h"

#include "utils/hsearch.h"

/* A protected table, and its columns that name subjects. */
typedef struct CasusSubjectStore
{
	const CasusProtected *prot;
	const CasusSettings *settings;
	int			n;
	AttrNumber *attnos;			/* each once */
} CasusSubjectStore;

extern void casus_subject_check(Relation rel, AttrNumber attno);

/* subject_column of casus.protect and casus.set_subject_column */
static inline AttrNumber
casus_subject_column(Relation rel, const char *name)
{
	AttrNumber	attno = casus_protect_check_column(rel, name);

	casus_subject_check(rel, attno);
	return attno;
}

extern bool casus_subject_store(Oid relid, CasusSubjectStore *store);
extern bool casus_subject_is_meant(const CasusSubjectStore *store, AttrNumber attno, int64 dossier);
extern int	casus_subject_dossiers(const CasusSubjectStore *store, Relation rel, HeapTuple tuple,
								   int64 *own, int64 **others);
extern HTAB *casus_subject_set(Size keysize);

#endif							/* CASUS_SUBJECT_H */
