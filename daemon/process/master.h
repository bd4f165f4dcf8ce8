/* master.h - load, fork, watch, reload, stop. */
#ifndef MASTER_H
#define MASTER_H

#include "process/generation.h"
#include "process/logs.h"
#include "process/master_options.h"

/*
 * Serve g, which is owned from now on, until told to stop by a signal.
 * Returns the exit status: 0 stopped as asked, 1 could not start.
 */
int master_run(const struct master_options *options, struct generation *g,
    struct logs *logs);

#endif
