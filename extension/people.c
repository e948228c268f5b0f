/*
 * people.c
 *		Who is who, and which offices a person holds now.
 *
 * A person is known by a database role, by name and oid together: a role
 * that was dropped and made again, or renamed, is somebody else until an
 * admin binds it.  What a person holds comes from appointments whose period
 * runs and whose party's membership holds, in activated files, and, for
 * offices held per dossier, from taking part.
 *
 * The holdings of the person asked for last are kept, private to the backend,
 * until people or rules change or one of them begins or ends by itself; so are
 * the person of the role asked for last, and names of files.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "state.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static CasusHoldings cached;
static MemoryContext cached_context = NULL; /* NULL: nothing cached */
static uint64 cached_generation = 0;

static struct
{
	uint64		people;			/* 0: nothing cached */
	Oid			role;
	int32		person;
}			cached_role;

#define FILE_NAMES	8			/* a power of two */

static struct
{
	uint64		people;
	int32		file;
	char	   *name;			/* in TopMemoryContext */
}			file_names[FILE_NAMES];

/* ---- names ---- */

/* Read from the tables: name and oid must both be those that were bound. */
static int32
find_role(Oid role)
{
	CasusScan	scan;
	int32		person = 0;
	char	   *name = GetUserNameFromId(role, true);

	if (name == NULL)
		return 0;
	casus_scan_key(&scan, CASUS_PERSON_ROLE,
				   casus_index_oid("person_role_role_oid_key"),
				   CASUS_COL_PERSON_ROLE_OID, F_OIDEQ, ObjectIdGetDatum(role));
	if (casus_scan_next(&scan))
	{
		bool		isnull;
		Name		bound = DatumGetName(casus_scan_get(&scan, CASUS_COL_PERSON_ROLE_NAME,
														&isnull));

		if (strcmp(NameStr(*bound), name) == 0)
			person = casus_scan_int(&scan, CASUS_COL_PERSON_ROLE_PERSON, 0);
	}
	casus_scan_end(&scan);
	return person;
}

int32
casus_people_of_role(Oid role)
{
	uint64		as_of = casus_catalog_people;

	if (cached_role.people != as_of || cached_role.role != role)
	{
		cached_role.people = 0;
		cached_role.person = find_role(role);
		cached_role.role = role;
		cached_role.people = as_of;
	}
	return cached_role.person;
}

/* The text in a column of the row with this id, palloc'd; NULL: no such row. */
static char *
text_by_id(CasusTable table, int32 id, AttrNumber attno)
{
	CasusScan	scan;
	char	   *found = NULL;

	casus_scan_key(&scan, table, casus_table_pkey(table), 1, F_INT4EQ,
				   Int32GetDatum(id));
	if (casus_scan_next(&scan))
	{
		bool		isnull;
		Datum		value = casus_scan_get(&scan, attno, &isnull);

		found = TextDatumGetCString(value);
	}
	casus_scan_end(&scan);
	return found;
}

char *
casus_people_name(int32 person)
{
	return person == 0 ? NULL :
		text_by_id(CASUS_PERSON, person, CASUS_COL_PERSON_NAME);
}

char *
casus_people_file_name(int32 file)
{
	uint64		as_of = casus_catalog_people;
	int			i = (uint32) file % FILE_NAMES;
	char	   *name;

	if (file_names[i].people == as_of && file_names[i].file == file)
		return pstrdup(file_names[i].name);

	name = text_by_id(CASUS_FILE, file, CASUS_COL_FILE_NAME);
	if (name == NULL)
		return NULL;
	file_names[i].people = 0;
	if (file_names[i].name)
		pfree(file_names[i].name);
	file_names[i].name = NULL;
	file_names[i].name = MemoryContextStrdup(TopMemoryContext, name);
	file_names[i].file = file;
	file_names[i].people = as_of;
	return name;
}

/* Finds a party's row; the scan is open afterwards, also when there is none. */
static bool
find_party(CasusScan *scan, int32 file, uint16 party)
{
	casus_scan_key(scan, CASUS_PARTY, casus_table_pkey(CASUS_PARTY),
				   CASUS_COL_PARTY_FILE, F_INT4EQ, Int32GetDatum(file));
	while (casus_scan_next(scan))
		if (casus_scan_int(scan, CASUS_COL_PARTY_CODE, 0) == party)
			return true;
	return false;
}

char *
casus_people_party_name(int32 file, uint16 party)
{
	CasusScan	scan;
	char	   *name = NULL;
	bool		isnull;

	if (party == 0)
		return NULL;
	if (find_party(&scan, file, party))
		name = TextDatumGetCString(casus_scan_get(&scan, CASUS_COL_PARTY_NAME, &isnull));
	casus_scan_end(&scan);
	return name;
}

/* ---- holdings ---- */

static bool
is_member(int32 file, uint16 party, TimestampTz now, TimestampTz *until)
{
	CasusScan	scan;
	bool		member;

	if (party == 0)
		return true;
	member = find_party(&scan, file, party) &&
		casus_scan_period(&scan, CASUS_COL_PARTY_STARTS, now, until);
	casus_scan_end(&scan);
	return member;
}

