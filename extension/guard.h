/*
 * guard.h
 *		The guard: for guard_*.c and hooks.c, and for the files that ask it what
 *		they must know of a statement that runs (its frame, its sources) or of
 *		an expression.
 *
 * Copyright (c) 2026, the casus developers
 */
#ifndef CASUS_GUARD_H
#define CASUS_GUARD_H

#include "casus.h"
#include "layers.h"

#include "nodes/pg_list.h"
#include "utils/palloc.h"

/*
 * One utility statement that runs now, on the C stack of the utility hook.
 * What runs inside (a subcommand, an event trigger, a function) has a scope
 * of its own, so that nothing admitted here serves anybody else.
 */
typedef struct CasusGuardScope
{
	NodeTag		tag;
	bool		own;			/* casus' own statement, by its pass */
	bool		upkeep;			/* VACUUM, REINDEX, GRANT ...: alters nothing that protects */
	bool		backup;			/* COPY TO by the backup login */
	bool		digest;			/* ... to the client: the digest of it is being made */
	bool		copying;		/* COPY FROM into a fenced table: the row trigger judges */
	bool		frozen;			/* the context, meanwhile */
	bool		touches;		/* a protected table: errors must not tell of hidden rows */
	bool		only_keys;		/* ALTER TABLE that does nothing but add, validate or drop keys */
	List	   *vetted;			/* oids of relations that may be altered by it */
	List	   *keys;			/* CasusGuardKey */
	int			armed;			/* validations of them that are still to come */
	Node	   *stmt;
	Oid			relid;			/* that COPY, ALTER TABLE, CREATE INDEX is about; that is made */
	bool		copied;			/* governed rows may be in the temporary table that it makes */
	Oid			family;			/* a part is added to it; ... */
	List	   *members;		/* ... these it had before */
	Oid			rejoins;		/* a part that was protected by itself */
	Oid			leaves;			/* a part that will be by itself; ... */
	List	   *detached;		/* ... with what is below it, */
	char	   *settings;		/* and the settings that it takes along */
	List	   *fences;			/* of ALTER TABLE: row security of all, before it */
	List	   *uses;
} CasusGuardScope;

/* What is known of a statement, or a command, that runs. */
typedef struct CasusGuardFacts
{
	Oid			function;		/* it calls one that keeps what it is given */
	bool		wrote;			/* a governed row, or values of one */
	bool		copies;			/* its rows go into a temporary table */
	bool		inside;			/* governed rows have passed in what runs inside */
	Oid			observed;		/* it has written one of this table in mode observe */
	Oid			observed_inside;	/* rows of this one have passed in what runs inside */
	bool		told;			/* of a copy that enforce would refuse */
	bool		reads_log;		/* which is on record */
	Oid			beside;			/* a trigger of it has written into this, */
	const char *kept;			/* or done what keeps what it is given; */
	List	   *temporary;		/* or into these, before the row was known */
} CasusGuardFacts;

typedef enum CasusGuardFrameKind
{
	CASUS_FRAME_PLAN,			/* a plan is being made */
	CASUS_FRAME_START,			/* an executor starts, */
	CASUS_FRAME_RUN,			/* runs, */
	CASUS_FRAME_FINISH,			/* or finishes: the rows are written, triggers run */
	CASUS_FRAME_COMMAND			/* a utility statement */
} CasusGuardFrameKind;

/* What runs now, or ran at this height last; see guard_frame.c. */
typedef struct CasusGuardFrame
{
	struct CasusGuardFrame *outer;
	struct CasusGuardFrame *inner;
	int			depth;			/* number of those around it */
	CasusGuardFrameKind kind;
	QueryDesc  *query;			/* of an executor */
	CasusGuardScope *scope;		/* of a command */
	CasusGuardFacts facts;		/* of a command */
	int			triggers;		/* around it */
	Oid			function;		/* called for the plan; or that the statement calls, and keeps */
	bool		held;			/* its rows outlive the transaction */
	bool		content;		/* what is written of acts has passed in it */
	bool		outside;		/* has written a row outside, of a protected table, */
	bool		observes;		/* or of one in mode observe */
	bool		reads;			/* a command that gives rows of a temporary copy to functions */
	bool		judged;			/* what follows is known */
	bool		copies;			/* reads a temporary table with copies */
	List	   *tables;			/* oids of protected tables that are its sources, */
	List	   *observed;		/* and of those in mode observe */
} CasusGuardFrame;

