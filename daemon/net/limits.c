/*
 * limits.c - connections and requests per address, exact over all workers.
 *
 * Floor net.  One table in shared memory: a record for every connection, an
 * entry for every address that has one, and for those that had one lately.
 *
 * Workers may be killed at any instruction, and one that was taken over may
 * write anything.  So a place in the table is found by record_at and entry_at
 * alone, which know no place outside it; every walk has a longest way; and
 * what leads from one place to another can be made anew from the records,
 * each of which was published by one write.  What the master has to believe,
 * which process a worker is and whether it lives, is in memory of its own.
 */
#include "net/limits.h"

#include <netinet/in.h>

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/shared.h"

#define HEADS     (1 << 16) /* chains; a power of two */
#define CHAIN_MAX 256       /* entries; where all are used it has some 32 */
#define ENTRIES   (2 * LIMITS_CONNECTIONS_MAX + LIMITS_IDLE_MAX)
#define NONE      0u   /* no record, no entry: numbers start at 1 */
#define NOBODY    0u   /* what stands for no address */
#define TOKEN     1000 /* a request, in thousandths; also ms of a second */

/* What a connection counts towards: its address, and an IPv6 one's /48. */
enum { ADDRESS, NETWORK, PARTIES };

/* What is taken from an address. */
enum { REQUESTS, REFUSALS, HANDSHAKES, BUCKETS };

/* One connection; owner is written last and cleared first. */
struct record {
	atomic_uint owner; /* 0: free */
	atomic_uint next_free;
	atomic_uint entry[PARTIES];
	_Atomic uint64_t address[PARTIES]; /* NOBODY: none, or not known yet */
};

/* One address, or network. */
struct address_entry {
	_Atomic uint64_t address;
	_Atomic int64_t refilled_ms; /* until when time has been counted */
	atomic_uint connections;
	atomic_uint chain;        /* next of the same hash */
	atomic_uint older, newer; /* of the idle ones */
	/*
	 * Thousandths used up, and not yet made good by time.  Not what is
	 * left: that would depend on the rate, which a reload may change.
	 * Nothing used is a full bucket under any rate.
	 */
	atomic_int used[BUCKETS];
};

/* What all processes can write; number 0 of each kind takes what is void. */
struct limits_table {
	struct lock lock;
	atomic_int count;
	atomic_uint records_used, free_record;
	atomic_uint entries_used;
	atomic_uint oldest, newest, idle;
	atomic_uint heads[HEADS];
	struct address_entry entries[ENTRIES + 1];
	struct record records[LIMITS_CONNECTIONS_MAX + 1];
};

/* What each process has for itself. */
struct limits {
	struct limits_table *table;
	struct hash_seed seed;
	unsigned me;                        /* owner number; 0: the master */
	pid_t pids[LIMITS_WORKERS_MAX + 1]; /* the master's; 0: nobody */
};

struct limits *
limits_new(void)
{
	struct limits *l = xcalloc(1, sizeof(*l));

	l->table = shared_map(sizeof(*l->table));
	l->seed = hash_seed_draw();
	return l;
}

void
limits_free(struct limits *l)
{
	shared_unmap(l->table, sizeof(*l->table));
	xfree(l);
}

void
limits_add_worker(struct limits *l, unsigned owner, pid_t pid)
{
	l->pids[owner] = pid;
}

void
limits_enter_worker(struct limits *l, unsigned owner)
{
	l->me = owner;
}

/* -- places -- */

static struct record *
record_at(struct limits_table *t, unsigned n)
{
	return &t->records[n <= LIMITS_CONNECTIONS_MAX ? n : NONE];
}

static struct address_entry *
entry_at(struct limits_table *t, unsigned i)
{
	return &t->entries[i <= ENTRIES ? i : NONE];
}

static unsigned
used_records(const struct limits_table *t)
{
	unsigned n = SHARED_LOAD(&t->records_used);

	return n < LIMITS_CONNECTIONS_MAX ? n : LIMITS_CONNECTIONS_MAX;
}

static unsigned
used_entries(const struct limits_table *t)
{
	unsigned n = SHARED_LOAD(&t->entries_used);

	return n < ENTRIES ? n : ENTRIES;
}

