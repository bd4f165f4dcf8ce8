/* test_remote_key.c - keys elsewhere: what is asked for, and what is refused.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/log.h"
#include "fork_child.h"
#include "expect.h"
#include "net/remote_key.h"
#include "net/signing.h"

#define CONTEXT "TLS 1.3, server CertificateVerify"

enum { KEY_256, KEY_384, KEY_RSA, KEY_ED25519, N_KEYS };

static EVP_PKEY *keys[N_KEYS + 1]; /* the last stays NULL */
static char verify[64 + sizeof(CONTEXT) + 32];
static char exchange[64 + 4 + 32];

/* -- the other process, in all its moods -- */

enum mood { ANSWERS, HANGS, GOES, EMPTY, TOO_LONG, NO_CODE, REFUSES, LIES };

static void
be_key_process(int fd, enum mood mood)
{
	unsigned char reply[SIGNING_ANSWER_MAX + 1];
	char record[SIGNING_REQUEST_MAX + 1];
	ssize_t n;
	size_t size = 1;

	while ((n = recv(fd, record, sizeof(record), 0)) > 0) {
		memset(reply, 1, sizeof(reply));
		switch (mood) {
		case ANSWERS:
			size =
			    signing_answer((struct view){ record, (size_t)n },
				keys, N_KEYS, reply);
			break;
		case HANGS:
			continue;
		case GOES:
			_exit(0);
		case EMPTY:
			break; /* yes, but no signature */
		case TOO_LONG:
			size = sizeof(reply);
			break;
		case NO_CODE:
			reply[0] = 2;
			size = 65;
			break;
		case REFUSES:
			reply[0] = 0;
			break;
		case LIES:
			size = 65;
			break;
		}
		(void)send(fd, reply, size, MSG_NOSIGNAL);
	}
	_exit(0);
}

static int losses, delays;

static void
on_trouble(void *arg, enum remote_key_trouble t)
{
	(void)arg;
	if (t == REMOTE_KEY_LOST)
		losses++;
	else
		delays++;
}

static pid_t
meet(enum mood mood)
{
	int pair[2];
	pid_t pid;

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	pid = fork_child();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(pair[0]);
		be_key_process(pair[1], mood);
	}
	close(pair[1]);
	losses = delays = 0;
	remote_key_connect(pair[0], on_trouble, NULL);
	return pid;
}

static void
part(pid_t pid)
{
	remote_key_connect(-1, NULL, NULL);
	assert_int_equal(pid, waitpid(pid, NULL, 0));
}

/* -- signing as TLS does -- */

static EVP_PKEY *
public_half(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int len = i2d_PUBKEY(key, &der);
	EVP_PKEY *public;

	assert_true(len > 0);
	p = der;
	public = d2i_PUBKEY(NULL, &p, len);
	assert_non_null(public);
	OPENSSL_free(der);
	return public;
}

static bool
sign_or_verify(EVP_PKEY *key, const char *digest, bool pss, bool sign,
    const char *m, size_t m_len, unsigned char *sig, size_t *len)
{
	const unsigned char *message = (const unsigned char *)m;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	bool ok;

	assert_int_equal(1,
	    sign ? EVP_DigestSignInit_ex(ctx, &how, digest, NULL, NULL, key,
		       NULL)
		 : EVP_DigestVerifyInit_ex(ctx, &how, digest, NULL, NULL, key,
		       NULL));
	if (pss) {
		assert_int_equal(1,
		    EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING));
		assert_int_equal(1,
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(how,
			RSA_PSS_SALTLEN_DIGEST));
	}
	ok = sign ? EVP_DigestSign(ctx, sig, len, message, m_len) == 1
		  : EVP_DigestVerify(ctx, sig, *len, message, m_len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* With the key that has this number, in the other process. */
static bool
sign_remotely(size_t index, const char *digest, bool pss, const char *m,
    size_t m_len)
{
	unsigned char sig[SIGNING_SIGNATURE_MAX];
	EVP_PKEY *public = public_half(keys[index]);
	EVP_PKEY *remote = remote_key_new(index, public);
	size_t len = sizeof(sig);
	bool ok;

	assert_non_null(remote);
	ok = sign_or_verify(remote, digest, pss, true, m, m_len, sig, &len);
	if (ok)
		assert_true(sign_or_verify(public, digest, pss, false, m, m_len,
		    sig, &len));
	EVP_PKEY_free(remote);
	EVP_PKEY_free(public);
	return ok;
}

static const struct {
	size_t index;
	const char *digest;
	bool pss, tls13;
} schemes[] = {
	{ KEY_256, "SHA256", false, true },
	{ KEY_256, "SHA2-384", false, true },
	{ KEY_384, "SHA384", false, true },
	{ KEY_384, "SHA512", false, true },
	{ KEY_RSA, "SHA256", true, true },
	{ KEY_RSA, "SHA384", true, true },
	{ KEY_RSA, "SHA512", true, true },
	{ KEY_RSA, "SHA256", false, false },
	{ KEY_RSA, "SHA384", false, false },
	{ KEY_RSA, "SHA512", false, false },
	{ KEY_ED25519, NULL, false, true },
};

static void
what_is_signed_elsewhere_verifies_here(void **state)
{
	pid_t pid = meet(ANSWERS);
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(schemes); i++) {
		assert_int_equal(schemes[i].tls13,
		    sign_remotely(schemes[i].index, schemes[i].digest,
			schemes[i].pss, verify, sizeof(verify)));
		assert_true(sign_remotely(schemes[i].index, schemes[i].digest,
		    schemes[i].pss, exchange, sizeof(exchange)));
	}
	assert_int_equal(0, losses + delays);
	part(pid);
}