/* Where a statement puts its rows. */
typedef enum CasusGuardPlace
{
	CASUS_PLACE_NOWHERE,		/* to the client, to a function, into protected tables */
	CASUS_PLACE_TEMPORARY,
	CASUS_PLACE_PERMANENT
} CasusGuardPlace;

typedef struct CasusGuardTarget
{
	CasusGuardPlace place;
	Oid			relid;			/* permanent, and exists already */
	const char *what;			/* else, for the refusal */
	List	   *temporary;		/* oids of temporary tables that exist already */
	bool		makes;			/* a temporary table that has no oid yet */
} CasusGuardTarget;

/* A foreign key that the running ALTER TABLE validates. */
typedef struct CasusGuardKey
{
	Oid			from;
	Oid			to;
} CasusGuardKey;

/* ---- guard_frame.c: what runs around what ---- */
extern void casus_guard_frame_init(void);
extern CasusGuardFrame *casus_guard_frame_enter(CasusGuardFrameKind kind, QueryDesc *query,
												CasusGuardScope *scope);
extern void casus_guard_frame_leave(CasusGuardFrame *frame);
extern CasusGuardFrame *casus_guard_frame_top(void);	/* NULL: nothing runs */
extern int	casus_guard_frame_depth(void);
extern int	casus_guard_frame_triggers(void);	/* that run around what runs now */
extern CasusGuardScope *casus_guard_scope(void);	/* of the running utility statement, or NULL */
extern CasusGuardScope *casus_guard_frame_command(const CasusGuardFrame *frame);
extern CasusGuardFacts *casus_guard_frame_facts(CasusGuardFrame *frame, bool note);
extern CasusGuardFacts *casus_guard_frame_facts_of(QueryDesc *query, bool note);
extern void casus_guard_frame_wrote(CasusGuardFrame *frame);
extern bool casus_guard_frame_has_written(CasusGuardFrame *frame);	/* the statement has */
extern bool casus_guard_frame_tells(CasusGuardFrame *frame);
extern void casus_guard_frame_written(void);
extern bool casus_guard_frame_ever_written(void);	/* the transaction has */
extern bool casus_guard_frame_lately_written(void); /* or one just undone had */

/* ---- guard_scope.c ---- */
extern void casus_guard_scope_init(void);

/*
 * Known to be neither a protected table nor a table of casus: what most
 * statements are about, answered in a few instructions.
 */
extern bool casus_guard_is_plain(Oid relid);
extern bool casus_guard_is_state(Oid relid);	/* a table of casus itself, likewise */
extern bool casus_guard_is_log(Oid relid);	/* ... that pg_dump leaves behind */
extern void casus_guard_refuse_log(Oid relid, const char *code, const char *message);

/* schema.table, quoted */
extern char *casus_guard_name(Oid relid);

/* Does the object belong to casus? */
extern bool casus_guard_is_own(Oid class, Oid object);

/* May governed rows of the table pass to this session now? */
extern bool casus_guard_rows_pass(const CasusProtected *prot);

/* Facts about this transaction after which it may not be prepared. */
extern void casus_guard_mark_transaction(void);
extern bool casus_guard_transaction_marked(void);

/* Fenced, in force: what the guard guards. An unfenced one is being restored. */
extern bool casus_guard_closed(const CasusProtected *prot);
extern bool casus_guard_bound(const CasusProtected *prot);	/* fenced or not, or in mode observe */
extern bool casus_guard_watched(const CasusProtected *prot);	/* closed, or in mode observe */

/* Refuses with casus.ddl unless the table is being restored or in maintenance. */
extern void casus_guard_need_maintenance(const CasusProtected *prot, const char *what);

extern char *casus_guard_way_back(const CasusProtected *prot);

/* prot NULL: it is about no table. */
extern void casus_guard_refuse_ddl(const CasusProtected *prot, const char *what,
								   const char *hint);

/* ---- guard_ri.c: referential integrity by statement shape ---- */
extern bool casus_guard_ri_query(const Query *query);	/* before planning */
extern bool casus_guard_ri_seeks_parent(const Query *query);	/* of such a one */
extern bool casus_guard_ri_plan(const PlannedStmt *plan);	/* at executor start */

