/*
 * windows.c
 *		Maintenance windows: which tables a session may alter, until when; told
 *		of all sessions to casus.doctor().
 *
 * A window is of one session, table and role, and ends by its time or with the
 * session; it survives ROLLBACK, as its record in the log does.  Each session
 * writes its own slot of shared memory and decides by that; others read it,
 * under the slot's spinlock.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#define MAX_WINDOWS 16

typedef struct Slot
{
	slock_t		lock;
	Oid			database;
	int			n;
	CasusWindow windows[MAX_WINDOWS];
} Slot;

static Slot *slots = NULL;		/* one per PGPROC of a backend */

static Slot *
own_slot(void)
{
	return &slots[CASUS_PROC_NUMBER(MyProc)];
}

bool
casus_windows_are_open(Oid relid, Oid role)
{
	TimestampTz now;
	const Slot *own;

	if (slots == NULL)
		return false;
	own = own_slot();
	if (own->n == 0)
		return false;
	now = GetCurrentTimestamp();
	for (int i = 0; i < own->n; i++)
		if (own->windows[i].relid == relid && own->windows[i].role == role &&
			own->windows[i].until > now)
			return true;
	return false;
}

static void
forget(int code, Datum arg)
{
	Slot	   *own = own_slot();

	SpinLockAcquire(&own->lock);
	own->n = 0;
	SpinLockRelease(&own->lock);
}

/* Ended windows make room; a new one for the same table and role replaces the old. */
void
casus_windows_open(Oid relid, Oid role, TimestampTz until)
{
	static bool registered = false;
	TimestampTz now = GetCurrentTimestamp();
	Slot	   *own = own_slot();
	CasusWindow kept[MAX_WINDOWS + 1];
	int			n = 0;

	for (int i = 0; i < own->n; i++)
		if (own->windows[i].until > now &&
			!(own->windows[i].relid == relid && own->windows[i].role == role))
			kept[n++] = own->windows[i];
	if (until > now)
	{
		if (n == MAX_WINDOWS)
			casus_setup_error(ERRCODE_PROGRAM_LIMIT_EXCEEDED, NULL,
							  _("too many tables are in maintenance in this session"),
							  psprintf(_("At most %d at a time."), MAX_WINDOWS),
							  _("End one: casus.maintenance(relation, reason, '0')."));
		kept[n].relid = relid;
		kept[n].role = role;
		kept[n].until = until;
		kept[n].pid = MyProcPid;
		n++;
	}
	if (!registered)
		before_shmem_exit(forget, (Datum) 0);
	registered = true;
	SpinLockAcquire(&own->lock);
	own->database = MyDatabaseId;
	own->n = n;
	memcpy(own->windows, kept, sizeof(CasusWindow) * n);
	SpinLockRelease(&own->lock);
}

/* Those of this database that are open now, in whatever session; palloc'd. */
int
casus_windows_all(CasusWindow **windows)
{
	TimestampTz now = GetCurrentTimestamp();
	int			n = 0;

	*windows = palloc(sizeof(CasusWindow) * MaxBackends * MAX_WINDOWS);
	for (int i = 0; slots != NULL && i < MaxBackends; i++)
	{
		int			first = n;
		int			last = n;

		SpinLockAcquire(&slots[i].lock);
		if (slots[i].database == MyDatabaseId && slots[i].n > 0)
		{
			memcpy(*windows + n, slots[i].windows, sizeof(CasusWindow) * slots[i].n);
			last += slots[i].n;
		}
		SpinLockRelease(&slots[i].lock);
		for (int j = first; j < last; j++)
			if ((*windows)[j].until > now)
				(*windows)[n++] = (*windows)[j];
	}
	return n;
}

/* ---- shared memory ---- */

static Size
slots_size(void)
{
	return mul_size(MaxBackends, sizeof(Slot));
}

static void
slots_startup(void)
{
	bool		found;

	slots = ShmemInitStruct("casus maintenance windows", slots_size(), &found);
	if (found)
		return;
	memset(slots, 0, slots_size());
	for (int i = 0; i < MaxBackends; i++)
		SpinLockInit(&slots[i].lock);
}

void
casus_windows_init(void)
{
	if (!casus_preloaded)
		return;
	casus_shmem_request_later(slots_size);
	casus_shmem_add(slots_startup);
}
