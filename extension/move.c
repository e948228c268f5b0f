/*
 * move.c
 *		casus.move(): a row, and what hangs on it, goes to another dossier of the same file.
 *
 * An UPDATE cannot change a row's dossier; this act changes the column that leads
 * to it and the labels at once.  Each row is judged as removed and as brought in.
 *
 * Locks: the rows of both dossiers (FOR NO KEY UPDATE, in the order of ids), so
 * that no phase changes and nobody writes in either meanwhile; then the target's
 * row FOR KEY SHARE, as the foreign key would.  What was read is read once more, and
 * a function that names the dossier is asked once more.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "move.h"
#include "resolve.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "rewrite/rowsecurity.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* ---- answers ---- */

static const CasusProtocol *
protocol_of(Relation rel)
{
	return casus_check_protocol_of(casus_registry_find(RelationGetRelid(rel)));
}

/* A row that is hidden and one that is not there. */
static void
refuse_row(Relation rel)
{
	casus_check_refuse(protocol_of(rel), "no_appointment",
					   _("there is no such row, or it is not one that your office reads"),
					   _("a row is moved by who reads it"),
					   "SELECT * FROM casus.my_purposes();");
}

static CasusSettings *
settings_of(const CasusMove *m)
{
	return casus_registry_find(RelationGetRelid(m->rel))->settings;
}

/* The same for the target, as an INSERT there would be answered. */
static void
refuse_target(const CasusMove *m)
{
	CasusRow	row = {0};

	if (m->by_function)
		casus_check_refuse(protocol_of(m->rel), "no_parent",
						   _("the dossier of this row would not be known"),
						   _("the function that names it gives none, has failed, or names one that is not for you"),
						   _("Give values for which it names a dossier that you know of; what it reads besides is put right first."));
	row.rel = m->rel;
	row.prot = casus_registry_find(RelationGetRelid(m->rel));
	casus_rowverdict_no_parent(&row);
}

/* ---- what the table must be like ---- */

static void
require_table(Relation rel)
{
	const CasusProtected *prot = casus_registry_find(RelationGetRelid(rel));
	const CasusSettings *settings = prot != NULL ? prot->settings : NULL;
	ListCell   *lc;

	if (prot == NULL)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "not_governed",
						  _("the table is not protected"), NULL,
						  _("casus.survey(schema) proposes the call of casus.protect for each table."));
	if (settings == NULL || prot->foreign || prot->mode != CASUS_MODE_ENFORCE || !prot->fenced)
		casus_check_refuse(casus_check_protocol_of(prot), "not_fenced",
						   _("a protected table is not fenced"),
						   _("its settings, its policy or its trigger are not as casus.bind made them"),
						   casus_relation_ddl_bind(RelationGetRelid(rel)));
	if (settings->kind == CASUS_KIND_ROOT)
		casus_check_refuse(casus_check_protocol_of(prot), "not_governed",
						   _("a row of this table cannot be moved"),
						   _("each of its governed rows is a dossier itself"),
						   _("Its children are moved; its dossier ends by casus.close_dossier()."));
	if (settings->kind == CASUS_KIND_VIA_CHILD)
		casus_check_refuse(casus_check_protocol_of(prot), "not_governed",
						   _("a row of this table cannot be moved"),
						   _("it goes where the row goes that brings it to its dossier"),
						   _("Move the row of the child table, by casus.move(): this one goes along."));

	/* Policies of others would have to agree too, and are not asked here. */
	foreach(lc, rel->rd_rsdesc ? rel->rd_rsdesc->policies : NIL)
	{
		RowSecurityPolicy *policy = lfirst(lc);

		if (strcmp(policy->policy_name, CASUS_POLICY_NAME) != 0 &&
			strcmp(policy->policy_name, CASUS_OPEN_POLICY_NAME) != 0)
			casus_movecolumn_refuse(_("The table has row security of its own."));
	}
}

/* ---- the row ---- */

