/*
 * conn.c - the life of a connection.
 *
 * Floor net.  What to answer is the protocol's business (site/answer.h), how
 * bytes travel the stream's (stream.h); this file moves a connection from
 * state to state and sees that none of them lasts for ever.
 *
 *	sniff -> read -> answer -> closing -> dead
 *
 * Before that comes header, where a proxy has to say first whose it is.  Where
 * an application answers, app and answer take turns; a
 * search waits in search.
 *
 * Callbacks change states and return; a connection is freed in exactly one
 * place, settle(), when its turn is over.
 */
#include "net/conn.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "format/proxyhdr.h"
#include "net/deadline.h"
#include "net/files.h"
#include "net/metrics.h"
#include "net/relay.h"
#include "net/search_client.h"
#include "net/stream_plain.h"
#include "net/stream_tls.h"

#define TLS_HANDSHAKE 0x16 /* first byte of a TLS record; RFC 8446 5.1 */
#define LOGGED_MAX    512  /* bytes of a selector that the log shows */
#define LOGGED_HASH   8    /* bytes of a certificate's fingerprint, too */
#define LOG_MAX       4000 /* bytes of one access line */

/* A warning about a proxy without header is repeated after this at most. */
#define WARN_AGAIN_MS 60000

enum conn_state {
	CONN_HEADER,  /* the proxy has not said yet whose it is */
	CONN_SNIFF,   /* nothing has come yet */
	CONN_READ,    /* handshake, then the request */
	CONN_APP,     /* an application has yet to say something */
	CONN_SEARCH,  /* the search process has not answered yet */
	CONN_FILE,    /* the file that is sent is yet to be opened */
	CONN_ANSWER,  /* the answer is on its way */
	CONN_CLOSING, /* all is sent; what still comes is dropped */
	CONN_DEAD,    /* to be freed at the end of this turn */
	CONN_STATES
};

/* Durations; one queue of deadlines each. */
enum {
	LIMIT_REQUEST, /* from accept to the end of the request */
	LIMIT_APP,     /* no answer, or no more of it, of an application */
	LIMIT_SEARCH,  /* no answer of the search process */
	LIMIT_FILE,    /* nobody opens the file */
	LIMIT_IDLE,    /* no byte taken by the client */
	LIMIT_PATIENT, /* the same, of one who has taken some late */
	LIMIT_LINGER,  /* the client does not close */
	LIMIT_NONE
};

struct conn {
	struct event event;
	struct deadline deadline;
	struct conns *all;
	const struct listener *listener;
	enum conn_state state;
	unsigned ticket; /* for limits_leave */
	struct stream stream;

	/* The request, or the proxy's header, in pieces; owned. */
	char *partial;
	size_t partial_len;

	/* The answer: what is left of it. */
	struct reply reply;
	struct relay *relay; /* where more of it comes from, or NULL; owned */
	struct search_wait *wait; /* for what is found, or NULL; owned */
	struct view left;
	struct content_hold *hold; /* of the answer's span, or NULL; owned */
	struct file_use *file;     /* what rest is read from, or NULL; owned */
	off_t file_offset, file_left;
	struct timespec file_mtime;

	bool fragile; /* a reset follows if this process dies now */
	bool greeted; /* the handshake is over, and counted */
	bool cut;     /* the end shall be a reset, not an end in good order */
	bool looked;  /* a deadline of the answer has passed */
	bool takes;   /* some of the answer was taken late, so it is read */
	int unsent;   /* bytes the peer had not taken when we last looked */
	int64_t accepted_us, taken_ms;
	uint64_t bytes; /* of the answer, sent */
	char *log;      /* start of the log line, if it has to wait; owned */
	unsigned char addr[sizeof(struct in6_addr)];
	sa_family_t family;
};

struct conns {
	struct event_base *base;
	const struct conf *conf;
	const struct snapshot *snapshot;
	struct tls *tls;
	struct limits *limits;
	struct upstreams *upstreams;
	struct search_client *search;
	struct hash_seed seed; /* of addresses, for the search process */
	struct files *files;
	struct limits_rules rules;
	struct deadlines deadlines;
	struct event *timer;
	int64_t timer_ms; /* when it fires, while it is set */
	struct stream_scratch scratch;
	char line[GEMINI_REQUEST_MAX > GOPHER_REQUEST_MAX ? GEMINI_REQUEST_MAX
							  : GOPHER_REQUEST_MAX];
	struct buf log;
	int64_t warned_ms; /* of a proxy without header; 0: never */
	size_t n;
	void (*done)(void *);
	void *done_arg;
};

