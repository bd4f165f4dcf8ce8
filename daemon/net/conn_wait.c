/*
 * conn_wait.c - the states in which another process has yet to do something.
 *
 * Floor net.
 */
#include "net/conn_wait.h"

#include <sys/stat.h>

#include "net/files.h"
#include "net/relay.h"
#include "net/search_client.h"

/*
 * While somebody else works for it: is anybody left to hear it?  The end of
 * what a client says may be all that it wanted to say, or it is gone.
 */
static bool
await_client(struct conn *c, bool is_gone_at_end)
{
	enum stream_result r = stream_drain(&c->stream);

	if (r == STREAM_WAIT_READ)
		return conn_wait(c, r);
	/* The end stays readable; only what comes after it shall wake us. */
	if (r == STREAM_END && !is_gone_at_end)
		return conn_watch(c, EV_PERSIST | EV_READ | EV_ET);
	conn_log_end(c, "gone");
	conn_move(c, CONN_CLOSED);
	return true;
}

/*
 * In the clear "nc -N" ends its side after the request; over TLS hardly anybody
 * does that, and what is worked on would be for nobody.
 */
static bool
await_patient_client(struct conn *c)
{
	return await_client(c, stream_is_encrypted(&c->stream));
}

/* -- upstream -- */

/* The application may have more to say. */
static void
on_upstream_ready(void *arg)
{
	conn_run_states(arg);
}

bool
ask_application(struct conn *c)
{
	if (!conn_keep_log(c))
		return false;
	c->relay =
	    relay_new(c->all->upstreams, c->listener->protocol, &c->reply,
		(size_t)c->all->conf->application_max, on_upstream_ready, c);
	if (c->relay == NULL)
		return false;
	conn_set_reset_on_close(c, true);
	return true;
}

/* Send what r found in the relay. */
static bool
pass_on_relay(struct conn *c, enum relay_result r)
{
	if (r == RELAY_CUT) {
		conn_log_end(c, "broken");
		conn_move(c, CONN_CLOSED);
		return true;
	}
	c->left = c->reply.answer.bytes;
	if (r == RELAY_DONE) {
		relay_free(c->relay);
		c->relay = NULL;
	}
	conn_move(c, CONN_RESPONSE);
	return true;
}

bool
read_upstream(struct conn *c)
{
	enum relay_result r = relay_read(c->relay);

	return r == RELAY_WAIT ? await_patient_client(c) : pass_on_relay(c, r);
}

void
expire_upstream(struct conn *c)
{
	enum relay_result r = relay_expire(c->relay);

	if (r == RELAY_DONE)
		(void)pass_on_relay(c, r);
	else {
		conn_log_end(c, "timeout");
		conn_move(c, CONN_CLOSED);
	}
	conn_run_states(c);
}

/* -- search -- */

static void
take_search_results(struct conn *c, const struct search_found *found)
{
	c->wait = NULL;
	c->listener->protocol->found(found, &c->reply);
	c->left = c->reply.answer.bytes;
	conn_move(c, CONN_RESPONSE);
	conn_run_states(c);
}

void
expire_search(struct conn *c)
{
	search_client_cancel(c->wait);
	take_search_results(c, NULL);
}

static void
on_search_found(void *arg, const struct search_found *found)
{
	take_search_results(arg, found);
}

/* A number for the client's address: those of a network of 64 bits are one. */
static uint32_t
number_address(const struct conn *c)
{
	size_t len = c->family == AF_INET ? 4 : c->family == AF_INET6 ? 8 : 0;

	return (uint32_t)hash_bytes((struct view){ (const char *)c->addr, len },
	    c->all->seed);
}

bool
ask_search(struct conn *c)
{
	struct search_query *q = &c->reply.search->query;
	struct search_found none = { .n = 0 };
	enum search_end end;

	q->from = number_address(c);
	c->wait =
	    search_client_ask(c->all->search, q, on_search_found, c, &end);
	if (c->wait != NULL)
		return true;
	none.end = end;
	c->listener->protocol->found(&none, &c->reply);
	return false;
}

bool
await_results(struct conn *c)
{
	return await_patient_client(c);
}

/* -- file -- */

/* The file is open, or will not be. */
static void
on_file_ready(void *arg)
{
	conn_run_states(arg);
}

/* The file is not to be had: say so instead. */
static void
refuse_file(struct conn *c)
{
	c->listener->protocol->refuse(ANSWER_CLOSED, &c->reply);
	c->left = c->reply.answer.bytes;
	file_use_free(c->file);
	c->file = NULL;
}

bool
fits_one_chunk(const struct conn *c)
{
	return c->file_left <= STREAM_CHUNK - (off_t)c->left.len;
}

void
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
	if (!fits_one_chunk(c))
		conn_set_reset_on_close(c, true);
}

/* It is open: c->file holds it, and not the content. */
static void
send_opened(struct conn *c, int fd)
{
	c->reply.content = NULL;
	c->reply.answer.rest.fd = fd;
	begin_file(c);
}

void
request_file(struct conn *c)
{
	int fd = FILE_FAILED;

	c->file = files_use(c->all->files, &c->reply.file, on_file_ready, c);
	if (c->file != NULL)
		fd = file_use_fd(c->file);
	if (fd == FILE_ASKED && conn_keep_log(c)) {
		conn_move(c, CONN_FILE);
		return;
	}
	if (fd < 0)
		refuse_file(c);
	else
		send_opened(c, fd);
	conn_move(c, CONN_RESPONSE);
}

bool
read_file_reply(struct conn *c)
{
	int fd = file_use_fd(c->file);

	if (fd == FILE_ASKED)
		return await_client(c, false); /* opened in no time */
	if (fd == FILE_FAILED)
		refuse_file(c);
	else
		send_opened(c, fd);
	conn_move(c, CONN_RESPONSE);
	return true;
}

void
expire_file(struct conn *c)
{
	refuse_file(c);
	conn_move(c, CONN_RESPONSE);
	conn_run_states(c);
}
