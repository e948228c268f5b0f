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
extern const CasusProtocol *casus_choice_protocol(const Choices *choices);

#endif							/* CASUS_CHOICE_H */
