/* metrics.h - what happened, counted over all processes. */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/view.h"
#include "net/limits.h"

/* Rows that can count at a time: the master's, 0, and one for each worker. */
#define METRICS_ROWS   (LIMITS_WORKERS_MAX + 1)
#define METRICS_STATES 10 /* states of a connection that can be told apart */
#define METRICS_PAGE_MAX                                                       \
	((size_t)1 << 20) /* bytes of a page; 256 capsules fill a tenth */

struct metrics;

/* What is only counted. */
enum metrics_event {
	METRICS_ACCEPTED,        /* a connection came */
	METRICS_REFUSED,         /* its address had too many, or was too fast */
	METRICS_SLOWED,          /* a request was told to come again later */
	METRICS_HANDSHAKE_LIMIT, /* an address made too many full ones */
	METRICS_FULL,            /* max_connections made visitors wait */
	METRICS_EXHAUSTED,       /* no descriptor or memory was left */
	METRICS_HANDSHAKE_BROKE, /* TLS was begun and came to nothing */
	METRICS_HEADER_BAD,      /* a proxy did not say whose it was */
	METRICS_CUT,             /* an answer began and did not end */
	METRICS_LOG_DROPPED,     /* a line of the log was lost */
	METRICS_APP_DONE,        /* an application answered, whatever it said */
	METRICS_APP_DOWN,        /* nobody was there to be asked */
	METRICS_APP_LATE,        /* its time was over before its answer's end */
	METRICS_APP_BAD,         /* what it sent was no answer, or not all */
	METRICS_APP_LEFT,        /* the visitor went first */
	METRICS_SEARCH_DONE,     /* a search came to its end */
	METRICS_SEARCH_SLOW,     /* its time was over before that */
	METRICS_SEARCH_BUSY,     /* too many waited, of its address or in all */
	METRICS_SEARCH_FAILED, /* nobody was there to be asked, or could tell */
	METRICS_SEARCH_MS,     /* a millisecond that one took, or waited */
	METRICS_SESSION_STORED,   /* a session went into the table */
	METRICS_SESSION_SEALED,   /* a session was given away in a ticket */
	METRICS_SIGNED,           /* the key process signed for this worker */
	METRICS_NOT_SIGNED,       /* it did not, or there was none */
	METRICS_WORKER_DIED,      /* a worker ended unasked */
	METRICS_KEY_PROCESS_DIED, /* so did the key process */
	METRICS_RELOADED,         /* a reload took place */
	METRICS_NOT_RELOADED,     /* a reload was refused */
	METRICS_EVENTS
};

/* What has a value just now; the master's to say. */
enum metrics_value {
	METRICS_STARTED_S,   /* since 1970 */
	METRICS_RELOADED_S,  /* the last that took place, or the start */
	METRICS_RELOAD_FINE, /* 1: the last one took place */
	METRICS_WORKERS,     /* processes that serve, those that drain too */
	METRICS_VALUES
};

/* A certificate that is served. */
struct metrics_certificate {
	struct view host;  /* the first of its capsule */
	int64_t not_after; /* seconds since 1970 */
};

/* What the page says besides counts; borrowed. */
struct metrics_facts {
	const char *version;
	const struct metrics_certificate *certificates;
	size_t n_certificates;
	int64_t now;
};

/*
 * A table in memory that this process and those it forks share.
 * Errors: as mem.h.
 */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* In the master: a worker counts in that row, from 1, from now on. */
void metrics_add_worker(struct metrics *m, unsigned row);

/*
 * From now on this process counts in that row; 0 is the master's.  What is
 * counted before, or without a table, is lost.  A worker can do nothing else
 * with m any more: the other rows are out of its reach.
 */
void metrics_enter(struct metrics *m, unsigned row);

/* From now on this process counts nothing. */
void metrics_leave(void);

/* The same, and it can only read what others count. */
void metrics_watch(struct metrics *m);

/* In the master: the process of that row is gone; keep what it counted. */
void metrics_reap(struct metrics *m, unsigned row);

/* An event took place n times. */
void metrics_count(enum metrics_event e, uint64_t n);

void metrics_set(enum metrics_value v, uint64_t to);

/*
 * An answer left, whole or not: its protocol (0 Gemini, 1 Gopher), status,
 * bytes, and microseconds from accept to its last byte.
 */
void metrics_answered(unsigned protocol, int status, uint64_t bytes,
    int64_t us);

/* A handshake came to its end. */
void metrics_handshake(bool is_13, bool is_resumed);

/* A connection left one state for another; METRICS_STATES is no state. */
void metrics_moved(unsigned from, unsigned to);

/* A connection was in that state for too long. */
void metrics_expired(unsigned state);

/*
 * Append all of it in Prometheus' text format.  names are those of the states,
 * NULL for one that is not to be shown.
 */
void metrics_page(const struct metrics *m,
    const char *const names[METRICS_STATES], const struct metrics_facts *facts,
    struct buf *to);

/*
 * The same as lines of the control socket (format/control.h): a name without
 * "capsuled_", and the values of its labels.
 */
void metrics_lines(const struct metrics *m,
    const char *const names[METRICS_STATES], const struct metrics_facts *facts,
    struct buf *to);

#endif
