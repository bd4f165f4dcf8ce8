/*
 * test_relay.c - an application's answer on its way to a connection: real
 * sockets and a loop, with this process as master and application.
 */
#include <sys/socket.h>

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
#include "net/relay.h"

#define ANSWER_LIMIT 8 /* bytes that an answer may have */

static struct event_base *base;
static struct upstreams *us;
static struct target target = { .number = 0, .is_scgi = true };
static struct reply reply;
static unsigned n_ready;

/* A line is the head; "!" refuses. */
static enum answer_head
read_head_line(struct view so_far, bool ended, struct reply *to, size_t *used)
{
	const char *end = memchr(so_far.p, '\n', so_far.len);

	if (so_far.len > 0 && so_far.p[0] == '!') {
		to->answer.status = 51;
		to->answer.bytes = VIEW("none");
		return ANSWER_FAILED;
	}
	if (end == NULL && !ended)
		return ANSWER_MORE;
	to->answer.status = 20;
	*used = end == NULL ? so_far.len : (size_t)(end - so_far.p) + 1;
	return ANSWER_BEGUN;
}

static void
name_refusal(enum answer_failure why, struct reply *to)
{
	static const char *const words[ANSWER_FAILURES] = { "broken", "slow",
		"down", "missing", "closed" };

	to->answer.status = 42;
	to->answer.bytes = view_of(words[why]);
}

static const struct protocol protocol = {
	.name = "test",
	.request_max = 16,
	.head = read_head_line,
	.refuse = name_refusal,
};

static int
order_dial(void *arg, unsigned number)
{
	(void)arg;
	(void)number;
	return 0;
}

static void
count_ready(void *arg)
{
	(void)arg;
	n_ready++;
}

static struct relay *
open_relay(size_t max)
{
	struct relay *r;

	reply = (struct reply){ .app = &target };
	buf_init(&reply.dynamic, 100);
	r = relay_new(us, &protocol, &reply, max, count_ready, NULL);
	assert_non_null(r);
	return r;
}

static void
close_relay(struct relay *r)
{
	relay_free(r);
	reply_fini(&reply);
}

/* The application has taken the request; its end of the connection. */
static int
accept_request(struct relay *r)
{
	char request[100];
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	assert_int_equal(0, fcntl(pair[0], F_SETFL, O_NONBLOCK));
	upstreams_dialled(us, DIAL_OK, pair[0]);
	assert_int_equal(RELAY_WAIT, relay_read(r));
	assert_true(read(pair[1], request, sizeof(request)) > 0);
	return pair[1];
}

static void
say(int fd, const char *what)
{
	assert_int_equal(strlen(what), write(fd, what, strlen(what)));
}

static void
expect_relayed(struct relay *r, enum relay_result want, const char *bytes)
{
	assert_int_equal(want, relay_read(r));
	expect_view("answer", reply.answer.bytes, view_of(bytes));
}

static void
a_short_answer_leaves_whole(void **state)
{
	struct relay *r = open_relay(ANSWER_LIMIT);
	int fd = accept_request(r);

	(void)state;
	say(fd, "20\nhello");
	close(fd);
	expect_relayed(r, RELAY_DONE, "hello");
	assert_int_equal(20, reply.answer.status);
	close_relay(r);
}

static void
an_answer_goes_on_as_it_comes(void **state)
{
	struct relay *r = open_relay(ANSWER_LIMIT);
	int fd = accept_request(r);

	(void)state;
	say(fd, "2");
	assert_int_equal(RELAY_WAIT, relay_read(r));
	say(fd, "0\n");
	assert_int_equal(RELAY_WAIT, relay_read(r));
	say(fd, "one");
	expect_relayed(r, RELAY_BYTES, "one");
	assert_int_equal(RELAY_WAIT, relay_read(r));
	say(fd, "two");
	expect_relayed(r, RELAY_BYTES, "two");
	close(fd);
	expect_relayed(r, RELAY_DONE, "");
	close_relay(r);
}

