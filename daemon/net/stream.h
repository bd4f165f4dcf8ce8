/* stream.h - one way to read, write and close, with and without TLS. */
#ifndef STREAM_H
#define STREAM_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "net/pace.h"
#include "site/access.h"

#define STREAM_IN_MAX     (4 << 10)  /* bytes one recv(2) may bring */
#define STREAM_CHUNK      (64 << 10) /* bytes of a file read at a time */
#define STREAM_KEPT_MAX   (1 << 10)  /* bytes put in front of those */
#define STREAM_FLIGHT_MAX (96 << 10) /* bytes of a handshake's flight */
#define STREAM_FLIGHT     (18 << 10) /* bytes of an answer's, sealed */

/*
 * Bytes of an answer in a turn.  Each of those who download at once keeps a
 * visitor waiting for as long as that takes, a few times: some tenths of a
 * millisecond.  To seal them costs more, and so there are fewer over TLS.
 */
#define STREAM_TURN_PLAIN (512 << 10)
#define STREAM_TURN_TLS   (256 << 10)

/*
 * What a client of TLS may say before its request is complete, however it is
 * cut up: hello, certificates and request; and so many messages of the
 * handshake protocol after the handshake, of which none brings an answer
 * nearer: KeyUpdate (RFC 8446 4.6.3), or a hello that asks for another
 * handshake (RFC 5246 7.4.1.2).
 */
#define STREAM_REQUEST_MAX (64 << 10) /* bytes as they travel */
#define STREAM_CHATTER_MAX 8          /* records */

/*
 * A reader sees nothing of a TLS record before all of it is there: what does
 * not fit into TCP's first flight of ten packets comes in records of one
 * packet each, until the reader has shown that it is fast (net/pace.h).  On a
 * line that has shown to be slow, so does what takes more than two of them.
 */
#define STREAM_RECORD_MAX   (16 << 10) /* bytes; the most that TLS allows */
#define STREAM_RECORD_SMALL 1360       /* bytes that fit into one packet */
#define STREAM_SMALL_ABOVE  (14 << 10) /* bytes of an answer */

struct stream;
struct tls;
struct ssl_st;

/* What became of an attempt to read or write. */
enum stream_result {
	STREAM_DONE,       /* all that was asked for */
	STREAM_WAIT_READ,  /* try again when the socket is readable */
	STREAM_WAIT_WRITE, /* try again when it is writable */
	STREAM_END,        /* the peer has ended its side in good order */
	STREAM_BROKEN      /* nothing more will come of this stream */
};

/*
 * The two buffers that all streams of a worker share: a stream uses them only
 * inside one call, so that a waiting connection owns no buffer at all.
 */
struct stream_scratch {
	char in[STREAM_IN_MAX];
	char out[STREAM_FLIGHT_MAX];
	size_t out_len;
	/* True if s may have a full handshake; NULL: everybody may. */
	bool (*may_handshake)(struct stream *s);
};

struct stream {
	const struct transport *transport; /* NULL until stream_start */
	struct stream_scratch *scratch;    /* borrowed */
	int fd;
	struct view in;     /* received, not yet understood; in the scratch */
	struct ssl_st *ssl; /* TLS only; owned */
	char *sni;  /* TLS only; as the client sent it, or NULL; owned */
	char *kept; /* bytes the kernel did not take yet; owned */
	size_t kept_len, kept_off;
	size_t first_piece;   /* bytes; of an answer, on a slow line; or 0 */
	size_t piece;         /* bytes of the next packet, or 0: as they come */
	size_t sent;          /* TLS only; bytes of the answer taken so far */
	uint64_t kernel_took; /* TLS only; bytes that the kernel took */
	struct pace pace;     /* TLS only; of a long answer */
	size_t received;      /* bytes, all there were */
	unsigned chatter;     /* TLS only; records after the handshake, of it */
	bool counted;         /* TLS only; may_handshake was asked */
	bool refused;         /* TLS only; and it said no */
	bool answering;       /* TLS only; something was written */
	bool ending;          /* what is kept is the last there is */
};

/* A stream over fd, whose kind is not known yet; fd stays the caller's. */
void stream_init(struct stream *s, struct stream_scratch *scratch, int fd);

/*
 * Receive what has come and put kept, which was received before, in front of
 * it: *all is both, to look at.  STREAM_DONE, WAIT_READ, END or BROKEN.  What
 * stream_skip does not take of it stays for stream_sniff, which must follow
 * before anything else uses the scratch.  kept is at most STREAM_KEPT_MAX.
 */
enum stream_result stream_peek(struct stream *s, struct view kept,
    struct view *all);

/* The first n bytes of what stream_peek received have been used. */
void stream_skip(struct stream *s, size_t n);

