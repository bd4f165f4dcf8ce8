/*
 * control_server.c - the control socket's clients.
 *
 * Floor process; the master has one.  What is said is read and written by
 * format/control.c, what is done is the master's: this only sees to sockets,
 * deadlines and numbers.  A request a connection, as a shell script wants it.
 */
#include "process/control_server.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/quota.h"
#include "format/control.h"

#define STRANGERS_TOLD_MAX 5 /* a second, in the log */

enum client_state {
	CLIENT_FREE,    /* this place is nobody's */
	CLIENT_ASKING,  /* its line is on its way */
	CLIENT_WAITING, /* for what it had reloaded to be served */
	CLIENT_READING, /* its answer is on its way */
	CLIENT_STAYING  /* until we end: it asked for that */
};

struct client {
	struct control *control;
	enum client_state state;
	int fd;
	struct event *event, *deadline;
	char in[CONTROL_LINE_MAX];
	size_t n_in;
	struct buf out;
	size_t n_out;
	bool stays;
};

struct control {
	struct event_base *base;
	const struct control_calls *calls;
	void *arg;
	const struct control_socket *socket;
	struct event *accepting; /* NULL: there is no socket */
	struct client clients[CONTROL_CLIENTS_MAX];
	size_t n_clients;
	struct quota strangers;
};

static void on_control_client(evutil_socket_t fd, short what, void *arg);
static void on_control_late(evutil_socket_t fd, short what, void *arg);

/* -- clients come and go -- */

static void
end_client(struct client *client)
{
	struct control *c = client->control;

	event_free(client->event);
	event_free(client->deadline);
	close(client->fd);
	buf_fini(&client->out);
	client->state = CLIENT_FREE;
	if (c->n_clients-- == CONTROL_CLIENTS_MAX && c->accepting != NULL)
		(void)event_add(c->accepting, NULL);
}

static void
set_deadline(struct client *client, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };

	/* A reload in between takes as long as it takes. */
	(void)event_base_update_cache_time(client->control->base);
	(void)evtimer_add(client->deadline, &tv);
}

/* Hear of what from now on. */
static void
watch_client(struct client *client, short what)
{
	(void)event_del(client->event);
	(void)event_assign(client->event, client->control->base, client->fd,
	    what | EV_PERSIST, on_control_client, client);
	(void)event_add(client->event, NULL);
}

static void
begin_client(struct control *c, int fd)
{
	struct client *client = c->clients;

	while (client->state != CLIENT_FREE)
		client++;
	*client =
	    (struct client){ .control = c, .state = CLIENT_ASKING, .fd = fd };
	buf_init(&client->out, CONTROL_ANSWER_MAX);
	client->event = event_new(c->base, fd, EV_READ | EV_PERSIST,
	    on_control_client, client);
	client->deadline = evtimer_new(c->base, on_control_late, client);
	if (client->event == NULL || client->deadline == NULL ||
	    event_add(client->event, NULL) == -1)
		mem_exhausted(sizeof(*client));
	set_deadline(client, CONTROL_REQUEST_MS);
	if (++c->n_clients == CONTROL_CLIENTS_MAX)
		(void)event_del(c->accepting);
}

static void
on_control_connect(evutil_socket_t listening, short what, void *arg)
{
	struct control *c = arg;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct os_peer who = { .uid = (uid_t)-1 };
	int fd = os_accept((int)listening, (struct sockaddr *)&from, &len);

	(void)what;
	if (fd == -1)
		return;
	if (os_peer(fd, &who) == 0 && control_socket_admits(c->socket, &who)) {
		begin_client(c, fd);
		return;
	}
	if (quota_take(&c->strangers, STRANGERS_TOLD_MAX))
		log_warnx("control socket: user %ld may not use it",
		    (long)who.uid);
	close(fd);
}

/* -- answers -- */

static bool
may_be_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void
send_control_answer(struct client *client)
{
	ssize_t n = os_send(client->fd, client->out.p + client->n_out,
	    client->out.len - client->n_out, false);

	if (n == -1 && may_be_later(errno))
		return;
	if (n > 0)
		client->n_out += (size_t)n;
	if (n != -1 && client->n_out < client->out.len)
		return;
	if (n == -1 || !client->stays) {
		end_client(client);
		return;
	}
	client->state = CLIENT_STAYING;
	(void)event_del(client->deadline);
	watch_client(client, EV_READ);
}

/* Its last line, and off with it. */
static void
finish_answer(struct client *client, bool done)
{
	if (client->out.failed) { /* too long, or no memory: say that alone */
		buf_fini(&client->out);
		buf_init(&client->out, CONTROL_ANSWER_MAX);
		control_put(&client->out, "problem",
		    VIEW("the answer is too long"));
		done = false;
	}
	control_put_end(&client->out, done);
	client->state = CLIENT_READING;
	set_deadline(client, CONTROL_ANSWER_MS);
	watch_client(client, EV_WRITE);
	send_control_answer(client);
}

