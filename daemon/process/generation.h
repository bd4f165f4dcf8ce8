/* generation.h - one complete set of all that a worker serves from. */
#ifndef GENERATION_H
#define GENERATION_H

#include <stdbool.h>

#include "base/problem.h"
#include "net/dial.h"
#include "net/listener.h"
#include "net/metrics.h"
#include "net/tls.h"
#include "process/control_socket.h"
#include "process/keyproc.h"
#include "process/users.h"
#include "site/conf.h"
#include "site/snapshot.h"

/*
 * Built whole or not at all, but for the content process, which the master
 * starts; only processes that died are replaced afterwards.
 */
struct generation {
	struct conf *conf;
	struct listeners listeners;
	struct snapshot *snapshot; /* what is configured; no content */
	struct tls *tls;
	struct dials *dials; /* shared with those who dial for its workers */
	struct users users;
	struct control_socket control;
	/* Of content: the first of them, and how many; all are in the log. */
	struct problems *warnings;
	size_t n_warnings;
	struct metrics_certificate *certificates; /* in facts; owned */
	struct metrics_facts facts;               /* their time is not set */
	struct child *key_process; /* NULL: none, keys are in tls; or it died */
	struct child *search;      /* NULL: there is no search; or it died */
	struct child *content;     /* NULL: not started yet, or it died */
	unsigned long long fingerprint; /* of all that it was built from */
};

/*
 * Build a generation from the configuration conf, which it owns from now on,
 * taking over listening sockets of old, which may be NULL.
 * Adds what is wrong to ps.  Returns NULL then, with old as it was.
 */
struct generation *generation_new(struct conf *conf,
    const struct generation *old, struct problems *ps);

/* Free all of it but the sockets that kept, which may be NULL, took over. */
void generation_free(struct generation *g, const struct generation *kept);

/* Look at everything conf names, bind and write nothing, and read no content:
 * for -n.  What refuses nothing goes to notes. */
void generation_check(const struct conf *conf, struct problems *ps,
    struct problems *notes);

/*
 * The number that changes with any file that conf names, its own included,
 * and if a root becomes another folder; but not with what lies below one.
 */
unsigned long long generation_fingerprint(const struct conf *conf);

/* Say in the log what is served, where, and with which certificates. */
void generation_announce(const struct generation *g);

#endif
