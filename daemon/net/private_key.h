/* private_key.h - read a private key from its file, or say why not. */
#ifndef PRIVATE_KEY_H
#define PRIVATE_KEY_H

#include "base/problem.h"
#include "site/conf.h"

#define PRIVATE_KEY_FILE_MAX (64 << 10) /* bytes; RSA-8192 is 6.3k of PEM */
#define PRIVATE_KEY_RSA_MAX  8192       /* bits; more would take seconds */

struct evp_pkey_st;

/*
 * Read the key of a capsule.
 *
 * Refused are a file that anybody but its owner can get at, one that is
 * encrypted, a kind that TLS has no use for here (it must be RSA, Ed25519, or
 * EC on P-256, P-384 or P-521), and, if public is not NULL, a key that does
 * not belong to it.
 *
 * Nothing of the key stays in memory but the result, which the caller frees
 * with EVP_PKEY_free: that wipes it.  Adds to ps and returns NULL otherwise.
 */
struct evp_pkey_st *private_key_load(const struct conf *conf,
    const struct conf_capsule *c, struct evp_pkey_st *public,
    struct problems *ps);

#endif
