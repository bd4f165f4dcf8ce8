/*
 * test_conn.c - the states of a connection: a pair of sockets, a clock that
 * stands still, and a protocol that answers a line with what its first letter
 * says.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <fcntl.h>
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
#include "format/cidr.h"
#include "net/conn.h"
#include "net/conn_deadline.h"
#include "net/limits.h"
#include "net/listener.h"
#include "net/upstream.h"
#include "site/answer.h"

#define REQUEST_MS 20
#define APP_MS     30
#define TURN_MS    60 /* any timer of ours has fired by then */
#define NOW_MS     1000000

static struct event_base *base;
static struct limits *limits;
static struct conns *conns;
static struct listener listener;
static struct conf_networks nobody, local;
static struct cidr loopback;
static struct conf conf;
static struct upstreams *us;
static struct target target = { .number = 0, .is_scgi = true };
static int64_t now_ms;
static int log_fd; /* where access lines can be read */

/* What the protocol was told last. */
static bool was_too_fast, was_tls;
static unsigned n_answers, n_dials;

static bool
is_line(struct view in)
{
	return in.len > 0 && in.p[in.len - 1] == '\n';
}

static void
answer_letter(const struct snapshot *s, const struct peer *peer, struct view in,
    struct reply *reply)
{
	(void)s;
	n_answers++;
	was_too_fast = peer->too_fast;
	was_tls = peer->tls;
	reply->selector = (struct view){ in.p, in.len - 1 };
	reply->answer.status = 20;
	reply->answer.bytes = VIEW("hello");
	if (in.p[0] == 'a')
		reply->app = &target;
}

static enum answer_head
begin_at_once(struct view so_far, bool ended, struct reply *reply, size_t *used)
{
	(void)ended;
	reply->answer.status = 20;
	*used = 0;
	return so_far.len > 0 ? ANSWER_BEGUN : ANSWER_MORE;
}

static void
refuse_with_43(enum answer_failure why, struct reply *reply)
{
	reply->answer.status = 43;
	reply->answer.bytes =
	    why == ANSWER_SLOW ? VIEW("slow") : VIEW("refused");
}

static const struct protocol protocol = {
	.name = "test",
	.request_max = 16,
	.is_ready = is_line,
	.answer = answer_letter,
	.head = begin_at_once,
	.refuse = refuse_with_43,
};

static int
order_dial(void *arg, unsigned number)
{
	(void)arg;
	(void)number;
	n_dials++;
	return 0;
}

static void
pass_time(int64_t ms)
{
	now_ms += ms;
	clock_fake(now_ms);
}

static void
run_loop(int ms)
{
	struct timeval tv = { .tv_usec = ms * 1000 };

	(void)event_base_loopexit(base, &tv);
	(void)event_base_dispatch(base);
}

/* What can be done now. */
static void
run_turns(void)
{
	int i;

	for (i = 0; i < 8; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
open_pair(int pair[2])
{
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	assert_int_equal(0, fcntl(pair[0], F_SETFL, O_NONBLOCK));
	assert_int_equal(0, fcntl(pair[1], F_SETFL, O_NONBLOCK));
}

/* A connection from 127.0.0.1; the client's end. */
static int
add_client(void)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int pair[2];

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	open_pair(pair);
	assert_true(conns_add(conns, &listener, pair[1],
	    (const struct sockaddr *)&from));
	return pair[0];
}

static void
say(int fd, const char *what)
{
	assert_int_equal(strlen(what), write(fd, what, strlen(what)));
	run_turns();
}

static void
expect_heard(int fd, const char *want)
{
	char got[100];
	ssize_t n = read(fd, got, sizeof(got));

	assert_int_equal(strlen(want), n);
	assert_memory_equal(want, got, strlen(want));
}

/* An end, in whatever order. */
static void
expect_end(int fd)
{
	char byte;

	assert_true(read(fd, &byte, 1) <= 0);
	assert_int_equal(0, conns_count(conns));
	close(fd);
}

static void
expect_open(int fd)
{
	char byte;

	assert_int_equal(-1, read(fd, &byte, 1));
	assert_int_equal(EAGAIN, errno);
	assert_int_equal(1, conns_count(conns));
}

static void
expect_logged(const char *want)
{
	char got[1000];
	ssize_t n;

	log_flush();
	n = read(log_fd, got, sizeof(got) - 1);
	got[n > 0 ? n : 0] = '\0';
	if (strstr(got, want) == NULL)
		fail_msg("no \"%s\" in \"%s\"", want, got);
}

/* -- first_byte and request -- */

static void
a_request_is_answered_however_it_is_cut(void **state)
{
	static const char *const parts[][3] = { { "x\n", "", "" },
		{ "x", "\n", "" }, { "x", "y", "z\n" } };
	size_t i, k;
	int fd;

	(void)state;
	for (i = 0; i < 3; i++) {
		fd = add_client();
		for (k = 0; k < 3 && parts[i][k][0] != '\0'; k++) {
			expect_open(fd);
			say(fd, parts[i][k]);
		}
		expect_heard(fd, "hello");
		assert_false(was_tls);
		close(fd);
		run_turns();
		assert_int_equal(0, conns_count(conns));
	}
}

static void
a_first_byte_that_is_not_spoken_here_is_not_answered(void **state)
{
	int fd = add_client();

	(void)state;
	n_answers = 0;
	say(fd, "\x16");
	expect_end(fd);

	listener.clear = false;
	fd = add_client();
	say(fd, "x\n");
	expect_end(fd);
	listener.clear = true;
	assert_int_equal(0, n_answers);
}

static void
who_says_nothing_has_so_long_and_no_longer(void **state)
{
	static const char *const begun[] = { "", "x" };
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < 2; i++) {
		fd = add_client();
		pass_time(REQUEST_MS - 1);
		say(fd, begun[i]); /* the time of a request is one */
		run_loop(TURN_MS);
		expect_open(fd);
		pass_time(1);
		run_loop(TURN_MS);
		expect_end(fd);
	}
}

