/* worker_message.h - what workers say, none of which is believed. */
#ifndef WORKER_MESSAGE_H
#define WORKER_MESSAGE_H

#include <event2/event.h>

/* One message a turn of the loop: all workers are heard alike. */
void on_worker_says(evutil_socket_t fd, short what, void *arg);

#endif