static void
a_digest_that_tls_has_no_scheme_for_is_refused_here(void **state)
{
	pid_t pid = meet(ANSWERS);

	(void)state;
	assert_false(
	    sign_remotely(KEY_256, "SHA1", false, exchange, sizeof(exchange)));
	assert_false(
	    sign_remotely(KEY_RSA, "SHA224", true, exchange, sizeof(exchange)));
	part(pid);
}

static void
a_remote_key_has_the_looks_of_its_public_half(void **state)
{
	EVP_PKEY *remote;
	size_t i;

	(void)state;
	for (i = 0; i < N_KEYS; i++) {
		remote = remote_key_new(i, keys[i]);
		assert_non_null(remote);
		assert_int_equal(1, EVP_PKEY_eq(keys[i], remote));
		assert_int_equal(EVP_PKEY_get_bits(keys[i]),
		    EVP_PKEY_get_bits(remote));
		assert_int_equal(EVP_PKEY_get_size(keys[i]),
		    EVP_PKEY_get_size(remote));
		assert_true(
		    EVP_PKEY_is_a(remote, EVP_PKEY_get0_type_name(keys[i])));
		EVP_PKEY_free(remote);
	}
	/* Keys that nobody said are remote are not. */
	assert_true(sign_or_verify(keys[KEY_256], "SHA256", false, true, "x", 1,
	    (unsigned char[256]){ 0 }, &(size_t){ 256 }));
}

static void
what_does_not_answer_well_is_left_for_good(void **state)
{
	static const enum mood moods[] = { GOES, EMPTY, TOO_LONG, NO_CODE };
	pid_t pid;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(moods); i++) {
		pid = meet(moods[i]);
		assert_false(sign_remotely(KEY_256, "SHA256", false, verify,
		    sizeof(verify)));
		assert_int_equal(1, losses);
		assert_false(sign_remotely(KEY_256, "SHA256", false, verify,
		    sizeof(verify)));
		assert_int_equal(1, losses);
		part(pid);
	}
}

static void
a_refusal_fails_one_signature_only(void **state)
{
	pid_t pid = meet(REFUSES);
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_false(sign_remotely(KEY_256, "SHA256", false, verify,
		    sizeof(verify)));
	assert_int_equal(0, losses + delays);
	part(pid);
}

static void
a_hung_key_process_is_left_after_the_deadline(void **state)
{
	pid_t pid = meet(HANGS);
	int64_t start = clock_ms(), took;

	(void)state;
	assert_false(
	    sign_remotely(KEY_256, "SHA256", false, verify, sizeof(verify)));
	took = clock_ms() - start;
	assert_in_range(took, REMOTE_KEY_DEADLINE_MS,
	    REMOTE_KEY_DEADLINE_MS * 2);
	assert_int_equal(1, losses);
	assert_int_equal(1, delays);
	start = clock_ms();
	assert_false(
	    sign_remotely(KEY_256, "SHA256", false, verify, sizeof(verify)));
	assert_in_range(clock_ms() - start, 0, REMOTE_KEY_DEADLINE_MS / 2);
	part(pid);
}

