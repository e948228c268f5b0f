/*
 * guard_subscription.c
 *		What logical replication writes: its worker goes by no planner, no
 *		executor and no object access hook, and runs as a superuser.
 *
 * Rows of protected tables meet the row trigger, which fires always.  What
 * remains: rows of casus' own tables, refused by a trigger of each and when the
 * subscription is made; and TRUNCATE, which is seen by the new file that the
 * table has when the worker is about to commit.  From version 18 on the worker
 * also logs the row that is there when it meets a conflict.
 *
 * Private to the worker is whether there is anything to keep from the log.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_subscription_rel.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "relation.h"
#include "replication/logicalworker.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(casus_sql_state_guard);

/* As of the last commit: is casus not in this database, and by which names? */
static bool absent = false;
static uint64 absent_names = 0;

static void
refuse_replicated(const char *detail, const char *hint)
{
	casus_check_refuse(casus_check_protocol(NULL, 0), "bypass",
					   _("this replication would go past the protocol"), detail, hint);
}

/* Row and TRUNCATE trigger of every state table; all but replication goes on. */
Datum
casus_sql_state_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("casus_int.state_guard() is a trigger function")));
	if (unlikely(IsLogicalWorker()))
		refuse_replicated(psprintf(_("relation %s belongs to casus."),
								   RelationGetRelationName(trigger->tg_relation)),
						  _("Take it out of the publication."));
	PG_RETURN_POINTER(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
					  trigger->tg_newtuple : trigger->tg_trigtuple);
}

/* ---- TRUNCATE ---- */

static bool
has_new_file(Oid relid)
{
	Relation	rel = try_table_open(relid, AccessShareLock);
	bool		result;

	if (rel == NULL)
		return false;
	result = casus_compat_has_new_file(rel);
	table_close(rel, AccessShareLock);
	return result;
}

/* A table made in this transaction, by a trigger's own DDL, is not yet filled. */
static void
judge_commit(XactEvent event, void *arg)
{
	ListCell   *lc;

	if ((event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE) ||
		likely(!IsLogicalWorker()))
		return;
	absent = !casus_present();
	absent_names = casus_catalog_names;
	if (!absent)
		(void) casus_registry_empty();
	if (!TransactionIdIsValid(GetTopTransactionIdIfAny()) ||
		!casus_present())
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, casus_registry_tables())
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));

		if (prot != NULL && prot->mode == CASUS_MODE_ENFORCE && has_new_file(lfirst_oid(lc)))
			refuse_replicated(psprintf(_("TRUNCATE of the protected table %s came by replication."),
									   casus_guard_name(lfirst_oid(lc))),
							  _("Where it is published: publish = 'insert, update, delete', without truncate."));
	}
	PopActiveSnapshot();
}

/* ---- CREATE and ALTER SUBSCRIPTION, when they are through ---- */

/* What takes relations in; DISABLE and what leads to DROP go on. */
static bool
takes_in(Node *stmt)
{
	AlterSubscriptionType kind;

	if (IsA(stmt, CreateSubscriptionStmt))
		return true;
	kind = ((AlterSubscriptionStmt *) stmt)->kind;
	return kind == ALTER_SUBSCRIPTION_SET_PUBLICATION ||
		kind == ALTER_SUBSCRIPTION_ADD_PUBLICATION ||
		kind == ALTER_SUBSCRIPTION_REFRESH;
}

void
casus_guard_subscription_done(Node *stmt)
{
	Relation	catalog;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!takes_in(stmt) || !CASUS_LAYER(subscription))
		return;
	CommandCounterIncrement();
	catalog = table_open(SubscriptionRelRelationId, AccessShareLock);
	scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			relid = ((Form_pg_subscription_rel) GETSTRUCT(tuple))->srrelid;

		if (casus_is_own_relation(relid))
			refuse_replicated(psprintf(_("relation %s belongs to casus."), casus_guard_name(relid)),
							  _("Take it out of the publication."));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

/* ---- what the worker logs ---- */

/* Is no table protected?  What was found out at the last commit holds until something changes. */
static bool
nothing_hidden(void)
{
	return absent ? absent_names == casus_catalog_names :
		casus_registry_counted && casus_registry_none;
}

/*
 * A conflict's detail holds the row that is there, and that of the publisher.
 * It is reported before the row trigger has judged, or when the transaction has
 * failed, so that nothing is looked up.
 */
bool
casus_guard_subscription_tells(const ErrorData *error)
{
	return unlikely(IsLogicalWorker()) && !nothing_hidden() && CASUS_LAYER(errors) &&
		(ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		 error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE);
}

void
casus_guard_subscription_init(void)
{
	RegisterXactCallback(judge_commit, NULL);
}
