/*
 * guard_plan.c
 *		At executor start: every scan of a protected table carries the policy,
 *		or the statement is refused.
 *
 * This is the strongest invariant of casus.  It does not ask who runs what for
 * whom, but looks at the plan that is about to run, whoever made it and when:
 * a table reached as child of a parent, by a rewritten catalog or by another
 * library's plan node has no condition of ours, and stops here.
 *
 * What it found is kept with a plan that is kept (guard_known.c).
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/parallel.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "relation.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/rel.h"

typedef struct Check
{
	const PlannedStmt *plan;
	bool		explain_only;
	bool		ordering;		/* nothing is refused yet: the policy is put first */
	bool		by_session;		/* what was found depends on who runs it, or when */
	bool		state;			/* tables of casus are read */
	CasusKnownPlan found;		/* what does not */
} Check;

static void check_plan(Plan *plan, Check *check);

/* ---- refusals ---- */

static void
refuse_bypass(const CasusProtected *prot, const char *detail)
{
	/* Without a table it is casus' own state: a dump is the usual reader. */
	casus_check_refuse(casus_check_protocol_of(prot), "bypass",
					   _("this statement would go past the protocol"),
					   detail,
					   prot != NULL ? NULL :
					   _("For a dump: pg_dump as a login with BYPASSRLS that is a member of casus_backup."));
}

static void
refuse_without_policy(const CasusProtected *prot)
{
	if (CASUS_LAYER(plan))
		refuse_bypass(prot, psprintf(_("The protected table %s is reached without its policy, as through a parent table. "
									   "Read it by its own name."),
									 casus_guard_name(prot->relid)));
}

static void
refuse_not_fenced(const CasusProtected *prot)
{
	char	   *name = casus_guard_name(prot->relid);

	if (!CASUS_LAYER(fence))
		return;
	if (prot->foreign)
		casus_check_refuse(casus_check_protocol_of(prot), "not_fenced",
						   _("this table belongs to another installation of casus"),
						   psprintf(_("the rows of %s carry labels of another installation"), name),
						   _("Restore it together with the state of casus."));
	if (prot->settings == NULL)
		casus_check_refuse(casus_check_protocol_of(prot), "not_fenced",
						   _("this table is labelled but not fenced"),
						   psprintf(_("the table %s has labels and no settings: a copy of a protected table, or one restored without security labels"), name),
						   psprintf("DROP TABLE %s;  -- then CREATE TABLE ... AS SELECT <columns without casus_label>, or restore it with its security labels", name));
	casus_check_refuse(casus_check_protocol_of(prot), "not_fenced",
					   _("this table is labelled but not fenced"),
					   psprintf(_("the policy, the trigger or the row security of %s is not in place, as during a restore"), name),
					   psprintf("SELECT casus.bind(%s, 'enforce');", quote_literal_cstr(name)));
}

static void
refuse_no_purpose(const CasusProtected *prot)
{
	casus_check_refuse_table(prot, "no_purpose",
							 _("this table is read for a purpose only"),
							 psprintf(_("there is no context and no standing purpose for %s"), casus_guard_name(prot->relid)),
							 CASUS_HINT_ENTER);
}

static bool
has_capacity(const CasusProtected *prot)
{
	int			i;

	for (i = 0; i < prot->nfiles; i++)
	{
		if (casus_context_reads_file(prot->files[i]))
			return true;
	}
	return false;
}

/* ---- one scan ---- */

static void
check_scan(Plan *plan, Check *check)
{
	RangeTblEntry *rte = rt_fetch(((Scan *) plan)->scanrelid, check->plan->rtable);
	const CasusProtected *prot;
	int			place;

	if (rte->rtekind != RTE_RELATION)
		return;
	prot = casus_registry_find(rte->relid);
	if (prot == NULL || prot->mode != CASUS_MODE_ENFORCE)
		return;
	place = casus_guard_policy_place(plan, casus_permits_oid(), prot);
	if (check->ordering)
	{
		if (place > 0)
		{
			Node	   *permits = list_nth(plan->qual, place);

			plan->qual = lcons(permits, list_delete_nth_cell(plan->qual, place));
		}
		if (place >= 0)
			casus_guard_index_order(plan);
		return;
	}
	casus_require_preloaded();
	if (prot->foreign || !prot->fenced)
		refuse_not_fenced(prot);
	if (place != 0)
		refuse_without_policy(prot);
	if (!casus_guard_index_holds(plan))
		refuse_bypass(prot, psprintf(_("An index of the protected table %s is used in a way that looks at rows before the policy does."),
							   casus_guard_name(prot->relid)));
	if (check->found.nscans == CASUS_KNOWN_SCANS)
		check->by_session = true;
	else
	{
		check->found.scans[check->found.nscans].scan = plan;
		check->found.scans[check->found.nscans++].prot = prot;
	}
	if (casus_guard_rows_pass(prot))
		casus_guard_mark_transaction();
}

