/* keyproc.h - the one process that holds the private keys, and signs. */
#ifndef KEYPROC_H
#define KEYPROC_H

#include <stddef.h>

#include "base/problem.h"
#include "net/tls.h"
#include "process/child.h"
#include "process/sandbox.h"
#include "site/conf.h"

/* For a key process to go when no worker is left. */
#define KEYPROC_STOP_MS 2000

struct evp_pkey_st;

/*
 * Fork a key process: it reads the key of every capsule, gives up what workers
 * give up, and signs for those it is introduced to.  The memory of the calling
 * process never holds a key.
 *
 * tls, made with TLS_KEYS_REMOTE, says to which certificates keys must belong.
 * Adds to ps and returns NULL if a key cannot be used or the key process not be
 * confined.  The caller frees the result with child_free: the key process then
 * goes by itself, its keys wiped, once the last worker has closed its way to
 * it.
 */
struct child *keyproc_new(const struct conf *conf, const struct tls *tls,
    const struct sandbox *box, struct problems *ps);

/* Read every key in a child and forget it: for -n.  tls may be NULL. */
void keyproc_check(const struct conf *conf, const struct tls *tls,
    struct problems *ps);

/*
 * The key process's loop: answer whom the channel introduces with n keys, until
 * both the channel and all of them are closed.  A worker has one way to it, so
 * that none can take the place of another.  For keyproc_new, and tests.
 */
void keyproc_serve(int channel, struct evp_pkey_st *const *keys, size_t n);

#endif
