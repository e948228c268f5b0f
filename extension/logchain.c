/*
 * logchain.c
 *		Is a log what its writer wrote?  Names the first thing that is not.
 *
 * Each mac is made from the one before, so what is between two macs that hold
 * is as it was written.  What a chain cannot show is that it once went on:
 * that takes an anchor, the number and mac of a record, kept elsewhere.
 *
 * Segments beyond their term are gone.  Their checkpoint, which only who has a
 * key can make, stands for them: the chain begins with the last mac of theirs,
 * and an entry further on must name it.
 *
 * Like logsegment.c for the server and for tools; the caller opens the files,
 * in the order of their numbers.  Nothing is kept between chains.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logsegment.h"

/* Only the first finding counts. */
static bool
find(CasusLogChain *chain, uint64 segment, uint64 offset, uint64 seq, const char *what)
{
	if (chain->finding.what[0] == '\0')
	{
		chain->finding.segment = segment;
		chain->finding.offset = offset;
		chain->finding.seq = seq;
		strlcpy(chain->finding.what, what, sizeof(chain->finding.what));
	}
	return false;
}

void
casus_logchain_begin(CasusLogChain *chain, const CasusLogKeys *keys)
{
	memset(chain, 0, sizeof(*chain));
	chain->keys = keys;
}

/* node:number:mac, as people keep it. */
void
casus_logchain_print_anchor(char *text, const uint8 *node, const CasusLogPoint *point)
{
	casus_logsegment_hex(text, node, CASUS_LOG_NODE);
	text += 2 * CASUS_LOG_NODE;
	text += sprintf(text, ":%llu:", (unsigned long long) point->seq);
	casus_logsegment_hex(text, point->mac, CASUS_LOG_MAC);
}

/* False: that is no anchor, or one of another node. */
bool
casus_logchain_anchor(CasusLogChain *chain, const char *anchor)
{
	uint8		node[CASUS_LOG_NODE];
	char	   *end;

	if (!casus_logsegment_unhex(node, anchor, CASUS_LOG_NODE) ||
		memcmp(node, chain->keys->node, CASUS_LOG_NODE) != 0)
		return false;
	anchor += 2 * CASUS_LOG_NODE;
	if (anchor[0] != ':' || anchor[1] < '1' || anchor[1] > '9')
		return false;
	chain->anchor_seq = strtoull(anchor + 1, &end, 10);
	return *end == ':' && chain->anchor_seq <= CASUS_LOG_LAST &&
		casus_logsegment_unhex(chain->anchor_mac, end + 1, CASUS_LOG_MAC) &&
		end[1 + 2 * CASUS_LOG_MAC] == '\0';
}

/* ---- what is gone ---- */

/*
 * The chain begins behind what the checkpoint stands for.  False: there is a
 * finding.  With an anchor: after casus_logchain_anchor.
 */
bool
casus_logchain_checkpoint(CasusLogChain *chain, const uint8 *bytes, size_t length)
{
	CasusLogCheckpoint *purged = &chain->purged;

	if (!casus_logsegment_get_checkpoint(chain->keys, bytes, length, purged))
		return find(chain, 0, 0, 0, "the checkpoint of the segments that are gone is changed, or made with another key");
	casus_logchain_restart(chain, purged->segment + 1);
	return true;
}

/*
 * Are the entries asked for, or that of the anchor, among those that have gone?
 * Then nothing can be said of them.  Of the last one the checkpoint has the mac.
 */
bool
casus_logchain_gone(const CasusLogChain *chain, uint64 from, uint64 to)
{
	uint64		gone = chain->purged.seq;

	return (from != 0 && from <= gone) || (to != 0 && to <= gone) ||
		(chain->anchor_seq != 0 && chain->anchor_seq < gone);
}

/* Is there an entry that should have been passed?  False: there is a finding. */
bool
casus_logchain_unrecorded(CasusLogChain *chain)
{
	if (chain->purged.segment == 0 || chain->on_record)
		return true;
	return find(chain, 0, 0, 0, "the checkpoint of the segments that are gone is not on record in the log");
}

