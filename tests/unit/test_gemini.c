/* test_gemini.c - requests and response headers against 0.24.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include "format/gemini.h"
#include "format/utf8.h"

#define OUT_MAX 4096 /* bytes that any result here may have */

static const struct {
	const char *uri;
	const char *scheme, *host, *port, *path, *query;
} good[] = {
	{ "gemini://h", "gemini", "h", "", "", "" },
	{ "gemini://h/", "gemini", "h", "", "/", "" },
	{ "gemini://h?q", "gemini", "h", "", "", "q" },
	{ "GEMINI://EXAMPLE.ORG/", "GEMINI", "EXAMPLE.ORG", "", "/", "" },
	{ "gemini://example.org:1965/a%20b?x=y", "gemini", "example.org",
	    "1965", "/a%20b", "x=y" },
	{ "gemini://example.org./", "gemini", "example.org.", "", "/", "" },
	{ "gemini://h:/", "gemini", "h", "", "/", "" },
	{ "gemini://[::1]:1965/", "gemini", "[::1]", "1965", "/", "" },
	{ "gemini://h//a//", "gemini", "h", "", "//a//", "" },
	{ "gemini://h/../../", "gemini", "h", "", "/../../", "" },
	{ "gemini://h/?a?b", "gemini", "h", "", "/", "a?b" },
	/* whether these are served is not the parser's to say */
	{ "http://h/", "http", "h", "", "/", "" },
	{ "gopher://h/1/", "gopher", "h", "", "/1/", "" },
	{ "titan://h/a;size=1", "titan", "h", "", "/a;size=1", "" },
};

/* uri with CRLF and what follows it, on the heap. */
static struct view
sent(const char *uri, const char *end)
{
	struct view in;
	struct buf b;

	buf_init(&b, OUT_MAX);
	buf_puts(&b, uri);
	buf_puts(&b, end);
	in = exact(buf_view(&b));
	buf_fini(&b);
	return in;
}

static void
takes_a_request_apart(void **state)
{
	struct gemini_request req;
	struct view in;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		const char *name = good[i].uri;

		in = sent(name, "\r\nbytes beyond\0");
		if (gemini_request_parse(in, &req) != GEMINI_OK)
			fail_msg("\"%s\" was refused", name);
		expect_view(name, req.line, view_of(name));
		expect_view(name, req.uri.scheme, view_of(good[i].scheme));
		expect_view(name, req.uri.host, view_of(good[i].host));
		expect_view(name, req.uri.port, view_of(good[i].port));
		expect_view(name, req.uri.path, view_of(good[i].path));
		expect_view(name, req.uri.query, view_of(good[i].query));
		loose(in);
	}
}

static void
every_prefix_wants_more(void **state)
{
	struct gemini_request req;
	struct view in, part;
	size_t i, n;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		in = sent(good[i].uri, "\r\n");
		for (n = 0; n < in.len; n++) {
			part = exact((struct view){ in.p, n });
			assert_int_equal(gemini_request_parse(part, &req),
			    GEMINI_MORE);
			loose(part);
		}
		assert_int_equal(gemini_request_parse(in, &req), GEMINI_OK);
		loose(in);
	}
}

static const char *const bad[] = {
	"",
	"/",
	"//h/",
	"h/",
	"Hello Gemini!",
	"gemini:",
	"gemini:/x",
	"gemini:///x",
	"gemini://:1965/",
	"gemini://u@h/",
	"gemini://u:p@h/",
	"gemini://@h/",
	"gemini://h/#",
	"gemini://h/#f",
	"gemini://h#f",
	"gemini://h/?q#f",
	"\xef\xbb\xbfgemini://h/",
	" gemini://h/",
	"gemini://h/ ",
	"gemini://h/a b",
	"gemini://h/a\tb",
	"gemini://h/a\nb",
	"gemini://h/a\rb",
	"gemini://h/\r",
	"gemini://h/\x1b",
	"gemini://h/\x7f",
	"gemini://h/\xdc",
	"gemini://h/\xc3\xa9",
	"gemini://\xc3\xa9/",
	"gemini://h/%zz",
	"gemini://h/%",
	"gemini://h/%4",
	"gemini://h:65536/",
	"gemini://h:x/",
	"gemini://[::1/",
};

