/*
 * casusctl.h
 *		What the files of casusctl share.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUSCTL_H
#define CASUSCTL_H

#include "logsegment.h"

struct pg_conn;					/* PGconn of libpq */

/* Exit codes, which scripts rely on; they stand in README.md. */
#define EXIT_WHOLE		0
#define EXIT_DAMAGED	1
#define EXIT_CANNOT		2		/* wrong arguments, or a file cannot be read or written */
#define EXIT_DATABASE	3

typedef struct CtlOptions
{
	const char *log_dir;
	const char *key_file;
	const char *anchor;
	uint64		from;			/* 0: the start */
	uint64		to;				/* 0: the end */
	const char *database;		/* connection string or name; NULL: by the environment */
	const char *month;			/* YYYY-MM */
	const char *file;			/* of casus; NULL: all, or the only one */
} CtlOptions;

extern void ctl_fail(int code, const char *format,...)
__attribute__((format(printf, 2, 3), noreturn));
extern int	ctl_finish(int code);	/* after the last line of output */

extern int	ctl_log_verify(const CtlOptions *options);
extern int	ctl_log_dump(const CtlOptions *options);
extern int	ctl_db_anchor(const CtlOptions *options);
extern int	ctl_db_report(const CtlOptions *options);
extern struct pg_conn *ctl_db_connect(const char *database);	/* or ends with EXIT_DATABASE */

#endif							/* CASUSCTL_H */
