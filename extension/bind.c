/*
 * bind.c
 *		casus.bind() and casus.unprotect(): the fence goes up, and down.
 *
 * Both hold ACCESS EXCLUSIVE on the table to the end of the transaction, so
 * that no row comes in between the check and the fence.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "protect.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(casus_sql_bind);
PG_FUNCTION_INFO_V1(casus_sql_unprotect);

/* Where all that is missing is what rows give their parents, it is those that are taken in. */
static void
refuse_unlabelled(const char *table, const CasusCensus *census, Oid relid,
				  const CasusSettings *settings)
{
	bool		above = settings->nrelabels > 0 && census->unlabelled == census->unrelabelled;
	Oid			what = above ? settings->relabels[0].parent : relid;
	char	   *name = quote_literal_cstr(casus_relation_ddl_name(what));

	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
					  psprintf("table \"%s\" has " INT64_FORMAT " governed rows without a label", table,
							   census->unlabelled),
					  casus_check_ground_of(relid, "label",
											_("bound, they would be invisible to everyone")),
					  settings->kind == CASUS_KIND_ROOT && !above ?
					  psprintf("CALL casus.take_in(%s);  -- with phase, opened, closed: expressions on its columns", name) :
					  psprintf("CALL casus.take_in(%s);", name));
}

/* By how many they are, never which values they hold. */
static void
refuse_misfit(const char *table, int64 n, Oid relid, const CasusSettings *settings)
{
	char	   *name = casus_relation_ddl_name(relid);

	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
					  psprintf("table \"%s\" has " INT64_FORMAT " rows with the label of another dossier", table, n),
					  casus_check_ground_of(relid, "label",
											_("bound, they would be read as part of that dossier")),
					  settings->kind == CASUS_KIND_ROOT ?
					  psprintf("SELECT casus.dossier_of(casus_label), count(*) FROM %s GROUP BY 1;"
							   "  -- each is one row's; remove the others, or one without dossier, and bring them in anew", name) :
					  psprintf("CALL casus.take_in(%s);  -- gives them that of the row they belong to",
							   quote_literal_cstr(name)));
}

/* They are put outside by nobody but who knows whether they are to be: then all read them. */
static void
refuse_astray(const char *table, Oid relid, const CasusSettings *settings,
			  const CasusCensus *census)
{
	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
					  psprintf("table \"%s\" has " INT64_FORMAT " rows with the label of a dossier that belong to none", table, census->astray),
					  casus_check_ground_of(relid, "label",
											_("bound, they would be read as part of that dossier")),
					  psprintf("%s  -- put back what they were governed by, or delete them and insert them anew",
							   casus_census_astray_query(relid, settings, census)));
}

/* A row gives its parent the label of its dossier, of which there is one. */
static void
refuse_shared(const char *table, int64 n, Oid relid)
{
	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
					  psprintf("table \"%s\" has " INT64_FORMAT " rows whose parent row belongs to another dossier", table, n),
					  casus_check_ground_of(relid, "label",
											_("bound, that row would be read as part of one of them alone")),
					  _("Give each of them a parent row of its own."));
}

/*
 * Opens a protected table for set-up and looks at the caller.  It is asked for
 * twice: what is refused anyhow, or done already, makes no reader wait.
 */
Relation
casus_bind_open(Oid relid, LOCKMODE lock, CasusSettings **settings)
{
	Relation	rel = try_table_open(relid, lock);
	const CasusProtected *prot;

	if (rel == NULL)
		casus_protect_check_unknown("table", psprintf("%u", relid), NULL);
	casus_protect_check_caller(rel);
	(void) casus_family_lock(relid, lock);
	prot = casus_registry_find(relid);
	if (prot == NULL || prot->settings == NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "not_governed",
						  psprintf("table \"%s\" is not protected", RelationGetRelationName(rel)),
						  NULL, casus_relation_ddl_survey(relid));
	if (prot->family != relid)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  psprintf("table \"%s\" is protected as a part of table \"%s\"",
								   RelationGetRelationName(rel), get_rel_name(prot->family)),
						  "What is decided holds for all of it.",
						  psprintf("Name %s.", casus_relation_ddl_name(prot->family)));
	*settings = palloc(sizeof(CasusSettings));
	memcpy(*settings, prot->settings, sizeof(CasusSettings));
	return rel;
}

/*
 * A parent that is not bound has rows that stand outside only because nobody
 * looked yet; the census of its child would believe them.
 */