/* Each does what its state can do now; true: the state changed, go on. */
static bool read_header(struct conn *c);
static bool sniff(struct conn *c);
static bool read_request(struct conn *c);
static bool read_app(struct conn *c);
static bool await_results(struct conn *c);
static bool take_file(struct conn *c);
static bool write_answer(struct conn *c);
static bool linger(struct conn *c);

#define TO(s) (1u << (s))

/* One row per state: where it may go, how long it may last, what it does. */
static const struct {
	const char *name;
	unsigned next;
	unsigned limit;
	bool (*step)(struct conn *);
} rules[CONN_STATES] = {
	[CONN_HEADER] = { "introducing", TO(CONN_SNIFF) | TO(CONN_DEAD),
	    LIMIT_REQUEST, read_header },
	[CONN_SNIFF] = { "waiting", TO(CONN_READ) | TO(CONN_DEAD),
	    LIMIT_REQUEST, sniff },
	[CONN_READ] = { "reading",
	    TO(CONN_APP) | TO(CONN_SEARCH) | TO(CONN_FILE) | TO(CONN_ANSWER) |
		TO(CONN_CLOSING) | TO(CONN_DEAD),
	    LIMIT_REQUEST, read_request },
	[CONN_APP] = { "asking", TO(CONN_ANSWER) | TO(CONN_DEAD), LIMIT_APP,
	    read_app },
	[CONN_SEARCH] = { "searching", TO(CONN_ANSWER) | TO(CONN_DEAD),
	    LIMIT_SEARCH, await_results },
	[CONN_FILE] = { "opening", TO(CONN_ANSWER) | TO(CONN_DEAD), LIMIT_FILE,
	    take_file },
	[CONN_ANSWER] = { "answering",
	    TO(CONN_APP) | TO(CONN_CLOSING) | TO(CONN_DEAD), LIMIT_IDLE,
	    write_answer },
	[CONN_CLOSING] = { "closing", TO(CONN_DEAD), LIMIT_LINGER, linger },
	[CONN_DEAD] = { "dead", 0, LIMIT_NONE, NULL },
};

static void arm_timer(struct conns *cs);

_Static_assert(CONN_STATES <= METRICS_STATES, "every state is counted");

const char *
conns_state_name(unsigned state)
{
	return state < CONN_DEAD ? rules[state].name : NULL;
}

static void
move(struct conn *c, enum conn_state to)
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
	metrics_moved(c->state, to == CONN_DEAD ? METRICS_STATES : to);
	c->state = to;
}

/* -- the log -- */

static void
put_address(struct buf *to, const struct conn *c)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char addr[sizeof(c->addr)];
	enum conf_address how = c->all->conf->addresses;
	/* /24 and /48 are kept: a neighbourhood, not a person. */
	size_t kept = c->family == AF_INET ? 3 : 6;

	memcpy(addr, c->addr, sizeof(addr));
	if (how == CONF_ADDRESS_TRUNCATED)
		memset(addr + kept, 0, sizeof(addr) - kept);
	if (c->family == AF_UNIX && how != CONF_ADDRESS_NONE)
		buf_puts(to, "unix");
	else if (how == CONF_ADDRESS_NONE ||
	    inet_ntop(c->family, addr, text, sizeof(text)) == NULL)
		buf_putc(to, '-');
	else
		buf_puts(to, text);
}

/*
 * The part of the line that is known when the answer is.  A certificate that
 * was shown but not looked at is nobody's business.
 */
static void
begin_log(struct conn *c, const struct peer_certificate *shown)
{
	struct buf *log = &c->all->log;
	struct view host = c->reply.host;
	size_t i;

	buf_reset(log);
	buf_printf(log, "proto=%s from=", c->listener->protocol->name);
	put_address(log, c);
	buf_puts(log, " host=");
	if (host.len == 0)
		buf_putc(log, '-');
	log_escape(log, host, LOGGED_MAX);
	buf_puts(log, " selector=\"");
	log_escape(log, c->reply.selector, LOGGED_MAX);
	buf_printf(log, "\" status=%d", c->reply.answer.status);
	if (shown != NULL && c->reply.identified) {
		buf_puts(log, " client=");
		for (i = 0; i < LOGGED_HASH; i++)
			buf_printf(log, "%02x", shown->sha256[i]);
	}
}

/* The line was begun before the application said what the status is. */
static void
amend_log(struct conn *c)
{
	char *at = c->log == NULL ? NULL : strstr(c->log, "\" status=");
	int status = c->reply.answer.status;

	if (at == NULL)
		return;
	at += strlen("\" status=");
	at[0] = (char)('0' + status / 10);
	at[1] = (char)('0' + status % 10);
}