/* ---- guard_shape.c: what conditions and queries look like ---- */
extern Node *casus_guard_shape_bare(Node *node);	/* without casts; may be NULL */
extern bool casus_guard_shape_column(Node *node);
extern bool casus_guard_shape_equality(Node *node);
extern List *casus_guard_shape_conjuncts(Node *quals);
extern bool casus_guard_shape_simple(const Query *query);

/* ---- guard_validate.c: the query that validates a new foreign key ---- */
extern bool casus_guard_validate_query(const Query *query, const char *sql);
extern bool casus_guard_validate_starts(const char *sql);	/* consumed */
/* Returns what was. */
extern const CasusGuardScope *casus_guard_validate_swap(const CasusGuardScope *now);
extern void casus_guard_validate_arm(void);	/* the ALTER TABLE has made or altered a constraint */

/* ---- guard_cascade.c ---- */
extern void casus_guard_cascade_judge(QueryDesc *query);	/* after executor start */
extern bool casus_guard_cascade_carries(const QueryDesc *query);	/* a new key */

/* ---- guard_expr.c: is it the policy, is it built in? ---- */
extern Var *casus_guard_judged(Node *node, Oid permits);	/* its argument, if it is the policy */
extern bool casus_guard_is_policy(Node *node, Oid permits, Index varno,
								  const CasusProtected *prot);
extern int	casus_guard_policy_place(const struct Plan *plan, Oid permits,
									 const CasusProtected *prot);
extern bool casus_guard_builtin(Node *node);	/* no function, operator or type of anyone else */
extern bool casus_guard_builtin_over_rows(Node *expr);
extern bool casus_guard_trusted(Node *node);	/* or the C code of an extension */
extern bool casus_guard_untrusted(Oid function);	/* neither of these */
extern Oid	casus_guard_type_function(Oid type); /* of a user, that its values are given to */
extern bool casus_guard_builtin_raw(Oid relid, Node *raw, int kind);	/* ParseExprKind */

/* ---- guard_query.c: before planning ---- */
extern void casus_guard_query_init(void);
extern List *casus_guard_query_swap(List *functions);

/* Binds whom row security does not bind; is anything bound? May forbid parallelism in *options. */
extern bool casus_guard_query(Query *query, const char *sql, int *options);

/* ---- guard_below.c: comparisons with a constant below the checks of casus' views ---- */
extern void casus_guard_below(Query *query);

/* ---- guard_compared.c: comparisons that cannot fail ---- */
typedef struct CasusGuardAround
{
	List	   *queries;		/* the innermost first */
	bool		per_row;		/* that one is run for each row of one around it */
} CasusGuardAround;

/* The column that the condition of the innermost query compares with a value, or NULL. */
extern Var *casus_guard_compared(Node *clause, const CasusGuardAround *around);
extern bool casus_guard_equates(Node *clause);

/* ---- guard_view.c: values that ANALYZE has kept; views for own functions ---- */
extern void casus_guard_view_init(void);
extern bool casus_guard_view_leakproof(Oid function);	/* of a user, so declared */
extern bool casus_guard_view_leaks(Node *node); /* is an operator by one */
extern void casus_guard_view_query(Query *query);
extern Oid	casus_guard_view_named(const PlannedStmt *plan);	/* not for it; InvalidOid: none */

/* ---- guard_vetted.c: what may work on a row before the policy ---- */
struct IndexOptInfo;

extern bool casus_guard_vetted(Node *clause);
extern bool casus_guard_vetted_index(const struct IndexOptInfo *index);
extern bool casus_guard_vetted_distances(const struct IndexOptInfo *index);
extern bool casus_guard_vetted_order(List *orderbys);

/* ---- guard_index.c: what may choose rows by an index before the policy ---- */
extern void casus_guard_index_init(void);
extern void casus_guard_index_order(struct Plan *plan); /* the policy before a second test too */
extern bool casus_guard_index_holds(struct Plan *plan);

/* ---- guard_known.c: kept plans that have been through the assertion ---- */

#define CASUS_KNOWN_PLANS	64	/* a power of two */
#define CASUS_KNOWN_SCANS	4

