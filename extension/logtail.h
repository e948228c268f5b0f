/*
 * logtail.h
 *		What stands behind the records of a segment that hold: for logtail.c,
 *		logrecover.c and logcopy.c.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_LOGTAIL_H
#define CASUS_LOGTAIL_H

#include "accesslog.h"

typedef struct CasusLogTail
{
	bool		header_holds;
	uint64		size;
	uint64		written;		/* behind the last byte that is not zero */
	uint16		last_kind;		/* of the last record that holds */
	CasusLogPoint good;			/* the end of what holds */
	CasusLogPoint last;			/* the last that looks like a record */
	/* Of the records behind good, each made from what stands before it: */
	bool		settled;		/* there is one that says that all before it was on disk */
	uint64		reach;			/* where the last begins; 0: there is none */
} CasusLogTail;

extern bool casus_logtail_scan(CasusLogTail *scan, int fd, uint64 segment,
							   const CasusLogKeys *keys);
extern void casus_logtail_name_aside(char *aside, size_t size, const char *path,
									 const char *suffix);
extern bool casus_logtail_cut(int fd, const char *path, const CasusLogTail *scan);

#endif							/* CASUS_LOGTAIL_H */
