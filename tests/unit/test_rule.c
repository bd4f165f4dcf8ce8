/* test_rule.c - rules on lines that no file of the other tests holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ctl/rule.h"

#include "expect.h"
#include "place.h"

static struct place place;
static struct links links;
static char *said;

static int
set_up(void **state)
{
	(void)state;
	place_open(&place);
	place_write(&place, "index.gmi", VIEW("# A\n"));
	place_load(&place,
	    "[capsule]\nhostname = a.example.org\nroot = capsule\n"
	    "[selectors]\n/ = index.gmi\n");
	if (place.s == NULL)
		return 1;
	link_init(&links, place.s, &place.s->sites[0], 70);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(said);
	link_fini(&links);
	place_close(&place);
	return 0;
}

/* All that one way of reading says of a document. */
static const char *
say(void (*read)(struct reader *, struct view), struct view document,
    const bool *is_off)
{
	struct findings *fs = findings_new();
	struct term plain = { .columns = 80 };
	struct view own = exact(document);
	struct reader r = { .found = fs,
		.is_off = is_off,
		.file = VIEW("f"),
		.columns = 20,
		.charset = UTF8_UTF8,
		.links = &links };
	size_t size;
	FILE *to;

	read(&r, own);
	free(said);
	to = open_memstream(&said, &size);
	findings_print(fs, &plain, to);
	fclose(to);
	findings_free(fs);
	loose(own);
	return said;
}

static void
every_rule_has_a_name_of_its_own_and_a_line_of_help(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < n_rules; i++) {
		assert_true(strlen(rules[i].name) > 0);
		assert_true(strlen(rules[i].help) > 0);
		assert_true(strlen(rules[i].help) < 80);
		for (k = 0; k < i; k++)
			assert_string_not_equal(rules[i].name, rules[k].name);
		/* What looks at lines says at which, and the other way. */
		assert_int_equal(rules[i].gemtext != 0,
		    rules[i].on_gemtext != NULL);
		assert_int_equal(rules[i].map != 0, rules[i].on_map != NULL);
	}
}

static void
every_prefix_of_a_page_can_be_read(void **state)
{
	static const char page[] =
	    "\xef\xbb\xbf# A\r\n=> /x 2026-13-45 [a](b)\n``` \n\t\xe6\x97\xa5"
	    "x\x1b\n```\n### \xc2\x9b\n=> \n>\n*\n=>\xff http://[\n";
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(page); n++) {
		(void)say(rule_read_bytes, (struct view){ page, n }, NULL);
		(void)say(rule_read_gemtext, (struct view){ page, n }, NULL);
	}
}

static void
every_prefix_of_a_map_can_be_read(void **state)
{
	static const char map[] =
	    "!title\n#c\n1A\t/x\ta.example.org\t99999\n1\t\n\t\nihello\tx\n"
	    "0B\t../../..\th\t\nhC\tURL:\n7D\t/?x\t\t70\t+\n.\n";
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(map); n++)
		(void)say(rule_read_map, (struct view){ map, n }, NULL);
}

static void
tabs_are_as_wide_as_they_are_shown(void **state)
{
	(void)state;
	assert_string_equal("",
	    say(rule_read_gemtext,
		VIEW("# A\n```a\n\t\t1234\n12345678901234567890\n```\n"),
		NULL));
	assert_string_equal(
	    "f:3: is 21 columns wide; Gopher's text has 20, and this line is "
	    "not wrapped [wide]\n",
	    say(rule_read_gemtext, VIEW("# A\n```a\n\t\t12345\n```\n"), NULL));
}

static void
long_quotations_are_cut_between_characters(void **state)
{
	/* The 60th byte is in the middle of an e with an accent. */
	static const char page[] =
	    "# A\n=> /"
	    "0123456789012345678901234567890123456789012345678901234567"
	    "\xc3\xa9\xc3\xa9 X\n";

	(void)state;
	assert_string_equal(
	    "f:2: a link to \"/0123456789012345678901234567890123456789012345"
	    "678901234567...\", where nothing is [dead-link]\n",
	    say(rule_read_gemtext, VIEW(page), NULL));
}

static void
lines_after_the_end_of_a_map_are_nobodys(void **state)
{
	(void)state;
	assert_string_equal("",
	    say(rule_read_map, VIEW("a\n.\n1X\t/nowhere\n"), NULL));
	assert_string_equal("",
	    say(rule_read_map, VIEW("a\n*\n1X\t/nowhere\n"), NULL));
}

static void
a_rule_that_is_off_says_nothing(void **state)
{
	bool *is_off = xcalloc(n_rules, sizeof(*is_off));
	size_t i;

	(void)state;
	for (i = 0; i < n_rules; i++)
		is_off[i] = true;
	assert_string_equal("",
	    say(rule_read_gemtext, VIEW("=> /nowhere\n```\n"), is_off));
	assert_string_equal("", say(rule_read_bytes, VIEW("\xff"), is_off));
	assert_string_equal("", say(rule_read_map, VIEW("1 \t/n"), is_off));
	xfree(is_off);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_rule_has_a_name_of_its_own_and_a_line_of_help),
		cmocka_unit_test(every_prefix_of_a_page_can_be_read),
		cmocka_unit_test(every_prefix_of_a_map_can_be_read),
		cmocka_unit_test(tabs_are_as_wide_as_they_are_shown),
		cmocka_unit_test(long_quotations_are_cut_between_characters),
		cmocka_unit_test(lines_after_the_end_of_a_map_are_nobodys),
		cmocka_unit_test(a_rule_that_is_off_says_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
