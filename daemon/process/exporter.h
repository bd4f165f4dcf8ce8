/* exporter.h - the process that answers Prometheus. */
#ifndef EXPORTER_H
#define EXPORTER_H

#include <sys/types.h>

#include <stdint.h>

#include "net/listener.h"
#include "net/metrics.h"
#include "process/sandbox.h"
#include "site/conf.h"

#define EXPORTER_TIMEOUT_S  10 /* for a request and its answer together */
#define EXPORTER_VISITS_MAX 16 /* at a time; others wait in the kernel */

/* What the master knows of it. */
struct exporter {
	pid_t pid;
	int channel;
	int64_t born_ms;
};

/*
 * Fork a process that serves the page of m over HTTP on every listener of the
 * kind LISTENER_METRICS: GET /metrics.  It gives up what workers give up.
 * Asked by a name that is neither localhost, nor this machine's, nor one of a
 * capsule, it answers nothing: a page in a browser may have had that name lead
 * here.  A connection is for one request.
 * Returns NULL if there is no such listener, or with a logged reason if the
 * process cannot be started.  The caller frees the result with exporter_free.
 */
struct exporter *exporter_new(const struct conf *conf,
    const struct listeners *ls, struct metrics *m, const struct sandbox *box);

/* Let it finish what it is at, then go; NULL is fine. */
void exporter_free(struct exporter *e);

/* The same, and wait for it to be gone. */
void exporter_stop(struct exporter *e);

#endif
