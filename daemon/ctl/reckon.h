/* reckon.h - what a look at the daemon comes to, since another or the start. */
#ifndef RECKON_H
#define RECKON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/look.h"

#define RECKON_PREFIX "capsuled_" /* of every name */

/* A look, and what rates are reckoned from; borrows both. */
struct reckoning {
	const struct look *now;
	const struct counts *before; /* NULL: since the start */
	double seconds;              /* from before until now; over 0 */
};

/*
 * Reckon from before until now, or from the start of the daemon if before is
 * NULL, not earlier, or of a daemon that was another one.
 */
struct reckoning reckon(const struct look *now, const struct look *before);

/* The sum of a name's samples, or of those whose label is value. */
int64_t reckon_sum(const struct reckoning *r, const char *name,
    const char *label, const char *value);

/* The same of all samples of a name. */
int64_t reckon_get(const struct reckoning *r, const char *name);

/* How much the sum grew a second. */
double reckon_rate(const struct reckoning *r, const char *name,
    const char *label, const char *value);

/* The same of requests_total with that protocol and that status alone. */
double reckon_requests(const struct reckoning *r, const char *protocol,
    const char *status);

/* A gauge that is a moment, of those that can be told. */
int64_t reckon_moment(const struct reckoning *r, const char *name);

/*
 * The q-quantile of how long answers over a protocol took, in seconds, as
 * counts_quantile has it.
 */
double reckon_quantile(const struct reckoning *r, const char *protocol,
    double q, bool *beyond);

#endif
