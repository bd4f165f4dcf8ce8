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

#include "base/mem.h"
#include "net/certificate.h"

/* Bytes of a certificate for this one name; each visit pays for them. */
#define DER_MAX 304

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
	struct problems *ps = problems_new();
	size_t n = 0;
	int c;
	FILE *f;

	(void)state;
	one.hostname.n = 1;
	assert_int_equal(1, certificate_ensure(&conf, &one, false, ps));
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
	struct problems *ps = problems_new();
	struct certificate first, second;

	(void)state;
	assert_int_equal(1, certificate_ensure(&conf, &capsule, false, ps));
	assert_int_equal(0, certificate_read(crt, &first));
	one.hostname.n = 1;
	one.certificate = view_of(crt);
	one.key = view_of(key);
	assert_int_equal(0, certificate_renew(&conf, &one, ps));
	assert_int_equal(0, certificate_read(crt, &second));
	assert_string_not_equal(first.sha256, second.sha256);
	assert_string_equal(first.key_sha256, second.key_sha256);
	expect_names("capsule.example.org");
	assert_int_equal(0, problems_count(ps));
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
		cmocka_unit_test_setup(nothing_is_renewed_that_is_not_there,
		    setup),
		cmocka_unit_test_setup(a_folder_that_is_not_there_is_named,
		    setup),
	};

	if (mkdtemp(folder) == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, finish);
}
