/*
 * context.c
 *		Who acts, in which office, for what: the context of a session.
 *
 * A context is made by casus.enter() only (enter.c), never by a setting.  It
 * follows subtransactions, ends with the transaction unless it is for the
 * session, counts only for the session user and role that made it, and is
 * looked up again against appointments as of now whenever people, rules or
 * the clock have moved.  It is frozen while a statement over protected tables
 * runs (freeze.c).
 *
 * Everything is private to the backend but the slots: one per PGPROC in
 * shared memory, written by its owner alone and read by the owner's parallel
 * workers, which may be at it while the owner looks again.  The slot's spinlock
 * has them find one state or the other; the pid tells a slot that its present
 * owner has not written yet.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "state.h"
#include "resolve.h"
#include "layers.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A context as entered: for whom it counts, and what it is. */
typedef struct Entered
{
	bool		is_set;
	Oid			session_user;
	Oid			set_role;		/* InvalidOid: no SET ROLE */
	CasusCapacity capacity;
} Entered;

typedef struct ContextState
{
	Entered		transaction;
	Entered		session;
} ContextState;

/* What was before the subtransaction at this level changed it. */
typedef struct SavedState
{
	struct SavedState *below;
	int			level;			/* transaction nest level */
	ContextState before;
} SavedState;

static ContextState state;
static SavedState *saved = NULL;	/* in TopTransactionContext */

/*
 * Starts above 0, so that 0 is a generation nobody has seen.  Exported for
 * the read verdict, which compares it per row.
 */
uint64		casus_context_count = 1;

/* The answer of the last look, and what it was made from. */
typedef struct Look
{
	bool		is_made;
	bool		reads;			/* anything at all: in a capacity, or by an opening */
	Oid			session_user;
	Oid			set_role;
	uint64		people;
	uint64		count;
	TimestampTz until;
	CasusActor	actor;
	bool		has_entered;	/* a context of this actor, even one that holds no more */
	bool		entered_holds;
	CasusCapacity entered;
	int			nstanding;
	CasusCapacity *standing;	/* in TopMemoryContext */
	int			nopenings;
	CasusOpening *openings;		/* likewise */
} Look;

static Look look;

typedef struct ContextSlot
{
	slock_t		lock;
	int			pid;
	CasusActor	actor;
	bool		has_entered;
	bool		entered_holds;
	CasusCapacity entered;
	volatile bool passed;		/* set by workers, without the lock */
} ContextSlot;

static ContextSlot *slots = NULL;	/* shared; NULL unless preloaded */

/* ---- changing the context ---- */

/* Remembers what is, once per transaction nest level. */
static void
save_state(void)
{
	int			level = GetCurrentTransactionNestLevel();
	SavedState *save;

	if (saved && saved->level >= level)
		return;
	save = MemoryContextAlloc(TopTransactionContext, sizeof(SavedState));
	save->below = saved;
	save->level = level;
	save->before = state;
	saved = save;
}

static void
require_thawed(void)
{
	if ((casus_freeze_any() && CASUS_LAYER(freeze)) || casus_resolve_runs())
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						  "context_changed",
						  _("the context cannot change while a statement reads protected tables"),
						  NULL,
						  _("Call casus.enter() and casus.leave() as statements of their own."));
	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("the context cannot change during a parallel operation")));
}

/* Makes the context; enter.c has judged it. */
void
casus_context_set(const CasusCapacity *capacity, bool for_session)
{
	Entered    *entered = for_session ? &state.session : &state.transaction;

	require_thawed();
	save_state();
	memset(&state.transaction, 0, sizeof(Entered));
	entered->is_set = true;
	entered->session_user = GetSessionUserId();
	entered->set_role = GetCurrentRoleId();
	entered->capacity = *capacity;
	casus_context_count++;
}

/* Afterwards there is none, whatever it was to last for. */
void
casus_context_clear(void)
{
	require_thawed();
	if (!state.transaction.is_set && !state.session.is_set)
		return;
	save_state();
	memset(&state, 0, sizeof(state));
	casus_context_count++;
}

