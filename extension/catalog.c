/*
 * catalog.c
 *		The only file that looks up oids of casus' own objects; statements of
 *		casus' own.
 *
 * Oids are looked up by name at first use and kept until the namespace
 * catalog changes (CREATE and DROP EXTENSION; casus_int.give_to_owner() sends
 * the same message at the end of an update script).  All state is private to
 * the backend.  The invalidation callbacks only set flags and count: they run
 * at moments when no catalog may be read.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* In the order of CasusTable. */
static const char *const table_names[CASUS_NTABLES] = {
	"installation", "protocol", "phase", "stage", "purpose", "office",
	"subject_category", "category", "rule", "gate", "transition",
	"list_value", "file", "party", "person", "person_role", "appointment",
	"dossier", "participant", "sharing", "linked", "opening", "act", "act_content", "decision"
};

typedef enum Presence
{
	PRESENCE_UNKNOWN,
	PRESENCE_ABSENT,
	PRESENCE_THERE
} Presence;

static Presence presence = PRESENCE_UNKNOWN;
uint64		casus_catalog_names = 1;	/* changes of a namespace */
bool		casus_catalog_there = false;	/* presence is PRESENCE_THERE */
static Oid	namespace_oid = InvalidOid; /* casus_cat */
static Oid	tables[CASUS_NTABLES];
static Oid	pkeys[CASUS_NTABLES];
static Oid	owner_oid;
Oid			casus_catalog_permits;	/* casus_int.permits() */
static Oid	column_permits_oid;
static Oid	meets_oid;
static Oid	row_trigger_oid;
static Oid	finds_parent_oid;
static Oid	own_setval_oid;
static Oid	keeps_oid;
static Oid	shows_statistics_oid;
static Oid	above_oid;
static Oid	label_type_oid;

/*
 * Starts at 1, so that 0 is a generation that no cache ever was made under.
 * Exported as a variable for the read verdict, which compares it per row.
 */
uint64		casus_catalog_generation = 1;

/* Counts of these the changes that concern people and rules, not dossiers. */
uint64		casus_catalog_people = 1;

/* The installation row, as of the generation at which it was read. */
static uint64 installation_generation = 0;
static bool installation_there = false;
static pg_uuid_t installation_id;

/* ---- invalidation ---- */

static void
catalog_relcache_callback(Datum arg, Oid relid)
{
	if (presence == PRESENCE_THERE && OidIsValid(relid))
	{
		for (int i = 0; i < CASUS_NTABLES; i++)
		{
			if (tables[i] == relid)
			{
				casus_catalog_generation++;
				if (i != CASUS_DOSSIER && i != CASUS_SHARING && i != CASUS_LINKED && i < CASUS_ACT)
					casus_catalog_people++;
				return;
			}
		}
		return;
	}

	/* A reset of everything, or the oids are not known: better once too often. */
	casus_catalog_generation++;
	casus_catalog_people++;
}

static void
catalog_namespace_callback(Datum arg, int cacheid, uint32 hashvalue)
{
	casus_catalog_names++;
	presence = PRESENCE_UNKNOWN;
	casus_catalog_there = false;
	casus_catalog_generation++;
	casus_catalog_people++;
}

/*
 * A role renamed, dropped or made: a person is known by name and oid of one.
 * Or given, or taken back: what was opened as casus_admin ends with that.
 */
static void
catalog_role_callback(Datum arg, int cacheid, uint32 hashvalue)
{
	casus_catalog_generation++;
	casus_catalog_people++;
}

