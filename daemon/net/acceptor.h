/* acceptor.h - take visitors from the listening sockets, or let them wait. */
#ifndef ACCEPTOR_H
#define ACCEPTOR_H

#include "net/conn.h"
#include "net/listener.h"

/* How long to leave visitors in the kernel when descriptors have run out. */
#define ACCEPTOR_PAUSE_MS 500
/* And when max_connections is reached: others may be about to leave. */
#define ACCEPTOR_FULL_MS 20

struct acceptor;
struct event_base;

/* Accept from every listener of ls, borrowed, into cs from now on. */
struct acceptor *acceptor_new(struct event_base *base,
    const struct listeners *ls, struct conns *cs);

/*
 * Take those who wait already, then accept no more: this process's copies of
 * the sockets are closed.  Frees a.
 */
void acceptor_close(struct acceptor *a);

/* True if accept(2) failed because of this machine, not just of one visitor. */
bool acceptor_is_exhausted(int error);

#endif
