/*
 * schedule.c - the key schedule of TLS 1.3, without detours.
 *
 * Floor net.  OpenSSL calls in, through a provider.  A handshake derives some
 * twenty secrets, each of four blocks of SHA-256 at most.  OpenSSL 3 makes
 * contexts for each of them, looks the digest up by its name, and wipes and
 * frees it all: three quarters of the time go there, and that is a sixth of a
 * handshake.  Here the digests were looked up when the daemon started, and
 * there is one context.
 */
#include "net/schedule.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>

#include "base/view.h"
#include "net/provider.h"

#define PROVIDER    "schedule"
#define PROPERTY    "provider=" PROVIDER ",capsuled.schedule=direct"
#define DIGEST_MAX  48  /* bytes; SHA-384's */
#define BLOCK_MAX   128 /* bytes; the same */
#define INNER_PAD   0x36
#define OUTER_PAD   0x5c
#define FIRST_BLOCK 1 /* of HKDF's output; there is no second */

/* HkdfLabel: length, label and context, each with its own; and a number. */
#define INFO_MAX (2 + 1 + SCHEDULE_LABEL_MAX + 1 + SCHEDULE_CONTEXT_MAX + 1)

/* A digest that TLS 1.3 knows. */
struct hash {
	const char *name; /* as EVP_MD_fetch takes it */
	size_t len, block;
	EVP_MD *md;
	const char *own_name;              /* as OpenSSL tells it */
	unsigned char nothing[DIGEST_MAX]; /* digest of no bytes at all */
};

/* What is to be derived; all of it borrowed from OpenSSL's parameters. */
struct derivation {
	struct view mode, digest, key, salt, prefix, label, data;
};

static struct hash hashes[] = { { "SHA256", 32, 64, NULL, NULL, { 0 } },
	{ "SHA384", 48, 128, NULL, NULL, { 0 } } };

#define N_HASHES (sizeof(hashes) / sizeof(hashes[0]))

static EVP_MD_CTX *work;   /* of whatever is being hashed */
static EVP_KDF *elsewhere; /* OpenSSL's own */

static const unsigned char zeros[DIGEST_MAX];

/* -- RFC 2104 and 5869 -- */

/* Hash a block and what follows it; to may be among what follows. */
static bool
hash_two(const struct hash *h, const unsigned char *block, struct view rest,
    unsigned char *to)
{
	return EVP_DigestInit_ex2(work, h->md, NULL) == 1 &&
	    EVP_DigestUpdate(work, block, h->block) == 1 &&
	    EVP_DigestUpdate(work, rest.p, rest.len) == 1 &&
	    EVP_DigestFinal_ex(work, to, NULL) == 1;
}

/* The HMAC of text; a key of TLS 1.3 is never longer than a block. */
static bool
hmac(const struct hash *h, struct view key, struct view text, unsigned char *to)
{
	unsigned char block[BLOCK_MAX] = { 0 }, inner[DIGEST_MAX];
	bool ok;
	size_t i;

	assert(key.len <= h->block);
	if (key.len > 0)
		memcpy(block, key.p, key.len);
	for (i = 0; i < h->block; i++)
		block[i] ^= INNER_PAD;
	ok = hash_two(h, block, text, inner);
	for (i = 0; i < h->block; i++)
		block[i] ^= INNER_PAD ^ OUTER_PAD;
	ok = ok &&
	    hash_two(h, block, (struct view){ (char *)inner, h->len }, to);
	/* What was hashed last is a secret: let the context forget it. */
	(void)EVP_DigestInit_ex2(work, h->md, NULL);
	OPENSSL_cleanse(block, h->block);
	OPENSSL_cleanse(inner, h->len);
	return ok;
}

static unsigned char *
put(unsigned char *to, struct view bytes)
{
	if (bytes.len > 0)
		memcpy(to, bytes.p, bytes.len);
	return to + bytes.len;
}

/* HKDF-Expand-Label; len is at most the digest's. */
static bool
expand(const struct hash *h, const struct derivation *d, struct view secret,
    struct view context, unsigned char *to, size_t len)
{
	unsigned char info[INFO_MAX], *p = info, whole[DIGEST_MAX];
	bool ok;

	if (secret.len != h->len || len == 0 || len > h->len ||
	    d->prefix.len > SCHEDULE_LABEL_MAX ||
	    d->label.len > SCHEDULE_LABEL_MAX - d->prefix.len ||
	    context.len > SCHEDULE_CONTEXT_MAX)
		return false;
	*p++ = (unsigned char)(len >> 8);
	*p++ = (unsigned char)len;
	*p++ = (unsigned char)(d->prefix.len + d->label.len);
	p = put(put(p, d->prefix), d->label);
	*p++ = (unsigned char)context.len;
	p = put(p, context);
	*p++ = FIRST_BLOCK;
	ok = hmac(h, secret, (struct view){ (char *)info, (size_t)(p - info) },
	    whole);
	if (ok)
		memcpy(to, whole, len);
	OPENSSL_cleanse(whole, h->len);
	return ok;
}

/*
 * HKDF-Extract, the salt being the secret of the stage before, which is
 * derived once more on its way: the vertical lines of the picture in 7.1.
 */