void
casus_catalog_init(void)
{
	CacheRegisterRelcacheCallback(catalog_relcache_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, catalog_namespace_callback,
								  (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, catalog_role_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, catalog_role_callback, (Datum) 0);
}

uint64
casus_state_generation(void)
{
	return casus_catalog_generation;
}

void
casus_catalog_listen(void)
{
	if (IsTransactionState())
		AcceptInvalidationMessages();
}

/* ---- oids ---- */

#define LOOK_UPS_MAX	2		/* in which messages come in */

bool
casus_creating(void)
{
	return creating_extension && IsTransactionState() &&
		OidIsValid(CurrentExtensionObject) &&
		CurrentExtensionObject == get_extension_oid("casus", true);
}

/* Past the right to use the schema: whoever reads a table comes here. */
static Oid
find_function(Oid schema, const char *name, int nargs, const Oid *types)
{
	oidvector  *args = buildoidvector(types, nargs);

	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(name),
						   PointerGetDatum(args),
						   ObjectIdGetDatum(schema));
}

static Oid
find_owner(Oid schema)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Everything or nothing: a half-made extension is not there.  The primary key
 * of a table is named by PostgreSQL's own rule, <table>_pkey.
 */
static bool
look_up(void)
{
	Oid			schema = get_namespace_oid(CASUS_SCHEMA, true);
	Oid			internal = get_namespace_oid(CASUS_INT_SCHEMA, true);
	Oid			types[] = {InvalidOid, REGCLASSOID, INT2OID};
	Oid			setval_types[] = {REGCLASSOID, INT8OID, BOOLOID};
	Oid			statistics_types[] = {OIDOID, BOOLOID};
	Oid			meets_types[] = {InvalidOid, OIDOID};
	Oid			keeps_types[] = {ANYELEMENTOID, OIDOID};	/* above: the first */

	namespace_oid = get_namespace_oid(CASUS_CAT_SCHEMA, true);
	/* Not by its name: a role can be renamed from any database of the server. */
	owner_oid = find_owner(namespace_oid);
	if (!OidIsValid(schema) || !OidIsValid(internal) ||
		!OidIsValid(namespace_oid) || !OidIsValid(owner_oid))
		return false;

	/* A schema of that name that is not the extension's is somebody else's. */
	if (!OidIsValid(get_extension_oid("casus", true)))
		return false;

	for (int i = 0; i < CASUS_NTABLES; i++)
	{
		char		pkey[NAMEDATALEN];

		snprintf(pkey, sizeof(pkey), "%s_pkey", table_names[i]);
		tables[i] = get_relname_relid(table_names[i], namespace_oid);
		pkeys[i] = get_relname_relid(pkey, namespace_oid);
		if (!OidIsValid(tables[i]) || !OidIsValid(pkeys[i]))
			return false;
	}

	label_type_oid = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
									 CStringGetDatum("label"),
									 ObjectIdGetDatum(schema));
	if (!OidIsValid(label_type_oid))
		return false;
	types[0] = meets_types[0] = label_type_oid;
	casus_catalog_permits = find_function(internal, "permits", 1, types);
	column_permits_oid = find_function(internal, "column_permits", 3, types);

	/* Without one of these its callers do without; all else stays guarded. */
	row_trigger_oid = find_function(internal, "row_trigger", 0, NULL);
	meets_oid = find_function(internal, "meets", lengthof(meets_types), meets_types);
	finds_parent_oid = find_function(internal, "finds_parent", 1, types);
	own_setval_oid = find_function(internal, "setval", lengthof(setval_types), setval_types);
	keeps_oid = find_function(internal, "keeps", lengthof(keeps_types), keeps_types);
	above_oid = find_function(internal, "above", 1, keeps_types);
	shows_statistics_oid = find_function(internal, "shows_statistics",
										 lengthof(statistics_types), statistics_types);
	return OidIsValid(casus_catalog_permits) && OidIsValid(column_permits_oid);
}

/*
 * Called by every hook for every statement, so the answer is kept.  While the
 * install script runs it is not: tables come one by one, and no message says
 * that the last one is there.
 */
