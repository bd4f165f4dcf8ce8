/* stop.h - the end: let what is in flight finish, for a bounded time. */
#ifndef STOP_H
#define STOP_H

#include <event2/event.h>

/* SIGTERM and SIGINT; the second one stops at once. */
void on_stop(evutil_socket_t signal, short what, void *arg);

/* The timer m->drained: drain_timeout is over. */
void on_drained(evutil_socket_t fd, short what, void *arg);

#endif
