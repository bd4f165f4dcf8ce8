/*
 * listener_watch.c - listening sockets: a worker that was taken over may shut
 * them.
 *
 * Floor process.
 */
#include "process/listener_watch.h"

#include <sys/socket.h>

#include "base/mem.h"

#define WATCH_SHUT_MS 1000 /* between two looks for sockets shut by workers */

static void
on_shut(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	listeners_mend(&m->now->listeners);
	start_timer(m->rewatch, WATCH_SHUT_MS);
}

void
on_rewatch(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	size_t i;

	(void)fd;
	(void)what;
	for (i = 0; i < m->n_shut_events; i++)
		(void)event_add(m->shut_events[i], NULL);
}

void
unwatch_listeners(struct master *m)
{
	size_t i;

	for (i = 0; i < m->n_shut_events; i++)
		event_free(m->shut_events[i]);
	xfree(m->shut_events);
	m->shut_events = NULL;
	m->n_shut_events = 0;
}

/* Nobody can write to a socket that listens: one that can be does not. */
void
watch_listeners(struct master *m)
{
	const struct listeners *ls = &m->now->listeners;
	size_t i;

	m->shut_events = xcalloc(ls->n, sizeof(*m->shut_events));
	for (i = 0; i < ls->n; i++) {
		struct event *e =
		    event_new(m->base, ls->v[i].fd, EV_WRITE, on_shut, m);

		if (ls->v[i].family == AF_UNIX && e != NULL) {
			event_free(e); /* it would stay so */
			continue;
		}
		if (e == NULL || event_add(e, NULL) == -1)
			mem_exhausted(0);
		m->shut_events[m->n_shut_events++] = e;
	}
}
