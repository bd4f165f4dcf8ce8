/*
 * clock.c - monotonic time for deadlines, wall time for people.
 *
 * Floor base.  Deadlines never use the wall clock: it jumps.
 */
#include "base/clock.h"

static int64_t faked_ms = -1;

int64_t
clock_us(void)
{
	struct timespec t;

	if (faked_ms >= 0)
		return faked_ms * 1000;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

time_t
clock_wall(void)
{
	return time(NULL);
}

char *
clock_stamp(time_t t, char *to, size_t size)
{
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(to, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		to[0] = '\0';
	return to;
}

void
clock_fake(int64_t ms)
{
	faked_ms = ms;
}
