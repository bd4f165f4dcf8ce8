/*
 * exporter.c - the counts, over HTTP, for Prometheus and capsulectl.
 *
 * Floor process.  HTTP is not ours to write: libevent has a server for it.
 * It runs in a process of its own, so that nothing that reads HTTP stands
 * beside visitors, keys or the master.
 */
#include "process/exporter.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/prometheus.h"
#include "net/certificate.h"
#include "net/conn.h"
#include "process/channel.h"
#include "process/child.h"

#define FINISH_MS 500 /* for an answer under way, once the master lets go */

/* Its descriptors: the channel, then the listening sockets. */
enum { CHANNEL = CHILD_FIRST, SOCKETS };

struct export
{
	struct event_base *base;
	const struct metrics *metrics;
	struct metrics_facts facts;
	const char *states[METRICS_STATES];
};

static void
on_metrics(struct evhttp_request *req, void *arg)
{
	struct export *x = arg;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evhttp_request_get_output_buffer(req);
	struct buf page;

	buf_init(&page, METRICS_PAGE_MAX);
	x->facts.now = clock_wall();
	metrics_page(x->metrics, x->states, &x->facts, &page);
	if (page.failed || evbuffer_add(body, page.p, page.len) == -1)
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
	else {
		(void)evhttp_add_header(headers, "Content-Type",
		    PROMETHEUS_TYPE);
		evhttp_send_reply(req, HTTP_OK, NULL, NULL);
	}
	buf_fini(&page);
}

static void
on_other(struct evhttp_request *req, void *arg)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evhttp_request_get_output_buffer(req);

	(void)arg;
	(void)evhttp_add_header(headers, "Content-Type", "text/plain");
	(void)evbuffer_add_printf(body, "The counts are at /metrics.\n");
	evhttp_send_reply(req, HTTP_NOTFOUND, NULL, NULL);
}

/* The master has let go: it ended, or another one has taken our place. */
static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct export *x = arg;
	struct timeval tv = { .tv_usec = FINISH_MS * 1000 };
	unsigned number;
	int passed;

	(void)what;
	if (channel_receive((int)fd, &number, &passed) == CHANNEL_GONE)
		(void)event_base_loopexit(x->base, &tv);
	if (passed != -1)
		close(passed);
}

/* Read while files can still be opened. */
static void
learn(struct export *x, const struct conf *conf)
{
	struct metrics_certificate *v = xcalloc(conf->n_capsules, sizeof(*v));
	const struct conf_capsule *c;
	struct certificate cert;
	unsigned s;
	size_t i;

	for (s = 0; s < METRICS_STATES; s++)
		x->states[s] = conns_state_name(s);
	x->facts.version = CAPSULED_VERSION;
	x->facts.certificates = v;
	for (i = 0; i < conf->n_capsules; i++) {
		c = &conf->capsules[i];
		if (certificate_read(c->certificate.p, &cert) == -1)
			continue;
		v[x->facts.n_certificates].host = c->hostname.v[0];
		v[x->facts.n_certificates++].not_after = cert.not_after;
	}
}

/* A server on n sockets; false if there cannot be one. */
static bool
open_doors(struct export *x, size_t n)
{
	struct evhttp *http = evhttp_new(x->base);
	size_t i;

	if (http == NULL)
		return false;
	evhttp_set_timeout(http, EXPORTER_TIMEOUT_S);
	evhttp_set_max_headers_size(http, EXPORTER_HEADERS_MAX);
	evhttp_set_max_body_size(http, 0);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_gencb(http, on_other, x);
	if (evhttp_set_cb(http, "/metrics", on_metrics, x) != 0)
		return false;
	for (i = 0; i < n; i++)
		if (evhttp_accept_socket(http, SOCKETS + (int)i) == -1)
			return false;
	return true;
}

static void become_exporter(const struct conf *conf, size_t n,
    const struct metrics *m, const struct sandbox *box)
    __attribute__((noreturn));

static void
become_exporter(const struct conf *conf, size_t n, const struct metrics *m,
    const struct sandbox *box)
{
	struct export x = { .base = event_base_new(), .metrics = m };
	struct event *channel = NULL;

	learn(&x, conf);
	if (x.base != NULL)
		channel = event_new(x.base, CHANNEL, EV_READ | EV_PERSIST,
		    on_channel, &x);
	if (channel == NULL || event_add(channel, NULL) == -1 ||
	    !open_doors(&x, n)) {
		log_errorx("cannot serve metrics: no memory");
		_exit(1);
	}
	if (sandbox_enter(box) == -1)
		_exit(1);
	(void)event_base_dispatch(x.base);
	_exit(0);
}

/* The sockets of ls that are for metrics, behind what is in to already. */
static size_t
collect(const struct listeners *ls, int *to)
{
	size_t i, n = 0;

	for (i = 0; i < ls->n; i++)
		if (ls->v[i].kind == LISTENER_METRICS)
			to[n++] = ls->v[i].fd;
	return n;
}

struct exporter *
exporter_new(const struct conf *conf, const struct listeners *ls,
    struct metrics *m, const struct sandbox *box)
{
	int keep[CHILD_KEEP_MAX], ours, theirs;
	size_t n = collect(ls, keep + 1);
	struct exporter *e;
	pid_t pid;

	if (n == 0)
		return NULL;
	if (channel_open(&ours, &theirs) == -1) {
		log_error("cannot start the process for metrics");
		return NULL;
	}
	keep[0] = theirs;
	pid = child_fork();
	if (pid == 0) {
		metrics_watch(m);
		child_begin("capsuled metrics", keep, n + 1);
		become_exporter(conf, n, m, box);
	}
	close(theirs);
	if (pid == -1) {
		log_error("cannot start the process for metrics");
		close(ours);
		return NULL;
	}
	e = xcalloc(1, sizeof(*e));
	*e = (struct exporter){ pid, ours, clock_ms() };
	return e;
}

void
exporter_free(struct exporter *e)
{
	if (e == NULL)
		return;
	close(e->channel);
	xfree(e);
}

void
exporter_stop(struct exporter *e)
{
	pid_t pid;

	if (e == NULL)
		return;
	pid = e->pid;
	exporter_free(e);
	child_stop(pid, 2 * FINISH_MS);
}
