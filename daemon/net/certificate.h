/* certificate.h - make, read and describe certificates (OpenSSL). */
#ifndef CERTIFICATE_H
#define CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/asn1.h>

#include "base/buf.h"
#include "base/problem.h"
#include "site/conf.h"

#define CERTIFICATE_HASH_MAX 96 /* bytes: SHA-256 as AA:BB:..., and its NUL */

/* A certificate as capsulectl prints it. */
struct certificate {
	int64_t not_before, not_after; /* seconds since 1970 */
	bool is_rare; /* its key is of Ed25519, which few clients accept */
	char sha256[CERTIFICATE_HASH_MAX];     /* of the certificate, DER */
	char key_sha256[CERTIFICATE_HASH_MAX]; /* of the public key, SPKI DER */
	bool is_own;      /* signs for itself: no authority stands behind it */
	size_t n;         /* certificates in the file: it, and its chain */
	size_t len;       /* of all of them as they are sent: bytes of DER */
	size_t signature; /* usual bytes of a signature by its key */
};

/*
 * If neither the certificate nor the key of a capsule exists, make both:
 * ECDSA P-256, self-signed, a SAN for every host name of all capsules that
 * share the certificate, valid to 2099, as few bytes as clients accept; the
 * key readable by its owner alone.
 *
 * Adds to ps if only one of the two exists, or if they cannot be written.
 * With dry, nothing is written, only checked.
 * Returns 1 if both were made, or would be; 0 if both were there; -1 with a
 * problem added.
 */
int certificate_ensure(const struct conf *conf, const struct conf_capsule *c,
    bool dry, struct problems *ps);

/* True if both capsules have one file for their certificate, there or not and
 * whatever it is called. */
bool certificate_is_shared(const struct conf_capsule *a,
    const struct conf_capsule *b);

/*
 * Make the certificate of a capsule anew, with the names that it and those
 * who share it have by now and valid to 2099, for the key that it has: who
 * pinned the key sees none of it.  One that an authority has signed is refused,
 * as is what private_key.h refuses.  The old file stays until the new one is
 * whole. Returns 0, or -1 with a problem added.
 */
int certificate_renew(const struct conf *conf, const struct conf_capsule *c,
    struct problems *ps);

/* Append the names that the certificate at path is valid for, blanks between
 * (SAN, or the common name where there is none); -1 if it cannot be read. */
int certificate_list_names(const char *path, struct buf *to);

/* Seconds since 1970 of a date in a certificate; otherwise if it is none. */
int64_t certificate_seconds(const ASN1_TIME *t, int64_t otherwise);

/* Read the certificate at path into *to; 0, or -1 if it cannot be read. */
int certificate_read(const char *path, struct certificate *to);

/*
 * True if the certificate at path is valid for host, as strict clients check
 * (SAN, or the common name where there is none).
 */
bool certificate_names(const char *path, const char *host);

#endif
