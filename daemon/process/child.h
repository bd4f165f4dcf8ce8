/* child.h - how a process of the daemon's begins, when it is not a worker. */
#ifndef CHILD_H
#define CHILD_H

#include <sys/types.h>

#include <stddef.h>

#define CHILD_FIRST    3  /* the descriptors it keeps start here */
#define CHILD_KEEP_MAX 64 /* of them */

/*
 * Fork with all signals blocked, so that no handler of the master's runs in
 * the child before it has its own: child_begin lets them through.
 * Returns as fork(2).
 */
pid_t child_fork(void);

/*
 * In the child: keep standard input, output and error and these n descriptors,
 * which become CHILD_FIRST and those after it, and no other.  Listening
 * sockets and the master's ends of channels must close when the master goes.
 * Snapshots are freed: the child would keep alive what the master frees.
 * The tables that workers share are theirs, and are let go of, but for what
 * was made read-only before.  Signals are ignored from now on: the master
 * decides when a child ends.
 */
void child_begin(const char *title, const int *keep, size_t n);

/* In the master: wait until pid is gone, for at most ms, then kill it. */
void child_stop(pid_t pid, int ms);

#endif
