/*
 * movecolumn.c
 *		The columns of a row that casus.move() takes elsewhere: those that lead to
 *		its dossier, their new values, and what else the table wants of them.
 *
 * The row is written without its triggers, so what they would check is checked
 * here or refused.  Locks: the row that a foreign key of an unprotected table
 * leads to, FOR KEY SHARE, as the key would.
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
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

void
casus_movecolumn_refuse(const char *detail)
{
	casus_setup_error(ERRCODE_FEATURE_NOT_SUPPORTED, NULL,
					  _("rows of this table cannot be moved"), detail,
					  _("Delete the row and insert it where it belongs, in one transaction."));
}

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

/* By the move, or because it is computed from what the move changes. */
static bool
is_changed(const CasusMove *m, AttrNumber attno)
{
	for (int i = 0; i < m->nchanged; i++)
		if (m->changed[i] == attno)
			return true;
	return list_member_int(m->computed, attno);
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

/* A key to a table that is not protected: what its own check would say, once the row is written. */
static void
add_key(CasusMove *m, const ForeignKeyCacheInfo *key)
{
	CasusVia	via;

	for (int i = 0; i < key->nkeys; i++)
		if (list_member_int(m->computed, key->conkey[i]))
			casus_movecolumn_refuse(_("A foreign key has a column that is computed from the one that leads to the dossier."));
	for (int i = 0; i < key->nkeys; i++)
	{
		memset(&via, 0, sizeof(CasusVia));
		if (!casus_registry_resolve_via(m->rel, key->conkey[i], &via) ||
			via.constraint != key->conoid)
			continue;
		m->others = lappend(m->others, memcpy(palloc(sizeof(CasusVia)), &via, sizeof(CasusVia)));
		return;
	}
	casus_movecolumn_refuse(_("Another foreign key has the column that leads to the dossier."));
}

/*
 * The row is written without its AFTER triggers: what they would check is
 * checked (the key to the parent, one to a table that is not protected) or refused.
 */
void
casus_movecolumn_require(CasusMove *m)
{
	ListCell   *lc;

	for (int i = 0; i < m->nchanged; i++)
		m->computed = list_concat(m->computed, casus_governs_generated_from(m->rel, m->changed[i]));
	foreach(lc, copyObject(RelationGetFKeyList(m->rel)))
	{
		ForeignKeyCacheInfo *key = lfirst(lc);
		bool		changes = false;

		for (int i = 0; i < key->nkeys; i++)
			changes |= is_changed(m, key->conkey[i]);
		if (!changes || casus_registry_via_is_copy(key) ||
			(m->by_parent && key->conoid == m->via.constraint))
			continue;
		if (casus_registry_find(key->confrelid) != NULL)
			casus_movecolumn_refuse(_("Another foreign key has the column that leads to the dossier."));
		add_key(m, key);
	}
	foreach(lc, RelationGetIndexList(m->rel))
	{
		Relation	index = relation_open(lfirst_oid(lc), AccessShareLock);

		for (int i = 0; i < index->rd_index->indnatts; i++)
			if (!index->rd_index->indimmediate &&
				is_changed(m, index->rd_index->indkey.values[i]))
				casus_movecolumn_refuse(_("A deferrable unique constraint has the column that leads to the dossier."));
		relation_close(index, AccessShareLock);
	}
	if (is_referred_to(m))
		casus_movecolumn_refuse(_("A foreign key refers to the column that leads to the dossier."));
}

/* Locks a row as a foreign key would, until the end of the transaction; false: it is gone. */
bool
casus_movecolumn_lock(CasusSpot *spot)
{
	Relation	parent = table_open(spot->relid, RowShareLock);
	TupleTableSlot *slot = table_slot_create(parent, NULL);
	TM_FailureData failure;
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TM_Result	result = table_tuple_lock(parent, &spot->tid, snapshot, slot,
										  GetCurrentCommandId(false), LockTupleKeyShare,
										  LockWaitBlock, TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
										  &failure);

	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(parent, NoLock);
	return result == TM_Ok;
}

/* MATCH FULL: a key is NULL as a whole or not at all. */
static void
require_whole(const CasusMove *m, const CasusVia *via)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(via->constraint));
	bool		full = HeapTupleIsValid(tuple) &&
		((Form_pg_constraint) GETSTRUCT(tuple))->confmatchtype == FKCONSTR_MATCH_FULL;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	for (int i = 0; full && i < via->nkeys; i++)
		if (!slot_attisnull(m->moved, via->fkatt[i]))
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("insert or update on table \"%s\" violates foreign key constraint \"%s\"",
							RelationGetRelationName(m->rel), get_constraint_name(via->constraint)),
					 errtableconstraint(m->rel, get_constraint_name(via->constraint))));
}

/* The other keys of the row as it becomes, and its partition; false: a key's row goes just now. */
bool
casus_movecolumn_check(CasusMove *m)
{
	ListCell   *lc;

	foreach(lc, m->others)
	{
		CasusVia   *via = lfirst(lc);
		CasusSpot	spot;
		pg_uuid_t	unasked;

		if (!casus_rowparent_has_key(via, m->moved))
		{
			require_whole(m, via);
			continue;
		}
		if (casus_rowparent_label(via, m->moved, &unasked, &spot) == CASUS_FOUND_NOTHING)
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("insert or update on table \"%s\" violates foreign key constraint \"%s\"",
							RelationGetRelationName(m->rel), get_constraint_name(via->constraint)),
					 errtableconstraint(m->rel, get_constraint_name(via->constraint))));
		if (!casus_movecolumn_lock(&spot))
			return false;
	}
	if (m->nchanged > 0 &&
		casus_rowtransit_leaves(casus_rowtransit_prepare(m->rel), m->moved))
		casus_movecolumn_refuse(_("The row would go to another partition."));
	return true;
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