/*
 * Receive what has come, to look at: *first is its first byte.
 * STREAM_DONE, WAIT_READ, END or BROKEN.  The bytes stay for stream_start,
 * which must follow before anything else uses the scratch.
 */
enum stream_result stream_sniff(struct stream *s, unsigned char *first);

/*
 * The first bytes, which stream_sniff has just received, took so long to come
 * after the connection was there: if that means a slow line, begin what is
 * sent in small pieces (net/record_size.h).
 */
void stream_note_wait(struct stream *s, int64_t waited_us);

/*
 * Go on over this transport, net/stream_plain.h or net/stream_tls.h; tls has
 * the contexts of the latter.
 */
enum stream_result stream_start(struct stream *s,
    const struct transport *transport, struct tls *tls);

/*
 * Read up to size bytes into to; a handshake that is under way goes on first.
 * Fills *n on STREAM_DONE.  Receives at most once, and only if nothing is left
 * of what was received before.
 */
enum stream_result stream_read(struct stream *s, char *to, size_t size,
    size_t *n);

/* True if stream_read need not receive: the socket will not say so. */
bool stream_has_input(const struct stream *s);

/*
 * How many bytes of an answer shall be written in a turn; then others have
 * theirs.
 */
size_t stream_turn(const struct stream *s);

/*
 * Write bytes; *taken is how many of them need not be offered again.
 *
 * With last, and once all are taken, the stream is ended in good order:
 * close_notify and FIN ride on the last packet.  STREAM_DONE when all are
 * taken and handed to the kernel, WAIT_WRITE when the kernel is full (call
 * again with the rest, which may be empty).
 */
enum stream_result stream_write(struct stream *s, struct view bytes, bool last,
    size_t *taken);

/*
 * The same for head and, behind it, len bytes of a file from offset; *taken
 * counts both.  Up to STREAM_CHUNK leave as if they had been bytes; if there
 * are more, head has to be empty.  STREAM_BROKEN, without an end in good order,
 * if the file turns out shorter.
 */
enum stream_result stream_write_file(struct stream *s, struct view head,
    int file, off_t offset, size_t len, bool last, size_t *taken);

/* Receive and forget; WAIT_READ, END or BROKEN. */
enum stream_result stream_drain(struct stream *s);

/* True once the handshake is over; always true in the clear. */
bool stream_is_ready(const struct stream *s);

/* True over TLS. */
bool stream_is_encrypted(const struct stream *s);

/*
 * For the log: "1.3", "1.2", or "" in the clear; the cipher as OpenSSL names
 * it, or "" in the clear; resumed or not.
 */
const char *stream_tls_version(const struct stream *s);
const char *stream_tls_cipher(const struct stream *s);
bool stream_is_resumed(const struct stream *s);

/*
 * What the client showed in this handshake, where it was asked for; false if
 * that is nothing.  *to lives as long as s.
 */
bool stream_certificate(const struct stream *s, struct peer_certificate *to);

/*
 * Free what s owns; fd is left open.  cut: the answer was not finished, the
 * peer shall see a reset rather than an end.
 */
void stream_fini(struct stream *s, bool cut);

/* -- for transports -- */

/* What differs between TLS and none: the functions above, by their names. */
struct transport {
	bool is_encrypted;
	size_t turn; /* bytes of an answer */
	enum stream_result (*start)(struct stream *, struct tls *);
	enum stream_result (*read)(struct stream *, char *, size_t, size_t *);
	enum stream_result (
	    *write)(struct stream *, struct view, bool, size_t *);
	enum stream_result (*write_file)(struct stream *, struct view, int,
	    off_t, size_t, bool, size_t *);
	bool (*has_input)(const struct stream *); /* beyond s->in */
	bool (*is_ready)(const struct stream *);
	const char *(*version)(const struct stream *);
	const char *(*cipher)(const struct stream *);
	bool (*is_resumed)(const struct stream *);
	bool (*certificate)(const struct stream *, struct peer_certificate *);
	void (*free)(struct stream *); /* also if start has failed */
};

/* True if a call that failed with this errno may be tried again. */
bool stream_is_again(int error);

/* Receive once into s->in; STREAM_DONE, WAIT_READ, END or BROKEN. */
enum stream_result stream_receive(struct stream *s);

/* As os_send, the first packets no larger than the line can take. */
ssize_t stream_send_paced(struct stream *s, const char *p, size_t len,
    bool more);

/*
 * Fill *to with head and len bytes of a file from offset, STREAM_CHUNK at most;
 * they live until this is called again.  False if the file is shorter.
 */
bool stream_read_chunk(struct view head, int file, off_t offset, size_t len,
    struct view *to);

/* The end in good order: what the kernel holds back leaves with the FIN. */
enum stream_result stream_end(struct stream *s);

#endif
