/*
 * quota.c - so many of something a second.
 *
 * Floor base.  For what others make us do, and for lines that others make us
 * write.
 */
#include "base/quota.h"

#include "base/clock.h"

#define SECOND_MS 1000

bool
quota_take(struct quota *q, unsigned per_second)
{
	int64_t now = clock_ms();

	if (q->used == 0 || now - q->since_ms >= SECOND_MS) {
		q->since_ms = now;
		q->used = 0;
	}
	if (q->used < per_second) {
		q->used++;
		return true;
	}
	q->refused++;
	return false;
}

unsigned
quota_take_refused(struct quota *q)
{
	unsigned n = q->refused;

	q->refused = 0;
	return n;
}
