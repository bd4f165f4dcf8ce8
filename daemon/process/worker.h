/* worker.h - a process that serves and can do nothing else. */
#ifndef WORKER_H
#define WORKER_H

#include "process/generation.h"
#include "process/logs.h"

/*
 * Serve generation g until the master says drain, or is gone, and every
 * connection has ended.  channel is this worker's end.
 *
 * To be called in a freshly forked process, signals blocked; never returns.
 */
void worker_run(const struct generation *g, struct logs *logs, int channel)
    __attribute__((noreturn));

#endif
