/*
 * logwalk.c
 *		The walk over the segments of a log, from one entry to another: for
 *		casus.verify_log and, compiled with FRONTEND, for casusctl.
 *
 * The caller opens the files.  It may know where the log ends, as a running
 * server does; who has only the files does not, and needs an anchor to find
 * that the end was cut off.
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
segment_of(const CasusLogSource *source, uint64 seq)
{
	uint64		first = Max(source->first, 1);
	int			missing = 0;

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

/*
 * Checks the segments that hold the entries from a number to a number, 0 for
 * the start and the end of the log, and that of the chain's anchor.  False:
 * there is a finding in the chain.
 */
bool
casus_logwalk(CasusLogChain *chain, const CasusLogSource *source, uint64 from, uint64 to)
{
	const CasusLogPoint *end = source->end;
	uint64		segment = 1;
	bool		ok = true;

	if (chain->anchor_seq != 0)
	{
		from = from == 0 ? 0 : Min(from, chain->anchor_seq);
		to = to == 0 ? 0 : Max(to, chain->anchor_seq);
	}
	if (from > 1)
		segment = segment_of(source, from);
	for (; ok && segment <= source->last; segment++)
	{
		int			fd = source->open(source->place, segment);

		if (fd < 0)
			ok = casus_logchain_missing(chain, segment);
		else
		{
			ok = casus_logchain_segment(chain, fd, segment,
										end && segment == end->segment ? end->offset : UINT64_MAX);
			source->close(fd);
		}
		if (ok && to != 0 && chain->point.seq >= to && chain->other.segment == 0)
			return true;
	}
	if (ok && end && (chain->point.seq != end->seq ||
					  memcmp(chain->point.mac, end->mac, CASUS_LOG_MAC) != 0))
		(void) casus_logchain_cut(chain, end->seq);
	return casus_logchain_end(chain);
}
