/* test_limits.c - counts and rates per address, and what a death leaves. */
#include <sys/wait.h>

#include <netinet/in.h>

#include <arpa/inet.h>
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
#include "fork_child.h"
#include "net/limits.h"

static struct limits_rules rules;
static struct limits *l;

static int
setup(void **state)
{
	(void)state;
	rules = (struct limits_rules){ 1000, 3, 2 };
	l = limits_new();
	limits_add_worker(l, 1, getpid());
	limits_enter_worker(l, 1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	limits_free(l);
	return 0;
}

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage ss;

	memset(&ss, 0, sizeof(ss));
	if (strchr(text, ':') != NULL) {
		ss.ss_family = AF_INET6;
		inet_pton(AF_INET6, text,
		    &((struct sockaddr_in6 *)&ss)->sin6_addr);
	} else {
		ss.ss_family = AF_INET;
		inet_pton(AF_INET, text,
		    &((struct sockaddr_in *)&ss)->sin_addr);
	}
	return ss;
}

static enum limits_result
enter(const char *from, int64_t now_ms, unsigned *ticket)
{
	struct sockaddr_storage ss = address(from);

	return limits_enter(l, &rules, (struct sockaddr *)&ss, now_ms, ticket);
}

static void
an_address_gets_its_connections_and_not_one_more(void **state)
{
	unsigned t[4];

	(void)state;
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t[0]));
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t[1]));
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t[2]));
	assert_int_equal(LIMITS_REFUSED, enter("192.0.2.1", 0, &t[3]));
	assert_int_equal(LIMITS_OK, enter("192.0.2.2", 0, &t[3]));
	limits_leave(l, t[1]);
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t[1]));
	assert_int_equal(LIMITS_REFUSED, enter("192.0.2.1", 0, &t[1]));
	assert_int_equal(4, limits_count(l));
}

static void
a_household_of_ipv6_is_one_address(void **state)
{
	unsigned t;

	(void)state;
	assert_int_equal(LIMITS_OK, enter("2001:db8:0:1::1", 0, &t));
	assert_int_equal(LIMITS_OK, enter("2001:db8:0:1::2", 0, &t));
	assert_int_equal(LIMITS_OK, enter("2001:db8:0:1:ffff::3", 0, &t));
	assert_int_equal(LIMITS_REFUSED, enter("2001:db8:0:1::4", 0, &t));
	assert_int_equal(LIMITS_OK, enter("2001:db8:0:2::1", 0, &t));
	assert_int_equal(LIMITS_OK, enter("2101:db8:0:1::1", 0, &t));
}

static enum limits_result
assign(const char *to, int64_t now_ms, unsigned ticket)
{
	unsigned char bytes[16];
	int family = strchr(to, ':') != NULL ? AF_INET6 : AF_INET;

	assert_int_equal(1, inet_pton(family, to, bytes));
	return limits_assign(l, &rules, ticket, family, bytes, now_ms);
}

/* So many of the network 2001:db8:N, each from a household of its own. */
static unsigned
enter_network(unsigned network, unsigned households, unsigned *tickets)
{
	char text[64];
	unsigned i, n = 0;

	for (i = 0; i < households; i++) {
		snprintf(text, sizeof(text), "2001:db8:%x:%x::1", network, i);
		n += enter(text, 0, &tickets[n]) == LIMITS_OK;
	}
	return n;
}

static void
a_network_of_48_bits_holds_16_times_an_address(void **state)
{
	unsigned t[100], n = LIMITS_NETWORK_TIMES * 3;

	(void)state;
	assert_int_equal(n, enter_network(1, n, t));
	assert_int_equal(0, enter_network(1, n + 1, &t[n]));
	assert_int_equal(1, enter_network(2, 1, &t[n]));
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t[n + 1]));
	limits_leave(l, t[0]);
	assert_int_equal(1, enter_network(1, 2, t));
	assert_int_equal(0, enter_network(1, 1, &t[n]));
	/* It is refused, not counted: who is there already may still ask. */
	assert_int_equal(n + 2, limits_count(l));
	limits_leave(l, t[5]);
	assert_int_equal(LIMITS_OK, enter("2001:db8:1:ffff::1", 0, &t[5]));
}

