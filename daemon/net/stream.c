/*
 * stream.c - reading and writing, with and without TLS.
 *
 * Floor net.  conn.c calls in; nothing here knows a protocol or a deadline.
 *
 * TLS runs over a BIO of our own.  What OpenSSL wants to send gathers in the
 * worker's scratch and leaves in one send(2) a flight: session ticket, header,
 * body and close_notify together, the FIN riding on them.  What the kernel
 * does not take is kept by the stream, and nothing more is encrypted until it
 * is gone: a slow reader costs one flight, not one answer, and a flight of an
 * answer is about one record.
 */
#include "net/stream.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/os.h"
#include "net/identity.h"
#include "net/pieces.h"
#include "net/resume.h"
#include "net/tls.h"

struct stream_kind {
	enum stream_result (*read)(struct stream *, char *, size_t, size_t *);
	enum stream_result (
	    *write)(struct stream *, struct view, bool, size_t *);
	enum stream_result (*write_file)(struct stream *, struct view, int,
	    off_t, size_t, bool, size_t *);
	size_t turn; /* bytes */
};

static bool
is_again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

bool
stream_may_free_buffers(unsigned long openssl)
{
	/* The first patch of 3.0, 3.1 and so on that has it. */
	static const unsigned mended[] = { 14, 6, 2, 1, 0 };
	unsigned long major = openssl >> 28, minor = openssl >> 20 & 0xff,
		      patch = openssl >> 4 & 0xff;

	if (major != 3)
		return major > 3;
	return minor >= sizeof(mended) / sizeof(mended[0]) ||
	    patch >= mended[minor];
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
	return is_again(errno) ? STREAM_WAIT_READ : STREAM_BROKEN;
}

static enum stream_result
receive(struct stream *s)
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
	enum stream_result r = s->in.len > 0 ? STREAM_DONE : receive(s);

	if (r == STREAM_DONE)
		*first = (unsigned char)s->in.p[0];
	return r;
}

enum stream_result
stream_drain(struct stream *s)
{
	enum stream_result r = receive(s);

	s->in = (struct view){ NULL, 0 };
	/* One buffer a turn: a flood is read at the pace of the loop. */
	return r == STREAM_DONE ? STREAM_WAIT_READ : r;
}

void
stream_note_wait(struct stream *s, int64_t waited_us)
{
	if (waited_us < PIECES_WAIT_US)
		return;
	s->first_piece = pieces_first(waited_us, s->in.len, os_rtt_us(s->fd));
	s->piece = s->first_piece;
}

/* As os_send, the first packets no larger than the line can take. */
static ssize_t
give(struct stream *s, const char *p, size_t len, bool more)
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
		s->piece = pieces_next(piece);
	}
	n = os_send(s->fd, p + done, len - done, more);
	if (n == -1)
		return done > 0 ? (ssize_t)done : -1;
	return (ssize_t)done + n;
}

/*
 * Fill *to with head and len bytes of a file from offset, STREAM_CHUNK at most;
 * they live until this is called again.  False if the file is shorter.
 */
