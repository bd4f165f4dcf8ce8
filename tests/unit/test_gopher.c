/* test_gopher.c - request lines and menu lines against RFC 1436. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include "format/gopher.h"

#define OUT_MAX 4096 /* bytes that any result here may have */

#define NO_QUERY NULL

#define CASE(in, selector, query, plus)                                        \
	{                                                                      \
		VIEW_INIT(in), selector, query, plus                           \
	}

static const struct {
	struct view in;
	const char *selector;
	const char *query; /* NULL: has_query is false */
	char plus;
} good[] = {
	CASE("\r\n", "", NO_QUERY, 0),
	CASE("\n", "", NO_QUERY, 0),
	CASE("/about\r\n", "/about", NO_QUERY, 0),
	CASE("/about\n", "/about", NO_QUERY, 0),
	CASE("/about\r\r\n", "/about\r", NO_QUERY, 0),
	CASE("/a b\r\n", "/a b", NO_QUERY, 0),
	CASE("/caf\xc3\xa9\r\n", "/caf\xc3\xa9", NO_QUERY, 0),
	CASE("/a\r\nmore\0", "/a", NO_QUERY, 0),
	CASE("/s\ttwo words\r\n", "/s", "two words", 0),
	CASE("/s\ttwo words\n", "/s", "two words", 0),
	CASE("/s\t\r\n", "/s", "", 0),
	CASE("\t\r\n", "", "", 0),
	CASE("/s\ta\tb\r\n", "/s", "a\tb", 0),
	CASE("/s\ta\t\r\n", "/s", "a\t", 0),
	CASE("/s\t\ta\r\n", "/s", "\ta", 0),
	/* Gopher+ */
	CASE("\t$\r\n", "", NO_QUERY, '$'),
	CASE("\t+\r\n", "", NO_QUERY, '+'),
	CASE("/a\t+\r\n", "/a", NO_QUERY, '+'),
	CASE("/a\t!\r\n", "/a", NO_QUERY, '!'),
	CASE("/a\t$\n", "/a", NO_QUERY, '$'),
	CASE("/a\t+text/plain\r\n", "/a", NO_QUERY, '+'),
	CASE("/a\t+application/gopher+-menu En_US\r\n", "/a", NO_QUERY, '+'),
	CASE("/a\t!+ABSTRACT\r\n", "/a", NO_QUERY, '!'),
	CASE("/a\t!+Z\r\n", "/a", NO_QUERY, '!'),
	CASE("/a\t$+VIEWS+ABSTRACT\r\n", "/a", NO_QUERY, '$'),
	CASE("/a\t+\t1\r\n", "/a", NO_QUERY, '+'),
	CASE("/s\twords\t+\r\n", "/s", "words", '+'),
	CASE("/s\ttwo words\t$\r\n", "/s", "two words", '$'),
	CASE("/s\twords\t!\r\n", "/s", "words", '!'),
	CASE("/s\ta\tb\t+\r\n", "/s", "a\tb", '+'),
	CASE("/s\t\t+\r\n", "/s", "", '+'),
	/* not Gopher+, but looking like it */
	CASE("/s\t+foo\r\n", "/s", "+foo", 0),
	CASE("/s\t++\r\n", "/s", "++", 0),
	CASE("/s\t+ \r\n", "/s", "+ ", 0),
	CASE("/s\t!bang\r\n", "/s", "!bang", 0),
	CASE("/s\t$5\r\n", "/s", "$5", 0),
	CASE("/s\t$+\r\n", "/s", "$+", 0),
	CASE("/s\t!+a\r\n", "/s", "!+a", 0),
	CASE("/s\tc+\r\n", "/s", "c+", 0),
	CASE("/s\ta/b\r\n", "/s", "a/b", 0),
	CASE("/s+\r\n", "/s+", NO_QUERY, 0),
	/* other protocols' ways to ask */
	CASE("URL:https://example.org/\r\n", "URL:https://example.org/",
	    NO_QUERY, 0),
	CASE("GET / HTTP/1.1\r\nHost: example.org\r\n", "GET / HTTP/1.1",
	    NO_QUERY, 0),
};

static void
takes_a_request_apart(void **state)
{
	struct gopher_request req;
	struct view in;
	const char *name;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		name = good[i].in.p;
		in = exact(good[i].in);
		if (gopher_request_parse(in, &req) != GOPHER_OK)
			fail_msg("\"%s\" was refused", name);
		expect_view(name, req.selector, view_of(good[i].selector));
		expect_view(name, req.query, view_of(good[i].query));
		if (req.has_query != (good[i].query != NULL) ||
		    req.plus != good[i].plus)
			fail_msg("\"%s\": query or mark is wrong", name);
		loose(in);
	}
}