/* end is NULL for an answer that left whole, else why it did not. */
static void
end_log(struct conn *c, const char *end)
{
	struct buf *log = &c->all->log;
	const char *version = stream_tls_version(&c->stream);
	int64_t us = clock_us() - c->accepted_us;

	metrics_answered(c->listener->kind, c->reply.answer.status, c->bytes,
	    us);
	if (end != NULL)
		metrics_count(METRICS_CUT, 1);
	if (!log_access_is_on())
		return;
	if (c->log != NULL) {
		buf_reset(log);
		buf_puts(log, c->log);
	}
	buf_printf(log, " bytes=%llu ms=%lld tls=%s resumed=%d",
	    (unsigned long long)c->bytes, (long long)us / 1000,
	    version[0] == '\0' ? "-" : version, stream_is_resumed(&c->stream));
	if (end != NULL)
		buf_printf(log, " end=%s", end);
	if (!log->failed)
		log_access(buf_view(log));
	free(c->log);
	c->log = NULL;
}

/* The answer has to wait: what the log will say of it waits with it. */
static bool
keep_log(struct conn *c)
{
	if (c->log == NULL && log_access_is_on()) {
		buf_putc(&c->all->log, '\0');
		c->log = strdup(c->all->log.p);
		return c->log != NULL;
	}
	return true;
}

/* -- waiting -- */

static void on_event(evutil_socket_t fd, short what, void *arg);

static bool
watch(struct conn *c, short what)
{
	bool set = event_initialized(&c->event);

	if (set && event_get_events(&c->event) == what)
		return false;
	if (set)
		(void)event_del(&c->event);
	event_assign(&c->event, c->all->base, c->stream.fd, what, on_event, c);
	if (event_add(&c->event, NULL) == -1)
		move(c, CONN_DEAD);
	return false;
}

/* Wait until the socket can be read or written, as result asks. */
static bool
wait_for(struct conn *c, enum stream_result result)
{
	return watch(c,
	    EV_PERSIST | (result == STREAM_WAIT_WRITE ? EV_WRITE : EV_READ));
}

/* -- the states -- */

/* What an operator finds in no other way: nothing is answered and logged. */
static void
tell_bad_header(struct conn *c)
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
introduce(struct conn *c, const struct proxyhdr *h)
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
keep_header(struct conn *c, struct view in)
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

static bool
read_header(struct conn *c)
{
	struct view kept = { c->partial, c->partial_len }, in;
	enum stream_result r = stream_peek(&c->stream, kept, &in);
	enum proxyhdr_parse parsed = PROXYHDR_BAD;
	struct proxyhdr h;

	if (r == STREAM_WAIT_READ)
		return wait_for(c, r);
	if (r == STREAM_DONE) {
		parsed = proxyhdr_parse(in, &h);
		if (parsed == PROXYHDR_MORE && keep_header(c, in))
			return wait_for(c, STREAM_WAIT_READ);
		if (parsed == PROXYHDR_BAD)
			tell_bad_header(c);
	}
	if (parsed == PROXYHDR_OK && introduce(c, &h)) {
		stream_skip(&c->stream, h.len);
		move(c, CONN_SNIFF);
	} else
		move(c, CONN_DEAD);
	return true;
}

/* What a connection that begins with this byte travels over, or NULL. */
static const struct transport *
transport_of(const struct listener *l, unsigned char first)
{
	if (first == TLS_HANDSHAKE)
		return l->tls ? &stream_tls : NULL;
	return l->clear ? &stream_plain : NULL;
}

static bool
sniff(struct conn *c)
{
	const struct transport *transport = NULL;
	unsigned char first;
	enum stream_result r = stream_sniff(&c->stream, &first);

	if (r == STREAM_WAIT_READ)
		return wait_for(c, r);
	if (r == STREAM_DONE) {
		stream_note_wait(&c->stream, clock_us() - c->accepted_us);
		transport = transport_of(c->listener, first);
	}
	/* Whom we do not understand we do not answer, not with one byte. */
	if (transport == NULL ||
	    stream_start(&c->stream, transport, c->all->tls) != STREAM_DONE) {
		move(c, CONN_DEAD);
		return true;
	}
	c->greeted = !stream_is_encrypted(&c->stream); /* nothing to count */
	move(c, CONN_READ);
	return true;
}

/*
 * While there is more to send than the kernel takes, the death of this process
 * shall not look like the end of the answer: with on, a reset follows it.
 */
static void
break_with_us(struct conn *c, bool on)
{
	struct linger how = { .l_onoff = on, .l_linger = 0 };

	if (c->fragile != on &&
	    setsockopt(c->stream.fd, SOL_SOCKET, SO_LINGER, &how,
		sizeof(how)) == 0)
		c->fragile = on;
}

/* True if all that is left of the answer, and of its file, can leave at once.
 */
static bool
is_in_one(const struct conn *c)
{
	return c->file_left <= STREAM_CHUNK - (off_t)c->left.len;
}

static void on_app(void *arg);

