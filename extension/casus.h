/*
 * casus.h
 *		All that is shared between the source files of casus: one section per
 *		file, in layer order.  A file calls only files of a lower layer; the
 *		layers stand in extension/README.md and test/lint/layers checks them.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_H
#define CASUS_H

#include "postgres.h"

#include "access/attnum.h"
#include "catalog/objectaccess.h"
#include "datatype/timestamp.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/lockoptions.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "tcop/utility.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"
#include "utils/uuid.h"

#include "compat.h"

/* ------------------------------------------------------------------------
 * Words and numbers used everywhere
 * ------------------------------------------------------------------------ */

#define CASUS_SCHEMA		"casus"		/* what people use */
#define CASUS_CAT_SCHEMA	"casus_cat" /* state tables, owned by casus_owner */
#define CASUS_INT_SCHEMA	"casus_int" /* C functions called by policies etc. */
#define CASUS_LABEL_COLUMN	"casus_label"

#define CASUS_MAX_CODE		64	/* categories, states: one bit each in a mask */

/* What a rule may allow; the first is the read verdict, the rest the write verdict. */
typedef enum CasusVerb
{
	CASUS_READ = 1,
	CASUS_SUPPLY = 2,
	CASUS_CORRECT = 4,
	CASUS_REMOVE = 8
} CasusVerb;

/* Whose items a rule speaks of. */
typedef enum CasusScope
{
	CASUS_SCOPE_ALL = 0,		/* every item of the dossier */
	CASUS_SCOPE_OWN = 1,		/* items that my party brought in */
	CASUS_SCOPE_SHARED = 2		/* items shared with my party */
} CasusScope;

/* At which level an office is held. */
typedef enum CasusLevel
{
	CASUS_LEVEL_FILE = 'f',
	CASUS_LEVEL_PARTY = 'p',
	CASUS_LEVEL_DOSSIER = 'd'
} CasusLevel;

/* ------------------------------------------------------------------------
 * settings.c: the settings
 * ------------------------------------------------------------------------ */

typedef enum CasusDurability
{
	CASUS_LOG_STRICT,
	CASUS_LOG_RELAXED
} CasusDurability;

extern int	casus_log_durability;	/* CasusDurability, postmaster setting */
extern char *casus_log_directory;	/* relative to the data directory */
extern bool casus_preloaded;	/* loaded by shared_preload_libraries */

extern void casus_settings_init(void);

/* ------------------------------------------------------------------------
 * report.c: refusals and set-up errors
 * ------------------------------------------------------------------------ */

/*
 * A refusal: SQLSTATE 42501, a primary message without data, a detail that
 * names the check and the article, a hint with the next step as SQL (or NULL),
 * and "casus.<code>" in the constraint-name field.  The texts are taken as
 * they are: the caller has formatted (psprintf) and translated (_()) them.
 */
extern void casus_refuse(const char *code, const char *message,
						 const char *detail, const char *hint) pg_attribute_noreturn();

/* A set-up error: as above with an SQLSTATE of the caller's (22023, 55000 ...). code may be NULL. */
extern void casus_setup_error(int sqlstate, const char *code, const char *message,
							  const char *detail, const char *hint) pg_attribute_noreturn();

/* Called with every refusal before it is raised; accesslog.c puts itself here. */
typedef void (*CasusRefusalHook) (const char *code, const char *message, const char *detail);
extern CasusRefusalHook casus_refusal_hook;

/* Refuses with casus.not_preloaded unless the library came in with the postmaster. */
extern void casus_require_preloaded(void);

/* ------------------------------------------------------------------------
 * clock.c, term.c: dates in Europe/Amsterdam, the type casus.term
 * ------------------------------------------------------------------------ */

/*
 * casus.term, 32 bytes fixed: a retention or deadline term with its clock.
 * Text: "uiterlijk 1 year after afsluiten", "gedurende 6 months after besluit".
 */
typedef enum CasusTermMode
{
	CASUS_TERM_UITERLIJK = 1,	/* gone on or before that day */
	CASUS_TERM_GEDURENDE = 2	/* kept through that day, gone directly after */
} CasusTermMode;

#define CASUS_TERM_EVENT_LEN 27

typedef struct CasusTerm
{
	int16		months;
	int16		days;
	uint8		mode;			/* CasusTermMode */
	char		event[CASUS_TERM_EVENT_LEN];	/* padded with NULs; full length has none */
} CasusTerm;

