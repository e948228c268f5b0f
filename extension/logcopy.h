/*
 * logcopy.h
 *		The copy of another node's chain: for logcopy.c, logcut.c and logcollect.c.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_LOGCOPY_H
#define CASUS_LOGCOPY_H

#include "accesslog.h"

typedef struct CasusLogCopy
{
	CasusLogKeys keys;
	CasusLogChain chain;		/* its point is where the copy ends, on disk */
	int			lock;
	int			fd;				/* of the segment at the end; -1: there is none */
	StringInfoData rest;		/* came behind the end, and is not verified yet */
	bool		unwritten;		/* what came could not be written: no fault of that node */
} CasusLogCopy;

extern bool casus_logcopy_refuse(const char **why,
								 const char *format,...) pg_attribute_printf(2, 3);
extern CasusLogCopy *casus_logcopy_open(const uint8 *node, bool *damaged, const char **why);
extern bool casus_logcopy_add(CasusLogCopy *copy, uint64 segment, const char *bytes, size_t length,
							  const char **why);
extern void casus_logcopy_skip(CasusLogCopy *copy);
extern bool casus_logcopy_whole(CasusLogCopy *copy, const char **why);
extern void casus_logcopy_close(CasusLogCopy *copy);

/* ---- logcut.c ---- */

extern bool casus_logcut_follow(CasusLogCopy *copy, const uint8 *bytes, size_t length,
								bool *is_none, const char **why);

#endif							/* CASUS_LOGCOPY_H */