/* As casus_rowparent_label(): Self first, and a snapshot where that meets a gap. */
static HeapTuple
fetch_row(CasusMove *m, Snapshot snapshot)
{
	ScanKeyData keys[INDEX_MAX_KEYS];
	SysScanDesc scan;
	HeapTuple	tuple;

	memcpy(keys, m->keys, sizeof(ScanKeyData) * m->nkeys);
	scan = systable_beginscan(m->rel, casus_compat_primary_key(m->rel), true, snapshot,
							  m->nkeys, keys);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/* Puts the row into the slot and its label into raw; false: none, or unlabelled. */
static bool
find_row(CasusMove *m, pg_uuid_t *raw)
{
	HeapTuple	tuple = fetch_row(m, SnapshotSelf);
	AttrNumber	attno = get_attnum(RelationGetRelid(m->rel), CASUS_LABEL_COLUMN);
	bool		isnull;
	Datum		value;

	if (tuple == NULL)
		tuple = fetch_row(m, NULL);
	if (tuple == NULL)
		return false;
	ExecStoreHeapTuple(tuple, m->slot, false);
	m->slot->tts_tid = tuple->t_self;
	value = slot_getattr(m->slot, attno, &isnull);
	if (!isnull)
		*raw = *DatumGetUUIDP(value);
	return !isnull;
}

/* The row, governed and readable to the caller; one that is not there otherwise. */
static void
require_row(CasusMove *m)
{
	CasusLabelKind kind;

	if (!find_row(m, &m->raw))
		refuse_row(m->rel);
	kind = casus_label_unpack(&m->raw, &m->label);
	if (kind == CASUS_LABEL_OUTSIDE)
		casus_check_refuse(protocol_of(m->rel), "not_governed",
						   _("this row cannot be moved"),
						   _("it lies outside the protocol, where an UPDATE does it"),
						   _("An UPDATE of its key does it."));
	if (kind == CASUS_LABEL_PENDING && casus_label_is_own_pending(&m->raw))
		casus_check_refuse(protocol_of(m->rel), "label", _("this row cannot be moved yet"),
						   _("it waits for its parent row"), "SET CONSTRAINTS ALL IMMEDIATE;");
	if (kind != CASUS_LABEL_GOVERNED ||
		!casus_dossier_load(m->label.dossier, &m->from) ||
		!casus_context_may_read(m->from.file, &m->label))
		refuse_row(m->rel);
}

/* ---- the target ---- */

/*
 * The dossier that the columns would lead to; 0: no such target, or hidden.  A
 * function is asked with the row as it becomes.
 */
static int64
find_target(CasusMove *m)
{
	pg_uuid_t	raw;
	CasusLabel	label;
	CasusDossier state;

	casus_movecolumn_apply(m);
	if (!m->by_parent)
	{
		int64		id = m->by_function ?
			casus_resolve_dossier(casus_resolve_prepare(settings_of(m)), m->moved) :
			DatumGetInt64(m->values[0]);

		return casus_sight_dossier(id, &state) ? id : 0;
	}
	if (casus_rowparent_label(&m->via, m->moved, &raw, &m->target) != CASUS_FOUND_LABEL)
		return 0;
	if (memcmp(&raw, &casus_label_outside, UUID_LEN) == 0)
		casus_check_refuse(protocol_of(m->rel), "not_governed",
						   _("this row cannot be moved there"),
						   _("a governed row does not leave the protocol"),
						   _("Move it to another dossier of its file."));
	/* A target that waits for its own parent is not there yet. */
	if (casus_label_unpack(&raw, &label) != CASUS_LABEL_GOVERNED ||
		!casus_dossier_load(label.dossier, &state) ||
		!casus_context_may_read(state.file, &label))
		return 0;
	return label.dossier;
}

/* Both dossiers, and what was found before we had them is found once more. */
static void
lock_all(CasusMove *m, int64 to)
{
	pg_uuid_t	now;

	CasusMove	again = *m;

	if (!casus_dossier_lock(Min(m->label.dossier, to), LockTupleNoKeyExclusive) ||
		!casus_dossier_lock(Max(m->label.dossier, to), LockTupleNoKeyExclusive))
		casus_movetree_try_again();
	if (!find_row(m, &now) || memcmp(&now, &m->raw, UUID_LEN) != 0)
		casus_movetree_try_again();
	again.nchanged = 0;
	if (!casus_movecolumn_choose(&again, settings_of(m), m->wish) ||
		again.nchanged != m->nchanged ||
		memcmp(again.changed, m->changed, sizeof(AttrNumber) * m->nchanged) != 0 ||
		find_target(m) != to)
		casus_movetree_try_again();
	if (m->by_parent && !casus_movecolumn_lock(&m->target))
		casus_movetree_try_again();
	if (!casus_dossier_load(m->label.dossier, &m->from) || !casus_dossier_load(to, &m->to))
		casus_movetree_try_again();
}

/* ---- the act ---- */

/* The row stands in an object of its own: the act's controller is found by plain values. */
static Jsonb *
act_details(const CasusMove *m)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"from\": " INT64_FORMAT ", \"to\": " INT64_FORMAT
					 ", \"rows\": " INT64_FORMAT ", \"row\": {\"relation\": ",
					 m->from.id, m->to.id, m->nrows);
	escape_json(&json, casus_relation_ddl_name(RelationGetRelid(m->named)));
	appendStringInfoString(&json, ", \"key\": ");
	escape_json(&json, m->key);
	appendStringInfoString(&json, "}}");
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