/* What only applications are told of a peer. */
static void
describe(const struct peer *peer, struct peer_details *to)
{
	const struct conn *c = peer->arg;

	if (inet_ntop(c->family, c->addr, to->address, sizeof(to->address)) ==
	    NULL)
		to->address[0] = '\0';
	to->tls_version = stream_tls_version(&c->stream);
	to->tls_cipher = stream_tls_cipher(&c->stream);
}

/* The request is for an application: put the question to it. */
static bool
ask_app(struct conn *c)
{
	c->relay = relay_new(c->all->upstreams, c->listener->protocol,
	    &c->reply, (size_t)c->all->conf->application_max, on_app, c);
	if (c->relay == NULL || !keep_log(c))
		return false;
	break_with_us(c, true);
	return true;
}

static void on_found(void *arg, const struct search_found *found);

/* A number for the client's address: those of a network of 64 bits are one. */
static uint32_t
number_of(const struct conn *c)
{
	size_t len = c->family == AF_INET ? 4 : c->family == AF_INET6 ? 8 : 0;

	return (uint32_t)hash_bytes((struct view){ (const char *)c->addr, len },
	    c->all->seed);
}

/* Words have to be looked for: have it done; false if nobody can. */
static bool
ask_search(struct conn *c)
{
	struct search_query *q = &c->reply.search->query;
	struct search_found none = { .n = 0 };
	enum search_end end;

	q->from = number_of(c);
	c->wait = search_client_ask(c->all->search, q, on_found, c, &end);
	if (c->wait != NULL)
		return true;
	none.end = end;
	c->listener->protocol->found(&none, &c->reply);
	return false;
}

/*
 * The answer goes on in a file.  One that may change is sent as it is now: it
 * may have grown since it was loaded.
 */
static void
begin_file(struct conn *c)
{
	const struct span *rest = &c->reply.answer.rest;
	struct stat st;

	c->file_offset = rest->offset;
	if (rest->fixed)
		c->file_left = rest->size;
	else if (fstat(rest->fd, &st) == 0) {
		c->file_mtime = st.st_mtim;
		if (st.st_size > rest->offset)
			c->file_left = st.st_size - rest->offset;
	}
	if (!is_in_one(c))
		break_with_us(c, true);
}

static void on_file(void *arg);

/* The file is not to be had: say so instead. */
static void
refuse_file(struct conn *c)
{
	c->listener->protocol->refuse(ANSWER_CLOSED, &c->reply);
	c->left = c->reply.answer.bytes;
	amend_log(c);
	file_use_free(c->file);
	c->file = NULL;
}

/* It is open: c->file holds it, and not the content. */
static void
send_opened(struct conn *c, int fd)
{
	c->reply.content = NULL;
	c->reply.answer.rest.fd = fd;
	begin_file(c);
}

/* The answer goes on in a large file, which others have to open. */
static void
ask_for_file(struct conn *c)
{
	int fd = FILE_FAILED;

	c->file = files_use(c->all->files, &c->reply.file, on_file, c);
	if (c->file != NULL)
		fd = file_use_fd(c->file);
	if (fd == FILE_ASKED && keep_log(c)) {
		move(c, CONN_FILE);
		return;
	}
	if (fd < 0)
		refuse_file(c);
	else
		send_opened(c, fd);
	move(c, CONN_ANSWER);
}

/* Decide what is answered to the request in. */
static void
answer(struct conn *c, struct view in)
{
	struct peer_certificate shown;
	struct peer peer = {
		.sni = view_of(c->stream.sni),
		.port = c->listener->port,
		.site = c->listener->site,
		.tls = stream_is_encrypted(&c->stream),
		.too_fast = !limits_take(c->all->limits, &c->all->rules,
		    c->ticket, clock_ms()),
		.describe = describe,
		.arg = c,
	};

	if (peer.too_fast)
		metrics_count(METRICS_SLOWED, 1);
	if (stream_certificate(&c->stream, &shown))
		peer.certificate = &shown;
	buf_init(&c->reply.dynamic, STREAM_CHUNK);
	c->listener->protocol->answer(c->all->snapshot, &peer, in, &c->reply);
	if (c->reply.search != NULL)
		(void)ask_search(c);
	c->left = c->reply.answer.bytes;
	if (c->reply.answer.rest.size > 0 && c->reply.answer.rest.fd != -1)
		begin_file(c);
	if (log_access_is_on())
		begin_log(c, peer.certificate);
	if (c->reply.answer.rest.size > 0 && c->reply.answer.rest.fd == -1)
		ask_for_file(c);
	else if (c->reply.app != NULL)
		move(c, ask_app(c) ? CONN_APP : CONN_DEAD);
	else if (c->wait != NULL) {
		break_with_us(c, true);
		move(c, keep_log(c) ? CONN_SEARCH : CONN_DEAD);
	} else
		move(c, CONN_ANSWER);
}