StaticAssertDecl(sizeof(CasusTerm) == 32, "casus.term is 32 bytes on disk");

extern DateADT casus_clock_today(void); /* the date in Europe/Amsterdam now */
extern DateADT casus_clock_date(TimestampTz at);	/* the date in Amsterdam at a moment */
extern TimestampTz casus_clock_start_of_day(DateADT day);	/* midnight in Amsterdam that opens the day */

/*
 * First moment at which what is kept under the term must be invisible, when
 * its clock started on the given day.  uiterlijk: the start of the due day;
 * gedurende: the start of the day after it.
 */
extern TimestampTz casus_term_end(const CasusTerm *term, DateADT start);
extern DateADT casus_term_due_on(const CasusTerm *term, DateADT start);

/* Reads the text form; NULL, or what is wrong with it ("In this term %s."). Raises nothing. */
extern const char *casus_term_parse(const char *text, CasusTerm *term, bool *out_of_range);

/* ------------------------------------------------------------------------
 * catalog.c: the only file that knows casus' own tables by oid
 * ------------------------------------------------------------------------ */

typedef enum CasusTable
{
	CASUS_INSTALLATION,
	CASUS_PROTOCOL,
	CASUS_PHASE,
	CASUS_STAGE,
	CASUS_PURPOSE,
	CASUS_OFFICE,
	CASUS_SUBJECT_CATEGORY,
	CASUS_CATEGORY,
	CASUS_RULE,
	CASUS_GATE,
	CASUS_TRANSITION,
	CASUS_LIST_VALUE,
	CASUS_FILE,
	CASUS_PARTY,
	CASUS_PERSON,
	CASUS_PERSON_ROLE,
	CASUS_APPOINTMENT,
	CASUS_DOSSIER,
	CASUS_PARTICIPANT,
	CASUS_SHARING,
	CASUS_ACT,
	CASUS_ACT_CONTENT,
	CASUS_DECISION,
	CASUS_NTABLES
} CasusTable;

extern void casus_catalog_init(void);
extern bool casus_installed(void);	/* is the extension in this database? false outside a transaction */
extern bool casus_creating(void);	/* inside CREATE/ALTER EXTENSION casus */
extern Oid	casus_table_oid(CasusTable table);
extern Oid	casus_table_pkey(CasusTable table);
extern Oid	casus_index_oid(const char *name);	/* a secondary index in casus_cat */
extern bool casus_is_own_relation(Oid relid);	/* a table, sequence or index in casus_cat */
extern Oid	casus_owner_oid(void);	/* role casus_owner */
extern Oid	casus_permits_oid(void);	/* casus_int.permits(casus.label) */
extern Oid	casus_label_type_oid(void);
extern const pg_uuid_t *casus_installation_id(void);	/* NULL while the installation is fresh */
extern void casus_installation_ensure(void);	/* first set-up call: makes the row */

/* Is the role (a member of) the group casus_admin, casus_auditor, casus_backup? A superuser counts as admin only. */
extern bool casus_is_admin(Oid role);
extern bool casus_is_auditor(Oid role);
extern bool casus_is_backup(Oid role);	/* login itself has BYPASSRLS and is a member */

/*
 * Counts every change of a state table that this backend has heard of:
 * relcache invalidations (other sessions' commits, own commands, own
 * subtransaction aborts).  casus_catalog_listen() takes in what has arrived.
 */
extern uint64 casus_catalog_generation; /* the same, for what compares it per row */
extern uint64 casus_catalog_people; /* of these, the changes of people and rules, not of dossiers */
extern uint64 casus_state_generation(void);
extern void casus_catalog_listen(void);

/*
 * Runs one statement of casus' own on its state tables through SPI, as
 * casus_owner and past the guard (see pass.c).  Rows are in SPI_tuptable until
 * casus_spi_end().  Parameters as SPI_execute_with_args.  Calls nest.
 */
extern void casus_spi_begin(void);
extern int	casus_spi(const char *sql, int nargs, Oid *types, Datum *values,
					  const char *nulls, bool read_only, long limit);
extern void casus_spi_end(void);

/* ------------------------------------------------------------------------
 * pass.c: the token by which casus' own statements meet no guard
 * ------------------------------------------------------------------------ */

