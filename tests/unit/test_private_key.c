/* test_private_key.c - which key files are read, and which are refused. */
#include <sys/stat.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "expect.h"
#include "net/private_key.h"

static char folder[] = "/tmp/capsuled-key-XXXXXX";
static char path[64];
static struct conf_capsule capsule = { .key_line = 8 };
static struct conf conf = { .path = "x.ini",
	.capsules = &capsule,
	.n_capsules = 1 };

static void
put(EVP_PKEY *key, size_t padding, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(1,
	    PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
	while ((size_t)ftell(f) < padding)
		putc('\n', f);
	fclose(f);
	assert_int_equal(0, chmod(path, mode));
}

/* NULL if the key is taken; else what is said, until the next call. */
static const char *
refusal(EVP_PKEY *public)
{
	static char said[4096];
	struct problems *ps = problems_new();
	EVP_PKEY *key = private_key_load(&conf, &capsule, public, ps);
	bool taken = key != NULL;

	assert_int_equal(taken ? 0 : 1, problems_count(ps));
	if (!taken)
		snprintf(said, sizeof(said), "%s", problems_get(ps, 0));
	EVP_PKEY_free(key);
	problems_free(ps);
	return taken ? NULL : said;
}

static void
assert_refused(const char *why, EVP_PKEY *public)
{
	const char *said = refusal(public);

	assert_non_null(said);
	assert_memory_equal("x.ini:8: [capsule] key: ", said, 24);
	if (strstr(said, why) == NULL)
		fail_msg("not \"%s\": %s", why, said);
}

static void
a_key_is_its_owners_alone(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned bit;

	(void)state;
	put(key, 0, 0600);
	assert_null(refusal(key));
	put(key, 0, 0400);
	assert_null(refusal(NULL));
	for (bit = 1; bit <= 040; bit <<= 1) {
		put(key, 0, (mode_t)(0600 | bit));
		assert_refused("others than its owner", key);
	}
	put(key, 0, 0644);
	assert_refused("(mode 0644): type \"chmod 600 /tmp/", key);
	EVP_PKEY_free(key);
}

static void
a_key_belongs_to_its_certificate(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	EVP_PKEY *kind = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	(void)state;
	put(key, 0, 0600);
	assert_null(refusal(key));
	assert_refused("does not belong", other);
	assert_refused("does not belong", kind);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(kind);
}

static void
a_file_has_its_limit(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	(void)state;
	put(key, PRIVATE_KEY_FILE_MAX, 0600);
	assert_null(refusal(key));
	put(key, PRIVATE_KEY_FILE_MAX + 1, 0600);
	assert_refused("File too large", key);
	EVP_PKEY_free(key);
}

/* Numbers of so many bits that look like an RSA key, and are none. */
static EVP_PKEY *
rsa_of(int bits)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N,
		OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
		OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *number[N_OF(names)];
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;
	size_t i;

	for (i = 0; i < N_OF(names); i++) {
		number[i] = BN_new();
		assert_int_equal(1,
		    BN_set_bit(number[i], i == 0 ? bits - 1 : bits / 2 - 1));
		assert_int_equal(1, BN_set_bit(number[i], 0));
		assert_int_equal(1,
		    OSSL_PARAM_BLD_push_BN(b, names[i], number[i]));
	}
	params = OSSL_PARAM_BLD_to_param(b);
	assert_int_equal(1, EVP_PKEY_fromdata_init(ctx));
	assert_int_equal(1,
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params));
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	for (i = 0; i < N_OF(names); i++)
		BN_free(number[i]);
	return key;
}

static void
rsa_has_its_limit(void **state)
{
	EVP_PKEY *key = rsa_of(PRIVATE_KEY_RSA_MAX);

	(void)state;
	put(key, 0, 0600);
	assert_null(refusal(NULL));
	EVP_PKEY_free(key);
	key = rsa_of(PRIVATE_KEY_RSA_MAX + 1);
	put(key, 0, 0600);
	assert_refused("of a kind that is not used here (RSA, 8193 bits)",
	    NULL);
	EVP_PKEY_free(key);
}

static void
kinds_that_tls_has_no_use_for_are_refused(void **state)
{
	static const struct {
		const char *kind, *curve;
		bool taken;
	} kinds[] = {
		{ "EC", "P-256", true },
		{ "EC", "P-384", true },
		{ "EC", "P-521", true },
		{ "EC", "secp256k1", false },
		{ "EC", "P-224", false },
		{ "ED25519", NULL, true },
		{ "X25519", NULL, false },
		{ "ED448", NULL, false },
	};
	EVP_PKEY *key;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(kinds); i++) {
		key = kinds[i].curve != NULL
		    ? EVP_EC_gen(kinds[i].curve)
		    : EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].kind);
		assert_non_null(key);
		put(key, 0, 0600);
		if (kinds[i].taken)
			assert_null(refusal(key));
		else
			assert_refused("of a kind that is not used", key);
		EVP_PKEY_free(key);
	}
}

static void
what_is_no_key_file_is_refused_at_once(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	FILE *f;

	(void)state;
	(void)unlink(path);
	assert_refused("No such file", NULL);
	assert_int_equal(0, mkfifo(path, 0600));
	assert_refused("is not a file", NULL);
	(void)unlink(path);
	assert_int_equal(0, close(open(path, O_WRONLY | O_CREAT, 0600)));
	assert_refused("must be a PEM file", NULL);
	f = fopen(path, "w");
	assert_int_equal(1,
	    PEM_write_PKCS8PrivateKey(f, key, EVP_aes_128_cbc(), "x", 1, NULL,
		NULL));
	fclose(f);
	assert_refused("is encrypted", NULL);
	EVP_PKEY_free(key);
}

static void
every_beginning_of_a_file_is_refused(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct stat st;
	off_t n;

	(void)state;
	put(key, 0, 0600);
	assert_int_equal(0, stat(path, &st));
	/* Without its last line's end it is still whole. */
	for (n = st.st_size - 2; n >= 0; n--) {
		assert_int_equal(0, truncate(path, n));
		assert_refused("must be a PEM file", key);
	}
	EVP_PKEY_free(key);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/a.key", folder);
	capsule.key = view_of(path);
	capsule.certificate = VIEW("a.crt");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_its_owners_alone),
		cmocka_unit_test(a_key_belongs_to_its_certificate),
		cmocka_unit_test(a_file_has_its_limit),
		cmocka_unit_test(rsa_has_its_limit),
		cmocka_unit_test(kinds_that_tls_has_no_use_for_are_refused),
		cmocka_unit_test(what_is_no_key_file_is_refused_at_once),
		cmocka_unit_test(every_beginning_of_a_file_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
