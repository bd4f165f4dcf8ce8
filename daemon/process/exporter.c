/*
 * exporter.c - the counts, over HTTP, for Prometheus.
 *
 * Floor process.  In a process of its own, so that nothing that reads HTTP
 * stands beside visitors, keys or the master.  One request a connection, few
 * connections, one deadline for each: libevent's HTTP server lets a client that
 * sends a byte now and then stay for ever.
 */
#include "process/exporter.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "format/http.h"
#include "format/prometheus.h"
#include "net/conn.h"
#include "process/channel.h"
#include "process/child.h"

#define FINISH_MS 500 /* for an answer under way, once the master lets go */

/* Its descriptors: the channel, then the listening sockets. */
enum { CHANNEL = CHILD_FIRST, SOCKETS };

/* One connection, from accept to its end. */
struct visit {
	struct export *export;
	int fd; /* -1: this place is free */
	struct event *event, *deadline;
	char in[HTTP_HEAD_MAX + 1]; /* + 1: it is too long */
	size_t n_in;
	struct buf out;
	size_t n_out;
};

struct export
{
	struct event_base *base;
	const struct conf *conf;
	const struct metrics *metrics;
	struct metrics_facts facts;
	const char *states[METRICS_STATES];
	char machine[256]; /* its name; empty: unknown */
	struct visit visits[EXPORTER_VISITS_MAX];
	size_t n_visits;
	struct event *sockets[CHILD_KEEP_MAX];
	size_t n_sockets;
};

/* -- what is answered -- */

/* "*.example.org" is any one name before it. */
static bool
covers_host(struct view name, struct view host)
{
	if (!view_has_prefix(name, VIEW("*.")))
		return view_eq_nocase(name, host);
	(void)view_cut(&host, '.');
	return host.p != NULL && view_eq_nocase(view_skip(name, 2), host);
}

static bool
is_numeric_host(struct view host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr to;

	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.p, host.len);
	text[host.len] = '\0';
	return inet_pton(AF_INET, text, &to) == 1 ||
	    inet_pton(AF_INET6, text, &to) == 1;
}

/* Whoever asks by a name of its own may not read what is here. */
static bool
is_our_host(const struct export *x, struct view host)
{
	struct view machine = view_of(x->machine), rest = machine;
	const struct conf_list *names;
	size_t i, k;

	if (host.len == 0 || is_numeric_host(host) ||
	    covers_host(VIEW("localhost"), host) ||
	    covers_host(machine, host) ||
	    covers_host(view_cut(&rest, '.'), host))
		return true;
	for (i = 0; i < x->conf->n_capsules; i++) {
		names = &x->conf->capsules[i].hostname;
		for (k = 0; k < names->n; k++)
			if (covers_host(names->v[k], host))
				return true;
	}
	return false;
}

/* The body too, unless its length is all that was asked for. */
static void
answer_with(struct visit *v, const char *status, const char *type,
    struct view body, bool with_body)
{
	buf_printf(&v->out,
	    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n",
	    status, type, body.len);
	if (with_body)
		buf_put(&v->out, body);
}

static void
answer_metrics(struct visit *v, bool with_body)
{
	struct export *x = v->export;
	struct buf page;

	buf_init(&page, METRICS_PAGE_MAX);
	x->facts.now = clock_wall();
	metrics_page(x->metrics, x->states, &x->facts, &page);
	if (!page.failed)
		answer_with(v, "200 OK", PROMETHEUS_TYPE, buf_view(&page),
		    with_body);
	else
		answer_with(v, "500 Internal Server Error", "text/plain",
		    VIEW("No memory.\n"), with_body);
	buf_fini(&page);
}

