/*
 * casusctl.c
 *		What is done about the access log of casus from outside the server:
 *		arguments, help and messages.  The commands are in the ctl*.c.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casusctl.h"

#include <getopt.h>

/* What a command takes, by the letters below. */
typedef struct Command
{
	const char *name;
	int			(*run) (const CtlOptions *options);
	const char *takes;
	const char *needs;
} Command;

static const Command commands[] = {
	{"verify", ctl_log_verify, "lkaft", "lk"},
	{"dump", ctl_log_dump, "lkaft", "lk"},
	{"anchor", ctl_db_anchor, "d", ""},
	{"report", ctl_db_report, "dmaF", "m"},
};

static const struct option long_options[] = {
	{"log-dir", required_argument, NULL, 'l'},
	{"key-file", required_argument, NULL, 'k'},
	{"anchor", required_argument, NULL, 'a'},
	{"from", required_argument, NULL, 'f'},
	{"to", required_argument, NULL, 't'},
	{"dbname", required_argument, NULL, 'd'},
	{"month", required_argument, NULL, 'm'},
	{"file", required_argument, NULL, 'F'},
	{"help", no_argument, NULL, '?'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0}
};

static const char help[] =
	"casusctl looks after the access log of casus from outside the server.\n\n"
	"  casusctl verify -l DIRECTORY -k FILE [-a ANCHOR] [-f NUMBER] [-t NUMBER]\n"
	"      checks the files of a log: names the first entry that is changed,\n"
	"      removed, inserted, reordered or cut off\n"
	"  casusctl dump -l DIRECTORY -k FILE [-a ANCHOR] [-f NUMBER] [-t NUMBER]\n"
	"      prints its entries as lines of JSON, as far as they verify\n"
	"  casusctl anchor [-d CONNECTION]\n"
	"      prints casus.log_anchor(), to be kept where nobody of the server comes\n"
	"  casusctl report -m MONTH [-F FILE] [-d CONNECTION] [-a ANCHOR]\n"
	"      prints a month of the log as one page of HTML, in Dutch, for the\n"
	"      functionaris voor gegevensbescherming, and for who oversees a file\n\n"
	"  -l, --log-dir=DIRECTORY   casus.log_directory, or that of one node in it\n"
	"  -k, --key-file=FILE       casus.log_key_file\n"
	"  -a, --anchor=ANCHOR       an anchor of that log\n"
	"  -f, --from=NUMBER         entries from this number on\n"
	"  -t, --to=NUMBER           up to this one\n"
	"  -d, --dbname=CONNECTION   name of a database or connection string; what\n"
	"                            is left out comes from PGHOST and the like\n"
	"  -m, --month=YYYY-MM       from its begin to its end in Amsterdam\n"
	"  -F, --file=FILE           only what the log has of this file\n"
	"      --help, --version\n\n"
	"Ends with 0: done, the log is whole; 1: it is not; 2: wrong arguments, or a\n"
	"file cannot be read or written; 3: the database does not answer or refuses.\n";

void
ctl_fail(int code, const char *format,...)
{
	va_list		arguments;

	fflush(stdout);
	fputs("casusctl: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(code);
}

int
ctl_finish(int code)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		ctl_fail(EXIT_CANNOT, "the output cannot be written: %s", strerror(errno));
	return code;
}

static uint64
read_number(const char *text)
{
	char	   *end;
	uint64		number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (text[0] < '1' || text[0] > '9' || *end != '\0' || errno != 0 || number > PG_INT64_MAX)
		ctl_fail(EXIT_CANNOT, "\"%s\" is no number of an entry", text);
	return number;
}

/* False: it is an option of no command. */
static bool
take_option(CtlOptions *options, int letter, const char *value)
{
	switch (letter)
	{
		case 'l':
			options->log_dir = value;
			return true;
		case 'k':
			options->key_file = value;
			return true;
		case 'a':
			options->anchor = value;
			return true;
		case 'f':
			options->from = read_number(value);
			return true;
		case 't':
			options->to = read_number(value);
			return true;
		case 'd':
			options->database = value;
			return true;
		case 'm':
			options->month = value;
			return true;
		case 'F':
			options->file = value;
			return true;
	}
	return false;
}

static const char *
name_of(int letter)
{
	for (const struct option *option = long_options; option->name; option++)
		if (option->val == letter)
			return option->name;
	return "";
}

static int
run(const Command *command, int argc, char **argv)
{
	CtlOptions	options = {0};
	char		given[16] = "";
	int			letter;
	static char program[] = "casusctl";

	argv[0] = program;			/* for what getopt_long says */
	while ((letter = getopt_long(argc, argv, "l:k:a:f:t:d:m:F:", long_options, NULL)) != -1)
	{
		if (!take_option(&options, letter, optarg))
			exit(EXIT_CANNOT);	/* getopt_long has said why */
		if (strchr(command->takes, letter) == NULL)
			ctl_fail(EXIT_CANNOT, "%s takes no --%s", command->name, name_of(letter));
		if (strchr(given, letter) != NULL)
			ctl_fail(EXIT_CANNOT, "--%s is given twice", name_of(letter));
		given[strlen(given)] = (char) letter;
	}
	if (optind < argc)
		ctl_fail(EXIT_CANNOT, "what is \"%s\"? Try casusctl --help", argv[optind]);
	for (const char *need = command->needs; *need; need++)
		if (strchr(given, *need) == NULL)
			ctl_fail(EXIT_CANNOT, "%s needs --%s", command->name, name_of(*need));
	return command->run(&options);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--help") == 0)
		{
			fputs(help, stdout);
			return ctl_finish(EXIT_WHOLE);
		}
		if (strcmp(argv[i], "--version") == 0)
		{
			puts("casusctl (casus) " CASUS_VERSION);
			return ctl_finish(EXIT_WHOLE);
		}
	}
	for (int i = 0; argc > 1 && i < lengthof(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	if (argc > 1)
		ctl_fail(EXIT_CANNOT, "there is no command \"%s\". Try casusctl --help", argv[1]);
	fputs(help, stderr);
	return EXIT_CANNOT;
}
