/*
 * fuzz_shared_tables.c - random words in the tables that all processes share,
 * between all that workers and the master do with them.
 *
 * Whatever a worker writes: nobody reads or writes outside a table, every walk
 * ends, and once the master has found all workers dead the table of limits is
 * as exact as a new one.
 */
#include <netinet/in.h>

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/limits.c"
#include "net/metrics.c"
#include "net/sessions.c"
#include "net/ticket_keys.c"

#define TICKETS 32
#define RECORDS 4096 /* that are recounted within a moment */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct limits_rules rules = { 1000, 3, 2 };
static struct limits *l;
static struct sessions *s;
static struct metrics *m;
static struct ticket_ring *ring;
static struct view in;
static unsigned tickets[TICKETS], n_tickets;
static int64_t now_ms;

/* Nobody naps while he waits for a lock with a forged holder. */
int
poll(struct pollfd *fds, nfds_t n, int ms)
{
	(void)fds;
	(void)n;
	(void)ms;
	return 0;
}

static void
must(bool holds_true)
{
	if (!holds_true)
		abort();
}

/* The next bytes of the input, or zeros behind its end. */
static unsigned
eat(size_t bytes)
{
	uint32_t word = 0;

	if (bytes > in.len)
		bytes = in.len;
	memcpy(&word, in.p, bytes);
	in = view_skip(in, bytes);
	return word;
}

/* -- the bytes of the tables -- */

static void
poke(void *p, size_t size)
{
	atomic_uint *words = p;
	size_t i = eat(1) % (size / sizeof(*words));

	SHARED_STORE(&words[i], eat(4));
}

static void
poke_limits(void)
{
	struct limits_table *t = l->table;

	switch (eat(1) % 4) {
	case 0:
		poke(t, offsetof(struct limits_table, heads));
		/* A million takes a tenth of a second: seldom. */
		if (SHARED_LOAD(&t->records_used) > RECORDS && eat(1) != 0)
			SHARED_STORE(&t->records_used, RECORDS);
		break;
	case 1:
		SHARED_STORE(&t->heads[eat(2)], eat(4));
		break;
	case 2:
		poke(&t->entries[eat(1) % 64], sizeof(t->entries[0]));
		break;
	default:
		poke(&t->records[eat(1) % 64], sizeof(t->records[0]));
	}
}

/* With even the tag right: workers know its key. */
static void
poke_session(void)
{
	struct session_slot *slot = &s->slots[eat(1) % 16];
	struct session_body b;

	poke(slot, sizeof(*slot));
	read_body(slot, &b);
	b.tag = tag_body(s, &b);
	if (eat(1) % 2 == 0)
		write_body(slot, &b);
}

static void
poke_metrics(void)
{
	struct row *r = row_at(m, 1 + eat(1) % LIMITS_WORKERS_MAX);

	SHARED_STORE(&r->cell[eat(1) % CELLS], (uint64_t)eat(4) << 32);
}

/* -- what processes do -- */

static void
keep_ticket(enum limits_result r, unsigned ticket)
{
	if (r == LIMITS_OK && n_tickets < TICKETS)
		tickets[n_tickets++] = ticket;
}

static enum limits_result
enter_from(unsigned address, unsigned *ticket)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	in4.sin_addr.s_addr = address;
	in6.sin6_addr.s6_addr[5] = address & 1;
	in6.sin6_addr.s6_addr[7] = (unsigned char)address;
	if (address == 0)
		return limits_enter(l, &rules, NULL, now_ms, ticket);
	return limits_enter(l, &rules,
	    address % 2 == 0 ? (struct sockaddr *)&in4
			     : (struct sockaddr *)&in6,
	    now_ms, ticket);
}

static void
use_limits(void)
{
	unsigned i = n_tickets == 0 ? 0 : eat(1) % n_tickets, t;

	if (eat(1) % 3 == 0 || n_tickets == 0) {
		enum limits_result r = enter_from(eat(1), &t);

		keep_ticket(r, t);
		return;
	}
	(void)limits_assign(l, &rules, tickets[i], AF_INET6, "0123456789abcdef",
	    now_ms);
	(void)limits_take(l, &rules, tickets[i], now_ms);
	(void)limits_take_handshake(l, &rules, tickets[i], now_ms);
	if (eat(1) % 2 == 0) {
		limits_leave(l, tickets[i]);
		tickets[i] = tickets[--n_tickets];
	}
}

