/*
 * act_file.c
 *		Set-up acts on files: open, set parameters, activate, parties.
 *
 * All are for casus_admin.  The row of the file is locked FOR UPDATE by acts
 * that allocate party codes or activate, so that two of them take turns.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"
#include "protocol_doc.h"
#include "term.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* ---- open_file ---- */

static int32
protocol_by_name(const char *name)
{
	CasusQuery	query;
	int32		id;

	casus_query_begin(&query);
	casus_query_text(&query, name);
	casus_query_read(&query, "SELECT id FROM casus_cat.protocol WHERE name = $1");
	id = (int32) casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	if (id == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("there is no such protocol"),
						  psprintf(_("No protocol is named \"%s\"."), name),
						  psprintf("SELECT name FROM casus.shipped_protocol;  -- casus.install_protocol(%s)",
								   quote_literal_cstr(name)));
	return id;
}

/* The parties of a closed list come with the file: they are protocol, not choice. */
static void
create_parties(CasusQuery *query, int32 file)
{
	casus_query_int(query, file);
	casus_query_run(query,
					"INSERT INTO casus_cat.party (file, code, name, title, kind, starts) "
					"SELECT f.id, e.ordinality, e.value ->> 'name', "
					"coalesce(e.value ->> 'title', e.value ->> 'name'), "
					"coalesce(e.value ->> 'kind', ''), f.opened_at "
					"FROM casus_cat.file f "
					"JOIN casus_cat.protocol p ON p.id = f.protocol, "
					"LATERAL pg_catalog.jsonb_path_query(p.definition, '$.parties.list[*]') "
					"WITH ORDINALITY e(value, ordinality) WHERE f.id = $1");
}

/* An integer in so many digits; of the parameter that says how long the log is kept: months. */
static bool
is_whole_number(const char *value, bool is_log_term)
{
	const char *digits = value + (*value == '-' ? 1 : 0);

	if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return false;
	return !is_log_term || (digits == value && strlen(value) <= 4 &&
							atoi(value) >= 1 && atoi(value) <= DOC_MAX_LOG_MONTHS);
}

/* A list may be given as the name of the document that holds it. */
static bool
fits_type(const char *type, const char *json_type, const char *value, bool is_log_term)
{
	if (strcmp(type, "boolean") == 0)
		return strcmp(json_type, "boolean") == 0;
	if (strcmp(type, "integer") == 0)
		return strcmp(json_type, "number") == 0 && is_whole_number(value, is_log_term);
	if (strcmp(type, "list") == 0 && strcmp(json_type, "array") == 0)
		return true;
	return strcmp(json_type, "string") == 0 &&
		(strcmp(type, "date") != 0 || casus_clock_is_day(value));
}

static void
refuse_parameter(int32 file_id, const char *name, const char *type, const char *article,
				 bool is_log_term)
{
	CasusFile	file;
	char	   *what;

	casus_find_file_by_id(file_id, &file);
	if (type == NULL)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("there is no such parameter in the protocol"),
						  psprintf(_("%s has no parameter \"%s\"."), file.protocol_name, name),
						  psprintf("SELECT jsonb_path_query(definition, '$.parameters[*].name') FROM casus.protocol WHERE name = %s;",
								   quote_literal_cstr(file.protocol_name)));
	what = is_log_term ?
		psprintf(_("parameter \"%s\" is a whole number of months, from 1 to %d"), name, DOC_MAX_LOG_MONTHS) :
		psprintf(_("parameter \"%s\" is of type %s"), name,
				 strcmp(type, "date") == 0 ? _("date: a day, as YYYY-MM-DD") : type);
	casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
					  is_log_term ? _("this is no term for the access log") :
					  _("the parameter is of another type"),
					  casus_find_detail(&file, article, what),
					  _("casus.set_parameter(file, name, value) takes a jsonb value: '60', '\"text\"', 'true', '[]'."));
}

/*
 * A parameter that the protocol does not know, or one of another type, is a
 * slip of the pen that nobody would notice later.  It is looked at after it is
 * stored: the error takes it back.
 */
