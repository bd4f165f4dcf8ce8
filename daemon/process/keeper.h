/* keeper.h - the one process that holds the private keys, and signs. */
#ifndef KEEPER_H
#define KEEPER_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/problem.h"
#include "net/limits.h"
#include "net/remote_key.h"
#include "net/tls.h"
#include "process/sandbox.h"
#include "site/conf.h"

#define KEEPER_WORKERS_MAX LIMITS_WORKERS_MAX /* it answers at a time */

/* Milliseconds within which a key process that lives says so. */
#define KEEPER_PROBE_MS REMOTE_KEY_DOUBT_MS

struct evp_pkey_st;

/* What the master knows of it. */
struct keeper {
	pid_t pid;
	int channel; /* -1 once it was told that nobody comes any more */
	int64_t born_ms;
	bool probed; /* asked whether it lives, and not heard yet */
};

/*
 * Fork a keeper: it reads the key of every capsule, gives up what workers
 * give up, and signs for those it is introduced to.  The memory of the calling
 * process never holds a key.
 *
 * tls, made with TLS_KEYS_REMOTE, says to which certificates keys must belong.
 * Adds to ps and returns NULL if a key cannot be used or the keeper not be
 * confined.  The caller frees the result with keeper_free.
 */
struct keeper *keeper_new(const struct conf *conf, const struct tls *tls,
    const struct sandbox *box, struct problems *ps);

/*
 * Leave the keeper alone: it goes by itself, its keys wiped, once the last
 * worker has closed its way to it.  NULL is fine.
 */
void keeper_free(struct keeper *k);

/* The same, and wait for it to be gone: when no worker is left. */
void keeper_stop(struct keeper *k);

/*
 * A new way to the keeper, closed on exec, for the worker of this number, from
 * 1 to KEEPER_WORKERS_MAX; the one that it had before is closed.  -1 with
 * errno.
 */
int keeper_introduce(const struct keeper *k, unsigned number);

/*
 * Ask the keeper whether it lives; it says so between any two signatures.
 * KEEPER_PROBE_MS later keeper_is_silent is true unless it has.  Returns -1 if
 * it cannot be asked, because it is dead or has not listened for long.
 */
int keeper_probe(struct keeper *k);
bool keeper_is_silent(struct keeper *k);

/* Read every key in a child and forget it: for -n.  tls may be NULL. */
void keeper_check(const struct conf *conf, const struct tls *tls,
    struct problems *ps);

/*
 * The keeper's loop: answer whom the channel introduces with n keys, until
 * both the channel and all of them are closed.  A worker has one way to it, so
 * that none can take the place of another.  For keeper_new, and tests.
 */
void keeper_serve(int channel, struct evp_pkey_st *const *keys, size_t n);

#endif
