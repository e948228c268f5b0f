/*
 * logpull.c
 *		Asking another server for pieces of its access log, by casus.log_piece
 *		over an ordinary connection (libpq).
 *
 * An ordinary one, not the walreceiver's: that is a replication connection up
 * to 16, whose role could copy the whole cluster, and it wants a database of
 * our own to sit in, which could not be dropped meanwhile.
 *
 * Nobody waits longer than a time for another server, nor beyond a request to
 * stop, and no answer takes more memory than what is asked for: libpq takes in
 * a row whole before its length can be seen, so that the process gets no more
 * meanwhile.  What it answers is believed as to its form only; logcopy.c verifies it.
 *
 * The connection belongs to the caller's process; nothing is shared.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "logpull.h"

#include "libpq-fe.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#define PATIENCE_MS		20000	/* for a connection, and for each answer */
#define ANSWER_MAX		(16 * 1024 * 1024)	/* memory for one, of which a piece takes a part */

struct CasusLogPull
{
	PGconn	   *connection;
	PGresult   *result;			/* that the last piece lies in */
	char		error[CASUS_LOGPULL_ERROR];
};

/* Of what another server says, which may be any bytes, as much as fits, as UTF-8. */
void
casus_logpull_clip(char *to, const char *from, size_t size)
{
	int			length = strlen(from);
	int			fits = pg_encoding_mbcliplen(PG_UTF8, from, length, size - 1);

	length = Min(fits, length);
	memmove(to, from, length);
	to[length] = '\0';
	if (pg_encoding_verifymbstr(PG_UTF8, to, length) == length)
		return;
	for (char *p = to; *p; p++)
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
}

static bool
fail(CasusLogPull *pull, const char *what)
{
	casus_logpull_clip(pull->error, what, sizeof(pull->error));
	/* In one line. */
	for (char *p = pull->error; *p; p++)
		if (*p == '\n')
			*p = p[1] == '\0' ? '\0' : ' ';
	return false;
}

const char *
casus_logpull_error(const CasusLogPull *pull)
{
	return pull->error;
}

/* ---- the setting ---- */

/*
 * The next connection string of a list with semicolons between them, but for
 * those in quotes; NULL: there is no other.
 */
char *
casus_logpull_next(const char **list)
{
	const char *start = *list + strspn(*list, "; \t\r\n");
	const char *end = start;
	bool		quoted = false;
	char	   *text;

	if (*start == '\0')
		return NULL;
	for (; *end && (quoted || *end != ';'); end++)
		quoted ^= *end == '\'';
	*list = end;
	text = pnstrdup(start, end - start);
	return text;
}

/*
 * Of a connection string: host and port, as everybody may see them who sees the
 * state; NULL with what is wrong with it.
 */
char *
casus_logpull_label(const char *conninfo, char **wrong)
{
	char	   *message = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &message);
	const char *host = NULL;
	const char *port = NULL;
	char	   *label = NULL;

	*wrong = NULL;
	if (options == NULL)
	{
		*wrong = pstrdup(message ? message : "out of memory");
		PQfreemem(message);
		return NULL;
	}
	for (PQconninfoOption *option = options; option->keyword; option++)
	{
		if (option->val == NULL)
			continue;
		/* Also that of a key file, and what later versions of libpq know as secret. */
		if (strcmp(option->keyword, "password") == 0 || strcmp(option->keyword, "sslpassword") == 0 ||
			option->dispchar[0] == '*')
			*wrong = pstrdup("a password does not stand in a setting: put it into a password file (passfile) or a service file (service)");
		else if (strcmp(option->keyword, "host") == 0 ||
				 (host == NULL && strcmp(option->keyword, "hostaddr") == 0) ||
				 (host == NULL && strcmp(option->keyword, "service") == 0))
			host = option->val;
		else if (strcmp(option->keyword, "port") == 0)
			port = option->val;
	}
	if (host == NULL || host[0] == '\0')
		host = "local";
	if (*wrong == NULL)
		label = port ? psprintf("%s:%s", host, port) : pstrdup(host);
	PQconninfoFree(options);
	return label;
}

/* The name by which a standby is known to whom it streams from, by its connection string. */
char *
casus_logpull_application(const char *conninfo)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	char	   *name = NULL;

	for (PQconninfoOption *option = options; option && option->keyword; option++)
		if (option->val != NULL &&
			(strcmp(option->keyword, "application_name") == 0 ||
			 (name == NULL && strcmp(option->keyword, "fallback_application_name") == 0)))
			name = pstrdup(option->val);
	PQconninfoFree(options);
	return name;
}

