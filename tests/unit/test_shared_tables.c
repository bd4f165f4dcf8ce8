/*
 * test_shared_tables.c - whatever a worker that was taken over writes into the
 * tables that all share, nothing but the tables changes, and the next are well.
 *
 * Only here and in its fuzz target is the inside of these modules known.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fork_child.h"
#include "net/limits.c"
#include "net/metrics.c"
#include "net/sessions.c"
#include "net/ticket_keys.c"

#define WORKERS    4
#define PATIENCE_S 60

static struct limits_rules rules;
static struct limits *l;

static int
setup(void **state)
{
	unsigned i;

	(void)state;
	rules = (struct limits_rules){ 1000, 3, 2 };
	l = limits_new();
	for (i = 1; i <= WORKERS; i++)
		limits_add_worker(l, i, getpid());
	limits_enter_worker(l, 1);
	alarm(PATIENCE_S); /* a walk without end would last for ever */
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	alarm(0);
	limits_free(l);
	return 0;
}

static enum limits_result
enter_from(uint32_t address, unsigned *ticket)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	in.sin_addr.s_addr = htonl(address);
	return limits_enter(l, &rules, (struct sockaddr *)&in, 0, ticket);
}

static enum limits_result
enter_from6(unsigned char network, unsigned *ticket)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	in6.sin6_addr.s6_addr[0] = 0x20;
	in6.sin6_addr.s6_addr[7] = network;
	return limits_enter(l, &rules, (struct sockaddr *)&in6, 0, ticket);
}

/* The master finds worker n dead. */
static void
reap_worker(unsigned n)
{
	unsigned me = l->me;

	limits_enter_worker(l, 0);
	limits_reap(l, n);
	limits_add_worker(l, n, getpid());
	limits_enter_worker(l, me);
}

/* The table is as exact as a new one. */
static void
assert_exact(void)
{
	unsigned t, i;

	assert_int_equal(0, limits_count(l));
	for (i = 0; i < 3; i++)
		assert_int_equal(LIMITS_OK, enter_from(0x0a0b0c0d, &t));
	assert_int_equal(LIMITS_REFUSED, enter_from(0x0a0b0c0d, &t));
	assert_int_equal(LIMITS_OK, enter_from6(1, &t));
	assert_true(limits_take(l, &rules, t, 0));
	assert_true(limits_take(l, &rules, t, 0));
	assert_false(limits_take(l, &rules, t, 0));
	assert_int_equal(4, limits_count(l));
}

/* -- the table of limits -- */

/* The list of idle entries led the master out of the table, to a word that
 * was only its own. */
static void
a_forged_list_leads_the_master_nowhere(void **state)
{
	size_t size = 1 << 20, i;
	unsigned *victim = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANON, -1, 0);
	struct limits before = *l;
	ptrdiff_t far;
	unsigned t;

	(void)state;
	assert_true(victim != MAP_FAILED);
	far = (char *)&victim[size / 8] - (char *)l->table->entries;
	if (fork_child() == 0) {
		limits_enter_worker(l, 2);
		(void)enter_from(1, &t);
		/* Modulo 2^32, a negative way leads there as well. */
		SHARED_STORE(&l->table->newest,
		    (unsigned)(far / (ptrdiff_t)sizeof(struct address_entry)));
		SHARED_STORE(&l->table->records[t].entry[0], 1);
		SHARED_STORE(&l->table->entries[1].connections, 1);
		_exit(0);
	}
	wait(NULL);
	limits_leave(l, 1);
	reap_worker(2);
	assert_memory_equal(&before, l, sizeof(before));
	for (i = 0; i < size / sizeof(*victim); i++)
		assert_int_equal(0, victim[i]);
	assert_exact();
	munmap(victim, size);
}

static unsigned
hostile_word(void)
{
	static const unsigned words[] = { 0, 1, 2, 3, ENTRIES, ENTRIES + 1,
		LIMITS_CONNECTIONS_MAX, LIMITS_CONNECTIONS_MAX + 1, 0x7fffffff,
		0x80000000, 0xffffffff };

	if (rand() % 4 == 0)
		return (unsigned)rand() * 2654435761u;
	return words[(size_t)rand() % (sizeof(words) / sizeof(words[0]))];
}

