/*
 * term.c
 *		The type casus.term: a retention or deadline term with its clock.
 *
 * Text form:
 *
 *		uiterlijk 1 year after afsluiten	gone on or before that day
 *		gedurende 6 months after besluit	kept through that day, then gone
 *
 * 32 bytes fixed, passed by reference: months, days, mode and the name of the
 * event that starts the clock (1 to 27 characters, lower-case words joined by
 * "_").  A year is 12 months and a week 7 days, so that terms which mean the
 * same are equal bytes.  The calendar is the server's: months first, cut to
 * the last day of the month (31 August + 6 months = 28 or 29 February), then
 * days.  Nothing here is shared or locked.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "term.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(casus_sql_term_in);
PG_FUNCTION_INFO_V1(casus_sql_term_out);
PG_FUNCTION_INFO_V1(casus_sql_term_recv);
PG_FUNCTION_INFO_V1(casus_sql_term_send);
PG_FUNCTION_INFO_V1(casus_sql_term_cmp);
PG_FUNCTION_INFO_V1(casus_sql_term_eq);
PG_FUNCTION_INFO_V1(casus_sql_term_ne);
PG_FUNCTION_INFO_V1(casus_sql_term_lt);
PG_FUNCTION_INFO_V1(casus_sql_term_le);
PG_FUNCTION_INFO_V1(casus_sql_term_gt);
PG_FUNCTION_INFO_V1(casus_sql_term_ge);
PG_FUNCTION_INFO_V1(casus_sql_term_hash);
PG_FUNCTION_INFO_V1(casus_sql_due_on);
PG_FUNCTION_INFO_V1(casus_sql_term_end);
PG_FUNCTION_INFO_V1(casus_sql_term_event);

/* 1000 years: no protocol needs more, and int16 holds it. */
#define MAX_MONTHS	12000
#define MAX_DAYS	32000

#define TERM_HINT \
	"Write \"uiterlijk 1 year after afsluiten\" or \"gedurende 6 months after besluit\"; " \
	"units are days, weeks, months and years."

#define PG_GETARG_TERM(n) ((CasusTerm *) PG_GETARG_POINTER(n))

/* ---- parsing ---- */

/* The next word, or NULL at the end; words are separated by blanks only. */
static const char *
next_word(const char **cursor, int *len)
{
	const char *start;

	while (**cursor == ' ')
		(*cursor)++;
	start = *cursor;
	while (**cursor != ' ' && **cursor != '\0')
		(*cursor)++;
	*len = (int) (*cursor - start);
	return *len > 0 ? start : NULL;
}

static bool
word_is(const char *word, int len, const char *expected)
{
	return word != NULL && len == (int) strlen(expected) &&
		strncmp(word, expected, len) == 0;
}

/* Event names: a lower-case letter, then lower-case letters, digits, "_". */
static bool
event_is_valid(const char *event, int len)
{
	int			i;

	if (len < 1 || len > CASUS_TERM_EVENT_LEN)
		return false;
	for (i = 0; i < len; i++)
	{
		char		c = event[i];

		if (c >= 'a' && c <= 'z')
			continue;
		if (i > 0 && ((c >= '0' && c <= '9') || c == '_'))
			continue;
		return false;
	}
	return true;
}

/* A count of at most five digits: more cannot be in range. */
static bool
read_count(const char *word, int len, int *count)
{
	int			i;

	if (len < 1 || len > 5)
		return false;
	*count = 0;
	for (i = 0; i < len; i++)
	{
		if (word[i] < '0' || word[i] > '9')
			return false;
		*count = *count * 10 + (word[i] - '0');
	}
	return true;
}

static bool
add_unit(const char *word, int len, int count, int *months, int *days)
{
	if (word_is(word, len, "day") || word_is(word, len, "days"))
		*days += count;
	else if (word_is(word, len, "week") || word_is(word, len, "weeks"))
		*days += count * 7;
	else if (word_is(word, len, "month") || word_is(word, len, "months"))
		*months += count;
	else if (word_is(word, len, "year") || word_is(word, len, "years"))
		*months += count * 12;
	else
		return false;
	return true;
}

/*
 * "6 months" or "1 year 3 months", up to the word "after".  Returns the
 * problem, or NULL.  The loop is bounded by the input; the sums cannot
 * overflow since each is checked before the next is added.
 */