/* ---- waiting ---- */

/* Also asked where nobody waits: another server may give more than anybody can take. */
static bool
in_time(CasusLogPull *pull, TimestampTz until)
{
	CHECK_FOR_INTERRUPTS();
	if (ShutdownRequestPending)
		return fail(pull, "this server stops");
	return GetCurrentTimestamp() < until || fail(pull, "it does not answer");
}

static bool
wait_for(CasusLogPull *pull, int event, TimestampTz until)
{
	long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
	int			seen;

	if (!in_time(pull, until))
		return false;
	seen = WaitLatchOrSocket(MyLatch, WL_LATCH_SET | event | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 PQsocket(pull->connection), left, PG_WAIT_EXTENSION);
	if (seen & WL_LATCH_SET)
		ResetLatch(MyLatch);
	return in_time(pull, until);
}

static TimestampTz
deadline(void)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PATIENCE_MS);
}

/* ---- connections ---- */

static bool
establish(CasusLogPull *pull)
{
	TimestampTz until = deadline();
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	for (;;)
	{
		if (PQstatus(pull->connection) == CONNECTION_BAD)
			return fail(pull, PQerrorMessage(pull->connection));
		/* Else libpq would wait for ever until a question can be sent. */
		if (state == PGRES_POLLING_OK)
			return PQsetnonblocking(pull->connection, 1) == 0 ||
				fail(pull, PQerrorMessage(pull->connection));
		if (!wait_for(pull, state == PGRES_POLLING_READING ? WL_SOCKET_READABLE :
					  WL_SOCKET_WRITEABLE, until))
			return false;
		state = PQconnectPoll(pull->connection);
		if (state == PGRES_POLLING_FAILED)
			return fail(pull, PQerrorMessage(pull->connection));
	}
}

/* What another server wants to be said does not fill the server log. */
static void
ignore_notice(void *arg, const PGresult *result)
{
}

/* In the current memory context; whether it stands says casus_logpull_error, empty then. */
CasusLogPull *
casus_logpull_connect(const char *conninfo)
{
	const char *const keywords[] = {"dbname", "fallback_application_name", "client_encoding", NULL};
	const char *const values[] = {conninfo, "casus log collector", "UTF8", NULL};
	CasusLogPull *pull = palloc0(sizeof(CasusLogPull));

	pull->connection = PQconnectStartParams(keywords, values, 1);
	if (pull->connection == NULL)
		(void) fail(pull, "out of memory");
	else
	{
		(void) PQsetNoticeReceiver(pull->connection, ignore_notice, NULL);
		(void) establish(pull);
	}
	return pull;
}

void
casus_logpull_close(CasusLogPull *pull)
{
	PQclear(pull->result);
	PQfinish(pull->connection);
	pfree(pull);
}

/* ---- asking ---- */

static bool
put_question(CasusLogPull *pull, const char *query, int n, const char *const *values)
{
	TimestampTz until = deadline();
	int			left;

	if (!PQsendQueryParams(pull->connection, query, n, NULL, values, NULL, NULL, 1))
		return fail(pull, PQerrorMessage(pull->connection));
	while ((left = PQflush(pull->connection)) != 0)
		if (left < 0 || !wait_for(pull, WL_SOCKET_WRITEABLE, until))
			return left < 0 ? fail(pull, PQerrorMessage(pull->connection)) : false;
	return true;
}

/* Address space of this process, in bytes; 0: it cannot be known here. */
static rlim_t
space_in_use(void)
{
	char		text[64];
	int			fd = open("/proc/self/statm", O_RDONLY);
	ssize_t		n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[Max(n, 0)] = '\0';
	return (rlim_t) strtoul(text, NULL, 10) * (rlim_t) sysconf(_SC_PAGESIZE);
}

/* For what follows; before: what was allowed.  False: nothing has changed. */
static bool
limit_memory(struct rlimit *before)
{
	rlim_t		used = space_in_use();
	struct rlimit limit;

	if (used == 0 || getrlimit(RLIMIT_AS, before) != 0)
		return false;
	limit = *before;
	limit.rlim_cur = used + ANSWER_MAX;
	if (before->rlim_cur != RLIM_INFINITY && before->rlim_cur < limit.rlim_cur)
		return false;
	return setrlimit(RLIMIT_AS, &limit) == 0;
}

