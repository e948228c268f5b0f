/*
 * guard_family.c
 *		Tables that come to a protected family or leave it: partitions that are
 *		made, attached and detached, tables that inherit.
 *
 * A partition a month is the daily work of an existing database and goes on:
 * what comes is fenced by casus in the same statement, before anybody can read
 * it.  What brings rows along brings them without labels, so that nobody gives
 * a row its dossier but casus; casus.take_in labels them.  What leaves, in
 * maintenance, stays protected, with settings and triggers of its own.
 *
 * The statement holds its locks from before our look at the table.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "guard.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_policy.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "protect.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

static void
refuse_joining(const CasusProtected *prot, const char *what, const char *hint)
{
	casus_guard_refuse_ddl(prot, psprintf(_("The table cannot become a part of the protected table %s: %s"),
										  casus_guard_name(prot->relid), what), hint);
}

/* Bound, and not being restored: then its parts come as they were dumped. */
static bool
is_active(const CasusProtected *prot)
{
	return casus_guard_closed(prot) ||
		(prot->mode == CASUS_MODE_OBSERVE && casus_fence_has_trigger(prot->family));
}

/* ---- coming ---- */

/* Have all rows NULL, or at least no dossier, for a label? */
static void
require_unlabelled(const CasusProtected *prot, Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	AttrNumber	attno = get_attnum(relid, CASUS_LABEL_COLUMN);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	CasusPredicates *predicates = NULL;

	/* The settings speak of columns of the top; of a part they are known once it is one. */
	if (casus_registry_find(relid) != NULL && casus_registry_find(relid)->settings != NULL)
		predicates = casus_rowparent_prepare(casus_registry_find(relid)->settings, false);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, attno, &isnull);
		CasusPlace	place;

		CHECK_FOR_INTERRUPTS();
		if (isnull)
			continue;
		place.kind = CASUS_PLACE_ROOT;
		if (memcmp(DatumGetUUIDP(value), &casus_label_outside, UUID_LEN) == 0)
		{
			place.kind = CASUS_PLACE_OUTSIDE;
			if (predicates != NULL)
				casus_rowparent_place(casus_registry_find(relid), predicates, slot, &place);
		}
		if (place.kind != CASUS_PLACE_OUTSIDE && CASUS_LAYER(family))
			refuse_joining(prot, _("its rows have labels already, or should have."),
						   psprintf("Copy them into a table whose column casus_label has no default and no values, attach that, and CALL casus.take_in(%s);",
									quote_literal_cstr(casus_guard_name(prot->family))));
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
}

/* What protect said, without what differs from table to table. */
static char *
comparable_settings(const CasusProtected *prot)
{
	CasusSettings settings = *(CasusSettings *) prot->settings;
	StringInfoData text;
	Relation	rel = table_open(prot->relid, AccessShareLock);
	ListCell   *lc;

	settings.mode = CASUS_MODE_ENFORCE;
	settings.had_row_security = false;
	settings.had_force = false;
	initStringInfo(&text);
	appendStringInfoString(&text, casus_registry_settings_write(&settings));
	foreach(lc, casus_family_uses(rel, prot->family))
	{
		CasusColumnUse *use = lfirst(lc);
		CasusColumnUse named = *use;

		named.attno = 0;
		appendStringInfo(&text, " %s %s", get_attname(prot->relid, use->attno, false),
						 casus_registry_settings_write_uses(list_make1(&named)));
	}
	table_close(rel, NoLock);
	return text.data;
}

/*
 * A table that was protected by itself, as after DETACH, has its labels from
 * casus; they hold under the same settings.
 */
static void
require_same_settings(const CasusProtected *prot, const CasusProtected *child)
{
	if (child->family == child->relid && casus_guard_closed(child) && !child->foreign &&
		strcmp(comparable_settings(prot), comparable_settings(child)) == 0)
		return;
	refuse_joining(prot, _("it is protected under settings of its own."),
				   casus_guard_way_back(child));
}

/* A partition gets the foreign keys of its parent, which are validated. */
static void
note_keys(const CasusProtected *prot, Oid relid, CasusGuardScope *scope)
{
	Relation	rel = table_open(prot->relid, AccessShareLock);
	List	   *stores = casus_family_stores(relid);
	ListCell   *lc;

	foreach(lc, copyObject(RelationGetFKeyList(rel)))
	{
		ForeignKeyCacheInfo *fk = lfirst(lc);
		ListCell   *ls;

		foreach(ls, stores)
		{
			CasusGuardKey *key = palloc(sizeof(CasusGuardKey));

			key->from = lfirst_oid(ls);
			key->to = fk->confrelid;
			scope->keys = lappend(scope->keys, key);
		}
	}
	scope->touches = true;
	table_close(rel, AccessShareLock);
}

/* Does any of its tables have room for rows?  Its size is no secret. */
static bool
has_pages(Oid relid)
{
	ListCell   *lc;

	foreach(lc, casus_family_stores(relid))
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);
		BlockNumber pages = RelationGetNumberOfBlocks(rel);

		table_close(rel, NoLock);
		if (pages > 0)
			return true;
	}
	return false;
}