/* Remember the pieces of a request; false without memory. */
static bool
keep_partial(struct conn *c, struct view in)
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
tell_failure(struct conn *c, enum stream_result result)
{
	const char *why = stream_failure(result);
	struct buf *from = &c->all->log;

	metrics_count(METRICS_HANDSHAKE_BROKE, 1);
	if (!log_is_on(LOG_LEVEL_DEBUG))
		return;
	buf_reset(from);
	put_address(from, c);
	log_debug("fd %d: no handshake with %.*s: %s", c->stream.fd,
	    VIEW_ARG(buf_view(from)), why);
}

/*
 * A handshake that failed leaves an alert behind that says why: linger, so
 * that no reset destroys it.
 */
static void
give_up(struct conn *c, enum stream_result result)
{
	bool alerted = !c->stream.refused && !stream_is_ready(&c->stream);

	if (alerted)
		tell_failure(c, result);
	if (alerted && shutdown(c->stream.fd, SHUT_WR) == 0)
		move(c, CONN_CLOSING);
	else
		move(c, CONN_DEAD);
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

/* Count a handshake that has come to its end, once. */
static void
greet(struct conn *c)
{
	if (c->greeted || !stream_is_ready(&c->stream))
		return;
	c->greeted = true;
	metrics_handshake(stream_tls_version(&c->stream)[2] == '3',
	    stream_is_resumed(&c->stream));
}

static bool
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
		greet(c);
		if (r == STREAM_WAIT_READ || r == STREAM_WAIT_WRITE)
			return wait_for(c, r);
		if (r != STREAM_DONE) {
			give_up(c, r);
			return true;
		}
		c->partial_len += n;
		in = (struct view){ line, c->partial_len };
		if (proto->is_ready(in)) {
			answer(c, in);
			return true;
		}
		if (!keep_partial(c, in)) {
			move(c, CONN_DEAD);
			return true;
		}
	} while (stream_has_input(&c->stream));
	return wait_for(c, STREAM_WAIT_READ);
}

/* Send what r found in the relay. */
static bool
pass_on(struct conn *c, enum relay_result r)
{
	amend_log(c);
	if (r == RELAY_CUT) {
		end_log(c, "broken");
		move(c, CONN_DEAD);
		return true;
	}
	c->left = c->reply.answer.bytes;
	if (r == RELAY_DONE) {
		relay_free(c->relay);
		c->relay = NULL;
	}
	move(c, CONN_ANSWER);
	return true;
}

/*
 * While somebody else works for it: is anybody left to hear it?  In the clear
 * an end may be all that the client wanted to say, as of "nc -N"; over TLS
 * nobody does that, it is gone.
 */
static bool
await_client(struct conn *c)
{
	enum stream_result r = stream_drain(&c->stream);

	if (r == STREAM_WAIT_READ)
		return wait_for(c, r);
	/* The end stays readable; only what comes after it shall wake us. */
	if (r == STREAM_END && !stream_is_encrypted(&c->stream))
		return watch(c, EV_PERSIST | EV_READ | EV_ET);
	end_log(c, "gone");
	move(c, CONN_DEAD);
	return true;
}

static bool
take_file(struct conn *c)
{
	int fd = file_use_fd(c->file);

	if (fd == FILE_ASKED)
		return await_client(c);
	if (fd == FILE_FAILED)
		refuse_file(c);
	else
		send_opened(c, fd);
	move(c, CONN_ANSWER);
	return true;
}

static bool
read_app(struct conn *c)
{
	enum relay_result r = relay_read(c->relay);

	return r == RELAY_WAIT ? await_client(c) : pass_on(c, r);
}

static bool
await_results(struct conn *c)
{
	return await_client(c);
}

/* True if the file is as it was when its answer began. */
static bool
is_unchanged(const struct conn *c)
{
	struct stat st;

	return fstat(c->reply.answer.rest.fd, &st) == 0 &&
	    st.st_mtim.tv_sec == c->file_mtime.tv_sec &&
	    st.st_mtim.tv_nsec == c->file_mtime.tv_nsec;
}

/*
 * How much of a file to send now, of most.  Half a chunk at least is left for
 * the end: that comes after a look at the file.
 */
static size_t
portion(off_t left, size_t most)
{
	if (left <= STREAM_CHUNK)
		return (size_t)left;
	left -= STREAM_CHUNK / 2;
	return left < (off_t)most ? (size_t)left : most;
}

/*
 * Send more of the file, and what is left of the bytes before it.  The last
 * chunk of a file that may change waits for a look at its time: what changed
 * meanwhile may not end as if it were whole.
 */
