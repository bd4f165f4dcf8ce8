/* test_pace.c - who is fast, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/pace.h"

static void
nobody_is_fast_at_first(void **state)
{
	struct pace p = { 0 };

	(void)state;
	pace_note(&p, 1 << 20, 1000); /* whatever went before */
	assert_false(p.is_fast);
	pace_note(&p, (1 << 20) + PACE_BYTES - 1, 1000 + PACE_MS);
	assert_false(p.is_fast);
}

static void
a_record_within_the_time_is_fast(void **state)
{
	struct pace p = { 0 };

	(void)state;
	pace_note(&p, 0, 1000);
	pace_note(&p, PACE_BYTES, 1000 + PACE_MS);
	assert_true(p.is_fast);
}

static void
a_record_that_takes_longer_is_slow(void **state)
{
	struct pace p = { 0 };

	(void)state;
	pace_note(&p, 0, 1000);
	pace_note(&p, PACE_BYTES, 1001 + PACE_MS);
	assert_false(p.is_fast);
}

static void
who_becomes_slow_is_slow_and_who_becomes_fast_fast(void **state)
{
	struct pace p = { 0 };

	(void)state;
	pace_note(&p, 0, 1000);
	pace_note(&p, PACE_BYTES, 1001);
	pace_note(&p, PACE_BYTES + 1, 1001 + PACE_MS);
	assert_true(p.is_fast); /* there is time left */
	pace_note(&p, PACE_BYTES + 1, 1002 + PACE_MS);
	assert_false(p.is_fast);
	pace_note(&p, 2 * PACE_BYTES + 1, 1003 + PACE_MS);
	assert_true(p.is_fast);
}

static void
a_clock_at_zero_is_a_time_like_others(void **state)
{
	struct pace p = { 0 };

	(void)state;
	pace_note(&p, 0, 0);
	pace_note(&p, PACE_BYTES, 1);
	assert_true(p.is_fast);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_fast_at_first),
		cmocka_unit_test(a_record_within_the_time_is_fast),
		cmocka_unit_test(a_record_that_takes_longer_is_slow),
		cmocka_unit_test(
		    who_becomes_slow_is_slow_and_who_becomes_fast_fast),
		cmocka_unit_test(a_clock_at_zero_is_a_time_like_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
