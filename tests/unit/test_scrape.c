/* test_scrape.c - the text format of Prometheus, and HTTP around it, read. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/prometheus.h"
#include "format/scrape.h"

#include "expect.h"

static const struct {
	const char *line, *name, *labels;
	double value;
} good[] = {
	{ "a 1\n", "a", "", 1 },
	{ "a:b_9 -1.5\n", "a:b_9", "", -1.5 },
	{ "a{} 2\n", "a", "", 2 },
	{ "a{b=\"c\"} 2e3\n", "a", "b=\"c\"", 2000 },
	{ "a{b=\"c\",d=\"e\",} 0\n", "a", "b=\"c\",d=\"e\",", 0 },
	{ "a { b = \"}\" , d=\"\" } 7 1700000000000\n", "a",
	    " b = \"}\" , d=\"\" ", 7 },
	{ "\ta\t4 -5 \n", "a", "", 4 },
	{ "a{b=\"\\\\\\\"\\n\"} 1\n", "a", "b=\"\\\\\\\"\\n\"", 1 },
	{ "# HELP a b\n\n  \n# TYPE a gauge\na 9\n", "a", "", 9 },
};

static void
each_sample_is_read(void **state)
{
	struct scrape_sample got;
	struct scrape at;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		at = (struct scrape){ view_of(good[i].line), 0 };
		if (scrape_next(&at, &got) != SCRAPE_SAMPLE)
			fail_msg("%s: not read", good[i].line);
		expect_view(good[i].line, got.name, view_of(good[i].name));
		expect_view(good[i].line, got.labels, view_of(good[i].labels));
		assert_true(got.value == good[i].value);
		assert_int_equal(scrape_next(&at, &got), SCRAPE_END);
	}
}

static void
what_is_no_number_or_has_no_end_can_be_told(void **state)
{
	struct scrape at = { VIEW("a NaN\na +Inf\na -Inf\n"), 0 };
	struct scrape_sample got;

	(void)state;
	assert_int_equal(scrape_next(&at, &got), SCRAPE_SAMPLE);
	assert_true(isnan(got.value));
	assert_int_equal(scrape_next(&at, &got), SCRAPE_SAMPLE);
	assert_true(isinf(got.value) && got.value > 0);
	assert_int_equal(scrape_next(&at, &got), SCRAPE_SAMPLE);
	assert_true(isinf(got.value) && got.value < 0);
	assert_int_equal(at.line, 3);
}

static const char *const bad[] = { "a\n", "a \n", "1a 1\n", "a 1", "a x\n",
	"a 1 x\n", "a 1 2 3\n", "a{ 1\n", "a{b} 1\n", "a{b=c} 1\n",
	"a{b=\"c} 1\n", "a{b=\"c\"d=\"e\"} 1\n", "a{b=\"\\x\"} 1\n",
	"a{b=\"\\\n", "a{,} 1\n", "a 0x10\n", "a inf\n", "a nan\n", "a 1e\n",
	"a --1\n", "a .\n", "{b=\"c\"} 1\n", "a=1\n" };

static void
what_is_not_of_the_format_is_told_with_its_line(void **state)
{
	struct scrape_sample got = { .value = 42 };
	struct scrape at;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		at = (struct scrape){ view_of(bad[i]), 6 };
		if (scrape_next(&at, &got) != SCRAPE_BAD)
			fail_msg("\"%s\" was read", bad[i]);
		assert_int_equal(at.line, 7);
		assert_true(got.value == 42);
	}
	at = (struct scrape){ VIEW("a{b=\"\\\0\"} 1\n"), 0 };
	assert_int_equal(scrape_next(&at, &got), SCRAPE_BAD);
}

static void
every_prefix_of_a_line_is_cut(void **state)
{
	struct view whole = VIEW("a{b=\"c\\n\",d=\"e\"} 12.5 99\n");
	struct scrape_sample got;
	struct scrape at;
	size_t n;

	(void)state;
	for (n = 1; n < whole.len; n++) {
		at = (struct scrape){ { whole.p, n }, 0 };
		assert_int_equal(scrape_next(&at, &got), SCRAPE_BAD);
	}
}

static void
a_number_has_an_end(void **state)
{
	char line[SCRAPE_NUMBER_MAX + 8] = "a ";
	struct scrape_sample got;
	struct scrape at;

	(void)state;
	memset(line + 2, '0', SCRAPE_NUMBER_MAX);
	strcpy(line + 2 + SCRAPE_NUMBER_MAX, "\n");
	at = (struct scrape){ view_of(line), 0 };
	assert_int_equal(scrape_next(&at, &got), SCRAPE_SAMPLE);
	strcpy(line + 2 + SCRAPE_NUMBER_MAX, "0\n");
	at = (struct scrape){ view_of(line), 0 };
	assert_int_equal(scrape_next(&at, &got), SCRAPE_BAD);
}

static void
what_is_written_is_read_back(void **state)
{
	static const char *const texts[] = { "", "x", "\"", "\\", "a\nb", "\\n",
		"}\",{=", "caf\u00e9" };
	struct prometheus_label labels[2] = { { "first", VIEW_INIT("1") },
		{ "le", VIEW_INIT("") } };
	struct scrape_sample got;
	struct buf page, text;
	struct scrape at;
	size_t i;

	(void)state;
	buf_init(&page, 4096);
	buf_init(&text, 4096);
	for (i = 0; i < N_OF(texts); i++) {
		buf_reset(&page);
		buf_reset(&text);
		labels[1].value = view_of(texts[i]);
		prometheus_family(&page, "n", PROMETHEUS_GAUGE, texts[i]);
		prometheus_sample_micro(&page, "n", "_sum", labels, 2,
		    -1500000);
		at = (struct scrape){ buf_view(&page), 0 };
		assert_int_equal(scrape_next(&at, &got), SCRAPE_SAMPLE);
		expect_view(texts[i], got.name, VIEW("n_sum"));
		assert_true(got.value == -1.5);
		assert_int_equal(scrape_label(&got, "le", &text), 0);
		expect_view(texts[i], buf_view(&text), view_of(texts[i]));
		assert_int_equal(scrape_label(&got, "l", &text), -1);
	}
	buf_fini(&text);
	buf_fini(&page);
}

static const struct {
	const char *in;
	enum scrape_answer want;
	int status;
	const char *page;
} answers[] = {
	{ "HTTP/1.0 200 OK\r\n\r\na 1\n", SCRAPE_FINE, 200, "a 1\n" },
	{ "HTTP/1.1 200\nX: y\n\n", SCRAPE_FINE, 200, "" },
	{ "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na 1\n", SCRAPE_FINE, 200,
	    "a 1\n" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na 1\n", SCRAPE_NO_HTTP,
	    0, NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na 1\n", SCRAPE_NO_HTTP,
	    0, NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\na 1\n", SCRAPE_NO_HTTP,
	    0, NULL },
	{ "HTTP/1.0 404 Not Found\r\n\r\nno", SCRAPE_NOT_FOUND, 404, NULL },
	{ "HTTP/1.0 200 OK\r\nX: y\r\n", SCRAPE_NO_HTTP, 0, NULL },
	{ "HTTP/1.0 2000 OK\r\n\r\n", SCRAPE_NO_HTTP, 0, NULL },
	{ "HTTP/2 200 OK\r\n\r\n", SCRAPE_NO_HTTP, 0, NULL },
	{ "HTTP/1.", SCRAPE_NO_HTTP, 0, NULL },
	{ "HTTP/1.\n\n", SCRAPE_NO_HTTP, 0, NULL },
	{ "20 text/gemini\r\n", SCRAPE_NO_HTTP, 0, NULL },
	{ "", SCRAPE_NO_HTTP, 0, NULL },
};

static void
a_page_is_found_in_an_answer(void **state)
{
	struct view page;
	int status;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(answers); i++) {
		status = 0;
		if (scrape_page(view_of(answers[i].in), &status, &page) !=
		    answers[i].want)
			fail_msg("%s: wrong result", answers[i].in);
		assert_int_equal(status, answers[i].status);
		if (answers[i].page != NULL)
			expect_view(answers[i].in, page,
			    view_of(answers[i].page));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sample_is_read),
		cmocka_unit_test(what_is_no_number_or_has_no_end_can_be_told),
		cmocka_unit_test(
		    what_is_not_of_the_format_is_told_with_its_line),
		cmocka_unit_test(every_prefix_of_a_line_is_cut),
		cmocka_unit_test(a_number_has_an_end),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_page_is_found_in_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
