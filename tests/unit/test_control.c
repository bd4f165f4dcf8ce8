/* test_control.c - requests and answers of the control socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include "format/control.h"

static const struct {
	struct view in;
	enum control_parse want;
	enum control_word word;
	enum log_level level;
	bool accept_empty;
} cases[] = {
	{ VIEW_INIT("status\n"), CONTROL_OK, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT("status\r\n"), CONTROL_OK, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT("reload\nstop\n"), CONTROL_OK, CONTROL_RELOAD,
	    LOG_LEVEL_INFO },
	{ VIEW_INIT("stop\n\0\xff"), CONTROL_OK, CONTROL_STOP, LOG_LEVEL_INFO },
	{ VIEW_INIT("reload accept-empty\r\n"), CONTROL_OK, CONTROL_RELOAD,
	    LOG_LEVEL_INFO, true },
	{ VIEW_INIT("reload \n"), CONTROL_BAD, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT("reload accept-empt\n"), CONTROL_BAD, CONTROL_STATUS,
	    LOG_LEVEL_INFO },
	{ VIEW_INIT("reload accept-empty \n"), CONTROL_BAD, CONTROL_STATUS,
	    LOG_LEVEL_INFO },
	{ VIEW_INIT("status accept-empty\n"), CONTROL_BAD, CONTROL_STATUS,
	    LOG_LEVEL_INFO },
	{ VIEW_INIT("log-level error\n"), CONTROL_OK, CONTROL_LOG_LEVEL,
	    LOG_LEVEL_ERROR },
	{ VIEW_INIT("log-level debug\r\n"), CONTROL_OK, CONTROL_LOG_LEVEL,
	    LOG_LEVEL_DEBUG },
	{ VIEW_INIT(""), CONTROL_MORE, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT("status"), CONTROL_MORE, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT("\n"), CONTROL_BAD, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT("\r\n"), CONTROL_BAD, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT(" status\n"), CONTROL_BAD, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT("status \n"), CONTROL_BAD, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT("stop\r\r\n"), CONTROL_BAD, CONTROL_STATUS,
	    LOG_LEVEL_INFO },
	{ VIEW_INIT("stop\0\n"), CONTROL_BAD, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT("STOP\n"), CONTROL_BAD, CONTROL_STATUS, LOG_LEVEL_INFO },
	{ VIEW_INIT("log-level\n"), CONTROL_BAD, CONTROL_STATUS,
	    LOG_LEVEL_INFO },
	{ VIEW_INIT("log-level \n"), CONTROL_BAD, CONTROL_STATUS,
	    LOG_LEVEL_INFO },
	{ VIEW_INIT("log-level  info\n"), CONTROL_BAD, CONTROL_STATUS,
	    LOG_LEVEL_INFO },
	{ VIEW_INIT("log-level infos\n"), CONTROL_BAD, CONTROL_STATUS,
	    LOG_LEVEL_INFO },
};

static void
parses_each_case(void **state)
{
	struct control_request r;
	const char *why;
	struct view in;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		r = (struct control_request){ CONTROL_STATUS, LOG_LEVEL_INFO,
			false };
		in = exact(cases[i].in);
		if (control_request_parse(in, &r, &why) != cases[i].want)
			fail_msg("%.*s: wrong result", VIEW_ARG(in));
		assert_int_equal(cases[i].word, r.word);
		assert_int_equal(cases[i].level, r.level);
		assert_int_equal(cases[i].accept_empty, r.accept_empty);
		if (cases[i].want == CONTROL_BAD)
			assert_true(strlen(why) > 20);
		loose(in);
	}
}

static void
every_prefix_wants_more(void **state)
{
	static const struct view whole = VIEW_INIT("log-level warn\r\n");
	struct control_request r;
	const char *why;
	struct view in;
	size_t n;

	(void)state;
	for (n = 0; n < whole.len; n++) {
		in = exact((struct view){ whole.p, n });
		assert_int_equal(CONTROL_MORE,
		    control_request_parse(in, &r, &why));
		loose(in);
	}
}

/* The line end counts; what is too long is so without one, too. */
static void
the_length_of_a_request_is_limited(void **state)
{
	static const char too_long[] = "a request is longer than 256 bytes";
	char line[CONTROL_LINE_MAX + 2];
	struct control_request r;
	const char *why;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[CONTROL_LINE_MAX - 1] = '\n';
	assert_int_equal(CONTROL_BAD,
	    control_request_parse((struct view){ line, CONTROL_LINE_MAX }, &r,
		&why));
	assert_string_not_equal(too_long, why);
	line[CONTROL_LINE_MAX - 1] = 'x';
	assert_int_equal(CONTROL_MORE,
	    control_request_parse((struct view){ line, CONTROL_LINE_MAX - 1 },
		&r, &why));
	assert_int_equal(CONTROL_BAD,
	    control_request_parse((struct view){ line, CONTROL_LINE_MAX }, &r,
		&why));
	assert_string_equal(too_long, why);
	line[CONTROL_LINE_MAX] = '\n';
	assert_int_equal(CONTROL_BAD,
	    control_request_parse((struct view){ line, sizeof(line) }, &r,
		&why));
	assert_string_equal(too_long, why);
}