static void
refuses_what_is_no_request(void **state)
{
	struct gemini_request req = { .line = VIEW_INIT("kept") };
	struct view in;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		in = sent(bad[i], "\r\n");
		if (gemini_request_parse(in, &req) != GEMINI_BAD)
			fail_msg("\"%s\" was taken", bad[i]);
		expect_view("untouched", req.line, VIEW("kept"));
		loose(in);
	}
	assert_int_equal(gemini_request_parse(VIEW("gemini://h/\0\r\n"), &req),
	    GEMINI_BAD);
	assert_int_equal(gemini_request_parse(VIEW("gemini://h\0/\r\n"), &req),
	    GEMINI_BAD);
}

static void
a_bare_line_end_ends_nothing(void **state)
{
	struct gemini_request req;

	(void)state;
	assert_int_equal(gemini_request_parse(VIEW("gemini://h/\n"), &req),
	    GEMINI_MORE);
	assert_int_equal(gemini_request_parse(VIEW("gemini://h/\r"), &req),
	    GEMINI_MORE);
	assert_int_equal(gemini_request_parse(VIEW("gemini://h/\n\r"), &req),
	    GEMINI_MORE);
	assert_int_equal(gemini_request_parse(VIEW("\n\n\n"), &req),
	    GEMINI_MORE);
}

/* A URI of n bytes and then end. */
static enum gemini_parse
parse_long(size_t n, const char *end)
{
	struct gemini_request req;
	struct view in;
	struct buf b;
	enum gemini_parse r;

	buf_init(&b, OUT_MAX);
	buf_puts(&b, "gemini://h/");
	buf_fill(&b, 'x', n - b.len);
	buf_puts(&b, end);
	in = exact(buf_view(&b));
	r = gemini_request_parse(in, &req);
	if (r == GEMINI_OK)
		assert_int_equal(req.line.len, n);
	loose(in);
	buf_fini(&b);
	return r;
}

static void
a_uri_has_at_most_1024_bytes(void **state)
{
	const size_t max = GEMINI_URI_MAX;

	(void)state;
	assert_int_equal(max, 1024);
	assert_int_equal(parse_long(max, "\r\n"), GEMINI_OK);
	assert_int_equal(parse_long(max, "\r\nbeyond"), GEMINI_OK);
	assert_int_equal(parse_long(max + 1, "\r\n"), GEMINI_BAD);
	assert_int_equal(parse_long(max + 1, "\r\nbeyond"), GEMINI_BAD);
	assert_int_equal(parse_long(max, ""), GEMINI_MORE);
	assert_int_equal(parse_long(max, "\r"), GEMINI_MORE);
	assert_int_equal(parse_long(max, "\n"), GEMINI_BAD);
	assert_int_equal(parse_long(max, "\rx"), GEMINI_BAD);
	assert_int_equal(parse_long(max + 1, ""), GEMINI_BAD);
	assert_int_equal(parse_long(max + 1, "\r"), GEMINI_BAD);
	assert_int_equal(parse_long(3 * max, ""), GEMINI_BAD);
}

static void
the_log_gets_the_line_without_its_end(void **state)
{
	(void)state;
	expect_view("whole", gemini_request_line(VIEW("gemini://h/\r\nx")),
	    VIEW("gemini://h/"));
	expect_view("bare LF", gemini_request_line(VIEW("a\nb\r\n")),
	    VIEW("a\nb"));
	expect_view("empty line", gemini_request_line(VIEW("\r\n")), VIEW(""));
	expect_view("half", gemini_request_line(VIEW("gemini://h\r")),
	    VIEW("gemini://h\r"));
	expect_view("nothing", gemini_request_line(VIEW("")), VIEW(""));
}

/* -- the response -- */

/* The whole of the specification's table. */
static const int defined[] = { 10, 11, 20, 30, 31, 40, 41, 42, 43, 44, 50, 51,
	52, 53, 59, 60, 61, 62 };

static void
exactly_the_specified_statuses_are_defined(void **state)
{
	int status;
	size_t i = 0;

	(void)state;
	for (status = -1; status < 1000; status++) {
		bool want = i < N_OF(defined) && defined[i] == status;

		if (gemini_status_is_defined(status) != want)
			fail_msg("%d", status);
		assert_true((gemini_status_text(status)[0] != '\0') == want);
		i += want;
	}
	assert_int_equal(i, N_OF(defined));
}