/* Connections' owners of before: nothing frees them. */
static struct conns *volatile kept[2];

static void
who_is_too_fast_is_told(void **state)
{
	int i, fd;

	(void)state;
	kept[0] = conns;
	conf.rate = 2;
	conns = conns_new(base, &conf, NULL, NULL, limits, us, NULL, NULL);
	for (i = 0; i < 50 && (i == 0 || !was_too_fast); i++) {
		fd = add_client();
		say(fd, "x\n");
		close(fd);
		run_turns();
	}
	assert_true(was_too_fast);
	pass_time(60000);
	fd = add_client();
	say(fd, "x\n");
	assert_false(was_too_fast);
	close(fd);
	run_turns();
	conf.rate = 0;
	kept[1] = conns;
	conns = conns_new(base, &conf, NULL, NULL, limits, us, NULL, NULL);
}

/* -- proxy_header -- */

static void
a_proxy_says_first_whom_it_brings(void **state)
{
	int fd;

	(void)state;
	listener.proxies = &local;
	fd = add_client();
	say(fd, "PROXY TCP4 192.0.2.7 192.0.2.8 1 ");
	expect_open(fd);
	say(fd, "70\r\n");
	expect_open(fd);
	say(fd, "x\n");
	expect_heard(fd, "hello");
	expect_logged("from=192.0.2.7 ");
	close(fd);
	run_turns();

	n_answers = 0;
	fd = add_client();
	say(fd, "x\n");
	expect_end(fd);
	assert_int_equal(0, n_answers);
	listener.proxies = &nobody;
}

/* -- upstream -- */

static void
an_application_s_answer_goes_out_as_it_comes(void **state)
{
	int fd = add_client(), pair[2];

	(void)state;
	say(fd, "app\n");
	expect_open(fd);
	open_pair(pair);
	upstreams_dialled(us, DIAL_OK, pair[0]);
	run_turns();
	say(pair[1], "one");
	expect_heard(fd, "one");
	say(pair[1], "two");
	expect_heard(fd, "two");
	close(pair[1]);
	run_turns();
	expect_logged("selector=\"app\" status=20 bytes=6 ");
	close(fd);
	run_turns();
	assert_int_equal(0, conns_count(conns));
}

static void
a_slow_application_is_waited_for_so_long(void **state)
{
	int fd = add_client(), pair[2];

	(void)state;
	say(fd, "app\n");
	open_pair(pair);
	upstreams_dialled(us, DIAL_OK, pair[0]);
	run_turns();
	pass_time(APP_MS - 1);
	run_loop(TURN_MS);
	expect_open(fd);
	pass_time(1);
	run_loop(TURN_MS);
	expect_heard(fd, "slow");
	/* The status is that of the answer, not of the request's beginning. */
	expect_logged("selector=\"app\" status=43 bytes=4 ");
	close(pair[1]);
	close(fd);
	run_turns();
	assert_int_equal(0, conns_count(conns));
}

