/*
 * protect.c
 *		casus.protect(): registers a table and gives it its label column.
 *
 * Holds ACCESS EXCLUSIVE on the table from the first check to the end of the
 * transaction: what was checked is what is changed.  Everything is checked
 * before anything is changed, and what is changed is in one transaction.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "guard.h"
#include "protect.h"

#include "access/table.h"
#include "catalog/heap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(casus_sql_protect);

static void
say(CasusWish *wish, char *sql, bool run)
{
	wish->lines = lappend(wish->lines, sql);
	if (run)
		casus_relation_ddl_run(sql);
}

static List *
uses_of(List *all, AttrNumber attno)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, all)
	{
		CasusColumnUse *use = lfirst(lc);

		if (use->attno == attno)
			result = lappend(result, use);
	}
	return result;
}

static void
label_columns(CasusWish *wish, Oid relid, List *uses, bool run)
{
	List	   *done = NIL;
	ListCell   *lc;

	foreach(lc, uses)
	{
		AttrNumber	attno = ((CasusColumnUse *) lfirst(lc))->attno;
		List	   *mine = uses_of(uses, attno);

		if (list_member_int(done, attno))
			continue;
		done = lappend_int(done, attno);
		say(wish, psprintf("SECURITY LABEL FOR casus ON COLUMN %s.\"%s\" IS %s",
						   casus_relation_ddl_name(relid),
						   casus_relation_ddl_escape(get_attname(relid, attno, false)),
						   quote_literal_cstr(casus_registry_settings_write_uses(mine))),
			false);
		if (run)
			casus_registry_store_uses(relid, attno, mine);
	}
}

/* The child's column says that its rows relabel the parent's. */
static void
label_child(CasusWish *wish, bool run)
{
	Relation	child = table_open(wish->child, AccessShareLock);
	List	   *uses = casus_registry_settings_uses(child);
	CasusColumnUse *use = palloc0(sizeof(CasusColumnUse));
	ListCell   *lc;

	table_close(child, AccessShareLock);
	foreach(lc, uses_of(uses, wish->child_attno))
	{
		if (strcmp(((CasusColumnUse *) lfirst(lc))->use, "relabels") == 0)
			return;
	}
	use->attno = wish->child_attno;
	use->use = "relabels";
	label_columns(wish, wish->child,
				  lappend(uses_of(uses, wish->child_attno), use), run);
}

static void
remove_statistics(Oid relid, const char *column)
{
	ListCell   *lc;

	foreach(lc, casus_family_members(relid))
		RemoveStatistics(lfirst_oid(lc), get_attnum(lfirst_oid(lc), column));
}

/* Values of personal data have no place in pg_statistic. */
static void
hide_statistics(CasusWish *wish, Oid relid, bool run)
{
	ListCell   *lc;

	foreach(lc, list_concat_copy(wish->uses, wish->generated))
	{
		CasusColumnUse *use = lfirst(lc);

		if (strcmp(use->use, "data") != 0 && strcmp(use->use, "subject") != 0)
			continue;
		say(wish, psprintf("ALTER TABLE %s ALTER COLUMN \"%s\" SET STATISTICS 0",
						   casus_relation_ddl_name(relid),
						   casus_relation_ddl_escape(get_attname(relid, use->attno, false))),
			run);
		/* Without this ANALYZE stops, but what it collected before stays. */
		if (run)
			remove_statistics(relid, get_attname(relid, use->attno, false));
	}
}

static void
carry_out(CasusWish *wish, Oid relid, bool run)
{
	char	   *table = casus_relation_ddl_name(relid);
	char	   *outside = DatumGetCString(DirectFunctionCall1(uuid_out,
															  UUIDPGetDatum(&casus_label_outside)));

	if (wish->before == NULL)
		say(wish, psprintf("ALTER TABLE %s ADD COLUMN %s %s.label%s", table,
						   CASUS_LABEL_COLUMN, CASUS_SCHEMA,
						   wish->mixed ? psprintf(" DEFAULT '%s'", outside) : ""), run);
	hide_statistics(wish, relid, run);
	label_columns(wish, relid, wish->uses, run);
	if (OidIsValid(wish->child))
		label_child(wish, run);
	say(wish, psprintf("SECURITY LABEL FOR casus ON TABLE %s IS %s", table,
					   quote_literal_cstr(casus_registry_settings_write(&wish->settings))),
		false);
	if (run)
		casus_registry_store(relid, &wish->settings);
}

static void
say_cost(CasusWish *wish, double rows)
{
	ListCell   *lc;

	say(wish, psprintf("-- cost: ACCESS EXCLUSIVE lock for a moment, no rewrite; 16 bytes a row once labelled; about %.0f rows for casus.take_in to look at",
					   rows < 0 ? 0 : rows), false);
	say(wish, "-- after casus.bind: COPY FROM into the table is refused by PostgreSQL, and pg_dump by the table's owner fails; dump with a login that has BYPASSRLS and is a member of casus_backup", false);
	foreach(lc, casus_family_members(RelationGetRelid(wish->rel)))
	{
		if (lfirst_oid(lc) != RelationGetRelid(wish->rel))
			say(wish, psprintf("-- with it: %s", casus_relation_ddl_name(lfirst_oid(lc))), false);
	}
	for (int i = 0; i < wish->settings.nvia; i++)
	{
		const CasusVia *via = &wish->settings.via[i];

		if (via->deferrable)
			say(wish, psprintf("-- the foreign key of \"%s\" is deferrable: a row that comes before its parent is labelled at commit",
							   get_attname(RelationGetRelid(wish->rel), via->attno, false)),
				false);
	}
}

Datum
casus_sql_protect(PG_FUNCTION_ARGS)
{
	CasusWish  *wish = palloc0(sizeof(CasusWish));
	bool		run;
	Oid			relid;
	double		rows;
	ListCell   *lc;

	casus_require_preloaded();
	relid = casus_protect_wish_table(fcinfo);
	wish->fcinfo = fcinfo;
	run = casus_protect_wish_runs(fcinfo);
	if (run)
		casus_act_attempt(relid, 0, "protect");

	/* A dry run looks only; it keeps nobody waiting. */
	wish->rel = try_table_open(relid, run ? AccessExclusiveLock : AccessShareLock);
	if (wish->rel == NULL)
		casus_protect_check_unknown("table", psprintf("%u", relid), NULL);
	casus_protect_check_caller(wish->rel);
	(void) casus_family_lock(relid, run ? AccessExclusiveLock : AccessShareLock);
	casus_protect_check_table(wish->rel);
	casus_guard_named_check();
	if (run)
		casus_installation_ensure();
	casus_protect_wish_read(wish);
	rows = wish->rel->rd_rel->reltuples;
	if (!run)
		say_cost(wish, rows);
	foreach(lc, casus_protect_check_histories(relid))
		say(wish, psprintf("-- %s", (char *) lfirst(lc)), false);
	/* ALTER TABLE refuses a table that the session has open. */
	table_close(wish->rel, NoLock);
	wish->rel = NULL;
	carry_out(wish, relid, run);
	if (run)
		casus_census_check_new_file(relid);
	if (run)
		casus_act_note_setup(relid, psprintf("protect for file %s", wish->fs->file));
	else
		casus_accesslog_event("setup", relid, 0, NULL,
							  psprintf("protect for file %s, dry run", wish->fs->file));
	casus_relation_ddl_return(fcinfo, wish->lines);
	return (Datum) 0;
}
