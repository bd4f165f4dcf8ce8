/* test_certificate.c - what is made at first start, and when it is not. */
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "net/certificate.h"

/* Bytes of a certificate for this one name; each visit pays for them. */
#define DER_MAX 324

static char folder[] = "/tmp/capsuled-certificate-XXXXXX";
static char crt[64], key[64];

static struct view hosts[] = { VIEW_INIT("capsule.example.org"),
	VIEW_INIT("192.0.2.1"), VIEW_INIT("[2001:db8::1]") };
static struct conf_capsule capsule = { .tag = "",
	.hostname = { hosts, 3 },
	.certificate_line = 7,
	.key_line = 8 };
static struct conf conf = { .path = "x.ini",
	.capsules = &capsule,
	.n_capsules = 1 };

static int
setup(void **state)
{
	(void)state;
	snprintf(crt, sizeof(crt), "%s/a.crt", folder);
	snprintf(key, sizeof(key), "%s/a.key", folder);
	(void)unlink(crt);
	(void)unlink(key);
	capsule.certificate = view_of(crt);
	capsule.key = view_of(key);
	return 0;
}

static void
both_are_made_once_and_then_kept(void **state)
{
	struct problems *ps = problems_new();
	struct certificate first, second;
	struct stat st;

	(void)state;
	assert_int_equal(1, certificate_ensure(&conf, &capsule, false, ps));
	assert_int_equal(0, certificate_read(crt, &first));
	assert_int_equal(0, certificate_ensure(&conf, &capsule, false, ps));
	assert_int_equal(0, certificate_read(crt, &second));
	assert_string_equal(first.sha256, second.sha256);
	assert_int_equal(95, strlen(first.sha256));
	assert_string_not_equal(first.sha256, first.key_sha256);
	/* 31 December 2099, 23:59:59 */
	assert_int_equal(4102444799, first.not_after);
	assert_int_equal(0, stat(key, &st));
	assert_int_equal(0600, st.st_mode & 0777);
	assert_int_equal(0, problems_count(ps));
	problems_free(ps);
}

static void
every_host_name_is_in_it(void **state)
{
	struct problems *ps = problems_new();

	(void)state;
	assert_int_equal(1, certificate_ensure(&conf, &capsule, false, ps));
	assert_true(certificate_names(crt, "capsule.example.org"));
	assert_true(certificate_names(crt, "192.0.2.1"));
	assert_true(certificate_names(crt, "[2001:db8::1]"));
	assert_false(certificate_names(crt, "example.org"));
	assert_false(certificate_names(crt, "192.0.2.2"));
	problems_free(ps);
}

static void
it_is_small(void **state)
{
	struct conf_capsule one = capsule;
	struct conf of_one = { .capsules = &one, .n_capsules = 1 };
	struct problems *ps = problems_new();
	size_t n = 0;
	int c;
	FILE *f;

	(void)state;
	one.hostname.n = 1;
	assert_int_equal(1, certificate_ensure(&of_one, &one, false, ps));
	f = fopen(crt, "r");
	assert_non_null(f);
	/* PEM: a line of dashes, base 64, a line of dashes. */
	while ((c = getc(f)) != '\n')
		;
	while ((c = getc(f)) != EOF && c != '-')
		n += c != '\n';
	fclose(f);
	assert_in_range(n / 4 * 3, 200, DER_MAX);
	problems_free(ps);
}

static void
half_a_pair_is_an_error_with_its_line(void **state)
{
	struct problems *ps = problems_new();

	(void)state;
	fclose(fopen(crt, "w"));
	assert_int_equal(-1, certificate_ensure(&conf, &capsule, false, ps));
	assert_int_equal(1, problems_count(ps));
	assert_memory_equal("x.ini:8: [capsule] key: ", problems_get(ps, 0),
	    24);
	(void)unlink(crt);
	fclose(fopen(key, "w"));
	assert_int_equal(-1, certificate_ensure(&conf, &capsule, false, ps));
	assert_memory_equal("x.ini:7: [capsule] certificate: ",
	    problems_get(ps, 0), 32);
	problems_free(ps);
}

static void
a_dry_run_writes_nothing(void **state)
{
	struct problems *ps = problems_new();

	(void)state;
	assert_int_equal(1, certificate_ensure(&conf, &capsule, true, ps));
	assert_int_equal(-1, access(crt, F_OK));
	assert_int_equal(-1, access(key, F_OK));
	problems_free(ps);
}

static void
expect_names(const char *want)
{
	struct buf names;

	buf_init(&names, 1024);
	assert_int_equal(0, certificate_list_names(crt, &names));
	buf_putc(&names, '\0');
	assert_string_equal(want, names.p);
	buf_fini(&names);
}

