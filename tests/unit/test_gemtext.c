/* test_gemtext.c - gemtext_next against the gemtext specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/gemtext.h"
#include "expect.h"

static const struct {
	const char *line;
	enum gemtext_kind kind;
	const char *text, *target;
	int level;
} lines[] = {
	{ "text", GEMTEXT_TEXT, "text", "", 0 },
	{ "  text \t", GEMTEXT_TEXT, "text", "", 0 },
	{ "\n", GEMTEXT_TEXT, "", "", 0 },
	{ "=>/a", GEMTEXT_LINK, "", "/a", 0 },
	{ "=> /a", GEMTEXT_LINK, "", "/a", 0 },
	{ "=>\t/a\tA label", GEMTEXT_LINK, "A label", "/a", 0 },
	{ "=> \t /a \t A  label \t", GEMTEXT_LINK, "A  label", "/a", 0 },
	{ "=> gemini://example.org/ x", GEMTEXT_LINK, "x",
	    "gemini://example.org/", 0 },
	{ "=>", GEMTEXT_TEXT, "=>", "", 0 },
	{ "=> \t", GEMTEXT_TEXT, "=>", "", 0 },
	{ " => /a", GEMTEXT_TEXT, "=> /a", "", 0 },
	{ "= > /a", GEMTEXT_TEXT, "= > /a", "", 0 },
	{ "# One", GEMTEXT_HEADING, "One", "", 1 },
	{ "#One", GEMTEXT_HEADING, "One", "", 1 },
	{ "##\tTwo ", GEMTEXT_HEADING, "Two", "", 2 },
	{ "### Three", GEMTEXT_HEADING, "Three", "", 3 },
	{ "####x", GEMTEXT_HEADING, "#x", "", 3 },
	{ "# #x", GEMTEXT_HEADING, "#x", "", 1 },
	{ "#", GEMTEXT_HEADING, "", "", 1 },
	{ "* item", GEMTEXT_LIST, "item", "", 0 },
	{ "*  item", GEMTEXT_LIST, "item", "", 0 },
	{ "* ", GEMTEXT_LIST, "", "", 0 },
	{ "*item", GEMTEXT_TEXT, "*item", "", 0 },
	{ "*\titem", GEMTEXT_TEXT, "*\titem", "", 0 },
	{ ">quote", GEMTEXT_QUOTE, "quote", "", 0 },
	{ "> quote ", GEMTEXT_QUOTE, "quote", "", 0 },
	{ ">", GEMTEXT_QUOTE, "", "", 0 },
	{ "```", GEMTEXT_PRE_START, "", "", 0 },
	{ "``` some art ", GEMTEXT_PRE_START, "some art", "", 0 },
	{ "````", GEMTEXT_PRE_START, "`", "", 0 },
	{ " ```", GEMTEXT_TEXT, "```", "", 0 },
	{ "``", GEMTEXT_TEXT, "``", "", 0 },
	{ "\xEF\xBB\xBF# x", GEMTEXT_HEADING, "x", "", 1 },
};

static void
expect_line(const char *name, const struct gemtext_line *line,
    enum gemtext_kind kind, const char *text)
{
	if (line->kind != kind)
		fail_msg("%s: kind %d, not %d", name, line->kind, kind);
	expect_view(name, line->text, view_of(text));
}

static void
a_line_is_what_it_starts_with(void **state)
{
	struct gemtext_line line;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(lines); i++) {
		struct view v = exact(view_of(lines[i].line));
		struct gemtext at = { v, false, 0 };

		assert_true(gemtext_next(&at, &line));
		expect_line(lines[i].line, &line, lines[i].kind, lines[i].text);
		expect_view(lines[i].line, line.target,
		    view_of(lines[i].target));
		assert_int_equal(line.level, lines[i].level);
		assert_int_equal(line.number, 1);
		assert_false(gemtext_next(&at, &line));
		loose(v);
	}
}

static void
the_line_is_left_alone_after_the_last_one(void **state)
{
	struct gemtext at = { VIEW(""), false, 0 };
	struct gemtext_line line = { .number = 42 };

	(void)state;
	assert_false(gemtext_next(&at, &line));
	assert_int_equal(line.number, 42);
	at = (struct gemtext){ VIEW("\xEF\xBB\xBF"), false, 0 };
	assert_false(gemtext_next(&at, &line));
	assert_int_equal(line.number, 42);
}

/* The same lines, however they end, and whether or not the last one does. */
static void
crlf_and_lf_end_a_line(void **state)
{
	static const char *const documents[] = { "a\nb", "a\nb\n", "a\r\nb\r\n",
		"a\r\nb", "a\nb\r\n" };
	struct gemtext_line line;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(documents); i++) {
		struct gemtext at = { view_of(documents[i]), false, 0 };

		assert_true(gemtext_next(&at, &line));
		expect_line(documents[i], &line, GEMTEXT_TEXT, "a");
		assert_true(gemtext_next(&at, &line));
		expect_line(documents[i], &line, GEMTEXT_TEXT, "b");
		assert_int_equal(line.number, 2);
		assert_false(gemtext_next(&at, &line));
	}
}

