/* errand.h - what is done in a child, so that its memory goes with it. */
#ifndef ERRAND_H
#define ERRAND_H

#include "base/problem.h"

/* From its start to its report: while nobody is served, and once others wait
 * for who waits for it. */
#define ERRAND_START_MS   60000
#define ERRAND_SERVING_MS 2000
#define ERRAND_REPORT_MAX (1 << 20) /* bytes; more is cut to one problem */

/* From now on an errand has ms; ERRAND_START_MS until called. */
void errand_set_deadline(int ms);

/*
 * Run fn in a child and wait for it: what it found wrong is added to ps, what
 * it returned is returned, -1 with a problem added if it came to no end in
 * time.  It is killed then, and not waited for: it may be stuck in the kernel.
 */
int errand_run(int (*fn)(void *arg, struct problems *ps), void *arg,
    struct problems *ps);

/*
 * The two ends of a report, for a child that lives on.  tell writes it to fd,
 * a pipe.  hear reads it up to its end and returns the value that tell was
 * given, or -1 with a problem added if none came whole or in time.
 */
void errand_tell(int fd, int value, struct problems *ps);
int errand_hear(int fd, struct problems *ps);

#endif
