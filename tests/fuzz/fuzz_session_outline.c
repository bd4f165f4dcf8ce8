/*
 * fuzz_session_outline.c - what has the outline of a stored session can be
 * parsed by OpenSSL, and shows it no certificate.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/session_outline.h"
#include "net/sessions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* The input: an id, and what stands for it in the table. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *p = data + SESSIONS_ID_LEN;
	SSL_SESSION *s;
	struct view der;
	unsigned len;

	if (size < SESSIONS_ID_LEN)
		return 0;
	der = (struct view){ (const char *)p, size - SESSIONS_ID_LEN };
	if (!session_outline_is_ours(der, data))
		return 0;
	s = d2i_SSL_SESSION(NULL, &p, (long)der.len);
	ERR_clear_error();
	if (s == NULL)
		return 0;
	must(SSL_SESSION_get0_peer(s) == NULL);
	must(memcmp(SSL_SESSION_get_id(s, &len), data, SESSIONS_ID_LEN) == 0);
	must(len == SESSIONS_ID_LEN);
	SSL_SESSION_free(s);
	return 0;
}
