/*
 * added.c
 *		What a record adds to a statement, in turns so short that whatever else the
 *		machine does meets all arms: elapsed time, and the time that the session's
 *		server process was on a processor, which waits for nobody.
 *
 * added ROUNDS STATEMENTS HIGHEST {ARM CONNECTION SET-UP QUERY PID}...
 *
 * One session an arm, one prepared statement with a random id up to HIGHEST.  Prints
 * ARM, elapsed, of the session and of process PID (0: none), in microseconds a
 * statement, for each round but the first, which warms up.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARMS	8

typedef struct Arm
{
	const char *name;
	PGconn	   *conn;
	int			session;
	int			other;
} Arm;

static void
fail(PGconn *conn)
{
	fprintf(stderr, "%s", PQerrorMessage(conn));
	exit(1);
}

static void
done(PGconn *conn, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		fail(conn);
	PQclear(result);
}

/* Nanoseconds that the process was on a processor; it has slept since, so all of them count. */
static double
on_processor(int pid)
{
	char		path[64];
	unsigned long long ns = 0;
	FILE	   *file;

	if (pid == 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "r");
	if (file == NULL || fscanf(file, "%llu", &ns) != 1)
	{
		fprintf(stderr, "%s cannot be read\n", path);
		exit(1);
	}
	fclose(file);
	return (double) ns;
}

static double
now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1e9 + at.tv_nsec;
}

static void
turn(const Arm *arm, int statements, int highest, int print)
{
	double		other = on_processor(arm->other);
	double		session = on_processor(arm->session);
	double		since = now();

	for (int i = 0; i < statements; i++)
	{
		char		id[16];
		const char *values[] = {id};

		snprintf(id, sizeof(id), "%ld", 1 + random() % highest);
		done(arm->conn, PQexecPrepared(arm->conn, "q", 1, values, NULL, NULL, 0));
	}
	if (!print)
		return;
	since = now() - since;
	session = on_processor(arm->session) - session;
	other = on_processor(arm->other) - other;
	printf("%s\t%.3f\t%.3f\t%.3f\n", arm->name, since / statements / 1e3, session / statements / 1e3,
		   other / statements / 1e3);
}

int
main(int argc, char **argv)
{
	static Arm	arms[ARMS];
	int			n = (argc - 4) / 5;

	if (argc < 9 || n > ARMS || (argc - 4) % 5 != 0)
		return 2;
	for (int i = 0; i < n; i++)
	{
		char	  **given = argv + 4 + 5 * i;

		arms[i].name = given[0];
		arms[i].conn = PQconnectdb(given[1]);
		if (PQstatus(arms[i].conn) != CONNECTION_OK)
			fail(arms[i].conn);
		if (given[2][0])
			done(arms[i].conn, PQexec(arms[i].conn, given[2]));
		done(arms[i].conn, PQprepare(arms[i].conn, "q", given[3], 0, NULL));
		arms[i].session = PQbackendPID(arms[i].conn);
		arms[i].other = atoi(given[4]);
	}
	for (int round = 0; round <= atoi(argv[1]); round++)
		for (int i = 0; i < n; i++)
			turn(&arms[(i + round) % n], atoi(argv[2]), atoi(argv[3]), round > 0);
	return 0;
}
