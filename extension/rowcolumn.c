/*
 * rowcolumn.c
 *		The write verdict per column: may the capacity bring in, or correct,
 *		what the row says in columns whose data are of a category of their own?
 *
 * Asked beside the verdict on the row, for the columns that get a value (of a
 * row that is new) or another one (of a row that is there).  NULL and '' say
 * nothing, nor does a constant default of the table, whoever leaves the column
 * out.  A generated column says what others say.  Who may not read the column
 * does not name it either: that a value may stay would tell him that it is the
 * same.
 *
 * Keeps nothing between calls, takes no lock: the dossier is locked by then.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "rows.h"

#include "access/sysattr.h"
#include "column.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

/* Is the value the table's own constant default? */
static bool
is_default(Relation rel, AttrNumber attno, Datum value)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attno - 1);
	Node	   *expr = att->atthasdef ? build_column_default(rel, attno) : NULL;

	if (expr == NULL)
		return false;
	expr = eval_const_expressions(NULL, expr);
	return IsA(expr, Const) && !((Const *) expr)->constisnull &&
		datum_image_eq(((Const *) expr)->constvalue, value, att->attbyval, att->attlen);
}

/* Does the new row say something here that the old one, if any, did not? */
static bool
is_said(Relation rel, AttrNumber attno, TupleTableSlot *new, TupleTableSlot *old)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attno - 1);
	bool		isnull;
	bool		was_null;
	Datum		value = slot_getattr(new, attno, &isnull);
	Datum		was;

	if (old == NULL)
		return casus_rowcodes_has_value(new, attno) && !is_default(rel, attno, value);
	was = slot_getattr(old, attno, &was_null);
	return isnull != was_null ||
		(!isnull && !datum_image_eq(value, was, att->attbyval, att->attlen));
}

static bool
may_say(const CasusProtected *prot, AttrNumber attno, const CasusCapacity *capacity,
		const CasusLabel *label, int32 file, CasusVerb verb, CasusReason *reason)
{
	uint64		categories;
	CasusLabel	as = *label;

	if (!casus_column_categories(prot, attno, file, &categories))
	{
		reason->code = "wrong_category";
		reason->text = _("the protocol does not know the category of the column");
		return false;
	}
	while (categories != 0)
	{
		as.category = pg_rightmost_one_pos64(categories);
		categories &= categories - 1;
		if (!casus_policy_explain(capacity, &as, verb, reason))
			return false;
	}
	return true;
}

/*
 * The first column that the capacity may not write so; 0: none.  A row that
 * this transaction has brought in is still being brought in.
 */
AttrNumber
casus_rowcolumn_barred(const CasusProtected *prot, Relation rel, TupleTableSlot *new,
					   TupleTableSlot *old, const Bitmapset *named,
					   const CasusCapacity *capacity, const CasusLabel *label, int32 file,
					   CasusReason *reason)
{
	CasusVerb	verb = old == NULL ||
		casus_policy_inserted_here(label->dossier, label->item) ? CASUS_SUPPLY : CASUS_CORRECT;
	Bitmapset  *columns = casus_column_all(prot);
	int			attno = -1;

	while ((attno = bms_next_member(columns, attno)) >= 0)
	{
		if (TupleDescAttr(RelationGetDescr(rel), attno - 1)->attgenerated != '\0')
			continue;
		if ((is_said(rel, attno, new, old) ||
			 (bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, named) &&
			  !may_say(prot, attno, capacity, label, file, CASUS_READ, reason))) &&
			!may_say(prot, attno, capacity, label, file, verb, reason))
			break;
	}
	bms_free(columns);
	return attno < 0 ? 0 : attno;
}
