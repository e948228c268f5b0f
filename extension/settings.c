/*
 * settings.c
 *		The settings of casus, all of them fixed at server start.
 *
 * No setting switches the guard off: whoever may change settings is bound by
 * the protocol like anyone else.  Nothing here is changed after _PG_init, so
 * nothing guards it.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "miscadmin.h"
#include "utils/guc.h"

int			casus_log_durability = CASUS_LOG_STRICT;
char	   *casus_log_directory = NULL;
char	   *casus_log_key_file = NULL;
int			casus_log_ring_size = 4096;
int			casus_log_segment_size = 16384;
int			casus_log_timeout = 30;
bool		casus_preloaded = false;

static const struct config_enum_entry durability_options[] = {
	{"strict", CASUS_LOG_STRICT, false},
	{"relaxed", CASUS_LOG_RELAXED, false},
	{NULL, 0, false}
};

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

	DefineCustomStringVariable("casus.log_directory",
							   "Directory of the access log, relative to the data directory.",
							   "An absolute path puts the log on a disk of its own.",
							   &casus_log_directory,
							   "casus_log",
							   PGC_POSTMASTER,
							   GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);

	DefineCustomEnumVariable("casus.log_durability",
							 "Whether a read waits until its log record is on disk.",
							 "strict: no row leaves the server before its record is durable. "
							 "relaxed: a crash of the machine may lose the last records.",
							 &casus_log_durability,
							 CASUS_LOG_STRICT,
							 durability_options,
							 PGC_POSTMASTER,
							 0,
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

	/* Nobody plants a setting that looks like ours. */
	MarkGUCPrefixReserved("casus");
}
