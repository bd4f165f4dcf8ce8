/* test_counts.c - sums, rates and quantiles of pages of counts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/counts.h"
#include "ctl/reckon.h"

#include "expect.h"

#define H "h_bucket{p=\"x\",le="

static const char page[] = "n{a=\"1\"} 3\nn{a=\"2\"} 4\nm 1e300\nk NaN\n" H
			   "\"1\"} 10\n" H "\"2\"} 20\n" H "\"+Inf\"} 40\n";

static void
load(struct counts *c, const char *text)
{
	int line;

	*c = (struct counts){ 0 };
	assert_int_equal(counts_read(c, view_of(text), &line), 0);
}

static void
samples_are_added_up_by_label(void **state)
{
	struct counts c;

	(void)state;
	load(&c, page);
	assert_int_equal(counts_sum(&c, "n", NULL, NULL), 7);
	assert_int_equal(counts_sum(&c, "n", "a", "2"), 4);
	assert_int_equal(counts_sum(&c, "n", "a", "3"), 0);
	assert_int_equal(counts_sum(&c, "none", NULL, NULL), 0);
	assert_true(counts_have(&c, "m") && !counts_have(&c, "none"));
	counts_free(&c);
}

static void
what_is_no_whole_number_becomes_one(void **state)
{
	struct counts c;

	(void)state;
	load(&c, "a NaN\nb +Inf\nc -Inf\nd 1.9\ne 1e300\n");
	assert_int_equal(counts_whole(&c.v[0]), 0);
	assert_int_equal(counts_whole(&c.v[1]), INT64_C(1) << 53);
	assert_int_equal(counts_whole(&c.v[2]), -(INT64_C(1) << 53));
	assert_int_equal(counts_whole(&c.v[3]), 1);
	assert_int_equal(counts_whole(&c.v[4]), INT64_C(1) << 53);
	counts_free(&c);
}

static void
a_line_that_is_none_is_told(void **state)
{
	struct counts c = { 0 };
	int line = 0;

	(void)state;
	assert_int_equal(counts_read(&c, VIEW("a 1\nb 2\nc\n"), &line), -1);
	assert_int_equal(line, 3);
	counts_free(&c);
}

static void
labels_are_shown_without_controls(void **state)
{
	struct counts c;
	struct buf b;

	(void)state;
	load(&c, "a{v=\"x\033[31m\"} 1\n");
	buf_init(&b, 64);
	counts_label(&c.v[0], "v", &b);
	assert_true(b.len > 0 && memchr(b.p, '\033', b.len) == NULL);
	counts_free(&c);
	buf_fini(&b);
}

static const struct {
	const char *now, *before;
	double q, want;
	bool beyond;
} quantiles[] = {
	{ page, NULL, 0.125, 0.5, false },
	{ page, NULL, 0.25, 1, false },
	{ page, NULL, 0.375, 1.5, false },
	{ page, NULL, 0.5, 2, false },
	{ page, NULL, 0.75, 2, true },
	{ page, page, 0.5, -1, false },
	{ page, H "\"1\"} 10\n" H "\"2\"} 10\n" H "\"+Inf\"} 30\n", 0.5, 1.5,
	    false },
	{ "n 1\n", NULL, 0.5, -1, false },
	{ H "\"+Inf\"} 40\n", NULL, 0.5, -1, false },
	{ H "\"nan\"} 0\n" H "\"+Inf\"} 40\n", NULL, 0.5, -1, true },
	{ H "\"1\"} 50\n" H "\"+Inf\"} 40\n", NULL, 0.5, 0.4, false },
};

static void
quantiles_are_as_prometheus_estimates_them(void **state)
{
	struct counts now, before;
	bool beyond;
	double got;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(quantiles); i++) {
		load(&now, quantiles[i].now);
		load(&before,
		    quantiles[i].before == NULL ? "" : quantiles[i].before);
		got = counts_quantile(&now,
		    quantiles[i].before == NULL ? NULL : &before, "h", "p", "x",
		    quantiles[i].q, &beyond);
		if (fabs(got - quantiles[i].want) > 1e-9 ||
		    beyond != quantiles[i].beyond)
			fail_msg("%zu: %f", i, got);
		counts_free(&now);
		counts_free(&before);
	}
}

/* -- rates -- */

#define START(s) RECKON_PREFIX "start_time_seconds " s "\n"
#define REQUESTS(n)                                                            \
	RECKON_PREFIX "requests_total{protocol=\"gemini\",status=\"20\"} " n   \
		      "\n" RECKON_PREFIX                                       \
		      "requests_total{protocol=\"gopher\",status=\"20\"} 9\n"

static struct look
at(const char *text, int64_t ms, int64_t wall)
{
	struct look l = { .ms = ms, .wall = wall };

	load(&l.counts, text);
	return l;
}

static void
rates_are_of_the_time_between_two_looks_or_since_the_start(void **state)
{
	struct look one = at(START("100") REQUESTS("20"), 1000, 110);
	struct look two = at(START("100") REQUESTS("60"), 5000, 114);
	struct look other = at(START("113") REQUESTS("60"), 5000, 123);
	struct look early = at(START("200") REQUESTS("7"), 1, 150);
	struct reckoning r;

	(void)state;
	r = reckon(&one, NULL);
	assert_true(reckon_requests(&r, "gemini", "20") == 2);
	r = reckon(&two, &one);
	assert_true(reckon_requests(&r, "gemini", "20") == 10);
	assert_true(reckon_requests(&r, "gopher", "20") == 0);
	assert_true(
	    reckon_rate(&r, RECKON_PREFIX "requests_total", NULL, NULL) == 10);
	/* Another daemon, which began from nothing. */
	r = reckon(&other, &one);
	assert_true(reckon_requests(&r, "gemini", "20") == 6);
	/* A clock that was set back meanwhile. */
	r = reckon(&early, NULL);
	assert_true(reckon_requests(&r, "gemini", "20") == 7);
	counts_free(&one.counts);
	counts_free(&two.counts);
	counts_free(&other.counts);
	counts_free(&early.counts);
}

static void
moments_that_cannot_be_told_become_some_that_can(void **state)
{
	struct look l = at("a 1e300\nb -5\nc 7\n", 0, 0);
	struct reckoning r = reckon(&l, NULL);

	(void)state;
	assert_true(reckon_moment(&r, "a") == INT64_C(253402300799));
	assert_true(reckon_moment(&r, "b") == 0);
	assert_true(reckon_moment(&r, "c") == 7);
	counts_free(&l.counts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_added_up_by_label),
		cmocka_unit_test(what_is_no_whole_number_becomes_one),
		cmocka_unit_test(a_line_that_is_none_is_told),
		cmocka_unit_test(labels_are_shown_without_controls),
		cmocka_unit_test(quantiles_are_as_prometheus_estimates_them),
		cmocka_unit_test(
		    rates_are_of_the_time_between_two_looks_or_since_the_start),
		cmocka_unit_test(
		    moments_that_cannot_be_told_become_some_that_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