static void
reap_worker(unsigned owner)
{
	unsigned me = l->me;

	limits_enter_worker(l, 0);
	limits_reap(l, owner);
	metrics_reap(m, owner);
	if (eat(1) % 2 == 0) {
		limits_add_worker(l, owner, 1);
		metrics_add_worker(m, owner);
	}
	limits_enter_worker(l, me);
}

static void
use_sessions(void)
{
	unsigned char id[SESSIONS_ID_LEN] = { 0 }, to[SESSIONS_DATA_MAX];
	unsigned most = 1 + eat(1) % 16;
	struct view data = in;

	id[0] = (unsigned char)eat(1);
	if (data.len > SESSIONS_DATA_MAX)
		data.len = SESSIONS_DATA_MAX;
	switch (eat(1) % 5) {
	case 0:
		sessions_put(s, most, id, data, now_ms + eat(2));
		break;
	case 1:
		must(sessions_find(s, most, id, now_ms, to) <= sizeof(to));
		break;
	case 2:
		must(sessions_take(s, most, id, now_ms, to) <= sizeof(to));
		break;
	case 3:
		sessions_drop(s, most, id);
		break;
	default:
		sessions_expire(s, most, now_ms);
	}
}

static void
use_metrics(void)
{
	static const char *const names[METRICS_STATES] = { "waiting" };
	struct metrics_facts facts = { "1", NULL, 0, 0 };
	struct buf page;

	buf_init(&page, METRICS_PAGE_MAX);
	metrics_page(m, names, &facts, &page);
	must(!page.failed);
	buf_fini(&page);
}

static void
use_ring(void)
{
	struct ticket_key key;

	atomic_store(&ring->now, eat(4));
	ticket_ring_present(ring, &key);
	must(ticket_ring_find(ring, key.name, &key) == 0);
	if (eat(1) % 4 == 0)
		ticket_ring_turn(ring);
}

static void
take_step(void)
{
	switch (eat(1) % 10) {
	case 0:
	case 1:
		poke_limits();
		break;
	case 2:
		poke_session();
		break;
	case 3:
		poke_metrics();
		break;
	case 4:
		reap_worker(1 + eat(1) % LIMITS_WORKERS_MAX);
		break;
	case 5:
		use_sessions();
		break;
	case 6:
		use_metrics();
		break;
	case 7:
		use_ring();
		break;
	case 8:
		now_ms += eat(2);
		limits_enter_worker(l, 1 + eat(1) % LIMITS_WORKERS_MAX);
		break;
	default:
		use_limits();
	}
}

/* All workers are dead: an address has again what it may have. */
static void
must_be_exact(void)
{
	unsigned t[4], i;

	memset(l->pids, 0, sizeof(l->pids));
	reap_worker(1);
	must(limits_count(l) == 0);
	limits_enter_worker(l, 1);
	for (i = 0; i < 3; i++)
		must(enter_from(2, &t[i]) == LIMITS_OK);
	must(enter_from(2, &t[3]) == LIMITS_REFUSED);
	must(limits_take(l, &rules, t[0], now_ms));
	must(limits_take(l, &rules, t[1], now_ms));
	must(!limits_take(l, &rules, t[2], now_ms));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_seed seed = { 1, 2 };
	unsigned i;

	in = (struct view){ (const char *)data, size };
	n_tickets = 0;
	now_ms = 1000;
	l = limits_new();
	s = sessions_new();
	m = metrics_new();
	ring = ticket_ring_new();
	l->seed = s->key = seed; /* what was found is found again */
	for (i = 1; i <= LIMITS_WORKERS_MAX; i++)
		limits_add_worker(l, i, 1);
	limits_enter_worker(l, 1);
	while (in.len > 0)
		take_step();
	must_be_exact();
	ticket_ring_free(ring);
	metrics_free(m);
	sessions_free(s);
	limits_free(l);
	return 0;
}
