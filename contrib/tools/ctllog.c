/*
 * ctllog.c
 *		casusctl verify and dump: a log by its files, without its server.
 *
 * The check is the one of casus.verify_log (logwalk.c, logchain.c).  What the
 * files say is not believed before it is checked; what is dumped has been.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casusctl.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE_MAX	(32 * 1024)

/* The log that is looked at. */
typedef struct Log
{
	CasusLogKeys keys;
	char		directory[MAXPGPATH];
	CasusLogSource source;
} Log;

static void
read_keys(CasusLogKeys *keys, const char *path)
{
	static char text[KEY_FILE_MAX + 1];
	int			fd = open(path, O_RDONLY);
	struct stat st;
	ssize_t		n;

	if (fd < 0 || fstat(fd, &st) != 0 || (n = read(fd, text, KEY_FILE_MAX)) < 0)
		ctl_fail(EXIT_CANNOT, "the key file \"%s\" cannot be read: %s", path, strerror(errno));
	close(fd);
	text[n] = '\0';
	if (!casus_logsegment_parse_keys(keys, text))
		ctl_fail(EXIT_CANNOT, "\"%s\" is no key file of casus, or damaged", path);
	explicit_bzero(text, sizeof(text));
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		fprintf(stderr, "casusctl: others may read the key file \"%s\"; who has it can make a log that verifies\n", path);
}

static int
open_segment(void *place, uint64 segment)
{
	char		name[CASUS_SEGMENT_NAME];
	char		path[MAXPGPATH + CASUS_SEGMENT_NAME + 1];

	casus_logsegment_name(name, segment);
	snprintf(path, sizeof(path), "%s/%s", (const char *) place, name);
	return open(path, O_RDONLY);
}

static void
close_segment(int fd)
{
	close(fd);
}

/* Numbers of the first and the last segment. */
static void
find_range(Log *log)
{
	DIR		   *dir = opendir(log->directory);
	struct dirent *entry;

	if (dir == NULL)
		ctl_fail(EXIT_CANNOT, "\"%s\" cannot be read: %s", log->directory, strerror(errno));
	while (errno = 0, (entry = readdir(dir)) != NULL)
	{
		uint64		number = casus_logsegment_number(entry->d_name);

		if (number == 0)
			continue;
		if (log->source.first == 0 || number < log->source.first)
			log->source.first = number;
		log->source.last = Max(log->source.last, number);
	}
	if (errno != 0)
		ctl_fail(EXIT_CANNOT, "\"%s\" cannot be read: %s", log->directory, strerror(errno));
	closedir(dir);
}

/* What speaks for segments that are gone; 0: nothing does.  A byte more shows one too long. */
static size_t
read_checkpoint(Log *log, uint8 *bytes)
{
	int			fd = open_segment(log->directory, 0);
	ssize_t		n;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || (n = read(fd, bytes, CASUS_CHECKPOINT_SIZE + 1)) < 0)
		ctl_fail(EXIT_CANNOT, "the checkpoint of the log cannot be read: %s", strerror(errno));
	close(fd);
	return Max(n, 1);
}

/* casus.log_directory has a directory per node; that one may be given itself. */
static void
find_directory(Log *log, const char *given)
{
	char		node[2 * CASUS_LOG_NODE + 1];
	struct stat st;
	int			length;

	casus_logsegment_hex(node, log->keys.node, CASUS_LOG_NODE);
	length = snprintf(log->directory, MAXPGPATH, "%s/%s", given, node);
	if (length >= MAXPGPATH)
		ctl_fail(EXIT_CANNOT, "the name of the directory is too long");
	if (stat(log->directory, &st) != 0)
		strlcpy(log->directory, given, MAXPGPATH);
	find_range(log);
	if (log->source.last == 0)
		ctl_fail(EXIT_CANNOT, "in \"%s\" is no log of the node of this key file, %s", given, node);
}

/* Walks over the log; the exit code.  What is wrong is said to a stream. */
static int
walk(const CtlOptions *options, void (*each) (const CasusLogRecord *, void *), FILE *tell)
{
	static Log	log;
	CasusLogChain chain;
	const CasusLogFinding *finding = &chain.finding;
	uint8		checkpoint[CASUS_CHECKPOINT_SIZE + 1];
	size_t		length;
	bool		ok;

	read_keys(&log.keys, options->key_file);
	find_directory(&log, options->log_dir);
	log.source.open = open_segment;
	log.source.close = close_segment;
	log.source.place = log.directory;
	casus_logchain_begin(&chain, &log.keys);
	if (options->anchor && !casus_logchain_anchor(&chain, options->anchor))
		ctl_fail(EXIT_CANNOT, "this is no anchor of this log");
	length = read_checkpoint(&log, checkpoint);
	if (length > 0)
		(void) casus_logchain_checkpoint(&chain, checkpoint, length);
	if (casus_logchain_gone(&chain, options->from, options->to))
		ctl_fail(EXIT_CANNOT, "the entries up to number %llu have gone after their term: ask from a later one, or take a later anchor",
				 (unsigned long long) chain.purged.seq);
	chain.each = each;
	chain.argument = unconstify(CtlOptions *, options);
	ok = casus_logwalk(&chain, &log.source, options->from, options->to);
	explicit_bzero(&log.keys, sizeof(log.keys));
	if (!ok)
	{
		char		file[CASUS_SEGMENT_NAME];

		casus_logsegment_name(file, finding->segment);
		fprintf(tell, "%s, position %llu", file, (unsigned long long) finding->offset);
		if (finding->seq != 0)
			fprintf(tell, ", entry %llu", (unsigned long long) finding->seq);
		fprintf(tell, ": %s\n", finding->what);
		return EXIT_DAMAGED;
	}
	if (each == NULL && chain.purged.segment != 0)
		printf("entries 1 to %llu have gone after their term\n", (unsigned long long) chain.purged.seq);
	if (each == NULL)
		printf("whole: entries %llu to %llu, up to segment %llu%s\n",
			   (unsigned long long) chain.first, (unsigned long long) chain.point.seq,
			   (unsigned long long) chain.point.segment, options->anchor ? ", with the anchor" : "");
	return EXIT_WHOLE;
}

int
ctl_log_verify(const CtlOptions *options)
{
	return ctl_finish(walk(options, NULL, stdout));
}

/* As casus_int.access_records() gives it: the number, then the members of the payload. */
static void
print_record(const CasusLogRecord *record, void *argument)
{
	const CtlOptions *options = argument;
	const char *text = (const char *) record->payload;

	if (record->seq < options->from || (options->to != 0 && record->seq > options->to))
		return;
	printf("{\"seq\":%llu,", (unsigned long long) record->seq);
	if (record->length > 2 && text[0] == '{' && text[record->length - 1] == '}')
		fwrite(text + 1, 1, record->length - 1, stdout);
	else
	{
		fputs("\"bytes\":\"", stdout);
		for (uint32 i = 0; i < record->length; i++)
			printf("%02x", record->payload[i]);
		fputs("\"}", stdout);
	}
	putchar('\n');
}

int
ctl_log_dump(const CtlOptions *options)
{
	return ctl_finish(walk(options, print_record, stderr));
}
