/* test_view.c - comparing, cutting and reading borrowed bytes. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/view.h"
#include "expect.h"

static const struct view nothing = { NULL, 0 };

static void
a_string_becomes_a_view(void **state)
{
	(void)state;
	expect_view("string", view_of("abc"), VIEW("abc"));
	expect_view("empty", view_of(""), VIEW(""));
	assert_int_equal(view_of(NULL).len, 0);
	assert_null(view_of(NULL).p);
}

static void
equal_means_the_same_bytes(void **state)
{
	(void)state;
	assert_true(view_eq(VIEW("abc"), VIEW("abc")));
	assert_true(view_eq(VIEW("a\0b"), VIEW("a\0b")));
	assert_false(view_eq(VIEW("a\0b"), VIEW("a\0c")));
	assert_false(view_eq(VIEW("abc"), VIEW("abcd")));
	assert_false(view_eq(VIEW("abc"), VIEW("abC")));
	assert_true(view_eq(nothing, VIEW("")));
	assert_true(view_eq(nothing, nothing));
	assert_false(view_eq(nothing, VIEW("a")));
}

/* Only the 26 letters have a case, whatever the locale. */
static void
case_apart_means_ascii_letters(void **state)
{
	char a, b;
	int i, j;
	bool want;

	(void)state;
	for (i = 0; i < 256; i++)
		for (j = 0; j < 256; j++) {
			a = (char)i;
			b = (char)j;
			want = i == j ||
			    ((i ^ j) == 0x20 && (i | 0x20) >= 'a' &&
				(i | 0x20) <= 'z');
			if (view_eq_nocase((struct view){ &a, 1 },
				(struct view){ &b, 1 }) != want)
				fail_msg("0x%02x and 0x%02x", (unsigned)i,
				    (unsigned)j);
		}
	assert_true(view_eq_nocase(VIEW("aBc"), VIEW("AbC")));
	assert_false(view_eq_nocase(VIEW("ab"), VIEW("abc")));
	assert_true(view_eq_nocase(nothing, VIEW("")));
}

static void
finds_what_stands_at_the_ends(void **state)
{
	(void)state;
	assert_true(view_has_prefix(VIEW("abc"), VIEW("ab")));
	assert_true(view_has_prefix(VIEW("abc"), VIEW("abc")));
	assert_true(view_has_prefix(VIEW("abc"), VIEW("")));
	assert_true(view_has_prefix(nothing, nothing));
	assert_false(view_has_prefix(VIEW("abc"), VIEW("bc")));
	assert_false(view_has_prefix(VIEW("abc"), VIEW("abcd")));
	assert_false(view_has_prefix(nothing, VIEW("a")));
	assert_true(view_has_suffix(VIEW("abc"), VIEW("bc")));
	assert_true(view_has_suffix(VIEW("abc"), VIEW("abc")));
	assert_true(view_has_suffix(VIEW("abc"), VIEW("")));
	assert_true(view_has_suffix(nothing, nothing));
	assert_false(view_has_suffix(VIEW("abc"), VIEW("ab")));
	assert_false(view_has_suffix(VIEW("abc"), VIEW("zabc")));
}

static void
skips_no_further_than_the_end(void **state)
{
	(void)state;
	expect_view("0", view_skip(VIEW("abc"), 0), VIEW("abc"));
	expect_view("1", view_skip(VIEW("abc"), 1), VIEW("bc"));
	expect_view("3", view_skip(VIEW("abc"), 3), VIEW(""));
	expect_view("4", view_skip(VIEW("abc"), 4), VIEW(""));
	expect_view("max", view_skip(VIEW("abc"), SIZE_MAX), VIEW(""));
	expect_view("NULL", view_skip(nothing, 1), VIEW(""));
	assert_null(view_skip(nothing, 1).p);
}