static void
whatever_is_told_is_one_line(void **state)
{
	static const struct prometheus_label labels[] = {
		{ "protocol", VIEW_INIT("gemini") },
		{ "status", VIEW_INIT("2 0\n") },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	control_put(&b, "problem", VIEW("a b\nc\x7f\xc3\xa9"));
	expect_written("value", &b, "problem a b?c?\xc3\xa9\n");
	control_put(&b, "a key", VIEW(""));
	expect_written("key", &b, "a?key \n");
	control_put_sample(&b, "requests", "_total", labels, 2, -5);
	expect_written("labels", &b, "requests_total.gemini.2?0? -5\n");
	control_put_sample(&b, "workers", "", NULL, 0, INT64_MAX);
	expect_written("no label", &b, "workers 9223372036854775807\n");
	control_put_end(&b, true);
	control_put_end(&b, false);
	expect_written("end", &b, "done\nfailed\n");
	buf_fini(&b);
}

static void
what_there_is_no_room_for_is_counted(void **state)
{
	struct problems *ps = problems_new();
	struct buf b;
	int i;

	(void)state;
	for (i = 0; i < 9; i++)
		problems_add(ps, NULL, 0, "sentence %d", i);
	buf_init(&b, 1000);
	control_put_problems(&b, "warning", ps, 11);
	assert_true(
	    view_has_prefix(buf_view(&b), VIEW("warning sentence 0\n")));
	assert_true(view_has_suffix(buf_view(&b),
	    VIEW("warning sentence 8\nwarning and 2 more, see the log\n")));
	buf_fini(&b);
	/* Nine take 171 bytes, and 256 are for what comes behind. */
	buf_init(&b, 256 + 8 * 19 + 10);
	control_put_problems(&b, "warning", ps, 9);
	assert_true(view_has_suffix(buf_view(&b), VIEW("sentence 8\n")));
	buf_fini(&b);
	buf_init(&b, 256 + 8 * 19 + 9);
	control_put_problems(&b, "warning", ps, 9);
	assert_true(view_has_suffix(buf_view(&b),
	    VIEW("sentence 7\nwarning and 1 more, see the log\n")));
	assert_false(b.failed);
	buf_fini(&b);
	problems_free(ps);
}

static const struct {
	struct view answer;
	enum control_verdict want;
} judged[] = {
	{ VIEW_INIT("done\n"), CONTROL_DONE },
	{ VIEW_INIT("failed\n"), CONTROL_FAILED },
	{ VIEW_INIT("a 1\nb  \ndone\n"), CONTROL_DONE },
	{ VIEW_INIT("problem x y\nfailed\n"), CONTROL_FAILED },
	{ VIEW_INIT(""), CONTROL_CUT },
	{ VIEW_INIT("a 1\n"), CONTROL_CUT },
	{ VIEW_INIT("a 1"), CONTROL_CUT },
	{ VIEW_INIT("done"), CONTROL_CUT },
	{ VIEW_INIT("done\ndone\n"), CONTROL_FOREIGN },
	{ VIEW_INIT("failed\n\n"), CONTROL_FOREIGN },
	{ VIEW_INIT("a\ndone\n"), CONTROL_FOREIGN },
	{ VIEW_INIT(" a\ndone\n"), CONTROL_FOREIGN },
	{ VIEW_INIT("\ndone\n"), CONTROL_FOREIGN },
	{ VIEW_INIT("a 1\r\ndone\n"), CONTROL_FOREIGN },
	{ VIEW_INIT("a \0\ndone\n"), CONTROL_FOREIGN },
	{ VIEW_INIT("a \x1b[2J\ndone\n"), CONTROL_FOREIGN },
};

static void
judges_each_answer(void **state)
{
	struct view in;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(judged); i++) {
		in = exact(judged[i].answer);
		if (control_judge(in) != judged[i].want)
			fail_msg("%.*s: wrong verdict", VIEW_ARG(in));
		loose(in);
	}
}

static void
no_part_of_an_answer_is_a_whole_one(void **state)
{
	static const struct view whole = VIEW_INIT("version 1\nworkers 2\n"
						   "done\n");
	struct view in;
	size_t n;

	(void)state;
	for (n = 0; n < whole.len; n++) {
		in = exact((struct view){ whole.p, n });
		assert_int_equal(CONTROL_CUT, control_judge(in));
		loose(in);
	}
}

static void
lines_are_cut_up_to_the_last(void **state)
{
	struct view rest = VIEW("a 1\nb c d\nempty \ndone\n"), key, value;

	(void)state;
	assert_true(control_next(&rest, &key, &value));
	expect_view("key", key, VIEW("a"));
	expect_view("value", value, VIEW("1"));
	assert_true(control_next(&rest, &key, &value));
	expect_view("key", key, VIEW("b"));
	expect_view("value", value, VIEW("c d"));
	assert_true(control_next(&rest, &key, &value));
	expect_view("value", value, VIEW(""));
	assert_false(control_next(&rest, &key, &value));
	assert_false(control_next(&rest, &key, &value));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_each_case),
		cmocka_unit_test(every_prefix_wants_more),
		cmocka_unit_test(the_length_of_a_request_is_limited),
		cmocka_unit_test(whatever_is_told_is_one_line),
		cmocka_unit_test(what_there_is_no_room_for_is_counted),
		cmocka_unit_test(judges_each_answer),
		cmocka_unit_test(no_part_of_an_answer_is_a_whole_one),
		cmocka_unit_test(lines_are_cut_up_to_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
