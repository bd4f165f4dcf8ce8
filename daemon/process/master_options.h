/* master_options.h - what the command line tells the master. */
#ifndef MASTER_OPTIONS_H
#define MASTER_OPTIONS_H

#include <stdbool.h>

#include "base/log.h"
#include "site/conf.h"

/* What the command line says. */
struct master_options {
	const char *conf_path;
	bool foreground;
	int ready_fd;           /* -R: where to tell the ports; -1: nowhere */
	int extra_verbosity;    /* -v: levels above the configuration's */
	void (*on_ready)(void); /* called once when all is served; or NULL */
};

/* The log's level: the configuration's and -v's. */
enum log_level master_level(const struct master_options *options,
    const struct conf *conf);

/* Set the log's level: the configuration's and -v's. */
void master_set_level(const struct master_options *options,
    const struct conf *conf);

#endif