static enum stream_result
write_file(struct conn *c)
{
	const struct span *rest = &c->reply.answer.rest;
	bool last = c->file_left <= STREAM_CHUNK;
	enum stream_result r;
	size_t n, before;

	if (last && !rest->fixed && !is_unchanged(c))
		return STREAM_BROKEN;
	r = stream_write_file(&c->stream, c->left, rest->fd, c->file_offset,
	    portion(c->file_left, stream_turn(&c->stream)), last, &n);
	before = n < c->left.len ? n : c->left.len;
	c->left = view_skip(c->left, before);
	c->file_offset += (off_t)(n - before);
	c->file_left -= (off_t)(n - before);
	c->bytes += n;
	return r;
}

static enum stream_result
write_bytes(struct conn *c)
{
	size_t most = stream_turn(&c->stream), n;
	struct view now = { c->left.p,
		c->left.len < most ? c->left.len : most };
	bool last = c->reply.answer.rest.size == 0 && c->relay == NULL &&
	    now.len == c->left.len;
	enum stream_result r;

	r = stream_write(&c->stream, now, last, &n);
	c->left = view_skip(c->left, n);
	c->bytes += n;
	return r;
}

/* Send what a turn may take of the answer; WAIT_WRITE if that is not all. */
static enum stream_result
write_turn(struct conn *c)
{
	uint64_t end = c->bytes + stream_turn(&c->stream);
	bool has_file = c->reply.answer.rest.size > 0, more;
	enum stream_result r;

	do {
		if (!has_file || (c->left.len > 0 && !is_in_one(c))) {
			r = write_bytes(c);
			more = c->left.len > 0 || has_file;
		} else {
			more = c->file_left > STREAM_CHUNK;
			r = write_file(c);
		}
	} while (r == STREAM_DONE && more && c->bytes < end);
	/* The socket can be written: the next turn of the loop says so. */
	return r == STREAM_DONE && more ? STREAM_WAIT_WRITE : r;
}

/* When the deadline of c was set: so long ago somebody last looked at it. */
static int64_t
looked_ms(const struct conn *c)
{
	return c->deadline.at_ms -
	    c->all->deadlines.duration_ms[c->deadline.kind];
}

/* The socket is full: wait until the reader has taken some. */
static void
wait_for_reader(struct conn *c)
{
	c->unsent = os_unsent(c->stream.fd);
	deadline_set(&c->all->deadlines, &c->deadline,
	    c->takes ? LIMIT_PATIENT : LIMIT_IDLE, clock_ms());
}

/* There will be another turn: the span's file may not be closed meanwhile. */
static void
hold_span(struct conn *c)
{
	if (c->hold == NULL && c->reply.content != NULL)
		c->hold =
		    content_hold(c->reply.content, c->reply.answer.rest.fd);
}

static bool
write_answer(struct conn *c)
{
	enum stream_result r = write_turn(c);

	if (r == STREAM_DONE && c->relay != NULL) {
		move(c, CONN_APP);
		return true;
	}
	if (r == STREAM_DONE) {
		break_with_us(c, false);
		end_log(c, NULL);
		move(c, CONN_CLOSING);
		/* The client has yet to get it: what it says to that comes. */
		return wait_for(c, STREAM_WAIT_READ);
	}
	if (r == STREAM_WAIT_WRITE && keep_log(c)) {
		hold_span(c);
		/* A socket that can be written again has had bytes taken; so
		 * late it was not the kernel that took them. */
		if (clock_ms() - looked_ms(c) >= CONN_YOUNG_MS)
			c->takes = true;
		wait_for_reader(c);
		break_with_us(c, true);
		return wait_for(c, r);
	}
	end_log(c, "broken");
	move(c, CONN_DEAD);
	return true;
}

/* True while the peer may yet take what the kernel holds for it. */
static bool
is_owed(const struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return os_unsent(c->stream.fd) > 0 &&
	    getsockopt(c->stream.fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	    error == 0;
}

static bool
linger(struct conn *c)
{
	enum stream_result r = stream_drain(&c->stream);

	if (r == STREAM_WAIT_READ)
		return wait_for(c, r);
	/*
	 * It will say no more, but has not taken all.  Closed now, the rest
	 * would be the kernel's to keep, uncounted and for minutes: let the
	 * deadline see how it goes on.  The end itself stays readable; only
	 * what comes after it, a reset, shall wake us.
	 */
	if (r == STREAM_END && is_owed(c))
		return watch(c, EV_PERSIST | EV_READ | EV_ET);
	move(c, CONN_DEAD);
	return true;
}

/* -- beginning and end -- */

static void
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
	free(c->log);
	free(c);
	if (--cs->n == 0 && cs->done != NULL)
		arm_timer(cs);
}