static bool
extract(const struct hash *h, const struct derivation *d, unsigned char *to,
    size_t len)
{
	struct view nothing = { (const char *)h->nothing, h->len };
	struct view key = d->key, salt = { NULL, 0 };
	unsigned char derived[DIGEST_MAX];
	bool ok = true;

	if (len != h->len)
		return false;
	if (key.p == NULL)
		key = (struct view){ (const char *)zeros, h->len };
	if (d->salt.p != NULL) {
		ok = expand(h, d, d->salt, nothing, derived, h->len);
		salt = (struct view){ (char *)derived, h->len };
	}
	ok = ok && hmac(h, salt, key, to);
	OPENSSL_cleanse(derived, h->len);
	return ok;
}

/* -- what OpenSSL calls a KDF -- */

/* The parameters that libssl gives, and where each goes. */
static const struct {
	const char *name;
	size_t offset;
} known[] = {
	{ OSSL_KDF_PARAM_MODE, offsetof(struct derivation, mode) },
	{ OSSL_KDF_PARAM_DIGEST, offsetof(struct derivation, digest) },
	{ OSSL_KDF_PARAM_KEY, offsetof(struct derivation, key) },
	{ OSSL_KDF_PARAM_SALT, offsetof(struct derivation, salt) },
	{ OSSL_KDF_PARAM_PREFIX, offsetof(struct derivation, prefix) },
	{ OSSL_KDF_PARAM_LABEL, offsetof(struct derivation, label) },
	{ OSSL_KDF_PARAM_DATA, offsetof(struct derivation, data) },
};

#define N_KNOWN (sizeof(known) / sizeof(known[0]))

/* False if there is one among them that is not known here. */
static bool
read_params(const OSSL_PARAM *p, struct derivation *d)
{
	struct view value;
	size_t i;

	for (; p != NULL && p->key != NULL; p++) {
		for (i = 0; i < N_KNOWN; i++)
			if (strcmp(p->key, known[i].name) == 0)
				break;
		if (i == N_KNOWN)
			return false;
		value = (struct view){ p->data, p->data_size };
		memcpy((char *)d + known[i].offset, &value, sizeof(value));
	}
	return true;
}

static const struct hash *
hash_of(struct view name)
{
	size_t i;

	for (i = 0; i < N_HASHES; i++)
		if (view_eq(name, view_of(hashes[i].own_name)))
			return &hashes[i];
	return NULL;
}

/* What is not understood here, OpenSSL does its own way, or refuses. */
static int
derive_elsewhere(unsigned char *to, size_t len, const OSSL_PARAM params[])
{
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(elsewhere);
	int ok = ctx == NULL ? 0 : EVP_KDF_derive(ctx, to, len, params);

	EVP_KDF_CTX_free(ctx);
	return ok;
}

static int
derive(void *ctx, unsigned char *to, size_t len, const OSSL_PARAM params[])
{
	struct derivation d = { 0 };
	const struct hash *h = NULL;
	int mode = -1;

	(void)ctx;
	if (read_params(params, &d))
		h = hash_of(d.digest);
	if (h != NULL && d.mode.len == sizeof(mode))
		memcpy(&mode, d.mode.p, sizeof(mode));
	if ((mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY &&
		extract(h, &d, to, len)) ||
	    (mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY &&
		expand(h, &d, d.key, d.data, to, len)))
		return 1;
	return derive_elsewhere(to, len, params);
}

static void *
new_context(void *provider)
{
	return provider; /* nothing is kept from one call to the next */
}

static void
free_context(void *ctx)
{
	(void)ctx;
}

/* -- the provider -- */

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_store)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_KDF_NEWCTX, (provider_fn)new_context },
		{ OSSL_FUNC_KDF_FREECTX, (provider_fn)free_context },
		{ OSSL_FUNC_KDF_DERIVE, (provider_fn)derive }, { 0, NULL }
	};
	static const OSSL_ALGORITHM kdfs[] = { { OSSL_KDF_NAME_TLS1_3_KDF,
						   PROPERTY, functions, NULL },
		{ NULL, NULL, NULL, NULL } };

	(void)provider;
	*no_store = 0;
	return operation == OSSL_OP_KDF ? kdfs : NULL;
}

static int
start(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH provides[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (provider_fn)query },
		{ 0, NULL }
	};

	(void)core;
	(void)in;
	return provider_start(provides, out, provider);
}

static int
prepare(struct hash *h)
{
	h->md = EVP_MD_fetch(NULL, h->name, NULL);
	if (h->md == NULL ||
	    EVP_Digest("", 0, h->nothing, NULL, h->md, NULL) != 1)
		return -1;
	h->own_name = EVP_MD_get0_name(h->md);
	return 0;
}

int
schedule_init(void)
{
	static bool is_known;
	size_t i;

	if (is_known)
		return 0;
	work = EVP_MD_CTX_new();
	elsewhere =
	    EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, "provider=default");
	if (work == NULL || elsewhere == NULL)
		return -1;
	for (i = 0; i < N_HASHES; i++)
		if (prepare(&hashes[i]) == -1)
			return -1;
	is_known = provider_load(PROVIDER, start) == 0;
	return is_known ? 0 : -1;
}
