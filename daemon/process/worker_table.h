/* worker_table.h - the workers that the master has, and what it tells them. */
#ifndef WORKER_TABLE_H
#define WORKER_TABLE_H

#include "process/master_state.h"

/* As many as the configuration asks for. */
int wanted_workers(const struct master *m);

/* Those of the present generation; those that serve already, if only_ready. */
int count_workers(const struct master *m, bool only_ready);

/* Tell who waits for it once what was loaded last is all that is served. */
void tell_if_served(struct master *m);

/* Neither hear the worker nor speak to it any more. */
void close_worker_channel(struct worker_process *w);

/* Take out of the table, and free, one that is gone. */
void forget_worker(struct master *m, struct worker_process *gone);

/* End one that is not what it was made to be: SIGCHLD tells the rest. */
void kill_worker(struct worker_process *w, const char *why);
void kill_workers(struct master *m);

/*
 * Say something to a worker, or to all of them (but those of the present
 * generation, if only_old).  fd goes along, or -1.  One that does not read is
 * killed.
 */
void tell_worker(struct worker_process *w, enum channel_message message,
    unsigned number, int fd);
void tell_workers(struct master *m, enum channel_message message, int fd,
    bool only_old);

#endif
