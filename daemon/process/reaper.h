/* reaper.h - processes that have ended: say so, and replace them. */
#ifndef REAPER_H
#define REAPER_H

#include "process/master_state.h"

/* In place of the status of a process that was killed and does not end. */
#define REAPER_STUCK (-1)

/* SIGCHLD. */
void on_child(evutil_socket_t fd, short what, void *arg);

/*
 * A process is gone that was no worker, or one of an old generation; or it is
 * as good as gone, with REAPER_STUCK.
 */
void reap_process(struct master *m, pid_t pid, int status);

#endif
