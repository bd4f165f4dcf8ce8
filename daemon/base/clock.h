/* clock.h - what time it is, for deadlines and for people. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_STAMP_MAX 32 /* bytes of a stamp, NUL included */

/*
 * Milliseconds, and microseconds, since some fixed moment; never goes back,
 * whatever is done to the wall clock.
 */
int64_t clock_ms(void);
int64_t clock_us(void);

/* Seconds since 1970, as the system's wall clock has it. */
time_t clock_wall(void);

/*
 * Write t as "2026-01-31T12:00:00Z" into to, at most size bytes with the NUL.
 * Returns to.
 */
char *clock_stamp(time_t t, char *to, size_t size);

/*
 * For tests: from now on clock_ms and clock_us stand still at ms, until
 * called again; a negative ms gives the real clock back.
 */
void clock_fake(int64_t ms);

#endif
