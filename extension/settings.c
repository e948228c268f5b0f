/*
 * settings.c
 *		The settings of casus: all fixed at server start, but for what a client
 *		says of its request.
 *
 * No setting switches the guard off: whoever may change settings is bound by
 * the protocol like anyone else.  Nothing here is changed after _PG_init, so
 * nothing guards it.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "logpull.h"

#include "miscadmin.h"
#include "utils/guc.h"

int			casus_log_durability = CASUS_LOG_STRICT;
char	   *casus_log_directory = NULL;
char	   *casus_log_key_file = NULL;
int			casus_log_ring_size = 4096;
int			casus_log_segment_size = 16384;
int			casus_log_timeout = 30;
int			casus_log_load_interval = 60;
char	   *casus_log_collect = NULL;
int			casus_log_retention = 0;
char	   *casus_traceparent = NULL;
bool		casus_preloaded = false;

static const struct config_enum_entry durability_options[] = {
	{"strict", CASUS_LOG_STRICT, false},
	{"relaxed", CASUS_LOG_RELAXED, false},
	{NULL, 0, false}
};

/* 00-trace id-span id-flags in lower-case hexadecimal, neither id all zeros (W3C Trace Context). */
static bool
check_traceparent(char **value, void **extra, GucSource source)
{
	static const char form[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
	char	   *text = *value;
	bool		is_later = strncmp(text, "00", 2) != 0;	/* version */
	size_t		i = 0;

	if (text[0] == '\0')
		return true;
	while (form[i] && text[i] &&
		   (form[i] == 'h' ? strchr("0123456789abcdef", text[i]) != NULL : form[i] == text[i]))
		i++;
	if (form[i] != '\0' || (text[i] != '\0' && !(is_later && text[i] == '-')) ||
		strncmp(text, "ff", 2) == 0 ||
		strspn(text + 3, "0") >= 32 || strspn(text + 36, "0") >= 16)
	{
		GUC_check_errdetail("It is 00, trace id, span id and flags in lower-case hexadecimal, "
							"as in W3C Trace Context.");
		return false;
	}
	/* What a later version adds is left out: so the standard says, to who knows 00. */
	text[0] = text[1] = '0';
	text[i] = '\0';
	return true;
}

/* Connection strings, of which none holds a password. */
static bool
check_log_collect(char **value, void **extra, GucSource source)
{
	const char *list = *value;
	char	   *conninfo;
	char	   *wrong;
	int			n = 0;

	while ((conninfo = casus_logpull_next(&list)) != NULL)
	{
		(void) casus_logpull_label(conninfo, &wrong);
		if (wrong != NULL)
		{
			GUC_check_errdetail("%s", wrong);
			return false;
		}
		if (++n > CASUS_LOG_SOURCES)
		{
			GUC_check_errdetail("It names more than %d servers.", CASUS_LOG_SOURCES);
			return false;
		}
	}
	return true;
}

/* Where the log and its keys are. */
static void
define_log_files(void)
{
	DefineCustomStringVariable("casus.log_directory",
							   "Directory of the access log, relative to the data directory.",
							   "An absolute path puts the log on a disk of its own.",
							   &casus_log_directory,
							   "casus_log",
							   PGC_POSTMASTER,
							   GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);

	DefineCustomStringVariable("casus.log_key_file",
							   "File with the keys of the access log, outside of the data directory.",
							   "Made at the first start, with mode 0600. Empty: beside the data directory, "
							   "under its name with .casus_log_key after it.",
							   &casus_log_key_file,
							   "",
							   PGC_POSTMASTER,
							   GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
}

/* How records come from a statement to a segment, and how long one waits. */
static void
define_log_writing(void)
{
	DefineCustomEnumVariable("casus.log_durability",
							 "Whether a read waits until its log record is on disk.",
							 "strict: no row leaves the server before its record is durable. "
							 "relaxed: a crash of the machine or of the server may lose the last records.",
							 &casus_log_durability,
							 CASUS_LOG_STRICT,
							 durability_options,
							 PGC_POSTMASTER,
							 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("casus.log_ring_size",
							"Shared memory in which log records wait for their writer.",
							"When it is full, who has a record to write waits.",
							&casus_log_ring_size,
							4096, 1024, 1024 * 1024,
							PGC_POSTMASTER,
							GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("casus.log_segment_size",
							"Size from which the access log goes on in another file.",
							NULL,
							&casus_log_segment_size,
							16384, 64, 1024 * 1024,
							PGC_POSTMASTER,
							GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("casus.log_timeout",
							"How long a statement waits for a writer of the access log that does not get on.",
							"After that it is refused, since its record is not on disk.",
							&casus_log_timeout,
							30, 1, 600,
							PGC_POSTMASTER,
							GUC_UNIT_S,
							NULL, NULL, NULL);
}

/* What becomes of the segments: tables, other nodes' logs, their term. */
static void
define_log_reading(void)
{
	DefineCustomIntVariable("casus.log_load_interval",
							"How often new records of the access log are put into tables, and collected.",
							"casus.access_log shows them without that; they are found faster after it.",
							&casus_log_load_interval,
							60, 1, 3600,
							PGC_POSTMASTER,
							GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomStringVariable("casus.log_collect",
							   "Servers whose access logs this one collects, as a rule its hot standbys.",
							   "Connection strings with semicolons between them, to a database with casus, for a "
							   "login in role casus_collector. No passwords: those stand in a password file.",
							   &casus_log_collect,
							   "",
							   PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY,
							   check_log_collect, NULL, NULL);

	DefineCustomIntVariable("casus.log_retention",
							"How long the access log of this node is kept at least, before casus.purge_log removes it.",
							"0: for ever. The files of each database may ask for longer.",
							&casus_log_retention,
							0, 0, INT_MAX,
							PGC_POSTMASTER, GUC_UNIT_MIN, NULL, NULL, NULL);
}

/*
 * Postmaster settings cannot be defined by a library that a session loads
 * later, so without preload the variables keep their defaults; every call
 * that matters is refused with casus.not_preloaded then.
 */
void
casus_settings_init(void)
{
	casus_preloaded = process_shared_preload_libraries_in_progress;
	if (!casus_preloaded)
		return;

	define_log_files();
	define_log_writing();
	define_log_reading();

	DefineCustomStringVariable("casus.traceparent",
							   "Trace context of the client, for the records of the access log.",
							   "As in the header traceparent of W3C Trace Context. A hint, not a proof.",
							   &casus_traceparent,
							   "",
							   PGC_USERSET,
							   0,
							   check_traceparent, NULL, NULL);

	/* Nobody plants a setting that looks like ours. */
	MarkGUCPrefixReserved("casus");
}
