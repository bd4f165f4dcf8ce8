/* test_schedule.c - secrets derived without detours are those of OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>

#include "base/view.h"
#include "expect.h"
#include "net/schedule.h"

#define LEN_256   32
#define LEN_384   48
#define LONGEST   64 /* bytes that any case here derives */
#define PREFIX    "tls13 "
#define BYTES_MAX (SCHEDULE_LABEL_MAX + 1)

/* What is derived; a NULL p: that parameter is not given. */
struct request {
	int mode;
	const char *digest;
	struct view key, salt, label, data;
	size_t len;
};

static EVP_KDF *ours, *theirs;
static char bytes[BYTES_MAX];

static void
add(OSSL_PARAM **p, const char *name, struct view v)
{
	if (v.p != NULL)
		*(*p)++ = OSSL_PARAM_construct_octet_string(name,
		    (void *)(uintptr_t)v.p, v.len);
}

static int
derive(EVP_KDF *kdf, const struct request *r, unsigned char *to)
{
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[8], *p = params;
	int mode = r->mode, ok;

	assert_non_null(ctx);
	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
	    (char *)(uintptr_t)r->digest, 0);
	add(&p, OSSL_KDF_PARAM_KEY, r->key);
	add(&p, OSSL_KDF_PARAM_SALT, r->salt);
	add(&p, OSSL_KDF_PARAM_PREFIX, VIEW(PREFIX));
	add(&p, OSSL_KDF_PARAM_LABEL, r->label);
	add(&p, OSSL_KDF_PARAM_DATA, r->data);
	*p = OSSL_PARAM_construct_end();
	memset(to, 0, LONGEST);
	ok = EVP_KDF_derive(ctx, to, r->len, params);
	EVP_KDF_CTX_free(ctx);
	return ok;
}

/* Both give the same, or both nothing; true if they give something. */
static bool
agree(const struct request *r)
{
	unsigned char a[LONGEST], b[LONGEST];
	int ok = derive(ours, r, a);

	assert_int_equal(derive(theirs, r, b) == 1, ok == 1);
	if (ok == 1)
		assert_memory_equal(a, b, r->len);
	return ok == 1;
}

static struct view
some(size_t n)
{
	return (struct view){ bytes, n };
}

static const struct {
	const char *name;
	size_t len;
} digests[] = { { "SHA2-256", LEN_256 }, { "SHA2-384", LEN_384 },
	{ "SHA256", LEN_256 }, { "SHA384", LEN_384 } };

static void
contexts_derive_here(void **state)
{
	(void)state;
	assert_string_equal(OSSL_PROVIDER_get0_name(
				EVP_KDF_get0_provider(ours)),
	    "schedule");
}

static void
labels_of_every_length_expand_as_openssl_does(void **state)
{
	struct request r = { .mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY };
	size_t i, label;

	(void)state;
	for (i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
		for (label = 1; label <= SCHEDULE_LABEL_MAX; label++) {
			r.digest = digests[i].name;
			r.len = 1 + label % digests[i].len;
			r.key = some(digests[i].len);
			r.label = some(label);
			r.data = some((label * 7) % SCHEDULE_CONTEXT_MAX);
			if (label % 5 == 0)
				r.data.p = NULL;
			assert_int_equal(agree(&r),
			    label <= SCHEDULE_LABEL_MAX - strlen(PREFIX));
		}
}

static void
stages_extract_as_openssl_does(void **state)
{
	struct request r = { .mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY,
		.label = VIEW_INIT("derived") };
	size_t i, key;

	(void)state;
	for (i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
		for (key = 0; key < 140; key++) {
			r.digest = digests[i].name;
			r.len = digests[i].len;
			r.key = key == 0 ? (struct view){ NULL, 0 } : some(key);
			r.salt = (struct view){ NULL, 0 };
			assert_true(agree(&r));
			r.salt = (struct view){ bytes + 70, r.len };
			assert_true(agree(&r));
		}
}

static void
a_context_may_have_255_bytes_and_no_more(void **state)
{
	struct request r = { EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA256",
		some(LEN_256), { NULL, 0 }, VIEW("key"),
		some(SCHEDULE_CONTEXT_MAX), LEN_256 };

	(void)state;
	assert_true(agree(&r));
	r.data.len++;
	assert_false(agree(&r));
}

static void
what_tls_does_not_ask_is_answered_as_by_openssl(void **state)
{
	struct request r = { EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA256",
		some(LEN_256), { NULL, 0 }, VIEW("key"), VIEW("x"), LEN_256 };
	struct request longer = r, digest = r, key = r, mode = r, keyless = r;

	(void)state;
	assert_true(agree(&r));
	longer.len = LEN_256 + 1; /* a second block of output */
	assert_true(agree(&longer));
	digest.digest = "SHA512";
	assert_true(agree(&digest));
	digest.digest = "no such digest";
	assert_false(agree(&digest));
	key.key.len--;
	assert_true(agree(&key));
	keyless.key.p = NULL;
	(void)agree(&keyless);
	mode.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
	assert_false(agree(&mode));
}

/* Source: RFC 8448, 3: the server's handshake keys. */
static void
a_handshake_has_the_keys_that_the_rfc_prints(void **state)
{
	static const unsigned char secret[] = { 0xb6, 0x7b, 0x7d, 0x69, 0x0c,
		0xc1, 0x6c, 0x4e, 0x75, 0xe5, 0x42, 0x13, 0xcb, 0x2d, 0x37,
		0xb4, 0xe9, 0xc9, 0x12, 0xbc, 0xde, 0xd9, 0x10, 0x5d, 0x42,
		0xbe, 0xfd, 0x59, 0xd3, 0x91, 0xad, 0x38 };
	static const unsigned char key[] = { 0x3f, 0xce, 0x51, 0x60, 0x09, 0xc2,
		0x17, 0x27, 0xd0, 0xf2, 0xe4, 0xe8, 0x6e, 0xe4, 0x03, 0xbc };
	static const unsigned char iv[] = { 0x5d, 0x31, 0x3e, 0xb2, 0x67, 0x12,
		0x76, 0xee, 0x13, 0x00, 0x0b, 0x30 };
	struct request r = { EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA256",
		{ (const char *)secret, sizeof(secret) }, { NULL, 0 },
		VIEW("key"), { NULL, 0 }, sizeof(key) };
	unsigned char got[LONGEST];

	(void)state;
	assert_int_equal(derive(ours, &r, got), 1);
	assert_memory_equal(got, key, sizeof(key));
	r.label = VIEW("iv");
	r.len = sizeof(iv);
	assert_int_equal(derive(ours, &r, got), 1);
	assert_memory_equal(got, iv, sizeof(iv));
}

static int
set_up(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37 + 11);
	if (schedule_init() == -1)
		return -1;
	ours = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, SCHEDULE_PROPERTY);
	theirs =
	    EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, "provider=default");
	return ours == NULL || theirs == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	EVP_KDF_free(ours);
	EVP_KDF_free(theirs);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contexts_derive_here),
		cmocka_unit_test(labels_of_every_length_expand_as_openssl_does),
		cmocka_unit_test(stages_extract_as_openssl_does),
		cmocka_unit_test(a_context_may_have_255_bytes_and_no_more),
		cmocka_unit_test(
		    what_tls_does_not_ask_is_answered_as_by_openssl),
		cmocka_unit_test(a_handshake_has_the_keys_that_the_rfc_prints),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