/* Each field in brackets, as a loop over view_cut sees them. */
static void
cuts_every_field_the_empty_last_one_too(void **state)
{
	static const char *const cases[][2] = {
		{ "a b c", "[a][b][c]" },
		{ "a", "[a]" },
		{ "", "[]" },
		{ " ", "[][]" },
		{ "a ", "[a][]" },
		{ " a", "[][a]" },
		{ "a  b", "[a][][b]" },
	};
	struct view rest, all, field;
	struct buf seen;
	size_t i;

	(void)state;
	buf_init(&seen, 256);
	for (i = 0; i < N_OF(cases); i++) {
		all = rest = exact(view_of(cases[i][0]));
		while (rest.p != NULL) {
			field = view_cut(&rest, ' ');
			buf_printf(&seen, "[%.*s]", VIEW_ARG(field));
		}
		expect_written(cases[i][0], &seen, cases[i][1]);
		loose(all);
	}
	rest = nothing;
	assert_int_equal(view_cut(&rest, ' ').len, 0);
	assert_null(rest.p);
	buf_fini(&seen);
}

static void
trims_blanks_and_line_ends(void **state)
{
	(void)state;
	expect_view("both", view_trim(VIEW(" \t\r\na b\n\r\t ")), VIEW("a b"));
	expect_view("none", view_trim(VIEW("a")), VIEW("a"));
	expect_view("all", view_trim(VIEW(" \t\r\n")), VIEW(""));
	expect_view("NULL", view_trim(nothing), VIEW(""));
	expect_view("others stay", view_trim(VIEW("\v\f\0")), VIEW("\v\f\0"));
}

static const struct {
	const char *text;
	unsigned long max;
	int result;
	unsigned long want;
} numbers[] = {
	{ "0", 0, 0, 0 },
	{ "0", 9, 0, 0 },
	{ "007", 9, 0, 7 },
	{ "65535", 65535, 0, 65535 },
	{ "65536", 65535, -1, 0 },
	{ "655350", 65535, -1, 0 },
	{ "10", 9, -1, 0 },
	{ "9", 8, -1, 0 },
	{ "1", 0, -1, 0 },
	{ "18446744073709551616", ULONG_MAX, -1, 0 },
	{ "99999999999999999999", ULONG_MAX, -1, 0 },
	{ "", 9, -1, 0 },
	{ "-1", 9, -1, 0 },
	{ "+1", 9, -1, 0 },
	{ " 1", 9, -1, 0 },
	{ "1 ", 9, -1, 0 },
	{ "1x", 9, -1, 0 },
	{ "0x1", 9, -1, 0 },
	{ "/", 9, -1, 0 },
	{ ":", 9, -1, 0 },
};

static void
a_number_is_digits_up_to_max(void **state)
{
	unsigned long got;
	char most[32];
	struct view v;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(numbers); i++) {
		got = 4711;
		v = exact(view_of(numbers[i].text));
		if (view_to_number(v, numbers[i].max, &got) !=
		    numbers[i].result)
			fail_msg("\"%s\": wrong result", numbers[i].text);
		assert_int_equal(got,
		    numbers[i].result == 0 ? numbers[i].want : 4711);
		loose(v);
	}
	snprintf(most, sizeof(most), "%lu", ULONG_MAX);
	assert_int_equal(view_to_number(view_of(most), ULONG_MAX, &got), 0);
	assert_true(got == ULONG_MAX);
	assert_int_equal(view_to_number(view_of(most), ULONG_MAX - 1, &got),
	    -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_string_becomes_a_view),
		cmocka_unit_test(equal_means_the_same_bytes),
		cmocka_unit_test(case_apart_means_ascii_letters),
		cmocka_unit_test(finds_what_stands_at_the_ends),
		cmocka_unit_test(skips_no_further_than_the_end),
		cmocka_unit_test(cuts_every_field_the_empty_last_one_too),
		cmocka_unit_test(trims_blanks_and_line_ends),
		cmocka_unit_test(a_number_is_digits_up_to_max),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
