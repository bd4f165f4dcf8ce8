/* sessions.h - TLS sessions that can be resumed, known to all workers. */
#ifndef SESSIONS_H
#define SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

#define SESSIONS_ID_LEN   32        /* bytes; TLS 1.2 and OpenSSL: no more */
#define SESSIONS_DATA_MAX 196       /* bytes of a session, as i2d writes it */
#define SESSIONS_MAX      (1 << 16) /* sessions; 256 bytes of memory each */
#define SESSIONS_WINDOW   8         /* places where a session may lie */

struct sessions;

/*
 * A table in memory that this process and those it forks share; empty.  It
 * outlives reloads.  Pages that no session ever needed are never touched.
 * Errors: as mem.h.
 *
 * In all that follows most, from 1 to SESSIONS_MAX, is the number of sessions
 * that the table may hold; who names another one finds none of them.
 */
struct sessions *sessions_new(void);

/* Let go of it in this process; others still have it. */
void sessions_free(struct sessions *s);

/*
 * Remember data, which is copied, under id until expires_ms of clock_ms.
 *
 * Of SESSIONS_WINDOW that share their places, or of most if that is less, the
 * one that ends first makes room.  Data of more than SESSIONS_DATA_MAX bytes is
 * not remembered: that client begins anew.  An id that is there already is not
 * looked for, it is random.
 */
void sessions_put(struct sessions *s, unsigned most, const unsigned char *id,
    struct view data, int64_t expires_ms);

/*
 * Copy the session id to to, SESSIONS_DATA_MAX bytes; its length, 0 if it is
 * unknown or has expired.  take also forgets it: of several who ask at once,
 * one gets it.
 *
 * What is copied is what a worker put there; if that one was taken over it can
 * be anything of that length.
 */
size_t sessions_find(struct sessions *s, unsigned most, const unsigned char *id,
    int64_t now_ms, unsigned char *to);
size_t sessions_take(struct sessions *s, unsigned most, const unsigned char *id,
    int64_t now_ms, unsigned char *to);

/* Forget the session id, if it is there. */
void sessions_drop(struct sessions *s, unsigned most, const unsigned char *id);

/* Forget those that end by now_ms; INT64_MAX: all. */
void sessions_expire(struct sessions *s, unsigned most, int64_t now_ms);

#endif