/* Nodes of other libraries, and whatever the server will invent, carry no qual that we know. */
static void
refuse_scan_of(Bitmapset *relids, Check *check)
{
	int			i = -1;

	if (check->ordering)
		return;
	check->by_session = true;
	while ((i = bms_next_member(relids, i)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(i, check->plan->rtable);
		const CasusProtected *prot;

		if (rte->rtekind != RTE_RELATION)
			continue;
		prot = casus_registry_find(rte->relid);
		if (prot != NULL && prot->mode == CASUS_MODE_ENFORCE)
			refuse_bypass(prot, psprintf(_("The protected table %s is scanned in a way that casus does not know."),
								   casus_guard_name(prot->relid)));
	}
}

static void
check_plans(List *plans, Check *check)
{
	ListCell   *lc;

	foreach(lc, plans)
		check_plan(lfirst(lc), check);
}

/* Children that are not in lefttree and righttree. */
static void
check_children(Plan *plan, Check *check)
{
	switch (nodeTag(plan))
	{
		case T_Append:
			check_plans(((Append *) plan)->appendplans, check);
			break;
		case T_MergeAppend:
			check_plans(((MergeAppend *) plan)->mergeplans, check);
			break;
		case T_BitmapAnd:
			check_plans(((BitmapAnd *) plan)->bitmapplans, check);
			break;
		case T_BitmapOr:
			check_plans(((BitmapOr *) plan)->bitmapplans, check);
			break;
		case T_SubqueryScan:
			check_plan(((SubqueryScan *) plan)->subplan, check);
			break;
		case T_CustomScan:
			check_plans(((CustomScan *) plan)->custom_plans, check);
			break;
		default:
			break;
	}
}

static void
check_plan(Plan *plan, Check *check)
{
	if (plan == NULL)
		return;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_IndexOnlyScan:
			check_scan(plan, check);
			break;
		case T_BitmapIndexScan:	/* the heap scan above it is what reads rows */
		case T_SubqueryScan:
		case T_FunctionScan:
		case T_TableFuncScan:
		case T_ValuesScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
		case T_WorkTableScan:
			break;
		case T_ForeignScan:
			refuse_scan_of(casus_compat_foreign_relids((ForeignScan *) plan), check);
			break;
		case T_CustomScan:
			refuse_scan_of(((CustomScan *) plan)->custom_relids, check);
			break;
		default:
			break;
	}
	check_children(plan, check);
	check_plan(plan->lefttree, check);
	check_plan(plan->righttree, check);
}

/* ---- relations of the statement as a whole ---- */

/* A partition that stands in the plan for a parent which a view of casus names? */
static bool
is_part_of_state(Check *check, RangeTblEntry *rte)
{
	List	   *ancestors;
	ListCell   *lc;

	/* From 16 on it has no user of its own; what a statement names asks for a right. */
	if (casus_compat_required_perms(check->plan, rte) != 0 || !get_rel_relispartition(rte->relid))
		return false;
	ancestors = get_partition_ancestors(rte->relid);
	foreach(lc, check->plan->rtable)
	{
		RangeTblEntry *parent = lfirst(lc);

		if (parent->rtekind == RTE_RELATION && list_member_oid(ancestors, parent->relid) &&
			casus_guard_is_state(parent->relid) &&
			casus_compat_check_as_user(check->plan, parent) == casus_owner_oid())
			return true;
	}
	return false;
}