/* -- addresses -- */

static uint64_t
hash_address(const struct limits *l, const void *p, size_t len)
{
	uint64_t n = hash_bytes((struct view){ p, len }, l->seed);

	return n == NOBODY ? 1 : n;
}

/*
 * The numbers that stand for an address: all of an IPv4 one; of an IPv6 one
 * the network half, because a /64 is what one household has, and the /48 that
 * a customer may get.  Two share a number once in 2^64, and nobody outside
 * knows the seed to make them.
 */
static void
number_parties(const struct limits *l, int family, const void *address,
    uint64_t to[PARTIES])
{
	to[NETWORK] = NOBODY;
	if (family == AF_INET)
		to[ADDRESS] = hash_address(l, address, 4);
	else if (family == AF_UNIX)
		to[ADDRESS] = hash_address(l, "unix!", 5);
	else {
		to[ADDRESS] = hash_address(l, address, 8);
		to[NETWORK] = hash_address(l, address, 6);
	}
}

/* The same for where a connection comes from. */
static void
number_source(const struct limits *l, const struct sockaddr *from,
    uint64_t to[PARTIES])
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;

	number_parties(l, from->sa_family,
	    from->sa_family == AF_INET ? (const void *)&in->sin_addr
				       : (const void *)&in6->sin6_addr,
	    to);
}

static atomic_uint *
head_of(struct limits_table *t, uint64_t address)
{
	return &t->heads[address & (HEADS - 1)];
}

/* The entry of an address, or NONE. */
static unsigned
find_entry(struct limits_table *t, uint64_t address)
{
	unsigned i = SHARED_LOAD(head_of(t, address)), steps;
	struct address_entry *e;

	for (steps = 0; i != NONE && steps < CHAIN_MAX; steps++) {
		e = entry_at(t, i);
		if (SHARED_LOAD(&e->address) == address)
			return i;
		i = SHARED_LOAD(&e->chain);
	}
	return NONE;
}

/* Take entry i out of its chain; false if it is not there. */
static bool
leave_chain(struct limits_table *t, unsigned i)
{
	struct address_entry *e = entry_at(t, i);
	atomic_uint *at = head_of(t, SHARED_LOAD(&e->address));
	unsigned next = SHARED_LOAD(at), steps;

	for (steps = 0; next != i && steps < CHAIN_MAX; steps++) {
		at = &entry_at(t, next)->chain;
		next = SHARED_LOAD(at);
	}
	if (next == i)
		SHARED_STORE(at, SHARED_LOAD(&e->chain));
	return next == i;
}

/* Take entry i out of the idle ones. */
static void
leave_idle(struct limits_table *t, unsigned i)
{
	struct address_entry *e = entry_at(t, i);
	unsigned older = SHARED_LOAD(&e->older), newer = SHARED_LOAD(&e->newer);

	if (older != NONE)
		SHARED_STORE(&entry_at(t, older)->newer, newer);
	else
		SHARED_STORE(&t->oldest, newer);
	if (newer != NONE)
		SHARED_STORE(&entry_at(t, newer)->older, older);
	else
		SHARED_STORE(&t->newest, older);
	SHARED_STORE(&e->older, NONE);
	SHARED_STORE(&e->newer, NONE);
	SHARED_STORE(&t->idle, SHARED_LOAD(&t->idle) - 1);
}

/* Entry i has no connection any more: remember its rate for a while. */
static void
join_idle(struct limits_table *t, unsigned i)
{
	struct address_entry *e = entry_at(t, i);
	unsigned newest = SHARED_LOAD(&t->newest);

	SHARED_STORE(&e->older, newest);
	SHARED_STORE(&e->newer, NONE);
	if (newest != NONE)
		SHARED_STORE(&entry_at(t, newest)->newer, i);
	else
		SHARED_STORE(&t->oldest, i);
	SHARED_STORE(&t->newest, i);
	SHARED_STORE(&t->idle, SHARED_LOAD(&t->idle) + 1);
}

/*
 * An entry to write a new address to: one that was never used, or that of the
 * address that has been idle longest; NONE if there is none.
 */
