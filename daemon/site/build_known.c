/*
 * build_known.c - a sorted table of what a sink has, in memory for one build.
 *
 * Floor site.  Most builds find nearly everything as it was: to read the sink
 * in its own order, and look into memory for each page, takes a third of the
 * time of a look into the sink for each.
 */
#include "site/build_known.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define KNOWN_FIRST 64 /* entries of the first allocation */
#define SEEN        ((uint64_t)1)

struct known_entry {
	uint64_t ask;
	uint64_t state; /* a hash, in whose lowest bit SEEN stands */
};

struct known {
	struct known_entry *v; /* by rising ask */
	size_t n, cap, seen;
	bool is_sorted;
	struct hash_seed seed;
};

/* All that decides whether an entry is still right, as one number. */
static uint64_t
state_of_entry(const struct known *k, const struct sink_entry *e)
{
	uint64_t what[] = { e->stamp.half[0], e->stamp.half[1],
		e->options.half[0], e->options.half[1], e->access,
		(unsigned char)e->item };

	return hash_bytes((struct view){ (const char *)what, sizeof(what) },
		   k->seed) &
	    ~SEEN;
}

static void
learn_entry(void *arg, uint64_t ask, const struct sink_entry *e)
{
	struct known *k = arg;

	if (k->n == k->cap) {
		k->cap = k->cap == 0 ? KNOWN_FIRST : k->cap * 2;
		k->v = xrealloc(k->v, k->cap, sizeof(*k->v));
	}
	k->is_sorted = k->is_sorted && (k->n == 0 || k->v[k->n - 1].ask <= ask);
	k->v[k->n++] = (struct known_entry){ ask, state_of_entry(k, e) };
}

static int
by_ask(const void *a, const void *b)
{
	const struct known_entry *x = a, *y = b;

	return (x->ask > y->ask) - (x->ask < y->ask);
}

struct known *
known_load(const struct sink *sink)
{
	struct known *k;

	if (sink->each == NULL)
		return NULL;
	k = xcalloc(1, sizeof(*k));
	k->is_sorted = true;
	k->seed = hash_seed_draw();
	if (!sink->each(sink->arg, learn_entry, k)) {
		known_free(k);
		return NULL;
	}
	if (!k->is_sorted)
		qsort(k->v, k->n, sizeof(*k->v), by_ask);
	return k;
}

void
known_free(struct known *k)
{
	if (k == NULL)
		return;
	xfree(k->v);
	xfree(k);
}

size_t
known_count(const struct known *k)
{
	return k->n;
}

/* Where ask is to be expected from low on, if a and z lie around it. */
static size_t
guess_place(size_t low, size_t high, uint64_t ask, uint64_t a, uint64_t z)
{
	double part = (double)(ask - a) / ((double)(z - a) + 1);
	size_t guess = low + (size_t)(part * (double)(high - low));

	return guess < high ? guess : high - 1;
}

/* The entry of that number, or NULL.  The numbers are keyed hashes, spread
 * evenly: a few guesses, most of them close by. */
static struct known_entry *
find_known(const struct known *k, uint64_t ask)
{
	size_t low = 0, high = k->n, at;
	uint64_t a = 0, z = UINT64_MAX;

	while (low < high) {
		at = guess_place(low, high, ask, a, z);
		if (k->v[at].ask == ask)
			return &k->v[at];
		if (k->v[at].ask < ask) {
			low = at + 1;
			a = k->v[at].ask;
		} else {
			high = at;
			z = k->v[at].ask;
		}
	}
	return NULL;
}

bool
known_see(struct known *k, uint64_t ask, const struct sink_entry *now)
{
	struct known_entry *e = find_known(k, ask);

	if (e == NULL)
		return false;
	if ((e->state & SEEN) == 0)
		k->seen++;
	e->state |= SEEN;
	return (e->state & ~SEEN) == state_of_entry(k, now);
}

bool
known_is_seen(const struct known *k, uint64_t ask)
{
	const struct known_entry *e = find_known(k, ask);

	return e == NULL || (e->state & SEEN) != 0;
}

size_t
known_unseen(const struct known *k)
{
	return k->n - k->seen;
}
