/*
 * logform.c
 *		An entry of the log, taken apart: in the form in which its readers and its
 *		tables have it, and what stands in the place of one that is of no such form.
 *
 * Who has the key of a log, say of a standby, writes into it what he likes.
 * Whatever that is, the views go on: what they take for a number is one here,
 * what they take for a time reads alike in each session, and an entry has the
 * number that it bears.
 *
 * Keeps nothing.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "accesslog.h"

#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/numeric.h"

#define DEPTH_MAX	16			/* ours have three */

/* Nested deeper than anything here, so that it might be parsed or not, as the stack has room. */
static bool
is_deep(const char *text)
{
	bool		quoted = false;
	int			depth = 0;

	for (const char *p = text; *p; p++)
	{
		if (quoted && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == '{' || *p == '[') && ++depth > DEPTH_MAX)
			return true;
		else if (!quoted && (*p == '}' || *p == ']'))
			depth--;
	}
	return false;
}

/* As it would be cast to bigint; most are short. */
static bool
get_number(const JsonbValue *value, int64 *number)
{
	char	   *text;
	Datum		datum;

	if (value == NULL || value->type != jbvNumeric)
		return false;
	text = DatumGetCString(DirectFunctionCall1(numeric_out,
											   NumericGetDatum(value->val.numeric)));
	if (strspn(text, "0123456789") == strlen(text) && strlen(text) < MAXINT8LEN - 1)
	{
		*number = strtoi64(text, NULL, 10);
		return true;
	}
	if (!casus_input_value(F_INT8IN, text, InvalidOid, &datum))
		return false;
	*number = DatumGetInt64(datum);
	return true;
}

static JsonbValue *
member(const Jsonb *line, const char *key, JsonbValue *value)
{
	return getKeyJsonValueFromContainer((JsonbContainer *) &line->root, key, strlen(key), value);
}

/* A number up to that one, or none. */
static bool
is_number_or_none(const Jsonb *line, const char *key, int64 max)
{
	JsonbValue	buffer;
	JsonbValue *value = member(line, key, &buffer);
	int64		number;

	return value == NULL || value->type == jbvNull ||
		(get_number(value, &number) && number <= max && number >= -max - 1);
}

/* The time, as logrecord.c writes it: 2026-01-01T00:00:00.000000Z, the fraction as it likes. */
static char *
get_time(const Jsonb *line)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	JsonbValue	buffer;
	JsonbValue *value = member(line, "ts", &buffer);
	char	   *text;
	char	   *rest;

	if (value == NULL || value->type != jbvString)
		return NULL;
	text = pnstrdup(value->val.string.val, value->val.string.len);
	for (int i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return NULL;
	rest = text + sizeof(form) - 1;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	return strcmp(rest, "Z") == 0 ? text : NULL;
}

static bool
is_time(const char *text)
{
	Datum		value;

	return text != NULL && casus_input_value(F_TIMESTAMPTZ_IN, text, InvalidOid, &value);
}

/* None, or pairs of a dossier and a number of rows. */
static bool
is_dossiers(const Jsonb *line)
{
	JsonbValue	buffer;
	JsonbValue *value = member(line, "dossiers", &buffer);
	JsonbContainer *pairs;

	if (value == NULL)
		return true;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		return false;
	pairs = value->val.binary.data;
	for (uint32 i = 0; i < JsonContainerSize(pairs); i++)
	{
		JsonbValue *pair = getIthJsonbValueFromContainer(pairs, i);
		int64		number;

		if (pair->type != jbvBinary || !JsonContainerIsArray(pair->val.binary.data) ||
			JsonContainerSize(pair->val.binary.data) != 2 ||
			!get_number(getIthJsonbValueFromContainer(pair->val.binary.data, 0), &number) ||
			!get_number(getIthJsonbValueFromContainer(pair->val.binary.data, 1), &number))
			return false;
	}
	return true;
}

/*
 * The line of an entry with that number; NULL: it is none that the views could
 * show.  The line is changed.
 */
Jsonb *
casus_logform_read(StringInfo line, uint64 seq)
{
	char	   *text = casus_logfollow_text(line);
	JsonbValue	buffer;
	Datum		value;
	Jsonb	   *entry;
	int64		number;

	if (is_deep(text) || !casus_input_value(F_JSONB_IN, text, InvalidOid, &value))
		return NULL;
	entry = DatumGetJsonbP(value);
	if (!JB_ROOT_IS_OBJECT(entry) ||
		!get_number(member(entry, "seq", &buffer), &number) || number != (int64) seq ||
		!is_time(get_time(entry)) || !is_dossiers(entry) ||
		!is_number_or_none(entry, "query_id", PG_INT64_MAX) ||
		!is_number_or_none(entry, "opening", PG_INT64_MAX) ||
		!is_number_or_none(entry, "pid", PG_INT32_MAX) ||
		!is_number_or_none(entry, "leader", PG_INT32_MAX))
		return NULL;
	return entry;
}

/* In the place of one that is none, or is changed, so that no number is missing: as of now. */
Jsonb *
casus_logform_stand_in(uint64 seq, bool changed)
{
	StringInfoData record;
	StringInfoData line;

	initStringInfo(&record);
	casus_logrecord_open(&record, "attempt");
	casus_logrecord_text(&record, "code", "log_unreadable");
	casus_logrecord_text(&record, "text",
						 psprintf(changed ?
								  "entry " UINT64_FORMAT " is not as it was written (see casus.verify_log); its time here is that of reading it" :
								  "entry " UINT64_FORMAT " is of no form that can be shown; its time here is that of reading it", seq));
	appendStringInfoChar(&record, '}');
	initStringInfo(&line);
	appendStringInfo(&line, "{\"seq\":" UINT64_FORMAT ",%s", seq, record.data + 1);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(line.data)));
}

/* Its month (UTC), as 2026_01. */
char *
casus_logform_month(const Jsonb *entry)
{
	char	   *month = get_time(entry);

	month[4] = '_';
	month[7] = '\0';
	return month;
}