static void
scribble(void *p, size_t size)
{
	atomic_uint *words = p;
	size_t i;

	for (i = 0; i < size / sizeof(*words); i++)
		if (rand() % 3 == 0)
			SHARED_STORE(&words[i], hostile_word());
}

/* All that leads anywhere, and some of where it leads. */
static void
scribble_limits(void)
{
	struct limits_table *t = l->table;

	scribble(&t->count,
	    offsetof(struct limits_table, heads) -
		offsetof(struct limits_table, count));
	scribble(t->heads, sizeof(t->heads) / 4);
	scribble(t->entries, 20 * sizeof(t->entries[0]));
	scribble(t->records, 20 * sizeof(t->records[0]));
	/* A million records would be recounted: in one of a hundred. */
	if (rand() % 100 > 0)
		SHARED_STORE(&t->records_used, (unsigned)rand() % 30);
}

static void
use_limits(void)
{
	unsigned t[40], n = 0, i;

	for (i = 0; i < 20; i++) {
		n += enter_from(i / 2, &t[n]) == LIMITS_OK;
		n += enter_from6((unsigned char)i, &t[n]) == LIMITS_OK;
	}
	if (limits_enter(l, &rules, NULL, 0, &i) == LIMITS_OK) {
		(void)limits_assign(l, &rules, i, AF_INET, "abcd", 5);
		limits_leave(l, i);
	}
	for (i = 0; i < n; i++) {
		(void)limits_take(l, &rules, t[i], i);
		(void)limits_take_handshake(l, &rules, t[i], INT64_C(1) << 40);
		(void)limits_have_room(l, &rules);
		limits_leave(l, t[i]);
	}
}

static void
whatever_stands_in_the_table_of_limits_ends_with_its_workers(void **state)
{
	struct limits before = *l;
	int round, i;

	(void)state;
	for (round = 0; round < 200; round++) {
		scribble_limits();
		use_limits();
		scribble_limits();
		for (i = 1; i <= WORKERS; i++)
			reap_worker((unsigned)i);
		assert_exact();
		reap_worker(1);
		assert_memory_equal(&before, l, sizeof(before));
	}
}

static void
a_full_table_of_forged_numbers_refuses(void **state)
{
	unsigned t;

	(void)state;
	SHARED_STORE(&l->table->records_used, LIMITS_CONNECTIONS_MAX);
	assert_int_equal(LIMITS_FULL, enter_from(1, &t));
	SHARED_STORE(&l->table->records_used, 0);
	SHARED_STORE(&l->table->entries_used, ENTRIES);
	assert_int_equal(LIMITS_REFUSED, enter_from(1, &t));
	SHARED_STORE(&l->table->entries_used, ENTRIES - 1);
	assert_int_equal(LIMITS_OK, enter_from(1, &t));
	reap_worker(1);
	assert_exact();
}

/* -- the table of sessions -- */

static const unsigned char id[SESSIONS_ID_LEN] = { 1, 2, 3 };

static struct sessions *
one_session(void)
{
	struct sessions *s = sessions_new();

	sessions_put(s, 1, id, VIEW("a secret of this visit"), 1000);
	return s;
}

static void
a_session_that_is_not_whole_is_none(void **state)
{
	unsigned char to[SESSIONS_DATA_MAX];
	struct sessions *s = one_session();
	size_t i;

	(void)state;
	for (i = 0; i < BODY_WORDS; i++) {
		s->slots[0].body[i] ^= 1;
		assert_int_equal(0, sessions_find(s, 1, id, 0, to));
		s->slots[0].body[i] ^= 1;
	}
	assert_int_equal(22, sessions_find(s, 1, id, 0, to));
	sessions_free(s);
}

