/* watchdog.h - processes that live and do nothing any more. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include "process/master_state.h"

/* Who has said nothing at so many looks in a row, hang_timeout in all, hangs.
 */
#define WATCHDOG_LOOKS 8

/* Wait for the next look. */
void arm_watchdog(struct master *m);

/*
 * The timer m->watchdog: ask the content processes and the exporter whether
 * they live, and kill those that have not said so for long.  One that was
 * killed and has not ended by the next look is stuck in the kernel, and nobody
 * waits for it: it is replaced, and what it owes is refused.
 */
void on_watchdog(evutil_socket_t fd, short what, void *arg);

#endif
