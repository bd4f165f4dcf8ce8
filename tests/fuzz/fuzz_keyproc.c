/*
 * fuzz_keyproc.c - whatever a worker sends, a key process's answer is a refusal
 * or one signature, of nothing that it should not sign.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "net/signing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static EVP_PKEY *keys[3];
	unsigned char reply[SIGNING_ANSWER_MAX], again[SIGNING_REQUEST_MAX];
	struct view in = { (const char *)data, size };
	struct signing_request r;
	size_t n;

	if (keys[0] == NULL) {
		keys[0] = EVP_EC_gen("P-256");
		keys[2] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		must(keys[0] != NULL && keys[2] != NULL);
	}
	n = signing_answer(in, keys, 3, reply);
	must(reply[0] == (n > 1) && n <= sizeof(reply));
	if (signing_request_parse(in, &r) != SIGNING_OK) {
		must(n == 1);
		return 0;
	}
	must(r.message.p == in.p + SIGNING_HEAD);
	must(r.message.len == size - SIGNING_HEAD);
	must(signing_request_write(&r, again) == size);
	must(memcmp(again, data, size) == 0);
	must(r.index < 3 || n == 1);
	return 0;
}
