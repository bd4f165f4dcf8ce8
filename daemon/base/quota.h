/* quota.h - so many of something a second, and not one more. */
#ifndef QUOTA_H
#define QUOTA_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros is one that has not been used; the caller's. */
struct quota {
	int64_t since_ms; /* when the second that is counted began */
	unsigned used;    /* of it */
	unsigned refused; /* in it; quota_take_refused empties it */
};

/*
 * Take one; false, counted as refused, if per_second were taken in this second
 * already.  A second begins with what is taken first after the one before.
 */
bool quota_take(struct quota *q, unsigned per_second);

/* How many were refused since this was asked last. */
unsigned quota_take_refused(struct quota *q);

#endif
