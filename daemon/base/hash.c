/*
 * hash.c - open addressing with the whole hash stored beside each value.
 *
 * Floor base.  The table is at most half full, so a look-up touches one or
 * two neighbouring slots, and compares bytes only when all 64 bits agree.
 * Keys come from the operator, never from a client; the seed is there so that
 * nobody learns to rely on an order.
 */
#include "base/hash.h"

#include <stdint.h>

#include "base/clock.h"

#define HASH_SLOTS_MIN 16

struct slot {
	uint64_t hash;
	struct view key;
	void *value; /* NULL: the slot is free */
};

struct hash {
	struct arena *arena;
	struct slot *slots;
	size_t n, cap; /* cap is a power of two */
	uint64_t seed;
};

/* Fold 128 bits of product into 64: every input bit reaches every other. */
static uint64_t
mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t
load(const char *p, size_t n)
{
	uint64_t word = 0;

	memcpy(&word, p, n);
	return word;
}

unsigned long long
hash_bytes(struct view key, unsigned long long seed)
{
	const uint64_t k0 = 0x9e3779b97f4a7c15u, k1 = 0xbf58476d1ce4e5b9u;
	uint64_t h = seed ^ mix(key.len ^ k0, k1);

	for (; key.len > 8; key = view_skip(key, 8))
		h = mix(h ^ load(key.p, 8), k0);
	if (key.len > 0)
		h = mix(h ^ load(key.p, key.len), k1);
	return mix(h ^ k1, k0);
}

struct hash *
hash_new(struct arena *a, size_t expected)
{
	struct hash *h = arena_alloc(a, sizeof(*h));

	h->arena = a;
	h->cap = HASH_SLOTS_MIN;
	while (h->cap < expected * 2)
		h->cap *= 2;
	h->slots = arena_alloc(a, h->cap * sizeof(*h->slots));
	h->seed = (uint64_t)clock_us() ^ (uint64_t)(uintptr_t)h;
	return h;
}

/* The slot that holds key, or the free one where it belongs. */
static struct slot *
slot_for(const struct hash *h, struct view key, uint64_t hash)
{
	size_t i = hash & (h->cap - 1);

	while (h->slots[i].value != NULL &&
	    (h->slots[i].hash != hash || !view_eq(h->slots[i].key, key)))
		i = (i + 1) & (h->cap - 1);
	return &h->slots[i];
}

static void
grow(struct hash *h)
{
	struct slot *old = h->slots;
	size_t i, n = h->cap;

	h->cap *= 2;
	h->slots = arena_alloc(h->arena, h->cap * sizeof(*h->slots));
	for (i = 0; i < n; i++)
		if (old[i].value != NULL)
			*slot_for(h, old[i].key, old[i].hash) = old[i];
}

void *
hash_put(struct hash *h, struct view key, void *value)
{
	uint64_t hash = hash_bytes(key, h->seed);
	struct slot *s = slot_for(h, key, hash);

	if (s->value != NULL)
		return s->value;
	*s = (struct slot){ hash, key, value };
	if (++h->n * 2 > h->cap)
		grow(h);
	return NULL;
}

void *
hash_find(const struct hash *h, struct view key)
{
	return slot_for(h, key, hash_bytes(key, h->seed))->value;
}

size_t
hash_count(const struct hash *h)
{
	return h->n;
}
