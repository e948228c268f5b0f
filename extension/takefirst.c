/*
 * takefirst.c
 *		What is taken in before a table, since its rows have their labels from
 *		there: its parents, or the tables whose rows point to it.
 *
 * Keeps nothing; the tables are counted under AccessShareLock.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "protect.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Does the table label rows of this one, which its own rows point to? */
bool
casus_takefirst_relabels(const CasusProtected *prot, Oid relid)
{
	const CasusSettings *settings = prot != NULL ? prot->settings : NULL;

	for (int i = 0; settings != NULL && i < settings->nrelabels; i++)
	{
		if (OidIsValid(settings->relabels[i].parent) &&
			casus_registry_is_of(relid, settings->relabels[i].parent))
			return true;
	}
	return false;
}

/* Says what comes first, unless it is done. */
static bool
check_first(Oid relid, const char *message, const char *detail)
{
	CasusCensus census;

	casus_census_of(relid, &census);
	if (census.unlabelled <= census.unrelabelled)
		return false;
	ereport(WARNING,
			(errmsg("take_in: %s, and table \"%s\" has " INT64_FORMAT " governed rows without a label",
					message, get_rel_name(relid), census.unlabelled - census.unrelabelled),
			 errdetail("%s", detail),
			 errhint("CALL casus.take_in(%s); and then this table again.",
					 quote_literal_cstr(casus_relation_ddl_name(relid)))));
	return true;
}

/*
 * Rows of a parent that nobody looked at yet stand outside, and so do ours
 * beneath them: that would look like there being nothing to do.  The parents'
 * parents likewise.  A bound table has been looked at as a whole.
 */
static bool
check_parents(Oid relid, List **seen)
{
	const CasusSettings *settings = casus_registry_settings(relid);
	bool		found = false;

	*seen = lappend_oid(*seen, relid);
	for (int i = 0; settings != NULL && i < settings->nvia; i++)
	{
		Oid			parent = settings->via[i].parent;
		const CasusProtected *prot = OidIsValid(parent) ? casus_registry_find(parent) : NULL;

		if (prot == NULL || prot->settings == NULL || prot->mode == CASUS_MODE_ENFORCE ||
			list_member_oid(*seen, parent))
			continue;
		found |= check_first(parent, "parents come first",
							 "What hangs on them stays as it is until they have one.");
		found |= check_parents(parent, seen);
	}
	return found;
}

/* So do the rows of a table that is labelled from below, until those that point to them are not. */
static bool
check_children(Oid relid, List **seen)
{
	ListCell   *lc;
	bool		found = false;

	foreach(lc, casus_registry_tables())
	{
		const CasusProtected *prot = casus_registry_find(lfirst_oid(lc));
		Oid			other;

		if (!casus_takefirst_relabels(prot, relid) || prot->mode == CASUS_MODE_ENFORCE ||
			list_member_oid(*seen, prot->family))
			continue;
		other = prot->family;
		found |= check_first(other, "what points here comes first",
							 "What they point to stays as it is until they have one.");
		found |= check_parents(other, seen);
	}
	return found;
}

/* Warns of what is not done; true: there is something. */
bool
casus_takefirst_warn(Oid relid)
{
	List	   *seen = NIL;
	bool		found = check_parents(relid, &seen);

	found |= check_children(relid, &seen);
	return found;
}
