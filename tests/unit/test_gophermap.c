/* test_gophermap.c - gophermap_next: items, text and the few commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/gophermap.h"
#include "expect.h"

static const struct {
	const char *line;
	enum gophermap_kind kind;
	char type;
	const char *text, *selector, *host;
	int port;
} lines[] = {
	{ "text", GOPHERMAP_INFO, 0, "text", "", "", 0 },
	{ "\n", GOPHERMAP_INFO, 0, "", "", "", 0 },
	{ "  indented  ", GOPHERMAP_INFO, 0, "  indented  ", "", "", 0 },
	{ "1no TAB here", GOPHERMAP_INFO, 0, "1no TAB here", "", "", 0 },
	{ "iinfo\t\terror.host\t1", GOPHERMAP_INFO, 0, "info", "", "", 0 },
	{ "iinfo\t\terror.host\tnot a port", GOPHERMAP_INFO, 0, "info", "", "",
	    0 },
	{ "1Name\t", GOPHERMAP_ITEM, '1', "Name", "", "", 0 },
	{ "1Name\t/sel", GOPHERMAP_ITEM, '1', "Name", "/sel", "", 0 },
	{ "0Name\tsel\thost", GOPHERMAP_ITEM, '0', "Name", "sel", "host", 0 },
	{ "0Name\t/s\texample.org\t70", GOPHERMAP_ITEM, '0', "Name", "/s",
	    "example.org", 70 },
	{ "0Name\t/s\texample.org\t70 ", GOPHERMAP_ITEM, '0', "Name", "/s",
	    "example.org", 70 },
	{ "0Name\t/s\texample.org\t70\t+", GOPHERMAP_ITEM, '0', "Name", "/s",
	    "example.org", 70 },
	{ "0Name\t/s\texample.org\t", GOPHERMAP_ITEM, '0', "Name", "/s",
	    "example.org", 0 },
	{ "0Name\t/s\th\t1", GOPHERMAP_ITEM, '0', "Name", "/s", "h", 1 },
	{ "0Name\t/s\th\t65535", GOPHERMAP_ITEM, '0', "Name", "/s", "h",
	    65535 },
	{ "0Name\t/s\th\t65536", GOPHERMAP_INFO, 0, "Name", "", "", 0 },
	{ "0Name\t/s\th\t0", GOPHERMAP_INFO, 0, "Name", "", "", 0 },
	{ "0Name\t/s\th\t-1", GOPHERMAP_INFO, 0, "Name", "", "", 0 },
	{ "0Name\t/s\th\t7x", GOPHERMAP_INFO, 0, "Name", "", "", 0 },
	{ "hSite\tURL:https://example.org/", GOPHERMAP_ITEM, 'h', "Site",
	    "URL:https://example.org/", "", 0 },
	{ "1\t/s", GOPHERMAP_ITEM, '1', "", "/s", "", 0 },
	{ "\tindented", GOPHERMAP_INFO, 0, "\tindented", "", "", 0 },
	{ " a\tb", GOPHERMAP_INFO, 0, " a\tb", "", "", 0 },
	{ "\u00e9\tb", GOPHERMAP_INFO, 0, "\u00e9\tb", "", "", 0 },
	{ "!Title", GOPHERMAP_TITLE, 0, "Title", "", "", 0 },
	{ "!Ti\ttle", GOPHERMAP_TITLE, 0, "Ti\ttle", "", "", 0 },
	{ "!", GOPHERMAP_TITLE, 0, "", "", "", 0 },
	{ "#comment", GOPHERMAP_COMMENT, 0, "#comment", "", "", 0 },
	{ "#com\tment\th\t70", GOPHERMAP_COMMENT, 0, "#com\tment\th\t70", "",
	    "", 0 },
	{ "*", GOPHERMAP_LISTING, 0, "*", "", "", 0 },
	{ "* ", GOPHERMAP_LISTING, 0, "* ", "", "", 0 },
	{ "* item", GOPHERMAP_INFO, 0, "* item", "", "", 0 },
	{ ".", GOPHERMAP_END, 0, ".", "", "", 0 },
	{ ".\r\n", GOPHERMAP_END, 0, ".", "", "", 0 },
	{ "...", GOPHERMAP_INFO, 0, "...", "", "", 0 },
	{ ".x\t/s", GOPHERMAP_ITEM, '.', "x", "/s", "", 0 },
	{ "\xEF\xBB\xBF!T", GOPHERMAP_TITLE, 0, "T", "", "", 0 },
};

static void
a_line_is_an_item_text_or_a_command(void **state)
{
	struct gophermap_line line;
	const char *name;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(lines); i++) {
		struct view v = exact(view_of(lines[i].line));
		struct gophermap at = { v, 0, false };

		name = lines[i].line;
		assert_true(gophermap_next(&at, &line));
		if (line.kind != lines[i].kind || line.type != lines[i].type ||
		    line.port != lines[i].port)
			fail_msg("%s: kind %d type %d port %d", name, line.kind,
			    line.type, line.port);
		expect_view(name, line.text, view_of(lines[i].text));
		expect_view(name, line.selector, view_of(lines[i].selector));
		expect_view(name, line.host, view_of(lines[i].host));
		assert_int_equal(line.has_selector,
		    lines[i].kind == GOPHERMAP_ITEM);
		assert_int_equal(line.number, 1);
		assert_false(gophermap_next(&at, &line));
		loose(v);
	}
}

static void
no_line_includes_or_runs_anything(void **state)
{
	static const char *const texts[] = { "=other.gophermap", "=script|arg",
		"=script.cgi?query", "<other", "~", "%", "-hidden.txt",
		":txt=0", "?guess" };
	struct gophermap_line line;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(texts); i++) {
		struct gophermap at = { view_of(texts[i]), 0, false };

		assert_true(gophermap_next(&at, &line));
		assert_int_equal(line.kind, GOPHERMAP_INFO);
		expect_view(texts[i], line.text, view_of(texts[i]));
		assert_false(gophermap_next(&at, &line));
	}
}

static void
items_are_kept_whatever_their_type(void **state)
{
	struct gophermap_line line;
	char text[] = "xName\t/sel";

	(void)state;
	for (text[0] = '0'; text[0] <= 'z'; text[0]++) {
		struct gophermap at = { view_of(text), 0, false };

		if (text[0] == 'i')
			continue;
		assert_true(gophermap_next(&at, &line));
		assert_int_equal(line.kind, GOPHERMAP_ITEM);
		assert_int_equal(line.type, text[0]);
		expect_view(text, line.selector, VIEW("/sel"));
	}
}

static void
the_last_line_needs_no_end(void **state)
{
	struct gophermap at = { VIEW("text\n1Name\t/sel"), 0, false };
	struct gophermap_line line;

	(void)state;
	assert_true(gophermap_next(&at, &line));
	assert_true(gophermap_next(&at, &line));
	assert_int_equal(line.kind, GOPHERMAP_ITEM);
	expect_view("last", line.selector, VIEW("/sel"));
	assert_false(gophermap_next(&at, &line));
}

static void
nothing_is_read_after_the_end(void **state)
{
	static const struct {
		const char *map;
		enum gophermap_kind last;
	} maps[] = { { "a\n.\nb\n", GOPHERMAP_END },
		{ "a\r\n*\r\nb\r\n", GOPHERMAP_LISTING } };
	struct gophermap_line line;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(maps); i++) {
		struct gophermap at = { view_of(maps[i].map), 0, false };

		assert_true(gophermap_next(&at, &line));
		expect_view(maps[i].map, line.text, VIEW("a"));
		assert_true(gophermap_next(&at, &line));
		assert_int_equal(line.kind, maps[i].last);
		assert_int_equal(line.number, 2);
		assert_false(gophermap_next(&at, &line));
		assert_false(gophermap_next(&at, &line));
	}
}

static void
every_prefix_can_be_read(void **state)
{
	struct view whole = VIEW("\xEF\xBB\xBF!T\r\ntext\n1A\t/a\th\t70\r\n"
				 "#c\n0B\tb\n*\nno");
	struct gophermap_line line;
	size_t n;
	int count;

	(void)state;
	for (n = 0; n <= whole.len; n++) {
		struct view v = exact((struct view){ whole.p, n });
		struct gophermap at = { v, 0, false };

		for (count = 0; gophermap_next(&at, &line);)
			assert_int_equal(line.number, ++count);
		assert_in_range(count, 0, 6);
		loose(v);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_an_item_text_or_a_command),
		cmocka_unit_test(no_line_includes_or_runs_anything),
		cmocka_unit_test(items_are_kept_whatever_their_type),
		cmocka_unit_test(the_last_line_needs_no_end),
		cmocka_unit_test(nothing_is_read_after_the_end),
		cmocka_unit_test(every_prefix_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
