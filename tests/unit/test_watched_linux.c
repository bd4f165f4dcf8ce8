/* test_watched_linux.c - how many folders are watched, ours and the system's
 * limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/syscall.h>
#include <sys/wait.h>

#include "place.h"
#include "process/watched.h"

#define LIMIT     3          /* folders in these tests */
#define NEW_USERS 0x10000000 /* CLONE_NEWUSER */
#define SKIPPED   77

static struct place place;
static struct beneath *root;

static int
set_up(void **state)
{
	char name[] = "a/", path[] = "a/x";

	(void)state;
	place_open(&place);
	for (; name[0] <= 'a' + LIMIT; name[0]++) {
		path[0] = name[0];
		place_make_folders(&place, path);
		place_write(&place, path, VIEW("x\n"));
	}
	root = beneath_new(place_name(&place, ""));
	assert_non_null(root);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	beneath_free(root);
	place_close(&place);
	return 0;
}

/* Watch the folder of that number. */
static int
add_folder_at(struct watched *w, int i)
{
	char path[] = { (char)('a' + i), '/', '\0' };

	return watched_add(w, 0, root, view_of(path));
}

/* LIMIT folders are watched, also when they are added again; one more is not,
 * and costs the others nothing. */
static bool
holds_limit(struct watched *w)
{
	bool holds = true;
	int i;

	for (i = 0; i < LIMIT * 2; i++)
		holds = holds && add_folder_at(w, i % LIMIT) == 0;
	holds = holds && !watched_is_partial(w);
	holds = holds && add_folder_at(w, LIMIT) == -1 && errno == ENOSPC;
	holds = holds && watched_is_partial(w) && watched_count(w) == LIMIT;
	return holds && add_folder_at(w, 0) == 0;
}

static void
as_many_folders_as_the_limit_are_watched_and_not_one_more(void **state)
{
	struct watched *w = watched_new(LIMIT);

	(void)state;
	assert_non_null(w);
	assert_true(holds_limit(w));
	watched_free(w);
}

/* Be a user to whom the kernel gives only that many watches. */
static bool
lower_max_watches(int max)
{
	FILE *f;
	bool done;

	if (syscall(SYS_unshare, NEW_USERS) == -1)
		return false;
	f = fopen("/proc/sys/user/max_inotify_watches", "w");
	if (f == NULL)
		return false;
	done = fprintf(f, "%d\n", max) > 0;
	return fclose(f) == 0 && done;
}

static int
hold_limit_of_system(void)
{
	struct watched *w;

	if (!lower_max_watches(LIMIT))
		return SKIPPED;
	w = watched_new(WATCHED_MAX);
	return w != NULL && holds_limit(w) ? 0 : 1;
}

static void
the_systems_limit_is_told_with_its_cure(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0)
		_exit(hold_limit_of_system());
	assert_int_equal(child, waitpid(child, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_many_folders_as_the_limit_are_watched_and_not_one_more),
		TEST(the_systems_limit_is_told_with_its_cure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
