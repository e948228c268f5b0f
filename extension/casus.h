/*
 * casus.h
 *		What any source file of casus may use: one section per file, in layer
 *		order.  A file calls only files of a lower layer (README.md, test/lint/layers).
 *
 * What fewer files share stands in headers of its own, each of which says for
 * whom; README.md lists them.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_H
#define CASUS_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/transam.h"
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

/* What a rule may allow: the read verdict, and the three write verdicts. */
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
 * input.c: the value that a text stands for, if any
 * ------------------------------------------------------------------------ */

extern bool casus_input_is_at_fault(int sqlstate);
extern bool casus_input_value(Oid function, const char *text, Oid param, Datum *value);

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
extern char *casus_pass_armed;	/* NULL: none */
extern bool casus_pass_fits(const char *sql);
extern bool casus_pass_use(const char *sql);

static inline bool
casus_pass_admits_planning(const char *sql)	/* does not consume */
{
	return unlikely(casus_pass_armed != NULL) && casus_pass_fits(sql);
}

static inline bool
casus_pass_consume(const char *sql) /* executor start, utility */
{
	return unlikely(casus_pass_armed != NULL) && casus_pass_use(sql);
}

/* ------------------------------------------------------------------------
 * label.c: the label of a row
 * ------------------------------------------------------------------------ */

/*
 * 16 bytes, big-endian: dossier 8, item 4, class 4.  The class packs party
 * code (12 bits), mark of further
 * dossiers (1), category (7), phase of collection (6), subject category (6):
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
	bool		linked;			/* other dossiers besides: casus_cat.linked */
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
/* Is a governed label marked? Asked of every row; ids of dossiers do not reach the first byte. */
#define CASUS_LABEL_IS_LINKED(raw)	(((raw)->data[13] & 0x08) != 0 && (raw)->data[0] == 0)

extern void casus_label_pack(const CasusLabel *label, pg_uuid_t *raw);
extern void casus_label_pending(pg_uuid_t *raw);	/* of the current top-level transaction */
extern bool casus_label_is_own_pending(const pg_uuid_t *raw);

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
/* The same, on record as one that is about this table. */
extern void casus_refuse_table(Oid relid, const char *code, const char *message,
							   const char *detail, const char *hint) pg_attribute_noreturn();

/* A set-up error: the same with an SQLSTATE of the caller's; code may be NULL. */
extern void casus_setup_error(int sqlstate, const char *code, const char *message,
							  const char *detail, const char *hint) pg_attribute_noreturn();

/* Called with every refusal before it is raised; accesslog.c puts itself here. */
typedef void (*CasusRefusalHook) (const char *code, Oid relid, const char *message,
								  const char *detail);
extern CasusRefusalHook casus_refusal_hook;

/* Refuses with casus.not_preloaded unless the library came in with the postmaster. */
extern void casus_require_preloaded(void);
/* Refuses what writes on a hot standby and in a read-only transaction. */
extern void casus_require_writable(void);

/* ------------------------------------------------------------------------
 * shmem.c: the shared memory of casus
 * ------------------------------------------------------------------------ */

extern void casus_shmem_init(void); /* request and startup hooks */
extern void casus_shmem_request(Size size);

/* For a size that needs MaxBackends, which is known late. */
extern void casus_shmem_request_later(Size (*size) (void));

/* Run at startup under AddinShmemInitLock. */
extern void casus_shmem_add(void (*startup) (void));

/* ------------------------------------------------------------------------
 * freeze.c: statements over protected tables that run
 * ------------------------------------------------------------------------ */

extern void casus_freeze_init(void);

/* Around each: enter() and leave() are refused inside. */
extern void casus_freeze_begin(void);
extern void casus_freeze_end(void);
extern bool casus_freeze_any(void);
extern bool casus_freeze_by_other(Oid session_user, Oid set_role);

/* ------------------------------------------------------------------------
 * windows.c: maintenance windows
 * ------------------------------------------------------------------------ */

