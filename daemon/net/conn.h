/* conn.h - the life of a connection: one state machine for both protocols. */
#ifndef CONN_H
#define CONN_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>

#include "net/limits.h"
#include "net/listener.h"
#include "net/tls.h"
#include "site/conf.h"
#include "site/snapshot.h"

struct event_base;
struct conns;
struct files;
struct search_client;
struct upstreams;

/*
 * All connections of one worker.  Everything is borrowed and outlives the
 * result; the worker keeps it until it ends.
 */
struct conns *conns_new(struct event_base *base, const struct conf *conf,
    const struct snapshot *snapshot, struct tls *tls, struct limits *limits,
    struct upstreams *upstreams, struct search_client *search,
    struct files *files);

/* What a connection in that state does, in a word; NULL if there is none. */
const char *conns_state_name(unsigned state);

/* True while another connection may be accepted. */
bool conns_have_room(struct conns *cs);

/*
 * End one connection of this worker, so that another may be accepted: the
 * oldest that waits for a request, or else the slowest reader.  False if there
 * is none to be had.  Not to be called from within a connection's turn.
 */
bool conns_make_room(struct conns *cs);

/*
 * Serve an accepted, non-blocking socket, which is now owned.
 * Returns false, and the socket is still the caller's, if another worker took
 * the last place meanwhile.
 */
bool conns_add(struct conns *cs, const struct listener *l, int fd,
    const struct sockaddr *from);

/* How many connections there are. */
size_t conns_count(const struct conns *cs);

/*
 * Call done once, from the loop, when no connection is left (soon, if there
 * is none now).  No connection may be added afterwards.
 */
void conns_drain(struct conns *cs, void (*done)(void *arg), void *arg);

#endif