static unsigned
take_entry(struct limits_table *t)
{
	unsigned used = used_entries(t), oldest = SHARED_LOAD(&t->oldest);

	if (SHARED_LOAD(&t->idle) < LIMITS_IDLE_MAX && used < ENTRIES) {
		SHARED_STORE(&t->entries_used, used + 1);
		return used + 1;
	}
	if (oldest == NONE || oldest > used || !leave_chain(t, oldest))
		return NONE;
	leave_idle(t, oldest);
	return oldest;
}

/* The entry of an address, made with full buckets if there is none. */
static unsigned
obtain_entry(struct limits_table *t, uint64_t address, int64_t now_ms)
{
	unsigned i = find_entry(t, address), bucket;
	atomic_uint *first = head_of(t, address);
	struct address_entry *e;

	if (i != NONE || (i = take_entry(t)) == NONE)
		return i;
	e = entry_at(t, i);
	SHARED_STORE(&e->address, address);
	SHARED_STORE(&e->refilled_ms, now_ms);
	SHARED_STORE(&e->connections, 0);
	for (bucket = 0; bucket < BUCKETS; bucket++)
		SHARED_STORE(&e->used[bucket], 0);
	SHARED_STORE(&e->chain, SHARED_LOAD(first));
	SHARED_STORE(first, i);
	join_idle(t, i); /* until its first connection is counted */
	return i;
}

static void
count_in(struct limits_table *t, unsigned i)
{
	struct address_entry *e = entry_at(t, i);
	unsigned n = SHARED_LOAD(&e->connections);

	SHARED_STORE(&e->connections, n + 1);
	if (n == 0)
		leave_idle(t, i);
}

static void
count_out(struct limits_table *t, unsigned i)
{
	struct address_entry *e = entry_at(t, i);
	unsigned n = SHARED_LOAD(&e->connections);

	if (n > 0)
		SHARED_STORE(&e->connections, n - 1);
	if (n == 1)
		join_idle(t, i);
}

/* -- records -- */

static unsigned
take_record(struct limits_table *t)
{
	unsigned n = SHARED_LOAD(&t->free_record), used = used_records(t);

	if (n != NONE && n <= used) {
		SHARED_STORE(&t->free_record,
		    SHARED_LOAD(&record_at(t, n)->next_free));
		return n;
	}
	if (used == LIMITS_CONNECTIONS_MAX)
		return NONE;
	SHARED_STORE(&t->records_used, used + 1);
	return used + 1;
}

static void
free_record(struct limits_table *t, unsigned n)
{
	struct record *r = record_at(t, n);

	atomic_store(&r->owner, 0);
	SHARED_STORE(&r->next_free, SHARED_LOAD(&t->free_record));
	SHARED_STORE(&t->free_record, n);
}

/* A worker cannot tell which others live: it takes all of them as alive. */
static bool
is_owner(const struct limits *l, unsigned owner)
{
	return owner > 0 && owner <= LIMITS_WORKERS_MAX &&
	    (l->me > 0 || l->pids[owner] != 0);
}

/* Count the connection of record r in again. */
static void
recount_record(struct limits_table *t, struct record *r, int64_t now_ms)
{
	unsigned party, i;
	uint64_t address;

	for (party = 0; party < PARTIES; party++) {
		address = SHARED_LOAD(&r->address[party]);
		i = address == NOBODY ? NONE : obtain_entry(t, address, now_ms);
		SHARED_STORE(&r->entry[party], i);
		if (i != NONE)
			count_in(t, i);
	}
}

/*
 * With the lock held: forget everything but the records of those who live, and
 * count them in again.  What is lost is who asked how often lately.
 */
static void
rebuild_table(struct limits *l)
{
	struct limits_table *t = l->table;
	unsigned used = used_records(t), n;
	int64_t now = clock_ms();
	struct record *r;
	int count = 0;

	memset(t->heads, 0, sizeof(t->heads));
	SHARED_STORE(&t->entries_used, 0);
	SHARED_STORE(&t->oldest, NONE);
	SHARED_STORE(&t->newest, NONE);
	SHARED_STORE(&t->idle, 0);
	SHARED_STORE(&t->free_record, NONE);
	for (n = 1; n <= used; n++) {
		r = record_at(t, n);
		if (is_owner(l, SHARED_LOAD(&r->owner))) {
			recount_record(t, r, now);
			count++;
		} else
			free_record(t, n);
	}
	SHARED_STORE(&t->count, count);
}

