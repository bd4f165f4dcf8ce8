/*
 * upstream.c - the client of FastCGI and SCGI servers.
 *
 * Floor net; relay.c asks, and looks at what comes.  Bytes are taken from the
 * server only when they are asked for, so a slow reader slows its application
 * down instead of filling our memory.
 *
 * The way to a socket is queued twice: UPSTREAM_DIALS_MAX dials at most are on
 * their way to the master, so that it can always answer without waiting for
 * us; the others stay in a list here, as do those whose server was busy.
 */
#include "net/upstream.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/quota.h"
#include "format/cgi.h"

#define QUESTION_MAX (4 * CGI_ENV_MAX) /* bytes, all records included */
#define STDERR_MAX   512 /* bytes of one complaint that are logged */

struct list {
	struct upstream *first, *last;
};

struct upstream {
	struct upstreams *all;
	const struct target *target;
	struct upstream *next; /* in list */
	struct list *list;     /* NULL: in none */
	int fd;                /* -1: not dialled yet */
	bool down;
	struct event *event;
	struct buf question; /* what has still to be sent, from sent on */
	size_t sent;
	bool asked; /* all of it was taken */
	struct fastcgi fastcgi;
	void (*ready)(void *);
	void *arg;
};

struct upstreams {
	struct event_base *base;
	int (*order)(void *, unsigned);
	void *arg;
	struct list wanting, busy;
	struct event *again; /* for those whose server was busy */
	/* Who asked the master, oldest first; NULL: given up meanwhile. */
	struct upstream *asking[UPSTREAM_DIALS_MAX];
	size_t n_asking;
	bool orphaned;
	int64_t told_ms; /* of a server that hung up; 0: never */
	struct quota complaints;
	struct event *left_out; /* to say how many were too many */
	char in[UPSTREAM_READ_MAX];
};

/* -- lists of those without a socket -- */

static void
append_upstream(struct list *list, struct upstream *u)
{
	u->next = NULL;
	u->list = list;
	if (list->last == NULL)
		list->first = u;
	else
		list->last->next = u;
	list->last = u;
}

static void
take_out(struct upstream *u)
{
	struct upstream **at = &u->list->first, *before = NULL;

	while (*at != u) {
		before = *at;
		at = &before->next;
	}
	*at = u->next;
	if (u->list->last == u)
		u->list->last = before;
	u->list = NULL;
}

static struct upstream *
take_first(struct list *list)
{
	struct upstream *u = list->first;

	if (u != NULL)
		take_out(u);
	return u;
}

/* -- dialling -- */

static void
try_later(struct upstreams *us, struct upstream *u)
{
	struct timeval tv = { 0, (suseconds_t)UPSTREAM_AGAIN_MS * 1000 };

	append_upstream(&us->busy, u);
	if (!evtimer_pending(us->again, NULL))
		(void)evtimer_add(us->again, &tv);
}

static void
dial_wanting(struct upstreams *us)
{
	struct upstream *u;

	while (us->n_asking < UPSTREAM_DIALS_MAX &&
	    (u = take_first(&us->wanting)) != NULL) {
		if (us->order(us->arg, u->target->number) == -1)
			try_later(us, u);
		else
			us->asking[us->n_asking++] = u;
	}
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct upstreams *us = arg;
	struct upstream *u;

	(void)fd;
	(void)what;
	while ((u = take_first(&us->busy)) != NULL)
		append_upstream(&us->wanting, u);
	dial_wanting(us);
}

static void
on_left_out(evutil_socket_t fd, short what, void *arg)
{
	struct upstreams *us = arg;
	unsigned n = quota_take_refused(&us->complaints);

	(void)fd;
	(void)what;
	log_warnx("applications say too much: %u line%s left out", n,
	    n == 1 ? "" : "s");
}

