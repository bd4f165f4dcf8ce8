/*
 * listener_watch.h - notice that a worker, which was taken over, has shut a
 * listening socket, and listen again.
 */
#ifndef LISTENER_WATCH_H
#define LISTENER_WATCH_H

#include "process/master_state.h"

/* Look at the sockets of the present generation; the others are let go. */
void watch_listeners(struct master *m);
void unwatch_listeners(struct master *m);

/* The timer m->rewatch: look again, after a pause. */
void on_rewatch(evutil_socket_t fd, short what, void *arg);

#endif