typedef struct CasusKnownPlan
{
	const PlannedStmt *plan;	/* NULL: free */
	uint64		as_of;			/* of relations, functions and names; any change makes it void */
	bool		touches;		/* a protected relation */
	bool		asks;			/* for a purpose */
	bool		columns;		/* has columns of a category of their own */
	PlannedStmt *point;			/* of a point read: what its state is made from */
	bool		pointless;		/* it is none */
	int			nscans;			/* of tables in force */
	struct
	{
		const struct Plan *scan;
		const CasusProtected *prot;
	}			scans[CASUS_KNOWN_SCANS];
	MemoryContextCallback callback;
} CasusKnownPlan;

extern CasusKnownPlan casus_guard_known[CASUS_KNOWN_PLANS];
extern uint64 casus_guard_functions;	/* changes of any function */
extern void casus_guard_known_keep(const PlannedStmt *plan, CasusKnownPlan *found, uint64 as_of);
extern PlannedStmt *casus_guard_known_point(PlannedStmt *plan);
extern void casus_guard_known_init(void);

static inline CasusKnownPlan *
casus_guard_known_slot(const PlannedStmt *plan)
{
	uintptr_t	address = (uintptr_t) plan;

	return &casus_guard_known[((address >> 4) ^ (address >> 10) ^ (address >> 16)) &
							  (CASUS_KNOWN_PLANS - 1)];
}

/* All three only go up, so an equal sum means that none has moved. */
static inline uint64
casus_guard_known_now(void)
{
	return casus_registry_changes + casus_catalog_names + casus_guard_functions;
}

/* NULL: nothing is known of it */
static inline const CasusKnownPlan *
casus_guard_known_find(const PlannedStmt *plan)
{
	const CasusKnownPlan *known = casus_guard_known_slot(plan);

	return likely(known->plan == plan && known->as_of == casus_guard_known_now()) ?
		known : NULL;
}

/* ---- guard_plan.c: at executor start ---- */
extern bool casus_guard_look_touches(const PlannedStmt *plan);

/* Is a protected relation in the plan? */
static inline bool
casus_guard_touches(const PlannedStmt *plan)
{
	const CasusKnownPlan *known = casus_guard_known_find(plan);

	return known != NULL ? known->touches : casus_guard_look_touches(plan);
}

extern void casus_guard_plan_order(PlannedStmt *plan);	/* the policy before any other condition */

/* Every scan of a protected table carries the policy, or is refused. */
extern void casus_guard_plan(QueryDesc *query, int eflags);
extern void casus_guard_plan_serial(QueryDesc *query);	/* without parallel workers */

/* ---- guard_column.c ---- */
extern List *casus_guard_column_query(Query *query);	/* before planning */
extern void casus_guard_column_stamp(PlannedStmt *plan, List *items);	/* after it */
extern void casus_guard_column_plan(const PlannedStmt *plan);	/* at executor start */
extern bool casus_guard_column_asks(const PlannedStmt *plan);	/* could that ever refuse? */

/* ---- guard_temp.c: temporary tables that may hold copies ---- */
extern void casus_guard_temp_init(void);
extern bool casus_guard_temp_any(void);
extern bool casus_guard_temp_is_copy(Oid relid);
extern void casus_guard_temp_note(Oid relid);
extern void casus_guard_temp_note_all(List *relids);
extern void casus_guard_temp_drop(Oid relid);
extern bool casus_guard_temp_named(RangeVar *name); /* by what makes it? */
extern bool casus_guard_temp_defines(Node *stmt);
extern bool casus_guard_temp_removes(Node *stmt);	/* a table that is not temporary? */
extern bool casus_guard_temp_worked_on(Node *stmt); /* gives it their rows to functions? */

/* ---- guard_source.c: where governed rows come from ---- */
typedef struct CasusGuardSources
{
	List	   *tables;			/* oids of protected tables */
	const CasusProtected *first;	/* one of them, or NULL */
	bool		copies;			/* a temporary table with copies is read */
	List	   *observed;		/* those in mode observe: enforce would make them sources */
	bool		content;		/* what is written of acts is read */
} CasusGuardSources;

extern bool casus_guard_source_find(QueryDesc *query, CasusGuardSources *sources, bool others);
extern bool casus_guard_source_around(void);
extern bool casus_guard_source_deferred(void);
extern Oid	casus_guard_source_observed_around(void);
/* The row trigger: a governed row; and may the row not come here? 0: outside */
extern void casus_guard_source_wrote(const CasusProtected *prot);
extern bool casus_guard_source_row(const CasusProtected *prot, int32 file);
extern Oid	casus_guard_source_row_observed(int32 file);
/* What triggers do with a row of which nobody knows yet whether it will be governed. */
extern void casus_guard_source_beside(const CasusGuardTarget *target, const char *what);
extern const CasusGuardFacts *casus_guard_source_kept(void);	/* NULL: nothing */

