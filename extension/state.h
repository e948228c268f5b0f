/*
 * state.h
 *		Rows of the state tables (casus_cat): for the files that read them as
 *		of now, past any snapshot (scan.c), or write and read them by SQL
 *		(query.c), and for those that judge people.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_STATE_H
#define CASUS_STATE_H

#include "casus.h"

/* ------------------------------------------------------------------------
 * scan.c: state rows as of now, outside SPI
 * ------------------------------------------------------------------------ */

/* Column numbers; an update script adds columns at the end only. */
enum
{
	CASUS_COL_FILE_ID = 1,
	CASUS_COL_FILE_NAME = 2,
	CASUS_COL_FILE_PROTOCOL = 3,
	CASUS_COL_FILE_ACTIVATED_AT = 8,
	CASUS_COL_PARTY_FILE = 1,
	CASUS_COL_PARTY_CODE = 2,
	CASUS_COL_PARTY_NAME = 3,
	CASUS_COL_PARTY_STARTS = 6, /* ends follows, here and below */
	CASUS_COL_PERSON_ID = 1,
	CASUS_COL_PERSON_NAME = 2,
	CASUS_COL_PERSON_ROLE_PERSON = 1,
	CASUS_COL_PERSON_ROLE_NAME = 2,
	CASUS_COL_PERSON_ROLE_OID = 3,
	CASUS_COL_PURPOSE_CODE = 2,
	CASUS_COL_PURPOSE_IS_SESSION = 7,
	CASUS_COL_APPOINTMENT_ID = 1,
	CASUS_COL_APPOINTMENT_PERSON = 2,
	CASUS_COL_APPOINTMENT_FILE = 3,
	CASUS_COL_APPOINTMENT_OFFICE = 4,
	CASUS_COL_APPOINTMENT_PARTY = 5,
	CASUS_COL_APPOINTMENT_DOSSIER = 6,
	CASUS_COL_APPOINTMENT_STARTS = 7,
	CASUS_COL_APPOINTMENT_STANDING = 10,
	CASUS_COL_APPOINTMENT_MAY_SESSION = 11,
	CASUS_COL_DOSSIER_ID = 1,
	CASUS_COL_DOSSIER_FILE = 2,
	CASUS_COL_DOSSIER_PHASE = 3,
	CASUS_COL_DOSSIER_CLOCK = 5,
	CASUS_COL_PARTICIPANT_DOSSIER = 2,
	CASUS_COL_PARTICIPANT_PARTY = 3,
	CASUS_COL_PARTICIPANT_PERSON = 4,
	CASUS_COL_PARTICIPANT_OFFICE = 5,
	CASUS_COL_PARTICIPANT_STARTS = 6,
	CASUS_COL_SHARING_DOSSIER = 2,
	CASUS_COL_SHARING_ITEM = 3,
	CASUS_COL_SHARING_PARTY = 4,
	CASUS_COL_SHARING_STARTS = 5,

	CASUS_COL_LINKED_DOSSIER = 1,
	CASUS_COL_LINKED_ITEM = 2,
	CASUS_COL_LINKED_OTHER = 3,

	CASUS_COL_OPENING_ACT = 1,
	CASUS_COL_OPENING_KIND = 2,
	CASUS_COL_OPENING_FILE = 3,
	CASUS_COL_OPENING_DOSSIER = 4,
	CASUS_COL_OPENING_PERSON = 5,
	CASUS_COL_OPENING_ROLE = 6,
	CASUS_COL_OPENING_AS_ADMIN = 7,
	CASUS_COL_OPENING_OFFICE = 8,
	CASUS_COL_OPENING_PARTY = 9,
	CASUS_COL_OPENING_PURPOSE = 10,
	CASUS_COL_OPENING_STARTS = 11,
	CASUS_COL_OPENING_ENDS = 12,
	CASUS_COL_OPENING_REVIEW = 13
};

typedef struct CasusScan
{
	Relation	rel;
	struct SysScanDescData *scan;
	HeapTuple	tuple;
} CasusScan;

extern void casus_scan_all(CasusScan *scan, CasusTable table);
extern void casus_scan_key(CasusScan *scan, CasusTable table, Oid index, AttrNumber attno,
						   RegProcedure equal, Datum value);
