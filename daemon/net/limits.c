/*
 * limits.c - connections and requests per address, exact over all workers.
 *
 * Floor net.  One table in shared memory: a record for every connection, an
 * entry for every address that has one, and for those that had one lately.
 *
 * Workers may be killed at any instruction.  What one left half done with the
 * lock in its hand is not repaired but built anew from the records, each of
 * which was published by one write.
 */
#include "net/limits.h"

#include <sys/mman.h>

#include <netinet/in.h>

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/mem.h"

#define HEADS  (1 << 16) /* chains; a power of two */
#define GUESTS (LIMITS_CONNECTIONS_MAX + LIMITS_IDLE_MAX)
#define NONE   0u   /* no record, no entry: numbers start at 1 */
#define NOBODY 0u   /* what stands for no address */
#define TOKEN  1000 /* a request, in thousandths */

/* One connection; owner is written last and cleared first. */
struct record {
	atomic_uint owner; /* 0: free */
	unsigned guest, next_free;
	uint64_t address; /* NOBODY: not known yet */
};

/* One address. */
struct guest {
	uint64_t address;
	unsigned connections;
	unsigned chain;        /* next of the same hash */
	unsigned older, newer; /* of the idle ones */
	/*
	 * Thousandths of a request used up, and not yet made good by time.
	 * Not what is left: that would depend on the rate, which a reload may
	 * change.  Nothing used is a full bucket under any rate.
	 */
	int granted, refused;
	int64_t paid_ms; /* until when time has been counted */
};

struct limits {
	struct lock lock;
	pid_t pids[LIMITS_WORKERS_MAX + 1]; /* who an owner is */
	atomic_int count;
	struct hash_seed seed;
	unsigned records_used, free_record;
	unsigned guests_used;
	unsigned oldest, newest, idle;
	unsigned heads[HEADS];
	struct guest guests[GUESTS + 1];
	struct record records[LIMITS_CONNECTIONS_MAX + 1];
};

static unsigned me; /* owner number of this process; 0: the master */

struct limits *
limits_new(void)
{
	struct limits *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANON, -1, 0);

	if (l == MAP_FAILED)
		mem_exhausted(sizeof(*l));
	l->seed = hash_seed_draw();
	return l;
}

void
limits_free(struct limits *l)
{
	(void)munmap(l, sizeof(*l));
}

void
limits_enter_worker(struct limits *l, unsigned owner)
{
	me = owner;
	l->pids[owner] = getpid();
}

/* -- addresses -- */

/*
 * The number that stands for an address: all of an IPv4 one, the network half
 * of an IPv6 one, because a /64 is what one household has.  Two addresses
 * share a number once in 2^64, and nobody knows the seed to make them.
 */
static uint64_t
number_of(const struct limits *l, int family, const void *address)
{
	struct view bytes = { address, family == AF_INET ? 4 : 8 };
	uint64_t n;

	if (family == AF_UNIX)
		bytes = VIEW("unix");
	n = hash_bytes(bytes, l->seed);

	return n == NOBODY ? 1 : n;
}

/* The same for where a connection comes from. */
static uint64_t
number_from(const struct limits *l, const struct sockaddr *from)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;

	if (from->sa_family == AF_INET)
		return number_of(l, AF_INET, &in->sin_addr);
	if (from->sa_family == AF_UNIX)
		return number_of(l, AF_UNIX, NULL);
	return number_of(l, AF_INET6, &in6->sin6_addr);
}

static unsigned *
head(struct limits *l, uint64_t address)
{
	return &l->heads[address & (HEADS - 1)];
}

/* Take e out of the idle ones. */
static void
wake(struct limits *l, struct guest *e)
{
	if (e->older != NONE)
		l->guests[e->older].newer = e->newer;
	else
		l->oldest = e->newer;
	if (e->newer != NONE)
		l->guests[e->newer].older = e->older;
	else
		l->newest = e->older;
	e->older = e->newer = NONE;
	l->idle--;
}

