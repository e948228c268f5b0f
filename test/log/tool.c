/*
 * tool.c
 *		Tries changes of a good access log that should all be found: a bit
 *		turned over, bytes set, entries taken out, doubled or swapped, the end
 *		cut off, segments swapped, removed or doubled.
 *
 * tool KEY_FILE DIRECTORY ANCHOR COUNT SEED
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logsegment.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_SEGMENTS	4096

typedef struct Piece
{
	uint8	   *data;
	size_t		length;
} Piece;

static CasusLogKeys keys;
static Piece log_files[MAX_SEGMENTS];
static int	nfiles = 0;
static int	memory = -1;		/* a file without a name, for changed segments */
static uint64 state;

static void
fail(const char *what)
{
	fprintf(stderr, "tool: %s\n", what);
	exit(2);
}

static Piece
read_whole(const char *path)
{
	int			fd = open(path, O_RDONLY);
	Piece		piece;
	off_t		size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (size < 0)
		fail(path);
	piece.length = (size_t) size;
	piece.data = palloc(size + 1);
	if (pread(fd, piece.data, size, 0) != size)
		fail(path);
	piece.data[size] = '\0';
	close(fd);
	return piece;
}

static void
read_log(const char *directory)
{
	for (uint64 segment = 1; segment <= MAX_SEGMENTS; segment++)
	{
		char		name[CASUS_SEGMENT_NAME];
		char		path[MAXPGPATH];

		casus_logsegment_name(name, segment);
		snprintf(path, sizeof(path), "%s/%s", directory, name);
		if (access(path, R_OK) != 0)
			break;
		log_files[nfiles++] = read_whole(path);
	}
}

/* Are these segments a log that the anchor belongs to? */
static bool
verify(const Piece *files, int n, const char *anchor, CasusLogFinding *finding)
{
	CasusLogChain chain;
	bool		ok = true;

	casus_logchain_begin(&chain, &keys);
	if (anchor && !casus_logchain_anchor(&chain, anchor))
		fail("no anchor");
	for (int i = 0; ok && i < n; i++)
	{
		if (files[i].data == NULL)
		{
			ok = casus_logchain_missing(&chain, i + 1);
			break;
		}
		if (ftruncate(memory, 0) != 0 ||
			pwrite(memory, files[i].data, files[i].length, 0) != (ssize_t) files[i].length)
			fail("memory");
		ok = casus_logchain_segment(&chain, memory, i + 1, UINT64_MAX);
	}
	if (ok)
		ok = casus_logchain_end(&chain);
	*finding = chain.finding;
	return ok;
}