/*
 * A partition is about to come.  The server looks whether a row of the default
 * one belongs there, and fails: so its bounds are a guess of what hidden rows
 * hold.
 */
void
casus_guard_family_beside(const CasusProtected *prot)
{
	Oid			beside;

	if (!casus_guard_closed(prot) ||
		!casus_compat_owns_relation(prot->relid, GetUserId()))
		return;					/* else the server refuses it */
	LockRelationOid(prot->relid, ShareUpdateExclusiveLock);
	beside = get_default_partition_oid(prot->relid);
	if (!OidIsValid(beside))
		return;
	LockRelationOid(beside, AccessExclusiveLock);
	(void) casus_family_lock(beside, AccessExclusiveLock);
	if (has_pages(beside))
		casus_guard_need_maintenance(prot, _("A partition beside a default one that has rows"));
}

/* A table below this one would be a part of two. */
static void
require_no_other_parent(const CasusProtected *prot, List *members)
{
	ListCell   *lc;
	ListCell   *lp;

	foreach(lc, members)
	{
		foreach(lp, casus_family_parents(lfirst_oid(lc)))
		{
			if (!list_member_oid(members, lfirst_oid(lp)) &&
				!casus_registry_is_of(lfirst_oid(lp), prot->family))
				refuse_joining(prot, psprintf(_("%s inherits from another table as well."),
											  casus_guard_name(lfirst_oid(lc))), NULL);
		}
	}
}

/* A protected parent takes in another table, which exists. */
void
casus_guard_family_join(const CasusProtected *prot, RangeVar *name, CasusGuardScope *scope)
{
	Oid			relid = RangeVarGetRelidExtended(name, AccessExclusiveLock, RVR_MISSING_OK,
												 RangeVarCallbackOwnsRelation, NULL);
	const CasusProtected *child;
	List	   *members;
	List	   *lines = NIL;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	if (!is_active(prot))
	{
		casus_guard_family_below(casus_registry_find(relid));
		return;
	}
	members = casus_family_lock(relid, AccessExclusiveLock);
	require_no_other_parent(prot, members);
	foreach(lc, members)
	{
		scope->vetted = list_append_unique_oid(scope->vetted, lfirst_oid(lc));
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_FOREIGN_TABLE)
			refuse_joining(prot, _("a foreign table has its rows elsewhere."), NULL);
		if (casus_publication_has(lfirst_oid(lc)))
			refuse_joining(prot, _("it is published."), casus_publication_hint(lfirst_oid(lc)));
	}
	casus_guard_family_coming(prot, scope);
	if (get_rel_relkind(prot->relid) == RELKIND_PARTITIONED_TABLE)
		note_keys(prot, relid, scope);
	child = casus_registry_find(relid);
	if (child == NULL)
		return;					/* without the column: the server refuses it */
	if (child->settings != NULL)
	{
		require_same_settings(prot, child);
		/* Its rows are tried against bounds, and the keys of the parent. */
		if (has_pages(relid))
			casus_guard_need_maintenance(casus_guard_closed(prot) ? prot : child,
										 _("Attaching a part that has labelled rows"));
		/* Its triggers come anew from the parent's; its policies stay. */
		casus_fence_drop_triggers(&lines, relid);
		scope->rejoins = relid;
		return;
	}
	foreach(lc, casus_family_stores(relid))
		require_unlabelled(prot, lfirst_oid(lc));
}

/*
 * A protected table below one that is not: that one could not be read any more,
 * but statistics and conditions of it would be made from the rows below.
 */
void
casus_guard_family_below(const CasusProtected *prot)
{
	if (casus_guard_closed(prot))
		casus_guard_refuse_ddl(prot, psprintf(_("A table that is not protected would have statistics of the rows of %s, and conditions that see them."),
											  casus_guard_name(prot->relid)),
							   casus_guard_way_back(prot));
}

/* Something is about to come: what is there before is not new. */
void
casus_guard_family_coming(const CasusProtected *prot, CasusGuardScope *scope)
{
	if (!is_active(prot))
		return;
	scope->family = prot->family;
	scope->members = casus_family_members(prot->family);
}

/* ---- what a part brings along ---- */

static bool
has_trigger(Relation rel)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (!trigger->tgisinternal && !trigger->tgisclone)
			return true;
	}
	return false;
}

static bool
has_policy(Oid relid)
{
	Relation	policies = table_open(PolicyRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_policy_polrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(policies, PolicyPolrelidPolnameIndexId, true, NULL, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		const char *name = NameStr(((Form_pg_policy) GETSTRUCT(tuple))->polname);

		found |= strcmp(name, CASUS_POLICY_NAME) != 0 && strcmp(name, CASUS_OPEN_POLICY_NAME) != 0;
	}
	systable_endscan(scan);
	table_close(policies, AccessShareLock);
	return found;
}

/* The default of the column of that name; NULL: it has none. */
static Node *
default_of(Relation rel, const char *column)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	AttrNumber	attno = get_attnum(RelationGetRelid(rel), column);

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
	{
		if (constr->defval[i].adnum == attno)
			return stringToNode(constr->defval[i].adbin);
	}
	return NULL;
}