/* A proxy's visitors, too; and what a worker leaves is given back. */
static void
a_networks_connections_are_given_back(void **state)
{
	unsigned t[100], n = LIMITS_NETWORK_TIMES * 3, unnamed;

	(void)state;
	limits_add_worker(l, 2, getpid());
	limits_enter_worker(l, 2);
	assert_int_equal(n, enter_network(1, n, t));
	limits_enter_worker(l, 1);
	assert_int_equal(LIMITS_OK, limits_enter(l, &rules, NULL, 0, &unnamed));
	assert_int_equal(LIMITS_REFUSED,
	    assign("2001:db8:1:99::1", 0, unnamed));
	limits_enter_worker(l, 0);
	limits_reap(l, 2);
	limits_enter_worker(l, 1);
	assert_int_equal(LIMITS_OK, assign("2001:db8:1:99::1", 0, unnamed));
	assert_int_equal(n - 1, enter_network(1, n, t));
}

static enum limits_result
enter_unnamed(unsigned *ticket)
{
	return limits_enter(l, &rules, NULL, 0, ticket);
}

static void
who_is_not_named_yet_counts_in_the_total_alone(void **state)
{
	unsigned t[8], i;

	(void)state;
	rules.connections = 5;
	for (i = 0; i < 5; i++)
		assert_int_equal(LIMITS_OK, enter_unnamed(&t[i]));
	assert_int_equal(5, limits_count(l));
	assert_int_equal(LIMITS_FULL, enter_unnamed(&t[5]));
	assert_int_equal(LIMITS_FULL, enter("192.0.2.1", 0, &t[5]));
	limits_leave(l, t[0]);
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t[0]));
	for (i = 0; i < 5; i++)
		limits_leave(l, t[i]);
	assert_int_equal(0, limits_count(l));
}

static void
once_named_it_counts_like_any_other(void **state)
{
	unsigned t[6], i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_int_equal(LIMITS_OK, enter_unnamed(&t[i]));
	assert_int_equal(LIMITS_OK, assign("192.0.2.1", 0, t[0]));
	assert_int_equal(LIMITS_OK, assign("192.0.2.1", 0, t[1]));
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t[5]));
	assert_int_equal(LIMITS_REFUSED, assign("192.0.2.1", 0, t[2]));
	assert_int_equal(LIMITS_REFUSED, enter("192.0.2.1", 0, &t[5]));
	assert_int_equal(LIMITS_OK, assign("2001:db8::1", 0, t[3]));
	assert_int_equal(6, limits_count(l));
	/* Refused, it is still there, and leaves without a trace. */
	limits_leave(l, t[2]);
	limits_leave(l, t[0]);
	assert_int_equal(4, limits_count(l));
	assert_int_equal(LIMITS_OK, assign("192.0.2.1", 0, t[4]));
	assert_true(limits_take(l, &rules, t[4], 0));
	assert_true(limits_take(l, &rules, t[1], 0));
	assert_false(limits_take(l, &rules, t[4], 0));
	assert_true(limits_take(l, &rules, t[3], 0));
}

static void
the_total_is_exact(void **state)
{
	char text[32];
	unsigned t, i;

	(void)state;
	rules.connections = 500;
	for (i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 250, i % 250);
		assert_true(limits_have_room(l, &rules));
		assert_int_equal(LIMITS_OK, enter(text, 0, &t));
	}
	assert_false(limits_have_room(l, &rules));
	assert_int_equal(LIMITS_FULL, enter("192.0.2.1", 0, &t));
	limits_leave(l, t);
	assert_true(limits_have_room(l, &rules));
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	assert_int_equal(LIMITS_FULL, enter("192.0.2.1", 0, &t));
}

static void
a_rate_is_so_many_a_second(void **state)
{
	unsigned t;

	(void)state;
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 1000, &t));
	assert_true(limits_take(l, &rules, t, 1000));
	assert_true(limits_take(l, &rules, t, 1000));
	assert_false(limits_take(l, &rules, t, 1000));
	assert_false(limits_take(l, &rules, t, 1499));
	assert_true(limits_take(l, &rules, t, 1500));
	assert_false(limits_take(l, &rules, t, 1500));
	/* A long silence fills the bucket once, not twice. */
	assert_true(limits_take(l, &rules, t, 60000));
	assert_true(limits_take(l, &rules, t, 60000));
	assert_false(limits_take(l, &rules, t, 60000));
	/* A clock that goes back takes nothing away. */
	assert_false(limits_take(l, &rules, t, 100));
	assert_true(limits_take(l, &rules, t, 60000 + ANSWER_WAIT_S * 1000));
}

