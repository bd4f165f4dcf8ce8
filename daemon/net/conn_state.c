/*
 * conn_state.c - the states of a connection, and what all of them need.
 *
 * Floor net.  Handlers (net/conn.c has their table) change states and return; a
 * connection is freed in one place, when its turn is over, or by the deadline
 * that ends it.
 */
#include "net/conn_state.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/access_log.h"
#include "net/files.h"
#include "net/metrics.h"
#include "net/relay.h"
#include "net/search_client.h"

#define TO(s) (1u << (s))

/* One row per state: where it may go, and how long it may last. */
static const struct {
	const char *name;
	unsigned next;
	unsigned limit;
} rules[CONN_STATES] = {
	[CONN_PROXY_HEADER] = { "proxy_header",
	    TO(CONN_FIRST_BYTE) | TO(CONN_CLOSED), LIMIT_REQUEST },
	[CONN_FIRST_BYTE] = { "first_byte", TO(CONN_REQUEST) | TO(CONN_CLOSED),
	    LIMIT_REQUEST },
	[CONN_REQUEST] = { "request",
	    TO(CONN_UPSTREAM) | TO(CONN_SEARCH) | TO(CONN_FILE) |
		TO(CONN_RESPONSE) | TO(CONN_LINGER) | TO(CONN_CLOSED),
	    LIMIT_REQUEST },
	[CONN_UPSTREAM] = { "upstream", TO(CONN_RESPONSE) | TO(CONN_CLOSED),
	    LIMIT_UPSTREAM },
	[CONN_SEARCH] = { "search", TO(CONN_RESPONSE) | TO(CONN_CLOSED),
	    LIMIT_SEARCH },
	[CONN_FILE] = { "file", TO(CONN_RESPONSE) | TO(CONN_CLOSED),
	    LIMIT_FILE },
	[CONN_RESPONSE] = { "response",
	    TO(CONN_UPSTREAM) | TO(CONN_LINGER) | TO(CONN_CLOSED), LIMIT_IDLE },
	[CONN_LINGER] = { "linger", TO(CONN_CLOSED), LIMIT_LINGER },
	[CONN_CLOSED] = { "closed", 0, LIMIT_NONE },
};

_Static_assert(CONN_STATES <= METRICS_STATES, "every state is counted");

const char *
conn_state_name(enum conn_state state)
{
	return rules[state].name;
}

unsigned
conn_state_limit(enum conn_state state)
{
	return rules[state].limit;
}

void
conn_move(struct conn *c, enum conn_state to)
{
	struct deadlines *ds = &c->all->deadlines;

	assert(rules[c->state].next & TO(to));
	log_debug("fd %d: %s -> %s", c->stream.fd, rules[c->state].name,
	    rules[to].name);
	/* The request's time runs from accept, through states that share it. */
	if (rules[to].limit == LIMIT_NONE)
		deadline_clear(ds, &c->deadline);
	else if (rules[to].limit != rules[c->state].limit)
		deadline_set(ds, &c->deadline, rules[to].limit, clock_ms());
	metrics_moved(c->state, to == CONN_CLOSED ? METRICS_STATES : to);
	c->state = to;
}

/* -- the end of an answer -- */

static void
log_answer(struct conn *c, const char *end, int64_t us)
{
	struct buf *to = &c->all->log;
	struct peer_certificate shown;
	struct access_line line = {
		.protocol = c->listener->protocol->name,
		.addresses = c->all->conf->addresses,
		.family = c->family,
		.address = c->addr,
		.host = c->reply.host,
		.selector = c->reply.selector,
		.status = c->reply.answer.status,
		.bytes = c->bytes,
		.ms = us / 1000,
		.tls = stream_tls_version(&c->stream),
		.resumed = stream_is_resumed(&c->stream),
		.end = end,
	};

	/* One that was shown but not looked at is nobody's business. */
	if (c->reply.identified && stream_certificate(&c->stream, &shown))
		line.client = shown.sha256;
	buf_reset(to);
	access_log_format(to, &line);
	if (!to->failed)
		log_access(buf_view(to));
}