static void
an_application_may_refuse(void **state)
{
	struct relay *r = open_relay(ANSWER_LIMIT);
	int fd = accept_request(r);

	(void)state;
	say(fd, "!");
	expect_relayed(r, RELAY_DONE, "none");
	assert_int_equal(51, reply.answer.status);
	close(fd);
	close_relay(r);
}

static void
who_is_not_there_is_said_to_be_down(void **state)
{
	struct relay *r = open_relay(ANSWER_LIMIT);

	(void)state;
	n_ready = 0;
	upstreams_dialled(us, DIAL_DOWN, -1);
	assert_int_equal(1, n_ready);
	expect_relayed(r, RELAY_DONE, "down");
	close_relay(r);
}

static void
an_answer_has_so_many_bytes_and_no_more(void **state)
{
	struct relay *r = open_relay(ANSWER_LIMIT);
	int fd = accept_request(r);

	(void)state;
	say(fd, "20\n12345678");
	expect_relayed(r, RELAY_BYTES, "12345678");
	/* One too many: what was sent must not look whole. */
	say(fd, "9");
	assert_int_equal(RELAY_CUT, relay_read(r));
	close(fd);
	close_relay(r);

	r = open_relay(ANSWER_LIMIT);
	fd = accept_request(r);
	say(fd, "20\n123456789");
	expect_relayed(r, RELAY_DONE, "broken");
	close(fd);
	close_relay(r);
}

static void
whose_time_is_over_is_told_as_far_as_it_came(void **state)
{
	struct relay *r = open_relay(ANSWER_LIMIT);
	int fd;

	(void)state;
	assert_int_equal(RELAY_DONE, relay_expire(r));
	expect_view("not asked", reply.answer.bytes, VIEW("down"));
	close_relay(r);
	upstreams_dialled(us, DIAL_DOWN, -1); /* which is still on its way */

	r = open_relay(ANSWER_LIMIT);
	fd = accept_request(r);
	assert_int_equal(RELAY_DONE, relay_expire(r));
	expect_view("asked", reply.answer.bytes, VIEW("slow"));
	close(fd);
	close_relay(r);

	r = open_relay(ANSWER_LIMIT);
	fd = accept_request(r);
	say(fd, "20\nx");
	expect_relayed(r, RELAY_BYTES, "x");
	assert_int_equal(RELAY_CUT, relay_expire(r));
	close(fd);
	close_relay(r);
}

static void
after_so_many_pieces_others_have_their_turn(void **state)
{
	static char much[(RELAY_TURNS + 1) * RELAY_PIECE];
	struct relay *r = open_relay(sizeof(much));
	int i, fd = accept_request(r);

	(void)state;
	say(fd, "20\n");
	assert_int_equal(RELAY_WAIT, relay_read(r));
	assert_int_equal(sizeof(much), write(fd, much, sizeof(much)));
	close(fd);
	for (i = 0; i < RELAY_TURNS; i++) {
		assert_int_equal(RELAY_BYTES, relay_read(r));
		assert_int_equal(RELAY_PIECE, reply.answer.bytes.len);
	}
	n_ready = 0;
	assert_int_equal(RELAY_WAIT, relay_read(r));
	(void)event_base_loop(base, EVLOOP_ONCE);
	assert_true(n_ready > 0);
	assert_int_equal(RELAY_BYTES, relay_read(r));
	close_relay(r);
}

static int
set_up(void **state)
{
	struct log_sink none = { LOG_TO_NONE, -1 };

	(void)state;
	log_to(none, none);
	target.name = VIEW("unix:a.sock");
	base = event_base_new();
	us = upstreams_new(base, order_dial, NULL);
	return base == NULL ? -1 : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_answer_leaves_whole),
		cmocka_unit_test(an_answer_goes_on_as_it_comes),
		cmocka_unit_test(an_application_may_refuse),
		cmocka_unit_test(who_is_not_there_is_said_to_be_down),
		cmocka_unit_test(an_answer_has_so_many_bytes_and_no_more),
		cmocka_unit_test(whose_time_is_over_is_told_as_far_as_it_came),
		cmocka_unit_test(after_so_many_pieces_others_have_their_turn),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
