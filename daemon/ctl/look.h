/* look.h - ask the daemon that runs with a configuration what it counts. */
#ifndef LOOK_H
#define LOOK_H

#include <stdint.h>

#include "base/buf.h"
#include "ctl/counts.h"
#include "site/conf.h"

/* One look at the daemon. */
struct look {
	struct buf answer; /* all that came */
	struct counts counts;
	int64_t wall; /* when it was; and by clock_ms */
	int64_t ms;
};

/*
 * Ask the listeners of [metrics], of which there is at least one, until
 * capsuled answers.  Returns 0; or -1, and the first reason, a sentence, is
 * appended to why.  The caller frees *l with look_fini in both cases.
 */
int look(struct look *l, const struct conf *conf, struct buf *why);
void look_fini(struct look *l);

#endif