/* Begins at that segment: tied to what is gone before it, or, for another, to nothing. */
void
casus_logchain_restart(CasusLogChain *chain, uint64 segment)
{
	const CasusLogCheckpoint *purged = &chain->purged;
	CasusLogPoint *point = &chain->point;

	memset(point, 0, sizeof(*point));
	chain->first = chain->nrecords = 0;
	if (purged->segment == 0 || segment != purged->segment + 1)
		return;
	point->segment = purged->segment;
	point->seq = purged->seq;
	point->time = purged->newest;
	point->key = purged->last_key;
	memcpy(point->mac, purged->last, CASUS_LOG_MAC);
	if (chain->anchor_seq == purged->seq &&
		memcmp(chain->anchor_mac, purged->last, CASUS_LOG_MAC) != 0)
		chain->other = *point;
}

static void
look_for_checkpoint(CasusLogChain *chain, const CasusLogRecord *record)
{
	static const char member[] = "\"code\":\"purge_log\",\"text\":\"checkpoint ";
	char		text[sizeof(member) + CASUS_CHECKPOINT_LENGTH];

	strcpy(text, member);
	casus_logsegment_print_checkpoint(text + sizeof(member) - 1, &chain->purged);
	chain->on_record = memmem(record->payload, record->length, text, strlen(text)) != NULL;
}

/* ---- the chain ---- */

/*
 * An anchor bears the mac that was the last when it was made: of its entry, or
 * of the header of a segment that had been begun behind it.
 */
static bool
check_anchor(CasusLogChain *chain)
{
	return chain->other.segment == 0 ||
		find(chain, chain->other.segment, chain->other.offset, chain->other.seq,
			 "the entry is not the one of the anchor: the log was made anew from here or before");
}

/* The header of a segment, with which the reader is at its begin.  False: there is a finding. */
bool
casus_logchain_header(CasusLogChain *chain, CasusLogReader *reader, uint64 segment)
{
	CasusLogPoint *point = &chain->point;
	bool		first = point->segment == 0;
	CasusLogHeader header;
	CasusLogRead read = casus_logsegment_header(reader, &header);
	uint64		next = point->seq + 1;

	if (read == CASUS_LOG_FAILED)
		return find(chain, segment, 0, first ? 0 : next, "the file cannot be read");
	if (read != CASUS_LOG_OK)
		return find(chain, segment, 0, first ? 0 : next, "the header of the segment is changed or cut off");
	if (memcmp(header.node, chain->keys->node, CASUS_LOG_NODE) == 0 &&
		casus_logsegment_key(chain->keys, header.key) == NULL)
		return find(chain, segment, 0, header.first_seq, "the key of the segment is not in the key file");
	if (!casus_logsegment_header_holds(chain->keys, reader, &header))
		return find(chain, segment, 0, first ? 0 : next, "the header of the segment is changed, or made with another key");
	if (header.segment != segment)
		return find(chain, segment, 0, header.first_seq, "the segment is out of order: its file bears another number");
	if (segment == 1 && header.first_seq != 1)
		return find(chain, segment, 0, 1, "the segment is not the first of a log");
	if (!first && (header.first_seq != next ||
				   memcmp(header.before, point->mac, CASUS_LOG_MAC) != 0))
		return find(chain, segment, 0, next, "entries at the end of the previous segment are changed, removed or inserted");
	if (!first && header.key < point->key)
		return find(chain, segment, 0, next, "the segment is made with an older key than the one before it");

	point->segment = segment;
	point->seq = header.first_seq - 1;
	point->offset = CASUS_SEGMENT_HEADER;
	point->key = header.key;
	memcpy(point->mac, header.mac, CASUS_LOG_MAC);
	if (memcmp(header.mac, chain->anchor_mac, CASUS_LOG_MAC) == 0)
		chain->other.segment = 0;
	return true;
}

/* A mac or number that does not hold: what has happened, as the next record tells. */
static bool
name_damage(CasusLogChain *chain, CasusLogReader *reader, const CasusLogRecord *record)
{
	uint64		expected = chain->point.seq + 1;
	uint64		found = record->seq;
	uint64		offset = record->offset;
	CasusLogRecord next;
	uint64		following = casus_logsegment_next(reader, &next) == CASUS_LOG_OK ? next.seq : 0;
	const char *what;

	if (found == expected)
		what = following == expected ? "an entry is inserted" : "the entry is changed";
	else if (found < expected || following == found)
		what = "an entry is inserted or repeated";
	else if (following == expected)
		what = "entries are reordered";
	else if (following == expected + 1)
		what = "the number of the entry is changed";
	else
		what = "entries are removed or reordered";
	return find(chain, chain->point.segment, offset, expected, what);
}

