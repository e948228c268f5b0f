/*
 * logprune.c
 *		Records of the access log that have gone after their term, taken out of
 *		the tables of a database as well.
 *
 * By the loader's worker in a database, in a transaction of its own, as
 * casus_owner and on tables of casus_cat alone.  What goes is what the
 * checkpoint of this node's log says (logpurge.c), and of other nodes what is
 * as old: a partition that holds nothing else is dropped, from others the rows
 * are deleted.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logstore.h"
#include "state.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* Rows that have gone, with the arguments below. */
#define GONE "((node = $1 AND seq <= $2) OR (node <> $1 AND at <= $3))"

typedef struct Prune
{
	pg_uuid_t	node;
	CasusLogCheckpoint checkpoint;
	TimestampTz newest;
} Prune;

static bool
find_checkpoint(Prune *prune)
{
	CasusLogKeys *keys = palloc(sizeof(CasusLogKeys));
	const char *why;
	bool		found = false;

	if (casus_logkey_read(keys, &why))
		found = casus_logrecover_checkpoint(keys, &prune->checkpoint);
	memcpy(prune->node.data, keys->node, UUID_LEN);
	explicit_bzero(keys, sizeof(*keys));
	pfree(keys);
	prune->newest = prune->checkpoint.newest -
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	return found;
}

static void
run(CasusQuery *query, Prune *prune, const char *sql)
{
	casus_query_arg(query, UUIDOID, UUIDPGetDatum(&prune->node), false);
	casus_query_int64(query, (int64) prune->checkpoint.seq);
	casus_query_arg(query, TIMESTAMPTZOID, TimestampTzGetDatum(prune->newest), false);
	casus_query_run(query, sql);
}

/*
 * A partition locks its parent when it is dropped: where somebody reads, it
 * stays, empty, until the next time.
 */
static void
drop_partition(CasusQuery *query, Oid parent, Oid partition, const char *name)
{
	if (!ConditionalLockRelationOid(parent, AccessExclusiveLock))
		return;
	if (!ConditionalLockRelationOid(partition, AccessExclusiveLock))
		return;
	(void) deleteDependencyRecordsForClass(RelationRelationId, partition,
										   ExtensionRelationId, DEPENDENCY_EXTENSION);
	CommandCounterIncrement();
	casus_query_run(query, psprintf("DROP TABLE casus_cat.%s", name));
}

static void
prune_partition(CasusQuery *query, Prune *prune, Oid parent, Oid partition)
{
	char	   *name = get_rel_name(partition);

	if (name == NULL || strspn(name + strlen("access_record_"), "0123456789_") != 7)
		return;
	run(query, prune, psprintf("SELECT EXISTS (SELECT FROM casus_cat.%s WHERE " GONE "), "
							   "EXISTS (SELECT FROM casus_cat.%s WHERE NOT " GONE ")", name, name));
	if (casus_query_get_bool(query, 0, 2))
	{
		if (casus_query_get_bool(query, 0, 1))
			run(query, prune, psprintf("DELETE FROM casus_cat.%s WHERE " GONE, name));
		return;
	}
	/* An empty one of a month to come is left. */
	casus_query_text(query, name + strlen("access_record_"));
	casus_query_arg(query, TIMESTAMPTZOID, TimestampTzGetDatum(prune->newest), false);
	casus_query_run(query, "SELECT (pg_catalog.replace($1, '_', '-') || '-01')::date <= $2");
	if (casus_query_get_bool(query, 0, 1))
		drop_partition(query, parent, partition, name);
}

/* In a transaction of the loader's worker. */
void
casus_logprune(void)
{
	Prune		prune = {0};
	CasusQuery	query;
	Oid			parent;
	ListCell   *lc;

	if (!casus_installed() || !find_checkpoint(&prune))
		return;
	parent = get_relname_relid("access_record", get_rel_namespace(casus_table_oid(CASUS_FILE)));
	casus_query_begin(&query);
	foreach(lc, find_inheritance_children(parent, NoLock))
		prune_partition(&query, &prune, parent, lfirst_oid(lc));
	run(&query, &prune, "DELETE FROM casus_cat.log_skipped "
		"WHERE (node = $1 AND to_seq <= $2) OR (node <> $1 AND until <= $3)");
	casus_query_end(&query);
}
