/* logs.h - open the sinks that the configuration asks for. */
#ifndef LOGS_H
#define LOGS_H

#include <stdbool.h>

#include "base/log.h"
#include "base/problem.h"
#include "site/conf.h"

struct logs {
	struct log_sink general, access; /* of the master */
	int access_fd; /* the access log's own file, or -1; owned */
	int relay[2];  /* datagrams from workers to the master; owned */
};

/* Everything to standard error, until the configuration is known. */
void logs_init(struct logs *logs);

/*
 * Open what conf asks for and use it from now on; in the background, what
 * would go to standard error goes to the system's log.
 * Adds to ps and returns -1, everything as it was, if a file cannot be opened.
 */
int logs_open(struct logs *logs, const struct conf *conf, bool foreground,
    struct problems *ps);

/* In a worker: what only the master can reach goes through it from now on. */
void logs_enter_worker(struct logs *logs);

/* In a child that is no worker: the same, through this descriptor. */
void logs_enter_child(struct logs *logs, int relay);

/* In a worker: a new descriptor for the access log came from the master. */
void logs_replace_access(struct logs *logs, int fd);

/*
 * Lines of workers after which a turn is over; one that floods waits.  A
 * datagram is written whole, however many of them it has.
 */
#define LOGS_TURN 1024

/*
 * In the master: write what workers have sent, as much as a turn may take; true
 * if there may be more.
 */
bool logs_relay(struct logs *logs);

void logs_close(struct logs *logs);

#endif
