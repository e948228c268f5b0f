/*
 * compat.h
 *		Every difference between PostgreSQL versions, and no other file tests
 *		PG_VERSION_NUM.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_COMPAT_H
#define CASUS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "casus needs PostgreSQL 15 or later"
#endif

/* 18 writes pg_noreturn in front of the declaration instead. */
#ifndef pg_attribute_noreturn
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* 17 takes the oid of the catalog instead of the open catalog. */
#if PG_VERSION_NUM >= 170000
#define CASUS_OWNER_BY_CLASS 1
#endif

/* 17 numbers its PGPROCs in a variable of its own and moves lxid. */
#if PG_VERSION_NUM >= 170000
#define CASUS_PROC_NUMBER(proc) GetNumberFromPGProc(proc)
#else
#define CASUS_PROC_NUMBER(proc) ((proc)->pgprocno)
#endif

/*
 * One range table entry for an executor state made by hand.  16 moves the
 * column sets out of the entry, 18 wants to know what was not pruned.
 */
#if PG_VERSION_NUM >= 180000
#define casus_compat_init_range_table(estate, rte) \
	do { \
		List *perminfos_ = NIL; \
		(void) addRTEPermissionInfo(&perminfos_, (rte)); \
		ExecInitRangeTable((estate), list_make1(rte), perminfos_, bms_make_singleton(1)); \
	} while (0)
#elif PG_VERSION_NUM >= 160000
#define casus_compat_init_range_table(estate, rte) \
	do { \
		List *perminfos_ = NIL; \
		(void) addRTEPermissionInfo(&perminfos_, (rte)); \
		ExecInitRangeTable((estate), list_make1(rte), perminfos_); \
	} while (0)
#else
#define casus_compat_init_range_table(estate, rte) \
	ExecInitRangeTable((estate), list_make1(rte))
#endif

#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "common/string.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
#include "parser/parse_relation.h"
#include "utils/acl.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

/* 18 leaves it to the caller whether a deferrable primary key counts: it does not, as before. */
static inline Oid
casus_compat_primary_key(Relation rel)
{
#if PG_VERSION_NUM >= 180000
	return RelationGetPrimaryKeyIndex(rel, false);
#else
	return RelationGetPrimaryKeyIndex(rel);
#endif
}

/* Has TRUNCATE, or a rewrite, in this transaction given it a new file?  16 renames the field. */
static inline bool
casus_compat_has_new_file(Relation rel)
{
#if PG_VERSION_NUM >= 160000
	return rel->rd_firstRelfilelocatorSubid != InvalidSubTransactionId;
#else
	return rel->rd_firstRelfilenodeSubid != InvalidSubTransactionId;
#endif
}

/* 18 has foreign keys that nobody enforces, and keys over periods of time. */
static inline bool
casus_compat_key_holds(Form_pg_constraint constraint)
{
#if PG_VERSION_NUM >= 180000
	return constraint->conenforced && !constraint->conperiod;
#else
	return true;
#endif
}

static inline bool
casus_compat_is_period_key(Oid constraint)
{
	bool		result = false;
#if PG_VERSION_NUM >= 180000
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_constraint) GETSTRUCT(tuple))->conperiod;
		ReleaseSysCache(tuple);
	}
#endif
	return result;
}

static inline bool
casus_compat_over_periods(Constraint *constraint)
{
#if PG_VERSION_NUM >= 180000
	return constraint->without_overlaps || constraint->fk_with_period;
#else
	return false;
#endif
}

/* In 18 ALTER CONSTRAINT may enforce one, and looks then at the rows that are there. */
static inline bool
casus_compat_enforces(AlterTableCmd *cmd)
{
#if PG_VERSION_NUM >= 180000
	ATAlterConstraint *alter = castNode(ATAlterConstraint, cmd->def);

	return alter->alterEnforceability && alter->is_enforced;
#else
	return false;
#endif
}