static void
check_parameters(int32 file_id)
{
	CasusQuery	query;

	casus_query_begin(&query);
	casus_query_int(&query, file_id);
	casus_query_read(&query,
					 "SELECT k.key, e.value ->> 'type', e.value ->> 'article', "
					 "coalesce(k.key = p.definition -> 'log' ->> 'parameter', false), "
					 "pg_catalog.jsonb_typeof(k.value), k.value #>> '{}' FROM casus_cat.file f "
					 "JOIN casus_cat.protocol p ON p.id = f.protocol, "
					 "LATERAL pg_catalog.jsonb_each(f.parameters) k "
					 "LEFT JOIN LATERAL (SELECT x.value FROM pg_catalog.jsonb_path_query("
					 "p.definition, '$.parameters[*]') x(value) "
					 "WHERE x.value ->> 'name' = k.key) e ON true "
					 "WHERE f.id = $1 AND pg_catalog.jsonb_typeof(k.value) <> 'null' "
					 "AND NOT (k.key = 'dpia' AND e.value IS NULL) ORDER BY k.key");
	for (uint64 i = 0; i < query.nrows; i++)
	{
		char	   *type = casus_query_get_text(&query, i, 2);
		bool		is_log_term = casus_query_get_bool(&query, i, 4);

		if (type == NULL || !fits_type(type, casus_query_get_text(&query, i, 5),
									   casus_query_get_text(&query, i, 6), is_log_term))
			refuse_parameter(file_id, casus_query_get_text(&query, i, 1), type,
							 casus_query_get_text(&query, i, 3), is_log_term);
	}
	casus_query_end(&query);
}

PG_FUNCTION_INFO_V1(casus_sql_open_file);

Datum
casus_sql_open_file(PG_FUNCTION_ARGS)
{
	char	   *protocol_name;
	char	   *name;
	int32		protocol;
	int32		file = 0;
	CasusQuery	query;
	bool		taken;

	casus_act_require_admin("open_file");
	protocol_name = casus_act_required_text(fcinfo, 0, "protocol");
	protocol = protocol_by_name(protocol_name);
	name = casus_act_required_text(fcinfo, 1, "file");
	if (name[0] == '\0')
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("a file needs a name"), NULL, CASUS_HINT_CALLS);

	casus_query_begin(&query);
	casus_query_text(&query, name);
	casus_query_read(&query, "SELECT FROM casus_cat.file WHERE name = $1");
	taken = query.nrows > 0;
	if (!taken)
	{
		casus_query_int(&query, protocol);
		casus_query_text(&query, name);
		casus_query_arg(&query, TEXTARRAYOID, PG_GETARG_DATUM(2),
						PG_ARGISNULL(2));
		casus_query_jsonb(&query, PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3));
		casus_query_run(&query,
						"INSERT INTO casus_cat.file (id, name, protocol, controllers, "
						"parameters) "
						"SELECT pg_catalog.nextval('casus_cat.id_seq')::integer, $2, $1, "
						"coalesce($3, (SELECT pg_catalog.array_agg(e.value ->> 'name') FROM "
						"casus_cat.protocol p, "
						"LATERAL pg_catalog.jsonb_path_query(p.definition, "
						"'$.controllers[*]') e(value) "
						"WHERE p.id = $1), '{}'), coalesce($4, '{}') RETURNING id");
		file = (int32) casus_query_get_int(&query, 0, 1);
		create_parties(&query, file);
	}
	casus_query_end(&query);
	if (!taken)
		check_parameters(file);
	if (taken)
		casus_setup_error(ERRCODE_DUPLICATE_OBJECT, NULL,
						  _("there is a file of this name already"),
						  psprintf(_("\"%s\" is taken."), name),
						  "SELECT name, protocol FROM casus.file;");

	PG_RETURN_INT64(casus_act_record_setup(file, "open_file", 0, NULL,
										   casus_act_details("file", name, "protocol", protocol_name, NULL)));
}

/* ---- activation ---- */

/*
 * Mandatory parameters of the protocol that the file does not have yet, each
 * with its article, one a line; NULL when there is none.
 */
static char *
missing_parameters(const CasusFile *file)
{
	CasusQuery	query;
	char	   *missing;

	casus_query_begin(&query);
	casus_query_int(&query, file->id);
	casus_query_read(&query,
					"SELECT pg_catalog.string_agg(e.value ->> 'name' || "
					"coalesce(' (art. ' || (e.value ->> 'article') || ')', ''), ', ' ORDER "
					"BY e.ordinality) "
					"FROM casus_cat.file f JOIN casus_cat.protocol p ON p.id = f.protocol, "
					"LATERAL pg_catalog.jsonb_path_query(p.definition, '$.parameters[*]') "
					"WITH ORDINALITY e(value, ordinality) "
					"WHERE f.id = $1 "
					"AND coalesce((e.value ->> 'mandatory')::boolean, false) "
					"AND coalesce(f.parameters -> (e.value ->> 'name'), 'null') IN ('null', '\"\"')");
	missing = casus_query_get_text(&query, 0, 1);
	casus_query_end(&query);
	return missing;
}

