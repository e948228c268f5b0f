/*
 * logterm.c
 *		How long the access log is kept at least: for as long as the files say
 *		that are kept by it, in all databases of the node, since they share it.
 *
 * A protocol says how (key "log" of the document: months, or the name of a
 * parameter that each file sets); a file whose protocol leaves it to a
 * parameter that is not set keeps its log for ever.  What a protocol does not
 * say at all is up to casus.log_retention alone.
 *
 * Nobody can look into another database: the loader, which comes into each of
 * them, reports its term here, in shared memory.  A database that has not been
 * reported since the server's start is not known, and then nothing goes.  One
 * that allows no connections any more has the term that was found last, unless
 * the log has something of it since then: that may have been another term.
 *
 * On a standby no loader runs: what all databases together want is told there
 * by casus_cat.log_node_term, which that of the primary keeps in each.  When that
 * has looked and one of them is not known, such as one that allowed no connections
 * already when the primary was started, it takes back what it told: a term found
 * earlier may be shorter than what that database wants by now.
 *
 * terms->lock guards all of it; nobody sleeps while he holds it.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "state.h"
#include "term.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xlog.h"
#include "catalog/pg_database.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/builtins.h"

#define MAX_DATABASES	1024

typedef struct DatabaseTerm
{
	Oid			database;
	int			months;			/* 0: none; CASUS_LOG_FOR_EVER */
} DatabaseTerm;

typedef struct LogTerms
{
	slock_t		lock;
	int			longest;		/* of all together; -1: not known */
	bool		has_looked;		/* the loader, into all that it could, since the start */
	int			n;
	DatabaseTerm term[MAX_DATABASES];
} LogTerms;

static LogTerms *terms = NULL;

/* ---- in a database ---- */

/* The longest of the files of this database, and the name of one that has it. */
static int
longest_here(char **file)
{
	CasusQuery	query;
	int			months = 0;

	*file = NULL;
	if (!casus_installed())
		return 0;
	casus_query_begin(&query);
	casus_query_read(&query,
					 "SELECT t.file, coalesce(t.months, 0) FROM casus_int.log_term t "
					 "ORDER BY t.months DESC NULLS FIRST, t.file LIMIT 1");
	if (query.nrows > 0)
	{
		*file = casus_query_get_text(&query, 0, 1);
		months = (int) casus_query_get_int(&query, 0, 2);
		if (months == 0)
			months = CASUS_LOG_FOR_EVER;
	}
	casus_query_end(&query);
	return months;
}

/* By the loader, which has come into this database. */
void
casus_logterm_report(void)
{
	char	   *file;
	int			months = longest_here(&file);
	int			i = 0;

	SpinLockAcquire(&terms->lock);
	while (i < terms->n && terms->term[i].database != MyDatabaseId)
		i++;
	/* Where there is no room it stays unknown. */
	if (i < MAX_DATABASES)
	{
		terms->term[i].database = MyDatabaseId;
		terms->term[i].months = months;
		terms->n = Max(terms->n, i + 1);
	}
	SpinLockRelease(&terms->lock);
}

/* By the loader: what was found there may be so no more, and it cannot come there. */
void
casus_logterm_forget(Oid database)
{
	SpinLockAcquire(&terms->lock);
	for (int i = 0; i < terms->n; i++)
		if (terms->term[i].database == database)
			terms->term[i].months = -1;
	SpinLockRelease(&terms->lock);
}

/* By the loader likewise: what it found last of all databases, for standbys. */
void
casus_logterm_publish(void)
{
	int			longest;
	bool		has_looked;
	CasusQuery	query;

	SpinLockAcquire(&terms->lock);
	longest = terms->longest;
	has_looked = terms->has_looked;
	SpinLockRelease(&terms->lock);
	if (!has_looked)
		return;
	casus_query_begin(&query);
	casus_query_read(&query, "SELECT months FROM casus_cat.log_node_term");
	if (longest < 0 && query.nrows > 0)
		casus_query_run(&query, "DELETE FROM casus_cat.log_node_term");
	else if (longest >= 0 && (query.nrows == 0 || casus_query_get_int(&query, 0, 1) != longest))
	{
		casus_query_int(&query, longest);
		casus_query_run(&query,
						"INSERT INTO casus_cat.log_node_term VALUES (true, $1) "
						"ON CONFLICT (one) DO UPDATE SET months = $1");
	}
	casus_query_end(&query);
}

/* On a standby: the same, read back; -1: not known. */
static int
published_here(void)
{
	CasusQuery	query;
	int			longest = -1;

	if (!casus_installed())
		return -1;
	casus_query_begin(&query);
	casus_query_read(&query, "SELECT months FROM casus_cat.log_node_term");
	if (query.nrows > 0)
		longest = (int) casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	return longest;
}

/* ---- of the node ---- */

/* -1: not known. */
static int
months_of(Oid database)
{
	int			months = -1;

	SpinLockAcquire(&terms->lock);
	for (int i = 0; i < terms->n; i++)
		if (terms->term[i].database == database)
			months = terms->term[i].months;
	SpinLockRelease(&terms->lock);
	return months;
}

/*
 * Those that there are now, as the loader and the terms have them.  The
 * server's own templates, also those made anew, have nothing on record, and
 * nobody may be in their way; another one may have been a database before.
 */