static const struct {
	int status;
	struct view meta;
	const char *want;
} headers[] = {
	{ 20, VIEW_INIT("text/gemini; lang=en"), "20 text/gemini; lang=en" },
	{ 10, VIEW_INIT("Search for"), "10 Search for" },
	{ 31, VIEW_INIT("/history"), "31 /history" },
	{ 51, VIEW_INIT("Not found"), "51 Not found" },
	{ 44, VIEW_INIT("30"), "44 30" },
	/* never without words */
	{ 51, VIEW_INIT(""), "51 Not found" },
	{ 59, VIEW_INIT("  "), "59 Bad request" },
	{ 59, VIEW_INIT("\r\n\t\x01"), "59 Bad request" },
	{ 20, VIEW_INIT(""), "20 text/gemini" },
	/* one line, one blank, whatever meta holds */
	{ 51, VIEW_INIT("a\r\nb"), "51 a  b" },
	{ 51,
	    VIEW_INIT("a\tb\0c\x1b"
		      "d\x7f"
		      "e"),
	    "51 a b c d e" },
	{ 51, VIEW_INIT(" a "), "51 a" },
	{ 51, VIEW_INIT("\ta\n"), "51 a" },
	/* C1 controls, as UTF-8 has them; U+00A0 is none */
	{ 51,
	    VIEW_INIT("a\xc2\x80"
		      "b\xc2\x9f"
		      "c"),
	    "51 a b c" },
	{ 51,
	    VIEW_INIT("a\xc2\xa0"
		      "b"),
	    "51 a\xc2\xa0"
	    "b" },
	{ 51, VIEW_INIT("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xbf"),
	    "51 caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xbf" },
	/* the first and last lead byte of each length */
	{ 51, VIEW_INIT("\xdf\xbf \xe0\xa4\x85 \xef\xbf\xbd \xf4\x8f\xbf\xbd"),
	    "51 \xdf\xbf \xe0\xa4\x85 \xef\xbf\xbd \xf4\x8f\xbf\xbd" },
	/* what is no UTF-8 */
	{ 51,
	    VIEW_INIT("a\xff"
		      "b"),
	    "51 a?b" },
	{ 51, VIEW_INIT("a\xc3"), "51 a?" },
	{ 51, VIEW_INIT("\xe2\x82"), "51 ??" },
	{ 51,
	    VIEW_INIT("\xc3"
		      "a"),
	    "51 ?a" },
	{ 51, VIEW_INIT("\xc0\xaf"), "51 ??" },
	{ 51, VIEW_INIT("\xed\xa0\x80"), "51 ???" },
	{ 51, VIEW_INIT("\xf5\x80\x80\x80"), "51 ????" },
	{ 51, VIEW_INIT("\x80"), "51 ?" },
};

static void
a_header_is_one_clean_line(void **state)
{
	struct buf out, want;
	struct view meta;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	buf_init(&want, OUT_MAX);
	for (i = 0; i < N_OF(headers); i++) {
		meta = exact(headers[i].meta);
		gemini_header(&out, headers[i].status, meta);
		buf_printf(&want, "%s\r\n", headers[i].want);
		expect_view(headers[i].want, buf_view(&out), buf_view(&want));
		buf_reset(&out);
		buf_reset(&want);
		loose(meta);
	}
	buf_fini(&out);
	buf_fini(&want);
}

/* meta of n bytes ASCII and then c: the length of meta that is sent. */
static size_t
sent_of(size_t n, const char *c)
{
	struct buf meta, out;
	size_t len;

	buf_init(&meta, OUT_MAX);
	buf_init(&out, OUT_MAX);
	buf_fill(&meta, 'x', n);
	buf_puts(&meta, c);
	gemini_header(&out, GEMINI_NOT_FOUND, buf_view(&meta));
	assert_true(view_has_suffix(buf_view(&out), VIEW("\r\n")));
	assert_true(utf8_is_valid(buf_view(&out)));
	len = out.len - strlen("51 \r\n");
	buf_fini(&meta);
	buf_fini(&out);
	return len;
}

static void
meta_is_cut_at_1024_bytes_between_characters(void **state)
{
	const size_t max = GEMINI_META_MAX;

	(void)state;
	assert_int_equal(max, 1024);
	assert_int_equal(sent_of(max, ""), max);
	assert_int_equal(sent_of(max, "y"), max);
	assert_int_equal(sent_of(max - 1, "y"), max);
	assert_int_equal(sent_of(max - 1, "\xc3\xa9"), max - 1);
	assert_int_equal(sent_of(max - 2, "\xc3\xa9"), max);
	assert_int_equal(sent_of(max - 2, "\xe2\x82\xac"), max - 2);
	assert_int_equal(sent_of(max - 3, "\xf0\x9f\x90\xbf"), max - 3);
	assert_int_equal(sent_of(max - 4, "\xf0\x9f\x90\xbf"), max);
	/* no blank is left where it was cut */
	assert_int_equal(sent_of(max - 2, "  y"), max - 2);
}

