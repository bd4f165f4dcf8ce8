/* statistics.h - a status answer of the daemon, and what two come to. */
#ifndef STATISTICS_H
#define STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/view.h"

/* One look at the daemon. */
struct look {
	struct buf answer; /* owned; as format/control.h has it */
	int64_t wall;      /* when it was; and by clock_ms */
	int64_t ms;
};

/* A look, and the one that rates are counted from; borrows both. */
struct statistics {
	const struct look *now;
	const struct look *before; /* NULL: since the start */
	double seconds;            /* from before until now; over 0 */
};

/* From before until now, or from the start of the daemon if before is NULL, not
 * earlier, or of a daemon that was another one. */
struct statistics statistics_of(const struct look *now,
    const struct look *before);

/* The value of a key, empty if there is none; and as a whole number, 0 if it is
 * none, at most 2^53 either way, where they end to be exact in JSON. */
struct view look_text(const struct look *l, const char *key);
int64_t look_number(const struct look *l, const char *key);

/*
 * Find the next line of a family, which are the keys NAME.REST; start with
 * { 0 } in *at.  False at the end.
 */
bool look_next(const struct look *l, const char *name, struct view *at,
    struct view *rest, int64_t *value);

/* All of a family, or the one key of that name. */
int64_t look_sum(const struct look *l, const char *name);

/* How much look_sum, or the number of one key, has grown a second. */
double statistics_rate(const struct statistics *s, const char *name);
double statistics_rate_of(const struct statistics *s, const char *key);

/*
 * Seconds within which so many tenths of the answers over a protocol were
 * given: the end of a bucket of the daemon's histogram.  0: there were none;
 * *beyond: it took longer than that.
 */
double statistics_within(const struct statistics *s, const char *protocol,
    int tenths, bool *beyond);

#endif
