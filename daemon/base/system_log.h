/* system_log.h - lines to the system's log, which may not read them. */
#ifndef SYSTEM_LOG_H
#define SYSTEM_LOG_H

#include <stdbool.h>

#include "base/view.h"

#define SYSTEM_LOG_WAIT_MS 200  /* for room, in all, ... */
#define SYSTEM_LOG_SPAN_MS 1000 /* ... within so long */

/*
 * From now on lines go to the socket at path, NULL for the system's own, under
 * this name, which is borrowed, and facility, one of syslog(3)'s.  A log that
 * is not there now is looked for again with each line.
 */
void system_log_open(const char *path, const char *name, int facility);

/*
 * Send one line, without its end, with a priority of syslog(3)'s.  Unlike
 * syslog(3) it waits for a log that does not read for SYSTEM_LOG_WAIT_MS in
 * each SYSTEM_LOG_SPAN_MS at most.  False: the line is lost.
 */
bool system_log_write(int priority, struct view text);

/* Close the socket, which the next line opens again. */
void system_log_close(void);

#endif
