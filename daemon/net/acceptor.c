/*
 * acceptor.c - accept, or pause.
 *
 * Floor net.  Without descriptors or memory a ready listening socket would
 * wake the loop for ever: stop looking at it for a while, and let visitors
 * wait in the kernel until others have gone.
 */
#include "net/acceptor.h"

#include <sys/socket.h>

#include <errno.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

/* Visitors taken from one socket before others get their turn. */
#define ACCEPT_BURST 16

struct acceptor_port {
	struct acceptor *acceptor;
	const struct listener *listener;
	struct event *event;
};

struct acceptor {
	struct conns *conns;
	struct acceptor_port *ports;
	size_t n;
	struct event *resume;
};

static void
resume(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;
	size_t i;

	(void)fd;
	(void)what;
	for (i = 0; i < a->n; i++)
		(void)event_add(a->ports[i].event, NULL);
}

static void
pause_all(struct acceptor *a)
{
	struct timeval tv = { .tv_usec = ACCEPTOR_PAUSE_MS * 1000 };
	size_t i;

	log_warn("cannot accept, visitors wait (%zu connections are open)",
	    conns_count(a->conns));
	for (i = 0; i < a->n; i++)
		(void)event_del(a->ports[i].event);
	(void)evtimer_add(a->resume, &tv);
}

/* True if this machine, and not just one visitor, is the reason. */
static bool
is_exhausted(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM;
}

static void
on_visitor(evutil_socket_t socket, short what, void *arg)
{
	struct acceptor_port *p = arg;
	struct sockaddr_storage from;
	socklen_t len;
	int i, fd;

	(void)what;
	for (i = 0; i < ACCEPT_BURST; i++) {
		len = sizeof(from);
		fd = os_accept((int)socket, (struct sockaddr *)&from, &len);
		if (fd >= 0)
			conns_add(p->acceptor->conns, p->listener, fd,
			    (struct sockaddr *)&from);
		else if (is_exhausted(errno)) {
			pause_all(p->acceptor);
			return;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		/* Others hung up before their turn: the next, please. */
	}
}

struct acceptor *
acceptor_new(struct event_base *base, const struct listeners *ls,
    struct conns *cs)
{
	struct acceptor *a = xcalloc(1, sizeof(*a));
	struct acceptor_port *p;

	a->conns = cs;
	a->ports = xcalloc(ls->n, sizeof(*a->ports));
	a->resume = evtimer_new(base, resume, a);
	for (a->n = 0; a->n < ls->n; a->n++) {
		p = &a->ports[a->n];
		p->acceptor = a;
		p->listener = &ls->v[a->n];
		p->event = event_new(base, p->listener->fd,
		    EV_READ | EV_PERSIST, on_visitor, p);
		if (p->event == NULL || event_add(p->event, NULL) == -1)
			mem_exhausted(sizeof(*p));
	}
	return a;
}

void
acceptor_free(struct acceptor *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		event_free(a->ports[i].event);
	event_free(a->resume);
	xfree(a->ports);
	xfree(a);
}