/*
 * Armed for one statement, known by its text and by the nesting depth of
 * planner, executor and utility at which it is armed; consumed by the next
 * executor start (or utility statement) there.  Whatever user code runs
 * inside, runs deeper and meets the guard.
 */
extern void casus_pass_arm(const char *sql);
extern void casus_pass_disarm(void);
extern bool casus_pass_admits_planning(const char *sql);	/* planner hook; does not consume */
extern bool casus_pass_consume(const char *sql);	/* executor start, process utility */
extern void casus_pass_enter(void); /* one level deeper: planner, executor run/finish, utility */
extern void casus_pass_leave(void);
extern void casus_pass_init(void);	/* (sub)transaction callbacks */

/* ------------------------------------------------------------------------
 * shmem.c: the shared memory of casus
 * ------------------------------------------------------------------------ */

extern void casus_shmem_init(void); /* request and startup hooks */
extern void casus_shmem_request(Size size);
extern void casus_shmem_request_later(Size (*size) (void)); /* asked when MaxBackends is known */
extern void casus_shmem_add(void (*startup) (void));	/* run under AddinShmemInitLock at startup */

/* ------------------------------------------------------------------------
 * label.c: the label of a row
 * ------------------------------------------------------------------------ */

/*
 * 16 bytes, big-endian: dossier 8, item 4, class 4.  The class packs party
 * code (12 bits), category (8), phase of collection (6), subject category (6):
 * nothing is looked up, so first use never waits.  Codes are those of the
 * dossier's file and protocol; 0 stands for "none" in party and subject
 * category.
 */
typedef struct CasusLabel
{
	int64		dossier;
	uint32		item;
	uint16		party;
	uint8		category;
	uint8		phase;
	uint8		subject_category;
} CasusLabel;

typedef enum CasusLabelKind
{
	CASUS_LABEL_GOVERNED,
	CASUS_LABEL_OUTSIDE,		/* under ordinary GRANTs alone */
	CASUS_LABEL_PENDING,		/* parent not there yet; seen by its own transaction only */
	CASUS_LABEL_BROKEN			/* none of these: denied to everyone */
} CasusLabelKind;

extern const pg_uuid_t casus_label_outside;
extern CasusLabelKind casus_label_unpack(const pg_uuid_t *raw, CasusLabel *label);
extern void casus_label_pack(const CasusLabel *label, pg_uuid_t *raw);
extern void casus_label_pending(pg_uuid_t *raw);	/* of the current top-level transaction */
extern bool casus_label_is_own_pending(const pg_uuid_t *raw);

/* ------------------------------------------------------------------------
 * sink.c: where log records go
 * ------------------------------------------------------------------------ */

/*
 * Append-only file of one JSON object per line, shared by the cluster.
 * append: buffered by the kernel; sync: durable up to what this backend wrote.
 * Both raise casus.log_unavailable when they cannot, and nothing may leave.
 */
extern void casus_sink_init(void);
extern void casus_sink_append(const char *line, int len);
extern void casus_sink_sync(void);
extern void casus_sink_ready(void); /* refuses while records cannot be written */
extern const char *casus_sink_directory(void);
extern void casus_sink_path(char *path);	/* of the file, MAXPGPATH bytes */

/* The same for where no error can be raised: false with errno. */
extern bool casus_sink_try_append(const char *lines, int length);
extern bool casus_sink_try_sync(void);
extern bool casus_sink_waiting(void);	/* appended by this backend, not durable */
extern bool casus_sink_lagging(void);	/* appended by anybody, not durable */
extern void casus_sink_cover(void); /* wait for what anybody appended, as for one's own */

/* ------------------------------------------------------------------------
 * wiregate.c: holds messages back until their records are written
 * ------------------------------------------------------------------------ */

typedef struct CasusGateOwner
{
	bool		(*waiting) (void);	/* is there a record that must precede what leaves? */
	bool		(*settle) (bool all);	/* write and sync; false: cannot. Must not raise */
	void		(*leaving) (void);	/* a message is about to leave */
} CasusGateOwner;

extern void casus_wiregate_install(const CasusGateOwner *gate_owner);

/* ------------------------------------------------------------------------
 * protocol.c: a protocol's rules, compiled
 * ------------------------------------------------------------------------ */

