/*
 * stream_tls.c - the transport of a connection over TLS.
 *
 * Floor net.  TLS runs over a BIO of our own (net/tls.h).  What OpenSSL wants
 * to send gathers in the worker's scratch and leaves in one send(2) a flight:
 * session ticket, header, body and close_notify together, the FIN riding on
 * them.  What the kernel does not take is kept by the stream, and nothing more
 * is encrypted until it is gone: a slow reader costs one flight, not one
 * answer, and a flight of an answer is about one record.
 */
#include "net/stream_tls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/os.h"
#include "net/identity.h"
#include "net/resume.h"
#include "net/tls.h"

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

/* Give back 33 KB of empty buffers while s waits for its peer, or a reader. */
static void
free_idle_buffers(struct stream *s)
{
	if (stream_may_free_buffers(OpenSSL_version_num()))
		(void)SSL_free_buffers(s->ssl);
}

static enum stream_result
send_kept(struct stream *s)
{
	ssize_t n;

	if (s->kept == NULL)
		return STREAM_DONE;
	n = os_send(s->fd, s->kept + s->kept_off, s->kept_len - s->kept_off,
	    s->ending);
	if (n == -1)
		return stream_is_again(errno) ? STREAM_WAIT_WRITE
					      : STREAM_BROKEN;
	s->kernel_took += (size_t)n;
	s->kept_off += (size_t)n;
	if (s->kept_off < s->kept_len)
		return STREAM_WAIT_WRITE;
	free(s->kept);
	s->kept = NULL;
	return s->ending ? stream_end(s) : STREAM_DONE;
}

/*
 * Send the flight that gathered in the scratch; keep what is left of it.  With
 * more, another one follows at once.
 */
static enum stream_result
stream_flush(struct stream *s, bool more)
{
	struct stream_scratch *x = s->scratch;
	size_t len = x->out_len;
	ssize_t n;

	x->out_len = 0;
	if (len == 0)
		return s->ending ? stream_end(s) : STREAM_DONE;
	assert(s->kept == NULL);
	n = stream_send_paced(s, x->out, len, s->ending || more);
	if (n == -1 && !stream_is_again(errno))
		return STREAM_BROKEN;
	if (n == -1)
		n = 0;
	s->kernel_took += (size_t)n;
	if ((size_t)n == len)
		return s->ending ? stream_end(s) : STREAM_DONE;
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
result_of_ssl(struct stream *s, int ret)
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
	enum stream_result r = stream_receive(s);

	if (r == STREAM_DONE && s->received > STREAM_REQUEST_MAX)
		return STREAM_BROKEN;
	return r;
}

static enum stream_result
read_tls(struct stream *s, char *to, size_t size, size_t *n)
{
	enum stream_result r, flown;

	if (s->kept != NULL && (r = send_kept(s)) != STREAM_DONE)
		return r;
	if (!stream_has_input(s) && (r = receive_bounded(s)) != STREAM_DONE)
		return r;
	ERR_clear_error();
	if (SSL_read_ex(s->ssl, to, size, n) == 1)
		return STREAM_DONE;
	r = result_of_ssl(s, 0);
	/* A flight of the handshake, or an alert that says why. */
	flown = stream_flush(s, false);
	if (r != STREAM_WAIT_READ)
		return r;
	if (flown != STREAM_DONE)
		return flown;
	/* Nothing of ours follows the client's last word of the handshake:
	 * with Nagle's algorithm its request would wait for an acknowledgement
	 * that waits, too. */
	if (SSL_is_init_finished(s->ssl))
		os_acknowledge(s->fd);
	free_idle_buffers(s);
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
note_pace(struct stream *s)
{
	int unsent = os_unsent(s->fd);

	pace_note(&s->pace,
	    s->kernel_took - (uint64_t)(unsent > 0 ? unsent : 0), clock_ms());
}

/*
 * Seal records of an answer until they are a flight, or the answer is over:
 * *taken is what has been taken of it so far.
 */
static enum stream_result
encrypt_records(struct stream *s, struct view bytes, bool last, size_t *taken)
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
			r = result_of_ssl(s, 0);
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
write_encrypted(struct stream *s, struct view bytes, bool last, bool more,
    size_t *taken)
{
	enum stream_result r;

	*taken = 0;
	if (!s->answering && bytes.len > 0)
		begin_answer(s);
	if (s->sent + bytes.len > STREAM_SMALL_ABOVE)
		note_pace(s);
	for (;;) {
		if (s->kept != NULL && (r = send_kept(s)) != STREAM_DONE)
			return r;
		if (s->ending)
			return STREAM_DONE;
		r = encrypt_records(s, bytes, last, taken);
		if (r == STREAM_DONE)
			r = stream_flush(s, more || *taken < bytes.len);
		if (r == STREAM_WAIT_WRITE)
			free_idle_buffers(s);
		if (r != STREAM_DONE || *taken == bytes.len)
			return r;
	}
}

static enum stream_result
write_tls(struct stream *s, struct view bytes, bool last, size_t *taken)
{
	return write_encrypted(s, bytes, last, false, taken);
}

static enum stream_result
write_file_tls(struct stream *s, struct view head, int file, off_t offset,
    size_t len, bool last, size_t *taken)
{
	enum stream_result r = STREAM_DONE;
	struct view chunk;
	size_t want, n;

	*taken = 0;
	if (s->kept != NULL && (r = send_kept(s)) != STREAM_DONE)
		return r;
	do {
		want = len < STREAM_CHUNK ? len : STREAM_CHUNK;
		if (!stream_read_chunk(head, file, offset, want, &chunk))
			return STREAM_BROKEN; /* shorter, or unreadable */
		len -= want;
		offset += (off_t)want;
		head.len = 0;
		r = write_encrypted(s, chunk, last && len == 0,
		    !last || len > 0, &n);
		*taken += n;
	} while (r == STREAM_DONE && len > 0);
	return r;
}

static enum stream_result
start_tls(struct stream *s, struct tls *tls)
{
	s->ssl = tls_accept(tls, s);
	return s->ssl == NULL ? STREAM_BROKEN : STREAM_DONE;
}

static bool
has_decrypted_input(const struct stream *s)
{
	return SSL_pending(s->ssl) > 0;
}

static bool
is_handshake_over(const struct stream *s)
{
	return SSL_is_init_finished(s->ssl);
}

static const char *
version_of_tls(const struct stream *s)
{
	return SSL_version(s->ssl) == TLS1_3_VERSION ? "1.3" : "1.2";
}

static const char *
cipher_of_tls(const struct stream *s)
{
	return SSL_get_cipher_name(s->ssl);
}

static bool
is_session_resumed(const struct stream *s)
{
	return SSL_session_reused(s->ssl) == 1;
}

static bool
read_certificate(const struct stream *s, struct peer_certificate *to)
{
	return identity_read(s->ssl, to);
}

static void
free_tls(struct stream *s)
{
	if (s->ssl == NULL)
		return;
	/* Without this a session would be thrown away with the SSL. */
	SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
}

const struct transport stream_tls = {
	.is_encrypted = true,
	.turn = STREAM_TURN_TLS,
	.start = start_tls,
	.read = read_tls,
	.write = write_tls,
	.write_file = write_file_tls,
	.has_input = has_decrypted_input,
	.is_ready = is_handshake_over,
	.version = version_of_tls,
	.cipher = cipher_of_tls,
	.is_resumed = is_session_resumed,
	.certificate = read_certificate,
	.free = free_tls,
};
