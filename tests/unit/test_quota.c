/* test_quota.c - so many a second, and not one more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/quota.h"

#define A_SECOND 5

/* Take all that there is at ms. */
static unsigned
take_all(struct quota *q, int64_t ms)
{
	unsigned n = 0;

	clock_fake(ms);
	while (quota_take(q, A_SECOND))
		n++;
	return n;
}

static void
so_many_a_second_and_not_one_more(void **state)
{
	struct quota q = { 0 };

	(void)state;
	assert_int_equal(A_SECOND, take_all(&q, 0));
	assert_int_equal(0, take_all(&q, 999));
	assert_int_equal(A_SECOND, take_all(&q, 1000));
	assert_int_equal(0, take_all(&q, 1999));
	assert_int_equal(A_SECOND, take_all(&q, 500000));
	clock_fake(-1);
}

static void
what_is_refused_is_counted_once(void **state)
{
	struct quota q = { 0 };

	(void)state;
	(void)take_all(&q, 0);
	(void)take_all(&q, 1);
	assert_int_equal(2, quota_take_refused(&q));
	assert_int_equal(0, quota_take_refused(&q));
	clock_fake(-1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_a_second_and_not_one_more),
		cmocka_unit_test(what_is_refused_is_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