/* Calls a default functions of users that the whole does not call there? */
static bool
has_default(Relation rel, Oid top)
{
	Relation	whole = table_open(top, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	bool		found = false;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		Node	   *own;

		if (column->attisdropped || column->attgenerated != '\0' || !column->atthasdef)
			continue;
		own = default_of(rel, NameStr(column->attname));
		found |= !casus_guard_builtin(own) &&
			!equal(own, default_of(whole, NameStr(column->attname)));
	}
	table_close(whole, NoLock);
	return found;
}

/*
 * What casus.protect asks of a table holds for what becomes a part of one.  And
 * code that would be given the rows of whoever writes comes in maintenance, as
 * on the table itself.
 */
static void
judge_part(const CasusProtected *top, Oid relid)
{
	Relation	rel = table_open(relid, NoLock);

	casus_protect_check_member(rel);
	if (has_trigger(rel))
		casus_guard_need_maintenance(top, _("A part with a trigger"));
	if (has_policy(relid))
		casus_guard_need_maintenance(top, _("A part with a policy"));
	if (rel->rd_rules != NULL)
		casus_guard_need_maintenance(top, _("A part with a rule"));
	if (has_default(rel, top->relid))
		casus_guard_need_maintenance(top, _("A part with a default that calls functions of users"));
	table_close(rel, NoLock);
}

/* A part comes or goes: tried now, and done when the transaction commits. */
static void
note(Oid relid, const char *text)
{
	casus_accesslog_event("attempt", relid, 0, NULL, text);
	casus_act_note_setup(relid, text);
}

/* New parts are fenced as casus.bind would. */
static void
fence_new(CasusGuardScope *scope)
{
	const CasusProtected *top = casus_registry_find(scope->family);
	List	   *lines = NIL;
	ListCell   *lc;

	foreach(lc, list_difference_oid(casus_family_members(scope->family), scope->members))
	{
		Oid			relid = lfirst_oid(lc);
		CasusSettings settings = *(CasusSettings *) top->settings;

		if (settings.mode == CASUS_MODE_ENFORCE)
			judge_part(top, relid);
		casus_fence_make_triggers(&lines, relid, &settings);
		if (settings.mode == CASUS_MODE_ENFORCE && !casus_registry_find(relid)->fenced)
			casus_fence_make_policies(&lines, relid, &settings);
		casus_fence_hide_statistics(&lines, relid);
		if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE && !OidIsValid(scope->rejoins))
			require_unlabelled(casus_registry_find(scope->family), relid);
		note(relid, psprintf("part of %s", casus_guard_name(scope->family)));
	}
}

/* ---- leaving ---- */

void
casus_guard_family_leave(const CasusProtected *prot, Oid relid, CasusGuardScope *scope)
{
	Relation	rel;

	if (!OidIsValid(relid) || !casus_guard_closed(prot) || casus_registry_find(relid) == NULL ||
		casus_registry_find(relid)->family == relid)
		return;
	rel = table_open(relid, AccessExclusiveLock);
	scope->leaves = relid;
	scope->detached = casus_family_lock(relid, AccessExclusiveLock);
	scope->settings = casus_registry_settings_write(prot->settings);
	scope->uses = casus_family_uses(rel, prot->family);
	table_close(rel, NoLock);
}

/* It stands by itself now: settings and triggers of its own. */
static void
settle(CasusGuardScope *scope)
{
	Oid			relid = scope->leaves;
	CasusSettings *settings = casus_registry_settings_read(scope->settings);
	List	   *done = NIL;
	List	   *lines = NIL;
	ListCell   *lc;

	if (casus_registry_find(relid)->family != relid)
		return;
	foreach(lc, scope->uses)
	{
		AttrNumber	attno = ((CasusColumnUse *) lfirst(lc))->attno;
		List	   *mine = NIL;
		ListCell   *lu;

		if (list_member_int(done, attno))
			continue;
		done = lappend_int(done, attno);
		foreach(lu, scope->uses)
		{
			if (((CasusColumnUse *) lfirst(lu))->attno == attno)
				mine = lappend(mine, lfirst(lu));
		}
		casus_registry_store_uses(relid, attno, mine);
	}
	casus_registry_store(relid, settings);
	foreach(lc, scope->detached)
		casus_fence_make_triggers(&lines, lfirst_oid(lc), casus_registry_settings(relid));
	note(relid, "part of no table any more");
}

/* After the statement. */
void
casus_guard_family_done(CasusGuardScope *scope)
{
	if (!OidIsValid(scope->family) && !OidIsValid(scope->leaves))
		return;
	CommandCounterIncrement();
	if (OidIsValid(scope->rejoins) && casus_registry_is_of(scope->rejoins, scope->family))
		casus_registry_remove(scope->rejoins);
	if (OidIsValid(scope->family))
		fence_new(scope);
	if (OidIsValid(scope->leaves))
		settle(scope);
}
