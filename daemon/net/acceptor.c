/*
 * acceptor.c - accept, or pause.
 *
 * Floor net.  When descriptors, memory or places have run out, a listening
 * socket that is ready would wake the loop for ever: stop looking at it for a
 * while, and let visitors wait in the kernel until others have gone.
 */
#include "net/acceptor.h"

#include <sys/socket.h>

#include <errno.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "net/metrics.h"

/* Visitors taken from one socket before others get their turn. */
#define ACCEPT_BURST 16

/* A warning about the same shortage is repeated after this time at most. */
#define WARN_AGAIN_MS 60000

struct acceptor_port {
	struct acceptor *acceptor;
	const struct listener *listener;
	struct event *event;
};

struct acceptor {
	struct conns *conns;
	struct acceptor_port *ports;
	size_t n;
	struct event *resume, *last_turn;
	int64_t warned_ms;

	/* Once it was told to finish. */
	unsigned turns;
	void (*done)(void *);
	void *done_arg;

	/* One that was accepted just when another worker took its place. */
	int held; /* -1: nobody */
	const struct listener *held_listener;
	struct sockaddr_storage held_from;
};

static void on_last_turn(evutil_socket_t fd, short what, void *arg);

/* Look at the listening sockets no more for ms, and say why now and then. */
static void
pause_for(struct acceptor *a, int ms, enum metrics_event e, const char *why)
{
	struct timeval tv = { .tv_usec = ms * 1000 };
	int64_t now = clock_ms();
	size_t i;

	metrics_count(e, 1);
	if (a->warned_ms == 0 || now - a->warned_ms >= WARN_AGAIN_MS) {
		log_warnx("%s: visitors wait (%zu connections in this worker)",
		    why, conns_count(a->conns));
		a->warned_ms = now;
	}
	for (i = 0; i < a->n; i++)
		(void)event_del(a->ports[i].event);
	(void)evtimer_add(a->resume, &tv);
}

static void
hold_accepted(struct acceptor *a, const struct listener *l, int fd,
    const struct sockaddr_storage *from)
{
	a->held = fd;
	a->held_listener = l;
	a->held_from = *from;
}

/* True if there is nobody held back, or no longer. */
static bool
admit_held(struct acceptor *a)
{
	if (a->held != -1 &&
	    conns_add(a->conns, a->held_listener, a->held,
		(struct sockaddr *)&a->held_from))
		a->held = -1;
	return a->held == -1;
}

/* True if there is a place, if need be somebody else's. */
static bool
find_room(struct acceptor *a)
{
	return conns_have_room(a->conns) ||
	    (conns_make_room(a->conns) && conns_have_room(a->conns));
}

static void
resume_accepting(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;
	size_t i;

	(void)fd;
	(void)what;
	if (!find_room(a) || !admit_held(a)) {
		pause_for(a, ACCEPTOR_FULL_MS, METRICS_FULL,
		    "max_connections is reached");
		return;
	}
	for (i = 0; i < a->n; i++)
		(void)event_add(a->ports[i].event, NULL);
}

enum acceptor_next
acceptor_after(int error)
{
	switch (error) {
	case EAGAIN:
#if EWOULDBLOCK != EAGAIN
	case EWOULDBLOCK:
#endif
		return ACCEPTOR_WAIT;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return ACCEPTOR_PAUSE;
	case EINVAL:
		return ACCEPTOR_LEAVE;
	default:
		return ACCEPTOR_GO_ON;
	}
}

/*
 * A worker has shut the socket of p down, and the loop would tell so for ever:
 * look again when the master may have mended it.  It warns, if it could not.
 */
static void
leave_port(struct acceptor_port *p)
{
	struct timeval tv = { .tv_usec = ACCEPTOR_PAUSE_MS * 1000 };

	(void)event_del(p->event);
	(void)evtimer_add(p->acceptor->resume, &tv);
}

/* accept(2) has failed for p; true if there may be another visitor. */
static bool
go_on_after(struct acceptor_port *p, int error)
{
	enum acceptor_next next = acceptor_after(error);

	if (next == ACCEPTOR_PAUSE)
		pause_for(p->acceptor, ACCEPTOR_PAUSE_MS, METRICS_EXHAUSTED,
		    "out of descriptors or memory");
	if (next == ACCEPTOR_LEAVE)
		leave_port(p);
	return next == ACCEPTOR_GO_ON;
}