List *
casus_logterm_databases(void)
{
	Relation	rel = table_open(DatabaseRelationId, AccessShareLock);
	TableScanDesc scan = table_beginscan_catalog(rel, 0, NULL);
	HeapTuple	tuple;
	List	   *list = NIL;

	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		CasusLogDatabase *database;

		if (form->datistemplate &&
			(form->oid < FirstNormalObjectId || strcmp(NameStr(form->datname), "template0") == 0 ||
			 strcmp(NameStr(form->datname), "template1") == 0))
			continue;
		database = palloc(sizeof(CasusLogDatabase));
		database->oid = form->oid;
		database->name = form->datname;
		database->is_open = form->datallowconn;
		list = lappend(list, database);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	return list;
}

/*
 * By the loader, in a transaction, after its looks: what all databases together
 * want, for a process that comes into none; those that are gone have no say.
 * True: that is something else than before.
 */
bool
casus_logterm_settle(void)
{
	List	   *databases = casus_logterm_databases();
	DatabaseTerm *kept = palloc(sizeof(DatabaseTerm) * MAX_DATABASES);
	int			longest = 0;
	int			n = 0;
	bool		is_new;
	ListCell   *lc;

	foreach(lc, databases)
	{
		Oid			database = ((CasusLogDatabase *) lfirst(lc))->oid;
		int			months = months_of(database);

		if (months < 0)
			longest = -1;
		else if (longest >= 0)
			longest = Max(longest, months);
		if (months >= 0 && n < MAX_DATABASES)
			kept[n++] = (DatabaseTerm) {database, months};
	}
	/* Only the loader's own workers report, and none runs now. */
	SpinLockAcquire(&terms->lock);
	memcpy(terms->term, kept, sizeof(DatabaseTerm) * n);
	terms->n = n;
	is_new = !terms->has_looked || terms->longest != longest;
	terms->longest = longest;
	terms->has_looked = true;
	SpinLockRelease(&terms->lock);
	pfree(kept);
	list_free_deep(databases);
	return is_new;
}

/* The same, as the loader found it last: months, CASUS_LOG_FOR_EVER, or -1: not known. */
int
casus_logterm_of_node(void)
{
	int			longest;

	SpinLockAcquire(&terms->lock);
	longest = terms->longest;
	SpinLockRelease(&terms->lock);
	return longest;
}

static void
refuse_for_ever(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the access log is kept for ever"),
			 errdetail_internal("%s", detail),
			 errhint("casus.doctor() in that database says which parameter sets a term; casus.set_parameter() sets it.")));
}

static int
longest_on_standby(int longest)
{
	int			published = published_here();

	if (published < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("it is not known how long the databases of this server keep the access log"),
				 errhint("The loader of the primary writes it into each database in which casus is, once it has looked into all of them; casus.doctor() there names those that allow no connections (log_term_unknown).")));
	if (published == CASUS_LOG_FOR_EVER)
		refuse_for_ever(_("A file in a database of this server has no term for it."));
	return Max(longest, published);
}

/* In months; raises where that is for ever, or not known. */
int
casus_logterm_longest(void)
{
	char	   *file;
	int			longest = longest_here(&file);
	ListCell   *lc;

	if (longest == CASUS_LOG_FOR_EVER)
		refuse_for_ever(psprintf(_("File %s has no term for it."), file));
	if (RecoveryInProgress())
		return longest_on_standby(longest);
	foreach(lc, casus_logterm_databases())
	{
		const CasusLogDatabase *database = lfirst(lc);
		int			months = months_of(database->oid);

		if (database->oid == MyDatabaseId)
			continue;
		if (months < 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("it is not known how long database \"%s\" keeps the access log", NameStr(database->name)),
					 database->is_open ?
					 errhint("The loader of the log looks into each database within casus.log_load_interval after the start of the server.") :
					 errhint("Nobody can look into it: ALTER DATABASE %s ALLOW_CONNECTIONS true for as long as casus.log_load_interval; what was found counts until the server is restarted.",
							 quote_identifier(NameStr(database->name)))));
		if (months == CASUS_LOG_FOR_EVER)
			refuse_for_ever(psprintf(_("A file in database \"%s\" has no term for it."), NameStr(database->name)));
		longest = Max(longest, months);
	}
	return longest;
}

/* Is the term over for what was written then? */
bool
casus_logterm_is_over(int months, TimestampTz written, TimestampTz now)
{
	CasusTerm	term = {0};

	term.months = (int16) months;
	term.mode = CASUS_TERM_GEDURENDE;
	return months == 0 || casus_term_end(&term, casus_clock_date(written)) <= now;
}

/* casus_int.log_terms_unknown(): databases without connections, whose term nobody has found */
PG_FUNCTION_INFO_V1(casus_sql_log_terms_unknown);
Datum
casus_sql_log_terms_unknown(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	/* Also asked by casus.doctor() of a server that has not loaded casus. */
	if (!casus_preloaded)
		return (Datum) 0;
	foreach(lc, casus_logterm_databases())
	{
		const CasusLogDatabase *database = lfirst(lc);
		Datum		value = CStringGetTextDatum(NameStr(database->name));
		bool		isnull = false;

		if (!database->is_open && months_of(database->oid) < 0)
			tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}

/* ---- start ---- */

static void
terms_startup(void)
{
	bool		found;

	terms = ShmemInitStruct("casus log terms", sizeof(LogTerms), &found);
	if (!found)
	{
		memset(terms, 0, sizeof(LogTerms));
		terms->longest = -1;
		SpinLockInit(&terms->lock);
	}
}

void
casus_logterm_init(void)
{
	if (!casus_preloaded)
		return;
	casus_shmem_request(sizeof(LogTerms));
	casus_shmem_add(terms_startup);
}