/* DISCARD ALL: it runs outside a transaction block and does not roll back. */
void
casus_context_discard(void)
{
	memset(&state, 0, sizeof(state));
	for (SavedState *save = saved; save; save = save->below)
		memset(&save->before, 0, sizeof(save->before));
	casus_context_count++;
}

/* Is the context one for the session? For the view. */
bool
casus_context_is_session(void)
{
	return !state.transaction.is_set && state.session.is_set;
}

/* ---- while a statement runs ---- */

/*
 * Is the session, or was it when it was looked at last, somebody else than who
 * began the innermost statement that runs?  A function with a role of its own
 * (SET role) may be, and what it runs is begun by that role; who changes the
 * role and leaves it so has the statement around it go on as somebody else.
 */
bool
casus_context_strays(void)
{
	return casus_freeze_any() && CASUS_LAYER(freeze) &&
		(casus_freeze_by_other(GetSessionUserId(), GetCurrentRoleId()) ||
		 (look.is_made && casus_freeze_by_other(look.session_user, look.set_role)));
}

/* Refuses what that statement would still let through, or write. */
void
casus_context_require_same(void)
{
	if (likely(!casus_freeze_by_other(GetSessionUserId(), GetCurrentRoleId())) ||
		!CASUS_LAYER(freeze))
		return;
	casus_check_refuse(casus_check_protocol(NULL, 0), "context_changed",
					   _("the role has changed while a statement reads protected tables"),
					   _("a statement goes on in the capacity in which it began"),
					   _("Change the role by a statement of its own."));
}

/* ---- looking ---- */

/* Does the person still hold what the context was made from? */
static bool
still_held(CasusCapacity *capacity, const CasusHoldings *holdings)
{
	for (int i = 0; i < holdings->n; i++)
	{
		CasusHeld  *held = &holdings->held[i];

		if (held->file != capacity->file || held->office != capacity->office ||
			held->party != capacity->party)
			continue;
		if (held->dossier != 0 && held->dossier != capacity->dossier &&
			held->level != CASUS_LEVEL_DOSSIER)
			continue;
		/* An office per dossier: the policy asks for each dossier again. */
		capacity->appointment = held->appointment;
		return true;
	}
	return false;
}

static void
add_standing(Look *now, const CasusHoldings *holdings)
{
	now->nstanding = 0;
	for (int i = 0; i < holdings->n; i++)
	{
		CasusHeld  *held = &holdings->held[i];
		CasusCapacity *capacity;
		bool		known = false;

		if (held->standing < 0)
			continue;
		for (int j = 0; j < now->nstanding; j++)
			known |= now->standing[j].file == held->file;
		if (known)
			continue;

		capacity = &now->standing[now->nstanding++];
		memset(capacity, 0, sizeof(*capacity));
		capacity->file = held->file;
		capacity->protocol = held->protocol;
		capacity->person = holdings->person;
		capacity->appointment = held->appointment;
		capacity->dossier = held->dossier;
		capacity->party = held->party;
		capacity->office = held->office;
		capacity->purpose = held->standing;
		capacity->source = CASUS_FROM_STANDING;
	}
}

/* The leader's look, as far as it does not follow from people and rules. */
static void
look_at_leader(Look *now)
{
	PGPROC	   *leader = MyProc->lockGroupLeader;
	ContextSlot *slot = leader ? &slots[CASUS_PROC_NUMBER(leader)] : NULL;

	if (slot == NULL)
		return;
	SpinLockAcquire(&slot->lock);
	if (slot->pid == leader->pid)
	{
		now->actor = slot->actor;
		now->has_entered = slot->has_entered;
		now->entered_holds = slot->entered_holds;
		now->entered = slot->entered;
	}
	SpinLockRelease(&slot->lock);
}

