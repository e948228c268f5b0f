/*
 * quick.h
 *		Quick ways to what each statement asks many times: a part of casus.h,
 *		which includes it after CasusProtected.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_QUICK_H
#define CASUS_QUICK_H

extern bool casus_catalog_there;	/* casus is in this database, until something changes */
extern uint64 casus_catalog_names;	/* changes of the names by which that is known */

/* casus_installed() for those who know that they are in a transaction. */
static inline bool
casus_present(void)
{
	return likely(casus_catalog_there) || casus_installed();
}

extern Oid	casus_catalog_permits;	/* while it is there */

/* casus_int.permits(casus.label) */
static inline Oid
casus_permits_oid(void)
{
	return casus_present() ? casus_catalog_permits : InvalidOid;
}

#define CASUS_REGISTRY_RECENT	64	/* a power of two */

/* What was asked last, by oid modulo: a statement asks often. */
typedef struct CasusRecent
{
	Oid			relid;
	uint64		as_of;			/* of changes; any makes it void */
	const CasusProtected *prot;
} CasusRecent;

extern CasusRecent casus_registry_recent[CASUS_REGISTRY_RECENT];
extern uint64 casus_registry_changes;	/* of any relation */
extern const CasusProtected *casus_registry_look(Oid relid);	/* when it is not known */

extern bool casus_registry_counted; /* the next is so, until any relation changes */
extern bool casus_registry_none;
extern bool casus_registry_count(void); /* is there none? */

/* Is no table protected in this database? */
static inline bool
casus_registry_empty(void)
{
	return likely(casus_registry_counted) ? casus_registry_none : casus_registry_count();
}

extern bool casus_registry_no_file;

/* Nor has it a file: nothing is written of acts either, and nobody has anything to read. */
static inline bool
casus_registry_idle(void)
{
	return casus_registry_empty() && casus_registry_counted && casus_registry_no_file;
}

/* NULL: not protected */
static inline const CasusProtected *
casus_registry_find(Oid relid)
{
	const CasusRecent *slot = &casus_registry_recent[relid & (CASUS_REGISTRY_RECENT - 1)];

	/* Catalogs are asked for often and are never protected. */
	if (relid < FirstNormalObjectId)
		return NULL;
	if (likely(slot->relid == relid && slot->as_of == casus_registry_changes))
		return slot->prot;
	return casus_registry_look(relid);
}

#endif							/* CASUS_QUICK_H */
