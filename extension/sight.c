/*
 * sight.c
 *		Which rows of casus' own views a caller may see, and whose dossiers he
 *		may know of.
 *
 * To know that a dossier exists takes an appointment that has to do with it:
 * an office of the whole file; or an office held for this dossier, or taking
 * part in it as a person or with one's party, which must be a member now, and
 * only while it is in a phase or retention stage in which this office reads
 * something, decides or moves it on: who takes part hears of it no sooner and
 * no longer than the protocol calls him in.  To read what was written about it
 * takes more: content.c.
 *
 * What the access log has of a file is seen by an office of the whole file that
 * the protocol lets oversee it: logread.c.
 *
 * The caller's appointments are kept until the state changes, an appointment
 * begins or ends, or another actor asks; they are private to the backend, so
 * no lock guards them.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct Appointment
{
	int32		file;
	int64		dossier;		/* 0: none */
	uint16		party;			/* 0: none */
	uint8		office;
	char		level;			/* CasusLevel */
	uint64		states;			/* bit per phase and stage in which it has a say */
	bool		oversees;		/* the access log of the file */
} Appointment;

static Appointment *mine = NULL;	/* in TopMemoryContext */
static int	nmine = 0;
static int32 mine_person = 0;
static uint64 mine_generation = 0;
static TimestampTz mine_until = 0;	/* when one of them begins or ends */
static uint64 mine_loads = 0;

/*
 * An office has a say where it reads, decides or leads on, and in the first stage
 * of a phase that its gate leads to: it may take back that it ended the dossier.
 * The moment of the next begin or end comes along as the last column, so that
 * the list is as of now without being read for every row.
 */
#define MY_APPOINTMENTS \
	"SELECT a.file, coalesce(a.dossier, 0), coalesce(a.party, 0)::integer, a.office, " \
	"o.level, (SELECT pg_catalog.min(m.at) FROM casus_cat.appointment b " \
	"LEFT JOIN casus_cat.party z ON z.file = b.file AND z.code = b.party, " \
	"LATERAL (VALUES (b.starts), (b.ends), (z.starts), (z.ends)) m(at) " \
	"WHERE b.person = $1 AND m.at > pg_catalog.clock_timestamp()), " \
	"(SELECT pg_catalog.bit_or(1::bigint << x.state) FROM (SELECT r.state FROM casus_cat.rule r " \
	"WHERE r.protocol = f.protocol AND r.office = a.office AND r.verbs & 1 <> 0 " \
	"UNION SELECT pg_catalog.unnest(g.phases) FROM casus_cat.gate g " \
	"WHERE g.protocol = f.protocol AND g.office = a.office " \
	"UNION SELECT t.from_phase FROM casus_cat.transition t " \
	"WHERE t.protocol = f.protocol AND a.office = ANY (t.offices) " \
	"UNION SELECT z.code FROM casus_cat.stage z JOIN casus_cat.transition t " \
	"ON t.protocol = z.protocol AND t.to_phase = z.phase " \
	"JOIN casus_cat.gate g ON g.protocol = t.protocol AND g.code = t.gate " \
	"WHERE z.protocol = f.protocol AND z.ordinal = (SELECT pg_catalog.min(y.ordinal) " \
	"FROM casus_cat.stage y WHERE y.protocol = z.protocol AND y.phase = z.phase) " \
	"AND g.office = a.office) x(state)), o.oversees " \
	"FROM casus_cat.person p " \
	"LEFT JOIN (casus_cat.appointment a JOIN casus_cat.file f ON f.id = a.file " \
	"JOIN casus_cat.office o ON o.protocol = f.protocol AND o.code = a.office " \
	"LEFT JOIN casus_cat.party y ON y.file = a.file AND y.code = a.party) " \
	"ON a.person = p.id AND a.starts <= pg_catalog.clock_timestamp() " \
	"AND (a.ends IS NULL OR a.ends > pg_catalog.clock_timestamp()) " \
	"AND (a.party IS NULL OR (y.starts <= pg_catalog.clock_timestamp() " \
	"AND (y.ends IS NULL OR y.ends > pg_catalog.clock_timestamp()))) " \
	"WHERE p.id = $1"

static void
load_appointments(int32 person)
{
	CasusQuery	query;
	uint64		generation = casus_state_generation();
	Appointment *list;
	int			n = 0;
	TimestampTz until = PG_INT64_MAX;

	casus_query_begin(&query);
	casus_query_int(&query, person);
	casus_query_read(&query, MY_APPOINTMENTS);
	list = MemoryContextAlloc(TopMemoryContext,
							  sizeof(Appointment) * Max(query.nrows, 1));
	for (uint64 i = 0; i < query.nrows; i++)
	{
		bool		isnull;
		Datum		next = casus_query_get(&query, i, 6, &isnull);

		if (!isnull)
			until = DatumGetTimestampTz(next);
		if (casus_query_isnull(&query, i, 1))
			continue;
		list[n].file = (int32) casus_query_get_int(&query, i, 1);
		list[n].dossier = casus_query_get_int(&query, i, 2);
		list[n].party = (uint16) casus_query_get_int(&query, i, 3);
		list[n].office = (uint8) casus_query_get_int(&query, i, 4);
		list[n].level = casus_query_get_text(&query, i, 5)[0];
		list[n].states = (uint64) casus_query_get_int(&query, i, 7);
		list[n].oversees = casus_query_get_bool(&query, i, 8);
		n++;
	}
	casus_query_end(&query);

	if (mine != NULL)
		pfree(mine);
	mine = list;
	nmine = n;
	mine_person = person;
	mine_generation = generation;
	mine_until = until;
	mine_loads++;
}