/* Whatever the network's packet sizes, the answer is the same. */
static void
every_prefix_wants_more(void **state)
{
	struct gopher_request req;
	struct view line, part;
	size_t i, n;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		line = good[i].in;
		line.len =
		    (size_t)((const char *)memchr(line.p, '\n', line.len) -
			line.p);
		for (n = 0; n <= line.len; n++) {
			part = exact((struct view){ line.p, n });
			assert_int_equal(gopher_request_parse(part, &req),
			    GOPHER_MORE);
			loose(part);
		}
		line.len++;
		assert_int_equal(gopher_request_parse(line, &req), GOPHER_OK);
	}
}

static void
a_nul_is_refused_as_soon_as_it_comes(void **state)
{
	struct gopher_request req = { .selector = VIEW_INIT("kept") };

	(void)state;
	assert_int_equal(gopher_request_parse(VIEW("/a\0b\r\n"), &req),
	    GOPHER_BAD);
	assert_int_equal(gopher_request_parse(VIEW("/a\tb\0\r\n"), &req),
	    GOPHER_BAD);
	/* a TLS record, whose length has a NUL */
	assert_int_equal(gopher_request_parse(VIEW("\x16\x03\x01\0"), &req),
	    GOPHER_BAD);
	expect_view("untouched", req.selector, VIEW("kept"));
}

/* n times "x" after start, then end. */
static enum gopher_parse
parse_long(const char *start, size_t n, const char *end)
{
	struct gopher_request req;
	struct view in;
	struct buf b;
	enum gopher_parse r;

	buf_init(&b, OUT_MAX);
	buf_puts(&b, start);
	buf_fill(&b, 'x', n - strlen(start));
	buf_puts(&b, end);
	in = exact(buf_view(&b));
	r = gopher_request_parse(in, &req);
	loose(in);
	buf_fini(&b);
	return r;
}

static void
a_selector_has_at_most_255_bytes(void **state)
{
	const size_t max = GOPHER_SELECTOR_MAX;

	(void)state;
	assert_int_equal(max, 255);
	assert_int_equal(parse_long("/", max, "\r\n"), GOPHER_OK);
	assert_int_equal(parse_long("/", max, "\n"), GOPHER_OK);
	assert_int_equal(parse_long("/", max, "\t+\r\n"), GOPHER_OK);
	assert_int_equal(parse_long("/", max + 1, "\r\n"), GOPHER_BAD);
	assert_int_equal(parse_long("/", max + 1, "\n"), GOPHER_BAD);
	assert_int_equal(parse_long("/", max + 1, "\twords\r\n"), GOPHER_BAD);
	assert_int_equal(parse_long("URL:", max + 1, "\r\n"), GOPHER_OK);
	assert_int_equal(parse_long("/URL:", max + 1, "\r\n"), GOPHER_OK);
	assert_int_equal(parse_long("GET ", max + 1, "\r\n"), GOPHER_OK);
	assert_int_equal(parse_long("/GET ", max + 1, "\r\n"), GOPHER_BAD);
	assert_int_equal(parse_long("url:", max + 1, "\r\n"), GOPHER_BAD);
	/* only the selector is so short */
	assert_int_equal(parse_long("/s\t", max + 10, "\r\n"), GOPHER_OK);
}

static void
a_request_has_at_most_1024_bytes(void **state)
{
	const size_t max = GOPHER_REQUEST_MAX;

	(void)state;
	assert_int_equal(max, 1024);
	assert_int_equal(parse_long("GET ", max - 2, "\r\n"), GOPHER_OK);
	assert_int_equal(parse_long("GET ", max - 1, "\r\n"), GOPHER_BAD);
	assert_int_equal(parse_long("/s\t", max - 1, "\n"), GOPHER_OK);
	assert_int_equal(parse_long("/s\t", max, "\n"), GOPHER_BAD);
	assert_int_equal(parse_long("/", max - 1, ""), GOPHER_MORE);
	assert_int_equal(parse_long("/", max, ""), GOPHER_BAD);
}

static void
the_log_gets_the_line_without_its_end(void **state)
{
	static const char *const lines[][2] = {
		{ "", "" },
		{ "\r\n", "" },
		{ "\n", "" },
		{ "/a\tb\r\n", "/a\tb" },
		{ "/a\nmore", "/a" },
		{ "/a\r\r\n", "/a\r" },
		{ "/half", "/half" },
		{ "/half\r", "/half\r" },
	};
	struct view in;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(lines); i++) {
		in = exact(view_of(lines[i][0]));
		expect_view(lines[i][0], gopher_request_line(in),
		    view_of(lines[i][1]));
		loose(in);
	}
	expect_view("NUL", gopher_request_line(VIEW("a\0b\n")), VIEW("a\0b"));
}

