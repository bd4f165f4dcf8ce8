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

#include "base/lock.h"
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

/* Ids that share chains, as few random ones would. */
static const unsigned char *
id_of(unsigned n)
{
	static unsigned char id[SESSIONS_ID_LEN];

	memset(id, 0, sizeof(id));
	id[1] = (unsigned char)(n & 1);
	memcpy(id + 4, &n, sizeof(n));
	return id;
}

static void
put(unsigned n, unsigned most)
{
	char text[32];
	struct view data = { text, (size_t)sprintf(text, "visit %u", n) };

	sessions_put(s, id_of(n), data, LATER, most);
}

static bool
is_found(size_t len, unsigned n)
{
	char text[32];

	return len == (size_t)sprintf(text, "visit %u", n) &&
	    memcmp(found, text, len) == 0;
}

static bool
finds(unsigned n)
{
	return is_found(sessions_find(s, id_of(n), 0, found), n);
}

static void
a_session_is_found_as_often_as_it_is_looked_for(void **state)
{
	(void)state;
	put(1, FEW);
	put(2, FEW);
	assert_true(finds(1) && finds(2) && finds(1));
	assert_int_equal(0, sessions_find(s, id_of(3), 0, found));
}

static void
a_session_is_taken_once(void **state)
{
	(void)state;
	put(1, FEW);
	put(3, FEW); /* in the same chain */
	put(5, FEW);
	assert_true(is_found(sessions_take(s, id_of(3), 0, found), 3));
	assert_int_equal(0, sessions_take(s, id_of(3), 0, found));
	assert_true(finds(1) && finds(5));
	assert_int_equal(2, sessions_count(s));
}

static void
a_session_ends_when_its_time_is_over(void **state)
{
	(void)state;
	put(1, FEW);
	assert_true(is_found(sessions_find(s, id_of(1), LATER - 1, found), 1));
	assert_int_equal(0, sessions_find(s, id_of(1), LATER, found));
	assert_int_equal(0, sessions_count(s)); /* its secret is gone */
	put(1, FEW);
	assert_int_equal(0, sessions_take(s, id_of(1), LATER, found));
}

static void
so_many_are_remembered_and_then_the_oldest_is_forgotten(void **state)
{
	unsigned n, most;

	(void)state;
	for (most = 1; most <= FEW; most++) {
		for (n = 1; n <= most; n++)
			put(n, most);
		for (n = 1; n <= most; n++)
			assert_true(finds(n));
		put(n, most);
		assert_false(finds(1));
		for (n = 2; n <= most + 1; n++)
			assert_true(finds(n));
		while (n-- > 1)
			sessions_drop(s, id_of(n));
		assert_int_equal(0, sessions_count(s));
	}
}

static void
the_whole_table_can_be_filled(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n <= SESSIONS_MAX; n++)
		put(n, SESSIONS_MAX);
	assert_true(finds(1) && finds(SESSIONS_MAX));
	put(n, SESSIONS_MAX);
	assert_false(finds(1));
	assert_true(finds(2) && finds(n));
	assert_int_equal(SESSIONS_MAX, sessions_count(s));
}

/* A reload may say another number. */
static void
a_smaller_number_forgets_the_oldest(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n <= 10; n++)
		put(n, 10);
	put(11, 3);
	assert_int_equal(3, sessions_count(s));
	assert_true(finds(9) && finds(10) && finds(11));
	put(12, 10);
	assert_int_equal(4, sessions_count(s));
}

static void
the_longest_session_fits_and_one_byte_more_does_not(void **state)
{
	char data[SESSIONS_DATA_MAX + 1];

	(void)state;
	memset(data, 'x', sizeof(data));
	sessions_put(s, id_of(1), (struct view){ data, SESSIONS_DATA_MAX },
	    LATER, FEW);
	assert_int_equal(SESSIONS_DATA_MAX,
	    sessions_find(s, id_of(1), 0, found));
	assert_memory_equal(data, found, SESSIONS_DATA_MAX);
	sessions_put(s, id_of(2), (struct view){ data, sizeof(data) }, LATER,
	    FEW);
	assert_int_equal(0, sessions_find(s, id_of(2), 0, found));
	sessions_put(s, id_of(3), (struct view){ data, 0 }, LATER, FEW);
	assert_int_equal(1, sessions_count(s));
}

static void
dropping_what_is_not_there_changes_nothing(void **state)
{
	(void)state;
	put(1, FEW);
	sessions_drop(s, id_of(3));
	assert_true(finds(1));
}

/* -- other processes -- */

static void
work(unsigned from)
{
	unsigned n;

	lock_enter_process();
	for (n = from;; n++) {
		put(n, 64);
		if (n % 2 == 0) /* the rest is left to grow old */
			(void)sessions_take(s, id_of(n - 7), 0, found);
		(void)sessions_find(s, id_of(n - 3), 0, found);
	}
}

static void
another_process_knows_it(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		lock_enter_process();
		put(1, FEW);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	assert_true(finds(1));
}

/* The table is whole, or empty, whenever its workers were killed. */
static void
workers_killed_at_any_moment_leave_a_table_in_order(void **state)
{
	unsigned round, n, whole = 0;
	pid_t pid[2];
	int i;

	(void)state;
	alarm(60); /* a lock that nobody gives back would last for ever */
	for (round = 0; round < 200; round++) {
		put(1000000 + round, 64);
		for (i = 0; i < 2; i++) {
			pid[i] = fork();
			assert_true(pid[i] >= 0);
			if (pid[i] == 0)
				work((unsigned)i * 100000 + 10);
		}
		while (finds(1000000 + round)) /* until both had their turn */
			;
		for (i = 0; i < 2; i++)
			kill(pid[i], SIGKILL);
		for (i = 0; i < 2; i++) {
			waitpid(pid[i], NULL, 0);
			sessions_bury(s, pid[i]);
		}
		whole += sessions_count(s) > 0;
		for (n = 1; n <= 65; n++)
			put(n, 64);
		assert_int_equal(64, sessions_count(s));
		for (n = 2; n <= 65; n++)
			assert_true(finds(n));
		for (n = 2; n <= 65; n++)
			sessions_drop(s, id_of(n));
		assert_int_equal(0, sessions_count(s));
	}
	alarm(0);
	assert_true(whole > 0); /* not every death forgets all */
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
		TEST(the_whole_table_can_be_filled),
		TEST(a_smaller_number_forgets_the_oldest),
		TEST(the_longest_session_fits_and_one_byte_more_does_not),
		TEST(dropping_what_is_not_there_changes_nothing),
		TEST(another_process_knows_it),
		TEST(workers_killed_at_any_moment_leave_a_table_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