/* ---- guard_derive.c: derived copies ---- */
extern bool casus_guard_derive(QueryDesc *query, int eflags, Oid function);
extern void casus_guard_derive_run(QueryDesc *query);
/* ready: it may be called from now on; else it is */
extern void casus_guard_derive_function(Oid function, bool ready);
extern Oid	casus_guard_derive_keeper(QueryDesc *query);
extern const char *casus_guard_derive_keeps(Oid function);
extern char *casus_guard_derive_history(Oid relid); /* the hint for a trigger's table */
extern void casus_guard_derive_utility(Node *stmt, CasusGuardFrame *frame);
extern void casus_guard_derive_made(Oid relid);	/* a relation is new */
extern void casus_guard_derive_utility_done(CasusGuardScope *scope);
extern void casus_guard_derive_target(QueryDesc *query, CasusGuardScope *scope,
									  bool has_passed, CasusGuardTarget *target);
extern void casus_guard_derive_relation(Oid relid, CasusGuardTarget *target);
extern bool casus_guard_derive_execute(Node *stmt, CasusGuardTarget *target);
extern void casus_guard_derive_note(const CasusGuardTarget *target, CasusGuardScope *scope);
extern const char *casus_guard_derive_what(const CasusGuardTarget *target);
extern bool casus_guard_derive_held(QueryDesc *query);
extern void casus_guard_derive_refuse(const CasusGuardSources *sources, const char *what,
									  const char *hint);
extern void casus_guard_derive_observe(Oid relid, const char *what);

/* ---- guard_inside.c: governed rows that pass inside a statement that writes ---- */
extern void casus_guard_inside_function(Oid function);
extern void casus_guard_inside_start(QueryDesc *query); /* before executor start */
extern bool casus_guard_inside_piece(const QueryDesc *query);
extern bool casus_guard_inside_builds(Node *stmt);
extern void casus_guard_inside_run(CasusGuardFrame *frame);
extern void casus_guard_inside_content(CasusGuardFrame *frame);
extern void casus_guard_inside_init(void);

/* ---- guard_statistics.c: values that ANALYZE has kept ---- */
extern bool casus_guard_is_statistics(Oid relid);
extern bool casus_guard_is_statistics_toast(Oid relid);
extern void casus_guard_statistics(RangeTblEntry *rte, Index rtindex);

/* ---- guard_error.c: what the error of a constraint tells of a governed row ---- */

/* In PG_CATCH: raises the current error again, in this context. wrote: a governed row. */
extern void casus_guard_error_rethrow(MemoryContext context, bool wrote) pg_attribute_noreturn();
extern void casus_guard_error_report(ErrorData *error);

/* ---- guard_explain.c: counts that tell of hidden rows ---- */
/* Of an instrumented plan that reads a protected table, or one of casus. */
extern void casus_guard_explain(QueryDesc *query);	/* after executor finish */

/* ---- exportdigest.c: of what a COPY sends, in hexadecimal; NULL: there is none ---- */
extern void casus_exportdigest_begin(void);
extern char *casus_exportdigest_end(void);
extern void casus_exportdigest_drop(void);
extern char *casus_exportdigest_of_file(const char *path);

/* ---- guard_copy.c ---- */
extern PlannedStmt *casus_guard_copy(PlannedStmt *pstmt, CasusGuardScope *scope);
extern void casus_guard_copy_done(PlannedStmt *pstmt, CasusGuardScope *scope,
								  uint64 processed);

/* ---- guard_constraint.c ---- */
extern void casus_guard_refuse_user_code(const CasusProtected *prot);
extern void casus_guard_note_key(Oid from, Oid to, CasusGuardScope *scope);
extern void casus_guard_rows_that_are_there(Constraint *constraint, const CasusProtected *prot);
extern void casus_guard_key_goes(Oid constraint, int flags);
extern void casus_guard_key_unenforced(const char *name, const CasusProtected *prot);
extern void casus_guard_constraint(Constraint *constraint, Oid relid, const CasusProtected *prot,
								   CasusGuardScope *scope);
