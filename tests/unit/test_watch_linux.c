/* test_watch_linux.c - what inotify tells of folders that are edited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "expect.h"
#include "place.h"
#include "process/watch.h"

static struct place place;
static struct watch *watch;
static struct watch_change change;
static int folder;

static int
watch_place(const char *name)
{
	int fd = open(place_name(&place, name), O_RDONLY | O_DIRECTORY), n;

	assert_int_not_equal(-1, fd);
	n = watch_folder(watch, fd);
	close(fd);
	return n;
}

static int
set_up(void **state)
{
	(void)state;
	place_open(&place);
	watch = watch_new();
	assert_non_null(watch);
	folder = watch_place("");
	assert_true(folder >= 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	watch_free(watch);
	place_close(&place);
	return 0;
}

/* The next change is this one. */
static void
expect_change(enum watch_event event, const char *name)
{
	enum watch_event got = watch_next(watch, &change);

	if (got != event)
		fail_msg("%d instead of %d", got, event);
	if (event == WATCH_NAME || event == WATCH_MADE)
		assert_string_equal(name, change.name);
}

static void
rename_in_place(const char *from, const char *to)
{
	char old[PATH_MAX];

	snprintf(old, sizeof(old), "%s", place_name(&place, from));
	assert_int_equal(0, rename(old, place_name(&place, to)));
}

static void
a_page_is_told_of_when_it_is_closed(void **state)
{
	int fd = open(place_name(&place, "x.gmi"), O_WRONLY | O_CREAT, 0644);

	(void)state;
	expect_change(WATCH_MADE, "x.gmi");
	assert_int_equal(folder, change.folder);
	assert_int_equal(2, write(fd, "x\n", 2));
	expect_change(WATCH_NOTHING, NULL);
	assert_int_equal(2, write(fd, "y\n", 2));
	expect_change(WATCH_NOTHING, NULL);
	close(fd);
	expect_change(WATCH_NAME, "x.gmi");
	assert_int_equal(folder, change.folder);
	expect_change(WATCH_NOTHING, NULL);
}

static void
both_names_of_a_move_are_told(void **state)
{
	(void)state;
	place_write(&place, "x.gmi~", VIEW("x\n"));
	expect_change(WATCH_MADE, "x.gmi~");
	expect_change(WATCH_NAME, "x.gmi~");
	rename_in_place("x.gmi~", "x.gmi");
	expect_change(WATCH_NAME, "x.gmi~");
	expect_change(WATCH_NAME, "x.gmi");
	expect_change(WATCH_NOTHING, NULL);
}

static void
modes_links_folders_and_removals_are_told(void **state)
{
	(void)state;
	place_write(&place, "x", VIEW("x\n"));
	expect_change(WATCH_MADE, "x");
	expect_change(WATCH_NAME, "x");
	assert_int_equal(0, chmod(place_name(&place, "x"), 0));
	expect_change(WATCH_NAME, "x");
	assert_int_equal(0, symlink("x", place_name(&place, "link")));
	expect_change(WATCH_MADE, "link");
	assert_int_equal(0, mkdir(place_name(&place, "sub"), 0755));
	expect_change(WATCH_NAME, "sub");
	assert_int_equal(0, unlink(place_name(&place, "x")));
	expect_change(WATCH_NAME, "x");
	expect_change(WATCH_NOTHING, NULL);
}

static void
a_folder_has_one_number_and_each_its_own(void **state)
{
	int sub;

	(void)state;
	assert_int_equal(0, mkdir(place_name(&place, "sub"), 0755));
	expect_change(WATCH_NAME, "sub");
	sub = watch_place("sub");
	assert_int_not_equal(folder, sub);
	assert_int_equal(folder, watch_place(""));
	assert_int_equal(sub, watch_place("sub/../sub"));
	place_write(&place, "sub/y", VIEW("y\n"));
	expect_change(WATCH_MADE, "y");
	assert_int_equal(sub, change.folder);
	expect_change(WATCH_NAME, "y");
	expect_change(WATCH_NOTHING, NULL);
}

/* Skip to the end of a folder that goes. */
static void
expect_gone(int which)
{
	enum watch_event event;

	do
		event = watch_next(watch, &change);
	while (event != WATCH_GONE && event != WATCH_NOTHING);
	assert_int_equal(WATCH_GONE, event);
	assert_int_equal(which, change.folder);
}

static void
a_folder_that_is_removed_or_forgotten_is_watched_no_more(void **state)
{
	int sub;

	(void)state;
	assert_int_equal(0, mkdir(place_name(&place, "sub"), 0755));
	sub = watch_place("sub");
	assert_int_equal(0, rmdir(place_name(&place, "sub")));
	expect_gone(sub);
	while (watch_next(watch, &change) != WATCH_NOTHING)
		;
	watch_forget(watch, folder);
	expect_gone(folder);
	place_write(&place, "x", VIEW("x\n"));
	expect_change(WATCH_NOTHING, NULL);
	watch_forget(watch, folder); /* once more harms nobody */
}

static void
what_is_no_folder_cannot_be_watched(void **state)
{
	int fd;

	(void)state;
	place_write(&place, "x", VIEW("x\n"));
	fd = open(place_name(&place, "x"), O_RDONLY);
	assert_int_equal(-1, watch_folder(watch, fd));
	close(fd);
}

/* The most events that the kernel keeps for one of us; 0 if it does not say. */
static long
queue_max(void)
{
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	long n = 0;

	if (f != NULL) {
		if (fscanf(f, "%ld", &n) != 1)
			n = 0;
		fclose(f);
	}
	return n;
}

static void
more_than_the_kernel_holds_is_told_as_lost(void **state)
{
	long i, n = queue_max();
	enum watch_event event;

	(void)state;
	if (n == 0 || n > 100000)
		skip();
	/* Two names in turn: equal neighbours would be one event. */
	for (i = 0; i <= n / 2; i++) {
		place_write(&place, "x", VIEW(""));
		place_write(&place, "y", VIEW(""));
	}
	do
		event = watch_next(watch, &change);
	while (event != WATCH_LOST && event != WATCH_NOTHING);
	assert_int_equal(WATCH_LOST, event);
	assert_int_equal(-1, change.folder);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_page_is_told_of_when_it_is_closed),
		TEST(both_names_of_a_move_are_told),
		TEST(modes_links_folders_and_removals_are_told),
		TEST(a_folder_has_one_number_and_each_its_own),
		TEST(a_folder_that_is_removed_or_forgotten_is_watched_no_more),
		TEST(what_is_no_folder_cannot_be_watched),
		TEST(more_than_the_kernel_holds_is_told_as_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