static void
another_key_process_mends_it(void **state)
{
	pid_t gone = meet(GOES), pid;

	(void)state;
	assert_false(
	    sign_remotely(KEY_256, "SHA256", false, verify, sizeof(verify)));
	pid = meet(ANSWERS);
	assert_true(
	    sign_remotely(KEY_256, "SHA256", false, verify, sizeof(verify)));
	part(pid);
	assert_int_equal(gone, waitpid(gone, NULL, 0));
}

/* What a liar signs is not looked at here: the client will. */
static void
a_wrong_signature_of_right_form_is_passed_on(void **state)
{
	unsigned char sig[SIGNING_SIGNATURE_MAX];
	EVP_PKEY *remote = remote_key_new(KEY_256, keys[KEY_256]);
	size_t len = sizeof(sig);
	pid_t pid = meet(LIES);

	(void)state;
	assert_true(sign_or_verify(remote, "SHA256", false, true, verify,
	    sizeof(verify), sig, &len));
	assert_int_equal(64, len);
	part(pid);
	EVP_PKEY_free(remote);
}

/* -- requests, as a key process sees them -- */

static size_t
request(unsigned char *to, size_t index, const char *m, size_t len)
{
	struct signing_request r = { index,
		signing_scheme_find("EC", "SHA256", false), { m, len } };

	return signing_request_write(&r, to);
}

static void
a_request_comes_back_as_it_was_written(void **state)
{
	unsigned char record[SIGNING_REQUEST_MAX];
	struct signing_request r;
	size_t n, i;

	(void)state;
	for (i = 0; i < N_OF(schemes); i++) {
		r = (struct signing_request){ 0x01020304 + i,
			signing_scheme_find(EVP_PKEY_get0_type_name(
						keys[schemes[i].index]),
			    schemes[i].digest, schemes[i].pss),
			{ exchange, sizeof(exchange) } };
		n = signing_request_write(&r, record);
		assert_int_equal(SIGNING_HEAD + sizeof(exchange), n);
		assert_int_equal(SIGNING_OK,
		    signing_request_parse((struct view){ (char *)record, n },
			&r));
		assert_int_equal(0x01020304 + i, r.index);
		assert_int_equal(schemes[i].tls13, r.scheme->tls13);
		assert_int_equal(sizeof(exchange), r.message.len);
	}
}

static void
no_prefix_of_a_request_is_one(void **state)
{
	unsigned char record[SIGNING_REQUEST_MAX];
	struct signing_request r;
	const char *messages[] = { verify, exchange };
	size_t sizes[] = { sizeof(verify), sizeof(exchange) };
	size_t n, i, k;

	(void)state;
	for (k = 0; k < 2; k++) {
		n = request(record, 0, messages[k], sizes[k]);
		for (i = 0; i < n; i++)
			assert_int_equal(SIGNING_BAD,
			    signing_request_parse((struct view){ (char *)record,
						      i },
				&r));
	}
}

static void
a_message_has_its_limit(void **state)
{
	unsigned char record[SIGNING_REQUEST_MAX + 1] = { 0 };
	char m[SIGNING_MESSAGE_MAX + 1] = { 0 };
	struct signing_request r;

	(void)state;
	assert_int_equal(SIGNING_REQUEST_MAX,
	    request(record, 0, m, SIGNING_MESSAGE_MAX));
	assert_int_equal(0, request(record, 0, m, SIGNING_MESSAGE_MAX + 1));
	assert_int_equal(SIGNING_BAD,
	    signing_request_parse((struct view){ (char *)record,
				      sizeof(record) },
		&r));
}

