/* upstream.h - one question to an application server, and its answer. */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"
#include "site/snapshot.h"

/* Bytes that are taken from a server at a time; fits one stream chunk. */
#define UPSTREAM_PIECE_MAX (32 << 10)

struct event_base;
struct upstream;
struct upstreams;

enum upstream_result {
	UPSTREAM_PIECE,  /* bytes of the answer */
	UPSTREAM_WAIT,   /* nothing now: ready will be called */
	UPSTREAM_END,    /* the answer is whole */
	UPSTREAM_FAILED, /* it broke off, or was never one */
	UPSTREAM_DOWN    /* there is no server, or it took no question */
};

/*
 * All questions of one worker.  Workers may not connect anywhere: dial(arg,
 * target) asks the master for a socket to the target of that number, which is
 * then given to upstreams_dialled.  Sockets are given in the order in which
 * they were asked for.
 */
struct upstreams *upstreams_new(struct event_base *base,
    int (*dial)(void *arg, unsigned target), void *arg);

/*
 * The master's answer to the oldest dial that has none: a socket that is
 * connected or about to be, now owned, or -1 if there is no server.
 */
void upstreams_dialled(struct upstreams *us, int fd);

/*
 * Ask target the question whose environment is env (cgi.h), borrowed for the
 * call.  ready(arg) is called from the loop whenever upstream_read may have
 * more to say; it may free the upstream.
 * Returns it, to be freed with upstream_free at any time; NULL without memory.
 */
struct upstream *upstream_new(struct upstreams *us,
    const struct upstream_target *target, struct view env,
    void (*ready)(void *arg), void *arg);
void upstream_free(struct upstream *u);

/*
 * Take the next piece of the answer, at most UPSTREAM_PIECE_MAX bytes; it
 * borrows memory that all upstreams share, and dies with the next read.
 * What an application writes to its standard error goes to the log.
 */
enum upstream_result upstream_read(struct upstream *u, struct view *piece);

#endif
