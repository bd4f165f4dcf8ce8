/* test_program.c - what is a program by its name, and by how it begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "expect.h"
#include "place.h"
#include "site/prepare.h"
#include "site/program.h"

static const struct {
	const char *path;
	bool want;
} names[] = {
	{ "", false },
	{ "x", false },
	{ "x.cgi", true },
	{ "a/b/x.cgi", true },
	{ "X.CGI", true },
	{ "x.dcgi", true },
	{ ".cgi", false },
	{ "cgi", false },
	{ "x.cgi.txt", false },
	{ "x.fcgi", false },
	{ "x.cgi/page.gmi", false },
	{ "cgi-bin", false },
	{ "cgi-bin/", true },
	{ "cgi-bin/x", true },
	{ "a/cgi-bin/b/x.txt", true },
	{ "a/CGI-BIN/x", true },
	{ "xcgi-bin/x", false },
	{ "cgi-binx/x", false },
	{ "x.sh", false },
	{ "x.py", false },
};

static void
a_program_is_known_by_its_name_or_its_folders(void **state)
{
	struct view path;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(names); i++) {
		path = exact(view_of(names[i].path));
		if (program_is_named(path) != names[i].want)
			fail_msg("\"%s\": not %d", names[i].path,
			    names[i].want);
		loose(path);
	}
}

static const struct {
	const char *text;
	mode_t mode;
	enum program_kind want;
} maps[] = {
	{ "", 0644, PROGRAM_NONE },
	{ "#", 0644, PROGRAM_NONE },
	{ "#!", 0644, PROGRAM_MAP },
	{ "#!/bin/sh\n", 0644, PROGRAM_MAP },
	{ "#!/bin/sh\n", 0755, PROGRAM_MAP },
	{ "# !\n", 0644, PROGRAM_NONE },
	{ " #!\n", 0644, PROGRAM_NONE },
	{ "iHello\n", 0744, PROGRAM_EXECUTABLE },
	{ "iHello\n", 0654, PROGRAM_EXECUTABLE },
	{ "iHello\n", 0645, PROGRAM_EXECUTABLE },
};

static void
a_map_that_begins_as_a_script_is_a_program(void **state)
{
	struct arena *a = arena_new();
	struct beneath *root;
	struct place place;
	struct view text;
	size_t i;

	(void)state;
	place_open(&place);
	root = beneath_new(place_name(&place, ""));
	assert_non_null(root);
	assert_int_equal(PROGRAM_NONE,
	    program_look(root, VIEW("none"), a, &text));
	for (i = 0; i < N_OF(maps); i++) {
		place_write(&place, "m", view_of(maps[i].text));
		assert_int_equal(0,
		    chmod(place_name(&place, "m"), maps[i].mode));
		text = VIEW("");
		if (program_look(root, VIEW("m"), a, &text) != maps[i].want ||
		    !view_eq(text, view_of(maps[i].text)))
			fail_msg("\"%s\" %o", maps[i].text, maps[i].mode);
	}
	beneath_free(root);
	place_close(&place);
	arena_free(a);
}

static void
a_map_too_large_for_a_page_is_looked_at_and_not_kept(void **state)
{
	struct arena *a = arena_new();
	struct view text = { NULL, 0 };
	struct beneath *root;
	struct place place;

	(void)state;
	place_open(&place);
	root = beneath_new(place_name(&place, ""));
	assert_non_null(root);
	place_write(&place, "m", VIEW("#!"));
	assert_int_equal(0,
	    truncate(place_name(&place, "m"), LOADER_RENDER_MAX + 1));
	assert_int_equal(PROGRAM_MAP, program_look(root, VIEW("m"), a, &text));
	assert_null(text.p);
	assert_int_equal(0,
	    truncate(place_name(&place, "m"), LOADER_RENDER_MAX));
	assert_int_equal(PROGRAM_MAP, program_look(root, VIEW("m"), a, &text));
	assert_int_equal(LOADER_RENDER_MAX, text.len);
	beneath_free(root);
	place_close(&place);
	arena_free(a);
}

/* Add a program whose path is its selector. */
static void
found(struct programs *all, struct arena *a, enum program_kind kind,
    const char *selector, int line)
{
	programs_add(all, a, kind, view_of(selector), view_of(selector + 1),
	    line);
}

static void
many_of_a_kind_are_one_sentence_for_each_line(void **state)
{
	static const char *const want[] = {
		"x.ini:3: /a.cgi (and 2 more like it) is a program by its name",
		"x.ini:3: /m.gophermap begins with \"#!\"",
		"x.ini:4: /cgi-bin/x (and 1 more like it) is a program",
	};
	static const struct conf conf = { .path = "x.ini" };
	struct programs all = { NULL, NULL };
	struct problems *notes = problems_new();
	struct arena *a = arena_new();
	size_t i;

	(void)state;
	programs_tell(&all, &conf, "/srv", notes);
	assert_int_equal(0, problems_count(notes));
	found(&all, a, PROGRAM_NAMED, "/a.cgi", 3);
	found(&all, a, PROGRAM_NAMED, "/cgi-bin/x", 4);
	found(&all, a, PROGRAM_NAMED, "/b.cgi", 3);
	found(&all, a, PROGRAM_MAP, "/m.gophermap", 3);
	found(&all, a, PROGRAM_NAMED, "/c.cgi", 3);
	found(&all, a, PROGRAM_NAMED, "/cgi-bin/y", 4);
	programs_tell(&all, &conf, "/srv", notes);
	assert_int_equal(N_OF(want), problems_count(notes));
	for (i = 0; i < N_OF(want); i++)
		assert_memory_equal(want[i], problems_get(notes, i),
		    strlen(want[i]));
	assert_non_null(strstr(problems_get(notes, 0),
	    "\"/a.cgi = @fastcgi unix:/run/fcgiwrap.socket /srv/a.cgi\""));
	assert_non_null(strstr(problems_get(notes, 2),
	    "\"/cgi-bin/ = @fastcgi unix:/run/fcgiwrap.socket "
	    "/srv/cgi-bin/\""));
	problems_free(notes);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_known_by_its_name_or_its_folders),
		cmocka_unit_test(a_map_that_begins_as_a_script_is_a_program),
		cmocka_unit_test(
		    a_map_too_large_for_a_page_is_looked_at_and_not_kept),
		cmocka_unit_test(many_of_a_kind_are_one_sentence_for_each_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