static void
refresh(int32 person)
{
	casus_catalog_listen();
	if (mine == NULL || mine_person != person ||
		mine_generation != casus_state_generation() ||
		GetCurrentTimestamp() >= mine_until)
		load_appointments(person);
}

/* May the person know that the dossier exists? It is not past its last stage. */
static bool
person_sees(int32 person, const CasusDossier *dossier)
{
	uint64		state = UINT64CONST(1) << dossier->state;

	if (person == 0)
		return false;
	refresh(person);
	for (int i = 0; i < nmine; i++)
	{
		Appointment *a = &mine[i];

		if (a->file != dossier->file)
			continue;
		if (a->level == CASUS_LEVEL_FILE)
			return true;
		if ((a->states & state) != 0 &&
			(a->dossier == dossier->id ||
			 (a->dossier == 0 &&
			  casus_dossier_participates(dossier->id, person, a->party, a->office))))
			return true;
	}
	return false;
}

/* May the caller know that the dossier exists? Fills *state when it does. */
bool
casus_sight_dossier(int64 dossier, CasusDossier *state)
{
	CasusActor	actor = casus_context_actor();

	if (!casus_dossier_load(dossier, state) || state->state == CASUS_STATE_GONE)
		return false;
	return person_sees(actor.person, state);
}

/* Has the caller an appointment in the file now? With level 'f': one of the whole file. */
static bool
in_file(int32 file, char level)
{
	CasusActor	actor = casus_context_actor();

	if (actor.person == 0)
		return false;
	refresh(actor.person);
	for (int i = 0; i < nmine; i++)
		if (mine[i].file == file && (level == 0 || mine[i].level == level))
			return true;
	return false;
}

/* Does the caller hold an office of the file that reviews break-glass or inspects? */
bool
casus_sight_supervises(int32 file)
{
	CasusActor	actor = casus_context_actor();
	CasusQuery	query;
	uint64		offices;

	if (actor.person == 0)
		return false;
	casus_query_begin(&query);
	casus_query_int(&query, file);
	casus_query_read(&query,
					 "SELECT pg_catalog.bit_or(1::bigint << o.code) FROM casus_cat.office o "
					 "JOIN casus_cat.file f ON f.protocol = o.protocol "
					 "WHERE f.id = $1 AND (o.reviews OR o.inspects IS NOT NULL)");
	offices = (uint64) casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	refresh(actor.person);
	for (int i = 0; i < nmine; i++)
		if (mine[i].file == file && (offices & (UINT64CONST(1) << mine[i].office)) != 0)
			return true;
	return false;
}

/*
 * Files (List of int) of which the person oversees the log now, and a number that is
 * another one when they may be others: asked for each record of the log, so that
 * the list is made only for who has another number.
 */
uint64
casus_sight_overseen(int32 person, uint64 known, List **files)
{
	if (person != 0)
		refresh(person);
	if (person != 0 && known == mine_loads)
		return known;
	*files = NIL;
	if (person == 0)
		return 0;
	for (int i = 0; i < nmine; i++)
		if (mine[i].oversees && mine[i].level == CASUS_LEVEL_FILE)
			*files = list_append_unique_int(*files, mine[i].file);
	return mine_loads;
}

/* Does the caller oversee the log of the file? */
static bool
oversees(int32 file)
{
	CasusActor	actor = casus_context_actor();
	List	   *files = NIL;

	return casus_sight_overseen(actor.person, 0, &files) != 0 && list_member_int(files, file);
}

/* ---- for the views ---- */

/* Admins and auditors look at casus' registers without an office. */
static bool
supervises(bool admin_too)
{
	CasusActor	actor = casus_context_actor();

	return casus_is_auditor(actor.role) ||
		(admin_too && casus_is_admin(actor.role));
}

PG_FUNCTION_INFO_V1(casus_sql_sees_dossier);

Datum
casus_sql_sees_dossier(PG_FUNCTION_ARGS)
{
	CasusDossier state;

	/* An act that is not about a dossier is seen by those who see set-up. */
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(supervises(true));
	PG_RETURN_BOOL(supervises(false) ||
				   casus_sight_dossier(PG_GETARG_INT64(0), &state));
}

PG_FUNCTION_INFO_V1(casus_sql_sees_file);

Datum
casus_sql_sees_file(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(supervises(true) || in_file(PG_GETARG_INT32(0), 0));
}

PG_FUNCTION_INFO_V1(casus_sql_oversees);

Datum
casus_sql_oversees(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(supervises(false) || oversees(PG_GETARG_INT32(0)));
}

PG_FUNCTION_INFO_V1(casus_sql_sees_person);

/* (person, file): oneself; and whoever holds an office of the whole file. */
Datum
casus_sql_sees_person(PG_FUNCTION_ARGS)
{
	CasusActor	actor = casus_context_actor();
	int32		person = PG_GETARG_INT32(0);

	if (supervises(true) || (actor.person != 0 && actor.person == person))
		PG_RETURN_BOOL(true);
	PG_RETURN_BOOL(!PG_ARGISNULL(1) &&
				   in_file(PG_GETARG_INT32(1), CASUS_LEVEL_FILE));
}