typedef struct CasusWindow
{
	Oid			relid;
	Oid			role;			/* current user when it was opened */
	TimestampTz until;
	int			pid;			/* of its session */
} CasusWindow;

extern void casus_windows_init(void);
extern void casus_windows_open(Oid relid, Oid role, TimestampTz until);
extern bool casus_windows_are_open(Oid relid, Oid role);	/* in this session */
extern int	casus_windows_all(CasusWindow **windows);

/* ------------------------------------------------------------------------
 * catalog.c: the only file that looks up oids of casus' own objects
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
	CASUS_LINKED,
	CASUS_OPENING,
	CASUS_ACT,
	CASUS_ACT_CONTENT,
	CASUS_DECISION,
	CASUS_NTABLES
} CasusTable;

extern void casus_catalog_init(void);

/* Is the extension in this database? Outside a transaction nobody knows: false. */
extern bool casus_installed(void);
extern bool casus_creating(void);	/* inside CREATE/ALTER EXTENSION casus */
extern Oid	casus_table_oid(CasusTable table);
extern Oid	casus_table_pkey(CasusTable table);
extern Oid	casus_index_oid(const char *name);	/* a secondary index in casus_cat */
extern bool casus_is_own_relation(Oid relid);	/* a table, sequence or index in casus_cat */
extern bool casus_is_dumped(Oid relid); /* a table that pg_dump takes along: not of the log */
extern Oid	casus_owner_oid(void);	/* role casus_owner */
extern Oid	casus_column_permits_oid(void); /* casus_int.column_permits(casus.label, ...) */
extern Oid	casus_meets_oid(void);	/* casus_int.meets(casus.label, oid) */
extern Oid	casus_row_trigger_oid(void);	/* casus_int.row_trigger() */
extern Oid	casus_finds_parent_oid(void);	/* casus_int.finds_parent(casus.label) */
extern Oid	casus_setval_oid(void); /* casus_int.setval(regclass, bigint, boolean) */
extern Oid	casus_keeps_oid(void);	/* casus_int.keeps(anyelement, oid) */
extern Oid	casus_shows_statistics_oid(void);	/* casus_int.shows_statistics(oid, boolean) */
extern Oid	casus_above_oid(void);	/* casus_int.above(anyelement) */
extern Oid	casus_label_type_oid(void);

/* NULL while the installation is fresh; ensure makes the row, at the first set-up call. */
extern const pg_uuid_t *casus_installation_id(void);
extern void casus_installation_ensure(void);

/* Is the role a member of the group? A superuser counts as casus_admin only. */
extern bool casus_is_admin(Oid role);
extern bool casus_is_auditor(Oid role);
extern bool casus_is_collector(Oid role);
extern bool casus_is_backup(Oid role);	/* login itself has BYPASSRLS and is a member */

/*
 * Counts every change of a state table that this backend has heard of:
 * relcache invalidations (other sessions' commits, own commands, own
 * subtransaction aborts).  casus_catalog_listen() takes in what has arrived.
 */
extern uint64 casus_state_generation(void);
extern uint64 casus_catalog_generation; /* the same, for what compares it per row */
extern uint64 casus_catalog_people; /* of these, those of people and rules */
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

#include "protocol.h"			/* protocol.c: CasusProtocol */

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
	Oid			family;			/* the table whose settings these are; itself if not a member */
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

extern void casus_registry_init(void);	/* invalidation */
extern void casus_registry_label_init(void);	/* label provider */
#include "quick.h"				/* casus_present(), casus_registry_find() */

/* ------------------------------------------------------------------------
 * check.c: in words, which check and article refuse
 * ------------------------------------------------------------------------ */

/* That of these files, or (none) of all activated ones; NULL: none, or not the same one. */
extern const CasusProtocol *casus_check_protocol(const int32 *files, int nfiles);
extern const CasusProtocol *casus_check_protocol_of(const CasusProtected *prot);

/* "beesel-2021 art. 9.10: the check"; each argument may be NULL. */
extern char *casus_check_detail(const CasusProtocol *protocol, const char *code,
								const char *article, const char *check);