extern void casus_guard_validation(const char *name, Oid relid, const CasusProtected *prot,
								   CasusGuardScope *scope);

/* ---- guard_ddl.c ---- */
extern void casus_guard_ddl(Node *stmt, CasusGuardScope *scope);

/* ---- guard_alter.c: ALTER TABLE, of the relation that it was judged for ---- */
extern PlannedStmt *casus_guard_alter(PlannedStmt *pstmt, CasusGuardScope *scope);
extern void casus_guard_alter_done(CasusGuardScope *scope);

/* ---- publication.c: would a publication send the rows of a table? ---- */
extern bool casus_publication_has(Oid relid);	/* it, its schema, a parent, or all tables */
extern bool casus_publication_in_schema(Oid relid, Oid schema); /* it or a parent */

/* ---- guard_publication.c ---- */
extern void casus_guard_publication(Node *stmt);
extern void casus_guard_publication_done(Node *stmt);
extern void casus_guard_publication_move(Oid schema, Oid parent);	/* one may be invalid */

/* ---- guard_subscription.c: what comes by logical replication ---- */
extern bool casus_guard_subscription_tells(const ErrorData *error);
extern void casus_guard_subscription_init(void);
extern void casus_guard_subscription_done(Node *stmt);

/* ---- guard_sequence.c: a call of setval, before planning ---- */
extern void casus_guard_sequence(FuncExpr *call);

/* ---- guard_role.c: roles, databases, settings; also where casus is not installed ---- */
extern void casus_guard_role(Node *stmt);

/* ---- guard_family.c: parts of a protected table that come and go ---- */
extern void casus_guard_family_coming(const CasusProtected *prot, CasusGuardScope *scope);
extern void casus_guard_family_beside(const CasusProtected *prot);
extern void casus_guard_family_below(const CasusProtected *prot);
extern void casus_guard_family_join(const CasusProtected *prot, RangeVar *name,
									CasusGuardScope *scope);
extern void casus_guard_family_leave(const CasusProtected *prot, Oid relid,
									 CasusGuardScope *scope);
extern void casus_guard_family_done(CasusGuardScope *scope);

/* ---- guard_utility.c: before and after a utility statement ---- */

extern void casus_guard_everywhere(Node *stmt); /* also where casus is not installed */

/* Returns the statement to run. */
extern PlannedStmt *casus_guard_utility(PlannedStmt *pstmt, CasusGuardScope *scope);
extern void casus_guard_utility_done(PlannedStmt *pstmt, CasusGuardScope *scope,
									 uint64 processed);

/* Raises the current error again, without what it tells of hidden rows. */
extern void casus_guard_rethrow(CasusGuardScope *scope) pg_attribute_noreturn();

/* ---- guard_inline.c: functions in SQL that the planner would write out in line ---- */
extern bool casus_guard_inline_refused(Oid function);
extern void casus_guard_inline_init(void);

/* ---- guard_function.c: functions that go past the executor ---- */
extern void casus_guard_function_call(Node *node);	/* before planning */
extern Oid	casus_guard_function_within(Node *node);	/* one that keeps what it is given */
extern void casus_guard_function_init(void);
extern bool casus_guard_function_listed(Oid function);
extern void casus_guard_function(Oid function, bool ready);	/* it is about to run */
/* CREATE FUNCTION, before it is visible; does it keep what it is given, or a default of it? */
extern bool casus_guard_function_made(Oid function);
extern void casus_guard_function_named(Oid function);	/* the server is to call it by itself */

/* ---- guard_named.c, guard_file.c: named in a statement; also where casus is not installed ---- */
extern void casus_guard_named(Node *stmt);
extern void casus_guard_named_check(void);	/* asked by casus.protect() */
extern void casus_guard_named_made(Oid function);	/* CREATE OR REPLACE of one that keeps */
extern void casus_guard_file(Node *stmt);
extern void casus_guard_file_table(Oid relid);	/* a foreign table that is read */
extern void casus_guard_file_plan(const PlannedStmt *plan);

/* ---- guard_object.c: what object access hooks tell ---- */
extern void casus_guard_object(ObjectAccessType access, Oid class, Oid object,
							   int subobject, void *arg);

#endif							/* CASUS_GUARD_H */
