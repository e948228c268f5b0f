/*
 * logwalk.c
 *		The walk over the segments of a log, from one entry to another: for
 *		casus.verify_log and, compiled with FRONTEND, for casusctl.
 *
 * The caller opens the files.  It may know where the log ends, as a running
 * server does; who has only the files does not, and needs an anchor to find
 * that the end was cut off.
 *
 * A walk that does not begin with the first segment begins with the one before
 * that of its first entry, so that this one is tied to what came before it.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logsegment.h"

#define MISSING_MAX		1000	/* in a row, on the way to a record */

/*
 * The segment that holds a record, by what the headers say; their macs are
 * checked later.  Where very many are missing, the first of those: somebody may
 * have put a file with a number far away.
 */
static uint64
segment_of(const CasusLogSource *source, uint64 first, uint64 seq)
{
	int			missing = 0;

	first = Max(source->first, first);
	for (uint64 segment = source->last; segment > first; segment--)
	{
		CasusLogReader reader;
		CasusLogHeader header;
		bool		before = false;
		int			fd = source->open(source->place, segment);

		if (fd < 0)
		{
			if (++missing > MISSING_MAX)
				return segment;
			continue;
		}
		missing = 0;
		if (casus_logsegment_open(&reader, fd, UINT64_MAX))
		{
			before = casus_logsegment_header(&reader, &header) == CASUS_LOG_OK &&
				header.first_seq <= seq;
			casus_logsegment_close(&reader);
		}
		source->close(fd);
		if (before)
			return segment;
	}
	return first;
}

static bool
check_segment(CasusLogChain *chain, const CasusLogSource *source, uint64 segment)
{
	const CasusLogPoint *end = source->end;
	int			fd = source->open(source->place, segment);
	bool		ok;

	if (fd < 0)
		return casus_logchain_missing(chain, segment);
	ok = casus_logchain_segment(chain, fd, segment,
								end && segment == end->segment ? end->offset : UINT64_MAX);
	source->close(fd);
	return ok;
}

/* The one before a segment, of which only the end is asked. */
static bool
check_before(CasusLogChain *chain, const CasusLogSource *source, uint64 segment)
{
	void		(*each) (const CasusLogRecord *, void *) = chain->each;
	bool		ok;

	casus_logchain_restart(chain, segment - 1);
	chain->each = NULL;
	ok = check_segment(chain, source, segment - 1);
	chain->each = each;
	chain->first = chain->nrecords = 0;
	return ok;
}

/*
 * Checks the segments that hold the entries from a number to a number, 0 for
 * the start and the end of the log, and that of the chain's anchor.  False:
 * there is a finding in the chain, which may be that the log ends before them.
 */
bool
casus_logwalk(CasusLogChain *chain, const CasusLogSource *source, uint64 from, uint64 to)
{
	const CasusLogPoint *end = source->end;
	uint64		segment = chain->purged.segment + 1;
	uint64		asked = Max(from, to);
	bool		ok = chain->finding.what[0] == '\0';

	if (chain->anchor_seq != 0)
	{
		from = from == 0 ? 0 : Min(from, chain->anchor_seq);
		to = to == 0 ? 0 : Max(to, chain->anchor_seq);
	}
	if (from > 1)
	{
		uint64		wanted = segment_of(source, segment, from);

		if (ok && wanted > segment)
			ok = check_before(chain, source, wanted);
		segment = wanted;
	}
	for (; ok && segment <= source->last; segment++)
	{
		ok = check_segment(chain, source, segment);
		if (ok && to != 0 && chain->point.seq >= Max(to, asked) && chain->other.segment == 0)
			return true;
	}
	if (ok && end && (chain->point.seq != end->seq ||
					  memcmp(chain->point.mac, end->mac, CASUS_LOG_MAC) != 0))
		(void) casus_logchain_cut(chain, end->seq);
	if (ok && asked == 0)
		(void) casus_logchain_unrecorded(chain);
	if (!casus_logchain_end(chain))
		return false;
	/* Of entries that are not there nobody can say that they are whole. */
	return asked <= chain->point.seq || casus_logchain_cut(chain, asked);
}
