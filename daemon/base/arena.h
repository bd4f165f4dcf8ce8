/* arena.h - allocate many, free once. */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

#include "base/view.h"

struct arena;

/*
 * A new, empty arena; the caller frees it with arena_free.
 *
 * Its memory comes from mmap(2) in blocks, so that freeing an arena gives all
 * of it back to the system and ten reloads leave the heap as one.
 * Errors: as mem.h, the process ends without memory.
 */
struct arena *arena_new(void);

/* Free every allocation made from a, and a; NULL is allowed. */
void arena_free(struct arena *a);

/* Free every allocation made from a, which is then as new.  Its first block
 * stays: for what is done often, and needs little. */
void arena_reset(struct arena *a);

/* size zeroed bytes, aligned for any type; they live as long as a. */
void *arena_alloc(struct arena *a, size_t size);

/*
 * A copy of v's bytes, unaligned; a NUL follows the copy, so .p is also a C
 * string when v holds no NUL.  Lives as long as a.
 */
struct view arena_copy(struct arena *a, struct view v);

/* Bytes that a has mapped so far. */
size_t arena_size(const struct arena *a);

#endif
