/*
 * sink.c
 *		Where log records go, as a backend sees it: into the ring, and on when
 *		the writer has made them durable.
 *
 * Everything here is private to the backend: how far in the ring its own
 * records reach, and those of its parallel workers.  What is shared is in logring.c.
 *
 * The functions named try_ never raise: they serve where an error is being
 * sent already.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "miscadmin.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"

#define DEFAULT_DIRECTORY	"casus_log"

static uint64 my_end = 0;		/* position behind the last record of mine or of my workers */
static bool my_waiting = false; /* what stands before it I have not seen durable */

const char *
casus_sink_directory(void)
{
	return casus_log_directory && casus_log_directory[0] ?
		casus_log_directory : DEFAULT_DIRECTORY;
}

/* May this process count on a writer?  False with errno; so too where it has left shared memory. */
static bool
is_usable(void)
{
	if (!casus_logring_usable() || MyProc == NULL)
		errno = ENOTSUP;
	/* At once down, and this may be the signal handler of that. */
	else if (GetQuitSignalReason() != PMQUIT_NOT_SENT)
		errno = EIO;
	else
		return true;
	return false;
}

/* The longest piece of whole lines that goes into the ring at once; 0: not even one. */
static int
piece_length(const char *lines, int length)
{
	int			max = (int) Min(casus_logring_block_max(), (uint32) PG_INT32_MAX);

	if (length <= max)
		return length;
	while (max > 0 && lines[max - 1] != '\n')
		max--;
	return max;
}

/*
 * Puts lines, each an object that starts with a brace and ends with a newline,
 * into the ring, also while it is known that the log cannot be written: for
 * what has happened, by a session that may be gone when there is room again.
 * Never raises; false with errno when they are not in the ring.
 */
bool
casus_sink_leave(const char *lines, int length)
{
	if (length > 0 && !is_usable())
		return false;
	while (length > 0)
	{
		int			piece = piece_length(lines, length);

		if (piece == 0)
		{
			errno = EMSGSIZE;
			return false;
		}
		if (!casus_logring_put(lines, piece, &my_end))
			return false;
		my_waiting = true;
		lines += piece;
		length -= piece;
	}
	return true;
}

/* The same before anything leaves: false, too, while the log cannot be written. */
bool
casus_sink_try_append(const char *lines, int length)
{
	int			failing;

	if (length == 0)
		return true;
	if (!is_usable())
		return false;
	failing = casus_logring_failing();
	if (failing == 0)
		return casus_sink_leave(lines, length);
	errno = failing > 0 ? failing : EIO;
	return false;
}

/* Waits until what this backend appended is durable; never raises. */
bool
casus_sink_try_sync(void)
{
	if (!casus_sink_waiting())
		return true;
	if (!is_usable() || !casus_logring_wait(my_end))
		return false;
	my_waiting = false;
	return true;
}

/* Did this backend, or a parallel worker of it, append what is not yet durable? */
bool
casus_sink_waiting(void)
{
	uint64		told = casus_logring_told();

	if (told > my_end)
	{
		my_end = told;
		my_waiting = true;
	}
	if (my_waiting && casus_logring_durable() >= my_end)
		my_waiting = false;
	return my_waiting;
}

/* Takes over, as if it were this backend's own, whatever has been appended. */
void
casus_sink_cover(void)
{
	if (casus_logring_durable() >= casus_logring_written())
		return;
	my_waiting = true;
	my_end = casus_logring_written();
}

/* What the client is told of a cause; the server log knows more. */
static const char *
cause(int error)
{
	int			failing = casus_logring_usable() ? casus_logring_failing() : 0;

	if (failing == CASUS_LOG_NO_KEY)
		return _("the key file of the log is not there or not as it must be");
	if (failing == CASUS_LOG_EXPOSED)
		return _("other accounts of the machine may write in its directory");
	if (failing == CASUS_LOG_STALLED)
		return _("the writer of the log does not answer");
	if (error == EMSGSIZE)
		return _("a record is larger than half of casus.log_ring_size");
	return strerror(error);
}

static void
refuse_unavailable(void)
{
	const char *why = cause(errno);

	/* A wait that the user ended himself is his cancel, and no more. */
	CHECK_FOR_INTERRUPTS();
	casus_refuse("log_unavailable",
				 _("the access log cannot be written"),
				 psprintf(_("Nothing protected is read without a record of it: %s."), why),
				 _("Ask the administrator to look at casus.doctor() and the server log; reading resumes by itself."));
}

/*
 * Called before the first protected row of a statement is let through.  While
 * the log is known to fail this asks its writer to try again, and refuses
 * while no row has left; so only the statement that meets the first failure
 * loses its connection.
 */
void
casus_sink_ready(void)
{
	if (!is_usable())
		refuse_unavailable();
	if (likely(casus_logring_failing() == 0))
		return;
	if (!casus_logring_probe())
	{
		errno = casus_logring_failing();
		refuse_unavailable();
	}
}

void
casus_sink_append(const char *line, int len)
{
	if (!casus_sink_try_append(line, len))
		refuse_unavailable();
}

void
casus_sink_sync(void)
{
	if (!casus_sink_try_sync())
		refuse_unavailable();
}
