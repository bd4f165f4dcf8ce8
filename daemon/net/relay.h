/* relay.h - pass on what an application answers, or say that it does not. */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "net/upstream.h"
#include "site/answer.h"

#define RELAY_PIECE (32 << 10) /* bytes gathered before they are sent */
#define RELAY_TURNS 4 /* pieces in a row before others have their turn */

struct relay;

enum relay_result {
	RELAY_WAIT,  /* nothing now: ready will be called */
	RELAY_BYTES, /* reply->answer.bytes go next; then read again */
	RELAY_DONE,  /* reply->answer.bytes go last: an end, or a refusal */
	RELAY_CUT    /* what was sent has no end: it must not look whole */
};

/*
 * Ask reply->app, with the environment in reply->dynamic, which is used for
 * its answer from then on; reply is the caller's and stays where it is.  max:
 * bytes the answer may have.  ready as in upstream.h.
 * Returns NULL without memory; else the caller frees the result, at any time.
 */
struct relay *relay_new(struct upstreams *us, const struct protocol *protocol,
    struct reply *reply, size_t max, void (*ready)(void *arg), void *arg);
void relay_free(struct relay *r);

/* What comes next; bytes that it gave before are overwritten. */
enum relay_result relay_read(struct relay *r);

/*
 * The application's time is over: RELAY_DONE with a refusal, or RELAY_CUT if
 * some of its answer was sent.
 */
enum relay_result relay_expire(struct relay *r);

#endif
