/*
 * deadline.c - queues of equal durations instead of a timer each.
 *
 * Floor net, but pure: the caller brings the time.  A server has a handful of
 * durations and thousands of connections; a heap or a wheel would order by
 * time what already comes in order.
 */
#include "net/deadline.h"

#include <assert.h>

void
deadline_clear(struct deadlines *ds, struct deadline *d)
{
	if (d->at_ms == 0)
		return;
	if (d->prev != NULL)
		d->prev->next = d->next;
	else
		ds->first[d->kind] = d->next;
	if (d->next != NULL)
		d->next->prev = d->prev;
	else
		ds->last[d->kind] = d->prev;
	d->prev = d->next = NULL;
	d->at_ms = 0;
}

void
deadline_set(struct deadlines *ds, struct deadline *d, unsigned kind,
    int64_t now_ms)
{
	assert(kind < DEADLINE_KINDS_MAX);
	deadline_clear(ds, d);
	d->kind = kind;
	d->at_ms = now_ms + ds->duration_ms[kind];
	if (d->at_ms == 0)
		d->at_ms = 1; /* 0 means "not set" */
	d->prev = ds->last[kind];
	if (d->prev != NULL)
		d->prev->next = d;
	else
		ds->first[kind] = d;
	ds->last[kind] = d;
}

int64_t
deadlines_next(const struct deadlines *ds)
{
	int64_t next = -1;
	unsigned i;

	for (i = 0; i < DEADLINE_KINDS_MAX; i++)
		if (ds->first[i] != NULL &&
		    (next == -1 || ds->first[i]->at_ms < next))
			next = ds->first[i]->at_ms;
	return next;
}

struct deadline *
deadlines_expired(struct deadlines *ds, int64_t now_ms)
{
	struct deadline *d;
	unsigned i;

	for (i = 0; i < DEADLINE_KINDS_MAX; i++) {
		d = ds->first[i];
		if (d != NULL && d->at_ms <= now_ms) {
			deadline_clear(ds, d);
			return d;
		}
	}
	return NULL;
}
