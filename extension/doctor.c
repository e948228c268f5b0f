/*
 * doctor.c
 *		What casus.doctor() asks of the inside: settings, the log directory,
 *		the registry, and what only a superuser may read.  The rest of its
 *		findings are SQL views, see install_55 to 57 and 67.
 *
 * Reads only, takes no lock.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "casus.h"
#include "resolve.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

static void
put_finding(ReturnSetInfo *result, const char *severity, const char *code,
			const char *finding, const char *mend)
{
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	values[0] = CStringGetTextDatum(severity);
	values[1] = CStringGetTextDatum(code);
	values[2] = CStringGetTextDatum(finding);
	values[3] = CStringGetTextDatum(mend);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* ---- settings ---- */

/* Relative to the data directory, where a backend works. */
static void
check_log_directory(ReturnSetInfo *result)
{
	char		directory[MAXPGPATH];
	struct stat found;

	/* The writer makes it when it starts; what counts is that it can. */
	strlcpy(directory, casus_sink_directory(), sizeof(directory));
	if (access(directory, F_OK) != 0)
	{
		get_parent_directory(directory);
		if (directory[0] == '\0')
			strlcpy(directory, ".", sizeof(directory));
	}
	if (access(directory, W_OK | X_OK) != 0)
		put_finding(result, "critical", "log_directory",
					_("The directory of the access log cannot be written: reading will stop."),
					_("Give the server's account write access to the directory in casus.log_directory."));
	else if (stat(casus_sink_directory(), &found) == 0 &&
			 (found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		put_finding(result, "warning", "log_readable",
					_("Other accounts of the machine may enter the directory of the access log."),
					_("chmod 0700 the directory in casus.log_directory."));
}

#define SEGMENTS_AHEAD	64

/* Before it is full, when nobody reads any more. */
static void
check_log_disk(ReturnSetInfo *result)
{
	struct statvfs room;
	uint64		left;

	if (statvfs(casus_sink_directory(), &room) != 0)
		return;
	left = (uint64) room.f_bavail * room.f_frsize;
	if (left < (uint64) room.f_blocks * room.f_frsize / 10 &&
		left < (uint64) casus_log_segment_size * 1024 * SEGMENTS_AHEAD)
		put_finding(result, "warning", "log_disk",
					psprintf(_("The disk of the access log has %s left: when it is full, nothing protected is read."),
							 TextDatumGetCString(DirectFunctionCall1(pg_size_pretty,
																	 Int64GetDatum((int64) left)))),
					_("Make room there, move the log to a larger disk (casus.log_directory), or remove what is beyond its term: casus.purge_log()."));
}

/* The writer has read it at its start: what became of the file since shows at the next. */
static bool
has_usable_key(void)
{
	CasusLogKeys *keys = palloc(sizeof(CasusLogKeys));
	CasusLogHead head;
	const char *why;
	bool		result = casus_logkey_read(keys, &why) &&
		(!casus_logring_head(&head) || memcmp(keys->node, head.node, CASUS_LOG_NODE) == 0);

	explicit_bzero(keys, sizeof(*keys));
	pfree(keys);
	return result;
}

/* Who copies the disk of the log has the key then, and could make another one. */
static void
check_log_key(ReturnSetInfo *result)
{
	struct stat key;
	struct stat log;

	if (!casus_preloaded)
		return;
	if (casus_logring_failing() == 0 && !has_usable_key())
		put_finding(result, "critical", "log_key_lost",
					_("The key file of the access log is not there or not as it must be: the log cannot be verified, and does not go on after a restart."),
					_("Before the next restart put its copy back where casus.log_key_file says, or give it back to the server's account with mode 0600."));
	if (casus_logring_failing() != 0)
		put_finding(result, "critical", "log_failing",
					_("The access log cannot be written: nothing protected is read."),
					_("Look in the server log for what casus says of its access log or key file; it goes on by itself."));
	if (stat(casus_logkey_path(), &key) == 0 && stat(casus_sink_directory(), &log) == 0 &&
		key.st_dev == log.st_dev)
		put_finding(result, "warning", "log_key_near",
					_("The key of the access log is on the same file system as the log: a copy of that disk can be forged."),
					_("Set casus.log_key_file to a file on another one, move the key there while the server is down, and keep anchors elsewhere (casus.log_anchor)."));
}

static void
check_settings(ReturnSetInfo *result)
{
	if (!casus_preloaded)
		put_finding(result, "critical", "not_preloaded",
					_("The library was not preloaded: protected tables answer with an error, nothing is guarded."),
					_("Add casus to shared_preload_libraries and restart."));
	if (casus_log_durability != CASUS_LOG_STRICT)
		put_finding(result, "warning", "log_relaxed",
					_("casus.log_durability is relaxed: after a crash the last reads may be missing in the log."),
					_("Set casus.log_durability = strict and restart."));
	if (!enableFsync)
		put_finding(result, "warning", "fsync_off",
					_("fsync is off: neither the log nor the state survives a power failure for certain."),
					"ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();");
	if (pg_tzset("Europe/Amsterdam") == NULL)
		put_finding(result, "critical", "time_zone",
					_("The server does not know the time zone Europe/Amsterdam: no term can be reckoned."),
					_("Install the time zone data of the operating system."));
	check_log_directory(result);
	check_log_disk(result);
	check_log_key(result);
}

/* casus_int.log_months() returns integer */
PG_FUNCTION_INFO_V1(casus_sql_log_months);

Datum
casus_sql_log_months(PG_FUNCTION_ARGS)
{
	int			months = casus_preloaded ? casus_logterm_of_node() : -1;

	if (months < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(months);
}

/* ---- maintenance ---- */

/* Of all sessions: to who looks at one table nothing else shows them. */
static void
check_windows(ReturnSetInfo *result)
{
	CasusWindow *windows;
	int			n = casus_windows_all(&windows);

	for (int i = 0; i < n; i++)
	{
		char	   *role = GetUserNameFromId(windows[i].role, true);

		if (get_rel_name(windows[i].relid) != NULL && role != NULL)
			put_finding(result, "warning", "maintenance_open",
						psprintf(_("Table %s is in maintenance by role %s until %s, in session %d."),
								 casus_relation_ddl_name(windows[i].relid), role,
								 timestamptz_to_str(windows[i].until), windows[i].pid),
						windows[i].pid == MyProcPid ?
						psprintf("SELECT casus.maintenance(%s, '...', '0');",
								 quote_literal_cstr(casus_relation_ddl_name(windows[i].relid))) :
						psprintf("SELECT pg_terminate_backend(%d); -- when it has been forgotten",
								 windows[i].pid));
	}
}

PG_FUNCTION_INFO_V1(casus_sql_inner_findings);

Datum
casus_sql_inner_findings(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	check_settings((ReturnSetInfo *) fcinfo->resultinfo);
	check_windows((ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* ---- what only a superuser may read ---- */

PG_FUNCTION_INFO_V1(casus_sql_server_findings);

/*
 * The client authentication file and some settings are shown to superusers
 * only.  The one statement here is constant, names everything by its schema
 * and tells findings, not contents; EXECUTE is for casus_admin and
 * casus_auditor.
 */
Datum
casus_sql_server_findings(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			user;
	int			security;

	InitMaterializedSRF(fcinfo, 0);
	casus_spi_begin();
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	if (SPI_execute("SELECT severity, code, finding, mend FROM casus_int.server_finding",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "reading the server's settings failed");
	SetUserIdAndSecContext(user, security);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		put_finding(result, SPI_getvalue(tuple, desc, 1), SPI_getvalue(tuple, desc, 2),
					SPI_getvalue(tuple, desc, 3), SPI_getvalue(tuple, desc, 4));
	}
	casus_spi_end();
	return (Datum) 0;
}

/* ---- registry ---- */

PG_FUNCTION_INFO_V1(casus_sql_protection);

/* How a relation is protected, as the registry sees it; all NULL when it is not. */
Datum
casus_sql_protection(PG_FUNCTION_ARGS)
{
	static const char *const modes[] = {"none", "registered", "observe", "enforce"};
	TupleDesc	desc;
	Datum		values[9];
	bool		nulls[9] = {true, true, true, true, true, true, true, true, true};
	const CasusProtected *p = casus_registry_find(PG_GETARG_OID(0));
	const CasusSettings *settings;
	bool		lost = false;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (p != NULL)
	{
		memset(nulls, false, sizeof(nulls));
		values[0] = CStringGetTextDatum(modes[p->mode]);
		values[1] = BoolGetDatum(p->fenced);
		values[2] = BoolGetDatum(p->foreign);
		values[3] = BoolGetDatum(p->hide);
		values[4] = BoolGetDatum(p->mixed);
		values[5] = BoolGetDatum(p->settings != NULL);
		settings = p->settings;
		for (int i = 0; settings != NULL && i < settings->nvia; i++)
			lost |= !OidIsValid(settings->via[i].parent);
		values[6] = BoolGetDatum(lost);
		values[7] = ObjectIdGetDatum(p->family);
		values[8] = BoolGetDatum(settings != NULL && settings->resolve_name != NULL &&
								 (!OidIsValid(settings->resolve) ||
								  casus_resolve_unfit(settings->resolve, settings->owner) != NULL));
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