void
conn_log_end(struct conn *c, const char *end)
{
	int64_t us = clock_us() - c->accepted_us;

	metrics_answered(c->listener->kind, c->reply.answer.status, c->bytes,
	    us);
	if (end != NULL)
		metrics_count(METRICS_CUT, 1);
	if (log_access_is_on())
		log_answer(c, end, us);
}

bool
conn_keep_log(struct conn *c)
{
	if (c->kept == NULL && log_access_is_on())
		c->kept = access_log_keep(&c->reply.host, &c->reply.selector);
	return c->kept != NULL || !log_access_is_on();
}

/* -- waiting -- */

static void on_conn_event(evutil_socket_t fd, short what, void *arg);

bool
conn_watch(struct conn *c, short what)
{
	bool set = event_initialized(&c->event);

	if (set && event_get_events(&c->event) == what)
		return false;
	if (set)
		(void)event_del(&c->event);
	event_assign(&c->event, c->all->base, c->stream.fd, what, on_conn_event,
	    c);
	if (event_add(&c->event, NULL) == -1)
		conn_move(c, CONN_CLOSED);
	return false;
}

bool
conn_wait(struct conn *c, enum stream_result result)
{
	return conn_watch(c,
	    EV_PERSIST | (result == STREAM_WAIT_WRITE ? EV_WRITE : EV_READ));
}

int64_t
conn_deadline_set_ms(const struct conn *c)
{
	return c->deadline.at_ms -
	    c->all->deadlines.duration_ms[c->deadline.kind];
}

void
conn_set_reset_on_close(struct conn *c, bool on)
{
	struct linger how = { .l_onoff = on, .l_linger = 0 };

	if (c->resets_on_close != on &&
	    setsockopt(c->stream.fd, SOL_SOCKET, SO_LINGER, &how,
		sizeof(how)) == 0)
		c->resets_on_close = on;
}

/* -- turns -- */

void
conn_arm_timer(struct conns *cs)
{
	int64_t next = deadlines_next(&cs->deadlines), now, wait;
	struct timeval tv;

	if (cs->n == 0 && cs->done != NULL)
		next = 0; /* the drain is over: say so from the loop */
	else if (next == -1)
		return;
	if (evtimer_pending(cs->timer, NULL) && cs->timer_ms <= next)
		return;
	cs->timer_ms = next;
	now = clock_ms();
	wait = next > now ? next - now : 0;
	tv.tv_sec = (time_t)(wait / 1000);
	tv.tv_usec = (suseconds_t)(wait % 1000 * 1000);
	(void)evtimer_add(cs->timer, &tv);
}

void
conn_free(struct conn *c)
{
	struct conns *cs = c->all;
	/* An answer that began and did not end must not look whole. */
	bool cut = c->cut ||
	    (c->bytes > 0 && (c->left.len > 0 || c->file_left > 0)) ||
	    c->relay != NULL || c->wait != NULL;

	deadline_clear(&cs->deadlines, &c->deadline);
	if (event_initialized(&c->event))
		(void)event_del(&c->event);
	stream_fini(&c->stream, cut);
	close(c->stream.fd);
	limits_leave(cs->limits, c->ticket);
	relay_free(c->relay);
	search_client_cancel(c->wait);
	content_release(c->reply.content, c->hold, c->reply.answer.rest.fd);
	file_use_free(c->file);
	reply_fini(&c->reply);
	free(c->partial);
	free(c->kept);
	free(c);
	if (--cs->n == 0 && cs->done != NULL)
		conn_arm_timer(cs);
}

void
conn_run_states(struct conn *c)
{
	while (c->state != CONN_CLOSED && c->all->handlers[c->state](c))
		;
	if (c->state == CONN_CLOSED)
		conn_free(c);
	else
		conn_arm_timer(c->all);
}

static void
on_conn_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_run_states(arg);
}
