/*
 * test_upstream.c - questions to applications and how they are dialled, over
 * real sockets and a loop, with this process as master and application.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <arpa/inet.h>
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

#include <event2/event.h>

#include "base/log.h"
#include "expect.h"
#include "net/dial.h"
#include "net/upstream.h"

#define MANY (UPSTREAM_DIALS_MAX + 8)

/* Made to last as long as a process: all are kept. */
static struct upstreams *all[8], *us;
static size_t n_all;
static struct event_base *base;
static struct target scgi = { .number = 3, .is_scgi = true };

/* What was asked of the master. */
static unsigned n_orders, last_number;
static int order_result;

static int
order(void *arg, unsigned number)
{
	(void)arg;
	if (order_result == 0) {
		n_orders++;
		last_number = number;
	}
	return order_result;
}

static void
count(void *arg)
{
	++*(int *)arg;
}

static int
set_up(void **state)
{
	(void)state;
	log_to((struct log_sink){ LOG_TO_NONE, -1 },
	    (struct log_sink){ LOG_TO_NONE, -1 });
	scgi.name = VIEW("unix:a.sock");
	base = event_base_new();
	us = all[n_all++] = upstreams_new(base, order, NULL);
	n_orders = 0;
	order_result = 0;
	return 0;
}

static struct upstream *
ask(int *ready)
{
	struct upstream *u =
	    upstream_new(us, &scgi, VIEW("A\0b\0"), count, ready);

	assert_non_null(u);
	return u;
}

/* Both ends of a connection; ours does not block. */
static void
pair(int fds[2])
{
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	assert_int_equal(0, fcntl(fds[0], F_SETFL, O_NONBLOCK));
}

static void
a_question_is_asked_once_there_is_a_socket(void **state)
{
	static const char want[] = "28:CONTENT_LENGTH\0000\0SCGI\0001\0A\0b\0,";
	int fds[2], ready = 0;
	struct upstream *u = ask(&ready);
	char got[100];
	struct buf to;

	(void)state;
	buf_init(&to, 1000);
	assert_int_equal(1, n_orders);
	assert_int_equal(3, last_number);
	assert_int_equal(UPSTREAM_WAIT, upstream_read(u, &to));
	assert_false(upstream_is_asked(u));
	pair(fds);
	upstreams_dialled(us, DIAL_OK, fds[0]);
	assert_int_equal(1, ready);
	assert_int_equal(UPSTREAM_WAIT, upstream_read(u, &to));
	assert_true(upstream_is_asked(u));
	assert_int_equal(sizeof(want) - 1, read(fds[1], got, sizeof(got)));
	assert_memory_equal(want, got, sizeof(want) - 1);

	assert_int_equal(5, write(fds[1], "hello", 5));
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(2, ready);
	assert_int_equal(UPSTREAM_MORE, upstream_read(u, &to));
	expect_written("answer", &to, "hello");
	/* What is not asked for again wakes nobody. */
	assert_int_equal(5, write(fds[1], "hello", 5));
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(2, ready);
	upstream_again(u);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(3, ready);
	assert_int_equal(UPSTREAM_MORE, upstream_read(u, &to));
	close(fds[1]);
	assert_int_equal(UPSTREAM_END, upstream_read(u, &to));
	upstream_free(u);
	buf_fini(&to);
}

static void
so_many_wait_for_the_master_and_no_more(void **state)
{
	struct upstream *u[MANY];
	int fds[2], ready[MANY] = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < MANY; i++)
		u[i] = ask(&ready[i]);
	assert_int_equal(UPSTREAM_DIALS_MAX, n_orders);
	/* Who gives up leaves its place to the answer that is on its way. */
	upstream_free(u[0]);
	upstream_free(u[UPSTREAM_DIALS_MAX + 1]);
	assert_int_equal(UPSTREAM_DIALS_MAX, n_orders);
	pair(fds);
	upstreams_dialled(us, DIAL_OK, fds[0]);
	assert_int_equal(0, read(fds[1], &ready[0], 1)); /* it was closed */
	close(fds[1]);
	assert_int_equal(UPSTREAM_DIALS_MAX + 1, n_orders);
	for (i = 1; i < MANY; i++) {
		if (i == UPSTREAM_DIALS_MAX + 1)
			continue;
		upstreams_dialled(us, DIAL_DOWN, -1);
		assert_int_equal(1, ready[i]);
	}
	assert_int_equal(MANY - 1, n_orders);
	for (i = 1; i < MANY; i++)
		if (i != UPSTREAM_DIALS_MAX + 1) {
			assert_int_equal(UPSTREAM_DOWN,
			    upstream_read(u[i], NULL));
			upstream_free(u[i]);
		}
	upstreams_dialled(us, DIAL_DOWN, -1); /* which nobody asked for */
}