static void
every_status_makes_a_header_by_itself(void **state)
{
	char want[64];
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(defined); i++) {
		gemini_header(&out, defined[i], VIEW(""));
		snprintf(want, sizeof(want), "%d %s\r\n", defined[i],
		    gemini_status_text(defined[i]));
		expect_written("header", &out, want);
	}
	buf_fini(&out);
}

static void
a_header_respects_the_cap(void **state)
{
	struct buf out;
	size_t max;

	(void)state;
	for (max = 0; max < 20; max++) {
		buf_init(&out, max);
		gemini_header(&out, GEMINI_GONE, VIEW("a \xc3\xa9"));
		assert_true(out.len <= max);
		if (max < strlen("52 a \xc3\xa9\r\n"))
			assert_true(out.failed);
		else
			assert_false(out.failed);
		buf_fini(&out);
	}
}

static const struct {
	struct view line;
	int status; /* 0: refused */
	const char *meta;
} responses[] = {
	{ VIEW_INIT("20 text/gemini"), 20, "text/gemini" },
	{ VIEW_INIT("10 caf\303\251?"), 10, "caf\303\251?" },
	{ VIEW_INIT("31 ../x"), 31, "../x" },
	{ VIEW_INIT("51"), 51, "" },
	{ VIEW_INIT("51 "), 51, "" },
	{ VIEW_INIT("62 no more"), 62, "no more" },
	{ VIEW_INIT(""), 0, "" },
	{ VIEW_INIT("2"), 0, "" },
	{ VIEW_INIT("20"), 0, "" },
	{ VIEW_INIT("20 "), 0, "" },
	{ VIEW_INIT("10"), 0, "" },
	{ VIEW_INIT("20text/gemini"), 0, "" },
	{ VIEW_INIT("20\ttext/gemini"), 0, "" },
	{ VIEW_INIT("20  text/gemini"), 0, "" },
	{ VIEW_INIT("20 text/gemini "), 0, "" },
	{ VIEW_INIT("200 OK"), 0, "" },
	{ VIEW_INIT("21 text/gemini"), 0, "" },
	{ VIEW_INIT("00 x"), 0, "" },
	{ VIEW_INIT("70 x"), 0, "" },
	{ VIEW_INIT("+1 x"), 0, "" },
	{ VIEW_INIT(" 20 x"), 0, "" },
	{ VIEW_INIT("20 a\0b"), 0, "" },
	{ VIEW_INIT("20 a\033b"), 0, "" },
	{ VIEW_INIT("20 a\302\200b"), 0, "" },
	{ VIEW_INIT("20 a\377b"), 0, "" },
	{ VIEW_INIT("20 a\303"), 0, "" },
};

static void
only_a_header_that_may_be_sent_is_read(void **state)
{
	char room[3 + GEMINI_META_MAX + 1] = "20 ";
	struct view meta;
	int status, r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
		status = 0;
		meta = VIEW("");
		r = gemini_response_parse(responses[i].line, &status, &meta);
		if ((r == 0) != (responses[i].status != 0) ||
		    status != responses[i].status ||
		    !view_eq(meta, view_of(responses[i].meta)))
			fail_msg("%.*s: %d", VIEW_ARG(responses[i].line),
			    status);
	}
	memset(room + 3, 'x', GEMINI_META_MAX + 1);
	assert_int_equal(0,
	    gemini_response_parse((struct view){ room, sizeof(room) - 1 },
		&status, &meta));
	assert_int_equal(GEMINI_META_MAX, meta.len);
	assert_int_equal(-1,
	    gemini_response_parse((struct view){ room, sizeof(room) }, &status,
		&meta));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_request_apart),
		cmocka_unit_test(every_prefix_wants_more),
		cmocka_unit_test(refuses_what_is_no_request),
		cmocka_unit_test(a_bare_line_end_ends_nothing),
		cmocka_unit_test(a_uri_has_at_most_1024_bytes),
		cmocka_unit_test(the_log_gets_the_line_without_its_end),
		cmocka_unit_test(exactly_the_specified_statuses_are_defined),
		cmocka_unit_test(a_header_is_one_clean_line),
		cmocka_unit_test(meta_is_cut_at_1024_bytes_between_characters),
		cmocka_unit_test(every_status_makes_a_header_by_itself),
		cmocka_unit_test(only_a_header_that_may_be_sent_is_read),
		cmocka_unit_test(a_header_respects_the_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