/* What it is about and whose it is was judged when it was brought in: as in an UPDATE. */
static void
require_same_codes(CasusMove *m, const CasusSettings *settings, CasusFileSettings *fs)
{
	CasusLabel	now = m->label;
	const char *article;
	const char *why = casus_rowcodes_apply(settings, fs, m->to.file, m->protocol, m->moved,
										   &m->label, &now, &article);

	if (why != NULL)
		casus_refuse("wrong_category", _("these data may not be kept in this dossier"),
					 casus_check_detail(m->protocol, "wrong_category", article, why),
					 "SELECT id, file, phase FROM casus.dossier;  -- another dossier, or this one in another phase");
	if (now.category != m->label.category || now.party != m->label.party ||
		now.subject_category != m->label.subject_category)
		casus_check_refuse(m->protocol, "label",
						   _("the category, originator or category of data subject of a row does not change"),
						   _("what a row is about and whose it is was judged when it was brought in"),
						   _("Delete the row and insert it anew."));
}

/* The settings of the file must still govern the row as it becomes. */
static void
require_governed(CasusMove *m)
{
	CasusSettings *settings = settings_of(m);
	CasusFileSettings *fs = casus_rowparent_governing(casus_rowparent_prepare(settings, false),
													  m->moved);

	if (fs != NULL && (m->by_parent || fs->id == m->to.file))
	{
		require_same_codes(m, settings, fs);
		return;
	}
	casus_check_refuse(m->protocol, "not_governed", _("this row cannot be moved there"),
					   _("a governed row does not leave the protocol"),
					   _("Move it to another dossier of its file."));
}

static void
require_motivation(Relation rel, const char *motivation)
{
	if (motivation == NULL || motivation[strspn(motivation, " \t\r\n")] == '\0')
		casus_check_refuse(protocol_of(rel), "content_missing",
						   _("a row is moved for a reason that is on record"),
						   _("the motivation is missing"),
						   _("Say why, as motivation of casus.move()."));
}

/*
 * The row, in the table that was named or in a member of its family. A key is
 * there once in partitions; in tables that inherit it may be there again.
 */
static void
open_row(CasusMove *m, const char *text, Jsonb *object)
{
	List	   *stores = casus_family_stores(RelationGetRelid(m->named));
	CasusMove	found = {0};
	ListCell   *lc;

	foreach(lc, stores)
	{
		m->rel = table_open(lfirst_oid(lc), RowExclusiveLock);
		casus_movecolumn_key(m, text, object);
		m->slot = MakeSingleTupleTableSlot(RelationGetDescr(m->rel), &TTSOpsHeapTuple);
		m->moved = MakeSingleTupleTableSlot(RelationGetDescr(m->rel), &TTSOpsVirtual);
		if (list_length(stores) == 1)
			return;
		if (find_row(m, &m->raw))
		{
			if (found.rel != NULL)
				casus_setup_error(ERRCODE_AMBIGUOUS_PARAMETER, NULL,
								  _("the key is not that of one row"), NULL,
								  _("Give the key as jsonb, with each column of the primary key."));
			found = *m;
			continue;
		}
		ExecDropSingleTupleTableSlot(m->slot);
		ExecDropSingleTupleTableSlot(m->moved);
		table_close(m->rel, NoLock);
	}
	if (found.rel == NULL)
		refuse_row(m->named);
	*m = found;
	require_table(m->rel);
}

