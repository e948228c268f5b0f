/*
 * accesslog.h
 *		The access log inside: for sink.c, wiregate.c, log*.c and accesslog.c,
 *		and for those that must know where its files are, or what a running statement
 *		has let through.  Everybody else notes what happens by the functions of
 *		accesslog.c in casus.h.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_ACCESSLOG_H
#define CASUS_ACCESSLOG_H

#include "casus.h"
#include "logsegment.h"

#include "lib/ilist.h"
#include "lib/stringinfo.h"
#include "utils/uuid.h"

extern char *casus_log_key_file;	/* settings.c; empty: beside the data directory */
extern int	casus_log_ring_size, casus_log_segment_size;	/* kB */
extern int	casus_log_timeout;	/* seconds */
extern int	casus_log_load_interval;	/* seconds */
extern int	casus_log_retention;	/* minutes; 0: for ever */

#define CASUS_TRACEPARENT	55	/* bytes */
extern char *casus_traceparent; /* of the session; empty: none */

/* ---- logkey.c: the key file ---- */

extern void casus_logkey_init(void);
extern const char *casus_logkey_path(void);
extern bool casus_logkey_read(CasusLogKeys *keys, const char **why);
extern bool casus_logkey_of_node(CasusLogKeys *keys, const uint8 *node, const char **why);
extern bool casus_logkey_obtain(CasusLogKeys *keys, bool *made, const char **why);
extern bool casus_logkey_replace(CasusLogKeys *keys, const char **why);
extern bool casus_logkey_add(CasusLogKeys *keys);

/* ---- logring.c: records on their way to the writer ---- */

/* Causes of failure beside errno. */
#define CASUS_LOG_NO_KEY	(-1)
#define CASUS_LOG_STALLED	(-2)
#define CASUS_LOG_EXPOSED	(-3)	/* others may write in its directory */

typedef struct CasusLogHead
{
	uint8		node[CASUS_LOG_NODE];
	CasusLogPoint end;
} CasusLogHead;

extern void casus_logring_init(void);
extern bool casus_logring_usable(void);
extern uint64 casus_logring_written(void);
extern uint64 casus_logring_durable(void);
extern uint64 casus_logring_told(void);
extern int	casus_logring_failing(void);
extern bool casus_logring_head(CasusLogHead *head);
extern bool casus_logring_begun(CasusLogHead *head);
extern uint32 casus_logring_block_max(void);
extern bool casus_logring_put(const char *data, uint32 length, uint64 *end);
extern bool casus_logring_wait(uint64 position);
extern bool casus_logring_probe(void);
extern bool casus_logring_rotate(bool *answered);

/* The same for the writer. */
extern void (*casus_logring_alone) (void);
extern void casus_logring_attach(void);
extern bool casus_logring_take(uint64 *position, StringInfo block);
extern uint64 casus_logring_blocks(void);
extern bool casus_logring_idle(bool idle, uint64 taken);
extern bool casus_logring_awaited(void);
extern void casus_logring_publish(uint64 durable, const CasusLogHead *head);
extern bool casus_logring_fail(int code);
extern uint64 casus_logring_asked(void);
extern void casus_logring_answer(uint64 asked);
extern uint64 casus_logring_rotations(uint64 *asked);
extern void casus_logring_rotated(uint64 asked, bool done);

/* ---- sink.c: where log records go ---- */

/*
 * append: in the ring; sync: durable up to what this backend appended.
 * Both raise casus.log_unavailable when they cannot, and nothing may leave.
 */
extern void casus_sink_append(const char *line, int len);
extern void casus_sink_sync(void);
extern void casus_sink_ready(void); /* refuses while records cannot be written */
extern const char *casus_sink_directory(void);

/* The same for where no error can be raised: false with errno. */
extern bool casus_sink_leave(const char *lines, int length);
extern bool casus_sink_try_append(const char *lines, int length);
extern bool casus_sink_try_sync(void);
extern bool casus_sink_waiting(void);	/* appended by this backend or for it, not durable */
extern void casus_sink_cover(void); /* wait for what anybody appended, as for one's own */

/* ---- logdir.c: where the files are ---- */