/* Workers know the key of the tags. */
static void
a_sealed_length_that_is_none_is_not_believed(void **state)
{
	static const uint32_t lengths[] = { SESSIONS_DATA_MAX + 1, 0x7fffffff,
		0xffffffff };
	unsigned char to[SESSIONS_DATA_MAX];
	struct sessions *s = one_session();
	struct session_body b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		read_body(&s->slots[0], &b);
		b.len = lengths[i];
		b.tag = tag_body(s, &b);
		write_body(&s->slots[0], &b);
		assert_int_equal(0, sessions_find(s, 1, id, 0, to));
		assert_int_equal(0, sessions_take(s, 1, id, 0, to));
	}
	b.len = SESSIONS_DATA_MAX;
	b.tag = tag_body(s, &b);
	write_body(&s->slots[0], &b);
	assert_int_equal(SESSIONS_DATA_MAX, sessions_take(s, 1, id, 0, to));
	sessions_free(s);
}

static void
nothing_is_left_of_a_session_that_was_taken(void **state)
{
	static const unsigned char zeros[sizeof(struct session_body)];
	unsigned char to[SESSIONS_DATA_MAX];
	struct sessions *s = one_session();

	(void)state;
	assert_int_equal(22, sessions_take(s, 1, id, 0, to));
	assert_memory_equal(s->slots[0].body, zeros, sizeof(zeros));
	sessions_free(s);
}

/* -- counts -- */

static void
a_worker_can_write_no_row_but_its_own(void **state)
{
	static const unsigned others[] = { 0, 1, 2, 4, METRICS_ROWS - 1 };
	struct metrics *m = metrics_new();
	struct row *other;
	size_t i;
	int status;

	(void)state;
	metrics_enter(m, 0);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		other = row_at(m, others[i]);
		if (fork_child() == 0) {
			(void)signal(SIGSEGV, SIG_DFL);
			metrics_enter(m, 3);
			metrics_count(METRICS_ACCEPTED, 1);
			put_cell(other, CELL_EVENTS, 7);
			_exit(0);
		}
		wait(&status);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(SIGSEGV, WTERMSIG(status));
		assert_int_equal(0, get_cell(other, CELL_EVENTS));
	}
	assert_int_equal(i, get_cell(row_at(m, 3), CELL_EVENTS));
	metrics_free(m);
}

static void
a_page_that_is_never_at_rest_is_written_all_the_same(void **state)
{
	struct metrics *m = metrics_new();
	int64_t all[CELLS];

	(void)state;
	metrics_enter(m, 0);
	metrics_count(METRICS_RELOADED, 5);
	atomic_store(&row_at(m, 0)->reaps, 1); /* it died meanwhile */
	atomic_store(&row_at(m, 0)->highest, 0xffffffff);
	sum_rows(m, all);
	assert_int_equal(5, all[CELL_EVENTS + METRICS_RELOADED]);
	metrics_free(m);
}

/* -- the ring of ticket keys -- */

static void
a_forged_turn_names_one_of_the_rings_keys(void **state)
{
	struct ticket_ring *r = ticket_ring_new();
	struct ticket_key key;
	unsigned i, k;

	(void)state;
	for (i = 0; i < 100; i++) {
		atomic_store(&r->now, hostile_word());
		ticket_ring_present(r, &key);
		for (k = 0; memcmp(&r->v[k], &key, sizeof(key)) != 0; k++)
			assert_true(k + 1 < RING);
		assert_int_equal(0, ticket_ring_find(r, key.name, &key));
		ticket_ring_turn(r);
		assert_true(atomic_load(&r->now) < RING);
	}
	ticket_ring_free(r);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_forged_list_leads_the_master_nowhere),
		T(whatever_stands_in_the_table_of_limits_ends_with_its_workers),
		T(a_full_table_of_forged_numbers_refuses),
		T(a_session_that_is_not_whole_is_none),
		T(a_sealed_length_that_is_none_is_not_believed),
		T(nothing_is_left_of_a_session_that_was_taken),
		T(a_worker_can_write_no_row_but_its_own),
		T(a_page_that_is_never_at_rest_is_written_all_the_same),
		T(a_forged_turn_names_one_of_the_rings_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
