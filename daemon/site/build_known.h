/* build_known.h - what a sink had when a build began, a few bytes of each. */
#ifndef BUILD_KNOWN_H
#define BUILD_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "site/sink.h"

struct known;

/*
 * Read all entries of a sink, one after the other: cheaper than to find each.
 *
 * Returns NULL if the sink cannot tell all; the caller frees it with
 * known_free.  It takes 16 bytes an entry.
 */
struct known *known_load(const struct sink *sink);
void known_free(struct known *k);

size_t known_count(const struct known *k);

/*
 * Remember that the page of this number, which sink->ask gave, is there.
 *
 * True if the sink had an entry of the same stamp, options, access and item.
 */
bool known_see(struct known *k, uint64_t ask, const struct sink_entry *now);

/* True if known_see was called with it, or the sink had no such entry. */
bool known_is_seen(const struct known *k, uint64_t ask);

/* The number of entries that were not seen. */
size_t known_unseen(const struct known *k);

#endif