/* The record that the reader has just passed. */
bool
casus_logchain_record(CasusLogChain *chain, CasusLogReader *reader, const CasusLogRecord *record)
{
	CasusLogPoint *point = &chain->point;
	const CasusLogKey *key = casus_logsegment_key(chain->keys, point->key);
	uint8		mac[CASUS_LOG_MAC];

	if (record->seq != point->seq + 1 ||
		!casus_logsegment_mac(key, point->mac, record->head,
							  CASUS_RECORD_HEADER + record->length, mac) ||
		memcmp(mac, record->mac, CASUS_LOG_MAC) != 0)
		return name_damage(chain, reader, record);
	if (!check_anchor(chain))
		return false;

	point->seq = record->seq;
	point->time = record->time;
	point->offset = reader->offset;
	memcpy(point->mac, mac, CASUS_LOG_MAC);
	if (chain->first == 0)
		chain->first = record->seq;
	chain->nrecords++;
	if (chain->purged.segment != 0 && !chain->on_record)
		look_for_checkpoint(chain, record);
	if (record->seq == chain->anchor_seq &&
		memcmp(mac, chain->anchor_mac, CASUS_LOG_MAC) != 0)
	{
		chain->other = *point;
		chain->other.offset = record->offset;
	}
	if (chain->each)
		chain->each(record, chain->argument);
	return true;
}

/* One segment, as far as the limit.  False: there is a finding. */
bool
casus_logchain_segment(CasusLogChain *chain, int fd, uint64 segment, uint64 limit)
{
	CasusLogReader reader;
	CasusLogRecord record;
	CasusLogRead read = CASUS_LOG_END;
	bool		ok;

	if (chain->point.segment != 0 && segment != chain->point.segment + 1)
		return casus_logchain_missing(chain, chain->point.segment + 1);
	if (!casus_logsegment_open(&reader, fd, limit))
		return find(chain, segment, 0, 0, "the file cannot be read");
	ok = casus_logchain_header(chain, &reader, segment);
	while (ok && (read = casus_logsegment_next(&reader, &record)) == CASUS_LOG_OK)
		ok = casus_logchain_record(chain, &reader, &record);
	if (ok && read == CASUS_LOG_FAILED)
		ok = find(chain, segment, reader.offset, chain->point.seq + 1, "the file cannot be read");
	else if (ok && read == CASUS_LOG_TORN)
		ok = find(chain, segment, reader.offset, chain->point.seq + 1,
				  "the entry is cut off, or its length is changed, or what is here is none");
	casus_logsegment_close(&reader);
	return ok;
}

bool
casus_logchain_missing(CasusLogChain *chain, uint64 segment)
{
	return find(chain, segment, 0, chain->point.segment ? chain->point.seq + 1 : 0,
				chain->purged.segment != 0 && segment == chain->purged.segment + 1 ?
				"the segment is missing, and the checkpoint does not say that it has gone" :
				"the segment is missing");
}

/* It is known to end elsewhere. */
bool
casus_logchain_cut(CasusLogChain *chain, uint64 last_seq)
{
	return find(chain, chain->point.segment, chain->point.offset, chain->point.seq + 1,
				last_seq > chain->point.seq ? "the log is cut off here" : "the log does not end as its writer left it");
}

/* After the last segment: was there more?  False: there is a finding. */
bool
casus_logchain_end(CasusLogChain *chain)
{
	if (chain->finding.what[0] != '\0' || !check_anchor(chain))
		return false;
	if (chain->anchor_seq > chain->point.seq)
		return find(chain, chain->point.segment, chain->point.offset, chain->point.seq + 1,
					"the log is cut off here: the anchor is of a later entry");
	if (chain->anchor_seq != 0 && chain->anchor_seq < chain->first &&
		chain->anchor_seq != chain->purged.seq)
		return find(chain, chain->point.segment, 0, chain->anchor_seq,
					"the entry of the anchor is not among those that are there");
	return true;
}
