/* child.h - how a process of the daemon's begins, when it is not a worker. */
#ifndef CHILD_H
#define CHILD_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process/channel.h"

#define CHILD_FIRST    3  /* the descriptors it keeps start here */
#define CHILD_KEEP_MAX 64 /* of them */

/* Milliseconds within which a live process answers a probe. */
#define CHILD_PROBE_MS 500

/* Milliseconds within which a killed process is gone, if it is not stuck. */
#define CHILD_KILL_MS 500

/* A process beside the workers, as the master keeps it. */
struct child {
	pid_t pid;
	int channel; /* the master's end: the process goes when it is closed */
	int64_t born_ms;
	bool probed;      /* asked whether it lives, and not heard yet */
	bool killed;      /* by child_kill */
	unsigned unheard; /* looks of the watchdog since it last said a word */
};

/*
 * Fork, and call run(arg, channel) in the child, with its end of a channel,
 * signals still blocked: it calls child_begin and does not return.
 * The caller frees the result with child_free.  NULL with errno.
 */
struct child *child_new(void (*run)(void *arg, int channel), void *arg);

/* Close its channel: it then ends by itself.  NULL is fine. */
void child_free(struct child *c);

/* The same, and wait at most ms until it has ended, then kill it.  NULL is
 * fine. */
void child_end(struct child *c, int ms);

/*
 * A new way to the process, closed on exec, for the worker of this number,
 * which the process hears of by message; it closes the one that the worker had
 * before.  -1 with errno.
 */
int child_introduce(const struct child *c, enum channel_message message,
    unsigned number);

/*
 * Send it a probe.  CHILD_PROBE_MS later child_is_silent is true unless it has
 * answered.  Returns -1 if the probe cannot be sent, because the process is
 * dead or has not read its channel for long.
 */
int child_probe(struct child *c);
bool child_is_silent(struct child *c);

/* Kill it; the reaper does the rest once it has ended. */
void child_kill(struct child *c);

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

/*
 * In the master: wait at most ms until pid has ended, then kill it.  A process
 * that does not end even then is stuck in the kernel, and left to the reaper.
 */
void child_stop(pid_t pid, int ms);

#endif