/* Two workers read it, and come to the table in the other order. */
/* No clock of this machine was: that a worker writes who was taken over. */
static void
a_time_that_lies_ahead_stops_nobody_for_long(void **state)
{
	unsigned t;

	(void)state;
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 900000, &t));
	assert_true(limits_take(l, &rules, t, 900000));
	assert_true(limits_take(l, &rules, t, 900000));
	assert_false(limits_take(l, &rules, t, 5000));
	assert_true(limits_take(l, &rules, t, 5500));
	assert_false(limits_take(l, &rules, t, 5500));
}

static void
a_clock_that_steps_back_neither_gives_nor_takes(void **state)
{
	unsigned t;

	(void)state;
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 5000, &t));
	assert_true(limits_take(l, &rules, t, 5000));
	assert_true(limits_take(l, &rules, t, 4900));
	assert_false(limits_take(l, &rules, t, 4800));
	assert_false(limits_take(l, &rules, t, 5499));
	assert_true(limits_take(l, &rules, t, 5500));
	assert_false(limits_take(l, &rules, t, 5999));
	assert_true(limits_take(l, &rules, t, 6000));
	assert_false(limits_take(l, &rules, t, 6000));
}

static void
full_handshakes_have_twice_the_rate(void **state)
{
	unsigned t, other;
	int i;

	(void)state;
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 1000, &t));
	assert_int_equal(LIMITS_OK, enter("192.0.2.2", 1000, &other));
	for (i = 0; i < LIMITS_HANDSHAKE_TIMES * 2; i++)
		assert_true(limits_take_handshake(l, &rules, t, 1000));
	assert_false(limits_take_handshake(l, &rules, t, 1000));
	assert_true(limits_take_handshake(l, &rules, other, 1000));
	assert_false(limits_take_handshake(l, &rules, t, 1249));
	assert_true(limits_take_handshake(l, &rules, t, 1250));
	assert_false(limits_take_handshake(l, &rules, t, 1250));
	/* Requests have theirs, so that who is too fast reads why. */
	assert_true(limits_take(l, &rules, t, 1250));
	assert_true(limits_take(l, &rules, t, 1250));
	assert_false(limits_take(l, &rules, t, 1250));
	/* It outlives the connection, and a long silence fills it once. */
	limits_leave(l, t);
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 1250, &t));
	assert_false(limits_take_handshake(l, &rules, t, 1250));
	for (i = 0; i < LIMITS_HANDSHAKE_TIMES * 2; i++)
		assert_true(limits_take_handshake(l, &rules, t, 60000));
	assert_false(limits_take_handshake(l, &rules, t, 60000));
	rules.rate = 0;
	assert_true(limits_take_handshake(l, &rules, t, 60000));
}

static void
who_goes_on_regardless_is_not_let_in(void **state)
{
	unsigned t;
	int i;

	(void)state;
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	for (i = 0; i < 4; i++) /* two answered, two refused with 44 */
		(void)limits_take(l, &rules, t, 0);
	limits_leave(l, t);
	assert_int_equal(LIMITS_REFUSED, enter("192.0.2.1", 0, &t));
	assert_int_equal(LIMITS_OK, enter("192.0.2.2", 0, &t));
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 500, &t));
	assert_true(limits_take(l, &rules, t, 500));
}

/* Whoever has not asked yet has a full bucket, whatever the rate was. */
static void
a_changed_rate_holds_at_once_and_refuses_nobody_else(void **state)
{
	unsigned asked, quiet;

	(void)state;
	rules.rate = 0;
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 1000, &quiet));
	rules.rate = 100;
	assert_int_equal(LIMITS_OK, enter("192.0.2.2", 1000, &asked));
	while (limits_take(l, &rules, asked, 1000))
		;
	rules.rate = 1;
	assert_true(limits_take(l, &rules, quiet, 1000));
	assert_false(limits_take(l, &rules, quiet, 1000));
	assert_false(limits_take(l, &rules, asked, 1999));
	assert_true(limits_take(l, &rules, asked, 2000));
	rules.rate = 3;
	assert_true(limits_take(l, &rules, quiet, 1000));
	assert_true(limits_take(l, &rules, quiet, 1000));
	assert_false(limits_take(l, &rules, quiet, 1000));
}