/* DETAIL of a set-up error that keeps the promise: AVG art. 25, 32 where no protocol speaks. */
extern char *casus_check_ground(const CasusProtocol *protocol, const char *code,
								const char *check);
extern char *casus_check_ground_of(Oid relid, const char *code, const char *check);

/* HINT of casus.no_purpose */
#define CASUS_HINT_ADMINS \
	_("SELECT rolname FROM pg_roles WHERE rolcanlogin AND pg_has_role(oid, 'casus_admin', 'MEMBER');  -- ask one of these")
#define CASUS_HINT_AUDITORS \
	_("SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND pg_has_role(oid, 'casus_auditor', 'MEMBER');  -- ask one of these")
#define CASUS_HINT_CALLS _("What it takes stands in its comment: \\df+ casus.* in psql.")
#define CASUS_HINT_ENTER \
	_("SELECT call FROM casus.my_purposes();  -- the call of casus.enter, for between BEGIN and COMMIT")

extern void casus_check_refuse(const CasusProtocol *protocol, const char *code,
							   const char *message, const char *check,
							   const char *hint) pg_attribute_noreturn();

/* ------------------------------------------------------------------------
 * dossier.c: the state of a dossier as of now
 * ------------------------------------------------------------------------ */

#define CASUS_STATE_GONE	255 /* past the last retention stage */

typedef struct CasusDossier
{
	int64		id;
	int32		file;
	uint8		phase;
	uint8		state;			/* phase, or the stage the clock has reached */
	DateADT		clock;			/* DATEVAL_NOBEGIN: not started */
	TimestampTz valid_until;	/* when the clock moves it to its next stage */
} CasusDossier;

/* Newest commit and own changes; false: none. */
extern bool casus_dossier_load(int64 id, CasusDossier *dossier);
extern int32 casus_dossier_file_protocol(int32 file);	/* 0: no such file */

/* until is lowered to the moment when the answer changes by itself. */
extern bool casus_dossier_participates(int64 id, int32 person, uint16 party,
									   int office);
extern bool casus_dossier_participates_until(int64 id, int32 person,
											 uint16 party, int office,
											 TimestampTz *until);

/* Is the item, or the whole dossier, shared with the party now? */
extern bool casus_dossier_shared(int64 id, uint32 item, uint16 party);
/* Further dossiers of an item; palloced. */
extern int	casus_dossier_linked(int64 id, uint32 item, int64 **others);
extern int	casus_dossier_sharing(int64 id, uint16 party, uint32 **items,
								  TimestampTz *until);
extern int	casus_dossier_ended_sharing(int64 id, uint16 party);

/*
 * Locks the dossier's row, once per transaction, so that advance and the like
 * wait; false: there is none.
 */
extern bool casus_dossier_lock(int64 id, LockTupleMode mode);
extern bool casus_dossier_held(int64 id);	/* by this transaction */

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
	CASUS_FROM_BREAK_GLASS = 'b',
	CASUS_FROM_INSPECTION = 'i'
} CasusSource;

#define CASUS_NO_PURPOSE	255 /* an act in a phase that no purpose reads */

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

/* A dossier opened to a login beside the rules (glass.c); the source says which of the two. */
typedef struct CasusOpening
{
	int64		act;
	CasusCapacity capacity;		/* for this dossier */
} CasusOpening;

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
extern const CasusOpening *casus_context_opening(int64 dossier);
extern int	casus_context_openings(const CasusOpening **openings);
extern bool casus_context_reads_file(int32 file);	/* in a capacity, or by an opening */
extern volatile bool *casus_context_passed(void);	/* workers have let governed rows through */
extern TimestampTz casus_context_until(void);	/* when a capacity begins or ends by itself */
extern bool casus_context_is_session(void);

/* Counts enter, leave, changes of role: an open cursor compares it. */
extern uint64 casus_context_generation(void);
extern uint64 casus_context_count;	/* as last noticed, for what compares it per row */

/* enter.c has judged; refused while a statement over protected tables runs. */
extern void casus_context_set(const CasusCapacity *capacity, bool for_session);
extern void casus_context_clear(void);

