/*
 * xact.h
 *		When a transaction of this backend is over.
 *
 * Included by the files that keep something for its length.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_XACT_H
#define CASUS_XACT_H

#include "access/xact.h"

/* One way or the other; what has been prepared is not this backend's any more. */
static inline bool
casus_xact_ends(XactEvent event)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			return true;
		default:
			return false;
	}
}

/*
 * Calls these from now on; for who is about to keep something for the first
 * time, so that a session that never does pays nothing at its transactions' ends.
 * Those registered later are called before the others.
 */
static inline void
casus_xact_listen(bool *listens, XactCallback at_end, SubXactCallback at_subxact_end)
{
	if (likely(*listens))
		return;
	/* An attempt before may have ended between the two, for want of memory. */
	UnregisterXactCallback(at_end, NULL);
	RegisterXactCallback(at_end, NULL);
	if (at_subxact_end != NULL)
		RegisterSubXactCallback(at_subxact_end, NULL);
	*listens = true;
}

#endif							/* CASUS_XACT_H */
