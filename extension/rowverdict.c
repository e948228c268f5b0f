/*
 * rowverdict.c
 *		The write verdict on one row, and the label of a row that is governed.
 *
 * The dossier's row is locked FOR SHARE before the verdict, once per
 * transaction, so that a change of phase waits for us and not the reverse.
 *
 * Private to the backend: the transaction in which a row waits for a parent that
 * is hidden.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "rows.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"

PG_FUNCTION_INFO_V1(casus_sql_finds_parent);

static TransactionId hidden_xact = InvalidTransactionId;

#define NO_PARENT _("there is no parent row to take the dossier from")
#define NO_PARENT_CHECK _("the parent row is not there, or not for you")

/*
 * The files of a table are known to whoever writes it; whose dossier a row
 * would belong to is not, so that a hidden parent and a missing one are
 * refused under the same article.
 *
 * In observe mode what would be refused is recorded and let pass. Returns
 * only then.
 */
void
casus_rowverdict_refuse(CasusRow *row, const char *code, const char *message,
						const char *check, const char *hint)
{
	if (row->prot->mode != CASUS_MODE_OBSERVE)
		casus_check_refuse_table(row->prot, code, message, check, hint);
	casus_accesslog_event("would_refuse", row->prot->relid, row->dossier.id,
						  code, message);
}

/* The same by the protocol of the row's own dossier, which the caller may know of. */
void
casus_rowverdict_refuse_under(CasusRow *row, const char *article, const char *code,
							  const char *message, const char *check, const char *hint)
{
	if (row->prot->mode != CASUS_MODE_OBSERVE)
		casus_refuse_table(row->prot->family, code, message,
						   casus_check_detail(row->protocol, code, article, check), hint);
	casus_accesslog_event("would_refuse", row->prot->relid, row->dossier.id,
						  code, message);
}

/* It tells of the tables and the caller alone. */
static char *
hint_parent(const CasusVia *via)
{
	if (via != NULL && !OidIsValid(via->parent))
		return _("The foreign key to the parent is gone: "
				 "SELECT finding, mend FROM casus.doctor() WHERE code = 'lost_key';  -- as casus_admin");
	if (casus_context_entered() == NULL)
		return CASUS_HINT_ENTER;
	if (via == NULL)
		return NULL;
	return psprintf("SELECT * FROM %s;  -- the rows to hang it on; the parent comes first",
					casus_relation_ddl_name(via->parent));
}

void
casus_rowverdict_no_parent(CasusRow *row)
{
	if (row->settings != NULL && row->settings->resolve_name != NULL)
		casus_rowverdict_refuse(row, "no_parent", _("the dossier of this row is not known"),
								_("the function that names it gives none, or has failed"), NULL);
	else
		casus_rowverdict_refuse(row, "no_parent", NO_PARENT, NO_PARENT_CHECK,
								hint_parent(row->settings != NULL && row->settings->nvia > 0 ?
											&row->settings->via[0] : NULL));
}

static void
no_purpose(CasusRow *row)
{
	casus_rowverdict_refuse(row, "no_purpose", _("no purpose has been entered for this file"),
							_("a governed row is written in a capacity only"),
							CASUS_HINT_ENTER);
}

/*
 * A row that its own predicate leaves outside the protocol hangs on its parent
 * all the same: one that is hidden answers as one that is missing, at once or,
 * where the key is deferrable, at commit.  In observe mode nothing is hidden.
 */
bool
casus_rowverdict_wants_parent(const CasusRow *row, const CasusPlace *place)
{
	if (place->kind != CASUS_PLACE_OUTSIDE || place->above == CASUS_PLACE_OUTSIDE ||
		row->prot->mode != CASUS_MODE_ENFORCE || casus_label_is_own_pending(&place->parent_raw))
		return false;
	if (place->has_parent && casus_policy_permits(&place->parent_raw))
		return false;
	if (place->above != CASUS_PLACE_NO_PARENT && place->via->deferrable)
		hidden_xact = GetTopTransactionId();
	return true;
}

