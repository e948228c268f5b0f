/*
 * act_person.c
 *		Persons, their roles, and their ambtseed.
 *
 * A person is known by a name, the unique handle, and by one database role,
 * matched by name and oid together: a role dropped and made again is somebody
 * else until an admin binds it.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "term.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"

/* Stores the role of a person; one role is one person, whichever way round. */
static void
bind_role(int32 person, Oid role)
{
	CasusQuery	query;
	char	   *name = GetUserNameFromId(role, false);
	char	   *other;

	casus_query_begin(&query);
	casus_query_int(&query, person);
	casus_query_text(&query, name);
	casus_query_arg(&query, OIDOID, ObjectIdGetDatum(role), false);
	casus_query_read(&query,
					"SELECT p.name FROM casus_cat.person_role r JOIN casus_cat.person p ON "
					"p.id = r.person "
					"WHERE r.person <> $1 AND (r.role_name = $2::name OR r.role_oid = $3)");
	other = casus_query_get_text(&query, 0, 1);
	if (other == NULL)
	{
		casus_query_int(&query, person);
		casus_query_text(&query, name);
		casus_query_arg(&query, OIDOID, ObjectIdGetDatum(role), false);
		casus_query_run(&query,
						"INSERT INTO casus_cat.person_role (person, role_name, role_oid) "
						"VALUES ($1, $2::name, $3) ON CONFLICT (person) "
						"DO UPDATE SET role_name = excluded.role_name, role_oid = "
						"excluded.role_oid");
	}
	casus_query_end(&query);
	if (other != NULL)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("a role belongs to one person"),
						  psprintf(_("Role \"%s\" is that of \"%s\"."), name, other),
						  _("Give each person a login of his own: CREATE ROLE ... LOGIN, casus.bind_person()."));
}

static int64
record_person(const char *act, const char *name, Oid role)
{
	char	   *role_name = OidIsValid(role) ? GetUserNameFromId(role, true) : NULL;

	return casus_act_record_setup(0, act, 0, NULL,
								  casus_act_details("person", name, "role", role_name, NULL));
}

/* An oath is taken and a VOG given once that day has come: a later date is a slip. */
static void
refuse_future(FunctionCallInfo fcinfo, int argument, const char *what)
{
	if (!PG_ARGISNULL(argument) && PG_GETARG_DATEADT(argument) > casus_clock_today())
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the date of an ambtseed or VOG lies in the future"),
						  psprintf(_("%s is a day that has come, in Europe/Amsterdam."), what),
						  _("Add the person without it; casus.set_oath() adds the date when that day has come."));
}

PG_FUNCTION_INFO_V1(casus_sql_add_person);

Datum
casus_sql_add_person(PG_FUNCTION_ARGS)
{
	char	   *name;
	CasusQuery	query;
	bool		taken;
	int32		person = 0;

	casus_act_require_admin("add_person");
	name = PG_ARGISNULL(0) ? pstrdup("") : text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (name[0] == '\0')
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("a person needs a name"), NULL, CASUS_HINT_CALLS);
	refuse_future(fcinfo, 2, "oath_on");
	refuse_future(fcinfo, 3, "vog_on");

	casus_query_begin(&query);
	casus_query_text(&query, name);
	casus_query_read(&query, "SELECT FROM casus_cat.person WHERE name = $1");
	taken = query.nrows > 0;
	if (!taken)
	{
		casus_query_text(&query, name);
		casus_query_arg(&query, DATEOID, PG_GETARG_DATUM(2), PG_ARGISNULL(2));
		casus_query_arg(&query, DATEOID, PG_GETARG_DATUM(3), PG_ARGISNULL(3));
		casus_query_run(&query,
						"INSERT INTO casus_cat.person (id, name, oath_on, vog_on) "
						"VALUES (pg_catalog.nextval('casus_cat.id_seq')::integer, $1, $2, "
						"$3) RETURNING id");
		person = (int32) casus_query_get_int(&query, 0, 1);
	}
	casus_query_end(&query);
	if (taken)
		casus_setup_error(ERRCODE_DUPLICATE_OBJECT, NULL,
						  _("there is a person of this name already"),
						  psprintf(_("\"%s\" is taken: the name is the handle by which acts know a person."),
								   name), "SELECT name, role_name FROM casus.person;");

	if (!PG_ARGISNULL(1))
		bind_role(person, PG_GETARG_OID(1));
	PG_RETURN_INT64(record_person("add_person", name, PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1)));
}

PG_FUNCTION_INFO_V1(casus_sql_bind_person);

Datum
casus_sql_bind_person(PG_FUNCTION_ARGS)
{
	char	   *name;

	casus_act_require_admin("bind_person");
	name = casus_act_required_text(fcinfo, 0, "person");
	bind_role(casus_find_person(name), PG_GETARG_OID(1));
	PG_RETURN_INT64(record_person("bind_person", name, PG_GETARG_OID(1)));
}

PG_FUNCTION_INFO_V1(casus_sql_set_oath);

/* The dates of ambtseed and VOG as they become known; one left out stays. */
Datum
casus_sql_set_oath(PG_FUNCTION_ARGS)
{
	CasusQuery	query;
	char	   *name;
	int32		person;

	casus_act_require_admin("set_oath");
	name = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	person = casus_find_person(name);
	refuse_future(fcinfo, 1, "oath_on");
	refuse_future(fcinfo, 2, "vog_on");
	casus_query_begin(&query);
	casus_query_int(&query, person);
	casus_query_arg(&query, DATEOID, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
	casus_query_arg(&query, DATEOID, PG_GETARG_DATUM(2), PG_ARGISNULL(2));
	casus_query_run(&query,
					"UPDATE casus_cat.person SET oath_on = coalesce($2, oath_on), "
					"vog_on = coalesce($3, vog_on) WHERE id = $1");
	casus_query_end(&query);
	PG_RETURN_INT64(record_person("set_oath", name, InvalidOid));
}