static void
check_parents(Relation rel, const CasusSettings *settings)
{
	for (int i = 0; i < settings->nvia; i++)
	{
		Oid			parent = settings->via[i].parent;
		const CasusProtected *prot = OidIsValid(parent) ? casus_registry_find(parent) : NULL;

		if (prot != NULL && prot->mode == CASUS_MODE_ENFORCE && prot->fenced)
			continue;
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  psprintf("table \"%s\" gets its labels from a table that is not bound",
								   RelationGetRelationName(rel)),
						  casus_check_ground_of(RelationGetRelid(rel), "not_fenced",
												_("parents are bound first")),
						  !OidIsValid(parent) ? NULL :
						  casus_relation_ddl_bind(parent));
	}
}

static void
check_members(List *members)
{
	ListCell   *lc;

	foreach(lc, members)
	{
		Relation	member = table_open(lfirst_oid(lc), AccessShareLock);

		casus_protect_check_published(member);
		casus_protect_check_triggers(member);
		casus_protect_check_code(member);
		table_close(member, AccessShareLock);
	}
}

/*
 * So with a child that gives its parent the labels, of a link table or not: its
 * rows would bring others to a dossier, or leave them out, with nobody knowing.
 */
static void
check_children(Relation rel, const CasusSettings *settings)
{
	ListCell   *lc;

	foreach(lc, settings->kind == CASUS_KIND_VIA_CHILD ? casus_registry_tables() : NIL)
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));
		const CasusSettings *link = prot != NULL ? prot->settings : NULL;

		bool		ours = false;

		for (int i = 0; link != NULL && i < link->nrelabels; i++)
			ours |= link->relabels[i].parent == RelationGetRelid(rel);
		if (!ours || (prot->mode == CASUS_MODE_ENFORCE && prot->fenced))
			continue;
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  psprintf("table \"%s\" gets its labels from a table that is not bound",
								   RelationGetRelationName(rel)),
						  casus_check_ground_of(RelationGetRelid(rel), "not_fenced",
												settings->links ? _("link tables are bound first") :
												_("the table of the rows that bring them to a dossier is bound first")),
						  casus_relation_ddl_bind(prot->relid));
	}
}

/* Is there nothing left for bind to do? */
static bool
is_in_force(List *members, const CasusSettings *settings)
{
	ListCell   *lc;

	foreach(lc, members)
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));

		if (prot == NULL || prot->mode != CASUS_MODE_ENFORCE || !prot->fenced || prot->foreign ||
			!casus_fence_has_triggers(lfirst_oid(lc), settings))
			return false;
	}
	return true;
}

static void
refuse_observe(Oid relid)
{
	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
					  psprintf("table \"%s\" is bound already", get_rel_name(relid)),
					  casus_check_ground_of(relid, "not_fenced",
											_("only casus.unprotect takes the fence down")),
					  psprintf("SELECT casus.unprotect(%s, '<reason>');",
							   quote_literal_cstr(casus_relation_ddl_name(relid))));
}

Datum
casus_sql_bind(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *mode = text_to_cstring(PG_GETARG_TEXT_PP(1));
	CasusSettings *settings;
	Relation	rel;
	CasusCensus census = {0};
	List	   *lines = NIL;
	List	   *members;
	ListCell   *lc;
	bool		enforce = strcmp(mode, "enforce") == 0;

	casus_require_preloaded();
	casus_act_attempt(relid, 0, psprintf("bind %s", mode));
	if (!enforce && strcmp(mode, "observe") != 0)
		casus_protect_check_unknown("mode", mode, "It is observe or enforce.");
	rel = casus_bind_open(relid, AccessShareLock, &settings);
	if (!enforce && settings->mode == CASUS_MODE_ENFORCE)
		refuse_observe(relid);
	if (enforce)
	{
		check_parents(rel, settings);
		check_children(rel, settings);
		if (is_in_force(casus_family_members(relid), settings))
		{
			table_close(rel, AccessShareLock);
			casus_relation_ddl_return(fcinfo, NIL);
			return (Datum) 0;
		}
	}
	table_close(rel, AccessShareLock);
	rel = casus_bind_open(relid, AccessExclusiveLock, &settings);
	members = casus_family_members(relid);
	casus_protect_check_family(rel);
	check_members(members);
	if (!enforce && settings->mode == CASUS_MODE_ENFORCE)
		refuse_observe(relid);
	if (enforce)
	{
		check_parents(rel, settings);
		check_children(rel, settings);
		/* Once in force, nobody but casus has written one. */
		casus_census_take(rel, settings->mode != CASUS_MODE_ENFORCE, &census);
	}
	if (census.unlabelled > 0)
		refuse_unlabelled(RelationGetRelationName(rel), &census, relid, settings);
	if (census.misfit > 0)
		refuse_misfit(RelationGetRelationName(rel), census.misfit, relid, settings);
	if (census.astray > 0)
		refuse_astray(RelationGetRelationName(rel), relid, settings, &census);
	if (census.shared > 0)
		refuse_shared(RelationGetRelationName(rel), census.shared, relid);
	if (settings->mode == CASUS_MODE_REGISTERED)
	{
		settings->had_row_security = rel->rd_rel->relrowsecurity;
		settings->had_force = rel->rd_rel->relforcerowsecurity;
	}
	table_close(rel, NoLock);

	settings->mode = enforce ? CASUS_MODE_ENFORCE : CASUS_MODE_OBSERVE;
	foreach(lc, members)
	{
		casus_fence_make_triggers(&lines, lfirst_oid(lc), settings);
		if (enforce)
			casus_fence_make_policies(&lines, lfirst_oid(lc), settings);
	}
	casus_registry_store(relid, settings);
	foreach(lc, casus_protect_check_histories(relid))
		ereport(WARNING, (errmsg("%s", (char *) lfirst(lc))));
	casus_act_note_setup(relid, psprintf("bind %s", mode));
	casus_relation_ddl_return(fcinfo, lines);
	return (Datum) 0;
}