extern bool casus_scan_next(CasusScan *scan);
extern Datum casus_scan_get(CasusScan *scan, AttrNumber attno, bool *isnull);
extern int64 casus_scan_int(CasusScan *scan, AttrNumber attno, int64 if_null);
extern bool casus_scan_period(CasusScan *scan, AttrNumber starts_attno, TimestampTz now,
							  TimestampTz *until);
extern void casus_scan_end(CasusScan *scan);

/* ------------------------------------------------------------------------
 * query.c: one statement on the state tables
 * ------------------------------------------------------------------------ */

#define CASUS_QUERY_MAX_ARGS 12

typedef struct CasusQuery
{
	int			nargs;
	Oid			types[CASUS_QUERY_MAX_ARGS];
	Datum		values[CASUS_QUERY_MAX_ARGS];
	char		nulls[CASUS_QUERY_MAX_ARGS];
	uint64		nrows;
	struct SPITupleTable *rows;
} CasusQuery;

extern void casus_query_begin(CasusQuery *query);
extern void casus_query_end(CasusQuery *query);
extern void casus_query_arg(CasusQuery *query, Oid type, Datum value, bool isnull);
extern void casus_query_text(CasusQuery *query, const char *value);
extern void casus_query_int(CasusQuery *query, int32 value);
extern void casus_query_int64(CasusQuery *query, int64 value);
extern void casus_query_code(CasusQuery *query, int value, bool isnull);
extern void casus_query_bool(CasusQuery *query, bool value);
extern void casus_query_jsonb(CasusQuery *query, Jsonb *value);
extern void casus_query_run(CasusQuery *query, const char *sql);
extern void casus_query_read(CasusQuery *query, const char *sql);
extern Datum casus_query_get(CasusQuery *query, uint64 row, int column, bool *isnull);
extern bool casus_query_isnull(CasusQuery *query, uint64 row, int column);
extern char *casus_query_get_text(CasusQuery *query, uint64 row, int column);
extern int64 casus_query_get_int(CasusQuery *query, uint64 row, int column);
extern bool casus_query_get_bool(CasusQuery *query, uint64 row, int column);

/* ------------------------------------------------------------------------
 * decided.c: gates that must have been decided and are not, by name; NULL: none
 * ------------------------------------------------------------------------ */

extern char *casus_decided_before_gate(int32 protocol, int gate, int64 dossier);
extern char *casus_decided_before_rule(int32 protocol, int ordinal, int64 dossier);

/* ------------------------------------------------------------------------
 * dossier.c: for what reads many dossiers or participants itself
 * ------------------------------------------------------------------------ */

extern void casus_dossier_from_row(CasusScan *scan, CasusDossier *dossier);
extern void casus_dossier_stage(CasusDossier *dossier, const CasusProtocol *protocol,
								TimestampTz now);
extern bool casus_dossier_row_involves(CasusScan *scan, int32 person, uint16 party,
									   int office);

/* ------------------------------------------------------------------------
 * people.c: who is who, and which offices a person holds now
 * ------------------------------------------------------------------------ */

/* An office held now: by an appointment, or by taking part in a dossier. */
typedef struct CasusHeld
{
	int64		appointment;	/* 0: by taking part */
	int32		file;
	int32		protocol;
	uint16		party;			/* 0: none */
	uint8		office;
	char		level;			/* CasusLevel */
	int64		dossier;		/* 0: not limited to one */
	int			standing;		/* purpose code, -1: none */
	bool		may_session;
} CasusHeld;

typedef struct CasusHoldings
{
	int32		person;
	int			n;
	CasusHeld  *held;
	TimestampTz until;			/* when one of them begins or ends by itself */
} CasusHoldings;

extern int32 casus_people_of_role(Oid role);	/* 0: nobody known */
extern char *casus_people_name(int32 person);
extern char *casus_people_file_name(int32 file);
extern char *casus_people_party_name(int32 file, uint16 party); /* NULL for 0 */

/* Only of activated files and parties whose membership holds; good until the next call. */
extern const CasusHoldings *casus_people_holdings(int32 person);

/* ------------------------------------------------------------------------
 * glass.c: what is open to a login beside the rules
 * ------------------------------------------------------------------------ */

#define CASUS_NO_OFFICE		255 /* opened by a casus_admin */

/* In TopMemoryContext (NULL: none); returns how many, and lowers *until. */
extern int	casus_glass_find(Oid role, const CasusHoldings *holdings,
							 CasusOpening **openings, TimestampTz *until);

#endif							/* CASUS_STATE_H */
