/* test_lock.c - one at a time, whoever dies meanwhile. */
#include <sys/mman.h>
#include <sys/wait.h>

#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/lock.h"
#include "fork_child.h"

#define TURNS 20000

static struct shared {
	struct lock lock;
	long long a, b; /* equal but inside the section */
} * s;

static int
setup(void **state)
{
	(void)state;
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANON, -1, 0);
	return s == MAP_FAILED ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	return munmap(s, sizeof(*s));
}

/* A child that runs fn and stays away from cmocka. */
static pid_t
child(void (*fn)(void))
{
	pid_t pid = fork_child();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	lock_enter_process();
	fn();
	_exit(0);
}

static void
count(void)
{
	int i;

	for (i = 0; i < TURNS; i++) {
		lock_take(&s->lock);
		if (s->a++ != s->b++)
			_exit(1);
		lock_give(&s->lock);
	}
}

static void
never_end(void)
{
	for (;;)
		count();
}

static void
die_with_it(void)
{
	lock_take(&s->lock);
	s->a++;
}

static void
several_processes_take_turns(void **state)
{
	pid_t pid[3];
	int i, status;

	(void)state;
	for (i = 0; i < 3; i++)
		pid[i] = child(count);
	for (i = 0; i < 3; i++) {
		waitpid(pid[i], &status, 0);
		assert_int_equal(0, status);
	}
	assert_int_equal(3 * TURNS, s->a);
	assert_int_equal(s->a, s->b);
}

static void
one_that_died_without_it_leaves_it_whole(void **state)
{
	pid_t pid = child(count);

	(void)state;
	waitpid(pid, NULL, 0);
	assert_false(lock_take_after(&s->lock, pid));
	lock_give(&s->lock);
}

static void
one_that_died_with_it_is_told(void **state)
{
	pid_t pid = child(die_with_it);

	(void)state;
	waitpid(pid, NULL, 0);
	assert_true(lock_take_after(&s->lock, pid));
	assert_int_equal(s->a, s->b + 1);
	lock_give(&s->lock);
	lock_take(&s->lock); /* it is whole again */
	lock_give(&s->lock);
}

/* Two died; the one that is buried first waits for the other's lock. */
static void
one_that_died_with_it_and_is_not_waited_for_yet_is_told(void **state)
{
	pid_t first = child(count), second;
	siginfo_t info;

	(void)state;
	waitpid(first, NULL, 0);
	second = child(die_with_it);
	waitid(P_PID, (id_t)second, &info, WEXITED | WNOWAIT);
	assert_true(lock_take_after(&s->lock, first));
	lock_give(&s->lock);
	waitpid(second, NULL, 0);
	assert_false(lock_take_after(&s->lock, second));
	lock_give(&s->lock);
}

/* What a section leaves half done is told, and only that. */
static void
a_death_at_any_moment_is_told_if_it_matters(void **state)
{
	bool torn;
	pid_t pid;
	int i;

	(void)state;
	alarm(60); /* a lock that nobody gives back would last for ever */
	for (i = 0; i < 200; i++) {
		pid = child(never_end);
		while (*(volatile long long *)&s->a == 0)
			;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		torn = lock_take_after(&s->lock, pid);
		assert_true(torn || s->a == s->b);
		s->a = s->b = 0;
		lock_give(&s->lock);
	}
	alarm(0);
}

/* -- what stands in the lock is not true, or is nobody's any more -- */

#define PATIENCE_S 60 /* a wait takes one, on a machine with time */

static int naps;

/* Instead of the C library's: who waits for a lock naps by it. */
int
poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000L };

	(void)fds;
	(void)n;
	naps++;
	return nanosleep(&t, NULL);
}

static double
seconds(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
a_forged_holder_makes_nobody_wait_for_ever(void **state)
{
	static const int forged[] = { 1, -1 };
	size_t i;

	(void)state;
	alarm(PATIENCE_S);
	for (i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		atomic_store(&s->lock.holder, forged[i]);
		assert_true(lock_take(&s->lock));
		lock_give(&s->lock);
		assert_false(lock_take(&s->lock)); /* it is whole again */
		lock_give(&s->lock);
	}
	atomic_store(&s->lock.holder, (int)getpid());
	assert_true(lock_take(&s->lock));
	alarm(0);
}

/* The master is stopped by it no longer than workers are. */
static void
a_forged_holder_does_not_stop_who_waits_for_children(void **state)
{
	static const int forged[] = { 1, INT_MIN };
	pid_t pid = child(count);
	size_t i;

	(void)state;
	waitpid(pid, NULL, 0);
	alarm(PATIENCE_S);
	for (i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		atomic_store(&s->lock.holder, forged[i]);
		assert_true(lock_take_after(&s->lock, pid));
		lock_give(&s->lock);
	}
	alarm(0);
}

static void
forge_for_ever(void)
{
	for (;;)
		atomic_store(&s->lock.holder, 2 + rand() % 1000);
}

static void
holders_that_never_stop_changing_make_nobody_wait_for_ever(void **state)
{
	pid_t pid = child(forge_for_ever);

	(void)state;
	while (atomic_load(&s->lock.holder) == 0)
		;
	alarm(PATIENCE_S);
	naps = 0;
	(void)lock_take(&s->lock);
	assert_in_range(naps, 0, LOCK_WAIT_NAPS);
	alarm(0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Nobody is left who could say that the holder is dead. */
static void
a_holder_that_died_unheard_makes_nobody_wait_for_ever(void **state)
{
	pid_t pid = child(die_with_it);
	int status;

	(void)state;
	waitpid(pid, NULL, 0);
	pid = child(count);
	alarm(PATIENCE_S);
	waitpid(pid, &status, 0);
	alarm(0);
	assert_int_equal(1 << 8, status); /* a and b differ: it was told */
	assert_int_equal(s->a, s->b + 1);
}

static void
who_waits_sleeps(void **state)
{
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	double wall = seconds(CLOCK_MONOTONIC);

	(void)state;
	naps = 0;
	atomic_store(&s->lock.holder, 1);
	assert_true(lock_take(&s->lock));
	assert_int_equal(LOCK_HELD_NAPS, naps);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	assert_true(wall >= LOCK_HELD_NAPS / 1000.0);
	assert_true(cpu < wall / 4);
}

/* One that was stopped for long comes back and gives what is not its own. */
static void
who_lost_it_gives_nothing_away(void **state)
{
	(void)state;
	lock_take(&s->lock);
	atomic_store(&s->lock.holder, 1); /* another one took it by force */
	lock_give(&s->lock);
	assert_int_equal(1, atomic_load(&s->lock.holder));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(several_processes_take_turns),
		TEST(one_that_died_without_it_leaves_it_whole),
		TEST(one_that_died_with_it_is_told),
		TEST(one_that_died_with_it_and_is_not_waited_for_yet_is_told),
		TEST(a_death_at_any_moment_is_told_if_it_matters),
		TEST(a_forged_holder_makes_nobody_wait_for_ever),
		TEST(a_forged_holder_does_not_stop_who_waits_for_children),
		TEST(
		    holders_that_never_stop_changing_make_nobody_wait_for_ever),
		TEST(a_holder_that_died_unheard_makes_nobody_wait_for_ever),
		TEST(who_waits_sleeps),
		TEST(who_lost_it_gives_nothing_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
