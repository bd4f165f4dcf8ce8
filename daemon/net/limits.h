/* limits.h - how much each address may ask for, over all workers together. */
#ifndef LIMITS_H
#define LIMITS_H

#include <sys/socket.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "site/answer.h"

#define LIMITS_CONNECTIONS_MAX (1 << 20) /* connections one table can hold */
/* Addresses without a connection whose rate is remembered, at the most. */
#define LIMITS_IDLE_MAX 4096
#define LIMITS_WORKERS_MAX                                                     \
	256 /* owners of connections, drained ones included */
/* So many times what an address may hold may an IPv6 network of 48 bits. */
#define LIMITS_NETWORK_TIMES 16
/* So many times the rate of requests is that of full TLS handshakes. */
#define LIMITS_HANDSHAKE_TIMES 2

struct limits;

/* What holds now; a reload may change it while connections are open. */
struct limits_rules {
	int connections;             /* over all workers */
	int connections_per_address; /* IPv4 /32, IPv6 /64 */
	int rate;                    /* requests a second per address; 0: off */
};

enum limits_result {
	LIMITS_OK,
	LIMITS_FULL,   /* too many connections: leave visitors in the kernel */
	LIMITS_REFUSED /* this address has too many, or asks far too often */
};

/*
 * A table in memory that this process and those it forks share; empty.  Its
 * size is bounded whatever the number of addresses, and pages that no
 * connection ever needed are never touched.
 *
 * A worker that was taken over can write anything into the table: then others
 * are let in or turned away wrongly, and nothing else happens to them.  When a
 * worker ends the table is made anew from the connections of those that live.
 * Errors: as mem.h.
 */
struct limits *limits_new(void);
void limits_free(struct limits *l);

/* In the master: worker number owner, from 1, is that process. */
void limits_add_worker(struct limits *l, unsigned owner, pid_t pid);

/* The calling process is worker number owner, from now on. */
void limits_enter_worker(struct limits *l, unsigned owner);

/* True while another connection may be accepted. */
bool limits_have_room(struct limits *l, const struct limits_rules *rules);

/*
 * Count a connection from this address in; on LIMITS_OK *ticket is filled and
 * must be given back with limits_leave.  All who come through a socket of this
 * machine (AF_UNIX) are one address.  Without an address (NULL: a proxy has yet
 * to say whose it is) it counts in the total alone, and limits_assign must
 * follow before anything is taken.
 */
enum limits_result limits_enter(struct limits *l,
    const struct limits_rules *rules, const struct sockaddr *from,
    int64_t now_ms, unsigned *ticket);
void limits_leave(struct limits *l, unsigned ticket);

/*
 * From now on count a connection that had no address towards this one; address
 * is 4 bytes for AF_INET and 16 for AF_INET6, network order, and not read for
 * AF_UNIX.  LIMITS_OK, or
 * LIMITS_REFUSED as limits_enter would: then it still has none.
 */
enum limits_result limits_assign(struct limits *l,
    const struct limits_rules *rules, unsigned ticket, int family,
    const void *address, int64_t now_ms);

/*
 * Take one request from the address of a connection; true if it may be
 * answered, false if the peer shall ask again in ANSWER_WAIT_S.
 *
 * So many refusals a second are granted as requests are; an address that goes
 * on regardless is then turned away by limits_enter.
 */
bool limits_take(struct limits *l, const struct limits_rules *rules,
    unsigned ticket, int64_t now_ms);

/*
 * Take one full TLS handshake, of which there are LIMITS_HANDSHAKE_TIMES as
 * many as requests, from the address of a connection; false: the connection
 * shall be closed before anything is signed.
 */
bool limits_take_handshake(struct limits *l, const struct limits_rules *rules,
    unsigned ticket, int64_t now_ms);

/*
 * In the master: worker owner is dead, and was waited for; give back all that
 * it held.  Who asked how often lately is forgotten.
 */
void limits_reap(struct limits *l, unsigned owner);

/* How many connections are counted now. */
int limits_count(const struct limits *l);

#endif