struct upstreams *
upstreams_new(struct event_base *base, int (*order)(void *, unsigned),
    void *arg)
{
	struct upstreams *us = xcalloc(1, sizeof(*us));

	us->base = base;
	us->order = order;
	us->arg = arg;
	us->again = evtimer_new(base, on_again, us);
	us->left_out = evtimer_new(base, on_left_out, us);
	if (us->again == NULL || us->left_out == NULL)
		mem_exhausted(0);
	return us;
}

static struct upstream *
take_oldest(struct upstreams *us)
{
	struct upstream *u = us->asking[0];
	size_t i;

	us->n_asking--;
	for (i = 0; i < us->n_asking; i++)
		us->asking[i] = us->asking[i + 1];
	return u;
}

void
upstreams_dialled(struct upstreams *us, enum dial_result r, int fd)
{
	struct upstream *u = us->n_asking > 0 ? take_oldest(us) : NULL;

	dial_wanting(us);
	if (r == DIAL_OK && fd == -1)
		r = DIAL_BUSY; /* there was no room here for a descriptor */
	if (u == NULL) {       /* the client has gone meanwhile */
		if (fd != -1)
			close(fd);
	} else if (r == DIAL_BUSY)
		try_later(us, u);
	else {
		u->fd = fd;
		u->down = r == DIAL_DOWN;
		u->ready(u->arg);
	}
}

void
upstreams_give_up(struct upstreams *us)
{
	struct upstream *u;

	us->orphaned = true;
	while ((u = take_first(&us->busy)) != NULL)
		append_upstream(&us->wanting, u);
	while (us->n_asking > 0)
		if ((u = take_oldest(us)) != NULL)
			append_upstream(&us->wanting, u);
	while ((u = take_first(&us->wanting)) != NULL) {
		u->down = true;
		u->ready(u->arg);
	}
}

struct upstream *
upstream_new(struct upstreams *us, const struct target *target, struct view env,
    void (*ready)(void *), void *arg)
{
	struct upstream *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->all = us;
	u->target = target;
	u->fd = -1;
	u->ready = ready;
	u->arg = arg;
	buf_init(&u->question, QUESTION_MAX);
	if (target->is_scgi)
		scgi_request_write(&u->question, env);
	else
		fastcgi_request_write(&u->question, env);
	if (u->question.failed) {
		buf_fini(&u->question);
		free(u);
		return NULL;
	}
	u->down = us->orphaned;
	if (!u->down) {
		append_upstream(&us->wanting, u);
		dial_wanting(us);
	}
	return u;
}

void
upstream_free(struct upstream *u)
{
	size_t i;

	if (u == NULL)
		return;
	if (u->list != NULL)
		take_out(u);
	for (i = 0; i < u->all->n_asking; i++)
		if (u->all->asking[i] == u)
			u->all->asking[i] = NULL;
	if (u->event != NULL)
		event_free(u->event);
	if (u->fd != -1)
		close(u->fd);
	buf_fini(&u->question);
	free(u);
}

/* -- waiting -- */

static void
on_upstream_event(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = arg;

	(void)fd;
	(void)what;
	u->ready(u->arg);
}

/* Be ready when the socket can be read, or written while asking. */
static enum upstream_result
wait_for(struct upstream *u, short what)
{
	if (u->event != NULL && event_get_events(u->event) != what) {
		event_free(u->event);
		u->event = NULL;
	}
	if (u->event == NULL)
		u->event =
		    event_new(u->all->base, u->fd, what, on_upstream_event, u);
	/* Once: what is not asked for again is not read. */
	if (u->event == NULL || event_add(u->event, NULL) == -1)
		return UPSTREAM_FAILED;
	return UPSTREAM_WAIT;
}

void
upstream_again(struct upstream *u)
{
	if (u->event != NULL)
		event_active(u->event, EV_READ, 0);
	else
		(void)wait_for(u, EV_READ);
}

bool
upstream_is_asked(const struct upstream *u)
{
	return u->asked;
}

/* -- asking and reading -- */

static bool
is_again(int error)
{
	/* A socket that is not connected yet, on the BSDs: ENOTCONN. */
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR ||
	    error == ENOTCONN;
}

