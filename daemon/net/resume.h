/* resume.h - how a later visit takes up the session of an earlier one. */
#ifndef RESUME_H
#define RESUME_H

#include "base/problem.h"
#include "site/conf.h"

#define RESUME_SESSION_S (12 * 60 * 60) /* seconds a session can be resumed */
/*
 * Seconds that random ticket keys seal; they open as long again.  Not less
 * than a session lasts, or tickets would end before their time.
 */
#define RESUME_TURN_S RESUME_SESSION_S

struct ssl_st;
struct ssl_ctx_st;
struct resume;

/*
 * Make the table of sessions and the first random key, which all processes
 * share: once, before anything forks.  Errors: as mem.h.
 */
void resume_init(void);

/*
 * What [tls] says.  Adds to ps and returns NULL if the file of ticket keys
 * cannot be used.  To be freed with resume_free when no context uses it.
 */
struct resume *resume_new(const struct conf *conf, struct problems *ps);
void resume_free(struct resume *r);

/*
 * Let sessions of this context be resumed as r says, r being borrowed; 0, or
 * -1 without memory.  Where a client is asked for its certificate, now or by
 * identity_ask later, nothing is remembered or resumed.
 */
int resume_configure(struct ssl_ctx_st *ctx, const struct resume *r);

/*
 * A hello has come with this name, or NULL: only a session that was made for
 * the same name is resumed by it.  0, or -1 without memory.  RFC 6066,
 * section 3.
 */
int resume_bind(struct ssl_st *ssl, const char *name);

/*
 * The handshake is over and the answer about to be written: let a ticket fly
 * with it, if it is TLS 1.3 and tickets are given.
 */
void resume_offer(struct ssl_st *ssl);

/* In a process that shakes no hands: let go of what it could only leak. */
void resume_leave(void);

/*
 * In the master, every RESUME_TURN_S: change the random keys, and forget the
 * sessions that have expired.
 */
void resume_turn(void);

#endif
