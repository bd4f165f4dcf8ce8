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

/*
 * Seconds since 1970, as the system's wall clock has it.  In 64 bits, so that
 * it compares with dates of certificates where time_t ends in 2038.
 */
int64_t clock_wall(void);

/*
 * Seconds since 1970 of a moment in UTC, as timegm(3), whatever time_t is.
 * All fields in the ranges that struct tm names, years from 0 to 9999.
 */
int64_t clock_from_utc(const struct tm *tm);

/*
 * Write t as "2026-01-31T12:00:00Z" into to, at most size bytes with the NUL;
 * nothing if it does not fit, or is not in the years 0 to 9999.  Returns to.
 */
char *clock_stamp(int64_t t, char *to, size_t size);

/*
 * For tests: from now on clock_ms and clock_us stand still at ms, until
 * called again; a negative ms gives the real clock back.
 */
void clock_fake(int64_t ms);

#endif
