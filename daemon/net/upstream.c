/*
 * upstream.c - the client of FastCGI and SCGI servers.
 *
 * Floor net; conn.c asks, and passes on what comes.  Bytes are taken from the
 * server only when the connection asks for them, so a slow reader slows its
 * application down instead of filling our memory.
 */
#include "net/upstream.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "format/cgi.h"

#define REQUEST_MAX (4 * CGI_ENV_MAX) /* bytes, all records included */
#define STDERR_MAX  512               /* bytes of one complaint that are logged */

struct upstream {
	struct upstreams *all;
	const struct upstream_target *target;
	struct upstream *next_dialled; /* in the queue of those without socket */
	int fd;                        /* -1: not dialled yet */
	bool down;                     /* no server, or it hung up on us */
	struct event *event;
	struct buf question; /* what has still to be sent, from sent on */
	size_t sent;
	struct fastcgi fastcgi;
	struct view in; /* received, not yet taken; in the shared memory */
	void (*ready)(void *);
	void *arg;
};

struct upstreams {
	struct event_base *base;
	int (*dial)(void *, unsigned);
	void *arg;
	/* Those that wait for a socket; NULL owner: given up meanwhile. */
	struct upstream **queue;
	size_t n, cap;
	char in[UPSTREAM_PIECE_MAX];
	struct upstream *owner; /* whose bytes are in there */
};

struct upstreams *
upstreams_new(struct event_base *base, int (*dial)(void *, unsigned), void *arg)
{
	struct upstreams *us = xcalloc(1, sizeof(*us));

	us->base = base;
	us->dial = dial;
	us->arg = arg;
	return us;
}

static bool
is_again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = arg;

	(void)fd;
	(void)what;
	u->ready(u->arg);
}

/* Wake the connection when the socket can be read, or written while asking. */
static enum upstream_result
wait_for(struct upstream *u, short what)
{
	if (u->event != NULL && event_get_events(u->event) == what)
		return event_add(u->event, NULL) == 0 ? UPSTREAM_WAIT
						       : UPSTREAM_FAILED;
	if (u->event != NULL)
		event_free(u->event);
	u->event = event_new(u->all->base, u->fd, what, on_event, u);
	if (u->event == NULL || event_add(u->event, NULL) == -1)
		return UPSTREAM_FAILED;
	return UPSTREAM_WAIT;
}

/* -- dialling -- */

static bool
enqueue(struct upstreams *us, struct upstream *u)
{
	struct upstream **queue;
	size_t cap = us->cap == 0 ? 16 : us->cap * 2;

	if (us->n == us->cap) {
		queue = realloc(us->queue, cap * sizeof(struct upstream *));
		if (queue == NULL)
			return false;
		us->queue = queue;
		us->cap = cap;
	}
	us->queue[us->n++] = u;
	return true;
}

void
upstreams_dialled(struct upstreams *us, int fd)
{
	struct upstream *u;
	size_t i;

	if (us->n == 0) { /* nobody asked: the master is confused */
		if (fd != -1)
			close(fd);
		return;
	}
	u = us->queue[0];
	us->n--;
	for (i = 0; i < us->n; i++)
		us->queue[i] = us->queue[i + 1];
	if (u == NULL) { /* the client has gone meanwhile */
		if (fd != -1)
			close(fd);
		return;
	}
	u->fd = fd;
	u->down = fd == -1;
	u->ready(u->arg);
}

struct upstream *
upstream_new(struct upstreams *us, const struct upstream_target *target,
    struct view env, void (*ready)(void *), void *arg)
{
	struct upstream *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->all = us;
	u->target = target;
	u->fd = -1;
	u->ready = ready;
	u->arg = arg;
	buf_init(&u->question, REQUEST_MAX);
	if (target->is_scgi)
		scgi_request_write(&u->question, env);
	else
		fastcgi_request_write(&u->question, env);
	if (u->question.failed || !enqueue(us, u)) {
		buf_fini(&u->question);
		free(u);
		return NULL;
	}
	if (us->dial(us->arg, target->number) == -1) {
		us->n--;
		u->down = true;
	}
	return u;
}

void
upstream_free(struct upstream *u)
{
	size_t i;

	if (u == NULL)
		return;
	for (i = 0; i < u->all->n; i++)
		if (u->all->queue[i] == u)
			u->all->queue[i] = NULL;
	if (u->all->owner == u)
		u->all->owner = NULL;
	if (u->event != NULL)
		event_free(u->event);
	if (u->fd != -1)
		close(u->fd);
	buf_fini(&u->question);
	free(u);
}

/* -- asking and reading -- */

/* Send what is left of the question; UPSTREAM_PIECE when all is sent. */
static enum upstream_result
ask(struct upstream *u)
{
	ssize_t n;

	while (u->sent < u->question.len) {
		n = os_send(u->fd, u->question.p + u->sent,
		    u->question.len - u->sent, false);
		if (n == -1 && is_again(errno))
			return wait_for(u, EV_WRITE);
		if (n == -1 && errno == ENOTCONN)
			return wait_for(u, EV_WRITE);
		if (n == -1)
			return UPSTREAM_DOWN;
		u->sent += (size_t)n;
	}
	return UPSTREAM_PIECE;
}

/* Receive what has come; UPSTREAM_PIECE with it in u->in. */
static enum upstream_result
receive(struct upstream *u)
{
	struct upstreams *us = u->all;
	ssize_t n = recv(u->fd, us->in, sizeof(us->in), 0);

	if (n > 0) {
		us->owner = u;
		u->in = (struct view){ us->in, (size_t)n };
		return UPSTREAM_PIECE;
	}
	if (n == -1 && is_again(errno))
		return wait_for(u, EV_READ);
	/* SCGI's answer ends with the connection, FastCGI's before it. */
	return n == 0 && u->target->is_scgi ? UPSTREAM_END : UPSTREAM_FAILED;
}

static void
log_complaint(const struct upstream *u, struct view words)
{
	struct buf line;

	buf_init(&line, 8 * STDERR_MAX);
	log_escape(&line, view_trim(words), STDERR_MAX);
	log_warnx("%s says: %.*s", u->target->name.p,
	    VIEW_ARG(buf_view(&line)));
	buf_fini(&line);
}

/* The next piece of what was received; UPSTREAM_WAIT: receive more. */
static enum upstream_result
decode(struct upstream *u, struct view *piece)
{
	if (u->target->is_scgi) {
		*piece = u->in;
		u->in = (struct view){ NULL, 0 };
		return piece->len > 0 ? UPSTREAM_PIECE : UPSTREAM_WAIT;
	}
	for (;;)
		switch (fastcgi_next(&u->fastcgi, &u->in, piece)) {
		case FASTCGI_MORE:
			return UPSTREAM_WAIT;
		case FASTCGI_STDOUT:
			return UPSTREAM_PIECE;
		case FASTCGI_STDERR:
			log_complaint(u, *piece);
			continue;
		case FASTCGI_END:
			return UPSTREAM_END;
		default:
			return UPSTREAM_FAILED;
		}
}

enum upstream_result
upstream_read(struct upstream *u, struct view *piece)
{
	enum upstream_result r;

	if (u->down)
		return UPSTREAM_DOWN;
	if (u->fd == -1)
		return UPSTREAM_WAIT;
	if (u->sent < u->question.len && (r = ask(u)) != UPSTREAM_PIECE)
		return r;
	for (;;) {
		r = decode(u, piece);
		if (r != UPSTREAM_WAIT)
			return r;
		r = receive(u);
		if (r != UPSTREAM_PIECE)
			return r;
	}
}
