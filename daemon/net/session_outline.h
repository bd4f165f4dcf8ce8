/* session_outline.h - is that a TLS session of the kind that we store? */
#ifndef SESSION_OUTLINE_H
#define SESSION_OUTLINE_H

#include <stdbool.h>

#include "base/view.h"

#define SESSION_SECRET_MAX 48 /* bytes; a hash of SHA-384, or TLS 1.2's */

/*
 * True if der is, from its first byte to its last, what i2d_SSL_SESSION
 * (OpenSSL 3.0 to 3.5) writes of a session that resume.c stores, of that id
 * (SESSIONS_ID_LEN bytes): numbers and strings in their order, no certificate,
 * no key and no identity of a client.
 *
 * Stored sessions lie where a worker that was taken over can write.  Whatever
 * it puts there, OpenSSL gets to see no more than a secret and numbers.
 * Source: the template in OpenSSL's ssl/ssl_asn1.c; X.690 8.1 and 10.1.
 */
bool session_outline_is_ours(struct view der, const unsigned char *id);

#endif