static void
only_what_a_tls_server_signs_is_signed(void **state)
{
	static const struct {
		bool exchange;
		size_t at;
		char byte;
	} changes[] = {
		{ false, 0, 'x' },  /* blanks */
		{ false, 63, 'x' }, /* the last of them */
		{ false, 73, 'c' }, /* "TLS 1.3, client" */
		{ false, 97, 'x' }, /* the NUL */
		{ true, 64, 1 },    /* explicit_prime */
		{ true, 65, 1 },    /* no such group */
		{ true, 66, 23 },   /* P-256, whose points are longer */
		{ true, 67, 31 },   /* not the length that follows */
	};
	unsigned char record[SIGNING_REQUEST_MAX];
	unsigned char reply[SIGNING_ANSWER_MAX];
	size_t i, n;

	(void)state;
	for (i = 0; i < N_OF(changes); i++) {
		n = changes[i].exchange
		    ? request(record, 0, exchange, sizeof(exchange))
		    : request(record, 0, verify, sizeof(verify));
		assert_true(signing_answer((struct view){ (char *)record, n },
				keys, N_KEYS, reply) > 1);
		record[SIGNING_HEAD + changes[i].at] =
		    (unsigned char)changes[i].byte;
		assert_int_equal(1,
		    signing_answer((struct view){ (char *)record, n }, keys,
			N_KEYS, reply));
		assert_int_equal(0, reply[0]);
	}
}

/* -- messages that are something else, too -- */

#define SHARE_AT 64

static const struct {
	unsigned char group, len, first;
} shares[] = { { 29, 32, 0 }, { 23, 65, 4 }, { 24, 97, 4 }, { 25, 133, 4 } };

/* A ServerKeyExchange around these first bytes; its length. */
static size_t
write_exchange(char *m, size_t share, const char *begin, size_t n)
{
	memset(m, 0, SIGNING_MESSAGE_MAX);
	memcpy(m, begin, n);
	m[SHARE_AT] = 3;
	m[SHARE_AT + 2] = (char)shares[share].group;
	m[SHARE_AT + 3] = (char)shares[share].len;
	m[SHARE_AT + 4] = (char)shares[share].first;
	return SHARE_AT + 4 + shares[share].len;
}

static bool
is_signed(const char *m, size_t len)
{
	unsigned char record[SIGNING_REQUEST_MAX];
	unsigned char reply[SIGNING_ANSWER_MAX];
	size_t n = request(record, 0, m, len);

	return signing_answer((struct view){ (char *)record, n }, keys, N_KEYS,
		   reply) > 1;
}

/*
 * One value that holds another, which reaches over the share to the end: so
 * would a certificate.  A length of one byte more or less, and it is none.
 */
static void
what_is_one_value_of_asn1_is_not_signed(void **state)
{
	char m[SIGNING_MESSAGE_MAX];
	size_t i, n;
	int tag, off;

	(void)state;
	for (i = 0; i < N_OF(shares); i++) {
		n = write_exchange(m, i, "", 0);
		assert_true(is_signed(m, n));
		for (tag = 0x30; tag <= 0x31; tag++)
			for (off = -1; off <= 1; off++) {
				m[0] = (char)tag;
				m[1] = (char)0x81;
				m[2] = (char)(n - 3 + (size_t)off);
				m[3] = 4; /* a string */
				m[4] = (char)0x81;
				m[5] = (char)(n - 6);
				assert_int_equal(off != 0, is_signed(m, n));
			}
	}
}

static void
no_spelling_of_a_length_hides_a_value(void **state)
{
	/* X25519: a hundred bytes, the last of them zeros.  The last length
	 * of each is of a string that reaches to the end. */
	static const struct {
		const char *begin;
		size_t n;
		bool good;
	} heads[] = {
		{ "\x30\x62\x04\x60", 4, false },
		{ "\x30\x82\0\x60\x04\x5e", 6, false },
		{ "\x30\x84\0\0\0\x5e\x04\x5c", 8, false },
		{ "\x30\x80\x04\x60", 4, false },
		{ "\x30\x62\x3f\x81\1\x5e", 6, false }, /* a long tag */
		{ "\x30\x62\x30\x80", 4, false },       /* no length */
		{ "\x31\x62\x02\0\x04\x5e", 6, false }, /* two values */
		{ "\x32\x62\x04\x60", 4, true },        /* no such thing */
		{ "\x30\x62\x04\x61", 4, true },        /* beyond its end */
		{ "\x30\x62\x04\x5f", 4, true },        /* a byte is left */
		{ "\x30\x63\x04\x61", 4, true },        /* longer than all */
		{ "\x30\x85\1\0\0\0\x5d", 7, true },    /* far longer */
	};
	char m[SIGNING_MESSAGE_MAX];
	size_t i, n;

	(void)state;
	for (i = 0; i < N_OF(heads); i++) {
		n = write_exchange(m, 0, heads[i].begin, heads[i].n);
		if (is_signed(m, n) != heads[i].good)
			fail_msg("%zu", i);
	}
	/* What has no length ends with two zeros. */
	n = write_exchange(m, 0, "\x30\x80\x04\x60", 4);
	m[n - 1] = 1;
	assert_true(is_signed(m, n));
}

