/* test_table.c - columns, bars, and who sees colours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/table.h"

static const struct table_column columns[] = { { "name", false }, { "n", true },
	{ "", false } };

static void
expect(const struct table *t, const struct term *term, const char *want)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	table_print(t, term, to);
	fclose(to);
	assert_string_equal(text, want);
	free(text);
}

static void
columns_are_as_wide_as_a_terminal_shows_them(void **state)
{
	struct table *t = table_new(columns, 3);
	struct term plain = { .columns = 80 };

	(void)state;
	table_put(t, "a");
	table_put(t, "%d", 12345);
	table_put(t, "##");
	/* Two wide characters; a letter and its accent. */
	table_put(t, "\u65e5\u672c.gmi");
	table_put(t, "7");
	table_put(t, "%s", "");
	table_put(t, "e\u0301");
	table_put(t, "%s", "");
	table_put(t, "x");
	assert_int_equal(8 + 2 + 5 + 2 + 2, table_width(t));
	expect(t, &plain,
	    "name          n\n"
	    "a         12345  ##\n"
	    "\u65e5\u672c.gmi      7\n"
	    "e\u0301                x\n");
	table_free(t);
}

static void
a_row_that_is_not_whole_is_not_shown(void **state)
{
	struct table *t = table_new(columns, 3);
	struct term plain = { .columns = 80 };

	(void)state;
	table_put(t, "a");
	expect(t, &plain, "name  n\n");
	table_free(t);
}

static void
what_would_act_on_a_terminal_is_cleaned(void **state)
{
	struct table *t = table_new(columns, 3);
	struct term plain = { .columns = 80 };

	(void)state;
	table_put(t, "x\x1b[1m\ny\xff");
	table_put(t, "1");
	table_put(t, "z");
	expect(t, &plain, "name      n\nx [1m y\xef\xbf\xbd  1  z\n");
	table_free(t);
}

static void
bars_are_as_long_as_their_part(void **state)
{
	struct term ascii = { .columns = 80 }, fine = { .has_utf8 = true };
	char bar[3 * 10 + 1];

	(void)state;
	term_bar(&ascii, 10, 10, 10, bar);
	assert_string_equal("##########", bar);
	term_bar(&ascii, 5, 10, 10, bar);
	assert_string_equal("#####", bar);
	term_bar(&ascii, 1, 1000, 10, bar);
	assert_string_equal("#", bar); /* what is not 0 is seen */
	term_bar(&ascii, 0, 10, 10, bar);
	assert_string_equal("", bar);
	term_bar(&ascii, 0, 0, 10, bar);
	assert_string_equal("", bar);
	term_bar(&ascii, 20, 10, 10, bar);
	assert_string_equal("##########", bar);
	term_bar(&fine, 1.25, 10, 10, bar);
	assert_string_equal("\u2588\u258e", bar);
	term_bar(&fine, 10, 10, 10, bar);
	assert_int_equal(30, strlen(bar));
}

static void
colours_are_for_those_who_want_them(void **state)
{
	struct term plain = { .columns = 80 }, colour = { .has_colour = true };

	(void)state;
	assert_string_equal("", term_colour(&plain, TERM_RED));
	assert_string_equal("\033[31m", term_colour(&colour, TERM_RED));
	assert_string_equal("\033[0m", term_colour(&colour, TERM_PLAIN));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_a_terminal_shows_them),
		cmocka_unit_test(a_row_that_is_not_whole_is_not_shown),
		cmocka_unit_test(what_would_act_on_a_terminal_is_cleaned),
		cmocka_unit_test(bars_are_as_long_as_their_part),
		cmocka_unit_test(colours_are_for_those_who_want_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
