/*
 * move.c
 *		casus.move(): a row, and what hangs on it, goes to another dossier of the same file.
 *
 * An UPDATE cannot change a row's dossier; this act changes the column that leads
 * to it and the labels at once.  Each row is judged as removed and as brought in.
 *
 * Locks: the rows of both dossiers (FOR NO KEY UPDATE, in the order of ids), so
 * that no phase changes and nobody writes in either meanwhile; then the target's
 * row FOR KEY SHARE, as the foreign key would.  What was read is read once more.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "move.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_constraint.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "rewrite/rowsecurity.h"
#include "utils/acl.h"
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

/* The same for the target, as an INSERT there would be answered. */
static void
refuse_target(Relation rel)
{
	CasusRow	row = {0};

	row.rel = rel;
	row.prot = casus_registry_find(RelationGetRelid(rel));
	casus_rowverdict_no_parent(&row);
}

static void
refuse_column(const char *detail)
{
	casus_setup_error(ERRCODE_FEATURE_NOT_SUPPORTED, NULL,
					  _("rows of this table cannot be moved"), detail,
					  _("Delete the row and insert it where it belongs, in one transaction."));
}

/* ---- what the table must be like ---- */

/* On the table that was named: nobody needs rights on its partitions. */
static void
require_right(const CasusMove *m, AttrNumber attno, AclMode mode)
{
	Relation	rel = m->named;

	if (m->rel != rel)
		attno = get_attnum(RelationGetRelid(rel),
						   get_attname(RelationGetRelid(m->rel), attno, false));
	if (pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), mode) != ACLCHECK_OK &&
		pg_attribute_aclcheck(RelationGetRelid(rel), attno, GetUserId(), mode) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
}

static void
require_table(Relation rel)
{
	const CasusProtected *prot = casus_registry_find(RelationGetRelid(rel));
	const CasusSettings *settings = prot != NULL ? prot->settings : NULL;
	ListCell   *lc;

	if (prot == NULL)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, "not_governed",
						  _("the table is not protected"), NULL, NULL);
	if (settings == NULL || prot->foreign || prot->mode != CASUS_MODE_ENFORCE || !prot->fenced)
		casus_check_refuse(casus_check_protocol_of(prot), "not_fenced",
						   _("a protected table is not fenced"),
						   _("its settings, its policy or its trigger are not as casus.bind made them"),
						   casus_relation_ddl_bind(RelationGetRelid(rel)));
	if (settings->kind == CASUS_KIND_ROOT)
		casus_check_refuse(casus_check_protocol_of(prot), "not_governed",
						   _("a row of this table cannot be moved"),
						   _("each of its governed rows is a dossier itself"), NULL);
	if (settings->kind == CASUS_KIND_VIA_CHILD)
		casus_check_refuse(casus_check_protocol_of(prot), "not_governed",
						   _("a row of this table cannot be moved"),
						   _("it goes where the row goes that brings it to its dossier"),
						   _("Move the row of the child table, by casus.move(): this one goes along."));

	if (settings->resolve_name != NULL)
		refuse_column(_("A function names the dossiers of its rows."));
	/* Policies of others would have to agree too, and are not asked here. */
	foreach(lc, rel->rd_rsdesc ? rel->rd_rsdesc->policies : NIL)
	{
		RowSecurityPolicy *policy = lfirst(lc);

		if (strcmp(policy->policy_name, CASUS_POLICY_NAME) != 0 &&
			strcmp(policy->policy_name, CASUS_OPEN_POLICY_NAME) != 0)
			refuse_column(_("The table has row security of its own."));
	}
}

static bool
is_changed(const CasusMove *m, AttrNumber attno)
{
	for (int i = 0; i < m->nchanged; i++)
		if (m->changed[i] == attno)
			return true;
	return false;
}

