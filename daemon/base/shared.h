/* shared.h - memory that a process shares with those it forks. */
#ifndef SHARED_H
#define SHARED_H

#include <stdatomic.h>
#include <stddef.h>

/*
 * Each process that has it can write any byte of it at any moment, and one
 * that was taken over will.  So nothing in it is believed: a word is fetched
 * once, into a variable, and is checked there before it is used.
 */
#define SHARED_LOAD(p)     atomic_load_explicit((p), memory_order_relaxed)
#define SHARED_STORE(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)

/*
 * size bytes of zeros, to be given back with shared_unmap.  Pages that nobody
 * touches cost nothing.  Errors: as mem.h.
 */
void *shared_map(size_t size);

/* Let go of it in this process, which cannot get it back; others keep it. */
void shared_unmap(void *p, size_t size);

/* From now on this process can only read what shared_map returned as p. */
void shared_protect(void *p);

/* In a child, before it leaves the rest: what shared_map returned as p stays.
 */
void shared_keep(const void *p);

/* In a child: let go of all of it but what it keeps or can only read. */
void shared_leave(void);

#endif
