/* test_deadline.c - queues of deadlines against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/deadline.h"

#define N 200

static struct deadlines
fresh(void)
{
	struct deadlines ds;

	memset(&ds, 0, sizeof(ds));
	ds.duration_ms[0] = 1000;
	ds.duration_ms[1] = 30;
	return ds;
}

static void
an_empty_set_has_no_next(void **state)
{
	struct deadlines ds = fresh();

	(void)state;
	assert_int_equal(-1, deadlines_next(&ds));
	assert_null(deadlines_expired(&ds, INT64_MAX));
}

static void
expires_at_its_millisecond_and_not_before(void **state)
{
	struct deadlines ds = fresh();
	struct deadline d = { 0 };

	(void)state;
	deadline_set(&ds, &d, 0, 5000);
	assert_int_equal(6000, deadlines_next(&ds));
	assert_null(deadlines_expired(&ds, 5999));
	assert_ptr_equal(&d, deadlines_expired(&ds, 6000));
	assert_null(deadlines_expired(&ds, 6000));
	assert_int_equal(-1, deadlines_next(&ds));
}

static void
setting_again_moves_it(void **state)
{
	struct deadlines ds = fresh();
	struct deadline a = { 0 }, b = { 0 };

	(void)state;
	deadline_set(&ds, &a, 0, 0);
	deadline_set(&ds, &b, 0, 100);
	deadline_set(&ds, &a, 0, 200);
	assert_ptr_equal(&b, deadlines_expired(&ds, 1150));
	assert_null(deadlines_expired(&ds, 1150));
	deadline_set(&ds, &a, 1, 1150);
	assert_int_equal(1180, deadlines_next(&ds));
	deadline_clear(&ds, &a);
	deadline_clear(&ds, &a);
	assert_int_equal(-1, deadlines_next(&ds));
}

static void
the_shortest_kind_comes_first(void **state)
{
	struct deadlines ds = fresh();
	struct deadline slow = { 0 }, quick = { 0 };

	(void)state;
	deadline_set(&ds, &slow, 0, 0);
	deadline_set(&ds, &quick, 1, 500);
	assert_int_equal(530, deadlines_next(&ds));
	assert_ptr_equal(&quick, deadlines_expired(&ds, 600));
	assert_ptr_equal(&slow, deadlines_expired(&ds, 2000));
}

/* Whatever is set and cleared in whatever order, the links hold. */
static void
agrees_with_a_plain_list(void **state)
{
	static struct deadline d[N];
	int64_t at[N], now = 1, least;
	struct deadlines ds = fresh();
	struct deadline *e;
	int i, step;

	(void)state;
	memset(at, 0, sizeof(at));
	srand(1);
	for (step = 0; step < 20000; step++) {
		i = rand() % N;
		now += rand() % 3;
		if (rand() % 3 == 0) {
			deadline_clear(&ds, &d[i]);
			at[i] = 0;
		} else {
			deadline_set(&ds, &d[i], (unsigned)i % 2, now);
			at[i] = now + (i % 2 == 0 ? 1000 : 30);
		}
		while ((e = deadlines_expired(&ds, now)) != NULL) {
			assert_in_range(at[e - d], 1, now);
			at[e - d] = 0;
		}
		for (least = -1, i = 0; i < N; i++)
			if (at[i] != 0 && (least == -1 || at[i] < least))
				least = at[i];
		assert_int_equal(least, deadlines_next(&ds));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_set_has_no_next),
		cmocka_unit_test(expires_at_its_millisecond_and_not_before),
		cmocka_unit_test(setting_again_moves_it),
		cmocka_unit_test(the_shortest_kind_comes_first),
		cmocka_unit_test(agrees_with_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
