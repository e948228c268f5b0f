/*
 * guard_column.c
 *		Columns of a category of their own: the values that a reader may not see
 *		are NULL to whatever a statement computes, and a statement that names a
 *		column which he may never read is refused by that name.
 *
 * Before planning, each reference to such a column becomes
 *
 *		CASE WHEN casus_int.column_permits(casus_label, table, column) THEN column END
 *
 * wherever it stands (guard_mask.c).  What it answers is decided row by row, so a plan may be kept
 * and used for anybody.  Only a column that every rule for reading lets read is
 * left as it is; then the plan depends on the rules.
 *
 * What was done, and which columns the statement names outside views, travels
 * with the plan as inval items of no cache.  At executor start the first is
 * compared with what must have been done, and the second with the capacity.
 *
 * Nothing is kept between statements.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "column.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* In an inval item: minus the column's number, with the relation as hash value. */
#define ITEM_NAMED		(-10000)
#define ITEM_MASKED		(-20000)

typedef struct Found
{
	List	   *tables;			/* CasusMaskedTable */
	List	   *items;			/* for the plan */
} Found;

StaticAssertDecl(ITEM_NAMED - MaxHeapAttributeNumber > ITEM_MASKED,
				 "a column's number reaches from one kind of item into the next");

/* ---- which tables and columns ---- */

static void
add_item(Found *found, int kind, Oid relid, AttrNumber attno)
{
	PlanInvalItem *item = makeNode(PlanInvalItem);

	item->cacheId = kind - attno;
	item->hashValue = relid;
	found->items = lappend(found->items, item);
}

static bool
has_item(const PlannedStmt *plan, int kind, Oid relid, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, plan->invalItems)
	{
		PlanInvalItem *item = lfirst(lc);

		if (item->cacheId == kind - attno && item->hashValue == relid)
			return true;
	}
	return false;
}

static const CasusProtected *
find_in_mode(Oid relid, CasusMode least)
{
	const CasusProtected *prot;

	if (casus_guard_is_plain(relid))
		return NULL;
	prot = casus_registry_find(relid);
	return prot != NULL && prot->mode >= least &&
		prot->label_attno != InvalidAttrNumber ? prot : NULL;
}

static const CasusProtected *
find_protected(Oid relid)
{
	return find_in_mode(relid, CASUS_MODE_ENFORCE);
}

static void
add_table(Found *found, const CasusProtected *prot, Bitmapset *columns)
{
	CasusMaskedTable *table = palloc0(sizeof(CasusMaskedTable));
	int			attno = -1;

	table->relid = prot->relid;
	table->label = prot->label_attno;
	while ((attno = bms_next_member(columns, attno)) >= 0)
	{
		if (casus_column_is_open(prot, attno))
			continue;
		table->masked = bms_add_member(table->masked, attno);
		add_item(found, ITEM_MASKED, prot->relid, attno);
	}
	found->tables = lappend(found->tables, table);
}

/* Is the table written to in the place of a view, which is still in the list? */
static bool
is_below_view(Query *query, Index rtindex)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rtindex == query->resultRelation && rte->rtekind == RTE_RELATION &&
			rte->relkind == RELKIND_VIEW)
			return true;
	}
	return false;
}

/*
 * What the statement itself names.  A view's columns are named by the view; who
 * inserts a row may see it in RETURNING, unless it may be another's.
 */
static void
add_named(Found *found, Query *query, RangeTblEntry *rte, Index rtindex,
		  Bitmapset *columns)
{
	Bitmapset  *selected;
	int			attno = -1;

	if (query->commandType == CMD_INSERT && query->onConflict == NULL &&
		rtindex == query->resultRelation)
		return;
	selected = casus_compat_selected_columns(query, rte);
	while ((attno = bms_next_member(columns, attno)) >= 0)
	{
		if (bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, selected) ||
			bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, selected))
			add_item(found, ITEM_NAMED, rte->relid, attno);
	}
}

typedef struct Look
{
	Found	   *found;
	bool		in_view;
} Look;

static void look_at(Query *query, bool in_view, Found *found);

static bool
look_walker(Node *node, void *context)
{
	Look	   *look = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		look_at((Query *) node, look->in_view, look->found);
		return false;
	}
	return expression_tree_walker(node, look_walker, context);
}

static void
look_at(Query *query, bool in_view, Found *found)
{
	Look		look = {found, in_view};
	Index		rtindex = 0;
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		const CasusProtected *prot;
		Bitmapset  *columns;

		rtindex++;
		if (rte->rtekind == RTE_SUBQUERY)
			look_at(rte->subquery, in_view || casus_compat_is_view(rte), found);
		if (rte->rtekind != RTE_RELATION || (prot = find_protected(rte->relid)) == NULL ||
			(columns = casus_column_all(prot)) == NULL)
			continue;
		if (casus_guard_mask_table(found->tables, rte->relid) == NULL)
			add_table(found, prot, columns);
		if (!in_view && !is_below_view(query, rtindex) &&
			!OidIsValid(casus_compat_query_check_as_user(query, rte)))
			add_named(found, query, rte, rtindex, columns);
	}
	/* The planner, too, looks for sub-queries in expressions by this mark alone. */
	if (query->hasSubLinks || query->cteList != NIL)
		(void) query_tree_walker(query, look_walker, &look, QTW_IGNORE_RT_SUBQUERIES);
}