/* One rule of casus_cat.rule: who may do what in a state, for a purpose. */
typedef struct CasusRule
{
	int16		ordinal;
	uint8		state;			/* phase code 0..31 or stage code 32..63 */
	uint8		office;
	uint8		purpose;
	uint8		scope;			/* CasusScope */
	uint8		verbs;			/* CasusVerb bits */
	bool		participants;	/* only for participants of the dossier */
	uint64		categories;		/* bit per category code */
	const char *article;
} CasusRule;

/* One step of the retention of a terminal phase. */
typedef struct CasusStage
{
	uint8		code;			/* 32..63 */
	uint8		phase;
	const char *name;
	const CasusTerm *until;
	const char *article;
} CasusStage;

typedef struct CasusProtocol
{
	int32		id;
	const char *name;
	int			nphases,
				npurposes,
				noffices,
				ncategories,
				nsubject_categories,
				nrules,
				nstages,
				nchecks;
	const char **phase;			/* name by code */
	const char **phase_article;
	uint64		terminal;		/* bit per phase */
	const char **purpose;
	uint64	   *purpose_phases; /* per purpose: the phases whose dossiers it reads */
	uint64		standing;		/* bit per purpose: may be a standing purpose */
	const char **office;
	char	   *office_level;	/* CasusLevel per office */
	const char **category;
	uint64	   *category_subjects;	/* per category: allowed subject categories, bit per code; all ones = any */
	const char **category_article;
	const char **subject_category;
	CasusRule  *rules;
	CasusStage *stages;			/* in order, by phase */
	const char **check;			/* codes of refusals that have an article of their own */
	const char **check_article;
} CasusProtocol;

/* From the state tables. Good to the end of the transaction at most: ask again. Error if there is none. */
extern const CasusProtocol *casus_protocol(int32 id);
extern int	casus_protocol_phase(const CasusProtocol *p, const char *name); /* -1: none; likewise below */
extern int	casus_protocol_purpose(const CasusProtocol *p, const char *name);
extern int	casus_protocol_office(const CasusProtocol *p, const char *name);
extern int	casus_protocol_category(const CasusProtocol *p, const char *name);
extern int	casus_protocol_subject_category(const CasusProtocol *p, const char *name);

/* The article under which a check refuses, by the code of the refusal; NULL: the document names none. */
extern const char *casus_protocol_check_article(const CasusProtocol *p, const char *code);

/* ------------------------------------------------------------------------
 * registry.c: which table is protected, and how (security labels)
 * ------------------------------------------------------------------------ */

typedef enum CasusMode
{
	CASUS_MODE_NONE = 0,
	CASUS_MODE_REGISTERED,
	CASUS_MODE_OBSERVE,
	CASUS_MODE_ENFORCE
} CasusMode;

typedef struct CasusProtected
{
	Oid			relid;
	CasusMode	mode;
	bool		fenced;			/* policy, trigger, ENABLE and FORCE all in place */
	bool		foreign;		/* its installation id is not ours: denied */
	bool		hide;			/* without_purpose => 'hide' */
	bool		mixed;			/* has governs, or takes its label from such a parent */
	AttrNumber	label_attno;
	int			nfiles;			/* files that govern rows of this table */
	int32	   *files;
	void	   *settings;		/* registry.c's own: what the row trigger needs */
} CasusProtected;

extern void casus_registry_init(void);	/* label provider, invalidation */
extern const CasusProtected *casus_registry_find(Oid relid);	/* NULL: not protected */
extern bool casus_registry_empty(void); /* no protected table in this database: the fast way out */

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
	CASUS_COL_SHARING_STARTS = 5
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
 * context.c: who acts, in which office, for what
 * ------------------------------------------------------------------------ */

typedef enum CasusActorKind
{
	CASUS_ACTOR_LOGIN = 'l',	/* the session's login role */
	CASUS_ACTOR_SET_ROLE = 'r', /* the role taken by SET ROLE */
	CASUS_ACTOR_TOKEN = 't'		/* a person asserted by a trusted application */
} CasusActorKind;

typedef struct CasusActor
{
	Oid			role;
	CasusActorKind kind;
	int32		person;			/* 0: this role is nobody known */
} CasusActor;

