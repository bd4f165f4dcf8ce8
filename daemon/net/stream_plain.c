/*
 * stream_plain.c - the transport of a connection in the clear.
 *
 * Floor net.
 */
#include "net/stream_plain.h"

#include <errno.h>
#include <string.h>

#include "base/os.h"

static enum stream_result
start_plain(struct stream *s, struct tls *tls)
{
	(void)s;
	(void)tls;
	return STREAM_DONE;
}

static enum stream_result
read_plain(struct stream *s, char *to, size_t size, size_t *n)
{
	enum stream_result r;

	if (s->in.len == 0 && (r = stream_receive(s)) != STREAM_DONE)
		return r;
	*n = s->in.len < size ? s->in.len : size;
	memcpy(to, s->in.p, *n);
	s->in = view_skip(s->in, *n);
	return STREAM_DONE;
}

/* What a send of part of len bytes means for the caller. */
static enum stream_result
judge_send(struct stream *s, ssize_t n, size_t len, bool last, size_t *taken)
{
	if (n == -1)
		return stream_is_again(errno) ? STREAM_WAIT_WRITE
					      : STREAM_BROKEN;
	*taken = (size_t)n;
	if (*taken < len)
		return STREAM_WAIT_WRITE;
	return last ? stream_end(s) : STREAM_DONE;
}

static enum stream_result
write_plain(struct stream *s, struct view bytes, bool last, size_t *taken)
{
	if (bytes.len == 0)
		return last ? stream_end(s) : STREAM_DONE;
	return judge_send(s, stream_send_paced(s, bytes.p, bytes.len, last),
	    bytes.len, last, taken);
}

static enum stream_result
write_file_plain(struct stream *s, struct view head, int file, off_t offset,
    size_t len, bool last, size_t *taken)
{
	struct view chunk;
	ssize_t n;

	if (head.len + len <= STREAM_CHUNK)
		return stream_read_chunk(head, file, offset, len, &chunk)
		    ? write_plain(s, chunk, last, taken)
		    : STREAM_BROKEN;
	n = os_sendfile(s->fd, file, offset, len, last);
	if (n == 0)
		return STREAM_BROKEN; /* the file has become shorter */
	return judge_send(s, n, len, last, taken);
}

static bool
has_no_input(const struct stream *s)
{
	(void)s;
	return false;
}

static bool
is_always_ready(const struct stream *s)
{
	(void)s;
	return true;
}

static const char *
name_nothing(const struct stream *s)
{
	(void)s;
	return "";
}

static bool
is_never_resumed(const struct stream *s)
{
	(void)s;
	return false;
}

static bool
show_no_certificate(const struct stream *s, struct peer_certificate *to)
{
	(void)s;
	(void)to;
	return false;
}

static void
free_nothing(struct stream *s)
{
	(void)s;
}

const struct transport stream_plain = {
	.is_encrypted = false,
	.turn = STREAM_TURN_PLAIN,
	.start = start_plain,
	.read = read_plain,
	.write = write_plain,
	.write_file = write_file_plain,
	.has_input = has_no_input,
	.is_ready = is_always_ready,
	.version = name_nothing,
	.cipher = name_nothing,
	.is_resumed = is_never_resumed,
	.certificate = show_no_certificate,
	.free = free_nothing,
};
