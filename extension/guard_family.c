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
#include "guard.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "rows.h"
#include "utils/builtins.h"
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
		if (place.kind != CASUS_PLACE_OUTSIDE)
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

/* A protected parent takes in another table, which exists. */
void
casus_guard_family_join(const CasusProtected *prot, RangeVar *name, CasusGuardScope *scope)
{
	Oid			relid = RangeVarGetRelidExtended(name, AccessExclusiveLock, RVR_MISSING_OK,
												 RangeVarCallbackOwnsRelation, NULL);
	const CasusProtected *child;
	List	   *lines = NIL;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	if (!is_active(prot))
	{
		/* Below a table of which nothing is known it could not be read any more. */
		child = casus_registry_find(relid);
		if (child != NULL)
			casus_guard_need_maintenance(child, "ATTACH PARTITION");
		return;
	}
	foreach(lc, casus_family_lock(relid, AccessExclusiveLock))
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
		/* Its triggers come anew from the parent's; its policies stay. */
		casus_fence_drop_triggers(&lines, relid);
		scope->rejoins = relid;
		return;
	}
	foreach(lc, casus_family_stores(relid))
		require_unlabelled(prot, lfirst_oid(lc));
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

		casus_fence_make_triggers(&lines, relid, &settings);
		if (settings.mode == CASUS_MODE_ENFORCE && !casus_registry_find(relid)->fenced)
			casus_fence_make_policies(&lines, relid, &settings);
		casus_fence_hide_statistics(&lines, relid);
		if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE && !OidIsValid(scope->rejoins))
			require_unlabelled(casus_registry_find(scope->family), relid);
		casus_accesslog_event("setup", relid, 0, NULL,
							  psprintf("part of %s", casus_guard_name(scope->family)));
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
	casus_accesslog_event("setup", relid, 0, NULL, "part of no table any more");
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
