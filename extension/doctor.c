/*
 * doctor.c
 *		What casus.doctor() asks of the inside: state tables, settings and the
 *		registry.  The rest of its findings are SQL over the system catalogs,
 *		see install_55_doctor.sql.
 *
 * Reads only, takes no lock.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "casus.h"
#include "relation.h"
#include "state.h"

#include <unistd.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

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
	const char *directory = casus_sink_directory();

	/* The sink makes it at the first record; what counts is that it can. */
	if (access(directory, F_OK) != 0)
		directory = is_absolute_path(directory) ? "/" : ".";
	if (access(directory, W_OK | X_OK) != 0)
		put_finding(result, "critical", "log_directory",
					_("The directory of the access log cannot be written: reading will stop."),
					_("Give the server's account write access to the directory in casus.log_directory."));
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
	check_log_directory(result);
}

/* ---- state ---- */

/*
 * One statement over the state tables; a row is severity, code, finding, how
 * to mend it.
 */
#define STATE_FINDINGS \
	"SELECT 'warning', 'role_gone', pg_catalog.format('Person %s has the role %s, and that " \
	"role is gone or another one now.', p.name, r.role_name), " \
	"pg_catalog.format('SELECT casus.bind_person(%L, role => ''...'');', p.name) " \
	"FROM casus_cat.person_role r JOIN casus_cat.person p ON p.id = r.person " \
	"WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles g WHERE g.oid = r.role_oid AND " \
	"g.rolname = r.role_name) " \
	"UNION ALL SELECT 'note', 'person_unbound', pg_catalog.format('Person %s holds an " \
	"appointment but has no database role.', p.name), " \
	"pg_catalog.format('SELECT casus.bind_person(%L, role => ''...'');', p.name) " \
	"FROM casus_cat.person p WHERE NOT EXISTS (SELECT FROM casus_cat.person_role r WHERE " \
	"r.person = p.id) " \
	"AND EXISTS (SELECT FROM casus_cat.appointment a WHERE a.person = p.id AND (a.ends IS " \
	"NULL OR a.ends > pg_catalog.clock_timestamp())) " \
	"UNION ALL SELECT 'warning', 'person_bypasses', pg_catalog.format('Person %s logs in " \
	"with a role that is a superuser or has BYPASSRLS.', p.name), " \
	"'Give the person a role of his own without these attributes.' " \
	"FROM casus_cat.person_role r JOIN casus_cat.person p ON p.id = r.person " \
	"JOIN pg_catalog.pg_roles g ON g.oid = r.role_oid WHERE g.rolsuper OR g.rolbypassrls " \
	"UNION ALL SELECT 'warning', 'not_activated', pg_catalog.format('File %s is not " \
	"activated: no dossier opens and nobody enters.', f.name), " \
	"pg_catalog.format('SELECT casus.activate_protocol(%L, dpia => ''...'', parameters => " \
	"''{...}'');', f.name) " \
	"FROM casus_cat.file f WHERE f.activated_at IS NULL " \
	"UNION ALL SELECT 'warning', 'second_person', pg_catalog.format('File %s asks no second " \
	"person to confirm acts that widen access.', f.name), " \
	"'Let somebody else than the admin look at casus.act_log regularly.' " \
	"FROM casus_cat.file f WHERE f.second_person = 'none' " \
	"UNION ALL SELECT 'note', 'no_decider', pg_catalog.format('File %s has nobody in office " \
	"%s, which decides its gates.', f.name, o.name), " \
	"pg_catalog.format('SELECT casus.appoint(''...'', %L, NULL, %L);', f.name, o.name) " \
	"FROM casus_cat.file f JOIN casus_cat.office o ON o.protocol = f.protocol AND o.level = " \
	"'file' " \
	"WHERE EXISTS (SELECT FROM casus_cat.gate g WHERE g.protocol = o.protocol AND g.office " \
	"= o.code) " \
	"AND NOT EXISTS (SELECT FROM casus_cat.appointment a WHERE a.file = f.id AND a.office = " \
	"o.code " \
	"AND a.starts <= pg_catalog.clock_timestamp() AND (a.ends IS NULL OR a.ends > " \
	"pg_catalog.clock_timestamp())) " \
	"ORDER BY 1, 2, 3"

static void
check_state(ReturnSetInfo *result)
{
	CasusQuery	query;

	casus_query_begin(&query);
	casus_query_read(&query, STATE_FINDINGS);
	for (uint64 row = 0; row < query.nrows; row++)
		put_finding(result, casus_query_get_text(&query, row, 1),
					casus_query_get_text(&query, row, 2),
					casus_query_get_text(&query, row, 3),
					casus_query_get_text(&query, row, 4));
	casus_query_end(&query);
}

PG_FUNCTION_INFO_V1(casus_sql_inner_findings);

Datum
casus_sql_inner_findings(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	check_settings(result);
	check_state(result);
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
	Datum		values[7];
	bool		nulls[7] = {true, true, true, true, true, true, true};
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
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
