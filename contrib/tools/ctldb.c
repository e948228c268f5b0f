/*
 * ctldb.c
 *		casusctl anchor: what is asked of the server.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "casusctl.h"

#include "libpq-fe.h"

PGconn *
ctl_db_connect(const char *database)
{
	const char *const keywords[] = {"dbname", "fallback_application_name", NULL};
	const char *const values[] = {database, "casusctl", NULL};
	PGconn	   *connection = PQconnectdbParams(keywords, values, 1);

	if (PQstatus(connection) != CONNECTION_OK)
		ctl_fail(EXIT_DATABASE, "%s", PQerrorMessage(connection));
	return connection;
}

int
ctl_db_anchor(const CtlOptions *options)
{
	PGconn	   *connection = ctl_db_connect(options->database);
	PGresult   *result = PQexec(connection, "SELECT anchor FROM casus.log_anchor()");

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		ctl_fail(EXIT_DATABASE, "%s", PQerrorMessage(connection));
	puts(PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(connection);
	return ctl_finish(EXIT_WHOLE);
}
