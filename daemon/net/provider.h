/* provider.h - what our providers for OpenSSL have in common. */
#ifndef PROVIDER_H
#define PROVIDER_H

#include <openssl/core.h>

typedef void (*provider_fn)(void); /* as OSSL_DISPATCH wants every function */

/*
 * For a provider's own OSSL_provider_init_fn: it has these functions, which
 * live as long as the process, and no state.  Returns 1, as OpenSSL wants it.
 */
int provider_start(const OSSL_DISPATCH *provides, const OSSL_DISPATCH **out,
    void **provider);

/*
 * Make a provider known under that name and load it, until the process ends;
 * start is NULL for one of OpenSSL's own.  0, or -1 without memory.
 */
int provider_load(const char *name, OSSL_provider_init_fn *start);

#endif