static void
its_names_and_its_bytes_can_be_told(void **state)
{
	struct problems *ps = problems_new();
	struct certificate cert;
	struct buf names;

	(void)state;
	buf_init(&names, 1024);
	assert_int_equal(-1, certificate_list_names(crt, &names));
	assert_int_equal(-1, certificate_read(crt, &cert));
	assert_int_equal(1, certificate_ensure(&conf, &capsule, false, ps));
	expect_names("capsule.example.org 192.0.2.1 [2001:db8::1]");
	assert_int_equal(0, certificate_read(crt, &cert));
	assert_true(cert.is_own);
	assert_int_equal(1, cert.n);
	assert_in_range(cert.len, 200, DER_MAX + 30);
	assert_int_equal(71, cert.signature);
	problems_free(ps);
}

static void
renewing_keeps_the_key_and_takes_the_names_of_now(void **state)
{
	struct conf_capsule one = capsule;
	struct conf of_one = { .capsules = &one, .n_capsules = 1 };
	struct problems *ps = problems_new();
	struct certificate first, second;

	(void)state;
	assert_int_equal(1, certificate_ensure(&conf, &capsule, false, ps));
	assert_int_equal(0, certificate_read(crt, &first));
	one.hostname.n = 1;
	one.certificate = view_of(crt);
	one.key = view_of(key);
	assert_int_equal(0, certificate_renew(&of_one, &one, ps));
	assert_int_equal(0, certificate_read(crt, &second));
	assert_string_not_equal(first.sha256, second.sha256);
	assert_string_equal(first.key_sha256, second.key_sha256);
	expect_names("capsule.example.org");
	assert_int_equal(0, problems_count(ps));
	problems_free(ps);
}

/* How an operator may write one and the same name. */
static void
shared_by_capsules_it_has_the_names_of_all_of_them(void **state)
{
	static char slashes[80], other_crt[64];
	struct view names[] = { VIEW_INIT("b.example.org"),
		VIEW_INIT("192.0.2.9") };
	struct conf_capsule three[] = { capsule, capsule, capsule };
	struct conf of_three = { .path = "x.ini",
		.capsules = three,
		.n_capsules = 3 };
	struct problems *ps = problems_new();

	(void)state;
	snprintf(slashes, sizeof(slashes), "%s/.//a.crt", folder);
	snprintf(other_crt, sizeof(other_crt), "%s/b.crt", folder);
	three[0].hostname.n = 1;
	three[1].hostname = (struct conf_list){ names, 1 };
	three[1].certificate = view_of(other_crt);
	three[2].hostname = (struct conf_list){ names + 1, 1 };
	three[2].certificate = view_of(slashes);
	assert_true(certificate_is_shared(&three[0], &three[2]));
	assert_false(certificate_is_shared(&three[0], &three[1]));
	assert_int_equal(1,
	    certificate_ensure(&of_three, &three[2], false, ps));
	expect_names("capsule.example.org 192.0.2.9");
	/* The same once the file is there. */
	assert_true(certificate_is_shared(&three[0], &three[2]));
	assert_false(certificate_is_shared(&three[0], &three[1]));
	names[1] = VIEW("new.example.org");
	assert_int_equal(0, certificate_renew(&of_three, three, ps));
	expect_names("capsule.example.org new.example.org");
	assert_int_equal(0, problems_count(ps));
	problems_free(ps);
}

static void
read_serial(char to[64])
{
	FILE *f = fopen(crt, "r");
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	BIGNUM *n = ASN1_INTEGER_to_BN(serial, NULL);
	char *hex = BN_bn2hex(n);

	fclose(f);
	assert_false(BN_is_negative(n));
	assert_false(BN_is_zero(n));
	/* RFC 5280 4.1.2.2. */
	assert_in_range(i2d_ASN1_INTEGER(serial, NULL), 2 + 12, 2 + 20);
	snprintf(to, 64, "%s", hex);
	OPENSSL_free(hex);
	BN_free(n);
	X509_free(x);
}

#define SERIALS 64

/* With one issuer's name, NSS refuses two servers that have one number. */
static void
serial_numbers_are_positive_and_never_the_same(void **state)
{
	struct problems *ps = problems_new();
	char serials[SERIALS][64];
	size_t i, k;

	(void)state;
	assert_int_equal(1, certificate_ensure(&conf, &capsule, false, ps));
	for (i = 0; i < SERIALS; i++) {
		read_serial(serials[i]);
		for (k = 0; k < i; k++)
			assert_string_not_equal(serials[k], serials[i]);
		assert_int_equal(0, certificate_renew(&conf, &capsule, ps));
	}
	problems_free(ps);
}