bool
casus_installed(void)
{
	if (!IsTransactionState() || !OidIsValid(MyDatabaseId))
		return false;

	/*
	 * Unknown until all is found: a look-up that is cancelled leaves it so, and
	 * the next statement looks again.  Look-ups take in messages, which may undo
	 * what they found.  Where they never stop coming (debug_discard_caches) it
	 * stays unknown, and the answer is good for this call.
	 */
	for (int tries = 1; presence == PRESENCE_UNKNOWN; tries++)
	{
		uint64		before = casus_catalog_names;
		bool		there = look_up();

		if (before != casus_catalog_names)
		{
			if (tries == LOOK_UPS_MAX)
				return there;
			continue;
		}
		if (!there && casus_creating())
			return false;
		presence = there ? PRESENCE_THERE : PRESENCE_ABSENT;
	}
	casus_catalog_there = presence == PRESENCE_THERE;
	return casus_catalog_there;
}

static void
require_installed(void)
{
	if (!casus_installed())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension casus is not in this database"),
				 errhint("CREATE EXTENSION casus;")));
}

Oid
casus_table_oid(CasusTable table)
{
	require_installed();
	return tables[table];
}

Oid
casus_table_pkey(CasusTable table)
{
	require_installed();
	return pkeys[table];
}

/* A secondary index of casus_cat; for callers that scan, not for each row. */
Oid
casus_index_oid(const char *name)
{
	Oid			oid;

	require_installed();
	oid = get_relname_relid(name, namespace_oid);
	if (!OidIsValid(oid))
		elog(ERROR, "index casus_cat.%s is missing", name);
	return oid;
}

bool
casus_is_own_relation(Oid relid)
{
	return casus_installed() && get_rel_namespace(relid) == namespace_oid;
}

/* Of what stands in casus_cat pg_dump takes these tables along, and the sequences. */
bool
casus_is_dumped(Oid relid)
{
	if (casus_installed())
	{
		for (int i = 0; i < CASUS_NTABLES; i++)
		{
			if (tables[i] == relid)
				return true;
		}
	}
	return false;
}

Oid
casus_owner_oid(void)
{
	return casus_installed() ? owner_oid : InvalidOid;
}

Oid
casus_column_permits_oid(void)
{
	return casus_installed() ? column_permits_oid : InvalidOid;
}

Oid
casus_meets_oid(void)
{
	return casus_installed() ? meets_oid : InvalidOid;
}

Oid
casus_finds_parent_oid(void)
{
	return casus_installed() ? finds_parent_oid : InvalidOid;
}

Oid
casus_row_trigger_oid(void)
{
	return casus_installed() ? row_trigger_oid : InvalidOid;
}

Oid
casus_setval_oid(void)
{
	return casus_installed() ? own_setval_oid : InvalidOid;
}

Oid
casus_keeps_oid(void)
{
	return casus_installed() ? keeps_oid : InvalidOid;
}

Oid
casus_shows_statistics_oid(void)
{
	return casus_installed() ? shows_statistics_oid : InvalidOid;
}

Oid
casus_above_oid(void)
{
	return casus_installed() ? above_oid : InvalidOid;
}

Oid
casus_label_type_oid(void)
{
	return casus_installed() ? label_type_oid : InvalidOid;
}

/* ---- the installation ---- */

const pg_uuid_t *
casus_installation_id(void)
{
	if (!casus_installed())
		return NULL;

	if (installation_generation != casus_catalog_generation)
	{
		uint64		as_of = casus_catalog_generation;
		Relation	rel = table_open(tables[CASUS_INSTALLATION], AccessShareLock);
		SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
		HeapTuple	tuple = systable_getnext(scan);

		installation_there = HeapTupleIsValid(tuple);
		if (installation_there)
		{
			bool		isnull;
			Datum		id = heap_getattr(tuple, 2, RelationGetDescr(rel), &isnull);

			memcpy(&installation_id, DatumGetUUIDP(id), sizeof(pg_uuid_t));
		}
		systable_endscan(scan);
		table_close(rel, AccessShareLock);
		installation_generation = as_of;
	}
	return installation_there ? &installation_id : NULL;
}

