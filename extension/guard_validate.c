/*
 * guard_validate.c
 *		Recognizes the query by which PostgreSQL validates a new foreign key.
 *
 * It bears no mark.  It is let through once for each constraint that the running
 * ALTER TABLE has just made or altered, when that statement does nothing else:
 * then no user code can run between the two.  What is armed may be left over,
 * and an event trigger find it: so it must be the query of such a key to the
 * letter, which tells of parents that are missing and of nothing else.
 *
 * Private to the backend: `validating` is the command of which the query
 * planned last was one of these; it is executed next.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

static const CasusGuardScope *validating = NULL;

/*
 * The server asks all rows at once only of who may read both tables, and goes
 * row by row for others; then nothing would use up what is armed here.
 */
static bool
validates_at_once(Oid relid)
{
	HeapTuple	tuple;
	bool		secured;

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return false;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return false;
	secured = ((Form_pg_class) GETSTRUCT(tuple))->relrowsecurity;
	ReleaseSysCache(tuple);
	return !secured || has_bypassrls_privilege(GetUserId()) ||
		casus_compat_owns_relation(relid, GetUserId());
}

void
casus_guard_validate_arm(void)
{
	CasusGuardScope *scope = casus_guard_scope();
	ListCell   *lc;

	if (scope == NULL || !scope->only_keys)
		return;
	foreach(lc, scope->keys)
	{
		CasusGuardKey *key = lfirst(lc);

		if (!validates_at_once(key->from) || !validates_at_once(key->to))
			return;
	}
	if (scope->armed < list_length(scope->keys))
		scope->armed++;
}

/* The columns of either side that a join compares, pair by pair; false: something else. */
static bool
read_join(const Query *query, List **from, List **to)
{
	JoinExpr   *join;
	ListCell   *lc;

	if (query->jointree == NULL || list_length(query->jointree->fromlist) != 1)
		return false;
	join = linitial(query->jointree->fromlist);
	if (!IsA(join, JoinExpr) || join->jointype != JOIN_LEFT)
		return false;
	foreach(lc, casus_guard_shape_conjuncts(join->quals))
	{
		OpExpr	   *op = lfirst(lc);
		Var		   *left;
		Var		   *right;

		if (!casus_guard_shape_equality((Node *) op) ||
			!casus_guard_shape_column(linitial(op->args)) ||
			!casus_guard_shape_column(lsecond(op->args)))
			return false;
		left = (Var *) casus_guard_shape_bare(linitial(op->args));
		right = (Var *) casus_guard_shape_bare(lsecond(op->args));
		if (left->varno == right->varno)
			return false;
		*from = lappend_int(*from, left->varno == 1 ? left->varattno : right->varattno);
		*to = lappend_int(*to, left->varno == 1 ? right->varattno : left->varattno);
	}
	return *from != NIL;
}

/* Is that a foreign key from the one table to the other, all of it? */
static bool
is_the_key(Oid relid, Oid parent, List *from, List *to)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		result = false;
	ListCell   *lc;

	foreach(lc, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *key = lfirst(lc);
		bool		same = key->confrelid == parent && key->nkeys == list_length(from);

		for (int i = 0; same && i < key->nkeys; i++)
			same = list_nth_int(from, i) == key->conkey[i] &&
				list_nth_int(to, i) == key->confkey[i];
		result |= same;
	}
	table_close(rel, AccessShareLock);
	return result;
}

static bool
joins_key(const Query *query, const CasusGuardScope *scope, List *from, List *to)
{
	RangeTblEntry *child = linitial(query->rtable);
	RangeTblEntry *parent = lsecond(query->rtable);
	ListCell   *lc;

	if (child->rtekind != RTE_RELATION || parent->rtekind != RTE_RELATION ||
		((RangeTblEntry *) lthird(query->rtable))->rtekind != RTE_JOIN)
		return false;
	foreach(lc, scope->keys)
	{
		CasusGuardKey *key = lfirst(lc);

		if (key->from == child->relid && key->to == parent->relid &&
			is_the_key(child->relid, parent->relid, from, to))
			return true;
	}
	return false;
}

/* Columns of one table, all of them among these? */
static bool
are_columns_of(Node *node, int varno, List *columns)
{
	ListCell   *lc;

	foreach(lc, pull_var_clause(node, 0))
	{
		Var		   *var = lfirst_node(Var, lc);

		if (var->varno != varno || !list_member_int(columns, var->varattno))
			return false;
	}
	return true;
}

/* The rows that have no parent, and of them the key. */
static bool
selects_orphans(const Query *query, List *from, List *to)
{
	List	   *quals = casus_guard_shape_conjuncts(query->jointree->quals);
	NullTest   *first;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		Node	   *column = (Node *) ((TargetEntry *) lfirst(lc))->expr;

		if (!casus_guard_shape_column(column) || !are_columns_of(column, 1, from))
			return false;
	}
	if (quals == NIL)
		return false;
	first = linitial(quals);
	return IsA(first, NullTest) && first->nulltesttype == IS_NULL &&
		casus_guard_shape_column((Node *) first->arg) &&
		are_columns_of((Node *) first->arg, 2, to) &&
		are_columns_of((Node *) list_copy_tail(quals, 1), 1, from) &&
		casus_guard_builtin((Node *) quals);
}

bool
casus_guard_validate_query(const Query *query, const char *sql)
{
	CasusGuardScope *scope = casus_guard_scope();
	List	   *from = NIL;
	List	   *to = NIL;

	validating = NULL;
	if (scope == NULL || scope->armed == 0)
		return false;
	if (query->commandType != CMD_SELECT || list_length(query->rtable) != 3 ||
		!casus_guard_shape_simple(query) || query->rowMarks != NIL ||
		!read_join(query, &from, &to) || !joins_key(query, scope, from, to) ||
		!selects_orphans(query, from, to))
		return false;
	scope->armed--;
	validating = scope;
	return true;
}

/* While the planner runs, whatever it calls is not the validation. */
const CasusGuardScope *
casus_guard_validate_swap(const CasusGuardScope *now)
{
	const CasusGuardScope *before = validating;

	validating = now;
	return before;
}

/* It is executed right after it has been planned, by the same command. */
bool
casus_guard_validate_starts(const char *sql)
{
	bool		result = validating != NULL && validating == casus_guard_scope();

	validating = NULL;
	return result;
}
