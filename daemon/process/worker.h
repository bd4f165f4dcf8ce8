/* worker.h - a process that serves and can do nothing else. */
#ifndef WORKER_H
#define WORKER_H

#include "net/limits.h"
#include "net/metrics.h"
#include "process/generation.h"
#include "process/logs.h"

/* What a worker inherits; all borrowed. */
struct worker_start {
	const struct generation *generation;
	struct logs *logs;
	struct limits *limits;
	struct metrics *metrics;
	unsigned number; /* from 1; no other living worker has it */
	int channel;     /* the worker's end */
	int key_process; /* the way to the key process; -1: there is none */
	int search;      /* the same to the search process */
	int content;     /* to the content process; -1: it is yet to come */
};

/*
 * Serve until the master says drain, or is gone, and every connection has
 * ended.
 *
 * To be called in a freshly forked process, signals blocked; never returns.
 */
void worker_run(const struct worker_start *s) __attribute__((noreturn));

#endif