/* Let c do all it can now; the only place where connections are freed. */
static void
settle(struct conn *c)
{
	while (c->state != CONN_DEAD && rules[c->state].step(c))
		;
	if (c->state == CONN_DEAD)
		conn_free(c);
	else
		arm_timer(c->all);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	settle(arg);
}

/* The application may have more to say. */
static void
on_app(void *arg)
{
	settle(arg);
}

/* The search is over: found is not trusted, and NULL if nobody has looked. */
static void
take_results(struct conn *c, const struct search_found *found)
{
	c->wait = NULL;
	c->listener->protocol->found(found, &c->reply);
	c->left = c->reply.answer.bytes;
	amend_log(c);
	move(c, CONN_ANSWER);
	settle(c);
}

static void
on_found(void *arg, const struct search_found *found)
{
	take_results(arg, found);
}

/* The file is open, or will not be. */
static void
on_file(void *arg)
{
	settle(arg);
}

bool
conns_have_room(struct conns *cs)
{
	return limits_have_room(cs->limits, &cs->rules);
}

/* The 4 or 16 bytes of an address. */
static const void *
bytes_of(const struct sockaddr *from)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;

	return from->sa_family == AF_INET ? (const void *)&in->sin_addr
					  : (const void *)&in6->sin6_addr;
}

static void
remember_address(struct conn *c, const struct sockaddr *from)
{
	c->family = from->sa_family;
	if (c->family != AF_UNIX)
		memcpy(c->addr, bytes_of(from), c->family == AF_INET ? 4 : 16);
}

/* True if the peer has to say first whom it brings. */
static bool
is_proxy(const struct listener *l, const struct sockaddr *from)
{
	size_t i;

	for (i = 0; i < l->proxies->n; i++)
		if (cidr_has(&l->proxies->v[i], from->sa_family,
			bytes_of(from)))
			return true;
	return false;
}

bool
conns_add(struct conns *cs, const struct listener *l, int fd,
    const struct sockaddr *from)
{
	bool proxied = is_proxy(l, from);
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
	c->state = proxied ? CONN_HEADER : CONN_SNIFF;
	metrics_moved(METRICS_STATES, c->state);
	c->accepted_us = now_us;
	remember_address(c, from);
	stream_init(&c->stream, &cs->scratch, fd);
	deadline_set(&cs->deadlines, &c->deadline, LIMIT_REQUEST,
	    now_us / 1000);
	cs->n++;
	settle(c);
	return true;
}

/* -- deadlines -- */

/*
 * True if the peer has taken bytes since we last looked, or may have: what
 * the kernel holds for a slow reader is progress, too.
 */
static bool
is_taking(struct conn *c)
{
	int unsent = os_unsent(c->stream.fd);
	bool taking = unsent >= 0 && unsent < c->unsent;

	c->unsent = unsent;
	return taking;
}

/*
 * See whether the peer is taking its answer.  What it took by the first look
 * may be what its kernel took.
 */
static bool
look_at_reader(struct conn *c)
{
	bool taking = is_taking(c);

	c->takes = c->takes || (taking && c->looked);
	c->looked = true;
	return taking;
}

/* The deadline of c has passed; true if it gets another. */
static bool
is_excused(struct conn *c, int64_t now)
{
	int64_t most = c->all->deadlines.duration_ms[LIMIT_IDLE];

	if (c->state == CONN_ANSWER)
		return look_at_reader(c);
	if (c->state != CONN_CLOSING)
		return false;
	/* While the answer is still on its way the linger has not begun. */
	if (look_at_reader(c) || c->taken_ms == 0)
		c->taken_ms = now;
	if (c->takes)
		most = c->all->deadlines.duration_ms[LIMIT_PATIENT];
	return c->unsent > 0 && now - c->taken_ms < most;
}

/*
 * The application's time is over: as long as nothing was sent the client is
 * told so.
 */
static void
expire_app(struct conn *c)
{
	enum relay_result r = relay_expire(c->relay);

	if (r == RELAY_DONE)
		(void)pass_on(c, r);
	else {
		end_log(c, "timeout");
		move(c, CONN_DEAD);
	}
	settle(c);
}

static void
expire_file(struct conn *c)
{
	refuse_file(c);
	move(c, CONN_ANSWER);
	settle(c);
}

/* End c, which waits, at once. */
static void
end_early(struct conn *c, const char *why)
{
	if (c->state == CONN_ANSWER)
		end_log(c, why);
	/* The kernel would go on for minutes with what is never taken. */
	c->cut = c->state == CONN_CLOSING && os_unsent(c->stream.fd) > 0;
	move(c, CONN_DEAD);
	conn_free(c);
}