/*
 * The check of a deferrable key may come before the commit, where the row still
 * waits for its parent: while one does in this transaction, the check finds no
 * parent that is hidden.  Put into its query by guard_query.c.
 */
Datum
casus_sql_finds_parent(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *raw;

	if (likely(!TransactionIdIsValid(hidden_xact)) ||
		!TransactionIdEquals(hidden_xact, GetTopTransactionIdIfAny()))
		PG_RETURN_BOOL(true);
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	raw = PG_GETARG_UUID_P(0);
	PG_RETURN_BOOL(casus_label_is_own_pending(raw) || casus_policy_permits(raw));
}

/* ---- the dossier, the capacity, the verdict ---- */

/* Locks and loads the dossier; false: there is none. */
bool
casus_rowverdict_hold(CasusRow *row, int64 id)
{
	if (id <= 0 || !casus_dossier_lock(id, LockTupleShare) ||
		!casus_dossier_load(id, &row->dossier))
		return false;
	row->protocol = casus_protocol(casus_find_protocol_of(row->dossier.file));
	row->capacity = casus_context_for_file(row->dossier.file);
	return true;
}

static void
refuse_verdict(CasusRow *row, const CasusReason *reason, const char *verb)
{
	casus_rowverdict_refuse_under(row, reason->article,
								  reason->code != NULL ? reason->code : "wrong_phase",
								  psprintf(_("this row may not be %s"), verb),
								  reason->text, reason->hint);
}

/*
 * Who may not see the parent hears what he would hear if it did not exist,
 * and when he would hear it: at commit where the foreign key is deferrable.
 */
static void
deny_parent(CasusRow *row)
{
	if (row->may_wait)
	{
		row->waits = true;
		hidden_xact = GetTopTransactionId();
	}
	else
		casus_rowverdict_no_parent(row);
}

/*
 * So with a dossier that the row names itself: one that the caller may not know
 * of answers as one that is not there.
 */
static bool
names_unknown(const CasusPlace *place)
{
	CasusDossier state;

	return place->kind == CASUS_PLACE_DOSSIER && !place->has_parent &&
		!casus_sight_dossier(place->dossier, &state);
}

static void
deny_named(CasusRow *row, const CasusPlace *place)
{
	row->protocol = casus_protocol(casus_find_protocol_of(place->fs->id));
	if (casus_context_for_file(place->fs->id) == NULL)
		no_purpose(row);
	else
		casus_rowverdict_refuse_under(row, NULL, "not_involved",
									  _("this row may not be brought in"),
									  _("the dossier does not exist, or this office is not involved in it"),
									  "SELECT * FROM casus.dossier;");
}

/* The supply verdict. */
static bool
judge_supply(CasusRow *row, const CasusLabel *label, const CasusPlace *place)
{
	CasusReason reason = {0};

	if (row->capacity != NULL &&
		casus_policy_explain(row->capacity, label, CASUS_SUPPLY, &reason))
		return true;
	if (place->has_parent && !casus_policy_permits(&place->parent_raw))
		deny_parent(row);
	else if (names_unknown(place))
		deny_named(row, place);
	else if (row->capacity == NULL)
		no_purpose(row);
	else
		refuse_verdict(row, &reason, _("brought in"));
	return false;
}

/*
 * And the columns of a category of their own, by name; old: NULL for a row that
 * is brought in.
 */
void
casus_rowverdict_columns(CasusRow *row, const CasusLabel *label, TupleTableSlot *old)
{
	CasusReason reason = {0};
	AttrNumber	attno = casus_rowcolumn_barred(row->prot, row->rel, row->slot, old,
											   old != NULL ? row->named : NULL, row->capacity,
											   label, row->dossier.file, &reason);

	if (attno == 0)
		return;
	casus_rowverdict_refuse_under(row, reason.article,
								  reason.code != NULL ? reason.code : "wrong_category",
								  psprintf(old == NULL ? _("column \"%s\" of this row may not be brought in") :
										   _("column \"%s\" of this row may not be changed"),
										   get_attname(RelationGetRelid(row->rel), attno, false)),
								  reason.text, reason.hint);
}