/* Nobody answered at the other end of a TCP connection. */
static enum upstream_result
hung_up(struct upstream *u)
{
	struct upstreams *us = u->all;
	int64_t now = clock_ms();

	if (us->told_ms == 0 || now - us->told_ms >= DIAL_WARN_MS) {
		us->told_ms = now;
		log_warn("cannot ask the application at %s", u->target->name.p);
	}
	return UPSTREAM_DOWN;
}

/* Send what is left of the question; UPSTREAM_MORE when all is sent. */
static enum upstream_result
send_question(struct upstream *u)
{
	ssize_t n;

	while (u->sent < u->question.len) {
		n = os_send(u->fd, u->question.p + u->sent,
		    u->question.len - u->sent, false);
		if (n == -1 && is_again(errno))
			return wait_for(u, EV_WRITE);
		if (n == -1 && u->sent == 0)
			return hung_up(u);
		if (n == -1)
			break; /* it may have answered already */
		u->sent += (size_t)n;
	}
	u->asked = true;
	buf_fini(&u->question);
	return UPSTREAM_MORE;
}

/* May one more line be logged?  Those that may not are counted, and the count
 * is logged within a second. */
static bool
may_complain(struct upstreams *us)
{
	struct timeval second = { 1, 0 };

	if (quota_take(&us->complaints, UPSTREAM_COMPLAINTS_MAX))
		return true;
	if (!evtimer_pending(us->left_out, NULL))
		(void)evtimer_add(us->left_out, &second);
	return false;
}

static void
log_complaint(const struct upstream *u, struct view words)
{
	struct buf line;

	words = view_trim(words);
	if (words.len == 0 || !may_complain(u->all))
		return;
	buf_init(&line, 8 * STDERR_MAX);
	log_escape(&line, words, STDERR_MAX);
	log_warnx("%s says: %.*s", u->target->name.p,
	    VIEW_ARG(buf_view(&line)));
	buf_fini(&line);
}

/* Append what FastCGI's records hold. */
static enum upstream_result
decode_fastcgi(struct upstream *u, struct view in, struct buf *to)
{
	struct view piece;

	for (;;)
		switch (fastcgi_next(&u->fastcgi, &in, &piece)) {
		case FASTCGI_MORE:
			return UPSTREAM_MORE;
		case FASTCGI_STDOUT:
			buf_put(to, piece);
			break;
		case FASTCGI_STDERR:
			log_complaint(u, piece);
			break;
		case FASTCGI_END:
			return UPSTREAM_END;
		case FASTCGI_FAILED:
			log_warnx("%s says that it failed, or has no time",
			    u->target->name.p);
			return UPSTREAM_FAILED;
		case FASTCGI_BAD:
			log_warnx("%s does not speak FastCGI",
			    u->target->name.p);
			return UPSTREAM_FAILED;
		}
}

/* Receive what has come, if anything. */
static enum upstream_result
receive_answer(struct upstream *u, struct buf *to)
{
	struct upstreams *us = u->all;
	ssize_t n = recv(u->fd, us->in, sizeof(us->in), 0);
	struct view in = { us->in, n > 0 ? (size_t)n : 0 };

	if (n > 0 && !u->target->is_scgi)
		return decode_fastcgi(u, in, to);
	if (n > 0) {
		buf_put(to, in);
		return UPSTREAM_MORE;
	}
	if (n == -1 && is_again(errno))
		return wait_for(u, EV_READ);
	/* SCGI's answer ends with the connection, FastCGI's before it. */
	return n == 0 && u->target->is_scgi ? UPSTREAM_END : UPSTREAM_FAILED;
}

enum upstream_result
upstream_read(struct upstream *u, struct buf *to)
{
	enum upstream_result r = UPSTREAM_MORE;

	if (u->down)
		return UPSTREAM_DOWN;
	if (u->fd == -1)
		return UPSTREAM_WAIT;
	if (!u->asked)
		r = send_question(u);
	if (r == UPSTREAM_MORE)
		r = receive_answer(u, to);
	return to->failed ? UPSTREAM_FAILED : r;
}