/* In 18 it may stop to be enforced; the name of that constraint, NULL: it does not. */
static inline char *
casus_compat_unenforced(AlterTableCmd *cmd)
{
#if PG_VERSION_NUM >= 180000
	ATAlterConstraint *alter = castNode(ATAlterConstraint, cmd->def);

	return alter->alterEnforceability && !alter->is_enforced ? alter->conname : NULL;
#else
	return NULL;
#endif
}

/* 16 can report a malformed name softly; here it is an error. */
static inline List *
casus_compat_qualified_name(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return stringToQualifiedNameList(name, NULL);
#else
	return stringToQualifiedNameList(name);
#endif
}

/* The user as whom a relation is checked stands in the range table entry up to 15. */
static inline Oid
casus_compat_check_as_user(const PlannedStmt *plan, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex == 0)
		return InvalidOid;
	return getRTEPermissionInfo(plan->permInfos, rte)->checkAsUser;
#else
	return rte->checkAsUser;
#endif
}

/* So do the privileges that the statement demands on it. */
static inline AclMode
casus_compat_required_perms(const PlannedStmt *plan, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex == 0)
		return 0;
	return getRTEPermissionInfo(plan->permInfos, rte)->requiredPerms;
#else
	return rte->requiredPerms;
#endif
}

/* The same of a query before it is planned. */
static inline Oid
casus_compat_query_check_as_user(const Query *query, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex == 0)
		return InvalidOid;
	return getRTEPermissionInfo(query->rteperminfos, rte)->checkAsUser;
#else
	return rte->checkAsUser;
#endif
}

/* The columns that a query reads of it, by the privileges that it asks for. */
static inline Bitmapset *
casus_compat_selected_columns(const Query *query, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex == 0)
		return NULL;
	return getRTEPermissionInfo(query->rteperminfos, rte)->selectedCols;
#else
	return rte->selectedCols;
#endif
}

static inline Bitmapset *
casus_compat_plan_selected_columns(const PlannedStmt *plan, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex == 0)
		return NULL;
	return getRTEPermissionInfo(plan->permInfos, rte)->selectedCols;
#else
	return rte->selectedCols;
#endif
}

/* Does the sub-query stand for a view? Up to 15 the view is its first entry, unused. */
static inline bool
casus_compat_is_view(RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	return rte->rtekind == RTE_SUBQUERY && rte->relkind == RELKIND_VIEW;
#else
	RangeTblEntry *first = rte->subquery == NULL || rte->subquery->rtable == NIL ? NULL :
		(RangeTblEntry *) linitial(rte->subquery->rtable);

	return first != NULL && first->rtekind == RTE_RELATION && first->relkind == RELKIND_VIEW;
#endif
}

/* 16 asks which result relations there are; none here. */
static inline void
casus_compat_init_recheck(EPQState *epq, EState *estate, Plan *plan, List *auxrowmarks, int param)
{
#if PG_VERSION_NUM >= 160000
	EvalPlanQualInit(epq, estate, plan, auxrowmarks, param, NIL);
#else
	EvalPlanQualInit(epq, estate, plan, auxrowmarks, param);
#endif
}

/* Relations that a foreign scan stands for; 16 counts outer joins apart. */
static inline Bitmapset *
casus_compat_foreign_relids(ForeignScan *scan)
{
#if PG_VERSION_NUM >= 160000
	return scan->fs_base_relids;
#else
	return scan->fs_relids;
#endif
}

static inline bool
casus_compat_owns_relation(Oid relid, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, role);
#else
	return pg_class_ownercheck(relid, role);
#endif
}