/*
 * The answer to what was sent, in pull->result: rows once, or an error.  Of
 * anything else there may be no end (PQgetResult tells of a COPY for ever).
 */
static bool
take_answer(CasusLogPull *pull)
{
	TimestampTz until = deadline();
	PGresult   *next;
	bool		is_second;

	PQclear(pull->result);
	pull->result = NULL;
	for (;;)
	{
		while (PQisBusy(pull->connection))
		{
			if (!wait_for(pull, WL_SOCKET_READABLE, until))
				return false;
			if (!PQconsumeInput(pull->connection))
				return fail(pull, PQerrorMessage(pull->connection));
		}
		next = PQgetResult(pull->connection);
		if (next == NULL)
			break;
		is_second = pull->result != NULL;
		PQclear(pull->result);
		pull->result = next;
		if (PQresultStatus(next) != PGRES_FATAL_ERROR &&
			(is_second || PQresultStatus(next) != PGRES_TUPLES_OK))
			return fail(pull, "its answer is no rows, or not only rows");
		if (!in_time(pull, until))
			return false;
	}
	if (PQresultStatus(pull->result) != PGRES_TUPLES_OK)
	{
		/* Without detail and hint, which are for people there. */
		const char *message = PQresultErrorField(pull->result, PG_DIAG_MESSAGE_PRIMARY);

		return fail(pull, message ? message : PQerrorMessage(pull->connection));
	}
	return true;
}

/* Who raises meanwhile ends the process. */
static bool
get_answer(CasusLogPull *pull)
{
	struct rlimit before;
	bool		limited = limit_memory(&before);
	bool		ok = take_answer(pull);

	if (limited)
		(void) setrlimit(RLIMIT_AS, &before);
	return ok;
}

static bool
get_number(const PGresult *result, int column, uint64 *number)
{
	uint64		raw;

	*number = 0;
	if (PQgetisnull(result, 0, column))
		return true;
	if (PQgetlength(result, 0, column) != sizeof(raw))
		return false;
	memcpy(&raw, PQgetvalue(result, 0, column), sizeof(raw));
	*number = pg_ntoh64(raw);
	return true;
}

/* Columns: node, segment, last_segment, next_segment, complete, last_seq, standby, bytes. */
static bool
read_piece(const PGresult *result, CasusLogPiece *piece)
{
	if (PQntuples(result) != 1 || PQnfields(result) != 8 ||
		PQgetlength(result, 0, 0) != CASUS_LOG_NODE || PQgetlength(result, 0, 4) != 1 ||
		!get_number(result, 1, &piece->segment) || !get_number(result, 2, &piece->last_segment) ||
		!get_number(result, 3, &piece->next_segment) || !get_number(result, 5, &piece->last_seq) ||
		piece->next_segment > CASUS_SEGMENT_LAST || PQgetlength(result, 0, 7) > CASUS_LOG_PIECE)
		return false;
	memcpy(piece->node, PQgetvalue(result, 0, 0), CASUS_LOG_NODE);
	piece->complete = PQgetvalue(result, 0, 4)[0] != 0;
	casus_logpull_clip(piece->standby, PQgetvalue(result, 0, 6), sizeof(piece->standby));
	piece->is_standby = !PQgetisnull(result, 0, 6);
	piece->missing = PQgetisnull(result, 0, 7);
	piece->bytes = PQgetvalue(result, 0, 7);
	piece->length = PQgetlength(result, 0, 7);
	return true;
}

/* What stands in a segment from a place on; its bytes are valid until the next call. */
bool
casus_logpull_piece(CasusLogPull *pull, uint64 segment, uint64 place, CasusLogPiece *piece)
{
	char		numbers[2][32];
	const char *values[2] = {numbers[0], numbers[1]};

	snprintf(numbers[0], sizeof(numbers[0]), UINT64_FORMAT, segment);
	snprintf(numbers[1], sizeof(numbers[1]), UINT64_FORMAT, place);
	if (!put_question(pull, "SELECT node, segment, last_segment, next_segment, complete, last_seq, standby, bytes "
			  "FROM casus.log_piece($1::bigint, $2::bigint)", 2, values) ||
		!get_answer(pull))
		return false;
	return read_piece(pull->result, piece) ||
		fail(pull, "its answer is not of the form of casus.log_piece");
}