/* On record: of a row of several dossiers the write is one of each of them. */
void
casus_rowverdict_note(CasusRow *row, const CasusLabel *label, CasusVerb verb)
{
	int64	   *others;
	int			n = label->linked ? casus_dossier_linked(label->dossier, label->item, &others) : 0;

	casus_accesslog_note_write(row->prot->family, label->dossier, verb);
	for (int i = 0; i < n; i++)
		casus_accesslog_note_write(row->prot->family, others[i], verb);
}

/* correct and remove; what this transaction inserted it may change. */
void
casus_rowverdict_change(CasusRow *row, const pg_uuid_t *raw, CasusVerb verb)
{
	CasusLabel	label;
	CasusReason reason = {0};
	const char *word = verb == CASUS_CORRECT ? _("changed") : _("removed");

	if (casus_label_unpack(raw, &label) != CASUS_LABEL_GOVERNED || row->prot->foreign)
	{
		casus_rowverdict_refuse(row, "label",
								psprintf(_("this row may not be %s"), word),
								_("its label is not one of this installation"), NULL);
		return;
	}
	if (casus_policy_inserted_here(label.dossier, label.item))
		return;
	if (!casus_rowverdict_hold(row, label.dossier))
		casus_rowverdict_refuse(row, "label",
								psprintf(_("this row may not be %s"), word),
								_("the dossier of its label is not there"), NULL);
	else if (row->capacity == NULL)
		no_purpose(row);
	else if (!casus_policy_explain(row->capacity, &label, verb, &reason))
	{
		/* A row that is hidden says nothing about its phase or its parties. */
		if (!casus_policy_permits(raw))
			casus_rowverdict_refuse(row, "no_appointment",
									psprintf(_("this row may not be %s"), word),
									_("it is not a row that your office reads"), CASUS_HINT_ENTER);
		else
			refuse_verdict(row, &reason, word);
	}
}

/* ---- a label for a row ---- */

/* Does the dossier of the context still wait for its root row? Then this is it. */
static int64
waiting_dossier(CasusRow *row, int32 file)
{
	const CasusCapacity *entered = casus_context_entered();
	CasusQuery	query;
	int64		id = 0;

	if (entered == NULL || entered->dossier == 0 || entered->file != file)
		return 0;
	casus_query_begin(&query);
	casus_query_int64(&query, entered->dossier);
	casus_query_run(&query, "SELECT root_relation IS NULL FROM casus_cat.dossier WHERE id = $1");
	if (query.nrows == 1 && casus_query_get_bool(&query, 0, 1))
		id = entered->dossier;
	casus_query_end(&query);
	return id;
}

/* The row's primary key as text, values of several columns as a row. */
char *
casus_rowverdict_key(Relation rel, TupleTableSlot *slot)
{
	Bitmapset  *columns = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	StringInfoData buf;
	int			i = -1;

	initStringInfo(&buf);
	while ((i = bms_next_member(columns, i)) >= 0)
	{
		AttrNumber	attno = i + FirstLowInvalidHeapAttributeNumber;
		Oid			function;
		bool		varlena;
		bool		isnull;
		Datum		value = slot_getattr(slot, attno, &isnull);

		getTypeOutputInfo(TupleDescAttr(RelationGetDescr(rel), attno - 1)->atttypid,
						  &function, &varlena);
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? "," : "",
						 isnull ? "" : OidOutputFunctionCall(function, value));
	}
	return buf.data;
}

