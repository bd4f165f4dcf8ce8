/*
 * conn_request.c - the states in which a client has yet to say something.
 *
 * Floor net.
 */
#include "net/conn_request.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "format/proxyhdr.h"
#include "net/access_log.h"
#include "net/conn_response.h"
#include "net/limits.h"
#include "net/metrics.h"
#include "net/stream_plain.h"
#include "net/stream_tls.h"

#define TLS_HANDSHAKE 0x16 /* first byte of a TLS record; RFC 8446 5.1 */

/* A warning about a proxy without header is repeated after this at most. */
#define WARN_AGAIN_MS 60000

/* -- proxy_header -- */

/* What an operator finds in no other way: nothing is answered and logged. */
static void
warn_bad_header(struct conn *c)
{
	int64_t now = clock_ms();
	char from[INET6_ADDRSTRLEN];

	metrics_count(METRICS_HEADER_BAD, 1);
	if (c->all->warned_ms != 0 && now - c->all->warned_ms < WARN_AGAIN_MS)
		return;
	c->all->warned_ms = now;
	/* In full, whatever is logged of visitors: it is the operator's own. */
	if (c->family == AF_UNIX)
		memcpy(from, "unix", sizeof("unix"));
	if (c->family == AF_UNIX ||
	    inet_ntop(c->family, c->addr, from, sizeof(from)) != NULL)
		log_warnx("%s is in [%s] proxy_protocol and sent no valid "
			  "PROXY header: closed",
		    from, c->listener->protocol->name);
}

/* From here on the peer is who the proxy says, under the same limits. */
static bool
apply_proxy_header(struct conn *c, const struct proxyhdr *h)
{
	if (h->family != PROXYHDR_NONE) {
		c->family = h->family == PROXYHDR_IPV4 ? AF_INET : AF_INET6;
		memcpy(c->addr, h->address, sizeof(c->addr));
	}
	free(c->partial);
	c->partial = NULL;
	c->partial_len = 0;
	if (limits_assign(c->all->limits, &c->all->rules, c->ticket, c->family,
		c->addr, clock_ms()) == LIMITS_OK)
		return true;
	metrics_count(METRICS_REFUSED, 1);
	return false;
}

/* Remember the pieces of a header; false without memory. */
static bool
keep_partial_header(struct conn *c, struct view in)
{
	if (c->partial == NULL)
		c->partial = malloc(PROXYHDR_V2_MAX);
	if (c->partial == NULL)
		return false;
	memcpy(c->partial, in.p, in.len);
	c->partial_len = in.len;
	stream_skip(&c->stream, in.len);
	return true;
}

_Static_assert(PROXYHDR_V2_MAX <= STREAM_KEPT_MAX, "a header is kept");
_Static_assert(PROXYHDR_V1_MAX <= PROXYHDR_V2_MAX, "of either version");

bool
read_proxy_header(struct conn *c)
{
	struct view kept = { c->partial, c->partial_len }, in;
	enum stream_result r = stream_peek(&c->stream, kept, &in);
	enum proxyhdr_parse parsed = PROXYHDR_BAD;
	struct proxyhdr h;

	if (r == STREAM_WAIT_READ)
		return conn_wait(c, r);
	if (r == STREAM_DONE) {
		parsed = proxyhdr_parse(in, &h);
		if (parsed == PROXYHDR_MORE && keep_partial_header(c, in))
			return conn_wait(c, STREAM_WAIT_READ);
		if (parsed == PROXYHDR_BAD)
			warn_bad_header(c);
	}
	if (parsed == PROXYHDR_OK && apply_proxy_header(c, &h)) {
		stream_skip(&c->stream, h.len);
		conn_move(c, CONN_FIRST_BYTE);
	} else
		conn_move(c, CONN_CLOSED);
	return true;
}

/* -- first_byte -- */