/* What a file is not activated without, and is not set; NULL: nothing. */
static char *
missing_for_activation(const CasusFile *file, bool *is_active)
{
	CasusQuery	query;
	bool		has_dpia;
	char	   *missing;

	casus_query_begin(&query);
	casus_query_int(&query, file->id);
	casus_query_read(&query,
					 "SELECT activated_at IS NOT NULL, "
					 "coalesce(pg_catalog.jsonb_typeof(parameters -> 'dpia') = 'string' "
					 "AND parameters ->> 'dpia' <> '', false) "
					 "FROM casus_cat.file WHERE id = $1");
	*is_active = casus_query_get_bool(&query, 0, 1);
	has_dpia = casus_query_get_bool(&query, 0, 2);
	casus_query_end(&query);
	missing = missing_parameters(file);
	return missing != NULL || has_dpia ? missing : pstrdup("dpia");
}

/* It stays with it once it is active. */
static void
check_active(const CasusFile *file)
{
	bool		is_active;
	char	   *missing = missing_for_activation(file, &is_active);

	if (is_active && missing != NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "content_missing",
						  _("an active file does not lose what it was activated with"),
						  psprintf(_("%s: not set: %s"), file->protocol_name, missing),
						  _("Give it another value instead of null."));
}

PG_FUNCTION_INFO_V1(casus_sql_set_parameter);

Datum
casus_sql_set_parameter(PG_FUNCTION_ARGS)
{
	CasusFile	file;
	char	   *name;
	CasusQuery	query;

	casus_act_require_admin("set_parameter");
	casus_find_file(casus_act_required_text(fcinfo, 0, "file"), &file);
	name = casus_act_required_text(fcinfo, 1, "parameter");

	casus_query_begin(&query);
	casus_query_int(&query, file.id);
	casus_query_text(&query, name);
	casus_query_jsonb(&query, PG_GETARG_JSONB_P(2));
	casus_query_run(&query,
					"UPDATE casus_cat.file SET parameters = parameters || "
					"pg_catalog.jsonb_build_object($2, $3) WHERE id = $1");
	casus_query_end(&query);
	check_parameters(file.id);
	check_active(&file);
	PG_RETURN_INT64(casus_act_record_setup(file.id, "set_parameter", 0, NULL,
										   casus_act_details("parameter", name, NULL)));
}

/* Done again it stands on a reference that is given again: the act tells which. */
static void
require_reference(const CasusFile *file, const char *dpia, Jsonb *parameters)
{
	JsonbValue	buffer;
	JsonbValue *given = parameters == NULL || !JB_ROOT_IS_OBJECT(parameters) ? NULL :
		getKeyJsonValueFromContainer(&parameters->root, "dpia", strlen("dpia"), &buffer);
	bool		is_active;

	(void) missing_for_activation(file, &is_active);
	if (!is_active || (dpia != NULL && dpia[strspn(dpia, " \t\r\n")] != '\0') || given != NULL)
		return;
	casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "content_missing",
					  _("the file is active already, and no reference is given"),
					  psprintf(_("%s: not set: %s"), file->protocol_name, "dpia"),
					  psprintf("SELECT casus.activate_protocol(%s, dpia => '<reference>');",
							   quote_literal_cstr(file->name)));
}

PG_FUNCTION_INFO_V1(casus_sql_activate_protocol);

/*
 * The parameters given here are set first, so that one call does; what is
 * refused leaves nothing, since the error takes them back.
 */
Datum
casus_sql_activate_protocol(PG_FUNCTION_ARGS)
{
	CasusFile	file;
	char	   *dpia = casus_act_text(fcinfo, 1);
	CasusQuery	query;
	char	   *missing;
	bool		is_active;

	casus_act_require_admin("activate_protocol");
	casus_find_file(casus_act_required_text(fcinfo, 0, "file"), &file);
	require_reference(&file, dpia, PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2));

	casus_query_begin(&query);
	casus_query_int(&query, file.id);
	casus_query_jsonb(&query, PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2));
	casus_query_text(&query, dpia);
	casus_query_run(&query,
					"UPDATE casus_cat.file SET parameters = parameters || coalesce($2, "
					"'{}') || "
					"CASE WHEN $3 IS NULL OR $3 = '' THEN '{}' "
					"ELSE pg_catalog.jsonb_build_object('dpia', $3) END WHERE id = $1");
	casus_query_end(&query);

	check_parameters(file.id);
	missing = missing_for_activation(&file, &is_active);
	if (missing != NULL)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						  "content_missing",
						  _("the file cannot be activated yet"),
						  psprintf(_("%s: not set: %s"), file.protocol_name,
								   missing),
						  psprintf("SELECT definition -> 'parameters' FROM casus.protocol;  -- casus.activate_protocol(%s, dpia => '...', parameters => '{...}')",
								   quote_literal_cstr(file.name)));

	casus_query_begin(&query);
	casus_query_int(&query, file.id);
	casus_query_run(&query,
					"UPDATE casus_cat.file SET activated_at = coalesce(activated_at, "
					"pg_catalog.clock_timestamp()) WHERE id = $1");
	casus_query_end(&query);
	PG_RETURN_INT64(casus_act_record_setup(file.id, "activate_protocol", 0,
										   dpia, NULL));
}

