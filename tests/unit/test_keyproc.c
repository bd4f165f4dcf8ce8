/* test_keyproc.c - the key process's loop, and child tasks: whom it answers,
 * and when it goes. */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "base/clock.h"
#include "fork_child.h"
#include "expect.h"
#include "net/signing.h"
#include "process/channel.h"
#include "process/child_task.h"
#include "process/keyproc.h"
#include "process/ways.h"

#define PATIENCE_MS 20000

static EVP_PKEY *keys[1];
static struct child key_process;

static void
start(void)
{
	int theirs;

	assert_int_equal(0, channel_open(&key_process.channel, &theirs));
	key_process.pid = fork_child();
	assert_true(key_process.pid >= 0);
	if (key_process.pid == 0) {
		close(key_process.channel);
		keyproc_serve(theirs, keys, 1);
		_exit(0);
	}
	close(theirs);
}

/* It has gone by itself, and in good order. */
static void
assert_gone(void)
{
	int status;

	assert_int_equal(key_process.pid, waitpid(key_process.pid, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

/* A request that is answered with a signature. */
static size_t
good(unsigned char *to)
{
	char m[64 + 4 + 32] = { 0 };
	struct signing_request r = { 0,
		signing_scheme_find("EC", "SHA256", false), { m, sizeof(m) } };

	memcpy(m + 64, "\3\0\35\40", 4);
	return signing_request_write(&r, to);
}

/* The length of the answer, 0 if there is an end instead. */
static ssize_t
ask(int fd, const unsigned char *record, size_t len)
{
	unsigned char reply[SIGNING_ANSWER_MAX + 1];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (send(fd, record, len, MSG_NOSIGNAL) == -1)
		return 0;
	assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
	return recv(fd, reply, sizeof(reply), 0);
}

static void
junk_is_refused_and_the_next_request_answered(void **state)
{
	unsigned char request[SIGNING_REQUEST_MAX], junk[4096] = { 0 };
	size_t n = good(request), len;
	int fd;

	(void)state;
	start();
	fd = child_introduce(&key_process, CHANNEL_KEY_PROCESS, 1);
	assert_true(fd >= 0);
	for (len = 1; len < sizeof(junk); len = len * 3 / 2 + 1) {
		assert_int_equal(1, ask(fd, junk, len));
		assert_true(ask(fd, request, n) > 1);
	}
	close(fd);
	close(key_process.channel);
	assert_gone();
}

static void
it_stays_until_the_last_worker_has_gone(void **state)
{
	unsigned char request[SIGNING_REQUEST_MAX];
	size_t n = good(request);
	int a, b;

	(void)state;
	start();
	a = child_introduce(&key_process, CHANNEL_KEY_PROCESS, 1);
	b = child_introduce(&key_process, CHANNEL_KEY_PROCESS, 2);
	close(key_process.channel);
	assert_true(ask(a, request, n) > 1);
	close(a);
	assert_true(ask(b, request, n) > 1);
	assert_int_equal(0, waitpid(key_process.pid, NULL, WNOHANG));
	close(b);
	assert_gone();
}

static void
it_stays_for_the_master_without_workers(void **state)
{
	unsigned char request[SIGNING_REQUEST_MAX];
	size_t n = good(request);
	int fd;

	(void)state;
	start();
	close(child_introduce(&key_process, CHANNEL_KEY_PROCESS, 1));
	fd = child_introduce(&key_process, CHANNEL_KEY_PROCESS, 1);
	assert_true(ask(fd, request, n) > 1);
	close(fd);
	close(key_process.channel);
	assert_gone();
}

static void
a_worker_that_takes_no_answer_stops_nobody(void **state)
{
	unsigned char request[SIGNING_REQUEST_MAX];
	size_t n = good(request);
	int deaf, fd;
	int i;

	(void)state;
	start();
	deaf = child_introduce(&key_process, CHANNEL_KEY_PROCESS, 2);
	fd = child_introduce(&key_process, CHANNEL_KEY_PROCESS, 1);
	/* Until it hangs up on the one that does not listen. */
	while (send(deaf, request, n, MSG_NOSIGNAL | MSG_DONTWAIT) != -1 ||
	    errno == EAGAIN)
		assert_true(ask(fd, request, n) > 1);
	for (i = 0; i < 3; i++)
		assert_true(ask(fd, request, n) > 1);
	close(deaf);
	close(fd);
	close(key_process.channel);
	assert_gone();
}

/* Its channel may be full for a moment. */
static int
introduce(unsigned number)
{
	int fd;

	while ((fd = child_introduce(&key_process, CHANNEL_KEY_PROCESS,
		    number)) == -1 &&
	    errno == EAGAIN)
		(void)poll(NULL, 0, 1);
	assert_true(fd >= 0);
	return fd;
}

static void
so_many_workers_are_served_and_not_one_more(void **state)
{
	unsigned char request[SIGNING_REQUEST_MAX];
	size_t n = good(request);
	int fd[WAYS_MAX + 2];
	unsigned i;

	(void)state;
	start();
	for (i = 0; i <= WAYS_MAX + 1; i++)
		fd[i] = introduce(i);
	assert_true(ask(fd[1], request, n) > 1);
	assert_true(ask(fd[WAYS_MAX], request, n) > 1);
	assert_true(ask(fd[0], request, n) <= 0); /* the master's own */
	assert_true(ask(fd[WAYS_MAX + 1], request, n) <= 0);
	close(key_process.channel);
	for (i = 0; i <= WAYS_MAX + 1; i++)
		close(fd[i]);
	assert_gone();
}

static void
a_worker_has_one_way_and_takes_nobody_elses(void **state)
{
	unsigned char request[SIGNING_REQUEST_MAX];
	size_t n = good(request);
	int other, before, now = -1, i;

	(void)state;
	start();
	other = introduce(2);
	for (i = 0; i < 2 * WAYS_MAX; i++) {
		before = now;
		now = introduce(1);
		if (before == -1)
			continue;
		/* Later than that one is heard of, this one is closed. */
		assert_true(ask(now, request, n) > 1);
		assert_true(ask(before, request, n) <= 0);
		close(before);
	}
	assert_true(ask(other, request, n) > 1);
	close(now);
	close(other);
	close(key_process.channel);
	assert_gone();
}

/* True if it says within its time that it lives. */
static bool
is_heard(void)
{
	struct pollfd p = { .fd = key_process.channel, .events = POLLIN };

	key_process.probed = false;
	assert_int_equal(0, child_probe(&key_process));
	(void)poll(&p, 1, CHILD_PROBE_MS);
	return !child_is_silent(&key_process);
}

static void
one_that_lives_says_so_and_one_that_hangs_does_not(void **state)
{
	(void)state;
	start();
	assert_false(child_is_silent(&key_process)); /* it was not asked */
	assert_true(is_heard());
	assert_true(is_heard());
	assert_int_equal(0, kill(key_process.pid, SIGSTOP));
	assert_false(is_heard());
	assert_int_equal(0, kill(key_process.pid, SIGCONT));
	close(key_process.channel);
	assert_gone();
}

/* -- child tasks -- */

static int
finds(void *arg, struct problems *ps)
{
	problems_add(ps, "x.ini", 7, "a thing about %s", (char *)arg);
	problems_add(ps, "x.ini", 3, "another");
	return 5;
}

static int
finds_nothing(void *arg, struct problems *ps)
{
	(void)arg;
	(void)ps;
	return 0;
}

static int
fails(void *arg, struct problems *ps)
{
	(void)arg;
	(void)ps;
	return -1;
}

static int
dies(void *arg, struct problems *ps)
{
	(void)arg;
	(void)ps;
	_exit(0);
}

static void
a_child_task_brings_back_what_it_found(void **state)
{
	struct problems *ps = problems_new();

	(void)state;
	assert_int_equal(0, child_task_run(finds_nothing, NULL, ps));
	assert_int_equal(-1, child_task_run(fails, NULL, ps));
	assert_int_equal(0, problems_count(ps));
	problems_add(ps, "x.ini", 5, "here");
	assert_int_equal(5, child_task_run(finds, (char[]){ "keys" }, ps));
	assert_int_equal(3, problems_count(ps));
	assert_string_equal("x.ini:3: another", problems_get(ps, 0));
	assert_string_equal("x.ini:5: here", problems_get(ps, 1));
	assert_string_equal("x.ini:7: a thing about keys", problems_get(ps, 2));
	problems_free(ps);
}

static void
a_child_task_that_dies_is_a_problem(void **state)
{
	struct problems *ps = problems_new();

	(void)state;
	assert_int_equal(-1, child_task_run(dies, NULL, ps));
	assert_int_equal(1, problems_count(ps));
	problems_free(ps);
}

static __attribute__((noreturn)) int
hangs(void *arg, struct problems *ps)
{
	(void)arg;
	(void)ps;
	for (;;)
		(void)pause();
}

/* Others wait for the master meanwhile. */
static void
a_child_task_that_hangs_costs_its_time_and_no_more(void **state)
{
	static const int limit_ms = 300;
	struct problems *ps = problems_new();
	int64_t begin, took;

	(void)state;
	child_task_set_deadline(limit_ms);
	begin = clock_ms();
	assert_int_equal(-1, child_task_run(hangs, NULL, ps));
	took = clock_ms() - begin;
	child_task_set_deadline(CHILD_TASK_START_MS);
	assert_in_range(took, limit_ms, PATIENCE_MS);
	assert_int_equal(1, problems_count(ps));
	/* It is gone. */
	assert_int_equal(-1, waitpid(-1, NULL, WNOHANG));
	assert_int_equal(ECHILD, errno);
	problems_free(ps);
}

/* Too many problems to bring back are still a failure. */
static int
finds_too_much(void *arg, struct problems *ps)
{
	static char long_one[2001];
	size_t i, n = *(size_t *)arg;

	memset(long_one, 'x', 2000);
	for (i = 0; i < n; i++)
		problems_add(ps, NULL, 0, "%s", long_one);
	return 0;
}

static void
a_report_has_its_limit(void **state)
{
	/* Each is "0 ", 2000 letters and a NUL. */
	size_t n = (CHILD_TASK_REPORT_MAX - 1) / 2003;
	struct problems *ps = problems_new();

	(void)state;
	assert_int_equal(0, child_task_run(finds_too_much, &n, ps));
	assert_int_equal(n, problems_count(ps));
	problems_free(ps);
	ps = problems_new();
	n++;
	assert_int_equal(-1, child_task_run(finds_too_much, &n, ps));
	assert_int_equal(1, problems_count(ps));
	problems_free(ps);
}

static int
setup(void **state)
{
	(void)state;
	keys[0] = EVP_EC_gen("P-256");
	return keys[0] == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(keys[0]);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(junk_is_refused_and_the_next_request_answered),
		cmocka_unit_test(it_stays_until_the_last_worker_has_gone),
		cmocka_unit_test(it_stays_for_the_master_without_workers),
		cmocka_unit_test(a_worker_that_takes_no_answer_stops_nobody),
		cmocka_unit_test(so_many_workers_are_served_and_not_one_more),
		cmocka_unit_test(a_worker_has_one_way_and_takes_nobody_elses),
		cmocka_unit_test(
		    one_that_lives_says_so_and_one_that_hangs_does_not),
		cmocka_unit_test(a_child_task_brings_back_what_it_found),
		cmocka_unit_test(a_child_task_that_dies_is_a_problem),
		cmocka_unit_test(
		    a_child_task_that_hangs_costs_its_time_and_no_more),
		cmocka_unit_test(a_report_has_its_limit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
