/*
 * master_state.c - timers and pauses, for all that the master does.
 *
 * Floor process.
 */
#include "process/master_state.h"

#include "base/log.h"

#define YOUNG_MS 5000 /* dying before this age is dying young */

void
start_timer(struct event *timer, int64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	(void)evtimer_add(timer, &tv);
}

void
log_problems(struct problems *ps)
{
	size_t i;

	for (i = 0; i < problems_count(ps); i++)
		log_errorx("%s", problems_get(ps, i));
}

void
drop_event(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

/* The pause before a process is replaced, which lived for so long. */
int
next_backoff(int last_ms, int64_t age_ms)
{
	if (age_ms >= YOUNG_MS)
		return 0;
	if (last_ms == 0)
		return BACKOFF_MIN_MS;
	return last_ms < BACKOFF_MAX_MS / 2 ? last_ms * 2 : BACKOFF_MAX_MS;
}
