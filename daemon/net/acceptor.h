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

/* Accept no more; free everything.  The sockets stay open. */
void acceptor_free(struct acceptor *a);

#endif
