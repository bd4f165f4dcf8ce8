/*
 * clock.c - monotonic time for deadlines, wall time for people.
 *
 * Floor base.  Deadlines never use the wall clock: it jumps.
 */
#include "base/clock.h"

#include <stdio.h>

#define DAY_S        (24 * 60 * 60)
#define CYCLE_YEARS  400    /* after which the calendar repeats itself */
#define CYCLE_DAYS   146097 /* of these years */
#define DAYS_TO_1970 865565 /* from March 1 of the year -400 */
#define STAMP_FIRST  INT64_C(-62167219200) /* of the year 0 */
#define STAMP_LAST   INT64_C(253402300799) /* of 9999 */

static int64_t faked_ms = -1;

int64_t
clock_us(void)
{
	struct timespec t;

	if (faked_ms >= 0)
		return faked_ms * 1000;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t
clock_wall(void)
{
	return time(NULL);
}

/* -- dates: years that begin in March end with the day that may lack -- */

int64_t
clock_from_utc(const struct tm *tm)
{
	int64_t month = (tm->tm_mon + 10) % 12;
	int64_t year = tm->tm_year + 1900 - (tm->tm_mon < 2) + CYCLE_YEARS;
	int64_t days = year * 365 + year / 4 - year / 100 + year / 400 +
	    (month * 153 + 2) / 5 + tm->tm_mday - 1 - DAYS_TO_1970;

	return days * DAY_S + tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

/* A day counted as DAYS_TO_1970 is: its year, from 0 on, month and day. */
static void
split_day(int64_t day, struct tm *tm)
{
	int64_t of_cycle = day % CYCLE_DAYS, year, month;

	year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 -
		   of_cycle / (CYCLE_DAYS - 1)) /
	    365;
	of_cycle -= year * 365 + year / 4 - year / 100;
	month = (of_cycle * 5 + 2) / 153;
	tm->tm_mday = (int)(of_cycle - (month * 153 + 2) / 5 + 1);
	tm->tm_mon = (int)((month + 2) % 12);
	tm->tm_year = (int)(year + (day / CYCLE_DAYS - 1) * CYCLE_YEARS) +
	    (tm->tm_mon < 2);
}

char *
clock_stamp(int64_t t, char *to, size_t size)
{
	int64_t day = t / DAY_S - (t % DAY_S < 0), of_day = t - day * DAY_S;
	struct tm tm;
	int n;

	if (size > 0)
		to[0] = '\0';
	if (t < STAMP_FIRST || t > STAMP_LAST)
		return to;
	split_day(day + DAYS_TO_1970, &tm);
	n = snprintf(to, size, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year,
	    tm.tm_mon + 1, tm.tm_mday, (int)(of_day / 3600),
	    (int)(of_day / 60 % 60), (int)(of_day % 60));
	if (n < 0 || (size_t)n >= size)
		to[0] = '\0';
	return to;
}

void
clock_fake(int64_t ms)
{
	faked_ms = ms;
}
