/* wire.h - what a visit costs in bytes and seconds: the model, in one place. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A visit is one connection, one request and its answer, closed in good order.
 * Bytes are those that TCP carries, TLS records and their headers included,
 * in both directions.  With a TLS 1.3 client, AES-128-GCM and X25519, all that
 * capsuled sends has a fixed length but for the certificate, the signature
 * and the answer; what clients send was measured with OpenSSL 3.0, without
 * padding: the only part that other clients do otherwise is their hello.
 * Source: RFC 8446 4, 5; measured on the wire (tests/e2e/test_weigh.py).
 */

/* Bytes of a ticket: an id, or the session itself and what seals it. */
#define WIRE_TICKET_ID     32
#define WIRE_TICKET_SEALED 192

/* What a server brings to a handshake. */
struct wire_server {
	size_t n_certificates; /* in its chain, itself included */
	size_t certificates;   /* bytes of all of them, DER */
	size_t signature;      /* bytes, as usual for its key */
	size_t host;           /* bytes of the name that clients ask for */
	bool asks;     /* clients for a certificate; then nothing is resumed */
	size_t ticket; /* bytes of what a session is resumed with; 0: none */
};

/* What is sent for one request. */
struct wire_answer {
	size_t request; /* bytes, the line's end included */
	size_t bytes;   /* of an answer from memory, its header included */
	uint64_t file;  /* behind them, from a file */
};

/* What it comes to. */
struct wire_visit {
	uint64_t up, down; /* bytes from the client, and to it */
	int round_trips;   /* until the last byte is there */
};

/* The ClientHello that is reckoned with, its record included. */
size_t wire_hello(const struct wire_server *server);

/* A visit over Gemini by a client that is new, or that resumes a session. */
struct wire_visit wire_first(const struct wire_server *server,
    const struct wire_answer *answer);
struct wire_visit wire_again(const struct wire_server *server,
    const struct wire_answer *answer);

/* A visit over Gopher, in the clear. */
struct wire_visit wire_gopher(const struct wire_answer *answer);

/*
 * The certificate that capsuled makes for n names of so many bytes together,
 * for a capsule that has none yet: bytes of DER.
 */
size_t wire_own_certificate(size_t n, size_t bytes);

/* A line to wait at. */
struct wire_line {
	const char *name; /* as people call it */
	const char *key;  /* for scripts */
	long down, up;    /* bit/s */
	int round_trip_ms;
};

/* Slow lines, the slowest first; WIRE_LINES of them. */
#define WIRE_LINES 3
extern const struct wire_line wire_lines[WIRE_LINES];

/*
 * Seconds from the first packet to the last byte: the bytes of both
 * directions, one after the other as request and answer are, the headers of
 * the packets that carry them, and the round trips.
 */
double wire_seconds(const struct wire_line *line,
    const struct wire_visit *visit);

#endif