static uint64
chance(uint64 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

/* A record of a segment: by its place in the file. */
static size_t
record_size(const uint8 *at)
{
	return CASUS_RECORD_HEADER + CASUS_LOG_MAC +
		(at[0] | (size_t) at[1] << 8 | (size_t) at[2] << 16 | (size_t) at[3] << 24);
}

static int
places(const Piece *file, size_t *place, int max)
{
	int			n = 0;

	/* Behind them there may be zeros. */
	for (size_t at = CASUS_SEGMENT_HEADER; at + 4 < file->length && file->data[at + 4] != 0 && n < max;
		 at += record_size(file->data + at))
		place[n++] = at;
	return n;
}

static size_t
without_zeros(const Piece *file)
{
	size_t		length = file->length;

	while (length > 0 && file->data[length - 1] == 0)
		length--;
	return length;
}

/* Zeros at the end of a file are room for entries: that there are more or fewer is no change. */
static bool
all_the_same(const Piece *files, int n)
{
	for (int i = 0; i < n; i++)
	{
		size_t		length = without_zeros(&log_files[i]);

		if (files[i].data == NULL || length != without_zeros(&files[i]) ||
			memcmp(files[i].data, log_files[i].data, length) != 0)
			return false;
	}
	return n == nfiles;
}

/*
 * Is the first thing named that is not as it was?  That is the entry with the
 * first byte that differs, of whichever segment comes there now; of a header, or
 * of one that is missing, the segment, or the entry that should come first there.
 */
static bool
named_where_it_is(const Piece *files, int n, const CasusLogFinding *finding)
{
	static size_t place[1 << 20];
	uint64		seq = 0;

	for (int k = 0; k < nfiles; k++)
	{
		const Piece *good = &log_files[k];
		int			nplaces = places(good, place, lengthof(place));
		bool		there = k < n && files[k].data != NULL;
		size_t		length = Max(good->length, there ? files[k].length : 0);
		size_t		at = 0;

		if (!there)
			return finding->segment == k + 1 || finding->seq == seq + 1;
		while (at < length &&
			   (at < good->length ? good->data[at] : 0) ==
			   (at < files[k].length ? files[k].data[at] : 0))
			at++;
		if (at < CASUS_SEGMENT_HEADER)
			return finding->segment == k + 1;
		for (int i = 0; i < nplaces; i++)
		{
			if (at < length && at < place[i] + record_size(good->data + place[i]))
				return finding->seq == seq + 1;
			seq++;
		}
		/* Behind its last entry. */
		if (at < length)
			return finding->seq == seq + 1;
	}
	return true;				/* a segment too many */
}

static Piece
replace(const Piece *file, size_t at, size_t cut, const uint8 *put, size_t length)
{
	Piece		result;

	result.length = file->length - cut + length;
	result.data = palloc(result.length + 1);
	memcpy(result.data, file->data, at);
	memcpy(result.data + at, put, length);
	memcpy(result.data + at + length, file->data + at + cut, file->length - at - cut);
	return result;
}

/* Changes one thing; false: nothing has changed. */
static bool
mutate(Piece *files, int n, int *count, int kind)
{
	static size_t place[1 << 20];
	int			which = chance(n);
	Piece	   *file = &files[which];
	int			nplaces = places(file, place, lengthof(place));
	int			i = nplaces > 0 ? chance(nplaces) : 0;
	int			j = nplaces > 0 ? chance(nplaces) : 0;
	size_t		written = without_zeros(file);
	size_t		at = chance(chance(8) ? written : file->length);	/* now and then in the room */
	uint8		bytes[64];
	Piece		old = *file;

	switch (kind)
	{
		case 0:					/* a bit */
			*file = replace(file, at, 0, NULL, 0);
			file->data[at] ^= 1 << chance(8);
			return true;
		case 1:					/* bytes in the file */
			for (int k = 0; k < lengthof(bytes); k++)
				bytes[k] = (uint8) chance(256);
			*file = replace(file, at, 0, bytes, 1 + chance(lengthof(bytes)));
			return true;
		case 2:					/* bytes out of it */
			*file = replace(file, at, 1 + chance(Min(200, file->length - at)), NULL, 0);
			return true;
		case 3:					/* the end cut off, at a record or anywhere */
			if (chance(2) && nplaces > 0)
				at = place[i];
			file->length = at;
			return true;
		case 4:					/* an entry out */
			if (nplaces == 0)
				return false;
			*file = replace(file, place[i], record_size(file->data + place[i]), NULL, 0);
			return true;
		case 5:					/* an entry again, somewhere */
			if (nplaces == 0)
				return false;
			*file = replace(file, place[j], 0, old.data + place[i], record_size(old.data + place[i]));
			return true;
		case 6:					/* two swapped */
			if (nplaces < 2 || i == j)
				return false;
			if (i > j)
			{
				int			k = i;

				i = j;
				j = k;
			}
			*file = replace(&old, place[j], record_size(old.data + place[j]), old.data + place[i], record_size(old.data + place[i]));
			*file = replace(file, place[i], record_size(old.data + place[i]), old.data + place[j], record_size(old.data + place[j]));
			return true;
		case 7:					/* a segment out, moved up or missing */
			if (chance(2))
				file->data = NULL;
			else
			{
				memmove(file, file + 1, (n - which - 1) * sizeof(Piece));
				(*count)--;
			}
			return true;
		case 8:					/* two segments swapped */
			if (n < 2)
				return false;
			i = (which + 1 + chance(n - 1)) % n;
			*file = files[i];
			files[i] = old;
			return true;
		case 9:					/* a record of one segment in another */
			i = chance(n);
			nplaces = places(&files[i], place, lengthof(place));
			if (nplaces == 0 || i == which)
				return false;
			j = chance(nplaces);
			at = place[j];
			nplaces = places(file, place, lengthof(place));
			*file = replace(file, nplaces > 0 ? place[chance(nplaces)] : written, 0,
						   files[i].data + at, record_size(files[i].data + at));
			return true;
		case 10:				/* a 64-bit word of a record's header or mac */
			if (nplaces == 0)
				return false;
			for (int k = 0; k < 8; k++)
				bytes[k] = (uint8) chance(256);
			at = place[i] + (chance(2) ? 8 * chance(3) : record_size(old.data + place[i]) - 8 * (1 + chance(4)));
			*file = replace(file, at, 8, bytes, 8);
			return memcmp(old.data + at, bytes, 8) != 0;
	}
	return false;
}

static int
run_mutations(const char *anchor, int wanted)
{
	static const char *const names[] = {
		"bit", "insert bytes", "remove bytes", "cut", "remove entry", "repeat entry", "swap entries",
		"remove segment", "swap segments", "entry of another segment", "word"
	};
	int			accepted = 0;
	int			misnamed = 0;
	int			tried[lengthof(names)] = {0};

	for (int done = 0; done < wanted;)
	{
		Piece		files[MAX_SEGMENTS];
		int			n = nfiles;
		int			kind = chance(lengthof(names));
		int			which;
		CasusLogFinding finding;

		memcpy(files, log_files, nfiles * sizeof(Piece));
		if (!mutate(files, nfiles, &n, kind) || all_the_same(files, n))
			continue;
		done++;
		tried[kind]++;
		if (verify(files, n, anchor, &finding))
		{
			printf("ACCEPTED: %s, mutation %d\n", names[kind], done);
			accepted++;
		}
		else if (!named_where_it_is(files, n, &finding))
		{
			printf("MISNAMED: %s, mutation %d: segment %llu, position %llu, entry %llu: %s\n",
				   names[kind], done, (unsigned long long) finding.segment,
				   (unsigned long long) finding.offset, (unsigned long long) finding.seq, finding.what);
			misnamed++;
		}
		for (which = 0; which < n; which++)
		{
			bool		ours = false;

			for (int k = 0; k < nfiles; k++)
				ours |= files[which].data == log_files[k].data;
			if (!ours && files[which].data != NULL)
				pfree(files[which].data);
		}
	}
	for (int kind = 0; kind < lengthof(names); kind++)
		printf("%s %d, ", names[kind], tried[kind]);
	printf("%d accepted, %d named elsewhere\n", accepted, misnamed);
	return accepted + misnamed > 0;
}

int
main(int argc, char **argv)
{
	CasusLogFinding finding;
	Piece		key_text;

	if (argc != 6)
		fail("KEY_FILE DIRECTORY ANCHOR COUNT SEED");
	key_text = read_whole(argv[1]);
	if (!casus_logsegment_parse_keys(&keys, (char *) key_text.data))
		fail("no key file");
	memory = memfd_create("log", 0);
	read_log(argv[2]);
	if (!verify(log_files, nfiles, argv[3], &finding))
		fail("the log is not whole");
	state = strtoull(argv[5], NULL, 10) * UINT64CONST(0x9E3779B97F4A7C15) + 1;
	return run_mutations(argv[3], atoi(argv[4]));
}