static const char *
parse_length(const char **cursor, int *months, int *days, bool *out_of_range)
{
	bool		any = false;

	for (;;)
	{
		const char *word;
		int			len;
		int			count;

		word = next_word(cursor, &len);
		if (word_is(word, len, "after"))
			return any ? NULL : "there is no length before \"after\"";
		if (word == NULL)
			return "\"after\" and an event are missing";
		if (!read_count(word, len, &count))
		{
			/* Digits only, yet too many of them: a matter of range. */
			*out_of_range = len > 5 && strspn(word, "0123456789") == len;
			return "a count of at most five digits is expected";
		}
		word = next_word(cursor, &len);
		if (word == NULL || !add_unit(word, len, count, months, days))
			return "the unit must be days, weeks, months or years";
		if (*months > MAX_MONTHS || *days > MAX_DAYS)
		{
			*out_of_range = true;
			return "the length is beyond 12000 months or 32000 days";
		}
		any = true;
	}
}

/*
 * Reads the text form; returns NULL, or what is wrong with it.  Raises
 * nothing, so that the lint can name the place in the document.
 */
const char *
casus_term_parse(const char *text, CasusTerm *term, bool *out_of_range)
{
	const char *cursor = text;
	const char *word;
	const char *problem;
	int			len;
	int			months = 0;
	int			days = 0;

	*out_of_range = false;
	memset(term, 0, sizeof(CasusTerm));

	word = next_word(&cursor, &len);
	if (word_is(word, len, "uiterlijk"))
		term->mode = CASUS_TERM_UITERLIJK;
	else if (word_is(word, len, "gedurende"))
		term->mode = CASUS_TERM_GEDURENDE;
	else
		return "it must begin with \"uiterlijk\" or \"gedurende\"";

	problem = parse_length(&cursor, &months, &days, out_of_range);
	if (problem)
		return problem;
	term->months = months;
	term->days = days;

	word = next_word(&cursor, &len);
	if (word == NULL)
		return "the event that starts the clock is missing";
	if (!event_is_valid(word, len))
		return "the event must be 1 to 27 lower-case letters, digits and \"_\", a letter first";
	memcpy(term->event, word, len);

	if (next_word(&cursor, &len) != NULL)
		return "there is text after the event";
	return NULL;
}

Datum
casus_sql_term_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	CasusTerm  *term = palloc0(sizeof(CasusTerm));
	bool		out_of_range;
	const char *problem;

	problem = casus_term_parse(text, term, &out_of_range);
	if (problem)
		ereport(ERROR,
				(errcode(out_of_range ? ERRCODE_DATETIME_FIELD_OVERFLOW :
						 ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type casus.term: \"%s\"", text),
				 errdetail("In this term %s.", problem),
				 errhint(TERM_HINT)));
	PG_RETURN_POINTER(term);
}

/* ---- writing ---- */

static void
append_unit(StringInfo buf, int count, const char *unit)
{
	appendStringInfo(buf, " %d %s%s", count, unit, count == 1 ? "" : "s");
}

/* Whole years and weeks are written as such: that is how protocols say it. */
static char *
term_text(const CasusTerm *term)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (term->mode == CASUS_TERM_UITERLIJK)
		appendStringInfoString(&buf, "uiterlijk");
	else
		appendStringInfoString(&buf, "gedurende");
	if (term->months > 0 && term->months % 12 == 0)
		append_unit(&buf, term->months / 12, "year");
	else if (term->months > 0)
		append_unit(&buf, term->months, "month");
	if (term->days > 0 && term->days % 7 == 0)
		append_unit(&buf, term->days / 7, "week");
	else if (term->days > 0 || term->months == 0)
		append_unit(&buf, term->days, "day");
	appendStringInfoString(&buf, " after ");
	appendBinaryStringInfo(&buf, term->event,
						   (int) strnlen(term->event, CASUS_TERM_EVENT_LEN));
	return buf.data;
}

Datum
casus_sql_term_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(term_text(PG_GETARG_TERM(0)));
}

/* ---- binary form: months int2, days int2, mode int1, event ---- */