extern void casus_logdir_path(char *path, const uint8 *node);
extern void casus_logdir_file(char *path, const uint8 *node, uint64 segment);
extern bool casus_logdir_can_make(void);
extern bool casus_logdir_make(const uint8 *node);
extern bool casus_logdir_is_made(const uint8 *node);
extern bool casus_logdir_has_room(const uint8 *node, uint64 reserve);
extern bool casus_logdir_write(int fd, const char *data, size_t length, uint64 offset);
extern bool casus_logdir_lock(const uint8 *node);
extern bool casus_logdir_range(const uint8 *node, uint64 behind, uint64 before,
							   uint64 *first, uint64 *last);
extern List *casus_logdir_others(const uint8 *own);
extern bool casus_logdir_has_others(const uint8 *node);
extern int	casus_logdir_get_checkpoint(const uint8 *node, uint8 *bytes);
extern bool casus_logdir_put_checkpoint(const uint8 *node, const uint8 *bytes);
extern void casus_logdir_count(const uint8 *node, uint64 *first, uint64 *last, uint64 *missing);
extern bool casus_logdir_remove(const uint8 *node, uint64 last);
extern bool casus_logdir_header(const CasusLogKeys *keys, uint64 segment, CasusLogHeader *header);

/* ---- logstore.c: the files, for their one writer ---- */

/* What was found where the log ends. */
typedef struct CasusLogFound
{
	bool		made_key;
	bool		fresh;			/* no log of this node was there */
	bool		stopped;		/* its last record says that the server was stopped */
	uint64		torn;			/* bytes cut off and kept aside */
	bool		changed;		/* it is not as it was left */
} CasusLogFound;

extern bool casus_logstore_open(const CasusLogHead *head, CasusLogFound *found);
extern bool casus_logstore_check(bool *changed);
extern void casus_logstore_add(CasusRecordKind kind, const char *payload, uint32 length);
extern uint64 casus_logstore_buffered(void);
extern bool casus_logstore_write(void);
extern bool casus_logstore_sync(void);
extern bool casus_logstore_full(void);
extern bool casus_logstore_next(void);
extern void casus_logstore_trim(void);
extern bool casus_logstore_new_key(void);
extern bool casus_logstore_rekeyed(void);
extern void casus_logstore_undo(void);
extern int64 casus_logstore_time(void);
extern int64 casus_logstore_clock(void);
extern void casus_logstore_head(CasusLogHead *head);
extern int	casus_logstore_error(void);

/* ---- logwriter.c: the process that writes the log ---- */

extern void casus_logwriter_init(void);
extern PGDLLEXPORT void casus_logwriter_main(Datum arg);

/* ---- logfollow.c: going through the log from a place on ---- */

typedef struct CasusLogFollow
{
	CasusLogHead head;			/* as far as it goes */
	uint64		segment;		/* the place behind the record returned last */
	uint64		offset;
	uint64		seq;			/* of that record; 0: not known */
	bool		stays;			/* own log: before what is no record or does not hold */
	const char *odd;			/* likewise: what that is; NULL: none was met */
	CasusLogKeys *own_keys;		/* likewise, where it is verified; else NULL */
	const CasusLogKey *key;		/* of these, that of the segment; NULL: it is not there */
	uint8		mac[CASUS_LOG_MAC]; /* at the place */
	bool		changed;		/* the record returned last does not hold */
	CasusLogKeys *keys;			/* of a copy, which is verified; NULL: the own log */
	CasusLogChain chain;		/* likewise */
	int			fd;				/* -1: no segment is open */
	CasusLogReader file;
} CasusLogFollow;

/* By what a record names its database: pieces of the line, either of them NULL. */
typedef struct CasusLogNames
{
	char	   *name;
	char	   *id;				/* which renaming leaves */
} CasusLogNames;

extern bool casus_logfollow_begin(CasusLogFollow *follow, uint64 segment, uint64 offset,
								  uint64 seq);
extern bool casus_logfollow_verify(CasusLogFollow *follow, bool stays);
extern bool casus_logfollow_begin_copy(CasusLogFollow *follow, const uint8 *node,
									  uint64 segment, uint64 offset, uint64 seq);