typedef enum CasusSource
{
	CASUS_FROM_CONTEXT = 'c',	/* casus.enter */
	CASUS_FROM_STANDING = 's',	/* a standing purpose of an appointment */
	CASUS_FROM_BREAK_GLASS = 'b'
} CasusSource;

typedef struct CasusCapacity
{
	int32		file;
	int32		protocol;
	int32		person;
	int64		appointment;
	int64		dossier;		/* 0: all dossiers of the file where the office may act */
	uint16		party;			/* code in the file, 0: none */
	uint8		office;
	uint8		purpose;
	char		source;			/* CasusSource */
} CasusCapacity;

extern void casus_context_init(void);
extern CasusActor casus_context_actor(void);

/*
 * The capacity in which this session reads a file's dossiers now, or NULL.
 * Checked against appointments as of now; in a parallel worker it is the
 * leader's.
 */
extern const CasusCapacity *casus_context_for_file(int32 file);
extern const CasusCapacity *casus_context_entered(void);	/* set by enter(), or NULL */

extern int	casus_context_all(const CasusCapacity **capacities);	/* one per file; how many */
extern TimestampTz casus_context_until(void);	/* when a capacity begins or ends by itself */
extern bool casus_context_is_session(void);

/* Counts enter, leave, changes of role: an open cursor compares it. */
extern uint64 casus_context_generation(void);
extern uint64 casus_context_count;	/* as last noticed, for what compares it per row */

/* enter.c has judged; refused while a statement over protected tables runs. */
extern void casus_context_set(const CasusCapacity *capacity, bool for_session);
extern void casus_context_clear(void);

/*
 * capacity.c: the capacity for an act on a dossier (or on a file, dossier 0): that of the
 * context when it fits, else the only fitting appointment among the offices
 * given (bit per office code).  Raises no_appointment, wrong_office or
 * ambiguous_capacity, with the article given.
 */
extern void casus_context_for_act(int32 file, int64 dossier, uint64 offices,
								  const char *article, CasusCapacity *capacity);

/* Statements over protected tables that run now; enter() and leave() are refused inside one. */
extern void casus_context_freeze(void);
extern void casus_context_thaw(void);
extern void casus_context_discard(void);	/* DISCARD ALL */

/* ------------------------------------------------------------------------
 * dossier.c: the state of a dossier as of now
 * ------------------------------------------------------------------------ */

typedef struct CasusDossier
{
	int64		id;
	int32		file;
	uint8		phase;
	uint8		state;			/* phase, or the stage the clock has reached; 255: gone */
	DateADT		clock;			/* DATEVAL_NOBEGIN: not started */
	TimestampTz valid_until;	/* when the clock moves it to its next stage */
} CasusDossier;

extern bool casus_dossier_load(int64 id, CasusDossier *dossier);	/* newest commit and own changes; false: none */
extern int32 casus_dossier_file_protocol(int32 file);	/* 0: no such file */

/* For what reads many rows of casus_cat.dossier or casus_cat.participant itself. */
extern void casus_dossier_from_row(CasusScan *scan, CasusDossier *dossier);
extern void casus_dossier_stage(CasusDossier *dossier, const CasusProtocol *protocol, TimestampTz now);
extern bool casus_dossier_row_involves(CasusScan *scan, int32 person, uint16 party, int office);

/* With until: lowered to the moment when the answer changes by itself. */
extern bool casus_dossier_participates_until(int64 id, int32 person, uint16 party, int office,
											 TimestampTz *until);
extern int	casus_dossier_ended_sharing(int64 id, uint16 party);
extern int	casus_dossier_sharing(int64 id, uint16 party, uint32 **items, TimestampTz *until);
extern bool casus_dossier_participates(int64 id, int32 person, uint16 party, int office);
extern bool casus_dossier_shared(int64 id, uint32 item, uint16 party);	/* item or whole dossier, now */

/* Locks the dossier's row (once per transaction) so that advance and the like wait; false: none. */
extern bool casus_dossier_lock(int64 id, LockTupleMode mode);
extern void casus_dossier_init(void);

/* ------------------------------------------------------------------------
 * check.c: in words, which check and article refuse
 * ------------------------------------------------------------------------ */

/* That of these files, or (none) of all activated ones; NULL: none, or not the same one. */
extern const CasusProtocol *casus_check_protocol(const int32 *files, int nfiles);
extern const CasusProtocol *casus_check_protocol_of(const CasusProtected *prot);