/* ---- parties ---- */

static void
refuse_closed_list(const CasusFile *file, const char *name)
{
	CasusQuery	query;
	bool		closed;

	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_read(&query,
					"SELECT coalesce((definition #>> '{parties,closed}')::boolean, false) "
					"FROM casus_cat.protocol WHERE id = $1");
	closed = casus_query_get_bool(&query, 0, 1);
	casus_query_end(&query);
	if (closed)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the protocol lists its parties, and no other may be added"),
						  casus_find_detail(file, casus_find_parties_article(file),
											psprintf(_("\"%s\" is not on the list"), name)),
						  psprintf("SELECT name, title FROM casus.party WHERE file = %s;",
								   quote_literal_cstr(file->name)));
}

/* The protocol says what kinds of parties take part. */
static void
check_kind(const CasusFile *file, const char *kind)
{
	CasusQuery	query;
	char	   *kinds;
	bool		known;

	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_text(&query, kind);
	casus_query_read(&query,
					 "SELECT (SELECT pg_catalog.string_agg(k.value #>> '{}', ', ') "
					 "FROM pg_catalog.jsonb_path_query(definition, '$.parties.kinds[*]') k(value)), "
					 "EXISTS (SELECT FROM pg_catalog.jsonb_path_query(definition, '$.parties.kinds[*]') k(value) "
					 "WHERE k.value #>> '{}' = $2) FROM casus_cat.protocol WHERE id = $1");
	kinds = casus_query_get_text(&query, 0, 1);
	known = casus_query_get_bool(&query, 0, 2);
	casus_query_end(&query);
	if (kinds != NULL && !known)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("the protocol knows no such kind of party"),
						  casus_find_detail(file, casus_find_parties_article(file),
											psprintf(_("kind is one of: %s"), kinds)),
											CASUS_HINT_CALLS);
}

PG_FUNCTION_INFO_V1(casus_sql_add_party);

Datum
casus_sql_add_party(PG_FUNCTION_ARGS)
{
	CasusFile	file;
	char	   *name;
	CasusQuery	query;
	bool		taken;
	bool		ended;
	bool		full = false;

	casus_act_require_admin("add_party");
	casus_find_file(casus_act_required_text(fcinfo, 0, "file"), &file);
	name = casus_act_required_text(fcinfo, 1, "party");

	casus_query_begin(&query);
	casus_query_int(&query, file.id);
	casus_query_run(&query, "SELECT FROM casus_cat.file WHERE id = $1 FOR UPDATE");
	casus_query_int(&query, file.id);
	casus_query_text(&query, name);
	casus_query_read(&query,
					"SELECT ends <= pg_catalog.clock_timestamp() FROM casus_cat.party WHERE file = $1 AND name = $2");
	taken = query.nrows > 0;
	ended = taken && casus_query_get_bool(&query, 0, 1);
	if (!taken)
	{
		refuse_closed_list(&file, name);
		check_kind(&file, casus_act_text(fcinfo, 2));
	}
	if (ended)
	{
		/* It comes back under its own code; the periods before stand in the act log. */
		casus_query_int(&query, file.id);
		casus_query_text(&query, name);
		casus_query_arg(&query, TIMESTAMPTZOID, PG_GETARG_DATUM(4),
						PG_ARGISNULL(4));
		casus_query_run(&query,
						"UPDATE casus_cat.party SET ends = NULL, "
						"starts = coalesce($3, pg_catalog.clock_timestamp()) "
						"WHERE file = $1 AND name = $2");
	}
	else if (!taken)
	{
		casus_query_int(&query, file.id);
		casus_query_text(&query, name);
		casus_query_arg(&query, TEXTOID, PG_GETARG_DATUM(2), PG_ARGISNULL(2));
		casus_query_arg(&query, TEXTOID, PG_GETARG_DATUM(3), PG_ARGISNULL(3));
		casus_query_arg(&query, TIMESTAMPTZOID, PG_GETARG_DATUM(4),
						PG_ARGISNULL(4));
		casus_query_run(&query,
						"INSERT INTO casus_cat.party (file, code, name, title, kind, starts) "
						"SELECT $1, n.code, $2, coalesce($4, $2), coalesce($3, ''), "
						"coalesce($5, pg_catalog.clock_timestamp()) "
						"FROM (SELECT coalesce(pg_catalog.max(code), 0) + 1 AS code "
						"FROM casus_cat.party WHERE file = $1) n WHERE n.code <= 4095 "
						"RETURNING code");
		full = query.nrows == 0;
	}
	casus_query_end(&query);
	if (taken && !ended)
		casus_setup_error(ERRCODE_DUPLICATE_OBJECT, NULL,
						  _("there is a party of this name already"),
						  psprintf(_("\"%s\" is taken."), name),
						  "SELECT file, name, starts, ends FROM casus.party;");
	if (full)
		casus_setup_error(ERRCODE_PROGRAM_LIMIT_EXCEEDED, NULL,
						  _("a file has room for 4095 parties"), NULL,
						  _("Open another file: casus.open_file()."));
	PG_RETURN_INT64(casus_act_record_setup(file.id, "add_party", 0, NULL,
										   casus_act_details("party", name, NULL)));
}

