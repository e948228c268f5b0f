/*
 * glass.c
 *		What is open to a login beside the rules: by break-glass, or by a
 *		supervisor's inspection.
 *
 * An opening is a row of casus_cat.opening: one dossier, one login role, a
 * period.  It is in force from the commit of the act that made it: the row of
 * a transaction that may still roll back opens nothing, so that nobody reads
 * first and takes the record away afterwards.  That it has been ended counts
 * at once.
 *
 * It holds for every session that acts as that role (its login, or the role
 * taken by SET ROLE), never for the owner of a function that runs.  Whoever
 * made it must still be who he was: the same person holding an office of the
 * file (for an inspection: that office), or, where he did it as casus_admin,
 * still be one.
 *
 * context.c keeps what is found until people, rules or the clock move; here is
 * kept that there is nothing for a role, which is how it mostly is.  Private to
 * the backend.  Reads only, takes no lock.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "state.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* The role looked for last, when nothing was open to it. */
static struct
{
	uint64		people;			/* 0: nothing remembered */
	Oid			role;
	int32		person;
	TimestampTz until;
}			nothing;

/* Is the row committed, as far as this transaction is concerned? */
static bool
is_committed(CasusScan *scan)
{
	return !TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(scan->tuple->t_data));
}

/* Is whoever made the opening still who he was then? */
static bool
still_counts(CasusScan *scan, Oid role, const CasusHoldings *holdings, bool inspection)
{
	int32		person = casus_scan_int(scan, CASUS_COL_OPENING_PERSON, 0);
	int32		file = casus_scan_int(scan, CASUS_COL_OPENING_FILE, 0);
	int			office = casus_scan_int(scan, CASUS_COL_OPENING_OFFICE, CASUS_NO_OFFICE);
	bool		isnull;

	if (person != holdings->person)
		return false;
	if (DatumGetBool(casus_scan_get(scan, CASUS_COL_OPENING_AS_ADMIN, &isnull)))
		return casus_is_admin(role);
	for (int i = 0; i < holdings->n; i++)
		if (holdings->held[i].file == file &&
			(!inspection || holdings->held[i].office == office))
			return true;
	return false;
}

static void
read_opening(CasusScan *scan, bool inspection, CasusOpening *opening)
{
	CasusCapacity *c = &opening->capacity;

	memset(opening, 0, sizeof(*opening));
	opening->act = casus_scan_int(scan, CASUS_COL_OPENING_ACT, 0);
	c->file = casus_scan_int(scan, CASUS_COL_OPENING_FILE, 0);
	c->protocol = casus_dossier_file_protocol(c->file);
	c->dossier = casus_scan_int(scan, CASUS_COL_OPENING_DOSSIER, 0);
	c->person = casus_scan_int(scan, CASUS_COL_OPENING_PERSON, 0);
	c->office = casus_scan_int(scan, CASUS_COL_OPENING_OFFICE, CASUS_NO_OFFICE);
	c->party = casus_scan_int(scan, CASUS_COL_OPENING_PARTY, 0);
	c->purpose = casus_scan_int(scan, CASUS_COL_OPENING_PURPOSE, CASUS_NO_PURPOSE);
	c->source = inspection ? CASUS_FROM_INSPECTION : CASUS_FROM_BREAK_GLASS;
}

int
casus_glass_find(Oid role, const CasusHoldings *holdings,
				 CasusOpening **openings, TimestampTz *until)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz ends = DT_NOEND;
	uint64		as_of = casus_catalog_people;
	char	   *name;
	NameData	key;
	CasusScan	scan;
	int			n = 0;

	*openings = NULL;
	if (nothing.people == as_of && nothing.role == role &&
		nothing.person == holdings->person && now < nothing.until)
	{
		*until = Min(*until, nothing.until);
		return 0;
	}
	name = GetUserNameFromId(role, true);
	if (name == NULL)
		return 0;
	namestrcpy(&key, name);
	casus_scan_key(&scan, CASUS_OPENING, casus_index_oid("opening_role"),
				   CASUS_COL_OPENING_ROLE, F_NAMEEQ, NameGetDatum(&key));
	while (casus_scan_next(&scan))
	{
		bool		isnull;
		bool		inspection;

		if (!casus_scan_period(&scan, CASUS_COL_OPENING_STARTS, now, &ends) ||
			!is_committed(&scan))
			continue;
		inspection = strcmp(TextDatumGetCString(casus_scan_get(&scan, CASUS_COL_OPENING_KIND,
															   &isnull)), "inspect") == 0;
		if (!still_counts(&scan, role, holdings, inspection))
			continue;
		*openings = *openings == NULL ?
			MemoryContextAlloc(TopMemoryContext, sizeof(CasusOpening)) :
			repalloc(*openings, (n + 1) * sizeof(CasusOpening));
		read_opening(&scan, inspection, &(*openings)[n++]);
	}
	casus_scan_end(&scan);
	*until = Min(*until, ends);
	nothing.people = n == 0 ? as_of : 0;
	nothing.role = role;
	nothing.person = holdings->person;
	nothing.until = ends;
	return n;
}
