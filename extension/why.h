/*
 * why.h
 *		What why.c and explain.c share: verdicts as rows.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_WHY_H
#define CASUS_WHY_H

#include "casus.h"

#include "nodes/execnodes.h"

#define WHY_COLUMNS		9		/* verb to column_name, as casus.why() returns them */
#define WHY_MAX_LEAD	8

/* Where rows go, and the texts that stand before the columns of each. */
typedef struct CasusWhy
{
	ReturnSetInfo *result;
	int			nlead;
	const char *lead[WHY_MAX_LEAD];
} CasusWhy;

extern bool casus_why_table(CasusWhy *why, Oid relid, const CasusProtected **protected);
extern void casus_why_plain(CasusWhy *why, bool allowed, const char *code,
							const char *text, const char *hint);
extern void casus_why_capacity(CasusWhy *why, const CasusDossier *dossier,
							   const CasusProtected *protected,
							   const CasusProtocol *protocol,
							   const CasusCapacity *capacity, int which);
extern int	casus_why_verb(const char *name);

#endif							/* CASUS_WHY_H */