/* ---- the query ---- */

/* Masks the query in place; returns what its plan is to be stamped with. */
List *
casus_guard_column_query(Query *query)
{
	Found		found = {NIL, NIL};
	ListCell   *lc;

	look_at(query, false, &found);
	foreach(lc, found.tables)
	{
		if (((CasusMaskedTable *) lfirst(lc))->masked == NULL)
			continue;
		casus_guard_mask(query, found.tables);
		break;
	}

	/* Where no column of a table is masked now, new rules may bring it about. */
	if (found.tables != NIL && found.items == NIL)
		add_item(&found, ITEM_MASKED, InvalidOid, 0);
	return found.items;
}

/* The plan goes when the rules do. */
void
casus_guard_column_stamp(PlannedStmt *plan, List *items)
{
	if (items == NIL)
		return;
	plan->invalItems = list_concat(plan->invalItems, items);
	plan->relationOids = lappend_oid(plan->relationOids, casus_table_oid(CASUS_RULE));
	plan->relationOids = lappend_oid(plan->relationOids, casus_table_oid(CASUS_FILE));
}

/* ---- at executor start ---- */

/*
 * May nobody who reads the child's column lack what the parent's column asks for?
 * The mask of a parent is what its children are read with.
 */
static bool
asks_as_much(const CasusProtected *child, AttrNumber attno,
			 const CasusProtected *parent, AttrNumber parent_attno)
{
	for (int i = 0; i < child->nfiles; i++)
	{
		uint64		wanted;
		uint64		asked;

		if (!casus_column_categories(child, attno, child->files[i], &wanted) ||
			!casus_column_categories(parent, parent_attno, child->files[i], &asked) ||
			(wanted & ~asked) != 0)
			return false;
	}
	return true;
}

static AppendRelInfo *
parent_of(const PlannedStmt *plan, Index rtindex)
{
	ListCell   *lc;

	foreach(lc, plan->appendRelations)
	{
		AppendRelInfo *info = lfirst(lc);

		if (info->child_relid == rtindex &&
			rt_fetch(info->parent_relid, plan->rtable)->rtekind == RTE_RELATION)
			return info;
	}
	return NULL;
}

/* Does the plan mask the column, or the one of a parent that it is read as? */
static bool
masks(const PlannedStmt *plan, Index rtindex, const CasusProtected *prot, AttrNumber attno)
{
	AppendRelInfo *info;
	const CasusProtected *parent;
	AttrNumber	parent_attno;

	if (has_item(plan, ITEM_MASKED, prot->relid, attno))
		return true;
	info = parent_of(plan, rtindex);
	if (info == NULL || attno > info->num_child_cols)
		return false;
	parent_attno = info->parent_colnos[attno - 1];
	if (parent_attno == 0)
		return true;			/* the parent has no such column: nobody reads it */
	parent = find_protected(rt_fetch(info->parent_relid, plan->rtable)->relid);
	return parent != NULL && asks_as_much(prot, attno, parent, parent_attno) &&
		masks(plan, info->parent_relid, parent, parent_attno);
}

/* Restored without a part of its settings: nobody knows which columns are which. */
static void
check_whole(const CasusProtected *prot)
{
	const CasusSettings *settings = prot->settings;

	if (settings != NULL && settings->damaged)
		casus_check_refuse(casus_check_protocol_of(prot), "not_fenced",
						   _("the settings of a protected table do not fit it any more"),
						   psprintf(_("A column that those of %s name is gone, or was restored without its security label."),
									casus_guard_name(prot->relid)),
						   casus_guard_way_back(prot));
}

/* The capacity in which the session may not read the column, if that goes for all it has. */
static bool
is_barred(const CasusProtected *prot, AttrNumber attno, CasusCapacity *capacity,
		  int *category, const char **article)
{
	const CasusOpening *openings;
	int			nopenings = casus_context_openings(&openings);
	bool		barred = false;

	for (int i = 0; i < prot->nfiles; i++)
	{
		for (int j = 0; j < nopenings; j++)
		{
			if (openings[j].capacity.file == prot->files[i])
				return false;
		}
	}
	for (int i = 0; i < prot->nfiles; i++)
	{
		const CasusCapacity *one = casus_context_for_file(prot->files[i]);

		if (one == NULL)
			continue;
		*capacity = *one;
		if (!casus_column_is_barred(prot, attno, capacity, category, article))
			return false;
		barred = true;
	}
	return barred;
}