static bool
read_chunk(struct view head, int file, off_t offset, size_t len,
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

/* The end in good order: what the kernel holds back leaves with the FIN. */
static enum stream_result
end(struct stream *s)
{
	return shutdown(s->fd, SHUT_WR) == 0 ? STREAM_DONE : STREAM_BROKEN;
}

/* -- in the clear -- */

static enum stream_result
plain_read(struct stream *s, char *to, size_t size, size_t *n)
{
	enum stream_result r;

	if (s->in.len == 0 && (r = receive(s)) != STREAM_DONE)
		return r;
	*n = s->in.len < size ? s->in.len : size;
	memcpy(to, s->in.p, *n);
	s->in = view_skip(s->in, *n);
	return STREAM_DONE;
}

/* What a send of part of len bytes means for the caller. */
static enum stream_result
sent(struct stream *s, ssize_t n, size_t len, bool last, size_t *taken)
{
	if (n == -1)
		return is_again(errno) ? STREAM_WAIT_WRITE : STREAM_BROKEN;
	*taken = (size_t)n;
	if (*taken < len)
		return STREAM_WAIT_WRITE;
	return last ? end(s) : STREAM_DONE;
}

static enum stream_result
plain_write(struct stream *s, struct view bytes, bool last, size_t *taken)
{
	if (bytes.len == 0)
		return last ? end(s) : STREAM_DONE;
	return sent(s, give(s, bytes.p, bytes.len, last), bytes.len, last,
	    taken);
}

static enum stream_result
plain_write_file(struct stream *s, struct view head, int file, off_t offset,
    size_t len, bool last, size_t *taken)
{
	struct view chunk;
	ssize_t n;

	if (head.len + len <= STREAM_CHUNK)
		return read_chunk(head, file, offset, len, &chunk)
		    ? plain_write(s, chunk, last, taken)
		    : STREAM_BROKEN;
	n = os_sendfile(s->fd, file, offset, len, last);
	if (n == 0)
		return STREAM_BROKEN; /* the file has become shorter */
	return sent(s, n, len, last, taken);
}

static const struct stream_kind plain = { plain_read, plain_write,
	plain_write_file, STREAM_TURN_PLAIN };

/* -- TLS -- */

/* Give back 33 KB of empty buffers while s waits for its peer, or a reader. */
static void
rest(struct stream *s)
{
	if (stream_may_free_buffers(OpenSSL_version_num()))
		(void)SSL_free_buffers(s->ssl);
}

enum stream_result
stream_flush(struct stream *s)
{
	ssize_t n;

	if (s->kept == NULL)
		return STREAM_DONE;
	n = os_send(s->fd, s->kept + s->kept_off, s->kept_len - s->kept_off,
	    s->ending);
	if (n == -1)
		return is_again(errno) ? STREAM_WAIT_WRITE : STREAM_BROKEN;
	s->given += (size_t)n;
	s->kept_off += (size_t)n;
	if (s->kept_off < s->kept_len)
		return STREAM_WAIT_WRITE;
	free(s->kept);
	s->kept = NULL;
	return s->ending ? end(s) : STREAM_DONE;
}

/*
 * Send the flight that gathered in the scratch; keep what is left of it.  With
 * more, another one follows at once.
 */
static enum stream_result
depart(struct stream *s, bool more)
{
	struct stream_scratch *x = s->scratch;
	size_t len = x->out_len;
	ssize_t n;

	x->out_len = 0;
	if (len == 0)
		return s->ending ? end(s) : STREAM_DONE;
	assert(s->kept == NULL);
	n = give(s, x->out, len, s->ending || more);
	if (n == -1 && !is_again(errno))
		return STREAM_BROKEN;
	if (n == -1)
		n = 0;
	s->given += (size_t)n;
	if ((size_t)n == len)
		return s->ending ? end(s) : STREAM_DONE;
	s->kept_off = 0;
	s->kept_len = len - (size_t)n;
	s->kept = malloc(s->kept_len);
	if (s->kept == NULL)
		return STREAM_BROKEN;
	memcpy(s->kept, x->out + n, s->kept_len);
	return STREAM_WAIT_WRITE;
}

/* What an SSL call that did not succeed asks for. */
static enum stream_result
wanted(struct stream *s, int ret)
{
	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return STREAM_WAIT_READ;
	case SSL_ERROR_WANT_WRITE:
		return STREAM_WAIT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return STREAM_END;
	default:
		return STREAM_BROKEN;
	}
}

const char *
stream_failure(enum stream_result result)
{
	const char *words = ERR_reason_error_string(ERR_peek_error());

	if (words != NULL)
		return words;
	return result == STREAM_END ? "the client hung up"
				    : "the connection broke";
}

/* Receive for OpenSSL, which has used up what came before. */
static enum stream_result
receive_bounded(struct stream *s)
{
	enum stream_result r = receive(s);

	if (r == STREAM_DONE && s->received > STREAM_REQUEST_MAX)
		return STREAM_BROKEN;
	return r;
}

static enum stream_result
tls_read(struct stream *s, char *to, size_t size, size_t *n)
{
	enum stream_result r, flown;

	if (s->kept != NULL && (r = stream_flush(s)) != STREAM_DONE)
		return r;
	if (!stream_has_input(s) && (r = receive_bounded(s)) != STREAM_DONE)
		return r;
	ERR_clear_error();
	if (SSL_read_ex(s->ssl, to, size, n) == 1)
		return STREAM_DONE;
	r = wanted(s, 0);
	/* A flight of the handshake, or an alert that says why. */
	flown = depart(s, false);
	if (r != STREAM_WAIT_READ)
		return r;
	if (flown != STREAM_DONE)
		return flown;
	/* Nothing of ours follows the client's last word of the handshake:
	 * with Nagle's algorithm its request would wait for an acknowledgement
	 * that waits, too. */
	if (SSL_is_init_finished(s->ssl))
		os_acknowledge(s->fd);
	rest(s);
	return r;
}

size_t
stream_record(const struct stream *s, size_t answer)
{
	size_t above =
	    s->first_piece > 0 ? 2 * STREAM_RECORD_SMALL : STREAM_SMALL_ABOVE;

	return answer > above && !s->pace.is_fast ? STREAM_RECORD_SMALL
						  : STREAM_RECORD_MAX;
}

/* See how fast a long answer is taken, as far as the system tells. */
static void
look_at_pace(struct stream *s)
{
	int unsent = os_unsent(s->fd);

	pace_note(&s->pace, s->given - (uint64_t)(unsent > 0 ? unsent : 0),
	    clock_ms());
}

/*
 * Seal records of an answer until they are a flight, or the answer is over:
 * *taken is what has been taken of it so far.
 */
static enum stream_result
gather(struct stream *s, struct view bytes, bool last, size_t *taken)
{
	struct stream_scratch *x = s->scratch;
	size_t most = stream_record(s, s->sent + bytes.len - *taken), record, n;
	enum stream_result r;

	while (*taken < bytes.len) {
		record = bytes.len - *taken < most ? bytes.len - *taken : most;
		if (x->out_len > 0 && x->out_len + record > STREAM_FLIGHT)
			break;
		ERR_clear_error();
		if (SSL_write_ex(s->ssl, bytes.p + *taken, record, &n) != 1) {
			r = wanted(s, 0);
			return r == STREAM_END ? STREAM_BROKEN : r;
		}
		*taken += n;
		s->sent += n;
	}
	if (last && *taken == bytes.len) {
		(void)SSL_shutdown(s->ssl);
		s->ending = true;
	}
	return STREAM_DONE;
}

