/*
 * term.h
 *		Dates in Europe/Amsterdam (clock.c) and the type casus.term (term.c),
 *		for the files that start, read or judge a clock.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_TERM_H
#define CASUS_TERM_H

#include "casus.h"

/*
 * casus.term, 32 bytes fixed: a retention or deadline term with its clock.
 * Text: "uiterlijk 1 year after afsluiten", "gedurende 6 months after besluit".
 */
typedef enum CasusTermMode
{
	CASUS_TERM_UITERLIJK = 1,	/* gone on or before that day */
	CASUS_TERM_GEDURENDE = 2	/* kept through that day, gone directly after */
} CasusTermMode;

#define CASUS_TERM_EVENT_LEN 27

typedef struct CasusTerm
{
	int16		months;
	int16		days;
	uint8		mode;			/* CasusTermMode */
	char		event[CASUS_TERM_EVENT_LEN];	/* padded with NULs; full length has none */
} CasusTerm;

StaticAssertDecl(sizeof(CasusTerm) == 32, "casus.term is 32 bytes on disk");

extern bool casus_clock_is_day(const char *text);	/* YYYY-MM-DD, a day of the calendar */
extern DateADT casus_clock_today(void); /* the date in Europe/Amsterdam now */
extern DateADT casus_clock_date(TimestampTz at);	/* the date in Amsterdam at a moment */
extern TimestampTz casus_clock_start_of_day(DateADT day);	/* its midnight in Amsterdam */

/*
 * First moment at which what is kept under the term must be invisible, when
 * its clock started on the given day.  uiterlijk: the start of the due day;
 * gedurende: the start of the day after it.
 */
extern TimestampTz casus_term_end(const CasusTerm *term, DateADT start);
extern DateADT casus_term_due_on(const CasusTerm *term, DateADT start);

/* Reads the text form; NULL, or what is wrong with it ("In this term %s."), no error. */
extern const char *casus_term_parse(const char *text, CasusTerm *term,
									bool *out_of_range);

#endif							/* CASUS_TERM_H */