/* -- menu lines -- */

static void
an_item_has_four_fields(void **state)
{
	struct gopher_item item = { '0', VIEW_INIT("A file"), VIEW_INIT("/a b"),
		VIEW_INIT("example.org"), 70 };
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	gopher_item_write(&out, &item);
	expect_written("file", &out, "0A file\t/a b\texample.org\t70\r\n");
	item = (struct gopher_item){ 'h', VIEW_INIT(""),
		VIEW_INIT("URL:gemini://example.org/"), VIEW_INIT("h"), 65535 };
	gopher_item_write(&out, &item);
	expect_written("URL", &out,
	    "h\tURL:gemini://example.org/\th\t65535\r\n");
	item = (struct gopher_item){ '1', VIEW_INIT("Root"), VIEW_INIT(""),
		VIEW_INIT("h"), 7070 };
	gopher_item_write(&out, &item);
	expect_written("root", &out, "1Root\t\th\t7070\r\n");
	buf_fini(&out);
}

static void
nothing_in_a_name_breaks_the_line(void **state)
{
	struct gopher_item item = { '1', VIEW_INIT("a\tb\r\nc\0d"),
		VIEW_INIT("/"), VIEW_INIT("h"), 70 };
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	gopher_item_write(&out, &item);
	expect_written("item", &out, "1a b  c d\t/\th\t70\r\n");
	gopher_info_write(&out, VIEW("a\tb\r\nc\0d"));
	expect_written("info", &out, "ia b  c d\t\t\t0\r\n");
	gopher_error_write(&out, VIEW("a\tb\r\nc\0d"));
	expect_written("error", &out, "3a b  c d\t\terror.host\t1\r\n");
	buf_fini(&out);
}

static void
an_item_that_leads_astray_becomes_text(void **state)
{
	static const struct view broken[] = { VIEW_INIT("/a\tb"),
		VIEW_INIT("/a\rb"), VIEW_INIT("/a\nb"), VIEW_INIT("/a\0b") };
	struct gopher_item item;
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(broken); i++) {
		item = (struct gopher_item){ '0', VIEW_INIT("name"), broken[i],
			VIEW_INIT("h"), 70 };
		gopher_item_write(&out, &item);
		expect_written("selector", &out, "iname\t\t\t0\r\n");
		item = (struct gopher_item){ '0', VIEW_INIT("name"),
			VIEW_INIT("/"), broken[i], 70 };
		gopher_item_write(&out, &item);
		expect_written("host", &out, "iname\t\t\t0\r\n");
	}
	item = (struct gopher_item){ 'i', VIEW_INIT("name"), VIEW_INIT("/x"),
		VIEW_INIT("h"), 70 };
	gopher_item_write(&out, &item);
	expect_written("info item", &out, "iname\t\t\t0\r\n");
	item.type = '\n';
	gopher_item_write(&out, &item);
	expect_written("no type", &out, "iname\t\t\t0\r\n");
	buf_fini(&out);
}

static void
text_and_errors_are_lines_of_four_fields(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	gopher_info_write(&out, VIEW("Some text"));
	expect_written("info", &out, "iSome text\t\t\t0\r\n");
	gopher_info_write(&out, VIEW(""));
	expect_written("empty", &out, "i\t\t\t0\r\n");
	gopher_info_write(&out, VIEW("."));
	expect_written("no end of the menu", &out, "i.\t\t\t0\r\n");
	gopher_error_write(&out, VIEW("Not found"));
	expect_written("error", &out, "3Not found\t\terror.host\t1\r\n");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_request_apart),
		cmocka_unit_test(every_prefix_wants_more),
		cmocka_unit_test(a_nul_is_refused_as_soon_as_it_comes),
		cmocka_unit_test(a_selector_has_at_most_255_bytes),
		cmocka_unit_test(a_request_has_at_most_1024_bytes),
		cmocka_unit_test(the_log_gets_the_line_without_its_end),
		cmocka_unit_test(an_item_has_four_fields),
		cmocka_unit_test(nothing_in_a_name_breaks_the_line),
		cmocka_unit_test(an_item_that_leads_astray_becomes_text),
		cmocka_unit_test(text_and_errors_are_lines_of_four_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
