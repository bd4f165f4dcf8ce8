/*
 * conn.c - all connections of a worker.
 *
 * Floor net.  What to answer is the protocol's business (site/answer.h), how
 * bytes travel the stream's (stream.h); this file accepts connections into the
 * state machine, whose states conn_state.h has, and handlers conn_request,
 * conn_wait and conn_response.
 */
#include "net/conn.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/access_log.h"
#include "net/conn_deadline.h"
#include "net/conn_request.h"
#include "net/conn_response.h"
#include "net/conn_state.h"
#include "net/conn_wait.h"
#include "net/metrics.h"

/* What each state does. */
static conn_handler *const handlers[CONN_STATES] = {
	[CONN_PROXY_HEADER] = read_proxy_header,
	[CONN_FIRST_BYTE] = read_first_byte,
	[CONN_REQUEST] = read_request,
	[CONN_UPSTREAM] = read_upstream,
	[CONN_SEARCH] = await_results,
	[CONN_FILE] = read_file_reply,
	[CONN_RESPONSE] = write_response,
	[CONN_LINGER] = drain_input,
};

const char *
conns_state_name(unsigned state)
{
	return state < CONN_CLOSED ? conn_state_name(state) : NULL;
}

bool
conns_make_room(struct conns *cs)
{
	return conn_end_slowest(cs);
}

bool
conns_have_room(struct conns *cs)
{
	return limits_have_room(cs->limits, &cs->rules);
}

/* The 4 or 16 bytes of an address. */
static const void *
address_bytes(const struct sockaddr *from)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;

	return from->sa_family == AF_INET ? (const void *)&in->sin_addr
					  : (const void *)&in6->sin6_addr;
}

static void
set_peer_address(struct conn *c, const struct sockaddr *from)
{
	c->family = from->sa_family;
	if (c->family != AF_UNIX)
		memcpy(c->addr, address_bytes(from),
		    c->family == AF_INET ? 4 : 16);
}

/* True if the peer has to say first whom it brings. */
static bool
is_proxy_address(const struct listener *l, const struct sockaddr *from)
{
	size_t i;

	for (i = 0; i < l->proxies->n; i++)
		if (cidr_has(&l->proxies->v[i], from->sa_family,
			address_bytes(from)))
			return true;
	return false;
}

bool
conns_add(struct conns *cs, const struct listener *l, int fd,
    const struct sockaddr *from)
{
	bool proxied = is_proxy_address(l, from);
	int64_t now_us = clock_us();
	enum limits_result r;
	unsigned ticket;
	struct conn *c;

	r = limits_enter(cs->limits, &cs->rules, proxied ? NULL : from,
	    now_us / 1000, &ticket);
	if (r == LIMITS_FULL)
		return false;
	metrics_count(r == LIMITS_OK ? METRICS_ACCEPTED : METRICS_REFUSED, 1);
	c = r == LIMITS_OK ? calloc(1, sizeof(*c)) : NULL;
	if (c == NULL) {
		if (r == LIMITS_OK)
			limits_leave(cs->limits, ticket);
		close(fd);
		return true;
	}
	c->all = cs;
	c->listener = l;
	c->ticket = ticket;
	c->state = proxied ? CONN_PROXY_HEADER : CONN_FIRST_BYTE;
	metrics_moved(METRICS_STATES, c->state);
	c->accepted_us = now_us;
	set_peer_address(c, from);
	stream_init(&c->stream, &cs->scratch, fd);
	deadline_set(&cs->deadlines, &c->deadline, LIMIT_REQUEST,
	    now_us / 1000);
	cs->n++;
	conn_run_states(c);
	return true;
}

/* True if the address of s may have another full handshake now. */
static bool
take_handshake(struct stream *s)
{
	struct conn *c = (void *)((char *)s - offsetof(struct conn, stream));

	if (limits_take_handshake(c->all->limits, &c->all->rules, c->ticket,
		clock_ms()))
		return true;
	metrics_count(METRICS_HANDSHAKE_LIMIT, 1);
	return false;
}

struct conns *
conns_new(struct event_base *base, const struct conf *conf,
    const struct snapshot *snapshot, struct tls *tls, struct limits *limits,
    struct upstreams *upstreams, struct search_client *search,
    struct files *files)
{
	struct conns *cs = xcalloc(1, sizeof(*cs));

	cs->base = base;
	cs->handlers = handlers;
	cs->conf = conf;
	cs->snapshot = snapshot;
	cs->tls = tls;
	cs->limits = limits;
	cs->upstreams = upstreams;
	cs->search = search;
	cs->seed = hash_seed_draw();
	cs->files = files;
	cs->scratch.may_handshake = take_handshake;
	cs->rules = (struct limits_rules){ conf->max_connections,
		conf->max_connections_per_address, conf->rate };
	conn_deadlines_init(cs, conf);
	buf_init(&cs->log, ACCESS_LOG_MAX);
	return cs;
}

size_t
conns_count(const struct conns *cs)
{
	return cs->n;
}

void
conns_drain(struct conns *cs, void (*done)(void *), void *arg)
{
	cs->done = done;
	cs->done_arg = arg;
	if (cs->n == 0)
		conn_arm_timer(cs);
}