void
casus_installation_ensure(void)
{
	require_installed();
	if (casus_installation_id() != NULL)
		return;

	/* Two first calls may meet here; one row wins. */
	casus_spi_begin();
	casus_spi("INSERT INTO casus_cat.installation DEFAULT VALUES ON CONFLICT DO NOTHING",
			  0, NULL, NULL, NULL, false, 0);
	casus_spi_end();
	CommandCounterIncrement();
}

/* ---- roles ---- */

static bool
is_in_group(Oid role, const char *group)
{
	Oid			oid = get_role_oid(group, true);

	return OidIsValid(oid) && is_member_of_role_nosuper(role, oid);
}

bool
casus_is_admin(Oid role)
{
	return superuser_arg(role) || is_in_group(role, "casus_admin");
}

bool
casus_is_auditor(Oid role)
{
	return is_in_group(role, "casus_auditor");
}

bool
casus_is_collector(Oid role)
{
	return is_in_group(role, "casus_collector");
}

/*
 * Core lets pg_dump pass row security only when the login itself has the
 * attribute, so the group alone does not make a backup role.
 */
bool
casus_is_backup(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		bypass;

	if (!HeapTupleIsValid(tuple))
		return false;
	bypass = ((Form_pg_authid) GETSTRUCT(tuple))->rolbypassrls;
	ReleaseSysCache(tuple);
	return bypass && is_in_group(role, "casus_backup");
}

/* ---- statements of casus' own ---- */

void
casus_spi_begin(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
casus_spi_end(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

/*
 * A statement sees the newest commits, also in REPEATABLE READ: state is read
 * as of now.  During a parallel operation that snapshot cannot be taken; then
 * the active one has to do.
 */
static bool
push_newest_snapshot(bool read_only)
{
	if (!read_only || IsInParallelMode())
		return false;
	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	return true;
}

/*
 * What changes rows finds them as of now as well, for it acts on what was read
 * so: by an older snapshot an act would miss what it is to end and still be on
 * record.  A version that the snapshot of the transaction does not show is not
 * overwritten: serialization failure, as foreign keys do it.
 */
static int
execute(const char *sql, int nargs, Oid *types, Datum *values,
		const char *nulls, bool read_only, long limit)
{
	SPIPlanPtr	plan;
	int			result;

	if (read_only || !IsolationUsesXactSnapshot() || IsInParallelMode())
		return SPI_execute_with_args(sql, nargs, types, values, nulls,
									 read_only, limit);
	plan = SPI_prepare(sql, nargs, types);
	if (plan == NULL)
		return SPI_result;
	CommandCounterIncrement();
	result = SPI_execute_snapshot(plan, values, nulls, GetLatestSnapshot(),
								  GetTransactionSnapshot(), false, true, limit);
	SPI_freeplan(plan);
	return result;
}

/*
 * User and search_path are set around this one statement only.  On an error
 * the end of the (sub)transaction sets both back, and the snapshot with them.
 */
int
casus_spi(const char *sql, int nargs, Oid *types, Datum *values,
		  const char *nulls, bool read_only, long limit)
{
	Oid			user;
	int			security;
	int			nest;
	bool		pushed;
	int			result;

	require_installed();
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(owner_oid, security | SECURITY_LOCAL_USERID_CHANGE);
	nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	pushed = push_newest_snapshot(read_only);

	casus_pass_arm(sql);
	result = execute(sql, nargs, types, values, nulls, read_only, limit);
	casus_pass_disarm();

	if (pushed)
		PopActiveSnapshot();
	AtEOXact_GUC(true, nest);
	SetUserIdAndSecContext(user, security);

	if (result < 0)
		elog(ERROR, "statement of casus failed: %s", SPI_result_code_string(result));
	return result;
}

