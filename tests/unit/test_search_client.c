/* test_search_client.c - a worker's questions to the search process, which is
 * this process, over a real socket and a loop. */
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "base/log.h"
#include "expect.h"
#include "net/search_client.h"

static struct event_base *base;
static struct search_client *sc;
static int process = -1; /* our end */
static int n_late, n_lost;

/* What became of one question. */
struct outcome {
	int n; /* how often it was told */
	bool none;
	struct search_found found;
};

static void
on_trouble(void *arg, enum search_trouble t)
{
	(void)arg;
	*(t == SEARCH_LATE ? &n_late : &n_lost) += 1;
}

static void
on_ready(void *arg, const struct search_found *found)
{
	struct outcome *o = arg;

	o->n++;
	o->none = found == NULL;
	if (found != NULL)
		o->found = *found;
}

static void
lead(void)
{
	int pair[2];

	assert_int_equal(0,
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	process = pair[0];
	search_client_connect(sc, pair[1]);
}

/* One client for all: it is made to last as long as a process. */
static int
set_up(void **state)
{
	(void)state;
	log_to((struct log_sink){ LOG_TO_NONE, -1 },
	    (struct log_sink){ LOG_TO_NONE, -1 });
	if (base == NULL) {
		base = event_base_new();
		sc = search_client_new(base, on_trouble, NULL);
	}
	n_late = n_lost = 0;
	lead();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	search_client_connect(sc, -1);
	if (process != -1)
		close(process);
	process = -1;
	return 0;
}

static struct search_wait *
ask(struct outcome *o, enum search_end *end)
{
	struct search_query q;

	search_query_read(&q, VIEW("some words"));
	return search_client_ask(sc, &q, on_ready, o, end);
}

static struct search_wait *
must_ask(struct outcome *o)
{
	enum search_end end;
	struct search_wait *w = ask(o, &end);

	assert_non_null(w);
	return w;
}

/* The next record that came to us. */
static void
receive(struct search_query *q)
{
	char record[sizeof(*q) + 1];
	ssize_t n = recv(process, record, sizeof(record), MSG_DONTWAIT);

	assert_true(n > 0);
	assert_true(search_query_take(q, record, (size_t)n, 1));
}

static void
answer(uint32_t id, uint32_t total)
{
	struct search_found found = { .id = id, .total = total };

	assert_int_equal(sizeof(found),
	    send(process, &found, sizeof(found), MSG_NOSIGNAL));
}

static void
turn(void)
{
	assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void
each_answer_finds_who_asked(void **state)
{
	struct outcome a = { 0 }, b = { 0 };
	struct search_query qa, qb;

	(void)state;
	must_ask(&a);
	must_ask(&b);
	receive(&qa);
	receive(&qb);
	assert_int_equal(SEARCH_FIND, qa.word);
	assert_int_equal(2, qa.n_words);
	assert_int_not_equal(qa.id, qb.id);
	answer(qb.id, 7);
	turn();
	assert_int_equal(0, a.n);
	assert_int_equal(1, b.n);
	assert_int_equal(7, b.found.total);
	answer(qa.id, 8);
	turn();
	assert_int_equal(1, a.n);
	assert_int_equal(8, a.found.total);
	assert_int_equal(1, b.n);
}

static void
what_was_cancelled_has_no_answer(void **state)
{
	struct outcome a = { 0 }, b = { 0 };
	struct search_query first, cancel, second;

	(void)state;
	search_client_cancel(must_ask(&a));
	search_client_cancel(NULL);
	must_ask(&b); /* in the same place */
	receive(&first);
	receive(&cancel);
	receive(&second);
	assert_int_equal(SEARCH_CANCEL, cancel.word);
	assert_int_equal(first.id, cancel.id);
	assert_int_not_equal(first.id, second.id);
	answer(first.id, 1); /* it was on its way already */
	answer(second.id, 2);
	turn();
	turn();
	assert_int_equal(0, a.n);
	assert_int_equal(1, b.n);
	assert_int_equal(2, b.found.total);
	assert_int_equal(0, n_lost);
}

static void
assert_lost(const struct outcome *o)
{
	struct outcome none = { 0 };
	enum search_end end;

	turn();
	assert_int_equal(1, n_lost);
	assert_int_equal(1, o->n);
	assert_true(o->none);
	assert_null(ask(&none, &end));
	assert_int_equal(SEARCH_FAILED, end);
	close(process);
	lead();
	must_ask(&none);
}

static void
what_was_never_asked_ends_the_connection(void **state)
{
	struct outcome o = { 0 };
	struct search_query q;

	(void)state;
	must_ask(&o);
	receive(&q);
	answer(q.id + SEARCH_CLIENT_MAX, 1); /* of that place's future */
	assert_lost(&o);
}

static void
an_empty_place_has_no_answer_either(void **state)
{
	struct outcome o = { 0 };
	struct search_query q;

	(void)state;
	must_ask(&o);
	receive(&q);
	answer(q.id + 1, 1);
	assert_lost(&o);
}

static void
nonsense_ends_the_connection(void **state)
{
	struct outcome o = { 0 };

	(void)state;
	must_ask(&o);
	assert_int_equal(3, send(process, "abc", 3, MSG_NOSIGNAL));
	assert_lost(&o);
}

static void
a_process_that_is_gone_answers_nobody(void **state)
{
	struct outcome o = { 0 };

	(void)state;
	must_ask(&o);
	close(process);
	process = dup(STDERR_FILENO);
	assert_lost(&o);
}

static void
another_way_ends_what_was_asked_by_the_first(void **state)
{
	struct outcome o = { 0 }, p = { 0 };
	struct search_query q;

	(void)state;
	must_ask(&o);
	close(process);
	lead();
	assert_int_equal(1, o.n);
	assert_true(o.none);
	must_ask(&p);
	receive(&q);
	answer(q.id, 1);
	turn();
	assert_int_equal(1, p.n);
	assert_int_equal(0, n_lost);
}

static void
so_many_questions_wait_and_not_one_more(void **state)
{
	struct search_wait *waits[SEARCH_CLIENT_MAX];
	struct outcome o = { 0 };
	struct search_query q;
	enum search_end end;
	size_t i;

	(void)state;
	for (i = 0; i < SEARCH_CLIENT_MAX; i++)
		waits[i] = must_ask(&o);
	assert_null(ask(&o, &end));
	assert_int_equal(SEARCH_BUSY, end);
	search_client_cancel(waits[5]);
	must_ask(&o);
	for (i = 0; i < SEARCH_CLIENT_MAX + 2; i++)
		receive(&q);
	answer(q.id, 1);
	turn();
	must_ask(&o);
	assert_int_equal(1, o.n);
}

static void
silence_is_told_and_asked_about_again(void **state)
{
	struct outcome o = { 0 };
	struct search_query q;

	(void)state;
	must_ask(&o);
	while (n_late < 2)
		assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
	assert_int_equal(0, o.n); /* it waits all the same */
	receive(&q);
	answer(q.id, 1);
	turn();
	assert_int_equal(1, o.n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_answer_finds_who_asked,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_was_cancelled_has_no_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_was_never_asked_ends_the_connection, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    an_empty_place_has_no_answer_either, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nonsense_ends_the_connection,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_process_that_is_gone_answers_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    another_way_ends_what_was_asked_by_the_first, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    so_many_questions_wait_and_not_one_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    silence_is_told_and_asked_about_again, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