/* The last connection of e is gone: remember its rate for a while. */
static void
rest(struct limits *l, unsigned i)
{
	struct guest *e = &l->guests[i];

	e->older = l->newest;
	e->newer = NONE;
	if (l->newest != NONE)
		l->guests[l->newest].newer = i;
	else
		l->oldest = i;
	l->newest = i;
	l->idle++;
}

/* Forget the address that has been idle longest; returns its entry. */
static unsigned
recycle(struct limits *l)
{
	unsigned i = l->oldest, *at = head(l, l->guests[i].address);

	while (*at != i)
		at = &l->guests[*at].chain;
	*at = l->guests[i].chain;
	wake(l, &l->guests[i]);
	return i;
}

/* The entry of an address, made with full buckets if there is none. */
static unsigned
guest_of(struct limits *l, uint64_t address, int64_t now_ms)
{
	unsigned *first = head(l, address), i;
	struct guest *e;

	for (i = *first; i != NONE; i = l->guests[i].chain)
		if (l->guests[i].address == address)
			return i;
	if (l->idle >= LIMITS_IDLE_MAX)
		i = recycle(l);
	else
		i = ++l->guests_used;
	e = &l->guests[i];
	*e = (struct guest){ .address = address, .paid_ms = now_ms };
	first = head(l, address);
	e->chain = *first;
	*first = i;
	rest(l, i); /* idle until its first connection is counted */
	return i;
}

/* -- rates -- */

/* What is left of used after ms; never more than a whole bucket. */
static int
pay(int used, int rate, int64_t ms)
{
	int64_t most = (int64_t)rate * TOKEN, n = used < most ? used : most;

	n -= ms * rate;
	return (int)(n > 0 ? n : 0);
}

/* Let time make good what e used: rate thousandths a millisecond. */
static void
fill(struct guest *e, int rate, int64_t now_ms)
{
	int64_t ms = now_ms - e->paid_ms;

	if (ms < 0) /* a worker read the clock just before another did */
		ms = 0;
	else
		e->paid_ms = now_ms;
	if (ms > TOKEN)
		ms = TOKEN; /* a second fills any bucket */
	e->granted = pay(e->granted, rate, ms);
	e->refused = pay(e->refused, rate, ms);
}

/* True if a bucket of which so much is used holds one more. */
static bool
holds(int used, int rate)
{
	return (int64_t)used + TOKEN <= (int64_t)rate * TOKEN;
}

bool
limits_take(struct limits *l, const struct limits_rules *rules, unsigned ticket,
    int64_t now_ms)
{
	struct guest *e;
	bool granted;

	if (rules->rate == 0)
		return true;
	lock_take(&l->lock);
	assert(l->records[ticket].guest != NONE);
	e = &l->guests[l->records[ticket].guest];
	fill(e, rules->rate, now_ms);
	granted = holds(e->granted, rules->rate);
	if (granted)
		e->granted += TOKEN;
	else if (holds(e->refused, rules->rate))
		e->refused += TOKEN;
	lock_give(&l->lock);
	return granted;
}

/* -- connections -- */

bool
limits_have_room(struct limits *l, const struct limits_rules *rules)
{
	return atomic_load_explicit(&l->count, memory_order_relaxed) <
	    rules->connections;
}

static bool
is_refused(const struct guest *e, const struct limits_rules *rules)
{
	if (e->connections >= (unsigned)rules->connections_per_address)
		return true;
	return rules->rate > 0 && !holds(e->granted, rules->rate) &&
	    !holds(e->refused, rules->rate);
}

static unsigned
take_record(struct limits *l)
{
	unsigned i = l->free_record;

	if (i == NONE)
		return ++l->records_used;
	l->free_record = l->records[i].next_free;
	return i;
}

/*
 * With the lock held: one connection more of this address.  Its entry, or NONE
 * if it may have no more.
 */
