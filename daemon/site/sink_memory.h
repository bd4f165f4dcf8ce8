/* sink_memory.h - finished pages in memory: for tools, and for tests. */
#ifndef SINK_MEMORY_H
#define SINK_MEMORY_H

#include "site/sink.h"

struct sink_memory;

/* An empty sink; the caller frees it with sink_memory_free. */
struct sink_memory *sink_memory_new(void);
void sink_memory_free(struct sink_memory *m);

/* Have at most so many bytes of entries from now on: those that were not put
 * or found for the longest time go, but for the last one. */
void sink_memory_limit(struct sink_memory *m, size_t max);

/* What a builder writes to.  Borrowed; lives as long as m. */
struct sink *sink_memory_sink(struct sink_memory *m);

/* The whole entry of a selector, or NULL; lives until it is put or dropped, or,
 * with a limit, another is. */
const struct sink_entry *sink_memory_get(const struct sink_memory *m,
    size_t capsule, struct view selector);

/* The number of entries. */
size_t sink_memory_count(const struct sink_memory *m);

/* Visit all entries. */
void sink_memory_each(const struct sink_memory *m,
    void (*visit)(void *arg, const struct sink_entry *e), void *arg);

#endif
