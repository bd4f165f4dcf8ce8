/* test_beneath.c - a file below a root has one name, however it is reached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "expect.h"
#include "place.h"
#include "site/beneath.h"

static const struct {
	const char *path, *want;
} paths[] = {
	{ "log/x", "log/x" },
	{ "./log/x", "log/x" },
	{ "log//x", "log/x" },
	{ ".//log/././x", "log/x" },
	{ "log/../log/x", "log/x" },
	{ "log/deep/../x", "log/x" },
	{ "folder/x", "log/x" },
	{ "folder/deep/../x", "log/x" },
	{ "file", "log/x" },
	{ "chain", "log/x" },
	{ "whole", "log/x" },
	{ "log/up", "log/x" },
	{ "log/hard", "log/hard" },
	{ "here/log/x", "log/x" },
	{ "top", "top" },
	{ "./top", "top" },
	{ "log", "log/" },
	{ "log/", "log/" },
	{ "log//", "log/" },
	{ "folder", "log/" },
	{ "folder/", "log/" },
	{ "folder/.", "log/" },
	{ "log/deep/..", "log/" },
	{ "log/deep", "log/deep/" },
	{ ".", "" },
	{ "./", "" },
	{ "here", "" },
	{ "here/", "" },
	{ "log/..", "" },
};

static void
expect_name(const struct beneath *root, const char *path, const char *want)
{
	struct buf name;

	buf_init(&name, (size_t)BENEATH_PATH_MAX * 2);
	beneath_put_name(root, &name);
	expect_written(path, &name, want);
	buf_fini(&name);
}

static void
every_way_to_a_file_gives_its_one_name(void **state)
{
	char whole[PATH_MAX];
	struct beneath *root;
	struct place place;
	const char *why;
	struct stat st;
	size_t i;
	int fd;

	(void)state;
	place_open(&place);
	place_write(&place, "log/x", VIEW("x"));
	place_write(&place, "log/deep/y", VIEW("y"));
	place_write(&place, "top", VIEW("t"));
	place_link(&place, "folder", "log");
	place_link(&place, "file", "log/x");
	place_link(&place, "chain", "folder/../file");
	snprintf(whole, sizeof(whole), "%s", place_name(&place, "log/x"));
	place_link(&place, "whole", whole);
	place_link(&place, "log/up", "../log/./x");
	place_link(&place, "here", ".");
	assert_int_equal(0, link(whole, place_name(&place, "log/hard")));
	root = beneath_new(place_name(&place, ""));
	assert_non_null(root);
	for (i = 0; i < N_OF(paths); i++) {
		assert_int_equal(0,
		    beneath_stat(root, view_of(paths[i].path), &st, &why));
		expect_name(root, paths[i].path, paths[i].want);
		fd = beneath_open(root, view_of(paths[i].path),
		    st.st_mode & S_IFMT, &st, &why);
		assert_true(fd >= 0);
		close(fd);
		expect_name(root, paths[i].path, paths[i].want);
	}
	beneath_free(root);
	place_close(&place);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_a_file_gives_its_one_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