extern bool casus_logfollow_next(CasusLogFollow *follow, CasusLogRecord *record);
extern void casus_logfollow_end(CasusLogFollow *follow);
extern bool casus_logfollow_line(StringInfo line, const CasusLogRecord *record);
extern char *casus_logfollow_text(StringInfo line);
extern bool casus_logfollow_of_database(const char *line, const CasusLogNames *names,
										bool *about_log);

/* ---- logform.c: an entry, taken apart ---- */

extern Jsonb *casus_logform_read(StringInfo line, uint64 seq);
extern Jsonb *casus_logform_stand_in(uint64 seq, bool changed);
extern char *casus_logform_month(const Jsonb *entry);

/* ---- logterm.c: how long it is kept ---- */

#define CASUS_LOG_FOR_EVER	PG_INT16_MAX	/* months */

typedef struct CasusLogDatabase
{
	Oid			oid;
	NameData	name;
	bool		is_open;		/* the loader comes into it */
} CasusLogDatabase;

extern void casus_logterm_init(void);
extern List *casus_logterm_databases(void);
extern void casus_logterm_report(void);
extern void casus_logterm_forget(Oid database);
extern int	casus_logterm_longest(void);
extern bool casus_logterm_settle(void);
extern void casus_logterm_publish(void);
extern int	casus_logterm_of_node(void);
extern bool casus_logterm_is_over(int months, TimestampTz written, TimestampTz now);

/* ---- logprune.c: what has gone, taken out of tables ---- */

extern void casus_logprune(void);

/* ---- logverify.c ---- */

extern void casus_logverify_head(CasusLogHead *head);
extern bool casus_logverify_keys(CasusLogKeys *keys, CasusLogHead *head,
								 const pg_uuid_t *node);

/* ---- logload.c: the log, put into tables ---- */

extern void casus_logload_init(void);
extern void casus_logload_override(void);
extern uint64 casus_logload_done(void);
extern PGDLLEXPORT void casus_logload_database(Datum arg);

/* ---- logloader.c: ... of which databases, and when ---- */

extern void casus_logloader_init(void);
extern PGDLLEXPORT void casus_logloader_main(Datum arg);

/* ---- logcollect.c: the logs of other servers, collected ---- */

extern char *casus_log_collect; /* settings.c */

extern void casus_logstanding_init(void);	/* logstanding.c */
extern void casus_logcollect_init(void);
extern void casus_logcollect_start(void);
extern uint64 casus_logcollect_copied(void);
extern PGDLLEXPORT void casus_logcollect_main(Datum arg);

/* ---- wiregate.c: holds messages back until their records are written ---- */

typedef struct CasusGateOwner
{
	bool		(*waiting) (void);	/* is there a record that must precede what leaves? */
	bool		(*settle) (bool all);	/* write and sync; false: cannot. Must not raise */
	void		(*leaving) (void);	/* a message is about to leave */
} CasusGateOwner;

extern void casus_wiregate_install(const CasusGateOwner *gate_owner);

/* Shows the data of COPY to it as they leave; must not raise. false: there is no gate. */
typedef void (*CasusGateTap) (const char *data, size_t length);
extern bool casus_wiregate_tap(CasusGateTap tap);	/* NULL: no more */

/* ---- logevent.c, accesslog.c: casus_accesslog_event() in two steps ---- */

/* Described now (of several dossiers of one file; file 0: by the rest), on record later. */
extern char *casus_accesslog_describe(int32 file, Oid relid, int n, const int64 *dossiers,
									  const char *code, const char *text);
extern void casus_accesslog_described(const char *kind, const char *description);

/* ---- logrecord.c: a log record as a line of JSON, from ready pieces ---- */

