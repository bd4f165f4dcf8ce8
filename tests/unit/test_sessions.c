/* test_sessions.c - what is remembered of visits, how long, and by whom. */
#include <sys/wait.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fork_child.h"
#include "net/sessions.h"

#define FEW   4u   /* slots, where the number does not matter */
#define LATER 1000 /* ms; when sessions end */

static struct sessions *s;
static unsigned char found[SESSIONS_DATA_MAX];

static int
setup(void **state)
{
	(void)state;
	s = sessions_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sessions_free(s);
	return 0;
}

static const unsigned char *
id_of(unsigned n)
{
	static unsigned char id[SESSIONS_ID_LEN];
	uint32_t mixed = (n ^ n >> 16) * 0x85ebca6bu; /* ids are random */

	mixed = (mixed ^ mixed >> 13) * 0xc2b2ae35u;
	mixed ^= mixed >> 16;
	memset(id, 0, sizeof(id));
	memcpy(id, &mixed, sizeof(mixed));
	memcpy(id + 4, &n, sizeof(n));
	return id;
}

/* What is put later ends later. */
static void
put(unsigned n, unsigned most)
{
	static int64_t later = LATER;
	char text[32];
	struct view data = { text, (size_t)sprintf(text, "visit %u", n) };

	sessions_put(s, most, id_of(n), data, later++);
}

static bool
is_found(size_t len, unsigned n)
{
	char text[32];

	return len == (size_t)sprintf(text, "visit %u", n) &&
	    memcmp(found, text, len) == 0;
}

static bool
finds(unsigned n, unsigned most)
{
	return is_found(sessions_find(s, most, id_of(n), 0, found), n);
}

static void
a_session_is_found_as_often_as_it_is_looked_for(void **state)
{
	(void)state;
	put(1, FEW);
	put(2, FEW);
	assert_true(finds(1, FEW) && finds(2, FEW) && finds(1, FEW));
	assert_int_equal(0, sessions_find(s, FEW, id_of(3), 0, found));
}

static void
a_session_is_taken_once(void **state)
{
	(void)state;
	put(1, FEW);
	put(3, FEW);
	put(5, FEW);
	assert_true(is_found(sessions_take(s, FEW, id_of(3), 0, found), 3));
	assert_int_equal(0, sessions_take(s, FEW, id_of(3), 0, found));
	assert_true(finds(1, FEW) && finds(5, FEW));
}

static void
a_session_ends_when_its_time_is_over(void **state)
{
	const unsigned char *id = id_of(1);
	struct view data = VIEW("visit 1");

	(void)state;
	sessions_put(s, FEW, id, data, LATER);
	assert_true(is_found(sessions_find(s, FEW, id, LATER - 1, found), 1));
	assert_int_equal(0, sessions_find(s, FEW, id, LATER, found));
	assert_int_equal(0, sessions_find(s, FEW, id, 0, found)); /* gone */
	sessions_put(s, FEW, id, data, LATER);
	assert_int_equal(0, sessions_take(s, FEW, id, LATER, found));
}

static void
so_many_are_remembered_and_then_the_oldest_is_forgotten(void **state)
{
	unsigned n, most;

	(void)state;
	for (most = 1; most <= SESSIONS_WINDOW; most++) {
		for (n = 1; n <= most; n++)
			put(n, most);
		for (n = 1; n <= most; n++)
			assert_true(finds(n, most));
		put(n, most);
		assert_false(finds(1, most));
		for (n = 2; n <= most + 1; n++)
			assert_true(finds(n, most));
		sessions_expire(s, most, INT64_MAX);
	}
}

static unsigned
count_found(unsigned to, unsigned most)
{
	unsigned n, count = 0;

	for (n = 1; n <= to; n++)
		count += finds(n, most);
	return count;
}

/* Each has eight places of its own, so a full table has lost some. */
static void
a_table_keeps_nearly_all_until_it_is_full(void **state)
{
	unsigned n, half, full;

	(void)state;
	for (n = 1; n <= SESSIONS_MAX / 2; n++)
		put(n, SESSIONS_MAX);
	half = count_found(SESSIONS_MAX / 2, SESSIONS_MAX);
	for (; n <= SESSIONS_MAX; n++)
		put(n, SESSIONS_MAX);
	full = count_found(SESSIONS_MAX, SESSIONS_MAX);
	print_message("%.2f %% kept of half a table, %.1f %% of a full one\n",
	    half * 200.0 / SESSIONS_MAX, full * 100.0 / SESSIONS_MAX);
	assert_true(half > SESSIONS_MAX / 2 / 100 * 99);
	assert_true(full > SESSIONS_MAX / 100 * 85);
	put(n, SESSIONS_MAX);
	assert_true(finds(n, SESSIONS_MAX));
}