#define SHORT 70 /* bytes; half of all signatures have 71, a quarter 72 */

/* Each first visit pays for it. */
static void
its_signature_is_a_short_one_that_holds(void **state)
{
	struct problems *ps = problems_new();
	const ASN1_BIT_STRING *signature;
	FILE *f;
	X509 *x;
	int i;

	(void)state;
	assert_int_equal(1, certificate_ensure(&conf, &capsule, false, ps));
	for (i = 0; i < 8; i++) {
		f = fopen(crt, "r");
		x = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
		X509_get0_signature(&signature, NULL, x);
		assert_in_range(ASN1_STRING_length(signature), 8, SHORT);
		assert_int_equal(1, X509_verify(x, X509_get0_pubkey(x)));
		X509_free(x);
		assert_int_equal(0, certificate_renew(&conf, &capsule, ps));
	}
	problems_free(ps);
}

static void
nothing_is_renewed_that_is_not_there(void **state)
{
	struct problems *ps = problems_new();

	(void)state;
	assert_int_equal(-1, certificate_renew(&conf, &capsule, ps));
	assert_int_equal(1, problems_count(ps));
	assert_memory_equal("x.ini:7: [capsule] certificate: ",
	    problems_get(ps, 0), 32);
	assert_int_equal(-1, access(crt, F_OK));
	problems_free(ps);
}

static void
a_folder_that_is_not_there_is_named(void **state)
{
	struct problems *ps = problems_new();

	(void)state;
	capsule.key = VIEW("/nonexistent/a.key");
	capsule.certificate = VIEW("/nonexistent/a.crt");
	assert_int_equal(-1, certificate_ensure(&conf, &capsule, false, ps));
	assert_non_null(strstr(problems_get(ps, 0),
	    "cannot write /nonexistent/a.key: No such file or directory"));
	problems_free(ps);
}

/* RFC 5280 4.1.2.5: two digits of a year mean 1950 to 2049. */
static void
dates_are_whole_in_64_bits(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "500101000000Z", -631152000 },
		{ "691231235959Z", -1 },
		{ "700101000000Z", 0 },
		{ "240229120000Z", 1709208000 },
		{ "380119031407Z", INT64_C(2147483647) },
		{ "380119031408Z", INT64_C(2147483648) },
		{ "491231235959Z", INT64_C(2524607999) },
		{ "20500101000000Z", INT64_C(2524608000) },
		{ "20991231235959Z", INT64_C(4102444799) },
		{ "21000301000000Z", INT64_C(4107542400) },
		{ "99991231235959Z", INT64_C(253402300799) },
	};
	ASN1_TIME *t = ASN1_TIME_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(1, ASN1_TIME_set_string(t, cases[i].text));
		if (certificate_seconds(t, 7) != cases[i].want)
			fail_msg("%s: %lld", cases[i].text,
			    (long long)certificate_seconds(t, 7));
	}
	assert_int_equal(1, ASN1_STRING_set(t, "no date", -1));
	assert_true(certificate_seconds(t, 7) == 7);
	ASN1_TIME_free(t);
}

static int
finish(void **state)
{
	(void)state;
	(void)setup(NULL);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_are_made_once_and_then_kept, setup),
		cmocka_unit_test_setup(every_host_name_is_in_it, setup),
		cmocka_unit_test_setup(it_is_small, setup),
		cmocka_unit_test_setup(half_a_pair_is_an_error_with_its_line,
		    setup),
		cmocka_unit_test_setup(a_dry_run_writes_nothing, setup),
		cmocka_unit_test_setup(its_names_and_its_bytes_can_be_told,
		    setup),
		cmocka_unit_test_setup(
		    renewing_keeps_the_key_and_takes_the_names_of_now, setup),
		cmocka_unit_test_setup(
		    shared_by_capsules_it_has_the_names_of_all_of_them, setup),
		cmocka_unit_test_setup(
		    serial_numbers_are_positive_and_never_the_same, setup),
		cmocka_unit_test_setup(its_signature_is_a_short_one_that_holds,
		    setup),
		cmocka_unit_test_setup(nothing_is_renewed_that_is_not_there,
		    setup),
		cmocka_unit_test_setup(a_folder_that_is_not_there_is_named,
		    setup),
		cmocka_unit_test(dates_are_whole_in_64_bits),
	};

	if (mkdtemp(folder) == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, finish);
}