/* ---- the way back ---- */

/* Whose labels come from this table, or whose rows label it? Invalid: nobody's. */
static Oid
dependent_table(Oid relid)
{
	ListCell   *lc;

	foreach(lc, casus_registry_tables())
	{
		Oid			other = lfirst_oid(lc);
		const CasusSettings *settings = casus_registry_settings(other);

		if (settings == NULL || other == relid)
			continue;
		for (int i = 0; i < settings->nvia; i++)
		{
			if (OidIsValid(settings->via[i].parent) &&
				casus_registry_is_of(settings->via[i].parent, relid))
				return other;
		}
	}
	return InvalidOid;
}

/* The dossiers of the rows of one table. */
static void
collect_dossiers(Oid relid, ArrayBuildState *ids)
{
	Relation	rel = table_open(relid, AccessShareLock);
	const CasusProtected *prot = casus_registry_find(RelationGetRelid(rel));
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, prot->label_attno, &isnull);
		CasusLabel	label;

		CHECK_FOR_INTERRUPTS();
		if (!isnull && casus_label_unpack(DatumGetUUIDP(value), &label) == CASUS_LABEL_GOVERNED)
			(void) accumArrayResult(ids, Int64GetDatum(label.dossier), false,
									INT8OID, CurrentMemoryContext);
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
}

/* Rows of another table would be in dossiers that are no more: nobody reads those. */
static void
check_elsewhere(Oid relid, ArrayType *dossiers)
{
	Datum	   *values;
	int64	   *ids;
	int			n;
	Oid			other;

	deconstruct_array(dossiers, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &values, NULL, &n);
	ids = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		ids[i] = DatumGetInt64(values[i]);
	other = casus_itemrows_elsewhere(relid, ids, n);
	if (OidIsValid(other))
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  psprintf("table \"%s\" has rows in the dossiers of table \"%s\"",
								   get_rel_name(other), get_rel_name(relid)),
						  casus_check_ground_of(other, "label",
												_("dossiers that take_in opened go with the table for whose rows it did")),
						  psprintf("SELECT casus.unprotect(%s, '<reason>');  -- first",
								   quote_literal_cstr(casus_relation_ddl_name(other))));
}

/*
 * A table that never was in force may be registered anew after a mistake: the
 * dossiers that take_in opened for its rows go, but those in which somebody
 * acted.  They are locked first, so that no row comes into one of them between
 * the look at the other tables and the end.
 */
static void
forget_taken_in(Oid relid)
{
	ArrayBuildState *ids = initArrayResult(INT8OID, CurrentMemoryContext, false);
	CasusQuery	query;
	Datum		rows;
	Datum		gone;
	bool		none;
	ListCell   *lc;

	foreach(lc, casus_family_stores(relid))
		collect_dossiers(lfirst_oid(lc), ids);
	rows = makeArrayResult(ids, CurrentMemoryContext);

	casus_query_begin(&query);
	casus_query_arg(&query, INT8ARRAYOID, rows, false);
	casus_query_run(&query,
					"SELECT FROM casus_cat.dossier WHERE id = ANY ($1) AND is_taken_in "
					"ORDER BY id FOR UPDATE");
	casus_query_arg(&query, INT8ARRAYOID, rows, false);
	casus_query_read(&query,
					 "SELECT pg_catalog.array_agg(d.id ORDER BY d.id) FROM casus_cat.dossier d "
					 "WHERE d.id = ANY ($1) AND d.is_taken_in "
					 "AND NOT EXISTS (SELECT FROM casus_cat.participant p WHERE p.dossier = d.id) "
					 "AND NOT EXISTS (SELECT FROM casus_cat.sharing s WHERE s.dossier = d.id) "
					 "AND NOT EXISTS (SELECT FROM casus_cat.decision e WHERE e.dossier = d.id) "
					 "AND NOT EXISTS (SELECT FROM casus_cat.appointment a WHERE a.dossier = d.id)");
	gone = casus_query_get(&query, 0, 1, &none);
	if (!none)
	{
		check_elsewhere(relid, DatumGetArrayTypeP(gone));
		casus_query_arg(&query, INT8ARRAYOID, gone, false);
		casus_query_run(&query,
						"DELETE FROM casus_cat.linked WHERE dossier = ANY ($1) OR other = ANY ($1)");
		casus_query_arg(&query, INT8ARRAYOID, gone, false);
		casus_query_run(&query, "DELETE FROM casus_cat.dossier WHERE id = ANY ($1)");
	}
	casus_query_end(&query);
}