/* Do other tables refer to a column that changes? */
static bool
is_referred_to(const CasusMove *m)
{
	Relation	constraints = table_open(ConstraintRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(constraints, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	bool		found = false;

	while (!found && (tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
		AttrNumber	conkey[INDEX_MAX_KEYS];
		AttrNumber	confkey[INDEX_MAX_KEYS];
		int			n;

		if (form->contype != CONSTRAINT_FOREIGN || form->confrelid != RelationGetRelid(m->rel))
			continue;
		DeconstructFkConstraintRow(tuple, &n, conkey, confkey, NULL, NULL, NULL, NULL, NULL);
		for (int i = 0; i < n; i++)
			found |= is_changed(m, confkey[i]);
	}
	systable_endscan(scan);
	table_close(constraints, AccessShareLock);
	return found;
}

/*
 * The row is written without its AFTER triggers: what they would check is
 * checked here (the key to the parent) or refused.
 */
static void
require_columns(CasusMove *m)
{
	ListCell   *lc;

	foreach(lc, copyObject(RelationGetFKeyList(m->rel)))
	{
		ForeignKeyCacheInfo *key = lfirst(lc);

		for (int i = 0; i < key->nkeys; i++)
			if (is_changed(m, key->conkey[i]) && !casus_registry_via_is_copy(key) &&
				!(m->by_parent && key->conoid == m->via.constraint))
				refuse_column(_("Another foreign key has the column that leads to the dossier."));
	}
	foreach(lc, RelationGetIndexList(m->rel))
	{
		Relation	index = relation_open(lfirst_oid(lc), AccessShareLock);

		for (int i = 0; i < index->rd_index->indnatts; i++)
			if (!index->rd_index->indimmediate &&
				is_changed(m, index->rd_index->indkey.values[i]))
				refuse_column(_("A deferrable unique constraint has the column that leads to the dossier."));
		relation_close(index, AccessShareLock);
	}
	if (is_referred_to(m))
		refuse_column(_("A foreign key refers to the column that leads to the dossier."));
}

/* ---- keys given as text, or as jsonb with a member per column ---- */

static char *
member_text(Jsonb *object, const char *name)
{
	JsonbValue	buffer;
	JsonbValue *value = NULL;

	if (JB_ROOT_IS_OBJECT(object))
		value = getKeyJsonValueFromContainer(&object->root, name, strlen(name), &buffer);
	if (value != NULL && value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value != NULL && value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(value->val.numeric)));
	if (value != NULL && value->type == jbvBool)
		return pstrdup(value->val.boolean ? "true" : "false");
	casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
					  _("the key lacks a column"),
					  psprintf(_("Column \"%s\" is not given."), name),
					  _("Give the key as jsonb, each column of the primary key by its name."));
	return NULL;
}

/* The value of a column, from text (of the only one) or from an object. */
static Datum
column_value(Relation rel, AttrNumber attno, const char *text, Jsonb *object)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attno - 1);
	Oid			input;
	Oid			param;

	getTypeInputInfo(att->atttypid, &input, &param);
	return OidInputFunctionCall(input,
								object ? member_text(object, NameStr(att->attname)) :
								unconstify(char *, text),
								param, att->atttypmod);
}

static void
prepare_key(CasusMove *m, const char *text, Jsonb *object)
{
	Oid			pkey = casus_compat_primary_key(m->rel);
	Relation	index;

	if (!OidIsValid(pkey))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the table has no primary key"), NULL, NULL);
	index = index_open(pkey, AccessShareLock);
	m->nkeys = index->rd_index->indnkeyatts;
	if (object == NULL && m->nkeys != 1)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the primary key has several columns: give them as jsonb"), NULL,
						  _("Give the key as jsonb, each column of the primary key by its name."));
	for (int i = 0; i < m->nkeys; i++)
	{
		AttrNumber	attno = index->rd_index->indkey.values[i];
		Oid			equal = get_opfamily_member(index->rd_opfamily[i], index->rd_opcintype[i],
												index->rd_opcintype[i], BTEqualStrategyNumber);

		require_right(m, attno, ACL_SELECT);
		ScanKeyEntryInitialize(&m->keys[i], 0, attno, BTEqualStrategyNumber, InvalidOid,
							   index->rd_indcollation[i], get_opcode(equal),
							   column_value(m->rel, attno, text, object));
	}
	index_close(index, AccessShareLock);
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

/* By which column the row comes to its dossier: the first key that is not NULL. */
static void
choose_column(CasusMove *m, const CasusSettings *settings, const char *target)
{
	Jsonb	   *object = NULL;

	if (settings->kind == CASUS_KIND_DOSSIER)
		m->changed[m->nchanged++] = settings->dossier_attno;
	for (int i = 0; m->nchanged == 0 && i < settings->nvia; i++)
	{
		if (!OidIsValid(settings->via[i].parent) ||
			!casus_rowparent_has_key(&settings->via[i], m->slot))
			continue;
		m->by_parent = true;
		m->via = settings->via[i];
		m->nchanged = m->via.nkeys;
		memcpy(m->changed, m->via.fkatt, sizeof(AttrNumber) * m->nchanged);
	}
	if (m->nchanged == 0)
		refuse_target(m->rel);
	if (m->nchanged > 1)
		object = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(target)));
	for (int i = 0; i < m->nchanged; i++)
	{
		require_right(m, m->changed[i], ACL_UPDATE);
		m->values[i] = column_value(m->rel, m->changed[i], target, object);
	}
}

/* The row as it becomes, but for its label. */
static void
make_moved(CasusMove *m)
{
	TupleTableSlot *slot = m->moved;

	ExecClearTuple(slot);
	slot_getallattrs(m->slot);
	memcpy(slot->tts_values, m->slot->tts_values,
		   sizeof(Datum) * slot->tts_tupleDescriptor->natts);
	memcpy(slot->tts_isnull, m->slot->tts_isnull,
		   sizeof(bool) * slot->tts_tupleDescriptor->natts);
	for (int i = 0; i < m->nchanged; i++)
	{
		slot->tts_values[m->changed[i] - 1] = m->values[i];
		slot->tts_isnull[m->changed[i] - 1] = false;
	}
	ExecStoreVirtualTuple(slot);
}