/* What scans count beside rows; 18 counts searches of an index, and counts of workers apart. */
static inline void
casus_compat_clear_scan_counts(PlanState *node)
{
#if PG_VERSION_NUM >= 180000
	SharedIndexScanInstrumentation *shared = NULL;

	if (IsA(node, IndexScanState))
	{
		((IndexScanState *) node)->iss_Instrument.nsearches = 0;
		shared = ((IndexScanState *) node)->iss_SharedInfo;
	}
	else if (IsA(node, IndexOnlyScanState))
	{
		((IndexOnlyScanState *) node)->ioss_Instrument.nsearches = 0;
		shared = ((IndexOnlyScanState *) node)->ioss_SharedInfo;
	}
	else if (IsA(node, BitmapIndexScanState))
	{
		((BitmapIndexScanState *) node)->biss_Instrument.nsearches = 0;
		shared = ((BitmapIndexScanState *) node)->biss_SharedInfo;
	}
	else if (IsA(node, BitmapHeapScanState))
	{
		BitmapHeapScanState *scan = (BitmapHeapScanState *) node;

		memset(&scan->stats, 0, sizeof(scan->stats));
		for (int i = 0; scan->sinstrument != NULL && i < scan->sinstrument->num_workers; i++)
			memset(&scan->sinstrument->sinstrument[i], 0, sizeof(BitmapHeapScanInstrumentation));
	}
	for (int i = 0; shared != NULL && i < shared->num_workers; i++)
		shared->winstrument[i].nsearches = 0;
#else
	if (IsA(node, BitmapHeapScanState))
	{
		((BitmapHeapScanState *) node)->exact_pages = 0;
		((BitmapHeapScanState *) node)->lossy_pages = 0;
	}
#endif
}

/*
 * Does the executor of this node look at its qual when it runs, and return what
 * stands in its scan slot?  From 18 on a sequential scan has chosen a routine by
 * then.  Of later versions nothing is known.
 */
static inline bool
casus_compat_asks_qual_late(const PlanState *node)
{
#if PG_VERSION_NUM >= 190000
	return false;
#elif PG_VERSION_NUM >= 180000
	return IsA(node, IndexScanState) || IsA(node, BitmapHeapScanState);
#else
	return IsA(node, IndexScanState) || IsA(node, BitmapHeapScanState) || IsA(node, SeqScanState);
#endif
}

/* 18 knows by itself whether a portal has been run before. */
extern void casus_hooks_executor_run(QueryDesc *query, ScanDirection direction,
									 uint64 count, bool once);

#if PG_VERSION_NUM >= 180000
static inline void
casus_compat_ExecutorRun(QueryDesc *query, ScanDirection direction, uint64 count)
{
	casus_hooks_executor_run(query, direction, count, true);
}

static inline void
casus_compat_executor_run_hook(ExecutorRun_hook_type hook, QueryDesc *query,
							   ScanDirection direction, uint64 count, bool once)
{
	hook(query, direction, count);
}

static inline void
casus_compat_executor_run(QueryDesc *query, ScanDirection direction,
						  uint64 count, bool once)
{
	standard_ExecutorRun(query, direction, count);
}
#else
static inline void
casus_compat_ExecutorRun(QueryDesc *query, ScanDirection direction,
						 uint64 count, bool once)
{
	casus_hooks_executor_run(query, direction, count, once);
}

static inline void
casus_compat_executor_run_hook(ExecutorRun_hook_type hook, QueryDesc *query,
							   ScanDirection direction, uint64 count, bool once)
{
	hook(query, direction, count, once);
}

static inline void
casus_compat_executor_run(QueryDesc *query, ScanDirection direction,
						  uint64 count, bool once)
{
	standard_ExecutorRun(query, direction, count, once);
}
#endif

/* 18 asks for the row that is changed, which an insert has none of. */
static inline bool
casus_compat_check_index_constraints(ResultRelInfo *result, TupleTableSlot *slot,
									 EState *estate, ItemPointer tid)
{
#if PG_VERSION_NUM >= 180000
	ItemPointerData none;

	ItemPointerSetInvalid(&none);
	return ExecCheckIndexConstraints(result, slot, estate, tid, &none,
									 result->ri_onConflictArbiterIndexes);
#else
	return ExecCheckIndexConstraints(result, slot, estate, tid,
									 result->ri_onConflictArbiterIndexes);
#endif
}

/* 16 and later write \\xNN for what is not ASCII, 15 a question mark. */
static inline char *
casus_compat_clean_ascii(char *text)
{
#if PG_VERSION_NUM < 160000
	pg_clean_ascii(text);
	return text;
#else
	return pg_clean_ascii(text, 0);
#endif
}

#endif							/* CASUS_COMPAT_H */