/* The state of casus: through its own functions and views only. */
static void
check_state_table(Check *check, RangeTblEntry *rte)
{
	CasusGuardScope *scope = casus_guard_scope();

	if (!CASUS_LAYER(state) ||
		casus_compat_check_as_user(check->plan, rte) == casus_owner_oid() ||
		is_part_of_state(check, rte))
		return;

	/* pg_dump reads sequences by SELECT, and filtered tables by COPY of a query. */
	if (check->plan->commandType == CMD_SELECT &&
		((scope != NULL && scope->backup && !casus_guard_is_log(rte->relid)) ||
		 (get_rel_relkind(rte->relid) == RELKIND_SEQUENCE && casus_is_backup(GetUserId()))))
		return;
	if (casus_guard_is_log(rte->relid))
		casus_guard_refuse_log(rte->relid, "bypass", _("this statement would go past the protocol"));
	refuse_bypass(NULL, psprintf(_("relation %s belongs to casus; its contents are in the views and functions of schema casus."),
						   casus_guard_name(rte->relid)));
}

/* Those that let conditions of a statement below their check are for casus' own. */
static void
check_state_views(Check *check)
{
	Oid			view = casus_guard_view_named(check->plan);

	if (OidIsValid(view))
		refuse_bypass(NULL, psprintf(_("relation %s belongs to casus; its contents are in the views and functions of schema casus."),
							   casus_guard_name(view)));
}

/* Large values stand in a table of their own, without labels. */
static void
check_toast_table(Oid relid)
{
	ListCell   *lc;

	if (!CASUS_LAYER(toast) || get_rel_namespace(relid) != PG_TOAST_NAMESPACE)
		return;
	if (casus_guard_is_statistics_toast(relid))
		refuse_bypass(NULL, psprintf(_("relation %s holds values of rows of any table."),
							   casus_guard_name(relid)));
	if (casus_compat_owns_relation(relid, casus_owner_oid()))
		refuse_bypass(NULL, psprintf(_("relation %s belongs to casus; its contents are in the views and functions of schema casus."),
							   casus_guard_name(relid)));
	foreach(lc, casus_registry_tables())
	{
		Relation	rel = try_relation_open(lfirst_oid(lc), AccessShareLock);
		Oid			toast = rel == NULL ? InvalidOid : rel->rd_rel->reltoastrelid;

		if (rel != NULL)
			relation_close(rel, AccessShareLock);
		if (toast == relid)
			refuse_bypass(NULL, psprintf(_("relation %s holds values of the protected table %s."),
								   casus_guard_name(relid), casus_guard_name(lfirst_oid(lc))));
	}
}

static void
check_relations(Check *check)
{
	ListCell   *lc;

	foreach(lc, check->plan->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind != RTE_RELATION)
			continue;
		if (rte->relkind == RELKIND_TOASTVALUE)
		{
			check->by_session = true;
			check_toast_table(rte->relid);
		}
		else if (rte->relkind == RELKIND_FOREIGN_TABLE)
		{
			check->by_session = true;
			casus_guard_file_table(rte->relid);
		}
		else if (!casus_guard_is_plain(rte->relid) && casus_guard_is_state(rte->relid))
		{
			check->by_session = check->state = true;
			check_state_table(check, rte);
		}
	}
	if (check->state)
		check_state_views(check);
}

/*
 * A plain statement of an extension's script; not what an event trigger or a
 * function of somebody else does while the script runs.
 */
static bool
is_of_script(void)
{
	CasusGuardScope *scope = casus_guard_scope();

	return IsBinaryUpgrade ||
		(creating_extension && scope != NULL &&
		 (scope->tag == T_CreateExtensionStmt || scope->tag == T_AlterExtensionStmt));
}

/*
 * What is written: a protected table only with its trigger in place, and no
 * system catalog, in which every protection is a row.
 */
static void
check_results(Check *check)
{
	ListCell   *lc;

	foreach(lc, check->plan->resultRelations)
	{
		Oid			relid = rt_fetch(lfirst_int(lc), check->plan->rtable)->relid;
		const CasusProtected *prot;

		if (relid < FirstNormalObjectId)
		{
			check->by_session = true;
			if (CASUS_LAYER(catalog) && !is_of_script())
				refuse_bypass(NULL, psprintf(_("The system catalog %s cannot be written while casus is in this database."),
									   get_rel_name(relid)));
			continue;
		}
		prot = casus_registry_find(relid);
		if (prot == NULL || prot->mode != CASUS_MODE_ENFORCE)
			continue;
		casus_require_preloaded();
		if (prot->foreign || !prot->fenced)
			refuse_not_fenced(prot);
	}
}

/*
 * A purpose is asked for every protected table that the statement names to read
 * from, whether or not the planner has found that it need not be scanned: that
 * depends on the version, on keys and on constants.  An entry without demanded
 * privileges is a child of one that has them, or belongs to a rule.
 */
