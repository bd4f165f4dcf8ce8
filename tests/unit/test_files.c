/* test_files.c - large files are asked for once and kept for a while. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/files.h"

static struct files *files;
static unsigned asked; /* the last number */
static unsigned n_asked;
static bool refuses;

static int
on_ask(void *arg, unsigned number, const unsigned char *name)
{
	(void)arg;
	(void)name;
	asked = number;
	n_asked++;
	return refuses ? -1 : 0;
}

static int
setup(void **state)
{
	(void)state;
	files = files_new(on_ask, NULL);
	n_asked = 0;
	refuses = false;
	return 0;
}

static struct files *kept[64];
static size_t n_kept;

static int
teardown(void **state)
{
	(void)state;
	/* Never freed, as in a worker; who looks for leaks finds it here. */
	assert_true(n_kept < sizeof(kept) / sizeof(kept[0]));
	kept[n_kept++] = files;
	return 0;
}

static struct file_key
key_of(unsigned n)
{
	struct file_key key = { { 0 }, { 0 } };

	memcpy(key.name, &n, sizeof(n));
	return key;
}

static void
count_call(void *arg)
{
	++*(int *)arg;
}

static int
open_null(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

/* Use file n, which is not open, and have it opened. */
static struct file_use *
use_new(unsigned n)
{
	struct file_key key = key_of(n);
	int calls = 0;
	struct file_use *u = files_use(files, &key, count_call, &calls);

	assert_non_null(u);
	assert_int_equal(FILE_ASKED, file_use_fd(u));
	files_opened(files, asked, open_null());
	assert_int_equal(1, calls);
	assert_true(is_open(file_use_fd(u)));
	return u;
}

static void
a_file_is_asked_for_once_however_many_want_it(void **state)
{
	struct file_key key = key_of(1);
	struct file_use *u[3];
	int calls = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		u[i] = files_use(files, &key, count_call, &calls);
	assert_int_equal(1, n_asked);
	files_opened(files, asked, open_null());
	assert_int_equal(3, calls);
	assert_true(file_use_fd(u[0]) >= 0);
	assert_int_equal(file_use_fd(u[0]), file_use_fd(u[2]));
	for (i = 0; i < 3; i++)
		file_use_free(u[i]);
	u[0] = files_use(files, &key, count_call, &calls);
	assert_true(file_use_fd(u[0]) >= 0);
	assert_int_equal(1, n_asked);
	assert_int_equal(3, calls);
	file_use_free(u[0]);
}

static void
another_stamp_is_another_file(void **state)
{
	struct file_key key = key_of(1);
	struct file_use *u = use_new(1), *v;

	(void)state;
	key.stamp[0] = 1;
	v = files_use(files, &key, count_call, NULL);
	assert_int_equal(2, n_asked);
	assert_int_equal(FILE_ASKED, file_use_fd(v));
	file_use_free(v);
	file_use_free(u);
}

static void
what_failed_is_told_and_asked_for_anew(void **state)
{
	struct file_key key = key_of(1);
	int calls = 0;
	struct file_use *u = files_use(files, &key, count_call, &calls), *v;

	(void)state;
	files_opened(files, asked, -1);
	assert_int_equal(1, calls);
	assert_int_equal(FILE_FAILED, file_use_fd(u));
	v = files_use(files, &key, count_call, &calls);
	assert_int_equal(2, n_asked);
	assert_int_equal(FILE_ASKED, file_use_fd(v));
	file_use_free(u);
	file_use_free(v);
}

static void
who_cannot_be_asked_for_is_refused(void **state)
{
	struct file_key key = key_of(1);

	(void)state;
	refuses = true;
	assert_null(files_use(files, &key, count_call, NULL));
	refuses = false;
	file_use_free(use_new(1));
}

static void
so_many_are_asked_for_at_a_time_and_no_more(void **state)
{
	struct file_use *u[FILES_ASKED_MAX];
	struct file_key key;
	unsigned i;
	int calls = 0;

	(void)state;
	for (i = 0; i < FILES_ASKED_MAX; i++) {
		key = key_of(i);
		u[i] = files_use(files, &key, count_call, &calls);
		assert_non_null(u[i]);
	}
	key = key_of(i);
	assert_null(files_use(files, &key, count_call, &calls));
	files_give_up(files);
	assert_int_equal(FILES_ASKED_MAX, calls);
	for (i = 0; i < FILES_ASKED_MAX; i++) {
		assert_int_equal(FILE_FAILED, file_use_fd(u[i]));
		file_use_free(u[i]);
	}
	assert_int_equal(0, files_count(files));
	file_use_free(use_new(1));
}

static void
so_many_stay_open_and_the_last_used_longest(void **state)
{
	struct file_key first = key_of(0);
	struct file_use *u;
	unsigned i;
	int fd;

	(void)state;
	for (i = 0; i < FILES_KEPT_MAX; i++)
		file_use_free(use_new(i));
	assert_int_equal(FILES_KEPT_MAX, files_count(files));
	u = files_use(files, &first, count_call, NULL);
	fd = file_use_fd(u);
	file_use_free(u);
	assert_int_equal(FILES_KEPT_MAX, n_asked);
	file_use_free(use_new(FILES_KEPT_MAX));
	assert_int_equal(FILES_KEPT_MAX, files_count(files));
	assert_true(is_open(fd)); /* and number 1 is not */
	first = key_of(1);
	u = files_use(files, &first, count_call, NULL);
	assert_int_equal(FILE_ASKED, file_use_fd(u));
	file_use_free(u);
}

static void
what_is_used_stays_open(void **state)
{
	struct file_use *u[FILES_KEPT_MAX + 2];
	unsigned i, n = FILES_KEPT_MAX + 2;

	(void)state;
	for (i = 0; i < n; i++)
		u[i] = use_new(i);
	for (i = 0; i < n; i++)
		assert_true(is_open(file_use_fd(u[i])));
	assert_int_equal(n, files_count(files));
	for (i = 0; i < n; i++)
		file_use_free(u[i]);
	assert_int_equal(FILES_KEPT_MAX, files_count(files));
}

static struct file_use *in_callback;

static void
free_use(void *arg)
{
	(void)arg;
	file_use_free(in_callback);
	in_callback = NULL;
}

static void
who_is_told_may_let_go_at_once(void **state)
{
	struct file_key key = key_of(1);

	(void)state;
	in_callback = files_use(files, &key, free_use, NULL);
	files_opened(files, asked, open_null());
	assert_null(in_callback);
	assert_int_equal(1, files_count(files));
	key = key_of(2);
	in_callback = files_use(files, &key, free_use, NULL);
	files_opened(files, asked, -1);
	assert_null(in_callback);
	assert_int_equal(1, files_count(files));
}

static void
an_answer_that_nobody_waits_for_is_kept_or_closed(void **state)
{
	struct file_key key = key_of(1);
	struct file_use *u = files_use(files, &key, count_call, NULL);
	int fd = open_null();

	(void)state;
	file_use_free(u);
	files_opened(files, asked, fd);
	assert_true(is_open(fd));
	fd = open_null();
	files_opened(files, asked, fd); /* a second time */
	assert_false(is_open(fd));
	files_opened(files, asked + 1, -1);
	assert_int_equal(1, files_count(files));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_asked_for_once_however_many_want_it),
		TEST(another_stamp_is_another_file),
		TEST(what_failed_is_told_and_asked_for_anew),
		TEST(who_cannot_be_asked_for_is_refused),
		TEST(so_many_are_asked_for_at_a_time_and_no_more),
		TEST(so_many_stay_open_and_the_last_used_longest),
		TEST(what_is_used_stays_open),
		TEST(who_is_told_may_let_go_at_once),
		TEST(an_answer_that_nobody_waits_for_is_kept_or_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
