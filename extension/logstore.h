/*
 * logstore.h
 *		The segment files from their writer's side: for logstore.c and
 *		logrecover.c.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_LOGSTORE_H
#define CASUS_LOGSTORE_H

#include "accesslog.h"

/* ---- logrecover.c: where the log ends ---- */

extern void casus_logrecover_resume(const CasusLogKeys *keys, const CasusLogPoint *known,
									CasusLogPoint *end, CasusLogFound *found);
extern bool casus_logrecover_checkpoint(const CasusLogKeys *keys,
										CasusLogCheckpoint *checkpoint);
extern bool casus_logrecover_find(const CasusLogKeys *keys, CasusLogPoint *end,
								  CasusLogFound *found);

#endif							/* CASUS_LOGSTORE_H */
