/* fetch.h - ask the running daemon for its counts. */
#ifndef FETCH_H
#define FETCH_H

#include <stddef.h>

#include "base/buf.h"
#include "site/conf.h"

#define FETCH_ANSWER_MAX                                                       \
	((size_t)2 << 20)      /* bytes; 256 capsules take a tenth of it */
#define FETCH_DEADLINE_MS 5000 /* for all of it, from connecting on */

enum fetch_result {
	FETCH_DONE,
	FETCH_NOBODY,   /* nobody listens there; *why says what was tried */
	FETCH_SLOW,     /* not all of an answer in FETCH_DEADLINE_MS */
	FETCH_TOO_LONG, /* more than FETCH_ANSWER_MAX */
	FETCH_BROKEN    /* it broke off */
};

/*
 * Append how the address of a listener is reached, as the configuration has
 * it; where it listens on any address, that is the loopback's.
 */
void fetch_name(const struct conf_listen *at, struct buf *to);

/*
 * Send "GET /metrics" to a listener and put into *to, which the caller has
 * initialised with FETCH_ANSWER_MAX, all that comes until the other end hangs
 * up.  Errors are left in errno where the system has one for them: with
 * FETCH_NOBODY and FETCH_BROKEN.
 */
enum fetch_result fetch(const struct conf_listen *at, struct buf *to);

#endif