extern void casus_logrecord_open(StringInfo line, const char *kind);
extern void casus_logrecord_begin(StringInfo line, const char *more, int length, int room);
extern int	casus_logrecord_query(uint64 query_id, const char **piece);
extern void casus_logrecord_kind(StringInfo line, const char *kind);
extern void casus_logrecord_close(StringInfo line);
extern void casus_logrecord_text(StringInfo line, const char *key, const char *text);
extern const char *casus_logrecord_clip(const char *text);
extern void casus_logrecord_number(StringInfo line, const char *key, int64 number);
extern const char *casus_logrecord_identity(void);
extern uint64 casus_logrecord_identities;	/* how many different ones, one after the other */
extern const char *casus_logrecord_database(void);
extern CasusLogNames casus_logrecord_names(Oid database, const char *name);
extern char *casus_logrecord_capacity(int32 file, const CasusCapacity *capacity);
extern char *casus_logrecord_relation(Oid relid);
extern uint64 casus_logrecord_relation_made(Oid relid);
extern char *casus_logrecord_person(int32 person);
extern void casus_logrecord_init(void);

/* ---- logshape.c: what the records of a relation have in common ---- */

typedef struct CasusLogShape
{
	int32		file;			/* 0: there are several, or none */
	int			phase;			/* the only one of the purpose, or -1 */
	/*
	 * The text, and where its parts end: behind the relation there stands what
	 * begins the dossiers.
	 */
	const char *text;
	int			kind_end;
	int			identity_end;
	int			capacity_end;
	int			phase_end;
	int			relation_end;
	int			length;
} CasusLogShape;

extern const CasusLogShape *casus_logshape_find(const CasusProtected *table, const char *kind,
												const char *verb);
extern int	casus_logshape_phase(const CasusCapacity *capacity);
extern void casus_logshape_put_phase(StringInfo piece, int32 file, int phase);

/* ---- lognote.c: the dossiers of one relation in one statement ---- */

typedef struct NoteSet NoteSet;

/*
 * What a row of a dossier that has been noted before needs: the start of every
 * set.  After many dossiers, where their ids lie close together, the place of
 * each stands in an array by id.
 */
typedef struct NoteCounts
{
	uint64	   *rows;			/* by position, since the last record */
	int		   *dirty;			/* positions with rows to write */
	int			ndirty;
	bool	   *fresh;			/* by position: on no record yet */
	int			nfresh;			/* of those, with rows */
	bool		any;			/* has a row of any passed? */
	uint64		base;			/* of the array; its size 0: there is none */
	uint64		size;
	int32	   *place;			/* position + 1; 0: not known here */
} NoteCounts;

/* One row more of a dossier whose position is known. */
static inline void
casus_lognote_again(NoteSet *set, int position)
{
	NoteCounts *counts = (NoteCounts *) set;

	if (counts->rows[position]++ == 0)
	{
		counts->dirty[counts->ndirty++] = position;
		counts->nfresh += counts->fresh[position];
		counts->any = true;
	}
}

/* One row more of a governed dossier; false: its place is not known here. */
static inline bool
casus_lognote_known(NoteSet *set, int64 dossier)
{
	NoteCounts *counts = (NoteCounts *) set;
	uint64		offset = (uint64) dossier - counts->base;

	if (offset >= counts->size || counts->place[offset] == 0)
		return false;
	casus_lognote_again(set, counts->place[offset] - 1);
	return true;
}

#define CASUS_LOGNOTE_ROOM	1536	/* bytes that a set needs, at the most */
extern NoteSet *casus_lognote_create(void *room, const CasusProtected *table,
									 const char *kind, const char *verb);
extern int	casus_lognote_add(NoteSet *set, int64 dossier, bool refused, bool in_error);
extern int	casus_lognote_ready(NoteSet *set, int64 dossier, bool refused, const CasusLabel *label);
extern void casus_lognote_refused(NoteSet *set, const CasusLabel *label);
extern bool casus_lognote_none(const NoteSet *set);
extern bool casus_lognote_none_permitted(const NoteSet *set);
extern bool casus_lognote_fresh(const NoteSet *set);
extern bool casus_lognote_dirty(const NoteSet *set);
extern bool casus_lognote_narrowed(const NoteSet *set);

/* ---- logline.c: their records ---- */

extern void casus_logline_put(NoteSet *set, StringInfo lines, bool all, uint64 query_id);

/* ---- logqual.c: what the condition of a scan looks like ---- */

