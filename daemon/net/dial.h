/* dial.h - connect to application servers, for those who may not. */
#ifndef DIAL_H
#define DIAL_H

#include "site/target.h"

/* A server that is not there is complained of this often at most: ms. */
#define DIAL_WARN_MS 10000

struct dials;

enum dial_result {
	DIAL_OK,   /* connected, or about to be */
	DIAL_BUSY, /* its queue is full: try again soon */
	DIAL_DOWN  /* there is no server */
};

/*
 * The addresses of all targets, which are then no longer needed: whoever asks
 * for one names its number, never an address.  The caller lets go of the
 * result with dials_unref; dials_ref makes another owner.
 */
struct dials *dials_new(const struct target *targets, unsigned n);
struct dials *dials_ref(struct dials *ds);
void dials_unref(struct dials *ds);

/*
 * Connect to target number, without waiting.  On DIAL_OK *fd is the socket,
 * non-blocking, closed on exec, the caller's; else -1.  A number that is none
 * is DIAL_DOWN.  Logs why a server is not there, if that is known already.
 */
enum dial_result dial(struct dials *ds, unsigned number, int *fd);

#endif
