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
 * Take those who wait already, some in each turn of the loop, then accept no
 * more: this process's copies of the sockets are closed, a is freed, and done
 * is called.  To be called once.
 */
void acceptor_finish(struct acceptor *a, void (*done)(void *arg), void *arg);

/* What to do when accept(2) has failed. */
enum acceptor_next {
	ACCEPTOR_WAIT,  /* nobody is there: the loop will tell */
	ACCEPTOR_GO_ON, /* that visitor hung up: try the next one */
	ACCEPTOR_PAUSE, /* the machine lacks something: leave all sockets */
	ACCEPTOR_LEAVE  /* this socket was shut down: leave it alone */
};

/* The next step after accept(2) has failed with that error. */
enum acceptor_next acceptor_after(int error);

#endif