static void
who_is_busy_is_asked_again_server_or_master(void **state)
{
	int ready = 0, other = 0, third = 0;
	struct upstream *u = ask(&ready), *gone = ask(&other), *late;

	(void)state;
	upstreams_dialled(us, DIAL_BUSY, -1);
	upstreams_dialled(us, DIAL_OK, -1); /* no room for a descriptor */
	upstream_free(gone);
	assert_int_equal(2, n_orders);
	order_result = -1;
	late = ask(&third);
	assert_int_equal(2, n_orders);
	order_result = 0;
	while (n_orders < 4)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(0, ready + other + third);
	upstreams_give_up(us);
	assert_int_equal(1, ready);
	assert_int_equal(1, third);
	assert_int_equal(UPSTREAM_DOWN, upstream_read(u, NULL));
	upstream_free(u);
	upstream_free(late);
	/* From then on nobody waits at all. */
	u = ask(&ready);
	assert_int_equal(UPSTREAM_DOWN, upstream_read(u, NULL));
	upstream_free(u);
	assert_int_equal(4, n_orders);
}

/* -- dial -- */

static int
listen_at(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	unlink(path);
	assert_int_equal(0, bind(fd, (void *)&un, sizeof(un)));
	assert_int_equal(0, listen(fd, 0));
	return fd;
}

static void
a_number_is_dialled_and_no_address(void **state)
{
	char folder[] = "/tmp/capsuled.XXXXXX", path[64];
	struct target targets[3] = { { .number = 0 }, { .number = 1 },
		{ .number = 2 } };
	int listener, fd[64], n = 0;
	enum dial_result r = DIAL_OK;
	struct dials *ds;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	targets[0].host = targets[0].name = view_of(path);
	targets[0].next = &targets[1];
	targets[1].host = targets[1].name = VIEW("/nonexistent/socket");
	targets[1].next = &targets[2];
	targets[2].family = TARGET_IPV4;
	targets[2].host = targets[2].name = VIEW("127.0.0.1");
	targets[2].port = 1; /* which is nobody's */
	ds = dials_ref(dials_new(targets, 3));
	dials_unref(ds);
	listener = listen_at(path);
	for (; r == DIAL_OK && n < 64; n++)
		r = dial(ds, 0, &fd[n]);
	assert_int_equal(DIAL_BUSY, r); /* its queue is full */
	assert_int_equal(-1, fd[--n]);
	assert_true(n > 0);
	assert_true(fcntl(fd[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd[0], F_GETFD) & FD_CLOEXEC);
	while (n-- > 0)
		close(fd[n]);
	close(listener);
	assert_int_equal(DIAL_DOWN, dial(ds, 0, fd));
	assert_int_equal(DIAL_DOWN, dial(ds, 1, fd));
	assert_int_equal(DIAL_DOWN, dial(ds, 3, fd));
	assert_int_equal(-1, fd[0]);
	/* TCP may tell only later that nobody is there. */
	if (dial(ds, 2, fd) == DIAL_OK)
		close(fd[0]);
	dials_unref(ds);
	unlink(path);
	rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    a_question_is_asked_once_there_is_a_socket, set_up),
		cmocka_unit_test_setup(so_many_wait_for_the_master_and_no_more,
		    set_up),
		cmocka_unit_test_setup(
		    who_is_busy_is_asked_again_server_or_master, set_up),
		cmocka_unit_test(a_number_is_dialled_and_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
