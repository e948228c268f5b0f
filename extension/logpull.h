/*
 * logpull.h
 *		What another server says of its access log: for logpull.c, logcollect.c
 *		and logcopy.c; the list in casus.log_collect, for settings.c.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_LOGPULL_H
#define CASUS_LOGPULL_H

#include "logsegment.h"

#define CASUS_LOGPULL_ERROR	200
#define CASUS_LOG_STANDBY	(4 * NAMEDATALEN)	/* bytes: what is not ASCII may take four */
#define CASUS_LOG_SOURCES	32	/* servers in casus.log_collect, at most */
#define CASUS_LOG_PIECE	(1024 * 1024)	/* bytes that are given at a time, at most */

typedef struct CasusLogPull CasusLogPull;

typedef struct CasusLogPiece
{
	uint8		node[CASUS_LOG_NODE];
	uint64		segment;
	uint64		last_segment;	/* that there is */
	uint64		next_segment;	/* the first behind the one asked for; 0: none */
	bool		complete;		/* nothing comes behind these bytes in this segment */
	bool		missing;		/* the segment is not there */
	bool		is_standby;
	uint64		last_seq;		/* of the log */
	char		standby[CASUS_LOG_STANDBY]; /* as it is called where it streams from */
	const char *bytes;
	size_t		length;
} CasusLogPiece;

extern void casus_logpull_clip(char *to, const char *from, size_t size);
extern char *casus_logpull_next(const char **list);
extern char *casus_logpull_label(const char *conninfo, char **wrong);
extern char *casus_logpull_application(const char *conninfo);
extern CasusLogPull *casus_logpull_connect(const char *conninfo);
extern const char *casus_logpull_error(const CasusLogPull *pull);
extern bool casus_logpull_piece(CasusLogPull *pull, uint64 segment, uint64 place,
								CasusLogPiece *piece);
extern void casus_logpull_close(CasusLogPull *pull);

#endif							/* CASUS_LOGPULL_H */
