/*
 * relation_ddl.c
 *		The commands by which casus changes a protected table, quoting, and how
 *		the commands are told to the caller.
 *
 * Each runs past the guard by a pass for its exact text, as the bootstrap
 * superuser: the caller has been judged already, and a trigger or policy that
 * names a function in casus_int needs USAGE there, which no user has.  Nobody
 * but a superuser can make an event trigger, so no other code runs as him.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "relation.h"

#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Runs one utility command. The relation must not be open here. */
void
casus_relation_ddl_run(const char *sql)
{
	Oid			user;
	int			context;
	int			rc;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   context | SECURITY_LOCAL_USERID_CHANGE);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	casus_pass_arm(sql);
	rc = SPI_execute(sql, false, 0);
	if (rc < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(rc));
	casus_pass_disarm();
	SPI_finish();
	SetUserIdAndSecContext(user, context);
}

/* The same, noted among the lines that the caller is told. */
void
casus_relation_ddl_note(List **lines, char *sql)
{
	*lines = lappend(*lines, sql);
	casus_relation_ddl_run(sql);
}

/* Where to find the call of casus.protect that fits a table. */
char *
casus_relation_ddl_survey(Oid relid)
{
	char	   *schema = get_namespace_name(get_rel_namespace(relid));

	if (schema == NULL)
		return NULL;
	return psprintf("SELECT proposal FROM casus.survey(%s) WHERE relation = %s;",
					quote_literal_cstr(schema),
					quote_literal_cstr(quote_qualified_identifier(schema, get_rel_name(relid))));
}

char *
casus_relation_ddl_bind(Oid relid)
{
	return psprintf("SELECT casus.bind(%s, 'enforce');",
					quote_literal_cstr(casus_relation_ddl_name(relid)));
}

/* schema.table, always qualified and always quoted. */
char *
casus_relation_ddl_name(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	return psprintf("\"%s\".\"%s\"",
					casus_relation_ddl_escape(get_namespace_name(get_rel_namespace(relid))),
					casus_relation_ddl_escape(name));
}

/* The inside of a quoted identifier. */
char *
casus_relation_ddl_escape(const char *name)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (; *name != '\0'; name++)
	{
		if (*name == '"')
			appendStringInfoChar(&buf, '"');
		appendStringInfoChar(&buf, *name);
	}
	return buf.data;
}

/* One row per command, or per line about it. */
void
casus_relation_ddl_return(FunctionCallInfo fcinfo, List *lines)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach(lc, lines)
	{
		Datum		value = CStringGetTextDatum(lfirst(lc));
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
	}
}