/* The dossier that the column would lead to; 0: no such target, or hidden. */
static int64
find_target(CasusMove *m)
{
	pg_uuid_t	raw;
	CasusLabel	label;
	CasusDossier state;

	make_moved(m);
	if (!m->by_parent)
		return casus_sight_dossier(DatumGetInt64(m->values[0]), &state) ?
			DatumGetInt64(m->values[0]) : 0;
	if (casus_rowparent_label(&m->via, m->moved, &raw, &m->target) != CASUS_FOUND_LABEL)
		return 0;
	if (memcmp(&raw, &casus_label_outside, UUID_LEN) == 0)
		casus_check_refuse(protocol_of(m->rel), "not_governed",
						   _("this row cannot be moved there"),
						   _("a governed row does not leave the protocol"), NULL);
	/* A target that waits for its own parent is not there yet. */
	if (casus_label_unpack(&raw, &label) != CASUS_LABEL_GOVERNED ||
		!casus_dossier_load(label.dossier, &state) ||
		!casus_context_may_read(state.file, &label))
		return 0;
	return label.dossier;
}

/* As the foreign key's own check would, until the end of the transaction. */
static void
lock_target(CasusMove *m)
{
	Relation	parent = table_open(m->target.relid, RowShareLock);
	TupleTableSlot *slot = table_slot_create(parent, NULL);
	TM_FailureData failure;
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

	if (table_tuple_lock(parent, &m->target.tid, snapshot, slot, GetCurrentCommandId(false),
						 LockTupleKeyShare, LockWaitBlock, TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
						 &failure) != TM_Ok)
		casus_movetree_try_again();
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(parent, NoLock);
}

/* Both dossiers, and what was found before we had them is found once more. */
static void
lock_all(CasusMove *m, int64 to)
{
	pg_uuid_t	now;

	if (!casus_dossier_lock(Min(m->label.dossier, to), LockTupleNoKeyExclusive) ||
		!casus_dossier_lock(Max(m->label.dossier, to), LockTupleNoKeyExclusive))
		casus_movetree_try_again();
	if (!find_row(m, &now) || memcmp(&now, &m->raw, UUID_LEN) != 0 || find_target(m) != to)
		casus_movetree_try_again();
	if (m->by_parent)
		lock_target(m);
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

/* The settings of the file must still govern the row as it becomes. */
static void
require_governed(CasusMove *m)
{
	CasusSettings *settings = casus_registry_find(RelationGetRelid(m->rel))->settings;
	CasusFileSettings *fs = casus_rowparent_governing(casus_rowparent_prepare(settings, false),
													  m->moved);

	if (fs != NULL && (m->by_parent || fs->id == m->to.file))
		return;
	casus_check_refuse(m->protocol, "not_governed", _("this row cannot be moved there"),
					   _("a governed row does not leave the protocol"), NULL);
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
		prepare_key(m, text, object);
		m->slot = MakeSingleTupleTableSlot(RelationGetDescr(m->rel), &TTSOpsHeapTuple);
		m->moved = MakeSingleTupleTableSlot(RelationGetDescr(m->rel), &TTSOpsVirtual);
		if (list_length(stores) == 1)
			return;
		if (find_row(m, &m->raw))
		{
			if (found.rel != NULL)
				casus_setup_error(ERRCODE_AMBIGUOUS_PARAMETER, NULL,
								  _("the key is not that of one row"), NULL, NULL);
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
	choose_column(m, casus_registry_find(RelationGetRelid(m->rel))->settings, target);
	require_columns(m);
	to = find_target(m);
	if (to == 0)
		refuse_target(m->rel);
	if (to == m->label.dossier)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the row is in that dossier already"), NULL, _("An UPDATE of its key does it."));
	lock_all(m, to);
	if (m->from.file != m->to.file)
		casus_check_refuse(protocol_of(m->rel), "not_governed",
						   _("this row cannot be moved there"),
						   _("nothing crosses from one file to another"), NULL);
	m->protocol = casus_protocol(casus_find_protocol_of(m->from.file));
	require_governed(m);
}

/* Returns the act in the dossier that the row is moved to. */
static int64
move(Oid relid, const char *text, Jsonb *object, const char *target, const char *motivation)
{
	CasusMove		m = {0};
	CasusLabel	label;
	Jsonb	   *details;

	casus_require_preloaded();
	PreventCommandIfReadOnly("casus.move()");
	casus_accesslog_event("attempt", relid, 0, NULL, "move");
	casus_catalog_listen();
	m.named = table_open(relid, RowExclusiveLock);
	m.key = object ? JsonbToCString(NULL, &object->root, VARSIZE(object)) : text;
	require_table(m.named);
	require_motivation(m.named, motivation);
	open_row(&m, text, object);
	find_and_lock(&m, target);
	casus_movetree_capacity(&m, &m.from, CASUS_REMOVE, &m.removes);
	casus_movetree_capacity(&m, &m.to, CASUS_SUPPLY, &m.supplies);

	label = m.label;
	casus_movetree_row(&m, m.rel, m.slot, &label, m.nchanged, m.changed, m.values);
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
							  _("name the table, the row and the target"), NULL, NULL);
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
