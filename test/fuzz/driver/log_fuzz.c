/*
 * log_fuzz.c
 *		libFuzzer on what reads the files of an access log without believing
 *		them, as casusctl does: segments, the chain, the walk, the key file and
 *		anchors (test/fuzz/logfile.pl).
 *
 * Whatever comes in, nothing is read beyond it; what a chain accepts, made
 * without the key, is how the log began; and what is read back, printed again,
 * is the same.  The first byte of an input says what the rest is.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logsegment.h"

#include <sys/mman.h>
#include <unistd.h>

#define NSEGMENTS		3
#define SEGMENT_ROOM	4096

typedef struct Segment
{
	uint8		bytes[SEGMENT_ROOM];
	size_t		length;
	int			fd;
} Segment;

static CasusLogKeys keys;
static Segment good[NSEGMENTS]; /* as a writer leaves them */
static Segment tried[NSEGMENTS];
static CasusLogPoint good_end;
static uint64 reported;			/* records told to each() */
static uint64 last_reported;

#define HOLDS(what) \
	do { if (!(what)) { fprintf(stderr, "does not hold: %s, line %d\n", #what, __LINE__); abort(); } } while (0)

static const char key_file[] =
"casus log key 1\n"
"node 000102030405060708090a0b0c0d0e0f\n"
"1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
"7 ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

static void
make_log(void)
{
	static const char *const payloads[] = {"{}", "{\"a\":1}", "no json", "", "{\"text\":\"\\u0000 \xff\"}"};
	CasusLogPoint point = {0};

	for (int i = 0; i < NSEGMENTS; i++)
	{
		const CasusLogKey *key = &keys.key[i == 0 ? 0 : 1];

		HOLDS(casus_logsegment_put_header(key, keys.node, &point, 1000000 + i, good[i].bytes));
		for (int k = 0; k < lengthof(payloads); k++)
			HOLDS(casus_logsegment_put_record(key, &point, 1 + (i + k) % CASUS_RECORD_LAST_KIND, k % 2 == 0, 1000000 + k,
											  payloads[k], strlen(payloads[k]), good[i].bytes + point.offset));
		good[i].length = point.offset;
	}
	good_end = point;
}

static void
fill(Segment *segment, const uint8 *data, size_t size)
{
	segment->length = size;
	HOLDS(ftruncate(segment->fd, 0) == 0 && pwrite(segment->fd, data, size, 0) == (ssize_t) size);
}

/* Every byte that a record is said to have is read. */
static uint64
touch(const CasusLogRecord *record)
{
	uint64		sum = 0;

	for (uint32 i = 0; i < CASUS_RECORD_HEADER + record->length + CASUS_LOG_MAC; i++)
		sum += record->head[i];
	HOLDS(record->payload == record->head + CASUS_RECORD_HEADER);
	HOLDS(record->mac == record->payload + record->length);
	return sum;
}

static void
count(const CasusLogRecord *record, void *argument)
{
	(void) touch(record);
	HOLDS(reported == 0 || record->seq == last_reported + 1);
	last_reported = record->seq;
	reported++;
}

/* A segment as it was made, or the beginning of one, and zeros behind it. */
static bool
is_good(const uint8 *data, size_t size, const Segment *segment)
{
	size_t		at = 0;

	while (at < size && at < segment->length && data[at] == segment->bytes[at])
		at++;
	while (at < size && data[at] == 0)
		at++;
	return at == size;
}

/* One file of any bytes, read on its own, and as each segment of the log. */
static void
try_segment(const uint8 *data, size_t size)
{
	CasusLogReader reader;
	CasusLogHeader header;
	CasusLogRecord record;
	CasusLogRead read;

	fill(&tried[0], data, size);
	HOLDS(casus_logsegment_open(&reader, tried[0].fd, UINT64_MAX));
	read = casus_logsegment_header(&reader, &header);
	HOLDS(read != CASUS_LOG_FAILED && read != CASUS_LOG_END);
	while (read == CASUS_LOG_OK)
	{
		uint64		before = reader.offset;

		read = casus_logsegment_next(&reader, &record);
		HOLDS(read != CASUS_LOG_FAILED);
		HOLDS(read != CASUS_LOG_END || reader.offset == size);
		HOLDS(reader.offset <= size && (read != CASUS_LOG_OK || reader.offset > before));
		if (read == CASUS_LOG_OK)
			(void) touch(&record);
	}
	casus_logsegment_close(&reader);

	for (int i = 0; i < NSEGMENTS; i++)
	{
		CasusLogChain chain;
		bool		ok;

		casus_logchain_begin(&chain, &keys);
		ok = casus_logchain_segment(&chain, tried[0].fd, i + 1, UINT64_MAX);
		HOLDS(ok == (chain.finding.what[0] == '\0'));
		HOLDS(!ok || is_good(data, size, &good[i]));
	}
}

/* Makes the macs hold, as far as what stands there is segments: so one gets behind the check of the macs. */
static void
mend(uint8 *bytes, size_t size, uint8 *before)
{
	uint32		id;
	const CasusLogKey *key;
	size_t		at = CASUS_SEGMENT_HEADER;

	if (size < CASUS_SEGMENT_HEADER)
		return;
	memcpy(&id, bytes + 40, sizeof(id));
	key = casus_logsegment_key(&keys, id);
	if (key == NULL)
		return;
	memcpy(bytes + 16, keys.node, CASUS_LOG_NODE);
	memcpy(bytes + 64, before, CASUS_LOG_MAC);
	HOLDS(casus_logsegment_mac(key, NULL, bytes, 96, bytes + 96));
	memcpy(before, bytes + 96, CASUS_LOG_MAC);
	while (size - at >= CASUS_RECORD_HEADER + CASUS_LOG_MAC)
	{
		uint32		length;

		memcpy(&length, bytes + at, sizeof(length));
		if (length > size - at - CASUS_RECORD_HEADER - CASUS_LOG_MAC)
			return;
		HOLDS(casus_logsegment_mac(key, before, bytes + at, CASUS_RECORD_HEADER + length,
								   bytes + at + CASUS_RECORD_HEADER + length));
		memcpy(before, bytes + at + CASUS_RECORD_HEADER + length, CASUS_LOG_MAC);
		at += CASUS_RECORD_HEADER + length + CASUS_LOG_MAC;
	}
}

static int
open_tried(void *place, uint64 segment)
{
	return segment >= 1 && segment <= NSEGMENTS && tried[segment - 1].length > 0 ? tried[segment - 1].fd : -1;
}

static void
close_tried(int fd)
{
}

/*
 * Three files and a walk over them: number of the first and last entry asked
 * for, what is wanted, two lengths, then the files.
 */
static void
try_walk(const uint8 *data, size_t size)
{
	static uint8 copy[1 << 16];
	CasusLogSource source = {open_tried, close_tried, NULL, 1, NSEGMENTS, NULL};
	CasusLogChain chain;
	uint8		before[CASUS_LOG_MAC] = {0};
	uint16		lengths[NSEGMENTS - 1];
	char		anchor[CASUS_ANCHOR_LENGTH];
	bool		ok;
	bool		with_macs;

	if (size < 7 || size > sizeof(copy))
		return;
	memcpy(copy, data, size);
	with_macs = (data[2] & 1) != 0;
	memcpy(lengths, data + 3, sizeof(lengths));
	for (size_t i = 0, at = 7; i < NSEGMENTS; i++)
	{
		size_t		length = i < NSEGMENTS - 1 ? Min(lengths[i], size - at) : size - at;

		if (with_macs)
			mend(copy + at, length, before);
		fill(&tried[i], copy + at, length);
		at += length;
	}
	casus_logchain_begin(&chain, &keys);
	if ((data[2] & 2) != 0)
	{
		casus_logchain_print_anchor(anchor, keys.node, &good_end);
		HOLDS(casus_logchain_anchor(&chain, anchor));
	}
	if ((data[2] & 4) != 0)
		source.end = &good_end;
	reported = 0;
	chain.each = count;
	ok = casus_logwalk(&chain, &source, data[0], data[1]);
	HOLDS(ok == (chain.finding.what[0] == '\0'));
	HOLDS(chain.nrecords == reported);
	HOLDS(reported == 0 || chain.first + reported - 1 == chain.point.seq);
	HOLDS(reported == 0 || chain.first != 0);
	HOLDS(chain.point.seq <= CASUS_LOG_LAST + reported);
	/* Asked for all of it, without a key at hand and to a known end: that is the log, and no other. */
	if (ok && !with_macs && data[0] == 0 && data[1] == 0 && (data[2] & 6) != 0)
	{
		size_t		at = 7;

		for (int i = 0; i < NSEGMENTS; at += good[i++].length)
			HOLDS(size - at >= good[i].length && memcmp(data + at, good[i].bytes, good[i].length) == 0);
		/* Behind the end that a server knows of stands what is being written; else room for more. */
		for (; at < size; at++)
			HOLDS((data[2] & 4) != 0 || data[at] == 0);
	}
}

static void
try_keys(const uint8 *data, size_t size)
{
	char	   *text = palloc(size + 1);
	CasusLogKeys got;

	memcpy(text, data, size);
	text[size] = '\0';
	if (casus_logsegment_parse_keys(&got, text))
	{
		char		printed[CASUS_LOG_KEYS * 80 + 64];
		char		hex[2 * CASUS_LOG_SECRET + 1];
		int			at = sprintf(printed, "casus log key 1\nnode ");
		CasusLogKeys again;

		HOLDS(got.nkeys > 0 && got.nkeys <= CASUS_LOG_KEYS);
		casus_logsegment_hex(hex, got.node, CASUS_LOG_NODE);
		at += sprintf(printed + at, "%s\n", hex);
		for (int i = 0; i < got.nkeys; i++)
		{
			casus_logsegment_hex(hex, got.key[i].secret, CASUS_LOG_SECRET);
			at += sprintf(printed + at, "%u %s\n", got.key[i].id, hex);
			HOLDS(casus_logsegment_key(&got, got.key[i].id) == &got.key[i]);
		}
		HOLDS(strlen(text) == (size_t) at && memcmp(printed, text, at) == 0);
		HOLDS(casus_logsegment_parse_keys(&again, printed) && memcmp(&again, &got, sizeof(got)) == 0);
	}
	pfree(text);
}

static void
try_text(const uint8 *data, size_t size)
{
	char	   *text = palloc(size + 1);
	CasusLogChain chain;
	uint64		number;

	memcpy(text, data, size);
	text[size] = '\0';
	casus_logchain_begin(&chain, &keys);
	if (casus_logchain_anchor(&chain, text))
	{
		char		printed[CASUS_ANCHOR_LENGTH];
		CasusLogPoint point = {0};

		point.seq = chain.anchor_seq;
		memcpy(point.mac, chain.anchor_mac, CASUS_LOG_MAC);
		casus_logchain_print_anchor(printed, keys.node, &point);
		HOLDS(strcmp(printed, text) == 0);
	}
	number = casus_logsegment_number(text);
	if (number != 0)
	{
		char		name[CASUS_SEGMENT_NAME];

		casus_logsegment_name(name, number);
		HOLDS(strcmp(name, text) == 0 && strlen(name) == 16);
	}
	pfree(text);
}

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);
int			LLVMFuzzerInitialize(int *argc, char ***argv);

/* write_seeds DIRECTORY: an input of each kind, of the log as it is. */
static void
write_seed(const char *directory, const char *name, char kind, const void *head, size_t head_size,
		   const Segment *segments, int nsegments)
{
	char		path[MAXPGPATH];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	HOLDS(file != NULL);
	fputc(kind, file);
	fwrite(head, 1, head_size, file);
	for (int i = 0; i < nsegments; i++)
		fwrite(segments[i].bytes, 1, segments[i].length, file);
	HOLDS(fclose(file) == 0);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char text[sizeof(key_file)];
	const char *directory = getenv("LOG_FUZZ_SEEDS");
	char		anchor[CASUS_ANCHOR_LENGTH];
	uint8		head[7] = {0};

	memcpy(text, key_file, sizeof(key_file));
	HOLDS(casus_logsegment_parse_keys(&keys, text));
	make_log();
	for (int i = 0; i < NSEGMENTS; i++)
		tried[i].fd = memfd_create("segment", 0);
	if (directory == NULL)
		return 0;
	for (int i = 0; i < NSEGMENTS; i++)
		write_seed(directory, (char[]) {'s', '0' + i, 0}, 0, NULL, 0, &good[i], 1);
	for (int i = 0; i < 8; i++)
	{
		uint16		lengths[2] = {good[0].length, good[1].length};

		head[0] = i == 4 ? 7 : 0;
		head[1] = i == 5 ? 9 : 0;
		head[2] = i;
		memcpy(head + 3, lengths, sizeof(lengths));
		write_seed(directory, (char[]) {'w', '0' + i, 0}, 1, head, sizeof(head), good, NSEGMENTS);
	}
	write_seed(directory, "keys", 2, key_file, sizeof(key_file) - 1, NULL, 0);
	casus_logchain_print_anchor(anchor, keys.node, &good_end);
	write_seed(directory, "anchor", 3, anchor, strlen(anchor), NULL, 0);
	write_seed(directory, "name", 3, "000000000001.log", 16, NULL, 0);
	exit(0);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 4)
	{
		case 0:
			try_segment(data + 1, size - 1);
			break;
		case 1:
			try_walk(data + 1, size - 1);
			break;
		case 2:
			try_keys(data + 1, size - 1);
			break;
		case 3:
			try_text(data + 1, size - 1);
			break;
	}
	return 0;
}
