/* dial.h - what the clients of the benchmarks share: a clock, TCP and TLS. */
#ifndef DIAL_H
#define DIAL_H

#include <stdbool.h>

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

#define DIAL_PATIENCE_S 120 /* seconds a read or write may stand still */
#define DIAL_SOURCES    250 /* addresses that visitors are spread over */
/* One exchange of keys for all: releases differ in what they begin with. */
#define DIAL_GROUPS "X25519"

/* Where to, and how. */
struct dial {
	const char *address; /* IPv4, dotted */
	char *sni;           /* borrowed; OpenSSL would not have it const */
	int port;
	int segment; /* bytes; the largest to be sent to us, 0 for any */
	bool spread; /* come from many addresses of 127/8 */
};

/* Options of all clients, for getopt(3): port, address, name. */
#define DIAL_OPTIONS "p:a:s:"

/* Take one of them, as getopt(3) gave it; false if it is another. */
bool dial_option(struct dial *d, int option, char *value);

/* Monotonic time in ms, with fractions. */
double dial_now_ms(void);

/*
 * A blocking TCP connection without delays.  visitor, any number, picks the
 * source address if they are spread.  The descriptor is the caller's; -1 if
 * there was no connection.
 */
int dial_connect(const struct dial *d, unsigned visitor);

/* Close with a reset, so that no port of ours lingers. */
void dial_reset(int fd);

/*
 * A client that takes any certificate.  resume: *last, which starts as NULL,
 * becomes the newest session, to resume from.  Exits without memory.
 */
struct ssl_ctx_st *dial_context(bool resume, struct ssl_session_st **last);

/* A client's end over fd, handshake not begun.  Exits without memory. */
struct ssl_st *dial_tls(struct ssl_ctx_st *ctx, const struct dial *d, int fd);

/* As many open files as the system lets us have. */
void dial_raise_limits(void);

#endif
