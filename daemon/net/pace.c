/*
 * pace.c - how fast a reader takes its answer.
 *
 * Floor net; pure.
 */
#include "net/pace.h"

static void
begin_span(struct pace *p, uint64_t taken, int64_t now_ms)
{
	p->taken = taken;
	p->since_ms = now_ms == 0 ? 1 : now_ms;
}

void
pace_note(struct pace *p, uint64_t taken, int64_t now_ms)
{
	bool is_late = now_ms - p->since_ms > PACE_MS;

	if (p->since_ms == 0)
		begin_span(p, taken, now_ms);
	else if (is_late || taken - p->taken >= PACE_BYTES) {
		p->is_fast = !is_late;
		begin_span(p, taken, now_ms);
	}
}
