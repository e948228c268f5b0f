/*
 * shmem.c
 *		The shared memory of casus: who needs some says so here, once.
 *
 * Other files ask for their part in their init function; request and startup
 * run over the lists made so.  Startup runs under AddinShmemInitLock; what a
 * part holds afterwards is guarded as its own file says.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casus.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#define MAX_PARTS	16

static Size requested = 0;
static void (*parts[MAX_PARTS]) (void);
static int	nparts = 0;
static Size (*sizers[MAX_PARTS]) (void);
static int	nsizers = 0;

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void
casus_shmem_request_hook(void)
{
	if (prev_shmem_request)
		prev_shmem_request();

	for (int i = 0; i < nsizers; i++)
		requested = add_size(requested, sizers[i] ());
	if (requested > 0)
		RequestAddinShmemSpace(requested);
}

static void
casus_shmem_startup_hook(void)
{
	if (prev_shmem_startup)
		prev_shmem_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < nparts; i++)
		parts[i] ();
	LWLockRelease(AddinShmemInitLock);
}

/* In bytes; called from an init function of another file. */
void
casus_shmem_request(Size size)
{
	requested = add_size(requested, MAXALIGN(size));
}

/* For sizes that depend on MaxBackends, which is not known in _PG_init. */
void
casus_shmem_request_later(Size (*size) (void))
{
	if (nsizers == MAX_PARTS)
		elog(ERROR, "too many parts of shared memory");
	sizers[nsizers++] = size;
}

void
casus_shmem_add(void (*startup) (void))
{
	if (nparts == MAX_PARTS)
		elog(ERROR, "too many parts of shared memory");
	parts[nparts++] = startup;
}

void
casus_shmem_init(void)
{
	if (!casus_preloaded)
		return;
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = casus_shmem_request_hook;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = casus_shmem_startup_hook;
}