static void
look_at_session(Look *now)
{
	Entered    *entered = state.transaction.is_set ? &state.transaction : &state.session;

	now->actor.kind = OidIsValid(now->set_role) ? CASUS_ACTOR_SET_ROLE : CASUS_ACTOR_LOGIN;
	now->actor.role = OidIsValid(now->set_role) ? now->set_role : now->session_user;
	now->actor.person = casus_people_of_role(now->actor.role);

	/* A context counts for those who made it, and not after SET ROLE. */
	now->has_entered = entered->is_set &&
		entered->session_user == now->session_user &&
		entered->set_role == now->set_role;
	if (now->has_entered)
		now->entered = entered->capacity;
}

static void
publish(const Look *now)
{
	ContextSlot *slot = &slots[CASUS_PROC_NUMBER(MyProc)];

	SpinLockAcquire(&slot->lock);
	slot->pid = MyProcPid;
	slot->actor = now->actor;
	slot->has_entered = now->has_entered;
	slot->entered_holds = now->entered_holds;
	slot->entered = now->entered;
	SpinLockRelease(&slot->lock);
}

/* A change of role is a change of context: it is counted where it is noticed. */
static pg_noinline const Look *
look_again(void)
{
	Look		now;
	const CasusHoldings *holdings;
	Oid			session_user = GetSessionUserId();
	Oid			set_role = GetCurrentRoleId();

	static const Look nobody = {0};

	casus_require_preloaded();
	if (!casus_present())
		return &nobody;
	if (look.is_made &&
		(look.session_user != session_user || look.set_role != set_role))
		casus_context_count++;
	else if (look.is_made && look.people == casus_catalog_people &&
			 look.count == casus_context_count &&
			 (look.until == DT_NOEND || GetCurrentTimestamp() < look.until))
		return &look;

	memset(&now, 0, sizeof(now));
	now.session_user = session_user;
	now.set_role = set_role;
	now.people = casus_catalog_people;
	now.count = casus_context_count;
	if (IsParallelWorker())
		look_at_leader(&now);
	else
		look_at_session(&now);

	holdings = casus_people_holdings(now.actor.person);
	now.until = holdings->until;
	if (IsParallelWorker())
		 /* the leader has judged its context when the statement began */ ;
	else if (now.has_entered)
		now.entered_holds = now.entered.person == now.actor.person &&
			still_held(&now.entered, holdings);

	now.standing = MemoryContextAlloc(TopMemoryContext,
									  Max(holdings->n, 1) * sizeof(CasusCapacity));
	add_standing(&now, holdings);
	now.nopenings = casus_glass_find(now.actor.role, holdings, &now.openings, &now.until);
	now.reads = now.has_entered ? now.entered_holds : now.nstanding > 0 || now.nopenings > 0;
	now.is_made = true;
	if (look.standing)
		pfree(look.standing);
	if (look.openings)
		pfree(look.openings);
	look = now;
	if (!IsParallelWorker())
		publish(&look);
	return &look;
}

/* The one getter that everybody uses. */
static pg_noinline const Look *
refresh(void)
{
	if (likely(casus_preloaded && casus_catalog_there && look.is_made &&
			   look.people == casus_catalog_people &&
			   look.count == casus_context_count && look.until == DT_NOEND &&
			   look.session_user == GetSessionUserId() &&
			   look.set_role == GetCurrentRoleId()))
		return &look;
	return look_again();
}

CasusActor
casus_context_actor(void)
{
	if (!casus_installed() || !casus_preloaded)
	{
		CasusActor	actor = {0};

		actor.role = OidIsValid(GetCurrentRoleId()) ? GetCurrentRoleId() : GetSessionUserId();
		actor.kind = OidIsValid(GetCurrentRoleId()) ? CASUS_ACTOR_SET_ROLE : CASUS_ACTOR_LOGIN;
		return actor;
	}
	return refresh()->actor;
}

const CasusCapacity *
casus_context_entered(void)
{
	const Look *now = refresh();

	return now->has_entered && now->entered_holds ? &now->entered : NULL;
}

/* A context that was entered overrides everything, even when it holds no more. */
static inline const CasusCapacity *
for_file(const Look *now, int32 file)
{
	if (now->has_entered)
		return now->entered_holds && now->entered.file == file ? &now->entered : NULL;
	for (int i = 0; i < now->nstanding; i++)
		if (now->standing[i].file == file)
			return &now->standing[i];
	return NULL;
}

