/*
 * acts.h
 *		Acts: for act*.c, and for the files that record an act or ask what its
 *		caller may know of (capacity.c, protocol_load.c, rowverdict.c, takein.c, why.c).
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_ACTS_H
#define CASUS_ACTS_H

#include "state.h"

/* ------------------------------------------------------------------------
 * capacity.c: casus_context_for_act(), for who does not refuse
 * ------------------------------------------------------------------------ */

typedef struct CasusActRefusal
{
	const char *code;			/* NULL: none of casus */
	const char *message;
	const char *detail;
	const char *hint;
} CasusActRefusal;

extern bool casus_context_may_act(int32 file, int64 dossier, uint64 offices, const char *article,
								  CasusCapacity *capacity, CasusActRefusal *refusal);

/* ------------------------------------------------------------------------
 * find.c: names to codes, and the errors when there is none
 * ------------------------------------------------------------------------ */

typedef struct CasusFile
{
	int32		id;
	int32		protocol;
	char	   *name;
	char	   *protocol_name;
	bool		is_active;
} CasusFile;

typedef struct CasusOffice
{
	int			code;
	char	   *name;
	char		level;			/* CasusLevel */
	bool		needs_oath;
	bool		needs_party;	/* that takes part in the dossier */
	char	   *article;
} CasusOffice;

extern void casus_find_file(const char *name, CasusFile *file);
extern void casus_find_file_by_id(int32 id, CasusFile *file);
extern int32 casus_find_protocol_of(int32 file);
extern void casus_find_active(const CasusFile *file);
extern void casus_find_office(const CasusFile *file, const char *name, CasusOffice *office);
extern int	casus_find_phase(const CasusFile *file, const char *name);
extern int	casus_find_purpose(const CasusFile *file, const char *name);
extern int	casus_find_party(const CasusFile *file, const char *name);
extern int	casus_find_party_lock(const CasusFile *file, const char *name);
extern int32 casus_find_person(const char *name);
extern char *casus_find_name_of(int32 person);
extern char *casus_find_parties_article(const CasusFile *file);
extern char *casus_find_oath_article(const CasusFile *file, const CasusOffice *office);
extern char *casus_find_detail(const CasusFile *file, const char *article, const char *check);

/* ------------------------------------------------------------------------
 * act.c, gatecontent.c: an act on a dossier
 * ------------------------------------------------------------------------ */

typedef struct CasusActTarget
{
	CasusDossier dossier;
	CasusFile	file;
	const CasusProtocol *protocol;
	const char *phase;			/* name of the dossier's phase */
} CasusActTarget;

/* What every act on a dossier begins with; the dossier's row is locked afterwards. */
extern void casus_act_begin(const char *act, int64 dossier, CasusActTarget *target);

/* A key that a gate asks for, and what is wrong with the value given for it. */
typedef struct CasusGateCheck
{
	char	   *key;
	char	   *type;
	char	   *article;
	char	   *list;
	char	   *outcomes;		/* for which it is asked; NULL: for all */
	bool		asked;			/* here; else something is given for it all the same */
	const char *problem;		/* NULL: none */
} CasusGateCheck;

extern CasusGateCheck *casus_gatecontent_checks(const CasusFile *file, int gate, Jsonb *details,
												const char *outcome, int *n);
extern void casus_gatecontent_require(const CasusActTarget *target, int gate, const char *article,
									  Jsonb *details, const char *outcome);
extern void casus_gatecontent_only(const CasusFile *file, int gate, const char *article,
								   Jsonb *details);
extern Jsonb *casus_gatecontent_merge(const CasusActTarget *target, int gate, Jsonb *details,
									  const char *outcome);

/* ------------------------------------------------------------------------
 * sight.c: whose dossiers the caller may know of
 * ------------------------------------------------------------------------ */

extern bool casus_sight_dossier(int64 dossier, CasusDossier *state);
extern bool casus_sight_supervises(int32 file);	/* an office that reviews or inspects */
extern uint64 casus_sight_overseen(int32 person, uint64 known, List **files);

/* ------------------------------------------------------------------------
 * rowkey.c: the dossier of a row by its key, past row security
 * ------------------------------------------------------------------------ */

extern int64 casus_rowkey_dossier(Oid relid, const char *key);

/* ------------------------------------------------------------------------
 * act.c: acts as rows
 * ------------------------------------------------------------------------ */

/*
 * Writes an act in the actor's transaction and returns its id.  Motivation
 * and details are content: they go to act_content and are destroyed with the
 * dossier.  The attempt and the outcome go to the access log as well.
 */
extern int64 casus_act_record(const CasusCapacity *capacity, const char *kind, int64 dossier,
							  const char *motivation, Jsonb *details);
