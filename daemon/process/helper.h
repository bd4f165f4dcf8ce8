/*
 * helper.h - the processes beside the workers, each replaced when it dies, and
 * the ways of workers to them.
 */
#ifndef HELPER_H
#define HELPER_H

#include "process/master_state.h"

/* What is the same of all processes of a kind: a row each. */
struct helper_kind {
	const char *name;
	/* Where the master has it. */
	struct child **(*place)(struct master *m);
	/* False: it has been told why not, and shall be tried again. */
	bool (*start)(struct master *m);
	/* The word, to both, for a worker's way to it; or CHANNEL_NOTHING. */
	enum channel_message way;
};

/* Make m->helpers; their events are freed with helpers_fini. */
void helpers_init(struct master *m);
void helpers_fini(struct master *m);

/* The process itself, or NULL if it is not there just now. */
struct child *helper_child(const struct helper *h);

/* Start it, and try again later if that cannot be done. */
void helper_start(const struct helper *h);

/* Lead a worker to the helper, which may be dead, or about to be ended. */
void helper_lead(const struct helper *h, struct worker_process *w);

/* Somebody has waited for it in vain: whether it lives it says itself. */
void helper_probe(const struct helper *h);

/*
 * Start the content process of g, with the store's lock or -1, beside another
 * one or not; what it says is heard by *event.  False: the log tells why.
 */
bool start_content_of(struct master *m, struct generation *g, int lock,
    bool staged, struct event **event);

/* The same for the generation that is served, unless another is to come. */
bool start_content(struct master *m);

#endif