static void
an_answer_that_breaks_off_is_logged_as_broken(void **state)
{
	int fd = add_client(), pair[2];

	(void)state;
	say(fd, "app\n");
	open_pair(pair);
	upstreams_dialled(us, DIAL_OK, pair[0]);
	run_turns();
	say(pair[1], "one");
	expect_heard(fd, "one");
	pass_time(APP_MS);
	run_loop(TURN_MS);
	expect_logged("end=timeout");
	close(pair[1]);
	expect_end(fd);
}

/* -- linger -- */

static void
after_an_answer_a_client_has_so_long_to_close(void **state)
{
	int fd = add_client();

	(void)state;
	say(fd, "x\n");
	expect_heard(fd, "hello");
	expect_logged("selector=\"x\" status=20 bytes=5 ");
	say(fd, "and more that nobody reads");
	assert_int_equal(1, conns_count(conns));
	pass_time(CONN_LINGER_MS - 1);
	run_loop(TURN_MS);
	assert_int_equal(1, conns_count(conns));
	pass_time(1);
	run_loop(TURN_MS);
	assert_int_equal(0, conns_count(conns));
	close(fd);
}

/* -- all of them -- */

static void
each_state_has_the_documents_name(void **state)
{
	static const char *const names[] = { "proxy_header", "first_byte",
		"request", "upstream", "search", "file", "response", "linger" };
	unsigned i;

	(void)state;
	assert_int_equal(sizeof(names) / sizeof(names[0]), CONN_CLOSED);
	for (i = 0; i < CONN_CLOSED; i++)
		assert_string_equal(names[i], conns_state_name(i));
	assert_null(conns_state_name(CONN_CLOSED));
	assert_null(conns_state_name(CONN_STATES));
}

static void
count_up(void *arg)
{
	++*(int *)arg;
}

static void
a_drain_ends_with_the_last_connection(void **state)
{
	int done = 0, fd = add_client();

	(void)state;
	conns_drain(conns, count_up, &done);
	run_turns();
	assert_int_equal(0, done);
	close(fd);
	run_loop(TURN_MS);
	assert_int_equal(1, done);
	run_loop(TURN_MS);
	assert_int_equal(1, done);
}

static int
set_up(void **state)
{
	struct log_sink none = { LOG_TO_NONE, -1 }, to = { LOG_TO_FD, -1 };
	int lines[2];

	(void)state;
	if (pipe(lines) == -1 || fcntl(lines[0], F_SETFL, O_NONBLOCK) == -1)
		return -1;
	to.fd = lines[1];
	log_fd = lines[0];
	log_to(none, to);
	now_ms = NOW_MS;
	clock_fake(now_ms);
	conf = (struct conf){ .max_connections = 1000,
		.max_connections_per_address = 1000,
		.request_timeout_ms = REQUEST_MS,
		.application_timeout_ms = APP_MS,
		.application_max = 1000,
		.idle_timeout_ms = 1000 };
	target.name = VIEW("unix:a.sock");
	if (cidr_parse(VIEW("127.0.0.0/8"), &loopback) != CIDR_OK)
		return -1;
	local = (struct conf_networks){ .v = &loopback, .n = 1 };
	listener.kind = LISTENER_GOPHER;
	listener.protocol = &protocol;
	listener.clear = true;
	listener.proxies = &nobody;
	base = event_base_new();
	limits = limits_new();
	limits_add_worker(limits, 1, getpid());
	limits_enter_worker(limits, 1);
	us = upstreams_new(base, order_dial, NULL);
	conns = conns_new(base, &conf, NULL, NULL, limits, us, NULL, NULL);
	return base == NULL ? -1 : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered_however_it_is_cut),
		cmocka_unit_test(
		    a_first_byte_that_is_not_spoken_here_is_not_answered),
		cmocka_unit_test(who_says_nothing_has_so_long_and_no_longer),
		cmocka_unit_test(who_is_too_fast_is_told),
		cmocka_unit_test(a_proxy_says_first_whom_it_brings),
		cmocka_unit_test(an_application_s_answer_goes_out_as_it_comes),
		cmocka_unit_test(a_slow_application_is_waited_for_so_long),
		cmocka_unit_test(an_answer_that_breaks_off_is_logged_as_broken),
		cmocka_unit_test(after_an_answer_a_client_has_so_long_to_close),
		cmocka_unit_test(each_state_has_the_documents_name),
		cmocka_unit_test(a_drain_ends_with_the_last_connection),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