static void
a_point_that_is_compressed_is_not_signed(void **state)
{
	char m[SIGNING_MESSAGE_MAX];
	size_t n = write_exchange(m, 1, "r", 1);

	(void)state;
	assert_true(is_signed(m, n));
	m[SHARE_AT + 4] = 2;
	assert_false(is_signed(m, n));
}

/* Last of all: it cannot be taken back. */
static void
without_tls_12_nothing_of_it_is_signed(void **state)
{
	(void)state;
	assert_true(is_signed(exchange, sizeof(exchange)));
	signing_forbid_tls12();
	assert_false(is_signed(exchange, sizeof(exchange)));
	assert_true(is_signed(verify, sizeof(verify)));
}

static void
a_key_that_is_not_there_or_of_another_kind_signs_nothing(void **state)
{
	static const size_t bad[] = { KEY_RSA, KEY_ED25519, N_KEYS, N_KEYS + 1,
		UINT32_MAX };
	unsigned char record[SIGNING_REQUEST_MAX];
	unsigned char reply[SIGNING_ANSWER_MAX];
	size_t i, n;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		n = request(record, bad[i], verify, sizeof(verify));
		assert_int_equal(1,
		    signing_answer((struct view){ (char *)record, n }, keys,
			N_KEYS + 1, reply));
	}
	n = request(record, KEY_384, verify, sizeof(verify));
	assert_true(signing_answer((struct view){ (char *)record, n }, keys,
			KEY_384 + 1, reply) > 1);
	assert_int_equal(1,
	    signing_answer((struct view){ (char *)record, n }, keys, KEY_384,
		reply));
	record[4] = record[5] = 0xff; /* no such scheme */
	assert_int_equal(1,
	    signing_answer((struct view){ (char *)record, n }, keys, N_KEYS,
		reply));
}

static int
setup(void **state)
{
	(void)state;
	if (remote_key_init() == -1)
		return -1;
	log_to((struct log_sink){ LOG_TO_NONE, -1 },
	    (struct log_sink){ LOG_TO_NONE, -1 });
	keys[KEY_256] = EVP_EC_gen("P-256");
	keys[KEY_384] = EVP_EC_gen("P-384");
	keys[KEY_RSA] = EVP_RSA_gen(2048);
	keys[KEY_ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	memset(verify, ' ', 64);
	memcpy(verify + 64, CONTEXT, sizeof(CONTEXT));
	memset(exchange, 'r', sizeof(exchange));
	memcpy(exchange + 64, "\3\0\35\40", 4);
	return 0;
}

static int
teardown(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_KEYS; i++)
		EVP_PKEY_free(keys[i]);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_signed_elsewhere_verifies_here),
		cmocka_unit_test(
		    a_digest_that_tls_has_no_scheme_for_is_refused_here),
		cmocka_unit_test(a_remote_key_has_the_looks_of_its_public_half),
		cmocka_unit_test(what_does_not_answer_well_is_left_for_good),
		cmocka_unit_test(a_refusal_fails_one_signature_only),
		cmocka_unit_test(a_hung_key_process_is_left_after_the_deadline),
		cmocka_unit_test(another_key_process_mends_it),
		cmocka_unit_test(a_wrong_signature_of_right_form_is_passed_on),
		cmocka_unit_test(a_request_comes_back_as_it_was_written),
		cmocka_unit_test(no_prefix_of_a_request_is_one),
		cmocka_unit_test(a_message_has_its_limit),
		cmocka_unit_test(only_what_a_tls_server_signs_is_signed),
		cmocka_unit_test(
		    a_key_that_is_not_there_or_of_another_kind_signs_nothing),
		cmocka_unit_test(what_is_one_value_of_asn1_is_not_signed),
		cmocka_unit_test(no_spelling_of_a_length_hides_a_value),
		cmocka_unit_test(a_point_that_is_compressed_is_not_signed),
		cmocka_unit_test(without_tls_12_nothing_of_it_is_signed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
