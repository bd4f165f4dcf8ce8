/* test_readers.c - how long a reader who takes his answer slowly is waited
 * for, and which of many has to go for others. */
#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "expect.h"
#include "net/conn.h"
#include "net/conn_deadline.h"
#include "net/limits.h"
#include "net/listener.h"
#include "site/answer.h"

#define ANSWER      (8 << 20) /* bytes; more than kernels hold for one */
#define IDLE_MS     20
#define PATIENT_MS  (IDLE_MS * CONN_PATIENCE)
#define TURN_MS     (2 * PATIENT_MS) /* any timer of ours has fired by then */
#define SOME        (64 << 10)       /* bytes; a full socket stays full */
#define LATER_MS    20000            /* SOME in that time is not slow */
#define READERS_MAX (CONN_LOOKS + 1)

static char page[ANSWER];
static struct event_base *base;
static struct limits *limits;
static struct conns *conns;
static struct listener listener;
static int64_t now_ms = 1000000; /* as the clock of the tests has it */

/* Both ends of the connection of each. */
static struct {
	int client, server;
} readers[READERS_MAX];
static size_t n_readers;

static bool
is_whole(struct view in)
{
	return in.len > 0;
}

static void
answer_much(const struct snapshot *s, const struct peer *peer, struct view in,
    struct reply *reply)
{
	(void)s;
	(void)peer;
	(void)in;
	reply->answer.status = 20;
	reply->answer.bytes = (struct view){ page, sizeof(page) };
}

static const struct protocol protocol = {
	.name = "much",
	.request_max = 16,
	.is_ready = is_whole,
	.answer = answer_much,
};

static void
pass_time(int64_t ms)
{
	now_ms += ms;
	clock_fake(now_ms);
}

/*
 * For so long, and with all timers in it that were set before: libevent calls
 * them in their order.
 */
static void
run_loop(int ms)
{
	struct timeval tv = { .tv_usec = ms * 1000 };

	(void)event_base_loopexit(base, &tv);
	(void)event_base_dispatch(base);
}

/*
 * A visitor who asks, and takes nothing of his answer until no more fits.  What
 * he has not taken is known at once and exactly, unlike with TCP.
 */
static void
add_reader(void)
{
	struct sockaddr from = { .sa_family = AF_UNIX };
	struct pollfd p = { .events = POLLOUT };
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	assert_int_equal(0, fcntl(pair[1], F_SETFL, O_NONBLOCK));
	readers[n_readers].client = pair[0];
	readers[n_readers++].server = p.fd = pair[1];
	assert_true(conns_add(conns, &listener, pair[1], &from));
	assert_int_equal(2, write(pair[0], "x\n", 2));
	do
		run_loop(1);
	while (os_unsent(p.fd) <= 0 || poll(&p, 1, 0) == 1);
}

static void
open_readers(size_t n)
{
	while (n_readers < n)
		add_reader();
	assert_int_equal(n, conns_count(conns));
}

/* Read some, while nobody sends more. */
static void
take_some(size_t reader)
{
	static char to[SOME];
	size_t len = sizeof(to);
	ssize_t n;

	for (; len > 0; len -= (size_t)n) {
		n = read(readers[reader].client, to, len);
		assert_true(n > 0);
	}
}

static void
close_readers(void)
{
	while (n_readers > 0)
		close(readers[--n_readers].client);
	while (conns_count(conns) > 0) {
		pass_time(INT32_MAX);
		run_loop(TURN_MS);
	}
}

/* -- which has to go -- */

/* So many readers who take much, and after them one who takes nothing. */
static void
open_last_one_slow(size_t n_fast)
{
	size_t i;

	open_readers(n_fast + 1);
	for (i = 0; i < n_fast; i++)
		take_some(i);
	pass_time(LATER_MS);
}

static void
the_slowest_of_so_many_has_to_go(void **state)
{
	(void)state;
	open_last_one_slow(CONN_LOOKS - 1);
	assert_true(conns_make_room(conns));
	assert_int_equal(CONN_LOOKS - 1, conns_count(conns));
	/* It was that one. */
	assert_int_equal(-1, fcntl(readers[CONN_LOOKS - 1].server, F_GETFD));
	assert_false(conns_make_room(conns));
	close_readers();
}

static void
behind_so_many_nobody_is_looked_at(void **state)
{
	(void)state;
	open_last_one_slow(CONN_LOOKS);
	assert_false(conns_make_room(conns));
	assert_int_equal(CONN_LOOKS + 1, conns_count(conns));
	close_readers();
}

/* -- how long one is waited for -- */

static void
who_takes_nothing_has_idle_timeout(void **state)
{
	(void)state;
	open_readers(1);
	/* What was taken by the first look may be the kernel's doing. */
	take_some(0);
	pass_time(IDLE_MS);
	run_loop(TURN_MS);
	assert_int_equal(1, conns_count(conns));
	pass_time(IDLE_MS - 1);
	run_loop(TURN_MS);
	assert_int_equal(1, conns_count(conns));
	pass_time(1);
	run_loop(TURN_MS);
	assert_int_equal(0, conns_count(conns));
	close_readers();
}

static void
who_took_some_late_has_a_multiple_of_it(void **state)
{
	int round;

	(void)state;
	open_readers(1);
	for (round = 0; round < 2; round++) {
		take_some(0);
		pass_time(IDLE_MS);
		run_loop(TURN_MS);
		assert_int_equal(1, conns_count(conns));
	}
	pass_time(PATIENT_MS - 1);
	run_loop(TURN_MS);
	assert_int_equal(1, conns_count(conns));
	pass_time(1);
	run_loop(TURN_MS);
	assert_int_equal(0, conns_count(conns));
	close_readers();
}

static int
setup(void **state)
{
	static const struct conf_networks nobody;
	static struct conf conf = { .max_connections = 1000,
		.max_connections_per_address = 1000,
		.request_timeout_ms = 10000,
		.idle_timeout_ms = IDLE_MS };
	struct log_sink none = { LOG_TO_NONE, -1 };

	(void)state;
	log_to(none, none);
	clock_fake(now_ms);
	listener.kind = LISTENER_GOPHER;
	listener.protocol = &protocol;
	listener.clear = true;
	listener.proxies = &nobody;
	base = event_base_new();
	limits = limits_new();
	limits_add_worker(limits, 1, getpid());
	limits_enter_worker(limits, 1);
	conns = conns_new(base, &conf, NULL, NULL, limits, NULL, NULL, NULL);
	return base == NULL ? -1 : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_slowest_of_so_many_has_to_go),
		cmocka_unit_test(behind_so_many_nobody_is_looked_at),
		cmocka_unit_test(who_takes_nothing_has_idle_timeout),
		cmocka_unit_test(who_took_some_late_has_a_multiple_of_it),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
