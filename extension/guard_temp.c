/*
 * guard_temp.c
 *		Temporary tables into which governed rows may have been copied.
 *
 * They are read like any other; what would keep their rows for longer is
 * refused as if it read the protected table.  A table stays on the list until
 * it is dropped, whatever its rows are by then.
 *
 * The list is private to the backend, and lives as long as the session.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "guard.h"

#include "access/xact.h"
#include "utils/memutils.h"

typedef struct Copy
{
	Oid			relid;
	bool		dropped;		/* by this transaction, unless that is undone */
} Copy;

static List *copies = NIL;		/* Copy, in TopMemoryContext */

bool
casus_guard_temp_any(void)
{
	return copies != NIL;
}

bool
casus_guard_temp_is_copy(Oid relid)
{
	ListCell   *lc;

	foreach(lc, copies)
	{
		if (((Copy *) lfirst(lc))->relid == relid)
			return true;
	}
	return false;
}

void
casus_guard_temp_note(Oid relid)
{
	MemoryContext old;
	Copy	   *copy;

	if (!OidIsValid(relid) || casus_guard_temp_is_copy(relid))
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	copy = palloc(sizeof(Copy));
	copy->relid = relid;
	copy->dropped = false;
	copies = lappend(copies, copy);
	MemoryContextSwitchTo(old);
}

void
casus_guard_temp_drop(Oid relid)
{
	ListCell   *lc;

	foreach(lc, copies)
	{
		Copy	   *copy = lfirst(lc);

		if (copy->relid == relid)
			copy->dropped = true;
	}
}

/* DISCARD, which no transaction undoes. */
void
casus_guard_temp_discard(void)
{
	list_free_deep(copies);
	copies = NIL;
}

static void
forget_dropped(bool gone)
{
	ListCell   *lc;

	foreach(lc, copies)
	{
		Copy	   *copy = lfirst(lc);

		if (gone && copy->dropped)
		{
			pfree(copy);
			copies = foreach_delete_current(copies, lc);
		}
		else
			copy->dropped = false;
	}
}

static void
xact_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT)
		forget_dropped(true);
	else if (event == XACT_EVENT_ABORT)
		forget_dropped(false);
}

/* Some of them may be there again: then all stay on the list. */
static void
subxact_callback(SubXactEvent event, SubTransactionId mine,
				 SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_dropped(false);
}

void
casus_guard_temp_init(void)
{
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}
