/* identity.h - the certificates that clients show (OpenSSL). */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <stdbool.h>

#include "base/problem.h"
#include "site/access.h"
#include "site/conf.h"
#include "site/snapshot.h"

/* Bytes of certificates that a client may send: a leaf and a chain. */
#define IDENTITY_CHAIN_MAX (16 << 10)
#define IDENTITY_DEPTH_MAX 4 /* authorities between a leaf and the file */

struct ssl_st;
struct ssl_ctx_st;
struct identities;

/*
 * The authorities that the rules of a snapshot name, read from their files.
 * Adds what is wrong to ps.  Returns the set, to be freed with
 * identities_free, even then.
 */
struct identities *identities_new(const struct conf *conf,
    const struct snapshot *s, struct problems *ps);
void identities_free(struct identities *ids);

/*
 * Let a context ask for a certificate, taking any and requiring none: whom it
 * lets in is decided on each request.  No session of it can be resumed, for
 * then nothing would be asked.
 */
void identity_ask(struct ssl_ctx_st *ctx);

/* Let a handshake that is at its beginning ask as ctx does, or not. */
void identity_follow(struct ssl_st *ssl, const struct ssl_ctx_st *ctx);

/*
 * What the client showed; false if that is nothing, or was in an earlier
 * session.  *to is filled and lives as long as ssl, whose contexts' app data
 * are the identities to check against.
 */
bool identity_read(struct ssl_st *ssl, struct peer_certificate *to);

#endif