static void
answer_visit(struct visit *v, const struct http_request *r)
{
	bool is_head = view_eq(r->method, VIEW("HEAD"));

	if (!is_our_host(v->export, r->host))
		answer_with(v, "421 Misdirected Request", "text/plain",
		    VIEW("This is no name of this server.\n"), !is_head);
	else if (!is_head && !view_eq(r->method, VIEW("GET")))
		answer_with(v, "405 Method Not Allowed\r\nAllow: GET, HEAD",
		    "text/plain", VIEW("Only GET is.\n"), true);
	else if (view_eq(r->path, VIEW("/metrics")))
		answer_metrics(v, !is_head);
	else
		answer_with(v, "404 Not Found", "text/plain",
		    VIEW("The counts are at /metrics.\n"), !is_head);
}

/* -- connections -- */

static void
end_visit(struct visit *v)
{
	struct export *x = v->export;
	size_t i;

	if (v->event != NULL)
		event_free(v->event);
	if (v->deadline != NULL)
		event_free(v->deadline);
	close(v->fd);
	buf_fini(&v->out);
	v->fd = -1;
	if (x->n_visits-- == EXPORTER_VISITS_MAX)
		for (i = 0; i < x->n_sockets; i++)
			(void)event_add(x->sockets[i], NULL);
}

static void
on_visit_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_visit(arg);
}

static void on_visit(evutil_socket_t fd, short what, void *arg);

/* Look for what from now on; ends the visit if that cannot be. */
static void
watch_visit(struct visit *v, short what)
{
	if (v->event != NULL)
		event_free(v->event);
	v->event =
	    event_new(v->export->base, v->fd, what | EV_PERSIST, on_visit, v);
	if (v->event == NULL || event_add(v->event, NULL) == -1)
		end_visit(v);
}

static bool
may_come_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void
read_visit(struct visit *v)
{
	ssize_t n = recv(v->fd, v->in + v->n_in, sizeof(v->in) - v->n_in, 0);
	struct http_request r;

	if (n == -1 && may_come_later(errno))
		return;
	if (n <= 0) {
		end_visit(v);
		return;
	}
	v->n_in += (size_t)n;
	switch (http_request_parse((struct view){ v->in, v->n_in }, &r)) {
	case HTTP_REQUEST_MORE:
		return;
	case HTTP_REQUEST_OK:
		answer_visit(v, &r);
		break;
	case HTTP_REQUEST_BAD:
		answer_with(v, "400 Bad Request", "text/plain",
		    VIEW("This is no request.\n"), true);
		break;
	}
	if (v->out.failed)
		end_visit(v);
	else
		watch_visit(v, EV_WRITE);
}

static void
write_visit(struct visit *v)
{
	ssize_t n =
	    os_send(v->fd, v->out.p + v->n_out, v->out.len - v->n_out, false);

	if (n == -1) {
		if (!may_come_later(errno))
			end_visit(v);
		return;
	}
	v->n_out += (size_t)n;
	if (v->n_out < v->out.len)
		return;
	(void)shutdown(v->fd, SHUT_WR);
	watch_visit(v, EV_READ);
}

/* What comes after the request is dropped: a reset could destroy the answer. */
static void
drop_rest(struct visit *v)
{
	ssize_t n = recv(v->fd, v->in, sizeof(v->in), 0);

	if (n == 0 || (n == -1 && !may_come_later(errno)))
		end_visit(v);
}

static void
on_visit(evutil_socket_t fd, short what, void *arg)
{
	struct visit *v = arg;

	(void)fd;
	(void)what;
	if (v->out.len == 0)
		read_visit(v);
	else if (v->n_out < v->out.len)
		write_visit(v);
	else
		drop_rest(v);
}

static void
begin_visit(struct export *x, int fd)
{
	struct timeval patience = { .tv_sec = EXPORTER_TIMEOUT_S };
	struct visit *v = x->visits;
	size_t i;

	while (v->fd != -1)
		v++;
	*v = (struct visit){ .export = x, .fd = fd };
	buf_init(&v->out, METRICS_PAGE_MAX + HTTP_HEAD_MAX);
	if (++x->n_visits == EXPORTER_VISITS_MAX)
		for (i = 0; i < x->n_sockets; i++)
			(void)event_del(x->sockets[i]);
	v->deadline = evtimer_new(x->base, on_visit_late, v);
	if (v->deadline == NULL || evtimer_add(v->deadline, &patience) == -1)
		end_visit(v);
	else
		watch_visit(v, EV_READ);
}