static unsigned
admit(struct limits *l, const struct limits_rules *rules, uint64_t address,
    int64_t now_ms)
{
	unsigned i = guest_of(l, address, now_ms);
	struct guest *e = &l->guests[i];

	fill(e, rules->rate, now_ms);
	if (is_refused(e, rules))
		return NONE;
	if (e->connections++ == 0)
		wake(l, e);
	return i;
}

enum limits_result
limits_enter(struct limits *l, const struct limits_rules *rules,
    const struct sockaddr *from, int64_t now_ms, unsigned *ticket)
{
	uint64_t address = from == NULL ? NOBODY : number_from(l, from);
	enum limits_result result = LIMITS_OK;
	unsigned i = NONE, n;
	struct record *r;

	lock_take(&l->lock);
	if (!limits_have_room(l, rules))
		result = LIMITS_FULL;
	else if (address != NOBODY &&
	    (i = admit(l, rules, address, now_ms)) == NONE)
		result = LIMITS_REFUSED;
	else {
		n = take_record(l);
		r = &l->records[n];
		r->guest = i;
		r->address = address;
		atomic_store(&r->owner, me);
		atomic_fetch_add(&l->count, 1);
		*ticket = n;
	}
	lock_give(&l->lock);
	return result;
}

enum limits_result
limits_assign(struct limits *l, const struct limits_rules *rules,
    unsigned ticket, int family, const void *address, int64_t now_ms)
{
	uint64_t number = number_of(l, family, address);
	struct record *r = &l->records[ticket];
	unsigned i;

	lock_take(&l->lock);
	assert(r->guest == NONE);
	i = admit(l, rules, number, now_ms);
	if (i != NONE) {
		r->guest = i;
		r->address = number;
	}
	lock_give(&l->lock);
	return i != NONE ? LIMITS_OK : LIMITS_REFUSED;
}

/* With the lock held: the connection of record n is gone. */
static void
drop(struct limits *l, unsigned n)
{
	struct record *r = &l->records[n];
	struct guest *e = &l->guests[r->guest];

	atomic_store(&r->owner, 0);
	r->next_free = l->free_record;
	l->free_record = n;
	if (r->guest != NONE && --e->connections == 0)
		rest(l, r->guest);
	atomic_fetch_sub(&l->count, 1);
}

void
limits_leave(struct limits *l, unsigned ticket)
{
	lock_take(&l->lock);
	drop(l, ticket);
	lock_give(&l->lock);
}

/*
 * A worker died inside a section: forget everything but the records, and
 * count them in again.  What is lost is who asked how often lately.
 */
static void
rebuild(struct limits *l)
{
	int64_t now = clock_ms();
	struct guest *e;
	struct record *r;
	unsigned n;
	int count = 0;

	memset(l->heads, 0, sizeof(l->heads));
	l->guests_used = l->oldest = l->newest = l->idle = 0;
	l->free_record = NONE;
	for (n = 1; n <= l->records_used; n++) {
		r = &l->records[n];
		if (atomic_load(&r->owner) == 0) {
			r->next_free = l->free_record;
			l->free_record = n;
			continue;
		}
		count++;
		r->guest = NONE;
		if (r->address == NOBODY)
			continue;
		r->guest = guest_of(l, r->address, now);
		e = &l->guests[r->guest];
		if (e->connections++ == 0)
			wake(l, e);
	}
	atomic_store(&l->count, count);
}

void
limits_bury(struct limits *l, unsigned owner)
{
	unsigned n;

	/* A worker died inside a section: its own, or another's. */
	if (lock_take_after(&l->lock, l->pids[owner]))
		rebuild(l);
	for (n = 1; n <= l->records_used; n++)
		if (atomic_load(&l->records[n].owner) == owner)
			drop(l, n);
	lock_give(&l->lock);
}

int
limits_count(const struct limits *l)
{
	return atomic_load(&l->count);
}