static void
preformatted_lines_keep_every_byte(void **state)
{
	struct gemtext at = {
		VIEW("```alt\n  # no\t\r\n=> /a \r\r\n\n```ignored\n# yes\n"),
		false, 0
	};
	struct gemtext_line line;

	(void)state;
	assert_true(gemtext_next(&at, &line));
	expect_line("start", &line, GEMTEXT_PRE_START, "alt");
	assert_true(gemtext_next(&at, &line));
	expect_line("heading", &line, GEMTEXT_PRE_LINE, "  # no\t");
	assert_true(gemtext_next(&at, &line));
	expect_line("link", &line, GEMTEXT_PRE_LINE, "=> /a \r");
	assert_true(gemtext_next(&at, &line));
	expect_line("empty", &line, GEMTEXT_PRE_LINE, "");
	assert_true(gemtext_next(&at, &line));
	expect_line("end", &line, GEMTEXT_PRE_END, "");
	assert_true(gemtext_next(&at, &line));
	expect_line("after", &line, GEMTEXT_HEADING, "yes");
	assert_int_equal(line.number, 6);
	assert_false(gemtext_next(&at, &line));
}

static void
an_unclosed_block_runs_to_the_end(void **state)
{
	struct gemtext at = { VIEW("```\n# a\n=> b"), false, 0 };
	struct gemtext_line line;

	(void)state;
	assert_true(gemtext_next(&at, &line));
	assert_true(gemtext_next(&at, &line));
	expect_line("first", &line, GEMTEXT_PRE_LINE, "# a");
	assert_true(gemtext_next(&at, &line));
	expect_line("last", &line, GEMTEXT_PRE_LINE, "=> b");
	assert_false(gemtext_next(&at, &line));
}

/* A document cut anywhere has the lines of the whole, and perhaps half one. */
static void
every_prefix_can_be_read(void **state)
{
	struct view whole = VIEW("\xEF\xBB\xBF# T\r\n=> /a b\n* c\n> d\n"
				 "```e\nf\n```\ng");
	struct gemtext_line line;
	size_t n, newlines, i;
	int count;

	(void)state;
	for (n = 0; n <= whole.len; n++) {
		struct view v = exact((struct view){ whole.p, n });
		struct gemtext at = { v, false, 0 };

		for (i = newlines = 0; i < n; i++)
			newlines += v.p[i] == '\n';
		for (count = 0; gemtext_next(&at, &line);)
			assert_int_equal(line.number, ++count);
		assert_in_range(count, newlines, newlines + 1);
		loose(v);
	}
}

static void
a_document_calls_itself_by_its_first_heading(void **state)
{
	(void)state;
	expect_view("first",
	    gemtext_first_heading(
		VIEW("text\n## Second level\n# First level\n")),
	    VIEW("Second level"));
	expect_view("none", gemtext_first_heading(VIEW("text\n")), VIEW(""));
	expect_view("preformatted",
	    gemtext_first_heading(VIEW("```\n# not this\n```\n# this")),
	    VIEW("this"));
	expect_view("empty", gemtext_first_heading(VIEW("")), VIEW(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_calls_itself_by_its_first_heading),
		cmocka_unit_test(a_line_is_what_it_starts_with),
		cmocka_unit_test(the_line_is_left_alone_after_the_last_one),
		cmocka_unit_test(crlf_and_lf_end_a_line),
		cmocka_unit_test(preformatted_lines_keep_every_byte),
		cmocka_unit_test(an_unclosed_block_runs_to_the_end),
		cmocka_unit_test(every_prefix_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
