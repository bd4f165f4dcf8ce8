/* test_certificate_warnings.c - what is said of certificates, and from which
 * second on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "net/certificate.h"
#include "process/certificate_warnings.h"

#define END   4102444799L /* when one that was made is over: contract */
#define DAY_S (24L * 60 * 60)

static char folder[] = "/tmp/capsuled-advice-XXXXXX";
static char crt[64], key[64];

static struct view hosts[] = { VIEW_INIT("capsule.example.org"),
	VIEW_INIT("www.example.org") };
static struct conf_capsule capsule = { .tag = "",
	.hostname = { hosts, 1 },
	.certificate_line = 7 };
static struct conf conf = { .path = "x.ini",
	.capsules = &capsule,
	.n_capsules = 1 };

static int
setup(void **state)
{
	struct problems *ps = problems_new();

	(void)state;
	snprintf(crt, sizeof(crt), "%s/a.crt", folder);
	snprintf(key, sizeof(key), "%s/a.key", folder);
	(void)unlink(crt);
	(void)unlink(key);
	capsule.certificate = view_of(crt);
	capsule.key = view_of(key);
	capsule.hostname.n = 1;
	assert_int_equal(1, certificate_ensure(&conf, &capsule, false, ps));
	problems_free(ps);
	return 0;
}

/* At that second exactly this is said; NULL: nothing. */
static void
says(int64_t now, const char *want)
{
	struct problems *notes = problems_new();
	char whole[256];

	certificate_warnings_collect(&conf, now, notes);
	assert_int_equal(problems_count(notes), want != NULL);
	if (want != NULL) {
		snprintf(whole, sizeof(whole),
		    "x.ini:7: [capsule] certificate: %s %s", crt, want);
		assert_string_equal(problems_get(notes, 0), whole);
	}
	problems_free(notes);
}

static void
the_end_of_a_certificate_is_told_thirty_days_before(void **state)
{
	(void)state;
	says(END - ADVICE_EXPIRY_S - 1, NULL);
	says(END - ADVICE_EXPIRY_S,
	    "expires in 30 days; renew it with the same key");
	says(END - DAY_S, "expires in 1 day; renew it with the same key");
	says(END, "expires in 0 days; renew it with the same key");
	says(END + 1, "has expired: every client refuses it");
	says(DAY_S, "is not valid yet: clients refuse it");
}

static void
a_name_that_is_missing_is_told(void **state)
{
	(void)state;
	capsule.hostname.n = 2;
	says(END - 2 * ADVICE_EXPIRY_S,
	    "does not name www.example.org: strict clients refuse it");
}

static void
what_cannot_be_read_is_passed_over(void **state)
{
	(void)state;
	(void)unlink(crt);
	says(END, NULL);
}

static void
a_key_that_clients_refuse_is_told(void **state)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *x = X509_new();
	FILE *f = fopen(crt, "w");

	(void)state;
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 400 * DAY_S);
	X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName,
	    MBSTRING_UTF8, (const unsigned char *)"capsule.example.org", -1, -1,
	    0);
	assert_int_equal(1, X509_set_pubkey(x, pkey));
	assert_true(X509_sign(x, pkey, NULL) > 0);
	assert_int_equal(1, PEM_write_X509(f, x));
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(pkey);
	says(time(NULL) + DAY_S,
	    "has a key of Ed25519, which many clients cannot check; P-256 "
	    "suits all");
}

static int
finish(void **state)
{
	(void)state;
	(void)unlink(crt);
	(void)unlink(key);
	return rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_end_of_a_certificate_is_told_thirty_days_before),
		TEST(a_name_that_is_missing_is_told),
		TEST(what_cannot_be_read_is_passed_over),
		TEST(a_key_that_clients_refuse_is_told),
	};

	if (mkdtemp(folder) == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, finish);
}
