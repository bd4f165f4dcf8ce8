/* master.h - load, fork, watch, reload, stop. */
#ifndef MASTER_H
#define MASTER_H

#include <stdbool.h>

#include "process/generation.h"
#include "process/logs.h"

/* What the command line says. */
struct master_options {
	const char *conf_path;
	bool foreground;
	int ready_fd;           /* -R: where to tell the ports; -1: nowhere */
	int extra_verbosity;    /* -v: levels above the configuration's */
	void (*on_ready)(void); /* called once when all is served; or NULL */
};

/*
 * Serve g, which is owned from now on, until told to stop by a signal.
 * Returns the exit status: 0 stopped as asked, 1 could not start.
 */
int master_run(const struct master_options *options, struct generation *g,
    struct logs *logs);

/* Set the log's level: the configuration's and -v's. */
void master_set_level(const struct master_options *options,
    const struct conf *conf);

#endif