static void
on_client(evutil_socket_t socket, short what, void *arg)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	int fd = os_accept((int)socket, (struct sockaddr *)&from, &len);

	(void)what;
	if (fd != -1)
		begin_visit(arg, fd);
}

/* The master has let go: it ended, or another one has taken our place. */
static void
on_exporter_channel(evutil_socket_t fd, short what, void *arg)
{
	struct export *x = arg;
	struct timeval tv = { .tv_usec = FINISH_MS * 1000 };
	unsigned number;
	int passed;

	(void)what;
	switch (channel_receive((int)fd, &number, &passed)) {
	case CHANNEL_GONE:
		(void)event_base_loopexit(x->base, &tv);
		break;
	case CHANNEL_ALIVE:
		(void)channel_send((int)fd, CHANNEL_ALIVE, 0, -1);
		break;
	default:
		break;
	}
	if (passed != -1)
		close(passed);
}

/* What is not known once the sandbox is closed. */
static void
learn_names(struct export *x)
{
	unsigned s;

	for (s = 0; s < METRICS_STATES; s++)
		x->states[s] = conns_state_name(s);
	if (gethostname(x->machine, sizeof(x->machine) - 1) == -1)
		x->machine[0] = '\0';
}

/* Listen on n sockets; false without memory. */
static bool
watch_sockets(struct export *x, size_t n)
{
	struct event *e;
	size_t i;

	for (i = 0; i < EXPORTER_VISITS_MAX; i++)
		x->visits[i].fd = -1;
	for (i = 0; i < n; i++) {
		e = event_new(x->base, SOCKETS + (int)i, EV_READ | EV_PERSIST,
		    on_client, x);
		if (e == NULL || event_add(e, NULL) == -1)
			return false;
		x->sockets[x->n_sockets++] = e;
	}
	return true;
}

/* What an exporter is made of. */
struct birth {
	const struct exporter_start *start;
	int keep[CHILD_KEEP_MAX]; /* room for the channel, then sockets */
	size_t n;                 /* of them */
};

static void
become_exporter(void *arg, int their_end)
{
	static struct export x; /* zeroed, and never freed: the process ends */
	struct birth *how = arg;
	const struct exporter_start *start = how->start;
	struct event *channel = NULL;

	metrics_watch(start->metrics);
	how->keep[0] = their_end;
	child_begin("capsuled metrics", how->keep, how->n + 1);
	x.base = event_base_new();
	x.conf = start->conf;
	x.metrics = start->metrics;
	x.facts = *start->facts;
	learn_names(&x);
	if (x.base != NULL)
		channel = event_new(x.base, CHANNEL, EV_READ | EV_PERSIST,
		    on_exporter_channel, &x);
	if (channel == NULL || event_add(channel, NULL) == -1 ||
	    !watch_sockets(&x, how->n)) {
		log_errorx("cannot serve metrics: no memory");
		_exit(1);
	}
	if (sandbox_enter(start->box) == -1)
		_exit(1);
	(void)event_base_dispatch(x.base);
	_exit(0);
}

/* The sockets of ls that are for metrics, behind what is in to already. */
static size_t
collect_metrics_sockets(const struct listeners *ls, int *to)
{
	size_t i, n = 0;

	for (i = 0; i < ls->n; i++)
		if (ls->v[i].kind == LISTENER_METRICS)
			to[n++] = ls->v[i].fd;
	return n;
}

struct child *
exporter_new(const struct exporter_start *start)
{
	struct birth how = { .start = start };
	struct child *e;

	how.n = collect_metrics_sockets(start->listeners, how.keep + 1);
	if (how.n == 0)
		return NULL;
	e = child_new(become_exporter, &how);
	if (e == NULL)
		log_error("cannot start the process for metrics");
	return e;
}
