/* sessions.h - TLS sessions that can be resumed, known to all workers. */
#ifndef SESSIONS_H
#define SESSIONS_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

#define SESSIONS_ID_LEN   32        /* bytes; TLS 1.2 and OpenSSL: no more */
#define SESSIONS_DATA_MAX 196       /* bytes of a session, as i2d writes it */
#define SESSIONS_MAX      (1 << 16) /* sessions; 256 bytes of memory each */

struct sessions;

/*
 * A table in memory that this process and those it forks share; empty.  It
 * outlives reloads.  Pages that no session ever needed are never touched.
 * Errors: as mem.h.
 */
struct sessions *sessions_new(void);

/* Let go of it in this process; others still have it. */
void sessions_free(struct sessions *s);

/*
 * Remember data, which is copied, under id until expires_ms of clock_ms.
 *
 * Of more than most sessions, at least 1, the oldest are forgotten.  Data of
 * more than SESSIONS_DATA_MAX bytes is not remembered: that visitor begins
 * anew.  An id that is there already is not looked for, it is random.
 */
void sessions_put(struct sessions *s, const unsigned char *id, struct view data,
    int64_t expires_ms, unsigned most);

/*
 * Copy the session id to to, SESSIONS_DATA_MAX bytes; its length, 0 if it is
 * unknown or has expired.  take also forgets it: of several who ask at once,
 * one gets it.
 */
size_t sessions_find(struct sessions *s, const unsigned char *id,
    int64_t now_ms, unsigned char *to);
size_t sessions_take(struct sessions *s, const unsigned char *id,
    int64_t now_ms, unsigned char *to);

/* Forget the session id, if it is there. */
void sessions_drop(struct sessions *s, const unsigned char *id);

/* How many are remembered, expired ones that nobody asked for included. */
unsigned sessions_count(const struct sessions *s);

/*
 * In the master: the worker dead has ended, and was waited for.  If that was
 * in the middle of a change, all sessions are forgotten.
 */
void sessions_bury(struct sessions *s, pid_t dead);

#endif