/* "beesel-2021 art. 9.10: the check"; each argument may be NULL. */
extern char *casus_check_detail(const CasusProtocol *protocol, const char *code,
								const char *article, const char *check);
/* HINT of casus.no_purpose */
#define CASUS_HINT_ENTER \
	_("BEGIN; SELECT casus.enter('<purpose>'); ... COMMIT; -- yours: SELECT * FROM casus.my_purposes();")

extern void casus_check_refuse(const CasusProtocol *protocol, const char *code, const char *message,
							   const char *check, const char *hint) pg_attribute_noreturn();

/* ------------------------------------------------------------------------
 * policy.c: one verdict per row
 * ------------------------------------------------------------------------ */

typedef struct CasusReason
{
	const char *code;			/* code of the refusal; NULL when allowed */
	const char *article;		/* of the rule that grants, or of the check that refuses */
	const char *text;			/* one sentence, no data of rows */
	const char *hint;			/* next step as SQL, or NULL */
} CasusReason;

extern void casus_policy_init(void);

/* At executor start and at each run: take in invalidations, look at the clock, drop what is stale. */
extern void casus_policy_begin(void);
extern void casus_policy_end(void); /* free the large caches: called when no statement runs any more */

/* The read verdict for one label under the session's capacities; the function permits() is this. */
extern bool casus_policy_permits(const pg_uuid_t *raw);

/* The verdict with its reason, for any capacity (NULL: none) and verb. Used by why() and the row trigger. */
extern bool casus_policy_explain(const CasusCapacity *capacity, const CasusLabel *label,
								 CasusVerb verb, CasusReason *reason);

/* Rows that this transaction inserted stay visible and changeable to it. */
extern void casus_policy_note_insert(int64 dossier, uint32 item);
extern bool casus_policy_inserted_here(int64 dossier, uint32 item);
extern bool casus_policy_any_insert(void);	/* then no parallel plan: workers do not know them */

/* A number that changes when what the session may see of this dossier is narrowed; for open cursors. */
typedef struct CasusSight
{
	uint64		all,			/* categories readable whoever supplied them */
				own,
				shared;
	int			ended;			/* decisions to share with my party that have ended */
} CasusSight;
extern void casus_policy_sight(int64 dossier, CasusSight *sight);
extern bool casus_policy_narrowed(const CasusSight *was, const CasusSight *is);

/* ------------------------------------------------------------------------
 * logrecord.c: a log record as a line of JSON, from ready pieces
 * ------------------------------------------------------------------------ */

struct StringInfoData;

extern void casus_logrecord_open(struct StringInfoData *line, const char *kind);
extern void casus_logrecord_close(struct StringInfoData *line);
extern void casus_logrecord_text(struct StringInfoData *line, const char *key, const char *text);
extern void casus_logrecord_number(struct StringInfoData *line, const char *key, int64 number);
extern const char *casus_logrecord_identity(void);
extern const char *casus_logrecord_database(void);
extern char *casus_logrecord_capacity(int32 file, const CasusCapacity *capacity);
extern char *casus_logrecord_relation(Oid relid);
extern char *casus_logrecord_person(int32 person);
extern int32 casus_logrecord_protocol(int32 file);

/* ------------------------------------------------------------------------
 * accesslog.c: what each statement let through
 * ------------------------------------------------------------------------ */

extern void casus_accesslog_init(void);

/* After standard ExecutorStart: wraps the quals of the scans of protected relations. */
extern void casus_accesslog_start(QueryDesc *query);
extern void casus_accesslog_run(QueryDesc *query);	/* before each run: may it go on? */
extern void casus_accesslog_end(QueryDesc *query);	/* executor end: write what is left */

/* One-off records: kind is "refusal", "attempt", "act", "export", "setup", "write" ...; texts may be NULL. */
extern void casus_accesslog_event(const char *kind, Oid relid, int64 dossier,
								  const char *code, const char *text);

/* Writes what waits, so that a reader of the log finds it; refuses when it cannot. */
extern void casus_accesslog_flush(void);

/* A row written, in the row trigger: counted per relation, verb and dossier until commit. */
extern void casus_accesslog_note_write(Oid relid, int64 dossier, CasusVerb verb);

/* ------------------------------------------------------------------------
 * rowtrigger.c, items.c: labels for new rows, write verdicts
 * ------------------------------------------------------------------------ */