static void
refuse_request(struct client *client, const char *why)
{
	control_put(&client->out, "problem", view_of(why));
	finish_answer(client, false);
}

static void
reload_for(struct client *client, bool accept_empty)
{
	struct control *c = client->control;

	client->state = CLIENT_WAITING;
	if (c->calls->reload(c->arg, accept_empty, &client->out) == 0)
		set_deadline(client, CONTROL_RELOAD_MS);
	else
		finish_answer(client, false);
}

/* Our end of the connection closes when we do. */
static void
stop_for(struct client *client)
{
	struct control *c = client->control;

	client->stays = true;
	finish_answer(client, true);
	c->calls->stop(c->arg);
}

static void
answer_request(struct client *client, const struct control_request *request)
{
	struct control *c = client->control;

	switch (request->word) {
	case CONTROL_STATUS:
		c->calls->status(c->arg, &client->out);
		finish_answer(client, true);
		break;
	case CONTROL_RELOAD:
		reload_for(client, request->accept_empty);
		break;
	case CONTROL_LOG_LEVEL:
		c->calls->set_level(c->arg, request->level);
		finish_answer(client, true);
		break;
	case CONTROL_STOP:
		stop_for(client);
		break;
	}
}

/* -- requests -- */

static void
hear_request(struct client *client)
{
	ssize_t n = recv(client->fd, client->in + client->n_in,
	    sizeof(client->in) - client->n_in, 0);
	struct control_request request;
	const char *why;

	if (n == -1 && may_be_later(errno))
		return;
	if (n <= 0) {
		end_client(client);
		return;
	}
	client->n_in += (size_t)n;
	switch (control_request_parse((struct view){ client->in, client->n_in },
	    &request, &why)) {
	case CONTROL_MORE:
		break;
	case CONTROL_OK:
		answer_request(client, &request);
		break;
	case CONTROL_BAD:
		refuse_request(client, why);
		break;
	}
}

/* It has nothing more to say: only that it goes is heard. */
static void
hear_end(struct client *client)
{
	ssize_t n = recv(client->fd, client->in, sizeof(client->in), 0);

	if (n == 0 || (n == -1 && !may_be_later(errno)))
		end_client(client);
}

static void
on_control_client(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;

	(void)fd;
	(void)what;
	switch (client->state) {
	case CLIENT_ASKING:
		hear_request(client);
		break;
	case CLIENT_READING:
		send_control_answer(client);
		break;
	default:
		hear_end(client);
	}
}

static void
on_control_late(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;

	(void)fd;
	(void)what;
	if (client->state == CLIENT_WAITING)
		refuse_request(client,
		    "after 60 seconds not yet loaded, or not yet served by "
		    "all workers; the log may tell why");
	else
		end_client(client);
}

_Static_assert(CONTROL_RELOAD_MS == 60 * 1000, "the sentence above says so");

/* -- the whole -- */

struct control *
control_new(struct event_base *base, const struct control_calls *calls,
    void *arg)
{
	struct control *c = xcalloc(1, sizeof(*c));

	c->base = base;
	c->calls = calls;
	c->arg = arg;
	return c;
}

void
control_listen(struct control *c, const struct control_socket *s)
{
	if (c->accepting != NULL)
		event_free(c->accepting);
	c->accepting = NULL;
	c->socket = s;
	if (s == NULL || !s->is_open)
		return;
	c->accepting = event_new(c->base, s->fd, EV_READ | EV_PERSIST,
	    on_control_connect, c);
	if (c->accepting == NULL ||
	    (c->n_clients < CONTROL_CLIENTS_MAX &&
		event_add(c->accepting, NULL) == -1))
		mem_exhausted(0);
}

void
control_served(struct control *c)
{
	struct client *client;

	for (client = c->clients; client < c->clients + CONTROL_CLIENTS_MAX;
	     client++) {
		if (client->state != CLIENT_WAITING)
			continue;
		if (c->calls->served != NULL)
			c->calls->served(c->arg, &client->out);
		finish_answer(client, true);
	}
}

void
control_refused(struct control *c, const char *why)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (c->clients[i].state == CLIENT_WAITING)
			refuse_request(&c->clients[i], why);
}

void
control_let_go(const struct control *c)
{
	size_t i;

	if (c->socket != NULL && c->socket->is_open)
		close(c->socket->fd);
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (c->clients[i].state != CLIENT_FREE)
			close(c->clients[i].fd);
}

void
control_free(struct control *c)
{
	size_t i;

	if (c->accepting != NULL)
		event_free(c->accepting);
	c->accepting = NULL;
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (c->clients[i].state == CLIENT_WAITING)
			refuse_request(&c->clients[i],
			    "capsuled was stopped meanwhile");
		if (c->clients[i].state != CLIENT_FREE)
			end_client(&c->clients[i]);
	}
	xfree(c);
}
