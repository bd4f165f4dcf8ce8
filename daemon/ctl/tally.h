/* tally.h - records sorted by key, however many there are, in little memory. */
#ifndef TALLY_H
#define TALLY_H

#include <stdbool.h>

#include "base/view.h"

/* Records in memory, before they go to a temporary file: bytes. */
#define TALLY_KEPT_MAX ((size_t)4 << 20)

/* One key and value together: bytes. */
#define TALLY_RECORD_MAX ((size_t)64 << 10)

struct tally;

/* Without records; the caller frees it with tally_free. */
struct tally *tally_new(void);
void tally_free(struct tally *t);

/* Add a record, which is copied.  What is there with the same key and value may
 * be left out.  Key and value have at most TALLY_RECORD_MAX. */
void tally_put(struct tally *t, struct view key, struct view value);

/*
 * Fill in the next record by key, of those of one key by the first byte of
 * value, of those by when they were put; good until the next call.  False at
 * the end.  Nothing may be put after the first call.
 */
bool tally_next(struct tally *t, struct view *key, struct view *value);

/* True if the temporary file could not be written or read: records are
 * missing, and errno was set. */
bool tally_has_failed(const struct tally *t);

#endif