extern int64 casus_act_record_setup(int32 file, const char *kind, int64 dossier,
									const char *motivation, Jsonb *details);
extern void casus_act_record_taken_in(int n, const int64 *dossiers, const int32 *files);
extern void casus_act_note_setup(Oid relid, const char *text);	/* in the access log alone */

/* A text argument of an act, or NULL. */
extern char *casus_act_text(FunctionCallInfo fcinfo, int argument);

/* The same where NULL is an error, which names the argument. */
extern char *casus_act_required_text(FunctionCallInfo fcinfo, int argument, const char *name);

/* Pairs of key and value (NULL: left out), ended by a NULL key. */
extern Jsonb *casus_act_details(const char *key,...);

/* Opens a dossier in the file's initial phase: for open_dossier() and the row trigger. */
extern bool casus_act_may_open(int32 file, CasusActRefusal *refusal);
extern int64 casus_act_open_dossier(int32 file, Jsonb *details, const char *motivation);

/* What is tried is on record, also where it cannot be done: on a standby, in READ ONLY. */
extern void casus_act_attempt(Oid relid, int64 dossier, const char *act);

/* Refuses whoever is not casus_admin; the installation has an id afterwards. */
extern void casus_act_require_admin(const char *act);

/* The same for a dossier that is not there and one that the caller may not know of. */
extern void casus_act_refuse_unknown(void) pg_attribute_noreturn();

/* Nobody joins a dossier that has ended: there is nothing left to take part in. */
extern void casus_act_refuse_ended(const CasusFile *file, int phase);

/* ------------------------------------------------------------------------
 * act_order.c: what a decision rests on, and what rests on it; by gate
 * ------------------------------------------------------------------------ */

extern void casus_act_require_order(const CasusActTarget *target, int gate, const char *name,
									const char *article);
extern void casus_act_require_meeting(const CasusActTarget *target, const char *meeting,
									  int present_min, const char *article, Jsonb *details);

/* A decision in the place of the newest one; outcome NULL: none in its place. */
extern void casus_act_refuse_resting(const CasusActTarget *target, int gate,
									 const char *outcome, Jsonb *details);

/* ------------------------------------------------------------------------
 * act_appoint.c: an appointment, also as part of involving somebody, and its end
 * ------------------------------------------------------------------------ */

typedef struct CasusAppointment
{
	int32		person;
	char	   *person_name;
	char	   *party_name;		/* NULL: none */
	CasusOffice office;
	int			party;			/* 0: none */
	int64		dossier;		/* 0: none */
	Datum		starts;			/* timestamptz; null: now */
	bool		starts_null;
	Datum		ends;
	bool		ends_null;
	int64		deputy_for;		/* 0: none */
	char	   *reason;
	char	   *standing_purpose;
	bool		may_session;
} CasusAppointment;

extern int64 casus_act_appoint_person(const CasusFile *file, const CasusAppointment *a);

/* Ends appointments by a condition on "a", and those of deputies with them; how many. */
extern int64 casus_act_end_appointments(CasusQuery *query, const char *condition);

/* Does a row of casus_cat.participant t hold now? */
#define CASUS_TAKES_PART_NOW \
	"t.starts <= pg_catalog.clock_timestamp() " \
	"AND (t.ends IS NULL OR t.ends > pg_catalog.clock_timestamp()) "

/* ------------------------------------------------------------------------
 * act_dossier.c: life of a dossier
 * ------------------------------------------------------------------------ */

/* The offices that say who takes part in the dossier and what is shared, as a mask. */
extern uint64 casus_act_dossier_deciders(const CasusActTarget *target);

/* ------------------------------------------------------------------------
 * takeopen.c: dossiers for rows that are there already
 * ------------------------------------------------------------------------ */

typedef struct CasusNewDossier
{
	int64		dossier;		/* given by casus_takeopen() */
	int32		file;
	int			phase;
	bool		is_closed;
	TimestampTz opened;
	TimestampTz closed;
	const char *key;			/* of the row that the dossier is */
} CasusNewDossier;

/* What the rows of a table say of their dossiers, by expressions. */
typedef struct CasusOpener CasusOpener;

extern CasusOpener *casus_takeopen_prepare(Relation rel, const char *phase, const char *opened,
										   const char *closed);
extern const char *casus_takeopen_judge(CasusOpener *opener, int32 file,
										const CasusProtocol *protocol, TupleTableSlot *slot,
										CasusNewDossier *dossier);
extern void casus_takeopen(Oid relid, CasusNewDossier *const *dossiers, int n);

#endif							/* CASUS_ACTS_H */
