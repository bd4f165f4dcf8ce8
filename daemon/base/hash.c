/*
 * hash.c - open addressing with the whole hash stored beside each value.
 *
 * Floor base.  The table is at most half full, so a look-up touches one or
 * two neighbouring slots, and compares bytes only when all 64 bits agree.
 * Clients choose what is looked up, and authors what is put in: the seed keeps
 * both from choosing where.
 */
#include "base/hash.h"

#include <string.h>

#include "base/os.h"

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
	struct hash_seed seed;
};

/* -- SipHash -- */

static inline uint64_t
rotate_word(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate_word(v[1], 13) ^ v[0];
	v[3] = rotate_word(v[3], 16) ^ v[2];
	v[0] = rotate_word(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate_word(v[1], 17) ^ v[2];
	v[3] = rotate_word(v[3], 21) ^ v[0];
	v[2] = rotate_word(v[2], 32);
}

/* One word, one round: the 1 of SipHash-1-3. */
static inline void
sip_absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* Up to eight bytes, the first of them the lowest. */
static uint64_t
load_word(const char *p, size_t n)
{
	uint64_t word = 0;

	if (n > 0)
		memcpy(&word, p, n);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

uint64_t
hash_bytes(struct view key, struct hash_seed seed)
{
	uint64_t v[4] = { seed.k0 ^ 0x736f6d6570736575u,
		seed.k1 ^ 0x646f72616e646f6du, seed.k0 ^ 0x6c7967656e657261u,
		seed.k1 ^ 0x7465646279746573u };
	uint64_t last = (uint64_t)key.len << 56;

	for (; key.len >= 8; key = view_skip(key, 8))
		sip_absorb(v, load_word(key.p, 8));
	sip_absorb(v, last | load_word(key.p, key.len));

	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
hash_append(uint64_t sum, struct view item)
{
	return hash_bytes(item, (struct hash_seed){ sum, 0 });
}

struct hash_seed
hash_seed_draw(void)
{
	struct hash_seed seed;

	os_random(&seed, sizeof(seed));
	return seed;
}

/* -- the table -- */

struct hash *
hash_new(struct arena *a, size_t expected)
{
	struct hash *h = arena_alloc(a, sizeof(*h));

	h->arena = a;
	h->cap = HASH_SLOTS_MIN;
	while (h->cap < expected * 2)
		h->cap *= 2;
	h->slots = arena_alloc(a, h->cap * sizeof(*h->slots));
	h->seed = hash_seed_draw();
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
grow_table(struct hash *h)
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
		grow_table(h);
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