/* The table, to be given back with lock_give. */
static struct limits_table *
lock_table(struct limits *l)
{
	if (lock_take(&l->table->lock))
		rebuild_table(l);
	return l->table;
}

/* -- rates -- */

/* What is left of used after ms; never more than a whole bucket. */
static int
drain_bucket(int used, int rate, int64_t ms)
{
	int64_t most = (int64_t)rate * TOKEN, n = used < most ? used : most;

	n -= ms * rate;
	return (int)(n > 0 ? n : 0);
}

/* Let time make good what e used: rate thousandths a millisecond. */
static void
refill_buckets(struct address_entry *e, int rate, int64_t now_ms)
{
	static const int times[BUCKETS] = { 1, 1, LIMITS_HANDSHAKE_TIMES };
	int64_t since = SHARED_LOAD(&e->refilled_ms), ms;
	unsigned i;

	/* Another worker read the clock later and came here earlier. */
	if (since > now_ms && since <= now_ms + TOKEN)
		return;
	ms = since < now_ms - TOKEN ? TOKEN : now_ms - since;
	if (ms < 0) /* no clock of this machine says so */
		ms = 0;
	SHARED_STORE(&e->refilled_ms, now_ms);
	for (i = 0; i < BUCKETS; i++)
		SHARED_STORE(&e->used[i],
		    drain_bucket(SHARED_LOAD(&e->used[i]), times[i] * rate,
			ms));
}

/* True if a bucket of which so much is used holds one more. */
static bool
holds_token(int used, int rate)
{
	return (int64_t)used + TOKEN <= (int64_t)rate * TOKEN;
}

/* Take one from a bucket of e, which was refilled; true if it held one. */
static bool
take_token(struct address_entry *e, unsigned bucket, int rate)
{
	int used = SHARED_LOAD(&e->used[bucket]);
	bool held = holds_token(used, rate);

	if (held)
		SHARED_STORE(&e->used[bucket], used + TOKEN);
	return held;
}

/* The address that record n counts towards, refilled. */
static struct address_entry *
paying_entry(struct limits_table *t, unsigned n, int rate, int64_t now_ms)
{
	struct address_entry *e =
	    entry_at(t, SHARED_LOAD(&record_at(t, n)->entry[ADDRESS]));

	refill_buckets(e, rate, now_ms);
	return e;
}

bool
limits_take(struct limits *l, const struct limits_rules *rules, unsigned ticket,
    int64_t now_ms)
{
	struct address_entry *e;
	struct limits_table *t;
	bool granted;

	if (rules->rate == 0)
		return true;
	t = lock_table(l);
	e = paying_entry(t, ticket, rules->rate, now_ms);
	granted = take_token(e, REQUESTS, rules->rate);
	if (!granted)
		(void)take_token(e, REFUSALS, rules->rate);
	lock_give(&t->lock);
	return granted;
}

bool
limits_take_handshake(struct limits *l, const struct limits_rules *rules,
    unsigned ticket, int64_t now_ms)
{
	struct limits_table *t;
	bool granted;

	if (rules->rate == 0)
		return true;
	t = lock_table(l);
	granted = take_token(paying_entry(t, ticket, rules->rate, now_ms),
	    HANDSHAKES, LIMITS_HANDSHAKE_TIMES * rules->rate);
	lock_give(&t->lock);
	return granted;
}

/* -- connections -- */

bool
limits_have_room(struct limits *l, const struct limits_rules *rules)
{
	return SHARED_LOAD(&l->table->count) < rules->connections;
}

static bool
is_too_fast(const struct address_entry *e, int rate)
{
	return rate > 0 &&
	    !holds_token(SHARED_LOAD(&e->used[REQUESTS]), rate) &&
	    !holds_token(SHARED_LOAD(&e->used[REFUSALS]), rate);
}

