/* signing.h - what is asked of the key process, and what it answers.
 */
#ifndef SIGNING_H
#define SIGNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

/*
 * One record each way over a socket that keeps records apart.  Numbers are
 * big-endian.
 *
 *   request = index(4) scheme(2) message(1 to SIGNING_MESSAGE_MAX)
 *   answer  = 1 signature | 0
 *
 * The message is what a TLS server signs in a handshake, whole and not yet
 * hashed, so that nothing else can be had signed.
 */
#define SIGNING_HEAD          6   /* bytes before the message */
#define SIGNING_MESSAGE_MAX   256 /* bytes; TLS needs no more than 201 */
#define SIGNING_REQUEST_MAX   (SIGNING_HEAD + SIGNING_MESSAGE_MAX)
#define SIGNING_SIGNATURE_MAX 1024 /* bytes; RSA-8192 */
#define SIGNING_ANSWER_MAX    (1 + SIGNING_SIGNATURE_MAX)

struct evp_pkey_st;

/* How to sign: as TLS numbers it.  Source: RFC 8446, 4.2.3. */
struct signing_scheme {
	uint16_t code;
	const char *key;    /* kind of key, as OpenSSL calls it */
	const char *digest; /* NULL: the scheme has its own */
	bool pss;           /* RSA only */
	bool tls13;         /* TLS 1.3 may use it */
};

struct signing_request {
	size_t index; /* of the key */
	const struct signing_scheme *scheme;
	struct view message;
};

enum signing_parse { SIGNING_OK, SIGNING_BAD };

/*
 * The scheme for a kind of key, a digest (NULL or "" for none) and a padding,
 * or NULL if we have none.
 */
const struct signing_scheme *signing_scheme_find(const char *key,
    const char *digest, bool pss);

/* Write r to to, SIGNING_REQUEST_MAX bytes; its length, 0 if it is too long. */
size_t signing_request_write(const struct signing_request *r,
    unsigned char *to);

/*
 * Read a record that a worker sent, who is not trusted.  Fills *r, whose
 * message borrows from record, on SIGNING_OK.  SIGNING_BAD for an unknown
 * scheme, and for a message that is neither the CertificateVerify of a TLS
 * 1.3 server nor the ServerKeyExchange of a TLS 1.2 one.
 * Source: RFC 8446, 4.4.3; RFC 8422, 5.4.
 *
 * The latter begins with random bytes of the client's and the worker's.  If all
 * of it can be read as one value of ASN.1, as what is signed of a certificate,
 * a request for one, a list of revoked ones or a mail is, it is SIGNING_BAD,
 * too.  Of honest handshakes of TLS 1.2 one in 1.4 million with X25519 or X448,
 * and one in 400 million with P-256, P-384 or P-521, looks like that and fails:
 * the client comes again.
 * Source: X.690, 8.1.
 */
enum signing_parse signing_request_parse(struct view record,
    struct signing_request *r);

/* From now on sign nothing for TLS 1.2. */
void signing_forbid_tls12(void);

/*
 * Answer a record with one of n keys, some of which may be NULL.  Writes to
 * to, SIGNING_ANSWER_MAX bytes; returns the length, 1 for a refusal.
 */
size_t signing_answer(struct view record, struct evp_pkey_st *const *keys,
    size_t n, unsigned char *to);

#endif