static void
check_purposes(Check *check)
{
	ListCell   *lc;

	if (check->explain_only || !CASUS_LAYER(purpose))
		return;
	foreach(lc, check->plan->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		const CasusProtected *prot;
		AclMode		demanded;

		if (rte->rtekind != RTE_RELATION)
			continue;
		prot = casus_registry_find(rte->relid);
		if (prot == NULL || prot->mode != CASUS_MODE_ENFORCE || prot->hide)
			continue;
		demanded = casus_compat_required_perms(check->plan, rte);
		if (demanded != 0 && (demanded & ACL_INSERT) == 0 && !has_capacity(prot))
			refuse_no_purpose(prot);
	}
}

/* It runs without workers: a plan may be shared, so that a copy is changed. */
void
casus_guard_plan_serial(QueryDesc *query)
{
	PlannedStmt *copy = palloc(sizeof(PlannedStmt));

	memcpy(copy, query->plannedstmt, sizeof(PlannedStmt));
	copy->parallelModeNeeded = false;
	query->plannedstmt = copy;
}

/* A plan from before this transaction inserted may be parallel: workers would miss those rows. */
static void
keep_serial(QueryDesc *query)
{
	if (query->plannedstmt->parallelModeNeeded && casus_policy_any_insert())
		casus_guard_plan_serial(query);
}

/*
 * A function that a superuser calls leakproof is run before the policy by the
 * planner's leave, and could show what it is given: the policy goes first.
 */
void
casus_guard_plan_order(PlannedStmt *plan)
{
	Check		check = {0};
	ListCell   *lc;

	check.plan = plan;
	check.ordering = true;
	if (!CASUS_LAYER(plan) || !casus_guard_touches(plan))
		return;
	check_plan(plan->planTree, &check);
	foreach(lc, plan->subplans)
		check_plan(lfirst(lc), &check);
}

static void
check_whole(Check *check)
{
	uint64		as_of = casus_guard_known_now();
	ListCell   *lc;

	check_relations(check);
	check_results(check);
	if (!casus_registry_empty())
	{
		check_plan(check->plan->planTree, check);
		foreach(lc, check->plan->subplans)
			check_plan(lfirst(lc), check);
	}
	check->found.touches = casus_guard_look_touches(check->plan);
	if (!check->by_session)
		casus_guard_known_keep(check->plan, &check->found, as_of);
}

/*
 * A plan that has been through: that the policy is where it was is seen at a
 * glance, and what may pass is asked again.
 */
static void
check_known(const CasusKnownPlan *known)
{
	for (int i = 0; i < known->nscans; i++)
	{
		if (casus_guard_policy_place(known->scans[i].scan, casus_permits_oid(),
									 known->scans[i].prot) != 0)
			refuse_without_policy(known->scans[i].prot);
		if (casus_guard_rows_pass(known->scans[i].prot))
			casus_guard_mark_transaction();
	}
}

void
casus_guard_plan(QueryDesc *query, int eflags)
{
	PlannedStmt *plan = query->plannedstmt;
	const CasusKnownPlan *known = casus_guard_known_find(plan);
	Check		check;

	if (casus_guard_ri_plan(plan) ||
		casus_guard_validate_starts(query->sourceText))
		return;
	if (known != NULL)
		check_known(known);
	if (known != NULL && !known->asks && !known->columns)
	{
		if (known->touches)
			keep_serial(query);
		return;
	}
	memset(&check, 0, sizeof(check));
	check.plan = plan;
	check.explain_only = (eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0;
	if (known == NULL)
		check_whole(&check);
	if (casus_registry_empty())
		return;
	check_purposes(&check);
	if (casus_guard_touches(plan))
	{
		if (CASUS_LAYER(column))
			casus_guard_column_plan(plan);
		keep_serial(query);
	}
}

bool
casus_guard_look_touches(const PlannedStmt *plan)
{
	ListCell   *lc;

	if (casus_registry_empty())
		return false;
	/* A parallel worker is given the range table alone. */
	if (IsParallelWorker())
	{
		foreach(lc, plan->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			if (rte->rtekind == RTE_RELATION &&
				casus_registry_find(rte->relid) != NULL)
				return true;
		}
		return false;
	}
	foreach(lc, plan->relationOids)
	{
		if (casus_registry_find(lfirst_oid(lc)) != NULL)
			return true;
	}
	return false;
}
