/* test_tally.c - records come back in order, however many they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/tally.h"

static void
expect_next(struct tally *t, const char *key, const char *value)
{
	struct view k, v;

	assert_true(tally_next(t, &k, &v));
	assert_true(view_eq(k, view_of(key)));
	assert_true(view_eq(v, view_of(value)));
}

static void
expect_end(struct tally *t)
{
	struct view k, v;

	assert_false(tally_next(t, &k, &v));
	assert_false(tally_next(t, &k, &v));
	assert_false(tally_has_failed(t));
}

static void
nothing_was_put_and_nothing_comes(void **state)
{
	struct tally *t = tally_new();

	(void)state;
	expect_end(t);
	tally_free(t);
	tally_free(NULL);
}

static void
keys_are_sorted_and_values_by_first_byte_and_turn(void **state)
{
	struct tally *t = tally_new();

	(void)state;
	tally_put(t, VIEW("b"), VIEW("P2"));
	tally_put(t, VIEW("a"), VIEW("P9"));
	tally_put(t, VIEW("b"), VIEW("P1"));
	tally_put(t, VIEW("b"), VIEW("L"));
	tally_put(t, VIEW("aa"), VIEW(""));
	tally_put(t, VIEW("b"), VIEW("L"));
	tally_put(t, VIEW(""), VIEW("x"));
	expect_next(t, "", "x");
	expect_next(t, "a", "P9");
	expect_next(t, "aa", "");
	expect_next(t, "b", "L");
	expect_next(t, "b", "P2");
	expect_next(t, "b", "P1");
	expect_end(t);
	tally_free(t);
}

#define MANY 400000 /* with 40 bytes each: several runs */

/* A number below MANY, each once. */
static unsigned
shuffled(unsigned i)
{
	return (unsigned)((uint64_t)i * 99991 % MANY);
}

static void
more_than_fit_into_memory_are_sorted_on_disk(void **state)
{
	struct tally *t = tally_new();
	char key[32], value[32];
	struct view k, v;
	unsigned i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "%09u", shuffled(i) / 2);
		snprintf(value, sizeof(value), "v%u.", shuffled(i));
		tally_put(t, view_of(key), view_of(value));
	}
	for (i = 0; i < MANY; i++) {
		assert_true(tally_next(t, &k, &v));
		snprintf(key, sizeof(key), "%09u", i / 2);
		assert_true(view_eq(k, view_of(key)));
		assert_int_equal(strtoul(v.p + 1, NULL, 10) / 2, i / 2);
	}
	expect_end(t);
	tally_free(t);
}

static void
the_largest_record_is_whole(void **state)
{
	static char large[TALLY_RECORD_MAX];
	struct tally *t = tally_new();
	struct view k, v, all = { large, sizeof(large) };
	size_t i, n = TALLY_KEPT_MAX / TALLY_RECORD_MAX + 2;
	char key[8];

	(void)state;
	memset(large, 'x', sizeof(large));
	all.len -= 2;
	for (i = n; i > 0; i--) {
		snprintf(key, sizeof(key), "%02zu", i - 1);
		tally_put(t, view_of(key), all);
	}
	for (i = 0; i < n; i++) {
		assert_true(tally_next(t, &k, &v));
		snprintf(key, sizeof(key), "%02zu", i);
		assert_true(view_eq(k, view_of(key)));
		assert_true(view_eq(v, all));
	}
	expect_end(t);
	tally_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_was_put_and_nothing_comes),
		cmocka_unit_test(
		    keys_are_sorted_and_values_by_first_byte_and_turn),
		cmocka_unit_test(more_than_fit_into_memory_are_sorted_on_disk),
		cmocka_unit_test(the_largest_record_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
