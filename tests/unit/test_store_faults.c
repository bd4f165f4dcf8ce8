/*
 * test_store_faults.c - every call of the system fails once, and what was
 * committed is there all the same.
 *
 * The store's files are compiled here with calls that fail when their time has
 * come.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "site/store.h"
#include "store_place.h"

static unsigned left; /* calls until one fails; 0: none does */
static bool has_failed;

static bool
fails_now(void)
{
	has_failed = left == 1;
	if (left > 0)
		left--;
	if (has_failed)
		errno = ENOSPC;
	return has_failed;
}

/* As on a disk that fills up: a part is written first. */
static ssize_t
faulty_pwrite(int fd, const void *p, size_t len, off_t at)
{
	static bool was_short;

	if (was_short) {
		was_short = false;
		errno = ENOSPC;
		return -1;
	}
	if (!fails_now())
		return pwrite(fd, p, len, at);
	was_short = len > 1;
	if (was_short)
		return pwrite(fd, p, len / 2, at);
	return -1;
}

static int
faulty_openat(int folder, const char *name, int flags, ...)
{
	return fails_now() ? -1 : openat(folder, name, flags, 0600);
}

#define pwrite(fd, p, len, at) faulty_pwrite(fd, p, len, at)
#define openat                 faulty_openat
#define fsync(fd)              (fails_now() ? -1 : fsync(fd))
#define renameat(a, b, c, d)   (fails_now() ? -1 : renameat(a, b, c, d))
#define ftruncate(fd, len)     (fails_now() ? -1 : ftruncate(fd, len))

#include "site/store.c"
#include "site/store_batch.c"
#include "site/store_commit.c"
#include "site/store_compact.c"
#include "site/store_folder.c"
#include "site/store_table.c"

#define IDS 60

static const struct store_limits tiny = { 9000, 7, 30, 10, 3000 };
static const char *folder;

/* Whole, and every entry is of this version. */
static void
check_folder(const struct store_reader *r, unsigned version)
{
	struct problems *ps = problems_new();
	struct store_counts counts;
	unsigned id;

	if (store_check(folder, ps, &counts) == -1)
		fail_msg("%s", problems_get(ps, 0));
	for (id = 0; id < IDS; id++)
		if (!sample_is_right(r, (struct sample){ id, version }))
			fail_msg("%u is not version %u", id, version);
	problems_free(ps);
}

static int
write_version(struct store *s, unsigned version)
{
	unsigned id;

	for (id = 0; id < IDS; id++)
		if (sample_put(s, (struct sample){ id, version }) == -1)
			return -1;
	return store_commit(s, true);
}

static struct store *
open_whole(struct buf *why)
{
	struct store *s = store_open(folder, -1, false, why);

	if (s == NULL || why->len > 0)
		fail_msg("%.*s", VIEW_ARG(buf_view(why)));
	store_set_limits(s, &tiny);
	return s;
}

static void
a_commit_that_fails_anywhere_leaves_the_old_state(void **state)
{
	unsigned n, version = 1;
	struct buf why;
	struct store *s;
	int r;

	(void)state;
	folder = store_place_new();
	buf_init(&why, 4096);
	s = open_whole(&why);
	assert_int_equal(0, write_version(s, version));
	for (n = 1;; n++) {
		left = n;
		r = write_version(s, version + 1);
		if (left > 0)
			break;
		left = 0;
		if (r == 0)
			version++;
		else
			assert_true(store_why(s)[0] != '\0');
		check_folder(store_reader(s), version);
		if (n % 3 == 0) {
			store_close(s);
			s = open_whole(&why);
			check_folder(store_reader(s), version);
		}
		assert_int_equal(0, write_version(s, ++version));
		check_folder(store_reader(s), version);
	}
	left = 0;
	assert_true(n > 20);
	store_close(s);
	buf_fini(&why);
	store_place_free(folder);
}

/* It cannot be opened now, or it can: what is in it is not lost. */
static void
a_store_that_cannot_be_opened_loses_nothing(void **state)
{
	struct buf why;
	struct store *s;
	unsigned n;

	(void)state;
	folder = store_place_new();
	buf_init(&why, 4096);
	s = open_whole(&why);
	assert_int_equal(0, write_version(s, 1));
	assert_int_equal(0, write_version(s, 2));
	store_close(s);
	for (n = 1;; n++) {
		left = n;
		s = store_open(folder, -1, false, &why);
		if (s != NULL && left > 0)
			break;
		left = 0;
		if (s == NULL)
			assert_true(why.len > 0);
		else
			check_folder(store_reader(s), 2);
		store_close(s);
		buf_reset(&why);
		s = open_whole(&why);
		check_folder(store_reader(s), 2);
		store_close(s);
	}
	assert_true(n > 5);
	left = 0;
	store_close(s);
	buf_fini(&why);
	store_place_free(folder);
}

/* A file for answers and one for meta parts take the last two. */
static void
numbers_of_files_end_and_do_not_begin_again(void **state)
{
	struct buf why;
	struct store *s;

	(void)state;
	folder = store_place_new();
	buf_init(&why, 4096);
	s = open_whole(&why);
	s->next = STORE_NUMBER_MAX - 2;
	assert_int_equal(0, sample_put(s, (struct sample){ 1, 1 }));
	assert_int_equal(0, store_commit(s, false));
	s->limits.file = 1;
	assert_int_equal(-1, sample_put(s, (struct sample){ 1, 2 }));
	assert_int_equal(EFBIG, errno);
	store_close(s);
	s = open_whole(&why);
	assert_true(sample_is_right(store_reader(s), (struct sample){ 1, 1 }));
	store_close(s);
	buf_fini(&why);
	store_place_free(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_commit_that_fails_anywhere_leaves_the_old_state),
		cmocka_unit_test(a_store_that_cannot_be_opened_loses_nothing),
		cmocka_unit_test(numbers_of_files_end_and_do_not_begin_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
