/* test_clock.c - time that never goes back, and stamps that people read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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
	time_t before = time(NULL), got = clock_wall();

	(void)state;
	assert_true(got >= before && got <= time(NULL));
}

static void
a_stamp_is_utc_whatever_the_zone(void **state)
{
	static const struct {
		time_t t;
		const char *want;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 951782399, "2000-02-28T23:59:59Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ 1769860800, "2026-01-31T12:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
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
		cmocka_unit_test(a_stamp_that_does_not_fit_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
