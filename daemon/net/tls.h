/* tls.h - contexts, certificates and the choice by name (OpenSSL). */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>

#include "base/problem.h"
#include "site/conf.h"
#include "site/snapshot.h"

struct evp_pkey_st;
struct ssl_st;
struct stream;
struct tls;

/* Where the private keys are. */
enum tls_keys {
	TLS_KEYS_HERE,  /* read into this process */
	TLS_KEYS_REMOTE /* a key process has them: see net/remote_key.h */
};

/* Prepare the library and net/resume.h: once, before anything forks. */
void tls_init(void);

/*
 * Contexts for every capsule of conf, certificates loaded and, if they shall
 * be here, keys too.
 *
 * s, borrowed, says which host name belongs to which capsule.  Adds what is
 * wrong to ps.  Returns the set, to be freed with tls_free, or NULL if there
 * were problems.
 */
struct tls *tls_new(const struct conf *conf, const struct snapshot *s,
    enum tls_keys keys, struct problems *ps);
void tls_free(struct tls *tls);

/* Add to ps what is wrong with [tls] alone, whatever certificates there are. */
void tls_check(const struct conf *conf, struct problems *ps);

/* What the certificate of the capsule with this index certifies; borrowed. */
struct evp_pkey_st *tls_public_key(const struct tls *tls, size_t index);

/*
 * A server's end of a handshake that reads and writes through s; the caller
 * frees it.  NULL without memory.
 */
struct ssl_st *tls_accept(struct tls *tls, struct stream *s);

#endif
