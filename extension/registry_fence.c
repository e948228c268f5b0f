/*
 * registry_fence.c
 *		Does the fence of a protected table stand?
 *
 * The fence is four things, each found in the relcache entry: ENABLE and FORCE
 * row security, the restrictive policy that calls casus_int.permits on the
 * label, and the row trigger, ENABLE ALWAYS.  A change of any of them sends
 * the table's relcache invalidation, so the registry asks again.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "relation.h"
#include "rewrite/rowsecurity.h"
#include "utils/acl.h"

static bool
has_policy(Relation rel, AttrNumber label_attno)
{
	Oid			permits = casus_permits_oid();
	ListCell   *lc;

	/* Nothing is looked up below: that may rebuild the relcache's list. */
	if (rel->rd_rsdesc == NULL)
		return false;
	foreach(lc, rel->rd_rsdesc->policies)
	{
		RowSecurityPolicy *policy = lfirst(lc);
		Var		   *label = casus_guard_judged((Node *) policy->qual, permits);

		if (policy->permissive || policy->polcmd != '*' || label == NULL ||
			ARR_DIMS(policy->roles)[0] != 1 ||
			((Oid *) ARR_DATA_PTR(policy->roles))[0] != ACL_ID_PUBLIC)
			continue;
		if (label->varattno == label_attno)
			return true;
	}
	return false;
}

static bool
has_trigger(Relation rel)
{
	Oid			function = casus_row_trigger_oid();

	if (rel->trigdesc == NULL || !OidIsValid(function))
		return false;
	for (int i = 0; i < rel->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgfoid == function && trigger->tgqual == NULL &&
			trigger->tgenabled == TRIGGER_FIRES_ALWAYS &&
			trigger->tgnattr == 0 && TRIGGER_FOR_ROW(trigger->tgtype) &&
			TRIGGER_FOR_BEFORE(trigger->tgtype) &&
			TRIGGER_FOR_INSERT(trigger->tgtype) &&
			TRIGGER_FOR_UPDATE(trigger->tgtype) &&
			TRIGGER_FOR_DELETE(trigger->tgtype))
			return true;
	}
	return false;
}

/*
 * Without a permissive policy nobody sees anything.  That is so in the middle
 * of a restore only, when the policies come one by one: the fence is not yet
 * complete then, and the ones to come are let in.
 */
static bool
has_permissive(Relation rel)
{
	ListCell   *lc;

	if (rel->rd_rsdesc == NULL)
		return false;
	foreach(lc, rel->rd_rsdesc->policies)
	{
		if (((RowSecurityPolicy *) lfirst(lc))->permissive)
			return true;
	}
	return false;
}

bool
casus_registry_fence_stands(Relation rel, AttrNumber label_attno)
{
	return rel->rd_rel->relrowsecurity && rel->rd_rel->relforcerowsecurity &&
		has_policy(rel, label_attno) && has_permissive(rel) && has_trigger(rel);
}
