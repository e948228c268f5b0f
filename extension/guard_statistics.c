/*
 * guard_statistics.c
 *		The values that ANALYZE has kept of protected tables and of casus' own,
 *		the access log among them: nobody reads them.
 *
 * The most common values and the bounds of histograms are values of rows,
 * whoever may see those.  The server's own view shows none to whom row security
 * binds; a superuser, or who has BYPASSRLS, reads the catalogs.  There a
 * condition is put on them before planning, so that what is known of other
 * tables stays readable, but for temporary tables of other sessions, which may
 * hold copies.  The planner reads them by another way, as before.
 *
 * Nothing is kept between statements.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

bool
casus_guard_is_statistics(Oid relid)
{
	return relid == StatisticRelationId || relid == StatisticExtDataRelationId;
}

/* Long values stand there, without a word of whose they are. */
bool
casus_guard_is_statistics_toast(Oid relid)
{
	static const Oid catalogs[] = {StatisticRelationId, StatisticExtDataRelationId};

	for (int i = 0; i < lengthof(catalogs); i++)
	{
		Relation	rel = table_open(catalogs[i], AccessShareLock);
		Oid			toast = rel->rd_rel->reltoastrelid;

		table_close(rel, AccessShareLock);
		if (toast == relid)
			return true;
	}
	return false;
}

/* shows_statistics(object, is it an object of its own?) */
void
casus_guard_statistics(RangeTblEntry *rte, Index rtindex)
{
	bool		extended = rte->relid == StatisticExtDataRelationId;
	Oid			function = casus_shows_statistics_oid();
	Var		   *object;

	if (!OidIsValid(function) || !CASUS_LAYER(statistics))
		return;
	object = makeVar(rtindex, extended ? Anum_pg_statistic_ext_data_stxoid :
					 Anum_pg_statistic_starelid, OIDOID, -1, InvalidOid, 0);
	rte->securityQuals = lcons(makeFuncExpr(function, BOOLOID,
											list_make2(object, makeBoolConst(extended, false)),
											InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
							   rte->securityQuals);
}

PG_FUNCTION_INFO_V1(casus_sql_shows_statistics);

Datum
casus_sql_shows_statistics(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	const CasusProtected *prot;
	char		kind;

	if (PG_GETARG_BOOL(1))
	{
		HeapTuple	tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(relid));

		if (!HeapTupleIsValid(tuple))
			PG_RETURN_BOOL(false);
		relid = ((Form_pg_statistic_ext) GETSTRUCT(tuple))->stxrelid;
		ReleaseSysCache(tuple);
	}
	kind = get_rel_relkind(relid);
	if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
		relid = IndexGetRelation(relid, true);
	/* A reader's copy: which tables are copies only that session knows. */
	if (OidIsValid(relid) && isOtherTempNamespace(get_rel_namespace(relid)))
		PG_RETURN_BOOL(false);
	if (OidIsValid(relid) && casus_is_own_relation(relid))
		PG_RETURN_BOOL(false);
	prot = OidIsValid(relid) ? casus_registry_find(relid) : NULL;
	PG_RETURN_BOOL(prot == NULL || prot->mode != CASUS_MODE_ENFORCE);
}
