/* test_protect.c - who may read a page, whatever its file is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "expect.h"
#include "place.h"

#define HEAD "[capsule]\nroot = capsule\n[selectors]\n/ = ./\n"
#define LOG  "[access]\n/log/* = any\n"

static struct place place;

static int
set_up(void **state)
{
	(void)state;
	place_open(&place);
	place_write(&place, "index.gmi", VIEW("# Home\n"));
	place_write(&place, "open/page.gmi", VIEW("# Page\n"));
	place_write(&place, "log/index.gmi",
	    VIEW("# Log\n=> x 2026-01-31 Entry\n"));
	place_write(&place, "log/pair.gmi", VIEW("# Pair\n"));
	place_write(&place, "log/pair.gophermap", VIEW("Pair\n"));
	place_link(&place, "diary", "log");
	place_link(&place, "open/link.gmi", "../log/pair.gmi");
	place_link(&place, "open/page.gophermap", "../log/pair.gophermap");
	place_link(&place, "top.gmi", "open/page.gmi");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	place_close(&place);
	return 0;
}

static bool
is_closed(const char *selector)
{
	const struct entry *entry = place_find(&place, selector);

	if (entry == NULL)
		fail_msg("%s: no such page", selector);
	assert_int_equal(entry->access != NULL, entry->gopher.status == 60);
	return entry->access != NULL;
}

static void
what_a_link_leads_to_says_who_may_read_it(void **state)
{
	static const char *const closed[] = { "/log/", "/log/index.gmi",
		"/log/pair.gmi", "/log/pair.gophermap", "/diary/",
		"/diary/index.gmi", "/diary/pair.gmi", "/diary/pair.gophermap",
		"/open/link.gmi", "/open/page.gmi", "/open/page.gophermap" };
	size_t i;

	(void)state;
	place_load(&place, HEAD LOG);
	assert_string_equal("", place.told);
	for (i = 0; i < N_OF(closed); i++)
		if (!is_closed(closed[i]))
			fail_msg("%s is open", closed[i]);
	assert_false(is_closed("/"));
	assert_false(is_closed("/top.gmi"));
	assert_string_equal("", place.warned);
}

static void
without_rules_everything_is_open(void **state)
{
	(void)state;
	place_load(&place, HEAD);
	assert_string_equal("", place.warned);
	assert_false(is_closed("/log/"));
	assert_false(is_closed("/diary/"));
}

static void
a_feed_follows_its_file(void **state)
{
	static const char *const names[] = { "log/index.gmi",
		"./log//index.gmi", "diary/index.gmi",
		"open/../log/./index.gmi" };
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(names); i++) {
		snprintf(text, sizeof(text), HEAD "/f = @atom %s\n%s", names[i],
		    LOG);
		place_load(&place, text);
		assert_string_equal("", place.told);
		assert_true(is_closed("/f"));
		snprintf(text, sizeof(text), HEAD "/f = @atom %s\n", names[i]);
		place_load(&place, text);
		assert_false(is_closed("/f"));
	}
}

static const struct {
	const char *pattern, *near;
} unmet[] = {
	{ "/lgo/*", "; nearest: /log/" },
	{ "/log/piar.gmi", "; nearest: /log/pair.gmi" },
	{ "/lgo/pair.gmi", "; nearest: /log/" },
	{ "/log/none/of/these/*", "" },
	{ "/log", "; nearest: /log/" },
	{ "/quite-another/*", "" },
};

static void
a_line_that_fits_no_page_is_told_with_the_nearest_name(void **state)
{
	char text[512], want[512];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(unmet); i++) {
		snprintf(text, sizeof(text), HEAD "[access]\n%s = any\n",
		    unmet[i].pattern);
		snprintf(want, sizeof(want),
		    "capsuled.ini:6: [access] %s: protects nothing now: no "
		    "page fits it%s\n",
		    unmet[i].pattern, unmet[i].near);
		place_load(&place, text);
		assert_string_equal("", place.told);
		assert_string_equal(want, place.warned);
	}
}

/* Looking for it takes time, and many lines are wrong in one way. */
static void
the_nearest_name_is_looked_for_sixteen_times(void **state)
{
	char text[2048] = HEAD "[access]\n";
	const char *at;
	size_t i, n = 0, near = 0;

	(void)state;
	for (i = 0; i < 17; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "/log%zu/* = any\n", i);
	place_load(&place, text);
	for (at = place.warned; (at = strchr(at, '\n')) != NULL; at++)
		n++;
	for (at = place.warned; (at = strstr(at, "nearest")) != NULL; at++)
		near++;
	assert_int_equal(17, n);
	assert_int_equal(16, near);
}

#define TWO                                                                    \
	"[capsule b]\nhostname = b.example.org\nroot = %s\n[selectors "        \
	"b]\n%s\n"

static const struct {
	const char *root, *line, *want;
} shared[] = {
	{ "capsule", "/x = log/pair.gmi", "/x: shows " },
	{ "capsule/log", "/x = pair.gmi", "/x: shows " },
	{ "capsule/open/..", "/x/ = diary/", "/x/: shows " },
	{ "capsule", "/x = @atom log/index.gmi", "/x: shows " },
	{ "capsule", "/x = open/page.gmi", "/x: shows " },
	{ "capsule", "/x = index.gmi", NULL },
	{ "capsulex", "/x = log/pair.gmi", NULL },
};

static void
what_another_capsule_shows_of_the_same_files_is_told(void **state)
{
	char text[1024];
	size_t i;

	(void)state;
	place_write(&place, "../capsulex/log/pair.gmi", VIEW("# Theirs\n"));
	for (i = 0; i < N_OF(shared); i++) {
		snprintf(text, sizeof(text),
		    "[capsule]\nroot = capsule\n[selectors]\n/log/ = log/\n" LOG
			TWO,
		    shared[i].root, shared[i].line);
		place_load(&place, text);
		assert_string_equal("", place.told);
		if (shared[i].want == NULL)
			assert_string_equal("", place.warned);
		else
			assert_non_null(strstr(place.warned, shared[i].want));
	}
}

int
main(void)
{
#define PLACED(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		PLACED(what_a_link_leads_to_says_who_may_read_it),
		PLACED(without_rules_everything_is_open),
		PLACED(a_feed_follows_its_file),
		PLACED(a_line_that_fits_no_page_is_told_with_the_nearest_name),
		PLACED(the_nearest_name_is_looked_for_sixteen_times),
		PLACED(what_another_capsule_shows_of_the_same_files_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
