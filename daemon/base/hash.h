/* hash.h - a seeded string table, filled while loading, then only read. */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>

#include "base/arena.h"
#include "base/view.h"

struct hash;

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

/* 64 bits of key, well mixed; seed chooses one function of a family. */
unsigned long long hash_bytes(struct view key, unsigned long long seed);

#endif
