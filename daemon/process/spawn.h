/* spawn.h - fork workers, as many as are wanted. */
#ifndef SPAWN_H
#define SPAWN_H

#include "process/master_state.h"

/* What cannot be done now is tried again after a pause. */
void spawn_missing_workers(struct master *m);

/* The timer m->respawn: the pause is over. */
void on_respawn(evutil_socket_t fd, short what, void *arg);

#endif