const CasusCapacity *
casus_context_for_file(int32 file)
{
	return for_file(refresh(), file);
}

/* The capacities of the session, one per file; returns how many. */
int
casus_context_all(const CasusCapacity **capacities)
{
	const Look *now = refresh();

	*capacities = now->has_entered ? &now->entered : now->standing;
	if (now->has_entered)
		return now->entered_holds ? 1 : 0;
	return now->nstanding;
}

/*
 * By which act the dossier is open to the session, beside the rules; NULL: by
 * none.  Like a standing purpose it does not count while a context is entered:
 * that says why one reads.
 */
const CasusOpening *
casus_context_opening(int64 dossier)
{
	const Look *now = refresh();

	for (int i = 0; !now->has_entered && i < now->nopenings; i++)
		if (now->openings[i].capacity.dossier == dossier)
			return &now->openings[i];
	return NULL;
}

/* All of them; returns how many. */
int
casus_context_openings(const CasusOpening **openings)
{
	const Look *now = refresh();

	*openings = now->openings;
	return now->has_entered ? 0 : now->nopenings;
}

/* Of the process that this one works for, or of itself. */
volatile bool *
casus_context_passed(void)
{
	PGPROC	   *leader = MyProc->lockGroupLeader ? MyProc->lockGroupLeader : MyProc;

	return &slots[CASUS_PROC_NUMBER(leader)].passed;
}

/* Can the session see anything of a file: in a capacity, or by an opening? */
bool
casus_context_reads_file(int32 file)
{
	const Look *now = refresh();

	if (!now->reads)
		return false;
	if (for_file(now, file) != NULL)
		return true;
	for (int i = 0; !now->has_entered && i < now->nopenings; i++)
		if (now->openings[i].capacity.file == file)
			return true;
	return false;
}

uint64
casus_context_generation(void)
{
	(void) refresh();
	return casus_context_count;
}

/* When a capacity begins or ends by itself. */
TimestampTz
casus_context_until(void)
{
	return refresh()->until;
}

/* ---- transactions ---- */

static void
restore_state(const ContextState *before)
{
	state = *before;
	casus_context_count++;
}

static void
context_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			while (saved && saved->below)
				saved = saved->below;
			if (saved)
				restore_state(&saved->before);
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}

	saved = NULL;
	if (state.transaction.is_set)
	{
		memset(&state.transaction, 0, sizeof(Entered));
		casus_context_count++;
	}
}

/* What a subtransaction saved becomes its parent's, or is put back. */
static void
end_saved(bool commit)
{
	int			level = GetCurrentTransactionNestLevel();

	while (saved && saved->level >= level)
	{
		SavedState *save = saved;

		if (commit && (save->below == NULL || save->below->level < level - 1))
		{
			save->level = level - 1;
			return;
		}
		saved = save->below;
		if (!commit)
			restore_state(&save->before);
		pfree(save);
	}
}

static void
context_subxact_callback(SubXactEvent event, SubTransactionId mySubid,
						 SubTransactionId parentSubid, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	end_saved(event == SUBXACT_EVENT_COMMIT_SUB);
}

/* ---- shared memory ---- */

static Size
slots_size(void)
{
	return mul_size(MaxBackends, sizeof(ContextSlot));
}

static void
slots_startup(void)
{
	bool		found;

	slots = ShmemInitStruct("casus contexts", slots_size(), &found);
	if (found)
		return;
	memset(slots, 0, slots_size());
	for (int i = 0; i < MaxBackends; i++)
		SpinLockInit(&slots[i].lock);
}

void
casus_context_init(void)
{
	casus_freeze_init();
	RegisterXactCallback(context_xact_callback, NULL);
	RegisterSubXactCallback(context_subxact_callback, NULL);
	if (casus_preloaded)
	{
		casus_shmem_request_later(slots_size);
		casus_shmem_add(slots_startup);
	}
}
