/* test_session_outline.c - what OpenSSL gets to see of a stored session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "net/session_outline.h"
#include "net/sessions.h"

#define GROUP_LEN 5    /* bytes of the last field */
#define SPARE     1024 /* bytes; room for what does not fit into the table */

static const unsigned char id[SESSIONS_ID_LEN] =
    "0123456789abcdef0123456789abcde";

/* A session as OpenSSL would make one; its DER in der. */
static size_t
write_session(int version, const char *host, size_t secret_len,
    unsigned char *der)
{
	static const unsigned char secret[64] = "secret", suite[] = { 0x13, 1 },
				   suite12[] = { 0xc0, 0x2b };
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl = SSL_new(ctx);
	SSL_SESSION *s = SSL_SESSION_new();
	int n;

	SSL_SESSION_set_protocol_version(s, version);
	SSL_SESSION_set_cipher(s,
	    SSL_CIPHER_find(ssl, version == TLS1_3_VERSION ? suite : suite12));
	SSL_SESSION_set1_id(s, id, sizeof(id));
	SSL_SESSION_set1_id_context(s, (const unsigned char *)"capsuled", 8);
	SSL_SESSION_set1_master_key(s, secret, secret_len);
	SSL_SESSION_set_timeout(s, 12 * 60 * 60);
	if (host != NULL)
		SSL_SESSION_set1_hostname(s, host);
	n = i2d_SSL_SESSION(s, NULL);
	assert_true(n > 0 && n <= SPARE);
	n = i2d_SSL_SESSION(s, &der);
	SSL_SESSION_free(s);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return (size_t)n;
}

static bool
is_ours(const unsigned char *der, size_t len)
{
	return session_outline_is_ours((struct view){ (const char *)der, len },
	    id);
}

static void
sessions_of_both_versions_are_ours(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	unsigned char der[SPARE];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_true(is_ours(der,
		    write_session(versions[i], "capsule.example.org", 48,
			der)));
		assert_true(
		    is_ours(der, write_session(versions[i], NULL, 32, der)));
	}
}

static void
a_session_of_another_id_is_not(void **state)
{
	static const unsigned char other[SESSIONS_ID_LEN] = "another";
	unsigned char der[SPARE];
	size_t n = write_session(TLS1_3_VERSION, NULL, 32, der);

	(void)state;
	assert_false(
	    session_outline_is_ours((struct view){ (char *)der, n }, other));
}

static void
no_prefix_and_nothing_behind_is_ours(void **state)
{
	unsigned char der[SPARE];
	size_t n = write_session(TLS1_2_VERSION, "example.org", 48, der), i;

	(void)state;
	for (i = 0; i < n; i++)
		assert_false(is_ours(der, i));
	der[n] = 0;
	assert_false(is_ours(der, n + 1));
}

/* An older version would make the secret's meaning another one. */
static void
an_older_version_is_not(void **state)
{
	unsigned char der[SPARE];
	size_t n = write_session(TLS1_2_VERSION, NULL, 48, der), i;

	(void)state;
	for (i = 0; i + 1 < n && !(der[i] == 3 && der[i + 1] == 3); i++)
		;
	der[i + 1] = 2;
	assert_false(is_ours(der, n));
	der[i + 1] = 5;
	assert_false(is_ours(der, n));
	der[i + 1] = 4;
	assert_true(is_ours(der, n));
}

/* A field [n] in place of the last one, the group [19]. */
static size_t
add_field(unsigned n, const unsigned char *value, size_t len,
    unsigned char *der)
{
	size_t size =
	    write_session(TLS1_3_VERSION, "capsule.example.org", 48, der);

	assert_true(der[0] == 0x30 && der[1] == 0x81);
	assert_int_equal(0xa0 + 19, der[size - GROUP_LEN]);
	size -= GROUP_LEN;
	der[2] -= GROUP_LEN;
	der[size] = (unsigned char)(0xa0 + n);
	der[size + 1] = (unsigned char)len;
	memcpy(der + size + 2, value, len);
	der[2] = (unsigned char)(der[2] + len + 2);
	return size + 2 + len;
}

static void
fields_are_numbers_or_strings_that_we_store(void **state)
{
	static const struct {
		unsigned n;
		unsigned char value[16];
		size_t len;
		bool ours;
	} rows[] = {
		{ 19, { 2, 1, 29 }, 3, true },      /* the group */
		{ 18, { 4, 0 }, 2, true },          /* no data */
		{ 19, { 2, 9, 1, 2 }, 11, true },   /* the longest number */
		{ 19, { 2, 10, 1, 2 }, 12, false }, /* and one byte more */
		{ 19, { 2, 0 }, 2, false },         /* no number */
		{ 19, { 4, 1, 29 }, 3, false },     /* a string */
		{ 18, { 2, 1, 29 }, 3, false },     /* a number */
		{ 19, { 2, 1, 29, 0 }, 4, false },  /* something behind it */
		{ 19, { 2, 2, 29 }, 3, false },     /* something is missing */
		{ 19, { 0x22, 3, 2, 1, 1 }, 5, false }, /* parts of parts */
		{ 19, { 2, 0x80, 0, 0 }, 4, false },    /* without a length */
		{ 19, { 2, 0x81, 1, 1 }, 4, false },    /* a length too long */
		{ 20, { 4, 1, 1 }, 3, false },          /* a client's raw key */
		{ 12, { 4, 1, 1 }, 3, false },          /* a name for SRP */
		{ 3, { 0x30, 0 }, 2, false },           /* a certificate */
		{ 1, { 2, 1, 1 }, 3, false },           /* not in order */
	};
	unsigned char der[SPARE];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = add_field(rows[i].n, rows[i].value, rows[i].len, der);
		if (is_ours(der, n) != rows[i].ours)
			fail_msg("row %zu", i);
	}
}

static void
the_longest_secret_is_ours_and_one_byte_more_is_not(void **state)
{
	unsigned char der[SPARE], *at;
	size_t n = write_session(TLS1_3_VERSION, "capsule.example.org",
	    SESSION_SECRET_MAX, der);

	(void)state;
	assert_int_equal(0x81, der[1]);
	assert_true(is_ours(der, n));
	at = memchr(der + 1, SESSION_SECRET_MAX, n - 1); /* not 0x30 itself */
	while (at[-1] != 4 || memcmp(at + 1, "secret", 6) != 0)
		at = memchr(at + 1, SESSION_SECRET_MAX,
		    n - (size_t)(at + 1 - der));
	memmove(at + 2, at + 1, n - (size_t)(at + 1 - der));
	at[0]++;
	der[2]++;
	assert_false(is_ours(der, n + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_of_both_versions_are_ours),
		cmocka_unit_test(a_session_of_another_id_is_not),
		cmocka_unit_test(no_prefix_and_nothing_behind_is_ours),
		cmocka_unit_test(an_older_version_is_not),
		cmocka_unit_test(fields_are_numbers_or_strings_that_we_store),
		cmocka_unit_test(
		    the_longest_secret_is_ours_and_one_byte_more_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
