/* test_settle.c - changes are looked at once they have come to rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "expect.h"
#include "process/settle.h"

static void
without_changes_nothing_is_due(void **state)
{
	struct settle s;

	(void)state;
	settle_init(&s);
	assert_int_equal(-1, settle_due(&s));
	settle_add(&s, 1, VIEW("x"), 5);
	settle_reset(&s);
	assert_int_equal(-1, settle_due(&s));
	assert_null(s.first);
	settle_fini(&s);
}

static void
changes_wait_for_a_pause(void **state)
{
	struct settle s;

	(void)state;
	settle_init(&s);
	settle_add(&s, 1, VIEW("x"), 1000);
	assert_int_equal(1000 + SETTLE_QUIET_MS, settle_due(&s));
	settle_add(&s, 1, VIEW("x"), 1050);
	assert_int_equal(1050 + SETTLE_QUIET_MS, settle_due(&s));
	settle_add_all(&s, 1060);
	assert_int_equal(1060 + SETTLE_QUIET_MS, settle_due(&s));
	settle_fini(&s);
}

static void
who_writes_without_a_pause_makes_nobody_wait_for_long(void **state)
{
	struct settle s;
	int64_t now;

	(void)state;
	settle_init(&s);
	for (now = 1000; now < 9000; now += 10)
		settle_add(&s, 1, VIEW("x"), now);
	assert_int_equal(1000 + SETTLE_LONGEST_MS, settle_due(&s));
	settle_fini(&s);
}

static void
the_same_change_is_looked_at_once(void **state)
{
	struct settle s;

	(void)state;
	settle_init(&s);
	settle_add(&s, 1, VIEW("x"), 1);
	settle_add(&s, 1, VIEW("y"), 1);
	settle_add(&s, 1, VIEW("x"), 1);
	settle_add(&s, 2, VIEW("x"), 1);
	settle_add(&s, 2, VIEW(""), 1);
	assert_int_equal(4, s.n);
	assert_int_equal(1, s.first->folder);
	expect_view("first", s.first->name, VIEW("x"));
	expect_view("next", s.first->next->name, VIEW("y"));
	assert_int_equal(2, s.last->folder);
	assert_int_equal(0, s.last->name.len);
	assert_null(s.last->next);
	settle_fini(&s);
}

static void
too_many_changes_are_a_change_of_everything(void **state)
{
	struct settle s;
	char name[32];
	int i;

	(void)state;
	settle_init(&s);
	for (i = 0; i <= SETTLE_CHANGES_MAX; i++) {
		assert_false(s.all);
		(void)snprintf(name, sizeof(name), "%d", i);
		settle_add(&s, 1, view_of(name), 1);
	}
	assert_true(s.all);
	assert_int_equal(SETTLE_CHANGES_MAX, s.n);
	assert_int_equal(1 + SETTLE_QUIET_MS, settle_due(&s));
	settle_reset(&s);
	assert_false(s.all);
	settle_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_changes_nothing_is_due),
		cmocka_unit_test(changes_wait_for_a_pause),
		cmocka_unit_test(
		    who_writes_without_a_pause_makes_nobody_wait_for_long),
		cmocka_unit_test(the_same_change_is_looked_at_once),
		cmocka_unit_test(too_many_changes_are_a_change_of_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
