/*
 * reload.h - put another generation, or new content, in place of what is
 * served; and hear the content processes, whose words a reload waits for.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include "process/master_state.h"

/*
 * Load anew; one that is under way is followed by another.  0: it goes on, and
 * who waits at the control socket is told; -1: it was refused, with the
 * reasons in ps and in the log.  accept_empty: nothing is kept of capsules
 * whose roots are gone or empty.
 */
int begin_reload(struct master *m, bool accept_empty, struct problems *ps);

/* The same when nobody waits for the reasons: they are in the log. */
void reload_unasked(struct master *m, bool accept_empty);

/* The next content process is gone: what is served is served on. */
void refuse_reload(struct master *m);

/* The old content process writes no more: the next one begins, with the
 * store's lock or -1. */
void start_next_content(struct master *m, int lock);

/* Its content process says nothing any more: kill it, and have done with what
 * waits for its words. */
void end_hung_content(struct master *m, bool is_next);

/* Nobody says how far the content is that was asked for: wait no longer. */
void refuse_rescan(struct master *m);

/* Stopping: what was to come will not. */
void drop_reload(struct master *m);

/* A worker has the newest content, or is gone: have all of them? */
void end_if_synced(struct master *m);

/* Wait for the next look at files, as the configuration has it. */
void arm_watch(struct master *m);

/* The timers m->synced and m->watch, and what a content process says. */
void on_synced(evutil_socket_t fd, short what, void *arg);
void on_watch(evutil_socket_t fd, short what, void *arg);
void on_content_says(evutil_socket_t fd, short what, void *arg);

#endif
