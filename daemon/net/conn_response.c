/*
 * conn_response.c - what is answered, and how it leaves.
 *
 * Floor net.
 */
#include "net/conn_response.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>

#include "base/clock.h"
#include "base/os.h"
#include "net/conn_deadline.h"
#include "net/conn_wait.h"
#include "net/limits.h"
#include "net/metrics.h"

/* What only applications are told of a peer. */
static void
describe_peer(const struct peer *peer, struct peer_details *to)
{
	const struct conn *c = peer->arg;

	if (inet_ntop(c->family, c->addr, to->address, sizeof(to->address)) ==
	    NULL)
		to->address[0] = '\0';
	to->tls_version = stream_tls_version(&c->stream);
	to->tls_cipher = stream_tls_cipher(&c->stream);
}

void
choose_response(struct conn *c, struct view in)
{
	struct peer_certificate shown;
	struct peer peer = {
		.sni = view_of(c->stream.sni),
		.port = c->listener->port,
		.site = c->listener->site,
		.tls = stream_is_encrypted(&c->stream),
		.too_fast = !limits_take(c->all->limits, &c->all->rules,
		    c->ticket, clock_ms()),
		.describe = describe_peer,
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
	if (c->reply.answer.rest.size > 0 && c->reply.answer.rest.fd == -1)
		request_file(c);
	else if (c->reply.app != NULL)
		conn_move(c, ask_application(c) ? CONN_UPSTREAM : CONN_CLOSED);
	else if (c->wait != NULL) {
		conn_set_reset_on_close(c, true);
		conn_move(c, conn_keep_log(c) ? CONN_SEARCH : CONN_CLOSED);
	} else
		conn_move(c, CONN_RESPONSE);
}

/* -- response -- */

/* True if the file is as it was when its answer began. */
static bool
is_file_unchanged(const struct conn *c)
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
file_portion(off_t left, size_t most)
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
write_file_turn(struct conn *c)
{
	const struct span *rest = &c->reply.answer.rest;
	bool last = c->file_left <= STREAM_CHUNK;
	enum stream_result r;
	size_t n, before;

	if (last && !rest->fixed && !is_file_unchanged(c))
		return STREAM_BROKEN;
	r = stream_write_file(&c->stream, c->left, rest->fd, c->file_offset,
	    file_portion(c->file_left, stream_turn(&c->stream)), last, &n);
	before = n < c->left.len ? n : c->left.len;
	c->left = view_skip(c->left, before);
	c->file_offset += (off_t)(n - before);
	c->file_left -= (off_t)(n - before);
	c->bytes += n;
	return r;
}

static enum stream_result
write_bytes_turn(struct conn *c)
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
		if (!has_file || (c->left.len > 0 && !fits_one_chunk(c))) {
			r = write_bytes_turn(c);
			more = c->left.len > 0 || has_file;
		} else {
			more = c->file_left > STREAM_CHUNK;
			r = write_file_turn(c);
		}
	} while (r == STREAM_DONE && more && c->bytes < end);
	/* The socket can be written: the next turn of the loop says so. */
	return r == STREAM_DONE && more ? STREAM_WAIT_WRITE : r;
}

/* The socket is full: wait until the reader has taken some. */
static void
wait_for_reader(struct conn *c)
{
	c->unsent = os_unsent(c->stream.fd);
	deadline_set(&c->all->deadlines, &c->deadline,
	    c->is_reading ? LIMIT_PATIENT : LIMIT_IDLE, clock_ms());
}

/* There will be another turn: the span's file may not be closed meanwhile. */
static void
hold_content_span(struct conn *c)
{
	if (c->hold == NULL && c->reply.content != NULL)
		c->hold =
		    content_hold(c->reply.content, c->reply.answer.rest.fd);
}

bool
write_response(struct conn *c)
{
	enum stream_result r = write_turn(c);

	if (r == STREAM_DONE && c->relay != NULL) {
		conn_move(c, CONN_UPSTREAM);
		return true;
	}
	if (r == STREAM_DONE) {
		conn_set_reset_on_close(c, false);
		conn_log_end(c, NULL);
		conn_move(c, CONN_LINGER);
		/* The client has yet to get it: what it says to that comes. */
		return conn_wait(c, STREAM_WAIT_READ);
	}
	if (r == STREAM_WAIT_WRITE && conn_keep_log(c)) {
		hold_content_span(c);
		/* A socket that can be written again has had bytes taken; so
		 * late it was not the kernel that took them. */
		if (clock_ms() - conn_deadline_set_ms(c) >= CONN_YOUNG_MS)
			c->is_reading = true;
		wait_for_reader(c);
		conn_set_reset_on_close(c, true);
		return conn_wait(c, r);
	}
	conn_log_end(c, "broken");
	conn_move(c, CONN_CLOSED);
	return true;
}

/* -- linger -- */

/* True while the peer may yet take what the kernel holds for it. */
static bool
has_unsent(const struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return os_unsent(c->stream.fd) > 0 &&
	    getsockopt(c->stream.fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	    error == 0;
}

bool
drain_input(struct conn *c)
{
	enum stream_result r = stream_drain(&c->stream);

	if (r == STREAM_WAIT_READ)
		return conn_wait(c, r);
	/*
	 * It will say no more, but has not taken all.  Closed now, the rest
	 * would be the kernel's to keep, uncounted and for minutes: let the
	 * deadline see how it goes on.  The end itself stays readable; only
	 * what comes after it, a reset, shall wake us.
	 */
	if (r == STREAM_END && has_unsent(c))
		return conn_watch(c, EV_PERSIST | EV_READ | EV_ET);
	conn_move(c, CONN_CLOSED);
	return true;
}
