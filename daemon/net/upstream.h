/* upstream.h - one question to an application server, and its answer. */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"
#include "net/dial.h"
#include "site/target.h"

#define UPSTREAM_READ_MAX  (32 << 10) /* bytes that one read may bring */
#define UPSTREAM_DIALS_MAX 32         /* sockets a worker waits for at a time */
#define UPSTREAM_AGAIN_MS  100        /* until a busy server is dialled again */

/* Lines of applications' standard errors that a worker logs in a second. */
#define UPSTREAM_COMPLAINTS_MAX 10

struct event_base;
struct upstream;
struct upstreams;

enum upstream_result {
	UPSTREAM_MORE,   /* bytes came, or may: read again */
	UPSTREAM_WAIT,   /* nothing now: ready will be called */
	UPSTREAM_END,    /* the answer is whole */
	UPSTREAM_FAILED, /* it broke off, or was never one */
	UPSTREAM_DOWN    /* there is no server */
};

/*
 * All questions of one worker.  Workers may not connect anywhere: order(arg,
 * number) asks the master for a socket to the target of that number, which is
 * then given to upstreams_dialled; it returns -1 if just now it cannot.
 * Sockets come in the order in which they were asked for.  The worker keeps
 * the result until it ends.
 */
struct upstreams *upstreams_new(struct event_base *base,
    int (*order)(void *arg, unsigned number), void *arg);

/*
 * The master's answer to the oldest dial that has none: with DIAL_OK fd, which
 * is now owned.
 */
void upstreams_dialled(struct upstreams *us, enum dial_result r, int fd);

/* The master is gone: who has no socket yet gets none. */
void upstreams_give_up(struct upstreams *us);

/*
 * Ask target the question whose environment is env (cgi.h), borrowed for the
 * call.  ready(arg) is called from the loop whenever upstream_read may have
 * more to say; it may free the upstream.
 * Returns it, to be freed with upstream_free at any time, which ends the
 * connection; NULL without memory.
 */
struct upstream *upstream_new(struct upstreams *us, const struct target *target,
    struct view env, void (*ready)(void *arg), void *arg);
void upstream_free(struct upstream *u);

/*
 * Append what has come of the answer, at most UPSTREAM_READ_MAX bytes.  Any
 * result may have brought some.  Only who reads makes the server go on.
 * What an application writes to its standard error goes to the log, as far as
 * UPSTREAM_COMPLAINTS_MAX allows.
 */
enum upstream_result upstream_read(struct upstream *u, struct buf *to);

/* Call ready again from the loop, whether anything has come or not. */
void upstream_again(struct upstream *u);

/* True once a server has taken the question. */
bool upstream_is_asked(const struct upstream *u);

#endif
