/*
 * logstanding.h
 *		How it stands with each server whose access log is collected: for
 *		logcollect.c and logstanding.c.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_LOGSTANDING_H
#define CASUS_LOGSTANDING_H

#include "logpull.h"

#include "datatype/timestamp.h"

#define CASUS_LOG_LABEL		256
#define CASUS_LOG_FINDING	400

/* What is told of a server. */
typedef struct CasusLogStanding
{
	char		label[CASUS_LOG_LABEL]; /* empty: the slot is free */
	bool		known;			/* which node it is: it has said so, and its key is here */
	bool		is_own;			/* this server itself */
	bool		refused;		/* what came does not hold */
	uint8		node[CASUS_LOG_NODE];
	char		standby[CASUS_LOG_STANDBY];	/* as pg_stat_replication calls it; empty: it is none */
	TimestampTz collected_at;	/* up to what it had then; 0: never */
	uint64		seq;			/* of the last record collected */
	int64		time;			/* of that, microseconds since 1970 */
	char		finding[CASUS_LOG_FINDING]; /* empty: all is well */
} CasusLogStanding;

extern void casus_logstanding_tell(int place, const CasusLogStanding *standing);

#endif							/* CASUS_LOGSTANDING_H */
