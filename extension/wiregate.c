/*
 * wiregate.c
 *		Nothing leaves for the client before its log record is where it must be.
 *
 * PqCommMethods is replaced by a copy.  While records of this backend wait,
 * messages are held back here instead of going to the send buffer, which
 * empties itself when it is full; at a flush, or when too much is held, the
 * records are written and synced first and the messages released after.
 *
 * Where that fails, raising an error is no way out: the client may have been
 * sent part of the rows, and an error may be under way already.  What is held
 * is thrown away, the client gets one message that says why, and the session
 * ends as if the connection were lost.
 *
 * In a parallel worker the messages go to the leader; there nothing is held,
 * but each is preceded by the records of the worker.
 *
 * This file must not look into MyProcPort: libpq/libpq.h is read without
 * ENABLE_GSS, because the GSSAPI headers need not be there, and that changes
 * the layout of Port.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"
#include "layers.h"

#undef ENABLE_GSS

#include "access/parallel.h"
#include "lib/stringinfo.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#define HOLD_MAX	(256 * 1024)	/* bytes held back before records are written */
#define HOLD_KEEP	(16 * 1024) /* a larger buffer is given back when empty */

static const PQcommMethods *direct = NULL;	/* the methods we stand in for */
static PQcommMethods gate;
static CasusGateOwner owner;

static StringInfoData held;		/* messages: type, length, body */
static bool is_cut = false;		/* the connection is given up */
static bool is_busy = false;	/* inside the owner's functions */
static CasusGateTap gate_tap = NULL;	/* is shown the data of COPY */

/*
 * One ErrorResponse made by hand: nothing of what is held may go out with it,
 * and no memory is asked for.  The last field ends with the literal's own zero.
 */
static void
say_why(void)
{
	static const char why[] =
	"SFATAL\0"
	"VFATAL\0"
	"C42501\0"
	"Mthe access log cannot be written, so the connection is closed\0"
	"HAsk the administrator to look at casus.doctor() and the server log.\0"
	"ncasus.log_unavailable\0";

	(void) direct->putmessage('E', why, sizeof(why));
	(void) direct->flush();
}

/*
 * Gives up the connection.  As in pqcomm.c after a failed send, the next
 * check for interrupts ends the session; until then all output is dropped.
 */
static void
cut(void)
{
	if (is_cut)
		return;
	is_cut = true;
	held.len = 0;				/* there may be no memory behind it */
	if (!IsParallelWorker() && !proc_exit_inprogress)
		say_why();
	ClientConnectionLost = 1;
	InterruptPending = 1;
	/* A message checks for interrupts: a cancel must not take us out of here. */
	HOLD_INTERRUPTS();
	ereport(LOG_SERVER_ONLY,
			(errmsg("casus closes the connection: its records could not be written")));
	RESUME_INTERRUPTS();
}

/*
 * Not while we are at it already, and not in a critical section, where memory
 * cannot be asked for: what waits then is kept for the next flush.
 */
static inline bool
can_settle(void)
{
	return !is_busy && CritSectionCount == 0;
}

/*
 * Writes the records that must precede what leaves now; false: it is cut.
 * The owner does not raise, but memory may run out: then too nothing leaves.
 */
static bool
settle(bool all)
{
	bool		ok = false;

	if (is_cut)
		return false;
	is_busy = true;
	PG_TRY();
	{
		ok = owner.settle(all);
	}
	PG_CATCH();
	{
		is_busy = false;
		cut();
		PG_RE_THROW();
	}
	PG_END_TRY();
	is_busy = false;
	if (!ok)
		cut();
	return ok;
}

static void
release(void)
{
	int			at = 0;

	while (at < held.len)
	{
		char		type = held.data[at];
		uint32		length;

		memcpy(&length, held.data + at + 1, sizeof(length));
		(void) direct->putmessage(type, held.data + at + 1 + sizeof(length), length);
		at += 1 + sizeof(length) + length;
	}
	held.len = 0;
	if (held.maxlen > HOLD_KEEP)
	{
		pfree(held.data);
		held.data = NULL;
		held.maxlen = 0;
	}
}

static void
hold(char type, const char *body, uint32 length)
{
	char	   *at;

	if (held.data == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&held);
		MemoryContextSwitchTo(old);
	}
	if (unlikely(held.maxlen - held.len <= 1 + sizeof(length) + length))
		enlargeStringInfo(&held, 1 + sizeof(length) + length);
	at = held.data + held.len;
	*at++ = type;
	memcpy(at, &length, sizeof(length));
	if (length > 0)				/* else there may be no body */
		memcpy(at + sizeof(length), body, length);
	held.len += 1 + sizeof(length) + length;
}

static int
gate_putmessage(char type, const char *body, size_t length)
{
	if (is_cut)
		return EOF;
	if (unlikely(gate_tap != NULL) && type == 'd')
		gate_tap(body, length);
	owner.leaving();
	/* Behind what is held already the next flush lets this go as well. */
	if (held.len == 0 && !is_busy && !owner.waiting())
		return direct->putmessage(type, body, length);
	if (IsParallelWorker())
		return can_settle() && settle(true) ?
			direct->putmessage(type, body, length) : EOF;

	if (held.len + length + 5 > HOLD_MAX && can_settle())
	{
		if (!settle(false))
			return EOF;
		release();
		return direct->putmessage(type, body, length);
	}
	hold(type, body, (uint32) length);
	return 0;
}

static void
gate_putmessage_noblock(char type, const char *body, size_t length)
{
	if (can_settle() && settle(true))
	{
		release();
		direct->putmessage_noblock(type, body, length);
	}
}

static int
gate_flush(void)
{
	if (!can_settle() && (is_busy || owner.waiting()))
		return 0;
	if (can_settle() && !settle(true))
		return EOF;
	release();
	return direct->flush();
}

static int
gate_flush_if_writable(void)
{
	if (!can_settle() && (is_busy || owner.waiting()))
		return 0;
	if (can_settle() && !settle(true))
		return EOF;
	release();
	return direct->flush_if_writable();
}

static bool
gate_is_send_pending(void)
{
	return held.len > 0 || direct->is_send_pending();
}

/* Puts the gate before the client, once there is something to log. */
void
casus_wiregate_install(const CasusGateOwner *gate_owner)
{
	if (PqCommMethods == &gate || !CASUS_LAYER(wire))
		return;
	if (whereToSendOutput != DestRemote && !IsParallelWorker())
		return;
	owner = *gate_owner;
	direct = PqCommMethods;
	gate = *direct;
	gate.putmessage = gate_putmessage;
	gate.putmessage_noblock = gate_putmessage_noblock;
	gate.flush = gate_flush;
	gate.flush_if_writable = gate_flush_if_writable;
	gate.is_send_pending = gate_is_send_pending;
	PqCommMethods = &gate;
}

bool
casus_wiregate_tap(CasusGateTap tap)
{
	gate_tap = PqCommMethods == &gate ? tap : NULL;
	return gate_tap != NULL;
}