/* And who takes part by name, in an office that he held for this party only. */
#define OF_PARTY \
	"t.dossier IN (SELECT d.id FROM casus_cat.dossier d WHERE d.file = $1) " \
	"AND (t.ends IS NULL OR t.ends > greatest(t.starts, pg_catalog.clock_timestamp())) " \
	"AND (t.party = $2 OR (t.party IS NULL " \
	"AND EXISTS (SELECT FROM casus_cat.appointment a WHERE a.file = $1 AND a.party = $2 " \
	"AND a.person = t.person AND a.office = t.office) " \
	"AND NOT EXISTS (SELECT FROM casus_cat.appointment a WHERE a.file = $1 " \
	"AND a.party IS DISTINCT FROM $2 AND a.person = t.person AND a.office = t.office " \
	"AND (a.ends IS NULL OR a.ends > pg_catalog.clock_timestamp()))))"
#define WITH_PARTY \
	"s.dossier IN (SELECT d.id FROM casus_cat.dossier d WHERE d.file = $1) " \
	"AND s.party = $2 AND s.ends IS NULL"

/*
 * The party takes part in no dossier any more, and nothing is shared with it: were it
 * to come back, that is decided anew, dossier by dossier.  The row of the party is
 * locked by then: nobody involves it meanwhile.
 */
static void
end_taking_part(const CasusFile *file, int party)
{
	CasusQuery	query;

	casus_query_begin(&query);
	casus_query_int(&query, file->id);
	casus_query_code(&query, party, false);
	casus_query_run(&query,
					"UPDATE casus_cat.participant t "
					"SET ends = greatest(t.starts, pg_catalog.clock_timestamp()) WHERE " OF_PARTY);
	casus_query_int(&query, file->id);
	casus_query_code(&query, party, false);
	casus_query_run(&query,
					"UPDATE casus_cat.sharing s "
					"SET ends = greatest(s.starts, pg_catalog.clock_timestamp()) WHERE " WITH_PARTY);
	casus_query_end(&query);
}

PG_FUNCTION_INFO_V1(casus_sql_end_membership);

/* What the party brought in stays; it reads and supplies no more from that moment. */
Datum
casus_sql_end_membership(PG_FUNCTION_ARGS)
{
	CasusFile	file;
	char	   *name;
	char	   *reason = casus_act_text(fcinfo, 2);
	CasusQuery	query;
	int			party;

	casus_act_require_admin("end_membership");
	casus_find_file(casus_act_required_text(fcinfo, 0, "file"), &file);
	name = casus_act_required_text(fcinfo, 1, "party");
	party = casus_find_party(&file, name);

	casus_query_begin(&query);
	casus_query_int(&query, file.id);
	casus_query_code(&query, party, false);
	casus_query_run(&query,
					"UPDATE casus_cat.party SET ends = pg_catalog.clock_timestamp() "
					"WHERE file = $1 AND code = $2");
	end_taking_part(&file, party);
	/* Its people hold their offices for the party: with it they end. */
	casus_query_int(&query, file.id);
	casus_query_code(&query, party, false);
	(void) casus_act_end_appointments(&query, "a.file = $1 AND a.party = $2");
	casus_query_end(&query);
	PG_RETURN_INT64(casus_act_record_setup(file.id, "end_membership", 0, reason,
										   casus_act_details("party", name, NULL)));
}