void
casus_rowverdict_note_root(Relation rel, TupleTableSlot *slot, int64 dossier)
{
	CasusQuery	query;

	casus_query_begin(&query);
	casus_query_text(&query, casus_relation_ddl_name(RelationGetRelid(rel)));
	casus_query_text(&query, casus_rowverdict_key(rel, slot));
	casus_query_int64(&query, dossier);
	casus_query_run(&query, "UPDATE casus_cat.dossier SET root_relation = $1, root_key = $2 WHERE id = $3");
	casus_query_end(&query);
}

/* Root rows: the dossier that waits for this row, else a new one. 0: refused in observe. */
static int64
open_root(CasusRow *row, const CasusPlace *place)
{
	CasusActRefusal refusal;
	int64		id;

	row->capacity = casus_context_for_file(place->fs->id);
	if (row->capacity == NULL)
	{
		no_purpose(row);
		return 0;
	}
	id = waiting_dossier(row, place->fs->id);
	if (id == 0 && row->prot->mode == CASUS_MODE_OBSERVE &&
		!casus_act_may_open(place->fs->id, &refusal))
	{
		casus_rowverdict_refuse(row, refusal.code, refusal.message, NULL, NULL);
		return 0;
	}
	if (id == 0)
		id = casus_act_open_dossier(place->fs->id, NULL, NULL);
	casus_rowverdict_note_root(row->rel, row->slot, id);
	return id;
}

/* Fills the label from settings, row and dossier. False: refused in observe. */
static bool
make_label(CasusRow *row, const CasusPlace *place, CasusLabel *label)
{
	const char *article;
	const char *why;

	memset(label, 0, sizeof(CasusLabel));
	label->dossier = row->dossier.id;
	label->phase = row->dossier.phase;
	label->party = row->capacity != NULL ? row->capacity->party : 0;
	why = casus_rowcodes_apply(row->settings, place->fs, row->dossier.file,
							   row->protocol, row->slot,
							   place->has_parent ? &place->parent : NULL,
							   label, &article);
	if (why != NULL)
	{
		/* Also here: nobody learns of a parent that is hidden from him. */
		if (place->has_parent && !casus_policy_permits(&place->parent_raw))
			deny_parent(row);
		else if (names_unknown(place))
			deny_named(row, place);
		else
			casus_rowverdict_refuse_under(row, article, "wrong_category",
										  _("these data may not be kept in this dossier"),
										  why, NULL);
		return false;
	}
	label->item = row->settings->inherit_item && place->has_parent ?
		place->parent.item : casus_next_item();
	label->linked = row->settings->inherit_item && place->has_parent && place->parent.linked;
	return true;
}

/*
 * casus.move() takes the parent elsewhere under a lock on both dossiers: what
 * was read of it before we had ours may no longer be so.
 */
static void
check_not_moved(CasusRow *row, const CasusPlace *place)
{
	pg_uuid_t	now;

	if (!place->has_parent || place->via == NULL ||
		(casus_rowparent_label(place->via, row->slot, &now, NULL) == CASUS_FOUND_LABEL &&
		 memcmp(&now, &place->parent_raw, UUID_LEN) == 0))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("the parent row was changed at the same time"),
			 errhint("Try again.")));
}

static bool
give_label(CasusRow *row, const CasusPlace *place, pg_uuid_t *raw)
{
	CasusLabel	label;
	int64		id = place->kind == CASUS_PLACE_ROOT ? open_root(row, place) : place->dossier;

	bool		waited = !casus_dossier_held(id);

	if (id == 0)
		return false;
	if (!casus_rowverdict_hold(row, id))
	{
		if (place->kind == CASUS_PLACE_DOSSIER && !place->has_parent)
			deny_named(row, place);
		else
			casus_rowverdict_no_parent(row);
		return false;
	}
	if (waited)
		check_not_moved(row, place);
	if (!make_label(row, place, &label) || !judge_supply(row, &label, place))
		return false;
	casus_rowverdict_columns(row, &label, NULL);
	casus_label_pack(&label, raw);
	/* A row of its parent's item brings in no item: the whole of it would open. */
	if (!row->settings->inherit_item || !place->has_parent)
		casus_policy_note_insert(label.dossier, label.item);
	casus_rowverdict_note(row, &label, CASUS_SUPPLY);
	return true;
}

