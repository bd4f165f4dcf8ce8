/* hash.h - a seeded string table, filled while loading, then only read. */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/view.h"

struct hash;

/*
 * What chooses one function out of 2^128.  Who does not know it cannot make
 * keys that meet in one slot; so it is drawn at run time, and told to nobody.
 * Plain bytes: it may lie in shared memory.
 */
struct hash_seed {
	uint64_t k0, k1;
};

/* A seed from the system's random generator.  Cannot fail: see os_random. */
struct hash_seed hash_seed_draw(void);

/*
 * 64 bits of key: SipHash-1-3 (Aumasson, Bernstein 2012), the same on every
 * machine.  Good for tables and for noticing that something changed; it is no
 * proof of origin.
 */
uint64_t hash_bytes(struct view key, struct hash_seed seed);

/*
 * The hash of a sequence, an item at a time: sum is what came out for those
 * before, 0 at the beginning.  No seed: only for what no client chooses.
 */
uint64_t hash_append(uint64_t sum, struct view item);

/*
 * An empty table whose memory comes from a and lives as long as it.
 *
 * expected: how many keys are foreseen; more may come, each doubling leaves
 * the smaller table behind in the arena.
 */
struct hash *hash_new(struct arena *a, size_t expected);

/*
 * Put value under key, whose bytes must outlive the table.
 *
 * Returns NULL, or the value that stands there already, which then stays.
 * value may not be NULL.
 */
void *hash_put(struct hash *h, struct view key, void *value);

/* The value under key, or NULL.  Costs the same whatever the number of keys. */
void *hash_find(const struct hash *h, struct view key);

/* The number of keys. */
size_t hash_count(const struct hash *h);

#endif