static void
rate_0_is_off(void **state)
{
	unsigned t;
	int i;

	(void)state;
	rules.rate = 0;
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	for (i = 0; i < 10000; i++)
		assert_true(limits_take(l, &rules, t, 0));
	limits_leave(l, t);
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
}

/* The rate of an address outlives its connections, until others need room. */
static void
idle_addresses_are_remembered_up_to_a_number(void **state)
{
	char text[32];
	unsigned t, i;

	(void)state;
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	assert_true(limits_take(l, &rules, t, 0));
	assert_true(limits_take(l, &rules, t, 0));
	limits_leave(l, t);
	for (i = 0; i + 1 < LIMITS_IDLE_MAX; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.1", i >> 8, i & 255);
		assert_int_equal(LIMITS_OK, enter(text, 0, &t));
		limits_leave(l, t);
	}
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	assert_false(limits_take(l, &rules, t, 0));
	limits_leave(l, t);
	for (i = 0; i <= LIMITS_IDLE_MAX; i++) {
		snprintf(text, sizeof(text), "11.%u.%u.1", i >> 8, i & 255);
		assert_int_equal(LIMITS_OK, enter(text, 0, &t));
		limits_leave(l, t);
	}
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	assert_true(limits_take(l, &rules, t, 0));
}

/* So many addresses that come and go at once. */
static void
pass_by(unsigned net, unsigned n)
{
	char text[32];
	unsigned t, i;

	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%u.%u.%u.1", net, i >> 8,
		    i & 255);
		assert_int_equal(LIMITS_OK, enter(text, 0, &t));
		limits_leave(l, t);
	}
}

static void
the_idle_address_longest_unseen_goes_at_one_too_many(void **state)
{
	unsigned t, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		(void)teardown(state);
		(void)setup(state);
		assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
		assert_true(limits_take(l, &rules, t, 0));
		assert_true(limits_take(l, &rules, t, 0));
		limits_leave(l, t);
		pass_by(10, LIMITS_IDLE_MAX - 1 + i);
		assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
		assert_int_equal(i, limits_take(l, &rules, t, 0));
	}
}

/* Whoever is connected when the table is made anew is no idle address. */
static void
who_stays_is_counted_however_many_come_after_a_death(void **state)
{
	unsigned t, i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	limits_add_worker(l, 2, getpid());
	limits_enter_worker(l, 0);
	limits_reap(l, 2);
	limits_enter_worker(l, 1);
	assert_int_equal(3, limits_count(l));
	pass_by(10, LIMITS_IDLE_MAX + 1);
	assert_int_equal(LIMITS_REFUSED, enter("192.0.2.1", 0, &t));
	limits_leave(l, t);
	assert_int_equal(2, limits_count(l));
}

/* The table was forged and mended: the place is another's by now. */
static void
who_leaves_what_is_anothers_takes_nothing_away(void **state)
{
	unsigned t;

	(void)state;
	limits_add_worker(l, 2, getpid());
	limits_enter_worker(l, 2);
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	limits_enter_worker(l, 1);
	limits_leave(l, t);
	assert_int_equal(1, limits_count(l));
	limits_enter_worker(l, 2);
	limits_leave(l, t);
	limits_leave(l, t);
	assert_int_equal(0, limits_count(l));
}

/* Nobody lives who could give it back. */
static void
a_record_of_no_worker_is_given_back_at_the_next_death(void **state)
{
	unsigned t;

	(void)state;
	limits_enter_worker(l, 77);
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	limits_enter_worker(l, LIMITS_WORKERS_MAX + 1);
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	limits_enter_worker(l, 1);
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	limits_add_worker(l, 2, getpid());
	limits_enter_worker(l, 0);
	limits_reap(l, 2);
	assert_int_equal(1, limits_count(l));
}