extern bool casus_logqual_has_policy(const Plan *scan, const CasusProtected *table);
extern bool casus_logqual_carries_away(List *quals);
extern ExprState *casus_logqual_rest(PlanState *ps);
extern bool casus_logqual_only_columns(List *targetlist);
extern bool casus_logqual_fetch_label(IndexOnlyScanState *state, AttrNumber attno,
									  pg_uuid_t *label);
extern AttrNumber casus_logqual_index_column(IndexOnlyScan *plan, AttrNumber label);

/* ---- logscan.c: the scans of running statements ---- */

typedef struct LogRelation
{
	struct LogRelation *next;
	Oid			relid;
	NoteSet    *notes;
	int32		file;			/* of content of acts; 0: rows of a protected table */
	uint64		context_generation; /* of such */
	int64		last_act;		/* likewise */
} LogRelation;

typedef struct LogStatement
{
	dlist_node	node;
	QueryDesc  *query;			/* NULL once it has ended */
	MemoryContext context;		/* of the executor state */
	bool		watched;		/* there are scans of protected relations */
	void	   *room;			/* for the first of them, zeroed; NULL: taken */
	void	   *notes_room;		/* for the notes of the first relation; NULL: taken */
	bool		met;			/* a governed row by ON CONFLICT */
	LogRelation *relations;		/* of which governed rows have passed */
	LogRelation *last_relation; /* of those */
	LogRelation first_relation; /* of those: its place */
	Oid			family;			/* the first table that is watched, as a whole; */
	bool		several;		/* it is not the only one */
	List	   *empty;			/* oids of those of which it is on record that nothing passed */
	const char *kind;			/* of its records: read, copy */
	void		(*open_gate) (void);	/* called before the first governed row */
	uint64		query_id;
	uint64		context_generation;
	uint64		state_generation;	/* at the last look for narrowed dossiers */
	TimestampTz looked_at;
	StringInfo	rest;			/* takes what is unwritten when we end */
	MemoryContextCallback callback;
} LogStatement;

/* Called when the first governed row of a scan passes. */
extern void (*casus_logscan_passing) (QueryDesc *query, const CasusProtected *observed);
#define CASUS_LOGSCAN_ROOM	320 /* bytes that one scan needs, at the most */
extern void casus_logscan_watch(LogStatement *statement, ScanState *state,
								const CasusProtected *table, bool filtered);
extern NoteSet *casus_logscan_notes(LogStatement *statement, const CasusProtected *table);
extern LogRelation *casus_lognote_relation(LogStatement *statement, const CasusProtected *table);
extern void casus_logscan_drop(LogStatement *statement);
extern void casus_logscan_leaving(void);
extern void casus_logscan_failing(void);
extern void casus_logscan_forget_flight(void);

/* ---- logrecheck.c: the plan by which a changed row is judged again ---- */

typedef bool (*CasusLogWatch) (PlanState *node, void *statement);
extern void casus_logrecheck_watch(LogStatement *statement, EPQState *epq, CasusLogWatch watch);

/* ---- logpoint.c: point reads, whose policy is not compiled ---- */

extern PlannedStmt *casus_logpoint_plan(PlannedStmt *statement);
extern void casus_logpoint_made(QueryDesc *query, PlannedStmt *statement);

/* ---- logstatement.c: running statements ---- */

extern bool casus_logstatement_start(QueryDesc *query, const char *kind, bool is_point,
									 StringInfo rest, void (*open_gate) (void));
extern bool casus_logstatement_passed(QueryDesc *query, Oid relid);
extern Oid	casus_logstatement_observed(QueryDesc *query, Oid relid);
extern bool casus_logstatement_meets(QueryDesc *query, const CasusProtected *table,
									 const pg_uuid_t *raw);
extern LogStatement *casus_logstatement_content(QueryDesc *query, const char *kind,
												 StringInfo rest, void (*open_gate) (void));
extern void casus_logstatement_act(LogStatement *statement, int32 file, int64 dossier, int64 act);
extern void casus_logstatement_run(QueryDesc *query);
extern void casus_logstatement_ran(QueryDesc *query);
extern void casus_logstatement_end(QueryDesc *query);
extern bool casus_logstatement_waiting(bool all);
extern void casus_logstatement_format(StringInfo lines, bool all);

#endif							/* CASUS_ACCESSLOG_H */
