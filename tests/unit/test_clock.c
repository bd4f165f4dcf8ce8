/* test_clock.c - time that never goes back, and stamps that people read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "expect.h"

static void
real_time_never_goes_back(void **state)
{
	int64_t before = clock_us(), now;
	int i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		now = clock_us();
		assert_true(now >= before);
		before = now;
	}
	assert_true(before > 0);
}

static void
milliseconds_are_a_thousand_microseconds(void **state)
{
	int64_t before = clock_us() / 1000, ms = clock_ms();

	(void)state;
	assert_true(ms >= before && ms <= clock_us() / 1000);
}

static void
a_faked_clock_stands_still(void **state)
{
	int64_t real = clock_us();

	(void)state;
	clock_fake(0);
	assert_int_equal(clock_ms(), 0);
	assert_int_equal(clock_us(), 0);
	clock_fake(1234);
	assert_int_equal(clock_ms(), 1234);
	assert_int_equal(clock_us(), 1234000);
	assert_int_equal(clock_ms(), 1234);
	clock_fake(-1);
	assert_true(clock_us() >= real);
}

static void
wall_time_is_what_the_system_says(void **state)
{
	int64_t before = time(NULL), got = clock_wall();

	(void)state;
	assert_true(got >= before && got <= time(NULL));
}

static void
a_stamp_is_utc_whatever_the_zone(void **state)
{
	static const struct {
		int64_t t;
		const char *want;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 951782399, "2000-02-28T23:59:59Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ 1769860800, "2026-01-31T12:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ -631152000, "1950-01-01T00:00:00Z" },
		{ INT64_C(2147483647), "2038-01-19T03:14:07Z" },
		{ INT64_C(2147483648), "2038-01-19T03:14:08Z" },
		{ INT64_C(2524607999), "2049-12-31T23:59:59Z" },
		{ INT64_C(2524608000), "2050-01-01T00:00:00Z" },
		{ INT64_C(4107542400), "2100-03-01T00:00:00Z" },
		{ INT64_C(253402300799), "9999-12-31T23:59:59Z" },
		{ INT64_C(253402300800), "" },
		{ INT64_C(-62167219200), "0000-01-01T00:00:00Z" },
		{ INT64_C(-62167219201), "" },
		{ INT64_MAX, "" },
		{ INT64_MIN, "" },
	};
	char stamp[CLOCK_STAMP_MAX];
	size_t i;

	(void)state;
	assert_int_equal(setenv("TZ", "UTC-5", 1), 0);
	tzset();
	for (i = 0; i < N_OF(cases); i++) {
		assert_ptr_equal(clock_stamp(cases[i].t, stamp, sizeof(stamp)),
		    stamp);
		assert_string_equal(stamp, cases[i].want);
	}
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

/* Seconds of the moment that a stamp names. */
static int64_t
seconds_of(const char *stamp)
{
	struct tm tm = { 0 };

	assert_int_equal(sscanf(stamp, "%d-%d-%dT%d:%d:%dZ", &tm.tm_year,
			     &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
			     &tm.tm_sec),
	    6);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return clock_from_utc(&tm);
}

/* A step of a prime number of seconds, some ten days: all hours, all days. */
static void
a_date_is_the_same_there_and_back(void **state)
{
	char stamp[CLOCK_STAMP_MAX], last[CLOCK_STAMP_MAX] = "";
	int64_t t;

	(void)state;
	for (t = INT64_C(-62167219200); t <= INT64_C(253402300799);
	     t += 864011) {
		clock_stamp(t, stamp, sizeof(stamp));
		assert_true(seconds_of(stamp) == t);
		assert_true(strcmp(last, stamp) < 0);
		strcpy(last, stamp);
	}
}

static void
leap_days_are_those_of_the_calendar(void **state)
{
	static const struct {
		const char *before, *after;
		int days;
	} cases[] = {
		{ "2000-02-28T00:00:00Z", "2000-03-01T00:00:00Z", 2 },
		{ "2023-02-28T00:00:00Z", "2023-03-01T00:00:00Z", 1 },
		{ "2024-02-28T00:00:00Z", "2024-03-01T00:00:00Z", 2 },
		{ "2100-02-28T00:00:00Z", "2100-03-01T00:00:00Z", 1 },
		{ "2400-02-28T00:00:00Z", "2400-03-01T00:00:00Z", 2 },
		{ "9996-02-28T00:00:00Z", "9996-03-01T00:00:00Z", 2 },
		{ "1999-12-31T00:00:00Z", "2000-01-01T00:00:00Z", 1 },
		{ "2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z", 365 },
		{ "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", 366 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++)
		assert_int_equal(seconds_of(cases[i].after) -
			seconds_of(cases[i].before),
		    cases[i].days * 86400);
}

static void
a_stamp_that_does_not_fit_is_empty(void **state)
{
	char stamp[CLOCK_STAMP_MAX];

	(void)state;
	assert_string_equal(clock_stamp(0, stamp, 21), "1970-01-01T00:00:00Z");
	assert_string_equal(clock_stamp(0, stamp, 20), "");
	assert_string_equal(clock_stamp(0, stamp, 1), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_time_never_goes_back),
		cmocka_unit_test(milliseconds_are_a_thousand_microseconds),
		cmocka_unit_test(a_faked_clock_stands_still),
		cmocka_unit_test(wall_time_is_what_the_system_says),
		cmocka_unit_test(a_stamp_is_utc_whatever_the_zone),
		cmocka_unit_test(a_date_is_the_same_there_and_back),
		cmocka_unit_test(leap_days_are_those_of_the_calendar),
		cmocka_unit_test(a_stamp_that_does_not_fit_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