extern uint32 casus_next_item(void);	/* a number not used before in any dossier (sequence, blocks of 32) */

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
extern int32 casus_find_person(const char *name);
extern char *casus_find_parties_article(const CasusFile *file);
extern char *casus_find_oath_article(const CasusFile *file, const CasusOffice *office);
extern char *casus_find_detail(const CasusFile *file, const char *article, const char *check);

/* ------------------------------------------------------------------------
 * sight.c: whose dossiers the caller may know of
 * ------------------------------------------------------------------------ */

#define CASUS_STATE_GONE	255 /* past the last retention stage */

extern bool casus_sight_dossier(int64 dossier, CasusDossier *state);
extern bool casus_sight_file(int32 file, char level);

/* ------------------------------------------------------------------------
 * act.c: acts as rows
 * ------------------------------------------------------------------------ */

#define CASUS_NO_PURPOSE	255 /* an act in a phase that no purpose reads */

/*
 * Writes an act in the actor's transaction and returns its id.  Motivation
 * and details are content: they go to act_content and are destroyed with the
 * dossier.  The attempt and the outcome go to the access log as well.
 */
extern int64 casus_act_record(const CasusCapacity *capacity, const char *kind, int64 dossier,
							  const char *motivation, Jsonb *details);
extern int64 casus_act_record_setup(int32 file, const char *kind, int64 dossier,
									const char *motivation, Jsonb *details);

/* A text argument of an act, or NULL. */
extern char *casus_act_text(FunctionCallInfo fcinfo, int argument);

/* Pairs of key and value (NULL: left out), ended by a NULL key. */
extern Jsonb *casus_act_details(const char *key,...);

/* Opens a dossier in the file's initial phase; used by open_dossier() and by the row trigger. */
extern int64 casus_act_open_dossier(int32 file, Jsonb *details, const char *motivation);

/* Refuses whoever is not casus_admin; the installation has an id afterwards. */
extern void casus_act_require_admin(const char *act);

/* The same refusal for a dossier that does not exist and one that the caller may not know of. */
extern void casus_act_refuse_unknown(void) pg_attribute_noreturn();

/* What every act on a dossier begins with; the dossier's row is locked afterwards. */
typedef struct CasusActTarget
{
	CasusDossier dossier;
	CasusFile	file;
	const CasusProtocol *protocol;
	const char *phase;			/* name of the dossier's phase */
} CasusActTarget;

extern void casus_act_begin(const char *act, int64 dossier, CasusActTarget *target);

/* ------------------------------------------------------------------------
 * act_person.c: an appointment, also as part of involving somebody
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

extern int64 casus_act_person_appoint(const CasusFile *file, const CasusAppointment *a);

/* ------------------------------------------------------------------------
 * act_dossier.c; act_gate.c, act_share.c (layer 9)
 * ------------------------------------------------------------------------ */

/* The offices that say who takes part in the dossier and what is shared, as a mask. */
extern uint64 casus_act_dossier_deciders(const CasusActTarget *target);

/* ------------------------------------------------------------------------
 * guard_*.c (layers 8 and 9; what they share stands in guard.h)
 * ------------------------------------------------------------------------ */

/* Before planning: binds roles that row security does not bind. May forbid parallelism in *options. */
extern void casus_guard_query(Query *query, const char *sql, int *options);

/* At executor start: every scan of a protected relation carries the policy, else refuse. */
extern void casus_guard_plan(QueryDesc *query, int eflags);

/* Before a utility statement; returns the statement to run. */
struct CasusGuardScope;
extern PlannedStmt *casus_guard_utility(PlannedStmt *pstmt, struct CasusGuardScope *scope);

/* After it. */
extern void casus_guard_utility_done(PlannedStmt *pstmt, struct CasusGuardScope *scope, uint64 processed);

extern void casus_guard_object(ObjectAccessType access, Oid class, Oid object, int subobject, void *arg);

/* ------------------------------------------------------------------------
 * hooks.c: every saved hook, chain order, dispatch
 * ------------------------------------------------------------------------ */

extern void casus_hooks_init(void);
extern void casus_hooks_executor_run(QueryDesc *query, ScanDirection direction,
									 uint64 count, bool once);	/* see compat.h */

#endif							/* CASUS_H */
