/*
 * choice.h
 *		What enter.c and capacity.c share: the capacities a caller may choose
 *		from.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_CHOICE_H
#define CASUS_CHOICE_H

#include "casus.h"

/* One capacity in which the caller could act. */
typedef struct Choice
{
	CasusCapacity capacity;
	char		level;
	bool		may_session;
} Choice;

typedef struct Choices
{
	int			n;
	Choice	   *choice;
} Choices;

extern void casus_choice_find(int32 person, Choices *choices);
extern const char *casus_choice_office(const CasusCapacity *c);
extern char *casus_choice_list(const Choices *choices);	/* "A; B; C" */
extern char *casus_choice_hint(const char *purpose, const Choice *choice);

/* DETAIL of a refusal: protocol, article (or NULL) and the check. */
extern char *casus_choice_detail(int32 protocol, const char *article, const char *check);

#endif							/* CASUS_CHOICE_H */