/* Accept one from p; false if there is none, or no room for more. */
static bool
accept_one(struct acceptor_port *p)
{
	struct acceptor *a = p->acceptor;
	/* Not every system names those who come through a socket file. */
	struct sockaddr_storage from = { .ss_family =
					     (sa_family_t)p->listener->family };
	socklen_t len = sizeof(from);
	int fd;

	if (!find_room(a)) {
		pause_for(a, ACCEPTOR_FULL_MS, METRICS_FULL,
		    "max_connections is reached");
		return false;
	}
	fd = os_accept(p->listener->fd, (struct sockaddr *)&from, &len);
	if (fd == -1)
		return go_on_after(p, errno);
	if (conns_add(a->conns, p->listener, fd, (struct sockaddr *)&from))
		return true;
	hold_accepted(a, p->listener, fd, &from);
	pause_for(a, ACCEPTOR_FULL_MS, METRICS_FULL,
	    "max_connections is reached");
	return false;
}

/*
 * Of one visitor it is known that it waits, so that somebody may have to go for
 * it; of others only while there are places.
 */
static void
on_visitor(evutil_socket_t socket, short what, void *arg)
{
	struct acceptor_port *p = arg;
	int i;

	(void)socket;
	(void)what;
	for (i = 0; i < ACCEPT_BURST && accept_one(p); i++)
		if (!conns_have_room(p->acceptor->conns))
			break;
}

struct acceptor *
acceptor_new(struct event_base *base, const struct listeners *ls,
    struct conns *cs)
{
	struct acceptor *a = xcalloc(1, sizeof(*a));
	struct acceptor_port *p;
	size_t i;

	a->conns = cs;
	a->held = -1;
	a->ports = xcalloc(ls->n, sizeof(*a->ports));
	a->resume = evtimer_new(base, resume_accepting, a);
	a->last_turn = evtimer_new(base, on_last_turn, a);
	if (a->resume == NULL || a->last_turn == NULL)
		mem_exhausted(0);
	for (i = 0; i < ls->n; i++) {
		if (ls->v[i].protocol == NULL) { /* not for visitors */
			close(ls->v[i].fd);
			continue;
		}
		p = &a->ports[a->n++];
		p->acceptor = a;
		p->listener = &ls->v[i];
		p->event = event_new(base, p->listener->fd,
		    EV_READ | EV_PERSIST, on_visitor, p);
		if (p->event == NULL || event_add(p->event, NULL) == -1)
			mem_exhausted(sizeof(*p));
	}
	return a;
}

static void
close_acceptor(struct acceptor *a)
{
	size_t i;

	/* With no place even now, a reset tells the visitor to try again. */
	if (a->held != -1 && !admit_held(a))
		close(a->held);
	for (i = 0; i < a->n; i++) {
		event_free(a->ports[i].event);
		close(a->ports[i].listener->fd);
	}
	event_free(a->resume);
	event_free(a->last_turn);
	xfree(a->ports);
	xfree(a);
}

/*
 * Take some of those who wait at p; true if there may be more.  Nobody has to
 * go for them: of none is it known that it waits.
 */
static bool
accept_waiting(struct acceptor_port *p)
{
	int i;

	for (i = 0; i < ACCEPT_BURST; i++)
		if (!conns_have_room(p->acceptor->conns) || !accept_one(p))
			return false;
	return true;
}

static void
on_last_turn(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once;
	struct acceptor *a = arg;
	void (*done)(void *) = a->done;
	void *done_arg = a->done_arg;
	bool more = false;
	size_t i;

	(void)fd;
	(void)what;
	for (i = 0; i < a->n; i++)
		more = accept_waiting(&a->ports[i]) || more;
	/* What comes while we finish is for the next worker. */
	if (more && ++a->turns < LISTENER_BACKLOG / ACCEPT_BURST) {
		(void)evtimer_add(a->last_turn, &at_once);
		return;
	}
	close_acceptor(a);
	done(done_arg);
}

void
acceptor_finish(struct acceptor *a, void (*done)(void *), void *arg)
{
	a->done = done;
	a->done_arg = arg;
	on_last_turn(-1, 0, a);
}