static bool
is_active(int32 file)
{
	CasusScan	scan;
	bool		isnull = true;

	casus_scan_key(&scan, CASUS_FILE, casus_table_pkey(CASUS_FILE),
				   CASUS_COL_FILE_ID, F_INT4EQ, Int32GetDatum(file));
	if (casus_scan_next(&scan))
		(void) casus_scan_get(&scan, CASUS_COL_FILE_ACTIVATED_AT, &isnull);
	casus_scan_end(&scan);
	return !isnull;
}

static CasusHeld *
add_held(CasusHoldings *holdings, int *capacity)
{
	if (holdings->n == *capacity)
	{
		*capacity *= 2;
		holdings->held = repalloc(holdings->held, *capacity * sizeof(CasusHeld));
	}
	return &holdings->held[holdings->n];
}

/* Completes what was read from a row; false when it does not count. */
static bool
complete_held(CasusHeld *held)
{
	const CasusProtocol *protocol;

	if (!is_active(held->file))
		return false;
	held->protocol = casus_dossier_file_protocol(held->file);
	protocol = casus_protocol(held->protocol);
	if (held->office >= protocol->noffices)
		return false;
	held->level = protocol->office_level[held->office];
	return true;
}

static void
load_appointments(CasusHoldings *holdings, int *capacity, TimestampTz now)
{
	CasusScan	scan;

	casus_scan_key(&scan, CASUS_APPOINTMENT, casus_index_oid("appointment_person"),
				   CASUS_COL_APPOINTMENT_PERSON, F_INT4EQ,
				   Int32GetDatum(holdings->person));
	while (casus_scan_next(&scan))
	{
		CasusHeld  *held = add_held(holdings, capacity);

		if (!casus_scan_period(&scan, CASUS_COL_APPOINTMENT_STARTS, now,
							   &holdings->until))
			continue;
		held->appointment = casus_scan_int(&scan, CASUS_COL_APPOINTMENT_ID, 0);
		held->file = casus_scan_int(&scan, CASUS_COL_APPOINTMENT_FILE, 0);
		held->office = casus_scan_int(&scan, CASUS_COL_APPOINTMENT_OFFICE, 0);
		held->party = casus_scan_int(&scan, CASUS_COL_APPOINTMENT_PARTY, 0);
		held->dossier = casus_scan_int(&scan, CASUS_COL_APPOINTMENT_DOSSIER, 0);
		held->standing = casus_scan_int(&scan, CASUS_COL_APPOINTMENT_STANDING, -1);
		held->may_session = casus_scan_int(&scan, CASUS_COL_APPOINTMENT_MAY_SESSION, 0) != 0;
		if (is_member(held->file, held->party, now, &holdings->until) &&
			complete_held(held))
			holdings->n++;
	}
	casus_scan_end(&scan);
}

/* Offices held per dossier by taking part in person. */
static void
load_participations(CasusHoldings *holdings, int *capacity, TimestampTz now)
{
	CasusScan	scan;

	casus_scan_key(&scan, CASUS_PARTICIPANT, casus_index_oid("participant_person"),
				   CASUS_COL_PARTICIPANT_PERSON, F_INT4EQ,
				   Int32GetDatum(holdings->person));
	while (casus_scan_next(&scan))
	{
		CasusHeld  *held = add_held(holdings, capacity);
		CasusDossier dossier;

		if (!casus_scan_period(&scan, CASUS_COL_PARTICIPANT_STARTS, now,
							   &holdings->until))
			continue;
		memset(held, 0, sizeof(*held));
		held->standing = -1;
		held->dossier = casus_scan_int(&scan, CASUS_COL_PARTICIPANT_DOSSIER, 0);
		held->office = casus_scan_int(&scan, CASUS_COL_PARTICIPANT_OFFICE, 0);
		if (!casus_dossier_load(held->dossier, &dossier))
			continue;
		held->file = dossier.file;
		if (complete_held(held) && held->level == CASUS_LEVEL_DOSSIER)
			holdings->n++;
	}
	casus_scan_end(&scan);
}

const CasusHoldings *
casus_people_holdings(int32 person)
{
	MemoryContext fresh;
	MemoryContext old;
	CasusHoldings holdings = {0};
	int			capacity = 4;
	TimestampTz now = GetCurrentTimestamp();
	uint64		as_of = casus_catalog_people;

	if (cached_context != NULL && cached.person == person &&
		cached_generation == casus_catalog_people && now < cached.until)
		return &cached;

	/* Made aside and swapped in: an error in between leaves the old one. */
	fresh = AllocSetContextCreate(CurrentMemoryContext, "casus holdings",
								  ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(fresh);
	holdings.person = person;
	holdings.until = DT_NOEND;
	holdings.held = palloc(capacity * sizeof(CasusHeld));
	if (person != 0)
	{
		load_appointments(&holdings, &capacity, now);
		load_participations(&holdings, &capacity, now);
	}
	MemoryContextSwitchTo(old);

	if (cached_context != NULL)
		MemoryContextDelete(cached_context);
	MemoryContextSetParent(fresh, TopMemoryContext);
	cached_context = fresh;
	cached = holdings;
	cached_generation = as_of;
	return &cached;
}
