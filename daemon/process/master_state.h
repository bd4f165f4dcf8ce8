/*
 * master_state.h - what the master remembers: of itself, of its workers, of
 * the processes beside them, and of a reload.
 *
 * For the files that make up the master alone, in this order: master_state,
 * worker_table, helper, listener_watch, spawn, reload, worker_message, reaper,
 * watchdog, stop, master_control, master.  Each calls those before it.
 */
#ifndef MASTER_STATE_H
#define MASTER_STATE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "base/problem.h"
#include "base/quota.h"
#include "net/dial.h"
#include "net/limits.h"
#include "net/metrics.h"
#include "process/channel.h"
#include "process/content_process.h"
#include "process/control_server.h"
#include "process/generation.h"
#include "process/logs.h"
#include "process/master_options.h"

#define BACKOFF_MIN_MS 100   /* after the first process that died young */
#define BACKOFF_MAX_MS 10000 /* doubled up to this */
#define STUCK_MAX      4     /* no content process is started beside them */
#define MESSAGES_MAX   20000 /* a second: who says more is none of ours */

struct worker_process {
	struct worker_process *next;
	struct master *master;
	pid_t pid;
	unsigned number; /* from 1; its place in the table of limits */
	int channel;     /* the master's end; -1 once the worker closed it */
	struct event *event;
	unsigned serial;     /* of the generation it serves */
	struct dials *dials; /* its applications; owned together */
	bool ready;
	bool owes_sync; /* it has not said yet that it has the newest root */
	bool accepting; /* as far as it has said */
	struct quota messages, complaints;
	int64_t born_ms;
};

/* The processes beside the workers, each replaced when it dies. */
enum { HELPER_KEYS, HELPER_CONTENT, HELPER_SEARCH, HELPER_METRICS, HELPERS };

/* What the master remembers of one, whichever process it is just now. */
struct helper {
	struct master *master;
	const struct helper_kind *kind;
	struct event *restart, *probed;
	int backoff_ms; /* 0: the last one to die was not young */
};

/*
 * What is to replace what is served, until its content process is ready: the
 * old one has to give the store's lock away first.
 */
struct reload {
	struct generation *next; /* NULL: none is under way */
	struct event *event;     /* of its content process */
	bool yielding;           /* the lock has been asked for */
	int lock;                /* the next one's while it builds; or -1 */
	bool accepts;     /* nothing is kept of roots that are gone or empty */
	bool rescanning;  /* content alone is looked at, by the one there is */
	pid_t asked;      /* which one was told to look; 0: none */
	bool syncing;     /* it was, and workers are about to have it */
	bool written;     /* it could be */
	bool hung;        /* its content process said nothing any more */
	unsigned unheard; /* looks of the watchdog since one said a word */
	bool again;       /* another one was asked for meanwhile */
	bool again_accepts; /* which keeps nothing of such roots */
};

struct master {
	const struct master_options *options;
	struct event_base *base;
	/* Who hears workers, and content processes: upper files. */
	event_callback_fn worker_says, content_says;
	struct generation *now;
	struct reload reload;
	struct content_deaths deaths;
	struct event *content_event; /* of what the content process says */
	struct quota content_messages;
	bool content_ready;       /* it was once, of this generation */
	unsigned long long tried; /* fingerprint of what was refused */
	unsigned serial; /* of now: addresses of generations come again */
	struct logs *logs;
	struct limits *limits;
	struct metrics *metrics;
	struct child *exporter; /* NULL: none, or it died */
	struct helper helpers[HELPERS];
	struct control *control;
	struct worker_process *workers;
	unsigned n_workers;
	struct event **shut_events; /* one for each listening socket */
	size_t n_shut_events;
	struct event *respawn, *drained, *watch, *advice, *relay, *turn,
	    *synced, *rewatch, *watchdog;
	pid_t stuck[STUCK_MAX]; /* killed, and have not ended */
	size_t n_stuck;
	int backoff_ms;   /* 0: the last worker to die was not young */
	unsigned reading; /* files that a content process has read so far; 0: it
			   * is not at it, or has just begun */
	bool served;      /* every listener was served once: we are ready */
	bool stopping;
	int status;
};

/* Let the timer fire once, ms from now. */
void start_timer(struct event *timer, int64_t ms);

/* Free *event, if there is one, and make it NULL. */
void drop_event(struct event **event);

/*
 * The pause in milliseconds before a process is replaced which lived for
 * age_ms; last_ms was the pause before.
 */
int next_backoff(int last_ms, int64_t age_ms);

/* Say in the log what is wrong. */
void log_problems(struct problems *ps);

#endif
