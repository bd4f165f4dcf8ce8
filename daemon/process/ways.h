/* ways.h - a process that workers ask: the ways to them, and to the master. */
#ifndef WAYS_H
#define WAYS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "net/limits.h"
#include "process/channel.h"

/* Workers that are served at a time, and one that is none. */
#define WAYS_MAX    (LIMITS_WORKERS_MAX + 1)
#define WAYS_SEARCH WAYS_MAX /* the number of the search process */

/*
 * For poll(2): the channel to the master first, and behind it the way to each
 * worker at its number.  There is always room for one more, of the caller's.
 * To be zeroed, and begun with ways_begin.
 */
struct ways {
	struct pollfd v[1 + WAYS_MAX + 1];
	nfds_t n;    /* up to the last that is open */
	size_t open; /* how many are; none: it is time to go */
	enum channel_message introduces;
};

/*
 * Begin with the channel alone, which is owned from now on, as all others are.
 * introduces: the master's word for a worker's way.
 */
void ways_begin(struct ways *w, int channel, enum channel_message introduces);

/*
 * Hear what the master says, if the channel is open and it says anything: a
 * worker is introduced, the master wants to know whether we live, or is gone.
 * A worker has one way, so that none can take the place of another.  Returns
 * the number of the worker whose way is a new one, or 0.
 */
unsigned ways_hear(struct ways *w);

/*
 * The same; what else the master says is *other, with a descriptor that is now
 * the caller's, or -1; CHANNEL_NOTHING if that is nothing.
 */
unsigned ways_hear_all(struct ways *w, enum channel_message *other, int *fd);

/* Close the way to a worker. */
void ways_close(struct ways *w, nfds_t i);

#endif
