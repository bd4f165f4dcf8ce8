/*
 * conn_deadline.h - how long each state may last, and who has to go when there
 * is no room.
 */
#ifndef CONN_DEADLINE_H
#define CONN_DEADLINE_H

#include "net/conn_state.h"

/* How long bytes are still read and dropped after the answer: contract. */
#define CONN_LINGER_MS 2000

/* How long another process may take to open a large file. */
#define CONN_FILE_MS 10000

/*
 * Who has shown that it takes its answer, if slowly, may take no byte for so
 * many idle_timeouts: acknowledgements come in lumps, and a reader of 2 KB a
 * second with a large buffer is silent for minutes between two of them.
 */
#define CONN_PATIENCE 8

/*
 * Who has to go for another when max_connections is reached: nobody who came,
 * or was last looked at, less than a second ago, and no reader who takes more
 * than the slowest lines carry; of the readers who have been left alone for
 * longest so many are looked at.
 */
#define CONN_YOUNG_MS 1000
#define CONN_SLOW     1024 /* bytes a second */
#define CONN_LOOKS    64

/* Connections whose time is over that are ended in one turn of the loop. */
#define CONN_EXPIRED_MAX 64

/*
 * How long a search may wait for its results: longer than the search process
 * lets any wait.  Then the client is told that there is no search.
 */
#define CONN_SEARCH_MS 8000

/* Make the timer, and say how long each kind of deadline is.  Errors: mem.h. */
void conn_deadlines_init(struct conns *cs, const struct conf *conf);

/*
 * End the oldest connection that waits for a request, or else the slowest
 * reader; false if there is none to be had.  Not to be called from within a
 * connection's turn.
 */
bool conn_end_slowest(struct conns *cs);

#endif