/* The entry of one party, or NONE if it may have no connection more. */
static unsigned
admit_party(struct limits_table *t, const struct limits_rules *rules,
    uint64_t address, int64_t most, int64_t now_ms)
{
	unsigned i = obtain_entry(t, address, now_ms);
	struct address_entry *e = entry_at(t, i);

	refill_buckets(e, rules->rate, now_ms);
	if (i == NONE || SHARED_LOAD(&e->connections) >= most ||
	    is_too_fast(e, rules->rate))
		return NONE;
	return i;
}

/* With the lock held: one connection more for the parties of record r. */
static bool
admit_parties(struct limits_table *t, const struct limits_rules *rules,
    const uint64_t address[PARTIES], int64_t now_ms, struct record *r)
{
	int64_t most = rules->connections_per_address;
	unsigned entry[PARTIES] = { NONE, NONE }, i;

	for (i = 0; i < PARTIES && address[i] != NOBODY; i++) {
		entry[i] = admit_party(t, rules, address[i], most, now_ms);
		if (entry[i] == NONE)
			return false;
		most *= LIMITS_NETWORK_TIMES;
	}
	for (i = 0; i < PARTIES; i++) {
		SHARED_STORE(&r->entry[i], entry[i]);
		SHARED_STORE(&r->address[i], address[i]);
		if (entry[i] != NONE)
			count_in(t, entry[i]);
	}
	return true;
}

/* With the lock held: a record for a connection; LIMITS_OK and its number. */
static enum limits_result
admit_new(struct limits *l, const struct limits_rules *rules,
    const uint64_t address[PARTIES], int64_t now_ms, unsigned *ticket)
{
	struct limits_table *t = l->table;
	struct record *r;
	unsigned n;

	if (!limits_have_room(l, rules) || (n = take_record(t)) == NONE)
		return LIMITS_FULL;
	r = record_at(t, n);
	if (!admit_parties(t, rules, address, now_ms, r)) {
		free_record(t, n);
		return LIMITS_REFUSED;
	}
	atomic_store(&r->owner, l->me);
	SHARED_STORE(&t->count, SHARED_LOAD(&t->count) + 1);
	*ticket = n;
	return LIMITS_OK;
}

enum limits_result
limits_enter(struct limits *l, const struct limits_rules *rules,
    const struct sockaddr *from, int64_t now_ms, unsigned *ticket)
{
	uint64_t address[PARTIES] = { NOBODY, NOBODY };
	enum limits_result result;

	if (from != NULL)
		number_source(l, from, address);
	(void)lock_table(l);
	result = admit_new(l, rules, address, now_ms, ticket);
	lock_give(&l->table->lock);
	return result;
}

enum limits_result
limits_assign(struct limits *l, const struct limits_rules *rules,
    unsigned ticket, int family, const void *address, int64_t now_ms)
{
	uint64_t number[PARTIES];
	struct limits_table *t;
	bool admitted;

	number_parties(l, family, address, number);
	t = lock_table(l);
	admitted =
	    admit_parties(t, rules, number, now_ms, record_at(t, ticket));
	lock_give(&t->lock);
	return admitted ? LIMITS_OK : LIMITS_REFUSED;
}

void
limits_leave(struct limits *l, unsigned ticket)
{
	struct limits_table *t = lock_table(l);
	struct record *r = record_at(t, ticket);
	int count = SHARED_LOAD(&t->count);
	unsigned party, i;

	if (SHARED_LOAD(&r->owner) == l->me) { /* as it was left */
		for (party = 0; party < PARTIES; party++) {
			i = SHARED_LOAD(&r->entry[party]);
			if (i != NONE)
				count_out(t, i);
		}
		free_record(t, ticket);
		SHARED_STORE(&t->count, count > 0 ? count - 1 : 0);
	}
	lock_give(&t->lock);
}

void
limits_reap(struct limits *l, unsigned owner)
{
	(void)lock_take_after(&l->table->lock, l->pids[owner]);
	l->pids[owner] = 0;
	rebuild_table(l);
	lock_give(&l->table->lock);
}

int
limits_count(const struct limits *l)
{
	return SHARED_LOAD(&l->table->count);
}
