/*
 * conn_wait.h - the states in which another process has yet to do something:
 * upstream, search and file.
 */
#ifndef CONN_WAIT_H
#define CONN_WAIT_H

#include "net/conn_state.h"

/* Handlers: each does what its state can do now; true: the state changed. */
bool read_upstream(struct conn *c);
bool await_results(struct conn *c);
bool read_file_reply(struct conn *c);

/* The reply is an application's: ask it.  False without memory. */
bool ask_application(struct conn *c);

/*
 * Words have to be looked for: ask the search process; false if that cannot
 * be, and then the reply says so.
 */
bool ask_search(struct conn *c);

/* The answer goes on in a large file, which others have to open. */
void request_file(struct conn *c);

/*
 * The answer goes on in a file, which is open.  One that may change is sent as
 * it is now: it may have grown since it was loaded.
 */
void begin_file(struct conn *c);

/* True if all that is left of the answer, and of its file, can leave at once.
 */
bool fits_one_chunk(const struct conn *c);

/*
 * The time of who is waited for is over.  As long as nothing was sent the
 * client is told so.
 */
void expire_upstream(struct conn *c);
void expire_search(struct conn *c);
void expire_file(struct conn *c);

#endif