static void
check_dependent(Relation rel)
{
	Oid			other = dependent_table(RelationGetRelid(rel));

	if (OidIsValid(other))
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  psprintf("table \"%s\" gets its labels from table \"%s\"",
								   get_rel_name(other), RelationGetRelationName(rel)),
						  casus_check_ground_of(other, "label",
												_("without it, nobody would know the dossiers of its rows")),
						  psprintf("SELECT casus.unprotect(%s, '<reason>');  -- first",
								   quote_literal_cstr(casus_relation_ddl_name(other))));
}

/* Before it is in force everybody sees the rows already: nothing opens. */
static void
check_unprotect(Relation rel, const CasusSettings *settings)
{
	CasusCensus census;

	check_dependent(rel);
	if (settings->mode != CASUS_MODE_ENFORCE)
	{
		if (settings->kind == CASUS_KIND_ROOT)
			forget_taken_in(RelationGetRelid(rel));
		return;
	}
	casus_census_take(rel, false, &census);
	if (census.governed > 0)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  psprintf("table \"%s\" still holds " INT64_FORMAT " governed rows",
								   RelationGetRelationName(rel), census.governed),
						  casus_check_ground_of(RelationGetRelid(rel), "bypass",
												_("unprotected they would be open to everyone with a GRANT")),
						  psprintf("SELECT casus.maintenance(%s, '<reason>'); TRUNCATE %s;"
								   "  -- destroys all rows, on record; as casus_admin and owner",
								   quote_literal_cstr(
								   casus_relation_ddl_name(RelationGetRelid(rel))),
								   casus_relation_ddl_name(RelationGetRelid(rel))));
}

static void
restore_statistics(List **lines, Oid relid, List *uses)
{
	ListCell   *lc;

	foreach(lc, uses)
	{
		CasusColumnUse *use = lfirst(lc);

		if (strcmp(use->use, "data") == 0 || strcmp(use->use, "subject") == 0)
			casus_relation_ddl_note(lines, psprintf("ALTER TABLE %s ALTER COLUMN \"%s\" SET STATISTICS -1",
								casus_relation_ddl_name(relid),
								casus_relation_ddl_escape(get_attname(relid, use->attno, false))));
	}
}

Datum
casus_sql_unprotect(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *reason = text_to_cstring(PG_GETARG_TEXT_PP(1));
	CasusSettings *settings;
	Relation	rel;
	List	   *uses;
	List	   *lines = NIL;
	ListCell   *lc;

	casus_require_preloaded();
	casus_act_attempt(relid, 0, psprintf("unprotect: %s", reason));
	if (reason[0] == '\0')
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  "unprotect needs a reason",
						  casus_check_ground_of(relid, "ddl", _("it is on record, and so is why")),
						  CASUS_HINT_CALLS);
	rel = casus_bind_open(relid, AccessShareLock, &settings);
	check_dependent(rel);
	table_close(rel, AccessShareLock);
	rel = casus_bind_open(relid, AccessExclusiveLock, &settings);
	check_unprotect(rel, settings);
	uses = casus_registry_settings_uses(rel);
	uses = list_concat(uses, casus_governs_generated_uses(rel, uses));
	table_close(rel, NoLock);

	casus_act_note_setup(relid, psprintf("unprotect: %s", reason));
	foreach(lc, casus_family_members(relid))
		casus_fence_take_down(&lines, lfirst_oid(lc), settings);
	restore_statistics(&lines, relid, uses);
	foreach(lc, casus_family_members(relid))
	{
		/* From most of them it goes with that of the top. */
		if (get_attnum(lfirst_oid(lc), CASUS_LABEL_COLUMN) != InvalidAttrNumber)
			casus_relation_ddl_note(&lines, psprintf("ALTER TABLE %s DROP COLUMN %s",
													 casus_relation_ddl_name(lfirst_oid(lc)),
													 CASUS_LABEL_COLUMN));
	}
	casus_registry_remove(relid);
	casus_relation_ddl_return(fcinfo, lines);
	return (Datum) 0;
}