static void
expire(struct conn *c, int64_t now)
{
	if (is_excused(c, now)) {
		deadline_set(&c->all->deadlines, &c->deadline,
		    c->state == CONN_ANSWER && c->takes ? LIMIT_PATIENT
							: rules[c->state].limit,
		    now);
		return;
	}
	metrics_expired(c->state);
	log_debug("fd %d: %s for too long", c->stream.fd, rules[c->state].name);
	if (c->state == CONN_APP)
		expire_app(c);
	else if (c->state == CONN_SEARCH) {
		search_client_cancel(c->wait);
		take_results(c, NULL);
	} else if (c->state == CONN_FILE)
		expire_file(c);
	else
		end_early(c, "timeout");
}

static struct conn *
conn_of(struct deadline *d)
{
	return (void *)((char *)d - offsetof(struct conn, deadline));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conns *cs = arg;
	int64_t now = clock_ms();
	struct deadline *d;
	int i;

	(void)fd;
	(void)what;
	/* Those who came together end together; others have their turn. */
	for (i = 0; i < CONN_EXPIRED_MAX &&
	     (d = deadlines_expired(&cs->deadlines, now)) != NULL;
	     i++)
		expire(conn_of(d), now);
	if (cs->n == 0 && cs->done != NULL)
		cs->done(cs->done_arg);
	else
		arm_timer(cs);
}

/* One timer for all: it is set, if it is not, for the earliest deadline. */
static void
arm_timer(struct conns *cs)
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

/* -- room for others -- */

/*
 * Bytes a second that the reader c took since it was last looked at; INT64_MAX
 * if that cannot be told yet, or if it has nothing to take.
 */
static int64_t
speed_of(const struct conn *c, int64_t now)
{
	int64_t ms = now - looked_ms(c);
	int unsent = os_unsent(c->stream.fd);

	if (ms < CONN_YOUNG_MS || (c->state == CONN_CLOSING && unsent <= 0))
		return INT64_MAX;
	return unsent < c->unsent ? (c->unsent - unsent) * INT64_C(1000) / ms
				  : 0;
}

/* The slowest of those in this queue who were left alone for longest. */
static void
find_slowest(struct conns *cs, unsigned limit, int64_t now, int64_t *least,
    struct conn **slowest)
{
	struct deadline *d = cs->deadlines.first[limit];
	int64_t speed;
	int i;

	for (i = 0; d != NULL && i < CONN_LOOKS; i++, d = d->next) {
		speed = speed_of(conn_of(d), now);
		if (speed < *least) {
			*least = speed;
			*slowest = conn_of(d);
		}
	}
}

bool
conns_make_room(struct conns *cs)
{
	struct deadline *oldest = cs->deadlines.first[LIMIT_REQUEST];
	int64_t now = clock_ms(), least = CONN_SLOW;
	struct conn *c = NULL;

	if (oldest != NULL && now - looked_ms(conn_of(oldest)) >= CONN_YOUNG_MS)
		c = conn_of(oldest);
	else {
		find_slowest(cs, LIMIT_IDLE, now, &least, &c);
		find_slowest(cs, LIMIT_PATIENT, now, &least, &c);
		find_slowest(cs, LIMIT_LINGER, now, &least, &c);
	}
	if (c == NULL)
		return false;
	log_debug("fd %d: %s, and has to go for another", c->stream.fd,
	    rules[c->state].name);
	metrics_count(METRICS_FULL, 1);
	metrics_expired(c->state);
	end_early(c, "room");
	return true;
}

struct conns *
conns_new(struct event_base *base, const struct conf *conf,
    const struct snapshot *snapshot, struct tls *tls, struct limits *limits,
    struct upstreams *upstreams, struct search_client *search,
    struct files *files)
{
	struct conns *cs = xcalloc(1, sizeof(*cs));

	cs->base = base;
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
	cs->deadlines.duration_ms[LIMIT_REQUEST] = conf->request_timeout_ms;
	cs->deadlines.duration_ms[LIMIT_APP] = conf->application_timeout_ms;
	cs->deadlines.duration_ms[LIMIT_SEARCH] = CONN_SEARCH_MS;
	cs->deadlines.duration_ms[LIMIT_FILE] = CONN_FILE_MS;
	cs->deadlines.duration_ms[LIMIT_IDLE] = conf->idle_timeout_ms;
	cs->deadlines.duration_ms[LIMIT_PATIENT] =
	    (int64_t)conf->idle_timeout_ms * CONN_PATIENCE;
	cs->deadlines.duration_ms[LIMIT_LINGER] = CONN_LINGER_MS;
	cs->timer = evtimer_new(base, on_timer, cs);
	if (cs->timer == NULL)
		mem_exhausted(sizeof(struct event));
	buf_init(&cs->log, LOG_MAX);
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
		arm_timer(cs);
}
