/* content_process.h - the one process that reads what is served. */
#ifndef CONTENT_PROCESS_H
#define CONTENT_PROCESS_H

#include <limits.h>
#include <time.h>

#include "process/child.h"
#include "process/logs.h"
#include "process/sandbox.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/snapshot.h"

#define CONTENT_STOP_MS 2000 /* for it to go when no worker is left */
/* Between two warnings of a root that is gone. */
#define CONTENT_KEPT_MS 60000

/* How often a file may end the process before it is left out. */
#define CONTENT_DEATHS_MAX 2
/* Seconds for which it is, unless it changes. */
#define CONTENT_POISON_S 900
/* The number of warnings that says that the store could not be written. */
#define CONTENT_NOT_WRITTEN UINT_MAX
/* Warnings whose words the master gets to know; ours. */
#define CONTENT_WARNINGS_MAX 20
/* Files that are left out for that; ours. */
#define CONTENT_POISON_MAX 64

struct content_notes;

/* What the master remembers of those that it started; zeroed at first. */
struct content_deaths {
	/* Those that live, and the memory that each shares with the master. */
	struct content_life {
		struct content_life *next;
		pid_t pid;
		struct content_notes *notes;
	} * lives;
	/* The files that any of them was reading when it was killed. */
	size_t n;
	struct {
		char path[2 * BENEATH_PATH_MAX];
		unsigned deaths;
		time_t last; /* of them, as files have their times */
	} v[CONTENT_POISON_MAX];
};

/* What a content process begins with; borrowed for the call. */
struct content_start {
	const struct conf *conf;
	struct snapshot *configured; /* by it: the child keeps a copy */
	const struct sandbox *box;
	struct logs *logs;
	struct content_deaths *deaths;
	int lock;    /* of the store, handed over; -1: to be taken */
	bool staged; /* another one's workers are served from the same store */
	bool accept_empty; /* keep nothing of roots that are gone or empty */
};

/*
 * Fork a content process: it becomes its user, opens the roots and the store,
 * gives up all else (sandbox_enter_content), and brings the store up to date.
 * It then says CHANNEL_READY, with the number of warnings, or ends.  Each
 * CHANNEL_RESCAN and CHANNEL_ACCEPT is answered with CHANNEL_BUILT, likewise;
 * CHANNEL_WARNED tells of other warnings that come or go by themselves.  After
 * CHANNEL_YIELD, answered with CHANNEL_YIELDED and the store's lock, it writes
 * no more, until CHANNEL_RESUME brings the lock back.
 *
 * Workers that are introduced by CHANNEL_CONTENT get the store's files, and may
 * ask for large files.  The process lives until the channel and the ways to
 * all of its workers are closed.  NULL with errno.
 */
struct child *content_process_new(const struct content_start *start);

/*
 * In the master, when any process has gone: if it was a content process,
 * remove the folder of its temporary store, and count the file that it was
 * reading if it was killed over it.
 */
void content_deaths_reap(struct content_deaths *d, pid_t pid, bool killed);

/*
 * In the master, when a content process has read all there is: files over which
 * another one was killed, but less often than CONTENT_DEATHS_MAX, were not the
 * reason.
 */
void content_deaths_forgive(struct content_deaths *d);

/*
 * In the master: add to ps the first of the warnings that the process of this
 * id had when it was last ready, at most CONTENT_WARNINGS_MAX.
 */
void content_deaths_warnings(const struct content_deaths *d, pid_t pid,
    struct problems *ps);

/* In the master, with no worker left: wait until all are gone. */
void content_deaths_end(struct content_deaths *d);

/* In a worker: let go of what is shared with content processes. */
void content_deaths_leave(struct content_deaths *d);

#endif