static void
a_dead_workers_connections_are_given_back(void **state)
{
	unsigned t;

	(void)state;
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	limits_add_worker(l, 2, getpid());
	limits_enter_worker(l, 2);
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	assert_int_equal(LIMITS_REFUSED, enter("192.0.2.1", 0, &t));
	assert_int_equal(LIMITS_OK, enter_unnamed(&t));
	assert_int_equal(4, limits_count(l));
	limits_enter_worker(l, 0);
	limits_reap(l, 2);
	assert_int_equal(1, limits_count(l));
	limits_enter_worker(l, 3);
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	assert_int_equal(LIMITS_OK, enter("192.0.2.1", 0, &t));
	assert_int_equal(LIMITS_REFUSED, enter("192.0.2.1", 0, &t));
}

/* Some come by a proxy, and not all of those say whose they are. */
static enum limits_result
enter_somehow(const char *from, unsigned i, unsigned *ticket)
{
	if (i % 2 == 0)
		return enter(from, i, ticket);
	if (enter_unnamed(ticket) == LIMITS_OK && i % 5 != 0)
		(void)assign(from, i, *ticket);
	return LIMITS_OK;
}

/* One worker that comes and goes as fast as it can until it is killed. */
static void
work(unsigned owner)
{
	char text[32];
	unsigned t[8], n = 0, i;

	lock_enter_process();
	limits_enter_worker(l, owner);
	for (i = 0;; i++) {
		snprintf(text, sizeof(text), "10.0.0.%u", i % 200);
		if (n < 8 && enter_somehow(text, i, &t[n]) == LIMITS_OK)
			n++;
		if (n == 8 || i % 3 == 0)
			while (n > 0)
				limits_leave(l, t[--n]);
	}
}

/*
 * Two workers, killed one after the other or both before the first is buried:
 * then the one that waits may be the one that holds the lock.
 */
static void
kill_two(unsigned first, bool together)
{
	pid_t pid[2];
	int i;

	for (i = 0; i < 2; i++) {
		pid[i] = fork_child();
		if (pid[i] == 0)
			work(first + (unsigned)i);
		limits_add_worker(l, first + (unsigned)i, pid[i]);
	}
	usleep((useconds_t)(500 + rand() % 5000));
	limits_enter_worker(l, 0);
	for (i = 0; together && i < 2; i++)
		kill(pid[i], SIGKILL);
	for (i = 0; i < 2; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
		limits_reap(l, first + (unsigned)i);
	}
	assert_int_equal(0, limits_count(l));
}

static void
workers_killed_at_any_moment_leave_nothing_behind(void **state)
{
	unsigned t;
	int round, i;

	(void)state;
	rules.rate = 0;
	alarm(60); /* a lock that nobody gives back would last for ever */
	for (round = 0; round < 120; round++)
		kill_two(10 + (unsigned)round * 2 % 100, round % 2 == 0);
	alarm(0);
	limits_enter_worker(l, 1);
	for (i = 0; i < 3; i++)
		assert_int_equal(LIMITS_OK, enter("10.0.0.1", 0, &t));
	assert_int_equal(LIMITS_REFUSED, enter("10.0.0.1", 0, &t));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_address_gets_its_connections_and_not_one_more),
		TEST(a_household_of_ipv6_is_one_address),
		TEST(a_network_of_48_bits_holds_16_times_an_address),
		TEST(a_networks_connections_are_given_back),
		TEST(who_is_not_named_yet_counts_in_the_total_alone),
		TEST(once_named_it_counts_like_any_other),
		TEST(the_total_is_exact),
		TEST(a_rate_is_so_many_a_second),
		TEST(a_clock_that_steps_back_neither_gives_nor_takes),
		TEST(a_time_that_lies_ahead_stops_nobody_for_long),
		TEST(full_handshakes_have_twice_the_rate),
		TEST(who_goes_on_regardless_is_not_let_in),
		TEST(a_changed_rate_holds_at_once_and_refuses_nobody_else),
		TEST(rate_0_is_off),
		TEST(idle_addresses_are_remembered_up_to_a_number),
		TEST(the_idle_address_longest_unseen_goes_at_one_too_many),
		TEST(who_stays_is_counted_however_many_come_after_a_death),
		TEST(who_leaves_what_is_anothers_takes_nothing_away),
		TEST(a_record_of_no_worker_is_given_back_at_the_next_death),
		TEST(a_dead_workers_connections_are_given_back),
		TEST(workers_killed_at_any_moment_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
