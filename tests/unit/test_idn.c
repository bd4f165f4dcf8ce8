/*
 * test_idn.c - host names in other letters become what DNS knows, or nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "expect.h"
#include "format/idn.h"

static const struct {
	const char *name;
	const char *want; /* NULL: refused */
} names[] = {
	{ "b\xc3\xbc"
	  "cher.example",
	    "xn--bcher-kva.example" },
	{ "B\xc3\x9c"
	  "CHER.Example",
	    "xn--bcher-kva.example" },
	/* u and a combining diaeresis. */
	{ "bu\xcc\x88"
	  "cher.example",
	    "xn--bcher-kva.example" },
	/* Sharp s is a letter of its own since 2008. */
	{ "stra\xc3\x9f"
	  "e.example",
	    "xn--strae-oqa.example" },
	{ "\xe6\x97\xa5\xe6\x9c\xac.example", "xn--wgv71a.example" },
	/* An ideographic full stop is a dot. */
	{ "\xe6\x97\xa5\xe3\x80\x82"
	  "example",
	    "xn--wgv.example" },
	{ "www.b\xc3\xbc"
	  "cher.example",
	    "www.xn--bcher-kva.example" },
	/* A wide slash, colon and percent would be mapped to URL's own. */
	{ "a\xef\xbc\x8f"
	  "b.example",
	    NULL },
	{ "a\xef\xbc\x9a"
	  "b.example",
	    NULL },
	{ "a\xef\xbc\x85"
	  "b.example",
	    NULL },
	{ "b\xfc"
	  "cher.example",
	    NULL },
	{ "\xc3", NULL },
	/* No width at all; and a label that runs both ways. */
	{ "\xe2\x80\x8b", NULL },
	{ "\xd7\x90"
	  "a.example",
	    NULL },
	{ "-b\xc3\xbc.example", NULL },
};

static void
names_become_a_labels_or_are_refused(void **state)
{
	struct view name;
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, 4096);
	for (i = 0; i < N_OF(names); i++) {
		name = exact(view_of(names[i].name));
		assert_true(idn_is_needed(name));
		buf_puts(&out, "//");
		if ((idn_to_ascii(&out, name) == 0) != (names[i].want != NULL))
			fail_msg("\"%s\": wrong result, %.*s", names[i].name,
			    VIEW_ARG(buf_view(&out)));
		expect_view(names[i].name, view_skip(buf_view(&out), 2),
		    view_of(names[i].want));
		buf_reset(&out);
		loose(name);
	}
	buf_fini(&out);
}

static void
every_beginning_is_read_within_its_bytes(void **state)
{
	struct view whole = view_of(names[0].name), part;
	struct buf out;
	size_t n;

	(void)state;
	buf_init(&out, 4096);
	for (n = 0; n <= whole.len; n++) {
		part = exact((struct view){ whole.p, n });
		buf_reset(&out);
		/* Half a letter is none. */
		if (n == 2)
			assert_int_equal(-1, idn_to_ascii(&out, part));
		else
			(void)idn_to_ascii(&out, part);
		loose(part);
	}
	expect_view("whole", buf_view(&out), view_of(names[0].want));
	buf_fini(&out);
}

static void
a_nul_ends_no_name(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(-1,
	    idn_to_ascii(&out, VIEW("b\xc3\xbc.example\0.org")));
	assert_int_equal(0, out.len);
	buf_fini(&out);
}

static void
ascii_needs_nothing(void **state)
{
	(void)state;
	assert_false(idn_is_needed(VIEW("xn--bcher-kva.example")));
	assert_false(idn_is_needed(VIEW("")));
	assert_true(idn_is_needed(VIEW("\x80")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_a_labels_or_are_refused),
		cmocka_unit_test(every_beginning_is_read_within_its_bytes),
		cmocka_unit_test(a_nul_ends_no_name),
		cmocka_unit_test(ascii_needs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
