/* listener.h - the sockets that visitors connect to. */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/problem.h"
#include "site/answer.h"
#include "site/conf.h"

/* Connections that may wait in the kernel for accept(2); it may allow less. */
#define LISTENER_BACKLOG 4096

/* Bytes that wait in the kernel for one reader, besides what is on its way. */
#define LISTENER_QUEUE (128 << 10)

/* An address, which is shorter, or the path of a socket, and a NUL: bytes. */
#define LISTENER_HOST_MAX (CONF_UNIX_MAX + 1)

/* In this order where they are counted. */
enum listener_kind { LISTENER_GEMINI, LISTENER_GOPHER, LISTENER_METRICS };

struct listener {
	enum listener_kind kind;
	const struct protocol *protocol; /* NULL: none of a capsule's */
	bool clear;                      /* answers in the clear */
	bool tls;                        /* answers TLS */
	size_t gopher; /* which of conf->gophers it is of, if it is of one */
	size_t site;   /* which capsule answers where no host is named */
	const struct conf_networks *proxies; /* who sends a PROXY header;
					      * of the configuration */
	int fd;      /* bound and listening, non-blocking */
	int port;    /* the real one, where the kernel chose; AF_UNIX: 0 */
	bool handed; /* a service manager's: it may not be left unused */
	bool beside; /* bound while an older one of ours was in the way */

	/* What the configuration asked for: the same again keeps the socket. */
	char host[LISTENER_HOST_MAX];
	int family, asked_port, pair;
};

struct listeners {
	struct listener *v; /* owned */
	size_t n;
};

/*
 * Bind all that conf asks for, taking over sockets of old, which may be NULL,
 * where the address is the same; an old one that contains a new one, or is
 * contained in it, as "*:70" contains "127.0.0.1:70", is in nobody's way.  One
 * that was handed over has no protocol yet: it is for whichever names its
 * address.
 *
 * Adds to ps what cannot be bound, with the reason, and what was handed over
 * and is not asked for.  Returns 0, *to being filled; or -1, everything newly
 * bound closed again and old as it was.
 */
int listeners_open(struct listeners *to, const struct listeners *old,
    const struct conf *conf, struct problems *ps);

/*
 * Close the sockets of ls that kept, which may be NULL, has not taken over, and
 * remove the files of those that have one.
 */
void listeners_close(struct listeners *ls, const struct listeners *kept);

/*
 * Mend what a worker, all of which share these sockets, may have done to them:
 * who was shut down listens again, and options are as they were.  Logs what
 * it finds.  A socket of the file system cannot be had back.
 */
void listeners_mend(const struct listeners *ls);

/*
 * The port of the first listener of that Gopher service (of conf->gophers) that
 * has one, or the protocol's own.
 */
int listeners_gopher_port(const struct listeners *ls, size_t gopher);

/* Append the ports of one kind in the order of conf: "1965" or "1965,1966". */
void listeners_ports(const struct listeners *ls, enum listener_kind kind,
    struct buf *to);

/* Append where l listens: "127.0.0.1:70", "[::1]:70", "unix:/run/x". */
void listener_name(const struct listener *l, struct buf *to);

#endif