void
casus_movecolumn_key(CasusMove *m, const char *text, Jsonb *object)
{
	Oid			pkey = casus_compat_primary_key(m->rel);
	Relation	index;

	if (!OidIsValid(pkey))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the table has no primary key"), NULL,
						  _("Its owner adds one, in a window of casus.maintenance()."));
	index = index_open(pkey, AccessShareLock);
	m->nkeys = index->rd_index->indnkeyatts;
	if (object == NULL && m->nkeys != 1)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the primary key has several columns: give them as jsonb"), NULL,
						  _("Give the key as jsonb, each column of the primary key by its name."));
	if (object != NULL && JB_ROOT_IS_OBJECT(object) && JB_ROOT_COUNT(object) > m->nkeys)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the key names other columns than those of the primary key"), NULL,
						  _("Give the key as jsonb, each column of the primary key by its name, and no other."));
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

/* Does the object name columns of the function only? */
static void
require_members(CasusMove *m, const CasusSettings *settings, Jsonb *object)
{
	JsonbIterator *it = object != NULL ? JsonbIteratorInit(&object->root) : NULL;
	JsonbValue	v;
	JsonbIteratorToken token;
	bool		known = object != NULL && JB_ROOT_IS_OBJECT(object);

	while (known && (token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		AttrNumber	attno;

		if (token != WJB_KEY)
			continue;
		attno = get_attnum(RelationGetRelid(m->rel),
						   pnstrdup(v.val.string.val, v.val.string.len));
		known = false;
		for (int i = 0; i < settings->nresolve; i++)
			known |= settings->resolve_attnos[i] == attno;
	}
	if (!known)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the target names columns that the function is given"), NULL,
						  _("Give as jsonb those of them that change, each by its name."));
}

/*
 * Is the target an object?  Of a function of one column it may be its value
 * alone; of those that begin so an object is not told apart from an array, or
 * from JSON that the column holds, and a uuid may stand in braces.
 */
static bool
is_object(CasusMove *m, const CasusSettings *settings, const char *target)
{
	char		category;
	bool		preferred;

	target += strspn(target, " \t\r\n");
	if (target[0] != '{' || settings->nresolve > 1)
		return target[0] == '{';
	target += 1 + strspn(target + 1, " \t\r\n");
	get_type_category_preferred(get_atttype(RelationGetRelid(m->rel),
											settings->resolve_attnos[0]), &category, &preferred);
	return (target[0] == '"' || target[0] == '}') &&
		category != TYPCATEGORY_ARRAY && category != TYPCATEGORY_USER;
}

/*
 * A function names the dossier: of the columns that it is given, those that the
 * target names get other values.
 */
static void
choose_resolved(CasusMove *m, const CasusSettings *settings, const char *target)
{
	Jsonb	   *object = NULL;

	m->by_function = true;
	if (is_object(m, settings, target))
		object = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(target)));
	if (settings->nresolve > 1 || object != NULL)
		require_members(m, settings, object);
	for (int i = 0; i < settings->nresolve; i++)
	{
		AttrNumber	attno = settings->resolve_attnos[i];
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(m->rel), attno - 1);
		char	   *name = NameStr(att->attname);
		JsonbValue	buffer;
		JsonbValue *value = NULL;
		bool		was_null;
		Datum		before = slot_getattr(m->slot, attno, &was_null);
		Datum		after = (Datum) 0;
		bool		is_null;

		require_right(m, attno, ACL_UPDATE);
		if (object != NULL)
			value = getKeyJsonValueFromContainer(&object->root, name, strlen(name), &buffer);
		if (object != NULL && value == NULL)
			continue;
		is_null = value != NULL && value->type == jbvNull;
		if (!is_null)
			after = column_value(m->rel, attno, target, object);
		if (is_null == was_null &&
			(is_null || datum_image_eq(before, after, att->attbyval, att->attlen)))
			continue;
		m->changed[m->nchanged] = attno;
		m->nulls[m->nchanged] = is_null;
		m->values[m->nchanged++] = after;
	}
}

/*
 * By which columns the row comes to its dossier: those of its function, else the first
 * key that is not NULL; false: none.
 */
bool
casus_movecolumn_choose(CasusMove *m, const CasusSettings *settings, const char *target)
{
	Jsonb	   *object = NULL;

	if (settings->resolve_name != NULL)
	{
		choose_resolved(m, settings, target);
		return true;
	}
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
		return false;
	if (m->nchanged > 1)
		object = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(target)));
	for (int i = 0; i < m->nchanged; i++)
	{
		require_right(m, m->changed[i], ACL_UPDATE);
		m->values[i] = column_value(m->rel, m->changed[i], target, object);
	}
	return true;
}

/* The row as it becomes, but for its label. */
void
casus_movecolumn_apply(CasusMove *m)
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
		slot->tts_isnull[m->changed[i] - 1] = m->nulls[i];
	}
	ExecStoreVirtualTuple(slot);
}
