/* settle.h - changes that come together are looked at together, a bit later. */
#ifndef SETTLE_H
#define SETTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/view.h"

#define SETTLE_QUIET_MS    100   /* nothing must have come for so long */
#define SETTLE_LONGEST_MS  2000  /* but nobody waits for longer than that */
#define SETTLE_CHANGES_MAX 20000 /* more at once: everything is looked at */

/* One change, as often as it was told of. */
struct settle_change {
	struct settle_change *next; /* in the order in which they came */
	int folder;
	struct view name; /* empty: any name in the folder */
};

/* The changes so far. */
struct settle {
	struct arena *arena;
	struct hash *known;
	struct settle_change *first, *last;
	size_t n;
	bool all; /* too many, or some are not known: look at everything */
	int64_t first_ms, last_ms;
};

/* No change yet; settle_fini frees what it holds. */
void settle_init(struct settle *s);
void settle_fini(struct settle *s);

/* Something has changed at now_ms; the name, of at most NAME_MAX bytes, is
 * copied. */
void settle_add(struct settle *s, int folder, struct view name, int64_t now_ms);

/* Everything may have changed. */
void settle_add_all(struct settle *s, int64_t now_ms);

/* When the changes shall be looked at; -1 if there are none.  In ms of the
 * clock that now_ms is of. */
int64_t settle_due(const struct settle *s);

/* Forget all changes: they were looked at. */
void settle_reset(struct settle *s);

#endif
