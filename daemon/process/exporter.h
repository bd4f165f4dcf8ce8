/* exporter.h - the process that answers Prometheus. */
#ifndef EXPORTER_H
#define EXPORTER_H

#include "net/listener.h"
#include "net/metrics.h"
#include "process/child.h"
#include "process/sandbox.h"
#include "site/conf.h"

#define EXPORTER_TIMEOUT_S  10   /* for a request and its answer together */
#define EXPORTER_STOP_MS    1000 /* to go, once it has been let go of */
#define EXPORTER_VISITS_MAX 16   /* at a time; others wait in the kernel */

/* What it begins with; all of it borrowed. */
struct exporter_start {
	const struct conf *conf;
	const struct listeners *listeners;
	struct metrics *metrics;
	const struct metrics_facts *facts;
	const struct sandbox *box;
};

/*
 * Fork a process that serves the page of metrics over HTTP on every listener of
 * the kind LISTENER_METRICS: GET /metrics.  It gives up what workers give up.
 * Asked by a name that is neither localhost, nor this machine's, nor one of a
 * capsule, it answers nothing: a page in a browser may have had that name lead
 * here.  A connection is for one request.
 * Returns NULL if there is no such listener, or with a logged reason if the
 * process cannot be started.  The caller frees the result with child_free: it
 * then finishes what it is at, and goes.
 */
struct child *exporter_new(const struct exporter_start *start);

#endif