/* What a connection that begins with this byte travels over, or NULL. */
static const struct transport *
transport_of(const struct listener *l, unsigned char first)
{
	if (first == TLS_HANDSHAKE)
		return l->tls ? &stream_tls : NULL;
	return l->clear ? &stream_plain : NULL;
}

bool
read_first_byte(struct conn *c)
{
	const struct transport *transport = NULL;
	unsigned char first;
	enum stream_result r = stream_sniff(&c->stream, &first);

	if (r == STREAM_WAIT_READ)
		return conn_wait(c, r);
	if (r == STREAM_DONE) {
		stream_note_wait(&c->stream, clock_us() - c->accepted_us);
		transport = transport_of(c->listener, first);
	}
	/* Whom we do not understand we do not answer, not with one byte. */
	if (transport == NULL ||
	    stream_start(&c->stream, transport, c->all->tls) != STREAM_DONE) {
		conn_move(c, CONN_CLOSED);
		return true;
	}
	/* In the clear there is none to count. */
	c->handshake_counted = !stream_is_encrypted(&c->stream);
	conn_move(c, CONN_REQUEST);
	return true;
}

/* -- request -- */

/* Remember the pieces of a request; false without memory. */
static bool
keep_partial_request(struct conn *c, struct view in)
{
	if (in.p == c->partial)
		return true;
	c->partial = malloc(c->listener->protocol->request_max);
	if (c->partial == NULL)
		return false;
	memcpy(c->partial, in.p, in.len);
	return true;
}

/* Anybody can make a handshake fail: only who debugs hears of it. */
static void
log_handshake_failure(struct conn *c, enum stream_result result)
{
	const char *why = stream_failure(result);
	struct buf *from = &c->all->log;

	metrics_count(METRICS_HANDSHAKE_BROKE, 1);
	if (!log_is_on(LOG_LEVEL_DEBUG))
		return;
	buf_reset(from);
	access_log_put_address(from, c->all->conf->addresses, c->family,
	    c->addr);
	log_debug("fd %d: no handshake with %.*s: %s", c->stream.fd,
	    VIEW_ARG(buf_view(from)), why);
}

/*
 * A handshake that failed leaves an alert behind that says why: linger, so
 * that no reset destroys it.
 */
static void
abandon_request(struct conn *c, enum stream_result result)
{
	bool alerted = !c->stream.refused && !stream_is_ready(&c->stream);

	if (alerted)
		log_handshake_failure(c, result);
	if (alerted && shutdown(c->stream.fd, SHUT_WR) == 0)
		conn_move(c, CONN_LINGER);
	else
		conn_move(c, CONN_CLOSED);
}

/* Count a handshake that has come to its end, once. */
static void
count_handshake(struct conn *c)
{
	if (c->handshake_counted || !stream_is_ready(&c->stream))
		return;
	c->handshake_counted = true;
	metrics_handshake(stream_tls_version(&c->stream)[2] == '3',
	    stream_is_resumed(&c->stream));
}

bool
read_request(struct conn *c)
{
	const struct protocol *proto = c->listener->protocol;
	enum stream_result r;
	struct view in;
	char *line;
	size_t n;

	/* What comes in one turn, however much there is: others have theirs. */
	do {
		/* The ordinary request comes whole and is never copied. */
		line = c->partial != NULL ? c->partial : c->all->line;
		r = stream_read(&c->stream, line + c->partial_len,
		    proto->request_max - c->partial_len, &n);
		count_handshake(c);
		if (r == STREAM_WAIT_READ || r == STREAM_WAIT_WRITE)
			return conn_wait(c, r);
		if (r != STREAM_DONE) {
			abandon_request(c, r);
			return true;
		}
		c->partial_len += n;
		in = (struct view){ line, c->partial_len };
		if (proto->is_ready(in)) {
			choose_response(c, in);
			return true;
		}
		if (!keep_partial_request(c, in)) {
			conn_move(c, CONN_CLOSED);
			return true;
		}
	} while (stream_has_input(&c->stream));
	return conn_wait(c, STREAM_WAIT_READ);
}
