/*
 * clock.c
 *		Moments and days in Europe/Amsterdam.
 *
 * The terms of Dutch protocols run by the calendar day in the Netherlands,
 * whatever TimeZone a session has set; so every step between a moment and a
 * day goes through the zone here.  No locks; the zone is looked up once per
 * backend in the server's own cache.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "term.h"

#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#define ZONE_NAME "Europe/Amsterdam"

static pg_tz *
zone(void)
{
	static pg_tz *cached = NULL;

	if (cached == NULL)
		cached = pg_tzset(ZONE_NAME);
	if (cached == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("time zone \"%s\" is not known to this server", ZONE_NAME),
				 errhint("Install the time zone data (package tzdata) of the server.")));
	return cached;
}

/* YYYY-MM-DD, and a day of the calendar. */
bool
casus_clock_is_day(const char *text)
{
	static const char form[] = "dddd-dd-dd";
	int			y,
				m,
				d,
				y2,
				m2,
				d2;

	if (strlen(text) != strlen(form))
		return false;
	for (int i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd' ? strchr("0123456789", text[i]) == NULL : text[i] != form[i])
			return false;
	y = atoi(text);
	m = atoi(text + 5);
	d = atoi(text + 8);
	if (y < 1 || m < 1 || d < 1)
		return false;
	j2date(date2j(y, m, d), &y2, &m2, &d2);
	return y == y2 && m == m2 && d == d2;
}

/* The date in Amsterdam at a moment. */
DateADT
casus_clock_date(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;

	if (TIMESTAMP_IS_NOBEGIN(at))
		return DATEVAL_NOBEGIN;
	if (TIMESTAMP_IS_NOEND(at))
		return DATEVAL_NOEND;
	if (timestamp2tm(at, &tz, &tm, &fsec, NULL, zone()) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

/*
 * The date in Amsterdam now: by the wall clock, not by the transaction's
 * start, since a long transaction must not outlive a term.
 */
DateADT
casus_clock_today(void)
{
	return casus_clock_date(GetCurrentTimestamp());
}

/* Midnight in Amsterdam that opens the day. */
TimestampTz
casus_clock_start_of_day(DateADT day)
{
	struct pg_tm tm;
	TimestampTz result;
	int			tz;

	if (DATE_IS_NOBEGIN(day))
		return DT_NOBEGIN;
	if (DATE_IS_NOEND(day))
		return DT_NOEND;

	memset(&tm, 0, sizeof(tm));
	if (day < DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE ||
		day >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("date out of range for timestamp")));
	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tz = DetermineTimeZoneOffset(&tm, zone());
	if (tm2timestamp(&tm, 0, &tz, &result) != 0 || !IS_VALID_TIMESTAMP(result))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("date out of range for timestamp")));
	return result;
}
