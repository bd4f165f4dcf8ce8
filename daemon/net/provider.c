/*
 * provider.c - the beginning of a provider for OpenSSL.
 *
 * Floor net.
 */
#include "net/provider.h"

#include <assert.h>
#include <stddef.h>

#include <openssl/provider.h>

#define PROVIDERS_MAX 3 /* OpenSSL's own, for keys, for the key schedule */

int
provider_start(const OSSL_DISPATCH *provides, const OSSL_DISPATCH **out,
    void **provider)
{
	static int state; /* there is none, but NULL would mean failure */

	*out = provides;
	*provider = &state;
	return 1;
}

int
provider_load(const char *name, OSSL_provider_init_fn *start)
{
	/* Until the process ends; a leak checker would miss them. */
	static OSSL_PROVIDER *held[PROVIDERS_MAX];
	static size_t n;

	assert(n < PROVIDERS_MAX);
	if (start != NULL && OSSL_PROVIDER_add_builtin(NULL, name, start) != 1)
		return -1;
	held[n] = OSSL_PROVIDER_load(NULL, name);
	return held[n++] != NULL ? 0 : -1;
}