/* The columns that may be named, as a statement. */
static char *
hint_columns(const CasusProtected *prot)
{
	Relation	rel = table_open(prot->relid, NoLock);
	TupleDesc	desc = RelationGetDescr(rel);
	Bitmapset  *columns = casus_column_all(prot);
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		CasusCapacity capacity;
		const char *article;
		int			category;

		if (att->attisdropped || i + 1 == prot->label_attno ||
			(bms_is_member(i + 1, columns) &&
			 is_barred(prot, i + 1, &capacity, &category, &article)))
			continue;
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 quote_identifier(NameStr(att->attname)));
	}
	table_close(rel, NoLock);
	return psprintf("SELECT %s FROM %s;", buf.data, casus_guard_name(prot->relid));
}

static char *
named_message(Oid relid, AttrNumber attno)
{
	return psprintf(_("column \"%s\" of table %s may not be read for this purpose in this office"),
					get_attname(relid, attno, false), casus_guard_name(relid));
}

/*
 * Under observe nothing is masked, and the plan bears no stamp: the columns that
 * the statement names are those whose privilege it asks for itself.
 */
static void
observe_named(const PlannedStmt *plan, RangeTblEntry *rte, Index rtindex,
			  const CasusProtected *prot)
{
	Bitmapset  *columns = casus_column_all(prot);
	Bitmapset  *selected;
	CasusCapacity capacity;
	const char *article;
	int			category;
	int			attno = -1;

	if (columns == NULL || OidIsValid(casus_compat_check_as_user(plan, rte)) ||
		(plan->commandType == CMD_INSERT && list_member_int(plan->resultRelations, rtindex)))
		return;
	selected = casus_compat_plan_selected_columns(plan, rte);
	while ((attno = bms_next_member(columns, attno)) >= 0)
	{
		if ((bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, selected) ||
			 bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, selected)) &&
			is_barred(prot, attno, &capacity, &category, &article))
			casus_accesslog_event("would_refuse", prot->relid, 0, "wrong_category",
								  named_message(prot->relid, attno));
	}
}

static void
check_masked(const PlannedStmt *plan)
{
	Index		rtindex = 0;
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		const CasusProtected *prot;
		Bitmapset  *columns;
		int			attno = -1;

		rtindex++;
		if (rte->rtekind != RTE_RELATION ||
			(prot = find_in_mode(rte->relid, CASUS_MODE_OBSERVE)) == NULL)
			continue;
		if (prot->mode == CASUS_MODE_OBSERVE)
		{
			observe_named(plan, rte, rtindex, prot);
			continue;
		}
		check_whole(prot);
		columns = casus_column_all(prot);
		while ((attno = bms_next_member(columns, attno)) >= 0)
		{
			if (casus_column_is_open(prot, attno) || masks(plan, rtindex, prot, attno))
				continue;
			casus_check_refuse(casus_check_protocol_of(prot), "bypass",
							   _("this statement would go past the protocol"),
							   psprintf(_("Column \"%s\" of the protected table %s is read past its category, or the rules have changed since the statement was planned."),
										get_attname(prot->relid, attno, false),
										casus_guard_name(prot->relid)),
							   NULL);
		}
	}
}

static void
check_named(const PlannedStmt *plan, Oid relid, AttrNumber attno)
{
	const CasusProtected *prot = find_protected(relid);
	const CasusProtocol *protocol;
	CasusCapacity capacity;
	const char *article;
	int			category;

	if (prot == NULL || !is_barred(prot, attno, &capacity, &category, &article))
		return;
	protocol = casus_protocol(capacity.protocol);
	casus_refuse_table(prot->family, "wrong_category", named_message(relid, attno),
					   casus_check_detail(protocol, "wrong_category", article,
										  category < 0 ?
										  _("the category of the column is not known to the protocol") :
										  psprintf(_("office %s may not read category %s for purpose %s in any phase"),
												   protocol->office[capacity.office],
												   protocol->category[category],
												   protocol->purpose[capacity.purpose])),
					   hint_columns(prot));
}

void
casus_guard_column_plan(const PlannedStmt *plan)
{
	ListCell   *lc;

	check_masked(plan);
	foreach(lc, plan->invalItems)
	{
		PlanInvalItem *item = lfirst(lc);

		if (item->cacheId <= ITEM_NAMED && item->cacheId > ITEM_MASKED)
			check_named(plan, item->hashValue, ITEM_NAMED - item->cacheId);
	}
}

/* Has that anything to look at, so that a plan which has been through must come again? */
bool
casus_guard_column_asks(const PlannedStmt *plan)
{
	ListCell   *lc;

	foreach(lc, plan->invalItems)
	{
		if (((PlanInvalItem *) lfirst(lc))->cacheId < 0)
			return true;
	}
	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		const CasusProtected *prot;

		if (rte->rtekind == RTE_RELATION && (prot = casus_registry_find(rte->relid)) != NULL &&
			(prot->settings == NULL || ((CasusSettings *) prot->settings)->damaged ||
			 casus_column_all(prot) != NULL))
			return true;
	}
	return false;
}
