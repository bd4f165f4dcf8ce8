/* reaper.h - processes that have ended: say so, and replace them. */
#ifndef REAPER_H
#define REAPER_H

#include <event2/event.h>

/* SIGCHLD. */
void on_child(evutil_socket_t fd, short what, void *arg);

#endif