static void
find_and_lock(CasusMove *m, const char *target)
{
	int64		to;

	require_row(m);
	if (!casus_movecolumn_choose(m, settings_of(m), target))
		refuse_target(m);
	casus_movecolumn_require(m);
	to = find_target(m);
	if (to == 0)
		refuse_target(m);
	if (to == m->label.dossier)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the row is in that dossier already"), NULL,
						  m->by_function ?
						  _("The function names it for these values too: an UPDATE sets them.") :
						  _("An UPDATE of its key does it."));
	lock_all(m, to);
	if (m->from.file != m->to.file)
		casus_check_refuse(protocol_of(m->rel), "not_governed",
						   _("this row cannot be moved there"),
						   _("nothing crosses from one file to another"),
						   _("Move it to another dossier of its file."));
	m->protocol = casus_protocol(casus_find_protocol_of(m->from.file));
	require_governed(m);
	if (!casus_movecolumn_check(m))
		casus_movetree_try_again();
}

/* Returns the act in the dossier that the row is moved to. */
static int64
move(Oid relid, const char *text, Jsonb *object, const char *target, const char *motivation)
{
	CasusMove		m = {0};
	CasusLabel	label;
	Jsonb	   *details;

	casus_require_preloaded();
	casus_act_attempt(relid, 0, "move");
	casus_catalog_listen();
	m.named = table_open(relid, RowExclusiveLock);
	m.wish = target;
	m.key = object ? JsonbToCString(NULL, &object->root, VARSIZE(object)) : text;
	require_table(m.named);
	require_motivation(m.named, motivation);
	open_row(&m, text, object);
	find_and_lock(&m, target);
	casus_movetree_capacity(&m, &m.from, CASUS_REMOVE, &m.removes);
	casus_movetree_capacity(&m, &m.to, CASUS_SUPPLY, &m.supplies);

	label = m.label;
	casus_movetree_row(&m, m.rel, m.slot, &label, m.moved, m.nchanged);
	details = act_details(&m);
	ExecDropSingleTupleTableSlot(m.slot);
	ExecDropSingleTupleTableSlot(m.moved);
	table_close(m.rel, NoLock);
	table_close(m.named, NoLock);
	(void) casus_act_record(&m.removes, "move", m.from.id, motivation, details);
	return casus_act_record(&m.supplies, "move", m.to.id, motivation, details);
}

static void
require_arguments(FunctionCallInfo fcinfo)
{
	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			casus_setup_error(ERRCODE_NULL_VALUE_NOT_ALLOWED, NULL,
							  _("name the table, the row and the target"), NULL, CASUS_HINT_CALLS);
}

PG_FUNCTION_INFO_V1(casus_sql_move_text);

Datum
casus_sql_move_text(PG_FUNCTION_ARGS)
{
	require_arguments(fcinfo);
	PG_RETURN_INT64(move(PG_GETARG_OID(0), casus_act_text(fcinfo, 1), NULL,
						 casus_act_text(fcinfo, 2), casus_act_text(fcinfo, 3)));
}

PG_FUNCTION_INFO_V1(casus_sql_move_jsonb);

Datum
casus_sql_move_jsonb(PG_FUNCTION_ARGS)
{
	require_arguments(fcinfo);
	PG_RETURN_INT64(move(PG_GETARG_OID(0), NULL, PG_GETARG_JSONB_P(1),
						 casus_act_text(fcinfo, 2), casus_act_text(fcinfo, 3)));
}
