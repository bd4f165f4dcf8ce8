/* deadline.h - many deadlines, one timer: a queue for each duration. */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEADLINE_KINDS_MAX 8 /* queues in one set */

/* To be embedded in what has a deadline; zeroed before its first use. */
struct deadline {
	struct deadline *prev, *next;
	int64_t at_ms; /* 0: not in any queue */
	unsigned kind;
};

/*
 * A set of queues.  All deadlines of one kind last equally long, so each
 * queue is in order of time by itself: setting, moving and clearing one are
 * a few pointers, whatever their number.
 */
struct deadlines {
	struct deadline *first[DEADLINE_KINDS_MAX];
	struct deadline *last[DEADLINE_KINDS_MAX];
	int64_t duration_ms[DEADLINE_KINDS_MAX];
};

/* Let d expire one duration of its kind after now_ms; moves it if it was set.
 */
void deadline_set(struct deadlines *ds, struct deadline *d, unsigned kind,
    int64_t now_ms);

/* Take d out of its queue, if it is in one. */
void deadline_clear(struct deadlines *ds, struct deadline *d);

/* The earliest moment at which one expires, or -1 if none is set. */
int64_t deadlines_next(const struct deadlines *ds);

/*
 * Take one deadline that expired at now_ms or before out of its queue.
 * Returns it, or NULL if none is left.
 */
struct deadline *deadlines_expired(struct deadlines *ds, int64_t now_ms);

#endif
