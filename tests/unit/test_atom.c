/*
 * test_atom.c - dated links are entries, nothing else is, and what is written
 * is Atom.  Run from the top of the tree; GOLDEN=write writes what is wanted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include "format/atom.h"
#include "golden.h"

#define OUT_MAX ((size_t)4 << 20) /* bytes of any result here */

static const struct atom about = {
	.host = VIEW_INIT("capsule.example.org"),
	.selector = VIEW_INIT("/news.xml"),
	.page = VIEW_INIT("/blog/news"),
	.language = VIEW_INIT("en"),
	.author = VIEW_INIT("The institute & <friends>"),
	.mail = VIEW_INIT("webmaster@example.org"),
};

static void
a_page_becomes_the_expected_feed(void **state)
{
	struct buf source, out;

	(void)state;
	buf_init(&source, OUT_MAX);
	buf_init(&out, OUT_MAX);
	golden_read("news.gmi", &source);
	assert_int_equal(atom_write(&out, &about, buf_view(&source)), 10);
	golden_settle("news.gmi.atom.want", &out);
	assert_int_equal(atom_gemtext(&out, &about, buf_view(&source)), 10);
	golden_settle("news.gmi.entries.want", &out);
	buf_fini(&source);
	buf_fini(&out);
}

static void
holds(const struct buf *b, const char *what, bool wanted)
{
	struct buf copy;

	buf_init(&copy, OUT_MAX);
	buf_put(&copy, buf_view(b));
	buf_putc(&copy, '\0');
	if ((strstr(copy.p, what) != NULL) != wanted)
		fail_msg("%s \"%s\": %s", wanted ? "no" : "there is", what,
		    copy.p);
	buf_fini(&copy);
}

/* What the configuration left out, RFC 4287 still asks for. */
static void
a_feed_needs_no_more_than_a_host(void **state)
{
	struct atom least = { .host = VIEW("example.org"),
		.selector = VIEW("/f"),
		.mail = VIEW("not a mail @ddress"),
		.language = VIEW("en,fr") };
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	assert_int_equal(atom_write(&out, &least, VIEW("=> x 2026-01-31\n")),
	    1);
	holds(&out, "<id>gemini://example.org/f</id>", true);
	holds(&out, "<title>example.org</title>", true);
	holds(&out, "<name>example.org</name>", true);
	holds(&out, "<email>", false);
	holds(&out, "xml:lang", false);
	holds(&out, "rel=\"alternate\" type", false);
	holds(&out, "<id>gemini://example.org/x</id>\n<title>x</title>", true);
	buf_fini(&out);
}

static void
a_page_without_dates_is_no_feed(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	assert_int_equal(atom_write(&out, &about, VIEW("")), 0);
	assert_int_equal(atom_write(&out, &about,
			     VIEW("# T\n=> /x 2026-02-30 No\n")),
	    0);
	assert_int_equal(atom_gemtext(&out, &about, VIEW("# T\n=> /x Words\n")),
	    0);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static void
dates_are_those_of_the_calendar(void **state)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	struct buf line, out;
	int year, month, day, last;

	(void)state;
	buf_init(&line, OUT_MAX);
	buf_init(&out, OUT_MAX);
	for (year = 1999; year <= 2004; year++)
		for (month = 0; month <= 13; month++)
			for (day = 0; day <= 32; day++) {
				last = month < 1 || month > 12
				    ? 0
				    : days[month - 1] +
					(month == 2 && year % 4 == 0);
				buf_reset(&line);
				buf_reset(&out);
				buf_printf(&line, "=> /x %04d-%02d-%02d T\n",
				    year, month, day);
				assert_int_equal(atom_write(&out, &about,
						     buf_view(&line)),
				    day >= 1 && day <= last);
			}
	buf_fini(&line);
	buf_fini(&out);
}

static void
the_oldest_entries_above_the_limit_are_left_out(void **state)
{
	struct buf page, out;
	int i;

	(void)state;
	buf_init(&page, OUT_MAX);
	buf_init(&out, OUT_MAX);
	for (i = 0; i < ATOM_ENTRIES_MAX; i++)
		buf_printf(&page, "=> /%d %04d-01-01 T\n", i, 1000 + i);
	assert_int_equal(atom_write(&out, &about, buf_view(&page)),
	    ATOM_ENTRIES_MAX);
	holds(&out, "<updated>1000-01-01T", true);
	buf_puts(&page, "=> /new 2100-01-01 T\n");
	buf_reset(&out);
	assert_int_equal(atom_write(&out, &about, buf_view(&page)),
	    ATOM_ENTRIES_MAX);
	holds(&out, "<updated>1000-01-01T", false);
	holds(&out, "<updated>2100-01-01T", true);
	buf_fini(&page);
	buf_fini(&out);
}

/* XML 1.0 has neither controls nor U+FFFE and U+FFFF, nor malformed bytes. */
static void
no_byte_of_a_label_breaks_the_xml(void **state)
{
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	assert_int_equal(
	    atom_write(&out, &about,
		VIEW("=> /x 2026-01-31 a\001\033\177\302\205\357\277\276"
		     "\357\277\277\xff]]>&#0;\n")),
	    1);
	holds(&out, "\357\277\276", false);
	holds(&out, "\357\277\277", false);
	holds(&out, "]]&gt;&amp;#0;", true);
	for (i = 0; i < out.len; i++)
		assert_true((uint8_t)out.p[i] >= ' ' || out.p[i] == '\n');
	buf_fini(&out);
}

static void
every_prefix_of_a_page_is_read(void **state)
{
	struct buf source, out;
	size_t n;

	(void)state;
	buf_init(&source, OUT_MAX);
	buf_init(&out, OUT_MAX);
	golden_read("news.gmi", &source);
	for (n = 0; n <= source.len; n++) {
		struct view v = exact((struct view){ source.p, n });

		buf_reset(&out);
		(void)atom_write(&out, &about, v);
		(void)atom_gemtext(&out, &about, v);
		assert_false(out.failed);
		loose(v);
	}
	buf_fini(&source);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_becomes_the_expected_feed),
		cmocka_unit_test(a_feed_needs_no_more_than_a_host),
		cmocka_unit_test(a_page_without_dates_is_no_feed),
		cmocka_unit_test(dates_are_those_of_the_calendar),
		cmocka_unit_test(
		    the_oldest_entries_above_the_limit_are_left_out),
		cmocka_unit_test(no_byte_of_a_label_breaks_the_xml),
		cmocka_unit_test(every_prefix_of_a_page_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