static void
those_that_have_expired_are_forgotten_to_the_last_place(void **state)
{
	unsigned n, most;

	(void)state;
	for (most = 1; most <= SESSIONS_WINDOW; most++) {
		for (n = 1; n <= most; n++)
			sessions_put(s, most, id_of(n), VIEW("x"), n);
		sessions_expire(s, most, 0);
		for (n = 1; n <= most; n++) {
			assert_int_equal(1,
			    sessions_find(s, most, id_of(n), 0, found));
			sessions_expire(s, most, n);
			assert_int_equal(0,
			    sessions_find(s, most, id_of(n), 0, found));
		}
	}
}

static void
the_longest_session_fits_and_one_byte_more_does_not(void **state)
{
	char data[SESSIONS_DATA_MAX + 1];

	(void)state;
	memset(data, 'x', sizeof(data));
	sessions_put(s, FEW, id_of(1), (struct view){ data, SESSIONS_DATA_MAX },
	    LATER);
	assert_int_equal(SESSIONS_DATA_MAX,
	    sessions_find(s, FEW, id_of(1), 0, found));
	assert_memory_equal(data, found, SESSIONS_DATA_MAX);
	sessions_put(s, FEW, id_of(2), (struct view){ data, sizeof(data) },
	    LATER);
	assert_int_equal(0, sessions_find(s, FEW, id_of(2), 0, found));
	sessions_put(s, FEW, id_of(3), (struct view){ data, 0 }, LATER);
	assert_int_equal(0, sessions_find(s, FEW, id_of(3), 0, found));
}

static void
dropping_a_session_forgets_no_other(void **state)
{
	(void)state;
	put(1, FEW);
	put(2, FEW);
	sessions_drop(s, FEW, id_of(3));
	sessions_drop(s, FEW, id_of(2));
	assert_true(finds(1, FEW));
	assert_false(finds(2, FEW));
}

/* -- other processes -- */

#define BUSY 16u /* slots that two fight for */

/* Comes and goes until it is killed; ends if it finds what is not whole. */
static void
work(unsigned from)
{
	unsigned n, old;
	size_t len;

	for (n = from;; n++) {
		put(n % 100, BUSY);
		old = (n * 7 + 3) % 100;
		len = n % 2 == 0 ? sessions_take(s, BUSY, id_of(old), 0, found)
				 : sessions_find(s, BUSY, id_of(old), 0, found);
		if (len > 0 && !is_found(len, old))
			_exit(1);
	}
}

static void
another_process_knows_it(void **state)
{
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		put(1, FEW);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	assert_true(finds(1, FEW));
}

/* What a worker wrote half, or two wrote at once, is no session. */
static void
workers_killed_at_any_moment_leave_whole_sessions_or_none(void **state)
{
	unsigned round, n;
	pid_t pid[2];
	int i, status;

	(void)state;
	for (round = 0; round < 100; round++) {
		for (i = 0; i < 2; i++) {
			pid[i] = fork_child();
			assert_true(pid[i] >= 0);
			if (pid[i] == 0)
				work((unsigned)i * 50);
		}
		usleep((useconds_t)(500 + rand() % 5000));
		for (i = 0; i < 2; i++) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], &status, 0);
			assert_true(WIFSIGNALED(status));
		}
		for (n = 0; n < 100; n++)
			assert_true(finds(n, BUSY) ||
			    sessions_find(s, BUSY, id_of(n), 0, found) == 0);
		put(1000, BUSY);
		assert_true(finds(1000, BUSY));
	}
}

#define PRIZES 2000

static unsigned
take_all(void)
{
	unsigned n, taken = 0;

	for (n = 1; n <= PRIZES; n++)
		taken += sessions_take(s, SESSIONS_MAX, id_of(n), 0, found) > 0;
	return taken;
}

static void
of_two_that_ask_at_once_one_gets_it(void **state)
{
	unsigned n, all, mine, theirs = 0;
	int fds[2];
	pid_t pid;

	(void)state;
	for (n = 1; n <= PRIZES; n++)
		put(n, SESSIONS_MAX);
	all = count_found(PRIZES, SESSIONS_MAX);
	assert_int_equal(0, pipe(fds));
	pid = fork_child();
	if (pid == 0) {
		theirs = take_all();
		_exit(write(fds[1], &theirs, sizeof(theirs)) != sizeof(theirs));
	}
	mine = take_all();
	assert_int_equal(sizeof(theirs), read(fds[0], &theirs, sizeof(theirs)));
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(all, mine + theirs);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_session_is_found_as_often_as_it_is_looked_for),
		TEST(a_session_is_taken_once),
		TEST(a_session_ends_when_its_time_is_over),
		TEST(so_many_are_remembered_and_then_the_oldest_is_forgotten),
		TEST(a_table_keeps_nearly_all_until_it_is_full),
		TEST(those_that_have_expired_are_forgotten_to_the_last_place),
		TEST(the_longest_session_fits_and_one_byte_more_does_not),
		TEST(dropping_a_session_forgets_no_other),
		TEST(another_process_knows_it),
		TEST(workers_killed_at_any_moment_leave_whole_sessions_or_none),
		TEST(of_two_that_ask_at_once_one_gets_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