/* Was the role changed inside such a statement: is it so, and then refuse. */
extern bool casus_context_strays(void);
extern void casus_context_require_same(void);
extern void casus_context_discard(void);	/* DISCARD ALL */

/* ------------------------------------------------------------------------
 * capacity.c: the capacity for an act
 * ------------------------------------------------------------------------ */

/*
 * On a dossier, or (dossier 0) on a file: the capacity of the context when it
 * fits, else the only fitting appointment among the offices given (bit per
 * office code).  Raises no_appointment, wrong_office or ambiguous_capacity,
 * with the article given.
 */
extern void casus_context_for_act(int32 file, int64 dossier, uint64 offices,
								  const char *article, CasusCapacity *capacity);

/* The read verdict for one label, in the context or in an office that fits; raises nothing. */
extern bool casus_context_may_read(int32 file, const CasusLabel *label);

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

/* At executor start and at each run: takes in messages, drops what is stale. */
extern void casus_policy_begin(void);
extern void casus_policy_forget(void);	/* a statement of another role may have run */
extern void casus_policy_end(void); /* no statement runs any more: frees large caches */

/* The read verdict under the session's capacities: what permits() answers. */
extern bool casus_policy_permits(const pg_uuid_t *raw);

/* The verdict with its reason, for any capacity (NULL: none) and verb. */
extern bool casus_policy_explain(const CasusCapacity *capacity, const CasusLabel *label,
								 CasusVerb verb, CasusReason *reason);

/* Rows that this transaction inserted stay visible and changeable to it. */
extern void casus_policy_note_insert(int64 dossier, uint32 item);
extern bool casus_policy_inserted_here(int64 dossier, uint32 item);
extern bool casus_policy_any_insert(void);	/* then no parallel plan: workers know none */

/* What the session sees of one dossier; an open cursor compares it. */
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
 * accesslog.c: what each statement let through
 * ------------------------------------------------------------------------ */

extern void casus_accesslog_init(void);
/* After standard ExecutorStart: wraps the quals of the scans of protected relations. */
extern void casus_accesslog_start(QueryDesc *query, bool is_copy,	/* into a temporary table */
								  bool is_point);	/* its condition is not there yet */
extern void casus_accesslog_run(QueryDesc *query);	/* before each run: may it go on? */
extern void casus_accesslog_end(QueryDesc *query);	/* executor end: write what is left */
extern void casus_accesslog_workers(void);	/* parallel workers may be launched */
extern void casus_accesslog_ran(QueryDesc *query);	/* a run over protected tables has ended */
/* May the row be seen that its ON CONFLICT meets? Then it is on record. */
extern bool casus_accesslog_meets(QueryDesc *query, const CasusProtected *table,
								  const pg_uuid_t *raw);
extern void casus_accesslog_content(QueryDesc *query, int32 file, int64 dossier, int64 act);
extern bool casus_accesslog_passed(QueryDesc *query, Oid relid);	/* 0: of any table */
/* a table in observe, likewise, or 0 */
extern Oid	casus_accesslog_observed(QueryDesc *query, Oid relid);

/* One record: kind is "refusal", "attempt", "act", "setup" ...; texts may be NULL. */
extern void casus_accesslog_event(const char *kind, Oid relid, int64 dossier,
								  const char *code, const char *text);

/* Writes what waits, so that a reader of the log finds it; refuses when it cannot. */
extern void casus_accesslog_flush(void);
extern void casus_accesslog_shown(void);	/* before other sessions see something of it */

/* A row written, in the row trigger: counted per relation, verb and dossier until commit. */
extern void casus_accesslog_note_write(Oid relid, int64 dossier, CasusVerb verb);

/* ------------------------------------------------------------------------
 * hooks.c: every saved hook, chain order, dispatch
 * ------------------------------------------------------------------------ */

extern void casus_hooks_init(void);
extern void casus_hooks_executor_run(QueryDesc *query, ScanDirection direction,
									 uint64 count, bool once);	/* see compat.h */

#endif							/* CASUS_H */
