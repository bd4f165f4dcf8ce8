/*
 * stream.c - one way to read, write and close: what all transports share.
 *
 * Floor net.  conn.c calls in; nothing here knows a protocol, a deadline, or
 * which transports there are.
 */
#include "net/stream.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/os.h"
#include "net/record_size.h"

bool
stream_is_again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

void
stream_init(struct stream *s, struct stream_scratch *scratch, int fd)
{
	*s = (struct stream){ .scratch = scratch, .fd = fd };
}

/* Receive into the scratch, behind so many bytes, what has come by now. */
static enum stream_result
receive_behind(struct stream *s, size_t offset)
{
	struct stream_scratch *x = s->scratch;
	ssize_t n = recv(s->fd, x->in + offset, sizeof(x->in) - offset, 0);

	if (n > 0) {
		s->in = (struct view){ x->in, offset + (size_t)n };
		s->received += (size_t)n;
		return STREAM_DONE;
	}
	if (n == 0)
		return STREAM_END;
	return stream_is_again(errno) ? STREAM_WAIT_READ : STREAM_BROKEN;
}

enum stream_result
stream_receive(struct stream *s)
{
	return receive_behind(s, 0);
}

enum stream_result
stream_peek(struct stream *s, struct view kept, struct view *all)
{
	enum stream_result r;

	assert(kept.len <= STREAM_KEPT_MAX);
	if (kept.len > 0)
		memcpy(s->scratch->in, kept.p, kept.len);
	r = receive_behind(s, kept.len);
	*all = s->in;
	return r;
}

void
stream_skip(struct stream *s, size_t n)
{
	s->in = view_skip(s->in, n);
}

enum stream_result
stream_sniff(struct stream *s, unsigned char *first)
{
	enum stream_result r = s->in.len > 0 ? STREAM_DONE : stream_receive(s);

	if (r == STREAM_DONE)
		*first = (unsigned char)s->in.p[0];
	return r;
}

enum stream_result
stream_drain(struct stream *s)
{
	enum stream_result r = stream_receive(s);

	s->in = (struct view){ NULL, 0 };
	/* One buffer a turn: a flood is read at the pace of the loop. */
	return r == STREAM_DONE ? STREAM_WAIT_READ : r;
}

void
stream_note_wait(struct stream *s, int64_t waited_us)
{
	if (waited_us < RECORD_SIZE_WAIT_US)
		return;
	s->first_piece =
	    record_size_first(waited_us, s->in.len, os_rtt_us(s->fd));
	s->piece = s->first_piece;
}

ssize_t
stream_send_paced(struct stream *s, const char *p, size_t len, bool more)
{
	size_t done = 0, piece;
	ssize_t n;

	while (s->piece > 0 && len - done > s->piece) {
		piece = s->piece;
		n = os_send(s->fd, p + done, piece, false);
		if (n == -1)
			return done > 0 ? (ssize_t)done : -1;
		done += (size_t)n;
		if ((size_t)n < piece)
			return (ssize_t)done;
		s->piece = record_size_next(piece);
	}
	n = os_send(s->fd, p + done, len - done, more);
	if (n == -1)
		return done > 0 ? (ssize_t)done : -1;
	return (ssize_t)done + n;
}

bool
stream_read_chunk(struct view head, int file, off_t offset, size_t len,
    struct view *to)
{
	static char chunk[STREAM_CHUNK];
	size_t at = head.len;
	ssize_t n;

	assert(head.len <= sizeof(chunk) && len <= sizeof(chunk) - head.len);
	if (head.len > 0)
		memcpy(chunk, head.p, head.len);
	*to = (struct view){ chunk, head.len + len };
	while (at < to->len) {
		n = pread(file, chunk + at, to->len - at, offset);
		if (n <= 0)
			return false;
		at += (size_t)n;
		offset += n;
	}
	return true;
}

enum stream_result
stream_end(struct stream *s)
{
	return shutdown(s->fd, SHUT_WR) == 0 ? STREAM_DONE : STREAM_BROKEN;
}

/* -- for both transports -- */

enum stream_result
stream_start(struct stream *s, const struct transport *transport,
    struct tls *tls)
{
	s->transport = transport;
	return transport->start(s, tls);
}

enum stream_result
stream_read(struct stream *s, char *to, size_t size, size_t *n)
{
	return s->transport->read(s, to, size, n);
}

bool
stream_has_input(const struct stream *s)
{
	return s->in.len > 0 || s->transport->has_input(s);
}

size_t
stream_turn(const struct stream *s)
{
	return s->transport->turn;
}

enum stream_result
stream_write(struct stream *s, struct view bytes, bool last, size_t *taken)
{
	*taken = 0;
	s->in = (struct view){ NULL, 0 }; /* junk after the request */
	return s->transport->write(s, bytes, last, taken);
}

enum stream_result
stream_write_file(struct stream *s, struct view head, int file, off_t offset,
    size_t len, bool last, size_t *taken)
{
	*taken = 0;
	s->in = (struct view){ NULL, 0 };
	return s->transport->write_file(s, head, file, offset, len, last,
	    taken);
}

bool
stream_is_ready(const struct stream *s)
{
	return s->transport->is_ready(s);
}

bool
stream_is_encrypted(const struct stream *s)
{
	return s->transport->is_encrypted;
}

const char *
stream_tls_version(const struct stream *s)
{
	return s->transport->version(s);
}

const char *
stream_tls_cipher(const struct stream *s)
{
	return s->transport->cipher(s);
}

bool
stream_is_resumed(const struct stream *s)
{
	return s->transport->is_resumed(s);
}

bool
stream_certificate(const struct stream *s, struct peer_certificate *to)
{
	return s->transport->certificate(s, to);
}

void
stream_fini(struct stream *s, bool cut)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (s->transport != NULL)
		s->transport->free(s);
	free(s->sni);
	free(s->kept);
	if (cut)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now,
		    sizeof(now));
	s->scratch->out_len = 0;
}
