/* test_statistics.c - numbers of an answer, and what two answers come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/statistics.h"
#include "expect.h"

#define EXACT_MAX (INT64_C(1) << 53) /* where doubles end to be exact */

/* A look at wall second 2000, of a daemon that was started at 1000. */
static struct look
look_of(const char *lines, int64_t ms)
{
	struct look l = { .wall = 2000, .ms = ms };

	buf_init(&l.answer, 4096);
	buf_puts(&l.answer, lines);
	assert_false(l.answer.failed);
	return l;
}

static void
numbers_are_read_and_bounded(void **state)
{
	struct look l = look_of("a 5\nb -7\nc 12x\nd \ne 9007199254740993\n"
				"f -99999999999999999999\ng -\ndone\n",
	    0);

	(void)state;
	assert_int_equal(5, look_number(&l, "a"));
	assert_int_equal(-7, look_number(&l, "b"));
	assert_int_equal(0, look_number(&l, "c"));
	assert_int_equal(0, look_number(&l, "d"));
	assert_true(look_number(&l, "e") == EXACT_MAX);
	assert_true(look_number(&l, "f") == -EXACT_MAX);
	assert_int_equal(0, look_number(&l, "g"));
	assert_int_equal(0, look_number(&l, "none"));
	expect_view("text", look_text(&l, "c"), VIEW("12x"));
	expect_view("none", look_text(&l, "none"), VIEW(""));
	buf_fini(&l.answer);
}

static void
a_family_is_its_name_and_a_dot(void **state)
{
	struct look l = look_of("x 1\nx.a 2\nxy.b 4\nx. 8\nx.a.b 16\ny.x.a 32\n"
				"done\n",
	    0);
	static const char *const rests[] = { "a", "", "a.b" };
	struct view at = { NULL, 0 }, rest;
	int64_t value;
	size_t i;

	(void)state;
	assert_int_equal(27, look_sum(&l, "x"));
	assert_int_equal(0, look_sum(&l, "z"));
	for (i = 0; i < N_OF(rests); i++) {
		assert_true(look_next(&l, "x", &at, &rest, &value));
		expect_view("rest", rest, view_of(rests[i]));
	}
	assert_int_equal(16, value);
	assert_false(look_next(&l, "x", &at, &rest, &value));
	buf_fini(&l.answer);
}

static void
rates_are_since_the_last_look_or_the_start(void **state)
{
	struct look a = look_of("start_time_seconds 1000\nn 100\ndone\n", 0),
		    b = look_of("start_time_seconds 1000\nn 150\ndone\n", 5000),
		    other =
			look_of("start_time_seconds 1500\nn 50\ndone\n", 6000);
	struct statistics s;

	(void)state;
	s = statistics_of(&a, NULL);
	assert_true(statistics_rate(&s, "n") == 0.1);
	s = statistics_of(&b, &a);
	assert_true(statistics_rate(&s, "n") == 10);
	assert_true(statistics_rate_of(&s, "n") == 10);
	/* One that was started meanwhile, and one of the future. */
	s = statistics_of(&other, &b);
	assert_null(s.before);
	assert_true(statistics_rate(&s, "n") == 0.1);
	s = statistics_of(&a, &b);
	assert_null(s.before);
	buf_fini(&a.answer);
	buf_fini(&b.answer);
	buf_fini(&other.answer);
}

#define BUCKETS(a, b, c)                                                       \
	"start_time_seconds 1000\n"                                            \
	"request_duration_seconds_bucket.gemini.0.5 " #a "\n"                  \
	"request_duration_seconds_bucket.gemini.1 " #b "\n"                    \
	"request_duration_seconds_bucket.gemini.+Inf " #c "\n"                 \
	"request_duration_seconds_bucket.gopher.1 9\n"                         \
	"done\n"

static void
a_quantile_is_the_end_of_the_bucket_that_holds_it(void **state)
{
	static const struct {
		const char *lines;
		int tenths;
		double want;
		bool beyond;
	} rows[] = {
		{ BUCKETS(0, 0, 0), 5, 0, false },
		{ BUCKETS(5, 9, 10), 5, 0.5, false },
		{ BUCKETS(4, 9, 10), 5, 1, false },
		{ BUCKETS(5, 9, 10), 9, 1, false },
		{ BUCKETS(5, 8, 10), 9, 1, true },
		{ BUCKETS(0, 0, 1), 5, 1, true },
	};
	struct statistics s;
	struct look l;
	bool beyond;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++) {
		l = look_of(rows[i].lines, 0);
		s = statistics_of(&l, NULL);
		if (statistics_within(&s, "gemini", rows[i].tenths, &beyond) !=
			rows[i].want ||
		    beyond != rows[i].beyond)
			fail_msg("row %zu", i);
		buf_fini(&l.answer);
	}
}

static void
a_quantile_is_of_the_time_between_two_looks(void **state)
{
	struct look a = look_of(BUCKETS(90, 90, 90), 0),
		    b = look_of(BUCKETS(90, 99, 100), 1000);
	struct statistics s = statistics_of(&b, &a);
	bool beyond;

	(void)state;
	assert_true(statistics_within(&s, "gemini", 5, &beyond) == 1);
	assert_false(beyond);
	assert_true(statistics_within(&s, "none", 5, &beyond) == 0);
	buf_fini(&a.answer);
	buf_fini(&b.answer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_and_bounded),
		cmocka_unit_test(a_family_is_its_name_and_a_dot),
		cmocka_unit_test(rates_are_since_the_last_look_or_the_start),
		cmocka_unit_test(
		    a_quantile_is_the_end_of_the_bucket_that_holds_it),
		cmocka_unit_test(a_quantile_is_of_the_time_between_two_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