/* Without a byte to fly with, a ticket would be in the end's way. */
static void
begin_answer(struct stream *s)
{
	resume_offer(s->ssl);
	s->piece = s->first_piece;
	s->answering = true;
}

/*
 * Send bytes a flight at a time; what was sealed is taken, wherever it then
 * waits.  With more, further bytes follow at once.
 */
static enum stream_result
put(struct stream *s, struct view bytes, bool last, bool more, size_t *taken)
{
	enum stream_result r;

	*taken = 0;
	if (!s->answering && bytes.len > 0)
		begin_answer(s);
	if (s->sent + bytes.len > STREAM_SMALL_ABOVE)
		look_at_pace(s);
	for (;;) {
		if (s->kept != NULL && (r = stream_flush(s)) != STREAM_DONE)
			return r;
		if (s->ending)
			return STREAM_DONE;
		r = gather(s, bytes, last, taken);
		if (r == STREAM_DONE)
			r = depart(s, more || *taken < bytes.len);
		if (r == STREAM_WAIT_WRITE)
			rest(s);
		if (r != STREAM_DONE || *taken == bytes.len)
			return r;
	}
}

static enum stream_result
tls_write(struct stream *s, struct view bytes, bool last, size_t *taken)
{
	return put(s, bytes, last, false, taken);
}

static enum stream_result
tls_write_file(struct stream *s, struct view head, int file, off_t offset,
    size_t len, bool last, size_t *taken)
{
	enum stream_result r = STREAM_DONE;
	struct view chunk;
	size_t want, n;

	*taken = 0;
	if (s->kept != NULL && (r = stream_flush(s)) != STREAM_DONE)
		return r;
	do {
		want = len < STREAM_CHUNK ? len : STREAM_CHUNK;
		if (!read_chunk(head, file, offset, want, &chunk))
			return STREAM_BROKEN; /* shorter, or unreadable */
		len -= want;
		offset += (off_t)want;
		head.len = 0;
		r = put(s, chunk, last && len == 0, !last || len > 0, &n);
		*taken += n;
	} while (r == STREAM_DONE && len > 0);
	return r;
}

static const struct stream_kind over_tls = { tls_read, tls_write,
	tls_write_file, STREAM_TURN_TLS };

/* -- for both -- */

enum stream_result
stream_start(struct stream *s, struct tls *tls)
{
	s->kind = tls == NULL ? &plain : &over_tls;
	if (tls == NULL)
		return STREAM_DONE;
	s->ssl = tls_accept(tls, s);
	return s->ssl == NULL ? STREAM_BROKEN : STREAM_DONE;
}

enum stream_result
stream_read(struct stream *s, char *to, size_t size, size_t *n)
{
	return s->kind->read(s, to, size, n);
}

bool
stream_has_input(const struct stream *s)
{
	return s->in.len > 0 || (s->ssl != NULL && SSL_pending(s->ssl) > 0);
}

size_t
stream_turn(const struct stream *s)
{
	return s->kind->turn;
}

enum stream_result
stream_write(struct stream *s, struct view bytes, bool last, size_t *taken)
{
	*taken = 0;
	s->in = (struct view){ NULL, 0 }; /* junk after the request */
	return s->kind->write(s, bytes, last, taken);
}

enum stream_result
stream_write_file(struct stream *s, struct view head, int file, off_t offset,
    size_t len, bool last, size_t *taken)
{
	*taken = 0;
	s->in = (struct view){ NULL, 0 };
	return s->kind->write_file(s, head, file, offset, len, last, taken);
}

bool
stream_is_ready(const struct stream *s)
{
	return s->ssl == NULL || SSL_is_init_finished(s->ssl);
}

const char *
stream_tls_version(const struct stream *s)
{
	if (s->ssl == NULL)
		return "";
	return SSL_version(s->ssl) == TLS1_3_VERSION ? "1.3" : "1.2";
}

const char *
stream_tls_cipher(const struct stream *s)
{
	return s->ssl == NULL ? "" : SSL_get_cipher_name(s->ssl);
}

bool
stream_is_resumed(const struct stream *s)
{
	return s->ssl != NULL && SSL_session_reused(s->ssl) == 1;
}

bool
stream_certificate(const struct stream *s, struct peer_certificate *to)
{
	return s->ssl != NULL && identity_read(s->ssl, to);
}

void
stream_fini(struct stream *s, bool cut)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (s->ssl != NULL) {
		/* Without this a session would be thrown away with the SSL. */
		SSL_set_shutdown(s->ssl,
		    SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(s->ssl);
	}
	free(s->sni);
	free(s->kept);
	if (cut)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now,
		    sizeof(now));
	s->scratch->out_len = 0;
}
