/* test_prometheus.c - what is written is what Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/prometheus.h"

static struct buf b;

static int
setup(void **state)
{
	(void)state;
	buf_init(&b, 4096);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_fini(&b);
	return 0;
}

/* What was written, and nothing written yet. */
static const char *
taken(void)
{
	static char text[4097];
	size_t i;

	for (i = 0; i < b.len; i++)
		text[i] = b.p[i];
	text[b.len] = '\0';
	buf_reset(&b);
	return text;
}

static void
a_family_is_announced_with_its_kind(void **state)
{
	(void)state;
	prometheus_family(&b, "a_total", PROMETHEUS_COUNTER, "All.");
	assert_string_equal(taken(),
	    "# HELP a_total All.\n# TYPE a_total counter\n");
	prometheus_family(&b, "g", PROMETHEUS_GAUGE, "Now.");
	assert_string_equal(taken(), "# HELP g Now.\n# TYPE g gauge\n");
	prometheus_family(&b, "h", PROMETHEUS_HISTOGRAM, "Spread.");
	assert_string_equal(taken(), "# HELP h Spread.\n# TYPE h histogram\n");
}

static void
help_stays_on_its_line(void **state)
{
	(void)state;
	prometheus_family(&b, "g", PROMETHEUS_GAUGE, "a\\b\nc \"d\"");
	assert_string_equal(taken(),
	    "# HELP g a\\\\b\\nc \"d\"\n# TYPE g gauge\n");
}

static void
a_sample_has_labels_only_if_there_are_any(void **state)
{
	struct prometheus_label two[] = { { "p", VIEW_INIT("x") },
		{ "q", VIEW_INIT("y") } };

	(void)state;
	prometheus_sample(&b, "n", "", NULL, 0, 7);
	assert_string_equal(taken(), "n 7\n");
	prometheus_sample(&b, "n", "_count", two, 1, 0);
	assert_string_equal(taken(), "n_count{p=\"x\"} 0\n");
	prometheus_sample(&b, "n", "", two, 2, INT64_MIN);
	assert_string_equal(taken(),
	    "n{p=\"x\",q=\"y\"} -9223372036854775808\n");
}

static void
no_label_ends_its_quotes_early(void **state)
{
	struct prometheus_label evil = { "l", VIEW_INIT("\"} 1\n\\") };

	(void)state;
	prometheus_sample(&b, "n", "", &evil, 1, 1);
	assert_string_equal(taken(), "n{l=\"\\\"} 1\\n\\\\\"} 1\n");
}

static void
millionths_have_a_point_and_six_places(void **state)
{
	static const struct {
		int64_t in;
		const char *out;
	} rows[] = {
		{ 0, "s_sum 0.000000\n" },
		{ 1, "s_sum 0.000001\n" },
		{ 1000000, "s_sum 1.000000\n" },
		{ 1234567, "s_sum 1.234567\n" },
		{ -1500000, "s_sum -1.500000\n" },
		{ INT64_MAX, "s_sum 9223372036854.775807\n" },
		{ INT64_MIN, "s_sum -9223372036854.775808\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		prometheus_sample_micro(&b, "s", "_sum", NULL, 0, rows[i].in);
		assert_string_equal(taken(), rows[i].out);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_family_is_announced_with_its_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(help_stays_on_its_line, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_sample_has_labels_only_if_there_are_any, setup, teardown),
		cmocka_unit_test_setup_teardown(no_label_ends_its_quotes_early,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    millionths_have_a_point_and_six_places, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