/* In observe a row that gets no label is stored, but opens no dossier. */
static bool
give_label_or_undo(CasusRow *row, const CasusPlace *place, pg_uuid_t *raw)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	volatile bool labelled = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		labelled = give_label(row, place, raw);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (labelled)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	if (error != NULL)
		ReThrowError(error);
	return labelled;
}

/*
 * Labels a row that is new, or new to the protocol. False: it stays without a
 * label (observe mode only).
 */
bool
casus_rowverdict_label(CasusRow *row, const CasusPlace *place, pg_uuid_t *raw)
{
	return place->kind == CASUS_PLACE_ROOT && row->prot->mode == CASUS_MODE_OBSERVE ?
		give_label_or_undo(row, place, raw) : give_label(row, place, raw);
}

/* Its rows may be of several dossiers: see rowlink.c. */
static bool
is_linked_table(const CasusProtected *prot)
{
	return prot->settings != NULL && ((const CasusSettings *) prot->settings)->links;
}

/* A governed child makes its parent governed (multi-table inheritance). */
void
casus_rowverdict_relabel_parents(CasusRow *row, const pg_uuid_t *raw)
{
	for (int i = 0; i < row->settings->nrelabels; i++)
	{
		const CasusVia *via = &row->settings->relabels[i];
		const CasusProtected *other;
		Relation	parent;
		pg_uuid_t	now;
		CasusSpot	spot;
		CasusLabel	label;
		CasusLabel	ours;
		CasusFound	found;
		bool		governed;

		other = OidIsValid(via->parent) ? casus_registry_find(via->parent) : NULL;
		if (other == NULL || is_linked_table(other) || !casus_rowparent_has_key(via, row->slot))
			continue;
		(void) casus_label_unpack(raw, &ours);
		found = casus_rowparent_label(via, row->slot, &now, &spot);
		governed = found == CASUS_FOUND_LABEL &&
			casus_label_unpack(&now, &label) == CASUS_LABEL_GOVERNED;
		if (found == CASUS_FOUND_NOTHING || (governed && label.dossier != ours.dossier))
			casus_rowverdict_refuse(row, "no_parent", NO_PARENT, NO_PARENT_CHECK, hint_parent(via));
		if (found == CASUS_FOUND_NOTHING || governed)
			continue;
		parent = table_open(spot.relid, RowExclusiveLock);
		(void) casus_rowlabel_set(parent, &spot.tid, raw);
		table_close(parent, NoLock);
	}
}

/* Has every parent that the row in slot should label a governed label? */
static bool
parents_are_labelled(CasusRow *row)
{
	for (int i = 0; i < row->settings->nrelabels; i++)
	{
		const CasusVia *via = &row->settings->relabels[i];
		pg_uuid_t	raw;
		CasusLabel	label;

		if (!OidIsValid(via->parent) || casus_registry_find(via->parent) == NULL ||
			is_linked_table(casus_registry_find(via->parent)) ||
			!casus_rowparent_has_key(via, row->slot))
			continue;
		if (casus_rowparent_label(via, row->slot, &raw, NULL) != CASUS_FOUND_LABEL ||
			casus_label_unpack(&raw, &label) != CASUS_LABEL_GOVERNED)
			return false;
	}
	return true;
}

static bool
relabel_if_new(CasusRow *row, const pg_uuid_t *raw, const CasusLabel *label, bool write)
{
	if (parents_are_labelled(row))
		return false;
	if (write)
		casus_rowverdict_relabel_parents(row, raw);
	return true;
}

/*
 * Goes through the governed rows of a table that labels its parents.  With
 * write the parents that have no label yet get theirs; returns the number of
 * rows whose parent had none.
 */
int64
casus_rowverdict_relabel_all(const CasusProtected *prot, bool write)
{
	return casus_rowwalk_governed(prot, relabel_if_new, write);
}