Datum
casus_sql_term_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	CasusTerm  *term = palloc0(sizeof(CasusTerm));
	int			len;
	const char *event;

	term->months = (int16) pq_getmsgint(buf, 2);
	term->days = (int16) pq_getmsgint(buf, 2);
	term->mode = pq_getmsgbyte(buf);
	len = buf->len - buf->cursor;
	event = pq_getmsgbytes(buf, len);

	if (term->mode != CASUS_TERM_UITERLIJK && term->mode != CASUS_TERM_GEDURENDE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid mode in binary casus.term")));
	if (term->months < 0 || term->months > MAX_MONTHS ||
		term->days < 0 || term->days > MAX_DAYS)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("length out of range in binary casus.term")));
	if (!event_is_valid(event, len))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid event in binary casus.term")));
	memcpy(term->event, event, len);
	PG_RETURN_POINTER(term);
}

Datum
casus_sql_term_send(PG_FUNCTION_ARGS)
{
	CasusTerm  *term = PG_GETARG_TERM(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint16(&buf, term->months);
	pq_sendint16(&buf, term->days);
	pq_sendint8(&buf, term->mode);
	pq_sendbytes(&buf, term->event, (int) strnlen(term->event, CASUS_TERM_EVENT_LEN));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* ---- comparison ---- */

/*
 * By length (a month counts as 30 days, as interval does), then by what is
 * left, so that only equal terms compare equal.
 */
static int
term_compare(const CasusTerm *a, const CasusTerm *b)
{
	int			length_a = a->months * 30 + a->days;
	int			length_b = b->months * 30 + b->days;

	if (length_a != length_b)
		return length_a < length_b ? -1 : 1;
	if (a->months != b->months)
		return a->months < b->months ? -1 : 1;
	if (a->mode != b->mode)
		return a->mode < b->mode ? -1 : 1;
	return memcmp(a->event, b->event, CASUS_TERM_EVENT_LEN);
}

#define TERM_OPERATOR(name, test) \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_BOOL(term_compare(PG_GETARG_TERM(0), PG_GETARG_TERM(1)) test); \
}

TERM_OPERATOR(casus_sql_term_eq, == 0)
TERM_OPERATOR(casus_sql_term_ne, != 0)
TERM_OPERATOR(casus_sql_term_lt, < 0)
TERM_OPERATOR(casus_sql_term_le, <= 0)
TERM_OPERATOR(casus_sql_term_gt, > 0)
TERM_OPERATOR(casus_sql_term_ge, >= 0)

Datum
casus_sql_term_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(term_compare(PG_GETARG_TERM(0), PG_GETARG_TERM(1)));
}

Datum
casus_sql_term_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT32(DatumGetUInt32(hash_any((unsigned char *) PG_GETARG_POINTER(0),
											 sizeof(CasusTerm))));
}

/* ---- calendar ---- */

/*
 * The day the term names, counted from the day its clock started.  The
 * server's timestamp arithmetic does the calendar: no own leap years.
 */
DateADT
casus_term_due_on(const CasusTerm *term, DateADT start)
{
	Interval	length;
	Datum		moment;

	if (DATE_NOT_FINITE(start))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a term cannot start at an infinite date")));
	memset(&length, 0, sizeof(length));
	length.month = term->months;
	length.day = term->days;
	moment = DirectFunctionCall1(date_timestamp, DateADTGetDatum(start));
	moment = DirectFunctionCall2(timestamp_pl_interval, moment,
								 IntervalPGetDatum(&length));
	return DatumGetDateADT(DirectFunctionCall1(timestamp_date, moment));
}

TimestampTz
casus_term_end(const CasusTerm *term, DateADT start)
{
	DateADT		due = casus_term_due_on(term, start);

	return casus_clock_start_of_day(term->mode == CASUS_TERM_GEDURENDE ? due + 1 : due);
}

Datum
casus_sql_due_on(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(casus_term_due_on(PG_GETARG_TERM(0), PG_GETARG_DATEADT(1)));
}

Datum
casus_sql_term_end(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(casus_term_end(PG_GETARG_TERM(0), PG_GETARG_DATEADT(1)));
}

Datum
casus_sql_term_event(PG_FUNCTION_ARGS)
{
	CasusTerm  *term = PG_GETARG_TERM(0);

	PG_RETURN_TEXT_P(cstring_to_text_with_len(term->event,
											  (int) strnlen(term->event, CASUS_TERM_EVENT_LEN)));
}
